/* alert.h - what somebody should know of: each kind once, as a table, and the board on which those stand that last or
 * have been.
 *
 * A look tells the board all that holds now; what it did not know is raised, and what is not told any more has ended.
 * So each is raised once for its subject, share and window, however often it is looked at; what has no window may come
 * again after its end. Pure; one thread at a time; bounded: where every place lasts, what comes is counted as dropped.
 */
#ifndef WEIR_OBSERVE_ALERT_H
#define WEIR_OBSERVE_ALERT_H

#include "base/text.h"

/* X(name, level, window: how long one is the same, what it means) */
#define ALERT_TABLE(X)                                                                                               \
    X(quota, warn, "the quota's window", "so much of a provider's quota is used; at 100% others serve")              \
    X(budget, warn, "the budget's window", "so much of a budget is spent; at 100% it does what its `over` says")     \
    X(values_crowded, warn, "the budget's window",                                                                   \
      "a split budget has more values than `max_values`: those that came last share one sum")                        \
    X(usage_unrecorded, error, "a day", "attempts were served and could not be recorded: no ledger has them")        \
    X(ledger_failed, error, "", "the ledger cannot be written; what is spent waits in the journal")                  \
    X(credential_old, warn, "", "a credential of the vault is 90 days old, or as old as its `rotate_after_days`")    \
    X(breaker_open, warn, "", "a provider's circuit breaker is open: it is not asked for a while")                   \
    X(provider_down, error, "", "a provider is unhealthy")                                                           \
    X(issuer_keys_old, warn, "", "the keys of an issuer of tokens are out of reach: the last ones serve, for a day") \
    X(issuer_keys_gone, error, "", "an issuer of tokens has no keys that may still serve: its tokens are refused")   \
    X(cost_differs, warn, "a day", "a provider says another cost than weir's prices, by more than 1%")               \
    X(cost_estimated, warn, "a day", "a provider answered and did not say what it took: it is charged by estimate")  \
    X(price_unknown, warn, "a day", "a provider answered with a model that has no price: its cost is in no sum")     \
    X(provider_out, warn, "", "a provider is drained or in maintenance: it is not asked")                            \
    X(provider_slow, warn, "", "a provider's time to the first token is far above its own past, or its threshold")   \
    X(provider_errors, error, "", "a large share of a provider's answers are failures of its own")                   \
    X(lock_away, warn, "", "the lock of an exclusive route is not where the route begins")                           \
    X(budget_burn, warn, "the budget's window", "a budget is empty before its window ends, if it goes on as it did") \
    X(spend_unusual, warn, "", "a provider costs far more in an hour than in the hours of the week before")          \
    X(ledger_behind, warn, "", "what is spent waits for the ledger longer than it should")                           \
    X(model_retiring, warn, "", "a model that is used is taken away soon, or has been, by the catalogue")            \
    X(certificate_ends, error, "", "a certificate of `listen`, or of a provider, ends soon, or has ended")           \
    X(prompt_cache_fell, warn, "",                                                                                   \
      "the share of a model's or a client's input that comes from prompt caches is less than half of what it was")   \
    X(false_semantic_hits, warn, "",                                                                                 \
      "too many answers that a route would have given to other words were false: it gives none any more")

/* X(kind, unit, value, threshold): of those that are a number's. */
#define ALERT_VALUE_TABLE(X)                                                                                 \
    X(quota, share, "the used share", "the share that alerts")                                               \
    X(budget, share, "the spent share", "the share that alerts")                                             \
    X(credential_old, days, "its age", "`rotate_after_days`, or 90")                                         \
    X(provider_slow, ms, "the 95th percentile", "`latency_factor` times what it was, or `latency_ms`")       \
    X(provider_errors, share, "the failed share", "`error_share`")                                           \
    X(budget_burn, usd, "what is spent at the window's end", "the budget's limit")                           \
    X(spend_unusual, usd, "what the hour has cost", "`spend_factor` times what is much in an hour")          \
    X(ledger_behind, seconds, "how long it waits", "`ledger_behind_seconds`")                                \
    X(model_retiring, days, "until then", "`retiring_days`")                                                 \
    X(certificate_ends, days, "until then", "`certificate_days`; of a provider `provider_certificate_days`") \
    X(false_semantic_hits, share, "the false share", "`max_false_share`")

