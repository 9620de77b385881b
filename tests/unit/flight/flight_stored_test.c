/* flight_stored_test.c - responses that go on from a stored one: recalled before anybody is asked, kept when whole. */
#include "flight_world.h"

#include <stdio.h>

#include "base/limits.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  a: {type: anthropic, api_key: sk-secret-secret-secret, models: [n]}\n"
    "clients:\n"
    "  - {name: one, key_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}\n";

#define REPLY                                                                                                    \
    "{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"n\",\"content\":[{\"type\":\"text\"," \
    "\"text\":\"fine\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}"

static struct flight *ask(struct flight_world *world, const char *body) {
    flight_world_begin(world, yaml);
    const struct client *client = &world->config.snapshot->clients[0];
    return flight_world_ask_of(world, (struct flight_request){.endpoint = endpoint_responses, .client = client}, body);
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static void what_it_goes_on_from_is_recalled_and_stands_in_front(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, "{\"model\":\"n\",\"previous_response_id\":\"resp_1\",\"input\":\"and you?\"}");
    assert_int_equal(flight->waiting.why, waiting_recall);
    assert_int_equal(flight->state, flight_receiving);
    assert_int_equal(flight_world_asked(&world, action_recall), 1);
    flight_world_tell(&world, flight,
                      (struct event){.kind = event_recalled,
                                     .bytes = STR("[{\"type\":\"message\",\"role\":\"user\",\"content\":\"hello\"}]")});
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_true(str_find(flight->body.whole, STR("hello")) < str_find(flight->body.whole, STR("and you?")));
    assert_true(str_find(flight->body.whole, STR("previous_response_id")) == SIZE_MAX);
    end(&world, flight);
}

static void what_is_not_there_is_told_and_nobody_is_asked(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, "{\"model\":\"n\",\"previous_response_id\":\"resp_1\",\"input\":\"and you?\"}");
    flight_world_tell(&world, flight, (struct event){.kind = event_recalled});
    assert_int_equal(flight->answer.status, 400);
    assert_int_equal(flight->attempt_count, 0);
    end(&world, flight);
}

static void a_history_that_has_no_room_is_not_left_out(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, "{\"model\":\"n\",\"previous_response_id\":\"resp_1\",\"input\":\"and you?\"}");
    world.memory.limit = world.memory.taken;
    world.scratch.taken_max = world.scratch.taken;
    flight_world_tell(&world, flight,
                      (struct event){.kind = event_recalled,
                                     .bytes = STR("[{\"type\":\"message\",\"role\":\"user\",\"content\":\"hello\"}]")});
    assert_int_equal(flight->attempt_count, 0);
    assert_int_equal(flight->answer.error, error_overloaded);
    world.memory.limit = 64 << 20;
    world.scratch.taken_max = 64 << 20;
    end(&world, flight);
}

static void a_store_that_fails_is_not_taken_for_an_empty_one(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, "{\"model\":\"n\",\"previous_response_id\":\"resp_1\",\"input\":\"and you?\"}");
    flight_world_tell(&world, flight, (struct event){.kind = event_recalled, .text = STR("disk")});
    assert_int_equal(flight->answer.error, error_storage_failed);
    end(&world, flight);
}

static void a_whole_answer_is_kept_before_its_caller_can_ask_for_it(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, "{\"model\":\"n\",\"input\":\"hello\"}");
    assert_int_equal(flight->stored.state, storing_wanted);
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, REPLY);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->stored.state, storing_done);
    assert_int_equal(flight_world_asked(&world, action_keep), 1);
    for (size_t i = 0; world.out.list[i].kind != action_keep; i++)
        assert_true(world.out.list[i].kind != action_respond && world.out.list[i].kind != action_write);
    end(&world, flight);
}

/* Written anew in the caller's words: what is kept is what its last event says. */
static void a_whole_stream_is_kept_too(void **state) {
    static const char stream[] =
        "event: message_start\ndata: "
        "{\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"type\":\"message\",\"role\":"
        "\"assistant\",\"model\":\"n\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
        "\"text\",\"text\":\"\"}}\n\n"
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"text_delta\",\"text\":\"fine\"}}\n\n"
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
        "\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, "{\"model\":\"n\",\"stream\":true,\"input\":\"hello\"}");
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, stream);
    assert_int_equal(flight->stored.state, storing_done);
    const struct action *kept = flight_world_action(&world, action_keep);
    assert_non_null(kept);
    assert_true(str_starts(kept->keep.id, STR("resp_")) && str_find(kept->keep.output, STR("fine")) != SIZE_MAX);
    assert_true(str_find(kept->keep.input, STR("hello")) != SIZE_MAX);
    assert_true(kept->keep.response.at[0] == '{' && kept->keep.response.at[kept->keep.response.len - 1] == '}');
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    end(&world, flight);
}

