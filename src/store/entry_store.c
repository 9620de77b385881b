/* entry_store.c - the statements behind entry_store.h. The table is made by the ledger's migrations. */
#include "store/entry_store.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/memory.h"
#include "store/ledger_internal.h"

struct entry_store {
    struct ledger *ledger;
    sqlite3 *sqlite;
};

/* What was said to be done is done after a power cut. */
static const char entry_pragmas[] = "PRAGMA synchronous = FULL; PRAGMA cache_size = -256;";

struct entry_store *entry_store_open(const char *path, char *problem, size_t size) {
    struct entry_store *store = memory_take_zeroed(sizeof *store);
    if (store) store->ledger = ledger_open_beside(path, problem, size);
    if (!store) snprintf(problem, size, "no memory for what was changed at run time");
    if (!store || !store->ledger) {
        memory_give(store);
        return NULL;
    }
    store->sqlite = ledger_sqlite(store->ledger);
    if (sqlite3_exec(store->sqlite, entry_pragmas, NULL, NULL, NULL) == SQLITE_OK) return store;
    snprintf(problem, size, "%s: %s", path, entry_store_problem(store));
    entry_store_close(store);
    return NULL;
}

void entry_store_close(struct entry_store *store) {
    if (!store) return;
    ledger_close(store->ledger);
    memory_give(store);
}

const char *entry_store_problem(struct entry_store *store) { return ledger_problem(store->ledger); }

static sqlite3_stmt *entry_statement(struct entry_store *store, const char *sql) {
    sqlite3_stmt *statement = NULL;
    return sqlite3_prepare_v2(store->sqlite, sql, -1, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

static void entry_bind(sqlite3_stmt *statement, int place, struct str text) {
    sqlite3_bind_text(statement, place, text.len ? text.at : "", (int)text.len, SQLITE_STATIC);
}

static struct str entry_column(sqlite3_stmt *statement, int column) {
    const char *at = (const char *)sqlite3_column_text(statement, column);
    return str_make(at ? at : "", (size_t)sqlite3_column_bytes(statement, column));
}

/* A gateway that has not started with this version yet has not made it. */
static bool entries_are_there(struct entry_store *store, bool *there) {
    sqlite3_stmt *statement = entry_statement(store, "SELECT EXISTS(SELECT 1 FROM sqlite_master WHERE name = "
                                                     "'entries')");
    bool good = statement && sqlite3_step(statement) == SQLITE_ROW;
    *there = good && sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return good;
}

bool entry_store_each(struct entry_store *store, bool (*tell)(void *context, const struct stored_entry *entry),
                      void *context) {
    bool there;
    if (!entries_are_there(store, &there)) return false;
    if (!there) return true;
    sqlite3_stmt *statement =
        entry_statement(store, "SELECT kind, name, how, settings, changed_s FROM entries ORDER BY number");
    int step = SQLITE_ERROR;
    while (statement && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct stored_entry entry = {.kind = entry_column(statement, 0),
                                           .name = entry_column(statement, 1),
                                           .how = entry_column(statement, 2),
                                           .settings = entry_column(statement, 3),
                                           .changed_s = sqlite3_column_int64(statement, 4)};
        if (tell(context, &entry)) continue;
        step = SQLITE_ERROR;
        break;
    }
    sqlite3_finalize(statement);
    return step == SQLITE_DONE;
}

bool entry_store_put(struct entry_store *store, const struct stored_entry *entry) {
    sqlite3_stmt *statement = entry_statement(
        store, "INSERT OR REPLACE INTO entries(kind, name, how, settings, changed_s) VALUES(?1, ?2, ?3, ?4, ?5)");
    if (!statement) return false;
    const struct str texts[] = {entry->kind, entry->name, entry->how, entry->settings};
    for (int i = 0; i < 4; i++) entry_bind(statement, i + 1, texts[i]);
    sqlite3_bind_int64(statement, 5, entry->changed_s);
    bool good = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return good;
}

bool entry_store_remove(struct entry_store *store, struct str kind, struct str name) {
    sqlite3_stmt *statement = entry_statement(store, "DELETE FROM entries WHERE kind = ?1 AND name = ?2");
    if (!statement) return false;
    entry_bind(statement, 1, kind);
    entry_bind(statement, 2, name);
    bool good = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return good;
}
