/* Durations as the ledger keeps them: six bytes a bucket, in a blob that may be damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "store/database_internal.h"
#include "store/ledger_internal.h"

static size_t durations_pair(unsigned char *at, unsigned bucket, uint32_t count) {
    const uint16_t place = (uint16_t)bucket;
    memcpy(at, &place, 2);
    memcpy(at + 2, &count, 4);
    return 6;
}

/* Of its own, so that what lies behind it is nobody's. */
static struct histogram *durations_new(void) {
    struct histogram *histogram = calloc(1, sizeof *histogram);
    assert_non_null(histogram);
    return histogram;
}

static void durations_of_a_blob_are_added_bucket_by_bucket(void **state) {
    struct histogram *histogram = durations_new();
    unsigned char bytes[64], all[durations_bytes_max];
    size_t len = durations_pair(bytes, 0, 3);
    (void)state;
    len += durations_pair(bytes + len, histogram_buckets - 1, 5);
    durations_add(histogram, bytes, len);
    durations_add(histogram, bytes, 6);
    assert_int_equal(atomic_load(&histogram->buckets[0]), 6);
    assert_int_equal(atomic_load(&histogram->buckets[histogram_buckets - 1]), 5);
    assert_int_equal(atomic_load(&histogram->count), 11);
    assert_int_equal(durations_put(histogram, all), 12);
    free(histogram);
}

/* Buckets that there are none of, a part of a pair, nothing at all, more than can be counted. */
static void durations_of_a_damaged_blob_change_nothing_else(void **state) {
    struct histogram *histogram = durations_new();
    unsigned char bytes[64];
    (void)state;
    durations_add(histogram, NULL, 12);
    static const unsigned none[] = {histogram_buckets, histogram_buckets + 1, UINT16_MAX};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        durations_add(histogram, bytes, durations_pair(bytes, none[i], 7));
    for (size_t part = 0; part < 6; part++) {
        durations_pair(bytes, 1, 7);
        durations_add(histogram, bytes, part);
    }
    assert_int_equal(atomic_load(&histogram->count), 0);
    const struct histogram nothing = {.count = 0};
    assert_memory_equal(histogram, &nothing, sizeof nothing);
    durations_add(histogram, bytes, durations_pair(bytes, 2, UINT32_MAX));
    durations_add(histogram, bytes, durations_pair(bytes, 2, 1));
    assert_true(atomic_load(&histogram->buckets[2]) == UINT32_MAX && atomic_load(&histogram->count) == UINT32_MAX);
    free(histogram);
}

/* Days, hours and times, before 1970 too. */
static void moments_are_told_as_they_are_written(void **state) {
    static const struct {
        const char *sql, *told;
    } moments[] = {
        {"day_text(0)", "1970-01-01"},
        {"day_text(20781)", "2026-11-24"},
        {"day_text(-1)", "1969-12-31"},
        {"hour_text(25)", "1970-01-02T01:00Z"},
        {"hour_text(-1)", "1969-12-31T23:00Z"},
        {"time_text(0)", "1970-01-01T00:00:00.000Z"},
        {"time_text(1999)", "1970-01-01T00:00:01.999Z"},
        {"time_text(86400001)", "1970-01-02T00:00:00.001Z"},
        {"time_text(-1)", "1969-12-31T23:59:59.999Z"},
        {"time_text(-1000)", "1969-12-31T23:59:59.000Z"},
    };
    char sql[64];
    sqlite3 *sqlite;
    sqlite3_stmt *statement;
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &sqlite), SQLITE_OK);
    assert_true(ledger_functions_register(sqlite));
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        snprintf(sql, sizeof sql, "SELECT %s", moments[i].sql);
        assert_int_equal(sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(statement, 0), moments[i].told);
        sqlite3_finalize(statement);
    }
    assert_int_equal(sqlite3_prepare_v2(sqlite, "SELECT now_s() - strftime('%s', 'now')", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_in_range(sqlite3_column_int64(statement, 0) + 1, 0, 2);
    sqlite3_finalize(statement);
    sqlite3_close(sqlite);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(durations_of_a_blob_are_added_bucket_by_bucket),
                                       cmocka_unit_test(durations_of_a_damaged_blob_change_nothing_else),
                                       cmocka_unit_test(moments_are_told_as_they_are_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
