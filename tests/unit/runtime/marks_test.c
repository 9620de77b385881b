/* marks_test.c - what a state folder has seen: kept over a start, derived for folders of earlier versions, and closed
 * where it cannot be read. */
#include "runtime/marks.h"

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

#include "runtime/overlay.h"
#include "store/response_db.h"

static char folder[64];

static const char *inside(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    return mkdtemp(folder) ? 0 : 1;
}

static int end(void **state) {
    static const char *const files[] = {"marks", "marks.tmp", "responses.db", "responses.db-wal", "responses.db-shm",
                                        ""};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (unlink(inside(files[i])) != 0) rmdir(inside(files[i]));
    return 0;
}

static void file_write(const char *name, const char *text) {
    FILE *file = fopen(inside(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct marks read_with(const char *overlay) {
    struct marks marks;
    marks_read(str_from(folder), str_from(overlay), &marks);
    return marks;
}

static void what_is_written_is_read_again(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const struct marks out = {.had_clients = i & 1, .served_providers = i >> 1};
        struct error error = {.code = error_none};
        assert_true(marks_write(str_from(folder), &out, &error));
        struct marks in = read_with("providers: {real: {type: openai}}\n"); /* derived from nothing any more */
        assert_true(in.written && !in.problem[0]);
        assert_int_equal(in.had_clients, out.had_clients);
        assert_int_equal(in.served_providers, out.served_providers);
    }
}

static void an_empty_folder_has_seen_nothing(void **state) {
    (void)state;
    struct marks marks = read_with("");
    assert_false(marks.written || marks.had_clients || marks.served_providers || marks.problem[0]);
}

/* Else a file that a full disk cut would let everybody in. */
static void a_damaged_file_is_taken_as_if_all_had_been_there(void **state) {
    static const char *const texts[] = {"", "weir", "weir marks 2\nhad_clients\n", "had_clients\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        file_write("marks", texts[i]);
        struct marks marks = read_with("");
        assert_true(marks.had_clients && marks.served_providers && !marks.written);
        assert_non_null(
            strstr(marks.problem, "/marks: it is damaged: taken as if clients and providers had been there"));
    }
    unlink(inside("marks"));
    assert_int_equal(mkdir(inside("marks"), 0700), 0);
    struct marks marks = read_with("");
    assert_true(marks.had_clients && marks.served_providers);
    assert_non_null(strstr(marks.problem, "it cannot be read"));
}

static void a_folder_without_marks_is_known_by_what_lies_in_it(void **state) {
    char problem[160];
    const struct response_limits none = {0, 0};
    (void)state;
    assert_false(read_with("providers: {s: {type: simulated}}\n").served_providers);
    assert_true(read_with("providers: {o: {type: openai}}\n").served_providers);
    for (unsigned clients = 0; clients < 2; clients++) {
        struct response_db *db = response_db_open(inside("responses.db"), problem, sizeof problem);
        assert_non_null(db);
        assert_true(response_db_put(db,
                                    &(struct stored_response){.client = clients ? STR("one") : STR(""),
                                                              .id = clients ? STR("resp_2") : STR("resp_1"),
                                                              .input = STR("[]"),
                                                              .output = STR("[]"),
                                                              .response = STR("{}")},
                                    &none, 1, problem, sizeof problem));
        response_db_close(db);
        struct marks marks = read_with("");
        assert_true(marks.served_providers && !marks.problem[0]);
        assert_int_equal(marks.had_clients, clients);
    }
    file_write("responses.db", "this is no database, but it is long enough to look like something");
    struct marks marks = read_with("");
    assert_true(marks.had_clients && marks.served_providers && marks.problem[0]);
}

static void a_folder_that_cannot_be_written_says_so(void **state) {
    const struct marks marks = {.had_clients = true};
    struct error error = {.code = error_none};
    static char path[2000];
    (void)state;
    memset(path, 'x', sizeof path - 1);
    assert_false(marks_write(str_from(path), &marks, &error));
    assert_int_equal(error.code, error_storage_failed);
    assert_false(marks_write(STR("/nowhere/at/all"), &marks, &error));
    for (size_t i = 0; i < 2; i++) { /* with "/marks" behind it the longest that is taken for one, and one more */
        const size_t len = overlay_path_max - 9 - strlen("/marks") + i;
        error.message[0] = 0;
        assert_false(marks_write(str_make(path, len), &marks, &error));
        assert_int_equal(strcmp(error.message, "the name of the state folder is too long") == 0, i == 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read_again, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_folder_has_seen_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_taken_as_if_all_had_been_there, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_without_marks_is_known_by_what_lies_in_it, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_written_says_so, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
