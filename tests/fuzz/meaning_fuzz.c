/* meaning_fuzz.c - any JSON: written anew with its members in another order, its strings escaped, its numbers said
 * otherwise, it means the same; and what has a meaning is told apart from the same with one more element. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/meaning.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

/* ASCII as \u escapes, all else as it is. */
static void escaped_put(struct text *text, struct str s) {
    text_put_byte(text, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.at[i];
        if (byte < 0x80)
            text_printf(text, "\\u%04x", byte);
        else
            text_put_byte(text, (char)byte);
    }
    text_put_byte(text, '"');
}

/* As deep as json_parse_in lets it be. */
static void anew(const struct json_value *value, struct arena *arena, struct text *text) {
    size_t place = 0, count = json_count(value);
    struct str name = STR_NONE;
    switch (json_kind(value)) {
    case json_string: escaped_put(text, json_str(value, STR(""))); return;
    case json_number:
        json_put(text, value);
        if (str_find_byte(json_raw(value, arena), 'e') == SIZE_MAX &&
            str_find_byte(json_raw(value, arena), 'E') == SIZE_MAX)
            text_put(text, STR("e+000"));
        return;
    case json_array:
        text_put_byte(text, '[');
        for (const struct json_value *each; (each = json_each(value, &place, NULL));) {
            text_json_comma(text);
            anew(each, arena, text);
        }
        text_put(text, STR(" ]"));
        return;
    case json_object:
        text_put_byte(text, '{');
        for (size_t last = count; last > 0; last--) { /* from the last to the first */
            const struct json_value *each = NULL;
            place = 0;
            for (size_t i = 0; i < last; i++) each = json_each(value, &place, &name);
            text_json_comma(text);
            escaped_put(text, name);
            text_put(text, STR(" :\n"));
            anew(each, arena, text);
        }
        text_put_byte(text, '}');
        return;
    default: json_put(text, value); return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct str left_out[] = {STR("user")}, plain[] = {STR("messages"), STR("content")};
    static const struct meaning_rules rules = {left_out, 1, plain, 2, STR("cache_control")};
    enum { longest = 16 * 1024 };
    struct arena arena;
    const char *problem;
    size_t at;
    if (size > longest) return 0;
    arena_init(&arena, 4096, 256 * 1024 * 1024);
    const struct json_value *root = json_parse_in(&arena, str_make((const char *)data, size), &problem, &at);
    struct text meaning = text_in_arena(&arena, 256), other = text_in_arena(&arena, 256),
                more = text_in_arena(&arena, 256);
    if (root && meaning_put(root, &rules, &arena, &meaning)) {
        struct text said = text_in_arena(&arena, 256), wrapped = text_in_arena(&arena, 256);
        anew(root, &arena, &said);
        must(!said.failed);
        must(meaning_put(json_parse_in(&arena, text_str(&said), &problem, &at), &rules, &arena, &other));
        must(str_eq(text_str(&meaning), text_str(&other)));
        text_printf(&wrapped, "[%.*s]", (int)said.len, said.at);
        const struct json_value *deeper = json_parse_in(&arena, text_str(&wrapped), &problem, &at);
        if (deeper && meaning_put(deeper, &rules, &arena, &more)) must(!str_eq(text_str(&meaning), text_str(&more)));
    }
    arena_free(&arena);
    return 0;
}
