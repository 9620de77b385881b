/* skim.c - a JSON scanner. The inner loop, over strings, is str_plain_run, as prompts are long and everything else is
 * short. Invariant: `at` never passes the end; a container's kind stands in one bit of
 * `objects`. */
#include "dialect/skim.h"

#include <string.h>

#include "base/check.h"
#include "base/sixteen.h"

void skim_begin(struct skim *skim, struct str text, unsigned depth_max) {
    memset(skim, 0, sizeof *skim);
    skim->text = text;
    skim->depth_max = depth_max;
    skim->expects_value = true;
}

static void skim_failed(struct skim *skim, struct skim_token *token, const char *problem) {
    skim->problem = problem;
    token->kind = skim_error;
}

/* A scan's place is a local variable of step's, by pointer into what is part of it: kept in a register. */
static inline void blanks(const struct skim *skim, size_t *at) {
    while (*at < skim->text.len && skim->text.at[*at] <= ' ') {
        char c = skim->text.at[*at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
        ++*at;
    }
}

static inline char peek(const struct skim *skim, size_t at) { return at < skim->text.len ? skim->text.at[at] : 0; }

/* Bytes of the well-formed character at the front (RFC 3629), or 0. */
static size_t utf8_at(const unsigned char *at, size_t left) {
    size_t len = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < len) return 0;
    unsigned char low = at[0] == 0xe0   ? 0xa0
                        : at[0] == 0xf0 ? 0x90
                                        : 0x80,
                  high = at[0] == 0xed   ? 0x9f
                         : at[0] == 0xf4 ? 0x8f
                                         : 0xbf;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    return len;
}

/* Past a run of characters that are not ASCII; three bytes (most of Chinese, Japanese, Korean, Hindi) the short way.
 * Stops at ASCII or where it is not UTF-8. */
static size_t wide_run(const char *text, size_t at, size_t len) {
    const unsigned char *bytes = (const unsigned char *)text;
    while (at < len && bytes[at] >= 0x80) {
        if (at + 3 <= len && bytes[at] > 0xe0 && bytes[at] < 0xed && (bytes[at + 1] & 0xc0) == 0x80 &&
            (bytes[at + 2] & 0xc0) == 0x80) {
            at += 3;
            continue;
        }
        size_t character = utf8_at(bytes + at, len - at);
        if (character == 0) break;
        at += character;
    }
    return at;
}

