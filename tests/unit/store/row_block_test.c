/* row_block_test.c - rows that went in as a block are those that statements would have made, each once. */
#include "store/row_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"
#include "ledger_folder.h"
#include "store/ledger_internal.h"

static const char table_sql[] =
    "CREATE TABLE things(id INTEGER PRIMARY KEY, a INTEGER, name TEXT, late INTEGER, bytes BLOB, note TEXT);"
    "CREATE INDEX things_name ON things(substr(name, 3, 4));"
    "CREATE INDEX things_note ON things(note) WHERE note IS NOT NULL;";

enum { value_a, value_bytes, value_note, value_name, value_count };
static const struct row_shape shape = {
    .table = "things",
    .columns = {STR("a"), STR("bytes"), STR("note"), STR("name")},
    .column_count = value_count,
    .indexes = {{"things_name", value_name, .from = 3, .len = 4}, {"things_note", value_note, .partial = true}},
    .index_count = 2};

static struct database *opened_with(const char *sql) {
    char problem[512] = "";
    struct database *database = database_open(path, database_makes, problem, sizeof problem);
    if (!database || !database_care(database, database_careful) || !database_run(database, sql))
        fail_msg("%s", database ? database_problem(database) : problem);
    return database;
}

static int64_t number_told(struct database *database, const char *sql) {
    struct statement *row = statement_make(database, sql);
    assert_non_null(row);
    assert_int_equal(statement_step(row), database_row);
    int64_t number = row_number(row, 0);
    statement_end(row);
    return number;
}

static void is_whole(struct database *database) {
    struct statement *row = statement_make(database, "PRAGMA main.integrity_check");
    assert_int_equal(statement_step(row), database_row);
    struct str said = row_text(row, 0);
    if (!str_eq(said, STR("ok"))) fail_msg("%.*s", STR_ARG(said));
    statement_end(row);
}

static struct row_value number_value(int64_t number) {
    return (struct row_value){.kind = database_number, .number = number};
}
static struct row_value text_value(struct str text) { return (struct row_value){database_text, 0, text}; }

static struct statement *plainly;
static void put_plainly(struct database *database, int64_t id, const struct row_value *values) {
    if (!plainly)
        plainly = statement_keep(database, "INSERT INTO plain(id, a, bytes, note, name) VALUES(?1, ?2, ?3, ?4, ?5) "
                                           "ON CONFLICT(id) DO NOTHING");
    assert_non_null(plainly);
    param_number(plainly, 1, id);
    for (int i = 0; i < value_count; i++) {
        if (values[i].kind == database_null) param_null(plainly, i + 2);
        if (values[i].kind == database_number) param_number(plainly, i + 2, values[i].number);
        if (values[i].kind == database_text) param_text(plainly, i + 2, values[i].bytes);
        if (values[i].kind == database_bytes) param_bytes(plainly, i + 2, values[i].bytes.at, values[i].bytes.len);
    }
    assert_true(statement_run(plainly));
}

/* Of every length that a number takes, at its ends. */
static int64_t number_drawn(struct prng *prng) {
    const unsigned bits = (unsigned)prng_below(prng, 64);
    const int64_t edge = (int64_t)(bits == 63 ? (uint64_t)INT64_MAX : (uint64_t)1 << bits),
                  number = edge - (int64_t)prng_below(prng, 2);
    return prng_below(prng, 2) ? number : -number;
}

