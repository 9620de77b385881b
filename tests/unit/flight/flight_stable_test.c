/* flight_stable_test.c - a conversation that grows is said to its provider in the same bytes as before, as far as it
 * goes: whatever dialect it comes in and whatever dialect it goes out in. Providers' prompt caches live of that. */
#include "flight_world.h"

#include "dialect/skim.h"

#include <stdio.h>

#define FACTS "facts: {m: {abilities: [vision, tools, json, reasoning]}}"
static const char yaml[] =
    "state_dir: ./state\nproviders:\n"
    "  openai: {type: openai, api_key: k, api: chat, models: [m]}\n"
    "  responses: {type: openai, api_key: k, api: responses, models: [m]}\n"
    "  mistral: {type: mistral, api_key: k, models: [m]}\n"
    "  anthropic: {type: anthropic, api_key: k, models: [m]}\n"
    "  kept: {type: anthropic, api_key: k, models: [m], prompt_cache: 1h, facts: {m: {cache_least: "
    "1}}}\n"
    "  gemini: {type: gemini, api_key: k, models: [m]}\n"
    "  ollama: {type: ollama, base_url: 'http://127.0.0.1:9', models: [m]}\n"
    "  deepseek: {type: deepseek, api_key: k, models: [m]}\n";
static const char *const providers[] = {"openai", "responses", "mistral", "anthropic",
                                        "kept",   "gemini",    "ollama",  "deepseek"};

enum { turns_most = 8 };

/* A conversation in a dialect: what stands before its turns, the turns, what stands behind them. A request ends with a
 * turn whose place is in `ends`. */
