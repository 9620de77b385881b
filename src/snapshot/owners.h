/* owners.h - who owns clients, and what they may spend: the budgets on a client's path are one list, made when the
 * configuration is; a request passes when all of them pass. Immutable but for the words. */
#ifndef WEIR_SNAPSHOT_OWNERS_H
#define WEIR_SNAPSHOT_OWNERS_H

#include "base/limits.h"
#include "core/quota.h"
#include "core/rolling.h"
#include "core/window.h"
#include "snapshot/cells.h"
#include "snapshot/sessions.h"

/* Requests and tokens over time; a limit of 0 is none. */
struct rate_rules {
    struct limiter_rules requests_minute, requests_hour, tokens_minute;
};

/* What an operator adds to a budget's sum: until then. Written by one thread, read by any. */
enum money_extra_kind { money_raise, money_credit, money_extra_kinds };
struct money_extra {
    struct cell nano_usd, until_s; /* until: 0: nothing; INT64_MAX: for good */
};

/* Their words stand in config_schema.c, in this order. */
enum money_mode { money_hard, money_soft, money_warn };
enum money_over { over_block, over_downgrade, over_free };

struct money_budget {
    struct money_budget *next; /* of everybody's */
    uint64_t identity;         /* equal for the same budget, across configurations and restarts */
    struct str owner;          /* "team search", "client app", "provider openai"; empty: several name it */
    struct str name;           /* as written, else its window: "day" */
    int64_t limit_nano_usd;    /* as it is written: see money_budget_limit */
    enum money_mode mode;
    enum money_over over;
    bool unbounded;           /* what nobody can bound passes, reserved by the model's context */
    int64_t at_nano_usd;      /* over_downgrade: from so much on */
    struct str *to_names;     /* these serve, in place of the route's */
    const struct target **to; /* the same */
    size_t to_count;
    struct window window;
    struct str zone;             /* its name */
    struct str *models, *routes; /* globs; count 0: all count */
    size_t model_count, route_count;
    struct money_extra *extras; /* money_extra_kinds of them; NULL: none is ever added */
    struct spend *spend;
    struct rolling *rolling; /* in its place, where the window is a time that ends now; else NULL */
    uint64_t bucket_s;       /* of that; */
    struct str length;       /* and as it is written: "24h" */
};

/* Of all that an owner, a client or a provider may spend. */
struct money_budgets {
    const struct money_budget **list;
    size_t count;
};

struct owner {
    struct str name, kind;
    struct str path;                /* its name, and those above it: "search|acme"; as many as a record has room for */
    const struct owner *in;         /* NULL: nobody's */
    struct str *models, *providers; /* globs; count 0: none allowed. ["*"] by default */
    size_t model_count, provider_count;
    struct rate_rules rates;
    uint32_t max_concurrent; /* 0: no limit */
    bool has_limits;         /* one of these is set */
    struct client_cells *cells;
    struct money_budgets money; /* its own */
    struct session_caps caps;   /* the same, of each session of each client that it owns */
};

/* Its sum now: as it is written, and what was added. */
int64_t money_budget_limit(const struct money_budget *budget, int64_t wall_ns);
struct money_extra_view {
    int64_t nano_usd, until_s; /* 0: nothing */
};
struct money_extra_view money_extra_look(const struct money_budget *budget, enum money_extra_kind kind, int64_t now_s);
/* In the place of what was there. One thread at a time. */
void money_extra_set(const struct money_budget *budget, enum money_extra_kind kind, int64_t nano_usd, int64_t until_s);
/* So much of what was spent in its window, or bucket, that began then counts no more. The same. */
void money_budget_forget(const struct money_budget *budget, uint64_t window_s, int64_t spent);
/* Where its window is now. One that ends now has no end. */
struct window_span money_budget_window(const struct money_budget *budget, int64_t wall_ns);
/* As spend.h has them, whatever its window is; *window_s is what the settling wants again. */
bool money_budget_reserve(const struct money_budget *budget, int64_t wall_ns, int64_t nano_usd, uint64_t *window_s)
    __attribute__((warn_unused_result));
uint64_t money_budget_enter(const struct money_budget *budget, int64_t wall_ns);
void money_budget_settle(const struct money_budget *budget, uint64_t window_s, int64_t reserved, int64_t spent);
/* What was spent, and reserved, in it. */
struct spend_view money_budget_look(const struct money_budget *budget, int64_t wall_ns);

/* One line of what must outlive the process: `spent` of the window that began then. */
struct money_row {
    uint64_t budget, value; /* money_budget.identity, or a quota's; 0: it is not split */
    int64_t window_s;       /* since 1970; 0: a lifetime */
    int64_t nano_usd;       /* of a quota: units */
};
/* Puts a row of this budget back, before anything is spent of it. */
void money_budget_restore(const struct money_budget *budget, const struct money_row *row);
struct snapshot;
/* The rows of one budget, as of money_rows. */
void money_budget_rows(const struct money_budget *budget, int64_t wall_ns,
                       void (*row)(void *user, const struct money_row *row), void *user);
/* NULL: none is of this identity. */
const struct money_budget *money_budget_find(const struct snapshot *snapshot, uint64_t identity);
/* Tells of every budget whose window of now something was spent in, of one that ends now by its buckets. Any thread. */
void money_rows(const struct snapshot *snapshot, int64_t wall_ns, void (*row)(void *user, const struct money_row *row),
                void *user);
/* Puts a row back, of a budget or a provider's quota; before any request. false: there is no such one now, and what was
 * spent of it is nobody's. */
bool money_restore(const struct snapshot *snapshot, const struct money_row *row);

#endif
