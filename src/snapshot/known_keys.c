/* known_keys.c - a table of one place a tag. Invariant: a known place's number is a client's of its generation. */
#include "snapshot/known_keys.h"

#include "base/check.h"

void known_keys_init(struct known_keys *keys) {
    *keys = (struct known_keys){.places = {{.known = false}}};
    random_bytes(&keys->secret, sizeof keys->secret);
}

const struct client *known_keys_client(struct known_keys *keys, const struct snapshot *snapshot, struct str key) {
    struct hash_tag tag = hash_tag_of(&keys->secret, key);
    struct known_key *place = &keys->places[tag.words[0] % known_keys_max];
    if (place->known && place->generation == snapshot->generation && place->tag.words[0] == tag.words[0] &&
        place->tag.words[1] == tag.words[1]) {
        CHECKF(place->number < snapshot->client_count, "number=%u", place->number);
        return &snapshot->clients[place->number];
    }
    const struct client *client = snapshot_client(snapshot, key);
    if (client) *place = (struct known_key){tag, snapshot->generation, (uint32_t)(client - snapshot->clients), true};
    return client;
}
