/* requests_query.c - see requests_query.h. */
#include "gateway/requests_query.h"

#include "base/decimal.h"
#include "gateway/usage_query.h"

enum { day_ms = 24 * 3600 * 1000, nano_digits = 9 };

static bool search_status_read(struct str text, struct search_question *question, struct error *error) {
    uint64_t status;
    bool is_class = text.len == 3 && text.at[0] >= '1' && text.at[0] <= '5' && text.at[1] == 'x' && text.at[2] == 'x';
    bool good = is_class || (str_to_u64(text, &status) && status <= 999);
    if (!good)
        return error_set(error, error_invalid_request,
                         "`status` is a status, such as 429, or a class of them, "
                         "such as 5xx.");
    question->status_least = is_class ? (text.at[0] - '0') * 100 : (int64_t)status;
    question->status_most = is_class ? question->status_least + 99 : question->status_least;
    return true;
}

static bool search_cost_read(struct str text, struct search_question *question, struct error *error) {
    bool good = decimal_to_i64(text, nano_digits, false, &question->cost_nano_usd) && question->cost_nano_usd >= 0;
    return good || error_set(error, error_invalid_request, "`cost` is an amount of dollars, such as 0.05.");
}

static bool search_limit_read(struct str text, struct search_question *question, struct error *error) {
    uint64_t most;
    bool good = str_to_u64(text, &most) && most > 0 && most <= search_rows_max;
    if (good) question->rows_most = (size_t)most;
    return good ||
           error_set(error, error_invalid_request, "`limit` is a number of rows from 1 to %d.", (int)search_rows_max);
}

static bool search_form_read(struct str text, struct search_question *question, struct error *error) {
    question->csv = str_eq(text, STR("csv"));
    return question->csv || str_eq(text, STR("json")) ||
           error_set(error, error_invalid_request, "`format` is json or csv.");
}

static bool search_word_read(struct str name, struct str text, char *into, size_t size, struct error *error) {
    bool fits = text.len < size;
    if (fits) str_copy(into, size, text);
    return fits || error_set(error, error_invalid_request, "`%.*s` is too long.", STR_ARG(name));
}

static bool search_pair_read(struct str name, struct str value, int64_t now_ms, struct search_question *question,
                             struct error *error) {
    if (str_eq(name, STR("since"))) return usage_time_read(name, value, now_ms, &question->since_ms, error);
    if (str_eq(name, STR("until"))) return usage_time_read(name, value, now_ms, &question->until_ms, error);
    if (str_eq(name, STR("status"))) return search_status_read(value, question, error);
    if (str_eq(name, STR("cost"))) return search_cost_read(value, question, error);
    if (str_eq(name, STR("limit"))) return search_limit_read(value, question, error);
    if (str_eq(name, STR("format"))) return search_form_read(value, question, error);
    if (str_eq(name, STR("id"))) return search_word_read(name, value, question->id, sizeof question->id, error);
    if (str_eq(name, STR("before")))
        return search_place_read(value, &question->from) ||
               error_set(error, error_invalid_request, "`before` is the `next` of an answer.");
    question->failed = question->failed || (str_eq(name, STR("outcome")) && str_eq(value, STR("failed")));
    if (str_eq(name, STR("outcome")) && str_eq(value, STR("failed"))) return true;
    for (int i = 0; i < search_names; i++)
        if (str_eq(name, search_name_of((enum search_name)i)))
            return search_word_read(name, value, question->names[i], sizeof question->names[i], error);
    return error_set(error, error_invalid_request,
                     "`%.*s` is not understood: write client, provider, model, route, asked, session, outcome, id, "
                     "status, cost, since, until, before, limit, or format (json, csv).",
                     STR_ARG(str_slice(name, 0, 40)));
}

bool requests_query_read(struct str query, int64_t now_ms, struct search_question *question, struct error *error) {
    struct str pair;
    char buffer[search_place_bytes + 1];
    *question = (struct search_question){.since_ms = now_ms > day_ms ? now_ms - day_ms : 0,
                                         .status_most = INT64_MAX,
                                         .status_least = INT64_MIN,
                                         .rows_most = search_rows_usual};
    while (query.len && str_split_next(&query, '&', &pair)) {
        struct str name = str_slice(pair, 0, str_find_byte(pair, '=')),
                   value = str_percent_decode(str_slice(pair, name.len + 1, pair.len), buffer, sizeof buffer);
        if (!pair.len) continue;
        if (value.len + 1 >= sizeof buffer || str_find_byte(value, 0) != SIZE_MAX) /* it was cut; no text has this */
            return error_set(error, error_invalid_request, "`%.*s` is too long, or no text.",
                             STR_ARG(str_slice(name, 0, 40)));
        if (!search_pair_read(name, value, now_ms, question, error)) return false;
    }
    return true;
}
