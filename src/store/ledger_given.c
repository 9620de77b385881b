/* ledger_given.c - see ledger_given.h. */
#include "store/ledger_given.h"

#include "base/check.h"
#include "base/memory.h"

struct ledger_given {
    struct statement *find, *put;
};

/* The columns are those of the record's table, in its order. */
static void columns_put(struct text *sql, const char *form) {
    for (int i = 0; i < record_givens; i++) {
        const struct str name = record_given_name((enum record_given)i);
        for (const char *at = form; *at; at++) {
            if (*at == '%')
                text_put(sql, name);
            else
                text_put_byte(sql, *at);
        }
    }
}

static struct statement *find_prepare(struct database *database) {
    char sql[512];
    struct text text = TEXT_IN_STRING(sql);
    text_put(&text, STR("SELECT id"));
    columns_put(&text, ", %");
    text_put(&text, STR(" FROM given WHERE id = ?1"));
    CHECK(!text.failed);
    sql[text.len] = 0;
    return statement_keep(database, sql);
}

static struct statement *put_prepare(struct database *database) {
    char sql[1024];
    struct text text = TEXT_IN_STRING(sql);
    text_put(&text, STR("INSERT INTO given(id, time_ms"));
    columns_put(&text, ", %");
    text_put(&text, STR(") VALUES(?1, ?2"));
    for (int i = 0; i < record_givens; i++) text_printf(&text, ", ?%d", i + 3);
    text_put(&text, STR(") ON CONFLICT(id) DO UPDATE SET time_ms = excluded.time_ms"));
    columns_put(&text, ", % = excluded.%");
    CHECK(!text.failed);
    sql[text.len] = 0;
    return statement_keep(database, sql);
}

struct ledger_given *ledger_given_open(struct database *database) {
    struct ledger_given *given = memory_take_zeroed(sizeof *given);
    if (!given) return NULL;
    given->find = find_prepare(database);
    given->put = put_prepare(database);
    if (given->find && given->put) return given;
    ledger_given_close(given);
    return NULL;
}

void ledger_given_close(struct ledger_given *given) {
    if (!given) return;
    statement_end(given->find);
    statement_end(given->put);
    memory_give(given);
}

bool ledger_given_note(struct ledger_given *given, int64_t id, int64_t time_ms, const int64_t counts[record_givens],
                       int64_t more[record_givens], bool *any) {
    int64_t all[record_givens];
    param_number(given->find, 1, id);
    const enum database_step found = statement_step(given->find);
    *any = false;
    for (int i = 0; i < record_givens; i++) {
        const int64_t before = found == database_row ? row_number(given->find, i + 1) : 0;
        all[i] = counts[i] > before ? counts[i] : before; /* a copy of earlier takes nothing back */
        more[i] = all[i] - before;
        *any = *any || more[i] > 0;
    }
    statement_reset(given->find);
    if (found == database_failed) return false;
    if (!*any) return true;
    param_number(given->put, 1, id);
    param_number(given->put, 2, time_ms);
    param_numbers(given->put, 3, all, record_givens);
    return statement_send(given->put, NULL);
}

static bool given_delete(struct database *database, const char *sql, const int64_t *numbers, size_t count) {
    struct statement *statement = statement_make(database, sql);
    if (statement) param_numbers(statement, 1, numbers, count);
    return statement_run_once(statement);
}

/* 0: it has none so far; below 0: a failure. */
static int64_t instance_number(struct database *database, uint64_t instance) {
    struct statement *find = statement_make(database, "SELECT id FROM instances WHERE instance = ?1");
    if (find) param_number(find, 1, (int64_t)instance);
    const enum database_step found = find ? statement_step(find) : database_failed;
    const int64_t number = found == database_row ? row_number(find, 0) : found == database_done ? 0 : -1;
    statement_end(find);
    return number;
}

bool ledger_given_forget(struct ledger *ledger, uint64_t instance, int64_t until_ms, int64_t before_ms) {
    struct database *database = ledger_database(ledger);
    const int64_t number = instance_number(database, instance);
    const int64_t own[] = {ledger_process_first(number), ledger_process_first(number + 1), until_ms};
    return number >= 0 &&
           (!number ||
            given_delete(database, "DELETE FROM given WHERE id >= ?1 AND id < ?2 AND time_ms < ?3", own, 3)) &&
           (!before_ms || given_delete(database, "DELETE FROM given WHERE time_ms < ?1", &before_ms, 1));
}
