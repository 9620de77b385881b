/* fit_test.c - what a request becomes where it goes: nothing that is asked for is lost without a name, a cap on the
 * answer is never exceeded, and what a model does not take is not sent. */
#include "dialect/fit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "base/prng.h"
#include "dialect/outbound.h"
#include "dialect/quirks.h"

static struct model_takes takes;
static struct codec_target target;
static struct message_request request, fitted;
static struct fit fit;

static void begin(enum dialect from, bool reasons) {
    takes = MODEL_TAKES_UNKNOWN;
    target = (struct codec_target){.model = STR("m"),
                                   .quirks = quirks_of(STR(""), STR("")),
                                   .output_tokens_max = 64000,
                                   .reasons = reasons,
                                   .takes = &takes};
    message_request_init(&request, from);
}

static void make(enum dialect to, enum unsupported unsupported) {
    fit_request(&request, codec_of(to), &target, unsupported, &fitted, &fit);
}

static bool has(uint64_t bits, enum feature feature) { return bits >> feature & 1; }

static void what_a_model_refuses_is_left_out_and_named(void **state) {
    (void)state;
    begin(dialect_openai, true);
    takes.refuses = FEATURE_BIT(temperature) | FEATURE_BIT(top_k) | FEATURE_BIT(stop);
    struct str stop = STR("zz");
    request.temperature = 0.5;
    request.top_k = 7;
    request.top_p = 0.5;
    make(dialect_openai, unsupported_usual);
    assert_true(isnan(fitted.temperature) && fitted.top_k == MESSAGE_NO_INT && fitted.top_p == 0.5);
    assert_true(fit.dropped == (FEATURE_BIT(temperature) | FEATURE_BIT(top_k)) && !fit.refused);
    request.stop = &stop;
    request.stop_count = 1;
    make(dialect_openai, unsupported_usual); /* where the answer ends is what it means */
    assert_true(fit.refused == FEATURE_BIT(stop));
    make(dialect_openai, unsupported_drop);
    assert_true(has(fit.dropped, feature_stop) && !fit.refused && fitted.stop_count == 0);
    request.stop_count = 0;
    make(dialect_openai, unsupported_refuse);
    assert_true(fit.refused == (FEATURE_BIT(temperature) | FEATURE_BIT(top_k)) && !fit.dropped);
}

static void what_a_message_is_about_is_never_dropped(void **state) {
    (void)state;
    static const enum dialect to[] = {dialect_openai, dialect_anthropic, dialect_ollama, dialect_cloudflare,
                                      dialect_huggingface};
    struct message_part part = {.kind = part_document, .media = {.data = STR("AAAA"), .mime = STR("video/mp4")}};
    struct message message = {.role = message_user, .parts = &part, .part_count = 1};
    begin(dialect_gemini, true);
    request.messages = &message;
    request.message_count = 1;
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        for (enum unsupported unsupported = unsupported_usual; unsupported <= unsupported_refuse; unsupported++) {
            make(to[i], unsupported);
            assert_true(has(fit.refused, feature_video) && !has(fit.dropped, feature_video));
        }
}

static void a_cap_below_the_least_thinking_turns_it_off(void **state) {
    (void)state;
    begin(dialect_openai, true);
    request.effort = effort_high;
    request.max_tokens = 1000;
    make(dialect_anthropic, unsupported_usual);
    assert_true(fitted.effort == effort_unset && fitted.reasoning_tokens == MESSAGE_NO_INT);
    assert_true(fit.dropped == FEATURE_BIT(reasoning_effort));
    takes.thinking_least = 512;
    make(dialect_gemini, unsupported_usual);
    assert_int_equal(fitted.reasoning_tokens, 750); /* 512 fit */
    assert_true(has(fit.changed, feature_reasoning_effort) && !fit.dropped);
    request.max_tokens = 500;
    make(dialect_gemini, unsupported_usual);
    assert_int_equal(fitted.reasoning_tokens, 0); /* it would think unasked */
    request.max_tokens = 4000;
    make(dialect_anthropic, unsupported_usual);
    assert_int_equal(fitted.reasoning_tokens, 3000);
    request.max_tokens = 60000;
    make(dialect_anthropic, unsupported_usual);
    assert_int_equal(fitted.reasoning_tokens, 16384);
    assert_true(!fit.changed && !fit.dropped);
}

