/* emulate_test.c - what a model lacks, said by what it has, and told as if it had been asked for plainly: whole and
 * streamed the same, however a stream is cut. */
#include "dialect/emulate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/prng.h"
#include "dialect/fit.h"
#include "dialect/outbound.h"
#include "dialect/quirks.h"

#define OBJECT "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}"

static struct arena arena;
static struct message_request request;
static struct emulation emulation;
static struct message_tool tools[3] = {
    {.name = {"f", 1}, .description = {"does f", 6}, .parameters = {OBJECT, sizeof OBJECT - 1}},
    {.name = {"g", 1}, .parameters = {OBJECT, sizeof OBJECT - 1}},
    {.name = {"answer", 6}}};

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 4096, 64 * 1024 * 1024);
    return 0;
}
static int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static void ask_schema(struct str schema, size_t tool_count) {
    message_request_init(&request, dialect_openai);
    request.format = format_schema;
    request.schema = schema;
    request.tools = tools;
    request.tool_count = tool_count;
    assert_true(emulate_can_schema(&request));
    assert_true(emulate_request(&request, FEATURE_BIT(json_schema), &arena, &arena, &emulation));
}

static void ask_tool(struct str name, size_t tool_count) {
    message_request_init(&request, dialect_openai);
    request.tools = tools;
    request.tool_count = tool_count;
    request.tool_choice = name.len ? tools_named : tools_required;
    request.tool_name = name;
    assert_true(emulate_can_tool(&request, dialect_ollama));
    assert_true(emulate_request(&request, FEATURE_BIT(tool_choice), &arena, &arena, &emulation));
}

/* -- what is told, in one line: "text T" and "name(arguments)" in their order, and the finish -- */

static const char *const finishes_named[finishes] = {"none", "stop", "sequence", "length", "calls", "filter", "error"};

static struct str whole(const struct message_part *parts, size_t count, enum message_finish finish) {
    struct text text = text_in_arena(&arena, 256);
    struct message_part *copies = arena_take(&arena, (count + 1) * sizeof *copies);
    struct message_choice choice = {.parts = copies, .part_count = count, .finish = finish};
    struct message_reply reply = {.choices = &choice, .choice_count = 1, .usage = USAGE_NONE};
    for (size_t i = 0; i < count; i++) copies[i] = parts[i];
    assert_true(emulate_reply(&emulation, &reply, &arena));
    for (size_t i = 0; i < choice.part_count; i++)
        if (copies[i].kind == part_text)
            text_printf(&text, "text %.*s ", STR_ARG(copies[i].text));
        else
            text_printf(&text, "%.*s(%.*s) ", STR_ARG(copies[i].name), STR_ARG(copies[i].arguments));
    text_printf(&text, "%s", finishes_named[choice.finish]);
    return text_str(&text);
}

struct listener {
    struct text told;
    struct text said[4]; /* of calls */
    struct str names[4];
    struct text words;
    unsigned calls;
    struct emulation emulation;
};

static void hear(struct listener *listener, const struct message_event *event) {
    struct message_events out = {.arena = &arena};
    assert_true(emulate_event(&listener->emulation, event, &arena, &out));
    for (size_t i = 0; i < out.count; i++) {
        const struct message_event *told = &out.list[i];
        if (told->kind == message_event_text) text_put(&listener->words, told->text);
        if (told->kind == message_event_tool) {
            assert_int_equal(told->tool, listener->calls); /* one after the other, without a gap */
            listener->said[listener->calls] = text_in_arena(&arena, 64);
            listener->names[listener->calls++] = told->name;
        }
        if (told->kind == message_event_arguments) {
            assert_true(told->tool < listener->calls);
            text_put(&listener->said[told->tool], told->text);
        }
        if (told->kind != message_event_finish) continue;
        if (listener->words.len) text_printf(&listener->told, "text %.*s ", STR_ARG(text_str(&listener->words)));
        for (unsigned c = 0; c < listener->calls; c++)
            text_printf(&listener->told, "%.*s(%.*s) ", STR_ARG(listener->names[c]),
                        STR_ARG(str_trim(text_str(&listener->said[c]))));
        text_printf(&listener->told, "%s", finishes_named[told->finish]);
    }
}

