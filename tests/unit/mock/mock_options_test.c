/* The mock's options from flags, headers and prompts, and the latencies that they draw. */
#include "mock/mock_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static bool set(struct mock_options *options, const char *name, const char *value, enum mock_source source) {
    struct error error = {.code = error_none};
    bool good = mock_options_set(options, str_from(name), str_from(value), source, &error);
    assert_true(good || error.message[0]);
    return good;
}

static void flags_are_read(void **state) {
    struct mock_options options = mock_options_default();
    (void)state;
    assert_true(set(&options, "latency", "12.5", mock_source_flag));
    assert_true(set(&options, "rate", "40", mock_source_flag));
    assert_true(set(&options, "tokens", "9", mock_source_flag));
    assert_true(set(&options, "fault", "status=429", mock_source_flag));
    assert_true(set(&options, "fault-rate", "0.5", mock_source_flag));
    assert_true(set(&options, "echo", "", mock_source_flag));
    assert_true(set(&options, "key", "k", mock_source_flag));
    assert_true(options.latency.a == 12.5 && options.rate == 40 && options.tokens == 9 && options.fault_rate == 0.5 &&
                options.echo);
    assert_int_equal(options.fault.kind, mock_fault_status);
    assert_true(mock_option_is_switch(STR("echo")) && !mock_option_is_switch(STR("rate")));
}

static void what_cannot_be_read_is_refused_and_changes_nothing(void **state) {
    static const char *const bad[][2] = {{"latency", "-1"},
                                         {"latency", "x"},
                                         {"rate", "nan"},
                                         {"fault-rate", "2"},
                                         {"tokens", "1.5"},
                                         {"tokens", "99999999"},
                                         {"seed", "-1"},
                                         {"echo", "maybe"},
                                         {"listen", ""},
                                         {"nothing", "1"},
                                         {"latency-distribution", "normal:5"},
                                         {"latency-distribution", "uniform:9,5"},
                                         {"latency-distribution", "odd:1,2"}};
    struct mock_options options = mock_options_default(), before = options;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(set(&options, bad[i][0], bad[i][1], mock_source_flag));
    assert_true(options.latency.a == before.latency.a && options.rate == before.rate &&
                options.tokens == before.tokens);
}

static void a_request_sets_only_what_concerns_it(void **state) {
    struct mock_options options = mock_options_default();
    struct error error = {.code = error_none};
    const struct http_header headers[] = {
        {STR("X-Mock-Tokens"), STR("3")}, {STR("Accept"), STR("x")}, {STR("x-mock-fault"), STR("hang")}};
    const struct http_header forbidden[] = {{STR("x-mock-key"), STR("mine")}};
    (void)state;
    assert_true(mock_options_headers(&options, headers, 3, &error));
    assert_true(options.tokens == 3 && options.fault.kind == mock_fault_hang);
    assert_false(mock_options_headers(&options, forbidden, 1, &error));
    assert_int_equal(options.key.len, 0);
}

static void a_prompt_may_begin_with_a_directive(void **state) {
    struct mock_options options = mock_options_default();
    struct error error = {.code = error_none};
    struct str text = STR("[mock tokens=5  rate=20 echo] What is it?");
    (void)state;
    assert_true(mock_options_prompt(&options, &text, &error));
    assert_true(str_eq(text, STR("What is it?")) && options.tokens == 5 && options.rate == 20 && options.echo);
    struct str plain = STR("say [mock tokens=7]");
    assert_true(mock_options_prompt(&options, &plain, &error) && options.tokens == 5);
    struct str wrong = STR("[mock colour=red] x");
    assert_false(mock_options_prompt(&options, &wrong, &error));
}

static void latencies_follow_their_distribution(void **state) {
    static const char *const names[] = {"normal:20,5", "lognormal:20,0.25", "uniform:10,30"};
    (void)state;
    for (size_t d = 0; d < 3; d++) {
        struct mock_options options = mock_options_default();
        struct prng prng;
        double sum = 0;
        prng_seed(&prng, 7);
        assert_true(set(&options, "latency-distribution", names[d], mock_source_flag));
        for (int i = 0; i < 4000; i++) sum += (double)mock_latency_draw_ns(&options.latency, &prng) / (double)NS_PER_MS;
        assert_true(sum / 4000 > 18.5 && sum / 4000 < 22.5);
    }
    struct prng prng;
    prng_seed(&prng, 1);
    const struct mock_latency wide = {mock_latency_normal, 0, 1000}, fixed = {mock_latency_fixed, 2, 0};
    for (int i = 0; i < 1000; i++) assert_true(mock_latency_draw_ns(&wide, &prng) < 3600 * NS_PER_S);
    assert_int_equal(mock_latency_draw_ns(&fixed, &prng), 2 * NS_PER_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_are_read),
        cmocka_unit_test(what_cannot_be_read_is_refused_and_changes_nothing),
        cmocka_unit_test(a_request_sets_only_what_concerns_it),
        cmocka_unit_test(a_prompt_may_begin_with_a_directive),
        cmocka_unit_test(latencies_follow_their_distribution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
