/* client_store.c - the statements behind client_store.h. The table is made by the ledger's migrations. */
#include "store/client_store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/ledger_internal.h"

struct client_store {
    struct ledger *ledger;
    sqlite3 *sqlite;
};

/* A key that was shown must be there after a power cut. */
static const char client_pragmas[] = "PRAGMA synchronous = FULL; PRAGMA cache_size = -512;";

struct client_store *client_store_open(const char *path, char *problem, size_t size) {
    struct client_store *store = memory_take_zeroed(sizeof *store);
    if (!store) {
        snprintf(problem, size, "no memory for the clients");
        return NULL;
    }
    store->ledger = ledger_open_beside(path, problem, size);
    if (!store->ledger) {
        memory_give(store);
        return NULL;
    }
    store->sqlite = ledger_sqlite(store->ledger);
    if (sqlite3_exec(store->sqlite, client_pragmas, NULL, NULL, NULL) == SQLITE_OK) return store;
    snprintf(problem, size, "%s: %s", path, client_store_problem(store));
    client_store_close(store);
    return NULL;
}

void client_store_close(struct client_store *store) {
    if (!store) return;
    ledger_close(store->ledger);
    memory_give(store);
}

const char *client_store_problem(struct client_store *store) { return ledger_problem(store->ledger); }

static sqlite3_stmt *client_statement(struct client_store *store, const char *sql) {
    sqlite3_stmt *statement = NULL;
    return sqlite3_prepare_v2(store->sqlite, sql, -1, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

static struct str column_text(sqlite3_stmt *statement, int column) {
    const char *at = (const char *)sqlite3_column_text(statement, column);
    return str_make(at ? at : "", (size_t)sqlite3_column_bytes(statement, column));
}

/* false: the row is not as it was written. */
static bool column_bytes(sqlite3_stmt *statement, int column, void *into, size_t size) {
    const void *at = sqlite3_column_blob(statement, column);
    if (!at || (size_t)sqlite3_column_bytes(statement, column) != size) return false;
    memcpy(into, at, size);
    return true;
}

bool client_store_each(struct client_store *store, bool (*tell)(void *context, const struct stored_client *client),
                       void *context) {
    sqlite3_stmt *statement =
        client_statement(store, "SELECT name, settings, of_file, revoked, id, digest, previous, previous_until_s, "
                                "made_s, changed_s, rotated_s FROM clients ORDER BY number");
    int step = SQLITE_ERROR;
    while (statement && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct stored_client client = {.name = column_text(statement, 0),
                                       .settings = column_text(statement, 1),
                                       .of_file = sqlite3_column_int(statement, 2) != 0,
                                       .revoked = sqlite3_column_int(statement, 3) != 0,
                                       .previous_until_s = sqlite3_column_int64(statement, 7),
                                       .made_s = sqlite3_column_int64(statement, 8),
                                       .changed_s = sqlite3_column_int64(statement, 9),
                                       .rotated_s = sqlite3_column_int64(statement, 10)};
        bool good = column_bytes(statement, 4, client.id, sizeof client.id) &&
                    (client.of_file || column_bytes(statement, 5, &client.digest, sizeof client.digest));
        client.has_previous = column_bytes(statement, 6, &client.previous, sizeof client.previous);
        if (good && tell(context, &client)) continue;
        step = SQLITE_ERROR;
        break;
    }
    sqlite3_finalize(statement);
    return step == SQLITE_DONE;
}

bool client_store_put(struct client_store *store, const struct stored_client *client) {
    sqlite3_stmt *statement = client_statement(
        store, "INSERT INTO clients(name, settings, of_file, revoked, id, digest, previous, previous_until_s, made_s, "
               "changed_s, rotated_s) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT(name, "
               "of_file) DO UPDATE SET settings = excluded.settings, revoked = excluded.revoked, "
               "id = excluded.id, digest = excluded.digest, previous = excluded.previous, "
               "previous_until_s = excluded.previous_until_s, changed_s = excluded.changed_s, "
               "rotated_s = excluded.rotated_s");
    if (!statement) return false;
    sqlite3_bind_text(statement, 1, client->name.at, (int)client->name.len, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, client->settings.at, (int)client->settings.len, SQLITE_STATIC);
    sqlite3_bind_int(statement, 3, client->of_file);
    sqlite3_bind_int(statement, 4, client->revoked);
    sqlite3_bind_blob(statement, 5, client->id, sizeof client->id, SQLITE_STATIC);
    if (!client->of_file) sqlite3_bind_blob(statement, 6, &client->digest, sizeof client->digest, SQLITE_STATIC);
    if (client->has_previous)
        sqlite3_bind_blob(statement, 7, &client->previous, sizeof client->previous, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 8, client->previous_until_s);
    sqlite3_bind_int64(statement, 9, client->made_s);
    sqlite3_bind_int64(statement, 10, client->changed_s);
    sqlite3_bind_int64(statement, 11, client->rotated_s);
    bool good = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return good;
}

bool client_store_remove(struct client_store *store, struct str name) {
    sqlite3_stmt *statement = client_statement(store, "DELETE FROM clients WHERE name = ?1 AND of_file");
    if (!statement) return false;
    sqlite3_bind_text(statement, 1, name.at, (int)name.len, SQLITE_STATIC);
    bool good = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return good;
}

bool client_store_settings(struct client_store *store, struct str name, struct arena *arena, struct str *settings) {
    sqlite3_stmt *statement = client_statement(store, "SELECT settings FROM clients WHERE name = ?1 AND NOT revoked "
                                                      "ORDER BY of_file DESC LIMIT 1");
    *settings = STR_NONE;
    if (!statement) return false;
    sqlite3_bind_text(statement, 1, name.at, (int)name.len, SQLITE_STATIC);
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW) *settings = arena_copy(arena, column_text(statement, 0));
    bool good = step == SQLITE_DONE || (step == SQLITE_ROW && settings->at);
    sqlite3_finalize(statement);
    return good;
}

bool client_store_any(struct client_store *store, bool *any) {
    sqlite3_stmt *statement =
        client_statement(store, "SELECT EXISTS(SELECT 1 FROM clients WHERE NOT of_file AND NOT revoked)");
    bool good = statement && sqlite3_step(statement) == SQLITE_ROW;
    *any = good && sqlite3_column_int(statement, 0) != 0;
    sqlite3_finalize(statement);
    return good;
}

bool client_store_seal(struct client_store *store, const struct sha256 *seal, bool *same) {
    struct sha256 known;
    sqlite3_stmt *statement = client_statement(store, "SELECT seal FROM client_seal");
    int step = statement ? sqlite3_step(statement) : SQLITE_ERROR;
    bool good = step == SQLITE_DONE || (step == SQLITE_ROW && column_bytes(statement, 0, &known, sizeof known));
    sqlite3_finalize(statement);
    *same = step == SQLITE_DONE || (good && hash_equal(&known, seal));
    if (step != SQLITE_DONE) return good;
    if (!(statement = client_statement(store, "INSERT INTO client_seal VALUES(?1)"))) return false;
    sqlite3_bind_blob(statement, 1, seal, sizeof *seal, SQLITE_STATIC);
    good = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return good;
}
