/* config_tell_test.c - configurations, and all that they come to: what is said of them, and each value that is another
 * than without them. They lie in told/config_values_read.txt, each below a line `# what it is`; all of them stand
 * behind the same beginning, but those that begin with providers of their own. */
#include "config_world.h"

#include "../told.h"

static const char beginning[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  a: {type: openai, api_key: key-a, base_url: 'https://a/v1', models: [m, n]}\n"
    "  b: {type: openai, api_keys: [key-b, key-c], base_url: 'https://b/v1', models: [m], bill: false}\n"
    "  f: {type: openai, api_key: key-f, base_url: 'https://f/v1', models: [free, dear], prices: {free: {input: 0, "
    "output: 0}, dear: {input: 2, output: 3}}}\n";

/* What can be asked of the world: what has `bad` in its name is none. */
static bool is_fine(struct str name, struct error *error) {
    if (str_find(name, STR("bad")) == SIZE_MAX) return true;
    return error_set(error, error_bad_configuration, "%.*s: cannot be used", STR_ARG(name));
}

static bool ca_check(void *context, struct str ca_file, struct error *error) {
    return (void)context, is_fine(ca_file, error);
}

static bool certificate_check(void *context, struct str cert_file, struct str key_file, struct error *error) {
    return (void)context, is_fine(cert_file, error) && is_fine(key_file, error);
}

static bool ledger_check(void *context, struct str url, struct error *error) {
    return (void)context, is_fine(url, error);
}

static bool alert_kind(struct str pattern) { return str_find(pattern, STR("bad")) == SIZE_MAX; }

/* With providers of its own, or behind those of the beginning. */
static struct text values_of(struct arena *arena, const char *catalog, struct str more) {
    struct text whole = text_in_arena(arena, 4096), told = text_in_arena(arena, 64 * 1024);
    struct config config;
    bool all = str_starts(more, STR("providers:"));
    text_put(&whole, all ? STR("state_dir: ./state\n") : str_from(beginning));
    text_put(&whole, more);
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = text_str(&whole),
                                 .catalog_path = catalog ? STR("state/catalog.jsonl") : STR_NONE,
                                 .catalog_text = catalog ? str_from(catalog) : STR_NONE,
                                 .environment = environment,
                                 .read_file = read_file,
                                 .ca_check = ca_check,
                                 .certificate_check = certificate_check,
                                 .ledger_check = ledger_check,
                                 .alert_kind = alert_kind,
                                 .ids = &ids};
    config_load(&input, &config);
    tell_config(&told, &input, &config);
    config_free(&config);
    assert_false(told.failed);
    return told;
}

static bool has_line(struct str text, struct str line) {
    struct str rest = text, one;
    while (rest.len && str_split_next(&rest, '\n', &one))
        if (str_eq(one, line)) return true;
    return false;
}

/* The first line that begins so; {NULL,0}: there is none. */
static struct str line_like(struct str text, struct str head) {
    struct str one;
    while (text.len && str_split_next(&text, '\n', &one))
        if (str_starts(one, head)) return one;
    return STR_NONE;
}

/* Of a line, the words that do not stand in the line of `usual` that is of the same thing, or of one of its kind. */
static void line_tell(struct str line, struct str usual, struct text *told) {
    struct str before = line_like(usual, str_slice(line, 0, str_find_byte(line, '='))), word;
    if (!before.at) before = line_like(usual, str_slice(line, 0, str_find_byte(str_trim(line), ' ')));
    for (bool first = true; line.len && str_split_next(&line, ' ', &word); first = false) {
        bool same = false;
        for (struct str others = before, other; others.len && str_split_next(&others, ' ', &other);)
            same |= str_eq(other, word);
        if (!same || first) text_printf(told, " %.*s", STR_ARG(word));
    }
    text_put_byte(told, '\n');
}

static const char one_of_each[] =
    "routes: [{model: u, targets: [a/m]}]\n"
    "rules: [{name: u, targets: [a/m]}]\n"
    "owners: [{name: u, budgets: [{usd: 1, window: day}]}]\n"
    "clients: [{name: u, key_hash: 0000000000000000000000000000000000000000000000000000000000000001}]\n";

