/* config_reference_test.c - docs/configuration.md says what the program checks. WEIR_UPDATE_DOCS=1 writes it anew. */
#include "config/config_reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void the_page_is_what_the_table_says(void **state) {
    (void)state;
    const char *root = getenv("WEIR_SOURCE_ROOT");
    if (!root) skip();
    struct arena arena;
    arena_init(&arena, 64 * 1024, 1 << 24);
    struct text text = text_in_arena(&arena, 32 * 1024);
    config_reference_write(&text);
    assert_false(text.failed);
    char path[1024];
    snprintf(path, sizeof path, "%s/docs/configuration.md", root);
    if (getenv("WEIR_UPDATE_DOCS")) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fwrite(text.at, 1, text.len, out);
        fclose(out);
    }
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    char *page = arena_take(&arena, text.len + 2);
    size_t len = fread(page, 1, text.len + 2, in);
    fclose(in);
    assert_true(str_eq(str_make(page, len), text_str(&text)));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_page_is_what_the_table_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
