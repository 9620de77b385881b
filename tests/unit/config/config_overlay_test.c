/* config_overlay_test.c - what was changed at run time, merged over a configuration; and how an edit becomes text. */
#include "config/config_overlay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config_told.h"

static const char *environment(void *context, const char *name) {
    const char *const *pairs = context;
    for (size_t i = 0; pairs && pairs[i]; i += 2)
        if (strcmp(pairs[i], name) == 0) return pairs[i + 1];
    return NULL;
}

static bool read_file(void *context, struct str path, struct arena *arena, struct str *content, struct error *error) {
    (void)context, (void)path;
    *content = arena_copy(arena, STR("from-a-file"));
    return content->at || error_set(error, error_out_of_memory, "no memory");
}

static struct config_ids ids;

static bool load_in(const char *text, const char *overlay, const char *const *pairs, struct config *config) {
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = text ? str_from(text) : STR_NONE,
                                 .overlay_path = STR("state/runtime.yaml"),
                                 .overlay_text = overlay ? str_from(overlay) : STR_NONE,
                                 .environment = environment,
                                 .read_file = read_file,
                                 .context = (void *)(uintptr_t)pairs,
                                 .ids = &ids,
                                 .simulated_base_url = STR("http://127.0.0.1:1/v1")};
    return config_load(&input, config);
}

static bool load(const char *text, const char *overlay, struct config *config) {
    return load_in(text, overlay, NULL, config);
}

static const struct provider *provider_of(const struct config *config, const char *name) {
    return map_find(&config->snapshot->providers_by_name, str_from(name));
}

static bool told(const struct config *config, enum config_severity severity, const char *part) {
    for (const struct config_problem *problem = config->problems; problem; problem = problem->next)
        if (problem->severity == severity && str_find(problem->message, str_from(part)) != SIZE_MAX) return true;
    return false;
}

#define FILE_AB                                                                                                      \
    "providers:\n"                                                                                                   \
    "  a: {type: openai, api_key: key-a, base_url: \"http://a.test/v1\", models: [m, n], priority: 2, timeout: 7,\n" \
    "      headers: {X-Org: org}}\n"                                                                                 \
    "  b: {type: groq, api_key: key-b, models: [m]}\n"

/* -- merging -- */

static void no_overlay_and_an_empty_one_change_nothing(void **state) {
    (void)state;
    static const char *const overlays[] = {NULL, "", "# nothing\n", "providers:\n", "providers: {}\n"};
    for (size_t i = 0; i < sizeof overlays / sizeof *overlays; i++) {
        struct config config;
        assert_true(load(FILE_AB, overlays[i], &config));
        assert_int_equal(config.snapshot->provider_count, 2);
        assert_false(provider_of(&config, "a")->edited);
        assert_int_equal(config.error_count, 0);
        config_free(&config);
    }
}

static void a_key_of_the_overlay_wins_and_the_rest_stays(void **state) {
    (void)state;
    struct config config;
    assert_true(load(FILE_AB, "providers: {a: {priority: 9, models: [x], state: draining}}\n", &config));
    const struct provider *a = provider_of(&config, "a"), *b = provider_of(&config, "b");
    assert_true(a->edited && !b->edited);
    assert_int_equal(a->priority, 9);
    assert_int_equal(a->model_count, 1);
    assert_true(str_eq(a->models[0], STR("x")));
    assert_int_equal(a->state, provider_draining);
    assert_int_equal(a->first_token_timeout_ns, 7 * NS_PER_S);
    assert_true(str_eq(a->authorization[0], STR("Bearer key-a")));
    assert_int_equal(b->state, provider_active);
    config_free(&config);
}

static void another_spelling_of_a_key_is_the_same_key(void **state) {
    (void)state;
    struct config config;
    assert_true(load(FILE_AB, "providers: {a: {timeout_seconds: 3}}\n", &config));
    assert_int_equal(provider_of(&config, "a")->first_token_timeout_ns, 3 * NS_PER_S);
    config_free(&config);
}

static void maps_are_merged_key_by_key_but_headers_are_taken_whole(void **state) {
    (void)state;
    struct config config;
    assert_true(load("providers: {a: {type: openai, api_key: k, models: [m, n], headers: {X-A: one},\n"
                     "  prices: {m: {input: 1, output: 2}}}}\n",
                     "providers: {a: {headers: {X-B: two}, prices: {n: {input: 3, output: 4}, m: {output: 5}}}}\n",
                     &config));
    const struct provider *a = provider_of(&config, "a");
    assert_int_equal(a->header_count, 1);
    assert_true(str_eq(a->headers[0].name, STR("X-B")));
    const struct target *m = map_find(&config.snapshot->targets_by_name, STR("a/m")),
                        *n = map_find(&config.snapshot->targets_by_name, STR("a/n"));
    assert_int_equal(m->prices.input, 1000000000);
    assert_int_equal(m->prices.output, 5000000000);
    assert_int_equal(n->prices.output, 4000000000);
    config_free(&config);
}

