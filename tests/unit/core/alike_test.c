/* The second gate: none of a table of pairs that differ passes it, and of one of pairs that ask for the same as many as
 * stands here do. Both tables lie beside this file; the shares are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alike.h"

struct shares {
    unsigned pairs, passed;
};

static struct shares table_read(const char *name, bool prints) {
    char path[512], line[2048];
    struct shares shares = {0, 0};
    snprintf(path, sizeof path, "%s/tests/unit/core/%s", getenv("WEIR_SOURCE_ROOT"), name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        char *other = strstr(line, " | ");
        if (line[0] == '#' || line[0] == '[') continue;
        assert_non_null(other);
        struct str one = str_make(line, (size_t)(other - line)), second = str_trim(str_from(other + 3));
        enum alike alike = alike_judge(one, second);
        assert_int_equal(alike == alike_same, alike_judge(second, one) == alike_same); /* either way about */
        assert_int_equal(alike_judge(one, one), alike_same);
        shares.pairs++;
        shares.passed += alike == alike_same;
        if (prints && alike == alike_same) print_message("passes: %s", line);
    }
    fclose(in);
    return shares;
}

static void none_that_differs_passes(void **state) {
    (void)state;
    struct shares shares = table_read("alike_pairs_not.txt", true);
    print_message("pairs that differ: %u of %u pass\n", shares.passed, shares.pairs);
    assert_true(shares.pairs >= 300);
    assert_int_equal(shares.passed, 0);
}

static void most_that_are_the_same_pass(void **state) {
    (void)state;
    struct shares shares = table_read("alike_pairs_same.txt", false);
    print_message("pairs that are the same: %u of %u pass (%.1f%%)\n", shares.passed, shares.pairs,
                  100.0 * shares.passed / shares.pairs);
    assert_true(shares.pairs >= 300);
    assert_int_equal(shares.passed, 234); /* what is measured: a change of the tables says what it changes here */
}

static void it_says_in_what_they_differ(void **state) {
    static const struct {
        const char *one, *other;
        enum alike alike;
    } rows[] = {
        {"How do I enable 2FA?", "How do I enable 3FA?", alike_numbers},
        {"Is it safe?", "Is it not safe?", alike_negation},
        {"Can I see it?", "Can't I see it?", alike_negation},
        {"When did it end?", "Where did it end?", alike_question},
        {"Is the shop open?", "The shop is open", alike_question},
        {"What is on today?", "What is on tomorrow?", alike_dates},
        {"How far is a mile?", "How far is a km?", alike_units},
        {"Who is the king of France?", "Who is the king of Spain?", alike_names},
        {"How do I enable it?", "How do I disable it?", alike_words},
        {"Convert USD to EUR please", "Convert EUR to USD please", alike_order},
        {"Wie geht das?", "Wie steht das?", alike_other},
        {"a = 1;", "a = 1 ;", alike_other},
        {"   ", "...", alike_same},
        {"is", "on", alike_other},
        {"the", "is a", alike_words},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum alike alike = alike_judge(str_from(rows[i].one), str_from(rows[i].other));
        if (alike != rows[i].alike) fail_msg("%s | %s: %s", rows[i].one, rows[i].other, alike_name(alike).at);
        assert_true(alike_name(alike).len && strlen(alike_sentence(alike)));
    }
}

static void any_bytes_are_judged(void **state) {
    char one[64], other[64];
    uint64_t draw = 88172645463325252u;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof one; i++) {
            static const char likely[] = "the of to 'in is not how do i 12,.-%()+# \xe2\x80\x99\xe2\x80\x9c\0\xff"
                                         "AB's n't";
            draw ^= draw << 13, draw ^= draw >> 7, draw ^= draw << 17;
            one[i] = likely[draw % sizeof likely];
            other[i] = draw >> 60 ? one[i] : likely[(draw >> 32) % sizeof likely];
        }
        struct str first = str_make(one, draw % sizeof one), second = str_make(other, (draw >> 8) % sizeof other);
        assert_int_equal(alike_judge(first, second) == alike_same, alike_judge(second, first) == alike_same);
        double share = alike_share(first, second);
        assert_true(share >= 0 && share <= 1);
    }
}

static void long_texts_are_not_compared(void **state) {
    static char many[4096];
    (void)state;
    for (size_t i = 0; i < sizeof many; i++) many[i] = i % 2 ? ' ' : 'x';
    struct str all = str_make(many, sizeof many), less = str_make(many, sizeof many - 10);
    assert_int_equal(alike_judge(all, less), alike_long);
    assert_int_equal(alike_judge(all, all), alike_same);
}

static void answers_are_compared_by_their_words(void **state) {
    (void)state;
    assert_true(alike_share(STR("Paris is the capital of France."), STR("The capital of France is Paris.")) == 1);
    assert_true(alike_share(STR("Open settings and choose reset."), STR("Our shops close at nine on Sundays.")) < 0.5);
    assert_true(alike_share(STR("It is 42."), STR("It is 43.")) < 0.5); /* a number weighs as three words */
    assert_true(alike_share(STR(""), STR("")) == 1 && alike_share(STR(""), STR("word")) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_that_differs_passes),    cmocka_unit_test(most_that_are_the_same_pass),
        cmocka_unit_test(it_says_in_what_they_differ), cmocka_unit_test(any_bytes_are_judged),
        cmocka_unit_test(long_texts_are_not_compared), cmocka_unit_test(answers_are_compared_by_their_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
