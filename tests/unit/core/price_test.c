/* price_test.c - what was counted to money: parts of the input and of the output, rows, units, rounding, bounds. */
#include "core/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/prng.h"

enum { million = 1000000 };

#define BIT(kind) (1u << price_##kind)
/* A row under a condition that sets the prices of these kinds, in their order. */
#define SETS(condition, kinds, ...)                                                                            \
    {                                                                                                          \
        .since_s = INT64_MIN, .until_s = INT64_MAX, condition, .names = (kinds), .values = (const int64_t[]) { \
            __VA_ARGS__                                                                                        \
        }                                                                                                      \
    }
#define ALL_TOKENS ((1u << price_tokens_kinds) - 1)
/* And one that multiplies them: 11, 1 is 1.1. */
#define TIMES(condition, kinds, number, places)                                                      \
    {                                                                                                \
        .since_s = INT64_MIN, .until_s = INT64_MAX, condition, .names = (kinds), .factor = (number), \
        .decimals = (places)                                                                         \
    }
#define ROWS(rows) ((struct price_rows){(rows), sizeof(rows) / sizeof *(rows)})

static struct price_list list_of(int64_t input, int64_t output) {
    struct price_list list = PRICES_UNKNOWN;
    list.input = input;
    list.output = output;
    return list;
}

static void input_and_output_have_their_prices(void **state) {
    (void)state;
    struct price_list list = list_of(2000, 10000);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million, .output = million}, 0), 12000);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 1}, 0), 1); /* rounded up */
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = -1, .output = -1}, 0), 0);
    list.request = 7;
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million}, 0), 2007);
    list = PRICES_UNKNOWN;
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million}, 0), -1);
}

static void parts_of_the_input_cost_their_own_price_or_the_inputs(void **state) {
    (void)state;
    struct price_list list = list_of(2000, 0);
    struct price_tokens tokens = {.input = 3 * million, .cached_input = million, .cache_write = million};
    assert_int_equal(price_cost(&list, tokens, 0), 6000);
    list.cached_input = 200;
    assert_int_equal(price_cost(&list, tokens, 0), 4200);
    list.cache_write = 2500;
    assert_int_equal(price_cost(&list, tokens, 0), 4700);
    tokens.cached_input = 5 * million; /* more than there is: all of it, and nothing is left for the write */
    assert_int_equal(price_cost(&list, tokens, 0), 600);
}

static void a_tier_holds_for_the_whole_request_above_its_bound(void **state) {
    (void)state;
    const struct price_row rows[] = {
        SETS(.above = 200000, BIT(input) | BIT(cache_write), 4000, 5000),
        SETS(.above = 500000, BIT(input) | BIT(output), 6000, 20000),
    };
    struct price_list list = list_of(2000, 10000);
    list.cached_input = 100;
    list.cache_write = 2500;
    list.rows = (struct price_rows){rows, 2};
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 200000}, 0), 400);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 200001}, 0), 801);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 400000, .output = 100000}, 0), 2600);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 400000, .cache_write = 400000}, 0), 2000);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 400000, .cached_input = 400000}, 0), 40);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 600000, .output = 100000}, 0), 5600);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 600000, .cache_write = 600000}, 0), 3000);
}

static void it_saturates(void **state) {
    (void)state;
    struct price_list list = list_of(INT64_MAX, INT64_MAX);
    assert_true(price_cost(&list, (struct price_tokens){.input = INT64_MAX, .output = INT64_MAX}, 0) == INT64_MAX);
}

static void what_costs_nothing_is_known_and_free(void **state) {
    (void)state;
    struct price_list list = list_of(0, 0);
    struct price_tokens tokens = {.input = million, .output = million, .cached_input = 10, .cache_write = 10};
    assert_int_equal(price_cost(&list, tokens, 0), 0);
    list = list_of(2000, -1);
    list.cached_input = 0;
    tokens = (struct price_tokens){.input = million, .output = million, .cached_input = million};
    assert_int_equal(price_cost(&list, tokens, 0), 0); /* cached input that is free costs not the input's price */
    const struct price_row rows[] = {SETS(.above = 0, BIT(input) | BIT(output), 0, 0)};
    list = list_of(2000, 3000);
    list.rows = (struct price_rows){rows, 1};
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million, .output = million}, 0), 0);
}

