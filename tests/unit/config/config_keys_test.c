/* config_keys_test.c - every key of the table that says a number, a yes or a choice is read into something: what the
 * configuration makes differs with its value. */
#include "config_world.h"

#include "config/config_schema.h"

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A_PLAIN "providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1', models: [m]}}\n"

/* Where a section's keys stand. */
static const struct place {
    enum config_section section;
    const char *form;
} places[] = {
    {section_top, A_PLAIN "clients: [{name: c, key_hash: '" H "'}]\nroutes: [{model: m, targets: [a/m]}]\n%s\n"},
    {section_adaptive, A_PLAIN "adaptive: {%s}\n"},
    {section_retry, A_PLAIN "retry: {%s}\nroutes: [{model: m, targets: [a/m]}]\n"},
    {section_retry, A_PLAIN "routes: [{model: m, targets: [a/m], retry: {%s}}]\n"},
    {section_hedge, A_PLAIN "hedge: {%s}\nroutes: [{model: m, targets: [a/m]}]\n"},
    {section_fetch, A_PLAIN "fetch: {%s}\n"},
    {section_responses, A_PLAIN "responses: {%s}\n"},
    {section_log, A_PLAIN "log: {%s}\n"},
    {section_provider,
     "providers: {b: {type: openai, api_key: k}, a: {type: openai, api_key: k, base_url: 'https://h/v1', %s}}\n"},
    {section_breaker, "providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1', circuit_breaker: {%s}}}\n"},
    {section_health, "providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1', health: {%s}}}\n"},
    {section_queue,
     "providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1', max_concurrent: 2, queue: {%s}}}\n"},
    {section_pool, "providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1', pool: {%s}}}\n"},
    {section_quota, "providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1', quota: {%s}}}\n"},
    {section_alerts, A_PLAIN "alerts: {%s}\n"},
    {section_route, A_PLAIN "routes: [{model: m, targets: [a/m], %s}]\n"},
    {section_target, A_PLAIN "routes: [{model: m, targets: [{target: a/m, %s}]}]\n"},
    {section_client, A_PLAIN "clients: [{name: c, key_hash: '" H "', %s}]\n"},
    {section_owner, A_PLAIN "owners: [{name: o, %s}]\n"},
    {section_budget, A_PLAIN "clients: [{name: c, key_hash: '" H "', budgets: [{window: day, %s}]}]\n"},
};

/* Two values that the key may have. false: it is no number, yes or choice. */
static bool two_values(const struct config_key *key, char one[64], char other[64]) {
    double least = key->least > 0 ? key->least : 0, step = (key->most - least) / 4;
    switch (key->value) {
    case value_bool:
        snprintf(one, 64, "true");
        snprintf(other, 64, "false");
        return true;
    case value_choice:
        snprintf(one, 64, "%.*s", STR_ARG(config_key_choice(key, 0)));
        snprintf(other, 64, "%.*s", STR_ARG(config_key_choice(key, config_key_choice(key, 2).len ? 2 : 1)));
        return true;
    case value_int:
    case value_milliseconds:
        if (step > 1000) step = 1000;
        snprintf(one, 64, "%.0f", least + (step >= 1 ? (double)(int64_t)step : 1));
        snprintf(other, 64, "%.0f", least + 2 * (step >= 1 ? (double)(int64_t)step : 0));
        return true;
    case value_number:
    case value_seconds: {
        if (step > 100) step = 100;
        /* what counts beside another key alone is written with it */
        const char *with = str_eq(key->name, STR("at")) ? ", over: downgrade" : "";
        snprintf(one, 64, "%.3f%s", least + step, with);
        snprintf(other, 64, "%.3f%s", least + 2 * step, with);
        return true;
    }
    default: return false;
    }
}

/* Those whose other value is refused, or needs another key beside it. */
static bool is_known_to_change_nothing(const struct config_key *key) {
    static const struct str names[] = {STR("on_disconnect"), STR("redact"), STR("rolling")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(key->name, names[i])) return true;
    return false;
}

/* -- what a configuration made, as bytes -- */

enum { bytes_max = 256 * 1024 };
struct made {
    struct config config;
    unsigned char bytes[bytes_max];
    size_t count;
};

static void made_add(struct made *made, const void *at, size_t size) {
    assert_true(made->count + size < bytes_max);
    memcpy(&made->bytes[made->count], at, size);
    made->count += size;
}

