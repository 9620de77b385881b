/* request.h - performs what a flight asks for: the one place where the engine meets net. On one worker's thread. */
#ifndef WEIR_RUNTIME_REQUEST_H
#define WEIR_RUNTIME_REQUEST_H

#include "base/turns.h"
#include "net/fetch.h"
#include "runtime/conversation.h"
#include "runtime/restored.h"
#include "runtime/worker.h"

/* Who receives the answer: an exchange of the gateway, or a caller of the library. Never calls back from inside these.
 */
struct request_sink {
    void (*respond)(void *owner, int status, const struct http_header *headers, size_t header_count,
                    int64_t content_length);
    void (*write)(void *owner, const struct str *ranges, size_t count); /* borrowed during the call */
    void (*end)(void *owner);
    void (*abort)(void *owner);
    size_t (*unsent)(void *owner);
    void (*closed)(void *owner, const struct flight *flight); /* the last: the request is no more */
};

/* The call of one attempt. A request has two attempts at most that run at once. */
struct lane {
    struct request *request;
    struct call *call; /* NULL: none */
    unsigned attempt;  /* whose it is, or was */
    struct timer late; /* tells of a call that could not even begin */
};

struct request {
    struct list node; /* of worker->requests */
    struct worker *worker;
    struct deployment *deployment; /* held: the configuration it began with */
    struct flight *flight;
    const struct request_sink *sink;
    void *sink_owner;
    struct lane lanes[2];
    struct timer timer;
    struct response_question *recall;  /* under way; NULL: none */
    struct restored *restored;         /* its answer on the way; NULL: it goes as it is */
    bool broken, told_broken;          /* the answer on the way had no memory, and was broken off */
    struct conversation *conversation; /* gathered; NULL: it is not kept */
    struct embedder *embedder;         /* of its last words; NULL: none */
    struct fetch *fetch;               /* of a file that stands in it as a URL; NULL: none */
    struct fetch_rules fetch_rules;
    uint64_t overhead_ns;              /* weir's own share of the time so far */
    bool full;                         /* the sink was over limit_write_high */
    bool streams;                      /* counted among the worker's open streams */
    bool told;                         /* of the shutdown */
    enum live_telling live;            /* whether those who watch are told of it */
    bool leaving;                      /* the flight is closed, and the sink has not sent all of its answer */
    struct list twin_place;            /* in worker->twins */
    struct making *twin;               /* that it follows, or makes for others alone; held; NULL: none */
    struct turns_place line_place;     /* in worker->line */
    struct provider_cells *line_cells; /* whose place it waits for; NULL: none */
};

/* What the names of a path are decoded into. */
struct request_names {
    char model[limit_model + 1], provider[limit_name + 1];
};

/* What a path and its query ask for: endpoint, the model or the provider that it names. The rest of *asked stays.
 * false: it is no path of a model's, nor one below /providers/. */
bool request_place(enum http_method method, struct str path, struct str query, struct request_names *names,
                   struct flight_request *asked);
/* Begins a request. NULL: out of memory; nothing was called. The sink may be called before this returns, `closed` too:
 * then *ended is set and the result must not be used. A request whose answer has ended and is not all sent stays until
 * request_delivered or request_gone: only then it is known what became of it. */
struct request *request_start(struct worker *worker, const struct flight_request *asked,
                              const struct request_sink *sink, void *sink_owner, bool *ended);
/* The same under an earlier configuration, of a client of that. */
struct request *request_start_under(struct worker *worker, struct deployment *deployment,
                                    const struct flight_request *asked, const struct request_sink *sink,
                                    void *sink_owner, bool *ended);
/* Each answers false when the request takes no more. */
bool request_body(struct request *request, struct str piece);
bool request_body_end(struct request *request);
bool request_writable(struct request *request);
/* A place that it stood in line for is its own. */
void request_turn(struct request *request);
/* Of what it follows there is more. */
void request_made(struct request *request);
/* All of the answer has left: told by a sink whose `unsent` was above 0 when the answer ended. Before that, and where
 * all had left by then, it changes nothing. */
void request_delivered(struct request *request);
void request_gone(struct request *request);
/* The process is about to end: it is answered with that, where it can be. */
void request_shutdown(struct request *request);
/* Ends it from our side: the sink gets `abort` and `closed`. */
void request_break(struct request *request);

#endif
