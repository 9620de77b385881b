/* Where a prompt's beginning lies, who gives up a place in a bucket, and when leaving is worth it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "core/prefix.h"

enum { places = 8 };

static void what_was_written_is_read_by_its_key_alone(void **state) {
    (void)state;
    struct prefix_place place = {0};
    struct prefix_known known = {.target = 77, .until_s = UINT32_MAX, .tokens = 1000001, .whose = 0xabcd}, read;
    assert_false(prefix_read(&place, 5, &read));
    prefix_write(&place, 5, &known);
    assert_false(prefix_read(&place, 4, &read));
    assert_true(prefix_read(&place, 5, &read));
    assert_int_equal(read.target, 77);
    assert_int_equal(read.until_s, UINT32_MAX);
    assert_int_equal(read.tokens, 1000000 / 16 * 16);
    assert_int_equal(read.whose, 0xbcd);
    known.tokens = UINT32_MAX;
    prefix_write(&place, 5, &known);
    assert_true(prefix_read(&place, 5, &read));
    assert_int_equal(read.tokens, prefix_tokens_most);
    assert_int_equal(read.until_s, UINT32_MAX);
}

static void half_of_a_change_is_nothing(void **state) {
    (void)state;
    struct prefix_place old = {0}, new = {0}, mixed;
    struct prefix_known read;
    prefix_write(&old, 5, &(struct prefix_known){.target = 1, .until_s = 10, .tokens = 16});
    prefix_write(&new, 9, &(struct prefix_known){.target = 2, .until_s = 20, .tokens = 32});
    for (unsigned half = 1; half < 7; half++) { /* each cut through three words */
        mixed = (struct prefix_place){half & 1 ? old.check : new.check, half & 2 ? old.target : new.target,
                                      half & 4 ? old.fate : new.fate};
        assert_false(prefix_read(&mixed, 5, &read));
        assert_false(prefix_read(&mixed, 9, &read));
    }
}

static size_t keep(struct prefix_place *bucket, uint64_t key, uint16_t whose, uint32_t until_s, uint32_t now_s) {
    size_t place = prefix_place_for(bucket, places, key, whose, now_s);
    prefix_write(&bucket[place], key, &(struct prefix_known){.target = key, .until_s = until_s, .whose = whose});
    return place;
}

static bool has(const struct prefix_place *bucket, uint64_t key) {
    struct prefix_known known;
    for (size_t i = 0; i < places; i++)
        if (prefix_read(&bucket[i], key, &known)) return true;
    return false;
}

static void its_own_place_an_empty_one_one_that_is_over(void **state) {
    (void)state;
    struct prefix_place bucket[places] = {0};
    for (uint64_t key = 1; key <= places; key++) keep(bucket, key, 1, 100 + (uint32_t)key, 50);
    for (uint64_t key = 1; key <= places; key++) assert_true(has(bucket, key));
    size_t own = keep(bucket, 3, 1, 900, 50);
    assert_int_equal(keep(bucket, 3, 1, 901, 50), own);
    keep(bucket, 9, 2, 900, 102); /* 1 and 2 are over, 1 for longer */
    assert_false(has(bucket, 1));
    assert_true(has(bucket, 2) && has(bucket, 3) && has(bucket, 9));
}

/* One client that names a new prompt with each request, and another with one. */
static void who_names_many_puts_out_its_own(void **state) {
    (void)state;
    struct prefix_place bucket[places] = {0};
    keep(bucket, 1000, 2, 60, 50); /* it would be over first */
    for (uint64_t key = 1; key <= 500; key++) keep(bucket, key, 1, 1000 + (uint32_t)key, 50);
    assert_true(has(bucket, 1000));
    assert_true(has(bucket, 500) && !has(bucket, 1));
    keep(bucket, 1001, 2, 60, 50); /* and a second one of the quiet client's has room too */
    assert_true(has(bucket, 1000) && has(bucket, 1001) && has(bucket, 500));
}

/* -- staying -- */

