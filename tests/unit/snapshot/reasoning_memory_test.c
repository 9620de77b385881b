/* reasoning_memory_test.c - whose reasoning is kept, for how long, and who gives way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "snapshot/reasoning_memory.h"

static struct budget budget;
static struct reasoning_memory memory;
static struct arena arena;

static int begin(void **state) {
    (void)state;
    budget = (struct budget){.limit = 64 << 20};
    reasoning_memory_init(&memory, &budget);
    arena_init(&arena, 4096, 64 << 20);
    return 0;
}

static int end(void **state) {
    (void)state;
    reasoning_memory_free(&memory);
    arena_free(&arena);
    return budget.taken != 0;
}

static struct reasoning_key key(uint64_t client, uint64_t origin, const char *call) {
    return (struct reasoning_key){client, origin, str_from(call)};
}

static bool finds(struct reasoning_key of, uint64_t now_ns, const char *wanted) {
    struct str items = STR_NONE;
    bool found = reasoning_find(&memory, &of, now_ns, &arena, &items);
    assert_true(!found || !wanted || str_eq(items, str_from(wanted)));
    return found;
}

static void keep(struct reasoning_key of, struct str items, uint64_t now_ns) {
    reasoning_keep(&memory, &of, items, now_ns);
}

static void it_is_found_by_client_provider_and_call(void **state) {
    (void)state;
    keep(key(1, 1, "call"), STR("mine"), 0);
    assert_true(finds(key(1, 1, "call"), 1, "mine"));
    assert_false(finds(key(2, 1, "call"), 1, NULL));
    assert_false(finds(key(1, 2, "call"), 1, NULL));
    assert_false(finds(key(1, 1, "call2"), 1, NULL));
    keep(key(1, 1, "call"), STR("newer"), 2);
    assert_true(finds(key(1, 1, "call"), 3, "newer"));
    assert_int_equal(memory.count, 1);
    keep(key(1, 1, "nothing"), STR(""), 3);
    assert_true(finds(key(1, 1, "nothing"), 3, ""));
    keep(key(1, 1, ""), STR("of no call"), 3);
    assert_int_equal(memory.count, 2);
}

static void it_is_gone_after_an_hour(void **state) {
    (void)state;
    const uint64_t hour = reasoning_keep_s * NS_PER_S;
    keep(key(1, 1, "call"), STR("x"), 5);
    assert_true(finds(key(1, 1, "call"), 5 + hour, "x"));
    assert_false(finds(key(1, 1, "call"), 6 + hour, NULL));
    keep(key(2, 1, "other"), STR("y"), 6 + hour); /* whatever is old makes room */
    assert_int_equal(memory.count, 1);
    keep(key(2, 1, "third"), STR("z"), 6 + 2 * hour); /* of an hour exactly it is not old */
    assert_int_equal(memory.count, 2);
    keep(key(2, 1, "fourth"), STR("z"), 7 + 2 * hour);
    assert_int_equal(memory.count, 2);
}

static void one_client_pushes_out_its_own_alone(void **state) {
    static char much[200 * 1024];
    char call[16];
    (void)state;
    memset(much, 'x', sizeof much);
    keep(key(1, 1, "mine"), STR("mine"), 0);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(call, sizeof call, "%u", i);
        keep(key(2, 1, call), str_make(much, sizeof much), i);
        assert_true(memory.clients[2] <= reasoning_client_bytes_max);
    }
    assert_true(finds(key(1, 1, "mine"), 100, "mine"));
    assert_true(finds(key(2, 1, "99"), 100, NULL));
    assert_false(finds(key(2, 1, "0"), 100, NULL));
}

static void all_of_it_is_bounded_and_the_oldest_goes(void **state) {
    static char much[200 * 1024];
    char call[16];
    (void)state;
    memset(much, 'x', sizeof much);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(call, sizeof call, "%u", i);
        keep(key(i, 1, call), str_make(much, sizeof much), i);
        assert_true(memory.bytes <= reasoning_bytes_max);
    }
    assert_false(finds(key(0, 1, "0"), 300, NULL));
    assert_true(finds(key(299, 1, "299"), 300, NULL));
    keep(key(1, 1, "long"), str_make(much, 0), 300);
}

static void what_is_too_long_or_has_no_room_is_not_kept(void **state) {
    static char much[reasoning_entry_max];
    (void)state;
    keep(key(1, 1, "long"), STR(""), 0);
    size_t most = reasoning_entry_max - memory.bytes; /* beside the entry itself */
    keep(key(1, 1, "long"), str_make(much, most), 0);
    assert_int_equal(memory.bytes, reasoning_entry_max);
    keep(key(1, 1, "more"), str_make(much, most + 1), 0);
    assert_false(finds(key(1, 1, "more"), 1, NULL));
    reasoning_memory_free(&memory);
    reasoning_memory_init(&memory, &budget);
    keep(key(1, 1, "long"), str_make(much, sizeof much), 0);
    assert_int_equal(memory.count, 0);
    budget.limit = 10;
    keep(key(1, 1, "call"), STR("x"), 0);
    assert_int_equal(memory.count, 0);
    assert_int_equal(memory.bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_found_by_client_provider_and_call, begin, end),
        cmocka_unit_test_setup_teardown(it_is_gone_after_an_hour, begin, end),
        cmocka_unit_test_setup_teardown(one_client_pushes_out_its_own_alone, begin, end),
        cmocka_unit_test_setup_teardown(all_of_it_is_bounded_and_the_oldest_goes, begin, end),
        cmocka_unit_test_setup_teardown(what_is_too_long_or_has_no_room_is_not_kept, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
