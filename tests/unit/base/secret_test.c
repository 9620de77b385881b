/* secret_test.c - a credential is copied, replaced and wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/secret.h"

static void it_holds_its_own_copy(void **state) {
    (void)state;
    char key[] = "sk-test";
    struct secret secret = {0};
    assert_true(secret_empty(&secret));
    assert_true(secret_set(&secret, str_from(key)));
    key[0] = 'X';
    assert_true(str_eq(secret_reveal(&secret), STR("sk-test")));
    assert_true(secret_set(&secret, STR("a longer one than before")));
    assert_true(str_eq(secret_reveal(&secret), STR("a longer one than before")));
    secret_wipe(&secret);
    assert_true(secret_empty(&secret) && secret.bytes == NULL);
    secret_wipe(&secret);
}

static void nothing_is_no_secret(void **state) {
    (void)state;
    struct secret secret = {0};
    assert_true(secret_set(&secret, STR("x")));
    assert_true(secret_set(&secret, STR_NONE));
    assert_true(secret_empty(&secret) && secret.bytes == NULL);
}

int main(void) {
    if (!hash_start()) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_holds_its_own_copy), cmocka_unit_test(nothing_is_no_secret)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