static struct str streamed(const struct message_part *parts, size_t count, enum message_finish finish,
                           struct prng *prng) {
    struct listener listener = {
        .told = text_in_arena(&arena, 256), .words = text_in_arena(&arena, 256), .emulation = emulation};
    struct message_event event = {.kind = message_event_begin};
    unsigned tool = 0;
    hear(&listener, &event);
    for (size_t i = 0; i < count; i++) {
        bool call = parts[i].kind == part_tool_call;
        struct str said = call ? parts[i].arguments : parts[i].text;
        event = (struct message_event){.kind = message_event_tool, .tool = tool, .name = parts[i].name};
        if (call) hear(&listener, &event);
        for (size_t at = 0, to; at < said.len; at = to) {
            to = at + 1 + prng_below(prng, 4);
            event = (struct message_event){.kind = call ? message_event_arguments : message_event_text,
                                           .tool = tool,
                                           .text = str_slice(said, at, to < said.len ? to : said.len)};
            hear(&listener, &event);
        }
        tool += call;
    }
    hear(&listener, &(struct message_event){.kind = message_event_finish, .finish = finish});
    hear(&listener, &(struct message_event){.kind = message_event_end});
    return text_str(&listener.told);
}

#define TEXT(words) \
    { .kind = part_text, .text = STR(words) }
#define CALL(of, with) \
    { .kind = part_tool_call, .name = STR(of), .arguments = STR(with) }

static void told_alike(const struct message_part *parts, size_t count, enum message_finish finish, const char *wanted) {
    struct prng prng;
    prng_seed(&prng, 3);
    struct str told = whole(parts, count, finish);
    if (!str_eq(told, str_from(wanted))) fail_msg("whole: %.*s and not %s", STR_ARG(told), wanted);
    for (unsigned turn = 0; turn < 50; turn++) {
        told = streamed(parts, count, finish, &prng);
        if (!str_eq(told, str_from(wanted))) fail_msg("streamed: %.*s and not %s", STR_ARG(told), wanted);
    }
}

