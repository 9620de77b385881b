/* loop_test.c - turns, letters from other threads, what waits for a turn's end, and time. */
#include "net/loop.h"

#include <sched.h>
#include <time.h>

#include "base/memory.h"
#include "net_bench.h"

enum { letters = 1000 };

struct story {
    struct net_bench bench; /* first: the loop's functions get it */
    struct timer timers[3];
    struct loop_deferred deferred, other;
    size_t count, order[letters];
    _Atomic bool stopped;
    uint64_t marks[3];
};

static void note(struct story *story, size_t what) {
    assert_true(story->count < letters);
    story->order[story->count++] = what;
}

struct letter_of {
    struct story *story;
    size_t number;
};

static void letter_read(void *context) {
    const struct letter_of *letter = context;
    assert_ptr_equal(loop_current(), letter->story->bench.loop);
    note(letter->story, letter->number);
    if (letter->number == letters - 1) net_bench_stop(&letter->story->bench);
}

static struct letter_of sent[letters];

static void *letters_send(void *context) {
    for (size_t i = 0; i < letters; i++) {
        sent[i] = (struct letter_of){context, i};
        assert_true(loop_post(((struct story *)context)->bench.loop, letter_read, &sent[i]));
    }
    return NULL;
}

static void letters_of_another_thread_are_read_in_their_order(void **state) {
    struct story story = {.count = 0};
    (void)state;
    net_bench_open(&story.bench);
    net_bench_run(&story.bench, letters_send, &story);
    assert_int_equal(story.count, letters);
    for (size_t i = 0; i < letters; i++) assert_int_equal(story.order[i], i);
    assert_null(loop_current());
    loop_free(story.bench.loop);
}

static void nothing(void *context) { (void)context; }

static void a_loop_that_has_ended_takes_no_letter(void **state) {
    struct story story = {.count = 0};
    (void)state;
    net_bench_open(&story.bench);
    assert_true(loop_post(story.bench.loop, net_bench_stop, &story.bench)); /* before it runs: read when it does */
    net_bench_run(&story.bench, NULL, NULL);
    assert_false(loop_post(story.bench.loop, nothing, NULL));
    struct letter *letter = loop_letter_new();
    assert_non_null(letter);
    assert_false(loop_letter_post(story.bench.loop, letter, nothing, NULL)); /* and is freed all the same */
    loop_letter_throw(loop_letter_new());
    loop_letter_throw(NULL);
    loop_free(story.bench.loop);
}

static void deferred_again(void *context) {
    struct story *story = context;
    note(story, story->count);
    if (story->count < 3)
        loop_defer(story->bench.loop, &story->deferred); /* from inside: once more in the same turn */
    else
        net_bench_stop(&story->bench);
}

static void never(void *context) {
    (void)context;
    fail_msg("it was taken back");
}

static void what_is_deferred_runs_once_and_what_is_taken_back_never(void **state) {
    struct story story = {.deferred = {.run = deferred_again}, .other = {.run = never}};
    (void)state;
    story.deferred.context = &story;
    net_bench_open(&story.bench);
    loop_defer(story.bench.loop, &story.deferred);
    loop_defer(story.bench.loop, &story.deferred); /* waits already */
    loop_defer(story.bench.loop, &story.other);
    loop_defer_cancel(&story.other);
    loop_defer_cancel(&story.other);
    net_bench_run(&story.bench, NULL, NULL);
    assert_int_equal(story.count, 3);
    loop_free(story.bench.loop);
}

static void third(void *context) {
    struct story *story = context;
    note(story, 3);
    story->marks[2] = loop_now(story->bench.loop).mono_ns;
    net_bench_stop(&story->bench);
}
static void first(void *context) {
    struct story *story = context;
    note(story, 1);
    story->marks[0] = loop_now(story->bench.loop).mono_ns;
    assert_true(loop_now_fresh(story->bench.loop).mono_ns >= story->marks[0]);
    const uint64_t before_ns = loop_now_fresh(story->bench.loop).mono_ns, then_ns = loop_elapsed_ns(story->bench.loop);
    assert_true(story->marks[0] + then_ns >= before_ns);
    assert_true(story->marks[0] + then_ns <= loop_now_fresh(story->bench.loop).mono_ns);
    assert_true(loop_now(story->bench.loop).mono_ns == story->marks[0]); /* read once a turn */
    timer_cancel(story->bench.loop, &story->timers[1]);
}

