/* responses_write_request_test.c - what a message's parts become in the Responses API: content where it stands
 * together, items of their own between it, and nothing of what a role cannot say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/codec.h"
#include "dialect/quirks.h"

static struct arena arena;

/* The `input` of a request with this one message. */
static struct str input_of(enum message_role role, struct message_part *parts, size_t count) {
    struct message message = {.role = role, .parts = parts, .part_count = count};
    struct message_request request;
    struct codec_target target = {STR("m"), quirks_of(STR(""), STR("")), 8192, true, false};
    struct text text = text_in_arena(&arena, 1024);
    const char *problem;
    size_t at;
    message_request_init(&request, dialect_openai);
    request.messages = &message;
    request.message_count = 1;
    codec_responses.write_request(&request, &target, &text);
    assert_false(text.failed);
    const struct json_value *root = json_parse_in(&arena, text_str(&text), &problem, &at);
    return json_raw(json_member(root, "input"), &arena);
}

#define USER(content) "[{\"type\":\"message\",\"role\":\"user\",\"content\":[" content "]}]"
#define MODEL(content) "[{\"type\":\"message\",\"role\":\"assistant\",\"content\":[" content "]}]"

static void each_part_is_written_where_its_role_may_say_it(void **state) {
    static struct message_part inner[] = {{.kind = part_text, .text = STR("21")},
                                          {.kind = part_image, .media = {.url = STR("https://i")}}};
    static const struct {
        struct message_part part;
        const char *of_user, *of_model;
    } rows[] = {
        {{.kind = part_text, .text = STR("a")},
         USER("{\"type\":\"input_text\",\"text\":\"a\"}"),
         MODEL("{\"type\":\"output_text\",\"text\":\"a\",\"annotations\":[]}")},
        {{.kind = part_refusal, .text = STR("no")}, "[]", MODEL("{\"type\":\"refusal\",\"refusal\":\"no\"}")},
        {{.kind = part_image, .media = {.url = STR("https://i"), .detail = STR("low")}},
         USER("{\"type\":\"input_image\",\"image_url\":\"https://i\",\"detail\":\"low\"}"),
         "[]"},
        {{.kind = part_image, .media = {.data = STR("AA=="), .mime = STR("image/png")}},
         USER("{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AA==\"}"),
         "[]"},
        {{.kind = part_document, .media = {.data = STR("AA==")}, .title = STR("t")},
         USER("{\"type\":\"input_file\",\"filename\":\"t\",\"file_data\":\"data:application/"
              "octet-stream;base64,AA==\"}"),
         "[]"},
        {{.kind = part_document, .media = {.data = STR("AA=="), .mime = STR("application/pdf")}},
         USER("{\"type\":\"input_file\",\"filename\":\"document\",\"file_data\":\"data:application/pdf;base64,AA==\"}"),
         "[]"},
        {{.kind = part_document, .media = {.url = STR("https://d")}},
         USER("{\"type\":\"input_file\",\"file_url\":\"https://d\"}"),
         "[]"},
        {{.kind = part_document, .media = {.file_id = STR("f")}, .text = STR("t")},
         USER("{\"type\":\"input_file\",\"file_id\":\"f\"}"),
         "[]"},
        {{.kind = part_document, .text = STR("plain")}, USER("{\"type\":\"input_text\",\"text\":\"plain\"}"), "[]"},
        {{.kind = part_tool_call, .id = STR("c"), .name = STR("f")},
         "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}]",
         "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}]"},
        {{.kind = part_tool_result, .id = STR("c")},
         "[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"\"}]",
         "[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"\"}]"},
        {{.kind = part_tool_result, .name = STR("f"), .parts = inner, .part_count = 1},
         "[{\"type\":\"function_call_output\",\"call_id\":\"f\",\"output\":\"21\"}]",
         "[{\"type\":\"function_call_output\",\"call_id\":\"f\",\"output\":\"21\"}]"},
        {{.kind = part_tool_result, .id = STR("c"), .parts = inner, .part_count = 2},
         "[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{\"type\":\"input_text\",\"text\":\"21\"},"
         "{\"type\":\"input_image\",\"image_url\":\"https://i\"}]}]",
         "[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{\"type\":\"input_text\",\"text\":\"21\"},"
         "{\"type\":\"input_image\",\"image_url\":\"https://i\"}]}]"},
    };
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message_part part = rows[i].part;
        struct str user = input_of(message_user, &part, 1), model = input_of(message_assistant, &part, 1);
        if (!str_eq(user, str_from(rows[i].of_user))) fail_msg("row %zu, user: %.*s", i, STR_ARG(user));
        if (!str_eq(model, str_from(rows[i].of_model))) fail_msg("row %zu, model: %.*s", i, STR_ARG(model));
    }
    arena_free(&arena);
}

static void content_that_an_item_parts_becomes_two_messages(void **state) {
    struct message_part parts[] = {{.kind = part_text, .text = STR("a")},
                                   {.kind = part_text, .text = STR("b")},
                                   {.kind = part_tool_call, .id = STR("c"), .name = STR("f")},
                                   {.kind = part_text, .text = STR("d")}};
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    assert_true(str_eq(
        input_of(message_assistant, parts, 4),
        STR("[{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\","
            "\"annotations\":[]},{\"type\":\"output_text\",\"text\":\"b\",\"annotations\":[]}]},{\"type\":"
            "\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":\"message\",\"role\":"
            "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"d\",\"annotations\":[]}]}]")));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_is_written_where_its_role_may_say_it),
        cmocka_unit_test(content_that_an_item_parts_becomes_two_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
