/* flight_place_test.c - the limits that a route gives one of its targets: they hold for it there, nowhere else, and are
 * given back as they were taken. */
#include "flight_world.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "retry: {max_retries: 0}\n"
    "reserve_output_tokens: 100\n"
    "providers:\n"
    "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m], timeout_seconds: 20}\n"
    "  b: {type: openai, api_key: sk-other-other-other, models: [m], reply_timeout_seconds: 90}\n"
    "  q: {type: openai, api_key: sk-third-third-third, models: [m], queue: {max: 2, wait_ms: 90000}}\n"
    "routes:\n"
    "  - {model: rate, strategy: priority, targets: [{target: a/m, rpm: 2}, b/m]}\n"
    "  - {model: tokens, strategy: priority, targets: [{target: a/m, tpm: 150}, b/m]}\n"
    "  - {model: places, strategy: priority, targets: [{target: a/m, max_concurrent: 1}, b/m]}\n"
    "  - {model: alone, targets: [{target: a/m, rpm: 1}]}\n"
    "  - {model: full, targets: [{target: a/m, max_concurrent: 1}]}\n"
    "  - {model: queued, targets: [{target: q/m, rpm: 1}]}\n"
    "  - {model: locked, strategy: exclusive, targets: [{target: a/m, rpm: 1}, b/m]}\n"
    "  - {model: around, strategy: priority, targets: [{route: rate}]}\n"
    "  - {model: times, targets: [{target: a/m, timeout_seconds: 3}, {target: b/m, timeout_seconds: 4}]}\n";

static bool asked(const struct flight *flight, const char *name) {
    return flight->live && str_eq(flight->live->target->name, str_from(name));
}

static void a_rate_is_the_targets_in_that_route_alone(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    static const char *const bodies[] = {FLIGHT_CHAT("rate", "false"),   FLIGHT_CHAT("around", "false"),
                                         FLIGHT_CHAT("rate", "false"),   FLIGHT_CHAT("around", "false"),
                                         FLIGHT_CHAT("places", "false"), FLIGHT_CHAT("a/m", "false")};
    static const char *const targets[] = {"a/m", "a/m", "b/m", "b/m", "a/m", "a/m"};
    struct flight *flights[6];
    for (size_t i = 0; i < 6; i++) {
        flights[i] = flight_world_ask(&world, bodies[i]);
        if (!asked(flights[i], targets[i])) fail_msg("%zu", i);
    }
    assert_int_equal(flights[2]->choice.candidates[0].refusal, refusal_target_rate_limited);
    world.now.mono_ns += 30 * NS_PER_S;
    struct flight *later = flight_world_ask(&world, bodies[0]);
    assert_true(asked(later, "a/m"));
    flight_world_drop(&world, later);
    for (size_t i = 0; i < 6; i++) flight_world_drop(&world, flights[i]);
    flight_world_end(&world);
}

static void with_no_other_target_it_is_a_429_that_says_when(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("alone", "false")),
                  *second = flight_world_ask(&world, FLIGHT_CHAT("alone", "false"));
    assert_true(asked(first, "a/m"));
    assert_int_equal(second->answer.status, 429);
    assert_int_equal(second->answer.error, error_rate_limited);
    assert_true(str_eq(flight_world_said(&world, "Retry-After"), STR("60")));
    flight_world_drop(&world, second);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

static void a_place_is_given_back_however_it_ends(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (unsigned end = 0; end < 3; end++) {
        struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("places", "false")),
                      *second = flight_world_ask(&world, FLIGHT_CHAT("places", "false")),
                      *third = flight_world_ask(&world, FLIGHT_CHAT("full", "false"));
        assert_true(asked(first, "a/m") && asked(second, "b/m") && asked(third, "a/m"));
        assert_int_equal(second->choice.candidates[0].refusal, refusal_target_full);
        struct flight *fourth = flight_world_ask(&world, FLIGHT_CHAT("full", "false"));
        assert_int_equal(fourth->answer.error, error_too_many_in_flight);
        flight_world_drop(&world, fourth);
        if (end == 1)
            flight_world_tell(&world, first, (struct event){.kind = event_call_failed, .failure = failure_connect});
        if (end == 2) flight_world_head(&world, first, 0, 500, "application/json");
        if (end == 2) flight_world_tell(&world, first, (struct event){.kind = event_reply_end});
        flight_world_drop(&world, first);
        flight_world_drop(&world, second);
        flight_world_drop(&world, third);
    }
    flight_world_end(&world);
}

static void what_reached_nobody_counts_for_nothing(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (unsigned i = 0; i < 3; i++) {
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("rate", "false"));
        assert_true(asked(flight, "a/m"));
        flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
        assert_true(asked(flight, "b/m"));
        flight_world_drop(&world, flight);
    }
    flight_world_end(&world);
}

static void tokens_are_reserved_and_settled(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("tokens", "false")),
                  *second = flight_world_ask(&world, FLIGHT_CHAT("tokens", "false"));
    assert_true(asked(first, "a/m") && asked(second, "b/m"));
    assert_int_equal(second->choice.candidates[0].refusal, refusal_target_rate_limited);
    flight_world_tell(&world, first, (struct event){.kind = event_sent});
    flight_world_head(&world, first, 0, 200, "application/json");
    flight_world_body(&world, first, 0,
                      "{\"id\":\"x\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                      "\"assistant\",\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
                      "\"completion_tokens\":1,\"total_tokens\":2}}");
    flight_world_tell(&world, first, (struct event){.kind = event_reply_end});
    struct flight *third = flight_world_ask(&world, FLIGHT_CHAT("tokens", "false"));
    assert_true(asked(third, "a/m")); /* it took two of them */
    flight_world_drop(&world, first);
    flight_world_drop(&world, second);
    flight_world_drop(&world, third);
    flight_world_end(&world);
}

