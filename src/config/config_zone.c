/* config_zone.c - TZif of version 2 and more: 64-bit moments, and a line in POSIX' form for what comes after them.
 * Times of version 1 are passed over.
 *
 * Must never: read past the file, whatever its counts say. */
#include "config/config_zone.h"

#include "base/check.h"

enum { header_len = 44, changes_max = 4096, last_year = 2100, offset_most = 26 * 3600 };

bool zone_name_is_good(struct str name) {
    if (name.len == 0 || name.len > 64 || name.at[0] == '/' || str_find(name, STR("..")) != SIZE_MAX) return false;
    return str_is_alnum(name, "/_-+");
}

/* -- the file -- */

static int64_t big_endian(struct str file, size_t at, unsigned bytes) {
    uint64_t value = (signed char)file.at[at] < 0 ? UINT64_MAX : 0;
    for (unsigned i = 0; i < bytes; i++) value = value << 8 | (unsigned char)file.at[at + i];
    return (int64_t)value;
}

struct counts {
    size_t isut, isstd, leap, time, type, chars;
};

static bool counts_find(struct str file, size_t at, struct counts *counts) {
    if (file.len < at + header_len || !str_starts(str_slice(file, at, file.len), STR("TZif"))) return false;
    size_t *const into[] = {&counts->isut, &counts->isstd, &counts->leap, &counts->time, &counts->type, &counts->chars};
    for (size_t i = 0; i < sizeof into / sizeof *into; i++) {
        int64_t count = big_endian(file, at + 20 + 4 * i, 4);
        if (count < 0 || count > 65536) return false;
        *into[i] = (size_t)count;
    }
    return true;
}

static size_t data_len(const struct counts *counts, size_t moment) {
    return counts->time * (moment + 1) + counts->type * 6 + counts->chars + counts->leap * (moment + 4) +
           counts->isstd + counts->isut;
}

/* -- the line behind it -- */

/* When in a year the clocks change: Mm.w.d, Jn or n, and at what time. */
struct rule_day {
    enum { rule_month, rule_julian, rule_zero } kind;
    int64_t month, week, day, time_s;
};

static bool number_take(struct str *rest, int64_t most, int64_t *number) {
    size_t digits = 0;
    *number = 0;
    while (digits < rest->len && digits < 4 && rest->at[digits] >= '0' && rest->at[digits] <= '9')
        *number = *number * 10 + (rest->at[digits++] - '0');
    *rest = str_slice(*rest, digits, rest->len);
    return digits > 0 && *number <= most;
}

static bool byte_take(struct str *rest, char byte) {
    if (rest->len == 0 || rest->at[0] != byte) return false;
    *rest = str_slice(*rest, 1, rest->len);
    return true;
}

/* [+-]hh[:mm[:ss]] */
static bool time_take(struct str *rest, int64_t hours_most, int64_t *time_s) {
    bool minus = byte_take(rest, '-');
    int64_t hours, minutes = 0, seconds = 0;
    if (!minus) byte_take(rest, '+');
    if (!number_take(rest, hours_most, &hours)) return false;
    if (byte_take(rest, ':') && !number_take(rest, 59, &minutes)) return false;
    if (byte_take(rest, ':') && !number_take(rest, 59, &seconds)) return false;
    *time_s = (hours * 3600 + minutes * 60 + seconds) * (minus ? -1 : 1);
    return true;
}

static bool word_take(struct str *rest) {
    size_t len = 0;
    if (byte_take(rest, '<')) {
        len = str_find_byte(*rest, '>');
        if (len == SIZE_MAX) return false;
        *rest = str_slice(*rest, len + 1, rest->len);
        return true;
    }
    while (len < rest->len && byte_is_letter(rest->at[len])) len++;
    *rest = str_slice(*rest, len, rest->len);
    return len > 0;
}

static bool rule_day_take(struct str *rest, struct rule_day *rule) {
    *rule = (struct rule_day){.time_s = 2 * 3600};
    if (!byte_take(rest, ',')) return false;
    if (byte_take(rest, 'M')) {
        if (!number_take(rest, 12, &rule->month) || !byte_take(rest, '.') || !number_take(rest, 5, &rule->week) ||
            !byte_take(rest, '.') || !number_take(rest, 6, &rule->day) || rule->month == 0 || rule->week == 0)
            return false;
    } else {
        rule->kind = byte_take(rest, 'J') ? rule_julian : rule_zero;
        if (!number_take(rest, 365, &rule->day)) return false;
    }
    return !byte_take(rest, '/') || time_take(rest, 167, &rule->time_s);
}

