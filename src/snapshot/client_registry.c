/* client_registry.c - see client_registry.h. Invariant: a run of taken words ends in a free one; a word's number is a
 * slot's that has a record. */
#include "snapshot/client_registry.h"

#include "base/check.h"
#include "base/memory.h"

enum { words_least = 64 };

/* -- words -- */

static struct client_words *words_new(size_t size) {
    size_t bytes;
    CHECKF((size & (size - 1)) == 0, "size=%zu", size);
    if (!size_mul(size, sizeof(uint64_t), &bytes)) return NULL;
    struct client_words *words = memory_take_zeroed(sizeof *words + bytes);
    if (words) words->size = size;
    return words;
}

static uint64_t client_word_of(uint64_t hash, uint32_t number) { return (hash & 0xffffffff00000000u) | (number + 1u); }

/* There is room. Loops may be reading. */
static void words_add(struct client_words *words, uint64_t hash, uint32_t number) {
    size_t at = hash & (words->size - 1);
    CHECKF(words->count * 2 < words->size, "count=%zu size=%zu", words->count, words->size);
    while (atomic_load_explicit(&words->words[at], memory_order_relaxed)) at = (at + 1) & (words->size - 1);
    atomic_store_explicit(&words->words[at], client_word_of(hash, number), memory_order_release);
    words->count++;
}

/* The next number with these bits from *at on, which goes on behind it; registry_none: no more. */
static uint32_t words_next(const struct client_words *words, uint64_t hash, size_t *at, uint64_t *probes) {
    for (;;) {
        uint64_t word = atomic_load_explicit(&words->words[*at & (words->size - 1)], memory_order_acquire);
        ++*probes;
        if (!word) return registry_none;
        ++*at;
        if (word >> 32 == hash >> 32) return (uint32_t)word - 1;
    }
}

/* Where it begins, and the bits that are compared: a digest is random already. */
static uint64_t digest_hash(const struct sha256 *digest) {
    uint64_t hash;
    memcpy(&hash, digest->bytes, sizeof hash);
    return hash;
}

static uint64_t name_hash(const struct client_registry *registry, struct str name) {
    return hash_keyed(&registry->secret, name);
}

/* -- beginning and end -- */

bool client_registry_init(struct client_registry *registry, client_bind bind, void *context) {
    *registry = (struct client_registry){.bind = bind, .context = context};
    pthread_mutex_init(&registry->mutex, NULL);
    random_bytes(&registry->secret, sizeof registry->secret);
    struct client_words *keys = words_new(words_least), *names = words_new(words_least);
    atomic_init(&registry->keys, keys);
    atomic_init(&registry->names, names);
    return keys && names;
}

void client_registry_free(struct client_registry *registry) {
    uint32_t count = atomic_load(&registry->count);
    for (uint32_t i = 0; i < count; i++) memory_give(atomic_load(&client_registry_slot(registry, i)->record));
    for (size_t i = 0; i < registry_chunks; i++) memory_give(atomic_load(&registry->chunks[i]));
    memory_give(atomic_load(&registry->keys));
    memory_give(atomic_load(&registry->names));
    memory_wipe(&registry->key, sizeof registry->key);
    pthread_mutex_destroy(&registry->mutex);
}

void client_bounds_free(struct client_bounds *bounds) {
    if (!bounds) return;
    for (struct client_bound *bound = bounds->first, *next; bound; bound = next) {
        next = bound->next;
        arena_free(&bound->arena);
        memory_give(bound);
    }
    for (size_t i = 0; i < registry_chunks; i++) memory_give((void *)(uintptr_t)atomic_load(&bounds->chunks[i]));
    memory_give(bounds);
}

struct client_slot *client_registry_slot(const struct client_registry *registry, uint32_t number) {
    struct client_slot *chunk = atomic_load_explicit(&registry->chunks[number / registry_chunk], memory_order_acquire);
    CHECKF(chunk, "number=%u", number);
    return &chunk[number % registry_chunk];
}

static struct client_record *record_of(const struct client_registry *registry, uint32_t number) {
    return atomic_load_explicit(&client_registry_slot(registry, number)->record, memory_order_acquire);
}

