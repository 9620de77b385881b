/* ledger_usage.c - what was spent, by whom and on what: read from the sums of each hour, never from attempts one by
 * one, so that years of them answer at once. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "store/ledger_internal.h"

static const struct str key_names[usage_keys] = {
#define X(name) STR(#name),
    USAGE_KEYS(X)
#undef X
};

static const struct str sum_names[usage_sums] = {
#define X(name) STR(#name),
    USAGE_SUMS(X)
#undef X
};

static const struct {
    struct str name;
    double share;
} quantiles[] = {{STR("p50"), 0.5}, {STR("p95"), 0.95}, {STR("p99"), 0.99}};
enum { quantile_count = sizeof quantiles / sizeof *quantiles };

struct str usage_key_name(enum usage_key key) {
    CHECKF(key < usage_keys, "key=%d", (int)key);
    return key_names[key];
}

bool usage_key_of(struct str name, enum usage_key *key) {
    for (int i = 0; i < usage_keys; i++)
        if (str_eq(key_names[i], name)) {
            *key = (enum usage_key)i;
            return true;
        }
    return false;
}

/* -- telling -- */

/* Money is added up in nano-dollars, and told in dollars. */
static bool sum_is_money(size_t sum) { return str_ends(sum_names[sum], STR("_nano_usd")); }

static struct str sum_told_name(size_t sum, char buffer[32]) {
    struct str name = sum_names[sum];
    struct text text = text_in_buffer(buffer, 32);
    if (!sum_is_money(sum)) return name;
    text_put(&text, str_slice(name, 0, name.len - STR("nano_usd").len));
    text_put(&text, STR("usd"));
    return text_str(&text);
}

static void durations_put_json(struct text *text, struct str name, const struct histogram *histogram) {
    text_json_key(text, name);
    text_put_byte(text, '{');
    for (size_t i = 0; i < quantile_count; i++) {
        text_json_key(text, quantiles[i].name);
        text_printf(text, "%.3f", (double)histogram_quantile(histogram, quantiles[i].share) / 1000);
    }
    text_put_byte(text, '}');
}

/* What one costs and how fast it is beside another: dollars a million tokens, all of them; a request; tokens a second
 * of its whole time; errors of a hundred attempts. */
static void compared_put_json(struct text *text, const struct usage_row *row) {
    const int64_t *sums = row->sums;
    int64_t tokens = ledger_sum(sums[usage_input_tokens], sums[usage_output_tokens]), priced = sums[usage_attempts];
    if (tokens > 0)
        text_json_money(text, STR("usd_per_million_tokens"),
                        (int64_t)((__int128)sums[usage_cost_nano_usd] * 1000000 / tokens));
    if (priced > 0) text_json_money(text, STR("usd_per_attempt"), sums[usage_cost_nano_usd] / priced);
    if (sums[usage_duration_us] > 0) {
        text_json_key(text, STR("tokens_per_second"));
        text_printf(text, "%.1f", (double)sums[usage_output_tokens] * 1e6 / (double)sums[usage_duration_us]);
    }
    text_json_key(text, STR("error_percent"));
    text_printf(text, "%.2f",
                sums[usage_attempts] ? 100.0 * (double)sums[usage_errors] / (double)sums[usage_attempts] : 0);
}

/* By prices that came later, where there are such; all of it, as what was not priced anew costs what it did. */
static void recosted_put_json(struct text *text, const struct usage_row *row) {
    text_json_money(text, STR("recosted_usd"),
                    ledger_sum(row->sums[usage_cost_nano_usd], row->recosted[recosted_more]));
    text_json_i64(text, STR("recosted_attempts"), row->recosted[recosted_attempts]);
    text_json_i64(text, STR("recosted_unpriced"), row->sums[usage_unpriced] - row->recosted[recosted_priced]);
}

/* Of all input what providers read from their prompt caches. */
static void cached_share_put_json(struct text *text, const struct usage_row *row) {
    int64_t input = row->sums[usage_input_tokens];
    if (input <= 0) return;
    text_json_key(text, STR("cached_share"));
    text_printf(text, "%.4f", (double)row->sums[usage_cached_tokens] / (double)input);
}

static void usage_row_json(struct ledger *ledger, struct text *text, const struct usage_question *question,
                           const struct usage_row *row, bool total) {
    char buffer[1024], name[32];
    text_json_comma(text);
    text_put_byte(text, '{');
    for (size_t i = 0; i < question->by_count && !total; i++) {
        if (!usage_key_text(ledger, question->by[i], row->keys[i], buffer, sizeof buffer)) text->failed = true;
        text_json_str(text, key_names[question->by[i]], str_from(buffer));
    }
    for (size_t i = 0; i < usage_sums; i++) {
        if (sum_is_money(i))
            text_json_money(text, sum_told_name(i, name), row->sums[i]);
        else
            text_json_i64(text, sum_names[i], row->sums[i]);
    }
    cached_share_put_json(text, row);
    if (question->recosted) recosted_put_json(text, row);
    if (question->compares && !total) compared_put_json(text, row);
    durations_put_json(text, STR("latency_ms"), &row->times->durations);
    durations_put_json(text, STR("first_token_ms"), &row->times->first_tokens);
    text_put_byte(text, '}');
}

