/* skim.h - reading JSON in one pass without building it: checks the whole against RFC 8259 (UTF-8 included) and tells
 * of the members on the way. No recursion, no allocation; the cost is about that of reading the bytes once.
 *
 * Pull: skim_next answers one token after the other, down to a depth; what lies deeper is checked and passed over. */
#ifndef WEIR_DIALECT_SKIM_H
#define WEIR_DIALECT_SKIM_H

#include "base/arena.h"
#include "base/limits.h"

enum skim_kind {
    skim_end,    /* the document is complete */
    skim_error,  /* not JSON: see `problem` and `at` */
    skim_object, /* '{': its members follow */
    skim_array,
    skim_close, /* '}' or ']' */
    skim_string,
    skim_number,
    skim_true,
    skim_false,
    skim_null,
};

struct skim_token {
    enum skim_kind kind;
    unsigned depth;   /* of the value: 0 is the document itself, 1 a member of it; a close has its opening's depth */
    struct str key;   /* raw, without quotes; {NULL,0} outside objects */
    struct str value; /* raw; a string's with its quotes; for passed-over containers the whole text */
    bool passed;      /* a container deeper than asked for: value is the whole of it, no members follow */
};

struct skim {
    struct str text;
    size_t at;
    unsigned depth;                                 /* open containers */
    unsigned depth_max;                             /* containers at this depth are passed over whole */
    const char *problem;                            /* "expected ',' or '}'" */
    bool expects_value, first, in_object;           /* in_object: the container that is open last is one */
    uint64_t objects[(limit_json_depth + 63) / 64]; /* bit: the open container is an object */
};

/* Tokens of depth 0 to depth_max are told. */
void skim_begin(struct skim *skim, struct str text, unsigned depth_max);
struct skim_token skim_next(struct skim *skim);
/* Passes over the inside of the container that was told last; *token becomes the whole of it. false: it became the
 * error. */
bool skim_skip(struct skim *skim, struct skim_token *token);

/* A raw string without its quotes, as the characters it stands for: as it is when it holds no escape, else in the
 * arena. false: out of memory, or a \u escape that is half of a pair or NUL. */
bool skim_unescape(struct str raw, struct arena *arena, struct str *value);
/* Where the string that opens with the quote at `at` ends: behind its closing quote; 0: it has no end, or holds what a
 * string may not. */
size_t skim_string_end(struct str text, size_t at);
/* The raw key or string (without quotes) equals this plain text, escapes looked through. */
bool skim_is(struct str raw, struct str plain);
bool skim_is_nocase(struct str raw, struct str plain);
/* A string value's inside, without its quotes. */
static inline struct str skim_inside(struct str value) { return str_slice(value, 1, value.len - 1); }
/* A number as an integer, fractions cut off; false when it does not fit. */
bool skim_to_i64(struct str value, int64_t *number);

#endif
