/* flight_attempt_test.c - an attempt at one target: its head, how long it may take, and what of its reply's head is
 * kept. */
#include "flight_world.h"

static const char yaml[] =
    "state_dir: ./state\n"
    "retry: {max_retries: 0}\n"
    "providers:\n"
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], timeout_seconds: 10, reply_timeout_seconds: "
    "100,"
    " stall_timeout_seconds: 5, forward_headers: [X-Team, X-Told], headers: {X-Team: ours}}\n"
    "  a: {type: anthropic, api_key: sk-secret-secret-secret, models: [n]}\n"
    "  v: {type: anthropic, api_key: sk-secret-secret-secret, models: [k], headers: {Anthropic-Version: 2099-01-01}}\n";

static struct flight *ask(struct flight_world *world, enum endpoint endpoint, const char *body, const char *name,
                          const char *value) {
    struct http_header header = {str_from(name), str_from(value)};
    flight_world_begin(world, yaml);
    return flight_world_ask_of(
        world, (struct flight_request){.endpoint = endpoint, .headers = &header, .header_count = name != NULL}, body);
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static unsigned times_sent(const struct flight_world *world, const char *name) {
    const struct action *action = flight_world_action(world, action_call);
    unsigned times = 0;
    for (size_t i = 0; i < action->call.header_count; i++)
        times += str_eq_nocase(action->call.headers[i].name, str_from(name));
    return times;
}

/* -- what is sent -- */

static void it_says_what_it_wants_and_with_which_key(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "false"), NULL, NULL);
    assert_str_equal(flight_world_sent(&world, "authorization"), "Bearer sk-secret-secret-secret");
    assert_str_equal(flight_world_sent(&world, "content-type"), "application/json");
    assert_str_equal(flight_world_sent(&world, "accept"), "*/*");
    assert_str_equal(flight_world_sent(&world, "accept-encoding"), "identity");
    assert_str_equal(flight_world_sent(&world, "user-agent"), "weir");
    end(&world, flight);
    flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "true"), NULL, NULL);
    assert_str_equal(flight_world_sent(&world, "accept"), "text/event-stream");
    end(&world, flight);
}

static void the_body_is_the_callers_and_so_is_its_type_where_it_is_not_written_anew(void **state) {
    static const char type[] = "application/json; charset=utf-8";
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "false"), "content-type", type);
    assert_str_equal(flight_world_sent(&world, "content-type"), type);
    end(&world, flight);
    flight = ask(&world, endpoint_chat, FLIGHT_CHAT("n", "false"), "content-type", type);
    assert_str_equal(flight_world_sent(&world, "content-type"), "application/json");
    end(&world, flight);
}

/* Else a caller could say what the operator has said. */
static void what_the_configuration_says_is_not_said_by_a_caller_too(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "false"), "x-team", "theirs");
    assert_str_equal(flight_world_sent(&world, "x-team"), "ours");
    assert_int_equal(times_sent(&world, "x-team"), 1);
    end(&world, flight);
    flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "false"), "x-told", "theirs");
    assert_str_equal(flight_world_sent(&world, "x-told"), "theirs");
    end(&world, flight);
    flight = ask(&world, endpoint_chat, FLIGHT_CHAT("n", "false"), "x-told", "theirs");
    assert_int_equal(times_sent(&world, "x-told"), 0); /* another provider's */
    end(&world, flight);
}

/* By whoever has said it: the configuration, the caller, weir. */
static void a_dialects_version_is_sent_once(void **state) {
    static const struct {
        const char *model, *name, *sent;
    } rows[] = {{"n", NULL, "2023-06-01"},
                {"n", "anthropic-version", "2024-01-01"},
                {"k", NULL, "2099-01-01"},
                {"k", "anthropic-version", "2099-01-01"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char body[128] = "{\"model\":\"?\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
        *strchr(body, '?') = *rows[i].model;
        struct flight *flight = ask(&world, endpoint_messages, body, rows[i].name, "2024-01-01");
        assert_str_equal(flight_world_sent(&world, "anthropic-version"), rows[i].sent);
        assert_int_equal(times_sent(&world, "anthropic-version"), 1);
        end(&world, flight);
    }
}

/* -- how long it may take -- */

static void assert_deadline(const struct flight *flight, uint64_t from_ns, uint64_t seconds, enum failure wanted) {
    enum failure failure = failure_none;
    uint64_t deadline_ns = attempt_deadline(flight, flight->live, false, &failure);
    assert_int_equal(deadline_ns, seconds == UINT64_MAX ? UINT64_MAX : from_ns + seconds * NS_PER_S);
    assert_int_equal(failure, wanted);
}

static void a_whole_reply_has_its_own_time_and_the_requests(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "false"), NULL, NULL);
    uint64_t begun_ns = world.now.mono_ns;
    assert_deadline(flight, begun_ns, 100, failure_reply_timeout);
    flight->times.deadline_ns = begun_ns + 100 * NS_PER_S;
    assert_deadline(flight, begun_ns, 100, failure_reply_timeout); /* both at once: its own fault */
    flight->times.deadline_ns = begun_ns + 99 * NS_PER_S;
    assert_deadline(flight, begun_ns, 99, failure_request_deadline);
    end(&world, flight);
}

