/* window.c - days are counted in the place's own clock time, and the moments at which they begin looked for in UTC.
 *
 * Invariant: start <= now < end, and a later moment's window never starts earlier. */
#include "core/window.h"

#include "base/check.h"

static const int64_t hour_s = 3600, day_s = 86400;
/* Beyond them no calendar is asked. */
static const int64_t earliest_s = -62135596800, latest_s = 253402300800;

struct str window_word(size_t kind) {
    static const struct str words[] = {[window_hour] = STR("hour"),
                                       [window_day] = STR("day"),
                                       [window_week] = STR("week"),
                                       [window_month] = STR("month"),
                                       [window_lifetime] = STR("lifetime")};
    return kind < sizeof words / sizeof *words ? words[kind] : STR("");
}

static int64_t floor_div(int64_t value, int64_t by) {
    int64_t quotient = value / by;
    return value % by < 0 ? quotient - 1 : quotient;
}

/* The last change at or before this moment; 0 where it is before all. */
static size_t change_at(const struct zone *zone, int64_t now_s) {
    size_t low = 0, high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].from_s <= now_s)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static int64_t offset_at(const struct zone *zone, int64_t now_s) {
    return zone && zone->count ? zone->changes[change_at(zone, now_s)].offset_s : 0;
}

/* The first moment at which the clocks show `local` or later. */
static int64_t first_moment(const struct zone *zone, int64_t local) {
    if (!zone || !zone->count) return local;
    for (size_t i = change_at(zone, local - 2 * day_s); i < zone->count; i++) {
        int64_t from = i ? zone->changes[i].from_s : INT64_MIN, moment = local - zone->changes[i].offset_s;
        if (moment < from) moment = from;
        if (i + 1 == zone->count || moment < zone->changes[i + 1].from_s) return moment;
    }
    return local;
}

/* Days since 1970 of the first of a month, months counted from the year 0 (Hinnant, chrono-compatible date
 * algorithms). */
static int64_t days_of_month(int64_t months) {
    int64_t year = floor_div(months, 12), month = months - year * 12;
    int64_t shifted = month < 2 ? year - 1 : year, era = floor_div(shifted, 400), of_era = shifted - era * 400;
    int64_t of_year = (153 * (month + (month > 1 ? -2 : 10)) + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t month_of_day(int64_t days) {
    int64_t months = floor_div((days + 719528) * 4800, 146097); /* not further off than one */
    while (days_of_month(months) > days) months--;
    while (days_of_month(months + 1) <= days) months++;
    return months;
}

/* The n-th window of this kind that the day is in or after: as days since 1970. */
static int64_t first_day(enum window_kind kind, int64_t day, int64_t n) {
    switch (kind) {
    case window_week: return floor_div(day + 3, 7) * 7 - 3 + n * 7; /* the first of January 1970 was a Thursday */
    case window_month: return days_of_month(month_of_day(day) + n);
    default: return day + n;
    }
}

static struct window_span hour_of(const struct zone *zone, int64_t now_s) {
    int64_t past = offset_at(zone, now_s) % hour_s, start = floor_div(now_s + past, hour_s) * hour_s - past;
    return (struct window_span){start, start + hour_s};
}

struct window_span window_span(enum window_kind kind, const struct zone *zone, int64_t now_s) {
    if (now_s < earliest_s) now_s = earliest_s;
    if (now_s > latest_s) now_s = latest_s;
    if (kind == window_lifetime) return (struct window_span){0, INT64_MAX};
    if (kind == window_hour) return hour_of(zone, now_s);
    int64_t day = floor_div(now_s + offset_at(zone, now_s), day_s);
    struct window_span span = {first_moment(zone, first_day(kind, day, 0) * day_s),
                               first_moment(zone, first_day(kind, day, 1) * day_s)};
    for (int64_t n = 2; span.end_s <= now_s; n++) /* the clocks were put back over the end of it */
        span = (struct window_span){span.end_s, first_moment(zone, first_day(kind, day, n) * day_s)};
    CHECKF(span.start_s <= now_s && now_s < span.end_s, "now=%lld start=%lld end=%lld", (long long)now_s,
           (long long)span.start_s, (long long)span.end_s);
    return span;
}

struct window_span window_now(const struct window *window, int64_t now_s) {
    uint64_t word = window->found ? cell_load(window->found) : 0;
    int64_t start = (int64_t)(word >> 32), length = (int64_t)(word & UINT32_MAX);
    if (word && now_s >= start && now_s < start + length) return (struct window_span){start, start + length};
    struct window_span span = window_span(window->kind, window->zone, now_s);
    if (window->found && span.start_s > 0 && span.start_s <= UINT32_MAX && window->kind != window_lifetime)
        cell_store(window->found, (uint64_t)span.start_s << 32 | (uint64_t)(span.end_s - span.start_s));
    return span;
}

bool window_forecast(struct window_span span, int64_t now_s, int64_t counted, int64_t limit,
                     struct window_forecast *forecast) {
    int64_t passed_s = now_s - span.start_s, whole_s = span.end_s - span.start_s;
    if (span.end_s == INT64_MAX || passed_s <= 0) return false;
    __int128 total = (__int128)counted * whole_s / passed_s;
    *forecast =
        (struct window_forecast){.total = total > INT64_MAX ? INT64_MAX : (int64_t)total, .reached_s = INT64_MAX};
    if (counted > 0 && total >= limit)
        forecast->reached_s = span.start_s + (int64_t)((__int128)limit * passed_s / counted);
    return true;
}

void window_moment_put(struct text *text, int64_t moment_s) {
    if (moment_s < earliest_s) moment_s = earliest_s;
    if (moment_s > latest_s) moment_s = latest_s;
    int64_t day = floor_div(moment_s, day_s), of_day = moment_s - day * day_s, month = month_of_day(day);
    int64_t of_month = day - days_of_month(month) + 1, of_year = month - floor_div(month, 12) * 12 + 1;
    text_printf(text, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lldZ", (long long)floor_div(month, 12), (long long)of_year,
                (long long)of_month, (long long)(of_day / hour_s), (long long)(of_day % hour_s / 60),
                (long long)(of_day % 60));
}