static struct prefix_choice choose(enum strategy strategy, struct pick_candidate *candidates, size_t count, size_t kept,
                                   const struct prefix_cost *costs) {
    struct pick_input input = {
        .strategy = strategy, .candidates = candidates, .count = count, .weights = {0.4, 0.3, 0.3}, .sticky_hash = 1};
    return prefix_choose(&input, candidates, kept, costs, NULL);
}

#define WELL .weight = 1, .health = 1, .ramp = 1, .quota_left = 1

static void money_stays_where_reading_is_cheaper_than_writing(void **state) {
    (void)state;
    struct pick_candidate two[] = {{WELL, .priority = 1, .cost_nano_usd = 900},
                                   {WELL, .priority = 2, .cost_nano_usd = 1000}};
    const struct prefix_cost cheaper[] = {{900, 1100}, {1000, 200}}, dearer[] = {{900, 150}, {1000, 200}};
    struct prefix_choice choice = choose(strategy_cost_optimal, two, 2, 1, cheaper);
    assert_int_equal(choice.outcome, prefix_kept);
    assert_int_equal(choice.chosen, 1);
    assert_int_equal(choice.instead, 0);
    assert_int_equal(choice.nano_usd, 900);
    two[0].cost_nano_usd = 900, two[1].cost_nano_usd = 1000;
    choice = choose(strategy_cost_optimal, two, 2, 1, dearer);
    assert_int_equal(choice.outcome, prefix_gains);
    assert_int_equal(choice.chosen, 0);
    assert_int_equal(choice.instead, 1);
    assert_int_equal(choice.nano_usd, 50);
    two[0].cost_nano_usd = 900, two[1].cost_nano_usd = 800;
    assert_int_equal(choose(strategy_cost_optimal, two, 2, 1, cheaper).outcome, prefix_same);
}

static void all_others_stay_while_it_is_well(void **state) {
    static const enum strategy strategies_of[] = {strategy_priority, strategy_round_robin,
                                                  strategy_weighted, strategy_least_loaded,
                                                  strategy_adaptive, strategy_fastest_response};
    (void)state;
    for (size_t i = 0; i < sizeof strategies_of / sizeof *strategies_of; i++) {
        struct pick_candidate two[] = {{WELL, .priority = 1, .in_flight = 0, .pass = 0},
                                       {WELL, .priority = 2, .in_flight = 3, .pass = 1 << 22, .latency_ns = 50}};
        const struct prefix_cost costs[] = {{-1, 700}, {-1, 200}}, unknown[] = {{-1, -1}, {-1, 200}};
        two[0].latency_ns = 10;
        two[0].weight = 1e6;
        struct prefix_choice choice = choose(strategies_of[i], two, 2, 1, costs);
        assert_int_equal(choice.chosen, 1);
        assert_int_equal(choice.outcome, prefix_kept);
        assert_int_equal(choice.nano_usd, 500);
        assert_int_equal(choose(strategies_of[i], two, 2, 1, unknown).nano_usd, -1);
        two[1].health = 0.49;
        assert_int_equal(choose(strategies_of[i], two, 2, 1, costs).outcome, prefix_unwell);
        assert_int_equal(choose(strategies_of[i], two, 2, 1, costs).chosen, 0);
        two[1].health = 1;
        two[1].in_flight = 9;
        two[1].max_concurrent = 10;
        assert_int_equal(choose(strategies_of[i], two, 2, 1, costs).outcome, prefix_loaded);
        two[1].max_concurrent = 11;
        assert_int_equal(choose(strategies_of[i], two, 2, 1, costs).outcome, prefix_kept);
    }
}

static void load_counts_where_the_strategy_looks_at_it(void **state) {
    (void)state;
    struct pick_candidate two[] = {{WELL, .priority = 1, .in_flight = 1}, {WELL, .priority = 2, .in_flight = 18}};
    const struct prefix_cost costs[2] = {{-1, -1}, {-1, -1}};
    assert_int_equal(choose(strategy_least_loaded, two, 2, 1, costs).outcome, prefix_kept);
    two[1].in_flight = 19;
    assert_int_equal(choose(strategy_least_loaded, two, 2, 1, costs).outcome, prefix_loaded);
    assert_int_equal(choose(strategy_priority, two, 2, 1, costs).outcome, prefix_kept);
}

