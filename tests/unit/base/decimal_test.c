/* decimal_test.c - decimals as whole numbers, to the last digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/decimal.h"
#include "base/prng.h"

static void decimals_are_read_to_the_last_digit(void **state) {
    static const struct {
        const char *text;
        unsigned digits;
        int64_t near, up; /* -1: it is none */
    } table[] = {
        {"2.50", 9, 2500000000, 2500000000},
        {"0.1", 1, 1, 1},
        {"0", 9, 0, 0},
        {".5", 0, 1, 1},
        {"5.", 0, 5, 5},
        {"0.49", 0, 0, 1},
        {"1e-5", 9, 10000, 10000},
        {"3.0E+2", 2, 30000, 30000},
        {"1e-12", 9, 0, 1},
        {"0.0000000004", 9, 0, 1},
        {"0.0000000005", 9, 1, 1},
        {"9223372036854775807", 0, INT64_MAX, INT64_MAX},
        {"9223372036854775808", 0, -1, -1},
        {"9.223372036854775807", 18, INT64_MAX, INT64_MAX},
        {"0.1234567890123456789012345", 9, 123456789, 123456790},
        {"100000000000000000000000000e-20", 0, 1000000, 1000000},
        {"0e99999999999999999999", 0, 0, 0},
        {"1e99999999999999999999", 0, -1, -1},
        {"1e-99999999999999999999", 0, 0, 1},
        {"", 0, -1, -1},
        {".", 0, -1, -1},
        {"-1", 0, -1, -1},
        {"1.2.3", 0, -1, -1},
        {"1e", 0, -1, -1},
        {"1e+", 0, -1, -1},
        {"nan", 0, -1, -1},
        {"0x10", 0, -1, -1},
        {"1 ", 0, -1, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int64_t near = -1, up = -1;
        decimal_to_i64(str_from(table[i].text), table[i].digits, false, &near);
        decimal_to_i64(str_from(table[i].text), table[i].digits, true, &up);
        if (near != table[i].near || up != table[i].up)
            fail_msg("%s: %lld %lld", table[i].text, (long long)near, (long long)up);
    }
}

static void what_is_written_is_read_again(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 5);
    for (unsigned round = 0; round < 20000; round++) {
        int64_t value = (int64_t)(prng_next(&prng) >> (1 + prng_below(&prng, 60))), again;
        char text[64];
        snprintf(text, sizeof text, "%lld.%09lld", (long long)(value / 1000000000), (long long)(value % 1000000000));
        assert_true(decimal_to_i64(str_from(text), 9, round % 2, &again));
        assert_int_equal(again, value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_read_to_the_last_digit),
        cmocka_unit_test(what_is_written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
