/* jwks_test.c - which keys of a set may have signed a token, and which are passed over. */
#include "snapshot/jwks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#define X32 "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC(more) "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"" X32 "\"" more "}"
#define OKP(more) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X32 "\"" more "}"

static struct arena arena;
static struct jwks jwks;

static const char *read_text(const char *text) {
    const char *problem = "";
    arena_reset(&arena);
    return jwks_read(str_from(text), &arena, &jwks, &problem) ? NULL : problem;
}

/* An RSA key whose modulus begins with this byte and is so long. */
static struct str rsa(unsigned char first, size_t len, const char *e) {
    static char text[4096];
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char n[1100];
    struct text out = text_in_buffer(text, sizeof text - 1);
    memset(n, 0xff, sizeof n);
    n[0] = first;
    text_printf(&out, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"e\":\"%s\",\"n\":\"", e);
    for (size_t at = 0; at < len; at += 3) {
        uint32_t three =
            (uint32_t)n[at] << 16 | (at + 1 < len ? (uint32_t)n[at + 1] << 8 : 0) | (at + 2 < len ? n[at + 2] : 0);
        size_t count = len - at >= 3 ? 4 : len - at + 1;
        for (size_t i = 0; i < count; i++) text_put_byte(&out, digits[three >> (18 - 6 * i) & 63]);
    }
    text_put(&out, STR("\"}]}"));
    assert_false(out.failed);
    return text_str(&out);
}

static void one_key_of_each_kind_is_taken(void **state) {
    const char *problem;
    (void)state;
    assert_null(read_text("{\"keys\":[" EC(",\"kid\":\"a\"") "," OKP(",\"kid\":\"b\",\"use\":\"sig\"") "]}"));
    assert_int_equal(jwks.count, 2);
    assert_int_equal(jwks_find(&jwks, jwk_p256, STR("a")), 0);
    assert_int_equal(jwks_find(&jwks, jwk_ed25519, STR("b")), 1);
    assert_int_equal(jwks_find(&jwks, jwk_ed25519, STR("a")), jwks_keys_max);
    assert_int_equal(jwks_find(&jwks, jwk_p256, STR("")), jwks_keys_max);
    assert_int_equal(jwks_find(&jwks, jwk_p256, STR_NONE), 0);
    assert_int_equal(jwks.keys[0].x.len, 32);
    assert_true(jwks_read(rsa(0xff, 256, "AQAB"), &arena, &jwks, &problem));
    assert_int_equal(jwks.count, 1);
    assert_int_equal(jwks.keys[0].n.len, 256);
}

static void an_rsa_key_below_2048_or_above_8192_bits_is_none(void **state) {
    static const struct {
        unsigned char first;
        size_t len;
        const char *e;
        size_t count;
    } rows[] = {{0xff, 256, "AQAB", 1}, {0x7f, 256, "AQAB", 0}, {0xff, 255, "AQAB", 0},   {0x01, 257, "AQAB", 1},
                {0x00, 257, "AQAB", 1}, {0x00, 256, "AQAB", 0}, {0xff, 1024, "AQAB", 1},  {0xff, 1025, "AQAB", 0},
                {0xff, 128, "AQAB", 0}, {0xff, 256, "", 0},     {0xff, 256, "AQABAQ", 1}, {0xff, 256, "AQABAQAB", 0}};
    const char *problem;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena_reset(&arena);
        assert_true(jwks_read(rsa(rows[i].first, rows[i].len, rows[i].e), &arena, &jwks, &problem));
        if (jwks.count != rows[i].count) fail_msg("row %zu: %zu", i, jwks.count);
    }
}

