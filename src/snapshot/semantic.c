/* semantic.c - places in a row; a hand that goes round for the next one that makes room. */
#include "snapshot/semantic.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "core/vector.h"

enum { block_places = 4096 }; /* that are looked through under one hold of the lock */

bool semantic_init(struct semantic_index *index) {
    *index = (struct semantic_index){.most = 0};
    return pthread_rwlock_init(&index->lock, NULL) == 0;
}

/* -- entries -- */

struct semantic_entry *semantic_entry_new(const struct sha256 *group, const struct sha256 *key, uint64_t client,
                                          struct str words, const int8_t *vector, size_t dimensions, float step) {
    size_t size = sizeof(struct semantic_entry);
    CHECKF(dimensions > 0 && dimensions <= vector_dimensions_max, "dimensions=%zu", dimensions);
    if (!size_add(size, dimensions, &size) || !size_add(size, words.len, &size)) return NULL;
    struct semantic_entry *entry = memory_take(size);
    if (!entry) return NULL;
    *entry = (struct semantic_entry){.holds = 1,
                                     .group = *group,
                                     .key = *key,
                                     .client = client,
                                     .step = step,
                                     .dimensions = (uint32_t)dimensions,
                                     .place = semantic_nowhere,
                                     .size = size,
                                     .vector = (const int8_t *)entry->memory,
                                     .words = str_make(entry->memory + dimensions, words.len)};
    memcpy(entry->memory, vector, dimensions);
    if (words.len) memcpy(entry->memory + dimensions, words.at, words.len);
    return entry;
}

void semantic_release(struct semantic_entry *entry) {
    if (!entry) return;
    uint32_t holds = atomic_fetch_sub_explicit(&entry->holds, 1, memory_order_acq_rel);
    CHECKF(holds > 0, "size=%zu", entry->size);
    if (holds == 1) memory_give(entry);
}

static void semantic_hold(struct semantic_entry *entry) {
    atomic_fetch_add_explicit(&entry->holds, 1, memory_order_relaxed);
}

static uint64_t group_hash(const struct sha256 *group) {
    uint64_t hash;
    memcpy(&hash, group->bytes, sizeof hash);
    return hash;
}

/* -- under the lock, for writing -- */

static size_t *semantic_client_count(struct semantic_index *index, const struct semantic_entry *entry) {
    return &index->client_counts[entry->client % semantic_client_slots];
}

/* The hold that it had in its place is the caller's now. */
static struct semantic_entry *place_clear(struct semantic_index *index, size_t place) {
    struct semantic_entry *entry = index->entries[place];
    size_t *of_client = semantic_client_count(index, entry);
    CHECKF(index->count > 0 && *of_client > 0 && entry->place == place, "place=%zu", place);
    index->entries[place] = NULL;
    entry->place = semantic_nowhere;
    index->count--;
    --*of_client;
    return entry;
}

/* One that is free, or has been made so: *gone is what stood there. */
static size_t place_find(struct semantic_index *index, struct semantic_entry *entry, struct semantic_entry **gone) {
    const size_t *own = semantic_client_count(index, entry);
    const bool spares = *own > index->most / 2;
    for (;;) { /* at the second time round none is marked as used, and it has one of its own if it spares others' */
        const size_t place = index->hand;
        struct semantic_entry *there = index->entries[place];
        index->hand = (index->hand + 1) % index->most;
        if (!there) return place;
        if (index->count < index->most) continue;
        if (spares && semantic_client_count(index, there) != own) continue;
        if (atomic_exchange_explicit(&there->used, false, memory_order_relaxed)) continue;
        *gone = place_clear(index, place);
        return place;
    }
}

static void semantic_empty(struct semantic_index *index) {
    for (size_t i = 0; i < index->most; i++)
        if (index->entries[i]) semantic_release(place_clear(index, i));
    memory_give(index->entries);
    memory_give(index->groups);
    index->entries = NULL;
    index->groups = NULL;
    index->most = index->hand = 0;
}

