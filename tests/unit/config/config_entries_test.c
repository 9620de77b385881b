/* config_entries_test.c - entries changed at run time: laid over the file's tree, refused in the file's words with the
 * place of the key, and, where the file has changed under them, as many of them in force as fit. */
#include "config/config_entries.h"

#include "config_world.h"

#define FILE_TEXT                                                        \
    "providers: {p: {type: openai, api_key: k, models: [m, n]}}\n"       \
    "routes: [{model: fast, strategy: priority, targets: [p/m, p/n]}]\n" \
    "rules: [{name: r, when: {has_image: true}, targets: [p/m]}]\n"      \
    "owners: [{name: acme, daily_budget: 5}]\n"                          \
    "budgets: {shared: {usd: 1, window: day}}\n"

static struct snapshot *loaded(const char *text, const struct config_change *changes, size_t count,
                               const struct config_change *asked, char *problems, size_t size) {
    struct config config;
    const struct config_input input = {.path = STR("w.yaml"),
                                       .text = str_from(text),
                                       .environment = environment,
                                       .ids = &ids,
                                       .changes = changes,
                                       .change_count = count,
                                       .change_asked = asked};
    struct text said = text_in_buffer(problems, size - 1);
    bool good = config_load(&input, &config);
    for (const struct config_problem *problem = config.problems; problem; problem = problem->next) {
        config_problem_write(&input, problem, &said);
        text_put_byte(&said, '\n');
    }
    problems[said.len] = 0;
    struct snapshot *snapshot = config.snapshot;
    assert_true(good == (snapshot != NULL));
    config.snapshot = NULL;
    config_free(&config);
    return snapshot;
}

#define OVER(of, called, says) \
    { .kind = of, .how = change_over, .name = STR(called), .settings = STR(says) }
#define ADDED(of, called, says) \
    { .kind = of, .how = change_added, .name = STR(called), .settings = STR(says) }

static const struct entry *told(const struct snapshot *snapshot, enum entry_kind kind, const char *name) {
    for (size_t i = 0; i < snapshot->entries[kind].count; i++)
        if (str_eq(snapshot->entries[kind].list[i].name, str_from(name))) return &snapshot->entries[kind].list[i];
    fail_msg("`%s` is not told", name);
    return NULL;
}

static void is(struct str text, const char *wanted) {
    if (!str_eq(text, str_from(wanted))) fail_msg("%.*s\nwanted: %s", STR_ARG(text), wanted);
}

static void keys_win_over_the_files_one_by_one(void **state) {
    (void)state;
    char problems[1024];
    static const struct config_change changes[] = {
        OVER(entry_route, "fast", "{\"strategy\":\"weighted\",\"retry\":{\"max_retries\":1}}"),
        OVER(entry_rule, "r", "{\"when\":{\"streaming\":true},\"provider\":\"p/n\"}"),
        ADDED(entry_owner, "team", "{\"in\":\"acme\",\"budgets\":[\"shared\"]}"),
        ADDED(entry_template, "t", "{\"rate_limit_rpm\":3}"),
        {.kind = entry_budget, .how = change_removed, .name = STR("none"), .settings = STR("{}")},
    };
    struct snapshot *snapshot =
        loaded(FILE_TEXT, changes, sizeof changes / sizeof *changes, NULL, problems, sizeof problems);
    assert_null(strstr(problems, "run time")); /* all of them fit */
    assert_int_equal(snapshot->routes[0].strategy, strategy_weighted);
    assert_int_equal(snapshot->routes[0].retry.max_retries, 1);
    assert_int_equal(snapshot->routes[0].target_count, 2);
    assert_int_equal(snapshot->rules[0].target_count, 1); /* `provider` has put `targets` out */
    is(snapshot->rules[0].targets[0]->name, "p/n");
    assert_true(snapshot->rules[0].when.has_image == rule_yes && snapshot->rules[0].when.streaming == rule_yes);
    is(snapshot->owners[1].in->name, "acme");
    is(told(snapshot, entry_route, "fast")->changed, "strategy, retry");
    is(told(snapshot, entry_route, "fast")->settings,
       "{\"targets\":[\"p/m\",\"p/n\"],\"strategy\":\"weighted\",\"retry\":{\"max_retries\":1}}");
    assert_true(told(snapshot, entry_route, "fast")->of_file && !told(snapshot, entry_owner, "team")->of_file);
    is(told(snapshot, entry_template, "t")->settings, "{\"rate_limit_rpm\":3}");
    assert_true(told(snapshot, entry_budget, "none")->removed && !told(snapshot, entry_budget, "none")->of_file);
    snapshot_release(snapshot);
}

static void what_is_asked_for_is_refused_with_the_place_of_its_key(void **state) {
    (void)state;
    static const struct {
        struct config_change change;
        const char *said;
    } cases[] = {
        {OVER(entry_route, "fast", "{\"strategy\":\"fastest\"}"), "routes/fast/strategy: `strategy` cannot be"},
        {OVER(entry_route, "fast", "{\"targets\":[\"p/m\",{\"target\":\"q/m\"}]}"), "routes/fast/targets/1"},
        {OVER(entry_route, "slow", "{}"), "routes/slow: the configuration does not have it"},
        {OVER(entry_rule, "r", "{\"when\":{\"has_imag\":true}}"), "rules/r/when/has_imag: unknown key"},
        {ADDED(entry_owner, "a|b", "{}"), "an owner needs a `name`"},
        {ADDED(entry_owner, "o", "[]"), "owners/o: it cannot be read: it is no JSON object"},
        {ADDED(entry_owner, "o", "{\"in\":"), "owners/o: it cannot be read: "},
        {ADDED(entry_template, "t", "{\"rate_limit_rpm\":\"${HOME}\"}"), "templates/t/rate_limit_rpm: "},
        {ADDED(entry_budget, "b", "{\"usd\":1}"), "budgets/b: a budget needs `usd`, and a `window`"},
        {ADDED(entry_route, "x", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}"),
         "too deep"},
        {{.kind = entry_budget, .how = change_removed, .name = STR("shared")}, "w.yaml:6:"},
    };
    static const char names_it[] = FILE_TEXT "clients: [{name: c, key_hash: "
                                             "\"1111111111111111111111111111111111111111111111111111111111111111\", "
                                             "budgets: [shared]}]\n";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problems[2048];
        assert_null(loaded(names_it, &cases[i].change, 1, &cases[i].change, problems, sizeof problems));
        if (!strstr(problems, cases[i].said)) fail_msg("%s\nwanted: %s", problems, cases[i].said);
    }
}