/* The store has as long as the caller gives its whole request. */
static void a_store_that_does_not_answer_is_not_waited_for(void **state) {
    static const char body[] = "{\"model\":\"n\",\"previous_response_id\":\"resp_1\",\"input\":\"and you?\"}";
    const struct http_header header = {STR("x-weir-timeout-ms"), STR("5000")};
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask_of(&world,
                                                (struct flight_request){.endpoint = endpoint_responses,
                                                                        .client = &world.config.snapshot->clients[0],
                                                                        .headers = &header,
                                                                        .header_count = 1},
                                                body);
    assert_int_equal(flight->waiting.why, waiting_recall);
    assert_int_equal(flight->times.timer_ns, world.now.mono_ns + 5 * NS_PER_S);
    world.now.mono_ns += 5 * NS_PER_S;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight->waiting.why, waiting_none);
    assert_int_equal(flight->attempt_count, 0);
    assert_int_equal(flight->answer.status, 408); /* its own time */
    end(&world, flight);
}

static void store_false_keeps_nothing(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, "{\"model\":\"n\",\"store\":false,\"input\":\"hello\"}");
    assert_int_equal(flight->stored.state, storing_not);
    assert_null(flight->stored.input);
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, REPLY);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight_world_asked(&world, action_keep), 0);
    assert_int_equal(flight->answer.status, 200);
    end(&world, flight);
}

/* Counted as it stands in the request, quotes and all. */
static void an_input_may_fill_a_clients_share_and_no_more(void **state) {
    enum { share = 1024 };
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct flight_world world;
        char body[share + 64], words[share];
        memset(words, 'x', sizeof words);
        snprintf(body, sizeof body, "{\"model\":\"n\",\"input\":\"%.*s\"}", share - 2 + over, words);
        flight_world_begin(&world, "state_dir: ./state\nresponses: {max_bytes_per_client: 1024}\n"
                                   "providers: {a: {type: anthropic, api_key: sk-secret-secret, models: [n]}}\n");
        struct flight *flight =
            flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_responses}, body);
        assert_int_equal(flight_world_asked(&world, action_call), !over);
        assert_int_equal(flight->answer.error, over ? error_invalid_request : error_none);
        end(&world, flight);
    }
}

static bool body_holds(const struct flight *flight, const char *words) {
    return str_find(flight->body.whole, str_from(words)) != SIZE_MAX;
}

/* What says all of itself, whatever its kind; a reference says nothing but its id. */
static void an_id_that_an_item_does_not_need_is_left_out(void **state) {
    static const char *const types[] = {
        "message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"};
    char body[512];
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct flight_world world;
        snprintf(body, sizeof body,
                 "{\"model\":\"n\",\"store\":false,\"input\":[{\"role\":\"user\",\"content\":\"hi\"},{\"id\":\"it_1\","
                 "\"type\":\"%s\",\"role\":\"user\",\"content\":\"hi\",\"summary\":[],\"call_id\":\"c\",\"name\":\"f\","
                 "\"arguments\":\"{}\",\"input\":\"\",\"output\":\"\"}]}",
                 types[i]);
        struct flight *flight = ask(&world, body);
        if (body_holds(flight, "it_1")) fail_msg("%s", types[i]);
        end(&world, flight);
    }
}

static const char native[] =
    "state_dir: ./state\n"
    "providers: {o: {type: openai, api_key: sk-secret-secret-secret, models: [m], api: responses}}\n"
    "clients:\n"
    "  - {name: one, key_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}\n"
    "  - {name: raw, raw: true, key_hash: 1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}\n";
#define NATIVE(previous)                                                                                          \
    "{\"id\":\"resp_n\",\"object\":\"response\",\"status\":\"completed\",\"error\":null,\"previous_response_"     \
    "id\":" previous ",\"output\":[{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_" \
    "text\",\"text\":\"fine\"}]}],\"usage\":{"                                                                    \
    "\"input_tokens\":1,\"output_tokens\":2,\"total_tokens\":3}}"

static struct flight *going_on(struct flight_world *world, const char *body) {
    flight_world_begin(world, native);
    struct flight *flight = flight_world_ask_of(
        world, (struct flight_request){.endpoint = endpoint_responses, .client = &world->config.snapshot->clients[0]},
        body);
    flight_world_tell(world, flight,
                      (struct event){.kind = event_recalled,
                                     .bytes = STR("[{\"type\":\"message\",\"role\":\"user\",\"content\":\"hello\"}]")});
    assert_int_equal(flight_world_asked(world, action_call), 1);
    return flight;
}

/* The provider knows nothing of what was put in front: its caller is told what it went on from. */
static void what_was_gone_on_from_is_told_in_a_providers_own_words(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = going_on(
        &world, "{\"model\":\"m\",\"previous_response_id\":\"resp_1\",\"input\":\"and you?\",\"store\":false}");
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, NATIVE("null"));
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_str_equal(flight_world_written(&world), NATIVE("\"resp_1\""));
    end(&world, flight);
}

