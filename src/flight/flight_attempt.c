/* flight_attempt.c - an attempt at one target: what is sent, when it has waited long enough, what its reply's head
 * means.
 */
#include <string.h>

#include "base/check.h"
#include "base/header_names.h"
#include "flight/flight_internal.h"

static bool passes_up(const struct provider *provider, struct str name) {
    if (outbound_forwards(provider->dialect, header_uses(name))) return true;
    for (size_t i = 0; i < provider->forward_header_count; i++)
        if (str_eq_nocase(name, provider->forward_headers[i])) return true;
    return false;
}

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
    size_t most = 6 + provider->header_count + flight->forward_count, count = 0;
    struct http_header *headers = arena_take(&flight->arena, most * sizeof *headers);
    if (!headers) return false;
    if (provider->key_count)
        attempt_header_put(headers, &count, provider->key_header, provider->authorization[attempt->holds.key]);
    bool raw = flight->endpoint == endpoint_raw, kept = raw && client_is_kept(flight);
    bool typed = !str_empty(flight->content_type) && !attempt->codec;
    if (typed || !raw)
        attempt_header_put(headers, &count, STR("Content-Type"),
                           typed ? flight->content_type : STR("application/json"));
    if (!raw)
        attempt_header_put(headers, &count, STR("Accept"),
                           flight->request.stream ? STR("text/event-stream") : STR("*/*"));
    attempt_header_put(headers, &count, STR("Accept-Encoding"), STR("identity"));
    attempt_header_put(headers, &count, STR("User-Agent"), STR("weir"));
    for (size_t i = 0; i < provider->header_count; i++) headers[count++] = provider->headers[i];
    bool has_also = !also->name.len || attempt_is_ours(provider, also->name);
    for (size_t i = 0; i < flight->forward_count; i++) {
        struct str name = flight->forward[i].name;
        if (attempt_is_ours(provider, name)) continue;
        if (raw ? kept && !raw_passes_up_kept(provider, name) : !passes_up(provider, name)) continue;
        has_also = has_also || str_eq_nocase(flight->forward[i].name, also->name);
        headers[count++] = flight->forward[i];
    }
    if (!has_also) headers[count++] = *also;
    CHECKF(count <= most, "count=%zu most=%zu", count, most);
    action->call.headers = headers;
    action->call.header_count = count;
    return true;
}

static struct attempt *attempt_new(struct flight *flight, struct candidate *candidate, const struct holds *holds,
                                   struct now now) {
    struct attempt *attempt = arena_take_zeroed(&flight->arena, sizeof *attempt);
    if (!attempt) return NULL;
    attempt->target = candidate->target;
    attempt->candidate = candidate;
    attempt->holds = *holds;
    attempt->usage = USAGE_NONE;
    attempt->cost_nano_usd = attempt->retry_after_ms = attempt->content_length = -1;
    sse_init(&attempt->sse);
    lines_init(&attempt->lines);
    sse_hold_within(&attempt->sse, flight->budget);
    lines_hold_within(&attempt->lines, flight->budget);
    attempt->masked.budget = flight->budget;
    chunks_init_spared(&attempt->held, flight->budget, flight->host->chunk_spares);
    attempt_joins(flight, attempt, now);
    attempt->continues = flight->resumed;
    if (attempt->continues) attempt->pending = text_in_arena(&flight->arena, 256);
    candidate->tries++;
    return attempt;
}

/* The body as it was sent, with a few ranges replaced; the path of the provider's that is the caller's. */
static bool spliced_request(struct flight *flight, struct attempt *attempt) {
    const struct provider *provider = attempt->target->provider;
    const struct endpoint_facts *endpoint = endpoint_facts(flight->endpoint);
    bool multipart = endpoint->body == endpoint_body_multipart;
    bool has_usage_chunk = flight->endpoint == endpoint_chat || flight->endpoint == endpoint_completions;
    attempt->asked_usage =
        flight->request.stream && provider->stream_options && has_usage_chunk && !flight->request.include_usage;
    struct openai_request request = flight->request;
    if (provider->row->prefill && flight->resumed) request.continuation = flight->prefill;
    if (!openai_splice(flight->whole_body, &request, multipart, attempt->target->model, attempt->asked_usage,
                       &flight->arena, &attempt->body))
        return false;
    struct text path = text_in_arena(&flight->arena, provider->base.path.len + endpoint->path.len);
    text_put(&path, provider->base.path);
    text_put(&path, endpoint->path);
    attempt->path = text_str(&path);
    return !path.failed;
}

