/* worker.c - making and ending a worker. What it does with requests is in request.c. */
#include "runtime/worker.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "net/stream.h"
#include "runtime/request.h"

bool worker_init(struct worker *worker, unsigned index, struct deployment *deployment, struct budget *memory,
                 struct reports *reports) {
    uint64_t seed;
    random_bytes(&seed, sizeof seed);
    *worker = (struct worker){.index = index, .deployment = deployment};
    worker->host = (struct flight_host){.budget = memory,
                                        .scratch = &worker->scratch,
                                        .spares = &worker->spares,
                                        .chunk_spares = &worker->chunk_spares};
    arena_init(&worker->scratch, 64 * 1024, 64 * 1024 * 1024);
    arena_hold_within(&worker->scratch, memory);
    prng_seed(&worker->prng, seed);
    list_init(&worker->requests);
    list_init(&worker->line);
    list_init(&worker->twins);
    worker->host.prng = &worker->prng;
    CHECKF(index < limit_loops, "index=%u", index); /* words for each loop stand in tables of so many */
    worker->loop = loop_new();
    if (worker->loop) streams_hold_within(worker->loop, memory);
    worker->client = worker->loop ? http_client_new(worker->loop) : NULL;
    if (worker->client)
        http_client_set_origins(worker->client, deployment->origins, deployment->snapshot->provider_count, true);
    return worker->client && reporter_init(&worker->reporter, reports, index);
}

void worker_deploy(struct worker *worker, struct deployment *deployment, bool fresh_connections) {
    CHECK(loop_current() == worker->loop && !worker->stepping);
    deployment_release(worker->deployment);
    worker->deployment = deployment;
    http_client_set_origins(worker->client, deployment->origins, deployment->snapshot->provider_count,
                            fresh_connections);
}

/* By their times, in units of 16 ms, first (they come round after two years): so that the ledger's index of them grows
 * at its end. */
void worker_request_id(struct worker *worker, char id[limit_request_id + 1]) {
    const uint64_t drawn = prng_next(&worker->prng);
    const uint32_t at = __builtin_bswap32((uint32_t)(loop_now(worker->loop).wall_ns / (16 * (int64_t)NS_PER_MS)));
    unsigned char bytes[sizeof at + sizeof drawn];
    memcpy(bytes, &at, sizeof at);
    memcpy(bytes + sizeof at, &drawn, sizeof drawn);
    memcpy(id, "req_", 4);
    hash_to_hex(bytes, sizeof bytes, id + 4);
    id[4 + 2 * sizeof bytes] = 0;
}

static void on_gauges(void *context) {
    struct worker *worker = context;
    struct metrics_loop *metrics = worker->reporter.metrics;
    size_t idle, upstream = http_client_connections(worker->client, &idle);
    metrics_gauge_set(metrics, metrics_upstream_idle, idle);
    metrics_gauge_set(metrics, metrics_upstream_busy, upstream - idle);
    metrics_gauge_set(metrics, metrics_upstream_replaced, http_client_replaced(worker->client));
    metrics_gauge_set(metrics, metrics_caller_connections,
                      worker->callers ? worker->callers(worker->callers_context) : 0);
    if (worker->index == 0 && worker->host.budget)
        metrics_gauge_set(metrics, metrics_memory_held, atomic_load(&worker->host.budget->taken));
    worker->gauges_soon = false;
    timer_set(worker->loop, &worker->gauges, loop_now(worker->loop).mono_ns + NS_PER_S, on_gauges, worker);
}

void worker_start(struct worker *worker) { on_gauges(worker); }

void worker_is_quiet(struct worker *worker) {
    const uint64_t soon_ns = 20 * NS_PER_MS; /* when connections have come to rest too, and not at each of many */
    if (worker->gauges_soon || !worker->gauges.set) return;
    worker->gauges_soon = true;
    timer_set(worker->loop, &worker->gauges, loop_now(worker->loop).mono_ns + soon_ns, on_gauges, worker);
}

void worker_drain(struct worker *worker) {
    worker->draining = true;
    CHECKF((worker->request_count == 0) == list_empty(&worker->requests), "count=%zu", worker->request_count);
    if (worker->request_count || !worker->drained) return;
    latch_down(worker->drained);
    worker->drained = NULL;
}

void worker_shutdown(struct worker *worker) {
    struct list *at = worker->requests.next;
    while (at != &worker->requests) {
        struct request *request = LIST_OWNER(at, struct request, node);
        at = at->next;
        if (request->told) continue;
        request_shutdown(request);
        at = worker->requests.next; /* ending one may end others */
    }
}

void worker_stop(struct worker *worker) {
    timer_cancel(worker->loop, &worker->gauges);
    while (!list_empty(&worker->requests)) request_break(LIST_OWNER(worker->requests.next, struct request, node));
    CHECKF(worker->request_count == 0 && list_empty(&worker->line), "count=%zu", worker->request_count);
    if (worker->client) http_client_free(worker->client);
    worker->client = NULL;
}

void worker_free(struct worker *worker) {
    if (!worker->requests.next) return; /* the one before it could not be made */
    CHECK(list_empty(&worker->requests) && list_empty(&worker->line));
    if (worker->client) http_client_free(worker->client); /* its loop never ran */
    if (worker->loop) loop_free(worker->loop);
    arena_free(&worker->scratch);
    spares_free(&worker->spares);
    spares_free(&worker->chunk_spares);
    spares_free(&worker->request_spares);
    spares_free(&worker->visit_spares);
    if (worker->deployment) deployment_release(worker->deployment);
    reporter_free(&worker->reporter);
}
