/* usage_query.c - see usage_query.h. */
#include "gateway/usage_query.h"

#include "dialect/date.h"

enum { ms_per_s = 1000, day_s = 24 * 3600 };

/* Its first moment. */
static bool query_day_read(struct str text, int64_t *ms) {
    char whole[32];
    struct text moment = text_in_buffer(whole, sizeof whole);
    if (text.len != sizeof "2026-11-01" - 1) return false;
    text_put(&moment, text);
    text_put(&moment, STR("T00:00:00Z"));
    return date_read_rfc3339(text_str(&moment), ms);
}

/* Back from now: a number and one of m, h, d, w. */
static bool back_read(struct str text, int64_t now_ms, int64_t *ms) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'m', 60}, {'h', 3600}, {'d', day_s}, {'w', 7 * day_s}};
    uint64_t count;
    if (text.len < 2 || !str_to_u64(str_slice(text, 0, text.len - 1), &count) || count > 100000) return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (text.at[text.len - 1] != units[i].unit) continue;
        int64_t back = (int64_t)count * units[i].seconds * ms_per_s;
        *ms = back < now_ms ? now_ms - back : 0;
        return true;
    }
    return false;
}

bool usage_time_read(struct str name, struct str text, int64_t now_ms, int64_t *ms, struct error *error) {
    return query_day_read(text, ms) || back_read(text, now_ms, ms) ||
           error_set(error, error_invalid_request,
                     "`%.*s` must be a time back from now (90m, 24h, 7d, 4w) or a day (2026-11-01), not `%.*s`.",
                     STR_ARG(name), STR_ARG(str_slice(text, 0, 40)));
}

/* "provider, model, ... and hour" */
static struct str keys_list(char *buffer, size_t size) {
    struct text text = text_in_buffer(buffer, size);
    for (int i = 0; i < usage_keys; i++) {
        if (i) text_put(&text, i + 1 < usage_keys ? STR(", ") : STR(" and "));
        text_put(&text, usage_key_name((enum usage_key)i));
    }
    return text_str(&text);
}

static bool by_read(struct str text, struct usage_question *question, struct error *error) {
    struct str word;
    char list[128];
    question->by_count = 0;
    while (text.len && str_split_next(&text, ',', &word)) {
        enum usage_key key;
        if (!usage_key_of(word, &key))
            return error_set(error, error_invalid_request, "`by` takes %.*s, with commas between them, not `%.*s`.",
                             STR_ARG(keys_list(list, sizeof list)), STR_ARG(str_slice(word, 0, 40)));
        for (size_t i = 0; i < question->by_count; i++)
            if (question->by[i] == key)
                return error_set(error, error_invalid_request, "`by` names %.*s twice.", STR_ARG(word));
        question->by[question->by_count++] = key;
    }
    return true;
}

static bool form_read(struct str text, struct usage_question *question, struct error *error) {
    bool csv = str_eq(text, STR("csv"));
    question->form = csv ? usage_as_csv : usage_as_json;
    return csv || str_eq(text, STR("json")) ||
           error_set(error, error_invalid_request, "`format` is json or csv, not `%.*s`.",
                     STR_ARG(str_slice(text, 0, 40)));
}

static bool limit_read(struct str text, struct usage_question *question, struct error *error) {
    uint64_t most;
    bool good = str_to_u64(text, &most) && most > 0 && most <= usage_rows_max;
    if (good) question->rows_most = (size_t)most;
    return good ||
           error_set(error, error_invalid_request, "`limit` is a number of rows from 1 to %d.", (int)usage_rows_max);
}

static bool compare_read(struct str text, struct usage_question *question, struct error *error) {
    question->compares = str_eq(text, STR("true"));
    return question->compares || str_eq(text, STR("false")) ||
           error_set(error, error_invalid_request, "`compare` is true or false.");
}

static bool recosted_read(struct str text, struct usage_question *question, struct error *error) {
    question->recosted = str_eq(text, STR("true"));
    return question->recosted || str_eq(text, STR("false")) ||
           error_set(error, error_invalid_request, "`recosted` is true or false.");
}

static bool only_read(enum usage_key key, struct str text, struct usage_question *question, struct error *error) {
    bool fits = text.len && text.len < sizeof question->only[key];
    if (fits) str_copy(question->only[key], sizeof question->only[key], text);
    return fits || error_set(error, error_invalid_request, "`%.*s` must be a name.", STR_ARG(usage_key_name(key)));
}

static bool pair_read(struct str name, struct str value, int64_t now_ms, struct usage_question *question,
                      struct error *error) {
    enum usage_key key;
    char list[128];
    if (str_eq(name, STR("by"))) return by_read(value, question, error);
    if (str_eq(name, STR("since"))) return usage_time_read(name, value, now_ms, &question->since_ms, error);
    if (str_eq(name, STR("until"))) return usage_time_read(name, value, now_ms, &question->until_ms, error);
    if (str_eq(name, STR("format"))) return form_read(value, question, error);
    if (str_eq(name, STR("limit"))) return limit_read(value, question, error);
    if (str_eq(name, STR("compare"))) return compare_read(value, question, error);
    if (str_eq(name, STR("recosted"))) return recosted_read(value, question, error);
    if (usage_key_of(name, &key)) return only_read(key, value, question, error);
    return error_set(
        error, error_invalid_request,
        "`%.*s` is not understood: write by, since, until, format, limit, compare, recosted, or one of %.*s.",
        STR_ARG(str_slice(name, 0, 40)), STR_ARG(keys_list(list, sizeof list)));
}

bool usage_query_read(struct str query, int64_t now_ms, struct usage_question *question, struct error *error) {
    struct str pair;
    char buffer[512];
    const int64_t usual_ms = (int64_t)day_s * ms_per_s;
    *question = (struct usage_question){.since_ms = now_ms > usual_ms ? now_ms - usual_ms : 0};
    while (query.len && str_split_next(&query, '&', &pair)) {
        struct str name = str_slice(pair, 0, str_find_byte(pair, '=')),
                   value = str_percent_decode(str_slice(pair, name.len + 1, pair.len), buffer, sizeof buffer);
        if (!pair.len) continue;
        if (value.len + 1 >= sizeof buffer ||
            str_find_byte(value, 0) != SIZE_MAX) /* it was cut; no name has such a byte */
            return error_set(error, error_invalid_request, "`%.*s` is too long, or no text.",
                             STR_ARG(str_slice(name, 0, 40)));
        if (!pair_read(name, value, now_ms, question, error)) return false;
    }
    return true;
}
