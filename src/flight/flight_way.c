/* flight_way.c - the table of doors and ways, and the choice of each. */
#include "flight/flight_way.h"

#include "base/header_names.h"
#include "flight/flight_internal.h"

/* -- what several share -- */

/* The caller's headers of its dialect's list, and those that a provider's forward_headers adds. Which of them go up is
 * each provider's affair. */
static bool model_keeps(const struct flight *flight, const struct flight_request *request, unsigned uses,
                        struct str name) {
    const struct snapshot *snapshot = flight->snapshot;
    (void)request;
    if (outbound_forwards(flight->codec->dialect, uses)) return true;
    for (size_t p = 0; p < snapshot->provider_count; p++)
        for (size_t i = 0; i < snapshot->providers[p].forward_header_count; i++)
            if (str_eq_nocase(name, snapshot->providers[p].forward_headers[i])) return true;
    return false;
}

static bool model_passes_up(const struct flight *flight, const struct provider *provider, struct str name) {
    (void)flight;
    if (outbound_forwards(provider->dialect, header_uses(name))) return true;
    for (size_t i = 0; i < provider->forward_header_count; i++)
        if (str_eq_nocase(name, provider->forward_headers[i])) return true;
    return false;
}

/* What of a provider's head goes back to the caller: its rate limits, its retry advice, its request id. Never cookies,
 * never account headers. */
static bool model_passes_back(const struct provider *provider, struct str name) {
    if (header_uses(name) & header_returns) return true;
    for (size_t i = 0; i < provider->forward_header_count; i++)
        if (str_eq_nocase(name, provider->forward_headers[i])) return true;
    return false;
}

static int status_as_it_is(const struct flight *flight, int status) { return (void)flight, status; }

/* Errors and JSON; a stream by its content type. In another coding than was asked for nobody can look for what must not
 * come back. */
static bool mode_by_type(const struct flight *flight, struct attempt *attempt, bool encoded) {
    struct str type = attempt->reply.content_type;
    if (attempt->reply.status >= 300)
        attempt->reply.mode = reply_error;
    else if (encoded)
        return false;
    else if (str_starts_nocase(type, STR("text/event-stream")))
        attempt->reply.mode = flight->request.stream ? reply_events : reply_opaque;
    else if (str_empty(type) || str_starts_nocase(type, STR("application/json")))
        attempt->reply.mode = reply_whole;
    else
        return false;
    return true;
}

/* Its codec's own framing beside those. */
static bool mode_by_codec(const struct flight *flight, struct attempt *attempt, bool encoded) {
    const struct codec *codec = attempt->dialect.codec;
    bool streams = flight->request.stream && codec->framing != framing_sse && attempt->reply.status < 300 && !encoded &&
                   str_starts_nocase(attempt->reply.content_type, codec->stream_content_type);
    if (!streams) return mode_by_type(flight, attempt, encoded);
    attempt->reply.mode = reply_events;
    return true;
}

static bool mode_opaque(const struct flight *flight, struct attempt *attempt, bool encoded) {
    (void)flight;
    attempt->reply.mode = attempt->reply.status >= 300 ? reply_error : reply_opaque;
    return attempt->reply.mode == reply_error || !encoded;
}

static bool mode_raw(const struct flight *flight, struct attempt *attempt, bool encoded) {
    (void)flight;
    attempt->reply.mode = attempt->reply.status == 401 ? reply_error : reply_opaque; /* that is weir's own key */
    return attempt->reply.mode == reply_error || !encoded;
}

/* What is written anew has the content type of what it becomes. */
static bool mode_translated(const struct flight *flight, struct attempt *attempt, bool encoded) {
    if (!mode_by_codec(flight, attempt, encoded)) return false;
    if (attempt->reply.mode == reply_error) return true;
    bool streams = attempt->reply.mode == reply_events || reply_is_told_as_stream(flight, attempt);
    bool json = !streams || flight->head.wants_array;
    attempt->reply.content_type = json ? STR("application/json") : flight->codec->stream_content_type;
    return true;
}

/* -- the ways -- */

/* OpenAI's own words on both sides. */
const struct way way_splice = {.name = "splice",
                               .fits = splice_fits,
                               .request = splice_request,
                               .passes_up = model_passes_up,
                               .passes_back = model_passes_back,
                               .mode = mode_by_type,
                               .delivers = splice_delivers,
                               .event = splice_event,
                               .ends_as = &way_splice,
                               .finish = splice_end,
                               .cut = splice_cut,
                               .whole = splice_whole,
                               .usage = usage_of_tail,
                               .error = splice_error_tell,
                               .keeps_type = true,
                               .cuts_all = true,
                               .continues = true};

