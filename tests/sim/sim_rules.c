/* sim_rules.c - what must hold at every step and at the end, in the words of the engine's promise. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sim_rule(struct sim *sim, bool holds, const char *rule, unsigned caller) {
    if (!holds && !sim->broken[0]) snprintf(sim->broken, sizeof sim->broken, "%s (flight %u)", rule, caller);
    return !sim->broken[0];
}

static void got_add(struct sim *sim, struct sim_caller *caller, struct str bytes) {
    (void)sim;
    if (caller->got_len + bytes.len > caller->got_size) {
        caller->got_size = (caller->got_len + bytes.len) * 2;
        caller->got = realloc(caller->got, caller->got_size);
    }
    memcpy(caller->got + caller->got_len, bytes.at, bytes.len);
    caller->got_len += bytes.len;
}

static void check_write(struct sim *sim, unsigned number, const struct action *action) {
    struct sim_caller *caller = &sim->callers[number];
    sim_rule(sim, caller->responded && !caller->ended && !caller->aborted, "bytes come between the head and the end",
             number);
    size_t most = sim->mutant == mutant_ranges_cut ? 2 : SIZE_MAX, frames = 0;
    for (size_t i = 0; i < action->write.count && i < most; i++) {
        sim_rule(sim, action->write.ranges[i].len > 0, "no empty range is written", number);
        got_add(sim, caller, action->write.ranges[i]);
        for (size_t b = 0; b < action->write.ranges[i].len; b++) frames += action->write.ranges[i].at[b] == '\n';
    }
    if (frames > 1000) sim_reached(sim, mark_many_frames);
    if (sim->mutant == mutant_byte_changed && !sim->tampered && caller->got_len > 40 && caller->source >= 0) {
        caller->got[caller->got_len - 20] ^= 1;
        sim->tampered = true;
    }
}

static void check_settled(struct sim *sim, unsigned number, const struct action *action) {
    struct sim_caller *caller = &sim->callers[number];
    const struct attempt *attempt = action->settled;
    if (sim->mutant == mutant_settle_lost && !sim->tampered) {
        sim->tampered = true;
        return;
    }
    sim_rule(sim, attempt->state == attempt_settled, "a settled attempt says so", number);
    sim_rule(sim, !(caller->settled >> attempt->number & 1), "each attempt is settled once", number);
    sim_rule(sim, attempt->failure != failure_none || attempt->reply.status / 100 == 2, "a success has a status of 2xx",
             number);
    caller->settled |= 1ull << attempt->number;
    sim_calls_settled(sim, number, attempt);
    sim_keys_settled(sim, number, attempt);
    sim_decisions_settled(sim, number, attempt);
    sim_money_settled(sim, number, attempt);
    sim_quota_settled(sim, number, attempt);
    sim_limits_settled(sim, number, attempt);
}

static void check_respond(struct sim *sim, unsigned number, const struct action *action) {
    struct sim_caller *caller = &sim->callers[number];
    sim_rule(sim, !caller->responded && !caller->ended, "there is one head, and it comes first", number);
    caller->responded = true;
    caller->status = action->respond.status;
    caller->content_length = action->respond.content_length;
    for (size_t i = 0; i < action->respond.header_count; i++)
        sim_keys_check_bytes(sim, number, action->respond.headers[i].value);
    caller->source = -1;
    const struct flight *flight = caller->flight;
    if (flight->attempt_count && caller->status < 300)
        caller->source = (int)(flight->winner ? flight->winner : flight->attempts[flight->attempt_count - 1])->number;
}

static void check_marks(struct sim *sim, const struct flight *flight) {
    if (flight->answer.error == error_no_provider_available) sim_reached(sim, mark_nobody_available);
    bool limited = flight->answer.error == error_rate_limited || flight->answer.error == error_too_many_in_flight,
         looked = false;
    for (size_t i = 0; i < flight->choice.count; i++) looked |= flight->choice.candidates[i].refusal != refusal_none;
    if (limited && flight->attempt_count == 0) sim_reached(sim, looked ? mark_rate_refused : mark_client_refused);
    if (limited && flight->waiting.until_ns && sim->now.mono_ns >= flight->waiting.until_ns)
        sim_reached(sim, mark_waiter_timed_out);
    if (flight->answer.error == error_none || flight->attempt_count < 2) return;
    if (flight->choice.by == strategy_exclusive) sim_reached(sim, mark_lock_all_failed);
}

/* Two at once are a hedge: on a route that has it, at another target, before a byte has reached the caller. */
static void check_call(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    unsigned alive = 0;
    for (unsigned i = 0; i < sim_lanes; i++) alive += caller->lanes[i].alive;
    sim_rule(sim, alive < sim_lanes, "two calls at a time at most", number);
    sim_rule(sim, attempt->hedge == (alive > 0), "a call beside another is a hedge", number);
    if (!attempt->hedge) return;
    sim_rule(sim,
             !caller->responded && flight->choice.route->hedge.on &&
                 flight->attempts[attempt->number - 1]->target != attempt->target,
             "a hedge goes to another target, in time, where it may", number);
}

