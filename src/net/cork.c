/* cork.c - the writes of a turn, gathered, and sent one stream after the other. A stream has at most one entry; what it
 * writes while its entry is the last one goes behind it there, else the entry leaves first. */
#include "net/cork.h"

#include <string.h>

#include "base/check.h"
#include "net/stream_internal.h"

static struct cork_entry *cork_entry_of(struct stream *stream) {
    struct cork *cork = loop_cork(stream->loop);
    CHECKF(stream->corked <= cork->count, "corked=%u count=%zu", stream->corked, cork->count);
    struct cork_entry *entry = &cork->entries[stream->corked - 1];
    CHECK(entry->stream == stream);
    return entry;
}

static struct str cork_entry_take(struct stream *stream, const struct cork *cork) {
    struct cork_entry *entry = cork_entry_of(stream);
    entry->stream = NULL;
    stream->corked = 0;
    return str_make(cork->bytes + entry->at, entry->len);
}

void cork_send(struct stream *stream) {
    if (!stream->corked) return;
    struct str bytes = cork_entry_take(stream, loop_cork(stream->loop));
    stream_send_now(stream, &bytes, 1);
}

void cork_drop(struct stream *stream) {
    if (stream->corked) cork_entry_take(stream, loop_cork(stream->loop));
}

static void cork_send_all(struct cork *cork) {
    for (size_t i = 0; i < cork->count; i++)
        if (cork->entries[i].stream) cork_send(cork->entries[i].stream);
    cork->count = cork->used = cork->read = 0;
}

static void cork_turn_end(void *context) { cork_send_all(context); }

void cork_begin(struct cork *cork) {
    cork->turn_end.run = cork_turn_end;
    cork->turn_end.context = cork;
}

void cork_read(struct loop *loop, size_t len) {
    struct cork *cork = loop_cork(loop);
    if (!cork->count) return;
    cork->read += len;
    if (cork->read > cork_read_max) cork_send_all(cork);
}

bool cork_put(struct stream *stream, const struct str *ranges, size_t count, size_t whole) {
    struct cork *cork = loop_cork(stream->loop);
    bool is_last = stream->corked && stream->corked == cork->count;
    bool fits = whole <= cork_len_max && !stream->unsent && !stream->closing;
    if (!fits || !is_last) cork_send(stream);
    if (!fits || stream->unsent || stream->unwritable) return false;
    if (whole > cork_bytes_max - cork->used || (!is_last && cork->count == cork_entries)) cork_send_all(cork);
    if (stream->unsent || stream->unwritable) return false;
    if (!stream->corked) {
        cork->entries[cork->count] = (struct cork_entry){.stream = stream, .at = cork->used};
        stream->corked = (unsigned)++cork->count;
        loop_defer(stream->loop, &cork->turn_end);
    }
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].len) memcpy(cork->bytes + cork->used, ranges[i].at, ranges[i].len);
        cork->used += ranges[i].len;
    }
    cork_entry_of(stream)->len += whole;
    CHECKF(cork->used <= cork_bytes_max && cork_entry_of(stream)->at + cork_entry_of(stream)->len == cork->used,
           "used=%zu", cork->used);
    return true;
}
