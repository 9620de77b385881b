/* flight_money.c - what an attempt may cost at most is reserved of every budget on its way before it is sent: of its
 * client's, of those of all who own it, of its provider's; and when it has ended the truth takes its place.
 *
 * Invariant: of the budgets on the way all are held or none, and what money_take took, money_settle settles or
 * money_give_back gives back, once. */
#include "base/check.h"
#include "dialect/names.h"
#include "flight/flight_internal.h"

static const int64_t money_tokens_most = 1000000000000;

/* -- the way -- */

/* Does what is spent there count in it? */
static bool money_counts(const struct flight *flight, const struct target *target, const struct money_budget *budget) {
    const struct route *route = flight->choice.route;
    if (budget->route_count && !(route && str_glob_any(budget->routes, budget->route_count, route->model)))
        return false;
    return !budget->model_count || str_glob_any(budget->models, budget->model_count, flight->choice.model) ||
           str_glob_any(budget->models, budget->model_count, target->model) ||
           str_glob_any(budget->models, budget->model_count, target->name);
}

/* A budget on the way, as it stands at one moment: it may be another in the next, and what is reserved is decided by
 * the budget's own word. */
struct way_purse {
    struct money_purse purse;
    struct money_value *value;
    struct spend_view view;
    int64_t limit_nano_usd;
    bool of_provider;
};

/* Those of its client, of its provider and of its session. */
enum { way_purses_max = 2 * limit_path + 1 };

/* What stands on the way to a target, and what the request may cost there. */
struct money_way {
    const struct target *target;
    struct money_worst worst;
    size_t count;
    struct way_purse *purses;
};

/* All budgets that count, each looked at once. */
static void purses_look(const struct flight *flight, const struct target *target, struct now now,
                        struct money_way *way) {
    const size_t count = money_way_count(flight, target), own = money_own_count(flight);
    CHECKF(count <= way_purses_max, "count=%zu", count);
    way->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct money_budget *budget = money_way_budget(flight, target, i);
        struct way_purse *of = &way->purses[way->count];
        if (!money_counts(flight, target, budget)) continue;
        of->purse = values_purse(flight, target, budget, &of->value);
        of->view = money_purse_look(&of->purse, now.wall_ns);
        of->limit_nano_usd = money_purse_limit(&of->purse, now.wall_ns);
        of->of_provider = i >= own;
        way->count++;
    }
}

/* -- the bounds of a request, whatever its target -- */

/* More prompts in one, and answers of which the best is given: each is paid. */
static int64_t completions_answers(struct str body, int64_t n) {
    struct skim skim;
    int64_t prompts = 1, best = 1, listed = 0, count;
    bool inside = false;
    skim_begin(&skim, body, 2);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;) {
        if (token.depth == 1 && token.kind != skim_close) inside = skim_is_nocase(token.key, STR("prompt"));
        if (token.depth == 2 && inside && token.kind != skim_number && token.kind != skim_close) listed++;
        if (token.depth == 1 && token.kind == skim_number && skim_is_nocase(token.key, STR("best_of")) &&
            skim_to_i64(token.value, &count) && count > best)
            best = count;
        if (listed > prompts) prompts = listed;
    }
    if (best < n) best = n;
    return best > money_tokens_most / prompts ? money_tokens_most : best * prompts;
}

/* What a provider puts into the prompt that does not stand in the request: pictures as it counts them, files that lie
 * there, conversations that it keeps. */
static void bounds_of_names(struct flight *flight, struct money_bounds *bounds) {
    static const struct str searches[] = {STR("web_search_options"), STR("plugins"), STR("search_parameters"),
                                          STR("mcp_servers")}; /* each search, and each round, is paid */
    struct names names;
    struct name name;
    struct skim skim;
    skim_begin(&skim, flight->body.whole, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;)
        for (size_t i = 0; token.depth == 1 && token.key.at && i < sizeof searches / sizeof *searches; i++)
            bounds->unbounded |= token.kind != skim_null && skim_is_nocase(token.key, searches[i]);
    names_begin(&names, flight->body.whole, endpoint_facts(flight->endpoint)->dialect);
    while (names_next(&names, &name)) {
        if (name.kind == name_stored)
            bounds->of_context = true;
        else if (!name.top)
            bounds->unbounded = true; /* another model, at another price */
    }
}

