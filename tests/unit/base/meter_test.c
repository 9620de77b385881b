/* meter_test.c - what vendors call tier, speed and region; counts that are merged and never wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/meter.h"

static void each_vendors_word_for_a_tier_is_known(void **state) {
    static const struct {
        const char *word;
        enum meter_tier tier;
    } table[] = {{"default", tier_standard},
                 {"standard", tier_standard},
                 {"flex", tier_flex},
                 {"priority", tier_priority},
                 {"ultrafast", tier_ultrafast},
                 {"fast", tier_priority},
                 {"ON_DEMAND", tier_standard},
                 {"ON_DEMAND_FLEX", tier_flex},
                 {"ON_DEMAND_OFFPEAK", tier_offpeak},
                 {"someday", tier_unsaid},
                 {"", tier_unsaid}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct meter meter = {.said = false};
        meter_note_tier(&meter, str_from(table[i].word));
        if (meter.tier != table[i].tier) fail_msg("%s: %u", table[i].word, meter.tier);
        assert_int_equal(meter.said, table[i].tier != tier_unsaid);
    }
    struct meter meter = {.said = false};
    meter_note_tier(&meter, STR("batch"));
    assert_true(meter.batch && meter.said && meter.tier == tier_unsaid);
}

static void speed_and_region_are_words_too(void **state) {
    struct meter meter = {.said = false};
    (void)state;
    meter_note_speed(&meter, STR("fast"));
    meter_note_region(&meter, STR("us"));
    assert_int_equal(meter.speed, meter_speed_fast);
    assert_int_equal(meter.region, region_us);
    meter_note_region(&meter, STR("not_available")); /* which says nothing */
    assert_int_equal(meter.region, region_us);
    assert_true(str_eq(meter_region_name(region_us), STR("us")) && meter_region_name(region_unsaid).len == 0);
    assert_true(meter_tier_name(meter_tiers).len == 0 && meter_speed_name(meter_speeds).len == 0);
    assert_true(str_eq(meter_count_name(meter_searches), STR("searches")));
}

static void a_count_that_is_too_large_is_full(void **state) {
    struct meter meter = {.said = false};
    (void)state;
    meter_note(&meter, meter_searches, 0);
    meter_note(&meter, meter_searches, -1);
    assert_false(meter.said);
    meter_note(&meter, meter_searches, INT64_MAX);
    assert_int_equal(meter.count[meter_searches], UINT32_MAX);
}

static void what_is_said_later_replaces_what_it_names(void **state) {
    struct meter meter = {.tier = tier_flex, .count[meter_searches] = 1, .count[meter_pages] = 2, .said = true},
                 more = {.count[meter_searches] = 3, .region = region_eu, .said = true}, none = {.said = false};
    (void)state;
    meter_merge(&meter, &more);
    meter_merge(&meter, &none);
    assert_int_equal(meter.count[meter_searches], 3);
    assert_int_equal(meter.count[meter_pages], 2);
    assert_true(meter.tier == tier_flex && meter.region == region_eu);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_vendors_word_for_a_tier_is_known),
        cmocka_unit_test(speed_and_region_are_words_too),
        cmocka_unit_test(a_count_that_is_too_large_is_full),
        cmocka_unit_test(what_is_said_later_replaces_what_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
