/* name_test.c - names and ids, at each of their limits. */
#include "base/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/limits.h"

/* Each byte there is, alone, in front and behind. */
static void a_name_has_letters_digits_and_three_signs(void **state) {
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char c = (char)byte, texts[][2] = {{c, 'a'}, {'a', c}};
        const bool should = byte && strchr(good, byte);
        const struct str is[] = {str_make(&c, 1), str_make(texts[0], 2), str_make(texts[1], 2)};
        for (size_t i = 0; i < 3; i++)
            if (name_is_valid(is[i]) != should || request_id_is_valid(is[i]) != should)
                fail_msg("byte %d, text %zu", byte, i);
    }
}

static void it_is_not_empty_and_not_too_long(void **state) {
    char text[limit_name + limit_request_id + 1];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_false(name_is_valid(STR_NONE) || request_id_is_valid(STR_NONE));
    assert_true(name_is_valid(str_make(text, limit_name)) && !name_is_valid(str_make(text, limit_name + 1)));
    assert_true(request_id_is_valid(str_make(text, limit_request_id)));
    assert_false(request_id_is_valid(str_make(text, limit_request_id + 1)));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_name_has_letters_digits_and_three_signs),
                                       cmocka_unit_test(it_is_not_empty_and_not_too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
