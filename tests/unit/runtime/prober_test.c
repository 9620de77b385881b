/* prober_test.c - probes: what is asked, what an answer says of the provider, what is kept of it; and the locks, which
 * survive a restart. */
#include "runtime/weir_internal.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    return mkdtemp(folder) ? 0 : 1;
}

static int end(void **state) {
    static const char *const files[] = {"locks", "responses.db", "marks", "runtime.yaml.lock", ""};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        if (unlink(path) != 0) rmdir(path);
    }
    return 0;
}

/* -- a provider that answers once -- */

struct far {
    int listener;
    uint16_t port;
    const char *says; /* NULL: nothing, and it does not hang up until it is told */
    char heard[4096];
    struct latch heard_it;
    _Atomic bool ends;
};

static void far_open(struct far *far, const char *says) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *far = (struct far){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .says = says};
    latch_init(&far->heard_it, 1);
    assert_int_equal(bind(far->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(far->listener, 4), 0);
    assert_int_equal(getsockname(far->listener, (struct sockaddr *)&address, &len), 0);
    far->port = ntohs(address.sin_port);
}

static void *far_run(void *context) {
    struct far *far = context;
    int peer = accept(far->listener, NULL, NULL);
    size_t len = 0;
    ssize_t got;
    while (len < sizeof far->heard - 1 && !strstr(far->heard, "\r\n\r\n") &&
           (got = recv(peer, far->heard + len, sizeof far->heard - 1 - len, 0)) > 0)
        far->heard[len += (size_t)got] = 0;
    latch_down(&far->heard_it);
    if (far->says) send(peer, far->says, strlen(far->says), MSG_NOSIGNAL);
    while (!far->says && !far->ends) usleep(1000);
    close(peer);
    return NULL;
}

static struct weir *weir_open_at(uint16_t port, const char *more) {
    char text[1024];
    struct weir_error error;
    snprintf(text, sizeof text,
             "state_dir: %s\nworkers: 1\nresponses: {store: false}\nhealth_check_interval: 2592000\nproviders:\n"
             "  a: {type: anthropic, api_key: key-of-a, base_url: \"http://127.0.0.1:%u/base\", models: [m]}\n"
             "  b: {type: openai, api_key: key-of-b, base_url: \"http://127.0.0.1:%u/v1\", models: [m]}\n%s",
             folder, port, port, more);
    struct weir_options options = {.size = sizeof options, .config_text = text};
    struct weir *weir = weir_open(&options, &error);
    if (!weir) fail_msg("%s", error.message);
    return weir;
}

/* -- a probe -- */

struct probing {
    struct weir *weir;
    const char *provider;
    bool begun;
    struct probe_result result;
    struct latch latch;
};

static void on_probed(void *context, const struct probe_result *result) {
    struct probing *probing = context;
    probing->result = *result;
    latch_down(&probing->latch);
}

static void probing_run(void *context) {
    struct probing *probing = context;
    probing->begun = prober_probe(&probing->weir->prober, str_from(probing->provider), STR_NONE, on_probed, probing);
    if (!probing->begun) latch_down(&probing->latch);
}

static void probe(struct probing *probing, struct weir *weir, const char *provider) {
    *probing = (struct probing){.weir = weir, .provider = provider};
    latch_init(&probing->latch, 1);
    assert_true(loop_post(weir->prober.worker->loop, probing_run, probing));
}

static const char *history(struct weir *weir, const char *provider) {
    static char json[4096];
    struct text text = text_in_buffer(json, sizeof json - 1);
    health_log_put(&weir->health, str_from(provider), &text);
    assert_false(text.failed);
    json[text.len] = 0;
    return json;
}