static void bounds_of_message(const struct message_request *message, struct money_bounds *bounds) {
    const uint64_t media = FEATURE_BIT(image) | FEATURE_BIT(image_url) | FEATURE_BIT(audio) | FEATURE_BIT(document) |
                           FEATURE_BIT(document_url) | FEATURE_BIT(file_id) | FEATURE_BIT(video) | FEATURE_BIT(foreign);
    uint64_t asked = message_features(message, message->from);
    if (asked & media || message->native_only.len || message->cached_content.len) bounds->of_context = true;
    for (size_t i = 0; i < message->tool_count; i++) /* the provider's own tools go round as often as they like */
        if (message->tools[i].raw.len) bounds->unbounded = true;
}

bool money_admit(struct flight *flight, struct now now) {
    enum { hidden = 512, hidden_of_tools = 2048 }; /* tokens that providers write around what was said */
    struct money_bounds *bounds = &flight->bounds;
    bool any = false;
    for (size_t i = 0; !any && i < flight->choice.count; i++)
        any = money_way_count(flight, flight->choice.candidates[i].target) > 0;
    if (!any) return true;
    *bounds = (struct money_bounds){.prompt_tokens = (int64_t)flight->body.whole.len + hidden,
                                    .answers = flight->request.n > 0 ? flight->request.n : 1};
    if (flight->request.has_tools) bounds->prompt_tokens += hidden_of_tools;
    bounds->of_context = flight->request.has_image || flight->request.has_audio;
    bool json = endpoint_facts(flight->endpoint)->body == endpoint_body_json;
    if (json && flight->request.names_more) bounds_of_names(flight, bounds);
    if (flight->canonical.message) bounds_of_message(flight->canonical.message, bounds);
    if (flight->endpoint == endpoint_completions)
        bounds->answers = completions_answers(flight->body.whole, bounds->answers);
    return values_admit(flight, now);
}

/* -- what it may cost at a target -- */

/* The most that so many tokens may come to, whatever the reply says of them. -1: not known. */
static int64_t dearest(const struct flight *flight, const struct price_list *prices, int64_t input, int64_t output) {
    return price_bound(prices, input, output, flight->times.arrived_wall_ns / (int64_t)NS_PER_S);
}

/* An answer has a price of its own; without one it costs what a request costs. */
static bool is_priced(const struct price_list *prices, bool answers) {
    bool by_request = prices->input < 0 && prices->output < 0 && prices->request >= 0;
    return by_request || (prices->input >= 0 && (!answers || prices->output >= 0));
}

static int64_t times(int64_t tokens, int64_t answers) {
    return tokens > money_tokens_most / answers ? money_tokens_most : tokens * answers;
}

/* What a request that says nothing of it may be answered with, of what is left: the model's longest answer; else as
 * much as is reserved for one that says nothing; else what there is money for. */
static int64_t cap_of(const struct flight *flight, const struct target *target, int64_t input, int64_t left) {
    enum { least = 16 };
    int64_t most = target->facts ? target->facts->output_tokens_max : -1,
            usual = flight->snapshot->reserve_output_tokens;
    int64_t answers = flight->bounds.answers;
    if (most > 0 && dearest(flight, &target->prices, input, times(most, answers)) <= left) return most;
    int64_t cap = most > 0 && most < usual ? most : usual;
    while (cap > least && dearest(flight, &target->prices, input, times(cap, answers)) > left) cap /= 2;
    return cap > least ? cap : least;
}

