/* visit.h - one exchange as the gateway sees it: who calls, what for, and how it is answered. On one worker's thread.
 */
#ifndef WEIR_GATEWAY_VISIT_H
#define WEIR_GATEWAY_VISIT_H

#include "gateway/gateway.h"
#include "core/cell.h"
#include "runtime/request.h"
#include "snapshot/known_keys.h"

/* The gateway on one worker. */
struct gateway_worker {
    struct gateway *gateway;
    struct worker *worker;
    struct server *server;
    struct known_keys known_keys;
    struct known_tokens *known_tokens;         /* NULL: none was shown yet */
    struct letter *drain_letter, *stop_letter; /* made at the start: an end must not lack memory */
};

enum { gateway_rotations = 256 };

struct gateway {
    struct weir *weir;
    struct cell rotations[gateway_rotations]; /* by clients of their own keys: a rate in each place, by their names */
    struct gateway_options options;
    struct gateway_worker *workers;
    struct listen_address *addresses[config_listens_max];
    struct tls_context *contexts[config_listens_max];
    char listens[config_listens_max][256]; /* as the configuration writes the addresses */
    size_t address_count;
    bool metrics_public;
    _Atomic bool draining;
    _Atomic unsigned draining_workers;
    _Atomic unsigned listeners; /* to events */
    void (*drained)(void *context);
    void *drained_context;
};

enum access { access_open, access_client, access_metrics, access_operator, access_admin };

struct visit {
    struct spares *spares; /* it goes back to them */
    struct gateway_worker *gateway_worker;
    struct exchange *exchange;     /* NULL: over */
    struct request *request;       /* NULL: none, or closed */
    struct deployment *deployment; /* held while the visit lives: client points into it */
    const struct client *client;
    struct identity_bound *identity; /* held; its client's; NULL: it is a key's */
    int retry_after_s;               /* of a refusal; 0: as its status has it */
    const struct gateway_route *route;
    /* Until the exchange is over; empty once `request` has begun. peer: the caller's address. */
    struct str path, query, peer;
    enum http_method method;
    enum dialect dialect; /* of the path, or of its headers: in which errors and lists are said */
    char allow[48];       /* of an answer about methods: those that its path takes; else empty */
    bool answered;
    enum error_code error;      /* what it is answered with by visit_error */
    bool page_had, page_packed; /* of a file of the page: the browser has it; takes it packed */
    bool busy;                  /* an answer comes later, from another thread */
    char *body; /* of a request that the gateway itself answers; wiped at the end: it may hold a credential */
    size_t body_len, body_size;
    struct event_listener *listener; /* of events; NULL: none */
    struct download *download;       /* that answers it; NULL: none */
    char *key; /* what it was let in by, where that is asked again; wiped at the end. NULL: none, or no memory */
    uint64_t last_event_id; /* the last one that it had, as it says; 0: it does not */
    struct budget *body_budget;
    struct budget *budget;                 /* its client's share: what is held for it is counted there */
    char request_id[limit_request_id + 1]; /* the caller's, where it sent a good one */
    char own_id[limit_request_id + 1];     /* weir's: no other request has it */
};

struct gateway_route {
    enum http_method method;
    struct str path; /* ends in *: the rest is an id */
    enum access access;
    void (*answer)(struct visit *visit); /* NULL: inference */
    bool reads_body;                     /* else a small one is read and dropped, a larger one refused */
};

/* Who changes something, for the audit: a copy, which outlives the exchange. */
struct visit_who {
    char actor[limit_caller + 16], address[48], request_id[limit_request_id + 1];
};
/* admin_audit.c */
struct visit_who visit_who(const struct visit *visit);
struct audit_who visit_who_told(const struct visit_who *who); /* borrows it */
void answer_audit(struct visit *visit);

/* access.c. error_none: allowed, and visit->client is set; else why not. */
enum error_code access_check(struct visit *visit, const struct http_request *request, enum access wanted,
                             const char **sentence);

/* Keeps what it was let in by. */
void access_keep(struct visit *visit, const struct http_request *request);
/* Would it be let in now, by the configuration of now? Of access_operator and access_admin; others stay. */
bool access_stays(const struct visit *visit, enum access wanted, struct now now);

/* routes.c. NULL: none; *other_method: the path exists with another one. */
const struct gateway_route *route_find(enum http_method method, struct str path, bool *other_method);
/* The table's rows, from place 0: NULL behind the last. For pages and tests. */
const struct gateway_route *route_row(size_t place);
/* The methods that the path takes, separated by commas; of `*`, which is this server, all. */
void route_methods(struct str path, struct text *text);
void route_nearest(struct str path, char *nearest, size_t size);

