/* config_vault_test.c - what stands in the vault for a provider: asked for with its name and where it leads, and what
 * comes of each answer. Credentials that leave the overlay come back as they were, and no text holds them. */
#include "config/config_overlay.h"

#include "config_world.h"

/* "ID|provider|origin" of what was asked for last, and how often. */
struct asked {
    char last[512];
    unsigned times;
};
static struct asked asked;

/* By the id's first letters: `old..` has two, `locked`, `damaged` and `missing` are what they say; else SECRET-OF-ID,
 * or what was handed out under the id. */
static const struct config_vaulted *handed_out;

static enum config_vault_found vault_open(void *context, struct str id, struct str provider, struct str origin,
                                          struct arena *arena, struct str secrets[2], size_t *count,
                                          struct error *error) {
    (void)context;
    struct str name = str_slice(id, str_find_byte(id, '/') == SIZE_MAX ? 0 : str_find_byte(id, '/') + 1, id.len);
    snprintf(asked.last, sizeof asked.last, "%.*s|%.*s|%.*s", STR_ARG(id), STR_ARG(provider), STR_ARG(origin));
    asked.times++;
    error_set(error, error_none, "the vault says: %.*s", STR_ARG(name));
    *count = 0;
    if (str_starts(name, STR("missing"))) return config_vault_refused;
    if (str_starts(name, STR("damaged"))) return config_vault_damaged;
    if (str_starts(name, STR("locked"))) return config_vault_known;
    *count = str_starts(name, STR("old")) ? 2 : 1;
    secrets[0] = arena_printf(arena, "SECRET-OF-%.*s", STR_ARG(name));
    secrets[1] = arena_printf(arena, "BEFORE-%.*s", STR_ARG(name));
    for (const struct config_vaulted *one = handed_out; one; one = one->next) {
        if (!str_eq(one->id, id)) continue;
        secrets[0] = arena_copy(arena, one->secret);
        if (!str_eq(one->origin, origin)) return config_vault_refused;
    }
    return config_vault_opened;
}

static bool load_with(const char *text, struct str overlay, struct config *config) {
    const struct config_input input = {.path = STR("w.yaml"),
                                       .text = str_from(text),
                                       .overlay_path = STR("runtime.yaml"),
                                       .overlay_text = overlay,
                                       .environment = environment,
                                       .read_file = read_file,
                                       .vault_open = vault_open,
                                       .ids = &ids};
    asked = (struct asked){.times = 0};
    bool loaded = config_load(&input, config);
    if (!loaded && config->problems) print_message("%.*s\n", STR_ARG(config->problems->message));
    return loaded;
}

static const struct provider *provider_of(const struct config *config, const char *name) {
    const struct provider *provider = map_find(&config->snapshot->providers_by_name, str_from(name));
    assert_non_null(provider);
    return provider;
}

static void assert_keys(const struct provider *provider, const char *const *wanted) {
    size_t count = 0;
    for (; wanted[count]; count++) {
        char value[128];
        assert_true(count < provider->key_count);
        snprintf(value, sizeof value, "Bearer %s", wanted[count]);
        if (!str_eq(provider->authorization[count], str_from(value)))
            fail_msg("%.*s, not %s", STR_ARG(provider->authorization[count]), value);
    }
    assert_int_equal(provider->key_count, count);
}
#define KEYS(...) \
    (const char *const[]) { __VA_ARGS__, NULL }

#define ORIGIN "https://h:443 proxy=environment ca_file=system insecure=false"
#define ONE(settings) "providers: {a: {type: openai, base_url: 'https://h/v1', models: [m], " settings "}}\n"

