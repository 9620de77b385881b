/* ledger_request.c - one request as the ledger has it, for the client whose it is: nobody else's is ever found. */
#include <string.h>

#include "store/ledger_internal.h"

/* The columns of each attempt, in this order. */
enum {
    column_request_id,
    column_caller_id,
    column_time_ms,
    column_attempt,
    column_status,
    column_flags,
    column_duration_us,
    column_first_token_us,
    column_outcome,
    column_endpoint,
    column_provider,
    column_model,
    column_route,
    column_rule,
    column_asked,
    column_session,
    column_tags,
    column_counts /* and those of `counts` */
};

static const char attempts_of[] =
    "SELECT request_id, caller_id, time_ms, attempt, status, flags, duration_us, first_token_us, "
    "(SELECT name FROM names WHERE id = outcome), (SELECT name FROM names WHERE id = endpoint), "
    "(SELECT name FROM names WHERE id = provider), (SELECT name FROM names WHERE id = model), "
    "(SELECT name FROM names WHERE id = route), (SELECT name FROM names WHERE id = rule), "
    "(SELECT word FROM words WHERE id = asked), (SELECT word FROM words WHERE id = session), "
    "(SELECT word FROM words WHERE id = tags), "
    "input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost_nano_usd, input_nano_usd, "
    "output_nano_usd, cached_nano_usd, cache_write_nano_usd, tools_nano_usd, fees_nano_usd, provider_nano_usd "
    "FROM attempts WHERE client = (SELECT id FROM names WHERE name = ?1) AND ";

/* Found by the index. A column that is said to equal something is put in its place by SQLite, in the other term too,
 * which then is no term of the index: so it says what it is another way. */
const char ledger_request_by_own[] =
    "substr(request_id, 5, 8) = substr(?2, 5, 8) AND coalesce(request_id, '') = ?2 ORDER BY attempt";

static const struct {
    struct str name;
    bool is_money;
} counts[] = {{STR("input_tokens"), false},       {STR("output_tokens"), false},    {STR("cached_tokens"), false},
              {STR("cache_write_tokens"), false}, {STR("reasoning_tokens"), false}, {STR("cost_usd"), true},
              {STR("input_usd"), true},           {STR("output_usd"), true},        {STR("cached_usd"), true},
              {STR("cache_write_usd"), true},     {STR("tools_usd"), true},         {STR("fees_usd"), true},
              {STR("provider_usd"), true}};
enum { count_of_counts = sizeof counts / sizeof *counts };

/* What is not known is left out. */
static void text_told(struct text *text, struct str name, struct statement *row, int column) {
    struct str told = row_text(row, column);
    if (told.len) text_json_str(text, name, told);
}

static void count_told(struct text *text, size_t count, int64_t value) {
    if (counts[count].is_money)
        text_json_money(text, counts[count].name, value);
    else
        text_json_i64(text, counts[count].name, value);
}

static void attempt_told(struct text *text, struct statement *row) {
    const int64_t flags = row_number(row, column_flags);
    text_json_comma(text);
    text_put_byte(text, '{');
    text_told(text, STR("outcome"), row, column_outcome);
    text_json_i64(text, STR("status"), row_number(row, column_status));
    text_told(text, STR("provider"), row, column_provider);
    text_told(text, STR("model"), row, column_model);
    text_json_i64(text, STR("started_ms"), row_number(row, column_time_ms));
    text_json_i64(text, STR("duration_us"), row_number(row, column_duration_us));
    if (row_number(row, column_first_token_us) > 0)
        text_json_i64(text, STR("first_token_us"), row_number(row, column_first_token_us));
    text_json_bool(text, STR("estimated"), (flags & record_estimated) != 0);
    for (size_t i = 0; i < count_of_counts; i++)
        if (row_kind(row, (int)(column_counts + i)) != database_null)
            count_told(text, i, row_number(row, (int)(column_counts + i)));
    text_put_byte(text, '}');
}

/* What stands for the whole request, of its first attempt. */
static void request_told(struct text *text, struct statement *row) {
    const int64_t flags = row_number(row, column_flags);
    text_told(text, STR("id"), row, column_request_id);
    text_told(text, STR("caller_id"), row, column_caller_id);
    text_json_i64(text, STR("created_ms"), row_number(row, column_time_ms));
    text_told(text, STR("endpoint"), row, column_endpoint);
    text_told(text, STR("asked"), row, column_asked);
    text_told(text, STR("route"), row, column_route);
    text_told(text, STR("rule"), row, column_rule);
    text_told(text, STR("session"), row, column_session);
    text_told(text, STR("tags"), row, column_tags);
    text_json_bool(text, STR("streamed"), (flags & record_stream) != 0);
}

/* Sums of what is known of each attempt: of the request. */
struct request_sums {
    int64_t of[count_of_counts];
    bool known[count_of_counts];
};

static void request_sums_add(struct request_sums *sums, struct statement *row) {
    for (size_t i = 0; i < count_of_counts; i++) {
        if (row_kind(row, (int)(column_counts + i)) == database_null) continue;
        sums->of[i] = ledger_sum(sums->of[i], row_number(row, (int)(column_counts + i)));
        sums->known[i] = true;
    }
}

static bool attempts_tell(struct ledger *ledger, const struct usage_request *request, bool by_own, struct text *text,
                          bool *found) {
    char sql[1400];
    struct text statement = TEXT_IN_STRING(sql);
    struct request_sums sums = {.of = {0}};
    enum database_step step = database_failed;
    text_put(&statement, str_from(attempts_of));
    text_put(&statement, by_own
                             ? str_from(ledger_request_by_own)
                             : STR("request_id = (SELECT request_id FROM attempts WHERE caller_id = ?2 AND client = "
                                   "(SELECT id FROM names WHERE name = ?1) ORDER BY time_ms DESC, id DESC LIMIT 1) AND "
                                   "caller_id = ?2 ORDER BY attempt"));
    sql[statement.len] = 0;
    struct statement *row = statement.failed ? NULL : statement_make(ledger_database(ledger), sql);
    if (!row) return false;
    param_text(row, 1, str_from(request->client));
    param_text(row, 2, str_from(request->id));
    while ((step = statement_step(row)) == database_row) {
        if (!*found) {
            text_put(text, STR("{\"data\":{"));
            request_told(text, row);
            text_json_key(text, STR("attempts"));
            text_put_byte(text, '[');
        }
        *found = true;
        attempt_told(text, row);
        request_sums_add(&sums, row);
    }
    statement_end(row);
    if (*found) {
        text_put_byte(text, ']');
        for (size_t i = 0; i < count_of_counts; i++)
            if (sums.known[i]) count_told(text, i, sums.of[i]);
        text_put(text, STR("}}"));
    }
    return step == database_done && !text->failed;
}

bool ledger_request(struct ledger *ledger, const struct usage_request *request, struct text *text, bool *found) {
    *found = false;
    return attempts_tell(ledger, request, true, text, found) &&
           (*found || attempts_tell(ledger, request, false, text, found));
}
