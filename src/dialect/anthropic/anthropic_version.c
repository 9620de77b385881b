/* anthropic_version.c - what version 2026-10-21 of Anthropic's API refuses that 2023-06-01 takes: sampling options,
 * even at their defaults, citations in what a user says, documents in what the assistant said. */
#include "dialect/anthropic/anthropic_version.h"

#include <math.h>
#include <string.h>

#include "dialect/fields.h"

static const struct str sampling[] = {STR("temperature"), STR("top_p"), STR("top_k")};
enum { sampling_count = sizeof sampling / sizeof *sampling };

bool anthropic_version_is_strict(struct str version) {
    static const struct str first = STR("2026-10-21");
    return version.len == first.len && memcmp(version.at, first.at, first.len) >= 0;
}

uint64_t anthropic_version_drops(const struct message_request *request) {
    return (isnan(request->temperature) ? 0 : FEATURE_BIT(temperature)) |
           (isnan(request->top_p) ? 0 : FEATURE_BIT(top_p)) |
           (request->top_k == MESSAGE_NO_INT ? 0 : FEATURE_BIT(top_k));
}

bool anthropic_version_refuses(const struct message_request *request) {
    for (size_t m = 0; m < request->message_count; m++)
        for (size_t p = 0; p < request->messages[m].part_count; p++)
            if (request->messages[m].role == message_assistant && request->messages[m].parts[p].kind == part_document)
                return true;
    return false;
}

void anthropic_version_fit(struct message_request *request) {
    request->temperature = request->top_p = NAN;
    request->top_k = MESSAGE_NO_INT;
}

/* -- a body in the dialect's own words -- */

static void without(struct text *text, const struct json_value *object, const char *left_out) {
    struct str name;
    size_t place = 0;
    text_json_comma(text);
    text_put_byte(text, '{');
    for (const struct json_value *value; (value = json_each(object, &place, &name));) {
        if (str_eq(name, str_from(left_out))) continue;
        text_json_comma(text);
        text_put_json(text, name);
        text_put_byte(text, ':');
        json_put(text, value);
    }
    text_put_byte(text, '}');
}

static bool is_cited_text(const struct json_value *block) {
    return json_kind(block) == json_object && str_eq(json_member_str(block, "type"), STR("text")) &&
           json_count(json_member(block, "citations")) > 0;
}

static void message_put(struct text *text, const struct json_value *message) {
    const struct json_value *content = json_member(message, "content");
    struct str name;
    size_t place = 0;
    text_json_comma(text);
    if (!str_eq(json_member_str(message, "role"), STR("user")) || json_kind(content) != json_array) {
        json_put(text, message);
        return;
    }
    text_put_byte(text, '{');
    for (const struct json_value *value; (value = json_each(message, &place, &name));) {
        text_json_comma(text);
        text_put_json(text, name);
        text_put_byte(text, ':');
        if (value != content) {
            json_put(text, value);
            continue;
        }
        size_t at = 0;
        text_put_byte(text, '[');
        for (const struct json_value *block; (block = json_each(content, &at, NULL));) {
            if (is_cited_text(block)) {
                without(text, block, "citations");
                continue;
            }
            text_json_comma(text);
            json_put(text, block);
        }
        text_put_byte(text, ']');
    }
    text_put_byte(text, '}');
}

static void anthropic_version_messages(struct text *text, const struct json_value *list) {
    size_t place = 0;
    text_put_byte(text, '[');
    for (const struct json_value *message; (message = json_each(list, &place, NULL));) message_put(text, message);
    text_put_byte(text, ']');
}

bool anthropic_version_body(struct str body, struct str model, struct arena *arena, struct text *text) {
    const struct json_value *root;
    struct error error;
    struct str name;
    size_t place = 0;
    if (!codec_parse(body, arena, &root, &error)) return false;
    text_put_byte(text, '{');
    for (const struct json_value *value; (value = json_each(root, &place, &name));) {
        bool drops = false;
        for (size_t i = 0; i < sampling_count; i++) drops |= str_eq(name, sampling[i]);
        if (drops) continue;
        text_json_comma(text);
        text_put_json(text, name);
        text_put_byte(text, ':');
        if (str_eq(name, STR("model")))
            text_put_json(text, model);
        else if (str_eq(name, STR("messages")) && json_kind(value) == json_array)
            anthropic_version_messages(text, value);
        else
            json_put(text, value);
    }
    text_put_byte(text, '}');
    return !text->failed;
}
