/* config_environment.c - a start without a file: each provider key found in the environment makes a provider; with
 * none, the built-in simulated one. Gives the tree that a file would have given, so that one code path follows. */
#include <string.h>

#include "config/config.h"
#include "config/config_read.h"
#include "config/config_yaml.h"

static struct config_node *node_add(struct config_reading *reading, struct config_node *map, struct str key,
                                    enum config_kind kind, struct str text) {
    struct arena *arena = &reading->config->arena;
    struct config_node *node = arena_take_zeroed(arena, sizeof *node), **place = &map->first;
    if (!node) return map; /* the arena is full: the build will say so */
    node->kind = kind;
    node->key = arena_copy(arena, key);
    node->text = arena_copy(arena, text);
    node->quoted = true;
    while (*place) place = &(*place)->next;
    *place = node;
    map->count++;
    return node;
}

static struct str environment(const struct config_reading *reading, const char *name) {
    return str_from(reading->input->environment(reading->input->context, name));
}

static struct str environment_str(const struct config_reading *reading, struct str name) {
    char terminated[128];
    str_copy(terminated, sizeof terminated, name);
    return environment(reading, terminated);
}

static const char *const first_ones[] = {"PRIMARY_PROVIDER", "SECONDARY_PROVIDER", "FALLBACK_PROVIDER"};

/* PRIMARY_PROVIDER and its two followers come first: 1, 2, 3; 0: the rest, in the catalogue's order. */
static unsigned place_of(const struct config_reading *reading, struct str type) {
    for (unsigned i = 0; i < sizeof first_ones / sizeof *first_ones; i++)
        if (str_eq_nocase(environment(reading, first_ones[i]), type)) return i + 1;
    return 0;
}

static void provider_add(struct config_reading *reading, struct config_node *providers,
                         const struct catalog_provider *row, struct str key) {
    struct config_node *provider = node_add(reading, providers, row->type, config_map, STR(""));
    struct arena *arena = &reading->config->arena;
    if (key.len) node_add(reading, provider, STR("api_key"), config_scalar, key);
    unsigned place = place_of(reading, row->type);
    if (place) node_add(reading, provider, STR("priority"), config_scalar, arena_printf(arena, "%u", place));
    struct str timeout = environment(reading, "PROVIDER_TIMEOUT");
    if (timeout.len) node_add(reading, provider, STR("timeout_seconds"), config_scalar, timeout);
}

static struct str config_environment_key_find(const struct config_reading *reading,
                                              const struct catalog_provider *row) {
    struct str key = row->key_env.len ? environment_str(reading, row->key_env) : STR(""), rest = row->key_env_more,
               name;
    while (key.len == 0 && rest.len && str_split_next(&rest, ',', &name))
        key = environment_str(reading, str_trim(name));
    return key;
}

/* A key makes one provider: of two rows that go by the same one (a vendor's own API beside its OpenAI form) the first,
 * unless the other is named as PRIMARY_PROVIDER or one of its followers, or has forecasts, which the first has not. */
static bool is_second(const struct config_reading *reading, const struct catalog *catalog, size_t index) {
    const struct catalog_provider *row = &catalog->providers[index];
    for (size_t i = 0; i < sizeof first_ones / sizeof *first_ones; i++)
        if (str_eq_nocase(environment(reading, first_ones[i]), row->type)) return false;
    for (size_t i = 0; i < index; i++)
        if (row->key_env.len && str_eq(catalog->providers[i].key_env, row->key_env))
            return !(row->endpoints & ~catalog->providers[i].endpoints & 1u << endpoint_forecasts);
    return false;
}

/* ENABLE_PROVIDER_SYSTEM and its like: yes unless it says no; what is neither is an error. */
static bool environment_yes(struct config_reading *reading, const char *name, bool *value) {
    struct str word = environment(reading, name);
    *value = !str_eq(word, STR("0"));
    if (word.len == 0 || !*value || str_eq(word, STR("1")) || read_bool_word(word, value)) return true;
    return *value = true, false;
}

static bool system_enabled(struct config_reading *reading) {
    bool enabled;
    if (!environment_yes(reading, "ENABLE_PROVIDER_SYSTEM", &enabled))
        config_report(reading, NULL, config_error,
                      "ENABLE_PROVIDER_SYSTEM must be true or false: with false the simulated provider answers");
    return enabled;
}

/* -- variables that are there and do not make a provider -- */

static bool environment_is_set(const struct config_reading *reading, struct str name) {
    char terminated[128];
    str_copy(terminated, sizeof terminated, name);
    return name.len && reading->input->environment(reading->input->context, terminated);
}

/* The first of a row's variables for its key that is there, though it holds nothing; {NULL,0}: none is. */
static struct str key_set(const struct config_reading *reading, const struct catalog_provider *row) {
    struct str rest = row->key_env_more, name;
    if (environment_is_set(reading, row->key_env)) return row->key_env;
    while (rest.len && str_split_next(&rest, ',', &name))
        if (environment_is_set(reading, str_trim(name))) return str_trim(name);
    return STR_NONE;
}