static void an_answer_by_a_tool_is_told_as_text(void **state) {
    static const struct {
        struct message_part parts[3];
        size_t count;
        enum message_finish finish;
        const char *told;
    } cases[] = {
        {{CALL("answer", "{\"a\":1}")}, 1, finish_tool_calls, "text {\"a\":1} stop"},
        {{CALL("answer", "{\"a\":1}")}, 1, finish_stop, "text {\"a\":1} stop"},
        {{CALL("answer", "{\"a\":")}, 1, finish_length, "text {\"a\": length"},
        {{CALL("answer", "")}, 1, finish_tool_calls, "text {} stop"},
        {{TEXT("Here:"), CALL("answer", "{}")}, 2, finish_tool_calls, "text {} stop"},
        {{CALL("answer", "{}"), TEXT("There.")}, 2, finish_tool_calls, "text {} stop"},
        {{CALL("answer", "{}"), CALL("answer", "{\"b\":2}")}, 2, finish_tool_calls, "text {} stop"},
        {{CALL("answer", "{}"), CALL("f", "{\"b\":2}")}, 2, finish_tool_calls, "text {} f({\"b\":2}) calls"},
        {{TEXT("I cannot.")}, 1, finish_stop, "text I cannot. stop"},
        {{TEXT("Look: "), CALL("f", "{}")}, 2, finish_tool_calls, "text Look:  f({}) calls"},
        {{TEXT("")}, 0, finish_content_filter, "filter"},
    };
    (void)state;
    ask_schema(STR(OBJECT), 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        told_alike(cases[i].parts, cases[i].count, cases[i].finish, cases[i].told);
    const struct message_part mixed[] = {CALL("f", "{\"b\":2}"), CALL("answer", "{}"), CALL("g", "{}")};
    struct prng prng;
    prng_seed(&prng, 4);
    assert_true(str_eq(streamed(mixed, 3, finish_tool_calls, &prng), STR("text {} f({\"b\":2}) g({}) calls")));
}

static void what_was_wrapped_is_told_without(void **state) {
    static const struct message_part list[] = {CALL("answer", "{ \"value\" : [1,{\"value\":2}] }")},
                                     cut[] = {CALL("answer", "{\"value\":[1,")};
    (void)state;
    ask_schema(STR("{\"type\":\"array\",\"items\":{}}"), 0);
    assert_true(str_find(request.tools[0].parameters, STR("{\"value\":{\"type\":\"array\"")) != SIZE_MAX);
    told_alike(list, 1, finish_tool_calls, "text [1,{\"value\":2}] stop");
    told_alike(cut, 1, finish_length, "text {\"value\":[1, length");
}

static void a_call_by_an_answer_is_told_as_a_call(void **state) {
    static const struct message_part call[] = {TEXT(" {\"a\":1}\n")}, prose[] = {TEXT("I cannot.")},
                                     cut[] = {TEXT("{\"a\":")}, native[] = {CALL("f", "{\"a\":1}")};
    (void)state;
    ask_tool(STR("f"), 2);
    assert_true(request.format == format_schema && request.tool_choice == tools_none && request.tool_count == 2);
    told_alike(call, 1, finish_stop, "f({\"a\":1}) calls");
    told_alike(cut, 1, finish_length, "f({\"a\":) length");
    told_alike(prose, 1, finish_stop, "text I cannot. stop");
    told_alike(native, 1, finish_tool_calls, "f({\"a\":1}) calls"); /* it calls though it was told not to */
}

static void of_several_the_answer_says_which(void **state) {
    static const struct message_part call[] = {TEXT("{\"call\":{\"name\":\"g\",\"arguments\":{\"a\":1}}}")},
                                     cut[] = {TEXT("{\"call\":{\"name\":\"g\",")},
                                     odd[] = {TEXT("{\"call\":{\"name\":\"g\",\"arguments\":7}}")};
    (void)state;
    ask_tool(STR(""), 2);
    assert_true(str_find(request.schema, STR("\"enum\":[\"g\"]")) != SIZE_MAX);
    struct str words = request.messages[0].parts[0].text; /* each tool is told of, and what it does */
    assert_true(str_find(words, STR("\n- `f`: does f\n- `g`: \nJSON Schema of the answer: {")) != SIZE_MAX);
    told_alike(call, 1, finish_stop, "g({\"a\":1}) calls");
    told_alike(cut, 1, finish_length, "text {\"call\":{\"name\":\"g\", length");
    told_alike(odd, 1, finish_stop, "text {\"call\":{\"name\":\"g\",\"arguments\":7}} stop");
}

/* Behind the system's own words and the developer's, before all others. */
static void the_words_stand_behind_the_systems(void **state) {
    static struct message_part parts[] = {TEXT("rules"), TEXT("more rules"), TEXT("ask"), TEXT("say")};
    static struct message messages[] = {{.role = message_system, .parts = &parts[0], .part_count = 1},
                                        {.role = message_developer, .parts = &parts[1], .part_count = 1},
                                        {.role = message_user, .parts = &parts[2], .part_count = 1},
                                        {.role = message_assistant, .parts = &parts[3], .part_count = 1}};
    (void)state;
    for (size_t first = 0; first <= 4; first++) {
        size_t before = first < 2 ? 2 - first : 0, count = 4 - first;
        message_request_init(&request, dialect_openai);
        request.messages = messages + first;
        request.message_count = count;
        request.tools = tools;
        request.tool_count = 1;
        request.tool_choice = tools_named;
        request.tool_name = STR("f");
        assert_true(emulate_request(&request, FEATURE_BIT(tool_choice), &arena, &arena, &emulation));
        assert_int_equal(request.message_count, count + 1);
        assert_int_equal(request.messages[before].role, message_system);
        assert_true(str_find(request.messages[before].parts[0].text, STR("JSON Schema of the answer")) != SIZE_MAX);
        for (size_t i = 0; i < count; i++)
            assert_ptr_equal(request.messages[i < before ? i : i + 1].parts, &parts[first + i]);
    }
}

static void the_answers_tool_has_a_name_that_no_other_has(void **state) {
    (void)state;
    ask_schema(STR(OBJECT), 3);
    assert_true(str_starts(emulation.name, STR("answer_")) && emulation.name.len == 23 &&
                request.tool_choice == tools_required);
    message_request_init(&request, dialect_openai);
    request.format = format_schema;
    request.schema = STR(OBJECT);
    request.schema_name = STR("My answer!"); /* no name of a tool */
    assert_true(emulate_request(&request, FEATURE_BIT(json_schema), &arena, &arena, &emulation));
    assert_true(str_eq(request.tool_name, STR("answer")) && request.tool_choice == tools_named);
    assert_true(str_eq(request.tools[0].parameters, STR(OBJECT)) && request.format == format_unset);
}

static void what_cannot_be_said_so_is_known_before(void **state) {
    struct message_tool refers[] = {{.name = STR("f"), .parameters = STR("{\"$ref\":\"#/$defs/x\"}")},
                                    {.name = STR("g"), .parameters = STR(OBJECT)}};
    struct message_tool served[] = {{.name = STR("f")}, {.raw = STR("{\"type\":\"web_search\"}")}};
    static const struct {
        struct str schema;
        bool can;
    } cases[] = {{STR(OBJECT), true},
                 {STR("{\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":\"#/$defs/x\"}}}"), true},
                 {STR("{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/x\"}}"), false},
                 {STR("{\"$ref\":\"#/$defs/x\",\"$defs\":{}}"), false},
                 {STR("{\"anyOf\":[{\"type\":\"object\"},{\"type\":\"null\"}]}"), true},
                 {STR("true"), true},
                 {STR(""), true}};
    (void)state;
    message_request_init(&request, dialect_openai);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        request.schema = cases[i].schema;
        if (emulate_can_schema(&request) != cases[i].can) fail_msg("case %zu", i);
    }
    request.tools = refers;
    request.tool_count = 2;
    request.tool_choice = tools_required;
    assert_false(emulate_can_tool(&request, dialect_ollama));
    request.tool_choice = tools_named;
    request.tool_name = STR("f");
    assert_true(emulate_can_tool(&request, dialect_ollama));
    request.tool_name = STR("nobody");
    assert_false(emulate_can_tool(&request, dialect_ollama));
    request.tools = served;
    request.tool_choice = tools_required;
    assert_false(emulate_can_tool(&request, dialect_ollama));
    request.tools = tools;
    assert_true(emulate_can_tool(&request, dialect_ollama) && !emulate_can_tool(&request, dialect_cloudflare));
}

