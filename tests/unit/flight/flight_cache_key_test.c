/* flight_cache_key_test.c - which requests are one, and which are none for another. */
#include "flight_cache_world.h"

static struct cache_world of;
static int begin(void **state) { return (void)state, cache_world_begin(&of, CACHE_YAML), 0; }
static int end(void **state) { return (void)state, cache_world_end(&of), 0; }

struct asking {
    enum endpoint endpoint;
    const char *body;
    struct http_header header;
    const char *client;
};

/* false: it is passed by. */
static bool key_of(struct asking asking, struct sha256 *key) {
    struct client client = {.name = str_from(asking.client ? asking.client : "")};
    static struct client_cells cells;
    static struct str any = STR("*");
    client.models = client.providers = &any;
    client.model_count = client.provider_count = 1;
    client.may_steer = true;
    client.cells = &cells;
    struct flight *flight = cache_world_ask(&of,
                                            (struct flight_request){.endpoint = asking.endpoint,
                                                                    .path_model = STR("r"),
                                                                    .headers = &asking.header,
                                                                    .header_count = asking.header.name.len > 0,
                                                                    .client = asking.client ? &client : NULL},
                                            asking.body);
    bool made = flight->cache.state == cached_miss || flight->cache.state == cached_hit;
    *key = flight->cache.key;
    cache_world_drop(&of, flight);
    return made;
}

static bool same(struct asking one, struct asking other) {
    struct sha256 a, b;
    assert_true(key_of(one, &a) && key_of(other, &b));
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CHAT(more) \
    { .endpoint = endpoint_chat, .body = "{\"model\":\"r\"," MESSAGES more "}" }
static const struct asking plain = CHAT("");

static void what_means_nothing_is_not_in_it(void **state) {
    static const struct asking others[] = {CHAT(",\"user\":\"a\""),
                                           CHAT(",\"metadata\":{\"a\":\"b\"}"),
                                           CHAT(",\"stream\":true"),
                                           CHAT(",\"stream\":true,\"stream_options\":{\"include_usage\":true}"),
                                           CHAT(",\"prompt_cache_key\":\"x\",\"safety_identifier\":\"y\""),
                                           CHAT(",\"store\":false")};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!same(plain, others[i])) fail_msg("%s", others[i].body);
}

