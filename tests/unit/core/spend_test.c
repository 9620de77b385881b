/* Money against a limit: against plain sums, in every order of a few things, and under eight threads (under the thread
 * sanitizer too). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/prng.h"
#include "core/spend.h"

static int64_t committed_of(const struct spend *spend, uint64_t start_s) {
    return spend_look(spend, start_s).committed;
}

static void what_is_reserved_is_committed_and_settles_to_the_truth(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t window;
    assert_true(spend_reserve(&spend, 100, 60, 100, &window));
    assert_int_equal(window, 100);
    assert_false(spend_reserve(&spend, 100, 41, 100, &window)); /* at most the limit */
    assert_true(spend_would_reserve(&spend, 100, 40, 100));
    spend_settle(&spend, 100, 60, 10);
    struct spend_view view = spend_look(&spend, 100);
    assert_int_equal(view.committed, 10);
    assert_int_equal(view.spent, 10);
    assert_true(spend_reserve(&spend, 100, 90, 100, &window));
    assert_false(spend_would_reserve(&spend, 100, 0, 100)); /* it is reached: nothing passes, not what is free either */
    spend_settle(&spend, 100, 90, 500);                     /* an overrun stands there in full */
    assert_int_equal(committed_of(&spend, 100), 510);
    assert_int_equal(spend_look(&spend, 100).spent, 510);
}

static void more_is_reserved_in_the_window_of_the_first(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t window, next;
    assert_true(spend_reserve(&spend, 100, 40, 100, &window));
    assert_true(spend_reserve_more(&spend, window, 50, 100));
    assert_false(spend_reserve_more(&spend, window, 11, 100));
    assert_true(spend_reserve_more(&spend, window, 10, 100)); /* at most the limit, and all of it */
    assert_true(spend_reserve_more(&spend, window, 0, 100));
    assert_int_equal(committed_of(&spend, 100), 100);
    assert_true(spend_reserve(&spend, 200, 90, 100, &next)); /* a new window: what belongs to the old one stays there */
    assert_false(spend_reserve_more(&spend, window, 1, 100));
    assert_true(spend_reserve_more(&spend, window, 5, 105));
    assert_int_equal(committed_of(&spend, 200), 90);
    spend_settle(&spend, window, 105, 30);
    assert_true(spend_reserve_more(&spend, window, 70, 100));
    assert_false(spend_reserve_more(&spend, window, 1, 100));
    assert_true(spend_reserve(&spend, 300, 1, 100, &next));
    assert_true(spend_reserve_more(&spend, window, 1000, 100)); /* gone: it counts nowhere */
    spend_settle(&spend, window, 1070, 1000);
    assert_int_equal(committed_of(&spend, 300), 1);
    assert_int_equal(spend_look(&spend, 300).spent, 0);
}

static void sums_end_at_the_most_and_below_nothing_is_nothing(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t window;
    assert_true(spend_reserve(&spend, 100, 10, 100, &window));
    spend_settle(&spend, 100, -5, 20); /* nothing was reserved */
    assert_int_equal(committed_of(&spend, 100), 30);
    spend_settle(&spend, 100, 10, -5);
    assert_int_equal(committed_of(&spend, 100), 20);
    assert_int_equal(spend_look(&spend, 100).spent, 20);
    assert_false(spend_reserve(&spend, 100, INT64_MAX, INT64_MAX, &window)); /* as much as there is, beside what was */
    assert_true(spend_reserve(&spend, 100, spend_most - 20, INT64_MAX, &window));
    spend_settle(&spend, 100, spend_most - 20, INT64_MAX);
    assert_int_equal(committed_of(&spend, 100), spend_most);
    assert_int_equal(spend_look(&spend, 100).spent, spend_most);
    spend_settle(&spend, 100, 0, 1);
    assert_int_equal(committed_of(&spend, 100), spend_most);
    spend_settle(&spend, 101, 0, 1); /* of no window */
    assert_int_equal(spend_look(&spend, 100).start_s, 100);
    assert_true(spend_would_reserve(&spend, 200, -1, 1) && !spend_would_reserve(&spend, 200, 0, 0));
    assert_true(spend_would_reserve(&spend, 200, 1, 1) && !spend_would_reserve(&spend, 200, 2, 1));
}

