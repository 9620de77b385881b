/* flight_rest.c - the rest of a stream that broke off, a way: from a target of any dialect, told by the writer that
 * wrote what the caller has. What is asked for and what is taken of the answer is flight_resume.c's. */
#include "dialect/openai/openai_codec.h"
#include "dialect/quirks.h"
#include "flight/flight_internal.h"

bool rest_fits(struct flight *flight, const struct target *target, struct error *error) {
    return splice_can(flight, target) || translate_fits(flight, target, error);
}

bool rest_request(struct flight *flight, struct attempt *attempt) {
    const struct provider *provider = attempt->target->provider;
    struct str delivered = chunks_whole(&flight->resume.delivered);
    attempt->dialect.writer = flight->resume.writer;
    if (flight->resume.delivered.len && !delivered.at) return false;
    if (!continuation_begin(&attempt->continuation->text, delivered, &flight->arena)) return false;
    if (!splice_can(flight, attempt->target)) return translate_request(flight, attempt);
    attempt->dialect.quirks = quirks_of(provider->row->quirks, attempt->target->model);
    attempt->dialect.reader = arena_take_zeroed(&flight->arena, codec_openai.reader_size);
    return attempt->dialect.reader && splice_request(flight, attempt);
}
