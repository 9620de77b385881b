/* price.c - products in 128 bits over one denominator, one rounding at the end.
 *
 * A part's money is count x price / 10^6, an hour's ms x price / 3.6 x 10^6, and each factor divides by a power of ten
 * more: all are told over 18 x 10^6 x 10^decimals, at most 1.8 x 10^18 < 2^61. What does not fit in 128 bits is
 * therefore more than 2^66 nano-dollars: it saturates, and so does the sum. */
#include "core/price.h"

#include <string.h>

#include "base/check.h"

typedef unsigned __int128 wide;
#define WIDE_MOST (~(wide)0)

#define WORD(name, ...) #name,
struct str price_name(enum price_kind kind) {
    static const char *const names[] = {PRICE_TABLE(WORD)};
    return (unsigned)kind < price_kinds ? str_from(names[kind]) : STR("");
}

struct str price_share_name(enum price_share share) {
    static const char *const names[] = {PRICE_SHARE_TABLE(WORD)};
    return (unsigned)share < price_shares ? str_from(names[share]) : STR("");
}

struct str price_modality_name(enum price_modality modality) {
    static const char *const names[] = {"", "text", "audio", "image", "video"};
    return (unsigned)modality < price_modalities ? str_from(names[modality]) : STR("");
}

struct str price_lifetime_name(enum price_lifetime lifetime) {
    static const char *const names[] = {"", "5m", "30m", "1h", "12h"};
    return (unsigned)lifetime < price_lifetimes ? str_from(names[lifetime]) : STR("");
}

unsigned price_digits(enum price_kind kind) {
    return (unsigned)kind < price_tokens_kinds || kind == price_hour
               ? 9
               : 15; /* a million of them in nano-dollars, or an hour */
}

int64_t *price_base(struct price_list *prices, enum price_kind kind) {
    switch (kind) {
    case price_input: return &prices->input;
    case price_output: return &prices->output;
    case price_cached_input: return &prices->cached_input;
    case price_cache_write: return &prices->cache_write;
    default: return NULL;
    }
}

bool price_is_known(const struct price_list *prices) {
    if (prices->input >= 0 || prices->output >= 0 || prices->request >= 0) return true;
    for (size_t i = 0; i < prices->rows.count; i++)
        if (prices->rows.at[i].values) return true;
    return false;
}

unsigned price_rows_decimals(const struct price_rows *rows) {
    unsigned most = 0;
    for (unsigned tier = 0; tier < meter_tiers; tier++) { /* of two tiers only one holds */
        unsigned sum = 0;
        for (size_t i = 0; i < rows->count; i++)
            if (rows->at[i].tier == 0 || rows->at[i].tier == tier) sum += rows->at[i].decimals;
        if (sum > most) most = sum;
    }
    return most;
}

/* -- which rows hold -- */

static const struct meter no_meter;

/* For any part of it. */
static bool row_holds(const struct price_row *row, const struct price_use *use, const struct meter *meter) {
    if (row->above && use->tokens.input <= row->above) return false;
    if (row->tier && row->tier != (meter->tier ? meter->tier : tier_standard)) return false;
    if (row->speed && row->speed != (meter->speed ? meter->speed : meter_speed_standard)) return false;
    if (row->region && row->region != meter->region) return false;
    if (row->batch && (row->batch == batch_yes) != meter->batch) return false;
    if (use->started_s < row->since_s || use->started_s >= row->until_s) return false;
    if (row->from_minute == row->to_minute) return true;
    int64_t second = use->started_s % 86400;
    int64_t minute = (second < 0 ? second + 86400 : second) / 60;
    bool after = minute >= row->from_minute, before = minute < row->to_minute;
    return row->from_minute < row->to_minute ? after && before : after || before;
}

/* For the part that is of this modality, and kept so long: of the short lifetimes a vendor has one. */
static bool row_fits(const struct price_row *row, enum price_modality modality, enum price_lifetime lifetime) {
    bool kept = !row->lifetime || row->lifetime == lifetime || (lifetime == kept_5m && row->lifetime == kept_30m);
    return kept && (!row->modality || row->modality == modality);
}

/* -- prices of a part -- */

