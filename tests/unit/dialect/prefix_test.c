/* By what a prompt's beginning is known again in each dialect, and for how long its provider is asked to keep it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/prefix.h"

static uint64_t hash_of(const char *body) { return prompt_prefix_read(str_from(body)).hash; }

#define SYSTEM "{\"role\":\"system\",\"content\":\"be kind\"}"
#define FIRST "{\"role\":\"user\",\"content\":\"hi\"}"
#define LATER ",{\"role\":\"assistant\",\"content\":\"yes?\"},{\"role\":\"user\",\"content\":\"and now?\"}"
#define TOOLS "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}]"

/* A conversation that grows begins as it did; another one does not. */
static void a_conversation_that_grows_keeps_its_beginning(void **state) {
    static const struct {
        const char *begins, *grown, *other;
    } rows[] = {
        {"{\"messages\":[" SYSTEM "," FIRST "]}", "{\"messages\":[" SYSTEM "," FIRST LATER "],\"temperature\":1}",
         "{\"messages\":[" SYSTEM ",{\"role\":\"user\",\"content\":\"ho\"}]}"},
        {"{" TOOLS ",\"messages\":[" FIRST "]}", "{\"messages\":[" FIRST LATER "]," TOOLS "}",
         "{\"messages\":[" FIRST "]}"},
        {"{\"system\":\"a\",\"messages\":[" FIRST "]}",
         "{\"system\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}],\"messages\":["
         "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}" LATER "]}",
         "{\"system\":\"b\",\"messages\":[" FIRST "]}"},
        {"{\"instructions\":\"a\",\"input\":\"hi\"}", "{\"stream\":true,\"input\":\"hi\",\"instructions\":\"a\"}",
         "{\"instructions\":\"hi\",\"input\":\"a\"}"},
        {"{\"input\":[" FIRST "]}", "{\"input\":[" FIRST ",{\"type\":\"function_call\",\"name\":\"f\"}]}",
         "{\"input\":[" SYSTEM "]}"},
        {"{\"input\":[{\"type\":\"message\",\"role\":\"developer\",\"content\":\"d\"}," FIRST "]}",
         "{\"input\":[{\"type\":\"message\",\"role\":\"developer\",\"content\":\"d\"}," FIRST LATER "]}",
         "{\"input\":[{\"type\":\"message\",\"role\":\"developer\",\"content\":\"e\"}," FIRST "]}"},
        {"{\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}]}",
         "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\",\"parts\":[{\"text\":\"x\"}]}],"
         "\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]}}",
         "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}]}"},
        {"{\"prompt\":\"once\"}", "{\"max_tokens\":3,\"prompt\":\"once\"}", "{\"prompt\":\"twice\"}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_not_equal(hash_of(rows[i].begins), 0);
        assert_int_equal(hash_of(rows[i].begins), hash_of(rows[i].grown));
        assert_int_not_equal(hash_of(rows[i].begins), hash_of(rows[i].other));
    }
}

static void marks_that_move_on_make_no_other_beginning(void **state) {
    (void)state;
    const char *marked = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\","
                         "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]}]}";
    assert_int_equal(hash_of(marked), hash_of("{\"messages\":[" FIRST LATER "]}"));
    assert_true(prompt_prefix_read(str_from(marked)).marked);
    assert_false(prompt_prefix_read(STR("{\"messages\":[" FIRST "]}")).marked);
}

static void what_has_no_beginning_has_none(void **state) {
    static const char *const rows[] = {
        "", "{}", "[]", "1", "{\"model\":\"m\"}", "{\"messages\":[]}", "{\"messages\":3}"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) assert_int_equal(hash_of(rows[i]), 0);
}

static void the_longest_time_that_is_said_counts(void **state) {
    static const struct {
        const char *body;
        unsigned lifetime_s;
    } rows[] = {
        {"{\"messages\":[" FIRST "]}", 0},
        {"{\"system\":[{\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}]}", 0},
        {"{\"system\":[{\"text\":\"a\",\"cache_control\":{\"ttl\":\"5m\"}}]}", 300},
        {"{\"system\":[{\"cache_control\":{\"ttl\":\"1h\"}}],\"tools\":[{\"cache_control\":{\"ttl\":\"5m\"}}]}", 3600},
        {"{\"messages\":[{\"content\":[{\"content\":[{\"cache_control\":{\"ttl\":\"1h\"}}]}]}]}", 3600},
        {"{\"prompt_cache_retention\":\"24h\"}", 86400},
        {"{\"prompt_cache_retention\":\"in_memory\"}", 0},
        {"{\"prompt_cache_options\":{\"mode\":\"explicit\",\"ttl\":\"30m\"}}", 1800},
        {"{\"input\":[{\"content\":[{\"type\":\"input_text\",\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"},"
         "\"ttl\":\"12h\"}]}]}",
         43200},
        {"{\"prompt_cache_retention\":\"99999h\"}", 86400},
        {"{\"prompt_cache_retention\":\"18446744073709551615h\"}", 0},
        {"{\"prompt_cache_retention\":\"h\"}", 0},
        {"{\"prompt_cache_retention\":5}", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(prompt_prefix_read(str_from(rows[i].body)).lifetime_s, rows[i].lifetime_s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_that_grows_keeps_its_beginning),
        cmocka_unit_test(marks_that_move_on_make_no_other_beginning),
        cmocka_unit_test(what_has_no_beginning_has_none),
        cmocka_unit_test(the_longest_time_that_is_said_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
