/* order_test.c - fragments of several calls that come mixed, set one after the other for the dialects of blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dialect/order.h"
#include "dialect/outbound.h"
#include "dialect/quirks.h"

static struct arena arena;

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 4096, 16 * 1024 * 1024);
    return 0;
}
static int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

/* Chunks of OpenAI's through its reader, the order, and a dialect's writer. */
static struct str through(const struct codec *to, const char *const *chunks, size_t count, bool *good) {
    struct order order = {.held = NULL};
    struct codec_caller caller = {.model = STR("m"), .request_id = STR("r1"), .now_s = 1, .show_reasoning = true};
    struct text text = text_in_arena(&arena, 1024);
    void *reader = arena_take_zeroed(&arena, codec_openai.reader_size),
         *writer = arena_take_zeroed(&arena, to->writer_size);
    assert_true(reader && writer);
    *good = true;
    for (size_t i = 0; i < count; i++) {
        struct message_events events = {.arena = &arena}, ordered = {.arena = &arena};
        struct str data = str_make(chunks[i], strlen(chunks[i]));
        *good &= codec_openai.read_event(reader, STR(""), data, &arena, quirks_of(STR(""), STR("m")), &events);
        *good &= !events.failed;
        for (size_t e = 0; e < events.count; e++) *good &= order_take(&order, &events.list[e], &arena, &ordered);
        for (size_t e = 0; e < ordered.count; e++) to->write_event(writer, &ordered.list[e], &caller, &arena, &text);
    }
    assert_false(text.failed);
    return text_str(&text);
}

#define CALL(members) "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{" members "}]}}]}"
#define FINISH "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}"

static const char *const mixed[] = {
    CALL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"one\",\"arguments\":\"\"}"),
    CALL("\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":\"}"),
    "{\"choices\":[{\"index\":0,\"delta\":{\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":"
    "\"https://e.org\",\"title\":\"E\"}}]}}]}",
    CALL("\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"two\",\"arguments\":\"{\\\"y\"}"),
    CALL("\"index\":0,\"function\":{\"arguments\":\"1\"}"),
    CALL("\"index\":1,\"function\":{\"arguments\":\"\\\":2}\"}"),
    "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"said between\"}}]}",
    CALL("\"index\":0,\"function\":{\"arguments\":\"}\"}"),
    FINISH,
    "[DONE]",
};

/* What the reader of the dialect itself makes of what was written: text, and each call's name and arguments. */
static void read_back(const struct codec *codec, struct str stream, struct text *said) {
    struct message_events events = {.arena = &arena};
    void *reader = arena_take_zeroed(&arena, codec->reader_size + 1);
    assert_non_null(reader);
    unsigned open = 0;
    for (size_t at = 0; at < stream.len;) {
        size_t line = str_find_byte(str_slice(stream, at, stream.len), '\n');
        struct str whole = str_slice(stream, at, line == SIZE_MAX ? stream.len : at + line);
        at = line == SIZE_MAX ? stream.len : at + line + 1;
        if (codec->framing == framing_sse && !str_starts(whole, STR("data: "))) continue;
        if (codec->framing == framing_sse) whole = str_slice(whole, 6, whole.len);
        if (whole.len && whole.at[whole.len - 1] == '\r') whole.len--;
        if (whole.len == 0) continue;
        assert_true(codec->read_event(reader, STR(""), whole, &arena, quirks_of(STR(""), STR("m")), &events));
    }
    for (size_t i = 0; i < events.count; i++) {
        const struct message_event *event = &events.list[i];
        if (event->kind == message_event_text) text_put(said, event->text);
        if (event->kind == message_event_tool) text_printf(said, "[%u %.*s ", open = event->tool, STR_ARG(event->name));
        if (event->kind != message_event_arguments) continue;
        assert_int_equal(event->tool, open);
        text_put(said, event->text);
    }
}

/* What is cited while a call is open ends no call, and is not lost. */
static void citations_wait_for_the_call(void **state) {
    const struct codec *const codecs[] = {&codec_anthropic, &codec_gemini, &codec_responses};
    (void)state;
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        bool good;
        struct str stream = through(codecs[i], mixed, sizeof mixed / sizeof *mixed, &good);
        assert_true(good && str_find(stream, STR("https://e.org")) != SIZE_MAX);
    }
}

static void mixed_fragments_reach_every_dialect_whole(void **state) {
    const struct codec *const codecs[] = {&codec_anthropic, &codec_gemini, &codec_ollama, &codec_responses};
    (void)state;
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        bool good;
        struct text said = text_in_arena(&arena, 256);
        struct str stream = through(codecs[i], mixed, sizeof mixed / sizeof *mixed, &good);
        assert_true(good);
        read_back(codecs[i], stream, &said);
        text_put_byte(&said, 0);
        assert_string_equal(said.at, "[0 one {\"x\":1}[1 two {\"y\":2}said between");
    }
}

/* Some vendors give every whole call number 0, or none; some begin at another number. */
static void calls_are_told_apart_by_id_where_the_index_lies(void **state) {
    const char *const chunks[] = {
        CALL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"one\",\"arguments\":\"{}\"}"),
        CALL("\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"two\",\"arguments\":\"{\\\"y\\\":2}\"}"),
        CALL("\"id\":\"c\",\"function\":{\"name\":\"three\",\"arguments\":\"{\"}"),
        CALL("\"function\":{\"arguments\":\"}\"}"),
        CALL("\"index\":7,\"id\":\"d\",\"function\":{\"name\":\"four\",\"arguments\":\"{}\"}"),
        FINISH,
        "[DONE]",
    };
    struct text said = text_in_arena(&arena, 256);
    bool good;
    (void)state;
    read_back(&codec_anthropic, through(&codec_anthropic, chunks, sizeof chunks / sizeof *chunks, &good), &said);
    text_put_byte(&said, 0);
    assert_true(good);
    assert_string_equal(said.at, "[0 one {}[1 two {\"y\":2}[2 three {}[3 four {}");
}

static void what_no_answer_has_is_a_failure_and_no_growth(void **state) {
    struct order order = {.held = NULL};
    bool good = true;
    (void)state;
    for (unsigned i = 0; i < 2 * order_held_max && good; i++) {
        struct message_events out = {.arena = &arena};
        struct message_event event = {.kind = message_event_tool, .tool = i, .name = STR("f"), .usage = USAGE_NONE};
        good = order_take(&order, &event, &arena, &out);
        assert_int_equal(out.count, i == 0);
    }
    assert_false(good);
    assert_int_equal(order.held_count, order_held_max);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(citations_wait_for_the_call, begin, end),
        cmocka_unit_test_setup_teardown(mixed_fragments_reach_every_dialect_whole, begin, end),
        cmocka_unit_test_setup_teardown(calls_are_told_apart_by_id_where_the_index_lies, begin, end),
        cmocka_unit_test_setup_teardown(what_no_answer_has_is_a_failure_and_no_growth, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
