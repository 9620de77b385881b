/* value_secret_test.c - the copy is what was kept last, or none. */
#include "runtime/value_secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void what_was_kept_last_is_read(void **state) {
    char folder[] = "/tmp/weir-secret-XXXXXX", path[80];
    struct hash_secret one = {"0123456789abcde"}, other = {"other"}, read = {"drawn"};
    struct stat facts;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/value.secret", folder);
    value_secret_read(folder, &read);
    assert_memory_equal(&read, &(struct hash_secret){"drawn"}, sizeof read); /* there is none */
    assert_true(value_secret_keep(folder, &one));
    value_secret_read(folder, &read);
    assert_memory_equal(&read, &one, sizeof read);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    ino_t was = facts.st_ino;
    assert_true(value_secret_keep(folder, &one)); /* it is there: nothing is written */
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_ino, was);
    assert_true(value_secret_keep(folder, &other));
    value_secret_read(folder, &read);
    assert_memory_equal(&read, &other, sizeof read);
    for (off_t len = 0; len <= 17; len += 17) { /* cut, or longer than it may be */
        assert_int_equal(truncate(path, len), 0);
        value_secret_read(folder, &read);
        assert_memory_equal(&read, &other, sizeof read);
        assert_true(value_secret_keep(folder, &one));
        assert_int_equal(stat(path, &facts), 0);
        assert_int_equal(facts.st_size, 16);
    }
    unlink(path);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    read = other;
    value_secret_read(folder, &read); /* somebody else's file */
    assert_memory_equal(&read, &other, sizeof read);
    unlink(path);
    rmdir(folder);
    assert_false(value_secret_keep(folder, &one));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_kept_last_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
