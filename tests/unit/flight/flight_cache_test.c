/* flight_cache_test.c - what is given from the cache, to whom, and who follows whom. */
#include "flight_cache_world.h"

#include <stdio.h>

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
    assert_int_equal(flight_world_asked(&of.world, action_given), 0);
    struct flight *second = cache_world_ask(&of, chat, CHAT);
    assert_str_equal(flight_world_said(&of.world, "x-weir-cache"), "hit");
    assert_int_equal(flight_world_asked(&of.world, action_given), 1);
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
    assert_int_equal(flight_world_asked(&of.world, action_given), 0); /* when it has all of it */
    struct flight *third = cache_world_ask(&of, chat, STREAM);        /* in the middle of it */
    cache_world_body(&of, first, FLIGHT_EVENT("two", "\"stop\"") "data: [DONE]\n\n");
    cache_world_ended(&of, first);
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    assert_true(flight_world_wrote(&of.world, "two") && flight_world_wrote(&of.world, "[DONE]"));
    assert_int_equal(flight_world_asked(&of.world, action_end), 1);
    assert_int_equal(flight_world_asked(&of.world, action_given), 1);
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

static struct flight *ask_with(struct cache_world *of, const char *name, const char *value, const char *body) {
    const struct http_header header = {str_from(name), str_from(value)};
    return cache_world_ask(
        of, (struct flight_request){.endpoint = endpoint_chat, .headers = &header, .header_count = 1}, body);
}

/* Before its body has come. */
static void words_that_are_none_are_refused(void **state) {
    static const struct {
        const char *name, *value, *says;
    } rows[] = {
        {"x-weir-cache", "yes", "must be no-cache, no-store or only"},
        {"x-weir-cache", "", "must be no-cache, no-store or only"},
        {"x-weir-cache-ttl", "soon", "whole number of seconds"},
        {"x-weir-cache-ttl", "-1", "whole number of seconds"},
        {"x-weir-cache-key", " ", "1 to 256 bytes"},
    };
    struct cache_world of;
    char name[258];
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct http_header header = {str_from(rows[i].name), str_from(rows[i].value)};
        struct flight *flight = flight_world_new_of(
            &of.world, (struct flight_request){.endpoint = endpoint_chat, .headers = &header, .header_count = 1});
        if (flight->answer.error != error_invalid_request || flight->answer.status != 400) fail_msg("row %zu", i);
        if (!flight_world_wrote(&of.world, rows[i].says)) fail_msg("%.*s", STR_ARG(flight_world_written(&of.world)));
        cache_world_drop(&of, flight);
    }
    for (size_t len = 256; len <= 257; len++) {
        memset(name, 'k', len);
        name[len] = 0;
        const struct http_header header = {STR("x-weir-cache-key"), str_from(name)};
        struct flight *flight = flight_world_new_of(
            &of.world, (struct flight_request){.endpoint = endpoint_chat, .headers = &header, .header_count = 1});
        assert_int_equal(flight->answer.error, len == 256 ? error_none : error_invalid_request);
        cache_world_drop(&of, flight);
    }
    cache_world_end(&of);
}

static void a_caller_says_what_it_takes_of_the_cache(void **state) {
    static const struct {
        const char *name, *value;
        enum cached state;
        enum error_code error;
    } rows[] = {
        {"x-weir-cache", "no-cache", cached_miss, error_none},
        {"x-weir-cache", " No-Store ", cached_bypass, error_none},
        {"x-weir-cache", "only", cached_hit, error_none},
        {"x-weir-cache-ttl", "0", cached_bypass, error_none},
        {"x-weir-cache-ttl", "10", cached_miss, error_none}, /* it is ten seconds old */
        {"x-weir-cache-ttl", "11", cached_hit, error_none},
        {"x-weir-cache-ttl", "1000", cached_hit, error_none},
        {"x-weir-cache-ttl", "1001", cached_bypass, error_invalid_request},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cache_world of;
        cache_world_begin(
            &of, "state_dir: ./state\ncache: {mode: all, max_ttl_seconds: 1000}\n"
                 "providers: {o: {type: openai, api_key: sk-secret-secret-secret, models: [r], max_retries: 0}}\n");
        struct flight *first = cache_world_ask(&of, chat, CHAT);
        cache_world_answer(&of, first);
        of.world.now.wall_ns += 10 * (int64_t)NS_PER_S;
        struct flight *second = ask_with(&of, rows[i].name, rows[i].value, CHAT);
        if (second->cache.state != rows[i].state || second->answer.error != rows[i].error)
            fail_msg("row %zu: %d %s", i, (int)second->cache.state, error_name(second->answer.error).at);
        assert_int_equal(second->attempt_count, rows[i].state != cached_hit && !rows[i].error);
        flight_free(first);
        cache_world_drop(&of, second);
        cache_world_end(&of);
    }
}

