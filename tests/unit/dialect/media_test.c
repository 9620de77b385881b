/* media_test.c - of what kind bytes are, whatever was said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/media.h"

static void the_beginning_counts_more_than_what_is_said(void **state) {
    static const struct {
        struct str bytes;
        const char *said, *type;
    } cases[] = {{STR("\x89PNG\r\n\x1a\nrest"), "text/html", "image/png"},
                 {STR("\xff\xd8\xff\xe0"), "", "image/jpeg"},
                 {STR("GIF89a.."), "image/png", "image/gif"},
                 {STR("RIFF....WEBPVP8 "), "", "image/webp"},
                 {STR("RIFF....WAVE"), "audio/wav", "audio/wav"},
                 {STR("%PDF-1.7"), "application/octet-stream", "application/pdf"},
                 {STR("hello"), " text/plain ; charset=utf-8", "text/plain"},
                 {STR("BM"), "", ""},
                 {STR(""), "", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!str_eq(media_type(cases[i].bytes, str_from(cases[i].said)), str_from(cases[i].type)))
            fail_msg("case %zu", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_beginning_counts_more_than_what_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
