/* sse.h - framing of server-sent events (WHATWG HTML, 9.2.6): LF, CRLF and CR line ends, comments, a byte order mark,
 * events split at any byte. Sans-IO; memory only for an event that a read has cut. */
#ifndef WEIR_DIALECT_SSE_H
#define WEIR_DIALECT_SSE_H

#include "base/arena.h"

struct sse_event {
    struct str raw;    /* the whole event with the blank line that ends it, as received: what is passed on */
    struct str event;  /* the event: field, or empty */
    struct str data;   /* the data: lines joined by LF (in scratch when there are several), without the prefix */
    bool comment_only; /* no data line at all: keep-alive comments, retry:, id: */
    bool borrowed; /* raw points into the bytes just fed (false: into sse's own memory, good until the next sse_next) */
};

struct sse {
    char *held; /* the beginning of an event that is not complete */
    size_t held_len, held_size;
    struct budget *budget;  /* what it is counted in; NULL: nothing */
    struct str fed;         /* what is not consumed yet */
    bool started;           /* the byte order mark has been looked for */
    unsigned char mark_len; /* bytes of it that were seen */
    size_t scanned;         /* bytes of held + fed that need no second look */
};

void sse_init(struct sse *sse);
/* From now on what it holds is counted there. Before the first bytes. */
void sse_hold_within(struct sse *sse, struct budget *budget);
void sse_free(struct sse *sse);
/* Gives the next bytes; then sse_next until it answers sse_more. The bytes stay the caller's and must live until then.
 */
void sse_feed(struct sse *sse, struct str bytes);
enum sse_result { sse_more, sse_got_event, sse_too_large /* over limit_sse_event */, sse_no_memory };
enum sse_result sse_next(struct sse *sse, struct arena *scratch, struct sse_event *event);
/* Bytes of an event that has begun and not ended (at the stream's end: was it cut?). Blank bytes do not count. */
size_t sse_pending(const struct sse *sse);

#endif
