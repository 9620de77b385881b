/* endpoint.c - the table behind endpoint.h. */
#include "dialect/endpoint.h"

#include "base/check.h"

static const struct endpoint_facts facts[endpoints] = {
#define X(label, speaks, asks, where, sent, answered, streamed)                                                        \
    [endpoint_##                                                                                                       \
        label] = {{#label, sizeof #label - 1}, dialect_##speaks,          operation_##asks, {where, sizeof where - 1}, \
                  endpoint_body_##sent,        endpoint_reply_##answered, streamed},
    ENDPOINT_TABLE(X)
#undef X
};

const struct endpoint_facts *endpoint_facts(enum endpoint endpoint) {
    CHECKF((unsigned)endpoint < endpoints, "endpoint=%d", (int)endpoint);
    return &facts[endpoint];
}

/* Where `{model}` stands there is anything but nothing; a method's colon is the last one. */
static bool endpoint_matches(struct str pattern, struct str path, struct str *model) {
    size_t open = str_find_byte(pattern, '{');
    if (open == SIZE_MAX) return str_eq(pattern, path);
    struct str before = str_slice(pattern, 0, open),
               after = str_slice(pattern, str_find_byte(pattern, '}') + 1, pattern.len);
    if (!str_starts(path, before)) { /* Gemini's own version 1 */
        if (!str_starts(path, STR("/v1/models/"))) return false;
        before = STR("/v1/models/");
    }
    if (path.len <= before.len + after.len || !str_ends(path, after)) return false;
    *model = str_slice(path, before.len, path.len - after.len);
    return true;
}

bool endpoint_find(struct str path, enum endpoint *endpoint, struct str *model) {
    struct str below = str_starts(path, STR("/v1/")) ? str_slice(path, 3, path.len) : path, ignored;
    if (!model) model = &ignored;
    for (unsigned i = 0; i < endpoints; i++) {
        bool whole = facts[i].dialect == dialect_anthropic || facts[i].dialect == dialect_gemini;
        *model = STR("");
        if (i == endpoint_raw) continue;
        if (!endpoint_matches(facts[i].path, whole ? path : below, model)) continue;
        *endpoint = (enum endpoint)i;
        return true;
    }
    return false;
}
