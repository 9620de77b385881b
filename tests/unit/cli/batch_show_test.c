/* batch_show_test.c - a batch's bar and its summary, whole. */
#include "cli/batch_show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char *put(const struct weir_batch_progress *at, bool bar, bool json) {
    static char said[512];
    memset(said, 0, sizeof said);
    struct text text = text_in_buffer(said, sizeof said - 1);
    if (bar)
        batch_bar_put(at, &text);
    else
        batch_summary_put(at, json, &text);
    assert_false(text.failed);
    return said;
}

static void the_bar_fills_and_the_rest_takes_as_long_as_what_was_done(void **state) {
    struct weir_batch_progress at = {.total = 100, .parallel = 4};
    (void)state;
    assert_string_equal(put(&at, true, false),
                        "[..............................] 0/100  0.0/s  4 at once  0 failed  $0.0000");
    at.seconds = 10;
    assert_string_equal(put(&at, true, false),
                        "[..............................] 0/100  0.0/s  4 at once  0 failed  $0.0000");
    at = (struct weir_batch_progress){.total = 100,
                                      .done = 60,
                                      .failed = 2,
                                      .skipped = 20,
                                      .parallel = 7,
                                      .seconds = 10,
                                      .cost_nano_usd = 1234500000};
    assert_string_equal(put(&at, true, false),
                        "[##################............] 60/100  4.0/s  7 at once  2 failed  $1.2345  10 s left");
    at.done = 100;
    assert_string_equal(put(&at, true, false),
                        "[##############################] 100/100  8.0/s  7 at once  2 failed  $1.2345  0 s left");
    at.seconds = 0;
    assert_string_equal(put(&at, true, false),
                        "[##############################] 100/100  0.0/s  7 at once  2 failed  $1.2345");
    at = (struct weir_batch_progress){.parallel = 1};
    assert_string_equal(put(&at, true, false),
                        "[..............................] 0/0  0.0/s  1 at once  0 failed  $0.0000");
}

static void the_summary_counts_what_succeeded_by_what_did_not(void **state) {
    const struct weir_batch_progress at = {.total = 12,
                                           .done = 10,
                                           .failed = 3,
                                           .skipped = 2,
                                           .input_tokens = 400,
                                           .output_tokens = 50,
                                           .cost_nano_usd = 2000000001,
                                           .seconds = 1.25};
    (void)state;
    assert_string_equal(
        put(&at, false, false),
        "12 lines: 7 succeeded, 3 failed, 2 from an earlier run; 400 tokens in, 50 out, $2.000000, 1.2 s");
    assert_string_equal(
        put(&at, false, true),
        "{\"total\":12,\"done\":10,\"failed\":3,\"skipped\":2,\"input_tokens\":400,\"output_tokens\":50,"
        "\"cost_usd\":\"2.000000001\",\"seconds\":1.250}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bar_fills_and_the_rest_takes_as_long_as_what_was_done),
        cmocka_unit_test(the_summary_counts_what_succeeded_by_what_did_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
