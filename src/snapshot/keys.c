/* keys.c - the words of struct key_cells. Must never: let a key rest for what one caller alone was refused. */
#include "snapshot/keys.h"

#include "base/check.h"
#include "base/clock.h"
#include "core/limited.h"

static const uint64_t suspicion_window_ns = 60 * NS_PER_S;

static const struct {
    struct str name, sentence;
    int64_t rest_ms;
} facts[key_rests] = {
#define X(name, sentence, rest_ms) [key_rest_##name] = {STR(#name), STR(sentence), rest_ms},
    KEY_REST_TABLE(X)
#undef X
};

struct str key_rest_name(enum key_rest why) {
    CHECKF((unsigned)why < key_rests, "why=%d", (int)why);
    return facts[why].name;
}

struct str key_rest_sentence(enum key_rest why) {
    CHECKF((unsigned)why < key_rests, "why=%d", (int)why);
    return facts[why].sentence;
}

enum key_rest key_rest_why(const struct provider *provider, size_t key) {
    CHECKF(key < provider->key_count, "key=%zu of %zu", key, (size_t)provider->key_count);
    return (enum key_rest)cell_load(&provider->key_cells[key]->rest);
}

void key_rest_until(const struct provider *provider, size_t key, enum key_rest why, uint64_t until_ns) {
    CHECKF(key < provider->key_count && why != key_rest_none, "key=%zu of %zu", key, (size_t)provider->key_count);
    struct key_cells *cells = provider->key_cells[key];
    if (until_ns > cooldown_until_ns(&cells->cooldown)) cell_store(&cells->rest, why); /* the longer reason stays */
    cooldown_set(&cells->cooldown, until_ns);
}

void key_rest(const struct provider *provider, size_t key, enum key_rest why, int64_t told_ms, uint64_t now_ns) {
    const int64_t longest_ms = 3600000;
    CHECKF((unsigned)why < key_rests && why != key_rest_none, "why=%d", (int)why);
    int64_t ms = told_ms > 0 ? told_ms : facts[why].rest_ms;
    if (why == key_rest_quota && ms < facts[why].rest_ms) ms = facts[why].rest_ms;
    if (ms > longest_ms) ms = longest_ms;
    key_rest_until(provider, key, why, now_ns + (uint64_t)ms * NS_PER_MS);
}

uint64_t key_until_ns(const struct target *target, size_t key, uint64_t client) {
    CHECKF(key < target->provider->key_count, "key=%zu of %zu", key, (size_t)target->provider->key_count);
    uint64_t until_ns = cooldown_until_ns(&target->provider->key_cells[key]->cooldown),
             limited_ns = target->limited ? limited_until_ns(target->limited[key], client) : 0;
    return until_ns > limited_ns ? until_ns : limited_ns;
}

size_t keys_resting(const struct target *target, uint64_t now_ns) {
    size_t count = 0;
    for (size_t i = 0; i < target->provider->key_count; i++) count += key_until_ns(target, i, blame_nobody) > now_ns;
    return count;
}

static void key_limit_for(const struct target *target, size_t key, uint64_t client, uint64_t until_ns,
                          uint64_t now_ns) {
    CHECKF(key < target->provider->key_count, "key=%zu of %zu", key, (size_t)target->provider->key_count);
    if (target->limited) limited_note(target->limited[key], client, until_ns, now_ns);
}

void key_limit_until(const struct target *target, size_t key, uint64_t until_ns, uint64_t now_ns) {
    key_limit_for(target, key, blame_nobody, until_ns, now_ns);
}

bool key_limited(const struct target *target, size_t key, uint64_t client, int64_t told_ms, uint64_t now_ns) {
    const int64_t untried_ms = 60000;
    struct cell *limited = &target->provider->key_cells[key]->limited;
    int64_t ms = told_ms > 0 ? told_ms : facts[key_rest_rate].rest_ms;
    if (ms > untried_ms) ms = untried_ms;
    key_limit_for(target, key, client, now_ns + (uint64_t)ms * NS_PER_MS, now_ns);
    bool is_keys = client == blame_nobody
                       ? suspicion_note_model(limited, target->name_hash, suspicion_window_ns, now_ns)
                       : suspicion_note(limited, client, target->name_hash, suspicion_window_ns, now_ns);
    if (is_keys && client != blame_nobody && ms > facts[key_rest_rate].rest_ms) ms = facts[key_rest_rate].rest_ms;
    if (is_keys) key_rest(target->provider, key, key_rest_rate, ms, now_ns);
    return is_keys;
}

void key_used(const struct provider *provider, size_t key, int64_t wall_ns) {
    if (!provider->key_entries || key >= provider->key_count || !provider->key_entries[key].len) return;
    struct key_cells *cells = provider->key_cells[key];
    uint64_t now_s = (uint64_t)(wall_ns / (int64_t)NS_PER_S), before = cell_load(&cells->uses);
    while (!cell_swap(&cells->uses, &before, before + 1)) continue;
    if (before == 0) cell_store(&cells->first_used_s, now_s);
    if (cell_load(&cells->last_used_s) != now_s) cell_store(&cells->last_used_s, now_s); /* a write a second */
}

void key_answered(const struct provider *provider, size_t key) {
    suspicion_clear(&provider->key_cells[key]->suspicion);
    suspicion_clear(&provider->key_cells[key]->limited);
}

bool key_suspect(const struct provider *provider, size_t key, uint64_t client, uint64_t model, uint64_t now_ns) {
    CHECKF(key < provider->key_count, "key=%zu of %zu", key, (size_t)provider->key_count);
    return suspicion_note(&provider->key_cells[key]->suspicion, client, model, suspicion_window_ns, now_ns);
}

size_t key_to_probe(const struct provider *provider, uint64_t now_ns) {
    for (size_t i = 0; i < provider->key_count; i++)
        if (suspicion_stands(&provider->key_cells[i]->suspicion, suspicion_window_ns, now_ns)) return i;
    return 0;
}

bool key_probed(const struct provider *provider, size_t key, int status, uint64_t now_ns) {
    if (key >= provider->key_count || status == 0) return false;
    struct key_cells *cells = provider->key_cells[key];
    if (status < 300) cell_store(&cells->answered, 1);
    bool believed = status == 401 || (status == 403 && cell_load(&cells->answered));
    if (!believed || !suspicion_stands(&cells->suspicion, suspicion_window_ns, now_ns)) return false;
    suspicion_clear(&cells->suspicion);
    key_rest(provider, key, key_rest_refused, 0, now_ns);
    return true;
}