static void one_key_and_several_keys_put_each_other_out(void **state) {
    (void)state;
    struct config config;
    assert_true(
        load("providers: {a: {type: openai, api_keys: [one, two]}}\n", "providers: {a: {api_key: mine}}\n", &config));
    assert_int_equal(provider_of(&config, "a")->key_count, 1);
    assert_true(str_eq(provider_of(&config, "a")->authorization[0], STR("Bearer mine")));
    config_free(&config);
}

static void a_provider_is_added_and_routes_of_the_file_may_name_it(void **state) {
    (void)state;
    struct config config;
    const char *file = FILE_AB "routes: [{model: r, targets: [new/x, a/m]}]\n";
    assert_false(load(file, NULL, &config));
    config_free(&config);
    assert_true(load(file, "providers: {new: {added: true, type: groq, api_key: k, priority: 1}}\n", &config));
    assert_int_equal(config.snapshot->provider_count, 3);
    assert_true(provider_of(&config, "new")->edited);
    assert_int_equal(config.snapshot->routes[0].target_count, 2);
    config_free(&config);
}

static void an_added_one_is_not_mixed_with_one_of_the_file(void **state) {
    (void)state;
    struct config config;
    assert_true(load(FILE_AB, "providers: {a: {added: true, type: groq, api_key: mine}}\n", &config));
    const struct provider *a = provider_of(&config, "a");
    assert_true(str_eq(a->type, STR("groq")));
    assert_int_equal(a->priority, 100);
    assert_int_equal(a->header_count, 0);
    assert_true(str_eq(a->authorization[0], STR("Bearer mine")));
    config_free(&config);
}

static void a_file_without_providers_may_live_of_the_overlay(void **state) {
    (void)state;
    struct config config;
    assert_true(load("workers: 1\n", "providers: {a: {added: true, type: openai, api_key: k}}\n", &config));
    config_free(&config);
    assert_true(load("providers:\n", "providers: {a: {added: true, type: openai, api_key: k}}\n", &config));
    config_free(&config);
}

static void a_removed_provider_is_gone_and_its_targets_are_left_out(void **state) {
    (void)state;
    struct config config;
    assert_true(load(FILE_AB "routes: [{model: r, targets: [a/m, b/m]}, {model: only, targets: [a/n]}]\n",
                     "providers: {a: {removed: true}}\n", &config));
    assert_null(provider_of(&config, "a"));
    assert_int_equal(config.snapshot->routes[0].target_count, 1);
    assert_int_equal(config.snapshot->routes[1].target_count, 0);
    assert_true(told(&config, config_warning, "the target `a/m` is left out: its provider was removed at run time"));
    assert_true(config.snapshot->absent && config.snapshot->absent->removed);
    config_free(&config);
}

static void the_last_provider_cannot_be_removed(void **state) {
    (void)state;
    struct config config;
    assert_false(load(FILE_AB, "providers: {a: {removed: true}, b: {removed: true}}\n", &config));
    assert_true(told(&config, config_error, "there is no enabled provider"));
    config_free(&config);
}

static void a_change_of_what_the_file_has_no_more_is_left_aside(void **state) {
    (void)state;
    struct config config;
    const char *const pairs[] = {"OPENAI_API_KEY", "o", NULL};
    assert_true(load_in(FILE_AB, "providers: {openai: {priority: 3}, gone: {removed: true}}\n", pairs, &config));
    assert_int_equal(config.snapshot->provider_count, 2);
    assert_true(told(&config, config_warning, "provider `openai` was changed at run time and is not in the "));
    config_free(&config);
}

static void a_provider_that_is_switched_off_is_absent_and_known(void **state) {
    (void)state;
    struct config config;
    assert_true(load(FILE_AB, "providers: {a: {enabled: false}}\n", &config));
    assert_null(provider_of(&config, "a"));
    assert_true(str_eq(config.snapshot->absent->name, STR("a")) && !config.snapshot->absent->removed);
    config_free(&config);
}

