/* sim_money.c - what may be spent, against plain sums: no window of anybody on the way is over, what goes up says a
 * cap, what an attempt reserved is settled once, and at the end nothing is reserved. */
#include <string.h>

#include "base/check.h"
#include "sim.h"

/* In cents of a cent, so that several requests fit and many do not. */
static void budget_put(struct sim *sim, struct text *text, unsigned least, unsigned most) {
    static const char *const windows[] = {"hour", "day", "lifetime"}, *const modes[] = {"hard", "hard", "hard", "warn"},
                             *const splits[] = {"", "", "", "", ", per: model", ", per: model, max_values: 1"};
    const unsigned amount = (unsigned)sim_between(&sim->money.draw, least, most);
    const char *split = splits[least > 100 ? 0 : prng_below(&sim->money.draw, 6)];
    const char *mode = modes[prng_below(&sim->money.draw, 4)];
    const char *window = windows[least > 100 ? 0 : prng_below(&sim->money.draw, 3)];
    text_printf(text, "{usd: 0.%04u, window: %s, mode: %s, name: b%u%s}", amount, window, mode, sim->money.named++,
                split);
}

void sim_money_draw(struct sim *sim) { sim->money.on = sim_chance(&sim->money.draw, 25); }

void sim_money_owners(struct sim *sim, struct text *yaml) {
    if (!sim->money.on) return;
    text_put(yaml, STR("owners:\n  - {name: team, in: top, budgets: ["));
    budget_put(sim, yaml, 20, 600);
    text_put(yaml, STR("]}\n  - {name: top, budgets: ["));
    budget_put(sim, yaml, 50, 900);
    text_put(yaml, STR("]}\n"));
}

void sim_money_client(struct sim *sim, struct text *yaml) {
    if (!sim->money.on || !sim_chance(&sim->money.draw, 80)) return;
    text_printf(yaml, ", in: %s, budgets: [", sim_chance(&sim->money.draw, 70) ? "team" : "top");
    budget_put(sim, yaml, 10, 500);
    text_put(yaml, STR(", "));
    budget_put(sim, yaml, 10, 500);
    text_put(yaml, STR("]"));
}

/* What a stream of its may be ahead of what came is drawn with it. */
enum { sim_margin = 20, sim_token_nano_usd = 500 };
bool sim_money_extends(struct sim *sim) {
    sim->money.extends = sim->money.on && sim_chance(&sim->money.draw, 70);
    return sim->money.extends;
}

/* Every target has a price; a provider's own budget leaves room for one request at least, as all must be served when
 * every fault has ended. */
void sim_money_provider(struct sim *sim, struct text *yaml) {
    if (!sim->money.on) return;
    text_put(yaml, STR(", cost_per_token: 0.0000005, request_fee: 0.001"));
    if (sim->money.extends) text_printf(yaml, ", cut_margin_tokens: %d", sim_margin);
    if (!sim_chance(&sim->money.draw, 30)) return;
    text_put(yaml, STR(", budgets: ["));
    budget_put(sim, yaml, 150, 600);
    text_put(yaml, STR("]"));
}

/* A budget's limit as it is written, before a planted bug changes what the engine reads. */
void sim_money_config(struct sim *sim) {
    const struct snapshot *snapshot = sim->config.snapshot;
    for (size_t i = 0; i < snapshot->budget_count; i++) {
        struct money_budget *budget = snapshot->budgets[i];
        unsigned at = 0;
        while (at < sim->money.limit_count && sim->money.limits[at].budget != budget->identity) at++;
        if (at == sim->money.limit_count) sim->money.limit_count++;
        CHECKF(at < sim_limits_max, "limits=%u", at);
        sim->money.limits[at].budget = budget->identity;
        sim->money.limits[at].nano_usd = budget->limit_nano_usd;
        if (sim->mutant == mutant_limit_doubled) budget->limit_nano_usd *= 2;
    }
}

static int64_t limit_of(const struct sim *sim, const struct money_budget *budget) {
    for (unsigned i = 0; i < sim->money.limit_count; i++)
        if (sim->money.limits[i].budget == budget->identity) return sim->money.limits[i].nano_usd;
    return -1;
}

