/* name.c - see name.h. */
#include "base/name.h"

#include "base/limits.h"

#define SIGNS_OF_NAMES "-_."

bool name_is_valid(struct str name) {
    return name.len > 0 && name.len <= limit_name && str_is_alnum(name, SIGNS_OF_NAMES);
}

bool request_id_is_valid(struct str id) {
    return id.len > 0 && id.len <= limit_request_id && str_is_alnum(id, SIGNS_OF_NAMES);
}