static void an_environment_only_start_has_an_overlay_too(void **state) {
    (void)state;
    const char *const pairs[] = {"GROQ_API_KEY", "g", NULL};
    struct config config;
    assert_true(load_in(NULL, "providers: {groq: {state: maintenance}, x: {added: true, type: openai, api_key: k}}\n",
                        pairs, &config));
    assert_int_equal(config.snapshot->provider_count, 2);
    assert_int_equal(provider_of(&config, "groq")->state, provider_maintenance);
    assert_true(str_eq(provider_of(&config, "groq")->authorization[0], STR("Bearer g")));
    config_free(&config);
}

static void the_built_in_provider_gives_way_to_one_that_was_added(void **state) {
    (void)state;
    struct config config;
    assert_true(load(NULL, "providers: {x: {added: true, type: openai, api_key: k}}\n", &config));
    assert_int_equal(config.snapshot->provider_count, 1);
    assert_false(config.snapshot->providers[0].simulated);
    config_free(&config);
    assert_true(load(NULL, "providers: {x: {added: true, type: openai, api_key: k, enabled: false}}\n", &config));
    assert_true(config.snapshot->providers[0].simulated);
    config_free(&config);
}

/* -- credentials -- */

static void another_origin_does_not_get_the_files_credentials(void **state) {
    (void)state;
    static const char *const moves[] = {
        "providers: {a: {base_url: \"http://evil.test/v1\"}}\n",
        "providers: {a: {base_url: \"http://a.test:81/v1\"}}\n",
        "providers: {a: {base_url: \"https://a.test/v1\"}}\n",
    };
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        struct config config;
        assert_true(load(FILE_AB, moves[i], &config));
        assert_int_equal(provider_of(&config, "a")->key_count, 0);
        assert_int_equal(provider_of(&config, "a")->header_count, 0);
        assert_true(told(&config, config_warning, "its `api_key` was given for the one before"));
        config_free(&config);
    }
}

static void a_changed_type_is_another_origin(void **state) {
    (void)state;
    struct config config;
    assert_false(load("providers: {b: {type: groq, api_key: key-b}}\n", "providers: {b: {type: openai}}\n", &config));
    assert_true(told(&config, config_error, "provider `b` has no api_key"));
    config_free(&config);
}

static void the_same_origin_keeps_them(void **state) {
    (void)state;
    struct config config;
    assert_true(load(FILE_AB, "providers: {a: {base_url: \"http://a.test:80/other\"}}\n", &config));
    assert_int_equal(provider_of(&config, "a")->key_count, 1);
    assert_int_equal(provider_of(&config, "a")->header_count, 1);
    config_free(&config);
}

static void a_key_given_with_the_new_origin_is_used(void **state) {
    (void)state;
    struct config config;
    assert_true(load(FILE_AB,
                     "providers: {a: {base_url: \"http://new.test/v1\", api_key: n, credential_origin: "
                     "\"http://new.test:80\"}}\n",
                     &config));
    assert_true(str_eq(provider_of(&config, "a")->authorization[0], STR("Bearer n")));
    config_free(&config);
}

static void a_key_of_the_overlay_does_not_follow_the_file_elsewhere(void **state) {
    (void)state;
    struct config config;
    assert_true(load("providers: {a: {type: openai, base_url: \"http://moved.test/v1\"}}\n",
                     "providers: {a: {api_key: n, credential_origin: \"http://a.test:80\"}}\n", &config));
    assert_int_equal(provider_of(&config, "a")->key_count, 0);
    config_free(&config);
}

/* Who stands between could read the credential: each of these is another way, whoever changes it. */
static const char *const ways[] = {"base_url: \"http://evil.test/v1\"",
                                   "proxy: \"http://evil.test:1\"",
                                   "proxy: \"evil.test:1\"",
                                   "proxy: \"http://evil.test:1/@corp.test:3128\"",
                                   "proxy: \"http://corp.test:3128@evil.test:1\"",
                                   "proxy: \"http://corp.test:1\"",
                                   "proxy: none",
                                   "insecure: true",
                                   "ca_file: \"/evil.pem\""};
static const char *const credentials[] = {"api_key: mine", "api_keys: [mine, too]", "headers: {X-Key: mine}"};
enum { ways_count = sizeof ways / sizeof *ways, credentials_count = sizeof credentials / sizeof *credentials };

static const char *sealed(const char *file, const char *overlay);

static size_t credentials_of(const struct provider *provider) { return provider->key_count + provider->header_count; }

