/* overlay_test.c - the overlay's file: replaced whole or not at all, readable by its owner alone, one writer at a time.
 */
#include "runtime/overlay.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64], path[overlay_path_max];

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    return mkdtemp(folder) && overlay_path(str_from(folder), path) ? 0 : 1;
}

static int end(void **state) {
    static const char *const ends[] = {"", ".tmp", ".lock"};
    char file[overlay_path_max + 8];
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        if (unlink(file) != 0) rmdir(file);
    }
    return rmdir(folder);
}

static void assert_holds(const char *wanted) {
    struct str text;
    struct error error = {.code = error_none};
    assert_true(overlay_read(path, &text, &error));
    assert_true(str_eq(text, str_from(wanted)));
    overlay_text_free(text);
}

static void what_is_written_is_read_again_by_its_owner_alone(void **state) {
    struct error error = {.code = error_none};
    struct stat facts;
    struct str text;
    (void)state;
    assert_true(overlay_read(path, &text, &error));
    assert_null(text.at); /* there is none yet */
    assert_true(overlay_write(path, STR("providers: {}\n"), &error));
    assert_holds("providers: {}\n");
    assert_true(overlay_write(path, STR("other\n"), &error));
    assert_holds("other\n");
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_true(overlay_write(path, STR(""), &error));
    assert_holds("");
}

/* Of a writer that was killed half of a file may lie there; of one that cannot write nothing is left. */
static void it_is_replaced_whole_or_not_at_all(void **state) {
    struct error error = {.code = error_none};
    char temporary[overlay_path_max + 8];
    (void)state;
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    FILE *left = fopen(temporary, "w");
    assert_non_null(left);
    fputs("half of some", left);
    fclose(left);
    assert_true(overlay_write(path, STR("whole\n"), &error));
    assert_holds("whole\n");
    assert_int_not_equal(access(temporary, F_OK), 0);
    assert_int_equal(mkdir(temporary, 0700), 0); /* which no file can replace */
    assert_false(overlay_write(path, STR("another\n"), &error));
    assert_int_equal(error.code, error_storage_failed);
    assert_holds("whole\n");
}

static void a_file_that_is_too_large_or_none_is_an_error(void **state) {
    struct error error = {.code = error_none};
    struct str text;
    (void)state;
    for (off_t size = overlay_bytes_max - 1; size <= overlay_bytes_max; size++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(ftruncate(fileno(file), size), 0);
        fclose(file);
        assert_int_equal(overlay_read(path, &text, &error), size < overlay_bytes_max);
        if (size < overlay_bytes_max) assert_int_equal(text.len, size);
        if (size < overlay_bytes_max) overlay_text_free(text);
    }
    assert_non_null(strstr(error.message, "it is too large"));
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(overlay_read(path, &text, &error));
    assert_int_equal(error.code, error_bad_configuration);
}

static void a_folders_name_must_leave_room_for_its_files(void **state) {
    static char name[overlay_path_max];
    char made[overlay_path_max];
    size_t most = overlay_path_max - 8 - sizeof "/runtime.yaml";
    (void)state;
    memset(name, 'x', sizeof name);
    assert_true(overlay_path(str_make(name, most), made));
    assert_false(overlay_path(str_make(name, most + 1), made));
}

static void one_process_edits_at_a_time(void **state) {
    struct error error = {.code = error_none};
    (void)state;
    int lock = overlay_lock(path, &error);
    assert_true(lock >= 0);
    overlay_unlock(lock);
    lock = overlay_lock(path, &error);
    assert_true(lock >= 0); /* it was given back */
    overlay_unlock(lock);
    overlay_unlock(-1); /* none was taken */
    assert_true(overlay_lock("/nowhere/at/all/runtime.yaml", &error) < 0);
    assert_int_equal(error.code, error_storage_failed);
}

static void overlay_alarm(int signal) { (void)signal; }

/* A wait that a signal ends has no lock, and holds no descriptor. */
static void a_wait_that_is_cut_short_leaves_nothing_open(void **state) {
    struct error error = {.code = error_none};
    const struct sigaction heard = {.sa_handler = overlay_alarm}, unheard = {.sa_handler = SIG_DFL};
    const struct itimerval often = {{0, 10000}, {0, 10000}}, over = {{0, 0}, {0, 0}};
    (void)state;
    int lock = overlay_lock(path, &error);
    assert_true(lock >= 0);
    int next = dup(lock);
    close(next);
    assert_int_equal(sigaction(SIGALRM, &heard, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    assert_int_equal(overlay_lock(path, &error), -1);
    setitimer(ITIMER_REAL, &over, NULL);
    sigaction(SIGALRM, &unheard, NULL);
    assert_int_equal(error.code, error_storage_failed);
    int again = dup(lock);
    assert_int_equal(again, next);
    close(again);
    overlay_unlock(lock);
}

/* The state folder is made, one that is deep and missing is not. */
static void the_folder_of_a_lock_is_made(void **state) {
    struct error error = {.code = error_none};
    char inner[96], deep[128], lock_file[160];
    struct stat facts;
    (void)state;
    snprintf(inner, sizeof inner, "%s/inner", folder);
    snprintf(deep, sizeof deep, "%s/runtime.yaml", inner);
    snprintf(lock_file, sizeof lock_file, "%s.lock", deep);
    int lock = overlay_lock(deep, &error);
    assert_true(lock >= 0);
    overlay_unlock(lock);
    assert_int_equal(stat(inner, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0700);
    assert_int_equal(stat(lock_file, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(unlink(lock_file), 0);
    assert_int_equal(symlink("/dev/null", lock_file), 0); /* which is not followed */
    assert_int_equal(overlay_lock(deep, &error), -1);
    assert_int_equal(unlink(lock_file), 0);
    assert_int_equal(rmdir(inner), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read_again_by_its_owner_alone, begin, end),
        cmocka_unit_test_setup_teardown(it_is_replaced_whole_or_not_at_all, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_is_too_large_or_none_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(a_folders_name_must_leave_room_for_its_files, begin, end),
        cmocka_unit_test_setup_teardown(one_process_edits_at_a_time, begin, end),
        cmocka_unit_test_setup_teardown(a_wait_that_is_cut_short_leaves_nothing_open, begin, end),
        cmocka_unit_test_setup_teardown(the_folder_of_a_lock_is_made, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
