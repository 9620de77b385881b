/* tables_test.c - what the pages list is what the program's tables hold, no row more and none less: paths, headers,
 * errors, strategies, failures, features, the mock's options; and what they show as a configuration is one.
 * (docs/configuration.md and docs/metrics.md are written from theirs.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/header_names.h"
#include "config/config.h"
#include "core/classify.h"
#include "core/pick.h"
#include "dialect/endpoint.h"
#include "dialect/message.h"
#include "gateway/visit.h"
#include "mock/mock_options.h"

static struct arena arena;

static struct str page_of(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/docs/%s", getenv("WEIR_SOURCE_ROOT"), name);
    FILE *in = fopen(path, "r");
    if (!in) fail_msg("cannot read %s", path);
    enum { page_max = 256 * 1024 };
    char *page = arena_take(&arena, page_max);
    size_t len = fread(page, 1, page_max, in);
    fclose(in);
    assert_true(len < page_max);
    return str_make(page, len);
}

/* From a heading to the next one; before the first one with "". */
static struct str section_of(struct str page, const char *heading) {
    size_t at = *heading ? str_find(page, str_from(heading)) : 0;
    if (at == SIZE_MAX) fail_msg("there is no `%s`", heading);
    struct str rest = str_slice(page, at + strlen(heading), page.len);
    return str_slice(rest, 0, str_find(rest, STR("\n## ")));
}

static bool next_word(struct str *rest, struct str *word) {
    size_t open = str_find_byte(*rest, '`');
    if (open == SIZE_MAX) return false;
    struct str inside = str_slice(*rest, open + 1, rest->len);
    size_t close = str_find_byte(inside, '`');
    assert_true(close != SIZE_MAX);
    *word = str_slice(inside, 0, close);
    *rest = str_slice(inside, close + 1, inside.len);
    return true;
}

/* The next row of a table: its first cells. Headings and text are passed over. */
enum { cells_max = 3 };
static bool next_row(struct str *rest, struct str cells[cells_max]) {
    struct str line;
    while (rest->len && str_split_next(rest, '\n', &line)) {
        if (!str_starts(line, STR("| `"))) continue;
        line = str_slice(line, 1, line.len);
        for (size_t i = 0; i < cells_max; i++)
            if (!str_split_next(&line, '|', &cells[i])) cells[i] = STR("");
        return true;
    }
    return false;
}

/* -- paths -- */

static bool row_told[128], endpoint_told[endpoints];

static enum http_method method_take(struct str *word, enum http_method before) {
    static const struct {
        struct str name;
        enum http_method method;
    } methods[] = {{STR("GET "), http_get},
                   {STR("POST "), http_post},
                   {STR("PUT "), http_put},
                   {STR("PATCH "), http_patch},
                   {STR("DELETE "), http_delete}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (!str_starts(*word, methods[i].name)) continue;
        *word = str_slice(*word, methods[i].name.len, word->len);
        return methods[i].method;
    }
    return before;
}

/* {name} becomes a name. */
static struct str path_filled(struct str path) {
    struct text text = text_in_arena(&arena, path.len + 16);
    for (size_t open; (open = str_find_byte(path, '{')) != SIZE_MAX;) {
        text_put(&text, str_slice(path, 0, open));
        text_put(&text, STR("one"));
        path = str_slice(path, str_find_byte(path, '}') + 1, path.len);
    }
    text_put(&text, path);
    return text_str(&text);
}

static bool action_told[16];

/* The last part of a path below a provider: a word of the gateway's. */
static void action_mark(struct str path) {
    size_t slash = path.len;
    while (slash > 0 && path.at[slash - 1] != '/') slash--;
    size_t i = 0;
    while (provider_action_word(i).len && !str_eq(provider_action_word(i), str_slice(path, slash, path.len))) i++;
    if (!provider_action_word(i).len) fail_msg("docs/http.md: nothing is done by `%.*s`", STR_ARG(path));
    action_told[i] = true;
}

