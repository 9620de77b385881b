/* file_test.c - a file is opened, and nothing else is waited for. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
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

static void what_is_no_file_is_named_and_not_waited_for(void **state) {
    char folder[] = "/tmp/weir-file-XXXXXX", pipe[64], file[64], link[64];
    const char *problem = "";
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(symlink(file, link), 0);
    assert_int_equal(file_open(file, 0, &problem), -1);
    assert_true(errno == ENOENT && strcmp(problem, strerror(ENOENT)) == 0);
    close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    int descriptor = file_open(link, 0, &problem);
    assert_true(descriptor >= 0 && fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
    close(descriptor);
    assert_int_equal(file_open(link, O_NOFOLLOW, &problem), -1);
    assert_int_equal(file_open(pipe, 0, &problem), -1);
    assert_string_equal(problem, "it is a pipe, and no file");
    assert_int_equal(errno, EINVAL);
    assert_int_equal(file_open(folder, 0, &problem), -1);
    assert_string_equal(problem, "it is a folder, and no file");
    assert_int_equal(file_open("/dev/null", 0, &problem), -1);
    assert_string_equal(problem, "it is a device, and no file");
    unlink(link);
    unlink(file);
    unlink(pipe);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_no_file_is_named_and_not_waited_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
