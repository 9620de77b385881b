/* mock_strict_test.c - what each vendor refuses, as a table, and what it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "mock/mock_strict.h"

struct example {
    enum dialect dialect;
    enum operation operation;
    enum endpoint endpoint;
    const char *body;
    const char *said;  /* part of the sentence; NULL: taken */
    const char *param; /* NULL: not looked at */
};

#define CHAT(body, said, param) \
    { dialect_openai, operation_chat, endpoint_chat, body, said, param }
#define CLAUDE(body, said) \
    { dialect_anthropic, operation_chat, endpoint_messages, body, said, NULL }
#define GOOGLE(body, said) \
    { dialect_gemini, operation_chat, endpoint_generate, body, said, NULL }
#define COUNTS(body, said) \
    { dialect_responses, operation_count_tokens, endpoint_responses_input_tokens, body, said, NULL }
#define COMPACTS(body, said) \
    { dialect_responses, operation_compact, endpoint_responses_compact, body, said, NULL }
#define RESPONSES(body, said) \
    { dialect_responses, operation_chat, endpoint_responses, body, said, NULL }
#define USER "{\"role\":\"user\",\"content\":\"x\"}"
#define CALL                                                                                                       \
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{" \
    "\"name\":\"f\",\"arguments\":\"{}\"}}]}"
#define RESULT "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"y\"}"
#define USE "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}]}"
#define USED "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"y\"}]}"
#define CLAUDES(more, messages) "{\"model\":\"m\",\"max_tokens\":9" more ",\"messages\":[" messages "]}"
#define MESSAGES(more, messages) "{\"model\":\"m\"" more ",\"messages\":[" messages "]}"
#define CONTENTS(more, contents) "{\"contents\":[" contents "]" more "}"
#define PART "{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]}"

#define OF(model, more) "{\"model\":\"" model "\"" more ",\"messages\":[" USER "]}"
#define CLAUDE_OF(model, more) "{\"model\":\"" model "\",\"max_tokens\":9000" more ",\"messages\":[" USER "]}"
#define ADAPTIVE ",\"thinking\":{\"type\":\"adaptive\"}"
#define BUDGET ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}"

#define MARKED(ttl) "{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{\"type\":\"ephemeral\"" ttl "}}"
#define HOUR ",\"ttl\":\"1h\""
#define SAYS(blocks) "{\"role\":\"user\",\"content\":[" blocks "]}"

static const struct example examples[] = {
    CLAUDE(CLAUDES("", SAYS(MARKED("") "," MARKED("") "," MARKED("") "," MARKED(""))), NULL),
    CLAUDE(CLAUDES(",\"system\":[" MARKED("") "]", SAYS(MARKED("") "," MARKED("") "," MARKED("") "," MARKED(""))),
           "A maximum of 4 blocks with cache_control may be provided. Found 5."),
    CLAUDE(CLAUDES(",\"system\":[" MARKED(HOUR) "]", SAYS(MARKED(""))), NULL),
    CLAUDE(CLAUDES(",\"system\":[" MARKED("") "]", SAYS(MARKED(HOUR))), "must not come after a ttl='5m'"),
    CLAUDE(CLAUDES("", SAYS(MARKED(",\"ttl\":\"30m\""))), "ttl: Input should be '5m' or '1h'"),
    CLAUDE(CLAUDES(",\"cache_control\":{\"type\":\"durable\"}", USER), "expected tags: 'ephemeral'"),
    CLAUDE(CLAUDES("", SAYS("{\"type\":\"thinking\",\"thinking\":\"x\",\"cache_control\":{\"type\":\"ephemeral\"}}")),
           "Extra inputs are not permitted"),
    CHAT(OF("gpt-5", ",\"temperature\":0.5"), "Only the default (1) value", "temperature"),
    CHAT(OF("gpt-5", ",\"temperature\":1,\"max_completion_tokens\":5"), NULL, NULL),
    CHAT(OF("gpt-5", ",\"max_tokens\":5"), "Use 'max_completion_tokens' instead", "max_tokens"),
    CHAT(OF("o3-mini", ",\"stop\":[\"a\"]"), "Unsupported parameter: 'stop'", "stop"),
    CHAT(OF("gpt-5.1", ",\"temperature\":0.5"), NULL, NULL),
    CHAT(OF("gpt-5.1", ",\"temperature\":0.5,\"reasoning_effort\":\"low\""), "Only the default", "temperature"),
    CHAT(OF("gpt-5-chat-latest", ",\"temperature\":0.5"), NULL, NULL),
    CHAT(OF("gpt-4o", ",\"temperature\":0.5,\"max_tokens\":5,\"stop\":\"a\""), NULL, NULL),
    CHAT(OF("gpt-4o", ",\"reasoning_effort\":\"low\""), "Unrecognized request argument", "reasoning_effort"),
    CLAUDE(CLAUDE_OF("claude-opus-4-7", ",\"temperature\":1"), "`temperature` is deprecated"),
    CLAUDE(CLAUDE_OF("claude-sonnet-5-5", BUDGET), "is not supported for this model"),
    CLAUDE(CLAUDE_OF("claude-sonnet-5-5", ADAPTIVE), NULL),
    CLAUDE("{\"model\":\"claude-haiku-5-5\",\"max_tokens\":9,\"messages\":[" USER
           ",{\"role\":\"assistant\",\"content\":\"{\"}]}",
           "does not support assistant message prefill"),
    CLAUDE(CLAUDE_OF("claude-sonnet-4-5", BUDGET), NULL),
    CLAUDE(CLAUDE_OF("claude-sonnet-4-5", BUDGET ",\"temperature\":0.5"), "may only be set to 1"),
    CLAUDE(CLAUDE_OF("claude-sonnet-4-5", BUDGET ",\"top_k\":5"), "`top_k` must be unset"),
    CLAUDE(CLAUDE_OF("claude-sonnet-4-5", BUDGET ",\"tool_choice\":{\"type\":\"any\"}"), "forces tool use"),
    CLAUDE(CLAUDE_OF("m", ",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":"
                          "\"object\"}}}"),
           "must be explicitly set to false"),
    CHAT(MESSAGES("", USER), NULL, NULL),
    CHAT(MESSAGES("", USER "," CALL "," RESULT), NULL, NULL),
    CHAT(MESSAGES(",\"top_k\":5", USER), "Unknown parameter: 'top_k'.", "top_k"),
    CHAT(MESSAGES("", ""), "Invalid 'messages': empty array", "messages"),
    CHAT(MESSAGES(",\"temperature\":2.5", USER), "Invalid 'temperature'", "temperature"),
    CHAT(MESSAGES(",\"temperature\":2", USER), NULL, NULL),
    CHAT(MESSAGES(",\"presence_penalty\":-3", USER), "Invalid 'presence_penalty'", "presence_penalty"),
    CHAT(MESSAGES("", "{\"role\":\"model\",\"content\":\"x\"}"), "Invalid value: 'model'", "messages[0].role"),
    CHAT(MESSAGES("", "{\"role\":\"user\",\"content\":null}"), "expected a string, got null", "messages[0].content"),
    CHAT(MESSAGES("", "{\"role\":\"user\",\"content\":[]}"), "empty array", "messages[0].content"),
    CHAT(MESSAGES("", USER "," RESULT), "must be a response to a preceeding message", "messages.[1].role"),
    CHAT(MESSAGES("", USER "," CALL "," USER), "did not have response messages: c1", "messages.[2].role"),
    CHAT(MESSAGES(
             ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"OBJECT\"}}}]",
             USER),
         "Invalid schema for function 'f': 'OBJECT'", "tools[0].function.parameters"),
    CHAT(MESSAGES(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\","
                  "\"properties\":"
                  "{\"type\":{\"enum\":[\"OBJECT\"],\"default\":{\"type\":\"STRING\"}}}}}}]",
                  USER),
         NULL, NULL),
    {dialect_openai, operation_embed, endpoint_embeddings, "{\"model\":\"m\",\"input\":\"x\",\"task\":1}",
     "Unknown parameter: 'task'.", "task"},
    {dialect_openai, operation_chat, endpoint_completions, "{\"model\":\"m\",\"prompt\":\"x\",\"messages\":[]}",
     "Unknown parameter: 'messages'.", "messages"},
    CLAUDE(CLAUDES("", USER), NULL),
    CLAUDE(CLAUDES("", USER "," USE "," USED), NULL),
    CLAUDE(MESSAGES("", USER), "max_tokens: Field required"),
    CLAUDE(CLAUDES(",\"seed\":5", USER), "seed: Extra inputs are not permitted"),
    CLAUDE(CLAUDES("", ""), "messages: at least one message is required"),
    CLAUDE(CLAUDES(",\"temperature\":1.5", USER), "temperature: Input should be less than or equal to 1"),
    CLAUDE(CLAUDES("", "{\"role\":\"tool\",\"content\":\"x\"}"), "messages.0.role"),
    CLAUDE(CLAUDES("", "{\"role\":\"user\",\"content\":\"\"}"), "must have non-empty content"),
    CLAUDE(CLAUDES("", "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"}]}"), "must be non-empty"),
    CLAUDE(CLAUDES("", "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\" \"}]}"), "non-whitespace"),
    CLAUDE(CLAUDES("", USED), "unexpected `tool_use_id` found in `tool_result` blocks: t1"),
    CLAUDE(CLAUDES("", USER "," USE "," USER), "ids were found without `tool_result` blocks immediately after: t1"),
    CLAUDE(CLAUDES(",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"OBJECT\"}}]", USER),
           "tools.0.custom.input_schema"),
    CLAUDE(CLAUDES(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}", USER),
           "must be greater than `thinking.budget_tokens`"),
    {dialect_anthropic, operation_count_tokens, endpoint_messages_count, CLAUDES("", USER),
     "max_tokens: Extra inputs are not permitted", NULL},
    GOOGLE(CONTENTS("", PART), NULL),
    GOOGLE(CONTENTS(",\"system_instruction\":{},\"generation_config\":{\"max_output_tokens\":5}", PART), NULL),
    GOOGLE(CONTENTS(",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{\"type\":\"OBJECT\"}}]}]",
                    PART),
           NULL),
    GOOGLE(CONTENTS(",\"messages\":[]", PART), "Unknown name \"messages\": Cannot find field."),
    GOOGLE(CONTENTS(",\"generationConfig\":{\"max_tokens\":5}", PART),
           "Unknown name \"max_tokens\" at 'generation_config'"),
    GOOGLE(CONTENTS(",\"generationConfig\":{\"temperature\":3}", PART), "generation_config.temperature"),
    GOOGLE(CONTENTS("", ""), "contents is not specified"),
    GOOGLE(CONTENTS("", "{\"role\":\"user\",\"parts\":[]}"), "contents[0].parts: contents.parts must not be empty."),
    GOOGLE(CONTENTS("", "{\"role\":\"assistant\",\"parts\":[{\"text\":\"x\"}]}"),
           "Please use a valid role: user, model."),
    GOOGLE(CONTENTS("", PART ",{\"role\":\"user\",\"parts\":[{\"functionResponse\":{}}]}"),
           "immediately after a function call turn"),
    RESPONSES("{\"model\":\"m\",\"input\":\"x\"}", NULL),
    RESPONSES("{\"model\":\"m\",\"input\":\"x\",\"messages\":[]}", "Unknown parameter: 'messages'."),
    RESPONSES("{\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":5}", "Invalid 'max_output_tokens'"),
    RESPONSES("{\"model\":\"m\",\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"y\"}]}",
              "No tool call found"),
    RESPONSES("{\"model\":\"m\",\"previous_response_id\":\"r\",\"input\":[{\"type\":\"function_call_output\",\"call_"
              "id\":\"c1\",\"output\":\"y\"}]}",
              NULL),
    COUNTS("{\"input\":\"x\",\"tools\":[],\"personality\":\"friendly\"}", NULL),
    COUNTS("{\"model\":\"m\",\"input\":\"x\",\"store\":false}", "Unknown parameter: 'store'."),
    COUNTS("{\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":50}", "Unknown parameter: 'max_output_tokens'."),
    COMPACTS("{\"model\":\"m\",\"input\":\"x\",\"instructions\":\"y\"}", NULL),
    COMPACTS("{\"model\":\"m\",\"input\":\"x\",\"tools\":[]}", "Unknown parameter: 'tools'."),
    COMPACTS("{\"input\":\"x\"}", "Missing required parameter: 'model'."),
    COMPACTS("{\"model\":\"m\",\"input\":[{\"role\":\"tool\",\"content\":\"x\"}]}", "Invalid value: 'tool'."),
    {dialect_ollama, operation_chat, endpoint_chat, "{\"model\":\"m\",\"messages\":[],\"tomorrow\":1}", NULL, NULL},
};

