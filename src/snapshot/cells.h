/* cells.h - the words that decisions are made on, and the table that keeps them by durable names: they outlive
 * configurations, so that a reload forgets no breaker, limit or lock. A changed base URL or key makes new breaker
 * cells, as its name is part of theirs. */
#ifndef WEIR_SNAPSHOT_CELLS_H
#define WEIR_SNAPSHOT_CELLS_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/limits.h"
#include "core/breaker.h"
#include "core/cached_share.h"
#include "core/company.h"
#include "core/gate.h"
#include "core/latency.h"
#include "core/limiter.h"
#include "core/lock.h"
#include "core/pace.h"
#include "core/probes.h"
#include "core/retry.h"
#include "core/suspicion.h"
#include "core/taken.h"
#include "core/waiters.h"

enum { cache_line = 64 };

/* Of a provider and its base URL. Those that each request writes stand on lines of their own. */
struct provider_cells {
    struct breaker breaker; /* failures to connect: every target of it shares them */
    struct cell success;    /* a share; see success_report */
    struct cell failed;     /* the failures of a minute, and whose: blame.h */
    struct cell latency, slowness;
    struct cell health;                      /* enum health_state, as last worked out */
    struct cell next_key;                    /* rotation */
    struct cell probed_ns;                   /* when the last probe began; 0: never */
    struct cell probes;                      /* how many in a row failed: probes.h */
    struct cell differed_day, estimated_day; /* since 1970, the last on which a cost differed, or was estimated; 0 */
    struct cell unpriced_day;                /* or had no price */
    struct cell served;                      /* the loop whose waiter got the last place */
    char room[cache_line];
    struct cell gate;
    struct cell requests_minute, requests_hour, tokens_minute;
    _Atomic uint32_t waiting[limit_loops]; /* who stands in line on each loop */
    struct waiters waiters;                /* and how many of each client, where there are several */
};

/* X(name, what it says of the key, how long it then rests in ms) */
#define KEY_REST_TABLE(X)                        \
    X(none, "", 0)                               \
    X(rate, "its rate limit is reached", 1000)   \
    X(refused, "the provider refuses it", 60000) \
    X(quota, "its credit or quota is used up", 3600000)
enum key_rest {
#define X(name, sentence, rest_ms) key_rest_##name,
    KEY_REST_TABLE(X)
#undef X
        key_rests
};

struct key_cells {
    struct cell cooldown;
    struct cell rest;      /* enum key_rest: why it cools down, or did so last */
    struct cell suspicion; /* refusals that may be one caller's or one model's alone */
    struct cell limited;   /* the model whose rate limit it has reached last; see suspicion_note_model */
    struct cell answered;  /* 1: a probe with it was answered well, ever */
    char room[cache_line];
    struct cell uses; /* since they were gathered last; of a key of the vault, as are the two below */
    struct cell first_used_s, last_used_s; /* seconds since 1970: the first since then, and the last */
};

/* Of a provider, its base URL and a model. */
struct target_cells {
    struct breaker breaker;
    struct cell failures; /* in a row, whoever's; shown, and nothing else */
    struct cell latency;
    struct pace pace;
    struct cell cached; /* which share of its input comes from its prompt cache: cached_share.h */
    struct cell taken;  /* the tokens of its answers: taken.h */
    struct cell p95[2]; /* to the first byte: of whole replies, of streams */
    struct cell p99;    /* of whole replies */
    char room[cache_line];
    struct cell in_flight;
};

struct route_cells {
    struct cell lock;
    struct cell healthy_since_ns; /* of the lock's primary; 0: it is not */
    struct cell row;              /* the holder's failures in a row, and whose: blame.h */
    struct cell company;          /* the clients that it served last */
    struct share retries, hedges, failovers;
    struct cell semantic; /* answers to other words that were compared: false_share.h */
};

/* Of a route and one of its targets. */
struct place_cells {
    struct cell pass; /* round robin */
    struct cell gate; /* of those that a limit of its own counts */
    struct cell requests_minute, tokens_minute;
};

/* Work beyond what each request may take for itself. */
enum extra { extra_repeat, extra_hedge, extra_failover, extras };

struct client_cells {
    struct cell gate;
    struct cell requests_minute, requests_hour, tokens_minute;
    struct cell taken;          /* the tokens of the answers that it got */
    struct cell cached;         /* which share of its input came from prompt caches: cached_share.h */
    struct share extra[extras]; /* what it took of the routes' extra work */
    struct budget memory;       /* its share of what is held for strangers */
    struct cell barred;         /* 1: its key has been disabled or revoked: nothing more of it begins */
};

/* What it hands out may be used by any thread until cells_free. All zero: empty. */
struct cells {
    atomic_flag busy; /* somebody looks or adds; for less than a microsecond */
    struct cells_entry **chains;
    size_t chain_count, count;
};

/* The `size` zeroed bytes of this kind and name, always the same ones. Without a table they are the arena's. NULL: out
 * of memory. Any thread. */
void *cells_find(struct cells *cells, struct arena *arena, const char *kind, struct str name, size_t size);
/* The same, of what holds more memory: `end` is called before it goes. */
void *cells_find_ending(struct cells *cells, struct arena *arena, const char *kind, struct str name, size_t size,
                        void (*end)(void *words));
void cells_free(struct cells *cells);

#endif
