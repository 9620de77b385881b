/* flight_answer.c - everything that reaches the caller is written here: heads, bytes, ends, errors. */
#include <string.h>

#include "base/check.h"
#include "dialect/placeholders.h"
#include "flight/flight_internal.h"

enum { own_headers_max = 20 + price_shares, limit_headers_max = 6 };

static void answer_header_put(struct http_header *headers, size_t *count, struct str name, struct str value) {
    if (value.at) headers[(*count)++] = (struct http_header){name, value};
}

static struct str number_text(struct flight *flight, uint64_t number) {
    struct text text = text_in_arena(&flight->arena, 24);
    text_put_u64(&text, number);
    return text.failed ? STR_NONE : text_str(&text);
}

/* "120ms", "12s": as OpenAI says when a limit is whole again. */
static struct str reset_text(struct flight *flight, uint64_t ns) {
    uint64_t ms = (ns + NS_PER_MS - 1) / NS_PER_MS;
    struct text text = text_in_arena(&flight->arena, 24);
    text_put_u64(&text, ms < 1000 ? ms : (ms + 999) / 1000);
    text_put(&text, ms < 1000 ? STR("ms") : STR("s"));
    return text.failed ? STR_NONE : text_str(&text);
}

/* The client's own limits, where it has any: then a provider's are none of its business. */
static void own_limits_put(struct flight *flight, struct http_header *headers, size_t *count, struct now now) {
    const struct client *client = flight->client;
    if (!client) return;
    const struct {
        const struct limiter_rules *rules;
        const struct cell *cell;
        struct str limit, remaining, reset;
    } limits[] = {
        {client->rates.requests_minute.limit ? &client->rates.requests_minute : &client->rates.requests_hour,
         client->rates.requests_minute.limit ? &client->cells->requests_minute : &client->cells->requests_hour,
         STR("x-ratelimit-limit-requests"), STR("x-ratelimit-remaining-requests"), STR("x-ratelimit-reset-requests")},
        {&client->rates.tokens_minute, &client->cells->tokens_minute, STR("x-ratelimit-limit-tokens"),
         STR("x-ratelimit-remaining-tokens"), STR("x-ratelimit-reset-tokens")}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (limits[i].rules->limit == 0) continue;
        uint64_t paid_off_ns = cell_load(limits[i].cell);
        answer_header_put(headers, count, limits[i].limit, number_text(flight, limits[i].rules->limit));
        answer_header_put(headers, count, limits[i].remaining,
                          number_text(flight, limiter_left(limits[i].cell, limits[i].rules, now.mono_ns)));
        answer_header_put(headers, count, limits[i].reset,
                          reset_text(flight, paid_off_ns > now.mono_ns ? paid_off_ns - now.mono_ns : 0));
    }
}

static bool has_own_limits(const struct flight *flight) {
    const struct client *client = flight->client;
    return client && (client->rates.requests_minute.limit || client->rates.requests_hour.limit ||
                      client->rates.tokens_minute.limit);
}

static void answer_respond(struct flight *flight, int status, const struct http_header *headers, size_t count,
                           int64_t content_length, struct now now, struct actions *out) {
    caller_enter(flight, caller_headed, now);
    flight->answer.status = status;
    struct action *action = actions_add(out, action_respond);
    action->respond.status = status;
    action->respond.headers = headers;
    action->respond.header_count = count;
    action->respond.content_length = content_length;
}

/* Nano-dollars as a decimal of dollars, or nothing where the cost is not known. */
static struct str cost_text(struct flight *flight, const struct attempt *attempt) {
    int64_t cost = calls_cost(flight, attempt);
    if (attempt->state != attempt_settled || cost < 0) return STR_NONE;
    struct text text = text_in_arena(&flight->arena, 32);
    text_put_money(&text, cost);
    return text.failed ? STR_NONE : text_str(&text);
}

/* What the cost was for, each part that is not nought: they add up to x-weir-cost. */
static void answer_cost_put(struct flight *flight, const struct attempt *attempt, struct http_header *headers,
                            size_t *count) {
    static const struct str names[price_shares] = {
        [price_share_input] = STR("x-weir-cost-input"),   [price_share_output] = STR("x-weir-cost-output"),
        [price_share_cached] = STR("x-weir-cost-cached"), [price_share_cache_writes] = STR("x-weir-cost-cache-writes"),
        [price_share_tools] = STR("x-weir-cost-tools"),   [price_share_fees] = STR("x-weir-cost-fees")};
    struct str whole = cost_text(flight, attempt);
    int64_t shares[price_shares];
    if (!whole.at) return;
    answer_header_put(headers, count, STR("x-weir-cost"), whole);
    calls_cost_shares(flight, attempt, shares);
    for (unsigned i = 0; i < price_shares; i++) {
        if (shares[i] <= 0) continue;
        struct text text = text_in_arena(&flight->arena, 24);
        text_put_money(&text, shares[i]);
        answer_header_put(headers, count, names[i], text.failed ? STR_NONE : text_str(&text));
    }
}

