/* keys.c - the words of struct key_cells. Must never: let a key rest for what one caller alone was refused. */
#include "snapshot/keys.h"

#include "base/check.h"
#include "base/clock.h"

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

uint64_t key_until_ns(const struct target *target, size_t key) {
    CHECKF(key < target->provider->key_count, "key=%zu of %zu", key, (size_t)target->provider->key_count);
    uint64_t until_ns = cooldown_until_ns(&target->provider->key_cells[key]->cooldown),
             limited_ns = target->limited ? cooldown_until_ns(target->limited[key]) : 0;
    return until_ns > limited_ns ? until_ns : limited_ns;
}

size_t keys_resting(const struct target *target, uint64_t now_ns) {
    size_t count = 0;
    for (size_t i = 0; i < target->provider->key_count; i++) count += key_until_ns(target, i) > now_ns;
    return count;
}

void key_limit_until(const struct target *target, size_t key, uint64_t until_ns) {
    CHECKF(key < target->provider->key_count, "key=%zu of %zu", key, (size_t)target->provider->key_count);
    if (target->limited) cooldown_set(target->limited[key], until_ns);
}

bool key_limited(const struct target *target, size_t key, int64_t told_ms, uint64_t now_ns) {
    const int64_t longest_ms = 3600000, untried_ms = 60000;
    int64_t ms = told_ms > 0 ? told_ms : facts[key_rest_rate].rest_ms;
    key_limit_until(target, key, now_ns + (uint64_t)(ms < longest_ms ? ms : longest_ms) * NS_PER_MS);
    if (!suspicion_note_model(&target->provider->key_cells[key]->limited, target->name_hash, suspicion_window_ns,
                              now_ns))
        return false;
    key_rest(target->provider, key, key_rest_rate, ms < untried_ms ? ms : untried_ms, now_ns);
    return true;
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