static bool check(const struct mock_asked *base, const char *body, struct mock_refusal *refusal) {
    struct arena arena;
    const char *problem;
    size_t at;
    struct json *json = json_parse(str_from(body), &problem, &at);
    assert_non_null(json);
    arena_init(&arena, 4096, 1 << 20);
    struct mock_asked asked = *base;
    asked.root = json_root(json);
    bool taken = mock_strict_check(&asked, &arena, refusal);
    arena_free(&arena);
    json_free(json);
    return taken;
}

static void each_vendor_refuses_in_its_own_words(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct example *e = &examples[i];
        struct mock_asked asked = {
            .dialect = e->dialect, .operation = e->operation, .endpoint = e->endpoint, .version = STR("")};
        struct mock_refusal refusal;
        bool taken = check(&asked, e->body, &refusal);
        if (taken != !e->said || (!taken && !strstr(refusal.error.message, e->said)))
            fail_msg("%s: %s", e->body, taken ? "taken" : refusal.error.message);
        if (e->param) assert_string_equal(refusal.param, e->param);
    }
}

static void another_vendor_of_openais_api_has_keys_of_its_own(void **state) {
    (void)state;
    struct mock_asked asked = {.dialect = dialect_openai,
                               .operation = operation_chat,
                               .endpoint = endpoint_chat,
                               .other_vendor = true,
                               .version = STR("")};
    struct mock_refusal refusal;
    assert_true(check(&asked, MESSAGES(",\"top_k\":5", USER), &refusal));
    assert_false(check(&asked, MESSAGES(",\"top_k\":5", ""), &refusal));
}

