/* flight_admit_test.c - the way in: what the head steers, which targets may serve, and each refusal. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m, n]}\n"
    "  b: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
    "routes: [{model: m, targets: [a/m, b/m]}]\n"
    "clients:\n"
    "  - {name: one, key_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, models: [m]}\n";

/* With one header, under this client's rights (NULL: the host's). */
static struct flight *ask(struct flight_world *world, const struct client *client, const char *name, const char *value,
                          const char *body) {
    struct http_header header = {str_from(name), str_from(value)};
    struct flight_request asked = {.endpoint = endpoint_chat,
                                   .headers = &header,
                                   .header_count = 1,
                                   .request_id = STR("req_1"),
                                   .client = client,
                                   .content_length = -1,
                                   .arrived = world->now};
    struct flight *flight = flight_new(&world->host, world->config.snapshot, &asked);
    assert_non_null(flight);
    flight_world_tell(world, flight, (struct event){.kind = event_arrived});
    if (flight->state == flight_closed) return flight;
    flight_world_tell(world, flight, (struct event){.kind = event_body, .bytes = str_from(body)});
    if (flight->state == flight_closed) return flight;
    flight_world_tell(world, flight, (struct event){.kind = event_body_end});
    return flight;
}

static void each_refusal_has_its_code(void **state) {
    static const struct {
        const char *name, *value, *body;
        bool client;
        enum error_code error;
    } rows[] = {
        {"x-weir-strategy", "fastest", FLIGHT_CHAT("m", "false"), false, error_invalid_request},
        {"x-weir-strategy", "priority", FLIGHT_CHAT("m", "false"), true, error_not_allowed}, /* it may not steer */
        {"x-weir-targets", "a/m", FLIGHT_CHAT("m", "false"), true, error_not_allowed},
        {"x-weir-targets", "nobody/m", FLIGHT_CHAT("m", "false"), false, error_model_not_found},
        {"x-weir-timeout-ms", "0", FLIGHT_CHAT("m", "false"), false, error_invalid_request},
        {"x-weir-timeout-ms", "soon", FLIGHT_CHAT("m", "false"), false, error_invalid_request},
        {"accept", "*/*", FLIGHT_CHAT("unheard-of", "false"), false, error_model_not_found},
        {"accept", "*/*", FLIGHT_CHAT("n", "false"), true, error_not_allowed},
        {"accept", "*/*", "{\"model\":", false, error_invalid_request},
    };
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct client *client = rows[i].client ? &world.config.snapshot->clients[0] : NULL;
        struct flight *flight = ask(&world, client, rows[i].name, rows[i].value, rows[i].body);
        if (flight->answer.error != rows[i].error) fail_msg("row %zu: %s", i, error_name(flight->answer.error).at);
        assert_int_equal(flight->state, flight_closed);
        assert_int_equal(flight->attempt_count, 0);
        flight_free(flight);
    }
    flight_world_end(&world);
}

