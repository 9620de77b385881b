/* secret_test.c - memory for credentials is there, kept out of core dumps, and needs no right to lock memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/secret.h"

/* Is the map that holds this address marked as not to be dumped? */
static bool is_not_dumped(const void *address) {
    unsigned long from, to;
    char line[512];
    bool found = false, here = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) here = (uintptr_t)address >= from && (uintptr_t)address < to;
        if (here && strncmp(line, "VmFlags:", 8) == 0) found = strstr(line, " dd") != NULL;
    }
    fclose(maps);
    return found;
}

static void it_is_kept_out_of_core_dumps(void **state) {
    (void)state;
    char *bytes = secret_take(48);
    assert_non_null(bytes);
    assert_int_equal((uintptr_t)bytes % 16, 0);
    memset(bytes, 'x', 48);
    assert_true(is_not_dumped(bytes));
    secret_give(bytes);
    secret_give(NULL);
}

static void an_arena_of_it_is_too(void **state) {
    (void)state;
    struct arena arena;
    arena_init_secret(&arena, 4096, 1 << 20);
    for (size_t size = 1; size < 20000; size *= 3) {
        char *bytes = arena_take(&arena, size);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        memset(bytes, 'x', size);
        assert_true(is_not_dumped(bytes));
    }
    arena_reset(&arena);
    assert_true(is_not_dumped(arena_take(&arena, 10)));
    arena_free(&arena);
}

static void where_no_memory_may_be_locked_it_is_there_all_the_same(void **state) {
    (void)state;
    struct rlimit before, none = {0, 0};
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    char *bytes = secret_take(100000);
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
    assert_non_null(bytes);
    assert_true(is_not_dumped(bytes));
    secret_give(bytes);
}

int main(void) {
    if (!hash_start()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_kept_out_of_core_dumps),
        cmocka_unit_test(an_arena_of_it_is_too),
        cmocka_unit_test(where_no_memory_may_be_locked_it_is_there_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