static void everything_else_is(void **state) {
    static const struct asking others[] = {
        CHAT(",\"temperature\":0"),
        CHAT(",\"max_tokens\":5"),
        CHAT(",\"nobody_knows_this\":1"),
        CHAT(",\"User\":\"a\""),
        CHAT(",\"response_format\":{\"type\":\"json_object\"}"),
        CHAT(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"),
        CHAT(",\"n\":2"),
        {.endpoint = endpoint_chat, .body = "{\"model\":\"s\"," MESSAGES "}"},
        {.endpoint = endpoint_chat, .body = "{\"model\":\"r\",\"messages\":[{\"role\":\"user\",\"content\":\"hi \"}]}"},
        {.endpoint = endpoint_messages, .body = "{\"model\":\"r\",\"max_tokens\":9," MESSAGES "}"},
        {.endpoint = endpoint_chat, .body = plain.body, .header = {STR("OpenAI-Beta"), STR("x=1")}},
        {.endpoint = endpoint_chat, .body = plain.body, .header = {STR("x-weir-targets"), STR("o/m")}},
        {.endpoint = endpoint_chat, .body = plain.body, .header = {STR("x-weir-unsupported"), STR("drop")}},
        {.endpoint = endpoint_chat, .body = plain.body, .header = {STR("x-weir-cache-key"), STR("k")}},
        {.endpoint = endpoint_chat, .body = plain.body, .client = "a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (same(plain, others[i])) fail_msg("%zu: %s", i, others[i].body);
}

static void versions_and_betas_are_in_it_and_who_tries_again_is_not(void **state) {
    struct asking messages = {.endpoint = endpoint_messages, .body = "{\"model\":\"r\",\"max_tokens\":9," MESSAGES "}"};
    struct asking beta = messages, version = messages, again = messages;
    (void)state;
    beta.header = (struct http_header){STR("anthropic-beta"), STR("b")};
    version.header = (struct http_header){STR("anthropic-version"), STR("2023-06-01")};
    again.header = (struct http_header){STR("user-agent"), STR("me")};
    assert_false(same(messages, beta));
    assert_false(same(messages, version));
    assert_true(same(messages, again));
}

/* Names and keys that could run into one another do not. */
static void no_client_can_say_what_makes_it_another(void **state) {
    struct asking a = plain, b = plain;
    (void)state;
    a.client = "a", b.client = "b";
    assert_false(same(a, b));
    a.client = "a;9:chat", b.client = "a";
    assert_false(same(a, b));
    a.client = b.client = "a";
    a.header = (struct http_header){STR("x-weir-cache-key"), STR("k;")};
    b.header = (struct http_header){STR("x-weir-cache-key"), STR("k")};
    assert_false(same(a, b));
    a.header = (struct http_header){STR("x-weir-cache-key"), STR("1:c;")};
    b.client = "c";
    b.header = a.header;
    assert_false(same(a, b));
}

static void a_callers_key_stands_for_the_prompt_alone(void **state) {
    struct asking one = {.endpoint = endpoint_chat, .body = plain.body, .header = {STR("x-weir-cache-key"), STR("k")}};
    struct asking two = one, three = one;
    (void)state;
    two.body = "{\"model\":\"r\",\"messages\":[{\"role\":\"user\",\"content\":\"other\"}]}";
    three.body = "{\"model\":\"r\",\"max_tokens\":7," MESSAGES "}";
    assert_true(same(one, two));
    assert_false(same(one, three));
}

static void gemini_names_its_model_in_the_path_and_streams_by_another(void **state) {
    static const char body[] = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}";
    (void)state;
    assert_true(same((struct asking){.endpoint = endpoint_generate, .body = body},
                     (struct asking){.endpoint = endpoint_generate_stream, .body = body}));
}

static void what_leaves_something_behind_is_passed_by(void **state) {
    static const struct asking others[] = {
        CHAT(",\"store\":true"),
        CHAT(",\"Store\":false"), /* a provider may read it, and weir does not */
        CHAT(",\"web_search_options\":{\"a\":1}"),
        CHAT(",\"tools\":[{\"type\":\"web_search\"}]"),
        CHAT(",\"Tools\":[{\"type\":\"web_search\"}]"),
        CHAT(",\"user\":\"a\",\"user\":\"b\""),
        CHAT(",\"x\":{\"y\":1,\"\\u0079\":2}"),
        {.endpoint = endpoint_messages,
         .body = "{\"model\":\"r\",\"max_tokens\":9,\"mcp_servers\":[{\"name\":\"x\"}]," MESSAGES "}"},
        {.endpoint = endpoint_messages,
         .body = "{\"model\":\"r\",\"max_tokens\":9,\"tools\":[{\"type\":\"code_execution_20250522\",\"name\":\"x\"}],"
                 "" MESSAGES "}"},
        {.endpoint = endpoint_generate,
         .body = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],"
                 "\"tools\":[{\"googleSearch\":{}}]}"},
        {.endpoint = endpoint_moderations, .body = "{\"model\":\"r\",\"input\":\"hi\"}"},
    };
    struct sha256 key;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (key_of(others[i], &key)) fail_msg("%zu: %s", i, others[i].body);
}

static void what_says_nothing_new_leaves_nothing_behind(void **state) {
    static const struct asking others[] = {
        CHAT(",\"web_search_options\":null"),
        CHAT(",\"background\":false"),
        CHAT(",\"mcp_servers\":[]"),
        CHAT(",\"container\":{}"),
        CHAT(",\"tools\":null"),
        CHAT(",\"tools\":[]"),
        CHAT(",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"f\"}}]"),
        CHAT(",\"tools\":[{\"name\":\"f\",\"input_schema\":{}}]"),
        CHAT(",\"tools\":[{\"type\":null}]"),
        {.endpoint = endpoint_responses, .body = "{\"model\":\"r\",\"input\":\"hi\",\"store\":false}"},
        {.endpoint = endpoint_generate,
         .body = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{"
                 "\"functionDeclarations\":[]}]}"},
    };
    struct sha256 key;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!key_of(others[i], &key)) fail_msg("%zu: %s", i, others[i].body);
}

static void each_thing_that_leaves_something_behind_is_passed_by(void **state) {
    static const char *const members[] = {"\"background\":true",
                                          "\"previous_response_id\":\"x\"",
                                          "\"conversation\":\"x\"",
                                          "\"container\":\"x\"",
                                          "\"mcp_servers\":[1]",
                                          "\"plugins\":[1]",
                                          "\"search_parameters\":{\"a\":1}",
                                          "\"cachedContent\":\"x\"",
                                          "\"cached_content\":\"x\"",
                                          "\"thread\":{\"a\":1}",
                                          "\"thread_id\":\"x\"",
                                          "\"Context_Management\":{\"a\":1}",
                                          "\"tools\":{}",
                                          "\"tools\":[\"x\"]",
                                          "\"tools\":[{}]",
                                          "\"tools\":[{\"type\":7}]",
                                          "\"tools\":[{\"type\":\"function\"},{\"type\":\"mcp\"}]"};
    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char body[200];
        struct sha256 key;
        struct text text = text_in_buffer(body, sizeof body);
        text_printf(&text, "{\"model\":\"r\",%s," MESSAGES "}", members[i]);
        text_put_byte(&text, 0);
        if (key_of((struct asking){.endpoint = endpoint_chat, .body = body}, &key)) fail_msg("%s", body);
    }
    struct sha256 key; /* stored unless it says not to be */
    assert_false(
        key_of((struct asking){.endpoint = endpoint_responses, .body = "{\"model\":\"r\",\"input\":\"hi\"}"}, &key));
    assert_false(key_of(
        (struct asking){.endpoint = endpoint_chat, .body = plain.body, .header = {STR("x-weir-cost"), STR("true")}},
        &key));
}

