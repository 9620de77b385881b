/* The tables are found in: the first and the last of each, and rows of words by their longest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/alike_words.h"

static void words_are_found(void **state) {
    bool alone;
    (void)state;
    assert_int_equal(word_facts(STR("a")).kind, word_dropped);
    assert_int_equal(word_facts(STR("yesterday")).kind, word_date);
    assert_string_equal(word_facts(STR("activate")).as.at, "enable");
    assert_string_equal(word_facts(STR("using")).as.at, "with");
    assert_string_equal(word_facts(STR("metre")).as.at, "meter");
    assert_true(str_eq(word_facts(STR("zebra")).as, STR("zebra")) && word_facts(STR("zebra")).kind == word_content);
    assert_true(word_is_double(STR("access")) && word_is_double(STR("zoom")) && !word_is_double(STR("zebra")));
    assert_true(word_keeps_its_s(STR("always")) && word_keeps_its_s(STR("yours")) && !word_keeps_its_s(STR("cats")));
    assert_true(word_is_english(STR("does"), &alone) && alone && word_is_english(STR("why"), &alone) && alone);
    assert_true(word_is_english(STR("a"), &alone) && !alone && word_is_english(STR("you"), &alone) && !alone);
    assert_false(word_is_english(STR("und"), &alone));
    assert_true(word_is_asked_of_you(STR("calculate")) && word_is_asked_of_you(STR("write")));
    assert_true(word_begins_yes_or_no(STR("am")) && word_begins_yes_or_no(STR("would")));
    assert_false(word_begins_yes_or_no(STR("how")) || word_is_asked_of_you(STR("swim")));
}

static void the_longest_row_is_found(void **state) {
    const struct str words[] = {STR("how"), STR("do"), STR("i"), STR("go"), STR("about"), STR("it")};
    struct str as = STR_NONE;
    (void)state;
    assert_int_equal(phrase_find(words, 6, &as), 5);
    assert_string_equal(as.at, "howto");
    assert_int_equal(phrase_find(words, 4, &as), 3);
    assert_int_equal(phrase_find(words, 2, &as), 0);
    assert_int_equal(phrase_find(words + 5, 1, &as), 0);
    assert_int_equal(phrase_find((const struct str[]){STR("thanks")}, 1, &as), 1);
    assert_int_equal(as.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_found),
        cmocka_unit_test(the_longest_row_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
