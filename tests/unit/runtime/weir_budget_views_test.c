/* weir_budget_views_test.c - what is told of budgets and of a client's own key: every member, to the nano-dollar. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define K1 "1111111111111111111111111111111111111111111111111111111111111111"
#define K2 "2222222222222222222222222222222222222222222222222222222222222222"

static const char tree[] =
    "budgets: {shared: {usd: 3, window: lifetime, mode: warn}}\n"
    "owners: [{name: acme, kind: organization, budgets: [{usd: 20, window: month, timezone: Europe/Berlin}]}, "
    "{name: search, kind: team, in: acme}]\n"
    "clients:\n"
    "  - {name: app, key_hash: " K1 ", in: search, rate_limit_rpm: 60, rate_limit_rph: 700, rate_limit_tpm: 8000, "
    "max_concurrent: 3, budgets: [shared, {usd: 0.5, window: 24h, rolling: true, name: lately, mode: soft}]}\n"
    "  - {name: boss, key_hash: " K2 ", role: operator}\n";

static struct weir *weir_open_with(const char *more) {
    char text[2048];
    struct weir_error error;
    snprintf(text, sizeof text,
             "state_dir: \"\"\nworkers: 1\nresponses: {store: false}\nproviders: {a: {type: openai, api_key: k, "
             "models: [m]}}\n%s",
             more);
    struct weir_options options = {.size = sizeof options, .config_text = text};
    struct weir *weir = weir_open(&options, &error);
    if (!weir) fail_msg("%s", error.message);
    return weir;
}

static const struct money_budget *budget_named(const struct snapshot *snapshot, const char *name) {
    for (const struct money_budget *at = snapshot->first_budget; at; at = at->next)
        if (str_eq(at->name, str_from(name))) return at;
    fail_msg("no budget %s", name);
    return NULL;
}

/* So much is reserved, and of it so much is spent. */
static void budget_use(const struct snapshot *snapshot, const char *name, int64_t reserved, int64_t spent) {
    const struct money_budget *budget = budget_named(snapshot, name);
    int64_t now_ns = clock_read().wall_ns;
    uint64_t window_s = money_budget_enter(budget, now_ns);
    money_budget_settle(budget, window_s, 0, spent);
    assert_true(reserved == 0 || money_purse_reserve(&(struct money_purse){budget, budget->spend, budget->rolling,
                                                                           budget->limit_nano_usd},
                                                     now_ns, reserved, &window_s));
}

/* "started_at" and "resets_at" of a calendar month in Berlin, or of nothing. */
static void moments(const struct snapshot *snapshot, const char *name, char *into, size_t size) {
    struct window_span span = money_budget_window(budget_named(snapshot, name), clock_read().wall_ns);
    struct text text = text_in_buffer(into, size - 1);
    text_put(&text, STR(",\"started_at\":\""));
    window_moment_put(&text, span.start_s);
    text_put(&text, STR("\",\"resets_at\":\""));
    window_moment_put(&text, span.end_s);
    text_put_byte(&text, '"');
    into[text.len] = 0;
}

#define SHARED                                                                                                   \
    "{\"owner\":\"\",\"name\":\"shared\",\"window\":\"lifetime\",\"timezone\":\"UTC\",\"mode\":\"warn\","        \
    "\"spent_usd\":\"4.000000000\",\"reserved_usd\":\"0.000000000\",\"limit_usd\":\"3.000000000\",\"left_usd\":" \
    "\"0.000000000\"}"
#define LATELY                                                                                                        \
    "{\"owner\":\"client app\",\"name\":\"lately\",\"window\":\"24h\",\"rolling\":true,\"timezone\":\"UTC\","         \
    "\"mode\":\"soft\",\"spent_usd\":\"0.000000001\",\"reserved_usd\":\"0.100000000\",\"limit_usd\":\"0.500000000\"," \
    "\"left_usd\":\"0.399999999\"}"
#define MONTH                                                                                                  \
    "{\"owner\":\"organization acme\",\"name\":\"month\",\"window\":\"month\",\"timezone\":\"Europe/Berlin\"," \
    "\"mode\":\"hard\",\"spent_usd\":\"1.500000000\",\"reserved_usd\":\"0.250000000\",\"limit_usd\":"          \
    "\"20.000000000\",\"left_usd\":\"18.250000000\"%s|}"

