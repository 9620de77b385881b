/* flight_choose_test.c - which target is next, and what is said when none is. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 2}\n"
                           "providers:\n"
                           "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m], priority: 2}\n"
                           "  b: {type: openai, api_key: sk-other-other-other, models: [m], priority: 1,\n"
                           "      max_concurrent: 1}\n"
                           "routes: [{model: m, targets: [a/m, b/m], strategy: priority}]\n";

static struct str asked(const struct flight *flight) { return flight->live->target->name; }

static const struct candidate *candidate_of(const struct flight *flight, const char *name) {
    for (size_t i = 0; i < flight->choice.count; i++)
        if (str_eq(flight->choice.candidates[i].target->name, str_from(name))) return &flight->choice.candidates[i];
    fail_msg("%s is no candidate", name);
    return NULL;
}

static void the_strategy_says_who_is_first(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_true(str_eq(asked(flight), STR("b/m")));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static unsigned stuck_to(struct flight_world *world, unsigned which, const struct client *client, const char *session) {
    char id[16];
    struct http_header header = {STR("x-weir-session"), str_from(session)};
    snprintf(id, sizeof id, "req_%u", which);
    struct flight_request request = {.endpoint = endpoint_chat,
                                     .client = client,
                                     .request_id = str_from(id),
                                     .headers = &header,
                                     .header_count = *session != 0};
    struct flight *flight = flight_world_ask_of(world, request, FLIGHT_CHAT("m", "false"));
    unsigned target = flight->live->target->id;
    flight_world_drop(world, flight);
    return target;
}

/* By the session that is named, else by how it begins: each client's for itself. */
static void who_sticks_sticks_to_its_session_or_its_prompt(void **state) {
    enum { times = 40 };
    static const char head[] = "providers:\n"
                               "  a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m]}\n"
                               "  b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [m]}\n"
                               "routes: [{model: m, targets: [a/m, b/m], strategy: sticky}]\nclients:\n";
    static char config[8192];
    struct flight_world world;
    unsigned requests = 0, clients = 0, sessions = 0, others = 0;
    (void)state;
    int len = snprintf(config, sizeof config, "%s", head);
    for (unsigned i = 0; i < times; i++)
        len += snprintf(config + len, sizeof config - (size_t)len, "  - {name: c%u, key_hash: '%064x'}\n", i, i + 1);
    flight_world_begin(&world, config);
    const struct client *all = world.config.snapshot->clients;
    unsigned first = stuck_to(&world, 0, NULL, ""), one = stuck_to(&world, 0, &all[0], "s");
    for (unsigned i = 0; i < times; i++) {
        char session[16];
        snprintf(session, sizeof session, "s%u", i);
        unsigned own = stuck_to(&world, i, &all[i], "");
        requests += stuck_to(&world, i, NULL, "") != first;
        clients += own != first;
        sessions += stuck_to(&world, i, &all[0], session) != first;
        others += stuck_to(&world, i, &all[1], session) != stuck_to(&world, i, &all[0], session); /* of their own */
        for (unsigned again = 0; again < 5; again++) {
            assert_int_equal(stuck_to(&world, 100 + again, &all[i], ""), own);
            assert_int_equal(stuck_to(&world, 100 + again + i, &all[0], "s"), one);
        }
    }
    assert_int_equal(requests, 0); /* one prompt */
    assert_true(clients > 5 && clients < times - 5);
    assert_true(sessions > 5 && sessions < times - 5);
    assert_true(others > 5 && others < times - 5);
    flight_world_end(&world);
}

static void who_is_full_is_passed_over_and_why_is_kept(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("m", "false")),
                  *second = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_true(str_eq(asked(second), STR("a/m")));
    assert_int_equal(candidate_of(second, "b/m")->refusal, refusal_too_many_in_flight);
    flight_world_drop(&world, second);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

