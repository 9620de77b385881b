/* flight_preview_test.c - which target a request would get: said, with nothing taken and nothing moved. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m], max_concurrent: 1}\n"
                           "  b: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
                           "routes: [{model: m, targets: [a/m, b/m], strategy: round_robin}]\n";

static struct str previewed(struct flight_world *world, const char *model, bool *found, struct error *error) {
    static char json[4096];
    struct text text = text_in_buffer(json, sizeof json);
    struct flight_question question = {.asked = {.endpoint = endpoint_chat}, .model = str_from(model)};
    *found = flight_preview(&world->host, world->config.snapshot, &question, world->now, &text, error);
    assert_false(text.failed);
    if (!*found) return STR_NONE;
    const char *problem;
    size_t at;
    struct json *whole = json_parse(text_str(&text), &problem, &at);
    if (!whole) fail_msg("%s at byte %zu of %.*s", problem, at, STR_ARG(text_str(&text)));
    json_free(whole);
    return text_str(&text);
}

static void the_same_question_has_the_same_answer(void **state) {
    struct flight_world world;
    struct error error;
    char first[4096];
    bool found;
    (void)state;
    flight_world_begin(&world, yaml);
    struct str said = previewed(&world, "m", &found, &error);
    assert_true(found && said.len < sizeof first);
    assert_true(str_find(said, STR("\"chosen\":\"")) != SIZE_MAX);
    memcpy(first, said.at, said.len);
    size_t len = said.len;
    for (unsigned i = 0; i < 3; i++) { /* whose turn it is has not moved */
        said = previewed(&world, "m", &found, &error);
        assert_true(found && str_eq(said, str_make(first, len)));
    }
    flight_world_end(&world);
}

static void it_takes_no_place(void **state) {
    struct flight_world world;
    struct error error;
    bool found;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("a/m", "false"));
    struct cell *gate = &flight->live->target->provider->cells->gate;
    struct str said = previewed(&world, "m", &found, &error);
    assert_true(found && str_find(said, STR("\"chosen\":\"b/m\"")) != SIZE_MAX);
    assert_true(str_find(said, STR("\"refused\":\"too_many_in_flight\"")) != SIZE_MAX);
    assert_int_equal(gate_in_use(gate), 1);
    assert_int_equal(gate_waiting(gate), 0);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void what_would_be_refused_is_refused_with_its_reason(void **state) {
    struct flight_world world;
    struct error error = {.code = error_none};
    bool found;
    (void)state;
    flight_world_begin(&world, yaml);
    previewed(&world, "unheard-of", &found, &error);
    assert_false(found);
    assert_int_equal(error.code, error_model_not_found);
    flight_world_end(&world);
}

/* Told as it would be told: how long until a target, or the client, may again. */
static void who_would_have_to_wait_is_told_how_long(void **state) {
    static const char form[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m], rate_limit_rpm: %d}\n"
        "clients: [{name: one, key_hash: a123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, "
        "rate_limit_rpm: %d}]\n";
    static const struct {
        int of_provider, of_client;
        const char *told;
    } rows[] = {{1, 9, "\"retry_after_ms\":60000,\"candidates\""},
                {9, 1, "\"client_refused\":\"rate_limited\",\"retry_after_ms\":60000,\"candidates\""}};
    char yaml_of[512], json[4096];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct error error;
        snprintf(yaml_of, sizeof yaml_of, form, rows[i].of_provider, rows[i].of_client);
        flight_world_begin(&world, yaml_of);
        struct flight_request asked = {.endpoint = endpoint_chat, .client = &world.config.snapshot->clients[0]};
        struct flight *flight = flight_world_ask_of(&world, asked, FLIGHT_CHAT("m", "false"));
        flight_world_head(&world, flight, 0, 200, "application/json");
        flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        flight_world_drop(&world, flight);
        struct text text = text_in_buffer(json, sizeof json);
        struct flight_question question = {.asked = asked, .model = STR("m")};
        if (!flight_preview(&world.host, world.config.snapshot, &question, world.now, &text, &error))
            fail_msg("%s", error.message);
        if (str_find(text_str(&text), str_from(rows[i].told)) == SIZE_MAX) fail_msg("%.*s", STR_ARG(text_str(&text)));
        flight_world_end(&world);
    }
}

static bool is_drawn(const char *strategy, const char *targets, const char *session) {
    char config[512], json[4096];
    struct flight_world world;
    struct error error;
    struct http_header header = {STR("x-weir-session"), str_from(session)};
    snprintf(config, sizeof config,
             "state_dir: ./state\nproviders:\n  a: {type: openai, api_key: k, models: [m]}\n"
             "  b: {type: openai, api_key: k, models: [m]}\n"
             "routes: [{model: m, targets: [%s], strategy: %s, affinity: off}]\n",
             targets, strategy);
    flight_world_begin(&world, config);
    struct text text = text_in_buffer(json, sizeof json);
    struct flight_question question = {
        .asked = {.endpoint = endpoint_chat, .headers = &header, .header_count = *session != 0}, .model = STR("m")};
    assert_true(flight_preview(&world.host, world.config.snapshot, &question, world.now, &text, &error));
    bool drawn = str_find(text_str(&text), STR("\"drawn\":true")) != SIZE_MAX;
    flight_world_end(&world);
    return drawn;
}

