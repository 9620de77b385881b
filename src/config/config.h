/* config.h - from YAML and environment to a snapshot, with every problem found at once. Pure but for the two functions
 * given in. */
#ifndef WEIR_CONFIG_CONFIG_H
#define WEIR_CONFIG_CONFIG_H

#include "base/clock.h"
#include "base/text.h"
#include "config/config_entries.h"
#include "snapshot/snapshot.h"

/* Durable numbers for names, within a process: a target keeps its id from one configuration to the next. Control thread
 * only. */
struct config_ids {
    char **names; /* the id is the place + 1 */
    size_t count, size;
    uint32_t *table; /* ids by their name's hash, open addressing; 0: free */
    size_t table_size;
};
/* 0: out of memory. */
uint32_t config_id(struct config_ids *ids, struct str name);
void config_ids_free(struct config_ids *ids);

struct config_input {
    struct str path;                       /* for messages; empty: the environment */
    struct str text;                       /* YAML; {NULL,0}: the environment alone */
    struct str overlay_path, overlay_text; /* what was changed at run time (config_overlay.h); {NULL,0}: nothing */
    const char *(*environment)(void *context, const char *name); /* NULL: not set */
    /* A file's whole content into the arena; false: *error. */
    bool (*read_file)(void *context, struct str path, struct arena *arena, struct str *content, struct error *error);
    /* Tells of each file that fits a pattern (* and ? within a name), in order, and how many they were. NULL: a pattern
     * is a name. */
    size_t (*find_files)(void *context, struct str pattern, void (*found)(void *user, struct str path), void *user);
    /* What the vault's entry of this id holds for this provider at this origin, and while it is valid what it held
     * before; in the arena. *error: why not, or not all. NULL: there is no vault. */
    enum config_vault_found (*vault_open)(void *context, struct str id, struct str provider, struct str origin,
                                          struct arena *arena, struct str secrets[2], size_t *count,
                                          struct error *error);
    void *context;
    /* Can TLS use these: a provider's authorities; a listener's certificate and key? false: *error. NULL: not looked
     * at. */
    bool (*ca_check)(void *context, struct str ca_file, struct error *error);
    bool (*certificate_check)(void *context, struct str cert_file, struct str key_file, struct error *error);
    /* Does a pattern fit any kind of alert? NULL: not looked at. */
    bool (*alert_kind)(struct str pattern);
    /* Is this the URL of a database? false: *error. NULL: only its form is looked at. */
    bool (*ledger_check)(void *context, struct str url, struct error *error);
    struct config_ids *ids;
    struct cells *cells;           /* NULL: the snapshot has words of its own */
    struct str simulated_base_url; /* where the built-in provider answers; empty: it cannot be used */
    struct sha256 admin_key_hash;
    /* A catalogue that was taken at run time: in place of the built-in one, unless the file names one or it is older.
     */
    struct str catalog_path, catalog_text; /* {NULL,0}: none */
    bool catalog_asked;                    /* it is to be taken: what is wrong with it is an error, and no warning */
    /* What was changed at run time of the file's client of that name, as JSON, in the arena: settings that win over the
     * file's; {NULL,0}: nothing. NULL: nothing of any. false: *error. */
    bool (*client_change)(void *context, struct str name, struct arena *arena, struct str *settings,
                          struct error *error);
    bool run_time_clients; /* there are some that the file does not have */
    /* What was changed at run time of routes, rules, owners, templates and budgets, the oldest first. One that does not
     * fit is left out, which is a warning, but for the one that is asked for now. */
    const struct config_change *changes;
    size_t change_count;
    const struct config_change *change_asked; /* one of them; NULL: none */
    struct str changes_problem; /* why they cannot be read, which is an error with `on_ledger_failure: refuse` */
    /* What the state folder remembers. */
    bool had_clients;         /* without any now, nobody is let in */
    bool served_providers;    /* the simulated one answers only where it is asked for */
    struct str marks_problem; /* empty: it could be read */
};

/* What comes of asking the vault: known, what is there cannot be read here, and that is no error; damaged, what is
 * there is lost, and all else can go on without it; refused, it is an error. */
enum config_vault_found { config_vault_opened, config_vault_known, config_vault_damaged, config_vault_refused };

enum config_severity { config_error, config_warning, config_not_available };

struct config_problem {
    struct config_problem *next;
    enum config_severity severity;
    unsigned line, column; /* 0: not of a place */
    bool protects;         /* not available, and what it asks for is a protection */
    bool overlay;          /* its place is in the overlay */
    struct str file;       /* its place is in that file, which the configuration names; else empty */
    struct str message;
};

struct config_listen {
    struct str address, cert_file, key_file;
};

/* Where the credentials of a provider go: the server, and with the way to it behind. */
struct config_origin {
    struct config_origin *next;
    struct str provider, server, origin;
};

enum { config_listens_max = 16, config_files_max = 100, config_patterns_max = 32 };

/* What the process needs; lives in the configuration's own arena. */
struct config_process {
    struct config_listen listens[config_listens_max];
    size_t listen_count;
    unsigned workers; /* 0: auto */
    struct str state_dir;
    struct str ledger; /* a URL, with its password; empty: a file in state_dir */
    uint64_t drain_ns, header_timeout_ns, body_timeout_ns, idle_timeout_ns, write_timeout_ns;
    size_t connections_max, memory_bytes_max, journal_bytes_max;
    int64_t ledger_keep_days;         /* 0: for ever */
    bool ledger_refuses;              /* what cannot be kept is not begun */
    struct str log_level, log_format; /* empty: by default */
    struct str redact_patterns[config_patterns_max];
    size_t redact_pattern_count;
    bool metrics_public;
    bool core_dumps;
};

