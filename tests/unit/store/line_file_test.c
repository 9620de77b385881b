/* line_file_test.c - what was added is there after a restart; what was torn or damaged costs its own lines alone. */
#include "store/line_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"

enum { most = 256 * 1024 };

static char folder[64], path[80], older[80], bad[80];

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-lines-XXXXXX"));
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/l", folder);
    snprintf(older, sizeof older, "%s/l.1", folder);
    snprintf(bad, sizeof bad, "%s/l.bad", folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    unlink(path), unlink(older), unlink(bad), rmdir(folder);
    return 0;
}

struct told {
    size_t count;
    char last[line_file_line_max + 1];
};

static void tell(void *context, struct str line) {
    struct told *told = context;
    told->count++;
    str_copy(told->last, sizeof told->last, line);
}

/* Adds lines, and answers how many were told before. */
static size_t added(struct told *told, size_t lines, size_t *damaged) {
    *told = (struct told){0};
    struct line_file *file = line_file_open(path, most, tell, told, damaged);
    assert_non_null(file);
    for (size_t i = 0; i < lines; i++) {
        char line[32];
        struct text text = text_in_buffer(line, sizeof line);
        text_printf(&text, "line %zu of %zu", i, lines);
        line_file_add(file, text_str(&text));
    }
    line_file_close(file);
    return told->count;
}

static void append(const char *bytes) {
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(bytes, file);
    fclose(file);
}

static void what_was_added_is_told_at_the_next_start(void **state) {
    struct told told;
    size_t damaged;
    (void)state;
    assert_int_equal(added(&told, 3, &damaged), 0);
    assert_int_equal(added(&told, 1, &damaged), 3);
    assert_string_equal(told.last, "line 2 of 3");
    assert_int_equal(damaged, 0);
    append("half a li"); /* as kill -9 or a power cut leaves it */
    assert_int_equal(added(&told, 1, &damaged), 4);
    assert_int_equal(damaged, 0);
    assert_int_equal(added(&told, 0, &damaged), 5);
    assert_int_equal(damaged, 0);
}

static void a_line_is_as_long_as_one_may_be(void **state) {
    static char bytes[line_file_line_max];
    static struct told told;
    size_t damaged;
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    struct line_file *file = line_file_open(path, most, tell, &told, &damaged);
    assert_non_null(file);
    line_file_add(file, str_make(bytes, sizeof bytes));
    line_file_close(file);
    line_file_close(line_file_open(path, most, tell, &told, &damaged));
    assert_int_equal(told.count, 1);
    assert_int_equal(damaged, 0);
    assert_int_equal(strlen(told.last), sizeof bytes);
}

static void damage_is_told_and_kept_aside(void **state) {
    struct told told;
    struct stat facts;
    size_t damaged;
    (void)state;
    added(&told, 2, &damaged);
    append("no line of ours\nline 1 of 2\t0123456789abcdef\n\n");
    assert_int_equal(added(&told, 1, &damaged), 2);
    assert_int_equal(damaged, 3);
    assert_int_equal(stat(bad, &facts), 0);
    added(&told, 0, &damaged);
    assert_int_equal(damaged, 0);
    assert_string_equal(told.last, "line 0 of 1");
}

static void it_never_grows_without_bound(void **state) {
    struct told told;
    struct stat facts;
    size_t damaged;
    (void)state;
    for (int i = 0; i < 60; i++) added(&told, 500, &damaged);
    assert_int_equal(stat(path, &facts), 0);
    assert_true(facts.st_size <= most && facts.st_mode % 01000 == 0600);
    assert_int_equal(stat(older, &facts), 0);
    assert_true(facts.st_size <= most);
    added(&told, 0, &damaged);
    assert_true(told.count > 5000 && damaged == 0);
    assert_string_equal(told.last, "line 499 of 500");
}

static void a_file_that_is_full_to_its_last_line_is_read_whole(void **state) {
    enum { line_most = 40 };
    struct told told;
    struct stat facts = {.st_size = 0};
    size_t damaged, lines = 0;
    (void)state;
    for (size_t some; (some = (size_t)(most - facts.st_size) / line_most); lines += some) {
        if (some > 500) some = 500;
        assert_int_equal(added(&told, some, &damaged), lines);
        assert_int_equal(damaged, 0);
        assert_int_equal(stat(path, &facts), 0);
    }
    assert_int_not_equal(stat(older, &facts), 0);
    assert_int_equal(added(&told, 0, &damaged), lines);
    assert_int_equal(damaged, 0);
}

/* What is larger than it may ever be was not written by us: its end counts, and what is cut there is damaged. */
static void of_a_file_that_is_too_large_the_end_is_told(void **state) {
    static char ours[64 * 1024];
    struct told told;
    size_t damaged, len;
    (void)state;
    added(&told, 300, &damaged);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    len = fread(ours, 1, sizeof ours, file);
    fclose(file);
    assert_int_equal(unlink(path), 0);
    file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < 2 * (size_t)most; i++) putc('x', file);
    putc('\n', file);
    assert_int_equal(fwrite(ours, 1, len, file), len);
    fclose(file);
    assert_int_equal(added(&told, 0, &damaged), 300);
    assert_string_equal(told.last, "line 299 of 300");
    assert_true(damaged >= 1);
}

static void what_is_no_file_or_cannot_be_written_stops_nobody(void **state) {
    struct told told = {0};
    size_t damaged;
    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    struct line_file *file = line_file_open(path, most, tell, &told, &damaged);
    assert_true(file && damaged == 1);
    rmdir(bad);
    assert_int_equal(mkdir(path, 0700), 0);
    line_file_add(file, STR("x"));
    int number = 0;
    for (int i = 0; i < 5000 && !number; i++, usleep(1000)) number = line_file_failed(file);
    assert_int_not_equal(number, 0);
    line_file_close(file);
    rmdir(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_added_is_told_at_the_next_start, begin, end),
        cmocka_unit_test_setup_teardown(a_line_is_as_long_as_one_may_be, begin, end),
        cmocka_unit_test_setup_teardown(damage_is_told_and_kept_aside, begin, end),
        cmocka_unit_test_setup_teardown(it_never_grows_without_bound, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_is_full_to_its_last_line_is_read_whole, begin, end),
        cmocka_unit_test_setup_teardown(of_a_file_that_is_too_large_the_end_is_told, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_file_or_cannot_be_written_stops_nobody, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