static void told_mark(enum http_method method, struct str path, struct str who) {
    static const struct str words[] = {[access_open] = STR("anyone"),
                                       [access_client] = STR("client"),
                                       [access_metrics] = STR("loopback"),
                                       [access_operator] = STR("operators"),
                                       [access_admin] = STR("admins")};
    bool other;
    enum endpoint endpoint;
    const struct gateway_route *route = route_find(method, path_filled(path), &other);
    if (!route) fail_msg("docs/http.md: nothing is served at `%.*s`", STR_ARG(path));
    if (str_find(who, words[route->access]) == SIZE_MAX)
        fail_msg("docs/http.md: `%.*s` is for %.*s", STR_ARG(path), STR_ARG(words[route->access]));
    for (size_t i = 0; route_row(i); i++) row_told[i] = row_told[i] || route == route_row(i);
    if (route->answer == answer_provider_action) action_mark(path);
    if (str_starts(path, STR("/providers/"))) endpoint_told[endpoint_raw] = true;
    if (method == http_post && endpoint_find(path_filled(path), &endpoint, NULL)) endpoint_told[endpoint] = true;
}

static void every_path_is_told_and_every_told_one_is_served(void **state) {
    (void)state;
    struct str rest = section_of(page_of("http.md"), ""), line, word;
    while (str_split_next(&rest, '\n', &line)) {
        if (str_find_byte(line, '`') == SIZE_MAX || !str_starts(line, STR("| "))) continue;
        struct str cells = str_slice(line, 1, line.len), paths, what, who;
        assert_true(str_split_next(&cells, '|', &paths) && str_split_next(&cells, '|', &what) &&
                    str_split_next(&cells, '|', &who));
        enum http_method method = http_get;
        while (next_word(&paths, &word)) {
            method = method_take(&word, method);
            told_mark(method, word, who);
        }
        if (rest.len == 0) break;
    }
    for (size_t i = 0; route_row(i); i++) {
        bool told = row_told[i];
        for (size_t k = 0; route_row(k) && !told; k++) /* the same without /v1 */
            told = row_told[k] && str_starts(route_row(k)->path, STR("/v1/")) &&
                   str_eq(str_slice(route_row(k)->path, 3, SIZE_MAX), route_row(i)->path);
        if (!told) fail_msg("docs/http.md does not tell of `%.*s`", STR_ARG(route_row(i)->path));
    }
    const struct str commands = page_of("commands.md");
    for (size_t i = 0; provider_action_word(i).len; i++) {
        struct text form = text_in_arena(&arena, 64);
        text_printf(&form, "\n  weir provider %.*s NAME\n", STR_ARG(provider_action_word(i)));
        if (!action_told[i] || str_find(commands, text_str(&form)) == SIZE_MAX)
            fail_msg("docs/http.md or docs/commands.md do not tell of `%.*s`", STR_ARG(provider_action_word(i)));
    }
    for (unsigned i = 0; i < endpoints; i++)
        if (!endpoint_told[i])
            fail_msg("docs/http.md does not tell of `%.*s`", STR_ARG(endpoint_facts((enum endpoint)i)->path));
}

/* -- headers -- */

/* The name in `name: value`, if it looks like one of ours or theirs: small letters and hyphens. */
static bool header_word(struct str word, struct str *name) {
    *name = str_slice(word, 0, str_find_byte(word, ':'));
    if (str_ends(*name, STR("*"))) name->len--;
    for (size_t i = 0; i < name->len; i++)
        if (!(name->at[i] >= 'a' && name->at[i] <= 'z') && name->at[i] != '-') return false;
    return str_find_byte(*name, '-') != SIZE_MAX;
}

static void headers_compare(struct str section, unsigned wanted) {
    bool told[256] = {false};
    struct str word, name, known;
    unsigned uses;
    bool whole;
    while (next_word(&section, &word)) {
        if (!header_word(word, &name)) continue;
        bool found = false;
        for (size_t i = 0; header_names_row(i, &known, &uses, &whole); i++)
            if (str_eq(known, name) && (uses & wanted)) found = told[i] = true;
        if (!found) fail_msg("docs/http.md tells of `%.*s`, and no row does", STR_ARG(name));
    }
    for (size_t i = 0; header_names_row(i, &known, &uses, &whole); i++)
        if ((uses & wanted) && !told[i]) fail_msg("docs/http.md does not tell of `%.*s`", STR_ARG(known));
}

static void every_header_is_told_and_every_told_one_is_known(void **state) {
    (void)state;
    struct str page = page_of("http.md"), requests = section_of(page, "\n## Request headers");
    size_t to_providers = str_find(requests, STR("\nTo providers go"));
    assert_true(to_providers != SIZE_MAX);
    headers_compare(str_slice(requests, 0, to_providers), header_asks);
    headers_compare(str_slice(requests, to_providers, requests.len), header_of_openai | header_of_anthropic);
    headers_compare(section_of(page, "\n## Response headers"), header_tells | header_returns);
}

