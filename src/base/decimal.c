/* decimal.c - at most 19 digits are kept; those behind them count in size and in rounding only. */
#include "base/decimal.h"

struct decimal {
    uint64_t digits; /* the value is digits x 10^power */
    int power;
    bool more; /* digits that had no room, and are not all 0 */
};

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

/* The digits and the point; how many bytes that were. 0: there is no digit. */
static size_t digits_read(struct str text, struct decimal *decimal) {
    size_t at = 0, digits = 0;
    bool point = false;
    for (; at < text.len && (is_digit(text.at[at]) || (text.at[at] == '.' && !point)); at++) {
        if (text.at[at] == '.') {
            point = true;
            continue;
        }
        unsigned digit = (unsigned)(text.at[at] - '0');
        digits++;
        if (decimal->digits > (UINT64_MAX - 9) / 10) { /* no room: it only counts in size */
            decimal->more |= digit > 0;
            decimal->power += !point;
            continue;
        }
        decimal->digits = decimal->digits * 10 + digit;
        decimal->power -= point;
    }
    return digits ? at : 0;
}

static bool exponent_read(struct str text, int *power) {
    size_t at = 1, from;
    int sum = 0;
    bool minus = false;
    if (text.len == 0) return true;
    if (text.at[0] != 'e' && text.at[0] != 'E') return false;
    if (at < text.len && (text.at[at] == '-' || text.at[at] == '+')) minus = text.at[at++] == '-';
    for (from = at; at < text.len && is_digit(text.at[at]); at++)
        if (sum < 10000) sum = sum * 10 + (text.at[at] - '0');
    *power += minus ? -sum : sum;
    return at == text.len && at > from;
}

bool decimal_to_i64(struct str text, unsigned digits, bool up, int64_t *value) {
    struct decimal decimal = {.digits = 0};
    size_t at = digits_read(text, &decimal);
    unsigned last = 0; /* the digit cut off last */
    if (at == 0 || !exponent_read(str_slice(text, at, text.len), &decimal.power)) return false;
    decimal.power += (int)digits;
    for (; decimal.power > 0 && decimal.digits; decimal.power--) {
        if (decimal.digits > INT64_MAX / 10) return false;
        decimal.digits *= 10;
    }
    for (; decimal.power < 0 && (decimal.digits || last); decimal.power++) {
        decimal.more |= last > 0;
        last = (unsigned)(decimal.digits % 10);
        decimal.digits /= 10;
    }
    if (up ? last > 0 || decimal.more : last >= 5) decimal.digits++;
    if (decimal.digits > INT64_MAX) return false;
    *value = (int64_t)decimal.digits;
    return true;
}
