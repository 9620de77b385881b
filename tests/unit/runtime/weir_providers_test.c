/* weir_providers_test.c - providers changed through the library: in force at once, kept for the next opening, whole or
 * not at all, from any thread. */
#include "runtime/weir_internal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"

static char folder[64];

static struct weir *open_one(struct weir_error *error) {
    char text[512];
    snprintf(
        text, sizeof text,
        "state_dir: %s/state\nworkers: 1\nproviders:\n"
        "  a: {type: openai, api_key: key-of-a, base_url: \"http://127.0.0.1:9/v1\", models: [m]}\n"
        "  b: {type: openai, api_key: key-of-b, base_url: \"http://127.0.0.1:9/v1\", models: [m], priority: 200}\n",
        folder);
    struct weir_options options = {.size = sizeof options, .config_text = text};
    return weir_open(&options, error);
}

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    return mkdtemp(folder) ? 0 : 1;
}

static int end(void **state) {
    (void)state;
    static const char *const files[] = {"state/runtime.yaml", "state/runtime.yaml.lock", "state/runtime.yaml.tmp",
                                        "state", ""};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        if (unlink(path) != 0) rmdir(path);
    }
    return 0;
}

static bool shows(struct weir *weir, const char *part) {
    char *text = weir_providers(weir);
    bool found = text && strstr(text, part);
    weir_free(text);
    return found;
}

static bool chosen(struct weir *weir, const char *model, const char *target) {
    char *text = weir_route(weir, model, NULL), wanted[128];
    snprintf(wanted, sizeof wanted, "\"chosen\":\"%s\"", target);
    bool found = text && strstr(text, wanted);
    weir_free(text);
    return found;
}

static void a_provider_can_be_asked_now_whether_it_is_well(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = open_one(&error);
    assert_non_null(weir);
    assert_int_equal(weir_provider_add(weir, "gone",
                                       "{\"type\":\"openai\",\"api_key\":\"key-of-gone\",\"models\":[\"m\"],"
                                       "\"base_url\":\"http://127.0.0.1:1/v1\"}",
                                       &error),
                     0);
    char *told = weir_provider_probe(weir, "gone", &error);
    assert_non_null(told);
    assert_non_null(strstr(told, "\"provider\":\"gone\",\"good\":false"));
    assert_non_null(strstr(told, "\"said\":\""));
    weir_free(told);
    assert_null(weir_provider_probe(weir, "nobody", &error));
    assert_string_equal(error.code, "unknown_provider");
    weir_close(weir, 0);
}

static void changes_are_in_force_at_once_and_at_the_next_opening(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = open_one(&error);
    assert_non_null(weir);
    assert_true(chosen(weir, "m", "a/m"));
    assert_int_equal(
        weir_provider_add(
            weir, "c", "{\"type\":\"groq\",\"api_key\":\"key-of-c\",\"models\":[\"m\",\"x\"],\"priority\":1}", &error),
        0);
    assert_true(chosen(weir, "m", "c/m") && chosen(weir, "x", "c/x"));
    assert_int_equal(weir_provider_update(weir, "c", "{\"priority\":150}", &error), 0);
    assert_true(chosen(weir, "m", "a/m"));
    assert_int_equal(weir_provider_drain(weir, "b", &error), 0);
    assert_int_equal(weir_provider_remove(weir, "a", &error), 0);
    assert_true(chosen(weir, "m", "c/m"));
    assert_true(shows(weir, "\"draining\"") && shows(weir, "\"removed\""));
    assert_false(shows(weir, "key-of"));
    weir_close(weir, 0);
    weir = open_one(&error);
    assert_non_null(weir);
    assert_true(chosen(weir, "m", "c/m") && shows(weir, "\"draining\""));
    assert_int_equal(weir_reload(weir, &error), 0);
    assert_true(chosen(weir, "m", "c/m") && shows(weir, "\"draining\""));
    assert_int_equal(weir_provider_reset(weir, "a", &error), 0);
    assert_int_equal(weir_provider_reset(weir, "c", &error), 0);
    assert_int_equal(weir_provider_resume(weir, "b", &error), 0);
    assert_int_equal(weir_provider_drain(weir, "a", &error), 0);
    assert_true(chosen(weir, "m", "b/m"));
    assert_int_equal(weir_provider_resume(weir, "a", &error), 0);
    assert_int_equal(weir_provider_maintenance(weir, "b", &error), 0);
    assert_int_equal(weir_provider_reset(weir, "b", &error), 0);
    assert_true(chosen(weir, "m", "a/m"));
    assert_false(shows(weir, "\"edited\":true"));
    weir_close(weir, 0);
}

