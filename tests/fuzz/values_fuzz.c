/* values_fuzz.c - small readers with any bytes: networks, base64 (there and back), URLs, kinds of files, paths of
 * providers, decimals, days and hours of prices. */
#include <stdint.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/decimal.h"
#include "base/network.h"
#include "base/url.h"
#include "dialect/media.h"
#include "flight/flight_internal.h"
#include "snapshot/price_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A safe path has no way up, decoded once or not at all. */
static void way_up(struct str path, struct arena *arena) {
    struct text decoded = text_in_arena(arena, path.len + 1);
    struct str rest, segment;
    if (!url_path_stays(path)) return;
    for (size_t i = 0; i < path.len; i++) {
        unsigned byte = (unsigned char)path.at[i];
        if (byte == '%') {
            char digits[3] = {path.at[i + 1], path.at[i + 2], 0};
            byte = (unsigned)strtoul(digits, NULL, 16);
            i += 2;
        }
        if (byte == '\\' || byte <= 0x20) abort();
        text_put_byte(&decoded, (char)byte);
    }
    rest = text_str(&decoded);
    while (str_split_next(&rest, '/', &segment))
        if (str_eq(segment, STR(".")) || str_eq(segment, STR(".."))) abort();
}

/* Rounded up it is no less, and at most one more. */
static void money(struct str text) {
    struct price_row row = PRICE_ROW_ALWAYS;
    int64_t near, up, seconds;
    bool read = decimal_to_i64(text, 9, false, &near), reads_up = decimal_to_i64(text, 9, true, &up);
    if (read && reads_up && (near < 0 || up < near || up > near + 1)) abort();
    if (price_day_read(text, &seconds) && seconds % 86400 != 0) abort();
    if (price_hours_read(text, &row) && (row.from_minute >= 1440 || row.to_minute >= 1440)) abort();
    if (price_factor_read(text, &row) && (row.factor < 0 || row.decimals > price_factor_decimals)) abort();
    if (price_discount_read(text, &row) && (row.factor < 0 || row.factor > 1000)) abort();
    if (price_read(price_search, text, &near) && (near < 0 || near > price_most)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_make((const char *)data, size);
    struct arena arena;
    struct network network;
    struct url url;
    arena_init(&arena, 4096, 8 << 20);
    if (network_parse(text, &network) && !network_holds(&network, network.bytes, network.len)) abort();
    url_parse(text, &url);
    media_type(text, text);
    way_up(text, &arena);
    money(text);
    base64_read(text, &arena);
    struct text encoded = text_in_arena(&arena, 64);
    base64_put(&encoded, text);
    if (!encoded.failed && !str_eq(base64_read(text_str(&encoded), &arena), text)) abort();
    arena_free(&arena);
    return 0;
}
