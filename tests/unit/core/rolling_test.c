/* Money over a time that ends now: against a plain list of what was spent when, and under eight threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/prng.h"
#include "core/rolling.h"

enum { window_s = 3600, start_of_all = 1700000000 };
static const uint64_t bucket_s = 120;

static void what_was_spent_counts_until_its_bucket_is_too_old(void **state) {
    (void)state;
    struct rolling rolling = {0};
    uint64_t now = start_of_all, start;
    assert_int_equal(rolling_bucket_s(window_s), bucket_s);
    assert_true(rolling_reserve(&rolling, bucket_s, now, 80, 100, &start));
    rolling_settle(&rolling, start, 80, 60);
    assert_int_equal(rolling_look(&rolling, bucket_s, now).spent, 60);
    assert_false(rolling_reserve(&rolling, bucket_s, now + window_s - 1, 41, 100, &start));
    assert_true(rolling_reserve(&rolling, bucket_s, now + window_s / 2, 40, 100, &start));
    rolling_settle(&rolling, start, 40, 40);
    assert_false(rolling_reserve(&rolling, bucket_s, now + window_s - 1, 1, 100, &start));
    assert_int_equal(rolling_look(&rolling, bucket_s, now + window_s + bucket_s).committed, 40); /* not swept yet */
    assert_true(rolling_reserve(&rolling, bucket_s, now + window_s + bucket_s, 60, 100, &start));
    assert_int_equal(cell_load(&rolling.total), 100);
    assert_false(rolling_reserve(&rolling, bucket_s, now + window_s + bucket_s, 1, 100, &start));
}

static void more_is_reserved_in_the_bucket_of_the_first(void **state) {
    (void)state;
    struct rolling rolling = {0};
    uint64_t first, second, now = start_of_all;
    assert_true(rolling_reserve(&rolling, bucket_s, now, 40, 100, &first));
    assert_true(rolling_reserve(&rolling, bucket_s, now + 3 * bucket_s, 30, 100, &second));
    assert_true(rolling_reserve_more(&rolling, bucket_s, now + 3 * bucket_s, first, 20, 100));
    assert_false(rolling_reserve_more(&rolling, bucket_s, now + 3 * bucket_s, first, 11, 100));
    assert_true(rolling_reserve_more(&rolling, bucket_s, now + 3 * bucket_s, first, 10, 100));
    assert_int_equal(cell_load(&rolling.total), 100);
    /* what the first took slides out with its bucket, all of it */
    uint64_t later = first + (rolling_parts + 1) * bucket_s;
    assert_true(rolling_reserve_more(&rolling, bucket_s, later, first, 1000, 100)); /* gone: it counts nowhere */
    assert_int_equal(cell_load(&rolling.total), 30);
    rolling_settle(&rolling, first, 1070, 500);
    assert_int_equal(cell_load(&rolling.total), 30);
    assert_true(rolling_reserve_more(&rolling, bucket_s, later, second, 70, 100));
    assert_false(rolling_reserve_more(&rolling, bucket_s, later, second, 1, 100));
    rolling_settle(&rolling, second, 100, 7);
    assert_int_equal(rolling_look(&rolling, bucket_s, later).committed, 7);
}

static void what_is_told_late_counts_in_buckets_that_nobody_has_used(void **state) {
    (void)state;
    struct rolling rolling = {0};
    uint64_t now = start_of_all + 20 * bucket_s, start;
    assert_true(rolling_reserve(&rolling, bucket_s, now, 30, 100, &start));
    rolling_restore_late(&rolling, bucket_s, now - 5 * bucket_s, 40);   /* nobody was there then */
    rolling_restore_late(&rolling, bucket_s, start, 7);                 /* where something was reserved since */
    rolling_restore_late(&rolling, bucket_s, now - 40 * bucket_s, 900); /* too old to count */
    rolling_restore_late(&rolling, bucket_s, now - rolling_buckets * bucket_s, 900); /* whose place is another's */
    assert_int_equal(rolling_look(&rolling, bucket_s, now).committed, 77);
    assert_int_equal(rolling_look(&rolling, bucket_s, now).spent, 47);
    assert_false(rolling_reserve(&rolling, bucket_s, now, 24, 100, &start));
    rolling_settle(&rolling, start, 30, 30);
    uint64_t later = now + 26 * bucket_s; /* the first of them is over, and no other */
    assert_true(rolling_reserve(&rolling, bucket_s, later, 63, 100, &start));
    assert_int_equal(rolling_look(&rolling, bucket_s, later).committed, 100);
    struct rolling fresh = {0};
    rolling_restore_late(&fresh, bucket_s, start_of_all, 9); /* before anybody came */
    assert_int_equal(rolling_look(&fresh, bucket_s, start_of_all).spent, 9);
}