static void so_it_is_in_the_events_of_a_stream(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = going_on(
        &world,
        "{\"model\":\"m\",\"stream\":true,\"previous_response_id\":\"resp_1\",\"input\":\"and you?\",\"store\":false}");
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(
        &world, flight, 0,
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"fine\"}\n\n");
    flight_world_body(
        &world, flight, 0,
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":" NATIVE("null") "}\n\n");
    assert_str_equal(
        flight_world_written(&world),
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":" NATIVE("\"resp_1\"") "}\n\n");
    end(&world, flight);
}

static void what_lies_at_a_provider_is_for_who_may_name_it(void **state) {
    static const char *const rows[] = {
        "{\"model\":\"m\",\"background\":true,\"input\":\"hi\"}",
        "{\"model\":\"m\",\"background\":7,\"input\":\"hi\"}",
        "{\"model\":\"m\",\"input\":[{\"type\":\"item_reference\",\"id\":\"rs_1\"}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned client = 0; client < 2; client++) {
            struct flight_world world;
            flight_world_begin(&world, native);
            struct flight *flight =
                flight_world_ask_of(&world,
                                    (struct flight_request){.endpoint = endpoint_responses,
                                                            .client = &world.config.snapshot->clients[client]},
                                    rows[i]);
            assert_int_equal(flight->answer.error, client ? error_none : error_not_allowed);
            assert_int_equal(flight->attempt_count, client);
            end(&world, flight);
        }
    static const char *const fine[] = {"{\"model\":\"m\",\"background\":false,\"input\":\"hi\"}",
                                       "{\"model\":\"m\",\"background\":null,\"input\":\"hi\"}"};
    for (size_t i = 0; i < 2; i++) {
        struct flight_world world;
        flight_world_begin(&world, native);
        struct flight *flight = flight_world_ask_of(
            &world,
            (struct flight_request){.endpoint = endpoint_responses, .client = &world.config.snapshot->clients[0]},
            fine[i]);
        assert_int_equal(flight->attempt_count, 1);
        end(&world, flight);
    }
}

/* What has no name or nothing in it, or a name that is too long, cannot be asked for. */
static void an_answer_without_a_name_or_an_output_is_not_kept(void **state) {
    static const struct {
        size_t id;
        const char *output;
        bool kept;
    } rows[] = {{6, ",\"output\":[]", true},
                {0, ",\"output\":[]", false},
                {6, "", false},
                {0, "", false},
                {limit_response_id, ",\"output\":[]", true},
                {limit_response_id + 1, ",\"output\":[]", false}};
    struct flight_world world;
    char id[limit_response_id + 2], response[limit_response_id + 64];
    (void)state;
    memset(id, 'i', sizeof id);
    struct flight *flight = ask(&world, "{\"model\":\"n\",\"input\":\"hi\"}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct actions out;
        actions_begin(&out, &world.scratch);
        snprintf(response, sizeof response, "{\"id\":\"%.*s\"%s}", (int)rows[i].id, id, rows[i].output);
        flight->stored.state = storing_wanted;
        stored_keep(flight, str_from(response), &out);
        if (out.count != rows[i].kept || (flight->stored.state == storing_done) != rows[i].kept) fail_msg("row %zu", i);
        if (!rows[i].kept) continue;
        assert_int_equal(out.list[0].kind, action_keep);
        assert_int_equal(out.list[0].keep.id.len, rows[i].id);
        assert_str_equal(out.list[0].keep.output, "[]");
        assert_str_equal(out.list[0].keep.response, response);
        assert_str_equal(out.list[0].keep.client, "one");
        assert_int_equal(out.list[0].keep.previous.len, 0);
    }
    end(&world, flight);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_without_a_name_or_an_output_is_not_kept),
        cmocka_unit_test(what_it_goes_on_from_is_recalled_and_stands_in_front),
        cmocka_unit_test(what_is_not_there_is_told_and_nobody_is_asked),
        cmocka_unit_test(a_history_that_has_no_room_is_not_left_out),
        cmocka_unit_test(a_store_that_fails_is_not_taken_for_an_empty_one),
        cmocka_unit_test(a_whole_answer_is_kept_before_its_caller_can_ask_for_it),
        cmocka_unit_test(a_whole_stream_is_kept_too),
        cmocka_unit_test(a_store_that_does_not_answer_is_not_waited_for),
        cmocka_unit_test(store_false_keeps_nothing),
        cmocka_unit_test(an_input_may_fill_a_clients_share_and_no_more),
        cmocka_unit_test(an_id_that_an_item_does_not_need_is_left_out),
        cmocka_unit_test(what_was_gone_on_from_is_told_in_a_providers_own_words),
        cmocka_unit_test(so_it_is_in_the_events_of_a_stream),
        cmocka_unit_test(what_lies_at_a_provider_is_for_who_may_name_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