struct sha256 client_registry_digest(const struct client_registry *registry, const struct sha256 *key) {
    return hash_sealed(&registry->key, str_make((const char *)key->bytes, sizeof key->bytes));
}

uint32_t client_bounds_outdated(const struct snapshot *snapshot) {
    const struct client_bounds *bounds = atomic_load(&snapshot->bounds);
    return bounds ? atomic_load_explicit(&bounds->outdated, memory_order_relaxed) : 0;
}

/* -- asking -- */

/* Without a lock. NULL: it is not there. */
static struct client_bound *bound_find(struct snapshot *snapshot, uint32_t number, const struct client_record *record) {
    struct client_bounds *bounds = atomic_load_explicit(&snapshot->bounds, memory_order_acquire);
    _Atomic(struct client_bound *) *chunk =
        bounds ? atomic_load_explicit(&bounds->chunks[number / registry_chunk], memory_order_acquire) : NULL;
    struct client_bound *bound =
        chunk ? atomic_load_explicit(&chunk[number % registry_chunk], memory_order_acquire) : NULL;
    return bound && bound->version == record->version ? bound : NULL;
}

/* Where it belongs. NULL: no memory. */
static _Atomic(struct client_bound *) *bound_place(struct snapshot *snapshot, uint32_t number) {
    struct client_bounds *bounds = atomic_load_explicit(&snapshot->bounds, memory_order_relaxed);
    if (!bounds) {
        if (!(bounds = memory_take_zeroed(sizeof *bounds))) return NULL;
        atomic_store_explicit(&snapshot->bounds, bounds, memory_order_release);
    }
    _Atomic(struct client_bound *) *chunk =
        atomic_load_explicit(&bounds->chunks[number / registry_chunk], memory_order_relaxed);
    if (!chunk) {
        if (!(chunk = memory_take_zeroed(registry_chunk * sizeof *chunk))) return NULL;
        atomic_store_explicit(&bounds->chunks[number / registry_chunk], chunk, memory_order_release);
    }
    return &chunk[number % registry_chunk];
}

/* Under the mutex. NULL: no memory. */
static struct client_bound *bound_make(struct client_registry *registry, struct snapshot *snapshot, uint32_t number,
                                       const struct client_record *record) {
    struct client_bound *bound = bound_find(snapshot, number, record);
    if (bound) return bound;
    _Atomic(struct client_bound *) *place = bound_place(snapshot, number);
    if (!place || !(bound = memory_take_zeroed(sizeof *bound))) return NULL;
    bound->version = record->version;
    if (!registry->bind(registry->context, snapshot, record, bound)) bound->client = NULL;
    struct client_bounds *bounds = atomic_load_explicit(&snapshot->bounds, memory_order_relaxed);
    if (atomic_load_explicit(place, memory_order_relaxed))
        atomic_fetch_add_explicit(&bounds->outdated, 1, memory_order_relaxed);
    bound->next = bounds->first;
    bounds->first = bound;
    atomic_store_explicit(place, bound, memory_order_release);
    return bound;
}

static struct client_bound *bound_of(struct client_registry *registry, struct snapshot *snapshot, uint32_t number,
                                     const struct client_record *record) {
    struct client_bound *bound = bound_find(snapshot, number, record);
    if (bound) return bound;
    pthread_mutex_lock(&registry->mutex);
    bound = bound_make(registry, snapshot, number, record);
    pthread_mutex_unlock(&registry->mutex);
    return bound;
}

static enum client_answer client_judge(struct client_registry *registry, struct snapshot *snapshot,
                                       const struct client_record *record, int64_t now_s, struct client_found *found) {
    if (record->revoked) return client_is_revoked;
    const struct client_bound *bound = bound_of(registry, snapshot, found->number, record);
    found->problem = bound ? bound->problem : "there is no memory for it now";
    if (!bound || !bound->client) return client_unfit;
    const struct client *client = bound->client;
    if (client->disabled) return client_is_disabled;
    if (client->expires_s && now_s >= client->expires_s) return client_is_expired;
    if (client->expires_s && client->expires_s < found->until_s) found->until_s = client->expires_s;
    found->client = client;
    return client_known;
}

