/* A limit's rates are taken all or none; and a value of one keeps its place while anything of it is taken. */
#include "snapshot/rate_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"

static const uint64_t second_ns = 1000000000, minute_ns = 60000000000;

static struct limiter_rules per_minute(uint64_t limit) {
    return (struct limiter_rules){.limit = limit, .period_ns = minute_ns, .burst = limit};
}

static void all_rates_are_taken_or_none(void **state) {
    (void)state;
    const struct limit_rules rules = {.rates = {.requests_minute = per_minute(10),
                                                .requests_hour = per_minute(10),
                                                .tokens_minute = per_minute(100)}};
    struct limit_words words = {.gate = {0}};
    struct limit_tickets tickets;
    assert_true(limit_take(&words, &rules, 60, second_ns, &tickets));
    assert_false(limit_words_rest(&words, second_ns));
    struct limit_tickets more;
    assert_false(limit_take(&words, &rules, 60, second_ns, &more)); /* tokens; the requests are back */
    assert_int_equal(limiter_left(&words.requests_minute, &rules.rates.requests_minute, second_ns), 9);
    assert_int_equal(limiter_left(&words.requests_hour, &rules.rates.requests_hour, second_ns), 9);
    assert_int_equal(limit_wait_ns(&words, &rules, 60, second_ns), 12 * second_ns);
    limit_refund(&words, &rules, &tickets, second_ns);
    assert_true(limit_words_rest(&words, second_ns));
    assert_true(gate_enter(&words.gate, 0));
    assert_false(limit_words_rest(&words, second_ns));
}

static void a_value_keeps_its_place_until_all_of_it_is_free(void **state) {
    (void)state;
    const struct rate_limit limit = {.rules = {.rates = {.requests_minute = per_minute(1)}},
                                     .value_most = 1,
                                     .values = memory_take_zeroed(values_size(values_of_limit))};
    const struct hash_tag one = {{1, 1}}, two = {{2, 2}};
    struct values_window window = limit_values_window(&limit, second_ns);
    struct limit_tickets tickets;
    struct money_value *value = values_hold(limit.values, &one, STR("one"), &window, true), *other;
    assert_true(limit_take(value_limit(value), &limit.rules, 1, second_ns, &tickets));
    other = values_hold(limit.values, &two, STR("two"), &window, true);
    assert_true(tag_is(&other->tag, &value_other)); /* it is held */
    values_release(limit.values, other);
    values_release(limit.values, value);
    other = values_hold(limit.values, &two, STR("two"), &window, true);
    assert_true(tag_is(&other->tag, &value_other)); /* its rate is not free */
    assert_true(values_are_crowded(limit.values, 1));
    values_release(limit.values, other);
    window = limit_values_window(&limit, second_ns + minute_ns);
    other = values_hold(limit.values, &two, STR("two"), &window, true);
    assert_true(tag_is(&other->tag, &two));
    assert_true(limit_words_rest(value_limit(other), second_ns + minute_ns)); /* and it begins with nothing taken */
    values_release(limit.values, other);
    assert_null(values_hold(limit.values, &one, STR("one"), &window, false));
    values_end(limit.values);
    memory_give(limit.values);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rates_are_taken_or_none),
        cmocka_unit_test(a_value_keeps_its_place_until_all_of_it_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
