/* emulate.h - what a model lacks, said by what it has: an answer to a schema by a tool that must be called, a tool that
 * must be called by an answer to a schema. The answer is told as if it had been asked for plainly, streams too. Pure.
 *
 *   asked for            sent                                      answered                    told
 *   json_schema {..}     the tool `answer` of that schema, forced  call answer({"a":1})        text {"a":1}, stop
 *   json_schema [..]     the same of {"value": [..]}               call answer({"value":[1]})  text [1], stop
 *   tool_choice: f       no call, the schema of f's parameters     text {"a":1}                call f({"a":1})
 *   tool_choice: f or g  the same of {"call":{"name","arguments"}} text {"call":{"name":"g",.. call g(..)
 */
#ifndef WEIR_DIALECT_EMULATE_H
#define WEIR_DIALECT_EMULATE_H

#include "base/text.h"
#include "dialect/message.h"

enum { emulation_held_max = 8 * 1024 * 1024 /* bytes of an answer that can be read as a whole only */ };

/* Of one attempt: what its request was made of, and what has come of the answer. Zeroed: nothing is emulated. */
struct emulation {
    enum {
        emulates_nothing,
        emulates_schema, /* by a tool */
        emulates_tool    /* by a schema */
    } kind;
    struct str name; /* of the tool; {NULL,0}: of several, the answer says which */
    bool wrapped;    /* it stands inside an object of one member */
    /* Streams: */
    bool answered, called, over; /* a call that is the answer; one that is not, or was made of the answer; finished */
    bool is_text;                /* what should have been a call is none */
    uint64_t ours;               /* a bit per number of a call that is not told: those behind move up */
    unsigned open;               /* the number of the one whose arguments are the answer */
    unsigned calls;              /* numbers of calls that were told */
    bool said;                   /* something of the answer has been told */
    struct text held, beside;    /* of the answer, where only the whole can be read; of text beside a call */
};

/* Looks at what the caller's schemas are like, once: there may be a thousand targets to ask of, and a schema may be as
 * long as a body. Without it each of the next two looks again. */
void emulate_look(struct message_request *request);
/* Can it be done to this request, in this dialect? */
bool emulate_can_schema(const struct message_request *request);
bool emulate_can_tool(const struct message_request *request, enum dialect to);

/* Makes the request what is sent; its new parts are the arena's, what the answer is read by is kept in `keep`. which:
 * FEATURE_BIT(json_schema) or FEATURE_BIT(tool_choice), and it can be done; 0: nothing is. false: no memory. */
bool emulate_request(struct message_request *fitted, uint64_t which, struct arena *arena, struct arena *keep,
                     struct emulation *emulation);
/* What x-weir-changed calls it. */
struct str emulate_name(enum feature feature);

/* A whole reply as it is told. false: no memory. */
bool emulate_reply(const struct emulation *emulation, struct message_reply *reply, struct arena *arena);
/* An event as it is told: appended to `out`, which may stay as it is. `keep` lives as long as the stream. false: no
 * memory, or too much to hold. */
bool emulate_event(struct emulation *emulation, const struct message_event *event, struct arena *keep,
                   struct message_events *out);

#endif
