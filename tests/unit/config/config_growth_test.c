/* config_growth_test.c - no configuration costs more than its length: families of files, each at a size and at eight
 * times that size, are loaded; the bytes that it takes must have grown about eightfold. What takes no bytes (loops over
 * loops) shows at a large size: hours for what is quadratic, and seconds with a sanitizer for what is not. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/memory.h"

enum { small_size = 4096, times = 8, allowed_times = 10, allowed_bytes = 1024 * 1024, seconds_max = 60 };

static const char *environment(void *context, const char *name) {
    (void)context, (void)name;
    return NULL;
}

static bool read_file(void *context, struct str path, struct arena *arena, struct str *content, struct error *error) {
    (void)context, (void)path, (void)arena, (void)content;
    return error_set(error, error_bad_configuration, "no such file");
}

#define P "state_dir: s\nproviders:\n  a: {type: openai, api_key: k, base_url: \"http://a.test/v1\", models: [m]}\n"

static void unknown_keys(struct text *text, size_t n) {
    text_put(text, STR(P));
    for (size_t i = 0; i < n; i++) text_printf(text, "surprise_%zu: 1\n", i);
}

static void unknown_keys_of_a_provider(struct text *text, size_t n) {
    text_put(text, STR("providers:\n  a:\n    type: openai\n    api_key: k\n    timeout: 3\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "    surprise_%zu: 1\n", i);
}

static void later_keys(struct text *text, size_t n) {
    text_put(text, STR(P "clients:\n"));
    for (size_t i = 0; i < n; i++)
        text_printf(text, "  - {name: c%zu, key_hash: \"%064zx\", daily_budget: 3, debug: true}\n", i, i + 1);
}

static void clients(struct text *text, size_t n) {
    text_put(text, STR(P "clients:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "  - {name: c%zu, key_hash: \"%064zx\"}\n", i, i + 1);
}

static void clients_with_one_key(struct text *text, size_t n) {
    text_put(text, STR(P "clients:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "  - {name: c%zu, key_hash: \"%064zx\"}\n", i, (size_t)1);
}

static void too_many_providers(struct text *text, size_t n) {
    text_put(text, STR("providers:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "  p%zu: {type: openai, api_key: k}\n", i);
}

static void routes(struct text *text, size_t n) {
    text_put(text, STR(P "routes:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "  - {model: r%zu, targets: [a/m, b/m]}\n", i);
}

static void targets_of_one_route(struct text *text, size_t n) {
    text_put(text, STR(P "routes:\n  - model: r\n    targets:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "      - a/m%zu\n", i % 4000);
}

static void routes_of_one_route(struct text *text, size_t n) {
    text_put(text, STR(P "routes:\n"));
    for (size_t i = 0; i < n / 2; i++) text_printf(text, "  - {model: \"r%zu*\", targets: [a/m]}\n", i);
    text_put(text, STR("  - model: r\n    targets:\n"));
    for (size_t i = 0; i < n / 2; i++) text_printf(text, "      - {route: \"r%zu*\"}\n", i);
}

static void routes_one_below_the_other(struct text *text, size_t n) {
    text_put(text, STR(P "routes:\n  - {model: r0, targets: [a/m]}\n"));
    for (size_t i = 1; i < n; i++) text_printf(text, "  - {model: r%zu, targets: [{route: r%zu}]}\n", i, i - 1);
}

static void routes_in_a_circle(struct text *text, size_t n) {
    text_put(text, STR(P "routes:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "  - {model: r%zu, targets: [{route: r%zu}]}\n", i, (i + 1) % n);
}

static void routes_that_do_not_exist(struct text *text, size_t n) {
    text_put(text, STR(P "routes:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "  - {model: r%zu, targets: [{route: s%zu}]}\n", i, i);
}

static void rules(struct text *text, size_t n) {
    text_put(text, STR(P "rules:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "  - {name: r%zu, priority: %zu, targets: [a/m]}\n", i, n - i);
}

static void models_and_prices(struct text *text, size_t n) {
    text_put(text, STR("providers:\n  a:\n    type: openai\n    api_key: k\n    models: ["));
    for (size_t i = 0; i < 2000; i++) text_printf(text, "m%zu, ", i);
    text_put(text, STR("m]\n    prices:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "      m%zu: {input: 1}\n", i);
}

static void forwarded_headers(struct text *text, size_t n) {
    text_put(text, STR(P "forward_headers:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "  - x-%zu\n", i);
}

static void headers(struct text *text, size_t n) {
    text_put(text, STR("providers:\n  a:\n    type: openai\n    api_key: k\n    headers:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "      x-%zu: y\n", i);
}

static void nested(struct text *text, size_t n) {
    text_put(text, STR(P "adaptive: "));
    for (size_t i = 0; i < n; i++) text_put(text, STR("[{a: "));
}

static void overlay_prices(struct text *text, size_t n) {
    text_put(text, STR("providers:\n  a:\n    prices:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "      m%zu: {input: 2}\n", i);
}

static void overlay_removed(struct text *text, size_t n) {
    text_put(text, STR("providers:\n"));
    for (size_t i = 0; i < n; i++) text_printf(text, "  p%zu: {removed: true}\n", i);
}

static const struct {
    const char *name;
    void (*write)(struct text *text, size_t n);
    bool overlay;
} families[] = {{"unknown keys", unknown_keys, false},
                {"unknown keys of a provider", unknown_keys_of_a_provider, false},
                {"keys that are not available yet", later_keys, false},
                {"clients", clients, false},
                {"clients with one key", clients_with_one_key, false},
                {"too many providers", too_many_providers, false},
                {"routes", routes, false},
                {"targets of one route", targets_of_one_route, false},
                {"routes of one route", routes_of_one_route, false},
                {"routes one below the other", routes_one_below_the_other, false},
                {"routes in a circle", routes_in_a_circle, false},
                {"routes that do not exist", routes_that_do_not_exist, false},
                {"rules", rules, false},
                {"models and prices", models_and_prices, false},
                {"forwarded headers", forwarded_headers, false},
                {"headers", headers, false},
                {"nested", nested, false},
                {"prices of the overlay", overlay_prices, true},
                {"removed by the overlay", overlay_removed, true}};

/* The bytes that are written about it, and the problems that are listed. */
static size_t cost_of(size_t family, size_t n) {
    struct arena arena;
    struct config_ids ids = {.names = NULL};
    struct config config;
    arena_init(&arena, 1024 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 1024 * 1024);
    families[family].write(&text, n);
    assert_false(text.failed);
    bool overlay = families[family].overlay;
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = overlay ? STR(P) : text_str(&text),
                                 .overlay_path = STR("runtime.yaml"),
                                 .overlay_text = overlay ? text_str(&text) : STR_NONE,
                                 .environment = environment,
                                 .read_file = read_file,
                                 .ids = &ids,
                                 .simulated_base_url = STR("http://127.0.0.1:1/v1")};
    config_load(&input, &config);
    size_t listed = 0, bytes = config.arena.taken + (config.snapshot ? config.snapshot->arena.taken : 0);
    for (const struct config_problem *problem = config.problems; problem; problem = problem->next) listed++;
    if (listed > 303) fail_msg("%s: %zu problems are listed", families[family].name, listed);
    config_free(&config);
    config_ids_free(&ids);
    arena_free(&arena);
    return bytes;
}