static bool is_hex(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

/* What is left of a string from *place on, to behind the closing quote; false: a problem is set, and *place is its. */
static bool string_rest(struct skim *skim, size_t *place) {
    const char *text = skim->text.at;
    size_t len = skim->text.len;
    for (size_t at = *place;;) {
        *place = at = str_plain_run(skim->text, at);
        if (at >= len) return skim->problem = "a string has no end", false;
        unsigned char c = (unsigned char)text[at];
        if (c == '"') {
            *place = at + 1;
            return true;
        }
        if (c == '\\') {
            char escape = at + 1 < len ? text[at + 1] : 0;
            if (escape == 'u') {
                if (at + 6 > len || !is_hex(text[at + 2]) || !is_hex(text[at + 3]) || !is_hex(text[at + 4]) ||
                    !is_hex(text[at + 5]))
                    return skim->problem = "\\u needs four hexadecimal digits", false;
                at += 6;
            } else if (escape && strchr("\"\\/bfnrt", escape)) {
                at += 2;
            } else {
                return skim->problem = "an unknown escape", false;
            }
        } else if (c < 0x20) {
            return skim->problem = "a control character inside a string", false;
        } else if (c == 0x7f) {
            at++;
        } else {
            size_t end = wide_run(text, at, len);
            if (end == at) return skim->problem = "bytes that are not UTF-8", false;
            at = end;
        }
    }
}

/* From the opening quote to behind the closing one. Most keys and words end within sixteen bytes. */
static inline bool string_pass(struct skim *skim, size_t *place) {
    size_t at = *place + 1;
    if (at + 16 <= skim->text.len) {
        uint64_t stops = stops_in(sixteen_at(skim->text.at + at));
        at += stops ? first_stop(stops) : 16;
        if (stops && skim->text.at[at] == '"') {
            *place = at + 1;
            return true;
        }
    }
    bool ends = string_rest(skim, &at);
    *place = at;
    return ends;
}

size_t skim_string_end(struct str text, size_t at) {
    struct skim skim = {.text = text};
    return string_pass(&skim, &at) ? at : 0;
}

static inline bool digits_pass(const struct skim *skim, size_t *at) {
    size_t from = *at;
    while (*at < skim->text.len && skim->text.at[*at] >= '0' && skim->text.at[*at] <= '9') ++*at;
    return *at > from;
}

static inline bool number_pass(struct skim *skim, size_t *at) {
    if (peek(skim, *at) == '-') ++*at;
    if (peek(skim, *at) == '0')
        ++*at;
    else if (!digits_pass(skim, at))
        return skim->problem = "expected a value", false;
    if (peek(skim, *at) == '.') {
        ++*at;
        if (!digits_pass(skim, at)) return skim->problem = "a number ends in a point", false;
    }
    if ((peek(skim, *at) | 0x20) == 'e') {
        ++*at;
        if (peek(skim, *at) == '+' || peek(skim, *at) == '-') ++*at;
        if (!digits_pass(skim, at)) return skim->problem = "a number's exponent has no digits", false;
    }
    return true;
}

static inline bool word_pass(struct skim *skim, size_t *at, struct str word) {
    if (skim->text.len - *at < word.len || memcmp(skim->text.at + *at, word.at, word.len) != 0)
        return skim->problem = "expected a value", false;
    *at += word.len;
    return true;
}

/* One container less is open. */
static inline void close_container(struct skim *skim) {
    CHECKF(skim->depth > 0 && skim->depth <= limit_json_depth, "depth=%u", skim->depth);
    const unsigned top = --skim->depth - 1;
    skim->first = false;
    skim->in_object = skim->depth && skim->objects[top / 64] >> (top % 64) & 1;
}

static bool open_container(struct skim *skim, bool object) {
    if (skim->depth == limit_json_depth) return skim->problem = "nested too deep", false;
    uint64_t bit = 1ull << (skim->depth % 64);
    if (object)
        skim->objects[skim->depth / 64] |= bit;
    else
        skim->objects[skim->depth / 64] &= ~bit;
    skim->depth++;
    skim->first = true;
    skim->in_object = object;
    skim->expects_value = false;
    return true;
}

/* Scalars; containers are the caller's. */
static inline enum skim_kind scalar_pass(struct skim *skim, size_t *at) {
    if (*at >= skim->text.len) {
        skim->problem = "the text ends too soon";
        return skim_error;
    }
    switch (skim->text.at[*at]) {
    case '"': return string_pass(skim, at) ? skim_string : skim_error;
    case 't': return word_pass(skim, at, STR("true")) ? skim_true : skim_error;
    case 'f': return word_pass(skim, at, STR("false")) ? skim_false : skim_error;
    case 'n': return word_pass(skim, at, STR("null")) ? skim_null : skim_error;
    default: return number_pass(skim, at) ? skim_number : skim_error;
    }
}

/* Behind a member's key and its colon. */
static inline bool skim_key_pass(struct skim *skim, struct skim_token *token, size_t *at) {
    size_t from = *at;
    if (peek(skim, *at) != '"') return skim->problem = "expected a key in quotes", false;
    if (!string_pass(skim, at)) return false;
    token->key = str_make(skim->text.at + from + 1, *at - from - 2);
    blanks(skim, at);
    if (peek(skim, *at) != ':') return skim->problem = "expected ':'", false;
    ++*at;
    blanks(skim, at);
    return true;
}

/* Up to where a value stands; false: the token is told already. */
static inline bool skim_value_find(struct skim *skim, struct skim_token *token, size_t *at) {
    if (skim->depth == 0) {
        token->kind = skim_end;
        if (*at < skim->text.len) skim_failed(skim, token, "something stands after the end");
        return false;
    }
    const bool object = skim->in_object;
    char c = peek(skim, *at);
    if (c == (object ? '}' : ']')) {
        ++*at;
        close_container(skim);
        token->kind = skim_close;
        token->depth = skim->depth;
        return false;
    }
    if (!skim->first) {
        if (c != ',') return skim_failed(skim, token, object ? "expected ',' or '}'" : "expected ',' or ']'"), false;
        ++*at;
        blanks(skim, at);
    }
    skim->first = false;
    if (object && !skim_key_pass(skim, token, at)) return token->kind = skim_error, false;
    return true;
}

/* One step: a token of any depth. */
static void step(struct skim *skim, struct skim_token *token) {
    size_t at = skim->at;
    *token = (struct skim_token){.key = STR_NONE};
    blanks(skim, &at);
    if (!skim->expects_value && !skim_value_find(skim, token, &at)) {
        skim->at = at;
        return;
    }
    skim->expects_value = false;
    token->depth = skim->depth;
    size_t from = at;
    char c = peek(skim, at);
    if (c == '{' || c == '[') {
        bool opened = open_container(skim, c == '{');
        token->kind = !opened ? skim_error : c == '{' ? skim_object : skim_array;
        at += opened;
    } else {
        token->kind = scalar_pass(skim, &at);
    }
    CHECKF(from <= at && at <= skim->text.len, "from=%zu at=%zu len=%zu", from, at, skim->text.len);
    token->value = str_make(skim->text.at + from, at - from);
    skim->at = at;
}

bool skim_skip(struct skim *skim, struct skim_token *token) {
    CHECKF(token->kind == skim_object || token->kind == skim_array, "kind=%d", (int)token->kind);
    size_t from = (size_t)(token->value.at - skim->text.at);
    struct skim_token inner;
    do {
        step(skim, &inner);
        if (inner.kind == skim_error) {
            *token = inner;
            return false;
        }
    } while (inner.kind != skim_close || inner.depth != token->depth);
    token->passed = true;
    token->value = str_slice(skim->text, from, skim->at);
    return true;
}

struct skim_token skim_next(struct skim *skim) {
    struct skim_token token;
    step(skim, &token);
    if ((token.kind == skim_object || token.kind == skim_array) && token.depth >= skim->depth_max)
        skim_skip(skim, &token);
    return token;
}

/* -- strings -- */

static unsigned skim_hex_value(char c) { return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10); }

