/* client_table_test.c - digests are found, others are not, and the work for one does not depend on how many there are.
 */
#include "snapshot/client_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct sha256 digest_of(uint32_t number) { return hash_sha256(str_make((const char *)&number, sizeof number)); }

static void each_is_found_and_nobody_else(void **state) {
    (void)state;
    struct arena arena;
    struct client_table table;
    arena_init(&arena, 4096, SIZE_MAX);
    assert_true(client_table_init(&table, &arena, 5000));
    for (uint32_t i = 0; i < 5000; i++) {
        struct sha256 digest = digest_of(i);
        assert_int_equal(client_table_add(&table, &digest, i), client_table_none);
        assert_int_equal(client_table_add(&table, &digest, i + 1), i); /* the first stays */
    }
    for (uint32_t i = 0; i < 10000; i++) {
        struct sha256 digest = digest_of(i);
        assert_int_equal(client_table_find(&table, &digest), i < 5000 ? i : client_table_none);
        digest.bytes[31] ^= 1;
        assert_int_equal(client_table_find(&table, &digest), client_table_none);
    }
    arena_free(&arena);
}

static void an_empty_one_finds_nobody(void **state) {
    (void)state;
    struct client_table table = {.size = 0};
    struct sha256 digest = digest_of(1);
    assert_int_equal(client_table_find(&table, &digest), client_table_none);
}

/* The longest run of taken places is what a lookup may cost. */
static size_t longest_run(size_t count) {
    struct arena arena;
    struct client_table table;
    size_t longest = 0, run = 0;
    arena_init(&arena, 4096, SIZE_MAX);
    assert_true(client_table_init(&table, &arena, count));
    for (uint32_t i = 0; i < count; i++) {
        struct sha256 digest = digest_of(i);
        client_table_add(&table, &digest, i);
    }
    for (size_t i = 0; i < 2 * table.size; i++) {
        run = table.places[i % table.size].number == client_table_none ? 0 : run + 1;
        if (run > longest) longest = run;
    }
    arena_free(&arena);
    return longest;
}

static void the_work_does_not_grow_with_the_number(void **state) {
    (void)state;
    static const size_t counts[] = {10, 1000, 100000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) assert_true(longest_run(counts[i]) < 200);
}

int main(void) {
    if (!hash_start()) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_found_and_nobody_else),
                                       cmocka_unit_test(an_empty_one_finds_nobody),
                                       cmocka_unit_test(the_work_does_not_grow_with_the_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