/* What this target's answer may take; -1: nobody can say. */
static int64_t output_of(const struct flight *flight, const struct target *target, int64_t input, int64_t left,
                         struct money_worst *worst) {
    const struct price_list *prices = &target->prices;
    const struct catalog_model *facts = target->facts;
    switch (endpoint_facts(flight->endpoint)->operation) {
    case operation_embed:
    case operation_forecast:
    case operation_count_tokens: return 0;
    case operation_compact: return facts && facts->output_tokens_max > 0 ? facts->output_tokens_max : -1;
    case operation_other:
        if (flight->endpoint == endpoint_moderations || flight->endpoint == endpoint_rerank) return 0;
        return prices->input < 0 && prices->output < 0 && prices->request >= 0 && !flight->head.raw ? 0 : -1;
    case operation_chat: break;
    }
    if (flight->request.max_tokens >= 0) return times(flight->request.max_tokens, flight->bounds.answers);
    if (prices->output <= 0) return 0; /* however long it is */
    worst->output_cap = cap_of(flight, target, input, left);
    return times(worst->output_cap, flight->bounds.answers);
}

/* As long as its answer may become. */
static int64_t money_answer_whole(const struct flight *flight, const struct target *target) {
    int64_t most = target->facts ? target->facts->output_tokens_max : -1;
    if (flight->request.max_tokens >= 0) return times(flight->request.max_tokens, 1);
    return most > 0 ? most : flight->snapshot->reserve_output_tokens;
}

/* So many that the end of each can be written, where one request asks for them. */
static bool answers_can_be_cut(const struct flight *flight, const struct target *target) {
    const int64_t answers = flight->bounds.answers;
    return answers == 1 ||
           (answers == flight->request.n && answers <= openai_finishes_max && extend_way(flight, target)->cuts_all);
}

/* Where all of its answer is more than there is money for, and less will do to begin with: a stream that can be seen
 * whole, and ended. */
static bool worst_extends(const struct flight *flight, const struct target *target, int64_t input, int64_t left,
                          struct money_worst *worst) {
    const struct catalog_model *facts = target->facts;
    const int64_t margin = target->provider->cut_margin;
    bool seen = flight->request.stream && !flight->bounds.unbounded && facts && facts->bills_hidden == flag_false &&
                margin > 0 && target->prices.output > 0;
    if (!seen || endpoint_facts(flight->endpoint)->operation != operation_chat || !extend_way(flight, target) ||
        !answers_can_be_cut(flight, target))
        return false;
    const int64_t answers = flight->bounds.answers, one = money_answer_whole(flight, target),
                  whole = times(one, answers), usual = taken_reserve(target->cells ? &target->cells->taken : NULL, one);
    struct extent extent = extent_of(whole, times(usual, answers), times(margin, answers));
    int64_t nano_usd = dearest(flight, &target->prices, input, extent.covered);
    if (dearest(flight, &target->prices, input, whole) <= left || nano_usd > left) return false;
    *worst = (struct money_worst){.nano_usd = nano_usd,
                                  .output_cap = flight->request.max_tokens >= 0 ? -1 : one,
                                  .input_tokens = input,
                                  .extent = extent};
    return extent_is_open(&extent);
}

static struct money_worst worst_of(const struct flight *flight, const struct target *target,
                                   const struct money_way *way) {
    struct money_worst worst = {.output_cap = -1};
    bool hard = false, anything = true;
    int64_t left = INT64_MAX;
    for (size_t i = 0; i < way->count; i++) {
        const struct way_purse *of = &way->purses[i];
        if (of->purse.budget->mode != money_hard) continue;
        int64_t rest = of->limit_nano_usd - of->view.committed;
        if (rest < left) left = rest;
        anything = anything && of->purse.budget->unbounded;
        hard = true;
    }
    if (!hard || endpoint_facts(flight->endpoint)->operation == operation_count_tokens) return worst;
    const struct catalog_model *facts = target->facts;
    int64_t context = facts && facts->context_tokens > 0 ? facts->context_tokens : -1, input, output;
    bool answers = endpoint_facts(flight->endpoint)->operation == operation_chat;
    if (!is_priced(&target->prices, answers)) return (struct money_worst){.refusal = refusal_unpriced};
    input = flight->bounds.of_context || flight->bounds.unbounded ? context : flight->bounds.prompt_tokens;
    if (resume_has(flight)) input += input < 0 ? 0 : (int64_t)flight->resume.delivered.len;
    if (input >= 0 && worst_extends(flight, target, input, left, &worst)) return worst;
    output = output_of(flight, target, input > 0 ? input : 0, left, &worst);
    if ((input < 0 || output < 0 || flight->bounds.unbounded) && !anything)
        return (struct money_worst){.refusal = refusal_unbounded};
    if (input < 0) input = flight->bounds.prompt_tokens;
    if (output < 0) output = flight->snapshot->reserve_output_tokens;
    worst.nano_usd = dearest(flight, &target->prices, input, output);
    CHECKF(worst.nano_usd >= 0, "input=%lld output=%lld", (long long)input, (long long)output);
    return worst;
}

