/* audit_query_test.c - what is asked of the audit, as a URL has it, and what is said of what is not understood. */
#include "gateway/audit_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const int64_t now_ms = 1795000000000, hour_ms = 3600000;
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void a_path_is_a_list_a_head_or_a_check(void **state) {
    static const struct {
        const char *wish;
        enum audit_wish wanted;
    } rows[] = {{"", audit_wish_list}, {"head", audit_wish_head}, {"verify", audit_wish_verify}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct audit_asked asked;
        struct error error = {.code = error_none};
        assert_true(audit_query_read(str_from(rows[i].wish), STR(""), now_ms, &asked, &error));
        assert_int_equal(asked.wish, rows[i].wanted);
        assert_int_equal(asked.question.limit, 1000);
        assert_int_equal(asked.question.since_ms, 0);
        assert_int_equal(asked.question.until_ms, 0);
        assert_int_equal(asked.question.before, 0);
        assert_false(asked.question.csv);
        assert_false(asked.has_head);
    }
}

static void what_is_asked_is_read(void **state) {
    struct audit_asked asked;
    struct error error = {.code = error_none};
    (void)state;
    assert_true(audit_query_read(STR(""), STR("since=2h&until=1h&before=9223372036854775807&limit=1&format=csv"),
                                 now_ms, &asked, &error));
    assert_int_equal(asked.question.since_ms, now_ms - 2 * hour_ms);
    assert_int_equal(asked.question.until_ms, now_ms - hour_ms);
    assert_int_equal(asked.question.before, INT64_MAX);
    assert_int_equal(asked.question.limit, 1);
    assert_true(asked.question.csv);
    assert_true(audit_query_read(STR(""), STR("format=csv&&format=js%6Fn&"), now_ms, &asked, &error));
    assert_false(asked.question.csv);
    assert_true(audit_query_read(STR("verify"), STR("head=" HASH), now_ms, &asked, &error));
    assert_true(asked.has_head);
    assert_int_equal(asked.head.bytes[0], 0x00);
    assert_int_equal(asked.head.bytes[31], 0xff);
}

static void what_is_not_understood_is_said(void **state) {
    static const char list[] = " is not understood: write since, until, before, limit, or format (json, csv).",
                      number[] = "`limit` is a whole number from 1 to %d.";
    char most[64], over[64], sentence[128];
    snprintf(most, sizeof most, "limit=%d", audit_rows_most);
    snprintf(over, sizeof over, "limit=%d", audit_rows_most + 1);
    snprintf(sentence, sizeof sentence, number, audit_rows_most);
    const struct {
        const char *wish, *query, *said; /* NULL: it is understood */
    } rows[] = {
        {"", most, NULL},
        {"", over, sentence},
        {"", "limit=0", sentence},
        {"", "limit=-1", sentence},
        {"", "limit=x", sentence},
        {"", "before=0", "`before` is a whole number from 1 to 9223372036854775807."},
        {"", "before=9223372036854775808", "`before` is a whole number from 1 to 9223372036854775807."},
        {"", "since=later", ""},
        {"", "until=later", ""},
        {"", "format=xml", "`format`"},
        {"", "forma=csv", "`forma`"},
        {"", "head=" HASH, "`head`"},
        {"", "a234567890123456789012345678901234567890x=1", "`a234567890123456789012345678901234567890`"},
        {"verify", "head=" HASH "0", "`head` is 64 hexadecimal digits, as `weir audit head` said them."},
        {"verify", "head=", "`head` is 64 hexadecimal digits, as `weir audit head` said them."},
        {"verify", "heads=" HASH, "`heads` is not understood: verify takes `head`, and head takes nothing."},
        {"head", "head=" HASH, "`head` is not understood: verify takes `head`, and head takes nothing."},
        {"heads", "", "There is nothing at this path: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct audit_asked asked;
        struct error error = {.code = error_none};
        bool good = audit_query_read(str_from(rows[i].wish), str_from(rows[i].query), now_ms, &asked, &error);
        if (good != !rows[i].said) fail_msg("row %zu: %s", i, error.message);
        if (good) continue;
        assert_int_equal(error.code, strcmp(rows[i].wish, "heads") == 0 ? error_unknown_path : error_invalid_request);
        if (strncmp(error.message, rows[i].said, strlen(rows[i].said)) != 0) fail_msg("row %zu: %s", i, error.message);
        bool lists = rows[i].said[0] == '`' && rows[i].said[strlen(rows[i].said) - 1] == '`';
        if (lists && strcmp(error.message + strlen(rows[i].said), list) != 0) fail_msg("row %zu: %s", i, error.message);
    }
}

static void a_value_of_255_bytes_is_read_and_no_longer_one(void **state) {
    char query[300];
    struct audit_asked asked;
    struct error error = {.code = error_none};
    (void)state;
    memset(query, 0, sizeof query);
    memcpy(query, "limit=", 6);
    memset(query + 6, '0', 255);
    query[6 + 254] = '7';
    assert_true(audit_query_read(STR(""), str_from(query), now_ms, &asked, &error));
    assert_int_equal(asked.question.limit, 7);
    query[6 + 255] = '7';
    assert_false(audit_query_read(STR(""), str_from(query), now_ms, &asked, &error));
    assert_string_equal(error.message, "`limit` is too long.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_a_list_a_head_or_a_check),
        cmocka_unit_test(what_is_asked_is_read),
        cmocka_unit_test(what_is_not_understood_is_said),
        cmocka_unit_test(a_value_of_255_bytes_is_read_and_no_longer_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
