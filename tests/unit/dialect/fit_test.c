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

/* -- what the dialect has other words for -- */

static void reasoning_goes_back_only_to_whom_it_came_from(void **state) {
    (void)state;
    static const struct {
        enum dialect to;
        struct message_part part;
        bool lost;
    } rows[] = {
        {dialect_anthropic,
         {.kind = part_reasoning, .of = dialect_anthropic, .text = STR("t"), .signature = STR("s")},
         false},
        {dialect_anthropic, {.kind = part_reasoning, .of = dialect_anthropic, .data = STR("d")}, false},
        {dialect_anthropic, {.kind = part_reasoning, .of = dialect_anthropic, .text = STR("t")}, true}, /* not signed */
        {dialect_anthropic,
         {.kind = part_reasoning, .of = dialect_gemini, .text = STR("t"), .signature = STR("s")},
         true},
        {dialect_gemini, {.kind = part_reasoning, .of = dialect_gemini, .text = STR("t")}, false},
        {dialect_gemini, {.kind = part_reasoning, .of = dialect_anthropic, .text = STR("t")}, true},
        {dialect_ollama, {.kind = part_reasoning, .of = dialect_anthropic, .text = STR("t")}, false},
        {dialect_ollama, {.kind = part_reasoning, .of = dialect_anthropic, .data = STR("d")}, true},
        {dialect_gemini, {.kind = part_text, .of = dialect_gemini, .text = STR("t"), .signature = STR("s")}, false},
        {dialect_anthropic, {.kind = part_text, .of = dialect_gemini, .text = STR("t"), .signature = STR("s")}, true},
        {dialect_anthropic, {.kind = part_text, .of = dialect_gemini, .text = STR("t")}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message_part parts[] = {rows[i].part, {.kind = part_text, .text = STR("x")}};
        struct message messages[] = {{.role = message_assistant, .parts = parts, .part_count = 2},
                                     {.role = message_user, .parts = &parts[1], .part_count = 1}};
        begin(rows[i].part.of, true);
        request.messages = messages;
        request.message_count = 2;
        make(rows[i].to, unsupported_usual);
        if (has(fit.dropped, feature_reasoning_history) != rows[i].lost) fail_msg("row %zu", i);
        make(rows[i].to, unsupported_refuse);
        if (has(fit.refused, feature_reasoning_history) != rows[i].lost) fail_msg("row %zu refused", i);
    }
}

static void what_anthropic_has_no_words_for_is_told(void **state) {
    (void)state;
    static const struct {
        const char *tier;
        bool dropped;
    } tiers[] = {{"", false}, {"auto", false}, {"standard_only", false}, {"flex", true}, {"AUTO", true}};
    for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++) {
        begin(dialect_openai, false);
        request.service_tier = str_from(tiers[i].tier);
        make(dialect_anthropic, unsupported_usual);
        assert_int_equal(has(fit.dropped, feature_service_tier), tiers[i].dropped);
        assert_true(str_eq(fitted.service_tier, tiers[i].dropped ? STR("") : request.service_tier));
    }
    struct str stop[] = {STR("a"), STR(" \n")};
    struct message_tool tool = {.name = STR("f")};
    begin(dialect_openai, false);
    request.stop = stop;
    request.stop_count = 1;
    make(dialect_anthropic, unsupported_usual);
    assert_true(!has(fit.dropped, feature_stop) && fitted.stop_count == 1);
    request.stop_count = 2; /* of blanks alone: its codec leaves that one out, the others stay */
    make(dialect_anthropic, unsupported_usual);
    assert_true(has(fit.dropped, feature_stop) && fitted.stop_count == 2);
    make(dialect_anthropic, unsupported_refuse);
    assert_true(has(fit.refused, feature_stop));
    begin(dialect_openai, false);
    request.parallel_tool_calls = flag_false;
    make(dialect_anthropic, unsupported_usual);
    assert_true(has(fit.dropped, feature_parallel_tool_calls) && fitted.parallel_tool_calls == flag_unset);
    request.tools = &tool;
    request.tool_count = 1;
    make(dialect_anthropic, unsupported_usual);
    assert_true(!has(fit.dropped, feature_parallel_tool_calls) && fitted.parallel_tool_calls == flag_false);
}

static void instructions_alone_become_a_turn_where_there_must_be_one(void **state) {
    (void)state;
    static const enum dialect to[] = {dialect_anthropic, dialect_gemini, dialect_openai};
    struct message_part part = {.kind = part_text, .text = STR("x")};
    struct message message = {.role = message_system, .parts = &part, .part_count = 1};
    begin(dialect_openai, false);
    request.messages = &message;
    request.message_count = 1;
    for (size_t i = 0; i < 3; i++) {
        make(to[i], unsupported_usual);
        assert_int_equal(has(fit.changed, feature_system), to[i] != dialect_openai);
    }
}

static void a_documents_title_is_lost_where_only_files_have_one(void **state) {
    (void)state;
    struct message_part part = {.kind = part_document, .title = STR("notes"), .text = STR("x")};
    struct message message = {.role = message_user, .parts = &part, .part_count = 1};
    begin(dialect_anthropic, false);
    request.messages = &message;
    request.message_count = 1;
    make(dialect_openai, unsupported_usual);
    assert_true(has(fit.dropped, feature_document_title));
    part.media = (struct message_media){.data = STR("AAAA"), .mime = STR("application/pdf")};
    make(dialect_openai, unsupported_usual);
    assert_false(has(fit.dropped, feature_document_title));
}