/* As it was looked at in this step, of the target that was looked at last: that is as a rule the one that is taken.
 * NULL: no memory. */
static const struct money_way *way_of_money(struct flight *flight, const struct target *target, struct now now) {
    struct arena *scratch = flight->host->scratch;
    const size_t purses = money_way_count(flight, target) * sizeof(struct way_purse);
    if (flight->money_way && flight->money_way->target == target) return flight->money_way;
    struct money_way *way = arena_take(scratch, sizeof *way + purses);
    if (!way) return NULL;
    *way = (struct money_way){.target = target, .purses = (struct way_purse *)(way + 1)};
    purses_look(flight, target, now, way);
    way->worst = worst_of(flight, target, way);
    return flight->money_way = way;
}

/* -- taking and giving back -- */

static uint64_t moment_of(int64_t wall_s, struct now now) {
    int64_t seconds = wall_s - now.wall_ns / (int64_t)NS_PER_S;
    return wall_s == INT64_MAX || seconds <= 0 ? 0 : now.mono_ns + (uint64_t)seconds * NS_PER_S;
}

/* Is there room in it for that? Where what is in flight has the rest, a little time may help. */
static enum refusal purse_refuses(const struct way_purse *of, int64_t nano_usd, bool *waits) {
    const struct money_budget *budget = of->purse.budget;
    const int64_t limit = of->limit_nano_usd;
    bool spent = of->view.spent >= limit;
    *waits = false;
    if (budget->mode == money_warn || (budget->over == over_free && nano_usd == 0)) return refusal_none;
    if (budget->mode == money_soft) return spent ? refusal_budget : refusal_none;
    if (of->view.committed < limit && nano_usd <= limit - of->view.committed) return refusal_none;
    *waits = !spent && nano_usd <= limit - of->view.spent;
    return spent ? refusal_budget : refusal_budget_room;
}

/* The first that stands against it; NULL: none does. */
static const struct money_budget *first_refusing(const struct money_way *way, int64_t nano_usd, enum refusal *refusal,
                                                 bool *waits) {
    for (size_t i = 0; i < way->count; i++) {
        const struct way_purse *of = &way->purses[i];
        *refusal = purse_refuses(of, nano_usd, waits);
        if (*refusal == refusal_budget && of->of_provider) *refusal = refusal_provider_budget;
        if (*refusal != refusal_none) return of->purse.budget;
    }
    return NULL;
}

static bool serves_instead(const struct money_budget *budget, const struct candidate *candidate) {
    if (budget->to_cheapest) return candidate->cheap > 0;
    for (size_t i = 0; i < budget->to_count; i++)
        if (budget->to[i] == candidate->target) return true;
    return false;
}

static bool is_spent_at(const struct flight *flight, const struct target *target, const struct money_budget *budget,
                        struct now now) {
    struct money_value *value;
    const struct money_purse purse = values_purse(flight, target, budget, &value);
    int64_t more = money_purse_limit(&purse, now.wall_ns) - purse.limit_nano_usd, whole = budget->limit_nano_usd;
    int64_t at = whole ? (int64_t)((__int128)budget->at_nano_usd * purse.limit_nano_usd / whole) : 0;
    return money_purse_look(&purse, now.wall_ns).spent >= at + more;
}

/* Is it so nearly spent that others serve? Or was what the route has too dear for what is left? Of those that serve
 * instead it is asked for any that the route has. */
static bool is_nearly_spent(const struct flight *flight, const struct candidate *of, const struct money_budget *budget,
                            struct now now) {
    if (!of->instead && is_spent_at(flight, of->target, budget, now)) return true;
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        const struct target *target = candidate->target;
        bool dear = candidate->refusal == refusal_budget || candidate->refusal == refusal_budget_room;
        if (candidate->instead) continue;
        if (dear || (of->instead && money_way_count(flight, target) && money_counts(flight, target, budget) &&
                     is_spent_at(flight, target, budget, now)))
            return true;
    }
    return false;
}

