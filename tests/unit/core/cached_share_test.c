/* A share that falls against its own past is seen, one that was ever low is not, and what lasts is the past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/cached_share.h"

static bool note(struct cell *cell, int64_t cached, unsigned times) {
    for (unsigned i = 0; i < times; i++) cached_share_note(cell, cached, 1000);
    struct cached_share share = cached_share_read(cell);
    assert_true(share.recent >= 0 && share.recent <= 1 && share.usual >= 0 && share.usual <= 1);
    return cached_share_fell(&share);
}

static void it_falls_ends_and_falls_again(void **state) {
    struct cell cell = {0};
    (void)state;
    assert_false(note(&cell, 800, 200));
    assert_false(note(&cell, 0, 5)); /* a few new conversations */
    assert_true(note(&cell, 0, 15));
    assert_false(note(&cell, 800, 40)); /* mended */
    assert_true(note(&cell, 0, 20));
    assert_false(note(&cell, 0, 5000)); /* that is how it is now */
}

static void what_was_ever_low_or_is_new_has_not_fallen(void **state) {
    struct cell low = {0}, young = {0}, half = {0};
    (void)state;
    assert_false(note(&low, 150, 500));
    assert_false(note(&low, 0, 100));
    assert_false(note(&young, 1000, 30));
    assert_false(note(&young, 0, 33));
    assert_false(note(&half, 800, 300));
    assert_false(note(&half, 450, 100));
}

static void a_reply_that_counts_wrongly_is_a_whole_share_at_most(void **state) {
    struct cell cell = {0};
    (void)state;
    cached_share_note(&cell, INT64_MAX, 1);
    assert_true(cached_share_read(&cell).recent == 1);
    for (unsigned i = 0; i < 70000; i++) cached_share_note(&cell, 1, 2);
    assert_int_equal(cached_share_read(&cell).answers, 65535);
    assert_true(cached_share_read(&cell).usual > 0.49 && cached_share_read(&cell).usual < 0.51);
}

/* Of 24 bits, to the nearest: a third is neither more nor less after a thousand of them. */
static void a_share_is_kept_to_the_nearest(void **state) {
    const double one = (1 << 24) - 1;
    struct cell cell = {0};
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        cached_share_note(&cell, 1, 3);
        const struct cached_share share = cached_share_read(&cell);
        assert_true((uint32_t)(share.recent * one + 0.5) == 5592405 && (uint32_t)(share.usual * one + 0.5) == 5592405);
    }
    cell = (struct cell){0};
    cached_share_note(&cell, 2, 7); /* 4793489.99... and a bit */
    assert_true((uint32_t)(cached_share_read(&cell).recent * one + 0.5) == 4793490);
    assert_true((uint32_t)(cached_share_read(&cell).usual * one + 0.5) == 4793490);
    cell = (struct cell){0};
    cached_share_note(&cell, 4, 7); /* 9586980 exactly */
    assert_true((uint32_t)(cached_share_read(&cell).recent * one + 0.5) == 9586980);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_falls_ends_and_falls_again),
        cmocka_unit_test(what_was_ever_low_or_is_new_has_not_fallen),
        cmocka_unit_test(a_share_is_kept_to_the_nearest),
        cmocka_unit_test(a_reply_that_counts_wrongly_is_a_whole_share_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
