/* memory_test.c - the door to the C library, and the failure that can be asked of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"

static void it_gives_usable_memory(void **state) {
    (void)state;
    char *bytes = memory_take(0);
    assert_non_null(bytes);
    memory_give(bytes);
    bytes = memory_take_zeroed(100);
    for (int i = 0; i < 100; i++) assert_int_equal(bytes[i], 0);
    bytes[99] = 7;
    char *more = memory_resize(bytes, 10000);
    assert_non_null(more);
    assert_int_equal(more[99], 7);
    memory_give(more);
    memory_give(NULL);
}

static void exactly_the_asked_for_call_fails(void **state) {
    (void)state;
    memory_fail_at(2);
    void *first = memory_take(1), *second = memory_take_zeroed(1), *third = memory_take(1);
    assert_true(first && !second && third);
    assert_int_equal(memory_calls(), 3);
    memory_fail_at(1);
    assert_null(memory_resize(first, 100)); /* and `first` is still ours */
    memory_fail_at(0);
    memory_give(first);
    memory_give(third);
}

static void sizes_are_checked(void **state) {
    (void)state;
    size_t size;
    assert_true(size_add(SIZE_MAX - 1, 1, &size) && size == SIZE_MAX);
    assert_false(size_add(SIZE_MAX, 1, &size));
    assert_true(size_mul(1 << 16, 1 << 16, &size));
    assert_false(size_mul(SIZE_MAX / 2, 3, &size));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_gives_usable_memory),
                                       cmocka_unit_test(exactly_the_asked_for_call_fails),
                                       cmocka_unit_test(sizes_are_checked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
