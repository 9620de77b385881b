/* sse_fuzz.c - a stream fed in three pieces gives the events of the stream fed whole. The first two bytes say where it
 * is cut. */
#include <stdlib.h>
#include <string.h>

#include "dialect/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    uint64_t hash;
    size_t events, raw_len;
};

static void feed(struct sse *sse, struct arena *arena, struct str bytes, struct told *told) {
    char *copy = malloc(bytes.len ? bytes.len : 1); /* so that nothing may point into it later */
    struct sse_event event;
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    sse_feed(sse, str_make(copy, bytes.len));
    for (enum sse_result result; (result = sse_next(sse, arena, &event)) != sse_more;) {
        if (result != sse_got_event) abort();
        told->raw_len += event.raw.len;
        if (event.comment_only) continue;
        told->events++;
        told->hash = told->hash * 31 + str_hash(event.data) * 7 + str_hash(event.event);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 60000) return 0;
    struct str stream = str_make((const char *)data + 2, size - 2);
    size_t first = data[0] % (stream.len + 1), second = first + data[1] % (stream.len - first + 1);
    struct told whole = {0}, cut = {0};
    struct arena arena;
    struct sse sse;
    arena_init(&arena, 4096, 64 << 20);
    sse_init(&sse);
    feed(&sse, &arena, stream, &whole);
    size_t pending = sse_pending(&sse);
    sse_free(&sse);
    arena_reset(&arena);
    sse_init(&sse);
    feed(&sse, &arena, str_slice(stream, 0, first), &cut);
    feed(&sse, &arena, str_slice(stream, first, second), &cut);
    feed(&sse, &arena, str_slice(stream, second, stream.len), &cut);
    if (whole.hash != cut.hash || whole.events != cut.events || whole.raw_len != cut.raw_len) abort();
    if (pending != sse_pending(&sse)) abort();
    sse_free(&sse);
    arena_free(&arena);
    return 0;
}