static void what_is_no_key_for_signatures_is_passed_over(void **state) {
    static const char *const keys[] = {EC(",\"use\":\"enc\""),
                                       EC(",\"use\":7"),
                                       EC(",\"key_ops\":[\"sign\"]"),
                                       EC(",\"key_ops\":[]"),
                                       EC(",\"key_ops\":\"verify\""),
                                       EC(",\"use\":\"enc\",\"key_ops\":[\"verify\"]"),
                                       EC(",\"alg\":\"ES384\""),
                                       EC(",\"alg\":\"RS256\""),
                                       EC(",\"alg\":7"),
                                       EC(",\"kid\":7"),
                                       EC(",\"kid\":null"),
                                       EC(",\"d\":\"" X32 "\""),
                                       EC(",\"x\":\"" X32 "\""), /* twice */
                                       OKP(",\"alg\":\"ES256\""),
                                       OKP(",\"crv\":\"Ed25519\""),
                                       "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X32 "\",\"y\":\"" X32 "\"}",
                                       "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X32 "\",\"y\":\"" X32 "\"}",
                                       "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\"}",
                                       "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"AAAA\"}",
                                       "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" X32 "\"}",
                                       "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X32 "=\"}",
                                       "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
                                       "{\"kty\":\"RSA\"}",
                                       "{\"kty\":[\"EC\"]}",
                                       "{}",
                                       "[]",
                                       "7",
                                       "null",
                                       "\"EC\""};
    char text[1024];
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        snprintf(text, sizeof text, "{\"keys\":[%s," EC(",\"kid\":\"good\"") "]}", keys[i]);
        assert_null(read_text(text));
        if (jwks.count != 1 || jwks.passed_over != 1) fail_msg("%s", keys[i]);
    }
    for (size_t members = 32; members <= 33; members++) { /* EC has four of its own */
        struct text many = text_in_buffer(text, sizeof text - 1);
        text_put(&many, STR("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"" X32 "\""));
        for (size_t i = 4; i < members; i++) text_printf(&many, ",\"m%zu\":1", i);
        text_put(&many, STR("}]}"));
        text[many.len] = 0;
        assert_null(read_text(text));
        assert_int_equal(jwks.count, members == 32);
        assert_int_equal(jwks.passed_over, members == 33);
    }
    assert_null(read_text("{\"keys\":[" EC(",\"d\":\"" X32 "\"") "]}"));
    assert_int_equal(jwks.bared, 1);
    assert_null(read_text("{\"keys\":[" EC(",\"key_ops\":[\"sign\",\"verify\"]") "," OKP(",\"alg\":\"Ed25519\"") "]}"));
    assert_int_equal(jwks.count, 2);
}

static void of_two_with_one_name_the_first_is_taken_and_without_names_neither(void **state) {
    (void)state;
    assert_null(read_text("{\"keys\":[" EC(",\"kid\":\"a\"") "," EC(",\"kid\":\"a\"") "," OKP(",\"kid\":\"a\"") "]}"));
    assert_int_equal(jwks.count, 2); /* another kind may have the same name */
    assert_int_equal(jwks_find(&jwks, jwk_ed25519, STR("a")), 1);
    assert_null(read_text("{\"keys\":[" EC("") "," EC("") "]}"));
    assert_int_equal(jwks_find(&jwks, jwk_p256, STR_NONE), jwks_keys_max);
    assert_int_equal(jwks_find(&jwks, jwk_p256, STR("a")), jwks_keys_max);
}

static void what_is_no_set_is_said(void **state) {
    static const char *const bad[] = {"", "{", "[]", "{}", "{\"keys\":{}}", "{\"keys\":null}", "\"keys\"", "<html>"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!read_text(bad[i])) fail_msg("%s", bad[i]);
    assert_null(read_text("{\"keys\":[]}"));
    assert_int_equal(jwks.count, 0);
}

static void more_keys_than_there_is_room_for_are_passed_over(void **state) {
    struct text text = text_in_arena(&arena, 64 * 1024);
    const char *problem;
    (void)state;
    text_put(&text, STR("{\"keys\":["));
    for (unsigned i = 0; i < jwks_keys_max + 9; i++)
        text_printf(&text, "%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X32 "\",\"kid\":\"%u\"}", i ? "," : "", i);
    text_put(&text, STR("]}"));
    assert_true(jwks_read(text_str(&text), &arena, &jwks, &problem));
    assert_int_equal(jwks.count, jwks_keys_max);
    assert_int_equal(jwks.passed_over, 9);
}

static void a_word_names_a_kind_of_key_and_hmacs_and_none_name_no_kind(void **state) {
    static const char *const others[] = {"none",  "None",  "",      "HS256",  "RS384",
                                         "PS256", "ES384", "rs256", "ES256K", "Ed448"};
    (void)state;
    for (unsigned kind = 0; kind < jwk_kinds; kind++)
        assert_int_equal(jwk_kind_of(jwk_algorithm((enum jwk_kind)kind)), kind);
    assert_int_equal(jwk_kind_of(STR("Ed25519")), jwk_ed25519);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(jwk_kind_of(str_from(others[i])), jwk_kinds);
}

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 64 * 1024, 1 << 24);
    return hash_start() ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_key_of_each_kind_is_taken),
        cmocka_unit_test(an_rsa_key_below_2048_or_above_8192_bits_is_none),
        cmocka_unit_test(what_is_no_key_for_signatures_is_passed_over),
        cmocka_unit_test(of_two_with_one_name_the_first_is_taken_and_without_names_neither),
        cmocka_unit_test(what_is_no_set_is_said),
        cmocka_unit_test(more_keys_than_there_is_room_for_are_passed_over),
        cmocka_unit_test(a_word_names_a_kind_of_key_and_hmacs_and_none_name_no_kind),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