static void named_targets_are_asked_in_their_order_and_no_others(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = ask(&world, NULL, "x-weir-targets", "b/m", FLIGHT_CHAT("m", "false"));
    assert_int_equal(flight->choice.count, 1);
    assert_true(str_eq(flight->live->target->name, STR("b/m")));
    flight_world_drop(&world, flight);
    flight = ask(&world, NULL, "x-weir-targets", "b/m, a/n", FLIGHT_CHAT("m", "false"));
    assert_int_equal(flight->choice.count, 2);
    assert_true(str_eq(flight->live->target->name, STR("b/m")));
    assert_int_equal(flight->choice.by, strategy_priority);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_timeout_only_shortens(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = ask(&world, NULL, "x-weir-timeout-ms", "250", FLIGHT_CHAT("m", "true"));
    assert_int_equal(flight->times.deadline_ns, flight->times.arrived_ns + 250 * NS_PER_MS);
    flight_world_drop(&world, flight);
    flight = ask(&world, NULL, "x-weir-timeout-ms", "999999999", FLIGHT_CHAT("m", "true"));
    assert_int_equal(flight->times.deadline_ns, flight->times.arrived_ns + world.config.snapshot->request_timeout_ns);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_body_past_its_limit_is_refused_at_once(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_new(&world, endpoint_chat);
    flight->body.most = 10;
    flight_world_tell(&world, flight, (struct event){.kind = event_body, .bytes = STR("0123456789")});
    assert_int_equal(flight->state, flight_receiving);
    flight_world_tell(&world, flight, (struct event){.kind = event_body, .bytes = STR("x")});
    assert_int_equal(flight->answer.error, error_body_too_large);
    assert_int_equal(flight->state, flight_closed);
    flight_free(flight);
    flight_world_end(&world);
}

static void a_refusal_names_what_was_asked_for(void **state) {
    static const struct {
        const char *name, *value, *body;
        bool client;
        const char *says;
    } rows[] = {
        {"accept", "*/*", FLIGHT_CHAT("n", "false"), true, "This client key may not use the model `n`."},
        {"accept", "*/*", FLIGHT_CHAT("gpt-9", "false"), true, "This client key may not use the model `gpt-9`."},
        {"accept", "*/*", FLIGHT_CHAT("gpt-9", "false"), false, "`gpt-9`"},
    };
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct client *client = rows[i].client ? &world.config.snapshot->clients[0] : NULL;
        struct flight *flight = ask(&world, client, rows[i].name, rows[i].value, rows[i].body);
        if (!strstr(flight->answer.said.at, rows[i].says)) fail_msg("row %zu: %s", i, flight->answer.said.at);
        flight_free(flight);
    }
    flight_world_end(&world);
}

/* What is asked for is part of what must fit, as far as it is known; where none is large enough all are asked. */
static void a_context_must_hold_the_prompt_and_the_answer(void **state) {
    static const char contexts[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  a: {type: openai, api_key: sk-secret-secret-secret, facts: {s: {context: 1000}, l: {context: 100000}}}\n"
        "routes: [{model: m, targets: [a/s, a/l], strategy: priority}]\n";
    static const struct {
        unsigned max_tokens;
        const char *target;
    } rows[] = {{10, "a/s"}, {900, "a/s"}, {1000, "a/l"}, {99000, "a/l"}, {100000, "a/s"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char body[256];
        snprintf(body, sizeof body,
                 "{\"model\":\"m\",\"max_tokens\":%u,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
                 rows[i].max_tokens);
        flight_world_begin(&world, contexts);
        struct flight *flight = flight_world_ask(&world, body);
        if (!flight->live) fail_msg("row %zu: %.*s", i, STR_ARG(flight_world_written(&world)));
        if (!str_eq(flight->live->target->name, str_from(rows[i].target))) fail_msg("%u tokens", rows[i].max_tokens);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static const char more_yaml[] =
    "state_dir: ./state\n"
    "end_user_header: X-User\n"
    "providers:\n"
    "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m, n]}\n"
    "  b: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
    "  c: {type: anthropic, api_key: sk-other-other-other, models: [claude]}\n"
    "routes: [{model: m, targets: [a/m, b/m]}, {model: high, targets: [{route: low}, a/n]}, {model: low, targets: "
    "[b/m]}]\n"
    "rules: [{name: images, when: {model: m}, targets: [b/m]}]\n"
    "clients:\n"
    "  - {name: one, key_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, providers: [a]}\n"
    "  - {name: two, key_hash: 1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, providers: [c]}\n";

static void what_cannot_be_together_is_refused_with_a_sentence(void **state) {
    static const struct {
        enum endpoint endpoint;
        int client; /* -1: the host's */
        const char *name, *value, *body;
        enum error_code error;
        const char *says;
    } rows[] = {
        {endpoint_chat, -1, "x-weir-targets", "a/m", FLIGHT_CHAT("m", "false"), error_not_allowed,
         "The rule `images` allows none of the targets that were named."},
        {endpoint_chat, 0, "accept", "*/*", FLIGHT_CHAT("a/n", "false"), error_not_allowed,
         "This client key may not name a provider itself: ask the operator for `may_steer`."},
        {endpoint_chat, 0, "accept", "*/*", FLIGHT_CHAT("claude", "false"), error_not_allowed,
         "This client key may not use the providers of this model."},
        {endpoint_chat, -1, "x-weir-unsupported", "maybe", FLIGHT_CHAT("n", "false"), error_invalid_request,
         "x-weir-unsupported must be `drop` or `refuse`."},
        {endpoint_chat, -1, "x-weir-strategy", "exclusive", FLIGHT_CHAT("high", "false"), error_invalid_request,
         "a route with routes among its targets has no lock"},
        {endpoint_responses_compact, -1, "accept", "*/*", "{\"model\":\"claude\",\"input\":\"hi\"}", error_unsupported,
         "No provider of this model has /responses/compact, which only a provider can do: ask for a model of `a`, "
         "`b`."},
        {endpoint_responses_compact, 1, "accept", "*/*", "{\"model\":\"claude\",\"input\":\"hi\"}", error_unsupported,
         "only a provider can do: none that may answer here has it (providers of `type: openai` and `azure` have)."},
        {endpoint_moderations, -1, "accept", "*/*", "{\"model\":\"claude\",\"input\":\"hi\"}", error_unsupported,
         "No provider of this model serves this path."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, more_yaml);
        const struct http_header header = {str_from(rows[i].name), str_from(rows[i].value)};
        struct flight *flight = flight_world_new_of(
            &world, (struct flight_request){
                        .endpoint = rows[i].endpoint,
                        .headers = &header,
                        .header_count = 1,
                        .client = rows[i].client < 0 ? NULL : &world.config.snapshot->clients[rows[i].client]});
        if (flight->state != flight_closed) {
            flight_world_tell(&world, flight, (struct event){.kind = event_body, .bytes = str_from(rows[i].body)});
            flight_world_tell(&world, flight, (struct event){.kind = event_body_end});
        }
        if (flight->answer.error != rows[i].error || !flight_world_wrote(&world, rows[i].says))
            fail_msg("row %zu: %.*s", i, STR_ARG(flight_world_written(&world)));
        assert_int_equal(flight->attempt_count, 0);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void a_lock_is_for_a_routes_own_targets(void **state) {
    const struct http_header headers[] = {{STR("x-weir-targets"), STR("b/m")},
                                          {STR("x-weir-strategy"), STR("exclusive")}};
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask_of(
        &world, (struct flight_request){.endpoint = endpoint_chat, .headers = headers, .header_count = 2},
        FLIGHT_CHAT("m", "false"));
    assert_int_equal(flight->answer.error, error_invalid_request);
    assert_true(flight_world_wrote(&world, "`exclusive` is a lock that the targets of a route take turns in holding"));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void at_most_so_many_targets_are_named(void **state) {
    (void)state;
    for (unsigned count = limit_pins; count <= limit_pins + 1; count++) {
        struct flight_world world;
        char named[4 * (limit_pins + 1) + 1] = "";
        for (unsigned i = 0; i < count; i++) memcpy(named + 4 * i, "a/m,", 5);
        named[4 * count - 1] = 0;
        flight_world_begin(&world, yaml);
        struct flight *flight = ask(&world, NULL, "x-weir-targets", named, FLIGHT_CHAT("m", "false"));
        assert_int_equal(flight->answer.error, count > limit_pins ? error_invalid_request : error_none);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void who_cannot_write_down_what_it_costs_takes_nothing(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    world.host.keeps_nothing = true;
    struct flight *flight = flight_world_new(&world, endpoint_chat);
    assert_true(flight->state == flight_closed && flight->answer.error == error_usage_unrecorded);
    flight_free(flight);
    world.host.keeps_nothing = false;
    world.now.mono_ns += 1;
    flight = flight_world_new(&world, endpoint_chat);
    assert_int_equal(flight->state, flight_receiving);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* What stands for a session where its caller says none: its agent, its prompt's cache, its trace. */
static void a_session_is_found_in_the_order_of_what_it_says(void **state) {
    static const struct {
        const char *name, *value, *body, *session;
    } rows[] = {
        {"x-weir-session", " s ", "{\"model\":\"n\",\"prompt_cache_key\":\"k\",\"messages\":[]}", "s"},
        {"x-claude-code-session-id", "c", "{\"model\":\"n\",\"prompt_cache_key\":\"k\",\"messages\":[]}", "c"},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
         "{\"model\":\"n\",\"prompt_cache_key\":\"k\",\"messages\":[]}", "k"},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "{\"model\":\"n\",\"messages\":[]}",
         "0af7651916cd43dd8448eb211c80319c"},
        {"traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "{\"model\":\"n\",\"messages\":[]}",
         ""},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", "{\"model\":\"n\",\"messages\":[]}",
         ""},
        {"traceparent", "00x0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "{\"model\":\"n\",\"messages\":[]}",
         ""},
    };
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight *flight = ask(&world, NULL, rows[i].name, rows[i].value, rows[i].body);
        assert_str_equal(flight->session, rows[i].session);
        flight_world_drop(&world, flight);
    }
    flight_world_end(&world);
}

/* Of a host without shares for strangers all is the host's; with them, and for a client, what its share is. */
static void what_is_held_of_it_is_counted_as_its_callers(void **state) {
    struct flight_world world;
    struct budget strangers = {.limit = 1 << 20};
    (void)state;
    flight_world_begin(&world, yaml);
    const struct client *client = &world.config.snapshot->clients[0];
    assert_ptr_equal(flight_budget(&world.host, NULL), &world.memory);
    assert_ptr_equal(flight_budget(&world.host, client), &client->cells->memory);
    world.host.strangers = &strangers;
    assert_ptr_equal(flight_budget(&world.host, NULL), &strangers);
    world.host.budget = NULL;
    assert_null(flight_budget(&world.host, NULL));
    flight_world_end(&world);
}

/* That a model cannot answer by a schema is an obstacle to requests that want one, and to no others. */
static void what_is_not_wanted_is_not_missed(void **state) {
    static const char known[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m], facts: {m: {cannot: "
        "json, refuses: [tools, tool_choice]}}}\n";
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, known);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_int_equal(flight->attempt_count, 1);
    flight_world_drop(&world, flight);
    flight = flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_completions},
                                 "{\"model\":\"m\",\"prompt\":\"hi\"}");
    assert_int_equal(flight->attempt_count, 1);
    flight_world_drop(&world, flight);
    flight = flight_world_ask(&world, "{\"model\":\"m\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                                      "{\"name\":\"a\",\"schema\":{\"type\":\"object\"}}},\"messages\":[{\"role\":"
                                      "\"user\",\"content\":\"hi\"}]}");
    assert_int_equal(flight->answer.error, error_unsupported);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* A model that no list has is one of those that are named, with a weight as each has by itself. */
static void a_named_target_of_no_list_has_its_share(void **state) {
    static const char listless[] = "state_dir: ./state\n"
                                   "providers:\n"
                                   "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                                   "  b: {type: openai, api_key: sk-other-other-other, base_url: 'http://b/v1'}\n";
    struct flight_world world;
    unsigned unlisted = 0;
    (void)state;
    flight_world_begin(&world, listless);
    for (unsigned i = 0; i < 100; i++) {
        struct http_header headers[] = {{STR("x-weir-targets"), STR("a/m, b/of-no-list")},
                                        {STR("x-weir-strategy"), STR("weighted")}};
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = endpoint_chat, .headers = headers, .header_count = 2},
            FLIGHT_CHAT("m", "false"));
        assert_int_equal(flight->choice.count, 2);
        unlisted += str_eq(flight->live->target->name, STR("b/of-no-list"));
        flight_world_drop(&world, flight);
    }
    assert_in_range(unlisted, 30, 70);
    flight_world_end(&world);
}

/* Those that the configuration gives its client always. */
static void a_rule_sees_a_callers_own_tags_where_they_are_trusted(void **state) {
    static const char tagged[] =
        "state_dir: ./state\n"
        "trust_tags: %s\n"
        "providers:\n"
        "  a: {type: openai, api_key: k, models: [m, own, given]}\n"
        "rules:\n"
        "  - {name: own, when: {tags: {run: '7'}}, targets: [a/own]}\n"
        "  - {name: given, when: {tags: {team: ads}}, targets: [a/given]}\n"
        "routes: [{model: r, targets: [a/m]}]\n"
        "clients: [{name: one, key_hash: "
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, tags: {team: ads}}]\n";
    static const struct {
        bool trusted, client;
        const char *tags, *target;
    } rows[] = {
        {true, false, "run=7", "a/own"},      {false, false, "run=7", "a/m"},   {true, false, NULL, "a/m"},
        {false, false, NULL, "a/m"},          {true, true, "run=7", "a/own"},   {false, true, "run=7", "a/given"},
        {true, true, "run=8", "a/given"},     {false, true, NULL, "a/given"},   {true, true, NULL, "a/given"},
        {true, false, "team=ads", "a/given"}, {false, false, "team=ads", "a/m"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char text[1024];
        snprintf(text, sizeof text, tagged, rows[i].trusted ? "true" : "false");
        flight_world_begin(&world, text);
        struct flight *flight = ask(&world, rows[i].client ? &world.config.snapshot->clients[0] : NULL,
                                    rows[i].tags ? "x-weir-tags" : "accept", rows[i].tags ? rows[i].tags : "*/*",
                                    FLIGHT_CHAT("r", "false"));
        if (!flight->live) fail_msg("row %zu: %.*s", i, STR_ARG(flight_world_written(&world)));
        if (!str_eq(flight->live->target->name, str_from(rows[i].target)))
            fail_msg("row %zu: %.*s", i, STR_ARG(flight->live->target->name));
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_must_hold_the_prompt_and_the_answer),
        cmocka_unit_test(each_refusal_has_its_code),
        cmocka_unit_test(a_refusal_names_what_was_asked_for),
        cmocka_unit_test(named_targets_are_asked_in_their_order_and_no_others),
        cmocka_unit_test(a_timeout_only_shortens),
        cmocka_unit_test(a_body_past_its_limit_is_refused_at_once),
        cmocka_unit_test(what_cannot_be_together_is_refused_with_a_sentence),
        cmocka_unit_test(a_lock_is_for_a_routes_own_targets),
        cmocka_unit_test(at_most_so_many_targets_are_named),
        cmocka_unit_test(who_cannot_write_down_what_it_costs_takes_nothing),
        cmocka_unit_test(a_session_is_found_in_the_order_of_what_it_says),
        cmocka_unit_test(what_is_held_of_it_is_counted_as_its_callers),
        cmocka_unit_test(what_is_not_wanted_is_not_missed),
        cmocka_unit_test(a_rule_sees_a_callers_own_tags_where_they_are_trusted),
        cmocka_unit_test(a_named_target_of_no_list_has_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