static void what_is_refused_has_a_code_and_changes_nothing(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = open_one(&error);
    assert_non_null(weir);
    char *before = weir_providers(weir);
    assert_int_equal(weir_provider_add(weir, "a", "{}", &error), -1);
    assert_string_equal(error.code, "name_exists");
    assert_int_equal(error.status, 409);
    assert_int_equal(weir_provider_drain(weir, "z", &error), -1);
    assert_string_equal(error.code, "unknown_provider");
    assert_int_equal(weir_provider_update(weir, "a", "{\"weight\":\"heavy\"}", &error), -1);
    assert_string_equal(error.code, "invalid_request");
    assert_non_null(strstr(error.message, "`weight` must be a number"));
    assert_int_equal(weir_provider_update(weir, "a", NULL, &error), -1);
    assert_int_equal(weir_provider_add(weir, NULL, "{}", &error), -1);
    assert_int_equal(weir_provider_add(weir, "x", "{\"type\":\"simulated\"}", NULL), -1);
    char path[128];
    snprintf(path, sizeof path, "%s/state/runtime.yaml.tmp", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(weir_provider_drain(weir, "a", &error), -1);
    assert_string_equal(error.code, "storage_failed");
    rmdir(path);
    char *after = weir_providers(weir);
    assert_string_equal(before, after);
    weir_free(before);
    weir_free(after);
    weir_close(weir, 0);
}

struct hand {
    struct weir *weir;
    unsigned number;
    unsigned failed;
};

static void *edit_often(void *context) {
    struct hand *hand = context;
    char name[16], settings[128];
    for (unsigned i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "p%u-%u", hand->number, i % 3);
        snprintf(settings, sizeof settings, "{\"type\":\"openai\",\"api_key\":\"k\",\"models\":[\"m%u\"]}", i);
        hand->failed += weir_provider_add(hand->weir, name, settings, NULL) != 0;
        hand->failed += weir_provider_drain(hand->weir, name, NULL) != 0;
        hand->failed += weir_reload(hand->weir, NULL) != 0;
        if (i < 9) hand->failed += weir_provider_remove(hand->weir, name, NULL) != 0;
    }
    return NULL;
}

static void many_hands_do_not_lose_each_others_changes(void **state) {
    (void)state;
    enum { hands = 4 };
    struct weir_error error;
    struct weir *weir = open_one(&error);
    struct hand hand[hands];
    pthread_t threads[hands];
    for (unsigned i = 0; i < hands; i++) {
        hand[i] = (struct hand){.weir = weir, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, edit_often, &hand[i]), 0);
    }
    for (unsigned i = 0; i < hands; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(hand[i].failed, 0);
    }
    for (unsigned i = 0; i < hands; i++)
        for (unsigned k = 0; k < 3; k++) {
            char name[24];
            snprintf(name, sizeof name, "\"p%u-%u\"", i, k);
            assert_true(shows(weir, name));
        }
    weir_close(weir, 0);
}

static void only_so_many_configurations_live_at_once(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = open_one(&error);
    struct deployment *held[limit_deployments];
    unsigned count = 0;
    int changed = 0;
    for (; count < limit_deployments && changed == 0; count++) { /* as requests that do not end would hold them */
        held[count] = library_deployment(weir);
        changed = count % 2 ? weir_provider_resume(weir, "a", &error) : weir_provider_drain(weir, "a", &error);
    }
    assert_int_equal(changed, -1);
    assert_string_equal(error.code, "overloaded");
    assert_int_equal(weir_reload(weir, &error), -1);
    assert_string_equal(error.code, "overloaded");
    for (unsigned i = 0; i < count; i++) deployment_release(held[i]);
    for (unsigned tries = 0; tries < 100000 && weir_provider_maintenance(weir, "a", &error) != 0; tries++) {
    } /* the loop too has to let go of one */
    assert_true(shows(weir, "\"maintenance\""));
    weir_close(weir, 0);
}

struct looking {
    struct worker *worker;
    const struct deployment *seen;
    struct latch latch;
};

static void look_run(void *context) {
    struct looking *looking = context;
    looking->seen = looking->worker->deployment;
    latch_down(&looking->latch);
}