struct holding {
    const struct price_list *list;
    struct {
        uint64_t holds; /* a bit a row */
        struct price_rows rows;
    } of[2];           /* the list's, and the discounts */
    unsigned decimals; /* of all factors that hold */
};

/* What no bit tells of is not set: most kinds of most prices. */
struct priced {
    uint32_t known, multiplied; /* a bit per kind */
    int64_t value[price_kinds];
    wide factor[price_kinds]; /* x 10^decimals */
    uint8_t decimals[price_kinds];
};

static wide times_saturating(wide a, wide b) {
    if (!a || !b) return 0;
    int bits_a = a >> 64 ? 128 - __builtin_clzll((uint64_t)(a >> 64)) : 64 - __builtin_clzll((uint64_t)a);
    int bits_b = b >> 64 ? 128 - __builtin_clzll((uint64_t)(b >> 64)) : 64 - __builtin_clzll((uint64_t)b);
    return bits_a + bits_b > 128 ? WIDE_MOST : a * b;
}

static void add_saturating(wide *sum, wide more) { *sum = more > WIDE_MOST - *sum ? WIDE_MOST : *sum + more; }

static wide power_of_ten(unsigned exponent) {
    uint64_t power = 1;
    CHECKF(exponent <= price_decimals_max + price_discount_decimals, "exponent=%u", exponent);
    while (exponent-- > 0) power *= 10;
    return power;
}

static void row_apply(const struct price_row *row, struct priced *at) {
    const int64_t *value = row->values;
    for (uint32_t rest = row->names; rest; rest &= rest - 1) {
        unsigned kind = (unsigned)__builtin_ctz(rest);
        if (value) {
            at->value[kind] = *value++;
            at->known |= 1u << kind;
            at->multiplied &= ~(1u << kind);
        } else if (at->multiplied >> kind & 1) {
            at->factor[kind] = times_saturating(at->factor[kind], (wide)row->factor);
            at->decimals[kind] = (uint8_t)(at->decimals[kind] + row->decimals);
        } else if (at->known >> kind & 1) {
            at->factor[kind] = (wide)row->factor;
            at->decimals[kind] = row->decimals;
            at->multiplied |= 1u << kind;
        }
    }
}

/* Where its own price is not known it costs the other's. */
static void price_borrow(struct priced *at, enum price_kind kind, enum price_kind other) {
    if (at->known >> kind & 1 || !(at->known >> other & 1)) return;
    at->value[kind] = at->value[other];
    at->known |= 1u << kind;
    if (!(at->multiplied >> other & 1)) return;
    at->factor[kind] = at->factor[other];
    at->decimals[kind] = at->decimals[other];
    at->multiplied |= 1u << kind;
}

static void prices_of_part(const struct holding *holding, enum price_modality modality, enum price_lifetime lifetime,
                           struct priced *at) {
    const int64_t base[] = {holding->list->input, holding->list->output, holding->list->cached_input,
                            holding->list->cache_write};
    at->known = at->multiplied = 0;
    for (unsigned kind = 0; kind < sizeof base / sizeof *base; kind++) {
        at->value[kind] = base[kind];
        at->known |= (uint32_t)(base[kind] >= 0) << kind;
    }
    for (unsigned i = 0; i < 2; i++)
        for (uint64_t rest = holding->of[i].holds; rest; rest &= rest - 1) {
            const struct price_row *row = &holding->of[i].rows.at[__builtin_ctzll(rest)];
            if (row_fits(row, modality, lifetime)) row_apply(row, at);
        }
    price_borrow(at, price_cached_input, price_input);
    price_borrow(at, price_cache_write, price_input);
    price_borrow(at, price_reasoning, price_output);
}

/* -- sums -- */

enum { unit_parts = 18, hour_parts = 5 }; /* of the denominator: a million has 18, 3.6 million have 5 */

struct sums {
    wide share[price_shares];
    unsigned decimals;
};