/* Of the headers that go up, whatever their order and their names' case. */
static bool same_of_headers(const struct http_header *one, const struct http_header *other, size_t count) {
    struct sha256 keys[2];
    for (unsigned i = 0; i < 2; i++) {
        struct flight *flight = cache_world_ask(
            &of, (struct flight_request){.endpoint = endpoint_chat, .headers = i ? other : one, .header_count = count},
            plain.body);
        assert_int_equal(flight->cache.state, cached_miss);
        keys[i] = flight->cache.key;
        cache_world_drop(&of, flight);
    }
    return memcmp(keys[0].bytes, keys[1].bytes, sizeof keys[0].bytes) == 0;
}

static void headers_stand_in_it_in_one_order(void **state) {
    static const struct http_header one[] = {{STR("OpenAI-Beta"), STR("b")}, {STR("openai-organization"), STR("o")}},
                                    turned[] = {{STR("openai-organization"), STR("o")}, {STR("openai-beta"), STR("b")}},
                                    valued[] = {{STR("OpenAI-Beta"), STR("B")}, {STR("openai-organization"), STR("o")}},
                                    twice[] = {{STR("openai-beta"), STR("b")}, {STR("openai-beta"), STR("bb")}},
                                    twice_turned[] = {{STR("openai-beta"), STR("bb")}, {STR("OpenAI-Beta"), STR("b")}};
    (void)state;
    assert_true(same_of_headers(one, turned, 2));
    assert_false(same_of_headers(one, valued, 2));
    assert_true(same_of_headers(twice, twice_turned, 2));
    assert_false(same_of_headers(twice, one, 2));
}

#define SOME_YAML                    \
    "state_dir: ./state\n"           \
    "cache: {mode: deterministic}\n" \
    "providers:\n"                   \
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [r], max_retries: 0}\n"

static void only_what_is_asked_for_the_same_each_time_is_deterministic(void **state) {
    static const struct {
        struct asking asking;
        bool made;
    } rows[] = {
        {CHAT(""), false},
        {CHAT(",\"temperature\":0"), true},
        {CHAT(",\"temperature\":0.0"), true},
        {CHAT(",\"temperature\":0.1"), false},
        {CHAT(",\"temperature\":0e5"), true},
        {CHAT(",\"temperature\":-0.00"), true},
        {CHAT(",\"temperature\":{\"a\":0}"), false},
        {CHAT(",\"temperature\":1e-9"), false},
        {CHAT(",\"temperature\":\"0\""), false},
        {CHAT(",\"temperature\":null"), false},
        {CHAT(",\"temperature\":[0]"), false},
        {CHAT(",\"Temperature\":0"), false},
        {CHAT(",\"x\":{\"temperature\":0}"), false},
        {CHAT(",\"generationConfig\":{\"temperature\":0}"), false},
        {{.endpoint = endpoint_generate,
          .body = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
                  "\"temperature\":0}}"},
         true},
        {{.endpoint = endpoint_generate,
          .body = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generation_config\":{"
                  "\"temperature\":0}}"},
         true},
        {{.endpoint = endpoint_generate,
          .body = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"temperature\":0}"},
         false},
        {{.endpoint = endpoint_chat,
          .body = "{\"model\":\"r\"," MESSAGES "}",
          .header = {STR("x-weir-cache-ttl"), STR("9")}},
         true},
        {{.endpoint = endpoint_chat,
          .body = "{\"model\":\"r\"," MESSAGES "}",
          .header = {STR("x-weir-cache-key"), STR("k")}},
         true},
        {{.endpoint = endpoint_embeddings, .body = "{\"model\":\"r\",\"input\":\"hi\"}"}, true},
    };
    (void)state;
    cache_world_end(&of);
    cache_world_begin(&of, SOME_YAML);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sha256 key;
        if (key_of(rows[i].asking, &key) != rows[i].made) fail_msg("%zu: %s", i, rows[i].asking.body);
    }
    cache_world_end(&of);
    cache_world_begin(&of, CACHE_YAML);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_means_nothing_is_not_in_it),
        cmocka_unit_test(everything_else_is),
        cmocka_unit_test(versions_and_betas_are_in_it_and_who_tries_again_is_not),
        cmocka_unit_test(no_client_can_say_what_makes_it_another),
        cmocka_unit_test(a_callers_key_stands_for_the_prompt_alone),
        cmocka_unit_test(gemini_names_its_model_in_the_path_and_streams_by_another),
        cmocka_unit_test(what_leaves_something_behind_is_passed_by),
        cmocka_unit_test(what_says_nothing_new_leaves_nothing_behind),
        cmocka_unit_test(each_thing_that_leaves_something_behind_is_passed_by),
        cmocka_unit_test(headers_stand_in_it_in_one_order),
        cmocka_unit_test(only_what_is_asked_for_the_same_each_time_is_deterministic),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
