/* put_back_stream_test.c - a placeholder that a model said in pieces comes back whole, in the event of its last piece;
 * of four dialects, over any cut of the bytes, and with nothing else of the events changed. */
#include "dialect/put_back_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/limits.h"

static struct arena arena;
static struct placeholders placeholders;

static int test_begin(void **state) {
    struct str out;
    (void)state;
    arena_init(&arena, 4096, 16 << 20);
    placeholders = (struct placeholders){.arena = &arena};
    assert_true(placeholders_take(&placeholders, STR("[\"ada@x.org\",\"+49 30 901820\"]"), NULL, &arena, &out));
    return 0;
}

static int test_end(void **state) { return (void)state, arena_free(&arena), 0; }

static const char *c_str(const struct text *text) {
    char *copy = arena_take(&arena, text->len + 1);
    memcpy(copy, text->at, text->len);
    copy[text->len] = 0;
    return copy;
}

/* In pieces of `size` bytes; each piece is freed before the next. */
static const char *passed_as(enum put_back_form form, const char *answer, size_t size) {
    struct budget budget = {.limit = 1 << 20};
    struct put_back_stream stream;
    struct text text = text_in_arena(&arena, 16);
    const struct str all = str_from(answer);
    put_back_begin(&stream, &placeholders, form, &budget);
    for (size_t at = 0; at < all.len; at += size) {
        struct str piece = str_slice(all, at, at + size);
        char *bytes = malloc(piece.len);
        memcpy(bytes, piece.at, piece.len);
        assert_true(put_back_take(&stream, str_make(bytes, piece.len), &text));
        free(bytes);
    }
    assert_true(put_back_finish(&stream, &text));
    put_back_free(&stream);
    assert_int_equal(budget.taken, 0);
    return c_str(&text);
}

static const char *passed(bool events, const char *answer, size_t size) {
    return passed_as(events ? put_back_events : put_back_json, answer, size);
}

static void check_list(const char *answer, const char *read) {
    for (size_t size = 1; size <= strlen(answer); size++)
        assert_string_equal(passed_as(put_back_list, answer, size), read);
}

static void check(bool events, const char *answer, const char *read) {
    for (size_t size = 1; size <= strlen(answer); size += size < 40 ? 1 : 17)
        assert_string_equal(passed(events, answer, size), read);
    assert_string_equal(passed(events, answer, strlen(answer)), read);
}

#define CHAT(words) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" words "\"}}]}\n\n"
#define AT(time, words) \
    "data: {\"created\":" time ",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" words "\"}}]}\n\n"
#define MESSAGES(words)                                                                                    \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":" \
    "\"text_delta\",\"text\":\"" words "\"}}\n\n"
#define RESPONSES(words)                                                                                   \
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"a\"," \
    "\"output_index\":0,\"content_index\":0,\"delta\":\"" words "\"}\n\n"
#define GEMINI(words) \
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" words "\"}],\"role\":\"model\"}}]}\r\n\r\n"

static void four_dialects_say_it_in_pieces(void **state) {
    (void)state;
    check(true, CHAT("to <EM") CHAT("AIL_") CHAT("1> now") "data: [DONE]\n\n",
          CHAT("to ") CHAT("") CHAT("ada@x.org now") "data: [DONE]\n\n");
    check(true, AT("1", "to <EM") AT("2", "AIL_") AT("3", "1> now"),
          AT("1", "to ") AT("2", "") AT("3", "ada@x.org now")); /* other numbers tell nothing apart */
    check(true, MESSAGES("to <EM") MESSAGES("AIL_") MESSAGES("1> now"),
          MESSAGES("to ") MESSAGES("") MESSAGES("ada@x.org now"));
    check(true, RESPONSES("to <EM") RESPONSES("AIL_") RESPONSES("1> now"),
          RESPONSES("to ") RESPONSES("") RESPONSES("ada@x.org now"));
    check(true, GEMINI("to \\u003cEM") GEMINI("AIL_1") GEMINI("\\u003e now"),
          GEMINI("to ") GEMINI("") GEMINI("ada@x.org now"));
}

