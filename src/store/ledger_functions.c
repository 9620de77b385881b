/* ledger_functions.c - the SQL functions that add up what the ledger keeps: integers that stay integers and end at the
 * largest (SQLite's sum() fails there, and its + goes on in floating point), and how long attempts took, a histogram in
 * few bytes, so that any quantile can be told later. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "store/database_internal.h"
#include "store/ledger_internal.h"

const char *const usage_name_columns[usage_names] = {
#define X(name) #name,
    USAGE_NAMES(X)
#undef X
};

size_t durations_put(const struct histogram *histogram, unsigned char bytes[durations_bytes_max]) {
    size_t len = 0;
    for (unsigned i = 0; i < histogram_buckets; i++) {
        const uint16_t bucket = (uint16_t)i;
        uint32_t count = atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        if (!count) continue;
        memcpy(bytes + len, &bucket, 2);
        memcpy(bytes + len + 2, &count, 4);
        len += 6;
    }
    return len;
}

void durations_add(struct histogram *histogram, const void *bytes, size_t len) {
    const unsigned char *at = bytes;
    uint64_t added = 0;
    for (size_t i = 0; at && i + 6 <= len; i += 6) {
        uint16_t bucket;
        uint32_t count;
        memcpy(&bucket, at + i, 2);
        memcpy(&count, at + i + 2, 4);
        if (bucket >= histogram_buckets) continue;
        uint32_t before = atomic_load_explicit(&histogram->buckets[bucket], memory_order_relaxed);
        uint32_t sum = count > UINT32_MAX - before ? UINT32_MAX : before + count;
        atomic_store_explicit(&histogram->buckets[bucket], sum, memory_order_relaxed);
        added += sum - before;
    }
    atomic_fetch_add_explicit(&histogram->count, added, memory_order_relaxed);
}

static void durations_answer(sqlite3_context *context, const struct histogram *histogram) {
    unsigned char bytes[durations_bytes_max];
    size_t len = durations_put(histogram, bytes);
    sqlite3_result_blob(context, bytes, (int)len, SQLITE_TRANSIENT);
}

static void durations_add_value(struct histogram *histogram, sqlite3_value *value) {
    const void *bytes = sqlite3_value_blob(value);
    durations_add(histogram, bytes, (size_t)sqlite3_value_bytes(value));
}

static void durations_both(sqlite3_context *context, int count, sqlite3_value **values) {
    struct histogram histogram;
    memset(&histogram, 0, sizeof histogram);
    for (int i = 0; i < count; i++) durations_add_value(&histogram, values[i]);
    durations_answer(context, &histogram);
}

static void durations_all_step(sqlite3_context *context, int count, sqlite3_value **values) {
    struct histogram *histogram = sqlite3_aggregate_context(context, sizeof *histogram);
    if (histogram && count == 1) durations_add_value(histogram, values[0]);
}

static void durations_all_end(sqlite3_context *context) {
    struct histogram *histogram = sqlite3_aggregate_context(context, sizeof *histogram), none;
    memset(&none, 0, sizeof none);
    durations_answer(context, histogram ? histogram : &none);
}

int64_t ledger_sum(int64_t a, int64_t b) {
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return b > 0 ? INT64_MAX : INT64_MIN;
}

static void numbers_both(sqlite3_context *context, int count, sqlite3_value **values) {
    int64_t sum = 0;
    for (int i = 0; i < count; i++) sum = ledger_sum(sum, sqlite3_value_int64(values[i]));
    sqlite3_result_int64(context, sum);
}

static void numbers_all_step(sqlite3_context *context, int count, sqlite3_value **values) {
    int64_t *sum = sqlite3_aggregate_context(context, sizeof *sum);
    if (sum && count == 1) *sum = ledger_sum(*sum, sqlite3_value_int64(values[0]));
}

static void numbers_all_end(sqlite3_context *context) {
    const int64_t *sum = sqlite3_aggregate_context(context, sizeof *sum);
    sqlite3_result_int64(context, sum ? *sum : 0);
}

/* -- moments -- */

static void moment_answer(sqlite3_context *context, int64_t at_s, const char *format) {
    const time_t at = (time_t)at_s;
    char text[40];
    struct tm parts;
    size_t len = gmtime_r(&at, &parts) ? strftime(text, sizeof text, format, &parts) : 0;
    sqlite3_result_text(context, text, (int)len, SQLITE_TRANSIENT);
}

static void day_text(sqlite3_context *context, int count, sqlite3_value **values) {
    (void)count;
    moment_answer(context, sqlite3_value_int64(values[0]) * 86400, "%Y-%m-%d");
}

static void hour_text(sqlite3_context *context, int count, sqlite3_value **values) {
    (void)count;
    moment_answer(context, sqlite3_value_int64(values[0]) * 3600, "%Y-%m-%dT%H:00Z");
}

static void time_text(sqlite3_context *context, int count, sqlite3_value **values) {
    const int64_t ms = sqlite3_value_int64(values[0]), left = (ms % 1000 + 1000) % 1000;
    char format[40];
    (void)count;
    snprintf(format, sizeof format, "%%Y-%%m-%%dT%%H:%%M:%%S.%03dZ", (int)left);
    moment_answer(context, (ms - left) / 1000, format);
}

/* By SQLite's own clock, which counts ms of the Julian day. */
static void now_s(sqlite3_context *context, int count, sqlite3_value **values) {
    static const sqlite3_int64 julian_1970_ms = 210866760000000;
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    sqlite3_int64 now_ms = julian_1970_ms;
    (void)count, (void)values;
    if (system->iVersion >= 2 && system->xCurrentTimeInt64) (void)system->xCurrentTimeInt64(system, &now_ms);
    sqlite3_result_int64(context, (now_ms - julian_1970_ms) / 1000);
}

bool ledger_functions_register(sqlite3 *sqlite) {
    const int kind = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    static const struct {
        const char *name;
        int values;
        void (*both)(sqlite3_context *context, int count, sqlite3_value **values);
        void (*step)(sqlite3_context *context, int count, sqlite3_value **values);
        void (*end)(sqlite3_context *context);
    } functions[] = {
        {"numbers_both", 2, numbers_both, NULL, NULL},
        {"numbers_all", 1, NULL, numbers_all_step, numbers_all_end},
        {"durations_both", 2, durations_both, NULL, NULL},
        {"durations_all", 1, NULL, durations_all_step, durations_all_end},
        {"day_text", 1, day_text, NULL, NULL},
        {"hour_text", 1, hour_text, NULL, NULL},
        {"time_text", 1, time_text, NULL, NULL},
        {"now_s", 0, now_s, NULL, NULL},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof functions / sizeof *functions && good; i++)
        good = sqlite3_create_function(sqlite, functions[i].name, functions[i].values,
                                       functions[i].values ? kind : SQLITE_UTF8, NULL, functions[i].both,
                                       functions[i].step, functions[i].end) == SQLITE_OK;
    return good;
}
