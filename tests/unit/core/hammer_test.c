/* The same words under eight threads: totals are exact. Under the thread sanitizer too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/prng.h"
#include "core/breaker.h"
#include "core/gate.h"
#include "core/limiter.h"
#include "core/lock.h"
#include "core/retry.h"

enum { threads = 8, rounds = 20000, places = 3 };
#define S 1000000000ull

static struct {
    struct cell gate, limiter, lock;
    struct share share;
    struct breaker breaker;
    _Atomic unsigned inside, passed, moved, taken, probes;
    _Atomic int most;
} shared;

static const struct limiter_rules rate = {.limit = 1000, .period_ns = S, .burst = 777};
static const struct breaker_rules rules = {
    .failure_threshold = 5, .half_open_max_calls = places, .success_threshold = 255, .window_ns = S, .open_ns = S};

static const uint64_t one = 7; /* client */

static void run_all(void *(*run)(void *seed)) {
    pthread_t running[threads];
    for (uintptr_t i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&running[i], NULL, run, (void *)(i + 1)), 0);
    for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
}

static void *enter_and_leave(void *seed) {
    (void)seed;
    for (int i = 0; i < rounds; i++) {
        if (!gate_enter(&shared.gate, places)) continue;
        int now = (int)atomic_fetch_add(&shared.inside, 1) + 1, most = atomic_load(&shared.most);
        while (now > most && !atomic_compare_exchange_weak(&shared.most, &most, now)) continue;
        atomic_fetch_sub(&shared.inside, 1);
        if (gate_leave(&shared.gate, places)) return NULL; /* nobody waits: never */
    }
    return NULL;
}

static void never_more_inside_than_there_are_places(void **state) {
    (void)state;
    run_all(enter_and_leave);
    assert_true(atomic_load(&shared.most) >= 1 && atomic_load(&shared.most) <= places);
    assert_int_equal(cell_load(&shared.gate), 0);
}

static void *wait_and_hand_over(void *seed) {
    struct prng prng;
    prng_seed(&prng, (uintptr_t)seed);
    for (int i = 0; i < rounds / 4; i++) {
        bool entered = true;
        if (!gate_enter(&shared.gate, places) && !gate_wait(&shared.gate, places, 100, &entered)) continue;
        if (!entered) { /* gives up at once: a place may be on its way, and then is wanted by nobody */
            gate_stop_waiting(&shared.gate);
            continue;
        }
        for (bool handed = gate_leave(&shared.gate, places); handed;) handed = gate_unwanted(&shared.gate);
    }
    return NULL;
}

static void whoever_gives_up_no_place_is_lost(void **state) {
    (void)state;
    run_all(wait_and_hand_over);
    assert_int_equal(cell_load(&shared.gate), 0);
}

static void *take_rate(void *seed) {
    struct limiter_ticket ticket;
    (void)seed;
    for (int i = 0; i < rounds; i++)
        if (limiter_take(&shared.limiter, &rate, 1, 5 * S, &ticket)) atomic_fetch_add(&shared.passed, 1);
    return NULL;
}

static void at_one_moment_exactly_the_burst_passes(void **state) {
    (void)state;
    run_all(take_rate);
    assert_int_equal(atomic_load(&shared.passed), rate.burst);
}

static void *fail_the_holder(void *seed) {
    (void)seed;
    for (int i = 0; i < rounds / 10; i++) {
        struct lock_view view = lock_hold(&shared.lock, 1);
        if (lock_failed(&shared.lock, view.epoch, 3, view.holder % 5 + 1) == lock_moved)
            atomic_fetch_add(&shared.moved, 1);
    }
    return NULL;
}

static void the_lock_moves_once_an_epoch(void **state) {
    (void)state;
    run_all(fail_the_holder);
    assert_int_equal(lock_view(&shared.lock).epoch, atomic_load(&shared.moved) + 1);
    assert_int_equal(lock_view(&shared.lock).holder, atomic_load(&shared.moved) % 5 + 1);
}

static void *probe(void *seed) {
    struct breaker_ticket ticket;
    (void)seed;
    for (int i = 0; i < rounds; i++) {
        if (!breaker_admit(&shared.breaker, &rules, one, 3 * S, &ticket)) continue;
        unsigned out = atomic_fetch_add(&shared.probes, 1) + 1;
        int most = atomic_load(&shared.most);
        while ((int)out > most && !atomic_compare_exchange_weak(&shared.most, &most, (int)out)) continue;
        atomic_fetch_sub(&shared.probes, 1);
        breaker_release(&shared.breaker, ticket);
    }
    return NULL;
}

static void never_more_probes_out_than_may(void **state) {
    struct breaker_ticket ticket;
    (void)state;
    for (int i = 0; i < 5; i++)
        if (breaker_admit(&shared.breaker, &rules, one, S, &ticket))
            breaker_report(&shared.breaker, &rules, S, ticket, false, 0);
    atomic_store(&shared.most, 0);
    run_all(probe);
    assert_true(atomic_load(&shared.most) >= 1 && atomic_load(&shared.most) <= places);
    assert_int_equal(breaker_view(&shared.breaker, &rules, one, 3 * S).calls_out, 0);
}

static void *count_and_take(void *seed) {
    (void)seed;
    for (int i = 0; i < rounds / 10; i++) {
        share_count(&shared.share, 7 * S);
        if (share_take(&shared.share, 100, 10, 7 * S)) atomic_fetch_add(&shared.taken, 1);
    }
    return NULL;
}

static void a_share_is_never_passed(void **state) {
    (void)state;
    run_all(count_and_take);
    unsigned taken = atomic_load(&shared.taken), requests = threads * (rounds / 10);
    assert_true(taken <= requests / 10);
    while (share_take(&shared.share, 100, 10, 7 * S)) taken++;
    assert_int_equal(taken, requests / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_more_inside_than_there_are_places), cmocka_unit_test(whoever_gives_up_no_place_is_lost),
        cmocka_unit_test(at_one_moment_exactly_the_burst_passes),  cmocka_unit_test(the_lock_moves_once_an_epoch),
        cmocka_unit_test(never_more_probes_out_than_may),          cmocka_unit_test(a_share_is_never_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