static void who_failed_is_not_asked_again_while_another_is_left(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    assert_true(str_eq(asked(flight), STR("a/m")));
    assert_int_equal(candidate_of(flight, "b/m")->refusal, refusal_tried);
    assert_int_equal(candidate_of(flight, "b/m")->failure, failure_connect);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void an_error_of_the_callers_is_not_tried_elsewhere(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 400, "application/json");
    flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempt_count, 1);
    assert_int_equal(flight->answer.status, 400);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void past_the_deadline_nobody_is_asked(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    world.now.mono_ns = flight->times.deadline_ns;
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    assert_int_equal(flight->attempt_count, 1);
    assert_int_equal(flight->state, flight_closed);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* Every attempt is answered by a 500, until there is an answer. */
static void fail_all(struct flight_world *world, struct flight *flight) {
    for (unsigned i = 0; i < 1000 && flight->state != flight_closed; i++) {
        if (flight->live) {
            flight_world_head(world, flight, flight->live->number, 500, "application/json");
            flight_world_tell(world, flight, (struct event){.kind = event_reply_end, .attempt = flight->live->number});
        } else {
            world->now.mono_ns = flight->waiting.until_ns;
            flight_world_tell(world, flight, (struct event){.kind = event_timer});
        }
    }
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->answer.status, 500);
}

