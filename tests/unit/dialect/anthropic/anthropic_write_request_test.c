/* anthropic_write_request_test.c - how much a model may think, and what cannot stand beside it: one body for each of
 * what is asked for and of what its model takes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/codec.h"
#include "dialect/quirks.h"

static struct arena arena;

#define NONE MESSAGE_NO_INT
#define MAX(tokens) ",\"max_tokens\":" #tokens
#define BUDGET(tokens) ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":" #tokens "}"
#define ADAPTIVE ",\"thinking\":{\"type\":\"adaptive\"}"
#define EFFORT(word) ",\"output_config\":{\"effort\":\"" word "\"}"
#define KNOBS ",\"temperature\":0.5,\"top_p\":0.25,\"top_k\":7"

/* What `target` may be: one that takes a budget of tokens, that thinks as it likes, or both. */
enum thinks { not_at_all, by_budget, as_it_likes, either_way };

static struct str written(int64_t max_tokens, int64_t budget, enum message_effort effort, bool knobs,
                          enum thinks thinks, int64_t model_max) {
    static struct message_part part = {.kind = part_text, .text = STR("x")};
    static struct message message = {.role = message_user, .parts = &part, .part_count = 1};
    struct model_takes takes = MODEL_TAKES_UNKNOWN;
    if (thinks != as_it_likes) takes.thinking |= 1u << thinking_budget;
    if (thinks >= as_it_likes) takes.thinking |= 1u << thinking_adaptive;
    const struct codec_target target = {.model = STR("m"),
                                        .quirks = quirks_of(STR(""), STR("")),
                                        .output_tokens_max = model_max,
                                        .reasons = thinks != not_at_all,
                                        .takes = &takes};
    struct message_request request;
    struct text text = text_in_arena(&arena, 1024);
    message_request_init(&request, dialect_openai);
    request.messages = &message;
    request.message_count = 1;
    request.max_tokens = max_tokens;
    request.reasoning_tokens = budget;
    request.effort = effort;
    if (knobs) request.temperature = 0.5, request.top_p = 0.25, request.top_k = 7;
    codec_anthropic.write_request(&request, &target, &text);
    assert_false(text.failed);
    return text_str(&text);
}

static void what_is_thought_is_within_the_cap_and_without_knobs(void **state) {
    static const struct {
        int64_t max_tokens, budget;
        enum message_effort effort;
        bool knobs;
        enum thinks thinks;
        int64_t model_max;
        const char *cap, *rest;
    } rows[] = {
        {NONE, NONE, effort_unset, true, by_budget, -1, MAX(4096), KNOBS},
        {NONE, NONE, effort_unset, true, by_budget, 0, MAX(4096), KNOBS},
        {NONE, NONE, effort_unset, true, by_budget, 1, MAX(1), KNOBS},
        {9, NONE, effort_unset, true, by_budget, 64000, MAX(9), KNOBS},
        {9000, 2000, effort_unset, true, not_at_all, -1, MAX(9000), KNOBS},
        {9000, 2000, effort_unset, true, by_budget, -1, MAX(9000), BUDGET(2000)},
        /* no less than the least, and what is none */
        {9000, 1, effort_unset, false, by_budget, -1, MAX(9000), BUDGET(1024)},
        {9000, 1023, effort_unset, false, by_budget, -1, MAX(9000), BUDGET(1024)},
        {9000, 1025, effort_unset, false, by_budget, -1, MAX(9000), BUDGET(1025)},
        {9000, 0, effort_unset, true, by_budget, -1, MAX(9000), KNOBS},
        {9000, -1, effort_unset, false, by_budget, -1, MAX(9000), BUDGET(8192)}, /* as the model likes */
        /* by its effort */
        {9000, NONE, effort_none, true, by_budget, -1, MAX(9000), KNOBS},
        {9000, NONE, effort_minimal, true, by_budget, -1, MAX(9000), BUDGET(1024)},
        {9000, NONE, effort_low, true, by_budget, -1, MAX(9000), BUDGET(2048)},
        {9000, NONE, effort_medium, true, by_budget, -1, MAX(9000), BUDGET(8192)},
        {90000, NONE, effort_high, true, by_budget, -1, MAX(90000), BUDGET(16384)},
        /* a caller's cap is never exceeded, nor the model's; the usual one makes room */
        {2001, 2000, effort_unset, false, by_budget, -1, MAX(2001), BUDGET(2000)},
        {2000, 2000, effort_unset, false, by_budget, -1, MAX(2000), BUDGET(1999)},
        {1999, 2000, effort_unset, false, by_budget, -1, MAX(1999), BUDGET(1998)},
        {1025, 2000, effort_unset, false, by_budget, -1, MAX(1025), BUDGET(1024)},
        {1024, 2000, effort_unset, true, by_budget, -1, MAX(1024), KNOBS},
        {NONE, 4095, effort_unset, false, by_budget, -1, MAX(4096), BUDGET(4095)},
        {NONE, 4096, effort_unset, false, by_budget, -1, MAX(8192), BUDGET(4096)},
        {NONE, 4096, effort_unset, false, by_budget, 0, MAX(8192), BUDGET(4096)},
        {NONE, 4096, effort_unset, false, by_budget, 4096, MAX(4096), BUDGET(4095)},
        {NONE, 4096, effort_unset, false, by_budget, 4097, MAX(4097), BUDGET(4096)},
        {NONE, INT64_MAX, effort_unset, false, by_budget, -1, MAX(9223372036854775807), BUDGET(9223372036854775807)},
        /* newer ones think as they like, beside an effort */
        {9, NONE, effort_unset, true, as_it_likes, -1, MAX(9), KNOBS},
        {9, NONE, effort_none, true, as_it_likes, -1, MAX(9), KNOBS ",\"thinking\":{\"type\":\"disabled\"}"},
        {9, NONE, effort_minimal, true, as_it_likes, -1, MAX(9), ADAPTIVE EFFORT("low")},
        {9, NONE, effort_low, true, as_it_likes, -1, MAX(9), ADAPTIVE EFFORT("low")},
        {9, NONE, effort_medium, true, as_it_likes, -1, MAX(9), ADAPTIVE EFFORT("medium")},
        {9, NONE, effort_high, true, as_it_likes, -1, MAX(9), ADAPTIVE EFFORT("high")},
        {9, 2000, effort_unset, true, as_it_likes, -1, MAX(9), ADAPTIVE},
        {9, 0, effort_unset, true, as_it_likes, -1, MAX(9), KNOBS},
        {9000, 2000, effort_unset, true, either_way, -1, MAX(9000), BUDGET(2000)},
        {9000, 2000, effort_high, true, either_way, -1, MAX(9000), BUDGET(2000)},
        {9000, -1, effort_unset, true, either_way, -1, MAX(9000), ADAPTIVE},
        {9, NONE, effort_high, true, either_way, -1, MAX(9), ADAPTIVE EFFORT("high")},
    };
    (void)state;
    arena_init(&arena, 16 * 1024, 16 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str wanted = arena_printf(&arena,
                                         "{\"model\":\"m\"%s,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
                                         "\"text\",\"text\":\"x\"}]}]%s}",
                                         rows[i].cap, rows[i].rest);
        struct str body = written(rows[i].max_tokens, rows[i].budget, rows[i].effort, rows[i].knobs, rows[i].thinks,
                                  rows[i].model_max);
        if (!str_eq(body, wanted)) fail_msg("row %zu: %.*s, not %.*s", i, STR_ARG(body), STR_ARG(wanted));
    }
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_thought_is_within_the_cap_and_without_knobs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
