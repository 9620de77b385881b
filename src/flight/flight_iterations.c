/* flight_iterations.c - what an answer cost that took several goes at its provider (Anthropic's usage.iterations): a
 * compaction, whose tokens stand nowhere else, and goes of other models (an advisor, a fallback), each at its own
 * price. All of them are the attempt's tokens. */
#include "dialect/fields.h"
#include "flight/flight_internal.h"

static const int64_t tokens_most = 1000000000000;

static void tokens_add(struct price_tokens *sum, const struct price_tokens *more) {
    sum->input += more->input;
    sum->output += more->output;
    sum->cached_input += more->cached_input;
    sum->cache_write += more->cache_write;
}

static int64_t iterations_count(const struct json_value *entry, const char *name) {
    int64_t count = json_tokens(entry, name);
    return count < 0 || count > tokens_most ? 0 : count;
}

static struct price_tokens iterations_tokens(const struct json_value *entry) {
    struct price_tokens tokens = {.output = iterations_count(entry, "output_tokens"),
                                  .cached_input = iterations_count(entry, "cache_read_input_tokens"),
                                  .cache_write = iterations_count(entry, "cache_creation_input_tokens")};
    tokens.input = iterations_count(entry, "input_tokens") + tokens.cached_input + tokens.cache_write;
    return tokens;
}

/* What the model costs there; NULL: nobody knows. */
static const struct price_list *prices_there(const struct flight *flight, const struct provider *provider,
                                             struct str model) {
    const struct catalog_model *row = catalog_model_find(provider->row, model);
    for (size_t i = 0; i < flight->snapshot->target_count; i++) {
        const struct target *target = &flight->snapshot->targets[i];
        if (target->provider == provider && (str_eq(target->model, model) || (row && target->facts == row)))
            return &target->prices;
    }
    return row ? &row->prices : NULL;
}

static bool is_the_targets(const struct attempt *attempt, struct str model) {
    const struct catalog_model *row = catalog_model_find(attempt->target->provider->row, model);
    return !model.len || str_eq(model, attempt->target->model) || (row && row == attempt->target->facts);
}

/* Another model's tokens, which then are not charged at the target's price; of one that has no known price they are. */
static void others_add(const struct flight *flight, struct attempt *attempt, struct str model,
                       const struct price_tokens *tokens) {
    const struct price_list *prices = prices_there(flight, attempt->target->provider, model);
    int64_t cost = prices ? price_cost(prices, *tokens) : -1;
    if (cost < 0) return;
    tokens_add(&attempt->others.tokens, tokens);
    int64_t *sum = &attempt->others.cost_nano_usd;
    *sum = cost > INT64_MAX - *sum ? INT64_MAX : *sum + cost;
}

static void most_keep(int64_t *sum, int64_t said) {
    if (said > *sum) *sum = said;
}

/* What the provider said last: what stands there may be what an earlier list made of it. */
static int64_t top_of(int64_t stands, int64_t told, int64_t top) { return stands == told ? top : stands; }

void iterations_take(const struct flight *flight, struct attempt *attempt, struct str raw) {
    const char *problem;
    size_t at, place = 0;
    struct price_tokens said = {0}, more = {0};
    struct usage *usage = &attempt->usage;
    bool fallback = false;
    const struct json_value *list = raw.len ? json_parse_in(flight->host->scratch, raw, &problem, &at) : NULL;
    if (json_count(list) == 0) return;
    const struct price_tokens was = attempt->others.top, told = attempt->others.told;
    const struct price_tokens top = {
        .input = top_of(usage->input_tokens, told.input, was.input),
        .output = top_of(usage->output_tokens, told.output, was.output),
        .cached_input = top_of(usage->cached_input_tokens, told.cached_input, was.cached_input),
        .cache_write = top_of(usage->cache_write_tokens, told.cache_write, was.cache_write)};
    attempt->others = (struct others){.top = top};
    for (const struct json_value *entry; (entry = json_each(list, &place, NULL));) {
        struct str type = json_member_str(entry, "type"), model = json_member_str(entry, "model");
        struct price_tokens tokens = iterations_tokens(entry);
        fallback |= str_eq(type, STR("fallback_message"));
        tokens_add(str_eq(type, STR("message")) ? &said : &more, &tokens);
        if (!is_the_targets(attempt, model)) others_add(flight, attempt, model, &tokens);
    }
    if (!fallback) { /* the counts above the list are those of its messages */
        most_keep(&said.input, top.input);
        most_keep(&said.output, top.output);
        most_keep(&said.cached_input, top.cached_input);
        most_keep(&said.cache_write, top.cache_write);
    }
    tokens_add(&said, &more);
    usage->input_tokens = said.input;
    usage->output_tokens = said.output;
    if (said.cached_input || usage->cached_input_tokens >= 0) usage->cached_input_tokens = said.cached_input;
    if (said.cache_write || usage->cache_write_tokens >= 0) usage->cache_write_tokens = said.cache_write;
    attempt->others.told = (struct price_tokens){usage->input_tokens, usage->output_tokens, usage->cached_input_tokens,
                                                 usage->cache_write_tokens};
}
