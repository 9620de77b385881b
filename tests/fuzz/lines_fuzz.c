/* lines_fuzz.c - a stream of lines fed in three pieces gives the lines of the stream fed whole. The first two bytes say
 * where it is cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    uint64_t hash;
    size_t lines, raw_len;
};

static void tell(struct told *told, const struct sse_event *event) {
    told->raw_len += event->raw.len;
    if (event->comment_only) return;
    told->lines++;
    told->hash = told->hash * 31 + str_hash(event->data);
}

static void feed(struct lines *lines, struct str bytes, struct told *told) {
    char *copy = malloc(bytes.len ? bytes.len : 1); /* so that nothing may point into it later */
    struct sse_event event;
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    lines_feed(lines, str_make(copy, bytes.len));
    for (enum sse_result result; (result = lines_next(lines, &event)) != sse_more; tell(told, &event))
        if (result != sse_got_event) abort();
    free(copy);
}

static struct told whole_of(struct str stream, size_t first, size_t second) {
    struct told told = {0};
    struct sse_event event;
    struct lines lines;
    lines_init(&lines);
    feed(&lines, str_slice(stream, 0, first), &told);
    feed(&lines, str_slice(stream, first, second), &told);
    feed(&lines, str_slice(stream, second, stream.len), &told);
    if (lines_last(&lines, &event)) tell(&told, &event);
    lines_free(&lines);
    return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 60000) return 0;
    struct str stream = str_make((const char *)data + 2, size - 2);
    size_t first = data[0] % (stream.len + 1), second = first + data[1] % (stream.len - first + 1);
    struct told whole = whole_of(stream, stream.len, stream.len), cut = whole_of(stream, first, second);
    if (whole.hash != cut.hash || whole.lines != cut.lines || whole.raw_len != cut.raw_len) abort();
    return 0;
}
