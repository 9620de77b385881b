/* values.h - the values that a budget or a rate limit is split by, and what each of them took: a table that grows with
 * them, up to a number that the budget, or the limit, says.
 *
 * A value is held by every request that counts in it, and a value that is held, or that something was committed of in
 * the window of now, or whose rates are not wholly free again, keeps its place. Another's place is taken where there is
 * no free one; where there is none at all,
 * `(other)` takes it in: one for all of them. `(none)` is what says no value. Both have places of their own.
 *
 * Values come and go under a flag that is held for less than a microsecond; what they took is in words of their own
 * (spend.h, rolling.h, limiter.h), which whoever holds a value may use on any thread. All zero: nobody is there. */
#ifndef WEIR_SNAPSHOT_VALUES_H
#define WEIR_SNAPSHOT_VALUES_H

#include <stdatomic.h>

#include "base/hash.h"
#include "core/gate.h"
#include "core/limiter.h"
#include "core/rolling.h"

enum { value_said_max = 40, values_blocks = 19 };

/* By what: each value has a sum, or rates, of its own. */
enum money_per { per_nothing, per_model, per_route, per_tag, per_end_user, per_session };

/* What stands behind each value, always the same of one table: what it spent in a calendar's window, or in one that
 * ends now; or its rates and places. */
enum values_of { values_of_spend, values_of_rolling, values_of_limit };

/* Of a rate limit, or of one value of it. */
struct limit_words {
    struct cell gate, requests_minute, requests_hour, tokens_minute;
};

struct money_value {
    struct hash_tag tag;       /* a caller's word by a secret; of `(other)` and `(none)`: value_other, value_none */
    uint32_t held, next;       /* of the table: by how many; in its chain the place of the next, + 1 */
    char said[value_said_max]; /* what is shown of it, up to a zero; empty: it was not said since the start */
};

struct values {
    atomic_flag busy;
    bool crowded;                /* somebody found no place; when: */
    uint64_t crowded_s;          /* the window's start, else the moment */
    uint32_t used, hand;         /* places; where the search for one to take goes on */
    void *blocks[values_blocks]; /* of twice as many places each */
};

/* Of which window it is asked. */
struct values_window {
    size_t most; /* values, beside the two */
    enum values_of of;
    uint64_t start_s;         /* of the calendar's window */
    uint64_t bucket_s, now_s; /* of one that ends now; now_s: of rates too */
    uint64_t mono_ns;         /* of rates */
};

extern const struct hash_tag value_other, value_none;
static inline bool tag_is(const struct hash_tag *tag, const struct hash_tag *other) {
    return tag->words[0] == other->words[0] && tag->words[1] == other->words[1];
}

/* Bytes of a table. */
size_t values_size(enum values_of of);
/* The value of this tag, which whoever asked holds up to values_release. Without `adds`, and where there is no place or
 * memory for it: `(other)`; NULL without `adds`: it has spent nothing. */
struct money_value *values_hold(struct values *values, const struct hash_tag *tag, struct str said,
                                const struct values_window *window, bool adds);
void values_release(struct values *values, struct money_value *value);
/* Its words. */
struct spend *value_spend(struct money_value *value);
struct rolling *value_rolling(struct money_value *value);
struct limit_words *value_limit(struct money_value *value);
/* Has nobody a place there, and is every rate wholly free again? */
bool limit_words_rest(const struct limit_words *words, uint64_t mono_ns);
/* Every value that is there, one after the other, each held while it is told. What comes or goes meanwhile may be left
 * out. Any thread. */
void values_each(struct values *values, enum values_of of, void (*tell)(void *context, struct money_value *value),
                 void *context);
/* Was there no place for somebody, in a window that began then or later? */
bool values_are_crowded(struct values *values, uint64_t since_s);
/* What it took; nobody uses it any more. */
void values_end(void *values);

#endif
