/* blame.c - the vote's word taken apart and put together. Invariant: surplus and for-all add up to the failures noted,
 * until one of them is at its top. */
#include "core/blame.h"

#include "base/check.h"

enum { field = 0xffff };

static unsigned surplus_of(uint64_t word) { return (unsigned)(word >> 16) & field; }
static unsigned shared_of(uint64_t word) { return (unsigned)word & field; }

static uint64_t blame_word_of(uint16_t tag, uint16_t client, unsigned surplus, unsigned shared) {
    CHECKF(surplus > 0 || client == 0, "client=%u", client); /* who has no surplus is not named */
    return (uint64_t)tag << 48 | (uint64_t)client << 32 | (uint64_t)(surplus < field ? surplus : field) << 16 |
           (shared < field ? shared : field);
}

uint64_t blame_tagged(uint16_t tag) { return blame_word_of(tag, 0, 0, 0); }
uint16_t blame_tag(uint64_t word) { return (uint16_t)(word >> 48); }

uint64_t blame_noted(uint64_t word, uint64_t client) {
    uint16_t tag = blame_tag(word), whose = (uint16_t)(word >> 32), who = short_hash(client);
    unsigned surplus = surplus_of(word), shared = shared_of(word);
    if (client == blame_nobody) return blame_word_of(tag, whose, surplus, shared + 1);
    if (surplus == 0 || whose == who) return blame_word_of(tag, who, surplus + 1, shared);
    CHECKF(surplus > 0 && whose != who, "surplus=%u whose=%u", surplus, whose);
    return blame_word_of(tag, surplus > 1 ? whose : 0, surplus - 1, shared + 2);
}

unsigned blame_count(struct cell *cell, uint16_t tag, uint64_t client) {
    uint64_t seen = cell_load(cell), from, next;
    do {
        from = blame_tag(seen) == tag ? seen : blame_tagged(tag);
        next = blame_noted(from, client);
    } while (!cell_swap(cell, &seen, next));
    unsigned before = blame_for_all(from), after = blame_for_all(next);
    return after > before ? after - before : 0;
}

unsigned blame_total(uint64_t word) { return surplus_of(word) + shared_of(word); }

unsigned blame_for_all(uint64_t word) {
    unsigned shared = shared_of(word), for_all = shared ? shared + (surplus_of(word) > 0) : 0;
    CHECKF(for_all <= blame_total(word), "for_all=%u total=%u", for_all, blame_total(word));
    return for_all;
}

unsigned blame_surplus(uint64_t word, uint64_t client) {
    bool its = client != blame_nobody && (uint16_t)(word >> 32) == short_hash(client);
    return its ? surplus_of(word) : 0;
}
