/* ratelimit.c - a header's name says which limit of which kind it tells of, and what of it; values are read in every
 * form that providers use. A value that cannot be read is as if it were not there. */
#include "dialect/ratelimit.h"

#include "dialect/date.h"

enum kind { kind_requests, kind_tokens, kinds };
enum field { field_limit, field_left, field_reset };

/* The limit's name within its header's name, and which kind it is. */
static const struct {
    struct str name;
    enum kind kind;
} limits[] = {
    {STR("requests"), kind_requests},      {STR("req-minute"), kind_requests},
    {STR("req-10-second"), kind_requests}, {STR(""), kind_requests},
    {STR("tokens"), kind_tokens},          {STR("tokens-minute"), kind_tokens},
    {STR("tokens-month"), kind_tokens},    {STR("tokens-usage-based"), kind_tokens},
    {STR("input-tokens"), kind_tokens},    {STR("output-tokens"), kind_tokens},
    {STR("bysize"), kind_tokens},
};

enum { limit_count = sizeof limits / sizeof *limits };

struct said {
    int64_t limit, left; /* -1: not said */
    uint64_t reset_ms;
};

/* -- values -- */

/* 0 and more, cut to `most`; false: it is less, or no number. */
static bool read_amount(struct str text, double most, double *amount) {
    if (!str_to_double(text, amount) || !(*amount >= 0)) return false;
    if (*amount > most) *amount = most;
    return true;
}

static bool read_count(struct str text, int64_t *count) {
    double amount = 0;
    if (!read_amount(text, (double)ratelimit_left_max, &amount)) return false;
    *count = (int64_t)amount;
    return true;
}

static uint64_t from_now(int64_t then_ms, int64_t wall_ns) {
    int64_t now_ms = wall_ns / 1000000;
    if (then_ms <= now_ms) return 0;
    uint64_t wait_ms = (uint64_t)then_ms - (uint64_t)now_ms;
    return wait_ms < ratelimit_ms_max ? wait_ms : ratelimit_ms_max;
}

/* How many bytes at the front are a number without sign or exponent. */
static size_t number_length(struct str text) {
    size_t len = 0;
    while (len < text.len && ((text.at[len] >= '0' && text.at[len] <= '9') || text.at[len] == '.')) len++;
    return len;
}

/* "6m0s", "1h2m3s", "17.399999999s", "120ms" (Go's time.Duration.String) */
static bool read_duration(struct str text, double *ms) {
    static const struct {
        struct str unit;
        double ms;
    } units[] = {{STR("ms"), 1},   {STR("us"), 1e-3}, {STR("\xc2\xb5s"), 1e-3}, {STR("ns"), 1e-6},
                 {STR("s"), 1000}, {STR("m"), 60000}, {STR("h"), 3600000},      {STR("d"), 86400000}};
    struct str rest = text;
    *ms = 0;
    while (rest.len) {
        double amount = 0;
        size_t len = number_length(rest), unit = 0;
        if (len == 0 || !str_to_double(str_slice(rest, 0, len), &amount)) return false;
        rest = str_slice(rest, len, rest.len);
        while (unit < sizeof units / sizeof *units && !str_starts(rest, units[unit].unit)) unit++;
        if (unit == sizeof units / sizeof *units) return false;
        *ms += amount * units[unit].ms;
        rest = str_slice(rest, units[unit].unit.len, rest.len);
    }
    return text.len > 0;
}

/* A number alone is seconds from now, or since 1970 when it is that large, or milliseconds since 1970. */
static uint64_t reset_of_number(double number, int64_t wall_ns) {
    const double epoch_s = 1e9, epoch_ms = 1e12;
    if (number >= epoch_ms) return from_now((int64_t)number, wall_ns);
    if (number >= epoch_s) return from_now((int64_t)(number * 1000), wall_ns);
    double ms = number * 1000;
    return ms < (double)ratelimit_ms_max ? (uint64_t)ms : ratelimit_ms_max;
}

static bool read_reset(struct str text, int64_t wall_ns, uint64_t *reset_ms) {
    double amount = 0;
    int64_t then_ms = 0;
    if (date_read_rfc3339(text, &then_ms)) {
        *reset_ms = from_now(then_ms, wall_ns);
        return true;
    }
    if (read_amount(text, 1e15, &amount)) {
        *reset_ms = reset_of_number(amount, wall_ns);
        return true;
    }
    if (!read_duration(text, &amount)) return false;
    *reset_ms = amount < (double)ratelimit_ms_max ? (uint64_t)(amount + 0.999) : ratelimit_ms_max;
    if (*reset_ms > ratelimit_ms_max) *reset_ms = ratelimit_ms_max;
    return true;
}

