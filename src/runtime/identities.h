/* identities.h - those who show tokens: each is `issuer#subject`, and counted and limited as a client is. They stand in
 * no row and no file, and an issuer may sign for millions: so many of each issuer are kept at once, and those at rest
 * make room (nothing under way, nothing spent in an open window, no rate taken). Where nobody is at rest, nobody new is
 * let in.
 *
 *   token -> SipHash of 128 bits under the loop's own secret -> its place: verified before, and still so?   (no lock)
 *         -> else its signature and claims -> its identity, by name -> what it may do under this snapshot   (a lock)
 *
 * A place keeps no token. What a request does with an identity it does while it holds it. */
#ifndef WEIR_RUNTIME_IDENTITIES_H
#define WEIR_RUNTIME_IDENTITIES_H

#include "base/clock.h"
#include "snapshot/jwt.h"
#include "snapshot/snapshot.h"

/* Of how many operators are told in a list, and how many are looked at for alerts. */
enum { identities_told_most = 1000, identities_watched_most = 10000 };

struct weir;
struct identities;
struct identity_bound;

/* NULL: no memory. */
struct identities *identities_new(struct weir *weir);
/* After all that hold one. NULL is fine. */
void identities_free(struct identities *identities);

/* Tokens that one loop has verified; for one thread. */
struct known_tokens;
struct known_tokens *known_tokens_new(void); /* NULL: no memory */
void known_tokens_free(struct known_tokens *tokens);

/* Whose token it is, where it was verified before on this loop: held; NULL: it is asked for by identity_ask. */
struct identity_bound *known_tokens_find(struct known_tokens *tokens, const struct snapshot *snapshot, struct str token,
                                         struct now now);
/* Reads and verifies it. jwt_good: *bound is held. The arena is the caller's, for a moment. `tokens` may be NULL. */
enum jwt_answer identity_ask(struct identities *identities, struct known_tokens *tokens, struct snapshot *snapshot,
                             struct str token, struct now now, struct arena *arena, struct identity_bound **bound);
/* What it may do; as long as it is held, and the snapshot. */
const struct client *identity_client(const struct identity_bound *bound);
void identity_release(struct identity_bound *bound);
/* The budget of this name of the one whom `client issuer#subject` names, where it is kept; *held is the caller's then
 * (identity_release), and the snapshot outlives it. NULL: there is none. Any thread. */
const struct money_budget *identities_budget(struct identities *identities, const struct snapshot *snapshot,
                                             struct str owner, struct str name, struct identity_bound **held);
/* Tells of those that are kept, at most so many, each held while it is told, and the table free: what comes or goes
 * meanwhile may be left out. The snapshot is held. On a thread that may block. Answers how many were told. */
size_t identities_each(struct identities *identities, const struct snapshot *snapshot, size_t most,
                       void (*tell)(void *context, const struct client *client), void *context);
/* How many are kept. Any thread. */
size_t identities_count(struct identities *identities);

#endif
