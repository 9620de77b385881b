/* ledger_erase_test.c - a client's records are taken from its name while another connection writes: what it kept of
 * names is not used any more, what comes late comes to the tombstone, and what came after stays the client's. */
#include "store/ledger_erase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "ledger_folder.h"
#include "store/database_internal.h"
#include "store/ledger_alerts.h"
#include "store/ledger_pieces.h"

static const struct journal_source source = {7, 0};

static void add(struct ledger *ledger, uint64_t sequence, struct str client, int64_t time_ms) {
    struct record record = {
        .sequence = sequence,
        .texts = {[record_request_id] = STR("req"), [record_provider] = STR("openai"), [record_client] = client}};
    record.numbers[record_time_ms] = time_ms;
    record.numbers[record_cost_nano_usd] = 5;
    assert_true(ledger_begin(ledger));
    if (!ledger_add(ledger, source, &record) || !ledger_commit(ledger)) fail_msg("%s", ledger_problem(ledger));
}

static struct erased_told erase(struct ledger *ledger, struct str client, int64_t until_ms) {
    char problem[512] = "";
    struct erased_told told;
    if (!ledger_erase(ledger, client, until_ms, &told, problem, sizeof problem)) fail_msg("%s", problem);
    return told;
}

static char lines[16384];
static bool put(void *context, struct str line) {
    (void)context;
    size_t len = strlen(lines);
    if (len + line.len < sizeof lines) str_copy(lines + len, sizeof lines - len, line);
    return true;
}

/* How many attempts it has. */
static size_t attempts_of(struct ledger *ledger, struct str client) {
    size_t count = 0;
    lines[0] = 0;
    if (!ledger_export(ledger, client, put, NULL)) fail_msg("%s", ledger_problem(ledger));
    for (const char *at = lines; (at = strstr(at, "{\"kind\":\"attempt\"")); at++) count++;
    return count;
}

static void who_writes_finds_that_names_have_changed(void **state) {
    (void)state;
    struct ledger *writer = opened(), *other = opened();
    add(writer, 1, STR("app"), 1000), add(writer, 2, STR("app"), 2000);
    struct erased_told told = erase(other, STR("app"), 5000);
    assert_true(told.attempts == 2 && told.sums == 1);
    add(writer, 3, STR("app"), 3000); /* of the journal: it began before */
    add(writer, 4, STR("app"), 5001);
    add(writer, 1, STR("app"), 1000); /* told once more */
    assert_int_equal(attempts_of(other, str_from(told.tombstone)), 3);
    assert_null(strstr(lines, "\"req\"")); /* no id of a request */
    assert_non_null(strstr(lines, "\"cost_nano_usd\":15"));
    assert_int_equal(attempts_of(other, STR("app")), 1);
    ledger_close(writer), ledger_close(other);
    writer = opened(); /* and after a restart */
    add(writer, 5, STR("app"), 4999), add(writer, 6, STR("app"), 6000), add(writer, 7, STR("b"), 10);
    assert_int_equal(attempts_of(writer, str_from(told.tombstone)), 4);
    assert_int_equal(attempts_of(writer, STR("app")), 2);
    assert_int_equal(attempts_of(writer, STR("b")), 1);
    ledger_close(writer);
}

/* A session that it alone had is no word any more; one that another has, too, is still the other's. */
static void what_it_alone_said_goes_with_it(void **state) {
    static const char *const words[] = {"its own", "shared"};
    (void)state;
    struct ledger *ledger = opened();
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 0; i < 3; i++) {
        const uint64_t at = i > 0;
        struct record word = {.kind = record_of_word, .words = {{.tag = {{at + 1, 1}}, .text = str_from(words[at])}}};
        struct record record = {.sequence = i + 1, .numbers = {[record_time_ms] = 1000}};
        record.texts[record_client] = i < 2 ? STR("app") : STR("b");
        record.words[record_session] = word.words[0];
        assert_true(ledger_add(ledger, source, &word) && ledger_add(ledger, source, &record));
    }
    assert_true(ledger_commit(ledger));
    struct erased_told told = erase(ledger, STR("app"), 5000);
    assert_int_equal(told.attempts, 2);
    assert_int_equal(attempts_of(ledger, str_from(told.tombstone)), 2);
    assert_null(strstr(lines, "its own"));
    assert_null(strstr(lines, "\"shared\""));
    assert_int_equal(attempts_of(ledger, STR("b")), 1);
    assert_non_null(strstr(lines, "\"session\":\"shared\""));
    struct usage_question question = {.by_count = 1, .by = {usage_by_session}};
    char told_text[8192];
    struct text text = text_in_buffer(told_text, sizeof told_text - 1);
    assert_true(ledger_usage(ledger, &question, &text));
    told_text[text.len] = 0;
    assert_null(strstr(told_text, "its own"));
    assert_non_null(strstr(told_text, "\"session\":\"(erased "));
    ledger_close(ledger);
}

