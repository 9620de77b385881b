/* A stream that cannot be reserved whole reserves as it comes, and is ended properly when there is no more: in every
 * dialect, and never with more delivered than is reserved. */
#include <stdio.h>

#include "flight_world.h"

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
/* A dollar a thousand tokens in, ten out. */
#define PRICES "prices: {m: {input: 1000, output: 10000}}"
#define SHOWS "cut_margin_tokens: 100, facts: {m: {bills_hidden: false}}"
#define FILE_OF(type, provider, client)                                                                            \
    "providers: {a: {type: " type ", base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], " provider "}}\n" \
    "owners: [{name: top, budgets: [{usd: 19, window: month}, {usd: 1, window: day, mode: warn}]}]\n"              \
    "clients: [{name: app, in: top, key_hash: '" H "', " client "}]\n"
#define USUAL FILE_OF("openai", PRICES ", " SHOWS, "daily_budget: 20")
#define BODY(more) "{\"model\":\"m\"," more "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define STREAM "\"stream\":true,\"max_tokens\":5000,"

static const int64_t token_nano_usd = 10000000;

static struct spend_view spent(const struct flight_world *world, size_t i) {
    return money_budget_look(world->config.snapshot->clients[0].money.list[i], world->now.wall_ns);
}

static int64_t reserved(const struct flight_world *world, size_t i) {
    struct spend_view view = spent(world, i);
    return view.committed - view.spent;
}

static struct flight *ask(struct flight_world *world, enum endpoint endpoint, const char *body) {
    return flight_world_ask_of(world,
                               (struct flight_request){.endpoint = endpoint,
                                                       .path_model = STR("m"),
                                                       .client = &world->config.snapshot->clients[0]},
                               body);
}

static struct flight *begun(struct flight_world *world, const char *yaml, const char *body) {
    flight_world_begin(world, yaml);
    struct flight *flight = ask(world, endpoint_chat, body);
    assert_int_equal(flight_world_asked(world, action_call), 1);
    flight_world_head(world, flight, 0, 200, "text/event-stream");
    return flight;
}

/* An event of OpenAI's of so many bytes of text. */
static void say(struct flight_world *world, struct flight *flight, size_t bytes) {
    char text[4096], event[4600];
    assert_true(bytes < sizeof text);
    memset(text, 'x', bytes);
    text[bytes] = 0;
    snprintf(event, sizeof event,
             "data: {\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\",\"choices\":[{"
             "\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"%s\"},\"finish_reason\":null}]}\n\n",
             text);
    flight_world_body(world, flight, 0, event);
}

