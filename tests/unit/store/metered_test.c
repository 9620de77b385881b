/* metered_test.c - what a price depends on is read back as it was noted, from bytes whose meaning never changes. */
#include "store/metered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"

static void what_was_said_is_read_back(void **state) {
    char bytes[metered_bytes_max];
    struct prng prng;
    (void)state;
    prng_seed(&prng, 20261122);
    for (int round = 0; round < 2000; round++) {
        struct metered said = {.meter = {.said = false}}, got;
        for (unsigned i = 0; i < meter_counts; i++)
            if (prng_below(&prng, 3) == 0)
                meter_note(&said.meter, (enum meter_count)i, (int64_t)(prng_next(&prng) >> prng_below(&prng, 64)));
        if (prng_below(&prng, 2)) said.meter.tier = (uint8_t)prng_below(&prng, meter_tiers);
        if (prng_below(&prng, 2)) said.meter.speed = (uint8_t)prng_below(&prng, meter_speeds);
        if (prng_below(&prng, 2)) said.meter.region = (uint8_t)prng_below(&prng, meter_regions);
        said.meter.batch = prng_below(&prng, 2);
        said.meter.said = true;
        if (prng_below(&prng, 2))
            said.others = (struct metered_others){1, INT64_MAX, (int64_t)(prng_next(&prng) >> 1), 0, 127, 128};
        struct str text = metered_put(&said.meter, &said.others, bytes);
        assert_true(metered_read(text, &got));
        got.meter.said = true; /* of one where only noughts were said there is no byte */
        assert_memory_equal(got.meter.count, said.meter.count, sizeof got.meter.count);
        assert_memory_equal(&got.others, &said.others, sizeof got.others);
        assert_true(got.meter.tier == said.meter.tier && got.meter.speed == said.meter.speed);
        assert_true(got.meter.region == said.meter.region && got.meter.batch == said.meter.batch);
    }
}

static void nothing_said_takes_no_byte_and_is_known(void **state) {
    char bytes[metered_bytes_max];
    const struct meter nothing = {.said = false};
    struct metered got;
    (void)state;
    struct str text = metered_put(&nothing, NULL, bytes);
    assert_true(text.at && text.len == 0);
    assert_true(metered_read(text, &got) && !got.meter.said && got.others.nano_usd == 0);
}

/* They stand in ledgers: a test that fails here says that those would be misread. */
static void the_numbers_of_what_is_kept_do_not_change(void **state) {
    static const char kept[] = "\x00\x80\x01\x15\x03\x40\x02\x41\x02\x42\x0b\x43\x01\x50\x05\x55\x07\x3f\x01\x7f\x01";
    struct metered got;
    (void)state;
    assert_int_equal(meter_cache_write_1h, 0);
    assert_int_equal(meter_queries, 21);
    assert_int_equal(tier_provisioned, 9);
    assert_true(metered_read(str_make(kept, sizeof kept - 1), &got)); /* its last two pairs are of a later version */
    assert_int_equal(got.meter.count[meter_cache_write_1h], 128);
    assert_int_equal(got.meter.count[meter_queries], 3);
    assert_true(got.meter.tier == tier_flex && got.meter.speed == meter_speed_fast && got.meter.batch);
    assert_int_equal(got.meter.region, region_sg);
    assert_true(got.others.input == 5 && got.others.nano_usd == 7);
}

static void what_is_cut_short_or_too_large_is_refused(void **state) {
    static const struct str bad[] = {STR("\x40"), STR("\x01\x80"), STR("\x50\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
                                     STR("\x50\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")};
    struct metered got;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(metered_read(bad[i], &got));
    assert_true(metered_read(STR("\x40\x63"), &got)); /* a tier that this version does not know */
    assert_int_equal(got.meter.tier, tier_unsaid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_is_read_back),
        cmocka_unit_test(nothing_said_takes_no_byte_and_is_known),
        cmocka_unit_test(the_numbers_of_what_is_kept_do_not_change),
        cmocka_unit_test(what_is_cut_short_or_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
