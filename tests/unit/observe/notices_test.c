/* notices_test.c - the ring of events: each once and in order, and who was too slow is told how many it has missed. */
#include "observe/notices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void put(struct notices *notices, unsigned from, unsigned to) {
    char members[32];
    for (unsigned i = from; i < to; i++) {
        snprintf(members, sizeof members, "\"n\":%u", i);
        notices_put(notices, notice_change, 1000 + i, str_from(members));
    }
}

static void who_reads_on_gets_each_once_and_in_order(void **state) {
    (void)state;
    struct notices *notices = notices_new(7);
    struct notice notice;
    uint64_t missed, after = notices_last(notices);
    assert_int_equal(after, (uint64_t)7 << 20);
    assert_false(notices_next(notices, after, &notice, &missed));
    put(notices, 0, 5);
    for (unsigned i = 0; i < 5; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "{\"time_ms\":%u,\"n\":%u}", 1000 + i, i);
        assert_true(notices_next(notices, after, &notice, &missed));
        assert_int_equal(missed, 0);
        assert_int_equal(notice.id, after + 1);
        assert_int_equal(notice.len, strlen(wanted));
        assert_memory_equal(notice.json, wanted, notice.len);
        after = notice.id;
    }
    assert_false(notices_next(notices, after, &notice, &missed));
    assert_false(notices_next(notices, after + 9, &notice, &missed)); /* what was never told */
    notices_free(notices);
}

static void who_was_too_slow_is_told_how_many_it_has_missed(void **state) {
    (void)state;
    struct notices *notices = notices_new(7);
    struct notice notice;
    uint64_t missed, first = notices_last(notices);
    put(notices, 0, notices_held);
    assert_true(notices_next(notices, first, &notice, &missed));
    assert_true(missed == 0 && notice.id == first + 1);
    put(notices, 0, 10);
    assert_true(notices_next(notices, first, &notice, &missed));
    assert_true(missed == 10 && notice.id == first + 11);
    assert_true(notices_next(notices, first + 10, &notice, &missed));
    assert_true(missed == 0 && notice.id == first + 11);
    assert_true(notices_next(notices, first - 5, &notice, &missed)); /* of an earlier process */
    assert_true(missed == UINT64_MAX && notice.id == first + 11);
    notices_free(notices);
}

static void what_is_too_long_is_told_all_the_same(void **state) {
    (void)state;
    static char members[2 * notice_bytes_max];
    struct notices *notices = notices_new(0);
    struct notice notice;
    uint64_t missed;
    memset(members, 'x', sizeof members);
    notices_put(notices, notice_alert, 5, str_make(members, sizeof members));
    notices_put(NULL, notice_alert, 5, STR("\"a\":1"));
    assert_true(notices_next(notices, 0, &notice, &missed));
    assert_memory_equal(notice.json, "{\"time_ms\":5,\"too_long\":true}", notice.len);
    assert_true(notices_last(NULL) == 0 && !notices_next(NULL, 0, &notice, &missed));
    notices_free(notices);
}

static void what_is_forgotten_was_missed(void **state) {
    (void)state;
    struct notices *notices = notices_new(7);
    struct notice notice;
    uint64_t missed, first = notices_last(notices);
    notices_forget(notices); /* none yet */
    put(notices, 0, notices_held + 3);
    notices_forget(notices);
    assert_int_equal(notices_last(notices), first + notices_held + 3);
    assert_false(notices_next(notices, first, &notice, &missed));
    put(notices, 5, 7);
    assert_true(notices_next(notices, first, &notice, &missed));
    assert_true(missed == notices_held + 3 && notice.id == first + notices_held + 4);
    assert_true(notices_next(notices, first + notices_held + 3, &notice, &missed));
    assert_true(missed == 0 && notice.id == first + notices_held + 4);
    assert_true(notices_next(notices, notice.id, &notice, &missed));
    assert_memory_equal(notice.json, "{\"time_ms\":1006,\"n\":6}", notice.len);
    notices_free(notices);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_reads_on_gets_each_once_and_in_order),
        cmocka_unit_test(who_was_too_slow_is_told_how_many_it_has_missed),
        cmocka_unit_test(what_is_too_long_is_told_all_the_same),
        cmocka_unit_test(what_is_forgotten_was_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
