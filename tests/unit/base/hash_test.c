/* hash_test.c - known digests, hexadecimal both ways, wiping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/hash.h"

static void known_digests(void **state) {
    (void)state;
    char hex[65] = {0};
    struct sha256 hash = hash_sha256(STR("abc"));
    hash_to_hex(hash.bytes, 32, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash = hash_sha256(STR_NONE);
    hash_to_hex(hash.bytes, 32, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void a_keyed_digest_is_that_of_rfc_4231(void **state) {
    (void)state;
    char hex[65] = {0};
    const struct str parts[] = {STR("what do ya "), STR(""), STR("want for nothing?")};
    struct sha256 hash = hash_hmac_sha256(STR("Jefe"), parts, 3);
    hash_to_hex(hash.bytes, 32, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void hexadecimal_is_read_strictly(void **state) {
    (void)state;
    struct sha256 abc = hash_sha256(STR("abc")), read;
    assert_true(hash_from_hex(STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), &read));
    assert_true(hash_equal(&abc, &read));
    assert_true(hash_from_hex(STR("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"), &read));
    assert_true(hash_equal(&abc, &read));
    read.bytes[31] ^= 1;
    assert_false(hash_equal(&abc, &read));
    assert_false(hash_from_hex(STR("ba7816"), &read));
    assert_false(hash_from_hex(STR(""), &read));
    assert_false(hash_from_hex(STR("ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), &read));
    assert_false(hash_from_hex(STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a "), &read));
    assert_false(hash_from_hex(STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0"), &read));
}

static void random_bytes_differ_and_wiping_wipes(void **state) {
    (void)state;
    unsigned char a[32] = {0}, b[32] = {0}, zero[32] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, 32);
    memory_wipe(a, sizeof a);
    assert_memory_equal(a, zero, 32);
}

int main(void) {
    if (!hash_start()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests),
        cmocka_unit_test(a_keyed_digest_is_that_of_rfc_4231),
        cmocka_unit_test(hexadecimal_is_read_strictly),
        cmocka_unit_test(random_bytes_differ_and_wiping_wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
