/* cache.c - shards with buckets; what is put out is gathered under the lock and freed behind it. */
#include "snapshot/cache.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { bytes_a_bucket = 4096, buckets_least = 16, buckets_most = 65536 };

struct str cache_text_name(unsigned text) {
    static const struct str names[] = {
#define X(name) STR(#name),
        CACHE_TEXTS(X)
#undef X
    };
    return text < cache_texts ? names[text] : STR("");
}

bool cache_init(struct cache *cache) {
    *cache = (struct cache){.bytes_max = 0};
    for (size_t i = 0; i < cache_shards; i++) {
        if (pthread_mutex_init(&cache->shards[i].lock, NULL)) return false;
        cache->shards[i].semantic = &cache->semantic;
    }
    return semantic_init(&cache->semantic);
}

void cache_hold(struct cache_answer *answer) { atomic_fetch_add_explicit(&answer->holds, 1, memory_order_relaxed); }

void cache_release(struct cache_answer *answer) {
    if (!answer) return;
    uint32_t holds = atomic_fetch_sub_explicit(&answer->holds, 1, memory_order_acq_rel);
    CHECKF(holds > 0, "size=%zu", answer->size);
    if (holds != 1) return;
    semantic_release(answer->semantic);
    memory_give(answer);
}

static void released_all(struct cache_answer *gone) {
    while (gone) {
        struct cache_answer *next = gone->next;
        gone->next = NULL;
        cache_release(gone);
        gone = next;
    }
}

/* SHA-256 or BLAKE2b: any part of it is as good as a hash of it. */
static uint64_t key_hash(const struct sha256 *key) {
    uint64_t hash;
    memcpy(&hash, key->bytes, sizeof hash);
    return hash;
}

static struct cache_shard *shard_of(struct cache *cache, uint64_t hash) {
    return &cache->shards[(hash >> 24) % cache_shards];
}

static struct cache_answer **cache_bucket_of(const struct cache_shard *shard, uint64_t hash) {
    return &shard->buckets[hash & (shard->bucket_count - 1)];
}

/* -- under a shard's lock -- */

static size_t *client_bytes_of(struct cache_shard *shard, const struct cache_answer *answer) {
    return &shard->client_bytes[str_hash(answer->facts.texts[cache_text_client]) % cache_client_slots];
}

/* From its bucket; the queues have let go of it. */
static void answer_unlink(struct cache_shard *shard, struct cache_answer *answer, struct cache_answer **gone) {
    struct cache_answer **at = cache_bucket_of(shard, answer->node.hash);
    while (*at != answer) at = &(*at)->next;
    *at = answer->next;
    answer->next = *gone;
    *gone = answer;
    size_t *bytes = client_bytes_of(shard, answer);
    CHECKF(shard->count > 0 && *bytes >= answer->size, "size=%zu", answer->size);
    shard->count--;
    *bytes -= answer->size;
    if (answer->semantic) semantic_remove(shard->semantic, answer->semantic);
}

static void answer_drop(struct cache_shard *shard, struct cache_answer *answer, struct cache_answer **gone) {
    s3fifo_remove(&shard->queues, &answer->node);
    answer_unlink(shard, answer, gone);
}

static struct cache_answer *answer_at(const struct cache_shard *shard, const struct sha256 *key, uint64_t hash) {
    struct cache_answer *answer = shard->buckets ? *cache_bucket_of(shard, hash) : NULL;
    while (answer && memcmp(answer->key.bytes, key->bytes, sizeof key->bytes) != 0) answer = answer->next;
    return answer;
}

/* The oldest unused ones go until all have room. `whose`: where these are more than half of all, others' stay, as
 * long as some of its own are found; NULL: nobody's. */
static void cache_room_make(struct cache_shard *shard, const size_t *whose, struct cache_answer **gone) {
    enum { spared_most = 64 };
    unsigned spared = 0;
    for (struct s3fifo_node *node; (node = s3fifo_victim(&shard->queues));) {
        struct cache_answer *answer = LIST_OWNER(node, struct cache_answer, node);
        bool spares = whose && *whose > shard->queues.bytes_max / 2 && client_bytes_of(shard, answer) != whose;
        if (spares && spared++ < spared_most) {
            s3fifo_add(&shard->queues, node, node->hash, node->bytes);
            continue;
        }
        answer_unlink(shard, answer, gone);
        shard->evicted++;
    }
}

static void shard_empty(struct cache_shard *shard, struct cache_answer **gone) {
    for (size_t i = 0; i < shard->bucket_count; i++)
        while (shard->buckets[i]) answer_drop(shard, shard->buckets[i], gone);
}

/* -- from outside -- */

