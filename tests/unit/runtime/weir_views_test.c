/* weir_views_test.c - what can be asked of an open weir: of each provider what it has limits for, of all of them one
 * word, of the locks who holds them. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct weir *weir_open_with(const char *providers) {
    char text[1024];
    struct weir_error error;
    snprintf(text, sizeof text, "state_dir: \"\"\nworkers: 1\nresponses: {store: false}\nproviders:\n%s", providers);
    struct weir_options options = {.size = sizeof options, .config_text = text};
    struct weir *weir = weir_open(&options, &error);
    if (!weir) fail_msg("%s", error.message);
    return weir;
}

#define PROVIDER(name, more) "  " name ": {type: openai, api_key: k, models: [m]" more "}\n"

/* Until the next call. */
static const char *health(struct weir *weir) {
    static char json[4096];
    struct text text = text_in_buffer(json, sizeof json - 1);
    library_health_write(weir, weir->deployment->snapshot, &text);
    assert_false(text.failed);
    json[text.len] = 0;
    return json;
}

static void assert_health(const char *providers, const char *overall) {
    char wanted[64];
    struct weir *weir = weir_open_with(providers);
    snprintf(wanted, sizeof wanted, "{\"overall_health\":\"%s\",", overall);
    if (!strstr(health(weir), wanted)) fail_msg("%s: %s", providers, health(weir));
    weir_close(weir, 0);
}

static void what_a_provider_has_no_limit_for_is_not_told(void **state) {
    static const char *const limited[] = {"\"max_concurrent\":4,", "\"waiting\":0,", "\"requests_left_minute\":6",
                                          "\"requests_left_hour\":70", "\"tokens_left_minute\":800"};
    (void)state;
    struct weir *weir = weir_open_with(PROVIDER("a", ""));
    const char *said = health(weir);
    for (size_t i = 0; i < sizeof limited / sizeof *limited; i++) {
        char name[32];
        snprintf(name, sizeof name, "%.*s:", (int)strcspn(limited[i], ":"), limited[i]);
        assert_null(strstr(said, name));
    }
    assert_non_null(
        strstr(said, "\"name\":\"a\",\"health\":\"healthy\",\"score\":1.000,\"success\":1.000,\"latency_us\":0,"));
    assert_non_null(strstr(said, "\"in_flight\":0,\"keys\":1,\"keys_cooling\":0,\"keys_refused\":0,"));
    weir_close(weir, 0);
    weir = weir_open_with(PROVIDER("a", ", max_concurrent: 4, queue: {max: 2}, rate_limit_rpm: 6, rate_limit_rph: 70, "
                                        "rate_limit_tpm: 800"));
    said = health(weir);
    for (size_t i = 0; i < sizeof limited / sizeof *limited; i++)
        if (!strstr(said, limited[i])) fail_msg("%s does not stand in %s", limited[i], said);
    weir_close(weir, 0);
}

static void all_are_well_while_each_of_those_that_serve_is(void **state) {
    (void)state;
    assert_health(PROVIDER("a", "") PROVIDER("b", ""), "healthy");
    assert_health(PROVIDER("a", "") PROVIDER("b", ", state: maintenance"), "healthy");
    assert_health(PROVIDER("a", ", state: draining") PROVIDER("b", ", state: maintenance"), "unhealthy");
}

static void fail_often(const struct provider *provider) {
    struct breaker_ticket ticket;
    for (unsigned i = 0; i < 100; i++) {
        struct now now = clock_read();
        if (!breaker_admit(&provider->cells->breaker, &provider->breaker, blame_nobody, now.mono_ns, &ticket)) return;
        breaker_report(&provider->cells->breaker, &provider->breaker, now.mono_ns, ticket, false, 0);
    }
    fail_msg("it never opens");
}

static void one_that_fails_is_told_and_the_others_go_on(void **state) {
    (void)state;
    struct weir *weir = weir_open_with(PROVIDER("a", "") PROVIDER("b", ""));
    const struct snapshot *snapshot = weir->deployment->snapshot;
    fail_often(&snapshot->providers[0]);
    assert_non_null(strstr(health(weir), "\"overall_health\":\"degraded\""));
    assert_non_null(strstr(health(weir), "\"breaker\":\"open\",\"breaker_open_ms\":"));
    fail_often(&snapshot->providers[1]);
    assert_non_null(strstr(health(weir), "\"overall_health\":\"unhealthy\""));
    weir_close(weir, 0);
}

/* -- locks -- */

static const char routes[] = "routes: [{model: only, strategy: exclusive, failover_after: 5, targets: [a/m, b/m]}, "
                             "{model: all, targets: [a/m]}]\n";

static void assert_locks(struct weir *weir, const char *wanted) {
    char json[512];
    struct text text = text_in_buffer(json, sizeof json - 1);
    library_locks_write(weir->deployment->snapshot, &text);
    json[text.len] = 0;
    assert_string_equal(json, wanted);
}

