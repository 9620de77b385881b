/* pages_test.c - pages are there, can be written, and are not dumped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/pages.h"

static void pages_are_not_dumped(void **state) {
    (void)state;
    unsigned long from, to;
    char line[512], *bytes = pages_take(70000);
    bool here = false, not_dumped = false;
    assert_non_null(bytes);
    memset(bytes, 'x', 70000);
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) here = (uintptr_t)bytes >= from && (uintptr_t)bytes < to;
        if (here && strncmp(line, "VmFlags:", 8) == 0) not_dumped = strstr(line, " dd") != NULL;
    }
    fclose(maps);
    assert_true(not_dumped);
    pages_give(bytes, 70000);
    pages_give(NULL, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages_are_not_dumped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
