/* A share of false hits: nothing is turned off on few, what is off stays so until it is reset, full counts keep it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/false_share.h"

static struct false_share note(struct cell *cell, unsigned right, unsigned wrong) {
    for (unsigned i = 0; i < right; i++) false_share_note(cell, false, 0.1);
    for (unsigned i = 0; i < wrong; i++) false_share_note(cell, true, 0.1);
    return false_share_read(cell);
}

static void it_is_off_above_what_may_be_false(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_false(note(&cell, 0, 19).off); /* too few */
    false_share_reset(&cell);
    struct false_share share = note(&cell, 36, 4);
    assert_true(share.compared == 40 && share.wrong == 4 && !share.off); /* as many as may be */
    assert_true(note(&cell, 0, 1).off);
    assert_true(note(&cell, 1000, 0).off); /* until it is reset */
    false_share_reset(&cell);
    share = false_share_read(&cell);
    assert_true(!share.off && share.compared == 0 && share.wrong == 0);
}

static void all_of_few_is_off_at_twenty(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_true(note(&cell, 0, 20).off);
}

static void full_counts_are_halved(void **state) {
    struct cell cell = {(uint64_t)INT32_MAX << 31 | 1000};
    (void)state;
    assert_int_equal(false_share_read(&cell).compared, INT32_MAX);
    struct false_share share = note(&cell, 1, 0);
    assert_int_equal(share.compared, INT32_MAX / 2 + 1);
    assert_int_equal(share.wrong, 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_off_above_what_may_be_false),
        cmocka_unit_test(all_of_few_is_off_at_twenty),
        cmocka_unit_test(full_counts_are_halved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
