/* zone_fuzz.c - time zone data with any bytes: what is read has changes that rise, and days that follow each other. */
#include <stdint.h>
#include <stdlib.h>

#include "config/config_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct zone zone;
    arena_init(&arena, 4096, 8 << 20);
    if (zone_parse(str_make((const char *)data, size), &arena, &zone)) {
        for (size_t i = 1; i < zone.count; i++)
            if (zone.changes[i].from_s <= zone.changes[i - 1].from_s) abort();
        struct window_span span = window_span(window_day, &zone, 1700000000);
        for (int i = 0; i < 800; i++) {
            struct window_span next = window_span(window_day, &zone, span.end_s);
            if (next.start_s != span.end_s || next.end_s <= next.start_s) abort();
            span = next;
        }
        window_span(window_month, &zone, 1700000000);
    }
    arena_free(&arena);
    return 0;
}