/* The route of all targets says a seed of its own to each but the first, and nobody else says any. */
static void check_params(struct sim *sim, unsigned number, const struct action *action) {
    const struct attempt *attempt = sim->callers[number].flight->attempts[action->attempt];
    unsigned said = 0, own = 0, index = sim_index(attempt->target->provider);
    char seed[24];
    snprintf(seed, sizeof seed, "seed\":%u", index); /* of one digit */
    for (size_t i = 0; i < action->call.body_count; i++) {
        said += str_find(action->call.body[i], STR("seed\":")) != SIZE_MAX;
        own += str_find(action->call.body[i], str_from(seed)) != SIZE_MAX;
    }
    bool has = str_eq(attempt->candidate->level->route->model, STR("fast")) && index > 0;
    sim_rule(sim, said == has && own == has, "each target is told what its route says to it, and no other", number);
    if (has && attempt->number) sim_reached(sim, mark_params_after_failover);
}

void sim_check_action(struct sim *sim, unsigned number, const struct action *action) {
    struct sim_caller *caller = &sim->callers[number];
    sim_rule(sim, !caller->closed, "nothing comes after the close", number);
    switch (action->kind) {
    case action_call:
        if (!sim_rule(sim, action->attempt < sim_attempts_max, "a flight has as many attempts as were drawn", number))
            return;
        sim_rule(sim, !(caller->called >> action->attempt & 1), "an attempt is sent once", number);
        caller->called |= 1ull << action->attempt;
        check_call(sim, number, caller->flight->attempts[action->attempt]);
        sim_rule(sim, !caller->responded || resume_has(caller->flight) || calls_has(caller->flight),
                 "no failover once a byte has reached the caller, but for a declared resume", number);
        sim_rule(sim, ++caller->calls <= sim->attempts_max + caller->answers || !sim->attempts_max,
                 "attempts stay within their limit", number);
        check_params(sim, number, action);
        sim_decisions_call(sim, number, caller->flight->attempts[action->attempt]);
        sim_money_call(sim, number, caller->flight->attempts[action->attempt], action);
        sim_quota_call(sim, number, caller->flight->attempts[action->attempt]);
        sim_limits_call(sim, number, caller->flight->attempts[action->attempt]);
        sim_rule(sim, sim->now.mono_ns <= caller->flight->times.deadline_ns, "no call after the deadline", number);
        break;
    case action_respond:
        check_respond(sim, number, action);
        check_marks(sim, caller->flight);
        break;
    case action_write: check_write(sim, number, action); break;
    case action_end:
        sim_rule(sim, caller->responded && !caller->ended && !caller->aborted, "an answer ends once", number);
        caller->ended = true;
        break;
    case action_abort:
        sim_rule(sim, !caller->ended && !caller->aborted, "an answer is broken off once", number);
        caller->aborted = true;
        break;
    case action_settled: check_settled(sim, number, action); break;
    default: break;
    }
}

static bool ends_in(const struct sim_caller *caller, const char *text) {
    size_t len = strlen(text);
    return caller->got_len >= len && memcmp(caller->got + caller->got_len - len, text, len) == 0;
}