static const struct conversation {
    enum endpoint endpoint;
    const char *head, *turns[turns_most], *tail;
    unsigned ends[4];
} conversations[] = {
    {endpoint_chat,
     "{\"model\":\"%s/"
     "m\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{"
     "\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"string\"},\"a\":{\"type\":\"integer\"}}}}},{\"type\":"
     "\"function\","
     "\"function\":{\"name\":\"g\"}}],\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},",
     {"{\"role\":\"user\",\"content\":\"one\"}",
      "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
      "\"name\":"
      "\"f\",\"arguments\":\"{ \\\"b\\\": "
      "\\\"x\\\",\\\"a\\\":1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{"
      "\"name\":\"g\",\"arguments\":\"{}\"}}]}",
      "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r1\"},{\"role\":\"tool\",\"tool_call_id\":\"c2\","
      "\"content\":"
      "\"{\\\"r\\\":2}\"}",
      "{\"role\":\"assistant\",\"content\":\"done\"},{\"role\":\"system\",\"content\":\"be brief\"}",
      "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look\"},{\"type\":\"image_url\",\"image_url\":{"
      "\"url\":"
      "\"data:image/png;base64,iVBORw0KGgo=\"}}]}",
      "{\"role\":\"assistant\",\"content\":\"a "
      "cat\",\"tool_calls\":[{\"id\":\"c3\",\"type\":\"function\",\"function\":{"
      "\"name\":\"f\",\"arguments\":\"{}\"}}]}",
      "{\"role\":\"tool\",\"tool_call_id\":\"c3\",\"content\":\"r3\"}"},
     "],\"temperature\":0.5}",
     {0, 2, 4, 6}},
    {endpoint_messages,
     "{\"model\":\"%s/m\",\"max_tokens\":50,\"system\":[{\"type\":\"text\",\"text\":\"be "
     "kind\",\"cache_control\":{\"type\":"
     "\"ephemeral\"}}],\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\","
     "\"properties\":"
     "{\"b\":{\"type\":\"string\"},\"a\":{\"type\":\"integer\"}}}}],\"messages\":[",
     {"{\"role\":\"user\",\"content\":\"one\"}",
      "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"hm\"},{\"type\":\"tool_use\",\"id\":\"t1\","
      "\"name\":"
      "\"f\",\"input\":{\"b\":\"x\",\"a\":1.50}},{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"f\",\"input\":{}}]}",
      "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"r1\"},{\"type\":"
      "\"tool_result\",\"tool_use_id\":\"t2\",\"content\":[{\"type\":\"text\",\"text\":\"r2\"}]}]}",
      "{\"role\":\"assistant\",\"content\":\"done\"}",
      "{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"
      "png\","
      "\"data\":\"iVBORw0KGgo=\"}},{\"type\":\"text\",\"text\":\"look\"}]}",
      "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t3\",\"name\":\"f\",\"input\":{}}]}",
      "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t3\",\"content\":\"r3\"},{\"type\":"
      "\"text\","
      "\"text\":\"and?\"}]}"},
     "]}",
     {0, 2, 4, 6}},
    {endpoint_generate,
     "{\"systemInstruction\":{\"parts\":[{\"text\":\"be "
     "kind\"}]},\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
     "\"description\":\"d\",\"parameters\":{\"type\":\"OBJECT\",\"properties\":{\"b\":{\"type\":\"STRING\"}}}}]}],"
     "\"contents\":[",
     {"{\"role\":\"user\",\"parts\":[{\"text\":\"one\"}]}",
      "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"b\":\"x\"}}},{\"functionCall\":{"
      "\"name\":"
      "\"f\",\"args\":{\"b\":\"y\"}}}]}",
      "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"r\":1}}},{"
      "\"functionResponse\":{"
      "\"name\":\"f\",\"response\":{\"r\":2}}}]}",
      "{\"role\":\"model\",\"parts\":[{\"text\":\"done\"}]}",
      "{\"role\":\"user\",\"parts\":[{\"text\":\"look\"},{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":"
      "\"iVBORw0KGgo=\"}}]}",
      "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}}}]}",
      "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"r\":3}}}]}"},
     "]}",
     {0, 2, 4, 6}},
    {endpoint_responses,
     "{\"model\":\"%s/m\",\"store\":false,\"instructions\":\"be "
     "kind\",\"tools\":[{\"type\":\"function\",\"name\":\"f\","
     "\"description\":\"d\",\"parameters\":{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"string\"}}}}],"
     "\"input\":[",
     {"{\"role\":\"user\",\"content\":\"one\"}",
      "{\"type\":\"function_call\",\"call_id\":\"k1\",\"name\":\"f\",\"arguments\":\"{\\\"b\\\":\\\"x\\\"}\"},{"
      "\"type\":"
      "\"function_call\",\"call_id\":\"k2\",\"name\":\"f\",\"arguments\":\"{}\"}",
      "{\"type\":\"function_call_output\",\"call_id\":\"k1\",\"output\":\"r1\"},{\"type\":\"function_call_output\","
      "\"call_id\":\"k2\",\"output\":\"r2\"}",
      "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"done\"}]}",
      "{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"look\"},{\"type\":\"input_image\",\"image_"
      "url\":"
      "\"data:image/png;base64,iVBORw0KGgo=\"}]}",
      "{\"type\":\"function_call\",\"call_id\":\"k3\",\"name\":\"f\",\"arguments\":\"{}\"}",
      "{\"type\":\"function_call_output\",\"call_id\":\"k3\",\"output\":\"r3\"}"},
     "]}",
     {0, 2, 4, 6}},
};
enum { conversation_count = sizeof conversations / sizeof *conversations };

static const char *const lists[] = {"messages", "contents", "input"};

static size_t size_put(char *into, size_t at, const char *piece) {
    size_t len = strlen(piece);
    memcpy(into + at, piece, len + 1);
    return at + len;
}

/* What its provider gets. false: it is not asked. */
static bool sent(struct flight_world *world, const struct conversation *conversation, const char *provider,
                 unsigned last, struct flight_request asked, char *into, size_t size) {
    static char body[16384];
    char path[64];
    size_t at = (size_t)snprintf(body, sizeof body, conversation->head, provider), len = 0;
    for (unsigned i = 0; i <= last; i++) {
        if (i) at = size_put(body, at, ",");
        at = size_put(body, at, conversation->turns[i]);
    }
    size_put(body, at, conversation->tail);
    snprintf(path, sizeof path, "%s/m", provider);
    asked.endpoint = conversation->endpoint;
    if (conversation->endpoint == endpoint_generate) asked.path_model = str_from(path);
    struct flight *flight = flight_world_ask_of(world, asked, body);
    if (flight->live) {
        const struct action *action = flight_world_action(world, action_call);
        for (size_t i = 0; i < action->call.body_count; i++) {
            assert_true(len + action->call.body[i].len < size);
            memcpy(into + len, action->call.body[i].at, action->call.body[i].len);
            len += action->call.body[i].len;
        }
    } else {
        print_message("%s by %s: %.*s\n", body, provider, STR_ARG(flight->answer.said));
    }
    bool live = flight->live != NULL;
    into[len] = 0;
    flight_world_drop(world, flight);
    return live;
}

