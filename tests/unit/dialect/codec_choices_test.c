/* codec_choices_test.c - how many choices a stream may have in each dialect that has a bound: all of them are told, and
 * of one beyond not a byte. OpenAI's has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/codec.h"

static const struct codec_caller caller = {{"m", 1}, {"req_1", 5}, 1700000000, true, true, false};

/* The bytes that a choice's first words become. */
static size_t told(const struct codec *codec, unsigned choice) {
    const struct message_event begin = {.kind = message_event_begin, .id = STR("i"), .model = STR("m")},
                               words = {.kind = message_event_text, .choice = choice, .text = STR("words")};
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    void *writer = arena_take_zeroed(&arena, codec->writer_size);
    struct text text = text_in_arena(&arena, 1024);
    codec->write_event(writer, &begin, &caller, &arena, &text);
    size_t before = text.len;
    codec->write_event(writer, &words, &caller, &arena, &text);
    size_t bytes = text.len - before;
    assert_false(text.failed);
    arena_free(&arena);
    return bytes;
}

static void as_many_as_a_dialect_has_are_told_and_no_more(void **state) {
    static const struct {
        const struct codec *codec;
        unsigned most;
    } rows[] = {
        {&codec_gemini, 8}, {&codec_anthropic, 1},  {&codec_responses, 1},
        {&codec_ollama, 1}, {&codec_cloudflare, 1}, {&codec_huggingface, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i].codec->write_event) continue;
        for (unsigned choice = 0; choice < rows[i].most + 3; choice++)
            if ((told(rows[i].codec, choice) > 0) != (choice < rows[i].most))
                fail_msg("%s, choice %u", rows[i].codec->name.at, choice);
        assert_int_equal(told(rows[i].codec, UINT32_MAX), 0);
    }
}

/* Google's calls are whole: those of a later choice are told when the choices before it have finished, and of fragments
 * those alone that go on with the call that is gathered. */
static void calls_of_several_choices_are_told_one_choice_after_the_other(void **state) {
    (void)state;
#define CALLS(of, named) \
    { .kind = message_event_tool, .choice = (of), .id = STR("c"), .name = STR(named) }
#define SAYS(of, words) \
    { .kind = message_event_arguments, .choice = (of), .text = STR(words) }
#define ENDS(of) \
    { .kind = message_event_finish, .choice = (of), .finish = finish_tool_calls }
    static const struct {
        struct message_event events[8];
        size_t count;
        const char *calls[3]; /* in their order */
    } rows[] = {
        {{CALLS(0, "a"), SAYS(0, "{\"x\":1}"), ENDS(0), CALLS(1, "b"), SAYS(1, "{\"y\":2}"), ENDS(1)},
         6,
         {"\"name\":\"a\",\"args\":{\"x\":1}", "\"name\":\"b\",\"args\":{\"y\":2}"}},
        {{CALLS(0, "a"), SAYS(0, "{\"x\":"), CALLS(1, "b"), SAYS(1, "2"), SAYS(0, "1}"), ENDS(0), ENDS(1)},
         7,
         {"\"name\":\"a\",\"args\":{\"x\":1}"}},
        {{CALLS(1, "b"), SAYS(1, "{}"), ENDS(0), ENDS(1)}, 4, {NULL}},
        {{ENDS(0), CALLS(1, "b"), CALLS(1, "c"), ENDS(1)}, 4, {"\"name\":\"b\"", "\"name\":\"c\""}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct message_event end = {.kind = message_event_end};
        struct arena arena;
        arena_init(&arena, 4096, 1 << 20);
        void *writer = arena_take_zeroed(&arena, codec_gemini.writer_size);
        struct text text = text_in_arena(&arena, 4096);
        for (size_t e = 0; e < rows[i].count; e++)
            codec_gemini.write_event(writer, &rows[i].events[e], &caller, &arena, &text);
        codec_gemini.write_event(writer, &end, &caller, &arena, &text);
        struct str rest = text_str(&text);
        for (size_t c = 0; c < sizeof rows[i].calls / sizeof *rows[i].calls; c++) {
            size_t at = str_find(rest, STR("functionCall"));
            assert_int_equal(at != SIZE_MAX, rows[i].calls[c] != NULL);
            if (at == SIZE_MAX) break;
            rest = str_slice(rest, at + 12, rest.len);
            size_t wanted = str_find(rest, str_from(rows[i].calls[c])), next = str_find(rest, STR("functionCall"));
            if (wanted == SIZE_MAX || wanted > next)
                fail_msg("row %zu: %s in %.*s", i, rows[i].calls[c], STR_ARG(rest));
        }
        arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_a_dialect_has_are_told_and_no_more),
        cmocka_unit_test(calls_of_several_choices_are_told_one_choice_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
