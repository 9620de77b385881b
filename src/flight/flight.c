/* flight.c - the spine of a request's life: each event, in each state, goes to one place, and what follows from what
 * became of it stands here. Read this first.
 *
 * Must never: perform anything, ask a clock, block. Keeps: one live attempt at most, and a hedge beside it until one
 * delivers; nothing reaches the caller before an attempt delivers; each attempt is settled once and the flight closed
 * once, on every path (the setters CHECK it).
 *
 * Who calls whom: this file calls those of each state (flight_admit.c, flight_choose.c, flight_attempt.c,
 * flight_reply.c, flight_stream.c, flight_end.c); they call those that do one thing (flight_hold.c, flight_lock.c,
 * flight_fetch.c, flight_resume.c) and an attempt's way (flight_way.h); all of them flight_deliver.c and
 * flight_answer.c, below which are flight_settle.c, flight_wait.c and flight_state.c. Nobody calls upwards, so that
 * there is no circle but through the tables of flight_way.c: what ended an attempt or lets a flight wait says so (enum
 * step, attempt_fails), and the next target, the closing and the timer are seen to here.
 */
#include "flight/flight.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "flight/flight_internal.h"

/* -- the caller's side -- */

static void on_body(struct flight *flight, struct str bytes, struct now now, struct actions *out) {
    if (flight->state != flight_receiving) return; /* answered already: the rest of the body is of no use */
    CHECKF(flight->body.chunks.len <= flight->body.most, "len=%zu most=%zu", flight->body.chunks.len,
           flight->body.most); /* each piece was looked at before it was added */
    if (bytes.len > flight->body.most - flight->body.chunks.len)
        answer_error(flight, error_body_too_large, STR_NONE, STR_NONE, now, out);
    else if (!budget_admits(flight->budget, bytes.len) || !chunks_add(&flight->body.chunks, bytes))
        answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
}

/* The body is whole and everything is there that it needs. */
static void on_request(struct flight *flight, struct now now, struct actions *out) {
    if (redact_admit(flight, now, out) != step_on || flight_admit(flight, now, out) != step_on) return;
    flight_enter(flight, flight_trying, now);
    flight_try_next(flight, now, out);
}

static void on_body_end(struct flight *flight, struct now now, struct actions *out) {
    if (flight->state != flight_receiving) return;
    flight->times.whole_ns = now.mono_ns;
    flight->body.whole = chunks_whole(&flight->body.chunks);
    if (!flight->body.whole.at)
        answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
    else if (stored_recall(flight, now, out) == step_on)
        on_request(flight, now, out);
}

/* Others follow what it makes: that goes on, as if its own caller read on. */
static void on_orphaned(struct flight *flight, struct actions *out) {
    flight->caller_is_full = false;
    if (flight->live) attempt_read(flight->live, true, out);
}

static void on_caller_gone(struct flight *flight, struct now now, struct actions *out) {
    if (!flight->cache.orphan && making_goes_on(flight)) {
        on_orphaned(flight, out);
        return;
    }
    caller_enter(flight, caller_gone, now);
    for (struct attempt *live; (live = flight->live);) {
        attempt_cancel(live, out);
        if (live->state == attempt_settled) break; /* its provider's end was awaited */
        attempt_settle(flight, live, failure_caller_gone, now, out);
    }
    flight_close(flight, now, out);
}

/* The process ends and can wait no more: a stream ends in its dialect's error event, anything else is a 503. */
static void on_shutdown(struct flight *flight, struct now now, struct actions *out) {
    for (struct attempt *live; (live = flight->live);) {
        attempt_cancel(live, out);
        if (live->state == attempt_settled) return; /* answered: only its provider's end was awaited */
        if (live->state == attempt_delivering) {
            stream_break(flight, live, failure_shutdown, now, out);
            return;
        }
        attempt_settle(flight, live, failure_shutdown, now, out);
    }
    wait_give_up(flight, now, out);
    if (flight->caller == caller_headed)
        answer_break(flight, failure_shutdown, now, out);
    else if (flight->caller == caller_waiting)
        answer_error(flight, error_shutting_down, STR_NONE, STR_NONE, now, out);
}

