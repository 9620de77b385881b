/* vault.h - providers' credentials, encrypted at rest in STATE_DIR/vault (vault_file.h says what stands there).
 *
 *   master key --wraps--> a key of each entry --seals--> its secret, and for a while the one before it
 *
 * Each seal is bound to the entry's id, provider and origin: it opens for these and no other, whatever else is written
 * beside it. XChaCha20-Poly1305 for all of them. The master key is 32 random bytes in STATE_DIR/master.key (0600, made
 * with the first entry), or WEIR_MASTER_KEY, or comes from a passphrase by Argon2id. It stands in memory for secrets
 * while the vault is unlocked; an entry's key and secret only while it is opened.
 *
 * What is changed is changed in memory; vault_save puts it on the disk whole, or leaves what was there. One thread at a
 * time; blocks on the disk. Must never: write a secret anywhere else, or drop what it could not read without keeping it
 * aside. */
#ifndef WEIR_STORE_VAULT_H
#define WEIR_STORE_VAULT_H

#include "base/error.h"
#include "store/vault_file.h"

struct vault;

/* Where a master key may come from. All borrowed, and looked at only while a call that is given it runs. */
struct vault_sources {
    const char *key;        /* WEIR_MASTER_KEY: 64 hexadecimal digits; NULL or empty: none */
    const char *passphrase; /* WEIR_MASTER_PASSPHRASE; NULL or empty: none */
    bool (*ask)(void *context, char *into, size_t size); /* for one, on a terminal; NULL: nobody is there */
    void *context;
};

/* The vault of this state folder, locked: what stands there can be listed. An empty one where there is no file yet.
 * NULL: it cannot be read, and *error says why and what to do. */
struct vault *vault_open(struct str state_dir, struct error *error);
void vault_free(struct vault *vault); /* wipes; NULL is fine */

/* With the master key, which is made where there is no entry yet. true at once where it is unlocked already. false:
 * *error says which key is missing or wrong and how to mend it. */
bool vault_unlock(struct vault *vault, const struct vault_sources *sources, struct error *error);
/* With the key of another one of the same folder; false where that is locked, or has another key. */
bool vault_unlock_as(struct vault *vault, const struct vault *other);
/* "file", "variable", "passphrase": where its key came from; "locked". */
struct str vault_unlocked_by(const struct vault *vault);

/* -- what is in it -- */

size_t vault_count(const struct vault *vault);
/* In the order in which they were made; ranges live until the next change. */
const struct vault_record *vault_at(const struct vault *vault, size_t place);
/* NULL: there is none. */
const struct vault_record *vault_find(const struct vault *vault, struct str id);
/* Was something damaged when it was read? In words: which entries, and what to do. */
bool vault_is_damaged(const struct vault *vault, struct text *said);

enum vault_opened {
    vault_opened,    /* *secrets and *count are set */
    vault_missing,   /* there is no such entry */
    vault_elsewhere, /* it was given for another provider, or another origin */
    vault_damaged,   /* its seal is broken, or only its name is left */
    vault_locked
};
/* The secret first, then the one before it while that is valid; in `secrets`, an arena for secrets. The vault is
 * unlocked. Else *error says why and what to do. */
enum vault_opened vault_get(const struct vault *vault, struct str id, struct str provider, struct str origin,
                            int64_t now_s, struct arena *arena, struct str secrets[2], size_t *count,
                            struct error *error);

/* -- changes, in memory -- */

struct vault_entry {
    struct str id, origin; /* the provider is what stands before the id's slash */
    struct str secret;
    unsigned flags;
    uint32_t rotate_after_days; /* 0: never */
};
/* A new one, or one in place of what is there of that id. false: *error. The vault is unlocked, for all of these. */
bool vault_put(struct vault *vault, const struct vault_entry *entry, int64_t now_s, struct error *error);
/* A new secret; the one before it stays valid for so long. */
bool vault_rotate(struct vault *vault, struct str id, struct str secret, int64_t grace_s, int64_t now_s,
                  struct error *error);
bool vault_remove(struct vault *vault, struct str id);
/* One more that waits to be the next one of this entry, behind those that wait already: at most vault_nexts_max. */
bool vault_next_add(struct vault *vault, struct str id, struct str secret, int64_t now_s, struct error *error);
/* The first of them; NULL: none waits. */
const struct vault_record *vault_next(const struct vault *vault, struct str id);
/* That one's turn: the entry rotates to it, and it waits no more. false: *error, such as that none waits. */
bool vault_next_turn(struct vault *vault, struct str id, int64_t grace_s, int64_t now_s, struct error *error);
/* Forgets what was valid beside the newer one until before now. true: something was. */
bool vault_expire(struct vault *vault, int64_t now_s, struct error *error);
/* When the first of them ends; INT64_MAX: none is there. */
int64_t vault_expires_s(const struct vault *vault);
/* A new master key, from the next vault_save on. All NULL: a new one in STATE_DIR/master.key. */
bool vault_rekey(struct vault *vault, const struct vault_sources *to, struct error *error);

/* On the disk when it returns, synced; else *error, and the disk holds what it held. What was damaged when it was read
 * is kept beside it first, as STATE_DIR/vault.damaged. */
bool vault_save(struct vault *vault, struct error *error);

#endif