static bool attempt_call(struct flight *flight, struct attempt *attempt, struct actions *out) {
    const struct provider *provider = attempt->target->provider;
    bool raw = flight->endpoint == endpoint_raw;
    if (!(raw ? raw_request : flight_splices(flight, provider) ? spliced_request : translate_request)(flight, attempt))
        return false;
    struct action *action = actions_add(out, action_call);
    action->attempt = attempt->number;
    action->call.provider = provider;
    action->call.method = flight->raw ? flight->raw->method : http_post;
    action->call.path = attempt->path;
    action->call.body = attempt->body.ranges;
    action->call.body_count = attempt->body.count;
    if (call_headers(flight, attempt, action)) return true;
    out->count--;
    return false;
}

bool attempt_begin(struct flight *flight, struct candidate *candidate, const struct holds *holds, uint32_t lock_epoch,
                   struct now now, struct actions *out) {
    struct attempt *attempt = attempt_new(flight, candidate, holds, now);
    if (!attempt) {
        struct attempt none = {.target = candidate->target, .candidate = candidate, .holds = *holds};
        none.failure = failure_system;
        hold_settle(flight, &none, now, out);
        return false;
    }
    attempt->lock_epoch = lock_epoch;
    if (!attempt_call(flight, attempt, out)) {
        attempt->call_over = true;
        attempt_settle(flight, attempt, failure_system, now, out);
        return false;
    }
    return true;
}

uint64_t attempt_deadline(const struct flight *flight, const struct attempt *attempt, enum failure *failure) {
    enum { tail_wait_s = 1 };
    const struct provider *provider = attempt->target->provider;
    if (flight->state == flight_answered) return attempt->ended_ns + tail_wait_s * NS_PER_S;
    if (attempt->state == attempt_delivering && attempt->mode == reply_events) {
        *failure = failure_stall;
        return flight->caller_is_full ? UINT64_MAX : attempt->last_token_ns + provider->stall_timeout_ns;
    }
    if (attempt->state == attempt_delivering && flight->endpoint == endpoint_raw) { /* nobody knows how long it is */
        *failure = failure_stall;
        return flight->caller_is_full ? UINT64_MAX : attempt->last_token_ns + provider->reply_timeout_ns;
    }
    uint64_t own =
        attempt->started_ns + (flight->request.stream ? provider->first_token_timeout_ns : provider->reply_timeout_ns);
    *failure = flight->request.stream ? failure_first_token_timeout : failure_reply_timeout;
    if (attempt->state == attempt_delivering && flight->caller_is_full) return UINT64_MAX;
    if (own <= flight->deadline_ns) return own;
    *failure = failure_request_deadline;
    return flight->deadline_ns;
}

void attempt_read(struct attempt *attempt, bool wanted, struct actions *out) {
    if (attempt->call_over || attempt->state != attempt_delivering) return;
    struct action *action = actions_add(out, action_call_read);
    action->attempt = attempt->number;
    action->wanted = wanted;
}

/* What of a provider's head goes back to the caller: its rate limits, its retry advice, its request id. Never cookies,
 * never account headers. */
static bool passes_back(const struct provider *provider, struct str name) {
    if (header_uses(name) & header_returns) return true;
    for (size_t i = 0; i < provider->forward_header_count; i++)
        if (str_eq_nocase(name, provider->forward_headers[i])) return true;
    return false;
}

