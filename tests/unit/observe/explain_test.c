/* explain_test.c - the ring keeps the newest, finds by id, and stays within its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "observe/explain.h"

static struct str numbered(char *buffer, size_t size, const char *prefix, unsigned n) {
    int len = snprintf(buffer, size, "%s%u", prefix, n);
    return str_make(buffer, (size_t)len);
}

static void finds_what_was_put(void **state) {
    (void)state;
    struct explain_ring *ring = explain_new(64 * 1024);
    assert_true(explain_put(ring, STR("req_a"), STR("{\"a\":1}")));
    assert_true(explain_put(ring, STR("req_b"), STR("{\"b\":1}")));
    assert_true(str_eq(explain_find(ring, STR("req_a")), STR("{\"a\":1}")));
    assert_true(str_eq(explain_find(ring, STR("req_b")), STR("{\"b\":1}")));
    assert_null(explain_find(ring, STR("req_c")).at);
    assert_null(explain_find(ring, STR("")).at);
    explain_free(ring);
}

static void the_oldest_gives_way(void **state) {
    (void)state;
    struct explain_ring *ring = explain_new(100 * 1024);
    unsigned places = (unsigned)explain_counts(ring).places, all = places * 3 + 7;
    char id[32], json[32];
    assert_true(places >= 40);
    for (unsigned n = 0; n < all; n++)
        assert_true(explain_put(ring, numbered(id, 32, "req_", n), numbered(json, 32, "story ", n)));
    for (unsigned n = 0; n < all; n++) {
        struct str found = explain_find(ring, numbered(id, 32, "req_", n));
        if (n < all - places)
            assert_null(found.at);
        else
            assert_true(str_eq(found, numbered(json, 32, "story ", n)));
    }
    struct explain_counts counts = explain_counts(ring);
    assert_int_equal(counts.put, all);
    assert_int_equal(counts.replaced, all - places);
    assert_int_equal(counts.held, places);
    explain_free(ring);
}

static void an_id_used_twice_finds_the_newest_and_then_nothing(void **state) {
    (void)state;
    struct explain_ring *ring = explain_new(0);
    assert_int_equal(explain_counts(ring).places, 1);
    explain_free(ring);
    ring = explain_new(8 * 1024);
    unsigned places = (unsigned)explain_counts(ring).places;
    explain_put(ring, STR("same"), STR("first"));
    explain_put(ring, STR("same"), STR("second"));
    assert_true(str_eq(explain_find(ring, STR("same")), STR("second")));
    char id[32];
    for (unsigned n = 0; n < places - 1; n++) explain_put(ring, numbered(id, 32, "r", n), STR("x"));
    assert_true(str_eq(explain_find(ring, STR("same")), STR("second"))); /* the first has given way */
    explain_put(ring, STR("last"), STR("x"));
    assert_null(explain_find(ring, STR("same")).at);
    explain_free(ring);
}

static void the_latest_come_newest_first(void **state) {
    (void)state;
    struct explain_ring *ring = explain_new(8 * 1024);
    struct str id;
    assert_null(explain_latest(ring, 0, NULL).at);
    char name[32];
    for (unsigned n = 0; n < 100; n++) {
        explain_put(ring, numbered(name, 32, "req_", n), STR("{}"));
        assert_non_null(explain_latest(ring, 0, &id).at);
        assert_true(str_eq(id, numbered(name, 32, "req_", n)));
    }
    size_t held = explain_counts(ring).held;
    assert_non_null(explain_latest(ring, held - 1, &id).at);
    assert_true(str_eq(id, numbered(name, 32, "req_", 100 - (unsigned)held)));
    assert_null(explain_latest(ring, held, &id).at);
    explain_free(ring);
}

static void what_does_not_fit_is_refused_and_counted(void **state) {
    (void)state;
    char big[explain_record_bytes + 1], id[limit_request_id + 1];
    memset(big, 'x', sizeof big);
    memset(id, 'i', sizeof id);
    struct explain_ring *ring = explain_new(8 * 1024);
    assert_false(explain_put(ring, STR("a"), str_make(big, sizeof big)));
    assert_false(explain_put(ring, STR(""), STR("{}")));
    assert_false(explain_put(ring, str_make(id, sizeof id), STR("{}")));
    assert_true(explain_put(ring, str_make(id, limit_request_id), str_make(big, explain_record_bytes)));
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
    assert_true(explain_put_story(ring, STR("req_1"), STR("mine"), STR("a"), 10, STR("{1}")));
    assert_true(explain_put_story(ring, STR("req_2"), STR("mine"), STR("b"), 20, STR("{2}")));
    assert_true(
        explain_put_story(ring, STR("req_3"), STR("req_1"), STR("a"), 30, STR("{3}"))); /* claims to be the first */
    struct explain_called called = explain_find_called(ring, STR("mine"), STR_NONE);
    assert_int_equal(called.count, 2);
    assert_int_equal(called.time_ms, 20);
    assert_true(str_eq(called.json, STR("{2}")));
    assert_true(str_eq(explain_find(ring, STR("req_1")), STR("{1}")));
    assert_int_equal(explain_find_called(ring, STR(""), STR_NONE).count, 0);
    assert_int_equal(explain_find_called(ring, STR("req_2"), STR_NONE).count, 0);
    assert_int_equal(explain_find_called(ring, STR("mine"), STR("a")).count,
                     1); /* another client's of that id is not seen */
    assert_true(str_eq(explain_find_called(ring, STR("mine"), STR("a")).json, STR("{1}")));
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
        cmocka_unit_test(the_latest_come_newest_first),
        cmocka_unit_test(what_does_not_fit_is_refused_and_counted),
        cmocka_unit_test(without_memory_there_is_no_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
