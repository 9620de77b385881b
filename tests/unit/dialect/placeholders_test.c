/* placeholders_test.c - what a provider is not to read is taken out of a body, and comes back in whatever is answered:
 * in any cut, in any of the ways JSON has to write it. */
#include "dialect/placeholders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct placeholders placeholders;

static int test_begin(void **state) {
    (void)state;
    arena_init(&arena, 4096, 8 << 20);
    placeholders = (struct placeholders){.arena = &arena};
    return 0;
}

static int test_end(void **state) { return (void)state, arena_free(&arena), 0; }

static const char *c_str(struct str s) {
    char *copy = arena_take(&arena, s.len + 1);
    if (s.len) memcpy(copy, s.at, s.len);
    copy[s.len] = 0;
    return copy;
}

static const char *taken(const char *body) {
    struct str out;
    assert_true(placeholders_take(&placeholders, str_from(body), NULL, &arena, &out));
    return c_str(out);
}

static const char *told(void) {
    struct text text = text_in_arena(&arena, 16);
    placeholders_told_put(&placeholders, &text);
    return c_str(text_str(&text));
}

/* The answer in pieces of `size` bytes. */
static const char *returned(struct putting_back putting, const char *answer, size_t size) {
    struct text text = text_in_arena(&arena, 16);
    const struct str all = str_from(answer);
    putting.placeholders = &placeholders;
    for (size_t at = 0; at < all.len; at += size) put_back(&putting, str_slice(all, at, at + size), &text);
    put_back_end(&putting, &text);
    assert_false(text.failed);
    return c_str(text_str(&text));
}

/* -- taking out -- */

static void each_kind_has_its_word_and_a_number_for_each_value(void **state) {
    (void)state;
    assert_string_equal(taken("{\"input\":[\"ada@example.com and bob@example.com, ada@example.com\","
                              "\"+49 30 901820, 4111 1111 1111 1111, sk-abcdefgh12345678\"]}"),
                        "{\"input\":[\"<EMAIL_1> and <EMAIL_2>, <EMAIL_1>\",\"<PHONE_1>, <CARD_1>, sk-<KEY_1>\"]}");
    assert_string_equal(told(), "redacted email 3 phone 1 card 1 key 1");
    assert_int_equal(placeholders.count, 5);
    /* another body of the same request, of a tool's turn: the same words for the same values */
    assert_string_equal(taken("[\"eve@example.com bob@example.com\"]"), "[\"<EMAIL_3> <EMAIL_2>\"]");
    assert_string_equal(told(), "redacted email 5 phone 1 card 1 key 1");
}

static void kinds_have_their_names(void **state) {
    (void)state;
    static const char *const names[] = {"email", "phone", "card", "key", "own"};
    for (unsigned kind = 0; kind < placeholder_kinds; kind++)
        assert_true(str_eq(placeholder_kind_name(kind), str_from(names[kind])));
}

static void a_body_without_such_words_is_itself(void **state) {
    (void)state;
    const struct str body = STR("{\"a\": \"no \\u0041ddress\", \"b\": [1, true]}");
    struct str out;
    assert_true(placeholders_take(&placeholders, body, NULL, &arena, &out));
    assert_ptr_equal(out.at, body.at);
    assert_int_equal(out.len, body.len);
    assert_string_equal(told(), "");
}

/* What is escaped is found as what it says; what stands beside it keeps what it means. */
static void strings_are_read_as_what_they_say(void **state) {
    (void)state;
    assert_string_equal(taken("{\"text\":\"a\\n\\\"ada\\u0040example.com\\\" \\u00e9\"}"),
                        "{\"text\":\"a\\n\\\"<EMAIL_1>\\\" \xc3\xa9\"}");
    assert_true(str_eq(placeholders.list[0].word, STR("ada@example.com")));
}

