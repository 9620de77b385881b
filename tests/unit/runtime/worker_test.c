/* worker_test.c - gauges: they are made true soon after the last request, however often that comes, and never after the
 * worker's end. */
#include "runtime/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_moment_that_is_set_stands_however_often_it_is_quiet),
        cmocka_unit_test(a_worker_that_has_ended_sets_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