static void timers_fire_in_order_and_not_before_their_time(void **state) {
    struct story story = {.count = 0};
    (void)state;
    net_bench_open(&story.bench);
    struct loop *loop = story.bench.loop;
    uint64_t begun_ns = loop_now(loop).mono_ns;
    timer_set(loop, &story.timers[2], begun_ns + 20 * NS_PER_MS, third, &story);
    timer_set(loop, &story.timers[1], begun_ns + 10 * NS_PER_MS, never, &story);
    timer_set(loop, &story.timers[0], begun_ns + NS_PER_S, first, &story);
    timer_set(loop, &story.timers[0], begun_ns + 5 * NS_PER_MS, first, &story); /* moved nearer */
    net_bench_run(&story.bench, NULL, NULL);
    assert_true(story.count == 2 && story.order[0] == 1 && story.order[1] == 3);
    assert_true(story.marks[0] >= begun_ns + 5 * NS_PER_MS && story.marks[2] >= begun_ns + 20 * NS_PER_MS);
    loop_free(loop);
}

static void runs_in_its_thread(void *context) {
    struct story *story = context;
    note(story, loop_current() == story->bench.loop);
    loop_stop(story->bench.loop);
}

static void a_thread_of_its_own_runs_it_until_it_is_stopped(void **state) {
    struct story story = {.count = 0};
    (void)state;
    story.bench.loop = loop_new();
    assert_true(loop_post(story.bench.loop, runs_in_its_thread, &story));
    assert_true(loop_start_thread(story.bench.loop, "a-loop"));
    loop_join(story.bench.loop);
    loop_join(story.bench.loop); /* changes nothing */
    assert_true(story.count == 1 && story.order[0]);
    loop_free(story.bench.loop);
}

static void notes_once(void *context) { note(context, 7); }

/* No letter is needed for it, and those that were sent before are read. */
static void it_stops_where_there_is_no_memory(void **state) {
    struct story story = {.count = 0};
    (void)state;
    story.bench.loop = loop_new();
    assert_true(loop_post(story.bench.loop, notes_once, &story));
    memory_fail_at(1);
    loop_stop(story.bench.loop);
    assert_false(loop_post(story.bench.loop, notes_once, &story)); /* that was the first that asked for memory */
    memory_fail_at(0);
    assert_true(loop_start_thread(story.bench.loop, "a-loop"));
    loop_join(story.bench.loop);
    assert_true(story.count == 1 && story.order[0] == 7);
    loop_free(story.bench.loop);
}

/* Both clocks in nanoseconds, between what the system says before and after. */
static void the_clocks_are_the_systems(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct timespec before[2], after[2];
        clock_gettime(CLOCK_MONOTONIC, &before[0]);
        clock_gettime(CLOCK_REALTIME, &before[1]);
        struct now now = clock_read();
        clock_gettime(CLOCK_MONOTONIC, &after[0]);
        clock_gettime(CLOCK_REALTIME, &after[1]);
        const int64_t read[] = {(int64_t)now.mono_ns, now.wall_ns};
        for (size_t clock = 0; clock < 2; clock++) {
            assert_true(read[clock] >= before[clock].tv_sec * INT64_C(1000000000) + before[clock].tv_nsec);
            assert_true(read[clock] <= after[clock].tv_sec * INT64_C(1000000000) + after[clock].tv_nsec);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stops_where_there_is_no_memory),
        cmocka_unit_test(the_clocks_are_the_systems),
        cmocka_unit_test(letters_of_another_thread_are_read_in_their_order),
        cmocka_unit_test(a_loop_that_has_ended_takes_no_letter),
        cmocka_unit_test(what_is_deferred_runs_once_and_what_is_taken_back_never),
        cmocka_unit_test(timers_fire_in_order_and_not_before_their_time),
        cmocka_unit_test(a_thread_of_its_own_runs_it_until_it_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