static struct sim_sum *sum_of(struct sim *sim, const struct money_ticket *ticket) {
    const struct hash_tag tag = ticket->value ? ticket->value->tag : (struct hash_tag){{0, 0}};
    unsigned at = 0;
    while (at < sim->money.sum_count &&
           (sim->money.sums[at].budget != ticket->budget->identity || sim->money.sums[at].value != ticket->value ||
            !tag_is(&sim->money.sums[at].tag, &tag) || sim->money.sums[at].window_s != ticket->window_s))
        at++;
    CHECKF(at < sim_sums_max, "sums=%u", at);
    if (ticket->value)
        sim_reached(sim, tag_is(&ticket->value->tag, &value_other) ? mark_money_crowded : mark_money_split);
    if (at == sim->money.sum_count)
        sim->money.sums[sim->money.sum_count++] = (struct sim_sum){
            .budget = ticket->budget->identity, .value = ticket->value, .tag = tag, .window_s = ticket->window_s};
    return &sim->money.sums[at];
}

static bool sum_is_gone(const struct sim_sum *sum) { return sum->value && !tag_is(&sum->value->tag, &sum->tag); }

/* Its window is over by the clock, or by a newer one that it had begun before the clock was set back. */
static bool sum_is_over(const struct sim *sim, const struct sim_sum *sum) {
    const struct snapshot *snapshot = sim->config.snapshot;
    for (unsigned s = 0; s < sim->money.sum_count; s++) {
        const struct sim_sum *newer = &sim->money.sums[s];
        if (newer->budget == sum->budget && newer->value == sum->value && tag_is(&newer->tag, &sum->tag) &&
            newer->window_s > sum->window_s)
            return true;
    }
    for (size_t i = 0; i < snapshot->budget_count; i++)
        if (snapshot->budgets[i]->identity == sum->budget &&
            sum->window_s >= money_values_window(snapshot->budgets[i], sim->now.wall_ns).start_s)
            return false;
    return true;
}

/* A value's place is another's only where it has spent nothing in its window: what it had spent in one that was over is
 * forgotten, even where the clock is set back. */
static void sums_forget(struct sim *sim, unsigned number) {
    for (unsigned s = 0; s < sim->money.sum_count; s++) {
        const struct sim_sum *sum = &sim->money.sums[s];
        if (!sum_is_gone(sum)) continue;
        sim_rule(sim, sum->spent + sum->reserved == 0 || sum_is_over(sim, sum),
                 "a value's place is another's when its window is over", number);
        sim_reached(sim, mark_money_forgotten);
    }
    for (unsigned s = 0; s < sim->money.sum_count; s++)
        if (sum_is_gone(&sim->money.sums[s])) sim->money.sums[s--] = sim->money.sums[--sim->money.sum_count];
}

static bool says_a_cap(const struct action *action) {
    for (size_t i = 0; i < action->call.body_count; i++)
        if (str_find(action->call.body[i], STR("\"max_tokens\":")) != SIZE_MAX ||
            str_find(action->call.body[i], STR("\"max_completion_tokens\":")) != SIZE_MAX)
            return true;
    return false;
}

void sim_money_call(struct sim *sim, unsigned number, const struct attempt *attempt, const struct action *action) {
    struct sim_caller *caller = &sim->callers[number];
    const struct money_hold *hold = &attempt->holds.money;
    bool reserved = false;
    if (attempt->number >= sim_attempts_max) return;
    caller->reserved[attempt->number] = hold->nano_usd;
    for (unsigned i = 0; i < hold->count; i++) {
        struct sim_sum *sum = sum_of(sim, &hold->tickets[i]);
        if (!hold->tickets[i].reserved) continue;
        reserved = true;
        sum->reserved += hold->nano_usd;
        sim_rule(sim, sum->reserved + sum->spent <= limit_of(sim, hold->tickets[i].budget),
                 "no window of a hard budget is over", number);
    }
    if (reserved) sim_reached(sim, mark_money_reserved);
    sim_rule(sim, !reserved || says_a_cap(action), "what a budget reserves goes up with a cap", number);
}

/* All text that a caller has, counted as it comes. */
static int64_t text_got(struct sim_caller *caller) {
    static const struct str before = STR("\"content\":\"");
    for (;;) {
        struct str rest = str_make(caller->got + caller->text_seen, caller->got_len - caller->text_seen);
        size_t at = rest.len ? str_find(rest, before) : SIZE_MAX, end;
        if (at == SIZE_MAX) return caller->text_bytes;
        rest = str_slice(rest, at + before.len, rest.len);
        if ((end = str_find_byte(rest, '"')) == SIZE_MAX) return caller->text_bytes;
        caller->text_seen = caller->got_len - rest.len + end;
        caller->text_bytes += (int64_t)end;
    }
}