static void check_left_behind(const char *file, const char *overlay, const char *const *pairs) {
    struct config config;
    if (!load_in(file, overlay, pairs, &config)) fail_msg("%s over %s is not valid", overlay, file);
    if (credentials_of(provider_of(&config, "a"))) fail_msg("%s over %s keeps the credential", overlay, file);
    config_free(&config);
}

#define FILE_WAY "base_url: \"http://a.test/v1\", proxy: \"http://user:word@corp.test:3128\""

static void on_another_way_no_credential_goes_whoever_changed_it(void **state) {
    (void)state;
    char file[512], overlay[512];
    for (size_t w = 0; w < ways_count; w++)
        for (size_t c = 0; c < credentials_count; c++) {
            snprintf(file, sizeof file, "providers: {a: {type: openai, %s, %s}}\n", FILE_WAY, credentials[c]);
            snprintf(overlay, sizeof overlay, "providers: {a: {%s}}\n", ways[w]);
            check_left_behind(file, overlay, NULL); /* the file's credential, the overlay's way */
            snprintf(file, sizeof file, "providers: {a: {type: openai, %s}}\n", FILE_WAY);
            snprintf(overlay, sizeof overlay, "providers: {a: {%s}}\n", credentials[c]);
            const char *before = sealed(file, overlay); /* the overlay's credential, and the file changes */
            assert_non_null(strstr(before, "mine"));
            bool base = str_starts(str_from(ways[w]), STR("base_url")),
                 proxy = str_starts(str_from(ways[w]), STR("proxy"));
            char moved[512];
            snprintf(moved, sizeof moved, "providers: {a: {type: openai%s%s, %s}}\n",
                     base ? "" : ", base_url: \"http://a.test/v1\"",
                     proxy ? "" : ", proxy: \"http://user:word@corp.test:3128\"", ways[w]);
            check_left_behind(moved, before, NULL);
            assert_null(strstr(sealed(moved, before), "mine")); /* and at the next edit it is gone for good */
        }
}

static void a_key_of_the_environment_does_not_go_where_the_overlay_leads(void **state) {
    (void)state;
    const char *const pairs[] = {"OPENROUTER_API_KEY", "secret", "AZURE_OPENAI_API_KEY", "secret", NULL};
    char overlay[512];
    struct config config;
    assert_true(load_in("providers: {a: {type: openrouter}}\n", NULL, pairs, &config));
    assert_int_equal(provider_of(&config, "a")->key_count, 1);
    config_free(&config);
    for (size_t w = 0; w < ways_count; w++) {
        snprintf(overlay, sizeof overlay, "providers: {a: {%s}}\n", ways[w]);
        bool fine = load_in("providers: {a: {type: openrouter}}\n", overlay, pairs, &config);
        if (fine) assert_int_equal(provider_of(&config, "a")->key_count, 0);
        config_free(&config);
        snprintf(overlay, sizeof overlay, "providers: {x: {added: true, type: openrouter, %s}}\n", ways[w]);
        fine = load_in(FILE_AB, overlay, pairs, &config);
        if (fine) assert_int_equal(provider_of(&config, "x")->key_count, 0);
        config_free(&config);
    }
    bool fine = load_in(FILE_AB, "providers: {x: {added: true, type: azure, account: evil}}\n", pairs, &config);
    if (fine) assert_int_equal(provider_of(&config, "x")->key_count, 0);
    config_free(&config);
    assert_true(load_in(FILE_AB, "providers: {x: {added: true, type: openrouter}}\n", pairs, &config));
    assert_int_equal(provider_of(&config, "x")->key_count, 1);
    config_free(&config);
}

static void a_proxys_new_password_or_spelling_is_no_other_way(void **state) {
    (void)state;
    static const char *const same[] = {"proxy: \"http://user:new@corp.test:3128\"", "proxy: \"corp.test:3128/\"",
                                       "insecure: false", "insecure: no"};
    char overlay[512];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct config config;
        snprintf(overlay, sizeof overlay, "providers: {a: {%s}}\n", same[i]);
        assert_true(load("providers: {a: {type: openai, api_key: k, " FILE_WAY "}}\n", overlay, &config));
        assert_int_equal(provider_of(&config, "a")->key_count, 1);
        config_free(&config);
    }
}

