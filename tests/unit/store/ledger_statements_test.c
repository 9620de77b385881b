/* ledger_statements_test.c - the ledger and what lies in its file, while SQLite fails at any of their statements: it
 * is told, nothing is half done, and the next one goes well. */
#include "statements.h"

#include "ledger_folder.h"
#include "store/audit.h"
#include "store/client_store.h"
#include "store/entry_store.h"
#include "store/ledger_alerts.h"
#include "store/ledger_budgets.h"
#include "store/ledger_erase.h"
#include "store/ledger_forget.h"
#include "store/ledger_given.h"
#include "store/ledger_health.h"
#include "store/ledger_history.h"
#include "store/ledger_hours.h"
#include "store/ledger_internal.h"
#include "store/ledger_past.h"
#include "store/ledger_recost.h"
#include "store/ledger_search.h"
#include "store/ledger_sessions.h"

static struct ledger *ledger;
static struct client_store *clients;
static struct entry_store *entries;
static char problem[512];

static const struct journal_source source = {7, 0};
static const int64_t hour_ms = 3600000, begin_ms = INT64_C(20) * 24 * 3600000;

static void stores_open(void) {
    ledger = opened();
    clients = client_store_open(path, problem, sizeof problem);
    entries = entry_store_open(path, problem, sizeof problem);
    assert_true(clients && entries);
}
/* As who erases opens it. */
static void stores_open_again(void) {
    clients = NULL, entries = NULL;
    assert_non_null(ledger = ledger_open_beside(path, problem, sizeof problem));
}
static void stores_close(void) {
    if (entries) entry_store_close(entries);
    if (clients) client_store_close(clients);
    ledger_close(ledger);
}

/* -- attempts -- */

static struct record_said said_of(uint64_t tag, struct str text) {
    return (struct record_said){.tag = {{tag, 1}}, .text = text};
}

struct attempt_told {
    const char *client, *provider, *model, *owner;
    int64_t time_ms, cost; /* -1: no price */
    uint64_t session, tags;
};

static bool attempt_add(uint64_t sequence, const struct attempt_told *told) {
    const struct record_charge charges[] = {record_charge_of(3, begin_ms / 1000, 0), record_charge_of(4, 60, 2)};
    char id[20];
    snprintf(id, sizeof id, "req_%08u", (unsigned)sequence);
    struct record record = {.sequence = sequence, .charges = charges, .charge_count = told->cost >= 0 ? 2 : 0};
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = -1;
    record.numbers[record_time_ms] = told->time_ms;
    record.numbers[record_attempt] = 0;
    record.numbers[record_status] = 200;
    record.numbers[record_flags] = record_succeeded;
    record.numbers[record_duration_us] = 1000;
    record.numbers[record_first_token_us] = 100;
    record.numbers[record_input_tokens] = 10;
    record.numbers[record_output_tokens] = 2;
    record.numbers[record_cost_nano_usd] = told->cost;
    record.texts[record_request_id] = str_from(id);
    record.texts[record_caller_id] = STR("mine");
    record.texts[record_endpoint] = STR("chat");
    record.texts[record_outcome] = STR("ok");
    record.texts[record_client] = str_from(told->client);
    record.texts[record_provider] = str_from(told->provider);
    record.texts[record_model] = str_from(told->model);
    record.texts[record_owner] = str_from(told->owner);
    if (told->session) record.words[record_session] = said_of(told->session, STR(""));
    if (told->tags) record.words[record_tags] = said_of(told->tags, STR(""));
    return ledger_add(ledger, source, &record);
}

static bool word_add(uint64_t tag, const char *text) {
    struct record word = {.kind = record_of_word, .words = {said_of(tag, str_from(text))}};
    return ledger_add(ledger, source, &word);
}

static bool committed(bool good) {
    if (good && ledger_commit(ledger)) return true;
    ledger_undo(ledger);
    return false;
}

