/* date.c - dates are read field by field from the front of the text; what is left over at the end makes it no date. */
#include "dialect/date.h"

struct moment {
    int64_t year;
    unsigned month, day, hour, minute, second; /* from 1, from 1, from 0 */
};

static bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

static bool moment_is_real(const struct moment *moment) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (moment->month < 1 || moment->month > 12 || moment->day < 1) return false;
    unsigned last = days[moment->month - 1] + (moment->month == 2 && is_leap(moment->year));
    return moment->day <= last && moment->hour < 24 && moment->minute < 60 && moment->second <= 60; /* leap second */
}

/* Days from 1970-01-01, for years from 0 on: a year begins in March, so that the leap day is its last. */
static int64_t days_of(const struct moment *moment) {
    int64_t year = moment->month <= 2 ? moment->year - 1 : moment->year;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t month = (moment->month + 9) % 12, of_year = (153 * month + 2) / 5 + (int64_t)moment->day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t date_seconds_of(const struct moment *moment) {
    return days_of(moment) * 86400 + moment->hour * 3600 + moment->minute * 60 + moment->second;
}

/* -- taking fields off the front -- */

static bool take_byte(struct str *rest, char byte) {
    if (rest->len == 0 || rest->at[0] != byte) return false;
    *rest = str_slice(*rest, 1, rest->len);
    return true;
}

/* Exactly so many digits. */
static bool take_number(struct str *rest, size_t digits, unsigned *number) {
    uint64_t value = 0;
    if (rest->len < digits || !str_to_u64(str_slice(*rest, 0, digits), &value)) return false;
    *number = (unsigned)value;
    *rest = str_slice(*rest, digits, rest->len);
    return true;
}

static bool take_month(struct str *rest, unsigned *month) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct str found = str_slice(*rest, 0, 3);
    for (unsigned i = 0; i < 12; i++) {
        if (!str_eq_nocase(found, str_make(names + (size_t)i * 3, 3))) continue;
        *month = i + 1;
        *rest = str_slice(*rest, 3, rest->len);
        return true;
    }
    return false;
}

/* "08:49:37" */
static bool take_clock(struct str *rest, struct moment *moment) {
    return take_number(rest, 2, &moment->hour) && take_byte(rest, ':') && take_number(rest, 2, &moment->minute) &&
           take_byte(rest, ':') && take_number(rest, 2, &moment->second);
}

/* The day's name, long or short. */
static bool take_weekday(struct str *rest, bool *is_long) {
    static const struct str names[] = {STR("Sunday"),   STR("Monday"), STR("Tuesday"), STR("Wednesday"),
                                       STR("Thursday"), STR("Friday"), STR("Saturday")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *is_long = str_starts_nocase(*rest, names[i]);
        if (!*is_long && !str_starts_nocase(*rest, str_slice(names[i], 0, 3))) continue;
        *rest = str_slice(*rest, *is_long ? names[i].len : 3, rest->len);
        return true;
    }
    return false;
}

/* -- the forms -- */

/* "06 Nov 1994 08:49:37 GMT", and RFC 850's "06-Nov-94 08:49:37 GMT" */
static bool take_fixdate(struct str *rest, bool is_long, int64_t now_s, struct moment *moment) {
    char between = is_long ? '-' : ' ';
    unsigned year = 0;
    if (!take_number(rest, 2, &moment->day) || !take_byte(rest, between) || !take_month(rest, &moment->month) ||
        !take_byte(rest, between) || !take_number(rest, is_long ? 2 : 4, &year) || !take_byte(rest, ' ') ||
        !take_clock(rest, moment))
        return false;
    moment->year = year;
    if (is_long) {
        const int64_t year_s = 31556952, latest = 1970 + now_s / year_s + 50;
        moment->year += latest - latest % 100;
        if (moment->year > latest) moment->year -= 100;
    }
    return str_eq(*rest, STR(" GMT"));
}

/* "Nov  6 08:49:37 1994" */
static bool take_asctime(struct str *rest, struct moment *moment) {
    unsigned year = 0;
    if (!take_month(rest, &moment->month) || !take_byte(rest, ' ')) return false;
    if (!take_number(rest, take_byte(rest, ' ') ? 1 : 2, &moment->day) || !take_byte(rest, ' ')) return false;
    if (!take_clock(rest, moment) || !take_byte(rest, ' ') || !take_number(rest, 4, &year)) return false;
    moment->year = year;
    return rest->len == 0;
}

bool date_read_http(struct str text, int64_t now_s, int64_t *seconds) {
    struct moment moment = {0};
    struct str rest = text;
    bool is_long = false;
    if (!take_weekday(&rest, &is_long)) return false;
    if (take_byte(&rest, ',')) {
        if (!take_byte(&rest, ' ') || !take_fixdate(&rest, is_long, now_s, &moment)) return false;
    } else if (is_long || !take_byte(&rest, ' ') || !take_asctime(&rest, &moment)) {
        return false;
    }
    if (!moment_is_real(&moment)) return false;
    *seconds = date_seconds_of(&moment);
    return true;
}

/* "Z", "+02:00": minutes east of UTC. */
static bool take_offset(struct str *rest, int64_t *minutes) {
    unsigned hour = 0, minute = 0;
    *minutes = 0;
    if (take_byte(rest, 'Z') || take_byte(rest, 'z')) return rest->len == 0;
    bool west = take_byte(rest, '-');
    if (!west && !take_byte(rest, '+')) return false;
    if (!take_number(rest, 2, &hour) || !take_byte(rest, ':') || !take_number(rest, 2, &minute)) return false;
    if (hour > 23 || minute > 59 || rest->len) return false;
    *minutes = west ? -(int64_t)(hour * 60 + minute) : (int64_t)(hour * 60 + minute);
    return true;
}

bool date_read_rfc3339(struct str text, int64_t *milliseconds) {
    struct moment moment = {0};
    struct str rest = text;
    unsigned year = 0, digit = 0;
    int64_t fraction_ms = 0, offset_minutes = 0;
    if (!take_number(&rest, 4, &year) || !take_byte(&rest, '-') || !take_number(&rest, 2, &moment.month) ||
        !take_byte(&rest, '-') || !take_number(&rest, 2, &moment.day))
        return false;
    if (!take_byte(&rest, 'T') && !take_byte(&rest, 't') && !take_byte(&rest, ' ')) return false;
    if (!take_clock(&rest, &moment)) return false;
    if (take_byte(&rest, '.')) {
        if (!take_number(&rest, 1, &digit)) return false;
        int64_t unit = 100;
        do {
            fraction_ms += digit * unit;
            unit /= 10;
        } while (take_number(&rest, 1, &digit));
    }
    moment.year = year;
    if (!take_offset(&rest, &offset_minutes) || !moment_is_real(&moment)) return false;
    *milliseconds = (date_seconds_of(&moment) - offset_minutes * 60) * 1000 + fraction_ms;
    return true;
}
