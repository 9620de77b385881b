/* Where a prompt is marked for a cache that keeps what is marked, and whose word counts. */
#include "dialect/prompt_marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/prng.h"

enum { parts_most = 3, messages_most = 40, tools_most = 3 };

static char words[8192];
static struct message_part parts[messages_most][parts_most];
static struct message messages[messages_most];
static struct message_tool tools[tools_most];
static struct message_request request;
static struct prompt_marks_rules rules;
static struct prompt_marks marks;
static struct fit fit;

static int words_make(void **state) {
    (void)state;
    memset(words, 'x', sizeof words);
    return 0;
}

static void begin(void) {
    memset(parts, 0, sizeof parts);
    memset(messages, 0, sizeof messages);
    memset(tools, 0, sizeof tools);
    message_request_init(&request, dialect_openai);
    request.messages = messages;
    request.tools = tools;
    request.prompt_cache_key = STR("k");
    rules = (struct prompt_marks_rules){.tokens_min = 1024, .pays = true};
}

static struct message_part *say(enum message_role role, enum part_kind kind, size_t bytes) {
    size_t m = request.message_count++;
    messages[m] = (struct message){.role = role, .parts = parts[m], .part_count = 1};
    parts[m][0] = (struct message_part){.kind = kind, .text = str_make(words, bytes)};
    return &parts[m][0];
}

static uint32_t find(void) {
    fit = (struct fit){.dropped = 0};
    return prompt_marks_find(&request, &rules, &marks, &fit);
}

static void behind_the_system_or_else_behind_the_tools(void **state) {
    (void)state;
    begin();
    struct message_part *system = say(message_system, part_text, 4000), *late = say(message_developer, part_text, 10);
    say(message_user, part_text, 5000);
    tools[0] = (struct message_tool){.name = STR("f"), .description = str_make(words, 4000)};
    request.tool_count = 1;
    assert_int_equal(find(), 300);
    assert_true(marks.count == 1 && prompt_marks_at(&marks, late) && !prompt_marks_at(&marks, system));
    assert_true(fit.changed == FEATURE_BIT(cache_control));
    late->kind = part_audio; /* which cannot be marked */
    assert_true(find() && prompt_marks_at(&marks, system));
    memmove(messages, messages + 2, sizeof *messages);
    request.message_count = 1;
    assert_true(find() && marks.count == 1 && prompt_marks_at(&marks, &tools[0]));
    tools[0].raw = STR("{}"); /* as its vendor's own tools are written */
    tools[0].of = dialect_anthropic;
    assert_true(!find() && !marks.count && !fit.changed);
}

static void a_conversation_is_marked_where_it_ends_and_where_it_ended(void **state) {
    (void)state;
    begin();
    struct message_part *system = say(message_system, part_text, 4000), *first = say(message_user, part_text, 10);
    say(message_assistant, part_tool_call, 10);
    struct message_part *result = say(message_tool, part_tool_result, 10), *second;
    assert_true(find() && marks.count == 3);
    assert_true(prompt_marks_at(&marks, system) && prompt_marks_at(&marks, first) && prompt_marks_at(&marks, result));
    second = say(message_user, part_text, 10);
    assert_true(find() && prompt_marks_at(&marks, second) && !prompt_marks_at(&marks, result));
    struct message_part *later = say(message_tool, part_tool_result, 10); /* it is written before the words */
    assert_true(find() && prompt_marks_at(&marks, second) && !prompt_marks_at(&marks, later));
    say(message_assistant, part_text, 10); /* which is gone on with */
    assert_true(find() && marks.count == 3 && prompt_marks_at(&marks, second));
}

/* What the request before wrote up to, this one has a mark at. */
static void each_request_has_the_last_mark_of_the_one_before(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 7);
    for (int round = 0; round < 200; round++) {
        begin();
        if (prng_next(&prng) % 2) say(message_system, part_text, prng_next(&prng) % 8000);
        const void *before = NULL;
        for (int turn = 0; turn < 8; turn++) {
            for (uint64_t more = 1 + prng_next(&prng) % 2; more; more--)
                say(prng_next(&prng) % 2 && turn ? message_tool : message_user,
                    prng_next(&prng) % 2 && turn ? part_tool_result : part_text, 1 + prng_next(&prng) % 4000);
            uint32_t lifetime_s = find();
            assert_true(marks.count <= prompt_marks_max && (lifetime_s != 0) == (marks.count != 0));
            if (turn > 1 && before) assert_non_null(prompt_marks_at(&marks, before));
            before = turn && marks.count ? marks.list[marks.count - 1].at : NULL;
            say(message_assistant, part_text, 1 + prng_next(&prng) % 400);
        }
    }
}

