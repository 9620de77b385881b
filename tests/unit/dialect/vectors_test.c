/* vectors_test.c - lists of numbers: what is one, how wide, and floats in base64 there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "dialect/vectors.h"

static struct arena arena;

static const struct json_value *json_of(const char *text) {
    const char *problem;
    size_t at;
    return json_parse_in(&arena, str_from(text), &problem, &at);
}

static void a_vector_is_numbers_and_nothing_else(void **state) {
    (void)state;
    assert_true(vector_is(json_of("[1, -2.5, 3e-9]")));
    assert_true(vector_is(json_of("[]")));
    static const char *const others[] = {"[1,\"2\"]", "[null]", "[[1]]", "{\"a\":1}", "1", "\"1\"", "[1,true]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_false(vector_is(json_of(others[i])));
    assert_false(vector_is(NULL));
}

static void lists_of_vectors_are_taken_plain_or_by_their_member(void **state) {
    struct embed_reply reply;
    (void)state;
    assert_true(vectors_read(json_of("[[1,2],[3.5,4]]"), NULL, &arena, &reply));
    assert_int_equal(reply.vector_count, 2);
    assert_true(str_eq(reply.vectors[1], STR("[3.5,4]")));
    assert_int_equal(vectors_width(&reply), 2);
    assert_true(vectors_read(json_of("[{\"embedding\":[1,2,3],\"index\":0},[4]]"), "embedding", &arena, &reply));
    assert_int_equal(reply.vector_count, 2);
    assert_int_equal(vectors_width(&reply), 3);
    struct text text = text_in_arena(&arena, 64);
    vectors_put(&text, &reply);
    assert_true(str_eq(text_str(&text), STR("[[1,2,3],[4]]")));
    assert_true(vectors_read(json_of("[]"), NULL, &arena, &reply));
    assert_int_equal(reply.vector_count, 0);
    assert_int_equal(vectors_width(&reply), 0);
    assert_true(vectors_read(json_of("[[]]"), NULL, &arena, &reply));
    assert_int_equal(vectors_width(&reply), 0);
    static const char *const others[] = {"{}", "1", "[1]", "[[1],\"x\"]", "[{\"embedding\":[1]}]", "[[1],[null]]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(vectors_read(json_of(others[i]), NULL, &arena, &reply));
    assert_false(vectors_read(json_of("[{\"other\":[1]}]"), "embedding", &arena, &reply));
}

static void floats_come_back_from_base64_as_they_went(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 9);
    for (size_t count = 1; count < 800; count += count < 10 ? 1 : 63) { /* across the pieces that are written at once */
        struct text list = text_in_arena(&arena, 64), base64 = text_in_arena(&arena, 64);
        text_put_byte(&list, '[');
        for (size_t i = 0; i < count; i++)
            text_printf(&list, "%s%.9g", i ? "," : "", (double)(float)(prng_unit(&prng) * 2 - 1));
        text_put_byte(&list, ']');
        vector_base64_put(&base64, text_str(&list));
        struct str quoted = text_str(&base64);
        assert_true(quoted.at[0] == '"' && quoted.at[quoted.len - 1] == '"');
        assert_int_equal(quoted.len - 2, (count * 4 + 2) / 3 * 4);
        struct str back = vector_from_base64(str_slice(quoted, 1, quoted.len - 1), &arena);
        assert_true(str_eq(back, text_str(&list)));
        arena_reset(&arena);
    }
}

static void what_are_no_floats_is_refused(void **state) {
    (void)state;
    assert_true(str_eq(vector_from_base64(STR("AACAPwAAAMA="), &arena), STR("[1,-2]")));
    assert_null(vector_from_base64(STR("AACA"), &arena).at);     /* three bytes */
    assert_null(vector_from_base64(STR("!!!!"), &arena).at);     /* no base64 */
    assert_null(vector_from_base64(STR("AACAfw=="), &arena).at); /* infinity */
    assert_null(vector_from_base64(STR("AADAfw=="), &arena).at); /* not a number */
    assert_true(str_eq(vector_from_base64(STR(""), &arena), STR("[]")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vector_is_numbers_and_nothing_else),
        cmocka_unit_test(lists_of_vectors_are_taken_plain_or_by_their_member),
        cmocka_unit_test(floats_come_back_from_base64_as_they_went),
        cmocka_unit_test(what_are_no_floats_is_refused),
    };
    arena_init(&arena, 16 * 1024, 64 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
