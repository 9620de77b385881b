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
extern struct embedded embedded_catalog_built_in_jsonl;

/* What the page is made of: the files of web/, and the library of charts that the build found. */
struct embedded_page {
    struct str name;         /* "index.html" */
    struct str content_type; /* by the end of its name */
    struct str mark;         /* of its bytes, as an ETag, weak as they go out packed or not: W/"0123456789abcdef" */
    struct embedded *file;
};
extern const struct embedded_page embedded_pages[];
extern const size_t embedded_page_count;
/* NULL: there is none of that name. */
const struct embedded_page *embedded_page_named(struct str name);

/* Its text, NUL-ended behind its length, for the life of the process: unpacked when it is first asked for (gzip
 * format, RFC 1952). {NULL,0}: no memory. Any thread. */
struct str embedded_text(struct embedded *file);
/* As it is compiled in, in gzip's format. */
struct str embedded_packed(const struct embedded *file);

#endif
