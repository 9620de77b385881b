/* past_price.c - see past_price.h. */
#include "runtime/past_price.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

struct str past_why_name(enum past_why why) {
    static const struct str names[] = {
#define X(name, sentence) STR(#name),
        PAST_WHY_TABLE(X)
#undef X
    };
    return (unsigned)why < past_whys ? names[why] : STR("");
}

struct str past_why_sentence(enum past_why why) {
    static const struct str sentences[] = {
#define X(name, sentence) STR(sentence),
        PAST_WHY_TABLE(X)
#undef X
    };
    return (unsigned)why < past_whys ? sentences[why] : STR("");
}

bool past_prices_begin(struct past_prices *prices, const struct snapshot *snapshot) {
    *prices = (struct past_prices){.snapshot = snapshot};
    arena_init(&prices->arena, 64 * 1024, 256 * 1024 * 1024);
    str_copy(prices->day, sizeof prices->day, catalog_day(&snapshot->catalog));
    prices->list = arena_take(&prices->arena, past_targets_max * sizeof(struct past_target *));
    return prices->list && map_init(&prices->by_name, &prices->arena, past_targets_max);
}

void past_prices_end(struct past_prices *prices) { arena_free(&prices->arena); }

/* -- which prices they are -- */

static void past_rows_put(struct text *text, const struct price_rows *rows) {
    for (size_t i = 0; rows && i < rows->count; i++) {
        const struct price_row *row = &rows->at[i];
        const unsigned numbers[] = {row->names,    row->above, row->from_minute, row->to_minute,
                                    row->tier,     row->speed, row->region,      row->modality,
                                    row->lifetime, row->batch, row->decimals};
        text_printf(text, "|%lld,%lld,%lld", (long long)row->since_s, (long long)row->until_s, (long long)row->factor);
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) text_printf(text, ",%u", numbers[k]);
        for (int k = 0; row->values && k < __builtin_popcount(row->names); k++)
            text_printf(text, ",%lld", (long long)row->values[k]);
    }
}

/* By all that they say: the same prices are called the same, whichever file they come from. */
static void past_price_name(const struct past_prices *prices, struct past_target *target, struct arena *scratch) {
    const struct price_list *list = &target->prices;
    char hex[2 * sizeof(struct sha256)];
    struct text text = text_in_arena(scratch, 4096);
    text_printf(&text, "%lld,%lld,%lld,%lld,%lld", (long long)list->input, (long long)list->output,
                (long long)list->cached_input, (long long)list->cache_write, (long long)list->request);
    past_rows_put(&text, &list->rows);
    text_put(&text, STR("|discounts"));
    past_rows_put(&text, list->discounts);
    const struct sha256 hash = hash_sha256(text_str(&text));
    hash_to_hex(hash.bytes, sizeof hash.bytes, hex);
    snprintf(target->price, sizeof target->price, "%s%s%.12s", prices->day, prices->day[0] ? " " : "", hex);
}

/* -- a target -- */

static struct past_target *past_target_new(struct past_prices *prices, struct str name, struct str provider,
                                           struct str model) {
    struct arena *arena = &prices->arena, scratch;
    struct past_target *target = arena_take_zeroed(arena, sizeof *target);
    if (!target || prices->count == past_targets_max) return NULL;
    arena_init(&scratch, 16 * 1024, 4 * 1024 * 1024);
    target->provider = arena_copy(arena, provider);
    target->model = arena_copy(arena, model);
    target->prices = PRICES_UNKNOWN;
    target->has_provider = map_find(&prices->snapshot->providers_by_name, provider) != NULL;
    const struct route *route =
        target->has_provider ? snapshot_pinned(prices->snapshot, arena_copy(arena, name), arena) : NULL;
    if (route) target->prices = route->targets[0]->prices;
    past_price_name(prices, target, &scratch);
    arena_free(&scratch);
    prices->list[prices->count++] = target;
    return map_add(&prices->by_name, arena_copy(arena, name), target) ? target : NULL;
}

struct past_target *past_prices_of(struct past_prices *prices, struct str provider, struct str model) {
    char buffer[2 * record_text_most + 2];
    struct text name = text_in_buffer(buffer, sizeof buffer);
    text_put(&name, provider);
    text_put_byte(&name, '/');
    text_put(&name, model);
    if (name.failed) return NULL;
    struct past_target *target = map_find(&prices->by_name, text_str(&name));
    return target ? target : past_target_new(prices, text_str(&name), provider, model);
}

/* -- a bill -- */

/* What tools and fees it had is not known, but that it had some. */
static bool past_is_unmetered(const struct past_attempt *attempt) {
    return !attempt->metered_known &&
           (attempt->numbers[record_tools_nano_usd] > 0 || attempt->numbers[record_fees_nano_usd] > 0) &&
           attempt->numbers[record_provider_nano_usd] < 0;
}

static int64_t past_less(int64_t count, int64_t others) { return count > others ? count - others : 0; }

/* As an attempt's end charges it; what other models had a part in costs what it did. */
static struct price_bill past_bill(const struct past_target *target, const struct past_attempt *attempt,
                                   bool elsewhere) {
    const int64_t *numbers = attempt->numbers;
    const struct metered_others *others = &attempt->metered.others;
    struct meter meter = attempt->metered.meter;
    struct price_use use = {.tokens = {numbers[record_input_tokens], numbers[record_output_tokens],
                                       numbers[record_cached_tokens], numbers[record_cache_write_tokens],
                                       numbers[record_reasoning_tokens]},
                            .meter = &meter,
                            .started_s = numbers[record_time_ms] / 1000};
    if (elsewhere) {
        meter.tier = tier_unsaid;
        meter.speed = meter_speed_unsaid;
        meter.region = region_unsaid;
    } else if (others->nano_usd > 0) {
        uint32_t *written_1h = &meter.count[meter_cache_write_1h];
        use.tokens.input -= others->input;
        use.tokens.output -= others->output;
        use.tokens.cached_input -= others->cached_input;
        use.tokens.cache_write -= others->cache_write;
        *written_1h = (uint32_t)past_less(*written_1h, others->cache_write_1h);
    }
    struct price_bill bill = price_bill(&target->prices, &use);
    const struct price_bill more = {.total = others->nano_usd, .share[price_share_fees] = others->nano_usd};
    if (bill.total >= 0 && !elsewhere) price_bill_add(&bill, &more);
    return bill;
}

enum past_why past_price(const struct past_target *target, const struct past_attempt *attempt, bool elsewhere,
                         int64_t *nano_usd) {
    const int64_t *numbers = attempt->numbers;
    if (numbers[record_input_tokens] < 0 && numbers[record_output_tokens] < 0 && !attempt->metered.meter.said)
        return past_uncounted;
    if (past_is_unmetered(attempt)) return past_unmetered;
    const struct price_bill bill = past_bill(target, attempt, elsewhere);
    *nano_usd = bill.total;
    if (bill.total >= 0) return past_priced;
    if (!elsewhere && numbers[record_provider_nano_usd] >= 0) *nano_usd = numbers[record_provider_nano_usd];
    if (*nano_usd >= 0) return past_priced;
    return target->has_provider ? past_no_price : past_no_provider;
}