/* A power of two, by how much there is room for. */
static size_t buckets_for(size_t bytes) {
    size_t count = buckets_least;
    while (count < buckets_most && count * bytes_a_bucket < bytes) count *= 2;
    return count;
}

/* Its tables are made with its first bytes, and stay: what they were made for is told by how many there are. false: no
 * memory. */
static bool shard_resize(struct cache_shard *shard, size_t bytes_max, struct cache_answer **gone) {
    if (!shard->buckets && bytes_max) {
        size_t count = buckets_for(bytes_max);
        shard->buckets = memory_take_zeroed(count * sizeof *shard->buckets);
        shard->ghosts = memory_take_zeroed(count * s3fifo_ways * sizeof *shard->ghosts);
        if (!shard->buckets || !shard->ghosts) {
            memory_give(shard->buckets);
            memory_give(shard->ghosts);
            shard->buckets = NULL;
            shard->ghosts = NULL;
            return false;
        }
        shard->bucket_count = count;
        s3fifo_init(&shard->queues, bytes_max, shard->ghosts, count);
    }
    shard->queues.bytes_max = bytes_max;
    if (shard->buckets) cache_room_make(shard, NULL, gone);
    return true;
}

bool cache_resize(struct cache *cache, size_t bytes_max) {
    bool fine = true;
    if (atomic_load(&cache->bytes_max) == bytes_max) return true;
    for (size_t i = 0; i < cache_shards && fine; i++) {
        struct cache_answer *gone = NULL;
        pthread_mutex_lock(&cache->shards[i].lock);
        fine = shard_resize(&cache->shards[i], bytes_max / cache_shards, &gone);
        pthread_mutex_unlock(&cache->shards[i].lock);
        released_all(gone);
    }
    if (fine) atomic_store(&cache->bytes_max, bytes_max);
    return fine;
}

void cache_free(struct cache *cache) {
    for (size_t i = 0; i < cache_shards; i++) {
        struct cache_shard *shard = &cache->shards[i];
        struct cache_answer *gone = NULL;
        shard_empty(shard, &gone);
        released_all(gone);
        memory_give(shard->buckets);
        memory_give(shard->ghosts);
        pthread_mutex_destroy(&shard->lock);
    }
    semantic_free(&cache->semantic);
}

size_t cache_answer_max(const struct cache *cache) { return atomic_load(&cache->bytes_max) / cache_shards; }

/* For how long it has not been fresh any more; below 0: it is. */
static int64_t overdue_s(const struct cache_facts *facts, int64_t now_s) {
    return facts->expires_s <= now_s ? now_s - facts->expires_s : -1;
}

enum cache_looks { looks_first, looks_again, looks_stale };

static struct cache_answer *answer_take(struct cache *cache, const struct sha256 *key, int64_t now_s, int64_t stale_s,
                                        enum cache_looks looks) {
    uint64_t hash = key_hash(key);
    struct cache_shard *shard = shard_of(cache, hash);
    struct cache_answer *gone = NULL;
    pthread_mutex_lock(&shard->lock);
    struct cache_answer *answer = answer_at(shard, key, hash);
    if (answer && overdue_s(&answer->facts, now_s) >= answer->facts.stale_s) {
        answer_drop(shard, answer, &gone);
        answer = NULL;
        shard->expired++;
    }
    if (answer && overdue_s(&answer->facts, now_s) >= stale_s) answer = NULL;
    if (looks == looks_stale)
        shard->stale += answer != NULL;
    else
        shard->found += answer != NULL;
    if (looks == looks_first && !answer) shard->missed++;
    if (looks == looks_again && answer) shard->missed--; /* it was counted as one, and is none */
    if (answer) {
        s3fifo_use(&answer->node);
        cache_hold(answer);
    }
    pthread_mutex_unlock(&shard->lock);
    released_all(gone);
    return answer;
}

struct cache_answer *cache_find(struct cache *cache, const struct sha256 *key, int64_t now_s) {
    return answer_take(cache, key, now_s, 0, looks_first);
}

struct cache_answer *cache_find_again(struct cache *cache, const struct sha256 *key, int64_t now_s) {
    return answer_take(cache, key, now_s, 0, looks_again);
}

struct cache_answer *cache_find_stale(struct cache *cache, const struct sha256 *key, int64_t now_s, int64_t stale_s) {
    return answer_take(cache, key, now_s, stale_s, looks_stale);
}

