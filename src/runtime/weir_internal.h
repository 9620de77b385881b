/* weir_internal.h - what the gateway uses of the library beyond weir.h: the same things, on a worker's own thread. */
#ifndef WEIR_RUNTIME_WEIR_INTERNAL_H
#define WEIR_RUNTIME_WEIR_INTERNAL_H

#include <pthread.h>

#include "config/config_overlay.h"
#include "observe/notices.h"
#include "runtime/alerts.h"
#include "runtime/exporter.h"
#include "runtime/identities.h"
#include "runtime/in_force.h"
#include "runtime/issuers.h"
#include "runtime/key_keeper.h"
#include "runtime/key_uses.h"
#include "runtime/latch.h"
#include "runtime/late_ledger.h"
#include "runtime/marks.h"
#include "runtime/overlay.h"
#include "runtime/prober.h"
#include "runtime/request.h"
#include "runtime/worker.h"
#include "snapshot/client_registry.h"
#include "snapshot/prefix_memory.h"
#include "snapshot/reasoning_memory.h"
#include "store/audit.h"
#include "store/client_store.h"
#include "store/vault.h"
#include "weir.h"

/* What surrounds the library: the real world for weir_open, chosen pieces for the gateway and for tests. */
struct weir_host {
    const char *(*environment)(void *context, const char *name);
    void *context;
    struct str simulated_base_url;
    struct sha256 admin_key_hash;
    const struct log_options *log; /* NULL: nothing is logged */
    struct audit_who who;          /* who started it, for the audit */
    bool keeps_marks;              /* the state folder is its own: what serves there is remembered (marks.h) */
    bool serves;                   /* it listens: certificates and keys of `listen` must be usable */
    bool only_checks;              /* it asks nobody: a vault whose master key is not at hand need not open */
    bool (*ask)(void *context, char *into, size_t size); /* for the vault's passphrase, on a terminal; NULL: nobody */
};

struct weir {
    struct weir_host host;
    char *config_path, *config_text; /* owned; NULL: none */
    char *simulated_base_url;
    struct config_ids ids;
    struct cells cells;
    struct pattern *redacts;            /* `log.redact_patterns`; NULL: none */
    struct sessions_kept sessions_kept; /* what sessions had used, as the ledger has it */
    struct config config;               /* of the last load: its `process` part counts */
    _Atomic uint64_t drain_ns;          /* of it, for any thread; what follows too */
    _Atomic bool ledger_refuses;
    struct in_force texts;   /* what the configuration was made of; guarded by `control` */
    pthread_mutex_t control; /* held through a reload or an edit, which come one after the other: guards config, ids */
    pthread_mutex_t mutex;   /* guards deployment and file_said, and only while they are read or swapped; taken inside
                              * `control` */
    struct deployment *deployment;
    _Atomic unsigned live_deployments;
    char overlay_path[overlay_path_max]; /* of the first load: a state folder does not move */
    char ledger_place[ledger_place_max]; /* the same; it may hold a password */
    struct response_store *responses;    /* stored ones */
    struct erasers *erasers;             /* purges and exports */
    struct books *books;                 /* what is spent; NULL: the state folder is another's */
    struct late_ledger late;             /* a ledger that could not be read at the start */
    struct alerts *alerts;               /* NULL: the same */
    struct exporter *exporter;           /* NULL: no traces are sent, or were; by `control` */
    struct notices *notices;             /* for who listens */
    struct health_log health;            /* how providers were; all zero: not opened */
    struct run_clients *clients;         /* those made or changed at run time */
    atomic_bool clients_unread;    /* and they could not be read at the start: until then only the admin key lets in */
    struct issuers *issuers;       /* who signs tokens */
    struct identities *identities; /* who shows them */
    struct vault *vault; /* as it was read or written last, for its master key; by `control`; NULL: none was needed */
    struct key_uses key_uses; /* of its entries */
    struct key_keeper keeper;
    bool vault_moved; /* this start has put the overlay's credentials into it */
    struct worker *workers;
    struct prober prober; /* on the first worker */
    unsigned worker_count;
    _Atomic unsigned next_worker; /* round robin for calls of the library */
    struct budget memory;         /* held for strangers, in all */
    struct budget connections;    /* shares of it: what each connection of a caller takes by being open */
    struct reasoning_memory reasoning;
    struct prefix_memory prefixes;
    struct cache cache;                /* answers that are kept */
    struct makings makings;            /* and those that are being made */
    bool cached;                       /* there are both */
    struct cache_keeper *cache_keeper; /* NULL: nothing of them was to be kept on the disk; by `control` */
    struct budget strangers;           /* heads, and the requests of those without a key */
    struct reports reports;
    struct log_options log_options;
    void *log_bridge; /* weir_open's; owned */
    struct now started;
    struct latch drained;
    char *fixed; /* what holds until the end, as the start had it; NULL before the first reload; by `control` */
    char restart_for[256]; /* the keys that have changed in the file and wait for a restart, as the last reload saw them
                            */
    char file_said[1024]; /* why the file is not what is in force, as it was when it was looked at last; empty: it is */
};

