/* s3fifo.h - which of many entries of different sizes are kept within so many bytes: S3-FIFO (Yang, Zhang, Qiu, Yue,
 * Rashmi: "FIFO queues are all you need for cache eviction", SOSP 2023). What is asked for once passes through a small
 * queue, a tenth of the bytes, and is out soon; what is asked for again goes into the main one, and there stays for as
 * long as it is used between two of its turns. Names of those that left the small queue unused are remembered for a
 * while (ghosts): who comes back is of the main one at once. So a scan pushes out nothing that is used.
 *
 *   new -> [small] -- used more than once --> [main] -- used since its last turn --> its end again
 *             |        ^ it is a ghost: at once   \-- not --> out
 *             \-- not --> out, a ghost
 *
 * Pure: no clock, no memory of its own. Nodes stand in their owner's entries, ghosts in the owner's memory. The owner
 * holds a lock where several threads share one. */
#ifndef WEIR_CORE_S3FIFO_H
#define WEIR_CORE_S3FIFO_H

#include <stdint.h>

#include "base/list.h"

/* In an entry. */
struct s3fifo_node {
    struct list place;
    uint64_t hash; /* of its key */
    size_t bytes;
    uint8_t uses; /* since its last turn; at most 3 */
    bool in_main;
};

/* The name of one that left: its hash's upper half, and when, in entries added; all zero: nobody. */
struct s3fifo_ghost {
    uint32_t name, stamp;
};

struct s3fifo {
    size_t bytes_max, small_bytes, main_bytes;
    size_t small_count, main_count;
    struct list small, main; /* the newest first */
    struct s3fifo_ghost *ghosts;
    size_t ghost_sets; /* of s3fifo_ways each: a power of two */
    uint32_t left;     /* of the small queue, into the ghosts */
};

enum { s3fifo_ways = 4 };

/* `ghosts`: zeroed, of ghost_sets x s3fifo_ways, the owner's; ghost_sets is a power of two. */
void s3fifo_init(struct s3fifo *queues, size_t bytes_max, struct s3fifo_ghost *ghosts, size_t ghost_sets);
/* It is in none of them yet. Then s3fifo_victim is asked until there is none. */
void s3fifo_add(struct s3fifo *queues, struct s3fifo_node *node, uint64_t hash, size_t bytes);
/* It was asked for. */
void s3fifo_use(struct s3fifo_node *node);
/* Takes one out that must go, so that all have room: its owner frees it. NULL: all have. */
struct s3fifo_node *s3fifo_victim(struct s3fifo *queues);
/* Takes it out for another reason. */
void s3fifo_remove(struct s3fifo *queues, struct s3fifo_node *node);

#endif
