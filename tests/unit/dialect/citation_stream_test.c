/* citation_stream_test.c - where a text comes from, in streams: told in each dialect that has words for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dialect/outbound.h"
#include "dialect/quirks.h"

static struct arena arena;

static const struct {
    const struct codec *codec;
    const char *event;
} from[] = {
    {&codec_anthropic,
     "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"citations_delta\",\"citation\":{\"type\":"
     "\"web_search_result_location\",\"url\":\"https://a.example/x\",\"title\":\"A\",\"cited_text\":\"c\","
     "\"encrypted_index\":\"e\"}}}"},
    {&codec_openai,
     "{\"choices\":[{\"index\":0,\"delta\":{\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":"
     "\"https://a.example/x\",\"title\":\"A\",\"start_index\":1,\"end_index\":2}}]}}]}"},
    {&codec_gemini,
     "{\"candidates\":[{\"index\":0,\"content\":{\"parts\":[]},\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{"
     "\"uri\":\"https://a.example/x\",\"title\":\"A\"}}]}}]}"},
    {&codec_responses,
     "{\"type\":\"response.output_text.annotation.added\",\"annotation\":{\"type\":\"url_citation\",\"url\":"
     "\"https://a.example/x\",\"title\":\"A\",\"start_index\":1,\"end_index\":2}}"},
};
enum { dialects_here = sizeof from / sizeof *from };

static void read_into(const struct codec *codec, void *reader, struct str data, struct message_events *events) {
    assert_true(codec->read_event(reader, STR(""), data, &arena, quirks_of(STR(""), STR("m")), events));
}

static unsigned citations_in(const struct message_events *events) {
    unsigned count = 0;
    for (size_t i = 0; i < events->count; i++) {
        if (events->list[i].kind != message_event_citation) continue;
        assert_true(str_eq(events->list[i].citation.url, STR("https://a.example/x")));
        assert_true(str_eq(events->list[i].citation.title, STR("A")));
        count++;
    }
    return count;
}

static void a_citation_reaches_every_dialect(void **state) {
    static const struct codec_caller caller = {.model = {"m", 1}, .request_id = {"r", 1}, .include_usage = true};
    (void)state;
    for (size_t f = 0; f < dialects_here; f++)
        for (size_t t = 0; t < dialects_here; t++) {
            const struct codec *to = from[t].codec;
            arena_init(&arena, 4096, 1 << 22);
            struct message_events events = {.arena = &arena}, back = {.arena = &arena};
            void *reader = arena_take_zeroed(&arena, from[f].codec->reader_size),
                 *again = arena_take_zeroed(&arena, to->reader_size),
                 *writer = arena_take_zeroed(&arena, to->writer_size);
            assert_true(reader && again && writer);
            struct message_event *text = message_event_add(&events, message_event_text);
            text->text = STR("said");
            read_into(from[f].codec, reader, str_from(from[f].event), &events);
            assert_int_equal(citations_in(&events), 1);
            message_event_add(&events, message_event_finish)->finish = finish_stop;
            message_event_add(&events, message_event_end);
            struct text stream = text_in_arena(&arena, 1024);
            for (size_t i = 0; i < events.count; i++)
                to->write_event(writer, &events.list[i], &caller, &arena, &stream);
            struct str rest = text_str(&stream), line;
            while (str_split_next(&rest, '\n', &line))
                if (str_starts(line, STR("data: ")))
                    read_into(to, again, str_trim(str_slice(line, 6, line.len)), &back);
            if (citations_in(&back) != 1) fail_msg("from %zu to %zu: %.*s", f, t, STR_ARG(text_str(&stream)));
            arena_free(&arena);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_citation_reaches_every_dialect)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
