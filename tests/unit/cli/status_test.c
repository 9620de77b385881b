/* status_test.c - what weir explain, route, reload and drain ask of a running gateway, and how they show its answer. */
#include "cli/cli.h"

#include <stdlib.h>

#include "far.h"

static void an_explanation_is_shown_with_a_line_for_each_thing(void **state) {
    static const struct {
        const char *json, *shown;
    } rows[] = {
        {"{}", "{}\n"},
        {"[]", "[]\n"},
        {"{\"a\":1,\"b\":[1,2]}", "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2\n  ]\n}\n"},
        {"{\"a\":[],\"b\":{},\"c\":[{}]}", "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    {}\n  ]\n}\n"},
        {"{\"a\":\"{x: [1,2]}\"}", "{\n  \"a\": \"{x: [1,2]}\"\n}\n"},
        {"{\"a\":\"\\\"{\\\\\",\"b\":\"\"}", "{\n  \"a\": \"\\\"{\\\\\",\n  \"b\": \"\"\n}\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = rows[i].json};
        command_run(&far, cli_explain, ARGV("explain", "req_1"), true, &shown);
        assert_int_equal(shown.status, 0);
        assert_string_equal(shown.out.text, rows[i].shown);
        assert_string_equal(shown.err.text, "");
        assert_memory_equal(far.net.heard, "GET /admin/v1/requests/req_1 HTTP/1.1\r\n", 39);
        assert_non_null(strstr(far.net.heard, "Authorization: Bearer a-key\r\n"));
        command_run(&far, cli_explain, ARGV("explain", "req_1", "--json"), true, &shown);
        assert_memory_equal(shown.out.text, rows[i].json, strlen(rows[i].json));
        assert_string_equal(shown.out.text + strlen(rows[i].json), "\n");
    }
}

static void a_status_lists_what_was_changed_and_the_errors_with_commas_in_between(void **state) {
    (void)state;
    struct shown shown;
    struct far far = {.status = "200 OK",
                      .body = "{\"version\":\"1\",\"workers\":2,\"generation\":3,\"providers\":[],\"locks\":[],"
                              "\"changed_at_run_time\":[{\"kind\":\"route\",\"name\":\"fast\",\"how\":\"changed\","
                              "\"changed\":[\"targets\",\"strategy\"],\"problem\":\"no such provider\"},"
                              "{\"kind\":\"rule\",\"name\":\"x\",\"how\":\"removed\",\"changed\":[]}],"
                              "\"totals\":{\"errors\":{\"tool_loop\":1,\"not_allowed\":2}}}"};
    command_run_on(&far, cli_status, ARGV("status"), true, true, &shown);
    assert_int_equal(shown.status, 0);
    assert_non_null(strstr(shown.out.text, " changed    targets, strategy; not in force: no such provider\n"));
    assert_non_null(strstr(shown.out.text, " removed    \n"));
    assert_non_null(strstr(shown.out.text, "\nerrors: tool_loop 1, not_allowed 2\n"));
}

static void a_refusal_is_said_and_one_for_the_key_with_its_cure(void **state) {
    static const struct {
        const char *status, *body, *said;
        bool cure;
    } rows[] = {
        {"401 No", "{\"error\":{\"message\":\"who?\"}}", "weir: 401: who?\n", true},
        {"404 No", "{\"error\":{\"message\":\"not there\"}}", "weir: 404: not there\n", false},
        {"502 No", "<html>", "weir: 502: <html>\n", false},
        {"201 Odd", "{}", "weir: 201: {}\n", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = rows[i].status, .body = rows[i].body};
        command_run(&far, cli_explain, ARGV("explain", "req_1"), true, &shown);
        assert_int_equal(shown.status, 1);
        assert_string_equal(shown.out.text, "");
        assert_memory_equal(shown.err.text, rows[i].said, strlen(rows[i].said));
        assert_int_equal(strstr(shown.err.text, "give another by --admin-key") != NULL, rows[i].cure);
    }
}

/* An id goes into a path: what is none goes nowhere, and asks for nothing else. */
static void what_is_no_requests_id_is_not_asked_for(void **state) {
    static const char longest[] = "r234567890123456789012345678901234567890123456789012345678901234",
                      *const none[] = {"",
                                       "r/..",
                                       "r?x=1",
                                       "r 1",
                                       "r%2F1",
                                       "r#1",
                                       "r2345678901234567890123456789012345678901234567890123456789012345"};
    struct shown shown;
    struct far far = {.status = "200 OK", .body = "{}"};
    char said[256];
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        command_run(&far, cli_explain, ARGV("explain", none[i]), false, &shown);
        assert_int_equal(shown.status, 2);
        snprintf(said, sizeof said,
                 "weir explain: `%s` is no request's id: letters, digits, `-`, `_` and `.`, 64 of them at most\n",
                 none[i]);
        assert_string_equal(shown.err.text, said);
    }
    command_run(&far, cli_explain, ARGV("explain", longest), true, &shown);
    assert_int_equal(shown.status, 0);
    assert_non_null(strstr(far.net.heard, longest));
}

