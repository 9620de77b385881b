/* notices.h - what has just happened, for who listens: the last ones in a ring of a fixed size, each under a number
 * that only grows, over restarts too. Whoever listens reads on from the number that it had last; where the ring has
 * gone past that, it is told how many it has missed. So nobody waits for a slow listener, and none costs memory of its
 * own. Any thread. */
#ifndef WEIR_OBSERVE_NOTICES_H
#define WEIR_OBSERVE_NOTICES_H

#include "base/text.h"

/* X(name, its members, when) */
#define NOTICE_TABLE(X)                                                                                                \
    X(provider, "provider, changed, from, to", "a provider's health, its circuit breaker or its state is another one") \
    X(lock, "route, from, to, epoch", "the lock of an exclusive route has moved")                                      \
    X(alert, "event, and the alert's own",                                                                             \
      "an alert was raised or has ended: budgets and quotas at their shares, too")                                     \
    X(change, "action, outcome, subject, detail, actor, address, request_id",                                          \
      "a row of the audit was written: somebody changes something")                                                    \
    X(configuration, "generation", "another configuration is in force, by a reload or a change at run time")           \
    X(attempt, "id, attempt, provider, model, and of it what a row of the request log has",                            \
      "an attempt of a request begins, and again, with its `outcome`, when it has ended; for who asks for `requests`") \
    X(request, "id, status, error, attempts, duration_us, and of it what a row of the request log has",                \
      "a request has ended; the same")

enum notice_type {
#define X(name, members, when) notice_##name,
    NOTICE_TABLE(X)
#undef X
        notice_types
};
struct notice_facts {
    struct str name, members, when;
};
const struct notice_facts *notice_facts(enum notice_type type);

enum { notices_held = 1024, notice_bytes_max = 1000 };

struct notice {
    uint64_t id;
    enum notice_type type;
    size_t len;
    char json[notice_bytes_max];
};

struct notices;
/* Numbers begin with the time, so that those of an earlier process are lower. NULL: no memory. */
struct notices *notices_new(int64_t now_s);
void notices_free(struct notices *notices);
/* `members` are those of a JSON object, `"a":1,"b":2`; the time is put in front. Of what is too long only that is told.
 * NULL events take none. */
void notices_put(struct notices *notices, enum notice_type type, int64_t now_ms, struct str members);
/* None of those so far is held any more; their numbers stay theirs. */
void notices_forget(struct notices *notices);
/* The number of the newest; of none: the one before the first. */
uint64_t notices_last(struct notices *notices);
/* The one behind `after`. false: there is none yet. *missed: so many behind `after` are not held any more, and the
 * event is the oldest that is; UINT64_MAX: `after` is an earlier process's, and nobody knows how many. */
bool notices_next(struct notices *notices, uint64_t after, struct notice *notice, uint64_t *missed);

#endif
