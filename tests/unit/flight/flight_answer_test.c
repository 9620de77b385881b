/* flight_answer_test.c - what reaches a caller beside an answer's bytes: who answered, its own limits, when to come
 * back; and that it is told one thing once, with or without memory. */
#include "flight_world.h"

#define KEY_HASH "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PROVIDER \
    "providers:\n  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], cost_per_token: 0.001}\n"

static const char open_to_all[] = "state_dir: ./state\n" PROVIDER;
static const char minimal[] = "state_dir: ./state\nresponse_headers: minimal\n" PROVIDER;
static const char limited[] =
    "state_dir: ./state\n" PROVIDER "clients:\n"
    "  - {name: both, key_hash: a" KEY_HASH ", rate_limit_rpm: 60, rate_limit_rph: 600, rate_limit_tpm: 6000}\n"
    "  - {name: hour, key_hash: b" KEY_HASH ", rate_limit_rph: 36}\n"
    "  - {name: none, key_hash: c" KEY_HASH "}\n";
static const char developed[] = "state_dir: ./state\nretry: {max_retries: 0}\n" PROVIDER "clients:\n"
                                "  - {name: dev, key_hash: a" KEY_HASH ", debug: true}\n"
                                "  - {name: app, key_hash: b" KEY_HASH "}\n";

/* A chat, answered well by a provider that tells of its limits. */
static struct flight *answered(struct flight_world *world, const char *yaml, unsigned client) {
    const struct http_header headers[] = {{STR("content-type"), STR("application/json")},
                                          {STR("x-ratelimit-limit-requests"), STR("9000")},
                                          {STR("x-ratelimit-remaining-tokens"), STR("8000")},
                                          {STR("set-cookie"), STR("theirs")},
                                          {STR("openai-organization"), STR("theirs")}};
    flight_world_begin(world, yaml);
    struct flight_request asked = {.endpoint = endpoint_chat};
    if (world->config.snapshot->client_count) asked.client = &world->config.snapshot->clients[client];
    struct flight *flight = flight_world_ask_of(world, asked, FLIGHT_CHAT("m", "false"));
    flight_world_tell(world, flight, (struct event){.kind = event_sent});
    flight_world_tell(world, flight,
                      (struct event){.kind = event_reply_head,
                                     .status = 200,
                                     .headers = headers,
                                     .header_count = sizeof headers / sizeof *headers,
                                     .content_length = -1,
                                     .body_sent = true});
    flight_world_body(world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->answer.status, 200);
    return flight;
}

/* A chat that weir itself refuses. */
static struct flight *refused(struct flight_world *world, const char *yaml, enum error_code code, int status,
                              int64_t retry_after_ms) {
    flight_world_begin(world, yaml);
    struct flight *flight = flight_world_new(world, endpoint_chat);
    actions_begin(&world->out, &world->scratch);
    answer_error_status(flight, code, status, STR_NONE, STR("model"), retry_after_ms, NULL, world->now, &world->out);
    return flight;
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static void a_head_says_who_answered_and_what_it_cost(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = answered(&world, open_to_all, 0);
    assert_str_equal(flight_world_said(&world, "content-type"), "application/json");
    assert_null(flight_world_said(&world, "set-cookie").at); /* what is its account's is nobody else's */
    assert_null(flight_world_said(&world, "openai-organization").at);
    assert_str_equal(flight_world_said(&world, "x-weir-request-id"), "req_1");
    assert_str_equal(flight_world_said(&world, "x-weir-provider"), "o");
    assert_str_equal(flight_world_said(&world, "x-weir-model"), "m");
    assert_str_equal(flight_world_said(&world, "x-weir-attempts"), "1");
    assert_str_equal(flight_world_said(&world, "x-weir-cost"), "0.009000000");
    assert_null(flight_world_said(&world, "cache-control").at); /* it is no stream */
    assert_int_equal(flight_world_action(&world, action_respond)->respond.content_length, sizeof FLIGHT_WHOLE - 1);
    end(&world, flight);
}

static void a_stream_says_that_nobody_may_hold_it_up_and_cannot_say_its_cost(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, open_to_all);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    assert_str_equal(flight_world_said(&world, "cache-control"), "no-cache");
    assert_str_equal(flight_world_said(&world, "x-accel-buffering"), "no");
    assert_null(flight_world_said(&world, "x-weir-cost").at);
    assert_int_equal(flight_world_action(&world, action_respond)->respond.content_length, -1);
    end(&world, flight);
}