/* Any answer but a refused credential or a failing server shows that it lives. */
static void an_answer_says_whether_the_provider_is_well(void **state) {
    static const struct {
        int status;
        bool good;
    } rows[] = {{200, true}, {404, true}, {429, true}, {401, false}, {403, false}, {499, true}, {500, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct far far;
        struct probing probing;
        pthread_t thread;
        char says[128];
        snprintf(says, sizeof says, "HTTP/1.1 %d x\r\nContent-Length: 2\r\n\r\n{}", rows[i].status);
        far_open(&far, says);
        struct weir *weir = weir_open_at(far.port, "");
        pthread_create(&thread, NULL, far_run, &far);
        probe(&probing, weir, "b");
        latch_wait(&probing.latch);
        pthread_join(thread, NULL);
        assert_true(probing.begun);
        assert_int_equal(probing.result.status, rows[i].status);
        assert_int_equal(probing.result.good, rows[i].good);
        assert_int_equal(probing.result.said[0] == 0, rows[i].good);
        assert_non_null(strstr(far.heard, "GET /v1/models HTTP/1.1\r\n"));
        assert_non_null(strstr(far.heard, "Authorization: Bearer key-of-b\r\n"));
        const struct provider *b = map_find(&weir->deployment->snapshot->providers_by_name, STR("b"));
        assert_int_equal(probes_failed(&b->cells->probes),
                         rows[i].status >= 500); /* a refused key says nothing of it */
        assert_non_null(strstr(history(weir, "b"), rows[i].good ? "\"probe\":true" : "\"probe\":false"));
        assert_null(strstr(history(weir, "a"), "probe"));
        struct weir_error error;
        char *whole = weir_health_history(weir, "b", 0, 0, 10, &error); /* the library's way to it */
        if (!whole) fail_msg("%s", error.message);
        assert_non_null(strstr(whole, rows[i].good ? "\"probe\":true" : "\"probe\":false"));
        weir_free(whole);
        weir_close(weir, 0);
        close(far.listener);
    }
}

static void a_dialect_is_asked_in_its_own_way(void **state) {
    struct far far;
    struct probing probing;
    pthread_t thread;
    (void)state;
    far_open(&far, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct weir *weir = weir_open_at(far.port, "");
    pthread_create(&thread, NULL, far_run, &far);
    probe(&probing, weir, "a");
    latch_wait(&probing.latch);
    pthread_join(thread, NULL);
    assert_true(probing.result.good);
    assert_non_null(strstr(far.heard, "GET /base/v1/models HTTP/1.1\r\n"));
    assert_non_null(strstr(far.heard, "x-api-key: key-of-a\r\n"));
    assert_non_null(strstr(far.heard, "anthropic-version: 2023-06-01\r\n"));
    weir_close(weir, 0);
    close(far.listener);
}

static void one_that_hangs_up_is_not_well_and_nobody_else_is_probed(void **state) {
    struct far far;
    struct probing probing;
    pthread_t thread;
    (void)state;
    far_open(&far, "");
    struct weir *weir = weir_open_at(far.port, "");
    pthread_create(&thread, NULL, far_run, &far);
    probe(&probing, weir, "b");
    latch_wait(&probing.latch);
    pthread_join(thread, NULL);
    assert_true(probing.begun && !probing.result.good && probing.result.status == 0 && probing.result.said[0]);
    probe(&probing, weir, "nobody");
    latch_wait(&probing.latch);
    assert_false(probing.begun);
    weir_close(weir, 0);
    close(far.listener);
}

static void one_that_is_under_way_at_the_end_is_told_of(void **state) {
    struct far far;
    struct probing probing;
    pthread_t thread;
    (void)state;
    far_open(&far, NULL);
    struct weir *weir = weir_open_at(far.port, "");
    pthread_create(&thread, NULL, far_run, &far);
    probe(&probing, weir, "b");
    latch_wait(&far.heard_it);
    weir_close(weir, 0);
    latch_wait(&probing.latch);
    assert_true(!probing.result.good);
    assert_string_equal(probing.result.said, "weir is closing");
    far.ends = true;
    pthread_join(thread, NULL);
    close(far.listener);
}

/* -- locks -- */

static uint32_t holder_of(struct weir *weir, uint32_t *epoch) {
    const struct route *route = map_find(&weir->deployment->snapshot->exact_routes, STR("only"));
    assert_non_null(route);
    struct lock_view view = lock_view(&route->cells->lock);
    *epoch = view.epoch;
    return view.holder == route->targets[1]->id ? 1 : view.holder == route->targets[0]->id ? 0 : 2;
}

static void a_lock_that_was_moved_is_held_by_the_same_after_a_restart(void **state) {
    static const char routes[] = "routes: [{model: only, strategy: exclusive, targets: [a/m, b/m]}]\n";
    struct error error = {.code = error_none};
    uint32_t moved, again;
    (void)state;
    struct weir *weir = weir_open_at(9, routes);
    assert_true(library_lock_move(weir, weir->deployment->snapshot, STR("only"), STR("b/m"), &library_who, &error));
    assert_int_equal(holder_of(weir, &moved), 1);
    weir_close(weir, 0);
    weir = weir_open_at(9, routes);
    assert_int_equal(holder_of(weir, &again), 1);
    assert_int_equal(moved, again);
    weir_close(weir, 0);
}

/* Of an older configuration, or damaged: what is known counts. */
static void what_the_locks_file_says_of_others_is_passed_over(void **state) {
    static const char routes[] = "routes: [{model: only, strategy: exclusive, targets: [a/m, b/m]}]\n";
    char path[128];
    uint32_t epoch;
    (void)state;
    snprintf(path, sizeof path, "%s/locks", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("gone\ta/m\t7\nonly\tc/m\t8\nonly\tb/m\tx\nonly\nonly\tb/m\t9\n", file);
    fclose(file);
    struct weir *weir = weir_open_at(9, routes);
    assert_int_equal(holder_of(weir, &epoch), 1);
    assert_int_equal(epoch, 9);
    weir_close(weir, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_says_whether_the_provider_is_well, begin, end),
        cmocka_unit_test_setup_teardown(a_dialect_is_asked_in_its_own_way, begin, end),
        cmocka_unit_test_setup_teardown(one_that_hangs_up_is_not_well_and_nobody_else_is_probed, begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_under_way_at_the_end_is_told_of, begin, end),
        cmocka_unit_test_setup_teardown(a_lock_that_was_moved_is_held_by_the_same_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(what_the_locks_file_says_of_others_is_passed_over, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