static bool made_of(struct made *made, const char *form, const struct config_key *key, const char *value) {
    char line[256], text[2048];
    bool of_short = str_starts(key->name, STR("budget_")),
         of_budget = strstr(form, "window: day, %s") && !str_eq(key->name, STR("usd")),
         of_split = of_budget && str_eq(key->name, STR("max_values"));
    snprintf(line, sizeof line, "%s%.*s: %s",
             of_short    ? "daily_budget: 1, "
             : of_split  ? "usd: 1, per: route, "
             : of_budget ? "usd: 1, "
                         : "",
             STR_ARG(key->name), value);
    snprintf(text, sizeof text, form, line); /* NOLINT */
    memset(made, 0, sizeof *made);
    if (!load(text, NULL, &made->config)) return false;
    const struct snapshot *snapshot = made->config.snapshot;
    made_add(made, &made->config.process, sizeof made->config.process);
    made_add(made, snapshot, sizeof *snapshot);
    for (size_t i = 0; i < snapshot->provider_count; i++)
        made_add(made, &snapshot->providers[i], sizeof *snapshot->providers);
    for (size_t i = 0; i < snapshot->provider_count; i++)
        for (size_t q = 0; q < snapshot->providers[i].quota_count; q++)
            made_add(made, &snapshot->providers[i].quotas[q], sizeof *snapshot->providers[i].quotas);
    for (size_t i = 0; i < snapshot->target_count; i++)
        made_add(made, &snapshot->targets[i], sizeof *snapshot->targets);
    for (size_t i = 0; i < snapshot->route_count; i++) {
        made_add(made, &snapshot->routes[i], sizeof *snapshot->routes);
        const struct route_place *place = snapshot->routes[i].places;
        if (place) made_add(made, place, sizeof *place);
        if (place && place->limits) made_add(made, place->limits, sizeof *place->limits);
    }
    for (size_t i = 0; i < snapshot->client_count; i++)
        made_add(made, &snapshot->clients[i], sizeof *snapshot->clients);
    for (size_t i = 0; i < snapshot->owner_count; i++) made_add(made, &snapshot->owners[i], sizeof *snapshot->owners);
    for (const struct money_budget *at = snapshot->first_budget; at; at = at->next) made_add(made, at, sizeof *at);
    return true;
}

enum { reads = 3 };

/* Bytes that are not the same in all that were read of one text are of addresses and secrets, or between members. */
static bool differs(const struct made of_first[reads], const struct made of_second[reads]) {
    if (of_first->count != of_second->count) return true;
    for (size_t i = 0; i < of_first->count; i++) {
        bool same = of_first->bytes[i] != of_second->bytes[i];
        for (size_t read = 1; same && read < reads; read++)
            same = of_first[read].bytes[i] == of_first->bytes[i] && of_second[read].bytes[i] == of_second->bytes[i];
        if (same) return true;
    }
    return false;
}

static void each_key_is_read_into_something(void **state) {
    static struct made made[2][reads];
    unsigned looked_at = 0, unread = 0;
    (void)state;
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        size_t count;
        const struct config_key *keys = config_keys_of(places[p].section, &count);
        for (size_t i = 0; i < count; i++) {
            char first[64], second[64];
            if (keys[i].status != key_now || is_known_to_change_nothing(&keys[i]) ||
                !two_values(&keys[i], first, second))
                continue;
            bool good = true;
            for (size_t read = 0; read < reads; read++) {
                good &= made_of(&made[0][read], places[p].form, &keys[i], first);
                good &= made_of(&made[1][read], places[p].form, &keys[i], second);
            }
            if (!good || !differs(made[0], made[1])) {
                char said[512] = "";
                first_problem(&made[made[0]->config.problems == NULL]->config, said, sizeof said);
                print_message("%.*s of `%.*s` (%s, %s): %s\n", STR_ARG(keys[i].name),
                              STR_ARG(config_section_name(places[p].section)), first, second,
                              good ? "nothing differs" : said);
                unread++;
            }
            looked_at++;
            for (size_t read = 0; read < reads; read++)
                config_free(&made[0][read].config), config_free(&made[1][read].config);
        }
    }
    assert_int_equal(unread, 0);
    assert_true(looked_at > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_key_is_read_into_something)};
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
