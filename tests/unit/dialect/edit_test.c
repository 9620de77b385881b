/* edit_test.c - members are cut out, renamed and said anew where they stand, and what is left is JSON with every other
 * byte as it was. */
#include "dialect/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/prng.h"
#include "dialect/openai/openai_codec.h"
#include "dialect/quirks.h"
#include "dialect/skim.h"

static struct arena arena;

static const struct edit_rule rules[] = {
    {STR(""), STR("a"), edit_remove, {NULL, 0}, 1},
    {STR(""), STR("b"), edit_remove, {NULL, 0}, 2},
    {STR(""), STR("c"), edit_rename, STR("see"), 0},
    {STR(""), STR("d"), edit_replace, STR("{\"x\":1}"), 4},
};

static struct str edit(struct str body, const struct edit_wants *wants, uint64_t *touched) {
    struct str edited;
    assert_true(edit_body(body, wants, &arena, &edited, touched));
    return edited;
}

static void members_go_and_commas_with_them(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        uint64_t touched;
    } cases[] = {
        {"{}", "{}", 0},
        {"{\"a\":1}", "{}", 1},
        {"{ \"a\" : 1 , \"b\":[2] }", "{  }", 3},
        {"{\"a\":1,\"k\":2}", "{\"k\":2}", 1},
        {"{\"k\":2, \"a\":{\"a\":[]}}", "{\"k\":2}", 1},
        {"{\"k\":2,\"a\":1,\"b\":2,\"l\":3}", "{\"k\":2,\"l\":3}", 3},
        {"{\"a\":1,\"k\":2,\"b\":3}", "{\"k\":2}", 3},
        {"{\"k\":{\"a\":1},\"l\":[{\"b\":2}]}", "{\"k\":{\"a\":1},\"l\":[{\"b\":2}]}", 0},
        {"{\"\\u0061\":1,\"c\" : 5}", "{\"see\" : 5}", 1},
        {"{\"d\":7,\"a\":null}", "{\"d\":{\"x\":1}}", 4}, /* null asks for nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct edit_wants wants = {.rules = rules, .rule_count = 4};
        uint64_t touched;
        struct str got = edit(str_from(cases[i].from), &wants, &touched);
        if (!str_eq(got, str_from(cases[i].to))) fail_msg("%s became %.*s", cases[i].from, STR_ARG(got));
        assert_int_equal(touched, cases[i].touched);
    }
}

static void googles_members_are_known_in_both_spellings(void **state) {
    (void)state;
    static const struct edit_rule inside[] = {{STR("generationConfig"), STR("topK"), edit_remove, {NULL, 0}, 1}};
    const struct edit_wants wants = {.rules = inside, .rule_count = 1};
    uint64_t touched;
    assert_true(str_eq(edit(STR("{\"top_k\":1,\"generation_config\":{\"top_k\":2,\"topP\":1}}"), &wants, &touched),
                       STR("{\"top_k\":1,\"generation_config\":{\"topP\":1}}")));
    assert_int_equal(touched, 1);
    assert_true(
        str_eq(edit(STR("{\"generationConfig\":{\"topK\":2}}"), &wants, &touched), STR("{\"generationConfig\":{}}")));
}

static void members_are_set_where_they_stand_and_put_in_where_they_do_not(void **state) {
    (void)state;
    static const struct edit_rule sets[] = {{STR(""), STR("t"), edit_set, STR("0.2"), 1},
                                            {STR(""), STR("old"), edit_remove, {NULL, 0}, 0},
                                            {STR("in"), STR("s"), edit_set, STR("[\"x\"]"), 2},
                                            {STR("in"), STR("u"), edit_set, STR("7"), 4},
                                            {STR("by"), STR("v"), edit_set, STR("true"), 8}};
    static const struct {
        const char *from, *to;
        uint64_t touched;
    } cases[] = {
        {"{}", "{\"t\":0.2,\"in\":{\"s\":[\"x\"],\"u\":7},\"by\":{\"v\":true}}", 15},
        {" { \"k\":1 } ", " {\"t\":0.2,\"in\":{\"s\":[\"x\"],\"u\":7},\"by\":{\"v\":true}, \"k\":1 } ", 15},
        {"{\"t\": 1,\"in\":{\"u\":7,\"k\":{\"u\":1}},\"by\":{}}",
         "{\"t\": 0.2,\"in\":{\"s\":[\"x\"],\"u\":7,\"k\":{\"u\":1}},\"by\":{\"v\":true}}", 11},
        {"{\"old\":1,\"in\":null,\"by\":null,\"t\":0.2}",
         "{\"in\":{\"s\":[\"x\"],\"u\":7},\"by\":{\"v\":true},\"t\":0.2}", 14},
        {"{\"old\":1}", "{\"t\":0.2,\"in\":{\"s\":[\"x\"],\"u\":7},\"by\":{\"v\":true}}", 15},
        {"{\"in\":[1],\"by\":{\"v\":true},\"t\":null}", "{\"in\":[1],\"by\":{\"v\":true},\"t\":0.2}", 1},
        {"{\"t\":0.2,\"in\":{\"s\":[\"x\"],\"u\":7},\"by\":{\"v\":true}}",
         "{\"t\":0.2,\"in\":{\"s\":[\"x\"],\"u\":7},\"by\":{\"v\":true}}", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct edit_wants wants = {.rules = sets, .rule_count = sizeof sets / sizeof *sets};
        uint64_t touched;
        struct str got = edit(str_from(cases[i].from), &wants, &touched);
        if (!str_eq(got, str_from(cases[i].to))) fail_msg("%s became %.*s", cases[i].from, STR_ARG(got));
        assert_int_equal(touched, cases[i].touched);
    }
}

static void roles_and_ids_of_calls_are_the_vendors(void **state) {
    (void)state;
    const struct edit_wants wants = {.system_not_developer = true, .ids_of = quirks_of(STR("mistral"), STR("m"))};
    uint64_t touched;
    struct str got = edit(STR("{\"messages\":[{\"role\":\"developer\",\"content\":\"developer\"},"
                              "{\"role\":\"assistant\","
                              "\"tool_calls\":[{\"id\":\"call_1\",\"function\":{\"name\":\"f\",\"id\":\"call_1\"}}]},"
                              "{\"tool_call_id\":\"call_1\"},{\"tool_call_id\":\"abcdefghi\"}]}"),
                          &wants, &touched);
    assert_true(str_find(got, STR("{\"role\":\"system\",\"content\":\"developer\"}")) != SIZE_MAX);
    assert_true(str_find(got, STR("\"id\":\"call_1\"}")) != SIZE_MAX); /* the function's own affair */
    assert_true(str_find(got, STR("\"tool_call_id\":\"abcdefghi\"")) != SIZE_MAX);
    assert_true(str_find(got, STR("\"tool_call_id\":\"call_1\"")) == SIZE_MAX);
}

