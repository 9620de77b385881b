/* flight_resume.c - a stream that dies after its first token goes on from another target: it is asked to continue the
 * text that the caller has. The caller sees one stream with one id; what the continuation repeats is left out.
 *
 * A target that takes a prefill (the catalogue says so) is given the text as its own unfinished message; others are
 * asked in the route's words, as the user.
 *
 * Must never: resume what cannot be continued as text (tools, structured output, several answers), or past
 * limit_held_reply of text. */
#include <string.h>

#include "base/check.h"
#include "flight/flight_internal.h"

/* So much of a continuation is awaited before it is passed on, to see what of it is a repetition. */
enum { overlap_look = 64, overlap_least = 8, overlap_least_words = 4 };

static const struct str usual_prompt =
    STR("Continue your last message exactly where it stopped. Do not repeat any of it and do not comment on it.");

void resume_admit(struct flight *flight, struct now now) {
    const struct openai_request *request = &flight->request;
    bool may = flight->choice.route->resume_streams && flight->endpoint == endpoint_chat && request->stream &&
               request->n == 1 && !request->has_tools && !request->wants_json && request->messages_to;
    if (may) resume_enter(flight, resume_ready, now);
}

void resume_begin(struct flight *flight, struct attempt *attempt) {
    CHECK(resume_has(flight) && flight->caller == caller_headed && !attempt->hedge);
    attempt->continuation.state = continuing_awaited;
    attempt->continuation.pending = text_in_arena(&flight->arena, 256);
}

/* Text that reaches the caller. Too much, or no memory: the stream is not resumed any more. */
static void delivered_add(struct flight *flight, struct str text, struct now now) {
    struct chunks *delivered = &flight->resume.delivered;
    if (!resume_may(flight)) return;
    if (delivered->len + text.len > limit_held_reply || !chunks_add(delivered, text)) resume_drop(flight, now);
}

/* -- passing a continuation on -- */

/* How much of `text`'s front the caller has already: the longest end of what was delivered that stands there. A few
 * bytes may be chance, unless they are whole words. */
static size_t overlap_of(struct str delivered, struct str text) {
    size_t most = text.len < delivered.len ? text.len : delivered.len;
    for (size_t len = most; len >= overlap_least_words; len--) {
        const char *from = delivered.at + delivered.len - len;
        bool words = from == delivered.at || from[-1] == ' ' || from[-1] == '\n';
        if ((words || len >= overlap_least) && memcmp(from, text.at, len) == 0) return len;
    }
    return 0;
}

/* The same event under the stream's one id. */
static bool renamed_pass(struct flight *flight, struct str data, struct str id, struct actions *out) {
    struct arena *scratch = flight->host->scratch;
    size_t from = id.at ? (size_t)(id.at - data.at) : 0;
    struct text text = text_in_arena(scratch, data.len + flight->resume.stream_id.len + 16);
    bool rename = id.at && flight->resume.stream_id.at;
    text_put(&text, STR("data: "));
    text_put(&text, rename ? str_slice(data, 0, from) : data);
    if (rename) {
        text_put(&text, flight->resume.stream_id);
        text_put(&text, str_slice(data, from + id.len, data.len));
    }
    text_put(&text, STR("\n\n"));
    if (text.failed) return false;
    answer_bytes(flight, text_str(&text), out);
    return true;
}

/* What was awaited, without what the caller has already, as an event of its own. */
static bool pending_pass(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    struct str pending = masked_text(flight, attempt, text_str(&attempt->continuation.pending)),
               delivered = chunks_whole(&flight->resume.delivered);
    struct text text = text_in_arena(flight->host->scratch, pending.len * 2 + 256);
    if (!pending.at && attempt->continuation.pending.len > 0) return false;
    struct str rest = str_slice(pending, overlap_of(delivered, pending), pending.len);
    attempt->continuation.state = continuing_passes;
    attempt->continuation.pending.len = 0;
    if (rest.len == 0) return true;
    text_put(&text, STR("data: {\"id\":"));
    text_put(&text, flight->resume.stream_id.at ? flight->resume.stream_id : STR("\"\""));
    text_put(&text, STR(",\"object\":\"chat.completion.chunk\",\"created\":"));
    text_put_i64(&text, flight->times.arrived_wall_ns / (int64_t)NS_PER_S);
    text_json_str(&text, STR("model"), attempt->target->model);
    text_put(&text, STR(",\"choices\":[{\"index\":0,\"delta\":{\"content\":"));
    text_put_json(&text, rest);
    text_put(&text, STR("},\"finish_reason\":null}]}\n\n"));
    if (text.failed) return false;
    struct str copy = arena_copy(flight->host->scratch, rest); /* `rest` stands in the pending text */
    answer_bytes(flight, text_str(&text), out);
    if (copy.at) delivered_add(flight, copy, now);
    return copy.at != NULL;
}

