/* header_names.c - the table, by name, and the index by which a name is found in it: made when the program or the
 * library is loaded, only read from then on. A look-up compares one row, and those that are the beginning of names. */
#include "base/header_names.h"

#include <string.h>

struct header_row {
    char name[44]; /* small letters; `*` at its end: any name that begins so */
    unsigned char len, whole;
    unsigned short uses;
    uint64_t head, mask; /* its first eight bytes as a number, and which of them it has; made */
};
#define ROW(name, uses) \
    { name, sizeof name - 1, 0, uses, 0, 0 }

static struct header_row rows[] = {
    ROW("accept", header_harmless),
    ROW("accept-encoding", header_of_caller | header_fixed),
    ROW("accept-language", header_harmless),
    ROW("access-control-*", header_of_provider),
    ROW("alt-svc", header_of_provider),
    ROW("anthropic-beta", header_of_anthropic | header_harmless),
    ROW("anthropic-dangerous-direct-browser-access", header_harmless),
    ROW("anthropic-version", header_of_anthropic | header_harmless),
    ROW("api-key", header_of_caller | header_fixed),
    ROW("api-version", header_harmless),
    ROW("authorization", header_of_caller | header_fixed),
    ROW("baggage", header_harmless),
    ROW("cache-control", header_harmless),
    ROW("cf-*", header_of_provider),
    ROW("cf-connecting-ip", header_of_caller),
    ROW("connection", header_of_hop),
    ROW("content-disposition", header_returns),
    ROW("content-encoding", header_fixed),
    ROW("content-language", header_harmless),
    ROW("content-length", header_of_hop),
    ROW("content-type", header_of_caller | header_of_provider | header_fixed | header_harmless | header_steers),
    ROW("cookie", header_of_caller | header_fixed),
    ROW("cookie2", header_of_caller | header_fixed),
    ROW("date", header_of_provider),
    ROW("expect", header_of_hop),
    ROW("forwarded", header_of_caller),
    ROW("host", header_of_hop),
    ROW("http-referer", header_of_openai | header_harmless),
    ROW("idempotency-key", header_of_openai),
    ROW("if-range", header_of_caller),
    ROW("keep-alive", header_of_hop),
    ROW("location", header_of_provider),
    ROW("nel", header_of_provider),
    ROW("ocp-apim-*", header_of_caller),
    ROW("openai-beta", header_of_openai | header_harmless),
    ROW("openai-organization", header_harmless),
    ROW("openai-processing-ms", header_returns),
    ROW("openai-project", header_harmless),
    ROW("openai-version", header_returns),
    ROW("origin", header_of_caller | header_harmless),
    ROW("priority", header_harmless),
    ROW("proxy-*", header_of_caller | header_of_provider),
    ROW("proxy-authenticate", header_fixed),
    ROW("proxy-authorization", header_fixed),
    ROW("proxy-connection", header_of_hop),
    ROW("range", header_of_caller),
    ROW("referer", header_of_caller | header_harmless),
    ROW("report-to", header_of_provider),
    ROW("request-id", header_returns),
    ROW("retry-after", header_returns),
    ROW("retry-after-ms", header_returns),
    ROW("server", header_of_provider),
    ROW("set-cookie", header_fixed),
    ROW("set-cookie*", header_of_provider),
    ROW("set-cookie2", header_fixed),
    ROW("strict-transport-security", header_of_provider),
    ROW("te", header_of_hop),
    ROW("traceparent", header_harmless),
    ROW("trailer", header_of_hop),
    ROW("transfer-encoding", header_of_hop),
    ROW("true-client-ip", header_of_caller),
    ROW("upgrade", header_of_hop),
    ROW("user-agent", header_of_caller | header_harmless),
    ROW("via", header_of_caller),
    ROW("www-authenticate", header_of_provider | header_fixed),
    ROW("x-api-key", header_of_caller | header_fixed),
    ROW("x-app-name", header_harmless),
    ROW("x-client-ip", header_of_caller),
    ROW("x-client-name", header_harmless),
    ROW("x-client-request-id", header_of_openai),
    ROW("x-client-version", header_harmless),
    ROW("x-forwarded", header_of_caller),
    ROW("x-forwarded-*", header_of_caller),
    ROW("x-goog-api-client", header_harmless),
    ROW("x-goog-api-key", header_of_caller | header_fixed),
    ROW("x-goog-user-project", header_harmless),
    ROW("x-host", header_of_caller),
    ROW("x-http-method", header_of_caller),
    ROW("x-http-method-override", header_of_caller),
    ROW("x-method", header_of_caller),
    ROW("x-method-override", header_of_caller),
    ROW("x-ms-region", header_harmless),
    ROW("x-original-*", header_of_caller),
    ROW("x-ratelimit-*", header_returns),
    ROW("x-real-ip", header_of_caller),
    ROW("x-request-id", header_returns | header_harmless),
    ROW("x-rewrite-*", header_of_caller),
    ROW("x-should-retry", header_returns),
    ROW("x-stainless-lang", header_harmless),
    ROW("x-title", header_of_openai | header_harmless),
    ROW("x-use-cache", header_harmless),
    ROW("x-wait-for-model", header_harmless),
    ROW("x-weir-*", header_of_caller | header_of_provider | header_fixed),
    ROW("x-weir-attempts", header_tells),
    ROW("x-weir-cost", header_tells),
    ROW("x-weir-dropped", header_tells),
    ROW("x-weir-estimated", header_tells),
    ROW("x-weir-model", header_tells),
    ROW("x-weir-overhead-us", header_tells),
    ROW("x-weir-provider", header_tells),
    ROW("x-weir-request-id", header_asks | header_tells),
    ROW("x-weir-session", header_steers | header_asks),
    ROW("x-weir-stored", header_tells),
    ROW("x-weir-strategy", header_steers | header_asks),
    ROW("x-weir-tags", header_steers | header_asks),
    ROW("x-weir-targets", header_steers | header_asks),
    ROW("x-weir-timeout-ms", header_steers | header_asks),
};
enum { row_count = sizeof rows / sizeof *rows, slot_count = 512, letter_count = 26 };