static void where_the_provider_has_a_queue_its_rate_is_waited_for(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("queued", "false")),
                  *second = flight_world_ask(&world, FLIGHT_CHAT("queued", "false"));
    assert_int_equal(second->waiting.why, waiting_rate);
    world.now.mono_ns = second->waiting.until_ns;
    flight_world_tell(&world, second, (struct event){.kind = event_timer});
    assert_true(asked(second, "q/m"));
    flight_world_drop(&world, second);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

static void being_at_its_limit_does_not_lose_the_lock(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("locked", "false")),
                  *second = flight_world_ask(&world, FLIGHT_CHAT("locked", "false"));
    assert_true(asked(first, "a/m"));
    assert_int_equal(second->answer.status, 429);
    assert_int_equal(lock_view(&first->choice.route->cells->lock).holder, first->live->target->id);
    flight_world_drop(&world, second);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

static void its_own_time_bounds_what_the_providers_would(void **state) {
    struct flight_world world;
    (void)state;
    static const struct {
        const char *body, *target;
        unsigned seconds;
    } cases[] = {{FLIGHT_CHAT("times", "true"), "a/m", 3},
                 {FLIGHT_CHAT("times", "false"), "a/m", 3},
                 {FLIGHT_CHAT("rate", "true"), "a/m", 20}};
    flight_world_begin(&world, yaml);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum failure failure;
        struct flight *flight = flight_world_ask(&world, cases[i].body);
        assert_true(asked(flight, cases[i].target));
        uint64_t until_ns = attempt_deadline(flight, flight->live, false, &failure);
        assert_int_equal(until_ns - flight->live->started_ns, cases[i].seconds * NS_PER_S);
        flight_world_drop(&world, flight);
    }
    const struct route *times = map_find(&world.config.snapshot->exact_routes, STR("times"));
    assert_int_equal(times->places[1].limits->first_token_timeout_ns, 4 * NS_PER_S);
    assert_int_equal(times->places[1].limits->reply_timeout_ns, 0); /* the provider's is written */
    flight_world_end(&world);
}

/* What was taken before the limit that says no is held until all of it is given back; then all is as before. */
static void a_taking_that_is_refused_half_way_is_given_back(void **state) {
    static const struct {
        unsigned places, requests, tokens; /* that others have taken */
        enum refusal refusal;
        unsigned place_held, request_held, tokens_held;
    } rows[] = {{0, 0, 0, refusal_none, 1, 1, 40},
                {1, 1, 60, refusal_none, 1, 1, 40},
                {2, 0, 0, refusal_target_full, 0, 0, 0},
                {1, 2, 0, refusal_target_rate_limited, 1, 0, 0},
                {1, 1, 61, refusal_target_rate_limited, 1, 1, 0}};
    const struct now now = {.mono_ns = 1000 * NS_PER_S};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place_cells cells = {.gate = {0}};
        const struct target_limits limits = {.requests_minute = {2, 60 * NS_PER_S, 2},
                                             .tokens_minute = {100, 60 * NS_PER_S, 100},
                                             .max_concurrent = 2,
                                             .cells = &cells};
        const struct candidate candidate = {.limits = &limits};
        struct holds holds = {.place_gate = false};
        struct limiter_ticket theirs;
        for (unsigned n = 0; n < rows[i].places; n++) assert_true(gate_enter(&cells.gate, 2));
        for (unsigned n = 0; n < rows[i].requests; n++)
            assert_true(limiter_take(&cells.requests_minute, &limits.requests_minute, 1, now.mono_ns, &theirs));
        if (rows[i].tokens)
            assert_true(
                limiter_take(&cells.tokens_minute, &limits.tokens_minute, rows[i].tokens, now.mono_ns, &theirs));
        uint64_t until_ns = 0;
        assert_int_equal(place_look(&candidate, 40, now, &until_ns), rows[i].refusal);
        assert_int_equal(until_ns > now.mono_ns, rows[i].refusal == refusal_target_rate_limited);
        assert_int_equal(place_take(&candidate, 40, now, &holds), rows[i].refusal);
        for (unsigned given_back = 0; given_back < 3; given_back++) {
            unsigned held = !given_back;
            assert_int_equal(gate_in_use(&cells.gate), rows[i].places + held * rows[i].place_held);
            assert_int_equal(limiter_left(&cells.requests_minute, &limits.requests_minute, now.mono_ns),
                             2 - rows[i].requests - held * rows[i].request_held);
            assert_int_equal(limiter_left(&cells.tokens_minute, &limits.tokens_minute, now.mono_ns),
                             100 - rows[i].tokens - held * rows[i].tokens_held);
            place_give_back(&candidate, &holds, now);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_the_targets_in_that_route_alone),
        cmocka_unit_test(with_no_other_target_it_is_a_429_that_says_when),
        cmocka_unit_test(a_place_is_given_back_however_it_ends),
        cmocka_unit_test(what_reached_nobody_counts_for_nothing),
        cmocka_unit_test(tokens_are_reserved_and_settled),
        cmocka_unit_test(where_the_provider_has_a_queue_its_rate_is_waited_for),
        cmocka_unit_test(being_at_its_limit_does_not_lose_the_lock),
        cmocka_unit_test(a_taking_that_is_refused_half_way_is_given_back),
        cmocka_unit_test(its_own_time_bounds_what_the_providers_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
