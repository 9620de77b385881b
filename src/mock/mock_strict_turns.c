/* mock_strict_turns.c - what the vendors want of a conversation: roles that they know, contents that are not empty, a
 * result for each call and a call for each result. Must never: look into what only some models want. */
#include <stdio.h>

#include "mock/mock_strict.h"

/* The elements of a list; NULL: no memory. */
static const struct json_value **list_of(const struct json_value *array, size_t *count, struct arena *arena) {
    size_t place = 0;
    *count = json_kind(array) == json_array ? json_count(array) : 0;
    const struct json_value **list = arena_take(arena, (*count + 1) * sizeof *list);
    for (size_t i = 0; list && i < *count; i++) list[i] = json_each(array, &place, NULL);
    return list;
}

static struct str text_of(const struct json_value *object, const char *name) {
    return json_str(json_member(object, name), STR(""));
}

static bool is_role(const struct json_value *message, struct str role) {
    return str_eq(text_of(message, "role"), role);
}

/* Has the list an element whose member `name` is `value` and, unless type is empty, whose type is that? */
static bool has(const struct json_value *array, struct str type, const char *name, struct str value) {
    size_t place = 0;
    if (json_kind(array) != json_array) return false;
    for (const struct json_value *at; (at = json_each(array, &place, NULL));)
        if ((!type.len || str_eq(text_of(at, "type"), type)) && str_eq(text_of(at, name), value)) return true;
    return false;
}

/* -- OpenAI -- */

static bool openai_content(const struct json_value *message, size_t index, struct mock_refusal *refusal) {
    const struct json_value *content = json_member(message, "content");
    char param[64];
    snprintf(param, sizeof param, "messages[%zu].content", index);
    if (json_kind(content) == json_array && !json_count(content))
        return mock_strict_refuse(refusal, param, STR("empty_array"),
                                  "Invalid '%s': empty array. Expected an array with minimum length 1, but got an "
                                  "empty array instead.",
                                  param);
    if (json_kind(content) > json_null) return true;
    bool silent = is_role(message, STR("assistant")) &&
                  (json_count(json_member(message, "tool_calls")) || json_member(message, "function_call") ||
                   json_member(message, "refusal") || json_member(message, "audio"));
    return silent ||
           mock_strict_refuse(refusal, param, STR(""), "Invalid value for 'content': expected a string, got null.");
}