static bool attempts_first(struct text *told) {
    (void)told;
    return committed(
        ledger_begin(ledger) && word_add(1, "session-1") && word_add(2, "env=prod,team=search") &&
        attempt_add(1, &(struct attempt_told){"app", "openai", "gpt", "search|acme", begin_ms, 5000, 1, 2}) &&
        attempt_add(2, &(struct attempt_told){"app", "openai", "mini", "search|acme", begin_ms + 1, -1, 1, 0}));
}
static bool attempts_more(struct text *told) {
    (void)told;
    return committed(
        ledger_begin(ledger) && word_add(3, "session-3") && word_add(4, "env=test") &&
        attempt_add(3, &(struct attempt_told){"other", "azure", "gpt", "acme", begin_ms + hour_ms, 700, 3, 2}) &&
        attempt_add(4, &(struct attempt_told){"app", "openai", "gpt", "search|acme", begin_ms + hour_ms, 9, 0, 4}) &&
        attempt_add(5, &(struct attempt_told){"own", "own", "own", "own", begin_ms + 30 * hour_ms, 11, 3, 4}));
}
static bool attempt_again(struct text *told) {
    (void)told;
    return committed(
        ledger_begin(ledger) &&
        attempt_add(1, &(struct attempt_told){"app", "openai", "gpt", "search|acme", begin_ms, 5000, 1, 2}));
}

/* More than stand side by side before they are written. */
static bool attempts_of_many_models(struct text *told) {
    (void)told;
    bool good = ledger_begin(ledger);
    for (uint64_t i = 0; i < 17 && good; i++) {
        char model[8];
        snprintf(model, sizeof model, "m%d", (int)i);
        good =
            attempt_add(6 + i, &(struct attempt_told){"other", "openai", model, "", begin_ms + 50 * hour_ms, 1, 0, 0});
    }
    return committed(good);
}

static bool given_add(int64_t hits) {
    struct record record = {.kind = record_of_given, .sequence = 1, .given = {[record_given_cache_hits] = hits}};
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = -1;
    record.numbers[record_time_ms] = begin_ms;
    record.texts[record_client] = STR("app");
    record.texts[record_provider] = STR("openai");
    record.texts[record_model] = STR("gpt");
    return committed(ledger_begin(ledger) && ledger_add(ledger, source, &record));
}
static bool given_first(struct text *told) {
    (void)told;
    return given_add(3);
}
static bool given_more(struct text *told) {
    (void)told;
    return given_add(5);
}
static bool given_forget(struct text *told) {
    (void)told;
    return ledger_given_forget(ledger, source.instance, begin_ms + hour_ms, 0);
}

static bool ledger_opens(struct text *told) {
    (void)told;
    struct ledger *another = ledger_open(path, problem, sizeof problem);
    ledger_close(another);
    return another != NULL;
}
static bool ledger_opens_beside(struct text *told) {
    (void)told;
    struct ledger *another = ledger_open_beside(path, problem, sizeof problem);
    ledger_close(another);
    return another != NULL;
}

/* -- questions -- */

static void charge_tell(void *context, const struct record_charge *of, int64_t nano_usd) {
    text_printf(context, "%llu %lld: %lld\n", (unsigned long long)of->budget, (long long)of->window_s,
                (long long)nano_usd);
}
static bool asks_budgets(struct text *told) { return ledger_budgets(ledger, charge_tell, told); }

static bool asks_usage(struct text *told) {
    struct usage_question question = {.by_count = 2, .by = {usage_by_client, usage_by_model}, .form = usage_as_csv};
    return ledger_usage(ledger, &question, told);
}
static bool asks_usage_by_tag(struct text *told) {
    struct usage_question question = {
        .since_ms = begin_ms, .by_count = 2, .by = {usage_by_tag, usage_by_hour}, .form = usage_as_csv};
    return ledger_usage(ledger, &question, told);
}
static bool asks_usage_by_session(struct text *told) {
    struct usage_question question = {.by_count = 1, .by = {usage_by_session}, .form = usage_as_csv, .recosted = true};
    return ledger_usage(ledger, &question, told);
}
static bool asks_usage_of_owner(struct text *told) {
    struct usage_question question = {.by_count = 2, .by = {usage_by_owner, usage_by_day}, .form = usage_as_csv};
    str_copy(question.only[usage_by_owner], sizeof question.only[0], STR("acme"));
    return ledger_usage(ledger, &question, told);
}
static bool asks_usage_compared(struct text *told) {
    struct usage_question question = {.compares = true, .form = usage_as_csv};
    return ledger_usage(ledger, &question, told);
}