/* Where there are two to draw from, and nothing that they stick to. */
static void what_is_drawn_anew_for_each_request_is_said_to_be(void **state) {
    static const struct {
        const char *strategy, *targets, *session;
        bool drawn;
    } rows[] = {{"weighted", "a/m, b/m", "", true},  {"weighted", "a/m", "", false},
                {"weighted", "a/m, b/m", "s", true}, {"sticky", "a/m, b/m", "s", false},
                {"sticky", "a/m", "", false},        {"priority", "a/m, b/m", "", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (is_drawn(rows[i].strategy, rows[i].targets, rows[i].session) != rows[i].drawn) fail_msg("row %zu", i);
}

/* What a route says to a target: beside tools one thing more. */
static void what_its_route_says_to_a_target_is_told_as_the_request_has_it(void **state) {
    static const char saying[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  a: {type: openai, api_key: k, models: [m]}\n"
        "routes: [{model: m, strategy: priority, targets: [{target: a/m, params: {temperature: 0.5, "
        "parallel_tool_calls: false, overrides: {max_tokens: 50}}}]}]\n";
    static const struct {
        const char *body, *told;
    } rows[] = {
        {"{\"model\":\"m\",\"messages\":[]}", "\"params\":{\"temperature\":0.5,\"max_tokens\":50}}]}"},
        {"{\"model\":\"m\",\"messages\":[],\"temperature\":1,\"max_tokens\":9}", "\"params\":{}}]}"},
        {"{\"model\":\"m\",\"messages\":[],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
         "\"params\":{\"temperature\":0.5,\"parallel_tool_calls\":false,\"max_tokens\":50}}]}"},
    };
    char json[4096];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct error error;
        flight_world_begin(&world, saying);
        struct text text = text_in_buffer(json, sizeof json);
        struct flight_question question = {
            .asked = {.endpoint = endpoint_chat}, .body = str_from(rows[i].body), .model = STR("m")};
        if (!flight_preview(&world.host, world.config.snapshot, &question, world.now, &text, &error))
            fail_msg("%s", error.message);
        size_t at = str_find(text_str(&text), STR("\"params\":"));
        struct str told = at == SIZE_MAX ? STR("") : str_slice(text_str(&text), at, text.len);
        if (!str_eq(told, str_from(rows[i].told))) fail_msg("row %zu: %.*s", i, STR_ARG(told));
        flight_world_end(&world);
    }
}

/* Each word of a candidate stands there where it says something, and only there. */
static void of_each_candidate_is_told_what_is_known(void **state) {
    static const char several[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  a: {type: openai, api_key: k, models: [m], priority: 1, prices: {m: {input: 1, output: 0}}}\n"
        "  b: {type: openai, api_key: k, models: [m], priority: 2, prices: {m: {input: 0, output: 0}}}\n"
        "  c: {type: openai, api_key: k, models: [m], priority: 3, state: draining}\n"
        "  d: {type: openai, api_key: k, models: [m], priority: 4}\n"
        "routes:\n"
        "  - {model: m, targets: [a/m, b/m, c/m], strategy: priority}\n"
        "  - {model: one, targets: [a/m, d/m], strategy: exclusive}\n";
    struct flight_world world;
    struct error error;
    bool found;
    (void)state;
    flight_world_begin(&world, several);
    for (unsigned n = 0; n < 2; n++) probes_note(&flight_world_target(&world, "a")->provider->cells->probes, probe_bad);
    struct str said = previewed(&world, "m", &found, &error);
    assert_str_equal(said,
                     "{\"model\":\"m\",\"route\":\"m\",\"strategy\":\"priority\",\"chosen\":\"b/m\",\"candidates\":["
                     "{\"target\":\"a/m\",\"priority\":1,\"way\":\"splice\",\"expected_cost_usd\":\"0.000014000\","
                     "\"demoted\":\"probes_fail\",\"score\":0},"
                     "{\"target\":\"b/m\",\"priority\":2,\"way\":\"splice\",\"expected_cost_usd\":\"0.000000000\","
                     "\"score\":-2},"
                     "{\"target\":\"c/m\",\"priority\":3,\"way\":\"splice\",\"refused\":\"draining\"}]}");
    said = previewed(&world, "one", &found, &error);
    assert_str_equal(
        said, "{\"model\":\"one\",\"route\":\"one\",\"strategy\":\"exclusive\",\"chosen\":\"d/m\",\"candidates\":["
              "{\"target\":\"a/m\",\"priority\":1,\"way\":\"splice\",\"expected_cost_usd\":\"0.000014000\","
              "\"demoted\":\"probes_fail\"},{\"target\":\"d/m\",\"priority\":4,\"way\":\"splice\"}]}");
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_question_has_the_same_answer),
        cmocka_unit_test(it_takes_no_place),
        cmocka_unit_test(of_each_candidate_is_told_what_is_known),
        cmocka_unit_test(what_is_drawn_anew_for_each_request_is_said_to_be),
        cmocka_unit_test(what_its_route_says_to_a_target_is_told_as_the_request_has_it),
        cmocka_unit_test(who_would_have_to_wait_is_told_how_long),
        cmocka_unit_test(what_would_be_refused_is_refused_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