#define ELEMENT(words) "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" words "\"}],\"role\":\"model\"}}]}"

/* Google's stream without alt=sse: elements as they come, cut anywhere. */
static void a_list_says_it_in_pieces_too(void **state) {
    (void)state;
    check_list("[" ELEMENT("to <EM") ",\r\n" ELEMENT("AIL_") "\n,\n" ELEMENT("1> now") "\n]\n",
               "[" ELEMENT("to ") ",\n" ELEMENT("") ",\n" ELEMENT("ada@x.org now") "]\n");
    check_list("[" ELEMENT("a \\u003cEMAIL_1") "," ELEMENT("\\u003e b") ",{\"usageMetadata\":{\"n\":[1,{}]}}]",
               "[" ELEMENT("a ") ",\n" ELEMENT("ada@x.org b") ",\n{\"usageMetadata\":{\"n\":[1,{}]}}]");
    check_list("[" ELEMENT("<EMAIL_1> \\\"]},{[<") "]", "[" ELEMENT("ada@x.org \\\"]},{[<") "]");
    check_list("[" ELEMENT("a <EMA") ",{\"error\":{\"message\":\"<EMAIL_1>\"}}]", /* nothing comes for it */
               "[" ELEMENT("a <EMA") ",\n{\"error\":{\"message\":\"ada@x.org\"}}]");
    check_list("[]", "[]");
    check_list(" [ ] ", "[] ");
    check_list("{\"error\":\"<EMAIL_1>\"}", "{\"error\":\"ada@x.org\"}"); /* no list at all */
    check_list("[1, \"<EMAIL_1>\"]", "[1, \"ada@x.org\"]");
    check_list("[" ELEMENT("a") ",1]", "[" ELEMENT("a") ",\n1]");
    check_list("[" ELEMENT("a <E"), "[" ELEMENT("a <E"));                                         /* it broke off */
    check_list("[" ELEMENT("a") ",{\"x\":\"<EMAIL_1>", "[" ELEMENT("a") ",\n{\"x\":\"ada@x.org"); /* within one */
}

static void an_event_that_holds_all_of_it_does_not_wait(void **state) {
    (void)state;
    struct put_back_stream stream;
    struct text text = text_in_arena(&arena, 16);
    put_back_begin(&stream, &placeholders, put_back_events, NULL);
    assert_true(put_back_take(&stream, STR(CHAT("<EMAIL_1> <PHONE_1> <b>")), &text));
    assert_string_equal(c_str(&text), CHAT("ada@x.org +49 30 901820 <b>"));
    text.len = 0;
    assert_true(put_back_take(&stream, STR(CHAT("one <E")), &text));
    assert_int_equal(text.len, 0); /* this one does */
    assert_int_equal(stream.held_count, 1);
    assert_true(put_back_take(&stream, STR(CHAT("<EMAIL_2>")), &text));
    assert_string_equal(c_str(&text), CHAT("one ") CHAT("<E<EMAIL_2>")); /* it began none; one that nobody knows */
    assert_int_equal(stream.held_count, 0);
    put_back_free(&stream);
}

