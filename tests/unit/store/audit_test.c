/* audit_test.c - rows that follow each other: what is written is found whole, whatever else is done to it shows, and a
 * ledger of the first form gets the audit without losing anything. */
#include "store/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ledger_folder.h"

static struct audit_head added(struct ledger *ledger, struct str actor, struct str subject) {
    char problem[512] = "";
    struct audit_head head;
    const struct audit_entry entry = {.action = audit_provider_update,
                                      .time_ms = 1800000000000,
                                      .who = {actor, STR("127.0.0.1"), STR("req_1")},
                                      .subject = subject};
    if (!audit_add(ledger, &entry, &head, problem, sizeof problem)) fail_msg("%s", problem);
    return head;
}

static struct audit_verdict verdict_of(struct ledger *ledger, const struct audit_head *wanted) {
    struct audit_verdict verdict;
    assert_true(audit_verify(ledger, wanted ? &wanted->hash : NULL, &verdict));
    return verdict;
}

static void run(const char *sql) {
    sqlite3 *sqlite;
    char *said = NULL;
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    if (sqlite3_exec(sqlite, sql, NULL, NULL, &said) != SQLITE_OK) fail_msg("%s: %s", sql, said);
    sqlite3_close(sqlite);
}

static void rows_follow_each_other_through_several_connections(void **state) {
    (void)state;
    struct ledger *one = opened(), *other = opened();
    struct audit_verdict verdict = verdict_of(one, NULL);
    assert_true(verdict.good && verdict.rows == 0 && verdict.head.seq == 0);
    struct audit_head first = added(one, STR("a"), STR("x"));
    struct audit_head second = added(other, STR("b"), STR("x"));
    struct audit_head third = added(one, STR("a"), STR(""));
    assert_true(first.seq == 1 && second.seq == 2 && third.seq == 3);
    verdict = verdict_of(other, &second);
    assert_true(verdict.good && verdict.rows == 3 && verdict.of_head == 2 && verdict.head.seq == 3);
    assert_true(hash_equal(&verdict.head.hash, &third.hash));
    ledger_close(one), ledger_close(other);
}

/* The same word has one hash, and after it was erased another one. */
static void a_word_is_erased_with_all_that_could_tell_of_it(void **state) {
    char text[8192];
    (void)state;
    struct ledger *ledger = opened();
    added(ledger, STR("alice"), STR("x"));
    added(ledger, STR("alice"), STR("y"));
    assert_int_equal(audit_erase(ledger, STR("alice")), 1);
    assert_int_equal(audit_erase(ledger, STR("alice")), 0);
    added(ledger, STR("alice"), STR("z"));
    struct audit_verdict verdict = verdict_of(ledger, NULL);
    assert_true(verdict.good && verdict.erased == 2);
    struct text out = text_in_buffer(text, sizeof text - 1);
    assert_true(audit_write(ledger, &(struct audit_question){.limit = 10}, &out));
    text[out.len] = 0;
    char *last = strstr(text, "\"seq\":3");
    assert_true(last && strstr(last, "\"actor\":\"alice\"") && strstr(text, "\"actor\":\"(erased)\""));
    *last = 0;
    assert_null(strstr(text, "alice"));
    ledger_close(ledger);
}

static void words_of_any_bytes_and_lengths_are_data(void **state) {
    static char large[audit_word_most * 4];
    (void)state;
    struct ledger *ledger = opened();
    memset(large, '"', sizeof large);
    added(ledger, str_make(large, sizeof large), str_make("a\0b\n'\xff", 6));
    added(ledger, str_make(large, sizeof large - 1), STR("=1+1"));
    struct audit_verdict verdict = verdict_of(ledger, NULL);
    assert_true(verdict.good && verdict.rows == 2 && !verdict.erased);
    ledger_close(ledger);
}