static unsigned marks_taken;

/* Marks for a provider's cache are no part of the prompt that it knows again. */
static void marks_take_out(char *body) {
    static const char mark[] = ",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}";
    for (char *at; (at = strstr(body, mark)); marks_taken++)
        memmove(at, at + strlen(mark), strlen(at + strlen(mark)) + 1);
}

/* The list of turns without its end, and all that stands around it. */
static void list_cut(const char *body, char *list, char *around) {
    struct skim skim;
    struct str found = STR_NONE, text = str_from(body);
    skim_begin(&skim, text, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;)
        for (size_t i = 0; token.depth == 1 && token.kind == skim_array && i < 3; i++)
            if (skim_is(token.key, str_from(lists[i]))) found = token.value;
    assert_non_null(found.at);
    memcpy(list, found.at, found.len - 1);
    list[found.len - 1] = 0;
    size_t before = (size_t)(found.at - body);
    memcpy(around, body, before);
    strcpy(around + before, found.at + found.len);
}

static void a_conversation_that_grows_begins_in_the_same_bytes(void **state) {
    static char first[16384], second[16384], lists_of[2][16384], around[2][16384];
    struct flight_world world;
    unsigned compared = 0;
    (void)state;
    flight_world_begin(&world, yaml);
    for (size_t c = 0; c < conversation_count; c++)
        for (size_t p = 0; p < sizeof providers / sizeof *providers; p++)
            for (unsigned end = 1; end < 4; end++) {
                const struct conversation *conversation = &conversations[c];
                struct flight_request one = {.request_id = STR("req_1")}, other = {.request_id = STR("req_2")};
                bool asked =
                    sent(&world, conversation, providers[p], conversation->ends[end - 1], one, first, sizeof first);
                world.now.mono_ns += NS_PER_S, world.now.wall_ns += (int64_t)NS_PER_S;
                asked &=
                    sent(&world, conversation, providers[p], conversation->ends[end], other, second, sizeof second);
                if (!asked) fail_msg("%zu is not said to %s", c, providers[p]);
                marks_take_out(first);
                marks_take_out(second);
                list_cut(first, lists_of[0], around[0]);
                list_cut(second, lists_of[1], around[1]);
                if (strncmp(lists_of[0], lists_of[1], strlen(lists_of[0])) != 0 || strcmp(around[0], around[1]) != 0)
                    fail_msg("%zu to %s, turn %u:\n%s\n%s", c, providers[p], conversation->ends[end], first, second);
                compared++;
            }
    assert_true(marks_taken >= 3 * 3 * 3); /* of three dialects, the own one marks for itself */
    assert_int_equal(compared, conversation_count * sizeof providers / sizeof *providers * 3);
    flight_world_end(&world);
}

/* Said in its place, as the user's, and named. */
static void a_late_system_message_is_named_as_changed(void **state) {
    static const char *const by_turns[] = {"anthropic", "gemini"};
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (size_t i = 0; i < 2; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"model\":\"%s/m\",\"messages\":[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\","
                 "\"content\":\"b\"},{\"role\":\"developer\",\"content\":\"c\"}]}",
                 by_turns[i]);
        struct flight *flight = flight_world_ask(&world, body);
        assert_non_null(flight->live);
        assert_true(str_eq(flight->live->dialect.changed, STR("system")));
        flight_world_drop(&world, flight);
        flight = flight_world_ask(&world, "{\"model\":\"anthropic/m\",\"messages\":[{\"role\":\"system\",\"content\":"
                                          "\"a\"},{\"role\":\"user\",\"content\":\"b\"}]}");
        assert_false(flight->live->dialect.changed.len);
        flight_world_drop(&world, flight);
    }
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_that_grows_begins_in_the_same_bytes),
        cmocka_unit_test(a_late_system_message_is_named_as_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