static bool asks_request_of(const char *id, struct text *told) {
    struct usage_request request = {.client = "app"};
    bool found = true;
    str_copy(request.id, sizeof request.id, str_from(id));
    bool good = ledger_request(ledger, &request, told, &found);
    if (good) text_printf(told, "\nfound: %d\n", found);
    return good;
}
static bool asks_request(struct text *told) { return asks_request_of("req_00000001", told); }
static bool asks_request_of_caller(struct text *told) { return asks_request_of("mine", told); }
static bool asks_request_of_nobody(struct text *told) { return asks_request_of("req_99999999", told); }

static struct search_question search_any(bool csv) {
    return (struct search_question){.status_least = INT64_MIN, .status_most = INT64_MAX, .rows_most = 2, .csv = csv};
}
static bool searches(struct text *told) {
    struct search_question question = search_any(false);
    str_copy(question.names[search_client], sizeof question.names[0], STR("app"));
    str_copy(question.names[search_session], sizeof question.names[0], STR("session-1"));
    return ledger_search(ledger, &question, told);
}
static bool searches_as_table(struct text *told) {
    struct search_question question = search_any(true);
    return ledger_search(ledger, &question, told);
}
static bool searches_an_id(struct text *told) {
    struct search_question question = search_any(false);
    str_copy(question.id, sizeof question.id, STR("req_00000003"));
    return ledger_search(ledger, &question, told);
}

static void past_tell(void *context, const struct ledger_past *past) {
    text_printf(context, "%.*s %.*s %lld: %lld\n", STR_ARG(past->client), STR_ARG(past->model),
                (long long)past->window_s, (long long)past->nano_usd);
}
static bool asks_history(struct text *told) { return ledger_history(ledger, begin_ms / 1000 + 1, 0, past_tell, told); }
static bool asks_history_by_bucket(struct text *told) {
    return ledger_history(ledger, begin_ms / 1000, 7200, past_tell, told);
}
static bool asks_budget_is_known(struct text *told) {
    bool known[2] = {false, true};
    if (!ledger_budget_is_known(ledger, 3, &known[0]) || !ledger_budget_is_known(ledger, 99, &known[1])) return false;
    text_printf(told, "%d %d\n", known[0], known[1]);
    return true;
}
static void hour_tell(void *context, struct str provider, int64_t hour, int64_t nano_usd) {
    text_printf(context, "%.*s %lld: %lld\n", STR_ARG(provider), (long long)hour, (long long)nano_usd);
}
static bool asks_hours(struct text *told) { return ledger_hours(ledger, begin_ms / hour_ms + 1, hour_tell, told); }

static bool attempt_tell(void *context, const struct past_attempt *attempt) {
    text_printf(context, "%lld %.*s %.*s %.*s: %lld, %lld\n", (long long)attempt->numbers[record_time_ms],
                STR_ARG(attempt->texts[record_client]), STR_ARG(attempt->texts[record_model]),
                STR_ARG(attempt->words[record_session]), (long long)attempt->numbers[record_cost_nano_usd],
                (long long)attempt->recosted_nano_usd);
    return true;
}
static bool goes_on(void *context) {
    (void)context;
    return true;
}
static bool asks_past(struct text *told) {
    return ledger_past(ledger, &(struct past_question){.since_ms = begin_ms, .whole = true}, attempt_tell, goes_on,
                       told);
}
static bool line_put(void *context, struct str line) {
    text_put(context, line);
    return true;
}
static bool exports(struct text *told) { return ledger_export(ledger, STR("app"), line_put, told); }
static bool client_tell(void *context, struct str client, bool alone) {
    text_printf(context, "%.*s %d\n", STR_ARG(client), alone);
    return true;
}
static bool asks_owner_clients(struct text *told) {
    return ledger_owner_clients(ledger, STR("search"), client_tell, told);
}

/* -- changes -- */

static int64_t attempt_first(void) { return ledger_attempt_first(ledger_instance(ledger)); }

