/* quota.h - so many requests, tokens or characters an hour, day or month of a provider, counted in the words of
 * spend.h: units in the place of nano-dollars, and otherwise the same windows and the same promises.
 *
 * An attempt takes what it is expected to use before it is sent, as far as so much is left, and the truth takes its
 * place: it passes while anything is left. So no more requests are ever sent than the quota has; of tokens and
 * characters the last attempts that it lets through may use more than was left, and all of that counts. Pure but for
 * the words. Any thread. */
#ifndef WEIR_CORE_QUOTA_H
#define WEIR_CORE_QUOTA_H

#include "core/spend.h"
#include "core/window.h"

enum quota_unit { quota_requests, quota_tokens, quota_characters, quota_units };
/* Their words, by place; empty behind the last. */
struct str quota_unit_word(size_t unit);

/* The most that one attempt counts for. */
enum { quota_amount_most = (1 << 28) - 1 };

struct quota {
    struct str name;   /* as it is written: "requests_per_day" */
    uint64_t identity; /* equal for the same quota, across configurations and restarts */
    enum quota_unit unit;
    int64_t limit; /* units a window; 1 and more */
    struct window window;
    struct str zone; /* its name */
    struct spend *spend;
};

struct quota_view {
    int64_t counted, reserved; /* units, in the window: */
    struct window_span span;
    double left; /* 0 to 1: what is neither counted nor reserved */
};
struct quota_view quota_look(const struct quota *quota, int64_t now_s);
/* What it is taken for counts in the window *window_s from now on, as far as the quota goes; the caller owes one
 * quota_settle of it. -1: nothing is left. */
int64_t quota_take(const struct quota *quota, int64_t now_s, int64_t units, uint64_t *window_s)
    __attribute__((warn_unused_result));
/* What was taken becomes what was used: at most quota_amount_most, which is answered. */
int64_t quota_settle(const struct quota *quota, uint64_t window_s, int64_t taken, int64_t used);

#endif
