/* rate_limits.h - rates and places by model, route, tag or end user: a limit counts what its globs let through, as one,
 * or each value of what it is split by for itself. Immutable but for the words, which outlive configurations. */
#ifndef WEIR_SNAPSHOT_RATE_LIMITS_H
#define WEIR_SNAPSHOT_RATE_LIMITS_H

#include "base/map.h"
#include "snapshot/values.h"

/* Requests and tokens over time; a limit of 0 is none. */
struct rate_rules {
    struct limiter_rules requests_minute, requests_hour, tokens_minute;
};

/* What may pass: of the limit, or of one value of it. */
struct limit_rules {
    struct rate_rules rates;
    uint32_t max_concurrent; /* 0: no limit */
};

struct rate_limit {
    uint64_t identity;           /* equal for the same limit, across configurations */
    struct str owner;            /* "team search", "client app" */
    struct str name;             /* as written, else what tells it from others: "per end_user" */
    struct limit_rules rules;    /* of a split one: of each value that has none of its own */
    struct str *models, *routes; /* globs; count 0: all count */
    size_t model_count, route_count;
    enum money_per per;
    struct str tag;            /* per_tag: its name */
    struct str per_word;       /* as it is written: "tag:team" */
    bool own;                  /* one client's: what it says of its end users is its own affair */
    struct limit_words *words; /* of one that is not split; else: */
    struct values *values;
    struct map limits; /* by value: struct limit_rules; of those that have their own */
    size_t value_most;
};

/* Of all that an owner or a client has to keep. */
struct rate_limits {
    const struct rate_limit **list;
    size_t count;
};

/* What was taken of one. */
struct limit_tickets {
    struct limiter_ticket requests_minute, requests_hour, tokens_minute;
};

enum limit_answer { limit_passes, limit_full, limit_reached };

/* How long until its rates let one request of so many tokens pass, in ns; 0: now. */
uint64_t limit_wait_ns(const struct limit_words *words, const struct limit_rules *rules, uint64_t tokens,
                       uint64_t now_ns);
/* Of all its rates, or of none. */
bool limit_take(struct limit_words *words, const struct limit_rules *rules, uint64_t tokens, uint64_t now_ns,
                struct limit_tickets *tickets) __attribute__((warn_unused_result));
void limit_refund(struct limit_words *words, const struct limit_rules *rules, const struct limit_tickets *tickets,
                  uint64_t now_ns);
/* What it may, the value that is called so. */
const struct limit_rules *limit_rules_of(const struct rate_limit *limit, struct str value);
/* As values_hold asks for them: the values of a split one. */
struct values_window limit_values_window(const struct rate_limit *limit, uint64_t mono_ns);

#endif
