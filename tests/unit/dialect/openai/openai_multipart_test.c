/* openai_multipart_test.c - the model of an upload: found, replaced, put in, and never read in two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dialect/openai/openai.h"

static struct arena arena;

static int arena_begin(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 16 << 20);
    return 0;
}

static int arena_end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

#define FORM "multipart/form-data; boundary=xyz"
#define FIELD(name) "Content-Disposition: form-data; name=" name "\r\n\r\n"

static bool read_form(const char *type, struct str body, struct openai_request *request, struct error *error,
                      struct str *param) {
    return openai_skim_multipart(body, str_from(type), &arena, request, error, param);
}

static void the_model_is_found(void **state) {
    static const struct {
        const char *type, *body;
    } good[] = {
        {FORM, "--xyz\r\n" FIELD("\"model\"") "whisper-1\r\n--xyz--\r\n"},
        {FORM, "--xyz\r\n" FIELD("model") "whisper-1\r\n--xyz--"},
        {"Multipart/Form-Data; charset=utf-8; Boundary=\"xyz\"",
         "--xyz\r\n" FIELD("\"model\"") "whisper-1\r\n--xyz--\r\n"},
        {"multipart/form-data; x=\"; boundary=no\"; boundary=xyz",
         "--xyz \t\r\n" FIELD("\"model\"") "whisper-1\r\n--xyz--\r\n"},
        {FORM,
         "preamble\r\n--xyz\r\nContent-Type: audio/mpeg\r\ncontent-disposition:form-data; filename=\"a; name=b.mp3\"; "
         "name=\"file\"\r\n\r\n\r\n--xy\r\n--\r\n\r\n--xyz\r\n" FIELD(
             "\"model\"") "whisper-1\r\n--xyz--\r\nepilogue --xyz"},
        {FORM,
         "--xyz\r\n" FIELD("\"model\"; names=a; named*=b; size*=c") "whisper-1\r\n--xyz--\r\n"}, /* other parameters */
        {FORM, "--xyz\r\n\r\nno headers\r\n--xyz\r\n" FIELD("\"model\"") "whisper-1\r\n--xyz\r\n" FIELD(
                   "\"stream\"") "false\r\n--xyz--\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct openai_request request;
        struct error error = {.code = error_none};
        struct str param, body = str_from(good[i].body);
        if (!read_form(good[i].type, body, &request, &error, &param)) fail_msg("%zu: %s", i, error.message);
        assert_true(str_eq(request.model, STR("whisper-1")));
        assert_true(str_eq(str_slice(body, request.model_from, request.model_to), STR("whisper-1")));
        assert_false(request.stream);
    }
}

static void forms_of_two_meanings_are_refused(void **state) {
    static const struct {
        const char *type, *body;
    } bad[] = {
        {"application/json", "{}"},
        {"multipart/form-data", "--xyz--"},
        {"multipart/form-data; boundary=", "----"},
        {"multipart/form-data; boundary=xyz; boundary=abc", "--xyz--"},
        {"multipart/form-datax; boundary=xyz", "--xyz--"},
        {FORM, ""},
        {FORM, "--abc--"},
        {FORM, "--xyz\r\n" FIELD("\"model\"") "a"},
        {FORM, "--xyz\r\n" FIELD("\"model\"") "a\r\n--xyzz\r\n--xyz--"},
        {FORM, "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n"},
        {FORM, "--xyz\r\n" FIELD("\"model\"") "a\r\n--xyz\r\n" FIELD("\"model\"") "b\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"model\"") "\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"Model\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"mo\\del\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\" model\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"model[]\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"%6dodel\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"m%4Fdel\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"models\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"fallbacks[0]\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"preset\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"stream[]\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"x\"; name=\"model\"") "a\r\n--xyz--"},
        {FORM, "--xyz\r\nContent-Disposition: form-data;\r\n name=\"model\"\r\n\r\na\r\n--xyz--"},
        {FORM, "--xyz\r\nX: y\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"x\"; name*=utf-8''model") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"x\"; NAME * = utf-8''model") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"x\"; name*0=mod; name*1=el") "a\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"x\"; name*0*=utf-8''m; name*1*=odel") "a\r\n--xyz--"},
        {FORM, "--xyz\r\nContent-Disposition: form-data; name*=utf-8''%6dodel\r\n\r\na\r\n--xyz--"},
        {"multipart/form-data; boundary=xyz; boundary*=utf-8''abc", "--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"stream\"") "maybe\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"stream\"") "true\r\n--xyz\r\n" FIELD("\"stream\"") "false\r\n--xyz--"},
        {FORM, "--xyz\r\n" FIELD("\"model\"") "\xff\r\n--xyz--"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct openai_request request;
        struct error error = {.code = error_none};
        struct str param;
        if (read_form(bad[i].type, str_from(bad[i].body), &request, &error, &param)) fail_msg("%zu was taken", i);
        assert_int_equal(error.code, error_invalid_request);
    }
}

static struct str joined(const struct openai_splice *splice) {
    char *whole = arena_take(&arena, splice->len + 1);
    size_t len = 0;
    for (size_t i = 0; i < splice->count; i++) {
        memcpy(whole + len, splice->ranges[i].at, splice->ranges[i].len);
        len += splice->ranges[i].len;
    }
    return str_make(whole, len);
}

static void the_model_is_replaced_or_put_first(void **state) {
    struct openai_request request;
    struct openai_splice splice;
    struct error error;
    struct str param, body = STR("--xyz\r\n" FIELD("\"model\"") "a\r\n--xyz--\r\n");
    (void)state;
    assert_true(read_form(FORM, body, &request, &error, &param));
    assert_true(openai_splice(body, &request, true, STR("longer"), true, &arena, &splice));
    assert_true(str_eq(joined(&splice), STR("--xyz\r\n" FIELD("\"model\"") "longer\r\n--xyz--\r\n")));
    body = STR("--xyz\r\n" FIELD("\"file\"") "bytes\r\n--xyz--\r\n");
    assert_true(read_form(FORM, body, &request, &error, &param));
    assert_int_equal(request.model.len, 0);
    assert_true(openai_splice(body, &request, true, STR("m"), false, &arena, &splice));
    body = joined(&splice);
    assert_true(read_form(FORM, body, &request, &error, &param));
    assert_true(str_eq(request.model, STR("m")));
    assert_true(str_find(body, STR("bytes\r\n--xyz--\r\n")) != SIZE_MAX);
    body = STR("preamble\r\n--xyz\r\n" FIELD("\"file\"") "bytes\r\n--xyz--\r\n"); /* what stands before stays before */
    assert_true(read_form(FORM, body, &request, &error, &param));
    assert_true(openai_splice(body, &request, true, STR("m"), false, &arena, &splice));
    assert_true(
        str_eq(joined(&splice), STR("preamble\r\n--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n"
                                    "--xyz\r\n" FIELD("\"file\"") "bytes\r\n--xyz--\r\n")));
}

static void a_form_that_streams_says_so(void **state) {
    struct openai_request request;
    struct error error;
    (void)state;
    assert_true(read_form(FORM, STR("--xyz\r\n" FIELD("\"stream\"") "true\r\n--xyz--\r\n"), &request, &error, NULL));
    assert_true(request.stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_is_found),
        cmocka_unit_test(forms_of_two_meanings_are_refused),
        cmocka_unit_test(the_model_is_replaced_or_put_first),
        cmocka_unit_test(a_form_that_streams_says_so),
    };
    return cmocka_run_group_tests(tests, arena_begin, arena_end);
}
