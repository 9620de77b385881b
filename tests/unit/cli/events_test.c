/* events_test.c - weir events: a stream of events, cut anywhere, is a line for each. */
#include "far.h"

#include <time.h>

#define ASKS .asks = "GET /admin/v1/events"

static const char two[] = ": a comment\n\n"
                          "id: 7\nevent: provider_state\ndata: "
                          "{\"time_ms\":1795348800999,\"provider\":\"one\",\"state\":\"failing\",\"n\":3}\n\n"
                          "event: lock\ndata: {\"route\":\"\",\"list\":[1,2],\"on\":true}\n\n";

static void an_event_is_a_line_of_json_where_nobody_reads(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"events"},
         ASKS,
         .body = two,
         .out = "{\"id\":7,\"event\":\"provider_state\",\"data\":{\"time_ms\":1795348800999,\"provider\":\"one\","
                "\"state\":\"failing\",\"n\":3}}\n"
                "{\"id\":7,\"event\":\"lock\",\"data\":{\"route\":\"\",\"list\":[1,2],\"on\":true}}\n"},
        {.argv = {"events", "--json"},
         ASKS,
         .terminal = true,
         .body = "event: gap\ndata: {}\n\n",
         .out = "{\"id\":null,\"event\":\"gap\",\"data\":{}}\n"},
        {.argv = {"events", "--json"},
         ASKS,
         .body = "id: seven\nevent: gap\ndata: {}\n\n", /* an id is a number, or is none */
         .out = "{\"id\":null,\"event\":\"gap\",\"data\":{}}\n"},
        {.argv = {"events", "--after", "7"},
         .asks = "GET /admin/v1/events?after=7",
         .body = "event: gap\ndata: {}", /* it did not end */
         .out = NULL},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_events);
}

static void an_event_has_its_time_and_members_where_somebody_reads(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"events"},
         ASKS,
         .terminal = true,
         .body = two,
         .out = "12:00:00  provider_state provider=one state=failing n=3\n"
                "          lock          list=[1,2] on=true\n"},
        {.argv = {"events"},
         ASKS,
         .terminal = true,
         .body = "event: odd\ndata: no json\n\n",
         .out = "          odd          \n"},
    };
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_events);
}

/* 4,096 bytes are a line; a longer one is left out, and what comes behind it is not. */
static void a_line_that_is_too_long_is_left_out(void **state) {
    enum { most = 4096, head = sizeof "data: \"" - 1 };
    static char body[3 * most], out[2 * most];
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        size_t digits = most - head - 1 + more;
        int at = snprintf(body, sizeof body, "event: e\ndata: \"");
        memset(body + at, 'a', digits);
        snprintf(body + at + digits, sizeof body - (size_t)at - digits, "\"\n\ndata: 1\n\n");
        int end = snprintf(out, sizeof out, "{\"id\":null,\"event\":\"e\",\"data\":\"");
        memset(out + end, 'a', digits);
        snprintf(out + end + digits, sizeof out - (size_t)end - digits,
                 "\"}\n{\"id\":null,\"event\":\"e\",\"data\":1}\n");
        const struct far_row row = {.argv = {"events"}, ASKS, .body = body, .out = more ? strstr(out, "}\n") + 2 : out};
        far_row_check(&row, more, cli_events);
    }
}

static void a_refusal_is_said(void **state) {
    static const struct far_row row = {.argv = {"events"},
                                       ASKS,
                                       .status = "503 No",
                                       .body = "{\"error\":{\"message\":\"too many\"}}",
                                       .ends = 1,
                                       .err = "weir: 503: too many\n"};
    (void)state;
    far_row_check(&row, 0, cli_events);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_a_line_of_json_where_nobody_reads),
        cmocka_unit_test(an_event_has_its_time_and_members_where_somebody_reads),
        cmocka_unit_test(a_line_that_is_too_long_is_left_out),
        cmocka_unit_test(a_refusal_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
