/* postgres_statement_test.c - what PostgreSQL's driver sends, and what it makes of what comes, beside a libpq that has
 * no server (postgres_server.h): all of it is told, and compared as a whole. Each call that can fail does, in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../told.h"
#include "base/memory.h"
#include "postgres_server.h"

extern const struct database_driver postgres_driver;

#define INT8(text) \
    { server_int8, STR(text) }
#define NUMBER(n) INT8("\0\0\0\0\0\0\0" n)
#define NONE \
    { server_int8, STR_NONE }
#define WORD(text) \
    { server_text, STR(text) }

static const struct server_answer answers[] = {
    {"SELECT nextval", "1", 1, 1, {{NUMBER("\x09")}}},
    {"SELECT three", "3", 3, 2, {{NUMBER("\x01"), WORD("a")}, {NUMBER("\x02"), WORD("")}, {NONE, WORD("c")}}},
    {"SELECT many", "20", 20, 2, {{NUMBER("\x01"), WORD("a")}, {NUMBER("\x02"), WORD("b")}, {NONE, WORD("c")}}},
    {"SELECT pg_try", "1", 1, 1, {{{server_bool, STR("\1")}}}},
    {"SELECT to_regclass", "1", 1, 1, {{{server_bool, STR("\1")}}}},
    {"SELECT coalesce(max(number)", "1", 1, 1, {{NUMBER("\x2a")}}},
    {"SELECT none", "0", 0, 2},
    {"SELECT bad", "", 0, 2, .fails = true},
    {"SELECT half", "", 1, 2, {{NUMBER("\x01"), WORD("a")}}, .fails = true},
    {"INSERT INTO last_numbers", "1", .is_command = true},
    {"INSERT", "2", 2, 2, {{NUMBER("\x05"), WORD("x")}, {NUMBER("\x06"), WORD("y")}}},
    {"UPDATE", "3", .is_command = true},
    {"DELETE", "7", .is_command = true},
    {"BAD", "", .fails = true},
};

static struct postgres database_of;
static struct text told;

static struct database *server_open(void) {
    server = (typeof(server)){.answers = answers, .answer_count = sizeof answers / sizeof *answers, .told = &told};
    database_of = (struct postgres){.base = {&postgres_driver}, .pq = &server_library};
    return &database_of.base;
}

static void step_tell(struct statement *statement) {
    static const char *const words[] = {"row", "done", "failed"};
    enum database_step step = statement_step(statement);
    text_printf(&told, "  -> %s", words[step]);
    for (int i = 0; step == database_row && i < row_columns(statement); i++)
        text_printf(&told, " %s: %lld '%.*s'", row_name(statement, i), (long long)row_number(statement, i),
                    STR_ARG(row_text(statement, i)));
    if (step == database_done) text_printf(&told, ", %lld changed", (long long)statement_changes(statement));
    if (step == database_failed) text_printf(&told, ": %s %s", database_problem(&database_of.base), database_of.state);
    text_put_byte(&told, '\n');
}

static void good_tell(const char *what, bool good) {
    text_printf(&told, "  -> %s: %s\n", what, good ? "good" : "failed");
}

static void steps_tell(struct statement *statement, int count) {
    for (int i = 0; i < count; i++) step_tell(statement);
}

/* -- what happens, one after the other; each begins with a connection that has done nothing -- */

static void a_question(struct database *database) {
    struct statement *rows = statement_make(database, "SELECT three");
    steps_tell(rows, 5); /* it begins anew behind the end */
    statement_end(rows);
}

static void a_question_that_is_kept(struct database *database) {
    struct statement *rows = statement_keep(database, "SELECT three ?1"),
                     *none = statement_keep(database, "SELECT none");
    param_number(rows, 1, 5);
    steps_tell(rows, 4);
    statement_reset(rows);
    param_number(rows, 1, -1);
    steps_tell(rows, 1);
    steps_tell(none, 1); /* the rest of the other's is kept */
    steps_tell(rows, 3);
    statement_end(none);
    statement_end(rows);
}

static void questions_that_are_left(struct database *database) {
    struct statement *rows = statement_make(database, "SELECT three");
    steps_tell(rows, 1);
    statement_reset(rows);
    steps_tell(rows, 2);
    statement_end(rows);
    text_printf(&told, "  columns of none: %d\n", row_columns(rows = statement_make(database, "SELECT none")));
    steps_tell(rows, 1);
    text_printf(&told, "  kind of none: %d\n", row_kind(rows, 0));
    statement_end(rows);
}

