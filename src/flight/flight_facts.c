/* flight_facts.c - what others may know of a flight: facts for the log, the metrics and the library, taken off it when
 * they are asked for. */
#include <string.h>

#include "base/check.h"
#include "flight/flight_internal.h"

static uint64_t facts_us_between(uint64_t from_ns, uint64_t to_ns) {
    return from_ns && to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;
}

/* A stream's time for each of the tokens behind its first, as its provider counted them. */
static uint64_t facts_token_us(const struct flight *flight, const struct attempt *attempt) {
    int64_t tokens = attempt->usage_estimated ? 0 : attempt->usage.output_tokens;
    if (!flight->request.stream || tokens < 2 || !attempt->first_token_ns) return 0;
    uint64_t mean_us = facts_us_between(attempt->first_token_ns, attempt->last_token_ns) / (uint64_t)(tokens - 1);
    return mean_us ? mean_us : 1; /* they came in one read */
}

struct attempt_facts attempt_facts(const struct flight *flight, unsigned number) {
    CHECKF(number < flight->attempt_count, "number=%u attempts=%u", number, flight->attempt_count);
    const struct attempt *attempt = flight->attempts[number], *before = number ? flight->attempts[number - 1] : NULL;
    const struct others *others = attempt->others;
    struct attempt_facts facts = {
        .target = attempt->target,
        .failure = attempt->failure,
        .status = attempt->reply.status,
        .failover = before && !attempt->hedge && before->target != attempt->target,
        .duration_us = facts_us_between(attempt->started_ns, attempt->ended_ns),
        .first_token_us = facts_us_between(attempt->started_ns, attempt->first_token_ns),
        .token_us = facts_token_us(flight, attempt),
        .usage = attempt->usage,
        .started_wall_ns = flight->times.arrived_wall_ns + (int64_t)(attempt->started_ns - flight->times.arrived_ns),
        .output_cap =
            attempt->holds.money.output_cap >= 0 ? attempt->holds.money.output_cap : flight->request.max_tokens,
        .hedge = attempt->hedge,
        .estimated = attempt->usage_estimated,
        .cost_nano_usd = attempt->cost_nano_usd,
        .cost_shares = attempt->cost_shares,
        .meter = &attempt->meter,
        .events = attempt->stream.events,
        .events_dropped = attempt->stream.events_dropped,
        .cut = attempt->holds.money.ended_for_money,
        .said = attempt->word.is_providers ? STR_NONE : attempt->word.text, /* it may quote a prompt */
        .code = attempt->word.code,
        .rests = attempt->rests,
        .key = attempt->holds.key,
        .miss = attempt->miss,
        .missed_tokens = attempt->missed_tokens,
    };
    if (others && others->bill.total > 0) {
        const int64_t *of = others->tokens.of;
        facts.other_tokens = (struct price_tokens){.input = of[go_input],
                                                   .output = of[go_output],
                                                   .cached_input = of[go_cached],
                                                   .cache_write = of[go_written]};
        facts.other_written_1h = of[go_written_1h];
        facts.other_nano_usd = others->bill.total;
    }
    return facts;
}

struct attempt_lost attempt_if_lost(const struct flight *flight, unsigned number) {
    CHECKF(number < flight->attempt_count, "number=%u attempts=%u", number, flight->attempt_count);
    const struct attempt *attempt = flight->attempts[number];
    const struct target *target = attempt->target;
    const int64_t now_s = flight->times.arrived_wall_ns / (int64_t)NS_PER_S;
    struct attempt_lost lost = {.input_tokens = attempt_prompt_tokens(flight, attempt)};
    if (!flight->request.stream)
        lost.output_tokens =
            flight_tokens_reserved(flight, target->cells ? &target->cells->taken : NULL) - flight->prompt_tokens;
    struct price_use use = {.tokens = {.input = lost.input_tokens, .output = lost.output_tokens}, .started_s = now_s};
    struct price_bill bill = price_bill(&target->prices, &use);
    lost.cost_nano_usd = bill.total;
    memcpy(lost.cost_shares, bill.share, sizeof bill.share);
    lost.token_nano_usd = price_of_more_output(&target->prices, &use, bill.total);
    return lost;
}

int64_t attempt_delivered_tokens(const struct flight *flight, unsigned number) {
    CHECKF(number < flight->attempt_count, "number=%u attempts=%u", number, flight->attempt_count);
    const struct attempt *attempt = flight->attempts[number];
    int64_t delivered = attempt_delivered(attempt), covered = attempt->holds.money.extent.covered;
    return covered && delivered > covered ? covered : delivered; /* what is lost is charged no more than was reserved */
}

void **attempt_kept(struct flight *flight, unsigned number) {
    CHECKF(number < flight->attempt_count, "number=%u attempts=%u", number, flight->attempt_count);
    return &flight->attempts[number]->kept;
}