/* -- as the fit decides it -- */

static struct fit fit_of(enum dialect to, uint64_t refuses, enum unsupported unsupported,
                         struct message_request *fitted) {
    struct model_takes takes = MODEL_TAKES_UNKNOWN;
    struct fit fit;
    takes.refuses = refuses;
    struct codec_target target = {.model = STR("m"),
                                  .quirks = quirks_of(STR(""), STR("")),
                                  .output_tokens_max = -1,
                                  .reasons = true,
                                  .takes = &takes};
    fit_request(&request, codec_of(to), &target, unsupported, fitted, &fit);
    return fit;
}

static void what_is_emulated_is_neither_dropped_nor_refused(void **state) {
    struct message_request fitted;
    (void)state;
    for (enum unsupported unsupported = unsupported_usual; unsupported <= unsupported_refuse; unsupported++) {
        message_request_init(&request, dialect_openai);
        request.format = format_schema;
        request.schema = STR(OBJECT);
        struct fit fit = fit_of(dialect_openai, FEATURE_BIT(json_schema), unsupported, &fitted);
        assert_true(fit.emulated == FEATURE_BIT(json_schema) && !fit.dropped && !fit.refused);
        request.tools = tools;
        request.tool_count = 1;
        request.tool_choice = tools_named;
        request.tool_name = STR("f");
        request.format = format_unset;
        fit = fit_of(dialect_ollama, 0, unsupported, &fitted);
        assert_true(fit.emulated == FEATURE_BIT(tool_choice) && !fit.dropped && !fit.refused);
    }
    request.format = format_schema; /* by each other they cannot both be said */
    struct fit fit =
        fit_of(dialect_openai, FEATURE_BIT(json_schema) | FEATURE_BIT(tool_choice), unsupported_usual, &fitted);
    assert_true(!fit.emulated && fit.refused == (FEATURE_BIT(json_schema) | FEATURE_BIT(tool_choice)));
    fit = fit_of(dialect_openai, FEATURE_BIT(json_schema) | FEATURE_BIT(tools), unsupported_drop, &fitted);
    assert_true(!fit.emulated && fit.dropped & FEATURE_BIT(json_schema) && fitted.format == format_unset);
}