static void many_rows_that_are_kept(struct database *database) {
    struct statement *rows = statement_make(database, "SELECT many"), *none = statement_make(database, "SELECT none");
    steps_tell(rows, 2);
    steps_tell(none, 1);
    steps_tell(rows, 19);
    statement_end(none), statement_end(rows);
}

static void questions_that_fail(struct database *database) {
    static const char *const questions[] = {"SELECT bad", "SELECT half"};
    for (size_t i = 0; i < 2; i++) {
        struct statement *rows = statement_make(database, questions[i]);
        steps_tell(rows, 3);
        statement_reset(rows);
        statement_end(rows);
    }
}

static void changes_alone(struct database *database) {
    static const char *const changes[] = {"INSERT RETURNING", "UPDATE", "BAD"};
    for (size_t i = 0; i < 3; i++) {
        struct statement *change = statement_keep(database, changes[i]);
        steps_tell(change, i ? 1 : 3);
        text_printf(&told, "  in a transaction: %d\n", database_of.in_transaction);
        statement_reset(change);
        statement_end(change);
    }
}

static void changes_together(struct database *database) {
    int64_t first = -1, second = -1;
    struct statement *update = statement_keep(database, "UPDATE ?1"), *delete = statement_make(database, "DELETE"),
                     *rows = statement_keep(database, "SELECT three");
    good_tell("begin", database_begin(database));
    param_number(update, 1, 1);
    good_tell("send", statement_send(update, &first));
    good_tell("send", statement_send(update, NULL));
    good_tell("send", statement_send(delete, &second));
    text_printf(&told, "  so far %lld, %lld\n", (long long)first, (long long)second);
    steps_tell(rows, 2); /* on the same way */
    text_printf(&told, "  now %lld, %lld\n", (long long)first, (long long)second);
    good_tell("send", statement_send(delete, &first));
    steps_tell(rows, 2);
    good_tell("settle", database_settle(database));
    text_printf(&told, "  now %lld, %lld\n", (long long)first, (long long)second);
    good_tell("commit", database_commit(database));
    statement_end(rows), statement_end(delete), statement_end(update);
}

static void changes_of_which_one_fails(struct database *database) {
    int64_t first = -1, second = -1;
    struct statement *update = statement_make(database, "UPDATE"), *bad = statement_make(database, "BAD"),
                     *rows = statement_make(database, "SELECT three");
    good_tell("begin", database_begin(database));
    good_tell("send", statement_send(update, &first) && statement_send(bad, NULL) && statement_send(update, &second));
    steps_tell(rows, 1);
    text_printf(&told, "  %lld, %lld: %s\n", (long long)first, (long long)second, database_problem(database));
    good_tell("commit", database_commit(database));
    database_undo(database);
    good_tell("begin again", database_begin(database));
    good_tell("commit", statement_send(update, &first) && database_commit(database));
    statement_end(rows), statement_end(bad), statement_end(update);
}

static void a_statement_that_cannot_be_prepared(struct database *database) {
    struct statement *change = statement_keep(database, "UNPREPARED ?1"),
                     *rows = statement_keep(database, "SELECT three");
    good_tell("begin", database_begin(database));
    param_number(change, 1, 1);
    steps_tell(change, 2); /* and it is sent again */
    database_undo(database);
    steps_tell(rows, 1);
    statement_end(rows), statement_end(change);
}

/* Outside of a transaction they are asked one by one; inside, as many as fit on one way. */
static void more_changes_than_go_on_one_way(struct database *database) {
    static int64_t changed[2 * postgres_queued_max];
    static const int counts[] = {postgres_queued_max - 2, postgres_queued_max - 1, postgres_queued_max,
                                 postgres_queued_max + 1};
    for (size_t k = 0; k < 4; k++) {
        struct statement *update = statement_make(database, "UPDATE"), *rows = statement_make(database, "SELECT three");
        good_tell("begin", database_begin(database));
        server.mute = true;
        bool good = true;
        for (int i = 0; i < counts[k]; i++) changed[i] = -1, good = good && statement_send(update, &changed[i]);
        server.mute = false;
        int settled = 0;
        for (int i = 0; i < counts[k]; i++) settled += changed[i] == 3;
        text_printf(&told, "  %d are sent (%s), %d have run\n", counts[k], good ? "good" : "failed", settled);
        steps_tell(rows, 1);
        statement_reset(rows);
        settled = 0;
        for (int i = 0; i < counts[k]; i++) settled += changed[i] == 3;
        text_printf(&told, "  %d have run\n", settled);
        good_tell("commit", database_commit(database));
        statement_end(rows), statement_end(update);
    }
}