static int64_t read_retry_after(const struct http_header *headers, size_t count, int64_t wall_ns) {
    double amount = 0;
    int64_t then_s = 0;
    if (read_amount(http_header_find(headers, count, STR("retry-after-ms")), (double)ratelimit_ms_max, &amount))
        return (int64_t)amount;
    struct str text = http_header_find(headers, count, STR("retry-after"));
    if (read_amount(text, (double)ratelimit_ms_max / 1000, &amount)) return (int64_t)(amount * 1000);
    if (date_read_http(text, wall_ns / 1000000000, &then_s)) return (int64_t)from_now(then_s * 1000, wall_ns);
    return -1;
}

/* -- names -- */

static bool field_read(struct str text, enum field *field) {
    static const struct str names[] = {STR("limit"), STR("remaining"), STR("reset")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!str_eq_nocase(text, names[i])) continue;
        *field = (enum field)i;
        return true;
    }
    return false;
}

static bool limit_find(struct str name, size_t *limit) {
    for (size_t i = 0; i < limit_count; i++) {
        if (!str_eq_nocase(name, limits[i].name)) continue;
        *limit = i;
        return true;
    }
    return false;
}

/* Which limit a header tells of, and what of it. */
static bool header_read(struct str name, size_t *limit, enum field *field) {
    static const struct str anthropic = STR("anthropic-ratelimit-"), by_size = STR("ratelimitbysize-"),
                            plain[] = {STR("x-ratelimit-"), STR("ratelimit-")};
    if (str_starts_nocase(name, anthropic)) { /* the limit, then the field */
        size_t dash = name.len;
        while (dash > anthropic.len && name.at[dash - 1] != '-') dash--;
        return dash > anthropic.len && limit_find(str_slice(name, anthropic.len, dash - 1), limit) &&
               field_read(str_slice(name, dash, name.len), field);
    }
    if (str_starts_nocase(name, by_size))
        return limit_find(STR("bysize"), limit) && field_read(str_slice(name, by_size.len, name.len), field);
    for (size_t i = 0; i < 2; i++) { /* the field, then the limit */
        if (!str_starts_nocase(name, plain[i])) continue;
        struct str rest = str_slice(name, plain[i].len, name.len), first;
        return str_split_next(&rest, '-', &first) && field_read(first, field) && limit_find(rest, limit);
    }
    return false;
}

static void said_take(struct said *said, enum field field, struct str value, int64_t wall_ns) {
    switch (field) {
    case field_limit: (void)read_count(value, &said->limit); break;
    case field_left: (void)read_count(value, &said->left); break;
    case field_reset: (void)read_reset(value, wall_ns, &said->reset_ms); break;
    }
}

/* The limit of a kind that stops first. */
static struct said tightest(const struct said *said, enum kind kind) {
    struct said found = {-1, -1, 0};
    for (size_t i = 0; i < limit_count; i++) {
        if (limits[i].kind != kind || (said[i].left < 0 && said[i].limit < 0 && said[i].reset_ms == 0)) continue;
        bool is_first = found.left < 0 && (said[i].left >= 0 || (found.limit < 0 && found.reset_ms == 0));
        bool is_less = said[i].left >= 0 && found.left >= 0 && said[i].left < found.left;
        bool is_longer = said[i].left >= 0 && said[i].left == found.left && said[i].reset_ms > found.reset_ms;
        if (is_first || is_less || is_longer) found = said[i];
    }
    return found;
}

struct ratelimit ratelimit_read(const struct http_header *headers, size_t count, int64_t wall_ns) {
    struct said said[limit_count];
    for (size_t i = 0; i < limit_count; i++) said[i] = (struct said){-1, -1, 0};
    for (size_t i = 0; i < count; i++) {
        size_t limit = 0;
        enum field field = field_limit;
        if (header_read(headers[i].name, &limit, &field)) said_take(&said[limit], field, headers[i].value, wall_ns);
    }
    struct said requests = tightest(said, kind_requests), tokens = tightest(said, kind_tokens);
    return (struct ratelimit){.requests_left = requests.left,
                              .requests_limit = requests.limit,
                              .requests_reset_ms = requests.reset_ms,
                              .tokens_left = tokens.left,
                              .tokens_limit = tokens.limit,
                              .tokens_reset_ms = tokens.reset_ms,
                              .retry_after_ms = read_retry_after(headers, count, wall_ns)};
}
