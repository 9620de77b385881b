/* flight_params_test.c - what a route says to a target: set in the caller's own body in its dialect, byte by byte; put
 * into the message where that is written; in OpenAI's older names and newer ones. */
#include <stdio.h>

#include "flight_world.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [gpt-4o, gpt-5, gpt-5.6, own]}\n"
    "  x: {type: mistral, api_key: sk-secret-secret-secret, models: [m]}\n"
    "  c: {type: anthropic, api_key: sk-secret-secret-secret, models: [claude-sonnet-4-5]}\n"
    "routes:\n"
    "  - {model: cap, targets: [{target: o/gpt-4o, params: {overrides: {max_tokens: 50, temperature: 0}}}]}\n"
    "  - {model: old, targets: [{target: x/m, params: {overrides: {max_tokens: 50, seed: 3}}}]}\n"
    "  - {model: effort, targets: [{target: o/gpt-5, params: {overrides: {reasoning_effort: low}}}]}\n"
    "  - {model: own, targets: [{target: o/own, params: {reasoning_effort: high, verbosity: low}}]}\n"
    "  - {model: tools, targets: [{target: o/gpt-5.6, params: {overrides: {reasoning_effort: low}}}]}\n"
    "  - {model: claude, targets: [{target: c/claude-sonnet-4-5, params: {overrides: {reasoning_effort: low}}}]}\n";

static struct str sent(const struct flight *flight, char *buffer) {
    const struct openai_splice *body = &flight->live->request.body;
    size_t len = 0;
    for (size_t i = 0; i < body->count; i++) {
        memcpy(buffer + len, body->ranges[i].at, body->ranges[i].len);
        len += body->ranges[i].len;
    }
    return str_make(buffer, len);
}

static void asked(enum endpoint endpoint, const char *body, const char *want, const char *changed,
                  const char *dropped) {
    struct flight_world world;
    char buffer[2048];
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint}, body);
    if (!flight->live) fail_msg("%s is not asked: %s", body, flight->answer.said.at);
    struct str got = sent(flight, buffer), told = flight->live->dialect.changed, lost = flight->live->dialect.dropped;
    if (!str_eq(got, str_from(want))) fail_msg("%s became %.*s", body, STR_ARG(got));
    if (!str_eq(told, str_from(changed)) || !str_eq(lost, str_from(dropped)))
        fail_msg("%s changes `%.*s`, loses `%.*s`", body, STR_ARG(told), STR_ARG(lost));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

#define TURN "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void a_cap_is_lowered_by_the_name_that_is_known_there(void **state) {
    (void)state;
    asked(endpoint_chat, "{\"model\":\"cap\"," TURN "}",
          "{\"max_completion_tokens\":50,\"temperature\":0,\"model\":\"gpt-4o\"," TURN "}", "temperature, max_tokens",
          "");
    asked(endpoint_chat, "{\"model\":\"cap\",\"max_tokens\":90, \"temperature\" : 1," TURN "}",
          "{\"max_completion_tokens\":50,\"model\":\"gpt-4o\",\"temperature\" : 0," TURN "}", "temperature, max_tokens",
          "");
    asked(endpoint_chat, "{\"model\":\"cap\",\"max_tokens\":40,\"temperature\":0," TURN "}",
          "{\"model\":\"gpt-4o\",\"max_tokens\":40,\"temperature\":0," TURN "}", "", "");
    asked(endpoint_chat, "{\"max_tokens\":90,\"model\":\"old\",\"max_completion_tokens\":99," TURN ",\"seed\":1}",
          "{\"random_seed\":3,\"max_tokens\":50,\"model\":\"m\"," TURN "}", "seed, max_tokens", "");
    asked(endpoint_completions, "{\"model\":\"cap\",\"prompt\":\"hi\"}",
          "{\"max_tokens\":50,\"temperature\":0,\"model\":\"gpt-4o\",\"prompt\":\"hi\"}", "temperature, max_tokens",
          "");
}

static void sampling_that_an_effort_leaves_no_place_for_goes_with_it(void **state) {
    (void)state;
    asked(endpoint_chat, "{\"model\":\"effort\",\"temperature\":1,\"reasoning_effort\":\"high\"," TURN "}",
          "{\"model\":\"gpt-5\",\"reasoning_effort\":\"low\"," TURN "}", "reasoning_effort", "temperature");
}

static void a_model_that_nobody_knows_thinks_where_its_route_says_so(void **state) {
    (void)state;
    asked(endpoint_chat, "{\"model\":\"own\"," TURN "}",
          "{\"verbosity\":\"low\",\"reasoning_effort\":\"high\",\"model\":\"own\"," TURN "}",
          "reasoning_effort, verbosity", "");
}

/* The chat API takes tools there only without an effort, which is why it is asked. */
static void an_effort_that_would_have_the_request_refused_is_not_said(void **state) {
    (void)state;
    asked(endpoint_chat, "{\"model\":\"tools\",\"reasoning_effort\":\"none\",\"tools\":[{\"x\":1}]," TURN "}",
          "{\"model\":\"gpt-5.6\",\"reasoning_effort\":\"none\",\"tools\":[{\"x\":1}]," TURN "}", "", "");
}

static void thinking_is_said_as_its_vendor_has_it(void **state) {
    (void)state;
    asked(endpoint_messages, "{\"model\":\"claude\",\"max_tokens\":8000,\"top_k\":5," TURN "}",
          "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},\"model\":\"claude-sonnet-4-5\",\"max_tokens\":"
          "8000," TURN "}",
          "reasoning_effort", "top_k");
    asked(endpoint_messages,
          "{\"thinking\":{\"type\":\"disabled\"},\"model\":\"claude\",\"max_tokens\":8000,\"x\":{ }," TURN "}",
          "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},\"model\":\"claude-sonnet-4-5\",\"max_tokens\":"
          "8000,\"x\":{ }," TURN "}",
          "reasoning_effort", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cap_is_lowered_by_the_name_that_is_known_there),
        cmocka_unit_test(sampling_that_an_effort_leaves_no_place_for_goes_with_it),
        cmocka_unit_test(a_model_that_nobody_knows_thinks_where_its_route_says_so),
        cmocka_unit_test(an_effort_that_would_have_the_request_refused_is_not_said),
        cmocka_unit_test(thinking_is_said_as_its_vendor_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
