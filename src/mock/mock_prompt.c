/* mock_prompt.c - see mock_prompt.h. Must never do I/O; keeps: a prompt that was read has a model and 1 to
 * mock_choices_max choices. */
#include "mock/mock_prompt.h"

#include "base/text.h"

static bool mock_prompt_is_str(const struct json_value *value) { return json_str(value, STR_NONE).at != NULL; }

static bool missing(const char *name, struct error *error, struct str *param) {
    *param = str_from(name);
    return error_set(error, error_invalid_request, "Missing required parameter: '%s'.", name);
}

static bool mock_prompt_wrong(const char *name, const char *what, struct error *error, struct str *param) {
    *param = str_from(name);
    return error_set(error, error_invalid_request, "Invalid value for '%s': %s.", name, what);
}

/* A message's content: a string, or parts of which the texts are joined and the others noted. */
static struct str content_read(const struct json_value *content, struct arena *arena, struct mock_prompt *prompt) {
    struct text joined = text_in_arena(arena, 64);
    size_t place = 0;
    if (mock_prompt_is_str(content)) return json_str(content, STR(""));
    for (const struct json_value *part; (part = json_each(content, &place, NULL));) {
        struct str type = json_str(json_member(part, "type"), STR(""));
        struct str text = json_str(json_member(part, "text"), STR(""));
        if (str_eq(type, STR("image_url"))) prompt->has_image = true;
        if (str_eq(type, STR("input_audio"))) prompt->has_audio = true;
        if (str_eq(type, STR("file"))) prompt->has_file = true;
        if (joined.len && text.len) text_put_byte(&joined, ' ');
        text_put(&joined, text);
    }
    return text_str(&joined);
}

static bool mock_prompt_messages_read(const struct json_value *root, struct arena *arena, struct mock_prompt *prompt,
                                      struct error *error, struct str *param) {
    const struct json_value *messages = json_member(root, "messages");
    size_t place = 0;
    if (!messages) return missing("messages", error, param);
    if (json_count(messages) == 0)
        return mock_prompt_wrong("messages", "an array of at least one message is expected", error, param);
    for (const struct json_value *at; (at = json_each(messages, &place, NULL));) {
        struct str role = json_str(json_member(at, "role"), STR(""));
        if (role.len == 0) return missing("messages[].role", error, param);
        prompt->from_tool = str_eq(role, STR("tool")) || str_eq(role, STR("function"));
        struct str text = content_read(json_member(at, "content"), arena, prompt);
        if (prompt->from_tool || str_eq(role, STR("user"))) prompt->text = text;
    }
    return true;
}

static bool legacy_read(const struct json_value *root, struct mock_prompt *prompt, struct error *error,
                        struct str *param) {
    const struct json_value *given = json_member(root, "prompt");
    size_t place = 0;
    if (!given) return missing("prompt", error, param);
    const struct json_value *first = mock_prompt_is_str(given) ? given : json_each(given, &place, NULL);
    prompt->text = json_str(first, STR("some tokens"));
    if (!mock_prompt_is_str(given) && mock_prompt_is_str(first)) prompt->choices *= (int64_t)json_count(given);
    return true;
}

static void stops_read(const struct json_value *stop, struct mock_prompt *prompt) {
    size_t place = 0;
    if (mock_prompt_is_str(stop))
        prompt->stops[prompt->stop_count++] = json_str(stop, STR(""));
    else
        for (const struct json_value *at; prompt->stop_count < mock_stops_max && (at = json_each(stop, &place, NULL));)
            prompt->stops[prompt->stop_count++] = json_str(at, STR(""));
}

static void mock_prompt_tools_read(const struct json_value *root, struct mock_prompt *prompt) {
    const struct json_value *choice = json_member(root, "tool_choice");
    struct str word = json_str(choice, STR(""));
    prompt->tools = json_count(json_member(root, "tools")) ? json_member(root, "tools") : NULL;
    if (str_eq(word, STR("none"))) prompt->tool_choice = mock_tool_none;
    if (str_eq(word, STR("required"))) prompt->tool_choice = mock_tool_required;
    prompt->tool_named = json_str(json_member(json_member(choice, "function"), "name"), STR(""));
    if (prompt->tool_named.len) prompt->tool_choice = mock_tool_named;
}

static void mock_prompt_format_read(const struct json_value *root, struct mock_prompt *prompt) {
    const struct json_value *format = json_member(root, "response_format");
    struct str type = json_str(json_member(format, "type"), STR(""));
    prompt->wants_json = str_eq(type, STR("json_object")) || str_eq(type, STR("json_schema"));
    prompt->schema = json_member(json_member(format, "json_schema"), "schema");
}

bool mock_prompt_read(const struct json_value *root, bool legacy, size_t body_len, struct arena *arena,
                      struct mock_options *options, struct mock_prompt *prompt, struct error *error,
                      struct str *param) {
    const struct json_value *max_tokens = json_member(root, "max_completion_tokens");
    if (!max_tokens) max_tokens = json_member(root, "max_tokens");
    *prompt = (struct mock_prompt){
        .model = json_str(json_member(root, "model"), STR("")),
        .legacy = legacy,
        .stream = json_bool(json_member(root, "stream"), false),
        .include_usage = json_bool(json_member(json_member(root, "stream_options"), "include_usage"), false),
        .logprobs = json_bool(json_member(root, "logprobs"), json_i64(json_member(root, "logprobs"), 0) > 0),
        .choices = json_i64(json_member(root, "n"), 1),
        .max_tokens = json_i64(max_tokens, -1),
        .text = STR(""),
        .input_tokens = (int64_t)(body_len + 3) / 4,
    };
    if (prompt->model.len == 0) return missing("model", error, param);
    if (prompt->choices < 1 || prompt->choices > mock_choices_max)
        return mock_prompt_wrong("n", "1 to 128 choices can be asked for", error, param);
    if (max_tokens && json_i64(max_tokens, -1) < 1 && json_double(max_tokens, -1) >= 0)
        return mock_prompt_wrong("max_tokens", "at least 1 is expected", error, param);
    if (!(legacy ? legacy_read(root, prompt, error, param)
                 : mock_prompt_messages_read(root, arena, prompt, error, param)))
        return false;
    if (prompt->choices > mock_choices_max)
        return mock_prompt_wrong("prompt", "at most 128 choices can be asked for", error, param);
    stops_read(json_member(root, "stop"), prompt);
    mock_prompt_tools_read(root, prompt);
    mock_prompt_format_read(root, prompt);
    return mock_options_prompt(options, &prompt->text, error);
}
