/* continuation.h - is what a second model says the rest of a text that broke off? It was asked to go on, and does what
 * it likes. Its text is held until it is known what it is:
 *
 *   delivered "Once upon a time there w", continuation "as a fox"                  it goes on: all of it is new
 *                                                      "time there was a fox"       it repeats an end of it, left out
 *                                                      "Once upon a time there was" it starts again and agrees, left
 * out "Once upon a hill stood"     it starts again and says another thing
 *
 * White space counts as one blank, whatever it is made of. Where a few equal bytes may be either a repetition or the
 * text's own ("the l", "lama"), nobody can tell, and it is not gone on with: a caller must never get a text that no
 * model said. Pure but for the arena; one thread. Called by flight_resume.c. */
#ifndef WEIR_CORE_CONTINUATION_H
#define WEIR_CORE_CONTINUATION_H

#include "base/text.h"

enum continuation_verdict {
    continuation_held,      /* more must come before it is known */
    continuation_goes_on,   /* continuation_rest() is what the caller has not */
    continuation_disagrees, /* it is the rest of another text, or may be */
};

struct continuation {
    struct str before; /* what was delivered, its white space as said above */
    bool starts_blank, ends_blank;
    struct text said;  /* what came, as it came */
    struct text plain; /* the same, its white space as said above */
    bool said_blank;   /* the last of it was white space, which `plain` has not yet */
    size_t aligned;    /* the first place in `before` that may be where `plain` begins */
    size_t matched;    /* so much of `plain` has been found equal there */
    size_t agreed;     /* the longest front of `plain` that stands in `before` */
    size_t overlap;    /* of `plain`: what is left out, once it goes on */
};

/* `delivered` may be empty: then all that comes is new. false: no memory. */
bool continuation_begin(struct continuation *continuation, struct str delivered, struct arena *arena)
    __attribute__((warn_unused_result));
/* More of its text; `over`: it was the last. No memory: said.failed. */
enum continuation_verdict continuation_take(struct continuation *continuation, struct str text, bool over);
/* After it goes on: what of all that came the caller has not yet. It stands in `said`. */
struct str continuation_rest(const struct continuation *continuation);

#endif
