/* Answers to the same in other words: when they are given, and that nothing of it can hold a request up or end it. */
#include "flight_semantic_world.h"

#define ONE "How do I reset my password?"
#define OTHER "How can I reset my password?"

static void near_and_alike_is_a_hit(void **state) {
    struct cache_world of;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("shadow: 0"));
    semantic_world_seed(&of, ONE, "[1,0.1,0]");
    struct flight *flight = semantic_world_ask(&of, OTHER);
    assert_int_equal(flight->waiting.why, waiting_embedding);
    const struct action *asked = flight_world_action(&of.world, action_embed);
    assert_true(str_eq(asked->embed.words, STR(OTHER)) && str_eq(asked->embed.model, STR("o/e")));
    semantic_world_embed(&of, flight, "[1,0,0]");
    assert_int_equal(flight->state, flight_closed);
    assert_int_equal(flight->cache.state, cached_hit);
    assert_int_equal(flight->semantic->outcome, semantic_hit);
    assert_true(flight->semantic->alike > 0.99 && flight->semantic->alike < 1);
    assert_int_equal(flight->attempt_count, 0);
    cache_world_drop(&of, flight);
    cache_world_end(&of);
}

static void what_differs_is_asked_for(void **state) {
    static const struct {
        const char *words, *vector;
        enum semantic_outcome outcome;
    } rows[] = {{"How do I reset my laptop?", "[1,0,0]", semantic_differs}, /* near, and another */
                {OTHER, "[0,1,0]", semantic_far},                           /* the same, and not near */
                {OTHER, "[1,0]", semantic_far},                             /* of another length */
                {OTHER, "[]", semantic_failed},
                {OTHER, "[0,0,0]", semantic_failed},
                {OTHER, "[1,\"x\"]", semantic_failed},
                {OTHER, "7", semantic_failed}};
    struct cache_world of;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("shadow: 0"));
    semantic_world_seed(&of, ONE, "[1,0,0]");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight *flight = semantic_world_ask(&of, rows[i].words);
        semantic_world_embed(&of, flight, rows[i].vector);
        assert_int_equal(flight->state, flight_trying);
        assert_int_equal(flight->semantic->outcome, rows[i].outcome);
        assert_true(flight->cache.state == cached_miss && (flight->cache.why || rows[i].outcome == semantic_far));
        cache_world_drop(&of, flight);
    }
    cache_world_end(&of);
}

static void the_next_nearest_may_be_it(void **state) {
    struct cache_world of;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("shadow: 0"));
    semantic_world_seed(&of, "How do I disable 2FA?", "[1,0.01,0]");
    semantic_world_seed(&of, "How do I enable 2FA?", "[1,0.2,0]");
    struct flight *flight = semantic_world_ask(&of, "How can I turn on 2FA?");
    semantic_world_embed(&of, flight, "[1,0,0]");
    assert_int_equal(flight->semantic->outcome, semantic_hit);
    assert_true(flight->semantic->alike < 0.99 && !flight->cache.why);
    cache_world_drop(&of, flight);
    cache_world_end(&of);
}

static void a_failure_and_a_wait_that_is_too_long_are_misses(void **state) {
    struct cache_world of;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("timeout_ms: 200"));
    struct flight *failed = semantic_world_ask(&of, ONE);
    cache_world_tell(&of, failed, (struct event){.kind = event_embedded});
    assert_true(failed->state == flight_trying && failed->semantic->outcome == semantic_failed);
    cache_world_drop(&of, failed);
    struct flight *late = semantic_world_ask(&of, ONE);
    assert_int_equal(flight_world_action(&of.world, action_timer)->deadline_ns, of.world.now.mono_ns + 200 * NS_PER_MS);
    of.world.now.mono_ns += 200 * NS_PER_MS;
    cache_world_tell(&of, late, (struct event){.kind = event_timer});
    assert_int_equal(flight_world_asked(&of.world, action_unembed), 1);
    assert_int_equal(flight_world_asked(&of.world, action_call), 1);
    assert_true(late->state == flight_trying && late->semantic->outcome == semantic_failed);
    semantic_world_embed(&of, late, "[1,0,0]"); /* what comes then changes nothing */
    assert_true(late->attempt_count == 1 && late->waiting.why == waiting_none && !late->semantic->vector);
    cache_world_answer(&of, late);
    assert_int_equal(semantic_count(&of.cache.semantic), 0);
    cache_world_drop(&of, late);
    cache_world_end(&of);
}

static void a_caller_that_goes_meanwhile_leaves_nothing(void **state) {
    struct cache_world of;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("shadow: 0"));
    struct flight *flight = semantic_world_ask(&of, ONE);
    cache_world_tell(&of, flight, (struct event){.kind = event_caller_gone});
    assert_int_equal(flight_world_asked(&of.world, action_unembed), 1);
    assert_int_equal(flight->state, flight_closed);
    flight_free(flight);
    struct flight *stopped = semantic_world_ask(&of, ONE);
    cache_world_tell(&of, stopped, (struct event){.kind = event_shutdown});
    assert_int_equal(flight_world_asked(&of.world, action_unembed), 1);
    assert_int_equal(stopped->answer.error, error_shutting_down);
    flight_free(stopped);
    cache_world_end(&of);
}

static void what_has_gone_from_the_cache_is_not_found(void **state) {
    struct cache_world of;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("shadow: 0"));
    semantic_world_seed(&of, ONE, "[1,0,0]");
    assert_int_equal(semantic_count(&of.cache.semantic), 1);
    of.world.now.wall_ns += 301 * (int64_t)NS_PER_S; /* expired */
    struct flight *flight = semantic_world_ask(&of, OTHER);
    semantic_world_embed(&of, flight, "[1,0,0]");
    assert_int_equal(flight->state, flight_trying);
    cache_world_drop(&of, flight);
    semantic_world_seed(&of, ONE, "[1,0,0]");
    assert_int_equal(semantic_count(&of.cache.semantic), 1);
    assert_int_equal(cache_purge(&of.cache, &(struct cache_choice){.by = cache_text_route, .value = STR("r")}), 1);
    assert_int_equal(semantic_count(&of.cache.semantic), 0);
    cache_world_end(&of);
}

static void an_inner_request_takes_no_place_and_looks_for_nothing(void **state) {
    struct cache_world of;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("shadow: 0"));
    struct flight *flight = cache_world_ask(
        &of, (struct flight_request){.endpoint = endpoint_embeddings, .inner = {.is = true, .scope = cache_scope_all}},
        "{\"model\":\"o/e\",\"input\":\"x\"}");
    assert_true(flight->state == flight_trying && !flight->semantic && !flight->cache.keeps);
    assert_true(flight->cache.making && !flight->client_holds.gate); /* others that ask for it follow */
    cache_world_drop(&of, flight);
    cache_world_end(&of);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_and_alike_is_a_hit),
        cmocka_unit_test(what_differs_is_asked_for),
        cmocka_unit_test(the_next_nearest_may_be_it),
        cmocka_unit_test(a_failure_and_a_wait_that_is_too_long_are_misses),
        cmocka_unit_test(a_caller_that_goes_meanwhile_leaves_nothing),
        cmocka_unit_test(what_has_gone_from_the_cache_is_not_found),
        cmocka_unit_test(an_inner_request_takes_no_place_and_looks_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
