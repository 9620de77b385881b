/* name.h - what may be the name of something of ours: it stands in paths, logs and lists as it is. Pure. */
#ifndef WEIR_BASE_NAME_H
#define WEIR_BASE_NAME_H

#include "base/str.h"

/* Of a provider, a client, a credential: letters, digits, `-`, `_` and `.`, limit_name of them at most. */
bool name_is_valid(struct str name);
/* Of a request, by whoever sends it: the same signs, limit_request_id of them at most. */
bool request_id_is_valid(struct str id);

#endif