static void what_is_settled_late_is_gone(void **state) {
    (void)state;
    struct rolling rolling = {0};
    uint64_t first, second;
    assert_true(rolling_reserve(&rolling, bucket_s, start_of_all, 80, 100, &first));
    assert_true(rolling_reserve(&rolling, bucket_s, start_of_all + 2 * window_s, 90, 100, &second));
    rolling_settle(&rolling, first, 80, 500);
    struct spend_view view = rolling_look(&rolling, bucket_s, start_of_all + 2 * window_s);
    assert_int_equal(view.committed, 90);
    assert_int_equal(view.spent, 0);
    rolling_settle(&rolling, second, 90, 120); /* an overrun counts in full */
    assert_int_equal(cell_load(&rolling.total), 120);
}

static void what_was_written_down_is_there_again(void **state) {
    (void)state;
    struct rolling rolling = {0}, again = {0};
    for (unsigned i = 0; i < 40; i++)
        rolling_settle(&rolling, rolling_enter(&rolling, bucket_s, start_of_all + i * bucket_s), 0, 1 + i);
    uint64_t now = start_of_all + 39 * bucket_s;
    for (unsigned i = 0; i < rolling_buckets; i++) {
        uint64_t start;
        int64_t spent;
        if (rolling_bucket(&rolling, i, &start, &spent)) rolling_restore(&again, bucket_s, start, spent);
    }
    assert_int_equal(rolling_look(&again, bucket_s, now).spent, rolling_look(&rolling, bucket_s, now).spent);
    assert_int_equal(rolling_look(&again, bucket_s, now).committed, rolling_look(&rolling, bucket_s, now).committed);
}

/* Each word of it at each step against a plain list: what is told is the sum of the buckets that count. */
static void what_is_told_is_what_a_plain_list_says(void **state) {
    enum { most = 600 };
    static struct {
        uint64_t bucket;
        int64_t nano, spent;
    } all[most];
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct prng prng;
        struct rolling rolling = {0};
        uint64_t now = start_of_all;
        unsigned count = 0;
        prng_seed(&prng, seed);
        while (count < most) {
            now += prng_next(&prng) % 150;
            uint64_t first = now / bucket_s * bucket_s - rolling_parts * bucket_s;
            int64_t nano = (int64_t)(prng_next(&prng) % 50), spent = (int64_t)(prng_next(&prng) % 60), committed = 0,
                    told = 0;
            if (nano < 5) { /* nothing is reserved of what costs so little */
                nano = 0;
                all[count].bucket = rolling_enter(&rolling, bucket_s, now);
            } else {
                assert_true(rolling_reserve(&rolling, bucket_s, now, nano, spend_most, &all[count].bucket));
            }
            assert_int_equal(all[count].bucket, now / bucket_s * bucket_s);
            bool settles = prng_next(&prng) % 4;
            if (settles) rolling_settle(&rolling, all[count].bucket, nano, spent);
            all[count].nano = settles ? spent : nano;
            all[count++].spent = settles ? spent : 0;
            for (unsigned i = 0; i < count; i++) {
                committed += all[i].bucket >= first ? all[i].nano : 0;
                told += all[i].bucket >= first ? all[i].spent : 0;
            }
            struct spend_view view = rolling_look(&rolling, bucket_s, now);
            assert_int_equal(view.start_s, first);
            assert_int_equal(view.spent, told);
            assert_int_equal(view.committed, committed > told ? committed : told);
            assert_int_equal(cell_load(&rolling.total), committed);
        }
    }
}

/* A reservation fits to the last nano-dollar, in a limit that is one more than what stands there. */
static void a_limit_is_exact(void **state) {
    (void)state;
    struct rolling rolling = {0};
    uint64_t start;
    assert_true(rolling_reserve(&rolling, bucket_s, start_of_all, 99, 100, &start));
    assert_false(rolling_reserve(&rolling, bucket_s, start_of_all, 2, 100, &start));
    assert_true(rolling_reserve(&rolling, bucket_s, start_of_all, 1, 100, &start));
    assert_false(rolling_reserve(&rolling, bucket_s, start_of_all, 0, 100, &start)); /* it is reached */
    assert_true(rolling_reserve(&rolling, bucket_s, start_of_all, -7, 101, &start));
    assert_int_equal(cell_load(&rolling.total), 100);
    rolling_settle(&rolling, start, -7, 0);
    rolling_settle(&rolling, start, 0, spend_most);
    assert_int_equal(cell_load(&rolling.total), spend_most);
    for (uint64_t back = 0; back <= rolling_parts; back++) /* a clock that is set back stays in the newest */
        assert_int_equal(rolling_enter(&rolling, bucket_s, start_of_all - back * bucket_s),
                         start_of_all / bucket_s * bucket_s);
}

