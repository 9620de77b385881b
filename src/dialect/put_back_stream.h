/* put_back_stream.h - placeholders put back into an answer as it goes to its caller, whole or as a stream of events. A
 * model says a placeholder in several pieces, each in an event of its own: an event whose text ends
 * in what may be the beginning of one waits for the next of its kind, and gives it that end. Nothing else waits. Not
 * thread-safe. */
#ifndef WEIR_DIALECT_PUT_BACK_STREAM_H
#define WEIR_DIALECT_PUT_BACK_STREAM_H

#include "dialect/placeholders.h"
#include "dialect/sse.h"

enum { put_back_channels_max = 16 }; /* texts that may wait at once: of several answers, or calls of tools */

/* put_back_list: Google's stream as one JSON list, whose elements are as events. */
enum put_back_form { put_back_json, put_back_events, put_back_list };

struct put_back_stream {
    struct putting_back putting; /* of what are no events */
    const struct placeholders *placeholders;
    struct budget *budget;
    enum put_back_form form;
    struct sse sse;
    struct put_back_list {
        char *bytes; /* of the element that is read */
        size_t len, room, told;
        unsigned depth; /* within it; 0: in none */
        bool opened, in_string, escaped;
    } list;
    struct put_back_held {
        uint64_t channel;
        char *bytes;
        size_t len, from, to; /* its last bytes of text, which may go to the next event */
    } held[put_back_channels_max];
    size_t held_count;
};

/* put_back_json: in any cut. */
void put_back_begin(struct put_back_stream *stream, const struct placeholders *placeholders, enum put_back_form form,
                    struct budget *budget);
/* What may be passed on: appended to text, which grows in scratch. false: no memory, or an event that is too large. */
bool put_back_take(struct put_back_stream *stream, struct str bytes, struct text *text);
bool put_back_finish(struct put_back_stream *stream, struct text *text);
void put_back_free(struct put_back_stream *stream);

#endif
