/* What stays and what goes: by the paper's rules, and within the bytes whatever comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/s3fifo.h"

enum { names = 4096, sets = 1024 };

struct table {
    struct s3fifo queues;
    struct s3fifo_ghost ghosts[sets * s3fifo_ways];
    struct s3fifo_node nodes[names];
    bool present[names];
    size_t count;
};

static struct table *table_new(size_t bytes_max) {
    struct table *table = calloc(1, sizeof *table);
    assert_non_null(table);
    s3fifo_init(&table->queues, bytes_max, table->ghosts, sets);
    return table;
}

static uint64_t hash_of(unsigned name) { return (name + 1) * UINT64_C(0x9e3779b97f4a7c15); }

/* true: a hit. */
static bool ask(struct table *table, unsigned name, size_t bytes) {
    if (table->present[name]) {
        s3fifo_use(&table->nodes[name]);
        return true;
    }
    s3fifo_add(&table->queues, &table->nodes[name], hash_of(name), bytes);
    table->present[name] = true;
    table->count++;
    for (struct s3fifo_node *node; (node = s3fifo_victim(&table->queues));) {
        assert_true(table->present[node - table->nodes]);
        table->present[node - table->nodes] = false;
        table->count--;
    }
    return false;
}

static void all_stays_that_has_room(void **state) {
    struct table *table = table_new(100);
    (void)state;
    for (unsigned i = 0; i < 10; i++) assert_false(ask(table, i, 10));
    for (unsigned i = 0; i < 10; i++) assert_true(ask(table, i, 10));
    assert_int_equal(table->count, 10);
    free(table);
}

static void a_scan_pushes_out_nothing_that_is_used(void **state) {
    struct table *table = table_new(1000);
    (void)state;
    for (unsigned round = 0; round < 4; round++)
        for (unsigned i = 0; i < 50; i++) ask(table, i, 10);
    for (unsigned i = 100; i < 4000; i++) {
        ask(table, i, 10);
        ask(table, i % 50, 10); /* what is used goes on being used */
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < 50; i++) kept += table->present[i];
    assert_int_equal(kept, 50);
    free(table);
}

static void who_comes_back_soon_is_of_the_main_queue(void **state) {
    struct table *table = table_new(100);
    (void)state;
    for (unsigned i = 0; i < 12; i++) ask(table, i, 10);
    assert_false(table->present[0]);
    assert_false(ask(table, 0, 10));
    assert_true(table->nodes[0].in_main);
    assert_false(table->nodes[11].in_main);
    free(table);
}

static void one_that_left_long_ago_is_new(void **state) {
    struct table *table = table_new(100);
    (void)state;
    for (unsigned i = 0; i < 200; i++) ask(table, i, 10);
    ask(table, 0, 10);
    assert_false(table->nodes[0].in_main);
    free(table);
}

static void a_use_in_the_small_queue_alone_does_not_last_but_two_do(void **state) {
    struct table *table = table_new(100);
    (void)state;
    for (unsigned i = 0; i < 10; i++) ask(table, i, 10);
    ask(table, 0, 10);
    ask(table, 1, 10);
    ask(table, 1, 10);
    for (unsigned i = 20; i < 30; i++) ask(table, i, 10);
    assert_false(table->present[0]);
    assert_true(table->present[1]);
    assert_true(table->nodes[1].in_main);
    free(table);
}

static void in_the_main_queue_each_use_is_a_turn_more(void **state) {
    struct table *table = table_new(20);
    (void)state;
    for (unsigned i = 0; i < 3; i++) ask(table, i, 10);
    assert_false(table->present[0]);
    ask(table, 0, 10); /* a ghost: into the main one */
    ask(table, 0, 10);
    ask(table, 0, 10);
    ask(table, 0, 10);
    ask(table, 0, 10); /* no more than three turns, whatever is asked */
    assert_int_equal(table->nodes[0].uses, 3);
    free(table);
}

static void an_entry_taken_out_leaves_its_room(void **state) {
    struct table *table = table_new(100);
    (void)state;
    ask(table, 1, 60);
    s3fifo_remove(&table->queues, &table->nodes[1]);
    table->present[1] = false;
    ask(table, 2, 60);
    assert_true(table->present[2]);
    assert_int_equal(table->queues.small_bytes + table->queues.main_bytes, 60);
    free(table);
}

static void one_that_is_larger_than_all_goes_at_once_and_nobody_stays_over(void **state) {
    struct table *table = table_new(100);
    (void)state;
    ask(table, 1, 101);
    assert_int_equal(table->queues.small_bytes + table->queues.main_bytes, 0);
    free(table);
}

static void whatever_comes_the_bytes_hold(void **state) {
    struct prng prng;
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct table *table = table_new(500 + 20 * seed);
        prng_seed(&prng, seed);
        for (unsigned i = 0; i < 20000; i++) {
            unsigned name = (unsigned)prng_below(&prng, names);
            if (prng_below(&prng, 3)) name %= 64;
            if (prng_below(&prng, 50) == 0 && table->present[name]) {
                s3fifo_remove(&table->queues, &table->nodes[name]);
                table->present[name] = false;
                table->count--;
                continue;
            }
            ask(table, name, 1 + prng_below(&prng, 60));
            assert_true(table->queues.small_bytes + table->queues.main_bytes <= table->queues.bytes_max);
            assert_int_equal(table->queues.small_count + table->queues.main_count, table->count);
        }
        size_t bytes = 0;
        for (unsigned i = 0; i < names; i++) bytes += table->present[i] ? table->nodes[i].bytes : 0;
        assert_int_equal(bytes, table->queues.small_bytes + table->queues.main_bytes);
        free(table);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_stays_that_has_room),
        cmocka_unit_test(a_scan_pushes_out_nothing_that_is_used),
        cmocka_unit_test(who_comes_back_soon_is_of_the_main_queue),
        cmocka_unit_test(one_that_left_long_ago_is_new),
        cmocka_unit_test(a_use_in_the_small_queue_alone_does_not_last_but_two_do),
        cmocka_unit_test(in_the_main_queue_each_use_is_a_turn_more),
        cmocka_unit_test(an_entry_taken_out_leaves_its_room),
        cmocka_unit_test(one_that_is_larger_than_all_goes_at_once_and_nobody_stays_over),
        cmocka_unit_test(whatever_comes_the_bytes_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
