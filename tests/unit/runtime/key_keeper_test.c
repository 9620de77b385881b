/* key_keeper_test.c - an open library warns of keys that are too old, and ends what was valid for a while only. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/loop.h"

static char folder[64], text[512];

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-keeper-XXXXXX"));
    return hash_start() && mkdtemp(folder) ? 0 : -1;
}

static int end(void **state) {
    char command[160];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

/* Entries of this age in days, each with the days after which it is old. */
static void vault_of(const int64_t *ages, const uint32_t *days, size_t count, int64_t grace_s) {
    const struct vault_sources none = {.key = NULL};
    struct error error = {.code = error_none};
    struct vault *vault = vault_open(str_from(folder), &error);
    assert_true(vault && vault_unlock(vault, &none, &error));
    for (size_t i = 0; i < count; i++) {
        char id[16];
        snprintf(id, sizeof id, "one/k%u", (unsigned)(i % 100));
        const struct vault_entry entry = {.id = str_from(id),
                                          .origin =
                                              STR("http://127.0.0.1:1 proxy=environment ca_file=system insecure=false"),
                                          .secret = STR("sk-the-secret"),
                                          .rotate_after_days = days[i]};
        assert_true(vault_put(vault, &entry, library_now_s() - ages[i] * 86400, &error));
        if (grace_s) assert_true(vault_rotate(vault, entry.id, STR("sk-the-next"), grace_s, library_now_s(), &error));
    }
    assert_true(vault_save(vault, &error));
    vault_free(vault);
    snprintf(text, sizeof text,
             "state_dir: %s\nproviders: {one: {type: openai, base_url: 'http://127.0.0.1:1/v1', api_keys: "
             "[vault:one/k0%s%s], models: [m], health_check_interval: 0}}\n",
             folder, count > 1 ? ", vault:one/k1" : "", count > 2 ? ", vault:one/k2" : "");
}

struct heard {
    _Atomic unsigned old;
    _Atomic bool k0, k1, k2;
};

static void hear(void *user, const char *line, size_t len) {
    struct heard *heard = user;
    struct str said = str_make(line, len);
    if (str_find(said, STR("credential_old")) == SIZE_MAX) return;
    heard->old++;
    if (str_find(said, STR("one/k0")) != SIZE_MAX) heard->k0 = true;
    if (str_find(said, STR("one/k1")) != SIZE_MAX) heard->k1 = true;
    if (str_find(said, STR("one/k2")) != SIZE_MAX) heard->k2 = true;
}

static struct weir *opened(struct heard *heard) {
    struct weir_error error;
    struct weir_options options = {
        .size = sizeof options, .config_text = text, .workers = 1, .log = hear, .user = heard};
    struct weir *weir = weir_open(&options, &error);
    if (!weir) fail_msg("%s", error.message);
    return weir;
}

static bool passed(uint64_t begun_ns) { return clock_read().mono_ns - begun_ns > 20 * NS_PER_S; }

static void of_keys_that_are_too_old_it_is_warned_and_of_no_others(void **state) {
    static const int64_t ages[] = {91, 89, 31};
    static const uint32_t days[] = {0, 0, 30};
    struct heard heard = {.old = 0};
    uint64_t begun_ns = clock_read().mono_ns;
    (void)state;
    vault_of(ages, days, 3, 0);
    struct weir *weir = opened(&heard);
    while ((!heard.k0 || !heard.k2) && !passed(begun_ns)) usleep(1000);
    weir_close(weir, 0);
    assert_true(heard.k0 && heard.k2 && !heard.k1);
    assert_int_equal(heard.old, 2);
}

static size_t keys_in_force(struct weir *weir) {
    struct deployment *deployment = library_deployment(weir);
    size_t count = deployment->snapshot->providers[0].key_count;
    deployment_release(deployment);
    return count;
}