static bool recosts(int64_t nano_usd, struct text *told) {
    size_t changed = 0;
    const struct recosted rows[] = {{attempt_first() + 1, nano_usd, STR("day 1")},
                                    {attempt_first() + 2, nano_usd, STR("day 1")},
                                    {INT64_MAX, 1, STR("day 1")}};
    if (!ledger_recost(ledger, rows, 3, &changed)) return false;
    text_printf(told, "%zu\n", changed);
    return true;
}
static bool recosts_first(struct text *told) { return recosts(600, told); }
static bool recosts_back(struct text *told) { return recosts(5000, told); }

static bool gives_history(struct text *told) {
    (void)told;
    const struct record_charge windows[] = {record_charge_of(3, 50, 0), record_charge_of(5, 60, 0)};
    return ledger_history_give(ledger, windows, (const int64_t[]){7, 8}, 2, (const uint64_t[]){3, 5}, 2);
}
static bool forgets_of_budgets(struct text *told) {
    (void)told;
    const struct record_charge windows[] = {record_charge_of(3, 50, 0), record_charge_of(5, 60, 0)};
    return ledger_budget_forget(ledger, windows, (const int64_t[]){7, 3}, 2);
}
static bool keeps_extra(struct text *told) {
    (void)told;
    return ledger_extra_keep(ledger, &(struct ledger_extra){3, 1, 900, INT64_MAX});
}
static bool takes_extra_back(struct text *told) {
    (void)told;
    return ledger_extra_keep(ledger, &(struct ledger_extra){3, 1, 0, 0});
}
static void extra_tell(void *context, const struct ledger_extra *extra) {
    text_printf(context, "%llu %u %lld\n", (unsigned long long)extra->budget, extra->kind, (long long)extra->nano_usd);
}
static bool asks_extras(struct text *told) { return ledger_extras(ledger, extra_tell, told); }

static bool keeps_alerts(struct text *told) {
    (void)told;
    const struct ledger_alert alerts[] = {
        {1, STR("budget"), STR("client app"), STR("a"), 800, 60, 1000, 0, 1, 2, 3},
        {2, STR("budget"), STR("owner search"), STR("b"), 900, 60, 2000, 3000, 1, 2, 1}};
    return ledger_alerts_keep(ledger, alerts, 2);
}
static bool alert_owes(struct text *told) {
    (void)told;
    return ledger_alert_owes(ledger, 1, 2);
}
static void alert_tell(void *context, const struct ledger_alert *alert) {
    text_printf(context, "%llu %.*s owes %lld\n", (unsigned long long)alert->id, STR_ARG(alert->subject),
                (long long)alert->owed);
}
static bool asks_alerts(struct text *told) { return ledger_alerts(ledger, 1, alert_tell, told); }

static bool keeps_health(struct text *told) {
    (void)told;
    const struct ledger_health rows[] = {
        {.id = 5, .time_ms = 1000, .event = health_event_sample, .subject = STR("openai"), .state = STR("up")},
        {.id = 6, .time_ms = 2000, .event = health_event_lock, .subject = STR("fast"), .to = STR("azure")}};
    return ledger_health_keep(ledger, rows, 2);
}
static bool health_is_empty(struct text *told) {
    bool empty;
    if (!ledger_health_is_empty(ledger, &empty)) return false;
    text_printf(told, "%d\n", empty);
    return true;
}
static void health_tell(void *context, const struct ledger_health *row) {
    ledger_health_put(row, context);
    text_put(context, STR("\n"));
}
static bool asks_health(struct text *told) {
    return ledger_health(ledger, &(struct health_question){.most = 10}, health_tell, told);
}
static bool forgets_health(struct text *told) {
    int64_t gone;
    if (!ledger_health_forget(ledger, 2000, 10, &gone)) return false;
    text_printf(told, "%lld\n", (long long)gone);
    return true;
}
static bool drops_sessions(struct text *told) {
    (void)told;
    const struct ledger_sessions sessions = {.mark = begin_ms / 1000 - 10, .seconds = 0xffff};
    return ledger_sessions_forget(ledger, &sessions, begin_ms / 1000 + ledger_sessions_keep_s);
}

/* -- audit, clients, entries -- */