static void one_known_price_makes_a_cost(void **state) {
    (void)state;
    const struct price_tokens tokens = {.input = million, .output = million};
    struct price_list list = list_of(2000, -1);
    assert_int_equal(price_cost(&list, tokens, 0), 2000);
    list = list_of(-1, 3000);
    assert_int_equal(price_cost(&list, tokens, 0), 3000);
    list = list_of(-1, -1);
    list.request = 0;
    assert_int_equal(price_cost(&list, tokens, 0), 0);
    list.request = 5;
    assert_int_equal(price_cost(&list, tokens, 0), 5);
}

static void a_part_of_a_nano_dollar_is_a_whole_one(void **state) {
    (void)state;
    struct price_list list = list_of(1, -1);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 1}, 0), 1);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million}, 0), 1);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million + 1}, 0), 2);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = 0}, 0), 0);
}

static void a_tier_has_its_own_price_for_what_is_cached(void **state) {
    (void)state;
    const struct price_row rows[] = {SETS(.above = 10, BIT(input) | BIT(cached_input), 4000, 800)};
    struct price_list list = list_of(2000, 10000);
    list.cached_input = 200;
    list.rows = (struct price_rows){rows, 1};
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million, .cached_input = million}, 0), 800);
}

static int64_t cost_of(const struct price_list *list, struct price_tokens tokens, struct meter meter) {
    meter.said = true;
    return price_bill(list, &(struct price_use){.tokens = tokens, .meter = &meter}).total;
}

static void how_it_was_served_decides(void **state) {
    (void)state;
    const struct price_row rows[] = {
        TIMES(.tier = tier_flex, ALL_TOKENS, 5, 1),
        SETS(.tier = tier_priority, BIT(input) | BIT(output), 5000, 30000),
        TIMES(.batch = batch_yes, BIT(input) | BIT(output), 5, 1),
        TIMES(.region = region_us, ALL_TOKENS, 11, 1),
        TIMES(.speed = meter_speed_fast, ALL_TOKENS, 2, 0),
    };
    const struct price_tokens tokens = {.input = million, .output = million};
    struct price_list list = list_of(2000, 10000);
    list.rows = ROWS(rows);
    assert_int_equal(cost_of(&list, tokens, (struct meter){.tier = 0}), 12000);
    assert_int_equal(cost_of(&list, tokens, (struct meter){.tier = tier_standard}), 12000);
    assert_int_equal(cost_of(&list, tokens, (struct meter){.tier = tier_flex}), 6000);
    assert_int_equal(cost_of(&list, tokens, (struct meter){.tier = tier_priority}), 35000);
    assert_int_equal(cost_of(&list, tokens, (struct meter){.batch = true}), 6000);
    assert_int_equal(cost_of(&list, tokens, (struct meter){.region = region_us}), 13200);
    assert_int_equal(cost_of(&list, tokens, (struct meter){.region = region_eu}), 12000);
    assert_int_equal(cost_of(&list, tokens, (struct meter){.speed = meter_speed_fast, .region = region_us}), 26400);
}

static void rows_apply_in_order(void **state) {
    (void)state;
    const struct price_row twice_then_set[] = {TIMES(.above = 0, BIT(input), 2, 0), SETS(.above = 0, BIT(input), 7)},
                           set_then_twice[] = {SETS(.above = 0, BIT(input), 7), TIMES(.above = 0, BIT(input), 2, 0)};
    struct price_list list = list_of(1000, -1);
    list.rows = ROWS(twice_then_set);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million}, 0), 7);
    list.rows = ROWS(set_then_twice);
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million}, 0), 14);
    list = list_of(-1, 1000); /* what is not known is not known twice */
    list.rows = (struct price_rows){twice_then_set, 1};
    assert_int_equal(price_cost(&list, (struct price_tokens){.input = million, .output = million}, 0), 1000);
}

