/* health_log.h - the history of health: what probes found, what changed of providers and locks, a sample a minute. The
 * newest stand in memory and, but for changes of breakers, states and locks, in STATE_DIR/health, which need no ledger;
 * all of them go from here into the ledger (alerts_health.c), where they are kept by age. Bounded; whoever adds waits
 * for no disk. */
#ifndef WEIR_RUNTIME_HEALTH_LOG_H
#define WEIR_RUNTIME_HEALTH_LOG_H

#include <pthread.h>

#include "observe/log.h"
#include "snapshot/provider_health.h"
#include "store/ledger_health.h"
#include "store/line_file.h"

enum { health_records_max = 1024, health_words_max = 130 };

struct health_record {
    uint64_t id; /* rising, over restarts too */
    int64_t wall_ms;
    enum health_event event;
    enum health_state state; /* of a provider, as are the three behind it */
    uint16_t score_permille, success_permille;
    uint32_t latency_us;
    bool good;  /* of a probe, as are the two behind it */
    int status; /* 0: no reply */
    uint64_t took_us;
    char subject[limit_model + 1];                     /* a provider, or the route of a lock */
    char from[health_words_max], to[health_words_max]; /* of a change */
    char said[80];                                     /* of a probe: why not */
};

struct health_log {
    pthread_mutex_t mutex; /* guards the rest but the file */
    struct health_record *records;
    size_t next, count;
    uint64_t base, last, kept; /* ids: the first is base + 1; up to `kept` they are in the ledger */
    size_t restored;           /* of an earlier process, the oldest of them */
    struct line_file *file;    /* NULL: they are kept in memory alone */
    bool file_fails;           /* and it was said */
};

bool health_log_init(struct health_log *log, int64_t wall_ns); /* false: no memory */
void health_log_free(struct health_log *log);
/* Before any other thread: goes on where STATE_DIR/health left it, and writes there from now on. What is damaged there
 * is said, kept aside, and no reason not to start. */
void health_log_open(struct health_log *log, struct str state_dir, struct log_writer *writer);
/* Any thread; a change, a probe or a sample. Its id is put there. */
void health_log_add(struct health_log *log, const struct health_record *record);
/* Says once where the file cannot be written. */
void health_log_look(struct health_log *log, struct log_writer *writer, struct now now);

/* Any thread: those of one provider or route, or of all (empty), oldest first, as a JSON list. How many they are. */
size_t health_log_put(struct health_log *log, struct str subject, struct text *text);
/* Those that are not in the ledger yet, oldest first; the rows borrow from `copies`. How many. */
size_t health_log_pending(struct health_log *log, struct health_record *copies, struct ledger_health *rows,
                          size_t most);
/* Up to this id they are in the ledger. */
void health_log_kept(struct health_log *log, uint64_t id);
/* The ledger has a history already: what the file had is in it. */
void health_log_restored_is_kept(struct health_log *log);

/* Of one line of the file; false: it is none. Pure. */
bool health_record_read(struct str line, struct health_record *record);

#endif
