/* params_test.c - what holds of defaults and overrides for a request: drawn ones against the rule as it is written. */
#include "dialect/params.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/prng.h"

static struct arena arena;

static void defaults_hold_where_nothing_is_said_and_overrides_always(void **state) {
    (void)state;
    struct target_params params;
    struct message_request request;
    params_init(&params.defaults);
    params_init(&params.overrides);
    params.defaults.says = FEATURE_BIT(temperature) | FEATURE_BIT(seed);
    params.defaults.request.temperature = 0.5;
    params.defaults.request.seed = 7;
    params.overrides.says = FEATURE_BIT(user) | FEATURE_BIT(reasoning_effort);
    params.overrides.request.user = STR("house");
    params.overrides.request.effort = effort_low;
    message_request_init(&request, dialect_anthropic);
    request.temperature = 1;
    request.user = STR("me");
    request.reasoning_tokens = 9000;
    assert_int_equal(params_apply(&params, 0, 0, &request),
                     FEATURE_BIT(seed) | FEATURE_BIT(user) | FEATURE_BIT(reasoning_effort));
    assert_true(request.temperature == 1 && request.seed == 7 && str_eq(request.user, STR("house")));
    assert_true(request.effort == effort_low && request.reasoning_tokens == MESSAGE_NO_INT);
    assert_int_equal(params_apply(&params, 0, 0, &request), 0); /* it says so already */
    message_request_init(&request, dialect_openai);
    assert_int_equal(params_apply(&params, FEATURE_BIT(temperature), FEATURE_BIT(user), &request),
                     FEATURE_BIT(seed) | FEATURE_BIT(reasoning_effort)); /* said elsewhere; and left out */
    assert_true(isnan(request.temperature) && !request.user.len);
}

/* Whatever is said by whom, the cap that goes up is never above the caller's. */
static void a_cap_is_only_ever_lowered(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 3);
    for (unsigned i = 0; i < 20000; i++) {
        struct target_params params;
        struct message_request request;
        int64_t own = prng_below(&prng, 3) ? (int64_t)prng_below(&prng, 9) : MESSAGE_NO_INT,
                set = (int64_t)prng_below(&prng, 9) + 1;
        bool by_override = prng_below(&prng, 2);
        params_init(&params.defaults);
        params_init(&params.overrides);
        struct params *into = by_override ? &params.overrides : &params.defaults;
        into->says = FEATURE_BIT(max_tokens);
        into->request.max_tokens = set;
        message_request_init(&request, dialect_openai);
        request.max_tokens = own;
        bool changed = params_apply(&params, 0, 0, &request) != 0;
        int64_t want = own == MESSAGE_NO_INT ? set : by_override && set < own ? set : own;
        assert_int_equal(request.max_tokens, want);
        assert_int_equal(changed, want != own);
    }
}

/* Each kind of value: what is another is set and told, what is the same is neither. */
static void each_kind_of_value_is_set_where_it_is_another(void **state) {
    (void)state;
    struct str stop[] = {STR("a"), STR("b")}, same[] = {STR("a"), STR("b")}, other[] = {STR("a"), STR("c")};
    struct target_params params;
    params_init(&params.defaults);
    params_init(&params.overrides);
    struct message_request *set = &params.overrides.request, request;
    set->temperature = 0.25;
    set->top_k = 5;
    set->user = STR("house");
    set->parallel_tool_calls = flag_false;
    set->stop = stop;
    set->stop_count = 2;
    set->effort = effort_low;
    set->max_tokens = 9;
    const uint64_t all = params_said(set);
    params.overrides.says = all;
    message_request_init(&request, dialect_openai);
    assert_int_equal(params_apply(&params, all, 0, &request), all); /* an override holds whatever was said where */
    assert_true(request.temperature == 0.25 && request.top_k == 5 && str_eq(request.user, STR("house")));
    assert_true(request.parallel_tool_calls == flag_false && request.stop == stop && request.stop_count == 2);
    assert_true(request.effort == effort_low && request.max_tokens == 9);
    request.stop = same;
    assert_int_equal(params_apply(&params, 0, 0, &request), 0);
    assert_ptr_equal(request.stop, same);
    request.stop = other;
    assert_int_equal(params_apply(&params, 0, 0, &request), FEATURE_BIT(stop));
    assert_ptr_equal(request.stop, stop);
    request.stop_count = 1;
    assert_int_equal(params_apply(&params, 0, 0, &request), FEATURE_BIT(stop));
    assert_int_equal(request.stop_count, 2);
    request.parallel_tool_calls = flag_true;
    request.user = STR("House");
    request.top_k = 6;
    assert_int_equal(params_apply(&params, 0, 0, &request),
                     FEATURE_BIT(parallel_tool_calls) | FEATURE_BIT(user) | FEATURE_BIT(top_k));
    assert_true(request.parallel_tool_calls == flag_false && str_eq(request.user, STR("house")) && request.top_k == 5);
}

static void they_are_told_by_the_names_of_chat_completions(void **state) {
    (void)state;
    struct message_request request;
    struct str stop[] = {STR("a"), STR("b")};
    message_request_init(&request, dialect_openai);
    request.temperature = 0.2;
    request.max_tokens = 5;
    request.stop = stop;
    request.stop_count = 2;
    request.effort = effort_xhigh;
    request.parallel_tool_calls = flag_false;
    request.verbosity = STR("low");
    uint64_t said = params_said(&request);
    assert_int_equal(said, FEATURE_BIT(temperature) | FEATURE_BIT(max_tokens) | FEATURE_BIT(stop) |
                               FEATURE_BIT(reasoning_effort) | FEATURE_BIT(parallel_tool_calls) |
                               FEATURE_BIT(verbosity));
    struct text text = text_in_arena(&arena, 256);
    params_put(&request, said, &text);
    assert_true(
        str_eq(text_str(&text), STR("{\"temperature\":0.2,\"verbosity\":\"low\",\"parallel_tool_calls\":false,"
                                    "\"stop\":[\"a\",\"b\"],\"reasoning_effort\":\"xhigh\",\"max_tokens\":5}")));
}

static int memory_make(void **state) { return (void)state, arena_init(&arena, 4096, 1 << 20), 0; }
static int memory_free(void **state) { return (void)state, arena_free(&arena), 0; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold_where_nothing_is_said_and_overrides_always),
        cmocka_unit_test(a_cap_is_only_ever_lowered),
        cmocka_unit_test(each_kind_of_value_is_set_where_it_is_another),
        cmocka_unit_test(they_are_told_by_the_names_of_chat_completions),
    };
    return cmocka_run_group_tests(tests, memory_make, memory_free);
}
