/* vectors.c - reading and writing lists of numbers. */
#include "dialect/vectors.h"

#include <string.h>

bool vector_is(const struct json_value *value) {
    size_t place = 0;
    if (json_kind(value) != json_array) return false;
    for (const struct json_value *at; (at = json_each(value, &place, NULL));)
        if (json_kind(at) != json_number) return false;
    return true;
}

bool vectors_read(const struct json_value *list, const char *member, struct arena *arena, struct embed_reply *reply) {
    size_t place = 0;
    if (json_kind(list) != json_array) return false;
    reply->vector_count = 0;
    reply->vectors = arena_take_zeroed(arena, (json_count(list) + 1) * sizeof *reply->vectors);
    if (!reply->vectors) return false;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        const struct json_value *vector = json_kind(at) == json_object && member ? json_member(at, member) : at;
        if (!vector_is(vector)) return false;
        struct str raw = json_raw(vector, arena);
        if (!raw.at) return false;
        reply->vectors[reply->vector_count++] = raw;
    }
    return true;
}

void vectors_put(struct text *text, const struct embed_reply *reply) {
    text_put_byte(text, '[');
    for (size_t i = 0; i < reply->vector_count; i++) {
        text_json_comma(text);
        text_put(text, reply->vectors[i]);
    }
    text_put_byte(text, ']');
}

size_t vectors_width(const struct embed_reply *reply) {
    struct str raw = reply->vector_count ? reply->vectors[0] : STR_NONE;
    bool any = false;
    size_t commas = 0;
    for (size_t i = 0; i < raw.len; i++) {
        any |= raw.at[i] >= '0' && raw.at[i] <= '9';
        commas += raw.at[i] == ',';
    }
    return any ? commas + 1 : 0;
}

void vector_base64_put(struct text *body, struct str raw) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char held[3];
    size_t have = 0;
    struct str rest = str_slice(raw, 1, raw.len - 1), number;
    text_put_byte(body, '"');
    while (str_split_next(&rest, ',', &number)) {
        double value = 0;
        str_to_double(str_trim(number), &value);
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        for (unsigned i = 0; i < 4; i++) {
            held[have++] = (unsigned char)(bits >> (8 * i));
            if (have < 3) continue;
            char out[] = {alphabet[held[0] >> 2], alphabet[(held[0] & 3) << 4 | held[1] >> 4],
                          alphabet[(held[1] & 15) << 2 | held[2] >> 6], alphabet[held[2] & 63]};
            text_put(body, str_make(out, 4));
            have = 0;
        }
    }
    if (have) {
        if (have < 2) held[1] = 0;
        char out[] = {alphabet[held[0] >> 2], alphabet[(held[0] & 3) << 4 | held[1] >> 4],
                      have == 2 ? alphabet[(held[1] & 15) << 2] : '=', '='};
        text_put(body, str_make(out, 4));
    }
    text_put_byte(body, '"');
}

/* 0..63, or -1. */
static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

struct str vector_from_base64(struct str base64, struct arena *arena) {
    struct text text = text_in_arena(arena, base64.len * 2 + 16);
    uint32_t held = 0, number = 0;
    unsigned digits = 0, bytes = 0;
    while (base64.len && base64.at[base64.len - 1] == '=') base64.len--;
    text_put_byte(&text, '[');
    for (size_t i = 0; i < base64.len; i++) {
        int digit = base64_digit(base64.at[i]);
        if (digit < 0) return STR_NONE;
        held = held << 6 | (uint32_t)digit;
        digits += 6;
        if (digits < 8) continue;
        digits -= 8;
        number |= (held >> digits & 0xff) << (8 * bytes++);
        if (bytes < 4) continue;
        float value;
        memcpy(&value, &number, sizeof value);
        if (value - value != 0) return STR_NONE; /* JSON has no infinities */
        text_json_comma(&text);
        text_printf(&text, "%.9g", (double)value);
        number = bytes = 0;
    }
    text_put_byte(&text, ']');
    return text.failed || bytes ? STR_NONE : text_str(&text);
}