static void a_window_begins_at_nothing_and_late_money_stays_in_its_own(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t january, february;
    assert_true(spend_reserve(&spend, 100, 80, 100, &january));
    assert_true(spend_reserve(&spend, 200, 70, 100, &february));
    assert_int_equal(committed_of(&spend, 200), 70);
    spend_settle(&spend, january, 80, 75); /* reserved on 31 January, settled on 1 February */
    assert_int_equal(committed_of(&spend, 200), 70);
    assert_int_equal(spend_look(&spend, 200).spent, 0);
    for (uint64_t start = 300; start < 5000; start += 100) {
        uint64_t window;
        assert_true(spend_reserve(&spend, start, 1, 100, &window));
        spend_settle(&spend, february, 70, 90); /* long gone */
        assert_int_equal(committed_of(&spend, start), 1);
    }
}

static void a_clock_that_is_set_back_stays_in_the_newest_window(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t window;
    assert_true(spend_reserve(&spend, 200, 70, 100, &window));
    assert_false(spend_reserve(&spend, 100, 40, 100, &window));
    assert_true(spend_reserve(&spend, 100, 30, 100, &window));
    assert_int_equal(window, 200);
    assert_int_equal(spend_look(&spend, 100).start_s, 200);
}

static void windows_in_which_nothing_passed_leave_nothing_behind(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t window;
    assert_true(spend_reserve(&spend, 1, 50, 100, &window));
    for (uint64_t start = 2; start < 200; start++) { /* turns wrap around many times */
        assert_false(spend_reserve(&spend, start, 1, 0, &window));
        assert_int_equal(committed_of(&spend, start), 0);
    }
    assert_true(spend_reserve(&spend, 200, 100, 100, &window));
}

static void what_was_written_down_is_there_again(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t window;
    spend_restore(&spend, 100, 90);
    assert_int_equal(spend_look(&spend, 100).spent, 90);
    assert_false(spend_reserve(&spend, 100, 11, 100, &window));
    spend_restore(&spend, 200, 20);
    spend_restore(&spend, 100, 99); /* older than what stands there */
    assert_int_equal(committed_of(&spend, 200), 20);
    assert_true(spend_reserve(&spend, 200, 80, 100, &window));
}

static void what_reserves_nothing_is_settled_in_the_window_it_came_in(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t window = spend_enter(&spend, 100);
    spend_enter(&spend, 200);
    spend_settle(&spend, window, 0, 30);
    assert_int_equal(spend_look(&spend, 200).spent, 0);
    spend_settle(&spend, spend_enter(&spend, 200), 0, 40);
    assert_int_equal(spend_look(&spend, 200).spent, 40);
    assert_int_equal(committed_of(&spend, 200), 40);
}

static void money_without_end_is_no_more_than_a_word_tells(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t window;
    assert_false(spend_reserve(&spend, 0, INT64_MAX, 1000, &window));
    spend_settle(&spend, 0, 0, INT64_MAX);
    spend_settle(&spend, 0, 0, INT64_MAX);
    assert_int_equal(committed_of(&spend, 0), spend_most);
    assert_false(spend_would_reserve(&spend, 0, 0, INT64_MAX));
}

/* -- any sequence, against plain sums -- */

static void it_agrees_with_plain_sums(void **state) {
    (void)state;
    enum { tickets_max = 40, limit = 1000 };
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct prng prng;
        struct spend spend = {0};
        struct {
            uint64_t window;
            int64_t nano;
        } tickets[tickets_max];
        int64_t committed = 0, spent = 0;
        uint64_t now = 10;
        unsigned count = 0;
        prng_seed(&prng, seed);
        for (int i = 0; i < 3000; i++) {
            unsigned what = prng_next(&prng) % 8;
            int64_t nano = (int64_t)(prng_next(&prng) % 300);
            if (what == 0) { /* the window ends */
                now += 1 + prng_next(&prng) % 3;
                committed = spent = 0;
                spend_enter(&spend, now);
            } else if (what < 5 && count < tickets_max) {
                bool fits = committed < limit && nano <= limit - committed;
                assert_int_equal(spend_would_reserve(&spend, now, nano, limit), fits);
                assert_int_equal(spend_reserve(&spend, now, nano, limit, &tickets[count].window), fits);
                tickets[count].nano = nano;
                count += fits;
                if (fits) committed += nano;
            } else if (count) {
                unsigned which = (unsigned)(prng_next(&prng) % count);
                int64_t truth = (int64_t)(prng_next(&prng) % 400);
                spend_settle(&spend, tickets[which].window, tickets[which].nano, truth);
                if (tickets[which].window == now) {
                    committed += truth - tickets[which].nano;
                    spent += truth;
                }
                tickets[which] = tickets[--count];
            }
            struct spend_view view = spend_look(&spend, now);
            assert_int_equal(view.committed, committed);
            assert_int_equal(view.spent, spent);
        }
    }
}