static void minimal_heads_say_nothing_of_who_answered(void **state) {
    static const char *const hidden[] = {"x-weir-provider", "x-weir-model", "x-weir-attempts", "x-weir-cost"};
    struct flight_world world;
    (void)state;
    struct flight *flight = answered(&world, minimal, 0);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) assert_null(flight_world_said(&world, hidden[i]).at);
    assert_str_equal(flight_world_said(&world, "x-weir-request-id"), "req_1");
    end(&world, flight);
    flight_world_begin(&world, minimal);
    flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_bad_request});
    assert_int_not_equal(flight->answer.error, error_none);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) assert_null(flight_world_said(&world, hidden[i]).at);
    end(&world, flight);
}

/* -- limits -- */

/* One request of 60 a minute is paid off in a second, and what it said was counted: 9 tokens of 6,000 in 90 ms. */
static void a_clients_own_limits_stand_in_place_of_its_providers(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = answered(&world, limited, 0);
    assert_str_equal(flight_world_said(&world, "x-ratelimit-limit-requests"), "60");
    assert_str_equal(flight_world_said(&world, "x-ratelimit-remaining-requests"), "59");
    assert_str_equal(flight_world_said(&world, "x-ratelimit-reset-requests"), "1s");
    assert_str_equal(flight_world_said(&world, "x-ratelimit-limit-tokens"), "6000");
    end(&world, flight);
    flight = answered(&world, limited, 1);
    assert_str_equal(flight_world_said(&world, "x-ratelimit-limit-requests"), "36"); /* an hour's, where it is all */
    assert_str_equal(flight_world_said(&world, "x-ratelimit-reset-requests"), "100s");
    assert_null(flight_world_said(&world, "x-ratelimit-remaining-tokens").at); /* nor the provider's */
    end(&world, flight);
}

static void a_client_without_limits_is_told_of_the_providers(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = answered(&world, limited, 2);
    assert_str_equal(flight_world_said(&world, "x-ratelimit-limit-requests"), "9000");
    assert_str_equal(flight_world_said(&world, "x-ratelimit-remaining-tokens"), "8000");
    end(&world, flight);
}

static void a_time_until_a_reset_is_said_in_whole_units_and_never_too_short(void **state) {
    static const struct {
        uint64_t ns;
        const char *said;
    } rows[] = {{0, "0ms"},
                {1, "1ms"},
                {NS_PER_MS, "1ms"},
                {999 * NS_PER_MS, "999ms"},
                {999 * NS_PER_MS + 1, "1s"},
                {1001 * NS_PER_MS, "2s"},
                {60 * NS_PER_S, "60s"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, limited);
        const struct client *client = &world.config.snapshot->clients[0];
        struct flight *flight =
            flight_world_new_of(&world, (struct flight_request){.endpoint = endpoint_chat, .client = client});
        cell_store(&client->cells->tokens_minute, world.now.mono_ns + rows[i].ns); /* paid off then */
        actions_begin(&world.out, &world.scratch);
        assert_int_equal(answer_error(flight, error_model_not_found, STR_NONE, STR_NONE, world.now, &world.out),
                         step_over);
        assert_str_equal(flight_world_said(&world, "x-ratelimit-reset-tokens"), rows[i].said);
        end(&world, flight);
    }
}

/* -- errors -- */