static void what_names_a_thing_is_left_alone_but_not_within_a_tools_arguments(void **state) {
    (void)state;
    static const char *const names[] = {"model",
                                        "role",
                                        "type",
                                        "id",
                                        "call_id",
                                        "item_id",
                                        "tool_use_id",
                                        "tool_call_id",
                                        "data",
                                        "url",
                                        "image_url",
                                        "file_data",
                                        "file_id",
                                        "file_url",
                                        "uri",
                                        "file_uri",
                                        "fileUri",
                                        "signature",
                                        "user",
                                        "encrypted_content",
                                        "user_id",
                                        "thought_signature",
                                        "thoughtSignature",
                                        "safety_identifier",
                                        "prompt_cache_key",
                                        "previous_response_id",
                                        "mimeType",
                                        "mime_type",
                                        "media_type",
                                        "format",
                                        "thinking",
                                        "cachedContent"};
    static const char *const opens[] = {"input", "args", "response"};
    char body[160];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(body, sizeof body, "{\"%s\":\"ada@example.com\"}", names[i]);
        assert_string_equal(taken(body), body);
    }
    for (size_t i = 0; i < sizeof opens / sizeof *opens; i++) {
        snprintf(body, sizeof body, "{\"%s\":{\"x\":{\"id\":\"ada@example.com\"},\"user\":\"ada@example.com\"}}",
                 opens[i]);
        const char *out = taken(body);
        snprintf(body, sizeof body, "{\"%s\":{\"x\":{\"id\":\"<EMAIL_1>\"},\"user\":\"<EMAIL_1>\"}}", opens[i]);
        assert_string_equal(out, body);
    }
    assert_string_equal(taken("{\"args\":{\"id\":\"ada@example.com\"},\"id\":\"ada@example.com\"}"),
                        "{\"args\":{\"id\":\"<EMAIL_1>\"},\"id\":\"ada@example.com\"}"); /* it ends with the object */
    assert_string_equal(taken("{\"input\":[{\"id\":\"ada@example.com\"}]}"),
                        "{\"input\":[{\"id\":\"ada@example.com\"}]}"); /* a list of messages is no tool's */
    assert_string_equal(taken("{\"ada@example.com\":\"x\",\"email\":\"ada@example.com\"}"),
                        "{\"ada@example.com\":\"x\",\"email\":\"<EMAIL_1>\"}"); /* names of members stay */
}

/* Of a card or a telephone, which is a string from then on; what only has as many digits stays. */
static void whole_numbers_are_read_too(void **state) {
    (void)state;
    assert_string_equal(taken("{\"card\":4111111111111111,\"cards\":[5500005555555559, 1],\"n\":1}"),
                        "{\"card\":\"<CARD_1>\",\"cards\":[\"<CARD_2>\", 1],\"n\":1}");
    assert_string_equal(
        taken("{\"phone\":4930901820,\"Mobile_Number\":15551234567,\"phones\":[4930901820],\"tel\":5551234}"),
        "{\"phone\":\"<PHONE_1>\",\"Mobile_Number\":\"<PHONE_2>\",\"phones\":[\"<PHONE_1>\"],\"tel\":"
        "\"<PHONE_3>\"}");
    assert_string_equal(told(), "redacted phone 4 card 2");
    static const char *const same[] = {
        "{\"at\":1763856000009,\"ns\":1763856000000000000}", /* moments, the first of a card's digits */
        "{\"at\":1763856000007,\"us\":1763856000000000,\"ns\":1763856000000000007}", /* though their digits add up */
        "{\"seed\":4111111111111111}",
        "{\"id\":4111111111111111}",
        "{\"x\":0.4111111111111111,\"y\":4.111111111111111e15}",
        "{\"telemetry\":4930901820,\"phone\":123456,\"phone\":1234567890123456}",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) assert_string_equal(taken(same[i]), same[i]);
    assert_string_equal(taken("{\"input\":{\"id\":4111111111111111,\"seed\":4111111111111111}}"),
                        "{\"input\":{\"id\":\"<CARD_1>\",\"seed\":\"<CARD_1>\"}}");
}

