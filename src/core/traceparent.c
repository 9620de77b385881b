/* traceparent.c - see traceparent.h. */
#include "core/traceparent.h"

#include <string.h>

/* Only digits in small letters, and not all of them 0. */
static bool trace_is_id(struct str digits) {
    unsigned others = 0, some = 0;
    for (size_t i = 0; i < digits.len; i++) { /* no branch: ids are short, and nearly all of them good */
        const unsigned c = (unsigned char)digits.at[i];
        others |= (unsigned)(c - '0' > 9) & (unsigned)(c - 'a' > 5);
        some |= c ^ '0';
    }
    return !others && some;
}

/* Two digits in small letters; -1: they are none. */
static int trace_byte(const char *at) {
    int high = str_hex_digit(at[0]), low = str_hex_digit(at[1]);
    bool capital = (at[0] >= 'A' && at[0] <= 'F') || (at[1] >= 'A' && at[1] <= 'F');
    return high < 0 || low < 0 || capital ? -1 : high << 4 | low;
}

bool traceparent_read(struct str text, struct traceparent *read) {
    enum { trace_at = 3, parent_at = 36, flags_at = 53, no_version = 0xff };
    if (text.len < traceparent_len) return false;
    if (text.at[trace_at - 1] != '-' || text.at[parent_at - 1] != '-' || text.at[flags_at - 1] != '-') return false;
    int version = trace_byte(text.at), flags = trace_byte(text.at + flags_at);
    if (version < 0 || version == no_version || flags < 0) return false;
    if (text.len > traceparent_len && (version == 0 || text.at[traceparent_len] != '-')) return false;
    struct str trace = str_make(text.at + trace_at, trace_id_digits),
               parent = str_make(text.at + parent_at, span_id_digits);
    if (!trace_is_id(trace) || !trace_is_id(parent)) return false;
    *read = (struct traceparent){.trace = trace, .parent = parent, .sampled = flags & 1};
    return true;
}

static void trace_digits(uint64_t value, char *into, size_t count) {
    static const char hex[] = "0123456789abcdef";
    for (size_t i = count; i > 0; i--, value >>= 4) into[i - 1] = hex[value & 15];
}

void trace_span_digits(uint64_t span, char into[span_id_digits]) { trace_digits(span, into, span_id_digits); }

void traceparent_write(struct str trace, uint64_t span, bool sampled, char into[traceparent_len]) {
    memcpy(into, "00-", 3);
    memcpy(into + 3, trace.at, trace_id_digits);
    into[35] = '-';
    trace_span_digits(span, into + 36);
    memcpy(into + 52, sampled ? "-01" : "-00", 3);
}

/* splitmix64's last step: each bit of the number changes about half of the others. */
static uint64_t trace_mix(uint64_t z) {
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void trace_id_of(struct str own_id, char into[trace_id_digits]) {
    enum { digits = 24 };
    struct str own = own_id.len > digits ? str_slice(own_id, own_id.len - digits, own_id.len) : STR("-");
    memcpy(into, "77656972", 8); /* "weir" */
    if (trace_is_id(own)) {
        memcpy(into + 8, own.at, digits);
    } else {
        uint64_t hash = str_hash(own_id);
        trace_digits(trace_mix(hash + 1), into + 8, 8);
        trace_digits(trace_mix(hash), into + 16, 16);
    }
}

uint64_t trace_span(struct str own_id, unsigned number) {
    uint64_t span = trace_mix(str_hash(own_id) + (number + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15));
    return span ? span : 1;
}

bool trace_is_among(struct str trace, double share) {
    enum { drawn = 14 };
    uint64_t value = 0;
    for (size_t i = trace.len - drawn; i < trace.len; i++) value = value << 4 | (uint64_t)str_hex_digit(trace.at[i]);
    return (double)value < share * 72057594037927936.0; /* 2^56 */
}

bool tracestate_is_fit(struct str state) {
    if (state.len > tracestate_most) return false;
    for (size_t i = 0; i < state.len; i++)
        if ((unsigned char)state.at[i] < ' ' || (unsigned char)state.at[i] > '~') return false;
    return true;
}
