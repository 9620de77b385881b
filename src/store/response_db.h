/* response_db.h - stored responses in one SQLite file, STATE_DIR/responses.db: each with what was asked and answered,
 * under the client that made it. Turns of conversations lie in the same file, under the same limits
 * (conversation_db.h). One thread at a time. */
#ifndef WEIR_STORE_RESPONSE_DB_H
#define WEIR_STORE_RESPONSE_DB_H

#include "base/text.h"

struct response_db;

/* Everything is JSON but for the names. */
struct stored_response {
    struct str client;   /* its name; empty: of a gateway without clients */
    struct str id;       /* "resp_..." */
    struct str previous; /* the response that it goes on from; empty: none */
    struct str input;    /* the list of its own input items */
    struct str output;   /* the list of its output items */
    struct str response; /* the whole object, as it was answered */
};

static inline size_t stored_response_bytes(const struct stored_response *response) {
    return response->client.len + response->id.len + response->previous.len + response->input.len +
           response->output.len + response->response.len;
}

/* Bytes of what is stored; 0: no limit. */
struct response_limits {
    int64_t bytes_max, client_bytes_max;
};

enum stored { stored_found, stored_missing, stored_failed };

/* Makes or opens the file (0600). NULL: *problem says why, at most `size` bytes. */
struct response_db *response_db_open(const char *path, char *problem, size_t size);
/* Of a file that is there: does it hold any, and any of a client's? false: *problem. */
bool response_db_peek(const char *path, bool *any, bool *of_clients, char *problem, size_t size);
/* From now on half a second at most is spent on waiting for another process's lock. */
void response_db_hurry(struct response_db *db);
void response_db_close(struct response_db *db);
/* An id that the client has already is replaced. What no longer fits beside it goes, responses and turns, the oldest
 * first: of the client, then of all. false: *problem, and nothing has changed. */
bool response_db_put(struct response_db *db, const struct stored_response *response,
                     const struct response_limits *limits, int64_t now_s, char *problem, size_t size);
/* The member is "response" or "input". Into text, which grows. */
enum stored response_db_get(struct response_db *db, struct str client, struct str id, const char *member,
                            struct text *text, char *problem, size_t size);
/* Every item of the conversation that ends in this response, the oldest first, as one list; at most `most` bytes, else
 * stored_failed. A response in between that is no longer there: stored_missing. */
enum stored response_db_history(struct response_db *db, struct str client, struct str id, size_t most,
                                struct text *text, char *problem, size_t size);
enum stored response_db_remove(struct response_db *db, struct str client, struct str id, char *problem, size_t size);
/* All of a client's, its turns too, and no word of them stays in the file. How many rows, or -1. */
int64_t response_db_purge(struct response_db *db, struct str client, char *problem, size_t size);
/* All of a client's as JSON, a line each, the oldest first. false: *problem, which is empty where `put` ended it. */
bool response_db_export(struct response_db *db, struct str client, bool (*put)(void *context, struct str line),
                        void *context, char *problem, size_t size);
/* Forgets what is older, turns too; how many, or -1. */
int64_t response_db_forget(struct response_db *db, int64_t before_s, char *problem, size_t size);

#endif
