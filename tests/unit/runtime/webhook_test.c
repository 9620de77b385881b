/* What a post is signed with is what its receiver works out from the secret, the time and the body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hash.h"
#include "runtime/webhook.h"

static void a_signature_holds_the_time_and_the_digest_of_time_and_body(void **state) {
    (void)state;
    char buffer[128];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    assert_true(hash_start());
    webhook_sign(STR("key"), 1700000000, STR("{\"a\":1}"), &text);
    /* printf %s '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key */
    assert_true(str_eq(text_str(&text),
                       STR("t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_holds_the_time_and_the_digest_of_time_and_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
