/* endpoint.h - the paths of the OpenAI API that weir serves, as one table. Read by the gateway (which path is it), by
 * the engine (may it stream, where does its model stand) and by the mock. */
#ifndef WEIR_DIALECT_ENDPOINT_H
#define WEIR_DIALECT_ENDPOINT_H

#include "base/str.h"

enum endpoint_body { endpoint_body_json, endpoint_body_multipart };
enum endpoint_reply { endpoint_reply_json, endpoint_reply_any /* audio, text: not read for usage unless it is JSON */ };

/* X(name, path after /v1, body, reply, may stream by "stream":true, is chat-like: its stream ends in [DONE]) */
#define ENDPOINT_TABLE(X)                                                   \
    X(chat, "/chat/completions", json, json, true)                          \
    X(completions, "/completions", json, json, true)                        \
    X(embeddings, "/embeddings", json, json, false)                         \
    X(images_generations, "/images/generations", json, json, true)          \
    X(images_edits, "/images/edits", multipart, json, false)                \
    X(audio_speech, "/audio/speech", json, any, false)                      \
    X(audio_transcriptions, "/audio/transcriptions", multipart, any, false) \
    X(audio_translations, "/audio/translations", multipart, any, false)     \
    X(moderations, "/moderations", json, json, false)                       \
    X(rerank, "/rerank", json, json, false)

enum endpoint {
#define X(name, path, body, reply, streams) endpoint_##name,
    ENDPOINT_TABLE(X)
#undef X
        endpoints
};

struct endpoint_facts {
    struct str name;
    struct str path; /* below the provider's base URL, and below /v1 here */
    enum endpoint_body body;
    enum endpoint_reply reply;
    bool streams;
};

const struct endpoint_facts *endpoint_facts(enum endpoint endpoint);
/* The endpoint of a path with or without its /v1; false when there is none. */
bool endpoint_find(struct str path, enum endpoint *endpoint);

#endif