static void an_effort_that_is_not_taken_becomes_the_nearest(void **state) {
    (void)state;
    const uint32_t some = 1u << effort_low | 1u << effort_high;
    assert_int_equal(fit_effort(0, effort_max), effort_max); /* not known */
    assert_int_equal(fit_effort(some, effort_max), effort_high);
    assert_int_equal(fit_effort(some, effort_medium), effort_low);
    assert_int_equal(fit_effort(some, effort_none), effort_low);
    assert_int_equal(fit_effort(some | 1u << effort_none, effort_minimal), effort_low); /* not: none */
    begin(dialect_openai, true);
    takes.efforts = some;
    request.effort = effort_xhigh;
    make(dialect_openai, unsupported_usual);
    assert_int_equal(fitted.effort, effort_high);
    assert_true(fit.changed == FEATURE_BIT(reasoning_effort));
    make(dialect_openai, unsupported_refuse);
    assert_true(has(fit.refused, feature_reasoning_effort));
}

static void thinking_of_a_model_that_does_not_is_dropped_with_a_word(void **state) {
    (void)state;
    begin(dialect_anthropic, false);
    request.reasoning_tokens = 2000;
    make(dialect_openai, unsupported_usual);
    assert_true(fit.dropped == FEATURE_BIT(reasoning_effort) && fitted.reasoning_tokens == MESSAGE_NO_INT);
    request.reasoning_tokens = MESSAGE_NO_INT;
    request.effort = effort_none; /* nothing is lost */
    make(dialect_openai, unsupported_usual);
    assert_true(!fit.dropped && !fit.changed && !fit.refused);
}

static void a_budget_becomes_adaptive_where_only_that_is_taken(void **state) {
    (void)state;
    begin(dialect_anthropic, true);
    takes.thinking = MODEL_BIT(thinking, adaptive);
    request.reasoning_tokens = 20000;
    make(dialect_anthropic, unsupported_usual);
    assert_true(fitted.reasoning_tokens == -1 && fitted.effort == effort_high);
    takes.thinking |= MODEL_BIT(thinking, budget); /* takes both */
    make(dialect_anthropic, unsupported_usual);
    assert_true(fitted.reasoning_tokens == 20000 && fitted.effort == effort_unset);
    takes.thinking = MODEL_BIT(thinking, adaptive) | MODEL_BIT(thinking, always_on);
    request.reasoning_tokens = 0;
    make(dialect_anthropic, unsupported_usual);
    assert_true(fit.dropped == FEATURE_BIT(reasoning_effort));
}

/* Where a model is told how many tokens it may think, each dialect has its own numbers for an effort. */
static void an_effort_becomes_a_budget_where_only_that_is_taken(void **state) {
    static const struct {
        enum dialect to;
        enum message_effort effort;
        int64_t tokens;
    } rows[] = {
        {dialect_anthropic, effort_low, 2048},   {dialect_gemini, effort_low, 1024},
        {dialect_anthropic, effort_high, 16384}, {dialect_gemini, effort_max, 24576},
        {dialect_anthropic, effort_max, 32000},  {dialect_gemini, effort_minimal, 512},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(dialect_openai, true);
        takes.thinking = MODEL_BIT(thinking, budget);
        request.effort = rows[i].effort;
        make(rows[i].to, unsupported_usual);
        if (fitted.reasoning_tokens != rows[i].tokens || fitted.effort != effort_unset)
            fail_msg("row %zu: %lld tokens", i, (long long)fitted.reasoning_tokens);
    }
}

