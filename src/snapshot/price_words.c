/* price_words.c - words, days, hours and decimals of price rows. */
#include "snapshot/price_words.h"

#include <stdio.h>

#include "base/decimal.h"
#include "dialect/date.h"

struct str price_tier_word(size_t place) {
    return place ? meter_tier_name((enum meter_tier)place) : STR("any");
}
struct str price_speed_word(size_t place) {
    return place ? meter_speed_name((enum meter_speed)place) : STR("any");
}
struct str price_region_word(size_t place) {
    return place ? meter_region_name((enum meter_region)place) : STR("any");
}
struct str price_modality_word(size_t place) {
    return place ? price_modality_name((enum price_modality)place) : STR("any");
}
struct str price_lifetime_word(size_t place) {
    return place ? price_lifetime_name((enum price_lifetime)place) : STR("any");
}

bool price_day_read(struct str text, int64_t *seconds) {
    char moment[32];
    int64_t milliseconds;
    if (text.len != 10) return false;
    int len = snprintf(moment, sizeof moment, "%.*sT00:00:00Z", STR_ARG(text));
    if (len != 20 || !date_read_rfc3339(str_make(moment, 20), &milliseconds)) return false;
    *seconds = milliseconds / 1000;
    return true;
}

static bool minute_read(struct str text, uint16_t *minute) {
    uint64_t hour, part;
    if (text.len != 5 || text.at[2] != ':') return false;
    if (!str_to_u64(str_slice(text, 0, 2), &hour) || !str_to_u64(str_slice(text, 3, 5), &part)) return false;
    *minute = (uint16_t)(hour * 60 + part);
    return hour < 24 && part < 60;
}

bool price_hours_read(struct str text, struct price_row *row) {
    return text.len == 11 && text.at[5] == '-' && minute_read(str_slice(text, 0, 5), &row->from_minute) &&
           minute_read(str_slice(text, 6, 11), &row->to_minute) && row->from_minute != row->to_minute;
}

static void factor_tidy(struct price_row *row, int64_t factor) {
    row->decimals = price_factor_decimals;
    for (; row->decimals > 0 && factor % 10 == 0; row->decimals--) factor /= 10;
    row->factor = factor;
}

/* x 1000, with nothing cut off. */
static bool thousandths_read(struct str text, int64_t *thousandths) {
    int64_t up;
    return decimal_to_i64(text, price_factor_decimals, false, thousandths) &&
           decimal_to_i64(text, price_factor_decimals, true, &up) && up == *thousandths;
}

bool price_factor_read(struct str text, struct price_row *row) {
    int64_t thousandths;
    if (!thousandths_read(text, &thousandths) || thousandths > price_factor_most) return false;
    factor_tidy(row, thousandths);
    row->values = NULL;
    row->names = (1u << price_tokens_kinds) - 1;
    return true;
}

bool price_discount_read(struct str text, struct price_row *row) {
    int64_t thousandths;
    if (!thousandths_read(text, &thousandths) || thousandths > 1000) return false;
    factor_tidy(row, 1000 - thousandths);
    row->values = NULL;
    row->names = (1u << price_kinds) - 1;
    return true;
}

bool price_read(enum price_kind kind, struct str text, int64_t *price) {
    static const double most[] = {
#define X(name, share, most, help) most,
        PRICE_TABLE(X)
#undef X
    };
    int64_t unit = price_digits(kind) == 9 ? 1000000000 : 1000000000000000;
    return decimal_to_i64(text, price_digits(kind), false, price) && *price <= (int64_t)most[kind] * unit;
}

void price_sets_begin(struct price_sets *sets) {
    for (unsigned kind = 0; kind < price_kinds; kind++) sets->of[kind] = -1;
}

bool price_row_set(struct price_row *row, const struct price_sets *sets, struct arena *arena) {
    unsigned count = 0;
    row->names = 0;
    for (unsigned kind = 0; kind < price_kinds; kind++)
        if (sets->of[kind] >= 0) row->names |= 1u << kind, count++;
    int64_t *values = arena_take(arena, (count + 1) * sizeof *values);
    if (!values) return false;
    row->values = values;
    for (unsigned kind = 0; kind < price_kinds; kind++)
        if (sets->of[kind] >= 0) *values++ = sets->of[kind];
    return true;
}
