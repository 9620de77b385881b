/* flight_masked.c - the credentials that an attempt sent do not come back. All that a provider says is masked where it
 * comes in, before anything reads it: so it is in what the caller gets, in errors, in what is stored, logged and
 * explained. What is decoded and written anew is masked again as it is written: escapes may have hidden it. Lengths
 * stay as they are. A provider's mask knows all of its keys: it may quote an earlier attempt's. */
#include "base/check.h"
#include "flight/flight_internal.h"

static const struct credentials *credentials_of(const struct attempt *attempt) {
    return &attempt->target->provider->credentials;
}

/* Errors are words: there short credentials are looked for too. */
static const struct mask *mask_of(const struct attempt *attempt) {
    return attempt->reply.status >= 300 ? credentials_of(attempt)->in_words : credentials_of(attempt)->anywhere;
}

bool masked_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct str *out) {
    return mask_pass(mask_of(attempt), &attempt->reply.masked, bytes, flight->host->scratch, out);
}

bool masked_body_end(struct flight *flight, struct attempt *attempt, struct str *out) {
    return mask_end(mask_of(attempt), &attempt->reply.masked, flight->host->scratch, out);
}

static struct str masked_by(const struct mask *mask, struct str words, struct flight *flight) {
    struct str masked = mask_whole(mask, words, flight->host->scratch);
    CHECKF(!masked.at || masked.len == words.len, "len=%zu was %zu", masked.len, words.len);
    return masked;
}

struct str masked_words(struct flight *flight, const struct attempt *attempt, struct str words) {
    return masked_by(credentials_of(attempt)->in_words, words, flight);
}

struct str masked_text(struct flight *flight, const struct attempt *attempt, struct str text) {
    return masked_by(mask_of(attempt), text, flight);
}
