/* sim_quota.c - what may be asked of providers in a time, against plain counts: nothing is sent where nothing is left,
 * no more requests are sent than a quota has, what was sent counts once and what was not sent does not, and at the end
 * nothing is held. */
#include "base/check.h"
#include "sim.h"

void sim_quota_draw(struct sim *sim) { sim->quota.on = sim_chance(&sim->quota.draw, 25); }

void sim_quota_provider(struct sim *sim, struct text *yaml) {
    static const struct {
        const char *name;
        unsigned least, most;
    } rows[] = {{"requests_per_hour", 2, 20},
                {"requests_per_day", 2, 40},
                {"tokens_per_hour", 50, 4000},
                {"tokens_per_day", 50, 9000},
                {"characters_per_day", 50, 6000}};
    struct prng *draw = &sim->quota.draw;
    if (!sim->quota.on || !sim_chance(draw, 60)) return;
    unsigned first = (unsigned)prng_below(draw, 5), second = (unsigned)prng_below(draw, 5);
    text_put(yaml, STR(", quota: {timezone: UTC"));
    for (unsigned i = 0; i < (first == second ? 1 : 2); i++) {
        unsigned row = i ? second : first;
        text_printf(yaml, ", %s: %u", rows[row].name, (unsigned)sim_between(draw, rows[row].least, rows[row].most));
    }
    text_put(yaml, STR("}"));
}

/* Limits as they are written, before a planted bug changes what the engine reads. */
void sim_quota_config(struct sim *sim) {
    const struct snapshot *snapshot = sim->config.snapshot;
    for (size_t p = 0; p < snapshot->provider_count; p++)
        for (size_t i = 0; i < snapshot->providers[p].quota_count; i++) {
            struct quota *quota = &snapshot->providers[p].quotas[i];
            unsigned at = 0;
            while (at < sim->quota.limit_count && sim->quota.limits[at].quota != quota->identity) at++;
            if (at == sim->quota.limit_count) sim->quota.limit_count++;
            CHECKF(at < sim_limits_max, "limits=%u", at);
            sim->quota.limits[at].quota = quota->identity;
            sim->quota.limits[at].units = quota->limit;
            if (sim->mutant == mutant_quota_doubled) quota->limit *= 2;
        }
}

static int64_t limit_of(const struct sim *sim, uint64_t identity) {
    for (unsigned i = 0; i < sim->quota.limit_count; i++)
        if (sim->quota.limits[i].quota == identity) return sim->quota.limits[i].units;
    return -1;
}

static struct sim_sum *sum_of(struct sim *sim, uint64_t identity, uint64_t window_s) {
    unsigned at = 0;
    while (at < sim->quota.sum_count &&
           (sim->quota.sums[at].budget != identity || sim->quota.sums[at].window_s != window_s))
        at++;
    CHECKF(at < sim_sums_max, "sums=%u", at);
    if (at == sim->quota.sum_count)
        sim->quota.sums[sim->quota.sum_count++] = (struct sim_sum){.budget = identity, .window_s = window_s};
    return &sim->quota.sums[at];
}

void sim_quota_event(struct sim *sim, unsigned number, const struct event *event) {
    bool sent = event->kind == event_sent || event->kind == event_reply_head;
    if (sent && event->attempt < sim_attempts_max) sim->callers[number].quota_sent |= 1ull << event->attempt;
}

