/* flight_resume.c - a stream that dies after its first token goes on from another target: it is asked to continue the
 * text that the caller has. The caller sees one stream with one id, whatever dialects the targets speak: the same
 * writer goes on with it. What a continuation says is held until it is known to be one (core/continuation.h): a
 * repetition is left out; where it is the rest of another text, the next target is asked.
 *
 * A target that takes a prefill (the catalogue says so) is given the text as its own unfinished message; others, and
 * one that refused that, are asked in the route's words, as the user. Reasoning is not told again.
 *
 * Must never: resume what cannot be continued as text (tools, structured output, several answers), or past
 * limit_held_reply of text; let a caller have a text that no model said. */
#include "base/check.h"
#include "dialect/openai/openai.h"
#include "dialect/quirks.h"
#include "flight/flight_internal.h"

static const struct str usual_prompt =
    STR("Continue your last message exactly where it stopped. Do not repeat any of it and do not comment on it.");

/* -- may it -- */

void resume_admit(struct flight *flight, struct now now) {
    const struct openai_request *request = &flight->request;
    const struct message_request *message = flight->canonical.message;
    const struct endpoint_facts *endpoint = endpoint_facts(flight->endpoint);
    bool chat = flight->endpoint == endpoint_chat ? request->messages_to > 0
                                                  : endpoint->operation == operation_chat && message &&
                                                        !message->native_only.len && !message->completes;
    bool may = flight->choice.route->resume_streams && chat && request->stream && request->n == 1 &&
               !request->has_tools && !request->wants_json;
    if (may) resume_enter(flight, resume_ready, now);
}

/* -- what the caller has -- */

/* Text that reaches the caller. Too much, or no memory: the stream is not resumed any more. */
static bool delivered_add(struct flight *flight, const struct attempt *attempt, struct str text, struct now now) {
    struct chunks *delivered = &flight->resume.delivered;
    struct str said = masked_text(flight, attempt, text);
    if (text.len && !said.at) return false;
    if (delivered->len + said.len > limit_held_reply || !chunks_add(delivered, said)) resume_drop(flight, now);
    return true;
}

bool resume_note(struct flight *flight, struct attempt *attempt, struct str data, struct now now) {
    struct openai_delta delta;
    CHECK(!resume_has(flight) && resume_may(flight));
    if (!openai_skim_delta(data, flight->host->scratch, &delta)) return true;
    if (!flight->resume.stream_id.at && delta.id.at) flight->resume.stream_id = arena_copy(&flight->arena, delta.id);
    if (delta.calls) resume_drop(flight, now);
    return delta.calls || !delta.content.len || delivered_add(flight, attempt, delta.content, now);
}

/* -- a continuation -- */

/* What it says of the text, or its end: held, left out, or an event that stays. */
static enum step text_take(struct attempt *attempt, struct message_events *kept, struct str text, bool over) {
    struct attempt_continuation *continuation = attempt->continuation;
    CHECK(continuation->state == continuing_awaited);
    switch (continuation_take(&continuation->text, text, over)) {
    case continuation_held: return step_on;
    case continuation_disagrees:
        return attempt_fails(attempt, continuation->text.said.failed ? failure_system : failure_disagrees);
    case continuation_goes_on: break;
    }
    struct str rest = continuation_rest(&continuation->text);
    continuation->state = continuing_passes;
    if (rest.len) message_event_add(kept, message_event_text)->text = rest;
    return step_on;
}

/* Nothing but text can be gone on with: what else it says is another answer. */
static enum step continuation_filter(struct flight *flight, struct attempt *attempt, struct message_events *events) {
    struct message_events kept = {.arena = flight->host->scratch};
    for (size_t i = 0; i < events->count; i++) {
        const struct message_event *event = &events->list[i];
        const bool awaited = attempt->continuation->state == continuing_awaited;
        switch (event->kind) {
        case message_event_text:
        case message_event_finish:
        case message_event_end: {
            bool over = event->kind != message_event_text;
            if (awaited && text_take(attempt, &kept, over ? STR("") : event->text, over) != step_on) return step_over;
            if (!awaited || over) *message_event_add(&kept, event->kind) = *event;
            break;
        }
        case message_event_refusal:
        case message_event_tool:
        case message_event_arguments: return attempt_fails(attempt, failure_disagrees);
        case message_event_usage: *message_event_add(&kept, event->kind) = *event; break;
        case message_event_citation:
            if (!awaited) *message_event_add(&kept, event->kind) = *event;
            break;
        default: break; /* its beginning and its reasoning: the caller has had both */
        }
    }
    if (kept.failed) return attempt_fails(attempt, failure_system);
    *events = kept;
    return step_on;
}

enum step resume_take(struct flight *flight, struct attempt *attempt, struct message_events *events, struct now now) {
    CHECK(resume_may(flight) && attempt->way->continues);
    if (attempt->way->goes_on && continuation_filter(flight, attempt, events) != step_on) return step_over;
    for (size_t i = 0; i < events->count; i++) {
        const struct message_event *event = &events->list[i];
        bool other = event->kind == message_event_tool || event->kind == message_event_refusal;
        if (other) resume_drop(flight, now);
        if (other || event->kind != message_event_text || !resume_may(flight)) continue;
        if (!delivered_add(flight, attempt, event->text, now)) return attempt_fails(attempt, failure_system);
    }
    return step_on;
}

/* -- asking for one -- */