static void subject_put(void *context, const struct ledger_alert *alert) {
    text_printf(context, "%.*s\n", STR_ARG(alert->subject));
}

/* Of the client itself, and of its budgets; of another whose name begins alike they stay. */
static void its_name_goes_from_alerts(void **state) {
    static const char *const subjects[] = {"client app", "client app budget day", "client apps", "model app"};
    struct ledger_alert list[4];
    char told_text[1024], wanted[1024];
    struct text text = text_in_buffer(told_text, sizeof told_text - 1);
    (void)state;
    struct ledger *ledger = opened();
    for (size_t i = 0; i < 4; i++)
        list[i] = (struct ledger_alert){
            .id = i + 1, .kind = STR("budget"), .subject = str_from(subjects[i]), .said = STR("."), .raised_ms = 1000};
    assert_true(ledger_alerts_keep(ledger, list, 4));
    add(ledger, 1, STR("app"), 1000);
    struct erased_told told = erase(ledger, STR("app"), 5000);
    assert_true(ledger_alerts(ledger, 10, subject_put, &text));
    told_text[text.len] = 0;
    snprintf(wanted, sizeof wanted, "%s\n%s budget day\nclient apps\nmodel app\n", told.tombstone, told.tombstone);
    assert_string_equal(told_text, wanted);
    ledger_close(ledger);
}

static void add_of(struct ledger *ledger, uint64_t sequence, const char *client, const char *owners, int64_t time_ms) {
    struct record record = {.sequence = sequence, .texts = {[record_provider] = STR("openai")}};
    record.texts[record_client] = str_from(client);
    record.texts[record_owner] = str_from(owners);
    record.numbers[record_time_ms] = time_ms;
    assert_true(ledger_begin(ledger));
    if (!ledger_add(ledger, source, &record) || !ledger_commit(ledger)) fail_msg("%s", ledger_problem(ledger));
}

static bool note(void *context, struct str client, bool alone) {
    struct text *text = context;
    text_printf(text, "%.*s%s ", STR_ARG(client), alone ? "" : "+");
    return true;
}

/* Whose clients they are, by name; what an owner is called is compared as it is. */
static void an_owners_name_goes_from_every_path_and_no_others_does(void **state) {
    static const char *const paths[] = {"a_c",    "team|a_c", "abc|a_c|top", "abc|top",
                                        "a%|top", "team|abc", "a_c|abc|a_"};
    (void)state;
    struct ledger *ledger = opened();
    char told[512], problem[512], buffer[erased_path_max];
    for (size_t i = 0; i < 7; i++) {
        char client[] = "client-0";
        client[7] = (char)('0' + i);
        add_of(ledger, i + 1, client, paths[i], 1000);
    }
    add_of(ledger, 8, "client-1", "abc", 2000);
    struct text text = text_in_buffer(told, sizeof told - 1);
    assert_true(ledger_owner_clients(ledger, STR("a_c"), note, &text));
    assert_true(str_eq(text_str(&text), STR("client-0 client-1+ client-2 client-6 ")));
    struct erased_told erased;
    assert_true(ledger_erase_owner(ledger, STR("a_c"), 5000, &erased, problem, sizeof problem));
    add_of(ledger, 9, "late", "team|a_c", 3000);
    add_of(ledger, 10, "new", "team|a_c", 6000);
    struct usage_question question = {.by_count = 1, .by = {usage_by_owner}};
    char rows[16384];
    text = text_in_buffer(rows, sizeof rows - 1);
    assert_true(ledger_usage(ledger, &question, &text));
    rows[text.len] = 0;
    char wanted[80];
    snprintf(wanted, sizeof wanted, "\"owner\":\"%s\",\"requests\":5,", erased.tombstone);
    assert_non_null(strstr(rows, wanted)); /* 1, 2, 3, 7 and the late one */
    assert_non_null(strstr(rows, "\"owner\":\"a_c\",\"requests\":1,"));
    assert_non_null(strstr(rows, "\"owner\":\"abc\",\"requests\":5,"));
    assert_non_null(strstr(rows, "\"owner\":\"a%\",\"requests\":1,"));
    assert_non_null(strstr(rows, "\"owner\":\"a_\",\"requests\":1,"));
    assert_true(ledger_erase_owner(ledger, STR("nobody"), 5000, &erased, problem, sizeof problem));
    assert_true(ledger_erase_owner(ledger, STR("a_c"), 7000, &erased, problem, sizeof problem)); /* again */
    struct ledger_erasures erasures = {NULL, 0, 0};
    assert_true(erasures_read(ledger_database(ledger), &erasures));
    assert_true(str_eq(erasures_path(&erasures, STR("x|y"), 1, buffer), STR("x|y")));
    assert_true(str_eq(erasures_path(&erasures, STR("x|a_c"), 8000, buffer), STR("x|a_c")));
    struct str renamed = erasures_path(&erasures, STR("x|a_c|y"), 6500, buffer);
    assert_true(str_starts(renamed, STR("x|(erased ")) && str_ends(renamed, STR(")|y")));
    erasures_free(&erasures);
    ledger_close(ledger);
}