/* Near the beginning of time no bucket is before it. */
static void the_first_buckets_begin_at_nothing(void **state) {
    (void)state;
    struct rolling rolling = {0};
    uint64_t start;
    assert_true(rolling_reserve(&rolling, 1, 1, 5, 9, &start));
    assert_int_equal(start, 1);
    assert_int_equal(rolling_look(&rolling, 1, rolling_parts).start_s, 0);
    assert_int_equal(rolling_look(&rolling, 1, rolling_parts + 1).start_s, 1);
    assert_int_equal(rolling_look(&rolling, 1, rolling_parts + 1).committed, 5);
    assert_int_equal(rolling_look(&rolling, 1, rolling_parts + 2).start_s, 2);
    assert_int_equal(rolling_look(&rolling, 1, rolling_parts + 2).committed, 0);
    assert_int_equal(rolling_bucket_s(29), 1);
    assert_int_equal(rolling_bucket_s(30), 1);
    assert_int_equal(rolling_bucket_s(31), 2);
    assert_int_equal(rolling_bucket_s(60), 2);
    assert_int_equal(rolling_bucket_s(61), 3);
}

/* What is older than the window, or than what stands in its place, changes nothing. */
static void what_is_written_down_too_late_is_left_out(void **state) {
    (void)state;
    struct rolling rolling = {0};
    uint64_t now = start_of_all / bucket_s * bucket_s, start;
    rolling_restore(&rolling, bucket_s, now - 5 * bucket_s + 17, 7); /* in the midst of a bucket */
    rolling_restore(&rolling, bucket_s, now - 5 * bucket_s, 100);
    rolling_restore(&rolling, bucket_s, now - (5 + rolling_buckets) * bucket_s, 100);
    assert_int_equal(rolling_look(&rolling, bucket_s, now).committed, 7);
    assert_int_equal(rolling_enter(&rolling, bucket_s, now), now);
    rolling_restore(&rolling, bucket_s, now - (rolling_parts + 1) * bucket_s, 50);
    assert_int_equal(rolling_look(&rolling, bucket_s, now).committed, 7);
    rolling_restore(&rolling, bucket_s, now - rolling_parts * bucket_s, 50);
    assert_int_equal(rolling_look(&rolling, bucket_s, now).committed, 57);
    assert_int_equal(rolling_look(&rolling, bucket_s, now).spent, 57);
    assert_true(rolling_reserve(&rolling, bucket_s, now, 43, 100, &start));
    assert_false(rolling_reserve(&rolling, bucket_s, now, 1, 100, &start));
}

static void no_stretch_of_its_length_is_over(void **state) {
    (void)state;
    enum { most = 4000, tickets_max = 30, limit = 1000 };
    static struct {
        uint64_t at_s, window;
        int64_t nano;
        bool open;
    } all[most];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng prng;
        struct rolling rolling = {0};
        unsigned count = 0;
        uint64_t now = start_of_all;
        prng_seed(&prng, seed);
        for (int i = 0; i < 3000 && count < most; i++) {
            now += prng_next(&prng) % 3 ? 0 : prng_next(&prng) % 400;
            int64_t nano = (int64_t)(prng_next(&prng) % 200);
            if (prng_next(&prng) % 2) {
                if (!rolling_reserve(&rolling, bucket_s, now, nano, limit, &all[count].window)) continue;
                all[count].at_s = now;
                all[count].nano = nano;
                all[count++].open = true;
                int64_t sum = 0; /* of the window's length, back from now */
                for (unsigned k = 0; k < count; k++)
                    if (all[k].at_s + window_s > now) sum += all[k].nano;
                assert_true(sum <= limit);
            } else if (count) {
                unsigned which = (unsigned)(prng_next(&prng) % count);
                if (!all[which].open) continue;
                int64_t truth = all[which].nano ? (int64_t)(prng_next(&prng) % (uint64_t)all[which].nano) : 0;
                rolling_settle(&rolling, all[which].window, all[which].nano, truth);
                all[which].nano = truth;
                all[which].open = false;
            }
        }
        for (unsigned k = 0; k < count; k++)
            if (all[k].open) rolling_settle(&rolling, all[k].window, all[k].nano, 0);
        struct spend_view view = rolling_look(&rolling, bucket_s, now);
        assert_int_equal(view.committed, view.spent);
        assert_int_equal(rolling_look(&rolling, bucket_s, now + 2 * window_s).committed, 0);
        assert_true(count > 300);
    }
}

