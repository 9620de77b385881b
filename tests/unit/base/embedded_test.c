/* What is compiled in is what stands in the tree, whoever asks first. */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/embedded.h"

enum { askers = 8 };

static void *embedded_asker(void *asked) {
    *(struct str *)asked = embedded_text(&embedded_catalog_built_in_jsonl);
    return NULL;
}

static void threads_that_ask_at_once_get_the_same_text(void **state) {
    (void)state;
    pthread_t threads[askers];
    struct str got[askers];
    for (int i = 0; i < askers; i++) assert_int_equal(pthread_create(&threads[i], NULL, embedded_asker, &got[i]), 0);
    for (int i = 0; i < askers; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < askers; i++) {
        assert_ptr_equal(got[i].at, got[0].at);
        assert_int_equal(got[i].len, got[0].len);
    }
}

static void a_text_is_the_file_to_the_byte(void **state) {
    (void)state;
    const char *root = getenv("WEIR_SOURCE_ROOT");
    if (!root) skip();
    char path[4096];
    snprintf(path, sizeof path, "%s/catalog/built_in.jsonl", root);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    struct str text = embedded_text(&embedded_catalog_built_in_jsonl);
    for (size_t i = 0; i < text.len; i++) assert_int_equal((unsigned char)text.at[i], fgetc(file));
    assert_int_equal(fgetc(file), EOF);
    assert_int_equal(text.at[text.len], 0);
    fclose(file);
    const struct embedded_page *page = embedded_page_named(STR("index.html"));
    assert_non_null(page);
    assert_true(str_find(embedded_text(page->file), STR("</html>")) != SIZE_MAX);
    assert_null(embedded_page_named(STR("index.htm")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_ask_at_once_get_the_same_text),
        cmocka_unit_test(a_text_is_the_file_to_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
