/* record_test.c - a record is read back as it was written, and nothing else is read as one. */
#include "store/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"

static char long_name[2 * record_text_most];
static struct record_charge charges[record_charges_max];

static struct record drawn(struct prng *prng) {
    struct record record = {.sequence = prng_next(prng)};
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = prng_below(prng, 4) ? (int64_t)prng_next(prng) : -1;
    for (size_t i = 0; i < record_texts; i++) record.texts[i] = str_make(long_name, prng_below(prng, sizeof long_name));
    record.charges = charges;
    record.charge_count = prng_below(prng, record_charges_max + 1);
    for (size_t i = 0; i < record_charges_max; i++)
        charges[i] = (struct record_charge){prng_next(prng), (int64_t)prng_next(prng)};
    return record;
}

static void what_is_written_is_read_back(void **state) {
    _Alignas(8) char bytes[record_bytes_max];
    struct prng prng;
    (void)state;
    memset(long_name, 'n', sizeof long_name);
    prng_seed(&prng, 20261122);
    for (int round = 0; round < 2000; round++) {
        struct record record = drawn(&prng), got;
        size_t size = record_size(&record);
        assert_true(size <= sizeof bytes && size % 8 == 0);
        record_put(&record, bytes);
        assert_int_equal(record_read(str_make(bytes, sizeof bytes), &got), size);
        assert_int_equal(got.sequence, record.sequence);
        assert_int_equal(record_sequence(bytes), record.sequence);
        assert_memory_equal(got.numbers, record.numbers, sizeof got.numbers);
        assert_int_equal(got.charge_count, record.charge_count);
        assert_memory_equal(got.charges, charges, got.charge_count * sizeof *charges);
        for (size_t i = 0; i < record_texts; i++)
            assert_true(str_eq(got.texts[i], str_slice(record.texts[i], 0, record_text_most)));
    }
}

static void one_flipped_bit_or_a_missing_byte_is_seen(void **state) {
    _Alignas(8) char bytes[record_bytes_max], copy[record_bytes_max];
    struct record record = {.sequence = 7, .texts = {[record_provider] = STR("openai")}}, got;
    (void)state;
    record_put(&record, bytes);
    size_t size = record_size(&record);
    for (size_t bit = 0; bit < size * 8; bit++) {
        memcpy(copy, bytes, size);
        copy[bit / 8] ^= (char)(1 << (bit % 8));
        assert_int_equal(record_read(str_make(copy, size), &got), 0);
    }
    for (size_t len = 0; len < size; len++) assert_int_equal(record_read(str_make(bytes, len), &got), 0);
}

static void zeros_are_no_record_and_each_member_has_a_name(void **state) {
    _Alignas(8) static const char zeros[64] = {0};
    struct record got;
    (void)state;
    assert_int_equal(record_read(str_make(zeros, sizeof zeros), &got), 0);
    for (int i = 0; i < record_numbers; i++) assert_true(record_number_name((enum record_number)i).len > 0);
    for (int i = 0; i < record_texts; i++) assert_true(record_text_name((enum record_text)i).len > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(one_flipped_bit_or_a_missing_byte_is_seen),
        cmocka_unit_test(zeros_are_no_record_and_each_member_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
