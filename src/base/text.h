/* text.h - a growing piece of text: headers, JSON, pages. Grows in an arena, or stays in a fixed buffer.
 * A text that could not grow is `failed`, ignores what follows and is asked once at the end. Not thread-safe. */
#ifndef WEIR_BASE_TEXT_H
#define WEIR_BASE_TEXT_H

#include <string.h>

#include "base/arena.h"

struct text {
    char *at;
    size_t len, size;
    struct arena *arena; /* NULL: fixed buffer */
    bool failed;
};

struct text text_in_arena(struct arena *arena, size_t first_size);
struct text text_in_buffer(char *buffer, size_t size);
/* Of an array, no pointer: its last byte is left for the zero that ends it. */
#define TEXT_IN_STRING(array) text_in_buffer(_Generic(&(array), char(*)[sizeof(array)] : (array)), sizeof(array) - 1)
/* The slow way: grows, or fails. */
void text_put_grow(struct text *text, struct str s);
static inline void text_put(struct text *text, struct str s) {
    if (__builtin_expect(text->failed || s.len > text->size - text->len, 0)) {
        text_put_grow(text, s);
        return;
    }
    if (s.len) memcpy(text->at + text->len, s.at, s.len);
    text->len += s.len;
}
static inline void text_put_byte(struct text *text, char byte) { text_put(text, str_make(&byte, 1)); }
/* A header's line. The name is a token (RFC 9110, 5.1): one of ours, or as a parser of HTTP gave it. Of the value a
 * control character, which could end the line and begin another, becomes `_`. */
void text_put_header(struct text *text, struct str name, struct str value);
void text_put_u64(struct text *text, uint64_t value);
void text_put_i64(struct text *text, int64_t value);
/* Nano-dollars as dollars with nine places: 0.001250000 */
void text_put_money(struct text *text, int64_t nano_usd);
/* A field of RFC 4180 with its quotes; what a spreadsheet would take for a formula is given a quote in front, as names
 * may be of anybody's choice: numbers of ours, which may be negative, are not put by this. */
void text_put_csv(struct text *text, struct str value);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes: escapes quotes, backslash and control characters; bytes that are not UTF-8 become
 * U+FFFD. */
void text_put_json(struct text *text, struct str s);
/* The same without the quotes: a piece of a string. */
void text_put_json_inside(struct text *text, struct str s);
/* As a part of a URL (RFC 3986, 2.1): letters, digits, `-._~` and signs of `also` as they are, other bytes as %2F. */
void text_put_percent(struct text *text, struct str s, const char *also);
/* One byte as the escape that JSON has for it. */
void text_put_escape(struct text *text, unsigned char c);
/* "name": with a comma before it unless the last byte is { or [ or the text is empty. A literal name needs no look for
 * escapes, and must need none: it is told by its length, which the compiler knows, wherever these are inlined. */
void text_json_key_any(struct text *text, struct str name);
void text_json_key_literal(struct text *text, struct str name);
#define TEXT_INLINE __attribute__((always_inline)) static inline
TEXT_INLINE void text_json_key(struct text *text, struct str name) {
    if (__builtin_constant_p(name.len))
        text_json_key_literal(text, name);
    else
        text_json_key_any(text, name);
}
TEXT_INLINE void text_json_str(struct text *text, struct str name, struct str value) {
    text_json_key(text, name);
    text_put_json(text, value);
}
TEXT_INLINE void text_json_u64(struct text *text, struct str name, uint64_t value) {
    text_json_key(text, name);
    text_put_u64(text, value);
}
TEXT_INLINE void text_json_i64(struct text *text, struct str name, int64_t value) {
    text_json_key(text, name);
    text_put_i64(text, value);
}
/* A count that is not known, below 0, is left out. */
TEXT_INLINE void text_json_count(struct text *text, struct str name, int64_t value) {
    if (value >= 0) text_json_i64(text, name, value);
}
TEXT_INLINE void text_json_bool(struct text *text, struct str name, bool value) {
    text_json_key(text, name);
    text_put(text, value ? STR("true") : STR("false"));
}
#undef TEXT_INLINE
/* Nano-dollars as a quoted decimal of nine places: 1250000 gives "0.001250000". */
void text_json_money(struct text *text, struct str name, int64_t nano_usd);
/* Comma unless first in its array or object. */
void text_json_comma(struct text *text);
static inline struct str text_str(const struct text *text) { return str_make(text->at, text->len); }

#endif