static void what_else_a_database_is_asked(struct database *database) {
    char problem[400] = "";
    int64_t number = 0;
    bool has = false;
    good_tell("table", database_has_table(database, "attempts", &has));
    good_tell("last number", database_last_number(database, "audit", &number));
    text_printf(&told, "  has %d, number %lld\n", has, (long long)number);
    good_tell("number given", database_number_given(database, "audit", 258));
    good_tell("others", database_others_changed(database, &number));
    text_printf(&told, "  version %lld\n", (long long)number);
    good_tell("run", database_run(database, "UPDATE a SET b = 1"));
    good_tell("run what is bad", database_run(database, "BAD"));
    good_tell("begin", database_begin(database));
    good_tell("run inside", database_run(database, "UPDATE a SET b = 1"));
    good_tell("run what is bad inside", database_run(database, "BAD"));
    good_tell("commit", database_commit(database));
    database_undo(database);
    database_undo(database); /* nothing */
    good_tell("keep", database_keep(database, problem, sizeof problem));
    good_tell("erase", database_erase_begin(database));
    database_erase_end(database);
    good_tell("care", database_care(database, database_careful));
    text_printf(&told, "  gone: %d\n", database_is_gone(database));
}

static void all_kinds_of_parameters(struct database *database) {
    static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    struct statement *rows = statement_make(
        database, "SELECT none ?1 ?2 ?3 ?4 ?5 ?6 ?7 ?8 ?9 ?10 ?12 ?13 ?14 ?15 ?64 ?65"); /* 11 is left out */
    param_numbers(rows, 1, numbers, 5);
    param_counts(rows, 6, numbers, 3);
    param_text(rows, 9, STR("text"));
    param_text(rows, 10, STR("a\0\xff\xc3\xa4"));
    param_text(rows, 12, STR("\xff")); /* what was mended stays until it is put again */
    param_bytes(rows, 13, "\0\x01", 2);
    param_bytes(rows, 14, NULL, 0);
    param_null(rows, 15);
    steps_tell(rows, 1);
    param_text(rows, 9, STR("\xfe"));
    param_text(rows, 9, STR("again")); /* what was mended goes */
    param_null(rows, 10);
    param_number(rows, 64, 64);
    server.mute = false;
    steps_tell(rows, 1);
    statement_end(rows);
}

static const struct scene {
    const char *name;
    void (*run)(struct database *database);
} scenes[] = {
#define SCENE(name) \
    { #name, name }
    SCENE(a_question),
    SCENE(a_question_that_is_kept),
    SCENE(questions_that_are_left),
    SCENE(many_rows_that_are_kept),
    SCENE(questions_that_fail),
    SCENE(changes_alone),
    SCENE(changes_together),
    SCENE(changes_of_which_one_fails),
    SCENE(a_statement_that_cannot_be_prepared),
    SCENE(more_changes_than_go_on_one_way),
    SCENE(what_else_a_database_is_asked),
    SCENE(all_kinds_of_parameters),
};

/* Nothing is left on its way, and nobody holds a result (which the sanitizer looks after). */
static void scene_run(const struct scene *scene, long fails) {
    struct database *database = server_open();
    server.fails = fails;
    scene->run(database);
    while (server.count) server_clear(server_get_any());
}

static void what_is_sent_and_told_is_what_it_was(void **state) {
    static char bytes[told_max];
    (void)state;
    told = text_in_buffer(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        text_printf(&told, "== %s\n", scenes[i].name);
        scene_run(&scenes[i], 0);
    }
    told_compare("postgres_statements", &told);
}

/* The connection breaks at each call of each scene: whoever asks is told so, and nothing is left. Of what was told
 * up to there nothing is another. */
static void a_connection_that_breaks_is_told_wherever_it_does(void **state) {
    static char whole[told_max], bytes[told_max], cut[told_max];
    (void)state;
    struct text all = text_in_buffer(cut, sizeof cut);
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        if (scenes[i].run == more_changes_than_go_on_one_way || scenes[i].run == many_rows_that_are_kept) continue;
        told = text_in_buffer(whole, sizeof whole);
        scene_run(&scenes[i], 0);
        for (long n = 1;; n++) {
            told = text_in_buffer(bytes, sizeof bytes);
            scene_run(&scenes[i], n);
            if (!server.failed) break;
            size_t same = 0;
            while (same < told.len && bytes[same] == whole[same]) same++;
            while (same && bytes[same - 1] != '\n') same--;
            text_printf(&all, "== %s: its call %ld\n", scenes[i].name, n);
            text_put(&all, str_make(bytes + same, told.len - same));
            text_printf(&all, "  gone: %d\n", database_is_gone(&database_of.base));
        }
    }
    told_compare("postgres_breaks", &all);
}