static void mistral_refuses_what_it_does_not_know(void **state) {
    (void)state;
    static const struct {
        const char *body, *said; /* NULL: taken */
    } cases[] = {
        {MESSAGES(",\"random_seed\":5,\"max_tokens\":5,\"tool_choice\":\"any\"", USER), NULL},
        {MESSAGES(",\"seed\":5", USER), "seed: Extra inputs are not permitted"},
        {MESSAGES(",\"max_completion_tokens\":5", USER), "Extra inputs are not permitted"},
        {MESSAGES("", "{\"role\":\"developer\",\"content\":\"x\"}"), "Input tag 'developer'"},
        {MESSAGES("", USER "," CALL "," RESULT), "Tool call id was c1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mock_asked asked = {.dialect = dialect_openai,
                                   .operation = operation_chat,
                                   .endpoint = endpoint_chat,
                                   .other_vendor = true,
                                   .path = STR("/mistral/v1/chat/completions"),
                                   .version = STR("")};
        struct mock_refusal refusal;
        bool taken = check(&asked, cases[i].body, &refusal);
        if (taken != !cases[i].said || (!taken && !strstr(refusal.error.message, cases[i].said)))
            fail_msg("%s: %s", cases[i].body, taken ? "taken" : refusal.error.message);
    }
}

