/* header_names.c - the table: whole names by their length, then the beginnings of names by their letter, so that a
 * look-up compares a handful of words of eight bytes. Constant: it is nobody's state. */
#include "base/header_names.h"

#include <string.h>

struct header_row {
    char name[44]; /* small letters; zeros behind, so that eight bytes of it are always there */
    unsigned short len, uses;
};
#define ROW(name, uses) \
    { name, sizeof name - 1, uses }

/* Whole names. */
static const struct header_row of_2[] = {
    ROW("te", header_of_hop),
};
static const struct header_row of_3[] = {
    ROW("nel", header_of_provider),
    ROW("via", header_of_caller),
};
static const struct header_row of_4[] = {
    ROW("date", header_of_provider),
    ROW("host", header_of_hop),
};
static const struct header_row of_5[] = {
    ROW("range", header_of_caller),
};
static const struct header_row of_6[] = {
    ROW("accept", header_harmless),    ROW("cookie", header_of_caller | header_fixed),
    ROW("expect", header_of_hop),      ROW("origin", header_of_caller | header_harmless),
    ROW("server", header_of_provider), ROW("x-host", header_of_caller),
};
static const struct header_row of_7[] = {
    ROW("alt-svc", header_of_provider),
    ROW("api-key", header_of_caller | header_fixed),
    ROW("baggage", header_harmless),
    ROW("cookie2", header_of_caller | header_fixed),
    ROW("referer", header_of_caller | header_harmless),
    ROW("trailer", header_of_hop),
    ROW("upgrade", header_of_hop),
    ROW("x-title", header_of_openai | header_harmless),
};
static const struct header_row of_8[] = {
    ROW("if-range", header_of_caller),
    ROW("location", header_of_provider),
    ROW("priority", header_harmless),
    ROW("x-method", header_of_caller),
};
static const struct header_row of_9[] = {
    ROW("forwarded", header_of_caller),
    ROW("report-to", header_of_provider),
    ROW("x-api-key", header_of_caller | header_fixed),
    ROW("x-real-ip", header_of_caller),
};
static const struct header_row of_10[] = {
    ROW("connection", header_of_hop),
    ROW("keep-alive", header_of_hop),
    ROW("request-id", header_returns),
    ROW("session-id", header_steers),
    ROW("session\177id", header_steers), /* session_id: as `_` becomes small */
    ROW("set-cookie", header_fixed),
    ROW("tracestate", header_harmless | header_steers),
    ROW("user-agent", header_of_caller | header_harmless),
    ROW("x-app-name", header_harmless),
};
static const struct header_row of_11[] = {
    ROW("api-version", header_harmless),
    ROW("openai-beta", header_of_openai | header_harmless),
    ROW("retry-after", header_returns),
    ROW("set-cookie2", header_fixed),
    ROW("traceparent", header_harmless | header_steers),
    ROW("x-client-ip", header_of_caller),
    ROW("x-forwarded", header_of_caller),
    ROW("x-ms-region", header_harmless),
    ROW("x-use-cache", header_harmless),
    ROW("x-weir-cost", header_steers | header_asks | header_tells),
    ROW("x-weir-tags", header_steers | header_asks),
};
static const struct header_row of_12[] = {
    ROW("content-type", header_of_caller | header_of_provider | header_fixed | header_harmless | header_steers),
    ROW("http-referer", header_of_openai | header_harmless),
    ROW("x-request-id", header_returns | header_harmless),
    ROW("x-weir-cache", header_steers | header_asks | header_tells),
    ROW("x-weir-error", header_tells),
    ROW("x-weir-model", header_tells),
};
static const struct header_row of_13[] = {
    ROW("authorization", header_of_caller | header_fixed),
    ROW("cache-control", header_harmless),
    ROW("x-client-name", header_harmless),
    ROW("x-http-method", header_of_caller),
    ROW("x-weir-stored", header_tells),
};
static const struct header_row of_14[] = {
    ROW("anthropic-beta", header_of_anthropic | header_harmless),
    ROW("content-length", header_of_hop),
    ROW("openai-project", header_harmless),
    ROW("openai-version", header_returns),
    ROW("retry-after-ms", header_returns),
    ROW("true-client-ip", header_of_caller),
    ROW("x-goog-api-key", header_of_caller | header_fixed),
    ROW("x-should-retry", header_returns),
    ROW("x-weir-changed", header_tells),
    ROW("x-weir-dropped", header_tells),
    ROW("x-weir-session", header_steers | header_asks),
    ROW("x-weir-targets", header_steers | header_asks),
};
static const struct header_row of_15[] = {
    ROW("accept-encoding", header_of_caller | header_fixed),
    ROW("accept-language", header_harmless),
    ROW("conversation\177id", header_steers), /* conversation_id */
    ROW("idempotency-key", header_of_openai),
    ROW("x-weir-attempts", header_tells),
    ROW("x-weir-fallback", header_tells),
    ROW("x-weir-provider", header_tells),
    ROW("x-weir-strategy", header_steers | header_asks),
};
static const struct header_row of_16[] = {
    ROW("cf-connecting-ip", header_of_caller),
    ROW("content-encoding", header_fixed),
    ROW("content-language", header_harmless),
    ROW("proxy-connection", header_of_hop),
    ROW("www-authenticate", header_of_provider | header_fixed),
    ROW("x-client-version", header_harmless),
    ROW("x-stainless-lang", header_harmless),
    ROW("x-wait-for-model", header_harmless),
    ROW("x-weir-cache-key", header_steers | header_asks),
    ROW("x-weir-cache-ttl", header_steers | header_asks),
    ROW("x-weir-cost-fees", header_tells),
    ROW("x-weir-estimated", header_tells),
    ROW("x-weir-simulated", header_tells),
    ROW("x-weir-tool-loop", header_tells),
};
static const struct header_row of_17[] = {
    ROW("anthropic-version", header_of_anthropic | header_harmless),
    ROW("transfer-encoding", header_of_hop),
    ROW("x-goog-api-client", header_harmless),
    ROW("x-method-override", header_of_caller),
    ROW("x-weir-cost-input", header_tells),
    ROW("x-weir-cost-tools", header_tells),
    ROW("x-weir-downgraded", header_tells),
    ROW("x-weir-request-id", header_asks | header_tells),
    ROW("x-weir-timeout-ms", header_steers | header_asks),
};
static const struct header_row of_18[] = {
    ROW("proxy-authenticate", header_fixed),
    ROW("x-weir-cost-cached", header_tells),
    ROW("x-weir-cost-output", header_tells),
    ROW("x-weir-overhead-us", header_tells),
    ROW("x-weir-unsupported", header_steers | header_asks),
};
static const struct header_row of_19[] = {
    ROW("content-disposition", header_returns),  ROW("openai-organization", header_harmless),
    ROW("proxy-authorization", header_fixed),    ROW("x-client-request-id", header_of_openai),
    ROW("x-goog-user-project", header_harmless), ROW("x-weir-cache-inputs", header_tells),
};
static const struct header_row of_20[] = {
    ROW("openai-processing-ms", header_returns),
};
static const struct header_row of_22[] = {
    ROW("x-http-method-override", header_of_caller),
};
static const struct header_row of_23[] = {
    ROW("x-weir-cache-similarity", header_tells),
};
static const struct header_row of_24[] = {
    ROW("x-claude-code-session-id", header_steers),
    ROW("x-weir-cost-cache-writes", header_tells),
};
static const struct header_row of_25[] = {
    ROW("strict-transport-security", header_of_provider),
};
static const struct header_row of_41[] = {
    ROW("anthropic-dangerous-direct-browser-access", header_harmless),
};

