/* custom_tool_test.c - text as a function's arguments and back, cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "dialect/custom_tool.h"

static struct arena arena;

static struct str fed(struct str arguments, struct prng *prng) {
    struct custom_input input = {.state = custom_before};
    struct text text = text_in_arena(&arena, 64);
    for (size_t i = 0, end; i < arguments.len; i = end) {
        end = i + 1 + prng_below(prng, 5);
        custom_input_feed(&input, str_slice(arguments, i, end < arguments.len ? end : arguments.len), &text);
    }
    assert_false(text.failed);
    return text_str(&text);
}

static void text_comes_back_as_it_was_however_its_arguments_are_cut(void **state) {
    static const struct str pieces[] = {STR("a"),  STR("\""), STR("\\"),       STR("\n"),
                                        STR("\t"), STR("{}"), STR("\xc3\xa9"), STR("\xf0\x9f\x98\x80"),
                                        STR("\b"), STR("/"),  STR("u0041"),    STR("\x01")};
    struct prng prng;
    (void)state;
    prng_seed(&prng, 11);
    for (unsigned i = 0; i < 20000; i++) {
        arena_reset(&arena);
        struct text text = text_in_arena(&arena, 64);
        for (uint64_t p = prng_below(&prng, 12); p-- > 0;)
            text_put(&text, pieces[prng_below(&prng, sizeof pieces / sizeof *pieces)]);
        struct str said = text_str(&text), arguments = custom_tool_arguments(said, &arena);
        assert_true(str_eq(custom_tool_input(arguments, &arena), said));
        assert_true(str_eq(fed(arguments, &prng), said));
    }
}

static void escapes_are_read_as_json_has_them(void **state) {
    static const struct {
        struct str arguments, input;
    } cases[] = {
        {STR("{\"input\":\"\\u00e9\\ud83d\\ude00\\b\\f\\n\\r\\t\\/\"}"), STR("\xc3\xa9\xf0\x9f\x98\x80\b\f\n\r\t/")},
        {STR("{\"input\":\"\\u007f\\u0080\\u07ff\\u0800\\uffff\\ud800\\udc00\\udbff\\udfff\"}"),
         STR("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
        {STR(" { \"input\" : \"x\" , \"more\":1}"), STR("x")},
        {STR("{\"input\":\"\\ude00x\"}"), STR("\xef\xbf\xbdx")},
        {STR("{\"input\":\"\\ud83d\\ud83d\\ude00\"}"), STR("\xef\xbf\xbd\xf0\x9f\x98\x80")},
        {STR("{\"input\":\"\\ud83d\"}"), STR("\xef\xbf\xbd")},
        {STR("{\"other\":\"x\"}"), STR("")},
        {STR("\"x\""), STR("")},
    };
    struct prng prng;
    (void)state;
    prng_seed(&prng, 12);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned cut = 0; cut < 20; cut++)
            if (!str_eq(fed(cases[i].arguments, &prng), cases[i].input)) fail_msg("case %zu", i);
}

static void a_model_that_writes_other_arguments_is_given_as_it_wrote(void **state) {
    static const struct {
        struct str arguments, input;
    } cases[] = {{STR("{\"patch\":\"x\"}"), STR("x")},
                 {STR("\"x\""), STR("x")},
                 {STR("*** Begin"), STR("*** Begin")},
                 {STR("{\"a\":\"x\",\"b\":\"y\"}"), STR("{\"a\":\"x\",\"b\":\"y\"}")},
                 {STR("{\"input\":7}"), STR("{\"input\":7}")},
                 {STR(""), STR("")}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!str_eq(custom_tool_input(cases[i].arguments, &arena), cases[i].input)) fail_msg("case %zu", i);
}

/* The answer's calls of these names are told as texts; behind the last tool stands nothing of it. */
static void the_names_of_custom_tools_are_noted_in_their_order(void **state) {
    struct message_tool tools[] = {{.name = STR("a"), .custom = true},
                                   {.name = STR("b")},
                                   {.name = STR("c"), .custom = true},
                                   {.name = STR("beyond"), .custom = true}};
    struct message_request request = {.tools = tools, .tool_count = 3};
    (void)state;
    assert_true(custom_tools_note(&request, &arena));
    assert_int_equal(request.asked.custom_count, 2);
    assert_true(str_eq(request.asked.custom[0], STR("a")) && str_eq(request.asked.custom[1], STR("c")));
    request = (struct message_request){.tools = &tools[1], .tool_count = 1};
    assert_true(custom_tools_note(&request, &arena));
    assert_null(request.asked.custom);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_comes_back_as_it_was_however_its_arguments_are_cut),
        cmocka_unit_test(escapes_are_read_as_json_has_them),
        cmocka_unit_test(the_names_of_custom_tools_are_noted_in_their_order),
        cmocka_unit_test(a_model_that_writes_other_arguments_is_given_as_it_wrote),
    };
    arena_init(&arena, 4096, 8 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