static bool audits_of(const char *actor, const char *detail) {
    struct audit_head head;
    const struct audit_entry entry = {.action = audit_client_add,
                                      .time_ms = begin_ms,
                                      .who = {str_from(actor), STR("cli"), STR("req_1")},
                                      .subject = STR("app"),
                                      .detail = str_from(detail)};
    return audit_add(ledger, &entry, &head, problem, sizeof problem);
}
static bool audits(struct text *told) {
    (void)told;
    return audits_of("admin key", "client app: day");
}
static bool audits_more(struct text *told) {
    (void)told;
    return audits_of("app", "");
}
static bool asks_audit_of(struct text *told, int64_t limit, bool csv) {
    return audit_write(ledger, &(struct audit_question){.limit = limit, .csv = csv}, told);
}
static bool asks_audit(struct text *told) { return asks_audit_of(told, 1, false); }
static bool asks_audit_as_table(struct text *told) { return asks_audit_of(told, 9, true); }
static bool asks_head(struct text *told) { return audit_head_write(ledger, told); }
static bool verifies(struct text *told) {
    struct audit_verdict verdict;
    if (!audit_verify(ledger, NULL, &verdict)) return false;
    audit_verdict_write(&verdict, told);
    return true;
}
static bool erases_of_audit(struct text *told) {
    const int64_t count = audit_erase(ledger, STR("app"));
    if (count >= 0) text_printf(told, "%lld\n", (long long)count);
    return count >= 0;
}

static bool stored_tell(void *context, const struct stored_client *client) {
    text_printf(context, "%.*s %.*s of file %d\n", STR_ARG(client->name), STR_ARG(client->settings), client->of_file);
    return true;
}
static bool asks_clients(struct text *told) { return client_store_each(clients, stored_tell, told); }
static bool client_puts(struct text *told) {
    (void)told;
    const struct stored_client of_file = {.name = STR("f"), .settings = STR("{}"), .of_file = true};
    return client_store_put(clients, &of_file);
}
static bool client_puts_own(struct text *told) {
    (void)told;
    const struct stored_client own = {
        .name = STR("own"), .settings = STR("{\"a\":1}"), .has_previous = true, .made_s = 5, .id = {9}};
    return client_store_put(clients, &own);
}
static bool asks_client_settings(struct text *told) {
    struct arena arena;
    struct str settings = STR_NONE;
    arena_init(&arena, 1024, 65536);
    bool good = client_store_settings(clients, STR("own"), &arena, &settings);
    if (good) text_put(told, settings.at ? settings : STR("none"));
    arena_free(&arena);
    return good;
}
static bool asks_clients_any(struct text *told) {
    bool any;
    if (!client_store_any(clients, &any)) return false;
    text_printf(told, "%d\n", any);
    return true;
}
static bool client_seals(struct text *told) {
    bool same;
    if (!client_store_seal(clients, &(struct sha256){{1}}, &same)) return false;
    text_printf(told, "%d\n", same);
    return true;
}
static bool client_goes(struct text *told) {
    (void)told;
    return client_store_remove(clients, STR("f"));
}
static bool client_store_opens(struct text *told) {
    (void)told;
    struct client_store *another = client_store_open(path, problem, sizeof problem);
    client_store_close(another);
    return another != NULL;
}

static bool entry_puts(struct text *told) {
    (void)told;
    return entry_store_put(entries, &(struct stored_entry){STR("routes"), STR("fast"), STR("own"), STR("{}"), 7});
}
static bool entry_puts_again(struct text *told) {
    (void)told;
    return entry_store_put(entries, &(struct stored_entry){STR("routes"), STR("fast"), STR("over"), STR("{}"), 8});
}
static bool entry_tell(void *context, const struct stored_entry *entry) {
    text_printf(context, "%.*s %.*s %.*s\n", STR_ARG(entry->kind), STR_ARG(entry->name), STR_ARG(entry->how));
    return true;
}
static bool asks_entries(struct text *told) { return entry_store_each(entries, entry_tell, told); }
static bool entry_goes(struct text *told) {
    (void)told;
    return entry_store_remove(entries, STR("routes"), STR("fast"));
}
static bool entry_store_opens(struct text *told) {
    (void)told;
    struct entry_store *another = entry_store_open(path, problem, sizeof problem);
    entry_store_close(another);
    return another != NULL;
}

/* -- what goes -- */

