/* flight_explain_test.c - the story of a request: what is told, what is cut, and what is nobody's business. */
#include "flight_world.h"

#include <stdio.h>

#include "base/pattern.h"

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 0}\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], cost_per_token: 0.001}\n"
                           "  p: {type: openai, api_key: sk-secret-secret-secret, models: [m], state: draining}\n"
                           "routes: [{model: both, targets: [o/m, p/m], strategy: priority}]\n"
                           "rules: [{name: calm, when: {model: ruled}, targets: [o/m]}]\n";

enum { story_max = 1024 };

/* In a buffer of so many bytes, as the ring of stories gives it. Until the next call. */
static const char *story_of(const struct flight *flight, size_t size) {
    static char buffer[2 * story_max];
    struct text text = text_in_buffer(buffer, size);
    flight_world_explain(flight, &text);
    assert_false(text.failed);
    buffer[text.len] = '\0';
    const char *problem;
    size_t at;
    struct json *json = json_parse(text_str(&text), &problem, &at);
    if (!json) fail_msg("%s at byte %zu of %s", problem, at, buffer);
    json_free(json);
    return buffer;
}

#define assert_tells(flight, words)                                                     \
    do {                                                                                \
        const char *story = story_of(flight, story_max);                                \
        if (!strstr(story, words)) fail_msg("`%s` does not stand in %s", words, story); \
    } while (0)
#define assert_silent(flight, words) assert_null(strstr(story_of(flight, story_max), words))

static struct flight *asked(struct flight_world *world, const char *body) {
    flight_world_begin(world, yaml);
    return flight_world_ask(world, body);
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static void it_tells_who_could_serve_it_and_what_each_attempt_came_to(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("both", "false"));
    world.now.mono_ns += 2 * NS_PER_MS;
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    world.now.mono_ns += NS_PER_MS;
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_tells(flight, "\"request_id\":\"req_1\",\"time_ms\":1700000000000,\"endpoint\":\"chat\",\"model\":\"both\"");
    assert_tells(flight, "\"stream\":false,\"route\":\"both\",");
    assert_tells(flight, "\"strategy\":\"priority\",\"status\":200,\"bytes_out\":");
    assert_tells(flight, "\"attempts\":[{\"target\":\"o/m\",\"outcome\":\"ok\",\"status\":200,\"sent_us\":2000,"
                         "\"first_token_us\":3000,\"duration_us\":3000,\"input_tokens\":7,\"output_tokens\":2,"
                         "\"cost_usd\":\"0.009000000\"}]");
    assert_tells(flight, "\"candidate_count\":2");
    assert_tells(flight, "\"candidates\":[{\"target\":\"o/m\",\"tries\":1,\"score\":-100},{\"target\":\"p/"
                         "m\",\"refused\":\"draining\"}]");
    assert_silent(flight, "caller_id");
    assert_silent(flight, "\"error\"");
    assert_silent(flight, "hedge");
    end(&world, flight);
}

