/* signature_test.c - the examples of RFC 7515 (A.2 and A.3) and RFC 8037 (A.4), bent in every way that a stranger may
 * bend them; and keys that are none. */
#include "net/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/hash.h"

static const char rsa_n[] =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Q"
    "lL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBY"
    "UsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNm"
    "oudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
static const char rsa_signed[] =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
    "bS9pc19yb290Ijp0cnVlfQ";
static const char rsa_signature[] =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
static const char p256_x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                  p256_y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
static const char p256_signed[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN"
    "vbS9pc19yb290Ijp0cnVlfQ";
static const char p256_signature[] =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
static const char ed_x[] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
static const char ed_signed[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
static const char ed_signature[] =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

static struct arena arena;

static struct str bytes(const char *text) {
    struct str read = base64url_read(str_from(text), &arena);
    assert_non_null(read.at);
    return read;
}

struct example {
    struct public_key *key;
    struct str text, signature;
};

static void examples_begin(struct example examples[3]) {
    examples[0] =
        (struct example){public_key_rsa(bytes(rsa_n), bytes("AQAB")), str_from(rsa_signed), bytes(rsa_signature)};
    examples[1] =
        (struct example){public_key_p256(bytes(p256_x), bytes(p256_y)), str_from(p256_signed), bytes(p256_signature)};
    examples[2] = (struct example){public_key_ed25519(bytes(ed_x)), str_from(ed_signed), bytes(ed_signature)};
    for (size_t i = 0; i < 3; i++) assert_non_null(examples[i].key);
}

static void examples_end(struct example examples[3]) {
    for (size_t i = 0; i < 3; i++) public_key_free(examples[i].key);
}

static void the_examples_of_the_standards_are_signed(void **state) {
    struct example examples[3];
    (void)state;
    examples_begin(examples);
    for (size_t key = 0; key < 3; key++)
        for (size_t of = 0; of < 3; of++) /* by its own key alone */
            assert_int_equal(public_key_signed(examples[key].key, examples[of].text, examples[of].signature),
                             key == of);
    examples_end(examples);
}

static void a_changed_bit_or_another_length_is_no_signature(void **state) {
    struct example examples[3];
    char changed[600];
    (void)state;
    examples_begin(examples);
    for (size_t i = 0; i < 3; i++) {
        struct str signature = examples[i].signature, text = examples[i].text;
        for (size_t bit = 0; bit < signature.len * 8; bit += 7) {
            memcpy(changed, signature.at, signature.len);
            changed[bit / 8] = (char)(changed[bit / 8] ^ 1 << bit % 8);
            assert_false(public_key_signed(examples[i].key, text, str_make(changed, signature.len)));
        }
        for (size_t len = 0; len < signature.len + 3; len++) {
            memset(changed, 0, sizeof changed);
            memcpy(changed, signature.at, signature.len);
            assert_int_equal(public_key_signed(examples[i].key, text, str_make(changed, len)), len == signature.len);
        }
        memcpy(changed, text.at, text.len);
        changed[text.len / 2] ^= 1;
        assert_false(public_key_signed(examples[i].key, str_make(changed, text.len), signature));
        memset(changed, 0, sizeof changed);
        assert_false(public_key_signed(examples[i].key, text, str_make(changed, signature.len)));
        memset(changed, 0xff, sizeof changed);
        assert_false(public_key_signed(examples[i].key, text, str_make(changed, signature.len)));
    }
    examples_end(examples);
}

static void es256_is_taken_as_two_numbers_and_not_as_der(void **state) {
    struct example examples[3];
    (void)state;
    examples_begin(examples);
    struct str signature = examples[1].signature;
    char der[80] = {0x30, 0x45, 0x02, 0x20};
    memcpy(der + 4, signature.at, 32);
    memcpy(der + 36, "\x02\x21\0", 3);
    memcpy(der + 39, signature.at + 32, 32);
    assert_false(public_key_signed(examples[1].key, examples[1].text, str_make(der, 71)));
    examples_end(examples);
}

static void keys_that_are_none_are_not_made(void **state) {
    char n[1200];
    (void)state;
    struct str good = bytes(rsa_n), e = bytes("AQAB");
    memset(n, 0xff, sizeof n);
    assert_null(public_key_rsa(str_make(good.at, 255), e)); /* 2040 bits */
    assert_null(public_key_rsa(str_make(n, 1025), e));      /* 8200 */
    assert_null(public_key_rsa(str_make(n, sizeof n), e));  /* more than anybody would sign with */
    assert_null(public_key_rsa(good, bytes("AQ")));         /* e = 1: every text is its own signature */
    assert_null(public_key_rsa(good, bytes("Aw")));         /* e = 3 */
    assert_null(public_key_rsa(good, bytes("AQAA")));       /* even */
    assert_null(public_key_rsa(good, bytes("AQABAQAB")));   /* larger than 32 bits */
    assert_null(public_key_rsa(good, STR("")));
    assert_null(public_key_rsa(STR(""), e));
    memset(n, 0, 256);
    assert_null(public_key_rsa(str_make(n, 256), e));
    memcpy(n + 1, good.at, good.len); /* with a zero in front, as some libraries write it */
    struct public_key *padded = public_key_rsa(str_make(n, good.len + 1), e);
    assert_non_null(padded);
    public_key_free(padded);
    struct str x = bytes(p256_x), y = bytes(p256_y);
    assert_null(public_key_p256(x, x)); /* not on the curve */
    assert_null(public_key_p256(str_slice(x, 0, 31), y));
    memset(n, 0, 64);
    assert_null(public_key_p256(str_make(n, 32), str_make(n, 32)));
    assert_null(public_key_ed25519(str_slice(x, 0, 31)));
    assert_null(public_key_ed25519(STR("")));
    public_key_free(NULL);
}

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    return hash_start() ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standards_are_signed),
        cmocka_unit_test(a_changed_bit_or_another_length_is_no_signature),
        cmocka_unit_test(es256_is_taken_as_two_numbers_and_not_as_der),
        cmocka_unit_test(keys_that_are_none_are_not_made),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