/* What is left of a name, and what is there in all. */
static bool erased(bool good, const char *name, struct text *told) {
    static char rows[rows_max];
    struct usage_question question = {.form = usage_as_csv};
    if (!good) {
        assert_true(problem[0] != 0);
        return false;
    }
    rows_read(path, rows);
    for (const char *at = rows; (at = strstr(at, name)); at++) text_printf(told, "%.*s\n", (int)strcspn(at, "\n"), at);
    return ledger_usage(ledger, &question, told);
}
static bool erases_client(struct text *told) {
    struct erased_told is;
    return erased(ledger_erase(ledger, STR("app"), begin_ms + 40 * hour_ms, &is, problem, sizeof problem), "app", told);
}
static bool erases_owner(struct text *told) {
    struct erased_told is;
    return erased(ledger_erase_owner(ledger, STR("acme"), begin_ms + 40 * hour_ms, &is, problem, sizeof problem),
                  "acme", told);
}
static bool forgets(struct text *told) {
    (void)told;
    return ledger_forget(ledger, begin_ms + 2 * hour_ms) >= 0;
}

#define OPERATION(name) \
    { #name, name, of_a_piece }
#define OF_KIND(name, kind) \
    { #name, name, kind }

static void the_ledger_is_whole_whatever_fails(void **state) {
    static const struct operation operations[] = {
        OPERATION(attempts_first),
        OPERATION(attempts_more),
        OPERATION(attempt_again),
        OPERATION(given_first),
        OPERATION(given_more),
        OF_KIND(ledger_opens, does_without),
        OPERATION(ledger_opens_beside),
        OPERATION(asks_budgets),
        OPERATION(asks_usage),
        OPERATION(asks_usage_by_tag),
        OPERATION(asks_usage_of_owner),
        OPERATION(asks_usage_compared),
        OPERATION(asks_request),
        OPERATION(asks_request_of_caller),
        OPERATION(asks_request_of_nobody),
        OPERATION(searches),
        OPERATION(searches_as_table),
        OPERATION(searches_an_id),
        OPERATION(asks_history),
        OPERATION(asks_history_by_bucket),
        OPERATION(asks_budget_is_known),
        OPERATION(asks_hours),
        OPERATION(recosts_first),
        OPERATION(asks_past),
        OPERATION(asks_usage_by_session),
        OPERATION(recosts_back),
        OPERATION(exports),
        OPERATION(asks_owner_clients),
        OPERATION(gives_history),
        OPERATION(forgets_of_budgets),
        OPERATION(keeps_extra),
        OPERATION(asks_extras),
        OPERATION(takes_extra_back),
        OPERATION(keeps_alerts),
        OPERATION(alert_owes),
        OPERATION(asks_alerts),
        OPERATION(health_is_empty),
        OPERATION(keeps_health),
        OPERATION(health_is_empty),
        OPERATION(asks_health),
        OPERATION(forgets_health),
        OPERATION(given_forget),
        OPERATION(drops_sessions),
        OPERATION(attempts_of_many_models),
        OPERATION(audits),
        OPERATION(audits_more),
        OPERATION(asks_audit),
        OPERATION(asks_audit_as_table),
        OPERATION(asks_head),
        OPERATION(verifies),
        OPERATION(erases_of_audit),
        OPERATION(verifies),
        OPERATION(client_store_opens),
        OPERATION(client_puts),
        OPERATION(client_puts_own),
        OPERATION(asks_clients),
        OPERATION(asks_client_settings),
        OPERATION(asks_clients_any),
        OPERATION(client_seals),
        OPERATION(client_seals),
        OPERATION(client_goes),
        OPERATION(entry_store_opens),
        OPERATION(entry_puts),
        OPERATION(entry_puts_again),
        OPERATION(asks_entries),
        OPERATION(entry_goes),
        OF_KIND(erases_client, by_one_name),
        OF_KIND(erases_owner, by_one_name),
        OF_KIND(forgets, in_pieces),
    };
    const struct operations_of of = {path, stores_open_again, stores_close};
    (void)state;
    ONLY_A_FILE;
    stores_open();
    operations_each(&of, operations, sizeof operations / sizeof *operations, "store_ledger");
    stores_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_ledger_is_whole_whatever_fails, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