static void rows_are_those_that_statements_would_have_made(void **state) {
    static char bytes[2000];
    struct prng prng;
    (void)state;
    ONLY_A_FILE;
    struct database *database = opened_with(table_sql);
    assert_true(database_run(database, "CREATE TABLE plain(id INTEGER PRIMARY KEY, a INTEGER, name TEXT, late INTEGER, "
                                       "bytes BLOB, note TEXT)"));
    struct row_block *block = row_block_open(database, &shape);
    assert_non_null(block);
    prng_seed(&prng, 4);
    int64_t count = 0, added_count = 0;
    for (int round = 0; round < 40; round++) {
        bool added[row_block_rows_max];
        assert_true(database_begin(database));
        for (int i = 0; i < 700; i++) {
            char name[40], note[40];
            struct row_value values[value_count] = {[value_a] = number_value(number_drawn(&prng))};
            int64_t id = 1 + (int64_t)prng_below(&prng, round < 20 ? 20000 : UINT64_C(1) << 60);
            snprintf(name, sizeof name, "n_%x", (unsigned)prng_below(&prng, 300));
            snprintf(note, sizeof note, "%.*s", (int)prng_below(&prng, 30), "note of some \xc3\xa4 length and more");
            values[value_name] = text_value(str_slice(str_from(name), 0, prng_below(&prng, 8)));
            if (prng_below(&prng, 2)) values[value_note] = text_value(str_from(note));
            if (prng_below(&prng, 2))
                values[value_bytes] = (struct row_value){database_bytes, 0, str_make(bytes, prng_below(&prng, 900))};
            if (prng_below(&prng, 9) == 0) values[value_a].kind = database_null;
            put_plainly(database, id, values);
            enum row_put put = row_block_put(block, id, values);
            if (put == row_finds_no_room) {
                const size_t rows = row_block_count(block);
                assert_true(row_block_send(block, added));
                for (size_t k = 0; k < rows; k++) added_count += added[k];
                put = row_block_put(block, id, values);
            }
            assert_int_equal(put, row_is_put);
            count++;
        }
        const size_t rows = row_block_count(block);
        assert_true(row_block_send(block, added));
        for (size_t k = 0; k < rows; k++) added_count += added[k];
        assert_true(database_commit(database));
    }
    assert_int_equal(added_count, number_told(database, "SELECT count(*) FROM things"));
    assert_true(added_count < count); /* ids were drawn twice */
    assert_int_equal(added_count, number_told(database, "SELECT count(*) FROM plain"));
    assert_int_equal(
        0, number_told(database, "SELECT count(*) FROM (SELECT * FROM plain EXCEPT SELECT * FROM main.things)"));
    assert_int_equal(0, number_told(database, "SELECT count(*) FROM plain JOIN main.things USING(id) WHERE "
                                              "typeof(plain.a) <> typeof(things.a) OR typeof(plain.name) <> "
                                              "typeof(things.name) OR typeof(plain.bytes) <> typeof(things.bytes)"));
    is_whole(database);
    statement_end(plainly);
    plainly = NULL;
    row_block_close(block);
    database_close(database);
}

/* First a few of them, then so many that each is looked up. */
static void a_row_that_is_there_stays_as_it_is(void **state) {
    (void)state;
    ONLY_A_FILE;
    struct database *database = opened_with(table_sql);
    struct row_block *block = row_block_open(database, &shape);
    assert_non_null(block);
    const size_t there[] = {3, 200};
    for (int round = 0; round < 2; round++) {
        bool added[row_block_rows_max];
        struct row_value values[value_count] = {[value_name] = text_value(STR("n_1234"))};
        const int64_t from = 1000 * (round + 1);
        for (int again = 0; again < 2; again++) {
            const int64_t count = again ? row_block_rows_max : (int64_t)there[round];
            assert_true(database_begin(database));
            for (int64_t i = 0; i < count; i++) {
                values[value_a] = number_value(again);
                assert_int_equal(row_block_put(block, from + i, values), row_is_put);
            }
            assert_true(row_block_send(block, added));
            for (int64_t i = 0; i < count; i++) assert_int_equal(added[i], !again || i >= (int64_t)there[round]);
            assert_int_equal(row_block_count(block), 0);
            assert_true(database_commit(database));
        }
    }
    assert_int_equal(number_told(database, "SELECT count(*) FROM things WHERE a = 0"), 203);
    assert_int_equal(number_told(database, "SELECT count(*) FROM things"), 2 * row_block_rows_max);
    is_whole(database);
    row_block_close(block);
    database_close(database);
}

