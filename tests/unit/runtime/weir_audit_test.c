/* weir_audit_test.c - what the audit says of the texts that a configuration was made of: so that two of them can be
 * told apart by `sha256sum`. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"

/* The hash of the others is, from 32 zeros on, one of what it was and the next one's. */
static void texts_are_told_by_their_hashes(void **state) {
    static const struct str paths[] = {STR("/etc/weir.yaml"), STR("/b"), STR("/c"), STR("/d")},
                            contents[] = {STR("a: 1\n"), STR("b: 2\n"), STR("c: 3\n"), STR("")};
    static const char *const wanted[] = {
        "the environment alone",
        "/etc/weir.yaml sha256 37b128c59f1f5097f73f82691cb519f1f568667faab5ced1b4ab979d36837eae",
        "/etc/weir.yaml sha256 37b128c59f1f5097f73f82691cb519f1f568667faab5ced1b4ab979d36837eae, 1 more "
        "460740a3b31d2897d5c534178b215fac7dd5ec3e75476a1e03e16cf8946bca3d",
        "/etc/weir.yaml sha256 37b128c59f1f5097f73f82691cb519f1f568667faab5ced1b4ab979d36837eae, 2 more "
        "9af45a6a38d439853b19315fd9d8a5799dc9db7da936b3948e109dc6adf14724",
        "/etc/weir.yaml sha256 37b128c59f1f5097f73f82691cb519f1f568667faab5ced1b4ab979d36837eae, 3 more "
        "505d5fc504b54907eccd0d74a81cbb41c3554ba370ffad8138e64521cf55e50a"};
    (void)state;
    assert_true(hash_start());
    for (size_t count = 0; count <= 4; count++) {
        char said[512];
        struct in_force texts;
        in_force_begin(&texts);
        for (size_t i = 0; i < count; i++) assert_true(in_force_keep(&texts, paths[i], contents[i]));
        struct text text = text_in_buffer(said, sizeof said - 1);
        library_audit_texts(&texts, &text);
        said[text.len] = 0;
        assert_string_equal(said, wanted[count]);
        in_force_free(&texts);
    }
}

/* Of a long path its beginning. */
static void a_path_is_told_up_to_200_bytes(void **state) {
    char path[202], said[512], wanted[512];
    (void)state;
    assert_true(hash_start());
    for (size_t len = 199; len <= 201; len++) {
        struct in_force texts;
        memset(path, 'p', len);
        in_force_begin(&texts);
        assert_true(in_force_keep(&texts, str_make(path, len), STR("a: 1\n")));
        struct text text = text_in_buffer(said, sizeof said - 1), all = text_in_buffer(wanted, sizeof wanted - 1);
        library_audit_texts(&texts, &text);
        said[text.len] = 0;
        text_printf(&all, "%.*s sha256 37b128c59f1f5097f73f82691cb519f1f568667faab5ced1b4ab979d36837eae",
                    len < 200 ? (int)len : 200, path);
        wanted[all.len] = 0;
        assert_string_equal(said, wanted);
        in_force_free(&texts);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_told_by_their_hashes),
        cmocka_unit_test(a_path_is_told_up_to_200_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