static void who_wants_only_what_is_kept_is_told_that_nothing_is(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *flight = ask_with(&of, "x-weir-cache", "only", CHAT);
    assert_true(flight->answer.error == error_not_cached && flight->answer.status == 504 && flight->attempt_count == 0);
    assert_false(flight->answer.is_final); /* it may be kept later */
    assert_true(flight_world_wrote(&of.world, error_facts(error_not_cached)->sentence.at));
    assert_false(flight_world_wrote(&of.world, " Why: "));
    cache_world_drop(&of, flight);
    flight = ask_with(&of, "x-weir-cache", "only",
                      "{\"model\":\"r\",\"store\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    assert_true(flight->answer.error == error_not_cached && flight->answer.is_final);
    assert_true(flight_world_wrote(&of.world, " Why: it is stored, or goes on from what is."));
    cache_world_drop(&of, flight);
    cache_world_end(&of);
}

#define SHARED_YAML                                                                        \
    "state_dir: ./state\ncache: {mode: all, scope: all}\n"                                 \
    "providers:\n"                                                                         \
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], max_retries: 0}\n" \
    "routes: [{model: r, targets: [o/m]}]\n"

/* It is given in pieces of 128 KB of one step each. */
static void a_long_answer_is_followed_in_steps(void **state) {
    enum { size = 40 * 1024, pieces = 5 };
    static char event[size + 400];
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, SHARED_YAML);
    struct text text = text_in_buffer(event, sizeof event);
    text_put(&text, STR("data: {\"id\":\"i\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\""));
    for (unsigned i = 0; i < size; i++) text_put_byte(&text, 'x');
    text_put(&text, STR("\"},\"finish_reason\":null}]}\n\n"));
    text_put_byte(&text, 0);
    struct flight *first = cache_world_ask(&of, chat, STREAM), *second = cache_world_ask(&of, chat, STREAM);
    cache_world_head(&of, first, 200, "text/event-stream");
    for (unsigned i = 0; i < pieces; i++) cache_world_body(&of, first, event);
    const size_t whole = pieces * (text.len - 1);
    size_t given = 0, steps = 0;
    for (bool more = true; more; steps++) {
        cache_world_tell(&of, second, (struct event){.kind = event_made});
        size_t now = 0;
        for (size_t i = 0; i < of.world.out.count; i++)
            for (size_t r = 0; of.world.out.list[i].kind == action_write && r < of.world.out.list[i].write.count; r++)
                now += of.world.out.list[i].write.ranges[r].len;
        more = flight_world_asked(&of.world, action_tell) == 1;
        assert_int_equal(now, more ? 128 * 1024 : whole - given);
        given += now;
    }
    assert_true(steps == 2 && given == whole);
    cache_world_drop(&of, second);
    cache_world_drop(&of, first);
    cache_world_end(&of);
}

/* Its maker leaves in the middle of a stream of which others have a part. */
static void a_stream_whose_maker_leaves_is_cut_for_who_has_a_part_of_it(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, chat, STREAM), *second = cache_world_ask(&of, chat, STREAM);
    cache_world_head(&of, first, 200, "text/event-stream");
    cache_world_body(&of, first, FLIGHT_EVENT("one", "null"));
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    assert_true(flight_world_wrote(&of.world, "one"));
    of.world.out.count = 0;
    making_part(first, &of.world.out); /* it cannot be written down any more */
    cache_world_perform(&of);
    cache_world_tell(&of, second, (struct event){.kind = event_made});
    assert_int_equal(second->state, flight_closed);
    assert_true(second->attempt_count == 0 && second->answer.error != error_none);
    assert_false(flight_world_wrote(&of.world, "[DONE]"));
    assert_int_equal(flight_world_asked(&of.world, action_given), 0); /* a part is no answer */
    cache_world_drop(&of, first);
    flight_free(second);
    cache_world_end(&of);
}

