/* gemini_calls_test.c - which call a function's answer is for, with ids and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/text.h"
#include "dialect/gemini/gemini.h"

#define CALL(id, name) "{\"functionCall\":{" id "\"name\":\"" name "\",\"args\":{}}}"
#define RESULT(id, name) "{\"functionResponse\":{" id "\"name\":\"" name "\",\"response\":{\"result\":\"r\"}}}"
#define TURN(role, parts) "{\"role\":\"" role "\",\"parts\":[" parts "]}"
#define ID(id) "\"id\":\"" id "\","

/* The ids of all calls and results in their order, "-" for none. */
static void expect(const char *turns, const char *wanted) {
    struct arena arena;
    struct message_request request;
    struct error error;
    struct str param;
    char body[2048], ids[256] = "";
    size_t len = 0;
    arena_init(&arena, 4096, 1 << 22);
    snprintf(body, sizeof body, "{\"contents\":[%s]}", turns);
    assert_true(gemini_read_request(str_from(body), STR("m"), false, &arena, &request, &error, &param));
    for (size_t m = 0; m < request.message_count; m++)
        for (size_t p = 0; p < request.messages[m].part_count; p++) {
            const struct message_part *part = &request.messages[m].parts[p];
            if (part->kind != part_tool_call && part->kind != part_tool_result) continue;
            struct str id = part->id.at ? part->id : STR("-");
            len += (size_t)snprintf(ids + len, sizeof ids - len, "%s%.*s", len ? " " : "", STR_ARG(id));
        }
    assert_string_equal(ids, wanted);
    arena_free(&arena);
}

/* As Google's own SDK answers when it calls functions by itself. */
static void a_result_without_an_id_answers_the_call_of_its_name(void **state) {
    (void)state;
    expect(TURN("model", CALL(ID("c1"), "a") "," CALL(ID("c2"), "b")) "," TURN("user",
                                                                               RESULT("", "b") "," RESULT("", "a")),
           "c1 c2 c2 c1");
    expect(TURN("model", CALL("", "a")) "," TURN("user", RESULT("", "a")), "- -");
    expect(TURN("user", RESULT("", "a")), "-");
}

static void calls_of_one_name_are_answered_in_their_order(void **state) {
    (void)state;
    expect(TURN("model", CALL(ID("c1"), "a") "," CALL(ID("c2"), "a")) "," TURN("user", RESULT("", "a")) "," TURN(
               "user", RESULT("", "a")),
           "c1 c2 c1 c2");
    expect(TURN("model", CALL("", "a") "," CALL("", "a")) "," TURN("user", RESULT("", "a") "," RESULT("", "a")),
           "- a_2 - a_2");
    expect(TURN("model", CALL(ID("c1"), "a") "," CALL(ID("c2"), "a")) "," TURN(
               "user", RESULT(ID("c1"), "a") "," RESULT("", "a")),
           "c1 c2 c1 c2");
}

static void each_turn_answers_its_own_calls(void **state) {
    (void)state;
    expect(TURN("model", CALL(ID("c1"), "a")) "," TURN("user", RESULT("", "a")) "," TURN(
               "model", CALL(ID("c2"), "a")) "," TURN("user", RESULT("", "a")),
           "c1 c1 c2 c2");
    expect(TURN("model", CALL(ID("c1"), "a")) "," TURN("user", RESULT(ID("other"), "a")), "c1 other");
}

static void however_many_there_are_it_ends(void **state) {
    struct arena arena;
    struct message_request request;
    struct error error;
    struct str param;
    (void)state;
    arena_init(&arena, 4096, 1 << 22);
    struct text body = text_in_arena(&arena, 1 << 16);
    text_put(&body, STR("{\"contents\":[{\"role\":\"model\",\"parts\":["));
    for (int i = 0; i < 500; i++) text_put(&body, i ? STR("," CALL("", "a")) : STR(CALL("", "a")));
    text_put(&body, STR("]}]}"));
    assert_true(gemini_read_request(text_str(&body), STR("m"), false, &arena, &request, &error, &param));
    assert_int_equal(request.messages[0].part_count, 500);
    assert_true(str_eq(request.messages[0].parts[63].id, STR("a_64")));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_without_an_id_answers_the_call_of_its_name),
        cmocka_unit_test(calls_of_one_name_are_answered_in_their_order),
        cmocka_unit_test(each_turn_answers_its_own_calls),
        cmocka_unit_test(however_many_there_are_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
