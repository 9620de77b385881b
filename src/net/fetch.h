/* fetch.h - one file from the web, for whoever cannot fetch it itself: http and https only, public addresses only
 * (looked up once, checked, and these very ones connected to), limited in size, time and redirects, each of which is
 * checked as the first address was. On one loop. */
#ifndef WEIR_NET_FETCH_H
#define WEIR_NET_FETCH_H

#include "base/chunks.h"
#include "net/http_client.h"

struct fetch;

/* Outlives the fetch. */
struct fetch_rules {
    size_t bytes_max;
    uint64_t timeout_ns; /* all of it: lookups, redirects, the last byte */
    const struct network *allowed;
    size_t allowed_count;    /* networks that are asked though they are not public */
    struct tls_context *tls; /* for https; NULL: it is not fetched */
    uint64_t caller;         /* who chose the URL, as a number, not 0: lookups are shared out by it */
};

/* `failure`: why there is nothing, as the end of a sentence; empty: `bytes` are all of it, borrowed during the call,
 * and `content_type` what the server said. */
typedef void fetch_done(void *owner, struct str failure, struct str bytes, struct str content_type);

/* `done` comes once, never from inside. The URL is copied. NULL: no memory. */
struct fetch *fetch_start(struct loop *loop, struct http_client *client, struct budget *budget,
                          const struct fetch_rules *rules, struct str url, fetch_done *done, void *owner);
/* `done` does not come any more. */
void fetch_cancel(struct fetch *fetch);

#endif