unsigned attempt_charges(const struct flight *flight, unsigned number, struct attempt_charge *list, unsigned most) {
    CHECKF(number < flight->attempt_count, "number=%u attempts=%u", number, flight->attempt_count);
    const struct money_hold *hold = &flight->attempts[number]->holds.money;
    const struct quota_hold *quota = &flight->attempts[number]->holds.quota;
    static const struct hash_tag no_value = {{0, 0}};
    unsigned count = session_charges(flight, number, list, most);
    for (unsigned i = 0; i < hold->count && count < most; i++)
        list[count++] = (struct attempt_charge){
            .budget = hold->tickets[i].budget->identity,
            .value = hold->tickets[i].value ? hold->tickets[i].value->tag : no_value,
            .window_s = hold->tickets[i].window_s |
                        (hold->tickets[i].budget == flight->session_hold.budget ? session_window_mark : 0)};
    for (unsigned i = 0; i < quota->count && count < most; i++)
        if (quota->tickets[i].units)
            list[count++] = (struct attempt_charge){.budget = quota->tickets[i].quota->identity,
                                                    .window_s = quota->tickets[i].window_s,
                                                    .units = quota->tickets[i].units};
    return count;
}

/* What all its attempts cost; -1: not known of any. */
static int64_t facts_cost(const struct flight *flight) {
    int64_t sum = -1;
    for (unsigned i = 0; i < flight->attempt_count; i++) {
        int64_t cost = flight->attempts[i]->cost_nano_usd;
        if (cost >= 0) sum = sum < 0 ? cost : sum + cost;
    }
    return sum;
}

/* Whose answer it is: of a stream that was resumed, the last one's. */
static const struct attempt *facts_last(const struct flight *flight) {
    if (flight->winner && !resume_has(flight) && !calls_has(flight)) return flight->winner;
    return flight->attempt_count ? flight->attempts[flight->attempt_count - 1] : NULL;
}

/* At least 1 where it was answered, be it in the turn in which it came. */
static uint64_t facts_headed_us(const struct flight *flight) {
    uint64_t took_us = facts_us_between(flight->times.arrived_ns, flight->times.headed_ns);
    return took_us || !flight->times.headed_ns ? took_us : 1;
}

struct flight_facts flight_facts(const struct flight *flight) {
    const struct attempt *last = facts_last(flight);
    struct usage usage = last ? calls_usage(flight, last) : USAGE_NONE;
    const struct target *given = flight->cache.target; /* no attempt came to anything then */
    if (given) usage.input_tokens = flight->cache.given.input_tokens;
    if (given) usage.output_tokens = flight->cache.given.output_tokens;
    if (given) usage.cached_input_tokens = flight->cache.given.cached_tokens;
    return (struct flight_facts){
        .request_id = flight->request_id,
        .own_id = flight->own_id,
        .endpoint = flight->endpoint,
        .model = flight->choice.model,
        .client = flight->client,
        .stream = flight->request.stream,
        .status = flight->answer.status,
        .error = flight->answer.error,
        .said = flight->answer.said,
        .caller_gone = flight->caller == caller_gone || flight->cache.orphan,
        .attempts = flight->attempt_count,
        .provider = given  ? given->provider
                    : last ? last->target->provider
                           : NULL,
        .served = given  ? given->model
                  : last ? last->target->model
                         : STR_NONE,
        .input_tokens = usage.input_tokens,
        .cached_tokens = usage.cached_input_tokens,
        .answer_bytes = flight->answer.bytes,
        .output_tokens = usage.output_tokens,
        .cost_nano_usd = facts_cost(flight),
        .arrived_ns = flight->times.arrived_ns,
        .headed_us = facts_headed_us(flight),
        .arrived_wall_ns = flight->times.arrived_wall_ns,
        .route = flight->choice.route ? flight->choice.route->model : STR_NONE,
        .rule = flight->choice.rule ? flight->choice.rule->name : STR_NONE,
        .session = flight->session,
        .tags = flight->snapshot->trust_tags ? flight->steering.tags : STR_NONE,
        .has_images = flight->request.has_image,
        .has_tools = flight->request.has_tools,
        .wants_json = flight->request.wants_json,
        .prompt_tokens = flight->prompt_tokens,
        .generation = flight->snapshot->generation,
        .lock_route = flight->lock_moved.route,
        .lock_from = flight->lock_moved.from,
        .lock_to = flight->lock_moved.to ? flight->lock_moved.to->name : STR_NONE,
        .lock_why = flight->lock_moved.why,
        .loop_tool = flight->loop.tool,
        .loop_calls = flight->loop.calls,
        .is_fallback = flight->answer.is_fallback,
        .trace_id = flight->trace.id,
        .trace_parent = flight->trace.parent,
        .trace_state = flight->trace.state,
        .is_sampled = flight->trace.sampled && flight->snapshot->traces.on,
        .session_shared = flight->session_hold.shared,
        .cache = flight->cache.state,
        .semantic = flight->semantic ? flight->semantic->outcome : semantic_off,
        .compared = flight->semantic ? flight->semantic->compared : compared_not,
        .alike = flight->semantic ? flight->semantic->alike : 0,
        .saved_nano_usd = given                                         ? flight->cache.given.cost_nano_usd
                          : flight->winner && flight->winner->asks_rest ? flight->inputs.saved_nano_usd
                                                                        : -1,
    };
}

unsigned flight_attempt_count(const struct flight *flight) { return flight->attempt_count; }

const struct client *flight_client(const struct flight *flight) { return flight->client; }

struct making *flight_making(const struct flight *flight) {
    return flight->cache.making;
}

uint64_t flight_client_hash(const struct flight *flight) { return flight->client_hash; }

struct budget *flight_holds_within(const struct flight *flight) {
    return flight->budget;
}

bool flight_is_streaming(const struct flight *flight) {
    return flight->state == flight_answering && flight->request.stream;
}

bool flight_is_handed_over(const struct flight *flight) { return flight->caller == caller_ended; }