/* Each of what is told of an attempt stands there where it is known, and nowhere else. */
static void each_fact_of_an_attempt_is_told_where_it_is_known(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    struct attempt *attempt = flight->attempts[0];
    const struct {
        int64_t *value;
        int64_t silent, told;
        const char *silent_of, *words;
    } rows[] = {
        {&attempt->usage.input_tokens, -1, 0, "\"input_tokens\"", "\"input_tokens\":0,"},
        {&attempt->usage.output_tokens, -1, 0, "\"output_tokens\"", "\"output_tokens\":0,"},
        {&attempt->usage.cached_input_tokens, 0, 1, "\"cached_tokens\"", "\"cached_tokens\":1,"},
        {&attempt->usage.reasoning_tokens, 0, 1, "\"reasoning_tokens\"", "\"reasoning_tokens\":1,"},
        {&attempt->cost_nano_usd, -1, 0, "\"cost_usd\"", "\"cost_usd\":\"0.000000000\""},
        {&attempt->usage.cost_nano_usd, -1, 0, "\"provider_cost_usd\"", "\"provider_cost_usd\":\"0.000000000\""},
        {&attempt->usage.cost_nano_usd, 9000000, 9000001, "\"provider_cost_usd\"",
         "\"provider_cost_usd\":\"0.009000001\""},
    };
    assert_int_equal(attempt->cost_nano_usd, 9000000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t before = *rows[i].value;
        *rows[i].value = rows[i].silent;
        assert_silent(flight, rows[i].silent_of);
        *rows[i].value = rows[i].told;
        assert_tells(flight, rows[i].words);
        *rows[i].value = before;
    }
    static const char *const flags[] = {"\"hedge\":true", "\"usage_estimated\":true"};
    bool *const values[] = {&attempt->hedge, &attempt->usage_estimated};
    for (size_t i = 0; i < 2; i++) {
        *values[i] = false;
        assert_silent(flight, flags[i]);
        *values[i] = true;
        assert_tells(flight, flags[i]);
        *values[i] = false;
    }
    assert_silent(flight, "events_dropped");
    attempt->stream.events_dropped = 1;
    assert_tells(flight, "\"events_dropped\":1");
    assert_silent(flight, "\"dropped\"");
    attempt->dialect.dropped = STR("top_k");
    assert_tells(flight, "\"dropped\":\"top_k\"");
    attempt->dialect.changed = STR("n=calls");
    assert_tells(flight, "\"changed\":\"n=calls\"");
    end(&world, flight);
}

static void a_request_is_found_by_weirs_id_and_by_its_callers(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_new_of(
        &world, (struct flight_request){.endpoint = endpoint_chat, .request_id = STR("theirs"), .own_id = STR("ours")});
    assert_tells(flight, "{\"request_id\":\"ours\",\"caller_id\":\"theirs\",");
    end(&world, flight);
}

static void a_failure_is_told_in_the_providers_words_without_what_they_quote(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 400, "application/json");
    flight_world_body(&world, flight, 0,
                      "{\"error\":{\"message\":\"no such thing for me@example.com\",\"type\":\"t\",\"code\":\"c_1\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_tells(flight,
                 "\"outcome\":\"bad_request\",\"status\":400,\"said\":\"no such thing for ***\",\"code\":\"c_1\"");
    assert_silent(flight, "example");
    assert_tells(flight, "\"status\":400,\"error\":");
    end(&world, flight);
}

/* A word that is cut in the middle must not show what would have been left out of the whole. */
static void words_are_cleaned_before_they_are_cut(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("m", "false"));
    char words[160];
    memset(words, 'x', sizeof words);
    memcpy(words + 70, " longname@example.com and more than that", 41);
    attempt_said(flight, flight->live, str_from(words), true);
    assert_silent(flight, "longname");
    assert_tells(flight, "xxx ***");
    memset(words, 'x', 100);
    words[100] = '\0';
    attempt_said(flight, flight->live, str_from(words), true);
    memset(words, 'x', 80);
    words[80] = '"';
    words[81] = '\0';
    assert_tells(flight, words); /* and no more of it */
    end(&world, flight);
}

static void who_has_gone_and_what_was_refused_is_told(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("nobody's", "false"));
    assert_tells(flight, "\"status\":404,\"error\":\"model_not_found\",\"said\":\"");
    assert_tells(flight, "\"attempts\":[],\"candidates\":[]}");
    end(&world, flight);
    flight = asked(&world, FLIGHT_CHAT("m", "false"));
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_gone});
    assert_tells(flight, "\"caller_gone\":true");
    assert_tells(flight, "\"outcome\":\"caller_gone\"");
    end(&world, flight);
}

static void the_rule_that_it_fell_under_is_named(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = asked(&world, FLIGHT_CHAT("ruled", "true"));
    assert_tells(flight, "\"model\":\"ruled\",\"stream\":true,");
    assert_tells(flight, "\"rule\":\"calm\",");
    end(&world, flight);
}