/* Of what it follows there is more; or nobody follows what it makes for others alone. */
static void on_made(struct flight *flight, struct now now, struct actions *out) {
    if (flight->cache.orphan && flight->state < flight_answered && !making_goes_on(flight)) {
        on_caller_gone(flight, now, out);
    } else if (twins_follow(flight) && flight->state < flight_answered && twins_read(flight, now, out) == step_on) {
        flight_enter(flight, flight_trying, now);
        flight_try_next(flight, now, out);
    }
}

/* Its words have been embedded, or that is not waited for any more (NULL). */
static void on_embedded(struct flight *flight, const struct event *event, struct now now, struct actions *out) {
    if (flight->waiting.why != waiting_embedding || semantic_embedded(flight, event, now, out) != step_on ||
        cache_go_on(flight, now, out) != step_on)
        return;
    flight_counts(flight, now);
    flight_enter(flight, flight_trying, now);
    flight_try_next(flight, now, out);
}

/* -- what follows a failure -- */

/* What could not be read for want of memory says nothing of its provider, and must rest nobody's. */
static enum failure failure_of_ours(const struct flight *flight, enum failure failure) {
    const struct failure_facts *facts = failure_facts(failure);
    bool reading = facts->error == error_provider_error && facts->fault == fault_target;
    return reading && flight_starved(flight) ? failure_system : failure;
}

/* Where another target may take what this one does not, the route says. */
static bool flight_goes_on(const struct flight *flight, enum failure failure) {
    switch (failure) {
    case failure_context_exceeded: return !flight->choice.route->context_answers;
    case failure_filtered: return flight->choice.route->filtered_next;
    default: return failure_goes_on(failure);
    }
}

/* No other target would do better: the other of two is broken off too. */
static void on_final_failure(struct flight *flight, const struct attempt *attempt, struct now now,
                             struct actions *out) {
    enum failure failure = attempt->failure;
    while (flight->live) {
        struct attempt *other = flight->live;
        attempt_cancel(other, out);
        attempt_settle(flight, other, failure == failure_request_deadline ? failure : failure_outpaced, now, out);
    }
    end_by_failure(flight, attempt, now, out);
}

/* An attempt has failed: its stream goes on elsewhere or breaks, another target is tried, or this is the answer. */
static void on_failure(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                       struct actions *out) {
    CHECKF(attempt == flight->live || attempt == flight->rival, "attempt %u", attempt->number); /* who fails, runs */
    failure = failure_of_ours(flight, failure);
    attempt_cancel(attempt, out);
    if (attempt->state == attempt_delivering) {
        if (resume_try(flight, attempt, failure, now, out) == step_on)
            flight_try_next(flight, now, out);
        else
            stream_break(flight, attempt, failure, now, out);
        return;
    }
    attempt_settle(flight, attempt, failure, now, out);
    if (!flight_goes_on(flight, failure) && !resume_refused(flight, attempt))
        on_final_failure(flight, attempt, now, out);
    else if (!flight->live) /* else the other of the two may still do it */
        flight_try_next(flight, now, out);
}

/* Its time is over. An answer that has been said whole is not broken by an end that its provider forgot. */
static void on_too_late(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                        struct actions *out) {
    if (stream_is_said(flight, attempt, failure)) {
        attempt_cancel(attempt, out);
        if (stream_said_end(flight, attempt, now, out) == step_on || attempt->failing == failure_none) return;
        failure = attempt->failing;
    }
    on_failure(flight, attempt, failure, now, out);
}

/* The caller reads too slowly, or again fast enough: so is the provider read. */
static void on_caller_room(struct flight *flight, bool room, struct now now, struct actions *out) {
    struct attempt *live = flight->live;
    flight->caller_is_full = !room;
    if (room) on_made(flight, now, out);
    if (!live || live->call_over) return;
    if (live->state == attempt_delivering && extend_follow(flight, live, now, out) != step_on) {
        if (live->failing != failure_none) on_failure(flight, live, live->failing, now, out);
        return;
    }
    live->last_token_ns = now.mono_ns; /* time spent waiting for the caller is not the provider's stall */
    attempt_read(live, room, out);
    if (room) flight->times.timer_moved = true;
}

/* -- the clock -- */

static uint64_t deadline_of(struct flight *flight, const struct attempt *attempt, struct now now,
                            enum failure *failure) {
    bool waits = !flight->request.stream && attempt->state < attempt_delivering;
    return attempt_deadline(flight, attempt, waits && choice_has_unasked(flight, now), failure);
}