static void what_waits_is_passed_on_before_what_is_no_piece_of_text(void **state) {
    (void)state;
    static const struct {
        const char *answer, *read;
    } rows[] = {
        {CHAT("a <EMAIL_1") "data: [DONE]\n\n", CHAT("a <EMAIL_1") "data: [DONE]\n\n"},
        {CHAT("a <") "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
         CHAT("a <") "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"},
        {CHAT("a <") "data: {not JSON\n\n", CHAT("a <") "data: {not JSON\n\n"},
        /* two texts in one event: neither waits */
        {"data: {\"content\":\"a <EMAIL_1>\",\"reasoning\":\"b <\"}\n\n",
         "data: {\"content\":\"a ada@x.org\",\"reasoning\":\"b <\"}\n\n"},
        /* an empty one is none: this waits, and is overtaken by what is of another place */
        {"data: {\"content\":\"a <\",\"reasoning\":\"\"}\n\n" CHAT("EMAIL_1>"),
         CHAT("EMAIL_1>") "data: {\"content\":\"a <\",\"reasoning\":\"\"}\n\n"},
        {CHAT("a <"), CHAT("a <")}, /* at the stream's end */
        /* comments go past it */
        {CHAT("a <EMAI") ": ping\n\n" CHAT("L_1>"), ": ping\n\n" CHAT("a ") CHAT("ada@x.org")},
        /* a name that is no text's */
        {"data: {\"title\":\"a <\"}\n\n" CHAT("EMAIL_1>"), "data: {\"title\":\"a <\"}\n\n" CHAT("EMAIL_1>")},
        /* of several lines: they cannot be changed in place, and are put back whole */
        {"data: {\"content\":\ndata: \"<EMAIL_1> <\"}\n\n" CHAT("b"),
         "data: {\"content\":\ndata: \"ada@x.org <\"}\n\n" CHAT("b")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check(true, rows[i].answer, rows[i].read);
}

/* What tells the whole text again is no next piece, and what it says does not wait. */
static void a_summary_is_put_back_by_itself(void **state) {
    (void)state;
#define DONE(words) "data: {\"type\":\"response.output_text.done\",\"output_index\":0,\"text\":\"" words "\"}\n\n"
    check(true, RESPONSES("a <EMAIL") RESPONSES("_1>") DONE("a <EMAIL_1>"),
          RESPONSES("a ") RESPONSES("ada@x.org") DONE("a ada@x.org"));
    check(true, DONE("a <"), DONE("a <"));
/* These only look like one. */
#define ALIKE(words) \
    "data: {\"object\":\"response.done\",\"of\":{\"type\":\"response.done\"},\"delta\":\"" words "\"}\n\n"
    check(true, ALIKE("a <EMAIL") ALIKE("_1>"), ALIKE("a ") ALIKE("ada@x.org"));
    struct put_back_stream stream;
    struct text text = text_in_arena(&arena, 16);
    put_back_begin(&stream, &placeholders, put_back_events, NULL);
    assert_true(put_back_take(&stream, STR(DONE("a <")), &text));
    assert_int_equal(stream.held_count, 0);
    put_back_free(&stream);
}

#define CHOICE(index, words) "data: {\"choices\":[{\"index\":" #index ",\"delta\":{\"content\":\"" words "\"}}]}\n\n"

static void pieces_of_several_answers_find_their_own(void **state) {
    (void)state;
    check(true, CHOICE(0, "a <EMAIL_") CHOICE(1, "b <PHONE_") CHOICE(1, "1> B") CHOICE(0, "1> A"),
          CHOICE(1, "b ") CHOICE(1, "+49 30 901820 B") CHOICE(0, "a ") CHOICE(0, "ada@x.org A"));
    /* by each of the members that say a place */
    static const char *const places[] = {"index", "output_index", "content_index", "summary_index"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char answer[300], read[300];
        const char *p = places[i];
        snprintf(answer, sizeof answer,
                 "data: {\"%s\":0,\"text\":\"a <\"}\n\ndata: {\"%s\":1,\"text\":\"EMAIL_1>\"}\n\n"
                 "data: {\"%s\":0,\"text\":\"EMAIL_1>\"}\n\n",
                 p, p, p);
        snprintf(read, sizeof read,
                 "data: {\"%s\":1,\"text\":\"EMAIL_1>\"}\n\ndata: {\"%s\":0,\"text\":\"a \"}\n\n"
                 "data: {\"%s\":0,\"text\":\"ada@x.org\"}\n\n",
                 p, p, p);
        check(true, answer, read);
    }
}

/* Every kind of text that comes in pieces, and that what was said under one name is not joined to another. */
static void each_text_that_comes_in_pieces_may_wait(void **state) {
    (void)state;
    static const char *const keys[] = {"content", "text",      "delta",    "arguments",         "partial_json",
                                       "refusal", "reasoning", "thinking", "reasoning_content", "input"};
    enum { count = sizeof keys / sizeof *keys };
    char answer[300], read[300];
    for (size_t i = 0; i < count; i++) {
        const char *key = keys[i], *other = keys[(i + 1) % count];
        snprintf(answer, sizeof answer,
                 "data: {\"%s\":\"a <EMAIL\"}\n\ndata: {\"%s\":\"b\"}\n\ndata: {\"%s\":\"_1> c\"}\n\n", key, other,
                 key);
        snprintf(read, sizeof read,
                 "data: {\"%s\":\"b\"}\n\ndata: {\"%s\":\"a \"}\n\ndata: {\"%s\":\"ada@x.org c\"}\n\n", other, key,
                 key);
        check(true, answer, read);
    }
}

static void within_a_tools_arguments_a_word_is_escaped_twice(void **state) {
    (void)state;
    struct str out;
    static const struct str own = STR("\"[^\"]*\"");
    size_t bad;
    const char *problem;
    struct pattern *pattern = pattern_new(&own, 1, &bad, &problem);
    assert_true(placeholders_take(&placeholders, STR("[\"\\\"q\\\"\"]"), pattern, &arena, &out));
    pattern_free(pattern);
#define CALL(words) "data: {\"index\":0,\"function\":{\"arguments\":\"" words "\"}}\n\n"
#define ARGUMENTS(kind, words) "data: {\"type\":\"response." kind ".delta\",\"delta\":\"" words "\"}\n\n"
    check(true, CALL("{\\\"a\\\":\\\"<PRIVATE") CALL("_1>\\\"}"),
          CALL("{\\\"a\\\":\\\"") CALL("\\\\\\\"q\\\\\\\"\\\"}"));
    check(true, ARGUMENTS("function_call_arguments", "<PRIVATE_") ARGUMENTS("function_call_arguments", "1>"),
          ARGUMENTS("function_call_arguments", "") ARGUMENTS("function_call_arguments", "\\\\\\\"q\\\\\\\""));
    check(true, ARGUMENTS("custom_tool_call_input", "<PRIVATE_1>"), ARGUMENTS("custom_tool_call_input", "\\\"q\\\""));
}

/* The one that has waited longest goes as it is. */
static void when_too_many_wait_the_first_goes(void **state) {
    (void)state;
    struct budget budget = {.limit = 1 << 20};
    struct put_back_stream stream;
    struct text text = text_in_arena(&arena, 16);
    char event[100];
    size_t len = 0;
    put_back_begin(&stream, &placeholders, put_back_events, &budget);
    for (unsigned i = 0; i <= put_back_channels_max; i++) {
        assert_int_equal(text.len, 0);
        assert_int_equal(stream.held_count, i);
        len = (size_t)snprintf(event, sizeof event, "data: {\"index\":%u,\"text\":\"<EMAIL_1\"}\n\n", 10 + i);
        assert_true(put_back_take(&stream, str_make(event, len), &text));
    }
    assert_string_equal(c_str(&text), "data: {\"index\":10,\"text\":\"<EMAIL_1\"}\n\n");
    assert_int_equal(stream.held_count, put_back_channels_max);
    assert_int_equal(budget.taken, put_back_channels_max * len);
    text.len = 0;
    assert_true(put_back_take(&stream, STR("data: {\"index\":12,\"text\":\">\"}\n\n"), &text)); /* from the middle */
    assert_string_equal(c_str(&text),
                        "data: {\"index\":12,\"text\":\"\"}\n\ndata: {\"index\":12,\"text\":\"ada@x.org\"}\n\n");
    assert_int_equal(stream.held[0].channel == stream.held[1].channel, 0);
    text.len = 0;
    assert_true(put_back_finish(&stream, &text)); /* the others, in the order they came */
    assert_true(str_starts(text_str(&text), STR("data: {\"index\":11,\"text\":\"<EMAIL_1\"}\n\ndata: {\"index\":13,")));
    assert_int_equal(text.len, (put_back_channels_max - 1) * len);
    assert_int_equal(budget.taken, 0);
    put_back_free(&stream);
}

static void what_waits_is_counted_and_refused_where_there_is_no_room(void **state) {
    (void)state;
    const struct str event = STR(CHAT("a <"));
    for (unsigned room = 0; room < 2; room++) {
        struct budget budget = {.limit = event.len - 1 + room};
        struct put_back_stream stream;
        struct text text = text_in_arena(&arena, 16);
        put_back_begin(&stream, &placeholders, put_back_events, &budget);
        assert_int_equal(put_back_take(&stream, event, &text), room);
        assert_int_equal(budget.taken, room ? event.len : 0);
        put_back_free(&stream);
        assert_int_equal(budget.taken, 0);
    }
}

static void an_event_that_is_too_large_is_refused(void **state) {
    (void)state;
    struct put_back_stream stream;
    struct text text = text_in_arena(&arena, 16);
    char *bytes = arena_take(&arena, limit_sse_event + 8);
    memset(bytes, 'x', limit_sse_event + 8);
    memcpy(bytes, "data: ", 6);
    put_back_begin(&stream, &placeholders, put_back_events, NULL);
    assert_false(put_back_take(&stream, str_make(bytes, limit_sse_event + 8), &text));
    put_back_free(&stream);
}

static void a_whole_answer_may_be_cut_anywhere(void **state) {
    (void)state;
    check(false, "{\"choices\":[{\"message\":{\"content\":\"<EMAIL_1>, <PHONE_1> or <EMAIL_3>\"}}]}",
          "{\"choices\":[{\"message\":{\"content\":\"ada@x.org, +49 30 901820 or <EMAIL_3>\"}}]}");
    check(false, "[\"<EMAIL_1", "[\"<EMAIL_1");
    check(false, "{\"delta\":\"a <\"}\n\n{\"delta\":\"EMAIL_1>\"}", "{\"delta\":\"a <\"}\n\n{\"delta\":\"EMAIL_1>\"}");
}

static void without_memory_for_the_text_it_fails(void **state) {
    (void)state;
    for (unsigned events = 0; events < 2; events++) {
        struct arena small;
        struct put_back_stream stream;
        arena_init(&small, 256, 64 * 1024);
        struct text text = text_in_arena(&small, 16);
        const struct str piece = events ? STR(CHAT("0123456789012345678901234567890123456789"))
                                        : STR("\"0123456789012345678901234567890123456789\"");
        bool good = true;
        put_back_begin(&stream, &placeholders, events, NULL);
        for (unsigned i = 0; good && i < 4096; i++) good = put_back_take(&stream, piece, &text);
        assert_true(!good && text.failed);
        assert_false(put_back_finish(&stream, &text));
        put_back_free(&stream);
        arena_free(&small);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_begin, test_end)
    const struct CMUnitTest tests[] = {
        TEST(four_dialects_say_it_in_pieces),
        TEST(a_list_says_it_in_pieces_too),
        TEST(an_event_that_holds_all_of_it_does_not_wait),
        TEST(what_waits_is_passed_on_before_what_is_no_piece_of_text),
        TEST(a_summary_is_put_back_by_itself),
        TEST(pieces_of_several_answers_find_their_own),
        TEST(each_text_that_comes_in_pieces_may_wait),
        TEST(within_a_tools_arguments_a_word_is_escaped_twice),
        TEST(when_too_many_wait_the_first_goes),
        TEST(what_waits_is_counted_and_refused_where_there_is_no_room),
        TEST(an_event_that_is_too_large_is_refused),
        TEST(a_whole_answer_may_be_cut_anywhere),
        TEST(without_memory_for_the_text_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
