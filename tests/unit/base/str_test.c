/* str_test.c - ranges of bytes: comparing, cutting, reading. Inputs stand in exact allocations, so that a read past
 * them shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "base/str.h"

static bool is_plain_byte(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

/* Lengths up to three vectors, and past four that are looked at together, from each place in them, with every byte
 * where it may end the run. */
static void a_plain_run_ends_at_the_first_byte_that_is_not_plain(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 7);
    for (size_t len = 0; len <= 144; len += len < 48 ? 1 : 13)
        for (unsigned byte = 0; byte < 256; byte++) {
            char *text = malloc(len ? len : 1);
            for (size_t i = 0; i < len; i++) text[i] = (char)(' ' + 1 + prng_below(&prng, 90));
            for (size_t i = 0; i < len; i++)
                if (!is_plain_byte((unsigned char)text[i])) text[i] = 'x';
            for (unsigned many = 0; len && many < 2; many++) text[prng_below(&prng, len)] = (char)byte;
            for (size_t from = 0; from <= len; from++) {
                size_t plain = from, control = from;
                while (plain < len && is_plain_byte((unsigned char)text[plain])) plain++;
                while (control < len && ((unsigned char)text[control] >= 0x20 || text[control] == '\t') &&
                       text[control] != 0x7f)
                    control++;
                assert_int_equal(str_plain_run(str_make(text, len), from), plain);
                assert_int_equal(str_control_at(str_make(text, len), from), control);
            }
            free(text);
        }
}

static void an_empty_range_is_safe_everywhere(void **state) {
    (void)state;
    struct str none = STR_NONE, piece;
    uint64_t number;
    double real;
    char into[4] = "xyz";
    assert_true(str_eq(none, STR("")) && str_eq(str_from(NULL), none) && str_eq_nocase(none, STR("")));
    assert_int_equal(str_compare(none, STR("")), 0);
    assert_true(str_starts(none, none) && str_ends(none, none) && str_starts(STR("a"), none) &&
                str_ends(STR("a"), none));
    assert_false(str_starts(none, STR("a")) || str_ends(none, STR("a")));
    assert_int_equal(str_find_byte(none, 0), SIZE_MAX);
    assert_int_equal(str_find(none, none), 0);
    assert_int_equal(str_find(none, STR("a")), SIZE_MAX);
    assert_true(str_empty(str_trim(none)) && str_empty(str_slice(none, 1, 5)));
    assert_false(str_split_next(&none, ',', &piece) || str_to_u64(none, &number) || str_to_double(none, &real));
    assert_true(str_is_utf8(none) && str_glob(none, none) && str_glob(STR("*"), none));
    assert_int_equal(str_distance(none, STR("abc")), 3);
    str_copy(into, sizeof into, none);
    assert_string_equal(into, "");
}

static void comparing(void **state) {
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_eq_nocase(STR("k\xc3\x84"), STR("k\xc3\xa4"))); /* ASCII only */
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_true(str_compare(STR("a"), STR("b")) < 0 && str_compare(STR("ab"), STR("a")) > 0 &&
                str_compare(STR("\xff"), STR("a")) > 0);
    assert_true(str_starts_nocase(STR("Bearer x"), STR("bearer ")));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_true(str_ends(STR("a.json"), STR(".json")));
}

static void cutting(void **state) {
    (void)state;
    struct str s = STR("hello");
    assert_true(str_eq(str_slice(s, 1, 3), STR("el")) && str_eq(str_slice(s, 3, 99), STR("lo")) &&
                str_empty(str_slice(s, 4, 2)));
    assert_true(str_eq(str_trim(STR(" \t\r\n a b \n")), STR("a b")) && str_empty(str_trim(STR("   "))));
    assert_int_equal(str_find(STR("abcabd"), STR("abd")), 3);
    assert_int_equal(str_find(STR("ab"), STR("abc")), SIZE_MAX);
    assert_int_equal(str_find_byte(STR("a\0b"), 'b'), 2);
}

