/* flight_story_test.c - a story as it is kept: it borrows nothing of what it tells of, and has a bound. */
#include "flight_world.h"

#include <stdio.h>

#include "base/pattern.h"
#include "observe/explain.h"

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 0}\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], cost_per_token: 0.001}\n"
                           "  p: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "routes: [{model: both, targets: [o/m, p/m], strategy: priority}]\n"
                           "rules: [{name: calm, when: {model: ruled}, targets: [o/m, p/m]}]\n";

static char bytes[explain_record_bytes];

static void it_is_told_when_flight_and_configuration_are_gone(void **state) {
    struct flight_world world;
    char json[explain_text_bytes];
    struct text story = text_in_buffer(bytes, sizeof bytes), text = text_in_buffer(json, sizeof json);
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask_of(
        &world, (struct flight_request){.endpoint = endpoint_chat, .request_id = STR("theirs"), .own_id = STR("ours")},
        FLIGHT_CHAT("ruled", "false"));
    world.now.mono_ns += NS_PER_MS;
    flight_world_head(&world, flight, 0, 503, "application/json");
    flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"not now\",\"code\":\"c_1\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    flight_story(flight, &story);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
    assert_false(story.failed);
    story_explain(text_str(&story), NULL, &text);
    assert_false(text.failed);
    static const char *const told[] = {
        "{\"request_id\":\"ours\",\"caller_id\":\"theirs\",\"time_ms\":1700000000000,\"endpoint\":\"chat\",",
        "\"model\":\"ruled\",\"stream\":false,\"route\":\"",
        "\"rule\":\"calm\",\"strategy\":\"",
        "\"attempts\":[{\"target\":\"o/m\",\"outcome\":\"overloaded\",\"status\":503,\"said\":\"not now\",\"code\":"
        "\"c_1\",\"next\":\"",
        "\"candidates\":[{\"target\":\"o/m\",\"tries\":1,",
        "{\"target\":\"p/m\",",
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (str_find(text_str(&text), str_from(told[i])) == SIZE_MAX)
            fail_msg("%s does not stand in %.*s", told[i], STR_ARG(text_str(&text)));
}

/* However many attempts there were and whatever they said; what is told of it is no less than its text has room for. */
static void it_is_never_longer_than_what_is_kept(void **state) {
    static const struct str own = STR("KD-\\d+");
    enum { many = 64 };
    static char body[70000], words[400];
    size_t bad;
    const char *problem;
    struct pattern *pattern = pattern_new(&own, 1, &bad, &problem);
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    world.host.own = pattern;
    snprintf(body, sizeof body, "{\"model\":\"both\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    struct flight *flight = flight_world_ask(&world, body);
    memset(words, '"', sizeof words - 1);
    attempt_said(flight, flight->live, str_from(words), true);
    flight->live->dialect.dropped = flight->live->dialect.changed = str_from(words);
    struct attempt *list[many], **its = flight->attempts;
    struct str model = flight->choice.model;
    flight->choice.model = str_make(body, sizeof body);
    for (unsigned i = 0; i < many; i++) list[i] = its[0];
    flight->attempts = list;
    for (unsigned attempts = 1; attempts <= many; attempts++) {
        char json[explain_text_bytes];
        struct text story = text_in_buffer(bytes, sizeof bytes), text = text_in_buffer(json, sizeof json);
        flight->attempt_count = attempts;
        flight_story(flight, &story);
        assert_false(story.failed);
        assert_true(story.len < explain_record_bytes / 2);
        story_explain(text_str(&story), pattern, &text);
        assert_false(text.failed);
        assert_true(str_ends(text_str(&text), STR("]}")));
    }
    flight->attempts = its;
    flight->attempt_count = 1;
    flight->choice.model = model;
    flight_world_drop(&world, flight);
    flight_world_end(&world);
    pattern_free(pattern);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_when_flight_and_configuration_are_gone),
        cmocka_unit_test(it_is_never_longer_than_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