/* Can any of those that serve instead be asked for this request? */
static bool has_instead(const struct flight *flight, const struct money_budget *budget) {
    for (size_t i = 0; i < flight->choice.count; i++)
        if (serves_instead(budget, &flight->choice.candidates[i])) return true;
    return false;
}

static enum refusal downgrade_look(const struct flight *flight, const struct candidate *candidate, struct now now) {
    bool needed = false;
    if (!candidate->instead && !money_way_count(flight, candidate->target)) return refusal_none; /* it spends nothing */
    for (size_t i = 0; flight->client && i < flight->client->money.count; i++) {
        const struct money_budget *budget = flight->client->money.list[i];
        if (budget->over != over_downgrade || !has_instead(flight, budget)) continue;
        bool named = serves_instead(budget, candidate);
        if (named ? !candidate->instead : !money_counts(flight, candidate->target, budget)) continue;
        bool nearly = is_nearly_spent(flight, candidate, budget, now);
        if (nearly && !named) return refusal_downgraded;
        needed = needed || nearly;
    }
    return candidate->instead && !needed ? refusal_not_needed : refusal_none;
}

enum refusal money_look(struct flight *flight, const struct candidate *candidate, struct now now, uint64_t *until_ns) {
    const struct target *target = candidate->target;
    enum refusal downgraded = downgrade_look(flight, candidate, now);
    if (downgraded != refusal_none) return downgraded;
    if (!money_way_count(flight, target)) return refusal_none;
    const struct money_way *way = way_of_money(flight, target, now);
    if (!way) return refusal_budget_room;
    if (way->worst.refusal != refusal_none) return way->worst.refusal;
    enum refusal refusal = refusal_none;
    bool waits;
    const struct money_budget *budget = first_refusing(way, way->worst.nano_usd, &refusal, &waits);
    if (budget && budget == flight->session_hold.budget)
        *until_ns = waits ? now.mono_ns + NS_PER_S : 0; /* another session may go on at once */
    else if (budget)
        *until_ns = waits ? now.mono_ns + NS_PER_S : moment_of(money_budget_window(budget, now.wall_ns).end_s, now);
    return refusal;
}

static void ticket_settle(const struct money_ticket *ticket, int64_t reserved, int64_t spent) {
    const struct money_purse purse =
        ticket->value ? money_purse_of_value(ticket->budget, ticket->value, 0) : money_purse_of(ticket->budget);
    money_purse_settle(&purse, ticket->window_s, reserved, spent);
}

void money_give_back(struct money_hold *hold) {
    for (unsigned i = 0; i < hold->count; i++)
        if (hold->tickets[i].reserved) ticket_settle(&hold->tickets[i], hold->nano_usd, 0);
    *hold = (struct money_hold){.output_cap = -1};
}

/* false: there is no room in it any more. */
static bool ticket_take(const struct way_purse *of, int64_t nano_usd, struct now now, struct money_ticket *ticket) {
    const struct money_budget *budget = of->purse.budget;
    uint64_t window_s;
    bool reserves = budget->mode == money_hard && !(budget->over == over_free && nano_usd == 0);
    if (!reserves)
        window_s = money_purse_enter(&of->purse, now.wall_ns);
    else if (!money_purse_reserve(&of->purse, now.wall_ns, nano_usd, &window_s))
        return false;
    *ticket = (struct money_ticket){
        .budget = budget, .value = of->value, .window_s = (uint32_t)window_s, .reserved = reserves};
    return true;
}

