/* client_store.h - clients made or changed at run time, in the ledger's database: a row each, by name. Holds no key,
 * only what a sealed digest of one is. Blocks; one thread at a time. */
#ifndef WEIR_STORE_CLIENT_STORE_H
#define WEIR_STORE_CLIENT_STORE_H

#include "base/arena.h"
#include "base/hash.h"

enum { stored_client_id = 16 };

struct stored_client {
    struct str name, settings; /* JSON */
    bool of_file;              /* no client of its own: what was changed of the file's */
    bool revoked, has_previous;
    unsigned char id[stored_client_id];
    struct sha256 digest, previous;
    int64_t previous_until_s, made_s, changed_s, rotated_s;
};

struct client_store;
/* Of a ledger that is in today's form. NULL: *problem. */
struct client_store *client_store_open(const char *path, char *problem, size_t size);
void client_store_close(struct client_store *store);
/* Its connection is lost: close it, and open another. */
bool client_store_is_gone(struct client_store *store);
/* The database's words on the last thing that failed. */
const char *client_store_problem(struct client_store *store);

/* Each row, in the order in which they were made, until `tell` says false. false: a failure, or that. */
bool client_store_each(struct client_store *store, bool (*tell)(void *context, const struct stored_client *client),
                       void *context);
/* In place of the row of that name and kind: on the disk when it returns. */
bool client_store_put(struct client_store *store, const struct stored_client *client)
    __attribute__((warn_unused_result));
/* What was changed of the file's of that name. */
bool client_store_remove(struct client_store *store, struct str name) __attribute__((warn_unused_result));
/* What lies over the file's client of that name, in the arena: what was changed of it, else the settings of one made at
 * run time that is not revoked; {NULL,0}: nothing. false: a failure. */
bool client_store_settings(struct client_store *store, struct str name, struct arena *arena, struct str *settings);
/* Is there one that the file does not have? */
bool client_store_any(struct client_store *store, bool *any);
/* By what it is known whether the digests were made with this key: noted at the first time. *same: it is that one. */
bool client_store_seal(struct client_store *store, const struct sha256 *seal, bool *same);

#endif
