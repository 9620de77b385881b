/* spares_test.c - what is given back is what the next one gets, up to as many as are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/sanitized.h"
#include "base/spares.h"

enum { spares_test_size = 100, spares_test_kept = 64 };
static const size_t spares_test_most = ADDRESS_SANITIZED ? 0 : spares_test_kept;

static void spares_come_back_last_first(void **state) {
    struct spares spares = {.first = NULL};
    void *blocks[spares_test_kept + 2];
    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        assert_non_null(blocks[i] = spares_take(&spares, spares_test_size));
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) spares_give(&spares, blocks[i]);
    assert_int_equal(spares.count, spares_test_most); /* the others went back at once: the leak check sees each */
    for (size_t i = spares_test_most; i-- > 0;) assert_ptr_equal(spares_take(&spares, spares_test_size), blocks[i]);
    assert_int_equal(spares.count, 0);
    assert_null(spares.first);
    for (size_t i = 0; i < spares_test_most; i++) spares_give(&spares, blocks[i]);
    spares_free(&spares);
    assert_null(spares.first);
    assert_int_equal(spares.count, 0);
}

/* Without any it is memory's own, and one smaller than what holds it there has room for that. */
static void spares_none_are_memorys(void **state) {
    struct spares spares = {.first = NULL};
    void *block = spares_take(NULL, 1);
    (void)state;
    assert_non_null(block);
    spares_give(NULL, block);
    spares_give(&spares, NULL);
    assert_int_equal(spares.count, 0);
    spares_give(&spares, spares_take(&spares, 1));
    memory_fail_at(1);
    block = spares_take(&spares, 1);
    assert_int_equal(block != NULL, spares_test_most > 0); /* a spare costs no memory */
    memory_fail_at(0);
    spares_give(&spares, block);
    spares_free(&spares);
    memory_fail_at(1);
    assert_null(spares_take(&spares, spares_test_size));
    memory_fail_at(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(spares_come_back_last_first),
                                       cmocka_unit_test(spares_none_are_memorys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