struct config {
    struct arena arena;
    struct config_problem *problems; /* by line; those of the overlay and of named files last */
    struct config_origin *origins;
    size_t error_count, warning_count, not_available_count, protects_count;
    struct config_process process;
    struct str files[config_files_max]; /* that `include` names, while it is read */
    size_t file_count;
    bool had_clients, served_providers; /* of the input */
    struct str catalog_from;            /* the file that the catalogue is of; empty: the built-in one */
    bool catalog_named;                 /* by the configuration's `catalog` */
    struct snapshot *snapshot;          /* NULL when there is any error; the caller takes it over, and sets NULL here */
};

/* *config is filled in every case and given back by config_free. true: a snapshot was made. */
bool config_load(const struct config_input *input, struct config *config);
void config_free(struct config *config);
/* Only where run-time state is kept, as the text says it, whatever else is wrong with it; {NULL,0}: it cannot be told.
 * In the arena. */
struct str config_state_dir(const struct config_input *input, struct arena *arena);
/* The same of where its ledger lies; empty: in that folder. */
struct str config_ledger(const struct config_input *input, struct arena *arena);
/* Where a gateway of this configuration is reached, and keeps its state. */
struct config_where {
    struct str address; /* of its first listener without TLS, else of its first: as it is written */
    bool tls;
    struct str said; /* FILE:LINE:COLUMN of it; empty: by default */
    struct str state_dir;
    struct str ledger; /* a URL, with its password; empty: a file in state_dir */
};
/* As the text says it, whatever else is wrong with it: a provider's variable need not be set. In the arena. false:
 * *problem says what is wrong with that. */
bool config_where_find(const struct config_input *input, struct arena *arena, struct config_where *where,
                       struct str *problem);
/* What stands against it, in the configuration's own words and without the places in texts that nobody has written: as
 * many of its problems as there is room for. */
void config_problems_say(const struct config *config, struct text *text);
/* FILE:LINE:COLUMN: message, for one problem. */
void config_problem_write(const struct config_input *input, const struct config_problem *problem, struct text *text);

/* -- between the files of config -- */

struct config_node;
struct config_reading {
    const struct config_input *input;
    struct config *config;
    bool inside_later;              /* the key around has been reported as not available */
    bool vault_fits;                /* the key that is checked may stand for an entry of the vault */
    bool vault_locked;              /* and that it cannot be opened has been said */
    struct config_node *removed;    /* providers that the overlay took out */
    struct catalog catalog;         /* for what is asked before the snapshot has its own */
    struct str catalog_text;        /* the file that `catalog` names; {NULL,0}: the built-in one */
    const struct config_left *left; /* of the input's changes; NULL: all are laid over */
    struct str *places;             /* of their nodes: the node's line is the place in it, from 1 */
    size_t place_count, place_room;
    const struct config_node **removed_entries; /* what the file has of those that changes take out, in their order */
};
/* The `file` of a node that stands in none, but in a change of an entry. */
enum { config_file_changes = 255 };
void config_report(struct config_reading *reading, const struct config_node *at, enum config_severity severity,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Are there so many already that one more of them is only counted? Then nothing need be said well. */
bool config_full(const struct config *config, enum config_severity severity);
/* A problem of a file that the configuration names. */
void config_report_file(struct config_reading *reading, struct str file, unsigned line, unsigned column,
                        const char *sentence);
/* What a message may show of a value: its first bytes, or nothing of what a reference stood for. */
struct str config_shown(const struct config_node *node);
/* config_include.c: the files that it names, merged into it. */
void config_include(struct config_reading *reading, struct config_node *root);
/* config_check.c: types, ranges, unknown keys, references (expanded in place). */
void config_check(struct config_reading *reading, struct config_node *root);
/* config_clients.c: what was changed of clients at run time, over the file's. */
void config_clients_merge(struct config_reading *reading, struct config_node *root);
/* The same file: what bind of run-time clients needs of the tree, which ends with the load. */
void config_templates_keep(struct config_reading *reading, struct snapshot *snapshot);
/* config_vault.c: every provider's origin is noted, and what stands in the vault for it is opened. */
void config_vault_open(struct config_reading *reading, struct config_node *root);
/* config_build.c: whether memory was refused so far, so that something is missing in what stands. `snapshot`: NULL
 * where there is none yet. */
bool config_short(const struct config_reading *reading, const struct snapshot *snapshot);
struct snapshot *config_build(struct config_reading *reading, const struct config_node *root);
/* config_budgets.c: once it is built, its budgets in the order in which they are looked for. */
void config_budgets_sort(struct config_reading *reading, struct snapshot *snapshot);
/* config_catalog.c: the file that `catalog` names, else the built-in one, into reading->catalog. */
void config_catalog_open(struct config_reading *reading, const struct config_node *root);
/* config_process.c */
void config_process_read(struct config_reading *reading, const struct config_node *root);
/* What of it holds until the process ends, a line a key; and the keys whose lines differ, separated by commas. */
void config_process_fixed(const struct config_process *process, struct text *text);
void config_process_differ(struct str before, struct str after, struct text *names);
/* config_environment.c: a tree such as a file would give, from the environment. */
struct config_node *config_from_environment(struct config_reading *reading, const struct catalog *catalog);
/* The same file: the simulated provider that nobody asked for, where real ones have served. */
void config_simulated_check(struct config_reading *reading, const struct config_node *root);

#endif