/* What a model refuses is not there any more, name by name. */
static void what_is_dropped_is_left_out(void **state) {
    (void)state;
    begin(dialect_openai, true);
    request.temperature = request.top_p = request.min_p = 0.5;
    request.frequency_penalty = request.presence_penalty = request.repetition_penalty = 0.5;
    request.top_k = request.seed = 7;
    request.logprobs = flag_true;
    request.top_logprobs = 3;
    request.store = flag_true;
    request.parallel_tool_calls = flag_false;
    request.logit_bias = request.prompt_cache_key = request.user = request.metadata = STR("{}");
    request.service_tier = request.verbosity = STR("low");
    takes.refuses = message_features(&request, dialect_openai);
    make(dialect_openai, unsupported_drop);
    assert_true(fit.dropped == takes.refuses && !fit.refused);
    assert_true(isnan(fitted.temperature) && isnan(fitted.top_p) && isnan(fitted.min_p));
    assert_true(isnan(fitted.frequency_penalty) && isnan(fitted.presence_penalty) && isnan(fitted.repetition_penalty));
    assert_true(fitted.top_k == MESSAGE_NO_INT && fitted.seed == MESSAGE_NO_INT);
    assert_true(fitted.logprobs == flag_unset && fitted.top_logprobs == MESSAGE_NO_INT);
    assert_true(fitted.store == flag_unset && fitted.parallel_tool_calls == flag_unset);
    assert_true(!fitted.logit_bias.len && !fitted.prompt_cache_key.len && !fitted.user.len && !fitted.metadata.len);
    assert_true(!fitted.service_tier.len && !fitted.verbosity.len);
    assert_true(request.user.len == 2 && request.temperature == 0.5); /* the caller's own is as it was */
}

/* -- schemas -- */

#define OBJECT "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}"
#define CLOSED "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"additionalProperties\":false}"

static void a_strict_schema_is_closed_for_anthropic_and_told(void **state) {
    (void)state;
    struct arena arena;
    struct message_tool tools[] = {{.name = STR("f"), .parameters = STR(OBJECT)},
                                   {.name = STR("g"), .parameters = STR(OBJECT), .strict = flag_true},
                                   {.name = STR("h"), .strict = flag_true},
                                   {.name = STR("i"), .parameters = STR("{no"), .strict = flag_true},
                                   {.name = STR("j"), .parameters = STR(CLOSED), .strict = flag_true}};
    arena_init(&arena, 4096, 1 << 20);
    begin(dialect_openai, false);
    request.format = format_schema;
    request.schema = STR(OBJECT);
    make(dialect_anthropic, unsupported_usual);
    fit = (struct fit){.changed = 0};
    assert_true(fit_schemas(&fitted, codec_of(dialect_anthropic), &target, &arena, &fit));
    assert_true(fit.changed == FEATURE_BIT(json_schema) && str_eq(fitted.schema, STR(CLOSED)));
    fit = (struct fit){.emulated = FEATURE_BIT(tool_choice)};
    fitted.schema = STR(OBJECT); /* by which a call of a tool was forced */
    assert_true(fit_schemas(&fitted, codec_of(dialect_anthropic), &target, &arena, &fit));
    assert_int_equal(fit.changed, FEATURE_BIT(tool_choice));
    begin(dialect_openai, false);
    request.tools = tools;
    request.tool_count = 5;
    make(dialect_anthropic, unsupported_usual);
    fit = (struct fit){.changed = 0};
    assert_true(fit_schemas(&fitted, codec_of(dialect_anthropic), &target, &arena, &fit));
    assert_int_equal(fit.changed, FEATURE_BIT(strict));
    assert_true(str_eq(fitted.tools[0].parameters, STR(OBJECT)) && str_eq(fitted.tools[1].parameters, STR(CLOSED)));
    assert_true(!fitted.tools[2].parameters.len && str_eq(fitted.tools[3].parameters, STR("{no")));
    assert_true(str_eq(tools[1].parameters, STR(OBJECT))); /* the caller's own are as they were */
    make(dialect_openai, unsupported_usual);
    fit = (struct fit){.changed = 0};
    assert_true(fit_schemas(&fitted, codec_of(dialect_openai), &target, &arena, &fit)); /* nothing is known of it */
    assert_true(!fit.changed && fitted.tools == tools);
    arena_free(&arena);
}

static void without_memory_no_schema_is_fitted(void **state) {
    (void)state;
    struct message_tool tool = {.name = STR("g"), .parameters = STR(OBJECT), .strict = flag_true};
    begin(dialect_openai, false);
    request.tools = &tool;
    request.tool_count = 1;
    request.format = format_schema;
    request.schema = STR(OBJECT);
    bool good = false;
    unsigned refused = 0;
    for (size_t limit = 64; !good && limit < 1 << 16; limit += 32) {
        struct arena small;
        arena_init(&small, 64, limit);
        make(dialect_anthropic, unsupported_usual);
        good = fit_schemas(&fitted, codec_of(dialect_anthropic), &target, &small, &fit) &&
               str_eq(fitted.schema, STR(CLOSED)) && str_eq(fitted.tools[0].parameters, STR(CLOSED));
        refused += !good;
        arena_free(&small);
    }
    assert_true(good && refused > 3);
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
        cmocka_unit_test(reasoning_goes_back_only_to_whom_it_came_from),
        cmocka_unit_test(what_anthropic_has_no_words_for_is_told),
        cmocka_unit_test(instructions_alone_become_a_turn_where_there_must_be_one),
        cmocka_unit_test(a_documents_title_is_lost_where_only_files_have_one),
        cmocka_unit_test(what_is_dropped_is_left_out),
        cmocka_unit_test(a_strict_schema_is_closed_for_anthropic_and_told),
        cmocka_unit_test(without_memory_no_schema_is_fitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
