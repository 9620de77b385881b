/* catalog_price.c - prices of a model's row: the base prices, those of units as a row without a condition, the tiers of
 * `above`, then `rows`, in this order. */
#include "snapshot/catalog_price.h"

#include <stdio.h>

#include "snapshot/price_words.h"

struct str catalog_tier_word(unsigned i) {
    return price_tier_word(i + 1);
}
struct str catalog_speed_of_serving_word(unsigned i) {
    return price_speed_word(i + 1);
}
struct str catalog_region_word(unsigned i) {
    return price_region_word(i + 1);
}
struct str catalog_modality_word(unsigned i) {
    return price_modality_word(i + 1);
}
struct str catalog_cache_ttl_word(unsigned i) {
    return price_lifetime_word(i + 1);
}

/* -- one member -- */

/* The shortest decimal that is this number. */
static struct str usd_text(const struct json_value *value, char *buffer, size_t size) {
    int len = snprintf(buffer, size, "%.15g", json_double(value, -1));
    return str_make(buffer, len > 0 && (size_t)len < size ? (size_t)len : 0);
}

/* -1: it is not said. */
static int64_t usd_read(const struct json_value *object, enum price_kind kind) {
    char buffer[40];
    int64_t price;
    const struct json_value *value = json_member(object, price_name(kind).at);
    return value && price_read(kind, usd_text(value, buffer, sizeof buffer), &price) ? price : -1;
}

static uint8_t when_place(const struct json_value *when, const char *name, struct str (*word)(size_t)) {
    struct str said = json_str(json_member(when, name), STR(""));
    for (size_t place = 1; said.len && word(place).len; place++)
        if (str_eq(word(place), said)) return (uint8_t)place;
    return 0;
}

/* false: a day or the hours are none. */
static bool price_when_read(const struct json_value *when, struct price_row *row) {
    const struct json_value *batch = json_member(when, "batch"), *since = json_member(when, "since"),
                            *until = json_member(when, "until"), *hours = json_member(when, "hours");
    *row = PRICE_ROW_ALWAYS;
    row->above = (uint32_t)json_i64(json_member(when, "above"), 0);
    row->tier = when_place(when, "tier", price_tier_word);
    row->speed = when_place(when, "speed", price_speed_word);
    row->region = when_place(when, "region", price_region_word);
    row->modality = when_place(when, "modality", price_modality_word);
    row->lifetime = when_place(when, "cache_ttl", price_lifetime_word);
    if (batch) row->batch = json_bool(batch, false) ? batch_yes : batch_no;
    if (since && !price_day_read(json_str(since, STR("")), &row->since_s)) return false;
    if (until && !price_day_read(json_str(until, STR("")), &row->until_s)) return false;
    return !hours || price_hours_read(json_str(hours, STR("")), row);
}

static bool factor_read(const struct json_value *times, struct price_row *row) {
    char buffer[40];
    return price_factor_read(usd_text(times, buffer, sizeof buffer), row);
}

/* -- checked -- */

void catalog_price_check(struct catalog_row *row, const struct json_value *price) {
    const struct json_value *rows = json_member(price, "rows");
    struct price_row made[price_rows_max];
    size_t place = 0, count = 0;
    if (rows && (json_kind(rows) != json_array || json_count(rows) > price_rows_max - 16)) {
        catalog_row_report(row, "`rows` is a list of at most %d rows", price_rows_max - 16);
        return;
    }
    for (const struct json_value *one; (one = json_each(rows, &place, NULL));) {
        const struct json_value *set = json_member(one, "set"), *times = json_member(one, "times");
        struct price_row *into = &made[count++];
        if (!price_when_read(json_member(one, "when"), into))
            catalog_row_report(row, "`when`: `since` and `until` are days, 2026-11-20; `hours` is 06:00-10:00");
        if (!set == !times)
            catalog_row_report(row, "a row of `rows` has `set` or `times`");
        else if (times && !factor_read(times, into))
            catalog_row_report(row, "`times` is a number from 0 to 1000000 with at most %d decimals",
                               price_factor_decimals);
    }
    if (row->good && price_rows_decimals(&(struct price_rows){made, count}) > price_decimals_max)
        catalog_row_report(row, "`rows`: those that may hold together have more than %d decimals in their `times`",
                           price_decimals_max);
}

/* -- read -- */

static bool sets_read(struct catalog_row *row, const struct json_value *object, unsigned from, struct price_row *into) {
    struct price_sets sets;
    price_sets_begin(&sets);
    for (unsigned kind = from; kind < price_kinds; kind++) sets.of[kind] = usd_read(object, (enum price_kind)kind);
    return price_row_set(into, &sets, row->arena);
}

static bool units_are_said(const struct json_value *price) {
    for (unsigned kind = price_cache_write + 1; kind < price_kinds; kind++)
        if (json_member(price, price_name((enum price_kind)kind).at)) return true;
    return false;
}