/* What was left out for its provider, and how often its caller repeats itself, stands at what is given, too. */
static void what_is_given_tells_of_itself_what_the_first_answer_told(void **state) {
#define CALLS                                                                                                   \
    "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\"," \
    "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"x\"}"
    static const char body[] =
        "{\"model\":\"r\",\"user\":\"u\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}," CALLS "," CALLS "]}";
    static const struct {
        const char *name, *first, *second, *minimal;
    } rows[] = {{"x-weir-cache", "miss", "hit", "hit"},
                {"x-weir-dropped", "user", "user", "user"},
                {"x-weir-tool-loop", "2", "2", "2"},
                {"x-weir-provider", "x", "x", ""},
                {"x-weir-model", "m", "m", ""},
                {"x-weir-attempts", "1", "0", ""},
                {"x-weir-request-id", "req_1", "req_1", "req_1"},
                {"x-weir-fallback", "", "", ""},
                {"x-weir-estimated", "", "", ""},
                {"x-weir-simulated", "", "", ""},
                {"x-weir-stored", "", "", ""},
                {"x-weir-changed", "", "", ""},
                {"Cache-Control", "", "", ""},
                {"Content-Type", "application/json", "application/json", "application/json"}};
    (void)state;
    for (unsigned minimal = 0; minimal < 2; minimal++) {
        struct cache_world of;
        char yaml[1024];
        snprintf(yaml, sizeof yaml,
                 "state_dir: ./state\n"
                 "cache: {mode: all}\n"
                 "response_headers: %s\n"
                 "providers: {x: {type: mistral, api_key: k, models: [m]}}\n"
                 "routes: [{model: r, targets: [x/m]}]\n"
                 "clients: [{name: one, loop_guard: {warn: 2}, key_hash: "
                 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}]\n",
                 minimal ? "minimal" : "full");
        cache_world_begin(&of, yaml);
        struct flight_request asked = {.endpoint = endpoint_chat, .client = &of.world.config.snapshot->clients[0]};
        struct flight *first = cache_world_ask(&of, asked, body);
        cache_world_answer(&of, first);
        for (size_t i = 0; i < sizeof rows / sizeof *rows && !minimal; i++)
            assert_str_equal(flight_world_said(&of.world, rows[i].name), rows[i].first);
        struct flight *second = cache_world_ask(&of, asked, body);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct str said = flight_world_said(&of.world, rows[i].name);
            if (!str_eq(said, str_from(minimal ? rows[i].minimal : rows[i].second)))
                fail_msg("%s: %.*s", rows[i].name, STR_ARG(said));
        }
        flight_free(first);
        flight_free(second);
        cache_world_end(&of);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_given_again_without_an_attempt),
        cmocka_unit_test(what_is_given_tells_of_itself_what_the_first_answer_told),
        cmocka_unit_test(it_expires),
        cmocka_unit_test(an_answer_of_a_target_that_may_not_serve_is_not_given),
        cmocka_unit_test(who_asks_for_the_same_follows_and_gets_what_the_first_gets),
        cmocka_unit_test(a_first_that_cannot_go_on_leaves_its_place_to_the_next),
        cmocka_unit_test(a_first_whose_caller_has_gone_goes_on_for_the_others_and_ends_with_the_last),
        cmocka_unit_test(a_failure_of_all_is_all_theirs_and_is_not_kept),
        cmocka_unit_test(a_slow_follower_is_given_no_more_until_it_has_read),
        cmocka_unit_test(words_that_are_none_are_refused),
        cmocka_unit_test(a_caller_says_what_it_takes_of_the_cache),
        cmocka_unit_test(who_wants_only_what_is_kept_is_told_that_nothing_is),
        cmocka_unit_test(a_long_answer_is_followed_in_steps),
        cmocka_unit_test(a_stream_whose_maker_leaves_is_cut_for_who_has_a_part_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
