/* explain.c - records one behind the other in a ring of bytes, and a chained index over them. Never allocates after
 * explain_new; a record is in exactly one chain, and a chain runs from the newest to the oldest. Chains know places by
 * numbers that only grow, round after round, so that one which is over is seen to be: the oldest goes without a look at
 * its chain, whose link to it, the last, is an end from then on.
 *
 *   [ 0 .. head ) the newest   [ head .. tail ) free   [ tail .. end ) the oldest     once they have gone round;
 *   [ 0 .. tail ) free         [ tail .. head ) all of them                           before
 */
#include "observe/explain.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"

enum { bytes_a_chain = 512 }; /* about what a story takes */
static const uint32_t none = UINT32_MAX;

struct record {
    uint64_t hash, client_hash;
    int64_t time_ms;
    uint64_t older;  /* in the same chain: its place's number */
    uint32_t before; /* the one that was put before it, where that is still held */
    uint32_t bytes;  /* all of it, in multiples of 8 */
    uint16_t id_len, caller_id_len, story_len;
    char text[]; /* id, caller's id, story */
};

struct explain_ring {
    char *at;
    uint64_t *chains; /* the newest of each, by hash: its place's number; 0: none yet */
    size_t size, chain_count /* a power of two */;
    size_t head, tail, end; /* the next one's place; the oldest's; where those end that stand behind the tail */
    uint32_t newest;
    uint64_t rounds; /* begun, the first too */
    uint64_t put, replaced, refused;
};

struct explain_ring *explain_new(size_t bytes) {
    size_t least = sizeof(struct record) + 2 * limit_request_id + explain_record_bytes + 8, chains = 1;
    while (chains * 2 * bytes_a_chain <= bytes) chains *= 2;
    size_t beside = sizeof(struct explain_ring) + chains * sizeof(uint64_t);
    struct explain_ring *ring = memory_take_zeroed(sizeof *ring);
    if (!ring) return NULL;
    ring->size = bytes > beside + least ? (bytes - beside) & ~(size_t)7 : least & ~(size_t)7;
    ring->chain_count = chains;
    CHECKF(ring->size < none, "size=%zu", ring->size);
    ring->at = memory_take(ring->size);
    ring->chains = memory_take_zeroed(chains * sizeof *ring->chains);
    if (!ring->at || !ring->chains) {
        explain_free(ring);
        return NULL;
    }
    ring->newest = none;
    ring->rounds = 1;
    return ring;
}

void explain_free(struct explain_ring *ring) {
    if (!ring) return;
    memory_give(ring->at);
    memory_give(ring->chains);
    memory_give(ring);
}

static struct record *record_at(const struct explain_ring *ring, size_t at) { return (struct record *)(ring->at + at); }
static size_t held_of(const struct explain_ring *ring) { return (size_t)(ring->put - ring->replaced); }

static struct str record_id(const struct record *record) { return str_make(record->text, record->id_len); }
static struct str record_caller_id(const struct record *record) {
    return str_make(record->text + record->id_len, record->caller_id_len);
}
static struct str record_story(const struct record *record) {
    return str_make(record->text + record->id_len + record->caller_id_len, record->story_len);
}

static uint64_t *chain_of(const struct explain_ring *ring, uint64_t hash) {
    return &ring->chains[hash & (ring->chain_count - 1)];
}

static uint64_t place_number(const struct explain_ring *ring, uint64_t round, size_t at) {
    return round * ring->size + at;
}

/* Places with a lower number are over. */
static uint64_t oldest_number(const struct explain_ring *ring) {
    if (!held_of(ring)) return UINT64_MAX;
    return place_number(ring, ring->end ? ring->rounds - 1 : ring->rounds, ring->tail);
}

/* The newest of the hash's chain, and what is older; NULL: there is no more. */
static const struct record *record_of_number(const struct explain_ring *ring, uint64_t number) {
    if (number < oldest_number(ring)) return NULL;
    CHECKF(number < place_number(ring, ring->rounds, ring->head), "number=%llu", (unsigned long long)number);
    return record_at(ring, (size_t)(number % ring->size));
}