static void a_mark_of_an_older_overlay_means_the_way_of_now(void **state) {
    (void)state;
    const char *file = "providers: {a: {type: openai, " FILE_WAY "}}\n",
               *overlay = "providers: {a: {api_key: mine, credential_origin: \"http://a.test:80\"}}\n";
    struct config config;
    assert_true(load(file, overlay, &config));
    assert_int_equal(provider_of(&config, "a")->key_count, 1);
    config_free(&config);
    assert_non_null(strstr(sealed(file, overlay), "http://a.test:80 proxy=corp.test:3128 ca_file=system insecure=f"));
    assert_null(strstr(sealed(file, overlay), "word"));
}

static void an_expanded_base_url_is_compared(void **state) {
    (void)state;
    const char *const pairs[] = {"URL", "http://a.test/v1", NULL};
    struct config config;
    assert_true(load_in("providers: {a: {type: openai, api_key: k, base_url: \"${URL}\"}}\n",
                        "providers: {a: {base_url: \"http://a.test/v2\"}}\n", pairs, &config));
    assert_int_equal(provider_of(&config, "a")->key_count, 1);
    config_free(&config);
}

/* -- what is wrong with it -- */

static const struct {
    const char *overlay, *problem;
} bad[] = {
    {"providers: [\n", "state/runtime.yaml:2:1: "},
    {"- a\n", "state/runtime.yaml:1:1: the run-time overlay holds `providers` and nothing else"},
    {"routes: []\n", "state/runtime.yaml:1:1: the run-time overlay holds `providers` and nothing else"},
    {"providers: {}\nlisten: x\n", "state/runtime.yaml:1:1: the run-time overlay holds"},
    {"providers: [a]\n", "state/runtime.yaml:1:12: `providers` must be a map"},
    {"providers: {a: [x]}\n", "state/runtime.yaml:1:16: every entry of `providers` must be a map"},
    {"providers: {a: x}\n", "state/runtime.yaml:1:16: every entry of `providers` must be a map"},
    {"providers:\n  a:\n    prioritty: 1\n",
     "state/runtime.yaml:3:5: unknown key `prioritty`: did you mean `priority`?"},
    {"providers:\n  a:\n    priority: high\n", "state/runtime.yaml:3:15: `priority` must be a whole number"},
    {"providers: {a: {state: resting}}\n", "state/runtime.yaml:1:24: `state` cannot be `resting`"},
    {"providers: {a: {api_key: \"${OPENAI_API_KEY}\"}}\n", "state/runtime.yaml:1:26: `api_key`: references"},
    {"providers: {a: {api_key: \"file:/etc/passwd\"}}\n", "state/runtime.yaml:1:26: `api_key`: references"},
    {"providers: {a: {api_key: \"vault:openai\"}}\n", "state/runtime.yaml:1:26: `api_key`: references"},
    {"providers: {a: {headers: {X-A: \"${HOME}\"}}}\n", "state/runtime.yaml:1:32: `X-A`: references"},
    {"providers: {a: {enabled: false, api_key: \"${HOME}\"}}\n", "state/runtime.yaml:1:42: `api_key`: references"},
    {"providers: {a: {api_key: \"a b\"}}\n", "state/runtime.yaml:1:26: provider `a` has an api_key that is empty"},
    {"providers: {\"a b\": {added: true, type: openai, api_key: k}}\n",
     "state/runtime.yaml:1:20: `a b` is no name for a provider"},
    {"providers: {x: {added: true, type: opnai, api_key: k}}\n",
     "state/runtime.yaml:1:36: unknown provider type `opnai`: did you mean `openai`?"},
    {"providers: {a: {rate_limit_rph: 5, zzz: 1}}\n", "state/runtime.yaml:1:36: unknown key `zzz`"},
};

static void each_problem_of_the_overlay_has_its_own_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct config config;
        struct config_input input = {.path = STR("w.yaml"), .overlay_path = STR("state/runtime.yaml")};
        char said[512];
        struct text text = text_in_buffer(said, sizeof said - 1);
        if (load(FILE_AB, bad[i].overlay, &config)) fail_msg("taken: %s", bad[i].overlay);
        for (const struct config_problem *problem = config.problems; problem; problem = problem->next)
            if (problem->severity == config_error && text.len == 0) config_problem_write(&input, problem, &text);
        said[text.len] = 0;
        if (strncmp(said, bad[i].problem, strlen(bad[i].problem)) != 0)
            fail_msg("%s\n  said   %s\n  wanted %s", bad[i].overlay, said, bad[i].problem);
        config_free(&config);
    }
}

static void problems_of_the_file_come_first(void **state) {
    (void)state;
    struct config config;
    assert_false(
        load("providers: {a: {type: openai, api_key: k}}\n\n\nnope: 1\n", "providers: {a: {nope: 1}}\n", &config));
    assert_false(config.problems->overlay);
    assert_true(config.problems->next->overlay);
    config_free(&config);
}

