/* health_query.c - see health_query.h. */
#include "gateway/health_query.h"

#include "gateway/usage_query.h"

static bool health_pair_read(struct str name, struct str value, int64_t now_ms, struct health_asked *asked,
                             struct error *error) {
    uint64_t limit;
    if (str_eq(name, STR("since"))) return usage_time_read(name, value, now_ms, &asked->question.since_ms, error);
    if (str_eq(name, STR("until"))) return usage_time_read(name, value, now_ms, &asked->question.until_ms, error);
    if (str_eq(name, STR("provider")) && !asked->name[0] && value.len < sizeof asked->name &&
        str_find_byte(value, 0) == SIZE_MAX) {
        str_copy(asked->name, sizeof asked->name, value);
        return true;
    }
    if (str_eq(name, STR("limit"))) {
        bool fine = str_to_u64(value, &limit) && limit > 0 && limit <= ledger_health_most;
        if (fine) asked->question.most = (size_t)limit;
        return fine || error_set(error, error_invalid_request, "`limit` is a whole number from 1 to %d.",
                                 (int)ledger_health_most);
    }
    return error_set(error, error_invalid_request,
                     "`%.*s` is not understood: write provider, since, until or limit, each once.",
                     STR_ARG(str_slice(name, 0, 40)));
}

bool health_query_read(struct str name, struct str query, int64_t now_ms, struct health_asked *asked,
                       struct error *error) {
    struct str pair;
    char buffer[limit_model + 1];
    *asked = (struct health_asked){.question = {.most = ledger_health_usual}};
    if (name.len >= sizeof asked->name)
        return error_set(error, error_unknown_provider, "No provider has so long a name.");
    str_copy(asked->name, sizeof asked->name, name);
    while (query.len && str_split_next(&query, '&', &pair)) {
        struct str key = str_slice(pair, 0, str_find_byte(pair, '='));
        struct str raw = str_slice(pair, key.len + 1, pair.len);
        if (!pair.len) continue;
        if (raw.len >= sizeof buffer)
            return error_set(error, error_invalid_request, "`%.*s` is too long.", STR_ARG(str_slice(key, 0, 40)));
        if (!health_pair_read(key, str_percent_decode(raw, buffer, sizeof buffer), now_ms, asked, error)) return false;
    }
    asked->question.subject = str_from(asked->name);
    return true;
}