extern const struct weir_host weir_host_default;

/* As weir_open. */
struct weir *library_open_in(const struct weir_options *options, const struct weir_host *host,
                             struct weir_error *error);
/* Reads and checks without opening. The caller frees *config; *text (may be NULL) gets all problems, a line each. */
bool library_config_check(const char *path, const char *text, const struct weir_host *host, struct config *config,
                          char *problems, size_t problems_size);
/* Where a configuration comes from. */
struct config_source {
    const char *path, *text; /* as in weir_options */
    const struct weir_host *host;
    struct config_ids *ids;
    struct cells *cells;     /* NULL: only to be checked */
    char *overlay_path;      /* of overlay_path_max; empty: found out, and filled */
    char *ledger_place;      /* of ledger_place_max, filled with it; NULL: nobody asks */
    struct str overlay_text; /* {NULL,0}: as it stands on the disk */
    struct in_force *keep;   /* NULL: nothing; else begun, and gets every text that is read */
    /* NULL: everything is read from the disk; else what was read for these, by preference. */
    struct in_force *texts;
    const struct deployment *deployment;
    struct vault **vault; /* the last one's master key, and what is opened for the load in its place; or NULL */
    const struct vault *candidate;     /* asked in place of what is on the disk; or NULL */
    struct vault_loading *loading;     /* the load's own */
    struct client_store *client_store; /* the load's own: what was changed of clients; NULL: nothing was */
    bool *clients_unread; /* says that it cannot be read, and the load goes on without it; NULL: that is an error */
    struct str client, client_settings;    /* what is to be changed of one of the file's; settings {NULL,0}: reset */
    struct str catalog_path, catalog_text; /* one that is to be taken; {NULL,0}: as it stands in the state folder */
    const struct config_change *change;    /* of an entry, in place of what is kept of it; NULL: as it is kept */
    bool change_dropped;                   /* its kind and name alone count: nothing is kept of it any more */
};
struct config_source library_source(struct weir *weir);
/* Where a gateway of the configuration at this path (NULL: of the environment) is; in the arena. false: *problem. */
bool library_config_where(const char *path, struct arena *arena, struct config_where *where, struct str *problem);
/* As library_config_check. */
bool library_config_load(const struct config_source *source, struct config *config, char *problems,
                         size_t problems_size);
/* Under `control`, before it is in force: the state folder remembers that there are clients and providers. false:
 * *error, and nothing may be put in force. */
bool library_marks_keep(struct weir *weir, const struct config *config, struct error *error);
/* A reload reads CA files again and begins new connections; an edit goes on with those in force. */
enum deploying { deploying_reload, deploying_edit };
/* Under `control`: what the next requests begin with, on every loop; takes the configuration over. false: *error, such
 * as that too many older ones are still in use. */
bool library_deploy(struct weir *weir, struct config *config, enum deploying how, struct error *error);
/* Under `control`: is the file, with those that it names, still what is in force? Kept for the status, and told in
 * weir->file_said. Reads the disk. */
void library_file_look(struct weir *weir);
#define WEIR_TOO_MANY_DEPLOYMENTS \
    "Requests in flight still use too many older configurations: nothing was changed, try again when some have ended."

