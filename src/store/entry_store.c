/* entry_store.c - the statements behind entry_store.h. The table is made by the ledger's migrations. */
#include "store/entry_store.h"

#include <stdio.h>

#include "base/memory.h"
#include "store/ledger_internal.h"

struct entry_store {
    struct ledger *ledger;
    struct database *database;
    char problem[256]; /* of a transaction that was undone; empty: none was */
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
    if (database_care(store->database, database_small))
        return store; /* what was said to be done is, after a power cut */
    snprintf(problem, size, "%s: %s", path, entry_store_problem(store));
    entry_store_close(store);
    return NULL;
}

void entry_store_close(struct entry_store *store) {
    if (!store) return;
    ledger_close(store->ledger);
    memory_give(store);
}

const char *entry_store_problem(struct entry_store *store) {
    return store->problem[0] ? store->problem : ledger_problem(store->ledger);
}

bool entry_store_each(struct entry_store *store, bool (*tell)(void *context, const struct stored_entry *entry),
                      void *context) {
    bool there = false;
    if (!database_has_table(store->database, "entries", &there)) return false;
    if (!there) return true; /* a gateway that has not started with this version yet has not made it */
    struct statement *statement =
        statement_make(store->database, "SELECT kind, name, how, settings, changed_s FROM entries ORDER BY number");
    enum database_step step = database_failed;
    while (statement && (step = statement_step(statement)) == database_row) {
        const struct stored_entry entry = {.kind = row_text(statement, 0),
                                           .name = row_text(statement, 1),
                                           .how = row_text(statement, 2),
                                           .settings = row_text(statement, 3),
                                           .changed_s = row_number(statement, 4)};
        if (tell(context, &entry)) continue;
        step = database_failed;
        break;
    }
    statement_end(statement);
    return step == database_done;
}

bool entry_store_remove(struct entry_store *store, struct str kind, struct str name) {
    struct statement *statement = statement_make(store->database, "DELETE FROM entries WHERE kind = ?1 AND name = ?2");
    if (!statement) return false;
    param_text(statement, 1, kind);
    param_text(statement, 2, name);
    return statement_run_once(statement);
}

static bool entry_store_add(struct entry_store *store, const struct stored_entry *entry) {
    struct statement *statement = statement_make(
        store->database, "INSERT INTO entries(kind, name, how, settings, changed_s) VALUES(?1, ?2, ?3, ?4, ?5)");
    if (!statement) return false;
    param_text(statement, 1, entry->kind);
    param_text(statement, 2, entry->name);
    param_text(statement, 3, entry->how);
    param_text(statement, 4, entry->settings);
    param_number(statement, 5, entry->changed_s);
    return statement_run_once(statement);
}

bool entry_store_put(struct entry_store *store, const struct stored_entry *entry) {
    if (!database_begin(store->database)) return false;
    if (entry_store_remove(store, entry->kind, entry->name) && entry_store_add(store, entry) &&
        database_commit(store->database))
        return true;
    snprintf(store->problem, sizeof store->problem, "%s", ledger_problem(store->ledger));
    database_undo(store->database);
    return false;
}
