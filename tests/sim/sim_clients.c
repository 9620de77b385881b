/* sim_clients.c - several clients with limits of their own, against plain counts: none is let through past its own, and
 * none is refused for what others do. */
#include "sim.h"

static struct limiter_rules minute_of(uint64_t limit, uint64_t burst) {
    return (struct limiter_rules){.limit = limit, .burst = burst, .period_ns = 60 * NS_PER_S};
}

void sim_clients_draw(struct sim *sim, struct text *yaml) {
    sim->client_total = (unsigned)sim_between(&sim->policy, 1, sim_clients_max);
    text_put(yaml, STR("clients:\n"));
    for (unsigned i = 0; i < sim->client_total; i++) {
        struct sim_client *client = &sim->client_world[i];
        uint64_t rpm = sim_between(&sim->policy, 1, 100), burst = sim_between(&sim->policy, 1, rpm);
        client->max_concurrent = (unsigned)sim_between(&sim->policy, 1, 20);
        client->minute = minute_of(rpm, burst);
        text_printf(
            yaml,
            "  - {name: c%u, key_hash: \"%064x\", providers: [p0, p1], models: [\"m*\", fast], rate_limit_rpm: %llu, "
            "burst_allowance: %llu, max_concurrent: %u",
            i, i + 1, (unsigned long long)rpm, (unsigned long long)burst, client->max_concurrent);
        sim_money_client(sim, yaml);
        sim_limits_client(sim, yaml);
        text_put(yaml, STR("}\n"));
    }
    sim_money_owners(sim, yaml);
}

/* Every earlier request is a stretch's beginning. */
static void rate_check(struct sim *sim, struct sim_client *client, unsigned number) {
    const struct limiter_rules *rules = &client->minute;
    if (client->taken_count == sim_calls_max) return;
    client->taken_ns[client->taken_count++] = sim->now.mono_ns;
    for (unsigned i = 0; i < client->taken_count; i++) {
        uint64_t stretch = sim->now.mono_ns - client->taken_ns[i];
        double most = (double)rules->burst + (double)stretch * (double)rules->limit / (double)rules->period_ns + 1e-6;
        if (!sim_rule(sim, client->taken_count - i <= most, "no client passes its rate by more than its burst", number))
            return;
    }
}

/* Refused by its own rate: then it has had a part of its burst since the last whole minute. */
static bool has_used(const struct sim *sim, const struct sim_client *client) {
    if (client->live >= client->max_concurrent || client->taken_count == sim_calls_max) return true;
    for (unsigned i = 0; i < client->taken_count; i++)
        if (client->taken_ns[i] + client->minute.period_ns * client->minute.burst / client->minute.limit +
                client->minute.period_ns >=
            sim->now.mono_ns)
            return true;
    return false;
}

static void count(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    struct sim_client *client = &sim->client_world[caller->client_index];
    caller->client_counted = true;
    client->live++;
    sim_rule(sim, client->live <= client->max_concurrent, "no client has more requests in flight than it may", number);
    rate_check(sim, client, number);
}

void sim_clients_step(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    if (caller->client && caller->flight && caller->flight->client_holds.gate && !caller->client_counted)
        count(sim, number);
}

/* What a client is refused by its own limits, it has used itself. */
void sim_clients_closed(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    if (!caller->client) return;
    bool refused = str_eq(flight->answer.limit_scope, STR("client")) && flight->attempt_count == 0 &&
                   !sim_money_refused(sim, flight) && !sim_limits_refused(flight);
    for (size_t i = 0; i < flight->choice.count; i++)
        if (flight->choice.candidates[i].refusal == refusal_line_share) {
            refused = false;
            sim_reached(sim, mark_line_share_refused);
        }
    if (!caller->client_counted && refused)
        sim_rule(sim, has_used(sim, &sim->client_world[caller->client_index]), "no client pays for another's requests",
                 number);
    else if (!caller->client_counted && flight->client_holds.requests_minute.units)
        count(sim, number); /* admitted and closed in one step */
    if (caller->client_counted) sim->client_world[caller->client_index].live--;
    caller->client_counted = false;
}
