/* flight_attempt.c - an attempt at one target: what is sent, when it has waited long enough, what its reply's head
 * means.
 */
#include <string.h>

#include "base/check.h"
#include "flight/flight_internal.h"
#include "flight/flight_trace.h"

/* Said by the configuration: not by a caller too. */
static bool attempt_is_ours(const struct provider *provider, struct str name) {
    if (provider->key_count && str_eq_nocase(name, provider->key_header)) return true;
    for (size_t i = 0; i < provider->header_count; i++)
        if (str_eq_nocase(name, provider->headers[i].name)) return true;
    return false;
}

static void attempt_header_put(struct http_header *headers, size_t *count, struct str name, struct str value) {
    headers[(*count)++] = (struct http_header){name, value};
}

/* The head for the provider, in the flight's arena. */
static bool call_headers(struct flight *flight, const struct attempt *attempt, struct action *action) {
    const struct provider *provider = attempt->target->provider;
    const struct http_header *also = &outbound_facts(provider->dialect)->also;
    size_t most = 6 + trace_headers + provider->header_count + flight->head.header_count, count = 0;
    struct http_header *headers = arena_take(&flight->arena, most * sizeof *headers);
    if (!headers) return false;
    if (provider->key_count)
        attempt_header_put(headers, &count, provider->key_header, provider->authorization[attempt->holds.key]);
    const struct way *way = attempt->way;
    bool typed = !str_empty(flight->head.content_type) && way->keeps_type;
    if (typed || !way->blind)
        attempt_header_put(headers, &count, STR("Content-Type"),
                           typed ? flight->head.content_type : STR("application/json"));
    if (!way->blind)
        attempt_header_put(headers, &count, STR("Accept"),
                           flight->request.stream ? STR("text/event-stream") : STR("*/*"));
    attempt_header_put(headers, &count, STR("Accept-Encoding"), STR("identity"));
    attempt_header_put(headers, &count, STR("User-Agent"), STR("weir"));
    for (size_t i = 0; i < provider->header_count; i++) headers[count++] = provider->headers[i];
    bool has_also = !also->name.len || attempt_is_ours(provider, also->name);
    for (size_t i = 0; i < flight->head.header_count; i++) {
        struct str name = flight->head.headers[i].name;
        if (attempt_is_ours(provider, name) || trace_is_said(flight, name)) continue;
        if (!way->passes_up(flight, provider, name)) continue;
        has_also = has_also || str_eq_nocase(flight->head.headers[i].name, also->name);
        headers[count++] = flight->head.headers[i];
    }
    if (!has_also) headers[count++] = *also;
    if (!attempt_is_ours(provider, STR("traceparent")) && !trace_say(flight, attempt->number, headers, &count))
        return false;
    CHECKF(count <= most, "count=%zu most=%zu", count, most);
    action->call.headers = headers;
    action->call.header_count = count;
    return true;
}

/* One more in the list. false: no memory. */
static bool attempts_room(struct flight *flight) {
    enum { at_first = 4 };
    if (flight->attempt_count < flight->attempt_room) return true;
    unsigned room = flight->attempt_room ? flight->attempt_room * 2 : at_first;
    struct attempt **bigger = arena_take(&flight->arena, room * sizeof(struct attempt *));
    if (!bigger) return false;
    for (unsigned i = 0; i < flight->attempt_count; i++) bigger[i] = flight->attempts[i];
    flight->attempts = bigger;
    flight->attempt_room = room;
    return true;
}

/* Their errors are nobody's answer any more: what is held does not grow with the targets that fail. */
static void errors_forget(struct flight *flight) {
    enum { may_hold = 2 }; /* the last one, and a hedge beside it */
    unsigned count = flight->attempt_count;
    for (unsigned i = count > may_hold ? count - may_hold : 0; i < count; i++)
        if (flight->attempts[i]->state == attempt_settled && !attempt_made_one(flight->attempts[i]))
            chunks_free(&flight->attempts[i]->reply.held);
}