/* What its provider could not be told, and what none was: names, separated by commas. */
static struct str dropped_text(struct flight *flight, const struct attempt *attempt) {
    struct str name = feature_name(feature_reasoning_history);
    if (!flight->stored.reasoning_dropped || str_find(attempt->dialect.dropped, name) != SIZE_MAX)
        return attempt->dialect.dropped;
    if (!attempt->dialect.dropped.len) return name;
    return arena_printf(&flight->arena, "%.*s, %.*s", STR_ARG(attempt->dialect.dropped), STR_ARG(name));
}

/* What it was told otherwise, and how much was taken out of what it was told. */
static struct str changed_text(struct flight *flight, struct str changed) {
    if (!flight->placeholders) return changed;
    struct text text = text_in_arena(&flight->arena, 128);
    text_put(&text, changed);
    if (changed.len) text_put(&text, STR(", "));
    placeholders_told_put(flight->placeholders, &text);
    return text.failed ? changed : text_str(&text);
}

/* What is wrong in weir's own words, where the body is a provider's too. */
static void answer_code_put(const struct flight *flight, int status, struct http_header *headers, size_t *count) {
    enum error_code code = flight->answer.error ? flight->answer.error : error_provider_error;
    if (status >= 400) answer_header_put(headers, count, STR("x-weir-error"), error_facts(code)->path);
}

struct str cached_word(enum cached state) {
    static const struct str words[] = {
        [cached_off] = STR("off"), [cached_bypass] = STR("bypass"), [cached_miss] = STR("miss"),
        [cached_hit] = STR("hit"), [cached_shared] = STR("shared"), [cached_stale] = STR("stale")};
    return words[state];
}

/* Another form than it was kept in has another type. */
static struct str given_type(const struct flight *flight) {
    struct str kept = flight->cache.given.texts[cache_text_type];
    bool events = str_starts_nocase(kept, STR("text/event-stream")), json = flight->head.wants_array;
    if (json || events == flight->request.stream) return kept;
    return flight->request.stream ? flight->codec->stream_content_type : STR("application/json");
}

/* Where there is a cache, or something was asked of it. */
static void answer_cache_put(struct flight *flight, struct http_header *headers, size_t *count) {
    if (flight->cache.state != cached_off)
        answer_header_put(headers, count, STR("x-weir-cache"), cached_word(flight->cache.state));
    if (flight->semantic && flight->semantic->outcome == semantic_hit)
        answer_header_put(headers, count, STR("x-weir-cache-similarity"),
                          arena_printf(&flight->arena, "%.3f", flight->semantic->alike));
}

/* "3/5": so many of so many inputs were kept, and the others asked for. */
static struct str inputs_text(struct flight *flight, const struct attempt *attempt) {
    if (!attempt->asks_rest || attempt->failure != failure_none) return STR_NONE;
    return arena_printf(&flight->arena, "%zu/%zu", flight->inputs.given, flight->inputs.count);
}

