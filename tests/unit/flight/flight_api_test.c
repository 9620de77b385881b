/* flight_api_test.c - by which of OpenAI's two APIs a target is asked. */
#include "flight_world.h"

#define TOOLS ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define CHAT(model, more) "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" more "}"
#define YAML(more)         \
    "state_dir: ./state\n" \
    "providers:\n"         \
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [gpt-6-sol, gpt-4o, gpt-9-nova]" more "}\n"

static void goes_to(const char *yaml, enum endpoint endpoint, const char *body, const char *path) {
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint}, body);
    assert_non_null(flight->live);
    if (!str_eq(flight->live->request.path, str_from(path)))
        fail_msg("%s goes to %.*s", body, STR_ARG(flight->live->request.path));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void tools_of_the_newer_models_go_to_responses(void **state) {
    (void)state;
    goes_to(YAML(""), endpoint_chat, CHAT("gpt-6-sol", TOOLS), "/v1/responses");
    goes_to(YAML(""), endpoint_chat, CHAT("gpt-6-sol", TOOLS ",\"reasoning_effort\":\"low\""), "/v1/responses");
    goes_to(YAML(""), endpoint_chat, CHAT("gpt-6-sol", TOOLS ",\"reasoning_effort\":\"none\""), "/v1/chat/completions");
    goes_to(YAML(""), endpoint_chat, CHAT("gpt-6-sol", TOOLS ",\"reasoning_effort\":\"no\\u006ee\""),
            "/v1/chat/completions");
    goes_to(YAML(""), endpoint_chat, CHAT("gpt-6-sol", ""), "/v1/chat/completions");
    goes_to(YAML(""), endpoint_chat, CHAT("gpt-4o", TOOLS), "/v1/chat/completions");
    goes_to(YAML(""), endpoint_chat, CHAT("gpt-9-nova", TOOLS), "/v1/responses"); /* which no list knows */
}

static void callers_of_other_dialects_too(void **state) {
    (void)state;
    goes_to(
        YAML(""), endpoint_messages,
        "{\"model\":\"gpt-6-sol\",\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
        "\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]}",
        "/v1/responses");
    goes_to(YAML(""), endpoint_messages,
            "{\"model\":\"gpt-6-sol\",\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
            "/v1/chat/completions");
}

static void the_configuration_may_say_which(void **state) {
    (void)state;
    goes_to(YAML(", api: chat"), endpoint_chat, CHAT("gpt-6-sol", TOOLS), "/v1/chat/completions");
    goes_to(YAML(", api: chat"), endpoint_responses, "{\"model\":\"gpt-4o\",\"input\":\"hi\"}", "/v1/chat/completions");
    goes_to(YAML(", api: responses"), endpoint_chat, CHAT("gpt-4o", ""), "/v1/responses");
    goes_to(YAML(", api: auto"), endpoint_responses, "{\"model\":\"gpt-4o\",\"input\":\"hi\"}", "/v1/responses");
}

static void its_other_paths_are_asked_where_they_are(void **state) {
    static const char body[] = "{\"model\":\"gpt-4o\",\"input\":\"hi\"}";
    static const char other[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  o: {type: openrouter, api_key: sk-secret-secret-secret, models: [gpt-4o], api: responses}\n";
    (void)state;
    goes_to(YAML(""), endpoint_responses_input_tokens, body, "/v1/responses/input_tokens");
    goes_to(YAML(""), endpoint_responses_compact, body, "/v1/responses/compact");
    goes_to(other, endpoint_responses_input_tokens, body, "/api/v1/responses/input_tokens");
    goes_to(other, endpoint_responses_compact, body, "/api/v1/responses/compact");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tools_of_the_newer_models_go_to_responses),
        cmocka_unit_test(callers_of_other_dialects_too),
        cmocka_unit_test(the_configuration_may_say_which),
        cmocka_unit_test(its_other_paths_are_asked_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