static void each_is_asked_once_and_then_as_often_again_as_the_route_allows(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    fail_all(&world, flight);
    assert_int_equal(flight->attempt_count, 2 + 2);
    assert_int_equal(flight->choice.repeats, 2);
    assert_int_equal(flight->choice.failovers, 1);
    assert_true(flight->attempts[0]->target != flight->attempts[1]->target);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* So many targets of provider a that no table can have them all, in a route with these keys. */
static void many_begin(struct flight_world *world, unsigned targets, const char *keys) {
    static char text[8192];
    struct text yaml_text = text_in_buffer(text, sizeof text - 1);
    text_put(&yaml_text, STR("state_dir: ./state\nproviders:\n  a:\n    type: openai\n    api_key: sk-secret-secret-s\n"
                             "    circuit_breaker: {failure_threshold: 65535}\n    models: [m0"));
    for (unsigned i = 1; i < targets; i++) text_printf(&yaml_text, ", m%u", i);
    text_printf(&yaml_text, "]\nroutes:\n  - model: m\n    strategy: priority\n    retry: {%s}\n    targets: [a/m0",
                keys);
    for (unsigned i = 1; i < targets; i++) text_printf(&yaml_text, ", a/m%u", i);
    text_put(&yaml_text, STR("]\n"));
    assert_false(yaml_text.failed);
    text[yaml_text.len] = 0;
    flight_world_begin(world, text);
}

static void as_many_as_a_route_has_are_asked(void **state) {
    struct flight_world world;
    (void)state;
    many_begin(&world, 200, "max_retries: 0, failover_budget: 10");
    for (unsigned i = 0; i < 40; i++) flight_world_drop(&world, flight_world_ask(&world, FLIGHT_CHAT("m", "false")));
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    fail_all(&world, flight);
    assert_int_equal(flight->attempt_count, 200);
    for (unsigned i = 0; i < 200; i++) assert_ptr_equal(flight->attempts[i]->candidate, &flight->choice.candidates[i]);
    unsigned held = 0;
    for (unsigned i = 0; i < 200; i++) held += flight->attempts[i]->reply.held.len > 0;
    assert_true(held <= 2);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void the_cap_on_all_attempts_holds_where_it_is_written(void **state) {
    struct flight_world world;
    (void)state;
    many_begin(&world, 20, "max_attempts: 7");
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    fail_all(&world, flight);
    assert_int_equal(flight->attempt_count, 7);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void failovers_past_the_second_keep_to_their_share(void **state) {
    struct flight_world world;
    unsigned far = 0;
    (void)state;
    many_begin(&world, 20, "max_retries: 0, failover_budget: 0.5");
    for (unsigned i = 0; i < 10; i++) {
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        fail_all(&world, flight);
        assert_true(flight->attempt_count >= 3); /* two are its own, whatever others have done */
        far += flight->choice.failovers - 2;
        if (i == 9) assert_int_equal(candidate_of(flight, "a/m19")->refusal, refusal_failover_budget);
        flight_world_drop(&world, flight);
    }
    assert_int_equal(far, 50);
    world.now.mono_ns += 20 * NS_PER_S;
    struct flight *later = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    fail_all(&world, later);
    assert_int_equal(later->attempt_count, 20);
    flight_world_drop(&world, later);
    flight_world_end(&world);
}

static void the_deadline_runs_from_the_whole_body_and_leaves_time_for_another_target(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_new(&world, endpoint_chat);
    world.now.mono_ns += 50 * NS_PER_S;
    flight_world_tell(&world, flight, (struct event){.kind = event_body, .bytes = str_from(FLIGHT_CHAT("m", "false"))});
    flight_world_tell(&world, flight, (struct event){.kind = event_body_end});
    assert_int_equal(flight->times.deadline_ns, world.now.mono_ns + (600 + 120) * NS_PER_S);
    flight_world_drop(&world, flight);
    struct flight *streamed = flight_world_ask(&world, FLIGHT_CHAT("m", "true"));
    assert_int_equal(streamed->times.deadline_ns, world.now.mono_ns + 120 * NS_PER_S);
    flight_world_drop(&world, streamed);
    flight_world_end(&world);
}

static void a_whole_reply_that_is_later_than_ever_is_given_up_while_another_can_be_asked(void **state) {
    struct flight_world world;
    enum failure failure = failure_none;
    (void)state;
    flight_world_begin(&world, yaml);
    for (unsigned i = 0; i < 100; i++) {
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        assert_int_equal(attempt_deadline(flight, flight->live, true, &failure) - flight->live->started_ns,
                         600 * NS_PER_S); /* not known yet */
        world.now.mono_ns += 10 * NS_PER_S;
        flight_world_head(&world, flight, 0, 200, "application/json");
        flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        flight_world_drop(&world, flight);
    }
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    uint64_t began_ns = flight->live->started_ns;
    assert_in_range(attempt_deadline(flight, flight->live, true, &failure) - began_ns, 39 * NS_PER_S, 41 * NS_PER_S);
    assert_int_equal(attempt_deadline(flight, flight->live, false, &failure) - began_ns, 600 * NS_PER_S);
    world.now.mono_ns += 41 * NS_PER_S;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(candidate_of(flight, "b/m")->failure, failure_reply_timeout);
    assert_true(str_eq(asked(flight), STR("a/m")));
    assert_false(choice_has_unasked(flight, world.now));
    world.now.mono_ns += 500 * NS_PER_S; /* the last one has all of its time */
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_non_null(flight->live);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* -- pauses -- */

static const char alone[] = "state_dir: ./state\n"
                            "retry: {max_retries: 3, base_ms: 1, max_ms: 2000}\n"
                            "providers:\n"
                            "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], max_retries: 3}\n";

/* Its first attempt was answered so. */
static struct flight *answered(struct flight_world *world, const char *with, int status, const char *retry_after_ms,
                               uint64_t deadline_ms) {
    const struct http_header headers[] = {{STR("content-type"), STR("application/json")},
                                          {STR("retry-after-ms"), str_from(retry_after_ms)}};
    flight_world_begin(world, with);
    struct flight *flight = flight_world_ask(world, FLIGHT_CHAT("m", "false"));
    if (deadline_ms) flight->times.deadline_ns = world->now.mono_ns + deadline_ms * NS_PER_MS;
    flight_world_tell(world, flight, (struct event){.kind = event_sent});
    flight_world_tell(world, flight,
                      (struct event){.kind = event_reply_head,
                                     .status = status,
                                     .headers = headers,
                                     .header_count = 2,
                                     .content_length = -1,
                                     .body_sent = true});
    flight_world_tell(world, flight, (struct event){.kind = event_reply_end});
    return flight;
}

/* And then it is the caller's to decide whether to wait longer. */
static void a_provider_is_waited_for_as_long_as_it_says_and_no_longer_than_is_allowed(void **state) {
    static const int statuses[] = {429, 503};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct flight_world world;
        struct flight *flight = answered(&world, alone, statuses[i], "2000", 0);
        assert_int_equal(flight->waiting.why, waiting_backoff);
        assert_int_equal(flight->waiting.until_ns, world.now.mono_ns + 2000 * NS_PER_MS);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
        flight = answered(&world, alone, statuses[i], "2001", 0);
        assert_int_equal(flight->answer.status, statuses[i]);
        assert_str_equal(flight_world_said(&world, "retry-after-ms"), "2001");
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void a_pause_that_would_end_with_the_request_is_not_begun(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = answered(&world, alone, 503, "100", 101);
    assert_int_equal(flight->waiting.why, waiting_backoff);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
    flight = answered(&world, alone, 503, "100", 100);
    assert_int_equal(flight->answer.status, 503);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* -- nobody -- */

/* What the next request is told. */
static void assert_next(struct flight_world *world, struct flight *first, enum error_code code, const char *scope,
                        const char *retry_after) {
    struct flight *next = flight_world_ask(world, FLIGHT_CHAT("m", "false"));
    assert_int_equal(next->answer.error, code);
    assert_int_equal(next->attempt_count, 0);
    struct str said = flight_world_said(world, "retry-after");
    if (retry_after) assert_str_equal(said, retry_after);
    if (!retry_after) assert_null(said.at);
    assert_true(str_eq(next->answer.limit_scope, str_from(scope)));
    flight_world_drop(world, next);
    flight_world_drop(world, first);
    flight_world_end(world);
}

#define ALONE(more)             \
    "state_dir: ./state\n"      \
    "retry: {max_retries: 0}\n" \
    "providers: {o: {type: openai, api_key: sk-secret-secret-secret, models: [m], " more "}}\n"

static void where_nobody_can_serve_it_is_said_why_and_until_when(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, ALONE("max_concurrent: 1"));
    assert_next(&world, flight_world_ask(&world, FLIGHT_CHAT("m", "false")), error_too_many_in_flight, "provider", "1");
    flight_world_begin(&world, ALONE("rate_limit_rpm: 1"));
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_next(&world, first, error_rate_limited, "provider", "60");
    flight_world_begin(&world, ALONE("state: draining"));
    first = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_next(&world, first, error_no_provider_available, "", "1");
}

static void what_its_key_ran_into_is_told_to_the_next_ones_too(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = answered(&world, ALONE("max_retries: 0"), 429, "7000", 0);
    assert_int_equal(flight->answer.status, 429);
    assert_next(&world, flight, error_rate_limited, "provider", "7");
    flight = answered(&world, ALONE("max_retries: 0"), 401, "", 0);
    assert_int_equal(flight->answer.error, error_provider_auth);
    struct flight *next = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_int_equal(next->answer.error, error_provider_auth);
    assert_int_equal(next->attempt_count, 0);
    flight_world_drop(&world, next);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strategy_says_who_is_first),
        cmocka_unit_test(who_sticks_sticks_to_its_session_or_its_prompt),
        cmocka_unit_test(who_is_full_is_passed_over_and_why_is_kept),
        cmocka_unit_test(who_failed_is_not_asked_again_while_another_is_left),
        cmocka_unit_test(an_error_of_the_callers_is_not_tried_elsewhere),
        cmocka_unit_test(past_the_deadline_nobody_is_asked),
        cmocka_unit_test(each_is_asked_once_and_then_as_often_again_as_the_route_allows),
        cmocka_unit_test(as_many_as_a_route_has_are_asked),
        cmocka_unit_test(the_cap_on_all_attempts_holds_where_it_is_written),
        cmocka_unit_test(failovers_past_the_second_keep_to_their_share),
        cmocka_unit_test(the_deadline_runs_from_the_whole_body_and_leaves_time_for_another_target),
        cmocka_unit_test(a_whole_reply_that_is_later_than_ever_is_given_up_while_another_can_be_asked),
        cmocka_unit_test(a_provider_is_waited_for_as_long_as_it_says_and_no_longer_than_is_allowed),
        cmocka_unit_test(a_pause_that_would_end_with_the_request_is_not_begun),
        cmocka_unit_test(where_nobody_can_serve_it_is_said_why_and_until_when),
        cmocka_unit_test(what_its_key_ran_into_is_told_to_the_next_ones_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
