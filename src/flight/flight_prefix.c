/* flight_prefix.c - prompts stay where their provider has kept their beginning: what tells that two requests begin
 * alike, which target the last one was answered by, and what is learnt when an answer has come. The choice itself is
 * core/prefix.h's.
 *
 * Must never: hold a request back, or send it to whom the strategy could not have chosen. */
#include "base/check.h"
#include "dialect/prefix.h"
#include "flight/flight_internal.h"
#include "flight/flight_mark.h"

enum { lifetime_usual_s = 300 };

static uint32_t prefix_now_s(struct now now) { return (uint32_t)(now.mono_ns / NS_PER_S); }

/* By base URL, provider and model, across configurations; 0: of one that was made for this request. */
static uint64_t prefix_target(const struct target *target) { return (uint64_t)(uintptr_t)target->cells; }

struct str prefix_by_name(enum prefix_by by) {
    static const struct str names[] = {STR("request"), STR("session"), STR("agent_session"), STR("prompt_cache_key"),
                                       STR("prefix"),  STR("trace"),   STR("client")};
    _Static_assert(sizeof names / sizeof *names == prefix_bys, "a name each");
    return (unsigned)by < prefix_bys ? names[by] : STR("");
}

/* -- what it is known by -- */

/* A level chooses by it where its route says so, or nothing and its strategy is to keep together; `adaptive` where the
 * caller says what belongs together. */
bool prefix_sticks(const struct flight *flight, const struct level *level) {
    if (!flight->prefix || level->by == strategy_exclusive) return false;
    if (level->route->affinity != affinity_usual) return level->route->affinity == affinity_on;
    return level->by == strategy_sticky || (level->by == strategy_adaptive && flight->session.len);
}

static bool prefix_is_wanted(const struct flight *flight) {
    for (size_t i = 0; i < flight->choice.level_count; i++) {
        const struct level *level = &flight->choice.levels[i];
        enum affinity affinity = level->route->affinity;
        if (level->by == strategy_sticky || (affinity == affinity_on && level->by != strategy_exclusive)) return true;
        if (level->by == strategy_adaptive && affinity == affinity_usual && flight->session.len) return true;
    }
    return false;
}

/* In (0, 2^64): a word of this client's, for this model. */
static uint64_t prefix_key(const struct flight *flight, enum prefix_by by, uint64_t word) {
    uint64_t key = word * 0x9e3779b97f4a7c15u ^ flight->client_hash;
    key = (key ^ key >> 29) * 0xbf58476d1ce4e5b9u ^ str_hash(flight->choice.model) ^ (uint64_t)by << 56;
    key = (key ^ key >> 32) * 0x94d049bb133111ebu;
    key ^= key >> 29;
    return key ? key : 1;
}

static void prefix_name(struct flight *flight, struct flight_prefix *prefix) {
    const struct message_request *message = flight->canonical.message;
    struct str said = message ? message->prompt_cache_key : flight->request.prompt_cache_key;
    struct prompt_prefix read = {0};
    if (endpoint_facts(flight->endpoint)->operation == operation_chat && !flight->past)
        read = prompt_prefix_read(flight->body.whole);
    const struct {
        enum prefix_by by;
        uint64_t word;
        bool there;
    } names[] = {
        {prefix_by_session, str_hash(str_trim(flight->steering.session)), str_trim(flight->steering.session).len > 0},
        {prefix_by_agent_session, str_hash(str_trim(flight->steering.agent_session)),
         str_trim(flight->steering.agent_session).len > 0},
        {prefix_by_key, str_hash(said), said.len > 0},
        {prefix_by_prefix, read.hash, read.hash != 0},
        {prefix_by_trace, str_hash(flight->session), flight->session.len > 0},
        {prefix_by_client, 0, flight->client != NULL},
        {prefix_by_request, str_hash(flight->own_id), true},
    };
    size_t i = 0;
    while (!names[i].there) i++;
    prefix->by = names[i].by;
    prefix->key = prefix_key(flight, prefix->by, names[i].word);
    const uint64_t words[prefix_key_words] = {flight->client_hash, (uint64_t)prefix->by, names[i].word,
                                              str_hash(flight->choice.model)};
    if (flight->host->prefixes && prefix->by != prefix_by_request)
        prefix->place = prefix_memory_key(flight->host->prefixes, words);
    prefix->marked = read.marked;
    prefix->lifetime_s = read.lifetime_s ? read.lifetime_s : lifetime_usual_s;
}

