/* Patterns: what they find, what is refused, and that no pattern and no text takes long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/pattern.h"

static void what_is_found_begins_first_and_is_longest(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        size_t from, to; /* equal: nothing */
    } rows[] = {
        {"abc", "xxabcx", 2, 5},
        {"a|ab|abc", "zabcd", 1, 4},
        {"abcd|c", "abcd", 0, 4},
        {"abcd|c", "abce", 2, 3},
        {"a*b", "caaab", 1, 5},
        {"a+", "baab", 1, 3},
        {"ab?c", "abc ac", 0, 3},
        {"ab?c", "ac", 0, 2},
        {"(ab){2}", "ababab", 0, 4},
        {"(ab){2,}", "abababx", 0, 6},
        {"a{1,3}b", "aaaab", 1, 5},
        {"xa{0}y", "xy", 0, 2},
        {"(a|b)*c", "zabbac", 1, 6},
        {"(a|(b|c)d)+e", "acdbdae", 0, 7},
        {"(a*)*b", "aab", 0, 3},
        {"[a-c]+", "zabcd", 1, 4},
        {"[^a-c]+", "abxyc", 2, 4},
        {"[]x]+", "a]x", 1, 3},
        {"[a-]+", "b-a-", 1, 4},
        {"[\\d.]+", "v1.25", 1, 5},
        {"\\d{3}-\\d{2}", "no 123-45", 3, 9},
        {"\\w+@\\w+", "to me@home!", 3, 10},
        {"\\S+ \\D", " ab c", 1, 5},
        {"\\bcat\\b", "concat cat", 7, 10},
        {"\\bcat\\b", "concats", 0, 0},
        {"^ab", "abab", 0, 2},
        {"^b", "ab", 0, 0},
        {"b$", "bab", 2, 3},
        {"(?i)kunde-[a-z]+", "x KUNDE-abC1", 2, 11},
        {"(?i)AZ[A-C]+x", "-azbCX", 1, 6},
        {"(?i)[^B]+", "bBacb", 2, 4},
        {"(?:ab)+", "abab", 0, 4},
        {"a\\.b\\*", "axb a.b*", 4, 8},
        {".", "\n", 0, 1},
        {"\xc3\xa4+", "x\xc3\xa4", 1, 3},
        {"a", "", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct str one = str_from(rows[i].pattern), text = str_from(rows[i].text);
        size_t bad, work = pattern_work_max;
        const char *problem;
        struct pattern *pattern = pattern_new(&one, 1, &bad, &problem);
        if (!pattern) fail_msg("%s: %s", rows[i].pattern, problem);
        struct pattern_match match = pattern_find(pattern, text, 0, &work);
        size_t from = rows[i].from, to = rows[i].to;
        if (from == to) from = to = text.len;
        if (match.from != from || match.to != to || match.given_up)
            fail_msg("%s in %s: %zu to %zu", rows[i].pattern, rows[i].text, match.from, match.to);
        pattern_free(pattern);
    }
}

static void several_are_one_and_a_bad_one_is_named(void **state) {
    (void)state;
    static const struct str all[] = {STR("cat|dog"), STR("(?i)bird"), STR("x{2}")};
    size_t bad, work = pattern_work_max;
    const char *problem;
    struct pattern *pattern = pattern_new(all, 3, &bad, &problem);
    assert_non_null(pattern);
    assert_int_equal(pattern_find(pattern, STR("a BIRD"), 0, &work).from, 2);
    assert_int_equal(pattern_find(pattern, STR("a CAT xx dog"), 0, &work).from, 6);
    assert_int_equal(pattern_find(pattern, STR("a CAT xx dog"), 8, &work).from, 9);
    pattern_free(pattern);
    static const struct {
        const char *pattern, *says;
    } rows[] = {{"", "empty"},
                {"(?i)", "empty"},
                {"a*", "matches nothing"},
                {"a?|b", "matches nothing"},
                {"\\b", "matches nothing"},
                {"*a", "nothing before"},
                {"a**", "nothing before"},
                {"a|*", "nothing before"},
                {"(a", "no `)`"},
                {"a)", "no `(`"},
                {"[a", "no `]`"},
                {"[b-a]", "lower"},
                {"a{", "wants"},
                {"a{2", "wants"},
                {"a{3,2}", "wants"},
                {"a{256}", "255"},
                {"((a{200}){200}){200}", "too long"},
                {"a\\", "at the end"},
                {"(a)\\1", "letter or digit"},
                {"(?=a)", "(?:"},
                {"((((((((((((((((((a))))))))))))))))))", "too deep"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct str two[] = {STR("good"), str_from(rows[i].pattern)};
        pattern = pattern_new(two, 2, &bad, &problem);
        if (pattern || bad != 1 || !strstr(problem, rows[i].says))
            fail_msg("%s: %s", rows[i].pattern, pattern ? "taken" : problem);
    }
}

/* Those that take other matchers for ever, or as much memory as there is. */
static void no_pattern_and_no_text_takes_long(void **state) {
    (void)state;
    static const char *const patterns[] = {"(a*)*b",   "(a|a)*b",   "(a|b)*a(a|b){100}", "a.*b|a",
                                           "(x+x+)+y", "(.*a){20}", "(a?){200}a{200}"};
    static char bytes[16 * 1024];
    memset(bytes, 'a', sizeof bytes);
    const struct str text = str_make(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        const struct str one = str_from(patterns[i]);
        size_t bad, work = pattern_work_max, found = 0;
        const char *problem;
        struct pattern *pattern = pattern_new(&one, 1, &bad, &problem);
        assert_non_null(pattern);
        for (size_t at = 0; at < text.len;) {
            struct pattern_match match = pattern_find(pattern, text, at, &work);
            assert_true(match.from >= at && match.from <= match.to && match.to <= text.len);
            found += match.from < match.to;
            at = match.to > match.from ? match.to : text.len;
        }
        assert_true(work <= pattern_work_max && found <= text.len);
        pattern_free(pattern);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_begins_first_and_is_longest),
        cmocka_unit_test(several_are_one_and_a_bad_one_is_named),
        cmocka_unit_test(no_pattern_and_no_text_takes_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