/* Up to its first token; from then on only a pause is too long, and none that the caller makes. */
static void a_streams_time_ends_with_its_first_token(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "true"), NULL, NULL);
    assert_deadline(flight, world.now.mono_ns, 10, failure_first_token_timeout);
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    assert_deadline(flight, world.now.mono_ns, 10, failure_first_token_timeout);
    world.now.mono_ns += 9 * NS_PER_S;
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "null"));
    assert_deadline(flight, world.now.mono_ns, 5, failure_stall);
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_full});
    assert_deadline(flight, 0, UINT64_MAX, failure_stall);
    world.now.mono_ns += 60 * NS_PER_S;
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_writable});
    assert_deadline(flight, world.now.mono_ns, 5, failure_stall);
    end(&world, flight);
}

static void a_reply_that_passes_as_it_comes_waits_for_a_caller_that_reads_slowly(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight =
        ask(&world, endpoint_audio_speech, "{\"model\":\"m\",\"input\":\"hi\",\"voice\":\"v\"}", NULL, NULL);
    uint64_t begun_ns = world.now.mono_ns;
    flight_world_head(&world, flight, 0, 200, "audio/mpeg");
    flight_world_body(&world, flight, 0, "la la");
    assert_deadline(flight, begun_ns, 100, failure_reply_timeout);
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_full});
    assert_deadline(flight, 0, UINT64_MAX, failure_reply_timeout);
    end(&world, flight);
}

/* Nobody knows how long a provider's own API takes: only a pause counts. */
static void a_raw_reply_may_last_as_long_as_bytes_come(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask_of(
        &world, (struct flight_request){.endpoint = endpoint_raw, .raw = {http_get, STR("o"), STR("/files"), STR("")}},
        "");
    flight_world_head(&world, flight, 0, 200, "text/plain");
    flight_world_body(&world, flight, 0, "a");
    world.now.mono_ns += 50 * NS_PER_S;
    flight_world_body(&world, flight, 0, "b");
    assert_deadline(flight, world.now.mono_ns, 100, failure_stall);
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_full});
    assert_deadline(flight, 0, UINT64_MAX, failure_stall);
    end(&world, flight);
}

static void after_the_answer_its_end_is_awaited_for_a_second(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "true"), NULL, NULL);
    flight_world_head(&world, flight, 0, 200, "text/event-stream");
    flight_world_body(&world, flight, 0, FLIGHT_EVENT("hi", "\"stop\"") "data: [DONE]\n\n");
    assert_int_equal(flight->state, flight_answered);
    assert_deadline(flight, world.now.mono_ns, 1, failure_none);
    world.now.mono_ns += NS_PER_S - 1;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight->state, flight_answered);
    world.now.mono_ns += 1;
    flight_world_tell(&world, flight, (struct event){.kind = event_timer});
    assert_int_equal(flight_world_asked(&world, action_cancel), 1);
    assert_int_equal(flight->state, flight_closed);
    end(&world, flight);
}

/* -- its reply's head -- */

static void tell_head(struct flight_world *world, struct flight *flight, int status, const struct http_header *headers,
                      size_t count) {
    flight_world_tell(world, flight, (struct event){.kind = event_sent});
    flight_world_tell(world, flight,
                      (struct event){.kind = event_reply_head,
                                     .status = status,
                                     .headers = headers,
                                     .header_count = count,
                                     .content_length = -1,
                                     .body_sent = true});
}

static void of_its_head_the_caller_gets_what_is_its_business(void **state) {
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")},
                                          {STR("x-request-id"), STR("req-of-o")},
                                          {STR("set-cookie"), STR("a=b")},
                                          {STR("openai-organization"), STR("acme")},
                                          {STR("x-told"), STR("sk-secret-secret-secret")},
                                          {STR("retry-after"), STR("7")},
                                          {STR("x-ratelimit-limit-requests"), STR("1")},
                                          {STR("connection"), STR("close, X-RateLimit-Limit-Requests")}};
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "false"), NULL, NULL);
    tell_head(&world, flight, 200, headers, sizeof headers / sizeof *headers);
    const struct attempt_reply *reply = &flight->live->reply;
    assert_int_equal(reply->header_count, 3);
    assert_str_equal(http_header_find(reply->headers, 3, STR("x-request-id")), "req-of-o");
    assert_str_equal(http_header_find(reply->headers, 3, STR("x-told")), "***********************");
    assert_str_equal(http_header_find(reply->headers, 3, STR("retry-after")), "7");
    assert_str_equal(reply->content_type, "application/json");
    assert_int_equal(reply->retry_after_ms, 7000);
    end(&world, flight);
}

