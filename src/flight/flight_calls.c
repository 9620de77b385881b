/* flight_calls.c - several answers to one request (`n`) of a target that makes one at a time: a call each, one after
 * the other, gathered into one reply. A whole one is held until the last has come; a stream brings the first answer
 * whole, then the second. Each call is an attempt like any other: with holds, retries and failover of its own, settled
 * by itself.
 *
 * Must never: give fewer answers than were asked for as if they were all; ask two at once. */
#include "base/check.h"
#include "flight/flight_internal.h"

bool calls_has(const struct flight *flight) { return flight->calls.done > 0; }

bool calls_more(const struct flight *flight, const struct attempt *attempt) {
    return attempt->one_of_several && (int64_t)attempt->choice + 1 < flight->request.n;
}

void calls_join(struct flight *flight, struct attempt *attempt) {
    attempt->one_of_several = calls_has(flight) || attempt->candidate->calls;
    attempt->choice = flight->calls.done;
    CHECKF(!attempt->one_of_several || attempt->choice < flight->request.n, "choice=%u", attempt->choice);
}

const struct attempt *calls_last(const struct flight *flight) {
    const struct attempt *last = flight->attempt_count ? flight->attempts[flight->attempt_count - 1] : NULL;
    return last && last->state == attempt_settled && last->failure == failure_none ? last : NULL;
}

void calls_count(struct flight *flight, const struct attempt *attempt, struct now now) {
    CHECK(attempt->state == attempt_settled && attempt->failure == failure_none && !flight->live);
    CHECKF(attempt->choice == flight->calls.done, "choice=%u done=%u", attempt->choice, flight->calls.done);
    flight->calls.done++;
    flight->calls.due = true;
    flight->calls.writer = attempt->dialect.writer;
    if (!flight->times.timeout_given) flight->times.deadline_ns += now.mono_ns - attempt->started_ns;
    attempt->candidate->tries = 0; /* it may be asked again, as if for the first time */
    attempt->candidate->refused_keys = 0;
}

bool calls_take_due(struct flight *flight) {
    bool due = flight->calls.due;
    flight->calls.due = false;
    return due;
}

/* -- what they come to together -- */

static int64_t counts_add(int64_t sum, int64_t more) {
    if (sum < 0 || more < 0) return -1; /* no sum is made of what was not said */
    return sum > INT64_MAX - more ? INT64_MAX : sum + more;
}

bool attempt_made_one(const struct attempt *attempt) {
    return attempt->one_of_several && attempt->state == attempt_settled && attempt->failure == failure_none;
}

struct usage calls_usage(const struct flight *flight, const struct attempt *attempt) {
    struct usage sum = attempt->usage;
    for (unsigned i = 0; attempt->one_of_several && i < attempt->number; i++) {
        const struct usage *more = &flight->attempts[i]->usage;
        if (!attempt_made_one(flight->attempts[i])) continue;
        sum.input_tokens = counts_add(sum.input_tokens, more->input_tokens);
        sum.output_tokens = counts_add(sum.output_tokens, more->output_tokens);
        sum.cached_input_tokens = counts_add(sum.cached_input_tokens, more->cached_input_tokens);
        sum.cache_write_tokens = counts_add(sum.cache_write_tokens, more->cache_write_tokens);
        sum.reasoning_tokens = counts_add(sum.reasoning_tokens, more->reasoning_tokens);
        sum.cost_nano_usd = counts_add(sum.cost_nano_usd, more->cost_nano_usd);
    }
    return sum;
}

int64_t calls_cost(const struct flight *flight, const struct attempt *attempt) {
    int64_t sum = attempt->cost_nano_usd;
    for (unsigned i = 0; attempt->one_of_several && i < attempt->number; i++)
        if (attempt_made_one(flight->attempts[i])) sum = counts_add(sum, flight->attempts[i]->cost_nano_usd);
    return sum;
}

void calls_cost_shares(const struct flight *flight, const struct attempt *attempt, int64_t shares[price_shares]) {
    for (unsigned k = 0; k < price_shares; k++) {
        shares[k] = attempt->cost_shares[k];
        for (unsigned i = 0; attempt->one_of_several && i < attempt->number; i++)
            if (attempt_made_one(flight->attempts[i]))
                shares[k] = counts_add(shares[k], flight->attempts[i]->cost_shares[k]);
    }
}

/* -- whole replies -- */

bool calls_gather(struct flight *flight, const struct attempt *last, struct message_reply *reply) {
    struct arena *scratch = flight->host->scratch;
    struct message_choice *choices = arena_take_zeroed(scratch, (last->choice + 1) * sizeof *choices);
    if (!choices) return false;
    for (unsigned i = 0; i < last->number; i++) {
        struct attempt *attempt = flight->attempts[i];
        struct message_reply own = {.choice_count = 0, .usage = USAGE_NONE};
        bool error_inside = false;
        if (!attempt_made_one(attempt)) continue;
        struct str body = chunks_whole(&attempt->reply.held);
        if (!body.at ||
            !attempt->dialect.codec->read_reply(body, scratch, attempt->dialect.quirks, &own, &error_inside) ||
            !emulate_reply(&attempt->dialect.emulation, &own, scratch) || own.choice_count == 0)
            return false; /* it was read before: there is no memory */
        choices[attempt->choice] = own.choices[0];
    }
    choices[last->choice] = reply->choices[0];
    reply->choices = choices;
    reply->choice_count = last->choice + 1;
    reply->usage = calls_usage(flight, last);
    return true;
}

struct str calls_masked(struct flight *flight, const struct attempt *last, struct str text) {
    for (unsigned i = 0; last->one_of_several && text.at && i < last->number; i++)
        if (attempt_made_one(flight->attempts[i])) text = masked_text(flight, flight->attempts[i], text);
    return text;
}

/* -- streams -- */

bool calls_event(const struct flight *flight, const struct attempt *attempt, struct message_event *event) {
    bool last = !calls_more(flight, attempt);
    if (event->choice > 0) return false; /* one was asked for */
    event->choice = attempt->choice;
    event->usage = last && event->kind == message_event_end ? calls_usage(flight, attempt) : USAGE_NONE;
    if (event->kind == message_event_begin) return attempt->choice == 0;
    return last || event->kind != message_event_end;
}
