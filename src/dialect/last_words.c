/* last_words.c - a row a dialect: where its messages stand, what the words of one are called, and the types of parts
 * that may stand beside them. */
#include "dialect/last_words.h"

struct place_of_words {
    const char *messages, *content;
    struct str text_type; /* of a part that is text; empty: parts have no type, and `text` tells */
    struct str beside[3]; /* other parts that may be there; of those without type the member that tells */
};

static const struct place_of_words *last_place_of(enum dialect dialect) {
    static const struct place_of_words
        openai = {"messages", "content", STR("text"), {STR("image_url"), STR("input_audio"), STR("file")}},
        anthropic = {"messages", "content", STR("text"), {STR("image"), STR("document"), {NULL, 0}}},
        responses = {"input", "content", STR("input_text"), {STR("input_image"), STR("input_file"), {NULL, 0}}},
        gemini = {"contents", "parts", {NULL, 0}, {STR("inlineData"), STR("inline_data"), STR("fileData")}};
    switch (dialect) {
    case dialect_openai: return &openai;
    case dialect_anthropic: return &anthropic;
    case dialect_responses: return &responses;
    case dialect_gemini: return &gemini;
    default: return NULL;
    }
}

static bool may_be_beside(const struct place_of_words *place, const struct json_value *part) {
    const size_t count = sizeof place->beside / sizeof *place->beside;
    const struct str type = json_str(json_member(part, "type"), STR(""));
    for (size_t i = 0; i < count; i++) {
        if (!place->beside[i].at) continue;
        if (place->text_type.at ? str_eq(type, place->beside[i]) : json_member(part, place->beside[i].at) != NULL)
            return true;
    }
    return false;
}

static bool part_is_text(const struct place_of_words *place, const struct json_value *part) {
    return json_kind(json_member(part, "text")) == json_string &&
           (!place->text_type.at || str_eq(json_str(json_member(part, "type"), STR("")), place->text_type));
}

/* The one text of the parts. */
static const struct json_value *words_of_parts(const struct place_of_words *place, const struct json_value *parts) {
    const struct json_value *words = NULL;
    size_t at = 0;
    if (json_kind(parts) != json_array) return NULL;
    for (const struct json_value *part; (part = json_each(parts, &at, NULL));) {
        bool text = part_is_text(place, part);
        if (json_kind(part) != json_object || (text && words) || (!text && !may_be_beside(place, part))) return NULL;
        if (text) words = json_member(part, "text");
    }
    return words;
}

static bool is_users(const struct json_value *message, enum dialect dialect) {
    const struct json_value *role = json_member(message, "role"), *type = json_member(message, "type");
    if (json_kind(message) != json_object) return false;
    if (type && !str_eq(json_str(type, STR("")), STR("message")))
        return false; /* of Responses: items are not all said */
    if (!role) return dialect == dialect_gemini;
    return str_eq(json_str(role, STR("")), STR("user"));
}

const struct json_value *last_words(enum dialect dialect, const struct json_value *root) {
    const struct place_of_words *place = last_place_of(dialect);
    const struct json_value *list = place ? json_member(root, place->messages) : NULL, *last = NULL;
    size_t at = 0;
    if (json_kind(list) == json_string && dialect == dialect_responses) return list;
    if (json_kind(list) != json_array) return NULL;
    for (const struct json_value *message; (message = json_each(list, &at, NULL));) last = message;
    if (!last || !is_users(last, dialect)) return NULL;
    const struct json_value *content = json_member(last, place->content);
    return json_kind(content) == json_string ? content : words_of_parts(place, content);
}
