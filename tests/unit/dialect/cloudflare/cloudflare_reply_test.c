/* cloudflare_reply_test.c - calls of a stream of Workers AI: whole, in fragments, and too many of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "dialect/cloudflare/cloudflare.h"

struct hearing {
    struct arena arena;
    void *reader;
    unsigned tools, last;
    char arguments[256];
    size_t len;
};

static void hear(struct hearing *hearing, const char *data) {
    struct message_events events = {.arena = &hearing->arena};
    static const struct codec_quirks quirks;
    if (!cloudflare_read_event(hearing->reader, STR(""), str_from(data), &hearing->arena, &quirks, &events))
        fail_msg("%s", data);
    for (size_t i = 0; i < events.count; i++) {
        const struct message_event *event = &events.list[i];
        if (event->kind == message_event_tool) {
            hearing->last = event->tool;
            assert_int_equal(event->tool, hearing->tools++);
        }
        if (event->kind != message_event_arguments) continue;
        hearing->len += (size_t)snprintf(hearing->arguments + hearing->len, sizeof hearing->arguments - hearing->len,
                                         "%u:%.*s ", event->tool, STR_ARG(event->text));
        if (hearing->len >= sizeof hearing->arguments) hearing->len = 0;
    }
}

static void hearing_begin(struct hearing *hearing) {
    *hearing = (struct hearing){.tools = 0};
    arena_init(&hearing->arena, 64 * 1024, 64 << 20);
    hearing->reader = arena_take_zeroed(&hearing->arena, cloudflare_reader_bytes);
    assert_non_null(hearing->reader);
}

#define CALLS(calls) "{\"response\":\"\",\"tool_calls\":[" calls "]}"

static void each_fragment_goes_to_its_call(void **state) {
    static const struct {
        const char *said[4];
        unsigned tools;
        const char *arguments;
    } rows[] = {
        {{CALLS("{\"name\":\"f\",\"arguments\":{\"a\":1}}")}, 1, "0:{\"a\":1} "},
        {{CALLS("{\"name\":\"f\",\"arguments\":\"x\"},{\"name\":\"g\",\"arguments\":\"y\"}")}, 2, "0:x 1:y "},
        {{CALLS("{\"index\":0,\"name\":\"f\"}"), CALLS("{\"index\":0,\"arguments\":\"x\"}"),
          CALLS("{\"index\":0,\"arguments\":\"y\"}")},
         1,
         "0:x 0:y "},
        {{CALLS("{\"name\":\"f\"}"), CALLS("{\"arguments\":\"x\"}"), CALLS("{\"name\":\"g\"}"),
          CALLS("{\"arguments\":\"y\"}")},
         2,
         "0:x 1:y "},
        {{CALLS("{\"index\":0,\"name\":\"f\"}"), CALLS("{\"index\":1,\"name\":\"g\"}"),
          CALLS("{\"index\":0,\"arguments\":\"x\"}")},
         2,
         "0:x "},
        {{CALLS("{\"index\":7,\"name\":\"f\",\"arguments\":\"x\"}")}, 1, "0:x "},  /* the next one, whatever it says */
        {{CALLS("{\"arguments\":\"x\"}")}, 0, ""},                                 /* of no call */
        {{CALLS("{\"name\":\"f\"}"), CALLS("{\"index\":0}"), CALLS("{}")}, 1, ""}, /* says nothing */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hearing hearing;
        hearing_begin(&hearing);
        for (size_t s = 0; s < 4 && rows[i].said[s]; s++) hear(&hearing, rows[i].said[s]);
        if (hearing.tools != rows[i].tools) fail_msg("row %zu: %u calls", i, hearing.tools);
        assert_string_equal(hearing.arguments, rows[i].arguments);
        arena_free(&hearing.arena);
    }
}

/* More than anybody means are left out, by name and by fragment. */
static void there_are_so_many_calls_and_no_more(void **state) {
    enum { calls_most = 1024 };
    struct hearing hearing;
    (void)state;
    hearing_begin(&hearing);
    for (unsigned i = 0; i < calls_most; i++) hear(&hearing, CALLS("{\"name\":\"f\"}"));
    assert_int_equal(hearing.tools, calls_most);
    hear(&hearing, CALLS("{\"name\":\"f\",\"arguments\":\"x\"}"));
    hear(&hearing, CALLS("{\"index\":1024,\"name\":\"f\",\"arguments\":\"x\"}"));
    assert_int_equal(hearing.tools, calls_most);
    assert_string_equal(hearing.arguments, "");
    hear(&hearing, CALLS("{\"arguments\":\"x\"}"));
    assert_string_equal(hearing.arguments, "1023:x ");
    arena_free(&hearing.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fragment_goes_to_its_call),
        cmocka_unit_test(there_are_so_many_calls_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