static unsigned unit_at(struct str raw, size_t at) {
    unsigned unit = 0;
    for (size_t i = 0; i < 4; i++) unit = unit << 4 | skim_hex_value(raw.at[at + i]);
    return unit;
}

static size_t utf8_put(char *out, unsigned point) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 63));
        return 2;
    }
    size_t more = point < 0x10000 ? 2 : 3;
    out[0] = (char)((more == 2 ? 0xe0 : 0xf0) | point >> (6 * more));
    for (size_t i = 1; i <= more; i++) out[i] = (char)(0x80 | (point >> (6 * (more - i)) & 63));
    return more + 1;
}

/* The character at *at, past it; its bytes into out. 0: not a character (half of a pair, NUL). */
static size_t skim_character_take(struct str raw, size_t *at, char out[4]) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = raw.at[*at];
    if (c != '\\') {
        out[0] = c;
        ++*at;
        return 1;
    }
    char escape = raw.at[*at + 1];
    if (escape != 'u') {
        out[0] = to[strchr(from, escape) - from];
        *at += 2;
        return 1;
    }
    unsigned point = unit_at(raw, *at + 2);
    *at += 6;
    if (point >= 0xdc00 && point < 0xe000) return 0;
    if (point >= 0xd800 && point < 0xdc00) {
        if (*at + 6 > raw.len || raw.at[*at] != '\\' || raw.at[*at + 1] != 'u') return 0;
        unsigned low = unit_at(raw, *at + 2);
        if (low < 0xdc00 || low >= 0xe000) return 0;
        *at += 6;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    return point ? utf8_put(out, point) : 0;
}

bool skim_unescape(struct str raw, struct arena *arena, struct str *value) {
    if (str_find_byte(raw, '\\') == SIZE_MAX) {
        *value = raw;
        return true;
    }
    char *out = arena_take(arena, raw.len + 4), character[4];
    size_t len = 0;
    if (!out) return false;
    for (size_t at = 0; at < raw.len;) {
        size_t size = skim_character_take(raw, &at, character);
        if (size == 0) return false;
        memcpy(out + len, character, size);
        len += size;
    }
    CHECKF(len <= raw.len, "len=%zu raw=%zu", len, raw.len); /* an escape is never shorter than what it stands for */
    *value = str_make(out, len);
    return true;
}

static bool same(struct str raw, struct str plain, bool nocase) {
    if (str_find_byte(raw, '\\') == SIZE_MAX) return nocase ? str_eq_nocase(raw, plain) : str_eq(raw, plain);
    char character[4];
    size_t done = 0;
    for (size_t at = 0; at < raw.len;) {
        size_t size = skim_character_take(raw, &at, character);
        if (size == 0 || done + size > plain.len) return false;
        struct str a = str_make(character, size), b = str_slice(plain, done, done + size);
        if (!(nocase ? str_eq_nocase(a, b) : str_eq(a, b))) return false;
        done += size;
    }
    return done == plain.len;
}

bool skim_is(struct str raw, struct str plain) {
    return str_eq(raw, plain) || (raw.len > plain.len && same(raw, plain, false));
}
bool skim_is_nocase(struct str raw, struct str plain) { return raw.len >= plain.len && same(raw, plain, true); }

bool skim_to_i64(struct str value, int64_t *number) {
    uint64_t size;
    bool negative = value.len && value.at[0] == '-';
    struct str digits = str_slice(value, negative, value.len);
    double real;
    if (str_to_u64(digits, &size) && size <= INT64_MAX) {
        *number = negative ? -(int64_t)size : (int64_t)size;
        return true;
    }
    if (!str_to_double(value, &real) || real > 9e18 || real < -9e18) return false;
    *number = (int64_t)real;
    return true;
}