/* The answer is the provider's own, byte for byte, but for what weir leaves out. */
static void check_answer(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    if (caller->gone || caller->source < 0) return;
    if (flight->attempts[caller->source]->one_of_several) {
        sim_calls_closed(sim, number);
        return;
    }
    const struct attempt *last =
        flight->attempts[resume_has(flight) ? flight->attempt_count - 1 : (unsigned)caller->source];
    const struct sim_call *call = sim_call_of(caller, last->number);
    if (!sim_rule(sim, call, "what answers has a call", number)) return;
    bool good = last->failure == failure_none;
    if (resume_has(flight)) {
        sim_reached(sim, good ? mark_stream_resumed : mark_resume_given_up);
        bool whole = ends_in(caller, "data: [DONE]\n\n") || (last->stream.finishes && !last->stream.saw_done);
        sim_rule(sim, caller->ended && (good ? whole : ends_in(caller, "}}}\n\n")),
                 "a resumed stream ends whole, or in an error", number);
        return;
    }
    if (sim->trace)
        printf("flight %u got  %.*s\nflight %u sent %.*s\n", number, (int)caller->got_len, caller->got, number,
               (int)call->len, call->bytes);
    if (good && last->holds.money.ended_for_money) { /* a part of it, and an end of weir's own */
        size_t same = 0;
        while (same < caller->got_len && same < call->wanted_len && caller->got[same] == call->wanted[same]) same++;
        while (same && memcmp(caller->got + same - 1, "\n", 1) != 0) same--; /* they may begin alike */
        struct str rest = str_make(caller->got + same, caller->got_len - same);
        sim_rule(sim,
                 caller->ended && ends_in(caller, "data: [DONE]\n\n") && rest.len < 600 &&
                     str_find(rest, STR("\"finish_reason\":\"length\"")) != SIZE_MAX,
                 "a stream that ran out of money ends as too long", number);
    } else if (good) {
        static const char done[] = "data: [DONE]\n\n";
        bool said = last->stream.finishes && !last->stream.saw_done; /* all was said, and weir ended it */
        size_t own = said && ends_in(caller, done) ? sizeof done - 1 : 0;
        sim_rule(sim, call->complete || said, "no success of a reply that is not whole", number);
        sim_rule(sim,
                 (said ? caller->got_len - own <= call->wanted_len : caller->got_len == call->wanted_len) &&
                     memcmp(caller->got, call->wanted, caller->got_len - own) == 0,
                 "the caller has what the provider sent", number);
        sim_rule(sim, caller->ended, "a good answer ends", number);
    } else {
        sim_rule(sim, !ends_in(caller, "data: [DONE]\n\n"), "a broken stream has no terminator", number);
        size_t shared = caller->got_len < call->wanted_len ? caller->got_len : call->wanted_len, same = 0;
        while (same < shared && caller->got[same] == call->wanted[same]) same++;
        const char *rest = caller->got + same;
        bool own = same == caller->got_len || memmem(caller->got, caller->got_len, "data: {\"error\"", 14) != NULL;
        sim_rule(sim, own && rest, "a broken answer is a part of the provider's, then an error", number);
    }
    if (caller->content_length >= 0 && caller->ended)
        sim_rule(sim, (size_t)caller->content_length == caller->got_len, "Content-Length is the answer's length",
                 number);
}

static void check_hedge(struct sim *sim, const struct flight *flight) {
    bool hedged = false;
    for (unsigned i = 0; i < flight->attempt_count; i++) hedged |= flight->attempts[i]->hedge;
    if (!hedged) return;
    sim_reached(sim, !flight->winner ? mark_hedge_failed : flight->winner->hedge ? mark_hedge_won : mark_hedge_lost);
}

/* Just the bodies past the limit are refused for their size. */
static void check_body(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    bool over = caller->body_sent > sim->body_max;
    if (caller->gone) return;
    sim_rule(sim, over == (caller->flight->answer.error == error_body_too_large),
             "just a body past the limit is too large", number);
    if (over) sim_reached(sim, mark_body_refused);
    if (caller->body_sent == sim->body_max) sim_reached(sim, mark_body_at_limit);
    if (caller->status == 200 && caller->content_length == limit_held_reply) sim_reached(sim, mark_held_to_the_limit);
}

/* Who gets an error for what targets failed of has had each of them asked, but those that something stood against. The
 * lock's holder may be busy, and keeps it. */
static void check_everybody(struct sim *sim, unsigned number) {
    const struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    unsigned count = flight->attempt_count;
    if (caller->gone || flight->winner || count == 0 || flight->choice.by == strategy_exclusive) return;
    for (unsigned i = 0; i < count; i++)
        if (!failure_goes_on(flight->attempts[i]->failure)) return;
    if (sim->now.mono_ns >= flight->times.deadline_ns) return;
    if (sim->attempts_max && count >= sim->attempts_max) return;
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        if (candidate->refusal == refusal_failover_budget) sim_reached(sim, mark_failover_budget_spent);
        sim_rule(sim, candidate->tries || candidate->refusal != refusal_none,
                 "each target is asked before a caller gets an error", number);
    }
    if (count > 1 + sim->retries_max) sim_reached(sim, mark_everybody_asked);
}

void sim_check_closed(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    sim_rule(sim, caller->settled == (flight->attempt_count ? ~0ull >> (64 - flight->attempt_count) : 0),
             "every attempt is settled when the flight closes", number);
    for (unsigned i = 0; i < sim_lanes; i++)
        sim_rule(sim, !caller->lanes[i].alive, "no call outlives its flight", number);
    check_hedge(sim, flight);
    check_everybody(sim, number);
    sim_keys_check_bytes(sim, number, str_make(caller->got, caller->got_len));
    check_body(sim, number);
    sim_clients_closed(sim, number);
    sim_quota_closed(sim, flight);
    sim_limits_closed(sim, number);
    sim_rule(sim, caller->gone || caller->ended || caller->aborted, "every caller that stays is answered", number);
    sim_rule(sim, caller->gone || caller->status != 0 || caller->aborted, "an answer has a status", number);
    check_answer(sim, number);
    caller->closed = true;
}
