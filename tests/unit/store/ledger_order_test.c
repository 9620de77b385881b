/* ledger_order_test.c - of many groups the right ones are told, in their order, and the others are counted. */
#include "store/ledger_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"

enum { keys = 2, most = 40 };
struct group {
    int64_t measures[order_measures], keys[keys];
};

static bool timed;
static int by_order(const void *one, const void *other) {
    const struct group *a = one, *b = other;
    if (timed && a->keys[0] != b->keys[0]) return a->keys[0] < b->keys[0] ? -1 : 1;
    for (int i = 0; i < order_measures; i++)
        if (a->measures[i] != b->measures[i]) return a->measures[i] > b->measures[i] ? -1 : 1;
    for (int i = 0; i < keys; i++)
        if (a->keys[i] != b->keys[i]) return a->keys[i] < b->keys[i] ? -1 : 1;
    return 0;
}

/* So many groups in two rows each, in any order, against what qsort makes of them. */
static void compared(size_t count, size_t wanted, uint64_t seed) {
    struct prng prng;
    const int64_t *told[most];
    size_t more;
    prng_seed(&prng, seed);
    struct group *groups = calloc(count + 1, sizeof *groups);
    struct usage_order *order = usage_order_new(keys, timed);
    assert_true(groups && order);
    for (size_t i = 0; i < count; i++) {
        groups[i].keys[0] = (int64_t)prng_below(&prng, 1 + count / 3);
        groups[i].keys[1] = (int64_t)i;
        for (int m = 0; m < order_measures; m++) groups[i].measures[m] = (int64_t)prng_below(&prng, 4);
        assert_true(usage_order_add(order, groups[i].measures, groups[i].keys));
    }
    for (size_t i = count; i-- > 0;) {
        assert_true(usage_order_add(order, groups[i].measures, groups[i].keys));
        for (int m = 0; m < order_measures; m++) groups[i].measures[m] *= 2;
    }
    qsort(groups, count, sizeof *groups, by_order);
    const size_t is = usage_order_tell(order, told, wanted, &more), should = count < wanted ? count : wanted;
    assert_int_equal(is, should);
    assert_int_equal(more, count - should);
    const struct group *first = timed ? groups + (count - should) : groups;
    for (size_t i = 0; i < is; i++) assert_memory_equal(told[i], first[i].keys, sizeof first[i].keys);
    usage_order_free(order);
    free(groups);
}

static void the_dearest_or_the_newest_are_told_in_their_order(void **state) {
    static const size_t counts[] = {0, 1, 2, 3, most - 1, most, most + 1, 511, 512, 513, 20000};
    (void)state;
    for (int t = 0; t < 2; t++) {
        timed = t;
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            compared(counts[i], most, counts[i] + 1);
            compared(counts[i], 1, counts[i] + 2);
        }
    }
}

static void sums_end_at_the_largest(void **state) {
    const int64_t large[order_measures] = {INT64_MAX - 1, 1, 1}, one[keys] = {1, 1}, other[keys] = {2, 2};
    const int64_t *told[2];
    size_t more;
    (void)state;
    struct usage_order *order = usage_order_new(keys, false);
    assert_true(usage_order_add(order, large, one) && usage_order_add(order, large, one));
    assert_true(usage_order_add(order, large, other));
    assert_int_equal(usage_order_tell(order, told, 2, &more), 2);
    assert_memory_equal(told[0], one, sizeof one);
    assert_memory_equal(told[1], other, sizeof other);
    usage_order_free(order);
}

/* Those that are known go on to be added up. */
static void groups_beyond_the_most_are_counted_alone(void **state) {
    const int64_t cheap[order_measures] = {1, 1, 1}, dear[order_measures] = {100, 1, 1};
    const int64_t *told[1];
    size_t more;
    (void)state;
    struct usage_order *order = usage_order_new(1, false);
    for (int64_t i = 0; i < order_groups_most; i++) assert_true(usage_order_add(order, cheap, &i));
    for (int64_t i = 0; i < 3; i++) assert_true(usage_order_add(order, dear, &(int64_t){order_groups_most + i}));
    assert_true(usage_order_add(order, cheap, &(int64_t){77}));
    assert_int_equal(usage_order_tell(order, told, 1, &more), 1);
    assert_int_equal(told[0][0], 77);
    assert_int_equal(more, order_groups_most - 1 + 3);
    usage_order_free(order);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dearest_or_the_newest_are_told_in_their_order),
        cmocka_unit_test(sums_end_at_the_largest),
        cmocka_unit_test(groups_beyond_the_most_are_counted_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