enum refusal money_take(struct flight *flight, const struct candidate *candidate, struct now now,
                        struct money_hold *hold) {
    const struct target *target = candidate->target;
    *hold = (struct money_hold){.output_cap = -1};
    if (!money_way_count(flight, target)) return refusal_none;
    const struct money_way *way = way_of_money(flight, target, now);
    if (!way) return refusal_budget_room;
    const struct money_worst *worst = &way->worst;
    flight->money_way = NULL; /* it is another one from here on */
    if (worst->refusal != refusal_none) return worst->refusal;
    hold->tickets = arena_take(&flight->arena, (way->count + !way->count) * sizeof *hold->tickets);
    if (!hold->tickets) return refusal_budget_room;
    hold->nano_usd = worst->nano_usd;
    hold->output_cap = worst->output_cap;
    hold->input_tokens = worst->input_tokens;
    hold->extent = worst->extent;
    for (size_t i = 0; i < way->count; i++) {
        const struct way_purse *of = &way->purses[i];
        bool waits, soft = of->purse.budget->mode == money_soft && purse_refuses(of, 0, &waits) != refusal_none;
        if (soft || !ticket_take(of, worst->nano_usd, now, &hold->tickets[hold->count])) {
            money_give_back(hold);
            return refusal_budget_room;
        }
        hold->count++;
    }
    return refusal_none;
}

bool money_extend(const struct flight *flight, struct attempt *attempt, int64_t tokens, struct now now) {
    struct money_hold *hold = &attempt->holds.money;
    const struct target *target = attempt->target;
    int64_t more = dearest(flight, &target->prices, hold->input_tokens, tokens) - hold->nano_usd;
    for (unsigned i = 0; i < hold->count; i++) {
        const struct money_ticket *ticket = &hold->tickets[i];
        struct money_value *value;
        const struct money_purse purse = values_purse(flight, target, ticket->budget, &value);
        if (!ticket->reserved || money_purse_reserve_more(&purse, now.wall_ns, ticket->window_s, more)) continue;
        while (i-- > 0)
            if (hold->tickets[i].reserved) ticket_settle(&hold->tickets[i], more, 0);
        return false;
    }
    hold->nano_usd += more;
    extent_covers(&hold->extent, tokens);
    return true;
}

/* -- the truth -- */

/* It succeeded, and nobody has said what it took: by what came of it. */
static void silent_estimate(const struct flight *flight, struct attempt *attempt, int64_t delivered) {
    enum { token_bytes = 4 };
    uint64_t bytes = attempt->reply.held.len > flight->answer.bytes ? attempt->reply.held.len : flight->answer.bytes;
    int64_t by_bytes = (int64_t)(bytes / token_bytes);
    attempt->usage.input_tokens = attempt_prompt_tokens(flight, attempt);
    attempt->usage.output_tokens = delivered > by_bytes ? delivered : by_bytes;
    attempt->usage_estimated = true;
}

/* It was broken off before it had counted, and what its provider made of it was not seen: as much as its answers take,
 * within what went up. */
static void hidden_estimate(const struct flight *flight, struct attempt *attempt) {
    const struct target_cells *cells = attempt->target->cells;
    bool seen = attempt->reply.mode == reply_events && attempt->reply.status;
    int64_t cap = attempt->holds.money.output_cap;
    if (!attempt->usage_estimated || seen || attempt->usage.output_tokens >= 0) return;
    if (cap < 0)
        cap = flight->request.max_tokens >= 0 ? flight->request.max_tokens : flight->snapshot->reserve_output_tokens;
    cap = times(cap < money_tokens_most ? cap : money_tokens_most, flight->bounds.answers);
    attempt->usage.output_tokens = taken_reserve(cells ? &cells->taken : NULL, cap);
}

void money_estimate(const struct flight *flight, struct attempt *attempt, int64_t delivered) {
    enum operation operation = endpoint_facts(flight->endpoint)->operation;
    if (!attempt->holds.money.count || operation == operation_count_tokens) return;
    bool counted = attempt->usage.cost_nano_usd >= 0 || usage_is_known(&attempt->usage);
    if (attempt->failure != failure_none)
        hidden_estimate(flight, attempt);
    else if (!counted)
        silent_estimate(flight, attempt, delivered);
}

