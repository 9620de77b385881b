/* budget_test.c - the whole has one end, and no share of it takes what the next one needs to begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/budget.h"
#include "base/memory.h"
#include "base/prng.h"

enum { limit = 1 << 20, piece = 1000 };

/* Takes until it is refused; answers how much. */
static size_t fill(struct budget *budget, bool (*take)(struct budget *budget, size_t size)) {
    size_t taken = 0;
    while (take(budget, piece)) taken += piece;
    return taken;
}

static bool about(size_t value, size_t wanted) { return value + 2 * piece > wanted && value < wanted + 2 * piece; }

static void the_whole_is_taken_to_its_limit_and_not_past_it(void **state) {
    (void)state;
    struct budget whole = {.limit = limit};
    size_t taken = fill(&whole, budget_take);
    assert_true(taken <= limit && about(taken, limit));
    assert_false(budget_take(&whole, SIZE_MAX));
    assert_int_equal(whole.taken, taken);
    budget_charge(&whole, piece * 2);
    assert_false(budget_take(&whole, 1) || budget_admits(&whole, 0));
    budget_give(&whole, taken + piece * 2);
    assert_int_equal(whole.taken, 0);
    assert_true(budget_take(NULL, SIZE_MAX) && budget_admits(NULL, SIZE_MAX));
}

static void one_alone_begins_with_seven_eighths_and_goes_on_to_fifteen_sixteenths(void **state) {
    (void)state;
    struct budget whole = {.limit = limit}, share = {.limit = 0};
    budget_share(&share, &whole);
    size_t begun = fill(&share, budget_take_to_begin);
    assert_true(about(begun, limit / 8 * 7));
    assert_false(budget_admits(&share, piece));
    size_t more = fill(&share, budget_take);
    assert_true(about(begun + more, limit / 16 * 15));
    assert_true(share.taken == whole.taken && whole.taken == begun + more);
    budget_give(&share, begun + more);
    assert_true(share.taken == 0 && whole.taken == 0);
}

/* Whatever the others hold, and in whatever order they came: what they had too much of they do not get again, so that
 * as it ends the next one has it. */
static void whoever_comes_next_finds_room(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 7);
    for (unsigned round = 0; round < 200; round++) {
        struct budget whole = {.limit = limit}, shares[6] = {{.limit = 0}}, next = {.limit = 0};
        size_t count = 1 + (size_t)prng_below(&prng, 6), got = 0;
        budget_share(&next, &whole);
        for (size_t i = 0; i < count; i++) {
            budget_share(&shares[i], &whole);
            fill(&shares[i], prng_below(&prng, 2) ? budget_take : budget_take_to_begin);
        }
        for (unsigned turn = 0; turn < 3000; turn++) { /* an old request ends, new ones come of each */
            size_t i = (size_t)prng_below(&prng, count);
            if (shares[i].taken >= piece) budget_give(&shares[i], piece);
            for (size_t n = 0; n < count; n++)
                if (budget_take_to_begin(&shares[n], piece) && whole.taken > limit) fail_msg("past its limit");
            if (budget_take_to_begin(&next, piece)) got += piece;
        }
        if (got < limit / (count + 2) / 2) fail_msg("%zu others leave %zu", count, got);
    }
}

/* What one alone has taken comes down to its part as it is given back, while another asks. */
static void a_share_that_was_alone_makes_room_as_it_ends(void **state) {
    (void)state;
    struct budget whole = {.limit = limit}, first = {.limit = 0}, second = {.limit = 0};
    unsigned first_refused = 0, second_refused = 0;
    budget_share(&first, &whole);
    budget_share(&second, &whole);
    fill(&first, budget_take_to_begin);
    for (unsigned i = 0; i < 4000; i++) {
        budget_give(&first, piece);
        second_refused += !budget_take_to_begin(&second, piece);
        first_refused += !budget_take_to_begin(&first, piece);
    }
    assert_true(first_refused > 0 && second_refused > 0);
    assert_true(second.taken + 16 * piece > limit / 15 * 7 && second.taken < limit / 15 * 7 + 16 * piece &&
                second.taken + first.taken == whole.taken);
    assert_false(budget_admits(&first, piece));
}

static void a_share_stays_what_it_was_made(void **state) {
    (void)state;
    struct budget one = {.limit = limit}, other = {.limit = limit}, share = {.limit = 0};
    budget_share(&share, &one);
    budget_share(&share, &other);
    assert_true(budget_take(&share, piece));
    assert_true(one.taken == piece && other.taken == 0);
}

static void a_test_may_have_any_take_refused_once(void **state) {
    (void)state;
    struct budget whole = {.limit = limit}, share = {.limit = 0};
    budget_share(&share, &whole);
    budget_fail_at(&whole, 2);
    assert_true(budget_take(&share, piece));
    assert_false(budget_take(&whole, piece));
    assert_true(budget_admits(&share, piece));
    assert_int_equal(budget_calls(&whole), 3);
    assert_true(whole.taken == piece && share.taken == piece);
}

static void memory_that_is_counted_grows_whole_or_not_at_all(void **state) {
    (void)state;
    struct budget whole = {.limit = 5000};
    char *memory = budget_resize(&whole, NULL, 0, 1000);
    assert_true(memory && whole.taken == 1000);
    memory[999] = 'x';
    assert_null(budget_resize(&whole, memory, 1000, 4500)); /* both stand there for a moment */
    assert_int_equal(whole.taken, 1000);
    memory_fail_at(1);
    assert_null(budget_resize(&whole, memory, 1000, 2000));
    memory_fail_at(0);
    assert_int_equal(whole.taken, 1000);
    memory = budget_resize(&whole, memory, 1000, 2000);
    assert_true(memory && memory[999] == 'x' && whole.taken == 2000);
    budget_free(&whole, memory, 2000);
    budget_free(&whole, NULL, 0);
    assert_int_equal(whole.taken, 0);
}

struct hammer {
    struct budget share;
    struct budget *whole;
    size_t most;
};

static void *hammer_run(void *context) {
    struct hammer *hammer = context;
    struct prng prng;
    prng_seed(&prng, (uint64_t)(uintptr_t)hammer);
    for (unsigned i = 0; i < 100000; i++) {
        size_t size = (size_t)prng_below(&prng, limit / 4);
        if (!budget_take(&hammer->share, size)) continue;
        if (hammer->share.taken > hammer->most) hammer->most = hammer->share.taken;
        budget_give(&hammer->share, size);
    }
    return NULL;
}

static void threads_lose_no_byte_of_it(void **state) {
    (void)state;
    struct budget whole = {.limit = limit};
    struct hammer hammers[4] = {{.most = 0}};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        budget_share(&hammers[i].share, &whole);
        assert_int_equal(pthread_create(&threads[i], NULL, hammer_run, &hammers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(hammers[i].share.taken == 0 && hammers[i].most > 0 && hammers[i].most < limit);
    }
    assert_int_equal(whole.taken, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_is_taken_to_its_limit_and_not_past_it),
        cmocka_unit_test(one_alone_begins_with_seven_eighths_and_goes_on_to_fifteen_sixteenths),
        cmocka_unit_test(whoever_comes_next_finds_room),
        cmocka_unit_test(a_share_that_was_alone_makes_room_as_it_ends),
        cmocka_unit_test(a_share_stays_what_it_was_made),
        cmocka_unit_test(a_test_may_have_any_take_refused_once),
        cmocka_unit_test(memory_that_is_counted_grows_whole_or_not_at_all),
        cmocka_unit_test(threads_lose_no_byte_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
