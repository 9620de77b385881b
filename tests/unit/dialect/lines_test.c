/* lines_test.c - lines of a stream, cut at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/limits.h"
#include "dialect/lines.h"

static size_t feed(struct lines *lines, struct str bytes, char *into) {
    struct sse_event event;
    size_t len = 0;
    lines_feed(lines, bytes);
    while (lines_next(lines, &event) == sse_got_event) {
        if (event.comment_only) continue;
        memcpy(into + len, event.data.at, event.data.len);
        len += event.data.len;
        into[len++] = '|';
    }
    return len;
}

static void lines_come_whole_wherever_they_are_cut(void **state) {
    const struct str stream = STR("{\"a\":1}\n\r\n{\"b\":2}\r\n\n{\"c\"");
    (void)state;
    for (size_t cut = 0; cut <= stream.len; cut++)
        for (size_t second = cut; second <= stream.len; second++) {
            struct lines lines;
            struct sse_event last;
            char got[64];
            lines_init(&lines);
            size_t len = feed(&lines, str_slice(stream, 0, cut), got);
            len += feed(&lines, str_slice(stream, cut, second), got + len);
            len += feed(&lines, str_slice(stream, second, stream.len), got + len);
            assert_int_equal(len, 16);
            assert_memory_equal(got, "{\"a\":1}|{\"b\":2}|", 16);
            assert_true(lines_last(&lines, &last));
            assert_true(str_eq(last.data, STR("{\"c\"")));
            assert_false(lines_last(&lines, &last));
            lines_free(&lines);
        }
}

static void a_line_without_end_is_too_large(void **state) {
    struct lines lines;
    struct sse_event event;
    size_t size = 700 * 1024;
    char *bytes = malloc(size);
    (void)state;
    memset(bytes, 'x', size);
    lines_init(&lines);
    lines_feed(&lines, str_make(bytes, size));
    assert_int_equal(lines_next(&lines, &event), sse_more);
    lines_feed(&lines, str_make(bytes, size));
    assert_int_equal(lines_next(&lines, &event), sse_too_large);
    lines_free(&lines);
    free(bytes);
}

/* Its end included, whether it comes whole or in two pieces. */
static void the_longest_line_is_taken_and_none_that_is_longer(void **state) {
    char *bytes = malloc(limit_sse_event + 1);
    static const size_t cuts[] = {0, 1, 1023, 1024, limit_sse_event - 1, limit_sse_event};
    (void)state;
    for (size_t more = 0; more < 2; more++)
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            size_t size = limit_sse_event + more;
            struct lines lines;
            struct sse_event event;
            memset(bytes, 'x', size);
            bytes[size - 1] = '\n';
            lines_init(&lines);
            lines_feed(&lines, str_make(bytes, cuts[i]));
            assert_int_equal(lines_next(&lines, &event),
                             cuts[i] == size ? sse_got_event : sse_more); /* of none longer all has come */
            if (cuts[i] == size) continue;
            lines_feed(&lines, str_make(bytes + cuts[i], size - cuts[i]));
            assert_int_equal(lines_next(&lines, &event), more ? sse_too_large : sse_got_event);
            if (!more) assert_true(event.raw.len == size && event.borrowed == (cuts[i] == 0));
            lines_free(&lines);
        }
    free(bytes);
}

/* And none is taken past the room there is. */
static void what_is_held_is_counted_and_given_back(void **state) {
    struct budget memory = {.limit = 8192};
    struct lines lines;
    struct sse_event event;
    char bytes[4096];
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    lines_init(&lines);
    lines_hold_within(&lines, &memory);
    lines_feed(&lines, STR("{\"a\":1}\n"));
    assert_int_equal(lines_next(&lines, &event), sse_got_event);
    assert_int_equal(memory.taken, 0); /* it came whole */
    lines_feed(&lines, STR("{\"a\""));
    assert_int_equal(lines_next(&lines, &event), sse_more);
    assert_in_range(memory.taken, 4, 8192);
    lines_feed(&lines, str_make(bytes, sizeof bytes));
    assert_int_equal(lines_next(&lines, &event), sse_no_memory);
    assert_in_range(memory.taken, 4, 8192);
    lines_free(&lines);
    assert_int_equal(memory.taken, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_whole_wherever_they_are_cut),
        cmocka_unit_test(a_line_without_end_is_too_large),
        cmocka_unit_test(the_longest_line_is_taken_and_none_that_is_longer),
        cmocka_unit_test(what_is_held_is_counted_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