/* A result answers a call of the assistant's message before it and before the other results. */
static bool openai_result(const struct json_value **messages, size_t index, struct mock_refusal *refusal) {
    size_t before = index;
    char param[64];
    while (before && is_role(messages[before - 1], STR("tool"))) before--;
    const struct json_value *calls = before ? json_member(messages[before - 1], "tool_calls") : NULL;
    if (has(calls, STR(""), "id", text_of(messages[index], "tool_call_id"))) return true;
    snprintf(param, sizeof param, "messages.[%zu].role", index);
    return mock_strict_refuse(refusal, param, STR(""),
                              "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                              "with 'tool_calls'.");
}

static bool openai_calls(const struct json_value **messages, size_t count, size_t index, struct mock_refusal *refusal) {
    const struct json_value *calls = json_member(messages[index], "tool_calls");
    size_t place = 0;
    char param[64];
    snprintf(param, sizeof param, "messages.[%zu].role", index + 1);
    for (const struct json_value *call; calls && (call = json_each(calls, &place, NULL));) {
        struct str id = text_of(call, "id");
        size_t at = index + 1;
        while (at < count && is_role(messages[at], STR("tool")) && !str_eq(text_of(messages[at], "tool_call_id"), id))
            at++;
        if (at == count || !is_role(messages[at], STR("tool")))
            return mock_strict_refuse(refusal, param, STR(""),
                                      "An assistant message with 'tool_calls' must be followed by tool messages "
                                      "responding to each 'tool_call_id'. The following tool_call_ids did not have "
                                      "response messages: %.*s",
                                      STR_ARG(str_slice(id, 0, 40)));
    }
    return true;
}

bool mock_strict_openai_turns(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal) {
    const struct json_value *given = json_member(asked->root, "messages");
    size_t count;
    const struct json_value **messages = list_of(given, &count, arena);
    if (!messages || !given) return true; /* what is not there is missed elsewhere */
    if (count == 0)
        return mock_strict_refuse(refusal, "messages", STR("empty_array"),
                                  "Invalid 'messages': empty array. Expected an array with minimum length 1, but got "
                                  "an empty array instead.");
    for (size_t i = 0; i < count; i++) {
        struct str role = text_of(messages[i], "role");
        char param[64];
        snprintf(param, sizeof param, "messages[%zu].role", i);
        if (!mock_strict_is_one_of(STR("system developer user assistant tool function"), role))
            return mock_strict_refuse(refusal, param, STR("invalid_value"),
                                      "Invalid value: '%.*s'. Supported values are: 'system', 'assistant', 'user', "
                                      "'function', 'tool', and 'developer'.",
                                      STR_ARG(str_slice(role, 0, 40)));
        if (!openai_content(messages[i], i, refusal)) return false;
        if (str_eq(role, STR("tool")) && !openai_result(messages, i, refusal)) return false;
        if (str_eq(role, STR("assistant")) && !openai_calls(messages, count, i, refusal)) return false;
    }
    return true;
}

/* The input's items; earlier turns may lie at the provider. */
bool mock_strict_responses_turns(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal) {
    const struct json_value *input = json_member(asked->root, "input");
    size_t count;
    const struct json_value **items = list_of(input, &count, arena);
    bool goes_on = json_member(asked->root, "previous_response_id") || json_member(asked->root, "conversation");
    for (size_t i = 0; items && i < count && !goes_on; i++) {
        struct str type = text_of(items[i], "type"), role = text_of(items[i], "role"),
                   id = text_of(items[i], "call_id");
        char param[64];
        snprintf(param, sizeof param, "input[%zu]", i);
        if (role.len && !mock_strict_is_one_of(STR("system developer user assistant"), role))
            return mock_strict_refuse(refusal, param, STR("invalid_value"),
                                      "Invalid value: '%.*s'. Supported values are: 'assistant', 'system', "
                                      "'developer', and 'user'.",
                                      STR_ARG(str_slice(role, 0, 40)));
        if (str_eq(type, STR("function_call_output")) && !has(input, STR("function_call"), "call_id", id))
            return mock_strict_refuse(refusal, "input", STR(""),
                                      "No tool call found for function call output with call_id %.*s.",
                                      STR_ARG(str_slice(id, 0, 40)));
        if (str_eq(type, STR("function_call")) && !has(input, STR("function_call_output"), "call_id", id))
            return mock_strict_refuse(refusal, "input", STR(""), "No tool output found for function call %.*s.",
                                      STR_ARG(str_slice(id, 0, 40)));
    }
    return true;
}

/* -- Anthropic -- */

static bool mock_strict_turns_is_blank(struct str text) { return str_trim(text).len == 0; }

static bool anthropic_content(const struct json_value *message, size_t index, bool last, struct mock_refusal *refusal) {
    const struct json_value *content = json_member(message, "content");
    bool words = json_kind(content) == json_string;
    if (json_kind(content) <= json_null)
        return mock_strict_refuse(refusal, "", STR(""), "messages.%zu.content: Field required", index);
    if (words ? !json_str(content, STR("")).len : !json_count(content))
        return (last && is_role(message, STR("assistant"))) ||
               mock_strict_refuse(refusal, "", STR(""),
                                  "messages.%zu: all messages must have non-empty content except for the optional "
                                  "final assistant message",
                                  index);
    size_t place = 0;
    for (const struct json_value *block; !words && (block = json_each(content, &place, NULL));)
        if (str_eq(text_of(block, "type"), STR("text")) && mock_strict_turns_is_blank(text_of(block, "text")))
            return mock_strict_refuse(refusal, "", STR(""), "messages: text content blocks must %s",
                                      text_of(block, "text").len ? "contain non-whitespace text" : "be non-empty");
    return true;
}

/* Each block of this type must have one of the other with its id in the other message. */
static bool anthropic_pairs(const struct json_value *message, const struct json_value *other, struct str type,
                            struct str other_type, size_t index, struct mock_refusal *refusal) {
    bool result = str_eq(type, STR("tool_result"));
    const char *id_name = result ? "tool_use_id" : "id", *other_name = result ? "id" : "tool_use_id";
    const struct json_value *content = json_member(message, "content");
    size_t place = 0, block_index = 0;
    if (json_kind(content) != json_array) return true;
    for (const struct json_value *block; (block = json_each(content, &place, NULL)); block_index++) {
        struct str id = str_slice(text_of(block, id_name), 0, 64);
        if (!str_eq(text_of(block, "type"), type)) continue;
        if (has(json_member(other, "content"), other_type, other_name, id)) continue;
        if (result)
            return mock_strict_refuse(refusal, "", STR(""),
                                      "messages.%zu.content.%zu: unexpected `tool_use_id` found in `tool_result` "
                                      "blocks: %.*s. Each `tool_result` block must have a corresponding `tool_use` "
                                      "block in the previous message.",
                                      index, block_index, STR_ARG(id));
        return mock_strict_refuse(refusal, "", STR(""),
                                  "messages.%zu: `tool_use` ids were found without `tool_result` blocks immediately "
                                  "after: %.*s.",
                                  index, STR_ARG(id));
    }
    return true;
}

/* -- Anthropic's marks for its prompt cache -- */

struct cache_marks {
    size_t count;
    bool short_one; /* one that is kept for five minutes stands before */
};

static bool cache_mark_is_good(const struct json_value *block, const char *where, struct cache_marks *marks,
                               struct mock_refusal *refusal) {
    const struct json_value *mark = json_member(block, "cache_control");
    struct str type = text_of(mark, "type"), ttl = text_of(mark, "ttl"), of = text_of(block, "type");
    if (json_kind(mark) <= json_null) return true;
    if (!str_eq(type, STR("ephemeral")))
        return mock_strict_refuse(refusal, "", STR(""),
                                  "%s.cache_control: Input tag '%.*s' found using 'type' does not match any of the "
                                  "expected tags: 'ephemeral'",
                                  where, STR_ARG(str_slice(type, 0, 40)));
    if (ttl.len && !mock_strict_is_one_of(STR("5m 1h"), ttl))
        return mock_strict_refuse(refusal, "", STR(""), "%s.cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
                                  where);
    if (str_eq(of, STR("thinking")) || str_eq(of, STR("redacted_thinking")))
        return mock_strict_refuse(refusal, "", STR(""), "%s.cache_control: Extra inputs are not permitted", where);
    if (str_eq(ttl, STR("1h")) && marks->short_one)
        return mock_strict_refuse(refusal, "", STR(""),
                                  "%s.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
                                  "cache_control block. Note that blocks are processed in the following order: "
                                  "`tools`, `system`, `messages`.",
                                  where);
    marks->short_one |= !str_eq(ttl, STR("1h"));
    marks->count++;
    return true;
}

static bool cache_marks_are_good(const struct json_value *blocks, const char *where, struct cache_marks *marks,
                                 struct mock_refusal *refusal) {
    size_t place = 0;
    if (json_kind(blocks) != json_array) return true;
    for (const struct json_value *block; (block = json_each(blocks, &place, NULL));)
        if (!cache_mark_is_good(block, where, marks, refusal)) return false;
    return true;
}

static bool anthropic_marks(const struct json_value *root, const struct json_value **messages, size_t count,
                            struct mock_refusal *refusal) {
    enum { most = 4 };
    struct cache_marks marks = {.count = 0};
    if (!cache_marks_are_good(json_member(root, "tools"), "tools", &marks, refusal) ||
        !cache_marks_are_good(json_member(root, "system"), "system", &marks, refusal))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!cache_marks_are_good(json_member(messages[i], "content"), "messages.content", &marks, refusal))
            return false;
    return cache_mark_is_good(root, "request", &marks, refusal) &&
           (marks.count <= most ||
            mock_strict_refuse(refusal, "", STR(""),
                               "A maximum of %d blocks with cache_control may be provided. Found %zu.", (int)most,
                               marks.count));
}