/* Of a route within a route so much as fits beside the rest. */
static void a_long_name_of_an_inner_route_is_cut(void **state) {
    static const char nested[] = "state_dir: ./state\nretry: {max_retries: 0}\n"
                                 "providers: {o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}}\n"
                                 "routes:\n"
                                 "  - {model: a234567890123456789012345678901234567890, targets: [o/m]}\n"
                                 "  - {model: b2345678901234567890123456789012345678901, targets: [o/m]}\n"
                                 "  - {model: whole, targets: [{route: a234567890123456789012345678901234567890}]}\n"
                                 "  - {model: cut, targets: [{route: b2345678901234567890123456789012345678901}]}\n";
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, nested);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("whole", "false"));
    assert_tells(flight, "\"attempts\":[{\"target\":\"o/m\",\"route\":\"a234567890123456789012345678901234567890\"");
    flight_world_drop(&world, flight);
    flight = flight_world_ask(&world, FLIGHT_CHAT("cut", "false"));
    assert_tells(flight, "\"attempts\":[{\"target\":\"o/m\",\"route\":\"b234567890123456789012345678901234567890\"");
    end(&world, flight);
}

/* What is hidden is looked for in the whole of a caller's words, however long they are. */
static void own_patterns_hide_what_ends_behind_what_is_shown(void **state) {
    static const struct str own = STR("KD-[^!]*!");
    char model[limit_model], body[512];
    size_t bad;
    const char *problem;
    struct pattern *pattern = pattern_new(&own, 1, &bad, &problem);
    (void)state;
    for (size_t len = 40; len <= sizeof model; len += 8) {
        struct flight_world world;
        memset(model, 'k', len);
        memcpy(model, "ab KD-", 6);
        model[len - 1] = '!';
        snprintf(body, sizeof body, "{\"model\":\"%.*s\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
                 (int)len, model);
        flight_world_begin(&world, yaml);
        world.host.own = pattern;
        struct flight *flight = flight_world_ask(&world, body);
        if (len < 150) assert_silent(flight, "KD-"); /* an error's sentence quotes so much of it */
        assert_tells(flight, "\"model\":\"ab ***\"");
        end(&world, flight);
    }
    pattern_free(pattern);
}

/* However much there is to tell. */
static void it_fits_into_its_room_and_is_still_json(void **state) {
    char model[256], body[512];
    (void)state;
    memset(model, 'm', sizeof model - 1);
    model[sizeof model - 1] = '\0';
    for (size_t len = 1; len < sizeof model; len += 30) {
        struct flight_world world;
        model[len] = '\0';
        snprintf(body, sizeof body, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", model);
        model[len] = 'm';
        struct flight *flight = asked(&world, body);
        (void)story_of(flight, story_max);
        end(&world, flight);
    }
    enum { many = 40 };
    for (unsigned attempts = 1; attempts <= many; attempts++) {
        struct flight_world world;
        struct attempt *list[many];
        struct flight *flight = asked(&world, FLIGHT_CHAT("both", "true"));
        attempt_said(
            flight, flight->live,
            STR("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
                "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""),
            true); /* each twice as long in JSON */
        struct attempt **its = flight->attempts;
        for (unsigned i = 0; i < attempts; i++) list[i] = its[0];
        flight->attempts = list;
        flight->attempt_count = attempts;
        assert_true(strlen(story_of(flight, story_max)) <= story_max);
        flight->attempts = its;
        flight->attempt_count = 1;
        end(&world, flight);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fact_of_an_attempt_is_told_where_it_is_known),
        cmocka_unit_test(it_tells_who_could_serve_it_and_what_each_attempt_came_to),
        cmocka_unit_test(a_request_is_found_by_weirs_id_and_by_its_callers),
        cmocka_unit_test(a_failure_is_told_in_the_providers_words_without_what_they_quote),
        cmocka_unit_test(words_are_cleaned_before_they_are_cut),
        cmocka_unit_test(who_has_gone_and_what_was_refused_is_told),
        cmocka_unit_test(the_rule_that_it_fell_under_is_named),
        cmocka_unit_test(a_long_name_of_an_inner_route_is_cut),
        cmocka_unit_test(own_patterns_hide_what_ends_behind_what_is_shown),
        cmocka_unit_test(it_fits_into_its_room_and_is_still_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
