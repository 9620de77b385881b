/* openai_read_request_test.c - a request in OpenAI's words: each of its members has its place, and what has none is
 * kept by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "dialect/codec.h"

static struct arena arena;

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static bool reads(const char *member, struct message_request *request, struct error *error) {
    char body[512];
    struct str param;
    *error = (struct error){.code = error_none};
    snprintf(body, sizeof body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],%s}", member);
    return codec_openai.read_request(arena_copy(&arena, str_from(body)), STR(""), false, &arena, request, error,
                                     &param);
}

/* Else it would go up twice: from its place, and by its name. */
static void what_has_its_place_is_not_kept_by_its_name_too(void **state) {
    static const char *const members[] = {
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]",
        "\"functions\":[{\"name\":\"f\"}]",
        "\"tool_choice\":\"auto\"",
        "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
        "\"function_call\":\"none\"",
        "\"response_format\":{\"type\":\"json_object\"}",
        "\"stop\":[\"a\"]",
        "\"stream\":true",
        "\"stream_options\":{\"include_usage\":true}",
        "\"seed\":1",
        "\"random_seed\":1",
        "\"max_tokens\":1",
        "\"max_completion_tokens\":1",
        "\"reasoning_effort\":\"low\"",
        "\"safety_identifier\":\"u\"",
        "\"user\":\"u\"",
        "\"temperature\":1",
        "\"metadata\":{}",
    };
    struct message_request request;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!reads(members[i], &request, &error)) fail_msg("%s: %s", members[i], error.message);
        if (request.extra_count) fail_msg("%s is kept by its name", members[i]);
    }
    assert_true(reads("\"unheard_of\":1", &request, &error));
    assert_int_equal(request.extra_count, 1);
}

static void a_form_that_nobody_knows_goes_up_as_it_is(void **state) {
    static const char *const members[] = {"\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{}}",
                                          "\"tool_choice\":\"sometimes\"", "\"reasoning_effort\":\"utmost\""};
    struct message_request request;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!reads(members[i], &request, &error)) fail_msg("%s: %s", members[i], error.message);
        assert_int_equal(request.extra_count, 1);
    }
}

static void a_member_of_another_type_is_refused_by_its_name(void **state) {
    static const char *const rows[][2] = {
        {"\"model\":1", "`model` must be a string."},
        {"\"messages\":1", "`messages` must be a list of at least one message."},
        {"\"messages\":[]", "`messages` must be a list of at least one message."},
        {"\"tools\":1", "`tools` must be a list."},
        {"\"functions\":{}", "`functions` must be a list."},
        {"\"stop\":1", "`stop` must be a string or a list of strings."},
        {"\"seed\":1.5", "`seed` must be a whole number."},
        {"\"max_tokens\":\"1\"", "`max_tokens` must be a whole number."},
        {"\"max_completion_tokens\":[]", "`max_completion_tokens` must be a whole number."},
    };
    struct message_request request;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (reads(rows[i][0], &request, &error)) fail_msg("%s is taken", rows[i][0]);
        assert_int_equal(error.code, error_invalid_request);
        assert_string_equal(error.message, rows[i][1]);
    }
}

/* Of the two caps the newer one counts, whichever stands first. */
static void of_two_caps_the_newer_counts(void **state) {
    static const char *const both[] = {"\"max_tokens\":9,\"max_completion_tokens\":5",
                                       "\"max_completion_tokens\":5,\"max_tokens\":9"};
    struct message_request request;
    struct error error;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_true(reads(both[i], &request, &error));
        assert_int_equal(request.max_tokens, 5);
    }
    assert_true(reads("\"max_tokens\":9", &request, &error));
    assert_int_equal(request.max_tokens, 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_has_its_place_is_not_kept_by_its_name_too, begin, end),
        cmocka_unit_test_setup_teardown(a_form_that_nobody_knows_goes_up_as_it_is, begin, end),
        cmocka_unit_test_setup_teardown(a_member_of_another_type_is_refused_by_its_name, begin, end),
        cmocka_unit_test_setup_teardown(of_two_caps_the_newer_counts, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
