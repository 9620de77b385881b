/* flight_state.c - the machines of a flight: what may follow what, and what entering a state means. Nobody else writes
 * a state, so that a state and what belongs to it cannot part. */
#include "base/check.h"
#include "flight/flight_internal.h"

/* What may follow what: bit n is state n. */
enum { states_most = 8 };
static const unsigned moves[machines][states_most] = {
    [machine_flight] = {[flight_receiving] =
                            1u << flight_trying | 1u << flight_answering | 1u << flight_answered | 1u << flight_closed,
                        [flight_trying] = 1u << flight_answering | 1u << flight_answered | 1u << flight_closed,
                        [flight_answering] = 1u << flight_answered | 1u << flight_closed,
                        [flight_answered] = 1u << flight_closed},
    [machine_attempt] = {[attempt_connecting] = 1u << attempt_sent | 1u << attempt_replying | 1u << attempt_settled,
                         [attempt_sent] = 1u << attempt_sent | 1u << attempt_replying | 1u << attempt_settled,
                         [attempt_replying] = 1u << attempt_delivering | 1u << attempt_settled,
                         [attempt_delivering] = 1u << attempt_settled},
    [machine_caller] = {[caller_waiting] = 1u << caller_headed | 1u << caller_gone,
                        [caller_headed] = 1u << caller_ended | 1u << caller_gone,
                        [caller_ended] = 1u << caller_gone},
    [machine_waiting] = {[waiting_none] = 1u << waiting_backoff | 1u << waiting_rate | 1u << waiting_line |
                                          1u << waiting_fetch | 1u << waiting_recall | 1u << waiting_twin |
                                          1u << waiting_embedding,
                         [waiting_backoff] = 1u << waiting_none,
                         [waiting_rate] = 1u << waiting_none,
                         [waiting_line] = 1u << waiting_none,
                         [waiting_fetch] = 1u << waiting_none,
                         [waiting_recall] = 1u << waiting_none,
                         [waiting_twin] = 1u << waiting_none,
                         [waiting_embedding] = 1u << waiting_none},
    [machine_hedge] = {[hedge_unused] = 1u << hedge_refused | 1u << hedge_running, [hedge_running] = 1u << hedge_over},
    [machine_resume] = {[resume_off] = 1u << resume_ready,
                        [resume_ready] = 1u << resume_off | 1u << resume_going,
                        [resume_going] = 1u << resume_going | 1u << resume_spent},
};

static const char *const state_names[machines][states_most] = {
    [machine_flight] = {"receiving", "trying", "answering", "answered", "closed"},
    [machine_attempt] = {"connecting", "sent", "replying", "delivering", "settled"},
    [machine_caller] = {"waiting", "headed", "ended", "gone"},
    [machine_waiting] = {"none", "backoff", "rate", "line", "fetch", "recall", "twin", "embedding"},
    [machine_hedge] = {"unused", "refused", "running", "over"},
    [machine_resume] = {"off", "ready", "going", "spent"},
};
static const char *const machine_names[machines] = {"flight", "attempt", "caller", "waits", "hedge", "resume"};

void transitions_put(const struct flight *flight, struct text *text) {
    const struct transitions *log = &flight->transitions;
    uint32_t from = log->count > transitions_kept ? log->count - transitions_kept : 0;
    for (uint32_t i = from; i < log->count; i++) {
        const struct transition *one = &log->ring[i % transitions_kept];
        text_printf(text, "%s%u ms %s", i == from ? "" : ", ", one->at_ms, machine_names[one->machine]);
        if (one->machine == machine_attempt) text_printf(text, " %u", one->number);
        text_printf(text, " %s > %s", state_names[one->machine][one->from], state_names[one->machine][one->to]);
    }
}

_Noreturn static void move_is_illegal(const struct flight *flight, enum machine machine, unsigned number, unsigned from,
                                      unsigned to) {
    char story[1024];
    struct text text = text_in_buffer(story, sizeof story);
    transitions_put(flight, &text);
    CHECKF(false, "%.*s: %s %u must not go from %s to %s after: %.*s", STR_ARG(flight->request_id),
           machine_names[machine], number, state_names[machine][from], state_names[machine][to], (int)text.len, story);
    __builtin_unreachable();
}

void state_move(struct flight *flight, enum machine machine, unsigned number, unsigned from, unsigned to,
                struct now now) {
    struct transitions *log = &flight->transitions;
    CHECKF(machine < machines && from < states_most && to < states_most, "machine=%d from=%u to=%u", (int)machine, from,
           to);
    if (__builtin_expect(!(moves[machine][from] >> to & 1), 0)) move_is_illegal(flight, machine, number, from, to);
    log->ring[log->count++ % transitions_kept] =
        (struct transition){.at_ms = (uint32_t)((now.mono_ns - flight->times.arrived_ns) / NS_PER_MS),
                            .machine = (uint8_t)machine,
                            .number = (uint16_t)number,
                            .from = from & 0xf,
                            .to = to & 0xf};
}