static const struct candidate *holder_of(const struct flight *flight, const struct prefix_known *known) {
    for (size_t i = 0; i < flight->choice.count; i++)
        if (prefix_target(flight->choice.candidates[i].target) == known->target) return &flight->choice.candidates[i];
    return NULL;
}

bool prefix_admit(struct flight *flight, struct now now) {
    const struct prefix_memory *memory = flight->host->prefixes;
    if (!prefix_is_wanted(flight) || flight->steering.targets.at) return true;
    struct flight_prefix *prefix = arena_take_zeroed(&flight->arena, sizeof *prefix);
    if (!prefix) return false;
    flight->prefix = prefix;
    prefix->nano_usd = -1;
    prefix_name(flight, prefix);
    prefix->has = prefix->place && prefix_memory_find(memory, prefix->place, &prefix->known);
    prefix->outcome = prefix_first;
    if (!prefix->has) return true;
    prefix->holder = holder_of(flight, &prefix->known);
    prefix->outcome = prefix->known.until_s <= prefix_now_s(now) ? prefix_over
                      : prefix->holder                           ? prefix_same
                                                                 : prefix_gone;
    if (prefix->outcome == prefix_over) prefix->holder = NULL;
    return true;
}

/* -- the choice -- */

int64_t prefix_cost_at(const struct flight *flight, const struct candidate *candidate, int64_t tokens, int64_t cached,
                       int64_t written) {
    enum { output_guess = 512 };
    int64_t calls = candidate->calls ? flight->request.n : 1; /* each has all of the prompt */
    int64_t input = flight->prompt_tokens > tokens ? flight->prompt_tokens : tokens;
    struct meter meter = {0};
    const uint32_t marked_s = written ? mark_lifetime_s(flight, candidate->target) : 0,
                   lifetime_s = !written   ? 0
                                : marked_s ? marked_s
                                           : flight->prefix->lifetime_s;
    if (lifetime_s > 3600)
        meter_note(&meter, meter_cache_write_12h, written);
    else if (lifetime_s > lifetime_usual_s)
        meter_note(&meter, meter_cache_write_1h, written);
    struct price_use use = {.tokens = {.input = input * calls,
                                       .output = flight_output_tokens(flight, output_guess),
                                       .cached_input = cached,
                                       .cache_write = written},
                            .meter = &meter,
                            .started_s = flight->times.arrived_wall_ns / (int64_t)NS_PER_S};
    return price_bill(&candidate->target->prices, &use).total;
}

static struct prefix_cost prefix_cost_of(const struct flight *flight, const struct candidate *candidate) {
    const struct flight_prefix *prefix = flight->prefix;
    bool marked = prefix->marked || mark_lifetime_s(flight, candidate->target);
    int64_t tokens = prefix->known.tokens, written = marked ? tokens : 0;
    struct prefix_cost cost = {.cold = prefix_cost_at(flight, candidate, tokens, 0, 0)};
    cost.warm = !tokens                       ? cost.cold
                : candidate == prefix->holder ? prefix_cost_at(flight, candidate, tokens, tokens, 0)
                                              : prefix_cost_at(flight, candidate, tokens, 0, written);
    return cost;
}

/* It is among the level's, but nobody can have it now: an inner level may have chosen another. */
static void prefix_is_barred(struct flight *flight, const struct level *level) {
    struct flight_prefix *prefix = flight->prefix;
    size_t place = (size_t)(prefix->holder - flight->choice.candidates);
    if (place < level->first || place >= level->end) return;
    prefix->outcome = prefix_barred;
    prefix->other = prefix->holder->target;
}

