/* names_fuzz.c - what a body names, in every dialect, with any bytes: what it tells lies within the body, and good JSON
 * is read to its end. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_within(struct str part, struct str whole) {
    if (part.len && (part.at < whole.at || part.at + part.len > whole.at + whole.len)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = str_make((const char *)data, size);
    for (unsigned d = 0; d < dialects; d++) {
        struct names names;
        struct name name;
        size_t count = 0;
        names_begin(&names, body, (enum dialect)d);
        while (names_next(&names, &name)) {
            is_within(name.member, body);
            is_within(name.value, body);
            if (++count > size) abort();
        }
    }
    return 0;
}
