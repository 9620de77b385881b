/* making.c - pieces that are filled and then told of: a length is stored behind its bytes, a piece behind its first. */
#include "snapshot/making.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { piece_first = 4096, piece_most = 64 * 1024 };

bool makings_init(struct makings *makings, struct budget *whole) {
    *makings = (struct makings){.whole = whole};
    for (size_t i = 0; i < making_buckets; i++)
        if (pthread_mutex_init(&makings->buckets[i].lock, NULL)) return false;
    return true;
}

void makings_free(struct makings *makings) {
    for (size_t i = 0; i < making_buckets; i++) {
        CHECK(!makings->buckets[i].first);
        pthread_mutex_destroy(&makings->buckets[i].lock);
    }
}

static size_t making_bucket(const struct sha256 *key) { return key->bytes[0] % making_buckets; }

struct making *making_alone(const struct sha256 *key, unsigned loop, struct budget *budget) {
    struct making *making = memory_take_zeroed(sizeof *making);
    if (!making) return NULL;
    making->holds = 1;
    making->key = *key;
    making->budget = budget;
    making->maker_loop = loop;
    if (!pthread_mutex_init(&making->lock, NULL)) return making;
    memory_give(making);
    return NULL;
}

/* One that has come to nothing, and is about to be taken out, is followed no more. */
static bool can_be_followed(const struct making *making, const struct sha256 *key, unsigned form) {
    int state = atomic_load_explicit(&making->state, memory_order_acquire);
    return making->form == form && (state == making_open || state == making_whole) &&
           memcmp(making->key.bytes, key->bytes, sizeof key->bytes) == 0;
}

struct making *making_join(struct makings *makings, const struct sha256 *key, unsigned form, unsigned loop,
                           struct budget *budget, bool *follows) {
    *follows = false;
    size_t bucket = making_bucket(key);
    pthread_mutex_lock(&makings->buckets[bucket].lock);
    struct making *making = makings->buckets[bucket].first;
    while (making && !can_be_followed(making, key, form)) making = making->next;
    if (making) {
        *follows = true;
        atomic_fetch_add_explicit(&making->holds, 1, memory_order_relaxed);
        pthread_mutex_lock(&making->lock);
        making->followers++;
        making->loops |= UINT64_C(1) << loop;
        pthread_mutex_unlock(&making->lock);
    } else if ((making = making_alone(key, loop, budget))) {
        making->form = form;
        making->next = makings->buckets[bucket].first;
        making->listed = true;
        makings->buckets[bucket].first = making;
    }
    pthread_mutex_unlock(&makings->buckets[bucket].lock);
    return making;
}

void making_release(struct making *making) {
    if (!making) return;
    uint32_t holds = atomic_fetch_sub_explicit(&making->holds, 1, memory_order_acq_rel);
    CHECKF(holds > 0, "holds=%u", holds);
    if (holds > 1) return;
    CHECK(!making->listed && making->followers == 0);
    for (struct making_piece *piece = atomic_load(&making->first), *next; piece; piece = next) {
        next = atomic_load(&piece->next);
        memory_give(piece);
    }
    budget_give(making->budget, making->taken);
    memory_give(making->texts);
    pthread_mutex_destroy(&making->lock);
    memory_give(making);
}

/* -- the maker -- */

static bool making_take(struct making *making, size_t size) {
    pthread_mutex_lock(&making->lock);
    bool taken = budget_take(making->budget, size);
    if (taken) making->taken += size;
    pthread_mutex_unlock(&making->lock);
    return taken;
}

bool making_head(struct making *making, const struct cache_facts *facts) {
    size_t size = 1;
    CHECK(!atomic_load_explicit(&making->headed, memory_order_relaxed));
    for (unsigned i = 0; i < cache_texts; i++) size += facts->texts[i].len;
    making->texts = making_take(making, size) ? memory_take(size) : NULL;
    if (!making->texts) return false;
    making->facts = *facts;
    char *at = making->texts;
    for (unsigned i = 0; i < cache_texts; i++) {
        struct str text = facts->texts[i];
        if (text.len) memcpy(at, text.at, text.len);
        making->facts.texts[i] = str_make(at, text.len);
        at += text.len;
    }
    atomic_store_explicit(&making->headed, true, memory_order_release);
    return true;
}

static bool making_piece_add(struct making *making, struct str bytes) {
    size_t size = making->last ? piece_most : piece_first;
    if (size < bytes.len) size = bytes.len;
    if (!making_take(making, sizeof(struct making_piece) + size)) return false;
    struct making_piece *piece = memory_take(sizeof *piece + size);
    if (!piece) return false; /* what was counted is given back with the rest */
    atomic_init(&piece->next, NULL);
    atomic_init(&piece->len, bytes.len);
    piece->size = size;
    memcpy(piece->bytes, bytes.at, bytes.len);
    struct making_piece *_Atomic *place = making->last ? &making->last->next : &making->first;
    making->last = piece;
    atomic_store_explicit(place, piece, memory_order_release);
    return true;
}