/* What was asked for and would not be there: said, since another provider's answer, or a simulated one, is not it. */
static void halves_check(struct config_reading *reading, const struct catalog_provider *row, struct str key,
                         bool has_account) {
    struct str set = key_set(reading, row);
    if (key.len && !has_account)
        config_report(reading, NULL, config_error,
                      "%.*s is set and %.*s is not: a key of %.*s needs both; set it, or unset %.*s", STR_ARG(set),
                      STR_ARG(row->account_env), STR_ARG(row->title), STR_ARG(set));
    else if (!key.len && set.at)
        config_report(reading, NULL, config_error, "%.*s is set and empty: give it the key, or unset it", STR_ARG(set));
    else if (!key.len && environment_is_set(reading, row->account_env))
        config_report(reading, NULL, config_error,
                      "%.*s is set and %.*s is not: a key of %.*s needs both; set it, or unset %.*s",
                      STR_ARG(row->account_env), STR_ARG(row->key_env), STR_ARG(row->title), STR_ARG(row->account_env));
}

/* PRIMARY_PROVIDER and its two followers that lead nowhere: told, since a start without them is not what was meant. */
static void first_ones_check(struct config_reading *reading, const struct config_node *providers) {
    for (size_t i = 0; i < sizeof first_ones / sizeof *first_ones; i++) {
        struct str name = environment(reading, first_ones[i]);
        bool found = name.len == 0;
        for (const struct config_node *node = providers->first; node && !found; node = node->next)
            found = str_eq_nocase(node->key, name);
        if (!found)
            config_report(reading, NULL, providers->count ? config_warning : config_error,
                          "%s names `%.*s`, which is not among the providers whose key is in the environment",
                          first_ones[i], STR_ARG(str_slice(name, 0, 64)));
    }
}

/* It bounds streams and whole replies alike, and no variable says otherwise: told once for all providers. */
static void timeout_tell(struct config_reading *reading) {
    struct str timeout = environment(reading, "PROVIDER_TIMEOUT");
    double seconds;
    if (str_to_double(timeout, &seconds) && seconds > 0)
        config_report(reading, NULL, config_warning,
                      "PROVIDER_TIMEOUT=%.*s bounds a whole reply that is not streamed too: a configuration file with "
                      "`reply_timeout_seconds` gives those another time",
                      STR_ARG(str_slice(timeout, 0, 40)));
}

struct config_node *config_from_environment(struct config_reading *reading, const struct catalog *catalog) {
    struct config_node *root = arena_take_zeroed(&reading->config->arena, sizeof *root);
    if (!root) return NULL;
    root->kind = config_map;
    struct str value;
    if ((value = environment(reading, "WEIR_LISTEN")).len) node_add(reading, root, STR("listen"), config_scalar, value);
    if ((value = environment(reading, "WEIR_STATE_DIR")).len)
        node_add(reading, root, STR("state_dir"), config_scalar, value);
    if ((value = environment(reading, "WEIR_LEDGER")).len) node_add(reading, root, STR("ledger"), config_scalar, value);
    if ((value = environment(reading, "WEIR_LOG")).len)
        node_add(reading, node_add(reading, root, STR("log"), config_map, STR("")), STR("level"), config_scalar, value);
    if ((value = environment(reading, "PROVIDER_RETRY_ATTEMPTS")).len)
        node_add(reading, node_add(reading, root, STR("retry"), config_map, STR("")), STR("max_retries"), config_scalar,
                 value);
    bool balances;
    if ((value = environment(reading, "PROVIDER_LOAD_BALANCE")).len)
        node_add(reading, root, STR("selection_strategy"), config_scalar,
                 !environment_yes(reading, "PROVIDER_LOAD_BALANCE", &balances) ? value
                 : balances                                                    ? STR("round_robin")
                                                                               : STR("priority"));
    struct config_node *providers = node_add(reading, root, STR("providers"), config_map, STR(""));
    bool enabled = system_enabled(reading);
    for (size_t i = 0; i < catalog->provider_count && enabled; i++) {
        const struct catalog_provider *row = &catalog->providers[i];
        struct str key = config_environment_key_find(reading, row);
        bool has_account = !row->account_env.len || environment_str(reading, row->account_env).len;
        if (is_second(reading, catalog, i)) continue;
        halves_check(reading, row, key, has_account);
        if (key.len && has_account) provider_add(reading, providers, row, key);
    }
    if (enabled) first_ones_check(reading, providers);
    if (providers->count) timeout_tell(reading);
    if (providers->count == 0 && reading->config->error_count == 0) {
        struct config_node *simulated = node_add(reading, providers, STR("simulated"), config_map, STR(""));
        node_add(reading, simulated, STR("type"), config_scalar, STR("simulated"));
    }
    return root;
}

void config_simulated_check(struct config_reading *reading, const struct config_node *root) {
    const struct config_node *providers = config_member(root, STR("providers"));
    if (reading->input->text.at || !reading->input->served_providers || !system_enabled(reading)) return;
    if (!config_member(providers, STR("simulated")) || providers->count > 1) return;
    config_report(reading, NULL, config_error,
                  "there is no provider's key in the environment, and this state folder has served real providers: set "
                  "one, name a configuration file, or ask for simulated answers by --simulated "
                  "(ENABLE_PROVIDER_SYSTEM=false)");
}
