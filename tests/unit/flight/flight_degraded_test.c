/* flight_degraded_test.c - what is an outage, and what its callers get. */
#include "flight_cache_world.h"

#define CHAT FLIGHT_CHAT("r", "false")
#define TWO FLIGHT_CHAT("s", "false")
#define WORDS CACHE_YAML "  - {model: w, targets: [o/m], fallback_response: 'call us'}\n"
static const struct flight_request chat = {.endpoint = endpoint_chat};

static void expire(struct cache_world *of, const char *body) {
    struct flight *first = cache_world_ask(of, chat, body);
    cache_world_answer(of, first);
    flight_free(first);
    of->world.now.wall_ns += 300 * (int64_t)NS_PER_S;
}

static void fail_with(struct cache_world *of, struct flight *flight, int status) {
    cache_world_head(of, flight, status, "application/json");
    cache_world_body(of, flight, "{\"error\":{\"message\":\"no\"}}");
    cache_world_ended(of, flight);
}

static void an_old_answer_where_the_one_target_failed(void **state) {
    static const struct {
        int status;
        bool out;
    } cases[] = {{500, true},  {502, true},  {503, true},  {529, true},  {429, true},  {401, true}, {402, true},
                 {400, false}, {403, false}, {404, false}, {409, false}, {413, false}, {422, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cache_world of;
        cache_world_begin(&of, CACHE_YAML);
        expire(&of, CHAT);
        struct flight *second = cache_world_ask(&of, chat, CHAT);
        fail_with(&of, second, cases[i].status);
        if (second->state != flight_closed || (second->cache.state == cached_stale) != cases[i].out)
            fail_msg("%d: %d", cases[i].status, (int)second->cache.state);
        if (cases[i].out) assert_str_equal(flight_world_written(&of.world), FLIGHT_WHOLE);
        if (cases[i].out) assert_int_equal(flight_facts(second).output_tokens, 2);
        flight_free(second);
        cache_world_end(&of);
    }
}

/* The next target would have to be asked, were it not for what stands against it. */
static void every_target_must_be_out(void **state) {
    (void)state;
    for (unsigned refusal = refusal_none + 1; refusal < refusals; refusal++) {
        static const enum refusal own[] = {refusal_cooling_for_client, refusal_limit_rate,      refusal_limit_full,
                                           refusal_line_share,         refusal_context,         refusal_budget,
                                           refusal_budget_room,        refusal_provider_budget, refusal_downgraded,
                                           refusal_unpriced,           refusal_unbounded,       refusal_client_barred};
        struct cache_world of;
        bool out = true;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++) out = out && refusal != (unsigned)own[i];
        cache_world_begin(&of, CACHE_YAML);
        expire(&of, TWO);
        struct flight *second = cache_world_ask(&of, chat, TWO);
        assert_int_equal(second->attempt_count, 1);
        cache_world_head(&of, second, 503, "application/json");
        cache_world_ended(&of, second); /* on to the other one */
        assert_int_equal(second->attempt_count, 2);
        second->choice.candidates[0].tries = 0;
        second->choice.candidates[0].refusal = (enum refusal)refusal;
        second->choice.route = &(struct route){.retry = {.max_attempts = 2}}; /* nobody is looked at again */
        cache_world_head(&of, second, 503, "application/json");
        cache_world_ended(&of, second);
        if ((second->cache.state == cached_stale) != out) fail_msg("%s", refusal_name((enum refusal)refusal).at);
        flight_free(second);
        cache_world_end(&of);
    }
}

static void its_routes_words_are_never_kept_and_name_nobody(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, WORDS);
    struct flight *first = cache_world_ask(&of, chat, FLIGHT_CHAT("w", "false")),
                  *second = cache_world_ask(&of, chat, FLIGHT_CHAT("w", "false"));
    fail_with(&of, first, 503);
    assert_str_equal(flight_world_said(&of.world, "x-weir-fallback"), "true");
    assert_true(flight_world_wrote(&of.world, "call us"));
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    assert_str_equal(flight_world_said(&of.world, "x-weir-fallback"), "true");
    assert_int_equal(second->attempt_count, 0);
    assert_true(flight_facts(second).is_fallback && flight_facts(second).error == error_none);
    assert_int_equal(cache_look(&of.cache).kept, 0);
    flight_free(first);
    flight_free(second);
    cache_world_end(&of);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_answer_where_the_one_target_failed),
        cmocka_unit_test(every_target_must_be_out),
        cmocka_unit_test(its_routes_words_are_never_kept_and_name_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
