/* flight_splice.c - OpenAI's own words on both sides, a way: the body goes up with a few ranges replaced; events are
 * skimmed and pass byte for byte as each is complete. Left out are only the usage chunk that weir asked for and events
 * that are not JSON. */
#include "base/check.h"
#include "dialect/openai/openai_codec.h"
#include "flight/flight_internal.h"

/* -- the request -- */

bool splice_can(const struct flight *flight, const struct target *target) {
    const struct provider *provider = target->provider;
    bool lacks = flight->endpoint == endpoint_completions && !(provider->endpoints & 1u << endpoint_completions);
    return provider->dialect == dialect_openai && !lacks && !api_is_responses(flight, target) &&
           !emulation_wanted(flight, target);
}

bool splice_fits(struct flight *flight, const struct target *target, struct error *error) {
    if (!(target->provider->endpoints & 1u << flight->endpoint)) return false;
    return flight->endpoint != endpoint_chat || edit_fits(flight, target, error);
}

bool splice_read(struct flight *flight, struct error *error, struct str *param) {
    if (endpoint_facts(flight->endpoint)->body == endpoint_body_multipart)
        return openai_skim_multipart(flight->body.whole, flight->head.content_type, &flight->arena, &flight->request,
                                     error, param);
    return openai_skim_request(flight->body.whole, flight->endpoint, &flight->arena, &flight->request, error, param);
}

/* The body as it was sent, with a few ranges replaced; the path of the provider's that is the caller's. */
bool splice_request(struct flight *flight, struct attempt *attempt) {
    const struct provider *provider = attempt->target->provider;
    const struct endpoint_facts *endpoint = endpoint_facts(flight->endpoint);
    bool multipart = endpoint->body == endpoint_body_multipart;
    bool has_usage_chunk = flight->endpoint == endpoint_chat || flight->endpoint == endpoint_completions;
    CHECK(splice_can(flight, attempt->target));
    attempt->dialect.codec = &codec_openai; /* reads its errors */
    attempt->stream.has_terminator = has_usage_chunk;
    attempt->splice.asked_usage =
        flight->request.stream && provider->stream_options && has_usage_chunk && !flight->request.include_usage;
    struct openai_request request = flight->request;
    struct str whole = flight->body.whole;
    struct error error;
    if (!edit_openai(flight, attempt, &whole) || (!multipart && !edit_cap(flight, attempt, &whole))) return false;
    if (whole.at != flight->body.whole.at && /* its places are others then */
        !openai_skim_request(whole, flight->endpoint, &flight->arena, &request, &error, NULL))
        return false;
    if (resume_has(flight))
        request.continuation = attempt->continuation->prefilled ? flight->resume.prefill : flight->resume.prompt;
    if (!openai_splice(whole, &request, multipart, attempt->target->model, attempt->splice.asked_usage, &flight->arena,
                       &attempt->request.body))
        return false;
    struct text path = text_in_arena(&flight->arena, provider->base.path.len + endpoint->path.len);
    text_put(&path, provider->base.path);
    text_put(&path, endpoint->path);
    attempt->request.path = text_str(&path);
    return !path.failed;
}

/* -- a whole reply -- */

enum failure splice_whole(struct flight *flight, struct attempt *attempt, struct now now, struct str *body) {
    bool is_error = false;
    (void)flight, (void)now;
    if (!openai_skim_reply(*body, &attempt->usage, &is_error)) return failure_invalid_json;
    return is_error ? failure_error_in_reply : failure_none;
}

bool splice_error_tell(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                       struct actions *out) {
    struct usage usage = USAGE_NONE;
    bool is_error = false;
    if (!openai_skim_reply(body, &usage, &is_error) || !is_error) return false;
    answer_providers_word(flight, last, body, now, out);
    return true;
}

/* -- a stream -- */

/* From here on its events are of one shape; {NULL}: no memory for it, or they are looked at one by one. */
void splice_delivers(struct flight *flight, struct attempt *attempt) {
    attempt->splice.shape =
        resume_may(flight) ? NULL : arena_take_zeroed(&flight->arena, sizeof *attempt->splice.shape);
}

void splice_write_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                        struct now now, struct text *text) {
    (void)attempt, (void)now;
    text_put(text, STR("data: "));
    openai_write_error(text, &(struct message_error){.code = failure_facts(failure)->error,
                                                     .message = message,
                                                     .request_id = flight->request_id,
                                                     .retry_after_ms = -1,
                                                     .attempts = flight->attempt_count});
    text_put(text, STR("\n\n"));
}

/* Before the first token another target may do better; after it the provider's own error event is the stream's end. */
static enum step splice_error(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                              struct now now, struct actions *out) {
    struct openai_error error;
    openai_skim_error(event->data, flight->host->scratch, &error);
    attempt_said(flight, attempt, error.message, true);
    attempt_said_code(flight, attempt, error.code, error.type);
    enum failure said = attempt_refusal(attempt, &(struct provider_word){.code = error.code, .type = error.type});
    bool delivers = attempt->state == attempt_delivering;
    if (!delivers || resume_may(flight))
        return attempt_fails(attempt, said && !delivers ? said : failure_error_in_stream);
    if (said) /* about weir's own key: none of the caller's business */
        answer_error_event(flight, attempt, said, masked_words(flight, attempt, error.message), now, out);
    else if (stream_pass_error(flight, attempt, event, out) != step_on)
        return step_over;
    return stream_end_by_error(flight, attempt, now, out);
}

