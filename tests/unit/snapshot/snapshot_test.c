/* snapshot_test.c - which route serves a name, whose key it is, and that a snapshot lives as long as it is held. */
#include "snapshot/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "dialect/openai/openai.h"
#include "dialect/quirks.h"

#define HASH_OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const char *environment(void *context, const char *name) {
    return context && strcmp(name, "GROQ_API_KEY") == 0 ? context : NULL;
}

/* A NULL text: the environment with one key. */
static struct snapshot *snapshot_of(const char *text) {
    static char key[] = "k";
    struct config_ids ids = {NULL, 0, 0};
    struct config config;
    struct config_input input = {.text = text ? str_from(text) : STR_NONE,
                                 .environment = environment,
                                 .context = text ? NULL : key,
                                 .ids = &ids};
    assert_true(config_load(&input, &config));
    struct snapshot *snapshot = config.snapshot;
    config.snapshot = NULL;
    config_free(&config);
    config_ids_free(&ids);
    return snapshot;
}

static const char providers[] =
    "providers:\n"
    "  near: {type: openai, api_key: k, priority: 2, models: [shared, org/slashed, only-near]}\n"
    "  far: {type: openai, api_key: k, priority: 1, models: [shared], default_model: other}\n"
    "  asleep: {type: openai, api_key: k, enabled: false, models: [sleeping]}\n"
    "routes:\n"
    "  - {model: exact, targets: [near/a, far/b]}\n"
    "  - {model: \"ex*\", targets: [near/first-glob]}\n"
    "  - {model: \"exa*\", targets: [near/second-glob]}\n"
    "  - {model: \"far/routed\", targets: [near/routed]}\n"
    "  - {model: napping, targets: [asleep/x, near/y]}\n"
    "clients:\n"
    "  - {name: one, key_hash: \"" HASH_OF_ABC "\", role: operator, models: [\"gpt-*\"]}\n";

static void each_name_has_its_route(void **state) {
    (void)state;
    static const struct {
        const char *model, *targets; /* NULL: unknown */
        bool pinned;
    } rows[] = {
        {"exact", "far/b near/a", false}, /* by the providers' priority */
        {"example", "near/first-glob", false},
        {"far/routed", "near/routed", false}, /* a route before provider/model */
        {"far/anything/at-all", "far/anything/at-all", true},
        {"far/shared", "far/shared", true},
        {"near/org/slashed", "near/org/slashed", true},
        {"org/slashed", "near/org/slashed", false}, /* no provider of that name: a listed model */
        {"shared", "far/shared near/shared", false},
        {"only-near", "near/only-near", false},
        {"napping", "near/y", false},
        {"default", "far/other near/shared", false},
        {"far/", NULL, false},
        {"/shared", NULL, false},
        {"nobody/shared", NULL, false},
        {"asleep/sleeping", NULL, false},
        {"sleeping", NULL, false},
        {"Shared", NULL, false},
        {"", NULL, false},
    };
    struct snapshot *snapshot = snapshot_of(providers);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        arena_init(&arena, 1024, 1 << 20);
        const struct route *route = snapshot_route(snapshot, str_from(rows[i].model), &arena);
        struct text text = text_in_arena(&arena, 64);
        for (size_t t = 0; route && t < route->target_count; t++) {
            if (t) text_put_byte(&text, ' ');
            text_put(&text, route->targets[t]->name);
        }
        if (!rows[i].targets != !route) fail_msg("`%s`: %s", rows[i].model, route ? "served" : "unknown");
        if (route && !str_eq(text_str(&text), str_from(rows[i].targets)))
            fail_msg("`%s` goes to %.*s", rows[i].model, STR_ARG(text_str(&text)));
        if (route) assert_int_equal(route->pinned, rows[i].pinned);
        arena_free(&arena);
    }
    snapshot_release(snapshot);
}

