/* base64.c - written by libsodium, in pieces that fit a small buffer. */
#include "base/base64.h"

#include <sodium.h>

enum { piece = 3 * 256 };

void base64_put(struct text *text, struct str bytes) {
    char out[sodium_base64_ENCODED_LEN(piece, sodium_base64_VARIANT_ORIGINAL)];
    for (size_t at = 0; at < bytes.len; at += piece) {
        struct str in = str_slice(bytes, at, at + piece);
        sodium_bin2base64(out, sizeof out, (const unsigned char *)in.at, in.len, sodium_base64_VARIANT_ORIGINAL);
        text_put(text, str_make(out, (in.len + 2) / 3 * 4));
    }
}

/* 0..63, or -1. */
static int digit_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* By hand: libsodium refuses a last digit whose spare bits are not zero, and a credential may be written so. */
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

struct str base64url_read(struct str text, struct arena *arena) {
    size_t room = text.len / 4 * 3 + 3, len = 0;
    unsigned char *bytes = arena_take(arena, room);
    bool good = bytes && sodium_base642bin(bytes, room, text.at ? text.at : "", text.len, NULL, &len, NULL,
                                           sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
    return good ? str_make((char *)bytes, len) : STR_NONE;
}