static enum step splice_done(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                             struct now now, struct actions *out) {
    if (attempt->state != attempt_delivering) return attempt_fails(attempt, failure_empty_stream);
    CHECK(!attempt->stream.saw_done); /* behind its end nothing is read */
    attempt->stream.saw_done = true;
    if (stream_pass(flight, attempt, event->raw, event->borrowed, out) != step_on) return step_over;
    return stream_complete(flight, attempt, now, out);
}

/* All of an event but its text is as long as the shortest one. */
static void splice_tokens_count(struct attempt *attempt, size_t len) {
    if (attempt->stream.tokens.count == 0 || len < attempt->stream.tokens.least) attempt->stream.tokens.least = len;
    attempt->stream.tokens.count++;
    attempt->stream.tokens.bytes += len;
}

/* How much the model may have said in it; and whose stream it is, for the end that weir may have to write. */
static void splice_measure(struct flight *flight, struct attempt *attempt, const struct sse_event *event) {
    struct openai_said said;
    if (event->comment_only) return;
    openai_skim_said(event->data, &said);
    extend_saw(attempt, said.bytes);
    openai_skim_finished(event->data, &attempt->splice.finished);
    if (!attempt->splice.begun && said.id.len) {
        attempt->splice.id = arena_copy(&flight->arena, said.id);
        attempt->splice.model = arena_copy(&flight->arena, said.model);
        attempt->splice.begun = true;
    }
}

/* One of its answers: the caller has its beginning. */
static void cut_answer_put(struct flight *flight, const struct attempt *attempt, void *writer, unsigned choice,
                           const struct codec_caller *caller, struct text *told, struct text *text) {
    const struct message_event role = {.kind = message_event_text, .choice = choice, .usage = USAGE_NONE},
                               finish = {.kind = message_event_finish,
                                         .choice = choice,
                                         .finish = finish_length,
                                         .usage = USAGE_NONE};
    if (attempt->splice.finished & UINT64_C(1) << choice) return;
    flight->codec->write_event(writer, &role, caller, &flight->arena, told);
    flight->codec->write_event(writer, &finish, caller, &flight->arena, text);
}

/* Behind what came: the same stream, its answers finished, those that were not yet. */
enum step splice_cut(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    const struct codec *codec = flight->codec;
    void *writer = arena_take_zeroed(flight->host->scratch, codec->writer_size);
    struct codec_caller caller = translate_caller(flight, attempt, now);
    const struct message_event end = {.kind = message_event_end, .usage = attempt->usage};
    struct message_event begin = {
        .kind = message_event_begin, .id = attempt->splice.id, .model = attempt->splice.model, .usage = USAGE_NONE};
    struct text told = text_in_arena(flight->host->scratch, 64), text = text_in_arena(flight->host->scratch, 512);
    if (!writer) return attempt_fails(attempt, failure_system);
    codec->write_event(writer, &begin, &caller, &flight->arena, &told);
    for (unsigned choice = 0; choice < flight->bounds.answers; choice++)
        cut_answer_put(flight, attempt, writer, choice, &caller, &told, &text);
    codec->write_event(writer, &end, &caller, &flight->arena, &text);
    struct str written = masked_text(flight, attempt, text_str(&text));
    if (told.failed || text.failed || !written.at) return attempt_fails(attempt, failure_system);
    return stream_pass(flight, attempt, written, true, out);
}

enum step splice_event(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                       struct actions *out) {
    enum openai_event_kind kind = event->comment_only ? openai_event_empty
                                                      : openai_skim_event_alike(attempt->splice.shape, event->event,
                                                                                event->data, &attempt->usage);
    attempt->stream.events++;
    if (extent_is_open(&attempt->holds.money.extent)) splice_measure(flight, attempt, event);
    switch (kind) {
    case openai_event_malformed: attempt->stream.events_dropped++; return step_on;
    case openai_event_error: return splice_error(flight, attempt, event, now, out);
    case openai_event_done: return splice_done(flight, attempt, event, now, out);
    case openai_event_usage:
        if (attempt->splice.asked_usage && !cost_is_wanted(flight)) return step_on;
        break;
    case openai_event_finish:
        attempt->stream.finishes += flight->request.n > 1 ? openai_skim_finishes(event->data) : 1; /* fall through */
    case openai_event_token:
        splice_tokens_count(attempt, event->data.len);
        stream_token(flight, attempt, now, out);
        break;
    case openai_event_empty: break;
    }
    if (resume_may(flight) && !resume_note(flight, attempt, event->data, now))
        return attempt_fails(attempt, failure_system);
    return stream_pass(flight, attempt, event->raw, event->borrowed, out);
}

/* What ends a chat is not left out for its provider's sake. */
enum step splice_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    (void)now;
    if (attempt->stream.saw_done || endpoint_facts(flight->endpoint)->operation != operation_chat) return step_on;
    return stream_pass(flight, attempt, codec_openai.terminator, true, out);
}
