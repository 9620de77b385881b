/* sse_test.c - events are the same wherever reads cut them, and those that came whole are not copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/limits.h"
#include "dialect/sse.h"

struct seen {
    char text[4096]; /* event|data; of each event with data */
    size_t len, raw_len, events, borrowed;
};

static void put(struct seen *seen, struct str s) {
    assert_true(seen->len + s.len + 1 < sizeof seen->text);
    memcpy(seen->text + seen->len, s.at, s.len);
    seen->text[seen->len += s.len] = 0;
}

/* Feeds a copy of its own, freed afterwards, so that nothing may point into it later. */
static void feed(struct sse *sse, struct arena *arena, struct str bytes, struct seen *seen) {
    char *copy = malloc(bytes.len ? bytes.len : 1);
    struct sse_event event;
    memcpy(copy, bytes.at, bytes.len);
    sse_feed(sse, str_make(copy, bytes.len));
    for (enum sse_result result; (result = sse_next(sse, arena, &event)) != sse_more;) {
        assert_int_equal(result, sse_got_event);
        seen->raw_len += event.raw.len;
        seen->borrowed += event.borrowed;
        assert_int_equal(event.borrowed, event.raw.at >= copy && event.raw.at < copy + bytes.len);
        if (event.comment_only) continue;
        seen->events++;
        put(seen, event.event);
        put(seen, STR("|"));
        put(seen, event.data);
        put(seen, STR(";"));
    }
    free(copy);
}

static const struct {
    const char *stream, *events;
} streams[] = {
    {"data: a\n\ndata: b\n\n", "|a;|b;"},
    {"data: a\r\n\r\ndata: b\r\n\r\n", "|a;|b;"},
    {"data: a\r\rdata: b\r\r\n\n", "|a;|b;"},
    {"\xef\xbb\xbf"
     "data: a\n\n",
     "|a;"},
    {": ping\n\ndata: a\n\n: ping\n\n", "|a;"},
    {"event: error\ndata: {}\n\n", "error|{};"},
    {"data: a\ndata: b\ndata\ndata:c\nid: 7\nretry: 3\n\n", "|a\nb\n\nc;"},
    {"\n\r\n\ndata:  a \n\n\n\ndata:b\n\n", "| a ;|b;"},
    {"data:\n\n", "|;"},
    {"database: x\ndata: a\n\n", "|a;"},
    {"data: a\r\n\ndata: b\n\r\ndata: c\n\n", "|a;|b;|c;"},
    {"event: x\r\ndata: 0123456789012345678901234567890123456789\r\n\r\n",
     "x|0123456789012345678901234567890123456789;"},
};

static void events_are_the_same_at_every_two_cuts(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct str stream = str_from(streams[i].stream);
        for (size_t first = 0; first <= stream.len; first++) {
            for (size_t second = first; second <= stream.len; second++) {
                struct sse sse;
                struct seen seen = {.len = 0};
                sse_init(&sse);
                feed(&sse, &arena, str_slice(stream, 0, first), &seen);
                feed(&sse, &arena, str_slice(stream, first, second), &seen);
                feed(&sse, &arena, str_slice(stream, second, stream.len), &seen);
                assert_string_equal(seen.text, streams[i].events);
                assert_int_equal(sse_pending(&sse), 0);
                arena_reset(&arena);
                sse_free(&sse);
            }
        }
    }
    arena_free(&arena);
}

static void bytes_one_by_one_give_the_same_events(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct str stream = str_from(streams[i].stream);
        struct sse sse;
        struct seen seen = {.len = 0};
        sse_init(&sse);
        for (size_t at = 0; at < stream.len; at++) feed(&sse, &arena, str_slice(stream, at, at + 1), &seen);
        assert_string_equal(seen.text, streams[i].events);
        sse_free(&sse);
    }
    arena_free(&arena);
}

static void raw_ranges_are_all_bytes_but_the_byte_order_mark(void **state) {
    struct arena arena;
    struct sse sse;
    struct seen seen = {.len = 0};
    struct str stream = STR("\xef\xbb\xbf\n: x\n\ndata: a\r\n\r\n\ndata: b\n\n");
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    sse_init(&sse);
    for (size_t at = 0; at < stream.len; at += 3) feed(&sse, &arena, str_slice(stream, at, at + 3), &seen);
    assert_int_equal(seen.raw_len, stream.len - 3);
    sse_free(&sse);
    arena_free(&arena);
}

static void whole_events_are_borrowed(void **state) {
    struct arena arena;
    struct sse sse;
    struct seen seen = {.len = 0};
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    sse_init(&sse);
    feed(&sse, &arena, STR("data: a\n\ndata: b\n\ndata: c"), &seen);
    assert_int_equal(seen.borrowed, 2);
    assert_int_equal(sse_pending(&sse), 7);
    feed(&sse, &arena, STR("\n\ndata: d\n\n"), &seen);
    assert_int_equal(seen.borrowed, 3);
    assert_string_equal(seen.text, "|a;|b;|c;|d;");
    sse_free(&sse);
    arena_free(&arena);
}

static void an_event_without_end_is_too_large(void **state) {
    static char bytes[64 * 1024];
    struct arena arena;
    struct sse sse;
    struct sse_event event;
    size_t fed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = i % 2 ? '\r' : 'x'; /* the slowest of line ends */
    arena_init(&arena, 4096, 1 << 20);
    sse_init(&sse);
    for (;;) {
        sse_feed(&sse, str_make(bytes, sizeof bytes));
        fed += sizeof bytes;
        enum sse_result result = sse_next(&sse, &arena, &event);
        if (result == sse_too_large) break;
        assert_int_equal(result, sse_more);
        assert_true(fed <= 2 * limit_sse_event);
    }
    assert_true(fed > limit_sse_event);
    sse_free(&sse);
    arena_free(&arena);
}

/* And none is taken past the room there is. */
static void what_is_held_is_counted_and_given_back(void **state) {
    struct budget memory = {.limit = 8192};
    struct sse sse;
    struct arena arena;
    struct sse_event event;
    char bytes[4096];
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    arena_init(&arena, 4096, 1 << 20);
    sse_init(&sse);
    sse_hold_within(&sse, &memory);
    sse_feed(&sse, STR("data: whole\n\n"));
    assert_int_equal(sse_next(&sse, &arena, &event), sse_got_event);
    assert_int_equal(sse_next(&sse, &arena, &event), sse_more);
    assert_int_equal(memory.taken, 0);
    sse_feed(&sse, STR("data: cu"));
    assert_int_equal(sse_next(&sse, &arena, &event), sse_more);
    assert_in_range(memory.taken, 8, 8192);
    sse_feed(&sse, str_make(bytes, sizeof bytes));
    assert_int_equal(sse_next(&sse, &arena, &event), sse_no_memory);
    sse_free(&sse);
    assert_int_equal(memory.taken, 0);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_at_every_two_cuts),
        cmocka_unit_test(bytes_one_by_one_give_the_same_events),
        cmocka_unit_test(raw_ranges_are_all_bytes_but_the_byte_order_mark),
        cmocka_unit_test(whole_events_are_borrowed),
        cmocka_unit_test(an_event_without_end_is_too_large),
        cmocka_unit_test(what_is_held_is_counted_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
