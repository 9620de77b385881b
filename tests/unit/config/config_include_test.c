/* config_include_test.c - other files' keys beside the configuration's own: what meets, what stands twice, and in which
 * file a problem is. */
#include "config/config.h"
#include "snapshot/snapshot.h"

#include "config_world.h"

#define EIGHT(digit) digit digit digit digit digit digit digit digit
#define HASH(digit) EIGHT(EIGHT(digit))

static const struct {
    const char *path, *text;
} files[] = {
    {"more.yaml", "providers: {b: {type: openai, api_key: k}}\n"},
    {"conf.d/one.yaml",
     "providers: {c: {type: openai, api_key: k}}\nclients: [{name: app, key_hash: '" HASH("a") "'}]\n"},
    {"conf.d/two.yaml", "clients: [{name: other, key_hash: '" HASH("b") "'}]\n"},
    {"/abs/wrapped.yaml", "ai_providers:\n  providers: {d: {type: openai, api_key: k}}\n"},
    {"twice.yaml", "\nproviders:\n  a: {type: groq, api_key: k}\n"},
    {"kinds.yaml", "providers: []\n"},
    {"scalar.yaml", "workers: 2\n"},
    {"nested.yaml", "include: more.yaml\n"},
    {"empty.yaml", "# nothing\n"},
    {"list.yaml", "- 1\n"},
    {"broken.yaml", "providers: {\n"},
    {"wrong.yaml", "\n\nproviders: {b: {type: openai, api_key: k, wieght: 2}}\n"},
};

static bool file_read(void *context, struct str path, struct arena *arena, struct str *content, struct error *error) {
    (void)context;
    str_starts(path, STR("/etc/weir/")) ? path = str_slice(path, 10, path.len) : path;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (str_eq(path, str_from(files[i].path))) {
            *content = arena_copy(arena, str_from(files[i].text));
            return true;
        }
    return error_set(error, error_bad_configuration, "cannot read %.*s", STR_ARG(path));
}

static size_t files_find(void *context, struct str pattern, void (*found)(void *context, struct str path),
                         void *finding) {
    (void)context;
    if (!str_eq(pattern, STR("conf.d/*.yaml")) && !str_eq(pattern, STR("conf.d/?ne.yaml"))) return 0;
    found(finding, STR("conf.d/one.yaml"));
    if (str_eq(pattern, STR("conf.d/*.yaml"))) found(finding, STR("conf.d/two.yaml"));
    return 1;
}

static struct config config;
static char said[1024];

static bool include(const char *path, const char *text) {
    struct config_input input = {.path = str_from(path),
                                 .text = str_from(text),
                                 .environment = environment,
                                 .read_file = file_read,
                                 .find_files = files_find,
                                 .ids = &ids,
                                 .simulated_base_url = STR("http://127.0.0.1:1/v1")};
    bool good = config_load(&input, &config);
    struct text problem = text_in_buffer(said, sizeof said - 1);
    if (config.problems) config_problem_write(&input, config.problems, &problem);
    said[problem.len] = 0;
    return good;
}

static void maps_and_lists_come_behind_those_that_are_there(void **state) {
    static const struct {
        const char *path, *include;
        size_t providers, clients;
    } rows[] = {
        {"w.yaml", "more.yaml", 2, 1},
        {"w.yaml", "[more.yaml, empty.yaml]", 2, 1},
        {"w.yaml", "conf.d/*.yaml", 2, 3},
        {"w.yaml", "conf.d/?ne.yaml", 2, 2},
        {"w.yaml", "/abs/wrapped.yaml", 2, 1},
        {"/etc/weir/w.yaml", "more.yaml", 2, 1},
        {"w.yaml", "empty.yaml", 1, 1},
        {"w.yaml", "[more.yaml, /abs/wrapped.yaml]", 3, 1},
        {"w.yaml", "[]", 1, 1},
    };
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text,
                 "include: %s\nproviders: {a: {type: openai, api_key: k}}\nclients: [{name: first, key_hash: '" HASH(
                     "c") "'}]\n",
                 rows[i].include);
        if (!include(rows[i].path, text) || said[0]) fail_msg("row %zu: %s", i, said);
        assert_int_equal(config.snapshot->provider_count, rows[i].providers);
        assert_int_equal(config.snapshot->client_count, rows[i].clients);
        assert_true(str_eq(config.snapshot->providers[0].name, STR("a")));
        assert_true(str_eq(config.snapshot->clients[0].name, STR("first")));
        config_free(&config);
    }
}

static void a_problem_is_told_with_its_file_line_and_column(void **state) {
    static const struct {
        const char *include, *said;
    } rows[] = {
        {"twice.yaml", "twice.yaml:3:3: the key `a` stands twice: the first is in w.yaml, line 2"},
        {"kinds.yaml", "kinds.yaml:1:1: the key `providers` stands twice: the first is in w.yaml, line 2"},
        {"[more.yaml, more.yaml]", "more.yaml:1:13: the key `b` stands twice: the first is in more.yaml, line 1"},
        {"scalar.yaml", "scalar.yaml:1:1: the key `workers` stands twice: the first is in w.yaml, line 3"},
        {"nested.yaml", "nested.yaml:1:10: an included file includes no others: name them in the first one"},
        {"list.yaml", "list.yaml:1:1: the file must be a map of keys, such as `providers:`"},
        {"broken.yaml", "broken.yaml:2:1: "},
        {"wrong.yaml", "wrong.yaml:3:43: "},
        {"gone.yaml", "w.yaml:1:10: cannot read gone.yaml"},
        {"{a: b}", "w.yaml:1:10: "},
        {"[[a]]", "w.yaml:1:11: `include` holds names of files, or patterns such as conf.d/*.yaml"},
        {"['']", "w.yaml:1:11: `include` holds names of files, or patterns such as conf.d/*.yaml"},
        {"none/*.yaml", "w.yaml:1:10: warning: `none/*.yaml` fits no file"},
    };
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "include: %s\nproviders: {a: {type: openai, api_key: k}}\nworkers: 1\n",
                 rows[i].include);
        bool good = include("w.yaml", text);
        assert_int_equal(good, strstr(rows[i].said, "warning") != NULL);
        if (strncmp(said, rows[i].said, strlen(rows[i].said)) != 0) fail_msg("row %zu: %s", i, said);
        config_free(&config);
    }
}

static void so_many_files_and_no_more(void **state) {
    char text[8192];
    (void)state;
    for (int more = 0; more < 2; more++) {
        int at = snprintf(text, sizeof text, "include: [");
        for (int i = 0; i < config_files_max + more; i++)
            at += snprintf(text + at, sizeof text - (size_t)at, "%sempty.yaml", i ? ", " : "");
        snprintf(text + at, sizeof text - (size_t)at, "]\nproviders: {a: {type: openai, api_key: k}}\n");
        assert_int_equal(include("w.yaml", text), !more);
        if (more && !strstr(said, "`include` names more than ")) fail_msg("%s", said);
        if (!more) assert_string_equal(said, "");
        config_free(&config);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_and_lists_come_behind_those_that_are_there),
        cmocka_unit_test(a_problem_is_told_with_its_file_line_and_column),
        cmocka_unit_test(so_many_files_and_no_more),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