void flight_enter(struct flight *flight, enum flight_state state, struct now now) {
    state_move(flight, machine_flight, 0, flight->state, state, now);
    flight->state = state;
    flight->times.timer_moved |= state == flight_answered; /* the provider's own end is awaited for a moment */
}

void caller_enter(struct flight *flight, enum caller_state state, struct now now) {
    state_move(flight, machine_caller, 0, flight->caller, state, now);
    flight->caller = state;
    if (state == caller_headed) flight->times.headed_ns = now.mono_ns;
}

void attempt_enter(struct flight *flight, struct attempt *attempt, enum attempt_state state, struct now now) {
    state_move(flight, machine_attempt, attempt->number, attempt->state, state, now);
    attempt->state = state;
    switch (state) {
    case attempt_sent: attempt->sent_ns = now.mono_ns; return;
    case attempt_replying: attempt->head_ns = now.mono_ns; return;
    case attempt_delivering:
        CHECKF(flight->live == attempt && !flight->rival && flight->winner == attempt, "attempt %u", attempt->number);
        flight->times.timer_moved = true; /* from here on a stall counts */
        return;
    case attempt_settled:
        CHECKF(flight->live == attempt || flight->rival == attempt, "attempt %u of %.*s does not run", attempt->number,
               STR_ARG(flight->request_id));
        attempt->ended_ns = now.mono_ns;
        if (flight->live == attempt) flight->live = flight->rival;
        flight->rival = NULL;
        if (flight->hedge == hedge_running) hedge_enter(flight, hedge_over, now); /* one of the two is left */
        return;
    default: CHECKF(false, "state=%d", (int)state);
    }
}

void hedge_enter(struct flight *flight, enum hedge_state state, struct now now) {
    CHECK(state != hedge_running || (flight->live && flight->rival));
    state_move(flight, machine_hedge, 0, flight->hedge, state, now);
    flight->hedge = state;
}

void resume_enter(struct flight *flight, enum resume_state state, struct now now) {
    struct chunks *delivered = &flight->resume.delivered;
    CHECKF(state != resume_going || (flight->caller == caller_headed && !flight->live), "caller=%d",
           (int)flight->caller); /* what is gone on with has begun, and has broken off */
    state_move(flight, machine_resume, 0, flight->resume.state, state, now);
    flight->resume.state = state;
    if (state == resume_ready) chunks_init_spared(delivered, flight->budget, flight->host->chunk_spares);
    if (state == resume_off || state == resume_spent) chunks_free(delivered);
}

bool resume_may(const struct flight *flight) {
    return flight->resume.state == resume_ready || flight->resume.state == resume_going;
}

bool resume_has(const struct flight *flight) {
    return flight->resume.state == resume_going || flight->resume.state == resume_spent;
}

void resume_drop(struct flight *flight, struct now now) {
    if (resume_may(flight)) resume_enter(flight, resume_has(flight) ? resume_spent : resume_off, now);
}

void attempt_joins(struct flight *flight, struct attempt *attempt, struct now now) {
    CHECKF(flight->attempt_count < flight->attempt_room && !flight->rival, "attempts=%u", flight->attempt_count);
    CHECKF(flight->state == (flight->caller == caller_headed ? flight_answering : flight_trying), "state=%d",
           (int)flight->state);
    attempt->number = flight->attempt_count;
    attempt->started_ns = now.mono_ns;
    attempt->hedge = flight->live != NULL;
    flight->attempts[flight->attempt_count++] = attempt;
    *(flight->live ? &flight->rival : &flight->live) = attempt;
    if (attempt->hedge) hedge_enter(flight, hedge_running, now);
    flight->times.timer_moved = true;
}

bool flight_starved(const struct flight *flight) {
    return flight->host->scratch->refused || flight->arena.refused || flight->canonical.arena.refused;
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
    if (deadline_ns == 0 || (flight->times.timer_ns && flight->times.timer_ns <= deadline_ns)) return;
    flight->times.timer_ns = deadline_ns;
    actions_add(out, action_timer)->deadline_ns = deadline_ns;
}

int64_t attempt_prompt_tokens(const struct flight *flight, const struct attempt *attempt) {
    const struct flight_inputs *inputs = &flight->inputs;
    if (!attempt->asks_rest) return flight->prompt_tokens;
    return (int64_t)((double)flight->prompt_tokens * (double)inputs->rest.len / (double)inputs->whole.len);
}