/* weir_providers.c: one edit of the run-time overlay, whole or not at all. Blocks. */
struct provider_edit {
    struct config_edit edit;
    struct str by, request_id, own_id; /* for the log: who, in which request; weir's own id of it, or empty */
    struct str address;                /* for the audit: from where */
    bool force; /* remove: routes and rules of run time that name it are left out then, and do not stand against it */
};
/* The provider as it is afterwards goes into *view, with warnings (JSON; the caller's, weir_free; NULL when there is no
 * memory for it). false: *error. */
bool library_provider_edit(struct weir *weir, const struct provider_edit *edit, char **view, struct weir_error *error);
/* JSON of one provider, or of all; a credential is "set", never itself. false: there is none of that name. */
bool library_provider_write(const struct snapshot *snapshot, struct str name, struct text *text);
void library_providers_write(const struct snapshot *snapshot, struct text *text);

/* weir_entries.c: is every change of entries in force that was? Else the first that would be left out: what it is, its
 * name and why. */
bool library_entries_stay(const struct snapshot *now, const struct snapshot *after, struct text *said);

/* weir_cache.c: from now on it is as this configuration says; its workers are there. By `control`, or before any
 * request. */
void library_cache_follow(struct weir *weir, const struct snapshot *snapshot);
/* What comparisons came to counts no more, of any route (weir_cache.c). */
void library_semantic_reset(const struct snapshot *snapshot);
/* What an operator sees of the response cache. As one JSON object. */
void library_cache_write(struct weir *weir, struct text *text);
/* What answers are chosen by: "client", "route", ..., "all"; empty behind the last. */
struct str library_cache_word(size_t place);
/* Takes out those of this value (`all`: all), audited; *count of them. false: *error. Blocks. */
bool library_cache_purge(struct weir *weir, struct str word, struct str value, const struct audit_who *who,
                         size_t *count, struct error *error);
/* The same as part of something else, by `control`: in memory and on the disk. *good: from both; else they may still
 * stand on the disk. */
size_t library_cache_forget(struct weir *weir, const struct cache_choice *choice, bool *good);
/* weir_budgets.c: what an operator changes of a budget. */
enum budget_edit_kind { budget_raise, budget_credit_give, budget_reset_spent };
struct budget_edit {
    enum budget_edit_kind kind;
    struct str name, owner; /* owner {NULL,0}: whoever's it is, where there is one of that name */
    int64_t nano_usd;       /* raise: 0 takes it back */
    int64_t until_s;        /* raise; 0: for good */
    struct audit_who who;
    struct str request_id; /* for the log */
};
/* On the disk, and in force on every loop when it returns; the budget as it is then, as JSON. false: *error, and
 * nothing has changed. Blocks. */
bool library_budget_edit(struct weir *weir, const struct budget_edit *edit, struct text *view, struct error *error);
/* At the start and after a reload, under `control` or before any request: what was changed of its budgets. */
/* weir_history.c: budgets that come with this configuration begin with what they have spent. false: *error. */
bool library_history_begin(struct weir *weir, const struct snapshot *snapshot, struct error *error)
    __attribute__((warn_unused_result));
bool library_budgets_restore(struct weir *weir, const struct snapshot *snapshot, struct error *error);

/* weir_keys.c: credentials of the vault. */
enum key_edit_kind { key_set, key_next, key_rotate, key_remove, key_rekey };
struct key_edit {
    enum key_edit_kind kind;
    struct str id, secret;
    int64_t grace_s;                     /* rotate: so long the one before is valid too */
    uint32_t rotate_after_days;          /* set; 0: never */
    const char *passphrase, *master_key; /* rekey: what the vault opens with from now on; both NULL: a new master.key */
    struct str by, request_id, own_id;   /* for the log */
    struct str address;                  /* for the audit */
};
/* On the disk, and in force on every loop. *view is the entry as it is afterwards (JSON; the caller's, weir_free), or
 * what became of it. false: *error, and nothing has changed. Blocks. */
bool library_key_edit(struct weir *weir, const struct key_edit *edit, char **view, struct weir_error *error);
/* The same for a state folder that nobody serves, which is locked by the caller. */
bool library_key_edit_alone(const char *config_path, const struct weir_host *host, const struct key_edit *edit,
                            char **view, struct weir_error *error);