void answer_head(struct flight *flight, const struct attempt *attempt, int status, int64_t content_length,
                 struct now now, struct actions *out) {
    size_t count = 0, most = attempt->reply.header_count + own_headers_max + limit_headers_max;
    bool own_limits = has_own_limits(flight);
    struct http_header *headers = arena_take(flight->host->scratch, most * sizeof *headers);
    if (!headers) {
        answer_respond(flight, status, NULL, 0, content_length, now, out);
        return;
    }
    if (attempt->reply.content_type.len)
        answer_header_put(headers, &count, STR("Content-Type"), attempt->reply.content_type);
    if (attempt->reply.mode == reply_events) {
        answer_header_put(headers, &count, STR("Cache-Control"), STR("no-cache"));
        answer_header_put(headers, &count, STR("X-Accel-Buffering"), STR("no"));
    }
    answer_header_put(headers, &count, STR("x-weir-request-id"), flight->request_id);
    if (!flight->snapshot->response_headers_minimal) {
        answer_header_put(headers, &count, STR("x-weir-provider"), attempt->target->provider->name);
        answer_header_put(headers, &count, STR("x-weir-model"), attempt->target->model);
        answer_header_put(headers, &count, STR("x-weir-attempts"), number_text(flight, flight->attempt_count));
        answer_cost_put(flight, attempt, headers, &count);
    }
    answer_cache_put(flight, headers, &count);
    answer_header_put(headers, &count, STR("x-weir-cache-inputs"), inputs_text(flight, attempt));
    answer_code_put(flight, status, headers, &count);
    if (attempt->target->provider->simulated) answer_header_put(headers, &count, STR("x-weir-simulated"), STR("true"));
    if (flight->stored.state == storing_given_up)
        answer_header_put(headers, &count, STR("x-weir-stored"), STR("false"));
    if (attempt->dialect.usage_told) answer_header_put(headers, &count, STR("x-weir-estimated"), STR("true"));
    struct str dropped = dropped_text(flight, attempt);
    if (dropped.len) answer_header_put(headers, &count, STR("x-weir-dropped"), dropped);
    struct str changed = changed_text(flight, attempt->dialect.changed);
    if (changed.len) answer_header_put(headers, &count, STR("x-weir-changed"), changed);
    if (attempt->candidate->instead || attempt->candidate->stands_in)
        answer_header_put(
            headers, &count, STR("x-weir-downgraded"),
            arena_printf(&flight->arena, "%.*s->%.*s", STR_ARG(flight->choice.model), STR_ARG(attempt->target->name)));
    if (flight->loop.calls)
        answer_header_put(headers, &count, STR("x-weir-tool-loop"), number_text(flight, flight->loop.calls));
    own_limits_put(flight, headers, &count, now);
    for (size_t i = 0; i < attempt->reply.header_count; i++)
        if (!own_limits || !str_starts_nocase(attempt->reply.headers[i].name, STR("x-ratelimit-")))
            headers[count++] = attempt->reply.headers[i];
    CHECKF(count <= most, "count=%zu most=%zu", count, most);
    answer_respond(flight, status, headers, count, content_length, now, out);
    making_note_head(flight, attempt, status, out);
}

void answer_given_head(struct flight *flight, int64_t content_length, struct now now, struct actions *out) {
    const struct target *target = flight->cache.target; /* NULL: they are no target's words */
    const struct str *texts = flight->cache.given.texts;
    size_t count = 0;
    enum { ok = 200 };
    struct http_header *headers =
        arena_take(flight->host->scratch, (own_headers_max + limit_headers_max) * sizeof *headers);
    bool minimal = flight->snapshot->response_headers_minimal;
    if (headers) {
        if (texts[cache_text_type].len) answer_header_put(headers, &count, STR("Content-Type"), given_type(flight));
        if (flight->request.stream) {
            answer_header_put(headers, &count, STR("Cache-Control"), STR("no-cache"));
            answer_header_put(headers, &count, STR("X-Accel-Buffering"), STR("no"));
        }
        answer_header_put(headers, &count, STR("x-weir-request-id"), flight->request_id);
        answer_header_put(headers, &count, STR("x-weir-provider"),
                          minimal || !target ? STR_NONE : target->provider->name);
        answer_header_put(headers, &count, STR("x-weir-model"), minimal || !target ? STR_NONE : target->model);
        answer_header_put(headers, &count, STR("x-weir-attempts"),
                          minimal ? STR_NONE : number_text(flight, flight->attempt_count));
        answer_header_put(headers, &count, STR("x-weir-cost"), minimal ? STR_NONE : STR("0.000000000"));
        answer_cache_put(flight, headers, &count);
        if (flight->answer.is_fallback) answer_header_put(headers, &count, STR("x-weir-fallback"), STR("true"));
        if (flight->stored.state == storing_given_up)
            answer_header_put(headers, &count, STR("x-weir-stored"), STR("false"));
        if (target && target->provider->simulated)
            answer_header_put(headers, &count, STR("x-weir-simulated"), STR("true"));
        if (flight->cache.given.estimated) answer_header_put(headers, &count, STR("x-weir-estimated"), STR("true"));
        if (texts[cache_text_dropped].len)
            answer_header_put(headers, &count, STR("x-weir-dropped"), texts[cache_text_dropped]);
        struct str changed = changed_text(flight, texts[cache_text_changed]);
        if (changed.len) answer_header_put(headers, &count, STR("x-weir-changed"), changed);
        if (flight->loop.calls)
            answer_header_put(headers, &count, STR("x-weir-tool-loop"), number_text(flight, flight->loop.calls));
        own_limits_put(flight, headers, &count, now);
        CHECKF(count <= own_headers_max + limit_headers_max, "count=%zu", count);
    }
    answer_respond(flight, ok, headers, count, content_length, now, out);
}

