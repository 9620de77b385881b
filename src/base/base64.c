/* base64.c - three bytes are four digits. */
#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct text *text, struct str bytes) {
    const unsigned char *at = (const unsigned char *)bytes.at;
    char out[4 * 256];
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t rest = bytes.len - i;
        uint32_t group =
            (uint32_t)at[i] << 16 | (uint32_t)(rest > 1 ? at[i + 1] : 0) << 8 | (uint32_t)(rest > 2 ? at[i + 2] : 0);
        out[len++] = digits[group >> 18];
        out[len++] = digits[group >> 12 & 63];
        out[len++] = rest > 1 ? digits[group >> 6 & 63] : '=';
        out[len++] = rest > 2 ? digits[group & 63] : '=';
        if (len < sizeof out && rest > 3) continue;
        text_put(text, str_make(out, len));
        len = 0;
    }
}

/* 0..63, or -1. */
static int digit_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

struct str base64_read(struct str text, struct arena *arena) {
    while (text.len && text.at[text.len - 1] == '=') text.len--;
    char *bytes = text.len % 4 == 1 ? NULL : arena_take(arena, text.len / 4 * 3 + 3);
    uint32_t held = 0;
    unsigned bits = 0;
    size_t len = 0;
    if (!bytes) return STR_NONE;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.at[i]);
        if (digit < 0) return STR_NONE;
        held = held << 6 | (uint32_t)digit;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes[len++] = (char)(held >> bits & 0xff);
    }
    return str_make(bytes, len);
}
