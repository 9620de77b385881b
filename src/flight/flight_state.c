/* flight_state.c - the machines of a flight: what may follow what, and what entering a state means. Nobody else writes
 * a state, so that a state and what belongs to it cannot part. */
#include "base/check.h"
#include "flight/flight_internal.h"

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

void flight_enter(struct flight *flight, enum flight_state state, struct now now) {
    (void)now;
    CHECKF(flight_moves[flight->state] & 1u << state, "flight %.*s: %d -> %d", STR_ARG(flight->request_id),
           flight->state, state);
    flight->state = state;
    flight->timer_moved |= state == flight_answered;
}

bool flight_starved(const struct flight *flight) {
    return flight->host->scratch->refused || flight->arena.refused || flight->message_arena.refused;
}

void attempt_enter(struct flight *flight, struct attempt *attempt, enum attempt_state state, struct now now) {
    (void)now;
    CHECKF(attempt_moves[attempt->state] & 1u << state, "attempt %u: %d -> %d", attempt->number, attempt->state, state);
    attempt->state = state;
    flight->timer_moved |= state == attempt_delivering;
}

void caller_enter(struct flight *flight, enum caller_state state, struct now now) {
    (void)now;
    CHECKF(caller_moves[flight->caller] & 1u << state, "caller of %.*s: %d -> %d", STR_ARG(flight->request_id),
           flight->caller, state);
    flight->caller = state;
}

/* What follows is the spine's affair: here it is only said. */
enum step attempt_fails(struct attempt *attempt, enum failure failure) {
    CHECKF(failure != failure_none && attempt->failing == failure_none, "attempt %u: %d after %d", attempt->number,
           failure, attempt->failing);
    attempt->failing = failure;
    return step_over;
}

/* Moving the deadline later touches nothing: the timer fires, finds it is early, and is set again. */
void flight_arm(struct flight *flight, uint64_t deadline_ns, struct actions *out) {
    if (deadline_ns == UINT64_MAX) deadline_ns = 0; /* none wanted now */
    if (deadline_ns == 0 || (flight->timer_ns && flight->timer_ns <= deadline_ns)) return;
    flight->timer_ns = deadline_ns;
    actions_add(out, action_timer)->deadline_ns = deadline_ns;
}