static struct attempt *attempt_new(struct flight *flight, struct candidate *candidate, const struct holds *holds,
                                   struct now now) {
    CHECK(holds->gate && holds->provider_breaker); /* which its settling gives back */
    CHECK(candidate >= flight->choice.candidates && candidate < flight->choice.candidates + flight->choice.count);
    struct attempt *attempt = attempts_room(flight) ? arena_take_zeroed(&flight->arena, sizeof *attempt) : NULL;
    if (!attempt) return NULL;
    errors_forget(flight);
    attempt->target = candidate->target;
    attempt->candidate = candidate;
    attempt->holds = *holds;
    attempt->way = extent_is_open(&holds->money.extent) ? extend_way(flight, candidate->target)
                                                        : way_of(flight, candidate->target);
    CHECK(attempt->way);
    attempt->usage = USAGE_NONE;
    attempt->usage.meter = &attempt->meter;
    attempt->cost_nano_usd = attempt->reply.retry_after_ms = attempt->reply.content_length = -1;
    sse_init(&attempt->stream.sse);
    lines_init(&attempt->stream.lines);
    sse_hold_within(&attempt->stream.sse, flight->budget);
    lines_hold_within(&attempt->stream.lines, flight->budget);
    attempt->reply.masked.budget = flight->budget;
    chunks_init_spared(&attempt->reply.held, flight->budget, flight->host->chunk_spares);
    bool locks = candidate->level->around && level_is_locked(candidate->level); /* its own repeats are no retries */
    if (candidate->tries++)
        flight->choice.repeats += !locks;
    else if (flight->attempt_count && !flight->live && !calls_last(flight))
        flight->choice.failovers++;
    calls_join(flight, attempt);
    attempt_joins(flight, attempt, now);
    return attempt;
}

/* Where some of what is to be embedded is kept, and its target made that: it is asked for the rest (flight_inputs.c).
 */
static bool rest_ask(struct flight *flight, struct attempt *attempt) {
    struct flight_inputs *inputs = &flight->inputs;
    struct error error;
    struct str param = STR_NONE;
    attempt->asks_rest = inputs->rest.at && inputs->given && attempt->target == inputs->target;
    if (attempt->asks_rest == inputs->asks_rest) return true;
    bool was_read = flight->canonical.state == canonical_read;
    inputs->asks_rest = attempt->asks_rest;
    flight->body.whole = inputs->asks_rest ? inputs->rest : inputs->whole;
    translate_turn(flight, &inputs->other);
    if (!flight->door->read(flight, &error, &param)) return false;
    return !was_read || translate_read(flight, &error, &param);
}

static bool attempt_call(struct flight *flight, struct attempt *attempt, struct actions *out) {
    const struct provider *provider = attempt->target->provider;
    if (resume_has(flight) && !resume_begin(flight, attempt)) return false;
    if (!rest_ask(flight, attempt) || !attempt->way->request(flight, attempt)) return false;
    CHECKF(attempt->dialect.codec, "%s", attempt->way->name); /* reads the errors, whatever the way */
    struct action *action = actions_add(out, action_call);
    action->attempt = attempt->number;
    action->call.provider = provider;
    action->call.method = flight->head.method;
    action->call.path = attempt->request.path;
    action->call.body = attempt->request.body.ranges;
    action->call.body_count = attempt->request.body.count;
    if (call_headers(flight, attempt, action) && !flight_starved(flight))
        return true; /* else something may be missing */
    out->count--;
    return false;
}

bool attempt_begin(struct flight *flight, struct candidate *candidate, const struct holds *holds, uint32_t lock_epoch,
                   struct now now, struct actions *out) {
    struct attempt *attempt = attempt_new(flight, candidate, holds, now);
    if (!attempt) {
        hold_give_back(flight, candidate, holds, now, out);
        return false;
    }
    attempt->lock_epoch = lock_epoch;
    if (!attempt_call(flight, attempt, out)) {
        attempt->call_over = true;
        attempt_settle(flight, attempt, failure_system, now, out);
        return false;
    }
    prefix_begun(flight, attempt, now);
    return true;
}

/* How long a whole reply is waited for. */
static uint64_t reply_patience(const struct attempt *attempt, bool others) {
    enum { times_p99 = 4 };
    const struct target_cells *cells = attempt->target->cells;
    uint64_t most_ns = place_reply_ns(attempt->candidate), least_ns = place_first_token_ns(attempt->candidate);
    uint64_t p99_ns = others && cells && attempt->state < attempt_delivering ? latency_p99_read(&cells->p99) : 0;
    if (p99_ns == 0 || p99_ns >= most_ns / times_p99) return most_ns;
    uint64_t patience_ns = p99_ns * times_p99;
    if (patience_ns < least_ns) patience_ns = least_ns;
    return patience_ns < most_ns ? patience_ns : most_ns;
}

uint64_t attempt_deadline(const struct flight *flight, const struct attempt *attempt, bool others,
                          enum failure *failure) {
    enum { tail_wait_s = 1 };
    const struct provider *provider = attempt->target->provider;
    CHECK((attempt->state == attempt_settled) == (flight->state == flight_answered));
    if (flight->state == flight_answered) return attempt->ended_ns + tail_wait_s * NS_PER_S;
    if (attempt->stream.saw_done && attempt->state == attempt_delivering) { /* its answer is whole */
        *failure = failure_stall;
        return attempt->last_token_ns + tail_wait_s * NS_PER_S;
    }
    if (attempt->state == attempt_delivering && attempt->reply.mode == reply_events) {
        *failure = failure_stall;
        return flight->caller_is_full ? UINT64_MAX : attempt->last_token_ns + provider->stall_timeout_ns;
    }
    if (attempt->state == attempt_delivering && attempt->way->blind) {
        *failure = failure_stall;
        return flight->caller_is_full ? UINT64_MAX : attempt->last_token_ns + place_reply_ns(attempt->candidate);
    }
    uint64_t own = attempt->started_ns + (flight->request.stream ? place_first_token_ns(attempt->candidate)
                                                                 : reply_patience(attempt, others));
    *failure = flight->request.stream ? failure_first_token_timeout : failure_reply_timeout;
    if (attempt->state == attempt_delivering && flight->caller_is_full) return UINT64_MAX;
    if (own <= flight->times.deadline_ns) return own;
    *failure = failure_request_deadline;
    return flight->times.deadline_ns;
}

