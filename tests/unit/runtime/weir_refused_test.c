/* weir_refused_test.c - changes that were written into the audit and then could not be kept: each is refused, changes
 * nothing that is in force, and stands in the audit a second time, as failed. */
#include "../gateway/story.h"

#include <sqlite3.h>

#include "weir.h"

static const char config[] =
    "| state_dir: '%D'\n| listen: 127.0.0.1:0\n| workers: 1\n| responses: {store: false}\n"
    "| providers: {a: {type: openai, api_key: k, base_url: '%U', models: [m], health_check_interval: 0}}\n"
    "| budgets: {shared: {usd: 3, window: lifetime}, lately: {usd: 2, window: 24h, rolling: true}}\n"
    "| clients: [{name: app, budgets: [shared, lately],\n"
    "|   key_hash: 1111111111111111111111111111111111111111111111111111111111111111}]\n";

/* As if so much had been spent of it, which is also in the ledger. */
static void budget_spent(const char *name, int64_t nano_usd) {
    char sql[256];
    sqlite3 *sqlite;
    struct deployment *deployment = library_deployment(story_place.weir);
    const struct money_budget *budget = deployment->snapshot->first_budget;
    while (budget && !str_eq(budget->name, str_from(name))) budget = budget->next;
    assert_non_null(budget);
    const uint64_t window_s = money_budget_enter(budget, clock_read().wall_ns);
    money_budget_settle(budget, window_s, 0, nano_usd);
    snprintf(sql, sizeof sql, "%s/ledger.db", story_place.folder);
    assert_int_equal(sqlite3_open(sql, &sqlite), SQLITE_OK);
    sqlite3_busy_timeout(sqlite, 10000);
    snprintf(sql, sizeof sql, "INSERT INTO budgets(budget, window_s, nano_usd) VALUES(%lld, %llu, %lld)",
             (long long)budget->identity, (unsigned long long)window_s, (long long)nano_usd);
    if (sqlite3_exec(sqlite, sql, NULL, NULL, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(sqlite));
    sqlite3_close(sqlite);
    deployment_release(deployment);
}

/* From now on nothing of these tables is written. */
static void ledger_refuse(void) {
    static const char *const tables[] = {"budget_extras", "budgets", "clients", "entries"};
    static const char *const orders[] = {"INSERT", "UPDATE", "DELETE"};
    char sql[256];
    sqlite3 *sqlite;
    snprintf(sql, sizeof sql, "%s/ledger.db", story_place.folder);
    assert_int_equal(sqlite3_open(sql, &sqlite), SQLITE_OK);
    sqlite3_busy_timeout(sqlite, 10000);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (size_t k = 0; k < sizeof orders / sizeof *orders; k++) {
            snprintf(sql, sizeof sql, "CREATE TRIGGER no_%s_%s BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, 'no'); END",
                     orders[k], tables[i], orders[k], tables[i]);
            if (sqlite3_exec(sqlite, sql, NULL, NULL, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(sqlite));
        }
    sqlite3_close(sqlite);
}

/* And no file is replaced: a folder stands where its next text would. */
static void files_refuse(void) {
    static const char *const names[] = {"runtime.yaml.tmp", "vault.tmp"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", story_place.folder, names[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
}

/* -- the changes -- */

static bool budget_changes(enum budget_edit_kind kind, const char *name, int64_t nano_usd, char *said, size_t size) {
    char room[2048];
    struct text view = text_in_buffer(room, sizeof room);
    struct error error = {.code = error_none};
    const struct budget_edit edit = {
        .kind = kind, .name = str_from(name), .nano_usd = nano_usd, .request_id = STR("req_1")};
    bool good = library_budget_edit(story_place.weir, &edit, &view, &error);
    snprintf(said, size, "%s", error.message);
    return good;
}

static bool raises(char *said, size_t size) { return budget_changes(budget_raise, "shared", 5000000000, said, size); }
static bool credits(char *said, size_t size) {
    return budget_changes(budget_credit_give, "lately", 1000000000, said, size);
}
static bool resets(char *said, size_t size) { return budget_changes(budget_reset_spent, "shared", 0, said, size); }

static bool client_comes(char *said, size_t size) {
    struct weir_error error = {.status = 0};
    char *key = weir_client_add(story_place.weir, "new", "{}", &error);
    snprintf(said, size, "%s", error.message);
    weir_free(key);
    return key != NULL;
}

static bool entry_comes(char *said, size_t size) {
    struct weir_error error = {.status = 0};
    int is = weir_entry_add(story_place.weir, "routes", "r", "{\"targets\":[\"a/m\"]}", &error);
    snprintf(said, size, "%s", error.message);
    return is == 0;
}

static bool provider_comes(char *said, size_t size) {
    struct weir_error error = {.status = 0};
    int is =
        weir_provider_add(story_place.weir, "b",
                          "{\"type\":\"openai\",\"base_url\":\"http://127.0.0.1:9/v1\",\"models\":[\"n\"]}", &error);
    snprintf(said, size, "%s", error.message);
    return is == 0;
}

static bool provider_drains(char *said, size_t size) {
    struct weir_error error = {.status = 0};
    int is = weir_provider_drain(story_place.weir, "a", &error);
    snprintf(said, size, "%s", error.message);
    return is == 0;
}

static bool client_stops(char *said, size_t size) {
    struct weir_error error = {.status = 0};
    int is = weir_client_disable(story_place.weir, "app", &error);
    snprintf(said, size, "%s", error.message);
    return is == 0;
}

static bool credential_comes(char *said, size_t size) {
    struct weir_error error = {.status = 0};
    int is = weir_key_set(story_place.weir, "a", "sk-one-of-the-vault", 0, &error);
    snprintf(said, size, "%s", error.message);
    return is == 0;
}

static const struct {
    const char *action;
    bool (*change)(char *said, size_t size);
} changes[] = {{"budget.raise", raises},
               {"budget.credit", credits},
               {"budget.reset", resets},
               {"client.add", client_comes},
               {"route.add", entry_comes},
               {"provider.add", provider_comes},
               {"provider.state", provider_drains},
               {"client.disable", client_stops},
               {"credential.set", credential_comes}};
enum { change_count = sizeof changes / sizeof *changes };

/* All that is in force, as it is told. */
static void in_force_put(struct text *into) {
    char *const told[] = {weir_providers(story_place.weir), weir_clients(story_place.weir, NULL, 100, NULL),
                          weir_models(story_place.weir)};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        assert_non_null(told[i]);
        text_put(into, str_from(told[i]));
        text_put_byte(into, '\n');
        weir_free(told[i]);
    }
    struct deployment *deployment = library_deployment(story_place.weir);
    for (const struct money_budget *at = deployment->snapshot->first_budget; at; at = at->next) {
        library_budget_write(at, into);
        for (int kind = 0; kind < (int)money_extra_kinds; kind++)
            text_printf(into, "%.*s %lld\n", STR_ARG(at->name),
                        (long long)money_extra_look(at, (enum money_extra_kind)kind, 1).nano_usd);
    }
    deployment_release(deployment);
    assert_false(into->failed);
}

/* Rows of this action with this outcome. */
static int64_t audited(const char *action, bool failed) {
    char sql[256];
    sqlite3 *sqlite;
    sqlite3_stmt *row;
    snprintf(sql, sizeof sql, "%s/ledger.db", story_place.folder);
    assert_int_equal(sqlite3_open(sql, &sqlite), SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM audit WHERE action = '%s' AND outcome %s 'ok'", action,
             failed ? "!=" : "=");
    if (sqlite3_prepare_v2(sqlite, sql, -1, &row, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(sqlite));
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    const int64_t count = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(sqlite);
    return count;
}

static void what_cannot_be_kept_is_refused_and_audited_twice(void **state) {
    static char before[64 * 1024], after[64 * 1024];
    struct text was = text_in_buffer(before, sizeof before), is = text_in_buffer(after, sizeof after);
    (void)state;
    story_open(config);
    budget_spent("shared", 1500000000);
    ledger_refuse();
    files_refuse();
    in_force_put(&was);
    for (size_t i = 0; i < change_count; i++) {
        char said[512] = "";
        if (changes[i].change(said, sizeof said)) fail_msg("%s is done", changes[i].action);
        if (!said[0]) fail_msg("%s is refused without a word", changes[i].action);
        const int64_t good = audited(changes[i].action, false), failed = audited(changes[i].action, true);
        if (good != 1 || failed != 1)
            fail_msg("%s: %lld and %lld rows: %s", changes[i].action, (long long)good, (long long)failed, said);
    }
    in_force_put(&is);
    assert_true(str_eq(text_str(&was), text_str(&is)));
    story_close();
    free(story_place.log);
}

/* The same changes where all can be written. */
static void what_is_kept_is_audited_once(void **state) {
    (void)state;
    story_open(config);
    budget_spent("shared", 1500000000);
    for (size_t i = 0; i < change_count; i++) {
        char said[512] = "";
        if (!changes[i].change(said, sizeof said)) fail_msg("%s: %s", changes[i].action, said);
        if (audited(changes[i].action, false) != 1 || audited(changes[i].action, true) != 0)
            fail_msg("%s", changes[i].action);
    }
    story_close();
    free(story_place.log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_kept_is_refused_and_audited_twice),
        cmocka_unit_test(what_is_kept_is_audited_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