enum client_answer client_registry_ask(struct client_registry *registry, struct snapshot *snapshot,
                                       const struct sha256 *key, int64_t now_s, struct client_found *found) {
    struct sha256 digest = client_registry_digest(registry, key);
    uint64_t hash = digest_hash(&digest), probes = 0;
    const struct client_words *words = atomic_load_explicit(&registry->keys, memory_order_acquire);
    size_t at = hash & (words->size - 1);
    enum client_answer answer = client_unknown;
    *found = (struct client_found){.until_s = INT64_MAX};
    for (uint32_t number;
         answer == client_unknown && (number = words_next(words, hash, &at, &probes)) != registry_none;) {
        found->number = number;
        found->version = atomic_load_explicit(&client_registry_slot(registry, number)->version, memory_order_acquire);
        const struct client_record *record = record_of(registry, number);
        bool current = hash_equal(&record->digest, &digest);
        bool previous = !current && record->previous_until_s > now_s && hash_equal(&record->previous, &digest);
        if (previous) found->until_s = record->previous_until_s;
        found->former = previous;
        if (current || previous) answer = client_judge(registry, snapshot, record, now_s, found);
    }
    atomic_fetch_add_explicit(&registry->probes, probes, memory_order_relaxed);
    return answer;
}

uint32_t client_registry_number(const struct client_registry *registry, struct str name) {
    uint64_t hash = name_hash(registry, name), probes = 0;
    const struct client_words *words = atomic_load_explicit(&registry->names, memory_order_acquire);
    size_t at = hash & (words->size - 1);
    for (uint32_t number; (number = words_next(words, hash, &at, &probes)) != registry_none;)
        if (str_eq(record_of(registry, number)->name, name)) return number;
    return registry_none;
}

const struct client *client_registry_named(struct client_registry *registry, struct snapshot *snapshot,
                                           struct str name) {
    pthread_mutex_lock(&registry->mutex); /* what is replaced meanwhile is not given back */
    uint32_t number = client_registry_number(registry, name);
    const struct client_bound *bound =
        number == registry_none ? NULL : bound_make(registry, snapshot, number, record_of(registry, number));
    const struct client *client = bound ? bound->client : NULL;
    pthread_mutex_unlock(&registry->mutex);
    return client;
}

const struct client *client_registry_at(struct client_registry *registry, struct snapshot *snapshot, uint32_t number,
                                        const struct str *has, size_t has_count) {
    pthread_mutex_lock(&registry->mutex);
    const struct client_record *record = record_of(registry, number);
    bool wanted = false;
    for (size_t i = 0; i < has_count && !record->revoked; i++)
        wanted = wanted || str_find(record->settings, has[i]) != SIZE_MAX;
    const struct client_bound *bound = wanted ? bound_make(registry, snapshot, number, record) : NULL;
    const struct client *client = bound ? bound->client : NULL;
    pthread_mutex_unlock(&registry->mutex);
    return client;
}

const struct client *client_registry_used_at(struct client_registry *registry, struct snapshot *snapshot,
                                             uint32_t number) {
    if (!atomic_load_explicit(&client_registry_slot(registry, number)->uses, memory_order_relaxed)) return NULL;
    return client_registry_at(registry, snapshot, number, &(struct str){.len = 0}, 1);
}

void client_registry_used(struct client_registry *registry, uint32_t number, int64_t now_s) {
    struct client_slot *slot = client_registry_slot(registry, number);
    atomic_fetch_add_explicit(&slot->uses, 1, memory_order_relaxed);
    if (atomic_load_explicit(&slot->used_s, memory_order_relaxed) != now_s)
        atomic_store_explicit(&slot->used_s, now_s, memory_order_relaxed);
}

/* -- changes -- */

struct client_record *client_record_new(struct str name, struct str settings) {
    size_t size;
    if (!size_add(name.len, settings.len, &size) || !size_add(size, sizeof(struct client_record), &size)) return NULL;
    struct client_record *record = memory_take_zeroed(size);
    if (!record) return NULL;
    char *texts = (char *)(record + 1);
    memcpy(texts, name.at, name.len);
    if (settings.len) memcpy(texts + name.len, settings.at, settings.len);
    record->name = str_make(texts, name.len);
    record->settings = str_make(texts + name.len, settings.len);
    return record;
}

