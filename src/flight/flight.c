/* flight.c - the spine of a request's life: each event, in each state, goes to one place. Read this first.
 *
 * Must never: perform anything, ask a clock, block. Keeps: one live attempt at most, and a hedge beside it until one
 * delivers; nothing reaches the caller before an attempt delivers; each attempt is settled once and the flight closed
 * once, on every path (the setters CHECK it).
 */
#include "flight/flight_internal.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

/* Which states may follow which: bit n is state n. */
static const unsigned flight_moves[flight_states] = {
    [flight_receiving] = 1u << flight_trying | 1u << flight_answered | 1u << flight_closed,
    [flight_trying] = 1u << flight_answering | 1u << flight_answered | 1u << flight_closed,
    [flight_answering] = 1u << flight_answered | 1u << flight_closed,
    [flight_answered] = 1u << flight_closed,
};
static const unsigned attempt_moves[attempt_states] = {
    [attempt_connecting] = 1u << attempt_sent | 1u << attempt_replying | 1u << attempt_settled,
    [attempt_sent] = 1u << attempt_sent | 1u << attempt_replying | 1u << attempt_settled,
    [attempt_replying] = 1u << attempt_delivering | 1u << attempt_settled,
    [attempt_delivering] = 1u << attempt_settled,
};
static const unsigned caller_moves[caller_states] = {
    [caller_waiting] = 1u << caller_headed | 1u << caller_gone,
    [caller_headed] = 1u << caller_ended | 1u << caller_gone,
    [caller_ended] = 1u << caller_gone,
};

struct str flight_state_name(enum flight_state state) {
    static const char *const names[flight_states] = {"receiving", "trying", "answering", "answered", "closed"};
    return str_from(names[state]);
}

struct str attempt_state_name(enum attempt_state state) {
    static const char *const names[attempt_states] = {"connecting", "sent", "replying", "delivering", "settled"};
    return str_from(names[state]);
}

void flight_enter(struct flight *flight, enum flight_state state) {
    CHECKF(flight_moves[flight->state] & 1u << state, "flight %.*s: %d -> %d", STR_ARG(flight->request_id),
           flight->state, state);
    flight->state = state;
}

bool flight_starved(const struct flight *flight) {
    return flight->host->scratch->refused || flight->arena.refused || flight->message_arena.refused;
}

void attempt_enter(struct attempt *attempt, enum attempt_state state) {
    CHECKF(attempt_moves[attempt->state] & 1u << state, "attempt %u: %d -> %d", attempt->number, attempt->state, state);
    attempt->state = state;
}

void caller_enter(struct flight *flight, enum caller_state state) {
    CHECKF(caller_moves[flight->caller] & 1u << state, "caller of %.*s: %d -> %d", STR_ARG(flight->request_id),
           flight->caller, state);
    flight->caller = state;
}

static void flight_on_body(struct flight *flight, struct str bytes, struct now now, struct actions *out) {
    if (flight->state != flight_receiving) return; /* answered already: the rest of the body is of no use */
    if (bytes.len > flight->body_max - flight->body.len)
        answer_error(flight, error_body_too_large, STR_NONE, STR_NONE, now, out);
    else if (!budget_admits(flight->budget, bytes.len) || !chunks_add(&flight->body, bytes))
        answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
}

static void on_body_end(struct flight *flight, struct now now, struct actions *out) {
    if (flight->state != flight_receiving) return;
    flight->whole_body = chunks_whole(&flight->body);
    if (!flight->whole_body.at) {
        answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
    } else if (!stored_recall(flight, now, out)) {
        flight_admitted(flight, now, out);
    }
}

void flight_admitted(struct flight *flight, struct now now, struct actions *out) {
    if (!flight_admit(flight, now, out)) return;
    flight_enter(flight, flight_trying);
    flight_try_next(flight, now, out);
}

static void on_caller_gone(struct flight *flight, struct now now, struct actions *out) {
    caller_enter(flight, caller_gone);
    for (struct attempt *live; (live = flight->live);) {
        attempt_cancel(live, out);
        if (live->state == attempt_settled) break; /* its provider's end was awaited */
        attempt_settle(flight, live, failure_caller_gone, now, out);
    }
    flight_close(flight, now, out);
}

/* The caller reads too slowly, or again fast enough: so is the provider read. */
static void on_caller_room(struct flight *flight, bool room, struct now now, struct actions *out) {
    struct attempt *live = flight->live;
    flight->caller_is_full = !room;
    if (!live || live->call_over) return;
    live->last_token_ns = now.mono_ns; /* time spent waiting for the caller is not the provider's stall */
    attempt_read(live, room, out);
    if (room) flight_arm_next(flight, out);
}

static void flight_on_deadline(struct flight *flight, struct now now, struct actions *out) {
    struct attempt *running[] = {flight->live, flight->rival};
    if (now.mono_ns >= hedge_due_ns(flight)) hedge_begin(flight, now, out);
    for (size_t i = 0; i < sizeof running / sizeof *running && flight->state != flight_closed; i++) {
        struct attempt *attempt = running[i];
        enum failure failure;
        if (!attempt || (attempt != flight->live && attempt != flight->rival)) continue;
        if (now.mono_ns < attempt_deadline(flight, attempt, &failure)) continue;
        if (flight->state == flight_answered) { /* the provider has nothing more to say and does not end */
            attempt_cancel(attempt, out);
            flight_close(flight, now, out);
        } else {
            attempt_fail(flight, attempt, failure, now, out);
        }
    }
    if (flight->state != flight_closed && flight->live) flight_arm_next(flight, out);
}