static void each_comes_to_what_is_written(void **state) {
    static char path[4096], bytes[told_max];
    struct arena arena;
    (void)state;
    arena_init(&arena, 256 * 1024, SIZE_MAX);
    struct text told = text_in_arena(&arena, 64 * 1024), usual = values_of(&arena, NULL, str_from(one_of_each));
    snprintf(path, sizeof path, "%s/tests/unit/told/config_values_read.txt", getenv("WEIR_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    struct str rest = str_make(bytes, fread(bytes, 1, sizeof bytes, file)), line;
    fclose(file);
    const char *end = rest.at + rest.len;
    text_put(&told, text_str(&usual));
    while (rest.len && str_split_next(&rest, '\n', &line)) {
        struct str title = line, more = rest;
        while (rest.len && *rest.at != '#') str_split_next(&rest, '\n', &line);
        more.len = (size_t)((rest.len ? rest.at : end) - more.at);
        struct text one = values_of(&arena, NULL, more);
        text_printf(&told, "%.*s\n", STR_ARG(title));
        for (struct str lines = text_str(&one); lines.len && str_split_next(&lines, '\n', &line);)
            if (line.len && !has_line(text_str(&usual), line)) line_tell(line, text_str(&usual), &told);
    }
    told_compare("config_values", &told);
    arena_free(&arena);
}

/* A catalogue that was taken at run time, of one day or another, against the built-in one's. */
static void a_catalogue_of_an_older_day_is_passed_over(void **state) {
    static const struct {
        const char *facts;
        bool taken;
    } rows[] = {
        {",\"facts\":\"2026-11-20\"", false},
        {",\"facts\":\"2001-01-01\"", false},
        {"", false},
        {",\"facts\":\"2099-01-01\"", true},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 256 * 1024, SIZE_MAX);
    struct config config;
    load(P, NULL, &config);
    const struct str day = catalog_day(&config.snapshot->catalog);
    assert_int_equal(day.len, 10);
    for (size_t i = 0; i <= sizeof rows / sizeof *rows; i++) {
        bool same_day = i == sizeof rows / sizeof *rows;
        struct text catalog = text_in_arena(&arena, 512);
        text_put(
            &catalog,
            STR("{\"provider\":\"openai\",\"base_url\":\"https://h/v1\",\"dialect\":\"openai\",\"key_env\":\"K\""));
        if (same_day)
            text_printf(&catalog, ",\"facts\":\"%.*s\"", STR_ARG(day));
        else
            text_put(&catalog, str_from(rows[i].facts));
        text_put(&catalog, STR("}\n"));
        text_put_byte(&catalog, 0);
        struct text told = values_of(&arena, catalog.at, STR(""));
        bool passed = str_find(text_str(&told), STR("is not used, but the built-in one")) != SIZE_MAX;
        if (passed == (same_day || rows[i].taken)) fail_msg("row %zu: %.*s", i, (int)200, told.at);
    }
    config_free(&config);
    arena_free(&arena);
}

/* Half of what a vendor needs, a variable that is there and empty, a word that is neither yes nor no. */
static void what_the_environment_only_half_says_is_told(void **state) {
    static const struct {
        const char *pairs[7], *problem; /* NULL: there is none */
    } rows[] = {
        {{"CLOUDFLARE_API_KEY", "k", "CLOUDFLARE_ACCOUNT_ID", "a"}, NULL},
        {{"CLOUDFLARE_API_KEY", "k"}, "CLOUDFLARE_API_KEY is set and CLOUDFLARE_ACCOUNT_ID is not: a key of "},
        {{"CLOUDFLARE_ACCOUNT_ID", "a"}, "CLOUDFLARE_ACCOUNT_ID is set and CLOUDFLARE_API_TOKEN is not: a key of "},
        {{"CLOUDFLARE_API_KEY", "", "CLOUDFLARE_ACCOUNT_ID", "a"},
         "CLOUDFLARE_API_KEY is set and empty: give it the key"},
        {{"CLOUDFLARE_API_KEY", ""}, "CLOUDFLARE_API_KEY is set and empty: give it the key"},
        {{"OPENAI_API_KEY", ""}, "OPENAI_API_KEY is set and empty: give it the key"},
        {{"OPENAI_API_KEY", "k"}, NULL},
        {{"OPENAI_API_KEY", "k", "ENABLE_PROVIDER_SYSTEM", "maybe"},
         "ENABLE_PROVIDER_SYSTEM must be true or false: with false the simulated provider answers"},
        {{"OPENAI_API_KEY", "k", "ENABLE_PROVIDER_SYSTEM", "1"}, NULL},
        {{"OPENAI_API_KEY", "k", "ENABLE_PROVIDER_SYSTEM", "0"}, NULL},
        {{"OPENAI_API_KEY", "k", "ENABLE_PROVIDER_SYSTEM", "false"}, NULL},
        {{"OPENAI_API_KEY", "k", "ENABLE_PROVIDER_SYSTEM", ""}, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        bool good = load(NULL, rows[i].pairs, &config), told = false;
        for (const struct config_problem *at = config.problems; at && rows[i].problem; at = at->next)
            told |= at->severity == config_error && str_starts(at->message, str_from(rows[i].problem));
        if (good != !rows[i].problem || told != !good) {
            char first[512];
            first_problem(&config, first, sizeof first);
            fail_msg("row %zu: %s", i, first);
        }
        config_free(&config);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_comes_to_what_is_written),
        cmocka_unit_test(what_the_environment_only_half_says_is_told),
        cmocka_unit_test(a_catalogue_of_an_older_day_is_passed_over),
    };
    return _cmocka_run_group_tests("tests", tests, sizeof tests / sizeof *tests, sodium_begin, ids_end);
}