/* -- from outside -- */

void semantic_free(struct semantic_index *index) {
    semantic_empty(index);
    pthread_rwlock_destroy(&index->lock);
}

bool semantic_resize(struct semantic_index *index, size_t most) {
    pthread_rwlock_wrlock(&index->lock);
    bool same = index->most == most;
    struct semantic_entry **entries = same || !most ? NULL : memory_take_zeroed(most * sizeof(struct semantic_entry *));
    uint64_t *groups = same || !most ? NULL : memory_take_zeroed(most * sizeof *groups);
    bool fine = same || !most || (entries && groups);
    if (!same && fine) {
        semantic_empty(index);
        index->entries = entries;
        index->groups = groups;
        index->most = most;
    } else {
        memory_give(entries);
        memory_give(groups);
    }
    pthread_rwlock_unlock(&index->lock);
    return fine;
}

size_t semantic_count(struct semantic_index *index) {
    pthread_rwlock_rdlock(&index->lock);
    size_t count = index->count;
    pthread_rwlock_unlock(&index->lock);
    return count;
}

void semantic_add(struct semantic_index *index, struct semantic_entry *entry) {
    struct semantic_entry *gone = NULL;
    pthread_rwlock_wrlock(&index->lock);
    CHECKF(entry->place == semantic_nowhere, "place=%u", entry->place);
    if (index->most) {
        size_t place = place_find(index, entry, &gone);
        semantic_hold(entry);
        index->entries[place] = entry;
        index->groups[place] = group_hash(&entry->group);
        entry->place = (uint32_t)place;
        index->count++;
        ++*semantic_client_count(index, entry);
    }
    pthread_rwlock_unlock(&index->lock);
    semantic_release(gone);
}

void semantic_remove(struct semantic_index *index, struct semantic_entry *entry) {
    struct semantic_entry *gone = NULL;
    pthread_rwlock_wrlock(&index->lock);
    if (entry->place != semantic_nowhere) gone = place_clear(index, entry->place);
    pthread_rwlock_unlock(&index->lock);
    semantic_release(gone);
}

/* -- the search -- */

/* Among those found so far, by its place in their order; held. The last one goes where there is no more room. */
static size_t near_put(struct semantic_near *near, size_t count, struct semantic_entry *entry, double alike) {
    size_t at = count;
    while (at > 0 && near[at - 1].alike < alike) at--;
    if (at == semantic_nearest_most) return count;
    if (count == semantic_nearest_most) semantic_release(near[--count].entry);
    memmove(&near[at + 1], &near[at], (count - at) * sizeof *near);
    semantic_hold(entry);
    near[at] = (struct semantic_near){entry, alike};
    return count + 1;
}

size_t semantic_find(struct semantic_index *index, const struct sha256 *group, const int8_t *vector, size_t dimensions,
                     float step, double threshold, struct semantic_near *near) {
    const uint64_t hash = group_hash(group);
    size_t count = 0, next = 0;
    for (bool more = true; more;) {
        pthread_rwlock_rdlock(&index->lock);
        size_t end = next + block_places < index->most ? next + block_places : index->most;
        for (; next < end; next++) {
            struct semantic_entry *entry = index->groups[next] == hash ? index->entries[next] : NULL;
            if (!entry || entry->dimensions != dimensions ||
                memcmp(entry->group.bytes, group->bytes, sizeof group->bytes) != 0)
                continue;
            double alike = (double)vector_dot(vector, entry->vector, dimensions) * (double)step * (double)entry->step;
            if (alike >= threshold) count = near_put(near, count, entry, alike);
        }
        more = next < index->most;
        pthread_rwlock_unlock(&index->lock);
    }
    for (size_t i = 0; i < count; i++) atomic_store_explicit(&near[i].entry->used, true, memory_order_relaxed);
    return count;
}
