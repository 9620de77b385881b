/* turns.h - who is next in a line that clients share: they take turns, each first come, first served. Drawn:
 *
 *   line -> [alice 1] -> [bob 1] -> [carol 1]       a ring of the first of each client
 *              |            |
 *           [alice 2]    [bob 2]                    behind each, a ring of its others
 *           [alice 3]
 *
 * Who is taken is the first of the ring, and the next of its client goes to the ring's end. A line may be of several
 * things (providers) at once; each has its own clients. Owns nothing, never allocates: joining and leaving look at
 * the first of each client. Not thread-safe. */
#ifndef WEIR_BASE_TURNS_H
#define WEIR_BASE_TURNS_H

#include <stdint.h>

#include "base/list.h"

/* In the request that waits. All zero: it stands nowhere. */
struct turns_place {
    struct list node;   /* of the line, or of what is behind its client's first */
    struct list behind; /* of the first: its client's others */
    const void *of;     /* what it waits for; NULL: it stands nowhere */
    uint64_t client;
    bool first;     /* of its client */
    size_t waiting; /* of the first: how many of its client, itself included */
};

/* To the end of its client's; a client that had nobody here begins at the ring's end. */
void turns_join(struct list *line, struct turns_place *place, const void *of, uint64_t client);
/* The next of its client keeps its turn. Fine on one that stands nowhere. */
void turns_leave(struct list *line, struct turns_place *place);
/* The next one, which stays; NULL: nobody waits for it. */
struct turns_place *turns_next(const struct list *line, const void *of);
/* It is served: its client's next goes to the ring's end. Fine on one that stands nowhere. */
void turns_served(struct list *line, struct turns_place *place);
/* Takes the next one out of the line; NULL: nobody waits for it. */
struct turns_place *turns_take(struct list *line, const void *of);
/* How many of this client's wait for it. */
size_t turns_waiting(const struct list *line, const void *of, uint64_t client);

#endif
