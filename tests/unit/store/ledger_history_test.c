/* ledger_history_test.c - what a budget that looks back finds, once the attempts are forgotten and the sums of hours
 * are all that is left: windows that begin with an hour whole, others from their first whole hour on. */
#include "store/ledger_history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger_folder.h"

static void cost_add(void *context, const struct ledger_past *past) { *(int64_t *)context += past->nano_usd; }

static int64_t since(struct ledger *ledger, int64_t since_s) {
    int64_t nano_usd = 0;
    assert_true(ledger_history(ledger, since_s, 0, cost_add, &nano_usd));
    return nano_usd;
}

static void what_is_forgotten_is_still_in_the_sums_of_whole_hours(void **state) {
    static const struct journal_source source = {0xfedcba9876543210u, 1};
    const int64_t hour_s = 3600, base_s = 20 * 24 * hour_s;
    (void)state;
    struct ledger *ledger = opened();
    for (uint64_t i = 0; i < 3; i++) { /* in the middle of three hours */
        struct record record = {.sequence = i + 1,
                                .texts = {[record_request_id] = STR("req_1"),
                                          [record_provider] = STR("openai"),
                                          [record_model] = STR("gpt"),
                                          [record_client] = STR("app")}};
        for (size_t n = 0; n < record_numbers; n++) record.numbers[n] = -1;
        record.numbers[record_time_ms] = (base_s + (int64_t)i * hour_s + hour_s / 2) * 1000;
        record.numbers[record_attempt] = 0;
        record.numbers[record_flags] = record_succeeded;
        record.numbers[record_cost_nano_usd] = (int64_t)1 << i;
        assert_true(ledger_begin(ledger) && ledger_add(ledger, source, &record) && ledger_commit(ledger));
    }
    assert_int_equal(since(ledger, base_s), 7);
    assert_int_equal(since(ledger, base_s + 1), 7);
    assert_int_equal(since(ledger, base_s + hour_s), 6);
    assert_int_equal(ledger_forget(ledger, (base_s + 2 * hour_s) * 1000), 2);
    assert_int_equal(since(ledger, base_s), 7);
    assert_int_equal(since(ledger, base_s + 1), 6); /* of a part of an hour nothing is known any more */
    assert_int_equal(since(ledger, base_s + hour_s - 1), 6);
    assert_int_equal(since(ledger, base_s + hour_s), 6);
    assert_int_equal(since(ledger, base_s + hour_s + 1), 4);
    assert_int_equal(since(ledger, base_s + 2 * hour_s), 4);
    assert_int_equal(since(ledger, base_s + 2 * hour_s + hour_s / 2), 4);
    assert_int_equal(since(ledger, base_s + 2 * hour_s + hour_s / 2 + 1), 0);
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_forgotten_is_still_in_the_sums_of_whole_hours, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