static void what_a_cell_holds_is_read_by_its_type(void **state) {
    static const struct {
        struct server_cell cell;
        enum database_kind kind;
        int64_t number;
    } cells[] = {
        {{server_int8, STR_NONE}, database_null, 0},
        {{server_text, STR_NONE}, database_null, 0},
        {{server_bool, STR("\1")}, database_number, 1},
        {{server_bool, STR("\0")}, database_number, 0},
        {{server_bool, STR("\2")}, database_number, 1},
        {{server_int2, STR("\x7f\xff")}, database_number, 32767},
        {{server_int2, STR("\x80\0")}, database_number, -32768},
        {{server_int2, STR("\xff\xff")}, database_number, -1},
        {{server_int4, STR("\0\0\x01\x02")}, database_number, 258},
        {{server_int4, STR("\xff\xff\xff\xfe")}, database_number, -2},
        {{server_int8, STR("\x7f\xff\xff\xff\xff\xff\xff\xff")}, database_number, INT64_MAX},
        {{server_int8, STR("\x80\0\0\0\0\0\0\0")}, database_number, INT64_MIN},
        {{server_int8, STR("\0\0\0\0\0\0\0\x80")}, database_number, 128},
        {{server_int8, STR("\0\0\0\0\0\0\0\x05\x09")}, database_number, 5},
        {{server_int8, STR("")}, database_number, 0},
        {{server_text, STR("12")}, database_text, 0},
        {{server_bytes, STR("\1")}, database_bytes, 0},
        {{1043, STR("varchar")}, database_text, 0},
        /* digits, weight, sign, scale, and digits to the base of 10,000 */
        {{server_numeric, STR("\0\0\0\0\0\0\0\0")}, database_number, 0},
        {{server_numeric, STR("\0\1\0\0\0\0\0")}, database_number, 0}, /* cut off */
        {{server_numeric, STR("\0\1\0\0\0\0\0\0\0\7")}, database_number, 7},
        {{server_numeric, STR("\0\1\0\0\x40\0\0\0\0\7")}, database_number, -7},
        {{server_numeric, STR("\0\1\0\1\0\0\0\0\0\7")}, database_number, 70000},
        {{server_numeric, STR("\0\2\0\1\0\0\0\0\0\1\x27\x0f")}, database_number, 19999},
        {{server_numeric, STR("\0\2\0\0\0\0\0\1\0\1\x13\x88")}, database_number, 1}, /* 1.5 */
        {{server_numeric, STR("\0\1\xff\xff\0\0\0\1\x13\x88")}, database_number, 0}, /* 0.5 */
        {{server_numeric, STR("\0\2\0\1\0\0\0\0\0\1")}, database_number, 10000},     /* its second is cut off */
        {{server_numeric, STR("\0\2\0\1\0\0\0\0\0\1\x27")}, database_number, 10000}, /* and half of it */
        /* 9223372036854775807, one more, and their negatives */
        {{server_numeric, STR("\0\5\0\4\0\0\0\0\x03\x9a\x0d\x2c\x01\x70\x15\x65\x16\xaf")}, database_number, INT64_MAX},
        {{server_numeric, STR("\0\5\0\4\0\0\0\0\x03\x9a\x0d\x2c\x01\x70\x15\x65\x16\xb0")}, database_number, INT64_MAX},
        {{server_numeric, STR("\0\5\0\4\x40\0\0\0\x03\x9a\x0d\x2c\x01\x70\x15\x65\x16\xaf")},
         database_number,
         -INT64_MAX},
        {{server_numeric, STR("\0\5\0\4\x40\0\0\0\x03\x9a\x0d\x2c\x01\x70\x15\x65\x16\xb0")},
         database_number,
         INT64_MIN},
        {{server_numeric, STR("\0\1\0\5\0\0\0\0\0\1")}, database_number, INT64_MAX},
        {{server_numeric, STR("\0\1\0\5\x40\0\0\0\0\1")}, database_number, INT64_MIN},
    };
    (void)state;
    static char ignored[4096];
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct server_answer answer = {"SELECT", "1", 1, 1, {{cells[i].cell}}};
        told = text_in_buffer(ignored, sizeof ignored);
        struct database *database = server_open();
        server.answers = &answer, server.answer_count = 1;
        struct statement *row = statement_make(database, "SELECT a");
        assert_int_equal(statement_step(row), database_row);
        if (row_kind(row, 0) != cells[i].kind || row_number(row, 0) != cells[i].number)
            fail_msg("cell %zu: %d %lld", i, row_kind(row, 0), (long long)row_number(row, 0));
        assert_true(str_eq(row_text(row, 0), cells[i].cell.bytes.at ? cells[i].cell.bytes : STR("")));
        assert_true(str_eq(row_bytes(row, 0), row_text(row, 0)));
        statement_end(row);
    }
}

