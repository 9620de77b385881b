/* header.h - a header line, as every layer says it. */
#ifndef WEIR_BASE_HEADER_H
#define WEIR_BASE_HEADER_H

#include "base/str.h"

struct http_header {
    struct str name;  /* as received; compare with str_eq_nocase */
    struct str value; /* without blanks at its ends */
};

/* The value of the first header of this name, or an empty range. */
struct str http_header_find(const struct http_header *headers, size_t count, struct str name);

#endif