static void a_row_holds_from_its_day_until_its_day_and_in_its_hours(void **state) {
    (void)state;
    const int64_t day = 86400;
    struct price_row rows[] = {SETS(.above = 0, BIT(input), 7), SETS(.above = 0, BIT(input), 9)};
    const struct price_tokens tokens = {.input = million};
    struct price_list list = list_of(1000, -1);
    rows[0].since_s = 10 * day;
    rows[0].until_s = 20 * day;
    rows[1].from_minute = 22 * 60;
    rows[1].to_minute = 6 * 60;
    list.rows = ROWS(rows);
    assert_int_equal(price_cost(&list, tokens, 10 * day - day / 2), 1000);
    assert_int_equal(price_cost(&list, tokens, 10 * day + day / 2), 7);
    assert_int_equal(price_cost(&list, tokens, 20 * day - day / 2), 7);
    assert_int_equal(price_cost(&list, tokens, 20 * day + day / 2), 1000);
    assert_int_equal(price_cost(&list, tokens, 10 * day - 1), 9);
    assert_int_equal(price_cost(&list, tokens, 10 * day), 9);
    assert_int_equal(price_cost(&list, tokens, 10 * day + 6 * 3600 - 1), 9);
    assert_int_equal(price_cost(&list, tokens, 10 * day + 6 * 3600), 7);
    assert_int_equal(price_cost(&list, tokens, 10 * day + 22 * 3600 - 1), 7);
    assert_int_equal(price_cost(&list, tokens, -1), 9); /* 1969 had hours too */
    rows[1].from_minute = 6 * 60;
    rows[1].to_minute = 22 * 60;
    for (int hour = 0; hour < 24; hour++) { /* within one day */
        assert_int_equal(price_cost(&list, tokens, 10 * day + hour * 3600), hour >= 6 && hour < 22 ? 9 : 7);
        assert_int_equal(price_cost(&list, tokens, 10 * day + hour * 3600 + 3599), hour >= 6 && hour < 22 ? 9 : 7);
    }
}

static void what_is_kept_longer_costs_its_own_price(void **state) {
    (void)state;
    const struct price_row rows[] = {SETS(.lifetime = kept_30m, BIT(cache_write), 3000),
                                     SETS(.lifetime = kept_1h, BIT(cache_write), 4000),
                                     SETS(.lifetime = kept_12h, BIT(cache_write), 9000)};
    const struct price_tokens tokens = {.input = 4 * million, .cache_write = 3 * million};
    struct price_list list = list_of(2000, 10000);
    list.cache_write = 2500;
    assert_int_equal(cost_of(&list, tokens, (struct meter){.count[meter_cache_write_1h] = million}), 2000 + 3 * 2500);
    list.rows = ROWS(rows);
    assert_int_equal(cost_of(&list, tokens, (struct meter){.tier = 0}), 2000 + 3 * 3000);
    struct meter meter = {.count[meter_cache_write_1h] = million, .count[meter_cache_write_12h] = million};
    assert_int_equal(cost_of(&list, tokens, meter), 2000 + 3000 + 4000 + 9000);
    meter.count[meter_cache_write_1h] = 100u * million; /* more than was written: all of it, and nothing beside */
    assert_int_equal(cost_of(&list, tokens, meter), 2000 + 3 * 4000);
}