static void sums_add(struct sums *sums, const struct priced *at, enum price_kind kind, int64_t count) {
    static const uint8_t shares[] = {
#define X(name, share, ...) price_share_##share,
        PRICE_TABLE(X)
#undef X
    };
    if (count <= 0 || !(at->known >> kind & 1)) return;
    bool multiplied = at->multiplied >> kind & 1;
    unsigned parts = kind == price_hour ? hour_parts : unit_parts, decimals = multiplied ? at->decimals[kind] : 0;
    if (count > INT64_MAX / unit_parts) count = INT64_MAX / unit_parts; /* nobody counts so far */
    CHECKF(decimals <= sums->decimals, "decimals=%u", decimals);
    wide money = (wide)(count * parts) * (uint64_t)at->value[kind];
    if (multiplied) money = times_saturating(money, at->factor[kind]);
    if (sums->decimals > decimals) money = times_saturating(money, power_of_ten(sums->decimals - decimals));
    add_saturating(&sums->share[shares[kind]], money);
}

/* -- what was counted, in parts -- */

/* Of `count`, at most what is left; it is less then. */
static int64_t part_of(int64_t count, int64_t *left) {
    int64_t part = count <= 0 ? 0 : count < *left ? count : *left;
    *left -= part;
    return part;
}

static const struct {
    uint8_t modality;
    enum meter_count input, cached, output;
} modalities[] = {{modality_audio, meter_audio_input, meter_audio_cached, meter_audio_output},
                  {modality_image, meter_image_input, meter_image_cached, meter_image_output},
                  {modality_video, meter_video_input, meter_video_cached, meter_video_output}};
enum { modality_parts = sizeof modalities / sizeof *modalities };

struct parts {
    int64_t plain, cached, written; /* of text; written: for minutes */
    int64_t written_1h, written_12h, output, reasoning;
    struct {
        int64_t plain, cached, output;
    } of[modality_parts];
};

static int64_t at_least_0(int64_t count) { return count > 0 ? count : 0; }

/* Every token of the input and of the output is in one part. What is cached and has no modality is of text first. */
static struct parts price_parts_of(const struct price_tokens *tokens, const struct meter *meter) {
    struct parts parts = {0};
    int64_t input = at_least_0(tokens->input), cached = part_of(tokens->cached_input, &input),
            written = part_of(tokens->cache_write, &input), output = at_least_0(tokens->output);
    int64_t fresh = input, in[modality_parts] = {0};
    parts.written_1h = part_of(meter->count[meter_cache_write_1h], &written);
    parts.written_12h = part_of(meter->count[meter_cache_write_12h], &written);
    parts.written = written;
    for (unsigned i = 0; i < modality_parts && meter->said; i++) {
        int64_t said = meter->count[modalities[i].input], most = meter->count[modalities[i].cached];
        in[i] = said;
        parts.of[i].cached = part_of(most < said ? most : said, &cached);
        parts.of[i].plain = part_of(said - parts.of[i].cached, &fresh);
        parts.of[i].output = part_of(meter->count[modalities[i].output], &output);
    }
    /* more was said to be of a modality than is fresh: that too is cached, and no text */
    for (unsigned i = 0; i < modality_parts; i++)
        parts.of[i].cached += part_of(in[i] - parts.of[i].cached - parts.of[i].plain, &cached);
    parts.plain = fresh;
    parts.cached = cached;
    parts.reasoning = part_of(tokens->reasoning, &output);
    parts.output = output;
    return parts;
}

/* What has a price each, beside tokens. */
static const struct {
    enum price_kind kind;
    enum meter_count count;
} units[] = {{price_citation, meter_citations},
             {price_search, meter_searches},
             {price_maps, meter_maps},
             {price_code_session, meter_code_sessions},
             {price_computer_use, meter_computer_uses},
             {price_file_search, meter_file_searches},
             {price_page, meter_pages},
             {price_hour, meter_milliseconds},
             {price_image, meter_images},
             {price_character, meter_characters},
             {price_query, meter_queries}};

static void text_add(const struct holding *holding, const struct price_use *use, const struct meter *meter,
                     const struct parts *parts, struct sums *sums) {
    struct priced at;
    prices_of_part(holding, modality_text, kept_5m, &at);
    sums_add(sums, &at, price_input, parts->plain);
    sums_add(sums, &at, price_cached_input, parts->cached);
    sums_add(sums, &at, price_cache_write, parts->written);
    sums_add(sums, &at, price_output, parts->output);
    sums_add(sums, &at, price_reasoning, parts->reasoning);
    if (!use->part) sums_add(sums, &at, price_request, 1);
    for (size_t i = 0; i < sizeof units / sizeof *units && meter->said; i++)
        sums_add(sums, &at, units[i].kind, meter->count[units[i].count]);
}

