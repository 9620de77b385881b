/* provider_test.c - what weir provider makes of key=value, asks of a running gateway, and shows of its answer. */
#include "config/config_schema.h"
#include "far.h"

static void settings_are_sent_as_what_their_keys_are(void **state) {
    static const struct {
        const char *settings[4], *body;
    } rows[] = {
        {{"priority=2"}, "{\"priority\":2}"},
        {{"priority=-2"}, "{\"priority\":-2}"},
        {{"priority="}, "{\"priority\":null}"},
        {{"priority=null"}, "{\"priority\":null}"},
        {{"priority=2x"}, "{\"priority\":\"2x\"}"},
        {{"cost_per_token=1.5"}, "{\"cost_per_token\":1.5}"},
        {{"base_url=http://h/v1?a=b"}, "{\"base_url\":\"http://h/v1?a=b\"}"},
        {{"base_url=12"}, "{\"base_url\":\"12\"}"},
        {{"models=a, b,,c"}, "{\"models\":[\"a\",\"b\",\"c\"]}"},
        {{"models=[\"a\"]"}, "{\"models\":[\"a\"]}"},
        {{"pool={\"max_connections\":3}"}, "{\"pool\":{\"max_connections\":3}}"},
        {{"circuit_breaker.timeout_seconds=30"}, "{\"circuit_breaker\":{\"timeout_seconds\":30}}"},
        {{"circuit_breaker.timeout_seconds=30", "priority=1", "circuit_breaker.failure_threshold=5"},
         "{\"circuit_breaker\":{\"timeout_seconds\":30,\"failure_threshold\":5},\"priority\":1}"},
        {{"priority=1"}, "{\"priority\":1}"},
        {{"priority=9"}, "{\"priority\":9}"},
        {{"priority=10"}, "{\"priority\":10}"},
        {{"priority=-9"}, "{\"priority\":-9}"},
        {{"priority=0"}, "{\"priority\":0}"},
        {{"cost_per_token=0.5"}, "{\"cost_per_token\":0.5}"},
        {{"priority=--1"}, "{\"priority\":\"--1\"}"},
        {{"cost_per_token=1."}, "{\"cost_per_token\":\"1.\"}"},
        {{"bill=no"}, "{\"bill\":false}"},
        {{"bill=off"}, "{\"bill\":false}"},
        {{"bill=yes"}, "{\"bill\":true}"},
        {{"bill=on"}, "{\"bill\":true}"},
        {{"bill=true"}, "{\"bill\":true}"},
        {{"bill=false"}, "{\"bill\":false}"},
        {{"bill=nope"}, "{\"bill\":\"nope\"}"},
        {{"bill="}, "{\"bill\":null}"},
        {{"base_url=no"}, "{\"base_url\":\"no\"}"},
        {{"base_url=on"}, "{\"base_url\":\"on\"}"},
        {{"base_url=true"}, "{\"base_url\":\"true\"}"},
        {{"prompt_cache=off"}, "{\"prompt_cache\":\"off\"}"},
        {{"prompt_cache=1"}, "{\"prompt_cache\":\"1\"}"},
        {{"unheard=on", "of=1"}, "{\"unheard\":\"on\",\"of\":\"1\"}"},
        {{"models="}, "{\"models\":null}"},
        {{"models=,"}, "{\"models\":[]}"},
        {{"a.b.c=d.e"}, "{\"a\":{\"b.c\":\"d.e\"}}"},
        {{"a.b=1", "b=2", "a.c=", "a.d=[3]"}, "{\"a\":{\"b\":\"1\",\"c\":null,\"d\":[3]},\"b\":\"2\"}"},
        {{"unheard.of=1", "too=2"}, "{\"unheard\":{\"of\":\"1\"},\"too\":\"2\"}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *argv[16] = {"provider", "update", "p"};
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{}"};
        for (size_t s = 0; s < 4; s++) argv[3 + s] = rows[i].settings[s];
        command_run(&far, cli_provider, argv, true, &shown);
        if (shown.status != 0) fail_msg("%s: %s", rows[i].settings[0], shown.err.text);
        assert_memory_equal(far.net.heard, "PATCH /admin/v1/providers/p HTTP/1.1\r\n", 38);
        const char *body = strstr(far.net.heard, "\r\n\r\n") + 4;
        if (strcmp(body, rows[i].body) != 0) fail_msg("%s instead of %s", body, rows[i].body);
    }
}

static void each_action_asks_for_its_own(void **state) {
    static const struct {
        const char *argv[5], *asks, *shown;
    } rows[] = {
        {{"provider", "drain", "p"}, "POST /admin/v1/providers/p/drain HTTP/1.1\r\n", "p "},
        {{"provider", "resume", "p"}, "POST /admin/v1/providers/p/resume HTTP/1.1\r\n", "p "},
        {{"provider", "remove", "p"}, "DELETE /admin/v1/providers/p HTTP/1.1\r\n", "p "},
        {{"provider", "add", "p", "type=mock"}, "POST /admin/v1/providers HTTP/1.1\r\n", "p "},
        {{"provider", "list", "p-_.9Z"}, "GET /admin/v1/providers/p-_.9Z HTTP/1.1\r\n", "{\"a\":1}\n"},
        {{"provider", "list"}, "GET /admin/v1/providers HTTP/1.1\r\n", "{\"a\":1}\n"},
        {{"provider", "drain", "p", "--json"}, "POST /admin/v1/providers/p/drain HTTP/1.1\r\n", "{\"a\":1}\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{\"a\":1}"};
        command_run(&far, cli_provider, rows[i].argv, true, &shown);
        assert_int_equal(shown.status, 0);
        if (strncmp(far.net.heard, rows[i].asks, strlen(rows[i].asks)) != 0) fail_msg("%s", far.net.heard);
        if (strncmp(shown.out.text, rows[i].shown, strlen(rows[i].shown)) != 0) fail_msg("%s", shown.out.text);
        far.status = "409 No";
        far.body = "{\"error\":{\"message\":\"no\"}}";
        command_run(&far, cli_provider, rows[i].argv, true, &shown);
        assert_int_equal(shown.status, 1);
        assert_string_equal(shown.out.text, "");
        assert_string_equal(shown.err.text, "weir: 409: no\n");
    }
}

static void a_probe_says_what_came_of_it(void **state) {
    static const struct {
        const char *body, *shown;
        int status;
    } rows[] = {
        {"{\"good\":true,\"status\":200,\"took_us\":1500}", "p answers: status 200 after 1.5 ms\n", 0},
        {"{\"good\":false,\"status\":401,\"took_us\":20,\"said\":\"who?\"}",
         "p does not answer well: status 401 after 0.0 ms: who?\n", 1},
        {"{\"good\":true,\"status\":200,\"took_us\":2000,\"warnings\":[\"old\",\"slow\"]}",
         "p answers: status 200 after 2.0 ms\n", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = rows[i].body};
        command_run(&far, cli_provider, (const char *const[]){"provider", "probe", "p", NULL}, true, &shown);
        assert_int_equal(shown.status, rows[i].status);
        assert_string_equal(shown.out.text, rows[i].shown);
        assert_string_equal(shown.err.text, i == 2 ? "weir: warning: old\nweir: warning: slow\n" : "");
    }
}

/* Nobody is asked. */
static void what_is_no_order_is_bad_usage(void **state) {
    static const struct {
        const char *argv[7], *said;
    } rows[] = {
        {{"provider"}, "usage: "},
        {{"provider", "drain"}, "usage: "},
        {{"provider", "dran", "p"}, "usage: "},
        {{"provider", "drain", "p", "priority=1"}, "usage: "},
        {{"provider", "update", "p"}, "usage: "},
        {{"provider", "probe", "p", "--all"}, "usage: "},
        {{"provider", "list", "p", "q"}, "usage: "},
        {{"provider", "list", "p/q"}, "weir provider: `p/q` is no name for a provider"},
        {{"provider", "drain", "p?"}, "weir provider: `p?` is no name for a provider"},
        {{"provider", "update", "p", "priority"}, "weir provider: `priority` is not key=value"},
        {{"provider", "update", "p", "=1"}, "weir provider: `=1` is not key=value"},
        {{"provider", "update", "p", "api_key=sk"}, "weir provider: `api_key` may hold a credential"},
        {{"provider", "update", "p", "headers={}"}, "weir provider: `headers` may hold a credential"},
        {{"provider", "update", "p", "proxy=http://u:p@h"}, "weir provider: `proxy` may hold a credential"},
        {{"provider", "update", "p", "headers.authorization=x"},
         "weir provider: `headers` may hold a credential, and everyone on this machine can read arguments: write "
         "headers.authorization=-"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{}"};
        command_run(&far, cli_provider, rows[i].argv, false, &shown);
        assert_int_equal(shown.status, 2);
        if (strncmp(shown.err.text, rows[i].said, strlen(rows[i].said)) != 0)
            fail_msg("row %zu: %s", i, shown.err.text);
    }
}

static void a_name_has_64_characters_at_most(void **state) {
    (void)state;
    for (size_t len = 0; len <= 66; len += len == 0 ? 1 : len == 1 ? 62 : 1) {
        char name[80] = "";
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{}"};
        memset(name, 'n', len);
        bool good = len >= 1 && len <= 64;
        command_run(&far, cli_provider, (const char *const[]){"provider", "list", name, NULL}, good, &shown);
        assert_int_equal(shown.status, good ? 0 : 2);
    }
}

/* A number, a yes and a choice are written as they are; whatever else has a name of a credential's is not, known or
 * not.
 */
static void only_what_holds_words_may_be_a_credential(void **state) {
    static const struct {
        const char *settings;
        bool sent;
    } rows[] = {{"cost_per_token=0.001", true}, {"rate_limit_tpm=5", true}, {"api_keys=a,b", false}, {"token=1", false},
                {"auth.scheme=x", false},       {"api_key=", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{}"};
        command_run(&far, cli_provider, (const char *const[]){"provider", "update", "p", rows[i].settings, NULL},
                    rows[i].sent, &shown);
        if (shown.status != (rows[i].sent ? 0 : 2)) fail_msg("%s: %s", rows[i].settings, shown.err.text);
    }
    size_t count;
    const struct config_key *keys = config_keys_of(section_provider, &count);
    for (size_t i = 0; i < count; i++) {
        char setting[96];
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{}"};
        if (keys[i].value != value_bool && keys[i].value != value_int && keys[i].value != value_number) continue;
        snprintf(setting, sizeof setting, "%.*s=1", STR_ARG(keys[i].name));
        command_run(&far, cli_provider, (const char *const[]){"provider", "update", "p", setting, NULL}, true, &shown);
        if (shown.status != 0) fail_msg("%s: %s", setting, shown.err.text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_sent_as_what_their_keys_are),
        cmocka_unit_test(each_action_asks_for_its_own),
        cmocka_unit_test(a_probe_says_what_came_of_it),
        cmocka_unit_test(what_is_no_order_is_bad_usage),
        cmocka_unit_test(only_what_holds_words_may_be_a_credential),
        cmocka_unit_test(a_name_has_64_characters_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
