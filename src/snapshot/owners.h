/* owners.h - who owns clients, and what they may spend: the budgets on a client's path are one list, made when the
 * configuration is; a request passes when all of them pass. Immutable but for the words. */
#ifndef WEIR_SNAPSHOT_OWNERS_H
#define WEIR_SNAPSHOT_OWNERS_H

#include "base/limits.h"
#include "base/map.h"
#include "core/quota.h"
#include "core/rolling.h"
#include "core/window.h"
#include "snapshot/cells.h"
#include "snapshot/rate_limits.h"
#include "snapshot/sessions.h"
#include "snapshot/values.h"

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
    bool unbounded;                  /* what nobody can bound passes, reserved by the model's context */
    int64_t at_nano_usd;             /* over_downgrade: from so much on */
    struct str *to_names;            /* these serve, in place of the route's */
    const struct config_node *to_at; /* where they are written, while that is read; then NULL */
    const struct target **to;        /* the same */
    size_t to_count;
    bool to_cheapest; /* in their place: what costs least of all that can do what is asked */
    struct window window;
    struct str zone;             /* its name */
    struct str *models, *routes; /* globs; count 0: all count */
    size_t model_count, route_count;
    struct money_extra *extras; /* money_extra_kinds of them; NULL: none is ever added */
    struct spend *spend;
    struct rolling *rolling; /* in its place, where the window is a time that ends now; else NULL */
    uint64_t bucket_s;       /* of that; */
    struct str length;       /* and as it is written: "24h" */
    enum money_per per;      /* another than per_nothing: it has `values` in the place of these two, */
    struct values *values;
    struct str tag;      /* per_tag: its name */
    struct str per_word; /* as it is written: "tag:team" */
    bool from_history;   /* when it first appears, what was spent before counts in it */
    bool own;            /* one client's: what it says of its end users and sessions is its own affair */
    struct map limits;   /* by value: struct money_limit; of those that have a sum of their own */
    size_t value_most;
};

struct money_limit {
    int64_t nano_usd;
};

/* What is reserved of and spent: a budget, or one value of it. Made when it is used, and never kept. */
struct money_purse {
    const struct money_budget *budget;
    struct spend *spend;
    struct rolling *rolling; /* in its place, as of the budget */
    int64_t limit_nano_usd;  /* as it is written */
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
    struct rate_limits limits;  /* beside these: its own */
    struct money_budgets money; /* its own */
    struct session_caps caps;   /* the same, of each session of each client that it owns */
};

/* Of one that is not split; `value` is held by whoever asks. */
struct money_purse money_purse_of(const struct money_budget *budget);
struct money_purse money_purse_of_value(const struct money_budget *budget, struct money_value *value,
                                        int64_t limit_nano_usd);
/* The words of the secret by which values stand in tables and in the ledger; set once, before any request. NULL: out of
 * memory. */
struct hash_secret *value_secret_find(struct cells *cells, struct arena *arena);
/* What is written for the value that is called so. */
int64_t money_limit_of(const struct money_budget *budget, struct str value);
/* The value of a split budget, held: to be released by values_release. As values_hold. */
struct money_value *money_value_hold(const struct money_budget *budget, const struct hash_tag *tag, struct str said,
                                     int64_t wall_ns, bool adds);
/* As they are asked for: of the window of now. */
struct values_window money_values_window(const struct money_budget *budget, int64_t wall_ns);
/* As those of a budget below. */
int64_t money_purse_limit(const struct money_purse *purse, int64_t wall_ns);
bool money_purse_reserve(const struct money_purse *purse, int64_t wall_ns, int64_t nano_usd, uint64_t *window_s)
    __attribute__((warn_unused_result));
bool money_purse_reserve_more(const struct money_purse *purse, int64_t wall_ns, uint64_t window_s, int64_t nano_usd)
    __attribute__((warn_unused_result));
uint64_t money_purse_enter(const struct money_purse *purse, int64_t wall_ns);
void money_purse_settle(const struct money_purse *purse, uint64_t window_s, int64_t reserved, int64_t spent);
void money_purse_forget(const struct money_purse *purse, uint64_t window_s, int64_t spent);
struct spend_view money_purse_look(const struct money_purse *purse, int64_t wall_ns);

/* Its sum now: as it is written, and what was added. Of a split one: each value's that has none of its own. */
int64_t money_budget_limit(const struct money_budget *budget, int64_t wall_ns);
struct money_extra_view {
    int64_t nano_usd, until_s; /* 0: nothing */
};
struct money_extra_view money_extra_look(const struct money_budget *budget, enum money_extra_kind kind, int64_t now_s);
/* In the place of what was there. One thread at a time. */
void money_extra_set(const struct money_budget *budget, enum money_extra_kind kind, int64_t nano_usd, int64_t until_s);
/* Where its window is now. One that ends now has no end. */
struct window_span money_budget_window(const struct money_budget *budget, int64_t wall_ns);
/* As spend.h has them, whatever its window is; *window_s is what the settling wants again. Of one that is not split. */
uint64_t money_budget_enter(const struct money_budget *budget, int64_t wall_ns);
void money_budget_settle(const struct money_budget *budget, uint64_t window_s, int64_t reserved, int64_t spent);
/* What was spent, and reserved, in it; of all values. */
struct spend_view money_budget_look(const struct money_budget *budget, int64_t wall_ns);

/* A value of a split budget that has committed much of its sum. */
struct value_near {
    char said[value_said_max + 1];
    struct spend_view view;
    int64_t limit;
};
enum { values_near_most = 20 };
struct values_near {
    struct value_near list[values_near_most]; /* those that have least left first */
    size_t count, spent_count;                /* of all that spent anything now */
};
/* Those that have so many thousandths of their sum or more. Any thread. */
void money_values_near(const struct money_budget *budget, int64_t wall_ns, uint32_t permille, struct values_near *near);

/* One line of what must outlive the process: `spent` of the window that began then. */
struct money_row {
    uint64_t budget;       /* money_budget.identity, or a quota's */
    struct hash_tag value; /* all zero: it is not split */
    int64_t window_s;      /* since 1970; 0: a lifetime */
    int64_t nano_usd;      /* of a quota: units */
};
static inline bool tag_is_some(const struct hash_tag *tag) { return tag->words[0] || tag->words[1]; }
/* Puts a row of this budget back, before anything is spent of it. Of a split one only what counts now. */
void money_budget_restore(const struct money_budget *budget, const struct money_row *row, int64_t wall_ns);
/* The same on top of what was spent since. Any thread. */
void money_budget_restore_late(const struct money_budget *budget, const struct money_row *row, int64_t wall_ns);
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
bool money_restore(const struct snapshot *snapshot, const struct money_row *row, int64_t wall_ns);
/* The same while requests are served: on top of what was spent meanwhile. Any thread. */
bool money_restore_late(const struct snapshot *snapshot, const struct money_row *row, int64_t wall_ns);

#endif
