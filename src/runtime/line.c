/* line.c - a place travels by mailbox to the next loop where somebody waits. Who waits where is counted in the
 * provider's cells, so that a loop without waiters is not woken. */
#include "runtime/line.h"

#include "base/check.h"
#include "base/memory.h"

/* A place on its way; holds the words, which outlive every configuration. */
struct place {
    struct worker *worker; /* where it goes */
    struct provider_cells *cells;
};

void line_join(struct request *request, const struct provider *provider) {
    struct worker *worker = request->worker;
    CHECKF(!request->line_cells && worker->index < limit_loops, "index=%u", worker->index);
    request->line_cells = provider->cells;
    turns_join(&worker->line, &request->line_place, provider->cells, flight_client_hash(request->flight));
    atomic_fetch_add_explicit(&provider->cells->waiting[worker->index], 1, memory_order_acq_rel);
}

void line_leave(struct request *request) {
    if (!request->line_cells) return;
    unsigned index = request->worker->index;
    unsigned before = atomic_fetch_sub_explicit(&request->line_cells->waiting[index], 1, memory_order_acq_rel);
    CHECKF(before > 0, "index=%u", index);
    turns_leave(&request->worker->line, &request->line_place);
    request->line_cells = NULL;
}

/* The loop after the last one served that has somebody waiting; this one when none has. */
static struct worker *next_worker(struct worker *worker, struct provider_cells *cells) {
    unsigned last = (unsigned)cell_load(&cells->served);
    for (unsigned step = 1; step <= worker->peer_count; step++) {
        unsigned index = (last + step) % worker->peer_count;
        CHECKF(worker->peers[index].index == index, "index=%u", index);
        if (atomic_load_explicit(&cells->waiting[index], memory_order_acquire) == 0) continue;
        cell_store(&cells->served, index);
        return &worker->peers[index];
    }
    return worker;
}

static void place_send(struct worker *from, struct provider_cells *cells);

static void place_arrive(void *context) {
    struct place place = *(struct place *)context;
    CHECKF(place.worker->loop == loop_current() && !place.worker->stepping, "index=%u", place.worker->index);
    memory_give(context);
    struct turns_place *next = turns_take(&place.worker->line, place.cells);
    if (next) {
        struct request *request = LIST_OWNER(next, struct request, line_place);
        line_leave(request);
        request_turn(request);
        return;
    }
    if (gate_unwanted(&place.cells->gate)) place_send(place.worker, place.cells);
}

static void place_send(struct worker *from, struct provider_cells *cells) {
    struct place *place = memory_take(sizeof *place);
    if (place) {
        *place = (struct place){.worker = next_worker(from, cells), .cells = cells};
        if (loop_post(place->worker->loop, place_arrive, place)) return;
        memory_give(place);
    }
    bool handed = gate_leave(&cells->gate, 0); /* no memory: the place is free, and who waits times out */
    (void)handed;
}

void line_advance(struct worker *worker, const struct provider *provider) { place_send(worker, provider->cells); }
