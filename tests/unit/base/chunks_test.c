/* chunks_test.c - bytes come back as they came, in any pieces, and the budget is always given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/chunks.h"
#include "base/memory.h"
#include "base/prng.h"

enum { bytes_max = 700000 };
static char pattern[bytes_max];

static int make_pattern(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 5);
    for (size_t i = 0; i < bytes_max; i++) pattern[i] = (char)prng_next(&prng);
    return 0;
}

static void any_pieces_make_the_same_whole(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 6);
    for (int round = 0; round < 30; round++) {
        struct budget budget = {.limit = 8 << 20};
        struct chunks chunks;
        size_t all = (size_t)prng_below(&prng, round < 20 ? 10000 : bytes_max), put = 0;
        chunks_init(&chunks, &budget);
        if (round % 3 == 0) chunks_expect(&chunks, all);
        while (put < all) {
            size_t piece = (size_t)prng_below(&prng, round % 2 ? 50000 : 300) + 1;
            if (piece > all - put) piece = all - put;
            assert_true(chunks_add(&chunks, str_make(pattern + put, piece)));
            put += piece;
        }
        assert_int_equal(chunks.len, all);
        assert_int_equal(budget.taken, chunks.taken);
        struct str whole = chunks_whole(&chunks);
        assert_int_equal(whole.len, all);
        assert_memory_equal(whole.at, pattern, all);
        assert_int_equal(budget.taken, chunks.taken);
        assert_true(chunks_add(&chunks, STR("more")));
        assert_true(str_ends(chunks_whole(&chunks), STR("more")));
        chunks_free(&chunks);
        assert_int_equal(budget.taken, 0);
        assert_int_equal(chunks.len, 0);
    }
}

static void what_is_expected_stands_in_one_block(void **state) {
    (void)state;
    struct chunks chunks;
    chunks_init(&chunks, NULL);
    chunks_expect(&chunks, 200000);
    for (size_t i = 0; i < 200000; i += 1000) assert_true(chunks_add(&chunks, str_make(pattern + i, 1000)));
    assert_ptr_equal(chunks.first, chunks.last);
    chunks_free(&chunks);
    chunks_init(&chunks, NULL);
    chunks_expect(&chunks, 5000);
    assert_true(chunks_add(&chunks, str_make(pattern, 5000)));
    assert_int_equal(chunks.last->size, 5000); /* and takes no more than that */
    chunks_free(&chunks);
}

static void nothing_is_an_empty_whole(void **state) {
    (void)state;
    struct chunks chunks;
    struct str range;
    chunks_init(&chunks, NULL);
    assert_true(chunks_add(&chunks, STR_NONE));
    assert_true(chunks_add(&chunks, STR("")));
    struct str whole = chunks_whole(&chunks);
    assert_true(whole.at && whole.len == 0);
    assert_int_equal(chunks_ranges(&chunks, 0, 10, &range, 1), 0);
    chunks_free(&chunks);
    chunks_free(&chunks);
}

static void ranges_cover_exactly_what_is_asked(void **state) {
    (void)state;
    struct prng prng;
    struct chunks chunks;
    struct str ranges[64];
    prng_seed(&prng, 8);
    chunks_init(&chunks, NULL);
    for (size_t i = 0; i < 60000; i += 500) assert_true(chunks_add(&chunks, str_make(pattern + i, 500)));
    assert_true(chunks.first != chunks.last);
    for (int round = 0; round < 2000; round++) {
        size_t from = (size_t)prng_below(&prng, 60001), to = from + (size_t)prng_below(&prng, 60001 - from), at = from;
        size_t count = chunks_ranges(&chunks, from, to, ranges, 64);
        for (size_t i = 0; i < count; i++) {
            assert_true(ranges[i].len > 0);
            assert_memory_equal(ranges[i].at, pattern + at, ranges[i].len);
            at += ranges[i].len;
        }
        assert_int_equal(at, to);
    }
    assert_int_equal(chunks_ranges(&chunks, 0, 60000, ranges, 1), 1);
    assert_int_equal(chunks_ranges(&chunks, 59990, 99999, ranges, 64), 1);
    assert_int_equal(chunks_ranges(&chunks, 60000, 99999, ranges, 64), 0);
    chunks_free(&chunks);
}

static void a_used_up_budget_adds_nothing_and_loses_nothing(void **state) {
    (void)state;
    struct budget budget = {.limit = 10000};
    struct chunks a, b;
    chunks_init(&a, &budget);
    chunks_init(&b, &budget);
    size_t put = 0;
    while (put < bytes_max && chunks_add(&a, str_make(pattern + put, 100))) put += 100;
    assert_true(put > 1000 && put < 10000);
    assert_int_equal(a.len, put);
    assert_true(budget.taken <= budget.limit);
    assert_false(chunks_add(&b, str_make(pattern, 9000)));
    assert_int_equal(b.len, 0);
    assert_null(chunks_whole(&a).at); /* no room for the move; the pieces stay */
    struct str ranges[16];
    assert_true(chunks_ranges(&a, 0, put, ranges, 16) > 1);
    chunks_free(&a);
    assert_int_equal(budget.taken, 0);
    assert_true(chunks_add(&b, str_make(pattern, 9000)));
    chunks_free(&b);
    assert_int_equal(budget.taken, 0);
}

static void every_failing_allocation_gives_the_budget_back(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 50; n++) {
        struct budget budget = {.limit = 8 << 20};
        struct chunks chunks;
        size_t put = 0;
        chunks_init(&chunks, &budget);
        memory_fail_at(n);
        bool whole = true;
        for (size_t i = 0; i < 40 && whole; i++) {
            whole = chunks_add(&chunks, str_make(pattern + put, 1000));
            if (whole) put += 1000;
        }
        struct str all = chunks_whole(&chunks);
        uint64_t calls = memory_calls();
        memory_fail_at(0);
        whole = whole && all.at;
        assert_int_equal(whole, calls < n);
        assert_int_equal(chunks.len, put);
        all = chunks_whole(&chunks);
        assert_int_equal(all.len, put);
        assert_memory_equal(all.at, pattern, put);
        chunks_free(&chunks);
        assert_int_equal(budget.taken, 0);
        if (whole) return;
    }
    fail_msg("never whole");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pieces_make_the_same_whole),
        cmocka_unit_test(what_is_expected_stands_in_one_block),
        cmocka_unit_test(nothing_is_an_empty_whole),
        cmocka_unit_test(ranges_cover_exactly_what_is_asked),
        cmocka_unit_test(a_used_up_budget_adds_nothing_and_loses_nothing),
        cmocka_unit_test(every_failing_allocation_gives_the_budget_back),
    };
    return cmocka_run_group_tests(tests, make_pattern, NULL);
}
