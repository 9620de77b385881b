/* turn_test.c - a turn as it is kept: what was asked and answered in any dialect, whole or streamed, in one form; and
 * the links by which the next turn finds it. */
#include "dialect/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/text.h"

static struct arena arena;

static int test_begin(void **state) { return (void)state, arena_init(&arena, 4096, 64 << 20), 0; }
static int test_end(void **state) { return (void)state, arena_free(&arena), 0; }

/* model|id|previous|messages|answer|alternatives, "cut" where it is. */
static const char *turn_told(const struct turn *turn) {
    struct text text = text_in_arena(&arena, 256);
    text_put(&text, turn->model);
    text_put_byte(&text, '|');
    text_put(&text, turn->answer_id);
    text_put_byte(&text, '|');
    text_put(&text, turn->previous);
    text_put_byte(&text, '|');
    for (size_t i = 0; i < turn->message_count; i++) text_put(&text, turn->messages[i]);
    text_put_byte(&text, '|');
    text_put(&text, turn->answer);
    text_put_byte(&text, '|');
    text_put(&text, turn->alternatives);
    text_put(&text, turn->cut ? STR("|cut") : STR(""));
    text_put_byte(&text, 0);
    return text.at;
}

static struct turn turn_of(enum endpoint endpoint, const char *body, const char *answer, bool streamed) {
    struct turn turn;
    assert_true(turn_read(&(struct turn_said){.endpoint = endpoint,
                                              .path_model = endpoint == endpoint_generate ? STR("path-m") : STR(""),
                                              .body = str_from(body),
                                              .answer = str_from(answer),
                                              .streamed = streamed},
                          &arena, &turn));
    return turn;
}

static void check(enum endpoint endpoint, const char *body, const char *answer, bool streamed, const char *want) {
    struct turn turn = turn_of(endpoint, body, answer, streamed);
    assert_string_equal(turn_told(&turn), want);
}

#define CHAT                                                                                                        \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be short\"},{\"role\":\"user\",\"content\":" \
    "\"Hi\"}]}"
#define PROMPT "{\"model\":\"m\",\"prompt\":\"Once\"}"
#define MESSAGES                                                       \
    "{\"model\":\"c\",\"max_tokens\":9,\"system\":\"Be "               \
    "short\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":" \
    "\"text\",\"text\":\"Hi\"}]}]}"
#define RESPONSES "{\"model\":\"r\",\"instructions\":\"Be short\",\"input\":\"Hi\",\"previous_response_id\":\"resp_0\"}"
#define GENERATE                                                        \
    "{\"systemInstruction\":{\"parts\":[{\"text\":\"Be "                \
    "short\"}]},\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":" \
    "\"Hi\"}]}]}"
#define SAID "{\"role\":\"system\",\"content\":\"Be short\"}{\"role\":\"user\",\"content\":\"Hi\"}|"
#define ONCE "{\"role\":\"user\",\"content\":\"Once\"}|"
#define ANSWER(words) "{\"role\":\"assistant\",\"content\":\"" words "\"}"
#define CALLS "[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"a\\\":1}\"}}]"
#define FINISHED "\"finish_reason\":\"stop\""