/* -- every order of a few things: each is one change of one word -- */

enum { callers = 3, budgets = 2 };
struct orders {
    struct spend spend[budgets];
    struct {
        unsigned at, held; /* how far it is; bit per budget that it holds */
        uint64_t window[budgets];
    } caller[callers];
    uint64_t now;
    int64_t spent[2]; /* in the first window, in the second */
};
static const int64_t orders_limit[budgets] = {100, 150}, orders_worst = 60, orders_truth[callers] = {60, 20, 0};
static size_t orders_ends;

static void orders_walk(struct orders world);

/* Takes both budgets or none, one word at a time; then settles one word at a time. */
static void orders_move(struct orders world, unsigned c) {
    unsigned at = world.caller[c].at++;
    if (at < budgets) {
        if (spend_reserve(&world.spend[at], world.now, orders_worst, orders_limit[at], &world.caller[c].window[at]))
            world.caller[c].held |= 1u << at;
        else
            world.caller[c].at = budgets;
        if (world.caller[c].at == budgets && world.caller[c].held != (1u << budgets) - 1) /* all or none */
            for (unsigned b = 0; b < budgets; b++)
                if (world.caller[c].held >> b & 1)
                    spend_give_back(&world.spend[b], world.caller[c].window[b], orders_worst);
        if (world.caller[c].at == budgets && world.caller[c].held != (1u << budgets) - 1) world.caller[c].at = 9;
    } else {
        unsigned b = at - budgets;
        spend_settle(&world.spend[b], world.caller[c].window[b], orders_worst, orders_truth[c]);
        world.spent[world.caller[c].window[b] == 2] += b ? 0 : orders_truth[c];
        if (world.caller[c].at == 2 * budgets) world.caller[c].at = 9;
    }
    orders_walk(world);
}

static void orders_walk(struct orders world) {
    bool over = true;
    for (unsigned b = 0; b < budgets; b++) assert_true(committed_of(&world.spend[b], world.now) <= orders_limit[b]);
    for (unsigned c = 0; c < callers; c++) {
        if (world.caller[c].at == 9) continue;
        over = false;
        orders_move(world, c);
    }
    if (!over && world.now == 1) { /* the window may end at any time */
        world.now = 2;
        orders_walk(world);
    }
    if (!over) return;
    orders_ends++;
    struct spend_view view = spend_look(&world.spend[0], world.now);
    assert_int_equal(view.committed, view.spent); /* nothing stays reserved */
    assert_int_equal(view.spent, view.start_s == world.now ? world.spent[world.now == 2] : 0);
}

static void in_every_order_nothing_is_over_and_nothing_stays_reserved(void **state) {
    (void)state;
    orders_ends = 0;
    orders_walk((struct orders){.now = 1});
    assert_true(orders_ends > 1000);
}

/* -- threads -- */

enum { threads = 8, rounds = 20000 };
static struct {
    struct spend spend[3];
    _Atomic uint64_t clock;
    _Atomic int64_t in_flight, spent, refused;
} shared;

static void run_all(void *(*run)(void *seed)) {
    pthread_t running[threads];
    for (uintptr_t i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&running[i], NULL, run, (void *)(i + 1)), 0);
    for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
}

static void *spend_all(void *seed) {
    struct prng prng;
    prng_seed(&prng, (uintptr_t)seed);
    for (int i = 0; i < rounds; i++) {
        uint64_t window[3];
        int64_t worst = (int64_t)(prng_next(&prng) % 1000), truth = worst ? (int64_t)(prng_next(&prng) % worst) : 0;
        unsigned held = 0;
        while (held < 3 && spend_reserve(&shared.spend[held], 7, worst, 30000000 + held, &window[held])) held++;
        if (held < 3) {
            while (held-- > 0) spend_give_back(&shared.spend[held], window[held], worst);
            atomic_fetch_add(&shared.refused, 1);
            continue;
        }
        for (unsigned b = 0; b < 3; b++) spend_settle(&shared.spend[b], window[b], worst, truth);
        atomic_fetch_add(&shared.spent, truth);
    }
    return NULL;
}

