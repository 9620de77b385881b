/* told_numbers.h - what a test program comes to, a number for each of its worlds, in order, beside what it came to when
 * it was looked at last: a file in tests/unit/told that many programs share. With WEIR_UPDATE_DOCS=1 the program's
 * lines are written anew; what has changed is looked at before (WEIR_TOLD_SHOWN=N shows what world N tells). */
#ifndef WEIR_TESTS_UNIT_TOLD_NUMBERS_H
#define WEIR_TESTS_UNIT_TOLD_NUMBERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"
#include "core/cell.h"
#include "fold.h"

/* Worlds of a line; those of a program that are told one by one, the rest of them being one; bytes of the file. */
enum { numbers_row = 16, numbers_most = 16 * 24, numbers_file_max = 256 * 1024 };

static struct {
    unsigned count;
    uint64_t list[numbers_most + 1];
} numbers_told;

/* Is the world that is under way the one that is to be shown? */
static inline bool numbers_shown(void) {
    const char *shown = getenv("WEIR_TOLD_SHOWN");
    return shown && strtoul(shown, NULL, 10) == numbers_told.count + 1;
}

static inline void numbers_add(uint64_t number) {
    fold_number(&numbers_told.list[numbers_told.count < numbers_most ? numbers_told.count : numbers_most], number);
    numbers_told.count++;
}

/* The program's lines: its name, the first world of the line, the numbers. */
static inline void numbers_lines_put(const char *name, struct text *text) {
    for (unsigned i = 0; i <= numbers_most && i < numbers_told.count; i++) {
        if (i % numbers_row == 0) text_printf(text, "%s%s %03u", i ? "\n" : "", name, i + 1);
        text_printf(text, " %04x", short_hash(numbers_told.list[i]));
    }
    if (numbers_told.count) text_put(text, STR("\n"));
}

static inline int numbers_lines_order(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All lines of the file but this program's, and now these. */
static inline void numbers_lines_write(FILE *file, const char *name, char *was, char *is) {
    static char *lines[4096];
    size_t count = 0, len = strlen(name);
    for (char *at = strtok(was, "\n"); at; at = strtok(NULL, "\n"))
        if (strncmp(at, name, len) != 0 || at[len] != ' ') lines[count++] = at;
    for (char *at = strtok(is, "\n"); at; at = strtok(NULL, "\n")) lines[count++] = at;
    qsort(lines, count, sizeof *lines, numbers_lines_order);
    rewind(file);
    for (size_t i = 0; i < count; i++) fprintf(file, "%s\n", lines[i]);
    if (fflush(file) != 0 || ftruncate(fileno(file), ftell(file)) != 0) abort();
}

/* How many of its lines are not as they are written. */
static inline int numbers_lines_differ(const char *kept, const char *name, char *was, char *is) {
    int differ = 0;
    for (char *at = is, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        *end = 0;
        char *there = strstr(was, at);
        if (there && (there == was || there[-1] == '\n') && there[strlen(at)] == '\n') continue;
        if (differ++) continue;
        fprintf(stderr, "%s tells other than tests/unit/told/%s.txt has it. It says\n%s\n", name, kept, at);
    }
    return differ;
}

/* Of the program whose file this is; 0: all is as it is written. */
static inline int numbers_compare(const char *kept, const char *path) {
    static char was[numbers_file_max], is[numbers_file_max], name[128];
    const char *root = getenv("WEIR_SOURCE_ROOT"), *base = strrchr(path, '/');
    struct text text = text_in_buffer(is, sizeof is - 1);
    bool writes = getenv("WEIR_UPDATE_DOCS") != NULL;
    if (!root) return fprintf(stderr, "WEIR_SOURCE_ROOT is not set: what it tells is not compared\n"), 1;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(base ? base + 1 : path, "."), base ? base + 1 : path);
    numbers_lines_put(name, &text);
    is[text.len] = 0;
    snprintf(was, sizeof was, "%s/tests/unit/told/%s.txt", root, kept);
    FILE *file = fopen(was, writes ? "r+" : "r");
    if (!file || flock(fileno(file), writes ? LOCK_EX : LOCK_SH) != 0) return fprintf(stderr, "no %s\n", was), 1;
    was[fread(was, 1, sizeof was - 1, file)] = 0;
    int differ = 0;
    if (writes)
        numbers_lines_write(file, name, was, is);
    else
        differ = numbers_lines_differ(kept, name, was, is);
    fclose(file);
    return differ;
}

/* Behind a program's tests. */
#define cmocka_run_told_tests(kept, tests, begin, end)                                       \
    (_cmocka_run_group_tests(#tests, tests, sizeof(tests) / sizeof(tests)[0], begin, end) || \
     numbers_compare(kept, __BASE_FILE__) != 0)

#endif
