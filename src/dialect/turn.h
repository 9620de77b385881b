/* turn.h - one turn of a conversation, read from what a caller sent and what it was answered, in any dialect and whole
 * or streamed, as messages of OpenAI's chat: for keeping. What that form has no words for (reasoning, tools that a
 * server runs) is left out. Pure; memory is the arena's, ranges are borrowed from it. */
#ifndef WEIR_DIALECT_TURN_H
#define WEIR_DIALECT_TURN_H

#include "base/hash.h"
#include "dialect/endpoint.h"

struct turn_said {
    enum endpoint endpoint; /* of a chat */
    struct str path_model;  /* where the model stands in the path; else empty */
    struct str body;        /* what was sent */
    struct str answer;      /* the body of the answer as it went out, up to where it ended */
    bool streamed;          /* it is made of events */
};

/* "The first messages, and the answer to them, may have been a turn." */
struct turn_link {
    struct sha256 hash;
    size_t known; /* messages, the answer among them */
};
enum { turn_links_max = 64 };

struct turn {
    struct str model, answer_id, previous; /* {NULL,0}: not said */
    struct str *messages;                  /* JSON objects; instructions among them */
    size_t message_count;
    struct str answer;                      /* a message, JSON; empty: none came */
    struct str alternatives;                /* a list of further ones; empty: none */
    bool cut;                               /* the answer did not say that it had ended */
    struct turn_link links[turn_links_max]; /* the longest first */
    size_t link_count;
    struct sha256 link; /* by which the next turn finds this one */
};

/* false: the request cannot be read, or there is no memory. */
bool turn_read(const struct turn_said *said, struct arena *arena, struct turn *turn);

#endif
