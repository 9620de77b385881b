/* What the mock says, whole and as a stream, read back by the gateway's own dialect. */
#include "mock/mock_openai.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dialect/openai/openai.h"

struct said {
    struct arena arena;
    struct json *json;
    struct mock_prompt prompt;
    struct mock_answer answer;
    struct mock_facts facts;
};

static void say(struct said *said, const char *request, bool legacy, struct mock_options options) {
    struct error error = {.code = error_none};
    struct str param = STR("");
    const char *problem = "";
    size_t at = 0;
    *said = (struct said){.facts = {.id = STR("chatcmpl-1"), .created_s = 5}};
    arena_init(&said->arena, 4096, 1 << 24);
    said->json = json_parse(str_from(request), &problem, &at);
    assert_non_null(said->json);
    if (!mock_prompt_read(json_root(said->json), legacy, strlen(request), &said->arena, &options, &said->prompt, &error,
                          &param))
        fail_msg("%s", error.message);
    assert_true(mock_answer_make(&said->prompt, &options, STR(""), &said->arena, &said->answer));
}

static void forget(struct said *said) {
    json_free(said->json);
    arena_free(&said->arena);
}

static bool content_is(const struct said *said, const char *text) {
    return str_eq(said->answer.content, str_from(text));
}

static void it_says_what_was_said(void **state) {
    struct said said;
    (void)state;
    say(&said,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
        "\"H\\u00e9llo you\"}]}",
        false, mock_options_default());
    assert_true(content_is(&said, "You said: H\xc3\xa9llo you"));
    assert_true(str_eq(said.answer.finish, STR("stop")));
    forget(&said);
    say(&said,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
        "\"image_url\"}]}]}",
        false, mock_options_default());
    assert_true(content_is(&said, "You said: a An image was given."));
    forget(&said);
    say(&said, "{\"model\":\"m\",\"prompt\":[\"x\",\"y\"]}", true, mock_options_default());
    assert_true(content_is(&said, "You said: x") && said.prompt.choices == 2);
    forget(&said);
}