/* -- edits -- */

/* The overlay after an edit, in a buffer of the test; the error's message when it was refused. */
static const char *edited(const char *before, enum config_edit_kind kind, const char *name, const char *settings,
                          bool spelt_out) {
    static char result[4096];
    struct arena arena;
    struct error error = {.code = error_none};
    arena_init(&arena, 4096, 1 << 22);
    struct config_edit edit = {.kind = kind,
                               .provider = str_from(name),
                               .settings = str_from(settings),
                               .state = spelt_out ? provider_active : provider_draining,
                               .spelt_out = spelt_out};
    struct text out = text_in_arena(&arena, 256), keys = text_in_arena(&arena, 64);
    if (!config_overlay_edit(str_from(before), &edit, &arena, &out, &keys, &error)) {
        str_copy(result, sizeof result, str_from(error.message));
    } else {
        struct str whole = text_str(&out);
        str_copy(result, sizeof result, str_slice(whole, str_find(whole, STR("providers:")), whole.len));
    }
    arena_free(&arena);
    return result;
}

static void edits_become_text(void **state) {
    (void)state;
    assert_string_equal(
        edited("", edit_add, "a", "{\"name\":\"a\",\"type\":\"groq\",\"timeout\":2.5,\"models\":[\"m\"]}", 0),
        "providers:\n  \"a\":\n    \"added\": true\n    \"type\": \"groq\"\n    \"timeout_seconds\": "
        "2.5\n    \"models\": [\"m\"]\n");
    const char *entry = "providers: {a: {priority: 1, weight: 2}, b: {state: draining}}\n";
    assert_string_equal(edited(entry, edit_update, "a", "{\"priority\":null,\"insecure\":true}", 0),
                        "providers:\n  \"a\":\n    \"weight\": 2\n    \"insecure\": true\n  \"b\":\n    \"state\": "
                        "draining\n");
    assert_string_equal(edited(entry, edit_replace, "a", "{\"weight\":3}", 0),
                        "providers:\n  \"b\":\n    \"state\": draining\n  \"a\":\n    \"weight\": 3\n");
    assert_string_equal(edited(entry, edit_reset, "a", NULL, 0), "providers:\n  \"b\":\n    \"state\": draining\n");
    assert_string_equal(
        edited("providers: {a: {quota: {requests_per_day: 1, tokens_per_day: 2}}}\n", edit_update, "a",
               "{\"quota\":{\"tokens_per_day\":null,\"timezone\":null},\"headers\":{\"X-A\":null,\"X-B\":\"b\"}}", 0),
        "providers:\n  \"a\":\n    \"quota\": {\"requests_per_day\": 1}\n    \"headers\": "
        "{\"X-B\": \"b\"}\n");
    assert_string_equal(edited("", edit_remove, "a", NULL, 1), "providers:\n  \"a\":\n    \"removed\": true\n");
    assert_string_equal(edited(entry, edit_remove, "b", NULL, 0),
                        "providers:\n  \"a\":\n    \"priority\": 1\n    \"weight\": 2\n");
    assert_string_equal(edited("", edit_state, "a", NULL, 0), "providers:\n  \"a\":\n    \"state\": draining\n");
    assert_string_equal(edited("", edit_state, "a", NULL, 1), "providers:\n  \"a\":\n    \"state\": active\n");
}

static void an_entry_without_keys_goes(void **state) {
    (void)state;
    assert_string_equal(edited("providers: {a: {priority: 1}}\n", edit_update, "a", "{\"priority\":null}", 0),
                        "providers: {}\n");
    assert_string_equal(edited("providers: {a: {added: true}}\n", edit_replace, "a", "{}", 0),
                        "providers:\n  \"a\":\n    \"added\": true\n");
}

