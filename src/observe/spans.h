/* spans.h - what becomes a trace: a request that is over and its attempts, as numbers and copies of strings, in a ring
 * of bytes of each loop. Its own loop puts, one thread (the exporter's) takes. What does not fit is dropped and
 * counted: a loop waits for nobody. No text is made here.
 *
 *   loop -> ring: [ length | request | its texts | attempt | its texts | ... ] -> exporter       each record in one
 * piece
 */
#ifndef WEIR_OBSERVE_SPANS_H
#define WEIR_OBSERVE_SPANS_H

#include "base/str.h"

enum { spans_attempts_most = 32, spans_text_most = 256, spans_content_most = 64 * 1024 };

/* {NULL,0} and an empty text: there is none. A longer one than spans_text_most is cut. */
#define SPAN_REQUEST_TEXTS(X) \
    X(trace)                  \
    X(parent)                 \
    X(state)                  \
    X(own_id)                 \
    X(caller_id)              \
    X(operation)              \
    X(endpoint)               \
    X(model)                  \
    X(client)                 \
    X(route)                  \
    X(rule)                   \
    X(session)                \
    X(error)                  \
    X(provider)               \
    X(system)                 \
    X(served)                 \
    X(cache)
/* Of a chat whose content is wanted: what was sent and answered, as it was, up to spans_content_most each. */
#define SPAN_REQUEST_CONTENT(X) \
    X(path_model)               \
    X(sent)                     \
    X(said)
#define SPAN_ATTEMPT_TEXTS(X) \
    X(provider)               \
    X(system)                 \
    X(model)                  \
    X(failure)                \
    X(code)

struct span_request {
#define X(name) struct str name;
    SPAN_REQUEST_TEXTS(X)
    SPAN_REQUEST_CONTENT(X)
#undef X
    struct str instructions, input, output; /* made of that behind the ring (runtime/trace_content.h) */
    unsigned asked_by;                      /* by which of weir's paths */
    bool streamed, left_out;                /* the answer is made of events; content is too long, or cannot be read */
    uint64_t span;                          /* its id */
    int64_t started_wall_ns;
    uint64_t duration_us, overhead_us;
    int64_t cost_nano_usd, saved_nano_usd; /* -1: not known */
    int status;                            /* 0: none was answered */
    unsigned attempts;                     /* of all, those that are not told too */
    bool stream, caller_gone, failed;      /* failed: by weir, or answered by a 5xx */
};

struct span_attempt {
#define X(name) struct str name;
    SPAN_ATTEMPT_TEXTS(X)
#undef X
    uint64_t span;
    int64_t started_wall_ns;
    uint64_t duration_us, first_token_us;                                                     /* 0: there was none */
    int64_t input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens; /* -1: not known */
    int64_t cost_nano_usd, output_cap;                                                        /* the same */
    int status;
    bool good, cancelled, hedge, failover, estimated;
};

struct spans;
struct spans_ring;

/* For all loops. NULL: no memory. */
struct spans *spans_new(void);
void spans_free(struct spans *spans); /* after the last loop has put its last; NULL is fine */
/* Of one loop; lives as long as spans. NULL: no memory, or there are limit_loops. Any thread. */
struct spans_ring *spans_ring_open(struct spans *spans);
/* The loop's own thread. Copies. false: there was no room. At most spans_attempts_most of the attempts: the first. */
bool spans_put(struct spans_ring *ring, const struct span_request *request, const struct span_attempt *attempts,
               size_t count);

/* One thread. The oldest record of some ring, its texts in it; until spans_taken. false: there is none. */
struct spans_record {
    struct span_request request;
    struct span_attempt attempts[spans_attempts_most];
    size_t count;
    struct spans_ring *ring;
    uint64_t next; /* of the ring's bytes, when this one is given back */
};
bool spans_take(struct spans *spans, struct spans_record *record);
void spans_taken(struct spans_record *record);
uint64_t spans_dropped(const struct spans *spans); /* any thread */

#endif
