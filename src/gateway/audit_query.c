/* audit_query.c - see audit_query.h. */
#include "gateway/audit_query.h"

#include "gateway/usage_query.h"

enum { audit_rows_usual = 1000 };

static bool audit_number_read(struct str name, struct str text, int64_t most, int64_t *number, struct error *error) {
    uint64_t value;
    bool fine = str_to_u64(text, &value) && value > 0 && value <= (uint64_t)most;
    if (fine) *number = (int64_t)value;
    return fine || error_set(error, error_invalid_request, "`%.*s` is a whole number from 1 to %lld.", STR_ARG(name),
                             (long long)most);
}

static bool audit_list_pair(struct str name, struct str value, int64_t now_ms, struct audit_question *question,
                            struct error *error) {
    if (str_eq(name, STR("since"))) return usage_time_read(name, value, now_ms, &question->since_ms, error);
    if (str_eq(name, STR("until"))) return usage_time_read(name, value, now_ms, &question->until_ms, error);
    if (str_eq(name, STR("before"))) return audit_number_read(name, value, INT64_MAX, &question->before, error);
    if (str_eq(name, STR("limit"))) return audit_number_read(name, value, audit_rows_most, &question->limit, error);
    question->csv = str_eq(value, STR("csv"));
    if (str_eq(name, STR("format")) && (question->csv || str_eq(value, STR("json")))) return true;
    return error_set(error, error_invalid_request,
                     "`%.*s` is not understood: write since, until, before, limit, or format (json, csv).",
                     STR_ARG(str_slice(name, 0, 40)));
}

static bool audit_pair_read(struct str name, struct str value, int64_t now_ms, struct audit_asked *asked,
                            struct error *error) {
    if (asked->wish == audit_wish_list) return audit_list_pair(name, value, now_ms, &asked->question, error);
    asked->has_head = asked->wish == audit_wish_verify && str_eq(name, STR("head"));
    return (asked->has_head && hash_from_hex(value, &asked->head)) ||
           error_set(error, error_invalid_request,
                     asked->has_head ? "`head` is 64 hexadecimal digits, as `weir audit head` said them."
                                     : "`%.*s` is not understood: verify takes `head`, and head takes nothing.",
                     STR_ARG(str_slice(name, 0, 40)));
}

bool audit_query_read(struct str wish, struct str query, int64_t now_ms, struct audit_asked *asked,
                      struct error *error) {
    struct str pair;
    char buffer[256];
    *asked = (struct audit_asked){.wish = str_eq(wish, STR("verify")) ? audit_wish_verify
                                          : str_eq(wish, STR("head")) ? audit_wish_head
                                                                      : audit_wish_list,
                                  .question = {.limit = audit_rows_usual}};
    if (wish.len && asked->wish == audit_wish_list)
        return error_set(error, error_unknown_path,
                         "There is nothing at this path: /admin/v1/audit, /admin/v1/audit/head and "
                         "/admin/v1/audit/verify are what there is.");
    while (query.len && str_split_next(&query, '&', &pair)) {
        struct str name = str_slice(pair, 0, str_find_byte(pair, '='));
        struct str raw = str_slice(pair, name.len + 1, pair.len);
        if (!pair.len) continue;
        if (raw.len >= sizeof buffer)
            return error_set(error, error_invalid_request, "`%.*s` is too long.", STR_ARG(str_slice(name, 0, 40)));
        if (!audit_pair_read(name, str_percent_decode(raw, buffer, sizeof buffer), now_ms, asked, error)) return false;
    }
    return true;
}

bool audit_asked_answer(const struct audit_asked *asked, struct ledger *ledger, struct text *text) {
    struct audit_verdict verdict;
    if (asked->wish == audit_wish_head) return audit_head_write(ledger, text);
    if (asked->wish == audit_wish_list) return audit_write(ledger, &asked->question, text);
    if (!audit_verify(ledger, asked->has_head ? &asked->head : NULL, &verdict)) return false;
    audit_verdict_write(&verdict, text);
    return !text->failed;
}
