/* record_test.c - a record is read back as it was written, and nothing else is read as one. */
#include "store/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"

static char long_name[2 * record_text_most];
static struct record_charge charges[record_charges_max];

static struct record drawn(struct prng *prng) {
    struct record record = {.sequence = prng_next(prng)};
    for (size_t i = 0; i < record_numbers; i++)
        record.numbers[i] = prng_below(prng, 3) ? (int64_t)(prng_next(prng) >> 1) : (int64_t)prng_below(prng, 2) - 1;
    for (size_t i = 0; i < record_texts; i++) record.texts[i] = str_make(long_name, prng_below(prng, sizeof long_name));
    for (size_t i = 0; i < record_words; i++)
        record.words[i].tag.words[i % 2] = prng_below(prng, 2) ? prng_next(prng) : 0;
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
        const struct record_shape shape = record_shape(&record);
        size_t size = shape.bytes;
        assert_true(size <= sizeof bytes && size % 8 == 0);
        record_put(&record, &shape, bytes);
        assert_int_equal(record_read(str_make(bytes, sizeof bytes), &got), size);
        assert_int_equal(got.sequence, record.sequence);
        assert_int_equal(record_sequence(bytes), record.sequence);
        assert_memory_equal(got.numbers, record.numbers, sizeof got.numbers);
        assert_int_equal(got.charge_count, record.charge_count);
        assert_memory_equal(got.charges, charges, got.charge_count * sizeof *charges);
        assert_int_equal(got.kind, record_of_attempt);
        struct record_said again[record_words] = {{.text = STR("stays")}};
        record_words_again(bytes, again);
        assert_true(str_eq(again[0].text, STR("stays")));
        for (size_t i = 0; i < record_words; i++) {
            assert_memory_equal(&got.words[i].tag, &record.words[i].tag, sizeof got.words[i].tag);
            assert_memory_equal(&again[i].tag, &record.words[i].tag, sizeof again[i].tag);
        }
        for (size_t i = 0; i < record_texts; i++)
            assert_true(str_eq(got.texts[i], str_slice(record.texts[i], 0, record_text_most)));
    }
}

/* Whatever stood there: its bytes are its own, and those behind it are not touched. */
static void what_is_written_does_not_depend_on_what_stood_there(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 20261123);
    for (int round = 0; round < 200; round++) {
        struct record record = drawn(&prng);
        const struct record_shape shape = record_shape(&record);
        char *first = calloc(1, shape.bytes), *second = malloc(shape.bytes);
        assert_true(first && second);
        memset(second, 0xff, shape.bytes);
        record_put(&record, &shape, first);
        record_put(&record, &shape, second);
        assert_memory_equal(first, second, shape.bytes);
        free(first), free(second);
    }
}

static void a_words_text_is_read_back(void **state) {
    _Alignas(8) char bytes[record_bytes_max];
    (void)state;
    memset(long_name, 'n', sizeof long_name);
    for (size_t len = 0; len <= sizeof long_name; len++) {
        struct record_said said = {.tag = {{7, len}}, .text = str_make(long_name, len)};
        struct record got;
        size_t size = record_word_size(said.text);
        record_word_put(&said, bytes);
        assert_int_equal(record_read(str_make(bytes, sizeof bytes), &got), size);
        assert_int_equal(got.kind, record_of_word);
        assert_memory_equal(&got.words[0].tag, &said.tag, sizeof said.tag);
        assert_true(str_eq(got.words[0].text, str_slice(said.text, 0, record_word_most)));
        bytes[size - 1] ^= 1;
        assert_int_equal(record_read(str_make(bytes, sizeof bytes), &got), 0);
    }
}

/* Version 1 had 12 numbers, 7 texts and no words. */
static void one_of_version_1_is_read_and_what_it_did_not_know_is_not_known(void **state) {
    enum { segment_head = 40, records = 2 };
    _Alignas(8) char bytes[4096];
    char path[512];
    const char *root = getenv("WEIR_SOURCE_ROOT");
    struct record got;
    size_t at = segment_head;
    (void)state;
    snprintf(path, sizeof path, "%s/tests/state/1/journal/c154f7bf1597b424/s0.1", root ? root : ".");
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s", path);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (int i = 0; i < records; i++) {
        size_t read = record_read(str_make(bytes + at, len - at), &got);
        assert_true(read > 0);
        assert_int_equal(got.kind, record_of_attempt);
        assert_int_equal(got.numbers[record_input_tokens], 24);
        assert_int_equal(got.numbers[record_input_nano_usd], -1);
        assert_int_equal(got.numbers[record_generation], -1);
        assert_true(str_eq(got.texts[record_client], STR("app")) && got.texts[record_owner].len == 0);
        for (size_t w = 0; w < record_words; w++) assert_false(record_has_word(&got.words[w]));
        assert_int_equal(got.charge_count, 1);
        at += read;
    }
    assert_int_equal(at, len);
}

static void one_flipped_bit_or_a_missing_byte_is_seen(void **state) {
    _Alignas(8) char bytes[record_bytes_max], copy[record_bytes_max];
    struct record record = {.sequence = 7, .texts = {[record_provider] = STR("openai")}}, got;
    (void)state;
    const struct record_shape shape = record_shape(&record);
    record_put(&record, &shape, bytes);
    size_t size = shape.bytes;
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
    for (int i = 0; i < record_words; i++) assert_true(record_word_name((enum record_word)i).len > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_is_written_does_not_depend_on_what_stood_there),
        cmocka_unit_test(a_words_text_is_read_back),
        cmocka_unit_test(one_of_version_1_is_read_and_what_it_did_not_know_is_not_known),
        cmocka_unit_test(one_flipped_bit_or_a_missing_byte_is_seen),
        cmocka_unit_test(zeros_are_no_record_and_each_member_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