static void a_lock_is_moved_by_hand_to_a_target_of_its_route(void **state) {
    char providers[512];
    struct error error = {.code = error_none};
    (void)state;
    snprintf(providers, sizeof providers, "%s%s", PROVIDER("a", "") PROVIDER("b", ""), routes);
    struct weir *weir = weir_open_with(providers);
    const struct snapshot *snapshot = weir->deployment->snapshot;
    assert_locks(weir, "{\"locks\":[{\"route\":\"only\",\"holder\":\"a/m\",\"failures\":0,\"failover_after\":5,"
                       "\"epoch\":1}]}");
    assert_true(
        library_lock_move(weir, snapshot, STR("only"), STR("a/m"), &library_who, &error)); /* who holds it already */
    assert_true(library_lock_move(weir, snapshot, STR("only"), STR("b/m"), &library_who, &error));
    assert_locks(weir, "{\"locks\":[{\"route\":\"only\",\"holder\":\"b/m\",\"failures\":0,\"failover_after\":5,"
                       "\"epoch\":2}]}");
    assert_false(library_lock_move(weir, snapshot, STR("only"), STR("c/m"), &library_who, &error));
    assert_int_equal(error.code, error_invalid_request);
    assert_false(library_lock_move(weir, snapshot, STR("all"), STR("a/m"), &library_who, &error));
    assert_int_equal(error.code, error_unknown_route);
    weir_close(weir, 0);
}

/* -- the library's face -- */

static const char client[] = "clients: [{name: one, key_hash: "
                             "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, models: [m]}]\n";

/* Frees it. */
static void assert_told(char *told, const char *words) {
    assert_non_null(told);
    if (!strstr(told, words)) fail_msg("%s does not stand in %s", words, told);
    weir_free(told);
}

static void a_host_sees_what_an_operator_sees(void **state) {
    char providers[512];
    struct weir_error error;
    (void)state;
    snprintf(providers, sizeof providers, "%s%s", PROVIDER("a", "") PROVIDER("b", ", priority: 7"), client);
    struct weir *weir = weir_open_with(providers);
    assert_told(weir_status(weir), "\"providers\":[{\"name\":\"a\",");
    assert_told(weir_status(weir), "\"totals\":{");
    assert_told(weir_models(weir), "{\"id\":\"m\",");
    assert_told(weir_metrics(weir), "# TYPE weir_requests_total counter\n");
    assert_told(weir_metrics(weir), "{provider=\"b\"");
    assert_null(weir_explain(weir, "req_unheard_of", &error));
    assert_string_equal(error.code, "unknown_request");
    assert_non_null(strstr(error.message, "No request of that id is remembered"));
    weir_close(weir, 0);
}

static void a_host_asks_where_a_request_would_go(void **state) {
    static const char body[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
                      message[] =
                          "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    char providers[512];
    struct weir_error error;
    struct weir_request request = {.size = sizeof request, .body = body, .body_len = sizeof body - 1};
    (void)state;
    snprintf(providers, sizeof providers, "%s%s", PROVIDER("a", "") PROVIDER("b", ", state: draining"), client);
    struct weir *weir = weir_open_with(providers);
    assert_told(weir_route(weir, "m", &error), "\"target\":\"a/m\"");
    assert_null(weir_route(weir, "unheard-of", &error));
    assert_string_equal(error.code, "model_not_found");
    assert_told(weir_route_request(weir, &request, NULL, &error), "\"target\":\"a/m\"");
    assert_told(weir_route_request(weir, &request, "one", &error), "\"target\":\"a/m\"");
    assert_null(weir_route_request(weir, &request, "two", &error));
    assert_string_equal(error.code, "unknown_client");
    assert_string_equal(error.message, "There is no client `two`: `weir client list` names those that there are.");
    request.path = "/v1/messages";
    request.body = message;
    request.body_len = sizeof message - 1;
    assert_told(weir_route_request(weir, &request, NULL, &error), "\"target\":\"a/m\"");
    request.path = "/v1/nowhere";
    assert_null(weir_route_request(weir, &request, NULL, &error));
    assert_string_equal(error.code, "unknown_path");
    request.path = NULL;
    request.body = NULL;
    assert_null(weir_route_request(weir, &request, NULL, &error));
    assert_string_equal(error.code, "invalid_request");
    request = (struct weir_request){.size = sizeof request - 1, .body = body, .body_len = sizeof body - 1};
    assert_null(weir_route_request(weir, &request, NULL, &error));
    assert_string_equal(error.code, "invalid_request");
    weir_close(weir, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_provider_has_no_limit_for_is_not_told),
        cmocka_unit_test(all_are_well_while_each_of_those_that_serve_is),
        cmocka_unit_test(one_that_fails_is_told_and_the_others_go_on),
        cmocka_unit_test(a_lock_is_moved_by_hand_to_a_target_of_its_route),
        cmocka_unit_test(a_host_sees_what_an_operator_sees),
        cmocka_unit_test(a_host_asks_where_a_request_would_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
