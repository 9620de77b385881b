/* flight_reasoning_test.c - what a model has thought stands again in front of the call that it led to. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [gpt-6-sol]}\n";

#define TOOLS ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define ASKED "{\"model\":\"gpt-6-sol\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}" AFTER "]" TOOLS "}"
#define AFTER ""
static const char first[] = ASKED;
static const char streamed[] =
    "{\"model\":\"gpt-6-sol\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" TOOLS "}";
#undef AFTER
#define CALL(id)                                                              \
    ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"" id \
    "\",\"type\":\"function\",\"function\":{"                                 \
    "\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"done\"}"
#define AFTER CALL("call_1")
static const char second[] = ASKED;
#undef AFTER
#define AFTER CALL("call_9") ",{\"role\":\"user\",\"content\":\"and now?\"}"
static const char later[] = ASKED;
#undef AFTER

#define REPLY                                                                                                        \
    "{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"gpt-6-sol\",\"output\":[{\"type\":"  \
    "\"reasoning\",\"summary\":[],\"encrypted_content\":\"sealed\"},{\"type\":\"function_call\",\"call_id\":\"call_" \
    "1\","                                                                                                           \
    "\"name\":\"f\",\"arguments\":\"{}\"}],\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}"

static struct flight *ask(struct flight_world *world, const char *body) {
    struct flight *flight = flight_world_ask(world, body);
    assert_non_null(flight->live);
    assert_true(str_eq(flight->live->request.path, STR("/v1/responses")));
    return flight;
}

static void answer(struct flight_world *world, struct flight *flight) {
    flight_world_head(world, flight, 0, 200, "application/json");
    flight_world_body(world, flight, 0, REPLY);
    flight_world_tell(world, flight, (struct event){.kind = event_reply_end});
    flight_world_drop(world, flight);
}

static void begin(struct flight_world *world, struct reasoning_memory *memory) {
    flight_world_begin(world, yaml);
    reasoning_memory_init(memory, &world->memory);
    world->host.reasoning = memory;
}

static void end(struct flight_world *world, struct reasoning_memory *memory) {
    reasoning_memory_free(memory);
    flight_world_end(world);
}

static void it_stands_in_front_of_its_call(void **state) {
    struct flight_world world;
    struct reasoning_memory memory;
    (void)state;
    begin(&world, &memory);
    answer(&world, ask(&world, first));
    assert_int_equal(memory.count, 1);
    struct flight *flight = ask(&world, second);
    struct str body = flight->live->request.body.ranges[0];
    size_t sealed = str_find(body, STR("sealed")), call = str_find(body, STR("\"call_1\""));
    assert_true(sealed != SIZE_MAX && sealed < call);
    assert_int_equal(flight->live->dialect.dropped.len, 0);
    flight_world_drop(&world, flight);
    end(&world, &memory);
}

/* A call of a stream is kept with what stood in front of it, and only that. */
static void of_a_stream_it_is_kept_too(void **state) {
    static const char stream[] =
        "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"model\":\"gpt-6-sol\"}}\n\n"
        "data: "
        "{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"s\","
        "\"summary\":[]}}\n\n"
        "data: "
        "{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"s\","
        "\"summary\":[],\"encrypted_content\":\"sealed\"}}\n\n"
        "data: {\"type\":\"response.output_item.added\",\"output_index\":1,\"item\":{\"type\":\"function_call\","
        "\"id\":\"f\",\"call_id\":\"call_1\",\"name\":\"f\",\"arguments\":\"\"}}\n\n"
        "data: {\"type\":\"response.output_item.added\",\"output_index\":2,\"item\":{\"type\":\"function_call\","
        "\"id\":\"g\",\"call_id\":\"call_2\",\"name\":\"f\",\"arguments\":\"\"}}\n\n";
    struct flight_world world;
    struct reasoning_memory memory;
    struct str items = STR_NONE;
    (void)state;
    begin(&world, &memory);
    struct flight *flight = ask(&world, streamed);
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, stream);
    struct reasoning_key key = {flight->client_hash, flight->live->target->provider->origin_id, STR("call_1")};
    assert_true(reasoning_find(&memory, &key, world.now.mono_ns, &world.scratch, &items));
    assert_true(str_eq(items, STR("{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"sealed\"}")));
    key.call = STR("call_2");
    assert_true(reasoning_find(&memory, &key, world.now.mono_ns, &world.scratch, &items));
    assert_int_equal(items.len, 0);
    flight_world_drop(&world, flight);
    end(&world, &memory);
}

static void what_is_gone_is_named_and_of_turns_that_are_over_it_is_not(void **state) {
    struct flight_world world;
    struct reasoning_memory memory;
    (void)state;
    begin(&world, &memory);
    struct flight *flight = ask(&world, second);
    assert_true(str_eq(flight->live->dialect.dropped, STR("reasoning_history")));
    flight_world_drop(&world, flight);
    flight = ask(&world, later);
    assert_int_equal(flight->live->dialect.dropped.len, 0);
    flight_world_drop(&world, flight);
    end(&world, &memory);
}

static void without_a_memory_it_goes_on_all_the_same(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    answer(&world, ask(&world, first));
    struct flight *flight = ask(&world, second);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stands_in_front_of_its_call),
        cmocka_unit_test(of_a_stream_it_is_kept_too),
        cmocka_unit_test(what_is_gone_is_named_and_of_turns_that_are_over_it_is_not),
        cmocka_unit_test(without_a_memory_it_goes_on_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
