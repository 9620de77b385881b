/* responses_cut_test.c - a stream that passed as it came is ended as the API ends one that has become too long: what is
 * open is closed by its own names, numbers go on, and the response says all of it. */
#include "dialect/responses/responses_cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dialect/json.h"

static struct arena keep, scratch;

static int begin(void **state) {
    (void)state;
    arena_init(&keep, 4096, 16 * 1024 * 1024);
    arena_init(&scratch, 4096, 16 * 1024 * 1024);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_free(&keep);
    arena_free(&scratch);
    return 0;
}

/* What is written behind these, up to NULL. */
static const char *behind(const char *const *events) {
    struct responses_cut *cut = responses_cut_new(&keep);
    struct usage usage = USAGE_NONE;
    usage.input_tokens = 7, usage.output_tokens = 9;
    for (; *events; events++) {
        assert_true(responses_cut_note(cut, str_from(*events), &scratch));
        arena_reset(&scratch);
    }
    struct text text = text_in_arena(&keep, 256);
    responses_cut_write(cut, STR("resp_1"), &usage, &scratch, &text);
    text_put_byte(&text, 0);
    assert_false(text.failed);
    return text_str(&text).at;
}

#define CREATED(number)                                           \
    "{\"type\":\"response.created\",\"sequence_number\":" #number \
    ",\"response\":{\"id\":\"r\",\"status\":\"in_progress\","     \
    "\"incomplete_details\":null,\"model\":\"m\",\"output\":[],\"usage\":null,\"what\":[1.50]}}"
#define RESPONSE(output)                                                                                              \
    "\"response\":{\"id\":\"r\",\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"}," \
    "\"model\":\"m\",\"output\":[" output "],\"usage\":{\"input_tokens\":7,\"input_tokens_details\":{"                \
    "\"cached_tokens\":0},\"output_tokens\":9,\"output_tokens_details\":{\"reasoning_tokens\":0},"                    \
    "\"total_tokens\":16},\"what\":[1.50]}}\n\n"
#define FRAME(type, number) "event: " type "\ndata: {\"type\":\"" type "\",\"sequence_number\":" #number ","

static void a_message_is_closed_with_its_text_and_annotations(void **state) {
    static const char *const events[] = {
        CREATED(0),
        "{\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"msg_1\","
        "\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}",
        "{\"type\":\"response.content_part.added\",\"sequence_number\":2,\"item_id\":\"msg_1\",\"output_index\":0,"
        "\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[],\"logprobs\":[]}}",
        "{\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"msg_1\",\"output_index\":0,"
        "\"content_index\":0,\"delta\":\"Say \\\"h\",\"obfuscation\":\"x\"}",
        "{\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"item_id\":\"msg_1\",\"output_index\":0,"
        "\"content_index\":0,\"delta\":\"i\\\"\"}",
        "{\"type\":\"response.output_text.annotation.added\",\"sequence_number\":5,\"item_id\":\"msg_1\","
        "\"output_index\":0,\"content_index\":0,\"annotation_index\":0,\"annotation\":{\"type\":\"url_citation\"}}",
        "{\"type\":\"response.output_text.annotation.added\",\"sequence_number\":5,\"item_id\":\"msg_1\","
        "\"output_index\":0,\"content_index\":0,\"annotation_index\":1,\"annotation\":{\"type\":\"file_citation\"}}",
        "{\"type\":\"response.output_text.annotation.added\",\"sequence_number\":5,\"item_id\":\"msg_1\","
        "\"output_index\":0,\"content_index\":0,\"annotation_index\":2,\"annotation\":7}", /* it is none */
        NULL};
#define PART                                    \
    "{\"type\":\"output_text\",\"text\":\"Say " \
    "\\\"hi\\\"\",\"annotations\":[{\"type\":\"url_citation\"},{\"type\":\"file_citation\"}],\"logprobs\":[]}"
#define ITEM \
    "{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"incomplete\",\"role\":\"assistant\",\"content\":[" PART "]}"
    (void)state;
    assert_string_equal(behind(events),
                        FRAME("response.output_text.done",
                              6) "\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,"
                                 "\"text\":\"Say \\\"hi\\\"\",\"logprobs\":[]}\n\n" FRAME(
                                     "response.content_part.done",
                                     7) "\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,"
                                        "\"part\":" PART "}\n\n" FRAME("response.output_item.done",
                                                                       8) "\"output_index\":0,\"item\":" ITEM
                                                                          "}\n\n" FRAME("response.incomplete", 9)
                                                                              RESPONSE(ITEM));
}