/* All of them as JSON; the caller's, weir_free. NULL: *error. Blocks. */
char *library_keys(struct weir *weir, struct weir_error *error);
char *library_keys_alone(const char *state_dir, const struct weir_host *host, struct weir_error *error);
/* Under `control`: what was valid beside its next one, and is not any more, is gone; and what is due rotates to what
 * waits for it, where the state folder is this process's own. false: *error, and it is tried
 * again. */
bool library_keys_expire(struct weir *weir, struct error *error);
/* Has it stood as long as its `rotate_after_days` says? */
bool library_key_is_due(const struct vault_record *record, int64_t now_s);

/* -- weir_clients.c: clients made or changed at run time -- */

enum {
    client_grace_usual_s = 24 * 3600,
    client_grace_most_s = 90 * 24 * 3600,
    clients_told_usual = 1000,
    clients_told_most = 10000
};

enum client_edit_kind {
    client_add,
    client_change,
    client_rotate,
    client_disable,
    client_enable,
    client_revoke,
    client_reset
};
struct client_edit {
    enum client_edit_kind kind;
    struct str name, settings;         /* add, change: JSON */
    int64_t grace_s;                   /* rotate: so long the key before is valid too */
    const struct sha256 *key;          /* only while it is the client's own, in force; NULL: whoever asks may */
    struct str by, request_id, own_id; /* for the log */
    struct str address;                /* for the audit: from where */
};
/* On the disk, and in force for the next request on every loop. *view is the client as it is afterwards, with its key
 * where one was made (JSON; the caller's, weir_free; wiped by it if it holds a key). false: *error, and nothing has
 * changed. Blocks. */
bool library_client_edit(struct weir *weir, const struct client_edit *edit, char **view, struct weir_error *error);
/* JSON of one, with what it has left; or of up to `most` behind the one named `after` (empty: from the first). NULL:
 * *error. The caller's, weir_free. Blocks. */
char *library_client(struct weir *weir, struct str name, struct weir_error *error);
char *library_clients(struct weir *weir, struct str after, size_t most, struct weir_error *error);
/* Before anybody sees a snapshot: it knows the clients made at run time, and whose key is barred. */
void library_clients_register(struct weir *weir, struct snapshot *snapshot);
/* At the start: none yet; then those of the state folder, once its ledger is open. false: *error. */
struct run_clients *library_clients_new(struct weir *weir);
bool library_clients_open(struct weir *weir, struct error *error) __attribute__((warn_unused_result));
/* The same where the ledger may be away: then weir->clients_unread says so, and the log. */
bool library_clients_begin(struct weir *weir, struct error *error) __attribute__((warn_unused_result));
/* When no loop and no snapshot is left. NULL is fine. */
void library_clients_free(struct run_clients *clients);
/* What a budget that nobody has yet had spent: for a client that comes with it later. */
void library_clients_spent(struct run_clients *clients, const struct money_row *row);
/* The same while requests are served, under `control`: also of those that are there by now. */
struct ledger_value;
void library_clients_spent_late(struct weir *weir, const struct ledger_value *rows, size_t count);
/* Before a snapshot is in force: budgets that it is the first to have had spent this. */
void library_clients_meet(struct run_clients *clients, const struct snapshot *snapshot);
/* Before it is in force: does each client made at run time that fits what is in force now fit this one too? Only those
 * that name one of these are looked at. false: *error names one that does not. */
bool library_clients_would_fit(struct weir *weir, struct snapshot *snapshot, const struct str *names, size_t count,
                               struct error *error);
/* For a load: opens what was changed of clients, where there is any; *any: clients that the file does not have. */
bool library_clients_loading(struct config_source *source, bool *any, struct error *error);
void library_clients_loading_end(struct config_source *source);
/* config_input's client_change; the context is a config_source. */
bool library_client_changed(void *context, struct str name, struct arena *arena, struct str *settings,
                            struct error *error);

/* -- weir_entries.c: entries of the configuration (config_entries.h) changed at run time -- */

