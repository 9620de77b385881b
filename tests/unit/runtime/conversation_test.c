/* conversation_test.c - what is gathered of a turn: how much of it, within whose memory, and what of it is told. */
#include "runtime/conversation.h"

#include "../flight/flight_world.h"
#include "observe/spans.h"

static const char yaml[] = "state_dir: ./state\nproviders:\n  o: {type: openai, api_key: k, models: [m]}\n";

struct gathered {
    struct flight_world world;
    struct flight *flight;
    struct budget whole;
    struct conversation *conversation;
};

static void turn_begin(struct gathered *turn, size_t limit) {
    const struct flight_request asked = {.endpoint = endpoint_chat, .request_id = STR("r1")};
    memset(turn, 0, sizeof *turn);
    flight_world_begin(&turn->world, yaml);
    turn->flight = flight_world_ask(&turn->world, FLIGHT_CHAT("m", "true"));
    turn->whole.limit = limit;
    turn->conversation = conversation_new(&asked, true, &turn->whole);
    assert_non_null(turn->conversation);
}

static void turn_end(struct gathered *turn) {
    conversation_end(turn->conversation, turn->flight, NULL, NULL, turn->world.now);
    assert_int_equal(turn->whole.taken, 0);
    flight_world_drop(&turn->world, turn->flight);
    flight_world_end(&turn->world);
}

static struct str bytes_of(size_t size) {
    static char bytes[2 * spans_content_most + 1];
    memset(bytes, 'x', sizeof bytes);
    return str_make(bytes, size);
}

static void a_turn_counts_in_the_memory_of_whom_it_is(void **state) {
    struct gathered turn;
    struct turn_said said;
    const struct str two[] = {STR("a"), bytes_of(20000)};
    (void)state;
    turn_begin(&turn, 1 << 20);
    const size_t begun = turn.whole.taken;
    assert_true(begun > 0);
    conversation_sent(turn.conversation, bytes_of(10000));
    const size_t sent = turn.whole.taken;
    assert_true(sent >= begun + 10000);
    conversation_answered(turn.conversation, 200, NULL, 0);
    conversation_said(turn.conversation, two, 2);
    assert_true(turn.whole.taken >= sent + 20001);
    assert_true(conversation_content(turn.conversation, &said));
    assert_int_equal(said.body.len, 10000);
    assert_int_equal(said.answer.len, 20001);
    assert_true(str_starts(said.answer, STR("axx")) && !said.streamed);
    turn_end(&turn);
}

/* Of both together twice as much as a span tells of one; then of neither, and their memory is given back. */
static void what_is_too_large_or_finds_no_room_is_given_up(void **state) {
    static const struct {
        size_t limit, sent, said;
        bool kept;
    } rows[] = {
        {8 << 20, 1000, 2 * spans_content_most - 1000, true},
        {8 << 20, 1000, 2 * spans_content_most - 999, false},
        {8 << 20, 2 * spans_content_most, 0, true},
        {8 << 20, 2 * spans_content_most + 1, 0, false},
        {48 << 10, 1000, 1000, true},
        {48 << 10, 1000, 60000, false},
        {48 << 10, 60000, 1000, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gathered turn;
        struct turn_said said;
        const struct str piece = bytes_of(rows[i].said);
        turn_begin(&turn, rows[i].limit);
        const size_t begun = turn.whole.taken;
        conversation_sent(turn.conversation, bytes_of(rows[i].sent));
        conversation_answered(turn.conversation, 200, NULL, 0);
        conversation_said(turn.conversation, &piece, 1);
        if (!rows[i].kept) assert_int_equal(turn.whole.taken, begun);
        conversation_said(turn.conversation, &(struct str){"", 0}, 1);
        assert_true(conversation_content(turn.conversation, &said));
        if (said.body.len != (rows[i].kept ? rows[i].sent : 0) || said.answer.len != (rows[i].kept ? rows[i].said : 0))
            fail_msg("row %zu: %zu, %zu", i, said.body.len, said.answer.len);
        turn_end(&turn);
    }
}

static void what_is_answered_with_another_status_is_no_turn(void **state) {
    static const struct http_header stream = {STR("content-type"), STR("text/event-stream; charset=utf-8")};
    (void)state;
    for (int status = 199; status <= 201; status++) {
        struct gathered turn;
        struct turn_said said;
        turn_begin(&turn, 1 << 20);
        conversation_sent(turn.conversation, STR("{}"));
        conversation_answered(turn.conversation, status, &stream, 1);
        conversation_said(turn.conversation, &(struct str){"data", 4}, 1);
        assert_true(conversation_content(turn.conversation, &said) && said.streamed);
        assert_int_equal(said.body.len, status == 200 ? 2 : 0);
        assert_int_equal(said.answer.len, status == 200 ? 4 : 0);
        turn_end(&turn);
    }
}

/* Nobody wants it: it is not gathered at all. */
static void nothing_is_gathered_of_what_is_no_chat_or_is_not_wanted(void **state) {
    const struct flight_request chat = {.endpoint = endpoint_chat}, vectors = {.endpoint = endpoint_embeddings};
    struct budget whole = {.limit = 1 << 20};
    struct turn_said said;
    (void)state;
    assert_null(conversation_new(&chat, false, &whole));
    assert_null(conversation_new(&vectors, true, &whole));
    whole.limit = 8;
    assert_null(conversation_new(&chat, true, &whole));
    assert_int_equal(whole.taken, 0);
    conversation_sent(NULL, STR("x"));
    conversation_answered(NULL, 200, NULL, 0);
    conversation_said(NULL, &(struct str){"x", 1}, 1);
    assert_false(conversation_content(NULL, &said));
    conversation_end(NULL, NULL, NULL, NULL, (struct now){0, 0});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_counts_in_the_memory_of_whom_it_is),
        cmocka_unit_test(what_is_too_large_or_finds_no_room_is_given_up),
        cmocka_unit_test(what_is_answered_with_another_status_is_no_turn),
        cmocka_unit_test(nothing_is_gathered_of_what_is_no_chat_or_is_not_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
