/* alike_fuzz.c - two texts of any bytes: judged, either way about alike; each is the same as itself; and one that has a
 * word more, which no table knows, is another. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/alike.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char more[8192];
    const char *bytes = (const char *)data;
    const void *cut = size ? memchr(bytes, '\n', size) : NULL;
    const size_t first = cut ? (size_t)((const char *)cut - bytes) : size / 2;
    const struct str one = str_make(bytes, first), other = str_make(bytes + first, size - first);
    must((alike_judge(one, other) == alike_same) == (alike_judge(other, one) == alike_same));
    must(alike_judge(one, one) == alike_same);
    double share = alike_share(one, other);
    must(share >= 0 && share <= 1);
    if (one.len > sizeof more - 16) return 0;
    memcpy(more, one.at, one.len);
    memcpy(more + one.len, " zyxgloop", 9);
    must(alike_judge(one, str_make(more, one.len + 9)) != alike_same);
    return 0;
}