void sim_quota_call(struct sim *sim, unsigned number, const struct attempt *attempt) {
    const struct quota_hold *hold = &attempt->holds.quota;
    if (attempt->number >= sim_attempts_max) return;
    sim_rule(sim, hold->count == attempt->target->provider->quota_count, "an attempt holds of each quota", number);
    CHECKF(hold->count <= sim_quotas_max, "quotas=%u", hold->count);
    for (unsigned i = 0; i < hold->count; i++) {
        const struct quota *quota = hold->tickets[i].quota;
        int64_t units = hold->tickets[i].units, limit = limit_of(sim, quota->identity);
        struct sim_sum *sum = sum_of(sim, quota->identity, hold->tickets[i].window_s);
        sim_rule(sim, sum->spent + sum->reserved < limit, "nothing is sent where nothing of a quota is left", number);
        sum->reserved += units;
        sim_rule(sim, sum->spent + sum->reserved <= limit, "no more is held of a quota than it has", number);
        sim_rule(sim, quota->unit != quota_requests || units == 1, "a request is one", number);
        sim->callers[number].quota_held[attempt->number][i] =
            (struct sim_quota_held){quota->identity, hold->tickets[i].window_s, units};
        sim_reached(sim, mark_quota_taken);
    }
}

/* What it counts for, as far as that can be told from what its provider said; -1: it cannot. */
static int64_t truth_of(const struct attempt *attempt, enum quota_unit unit) {
    const struct usage *usage = &attempt->usage;
    if (unit == quota_requests) return 1;
    if (unit == quota_characters || (usage->input_tokens < 0 && usage->output_tokens < 0)) return -1;
    return (usage->input_tokens > 0 ? usage->input_tokens : 0) + (usage->output_tokens > 0 ? usage->output_tokens : 0);
}

void sim_quota_settled(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    const struct quota_hold *hold = &attempt->holds.quota;
    if (attempt->number >= sim_attempts_max || !(caller->called >> attempt->number & 1)) return;
    bool sent = caller->quota_sent >> attempt->number & 1;
    for (size_t i = 0; i < attempt->target->provider->quota_count; i++) {
        const struct sim_quota_held *held = &caller->quota_held[attempt->number][i];
        const struct quota *quota = &attempt->target->provider->quotas[i];
        struct sim_sum *sum = sum_of(sim, held->quota, held->window_s);
        sum->reserved -= held->units;
        if (!sent) {
            sim_rule(sim, hold->count == 0, "what was not sent counts for nothing", number);
            sim_reached(sim, mark_quota_given_back);
            continue;
        }
        if (!sim_rule(sim, i < hold->count, "what was sent counts", number)) return;
        int64_t truth = truth_of(attempt, quota->unit), counted = hold->tickets[i].units;
        sim_rule(sim, truth < 0 || truth > quota_amount_most || counted == truth, "it counts for what it used", number);
        sum->spent += counted;
        struct window_span span = quota_look(quota, sim->now.wall_ns / (int64_t)NS_PER_S).span;
        if (span.start_s > (int64_t)held->window_s) sim_reached(sim, mark_quota_late);
    }
}

static void words_check(struct sim *sim, const struct quota *quota, unsigned number) {
    int64_t now_s = sim->now.wall_ns / (int64_t)NS_PER_S;
    struct spend_view view = spend_look(quota->spend, (uint64_t)window_now(&quota->window, now_s).start_s);
    const struct sim_sum *sum = sum_of(sim, quota->identity, view.start_s);
    sim_rule(sim, view.spent == sum->spent && view.committed == sum->spent + sum->reserved,
             "a quota's words say what was sent", number);
}

void sim_quota_step(struct sim *sim, unsigned number) {
    const struct snapshot *snapshot = sim->config.snapshot;
    for (size_t p = 0; p < snapshot->provider_count && sim->quota.on; p++)
        for (size_t i = 0; i < snapshot->providers[p].quota_count; i++)
            words_check(sim, &snapshot->providers[p].quotas[i], number);
}

void sim_quota_closed(struct sim *sim, const struct flight *flight) {
    for (size_t i = 0; i < flight->choice.count; i++)
        if (flight->choice.candidates[i].refusal == refusal_provider_quota) sim_reached(sim, mark_quota_used_up);
}

void sim_quota_rest(struct sim *sim) {
    for (unsigned i = 0; i < sim->quota.sum_count; i++)
        sim_rule(sim, sim->quota.sums[i].reserved == 0, "at the end nothing is held of a quota", 0);
}
