/* The trace that a request belongs to, and what its provider is told of it: nothing but a pass where nobody asks. */
#include "flight_world.h"

#include "core/traceparent.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00-" TRACE "-00f067aa0ba902b7-01"
#define FILE_OF(traces) \
    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m]}}\n" traces "\n"
#define BODY "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static struct flight *ask(struct flight_world *world, const struct http_header *headers, size_t count) {
    return flight_world_ask_of(
        world, (struct flight_request){.endpoint = endpoint_chat, .headers = headers, .header_count = count}, BODY);
}

static void a_callers_goes_on_under_a_span_of_the_attempts_own(void **state) {
    const struct http_header headers[] = {{STR("traceparent"), STR(PARENT)}, {STR("tracestate"), STR("a=1")}};
    struct flight_world world;
    struct traceparent read;
    (void)state;
    flight_world_begin(&world, FILE_OF(""));
    struct flight *flight = ask(&world, headers, 2);
    assert_true(traceparent_read(flight_world_sent(&world, "traceparent"), &read));
    assert_true(str_eq(read.trace, STR(TRACE)) && read.sampled && !str_eq(read.parent, STR("00f067aa0ba902b7")));
    assert_true(str_eq(flight_world_sent(&world, "tracestate"), STR("a=1")));
    assert_true(str_eq(flight_facts(flight).trace_id, STR(TRACE)));
    assert_false(flight_facts(flight).is_sampled); /* nobody collects it here */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void where_nobody_asks_there_is_none(void **state) {
    const struct http_header bad[] = {{STR("traceparent"), STR("00-" TRACE)}, {STR("tracestate"), STR("a=1")}};
    (void)state;
    for (size_t count = 0; count <= 2; count += 2) {
        struct flight_world world;
        flight_world_begin(&world, FILE_OF(""));
        struct flight *flight = ask(&world, bad, count);
        assert_true(str_empty(flight_world_sent(&world, "traceparent")) &&
                    str_empty(flight_world_sent(&world, "tracestate")));
        assert_null(flight_facts(flight).trace_id.at);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void with_a_collector_each_request_has_one(void **state) {
    static const struct {
        const char *file;
        bool sampled, told;
    } cases[] = {{FILE_OF("traces: {endpoint: 'http://c:1'}"), true, true},
                 {FILE_OF("traces: {endpoint: 'http://c:1', sample: 0}"), false, true},
                 {FILE_OF("traces: {endpoint: 'http://c:1', propagate: false}"), true, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        struct traceparent read = {.sampled = false};
        flight_world_begin(&world, cases[i].file);
        struct flight *flight = ask(&world, NULL, 0);
        assert_int_equal(traceparent_read(flight_world_sent(&world, "traceparent"), &read), cases[i].told);
        if (cases[i].told) assert_int_equal(read.sampled, cases[i].sampled);
        if (cases[i].told) assert_true(str_eq(read.trace, flight_facts(flight).trace_id));
        assert_int_equal(flight_facts(flight).trace_id.len, trace_id_digits);
        assert_int_equal(flight_facts(flight).is_sampled, cases[i].sampled);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* Two states are one list, in their order; two parents are none; of what steers weir the first counts. */
static void of_what_stands_twice_each_has_its_own_rule(void **state) {
    static char most[tracestate_most + 1];
    memset(most, 'x', sizeof most);
    const struct str whole = str_make(most, tracestate_most), longer = str_make(most, tracestate_most + 1);
    const struct http_header parent = {STR("traceparent"), STR(PARENT)};
    const struct {
        struct http_header headers[4];
        size_t count;
        struct str state; /* as it goes on */
    } rows[] = {
        {{parent, {STR("tracestate"), STR("a=1")}, {STR("Tracestate"), STR("b=2")}}, 3, STR("a=1,b=2")},
        {{parent, {STR("tracestate"), STR("a=1")}, {STR("tracestate"), STR("b=2")}, {STR("tracestate"), STR("c=3")}},
         4,
         STR("a=1,b=2,c=3")},
        {{parent, {STR("tracestate"), STR("a=1")}, parent}, 3, STR("")},
        {{parent, {STR("tracestate"), whole}}, 2, whole},
        {{parent, {STR("tracestate"), whole}, {STR("tracestate"), STR("b=2")}}, 3, STR("")},
        {{parent, {STR("tracestate"), longer}}, 2, STR("")},
        {{parent, {STR("tracestate"), longer}, {STR("tracestate"), STR("b=2")}}, 3, STR("")},
        {{parent, {STR("x-weir-session"), STR("one")}, {STR("x-weir-session"), STR("two")}}, 3, STR("")}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, FILE_OF(""));
        struct flight *flight = ask(&world, rows[i].headers, rows[i].count);
        struct str said = flight_world_sent(&world, "tracestate");
        if (!str_eq(said, rows[i].state)) fail_msg("row %zu: %.*s", i, STR_ARG(said));
        assert_int_equal(flight_facts(flight).trace_id.at != NULL, i != 2);
        if (flight->steering.session.at) assert_str_equal(flight->steering.session, "one");
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callers_goes_on_under_a_span_of_the_attempts_own),
        cmocka_unit_test(of_what_stands_twice_each_has_its_own_rule),
        cmocka_unit_test(where_nobody_asks_there_is_none),
        cmocka_unit_test(with_a_collector_each_request_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