/* Beginnings: of all names that begin so, beside what their own row says. */
static const struct header_row from_a[] = {
    ROW("access-control-", header_of_provider),
};
static const struct header_row from_c[] = {
    ROW("cf-", header_of_provider),
};
static const struct header_row from_o[] = {
    ROW("ocp-apim-", header_of_caller),
};
static const struct header_row from_p[] = {
    ROW("proxy-", header_of_caller | header_of_provider),
};
static const struct header_row from_s[] = {
    ROW("set-cookie", header_of_provider),
};
static const struct header_row from_x[] = {
    ROW("x-forwarded-", header_of_caller),
    ROW("x-original-", header_of_caller),
    ROW("x-ratelimit-", header_returns),
    ROW("x-rewrite-", header_of_caller),
    ROW("x-weir-", header_of_caller | header_of_provider | header_fixed),
};

struct header_rows {
    const struct header_row *rows;
    size_t count;
};
#define LIST(rows) rows, sizeof rows / sizeof *rows

static const struct header_rows lengths[] = {
    [2] = {LIST(of_2)},   [3] = {LIST(of_3)},   [4] = {LIST(of_4)},   [5] = {LIST(of_5)},   [6] = {LIST(of_6)},
    [7] = {LIST(of_7)},   [8] = {LIST(of_8)},   [9] = {LIST(of_9)},   [10] = {LIST(of_10)}, [11] = {LIST(of_11)},
    [12] = {LIST(of_12)}, [13] = {LIST(of_13)}, [14] = {LIST(of_14)}, [15] = {LIST(of_15)}, [16] = {LIST(of_16)},
    [17] = {LIST(of_17)}, [18] = {LIST(of_18)}, [19] = {LIST(of_19)}, [20] = {LIST(of_20)}, [22] = {LIST(of_22)},
    [23] = {LIST(of_23)}, [24] = {LIST(of_24)}, [25] = {LIST(of_25)}, [41] = {LIST(of_41)},
};
static const struct header_rows letters[26] = {
    ['a' - 'a'] = {LIST(from_a)}, ['c' - 'a'] = {LIST(from_c)}, ['o' - 'a'] = {LIST(from_o)},
    ['p' - 'a'] = {LIST(from_p)}, ['s' - 'a'] = {LIST(from_s)}, ['x' - 'a'] = {LIST(from_x)},
};
enum { length_count = sizeof lengths / sizeof *lengths, letter_count = sizeof letters / sizeof *letters };