static void oldest_drop(struct explain_ring *ring) {
    ring->replaced++;
    ring->tail += record_at(ring, ring->tail)->bytes;
    if (ring->tail == ring->end) ring->tail = ring->end = 0;
}

/* Where so many bytes are free, as one piece; for that the oldest go. */
static size_t record_room(struct explain_ring *ring, size_t bytes) {
    CHECKF(bytes <= ring->size, "bytes=%zu size=%zu", bytes, ring->size);
    while (held_of(ring)) {
        bool round = ring->end > 0;
        if (ring->head + bytes <= (round ? ring->tail : ring->size)) return ring->head;
        if (!round && bytes <= ring->tail) {
            ring->end = ring->head;
            ring->rounds++;
            return 0;
        }
        oldest_drop(ring);
    }
    ring->tail = ring->end = 0;
    ring->rounds++;
    return 0;
}

static char *put_bytes(char *to, struct str bytes) {
    if (bytes.len) memcpy(to, bytes.at, bytes.len);
    return to + bytes.len;
}

bool explain_put(struct explain_ring *ring, const struct explain_key *key, struct str story) {
    struct str id = key->request_id, caller_id = key->caller_id;
    if (id.len == 0 || id.len > limit_request_id || story.len > explain_record_bytes ||
        caller_id.len > limit_request_id) {
        ring->refused++;
        return false;
    }
    size_t bytes = (sizeof(struct record) + id.len + caller_id.len + story.len + 7) & ~(size_t)7;
    size_t at = record_room(ring, bytes);
    uint64_t hash = str_hash(id);
    uint64_t *chain = chain_of(ring, hash);
    struct record *record = record_at(ring, at);
    *record = (struct record){.hash = hash,
                              .client_hash = str_hash(key->client),
                              .time_ms = key->time_ms,
                              .older = *chain,
                              .before = ring->newest,
                              .bytes = (uint32_t)bytes,
                              .id_len = (uint16_t)id.len,
                              .caller_id_len = (uint16_t)caller_id.len,
                              .story_len = (uint16_t)story.len};
    put_bytes(put_bytes(put_bytes(record->text, id), caller_id), story);
    *chain = place_number(ring, ring->rounds, at);
    ring->newest = (uint32_t)at;
    ring->head = at + bytes;
    ring->put++;
    return true;
}

struct str explain_find(const struct explain_ring *ring, struct str request_id) {
    uint64_t hash = str_hash(request_id);
    const struct record *record = record_of_number(ring, *chain_of(ring, hash));
    for (; record; record = record_of_number(ring, record->older))
        if (record->hash == hash && str_eq(record_id(record), request_id)) return record_story(record);
    return STR_NONE;
}

void explain_forget(struct explain_ring *ring, struct str client) {
    uint64_t client_hash = str_hash(client);
    size_t held = held_of(ring);
    uint32_t at = ring->newest;
    for (size_t n = 0; n < held; n++) {
        struct record *record = record_at(ring, at);
        at = record->before;
        if (record->client_hash != client_hash) continue;
        memory_wipe(record->text, (size_t)record->id_len + record->caller_id_len + record->story_len);
        record->id_len = record->caller_id_len = record->story_len = 0; /* it stays in its chain, and nobody finds it */
        record->client_hash = 0;
        record->time_ms = 0;
    }
}

struct explain_called explain_find_called(const struct explain_ring *ring, struct str caller_id, struct str client) {
    uint64_t client_hash = str_hash(client);
    struct explain_called found = {.story = STR_NONE};
    size_t held = held_of(ring);
    uint32_t at = ring->newest;
    for (size_t n = 0; n < held && caller_id.len; n++) { /* from the newest on */
        const struct record *record = record_at(ring, at);
        at = record->before;
        if (client.at && record->client_hash != client_hash) continue;
        if (!str_eq(record_caller_id(record), caller_id)) continue;
        if (found.count++ == 0) {
            found.story = record_story(record);
            found.time_ms = record->time_ms;
        }
    }
    return found;
}

struct explain_counts explain_counts(const struct explain_ring *ring) {
    return (struct explain_counts){
        .put = ring->put, .replaced = ring->replaced, .refused = ring->refused, .held = held_of(ring)};
}
