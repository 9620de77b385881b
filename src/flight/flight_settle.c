/* flight_settle.c - ends: an attempt's facts become final once, the flight closes once. */
#include <string.h>

#include "base/check.h"
#include "flight/flight_internal.h"

int64_t attempt_started_s(const struct flight *flight, const struct attempt *attempt) {
    int64_t after_ns = (int64_t)(attempt->started_ns - flight->times.arrived_ns);
    return (flight->times.arrived_wall_ns + after_ns) / (int64_t)NS_PER_S;
}

/* By our prices. */
static struct price_bill attempt_bill(const struct flight *flight, const struct attempt *attempt) {
    const struct usage *usage = &attempt->usage;
    struct price_use use = {.tokens = {usage->input_tokens, usage->output_tokens, usage->cached_input_tokens,
                                       usage->cache_write_tokens, usage->reasoning_tokens},
                            .meter = &attempt->meter,
                            .started_s = attempt_started_s(flight, attempt)};
    if (usage->input_tokens < 0 && usage->output_tokens < 0 && !attempt->meter.said) return PRICE_BILL_UNKNOWN;
    if (!attempt->others) return price_bill(&attempt->target->prices, &use);
    const int64_t *others = attempt->others->tokens.of;
    struct meter meter = attempt->meter;
    uint32_t *written_1h = &meter.count[meter_cache_write_1h];
    use.meter = &meter;
    use.tokens.input -= others[go_input];
    use.tokens.output -= others[go_output];
    use.tokens.cached_input -= others[go_cached];
    use.tokens.cache_write -= others[go_written];
    *written_1h = *written_1h > others[go_written_1h] ? *written_1h - (uint32_t)others[go_written_1h] : 0;
    struct price_bill bill = price_bill(&attempt->target->prices, &use);
    if (bill.total >= 0) price_bill_add(&bill, &attempt->others->bill);
    return bill;
}

void attempt_price(const struct flight *flight, struct attempt *attempt) {
    struct price_bill bill = attempt_bill(flight, attempt);
    if (bill.total < 0 && attempt->usage.cost_nano_usd >= 0)
        bill = (struct price_bill){.total = attempt->usage.cost_nano_usd,
                                   .share[price_share_fees] = attempt->usage.cost_nano_usd};
    attempt->cost_nano_usd = bill.total;
    memcpy(attempt->cost_shares, bill.share, sizeof bill.share);
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
    if (nothing && flight->prompt_tokens > 0) usage->input_tokens = attempt_prompt_tokens(flight, attempt);
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
    money_estimate(flight, attempt, attempt_delivered(attempt));
    attempt_price(flight, attempt);
    attempt->candidate->failure = failure;
    const struct catalog_model *facts = attempt->target->facts;
    if (failure == failure_context_exceeded && facts && facts->context_tokens > flight->choice.context_least)
        flight->choice.context_least = facts->context_tokens;
    if (failure == failure_none) hold_good(flight, attempt, now);
    prefix_settle(flight, attempt, now);
    lock_settle(flight, attempt, now);
    hold_settle(flight, attempt, now, out);
    session_settle(flight, attempt, now);
    struct action *action = actions_add(out, action_settled);
    action->attempt = attempt->number;
    action->settled = attempt;
    if (failure == failure_none && attempt->asks_rest) actions_add(out, action_given);
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
    session_end(flight, now);
    making_give_up(flight, out);
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