/* Each that does not fit is left out, alone, and in whatever order they hang on each other. */
static void as_many_as_fit_are_in_force(void **state) {
    (void)state;
    enum { count = 40 };
    struct config_change changes[count];
    char names[count][8], settings[count][64], problems[16 * 1024];
    for (unsigned bad = 0; bad < 8; bad++) {
        for (size_t i = 0; i < count; i++) { /* each is in the one behind it, or in what is not there */
            bool wrong = bad && i % 8 == bad;
            snprintf(names[i], sizeof names[i], "o%zu", i);
            snprintf(settings[i], sizeof settings[i],
                     wrong        ? "{\"in\":\"gone\"}"
                     : i % 4 == 3 ? "{}"
                                  : "{\"in\":\"o%zu\"}",
                     i + 1);
            changes[i] = (struct config_change){.kind = entry_owner,
                                                .how = change_added,
                                                .name = str_from(names[i]),
                                                .settings = str_from(settings[i])};
        }
        struct snapshot *snapshot = loaded(FILE_TEXT, changes, count, NULL, problems, sizeof problems);
        assert_non_null(snapshot);
        for (size_t i = 0; i < count; i++) {
            size_t last = i | 3;
            bool out = false; /* it, or one that it is in */
            for (size_t at = i; at <= last; at++) out = out || (bad && at % 8 == bad);
            assert_int_equal(told(snapshot, entry_owner, names[i])->problem.len > 0, out);
        }
        assert_int_equal(snapshot->entries[entry_owner].count, count + 1);
        if (bad) assert_non_null(strstr(problems, "there is no owner `gone`"));
        snapshot_release(snapshot);
    }
}

static void a_file_that_is_wrong_itself_says_only_that(void **state) {
    (void)state;
    char problems[1024];
    static const struct config_change change = OVER(entry_route, "fast", "{\"strategy\":\"weighted\"}");
    assert_null(loaded(FILE_TEXT "max_retry: 3\n", &change, 1, NULL, problems, sizeof problems));
    assert_non_null(strstr(problems, "w.yaml:6:1: unknown key `max_retry`"));
    assert_null(strstr(problems, "run time"));
}

static void settings_are_merged_as_a_patch(void **state) {
    (void)state;
    static const struct {
        const char *before, *over, *after;
    } cases[] = {
        {"", "{}", "{}"},
        {"", "{\"model\":\"fast\",\"strict\":true}", "{\"strict\":true}"},
        {"{\"a\":1,\"b\":{\"c\":1,\"d\":2}}", "{\"b\":{\"c\":null,\"e\":3}}", "{\"a\":1,\"b\":{\"d\":2,\"e\":3}}"},
        {"{\"a\":[1,2]}", "{\"a\":[3]}", "{\"a\":[3]}"},
        {"{\"a\":1}", "{\"a\":{\"b\":null,\"c\":1}}", "{\"a\":{\"c\":1}}"},
        {"{\"a\":1}", "{\"a\":null}", "{}"},
    };
    static const char *const refused[] = {"", "[]", "{\"model\":\"slow\"}", "{\"model\":1}"};
    const struct config_entry_facts *facts = config_entry_facts(entry_route);
    struct arena arena;
    struct str after;
    arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {.code = error_none};
        assert_true(config_entry_settings(facts, STR("fast"), str_from(cases[i].before), str_from(cases[i].over),
                                          &arena, &after, &error));
        is(after, cases[i].after);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct error error = {.code = error_none};
        assert_false(
            config_entry_settings(facts, STR("fast"), STR("{}"), str_from(refused[i]), &arena, &after, &error));
        assert_int_equal(error.code, error_invalid_request);
    }
    arena_free(&arena);
}

static void what_a_reference_stood_for_is_not_told(void **state) {
    (void)state;
    char problems[1024];
    struct config config;
    static const char *const pairs[] = {"SECRET", "sk-secret", NULL};
    assert_true(load("providers: {p: {type: openai, api_key: k, models: [m]}}\n"
                     "rules: [{name: r, when: {tags: {team: '${SECRET}'}}, targets: [p/m]}]\n",
                     pairs, &config));
    is(told(config.snapshot, entry_rule, "r")->settings,
       "{\"when\":{\"tags\":{\"team\":\"...\"}},\"targets\":[\"p/m\"]}");
    (void)problems;
    config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_win_over_the_files_one_by_one),
        cmocka_unit_test(what_is_asked_for_is_refused_with_the_place_of_its_key),
        cmocka_unit_test(as_many_as_fit_are_in_force),
        cmocka_unit_test(a_file_that_is_wrong_itself_says_only_that),
        cmocka_unit_test(settings_are_merged_as_a_patch),
        cmocka_unit_test(what_a_reference_stood_for_is_not_told),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