static const char vendors[] = "providers:\n"
                              "  second: {type: openai, api_key: k, priority: 2}\n"
                              "  first: {type: openai, api_key: k, priority: 1}\n"
                              "  closed: {type: openai, api_key: k, priority: 1, models: [gpt-4o]}\n"
                              "  claude: {type: anthropic, api_key: k}\n";

static void a_name_that_no_list_knows_is_its_vendors(void **state) {
    static const struct {
        const char *model, *targets;
    } rows[] = {{"gpt-of-the-future", "first/gpt-of-the-future second/gpt-of-the-future "},
                {"o7-pro", "first/o7-pro second/o7-pro "},
                {"claude-next", "claude/claude-next "},
                {"gemini-next", NULL},
                {"ogre", NULL}};
    (void)state;
    struct snapshot *snapshot = snapshot_of(vendors);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buffer[256];
        struct arena arena;
        arena_init(&arena, 1024, 1 << 20);
        struct text text = text_in_buffer(buffer, sizeof buffer);
        const struct route *route = snapshot_route(snapshot, str_from(rows[i].model), &arena);
        for (size_t t = 0; route && t < route->target_count; t++) {
            text_put(&text, route->targets[t]->name);
            text_put_byte(&text, ' ');
            assert_int_equal(route->targets[t]->prices.input, -1); /* nobody knows it */
        }
        assert_int_equal(route != NULL, rows[i].targets != NULL);
        if (route) assert_true(str_eq(text_str(&text), str_from(rows[i].targets)));
        arena_free(&arena);
    }
    snapshot_release(snapshot);
}

/* What of a body in OpenAI's own words cannot go up as it stands: that much and no more, as each bit costs a reading.
 */
static void a_target_touches_what_its_vendor_calls_otherwise_and_nothing_else(void **state) {
    static const struct codec_quirks plain = {.name = {NULL, 0}};
    static const struct {
        const char *type;
        uint64_t touches; /* beside what it refuses */
    } rows[] = {
        {"openai", 0},
        {"groq", OPENAI_HAS_DEVELOPER},
        {"deepseek", OPENAI_HAS_NEW_CAP | OPENAI_HAS_DEVELOPER},
        {"mistral", OPENAI_HAS_NEW_CAP | OPENAI_HAS_DEVELOPER | OPENAI_HAS_CALLS | FEATURE_BIT(seed)},
    };
    static struct catalog_model facts; /* which knows nothing of it */
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        snprintf(text, sizeof text, "providers: {p: {type: %s, api_key: k, models: [m]}}\n", rows[i].type);
        struct snapshot *snapshot = snapshot_of(text);
        struct target target = {.provider = &snapshot->providers[0], .model = STR("m"), .quirks = &plain};
        target_tell(&target);
        assert_int_equal(target.touches, target.refuses | rows[i].touches);
        assert_int_equal(target.refuses, target.quirks->refuses);
        target.facts = &facts;
        target_tell(&target);
        assert_int_equal(target.touches, target.refuses | rows[i].touches);
        facts.takes.efforts = 1;
        target_tell(&target);
        assert_int_equal(target.touches, target.refuses | rows[i].touches | FEATURE_BIT(reasoning_effort));
        facts.takes.efforts = 0;
        facts.takes.thinking = 1;
        target_tell(&target);
        assert_int_equal(target.touches, target.refuses | rows[i].touches | FEATURE_BIT(reasoning_effort));
        facts.takes.thinking = 0;
        facts.takes.refuses = FEATURE_BIT(logprobs);
        target_tell(&target);
        assert_int_equal(target.refuses, target.quirks->refuses | FEATURE_BIT(logprobs));
        facts.takes.refuses = 0;
        snapshot_release(snapshot);
    }
}

