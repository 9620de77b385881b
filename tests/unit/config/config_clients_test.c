/* config_clients_test.c - a client's settings: laid over each other, read against a configuration, and refused in its
 * words; templates and time zones outlive the load that read them. */
#include "config/config_clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "config_told.h"

static const char text[] = "providers: {p: {type: openai, api_key: k, models: [m, cheap]}}\n"
                           "owners: [{name: acme, daily_budget: 5}]\n"
                           "budgets: {shared: {usd: 1, window: day}}\n"
                           "templates: {intern: {rate_limit_rpm: 3, budgets: [shared, {usd: 2, window: week}]}}\n";

static const char *environment(void *context, const char *name) {
    (void)context;
    (void)name;
    return NULL;
}

static struct snapshot *snapshot_of(struct cells *cells) {
    struct config_ids ids = {NULL, 0, 0};
    struct config config;
    struct config_input input = {.text = str_from(text), .environment = environment, .ids = &ids, .cells = cells};
    assert_true(hash_start());
    assert_true(config_load(&input, &config));
    struct snapshot *snapshot = config.snapshot;
    config.snapshot = NULL;
    config_free(&config);
    config_ids_free(&ids);
    return snapshot;
}

static void settings_are_laid_over_each_other(void **state) {
    (void)state;
    static const struct {
        const char *before, *over, *after;
    } cases[] = {
        {"", "{}", "{}"},
        {"", "{\"in\":\"a\",\"name\":\"app\"}", "{\"in\":\"a\"}"},
        {"{\"in\":\"a\",\"rate_limit_rpm\":5}", "{\"in\":null}", "{\"rate_limit_rpm\":5}"},
        {"{\"in\":\"a\"}", "{\"in\":\"b\",\"models\":[\"x\"]}", "{\"in\":\"b\",\"models\":[\"x\"]}"},
        {"{\"tags\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"tags\":{\"a\":null,\"c\":\"3\"}}",
         "{\"tags\":{\"b\":\"2\",\"c\":\"3\"}}"},
        {"{\"quota\":{\"rpd\":5,\"tpd\":9},\"in\":\"a\"}", "{\"quota\":{\"tpd\":null,\"rpd\":6,\"name\":\"n\"}}",
         "{\"in\":\"a\",\"quota\":{\"rpd\":6,\"name\":\"n\"}}"},
        {"{\"quota\":7}", "{\"quota\":{\"rpd\":6,\"tpd\":null}}", "{\"quota\":{\"rpd\":6}}"},
        {"{\"budgets\":[{\"usd\":1}]}", "{\"budgets\":[{\"usd\":2}]}", "{\"budgets\":[{\"usd\":2}]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct error error = {.code = error_none};
        struct str after;
        arena_init(&arena, 1024, 1 << 20);
        assert_true(config_client_settings(str_from(cases[i].before), str_from(cases[i].over), &arena, &after, &error));
        assert_int_equal(after.len, strlen(cases[i].after));
        assert_memory_equal(after.at, cases[i].after, after.len);
        arena_free(&arena);
    }
}

static void what_is_no_settings_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *over, *said;
    } cases[] = {{"", "not JSON"},
                 {"[]", "JSON object"},
                 {"{\"key_hash\":\"0\"}", "makes the key itself"},
                 {"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}}", "nested too deep"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct error error = {.code = error_none};
        struct str after;
        arena_init(&arena, 1024, 1 << 20);
        assert_false(config_client_settings(STR(""), str_from(cases[i].over), &arena, &after, &error));
        assert_int_equal(error.code, error_invalid_request);
        assert_non_null(strstr(error.message, cases[i].said));
        arena_free(&arena);
    }
}

static void a_client_is_read_against_what_is_in_force(void **state) {
    (void)state;
    struct cells cells = {.chains = NULL};
    struct snapshot *snapshot = snapshot_of(&cells);
    struct config_client_made made, again;
    struct error error = {.code = error_none};
    struct config_client_asked asked = {
        .name = STR("app"),
        .settings = STR("{\"in\":\"acme\",\"template\":\"intern\",\"models\":[\"m\"],\"expires_at\":\"2027-01-31\","
                        "\"daily_budget\":4,\"budgets\":[{\"usd\":1,\"window\":\"hour\",\"over\":\"downgrade\",\"to\":"
                        "[\"p/cheap\"]}],\"tags\":{\"a\":\"b\"},\"enabled\":false}"),
        .cells = &cells};
    assert_true(config_client_make(snapshot, &asked, &made, &error));
    const struct client *client = made.client;
    assert_true(str_eq(client->name, STR("app")) && str_eq(client->in->name, STR("acme")) && client->disabled);
    assert_int_equal(client->expires_s, 1801353600);
    assert_int_equal(client->rates.requests_minute.limit, 3); /* the template's */
    assert_int_equal(client->money.count, 5); /* day and hour; the template's shared and week; the owner's */
    size_t own = 0, instead = 0;
    for (const struct money_budget *budget = made.budgets; budget; budget = budget->next, own++)
        if (budget->to_count) instead += str_eq(budget->to[0]->name, STR("p/cheap"));
    assert_true(own == 3 && instead == 1); /* the shared one is the configuration's */
    assert_true(config_client_make(snapshot, &asked, &again, &error));
    assert_ptr_equal(again.client->cells, client->cells); /* its words are its own, whenever it is read */
    assert_ptr_equal(again.budgets->spend, made.budgets->spend);
    arena_free(&made.arena);
    arena_free(&again.arena);
    snapshot_release(snapshot);
    cells_free(&cells);
}

static void what_does_not_fit_is_said_in_the_configurations_words(void **state) {
    (void)state;
    static const struct {
        const char *settings, *said;
    } cases[] = {
        {"{\"in\":\"nobody\"}", "there is no owner `nobody`"},
        {"{\"rate_limit\":1}", "unknown key `rate_limit`"},
        {"{\"models\":[\"${HOME}\"]}", "for the configuration file only"},
        {"{\"in\":\"nobody\",\"template\":\"none\"}", "; "},
        {"{\"expires_at\":\"tomorrow\"}", "is no moment"},
        {"{\"budgets\":[{\"usd\":1,\"window\":\"day\",\"timezone\":\"X/Y\"}]}", "no time zone"},
        {"{\"budgets\":[{\"usd\":1,\"window\":\"hour\",\"over\":\"downgrade\",\"to\":[\"p/none\"]}]}", "no target"},
        {"{\"tags\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{}}}}}}}", "too deep"},
        {"[]", "no JSON object"}};
    struct snapshot *snapshot = snapshot_of(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config_client_made made;
        struct error error = {.code = error_none};
        const struct config_client_asked asked = {.name = STR("app"), .settings = str_from(cases[i].settings)};
        assert_false(config_client_make(snapshot, &asked, &made, &error));
        assert_int_equal(error.code, error_invalid_request);
        if (!strstr(error.message, cases[i].said)) fail_msg("%s: %s", cases[i].settings, error.message);
    }
    snapshot_release(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_laid_over_each_other),
        cmocka_unit_test(what_is_no_settings_is_refused),
        cmocka_unit_test(a_client_is_read_against_what_is_in_force),
        cmocka_unit_test(what_does_not_fit_is_said_in_the_configurations_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