static void usage_head_csv(struct text *text, const struct usage_question *question) {
    static const struct str times[] = {STR("latency"), STR("first_token")};
    char name[32];
    for (size_t i = 0; i < question->by_count; i++) text_printf(text, "%.*s,", STR_ARG(key_names[question->by[i]]));
    for (size_t i = 0; i < usage_sums; i++) text_printf(text, "%s%.*s", i ? "," : "", STR_ARG(sum_told_name(i, name)));
    for (size_t t = 0; t < sizeof times / sizeof *times; t++)
        for (size_t i = 0; i < quantile_count; i++)
            text_printf(text, ",%.*s_ms_%.*s", STR_ARG(times[t]), STR_ARG(quantiles[i].name));
    if (question->recosted) text_put(text, STR(",recosted_usd,recosted_attempts,recosted_unpriced"));
    text_put(text, STR("\r\n"));
}

static void durations_put_csv(struct text *text, const struct histogram *histogram) {
    for (size_t i = 0; i < quantile_count; i++)
        text_printf(text, ",%.3f", (double)histogram_quantile(histogram, quantiles[i].share) / 1000);
}

static void usage_row_csv(struct ledger *ledger, struct text *text, const struct usage_question *question,
                          const struct usage_row *row) {
    char buffer[1024];
    for (size_t i = 0; i < question->by_count; i++) {
        if (!usage_key_text(ledger, question->by[i], row->keys[i], buffer, sizeof buffer)) text->failed = true;
        text_put_csv(text, str_from(buffer));
        text_put_byte(text, ',');
    }
    for (size_t i = 0; i < usage_sums; i++) {
        if (i) text_put_byte(text, ',');
        if (sum_is_money(i))
            text_put_money(text, row->sums[i]);
        else
            text_put_i64(text, row->sums[i]);
    }
    durations_put_csv(text, &row->times->durations);
    durations_put_csv(text, &row->times->first_tokens);
    if (question->recosted) {
        text_put_byte(text, ',');
        text_put_money(text, ledger_sum(row->sums[usage_cost_nano_usd], row->recosted[recosted_more]));
        text_printf(text, ",%lld,%lld", (long long)row->recosted[recosted_attempts],
                    (long long)(row->sums[usage_unpriced] - row->recosted[recosted_priced]));
    }
    text_put(text, STR("\r\n"));
}

static void usage_tell_csv(struct ledger *ledger, const struct usage_question *question,
                           const struct usage_gathered *gathered, struct text *text) {
    usage_head_csv(text, question);
    for (size_t i = 0; i < gathered->count; i++) usage_row_csv(ledger, text, question, &gathered->rows[i]);
    if (!question->by_count) usage_row_csv(ledger, text, question, &gathered->total);
}

static void usage_tell_json(struct ledger *ledger, const struct usage_question *question,
                            const struct usage_gathered *gathered, struct text *text) {
    text_put_byte(text, '{');
    text_json_i64(text, STR("since_ms"), question->since_ms);
    text_json_key(text, STR("rows"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < gathered->count; i++) usage_row_json(ledger, text, question, &gathered->rows[i], false);
    text_put_byte(text, ']');
    text_json_u64(text, STR("more"), gathered->more);
    text_json_key(text, STR("total"));
    usage_row_json(ledger, text, question, &gathered->total, true);
    text_put_byte(text, '}');
}

/* Of names that one alone served there is nothing to compare, nor of what nobody was asked for. */
static void rows_compare(struct usage_gathered *gathered) {
    struct usage_row *rows = gathered->rows;
    size_t kept = 0, asked = 0;
    for (size_t i = 0; i < gathered->count; i++)
        if (rows[i].sums[usage_attempts] > 0) rows[asked++] = rows[i];
    gathered->count = asked;
    for (size_t i = 0; i < gathered->count; i++) {
        bool alone = true;
        for (size_t k = 0; alone && k < gathered->count; k++)
            alone = (k >= kept && k <= i) || rows[k].keys[0] != rows[i].keys[0];
        if (!alone) rows[kept++] = rows[i];
    }
    gathered->count = kept;
}

/* What is asked for, and what goes with it. */
static struct usage_question question_whole(const struct usage_question *asked) {
    static const enum usage_key compared[] = {usage_by_asked, usage_by_provider, usage_by_model};
    struct usage_question question = *asked;
    bool session = false, client = false;
    if (question.compares) {
        question.by_count = sizeof compared / sizeof *compared;
        memcpy(question.by, compared, sizeof compared);
    }
    for (size_t i = 0; i < question.by_count; i++) {
        session |= question.by[i] == usage_by_session;
        client |= question.by[i] == usage_by_client;
    }
    if (session && !client) question.by[question.by_count++] = usage_by_client;
    return question;
}

bool ledger_usage(struct ledger *ledger, const struct usage_question *asked, struct text *text) {
    CHECKF(asked->by_count <= usage_keys, "by=%zu", asked->by_count);
    const struct usage_question question = question_whole(asked);
    struct usage_gathered gathered;
    bool good = usage_gather(ledger, &question, &gathered);
    if (good && question.compares) rows_compare(&gathered);
    if (good) (question.form == usage_as_csv ? usage_tell_csv : usage_tell_json)(ledger, &question, &gathered, text);
    usage_gathered_free(&gathered);
    return good && !text->failed;
}
