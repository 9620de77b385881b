/* otlp_post.h - one body after the other to a collector's path: a body is posted, and again after a while where it may
 * be taken later, until it is delivered or given up. On one loop, which a collector that hangs does not hold up. */
#ifndef WEIR_RUNTIME_OTLP_POST_H
#define WEIR_RUNTIME_OTLP_POST_H

#include "base/prng.h"
#include "net/http_client.h"
#include "observe/metrics.h"
#include "snapshot/snapshot.h"

/* The body is over, or (failed) is tried again. `count`: of what stands in it. */
typedef void otlp_told(void *context, enum metrics_signal signal, enum metrics_post outcome, size_t count,
                       struct str why);

/* Where to: of the exporter, and the same for both signals. */
struct otlp_place {
    struct origin origin;
    struct str path; /* of the base URL */
    const struct http_header *headers;
    size_t header_count;
    uint64_t timeout_ns;
};

struct otlp_post {
    struct loop *loop;
    struct http_client *client;
    const struct otlp_place *place;
    enum metrics_signal signal;
    otlp_told *told;
    void *context;
    struct prng prng;
    struct arena arena, bodies; /* of a try; of the body, whose room stays for the next */
    struct text body;
    struct str bytes;
    size_t count;
    unsigned tries;
    struct call *call;
    struct timer timer;
    int status;
    uint64_t after_ns; /* the collector asks for so much patience */
    bool busy;
};

void otlp_post_init(struct otlp_post *post, struct loop *loop, struct http_client *client,
                    const struct otlp_place *place, enum metrics_signal signal, otlp_told *told, void *context);
/* What the next body is written into; only while it is not busy. */
struct text *otlp_post_body(struct otlp_post *post);
/* Begins with it. A body that failed for want of memory is given up at once. */
void otlp_post_send(struct otlp_post *post, size_t count);
/* The place is about to change: what is under way is broken off. Then: it is tried anew there, or given up. */
void otlp_post_break(struct otlp_post *post);
void otlp_post_again(struct otlp_post *post, bool there);
void otlp_post_free(struct otlp_post *post);

#endif
