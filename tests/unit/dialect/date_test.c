/* date_test.c - the three forms of HTTP dates and RFC 3339's, compared with the C library's own calendar. */
#include "dialect/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "base/prng.h"

static const int64_t in_2026 = 1795000000;

static void the_standards_own_examples_are_one_moment(void **state) {
    (void)state;
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < 3; i++) {
        int64_t seconds = 0;
        assert_true(date_read_http(str_from(forms[i]), in_2026, &seconds));
        assert_int_equal(seconds, 784111777);
    }
}

static void a_year_of_two_digits_is_at_most_50_years_ahead(void **state) {
    (void)state;
    int64_t seconds = 0;
    assert_true(date_read_http(STR("Wednesday, 01-Jan-76 00:00:00 GMT"), in_2026, &seconds));
    assert_int_equal(seconds, 3345062400); /* 2076 */
    assert_true(date_read_http(STR("Saturday, 01-Jan-77 00:00:00 GMT"), in_2026, &seconds));
    assert_int_equal(seconds, 220924800); /* 1977 */
}

static void what_is_no_http_date_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "120",
        "Sun",
        "Sun,",
        "Sun, ",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2025 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sunday 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov 006 08:49:37 1994",
        "Sunday Nov  6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "1994-11-06T08:49:37Z",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t seconds = 0;
        if (date_read_http(str_from(texts[i]), in_2026, &seconds)) fail_msg("\"%s\" was read", texts[i]);
    }
}

static void rfc3339_is_read_with_fractions_and_offsets(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2025-06-23T10:26:53Z", 1750674413000},
        {"2025-06-23t10:26:53.5z", 1750674413500},
        {"2025-06-23 10:26:53.123456789Z", 1750674413123},
        {"2025-06-23T12:26:53+02:00", 1750674413000},
        {"2025-06-23T04:56:53-05:30", 1750674413000},
        {"2025-06-23T16:11:53+05:45", 1750674413000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"1969-12-31T23:59:59Z", -1000},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = 0;
        assert_true(date_read_rfc3339(str_from(rows[i].text), &ms));
        assert_int_equal(ms, rows[i].ms);
    }
    static const char *const wrong[] = {"",
                                        "2025-06-23",
                                        "2025-06-23T10:26:53",
                                        "2025-06-23T10:26Z",
                                        "2025-06-23T10:26:53.Z",
                                        "2025-06-23T10:26:53+0200",
                                        "2025-06-23T10:26:53+24:00",
                                        "2025-06-23T10:26:53Zx",
                                        "2025-13-23T10:26:53Z",
                                        "1900-02-29T00:00:00Z",
                                        "25-06-23T10:26:53Z"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t ms = 0;
        if (date_read_rfc3339(str_from(wrong[i]), &ms)) fail_msg("\"%s\" was read", wrong[i]);
    }
}

static void what_the_c_library_writes_is_read_as_the_same_moment(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        prng_seed(&prng, seed);
        int64_t wanted = (int64_t)prng_below(&prng, 4102444800ull), seconds = 0, ms = 0;
        time_t moment = (time_t)wanted;
        struct tm fields;
        char text[3][64];
        gmtime_r(&moment, &fields);
        strftime(text[0], sizeof text[0], "%a, %d %b %Y %H:%M:%S GMT", &fields);
        strftime(text[1], sizeof text[1], "%a %b %e %H:%M:%S %Y", &fields);
        strftime(text[2], sizeof text[2], "%Y-%m-%dT%H:%M:%SZ", &fields);
        for (int i = 0; i < 2; i++)
            if (!date_read_http(str_from(text[i]), in_2026, &seconds) || seconds != wanted)
                fail_msg("seed=%llu %s", (unsigned long long)seed, text[i]);
        if (!date_read_rfc3339(str_from(text[2]), &ms) || ms != wanted * 1000)
            fail_msg("seed=%llu %s", (unsigned long long)seed, text[2]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_own_examples_are_one_moment),
        cmocka_unit_test(a_year_of_two_digits_is_at_most_50_years_ahead),
        cmocka_unit_test(what_is_no_http_date_is_refused),
        cmocka_unit_test(rfc3339_is_read_with_fractions_and_offsets),
        cmocka_unit_test(what_the_c_library_writes_is_read_as_the_same_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
