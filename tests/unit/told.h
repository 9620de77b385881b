/* told.h - what a test has told, whole, beside what it should: a file in tests/unit/told. With WEIR_UPDATE_DOCS=1 the
 * file is written instead of compared; what changed of it is read before it is kept. */
#ifndef WEIR_TESTS_UNIT_TOLD_H
#define WEIR_TESTS_UNIT_TOLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

enum { told_max = 512 * 1024 };

static inline void told_differs(const char *name, const char *is, const char *wanted) {
    size_t line = 1, back = 0;
    while (*is && *is == *wanted) {
        back = *is == '\n' ? 0 : back + 1;
        line += *is == '\n', is++, wanted++;
    }
    if (back > 60) back = 60;
    fail_msg("%s, line %zu:\n%.*s\nwas wanted:\n%.*s", name, line, (int)(back + strcspn(is, "\n")), is - back,
             (int)(back + strcspn(wanted, "\n")), wanted - back);
}

/* In lines of at most some 110 columns, cut behind commas, as reviewers read them. */
static inline void told_put(struct text *into, struct str said) {
    size_t column = 0;
    for (size_t i = 0; i < said.len; i++) {
        text_put_byte(into, said.at[i]);
        column = said.at[i] == '\n' ? 0 : column + 1;
        if (said.at[i] == ',' && column > 100) text_put(into, STR("\n")), column = 0;
    }
    if (column) text_put_byte(into, '\n');
}

static inline void told_compare(const char *name, const struct text *told) {
    static char path[4096], wanted[told_max], is[told_max];
    assert_false(told->failed);
    assert_true(told->len < told_max);
    memcpy(is, told->at, told->len);
    is[told->len] = 0;
    snprintf(path, sizeof path, "%s/tests/unit/told/%s.txt", getenv("WEIR_SOURCE_ROOT"), name);
    FILE *file = fopen(path, getenv("WEIR_UPDATE_DOCS") ? "w" : "r");
    if (!file) fail_msg("cannot open %s", path);
    if (getenv("WEIR_UPDATE_DOCS")) {
        assert_true(fputs(is, file) >= 0 && fclose(file) == 0);
        return;
    }
    wanted[fread(wanted, 1, sizeof wanted - 1, file)] = 0;
    fclose(file);
    if (strcmp(is, wanted) != 0) told_differs(name, is, wanted);
}

#endif
