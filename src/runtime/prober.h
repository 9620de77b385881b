/* prober.h - active health checks, the history of health, and the locks' memory on the disk. Lives on one worker's
 * loop; what others ask of it is said where it is asked. */
#ifndef WEIR_RUNTIME_PROBER_H
#define WEIR_RUNTIME_PROBER_H

#include <pthread.h>

#include "snapshot/provider_health.h"
#include "runtime/worker.h"
#include "store/line_file.h"

struct health_record {
    int64_t wall_ms;
    char provider[limit_name + 1];
    enum health_state state;
    uint16_t score_permille, success_permille;
    uint32_t latency_us;
    int8_t probe; /* 1: a probe succeeded, 0: it failed, -1: no probe */
};

enum { health_records_max = 2048 };

struct prober {
    struct worker *worker;
    struct timer tick;
    struct list probes; /* struct probe, running */
    bool stopping;
    struct prng prng;
    uint64_t locks_hash; /* of what the file says */
    char locks_path[512];
    pthread_mutex_t mutex; /* guards the records */
    struct health_record *records;
    size_t record_next, record_count;
    struct line_file *history; /* NULL: they are kept in memory alone */
    bool history_fails;        /* and it was said */
};

/* What a probe found. */
struct probe_result {
    bool good;
    int status; /* 0: no reply */
    uint64_t took_ns;
    char said[160]; /* why not */
};

bool prober_init(struct prober *prober, struct worker *worker, struct str state_dir);
/* On the worker's thread. */
void prober_start(struct prober *prober);
void prober_stop(struct prober *prober);
void prober_free(struct prober *prober);
/* On the worker's thread: probes now; `done` comes later, once. `entry` names the credential of the vault to do it
 * with; empty: any. false: no memory, no such provider, or none of its keys is that. */
bool prober_probe(struct prober *prober, struct str provider, struct str entry,
                  void (*done)(void *context, const struct probe_result *), void *context);
/* Any thread: the records of one provider, or of all (empty name), oldest first, as a JSON list. How many they are. */
size_t prober_history(struct prober *prober, struct str provider, struct text *text);
/* Control thread, before the first request: the history goes on where STATE_DIR/health left it, and is kept there from
 * now on. What is damaged there is said, kept aside, and no reason not to start. */
void prober_history_open(struct prober *prober, struct str state_dir);
/* Of one line of that file; false: it is none. Pure. */
bool health_record_read(struct str line, struct health_record *record);
/* Control thread, before the first request: who held the locks of this configuration. */
void prober_locks_read(struct prober *prober, const struct snapshot *snapshot);

#endif
