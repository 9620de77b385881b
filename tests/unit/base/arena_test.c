/* arena_test.c - takes are aligned and apart, limits hold, and no failing allocation costs what was taken before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/memory.h"
#include "base/prng.h"
#include "base/sanitized.h"

static void takes_are_aligned_and_do_not_overlap(void **state) {
    (void)state;
    struct arena arena;
    struct prng prng;
    unsigned char *taken[300];
    size_t sizes[300];
    prng_seed(&prng, 3);
    arena_init(&arena, 1024, 1 << 20);
    for (size_t i = 0; i < 300; i++) {
        sizes[i] = (size_t)prng_below(&prng, i % 20 == 0 ? 3000 : 200);
        taken[i] = arena_take(&arena, sizes[i]);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % 16, 0);
        memset(taken[i], (int)(i & 0xff), sizes[i]);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(taken[i][j], i & 0xff);
    arena_free(&arena);
    assert_int_equal(arena.taken, 0);
}

static void nothing_is_held_before_the_first_take(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    assert_null(arena.newest);
    arena_reset(&arena);
    arena_free(&arena);
}

static void past_its_limit_it_answers_null_and_goes_on(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024, 4096);
    assert_null(arena_take(&arena, 5000));
    assert_null(arena_take(&arena, SIZE_MAX));
    assert_null(arena_take(&arena, SIZE_MAX - 40));
    size_t count = 0;
    while (count < 1000 && arena_take(&arena, 100)) count++;
    assert_true(count >= 24 && count < 41);
    assert_true(arena.taken <= 4096);
    arena_free(&arena);
}

static void a_large_take_leaves_the_open_block_open(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    char *first = arena_take(&arena, 16);
    assert_non_null(arena_take(&arena, 10000));
    char *second = arena_take(&arena, 16);
    assert_true(second >= first + 16 && second <= first + 48); /* with the sanitizer's gap */
    arena_free(&arena);
}

static void a_reset_keeps_one_block_and_uses_it_again(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    for (int i = 0; i < 50; i++) assert_non_null(arena_take(&arena, 100));
    arena_reset(&arena);
    assert_int_equal(arena.taken, 1024);
    memory_fail_at(1 + ADDRESS_SANITIZED); /* the kept block is enough; where takes are counted this is the first */
    assert_non_null(arena_take(&arena, 900));
    memory_fail_at(0);
    arena_reset(&arena);
    assert_non_null(arena_take(&arena, 5000)); /* a large one alone is not kept */
    arena_free(&arena);
    arena_init(&arena, 1024, 1 << 20);
    assert_non_null(arena_take(&arena, 5000));
    arena_reset(&arena);
    assert_int_equal(arena.taken, 0);
    arena_free(&arena);
}

static void copies_end_in_nul(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 256, 1 << 20);
    struct str copy = arena_copy(&arena, STR("a\0b"));
    assert_true(str_eq(copy, STR("a\0b")));
    assert_int_equal(copy.at[3], 0);
    struct str both = arena_join(&arena, copy, STR("cd"));
    assert_true(str_eq(both, STR("a\0bcd")) && both.at[both.len] == 0);
    copy = arena_copy(&arena, STR_NONE);
    assert_non_null(copy.at);
    assert_int_equal(copy.at[0], 0);
    struct str printed = arena_printf(&arena, "%s-%d-%300d", "x", 5, 1);
    assert_int_equal(printed.len, 304);
    assert_true(str_starts(printed, STR("x-5-   ")) && printed.at[304] == 0);
    const unsigned char *zeroed = arena_take_zeroed(&arena, 100);
    for (int i = 0; i < 100; i++) assert_int_equal(zeroed[i], 0);
    arena_free(&arena);
}

/* One story of mixed takes; answers whether each worked. What was taken stays whole. */
static bool story(struct arena *arena) {
    struct str a = arena_copy(arena, STR("first")), big = STR_NONE, c = STR_NONE;
    void *large = arena_take(arena, 3000), *zeroed = arena_take_zeroed(arena, 900);
    big = arena_printf(arena, "%2000d", 7);
    c = arena_copy(arena, STR("last"));
    if (a.at) assert_true(str_eq(a, STR("first")));
    if (c.at) assert_true(str_eq(c, STR("last")));
    return a.at && large && zeroed && big.at && c.at;
}