/* Eight bytes as one number, the first one lowest. */
static inline uint64_t header_eight(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* The same in small letters. Bit 5 is what tells capitals from them; in digits and `-` it is set already, and no
 * control character, which it would make one of them, stands in a name. */
static inline uint64_t header_small(const char *at) { return header_eight(at) | 0x2020202020202020; }

/* The first eight bytes in small letters, zeros behind. */
static inline uint64_t head_of(struct str name) {
    if (name.len >= 8) return header_small(name.at);
    uint64_t word = 0;
    for (size_t i = name.len; i > 0; i--) word = word << 8 | (unsigned char)(name.at[i - 1] | 0x20);
    return word;
}

/* The first eight bytes are the same: and those behind them? */
static bool header_goes_on(struct str name, const struct header_row *row) {
    for (size_t i = 8; i < row->len; i += 8) {
        size_t at = i + 8 <= row->len ? i : row->len - 8u;
        if (header_eight(row->name + at) != header_small(name.at + at)) return false;
    }
    return true;
}

unsigned header_uses(struct str name) {
    unsigned uses = 0;
    if (name.len == 0) return 0;
    const uint64_t head = head_of(name);
    if (name.len < length_count) {
        const struct header_row *row = lengths[name.len].rows, *end = row + lengths[name.len].count;
        while (row < end && (header_eight(row->name) != head || !header_goes_on(name, row))) row++;
        if (row < end) uses = row->uses;
    }
    const unsigned letter = (unsigned)(head & 0xff) - 'a';
    if (letter >= letter_count) return uses;
    const struct header_row *row = letters[letter].rows, *end = row + letters[letter].count;
    for (; row < end; row++) {
        const uint64_t mask = row->len < 8 ? ~(uint64_t)0 >> (8 * (8 - row->len)) : ~(uint64_t)0;
        if (((header_eight(row->name) ^ head) & mask) == 0 && row->len <= name.len && header_goes_on(name, row))
            uses |= row->uses;
    }
    return uses;
}

static bool header_has_mark(struct str name, const struct str *marks, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at + marks[i].len <= name.len; at++)
            if (str_eq_nocase(str_slice(name, at, at + marks[i].len), marks[i])) return true;
    return false;
}

bool header_may_be_credential(struct str name) {
    static const struct str marks[] = {STR("auth"),   STR("token"),  STR("api-key"),   STR("api_key"),
                                       STR("apikey"), STR("secret"), STR("credential")};
    return header_has_mark(name, marks, sizeof marks / sizeof *marks);
}

bool header_is_account(struct str name) {
    static const struct str marks[] = {STR("organization"), STR("project"), STR("account")};
    return header_has_mark(name, marks, sizeof marks / sizeof *marks);
}

bool header_names_row(size_t place, struct str *name, unsigned *uses, bool *whole) {
    for (size_t list = 0; list < length_count + letter_count; list++) {
        *whole = list < length_count;
        const struct header_rows at = *whole ? lengths[list] : letters[list - length_count];
        if (place >= at.count) {
            place -= at.count;
            continue;
        }
        *name = str_make(at.rows[place].name, at.rows[place].len);
        *uses = at.rows[place].uses;
        return true;
    }
    return false;
}
