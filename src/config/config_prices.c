/* config_prices.c - what a provider's models cost: `prices`, `discount`, and the keys that stand in for a price. Money
 * is read as it is written, digit by digit. */
#include "base/check.h"
#include "base/decimal.h"
#include "config/config_decisions.h"
#include "snapshot/price_words.h"

static const struct config_node *prices_member(const struct config_node *map, struct str name) {
    const struct config_node *node = config_member(map, name);
    return node && !config_is_null(node) ? node : NULL;
}

/* -- rows -- */

/* The check has let it pass: else it has been told. */
static bool prices_passed(const struct config_node *node, double most) {
    double number;
    return str_to_double(node->text, &number) && number >= 0 && number <= most;
}

/* -1: it is not written, or the check has complained of it. */
static int64_t prices_usd(struct section section, enum price_kind kind) {
    int64_t price;
    if (!read_is_written(section, price_name(kind).at)) return -1;
    return price_read(kind, config_member(section.map, price_name(kind))->text, &price) ? price : -1;
}

/* How many are written. */
static size_t prices_sets(struct section section, struct price_sets *sets) {
    size_t count = 0;
    price_sets_begin(sets);
    for (unsigned kind = 0; kind < price_kinds; kind++) {
        sets->of[kind] = prices_usd(section, (enum price_kind)kind);
        count += read_is_written(section, price_name((enum price_kind)kind).at);
    }
    return count;
}

static void prices_day(struct config_reading *reading, struct section section, const char *name, int64_t *seconds) {
    const struct config_node *node = config_member(section.map, str_from(name));
    if (!read_is_written(section, name) || price_day_read(node->text, seconds)) return;
    config_report(reading, node, config_error, "`%s` is a day such as 2026-10-14, not `%.*s`", name,
                  STR_ARG(config_shown(node)));
}

static void prices_when(struct config_reading *reading, struct section when, struct price_row *row) {
    *row = PRICE_ROW_ALWAYS;
    row->above = (uint32_t)(read_is_written(when, "above") ? read_whole(when, "above") : 0);
    row->tier = (uint8_t)read_choice(when, "tier");
    row->lifetime = (uint8_t)read_choice(when, "cache_ttl");
    row->modality = (uint8_t)read_choice(when, "modality");
    row->speed = (uint8_t)read_choice(when, "speed");
    row->region = (uint8_t)read_choice(when, "region");
    if (read_is_written(when, "batch")) row->batch = read_bool(when, "batch") ? batch_yes : batch_no;
    prices_day(reading, when, "since", &row->since_s);
    prices_day(reading, when, "until", &row->until_s);
    const struct config_node *hours = config_member(when.map, STR("hours"));
    if (read_is_written(when, "hours") && !price_hours_read(hours->text, row))
        config_report(reading, hours, config_error,
                      "`hours` are two times of the UTC day such as 06:00-10:00, not `%.*s`",
                      STR_ARG(config_shown(hours)));
    if (row->since_s >= row->until_s)
        config_report(reading, when.map, config_error, "`until` is no day behind `since`: the row would never hold");
}

/* false: it is none, or there is no memory; told. */
static bool prices_row_read(struct config_reading *reading, struct arena *arena, const struct config_node *node,
                            struct price_row *row) {
    const struct section section = {section_price_row, node};
    const struct config_node *times = prices_member(node, STR("times")), *set = prices_member(node, STR("set"));
    struct price_sets sets;
    prices_when(reading, read_section(section, "when"), row);
    if (!times == !set) {
        config_report(reading, node, config_error, "a row of prices has `set`, or `times`: write one of them");
        return false;
    }
    if (times) {
        if (price_factor_read(times->text, row)) return true;
        if (prices_passed(times, 1e6))
            config_report(reading, times, config_error,
                          "`times` is a number from 0 to 1000000 with at most %d decimals, not `%.*s`",
                          price_factor_decimals, STR_ARG(config_shown(times)));
        return false;
    }
    if (prices_sets(read_section(section, "set"), &sets) == 0)
        config_report(reading, set, config_error, "`set` names no price");
    if (price_row_set(row, &sets, arena)) return true;
    config_report(reading, node, config_error, "no memory for the prices");
    return false;
}

/* -- a model's -- */

/* The rows written for it, behind the one of the units where there is one. */
static bool prices_rows(struct config_reading *reading, struct arena *arena, const struct config_node *list,
                        const struct price_sets *units, struct price_list *prices) {
    size_t size = list && list->kind == config_list ? list->count : 0, count = 0;
    if (size > price_rows_max / 2) {
        config_report(reading, list, config_error, "`rows`: a model has at most %d", price_rows_max / 2);
        return false;
    }
    struct price_row *rows = arena_take_zeroed(arena, (size + 1) * sizeof *rows);
    if (!rows) return false;
    rows[0] = PRICE_ROW_ALWAYS;
    if (!price_row_set(&rows[0], units, arena)) return false;
    count += rows[0].names != 0;
    for (const struct config_node *one = size ? list->first : NULL; one; one = one->next)
        if (one->kind == config_map && prices_row_read(reading, arena, one, &rows[count])) count++;
    prices->rows = (struct price_rows){rows, count};
    if (price_rows_decimals(&prices->rows) > price_decimals_max)
        config_report(reading, list, config_error,
                      "`rows`: those that may hold together have more than %d decimals in their `times`",
                      price_decimals_max);
    return true;
}