/* JSON in a string is JSON afterwards. */
static void numbers_in_json_in_a_string_become_strings_in_it(void **state) {
    (void)state;
    assert_string_equal(taken("{\"arguments\":\"{\\\"card\\\": 4111111111111111, \\\"to\\\": \\\"ada@x.org\\\"}\"}"),
                        "{\"arguments\":\"{\\\"card\\\": \\\"<CARD_1>\\\", \\\"to\\\": \\\"<EMAIL_1>\\\"}\"}");
    assert_string_equal(taken("{\"arguments\":\"{\\\"card\\\": 4111111111111111\"}"), /* cut: it is words */
                        "{\"arguments\":\"{\\\"card\\\": <CARD_1>\"}");
}

static void numbers_that_stand_there_already_are_not_given_again(void **state) {
    (void)state;
    assert_string_equal(taken("[\"<EMAIL_7>, \\u003cEMAIL_8\\u003E, <CARD_3>\",\"ada@example.com +49 30 901820\"]"),
                        "[\"<EMAIL_7>, \\u003cEMAIL_8\\u003E, <CARD_3>\",\"<EMAIL_9> <PHONE_1>\"]");
    assert_string_equal(returned((struct putting_back){0}, "[\"<EMAIL_7> <EMAIL_8> <EMAIL_9>\"]", 100),
                        "[\"<EMAIL_7> <EMAIL_8> ada@example.com\"]");
}

static void what_is_no_json_is_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {"", "ada@example.com", "{\"a\":\"ada@example.com\"", "{\"a\":\"\\x\"}",
                                         "[\"ada@example.com\"]]"};
    struct str out;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (placeholders_take(&placeholders, str_from(bodies[i]), NULL, &arena, &out)) fail_msg("%s", bodies[i]);
}

static void an_operators_patterns_come_first(void **state) {
    (void)state;
    static const struct str own[] = {STR("KD-\\d+"), STR("ada@\\w+")};
    size_t bad;
    const char *problem;
    struct str out;
    struct pattern *pattern = pattern_new(own, 2, &bad, &problem);
    assert_non_null(pattern);
    assert_true(placeholders_take(&placeholders, STR("[\"KD-1 bob@x.org KD-22 KD-1\",\"ada@home.org\",\"KD-\"]"),
                                  pattern, &arena, &out));
    assert_string_equal(c_str(out), "[\"<PRIVATE_1> <EMAIL_1> <PRIVATE_2> <PRIVATE_1>\",\"<PRIVATE_3>.org\",\"KD-\"]");
    assert_string_equal(told(), "redacted email 1 own 4");
    assert_string_equal(returned((struct putting_back){0}, "[\"<PRIVATE_2> <EMAIL_1>\"]", 100),
                        "[\"KD-22 bob@x.org\"]");
    pattern_free(pattern);
}

/* Its work is bounded for a body: of the string where it is used up the rest is one word, and each string behind it. */
static void where_a_pattern_takes_too_long_the_rest_is_one_word(void **state) {
    (void)state;
    static const struct str own = STR("k|a.*(a?){200}a{200}z");
    enum { size = 40000 };
    static char body[size + 20];
    size_t bad;
    const char *problem;
    struct str out;
    struct pattern *pattern = pattern_new(&own, 1, &bad, &problem);
    assert_non_null(pattern);
    memset(body, 'a', sizeof body);
    memcpy(body, "[\"k me@x.org ", 13);
    memcpy(body + size, "\",\"bob@example.com\"]", 20);
    assert_true(placeholders_take(&placeholders, str_make(body, sizeof body), pattern, &arena, &out));
    assert_string_equal(c_str(out), "[\"<PRIVATE_1> <EMAIL_1> <PRIVATE_2>\",\"<PRIVATE_3>\"]");
    assert_int_equal(placeholders.list[2].word.len, size - 13);
    assert_true(str_eq(placeholders.list[3].word, STR("bob@example.com")));
    pattern_free(pattern);
}