static void what_was_valid_for_a_while_ends_by_itself(void **state) {
    static const int64_t ages[] = {0};
    static const uint32_t days[] = {0};
    struct heard heard = {.old = 0};
    (void)state;
    vault_of(ages, days, 1, 2);
    struct weir *weir = opened(&heard);
    uint64_t begun_ns = clock_read().mono_ns;
    while (keys_in_force(weir) != 1 && !passed(begun_ns)) usleep(1000);
    assert_int_equal(keys_in_force(weir), 1);
    weir_close(weir, 0);
}

static bool first_key_is(struct weir *weir, const char *key) {
    struct deployment *deployment = library_deployment(weir);
    bool is = str_eq(deployment->snapshot->providers[0].authorization[0], str_from(key));
    deployment_release(deployment);
    return is;
}

/* On a state folder that is the process's own. */
static struct weir *opened_as_its_own(void) {
    struct weir_error error;
    struct weir_host host = weir_host_default;
    host.keeps_marks = true;
    struct weir_options options = {.size = sizeof options, .config_text = text, .workers = 1};
    struct weir *weir = library_open_in(&options, &host, &error);
    if (!weir) fail_msg("%s", error.message);
    return weir;
}

/* Where the state folder is the process's own; the one before stands by for a day. */
static void a_key_whose_time_it_is_gives_way_to_what_waits(void **state) {
    static const int64_t ages[] = {31};
    static const uint32_t days[] = {30};
    const struct vault_sources none = {.key = NULL};
    struct error why = {.code = error_none};
    (void)state;
    vault_of(ages, days, 1, 0);
    struct vault *vault = vault_open(str_from(folder), &why);
    assert_true(vault && vault_unlock(vault, &none, &why));
    assert_true(vault_next_add(vault, STR("one/k0"), STR("sk-that-waits"), library_now_s(), &why));
    assert_true(vault_save(vault, &why));
    vault_free(vault);
    struct weir *weir = opened_as_its_own();
    uint64_t begun_ns = clock_read().mono_ns;
    while (!first_key_is(weir, "Bearer sk-that-waits") && !passed(begun_ns)) usleep(1000);
    assert_true(first_key_is(weir, "Bearer sk-that-waits"));
    assert_int_equal(keys_in_force(weir), 2);
    weir_close(weir, 0);
    vault = vault_open(str_from(folder), &why);
    assert_int_equal(vault_count(vault), 1);
    assert_null(vault_next(vault, STR("one/k0")));
    vault_free(vault);
}

/* Once, while it is so old. */
static void a_key_that_is_too_old_is_an_alert(void **state) {
    static const int64_t ages[] = {91, 89};
    static const uint32_t days[] = {0, 0};
    char told[4096];
    (void)state;
    vault_of(ages, days, 2, 0);
    struct weir *weir = opened_as_its_own();
    uint64_t begun_ns = clock_read().mono_ns;
    struct text said;
    do {
        said = text_in_buffer(told, sizeof told);
        alerts_write(weir->alerts, true, &said);
    } while (str_find(text_str(&said), STR("credential_old")) == SIZE_MAX && !passed(begun_ns) && usleep(1000) == 0);
    weir_close(weir, 0);
    assert_true(str_find(text_str(&said), STR("\"subject\":\"one/k0\"")) != SIZE_MAX);
    assert_true(str_find(text_str(&said), STR("it is 91 days old, and should be at most 90")) != SIZE_MAX);
    assert_true(str_find(text_str(&said), STR("one/k1")) == SIZE_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_keys_that_are_too_old_it_is_warned_and_of_no_others, begin, end),
        cmocka_unit_test_setup_teardown(a_key_that_is_too_old_is_an_alert, begin, end),
        cmocka_unit_test_setup_teardown(a_key_whose_time_it_is_gives_way_to_what_waits, begin, end),
        cmocka_unit_test_setup_teardown(what_was_valid_for_a_while_ends_by_itself, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
