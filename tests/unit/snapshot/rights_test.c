/* rights_test.c - what a client may ask for, and what is left of a route for it. */
#include "snapshot/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"

static const char *nothing(void *context, const char *name) {
    (void)context;
    (void)name;
    return NULL;
}

static const char configuration[] =
    "providers:\n"
    "  near: {type: openai, api_key: k, priority: 2, models: [shared, only-near, far/below]}\n"
    "  far: {type: openai, api_key: k, priority: 1, models: [shared, only-far]}\n"
    "  asleep: {type: openai, api_key: k, enabled: false, models: [sleeping]}\n"
    "routes:\n"
    "  - {model: both, targets: [near/a, far/b]}\n"
    "  - {model: far-alone, targets: [far/b]}\n"
    "  - {model: nobody, targets: [asleep/x]}\n"
    "  - {model: \"any-*\", targets: [near/a, far/b]}\n";

/* Which targets are left of this name's for such a client; "": it may not ask for it. */
static void assert_targets(const struct snapshot *snapshot, const struct client *client, const char *name,
                           const char *wanted) {
    char buffer[256];
    struct arena arena;
    struct text text = text_in_buffer(buffer, sizeof buffer);
    arena_init(&arena, 1024, 1 << 20);
    const struct route *route = client_route(snapshot, client, str_from(name), &arena);
    for (size_t i = 0; route && i < route->target_count; i++) {
        if (i) text_put_byte(&text, ' ');
        text_put(&text, route->targets[i]->name);
    }
    if (!str_eq(text_str(&text), str_from(wanted)))
        fail_msg("`%s` goes to `%.*s`, not `%s`", name, STR_ARG(text_str(&text)), wanted);
    assert_int_equal(route != NULL, *wanted != 0);
    arena_free(&arena);
}

static void of_each_route_is_left_what_the_client_may_have(void **state) {
    struct str all[] = {STR("*")}, near[] = {STR("near")}, some[] = {STR("both"), STR("near/*"), STR("default")};
    const struct client anyone = {.models = all, .model_count = 1, .providers = all, .provider_count = 1},
                        nearby = {.models = all, .model_count = 1, .providers = near, .provider_count = 1},
                        steers = {.models = some,
                                  .model_count = 3,
                                  .providers = all,
                                  .provider_count = 1,
                                  .may_steer = true},
                        locked_out = {0};
    const struct {
        const struct client *client;
        const char *name, *targets;
    } rows[] = {
        {NULL, "both", "far/b near/a"},
        {&anyone, "both", "far/b near/a"},
        {&nearby, "both", "near/a"},
        {&locked_out, "both", ""},
        {&nearby, "any-1", "near/a"},
        {&nearby, "shared", "near/shared"},
        {&nearby, "only-far", ""},
        {&nearby, "far-alone", ""},
        {NULL, "nobody", ""}, /* there is none that could */
        {NULL, "sleeping", ""},
        {&nearby, "default", "near/shared"},
        {&anyone, "near/only-near", ""}, /* it may not name a provider */
        {NULL, "near/only-near", "near/only-near"},
        {&steers, "near/only-near", "near/only-near"},
        {&steers, "far/only-far", ""},
        {&steers, "both", "far/b near/a"},
        {&steers, "shared", ""},
        {&steers, "default", "far/shared near/shared"},
        {&anyone, "far/below", ""}, /* that is a provider's name before the slash, whoever lists it */
        {NULL, "far/below", "far/below"},
    };
    struct config_ids ids = {NULL, 0, 0};
    struct config config;
    struct config_input input = {.text = str_from(configuration), .environment = nothing, .ids = &ids};
    (void)state;
    assert_true(config_load(&input, &config));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_targets(config.snapshot, rows[i].client, rows[i].name, rows[i].targets);
    config_free(&config);
    config_ids_free(&ids);
}

/* A pinned target is asked for by the name that was said, or by its own model's. */
static void who_names_a_target_itself_needs_a_right_to_its_model(void **state) {
    const struct provider near = {.name = STR("near")};
    const struct target target = {.provider = &near, .model = STR("m"), .name = STR("near/m")};
    struct str all[] = {STR("*")}, model[] = {STR("m")}, name[] = {STR("near/*")}, other[] = {STR("route")};
    struct client client = {.models = model, .model_count = 1, .providers = all, .provider_count = 1};
    (void)state;
    assert_true(client_may_use(NULL, &target, true) && client_may_use(&client, &target, true));
    client.models = name;
    assert_true(client_may_use(&client, &target, true));
    client.models = other;
    assert_true(client_may_use(&client, &target, false)); /* behind a route that it may ask for */
    assert_false(client_may_use(&client, &target, true));
    client.provider_count = 0;
    assert_false(client_may_use(&client, &target, false));
    assert_true(client_may_steer(NULL));
    assert_false(client_may_steer(&client));
}

static int sodium_begin(void **state) {
    (void)state;
    return hash_start() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_each_route_is_left_what_the_client_may_have),
        cmocka_unit_test(who_names_a_target_itself_needs_a_right_to_its_model),
    };
    return cmocka_run_group_tests(tests, sodium_begin, NULL);
}
