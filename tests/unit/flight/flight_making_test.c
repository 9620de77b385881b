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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_whole_and_good_is_kept),
        cmocka_unit_test(nothing_is_held_once_it_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