/* Whichever allocation of it fails. */
static void a_deployment_reaches_every_loop_or_none(void **state) {
    (void)state;
    enum { loops = 4, allocations = 24 };
    char text[256], problems[512];
    struct weir_error error;
    snprintf(text, sizeof text,
             "state_dir: %s/state\nworkers: %d\nproviders: {a: {type: openai, api_key: key-of-a, models: [m]}}\n",
             folder, loops);
    struct weir_options options = {.size = sizeof options, .config_text = text};
    struct weir *weir = weir_open(&options, &error);
    assert_non_null(weir);
    unsigned done_count = 0, failed_count = 0;
    for (unsigned n = 1; n <= allocations; n++) {
        struct config config;
        pthread_mutex_lock(&weir->control);
        struct config_source source = library_source(weir);
        assert_true(library_config_load(&source, &config, problems, sizeof problems));
        const struct deployment *before = weir->deployment;
        memory_fail_at(n);
        struct error why;
        bool done = library_deploy(weir, &config, deploying_edit, &why);
        memory_fail_at(0);
        assert_true(done == (weir->deployment != before));
        pthread_mutex_unlock(&weir->control);
        config_free(&config);
        done_count += done;
        failed_count += !done;
        for (unsigned i = 0; i < loops; i++) {
            struct looking looking = {.worker = &weir->workers[i]};
            latch_init(&looking.latch, 1);
            assert_true(loop_post(weir->workers[i].loop, look_run, &looking));
            latch_wait(&looking.latch);
            latch_free(&looking.latch);
            assert_ptr_equal(looking.seen, weir->deployment);
        }
    }
    assert_true(done_count > 0 && failed_count >= 2 * loops);
    weir_close(weir, 0);
}

/* What ends a loop is made with it: an end has no memory to ask for. */
static void the_letters_of_the_end_are_there_from_the_start(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = open_one(&error);
    assert_non_null(weir);
    for (unsigned i = 0; i < weir->worker_count; i++) {
        assert_non_null(weir->workers[i].drain_letter);
        assert_non_null(weir->workers[i].stop_letter);
    }
    weir_close(weir, 60000); /* a loop that was not told to drain would take all of it */
}

/* Adds `big` anew, its model of so many bytes. */
static bool takes_model_of(struct weir *weir, char *settings, size_t len, struct weir_error *error) {
    size_t at = (size_t)sprintf(settings, "{\"type\":\"openai\",\"api_key\":\"k\",\"models\":[\"");
    memset(settings + at, 'k', len);
    memcpy(settings + at + len, "\"]}", 4);
    (void)weir_provider_remove(weir, "big", NULL);
    return weir_provider_add(weir, "big", settings, error) == 0;
}

/* The file holds more than what was asked for: where each key may go stands beside it. */
static void the_largest_overlay_that_is_taken_can_be_read_again(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = open_one(&error);
    assert_non_null(weir);
    char *settings = memory_take(overlay_bytes_max + 128), path[128];
    size_t taken = overlay_bytes_max - 4096, refused = overlay_bytes_max;
    while (refused - taken > 1) {
        size_t half = taken + (refused - taken) / 2;
        *(takes_model_of(weir, settings, half, &error) ? &taken : &refused) = half;
    }
    assert_false(takes_model_of(weir, settings, refused, &error));
    assert_string_equal(error.code, "invalid_request");
    assert_non_null(strstr(error.message, "too large"));
    assert_true(takes_model_of(weir, settings, taken, &error));
    memory_give(settings);
    weir_close(weir, 0);
    struct stat facts;
    snprintf(path, sizeof path, "%s/state/runtime.yaml", folder);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_size, overlay_bytes_max - 1);
    weir = open_one(&error);
    assert_non_null(weir);
    assert_true(shows(weir, "\"big\""));
    weir_close(weir, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_deployment_reaches_every_loop_or_none, begin, end),
        cmocka_unit_test_setup_teardown(a_provider_can_be_asked_now_whether_it_is_well, begin, end),
        cmocka_unit_test_setup_teardown(changes_are_in_force_at_once_and_at_the_next_opening, begin, end),
        cmocka_unit_test_setup_teardown(what_is_refused_has_a_code_and_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(many_hands_do_not_lose_each_others_changes, begin, end),
        cmocka_unit_test_setup_teardown(the_largest_overlay_that_is_taken_can_be_read_again, begin, end),
        cmocka_unit_test_setup_teardown(only_so_many_configurations_live_at_once, begin, end),
        cmocka_unit_test_setup_teardown(the_letters_of_the_end_are_there_from_the_start, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