/* In one line, up to its room, without the password wherever it stands, and without the way there. */
static void what_failed_is_said_in_one_line_without_the_password(void **state) {
    static char bytes[4096], is[400], wanted[400];
    static char secret[] = "pw!";
    static const struct {
        const char *said, *told;
    } problems[] = {
        {"plain", "plain"},
        {"a\tb\nc\n", "a b c"},
        {"pw! and pw!pw!", "*** and ******"},
        {"pw and pw", "pw and pw"},
        {"connection to server failed: FATAL:  no such role", "no such role"},
        {"no root file. Either provide the file or so", "no root file."},
        {"", "the server broke the connection"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof *problems + 8; i++) {
        told = text_in_buffer(bytes, sizeof bytes);
        struct database *database = server_open();
        database_of.secret = secret;
        if (i < sizeof problems / sizeof *problems) {
            str_copy(is, sizeof is, str_from(problems[i].said));
            str_copy(wanted, sizeof wanted, str_from(problems[i].told));
        } else { /* 292 bytes and more, and a password behind them, of which no part is told: the room is for 299 */
            const size_t len = 292 + i - sizeof problems / sizeof *problems;
            memset(is, 'x', sizeof is - 1), memset(wanted, 'x', sizeof wanted - 1);
            memcpy(is + len, "pw!yyyyyyyyyyyyyy", 18);
            memcpy(wanted + len, "***yyyyyyyyyyyyyy", 18);
            if (len + 4 >= sizeof database_of.problem) memcpy(wanted + len, "yyyyyyyyyyyyyy", 15);
            wanted[sizeof database_of.problem - 1] = 0;
        }
        server.problem = is;
        struct statement *bad = statement_make(database, "SELECT bad");
        assert_int_equal(statement_step(bad), database_failed);
        assert_string_equal(database_problem(database), wanted);
        statement_end(bad);
    }
}

/* No memory: no statement, no row and no parameter is half of one. */
static void without_memory_nothing_is_half_there(void **state) {
    static char bytes[told_max];
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        if (scenes[i].run != a_question_that_is_kept) continue;
        for (uint64_t n = 5; n < 12; n++) { /* behind the making of both */
            told = text_in_buffer(bytes, sizeof bytes);
            memory_fail_at(n);
            scene_run(&scenes[i], 0);
            memory_fail_at(0);
        }
    }
    told = text_in_buffer(bytes, sizeof bytes);
    struct database *database = server_open();
    struct statement *rows = statement_make(database, "SELECT many"), *none = statement_make(database, "SELECT none");
    assert_int_equal(statement_step(rows), database_row);
    memory_fail_at(1); /* for what would have been kept of it */
    assert_int_equal(statement_step(none), database_done);
    memory_fail_at(0);
    assert_int_equal(statement_step(rows), database_failed);
    statement_reset(rows);
    assert_int_equal(statement_step(rows), database_row);
    statement_end(rows), statement_end(none);
    memory_fail_at(1);
    assert_null(statement_make(server_open(), "SELECT a"));
    memory_fail_at(2);
    assert_null(statement_make(server_open(), "SELECT a"));
    memory_fail_at(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_and_told_is_what_it_was),
        cmocka_unit_test(a_connection_that_breaks_is_told_wherever_it_does),
        cmocka_unit_test(what_failed_is_said_in_one_line_without_the_password),
        cmocka_unit_test(what_a_cell_holds_is_read_by_its_type),
        cmocka_unit_test(without_memory_nothing_is_half_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
