/* words_fuzz.c - small readers of words with any bytes: dates, hours and days, tags, faults of the mock, escaped paths,
 * and what is kept out of logs. Nothing is read outside them, and what is told lies within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "dialect/custom_tool.h"
#include "dialect/date.h"
#include "gateway/audit_query.h"
#include "gateway/health_query.h"
#include "gateway/requests_query.h"
#include "gateway/usage_query.h"
#include "mock/mock_fault.h"
#include "snapshot/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static bool lies_within(struct str part, struct str text) {
    return part.len == 0 || (part.at >= text.at && part.at + part.len <= text.at + text.len);
}

static void usage_query(struct str text) {
    struct usage_question question;
    struct error error;
    if (!usage_query_read(text, 1800000000000, &question, &error)) return;
    must(question.by_count <= usage_keys && question.since_ms >= 0);
    for (size_t i = 0; i < usage_keys; i++) must(memchr(question.only[i], 0, sizeof question.only[i]) != NULL);
}

static void audit_query(struct str text) {
    static const struct str wishes[] = {STR(""), STR("head"), STR("verify")};
    struct audit_asked asked;
    struct error error;
    for (size_t i = 0; i < 3; i++)
        if (audit_query_read(wishes[i], text, 1800000000000, &asked, &error))
            must(asked.question.limit > 0 && asked.question.limit <= audit_rows_most && asked.question.before >= 0);
}

static void health_query(struct str text) {
    struct health_asked asked;
    struct error error;
    if (health_query_read(STR(""), text, 1800000000000, &asked, &error))
        must(asked.question.most > 0 && asked.question.most <= ledger_health_most && asked.question.since_ms >= 0);
}

static void requests_query(struct str text) {
    struct search_question question;
    struct error error;
    if (!requests_query_read(text, 1800000000000, &question, &error)) return;
    must(question.rows_most > 0 && question.rows_most <= search_rows_max && question.cost_nano_usd >= 0);
    must(question.from.count <= limit_loops && memchr(question.id, 0, sizeof question.id) != NULL);
    for (size_t i = 0; i < question.from.count; i++) must(question.from.before[i] > 0);
    for (size_t i = 0; i < search_names; i++) must(memchr(question.names[i], 0, sizeof question.names[i]) != NULL);
}

static void rules(struct str text) {
    struct rule_tag tags[rule_tags_max];
    struct rule_hours hours;
    uint8_t days = 0;
    int32_t minutes = 0;
    if (rule_read_days(text, &days)) must(days > 0 && days < 1 << 7);
    if (rule_read_offset(text, &minutes)) must(minutes >= -24 * 60 && minutes <= 24 * 60);
    rule_read_hours(text, &hours);
    size_t count = rule_read_tags(text, tags);
    must(count <= rule_tags_max);
    for (size_t i = 0; i < count; i++)
        must(lies_within(tags[i].key, text) && lies_within(tags[i].value, text) && tags[i].key.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_make((const char *)data, size);
    struct arena arena;
    struct error error;
    struct mock_fault fault;
    int64_t when = 0;
    arena_init(&arena, 4096, 8 << 20);
    date_read_http(text, 1800000000, &when);
    date_read_rfc3339(text, &when);
    rules(text);
    usage_query(text);
    audit_query(text);
    health_query(text);
    requests_query(text);
    if (mock_fault_parse(text, &fault, &error)) must(fault.kind < mock_fault_kinds);
    char *decoded = arena_take(&arena, size + 1);
    if (decoded) must(str_percent_decode(text, decoded, size + 1).len <= size);
    struct text redacted = text_in_arena(&arena, 64);
    redact_put(&redacted, text);
    if (!redacted.failed) must(redacted.len <= 4 * size + 4);
    struct custom_input input = {.state = custom_before};
    struct text said = text_in_arena(&arena, 64);
    custom_input_feed(&input, str_slice(text, 0, size / 2), &said);
    custom_input_feed(&input, str_slice(text, size / 2, size), &said);
    must(said.failed || said.len <= size);
    custom_tool_input(text, &arena);
    arena_free(&arena);
    return 0;
}