static void an_entry_is_asked_for_with_its_provider_and_where_it_leads(void **state) {
    struct config config;
    (void)state;
    assert_true(load_with(ONE("api_key: vault:a"), STR_NONE, &config));
    assert_string_equal(asked.last, "a|a|" ORIGIN);
    assert_keys(provider_of(&config, "a"), KEYS("SECRET-OF-a"));
    assert_true(str_eq(provider_of(&config, "a")->key_entries[0], STR("a")));
    assert_int_equal(provider_of(&config, "a")->key_standby, 0);
    config_free(&config);
    assert_true(load_with(ONE("api_keys: [vault:a/one, plain, 'vault:a/two']"), STR_NONE, &config));
    assert_keys(provider_of(&config, "a"), KEYS("SECRET-OF-one", "plain", "SECRET-OF-two"));
    assert_true(str_eq(provider_of(&config, "a")->key_entries[1], STR("")));
    assert_true(str_eq(provider_of(&config, "a")->key_entries[2], STR("a/two")));
    config_free(&config);
    assert_true(load_with(ONE("api_key: k, headers: {X-Key: vault:a/header}, ca_file: ''"), STR_NONE, &config));
    assert_true(str_eq(provider_of(&config, "a")->headers[0].value, STR("SECRET-OF-header")));
    assert_null(provider_of(&config, "a")->key_entries);
    config_free(&config);
    assert_true(load_with("providers: {b: {type: openai, api_key: k}, a: {type: openai, enabled: false, api_key: "
                          "vault:missing}}\n",
                          STR_NONE, &config));
    assert_int_equal(asked.times, 0);
    config_free(&config);
}

static void the_secret_before_a_rotation_stands_by_behind_all_others(void **state) {
    struct config config;
    (void)state;
    assert_true(load_with(ONE("api_keys: [vault:a/old, vault:a/two]"), STR_NONE, &config));
    const struct provider *provider = provider_of(&config, "a");
    assert_keys(provider, KEYS("SECRET-OF-old", "SECRET-OF-two", "BEFORE-old"));
    assert_int_equal(provider->key_standby, 1);
    assert_true(str_eq(provider->key_entries[2], STR("a/old")));
    config_free(&config);
    assert_true(load_with(ONE("api_key: vault:a/old"), STR_NONE, &config));
    assert_keys(provider_of(&config, "a"), KEYS("SECRET-OF-old", "BEFORE-old"));
    config_free(&config);
}

static bool says(const struct config *config, const char *words, enum config_severity severity) {
    for (const struct config_problem *problem = config->problems; problem; problem = problem->next)
        if (problem->severity == severity && str_find(problem->message, str_from(words)) != SIZE_MAX) return true;
    return false;
}

static void a_damaged_entry_costs_its_own_key_alone(void **state) {
    struct config config;
    (void)state;
    assert_true(load_with(ONE("api_keys: [vault:a/damaged, vault:a/two], headers: {X: vault:a/damaged, Y: v}"),
                          STR_NONE, &config));
    assert_keys(provider_of(&config, "a"), KEYS("SECRET-OF-two"));
    assert_int_equal(provider_of(&config, "a")->header_count, 1);
    assert_true(says(&config, "the vault says: damaged", config_warning));
    config_free(&config);
    assert_true(load_with("providers: {a: {type: openai, api_key: vault:a/damaged}, b: {type: openai, api_key: k}}\n",
                          STR_NONE, &config));
    assert_int_equal(provider_of(&config, "a")->key_count, 0); /* and the others serve */
    config_free(&config);
}

static void a_missing_entry_is_an_error_at_its_place(void **state) {
    struct config config;
    char said[256];
    (void)state;
    assert_false(load_with(ONE("api_key: vault:a/missing"), STR_NONE, &config));
    first_problem(&config, said, sizeof said);
    assert_non_null(strstr(said, "the vault says: missing"));
    assert_non_null(strstr(said, "w.yaml:1:"));
    config_free(&config);
}

static void that_the_vault_is_locked_is_said_once(void **state) {
    struct config config;
    unsigned said = 0;
    (void)state;
    assert_true(load_with(ONE("api_keys: [vault:a/locked1, vault:a/locked2]"), STR_NONE, &config));
    for (const struct config_problem *problem = config.problems; problem; problem = problem->next)
        said += str_find(problem->message, STR("the vault says")) != SIZE_MAX;
    assert_int_equal(said, 1);
    config_free(&config);
}