/* In another coding than was asked for nobody can look into it; an error counts by its status all the same. */
static void a_coded_reply_is_no_answer(void **state) {
    static const struct {
        int status;
        const char *coding;
        enum failure failing;
    } rows[] = {{200, "gzip", failure_wrong_content_type},
                {200, " identity ", failure_none},
                {200, "IDENTITY", failure_none},
                {200, "", failure_none},
                {500, "gzip", failure_none}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct http_header headers[] = {{STR("content-type"), STR("application/json")},
                                              {STR("content-encoding"), str_from(rows[i].coding)}};
        struct flight_world world;
        struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "false"), NULL, NULL);
        tell_head(&world, flight, rows[i].status, headers, 2);
        assert_int_equal(flight->attempts[0]->failing, rows[i].failing);
        end(&world, flight);
    }
}

static void what_is_no_answer_by_its_type_is_none(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "false"), NULL, NULL);
    flight_world_head(&world, flight, 0, 200, "text/html");
    assert_int_equal(flight->attempts[0]->failure, failure_wrong_content_type);
    assert_int_equal(flight->answer.status, 502);
    end(&world, flight);
}

static void it_begins_with_nothing_known_of_what_it_used(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, endpoint_chat, FLIGHT_CHAT("m", "false"), NULL, NULL);
    const struct attempt *attempt = flight->live;
    assert_int_equal(attempt->usage.input_tokens, -1);
    assert_int_equal(attempt->cost_nano_usd, -1);
    assert_int_equal(attempt->reply.retry_after_ms, -1);
    assert_int_equal(attempt->reply.content_length, -1);
    assert_int_equal(attempt->candidate->tries, 1);
    assert_int_equal(attempt->started_ns, world.now.mono_ns);
    end(&world, flight);
}

/* However many targets fail, no more than the last one's words are held. */
static void errors_of_earlier_attempts_are_not_held(void **state) {
    static const char many[] =
        "state_dir: ./state\nretry: {max_retries: 0}\nproviders:\n"
        "  a: {type: openai, api_key: sk-a, models: [m]}\n  b: {type: openai, api_key: sk-b, models: [m]}\n"
        "  c: {type: openai, api_key: sk-c, models: [m]}\n  d: {type: openai, api_key: sk-d, models: [m]}\n"
        "  e: {type: openai, api_key: sk-e, models: [m]}\n"
        "routes: [{model: m, targets: [a/m, b/m, c/m, d/m, e/m], strategy: priority}]\n";
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, many);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    for (unsigned i = 0; i < 4; i++) {
        assert_non_null(flight->live);
        flight_world_head(&world, flight, i, 500, "application/json");
        flight_world_body(&world, flight, i, "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":null}}");
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = i});
        for (unsigned earlier = 0; earlier < i; earlier++)
            assert_int_equal(flight->attempts[earlier]->reply.held.len, 0);
    }
    assert_int_equal(flight->attempt_count, 5);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_of_earlier_attempts_are_not_held),
        cmocka_unit_test(it_says_what_it_wants_and_with_which_key),
        cmocka_unit_test(the_body_is_the_callers_and_so_is_its_type_where_it_is_not_written_anew),
        cmocka_unit_test(what_the_configuration_says_is_not_said_by_a_caller_too),
        cmocka_unit_test(a_dialects_version_is_sent_once),
        cmocka_unit_test(a_whole_reply_has_its_own_time_and_the_requests),
        cmocka_unit_test(a_streams_time_ends_with_its_first_token),
        cmocka_unit_test(a_reply_that_passes_as_it_comes_waits_for_a_caller_that_reads_slowly),
        cmocka_unit_test(a_raw_reply_may_last_as_long_as_bytes_come),
        cmocka_unit_test(after_the_answer_its_end_is_awaited_for_a_second),
        cmocka_unit_test(of_its_head_the_caller_gets_what_is_its_business),
        cmocka_unit_test(a_coded_reply_is_no_answer),
        cmocka_unit_test(what_is_no_answer_by_its_type_is_none),
        cmocka_unit_test(it_begins_with_nothing_known_of_what_it_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