static void threads_spend_what_they_say_and_never_more_than_the_limit(void **state) {
    (void)state;
    memset(&shared, 0, sizeof shared);
    run_all(spend_all);
    for (unsigned b = 0; b < 3; b++) {
        struct spend_view view = spend_look(&shared.spend[b], 7);
        assert_int_equal(view.spent, atomic_load(&shared.spent));
        assert_int_equal(view.committed, view.spent);
        assert_true(view.spent <= 30000000 + b);
    }
    assert_true(atomic_load(&shared.refused) > 0);
}

static void *spend_over_windows(void *seed) {
    struct prng prng;
    prng_seed(&prng, (uintptr_t)seed);
    for (int i = 0; i < rounds; i++) {
        uint64_t now = atomic_load(&shared.clock), window;
        /* Not so fast that a thread sleeps over many windows: those would be hours at least. */
        if ((uintptr_t)seed == 1 && i % (rounds / 12) == rounds / 12 - 1) atomic_fetch_add(&shared.clock, 1);
        if (!spend_reserve(&shared.spend[0], now, 10, 200, &window)) continue;
        struct spend_view view = spend_look(&shared.spend[0], window);
        if (view.committed > 200) atomic_fetch_add(&shared.refused, 1); /* over: never */
        spend_settle(&shared.spend[0], window, 10, prng_next(&prng) % 11);
    }
    return NULL;
}

static void windows_that_turn_under_threads_are_never_over(void **state) {
    (void)state;
    memset(&shared, 0, sizeof shared);
    atomic_store(&shared.clock, 1);
    run_all(spend_over_windows);
    uint64_t last = atomic_load(&shared.clock) + 1;
    assert_int_equal(atomic_load(&shared.refused), 0);
    assert_int_equal(committed_of(&shared.spend[0], last), 0);
    struct spend_view view = spend_look(&shared.spend[0], 0);
    assert_int_equal(view.committed, view.spent); /* every reservation was settled */
    assert_true(last >= 12);
}

static void what_is_forgotten_leaves_what_is_reserved(void **state) {
    (void)state;
    struct spend spend = {0};
    uint64_t window;
    assert_true(spend_reserve(&spend, 100, 60, 100, &window));
    spend_settle(&spend, 100, 0, 30);
    spend_forget(&spend, 100, 30); /* a reset, while an attempt is under way */
    assert_int_equal(spend_look(&spend, 100).spent, 0);
    assert_int_equal(spend_look(&spend, 100).committed, 60);
    assert_false(spend_reserve(&spend, 100, 41, 100, &window));
    spend_settle(&spend, 100, 60, 50);
    assert_int_equal(spend_look(&spend, 100).spent, 50);
    assert_int_equal(spend_look(&spend, 100).committed, 50);
    spend_forget(&spend, 99, 50); /* another window */
    assert_int_equal(spend_look(&spend, 100).spent, 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_forgotten_leaves_what_is_reserved),
        cmocka_unit_test(what_is_reserved_is_committed_and_settles_to_the_truth),
        cmocka_unit_test(more_is_reserved_in_the_window_of_the_first),
        cmocka_unit_test(sums_end_at_the_most_and_below_nothing_is_nothing),
        cmocka_unit_test(a_window_begins_at_nothing_and_late_money_stays_in_its_own),
        cmocka_unit_test(a_clock_that_is_set_back_stays_in_the_newest_window),
        cmocka_unit_test(windows_in_which_nothing_passed_leave_nothing_behind),
        cmocka_unit_test(what_was_written_down_is_there_again),
        cmocka_unit_test(what_reserves_nothing_is_settled_in_the_window_it_came_in),
        cmocka_unit_test(money_without_end_is_no_more_than_a_word_tells),
        cmocka_unit_test(it_agrees_with_plain_sums),
        cmocka_unit_test(in_every_order_nothing_is_over_and_nothing_stays_reserved),
        cmocka_unit_test(threads_spend_what_they_say_and_never_more_than_the_limit),
        cmocka_unit_test(windows_that_turn_under_threads_are_never_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
