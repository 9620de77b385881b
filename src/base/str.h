/* str.h - a borrowed range of bytes. Never NUL-searched; `at` may be NULL when `len` is 0. All functions are pure. */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *at;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).len, (s).at ? (s).at : ""

static inline struct str str_make(const char *at, size_t len) { return (struct str){at, len}; }
static inline bool str_empty(struct str s) { return s.len == 0; }
struct str str_from(const char *text); /* NULL gives an empty range */
static inline bool str_eq(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
/* ASCII, whatever the locale is. */
static inline bool byte_is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool byte_is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static inline bool byte_is_alnum(char c) { return byte_is_digit(c) || byte_is_letter(c); }
/* Nothing but letters, digits and signs of `also`; nothing at all is that, too. */
bool str_is_alnum(struct str s, const char *also);
bool str_same_nocase(const char *a, const char *b, size_t len);
static inline bool str_eq_nocase(struct str a, struct str b) { /* ASCII letters only */
    return a.len == b.len && (a.len == 0 || (((a.at[0] ^ b.at[0]) & ~0x20) == 0 && str_same_nocase(a.at, b.at, a.len)));
}
/* Where the run from `at` ends of printable ASCII without quote and backslash: what needs no escape anywhere. */
size_t str_plain_run(struct str s, size_t at);
/* Where from `at` the first control character stands that no header value may hold (RFC 9110, 5.5: all but the tab), or
 * the length. */
size_t str_control_at(struct str s, size_t at);
int str_compare(struct str a, struct str b); /* byte order; a prefix comes first */
bool str_starts(struct str s, struct str prefix);
/* ASCII letters only */
static inline bool str_starts_nocase(struct str s, struct str prefix) {
    return s.len >= prefix.len && str_eq_nocase((struct str){s.at, prefix.len}, prefix);
}
bool str_ends(struct str s, struct str suffix);
/* The bytes [from, to), both cut to the length. */
static inline struct str str_slice(struct str s, size_t from, size_t to) {
    if (to > s.len) to = s.len;
    if (from > to) from = to;
    return (struct str){s.at ? s.at + from : NULL, to - from};
}
/* Where `byte` or `needle` first stands, or SIZE_MAX. */
size_t str_find_byte(struct str s, char byte);
size_t str_find(struct str s, struct str needle);
/* Without blanks and tabs (and CR, LF) at both ends. */
struct str str_trim(struct str s);
/* Takes the next piece before `separator` off the front of *rest; false when *rest is used up. "a,,b" gives a, "", b.
 */
bool str_split_next(struct str *rest, char separator, struct str *piece);
/* Digits only, whole range, no sign; false when it is anything else or does not fit. */
bool str_to_u64(struct str s, uint64_t *value);
/* Decimal number with optional sign, fraction and exponent, whole range, finite. */
bool str_to_double(struct str s, double *value);
/* FNV-1a, 64 bits. Not for hostile keys in unbounded tables. */
uint64_t str_hash(struct str s);
/* `*` matches any run, `?` one byte; linear in time for a bounded pattern (backtracks to the last star only). */
bool str_glob(struct str pattern, struct str s);
bool str_glob_any(const struct str *patterns, size_t count, struct str s);
/* %40 and the like, decoded into the buffer, cut at `size`; what is no such escape stays. */
struct str str_percent_decode(struct str from, char *into, size_t size);
int str_hex_digit(char c); /* 0 to 15, or -1 */
/* Edits (insert, delete, replace, swap of neighbours) between two names; 99 when either is longer than 64 bytes. */
unsigned str_distance(struct str a, struct str b);
bool str_is_utf8(struct str s);
/* What stands behind a noun that so many are told of: "1 attempt", "2 attempts". */
static inline const char *str_plural(uint64_t count) { return count == 1 ? "" : "s"; }
/* Copies into a fixed buffer, cut to size - 1, NUL-ended. */
void str_copy(char *into, size_t size, struct str s);

#endif