static void an_order_is_given_and_what_came_of_it_said(void **state) {
    static const struct {
        int (*command)(int argc, char **argv);
        const char *name, *status, *body, *asks, *shown;
    } rows[] = {
        {cli_reload, "reload", "200 OK", "{}", "POST /admin/v1/reload HTTP/1.1\r\n", "reloaded\n"},
        {cli_reload, "reload", "200 OK", "{\"restart_for\":\"listen, workers\"}", "POST /admin/v1/reload HTTP/1.1\r\n",
         "reloaded\nafter a restart only: listen, workers\n"},
        {cli_drain, "drain", "202 Accepted", "{}", "POST /admin/v1/drain HTTP/1.1\r\n", "draining: nothing new"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = rows[i].status, .body = rows[i].body};
        command_run(&far, rows[i].command, ARGV(rows[i].name), true, &shown);
        assert_int_equal(shown.status, 0);
        assert_memory_equal(shown.out.text, rows[i].shown, strlen(rows[i].shown));
        assert_memory_equal(far.net.heard, rows[i].asks, strlen(rows[i].asks));
        far.status = "409 No";
        far.body = "{\"error\":{\"message\":\"no\"}}";
        command_run(&far, rows[i].command, ARGV(rows[i].name), true, &shown);
        assert_int_equal(shown.status, 1);
        assert_string_equal(shown.err.text, "weir: 409: no\n");
    }
}

/* -- route -- */

static void a_question_for_a_route_is_a_query_or_a_request(void **state) {
    static const struct {
        const char *argv[8], *asks, *body; /* NULL: a GET without one */
    } rows[] = {
        {{"route"}, "GET /admin/v1/route HTTP/1.1\r\n", NULL},
        {{"route", "gpt-5"}, "GET /admin/v1/route?model=gpt-5 HTTP/1.1\r\n", NULL},
        {{"route", "-m", "a/b:c~1", "--client", "one"},
         "GET /admin/v1/route?model=a/b:c~1&client=one HTTP/1.1\r\n",
         NULL},
        {{"route", "--tags", "a=b,\xc3\xa4 &Z0"}, "GET /admin/v1/route?tags=a%3Db%2C%C3%A4%20%26Z0 HTTP/1.1\r\n", NULL},
        {{"route", "--session", "@[`{", "--strategy", "x"},
         "GET /admin/v1/route?strategy=x&session=%40%5B%60%7B HTTP/1.1\r\n",
         NULL},
        {{"route", "two words"},
         "POST /admin/v1/route HTTP/1.1\r\n",
         "{\"model\":\"default\",\"messages\":[{\"role\":\"user\",\"content\":\"two words\"}]}"},
        {{"route", "two\twords", "-m", "m", "--path", "/v1/messages"},
         "POST /admin/v1/route?path=/v1/messages HTTP/1.1\r\n",
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"two\\twords\"}]}"},
        {{"route", "word", "-m", "m", "--targets", "a/m"},
         "POST /admin/v1/route?targets=a/m HTTP/1.1\r\n",
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"word\"}]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shown shown;
        struct far far = {.status = "200 OK", .body = "{}"};
        command_run(&far, cli_route, rows[i].argv, true, &shown);
        assert_int_equal(shown.status, 0);
        if (strncmp(far.net.heard, rows[i].asks, strlen(rows[i].asks)) != 0) fail_msg("%s", far.net.heard);
        const char *body = strstr(far.net.heard, "\r\n\r\n") + 4;
        assert_string_equal(body, rows[i].body ? rows[i].body : "");
    }
}

static void a_request_is_read_from_a_file(void **state) {
    char path[] = "/tmp/weir-test-XXXXXX";
    int file = mkstemp(path);
    struct shown shown;
    struct far far = {.status = "200 OK", .body = "{}"};
    (void)state;
    assert_true(file >= 0 && write(file, "{\"model\":\"m\"}", 13) == 13);
    close(file);
    command_run(&far, cli_route, ARGV("route", "--request", path), true, &shown);
    assert_int_equal(shown.status, 0);
    assert_non_null(strstr(far.net.heard, "POST /admin/v1/route HTTP/1.1\r\n"));
    assert_non_null(strstr(far.net.heard, "\r\n\r\n{\"model\":\"m\"}"));
    unlink(path);
    command_run(&far, cli_route, ARGV("route", "--request", path), false, &shown);
    assert_int_equal(shown.status, 1);
    assert_non_null(strstr(shown.err.text, "No such file"));
}

static void what_cannot_be_asked_is_bad_usage(void **state) {
    static char name[5000];
    struct shown shown;
    struct far far = {.status = "200 OK", .body = "{}"};
    (void)state;
    memset(name, 'm', sizeof name - 1);
    command_run(&far, cli_route, ARGV("route", name), false, &shown);
    assert_int_equal(shown.status, 2);
    assert_string_equal(shown.err.text, "weir route: the options are too long\n");
    command_run(&far, cli_explain, ARGV("explain"), false, &shown);
    assert_int_equal(shown.status, 2);
    assert_memory_equal(shown.err.text, "usage: weir explain REQUEST_ID [OPTION ...]\n", 44);
    command_run(&far, cli_explain, ARGV("explain", "a", "b"), false, &shown);
    assert_int_equal(shown.status, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_explanation_is_shown_with_a_line_for_each_thing),
        cmocka_unit_test(a_status_lists_what_was_changed_and_the_errors_with_commas_in_between),
        cmocka_unit_test(a_refusal_is_said_and_one_for_the_key_with_its_cure),
        cmocka_unit_test(what_is_no_requests_id_is_not_asked_for),
        cmocka_unit_test(an_order_is_given_and_what_came_of_it_said),
        cmocka_unit_test(a_question_for_a_route_is_a_query_or_a_request),
        cmocka_unit_test(a_request_is_read_from_a_file),
        cmocka_unit_test(what_cannot_be_asked_is_bad_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