static void prices_of_model(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                            struct provider *provider, struct price_list *prices) {
    struct arena *arena = &snapshot->arena;
    struct price_sets sets;
    bool written = prices_sets((struct section){section_price, node}, &sets) > 0;
    *prices = PRICES_UNKNOWN;
    prices->goes_on = !written;
    for (unsigned kind = 0; kind <= price_cache_write; kind++) {
        *price_base(prices, (enum price_kind)kind) = sets.of[kind];
        sets.of[kind] = -1;
    }
    struct str model = arena_copy(arena, node->key);
    if (!prices_rows(reading, arena, prices_member(node, STR("rows")), &sets, prices) || !model.at)
        return; /* told, or there is no memory, of which the rest will tell */
    map_add(&provider->prices, model, prices);
}

/* -- a provider's -- */

static void prices_discounts(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *list,
                             struct provider *provider) {
    size_t size = list && list->kind == config_list ? list->count : 0, count = 0;
    struct price_row *rows = size ? arena_take_zeroed(&snapshot->arena, size * sizeof *rows) : NULL;
    if (size > price_rows_max) {
        config_report(reading, list, config_error, "`discount` has at most %d entries", price_rows_max);
        return;
    }
    for (const struct config_node *one = rows ? list->first : NULL; one; one = one->next) {
        const struct section section = {section_discount, one};
        const struct config_node *share = prices_member(one, STR("share"));
        if (one->kind != config_map) continue;
        rows[count] = PRICE_ROW_ALWAYS;
        prices_day(reading, section, "since", &rows[count].since_s);
        if (!share || !price_discount_read(share->text, &rows[count])) {
            if (!share || prices_passed(share, 1))
                config_report(reading, share ? share : one, config_error,
                              "a discount has a `share` from 0 to 1 with at most %d decimals, such as 0.15",
                              price_discount_decimals);
            continue;
        }
        if (count && rows[count].since_s <= rows[count - 1].since_s)
            config_report(reading, one, config_error, "`discount`: the days must rise");
        if (count) rows[count - 1].until_s = rows[count].since_s;
        count++;
    }
    provider->discounts = (struct price_rows){rows, count};
}

void prices_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                        struct provider *provider) {
    const struct config_node *map = config_member(node, STR("prices"));
    size_t count = map && map->kind == config_map ? map->count : 0;
    struct price_list *lists = count ? arena_take_zeroed(&snapshot->arena, count * sizeof *lists) : NULL;
    prices_discounts(reading, snapshot, prices_member(node, STR("discount")), provider);
    if (!map_init(&provider->prices, &snapshot->arena, count + 1) || !lists) return;
    for (const struct config_node *one = map->first; one; one = one->next)
        if (one->kind == config_map) prices_of_model(reading, snapshot, one, provider, lists++);
}

/* -- a target's -- */

/* The catalogue's, and behind them what is written. */
static bool prices_go_on(struct arena *arena, const struct price_list *written, struct price_list *prices) {
    size_t before = prices->rows.count, count = before + written->rows.count;
    struct price_row *rows = arena_take(arena, (count + 1) * sizeof *rows);
    if (!rows) return false;
    for (size_t i = 0; i < count; i++) rows[i] = i < before ? prices->rows.at[i] : written->rows.at[i - before];
    prices->rows = (struct price_rows){rows, count};
    return true;
}

/* Nano-dollars x 10^(digits - 9); what is more than a price may be is that. -1: it is not written. */
static int64_t prices_number(struct section section, const char *name, unsigned digits) {
    int64_t value;
    if (!read_is_written(section, name)) return -1;
    const struct config_node *node = config_member(section.map, str_from(name));
    return decimal_to_i64(node->text, digits, false, &value) && value <= price_most ? value : price_most;
}

struct price_list prices_of_target(struct config_reading *reading, struct snapshot *snapshot,
                                   const struct config_node *node, const struct provider *provider, struct str model) {
    const struct price_list *written = map_find(&provider->prices, model);
    const struct catalog_model *row = provider_facts(provider, model);
    const struct section section = {section_provider, node};
    struct price_list prices = row ? row->prices : PRICES_UNKNOWN;
    if (written && !written->goes_on)
        prices = *written;
    else if (written && !prices_go_on(&snapshot->arena, written, &prices))
        config_report(reading, node, config_error, "no memory for the prices");
    if (prices.rows.count > price_rows_max || price_rows_decimals(&prices.rows) > price_decimals_max) {
        config_report(reading, config_member(config_member(node, STR("prices")), model), config_error,
                      "`rows` of `%.*s`: with the catalogue's there are more than %d rows, or %d decimals in what may "
                      "hold together: write its prices whole",
                      STR_ARG(str_slice(model, 0, 80)), price_rows_max, price_decimals_max);
        prices.rows = (struct price_rows){NULL, 0};
    }
    int64_t token = prices_number(section, "cost_per_token", 15), fee = prices_number(section, "request_fee", 9),
            estimate = prices_number(section, "cost_per_request", 9);
    bool known = price_is_known(&prices);
    if (!known && token >= 0)
        prices.input = prices.output = token;
    else if (!known && estimate > 0)
        prices.request = estimate;
    if (fee > 0) prices.request = (prices.request > 0 ? prices.request : 0) + fee;
    prices.discounts = &provider->discounts;
    return prices;
}
