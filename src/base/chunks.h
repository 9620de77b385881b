/* chunks.h - bytes that arrive piece by piece and are kept whole: a request's body, a held reply.
 * A list of blocks, grown within a budget. Not thread-safe.
 *
 *   first -> [len | bytes] -> [len | bytes] -> last       a position is an offset from the first byte
 */
#ifndef WEIR_BASE_CHUNKS_H
#define WEIR_BASE_CHUNKS_H

#include "base/arena.h"
#include "base/budget.h"
#include "base/spares.h"

struct chunk {
    struct chunk *next;
    size_t len, size;
    char bytes[];
};

struct chunks {
    struct chunk *first, *last;
    size_t len;
    size_t taken; /* from the budget */
    size_t expected;
    struct budget *budget; /* may be NULL */
    struct spares *spares; /* of small blocks; may be NULL */
};

void chunks_init(struct chunks *chunks, struct budget *budget);
/* The same, with small blocks from `spares`, which outlives it. */
void chunks_init_spared(struct chunks *chunks, struct budget *budget, struct spares *spares);
/* How many bytes are expected in all, so that they fit one block (up to 256 KB); 0: not known. Before the first add. */
void chunks_expect(struct chunks *chunks, size_t len);
/* false: no memory or the budget is used up; nothing was added. */
bool chunks_add(struct chunks *chunks, struct str bytes) __attribute__((warn_unused_result));
void chunks_free(struct chunks *chunks);
/* The whole as one range, moved into one block if it stands in several; {NULL,0}: no memory or budget for that. */
struct str chunks_whole(struct chunks *chunks);
/* The bytes of [from, to) as ranges; answers how many were written, at most `most`. */
size_t chunks_ranges(const struct chunks *chunks, size_t from, size_t to, struct str *ranges, size_t most);

#endif