/* What was reserved since; and of a stream that reserves as it goes, what its caller has, and what its provider may
 * have made beyond, is reserved at every moment. */
static void extends_step(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    for (unsigned i = 0; flight && i < flight->attempt_count && i < sim_attempts_max; i++) {
        struct attempt *attempt = flight->attempts[i];
        struct money_hold *hold = &attempt->holds.money;
        if (attempt->state == attempt_settled || !(caller->called >> i & 1)) continue;
        int64_t more = hold->nano_usd - caller->reserved[i];
        sim_rule(sim, more >= 0, "what is reserved grows while an attempt runs", number);
        if (more > 0) sim_reached(sim, mark_money_extended);
        caller->reserved[i] += more;
        for (unsigned k = 0; k < hold->count; k++)
            if (hold->tickets[k].reserved) sum_of(sim, &hold->tickets[k])->reserved += more;
        bool over = attempt->stream.finishes || attempt->stream.saw_done;
        if (hold->extent.whole == 0 || over || caller->source != (int)i || resume_has(flight)) continue;
        int64_t needs = text_got(caller) + sim_margin, whole = hold->extent.whole;
        if (needs > whole) needs = whole;
        sim_rule(sim, caller->reserved[i] >= 1000000 + (hold->input_tokens + needs) * sim_token_nano_usd,
                 "what a stream may be billed is reserved as it goes", number);
        sim_rule(sim, !caller->full || !extent_is_open(&hold->extent), "what is not read is reserved whole", number);
        if (sim->mutant == mutant_extent_unpaid && extent_is_open(&hold->extent)) hold->extent.covered = whole;
    }
}

void sim_money_step(struct sim *sim, unsigned number) {
    if (sim->money.on) extends_step(sim, number);
    if (sim->money.on) sums_forget(sim, number);
    const struct snapshot *snapshot = sim->config.snapshot;
    for (size_t i = 0; i < snapshot->budget_count && sim->money.on; i++) {
        const struct money_budget *budget = snapshot->budgets[i];
        struct spend_view view = money_budget_look(budget, sim->now.wall_ns);
        int64_t spent = 0, reserved = 0;
        for (unsigned s = 0; s < sim->money.sum_count; s++) {
            const struct sim_sum *sum = &sim->money.sums[s];
            if (sum->budget != budget->identity || sum->window_s != view.start_s) continue;
            spent += sum->spent; /* of each value */
            reserved += sum->reserved;
        }
        sim_rule(sim, view.spent == spent && view.committed == spent + reserved,
                 "a budget's words say what was reserved and spent", number);
    }
}

void sim_money_settled(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    const struct money_hold *hold = &attempt->holds.money;
    if (attempt->number >= sim_attempts_max || !(caller->called >> attempt->number & 1)) return;
    for (unsigned i = 0; i < hold->count; i++) {
        struct sim_sum *sum = sum_of(sim, &hold->tickets[i]);
        if (hold->tickets[i].reserved) sum->reserved -= caller->reserved[attempt->number];
        if (attempt->cost_nano_usd > 0) sum->spent += attempt->cost_nano_usd;
        sim_rule(sim, sum->reserved >= 0, "nothing is given back twice", number);
        if (hold->tickets[i].reserved)
            sim_rule(sim, attempt->usage_estimated || attempt->cost_nano_usd <= caller->reserved[attempt->number],
                     "what was counted costs no more than was reserved", number);
        if (money_budget_look(hold->tickets[i].budget, sim->now.wall_ns).start_s != sum->window_s)
            sim_reached(sim, mark_money_late);
    }
    caller->reserved[attempt->number] = 0;
    if (hold->ended_for_money) sim_reached(sim, mark_money_cut);
}

bool sim_money_refused(struct sim *sim, const struct flight *flight) {
    if (flight->answer.error != error_budget_exhausted) return false;
    sim_reached(sim, mark_money_refused);
    return true;
}

void sim_money_rest(struct sim *sim) {
    for (unsigned i = 0; i < sim->money.sum_count; i++)
        sim_rule(sim, sim->money.sums[i].reserved == 0, "at the end nothing is reserved", 0);
    for (size_t i = 0; i < sim->config.snapshot->budget_count; i++) {
        struct spend_view view = money_budget_look(sim->config.snapshot->budgets[i], sim->now.wall_ns);
        sim_rule(sim, view.committed == view.spent, "at the end nothing is reserved", 0);
    }
}