/* -- the overlay -- */

static struct str vaulted(const char *file, struct str overlay, struct config *config, struct arena *arena) {
    struct error error = {.code = error_none};
    struct config_vaulted *list = NULL;
    struct text sealed = text_in_arena(arena, 512), out = text_in_arena(arena, 512);
    handed_out = NULL;
    assert_true(load_with(file, overlay, config));
    assert_true(config_overlay_seal(overlay, config, arena, &sealed, &error));
    assert_true(config_overlay_vault(text_str(&sealed), config, 42, arena, &list, &out, &error));
    handed_out = list;
    return text_str(&out);
}

#define FILE_B "providers: {b: {type: openai, api_key: file-key, base_url: 'https://b/v1'}}\n"
#define OVERLAY                                                                                                    \
    "providers:\n  a: {added: true, type: openai, base_url: 'https://h/v1', api_keys: [k-one, k-two], headers: "   \
    "{X-Key: h-secret, Anthropic-Version: '2023-06-01'}, proxy: 'http://me:p-secret@proxy:3128'}\n  b: {api_key: " \
    "k-three, priority: 4}\n  gone: {api_key: k-four, credential_origin: 'https://g:443'}\n"

static void no_secret_stays_in_the_text_and_all_of_them_come_back(void **state) {
    static const char *const secrets[] = {"k-one", "k-two", "k-three", "k-four", "h-secret", "p-secret", "me:"};
    struct config before, after;
    struct arena arena;
    struct str *named;
    size_t count = 0;
    (void)state;
    arena_init_secret(&arena, 8192, 1 << 20);
    struct str text = vaulted(FILE_B, STR(OVERLAY), &before, &arena);
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (str_find(text, str_from(secrets[i])) != SIZE_MAX) fail_msg("%.*s", STR_ARG(text));
    assert_true(str_find(text, STR("2023-06-01")) != SIZE_MAX);
    assert_true(config_overlay_vaulted(text, &arena, &named, &count));
    assert_int_equal(count, 6);
    assert_true(load_with(FILE_B, text, &after));
    assert_int_equal(asked.times, 5); /* the one of the provider that is gone is nobody's */
    const struct provider *a = provider_of(&after, "a"), *as = provider_of(&before, "a");
    assert_keys(a, KEYS("k-one", "k-two"));
    assert_keys(provider_of(&after, "b"), KEYS("k-three"));
    assert_int_equal(provider_of(&after, "b")->priority, 4);
    assert_int_equal(a->header_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(str_eq(a->headers[i].value, STR("2023-06-01")) || str_eq(a->headers[i].value, STR("h-secret")));
    assert_true(str_eq(a->proxy, as->proxy) && str_eq(a->proxy, STR("http://me:p-secret@proxy:3128")));
    for (const struct config_vaulted *one = handed_out; one; one = one->next)
        if (str_eq(one->secret, STR("k-four"))) assert_true(str_eq(one->origin, STR("https://g:443")));
    config_free(&before);
    config_free(&after);
    arena_free(&arena);
}

/* After one edit of the vaulted text: what comes of provider `b`. */
static struct str edited(struct str text, const char *settings, struct config *config, struct arena *arena) {
    struct error error = {.code = error_none};
    struct text out = text_in_arena(arena, 512), keys = text_in_arena(arena, 64), sealed = text_in_arena(arena, 512);
    const struct config_edit edit = {.kind = edit_update, .provider = STR("b"), .settings = str_from(settings)};
    config_free(config);
    if (!config_overlay_edit(text, &edit, arena, &out, &keys, &error)) fail_msg("%s", error.message);
    assert_true(load_with(FILE_B, text_str(&out), config));
    assert_true(config_overlay_seal(text_str(&out), config, arena, &sealed, &error));
    return text_str(&sealed);
}

static void a_key_given_anew_leaves_the_entry_of_before(void **state) {
    struct config config;
    struct arena arena;
    (void)state;
    arena_init_secret(&arena, 8192, 1 << 20);
    struct str text = vaulted(FILE_B, STR("providers: {b: {api_key: k-three}}\n"), &config, &arena),
               id = handed_out->id;
    assert_true(str_find(text, id) != SIZE_MAX);
    assert_true(str_find(edited(text, "{\"priority\":3}", &config, &arena), id) != SIZE_MAX);
    assert_keys(provider_of(&config, "b"), KEYS("k-three"));
    assert_true(str_find(edited(text, "{\"api_keys\":[\"new\"]}", &config, &arena), id) == SIZE_MAX);
    assert_keys(provider_of(&config, "b"), KEYS("new"));
    assert_true(str_find(edited(text, "{\"api_key\":null}", &config, &arena), id) == SIZE_MAX);
    assert_keys(provider_of(&config, "b"), KEYS("file-key"));
    config_free(&config);
    arena_free(&arena);
}

/* Not asked for at the new place, and gone from the text for good. */
static void an_entry_of_another_origin_is_left_behind(void **state) {
    struct config config;
    struct arena arena;
    (void)state;
    arena_init_secret(&arena, 8192, 1 << 20);
    struct str text = vaulted(FILE_B, STR("providers: {b: {api_key: k-three}}\n"), &config, &arena),
               id = handed_out->id;
    struct str after = edited(text, "{\"base_url\":\"https://evil/v1\"}", &config, &arena);
    assert_int_equal(asked.times, 0);
    assert_int_equal(provider_of(&config, "b")->key_count, 0);
    assert_true(str_find(after, id) == SIZE_MAX);
    config_free(&config);
    arena_free(&arena);
}

static void the_word_of_the_overlay_is_no_setting_and_must_be_as_it_was_written(void **state) {
    static const char *const overlays[] = {"providers: {b: {vault: a}}\n",
                                           "providers: {b: {vault: {api_key: [a]}}}\n",
                                           "providers: {b: {vault: {other: a}}}\n",
                                           "providers: {b: {vault: {proxy: a}}}\n",
                                           "providers: {b: {vault: {proxy: [a]}}}\n",
                                           "providers: {b: {proxy: {a: b}, vault: {proxy: a}}}\n",
                                           "providers: {b: {proxy: 'http://p:1', vault: {proxy: [a]}}}\n",
                                           "providers: {b: {vault: {headers: [a]}}}\n"};
    struct config config;
    (void)state;
    for (size_t i = 0; i < sizeof overlays / sizeof *overlays; i++) {
        assert_false(load_with(FILE_B, str_from(overlays[i]), &config));
        assert_true(says(&config, "cannot be read", config_error));
        config_free(&config);
    }
    struct arena arena;
    struct error error = {.code = error_none};
    arena_init(&arena, 4096, 1 << 20);
    struct text out = text_in_arena(&arena, 512), keys = text_in_arena(&arena, 64);
    const struct config_edit edit = {
        .kind = edit_update, .provider = STR("b"), .settings = STR("{\"vault\":{\"api_key\":\"a\"}}")};
    assert_false(config_overlay_edit(STR(""), &edit, &arena, &out, &keys, &error));
    assert_non_null(strstr(error.message, "unknown key `vault`"));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_asked_for_with_its_provider_and_where_it_leads),
        cmocka_unit_test(the_secret_before_a_rotation_stands_by_behind_all_others),
        cmocka_unit_test(a_damaged_entry_costs_its_own_key_alone),
        cmocka_unit_test(a_missing_entry_is_an_error_at_its_place),
        cmocka_unit_test(that_the_vault_is_locked_is_said_once),
        cmocka_unit_test(no_secret_stays_in_the_text_and_all_of_them_come_back),
        cmocka_unit_test(a_key_given_anew_leaves_the_entry_of_before),
        cmocka_unit_test(an_entry_of_another_origin_is_left_behind),
        cmocka_unit_test(the_word_of_the_overlay_is_no_setting_and_must_be_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
