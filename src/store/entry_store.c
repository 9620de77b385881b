/* entry_store.c - the statements behind entry_store.h. The table is made by the ledger's migrations. */
#include "store/entry_store.h"

#include <stdio.h>

#include "base/memory.h"
#include "store/ledger_internal.h"

struct entry_store {
    struct ledger *ledger;
    struct database *database;
};

struct entry_store *entry_store_open(const char *path, char *problem, size_t size) {
    struct entry_store *store = memory_take_zeroed(sizeof *store);
    if (store) store->ledger = ledger_open_beside(path, problem, size);
    if (!store) snprintf(problem, size, "no memory for what was changed at run time");
    if (!store || !store->ledger) {
        memory_give(store);
        return NULL;
    }
    store->database = ledger_database(store->ledger);
    if (database_care(store->database, database_small)) return store;
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

bool entry_store_each(struct entry_store *store, bool (*tell)(void *context, const struct stored_entry *entry),
                      void *context) {
    bool there;
    if (!database_has_table(store->database, "entries", &there)) return false;
    if (!there) return true; /* a gateway that has not started with this version yet has not made it */
    struct statement *row =
        statement_make(store->database, "SELECT kind, name, how, settings, changed_s FROM entries ORDER BY number");
    enum database_step step = database_failed;
    while (row && (step = statement_step(row)) == database_row) {
        const struct stored_entry entry = {.kind = row_text(row, 0),
                                           .name = row_text(row, 1),
                                           .how = row_text(row, 2),
                                           .settings = row_text(row, 3),
                                           .changed_s = row_number(row, 4)};
        if (tell(context, &entry)) continue;
        step = database_failed;
        break;
    }
    statement_end(row);
    return step == database_done;
}

bool entry_store_remove(struct entry_store *store, struct str kind, struct str name) {
    struct statement *statement = statement_make(store->database, "DELETE FROM entries WHERE kind = ?1 AND name = ?2");
    if (statement) {
        param_text(statement, 1, kind);
        param_text(statement, 2, name);
    }
    return statement_run_once(statement);
}

static bool entry_add(struct entry_store *store, const struct stored_entry *entry) {
    struct statement *statement = statement_make(
        store->database, "INSERT INTO entries(kind, name, how, settings, changed_s) VALUES(?1, ?2, ?3, ?4, ?5)");
    const struct str texts[] = {entry->kind, entry->name, entry->how, entry->settings};
    for (int i = 0; i < 4 && statement; i++) param_text(statement, i + 1, texts[i]);
    if (statement) param_number(statement, 5, entry->changed_s);
    return statement_run_once(statement);
}

bool entry_store_put(struct entry_store *store, const struct stored_entry *entry) {
    if (!database_begin(store->database)) return false;
    if (entry_store_remove(store, entry->kind, entry->name) && entry_add(store, entry) &&
        database_commit(store->database))
        return true;
    database_undo(store->database);
    return false;
}