/* -- what is learnt -- */

static void why_nothing_was_read(void **state) {
    (void)state;
    const struct prefix_known known = {.target = 7, .until_s = 100, .tokens = 4000};
    const struct prefix_counted none = {.input = 5000, .cached = 0, .written = -1},
                                all = {.input = 5000, .cached = 4000, .written = -1},
                                part = {.input = 5000, .cached = 1999, .written = -1},
                                unsaid = {.input = 5000, .cached = -1, .written = -1},
                                short_one = {.input = 1023, .cached = 0, .written = -1};
    assert_int_equal(prefix_missed(false, &known, 7, &none, 50), prefix_miss_first_use);
    assert_int_equal(prefix_missed(true, &known, 7, &none, 100), prefix_miss_lifetime_over);
    assert_int_equal(prefix_missed(true, &known, 7, &none, 99), prefix_miss_prefix_changed);
    assert_int_equal(prefix_missed(true, &known, 7, &part, 99), prefix_miss_prefix_changed);
    assert_int_equal(prefix_missed(true, &known, 8, &none, 99), prefix_miss_target_changed);
    assert_int_equal(prefix_missed(true, &known, 7, &all, 99), prefix_miss_none);
    assert_int_equal(prefix_missed(true, &known, 7, &unsaid, 99), prefix_miss_none);
    assert_int_equal(prefix_missed(false, &known, 7, &short_one, 99), prefix_miss_none);
}

static void what_lies_there_afterwards(void **state) {
    (void)state;
    assert_int_equal(prefix_learnt(&(struct prefix_counted){5000, 3000, 1500}), 4500);
    assert_int_equal(prefix_learnt(&(struct prefix_counted){5000, 0, 0}), 0); /* it says that nothing is kept */
    assert_int_equal(prefix_learnt(&(struct prefix_counted){5000, 3000, -1}), 5000);
    assert_int_equal(prefix_learnt(&(struct prefix_counted){1023, -1, -1}), 0);
    assert_int_equal(prefix_learnt(&(struct prefix_counted){-1, -1, -1}), 0);
    assert_int_equal(prefix_learnt(&(struct prefix_counted){INT64_MAX, 0, -1}), prefix_tokens_most);
}

/* -- many threads: a reader finds what somebody wrote for its key, whole, or nothing -- */

static struct prefix_place shared;
static _Atomic bool over;
static const uint64_t odd = 0x9e3779b97f4a7c15u; /* keys and targets are hashes */

static void *write_both(void *unused) {
    for (uint32_t i = 0; i < 200000; i++) {
        uint64_t key = 1 + i % 2;
        prefix_write(&shared, key * odd,
                     &(struct prefix_known){.target = (key + i) * odd, .until_s = i, .whose = (uint16_t)key});
    }
    atomic_store(&over, true);
    return unused;
}

static void a_reader_never_mixes_two(void **state) {
    pthread_t writer;
    struct prefix_known known;
    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, write_both, NULL), 0);
    while (!atomic_load(&over))
        for (uint64_t key = 1; key <= 2; key++) {
            if (!prefix_read(&shared, key * odd, &known)) continue;
            assert_int_equal(known.target, (key + known.until_s) * odd);
            assert_int_equal(known.whose, key);
        }
    pthread_join(writer, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_by_its_key_alone),
        cmocka_unit_test(half_of_a_change_is_nothing),
        cmocka_unit_test(its_own_place_an_empty_one_one_that_is_over),
        cmocka_unit_test(who_names_many_puts_out_its_own),
        cmocka_unit_test(money_stays_where_reading_is_cheaper_than_writing),
        cmocka_unit_test(all_others_stay_while_it_is_well),
        cmocka_unit_test(load_counts_where_the_strategy_looks_at_it),
        cmocka_unit_test(why_nothing_was_read),
        cmocka_unit_test(what_lies_there_afterwards),
        cmocka_unit_test(a_reader_never_mixes_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