enum entry_edit_kind { entry_add, entry_change, entry_remove, entry_reset };
struct entry_edit {
    enum entry_edit_kind what;
    enum entry_kind kind;
    struct str name, settings;         /* add, change: JSON */
    struct str by, request_id, own_id; /* for the log */
    struct str address;                /* for the audit: from where */
};
/* On the disk, and in force for the next request on every loop. *view is the entry as it is afterwards (JSON; the
 * caller's, weir_free; NULL when there is no memory for it). false: *error, and nothing has changed. Blocks. */
bool library_entry_edit(struct weir *weir, const struct entry_edit *edit, char **view, struct error *error);
/* JSON of one; false: there is none of that name. Of all of a kind. Of all that were changed at run time, as a list. */
bool library_entry_write(const struct snapshot *snapshot, enum entry_kind kind, struct str name, struct text *text);
void library_entries_write(const struct snapshot *snapshot, enum entry_kind kind, struct text *text);
void library_entries_changed_put(const struct snapshot *snapshot, struct text *text);
bool library_entry_unknown(enum entry_kind kind, struct str name, struct error *error);
/* For a load: what was changed of them, in the arena. */
void library_entries_loading(const struct config_source *source, struct arena *arena, struct config_input *input);
/* In the log: those that do not fit the configuration that is in force from now on, and were not said of the one before
 * (NULL: there was none). */
void library_entries_tell(struct weir *weir, const struct snapshot *before, const struct snapshot *snapshot);

/* Holds the deployment of the moment; any thread but for long: give it back by deployment_release. */
struct deployment *library_deployment(struct weir *weir);

/* Members of an object: what the catalogue knows of a model (NULL: none). */
void library_facts_write(const struct catalog_model *facts, struct text *text);
/* weir_views.c: JSON of the parts, appended. */
void library_status_write(struct weir *weir, const struct snapshot *snapshot, struct text *text);
/* weir_model_views.c */
void library_models_write(const struct snapshot *snapshot, const struct client *client, enum dialect dialect,
                          struct text *text);
/* false: there is no such model for this client. */
bool library_model_write(const struct snapshot *snapshot, const struct client *client, enum dialect dialect,
                         struct str id, struct text *text);
/* weir_budget_views.c: what may be spent, of everybody; what a client may, NULL: the admin. */
void library_budgets_write(struct weir *weir, struct snapshot *snapshot, struct text *text);
void library_key_write(const struct client *client, struct text *text);
/* weir_limit_views.c: members of an object: "limits", and of a client "rate_limits" and "loop_guard" too. */
void library_owner_limits_put(const struct owner *owner, struct now now, struct text *text);
void library_client_limits_put(const struct client *client, struct now now, struct text *text);
void library_budget_write(const struct money_budget *budget, struct text *text);
/* A member of an object: "quotas", where the provider has any. */
void library_quotas_put(const struct provider *provider, struct text *text);
/* The exclusive routes and who holds their locks. */
void library_locks_write(const struct snapshot *snapshot, struct text *text);
/* By hand; audited. Blocks. false: *error. */
bool library_lock_move(struct weir *weir, const struct snapshot *snapshot, struct str route, struct str target,
                       const struct audit_who *who, struct error *error);
/* Prometheus text: what was counted, and how its providers are now. */
void library_metrics_write(struct weir *weir, const struct snapshot *snapshot, struct text *text);
void library_health_write(struct weir *weir, const struct snapshot *snapshot, struct text *text);
/* A path as a caller writes it, with its query; below /providers/ as a POST. false: nothing is there. */
bool library_request_place(struct str path, struct request_names *names, struct flight_request *asked);
/* false: it would be refused, as *error says. */
bool library_route_write(struct weir *weir, const struct snapshot *snapshot, const struct flight_question *question,
                         struct text *text, struct error *error);
const struct client *snapshot_client_named(struct snapshot *snapshot, struct str name);
/* Fills *error with what is said of a client that is not there; false. */
bool library_client_unknown(struct str name, struct error *error);

/* weir_explain.c: asks one worker after the other, by mailbox; `done` runs on the loop of `answer_on`, or on a worker's
 * thread. */
