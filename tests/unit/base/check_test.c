/* check_test.c - a broken CHECK reports its values and ends the process; a held one does nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

static int report_fd;

static void report(const char *text) {
    ssize_t written = write(report_fd, text, strlen(text));
    (void)written;
}

static void break_one(int a) { CHECKF(a == 1, "a=%d", a); }

static void a_held_check_does_nothing(void **state) {
    (void)state;
    int evaluated = 0;
    CHECK(++evaluated == 1);
    CHECKF(++evaluated == 2, "evaluated=%d", evaluated);
    assert_int_equal(evaluated, 2);
}

static void a_broken_check_says_what_and_where_and_aborts(void **state) {
    (void)state;
    int ends[2], status;
    char text[1024] = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGABRT, SIG_DFL);
        report_fd = ends[1];
        check_report = report;
        close(STDERR_FILENO);
        break_one(5);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    close(ends[0]);
    assert_non_null(strstr(text, "check_test.c:"));
    assert_non_null(strstr(text, "CHECK(a == 1) failed a=5"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_held_check_does_nothing),
                                       cmocka_unit_test(a_broken_check_says_what_and_where_and_aborts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
