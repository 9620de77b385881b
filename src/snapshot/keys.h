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

/* Until when this client (a hash; blame_nobody: any) may not use this key for this target: its own rest, or its limit
 * for the model. */
uint64_t key_until_ns(const struct target *target, size_t key, uint64_t client);
/* How many keys nobody may use for it now. */
size_t keys_resting(const struct target *target, uint64_t now_ns);
/* Its limit for this model is reached until then, for all. */
void key_limit_until(const struct target *target, size_t key, uint64_t until_ns, uint64_t now_ns);
/* The same after a 429, for as long as the provider said (told_ms; 0 and less: a second), but no longer than a minute
 * without being tried; for this client (blame_nobody: clients are not told apart) until another one meets it. true:
 * within a minute another model's was reached too, by another client where they are told apart, with no request
 * answered in between, so that it is the key's: it rests as long, but for a second at most where clients are told
 * apart, as the time may be of what one of them asked for. */
bool key_limited(const struct target *target, size_t key, uint64_t client, int64_t told_ms, uint64_t now_ns);
/* It goes to the provider with an attempt or a probe: counted, where it is the vault's. */
void key_used(const struct provider *provider, size_t key, int64_t wall_ns);
/* A request with it was answered: it is not the key that refuses. */
void key_answered(const struct provider *provider, size_t key);

/* A refusal that may be about the caller or the model (hashes) and not the key. true: several met it. */
bool key_suspect(const struct provider *provider, size_t key, uint64_t client, uint64_t model, uint64_t now_ns)
    __attribute__((warn_unused_result));
/* The one to probe with: one that was refused lately, else the first. */
size_t key_to_probe(const struct provider *provider, uint64_t now_ns);
/* A probe with it was answered. true: it rests from now on, as a request was refused too. A 403 counts only where
 * probes with this key have been answered well before: some keys may never list models. */
bool key_probed(const struct provider *provider, size_t key, int status, uint64_t now_ns);

#endif