bool making_add(struct making *making, struct str bytes) {
    struct making_piece *last = making->last;
    size_t used = last ? atomic_load_explicit(&last->len, memory_order_relaxed) : 0;
    CHECK(atomic_load_explicit(&making->state, memory_order_relaxed) == making_open);
    if (!bytes.len) return true;
    if (last && last->size - used >= bytes.len) {
        memcpy(last->bytes + used, bytes.at, bytes.len);
        atomic_store_explicit(&last->len, used + bytes.len, memory_order_release);
    } else if (!making_piece_add(making, bytes)) {
        return false;
    }
    making->len += bytes.len;
    return true;
}

uint64_t making_followed(struct making *making) {
    pthread_mutex_lock(&making->lock);
    uint64_t loops = making->followers ? making->loops : 0;
    pthread_mutex_unlock(&making->lock);
    return loops;
}

/* Under its bucket's lock. */
static void listed_drop(struct makings *makings, size_t bucket, struct making *making) {
    struct making **at = &makings->buckets[bucket].first;
    if (!making->listed) return;
    while (*at != making) at = &(*at)->next;
    *at = making->next;
    making->listed = false;
}

void makings_hide(struct makings *makings) {
    for (size_t bucket = 0; bucket < making_buckets; bucket++) {
        pthread_mutex_lock(&makings->buckets[bucket].lock);
        while (makings->buckets[bucket].first) listed_drop(makings, bucket, makings->buckets[bucket].first);
        pthread_mutex_unlock(&makings->buckets[bucket].lock);
    }
}

void making_unlist(struct makings *makings, struct making *making) {
    size_t bucket = making_bucket(&making->key);
    pthread_mutex_lock(&makings->buckets[bucket].lock);
    listed_drop(makings, bucket, making);
    pthread_mutex_unlock(&makings->buckets[bucket].lock);
}

bool making_unlist_unfollowed(struct makings *makings, struct making *making) {
    size_t bucket = making_bucket(&making->key);
    pthread_mutex_lock(&makings->buckets[bucket].lock);
    pthread_mutex_lock(&making->lock);
    bool unfollowed = making->followers == 0;
    pthread_mutex_unlock(&making->lock);
    if (unfollowed) listed_drop(makings, bucket, making);
    pthread_mutex_unlock(&makings->buckets[bucket].lock);
    return unfollowed;
}

void making_end(struct makings *makings, struct making *making, enum making_state state, enum error_code error,
                int status) {
    CHECKF(state != making_open && atomic_load(&making->state) == making_open, "state=%d", (int)state);
    making->error = error;
    making->status = status;
    atomic_store_explicit(&making->state, (int)state, memory_order_release);
    pthread_mutex_lock(&making->lock); /* its maker's share may go with its maker */
    if (making->budget != makings->whole) {
        budget_give(making->budget, making->taken);
        budget_charge(makings->whole, making->taken);
        making->budget = makings->whole;
    }
    pthread_mutex_unlock(&making->lock);
}

bool making_orphan(struct makings *makings, struct making *making) {
    size_t bucket = making_bucket(&making->key);
    pthread_mutex_lock(&makings->buckets[bucket].lock);
    pthread_mutex_lock(&making->lock);
    bool wanted = making->followers > 0;
    making->orphan = wanted;
    pthread_mutex_unlock(&making->lock);
    if (!wanted) listed_drop(makings, bucket, making);
    pthread_mutex_unlock(&makings->buckets[bucket].lock);
    return wanted;
}

/* -- a follower -- */

size_t making_take_more(const struct making *making, struct making_cursor *cursor, size_t bytes, struct str *ranges,
                        size_t most, enum making_state *state) {
    size_t count = 0;
    *state = (enum making_state)atomic_load_explicit(&making->state, memory_order_acquire);
    if (!cursor->piece) cursor->piece = atomic_load_explicit(&making->first, memory_order_acquire);
    while (cursor->piece && count < most && bytes > 0) {
        struct making_piece *next = atomic_load_explicit(&cursor->piece->next, memory_order_acquire);
        size_t len = atomic_load_explicit(&cursor->piece->len, memory_order_acquire) - cursor->at;
        if (len > bytes) len = bytes;
        if (len) ranges[count++] = str_make(cursor->piece->bytes + cursor->at, len);
        cursor->at += len;
        bytes -= len;
        if (!next || bytes == 0) break;
        *cursor = (struct making_cursor){next, 0};
    }
    return count;
}

bool making_leave(struct making *making, unsigned *maker_loop) {
    pthread_mutex_lock(&making->lock);
    CHECKF(making->followers > 0, "followers=%u", making->followers);
    making->followers--;
    *maker_loop = making->maker_loop;
    bool last = making->orphan && making->followers == 0;
    pthread_mutex_unlock(&making->lock);
    return last;
}