bool mock_strict_anthropic_turns(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal) {
    size_t count;
    const struct json_value **messages = list_of(json_member(asked->root, "messages"), &count, arena);
    if (!messages) return true;
    if (count == 0) return mock_strict_refuse(refusal, "", STR(""), "messages: at least one message is required");
    if (is_role(messages[0], STR("assistant")))
        return mock_strict_refuse(refusal, "", STR(""), "messages: first message must use the \"user\" role");
    for (size_t i = 0; i < count; i++) {
        struct str role = text_of(messages[i], "role");
        const struct json_value *before = i ? messages[i - 1] : NULL, *after = i + 1 < count ? messages[i + 1] : NULL;
        if (!mock_strict_is_one_of(STR("user assistant system"), role))
            return mock_strict_refuse(refusal, "", STR(""), "messages.%zu.role: Input should be 'user' or 'assistant'",
                                      i);
        if (!anthropic_content(messages[i], i, i + 1 == count, refusal) ||
            !anthropic_pairs(messages[i], before, STR("tool_result"), STR("tool_use"), i, refusal) ||
            !anthropic_pairs(messages[i], after, STR("tool_use"), STR("tool_result"), i, refusal))
            return false;
    }
    return anthropic_marks(asked->root, messages, count, refusal);
}

/* -- Google -- */

static size_t parts_of(const struct json_value *content, const char *name) {
    size_t place = 0, found = 0;
    const struct json_value *parts = json_member(content, "parts");
    if (json_kind(parts) != json_array) return 0;
    for (const struct json_value *part; (part = json_each(parts, &place, NULL));) found += !!json_member(part, name);
    return found;
}

bool mock_strict_gemini_turns(const struct mock_asked *asked, struct arena *arena, struct mock_refusal *refusal) {
    size_t count;
    const struct json_value **contents = list_of(json_member(asked->root, "contents"), &count, arena);
    if (!contents) return true;
    if (count == 0)
        return mock_strict_refuse(refusal, "", STR(""), "* GenerateContentRequest.contents: contents is not specified");
    for (size_t i = 0; i < count; i++) {
        struct str role = text_of(contents[i], "role");
        size_t results = parts_of(contents[i], "functionResponse");
        if (role.len && !mock_strict_is_one_of(STR("user model function"), role))
            return mock_strict_refuse(refusal, "", STR(""), "Please use a valid role: user, model.");
        if (!json_count(json_member(contents[i], "parts")))
            return mock_strict_refuse(refusal, "", STR(""),
                                      "* GenerateContentRequest.contents[%zu].parts: contents.parts must not be empty.",
                                      i);
        if (!results) continue;
        size_t calls = i ? parts_of(contents[i - 1], "functionCall") : 0;
        if (!calls)
            return mock_strict_refuse(refusal, "", STR(""),
                                      "Please ensure that function response turn comes immediately after a function "
                                      "call turn.");
        if (calls != results)
            return mock_strict_refuse(refusal, "", STR(""),
                                      "Please ensure that the number of function response parts is equal to the number "
                                      "of function call parts of the function call turn.");
    }
    return true;
}
