/* responses_asked.c - what a response object says again of its request: every member that clients check, with the value
 * that was asked for or the API's default. */
#include "dialect/responses/responses.h"

/* A value of another kind than these has its default: nobody's number becomes a word. */
enum {
    as_string = 1 << json_string,
    as_number = 1 << json_number,
    as_object = 1 << json_object,
    as_list = 1 << json_array,
    as_flag = 1 << json_true | 1 << json_false
};

static const struct {
    const char *name;
    unsigned kinds;
    struct str otherwise;
} plain[] = {
    {"instructions", as_string | as_list, STR("null")},
    {"max_output_tokens", as_number, STR("null")},
    {"max_tool_calls", as_number, STR("null")},
    {"parallel_tool_calls", as_flag, STR("true")},
    {"temperature", as_number, STR("1")},
    {"top_p", as_number, STR("1")},
    {"presence_penalty", as_number, STR("0")},
    {"frequency_penalty", as_number, STR("0")},
    {"top_logprobs", as_number, STR("0")},
    {"tool_choice", as_string | as_object, STR("\"auto\"")},
    {"truncation", as_string, STR("\"disabled\"")},
    {"background", as_flag, STR("false")},
    {"safety_identifier", as_string, STR("null")},
    {"prompt_cache_key", as_string, STR("null")},
    {"user", as_string, STR("null")},
    {"metadata", as_object, STR("{}")},
};

static void value_or(struct text *text, const struct json_value *object, const char *name, unsigned kinds,
                     struct str otherwise) {
    const struct json_value *value = json_member(object, name);
    text_json_key(text, str_from(name));
    if (kinds >> json_kind(value) & 1)
        json_put(text, value);
    else
        text_put(text, otherwise);
}

/* A function has all of its members; what else a tool is stands as it was sent. */
static void asked_tool_put(struct text *text, const struct json_value *tool) {
    static const struct {
        const char *name;
        unsigned kinds;
    } members[] = {{"description", as_string}, {"parameters", as_object}, {"strict", as_flag}};
    text_json_comma(text);
    if (!str_eq(json_member_str(tool, "type"), STR("function"))) {
        json_put(text, tool);
        return;
    }
    text_put(text, STR("{\"type\":\"function\""));
    text_json_str(text, STR("name"), json_str(json_member(tool, "name"), STR("")));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        value_or(text, tool, members[i].name, members[i].kinds, STR("null"));
    text_put_byte(text, '}');
}

void responses_asked_put(struct text *text, const struct json_value *root) {
    const struct json_value *reasoning = json_member(root, "reasoning"), *format = json_member(root, "text"),
                            *tools = json_member(root, "tools");
    struct str tier = json_member_str(root, "service_tier");
    size_t place = 0;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        value_or(text, root, plain[i].name, plain[i].kinds, plain[i].otherwise);
    text_put(text, STR(",\"reasoning\":{"));
    value_or(text, reasoning, "effort", as_string, STR("null"));
    value_or(text, reasoning, "summary", as_string, STR("null"));
    text_put(text, STR("},\"text\":{"));
    value_or(text, format, "format", as_object, STR("{\"type\":\"text\"}"));
    value_or(text, format, "verbosity", as_string, STR("\"medium\""));
    text_put(text, STR("},\"tools\":["));
    for (const struct json_value *tool; json_kind(tools) == json_array && (tool = json_each(tools, &place, NULL));)
        asked_tool_put(text, tool);
    text_put_byte(text, ']');
    bool said = tier.len && !str_eq(tier, STR("auto"));
    text_json_str(text, STR("service_tier"), said ? tier : STR("default"));
}
