/* client_store.c - the statements behind client_store.h. The table is made by the ledger's migrations. */
#include "store/client_store.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/ledger_internal.h"

struct client_store {
    struct ledger *ledger;
    struct database *database;
};

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
    store->database = ledger_database(store->ledger);
    if (database_care(store->database, database_small))
        return store; /* a key that was shown must be there after a power cut */
    snprintf(problem, size, "%s: %s", path, client_store_problem(store));
    client_store_close(store);
    return NULL;
}

void client_store_close(struct client_store *store) {
    if (!store) return;
    ledger_close(store->ledger);
    memory_give(store);
}

bool client_store_is_gone(struct client_store *store) { return ledger_is_gone(store->ledger); }

const char *client_store_problem(struct client_store *store) { return ledger_problem(store->ledger); }

static struct statement *client_statement(struct client_store *store, const char *sql) {
    return statement_make(store->database, sql);
}

/* false: the row is not as it was written. */
static bool column_bytes(struct statement *statement, int column, void *into, size_t size) {
    const struct str bytes = row_bytes(statement, column);
    if (bytes.len != size) return false;
    memcpy(into, bytes.at, size);
    return true;
}

bool client_store_each(struct client_store *store, bool (*tell)(void *context, const struct stored_client *client),
                       void *context) {
    struct statement *statement =
        client_statement(store, "SELECT name, settings, of_file, revoked, id, digest, previous, previous_until_s, "
                                "made_s, changed_s, rotated_s FROM clients ORDER BY number");
    enum database_step step = database_failed;
    while (statement && (step = statement_step(statement)) == database_row) {
        struct stored_client client = {.name = row_text(statement, 0),
                                       .settings = row_text(statement, 1),
                                       .of_file = (int)row_number(statement, 2) != 0,
                                       .revoked = (int)row_number(statement, 3) != 0,
                                       .previous_until_s = row_number(statement, 7),
                                       .made_s = row_number(statement, 8),
                                       .changed_s = row_number(statement, 9),
                                       .rotated_s = row_number(statement, 10)};
        bool good = column_bytes(statement, 4, client.id, sizeof client.id) &&
                    (client.of_file || column_bytes(statement, 5, &client.digest, sizeof client.digest));
        client.has_previous = column_bytes(statement, 6, &client.previous, sizeof client.previous);
        if (good && tell(context, &client)) continue;
        step = database_failed;
        break;
    }
    statement_end(statement);
    return step == database_done;
}

bool client_store_put(struct client_store *store, const struct stored_client *client) {
    struct statement *statement = client_statement(
        store, "INSERT INTO clients(name, settings, of_file, revoked, id, digest, previous, previous_until_s, made_s, "
               "changed_s, rotated_s) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT(name, "
               "of_file) DO UPDATE SET settings = excluded.settings, revoked = excluded.revoked, "
               "id = excluded.id, digest = excluded.digest, previous = excluded.previous, "
               "previous_until_s = excluded.previous_until_s, changed_s = excluded.changed_s, "
               "rotated_s = excluded.rotated_s");
    if (!statement) return false;
    param_text(statement, 1, client->name);
    param_text(statement, 2, client->settings);
    param_number(statement, 3, client->of_file);
    param_number(statement, 4, client->revoked);
    param_bytes(statement, 5, client->id, sizeof client->id);
    if (!client->of_file) param_bytes(statement, 6, &client->digest, sizeof client->digest);
    if (client->has_previous) param_bytes(statement, 7, &client->previous, sizeof client->previous);
    param_number(statement, 8, client->previous_until_s);
    param_number(statement, 9, client->made_s);
    param_number(statement, 10, client->changed_s);
    param_number(statement, 11, client->rotated_s);
    return statement_run_once(statement);
}

bool client_store_remove(struct client_store *store, struct str name) {
    struct statement *statement = client_statement(store, "DELETE FROM clients WHERE name = ?1 AND of_file <> 0");
    if (!statement) return false;
    param_text(statement, 1, name);
    return statement_run_once(statement);
}

bool client_store_settings(struct client_store *store, struct str name, struct arena *arena, struct str *settings) {
    struct statement *statement =
        client_statement(store, "SELECT settings FROM clients WHERE name = ?1 AND revoked = 0 "
                                "ORDER BY of_file DESC LIMIT 1");
    *settings = STR_NONE;
    if (!statement) return false;
    param_text(statement, 1, name);
    int step = statement_step(statement);
    if (step == database_row) *settings = arena_copy(arena, row_text(statement, 0));
    bool good = step == database_done || (step == database_row && settings->at);
    statement_end(statement);
    return good;
}

bool client_store_any(struct client_store *store, bool *any) {
    struct statement *statement =
        client_statement(store, "SELECT EXISTS(SELECT 1 FROM clients WHERE of_file = 0 AND revoked = 0)");
    bool good = statement && statement_step(statement) == database_row;
    *any = good && (int)row_number(statement, 0) != 0;
    statement_end(statement);
    return good;
}

bool client_store_seal(struct client_store *store, const struct sha256 *seal, bool *same) {
    struct sha256 known;
    struct statement *statement = client_statement(store, "SELECT seal FROM client_seal");
    int step = statement ? statement_step(statement) : database_failed;
    bool good = step == database_done || (step == database_row && column_bytes(statement, 0, &known, sizeof known));
    statement_end(statement);
    *same = step == database_done || (good && hash_equal(&known, seal));
    if (step != database_done) return good;
    if (!(statement = client_statement(store, "INSERT INTO client_seal VALUES(?1)"))) return false;
    param_bytes(statement, 1, seal, sizeof *seal);
    return statement_run_once(statement);
}