enum { threads = 8, rounds = 20000 };
static struct {
    struct rolling rolling;
    _Atomic uint64_t clock;
    _Atomic unsigned over, passed;
} shared;

static void *spend_on(void *seed) {
    struct prng prng;
    prng_seed(&prng, (uintptr_t)seed);
    for (int i = 0; i < rounds; i++) {
        uint64_t now = atomic_load(&shared.clock), start;
        /* Not so fast that a thread sleeps over many turns of the ring: those would be minutes at least. */
        if ((uintptr_t)seed == 1 && i % 100 == 99) atomic_fetch_add(&shared.clock, bucket_s);
        if (!rolling_reserve(&shared.rolling, bucket_s, now, 10, 20000, &start)) continue;
        if (cell_load(&shared.rolling.total) > 20000) atomic_fetch_add(&shared.over, 1);
        atomic_fetch_add(&shared.passed, 1);
        rolling_settle(&shared.rolling, start, 10, (int64_t)(prng_next(&prng) % 11));
    }
    return NULL;
}

static void threads_let_no_more_through_than_the_limit(void **state) {
    (void)state;
    pthread_t running[threads];
    memset(&shared, 0, sizeof shared);
    atomic_store(&shared.clock, start_of_all);
    for (uintptr_t i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&running[i], NULL, spend_on, (void *)(i + 1)), 0);
    for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
    uint64_t now = atomic_load(&shared.clock);
    assert_int_equal(atomic_load(&shared.over), 0);
    assert_true(atomic_load(&shared.passed) > 1000);
    struct spend_view view = rolling_look(&shared.rolling, bucket_s, now);
    assert_int_equal(view.committed, view.spent);
    assert_int_equal(rolling_enter(&shared.rolling, bucket_s, now + 3 * window_s),
                     (now + 3 * window_s) / bucket_s * bucket_s);
    assert_int_equal(cell_load(&shared.rolling.total), 0);
}

static void what_is_forgotten_of_a_bucket_leaves_what_is_reserved(void **state) {
    (void)state;
    struct rolling rolling = {0};
    uint64_t start;
    assert_true(rolling_reserve(&rolling, 10, 1000, 60, 100, &start));
    rolling_settle(&rolling, start, 0, 30);
    rolling_forget(&rolling, start, 30);
    assert_int_equal(rolling_look(&rolling, 10, 1000).spent, 0);
    assert_int_equal(rolling_look(&rolling, 10, 1000).committed, 60);
    rolling_settle(&rolling, start, 60, 50);
    assert_int_equal(rolling_look(&rolling, 10, 1000).committed, 50);
    rolling_forget(&rolling, start + 10, 50); /* there is none */
    assert_int_equal(rolling_look(&rolling, 10, 1000).spent, 50);
    assert_int_equal(rolling_look(&rolling, 10, 2000).committed, 0);
    rolling_forget(&rolling, start, 50); /* gone */
    assert_int_equal(rolling_look(&rolling, 10, 2000).committed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_forgotten_of_a_bucket_leaves_what_is_reserved),
        cmocka_unit_test(what_was_spent_counts_until_its_bucket_is_too_old),
        cmocka_unit_test(more_is_reserved_in_the_bucket_of_the_first),
        cmocka_unit_test(what_is_told_late_counts_in_buckets_that_nobody_has_used),
        cmocka_unit_test(what_is_settled_late_is_gone),
        cmocka_unit_test(what_was_written_down_is_there_again),
        cmocka_unit_test(what_is_told_is_what_a_plain_list_says),
        cmocka_unit_test(a_limit_is_exact),
        cmocka_unit_test(the_first_buckets_begin_at_nothing),
        cmocka_unit_test(what_is_written_down_too_late_is_left_out),
        cmocka_unit_test(no_stretch_of_its_length_is_over),
        cmocka_unit_test(threads_let_no_more_through_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
