/* renewal.h - when something that is fetched from elsewhere is fetched again, and how long what came last may be used.
 * Times are seconds of one clock that never goes back; what came before the process began may lie below 0. Pure.
 *
 *   fetched ---- next (what its server says, at most the period) ---- ... ---- fetched + 24 h: it is used no more
 *               failed: again after 5, 10, 20, ... up to 300 s
 *   somebody asks for what is not in it: at once, but at most once a minute
 */
#ifndef WEIR_CORE_RENEWAL_H
#define WEIR_CORE_RENEWAL_H

#include "base/str.h"

enum {
    renewal_kept_s = 24 * 3600, /* without another answer */
    renewal_asked_every_s = 60, /* for strangers' sake */
    renewal_least_s = 60,       /* what its server says is at least this, where the period is */
    renewal_again_s = 5,        /* after the first failure */
    renewal_again_most_s = 300
};

struct renewal {
    bool fetched, asked; /* the times below are known */
    int64_t fetched_s;   /* what is used was whole then */
    int64_t asked_s;     /* it was last fetched because somebody asked */
    int64_t next_s;      /* fetched again from then on */
    unsigned failures;   /* in a row */
    bool under_way;
};

/* Nothing is there yet, and it is due. */
struct renewal renewal_new(int64_t now_s);
/* Something is there from before, fetched then. */
void renewal_restore(struct renewal *renewal, int64_t fetched_s);
bool renewal_is_due(const struct renewal *renewal, int64_t now_s);
void renewal_begin(struct renewal *renewal);
/* It has come. max_age_s: so long its server says that it holds; below 0: it says nothing. */
void renewal_came(struct renewal *renewal, int64_t now_s, int64_t max_age_s, int64_t period_s);
void renewal_failed(struct renewal *renewal, int64_t now_s, int64_t period_s);
/* It is wanted now, by who may say so. */
void renewal_want(struct renewal *renewal, int64_t now_s);
/* Somebody asks for what is not in it. true: another answer is on its way, or due from now on: it is worth asking
 * again. */
bool renewal_ask(struct renewal *renewal, int64_t now_s);
/* Up to when what is there may be used; INT64_MIN: nothing is. */
int64_t renewal_until_s(const struct renewal *renewal);

/* What a server's Cache-Control and Age (RFC 9111; either may be empty) leave of its time, in seconds; below 0: they do
 * not say. */
int64_t renewal_max_age_s(struct str cache_control, struct str age);

#endif