void catalog_price_read(struct catalog_row *row, const struct json_value *price, struct price_list *prices) {
    const struct json_value *above = json_member(price, "above"), *rows = json_member(price, "rows");
    size_t count = json_count(above) + json_count(rows) + units_are_said(price), place = 0, at = 0;
    *prices = PRICES_UNKNOWN;
    for (unsigned kind = 0; kind <= price_cache_write; kind++)
        *price_base(prices, (enum price_kind)kind) = usd_read(price, (enum price_kind)kind);
    if (count == 0) return;
    struct price_row *made = arena_take_zeroed(row->arena, count * sizeof *made);
    bool good = made;
    if (good && units_are_said(price)) {
        made[at] = PRICE_ROW_ALWAYS;
        good = sets_read(row, price, price_cache_write + 1, &made[at++]);
    }
    for (const struct json_value *tier; good && (tier = json_each(above, &place, NULL));) {
        made[at] = PRICE_ROW_ALWAYS;
        made[at].above = (uint32_t)json_i64(json_member(tier, "tokens"), 1);
        good = sets_read(row, tier, 0, &made[at++]);
    }
    place = 0;
    for (const struct json_value *one; good && (one = json_each(rows, &place, NULL)); at++) {
        const struct json_value *times = json_member(one, "times");
        good = price_when_read(json_member(one, "when"), &made[at]);
        good = good && (times ? factor_read(times, &made[at]) : sets_read(row, json_member(one, "set"), 0, &made[at]));
    }
    row->good = row->good && good;
    if (good) prices->rows = (struct price_rows){made, count};
}

/* -- written -- */

static void usd_put(struct text *text, enum price_kind kind, int64_t price) {
    int64_t unit = price_digits(kind) == 9 ? 1000000000 : 1000000000000000;
    if (price < 0) return;
    text_json_key(text, price_name(kind));
    text_printf(text, "%.15g", (double)price / (double)unit);
}

static void sets_put(struct text *text, const struct price_row *row) {
    const int64_t *value = row->values;
    for (uint32_t rest = row->names; rest; rest &= rest - 1)
        usd_put(text, (enum price_kind)__builtin_ctz(rest), *value++);
}

static bool price_row_is_plain(const struct price_row *row) {
    return row->values && !row->tier && !row->speed && !row->region && !row->modality && !row->lifetime &&
           !row->batch && row->since_s == INT64_MIN && row->until_s == INT64_MAX && row->from_minute == row->to_minute;
}

static void day_put(struct text *text, struct str name, int64_t seconds) {
    int64_t days = seconds / 86400 + 719468, era = days / 146097, of_era = days - era * 146097; /* Hinnant, 2013 */
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t day = of_era - (365 * year + year / 4 - year / 100), month = (5 * day + 2) / 153;
    text_json_key(text, name);
    text_printf(text, "\"%04d-%02d-%02d\"", (int)(year + era * 400 + (month >= 10)),
                (int)(month < 10 ? month + 3 : month - 9), (int)(day - (153 * month + 2) / 5 + 1));
}

static void when_word_put(struct text *text, struct str name, struct str word) {
    if (word.len) text_json_str(text, name, word);
}

static void price_when_put(struct text *text, const struct price_row *row) {
    text_put(text, STR("\"when\":{"));
    if (row->above) text_json_i64(text, STR("above"), row->above);
    when_word_put(text, STR("tier"), meter_tier_name((enum meter_tier)row->tier));
    if (row->batch) text_json_bool(text, STR("batch"), row->batch == batch_yes);
    when_word_put(text, STR("cache_ttl"), price_lifetime_name((enum price_lifetime)row->lifetime));
    when_word_put(text, STR("modality"), price_modality_name((enum price_modality)row->modality));
    when_word_put(text, STR("speed"), meter_speed_name((enum meter_speed)row->speed));
    when_word_put(text, STR("region"), meter_region_name((enum meter_region)row->region));
    if (row->since_s != INT64_MIN) day_put(text, STR("since"), row->since_s);
    if (row->until_s != INT64_MAX) day_put(text, STR("until"), row->until_s);
    if (row->from_minute != row->to_minute) {
        text_json_key(text, STR("hours"));
        text_printf(text, "\"%02d:%02d-%02d:%02d\"", row->from_minute / 60, row->from_minute % 60, row->to_minute / 60,
                    row->to_minute % 60);
    }
    text_put_byte(text, '}');
}

static void price_row_put(struct text *text, const struct price_row *row) {
    static const unsigned units[] = {1, 10, 100, 1000};
    text_json_comma(text);
    text_put_byte(text, '{');
    price_when_put(text, row);
    if (row->values) {
        text_put(text, STR(",\"set\":{"));
        sets_put(text, row);
        text_put_byte(text, '}');
    } else {
        text_json_key(text, STR("times"));
        text_printf(text, "%.15g", (double)row->factor / units[row->decimals]);
    }
    text_put_byte(text, '}');
}

void catalog_price_write(const struct price_list *prices, struct text *text) {
    const struct price_rows *rows = &prices->rows;
    struct price_list base = *prices;
    bool above = false, more = false;
    for (unsigned kind = 0; kind <= price_cache_write; kind++)
        usd_put(text, (enum price_kind)kind, *price_base(&base, (enum price_kind)kind));
    for (size_t i = 0; i < rows->count; i++)
        if (price_row_is_plain(&rows->at[i]) && !rows->at[i].above) sets_put(text, &rows->at[i]);
    for (size_t i = 0; i < rows->count; i++) {
        if (!price_row_is_plain(&rows->at[i]) || !rows->at[i].above) continue;
        text_put(text, above ? STR(",{") : STR(",\"above\":[{"));
        above = true;
        text_json_i64(text, STR("tokens"), rows->at[i].above);
        sets_put(text, &rows->at[i]);
        text_put_byte(text, '}');
    }
    if (above) text_put_byte(text, ']');
    for (size_t i = 0; i < rows->count; i++) {
        if (price_row_is_plain(&rows->at[i])) continue;
        if (!more) text_put(text, STR(",\"rows\":["));
        more = true;
        price_row_put(text, &rows->at[i]);
    }
    if (more) text_put_byte(text, ']');
}