static unsigned times_at_top(struct str body, struct str key) {
    unsigned times = 0;
    struct skim skim;
    skim_begin(&skim, body, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind != skim_end;) {
        if (token.kind == skim_error) fail_msg("%.*s", STR_ARG(body));
        times += token.depth == 1 && token.key.at && str_eq(token.key, key);
    }
    return times;
}

/* Any members in any order, some cut out and some put in: JSON, in which each that is set stands once. */
static void what_is_set_stands_once(void **state) {
    (void)state;
    static const struct edit_rule sets[] = {{STR(""), STR("a"), edit_remove, {NULL, 0}, 0},
                                            {STR(""), STR("t"), edit_set, STR("0.2"), 0},
                                            {STR("in"), STR("s"), edit_set, STR("1"), 0},
                                            {STR("in"), STR("a"), edit_remove, {NULL, 0}, 0}};
    static const char *const pieces[] = {"\"a\":1",      "\"t\":null",       "\"in\":null",
                                         "\"in\":{ }",   "\"in\":{\"a\":2}", "\"in\":{\"s\":2,\"a\":[]}",
                                         " \"l\" : {} ", "\"k\":2"};
    enum { pieces_of_a = 0, pieces_of_t = 1, first_in = 2, last_in = 5 };
    struct prng prng;
    prng_seed(&prng, 11);
    for (unsigned i = 0; i < 5000; i++) {
        const struct edit_wants wants = {.rules = sets, .rule_count = sizeof sets / sizeof *sets};
        struct text text = text_in_arena(&arena, 128);
        bool has_t = false, has_in = false;
        uint64_t touched, count = prng_below(&prng, 6);
        text_put_byte(&text, '{');
        for (uint64_t n = 0; n < count; n++) {
            uint64_t piece = prng_below(&prng, sizeof pieces / sizeof *pieces);
            bool in = piece >= first_in && piece <= last_in;
            if ((piece == pieces_of_t && has_t) || (in && has_in)) continue;
            has_t |= piece == pieces_of_t;
            has_in |= in;
            text_json_comma(&text);
            text_put(&text, str_from(pieces[piece]));
        }
        text_put_byte(&text, '}');
        struct str got = edit(text_str(&text), &wants, &touched), again;
        assert_int_equal(times_at_top(got, STR("t")), 1);
        assert_int_equal(times_at_top(got, STR("in")), 1);
        assert_int_equal(times_at_top(got, STR("a")), 0);
        assert_true(str_find(got, STR("\"s\":1")) != SIZE_MAX);
        again = edit(got, &wants, &touched);
        assert_true(again.at == got.at); /* there is nothing left to do */
    }
}

