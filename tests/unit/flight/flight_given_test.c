/* flight_given_test.c - an answer that is kept, as it is given. */
#include "flight_cache_world.h"

static const struct flight_request chat = {.endpoint = endpoint_chat};

static void it_is_told_by_whom_it_was_made_and_costs_nothing(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "false"));
    cache_world_answer(&of, first);
    struct flight *second = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "true"));
    assert_str_equal(flight_world_said(&of.world, "x-weir-provider"), "o");
    assert_str_equal(flight_world_said(&of.world, "x-weir-model"), "m");
    assert_str_equal(flight_world_said(&of.world, "x-weir-attempts"), "0");
    assert_str_equal(flight_world_said(&of.world, "x-weir-cost"), "0.000000000");
    assert_true(flight_world_wrote(&of.world, "data: [DONE]"));
    assert_ptr_equal(flight_facts(second).provider, first->attempts[0]->target->provider);
    flight_free(first);
    flight_free(second);
    cache_world_end(&of);
}

static void what_cannot_be_read_is_not_given_and_not_held(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "false"));
    struct cache_facts facts = {.expires_s = INT64_MAX};
    for (unsigned i = 0; i < cache_texts; i++) facts.texts[i] = STR("");
    facts.texts[cache_text_target] = STR("o/m");
    struct cache_answer *broken = cache_answer_new(&first->cache.key, &facts, 0);
    cache_keep(&of.cache, broken);
    cache_world_drop(&of, first);
    struct flight *second = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "true")); /* as a stream: it is no reply */
    assert_int_equal(second->cache.state, cached_miss);
    assert_non_null(second->cache.why);
    assert_null(second->cache.answer);
    assert_int_equal(atomic_load(&broken->holds), 2);
    cache_release(broken);
    cache_world_drop(&of, second);
    cache_world_end(&of);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_by_whom_it_was_made_and_costs_nothing),
        cmocka_unit_test(what_cannot_be_read_is_not_given_and_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
