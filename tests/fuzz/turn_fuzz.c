/* turn_fuzz.c - a request and its answer with any bytes, in every dialect, whole and streamed: what is read of them is
 * JSON, as is what a span would tell of them, and what links a turn to those before it lies within its messages. The
 * first byte says the endpoint and the form, the next two how much is the request. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/json.h"
#include "dialect/turn.h"
#include "runtime/trace_content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void object_check(struct str raw, struct arena *arena) {
    const char *problem;
    size_t at;
    if (json_kind(json_parse_in(arena, raw, &problem, &at)) != json_object) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum endpoint all[] = {endpoint_chat,      endpoint_completions, endpoint_messages,
                                        endpoint_responses, endpoint_generate,    endpoint_generate_stream};
    if (size < 3 || size > 100000) return 0;
    struct str rest = str_make((const char *)data + 3, size - 3);
    size_t cut = (size_t)(data[1] | data[2] << 8) % (rest.len + 1);
    const struct turn_said said = {.endpoint = all[data[0] % (sizeof all / sizeof *all)],
                                   .path_model = STR("m"),
                                   .body = str_slice(rest, 0, cut),
                                   .answer = str_slice(rest, cut, rest.len),
                                   .streamed = data[0] >> 7};
    struct arena arena;
    struct turn turn;
    arena_init(&arena, 4096, 64 << 20);
    if (turn_read(&said, &arena, &turn)) {
        for (size_t i = 0; i < turn.message_count; i++) object_check(turn.messages[i], &arena);
        if (turn.answer.len) object_check(turn.answer, &arena);
        if (turn.link_count > turn_links_max) abort();
        for (size_t i = 0; i < turn.link_count; i++)
            if (turn.links[i].known == 0 || turn.links[i].known > turn.message_count) abort();
    }
    struct trace_content content;
    if (trace_content_read(&said, NULL, &arena, &content)) {
        const struct str lists[] = {content.instructions, content.input, content.output};
        const char *problem;
        size_t at;
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
            if (lists[i].len && json_kind(json_parse_in(&arena, lists[i], &problem, &at)) != json_array) abort();
    }
    arena_free(&arena);
    return 0;
}
