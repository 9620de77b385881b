/* flight_rest_test.c - how another target is asked for the rest of a stream that broke off. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  a: {type: anthropic, api_key: sk-other-other-other, models: [m]}\n"
                           "  p: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
                           "routes:\n"
                           "  - {model: translated, targets: [o/m, a/m], strategy: priority, resume_streams: true}\n"
                           "  - {model: spliced, targets: [o/m, p/m], strategy: priority, resume_streams: true}\n";

static bool asks(const struct flight *flight, const char *words) {
    for (size_t i = 0; i < flight->live->request.body.count; i++)
        if (str_find(flight->live->request.body.ranges[i], str_from(words)) != SIZE_MAX) return true;
    return false;
}

static struct flight *broken(struct flight_world *world, const char *body) {
    struct flight *flight = flight_world_ask(world, body);
    flight_world_head(world, flight, 0, 200, "text/event-stream");
    flight_world_body(world, flight, 0, FLIGHT_EVENT("Once upon a time", "null"));
    flight_world_tell(world, flight, (struct event){.kind = event_call_failed, .failure = failure_cut});
    assert_ptr_equal(flight->live->way, &way_rest);
    return flight;
}

static void a_target_of_another_dialect_is_told_the_text_and_what_to_do(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = broken(&world, FLIGHT_CHAT("translated", "true"));
    assert_true(str_eq(flight->live->request.path, STR("/v1/messages")));
    assert_true(asks(flight, "\"assistant\"") && asks(flight, "Once upon a time") && asks(flight, "Continue your"));
    assert_ptr_equal(flight->live->dialect.writer, flight->resume.writer);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void one_of_openais_dialect_gets_the_callers_own_words_and_the_text_behind_them(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = broken(&world, FLIGHT_CHAT("spliced", "true"));
    assert_true(asks(flight, ",{\"role\":\"assistant\",\"content\":\"Once upon a time\"},{\"role\":\"user\""));
    assert_false(flight->live->continuation->prefilled);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_of_another_dialect_is_told_the_text_and_what_to_do),
        cmocka_unit_test(one_of_openais_dialect_gets_the_callers_own_words_and_the_text_behind_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