/* answers.c */
void visit_answer(struct visit *visit, int status, struct str content_type, struct str body);
void visit_error(struct visit *visit, enum error_code code, struct str message);
/* What stands for the * of its route. */
struct str visit_id(const struct visit *visit);
/* Notes what its path takes, for the answer. */
void visit_allow(struct visit *visit);
void answer_methods(struct visit *visit);
void answer_healthz(struct visit *visit);
void answer_readyz(struct visit *visit);
void answer_metrics(struct visit *visit);
void answer_models(struct visit *visit);
void answer_model(struct visit *visit);
/* page.c */
void answer_page(struct visit *visit);
/* page_enter.c */
void answer_page_enter(struct visit *visit);
/* admin_requests.c */
void answer_requests(struct visit *visit);
/* admin_erase.c */
void answer_purge(struct visit *visit);
void answer_export(struct visit *visit);
/* conversations.c */
void answer_own_conversations(struct visit *visit);
void answer_conversations(struct visit *visit);
/* admin.c: `name`=... of the query, unescaped, in the buffer; {NULL,0}: it does not stand there. */
struct str visit_queried(const struct visit *visit, struct str name, char *buffer, size_t size);
/* stored.c */
void answer_response(struct visit *visit);
/* answers.c: more of the body. false: it is too large, and that was answered. */
bool visit_body_add(struct visit *visit, struct str piece);
void visit_body_free(struct visit *visit);
/* The `name` of the JSON object that it is; empty: it says none. false: it is no JSON. */
bool visit_body_name(const struct visit *visit, char name[limit_name + 2]);
/* admin.c */
void visit_answer_text(struct visit *visit, const struct text *text); /* in the worker's scratch arena */
void answer_status(struct visit *visit);
/* admin_health.c */
void answer_health(struct visit *visit);
void answer_health_history(struct visit *visit);
void answer_locks(struct visit *visit);
void answer_lock_move(struct visit *visit);
/* With the credential of the vault that `entry` names; empty: with any key. */
void answer_probe(struct visit *visit, struct str provider, struct str entry);
void answer_unknown_provider(struct visit *visit, struct str name);
void answer_explain(struct visit *visit);
void answer_route(struct visit *visit);
void answer_reload(struct visit *visit);
void answer_drain(struct visit *visit);
/* admin_usage.c */
void answer_usage(struct visit *visit);
void answer_own_usage(struct visit *visit);
void answer_generation(struct visit *visit);
/* admin_recost.c */
void answer_recost(struct visit *visit);
/* admin_cache.c */
void answer_cache(struct visit *visit);
void answer_cache_purge(struct visit *visit);
/* admin_budgets.c */
void answer_budgets(struct visit *visit);
void answer_budget_change(struct visit *visit);
void answer_key(struct visit *visit);
/* admin_alerts.c */
void answer_alerts(struct visit *visit);
/* admin_providers.c */
void answer_providers(struct visit *visit);
void answer_provider(struct visit *visit);
void answer_provider_add(struct visit *visit);
void answer_provider_update(struct visit *visit);
void answer_provider_replace(struct visit *visit);
void answer_provider_remove(struct visit *visit);
void answer_provider_action(struct visit *visit);
/* admin_credentials.c */
void answer_credentials(struct visit *visit);
void answer_credential_set(struct visit *visit);
void answer_credential_remove(struct visit *visit);
void answer_credential_action(struct visit *visit);
/* admin_clients.c */
void answer_clients(struct visit *visit);
void answer_client(struct visit *visit);
void answer_client_add(struct visit *visit);
void answer_client_change(struct visit *visit);
void answer_client_revoke(struct visit *visit);
void answer_client_action(struct visit *visit);
void answer_own_rotate(struct visit *visit);
/* admin_events.c */
void answer_events(struct visit *visit);
void visit_listener_free(struct visit *visit);
/* admin_entries.c */
void answer_entries(struct visit *visit);
void answer_entry(struct visit *visit);
void answer_entry_add(struct visit *visit);
void answer_entry_change(struct visit *visit);
void answer_entry_remove(struct visit *visit);
void answer_entry_action(struct visit *visit);
/* What it takes, by place: "drain", ...; empty behind the last. */
struct str provider_action_word(size_t place);

#endif