static unsigned char slots[slot_count]; /* a row's place + 1, at its hash or behind it; 0: none */
static struct { unsigned char first, end; /* the beginnings of this letter, in `beginnings` */ } letters[letter_count];
static unsigned char beginnings[row_count];

/* Eight bytes as one number, the first one lowest. */
static uint64_t header_eight(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* The same in small letters. Bit 5 is what tells capitals from them; in digits and `-` it is set already, and no
 * control character, which it would make one of them, stands in a name. */
static uint64_t header_small(const char *at) { return header_eight(at) | 0x2020202020202020; }

/* The first eight bytes in small letters, zeros behind. */
static uint64_t head_of(struct str name) {
    if (name.len >= 8) return header_small(name.at);
    uint64_t word = 0;
    for (size_t i = name.len; i > 0; i--) word = word << 8 | (unsigned char)(name.at[i - 1] | 0x20);
    return word;
}

/* From the first and the last eight bytes and the length. */
static unsigned slot_of(struct str name, uint64_t head) {
    uint64_t tail = name.len < 8 ? 0 : header_small(name.at + name.len - 8);
    return (unsigned)(((head ^ (tail * 0x9e3779b97f4a7c15) ^ name.len) * 0xbf58476d1ce4e5b9) >> 55);
}

static bool header_begins(struct str name, uint64_t head, const struct header_row *row) {
    if ((row->head ^ head) & row->mask) return false;
    for (size_t i = 8; i < row->len; i += 8) {
        size_t at = i + 8 <= row->len ? i : row->len - 8u;
        if (header_eight(row->name + at) != header_small(name.at + at)) return false;
    }
    return true;
}

__attribute__((constructor)) static void header_index_make(void) {
    size_t count = 0;
    for (size_t i = 0; i < row_count; i++) {
        struct header_row *row = &rows[i];
        const unsigned letter = (unsigned char)row->name[0] - 'a';
        row->whole = row->name[row->len - 1] != '*';
        if (!row->whole) row->name[--row->len] = 0;
        const struct str name = str_make(row->name, row->len);
        row->head = head_of(name);
        row->mask = row->len < 8 ? ~(uint64_t)0 >> (8 * (8 - row->len)) : ~(uint64_t)0;
        if (!row->whole) {
            if (letters[letter].end == 0) letters[letter].first = (unsigned char)count;
            beginnings[count++] = (unsigned char)i;
            letters[letter].end = (unsigned char)count;
            continue;
        }
        unsigned slot = slot_of(name, row->head);
        while (slots[slot]) slot = (slot + 1) % slot_count;
        slots[slot] = (unsigned char)(i + 1);
    }
}
_Static_assert(row_count < 255 && row_count * 2 < slot_count, "the index is too small");

unsigned header_uses(struct str name) {
    unsigned uses = 0;
    if (name.len == 0) return 0;
    const uint64_t head = head_of(name);
    for (unsigned slot = slot_of(name, head); slots[slot]; slot = (slot + 1) % slot_count) {
        const struct header_row *row = &rows[slots[slot] - 1];
        if (row->len != name.len || !header_begins(name, head, row)) continue;
        uses = row->uses;
        break;
    }
    const unsigned letter = (unsigned)(head & 0xff) - 'a';
    if (letter >= letter_count) return uses;
    for (size_t i = letters[letter].first; i < letters[letter].end; i++) {
        const struct header_row *row = &rows[beginnings[i]];
        if (row->len <= name.len && header_begins(name, head, row)) uses |= row->uses;
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
    if (place >= row_count) return false;
    *name = str_make(rows[place].name, rows[place].len);
    *uses = rows[place].uses;
    *whole = rows[place].whole;
    return true;
}