/* Those that count, in words of their own: what rotations have left behind goes. Room for as many more. */
static struct client_words *words_again(const struct client_registry *registry, bool names, size_t more) {
    size_t size = words_least, taken = more;
    uint32_t count = atomic_load(&registry->count);
    for (uint32_t i = 0; i < count; i++) taken += 1u + (!names && record_of(registry, i)->previous_until_s);
    while (size < (taken + count) * 2 + 2) size *= 2;
    struct client_words *words = words_new(size);
    for (uint32_t i = 0; words && i < count; i++) {
        const struct client_record *record = record_of(registry, i);
        words_add(words, names ? name_hash(registry, record->name) : digest_hash(&record->digest), i);
        if (!names && record->previous_until_s) words_add(words, digest_hash(&record->previous), i);
    }
    return words;
}

static bool words_reserve(struct client_registry *registry, bool names, size_t more, void **replaced) {
    _Atomic(struct client_words *) *place = names ? &registry->names : &registry->keys;
    struct client_words *before = atomic_load(place);
    if ((before->count + more) * 2 < before->size) return true;
    struct client_words *words = words_again(registry, names, more);
    if (!words) return false;
    atomic_store_explicit(place, words, memory_order_release);
    *replaced = before;
    return true;
}

bool client_registry_reserve(struct client_registry *registry, struct client_replaced *replaced) {
    uint32_t count = atomic_load(&registry->count);
    if (count >= registry_chunk * registry_chunks) return false;
    _Atomic(struct client_slot *) *chunk = &registry->chunks[count / registry_chunk];
    if (!atomic_load(chunk)) {
        struct client_slot *slots = memory_take_zeroed(registry_chunk * sizeof *slots);
        if (!slots) return false;
        atomic_store_explicit(chunk, slots, memory_order_release);
    }
    return words_reserve(registry, false, 2, &replaced->memory[0]) &&
           words_reserve(registry, true, 1, &replaced->memory[1]);
}

static void digests_add(struct client_registry *registry, uint32_t number, const struct client_record *record,
                        const struct client_record *before) {
    struct client_words *keys = atomic_load(&registry->keys);
    if (!before || !hash_equal(&before->digest, &record->digest)) words_add(keys, digest_hash(&record->digest), number);
    bool known = before && (hash_equal(&before->digest, &record->previous) ||
                            (before->previous_until_s && hash_equal(&before->previous, &record->previous)));
    if (record->previous_until_s && !known) words_add(keys, digest_hash(&record->previous), number);
}

uint32_t client_registry_add(struct client_registry *registry, struct client_record *record) {
    uint32_t number = atomic_load(&registry->count);
    struct client_slot *slot = client_registry_slot(registry, number);
    atomic_store_explicit(&slot->record, record, memory_order_release);
    atomic_store(&registry->count, number + 1);
    digests_add(registry, number, record, NULL);
    words_add(atomic_load(&registry->names), name_hash(registry, record->name), number);
    if (!record->revoked) atomic_fetch_add(&registry->live, 1);
    return number;
}

void client_registry_replace(struct client_registry *registry, uint32_t number, struct client_record *record,
                             struct client_replaced *replaced) {
    struct client_slot *slot = client_registry_slot(registry, number);
    struct client_record *before = atomic_load(&slot->record);
    CHECK(str_eq(before->name, record->name));
    if (record->revoked && !before->revoked) atomic_fetch_sub(&registry->live, 1);
    digests_add(registry, number, record, before);
    pthread_mutex_lock(&registry->mutex); /* nobody binds the one before, or asks by its name */
    record->version = before->version + 1;
    atomic_store_explicit(&slot->record, record, memory_order_release);
    atomic_store_explicit(&slot->version, record->version, memory_order_release);
    pthread_mutex_unlock(&registry->mutex);
    replaced->memory[2] = before;
}