/* Of one request; what is too many is hidden all the same. */
static void words_behind_the_last_number_are_hidden_and_not_put_back(void **state) {
    (void)state;
    struct text body = text_in_arena(&arena, 65536);
    struct str out;
    text_put_byte(&body, '[');
    for (unsigned i = 1; i <= placeholders_max + 2; i++) text_printf(&body, "%s\"u%u@x.org\"", i > 1 ? "," : "", i);
    text_put(&body, STR(",\"u7@x.org\"]"));
    assert_true(placeholders_take(&placeholders, text_str(&body), NULL, &arena, &out));
    assert_int_equal(placeholders.count, placeholders_max);
    assert_int_equal(placeholders.replaced[redact_email], placeholders_max + 3);
    const char *written = c_str(out);
    assert_non_null(strstr(written, "\"<EMAIL_4095>\",\"<EMAIL_4096>\",\"<EMAIL_0>\",\"<EMAIL_0>\",\"<EMAIL_7>\"]"));
    assert_string_equal(returned((struct putting_back){0}, "[\"<EMAIL_0> <EMAIL_1> <EMAIL_1025> <EMAIL_4096>\"]", 9),
                        "[\"<EMAIL_0> u1@x.org u1025@x.org u4096@x.org\"]");
}

/* -- putting back -- */