void answer_bytes(struct flight *flight, struct str bytes, struct actions *out) {
    CHECKF(flight->caller == caller_headed, "caller=%d", (int)flight->caller);
    flight->answer.bytes += bytes.len;
    making_note(flight, bytes, out);
    actions_write(out, bytes);
}

/* What was held while the attempt was not yet the answer. Copied to scratch, so that an open stream holds none of it.
 */
void answer_held(struct flight *flight, struct attempt *attempt, struct actions *out) {
    CHECKF(flight->live == attempt && attempt->state == attempt_delivering, "attempt %u", attempt->number);
    struct str whole = chunks_whole(&attempt->reply.held);
    struct str copy = whole.len ? arena_copy(flight->host->scratch, whole) : STR_NONE;
    if (copy.at) answer_bytes(flight, copy, out);
    out->starved |= whole.len > 0 && !copy.at;
    chunks_free(&attempt->reply.held);
}

static void answer_over(struct flight *flight, enum action_kind how, struct now now, struct actions *out) {
    CHECK(!flight->live && !flight->rival); /* nothing more can come of it */
    making_note_end(flight, how == action_end, now, out);
    caller_enter(flight, caller_ended, now);
    actions_add(out, how);
    flight_enter(flight, flight_answered, now);
}

void answer_end(struct flight *flight, struct now now, struct actions *out) {
    answer_over(flight, action_end, now, out);
}

void answer_abort(struct flight *flight, struct now now, struct actions *out) {
    answer_over(flight, action_abort, now, out);
}

/* The words, or where there was no memory for them the ones for that, which every dialect's callers can read. */
struct str answer_words(struct flight *flight, const struct text *text, int *status) {
    if (!text->failed) return text_str(text);
    flight->answer.error = error_overloaded;
    *status = flight->door->status(flight, error_facts(error_overloaded)->status);
    return STR(
        "{\"type\":\"error\",\"error\":{\"message\":\"The gateway has no memory for this now. Try again.\",\"type\":"
        "\"overloaded_error\",\"code\":\"overloaded\",\"status\":\"UNAVAILABLE\"}}");
}

void answer_json(struct flight *flight, int status, struct str body, int64_t retry_after_ms, const struct attempt *last,
                 struct now now, struct actions *out) {
    static const struct http_header least = {STR("Content-Type"), STR("application/json")};
    size_t count = 0;
    struct http_header *headers =
        arena_take(flight->host->scratch, (own_headers_max + limit_headers_max) * sizeof *headers);
    if (headers) {
        answer_header_put(headers, &count, STR("Content-Type"), STR("application/json"));
        answer_header_put(headers, &count, STR("x-weir-request-id"), flight->request_id);
        if (retry_after_ms >= 0) {
            answer_header_put(headers, &count, STR("Retry-After"),
                              arena_printf(&flight->arena, "%lld", (long long)((retry_after_ms + 999) / 1000)));
            answer_header_put(headers, &count, STR("retry-after-ms"),
                              arena_printf(&flight->arena, "%lld", (long long)retry_after_ms));
        }
        if (last && !flight->snapshot->response_headers_minimal) {
            answer_header_put(headers, &count, STR("x-weir-provider"), last->target->provider->name);
            answer_header_put(headers, &count, STR("x-weir-model"), last->target->model);
            answer_header_put(headers, &count, STR("x-weir-attempts"), number_text(flight, flight->attempt_count));
        }
        answer_cache_put(flight, headers, &count);
        answer_code_put(flight, status, headers, &count);
        if (flight->answer.estimated) answer_header_put(headers, &count, STR("x-weir-estimated"), STR("true"));
        if (flight->answer.error == error_quota_exhausted || flight->answer.is_final)
            answer_header_put(headers, &count, STR("x-should-retry"), STR("false"));
        own_limits_put(flight, headers, &count, now);
        CHECKF(count <= own_headers_max + limit_headers_max, "count=%zu", count);
    }
    answer_respond(flight, status, headers ? headers : &least, headers ? count : 1, (int64_t)body.len, now, out);
    answer_bytes(flight, body, out);
    answer_end(flight, now, out);
}

void answer_error_event(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                        struct now now, struct actions *out) {
    struct text text = text_in_arena(flight->host->scratch, 1024);
    if (!message.len)
        message = arena_printf(flight->host->scratch, "The stream broke before its end: %.*s. What came is not whole.",
                               STR_ARG(failure_facts(failure)->sentence));
    flight->door->write_break(flight, attempt, failure, message, now, &text);
    if (text.failed)
        out->starved = true;
    else
        answer_bytes(flight, text_str(&text), out);
}

