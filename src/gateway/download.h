/* download.h - an answer that is too long to be held: lines, a page at a time, each made on another thread when the
 * caller has read those before it. What breaks in the middle breaks the connection, so that nobody takes a part for the
 * whole. On the visit's worker. */
#ifndef WEIR_GATEWAY_DOWNLOAD_H
#define WEIR_GATEWAY_DOWNLOAD_H

#include "gateway/visit.h"

enum { download_page_bytes = 256 * 1024 };

/* Begins what holds the rest of it; freed by its own `release`. */
struct download {
    struct visit *visit;
    void (*next)(struct download *download); /* has a page made: download_page tells of it, now or later */
    void (*release)(struct download *download);
    bool begun, waits; /* the head is out; the caller is to read first */
};

/* Takes it over, and answers the visit by it. */
void download_begin(struct download *download, struct visit *visit);
/* The next page: borrowed, and perhaps empty. `last`: nothing follows. */
void download_page(struct download *download, struct str page, bool last);
/* There is none: this is why. */
void download_failed(struct download *download, enum error_code code, struct str problem);
/* The caller has read. NULL is fine. */
void download_writable(struct download *download);

#endif
