/* webhook.h - alerts to one URL of the operator's, in order, each signed and tried again until it is taken. On one
 * loop, which a receiver that hangs does not hold up; what waits is bounded, and what is given up is told.
 *
 * Each post has a header `weir-signature: t=SECONDS,v1=HEX`: HEX is the HMAC-SHA256, under the secret, of
 * "SECONDS.BODY". Who gets it compares both, and refuses what is older than some minutes. */
#ifndef WEIR_RUNTIME_WEBHOOK_H
#define WEIR_RUNTIME_WEBHOOK_H

#include "net/http_client.h"
#include "observe/log.h"
#include "snapshot/snapshot.h"

struct webhook;

enum webhook_outcome { webhook_delivered, webhook_failed, webhook_dropped };
/* What is posted: of an alert its beginning or its end. */
struct webhook_post {
    uint64_t id;
    bool ended;
};
/* `why`: as words, where it was not delivered. Failed: it is tried again. */
typedef void webhook_told(void *context, struct webhook_post of, enum webhook_outcome outcome, struct str why);

/* NULL: no memory. */
struct webhook *webhook_new(struct loop *loop, webhook_told *told, void *context);
/* Where it is posted from now on; NULL, or an empty URL: nowhere, and what waits is forgotten. Where it is posted
 * already: nothing. Reads CA files where that changes. false: *error, and it stays as it was. */
bool webhook_set(struct webhook *webhook, const struct alert_hook *hook, struct error *error);
bool webhook_is_set(const struct webhook *webhook);
/* A JSON object, copied. What is too much is dropped, and told so before this returns. */
void webhook_post(struct webhook *webhook, struct webhook_post of, struct str body);
size_t webhook_waiting(const struct webhook *webhook);
void webhook_free(struct webhook *webhook); /* NULL is fine */

/* t=SECONDS,v1=HEX. Pure. */
void webhook_sign(struct str secret, int64_t now_s, struct str body, struct text *text);

#endif