static void splitting_gives_every_piece_once(void **state) {
    (void)state;
    const char *wanted[] = {"a", "", "b", ""};
    struct str rest = STR("a,,b,"), piece;
    size_t count = 0;
    while (str_split_next(&rest, ',', &piece)) {
        assert_true(count < 4 && str_eq(piece, str_from(wanted[count])));
        count++;
    }
    assert_int_equal(count, 4);
    rest = STR("");
    assert_true(str_split_next(&rest, ',', &piece) && str_empty(piece));
    assert_false(str_split_next(&rest, ',', &piece));
}

static void numbers_are_read_whole_or_not_at_all(void **state) {
    (void)state;
    uint64_t number = 7;
    double real;
    assert_true(str_to_u64(STR("18446744073709551615"), &number) && number == UINT64_MAX);
    assert_true(str_to_u64(STR("007"), &number) && number == 7);
    const char *bad[] = {
        "18446744073709551616", "99999999999999999999999", "-1", "+1", " 1", "1 ", "0x1", "1.0", "1,000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(str_to_u64(str_from(bad[i]), &number));
    assert_true(str_to_double(STR("-1.5e3"), &real) && real == -1500);
    assert_true(str_to_double(STR("+.5"), &real) && real == 0.5);
    const char *bad_real[] = {"1e999", "nan", "inf", "0x10", "1e", ".", "+-1", "1 ", " 1", "1.2.3", "1\t"};
    for (size_t i = 0; i < sizeof bad_real / sizeof bad_real[0]; i++)
        assert_false(str_to_double(str_from(bad_real[i]), &real));
    assert_false(str_to_double(STR("1\0"), &real));
    char digits[100];
    memset(digits, '1', sizeof digits);
    assert_false(str_to_double(str_make(digits, sizeof digits), &real));
}

static void hashing_is_fnv(void **state) {
    (void)state;
    assert_true(str_hash(STR("")) == 0xcbf29ce484222325ull);
    assert_true(str_hash(STR("a")) == 0xaf63dc4c8601ec8cull);
    assert_true(str_hash(STR("foobar")) == 0x85944171f73967e8ull);
}

static void globs(void **state) {
    (void)state;
    const struct {
        const char *pattern, *s;
        bool matches;
    } rows[] = {
        {"*", "anything", true},    {"gpt-4*", "gpt-4o-mini", true},
        {"gpt-4*", "gpt-3", false}, {"*mini", "gpt-4o-mini", true},
        {"a*b*c", "aXXbYYc", true}, {"a*b*c", "aXXbYY", false},
        {"?", "", false},           {"g?t", "gpt", true},
        {"**", "", true},           {"", "a", false},
        {"a", "a", true},           {"*a", "ba", true},
        {"*ab", "aab", true},       {"[a]", "a", false},
        {"*.*", "ab", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(str_glob(str_from(rows[i].pattern), str_from(rows[i].s)), rows[i].matches);
    /* Many stars against a long text stay quick. */
    char text[4096];
    memset(text, 'a', sizeof text);
    assert_false(str_glob(STR("*a*a*a*a*a*a*a*a*a*a*b"), str_make(text, sizeof text)));
}

static void distances_of_misspelt_names(void **state) {
    (void)state;
    assert_int_equal(str_distance(STR("provider"), STR("provider")), 0);
    assert_int_equal(str_distance(STR("provdier"), STR("provider")), 1);
    assert_int_equal(str_distance(STR("providers"), STR("provider")), 1);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    char name[65];
    memset(name, 'n', sizeof name);
    assert_int_equal(str_distance(str_make(name, 65), STR("n")), 99);
    assert_int_equal(str_distance(str_make(name, 64), str_make(name, 64)), 0);
}

static void only_well_formed_utf8_is_utf8(void **state) {
    (void)state;
    const struct str good[] = {
        STR("a\0b"),         STR("\xc2\x80"),     STR("\xdf\xbf"),         STR("\xe0\xa0\x80"),
        STR("\xed\x9f\xbf"), STR("\xee\x80\x80"), STR("\xf0\x90\x80\x80"), STR("\xf4\x8f\xbf\xbf")};
    const struct str bad[] = {STR("\x80"),
                              STR("\xc0\xaf"),
                              STR("\xc1\xbf"),
                              STR("\xc2"),
                              STR("\xc2\x41"),
                              STR("\xe0\x9f\x80"),
                              STR("\xe2\x82"),
                              STR("\xed\xa0\x80"),
                              STR("\xf0\x8f\x80\x80"),
                              STR("\xf4\x90\x80\x80"),
                              STR("\xf5\x80\x80\x80"),
                              STR("\xff"),
                              STR("a\xf0\x9f\x98")};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) assert_true(str_is_utf8(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(str_is_utf8(bad[i]));
}

static void copying_cuts_and_ends(void **state) {
    (void)state;
    char into[4] = {1, 1, 1, 1};
    str_copy(into, 0, STR("abc"));
    assert_int_equal(into[0], 1);
    str_copy(into, 4, STR("abcdef"));
    assert_string_equal(into, "abc");
    str_copy(into, 1, STR("abcdef"));
    assert_string_equal(into, "");
}

static void nothing_reads_past_its_range(void **state) {
    (void)state;
    static const char alphabet[] = "aA0.-*?,\xc3\xa4\xf0\x9f\xe0\xff \n";
    struct prng prng;
    prng_seed(&prng, 1);
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)prng_below(&prng, 12);
        char *bytes = malloc(len ? len : 1);
        for (size_t i = 0; i < len; i++) bytes[i] = alphabet[prng_below(&prng, sizeof alphabet)];
        struct str s = str_make(bytes, len), half = str_slice(s, 0, len / 2), rest = s, piece;
        uint64_t number;
        double real;
        size_t pieces = 0;
        (void)str_is_utf8(s);
        (void)str_glob(half, s);
        (void)str_to_u64(s, &number);
        (void)str_to_double(s, &real);
        assert_true(str_starts(s, half) && str_glob(STR("*"), s));
        assert_true(str_distance(half, s) == len - half.len);
        while (str_split_next(&rest, ',', &piece)) pieces++;
        assert_true(pieces >= 1 && pieces <= len + 1);
        free(bytes);
    }
}

static void escapes_are_decoded_and_what_is_none_stays(void **state) {
    static const char *const cases[][2] = {{"a%2Fb", "a/b"}, {"%41%5a%2f", "AZ/"},       {"100%", "100%"},
                                           {"%4", "%4"},     {"%zz%g1%1g", "%zz%g1%1g"}, {"%%41", "%A"},
                                           {"", ""}};
    char into[16];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(str_eq(str_percent_decode(str_from(cases[i][0]), into, sizeof into), str_from(cases[i][1])));
    assert_true(str_eq(str_percent_decode(STR("abc%41"), into, 3), STR("abc")));
    assert_int_equal(str_hex_digit('/'), -1);
    assert_int_equal(str_hex_digit('`'), -1);
    assert_int_equal(str_hex_digit('F'), 15);
}

static void one_glob_of_several_is_enough(void **state) {
    const struct str globs[] = {STR("a*"), STR("b")};
    (void)state;
    assert_true(str_glob_any(globs, 2, STR("abc")));
    assert_true(str_glob_any(globs, 2, STR("b")));
    assert_false(str_glob_any(globs, 2, STR("c")));
    assert_false(str_glob_any(globs, 0, STR("a")));
}

static void one_of_a_thing_is_told_as_one(void **state) {
    (void)state;
    assert_string_equal(str_plural(1), "");
    assert_string_equal(str_plural(0), "s");
    assert_string_equal(str_plural(UINT64_MAX), "s");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_decoded_and_what_is_none_stays),
        cmocka_unit_test(one_glob_of_several_is_enough),
        cmocka_unit_test(an_empty_range_is_safe_everywhere),
        cmocka_unit_test(a_plain_run_ends_at_the_first_byte_that_is_not_plain),
        cmocka_unit_test(comparing),
        cmocka_unit_test(cutting),
        cmocka_unit_test(splitting_gives_every_piece_once),
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(hashing_is_fnv),
        cmocka_unit_test(globs),
        cmocka_unit_test(distances_of_misspelt_names),
        cmocka_unit_test(only_well_formed_utf8_is_utf8),
        cmocka_unit_test(copying_cuts_and_ends),
        cmocka_unit_test(nothing_reads_past_its_range),
        cmocka_unit_test(one_of_a_thing_is_told_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