static void it_comes_back_over_any_cut(void **state) {
    (void)state;
    taken("[\"ada@example.com\",\"+49 30 901820\"]");
    static const struct {
        const char *answer, *read;
    } rows[] = {
        {"{\"a\":\"to <EMAIL_1>, <PHONE_1>.\"}", "{\"a\":\"to ada@example.com, +49 30 901820.\"}"},
        {"{\"a\":\"\\u003cEMAIL_1\\u003e \\u003CEMAIL_1>\"}", "{\"a\":\"ada@example.com ada@example.com\"}"},
        {"{\"a\":\"<<EMAIL_1>>\"}", "{\"a\":\"<ada@example.com>\"}"},
        {"{\"a\":\"\\\\<EMAIL_1>\\\"<EMAIL_1>\"}", "{\"a\":\"\\\\ada@example.com\\\"ada@example.com\"}"},
        {"{\"a\":\"<EMAIL_1>\"}\n{\"a\":\"<PHONE_1>\"}\n", "{\"a\":\"ada@example.com\"}\n{\"a\":\"+49 30 901820\"}\n"},
        /* what is none of them */
        {"{\"a\":\"<EMAIL_2> <EMAIL_> <EMAIL_1 > <EMAIL1> <MAIL_1> <email_1>\"}",
         "{\"a\":\"<EMAIL_2> <EMAIL_> <EMAIL_1 > <EMAIL1> <MAIL_1> <email_1>\"}"},
        {"{\"a\":\"<PHONE_2> <CARD_1> <EMAIL_0000001>\"}", "{\"a\":\"<PHONE_2> <CARD_1> <EMAIL_0000001>\"}"},
        {"{\"a\":\"<EMAIL_000001>\"}", "{\"a\":\"ada@example.com\"}"}, /* six digits */
        {"{\"a\":\"\\u003dEMAIL_1\\u003e \\\\u003cEMAIL_1>\"}", "{\"a\":\"\\u003dEMAIL_1\\u003e \\\\u003cEMAIL_1>\"}"},
        {"<EMAIL_1>{\"a\":1}<EMAIL_1>", "<EMAIL_1>{\"a\":1}<EMAIL_1>"}, /* in no string */
        {"{\"a\":\"<EMAIL_1", "{\"a\":\"<EMAIL_1"},                     /* cut off */
        {"{\"a\":\"\\u003", "{\"a\":\"\\u003"},
        {"{\"a\":\"\\", "{\"a\":\"\\"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t size = 1; size <= strlen(rows[i].answer); size++)
            assert_string_equal(returned((struct putting_back){0}, rows[i].answer, size), rows[i].read);
}

static void a_word_is_written_as_json_writes_it(void **state) {
    (void)state;
    static const struct str own = STR("\"[^\"]*\"");
    size_t bad;
    const char *problem;
    struct str out;
    struct pattern *pattern = pattern_new(&own, 1, &bad, &problem);
    assert_true(placeholders_take(&placeholders, STR("[\"say \\\"a\\\\b\\n\\\"\"]"), pattern, &arena, &out));
    assert_string_equal(c_str(out), "[\"say <PRIVATE_1>\"]");
    /* plain; and inside of JSON that stands in a string, twice */
    static const struct {
        const char *answer, *read;
    } rows[] = {
        {"{\"content\":\"<PRIVATE_1>\"}", "{\"content\":\"\\\"a\\\\b\\n\\\"\"}"},
        {"{\"arguments\":\"{<PRIVATE_1>}\"}", "{\"arguments\":\"{\\\\\\\"a\\\\\\\\b\\\\n\\\\\\\"}\"}"},
        {"{\"partial_json\" : \"<PRIVATE_1>\"}", "{\"partial_json\" : \"\\\\\\\"a\\\\\\\\b\\\\n\\\\\\\"\"}"},
        {"{\"delta\":\"<PRIVATE_1>\"}", "{\"delta\":\"\\\"a\\\\b\\n\\\"\"}"},
        {"{\"x_arguments\":\"<PRIVATE_1>\"}", "{\"x_arguments\":\"\\\"a\\\\b\\n\\\"\"}"},
        {"{\"arguments\":{\"a\":\"<PRIVATE_1>\"}}", "{\"arguments\":{\"a\":\"\\\"a\\\\b\\n\\\"\"}}"},
        {"[\"arguments\",\"<PRIVATE_1>\"]", "[\"arguments\",\"\\\"a\\\\b\\n\\\"\"]"}, /* no member */
        {"{\"arguments\":\"x\",\"b\":\"<PRIVATE_1>\"}", "{\"arguments\":\"x\",\"b\":\"\\\"a\\\\b\\n\\\"\"}"},
        {"{\"arguments\":\t\"<PRIVATE_1>\"}", "{\"arguments\":\t\"\\\\\\\"a\\\\\\\\b\\\\n\\\\\\\"\"}"},
        {"{\"arguments\" :\r\n\"<PRIVATE_1>\"}", "{\"arguments\" :\r\n\"\\\\\\\"a\\\\\\\\b\\\\n\\\\\\\"\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t size = 1; size <= strlen(rows[i].answer); size++)
            assert_string_equal(returned((struct putting_back){0}, rows[i].answer, size), rows[i].read);
    assert_string_equal(returned((struct putting_back){.nested_delta = true}, "{\"delta\":\"<PRIVATE_1>\"}", 5),
                        "{\"delta\":\"\\\\\\\"a\\\\\\\\b\\\\n\\\\\\\"\"}");
    pattern_free(pattern);
}

/* Twice escaped a word is up to thirty-six times as long as it is. */
static void a_long_word_comes_back_inside_of_json_in_a_string(void **state) {
    (void)state;
    static const struct str own = STR("#.*#");
    enum { size = 3000 };
    char body[size + 4], want[size * 3 + 64];
    size_t bad, at = 0;
    const char *problem;
    struct str out;
    struct pattern *pattern = pattern_new(&own, 1, &bad, &problem);
    memset(body, '/', sizeof body);
    memcpy(body, "[\"#", 3);
    memcpy(body + size, "#\"]", 3);
    for (unsigned i = 3; i + 1 < size; i += 2) memcpy(body + i, "\\n", 2);
    if (!(size % 2)) body[size - 1] = 'x';
    assert_true(placeholders_take(&placeholders, str_make(body, size + 3), pattern, &arena, &out));
    assert_string_equal(c_str(out), "[\"<PRIVATE_1>\"]");
    at += (size_t)snprintf(want, sizeof want, "{\"arguments\":\"#");
    for (unsigned i = 3; i + 1 < size; i += 2) at += (size_t)snprintf(want + at, sizeof want - at, "\\\\n");
    snprintf(want + at, sizeof want - at, "x#\"}");
    assert_string_equal(returned((struct putting_back){0}, "{\"arguments\":\"<PRIVATE_1>\"}", 7), want);
    pattern_free(pattern);
}

static void the_end_of_a_text_that_may_begin_one_is_told(void **state) {
    (void)state;
    static const struct {
        const char *written;
        size_t at;
    } rows[] = {
        {"", 0},
        {"mail", 4},
        {"a <", 2},
        {"a <EMAI", 2},
        {"a <EMAIL", 2},
        {"a <EMAIL_", 2},
        {"a <EMAIL_123456", 2},
        {"a <EMAIL_1234567", 16}, /* too many digits */
        {"a <EMAIL_1>", 11},
        {"a <EMAIL_1> <P", 12},
        {"a <b", 4},
        {"<K<", 2},
        {"a \\", 2},
        {"a \\u003", 2},
        {"a \\u003c", 2},
        {"a \\u003cEMAIL_1\\u003", 2},
        {"a \\u003cEMAIL_1\\u003e", 21},
        {"a \\u003d", 8},
        {"a \\\\u003", 8}, /* an escaped backslash begins nothing */
        {"a \\n", 4},
        {"<EMAIL_<PHONE_1", 7},
        {"<PRIVATE_123456", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t at = placeholder_cut(str_from(rows[i].written));
        if (at != rows[i].at) fail_msg("%s: %zu", rows[i].written, at);
    }
}

/* Where a word's number has no room it is hidden all the same, as one of those behind the last. */
static void without_memory_it_is_refused_or_hidden(void **state) {
    (void)state;
    struct str out;
    bool whole = false;
    for (size_t limit = 64; limit < 64 * 1024 && !whole; limit += 64) {
        struct arena small;
        arena_init(&small, 64, limit);
        struct placeholders few = {.arena = &small};
        if (placeholders_take(&few, STR("[\"ada@example.com bob@example.com\"]"), NULL, &small, &out)) {
            whole = few.count == 2;
            assert_string_equal(c_str(out), whole            ? "[\"<EMAIL_1> <EMAIL_2>\"]"
                                            : few.count == 1 ? "[\"<EMAIL_1> <EMAIL_0>\"]"
                                                             : "[\"<EMAIL_0> <EMAIL_0>\"]");
        }
        arena_free(&small);
    }
    assert_true(whole);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_begin, test_end)
    const struct CMUnitTest tests[] = {
        TEST(each_kind_has_its_word_and_a_number_for_each_value),
        TEST(kinds_have_their_names),
        TEST(a_body_without_such_words_is_itself),
        TEST(strings_are_read_as_what_they_say),
        TEST(what_names_a_thing_is_left_alone_but_not_within_a_tools_arguments),
        TEST(whole_numbers_are_read_too),
        TEST(numbers_in_json_in_a_string_become_strings_in_it),
        TEST(numbers_that_stand_there_already_are_not_given_again),
        TEST(what_is_no_json_is_refused),
        TEST(an_operators_patterns_come_first),
        TEST(where_a_pattern_takes_too_long_the_rest_is_one_word),
        TEST(words_behind_the_last_number_are_hidden_and_not_put_back),
        TEST(it_comes_back_over_any_cut),
        TEST(a_word_is_written_as_json_writes_it),
        TEST(a_long_word_comes_back_inside_of_json_in_a_string),
        TEST(the_end_of_a_text_that_may_begin_one_is_told),
        TEST(without_memory_it_is_refused_or_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