static void each_modality_costs_its_own_price_or_the_texts(void **state) {
    (void)state;
    const struct price_row rows[] = {
        SETS(.modality = modality_audio, BIT(input) | BIT(output) | BIT(cached_input), 30000, 60000, 3000)};
    struct price_list list = list_of(2000, 10000);
    list.cached_input = 200;
    list.rows = ROWS(rows);
    struct price_tokens tokens = {.input = 10 * million, .output = 3 * million, .cached_input = 4 * million};
    struct meter meter = {.count[meter_audio_input] = 5 * million,
                          .count[meter_audio_cached] = million,
                          .count[meter_image_input] = million,
                          .count[meter_audio_output] = 2 * million};
    /* text: 10 - 5 - 1 = 4, of it 3 cached; audio: 4 fresh, 1 cached; the image costs what text does */
    assert_int_equal(cost_of(&list, tokens, meter), 1 * 2000 + 3 * 200 + 4 * 30000 + 3000 + 2000 + 10000 + 2 * 60000);
    meter.count[meter_audio_cached] = 0; /* not told whose: the text's first */
    assert_int_equal(cost_of(&list, tokens, meter), 4 * 200 + 5 * 30000 + 2000 + 10000 + 2 * 60000);
    tokens.cached_input = 6 * million; /* and what the text cannot hold: of audio one, of the image one */
    assert_int_equal(cost_of(&list, tokens, meter), 4 * 200 + 4 * 30000 + 3000 + 200 + 10000 + 2 * 60000);
}

static void tools_and_other_units_have_a_price_each(void **state) {
    (void)state;
    const int64_t each = INT64_C(1000000) * 1000; /* nano-dollars a million: 1000 nano-dollars one */
    const struct price_row rows[] = {SETS(.above = 0, BIT(search) | BIT(hour) | BIT(request), each, 3600000, 5 * each),
                                     TIMES(.tier = tier_flex, ALL_TOKENS, 5, 1)};
    struct price_list list = list_of(2000, 10000);
    list.rows = ROWS(rows);
    struct meter meter = {
        .said = true, .tier = tier_flex, .count[meter_searches] = 3, .count[meter_milliseconds] = 2001};
    struct price_use use = {.tokens = {.input = million}, .meter = &meter};
    struct price_bill bill = price_bill(&list, &use);
    assert_int_equal(bill.share[price_share_input], 1000); /* a tier is of tokens */
    assert_int_equal(bill.share[price_share_tools], 3000);
    assert_int_equal(bill.share[price_share_fees], 5000 + 2001);
    use.part = true;
    assert_int_equal(price_bill(&list, &use).share[price_share_fees], 2001);
    list = PRICES_UNKNOWN; /* that alone is a price */
    list.rows = (struct price_rows){rows, 1};
    use.tokens = (struct price_tokens){-1, -1, -1, -1, -1};
    assert_int_equal(price_bill(&list, &use).total, 3000 + 2001);
    list.rows = (struct price_rows){rows + 1, 1}; /* and a factor of nothing is none */
    assert_int_equal(price_bill(&list, &use).total, -1);
}

static void a_discount_comes_last_and_leaves_the_operators_fee(void **state) {
    (void)state;
    const struct price_row units[] = {SETS(.above = 0, BIT(search), INT64_C(1000000) * 1000)},
                           discount[] = {TIMES(.above = 0, (1u << price_kinds) - 1, 85, 2)};
    const struct price_rows discounts = ROWS(discount);
    struct price_list list = list_of(2000, 10000);
    list.rows = ROWS(units);
    list.request = 100;
    list.discounts = &discounts;
    assert_int_equal(
        cost_of(&list, (struct price_tokens){.input = million}, (struct meter){.count[meter_searches] = 2}),
        1700 + 1700 + 100);
}

/* -- properties -- */

struct drawn {
    int64_t values[64][price_kinds];
    struct price_row rows[64], discount[1];
    struct price_rows discounts;
    struct price_list list;
    struct meter meter;
    struct price_use use;
};

static int64_t price_draw(struct prng *prng) {
    static const uint64_t sizes[] = {2, 1000, 1000000000, 100000000000, 1000000000000000};
    return (int64_t)prng_below(prng, sizes[prng_below(prng, 5)]);
}