void answer_break(struct flight *flight, enum failure failure, struct now now, struct actions *out) {
    CHECKF(flight->caller == caller_headed, "caller=%d", (int)flight->caller);
    struct attempt *last = flight->attempt_count ? flight->attempts[flight->attempt_count - 1] : NULL;
    answer_error_event(flight, last, failure, STR_NONE, now, out); /* NULL: it was given what another makes */
    flight->answer.error = failure_facts(failure)->error;
    answer_end(flight, now, out);
}

/* For developers: behind the sentence what each attempt came to. Credentials are masked in it already. */
static struct str with_attempts(struct flight *flight, struct str message) {
    if (!flight->client || !flight->client->debug || !flight->attempt_count) return message;
    struct text text = text_in_arena(&flight->arena, 512);
    text_put(&text, message);
    for (unsigned i = 0; i < flight->attempt_count && i < 8; i++) {
        const struct attempt *attempt = flight->attempts[i];
        const struct failure_facts *failure = failure_facts(attempt->failure);
        text_printf(&text, " [%.*s: %.*s", STR_ARG(attempt->target->name), STR_ARG(failure->name));
        if (attempt->reply.status) text_printf(&text, " %d", attempt->reply.status);
        if (attempt->word.text.len) text_printf(&text, ", \"%.*s\"", STR_ARG(attempt->word.text));
        text_printf(&text, "; %.*s]", STR_ARG(failure_cure(attempt->failure)));
    }
    return text.failed ? message : text_str(&text);
}

void answer_error_status(struct flight *flight, enum error_code code, int status, struct str message, struct str param,
                         int64_t retry_after_ms, const struct attempt *last, struct now now, struct actions *out) {
    if (flight->caller == caller_headed) {
        answer_break(flight, failure_system, now, out);
        return;
    }
    bool ours = flight_starved(flight) && code != error_overloaded && status >= 400 && status != 401 && status < 500;
    if (ours || code == error_out_of_memory) { /* what was looked for and not found may well be there */
        code = error_overloaded;
        status = error_facts(code)->status;
        message = param = STR_NONE;
    }
    const struct error_facts *facts = error_facts(code);
    if (str_empty(message)) message = facts->sentence;
    message = with_attempts(flight, message);
    if (retry_after_ms < 0 && (status == 503 || status == 429) && code != error_quota_exhausted &&
        !flight->answer.is_final)
        retry_after_ms = 1000;
    flight->answer.error = code;
    flight->answer.said = arena_copy(&flight->arena, str_slice(message, 0, error_message_most));
    struct text text = text_in_arena(flight->host->scratch, 512);
    status = flight->door->status(flight, status);
    flight->codec->write_error(&(struct message_error){.code = code,
                                                       .status = status,
                                                       .message = message,
                                                       .param = param,
                                                       .request_id = flight->request_id,
                                                       .retry_after_ms = retry_after_ms,
                                                       .attempts = flight->attempt_count,
                                                       .scope = flight->answer.limit_scope},
                               &text);
    struct str words = answer_words(flight, &text, &status);
    answer_json(flight, status, words, retry_after_ms, last, now, out);
}

enum step answer_count(struct flight *flight, int64_t tokens, struct now now, struct actions *out) {
    CHECKF(tokens >= 0 && flight->attempt_count == 0, "tokens=%lld", (long long)tokens); /* nobody was asked */
    struct text text = text_in_arena(&flight->arena, 64);
    flight->codec->write_count(tokens, &text);
    flight->answer.estimated = true;
    int status = 200;
    struct str words = answer_words(flight, &text, &status);
    answer_json(flight, status, words, -1, NULL, now, out);
    return step_over;
}

void answer_providers_word(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                           struct actions *out) {
    CHECKF(last->state == attempt_settled && last->reply.status >= 400, "status=%d", last->reply.status);
    flight->answer.error = failure_facts(last->failure)->error;
    answer_head(flight, last, last->reply.status, (int64_t)body.len, now, out);
    answer_bytes(flight, body, out);
    answer_end(flight, now, out);
}

enum step answer_error(struct flight *flight, enum error_code code, struct str message, struct str param,
                       struct now now, struct actions *out) {
    answer_error_status(flight, code, error_facts(code)->status, message, param, -1, NULL, now, out);
    return step_over;
}

enum step answer_refused(struct flight *flight, enum error_code code, uint64_t until_ns, struct now now,
                         struct actions *out) {
    int64_t retry_after_ms =
        until_ns > now.mono_ns ? (int64_t)((until_ns - now.mono_ns + NS_PER_MS - 1) / NS_PER_MS) : -1;
    answer_error_status(flight, code, error_facts(code)->status, flight->answer.refused, STR_NONE, retry_after_ms, NULL,
                        now, out);
    return step_over;
}
