/* twins.c - a letter a loop, which holds the making; one that is under way to a loop says all that comes meanwhile. */
#include "runtime/twins.h"

#include "base/check.h"
#include "base/memory.h"

struct twins_letter {
    struct worker *worker; /* where it goes */
    struct making *making;
};

static void twins_link(struct request *request, struct making *making) {
    CHECK(!request->twin || request->twin == making);
    if (request->twin) return;
    atomic_fetch_add_explicit(&making->holds, 1, memory_order_relaxed);
    request->twin = making;
    list_add_last(&request->worker->twins, &request->twin_place);
}

void twins_join(struct request *request, struct making *making) {
    twins_leave(request); /* one that came to nothing */
    twins_link(request, making);
    twins_tell(request->worker, making, UINT64_C(1) << request->worker->index);
}

void twins_orphan(struct request *request) {
    struct making *making = flight_making(request->flight);
    if (making) twins_link(request, making);
}

void twins_leave(struct request *request) {
    if (!request->twin) return;
    list_remove(&request->twin_place);
    making_release(request->twin);
    request->twin = NULL;
}

/* One after the other: telling one may end it, or make it follow something else, and changes no other's place. */
static void twins_arrive(void *context) {
    struct twins_letter letter = *(struct twins_letter *)context;
    struct list round;
    memory_give(context);
    CHECKF(letter.worker->loop == loop_current() && !letter.worker->stepping, "index=%u", letter.worker->index);
    atomic_fetch_and_explicit(&letter.making->told, ~(UINT64_C(1) << letter.worker->index), memory_order_acq_rel);
    list_init(&round);
    LIST_EACH_SAFE (at, following, &letter.worker->twins) {
        if (LIST_OWNER(at, struct request, twin_place)->twin != letter.making) continue;
        list_remove(at);
        list_add_last(&round, at);
    }
    while (!list_empty(&round)) {
        struct list *at = round.next;
        list_remove(at);
        list_add_last(&letter.worker->twins, at);
        request_made(LIST_OWNER(at, struct request, twin_place));
    }
    making_release(letter.making);
}

static void twins_post(struct worker *worker, struct making *making) {
    struct twins_letter *letter = memory_take(sizeof *letter);
    if (letter) {
        *letter = (struct twins_letter){worker, making};
        atomic_fetch_add_explicit(&making->holds, 1, memory_order_relaxed);
        if (loop_post(worker->loop, twins_arrive, letter)) return;
        making_release(making);
        memory_give(letter);
    }
    atomic_fetch_and_explicit(&making->told, ~(UINT64_C(1) << worker->index), memory_order_acq_rel);
}

void twins_tell(struct worker *worker, struct making *making, uint64_t loops) {
    uint64_t before = atomic_fetch_or_explicit(&making->told, loops, memory_order_acq_rel);
    for (unsigned i = 0; i < worker->peer_count; i++)
        if ((loops & ~before) >> i & 1) twins_post(&worker->peers[i], making);
}
