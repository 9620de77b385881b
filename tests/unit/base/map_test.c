/* map_test.c - every key that was added is found, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/map.h"
#include "base/memory.h"

static void every_key_is_found_and_no_other(void **state) {
    (void)state;
    struct arena arena;
    struct map map;
    static int values[1000];
    arena_init(&arena, 64 * 1024, 1 << 20);
    assert_true(map_init(&map, &arena, 1000));
    for (int i = 0; i < 1000; i++) assert_true(map_add(&map, arena_printf(&arena, "key-%d", i), &values[i]));
    char name[32];
    for (int i = 0; i < 2000; i++) {
        int len = snprintf(name, sizeof name, "key-%d", i);
        void *found = map_find(&map, str_make(name, (size_t)len));
        assert_ptr_equal(found, i < 1000 ? &values[i] : NULL);
    }
    assert_int_equal(map.count, 1000);
    assert_null(map_find(&map, STR("")));
    arena_free(&arena);
}

static void a_second_value_for_a_key_is_refused(void **state) {
    (void)state;
    struct arena arena;
    struct map map;
    int a = 1, b = 2;
    arena_init(&arena, 1024, 1 << 20);
    assert_true(map_init(&map, &arena, 2));
    assert_true(map_add(&map, STR("k"), &a));
    assert_false(map_add(&map, STR("k"), &b));
    assert_true(map_add(&map, STR(""), &b));
    assert_ptr_equal(map_find(&map, STR("k")), &a);
    assert_ptr_equal(map_find(&map, STR_NONE), &b);
    arena_free(&arena);
}

static void an_unmade_or_full_map_stays_safe(void **state) {
    (void)state;
    struct map none = {0};
    assert_null(map_find(&none, STR("x")));
    struct arena arena;
    struct map map;
    int value;
    arena_init(&arena, 1024, 1 << 20);
    assert_true(map_init(&map, &arena, 0));
    size_t added = 0;
    while (added < 100 && map_add(&map, arena_printf(&arena, "k%zu", added), &value)) added++;
    assert_true(added > 0 && added < map.size); /* a free place always ends a search */
    assert_null(map_find(&map, STR("other")));
    arena_free(&arena);
}

static void without_memory_it_is_not_made(void **state) {
    (void)state;
    struct arena arena;
    struct map map;
    arena_init(&arena, 1024, 1 << 20);
    memory_fail_at(1);
    assert_false(map_init(&map, &arena, 10));
    memory_fail_at(0);
    assert_null(map_find(&map, STR("x")));
    assert_true(map_init(&map, &arena, 10));
    assert_false(map_init(&map, &arena, 1 << 20)); /* past the arena's limit */
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_and_no_other),
        cmocka_unit_test(a_second_value_for_a_key_is_refused),
        cmocka_unit_test(an_unmade_or_full_map_stays_safe),
        cmocka_unit_test(without_memory_it_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