/* What is closed already stands there as it was told; a part that says all of itself once is not told once more. */
static void reasoning_and_calls_are_closed_each_in_its_way(void **state) {
    static const char *const events[] = {
        CREATED(10),
        "{\"type\":\"response.output_item.added\",\"sequence_number\":11,\"output_index\":0,\"item\":{\"id\":\"rs\","
        "\"type\":\"reasoning\",\"summary\":[]}}",
        "{\"type\":\"response.output_item.done\",\"sequence_number\":12,\"output_index\":0,\"item\":{\"id\":\"rs\","
        "\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"so\"}]}}",
        "{\"type\":\"response.output_item.added\",\"sequence_number\":13,\"output_index\":1,\"item\":{\"id\":\"rs_2\","
        "\"type\":\"reasoning\",\"summary\":[]}}",
        "{\"type\":\"response.reasoning_summary_part.added\",\"sequence_number\":14,\"item_id\":\"rs_2\","
        "\"output_index\":1,\"summary_index\":0,\"part\":{\"type\":\"summary_text\",\"text\":\"\"}}",
        "{\"type\":\"response.reasoning_summary_text.delta\",\"sequence_number\":15,\"item_id\":\"rs_2\","
        "\"output_index\":1,\"summary_index\":0,\"delta\":\"be\"}",
        "{\"type\":\"response.reasoning_summary_text.done\",\"sequence_number\":16,\"item_id\":\"rs_2\","
        "\"output_index\":1,\"summary_index\":0,\"text\":\"because\"}",
        "{\"type\":\"response.output_item.added\",\"sequence_number\":17,\"output_index\":2,\"item\":{\"id\":\"fc\","
        "\"type\":\"function_call\",\"status\":\"in_progress\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"\"}}",
        "{\"type\":\"response.function_call_arguments.delta\",\"sequence_number\":18,\"item_id\":\"fc\","
        "\"output_index\":2,\"delta\":\"{\\\"a\"}",
        NULL};
#define THOUGHT "{\"type\":\"summary_text\",\"text\":\"because\"}"
#define REASON "{\"id\":\"rs_2\",\"type\":\"reasoning\",\"summary\":[" THOUGHT "]}"
#define CALL                                                                                                \
    "{\"id\":\"fc\",\"type\":\"function_call\",\"status\":\"incomplete\",\"call_id\":\"c\",\"name\":\"f\"," \
    "\"arguments\":"                                                                                        \
    "\"{\\\"a\"}"
    (void)state;
    assert_string_equal(
        behind(events),
        FRAME("response.reasoning_summary_part.done",
              19) "\"item_id\":\"rs_2\",\"output_index\":1,\"summary_index\":0,"
                  "\"part\":" THOUGHT
                  "}\n\n" FRAME("response.output_item.done", 20) "\"output_index\":1,\"item\":" REASON "}\n\n" FRAME(
                      "response.function_call_arguments.done",
                      21) "\"item_id\":\"fc\",\"output_index\":2,\"arguments\":\"{\\\"a\"}"
                          "\n\n" FRAME("response.output_item.done",
                                       22) "\"output_index\":2,\"item\":" CALL "}\n\n" FRAME("response.incomplete", 23)
                              RESPONSE("{\"id\":\"rs\",\"type\":\"reasoning\","
                                       "\"summary\":[{\"type\":\"summary_text\","
                                       "\"text\":\"so\"}]}," REASON "," CALL));
}

/* Without a part's announcement, without a beginning, without numbers. */
static void a_provider_that_leaves_things_out_is_ended_too(void **state) {
    static const char *const events[] = {
        "[DONE]", "{\"type\":\"response.output_text.delta\",\"output_index\":7,\"delta\":\"lost\"}",
        "{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\"}}",
        "{\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}", NULL};
#define BARE                                                                                                           \
    "{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"hi\",\"annotations\":[],\"logprobs\":[]}" \
    "]}"
    (void)state;
    const char *told = behind(events);
    assert_non_null(strstr(told, FRAME("response.output_text.done", 3) "\"item_id\":\"\",\"output_index\":0,"));
    assert_null(strstr(told, "content_part.done"));
    assert_non_null(strstr(told, FRAME("response.output_item.done", 4) "\"output_index\":0,\"item\":" BARE "}\n\n"));
    assert_non_null(strstr(told, "\"response\":{\"object\":\"response\",\"id\":\"resp_1\",\"status\":\"incomplete\","));
    assert_non_null(strstr(told, "\"output\":[" BARE "]"));
}

/* More than any answer has is no memory of weir's. */
static void items_without_end_are_no_answer(void **state) {
    char event[200];
    bool good = true;
    unsigned i = 0;
    (void)state;
    struct responses_cut *cut = responses_cut_new(&keep);
    for (; good && i < 10000; i++) {
        snprintf(event, sizeof event, "{\"type\":\"response.output_item.added\",\"output_index\":%u,\"item\":{}}", i);
        good = responses_cut_note(cut, str_from(event), &scratch);
        arena_reset(&scratch);
    }
    assert_int_equal(i, 4097);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(a_message_is_closed_with_its_text_and_annotations),
        TEST(reasoning_and_calls_are_closed_each_in_its_way),
        TEST(a_provider_that_leaves_things_out_is_ended_too),
        TEST(items_without_end_are_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
