/* flight_iterations.c - what an answer cost that took several goes at its provider (Anthropic's usage.iterations): a
 * compaction, whose tokens stand nowhere else, and goes of other models (an advisor, a fallback), each at its own
 * price. All of them are the attempt's tokens. */
#include "dialect/fields.h"
#include "flight/flight_internal.h"

static const int64_t tokens_most = 1000000000000;

static void go_add(struct go *sum, const struct go *more) {
    for (unsigned i = 0; i < go_counts; i++) sum->of[i] += more->of[i];
}

static int64_t iterations_count(const struct json_value *entry, const char *name) {
    int64_t count = json_tokens(entry, name);
    return count < 0 || count > tokens_most ? 0 : count;
}

static struct go go_read(const struct json_value *entry) {
    struct go go;
    go.of[go_output] = iterations_count(entry, "output_tokens");
    go.of[go_cached] = iterations_count(entry, "cache_read_input_tokens");
    go.of[go_written] = iterations_count(entry, "cache_creation_input_tokens");
    go.of[go_written_1h] = iterations_count(json_member(entry, "cache_creation"), "ephemeral_1h_input_tokens");
    go.of[go_input] = iterations_count(entry, "input_tokens") + go.of[go_cached] + go.of[go_written];
    return go;
}

/* What the model costs there. */
static struct price_list prices_there(const struct flight *flight, const struct provider *provider, struct str model) {
    const struct catalog_model *row = catalog_model_find(provider->row, model);
    for (size_t i = 0; i < flight->snapshot->target_count; i++) {
        const struct target *target = &flight->snapshot->targets[i];
        if (target->provider == provider && (str_eq(target->model, model) || (row && target->facts == row)))
            return target->prices;
    }
    struct price_list prices = row ? row->prices : PRICES_UNKNOWN;
    prices.discounts = &provider->discounts;
    return prices;
}

static bool is_the_targets(const struct attempt *attempt, struct str model) {
    const struct catalog_model *row = catalog_model_find(attempt->target->provider->row, model);
    return !model.len || str_eq(model, attempt->target->model) || (row && row == attempt->target->facts);
}

/* Another model's tokens, which then are not charged at the target's price; of one that has no known price they are. */
static void others_add(const struct flight *flight, const struct attempt *attempt, struct str model,
                       const struct go *go, struct others *others) {
    struct price_list prices = prices_there(flight, attempt->target->provider, model);
    struct meter meter = {.tier = attempt->meter.tier,
                          .speed = attempt->meter.speed,
                          .region = attempt->meter.region,
                          .batch = attempt->meter.batch,
                          .said = true};
    meter_note(&meter, meter_cache_write_1h, go->of[go_written_1h]);
    struct price_bill bill = price_bill(&prices, &(struct price_use){.tokens = {.input = go->of[go_input],
                                                                                .output = go->of[go_output],
                                                                                .cached_input = go->of[go_cached],
                                                                                .cache_write = go->of[go_written]},
                                                                     .meter = &meter,
                                                                     .started_s = attempt_started_s(flight, attempt),
                                                                     .part = true});
    if (bill.total < 0) return;
    go_add(&others->tokens, go);
    price_bill_add(&others->bill, &bill);
}

/* -1: not said. */
static struct go go_of(const struct usage *usage) {
    return (struct go){{usage->input_tokens, usage->output_tokens, usage->cached_input_tokens,
                        usage->cache_write_tokens, usage->meter->count[meter_cache_write_1h]}};
}

static void usage_become(struct usage *usage, const struct go *go) {
    usage->input_tokens = go->of[go_input];
    usage->output_tokens = go->of[go_output];
    if (go->of[go_cached] || usage->cached_input_tokens >= 0) usage->cached_input_tokens = go->of[go_cached];
    if (go->of[go_written] || usage->cache_write_tokens >= 0) usage->cache_write_tokens = go->of[go_written];
    meter_note(usage->meter, meter_cache_write_1h, go->of[go_written_1h]);
}

/* The list, told apart: what the messages of the target took, what else there was. */
static void goes_read(const struct flight *flight, const struct attempt *attempt, const struct json_value *list,
                      const struct go *top, struct others *others, struct go *sum) {
    size_t place = 0;
    struct go said = {{0}}, more = {{0}};
    bool fallback = false;
    for (const struct json_value *entry; (entry = json_each(list, &place, NULL));) {
        struct str type = json_member_str(entry, "type"), model = json_member_str(entry, "model");
        struct go go = go_read(entry);
        fallback |= str_eq(type, STR("fallback_message"));
        go_add(str_eq(type, STR("message")) ? &said : &more, &go);
        if (!is_the_targets(attempt, model)) others_add(flight, attempt, model, &go, others);
    }
    for (unsigned i = 0; i < go_counts && !fallback; i++) /* the counts above the list are those of its messages */
        if (top->of[i] > said.of[i]) said.of[i] = top->of[i];
    go_add(&said, &more);
    *sum = said;
}

void iterations_take(struct flight *flight, struct attempt *attempt, struct str raw) {
    const char *problem;
    size_t at;
    const struct json_value *list = raw.len ? json_parse_in(flight->host->scratch, raw, &problem, &at) : NULL;
    if (json_count(list) == 0) return;
    const struct go stands = go_of(&attempt->usage);
    const struct others before = attempt->others ? *attempt->others : (struct others){.bill = {.total = 0}};
    struct others others = {.bill = {.total = 0}};
    struct go sum;
    for (unsigned i = 0; i < go_counts; i++) /* what stands there may be what an earlier list made of it */
        others.top.of[i] = stands.of[i] == before.told.of[i] ? before.top.of[i] : stands.of[i];
    goes_read(flight, attempt, list, &others.top, &others, &sum);
    usage_become(&attempt->usage, &sum);
    others.told = go_of(&attempt->usage);
    if (!attempt->others) attempt->others = arena_take(&flight->arena, sizeof *attempt->others);
    if (attempt->others) *attempt->others = others; /* else all is at the target's price */
}