static void nothing_is_marked_without_a_word_or_against_one(void **state) {
    (void)state;
    const struct {
        enum dialect from, to;
        enum prompt_cache prompt_cache;
        bool pays, key, own;
        const char *options;
        uint32_t lifetime_s;
    } rows[] = {
        {dialect_openai, dialect_anthropic, prompt_cache_usual, true, true, false, "", 300},
        {dialect_openai, dialect_anthropic, prompt_cache_usual, true, false, false, "", 0},
        {dialect_gemini, dialect_anthropic, prompt_cache_5m, true, false, false, "", 300},
        {dialect_gemini, dialect_anthropic, prompt_cache_1h, true, false, false, "", 3600},
        {dialect_openai, dialect_anthropic, prompt_cache_off, true, true, false, "", 0},
        {dialect_openai, dialect_anthropic, prompt_cache_usual, false, true, false, "", 0},
        {dialect_openai, dialect_anthropic, prompt_cache_1h, true, true, true, "", 0},
        {dialect_anthropic, dialect_anthropic, prompt_cache_1h, true, true, false, "", 0},
        {dialect_openai, dialect_gemini, prompt_cache_1h, true, true, false, "", 0},
        {dialect_openai, dialect_anthropic, prompt_cache_5m, true, true, false, "{\"ttl\":\"12h\"}", 3600},
        {dialect_openai, dialect_anthropic, prompt_cache_1h, true, true, false, "{\"ttl\":\"5m\"}", 300},
        {dialect_openai, dialect_anthropic, prompt_cache_1h, true, true, false, "{\"mode\":\"explicit\"}", 0},
        {dialect_openai, dialect_anthropic, prompt_cache_usual, true, false, false, "{\"mode\":\"implicit\"}", 300},
        {dialect_openai, dialect_anthropic, prompt_cache_usual, true, false, false, "{\"mode\":", 300},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        request.from = rows[i].from;
        if (!rows[i].key) request.prompt_cache_key = STR_NONE;
        request.prompt_cache_options = str_from(rows[i].options);
        say(message_user, part_text, 4000)->cache_mark = rows[i].own;
        rules.prompt_cache = rows[i].prompt_cache;
        rules.pays = rows[i].pays;
        assert_int_equal(prompt_marks_lifetime_s(&request, rows[i].to, &rules), rows[i].lifetime_s);
    }
}

static void a_prompt_that_the_model_would_not_keep_is_left_alone(void **state) {
    (void)state;
    for (size_t bytes = 2900; bytes < 3200; bytes++) {
        begin();
        say(message_system, part_text, bytes);
        say(message_user, part_text, 1);
        bool long_enough =
            message_tokens(&(struct message_request){.messages = messages, .message_count = 1}) * 4 / 3 >= 1024;
        assert_int_equal(find() != 0, long_enough);
    }
    rules.tokens_min = -1; /* not known */
    assert_true(find());
    rules.tokens_min = 4096;
    assert_true(!find());
}

static void a_callers_own_are_the_last_four_in_an_order_that_is_taken(void **state) {
    (void)state;
    static const char *const ttls[] = {"", "30m", "5m", "", "12h", "5m"};
    begin();
    for (size_t i = 0; i < 6; i++) {
        struct message_part *part = say(message_user, part_text, 10);
        part->cache_mark = true;
        part->cache_ttl = str_from(ttls[i]);
    }
    tools[0] = (struct message_tool){.name = STR("f"), .cache_mark = true};
    request.tool_count = 1;
    rules.prompt_cache = prompt_cache_1h; /* which adds nothing */
    assert_int_equal(find(), 0);
    assert_true(marks.count == 4 && !prompt_marks_at(&marks, &tools[0]) && !prompt_marks_at(&marks, &parts[1][0]));
    for (size_t i = 0; i < 3; i++) assert_true(str_eq(marks.list[i].ttl, STR("1h")));
    assert_true(marks.list[3].at == &parts[5][0] && str_eq(marks.list[3].ttl, STR("5m")));
    assert_true(fit.changed == FEATURE_BIT(cache_control));
    request.message_count = 1;
    find();
    assert_true(marks.count == 2 && !fit.changed); /* as they were said */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_the_system_or_else_behind_the_tools),
        cmocka_unit_test(a_conversation_is_marked_where_it_ends_and_where_it_ended),
        cmocka_unit_test(each_request_has_the_last_mark_of_the_one_before),
        cmocka_unit_test(nothing_is_marked_without_a_word_or_against_one),
        cmocka_unit_test(a_prompt_that_the_model_would_not_keep_is_left_alone),
        cmocka_unit_test(a_callers_own_are_the_last_four_in_an_order_that_is_taken),
    };
    return cmocka_run_group_tests(tests, words_make, NULL);
}