static void an_error_says_when_to_come_back_and_never_too_early(void **state) {
    static const struct {
        enum error_code code;
        int status;
        int64_t after_ms;
        const char *seconds, *ms; /* NULL: not said */
    } rows[] = {
        {error_rate_limited, 429, 0, "0", "0"},       {error_rate_limited, 429, 1, "1", "1"},
        {error_rate_limited, 429, 1000, "1", "1000"}, {error_rate_limited, 429, 1001, "2", "1001"},
        {error_rate_limited, 429, -1, "1", "1000"},   {error_overloaded, 503, -1, "1", "1000"},
        {error_quota_exhausted, 429, -1, NULL, NULL}, /* soon it will be no better */
        {error_provider_error, 502, -1, NULL, NULL},  {error_invalid_request, 400, -1, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct flight *flight = refused(&world, open_to_all, rows[i].code, rows[i].status, rows[i].after_ms);
        struct str seconds = flight_world_said(&world, "retry-after"), ms = flight_world_said(&world, "retry-after-ms"),
                   retry = flight_world_said(&world, "x-should-retry");
        assert_int_equal(flight->answer.status, rows[i].status);
        if (!rows[i].seconds) assert_true(!seconds.at && !ms.at);
        if (rows[i].seconds) assert_str_equal(seconds, rows[i].seconds);
        if (rows[i].ms) assert_str_equal(ms, rows[i].ms);
        assert_true(str_eq(retry, STR("false")) == (rows[i].code == error_quota_exhausted));
        end(&world, flight);
    }
}

static void a_refusal_with_a_moment_says_how_long_until_then(void **state) {
    static const struct {
        int64_t ns; /* from now */
        const char *ms;
    } rows[] = {{1, "1"}, {NS_PER_MS, "1"}, {NS_PER_MS + 1, "2"}, {0, "1000"}, {-1, "1000"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, open_to_all);
        struct flight *flight = flight_world_new(&world, endpoint_chat);
        actions_begin(&world.out, &world.scratch);
        uint64_t until_ns = world.now.mono_ns + (uint64_t)rows[i].ns;
        assert_int_equal(answer_refused(flight, error_rate_limited, until_ns, world.now, &world.out), step_over);
        assert_str_equal(flight_world_said(&world, "retry-after-ms"), rows[i].ms);
        end(&world, flight);
    }
}

static void an_error_is_told_in_its_own_words_or_in_its_codes(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = refused(&world, open_to_all, error_model_not_found, 404, -1);
    assert_true(flight_world_wrote(&world, error_facts(error_model_not_found)->sentence.at));
    assert_true(flight_world_wrote(&world, "\"param\":\"model\""));
    assert_int_equal(flight->answer.error, error_model_not_found);
    assert_true(flight->answer.said.len > 0);
    end(&world, flight);
}

/* With the status where there was one. */
static void who_develops_is_told_what_each_attempt_came_to(void **state) {
    static const struct {
        bool debug, refused;
        const char *told;
    } rows[] = {{true, true, " [o/m: authentication 401, \\\"no\\\"; "},
                {true, false, " [o/m: connect; check base_url"},
                {false, true, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, developed);
        const struct client *client = &world.config.snapshot->clients[rows[i].debug ? 0 : 1];
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = endpoint_chat, .client = client}, FLIGHT_CHAT("m", "false"));
        if (rows[i].refused) {
            flight_world_head(&world, flight, 0, 401, "application/json");
            flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":null}}");
            flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        } else {
            flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
        }
        if (!flight_world_wrote(&world, rows[i].told ? rows[i].told : "\"message\":") ||
            flight_world_wrote(&world, " [o/m: ") != rows[i].debug)
            fail_msg("row %zu: %.*s", i, STR_ARG(flight_world_written(&world)));
        end(&world, flight);
    }
}

/* What was looked for and not found may well be there. */
static void for_want_of_memory_nobody_is_told_that_he_is_wrong(void **state) {
    static const struct {
        enum error_code code;
        int status, told;
    } rows[] = {{error_model_not_found, 404, 503}, {error_invalid_request, 400, 503},
                {error_out_of_memory, 500, 503},   {error_invalid_client_key, 401, 401},
                {error_provider_error, 502, 502},  {error_overloaded, 499, 499}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, open_to_all);
        struct flight *flight = flight_world_new(&world, endpoint_chat);
        actions_begin(&world.out, &world.scratch);
        flight->arena.refused = true;
        answer_error_status(flight, rows[i].code, rows[i].status, STR_NONE, STR("model"), -1, NULL, world.now,
                            &world.out);
        assert_int_equal(flight->answer.status, rows[i].told);
        assert_true((flight->answer.error == error_overloaded) == (rows[i].told == 503 || rows[i].told == 499));
        if (rows[i].told == 503) assert_false(flight_world_wrote(&world, "\"param\":\"model\""));
        end(&world, flight);
    }
}

static void words_that_did_not_fit_become_those_for_that(void **state) {
    struct flight_world world;
    struct text text = {.failed = true};
    int status = 400;
    (void)state;
    flight_world_begin(&world, open_to_all);
    struct flight *flight = flight_world_new(&world, endpoint_chat);
    struct str words = answer_words(flight, &text, &status);
    assert_int_equal(status, 503);
    assert_int_equal(flight->answer.error, error_overloaded);
    assert_true(str_find(words, STR("no memory")) != SIZE_MAX);
    end(&world, flight);
}

static void whoever_has_a_head_gets_an_event_and_not_another_head(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, open_to_all);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "true"));
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    attempt_cancel(flight->live, &world.out);
    attempt_settle(flight, flight->live, failure_cut, world.now, &world.out);
    actions_begin(&world.out, &world.scratch);
    answer_error_status(flight, error_model_not_found, 404, STR_NONE, STR_NONE, -1, NULL, world.now, &world.out);
    assert_int_equal(flight_world_asked(&world, action_respond), 0);
    assert_int_equal(flight_world_asked(&world, action_end), 1);
    assert_true(flight_world_wrote(&world, "The stream broke before its end"));
    assert_int_equal(flight->answer.status, 200);
    end(&world, flight);
}

