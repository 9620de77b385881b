/* flight_way.h - how a request comes in (a door) and how an attempt's request is made and its reply becomes the
 * caller's answer (a way): tables of functions, each chosen once, in flight_way.c. Nobody else asks which one it is. A
 * new way is a file with its functions and a row there. */
#ifndef WEIR_FLIGHT_FLIGHT_WAY_H
#define WEIR_FLIGHT_FLIGHT_WAY_H

#include "dialect/codec.h"
#include "dialect/sse.h"
#include "flight/flight.h"

enum step;

/* What the caller speaks. Chosen by its endpoint when the flight is made. */
struct door {
    /* What of the head it needs beside the headers. NULL: nothing. false: no memory. */
    bool (*keep)(struct flight *flight, const struct flight_request *request);
    /* May this header of the caller's be wanted by any attempt? uses: what is known of it (base/header_names.h). */
    bool (*keeps)(const struct flight *flight, const struct flight_request *request, unsigned uses, struct str name);
    /* Reads the whole body and finds its one target. NULL: it is read by `read`, and its model is looked for. */
    enum step (*admit)(struct flight *flight, struct now now, struct actions *out);
    /* flight->body.whole into flight->request. false: *error and *param say what is wrong with it. */
    bool (*read)(struct flight *flight, struct error *error, struct str *param);
    /* The status of an answer of weir's own, as the caller's SDK knows it. */
    int (*status)(const struct flight *flight, int status);
    /* The event that ends a stream which is not whole. */
    void (*write_break)(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                        struct now now, struct text *text);
    const struct way *(*way)(const struct flight *flight, const struct target *target);
};

struct way {
    const char *name;
    /* Can this target be asked for it? false: *error says why, where there is more to say than that. */
    bool (*fits)(struct flight *flight, const struct target *target, struct error *error);
    /* Path, body and what reads the reply. false: no memory. */
    bool (*request)(struct flight *flight, struct attempt *attempt);
    bool (*passes_up)(const struct flight *flight, const struct provider *provider, struct str name);
    bool (*passes_back)(const struct provider *provider, struct str name);
    /* Chooses attempt->reply.mode by the reply's head. false: it is not what this endpoint answers with. */
    bool (*mode)(const struct flight *flight, struct attempt *attempt, bool encoded);
    /* It is the answer now; its stream's head is about to be sent. NULL: nothing to do. */
    void (*delivers)(struct flight *flight, struct attempt *attempt);
    enum step (*event)(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                       struct actions *out);
    /* The caller's terminator, where the provider's has none or left it out. NULL: it passes as it came. */
    enum step (*finish)(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out);
    /* Of a stream that may have to be ended before its provider ends it, the way; NULL: there is none. What passes as
     * it came has no end of weir's own, and is written anew. */
    const struct way *ends_as;
    /* Ends its answer, as one that has become too long. NULL: nothing ends so. */
    enum step (*cut)(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out);
    /* A whole reply: its usage is read, and *body becomes what the caller gets. */
    enum failure (*whole)(struct flight *flight, struct attempt *attempt, struct now now, struct str *body);
    /* The same as one part of a stream, which has been told then, and settled. NULL: it makes no parts. */
    enum failure (*part)(struct flight *flight, struct attempt *attempt, struct str body, struct now now,
                         struct actions *out);
    /* What the last bytes of a reply that passed as it came say of its usage. */
    void (*usage)(struct flight *flight, struct attempt *attempt);
    /* Answers with the provider's own error. false: it is none that a caller can read. */
    bool (*error)(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                  struct actions *out);
    bool keeps_type;  /* the body is the caller's own, and so is its content type */
    bool writes_anew; /* the reply is written in the caller's words: it must be whole for that */
    bool cuts_all;    /* of several answers in one stream each can be ended */
    bool continues;   /* a stream that breaks may be gone on with elsewhere */
    bool goes_on;     /* it is what a stream that broke is gone on with in */
    bool blind;       /* nobody knows what is asked for: neither how it ends nor how fast says anything of a model or a
                         key, and how long it takes is open */
};

extern const struct door door_openai, door_codec, door_raw;
extern const struct way way_splice, way_opaque, way_alike, way_anew, way_translate, way_rest, way_raw;

/* By what the caller asked for. */
const struct door *door_of(enum endpoint endpoint);
/* Towards this target. */
const struct way *way_of(const struct flight *flight, const struct target *target);
/* An error in the words that the attempt's provider speaks (flight_word.c). */
void way_read_error(const struct attempt *attempt, struct str body, struct arena *arena, struct message_error *error);

#endif