static void every_failing_allocation_is_survived(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 50; n++) {
        struct arena arena;
        arena_init(&arena, 1024, 1 << 20);
        memory_fail_at(n);
        bool whole = story(&arena);
        uint64_t calls = memory_calls();
        memory_fail_at(0);
        assert_int_equal(whole, calls < n);
        arena_reset(&arena);
        assert_true(story(&arena));
        arena_free(&arena);
        if (whole) return;
    }
    fail_msg("the story never ends");
}

static void what_it_takes_is_counted_and_all_of_it_given_back(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 50; n++) {
        struct budget budget = {.limit = 1 << 20};
        struct arena arena;
        arena_init(&arena, 1024, 1 << 20);
        arena_hold_within(&arena, &budget);
        budget_fail_at(&budget, n);
        bool whole = story(&arena);
        uint64_t calls = budget_calls(&budget);
        budget_fail_at(&budget, 0);
        assert_int_equal(whole, calls < n);
        assert_int_equal(budget.taken, arena.taken);
        arena_reset(&arena);
        assert_int_equal(budget.taken, arena.taken);
        assert_true(story(&arena));
        assert_int_equal(budget.taken, arena.taken);
        memory_fail_at(1);
        assert_null(arena_take(&arena, 5000));
        memory_fail_at(0);
        assert_int_equal(budget.taken, arena.taken);
        arena_free(&arena);
        assert_int_equal(budget.taken, 0);
        if (whole) return;
    }
    fail_msg("the story never ends");
}

static void without_room_only_what_ends_something_is_taken(void **state) {
    (void)state;
    struct budget budget = {.limit = 2048};
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    arena_hold_within(&arena, &budget);
    assert_non_null(arena_take(&arena, 900));
    assert_null(arena_take(&arena, 3000));
    assert_non_null(arena_take_to_end(&arena, 3000));
    assert_true(budget.taken == arena.taken && budget.taken > budget.limit);
    assert_null(arena_take(&arena, 900));
    arena_free(&arena);
    assert_int_equal(budget.taken, 0);
}

#if ADDRESS_SANITIZED
#include <sanitizer/asan_interface.h>
static bool is_closed(const char *at) { return __asan_address_is_poisoned(at); }
#else
static bool is_closed(const char *at) { return (void)at, false; }
#endif

/* Reads past the end of an array in an arena, and of what a reset took away, are seen by the sanitizer. */
static void behind_a_take_and_after_a_reset_the_memory_is_nobodys(void **state) {
    (void)state;
    if (!ADDRESS_SANITIZED) skip();
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    for (size_t size = 1; size < 200; size++) {
        const char *taken = arena_take(&arena, size);
        for (size_t i = 0; i < size; i++) assert_false(is_closed(taken + i));
        assert_true(is_closed(taken + size) && is_closed(taken + size + 15));
    }
    arena_reset(&arena);
    const char *taken = arena_take(&arena, 100);
    assert_true(is_closed(taken + 100));
    arena_reset(&arena);
    assert_true(is_closed(taken));
    const char *again = arena_take(&arena, 100);
    assert_ptr_equal(again, taken);
    arena_wipe(&arena);
    for (size_t i = 0; i < 100; i++) assert_false(is_closed(taken + i));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_are_aligned_and_do_not_overlap),
        cmocka_unit_test(nothing_is_held_before_the_first_take),
        cmocka_unit_test(past_its_limit_it_answers_null_and_goes_on),
        cmocka_unit_test(a_large_take_leaves_the_open_block_open),
        cmocka_unit_test(a_reset_keeps_one_block_and_uses_it_again),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(every_failing_allocation_is_survived),
        cmocka_unit_test(what_it_takes_is_counted_and_all_of_it_given_back),
        cmocka_unit_test(without_room_only_what_ends_something_is_taken),
        cmocka_unit_test(behind_a_take_and_after_a_reset_the_memory_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
