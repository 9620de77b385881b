/* pace.h - is a target slower than it is used to be? Each answer is compared with the target's own slow average of
 * answers of its kind and size, and the average of many such comparisons is what is believed: one slow answer in ten
 * changes nothing, and a long answer is not a slow one. Pure but for the words. Any thread. */
#ifndef WEIR_CORE_PACE_H
#define WEIR_CORE_PACE_H

#include <stddef.h>

#include "core/average.h"

enum pace_kind {
    pace_stream, /* up to its first token */
    pace_opaque, /* passed on as it came: up to its first byte */
    pace_1k,     /* whole replies, by their bytes */
    pace_4k,
    pace_16k,
    pace_64k,
    pace_longer,
    pace_kinds
};

struct pace {
    struct cell slowness;          /* see pace_slowness */
    struct cell usual[pace_kinds]; /* its own baselines, in 16 us */
};

enum pace_kind pace_kind_of_bytes(size_t bytes);
/* One more answer. Answers how slow it was, against what is usual for its kind, as pace_slowness_note takes it. */
uint32_t pace_note(struct pace *pace, enum pace_kind kind, uint64_t took_ns, uint64_t now_ns);
/* The same into an average of its own: a provider's, of what its targets' answers were. */
void pace_slowness_note(struct cell *slowness, uint32_t was, uint64_t now_ns);
/* 1: as usual; 2: twice as slow; at most 5. */
double pace_slowness(const struct cell *slowness);

#endif