static void sampling_beside_thinking_and_above_the_most_is_told(void **state) {
    (void)state;
    begin(dialect_openai, true);
    request.temperature = 1.5;
    make(dialect_anthropic, unsupported_usual);
    assert_true(fitted.temperature == 1 && fit.changed == FEATURE_BIT(temperature) && !fit.dropped);
    request.effort = effort_low;
    request.top_p = 0.5;
    make(dialect_anthropic, unsupported_usual);
    assert_true(fit.dropped == (FEATURE_BIT(temperature) | FEATURE_BIT(top_p)) && !fit.changed);
    assert_true(isnan(fitted.temperature) && isnan(fitted.top_p));
    make(dialect_gemini, unsupported_usual);
    assert_true(!fit.dropped && fitted.temperature == 1.5);
    takes.thinking = MODEL_BIT(thinking, no_sampling);
    make(dialect_openai, unsupported_usual);
    assert_true(fit.dropped == (FEATURE_BIT(temperature) | FEATURE_BIT(top_p)));
    request.effort = effort_none;
    make(dialect_openai, unsupported_usual);
    assert_true(!fit.dropped);
}

/* The answer and the thoughts together are what the caller has to pay: over drawn efforts, budgets, caps and models. */
static void a_callers_cap_is_never_exceeded(void **state) {
    (void)state;
    static const enum dialect to[] = {dialect_openai, dialect_anthropic, dialect_gemini};
    struct prng prng;
    prng_seed(&prng, 11);
    for (unsigned i = 0; i < 20000; i++) {
        begin(dialect_openai, prng_below(&prng, 4) > 0);
        takes.thinking = (uint32_t)prng_below(&prng, 1u << model_thinkings);
        if (prng_below(&prng, 2)) takes.thinking_least = (int64_t)prng_below(&prng, 4096) + 1;
        if (prng_below(&prng, 2)) takes.thinking_most = takes.thinking_least + (int64_t)prng_below(&prng, 50000) + 1;
        if (prng_below(&prng, 2)) takes.efforts = (uint32_t)prng_below(&prng, 1u << message_efforts) & ~1u;
        request.effort = (enum message_effort)prng_below(&prng, message_efforts);
        if (prng_below(&prng, 2)) request.reasoning_tokens = (int64_t)prng_below(&prng, 100000) - 1;
        request.max_tokens = (int64_t)prng_below(&prng, 40000) + 1;
        enum dialect there = to[prng_below(&prng, 3)];
        make(there, unsupported_usual);
        assert_int_equal(fitted.max_tokens, request.max_tokens);
        bool always = takes.thinking >> thinking_always_on & 1;
        if (there == dialect_anthropic && fitted.reasoning_tokens > 0 && !always)
            assert_true(fitted.reasoning_tokens < request.max_tokens);
        char buffer[512];
        struct text text = text_in_buffer(buffer, sizeof buffer);
        codec_of(there)->write_request(&fitted, &target, &text);
        assert_false(text.failed);
        char cap[80];
        snprintf(cap, sizeof cap, "%s\":%lld",
                 there == dialect_openai      ? "max_completion_tokens"
                 : there == dialect_anthropic ? "max_tokens"
                                              : "maxOutputTokens",
                 (long long)request.max_tokens);
        assert_true(str_find(text_str(&text), str_from(cap)) != SIZE_MAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_model_refuses_is_left_out_and_named),
        cmocka_unit_test(what_a_message_is_about_is_never_dropped),
        cmocka_unit_test(a_cap_below_the_least_thinking_turns_it_off),
        cmocka_unit_test(an_effort_that_is_not_taken_becomes_the_nearest),
        cmocka_unit_test(thinking_of_a_model_that_does_not_is_dropped_with_a_word),
        cmocka_unit_test(a_budget_becomes_adaptive_where_only_that_is_taken),
        cmocka_unit_test(an_effort_becomes_a_budget_where_only_that_is_taken),
        cmocka_unit_test(sampling_beside_thinking_and_above_the_most_is_told),
        cmocka_unit_test(a_callers_cap_is_never_exceeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