static void row_draw(struct prng *prng, struct drawn *drawn, size_t i) {
    struct price_row *row = &drawn->rows[i];
    *row = PRICE_ROW_ALWAYS;
    row->names = 1 + (uint32_t)prng_below(prng, (1u << price_kinds) - 1);
    row->above = prng_below(prng, 3) ? 0 : (uint32_t)prng_below(prng, 1000000);
    row->tier = prng_below(prng, 2) ? 0 : (uint8_t)prng_below(prng, meter_tiers);
    row->modality = prng_below(prng, 2) ? 0 : (uint8_t)prng_below(prng, price_modalities);
    row->lifetime = prng_below(prng, 2) ? 0 : (uint8_t)prng_below(prng, price_lifetimes);
    row->batch = (uint8_t)prng_below(prng, 3);
    if (prng_below(prng, 3) == 0) {
        row->decimals = (uint8_t)prng_below(prng, 2);
        row->factor = (int64_t)prng_below(prng, 30);
        return;
    }
    for (unsigned k = 0; k < price_kinds; k++) drawn->values[i][k] = price_draw(prng);
    row->values = drawn->values[i];
}

static void draw(struct prng *prng, struct drawn *drawn) {
    *drawn = (struct drawn){.list = PRICES_UNKNOWN};
    for (unsigned k = 0; k <= price_cache_write; k++)
        if (prng_below(prng, 4)) *price_base(&drawn->list, (enum price_kind)k) = price_draw(prng);
    drawn->list.rows = (struct price_rows){drawn->rows, (size_t)prng_below(prng, 8)};
    for (size_t i = 0; i < drawn->list.rows.count; i++) row_draw(prng, drawn, i);
    drawn->list.request = (int64_t)prng_below(prng, 1000) - 1;
    drawn->discount[0] = PRICE_ROW_ALWAYS;
    drawn->discount[0].names = (1u << price_kinds) - 1;
    drawn->discount[0].factor = (int64_t)prng_below(prng, 1000);
    drawn->discount[0].decimals = 3;
    drawn->discounts = (struct price_rows){drawn->discount, prng_below(prng, 2)};
    drawn->list.discounts = &drawn->discounts;
    for (unsigned i = 0; i < meter_counts; i++)
        if (prng_below(prng, 3) == 0) meter_note(&drawn->meter, (enum meter_count)i, (int64_t)prng_below(prng, 500000));
    drawn->meter.tier = (uint8_t)prng_below(prng, meter_tiers);
    drawn->meter.batch = prng_below(prng, 2);
    drawn->meter.said = true;
    drawn->use =
        (struct price_use){.tokens = {(int64_t)prng_below(prng, 2000000) - 1, (int64_t)prng_below(prng, 500000) - 1,
                                      (int64_t)prng_below(prng, 1000000) - 1, (int64_t)prng_below(prng, 300000) - 1,
                                      (int64_t)prng_below(prng, 300000) - 1},
                           .meter = &drawn->meter};
}

static void the_shares_add_up_to_the_whole(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 12);
    for (unsigned round = 0; round < 20000; round++) {
        struct drawn drawn;
        draw(&prng, &drawn);
        struct price_bill bill = price_bill(&drawn.list, &drawn.use);
        int64_t sum = 0;
        for (unsigned i = 0; i < price_shares; i++) {
            assert_true(bill.share[i] >= 0);
            sum += bill.share[i];
        }
        assert_int_equal(sum, bill.total < 0 ? 0 : bill.total);
    }
}

