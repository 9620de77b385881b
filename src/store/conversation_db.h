/* conversation_db.h - turns of conversations beside the stored responses (response_db.h): what a client said that is
 * new, and what it was answered, as messages of OpenAI's chat. The client is the wall: no statement here finds a turn
 * without it.
 *
 * Which conversation a turn goes on with: the one of its session; else the one that ends in the response that it names;
 * else one whose last turn it repeats, the answer too, which is found by a hash (`link`); else it begins one. Within a
 * session the same says which of its messages are new. One thread at a time. */
#ifndef WEIR_STORE_CONVERSATION_DB_H
#define WEIR_STORE_CONVERSATION_DB_H

#include "base/hash.h"
#include "store/response_db.h"

/* "The first messages of this turn, and the answer to them, were a turn": what is behind is new. */
struct conversation_link {
    struct sha256 hash;
    size_t known; /* messages that stand for it */
};

enum { conversation_id_max = 64 };

/* The messages are JSON objects; the rest are words. */
struct conversation_turn {
    struct str client;
    struct str session;    /* that the caller named; empty: none */
    struct str request_id; /* weir's own */
    struct str api;        /* the name of the endpoint */
    struct str model;      /* as it was asked for */
    struct str answer_id;  /* the provider's, by which it may be gone on from; empty: none */
    struct str previous;   /* the answer that it goes on from by its id; empty: none */
    bool cut;              /* the answer did not come to its end */
    const struct str *messages;
    size_t message_count;
    const struct conversation_link *links; /* what it may go on with, the longest first */
    size_t link_count;
    struct sha256 link;      /* of this turn, for the one after it */
    struct str answer;       /* empty: none came */
    struct str alternatives; /* a list of further ones; empty: none */
};

/* What no longer fits beside it goes, as response_db_put has it. false: *problem, and nothing has changed. */
bool conversation_db_put(struct response_db *db, const struct conversation_turn *turn,
                         const struct response_limits *limits, int64_t now_s, char *problem, size_t size);

/* {"object":"list","data":[...],"has_more":false,"next":null}: the client's conversations, the one with the newest turn
 * first, at most `limit`; `after`: behind the conversation of this id (empty: from the first). */
enum stored conversation_db_list(struct response_db *db, struct str client, struct str after, int64_t limit,
                                 struct text *text, char *problem, size_t size);
/* The conversation with its turns behind the one of this number, as many as fit `most` bytes, at least one. */
enum stored conversation_db_show(struct response_db *db, struct str client, struct str id, int64_t after, size_t most,
                                 struct text *text, char *problem, size_t size);
/* The client's turns behind that number in the order in which they were kept, as JSON, a line each, as many as fit
 * `most` bytes, at least one; of one conversation where `id` is not empty. *after: the last one's number. Nothing is
 * put: there is no further one. */
enum stored conversation_db_lines(struct response_db *db, struct str client, struct str id, int64_t *after, size_t most,
                                  struct text *text, char *problem, size_t size);
/* One conversation, or with an empty `id` all of the client's: no word of it stays in the file. *turns: how many. */
enum stored conversation_db_remove(struct response_db *db, struct str client, struct str id, int64_t *turns,
                                   char *problem, size_t size);

#endif
