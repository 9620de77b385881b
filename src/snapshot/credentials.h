/* credentials.h - what a provider is sent that nobody else may see. Made with the snapshot, then only read. */
#ifndef WEIR_SNAPSHOT_CREDENTIALS_H
#define WEIR_SNAPSHOT_CREDENTIALS_H

#include "base/header.h"
#include "base/mask.h"

struct credentials {
    const struct mask *anywhere; /* of mask_shortest_anywhere bytes and more: looked for in all that comes back; NULL:
                                    there are none */
    const struct mask *in_words; /* shorter ones too: in heads, errors and what is logged */
};

/* From the keys, the configuration's own headers (but for those that are known to be no secret) and the proxy's user
 * and password. The masks' memory is `secrets`'. false: out of memory. */
bool credentials_make(const struct str *keys, size_t key_count, const struct http_header *headers, size_t header_count,
                      struct str proxy, struct arena *secrets, struct credentials *credentials)
    __attribute__((warn_unused_result));

#endif