static void longer_and_modalities_add(const struct holding *holding, const struct parts *parts, struct sums *sums) {
    struct priced at;
    if (parts->written_1h) {
        prices_of_part(holding, modality_text, kept_1h, &at);
        sums_add(sums, &at, price_cache_write, parts->written_1h);
    }
    if (parts->written_12h) {
        prices_of_part(holding, modality_text, kept_12h, &at);
        sums_add(sums, &at, price_cache_write, parts->written_12h);
    }
    for (unsigned i = 0; i < modality_parts; i++) {
        if (!parts->of[i].plain && !parts->of[i].cached && !parts->of[i].output) continue;
        prices_of_part(holding, modalities[i].modality, kept_5m, &at);
        sums_add(sums, &at, price_input, parts->of[i].plain);
        sums_add(sums, &at, price_cached_input, parts->of[i].cached);
        sums_add(sums, &at, price_output, parts->of[i].output);
    }
}

/* Rounded up as the whole is: each share takes what the rounded sum grows by with it. */
static struct price_bill rounded(const struct sums *sums) {
    struct price_bill bill = {.total = 0};
    wide sum = 0, denominator = (wide)18000000 * power_of_ten(sums->decimals);
    for (unsigned i = 0; i < price_shares; i++) {
        if (!sums->share[i]) continue;
        add_saturating(&sum, sums->share[i]);
        wide money = sum >> 64 ? sum / denominator : (uint64_t)sum / (uint64_t)denominator; /* far faster */
        money += sum != money * denominator;
        int64_t upto = money > INT64_MAX ? INT64_MAX : (int64_t)money;
        CHECK(upto >= bill.total);
        bill.share[i] = upto - bill.total;
        bill.total = upto;
    }
    return bill;
}

struct price_bill price_bill(const struct price_list *prices, const struct price_use *use) {
    const struct meter *meter = use->meter ? use->meter : &no_meter;
    if (!price_is_known(prices)) return PRICE_BILL_UNKNOWN;
    struct holding holding = {.list = prices};
    holding.of[0].rows = prices->rows;
    if (prices->discounts) holding.of[1].rows = *prices->discounts;
    for (unsigned i = 0; i < 2; i++) {
        CHECKF(holding.of[i].rows.count <= price_rows_max, "rows=%zu", holding.of[i].rows.count);
        for (size_t r = 0; r < holding.of[i].rows.count; r++) {
            if (!row_holds(&holding.of[i].rows.at[r], use, meter)) continue;
            holding.of[i].holds |= UINT64_C(1) << r;
            holding.decimals += holding.of[i].rows.at[r].decimals;
        }
    }
    struct sums sums = {.decimals = holding.decimals};
    struct parts parts = price_parts_of(&use->tokens, meter);
    text_add(&holding, use, meter, &parts, &sums);
    if (meter->said) longer_and_modalities_add(&holding, &parts, &sums);
    if (prices->request > 0 && !use->part)
        add_saturating(&sums.share[price_share_fees],
                       times_saturating((wide)prices->request * 18000000, power_of_ten(sums.decimals)));
    return rounded(&sums);
}

int64_t price_of_more_output(const struct price_list *prices, const struct price_use *use, int64_t total) {
    const int64_t million = 1000000;
    const bool flat = !prices->rows.count && (!prices->discounts || !prices->discounts->count);
    if (total < 0) return -1;
    const bool fits = use->tokens.output < INT64_MAX / 36 && total < INT64_MAX / 2;
    if (flat && fits) return prices->output > 0 ? prices->output : 0; /* a whole number more, before it is rounded */
    struct price_use more = *use;
    more.tokens.output = at_least_0(more.tokens.output) + million;
    return price_bill(prices, &more).total - total;
}

int64_t price_cost(const struct price_list *prices, struct price_tokens tokens, int64_t now_s) {
    struct price_use use = {.tokens = tokens, .started_s = now_s};
    return price_bill(prices, &use).total;
}

/* -- the worst -- */

enum { group_input, group_output, group_request, price_groups };