/* -- errors and strategies -- */

/* `a`, `b` | 404 | or `a`, `b` | 413, 414 | */
static void every_error_is_told_with_its_status(void **state) {
    (void)state;
    struct str rest = section_of(page_of("http.md"), "\n## Errors"), cells[cells_max], word;
    bool told[error_codes] = {[error_none] = true};
    while (next_row(&rest, cells)) {
        struct str statuses = str_trim(cells[1]), status = STR("");
        while (next_word(&cells[0], &word)) {
            uint64_t said = 0;
            if (statuses.len) assert_true(str_split_next(&statuses, ',', &status));
            assert_true(str_to_u64(str_trim(status), &said));
            int code = 1;
            while (code < error_codes && !str_eq(error_name((enum error_code)code), word)) code++;
            if (code == error_codes) fail_msg("docs/http.md: there is no error `%.*s`", STR_ARG(word));
            if (error_facts((enum error_code)code)->status != (int)said)
                fail_msg("docs/http.md: `%.*s` is a %d", STR_ARG(word), error_facts((enum error_code)code)->status);
            told[code] = true;
        }
    }
    for (int code = 0; code < error_codes; code++)
        if (!told[code]) fail_msg("docs/http.md does not tell of `%.*s`", STR_ARG(error_name((enum error_code)code)));
}

static void every_strategy_is_told(void **state) {
    (void)state;
    struct str rest = section_of(page_of("decisions.md"), "\n## Strategies"), cells[cells_max], word;
    bool told[strategies] = {false};
    while (next_row(&rest, cells)) {
        enum strategy strategy;
        assert_true(next_word(&cells[0], &word));
        if (!strategy_read(word, &strategy) || !str_eq(strategy_name(strategy), word))
            fail_msg("docs/decisions.md: there is no strategy `%.*s`", STR_ARG(word));
        told[strategy] = true;
    }
    for (int i = 0; i < strategies; i++)
        if (!told[i]) fail_msg("docs/decisions.md does not tell of `%.*s`", STR_ARG(strategy_name((enum strategy)i)));
}

static void every_failure_is_told_in_its_own_words(void **state) {
    (void)state;
    struct str rest = section_of(page_of("decisions.md"), "\n### Their names"), cells[cells_max], word;
    bool told[failures] = {[failure_none] = true};
    while (next_row(&rest, cells)) {
        int failure = 0;
        assert_true(next_word(&cells[0], &word));
        while (failure < failures && !str_eq(failure_facts((enum failure)failure)->name, word)) failure++;
        if (failure == failures) fail_msg("docs/decisions.md: there is no failure `%.*s`", STR_ARG(word));
        if (!str_eq(str_trim(cells[1]), failure_facts((enum failure)failure)->sentence))
            fail_msg("docs/decisions.md does not say of `%.*s` what weir says", STR_ARG(word));
        told[failure] = true;
    }
    for (int i = 0; i < failures; i++)
        if (!told[i])
            fail_msg("docs/decisions.md does not tell of `%.*s`", STR_ARG(failure_facts((enum failure)i)->name));
}

/* What x-weir-dropped and the refusals name. */
static void every_feature_that_may_be_dropped_is_told(void **state) {
    (void)state;
    struct str rest = section_of(page_of("dialects.md"), "\nThe names are one set for all callers"), word;
    bool told[features] = {false}, told_embed[embed_features] = {false};
    rest = str_slice(rest, 0, str_find(rest, STR("A refusal names the same.")));
    while (next_word(&rest, &word)) {
        bool found = str_eq(word, STR("metadata.user_id")); /* what is meant by one of them */
        for (int i = 0; i < features; i++)
            if (str_eq(feature_name((enum feature)i), word)) found = told[i] = true;
        for (int i = 0; i < embed_features; i++)
            if (str_eq(embed_feature_name((enum embed_feature)i), word)) found = told_embed[i] = true;
        if (!found) fail_msg("docs/dialects.md: there is no feature `%.*s`", STR_ARG(word));
    }
    for (int i = 0; i < features; i++)
        if (!told[i]) fail_msg("docs/dialects.md does not tell of `%.*s`", STR_ARG(feature_name((enum feature)i)));
    for (int i = 0; i < embed_features; i++)
        if (!told_embed[i])
            fail_msg("docs/dialects.md does not tell of `%.*s`", STR_ARG(embed_feature_name((enum embed_feature)i)));
}

/* -- the mock -- */

