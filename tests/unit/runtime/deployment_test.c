/* deployment_test.c - what a configuration takes to reach others: whether it fetches, and what stays of the one before.
 */
#include "runtime/deployment.h"

#include "../config/config_world.h"

#define PROVIDER(name, type) "  " name ": {type: " type ", api_key: k, base_url: 'https://h/v1', models: [m]}\n"
#define ONE(type) "state_dir: s\nproviders:\n" PROVIDER("a", "anthropic") PROVIDER("b", type)

static struct deployment *deployed(const char *yaml, const struct deployment *before, _Atomic unsigned *live) {
    struct config config;
    struct error error;
    if (!load(yaml, NULL, &config)) {
        char said[512];
        first_problem(&config, said, sizeof said);
        fail_msg("%s", said);
    }
    struct deployment *deployment = deployment_new(config.snapshot, before, live, &error);
    assert_non_null(deployment);
    config.snapshot = NULL;
    config_free(&config);
    return deployment;
}

/* Those whose API takes no URLs are sent bytes, which lie at servers of anybody's. */
static void only_a_configuration_that_fetches_can_reach_others(void **state) {
    static const struct {
        const char *yaml;
        bool fetches;
    } rows[] = {
        {ONE("anthropic"), false},    {ONE("openai"), true}, /* documents */
        {ONE("ollama-native"), true},                        /* pictures */
        {ONE("gemini"), true},        {"fetch: {enabled: false}\n" ONE("gemini"), false},
    };
    (void)state;
    _Atomic unsigned live = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct deployment *deployment = deployed(rows[i].yaml, NULL, &live),
                          *next = deployed(ONE("gemini"), deployment, &live);
        if ((deployment->fetch_tls != NULL) != rows[i].fetches) fail_msg("row %zu", i);
        assert_non_null(next->fetch_tls);
        assert_true((next->fetch_tls == deployment->fetch_tls) == rows[i].fetches);
        assert_true(next->origins[0].tls == deployment->origins[0].tls && next->origins[0].tls);
        assert_int_equal(live, 2);
        deployment_release(deployment);
        assert_int_equal(live, 1);
        deployment_release(next);
        assert_int_equal(live, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_a_configuration_that_fetches_can_reach_others)};
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
