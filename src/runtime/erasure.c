/* erasure.c - see erasure.h. */
#include "runtime/erasure.h"

#include <stdio.h>
#include <unistd.h>

#include "net/loop.h"
#include "snapshot/cache.h"
#include "store/audit.h"
#include "store/cache_db.h"
#include "store/conversation_db.h"

enum { erasure_path_max = 1100, erasure_clients_most = 100000 };

/* NULL: there is none, or *problem says why it cannot be opened. */
static struct response_db *erasure_responses(struct erasure *erasure) {
    char path[erasure_path_max];
    snprintf(path, sizeof path, "%s/responses.db", erasure->state_dir);
    return access(path, F_OK) == 0 ? response_db_open(path, erasure->problem, sizeof erasure->problem) : NULL;
}

static bool line_put(void *context, struct str line) {
    struct erasure *erasure = context;
    erasure->any = true;
    return erasure->put(erasure->context, line);
}

/* Turns of its conversations, page by page. */
static bool turns_put(struct erasure *erasure, struct str client, struct response_db *responses) {
    struct arena arena;
    bool good = true, more = true;
    arena_init(&arena, 64 * 1024, 512 * 1024 * 1024);
    for (int64_t after = 0; good && more;) {
        struct text text = text_in_arena(&arena, 64 * 1024);
        good = conversation_db_lines(responses, client, STR(""), &after, 1024 * 1024, &text, erasure->problem,
                                     sizeof erasure->problem) == stored_found;
        more = good && text.len;
        if (more) good = line_put(erasure, text_str(&text));
        arena_reset(&arena);
    }
    arena_free(&arena);
    return good;
}

static bool client_export(struct erasure *erasure, struct str client, struct ledger *ledger,
                          struct response_db *responses) {
    bool good = ledger_export(ledger, client, line_put, erasure);
    if (!good) snprintf(erasure->problem, sizeof erasure->problem, "%s", ledger_problem(ledger));
    return good && (!responses || (response_db_export(responses, client, line_put, erasure, erasure->problem,
                                                      sizeof erasure->problem) &&
                                   turns_put(erasure, client, responses)));
}

static bool is_clients_answer(void *client, const struct cache_row *row) {
    const struct str *name = client;
    return str_eq(row->texts[cache_text_client], *name);
}

/* Of the response cache's file, whether the cache is on now or was once. */
static bool answers_purge(struct erasure *erasure, struct str client, int64_t now_ms) {
    char path[erasure_path_max];
    snprintf(path, sizeof path, "%s/cache.db", erasure->state_dir);
    if (access(path, F_OK) != 0) return true;
    struct cache_db *db = cache_db_open(path, erasure->problem, sizeof erasure->problem);
    if (!db) return false;
    bool good = cache_db_purge(db, is_clients_answer, &client, now_ms / 1000);
    if (!good) snprintf(erasure->problem, sizeof erasure->problem, "cache.db: %s", cache_db_problem(db));
    cache_db_close(db);
    return good;
}

static bool client_purge(struct erasure *erasure, struct str client, struct ledger *ledger,
                         struct response_db *responses) {
    struct erased_told told;
    int64_t now_ms = clock_read().wall_ns / (int64_t)NS_PER_MS, stored = 0, words = 0;
    bool good = ledger_erase(ledger, client, now_ms, &told, erasure->problem, sizeof erasure->problem);
    if (good && responses) stored = response_db_purge(responses, client, erasure->problem, sizeof erasure->problem);
    good = good && stored >= 0 && answers_purge(erasure, client, now_ms);
    if (good && (words = audit_erase(ledger, client)) < 0) {
        snprintf(erasure->problem, sizeof erasure->problem, "%s", ledger_problem(ledger));
        good = false;
    }
    if (!good) return false;
    str_copy(erasure->told.tombstone, sizeof erasure->told.tombstone, str_from(told.tombstone));
    erasure->told.attempts += told.attempts;
    erasure->told.sums += told.sums;
    erasure->told.audit_names += words;
    erasure->stored += stored;
    erasure->any = erasure->any || told.attempts || told.sums || stored;
    if (!erasure->purged || erasure->purged(erasure->context, client, &told)) return true;
    snprintf(erasure->problem, sizeof erasure->problem,
             "answers that `%.*s` asked for may still stand in STATE_DIR/cache.db: weir cache purge --client",
             STR_ARG(str_slice(client, 0, 300)));
    return false;
}

