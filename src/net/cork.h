/* cork.h - what the streams of a loop write in a turn leaves together, at the turn's end. A send that wakes a peer
 * which sleeps on another core costs the sender microseconds; woken once, it is awake for the sends behind it. Only net
 * includes it. */
#ifndef WEIR_NET_CORK_H
#define WEIR_NET_CORK_H

#include "net/loop.h"

struct stream;

enum {
    cork_entries = 32,          /* streams: the first one waits for what is done for so many */
    cork_len_max = 4 * 1024,    /* of one write: what is longer goes at once */
    cork_bytes_max = 64 * 1024, /* of all */
    cork_read_max = 64 * 1024,  /* that may be read (and worked on) while something waits */
};

struct cork {
    struct loop_deferred turn_end;
    size_t count, used, read;
    struct cork_entry {
        struct stream *stream; /* NULL: it has been sent, or given up */
        size_t at, len;
    } entries[cork_entries];
    char bytes[cork_bytes_max]; /* heads with credentials too: it lies in the loop's pages */
};

void cork_begin(struct cork *cork);
/* Keeps a copy for the turn's end. false: it is not for the cork, and what stood in it for this stream has been sent:
 * send at once. */
bool cork_put(struct stream *stream, const struct str *ranges, size_t count, size_t whole);
/* Sends what waits for this stream. */
void cork_send(struct stream *stream);
/* Forgets it. */
void cork_drop(struct stream *stream);
/* So much has been read: who waits does not wait for more than cork_read_max of it. */
void cork_read(struct loop *loop, size_t len);

#endif