/* Each part of it stands there, one behind the other; a bar: more may be told between them. */
static void assert_written(const struct text *text, char *json, const char *format, const char *month) {
    char wanted[4096];
    assert_false(text->failed);
    json[text->len] = 0;
    snprintf(wanted, sizeof wanted, format, month); /* NOLINT */
    struct str told = str_from(json), parts = str_from(wanted), part;
    while (str_split_next(&parts, '|', &part)) {
        size_t at = str_find(told, part);
        if (at == SIZE_MAX || (told.at == json && at != 0)) fail_msg("%.*s does not stand in %s", STR_ARG(part), json);
        told = str_slice(told, at + part.len, told.len);
    }
    assert_int_equal(told.len, 0);
}

static void every_member_of_a_budget_and_of_a_key_is_told(void **state) {
    char json[4096], month[128];
    (void)state;
    struct weir *weir = weir_open_with(tree);
    const struct snapshot *snapshot = weir->deployment->snapshot;
    const struct client *app = &snapshot->clients[0];
    budget_use(snapshot, "shared", 0, 4000000000);
    budget_use(snapshot, "lately", 100000000, 1);
    budget_use(snapshot, "month", 250000000, 1500000000);
    assert_true(gate_enter(&app->cells->gate, app->max_concurrent));
    assert_true(gate_enter(&app->cells->gate, app->max_concurrent));
    moments(snapshot, "month", month, sizeof month);

    struct text text = text_in_buffer(json, sizeof json - 1);
    library_budgets_write(weir, weir->deployment->snapshot, &text);
    assert_written(&text, json, "{\"budgets\":[" SHARED "," MONTH "," LATELY "]}", month);

    text = text_in_buffer(json, sizeof json - 1);
    library_key_write(app, &text);
    assert_written(
        &text, json,
        "{\"name\":\"app\",\"role\":\"user\",\"owners\":[{\"name\":\"search\",\"kind\":\"team\",\"limits\":{}},"
        "{\"name\":\"acme\",\"kind\":\"organization\",\"limits\":{}}],\"budgets\":[" SHARED "," LATELY "," MONTH
        "],\"limits\":{\"rate_limit_rpm\":{\"limit\":60,\"left\":60},\"rate_limit_rph\":{\"limit\":700,"
        "\"left\":700},\"rate_limit_tpm\":{\"limit\":8000,\"left\":8000},\"max_concurrent\":{\"limit\":3,"
        "\"left\":1}},\"rate_limits\":[]}",
        month);
    assert_true(gate_enter(&app->cells->gate, app->max_concurrent));
    text = text_in_buffer(json, sizeof json - 1);
    library_key_write(app, &text);
    json[text.len] = 0;
    assert_non_null(strstr(json, "\"max_concurrent\":{\"limit\":3,\"left\":0}}"));
    for (int i = 0; i < 3; i++) assert_false(gate_leave(&app->cells->gate, app->max_concurrent));

    text = text_in_buffer(json, sizeof json - 1);
    library_key_write(&snapshot->clients[1], &text);
    assert_written(
        &text, json,
        "{\"name\":\"boss\",\"role\":\"operator\",\"owners\":[],\"budgets\":[],\"limits\":{},\"rate_limits\":[]}", "");
    text = text_in_buffer(json, sizeof json - 1);
    library_key_write(NULL, &text); /* the admin key */
    assert_written(&text, json, "{\"name\":\"\",\"role\":\"admin\",\"owners\":[],\"budgets\":[]}", "");
    weir_close(weir, 0);
}

