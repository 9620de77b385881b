/* first_link.c - see first_link.h. */
#include "cli/first_link.h"

#include <string.h>

#include "base/memory.h"

static const uint64_t ns_per_s = 1000000000;

void first_link_make(struct first_link *link, uint64_t now_ns, char code[first_link_code_len + 1]) {
    unsigned char bytes[first_link_code_len / 2];
    random_bytes(bytes, sizeof bytes);
    hash_to_hex(bytes, sizeof bytes, code);
    code[first_link_code_len] = 0;
    memory_wipe(bytes, sizeof bytes);
    *link = (struct first_link){.hash = hash_sha256(str_make(code, first_link_code_len)),
                                .until_ns = now_ns + first_link_lasts_s * ns_per_s};
}

bool first_link_use(struct first_link *link, struct str code, uint64_t now_ns) {
    if (!link->until_ns || now_ns >= link->until_ns || code.len != first_link_code_len) return false;
    struct sha256 hash = hash_sha256(code);
    if (!hash_equal(&hash, &link->hash)) return false;
    link->until_ns = 0;
    return true;
}
