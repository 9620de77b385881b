/* worker.h - one event loop with what its requests need: the client, scratch memory, the deployment of the moment. A
 * request lives and dies on the worker that began it. Everything here runs on the worker's own thread unless it says
 * otherwise. */
#ifndef WEIR_RUNTIME_WORKER_H
#define WEIR_RUNTIME_WORKER_H

#include "base/prng.h"
#include "flight/flight.h"
#include "net/http_client.h"
#include "runtime/books.h"
#include "runtime/deployment.h"
#include "runtime/latch.h"
#include "runtime/report.h"
#include "runtime/response_store.h"

struct worker {
    unsigned index;
    struct loop *loop;
    struct http_client *client;
    struct deployment *deployment; /* held; what the next request begins with */
    struct flight_host host;
    struct arena scratch;
    struct spares spares, chunk_spares;         /* of flights, and their bodies */
    struct spares request_spares, visit_spares; /* struct request; what the gateway has of each */
    struct actions actions;
    struct prng prng; /* for request ids */
    struct reporter reporter;
    struct list requests; /* struct request, live ones */
    size_t request_count;
    struct list line;     /* struct request by line_place: those that wait for a place at a provider (base/turns.h) */
    struct list twins;    /* struct request by twin_place: those that follow what another makes, and orphans */
    struct worker *peers; /* all of them, this one too */
    unsigned peer_count;
    struct response_store *responses;          /* stored ones; of all workers */
    struct cache_keeper *_Atomic cache_keeper; /* kept answers on the disk; of all workers; NULL: they are not */
    struct books *books;                       /* what is spent; of all workers; NULL: nothing is kept */
    struct prober *prober;                     /* on the first worker; else NULL */
    size_t streams_open;
    struct timer gauges; /* once a second, and soon after the last request: connections, memory */
    bool gauges_soon;
    size_t (*callers)(void *context); /* connections of callers; NULL: there is no listener */
    void *callers_context;
    struct letter *drain_letter, *stop_letter; /* made at the start: an end must not lack memory */
    struct latch *drained;                     /* counted down once when no request is left; NULL: nobody waits */
    bool draining;
    bool running;  /* its thread was started */
    bool stepping; /* CHECKs that performing never re-enters */
};

/* Made on any thread before its loop runs. false: no memory or descriptors. Takes over one hold on the deployment.
 * What it holds for strangers is counted in `memory`. */
bool worker_init(struct worker *worker, unsigned index, struct deployment *deployment, struct budget *memory,
                 struct reports *reports);
/* What the next requests begin with. Takes over the hold. Idle connections of origins that it has no more are
 * closed; fresh connections: all of them, so that names are looked up anew. */
void worker_deploy(struct worker *worker, struct deployment *deployment, bool fresh_connections);
/* "req_" and 24 hexadecimal digits, NUL-ended: 8 of the time, 16 drawn. */
void worker_request_id(struct worker *worker, char id[limit_request_id + 1]);
/* On the worker's thread: from now on its gauges are kept. */
void worker_start(struct worker *worker);
/* On the worker's thread: no request is left, and what the gauges say is made true within a moment. */
void worker_is_quiet(struct worker *worker);
/* On the worker's thread: tells `drained` when the last request has ended. */
void worker_drain(struct worker *worker);
/* On its loop: the time for that is over, and all that is under way is answered with it. */
void worker_shutdown(struct worker *worker);
/* On the worker's thread: breaks off every request and closes the client. */
void worker_stop(struct worker *worker);
/* After its loop has ended, any thread. */
void worker_free(struct worker *worker);

#endif
