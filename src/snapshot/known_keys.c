/* known_keys.c - a table of one place a tag. Invariant: a known place's number is a client's of its generation. */
#include "snapshot/known_keys.h"

#include "base/check.h"

void known_keys_init(struct known_keys *keys) {
    *keys = (struct known_keys){.places = {{.known = false}}};
    random_bytes(&keys->secret, sizeof keys->secret);
}

static bool key_is_known(const struct known_key *place, const struct hash_tag *tag, const struct snapshot *snapshot,
                         int64_t now_s) {
    if (!place->known || place->generation != snapshot->generation || place->tag.words[0] != tag->words[0] ||
        place->tag.words[1] != tag->words[1])
        return false;
    if (!place->client) return true;
    const struct client_slot *slot = client_registry_slot(snapshot->registry, place->number);
    return now_s < place->until_s && atomic_load_explicit(&slot->version, memory_order_acquire) == place->version;
}

/* One of the file. */
static enum client_answer client_let_in(const struct client *client, int64_t now_s, const struct client **let_in) {
    if (client->disabled) return client_is_disabled;
    if (client->expires_s && now_s >= client->expires_s) return client_is_expired;
    *let_in = client;
    return client_known;
}

/* *number: of one made at run time; else registry_none. */
static enum client_answer keys_find(struct known_keys *keys, struct snapshot *snapshot, struct str key, int64_t now_s,
                                    const struct client **client, uint32_t *number, const char **problem) {
    struct hash_tag tag = hash_tag_of(&keys->secret, key);
    struct known_key *place = &keys->places[tag.words[0] % known_keys_max];
    *client = NULL;
    *number = registry_none;
    *problem = "";
    if (key_is_known(place, &tag, snapshot, now_s)) {
        CHECKF(place->client || place->number < snapshot->client_count, "number=%u", place->number);
        if (!place->client) return client_let_in(&snapshot->clients[place->number], now_s, client);
        *client = place->client;
        *number = place->number;
        return client_known;
    }
    if (key.len == 0 || key.len > known_keys_length_max) return client_unknown;
    struct sha256 hash = hash_sha256(key);
    uint32_t of_file = client_table_find(&snapshot->client_keys, &hash);
    CHECKF(of_file == client_table_none || of_file < snapshot->client_count, "number=%u", of_file);
    if (of_file != client_table_none) {
        *place = (struct known_key){.tag = tag, .generation = snapshot->generation, .number = of_file, .known = true};
        return client_let_in(&snapshot->clients[of_file], now_s, client);
    }
    struct client_found found;
    if (!snapshot->registry || !atomic_load_explicit(&snapshot->registry->count, memory_order_relaxed))
        return client_unknown;
    enum client_answer answer = client_registry_ask(snapshot->registry, snapshot, &hash, now_s, &found);
    *problem = found.problem ? found.problem : "";
    if (answer != client_known) return answer;
    *client = found.client;
    *number = found.number;
    *place = (struct known_key){.tag = tag,
                                .generation = snapshot->generation,
                                .number = found.number,
                                .known = true,
                                .client = found.client,
                                .version = found.version,
                                .until_s = found.until_s};
    return client_known;
}

enum client_answer known_keys_ask(struct known_keys *keys, struct snapshot *snapshot, struct str key, int64_t now_s,
                                  const struct client **client, const char **problem) {
    uint32_t number;
    enum client_answer answer = keys_find(keys, snapshot, key, now_s, client, &number, problem);
    if (number != registry_none) client_registry_used(snapshot->registry, number, now_s);
    return answer;
}

enum client_answer known_keys_look(struct known_keys *keys, struct snapshot *snapshot, struct str key, int64_t now_s,
                                   const struct client **client) {
    const char *problem;
    uint32_t number;
    return keys_find(keys, snapshot, key, now_s, client, &number, &problem);
}