static void what_is_undone_is_not_there_and_may_come_again(void **state) {
    bool added[row_block_rows_max];
    (void)state;
    ONLY_A_FILE;
    struct database *database = opened_with(table_sql);
    struct row_block *block = row_block_open(database, &shape);
    const struct row_value values[value_count] = {[value_name] = text_value(STR("n_1234"))};
    for (int i = 0; i < 3; i++) {
        assert_true(database_begin(database));
        assert_int_equal(row_block_put(block, 7, values), row_is_put);
        assert_true(row_block_send(block, added));
        assert_true(added[0]);
        if (i < 2)
            database_undo(database);
        else
            assert_true(database_commit(database));
    }
    assert_int_equal(number_told(database, "SELECT count(*) FROM main.things WHERE substr(name, 3, 4) = '1234'"), 1);
    row_block_close(block);
    database_close(database);
}

static void what_no_page_can_hold_goes_in_by_itself(void **state) {
    static char much[4000];
    (void)state;
    ONLY_A_FILE;
    struct database *database = opened_with(table_sql);
    struct row_block *block = row_block_open(database, &shape);
    struct row_value values[value_count] = {[value_name] = text_value(STR("n_1"))};
    assert_int_equal(row_block_put(block, 0, values), row_is_odd);
    assert_int_equal(row_block_put(block, -1, values), row_is_odd);
    values[value_bytes] = (struct row_value){database_bytes, 0, str_make(much, sizeof much)};
    assert_int_equal(row_block_put(block, 1, values), row_is_odd);
    assert_int_equal(row_block_count(block), 0);
    row_block_close(block);
    database_close(database);
}

/* Of an index over a part of a text: of what is more than bytes SQLite would take another part. */
static void what_an_index_would_take_otherwise_goes_in_by_itself(void **state) {
    (void)state;
    ONLY_A_FILE;
    struct database *database = opened_with(table_sql);
    struct row_block *block = row_block_open(database, &shape);
    const struct str odd[] = {STR("n_\xc3\xa4"
                                  "bcd"),
                              STR("n_a\0bcd"), STR("\xff")};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct row_value values[value_count] = {[value_name] = text_value(odd[i])};
        assert_int_equal(row_block_put(block, 1, values), row_is_odd);
        values[value_name] = (struct row_value){.kind = database_null};
        values[value_note] = text_value(odd[i]);
        assert_int_equal(row_block_put(block, 1 + (int64_t)i, values), row_is_put);
    }
    row_block_close(block);
    database_close(database);
}

/* A page of an index may be full before that of the rows is. */
static void an_index_without_room_is_a_block_without_room(void **state) {
    static char much[1500];
    bool added[row_block_rows_max];
    (void)state;
    ONLY_A_FILE;
    struct database *database = opened_with("CREATE TABLE few(id INTEGER PRIMARY KEY, note TEXT); CREATE INDEX "
                                            "few_note ON few(note); CREATE INDEX few_part ON few(substr(note, 1, "
                                            "3000));");
    const struct row_shape few = {.table = "few",
                                  .columns = {STR("note")},
                                  .column_count = 1,
                                  .indexes = {{"few_note", 0}, {"few_part", 0, .from = 1, .len = 3000}},
                                  .index_count = 2};
    struct row_block *block = row_block_open(database, &few);
    struct row_value value = text_value(str_make(much, sizeof much));
    int64_t id = 1;
    memset(much, 'x', sizeof much);
    assert_true(database_begin(database));
    for (enum row_put put; (put = row_block_put(block, id, &value)) != row_finds_no_room; id++)
        assert_int_equal(put, row_is_put);
    assert_true(id > 15 && id < 25);
    assert_true(row_block_send(block, added));
    assert_true(database_commit(database));
    assert_int_equal(number_told(database, "SELECT count(*) FROM few INDEXED BY few_part WHERE substr(note, 1, 3000) "
                                           "LIKE 'xxx%'"),
                     id - 1);
    is_whole(database);
    row_block_close(block);
    database_close(database);
}