static void a_client_may_be_purged_again_and_one_that_is_not_there_too(void **state) {
    (void)state;
    struct ledger *ledger = opened();
    assert_true(erase(ledger, STR("nobody"), 5000).attempts == 0);
    add(ledger, 1, STR("app"), 1000);
    struct erased_told first = erase(ledger, STR("app"), 1500);
    add(ledger, 2, STR("app"), 2000);
    struct erased_told second = erase(ledger, STR("app"), 2500);
    assert_true(first.attempts == 1 && second.attempts == 1 && strcmp(first.tombstone, second.tombstone) != 0);
    assert_int_equal(attempts_of(ledger, str_from(first.tombstone)), 1);
    assert_int_equal(attempts_of(ledger, str_from(second.tombstone)), 1);
    assert_int_equal(attempts_of(ledger, STR("app")), 0);
    assert_int_equal(attempts_of(ledger, STR("")), 0);
    ledger_close(ledger);
}

static void a_name_that_is_something_elses_too_stays_that(void **state) {
    (void)state;
    struct ledger *ledger = opened();
    add(ledger, 1, STR("openai"), 1000);
    add(ledger, 2, STR("b"), 1000);
    erase(ledger, STR("openai"), 5000);
    assert_int_equal(attempts_of(ledger, STR("b")), 1);
    assert_non_null(strstr(lines, "\"provider\":\"openai\""));
    assert_int_equal(attempts_of(ledger, STR("openai")), 0);
    ledger_close(ledger);
}

/* -- in pieces -- */

enum { many = 2600 };

static void word_add(struct ledger *ledger, uint64_t tag, const char *kind, uint64_t number, struct record_said *said) {
    char text[64];
    snprintf(text, sizeof text, "%s-%llu", kind, (unsigned long long)number);
    struct record word = {.kind = record_of_word, .words = {{.tag = {{tag, number + 1}}, .text = str_from(text)}}};
    assert_true(ledger_add(ledger, source, &word));
    *said = word.words[0];
}

/* Of two clients, each attempt with a session and a name of its own; the last ones have what the other said, too. */
static void add_many(struct ledger *ledger) {
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 0; i < 2 * many; i++) {
        struct record record = {.sequence = i + 1, .texts = {[record_request_id] = STR("req")}};
        const bool own = i % 2 == 0;
        record.texts[record_client] = own ? STR("app") : STR("other");
        record.texts[record_provider] = STR("openai");
        record.numbers[record_time_ms] = 1000 + (int64_t)i;
        record.numbers[record_cost_nano_usd] = 7;
        word_add(ledger, 1, own && i < 2 * many - 20 ? "secret" : "shared", i / 2, &record.words[record_session]);
        word_add(ledger, 2, own ? "hidden" : "open", i, &record.words[record_asked]);
        if (!ledger_add(ledger, source, &record)) fail_msg("%s", ledger_problem(ledger));
    }
    assert_true(ledger_commit(ledger));
}

