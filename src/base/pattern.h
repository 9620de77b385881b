/* pattern.h - regular expressions that an operator writes, looked for in words that strangers wrote: the time that
 * takes is bounded whatever both are, and nothing is kept from one text to the next.
 *
 * Bytes, as they are; `.`, `[a-z]`, `[^...]`, `( )`, `|`, `* + ? {m} {m,} {m,n}` (numbers up to 255), `^` and `$` (the
 * text's ends), \d \w \s \D \W \S, \b (a word's beginning or end), `\` before any other mark; `(?i)` in front: letters
 * of ASCII in either case. No backreferences and no lookaround: all states that a text may lead to are walked at once
 * (Thompson, 1968). A pattern that matches nothing at all is refused, as it would match everywhere. */
#ifndef WEIR_BASE_PATTERN_H
#define WEIR_BASE_PATTERN_H

#include "base/str.h"

enum { pattern_steps_max = 2000, pattern_sets_max = 400, pattern_depth_max = 16, pattern_repeats_max = 255 };

struct pattern;

/* One that matches where any of these does. NULL: *bad of them is wrong, and *problem says why; or there is no memory
 * (*problem says so too). Owned by the caller. */
struct pattern *pattern_new(const struct str *expressions, size_t count, size_t *bad, const char **problem);
/* NULL is fine. */
void pattern_free(struct pattern *pattern);

struct pattern_match {
    size_t from, to; /* both the text's length: there is none */
    bool given_up;   /* it took too long: what is behind `from` was not looked at in full */
};
/* The first match at or behind `at`, the longest that begins there. `work` is what may be done for one text, in steps:
 * begins at pattern_work_max, and is used up by each call. Any thread. */
enum { pattern_work_max = 4000000 };
struct pattern_match pattern_find(const struct pattern *pattern, struct str text, size_t at, size_t *work);

#endif
