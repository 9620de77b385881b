/* making_test.c - one makes, others follow: what each reads is what was written, whenever it came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "snapshot/making.h"

static struct makings makings;
static struct budget budget;
static const struct sha256 key = {{1}}, other = {{2}};
static bool follows;

static int begin(void **state) {
    (void)state;
    budget = (struct budget){.limit = 1 << 20};
    return makings_init(&makings, &budget) ? 0 : 1;
}
static int end(void **state) {
    (void)state;
    makings_free(&makings);
    return budget.taken != 0;
}

static struct making *join(const struct sha256 *of, unsigned form) {
    return making_join(&makings, of, form, 0, &budget, &follows);
}

static void ends(struct making *making, enum making_state how) {
    making_end(&makings, making, how, error_none, 200);
    making_unlist(&makings, making);
    making_release(making);
}

static bool leaves(struct making *making) {
    unsigned loop;
    bool last = making_leave(making, &loop);
    making_release(making);
    return last;
}

/* All that has come since, as one text. */
static size_t reads(const struct making *making, struct making_cursor *cursor, char *into, enum making_state *state) {
    struct str ranges[2];
    size_t len = 0;
    for (size_t count; (count = making_take_more(making, cursor, 1000, ranges, 2, state)) > 0;)
        for (size_t i = 0; i < count; i++) {
            memcpy(into + len, ranges[i].at, ranges[i].len);
            len += ranges[i].len;
        }
    return len;
}

static void the_first_makes_and_the_others_follow(void **state) {
    (void)state;
    struct making *first = join(&key, 0);
    assert_false(follows);
    struct making *second = join(&key, 0);
    assert_true(follows && second == first);
    struct making *third = join(&key, 1), *fourth = join(&other, 0); /* another form, another key */
    assert_false(follows);
    assert_true(third != first && fourth != first && third != fourth);
    assert_int_equal(making_followed(first), 1);
    leaves(second);
    assert_int_equal(making_followed(first), 0);
    ends(first, making_whole);
    ends(third, making_left);
    ends(fourth, making_failed);
}

static void a_follower_reads_all_from_its_beginning(void **state) {
    (void)state;
    char text[64];
    enum making_state how;
    struct making_cursor early = {NULL, 0}, late = {NULL, 0};
    struct making *first = join(&key, 0), *second = join(&key, 0);
    assert_int_equal(reads(second, &early, text, &how), 0);
    assert_true(making_add(first, STR("one ")));
    assert_int_equal(reads(second, &early, text, &how), 4);
    assert_true(making_add(first, STR("two ")) && making_add(first, STR("three")));
    assert_int_equal(reads(second, &early, text, &how), 9);
    assert_memory_equal(text, "two three", 9);
    assert_int_equal(how, making_open);
    struct making *third = join(&key, 0);
    ends(first, making_whole);
    assert_int_equal(reads(third, &late, text, &how), 13);
    assert_memory_equal(text, "one two three", 13);
    assert_int_equal(how, making_whole);
    leaves(second);
    leaves(third);
}

static void one_that_came_to_nothing_is_followed_by_nobody_else(void **state) {
    (void)state;
    struct making *first = join(&key, 0), *second = join(&key, 0);
    making_end(&makings, first, making_left, error_none, 0); /* and is taken out a moment later */
    struct making *next = join(&key, 0);
    assert_false(follows);
    assert_true(next != first);
    making_unlist(&makings, first);
    making_release(first);
    struct making *last = join(&key, 0);
    assert_true(follows && last == next);
    leaves(second);
    leaves(last);
    ends(next, making_whole);
}

static void an_orphan_is_told_by_the_last_that_leaves(void **state) {
    (void)state;
    struct making *alone = join(&other, 0);
    assert_false(making_orphan(&makings, alone)); /* nobody wants it, nor will */
    struct making *new = join(&other, 0);
    assert_false(follows);
    ends(new, making_left);
    ends(alone, making_left);
    struct making *first = join(&key, 0), *second = join(&key, 0), *third = join(&key, 0);
    assert_true(making_orphan(&makings, first));
    assert_false(leaves(second));
    assert_true(leaves(third));
    struct making *fourth = join(&key, 0); /* before its maker has heard */
    assert_true(follows);
    assert_true(making_orphan(&makings, first));
    assert_true(leaves(fourth));
    assert_false(making_orphan(&makings, first));
    ends(first, making_left);
}

static void memory_is_refused_and_given_back(void **state) {
    (void)state;
    static char block[64 * 1024];
    struct making *first = join(&key, 0);
    size_t added = 0;
    while (making_add(first, str_make(block, sizeof block))) added++;
    assert_true(added >= 10 && added < 16);
    assert_int_equal(first->len, added * sizeof block);
    ends(first, making_left);
}

static void budgets_of_a_maker_that_has_gone_are_charged_to_the_whole(void **state) {
    (void)state;
    struct budget share = {.limit = 1 << 20};
    struct making *first = making_join(&makings, &key, 0, 0, &share, &follows), *second = join(&key, 0);
    assert_true(making_add(first, STR("bytes")));
    assert_true(share.taken > 0 && budget.taken == 0);
    ends(first, making_whole);
    assert_true(share.taken == 0 && budget.taken > 0);
    leaves(second);
}

static void *follower(void *of) {
    struct making_cursor cursor = {NULL, 0};
    enum making_state how;
    struct str ranges[4];
    uint32_t next = 0;
    for (;;) {
        size_t count = making_take_more(of, &cursor, 4096, ranges, 4, &how);
        for (size_t i = 0; i < count; i++)
            for (size_t at = 0; at < ranges[i].len; at++, next++)
                if ((unsigned char)ranges[i].at[at] != (unsigned char)(next * 7)) return of;
        if (!count && how != making_open) return next == 300000 ? NULL : of;
        if (!count) sched_yield();
    }
}

static void threads_read_what_another_writes(void **state) {
    (void)state;
    pthread_t threads[3];
    struct making *first = join(&key, 0);
    char piece[301];
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(join(&key, 0), first);
        assert_int_equal(pthread_create(&threads[i], NULL, follower, first), 0);
    }
    for (uint32_t done = 0, len; done < 300000; done += len) {
        len = 1 + done % 300;
        if (len > 300000 - done) len = 300000 - done;
        for (uint32_t i = 0; i < len; i++) piece[i] = (char)(unsigned char)((done + i) * 7);
        assert_true(making_add(first, str_make(piece, len)));
    }
    making_end(&makings, first, making_whole, error_none, 200);
    for (size_t i = 0; i < 3; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
        leaves(first);
    }
    making_unlist(&makings, first);
    making_release(first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_makes_and_the_others_follow, begin, end),
        cmocka_unit_test_setup_teardown(a_follower_reads_all_from_its_beginning, begin, end),
        cmocka_unit_test_setup_teardown(one_that_came_to_nothing_is_followed_by_nobody_else, begin, end),
        cmocka_unit_test_setup_teardown(an_orphan_is_told_by_the_last_that_leaves, begin, end),
        cmocka_unit_test_setup_teardown(memory_is_refused_and_given_back, begin, end),
        cmocka_unit_test_setup_teardown(budgets_of_a_maker_that_has_gone_are_charged_to_the_whole, begin, end),
        cmocka_unit_test_setup_teardown(threads_read_what_another_writes, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