enum alert_kind {
#define X(name, level, window, means) alert_##name,
    ALERT_TABLE(X)
#undef X
        alert_kinds
};
enum alert_level { alert_warn, alert_error };
struct alert_kind_facts {
    struct str name, window, means;
    enum alert_level level;
};
const struct alert_kind_facts *alert_kind_facts(enum alert_kind kind);
/* Of its value and threshold; empty: it has none. */
struct str alert_unit(enum alert_kind kind);
/* false: there is none of this name. */
bool alert_kind_of(struct str name, enum alert_kind *kind);
/* Does a glob fit the name of any? */
bool alert_kind_fits(struct str pattern);
/* The rows of docs/alerts.md. */
void alert_kinds_put(struct text *text);
void alert_values_put(struct text *text);

enum { alert_owed_ended = 8, alert_owed_all = (1 << alert_owed_ended) - 1 };
/* alerts_of_clients_max: those that are as many as there are clients, owners and values of budgets leave room for what
 * concerns everybody. */
enum { alert_subject_max = 160, alert_said_max = 240, alerts_max = 512, alerts_of_clients_max = 384 };

struct alert {
    uint64_t id; /* 1 and more, rising, never used twice in a state folder */
    enum alert_kind kind;
    uint32_t permille;                    /* the share; 0: it has none */
    int64_t value_micro, threshold_micro; /* in its kind's unit, in millionths */
    int64_t window_s;                     /* when the window began; 0: it has none */
    int64_t raised_ms, ended_ms;          /* since 1970; 0: it lasts */
    uint64_t hash, seen;                  /* of what makes it the same; the last look that saw it */
    bool stored, told;                    /* as it is now: on the disk, and to whoever reads the log */
    /* A bit for each webhook, alert_owed_ended of them higher for its end: what is to be posted, and what no webhook
     * has taken or given up yet. The board sets all; whoever posts takes away what goes nowhere. */
    uint32_t owed, undelivered;
    char subject[alert_subject_max], said[alert_said_max];
};

/* What holds now. */
struct alert_fact {
    enum alert_kind kind;
    uint32_t permille;
    int64_t window_s;
    struct str subject, said;
    double value, threshold; /* in its kind's unit */
};

/* All zero: empty. */
struct alert_board {
    struct alert *list; /* alerts_max of them */
    size_t count;
    uint64_t look, last_id, dropped;
};
bool alert_board_init(struct alert_board *board); /* false: no memory */
void alert_board_free(struct alert_board *board);
/* One that was stored; before the first look. */
void alert_board_restore(struct alert_board *board, const struct alert *alert);

void alert_board_look(struct alert_board *board);
/* Within a look. The alert that is raised by it; NULL: it is known, or there is no room. */
struct alert *alert_board_see(struct alert_board *board, const struct alert_fact *fact, int64_t now_ms);
/* After a look: one that has ended since, each once; NULL: none more. */
struct alert *alert_board_end(struct alert_board *board, int64_t now_ms);
/* The one that lasts, of this kind and subject, without share or window; NULL: there is none. */
const struct alert *alert_board_lasting(const struct alert_board *board, enum alert_kind kind, struct str subject);
/* How many of a kind last. */
size_t alert_board_active(const struct alert_board *board, enum alert_kind kind);

/* With as many places as it needs; 2026-11-22T17:03:21Z. */
void alert_micro_put(struct text *text, int64_t micro);
void alert_moment_put(struct text *text, int64_t moment_s);
/* Its members, for JSON. */
void alert_put(const struct alert *alert, struct text *text);

#endif
