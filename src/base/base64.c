/* base64.c - libsodium's, in pieces that fit a small buffer. */
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

struct str base64_read(struct str text, struct arena *arena) {
    while (text.len && text.at[text.len - 1] == '=') text.len--;
    size_t size = text.len / 4 * 3 + 3, len = 0;
    char *bytes = arena_take(arena, size);
    if (!bytes || sodium_base642bin((unsigned char *)bytes, size, text.at, text.len, NULL, &len, NULL,
                                    sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return STR_NONE;
    return str_make(bytes, len);
}
