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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_spent_counts_until_its_bucket_is_too_old),
        cmocka_unit_test(what_is_settled_late_is_gone),
        cmocka_unit_test(what_was_written_down_is_there_again),
        cmocka_unit_test(no_stretch_of_its_length_is_over),
        cmocka_unit_test(threads_let_no_more_through_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
