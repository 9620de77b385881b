/* trace_content.c - see trace_content.h. What is told is hidden text by text, before it is JSON. */
#include "runtime/trace_content.h"

#include "dialect/fields.h"
#include "dialect/json.h"

struct telling {
    const struct pattern *own;
    struct arena *arena;
    bool failed;
};

static void trace_hidden_put(struct telling *telling, struct text *text, struct str name, struct str words) {
    struct text into = text_in_arena(telling->arena, words.len + 64);
    redact_put_by(telling->own, &into, words);
    telling->failed |= into.failed;
    text_json_str(text, name, text_str(&into));
}

static void trace_part_begin(struct text *text, struct str type) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("type"), type);
}

static void trace_words_put(struct telling *telling, struct text *text, struct str words) {
    if (!words.len) return;
    trace_part_begin(text, STR("text"));
    trace_hidden_put(telling, text, STR("content"), words);
    text_put_byte(text, '}');
}

/* A string, or a list of parts. */
static void trace_said_put(struct telling *telling, struct text *text, const struct json_value *content) {
    size_t place = 0;
    if (json_kind(content) == json_string) trace_words_put(telling, text, json_str(content, STR("")));
    if (json_kind(content) != json_array) return;
    for (const struct json_value *part; (part = json_each(content, &place, NULL));) {
        struct str type = json_member_str(part, "type"), words = json_member_str(part, "text");
        if (words.at) {
            trace_words_put(telling, text, words);
            continue;
        }
        trace_part_begin(text, type.len ? type : STR("unknown"));
        text_put_byte(text, '}');
    }
}

static void trace_calls_put(struct telling *telling, struct text *text, const struct json_value *calls) {
    size_t place = 0;
    if (json_kind(calls) != json_array) return;
    for (const struct json_value *call; (call = json_each(calls, &place, NULL));) {
        const struct json_value *function = json_member(call, "function");
        trace_part_begin(text, STR("tool_call"));
        text_json_str_if(text, STR("id"), json_member_str(call, "id"));
        text_json_str_if(text, STR("name"), json_member_str(function, "name"));
        trace_hidden_put(telling, text, STR("arguments"), json_str(json_member(function, "arguments"), STR("")));
        text_put_byte(text, '}');
    }
}

static void trace_result_put(struct telling *telling, struct text *text, const struct json_value *message) {
    struct text words = text_in_arena(telling->arena, 256);
    trace_said_put(telling, &words, json_member(message, "content"));
    trace_part_begin(text, STR("tool_call_response"));
    text_json_str_if(text, STR("id"), json_member_str(message, "tool_call_id"));
    text_json_key(text, STR("response"));
    text_put_byte(text, '[');
    text_put(text, text_str(&words));
    text_put(text, STR("]}"));
    telling->failed |= words.failed;
}

static void trace_message_put(struct telling *telling, struct text *text, const struct json_value *message,
                              struct str finish) {
    struct str role = json_member_str(message, "role");
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("role"), role);
    text_json_key(text, STR("parts"));
    text_put_byte(text, '[');
    if (str_eq(role, STR("tool"))) {
        trace_result_put(telling, text, message);
    } else {
        trace_said_put(telling, text, json_member(message, "content"));
        trace_calls_put(telling, text, json_member(message, "tool_calls"));
    }
    text_put_byte(text, ']');
    text_json_str_if(text, STR("finish_reason"), finish);
    text_put_byte(text, '}');
}

static struct str listed(struct telling *telling, const struct text *items) {
    return items->len ? arena_printf(telling->arena, "[%.*s]", STR_ARG(text_str(items))) : STR("");
}

static const struct json_value *read_of(struct telling *telling, struct str raw) {
    const char *problem;
    size_t at;
    const struct json_value *value = json_parse_in(telling->arena, raw, &problem, &at);
    telling->failed |= !value; /* it was read before: there is no memory */
    return value;
}

bool trace_content_read(const struct turn_said *said, const struct pattern *own, struct arena *arena,
                        struct trace_content *content) {
    struct telling telling = {.own = own, .arena = arena};
    struct turn turn;
    *content = (struct trace_content){.input = STR("")};
    if (!turn_read(said, arena, &turn)) return false;
    struct text system = text_in_arena(arena, 256), input = text_in_arena(arena, said->body.len + 256),
                output = text_in_arena(arena, 256);
    for (size_t i = 0; i < turn.message_count; i++) {
        const struct json_value *message = read_of(&telling, turn.messages[i]);
        struct str role = json_member_str(message, "role");
        if (str_eq(role, STR("system")) || str_eq(role, STR("developer")))
            trace_said_put(&telling, &system, json_member(message, "content"));
        else
            trace_message_put(&telling, &input, message, STR_NONE);
    }
    if (turn.answer.len) {
        const struct json_value *answer = read_of(&telling, turn.answer);
        bool calls = json_count(json_member(answer, "tool_calls")) > 0;
        trace_message_put(&telling, &output, answer, turn.cut ? STR("error") : calls ? STR("tool_call") : STR("stop"));
    }
    content->instructions = listed(&telling, &system);
    content->input = listed(&telling, &input);
    content->output = listed(&telling, &output);
    return !telling.failed && !system.failed && !input.failed && !output.failed && content->instructions.at &&
           content->input.at && content->output.at;
}