/* It copies them whole: SQLite compares the two tables, and asks for no column. */
static void no_column_of_a_row_is_looked_at(void **state) {
    (void)state;
    ONLY_A_FILE;
    struct database *database = opened_with(table_sql);
    struct row_block *block = row_block_open(database, &shape);
    struct statement *row =
        statement_make(database, "EXPLAIN INSERT OR ROLLBACK INTO main.things SELECT * FROM block.things");
    int inserts = 0;
    while (statement_step(row) == database_row) {
        assert_false(str_eq(row_text(row, 1), STR("Column")));
        inserts += str_eq(row_text(row, 1), STR("Insert")) || str_eq(row_text(row, 1), STR("IdxInsert"));
    }
    assert_int_equal(inserts, 3);
    statement_end(row);
    row_block_close(block);
    database_close(database);
}

static void rows_of_any_columns_are_whole(void **state) {
    bool added[row_block_rows_max];
    (void)state;
    ONLY_A_FILE;
    struct database *database = opened_with(table_sql);
    struct row_block *block = row_block_open(database, &shape);
    for (int64_t columns = 0; columns < 1 << value_count; columns++) {
        struct row_value values[value_count] = {{.kind = database_null}};
        for (int i = 0; i < value_count; i++)
            if (columns >> i & 1) values[i] = i == value_a ? number_value(columns) : text_value(STR("text"));
        assert_true(database_begin(database));
        assert_int_equal(row_block_put(block, columns + 1, values), row_is_put);
        assert_true(row_block_send(block, added) && added[0]);
        assert_true(database_commit(database));
    }
    assert_int_equal(number_told(database, "SELECT count(*) FROM things WHERE id - 1 = (a IS NOT NULL) + 2 * (bytes IS "
                                           "NOT NULL) + 4 * (note IS NOT NULL) + 8 * (name IS NOT NULL) AND "
                                           "coalesce(a, id - 1) = id - 1"),
                     1 << value_count);
    row_block_close(block);
    database_close(database);
}

static void there_is_none_where_the_table_is_another(void **state) {
    (void)state;
    ONLY_A_FILE;
    struct database *database = opened_with(table_sql);
    assert_true(database_run(database, "ALTER TABLE things RENAME COLUMN a TO b"));
    assert_null(row_block_open(database, &shape));
    assert_true(database_run(database, "ALTER TABLE things RENAME COLUMN b TO a; CREATE INDEX one_more ON things(a)"));
    assert_null(row_block_open(database, &shape));
    assert_true(database_run(database, "DROP INDEX one_more; DROP INDEX things_note"));
    assert_null(row_block_open(database, &shape));
    assert_true(database_run(database, "DROP TABLE things"));
    assert_null(row_block_open(database, &shape));
    database_close(database);
}

/* Of the ledger in each of the forms that it began with. */
static void the_ledger_has_one_whatever_version_made_it(void **state) {
    (void)state;
    ONLY_A_FILE;
    for (int version = 0; version <= ledger_version; version++) {
        char sql[96];
        unlink(path);
        struct database *database = opened_with("PRAGMA user_version = 0");
        for (int i = 0; i < version; i++) {
            snprintf(sql, sizeof sql, "INSERT INTO schema_versions VALUES(%d, 1)", i + 1);
            if (!database_run(database, ledger_migrations[i]) || !database_run(database, sql))
                fail_msg("%d: %s", i, database_problem(database));
        }
        database_close(database);
        struct ledger *ledger = opened();
        if (!ledger_has_block(ledger)) fail_msg("version %d", version);
        ledger_close(ledger);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(rows_are_those_that_statements_would_have_made),
        TEST(a_row_that_is_there_stays_as_it_is),
        TEST(what_is_undone_is_not_there_and_may_come_again),
        TEST(what_no_page_can_hold_goes_in_by_itself),
        TEST(what_an_index_would_take_otherwise_goes_in_by_itself),
        TEST(an_index_without_room_is_a_block_without_room),
        TEST(no_column_of_a_row_is_looked_at),
        TEST(rows_of_any_columns_are_whole),
        TEST(there_is_none_where_the_table_is_another),
        TEST(the_ledger_has_one_whatever_version_made_it),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