/* -- what was not passed on -- */

static void what_no_provider_could_be_told_is_named_once(void **state) {
    static const struct {
        const char *dropped, *said; /* by this provider; in all */
    } rows[] = {{NULL, "reasoning_history"},
                {"seed", "seed, reasoning_history"},
                {"reasoning_history, seed", "reasoning_history, seed"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, open_to_all);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "true"));
        flight_world_head(&world, flight, 0, 200, "text/event-stream");
        if (rows[i].dropped) flight->live->dialect.dropped = str_from(rows[i].dropped);
        flight->stored.reasoning_dropped = true;
        flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
        assert_str_equal(flight_world_said(&world, "x-weir-dropped"), rows[i].said);
        end(&world, flight);
    }
}

/* Whoever asks anything of the cache is told that there is none, by whichever word; nobody else is. */
static void each_word_for_the_cache_is_answered(void **state) {
    static const struct {
        const char *name, *value;
        bool told;
    } rows[] = {
        {"x-weir-cache", "no-cache", true}, {"x-weir-cache", "no-store", true}, {"x-weir-cache-key", "k", true},
        {"x-weir-cache-ttl", "60", true},   {"x-weir-session", "s", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct http_header header = {str_from(rows[i].name), str_from(rows[i].value)};
        flight_world_begin(&world, open_to_all);
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = endpoint_chat, .headers = &header, .header_count = 1},
            FLIGHT_CHAT("m", "false"));
        flight_world_head(&world, flight, 0, 200, "application/json");
        flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        assert_str_equal(flight_world_said(&world, "x-weir-cache"), rows[i].told ? "bypass" : "");
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
    static const struct {
        const char *name, *value, *said;
        int status;
    } refused[] = {
        {"x-weir-cache", "only", "not_cached", 0},
        {"x-weir-cache", "never", "x-weir-cache must be no-cache, no-store or only.", 400},
        {"x-weir-cache-ttl", "soon", "x-weir-cache-ttl must be a whole number of seconds.", 400},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct flight_world world;
        struct http_header header = {str_from(refused[i].name), str_from(refused[i].value)};
        flight_world_begin(&world, open_to_all);
        struct flight *flight = flight_new(&world.host, world.config.snapshot,
                                           &(struct flight_request){.endpoint = endpoint_chat,
                                                                    .request_id = STR("req_1"),
                                                                    .headers = &header,
                                                                    .header_count = 1,
                                                                    .content_length = -1,
                                                                    .arrived = world.now});
        flight_world_tell(&world, flight, (struct event){.kind = event_arrived});
        if (flight->state != flight_closed)
            flight_world_tell(&world, flight,
                              (struct event){.kind = event_body, .bytes = STR(FLIGHT_CHAT("m", "false"))});
        if (flight->state != flight_closed) flight_world_tell(&world, flight, (struct event){.kind = event_body_end});
        if (!flight_world_wrote(&world, refused[i].said)) fail_msg("%.*s", STR_ARG(flight_world_written(&world)));
        if (refused[i].status) assert_int_equal(flight->answer.status, refused[i].status);
        assert_int_equal(flight->attempt_count, 0);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_for_the_cache_is_answered),
        cmocka_unit_test(a_head_says_who_answered_and_what_it_cost),
        cmocka_unit_test(a_stream_says_that_nobody_may_hold_it_up_and_cannot_say_its_cost),
        cmocka_unit_test(minimal_heads_say_nothing_of_who_answered),
        cmocka_unit_test(a_clients_own_limits_stand_in_place_of_its_providers),
        cmocka_unit_test(a_client_without_limits_is_told_of_the_providers),
        cmocka_unit_test(a_time_until_a_reset_is_said_in_whole_units_and_never_too_short),
        cmocka_unit_test(an_error_says_when_to_come_back_and_never_too_early),
        cmocka_unit_test(a_refusal_with_a_moment_says_how_long_until_then),
        cmocka_unit_test(an_error_is_told_in_its_own_words_or_in_its_codes),
        cmocka_unit_test(who_develops_is_told_what_each_attempt_came_to),
        cmocka_unit_test(for_want_of_memory_nobody_is_told_that_he_is_wrong),
        cmocka_unit_test(words_that_did_not_fit_become_those_for_that),
        cmocka_unit_test(whoever_has_a_head_gets_an_event_and_not_another_head),
        cmocka_unit_test(what_no_provider_could_be_told_is_named_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