static void max_tokens_and_stop_cut(void **state) {
    struct said said;
    (void)state;
    say(&said, "{\"model\":\"m\",\"max_tokens\":2,\"messages\":[{\"role\":\"user\",\"content\":\"one two\"}]}", false,
        mock_options_default());
    assert_true(content_is(&said, "You said:") && str_eq(said.answer.finish, STR("length")) &&
                said.answer.output_tokens == 2);
    forget(&said);
    say(&said,
        "{\"model\":\"m\",\"stop\":[\"zzz\",\" two\"],\"messages\":[{\"role\":\"user\",\"content\":\"one two\"}]}",
        false, mock_options_default());
    assert_true(content_is(&said, "You said: one") && str_eq(said.answer.finish, STR("stop")));
    forget(&said);
    struct mock_options options = mock_options_default();
    options.tokens = 50;
    say(&said, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", false, options);
    assert_int_equal(said.answer.token_count, 50);
    forget(&said);
}

static const char tools[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"tool_choice\":%s,"
                            "\"tools\":[{\"type\":\"function\","
                            "\"function\":{\"name\":\"get_weather\",\"parameters\":{\"type\":\"object\",\"properties\":"
                            "{\"city\":{\"type\":\"string\"}}}}},"
                            "{\"type\":\"function\",\"function\":{\"name\":\"stop\"}}]}";

static size_t calls_for(const char *prompt, const char *choice) {
    struct said said;
    char request[1024];
    struct text text = text_in_buffer(request, sizeof request - 1);
    text_printf(&text, tools, prompt, choice);
    request[text.len] = 0;
    say(&said, request, false, mock_options_default());
    size_t count = said.answer.call_count;
    if (count) assert_true(str_eq(said.answer.finish, STR("tool_calls")) && said.answer.content.len == 0);
    forget(&said);
    return count;
}

static void tools_are_called_when_asked_for(void **state) {
    (void)state;
    assert_int_equal(calls_for("the Weather in Paris", "\"auto\""), 1);
    assert_int_equal(calls_for("hello", "\"auto\""), 0);
    assert_int_equal(calls_for("hello", "\"required\""), 1);
    assert_int_equal(calls_for("the weather", "\"none\""), 0);
    assert_int_equal(calls_for("the weather, then stop", "\"auto\""), 2);
    assert_int_equal(calls_for("hello", "{\"type\":\"function\",\"function\":{\"name\":\"stop\"}}"), 1);
}

static void the_whole_reply_is_one_that_the_dialect_reads(void **state) {
    struct said said;
    struct usage usage = USAGE_NONE;
    bool is_error = true;
    (void)state;
    say(&said,
        "{\"model\":\"a-reason-er\",\"n\":3,\"logprobs\":true,\"messages\":[{\"role\":\"user\",\"content\":"
        "\"\\\"quoted\\\"\"}]}",
        false, mock_options_default());
    struct text text = text_in_arena(&said.arena, 64);
    mock_openai_reply(&text, &said.facts, &said.prompt, &said.answer);
    assert_true(openai_skim_reply(text_str(&text), &usage, &is_error));
    assert_false(is_error);
    assert_int_equal(usage.input_tokens, said.prompt.input_tokens);
    assert_int_equal(usage.output_tokens, said.answer.output_tokens * 3);
    assert_true(usage.reasoning_tokens > 0 && said.answer.reasoning_count > 0);
    forget(&said);
}

/* Kinds of a stream's events as letters: e empty, t token, f finish, u usage, d done. */
static void stream_is(const char *request, bool double_usage, const char *kinds) {
    static const char letters[] = "etfudxm";
    struct said said;
    struct mock_stream stream;
    char seen[256];
    size_t count = 0;
    bool is_token;
    say(&said, request, false, mock_options_default());
    said.facts.double_usage = double_usage;
    mock_stream_begin(&stream, &said.facts, &said.prompt, &said.answer);
    for (;;) {
        struct usage usage = USAGE_NONE;
        struct text text = text_in_arena(&said.arena, 1024);
        if (!mock_stream_next(&stream, &text, &is_token)) break;
        struct str event = text_str(&text);
        assert_true(str_starts(event, STR("data: ")) && str_ends(event, STR("\n\n")));
        enum openai_event_kind kind = openai_skim_event(STR(""), str_slice(event, 6, event.len - 2), &usage);
        assert_true(count < sizeof seen - 1);
        assert_int_equal(is_token, kind == openai_event_token);
        seen[count++] = letters[kind];
    }
    seen[count] = 0;
    assert_string_equal(seen, kinds);
    forget(&said);
}

static void streams_have_their_events_in_order(void **state) {
    (void)state;
    stream_is("{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", false,
              "etttfd");
    stream_is("{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":"
              "\"user\",\"content\":\"hi\"}]}",
              false, "etttfud");
    stream_is("{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":"
              "\"user\",\"content\":\"hi\"}]}",
              true, "etttfuud");
    stream_is("{\"model\":\"m\",\"n\":2,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", false,
              "eettttttffd");
}

static void errors_have_the_shape(void **state) {
    (void)state;
    for (int status = 400; status < 600; status++) {
        char buffer[1024];
        struct usage usage = USAGE_NONE;
        bool is_error = false;
        struct text text = text_in_buffer(buffer, sizeof buffer);
        mock_openai_error(&text, status, status % 2 ? NULL : "a \"word\"", status % 3 ? STR("") : STR("model"));
        assert_true(openai_skim_reply(text_str(&text), &usage, &is_error) && is_error);
    }
}

int main(void) {
    const struct CMUnitTest all[] = {
        cmocka_unit_test(it_says_what_was_said),
        cmocka_unit_test(max_tokens_and_stop_cut),
        cmocka_unit_test(tools_are_called_when_asked_for),
        cmocka_unit_test(the_whole_reply_is_one_that_the_dialect_reads),
        cmocka_unit_test(streams_have_their_events_in_order),
        cmocka_unit_test(errors_have_the_shape),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
