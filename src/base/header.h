/* header.h - a header line and a method, as every layer says them. */
#ifndef WEIR_BASE_HEADER_H
#define WEIR_BASE_HEADER_H

#include "base/str.h"

enum http_method { http_get, http_head, http_post, http_put, http_delete, http_patch, http_options, http_methods };

struct http_header {
    struct str name;  /* as received; compare with str_eq_nocase */
    struct str value; /* without blanks at its ends */
};

/* The value of the first header of this name, or an empty range. */
struct str http_header_find(const struct http_header *headers, size_t count, struct str name);

#endif