static bool takes_prefill(const struct target *target) {
    const struct provider *provider = target->provider;
    if (quirks_of(provider->row->quirks, target->model)->no_prefill) return false;
    return provider->row->prefill ||
           (provider->dialect == dialect_anthropic && catalog_can(target->facts, ability_prefill));
}

bool resume_begin(struct flight *flight, struct attempt *attempt) {
    CHECK(resume_has(flight) && flight->caller == caller_headed && !attempt->hedge);
    attempt->continuation = arena_take_zeroed(&flight->arena, sizeof *attempt->continuation);
    if (!attempt->continuation) return false;
    attempt->continuation->prefilled =
        flight->resume.delivered.len && !flight->resume.prefill_refused && takes_prefill(attempt->target);
    return true;
}

bool resume_say(struct flight *flight, const struct attempt *attempt, struct message_request *asked) {
    struct str delivered = chunks_whole(&flight->resume.delivered), prompt = flight->choice.route->resume_prompt;
    if (!flight->resume.delivered.len) return true; /* only reasoning was told: it is asked again as it was */
    size_t count = asked->message_count, added = attempt->continuation->prefilled ? 1 : 2;
    struct arena *arena = &flight->canonical.arena;
    struct message *messages = arena_take(arena, (count + added) * sizeof *messages);
    struct message_part *parts = arena_take_zeroed(arena, 2 * sizeof *parts);
    if (!messages || !parts || !delivered.at) return false;
    for (size_t i = 0; i < count; i++) messages[i] = asked->messages[i];
    parts[0].text = delivered;
    parts[1].text = prompt.len ? prompt : usual_prompt;
    messages[count] = (struct message){.role = message_assistant, .parts = parts, .part_count = 1};
    if (added > 1) messages[count + 1] = (struct message){.role = message_user, .parts = parts + 1, .part_count = 1};
    asked->messages = messages;
    asked->message_count = count + added;
    return true;
}

/* The same for OpenAI's own words, as members that stand behind the caller's messages. */
static bool words_make(struct flight *flight, struct str delivered) {
    struct str asks = flight->choice.route->resume_prompt;
    struct text prompt = text_in_arena(&flight->arena, delivered.len * 2 + 512);
    text_put(&prompt, STR(",{\"role\":\"assistant\",\"content\":"));
    text_put_json(&prompt, delivered);
    text_put(&prompt, STR("},{\"role\":\"user\",\"content\":"));
    text_put_json(&prompt, asks.len ? asks : usual_prompt);
    text_put_byte(&prompt, '}');
    struct text prefill = text_in_arena(&flight->arena, delivered.len + delivered.len / 8 + 80);
    text_put(&prefill, STR(",{\"role\":\"assistant\",\"content\":"));
    text_put_json(&prefill, delivered);
    text_put(&prefill, STR(",\"prefix\":true}"));
    flight->resume.prompt = text_str(&prompt);
    flight->resume.prefill = text_str(&prefill);
    return !prompt.failed && !prefill.failed;
}

/* What writes the rest of a stream that was spliced: it knows the id, and that the role has been told. */
static void *spliced_writer(struct flight *flight, const struct attempt *attempt) {
    void *writer = arena_take_zeroed(&flight->arena, flight->codec->writer_size);
    struct text text = text_in_arena(flight->host->scratch, 512);
    struct codec_caller caller = {.model = attempt->target->model, .request_id = flight->request_id};
    struct message_event begin = {.kind = message_event_begin, .usage = USAGE_NONE},
                         role = {.kind = message_event_text, .usage = USAGE_NONE};
    if (!writer) return NULL;
    struct str id = flight->resume.stream_id;
    if (id.len > 2) begin.id = str_slice(id, 1, id.len - 1);
    flight->codec->write_event(writer, &begin, &caller, &flight->arena, &text);
    flight->codec->write_event(writer, &role, &caller, &flight->arena, &text); /* the caller has it */
    return text.failed || (begin.id.len && flight_starved(flight)) ? NULL : writer;
}

/* -- going on -- */

enum step resume_try(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                     struct actions *out) {
    CHECKF(flight->live == attempt && attempt->state == attempt_delivering, "attempt %u", attempt->number);
    if (!resume_may(flight) || attempt->reply.mode != reply_events) return step_over;
    if (attempt->stream.finishes > 0) return step_over; /* all has been said: nothing is to follow it */
    if (failure_facts(failure)->fault == fault_caller || flight->body.whole.len == 0) return step_over;
    struct str delivered = chunks_whole(&flight->resume.delivered);
    if (flight->resume.delivered.len && !delivered.at) return step_over;
    if (flight->endpoint == endpoint_chat && delivered.len && !words_make(flight, delivered)) return step_over;
    if (!flight->resume.writer)
        flight->resume.writer = attempt->way->writes_anew ? attempt->dialect.writer : spliced_writer(flight, attempt);
    if (!flight->resume.writer) return step_over;
    attempt_settle(flight, attempt, failure, now, out);
    resume_enter(flight, resume_going, now);
    flight->times.deadline_ns = now.mono_ns + flight->times.timeout_ns; /* up to the continuation's first token */
    return step_on;
}

bool resume_refused(struct flight *flight, const struct attempt *attempt) {
    bool refused = attempt->continuation && attempt->reply.mode == reply_error && attempt->reply.status >= 400;
    if (!refused) return false;
    if (attempt->continuation->prefilled && !flight->resume.prefill_refused) {
        flight->resume.prefill_refused = true;
        attempt->candidate->tries--; /* in words it may do it */
    }
    return true;
}