static bool keeps(const struct flight *flight, const struct provider *provider, const struct event *event, size_t at) {
    struct str name = event->headers[at].name;
    return (flight->endpoint == endpoint_raw ? raw_passes_back(name) : passes_back(provider, name)) &&
           !header_is_named_by_connection(event->headers, event->header_count, name);
}

/* A name too may be of the provider's choice: x-ratelimit-... */
static struct str header_word(struct flight *flight, const struct attempt *attempt, struct str word) {
    struct str masked = masked_words(flight, attempt, word);
    return !masked.at && word.at ? STR_NONE : arena_copy(&flight->arena, masked);
}

static bool reply_headers_keep(struct flight *flight, struct attempt *attempt, const struct event *event) {
    const struct provider *provider = attempt->target->provider;
    size_t kept = 0, places[limit_headers];
    CHECKF(event->header_count <= limit_headers, "header_count=%zu", event->header_count);
    for (size_t i = 0; i < event->header_count; i++)
        if (keeps(flight, provider, event, i)) places[kept++] = i;
    attempt->headers = kept ? arena_take(&flight->arena, kept * sizeof *attempt->headers) : NULL;
    attempt->content_type =
        header_word(flight, attempt, http_header_find(event->headers, event->header_count, STR("content-type")));
    if ((kept && !attempt->headers) || !attempt->content_type.at) return false;
    for (size_t i = 0; i < kept; i++) {
        const struct http_header *header = &event->headers[places[i]];
        struct http_header copy = {header_word(flight, attempt, header->name),
                                   header_word(flight, attempt, header->value)};
        if (!copy.name.at || !copy.value.at) return false;
        attempt->headers[attempt->header_count++] = copy;
    }
    return true;
}

/* In another coding than was asked for (identity), nobody can look for what must not come back. */
static bool is_encoded(const struct event *event) {
    struct str coding = str_trim(http_header_find(event->headers, event->header_count, STR("content-encoding")));
    return coding.len && !str_eq_nocase(coding, STR("identity"));
}

/* false: the content type is not one that this endpoint answers with. */
static bool reply_mode_choose(const struct flight *flight, struct attempt *attempt, const struct event *event) {
    struct str type = attempt->content_type;
    bool streams = attempt->codec && attempt->codec->framing != framing_sse &&
                   str_starts_nocase(type, attempt->codec->stream_content_type);
    bool raw = flight->endpoint == endpoint_raw && attempt->status != 401; /* that is weir's own key */
    if (attempt->status >= 300 && !raw)
        attempt->mode = reply_error;
    else if (is_encoded(event))
        return false;
    else if (streams && flight->request.stream)
        attempt->mode = reply_events;
    else if (endpoint_facts(flight->endpoint)->reply == endpoint_reply_any)
        attempt->mode = reply_opaque;
    else if (str_starts_nocase(type, STR("text/event-stream")))
        attempt->mode = flight->request.stream ? reply_events : reply_opaque;
    else if (str_empty(type) || str_starts_nocase(type, STR("application/json")))
        attempt->mode = reply_whole;
    else
        return false;
    return true;
}

enum step attempt_head(struct flight *flight, struct attempt *attempt, const struct event *event, struct now now) {
    attempt_enter(flight, attempt, attempt_replying, now);
    attempt->status = event->status;
    attempt->until_close = event->until_close;
    attempt->content_length = event->content_length;
    attempt->limits = ratelimit_read(event->headers, event->header_count, now.wall_ns);
    attempt->retry_after_ms = attempt->limits.retry_after_ms;
    if (event->body_sent) attempt->body_sent = true;
    if (!reply_headers_keep(flight, attempt, event)) return attempt_fails(attempt, failure_system);
    if (!reply_mode_choose(flight, attempt, event)) return attempt_fails(attempt, failure_wrong_content_type);
    if (attempt->translates && attempt->mode != reply_error)
        attempt->content_type = attempt->mode != reply_events ? STR("application/json")
                                : flight->wants_array         ? STR("application/json")
                                                              : flight->codec->stream_content_type;
    return step_on;
}
