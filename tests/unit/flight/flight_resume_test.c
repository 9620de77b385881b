/* flight_resume_test.c - streams that die after their first token: gone on with elsewhere, or ended as broken. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  p: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
                           "routes:\n"
                           "  - {model: goes, targets: [o/m, p/m], strategy: priority, resume_streams: true}\n"
                           "  - {model: ends, targets: [o/m, p/m], strategy: priority}\n";

static bool holds(struct str text, const char *words) { return str_find(text, str_from(words)) != SIZE_MAX; }

/* Its first token has reached the caller, and its connection breaks. */
static struct flight *broken(struct flight_world *world, const char *body) {
    struct flight *flight = flight_world_ask(world, body);
    flight_world_head(world, flight, 0, 200, "text/event-stream");
    flight_world_body(world, flight, 0, FLIGHT_EVENT("Once upon a time", "null"));
    assert_int_equal(flight->state, flight_answering);
    flight_world_tell(world, flight, (struct event){.kind = event_call_failed, .failure = failure_cut});
    return flight;
}

static void a_stream_that_breaks_is_gone_on_with_by_the_next_target(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = broken(&world, FLIGHT_CHAT("goes", "true"));
    assert_int_equal(flight->resume.state, resume_going);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_int_equal(flight->live->continuation->state, continuing_awaited);
    assert_true(holds(flight->resume.prompt, "Once upon a time"));
    flight_world_head(&world, flight, 1, 200, "text/event-stream");
    flight_world_body(&world, flight, 1,
                      FLIGHT_EVENT("a time there was", "null") FLIGHT_EVENT("", "\"stop\"") "data: [DONE]\n\n");
    assert_true(holds(flight_world_written(&world), " there was"));
    assert_false(holds(flight_world_written(&world), "a time")); /* the caller has it */
    assert_int_equal(flight->answer.error, error_none);
    assert_int_equal(flight_world_asked(&world, action_respond), 0);
    assert_int_equal(flight_world_asked(&world, action_end), 1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* However large what was delivered is, and so wherever the memory ends. */
static void without_memory_to_go_on_it_ends_as_a_broken_one_does(void **state) {
    (void)state;
    for (size_t more = 0; more < 4096; more += 64) {
        struct flight_world world;
        char words[4600];
        flight_world_begin(&world, yaml);
        flights_world_aside();
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("goes", "true"));
        flight_world_head(&world, flight, 0, 200, "text/event-stream");
        flight_world_body(&world, flight, 0, FLIGHT_EVENT("Once upon a time", "null"));
        snprintf(words, sizeof words,
                 "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":"
                 "{\"content\":\"%0*d\"},\"finish_reason\":null}]}\n\n",
                 (int)more + 1, 7);
        flight_world_body(&world, flight, 0, words);
        world.memory.limit = world.memory.taken;
        flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_cut});
        assert_int_equal(flight_world_asked(&world, action_respond), 0);
        if (flight->state == flight_closed) assert_int_not_equal(flight->answer.error, error_none);
        assert_true(flight->state == flight_closed ||
                    flight_world_asked(&world, action_call) == 1); /* and never stays */
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* Its end has come, and what was awaited until then cannot be written: not its provider's fault. */
static void without_memory_at_its_end_it_is_weirs_own_failure(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = broken(&world, FLIGHT_CHAT("goes", "true"));
    flight_world_head(&world, flight, 1, 200, "text/event-stream");
    flight_world_body(&world, flight, 1, FLIGHT_EVENT(" upon", "null"));
    assert_int_equal(flight->live->continuation->state, continuing_awaited);
    arena_reset(&world.scratch);
    world.scratch.taken_max = world.scratch.taken;
    while (arena_take(&world.scratch, 16)) continue;
    world.scratch.refused = false;
    flight_step(flight, &(struct event){.kind = event_reply_body, .attempt = 1, .bytes = STR("data: [DONE]\n\n")},
                world.now, &world.out);
    assert_int_equal(flight->attempts[1]->state, attempt_settled);
    assert_int_equal(flight->attempts[1]->failure, failure_system);
    world.scratch.taken_max = 64 << 20;
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void without_leave_it_ends_in_an_error_event(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = broken(&world, FLIGHT_CHAT("ends", "true"));
    assert_int_equal(flight->resume.state, resume_off);
    assert_true(holds(flight_world_written(&world), "The stream broke before its end"));
    assert_false(holds(flight_world_written(&world), "[DONE]"));
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->attempt_count, 1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void with_nobody_left_it_ends_in_an_error_event_too(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = broken(&world, FLIGHT_CHAT("goes", "true"));
    for (unsigned i = 1; i < 20 && flight->state != flight_closed; i++) {
        if (flight->live)
            flight_world_tell(
                &world, flight,
                (struct event){.kind = event_call_failed, .attempt = flight->live->number, .failure = failure_connect});
        else
            world.now.mono_ns += 10 * NS_PER_S, flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    }
    assert_int_equal(flight->state, flight_closed);
    assert_true(holds(flight_world_written(&world), "The stream broke before its end"));
    assert_int_equal(flight->resume.state, resume_going);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void what_may_not_be_gone_on_with_any_more_holds_no_text(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("goes", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("Once", "null"));
    assert_int_equal(flight->resume.delivered.len, 4);
    resume_drop(flight, world.now);
    assert_int_equal(flight->resume.state, resume_off);
    assert_int_equal(flight->resume.delivered.len, 0);
    flight_world_body(&world, flight, 0, FLIGHT_EVENT(" upon", "null"));
    assert_int_equal(flight->resume.delivered.len, 0);
    resume_drop(flight, world.now); /* once more: nothing */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* Nothing but the rest of the text is taken from who goes on with it. */
static void what_a_continuation_says_beside_the_text_is_left_out_or_ends_it(void **state) {
#define DELTA(members)                                                                                                \
    "data: {\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":" \
    "0,\"delta\":{" members "},\"finish_reason\":null}]}\n\n"
#define USAGE                                                                                                 \
    "data: {\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":7," \
    "\"completion_tokens\":5}}\n\n"
#define REST FLIGHT_EVENT("a time there was", "null") FLIGHT_EVENT("", "\"stop\"")
    static const struct {
        const char *said;
        enum failure failure;
        int64_t output_tokens;
        const char *passed, *left_out;
    } rows[] = {
        {REST "data: [DONE]\n\n", failure_none, -1, " there was", "a time"},
        {DELTA("\"role\":\"assistant\"") REST "data: [DONE]\n\n", failure_none, -1, " there was", "role"},
        {DELTA("\"reasoning_content\":\"hmm\"") REST "data: [DONE]\n\n", failure_none, -1, " there was", "hmm"},
        {REST USAGE "data: [DONE]\n\n", failure_none, 5, " there was", "usage"},
        {DELTA("\"refusal\":\"no\""), failure_disagrees, -1, "", "refusal"},
        {DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]"),
         failure_disagrees, -1, "", "tool_calls"},
        {FLIGHT_EVENT("a time there", "null")
             DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]"),
         failure_disagrees, -1, " there", "tool_calls"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = broken(&world, FLIGHT_CHAT("goes", "true"));
        flight_world_head(&world, flight, 1, 200, "text/event-stream");
        flight_world_body(&world, flight, 1, rows[i].said);
        struct str written = flight_world_written(&world);
        if (flight->attempts[1]->failure != rows[i].failure || !holds(written, rows[i].passed) ||
            holds(written, rows[i].left_out))
            fail_msg("row %zu: %d %.*s", i, (int)flight->attempts[1]->failure, STR_ARG(written));
        if (rows[i].output_tokens >= 0) /* it is not estimated */
            assert_int_equal(flight->attempts[1]->usage.output_tokens, rows[i].output_tokens);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_continuation_says_beside_the_text_is_left_out_or_ends_it),
        cmocka_unit_test(a_stream_that_breaks_is_gone_on_with_by_the_next_target),
        cmocka_unit_test(without_memory_to_go_on_it_ends_as_a_broken_one_does),
        cmocka_unit_test(without_memory_at_its_end_it_is_weirs_own_failure),
        cmocka_unit_test(without_leave_it_ends_in_an_error_event),
        cmocka_unit_test(with_nobody_left_it_ends_in_an_error_event_too),
        cmocka_unit_test(what_may_not_be_gone_on_with_any_more_holds_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
