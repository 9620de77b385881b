/* endpoint.c - the table behind endpoint.h. */
#include "dialect/endpoint.h"

#include "base/check.h"

static const struct endpoint_facts facts[endpoints] = {
#define X(label, where, sent, answered, streamed)      \
    [endpoint_##label] = {{#label, sizeof #label - 1}, \
                          {where, sizeof where - 1},   \
                          endpoint_body_##sent,        \
                          endpoint_reply_##answered,   \
                          streamed},
    ENDPOINT_TABLE(X)
#undef X
};

const struct endpoint_facts *endpoint_facts(enum endpoint endpoint) {
    CHECKF((unsigned)endpoint < endpoints, "endpoint=%d", (int)endpoint);
    return &facts[endpoint];
}

bool endpoint_find(struct str path, enum endpoint *endpoint) {
    if (str_starts(path, STR("/v1/"))) path = str_slice(path, 3, path.len);
    for (unsigned i = 0; i < endpoints; i++)
        if (str_eq(path, facts[i].path)) {
            *endpoint = (enum endpoint)i;
            return true;
        }
    return false;
}
