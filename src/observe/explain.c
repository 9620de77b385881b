/* explain.c - places of one size and a chained index over them. Never allocates after explain_new; a place is in
 * exactly one chain while it holds a record, and a chain runs from the newest to the oldest. */
#include "observe/explain.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { places_most = 1u << 20 };
static const uint32_t none = UINT32_MAX;

struct place {
    uint64_t hash;
    uint32_t older; /* in the same chain */
    uint16_t id_len, caller_id_len, json_len;
    uint64_t client_hash;
    int64_t time_ms;
    char id[limit_request_id], caller_id[limit_request_id];
    char json[explain_record_bytes];
};

struct explain_ring {
    struct place *places;
    uint32_t *newest; /* by hash, of chain_count chains */
    size_t place_count, chain_count;
    size_t next; /* written next: the oldest once the ring is full */
    uint64_t put, replaced, refused;
};

struct explain_ring *explain_new(size_t bytes) {
    size_t each = sizeof(struct place) + sizeof(uint32_t);
    size_t room = bytes > sizeof(struct explain_ring) ? bytes - sizeof(struct explain_ring) : 0;
    size_t count = room / each ? room / each : 1;
    if (count > places_most) count = places_most;
    struct explain_ring *ring = memory_take_zeroed(sizeof *ring);
    if (!ring) return NULL;
    ring->place_count = ring->chain_count = count;
    ring->places = memory_take_zeroed(count * sizeof *ring->places);
    ring->newest = memory_take(count * sizeof *ring->newest);
    if (!ring->places || !ring->newest) {
        explain_free(ring);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) ring->newest[i] = none;
    return ring;
}

void explain_free(struct explain_ring *ring) {
    if (!ring) return;
    memory_give(ring->places);
    memory_give(ring->newest);
    memory_give(ring);
}

static uint32_t *chain_of(const struct explain_ring *ring, uint64_t hash) {
    return &ring->newest[hash % ring->chain_count];
}

static void unlink_place(struct explain_ring *ring, uint32_t index) {
    uint32_t *link = chain_of(ring, ring->places[index].hash);
    while (*link != index) {
        CHECKF(*link != none, "index=%u", index);
        link = &ring->places[*link].older;
    }
    *link = ring->places[index].older;
}

bool explain_put(struct explain_ring *ring, struct str request_id, struct str json) {
    return explain_put_story(ring, request_id, STR(""), STR(""), 0, json);
}

bool explain_put_story(struct explain_ring *ring, struct str request_id, struct str caller_id, struct str client,
                       int64_t time_ms, struct str json) {
    if (request_id.len == 0 || request_id.len > limit_request_id || json.len > explain_record_bytes ||
        caller_id.len > limit_request_id) {
        ring->refused++;
        return false;
    }
    uint32_t index = (uint32_t)ring->next;
    struct place *place = &ring->places[index];
    if (place->id_len) {
        unlink_place(ring, index);
        ring->replaced++;
    }
    place->hash = str_hash(request_id);
    place->id_len = (uint16_t)request_id.len;
    place->json_len = (uint16_t)json.len;
    place->caller_id_len = (uint16_t)caller_id.len;
    place->client_hash = str_hash(client);
    place->time_ms = time_ms;
    memcpy(place->id, request_id.at, request_id.len);
    if (caller_id.len) memcpy(place->caller_id, caller_id.at, caller_id.len);
    if (json.len) memcpy(place->json, json.at, json.len);
    uint32_t *chain = chain_of(ring, place->hash);
    place->older = *chain;
    *chain = index;
    ring->next = (ring->next + 1) % ring->place_count;
    ring->put++;
    return true;
}

struct str explain_find(const struct explain_ring *ring, struct str request_id) {
    uint64_t hash = str_hash(request_id);
    for (uint32_t at = *chain_of(ring, hash); at != none; at = ring->places[at].older) {
        const struct place *place = &ring->places[at];
        if (place->hash == hash && str_eq(str_make(place->id, place->id_len), request_id))
            return str_make(place->json, place->json_len);
    }
    return STR_NONE;
}

struct explain_called explain_find_called(const struct explain_ring *ring, struct str caller_id, struct str client) {
    uint64_t client_hash = str_hash(client);
    struct explain_called found = {.json = STR_NONE};
    size_t held = (size_t)(ring->put - ring->replaced);
    for (size_t n = 0; n < held && caller_id.len; n++) { /* from the newest on */
        const struct place *place = &ring->places[(ring->next + ring->place_count - 1 - n) % ring->place_count];
        if (client.at && place->client_hash != client_hash) continue;
        if (!str_eq(str_make(place->caller_id, place->caller_id_len), caller_id)) continue;
        if (found.count++ == 0) {
            found.json = str_make(place->json, place->json_len);
            found.time_ms = place->time_ms;
        }
    }
    return found;
}

struct str explain_latest(const struct explain_ring *ring, size_t n, struct str *request_id) {
    size_t held = (size_t)(ring->put - ring->replaced);
    if (n >= held) return STR_NONE;
    const struct place *place = &ring->places[(ring->next + ring->place_count - 1 - n) % ring->place_count];
    if (request_id) *request_id = str_make(place->id, place->id_len);
    return str_make(place->json, place->json_len);
}

struct explain_counts explain_counts(const struct explain_ring *ring) {
    return (struct explain_counts){.put = ring->put,
                                   .replaced = ring->replaced,
                                   .refused = ring->refused,
                                   .held = (size_t)(ring->put - ring->replaced),
                                   .places = ring->place_count};
}