static void a_configuration_costs_what_its_length_is(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        clock_t began = clock();
        size_t small = cost_of(i, small_size), large = cost_of(i, small_size * times);
        double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
        if (seconds > 3) print_message("%s: %.1f s\n", families[i].name, seconds);
        if (large > allowed_times * small + allowed_bytes)
            fail_msg("%s: %zu bytes, then %zu", families[i].name, small, large);
        if (seconds > seconds_max) fail_msg("%s: %.0f s of work", families[i].name, seconds);
    }
}

static void a_hundred_thousand_clients_are_loaded_and_found(void **state) {
    (void)state;
    enum { many = 100000 };
    struct arena arena;
    struct config_ids ids = {.names = NULL};
    struct config config;
    arena_init(&arena, 1024 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 16 * 1024 * 1024);
    text_put(&text, STR(P "clients:\n"));
    for (size_t i = 0; i < many; i++) {
        char key[32], hex[64];
        struct text name = text_in_buffer(key, sizeof key);
        text_printf(&name, "key-%zu", i);
        struct sha256 hash = hash_sha256(text_str(&name));
        hash_to_hex(hash.bytes, sizeof hash.bytes, hex);
        text_printf(&text, "  - {name: c%zu, key_hash: \"%.64s\"}\n", i, hex);
    }
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = text_str(&text),
                                 .environment = environment,
                                 .read_file = read_file,
                                 .ids = &ids};
    assert_true(config_load(&input, &config));
    assert_int_equal(config.snapshot->client_count, many);
    assert_true(config.arena.taken < 64 * 1024); /* the tree is gone */
    for (size_t i = 0; i < many; i += 997) {
        char key[32];
        struct text name = text_in_buffer(key, sizeof key);
        text_printf(&name, "key-%zu", i);
        const struct client *client = snapshot_client(config.snapshot, text_str(&name));
        assert_ptr_equal(client, &config.snapshot->clients[i]);
        text_put(&name, STR("x"));
        assert_null(snapshot_client(config.snapshot, text_str(&name)));
    }
    config_free(&config);
    config_ids_free(&ids);
    arena_free(&arena);
}

static void how_many_more_problems_there_are_is_told(void **state) {
    (void)state;
    struct arena arena;
    struct config_ids ids = {.names = NULL};
    struct config config;
    arena_init(&arena, 64 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 64 * 1024);
    unknown_keys(&text, 250);
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = text_str(&text),
                                 .environment = environment,
                                 .read_file = read_file,
                                 .ids = &ids};
    assert_false(config_load(&input, &config));
    assert_int_equal(config.error_count, 250);
    const struct config_problem *last = config.problems;
    while (last->next) last = last->next;
    assert_true(str_eq(last->message, STR("and 150 more: errors")));
    config_free(&config);
    config_ids_free(&ids);
    arena_free(&arena);
}

int main(void) {
    if (!hash_start()) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_configuration_costs_what_its_length_is),
                                       cmocka_unit_test(a_hundred_thousand_clients_are_loaded_and_found),
                                       cmocka_unit_test(how_many_more_problems_there_are_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
