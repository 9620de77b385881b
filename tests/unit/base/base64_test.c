/* base64_test.c - RFC 4648's own examples, all lengths there and back, what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base64.h"

static void there_and_back(void **state) {
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096, 1 << 24);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct text text = text_in_arena(&arena, 16);
        base64_put(&text, str_from(pairs[i][0]));
        assert_true(str_eq(text_str(&text), str_from(pairs[i][1])));
        assert_true(str_eq(base64_read(str_from(pairs[i][1]), &arena), str_from(pairs[i][0])));
    }
    char bytes[2000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 37 + i / 256);
    for (size_t len = 0; len < sizeof bytes; len++) {
        struct text text = text_in_arena(&arena, 16);
        base64_put(&text, str_make(bytes, len));
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_true(str_eq(base64_read(text_str(&text), &arena), str_make(bytes, len)));
        arena_reset(&arena);
    }
    arena_free(&arena);
}

/* Spare bits that are not zero (RFC 4648, 3.5: a reader may take them). */
static void spare_bits_are_let_pass(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    assert_true(str_eq(base64_read(STR("Zh=="), &arena), STR("f")));
    assert_true(str_eq(base64_read(STR("Zm9vYmF"), &arena), STR("fooba")));
    arena_free(&arena);
}

static void what_is_none(void **state) {
    static const char *const bad[] = {"A", "AAAAA", "AA-A", "AA A", "A=AA", "Zg==\n"};
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (base64_read(str_from(bad[i]), &arena).at) fail_msg("%s", bad[i]);
    arena_free(&arena);
}

/* RFC 7515, appendix C; and one text for each value alone. */
static void for_urls_there_is_one_text_for_each_value(void **state) {
    static const unsigned char wanted[] = {3, 236, 255, 224, 193};
    static const char *const bad[] = {"A", "Zg==", "Zh", "Zm9vYmF", "+/+/", "A-_A=", "AA\n", " AAA", "AA.A"};
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    assert_true(str_eq(base64url_read(STR("A-z_4ME"), &arena), str_make((const char *)wanted, sizeof wanted)));
    assert_true(str_eq(base64url_read(STR("Zg"), &arena), STR("f")));
    assert_true(base64url_read(STR(""), &arena).at && !base64url_read(STR(""), &arena).len);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (base64url_read(str_from(bad[i]), &arena).at) fail_msg("%s", bad[i]);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(spare_bits_are_let_pass),
                                       cmocka_unit_test(what_is_none),
                                       cmocka_unit_test(for_urls_there_is_one_text_for_each_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
