/* anthropic_version_test.c - what a strict version of Anthropic's API is not told, and that all else stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/anthropic/anthropic_version.h"

static struct arena arena;

static struct str quoted(const char *text) {
    struct str copy = arena_copy(&arena, str_from(text));
    for (size_t i = 0; i < copy.len; i++)
        if (copy.at[i] == '\'') ((char *)copy.at)[i] = '"';
    return copy;
}

static void a_version_is_strict_from_its_day_on(void **state) {
    static const struct {
        const char *version;
        bool strict;
    } rows[] = {
        {"2023-06-01", false}, {"2026-10-20", false}, {"2026-10-21", true}, {"2026-10-22", true},
        {"2027-01-01", true},  {"", false},           {"2026-10-2", false}, {"2026-10-211", false},
        {"beta", false},       {"2025-12-31", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (anthropic_version_is_strict(str_from(rows[i].version)) != rows[i].strict) fail_msg("%s", rows[i].version);
}

static void sampling_and_what_a_user_cites_are_left_out_of_a_body(void **state) {
    static const struct {
        const char *body, *wanted;
    } rows[] = {
        {"{'model':'m','temperature':1,'top_p':1,'max_tokens':5,'top_k':1}", "{'model':'n','max_tokens':5}"},
        {"{'messages':'none','other':{'temperature':1}}", "{'messages':'none','other':{'temperature':1}}"},
        {"{'messages':[{'role':'user','content':'hi'},{'role':'user','content':[{'type':'text','text':'a'}]}]}",
         "{'messages':[{'role':'user','content':'hi'},{'role':'user','content':[{'type':'text','text':'a'}]}]}"},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'a','citations':[{'x':1}]},{'type':'image'}]}]}",
         "{'messages':[{'role':'user','content':[{'type':'text','text':'a'},{'type':'image'}]}]}"},
        {"{'messages':[{'role':'user','content':[{'type':'image'},{'citations':[{'x':1}],'type':'text','text':'a'}],'n'"
         ":1}]"
         "}",
         "{'messages':[{'role':'user','content':[{'type':'image'},{'type':'text','text':'a'}],'n':1}]}"},
        /* an empty list of them, a document's own, what the assistant cited */
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'a','citations':[]}]}]}",
         "{'messages':[{'role':'user','content':[{'type':'text','text':'a','citations':[]}]}]}"},
        {"{'messages':[{'role':'user','content':[{'type':'document','citations':{'enabled':true}},'x']}]}",
         "{'messages':[{'role':'user','content':[{'type':'document','citations':{'enabled':true}},'x']}]}"},
        {"{'messages':[{'role':'assistant','content':[{'type':'text','text':'a','citations':[{'x':1}]}]}]}",
         "{'messages':[{'role':'assistant','content':[{'type':'text','text':'a','citations':[{'x':1}]}]}]}"},
    };
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = text_in_arena(&arena, 256);
        assert_true(anthropic_version_body(quoted(rows[i].body), STR("n"), &arena, &text));
        if (!str_eq(text_str(&text), quoted(rows[i].wanted)))
            fail_msg("%s: %.*s", rows[i].body, STR_ARG(text_str(&text)));
    }
    struct text text = text_in_arena(&arena, 256);
    assert_false(anthropic_version_body(STR("{"), STR("n"), &arena, &text));
    arena_free(&arena);
}

static void what_is_dropped_is_named_and_gone(void **state) {
    struct message_request request;
    (void)state;
    message_request_init(&request, dialect_openai);
    assert_true(anthropic_version_drops(&request) == 0);
    request.temperature = 0;
    assert_true(anthropic_version_drops(&request) == FEATURE_BIT(temperature));
    request.top_p = 0;
    request.top_k = 0;
    assert_true(anthropic_version_drops(&request) ==
                (FEATURE_BIT(temperature) | FEATURE_BIT(top_p) | FEATURE_BIT(top_k)));
    anthropic_version_fit(&request);
    assert_true(anthropic_version_drops(&request) == 0);
}

static void a_document_of_the_assistants_cannot_be_told(void **state) {
    struct message_part text = {.kind = part_text}, parts[] = {{.kind = part_text}, {.kind = part_document}};
    struct message messages[] = {{.role = message_user, .parts = parts, .part_count = 2},
                                 {.role = message_assistant, .parts = &text, .part_count = 1}};
    struct message_request request = {.messages = messages, .message_count = 2};
    (void)state;
    assert_false(anthropic_version_refuses(&request));
    messages[1] = (struct message){.role = message_assistant, .parts = parts, .part_count = 2};
    assert_true(anthropic_version_refuses(&request));
    messages[1].part_count = 1;
    assert_false(anthropic_version_refuses(&request));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_strict_from_its_day_on),
        cmocka_unit_test(sampling_and_what_a_user_cites_are_left_out_of_a_body),
        cmocka_unit_test(what_is_dropped_is_named_and_gone),
        cmocka_unit_test(a_document_of_the_assistants_cannot_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