struct commits {
    struct sqlite3 *of;
    int before, most, count, dies_at;
};

static int commit_note(void *context) {
    struct commits *commits = context;
    int changes = sqlite3_total_changes(commits->of), rows = changes - commits->before;
    commits->before = changes;
    if (rows > commits->most) commits->most = rows;
    return ++commits->count == commits->dies_at;
}

static int64_t count_of(struct ledger *ledger, const char *sql) {
    struct statement *row = statement_make(ledger_database(ledger), sql);
    assert_true(row && statement_step(row) == database_row);
    int64_t count = row_number(row, 0);
    statement_end(row);
    return count;
}

/* Whoever writes waits for no transaction of more rows, and what was cut off anywhere goes on. */
static void a_purge_changes_few_rows_at_once_and_goes_on_where_it_was_cut_off(void **state) {
    (void)state;
    struct ledger *ledger = opened(), *writer = opened();
    if (getenv("WEIR_TEST_POSTGRES")) { /* the same statements: what is counted is SQLite's */
        ledger_close(ledger), ledger_close(writer);
        skip();
    }
    struct commits commits = {.of = database_sqlite(ledger_database(ledger))};
    char problem[512] = "";
    struct erased_told told;
    add_many(writer);
    commits.before = sqlite3_total_changes(commits.of);
    sqlite3_commit_hook(commits.of, commit_note, &commits);
    for (int at = 2; at < 30; at += 3) {
        commits.count = 0, commits.dies_at = at;
        if (ledger_erase(ledger, STR("app"), 9000, &told, problem, sizeof problem)) break;
        add(writer, 10000 + (uint64_t)at, STR("other"), 4000);
        assert_int_equal(count_of(writer, "SELECT sum(cost_nano_usd) FROM usage WHERE grain = 0"),
                         2 * many * 7 + (at - 2) / 3 * 5 + 5);
    }
    commits.dies_at = 0;
    erase(ledger, STR("app"), 9000);
    assert_in_range(commits.most, piece_rows / 2, piece_rows);
    assert_int_equal(attempts_of(ledger, STR("app")), 0);
    assert_int_equal(count_of(writer, "SELECT count(*) FROM names WHERE name = 'app'"), 0);
    assert_int_equal(count_of(writer, "SELECT count(*) FROM words WHERE word LIKE 'secret-%'"), 0);
    assert_int_equal(count_of(writer, "SELECT count(*) FROM words WHERE word LIKE 'hidden-%'"), 0);
    assert_int_equal(count_of(writer, "SELECT count(*) FROM words WHERE word LIKE 'shared-%'"), many);
    assert_int_equal(count_of(writer, "SELECT count(*) FROM words WHERE word LIKE 'open-%'"), many);
    assert_int_equal(count_of(writer, "SELECT count(*) FROM attempts WHERE request_id = ''"), many);
    assert_int_equal(count_of(writer, "SELECT count(*) FROM usage WHERE grain = 2 AND client IN (SELECT id FROM names "
                                      "WHERE name LIKE '(erased %')"),
                     many);
    ledger_close(ledger), ledger_close(writer);
}

static size_t exported;
static bool count_line(void *context, struct str line) {
    (void)context;
    exported += str_starts(line, STR("{\"kind\":\"attempt\"")) || str_starts(line, STR("{\"kind\":\"hour\""));
    return str_ends(line, STR("}\n"));
}

/* Read in pieces, all of it is told once. */
static void an_export_of_many_is_whole(void **state) {
    (void)state;
    struct ledger *ledger = opened();
    add_many(ledger);
    exported = 0;
    assert_true(ledger_export(ledger, STR("app"), count_line, NULL));
    assert_int_equal(exported, 2 * many); /* attempts, and as many sums of that hour */
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(who_writes_finds_that_names_have_changed),
        TEST(what_it_alone_said_goes_with_it),
        TEST(its_name_goes_from_alerts),
        TEST(a_client_may_be_purged_again_and_one_that_is_not_there_too),
        TEST(a_name_that_is_something_elses_too_stays_that),
        TEST(an_owners_name_goes_from_every_path_and_no_others_does),
        TEST(a_purge_changes_few_rows_at_once_and_goes_on_where_it_was_cut_off),
        TEST(an_export_of_many_is_whole),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
