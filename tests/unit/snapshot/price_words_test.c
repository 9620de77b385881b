/* price_words_test.c - days, hours, factors, discounts and prices as they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "snapshot/price_words.h"

static void a_day_is_one_of_the_calendar(void **state) {
    int64_t seconds;
    (void)state;
    assert_true(price_day_read(STR("1970-01-02"), &seconds) && seconds == 86400);
    assert_true(price_day_read(STR("2026-10-14"), &seconds) && seconds == 1791936000);
    assert_false(price_day_read(STR("2026-02-30"), &seconds));
    assert_false(price_day_read(STR("2026-13-01"), &seconds));
    assert_false(price_day_read(STR("20261014"), &seconds));
    assert_false(price_day_read(STR("2026-10-1x"), &seconds));
}

static void hours_may_go_over_midnight(void **state) {
    struct price_row row = PRICE_ROW_ALWAYS;
    (void)state;
    assert_true(price_hours_read(STR("06:00-10:30"), &row));
    assert_true(row.from_minute == 360 && row.to_minute == 630);
    assert_true(price_hours_read(STR("22:00-06:00"), &row));
    assert_false(price_hours_read(STR("06:00-24:00"), &row));
    assert_false(price_hours_read(STR("06:00-06:00"), &row));
    assert_false(price_hours_read(STR("6:00-10:00"), &row));
    assert_false(price_hours_read(STR("06:00"), &row));
}

static void a_factor_is_exact_or_refused(void **state) {
    struct price_row row = PRICE_ROW_ALWAYS;
    (void)state;
    assert_true(price_factor_read(STR("1.10"), &row));
    assert_true(row.factor == 11 && row.decimals == 1);
    assert_true(price_factor_read(STR("2"), &row) && row.factor == 2 && row.decimals == 0);
    assert_true(price_factor_read(STR("0"), &row) && row.factor == 0 && row.decimals == 0);
    assert_true(price_factor_read(STR("1.125"), &row) && row.factor == 1125 && row.decimals == 3);
    assert_true(row.names == (1u << price_tokens_kinds) - 1);
    assert_false(price_factor_read(STR("1.1251"), &row));
    assert_false(price_factor_read(STR("-1"), &row));
    assert_false(price_factor_read(STR("1000001"), &row));
}

static void a_discount_is_a_share_of_all(void **state) {
    struct price_row row = PRICE_ROW_ALWAYS;
    (void)state;
    assert_true(price_discount_read(STR("0.15"), &row));
    assert_true(row.factor == 85 && row.decimals == 2 && row.names == (1u << price_kinds) - 1);
    assert_true(price_discount_read(STR("1"), &row) && row.factor == 0);
    assert_false(price_discount_read(STR("1.5"), &row));
    assert_false(price_discount_read(STR("0.1234"), &row));
}

static void prices_are_nano_dollars_per_million(void **state) {
    int64_t price;
    (void)state;
    assert_true(price_read(price_input, STR("2.50"), &price) && price == 2500000000);
    assert_true(price_read(price_search, STR("0.01"), &price) && price == INT64_C(10000000000000));
    assert_true(price_read(price_hour, STR("0.111"), &price) && price == 111000000);
    assert_true(price_read(price_search, STR("1000"), &price) && price == price_most);
    assert_false(price_read(price_search, STR("1000.01"), &price));
    assert_false(price_read(price_input, STR("1000001"), &price));
}

static void a_row_holds_what_it_sets(void **state) {
    struct arena arena;
    struct price_row row = PRICE_ROW_ALWAYS;
    struct price_sets sets;
    (void)state;
    arena_init(&arena, 1024, 1 << 20);
    price_sets_begin(&sets);
    sets.of[price_output] = 7;
    sets.of[price_search] = 0;
    assert_true(price_row_set(&row, &sets, &arena));
    assert_int_equal(row.names, 1u << price_output | 1u << price_search);
    assert_true(row.values[0] == 7 && row.values[1] == 0);
    arena_free(&arena);
}

static void words_end_behind_the_last(void **state) {
    (void)state;
    assert_true(str_eq(price_tier_word(0), STR("any")) && str_eq(price_tier_word(tier_flex), STR("flex")));
    assert_int_equal(price_tier_word(meter_tiers).len, 0);
    assert_true(str_eq(price_speed_word(meter_speed_fast), STR("fast")) && price_speed_word(meter_speeds).len == 0);
    assert_true(str_eq(price_region_word(region_us), STR("us")) && price_region_word(meter_regions).len == 0);
    assert_true(str_eq(price_modality_word(modality_video), STR("video")) &&
                price_modality_word(price_modalities).len == 0);
    assert_true(str_eq(price_lifetime_word(kept_12h), STR("12h")) && price_lifetime_word(price_lifetimes).len == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_is_one_of_the_calendar),        cmocka_unit_test(hours_may_go_over_midnight),
        cmocka_unit_test(a_factor_is_exact_or_refused),        cmocka_unit_test(a_discount_is_a_share_of_all),
        cmocka_unit_test(prices_are_nano_dollars_per_million), cmocka_unit_test(a_row_holds_what_it_sets),
        cmocka_unit_test(words_end_behind_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
