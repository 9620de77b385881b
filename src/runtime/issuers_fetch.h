/* issuers_fetch.h - one reading of an issuer's keys over HTTP: a GET to the place that the configuration names, no
 * redirect followed, bounded in bytes and time. On the loop of the issuers. */
#ifndef WEIR_RUNTIME_ISSUERS_FETCH_H
#define WEIR_RUNTIME_ISSUERS_FETCH_H

#include "net/http_client.h"

struct issuer;
struct issuer_fetch;

/* NULL: no memory. Else issuer_fetched comes once, and never from inside. */
struct issuer_fetch *issuer_fetch_begin(struct loop *loop, struct http_client *client, struct issuer *issuer);
void issuer_fetch_cancel(struct issuer_fetch *fetch); /* NULL is fine; issuer_fetched does not come any more */

/* issuers.c: it has come; `failure`: why it has not, as the end of a sentence. max_age_s: so long its server says that
 * it holds; below 0: it does not say. */
void issuer_fetched(struct issuer *issuer, struct str failure, struct str text, int64_t max_age_s);
void issuer_missed(struct issuer *issuer, struct str why);

#endif
