/* forecast_test.c - what is passed on of a forecast's request and reply, and what is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/forecast.h"

static struct arena arena;

/* What goes to the provider; the member's name with a ! before it where it is refused. */
static struct str asked(const char *body) {
    struct forecast forecast;
    struct error error;
    struct str param;
    if (!forecast_read(str_from(body), &arena, &forecast, &error, &param))
        return arena_printf(&arena, "!%.*s", STR_ARG(param));
    struct text text = text_in_arena(&arena, 128);
    forecast_put(&forecast, &text);
    return text_str(&text);
}

static void inputs_and_parameters_pass_as_they_are(void **state) {
    static const struct {
        const char *body, *wanted;
    } rows[] = {
        {"{\"model\":\"m\",\"inputs\":[1,2.50,3]}", "{\"inputs\":[1,2.50,3]}"},
        {"{\"inputs\":{\"target\":[1]},\"parameters\":{\"n\":4}}",
         "{\"inputs\":{\"target\":[1]},\"parameters\":{\"n\":4}}"},
        {"{\"inputs\":[],\"parameters\":null,\"other\":1}", "{\"inputs\":[]}"},
        {"{\"inputs\":0}", "{\"inputs\":0}"},
        {"{\"model\":\"m\"}", "!inputs"},
        {"{\"inputs\":null}", "!inputs"},
        {"{\"inputs\":[1],\"parameters\":[]}", "!parameters"},
        {"{\"inputs\":[1],\"parameters\":\"x\"}", "!parameters"},
        {"{\"inputs\":[1],\"parameters\":false}", "!parameters"},
        {"not JSON", "!"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str got = asked(rows[i].body);
        if (!str_eq(got, str_from(rows[i].wanted))) fail_msg("%s: %.*s", rows[i].body, STR_ARG(got));
    }
}

static void a_reply_is_wrapped_and_an_error_is_told_as_one(void **state) {
    static const struct {
        const char *body, *wanted;
        bool is_json, is_error;
    } rows[] = {
        {" [[1,2]] ", "{\"object\":\"forecast\",\"created\":7,\"model\":\"m\",\"output\":[[1,2]]}", true, false},
        {"{\"mean\":[1]}", "{\"object\":\"forecast\",\"created\":7,\"model\":\"m\",\"output\":{\"mean\":[1]}}", true,
         false},
        {"{\"error\":null,\"x\":1}",
         "{\"object\":\"forecast\",\"created\":7,\"model\":\"m\",\"output\":{\"error\":null,\"x\":1}}", true, false},
        {"{\"error\":\"no\"}", "", true, true},
        {"{\"error\":[\"no\"]}", "", true, true},
        {"<html>", "", false, false},
        {"", "", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = text_in_arena(&arena, 128);
        bool error_inside = true;
        bool is_json = forecast_reply_put(str_from(rows[i].body), STR("m"), 7, &arena, &text, &error_inside);
        if (is_json != rows[i].is_json || error_inside != rows[i].is_error ||
            !str_eq(text_str(&text), str_from(rows[i].wanted)))
            fail_msg("%s: %.*s", rows[i].body, STR_ARG(text_str(&text)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_and_parameters_pass_as_they_are),
        cmocka_unit_test(a_reply_is_wrapped_and_an_error_is_told_as_one),
    };
    arena_init(&arena, 16 * 1024, 64 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