/* For whatever is due next of the attempts that run. */
static void timer_follow(struct flight *flight, struct now now, struct actions *out) {
    enum failure ignored;
    uint64_t next = hedge_due_ns(flight);
    const struct attempt *running[] = {flight->live, flight->rival};
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
        uint64_t deadline = running[i] ? deadline_of(flight, running[i], now, &ignored) : UINT64_MAX;
        if (deadline < next) next = deadline;
    }
    flight_arm(flight, next, out);
}

static void on_deadline(struct flight *flight, struct now now, struct actions *out) {
    struct attempt *running[] = {flight->live, flight->rival};
    if (now.mono_ns >= hedge_due_ns(flight)) hedge_begin(flight, now, out);
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
        struct attempt *attempt = running[i];
        enum failure failure;
        if (!attempt || (attempt != flight->live && attempt != flight->rival)) continue;
        if (now.mono_ns < deadline_of(flight, attempt, now, &failure)) continue;
        if (flight->state == flight_answered) /* the provider has nothing more to say and does not end */
            attempt_cancel(attempt, out);
        else
            on_too_late(flight, attempt, failure, now, out);
    }
    flight->times.timer_moved = true;
}

static void on_timer(struct flight *flight, struct now now, struct actions *out) {
    CHECK(!flight->live || flight->waiting.why == waiting_none); /* who waits has nobody that runs */
    flight->times.timer_ns = 0;
    if (flight->live)
        on_deadline(flight, now, out);
    else if (flight->waiting.why != waiting_none && now.mono_ns < flight->waiting.until_ns)
        flight_arm(flight, flight->waiting.until_ns, out);
    else if (flight->waiting.why == waiting_embedding)
        on_embedded(flight, NULL, now, out);
    else if (flight->waiting.why != waiting_none)
        flight_wait_over(flight, now, out);
}

/* -- the provider's side -- */

static enum step body_read(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                           struct actions *out) {
    return (attempt->reply.mode == reply_events ? stream_reply_body : reply_body)(flight, attempt, bytes, now, out);
}

static enum step on_reply_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                               struct actions *out) {
    struct str clean;
    if (attempt->state == attempt_settled) return step_over; /* after [DONE] */
    if (!masked_body(flight, attempt, bytes, &clean)) return attempt_fails(attempt, failure_system);
    quota_reply_read(attempt, clean);
    return clean.len ? body_read(flight, attempt, clean, now, out) : step_on;
}

/* What was held back of the body, for it might have begun a credential. */
static enum step rest_read(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    struct str rest;
    if (!attempt->reply.masked.held_len) return step_on;
    if (!masked_body_end(flight, attempt, &rest)) return attempt_fails(attempt, failure_system);
    quota_reply_read(attempt, rest);
    return body_read(flight, attempt, rest, now, out);
}

static enum step on_reply_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    attempt->call_over = true;
    if (attempt->state == attempt_settled) return step_over;
    if (rest_read(flight, attempt, now, out) != step_on) return step_over;
    return (attempt->reply.mode == reply_events ? stream_reply_end : reply_end)(flight, attempt, now, out);
}

static enum step on_call_failed(struct flight *flight, struct attempt *attempt, const struct event *event,
                                struct now now, struct actions *out) {
    attempt->call_over = true;
    if (attempt->state == attempt_settled) return step_over;
    if (stream_is_said(flight, attempt, event->failure)) return stream_said_end(flight, attempt, now, out);
    attempt_said(flight, attempt, event->text, false);
    return attempt_fails(attempt, event->failure);
}

static enum step on_sent(struct flight *flight, struct attempt *attempt, struct now now) {
    if (attempt->state > attempt_sent) return step_on;
    attempt_enter(flight, attempt, attempt_sent, now);
    return step_on;
}

static enum step attempt_step(struct flight *flight, struct attempt *attempt, const struct event *event, struct now now,
                              struct actions *out) {
    switch (event->kind) {
    case event_sent: return on_sent(flight, attempt, now);
    case event_reply_head: return attempt_head(flight, attempt, event, now);
    case event_reply_body: return on_reply_body(flight, attempt, event->bytes, now, out);
    case event_reply_end: return on_reply_end(flight, attempt, now, out);
    case event_call_failed: return on_call_failed(flight, attempt, event, now, out);
    default: CHECKF(false, "kind=%d", event->kind); return step_over;
    }
}