void money_settle(struct flight *flight, struct attempt *attempt) {
    flight->money_way = NULL; /* as when it was taken */
    struct money_hold *hold = &attempt->holds.money;
    int64_t truth = attempt->cost_nano_usd > 0 ? attempt->cost_nano_usd : 0;
    for (unsigned i = 0; i < hold->count; i++) {
        const struct money_ticket *ticket = &hold->tickets[i];
        ticket_settle(ticket, ticket->reserved ? hold->nano_usd : 0, truth);
    }
    hold->nano_usd = 0; /* nothing of it is reserved any more */
}

/* -- what is told -- */

static struct str spent_sentence(struct flight *flight, const struct target *target, const struct money_budget *budget,
                                 int64_t nano_usd, bool is_providers, bool waits, struct now now) {
    enum { shown = 64 };
    struct money_value *value;
    const struct money_purse purse = values_purse(flight, target, budget, &value);
    struct spend_view view = money_purse_look(&purse, now.wall_ns);
    int64_t end_s = money_budget_window(budget, now.wall_ns).end_s, limit = money_purse_limit(&purse, now.wall_ns);
    struct str said = str_slice(values_said(flight, target, budget), 0, shown);
    struct text text = text_in_arena(&flight->arena, 256);
    if (is_providers) {
        text_put(&text, STR("The budget of the model's provider is spent"));
        if (budget->rolling && !waits) text_printf(&text, " in the last %.*s", STR_ARG(budget->length));
    } else {
        text_printf(&text, "The budget `%.*s`", STR_ARG(budget->name));
        if (budget->owner.len) text_printf(&text, " of %.*s", STR_ARG(budget->owner));
        if (said.len) text_printf(&text, " for %.*s `%.*s`", STR_ARG(budget->per_word), STR_ARG(said));
        text_printf(&text, " %s: ", view.spent >= limit ? "is spent" : "has too little left");
        text_put_money(&text, view.spent);
        text_put(&text, STR(" of "));
        text_put_money(&text, limit);
        text_put(&text, STR(" USD"));
        if (budget->rolling && !waits) text_printf(&text, " in the last %.*s", STR_ARG(budget->length));
        if (view.spent < limit) {
            text_put(&text, STR(" are spent, and this request may cost "));
            text_put_money(&text, nano_usd);
        }
    }
    if (waits)
        text_put(&text, STR(". Requests in flight hold what is left: try again shortly."));
    else if (budget->rolling)
        text_put(&text, STR(". What is older than that counts no more."));
    else if (end_s == INT64_MAX)
        text_put(&text, STR(". Ask the operator to raise it."));
    else
        text_put(&text, STR(". It begins anew at "));
    if (!waits && end_s != INT64_MAX) {
        window_moment_put(&text, end_s);
        text_put_byte(&text, '.');
    }
    return text.failed ? STR_NONE : text_str(&text);
}

struct str money_sentence(struct flight *flight, enum refusal refusal, struct now now) {
    for (size_t i = 0; i < flight->choice.count; i++) {
        const struct candidate *candidate = &flight->choice.candidates[i];
        const struct target *target = candidate->target;
        if (candidate->refusal != refusal) continue;
        if (refusal == refusal_unpriced)
            return arena_printf(&flight->arena,
                                "The price of `%.*s` is not known, and a hard budget allows nothing whose price is "
                                "not: ask the operator to write its `prices`, or `cost_per_token`.",
                                STR_ARG(target->name));
        if (refusal == refusal_unbounded) return STR_NONE;
        enum refusal first = refusal_none;
        const struct money_way *way = way_of_money(flight, target, now);
        int64_t nano_usd = way ? way->worst.nano_usd : 0;
        bool waits = false;
        const struct money_budget *budget = way ? first_refusing(way, nano_usd, &first, &waits) : NULL;
        if (!budget) continue; /* it has room again */
        bool is_providers = budget != flight->session_hold.budget;
        for (size_t k = 0; flight->client && k < flight->client->money.count; k++)
            is_providers = is_providers && flight->client->money.list[k] != budget;
        flight->answer.limit_scope = is_providers ? STR("provider") : STR("client");
        flight->answer.is_final = !waits;
        if (budget == flight->session_hold.budget) return session_money_sentence(flight, nano_usd, waits, now);
        return spent_sentence(flight, target, budget, nano_usd, is_providers, waits, now);
    }
    return STR_NONE;
}