/* `named`: a Connection header stands among them, which may name it. */
static bool keeps(const struct attempt *attempt, const struct event *event, size_t at, bool named) {
    struct str name = event->headers[at].name;
    return attempt->way->passes_back(attempt->target->provider, name) &&
           !(named && header_is_named_by_connection(event->headers, event->header_count, name));
}

/* A name too may be of the provider's choice: x-ratelimit-... */
static struct str header_word(struct flight *flight, const struct attempt *attempt, struct str word) {
    struct str masked = masked_words(flight, attempt, word);
    return !masked.at && word.at ? STR_NONE : arena_copy(&flight->arena, masked);
}

/* What nearly all say of a reply is nobody's secret, and looked at no further. */
static struct str content_type_word(struct flight *flight, const struct attempt *attempt, struct str said) {
    static const struct str usual[] = {STR("application/json"), STR("application/json; charset=utf-8"),
                                       STR("text/event-stream"), STR("text/event-stream; charset=utf-8")};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (str_eq(said, usual[i])) return usual[i];
    return header_word(flight, attempt, said);
}

static bool reply_headers_keep(struct flight *flight, struct attempt *attempt, const struct event *event) {
    size_t kept = 0, places[limit_headers];
    CHECKF(event->header_count <= limit_headers, "header_count=%zu", event->header_count);
    const bool named = http_header_find(event->headers, event->header_count, STR("connection")).at != NULL;
    for (size_t i = 0; i < event->header_count; i++)
        if (keeps(attempt, event, i, named)) places[kept++] = i;
    attempt->reply.headers = kept ? arena_take(&flight->arena, kept * sizeof *attempt->reply.headers) : NULL;
    attempt->reply.content_type =
        content_type_word(flight, attempt, http_header_find(event->headers, event->header_count, STR("content-type")));
    if ((kept && !attempt->reply.headers) || !attempt->reply.content_type.at) return false;
    for (size_t i = 0; i < kept; i++) {
        const struct http_header *header = &event->headers[places[i]];
        struct http_header copy = {header_word(flight, attempt, header->name),
                                   header_word(flight, attempt, header->value)};
        if (!copy.name.at || !copy.value.at) return false;
        attempt->reply.headers[attempt->reply.header_count++] = copy;
    }
    return true;
}

/* In another coding than was asked for (identity). */
static bool is_encoded(const struct event *event) {
    struct str coding = str_trim(http_header_find(event->headers, event->header_count, STR("content-encoding")));
    return coding.len && !str_eq_nocase(coding, STR("identity"));
}

enum step attempt_head(struct flight *flight, struct attempt *attempt, const struct event *event, struct now now) {
    attempt_enter(flight, attempt, attempt_replying, now);
    attempt->reply.status = event->status;
    attempt->reply.until_close = event->until_close;
    attempt->reply.content_length = event->content_length;
    attempt->reply.limits = ratelimit_read(event->headers, event->header_count, now.wall_ns);
    attempt->reply.retry_after_ms = attempt->reply.limits.retry_after_ms;
    if (event->body_sent) attempt->body_sent = true;
    if (!reply_headers_keep(flight, attempt, event)) return attempt_fails(attempt, failure_system);
    if (!attempt->way->mode(flight, attempt, is_encoded(event)))
        return attempt_fails(attempt, failure_wrong_content_type);
    if (attempt->asks_rest && attempt->reply.mode == reply_opaque)
        return attempt_fails(attempt, failure_wrong_content_type); /* it is joined with what is kept, or is nothing */
    if (resume_has(flight) && attempt->reply.mode != reply_events && attempt->reply.mode != reply_error)
        return attempt_fails(attempt, failure_wrong_content_type); /* no stream to go on with */
    bool streams = attempt->reply.mode == reply_events || attempt->reply.mode == reply_error;
    if (!streams && !extend_whole(flight, attempt, now)) return attempt_fails(attempt, failure_wrong_content_type);
    CHECKF(attempt->reply.mode != reply_events || flight->request.stream, "%s", attempt->way->name);
    return step_on;
}