/* The same where the reply is audio or text. */
const struct way way_opaque = {.name = "opaque",
                               .fits = splice_fits,
                               .request = splice_request,
                               .passes_up = model_passes_up,
                               .passes_back = model_passes_back,
                               .mode = mode_opaque,
                               .event = splice_event,
                               .whole = splice_whole,
                               .usage = usage_of_tail,
                               .error = splice_error_tell,
                               .keeps_type = true};

/* Another dialect's words on both sides: read by its code, passed as they came. */
const struct way way_alike = {.name = "alike",
                              .fits = translate_fits,
                              .request = translate_request,
                              .passes_up = model_passes_up,
                              .passes_back = model_passes_back,
                              .mode = mode_by_codec,
                              .event = events_take,
                              .ends_as = &way_anew,
                              .finish = events_end,
                              .cut = extend_cut,
                              .whole = translate_whole,
                              .usage = usage_of_tail,
                              .error = translate_error_pass};

/* From one dialect to another. */
const struct way way_translate = {.name = "translate",
                                  .fits = translate_fits,
                                  .request = translate_request,
                                  .passes_up = model_passes_up,
                                  .passes_back = model_passes_back,
                                  .mode = mode_translated,
                                  .event = events_take,
                                  .ends_as = &way_translate,
                                  .finish = events_end,
                                  .cut = events_cut,
                                  .whole = translate_whole,
                                  .part = events_part,
                                  .usage = usage_of_tail,
                                  .error = translate_error_tell,
                                  .writes_anew = true,
                                  .continues = true};

/* The same dialect, where the stream may have to go on elsewhere: asked in the caller's own words, and told in weir's.
 */
const struct way way_anew = {.name = "anew",
                             .fits = translate_fits,
                             .request = translate_request,
                             .passes_up = model_passes_up,
                             .passes_back = model_passes_back,
                             .mode = mode_translated,
                             .event = events_take,
                             .ends_as = &way_anew,
                             .finish = events_end,
                             .cut = events_cut,
                             .whole = translate_whole,
                             .usage = usage_of_tail,
                             .error = translate_error_pass,
                             .writes_anew = true,
                             .continues = true};

/* The rest of a stream that broke off, from any dialect. */
const struct way way_rest = {.name = "rest",
                             .fits = rest_fits,
                             .request = rest_request,
                             .passes_up = model_passes_up,
                             .passes_back = model_passes_back,
                             .mode = mode_translated,
                             .event = events_take,
                             .ends_as = &way_rest,
                             .finish = events_end,
                             .cut = events_cut,
                             .whole = translate_whole,
                             .usage = usage_of_tail,
                             .error = translate_error_tell,
                             .writes_anew = true,
                             .continues = true,
                             .goes_on = true};

/* A provider's own API. */
const struct way way_raw = {.name = "raw",
                            .request = raw_request,
                            .passes_up = raw_passes_up_now,
                            .passes_back = raw_passes_back,
                            .mode = mode_raw,
                            .event = splice_event,
                            .whole = splice_whole,
                            .usage = usage_of_tail,
                            .error = splice_error_tell,
                            .keeps_type = true,
                            .blind = true};

/* -- the doors -- */

static const struct way *way_from_openai(const struct flight *flight, const struct target *target) {
    if (resume_has(flight)) return &way_rest;
    if (calls_has(flight) || !splice_can(flight, target)) return &way_translate;
    return endpoint_facts(flight->endpoint)->reply == endpoint_reply_any ? &way_opaque : &way_splice;
}

static const struct way *way_from_codec(const struct flight *flight, const struct target *target) {
    if (resume_has(flight)) return &way_rest;
    if (calls_has(flight) || translate_needed(flight, target)) return &way_translate;
    bool anew = resume_may(flight) && endpoint_facts(flight->endpoint)->dialect != dialect_responses;
    return anew ? &way_anew : &way_alike; /* what is stored at the provider keeps its name there */
}

static const struct way *way_from_raw(const struct flight *flight, const struct target *target) {
    return (void)flight, (void)target, &way_raw;
}

const struct door door_openai = {.keeps = model_keeps,
                                 .read = splice_read,
                                 .status = status_as_it_is,
                                 .write_break = splice_write_break,
                                 .way = way_from_openai};

const struct door door_codec = {.keeps = model_keeps,
                                .read = translate_admit,
                                .status = translate_status,
                                .write_break = translate_write_break,
                                .way = way_from_codec};

const struct door door_raw = {.keep = raw_keep,
                              .keeps = raw_keeps,
                              .admit = raw_admit,
                              .status = status_as_it_is,
                              .write_break = splice_write_break,
                              .way = way_from_raw};

const struct door *door_of(enum endpoint endpoint) {
    if (endpoint == endpoint_raw) return &door_raw;
    return endpoint_facts(endpoint)->dialect == dialect_openai ? &door_openai : &door_codec;
}

const struct way *way_of(const struct flight *flight, const struct target *target) {
    return flight->door->way(flight, target);
}