size_t prefix_pick(struct flight *flight, const struct level *level, const struct level_member *open,
                   struct pick_candidate *facts, struct pick_input *input, double *scores) {
    struct flight_prefix *prefix = flight->prefix;
    struct arena *scratch = flight->host->scratch;
    size_t kept = 0;
    if (!prefix->holder) return pick(input, scores);
    while (kept < input->count && open[kept].candidate != prefix->holder) kept++;
    struct prefix_cost *costs = arena_take(scratch, input->count * sizeof *costs);
    if (kept == input->count || !costs) {
        prefix_is_barred(flight, level);
        return pick(input, scores);
    }
    for (size_t i = 0; i < input->count; i++) costs[i] = prefix_cost_of(flight, open[i].candidate);
    struct prefix_choice choice = prefix_choose(input, facts, kept, costs, scores);
    prefix->outcome = choice.outcome;
    prefix->nano_usd = choice.nano_usd;
    prefix->other = choice.outcome == prefix_same ? NULL : open[choice.instead].candidate->target;
    return choice.chosen;
}

/* -- what is learnt -- */

static void prefix_keep(struct flight *flight, const struct attempt *attempt, uint32_t tokens, struct now now) {
    struct flight_prefix *prefix = flight->prefix;
    uint32_t now_s = prefix_now_s(now), marked_s = attempt->dialect.marked_s;
    struct prefix_known known = {.target = prefix_target(attempt->target),
                                 .until_s = now_s + (marked_s ? marked_s : prefix->lifetime_s),
                                 .tokens = tokens,
                                 .whose = short_hash(flight->client_hash)};
    if (!prefix->place || !known.target) return;
    if (prefix->has && prefix->known.target == known.target && prefix->known.until_s > known.until_s)
        known.until_s = prefix->known.until_s; /* it was written to last longer */
    prefix_memory_keep(flight->host->prefixes, prefix->place, &known, now_s);
}

void prefix_begun(struct flight *flight, const struct attempt *attempt, struct now now) {
    const struct flight_prefix *prefix = flight->prefix;
    bool lives = prefix && prefix->has && prefix->known.until_s > prefix_now_s(now);
    if (prefix && !lives && !flight->attempts[0]->hedge && attempt->number == 0) prefix_keep(flight, attempt, 0, now);
}

/* Of the model, and of the client. */
static void prefix_share_note(const struct flight *flight, const struct target *target, const struct usage *usage) {
    if (target->cells) cached_share_note(&target->cells->cached, usage->cached_input_tokens, usage->input_tokens);
    if (flight->client && flight->client->cells)
        cached_share_note(&flight->client->cells->cached, usage->cached_input_tokens, usage->input_tokens);
}

/* What its provider says, where it says it, else what can be told from here. */
static void prefix_miss_note(const struct flight_prefix *prefix, struct attempt *attempt,
                             const struct prefix_counted *counted) {
    attempt->miss = (enum prefix_miss)attempt->meter.miss;
    attempt->missed_tokens = attempt->meter.missed_tokens;
    if (attempt->miss || !prefix) return;
    attempt->miss = prefix_missed(prefix->has, &prefix->known, prefix_target(attempt->target), counted,
                                  (uint32_t)(attempt->started_ns / NS_PER_S));
    bool had = attempt->miss > prefix_miss_first_use && prefix->known.tokens > counted->cached;
    if (had) attempt->missed_tokens = prefix->known.tokens - counted->cached;
}

void prefix_settle(struct flight *flight, struct attempt *attempt, struct now now) {
    struct flight_prefix *prefix = flight->prefix;
    const struct usage *usage = &attempt->usage;
    if (attempt->failure != failure_none) return;
    if (usage->cached_input_tokens >= 0 && usage->input_tokens >= prefix_least_tokens)
        prefix_share_note(flight, attempt->target, usage);
    struct prefix_counted counted = {usage->input_tokens, usage->cached_input_tokens, usage->cache_write_tokens};
    if (attempt->usage_estimated) counted.cached = -1;
    prefix_miss_note(prefix, attempt, &counted);
    if (!prefix) return;
    prefix->miss = attempt->miss;
    prefix_keep(flight, attempt, prefix_learnt(&counted), now);
}
