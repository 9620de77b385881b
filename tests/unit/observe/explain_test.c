/* explain_test.c - the ring keeps the newest, finds by id, and stays within its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "observe/explain.h"

static struct str numbered(char *buffer, size_t size, const char *prefix, unsigned n) {
    int len = snprintf(buffer, size, "%s%u", prefix, n);
    return str_make(buffer, (size_t)len);
}

static bool put(struct explain_ring *ring, struct str id, struct str story) {
    return explain_put(ring, &(struct explain_key){.request_id = id, .caller_id = STR(""), .client = STR("")}, story);
}

static bool put_of(struct explain_ring *ring, struct str id, struct str caller_id, struct str client, int64_t time_ms,
                   struct str story) {
    return explain_put(ring, &(struct explain_key){id, caller_id, client, time_ms}, story);
}

static void finds_what_was_put(void **state) {
    (void)state;
    struct explain_ring *ring = explain_new(64 * 1024);
    assert_true(put(ring, STR("req_a"), STR("{\"a\":1}")));
    assert_true(put(ring, STR("req_b"), STR("{\"b\":1}")));
    assert_true(str_eq(explain_find(ring, STR("req_a")), STR("{\"a\":1}")));
    assert_true(str_eq(explain_find(ring, STR("req_b")), STR("{\"b\":1}")));
    assert_null(explain_find(ring, STR("req_c")).at);
    assert_null(explain_find(ring, STR("")).at);
    explain_free(ring);
}

/* Stories of every length, many times round: the newest are held, and no more of the oldest than had to go is gone. */
static void the_oldest_gives_way(void **state) {
    (void)state;
    enum { all = 2000, bytes = 100 * 1024, beside = 120 /* its ids, and what finds it */ };
    struct explain_ring *ring = explain_new(bytes);
    static char story[3000];
    char id[32];
    size_t lens[all];
    memset(story, 's', sizeof story);
    for (unsigned n = 0; n < all; n++) {
        lens[n] = 8 + n * 37 % (sizeof story - 8);
        numbered(story, 9, "", 10000000 + n);
        story[8] = 's';
        assert_true(put(ring, numbered(id, 32, "req_", n), str_make(story, lens[n])));
        struct explain_counts counts = explain_counts(ring);
        assert_int_equal(counts.put, n + 1);
        assert_int_equal(counts.replaced + counts.held, n + 1);
        size_t taken = 0;
        for (unsigned i = n + 1 - (unsigned)counts.held; i <= n; i++) taken += lens[i] + beside;
        if (counts.replaced && taken < bytes * 9 / 10 - 2 * sizeof story) fail_msg("%zu bytes at %u", taken, n);
        for (unsigned i = n > 200 ? n - 200 : 0; i <= n; i++) {
            struct str found = explain_find(ring, numbered(id, 32, "req_", i));
            if (i < counts.replaced)
                assert_null(found.at);
            else
                assert_true(found.len == lens[i] && strtoul(found.at, NULL, 10) == 10000000 + i);
        }
    }
    explain_free(ring);
}

static void an_id_used_twice_finds_the_newest_and_then_nothing(void **state) {
    (void)state;
    struct explain_ring *ring = explain_new(8 * 1024);
    char id[32];
    put(ring, STR("same"), STR("first"));
    put(ring, STR("same"), STR("second"));
    unsigned n = 0;
    while (explain_counts(ring).replaced < 1) put(ring, numbered(id, 32, "r", n++), STR("x"));
    assert_true(str_eq(explain_find(ring, STR("same")), STR("second"))); /* the first has given way */
    while (explain_counts(ring).replaced < 2) put(ring, numbered(id, 32, "r", n++), STR("x"));
    assert_null(explain_find(ring, STR("same")).at);
    explain_free(ring);
}

static void however_small_it_holds_one_of_the_longest(void **state) {
    (void)state;
    static char story[explain_record_bytes];
    char id[limit_request_id];
    memset(story, 's', sizeof story);
    memset(id, 'i', sizeof id);
    struct explain_ring *ring = explain_new(0);
    for (unsigned n = 0; n < 3; n++) {
        id[0] = (char)('a' + n);
        struct str its = str_make(id, sizeof id);
        assert_true(put_of(ring, its, its, STR("c"), 1, str_make(story, sizeof story - n)));
        assert_int_equal(explain_find(ring, its).len, sizeof story - n);
        assert_int_equal(explain_find_called(ring, its, STR_NONE).count, 1);
        assert_int_equal(explain_counts(ring).held, 1);
    }
    explain_free(ring);
}

static void what_does_not_fit_is_refused_and_counted(void **state) {
    (void)state;
    char big[explain_record_bytes + 1], id[limit_request_id + 1];
    memset(big, 'x', sizeof big);
    memset(id, 'i', sizeof id);
    struct explain_ring *ring = explain_new(8 * 1024);
    assert_false(put(ring, STR("a"), str_make(big, sizeof big)));
    assert_false(put(ring, STR(""), STR("{}")));
    assert_false(put(ring, str_make(id, sizeof id), STR("{}")));
    assert_true(put(ring, str_make(id, limit_request_id), str_make(big, explain_record_bytes)));
    assert_int_equal(explain_find(ring, str_make(id, limit_request_id)).len, explain_record_bytes);
    assert_int_equal(explain_counts(ring).refused, 3);
    assert_int_equal(explain_counts(ring).put, 1);
    explain_free(ring);
}

static void without_memory_there_is_no_ring(void **state) {
    (void)state;
    for (uint64_t n = 1; n <= 3; n++) {
        memory_fail_at(n);
        assert_null(explain_new(64 * 1024));
    }
    memory_fail_at(0);
    explain_free(NULL);
}

static void an_id_that_callers_chose_finds_the_newest_and_hides_none(void **state) {
    (void)state;
    struct explain_ring *ring = explain_new(64 * 1024);
    assert_non_null(ring);
    assert_true(put_of(ring, STR("req_1"), STR("mine"), STR("a"), 10, STR("{1}")));
    assert_true(put_of(ring, STR("req_2"), STR("mine"), STR("b"), 20, STR("{2}")));
    assert_true(put_of(ring, STR("req_3"), STR("req_1"), STR("a"), 30, STR("{3}"))); /* claims to be the first */
    struct explain_called called = explain_find_called(ring, STR("mine"), STR_NONE);
    assert_int_equal(called.count, 2);
    assert_int_equal(called.time_ms, 20);
    assert_true(str_eq(called.story, STR("{2}")));
    assert_true(str_eq(explain_find(ring, STR("req_1")), STR("{1}")));
    assert_int_equal(explain_find_called(ring, STR(""), STR_NONE).count, 0);
    assert_int_equal(explain_find_called(ring, STR("req_2"), STR_NONE).count, 0);
    assert_int_equal(explain_find_called(ring, STR("mine"), STR("a")).count,
                     1); /* another client's of that id is not seen */
    assert_true(str_eq(explain_find_called(ring, STR("mine"), STR("a")).story, STR("{1}")));
    assert_int_equal(explain_find_called(ring, STR("mine"), STR("c")).count, 0);
    assert_int_equal(explain_find_called(ring, STR("mine"), STR("")).count, 0); /* nobody's */
    explain_free(ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_that_callers_chose_finds_the_newest_and_hides_none),
        cmocka_unit_test(finds_what_was_put),
        cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(an_id_used_twice_finds_the_newest_and_then_nothing),
        cmocka_unit_test(however_small_it_holds_one_of_the_longest),
        cmocka_unit_test(what_does_not_fit_is_refused_and_counted),
        cmocka_unit_test(without_memory_there_is_no_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