struct cache_answer *cache_answer_new(const struct sha256 *key, const struct cache_facts *facts, size_t len) {
    size_t size = sizeof(struct cache_answer);
    if (!size_add(size, len, &size)) return NULL;
    for (unsigned i = 0; i < cache_texts; i++)
        if (!size_add(size, facts->texts[i].len, &size)) return NULL;
    struct cache_answer *answer = memory_take(size);
    if (!answer) return NULL;
    *answer = (struct cache_answer){.holds = 1, .key = *key, .facts = *facts, .size = size, .round = UINT64_MAX};
    char *at = answer->memory;
    for (unsigned i = 0; i < cache_texts; i++) {
        struct str text = facts->texts[i];
        if (text.len) memcpy(at, text.at, text.len);
        answer->facts.texts[i] = str_make(at, text.len);
        at += text.len;
    }
    answer->body = str_make(at, len);
    return answer;
}

void cache_answer_near(struct cache_answer *answer, struct semantic_entry *entry) {
    CHECKF(!answer->semantic && !answer->next, "size=%zu", answer->size);
    answer->semantic = entry;
    answer->size += entry->size;
}

bool cache_is_of_now(const struct cache *cache, const struct cache_answer *answer) {
    return answer->round == UINT64_MAX || answer->round == atomic_load(&cache->round);
}

void cache_keep(struct cache *cache, struct cache_answer *answer) {
    uint64_t hash = key_hash(&answer->key);
    struct cache_shard *shard = shard_of(cache, hash);
    struct cache_answer *gone = NULL;
    CHECK(!answer->next);
    pthread_mutex_lock(&shard->lock);
    struct cache_answer *earlier = answer_at(shard, &answer->key, hash);
    bool fits = shard->buckets && answer->size <= shard->queues.bytes_max && earlier != answer &&
                cache_is_of_now(cache, answer); /* a purge counts first, and then comes here */
    if (fits && earlier) answer_drop(shard, earlier, &gone);
    if (fits) {
        struct cache_answer **bucket = cache_bucket_of(shard, hash);
        size_t *bytes = client_bytes_of(shard, answer);
        cache_hold(answer);
        *bytes += answer->size;
        answer->next = *bucket;
        *bucket = answer;
        shard->count++;
        shard->kept++;
        s3fifo_add(&shard->queues, &answer->node, hash, answer->size);
        if (answer->semantic) semantic_add(shard->semantic, answer->semantic);
        cache_room_make(shard, bytes, &gone);
    }
    pthread_mutex_unlock(&shard->lock);
    released_all(gone);
}

/* -- what an operator asks -- */

static bool cache_has_tag(struct str tags, struct str wanted) {
    struct str tag;
    while (str_split_next(&tags, ',', &tag))
        if (str_eq(str_trim(tag), wanted)) return true;
    return false;
}

static bool is_hash(const struct sha256 *key, struct str value) {
    struct sha256 said;
    return hash_from_hex(value, &said) && memcmp(said.bytes, key->bytes, sizeof key->bytes) == 0;
}

bool cache_chooses(const struct cache_choice *choice, const struct sha256 *key, const struct cache_facts *facts) {
    if (choice->by == cache_texts) return true;
    struct str text = facts->texts[choice->by], wanted = choice->value;
    if (choice->by == cache_text_tags) return cache_has_tag(text, wanted);
    if (choice->by == cache_text_target && str_starts(text, wanted) && text.len > wanted.len &&
        text.at[wanted.len] == '/')
        return true;
    return str_eq(text, wanted) || (choice->by == cache_text_key && is_hash(key, wanted));
}

size_t cache_purge(struct cache *cache, const struct cache_choice *choice) {
    size_t count = 0;
    atomic_fetch_add(&cache->round, 1);
    for (size_t i = 0; i < cache_shards; i++) {
        struct cache_shard *shard = &cache->shards[i];
        struct cache_answer *gone = NULL;
        pthread_mutex_lock(&shard->lock);
        for (size_t b = 0; b < shard->bucket_count; b++)
            for (struct cache_answer *answer = shard->buckets[b], *next; answer; answer = next) {
                next = answer->next;
                if (!cache_chooses(choice, &answer->key, &answer->facts)) continue;
                answer_drop(shard, answer, &gone);
                shard->purged++;
                count++;
            }
        pthread_mutex_unlock(&shard->lock);
        released_all(gone);
    }
    return count;
}

struct cache_stats cache_look(struct cache *cache) {
    struct cache_stats stats = {.bytes_max = atomic_load(&cache->bytes_max)};
    for (size_t i = 0; i < cache_shards; i++) {
        struct cache_shard *shard = &cache->shards[i];
        pthread_mutex_lock(&shard->lock);
        stats.answers += shard->count;
        stats.bytes += shard->queues.small_bytes + shard->queues.main_bytes;
        stats.found += shard->found;
        stats.missed += shard->missed;
        stats.stale += shard->stale;
        stats.kept += shard->kept;
        stats.evicted += shard->evicted;
        stats.expired += shard->expired;
        stats.purged += shard->purged;
        pthread_mutex_unlock(&shard->lock);
    }
    return stats;
}
