/* text.c - appending, with JSON escaping (RFC 8259, section 7). Invariant: len <= size, and a failed text never grows.
 */
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

struct text text_in_arena(struct arena *arena, size_t first_size) {
    struct text text = {
        .at = arena_take(arena, first_size), .len = 0, .size = first_size, .arena = arena, .failed = false};
    text.failed = text.at == NULL;
    return text;
}

struct text text_in_buffer(char *buffer, size_t size) {
    return (struct text){.at = buffer, .len = 0, .size = size, .arena = NULL, .failed = false};
}

/* Room for `more` bytes at the end, or NULL with `failed` set. */
static char *text_room(struct text *text, size_t more) {
    size_t need;
    if (text->failed) return NULL;
    CHECKF(text->len <= text->size, "len=%zu size=%zu", text->len, text->size);
    if (!size_add(text->len, more, &need)) goto fail;
    if (need <= text->size) return text->at + text->len;
    if (!text->arena) goto fail;
    size_t size = text->size * 2 > need ? text->size * 2 : need;
    char *bigger = arena_take(text->arena, size);
    if (!bigger) goto fail;
    if (text->len) memcpy(bigger, text->at, text->len);
    text->at = bigger;
    text->size = size;
    return bigger + text->len;
fail:
    text->failed = true;
    return NULL;
}

void text_put_grow(struct text *text, struct str s) {
    char *room = s.len ? text_room(text, s.len) : NULL;
    if (!room) return;
    memcpy(room, s.at, s.len);
    text->len += s.len;
}

void text_put_header(struct text *text, struct str name, struct str value) {
    size_t from = 0, whole = name.len + 2 + value.len + 2;
    if (!text->failed && whole <= text->size - text->len && str_control_at(value, 0) == value.len) {
        char *to = text->at + text->len;
        memcpy(to, name.at, name.len);
        memcpy(to + name.len, ": ", 2);
        if (value.len) memcpy(to + name.len + 2, value.at, value.len);
        memcpy(to + whole - 2, "\r\n", 2);
        text->len += whole;
        return;
    }
    text_put(text, name);
    text_put(text, STR(": "));
    for (size_t at; (at = str_control_at(value, from)) < value.len; from = at + 1) {
        text_put(text, str_slice(value, from, at));
        text_put_byte(text, '_');
    }
    text_put(text, str_slice(value, from, value.len));
    text_put(text, STR("\r\n"));
}

