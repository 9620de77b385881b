/* str.c - ranges of bytes: comparing, searching, cutting, reading numbers. Never allocates, never writes its input. */
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sixteen.h"

static unsigned char str_lower(char c) { return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c); }

struct str str_from(const char *text) {
    return (struct str){text, text ? strlen(text) : 0};
}

bool str_same_nocase(const char *a, const char *b, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i] && str_lower(a[i]) != str_lower(b[i])) return false;
    return true;
}

size_t str_plain_run(struct str s, size_t at) {
    uint64_t stops;
    while (at + 64 <= s.len && are_plain(s.at + at)) at += 64;
    for (; at + 16 <= s.len; at += 16)
        if ((stops = stops_in(sixteen_at(s.at + at)))) return at + first_stop(stops);
    if (at >= s.len) return at;
    size_t left = s.len - at; /* the zeros behind the last byte end the run */
    const char *rest = s.at + at;
    stops = stops_in(sixteen_of(str_word_of(rest, left), left > 8 ? str_word_of(rest + 8, left - 8) : 0));
    return at + first_stop(stops);
}

/* Most values of headers are short, and hold none. */
static inline bool any_control(const char *at, size_t len) {
    const uint64_t blanks = 0x2020202020202020ull;
    for (size_t i = 0; len >= 16; i = i + 32 <= len ? i + 16 : len - 16) { /* the last sixteen may overlap */
        if (has_control(sixteen_at(at + i))) return true;
        if (i + 16 == len) return false;
    }
    if (len >= 8) return has_control(sixteen_of(str_word_of(at, 8), str_word_of(at + len - 8, 8)));
    return len && has_control(sixteen_of(str_word_of(at, len) | blanks << 8 * len, blanks));
}

size_t str_control_at(struct str s, size_t at) {
    if (at >= s.len || !any_control(s.at + at, s.len - at)) return s.len;
    for (; at < s.len; at++) {
        unsigned char c = (unsigned char)s.at[at];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return at;
    }
    return s.len;
}

int str_compare(struct str a, struct str b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.at, b.at, shorter) : 0;
    if (order) return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(struct str s, struct str prefix) {
    return s.len >= prefix.len && str_eq(str_slice(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix) {
    return s.len >= suffix.len && str_eq(str_slice(s, s.len - suffix.len, s.len), suffix);
}

size_t str_find_byte(struct str s, char byte) {
    const char *found = s.len ? memchr(s.at, byte, s.len) : NULL;
    return found ? (size_t)(found - s.at) : SIZE_MAX;
}

size_t str_find(struct str s, struct str needle) {
    if (needle.len == 0) return 0;
    if (s.len < needle.len) return SIZE_MAX;
    const char *found = memmem(s.at, s.len, needle.at, needle.len);
    return found ? (size_t)(found - s.at) : SIZE_MAX;
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str str_trim(struct str s) {
    while (s.len && blank(s.at[0])) s = str_slice(s, 1, s.len);
    while (s.len && blank(s.at[s.len - 1])) s.len--;
    return s;
}

bool str_split_next(struct str *rest, char separator, struct str *piece) {
    if (rest->at == NULL) return false;
    size_t end = str_find_byte(*rest, separator);
    if (end == SIZE_MAX) {
        *piece = *rest;
        *rest = STR_NONE;
        return true;
    }
    *piece = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end + 1, rest->len);
    return true;
}

bool str_to_u64(struct str s, uint64_t *value) {
    uint64_t sum = 0;
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') return false;
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, (uint64_t)(s.at[i] - '0'), &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool str_to_double(struct str s, double *value) {
    char text[64];
    if (s.len == 0 || s.len >= sizeof text) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= '0' && s.at[i] <= '9') || strchr("+-.eE", s.at[i])) || s.at[i] == 0) return false;
    str_copy(text, sizeof text, s);
    char *end = NULL;
    double number = strtod(text, &end);
    if (end != text + s.len || !isfinite(number)) return false;
    *value = number;
    return true;
}

uint64_t str_hash(struct str s) {
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < s.len; i++) hash = (hash ^ (unsigned char)s.at[i]) * 0x100000001b3ull;
    return hash;
}

bool str_glob(struct str pattern, struct str s) {
    size_t p = 0, i = 0, star = SIZE_MAX, star_i = 0;
    while (i < s.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            star_i = i;
        } else if (p < pattern.len && (pattern.at[p] == '?' || pattern.at[p] == s.at[i])) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++star_i;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*') p++;
    return p == pattern.len;
}

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* Optimal string alignment distance, three rows. */
unsigned str_distance(struct str a, struct str b) {
    enum { longest = 64 };
    if (a.len > longest || b.len > longest) return 99;
    unsigned rows[3][longest + 1];
    for (size_t j = 0; j <= b.len; j++) rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned same = a.at[i - 1] == b.at[j - 1] ? 0 : 1;
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + same);
            bool swapped = i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1];
            if (swapped) row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool str_is_utf8(struct str s) {
    if (s.len == 0) return true; /* `at` may be NULL, to which nothing may be added */
    const unsigned char *at = (const unsigned char *)s.at, *end = at + s.len;
    while (at < end) {
        if (at[0] < 0x80) {
            at++;
            continue;
        }
        size_t more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : 1;
        if (at[0] < 0xc2 || at[0] > 0xf4 || (size_t)(end - at) <= more) return false;
        unsigned char low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
        unsigned char high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
        if (at[1] < low || at[1] > high) return false;
        for (size_t i = 2; i <= more; i++)
            if ((at[i] & 0xc0) != 0x80) return false;
        at += more + 1;
    }
    return true;
}

void str_copy(char *into, size_t size, struct str s) {
    if (size == 0) return;
    size_t len = s.len < size - 1 ? s.len : size - 1;
    if (len) memcpy(into, s.at, len);
    into[len] = 0;
}

bool str_glob_any(const struct str *patterns, size_t count, struct str s) {
    for (size_t i = 0; i < count; i++)
        if (str_glob(patterns[i], s)) return true;
    return false;
}

int str_hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

bool str_is_alnum(struct str s, const char *also) {
    for (size_t i = 0; i < s.len; i++)
        if (!byte_is_alnum(s.at[i]) && (!s.at[i] || !strchr(also, s.at[i]))) return false;
    return true;
}

struct str str_percent_decode(struct str from, char *into, size_t size) {
    size_t len = 0;
    for (size_t i = 0; i < from.len && len < size; i++) {
        bool escaped = from.at[i] == '%' && i + 2 < from.len;
        int high = escaped ? str_hex_digit(from.at[i + 1]) : -1, low = escaped ? str_hex_digit(from.at[i + 2]) : -1;
        bool coded = high >= 0 && low >= 0;
        into[len++] = coded ? (char)(high << 4 | low) : from.at[i];
        if (coded) i += 2;
    }
    return str_make(into, len);
}
