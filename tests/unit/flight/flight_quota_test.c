/* An attempt counts in its provider's quotas once it was sent, whatever becomes of it; at 100% the next provider is
 * asked, and the first one again in the next window. */
#include "flight_world.h"

#define A(quota) \
    "a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], priority: 1, quota: {" quota "}}"
#define B "b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [m], priority: 2}"
#define BODY "{\"model\":\"m\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"h\xc3\xa4llo\"}]}"

static struct quota_view seen(const struct flight_world *world, size_t i) {
    return quota_look(&world->config.snapshot->providers[0].quotas[i], world->now.wall_ns / (int64_t)NS_PER_S);
}

static struct flight *ask(struct flight_world *world) {
    return flight_world_ask_of(world, (struct flight_request){.endpoint = endpoint_chat}, BODY);
}

static void answer(struct flight_world *world, struct flight *flight) {
    flight_world_tell(world, flight, (struct event){.kind = event_sent, .attempt = 0});
    flight_world_head(world, flight, 0, 200, "application/json");
    flight_world_body(world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
}

static void an_answered_attempt_counts_for_what_it_used(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world,
                       "providers: {" A("requests_per_day: 5, tokens_per_day: 1000, characters_per_month: 99") "}");
    struct flight *flight = ask(&world);
    assert_int_equal(seen(&world, 0).reserved, 1);
    assert_true(seen(&world, 1).reserved >= 10);
    assert_int_equal(seen(&world, 2).reserved, 5);
    struct attempt_charge charges[limit_path];
    assert_int_equal(attempt_charges(flight, 0, charges, limit_path), 3); /* if the process dies now */
    answer(&world, flight);
    for (size_t i = 0; i < 3; i++) assert_int_equal(seen(&world, i).reserved, 0);
    assert_int_equal(seen(&world, 0).counted, 1);
    assert_int_equal(seen(&world, 1).counted, 9); /* as its provider counted */
    assert_true(seen(&world, 2).counted > 5);
    assert_int_equal(attempt_charges(flight, 0, charges, limit_path), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(charges[i].units, seen(&world, i).counted);
        assert_int_equal(charges[i].budget, world.config.snapshot->providers[0].quotas[i].identity);
        assert_int_equal(charges[i].window_s, seen(&world, i).span.start_s);
    }
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void what_was_never_sent_does_not_count(void **state) {
    (void)state;
    struct flight_world world;
    struct attempt_charge charges[limit_path];
    flight_world_begin(&world, "providers: {" A("requests_per_day: 5, characters_per_day: 50") "}");
    struct flight *flight = ask(&world);
    flight_world_tell(&world, flight,
                      (struct event){.kind = event_call_failed, .attempt = 0, .failure = failure_connect});
    for (size_t i = 0; i < 2; i++) assert_int_equal(seen(&world, i).counted + seen(&world, i).reserved, 0);
    assert_int_equal(attempt_charges(flight, 0, charges, limit_path), 0);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void what_was_sent_counts_though_it_failed_or_its_caller_hung_up(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, "providers: {" A("requests_per_hour: 5") "}");
    struct flight *flight = ask(&world);
    flight_world_tell(&world, flight, (struct event){.kind = event_sent, .attempt = 0});
    flight_world_head(&world, flight, 0, 400, "application/json");
    flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"no\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    assert_int_equal(seen(&world, 0).counted, 1);
    flight_world_drop(&world, flight);
    flight = ask(&world);
    flight_world_tell(&world, flight, (struct event){.kind = event_sent, .attempt = 0});
    flight_world_drop(&world, flight);
    assert_int_equal(seen(&world, 0).counted, 2);
    assert_int_equal(seen(&world, 0).reserved, 0);
    flight_world_end(&world);
}

static struct str asked(const struct flight_world *world, struct flight *flight) {
    return flight_world_asked(world, action_call) ? attempt_facts(flight, 0).target->provider->name : STR("");
}

static void a_provider_without_quota_left_is_passed_over_until_its_next_window(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, "providers: {" A("requests_per_hour: 1") ", " B "}");
    struct flight *flight = ask(&world);
    assert_true(str_eq(asked(&world, flight), STR("a")));
    answer(&world, flight);
    flight_world_drop(&world, flight);
    flight = ask(&world);
    assert_true(str_eq(asked(&world, flight), STR("b")));
    flight_world_drop(&world, flight);
    world.now.wall_ns += 3600 * (int64_t)NS_PER_S;
    flight = ask(&world);
    assert_true(str_eq(asked(&world, flight), STR("a")));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void who_can_be_served_by_nobody_is_told_when_it_begins_anew(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, "providers: {" A("requests_per_day: 1") "}");
    struct flight *first = ask(&world), *second = ask(&world); /* the first one may still be not sent */
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    assert_true(flight_world_wrote(&world, "\"rate_limited\""));
    flight_world_drop(&world, second);
    answer(&world, first);
    flight_world_drop(&world, first);
    second = ask(&world);
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    assert_true(flight_world_wrote(&world, "quota_exhausted"));
    assert_true(
        flight_world_wrote(&world, "The quota of requests of the model's provider is used up: it begins anew at 20"));
    flight_world_drop(&world, second);
    flight_world_end(&world);
}

static void the_adaptive_score_sees_what_is_left(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, "selection_strategy: adaptive\nadaptive: {health: 0, quota: 1, response_time: 0}\n"
                               "providers: {" A("requests_per_day: 2") ", " B "}");
    struct flight *first = ask(&world), *second = ask(&world);
    assert_true(str_eq(asked(&world, second), STR("b"))); /* it has all of none, the other half of two */
    flight_world_drop(&world, first);
    flight_world_drop(&world, second);
    flight_world_end(&world);
}

static void a_lock_leaves_who_is_over_quota(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, "selection_strategy: exclusive\nproviders: {" A("requests_per_day: 1") ", " B "}");
    struct flight *flight = ask(&world);
    answer(&world, flight);
    flight_world_drop(&world, flight);
    flight = ask(&world);
    assert_true(str_eq(asked(&world, flight), STR("b")));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answered_attempt_counts_for_what_it_used),
        cmocka_unit_test(what_was_never_sent_does_not_count),
        cmocka_unit_test(what_was_sent_counts_though_it_failed_or_its_caller_hung_up),
        cmocka_unit_test(a_provider_without_quota_left_is_passed_over_until_its_next_window),
        cmocka_unit_test(who_can_be_served_by_nobody_is_told_when_it_begins_anew),
        cmocka_unit_test(the_adaptive_score_sees_what_is_left),
        cmocka_unit_test(a_lock_leaves_who_is_over_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