/* What OpenAI's own servers refuse, others that speak as they do may take. */
static void a_vendor_of_many_servers_refuses_at_home_alone(void **state) {
    (void)state;
    struct snapshot *snapshot =
        snapshot_of("providers:\n  home: {type: openai, api_key: k, models: [m]}\n"
                    "  away: {type: openai, api_key: k, base_url: \"http://127.0.0.1:9/v1\", models: [m]}\n"
                    "  groq: {type: groq, api_key: k, base_url: \"http://127.0.0.1:9/v1\", models: [m]}\n");
    for (size_t i = 0; i < 3; i++) {
        struct target target = {.provider = &snapshot->providers[i], .model = STR("m")};
        target_tell(&target);
        bool away = str_eq(target.provider->name, STR("away"));
        assert_int_equal(target.refuses, away ? 0 : target.quirks->refuses);
        assert_true(target.quirks->refuses);
    }
    snapshot_release(snapshot);
}

static void an_unknown_name_is_told_with_the_nearest(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_of(providers);
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    struct str said = snapshot_unknown(snapshot, NULL, STR("defalt-model-of-nobody"), &arena);
    assert_true(str_find(said, STR("`defalt-model-of-nobody`")) != SIZE_MAX);
    const struct client *client = snapshot_client(snapshot, STR("abc")); /* may use gpt-* alone */
    struct str nearest = snapshot_nearest(snapshot, client, STR("llama-3.3-70b-versatil"), &arena);
    assert_true(nearest.at == NULL || str_starts(nearest, STR("gpt-")));
    arena_free(&arena);
    snapshot_release(snapshot);
}

static void a_key_finds_its_client_and_no_other_does(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_of(providers);
    const struct client *client = snapshot_client(snapshot, STR("abc"));
    assert_true(client && str_eq(client->name, STR("one")) && client->role == role_operator);
    assert_true(client->may_steer && client->provider_count == 1 && str_eq(client->models[0], STR("gpt-*")));
    assert_null(snapshot_client(snapshot, STR("abd")));
    assert_null(snapshot_client(snapshot, STR("")));
    assert_null(snapshot_client(snapshot, STR(HASH_OF_ABC)));
    snapshot_release(snapshot);
}

static void headers_that_go_up_stand_above_all_providers_or_at_one(void **state) {
    (void)state;
    struct snapshot *snapshot =
        snapshot_of("forward_headers: [x-all]\n"
                    "providers:\n"
                    "  a: {type: openai, api_key: k, models: [m], forward_headers: [x-own, x-more]}\n"
                    "  b: {type: groq, api_key: k, models: [m]}\n");
    const struct provider *a = &snapshot->providers[0], *b = &snapshot->providers[1];
    assert_true(a->forward_header_count == 3 && str_eq(a->forward_headers[0], STR("x-own")));
    assert_true(str_eq(a->forward_headers[2], STR("x-all")));
    assert_true(b->forward_header_count == 1 && str_eq(b->forward_headers[0], STR("x-all")));
    snapshot_release(snapshot);
}

static void a_snapshot_lives_until_its_last_holder_lets_go(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_of(providers);
    snapshot_hold(snapshot);
    snapshot_release(snapshot);
    assert_int_equal(snapshot->provider_count, 2); /* still there */
    snapshot_release(snapshot);
}

static int sodium_begin(void **state) {
    (void)state;
    return hash_start() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_its_route),
        cmocka_unit_test(a_name_that_no_list_knows_is_its_vendors),
        cmocka_unit_test(a_target_touches_what_its_vendor_calls_otherwise_and_nothing_else),
        cmocka_unit_test(a_vendor_of_many_servers_refuses_at_home_alone),
        cmocka_unit_test(an_unknown_name_is_told_with_the_nearest),
        cmocka_unit_test(a_key_finds_its_client_and_no_other_does),
        cmocka_unit_test(headers_that_go_up_stand_above_all_providers_or_at_one),
        cmocka_unit_test(a_snapshot_lives_until_its_last_holder_lets_go),
    };
    return cmocka_run_group_tests(tests, sodium_begin, NULL);
}
