/* key_uses.h - how often each credential of the vault was sent, first and last: gathered from the cells' counts, and
 * kept in STATE_DIR/vault.uses, so that no request waits for a disk.
 *
 *   weir vault uses 1
 *   ID \t first \t last \t count       seconds since 1970
 *
 * Under a lock of its own; any thread. A file that cannot be read is begun anew: these are counts, and nothing hangs on
 * them. */
#ifndef WEIR_RUNTIME_KEY_USES_H
#define WEIR_RUNTIME_KEY_USES_H

#include <pthread.h>

#include "base/error.h"
#include "base/limits.h"
#include "snapshot/snapshot.h"

enum { key_uses_id_max = 129, key_uses_max = 4096 };

struct key_use {
    char id[key_uses_id_max + 1];
    int64_t first_s, last_s, warned_s; /* warned: of its age, in this process */
    uint64_t count;
};

struct key_uses {
    pthread_mutex_t mutex;
    struct key_use *list;
    size_t count, room;
    bool changed;
};

void key_uses_init(struct key_uses *uses);
void key_uses_free(struct key_uses *uses);
/* Of the file's text; what is no line of it is left out. Answers how many were. */
size_t key_uses_read(struct key_uses *uses, struct str text);
/* What was counted in the cells since the last time, taken out of them. */
void key_uses_gather(struct key_uses *uses, const struct snapshot *snapshot);
/* The file's text, where something has changed since the last time; false: nothing has. */
bool key_uses_save(struct key_uses *uses, struct text *text);
/* Members of an object: "uses", "first_used", "last_used". */
void key_uses_write(const struct key_uses *uses, struct str id, struct text *text);
/* Is it a day since the last warning of this entry? Then that is now. */
bool key_uses_warn(struct key_uses *uses, struct str id, int64_t now_s);

#endif