/* Each column of each row, changed by one. */
static void whatever_is_changed_shows(void **state) {
    ONLY_A_FILE;
    static const char *const edits[] = {
        "UPDATE audit SET time_ms = time_ms + 1 WHERE seq = 2",
        "UPDATE audit SET action = 'provider.add' WHERE seq = 2",
        "UPDATE audit SET outcome = 'failed' WHERE seq = 2",
        "UPDATE audit SET actor = randomblob(32) WHERE seq = 2",
        "UPDATE audit SET address = NULL WHERE seq = 2",
        "UPDATE audit SET subject = x'00' WHERE seq = 2",
        "UPDATE audit SET detail = randomblob(32) WHERE seq = 2",
        "UPDATE audit SET request_id = 'req_2' WHERE seq = 2",
        "UPDATE audit SET request_id = hex(randomblob(4000)) WHERE seq = 2",
        "UPDATE audit SET head = randomblob(32) WHERE seq = 2",
        "UPDATE audit SET head = 'text' WHERE seq = 2",
        "UPDATE audit_words SET word = 'c' WHERE word = 'b'",
        "UPDATE audit_words SET salt = randomblob(4000) WHERE word = 'b'",
        "UPDATE audit_words SET word = hex(randomblob(4000)) WHERE word = 'b'",
        "DELETE FROM audit WHERE seq = 2",
    };
    (void)state;
    struct ledger *ledger = opened();
    added(ledger, STR("a"), STR("x")), added(ledger, STR("b"), STR("x")), added(ledger, STR("a"), STR("x"));
    ledger_close(ledger);
    run("CREATE TABLE kept AS SELECT * FROM audit; CREATE TABLE kept_words AS SELECT * FROM audit_words");
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        run(edits[i]);
        ledger = opened();
        struct audit_verdict verdict = verdict_of(ledger, NULL);
        if (verdict.good || verdict.wrong != 2) fail_msg("%s: row %lld", edits[i], (long long)verdict.wrong);
        ledger_close(ledger);
        run("DELETE FROM audit; DELETE FROM audit_words; INSERT INTO audit SELECT * FROM kept; "
            "INSERT INTO audit_words SELECT * FROM kept_words");
    }
    ledger = opened();
    assert_true(verdict_of(ledger, NULL).good);
    ledger_close(ledger);
}

/* As the first version that had a ledger left it. */
static void a_ledger_of_the_first_form_gets_an_audit(void **state) {
    ONLY_A_FILE;
    (void)state;
    struct ledger *ledger = opened();
    ledger_close(ledger);
    unlink(path);
    run("CREATE TABLE schema_versions(version INTEGER PRIMARY KEY, migrated_s INTEGER NOT NULL);"
        "CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
        "CREATE TABLE instances(id INTEGER PRIMARY KEY, instance INTEGER NOT NULL UNIQUE);"
        "CREATE TABLE attempts(id INTEGER PRIMARY KEY, time_ms INTEGER, attempt INTEGER, status INTEGER, "
        "flags INTEGER, duration_us INTEGER, first_token_us INTEGER, input_tokens INTEGER, output_tokens INTEGER, "
        "cached_tokens INTEGER, cache_write_tokens INTEGER, reasoning_tokens INTEGER, cost_nano_usd INTEGER, "
        "request_id TEXT, endpoint INTEGER, outcome INTEGER, provider INTEGER, model INTEGER, client INTEGER, "
        "route INTEGER);"
        "CREATE TABLE budgets(budget INTEGER NOT NULL, window_s INTEGER NOT NULL, nano_usd INTEGER NOT NULL, "
        "PRIMARY KEY(budget, window_s)) WITHOUT ROWID;"
        "CREATE TABLE usage(hour INTEGER NOT NULL, provider INTEGER NOT NULL, model INTEGER NOT NULL, "
        "client INTEGER NOT NULL, route INTEGER NOT NULL, requests INTEGER NOT NULL, attempts INTEGER NOT NULL, "
        "errors INTEGER NOT NULL, cancelled INTEGER NOT NULL, estimated INTEGER NOT NULL, lost INTEGER NOT NULL, "
        "unpriced INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, "
        "cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, "
        "cost_nano_usd INTEGER NOT NULL, duration_us INTEGER NOT NULL, durations BLOB NOT NULL, "
        "first_tokens BLOB NOT NULL, PRIMARY KEY(hour, provider, model, client, route)) WITHOUT ROWID;"
        "INSERT INTO schema_versions VALUES(1, 0); INSERT INTO budgets VALUES(7, 8, 9);");
    ledger = opened();
    assert_int_equal(added(ledger, STR("a"), STR("x")).seq, 1);
    ledger_close(ledger);
    run("UPDATE budgets SET nano_usd = nano_usd / (SELECT count(*) FROM budgets WHERE nano_usd = 9)");
    ledger = opened(); /* and it is opened again */
    assert_true(verdict_of(ledger, NULL).rows == 1);
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(rows_follow_each_other_through_several_connections),
        TEST(a_word_is_erased_with_all_that_could_tell_of_it),
        TEST(words_of_any_bytes_and_lengths_are_data),
        TEST(whatever_is_changed_shows),
        TEST(a_ledger_of_the_first_form_gets_an_audit),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
