/* entries_fuzz.c - settings of an entry as the admin API takes them, of each kind: whatever comes is refused with words
 * and the place of the key, or is a JSON object that can be laid over again without a change, and a configuration. What
 * does not fit is left out where it is not asked for, and the rest is in force. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *environment(void *context, const char *name) {
    (void)context;
    (void)name;
    return NULL;
}

static void demand(bool condition) {
    if (!condition) abort();
}

static void load(const struct config_change *change, bool asked) {
    static struct config_ids ids;
    struct config config;
    const struct config_input input = {.text = STR("providers: {p: {type: openai, api_key: k, models: [m]}}\n"
                                                   "routes: [{model: e, targets: [p/m]}]\n"
                                                   "rules: [{name: e, targets: [p/m]}]\n"
                                                   "owners: [{name: e, daily_budget: 5}]\n"
                                                   "budgets: {e: {usd: 1, window: day}}\n"
                                                   "templates: {e: {rate_limit_rpm: 3, budgets: [e]}}\n"),
                                       .environment = environment,
                                       .ids = &ids,
                                       .changes = change,
                                       .change_count = 1,
                                       .change_asked = asked ? change : NULL};
    bool good = config_load(&input, &config);
    demand(good == (config.snapshot != NULL) && good == (config.error_count == 0));
    demand(good || (asked && config.problems && config.problems->message.len));
    for (size_t kind = 0; good && kind < entry_kinds; kind++)
        for (size_t i = 0; i < config.snapshot->entries[kind].count; i++) {
            const struct entry *entry = &config.snapshot->entries[kind].list[i];
            demand(entry->name.len && entry->settings.len && !(asked && entry->problem.len));
        }
    config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct error error = {.code = error_none};
    if (size < 1) return 0;
    enum entry_kind kind = (enum entry_kind)(data[0] % entry_kinds);
    struct str over = str_make((const char *)data + 1, size - 1), after = STR_NONE, again = STR_NONE;
    const struct config_entry_facts *facts = config_entry_facts(kind);
    demand(hash_start());
    arena_init(&arena, 4096, 8 << 20);
    if (!config_entry_settings(facts, STR("e"), STR("{\"strategy\":null,\"retry\":{\"max_retries\":1}}"), over, &arena,
                               &after, &error)) {
        demand(error.code && error.message[0]);
    } else {
        const struct config_change change = {
            .kind = kind, .how = data[0] & 64 ? change_added : change_over, .name = STR("e"), .settings = after};
        demand(after.len <= config_change_settings_max);
        demand(config_entry_settings(facts, STR("e"), after, STR("{}"), &arena, &again, &error));
        demand(str_eq(after, again));
        load(&change, data[0] & 128);
    }
    arena_free(&arena);
    return 0;
}