static void whole_answers_of_every_dialect_become_one_form(void **state) {
    (void)state;
    static const struct {
        enum endpoint endpoint;
        const char *body, *answer, *turn;
    } rows[] = {
        {endpoint_chat, CHAT,
         "{\"id\":\"c1\",\"choices\":[{\"index\":0,\"message\":" ANSWER("Hello") "," FINISHED "}]}",
         "m|c1||" SAID ANSWER("Hello") "|"},
        {endpoint_chat, CHAT,
         "{\"id\":\"c1\",\"choices\":[{\"index\":0,\"message\":" ANSWER(
             "A") "," FINISHED "},{\"index\":1,\"message\":" ANSWER("B") "," FINISHED
                                                                         "},{\"index\":2,\"message\":" ANSWER(
                                                                             "C") "," FINISHED "}]}",
         "m|c1||" SAID ANSWER("A") "|[" ANSWER("B") "," ANSWER("C") "]"},
        {endpoint_completions, PROMPT, "{\"id\":\"t1\",\"choices\":[{\"index\":0,\"text\":\" upon\"," FINISHED "}]}",
         "m|t1||" ONCE ANSWER(" upon") "|"},
        {endpoint_messages, MESSAGES,
         "{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
         "\"hm\","
         "\"signature\":\"s\"},{\"type\":\"text\",\"text\":\"Hello\"},{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":"
         "\"look\","
         "\"input\":{\"a\":1}}],\"stop_reason\":\"tool_use\"}",
         "c|m1||" SAID "{\"role\":\"assistant\",\"content\":\"Hello\",\"tool_calls\":" CALLS "}|"},
        {endpoint_responses, RESPONSES,
         "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"output\":[{\"type\":\"message\","
         "\"role\":"
         "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hello\"}]}]}",
         "r|resp_1|resp_0|" SAID ANSWER("Hello") "|"},
        {endpoint_generate, GENERATE,
         "{\"responseId\":\"g1\",\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}],\"role\":\"model\"},"
         "\"finishReason\":\"STOP\"}]}",
         "path-m|g1||" SAID ANSWER("Hello") "|"},
        /* where none came, or what came is an error */
        {endpoint_chat, CHAT, "", "m|||" SAID "||cut"},
        {endpoint_chat, CHAT, "{\"error\":{\"message\":\"x\"}}", "m|||" SAID "||cut"},
        {endpoint_completions, PROMPT, "{\"id\":\"t1\",\"choices\":[{\"index\":0,", "m|||" ONCE "||cut"},
        {endpoint_completions, PROMPT, "{\"id\":\"t1\",\"choices\":[]}", "m|t1||" ONCE "||cut"},
        {endpoint_completions, PROMPT, "{\"id\":\"t1\",\"choices\":[{\"text\":\"a\",\"finish_reason\":null}]}",
         "m|t1||" ONCE ANSWER("a") "||cut"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(rows[i].endpoint, rows[i].body, rows[i].answer, false, rows[i].turn);
}

#define CHUNK(index, rest) "data: {\"id\":\"c1\",\"choices\":[{\"index\":" #index "," rest "}]}\n\n"
#define TEXT(index, words) CHUNK(index, "\"delta\":{\"content\":\"" words "\"}")
#define TOOL(number, rest) CHUNK(0, "\"delta\":{\"tool_calls\":[{\"index\":" #number "," rest "}]}")
#define END(index) CHUNK(index, "\"delta\":{}," FINISHED)
#define TEXT_PART "{\"type\":\"output_text\",\"text\":\"Hello\"}"
#define RESPONSE(rest) "{\"id\":\"resp_1\",\"status\":\"" rest "}"
#define CANDIDATE(words, rest) \
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" words "\"}],\"role\":\"model\"}" rest "}]}"

static void streams_of_every_dialect_become_the_same_form(void **state) {
    (void)state;
    static const struct {
        enum endpoint endpoint;
        const char *body, *answer, *turn;
    } rows[] = {
        {endpoint_chat, CHAT, TEXT(0, "Hel") ": ping\n\n" TEXT(0, "lo") END(0) "data: [DONE]\n\n",
         "m|c1||" SAID ANSWER("Hello") "|"},
        {endpoint_chat, CHAT,
         TEXT(0, "A") TEXT(1, "B") TEXT(0, "a") CHUNK(2, "\"delta\":{\"refusal\":\"No\"}") END(0) END(2) END(1),
         "m|c1||" SAID ANSWER("Aa") "|[" ANSWER("B") ",{\"role\":\"assistant\",\"content\":\"\",\"refusal\":\"No\"}]"},
        {endpoint_chat, CHAT,
         TEXT(0, "Hello") TOOL(1, "\"id\":\"t1\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"a\"}")
             TOOL(1, "\"function\":{\"arguments\":\"\\\":1}\"}") END(0),
         "m|c1||" SAID "{\"role\":\"assistant\",\"content\":\"Hello\",\"tool_calls\":" CALLS "}|"},
        {endpoint_completions, PROMPT,
         "data: {\"id\":\"t1\",\"choices\":[{\"index\":0,\"text\":\" up\"}]}\n\ndata: "
         "{\"id\":\"t2\",\"choices\":[{\"index\":0,"
         "\"text\":\"on\"," FINISHED "}]}\n\ndata: [DONE]\n\n",
         "m|t1||" ONCE ANSWER(" upon") "|"},
        {endpoint_messages, MESSAGES,
         "event: message_start\ndata: "
         "{\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"role\":"
         "\"assistant\",\"content\":[]}}\n\n"
         "event: content_block_start\ndata: "
         "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
         "\"text\":\"\"}}\n\n"
         "event: content_block_delta\ndata: "
         "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
         "\"text\":\"Hello\"}}\n\n"
         "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n",
         "c|m1||" SAID ANSWER("Hello") "|"},
        {endpoint_responses, RESPONSES,
         "data: {\"type\":\"response.created\",\"response\":" RESPONSE(
             "in_progress\"") "}\n\n"
                              "data: "
                              "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,"
                              "\"delta\":\"Hello\"}\n\n"
                              "data: {\"type\":\"response.completed\",\"response\":" RESPONSE(
                                  "completed\",\"output\":[{\"type\":\"message\",\"role\":"
                                  "\"assistant\",\"content\":[" TEXT_PART "]}]") "}\n\n",
         "r|resp_1|resp_0|" SAID ANSWER("Hello") "|"},
        {endpoint_generate, GENERATE,
         "data: " CANDIDATE("Hel", "") "\n\ndata: " CANDIDATE("lo", ",\"finishReason\":\"STOP\"") "\n\n",
         "path-m|||" SAID ANSWER("Hello") "|"},
        {endpoint_generate, GENERATE, " [" CANDIDATE("Hel", "") ",\n" CANDIDATE("lo", ",\"finishReason\":\"STOP\"") "]",
         "path-m|||" SAID ANSWER("Hello") "|"},
        /* what did not come to its end */
        {endpoint_chat, CHAT, "", "m|||" SAID "||cut"},
        {endpoint_chat, CHAT, TEXT(0, "Hel"), "m|c1||" SAID ANSWER("Hel") "||cut"},
        {endpoint_chat, CHAT, TEXT(0, "A") TEXT(1, "B") END(0), "m|c1||" SAID ANSWER("A") "|[" ANSWER("B") "]|cut"},
        {endpoint_chat, CHAT, TEXT(0, "A") END(0) "data: {\"error\":{\"message\":\"x\"}}\n\n",
         "m|c1||" SAID ANSWER("A") "||cut"},
        {endpoint_chat, CHAT, TEXT(0, "A") "data: {no JSON\n\n" TEXT(0, "B") END(0), "m|c1||" SAID ANSWER("AB") "|"},
        {endpoint_chat, CHAT, TEXT(0, "A") "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"B\"}}]}\n",
         "m|c1||" SAID ANSWER("A") "||cut"},
        {endpoint_generate, GENERATE, "[" CANDIDATE("Hel", "") ",", "path-m|||" SAID "||cut"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(rows[i].endpoint, rows[i].body, rows[i].answer, true, rows[i].turn);
}

/* 128 answers are kept; a call that has no name is none, and one is known by its number. */
static void what_is_beyond_the_limits_is_left_out(void **state) {
    (void)state;
    static const struct {
        const char *answer, *turn;
    } rows[] = {
        {TEXT(0, "A") TOOL(3, "\"id\":\"t1\",\"function\":{\"arguments\":\"{}\"}") END(0),
         "m|c1||" SAID ANSWER("A") "|"},
        {TEXT(0, "A") TOOL(255, "\"id\":\"t1\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"a\\\":1}\"}")
             END(0),
         "m|c1||" SAID "{\"role\":\"assistant\",\"content\":\"A\",\"tool_calls\":" CALLS "}|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(endpoint_chat, CHAT, rows[i].answer, true, rows[i].turn);
    struct turn turn =
        turn_of(endpoint_completions, PROMPT,
                "{\"choices\":[{\"index\":128,\"text\":\"B\"},{\"index\":-1,\"text\":\"C\"},{\"index\":127,\"text\":"
                "\"last\"," FINISHED "}]}",
                false);
    assert_true(str_ends(turn.alternatives, STR("," ANSWER("last") "]")) && turn.cut);
    assert_int_equal(str_find(turn.alternatives, STR("B")), SIZE_MAX);
    assert_int_equal(str_find(turn.alternatives, STR("C")), SIZE_MAX);
}

/* As many calls as are kept, and one more. */
static void calls_of_a_stream_have_their_limit(void **state) {
    struct text answer = text_in_arena(&arena, 4096);
    (void)state;
    text_put(&answer, STR("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\"}}\n\n"));
    for (int i = 0; i < 257; i++)
        text_printf(&answer,
                    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%d,"
                    "\"content_block\":{\"type\":\"tool_use\",\"id\":\"t%d\",\"name\":\"f\",\"input\":{}}}\n\n",
                    i, i);
    text_put(&answer, STR("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    text_put_byte(&answer, 0);
    struct turn turn = turn_of(endpoint_messages, MESSAGES, answer.at, true);
    assert_true(str_find(turn.answer, STR("\"t255\"")) < turn.answer.len);
    assert_int_equal(str_find(turn.answer, STR("\"t256\"")), SIZE_MAX);
}

static void a_request_that_cannot_be_read_is_no_turn(void **state) {
    (void)state;
    struct turn turn;
    assert_false(turn_read(&(struct turn_said){.endpoint = endpoint_chat, .body = STR("{no")}, &arena, &turn));
    assert_false(
        turn_read(&(struct turn_said){.endpoint = endpoint_chat, .body = STR("{\"model\":\"m\"}")}, &arena, &turn));
}

/* -- links -- */

#define USER(words) "{\"role\":\"user\",\"content\":\"" words "\"}"
#define TURN(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
#define WHOLE(message) "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":" message "," FINISHED "}]}"

static bool finds(const char *next, const struct turn *turn, size_t known) {
    struct turn later = turn_of(endpoint_chat, next, "", false);
    for (size_t i = 0; i < later.link_count; i++)
        if (!memcmp(&later.links[i].hash, &turn->link, sizeof turn->link)) return later.links[i].known == known;
    return false;
}

static void the_next_turn_finds_the_one_before_it(void **state) {
    (void)state;
    struct turn first = turn_of(endpoint_chat, TURN(USER("Hi")), WHOLE(ANSWER("Hello ")), false);
    assert_int_equal(first.link_count, 0); /* nothing was answered before it */
    assert_true(finds(TURN(USER("Hi") "," ANSWER("Hello ") "," USER("Go on")), &first, 2));
    assert_true(finds(TURN(USER("Hi") "," ANSWER("Hello")), &first, 2)); /* but for blanks at its ends */
    assert_true(finds(TURN("{\"role\":\"system\",\"content\":\"New\"}," USER("Hi") "," ANSWER("Hello")), &first, 3));
    assert_true(finds(TURN("{\"role\":\"developer\",\"content\":\"New\"}," USER("Hi") "," ANSWER("Hello")), &first, 3));
    assert_false(finds(TURN(USER("Hi!") "," ANSWER("Hello")), &first, 2));
    assert_false(finds(TURN(USER("Hi") "," ANSWER("Hullo")), &first, 2));
    assert_false(finds(TURN(USER("Hi") "," USER("Hello")), &first, 2));
    assert_false(finds(TURN(USER("Hi") "," USER("x") "," ANSWER("Hello")), &first, 3));
    struct turn parted = turn_of(endpoint_chat, TURN(USER("Hi")), WHOLE(ANSWER("one\\n\\ntwo")), false);
    assert_true(
        finds(TURN(USER("Hi") ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},{\"type\":"
                              "\"text\",\"text\":\"two\"}]}"),
              &parted, 2));
}

static void several_messages_of_one_answer_are_one(void **state) {
    (void)state;
    struct turn first = turn_of(endpoint_chat, TURN(USER("Hi")), WHOLE(ANSWER("Hello you")), false);
    assert_true(finds(TURN(USER("Hi") "," ANSWER("Hello ") "," ANSWER("you") "," USER("Go on")), &first, 3));
    struct turn later =
        turn_of(endpoint_chat,
                TURN(USER("a") "," ANSWER("b") "," USER("c") "," ANSWER("d") "," ANSWER("e") "," USER("f")), "", false);
    assert_int_equal(later.link_count, 2);
    assert_int_equal(later.links[0].known, 5); /* the longest first */
    assert_int_equal(later.links[1].known, 2);
}

static void what_an_answer_calls_belongs_to_its_link_and_what_it_called_it_with_does_not(void **state) {
    (void)state;
#define CALLING(name, arguments)                                                                                  \
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"t\",\"type\":\"function\",\"function\":{" \
    "\"name\":\"" name "\",\"arguments\":\"" arguments "\"}}]}"
    struct turn first = turn_of(endpoint_chat, TURN(USER("Hi")), WHOLE(CALLING("look", "{}")), false);
    assert_true(finds(TURN(USER("Hi") "," CALLING("look", "{ }")), &first, 2));
    assert_false(finds(TURN(USER("Hi") "," CALLING("find", "{}")), &first, 2));
    assert_false(finds(TURN(USER("Hi") "," ANSWER("look")), &first, 2));
    struct turn refused = turn_of(endpoint_chat, TURN(USER("Hi")),
                                  WHOLE("{\"role\":\"assistant\",\"content\":null,\"refusal\":\"No\"}"), false);
    assert_true(finds(TURN(USER("Hi") ",{\"role\":\"assistant\",\"content\":null,\"refusal\":\"No\"}"), &refused, 2));
    assert_false(finds(TURN(USER("Hi") ",{\"role\":\"assistant\",\"content\":null,\"refusal\":\"Nay\"}"), &refused, 2));
}

/* The same words lead to the same link in every dialect. */
static void a_link_is_the_same_whatever_the_dialect(void **state) {
    (void)state;
    struct turn chat = turn_of(endpoint_chat, CHAT, TEXT(0, "Hello") END(0), true);
    struct turn messages =
        turn_of(endpoint_messages, MESSAGES,
                "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
                "\"text\":\"Hello\"}],\"stop_reason\":\"end_turn\"}",
                false);
    struct turn unanswered = turn_of(endpoint_chat, CHAT, "", false);
    assert_memory_equal(&chat.link, &messages.link, sizeof chat.link);
    assert_memory_not_equal(&chat.link, &unanswered.link, sizeof chat.link);
}

static void of_a_long_conversation_the_longest_links_are_kept(void **state) {
    (void)state;
    struct text body = text_in_arena(&arena, 4096);
    text_put(&body, STR("{\"model\":\"m\",\"messages\":["));
    for (unsigned i = 0; i < turn_links_max + 2; i++)
        text_put(&body, i ? STR("," USER("a") "," ANSWER("b")) : STR(USER("a") "," ANSWER("b")));
    text_put(&body, STR("]}"));
    text_put_byte(&body, 0);
    struct turn turn = turn_of(endpoint_chat, body.at, "", false);
    assert_int_equal(turn.link_count, turn_links_max);
    for (size_t i = 0; i < turn_links_max; i++) assert_int_equal(turn.links[i].known, 2 * (turn_links_max + 2 - i));
}

/* With memory for a part of the work there is no turn, or all of it. */
static void without_memory_there_is_none(void **state) {
    (void)state;
    static const struct turn_said said[] = {
        {.endpoint = endpoint_chat,
         .body = STR(CHAT),
         .answer = STR(TEXT(0, "A") TEXT(1, "B")
                           TOOL(0, "\"id\":\"t\",\"function\":{\"name\":\"n\",\"arguments\":\"{}\"}") END(0) END(1)),
         .streamed = true},
        {.endpoint = endpoint_chat,
         .body = STR(TURN(USER("a") "," ANSWER("b") "," USER("c"))),
         .answer = STR(WHOLE(ANSWER("d")))},
        {.endpoint = endpoint_completions,
         .body = STR(PROMPT),
         .answer = STR("{\"id\":\"t\",\"choices\":[{\"text\":\"a\"," FINISHED "}]}")},
        {.endpoint = endpoint_generate,
         .path_model = STR("g"),
         .body = STR(GENERATE),
         .answer = STR("[" CANDIDATE("a", "") "]"),
         .streamed = true},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct turn turn, want;
        bool good = false;
        unsigned refused = 0;
        assert_true(turn_read(&said[i], &arena, &want));
        for (size_t limit = 256; !good && limit < 1 << 20; limit += 256) {
            struct arena small;
            arena_init(&small, 256, limit);
            good = turn_read(&said[i], &small, &turn) && turn.answer.len;
            if (good) assert_string_equal(turn_told(&turn), turn_told(&want));
            refused += !good;
            arena_free(&small);
        }
        assert_true(good && refused > 10);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_begin, test_end)
    const struct CMUnitTest tests[] = {
        TEST(whole_answers_of_every_dialect_become_one_form),
        TEST(streams_of_every_dialect_become_the_same_form),
        TEST(what_is_beyond_the_limits_is_left_out),
        TEST(calls_of_a_stream_have_their_limit),
        TEST(a_request_that_cannot_be_read_is_no_turn),
        TEST(the_next_turn_finds_the_one_before_it),
        TEST(several_messages_of_one_answer_are_one),
        TEST(what_an_answer_calls_belongs_to_its_link_and_what_it_called_it_with_does_not),
        TEST(a_link_is_the_same_whatever_the_dialect),
        TEST(of_a_long_conversation_the_longest_links_are_kept),
        TEST(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
