/* limited.c - a moment, and whose it is. */
#include "core/limited.h"

#include "base/check.h"

static const uint64_t ns_per_us = 1000, moment = (1ull << 48) - 1;

static uint64_t limited_tag(uint64_t client) {
    if (client == blame_nobody) return 0;
    uint64_t hash = short_hash(client);
    return hash ? hash : 1;
}

/* Two who met it while it stands are all, until the earlier of what the two were told: a client's own time, which its
 * own words may have made long, never becomes everybody's. */
static uint64_t limited_noted(uint64_t word, uint64_t tag, uint64_t until_us, uint64_t now_ns) {
    CHECKF(tag <= 0xffff && until_us <= moment, "tag=%llx until=%llu", (unsigned long long)tag,
           (unsigned long long)until_us);
    uint64_t was_us = word & moment, was_tag = word >> 48;
    if (was_us * ns_per_us <= now_ns) return tag << 48 | until_us;
    if (was_tag == tag) return tag << 48 | (until_us > was_us ? until_us : was_us);
    if (!was_tag) return word; /* it holds for all, and one alone makes that no longer */
    if (!tag) return until_us; /* what holds for all, in the place of what held for one */
    return until_us < was_us ? until_us : was_us;
}

void limited_note(struct cell *cell, uint64_t client, uint64_t until_ns, uint64_t now_ns) {
    uint64_t seen = cell_load(cell), until_us = until_ns / ns_per_us, next;
    if (until_us > moment) until_us = moment;
    do next = limited_noted(seen, limited_tag(client), until_us, now_ns);
    while (next != seen && !cell_swap(cell, &seen, next));
}

uint64_t limited_until_ns(const struct cell *cell, uint64_t client) {
    uint64_t word = cell_load(cell), tag = word >> 48;
    return !tag || tag == limited_tag(client) ? (word & moment) * ns_per_us : 0;
}
