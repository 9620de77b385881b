/* run_clients.h - between the files of run-time clients: their registry, their rows, the key that seals their digests,
 * and what their budgets had spent before they were met. */
#ifndef WEIR_RUNTIME_RUN_CLIENTS_H
#define WEIR_RUNTIME_RUN_CLIENTS_H

#include "runtime/weir_internal.h"
#include "store/ledger_budgets.h"

/* What loops may still be reading. */
struct client_retired {
    struct client_retired *next;
    struct client_replaced replaced;
    _Atomic unsigned loops; /* that have not turned since */
};

/* A time zone's file, read once. */
struct zone_text {
    struct zone_text *next;
    struct str path, content;
};

/* What an operator has changed of a budget that nobody had when it was read. */
struct extra_kept {
    struct ledger_extra extra;
    bool met; /* somebody has it since: the budget's own words count */
};

struct run_clients {
    struct client_registry registry;
    struct weir *weir;
    struct client_store *store;     /* NULL: not opened yet; by `control`, as what follows */
    bool sealed;                    /* the key is there, and in the registry */
    struct client_retired *retired; /* the last one first */
    struct arena zones_arena;       /* by the registry's mutex */
    struct zone_text *zones;
    struct money_row *spent; /* by budget, once all are there */
    size_t spent_count, spent_room;
    bool spent_lost;           /* there was no memory for all of it */
    bool late;                 /* it came while requests were served */
    struct extra_kept *extras; /* by the registry's mutex */
    size_t extra_count, extra_room;
};

/* run_clients.c. The rows can be read and written. false: *error. */
bool run_clients_store(struct run_clients *clients, struct error *error) __attribute__((warn_unused_result));
/* The same, and the key is there, made at the first time. */
bool run_clients_seal(struct run_clients *clients, struct error *error) __attribute__((warn_unused_result));
/* Given back when every loop has turned; `retired` is the caller's memory for that. */
void run_clients_retire(struct run_clients *clients, struct client_retired *retired);
/* Would these settings do, now? */
bool run_clients_fit(struct run_clients *clients, struct str name, struct str settings, struct error *error)
    __attribute__((warn_unused_result));
struct config_client_made;
/* What these settings let a token's subject do, which stands in no row: its words are in `cells`, what it had spent
 * before this process is put back at the first time. Any thread. */
bool run_clients_token(struct run_clients *clients, const struct snapshot *snapshot, struct str name,
                       struct str settings, struct cells *cells, struct config_client_made *made, struct error *error)
    __attribute__((warn_unused_result));
/* For a client that comes with this budget later; once for each budget and kind. false: no memory. */
bool run_clients_extra(struct run_clients *clients, const struct ledger_extra *extra);
/* Of a client made at run time: the budget of this name, where its owner is `client NAME`. NULL: there is none. */
const struct money_budget *run_clients_budget(struct run_clients *clients, struct snapshot *snapshot, struct str owner,
                                              struct str name);
/* Of clients made at run time, of the first 10,000 budgets: tells each of their own. On a thread that may block. */
void run_clients_budgets(struct run_clients *clients, struct snapshot *snapshot,
                         void (*tell)(void *context, const struct money_budget *budget), void *context);
/* Of clients made at run time, tells each whose key was let in since the start, the first 10,000 of them. On a thread
 * that may block. */
void run_clients_used(struct run_clients *clients, struct snapshot *snapshot,
                      void (*tell)(void *context, const struct client *client), void *context);
struct client_record *run_clients_record(const struct stored_client *stored);
/* Nothing more of it begins; or it may again. */
bool run_clients_bar(struct run_clients *clients, struct str name, bool barred);
/* weir_client_views.c: one as JSON; `key` where it was made now. */
void run_client_put(struct run_clients *clients, uint32_t number, struct str key, struct text *text);
/* The same of one of the file. */
void run_client_file_put(const struct client *client, struct text *text);
char *run_clients_given(const struct text *text);

#endif