/* Its own name last: what fails before can be begun again by it. */
static bool owner_purge(struct erasure *erasure, struct ledger *ledger) {
    struct erased_told told;
    int64_t now_ms = clock_read().wall_ns / (int64_t)NS_PER_MS;
    if (!ledger_erase_owner(ledger, erasure->owner, now_ms, &told, erasure->problem, sizeof erasure->problem))
        return false;
    str_copy(erasure->told.tombstone, sizeof erasure->told.tombstone, str_from(told.tombstone));
    erasure->told.audit_names += told.audit_names;
    return true;
}

/* -- whose -- */

static bool erasure_client_add(void *context, struct str client, bool alone) {
    struct erasure *erasure = context;
    if (!alone) {
        if (erasure->left_count++) text_put(&erasure->left, STR(", "));
        text_put_json(&erasure->left, client);
        return true;
    }
    if (erasure->client_count == erasure->room) {
        size_t room = erasure->room ? erasure->room * 2 : 64;
        struct str *clients =
            room <= 2 * erasure_clients_most ? arena_take(&erasure->arena, room * sizeof *clients) : NULL;
        if (!clients) return false;
        for (size_t i = 0; i < erasure->client_count; i++) clients[i] = erasure->clients[i];
        erasure->clients = clients;
        erasure->room = room;
    }
    struct str *kept = &erasure->clients[erasure->client_count++];
    *kept = arena_copy(&erasure->arena, client);
    return kept->at != NULL;
}

static bool erasure_clients_find(struct erasure *erasure, struct ledger *ledger) {
    erasure->left = text_in_arena(&erasure->arena, 256);
    bool good = erasure->owner.len ? ledger_owner_clients(ledger, erasure->owner, erasure_client_add, erasure)
                                   : erasure_client_add(erasure, erasure->client, true);
    if (!good || erasure->left.failed)
        snprintf(erasure->problem, sizeof erasure->problem, "the clients cannot be told: %s", ledger_problem(ledger));
    return good && !erasure->left.failed;
}

static bool erasure_each(struct erasure *erasure, struct ledger *ledger, struct response_db *responses) {
    bool good = erasure_clients_find(erasure, ledger);
    for (size_t i = 0; i < erasure->client_count && good; i++)
        good = (erasure->purges ? client_purge : client_export)(erasure, erasure->clients[i], ledger, responses);
    return good && (!erasure->purges || !erasure->owner.len || owner_purge(erasure, ledger));
}

bool erasure_run(struct erasure *erasure) {
    arena_init(&erasure->arena, 16 * 1024, 64 * 1024 * 1024);
    struct ledger *ledger = ledger_open(erasure->place, erasure->problem, sizeof erasure->problem);
    struct response_db *responses = ledger ? erasure_responses(erasure) : NULL;
    bool good = ledger && !erasure->problem[0] && erasure_each(erasure, ledger, responses);
    response_db_close(responses);
    ledger_close(ledger);
    return good;
}

void erasure_free(struct erasure *erasure) {
    if (erasure->arena.newest) arena_free(&erasure->arena);
}

void erasure_tell(const struct erasure *erasure, struct text *text) {
    const struct erased_told *told = &erasure->told;
    text_put_byte(text, '{');
    text_json_str(text, STR("tombstone"), str_from(told->tombstone));
    text_json_i64(text, STR("attempts"), told->attempts);
    text_json_i64(text, STR("hours"), told->sums);
    text_json_i64(text, STR("responses"), erasure->stored);
    text_json_i64(text, STR("audit_names"), told->audit_names);
    if (erasure->owner.len) {
        text_json_u64(text, STR("clients"), erasure->client_count);
        text_json_key(text, STR("left"));
        text_put_byte(text, '[');
        text_put(text, text_str(&erasure->left));
        text_put_byte(text, ']');
    }
    text_put_byte(text, '}');
}
