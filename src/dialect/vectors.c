/* vectors.c - reading and writing lists of numbers. */
#include "dialect/vectors.h"

#include <string.h>

#include "base/base64.h"

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
    unsigned char bytes[3 * 256]; /* a multiple of three: pieces follow one another without padding */
    size_t len = 0;
    struct str rest = str_slice(raw, 1, raw.len - 1), number;
    text_put_byte(body, '"');
    while (str_split_next(&rest, ',', &number)) {
        double value = 0;
        str_to_double(str_trim(number), &value);
        float narrow = (float)value;
        memcpy(bytes + len, &narrow, sizeof narrow); /* of a little-endian machine, as all that weir runs on are */
        len += sizeof narrow;
        if (len < sizeof bytes) continue;
        base64_put(body, str_make((char *)bytes, len));
        len = 0;
    }
    base64_put(body, str_make((char *)bytes, len));
    text_put_byte(body, '"');
}

struct str vector_from_base64(struct str base64, struct arena *arena) {
    struct str bytes = base64_read(base64, arena);
    struct text text = text_in_arena(arena, base64.len * 2 + 16);
    if (!bytes.at || bytes.len % sizeof(float)) return STR_NONE;
    text_put_byte(&text, '[');
    for (size_t i = 0; i < bytes.len; i += sizeof(float)) {
        float value;
        memcpy(&value, bytes.at + i, sizeof value);
        if (value - value != 0) return STR_NONE; /* JSON has no infinities */
        text_json_comma(&text);
        text_printf(&text, "%.9g", (double)value);
    }
    text_put_byte(&text, ']');
    return text.failed ? STR_NONE : text_str(&text);
}