/* Of what has a price of its own and no part of it: more of it costs no less. Input too, where no tier begins. */
static void more_costs_no_less(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 13);
    for (unsigned round = 0; round < 20000; round++) {
        struct drawn drawn;
        draw(&prng, &drawn);
        int64_t before = price_bill(&drawn.list, &drawn.use).total;
        drawn.use.tokens.output = (drawn.use.tokens.output > 0 ? drawn.use.tokens.output : 0) + 1000;
        for (unsigned i = meter_citations; i < meter_counts; i++)
            drawn.meter.count[i] += (uint32_t)prng_below(&prng, 9);
        assert_true(price_bill(&drawn.list, &drawn.use).total >= before);
        for (size_t i = 0; i < drawn.list.rows.count; i++) drawn.rows[i].above = 0;
        before = price_bill(&drawn.list, &drawn.use).total;
        if (drawn.use.tokens.input < 0) drawn.use.tokens.input = 0;
        drawn.use.tokens.cached_input = drawn.use.tokens.cache_write = 0;
        memset(drawn.meter.count, 0, sizeof drawn.meter.count);
        before = price_bill(&drawn.list, &drawn.use).total;
        drawn.use.tokens.input += 1 + (int64_t)prng_below(&prng, 1000);
        assert_true(price_bill(&drawn.list, &drawn.use).total >= before);
    }
}

/* With rows and without, where it need not be counted anew. */
static void a_million_more_of_output_costs_the_difference(void **state) {
    struct prng prng;
    unsigned flat = 0, unknown = 0;
    (void)state;
    prng_seed(&prng, 16);
    for (unsigned round = 0; round < 20000; round++) {
        struct drawn drawn;
        draw(&prng, &drawn);
        if (round % 2) drawn.list.rows.count = 0;
        if (round % 100 == 1) drawn.list = PRICES_UNKNOWN;
        struct price_use more = drawn.use;
        int64_t total = price_bill(&drawn.list, &drawn.use).total;
        more.tokens.output = (more.tokens.output > 0 ? more.tokens.output : 0) + million;
        int64_t wanted = total < 0 ? -1 : price_bill(&drawn.list, &more).total - total;
        assert_int_equal(price_of_more_output(&drawn.list, &drawn.use, total), wanted);
        flat += total >= 0 && !drawn.list.rows.count && !drawn.discounts.count;
        unknown += total < 0;
    }
    assert_true(flat > 1000 && unknown > 10);
    struct price_list list = list_of(0, INT64_MAX); /* where the total is full, nothing is added */
    struct price_use use = {.tokens = {.output = million}};
    assert_int_equal(price_of_more_output(&list, &use, price_bill(&list, &use).total), 0);
    list.output = 3;
    use.tokens.output = INT64_MAX / 36;
    int64_t most = price_bill(&list, &use).total;
    use.tokens.output += million;
    int64_t more = price_bill(&list, &use).total - most;
    use.tokens.output -= million;
    assert_int_equal(price_of_more_output(&list, &use, most), more);
}

/* A thousandfold is exact up to one nano-dollar of each: there is no rounding but the last. */
static void it_is_rounded_once_and_up(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 14);
    for (unsigned round = 0; round < 20000; round++) {
        struct drawn drawn;
        draw(&prng, &drawn);
        for (size_t i = 0; i < drawn.list.rows.count; i++) drawn.rows[i].above = 0;
        drawn.use.part = true;
        int64_t once = price_bill(&drawn.list, &drawn.use).total;
        if (once < 0 || once > INT64_MAX / 2000) continue;
        int64_t *tokens[] = {&drawn.use.tokens.input, &drawn.use.tokens.output, &drawn.use.tokens.cached_input,
                             &drawn.use.tokens.cache_write, &drawn.use.tokens.reasoning};
        for (unsigned i = 0; i < sizeof tokens / sizeof *tokens; i++)
            if (*tokens[i] > 0) *tokens[i] *= 1000;
        for (unsigned i = 0; i < meter_counts; i++) drawn.meter.count[i] *= 1000;
        int64_t often = price_bill(&drawn.list, &drawn.use).total;
        assert_true(often <= once * 1000 && often > (once - 1) * 1000);
    }
}

