/* put_back_fuzz.c - a body with any bytes: what is taken out of it and put back is the body's own words, and no word
 * that was found goes up. An answer with any bytes that comes in three pieces is what it is in one. The first byte says
 * whether it is events or a list, the next two where the answer is cut; the body ends at the first NUL. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/json.h"
#include "dialect/put_back_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str fed(const struct placeholders *placeholders, enum put_back_form form, const struct str *pieces,
                      size_t count, struct arena *arena) {
    struct put_back_stream stream;
    struct text text = text_in_arena(arena, 256);
    put_back_begin(&stream, placeholders, form, NULL);
    for (size_t i = 0; i < count; i++) {
        char *copy = malloc(pieces[i].len ? pieces[i].len : 1); /* so that nothing may point into it later */
        if (pieces[i].len) memcpy(copy, pieces[i].at, pieces[i].len);
        if (!put_back_take(&stream, str_make(copy, pieces[i].len), &text)) abort();
        free(copy);
    }
    if (!put_back_finish(&stream, &text)) abort();
    put_back_free(&stream);
    return text_str(&text);
}

/* A number that was taken out comes back as a string, in a string too. */
static struct str without_quotes(struct str json, struct arena *arena) {
    struct text text = text_in_arena(arena, json.len + 1);
    for (size_t i = 0; i < json.len; i++)
        if (json.at[i] != '"' && json.at[i] != '\\') text_put_byte(&text, json.at[i]);
    return text_str(&text);
}

/* JSON that was there and is gone, and is back. Of JSON in a string escapes may be others: they mean the same. */
static void round_look(const struct placeholders *placeholders, struct str body, struct str taken,
                       struct arena *arena) {
    const char *problem;
    size_t at;
    struct str back = fed(placeholders, put_back_json, &taken, 1, arena);
    const struct json_value *was = json_parse_in(arena, body, &problem, &at),
                            *is = json_parse_in(arena, back, &problem, &at);
    if ((was != NULL) != (is != NULL)) abort();
    if (str_find(body, STR("arguments")) != SIZE_MAX || str_find(body, STR("partial_json")) != SIZE_MAX) return;
    if (str_find_byte(body, '\\') != SIZE_MAX) return;
    if (was && placeholders->count < placeholders_max &&
        !str_eq(without_quotes(json_raw(was, arena), arena), without_quotes(json_raw(is, arena), arena)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3 || size > 20000) return 0;
    struct str rest = str_make((const char *)data + 3, size - 3);
    size_t end = str_find_byte(rest, 0);
    struct str body = str_slice(rest, 0, end < rest.len ? end : rest.len),
               answer = str_slice(rest, body.len < rest.len ? body.len + 1 : rest.len, rest.len), taken;
    size_t first = data[1] % (answer.len + 1), second = first + data[2] % (answer.len - first + 1);
    struct arena arena;
    arena_init(&arena, 4096, 256 << 20);
    struct placeholders placeholders = {.arena = &arena};
    if (placeholders_take(&placeholders, body, NULL, &arena, &taken)) round_look(&placeholders, body, taken, &arena);
    const struct str pieces[] = {str_slice(answer, 0, first), str_slice(answer, first, second),
                                 str_slice(answer, second, answer.len)};
    const enum put_back_form form = (enum put_back_form)(data[0] % 3);
    struct str whole = fed(&placeholders, form, &answer, 1, &arena), cut = fed(&placeholders, form, pieces, 3, &arena);
    if (!str_eq(whole, cut)) abort();
    arena_free(&arena);
    return 0;
}
