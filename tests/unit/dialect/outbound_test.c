/* No model leads out of its place in a path, in any dialect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/outbound.h"

static const char *const bad[] = {"..",
                                  ".",
                                  "../x",
                                  "x/..",
                                  "a/../b",
                                  "a/./b",
                                  "../../../../accounts/OTHER/tokens",
                                  "../v1/evil",
                                  "/x",
                                  "x/",
                                  "a//b",
                                  "",
                                  "%2e%2e/x",
                                  "%2E%2e",
                                  "a%2f..%2fb",
                                  "x%2f",
                                  "%2fx",
                                  "a%2f%2fb",
                                  "%252e%252e/x",
                                  "..%5cx",
                                  "a\\b",
                                  "..;x/b",
                                  "a?b",
                                  "a#b",
                                  "a b",
                                  "a\tb",
                                  "a\nb",
                                  "a\rb",
                                  "a%00b",
                                  "a%zz",
                                  "a%",
                                  "%c0%ae%c0%ae/x"};
static const char *const good[] = {"m",
                                   "@cf/meta/llama-3.1-8b-instruct",
                                   "org/model",
                                   "gpt-4.1",
                                   "a..b",
                                   ".hidden",
                                   "x.",
                                   "org/mo.del:fastest",
                                   "tunedModels/x-1",
                                   "modèle"};

static size_t paths_with_models(struct str model, bool wanted) {
    size_t count = 0;
    for (unsigned d = 0; d < dialects; d++)
        for (unsigned o = 0; o <= operation_other; o++)
            for (int way = 0; way < 4; way++) {
                char plain_at[512], path_at[512];
                struct text plain = text_in_buffer(plain_at, sizeof plain_at),
                            path = text_in_buffer(path_at, sizeof path_at);
                bool known = outbound_path((enum dialect)d, (enum operation)o, STR("MODEL"), way & 1, way >> 1, &plain);
                bool holds = known && str_find(text_str(&plain), STR("MODEL")) != SIZE_MAX;
                bool put = outbound_path((enum dialect)d, (enum operation)o, model, way & 1, way >> 1, &path);
                assert_int_equal(put, known && (!holds || wanted));
                if (!put) assert_int_equal(path.len, 0);
                assert_int_equal(outbound_model_fits((enum dialect)d, (enum operation)o, model), wanted || !holds);
                if (put && holds) { /* what stands before and behind the model stays */
                    size_t at = str_find(text_str(&plain), STR("MODEL"));
                    assert_true(str_starts(text_str(&path), str_slice(text_str(&plain), 0, at)));
                    assert_true(str_ends(text_str(&path), str_slice(text_str(&plain), at + 5, plain.len)));
                }
                count += holds;
            }
    return count;
}

static void what_leads_out_is_not_put(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_true(paths_with_models(str_from(bad[i]), false) > 0);
    assert_true(paths_with_models(str_make("a\0b", 3), false) > 0);
}

static void ordinary_names_are_put_slashes_and_all(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(paths_with_models(str_from(good[i]), true) > 0);
    char path_at[128];
    struct text path = text_in_buffer(path_at, sizeof path_at);
    assert_true(outbound_path(dialect_cloudflare, operation_chat, STR("@cf/meta/llama-3"), false, false, &path));
    assert_true(str_eq(text_str(&path), STR("/ai/run/@cf/meta/llama-3")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_leads_out_is_not_put),
        cmocka_unit_test(ordinary_names_are_put_slashes_and_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
