/* clients_fuzz.c - settings of a client as the admin API takes them: whatever comes is refused with words, or is a JSON
 * object that can be laid over again without a change, and a client within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_clients.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *environment(void *context, const char *name) {
    (void)context;
    (void)name;
    return NULL;
}

static struct snapshot *in_force(void) {
    static struct snapshot *snapshot;
    static struct config config;
    static struct config_ids ids;
    if (snapshot) return snapshot;
    struct config_input input = {.text = STR("providers: {p: {type: openai, api_key: k, models: [m]}}\n"
                                             "owners: [{name: acme, daily_budget: 5}]\n"
                                             "budgets: {shared: {usd: 1, window: day}}\n"
                                             "templates: {t: {rate_limit_rpm: 3, budgets: [shared]}}\n"),
                                 .environment = environment,
                                 .ids = &ids};
    if (!hash_start() || !config_load(&input, &config)) abort();
    return snapshot = config.snapshot;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct error error = {.code = error_none};
    struct str over = str_make((const char *)data, size), after = STR_NONE, again = STR_NONE;
    arena_init(&arena, 4096, 8 << 20);
    if (!config_client_settings(STR("{\"in\":\"acme\",\"tags\":{\"a\":\"b\"}}"), over, &arena, &after, &error)) {
        if (!error.code || !error.message[0]) abort();
    } else {
        struct config_client_made made;
        const struct config_client_asked asked = {.name = STR("app"), .settings = after};
        if (after.len > config_client_settings_max) abort();
        if (!config_client_settings(after, STR("{}"), &arena, &again, &error) || !str_eq(after, again)) abort();
        if (config_client_make(in_force(), &asked, &made, &error)) {
            if (!made.client || !str_eq(made.client->name, STR("app")) || !made.client->cells) abort();
            arena_free(&made.arena);
        } else if (!error.code || !error.message[0]) {
            abort();
        }
    }
    arena_free(&arena);
    return 0;
}
