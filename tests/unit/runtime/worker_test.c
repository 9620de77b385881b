/* worker_test.c - gauges: they are made true soon after the last request, however often that comes, and never after the
 * worker's end; and requests' ids. */
#include "runtime/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void nothing(void *context) { (void)context; }

static void the_moment_that_is_set_stands_however_often_it_is_quiet(void **state) {
    (void)state;
    struct loop *loop = loop_new();
    assert_non_null(loop);
    struct worker worker = {.loop = loop};
    uint64_t now_ns = loop_now(loop).mono_ns, second_ns = now_ns + NS_PER_S;
    timer_set(loop, &worker.gauges, second_ns, nothing, NULL);
    worker_is_quiet(&worker);
    assert_true(worker.gauges_soon && worker.gauges.deadline_ns > now_ns && worker.gauges.deadline_ns < second_ns);
    timer_set(loop, &worker.gauges, now_ns + 1, nothing, NULL); /* as if it had been set a while ago */
    worker_is_quiet(&worker);
    assert_true(worker.gauges.deadline_ns == now_ns + 1);
    timer_cancel(loop, &worker.gauges);
    loop_free(loop);
}

static void a_worker_that_has_ended_sets_nothing_more(void **state) {
    (void)state;
    struct loop *loop = loop_new();
    assert_non_null(loop);
    struct worker worker = {.loop = loop};
    worker_is_quiet(&worker);
    assert_false(worker.gauges.set || worker.gauges_soon);
    loop_free(loop);
}

static void ids_begin_with_their_time_and_differ(void **state) {
    char ids[64][limit_request_id + 1], expected[16];
    (void)state;
    struct loop *loop = loop_new();
    assert_non_null(loop);
    struct worker worker = {.loop = loop};
    prng_seed(&worker.prng, 7);
    snprintf(expected, sizeof expected, "req_%08x", (unsigned)(uint32_t)(loop_now(loop).wall_ns / 16000000));
    for (size_t i = 0; i < 64; i++) {
        worker_request_id(&worker, ids[i]);
        assert_int_equal(strlen(ids[i]), 28);
        assert_int_equal(strspn(ids[i] + 4, "0123456789abcdef"), 24);
        assert_memory_equal(ids[i], expected, 12);
        for (size_t k = 0; k < i; k++) assert_string_not_equal(ids[i], ids[k]);
    }
    loop_free(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_moment_that_is_set_stands_however_often_it_is_quiet),
        cmocka_unit_test(a_worker_that_has_ended_sets_nothing_more),
        cmocka_unit_test(ids_begin_with_their_time_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
