/* config_memory_test.c - a configuration that is read while memory is refused, at each place in turn: it is whole, or
 * it is refused and why is said, and every byte is given back. */
#include "base/memory.h"
#include "config_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: k, models: [m, n], prices: {m: {input: 1, output: 2}}}\n"
                           "  a: {type: anthropic, api_key: k, models: [m], daily_budget: 3, headers: {x-a: b}}\n"
                           "routes:\n"
                           "  - {model: r, targets: [o/m, {target: a/m, params: {top_k: 1, overrides: {user: me}}}]}\n"
                           "owners:\n"
                           "  - {name: team, in: all, rate_limit_rpm: 1000, budgets: [{usd: 9, window: day}]}\n"
                           "  - {name: all, kind: organization, max_concurrent: 9}\n"
                           "clients: [{name: c, in: team, role: user, rate_limit_tpm: 9, key_hash: "
                           "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}]\n";

static void with_too_little_memory_it_is_whole_or_refused(void **state) {
    uint64_t n = 0, refused = 0;
    (void)state;
    config_told_aside = true;
    for (bool reached = true; reached; n++) {
        struct config config;
        memory_fail_at(n + 1);
        const bool read = load(yaml, NULL, &config);
        reached = memory_calls() > n;
        assert_true(read || reached); /* with enough of it, it is read */
        memory_fail_at(0);
        assert_int_equal(read, config.snapshot != NULL);
        assert_true(read || config.error_count > 0);
        if (read) assert_false(config.snapshot->arena.refused || config.snapshot->secrets.refused);
        refused += !read;
        config_free(&config);
    }
    assert_true(refused > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(with_too_little_memory_it_is_whole_or_refused)};
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
