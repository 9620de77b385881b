/* reasoning_memory.c - entries in buckets by their key's hash, and in one list by age. */
#include "snapshot/reasoning_memory.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"

struct reasoning_entry {
    struct list node;             /* of by_age */
    struct reasoning_entry *next; /* of its bucket */
    uint64_t client, origin, kept_ns;
    size_t size, call_len, items_len;
    char text[]; /* the call's id, the items */
};

void reasoning_memory_init(struct reasoning_memory *memory, struct budget *budget) {
    *memory = (struct reasoning_memory){.budget = budget};
    pthread_mutex_init(&memory->lock, NULL);
    list_init(&memory->by_age);
}

static size_t reasoning_bucket(uint64_t client, uint64_t origin, struct str call) {
    return (str_hash(call) ^ client * 31 ^ origin * 17) % reasoning_buckets;
}

static struct str reasoning_call_of(const struct reasoning_entry *entry) {
    return str_make(entry->text, entry->call_len);
}

static void reasoning_entry_drop(struct reasoning_memory *memory, struct reasoning_entry *entry) {
    struct reasoning_entry **at =
        &memory->buckets[reasoning_bucket(entry->client, entry->origin, reasoning_call_of(entry))];
    while (*at != entry) at = &(*at)->next;
    *at = entry->next;
    list_remove(&entry->node);
    CHECKF(memory->bytes >= entry->size && memory->count > 0, "bytes=%zu", memory->bytes);
    memory->bytes -= entry->size;
    memory->clients[entry->client % reasoning_clients] -= entry->size;
    memory->count--;
    budget_free(memory->budget, entry, entry->size);
}

void reasoning_memory_free(struct reasoning_memory *memory) {
    if (!memory->by_age.next) return;
    while (!list_empty(&memory->by_age))
        reasoning_entry_drop(memory, LIST_OWNER(memory->by_age.next, struct reasoning_entry, node));
    pthread_mutex_destroy(&memory->lock);
}

static struct reasoning_entry *reasoning_entry_find(struct reasoning_memory *memory, const struct reasoning_key *key) {
    struct reasoning_entry *entry = memory->buckets[reasoning_bucket(key->client, key->origin, key->call)];
    while (entry && (entry->client != key->client || entry->origin != key->origin ||
                     !str_eq(reasoning_call_of(entry), key->call)))
        entry = entry->next;
    return entry;
}

/* Whoever has more than its share gives up its own; then the oldest of all go. */
static void reasoning_room_make(struct reasoning_memory *memory, uint64_t client, size_t size, uint64_t now_ns) {
    const size_t *own = &memory->clients[client % reasoning_clients];
    LIST_EACH_SAFE (at, following, &memory->by_age) {
        struct reasoning_entry *entry = LIST_OWNER(at, struct reasoning_entry, node);
        bool old = now_ns - entry->kept_ns > reasoning_keep_s * NS_PER_S;
        bool is_own = entry->client % reasoning_clients == client % reasoning_clients;
        bool own_over = *own + size > reasoning_client_bytes_max;
        if (!old && !own_over && memory->bytes + size <= reasoning_bytes_max) return;
        if (old || (own_over ? is_own : true)) reasoning_entry_drop(memory, entry);
    }
}

void reasoning_keep(struct reasoning_memory *memory, const struct reasoning_key *key, struct str items,
                    uint64_t now_ns) {
    size_t size = sizeof(struct reasoning_entry) + key->call.len + items.len;
    if (!key->call.len || size > reasoning_entry_max) return;
    pthread_mutex_lock(&memory->lock);
    struct reasoning_entry *entry = reasoning_entry_find(memory, key);
    if (entry) reasoning_entry_drop(memory, entry);
    reasoning_room_make(memory, key->client, size, now_ns);
    entry = budget_resize(memory->budget, NULL, 0, size);
    if (entry) {
        struct reasoning_entry **bucket = &memory->buckets[reasoning_bucket(key->client, key->origin, key->call)];
        *entry = (struct reasoning_entry){.next = *bucket,
                                          .client = key->client,
                                          .origin = key->origin,
                                          .kept_ns = now_ns,
                                          .size = size,
                                          .call_len = key->call.len,
                                          .items_len = items.len};
        memcpy(entry->text, key->call.at, key->call.len);
        if (items.len) memcpy(entry->text + key->call.len, items.at, items.len);
        *bucket = entry;
        list_add_last(&memory->by_age, &entry->node);
        memory->bytes += size;
        memory->clients[key->client % reasoning_clients] += size;
        memory->count++;
    }
    pthread_mutex_unlock(&memory->lock);
}

bool reasoning_find(struct reasoning_memory *memory, const struct reasoning_key *key, uint64_t now_ns,
                    struct arena *arena, struct str *items) {
    pthread_mutex_lock(&memory->lock);
    struct reasoning_entry *entry = reasoning_entry_find(memory, key);
    bool found = entry && now_ns - entry->kept_ns <= reasoning_keep_s * NS_PER_S;
    if (found) *items = arena_copy(arena, str_make(entry->text + entry->call_len, entry->items_len));
    pthread_mutex_unlock(&memory->lock);
    return found && items->at;
}