/* However many there are: around what is told at one go, each once, and as they are written; of very many the last. */
static void a_long_list_is_told_in_its_order(void **state) {
    enum { most = 10001 };
    static const size_t counts[] = {0, 1, 63, 64, 65, 127, 128, 129, 200, 10000, most};
    static struct money_budget budgets[most];
    static char names[most][8], json[4 << 20];
    static struct spend spend;
    static struct money_extra none[money_extra_kinds];
    static struct weir weir; /* no clients were made at run time */
    (void)state;
    for (size_t i = 0; i < most; i++) {
        snprintf(names[i], sizeof names[i], "b%zu", i);
        budgets[i] = (struct money_budget){.next = i ? &budgets[i - 1] : NULL,
                                           .name = str_from(names[i]),
                                           .zone = STR("UTC"),
                                           .window = {.kind = window_lifetime},
                                           .spend = &spend,
                                           .extras = none};
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct snapshot snapshot = {.first_budget = counts[i] ? &budgets[counts[i] - 1] : NULL};
        struct text text = text_in_buffer(json, sizeof json - 1);
        library_budgets_write(&weir, &snapshot, &text);
        assert_false(text.failed);
        struct str rest = text_str(&text), member = STR("\"name\":");
        for (size_t n = counts[i] > 10000 ? counts[i] - 10000 : 0; n < counts[i]; n++) {
            char wanted[32];
            snprintf(wanted, sizeof wanted, "\"name\":\"b%zu\",", n);
            rest = str_slice(rest, str_find(rest, member), rest.len);
            if (!str_starts(rest, str_from(wanted))) fail_msg("%zu of %zu", n, counts[i]);
            rest = str_slice(rest, member.len, rest.len);
        }
        assert_true(str_find(rest, member) == SIZE_MAX);
    }
}

/* What is left of a quota is what is neither counted nor taken, and never less than nothing. */
static void every_member_of_a_quota_is_told(void **state) {
    struct spend spends[3] = {{.windows = {{.number = {0}}}}};
    struct quota quotas[3] = {{.name = STR("requests_per_day"), .limit = 10},
                              {.name = STR("tokens_per_day"), .limit = 100},
                              {.name = STR("characters_per_day"), .limit = 5}};
    struct provider provider = {.quotas = quotas};
    const int64_t now_s = clock_read().wall_ns / (int64_t)NS_PER_S;
    char json[2048], wanted[2048], times[128];
    uint64_t window_s;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        quotas[i].zone = STR("UTC");
        quotas[i].window = (struct window){.kind = window_day};
        quotas[i].spend = &spends[i];
    }
    assert_int_equal(quota_take(&quotas[0], now_s, 3, &window_s), 3);
    assert_int_equal(quota_settle(&quotas[0], window_s, 3, 3), 3);
    assert_int_equal(quota_take(&quotas[0], now_s, 2, &window_s), 2);
    assert_int_equal(quota_take(&quotas[1], now_s, 70, &window_s), 70);
    assert_int_equal(quota_settle(&quotas[1], window_s, 70, 120), 120);
    assert_int_equal(quota_take(&quotas[2], now_s, 4, &window_s), 4);
    assert_int_equal(quota_settle(&quotas[2], window_s, 4, 4), 4);
    assert_int_equal(quota_take(&quotas[2], now_s, 7, &window_s), 1);
    struct text text = text_in_buffer(json, sizeof json - 1);
    library_quotas_put(&provider, &text);
    assert_int_equal(text.len, 0);
    provider.quota_count = 3;
    library_quotas_put(&provider, &text);
    json[text.len] = 0;
    struct window_span span = quota_look(&quotas[0], now_s).span;
    struct text moment = text_in_buffer(times, sizeof times - 1);
    text_put(&moment, STR("\"timezone\":\"UTC\",\"started_at\":\""));
    window_moment_put(&moment, span.start_s);
    text_put(&moment, STR("\",\"resets_at\":\""));
    window_moment_put(&moment, span.end_s);
    text_put(&moment, STR("\"}"));
    times[moment.len] = 0;
    snprintf(wanted, sizeof wanted,
             ",\"quotas\":[{\"quota\":\"requests_per_day\",\"limit\":10,\"counted\":3,\"reserved\":2,\"left\":5,%s,"
             "{\"quota\":\"tokens_per_day\",\"limit\":100,\"counted\":120,\"reserved\":0,\"left\":0,%s,"
             "{\"quota\":\"characters_per_day\",\"limit\":5,\"counted\":4,\"reserved\":1,\"left\":0,%s]",
             times, times, times);
    assert_string_equal(json, wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_of_a_quota_is_told),
        cmocka_unit_test(every_member_of_a_budget_and_of_a_key_is_told),
        cmocka_unit_test(a_long_list_is_told_in_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