struct explain_question {
    struct weir *weir;
    struct loop *answer_on; /* NULL: any thread */
    void (*done)(struct explain_question *question);
    void *context;
    unsigned next;
    char id[limit_request_id + 1];
    bool of_client; /* an id that callers chose is looked for among those of this client only */
    char client[limit_caller + 1];
    char json[explain_text_bytes + 64];
    size_t len;      /* 0: nobody knows it */
    size_t count;    /* of the requests whose caller chose this id, where it is not weir's own */
    int64_t time_ms; /* of the newest of them */
};
bool explain_ask(struct explain_question *question);
#define WEIR_UNKNOWN_REQUEST \
    "No request of that id is remembered: the last ones are, until a restart. The id is a reply's x-weir-request-id."

/* -- batch.c: weir_batch, of weir.h -- */

/* -- weir_audit.c: who changes what (store/audit.h); the time is filled in -- */

/* Before the change is made: it is on the disk when this returns. false: *error, and the change is not to be made. With
 * `on_ledger_failure: serve`, and where it ends the gateway, it goes on all the same, and the log has what the audit
 * has not. Blocks: on no worker's thread. */
bool library_audit(struct weir *weir, const struct audit_entry *entry, struct error *error);
/* That change came to nothing after all. */
void library_audit_failed(struct weir *weir, const struct audit_entry *entry);
/* For a command on a state folder, whose ledger lies there. false: *error, and the change is not to be made. */
bool library_audit_alone(const char *ledger_place, const struct audit_entry *entry, struct error *error);
/* The texts' hashes, as the audit says them. */
void library_audit_texts(const struct in_force *texts, struct text *text);
/* The start, of a state folder's owner. */
bool library_audit_start(struct weir *weir, struct error *error);
/* As weir_reload, for who asks. */
int library_reload(struct weir *weir, const struct audit_who *who, struct weir_error *error);
extern const struct audit_who library_who; /* a host process */

/* {"records":[...]}: of the ledger, and of what is not there yet. Blocks. false: ledger_problem() says why. */
bool library_health_history(struct weir *weir, struct ledger *ledger, const struct health_question *question,
                            struct text *text);
/* The same of what the process has at hand: the newest, of all (empty) or of one. */
void library_health_history_held(struct weir *weir, struct str subject, struct text *text);

void library_error_set(struct weir_error *error, enum error_code code, struct str message);

/* -- weir_vault.c: the vault as the library uses it; by `control` -- */

/* What a load has found of the vault, when something first asked for it. */
struct vault_loading {
    struct vault *vault;
    struct error unread, locked;
    bool tried;
};
void library_vault_loading_end(struct vault_loading *loading, const struct config_source *source);
/* config_input's vault_open; the context is a config_source with its loading. */
enum config_vault_found library_vault_asked(void *context, struct str id, struct str provider, struct str origin,
                                            struct arena *arena, struct str secrets[2], size_t *count,
                                            struct error *error);
/* Seconds since 1970. */
int64_t library_now_s(void);
/* STATE_DIR, of the overlay's path. */
struct str library_folder(const char *overlay_path);
/* Unlocked, by the master key of a `known` one (or NULL) where it fits. NULL: *error. */
struct vault *library_vault_open(const char *overlay_path, const struct weir_host *host, const struct vault *known,
                                 struct error *error);
bool library_vault_unlock(struct vault *vault, const struct weir_host *host, const struct vault *known,
                          struct error *error);
/* Takes the credentials out of a sealed overlay's text, which *config was loaded from, into a vault that is not saved
 * yet; NULL: there are none. The text is then another one, in the arena. */
bool library_vault_take(struct weir *weir, const struct config *config, struct arena *arena, struct str *text,
                        struct vault **vault, struct error *error);
/* It is saved: its key is for the next one. *vault may be NULL, and is so then. */
void library_vault_keep(struct weir *weir, struct vault **vault);
/* Entries that were made for the overlay, and that its text does not name, go. Where that fails they stay for the next
 * time. */
void library_vault_sweep(struct weir *weir, struct str overlay);
/* At the start, once the configuration is loaded: credentials in clear move from the overlay to the vault, where the
 * state folder is this process's own. false: *error, and nothing is lost. */
bool library_vault_move_in(struct weir *weir, bool *moved, struct error *error);
/* What the log has to say of that, and of what is damaged in the vault. */
void library_vault_tell(struct weir *weir);

#endif
