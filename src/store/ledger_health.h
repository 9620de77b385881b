/* ledger_health.h - the history of health in the ledger's database: what probes found, and what changed of providers
 * and locks. Through a connection of its own (ledger_open_beside); one thread at a time for each. */
#ifndef WEIR_STORE_LEDGER_HEALTH_H
#define WEIR_STORE_LEDGER_HEALTH_H

#include "store/ledger.h"

/* X(name, of a provider and its health, what it is) */
#define HEALTH_EVENT_TABLE(X)                                                                       \
    X(sample, true, "how a provider is, once a minute")                                             \
    X(probe, true, "what a probe found: `probe`, `status`, `took_us`, and `said`, where it failed") \
    X(health, true, "a provider's health is another one")                                           \
    X(breaker, false, "its circuit breaker is")                                                     \
    X(state, false, "it was drained, resumed, or put into maintenance")                             \
    X(lock, false, "the lock of an exclusive route has moved")
enum health_event {
#define X(name, of_provider, means) health_event_##name,
    HEALTH_EVENT_TABLE(X)
#undef X
        health_events
};
struct str health_event_name(enum health_event event);
/* Has it state, score, success and latency? */
bool health_event_is_provider(enum health_event event);
/* The rows of docs/alerts.md. */
void health_events_put(struct text *text);

/* A row, as it is kept and told. */
struct ledger_health {
    int64_t id, time_ms;
    enum health_event event;
    struct str subject, from, to, said, state;
    int64_t score_permille, success_permille, latency_us;
    bool good;
    int64_t status, took_us;
};
/* As an object of a JSON list. */
void ledger_health_put(const struct ledger_health *row, struct text *text);

enum { ledger_health_usual = 1000, ledger_health_most = 10000, ledger_health_kept = 1000000 };

/* All of them, or none; one that is there already changes nothing. false: a failure (ledger_problem), as of all. */
bool ledger_health_keep(struct ledger *ledger, const struct ledger_health *rows, size_t count);
/* Is there any? */
bool ledger_health_is_empty(struct ledger *ledger, bool *empty);
/* Those from before that time go, and the oldest beyond ledger_health_kept: up to `most` now. *gone: how many. */
bool ledger_health_forget(struct ledger *ledger, int64_t before_ms, int64_t most, int64_t *gone);

struct health_question {
    struct str subject;         /* a provider, or the route of a lock; empty: all */
    int64_t since_ms, until_ms; /* from then on, and before; until 0: up to now */
    int64_t below_id;           /* only those before it; 0: any */
    size_t most;                /* the newest; at most ledger_health_most */
};
/* Tells them, the oldest first. */
bool ledger_health(struct ledger *ledger, const struct health_question *question,
                   void (*tell)(void *context, const struct ledger_health *row), void *context);

#endif