static bool zone_is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* Days since 1970 of the first of January. */
static int64_t days_of_year(int64_t year) {
    int64_t before = year - 1;
    return (year - 1970) * 365 + before / 4 - before / 100 + before / 400 - 477;
}

static int64_t rule_local_s(const struct rule_day *rule, int64_t year) {
    static const int16_t starts[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t days = days_of_year(year);
    if (rule->kind == rule_month) {
        bool leap = zone_is_leap(year);
        int64_t first = days + starts[rule->month - 1] + (leap && rule->month > 2),
                length = starts[rule->month] - starts[rule->month - 1] + (leap && rule->month == 2);
        int64_t weekday = ((first + 4) % 7 + 7) % 7, offset = (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;
        while (offset >= length) offset -= 7;
        days = first + offset;
    } else if (rule->kind == rule_julian) {
        days += rule->day - 1 + (zone_is_leap(year) && rule->day > 59);
    } else {
        days += rule->day;
    }
    return days * 86400 + rule->time_s;
}

struct changes {
    struct zone_change *list;
    size_t count, most;
};

static void change_add(struct changes *changes, int64_t from_s, int64_t offset_s) {
    if (changes->count && from_s <= changes->list[changes->count - 1].from_s) return; /* they rise */
    CHECKF(changes->count < changes->most, "count=%zu", changes->count);
    changes->list[changes->count++] = (struct zone_change){from_s, (int32_t)offset_s};
}

/* What holds after the last change. false: it is no such line. */
static bool rule_take(struct str line, struct changes *changes) {
    int64_t standard, summer;
    struct rule_day from, until;
    if (line.len == 0) return true;
    if (!word_take(&line) || !time_take(&line, 24, &standard)) return false;
    standard = -standard; /* POSIX counts to the west */
    summer = standard + 3600;
    if (line.len == 0) {
        if (!changes->count) change_add(changes, INT64_MIN / 2, standard);
        return true;
    }
    if (!word_take(&line)) return false;
    if (line.len && line.at[0] != ',') {
        if (!time_take(&line, 24, &summer)) return false;
        summer = -summer;
    }
    if (!rule_day_take(&line, &from) || !rule_day_take(&line, &until) || line.len) return false;
    for (int64_t year = 1970; year <= last_year; year++) {
        int64_t to_summer = rule_local_s(&from, year) - standard, back = rule_local_s(&until, year) - summer;
        change_add(changes, to_summer < back ? to_summer : back, to_summer < back ? summer : standard);
        change_add(changes, to_summer < back ? back : to_summer, to_summer < back ? standard : summer);
    }
    return true;
}

bool zone_parse(struct str file, struct arena *arena, struct zone *zone) {
    struct counts first, counts;
    *zone = (struct zone){.count = 0};
    if (!counts_find(file, 0, &first) || (unsigned char)file.at[4] < '2') return false;
    size_t at = header_len + data_len(&first, 4);
    if (!counts_find(file, at, &counts) || counts.type == 0 || counts.time > changes_max) return false;
    at += header_len;
    if (file.len - at < data_len(&counts, 8)) return false;
    struct changes changes = {.most = counts.time + 1 + 2 * (last_year - 1970 + 1)};
    changes.list = arena_take(arena, changes.most * sizeof *changes.list);
    if (!changes.list) return false;
    size_t indexes = at + counts.time * 8, types = indexes + counts.time;
    for (size_t i = 0; i <= counts.time; i++) { /* before all of them the first type holds */
        size_t type = i ? (unsigned char)file.at[indexes + i - 1] : 0;
        int64_t moment = i ? big_endian(file, at + 8 * (i - 1), 8) : INT64_MIN / 2;
        if (type >= counts.type) return false;
        int64_t offset = big_endian(file, types + type * 6, 4);
        if (offset < -offset_most || offset > offset_most) return false;
        change_add(&changes, moment, offset);
    }
    at += data_len(&counts, 8);
    struct str footer = str_slice(file, at, file.len);
    size_t end = footer.len && footer.at[0] == '\n' ? str_find_byte(str_slice(footer, 1, footer.len), '\n') : SIZE_MAX;
    if (end != SIZE_MAX && !rule_take(str_slice(footer, 1, 1 + end), &changes)) return false;
    *zone = (struct zone){changes.list, changes.count};
    return true;
}