typedef bool (*describer)(size_t index, struct str *name, struct str *value, struct str *sentence);

/* `NAME` or `NAME VALUE` in a table's first cell. */
static void described_compare(const char *heading, describer describe, bool with_value) {
    struct str rest = section_of(page_of("mock.md"), heading), cells[cells_max], word, name, value, sentence;
    bool told[64] = {false};
    while (next_row(&rest, cells)) {
        assert_true(next_word(&cells[0], &word));
        bool found = false;
        for (size_t i = 0; describe(i, &name, &value, &sentence); i++) {
            struct text form = text_in_arena(&arena, 64);
            text_put(&form, name);
            if (with_value && value.len) text_printf(&form, " %.*s", STR_ARG(value));
            if (str_eq(text_str(&form), word)) found = told[i] = true;
        }
        if (!found) fail_msg("docs/mock.md: there is no `%.*s`", STR_ARG(word));
    }
    for (size_t i = 0; describe(i, &name, &value, &sentence); i++)
        if (!told[i]) fail_msg("docs/mock.md does not tell of `%.*s`", STR_ARG(name));
}

static void every_option_and_fault_of_the_mock_is_told(void **state) {
    (void)state;
    described_compare("\n## Options", mock_option_describe, true);
    described_compare("\n## Faults", mock_fault_describe, false);
}

/* -- configurations -- */

static const char *any_environment(void *context, const char *name) {
    (void)context;
    return str_starts(str_from(name), STR("no_")) || str_find(str_from(name), STR("PROXY")) != SIZE_MAX ||
                   str_find(str_from(name), STR("proxy")) != SIZE_MAX
               ? NULL
               : "word";
}

static bool any_file(void *context, struct str path, struct arena *into, struct str *content, struct error *error) {
    (void)context, (void)path, (void)error;
    *content = arena_copy(into, STR("word"));
    return true;
}

/* A fragment lacks providers, and a key's hash is left to the reader: only what a key is and holds is looked at. */
static bool is_of_a_key(struct str message) {
    static const struct str words[] = {STR("unknown key"), STR(" must be "), STR(" cannot be "), STR("not available")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_find(message, words[i]) != SIZE_MAX) return true;
    return false;
}

static void fragment_check(const char *page, struct str yaml) {
    struct config_ids ids = {.count = 0};
    struct config config;
    struct config_input input = {.path = str_from(page),
                                 .text = yaml,
                                 .environment = any_environment,
                                 .read_file = any_file,
                                 .ids = &ids,
                                 .simulated_base_url = STR("http://127.0.0.1:1/v1")};
    config_load(&input, &config);
    for (const struct config_problem *problem = config.problems; problem; problem = problem->next)
        if (is_of_a_key(problem->message))
            fail_msg("%s, in a block of YAML at its line %u: %.*s", page, problem->line, STR_ARG(problem->message));
    config_free(&config);
    config_ids_free(&ids);
}

static void every_configuration_that_is_shown_is_one(void **state) {
    (void)state;
    static const char *const pages[] = {"../README.md", "decisions.md", "operations.md", "catalogue.md",
                                        "dialects.md",  "http.md",      "library.md",    "logs.md",
                                        "mock.md",      "internals.md", "metrics.md",    "configuration.md"};
    size_t blocks = 0;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct str rest = page_of(pages[i]);
        for (size_t open; (open = str_find(rest, STR("\n```yaml\n"))) != SIZE_MAX; blocks++) {
            rest = str_slice(rest, open + 9, rest.len);
            size_t close = str_find(rest, STR("\n```"));
            assert_true(close != SIZE_MAX);
            fragment_check(pages[i], str_slice(rest, 0, close + 1));
            rest = str_slice(rest, close + 4, rest.len);
        }
    }
    assert_true(blocks > 0);
}

int main(void) {
    if (!getenv("WEIR_SOURCE_ROOT") || !hash_start()) return 77;
    arena_init(&arena, 1 << 20, 1 << 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_told_and_every_told_one_is_served),
        cmocka_unit_test(every_header_is_told_and_every_told_one_is_known),
        cmocka_unit_test(every_error_is_told_with_its_status),
        cmocka_unit_test(every_strategy_is_told),
        cmocka_unit_test(every_failure_is_told_in_its_own_words),
        cmocka_unit_test(every_feature_that_may_be_dropped_is_told),
        cmocka_unit_test(every_option_and_fault_of_the_mock_is_told),
        cmocka_unit_test(every_configuration_that_is_shown_is_one),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