/* Two digits a division. */
static const char two_digits[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434"
    "44546474849505152535455565758596061626364656667686970717273747576777879808182838485868788"
    "8990919293949596979899";

void text_put_u64(struct text *text, uint64_t value) {
    char digits[20];
    size_t from = sizeof digits;
    for (; value >= 100; value /= 100) {
        from -= 2;
        memcpy(digits + from, two_digits + 2 * (value % 100), 2);
    }
    if (value >= 10) digits[--from] = two_digits[2 * value + 1];
    digits[--from] = value >= 10 ? two_digits[2 * value] : (char)('0' + value);
    text_put(text, str_make(digits + from, sizeof digits - from));
}

void text_put_i64(struct text *text, int64_t value) {
    if (value < 0) text_put_byte(text, '-');
    text_put_u64(text, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void text_printf(struct text *text, const char *format, ...) {
    char small[256];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (len < 0) {
        text->failed = true;
        return;
    }
    if ((size_t)len < sizeof small) {
        text_put(text, str_make(small, (size_t)len));
        return;
    }
    char *room = text_room(text, (size_t)len + 1);
    if (!room) return;
    va_start(arguments, format);
    vsnprintf(room, (size_t)len + 1, format, arguments);
    va_end(arguments);
    text->len += (size_t)len;
}

/* Bytes of the well-formed UTF-8 character at the front, or 0. */
static size_t utf8_length(struct str s) {
    unsigned char first = (unsigned char)s.at[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return s.len >= len && str_is_utf8(str_slice(s, 0, len)) ? len : 0;
}

void text_put_percent(struct text *text, struct str s, const char *also) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.at[i];
        const struct str byte = str_slice(s, i, i + 1);
        if (str_is_alnum(byte, "-._~") || str_is_alnum(byte, also))
            text_put(text, byte);
        else
            text_put(text, str_make((const char[]){'%', hex[c >> 4], hex[c & 15]}, 3));
    }
}

void text_put_escape(struct text *text, unsigned char c) {
    switch (c) {
    case '"': text_put(text, STR("\\\"")); break;
    case '\\': text_put(text, STR("\\\\")); break;
    case '\n': text_put(text, STR("\\n")); break;
    case '\r': text_put(text, STR("\\r")); break;
    case '\t': text_put(text, STR("\\t")); break;
    default: text_printf(text, "\\u%04x", c); break;
    }
}

void text_put_json(struct text *text, struct str s) {
    size_t run = str_plain_run(s, 0);
    if (run == s.len && !text->failed && run + 2 <= text->size - text->len) {
        char *room = text->at + text->len;
        room[0] = '"';
        if (run) memcpy(room + 1, s.at, run);
        room[run + 1] = '"';
        text->len += run + 2;
        return;
    }
    text_put_byte(text, '"');
    text_put_json_inside(text, s);
    text_put_byte(text, '"');
}

void text_put_json_inside(struct text *text, struct str s) {
    size_t plain = 0; /* start of the run that needs no escape */
    for (size_t i = 0; (i = str_plain_run(s, i)) < s.len;) {
        unsigned char c = (unsigned char)s.at[i];
        size_t len = c < 0x80 ? 0 : utf8_length(str_slice(s, i, s.len));
        if (len) {
            i += len;
            continue;
        }
        text_put(text, str_slice(s, plain, i));
        if (c < 0x80)
            text_put_escape(text, c);
        else
            text_put(text, STR("\xef\xbf\xbd"));
        plain = ++i;
    }
    text_put(text, str_slice(s, plain, s.len));
}

void text_json_comma(struct text *text) {
    if (text->failed || text->len == 0) return;
    char last = text->at[text->len - 1];
    if (last != '{' && last != '[' && last != ',' && last != ':') text_put_byte(text, ',');
}

void text_json_key_any(struct text *text, struct str name) {
    text_json_comma(text);
    text_put_json(text, name);
    text_put_byte(text, ':');
}

void text_json_key_literal(struct text *text, struct str name) {
    if (text->failed || name.len + 4 > text->size - text->len) {
        text_json_key_any(text, name);
        return;
    }
    char *at = text->at + text->len;
    char last = text->len ? at[-1] : '{';
    if (last != '{' && last != '[' && last != ',' && last != ':') *at++ = ',';
    *at++ = '"';
    memcpy(at, name.at, name.len);
    at += name.len;
    *at++ = '"';
    *at++ = ':';
    text->len = (size_t)(at - text->at);
}

void text_put_money(struct text *text, int64_t nano_usd) {
    uint64_t size = nano_usd < 0 ? -(uint64_t)nano_usd : (uint64_t)nano_usd, rest = size % 1000000000u;
    char places[10] = ".";
    for (int i = 8; i > 0; i -= 2, rest /= 100) memcpy(places + i, two_digits + 2 * (rest % 100), 2);
    places[1] = (char)('0' + rest);
    if (nano_usd < 0) text_put_byte(text, '-');
    text_put_u64(text, size / 1000000000u);
    text_put(text, str_make(places, sizeof places));
}

/* What a spreadsheet takes for a formula's first sign: as East Asian keyboards write them, too (U+FF0B, 0D, 1D, 20). */
static bool csv_is_sign(struct str rest) {
    static const struct str wide[] = {STR("\xef\xbc\x8b"), STR("\xef\xbc\x8d"), STR("\xef\xbc\x9d"),
                                      STR("\xef\xbc\xa0")};
    if (memchr("=+-@", rest.at[0], 4)) return true;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (str_starts(rest, wide[i])) return true;
    return false;
}

/* A cell may begin at its beginning, and behind what separates cells for a spreadsheet of another country, to which our
 * quotes are none; blanks and quotes before the sign are passed over, as some do. */
void text_put_csv(struct text *text, struct str value) {
    bool begins = true;
    text_put_byte(text, '"');
    if (value.len && memchr("\t\r\n", value.at[0], 3)) text_put_byte(text, '\'');
    for (size_t i = 0; i < value.len; i++) {
        const char byte = value.at[i];
        if (begins && csv_is_sign(str_slice(value, i, value.len))) text_put_byte(text, '\'');
        begins = memchr(";\t\r\n", byte, 4) || (begins && (byte == ' ' || byte == '"'));
        if (byte == '"') text_put_byte(text, '"');
        text_put_byte(text, byte);
    }
    text_put_byte(text, '"');
}

void text_json_money(struct text *text, struct str name, int64_t nano_usd) {
    text_json_key(text, name);
    text_put_byte(text, '"');
    text_put_money(text, nano_usd);
    text_put_byte(text, '"');
}
