/* responses_stream_test.c - a custom tool's text as the Responses API streams it: read as a function's arguments, and
 * written as text again, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/text.h"
#include "dialect/codec.h"

static struct arena arena;
static const struct codec_quirks no_quirks = {.refuses = 0};

static int test_begin(void **state) { return (void)state, arena_init(&arena, 4096, 4 << 20), 0; }
static int test_end(void **state) { return (void)state, arena_free(&arena), 0; }

/* Events of one stream as `kind:tool:text;`. */
static const char *read_events(const char *const *events, size_t count) {
    struct text told = text_in_arena(&arena, 256);
    void *reader = arena_take_zeroed(&arena, codec_responses.reader_size);
    for (size_t i = 0; i < count; i++) {
        struct message_events out = {.arena = &arena};
        assert_true(codec_responses.read_event(reader, STR(""), str_from(events[i]), &arena, &no_quirks, &out));
        for (size_t e = 0; e < out.count; e++) {
            const struct message_event *event = &out.list[e];
            if (event->kind == message_event_tool)
                text_printf(&told, "tool:%u:%.*s:%.*s;", event->tool, STR_ARG(event->id), STR_ARG(event->name));
            if (event->kind == message_event_arguments)
                text_printf(&told, "arguments:%u:%.*s;", event->tool, STR_ARG(event->text));
            if (event->kind == message_event_finish) text_printf(&told, "finish:%d;", (int)event->finish);
        }
    }
    text_put_byte(&told, 0);
    return told.at;
}

#define ITEM(stage, rest) "{\"type\":\"response.output_item." stage "\",\"item\":{" rest "}}"
#define CUSTOM(stage) ITEM(stage, "\"type\":\"custom_tool_call\",\"call_id\":\"c1\",\"name\":\"patch\"")
#define CUSTOM_DELTA(text) "{\"type\":\"response.custom_tool_call_input.delta\",\"delta\":\"" text "\"}"

static void a_custom_tools_text_becomes_arguments(void **state) {
    (void)state;
    static const char *const events[] = {CUSTOM_DELTA("before it began"),
                                         CUSTOM("added"),
                                         CUSTOM_DELTA("a \\\"b\\\"\\n"),
                                         CUSTOM_DELTA(""),
                                         CUSTOM_DELTA("c\\\\"),
                                         CUSTOM("done"),
                                         CUSTOM_DELTA("behind its end"),
                                         CUSTOM("done"),
                                         ITEM("added", "\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"f\""),
                                         "{\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{}\"}",
                                         "{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}"};
    char want[200];
    struct text text = text_in_buffer(want, sizeof want);
    text_printf(&text,
                "tool:0:c1:patch;arguments:0:{\"input\":\";arguments:0:a \\\"b\\\"\\n;arguments:0:c\\\\;"
                "arguments:0:\"};tool:1:c2:f;arguments:1:{};finish:%d;",
                (int)finish_tool_calls);
    text_put_byte(&text, 0);
    assert_string_equal(read_events(events, sizeof events / sizeof *events), want);
}

/* What is written of a call of `patch`, a custom tool, whose arguments come so: its input's deltas, and its item when
 * it is done. */
static const char *written(const char *const *fragments, size_t count) {
    struct str names[] = {STR("patch")};
    const struct message_asked asked = {.custom = names, .custom_count = 1};
    const struct codec_caller caller = {.model = STR("m"), .request_id = STR("r"), .now_s = 1, .asked = &asked};
    struct text text = text_in_arena(&arena, 4096), told = text_in_arena(&arena, 256);
    void *writer = arena_take_zeroed(&arena, codec_responses.writer_size);
    struct message_event event = {
        .kind = message_event_tool, .id = STR("c1"), .name = STR("patch"), .usage = USAGE_NONE};
    codec_responses.write_event(writer, &event, &caller, &arena, &text);
    for (size_t i = 0; i < count; i++) {
        event = (struct message_event){
            .kind = message_event_arguments, .text = str_from(fragments[i]), .usage = USAGE_NONE};
        codec_responses.write_event(writer, &event, &caller, &arena, &text);
    }
    event = (struct message_event){.kind = message_event_arguments, .tool = 7, .text = STR("x"), .usage = USAGE_NONE};
    codec_responses.write_event(writer, &event, &caller, &arena, &text); /* of a call that is not open */
    event = (struct message_event){.kind = message_event_end, .usage = USAGE_NONE};
    codec_responses.write_event(writer, &event, &caller, &arena, &text);
    assert_false(text.failed);
    static const struct str keys[] = {STR("\"delta\":\""), STR(".done\",")};
    struct str rest = text_str(&text);
    for (size_t at; (at = str_find(rest, STR("\n\n"))) != SIZE_MAX; rest = str_slice(rest, at + 2, rest.len)) {
        struct str frame = str_slice(rest, 0, at);
        size_t delta = str_find(frame, keys[0]), input = str_find(frame, STR("\"input\":\""));
        if (str_find(frame, STR("response.completed")) != SIZE_MAX) continue;
        if (delta != SIZE_MAX) {
            assert_true(str_find(frame, STR("response.custom_tool_call_input.delta")) != SIZE_MAX);
            text_printf(&told, "[%.*s]", STR_ARG(str_slice(frame, delta + keys[0].len, frame.len - 2)));
        } else if (str_find(frame, keys[1]) != SIZE_MAX && input != SIZE_MAX) {
            struct str from = str_slice(frame, input + 9, frame.len);
            text_printf(&told, "=%.*s", STR_ARG(str_slice(from, 0, str_find(from, STR("\"")))));
        }
    }
    text_put_byte(&told, 0);
    return told.at;
}

static void arguments_become_a_custom_tools_text(void **state) {
    (void)state;
    static const struct {
        const char *fragments[4], *told;
    } rows[] = {
        {{"{\"input\":\"ab", "cd\"", "}"}, "[ab][cd]=abcd=abcd"},
        {{"{\"in", "put\":\"", "a", "\"}"}, "[a]=a=a"},
        /* those that did not begin so are read whole, at the end */
        {{"{\"other\":1,", "\"input\":\"late\"}"}, "[late]=late=late"},
        {{"\"late", "r\""}, "[later]=later=later"},
        {{"{\"input\":\"\"}"}, "=="},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t count = 0;
        while (count < 4 && rows[i].fragments[count]) count++;
        assert_string_equal(written(rows[i].fragments, count), rows[i].told);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_begin, test_end)
    const struct CMUnitTest tests[] = {
        TEST(a_custom_tools_text_becomes_arguments),
        TEST(arguments_become_a_custom_tools_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
