/* flight_cache_test.c - what is given from the cache, to whom, and who follows whom. */
#include "flight_cache_world.h"

#define CHAT FLIGHT_CHAT("r", "false")
#define STREAM FLIGHT_CHAT("r", "true")
static const struct flight_request chat = {.endpoint = endpoint_chat};

static void an_answer_is_given_again_without_an_attempt(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, CHAT);
    cache_world_answer(&of, first);
    assert_str_equal(flight_world_said(&of.world, "x-weir-cache"), "miss");
    struct flight *second = cache_world_ask(&of, chat, CHAT);
    assert_str_equal(flight_world_said(&of.world, "x-weir-cache"), "hit");
    assert_str_equal(flight_world_written(&of.world), FLIGHT_WHOLE);
    assert_int_equal(second->attempt_count, 0);
    assert_int_equal(second->state, flight_closed);
    assert_int_equal(flight_facts(second).output_tokens, 2);
    flight_free(first);
    flight_free(second);
    cache_world_end(&of);
}

static void it_expires(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, CHAT);
    cache_world_answer(&of, first);
    of.world.now.wall_ns += 300 * (int64_t)NS_PER_S;
    struct flight *second = cache_world_ask(&of, chat, CHAT);
    assert_int_equal(second->cache.state, cached_miss);
    flight_free(first);
    cache_world_drop(&of, second);
    cache_world_end(&of);
}

/* The route has another target now: nobody may be given what the first one said. */
static void an_answer_of_a_target_that_may_not_serve_is_not_given(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, CHAT);
    cache_world_answer(&of, first);
    struct cache_facts facts = {.expires_s = INT64_MAX};
    for (unsigned i = 0; i < cache_texts; i++) facts.texts[i] = STR("");
    facts.texts[cache_text_target] = STR("p/other");
    struct cache_answer *forged = cache_answer_new(&first->cache.key, &facts, 0);
    cache_keep(&of.cache, forged);
    cache_release(forged);
    struct flight *second = cache_world_ask(&of, chat, CHAT);
    assert_int_equal(second->cache.state, cached_miss);
    assert_int_equal(second->attempt_count, 1);
    flight_free(first);
    cache_world_drop(&of, second);
    cache_world_end(&of);
}

static void who_asks_for_the_same_follows_and_gets_what_the_first_gets(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, STREAM), *second = cache_world_ask(&of, chat, STREAM);
    assert_int_equal(second->waiting.why, waiting_twin);
    assert_int_equal(second->attempt_count, 0);
    cache_world_head(&of, first, 200, "text/event-stream");
    cache_world_body(&of, first, FLIGHT_EVENT("one", "null"));
    assert_int_equal(flight_world_asked(&of.world, action_tell), 1);
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    assert_str_equal(flight_world_said(&of.world, "x-weir-cache"), "shared");
    assert_true(flight_world_wrote(&of.world, "one"));
    struct flight *third = cache_world_ask(&of, chat, STREAM); /* in the middle of it */
    cache_world_body(&of, first, FLIGHT_EVENT("two", "\"stop\"") "data: [DONE]\n\n");
    cache_world_ended(&of, first);
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    assert_true(flight_world_wrote(&of.world, "two") && flight_world_wrote(&of.world, "[DONE]"));
    assert_int_equal(flight_world_asked(&of.world, action_end), 1);
    cache_world_tell(&of, third, (struct event){.kind = event_made});
    assert_true(flight_world_wrote(&of.world, "one") && flight_world_wrote(&of.world, "[DONE]"));
    assert_int_equal(third->state, flight_closed);
    assert_int_equal(third->attempt_count + second->attempt_count, 0);
    flight_free(first);
    flight_free(second);
    flight_free(third);
    cache_world_end(&of);
}

static void a_first_that_cannot_go_on_leaves_its_place_to_the_next(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, CHAT), *second = cache_world_ask(&of, chat, CHAT),
                  *third = cache_world_ask(&of, chat, CHAT);
    cache_world_tell(&of, first, (struct event){.kind = event_shutdown}); /* as a deadline of its own */
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    assert_int_equal(second->attempt_count, 1);
    cache_world_tell(&of, third, (struct event){.kind = event_made});
    assert_int_equal(third->waiting.why, waiting_twin); /* of the second now */
    cache_world_answer(&of, second);
    cache_world_tell(&of, third, (struct event){.kind = event_made});
    assert_str_equal(flight_world_written(&of.world), FLIGHT_WHOLE);
    flight_free(first);
    flight_free(second);
    flight_free(third);
    cache_world_end(&of);
}

static void a_first_whose_caller_has_gone_goes_on_for_the_others_and_ends_with_the_last(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, STREAM), *second = cache_world_ask(&of, chat, STREAM);
    cache_world_tell(&of, first, (struct event){.kind = event_caller_gone});
    assert_int_equal(first->state, flight_trying);
    assert_true(flight_facts(first).caller_gone);
    cache_world_tell(&of, second, (struct event){.kind = event_caller_gone});
    assert_int_equal(flight_world_asked(&of.world, action_tell), 1);
    cache_world_tell(&of, first, (struct event){.kind = event_made});
    assert_int_equal(flight_world_asked(&of.world, action_cancel), 1);
    assert_int_equal(first->state, flight_closed);
    flight_free(first);
    flight_free(second);
    cache_world_end(&of);
}

static void a_failure_of_all_is_all_theirs_and_is_not_kept(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, CHAT), *second = cache_world_ask(&of, chat, CHAT);
    cache_world_head(&of, first, 400, "application/json");
    cache_world_body(&of, first, "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}");
    cache_world_ended(&of, first);
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    assert_int_equal(flight_world_action(&of.world, action_respond)->respond.status, 400);
    assert_int_equal(second->attempt_count, 0);
    assert_int_equal(cache_look(&of.cache).answers, 0);
    flight_free(first);
    flight_free(second);
    cache_world_end(&of);
}

static void a_slow_follower_is_given_no_more_until_it_has_read(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, STREAM), *second = cache_world_ask(&of, chat, STREAM);
    cache_world_head(&of, first, 200, "text/event-stream");
    cache_world_body(&of, first, FLIGHT_EVENT("one", "null"));
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    cache_world_tell(&of, second, (struct event){.kind = event_caller_full});
    cache_world_body(&of, first, FLIGHT_EVENT("two", "null"));
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    assert_int_equal(flight_world_asked(&of.world, action_write), 0);
    cache_world_tell(&of, second, (struct event){.kind = event_caller_writable});
    assert_true(flight_world_wrote(&of.world, "two"));
    cache_world_tell(&of, second, (struct event){.kind = event_shutdown}); /* its stream ends as a broken one */
    assert_true(flight_world_wrote(&of.world, "error"));
    cache_world_drop(&of, first);
    flight_free(second);
    cache_world_end(&of);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_given_again_without_an_attempt),
        cmocka_unit_test(it_expires),
        cmocka_unit_test(an_answer_of_a_target_that_may_not_serve_is_not_given),
        cmocka_unit_test(who_asks_for_the_same_follows_and_gets_what_the_first_gets),
        cmocka_unit_test(a_first_that_cannot_go_on_leaves_its_place_to_the_next),
        cmocka_unit_test(a_first_whose_caller_has_gone_goes_on_for_the_others_and_ends_with_the_last),
        cmocka_unit_test(a_failure_of_all_is_all_theirs_and_is_not_kept),
        cmocka_unit_test(a_slow_follower_is_given_no_more_until_it_has_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
