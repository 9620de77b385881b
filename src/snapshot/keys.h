/* keys.h - which of a provider's credentials rest, why and for how long. Words only; any thread. */
#ifndef WEIR_SNAPSHOT_KEYS_H
#define WEIR_SNAPSHOT_KEYS_H

#include "snapshot/snapshot.h"

/* It gets no requests from now on for as long as such a rest takes: a second for a rate, a minute where it was refused,
 * an hour where its quota is used up. What the provider said (told_ms; 0 and less: nothing) counts instead, up to an
 * hour; it only makes an hour's rest no shorter. */
void key_rest(const struct provider *provider, size_t key, enum key_rest why, int64_t told_ms, uint64_t now_ns);
/* Until a moment that is known, however far away. */
void key_rest_until(const struct provider *provider, size_t key, enum key_rest why, uint64_t until_ns);
/* As noted last; it may be over. */
enum key_rest key_rest_why(const struct provider *provider, size_t key);
/* "refused"; and a sentence for the log. */
struct str key_rest_name(enum key_rest why);
struct str key_rest_sentence(enum key_rest why);

/* A refusal that may be about the caller or the model (hashes) and not the key. true: several met it. */
bool key_suspect(const struct provider *provider, size_t key, uint64_t client, uint64_t model, uint64_t now_ns)
    __attribute__((warn_unused_result));
/* The one to probe with: one that was refused lately, else the first. */
size_t key_to_probe(const struct provider *provider, uint64_t now_ns);
/* A probe with it was answered. true: it rests from now on, as a request was refused too. A 403 counts only where
 * probes with this key have been answered well before: some keys may never list models. */
bool key_probed(const struct provider *provider, size_t key, int status, uint64_t now_ns);

#endif