/* The one of those that run that the event is of, else NULL: an event of a dead attempt changes nothing. */
static struct attempt *attempt_of(const struct flight *flight, const struct event *event) {
    struct attempt *attempt = flight->live;
    CHECK(!flight->rival || (flight->live && flight->hedge == hedge_running)); /* it runs beside another, if at all */
    if (flight->rival && flight->rival->number == event->attempt) attempt = flight->rival;
    return attempt && attempt->number == event->attempt && !attempt->call_over ? attempt : NULL;
}

static void on_upstream(struct flight *flight, const struct event *event, struct now now, struct actions *out) {
    struct attempt *attempt = attempt_of(flight, event);
    if (!attempt) return;
    if (attempt_step(flight, attempt, event, now, out) == step_over && attempt->failing != failure_none)
        on_failure(flight, attempt, attempt->failing, now, out);
    CHECKF(attempt->failing == failure_none || attempt->state == attempt_settled, "attempt %u: %d", attempt->number,
           (int)attempt->failing); /* what was said of it was seen to */
}

/* -- a step -- */

/* How much of an answer its caller has, by what the flight is at: the two move together in a step. */
static const enum caller_state callers[flight_states] = {[flight_receiving] = caller_waiting,
                                                         [flight_trying] = caller_waiting,
                                                         [flight_answering] = caller_headed,
                                                         [flight_answered] = caller_ended,
                                                         [flight_closed] = caller_gone};

/* Answered, and nothing more is awaited of a provider. */
static bool is_over(const struct flight *flight) {
    return flight->state == flight_answered && (!flight->live || flight->live->call_over);
}

void flight_step(struct flight *flight, const struct event *event, struct now now, struct actions *out) {
    CHECKF(flight->state != flight_closed, "event %d after the end of %.*s", event->kind, STR_ARG(flight->request_id));
    actions_begin(out, flight->host->scratch);
    flight->money_way = NULL;
    switch (event->kind) {
    case event_arrived: flight_admit_head(flight, now, out); break;
    case event_body: on_body(flight, event->bytes, now, out); break;
    case event_body_end: on_body_end(flight, now, out); break;
    case event_caller_gone: on_caller_gone(flight, now, out); return;
    case event_caller_full: on_caller_room(flight, false, now, out); break;
    case event_caller_writable: on_caller_room(flight, true, now, out); break;
    case event_timer: on_timer(flight, now, out); break;
    case event_shutdown: on_shutdown(flight, now, out); break;
    case event_turn: flight_turn(flight, now, out); break;
    case event_made: on_made(flight, now, out); break;
    case event_embedded: on_embedded(flight, event, now, out); break;
    case event_recalled:
        if (stored_recalled(flight, event, now, out) == step_on) on_request(flight, now, out);
        break;
    case event_fetched:
        if (files_fetched(flight, event, now, out) == step_on) flight_try_next(flight, now, out);
        break;
    default: on_upstream(flight, event, now, out);
    }
    if (calls_take_due(flight)) flight_try_next(flight, now, out);
    if (flight->state == flight_closed) return; /* nobody was left to make it for */
    CHECKF(flight->caller == callers[flight->state], "state=%d caller=%d", (int)flight->state, (int)flight->caller);
    if (is_over(flight)) {
        flight_close(flight, now, out);
    } else if (flight->times.timer_moved) {
        flight->times.timer_moved = false;
        if (flight->live) timer_follow(flight, now, out);
    }
}

void flight_shed(struct flight *flight) {
    CHECK(flight->state == flight_closed);
    for (unsigned i = 0; i < flight->attempt_count; i++) {
        sse_free(&flight->attempts[i]->stream.sse);
        lines_free(&flight->attempts[i]->stream.lines);
        chunks_free(&flight->attempts[i]->reply.held);
        mask_stream_free(&flight->attempts[i]->reply.masked);
    }
    chunks_free(&flight->body.chunks);
    chunks_free(&flight->resume.delivered);
    if (flight->stored.input) chunks_free(flight->stored.input);
    flight->body.whole = STR_NONE;
    translate_release(flight);
    making_shed(flight);
    inputs_shed(flight);
}

void flight_lost(struct flight *flight, struct now now) {
    CHECK(flight->state == flight_closed);
    caller_enter(flight, caller_gone, now);
}

void flight_free(struct flight *flight) {
    flight_shed(flight);
    values_let_go(flight);
    limits_let_go(flight);
    struct arena arena = flight->arena; /* the flight itself stands in it */
    arena_free(&arena);
}
