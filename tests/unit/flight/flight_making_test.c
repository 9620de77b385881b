/* flight_making_test.c - what is written down of an answer: whole and good, or nothing. */
#include "flight_cache_world.h"

#include <stdio.h>

static const struct flight_request chat = {.endpoint = endpoint_chat};

static uint64_t kept_after(const char *stream, const char *type, const char *bytes, bool cut) {
    struct cache_world of;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *flight = cache_world_ask(&of, chat, stream);
    cache_world_head(&of, flight, 200, type);
    cache_world_body(&of, flight, bytes);
    if (flight->state != flight_closed && cut)
        cache_world_tell(
            &of, flight,
            (struct event){.kind = event_call_failed, .attempt = 0, .failure = failure_cut, .text = STR("")});
    else if (flight->state != flight_closed)
        cache_world_ended(&of, flight);
    uint64_t kept = cache_look(&of.cache).answers;
    cache_world_drop(&of, flight);
    assert_int_equal(of.world.memory.taken > 64 * 1024 * 1024, 0);
    cache_world_end(&of);
    return kept;
}

static void only_what_is_whole_and_good_is_kept(void **state) {
    static const char whole[] = FLIGHT_CHAT("r", "false"), stream[] = FLIGHT_CHAT("r", "true");
    static const char done[] = "data: [DONE]\n\n";
    char all[2048];
    (void)state;
    snprintf(all, sizeof all, "%s%s%s", FLIGHT_EVENT("a", "null"), FLIGHT_EVENT("b", "\"stop\""), done);
    assert_int_equal(kept_after(whole, "application/json", FLIGHT_WHOLE, false), 1);
    assert_int_equal(kept_after(stream, "text/event-stream", all, false), 1);
    assert_int_equal(kept_after(whole, "application/json", "{\"error\":{\"message\":\"no\"}}", false), 0);
    assert_int_equal(kept_after(whole, "application/json", "{\"id\":", false), 0);
    assert_int_equal(kept_after(whole, "application/json", FLIGHT_WHOLE, true), 0);
    assert_int_equal(kept_after(stream, "text/event-stream", FLIGHT_EVENT("a", "null"), true), 0);
    assert_int_equal(kept_after(stream, "text/event-stream", FLIGHT_EVENT("a", "null"), false), 0);
    assert_int_equal(kept_after(stream, "text/event-stream",
                                FLIGHT_EVENT("a", "null") "data: {\"error\":{\"message\":\"no\"}}\n\n", false),
                     0);
}

static void nothing_is_held_once_it_has_ended(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *flight = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "true"));
    cache_world_head(&of, flight, 200, "text/event-stream");
    cache_world_body(&of, flight, FLIGHT_EVENT("a", "null"));
    assert_non_null(flight->cache.making);
    cache_world_drop(&of, flight);
    assert_int_equal(of.world.memory.taken, 0);
    cache_world_end(&of);
}

#define MAKING_YAML(cache)                                                                 \
    "state_dir: ./state\n"                                                                 \
    "trust_tags: true\n"                                                                   \
    "cache: {mode: all" cache "}\n"                                                        \
    "providers:\n"                                                                         \
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [r], max_retries: 0}\n" \
    "clients: [{name: app, tags: {team: search, env: prod},\n"                             \
    "  key_hash: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}]\n"

static void what_is_kept_says_whose_it_was_and_what_it_took(void **state) {
    struct cache_world of;
    const struct http_header headers[] = {{STR("x-weir-tags"), STR("run=7")}, {STR("x-weir-cache-key"), STR(" k ")}};
    (void)state;
    cache_world_begin(&of, MAKING_YAML(", ttl_seconds: 60"));
    struct flight *flight = cache_world_ask(&of,
                                            (struct flight_request){.endpoint = endpoint_chat,
                                                                    .client = &of.world.config.snapshot->clients[0],
                                                                    .headers = headers,
                                                                    .header_count = 2},
                                            FLIGHT_CHAT("r", "false"));
    assert_int_equal(cache_look(&of.cache).missed, 1); /* though it looked again when it began to make one */
    cache_world_answer(&of, flight);
    const int64_t now_s = of.world.now.wall_ns / (int64_t)NS_PER_S;
    struct cache_answer *answer = cache_find(&of.cache, &flight->cache.key, now_s);
    assert_non_null(answer);
    static const struct {
        unsigned text;
        const char *said;
    } texts[] = {{cache_text_client, "app"},
                 {cache_text_route, "r"},
                 {cache_text_model, "r"},
                 {cache_text_target, "o/r"},
                 {cache_text_tags, "team=search,env=prod,run=7"},
                 {cache_text_key, "k"},
                 {cache_text_type, "application/json"},
                 {cache_text_dropped, ""}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_str_equal(answer->facts.texts[texts[i].text], texts[i].said);
    assert_str_equal(answer->body, FLIGHT_WHOLE);
    assert_true(answer->facts.input_tokens == 7 && answer->facts.output_tokens == 2);
    assert_true(answer->facts.made_s == now_s && answer->facts.expires_s == now_s + 60);
    assert_true(answer->facts.endpoint == endpoint_chat && !answer->facts.stream);
    cache_release(answer);
    cache_world_drop(&of, flight);
    cache_world_end(&of);
}

/* Longer than what the cache holds of one: its caller gets it, whole, and nobody else does. */
static void what_is_too_long_is_not_kept_and_not_held_up(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    assert_true(cache_resize(&of.cache, 64 * 1024));
    const size_t most = cache_answer_max(&of.cache);
    struct flight *flight = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "true"));
    struct making *making = flight->cache.making;
    assert_non_null(making);
    cache_world_head(&of, flight, 200, "text/event-stream");
    size_t written = 0;
    while (flight->cache.making) {
        cache_world_body(&of, flight, FLIGHT_EVENT("0123456789", "null"));
        assert_true(flight_world_wrote(&of.world, "0123456789"));
        written += sizeof FLIGHT_EVENT("0123456789", "null") - 1;
        assert_true(written < most + 1000);
    }
    assert_true(written > most && !flight->cache.keeps);
    cache_world_body(&of, flight, FLIGHT_EVENT("b", "\"stop\"") "data: [DONE]\n\n");
    assert_true(flight_world_wrote(&of.world, "[DONE]"));
    cache_world_ended(&of, flight);
    assert_int_equal(flight->answer.error, error_none);
    assert_int_equal(cache_look(&of.cache).answers, 0);
    cache_world_drop(&of, flight);
    cache_world_end(&of);
}

/* Nobody may follow, and it is written down all the same. */
static void where_nothing_is_shared_an_answer_is_made_alone(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, MAKING_YAML(", share_in_flight: false"));
    struct flight *first = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "false")),
                  *second = cache_world_ask(&of, chat, FLIGHT_CHAT("r", "false"));
    assert_int_equal(second->attempt_count, 1);
    cache_world_answer(&of, first);
    assert_int_equal(cache_look(&of.cache).answers, 1);
    cache_world_drop(&of, first);
    cache_world_drop(&of, second);
    cache_world_end(&of);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_whole_and_good_is_kept),
        cmocka_unit_test(nothing_is_held_once_it_has_ended),
        cmocka_unit_test(what_is_kept_says_whose_it_was_and_what_it_took),
        cmocka_unit_test(what_is_too_long_is_not_kept_and_not_held_up),
        cmocka_unit_test(where_nothing_is_shared_an_answer_is_made_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