/* Any members in any order, any of them cut out: JSON, and no rule fits any more. */
static void what_is_left_is_json(void **state) {
    (void)state;
    static const char *const pieces[] = {"\"a\":1",     "\"b\":{\"a\":[1,2]}", "\"c\":null",
                                         "\"d\":\"x\"", "\"k\":[{\"a\":1}]",   " \"l\" : {} "};
    struct prng prng;
    prng_seed(&prng, 7);
    for (unsigned i = 0; i < 5000; i++) {
        const struct edit_wants wants = {.rules = rules, .rule_count = 4};
        struct text text = text_in_arena(&arena, 128);
        uint64_t touched, count = prng_below(&prng, 8);
        text_put_byte(&text, '{');
        for (uint64_t n = 0; n < count; n++) {
            if (n) text_put_byte(&text, ',');
            text_put(&text, str_from(pieces[prng_below(&prng, 6)]));
        }
        text_put_byte(&text, '}');
        struct str got = edit(text_str(&text), &wants, &touched);
        struct skim skim;
        skim_begin(&skim, got, 1);
        for (struct skim_token token; (token = skim_next(&skim)).kind != skim_end;) {
            if (token.kind == skim_error) fail_msg("%.*s became %.*s", STR_ARG(text_str(&text)), STR_ARG(got));
            bool member = token.depth == 1 && token.key.at;
            bool gone = member && (str_eq(token.key, STR("a")) || str_eq(token.key, STR("b")));
            assert_false(gone);
        }
    }
}

static int memory_make(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 1 << 26);
    return 0;
}

static int memory_free(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static void a_number_stands_wherever_a_reader_may_look_for_it(void **state) {
    (void)state;
    static const struct {
        const char *body, *inside, *edited;
    } cases[] = {
        {"{}", "", "{\"capTokens\":7}"},
        {" { \"a\":1}", "", " {\"capTokens\":7, \"a\":1}"},
        {"{\"capTokens\":null,\"a\":1}", "", "{\"capTokens\":7,\"a\":1}"},
        {"{\"a\":{\"capTokens\":9}}", "", "{\"capTokens\":7,\"a\":{\"capTokens\":9}}"},
        {"{}", "theConfig", "{\"theConfig\":{\"capTokens\":7}}"},
        {"{\"theConfig\":null}", "theConfig", "{\"theConfig\":{\"capTokens\":7}}"},
        {"{\"theConfig\":{}}", "theConfig", "{\"theConfig\":{\"capTokens\":7}}"},
        {"{\"the_config\":{\"x\":{\"y\":1}},\"b\":[]}", "theConfig",
         "{\"the_config\":{\"capTokens\":7,\"x\":{\"y\":1}},\"b\":[]}"},
        {"{\"theConfig\":{\"capTokens\":1,\"cap_tokens\":99}}", "theConfig",
         "{\"theConfig\":{\"capTokens\":7,\"cap_tokens\":7}}"},
        {"{\"theConfig\":{\"capTokens\":1},\"the_config\":{\"n\":1}}", "theConfig",
         "{\"theConfig\":{\"capTokens\":7},\"the_config\":{\"capTokens\":7,\"n\":1}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena own;
        struct str edited;
        arena_init(&own, 4096, 1 << 20);
        assert_true(
            edit_number(str_from(cases[i].body), str_from(cases[i].inside), STR("capTokens"), 7, &own, &edited));
        if (!str_eq(edited, str_from(cases[i].edited))) fail_msg("%s: %.*s", cases[i].body, STR_ARG(edited));
        arena_free(&own);
    }
}

/* One that fits stays; of another comes always the same one, within the room that there is. */
static void an_id_that_does_not_fit_becomes_one_that_does(void **state) {
    static const struct codec_quirks nine = {.tool_id_alphabet = "abcd", .tool_id_length = 9}, none;
    static const struct {
        const struct codec_quirks *quirks;
        size_t room;
        const char *id, *becomes;
    } rows[] = {
        {&nine, 9, "abcdabcda", "abcdabcda"}, {&nine, 9, "call_1", "bcccaacdd"}, {&nine, 9, "abcdabcde", "aabcdaaac"},
        {&nine, 9, "abcdabcd", "bbbbcbacc"},  {&nine, 9, "", "bbcadacac"},       {&nine, 8, "call_1", "call_1"},
        {&none, 9, "call_1", "call_1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *buffer = malloc(rows[i].room);
        struct str id = openai_tool_id(str_from(rows[i].id), rows[i].quirks, buffer, rows[i].room);
        if (!str_eq(id, str_from(rows[i].becomes))) fail_msg("%s: %.*s", rows[i].id, STR_ARG(id));
        free(buffer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_stands_wherever_a_reader_may_look_for_it),
        cmocka_unit_test(members_go_and_commas_with_them),
        cmocka_unit_test(googles_members_are_known_in_both_spellings),
        cmocka_unit_test(members_are_set_where_they_stand_and_put_in_where_they_do_not),
        cmocka_unit_test(roles_and_ids_of_calls_are_the_vendors),
        cmocka_unit_test(an_id_that_does_not_fit_becomes_one_that_does),
        cmocka_unit_test(what_is_left_is_json),
        cmocka_unit_test(what_is_set_stands_once),
    };
    return cmocka_run_group_tests(tests, memory_make, memory_free);
}