enum resume_pass resume_event(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                              enum openai_event_kind kind, struct now now, struct actions *out) {
    struct openai_delta delta;
    bool is_text = kind == openai_event_token || kind == openai_event_finish;
    if (!resume_may(flight) && attempt->continuation.state == continuing_not) return resume_not_ours;
    if (is_text || kind == openai_event_usage) {
        if (!openai_skim_delta(event->data, flight->host->scratch, &delta))
            delta = (struct openai_delta){.content = STR("")};
        struct str said = masked_text(flight, attempt, delta.content);
        if (delta.content.len && !said.at) return resume_no_memory;
        delta.content = said;
    } else {
        delta = (struct openai_delta){.content = STR("")};
    }
    if (attempt->continuation.state == continuing_not) {
        if (!flight->resume.stream_id.at && delta.id.at)
            flight->resume.stream_id = arena_copy(&flight->arena, delta.id);
        if (is_text && delta.content.len) delivered_add(flight, delta.content, now);
        return resume_not_ours;
    }
    if (kind == openai_event_empty) return resume_passed; /* its role, its keep-alives: the stream has begun already */
    if (kind == openai_event_token && attempt->continuation.state == continuing_awaited) {
        text_put(&attempt->continuation.pending, delta.content);
        if (attempt->continuation.pending.failed) return resume_no_memory;
        if (attempt->continuation.pending.len < overlap_look) return resume_passed;
        return pending_pass(flight, attempt, now, out) ? resume_passed : resume_no_memory;
    }
    if (attempt->continuation.state == continuing_awaited) {
        if (kind == openai_event_finish) text_put(&attempt->continuation.pending, delta.content);
        if (attempt->continuation.pending.failed || !pending_pass(flight, attempt, now, out)) return resume_no_memory;
        if (kind == openai_event_finish && delta.content.len) return resume_not_ours;
    }
    if (kind == openai_event_done) return resume_not_ours;
    if (is_text && delta.content.len) delivered_add(flight, delta.content, now);
    return renamed_pass(flight, event->data, delta.id, out) ? resume_passed : resume_no_memory;
}

/* -- going on -- */

enum step resume_try(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                     struct actions *out) {
    struct str delivered = resume_may(flight) ? chunks_whole(&flight->resume.delivered) : STR_NONE;
    if (!resume_may(flight) || attempt->reply.mode != reply_events || !delivered.at || delivered.len == 0)
        return step_over;
    if (failure_facts(failure)->fault == fault_caller || flight->body.whole.len == 0) return step_over;
    struct text text = text_in_arena(&flight->arena, delivered.len * 2 + 512);
    text_put(&text, STR(",{\"role\":\"assistant\",\"content\":"));
    text_put_json(&text, delivered);
    text_put(&text, STR("},{\"role\":\"user\",\"content\":"));
    text_put_json(&text, flight->choice.route->resume_prompt.len ? flight->choice.route->resume_prompt : usual_prompt);
    text_put_byte(&text, '}');
    struct text prefill = text_in_arena(&flight->arena, delivered.len + delivered.len / 8 + 80);
    text_put(&prefill, STR(",{\"role\":\"assistant\",\"content\":"));
    text_put_json(&prefill, delivered);
    text_put(&prefill, STR(",\"prefix\":true}"));
    if (text.failed || prefill.failed) return step_over;
    flight->request.continuation = text_str(&text);
    flight->resume.prefill = text_str(&prefill);
    attempt_settle(flight, attempt, failure, now, out);
    resume_enter(flight, resume_going, now);
    flight->times.deadline_ns = now.mono_ns + flight->times.timeout_ns; /* up to the continuation's first token */
    return step_on;
}
