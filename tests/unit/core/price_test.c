/* price_test.c - tokens to money: what is cached, what is written to a cache, tiers, rounding, bounds. */
#include "core/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { million = 1000000 };

static struct price_list list_of(int64_t input, int64_t output) {
    struct price_list list = PRICES_UNKNOWN;
    list.input = input;
    list.output = output;
    return list;
}

static void input_and_output_have_their_prices(void **state) {
    (void)state;
    struct price_list list = list_of(2000, 10000);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million, .output = million}), 12000);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 1}), 1); /* rounded up */
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = -1, .output = -1}), 0);
    list.request = 7;
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million}), 2007);
    list = PRICES_UNKNOWN;
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million}), -1);
}

static void parts_of_the_input_cost_their_own_price_or_the_inputs(void **state) {
    (void)state;
    struct price_list list = list_of(2000, 0);
    struct price_tokens tokens = {.input = 3 * million, .cached_input = million, .cache_write = million};
    assert_int_equal(price_cost(&list, tokens), 6000);
    list.cached_input = 200;
    assert_int_equal(price_cost(&list, tokens), 4200);
    list.cache_write = 2500;
    assert_int_equal(price_cost(&list, tokens), 4700);
    tokens.cached_input = 5 * million; /* more than there is: all of it, and nothing is left for the write */
    assert_int_equal(price_cost(&list, tokens), 600);
}

static void a_tier_holds_for_the_whole_request_above_its_bound(void **state) {
    (void)state;
    static const struct price_tier tiers[] = {{200000, 4000, -1, -1, 5000}, {500000, 6000, 20000, -1, -1}};
    struct price_list list = list_of(2000, 10000);
    list.cached_input = 100;
    list.cache_write = 2500;
    list.tiers = tiers;
    list.tier_count = 2;
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 200000}), 400);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 200001}), 801);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 400000, .output = 100000}), 2600);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 400000, .cache_write = 400000}), 2000);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 400000, .cached_input = 400000}), 40);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 600000, .output = 100000}), 5600);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 600000, .cache_write = 600000}), 3000);
}

static void it_saturates(void **state) {
    (void)state;
    struct price_list list = list_of(INT64_MAX, INT64_MAX);
    assert_true(price_cost(&list, (struct price_tokens){.input = INT64_MAX, .output = INT64_MAX}) == INT64_MAX);
}

static void what_costs_nothing_is_known_and_free(void **state) {
    (void)state;
    struct price_list list = list_of(0, 0);
    struct price_tokens tokens = {.input = million, .output = million, .cached_input = 10, .cache_write = 10};
    assert_int_equal(price_cost(&list, tokens), 0);
    list = list_of(2000, -1);
    list.cached_input = 0;
    tokens = (struct price_tokens){.input = million, .output = million, .cached_input = million};
    assert_int_equal(price_cost(&list, tokens), 0); /* cached input that is free costs not the input's price */
    static const struct price_tier tiers[] = {{0, 0, 0, -1, -1}};
    list = list_of(2000, 3000);
    list.tiers = tiers;
    list.tier_count = 1;
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million, .output = million}), 0);
}

static void one_known_price_makes_a_cost(void **state) {
    (void)state;
    const struct price_tokens tokens = {.input = million, .output = million};
    struct price_list list = list_of(2000, -1);
    assert_int_equal(price_cost(&list, tokens), 2000);
    list = list_of(-1, 3000);
    assert_int_equal(price_cost(&list, tokens), 3000);
    list = list_of(-1, -1);
    list.request = 0;
    assert_int_equal(price_cost(&list, tokens), 0);
    list.request = 5;
    assert_int_equal(price_cost(&list, tokens), 5);
}

static void a_part_of_a_nano_dollar_is_a_whole_one(void **state) {
    (void)state;
    struct price_list list = list_of(1, -1);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 1}), 1);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million}), 1);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million + 1}), 2);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 0}), 0);
}

static void a_tier_has_its_own_price_for_what_is_cached(void **state) {
    (void)state;
    static const struct price_tier tiers[] = {{10, 4000, -1, 800, -1}};
    struct price_list list = list_of(2000, 10000);
    list.cached_input = 200;
    list.tiers = tiers;
    list.tier_count = 1;
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million, .cached_input = million}), 800);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_and_output_have_their_prices),
        cmocka_unit_test(parts_of_the_input_cost_their_own_price_or_the_inputs),
        cmocka_unit_test(a_tier_holds_for_the_whole_request_above_its_bound),
        cmocka_unit_test(it_saturates),
        cmocka_unit_test(what_costs_nothing_is_known_and_free),
        cmocka_unit_test(one_known_price_makes_a_cost),
        cmocka_unit_test(a_part_of_a_nano_dollar_is_a_whole_one),
        cmocka_unit_test(a_tier_has_its_own_price_for_what_is_cached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
