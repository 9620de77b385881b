/* values_fuzz.c - small readers with any bytes: networks, base64 (there and back), URLs, kinds of files. */
#include <stdint.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/network.h"
#include "base/url.h"
#include "dialect/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_make((const char *)data, size);
    struct arena arena;
    struct network network;
    struct url url;
    arena_init(&arena, 4096, 8 << 20);
    if (network_parse(text, &network) && !network_holds(&network, network.bytes, network.len)) abort();
    url_parse(text, &url);
    media_type(text, text);
    base64_read(text, &arena);
    struct text encoded = text_in_arena(&arena, 64);
    base64_put(&encoded, text);
    if (!encoded.failed && !str_eq(base64_read(text_str(&encoded), &arena), text)) abort();
    arena_free(&arena);
    return 0;
}
