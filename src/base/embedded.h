/* embedded.h - files of the source tree that are compiled in, packed (scripts/embed). */
#ifndef WEIR_BASE_EMBEDDED_H
#define WEIR_BASE_EMBEDDED_H

#include <pthread.h>
#include <stddef.h>

#include "base/str.h"

/* What scripts/embed writes; embedded_text alone reads it. */
struct embedded {
    const unsigned char *packed;
    size_t packed_len;
    char *text; /* room for len bytes and a NUL */
    size_t len;
    pthread_mutex_t unpacking;
    bool unpacked;
};
extern struct embedded embedded_catalog_built_in_jsonl, embedded_web_index_html;

/* Its text, NUL-ended behind its length, for the life of the process: unpacked when it is first asked for (zlib format,
 * RFC 1950). {NULL,0}: no memory. Any thread. */
struct str embedded_text(struct embedded *file);

#endif
