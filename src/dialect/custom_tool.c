/* custom_tool.c - a function's arguments as a custom tool's text. A model may write other arguments than it was told
 * to: what they hold is then given as it is, and never nothing. */
#include "dialect/custom_tool.h"

#include <string.h>

#include "dialect/fields.h"

/* A grammar that the input must follow is told where a model looks for it. */
static struct str parameters_of(const struct json_value *format, struct arena *arena) {
    const struct json_value *grammar = json_member(format, "grammar"); /* as chat completions wrap it */
    struct text text = text_in_arena(arena, 256);
    if (!grammar) grammar = format;
    struct str syntax = json_member_str(grammar, "syntax"), definition = json_member_str(grammar, "definition");
    text_put(&text, STR("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\",\"description\":\""));
    text_put(&text, STR("All of the tool's input, as plain text."));
    if (definition.len) {
        text_put(&text, STR(" It must follow this grammar ("));
        text_put_json_inside(&text, syntax);
        text_put(&text, STR("):\\n"));
        text_put_json_inside(&text, definition);
    }
    text_put(&text, STR("\"}},\"required\":[\"input\"],\"additionalProperties\":false}"));
    return text.failed ? STR_NONE : text_str(&text);
}

bool custom_tool_read(const struct json_value *custom, struct arena *arena, struct message_tool *tool) {
    tool->custom = true;
    tool->name = json_member_str(custom, "name");
    tool->description = json_member_str(custom, "description");
    tool->format = json_raw(json_member(custom, "format"), arena);
    tool->parameters = parameters_of(json_member(custom, "format"), arena);
    return tool->parameters.at != NULL;
}

bool custom_tools_note(struct message_request *request, struct arena *arena) {
    size_t count = 0;
    for (size_t i = 0; i < request->tool_count; i++) count += request->tools[i].custom;
    if (!count) return true;
    request->asked.custom = arena_take(arena, count * sizeof *request->asked.custom);
    request->asked.custom_count = 0;
    for (size_t i = 0; request->asked.custom && i < request->tool_count; i++)
        if (request->tools[i].custom) request->asked.custom[request->asked.custom_count++] = request->tools[i].name;
    return request->asked.custom != NULL;
}

struct str custom_tool_arguments(struct str input, struct arena *arena) {
    struct text text = text_in_arena(arena, input.len + 16);
    text_put_byte(&text, '{');
    text_json_str(&text, STR("input"), input);
    text_put_byte(&text, '}');
    return text.failed ? STR_NONE : text_str(&text);
}

struct str custom_tool_input(struct str arguments, struct arena *arena) {
    const char *problem;
    size_t at, place = 0;
    const struct json_value *root = json_parse_in(arena, arguments, &problem, &at);
    if (json_kind(root) == json_string) return json_str(root, arguments);
    if (json_kind(root) != json_object) return arguments;
    const struct json_value *input = json_member(root, "input");
    if (!input && json_count(root) == 1) input = json_each(root, &place, NULL);
    return json_str(input, arguments);
}

/* -- fragments -- */

static void code_put(struct text *text, uint32_t code) {
    const char bytes[] = {(char)(0xf0 | code >> 18), (char)(0x80 | (code >> 12 & 63)), (char)(0x80 | (code >> 6 & 63)),
                          (char)(0x80 | (code & 63))};
    if (code < 0x80) {
        text_put_byte(text, (char)code);
    } else if (code < 0x800) {
        text_put_byte(text, (char)(0xc0 | code >> 6));
        text_put(text, str_make(bytes + 3, 1));
    } else if (code < 0x10000) {
        text_put_byte(text, (char)(0xe0 | code >> 12));
        text_put(text, str_make(bytes + 2, 2));
    } else {
        text_put(text, str_make(bytes, sizeof bytes));
    }
}

/* A first half of a pair that has no second. */
static void custom_half_put(struct custom_input *input, struct text *text) {
    if (input->high) code_put(text, 0xfffd);
    input->high = 0;
}

static void unicode_put(struct custom_input *input, struct text *text) {
    uint32_t code = input->code;
    bool first = code >= 0xd800 && code < 0xdc00, second = code >= 0xdc00 && code < 0xe000;
    if (second && input->high) {
        code_put(text, 0x10000 + ((input->high - 0xd800) << 10) + (code - 0xdc00));
        input->high = 0;
        return;
    }
    custom_half_put(input, text);
    if (first)
        input->high = code;
    else
        code_put(text, second ? 0xfffd : code);
}

static void before_take(struct custom_input *input, char c) {
    static const struct str begin = STR("{\"input\":\"");
    bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t', between = input->matched < 2 || input->matched > 7;
    if (blank && between) return;
    if (c != begin.at[input->matched]) {
        input->state = custom_other;
    } else if (++input->matched == begin.len) {
        input->state = custom_inside;
    }
}

static void escape_take(struct custom_input *input, char c, struct text *text) {
    static const char names[] = "bfnrt", codes[] = "\b\f\n\r\t";
    const char *at = c ? strchr(names, c) : NULL;
    input->state = custom_inside;
    if (c == 'u') {
        input->state = custom_unicode;
        input->digits = input->code = 0;
        return;
    }
    custom_half_put(input, text);
    text_put_byte(text, at ? codes[at - names] : c);
}

static void digit_take(struct custom_input *input, char c, struct text *text) {
    unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20) - 'a' + 10;
    input->code = input->code << 4 | (digit & 15);
    if (++input->digits < 4) return;
    unicode_put(input, text);
    input->state = custom_inside;
}

/* Up to the next quote or escape; how many bytes. */
static size_t custom_run_put(struct str rest, struct text *text) {
    size_t run = 0;
    while (run < rest.len && rest.at[run] != '"' && rest.at[run] != '\\') run++;
    text_put(text, str_slice(rest, 0, run));
    return run;
}

void custom_input_feed(struct custom_input *input, struct str fragment, struct text *text) {
    for (size_t i = 0; i < fragment.len; i++) {
        char c = fragment.at[i];
        switch (input->state) {
        case custom_before: before_take(input, c); break;
        case custom_escape: escape_take(input, c, text); break;
        case custom_unicode: digit_take(input, c, text); break;
        case custom_inside:
            if (c == '\\') {
                input->state = custom_escape;
                break;
            }
            custom_half_put(input, text);
            if (c == '"')
                input->state = custom_over;
            else
                i += custom_run_put(str_slice(fragment, i, fragment.len), text) - 1;
            break;
        case custom_over:
        case custom_other: return;
        }
    }
}