static unsigned price_group_of(unsigned kind) {
    return kind == price_output || kind == price_reasoning                                  ? group_output
           : kind == price_input || kind == price_cached_input || kind == price_cache_write ? group_input
           : kind == price_request                                                          ? group_request
                                                                                            : price_groups;
}

static bool row_may_hold(const struct price_row *row, int64_t input, int64_t now_s) {
    return input > row->above && now_s + 3600 >= row->since_s && now_s < row->until_s;
}

/* The dearest price of each group that any row may leave. */
static void groups_bound(const struct price_list *prices, int64_t input, int64_t now_s, int64_t most[price_groups]) {
    const int64_t base[] = {prices->input, prices->output, prices->cached_input, prices->cache_write};
    for (unsigned group = 0; group < price_groups; group++) most[group] = 0;
    for (unsigned kind = 0; kind < sizeof base / sizeof *base; kind++)
        if (base[kind] > most[price_group_of(kind)]) most[price_group_of(kind)] = base[kind];
    for (size_t i = 0; i < prices->rows.count; i++) {
        const struct price_row *row = &prices->rows.at[i];
        const int64_t *value = row->values;
        if (!value || !row_may_hold(row, input, now_s)) continue;
        for (uint32_t rest = row->names; rest; rest &= rest - 1, value++) {
            unsigned group = price_group_of((unsigned)__builtin_ctz(rest));
            if (group<price_groups && * value> most[group]) most[group] = *value;
        }
    }
}

/* All factors above 1 that may hold together, x 10^price_decimals_max: of two tiers one. */
static wide factors_bound(const struct price_list *prices, int64_t input, int64_t now_s) {
    const wide one = power_of_ten(price_decimals_max);
    wide dearest = one;
    for (unsigned tier = 0; tier < meter_tiers; tier++) {
        wide factor = one;
        for (size_t i = 0; i < prices->rows.count; i++) {
            const struct price_row *row = &prices->rows.at[i];
            wide power = power_of_ten(row->decimals);
            if (row->values || (row->tier && row->tier != tier) || (wide)row->factor <= power) continue;
            if (!row_may_hold(row, input, now_s)) continue;
            factor = times_saturating(factor, (wide)row->factor);
            factor = factor / power + (factor % power != 0);
        }
        if (factor > dearest) dearest = factor;
    }
    return dearest;
}

int64_t price_bound(const struct price_list *prices, int64_t input, int64_t output, int64_t now_s) {
    int64_t most[price_groups];
    if (!price_is_known(prices)) return -1;
    input = at_least_0(input);
    output = at_least_0(output);
    groups_bound(prices, input, now_s, most);
    const wide one = prices->rows.count ? power_of_ten(price_decimals_max) : 1, denominator = 1000000 * one;
    wide sum = 0;
    add_saturating(&sum, (wide)input * (uint64_t)most[group_input]);
    add_saturating(&sum, (wide)output * (uint64_t)most[group_output]);
    sum = times_saturating(sum, prices->rows.count ? factors_bound(prices, input, now_s) : one);
    add_saturating(&sum, times_saturating((wide)(uint64_t)most[group_request], one));
    if (prices->request > 0) add_saturating(&sum, times_saturating((wide)(uint64_t)prices->request, denominator));
    wide money = sum >> 64 ? sum / denominator : (uint64_t)sum / (uint64_t)denominator;
    money += sum != money * denominator;
    return money > INT64_MAX ? INT64_MAX : (int64_t)money;
}

bool price_differs(int64_t ours, int64_t said) {
    if (ours < 0 || said < 0) return false;
    __int128 apart = ours > said ? (__int128)ours - said : (__int128)said - ours;
    return apart * 100 > said;
}

static void money_add(int64_t *sum, int64_t more) { *sum = more > INT64_MAX - *sum ? INT64_MAX : *sum + more; }

void price_bill_add(struct price_bill *sum, const struct price_bill *more) {
    int64_t whole = 0;
    for (unsigned i = 0; i < price_shares; i++) {
        int64_t before = whole;
        money_add(&sum->share[i], more->share[i]);
        money_add(&whole, sum->share[i]);
        sum->share[i] = whole - before; /* they add up, saturated too */
    }
    sum->total = whole;
}