static void anthropics_newer_version_takes_no_sampling(void **state) {
    (void)state;
    struct mock_asked asked = {.dialect = dialect_anthropic, .operation = operation_chat, .version = STR("2023-06-01")};
    struct mock_refusal refusal;
    assert_true(check(&asked, CLAUDES(",\"temperature\":1", USER), &refusal));
    asked.version = STR("2026-10-21");
    assert_false(check(&asked, CLAUDES(",\"temperature\":1", USER), &refusal));
}

static void a_schema_as_deep_as_it_likes_is_read_to_a_bound(void **state) {
    (void)state;
    static char body[40000];
    size_t len = (size_t)snprintf(body, sizeof body,
                                  "{\"model\":\"m\",\"messages\":[" USER "],\"tools\":[{\"function\":{\"parameters\":");
    for (int i = 0; i < 500; i++) len += (size_t)snprintf(body + len, sizeof body - len, "{\"items\":");
    len += (size_t)snprintf(body + len, sizeof body - len, "{}");
    for (int i = 0; i < 500; i++) len += (size_t)snprintf(body + len, sizeof body - len, "}");
    snprintf(body + len, sizeof body - len, "}}]}");
    struct mock_asked asked = {
        .dialect = dialect_openai, .operation = operation_chat, .endpoint = endpoint_chat, .version = STR("")};
    struct mock_refusal refusal;
    assert_true(check(&asked, body, &refusal));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_vendor_refuses_in_its_own_words),
        cmocka_unit_test(another_vendor_of_openais_api_has_keys_of_its_own),
        cmocka_unit_test(mistral_refuses_what_it_does_not_know),
        cmocka_unit_test(anthropics_newer_version_takes_no_sampling),
        cmocka_unit_test(a_schema_as_deep_as_it_likes_is_read_to_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
