/* flight_settle.c - ends: an attempt's facts become final once, the flight closes once. */
#include "base/check.h"
#include "flight/flight_internal.h"

static int64_t attempt_cost(const struct attempt *attempt) {
    const struct usage *usage = &attempt->usage;
    if (usage->cost_nano_usd >= 0) return usage->cost_nano_usd; /* the provider's own word */
    if (usage->input_tokens < 0 && usage->output_tokens < 0) return -1;
    const struct price_tokens *others = &attempt->others.tokens;
    int64_t own =
        price_cost(&attempt->target->prices,
                   (struct price_tokens){usage->input_tokens - others->input, usage->output_tokens - others->output,
                                         usage->cached_input_tokens - others->cached_input,
                                         usage->cache_write_tokens - others->cache_write});
    int64_t more = attempt->others.cost_nano_usd;
    return own < 0 ? own : own > INT64_MAX - more ? INT64_MAX : own + more;
}

/* It was sent, no refusal came, and it ended before the provider had counted (or well, as a stream without a word of
 * what it took): it may have worked on it, and bills for that. What it was sent is known by estimate, and so is what
 * came of it; what else it made is not. */
static void usage_estimate(const struct flight *flight, struct attempt *attempt) {
    struct usage *usage = &attempt->usage;
    int64_t delivered = attempt_delivered(attempt);
    bool refused =
        !delivered && (attempt->failure == failure_error_in_reply || attempt->failure == failure_error_in_stream ||
                       attempt->failure == failure_filtered || attempt->failure == failure_context_exceeded);
    bool counted = attempt->failure == failure_none &&
                   (attempt->reply.mode != reply_events || usage->output_tokens >= 0 || delivered == 0);
    bool worked = attempt->sent_ns && attempt->reply.status < 300 && !counted;
    if (!worked || refused) return;
    bool nothing = usage->input_tokens < 0 && usage->output_tokens < 0;
    if (nothing && flight->prompt_tokens > 0) usage->input_tokens = flight->prompt_tokens;
    if (delivered > 0 && delivered / 2 >= usage->output_tokens) /* far more than it had counted so far */
        usage->output_tokens = delivered;
    else if (!nothing)
        return;
    attempt->usage_estimated = usage->input_tokens >= 0 || usage->output_tokens >= 0;
}

void attempt_settle(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                    struct actions *out) {
    CHECK(failure == failure_none || attempt->call_over); /* who fails was cancelled, or has ended by itself */
    attempt_enter(flight, attempt, attempt_settled, now);
    attempt->failure = failure;
    usage_estimate(flight, attempt);
    attempt->cost_nano_usd = attempt_cost(attempt);
    attempt->candidate->failure = failure;
    const struct catalog_model *facts = attempt->target->facts;
    if (failure == failure_context_exceeded && facts && facts->context_tokens > flight->choice.context_least)
        flight->choice.context_least = facts->context_tokens;
    if (failure == failure_none) hold_good(flight, attempt, now);
    lock_settle(flight, attempt, now);
    hold_settle(flight, attempt, now, out);
    struct action *action = actions_add(out, action_settled);
    action->attempt = attempt->number;
    action->settled = attempt;
}

void flight_close(struct flight *flight, struct now now, struct actions *out) {
    CHECK(!flight->live || flight->live->state == attempt_settled);
    CHECK(!flight->live || flight->live->call_over);
    CHECK(!flight->rival);
    CHECK(flight->caller == caller_ended || flight->caller == caller_gone);
    for (unsigned i = 0; i < flight->attempt_count; i++) CHECK(flight->attempts[i]->state == attempt_settled);
    flight->live = NULL;
    wait_give_up(flight, now, out);
    hold_client_settle(flight, now);
    CHECK(!flight->client_holds.gate && !flight->waiting.shares_line);
    flight_enter(flight, flight_closed, now);
    actions_add(out, action_closed);
}

void attempt_cancel(struct attempt *attempt, struct actions *out) {
    if (attempt->call_over) return;
    attempt->call_over = true;
    actions_add(out, action_cancel)->attempt = attempt->number;
}

void attempt_wins(struct flight *flight, struct attempt *winner, struct now now, struct actions *out) {
    struct attempt *other = winner == flight->live ? flight->rival : flight->live;
    CHECKF(winner == flight->live || winner == flight->rival, "attempt %u", winner->number);
    flight->winner = winner;
    if (!other) return;
    attempt_cancel(other, out);
    chunks_free(&other->reply.held);
    attempt_settle(flight, other, failure_outpaced, now, out);
    CHECK(flight->live == winner && !flight->rival);
}

void attempt_read(struct attempt *attempt, bool wanted, struct actions *out) {
    if (attempt->call_over || attempt->state != attempt_delivering) return;
    struct action *action = actions_add(out, action_call_read);
    action->attempt = attempt->number;
    action->wanted = wanted;
}