static void what_an_edit_says_is_taken_literally(void **state) {
    (void)state;
    static const struct {
        const char *settings, *said;
    } refused[] = {
        {"[1]", "The settings must be a JSON object"},
        {"{\"a\"", "not JSON"},
        {"{\"prioritty\":1}", "unknown key `prioritty`: did you mean `priority`?"},
        {"{\"removed\":true}", "unknown key `removed`"},
        {"{\"added\":true}", "unknown key `added`"},
        {"{\"credential_origin\":\"http://x\"}", "unknown key `credential_origin`"},
        {"{\"name\":\"b\"}", "`name` cannot be changed"},
        {"{\"priority\":1,\"priority\":2}", "`priority` stands twice"},
        {"{\"timeout\":1,\"timeout_seconds\":2}", "`timeout_seconds` stands twice"},
        {"{\"models\":[null]}", "`models` holds a null"},
        {"{\"api_key\":\"a\\nb\"}", "`api_key` holds a control character"},
        {"{\"prices\":{\"m\":{\"input\":{\"a\":{\"b\":{\"c\":1}}}}}}",
         "the settings are too large, or nested too deep"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *said = edited("", edit_update, "a", refused[i].settings, 0);
        if (strncmp(said, refused[i].said, strlen(refused[i].said)) != 0)
            fail_msg("%s\n  said   %s\n  wanted %s", refused[i].settings, said, refused[i].said);
    }
}

/* Each bound by itself: a key's length, its letters, how deep it is nested, how many there are. */
static void settings_have_their_bounds(void **state) {
    static const char refusal[] = "the settings are too large, or nested too deep";
    static char text[32 * 1024];
    (void)state;
    for (int over = 0; over < 2; over++) {
        char key[258];
        memset(key, 'm', sizeof key);
        key[256 + over] = 0;
        snprintf(text, sizeof text, "{\"prices\":{\"%s\":{\"input\":1}}}", key);
        assert_int_equal(strncmp(edited("", edit_update, "a", text, 0), refusal, sizeof refusal - 1) == 0, over);
        size_t len = (size_t)snprintf(text, sizeof text, "{\"models\":[");
        for (int i = 0; i < (over ? 10001 : 300); i++)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s1", i ? "," : "");
        snprintf(text + len, sizeof text - len, "]}");
        assert_int_equal(strncmp(edited("", edit_update, "a", text, 0), refusal, sizeof refusal - 1) == 0, over);
    }
    assert_int_equal(
        strncmp(edited("", edit_update, "a", "{\"headers\":{\"a\\u0001b\":\"x\"}}", 0), refusal, sizeof refusal - 1),
        0);
}

static void quotes_and_markup_in_a_value_stay_a_value(void **state) {
    (void)state;
    const char *text = edited("", edit_add, "a",
                              "{\"type\":\"openai\",\"api_key\":\"k\\\"}]:#&*!\",\"models\":[\"no\",\"1\",\"a: b\",\"- "
                              "c\",\"\\u00e9\\ud83d\\ude00\"]}",
                              0);
    struct config config;
    assert_true(load(NULL, text, &config));
    const struct provider *a = provider_of(&config, "a");
    assert_true(str_eq(a->authorization[0], STR("Bearer k\"}]:#&*!")));
    assert_int_equal(a->model_count, 5);
    assert_true(str_eq(a->models[0], STR("no")));
    assert_true(str_eq(a->models[2], STR("a: b")));
    assert_true(str_eq(a->models[4], STR("\xc3\xa9\xf0\x9f\x98\x80")));
    config_free(&config);
}

/* Loads, seals and answers the text. */
static const char *sealed(const char *file, const char *overlay) {
    static char result[4096];
    struct arena arena;
    struct config config;
    struct error error = {.code = error_none};
    arena_init(&arena, 4096, 1 << 20);
    struct text out = text_in_arena(&arena, 256);
    load(file, overlay, &config);
    bool fine = config_overlay_seal(str_from(overlay), &config, &arena, &out, &error);
    str_copy(result, sizeof result, fine ? text_str(&out) : str_from(error.message));
    config_free(&config);
    arena_free(&arena);
    return result;
}

static void a_sealed_key_is_bound_to_its_origin(void **state) {
    (void)state;
    const char *text = sealed(FILE_AB, "providers: {a: {api_key: mine}, b: {headers: {X-A: b}}}\n");
    assert_non_null(strstr(text, "\"credential_origin\": \"http://a.test:80 proxy=environment ca_file=system"));
    assert_non_null(strstr(text, "\"headers_origin\": \"https://api.groq.com:443 proxy="));
    text = sealed(FILE_AB, "providers: {a: {base_url: \"http://b.test\", api_key: mine, credential_origin: "
                           "\"http://a.test:80\"}}\n");
    assert_null(strstr(text, "mine"));
    assert_null(strstr(text, "credential_origin"));
    text = sealed(FILE_AB, "providers: {a: {enabled: false, base_url: \"http://b.test\", api_key: mine}}\n");
    assert_non_null(strstr(text, "\"credential_origin\": \"http://b.test:80 ")); /* also while it is switched off */
}

static void a_key_given_anew_is_bound_anew(void **state) {
    (void)state;
    const char *text = edited("providers: {a: {api_key: old, credential_origin: \"http://x:80\"}}\n", edit_update, "a",
                              "{\"api_key\":\"new\"}", 0);
    assert_string_equal(text, "providers:\n  \"a\":\n    \"api_key\": \"new\"\n");
}

static void the_state_folder_is_found_in_a_file_that_is_not_valid_alone(void **state) {
    (void)state;
    static const struct {
        const char *text, *folder;
    } rows[] = {
        {"state_dir: /var/lib/weir\nnope: 1\n", "/var/lib/weir"},
        {"ai_providers: {state_dir: \"${HOME}/weir\"}\n", "/home/me/weir"},
        {"workers: 1\n", "./weir-state"},
        {"", ""},
        {"a: [\n", ""},
        {"state_dir: [x]\n", ""},
        {"state_dir: ${UNSET}\n", ""},
    };
    const char *const pairs[] = {"HOME", "/home/me", "WEIR_STATE_DIR", "/env", NULL};
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    for (size_t i = 0; i <= sizeof rows / sizeof *rows; i++) {
        bool last = i == sizeof rows / sizeof *rows;
        struct config_input input = {.text = last ? STR_NONE : str_from(rows[i].text),
                                     .environment = environment,
                                     .read_file = read_file,
                                     .context = (void *)(uintptr_t)pairs,
                                     .ids = &ids};
        struct str folder = config_state_dir(&input, &arena);
        assert_true(str_eq(folder, last ? STR("/env") : str_from(rows[i].folder)));
    }
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_overlay_and_an_empty_one_change_nothing),
        cmocka_unit_test(a_key_of_the_overlay_wins_and_the_rest_stays),
        cmocka_unit_test(another_spelling_of_a_key_is_the_same_key),
        cmocka_unit_test(maps_are_merged_key_by_key_but_headers_are_taken_whole),
        cmocka_unit_test(one_key_and_several_keys_put_each_other_out),
        cmocka_unit_test(a_provider_is_added_and_routes_of_the_file_may_name_it),
        cmocka_unit_test(an_added_one_is_not_mixed_with_one_of_the_file),
        cmocka_unit_test(a_file_without_providers_may_live_of_the_overlay),
        cmocka_unit_test(a_removed_provider_is_gone_and_its_targets_are_left_out),
        cmocka_unit_test(the_last_provider_cannot_be_removed),
        cmocka_unit_test(a_change_of_what_the_file_has_no_more_is_left_aside),
        cmocka_unit_test(a_provider_that_is_switched_off_is_absent_and_known),
        cmocka_unit_test(an_environment_only_start_has_an_overlay_too),
        cmocka_unit_test(the_built_in_provider_gives_way_to_one_that_was_added),
        cmocka_unit_test(another_origin_does_not_get_the_files_credentials),
        cmocka_unit_test(a_changed_type_is_another_origin),
        cmocka_unit_test(the_same_origin_keeps_them),
        cmocka_unit_test(a_key_given_with_the_new_origin_is_used),
        cmocka_unit_test(a_key_of_the_overlay_does_not_follow_the_file_elsewhere),
        cmocka_unit_test(on_another_way_no_credential_goes_whoever_changed_it),
        cmocka_unit_test(a_key_of_the_environment_does_not_go_where_the_overlay_leads),
        cmocka_unit_test(a_proxys_new_password_or_spelling_is_no_other_way),
        cmocka_unit_test(a_mark_of_an_older_overlay_means_the_way_of_now),
        cmocka_unit_test(an_expanded_base_url_is_compared),
        cmocka_unit_test(each_problem_of_the_overlay_has_its_own_place),
        cmocka_unit_test(problems_of_the_file_come_first),
        cmocka_unit_test(edits_become_text),
        cmocka_unit_test(an_entry_without_keys_goes),
        cmocka_unit_test(what_an_edit_says_is_taken_literally),
        cmocka_unit_test(settings_have_their_bounds),
        cmocka_unit_test(quotes_and_markup_in_a_value_stay_a_value),
        cmocka_unit_test(a_sealed_key_is_bound_to_its_origin),
        cmocka_unit_test(a_key_given_anew_is_bound_anew),
        cmocka_unit_test(the_state_folder_is_found_in_a_file_that_is_not_valid_alone),
    };
    if (!hash_start()) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    config_ids_free(&ids);
    return failed;
}
