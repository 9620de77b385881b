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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_a_dialect_has_are_told_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
