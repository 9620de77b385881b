/* prober.h - active health checks, and the locks' memory on the disk. Lives on one worker's loop; what others ask of it
 * is said where it is asked. */
#ifndef WEIR_RUNTIME_PROBER_H
#define WEIR_RUNTIME_PROBER_H

#include "runtime/health_log.h"
#include "runtime/worker.h"

struct prober {
    struct worker *worker;
    struct timer tick;
    struct list probes; /* struct probe, running */
    bool stopping;
    struct prng prng;
    uint64_t locks_hash; /* of what the file says */
    char locks_path[512];
    struct health_log *health; /* borrowed */
};

/* What a probe found. */
struct probe_result {
    bool good;
    int status; /* 0: no reply */
    uint64_t took_ns;
    char said[160]; /* why not */
};

/* What it finds goes to `health`. */
void prober_init(struct prober *prober, struct worker *worker, struct health_log *health, struct str state_dir);
/* On the worker's thread. */
void prober_start(struct prober *prober);
void prober_stop(struct prober *prober);
void prober_free(struct prober *prober);
/* On the worker's thread: probes now; `done` comes later, once. `entry` names the credential of the vault to do it
 * with; empty: any. false: no memory, no such provider, or none of its keys is that. */
bool prober_probe(struct prober *prober, struct str provider, struct str entry,
                  void (*done)(void *context, const struct probe_result *), void *context);
/* Control thread, before the first request: who held the locks of this configuration. */
void prober_locks_read(struct prober *prober, const struct snapshot *snapshot);

#endif