static void it_goes_up_with_less_and_reserves_more_as_it_comes(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = begun(&world, USUAL, BODY(STREAM));
    const struct extent *extent = &flight->live->holds.money.extent;
    int64_t first = reserved(&world, 0);
    assert_int_equal(extent->covered, taken_guess + 100);
    assert_int_equal(extent->whole, 5000);
    assert_true(first > extent->covered * token_nano_usd && first < (extent->covered + 900) * token_nano_usd);
    say(&world, flight, 500);
    assert_int_equal(reserved(&world, 0), first); /* with the margin it is covered yet */
    say(&world, flight, 13);
    assert_int_equal(extent->covered, 513 + 100 + taken_guess);
    assert_int_equal(reserved(&world, 0), first + 513 * token_nano_usd);
    assert_int_equal(reserved(&world, 1), first + 513 * token_nano_usd); /* of all on the way */
    assert_int_equal(reserved(&world, 2), 0);                            /* but for what warns */
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("", "\"stop\""));
    flight_world_body(&world, flight, 0,
                      "data: {\"id\":\"i\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":130,"
                      "\"total_tokens\":140}}\n\n");
    flight_world_body(&world, flight, 0, "data: [DONE]\n\n");
    assert_int_equal(reserved(&world, 0), 0);
    assert_int_equal(spent(&world, 1).spent, 130 * token_nano_usd + 10 * 1000000);
    assert_false(flight->attempts[0]->holds.money.ended_for_money);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void with_no_more_to_be_had_it_ends_as_too_long(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = begun(&world, USUAL, BODY(STREAM "\"stream_options\":{\"include_usage\":true},"));
    const struct money_hold *hold = &flight->live->holds.money;
    unsigned events = 0;
    while (flight->state != flight_closed) {
        assert_true(extent_needs(&hold->extent) <= hold->extent.covered);
        assert_true(spent(&world, 1).committed <= INT64_C(19000000000));
        say(&world, flight, 100);
        assert_true(++events < 30);
    }
    assert_true(events > 15); /* the most that nineteen dollars cover, not the first slice */
    assert_int_equal(flight_world_asked(&world, action_cancel), 1);
    assert_int_equal(flight_world_asked(&world, action_end), 1);
    assert_true(flight_world_wrote(&world, "\"finish_reason\":\"length\""));
    assert_true(flight_world_wrote(&world, "\"id\":\"i\""));
    assert_true(flight_world_wrote(&world, "\"model\":\"m-1\""));
    assert_true(flight_world_wrote(&world, "\"completion_tokens\":"));
    assert_true(flight_world_wrote(&world, "data: [DONE]\n\n"));
    const struct attempt *attempt = flight->attempts[0];
    assert_true(attempt->holds.money.ended_for_money && attempt->usage_estimated);
    assert_int_equal(attempt->failure, failure_none);
    assert_true(attempt->usage.output_tokens >= (int64_t)events * 100 / 4 + 100);
    assert_true(attempt->usage.output_tokens <= hold->extent.covered);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(reserved(&world, i), 0);
        assert_int_equal(spent(&world, i).spent, attempt->cost_nano_usd);
    }
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* Each way of asking that a stream is ended in, in its own words, whatever its provider speaks. */
static void it_ends_in_the_words_of_its_caller(void **state) {
    static const char openai[] = "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
                                 "\"%s\"},\"finish_reason\":null}]}\n\n",
                      anthropic[] = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                                    "\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}}\n\n",
                      gemini[] = "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"%s\"}"
                                 "]}}]}\n\n";
#define TYPE(type) FILE_OF(type, PRICES ", " SHOWS, "daily_budget: 20")
#define CHAT BODY(STREAM)
#define GENERATE                                                                                 \
    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{\"" \
    "maxOutputTokens\":5000}}"
#define RESPONSES "{\"model\":\"m\",\"input\":\"hi\",\"store\":false,\"stream\":true,\"max_output_tokens\":5000}"
#define STARTS                                                                                          \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"type\":\"mess" \
    "age\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":3,"        \
    "\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\","    \
    "\"index\":0,"                                                                                      \
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
#define PASSED                                                                                                      \
    "data: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_p\",\"status\":"        \
    "\"in_progress\",\"incomplete_details\":null,\"output\":[],\"usage\":null}}\n\ndata: {\"type\":\"response."     \
    "output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"msg_p\",\"type\":\"message\"," \
    "\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}\n\n"
    static const struct {
        const char *yaml, *body, *begins, *event;
        enum endpoint endpoint;
        const char *ends[4];
    } cases[] = {
        {TYPE("openai"), CHAT, "", openai, endpoint_chat, {"\"finish_reason\":\"length\"", "data: [DONE]"}},
        {TYPE("openai"),
         "{\"model\":\"m\",\"prompt\":\"hi\",\"stream\":true,\"max_tokens\":5000}",
         "",
         "data: {\"id\":\"i\",\"object\":\"text_completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":\"%s\","
         "\"finish_reason\":null}]}\n\n",
         endpoint_completions,
         {"\"finish_reason\":\"length\"", "data: [DONE]", "\"object\":\"text_completion\""}},
        {TYPE("openai"),
         CHAT,
         "",
         openai,
         endpoint_messages,
         {"\"stop_reason\":\"max_tokens\"", "content_block_stop", "message_stop", "\"output_tokens\":"}},
        {TYPE("openai"),
         GENERATE,
         "",
         openai,
         endpoint_generate_stream,
         {"\"finishReason\":\"MAX_TOKENS\"", "usageMetadata"}},
        {TYPE("groq"),
         RESPONSES,
         "",
         openai,
         endpoint_responses,
         {"response.incomplete", "\"reason\":\"max_output_tokens\"", "response.output_text.done",
          "\"output_tokens\":"}},
        {TYPE("anthropic"), CHAT, STARTS, anthropic, endpoint_chat, {"\"finish_reason\":\"length\"", "data: [DONE]"}},
        {TYPE("anthropic"),
         CHAT,
         STARTS,
         anthropic,
         endpoint_messages,
         {"\"stop_reason\":\"max_tokens\"", "content_block_stop", "message_stop"}},
        {TYPE("gemini"),
         GENERATE,
         "",
         gemini,
         endpoint_generate_stream,
         {"\"finishReason\":\"MAX_TOKENS\"", "usageMetadata"}},
        {TYPE("gemini"), RESPONSES, "", gemini, endpoint_responses, {"response.incomplete"}},
        {FILE_OF("openai", PRICES ", api: responses, " SHOWS, "daily_budget: 20"),
         RESPONSES,
         PASSED,
         "data: "
         "{\"type\":\"response.output_text.delta\",\"sequence_number\":7,\"item_id\":\"msg_p\",\"output_index\":0,"
         "\"content_index\":0,\"delta\":\"%s\"}\n\n",
         endpoint_responses,
         {"event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\",\"sequence_number\":8,"
          "\"item_id\":\"msg_p\"",
          "\"status\":\"incomplete\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"yyyy",
          "\"response\":{\"id\":\"resp_p\",\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":"
          "\"max_output_tokens\"}",
          "\"usage\":{\"input_tokens\":"}},
        {FILE_OF("openai", PRICES ", api: responses, " SHOWS, "daily_budget: 20"),
         RESPONSES,
         PASSED,
         "data: {\"type\":\"response.what.delta\",\"sequence_number\":7,\"delta\":\"%s\"}\n\n", /* nobody knows it */
         endpoint_responses,
         {"response.what.delta", "event: response.output_item.done", "event: response.incomplete"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        char text[101], event[600];
        memset(text, 'y', 100);
        text[100] = 0;
        flight_world_begin(&world, cases[i].yaml);
        struct flight *flight = ask(&world, cases[i].endpoint, cases[i].body);
        if (!flight_world_asked(&world, action_call)) fail_msg("%zu: not sent", i);
        if (!extent_is_open(&flight->live->holds.money.extent)) fail_msg("%zu: reserved whole", i);
        flight_world_head(&world, flight, 0, 200, "text/event-stream");
        if (cases[i].begins[0]) flight_world_body(&world, flight, 0, cases[i].begins);
        snprintf(event, sizeof event, cases[i].event, text);
        for (unsigned n = 0; flight->state != flight_closed && n < 40; n++) flight_world_body(&world, flight, 0, event);
        assert_int_equal(flight->state, flight_closed);
        for (size_t k = 0; k < 4 && cases[i].ends[k]; k++)
            if (!flight_world_wrote(&world, cases[i].ends[k]))
                fail_msg("%zu: no %s in %.*s", i, cases[i].ends[k], STR_ARG(flight_world_written(&world)));
        assert_true(flight->attempts[0]->holds.money.ended_for_money);
        assert_int_equal(reserved(&world, 0), 0);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* Whatever cannot be seen, bounded or ended is reserved whole, or not let in. */
static void only_what_is_seen_and_can_be_ended_extends(void **state) {
#define OF(more) FILE_OF("openai", PRICES ", " more, "daily_budget: 20")
    static const struct {
        const char *yaml, *body;
        enum endpoint endpoint;
        bool sent;
    } cases[] = {
        {OF("facts: {m: {bills_hidden: false}}"), BODY(STREAM), endpoint_chat, false}, /* it may go on to the end */
        {OF("cut_margin_tokens: 0, facts: {m: {bills_hidden: false}}"), BODY(STREAM), endpoint_chat, false},
        {OF("cut_margin_tokens: 100"), BODY(STREAM), endpoint_chat, false},
        {OF("cut_margin_tokens: 100, facts: {m: {bills_hidden: true}}"), BODY(STREAM), endpoint_chat, false},
        {OF("cut_margin_tokens: 1900, facts: {m: {bills_hidden: false}}"), BODY(STREAM), endpoint_chat, false},
        {USUAL, BODY("\"max_tokens\":5000,"), endpoint_chat, false},
        {USUAL, BODY(STREAM "\"n\":65,"), endpoint_chat, false}, /* more answers than ends can be written of */
        {USUAL, BODY(STREAM "\"web_search_options\":{},"), endpoint_chat, false},
        {USUAL, BODY("\"stream\":true,\"max_tokens\":1000,"), endpoint_chat, true}, /* there is money for all of it */
        {FILE_OF("openai", PRICES ", " SHOWS, "daily_budget: 6.5"), BODY(STREAM), endpoint_chat, false},
        {FILE_OF("openai", PRICES ", " SHOWS, "budgets: [{usd: 1, window: day, mode: soft}]"), BODY(STREAM),
         endpoint_chat, false}, /* the organization's is hard */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases - 1; i++) {
        struct flight_world world;
        flight_world_begin(&world, cases[i].yaml);
        struct flight *flight = ask(&world, cases[i].endpoint, cases[i].body);
        if (flight_world_asked(&world, action_call) != cases[i].sent) fail_msg("%zu", i);
        if (flight->live) assert_false(extent_is_open(&flight->live->holds.money.extent));
        if (!cases[i].sent && flight->answer.status != 429 && flight->answer.status != 403)
            fail_msg("%zu: %d", i, flight->answer.status);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void one_that_says_no_cap_goes_up_with_its_models(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, FILE_OF("openai",
                                       PRICES ", cut_margin_tokens: 100, facts: {m: {bills_hidden: false, output: "
                                              "7000}}",
                                       "daily_budget: 20"));
    struct flight *flight = ask(&world, endpoint_chat, BODY("\"stream\":true,"));
    assert_int_equal(flight->live->holds.money.extent.whole, 7000);
    assert_int_equal(flight->live->holds.money.output_cap, 7000);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void what_its_provider_counts_takes_the_place_of_bytes(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = begun(&world, USUAL, BODY(STREAM));
    for (unsigned i = 1; i <= 10; i++) {
        char event[600];
        snprintf(event, sizeof event,
                 "data: {\"id\":\"i\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%0100d\"}}],\"usage\":{"
                 "\"prompt_tokens\":5,\"completion_tokens\":%u,\"total_tokens\":%u}}\n\n",
                 0, 25 * i, 25 * i + 5);
        flight_world_body(&world, flight, 0, event);
    }
    assert_int_equal(extent_bound(&flight->live->holds.money.extent), 250 + 100);
    assert_int_equal(flight->live->holds.money.extent.covered, taken_guess + 100); /* a thousand bytes, and no more */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* What a provider says in members that no table knows is said too: reasoning, calls, sound. */
static void all_that_is_said_is_bounded(void **state) {
#define CHUNK(delta) "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define FORTY "0123456789012345678901234567890123456789"
    static const struct {
        const char *event;
        int64_t least, most;
    } cases[] = {
        {CHUNK("{\"content\":\"" FORTY "\"}"), 40, 40},
        {CHUNK("{\"role\":\"assistant\",\"content\":\"\"}"), 0, 0},
        {CHUNK("{\"reasoning_content\":\"" FORTY "\"}"), 40, 40},
        {CHUNK("{\"reasoning_details\":[{\"type\":\"t\",\"text\":\"" FORTY "\"}]}"), 40, 40},
        {CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
               "\"arguments\":\"" FORTY "\"}}]}"),
         42, 42},
        {CHUNK("{\"audio\":{\"id\":\"a\",\"data\":\"" FORTY "\"}}"), 41, 41},
        {CHUNK("{\"what\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":{\"j\":\"" FORTY
               "\"}}}}}}}}}}}"),
         40, 60},
        {CHUNK("{\"content\":\"a\\u00e9\\n\"}"), 4, 9}, /* no less than it stands for */
        {"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" FORTY "\"},\"logprobs\":{\"content\":[{\"token\":"
         "\"" FORTY FORTY "\"}]}}]}\n\n",
         40, 40}, /* what says it again counts once */
        {"data: {\"broken\":\"" FORTY "\n\n", 50, 60},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        struct flight *flight = begun(&world, USUAL, BODY(STREAM));
        say(&world, flight, 1);
        flight_world_body(&world, flight, 0, cases[i].event);
        int64_t bound = extent_bound(&flight->live->holds.money.extent) - 1;
        if (bound < cases[i].least || bound > cases[i].most) fail_msg("%zu: %lld", i, (long long)bound);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* What is not read is made all the same. */
static void before_a_slow_caller_is_waited_for_all_is_reserved(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = begun(&world, USUAL, BODY("\"stream\":true,\"max_tokens\":1860,"));
    assert_true(extent_is_open(&flight->live->holds.money.extent));
    say(&world, flight, 100);
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_full});
    assert_int_equal(flight->state, flight_closed); /* there is no money for it */
    assert_true(flight_world_wrote(&world, "\"finish_reason\":\"length\""));
    assert_int_equal(flight_world_asked(&world, action_call_read), 0);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
    flight = begun(&world, USUAL, BODY("\"stream\":true,\"max_tokens\":1860,"));
    struct spend *month = world.config.snapshot->clients[0].money.list[1]->spend;
    int64_t was = reserved(&world, 1);
    say(&world, flight, 100);
    world.config.snapshot->clients[0].money.list[1]->extras[money_raise] =
        (struct money_extra){.nano_usd = {5000000000}, .until_s = {INT64_MAX}};
    (void)month;
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_full});
    assert_int_equal(flight->state, flight_answering);
    assert_int_equal(flight_world_asked(&world, action_call_read), 1);
    assert_true(reserved(&world, 1) > was + 1000 * token_nano_usd);
    assert_false(extent_is_open(&flight->live->holds.money.extent));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void where_one_has_no_room_none_is_taken(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, FILE_OF("openai", PRICES ", " SHOWS ", daily_budget: 8", "daily_budget: 20"));
    struct flight *flight = ask(&world, endpoint_chat, BODY(STREAM));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    int64_t first = reserved(&world, 0);
    assert_false(money_extend(flight, flight->live, 1000, world.now)); /* its provider's eight dollars */
    assert_int_equal(reserved(&world, 0), first);
    assert_int_equal(reserved(&world, 1), first);
    assert_true(money_extend(flight, flight->live, 640, world.now));
    assert_int_equal(reserved(&world, 0), first + 28 * token_nano_usd);
    flight_world_drop(&world, flight);
    assert_int_equal(reserved(&world, 0) + reserved(&world, 1), 0);
    flight_world_end(&world);
}

static void what_is_no_stream_is_reserved_whole_or_fails(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, USUAL);
    struct flight *flight = ask(&world, endpoint_chat, BODY(STREAM));
    flight_world_head(&world, flight, 0, 200, "application/json");
    assert_int_equal(flight->attempts[0]->state, attempt_settled);
    assert_int_equal(flight->attempts[0]->failure, failure_wrong_content_type);
    assert_int_equal(reserved(&world, 0), 0);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_up_with_less_and_reserves_more_as_it_comes),
        cmocka_unit_test(with_no_more_to_be_had_it_ends_as_too_long),
        cmocka_unit_test(it_ends_in_the_words_of_its_caller),
        cmocka_unit_test(only_what_is_seen_and_can_be_ended_extends),
        cmocka_unit_test(one_that_says_no_cap_goes_up_with_its_models),
        cmocka_unit_test(what_its_provider_counts_takes_the_place_of_bytes),
        cmocka_unit_test(all_that_is_said_is_bounded),
        cmocka_unit_test(before_a_slow_caller_is_waited_for_all_is_reserved),
        cmocka_unit_test(where_one_has_no_room_none_is_taken),
        cmocka_unit_test(what_is_no_stream_is_reserved_whole_or_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
