/* batch_file_test.c - a batch's lines and results: in any order in, in the input's order out, taken up where a kill
 * left them. */
#include "runtime/batch_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"

static char folder[64], in[128], out[128], partial[128];

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    if (!mkdtemp(folder)) return 1;
    snprintf(in, sizeof in, "%s/in", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    snprintf(partial, sizeof partial, "%s/out.partial", folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    unlink(in);
    unlink(out);
    unlink(partial);
    return rmdir(folder);
}

static void file_write(const char *path, const char *how, const char *text) {
    FILE *file = fopen(path, how);
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void file_holds(const char *path, const char *wanted) {
    static char text[1024];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    assert_string_equal(text, wanted);
}

static void opened(struct batch_file *file) {
    struct error error = {.code = error_none};
    if (!batch_open(file, in, out, &error)) fail_msg("%s", error.message);
}

static void is_refused(const char *words) {
    struct batch_file file;
    struct error error = {.code = error_none};
    assert_false(batch_open(&file, in, out, &error));
    if (!strstr(error.message, words)) fail_msg("%s, not %s", error.message, words);
    batch_close(&file);
}

static void line_is(struct batch_file *file, uint64_t line, const char *wanted) {
    struct error error = {.code = error_none};
    size_t len;
    char *text = batch_read(file, line, &len, &error);
    assert_non_null(text);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(text, wanted, len);
    memory_give(text);
}

static void keep(struct batch_file *file, uint64_t line, const char *result) {
    struct error error = {.code = error_none};
    assert_true(batch_keep(file, line, str_from(result), &error));
    assert_true(file->lines[line].done_at > 0);
}

static void lines_are_found_whatever_their_ends_are_and_blank_ones_do_not_count(void **state) {
    struct batch_file file;
    (void)state;
    file_write(in, "w", "{\"a\":1}\n\n  \t\r\n{\"b\":2}\r\n{\"c\":3}");
    opened(&file);
    assert_int_equal(file.count, 3);
    line_is(&file, 2, "{\"c\":3}");
    line_is(&file, 0, "{\"a\":1}");
    line_is(&file, 1, "{\"b\":2}");
    batch_close(&file);
}

static void results_come_out_in_the_inputs_order(void **state) {
    struct batch_file file;
    struct error error = {.code = error_none};
    (void)state;
    file_write(in, "w", "a\nb\nc\n");
    opened(&file);
    keep(&file, 2, "C");
    keep(&file, 0, "A");
    assert_int_equal(file.done, 2);
    keep(&file, 1, "B");
    assert_true(batch_finish(&file, &error));
    batch_close(&file);
    file_holds(out, "A\nB\nC\n");
    assert_int_not_equal(access(partial, F_OK), 0);
    is_refused("exists already");
}

/* Half a line is of one that was not finished. */
static void what_a_kill_left_is_taken_up(void **state) {
    struct batch_file file;
    struct error error = {.code = error_none};
    (void)state;
    file_write(in, "w", "a\nb\nc\n");
    opened(&file);
    keep(&file, 1, "B");
    batch_close(&file);
    file_write(partial, "a", "0\tA\n7\tno such line\nwords\n1\tagain\n2\thal");
    opened(&file);
    assert_int_equal(file.done, 2);
    assert_true(file.lines[0].done_at && file.lines[1].done_at && !file.lines[2].done_at);
    keep(&file, 2, "C");
    assert_true(batch_finish(&file, &error));
    batch_close(&file);
    file_holds(out, "A\nB\nC\n");
}

static void another_input_and_another_run_are_refused(void **state) {
    struct batch_file file;
    (void)state;
    file_write(in, "w", "a\nb\n");
    opened(&file);
    is_refused("another run works on this batch");
    batch_close(&file);
    opened(&file); /* the lock went with the run */
    batch_close(&file);
    file_write(in, "w", "a\nc\n");
    is_refused("belongs to another input");
    file_write(in, "w", "");
    is_refused("has no lines");
    file_write(in, "w", "\n \n");
    is_refused("has no lines");
    unlink(in);
    is_refused("cannot be read");
}

static void an_output_that_cannot_be_written_leaves_what_is_finished(void **state) {
    struct batch_file file;
    struct error error = {.code = error_none};
    char beside[160];
    (void)state;
    file_write(in, "w", "a\n");
    opened(&file);
    keep(&file, 0, "A");
    snprintf(beside, sizeof beside, "%s.new", out);
    assert_int_equal(symlink("/dev/full", beside), 0);
    assert_false(batch_finish(&file, &error));
    assert_non_null(strstr(error.message, "cannot be written"));
    batch_close(&file);
    assert_int_equal(access(partial, F_OK), 0);
    assert_int_not_equal(access(out, F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_found_whatever_their_ends_are_and_blank_ones_do_not_count, begin,
                                        end),
        cmocka_unit_test_setup_teardown(results_come_out_in_the_inputs_order, begin, end),
        cmocka_unit_test_setup_teardown(what_a_kill_left_is_taken_up, begin, end),
        cmocka_unit_test_setup_teardown(another_input_and_another_run_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(an_output_that_cannot_be_written_leaves_what_is_finished, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
