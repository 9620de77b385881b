/* header.c - looking a header line up. Lists are short: a walk is the fastest table. */
#include "base/header.h"

struct str http_header_find(const struct http_header *headers, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(headers[i].name, name)) return headers[i].value;
    return STR_NONE;
}