static void thinking_goes_where_a_tool_is_forced_and_stays_where_none_is(void **state) {
    struct message_request fitted;
    (void)state;
    message_request_init(&request, dialect_openai);
    request.effort = effort_high;
    request.format = format_schema;
    request.schema = STR(OBJECT);
    struct fit fit = fit_of(dialect_anthropic, FEATURE_BIT(json_schema), unsupported_usual, &fitted);
    assert_true(fit.emulated && fit.dropped == FEATURE_BIT(reasoning_effort));
    request.format = format_unset;
    request.tools = tools;
    request.tool_count = 1;
    request.tool_choice = tools_required;
    fit = fit_of(dialect_anthropic, FEATURE_BIT(tool_choice), unsupported_usual, &fitted);
    assert_true(fit.emulated && !fit.dropped && fitted.reasoning_tokens > 0);
}

/* Else a caller's schema times the targets of a route is what one request costs. */
static void schemas_are_looked_at_once_however_many_targets_ask(void **state) {
    (void)state;
    static const struct str whole = STR("{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}");
    message_request_init(&request, dialect_openai);
    request.format = format_schema;
    request.schema = STR(OBJECT);
    emulate_look(&request);
    request.schema = whole; /* not read again */
    emulate_look(&request);
    assert_true(emulate_can_schema(&request));
    message_request_init(&request, dialect_openai);
    request.schema = whole;
    assert_false(emulate_can_schema(&request));
    emulate_look(&request);
    assert_false(emulate_can_schema(&request));
    struct message_tool two[2] = {{.name = STR("f"), .parameters = STR(OBJECT)},
                                  {.name = STR("g"), .parameters = STR(OBJECT)}};
    message_request_init(&request, dialect_openai);
    request.tools = two;
    request.tool_count = 2;
    request.tool_choice = tools_required;
    emulate_look(&request);
    two[1].parameters = whole;
    assert_true(emulate_can_tool(&request, dialect_ollama));
    request.shape.looked = false;
    emulate_look(&request);
    assert_false(emulate_can_tool(&request, dialect_ollama));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_by_a_tool_is_told_as_text, begin, end),
        cmocka_unit_test_setup_teardown(what_was_wrapped_is_told_without, begin, end),
        cmocka_unit_test_setup_teardown(a_call_by_an_answer_is_told_as_a_call, begin, end),
        cmocka_unit_test_setup_teardown(of_several_the_answer_says_which, begin, end),
        cmocka_unit_test_setup_teardown(the_words_stand_behind_the_systems, begin, end),
        cmocka_unit_test_setup_teardown(the_answers_tool_has_a_name_that_no_other_has, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_said_so_is_known_before, begin, end),
        cmocka_unit_test_setup_teardown(what_is_emulated_is_neither_dropped_nor_refused, begin, end),
        cmocka_unit_test_setup_teardown(thinking_goes_where_a_tool_is_forced_and_stays_where_none_is, begin, end),
        cmocka_unit_test_setup_teardown(schemas_are_looked_at_once_however_many_targets_ask, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