static void no_bill_is_above_the_bound(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 15);
    for (unsigned round = 0; round < 20000; round++) {
        struct drawn drawn;
        draw(&prng, &drawn);
        const struct price_tokens *tokens = &drawn.use.tokens;
        for (unsigned i = meter_citations; i < meter_counts; i++) drawn.meter.count[i] = 0;
        drawn.meter.speed = (uint8_t)prng_below(&prng, meter_speeds);
        int64_t bound = price_bound(&drawn.list, tokens->input, tokens->output, 0);
        assert_true(price_bill(&drawn.list, &drawn.use).total <= bound);
    }
    struct price_list list = list_of(2000, 10000); /* and where there are no rows it is the dearest */
    list.cache_write = 2500;
    assert_int_equal(price_bound(&list, million, million, 0), 12500);
    list = PRICES_UNKNOWN;
    assert_int_equal(price_bound(&list, million, million, 0), -1);
}

static void bills_add_up_and_saturate(void **state) {
    (void)state;
    struct price_bill sum = {.total = 3, .share = {1, 2}}, more = {.total = 9, .share = {4, 0, 5}};
    price_bill_add(&sum, &more);
    assert_int_equal(sum.total, 12);
    assert_int_equal(sum.share[price_share_input], 5);
    more = (struct price_bill){.total = INT64_MAX, .share = {INT64_MAX}};
    price_bill_add(&sum, &more);
    int64_t whole = 0;
    for (unsigned i = 0; i < price_shares; i++) whole += sum.share[i];
    assert_true(sum.total == INT64_MAX && whole == INT64_MAX);
}

static void a_hundredth_is_no_difference(void **state) {
    (void)state;
    assert_false(price_differs(100, 100) || price_differs(101, 100) || price_differs(99, 100) || price_differs(0, 0));
    assert_true(price_differs(102, 100) && price_differs(98, 100) && price_differs(1, 0));
    assert_true(price_differs(INT64_MAX, 0) && price_differs(0, INT64_MAX));
    assert_false(price_differs(-1, 100) || price_differs(100, -1));
}

static void of_tiers_only_one_counts_towards_the_decimals(void **state) {
    (void)state;
    const struct price_row rows[] = {TIMES(.tier = tier_flex, 1, 5, 1), TIMES(.tier = tier_priority, 1, 175, 2),
                                     TIMES(.region = region_us, 1, 11, 1), SETS(.above = 5, 1, 5)};
    assert_int_equal(price_rows_decimals(&ROWS(rows)), 3);
    assert_int_equal(price_rows_decimals(&(struct price_rows){NULL, 0}), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_and_output_have_their_prices),
        cmocka_unit_test(parts_of_the_input_cost_their_own_price_or_the_inputs),
        cmocka_unit_test(a_tier_holds_for_the_whole_request_above_its_bound),
        cmocka_unit_test(it_saturates),
        cmocka_unit_test(what_costs_nothing_is_known_and_free),
        cmocka_unit_test(one_known_price_makes_a_cost),
        cmocka_unit_test(a_part_of_a_nano_dollar_is_a_whole_one),
        cmocka_unit_test(a_tier_has_its_own_price_for_what_is_cached),
        cmocka_unit_test(how_it_was_served_decides),
        cmocka_unit_test(rows_apply_in_order),
        cmocka_unit_test(a_row_holds_from_its_day_until_its_day_and_in_its_hours),
        cmocka_unit_test(what_is_kept_longer_costs_its_own_price),
        cmocka_unit_test(each_modality_costs_its_own_price_or_the_texts),
        cmocka_unit_test(tools_and_other_units_have_a_price_each),
        cmocka_unit_test(a_discount_comes_last_and_leaves_the_operators_fee),
        cmocka_unit_test(the_shares_add_up_to_the_whole),
        cmocka_unit_test(more_costs_no_less),
        cmocka_unit_test(a_million_more_of_output_costs_the_difference),
        cmocka_unit_test(it_is_rounded_once_and_up),
        cmocka_unit_test(no_bill_is_above_the_bound),
        cmocka_unit_test(bills_add_up_and_saturate),
        cmocka_unit_test(a_hundredth_is_no_difference),
        cmocka_unit_test(of_tiers_only_one_counts_towards_the_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
