/* weir_internal.h - what the gateway uses of the library beyond weir.h: the same things, on a worker's own thread. */
#ifndef WEIR_RUNTIME_WEIR_INTERNAL_H
#define WEIR_RUNTIME_WEIR_INTERNAL_H

#include <pthread.h>

#include "engine/config.h"
#include "runtime/latch.h"
#include "runtime/worker.h"
#include "weir.h"

/* What surrounds the library: the real world for weir_open, chosen pieces for the gateway and for tests. */
struct weir_host {
    const char *(*environment)(void *context, const char *name);
    void *context;
    struct str simulated_base_url;
    struct sha256 admin_key_hash;
    const struct log_options *log; /* NULL: nothing is logged */
};

struct weir {
    struct weir_host host;
    char *config_path, *config_text; /* owned; NULL: none */
    char *simulated_base_url;
    struct config_ids ids;
    struct config config;  /* of the last load: its `process` part counts */
    pthread_mutex_t mutex; /* guards deployment, config and ids: control threads only */
    struct deployment *deployment;
    struct worker *workers;
    unsigned worker_count;
    _Atomic unsigned next_worker; /* round robin for calls of the library */
    struct chunks_budget bodies;
    struct reports reports;
    struct log_options log_options;
    void *log_bridge; /* weir_open's; owned */
    struct now started;
    struct latch drained;
};

extern const struct weir_host weir_host_default;

/* As weir_open. */
struct weir *weir_open_in(const struct weir_options *options, const struct weir_host *host, struct weir_error *error);
/* Reads and checks without opening. The caller frees *config; *text (may be NULL) gets all problems, a line each. */
bool weir_config_check(const char *path, const char *text, const struct weir_host *host, struct config *config,
                       char *problems, size_t problems_size);
/* Holds the deployment of the moment; any thread but for long: give it back by deployment_release. */
struct deployment *weir_deployment(struct weir *weir);

/* weir_views.c: JSON of the parts, appended. */
void weir_status_write(struct weir *weir, const struct snapshot *snapshot, struct text *text);
void weir_models_write(const struct snapshot *snapshot, const struct client *client, struct text *text);
/* false: there is no such model for this client. */
bool weir_model_write(const struct snapshot *snapshot, const struct client *client, struct str id, struct text *text);
bool weir_route_write(const struct snapshot *snapshot, const struct client *client, struct str model,
                      struct text *text);

/* weir_explain.c: asks one worker after the other, by mailbox; `done` runs on the loop of `ask_on`, or on a worker's
 * thread. */
struct explain_question {
    struct weir *weir;
    struct loop *answer_on; /* NULL: any thread */
    void (*done)(struct explain_question *question);
    void *context;
    unsigned next;
    char id[limit_request_id + 1];
    char json[explain_record_bytes];
    size_t len; /* 0: nobody knows it */
};
bool explain_ask(struct explain_question *question);

void weir_error_set(struct weir_error *error, enum error_code code, struct str message);

#endif
