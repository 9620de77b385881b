/* prefix_fuzz.c - a body's beginning, whatever the body: read within its bounds, a lifetime within a day, the same each
 * time. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/cache_miss.h"
#include "dialect/prefix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = str_make((const char *)data, size);
    struct prompt_prefix prefix = prompt_prefix_read(body), again = prompt_prefix_read(body);
    if (prefix.lifetime_s > prefix_lifetime_most_s) abort();
    if (prefix.hash != again.hash || prefix.marked != again.marked || prefix.lifetime_s != again.lifetime_s) abort();
    struct meter meter = {.said = false};
    cache_miss_read(body, &meter);
    if (meter.miss >= cache_misses || meter.said) abort();
    return 0;
}