static void flight_on_timer(struct flight *flight, struct now now, struct actions *out) {
    flight->timer_ns = 0;
    struct attempt *live = flight->live;
    if (!live && flight->waiting != waiting_none) {
        if (now.mono_ns < flight->wait_until_ns)
            flight_arm(flight, flight->wait_until_ns, out);
        else
            flight_wait_over(flight, now, out);
    }
    if (live) flight_on_deadline(flight, now, out);
}

static void body_read(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                      struct actions *out) {
    if (attempt->mode == reply_events)
        stream_reply_body(flight, attempt, bytes, now, out);
    else
        reply_body(flight, attempt, bytes, now, out);
}

static void on_reply_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                          struct actions *out) {
    struct str clean;
    if (attempt->state == attempt_settled) return; /* after [DONE] */
    if (!masked_body(flight, attempt, bytes, &clean))
        attempt_fail(flight, attempt, failure_system, now, out);
    else if (clean.len)
        body_read(flight, attempt, clean, now, out);
}

/* What was held back of the body, for it might have begun a credential. false: it was the attempt's end. */
static bool rest_read(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    struct str rest;
    if (attempt->state == attempt_settled || !attempt->masked.held_len) return true;
    if (!masked_body_end(flight, attempt, &rest))
        attempt_fail(flight, attempt, failure_system, now, out);
    else
        body_read(flight, attempt, rest, now, out);
    return attempt->state != attempt_settled;
}

static void on_reply_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    attempt->call_over = true;
    if (!rest_read(flight, attempt, now, out)) return;
    if (attempt->state == attempt_settled)
        flight_close(flight, now, out);
    else if (attempt->mode == reply_events)
        stream_reply_end(flight, attempt, now, out);
    else
        reply_end(flight, attempt, now, out);
}

static void on_call_failed(struct flight *flight, struct attempt *attempt, const struct event *event, struct now now,
                           struct actions *out) {
    attempt->call_over = true;
    if (attempt->state == attempt_settled) {
        flight_close(flight, now, out);
        return;
    }
    attempt_said(flight, attempt, event->text, false);
    attempt_fail(flight, attempt, event->failure, now, out);
}

/* The one of those that run that the event is of, else NULL: an event of a dead attempt changes nothing. */
static struct attempt *attempt_of(const struct flight *flight, const struct event *event) {
    struct attempt *attempt = flight->live;
    if (flight->rival && flight->rival->number == event->attempt) attempt = flight->rival;
    return attempt && attempt->number == event->attempt && !attempt->call_over ? attempt : NULL;
}

static void on_upstream(struct flight *flight, const struct event *event, struct now now, struct actions *out) {
    struct attempt *attempt = attempt_of(flight, event);
    if (!attempt) return;
    switch (event->kind) {
    case event_sent:
        if (attempt->state > attempt_sent) return;
        attempt_enter(attempt, attempt_sent);
        attempt->sent_ns = now.mono_ns;
        return;
    case event_reply_head: attempt_head(flight, attempt, event, now, out); return;
    case event_reply_body: on_reply_body(flight, attempt, event->bytes, now, out); return;
    case event_reply_end: on_reply_end(flight, attempt, now, out); return;
    case event_call_failed: on_call_failed(flight, attempt, event, now, out); return;
    default: CHECKF(false, "kind=%d", event->kind);
    }
}

void flight_step(struct flight *flight, const struct event *event, struct now now, struct actions *out) {
    CHECKF(flight->state != flight_closed, "event %d after the end of %.*s", event->kind, STR_ARG(flight->request_id));
    actions_begin(out, flight->host->scratch);
    switch (event->kind) {
    case event_arrived: flight_admit_head(flight, now, out); break;
    case event_body: flight_on_body(flight, event->bytes, now, out); break;
    case event_body_end: on_body_end(flight, now, out); break;
    case event_caller_gone: on_caller_gone(flight, now, out); break;
    case event_caller_full: on_caller_room(flight, false, now, out); break;
    case event_caller_writable: on_caller_room(flight, true, now, out); break;
    case event_timer: flight_on_timer(flight, now, out); break;
    case event_turn: flight_turn(flight, now, out); break;
    case event_recalled: stored_recalled(flight, event, now, out); break;
    case event_fetched: files_fetched(flight, event, now, out); break;
    default: on_upstream(flight, event, now, out);
    }
}

void flight_shed(struct flight *flight) {
    CHECK(flight->state == flight_closed);
    for (unsigned i = 0; i < flight->attempt_count; i++) {
        sse_free(&flight->attempts[i]->sse);
        lines_free(&flight->attempts[i]->lines);
        chunks_free(&flight->attempts[i]->held);
        mask_stream_free(&flight->attempts[i]->masked);
    }
    chunks_free(&flight->body);
    chunks_free(&flight->delivered);
    if (flight->own_input) chunks_free(flight->own_input);
    flight->whole_body = STR_NONE;
    translate_release(flight);
}

void flight_lost(struct flight *flight) {
    CHECK(flight->state == flight_closed);
    caller_enter(flight, caller_gone);
}

void flight_free(struct flight *flight) {
    flight_shed(flight);
    struct arena arena = flight->arena; /* the flight itself stands in it */
    arena_free(&arena);
}
