/* flight_raw_test.c - a provider's own API: who may use it, what of a request crosses, and what can be read of a reply
 * that is nobody's business. */
#include "flight_world.h"

#include <stdio.h>

#define KEY_HASH "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char yaml[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], base_url: \"https://o.example/v1\"}\n"
    "  g: {type: gemini, api_key: sk-secret-secret-secret, models: [k]}\n"
    "  h: {type: huggingface-native, api_key: sk-secret-secret-secret, models: [org/k]}\n"
    "clients:\n"
    "  - {name: all, key_hash: a" KEY_HASH ", raw: true}\n"
    "  - {name: kept, key_hash: b" KEY_HASH ", raw: true, models: [m, \"g/k\", \"org/*\"]}\n"
    "  - {name: no, key_hash: c" KEY_HASH "}\n"
    "  - {name: one, key_hash: d" KEY_HASH ", raw: true, providers: [g]}\n";
enum { all, kept, without_raw, one_provider, host };

struct question {
    unsigned client;
    enum http_method method;
    const char *provider, *path, *query, *type, *body;
};

static struct flight *ask(struct flight_world *world, const struct question *question) {
    struct http_header header = {STR("content-type"), str_from(question->type)};
    struct flight_request asked = {
        .endpoint = endpoint_raw,
        .raw = {question->method, str_from(question->provider), str_from(question->path), str_from(question->query)},
        .headers = &header,
        .header_count = question->type != NULL};
    flight_world_begin(world, yaml);
    if (question->client != host) asked.client = &world->config.snapshot->clients[question->client];
    return flight_world_ask_of(world, asked, question->body);
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

/* -- who may -- */

static void it_is_for_clients_that_may_and_for_their_providers(void **state) {
    static const struct {
        struct question question;
        enum error_code error;
    } rows[] = {
        {{host, http_get, "o", "/files", "", NULL, ""}, error_none},
        {{all, http_get, "o", "/files", "", NULL, ""}, error_none},
        {{without_raw, http_get, "o", "/files", "", NULL, ""}, error_not_allowed},
        {{one_provider, http_get, "o", "/files", "", NULL, ""}, error_not_allowed},
        {{one_provider, http_get, "g", "/files", "", NULL, ""}, error_none},
        {{one_provider, http_get, "x", "/files", "", NULL, ""}, error_not_allowed}, /* nor which ones there are */
        {{all, http_get, "x", "/files", "", NULL, ""}, error_unknown_provider},
        {{all, http_get, "o", "/files/../../x", "", NULL, ""}, error_invalid_request},
        {{all, http_get, "o", "/files/%2e%2e/x", "", NULL, ""}, error_invalid_request},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct flight *flight = ask(&world, &rows[i].question);
        if (flight->answer.error != rows[i].error) fail_msg("row %zu: %s", i, error_name(flight->answer.error).at);
        assert_int_equal(flight->attempt_count, rows[i].error == error_none);
        end(&world, flight);
    }
}

#define FORM(model)                                                                     \
    "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n" model "\r\n--b\r\n" \
    "Content-Disposition: form-data; name=\"image\"; filename=\"x\"\r\n\r\nbytes\r\n--b--\r\n"

/* Only where it can be told which model a request leads to, and by nothing that may mean another one. */
static void a_client_that_is_kept_to_models_may_ask_for_them_and_nothing_else(void **state) {
    static const char json[] = "application/json", form[] = "multipart/form-data; boundary=b";
    static const struct {
        struct question question;
        bool may;
    } rows[] = {
        {{kept, http_post, "o", "/chat/completions", "", json, "{\"model\":\"m\"}"}, true},
        {{kept, http_post, "o", "/chat/completions", "", NULL, "{\"model\":\"m\"}"}, true},
        {{kept, http_post, "o", "/chat/completions", "api-version=1&&beta=x", json, "{\"model\":\"m\"}"}, true},
        {{kept, http_post, "o", "/chat/completions", "model=x", json, "{\"model\":\"m\"}"}, false},
        {{kept, http_post, "o", "/chat/completions", "", "text/plain", "{\"model\":\"m\"}"}, false},
        {{kept, http_post, "o", "/chat/completions", "", json, "{\"model\":\"x\"}"}, false},
        {{kept, http_post, "o", "/chat/completions", "", json, "{\"model\":\"m\",\"model\":\"x\"}"}, false},
        {{kept, http_post, "o", "/chat/completions", "", json, "{\"model\":\"m\",\"models\":[\"x\"]}"}, false},
        {{kept, http_post, "o", "/chat/completions", "", json, "{}"}, false},
        {{kept, http_post, "o", "/chat/completions", "", json, "{\"model\":\"m\""}, false},
        {{kept, http_get, "o", "/chat/completions", "", json, "{\"model\":\"m\"}"}, false},
        {{kept, http_post, "o", "/chat/completions/", "", json, "{\"model\":\"m\"}"}, false},
        {{kept, http_post, "o", "/files", "", json, "{\"model\":\"m\"}"}, false},
        {{kept, http_post, "o", "/images/edits", "", form, FORM("m")}, true},
        {{kept, http_post, "o", "/images/edits", "", form, FORM("x")}, false},
        {{kept, http_post, "o", "/images/edits", "", json, "{\"model\":\"m\"}"}, false},
        {{kept, http_post, "g", "/models/k:generateContent", "", json, "{}"}, true},
        {{kept, http_post, "g", "/models/x:generateContent", "", json, "{}"}, false},
        {{kept, http_post, "g", "/models/%6b:generateContent", "", json, "{}"}, true},
        {{kept, http_post, "g", "/models/:generateContent", "", json, "{}"}, false},
        {{kept, http_post, "g", "/models/k:delete", "", json, "{}"}, false},
        {{kept, http_post, "g", "/models/a%2Fk:generateContent", "", json, "{}"}, false}, /* two parts of a path */
        {{kept, http_post, "g", "/models/k%3Ax:generateContent", "", json, "{}"}, false},
        {{kept, http_post, "g", "/chat/completions", "", json, "{\"model\":\"m\"}"}, false}, /* another dialect's */
        {{kept, http_post, "h", "/models/org/k", "", json, "{}"}, true}, /* whose models have owners */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct flight *flight = ask(&world, &rows[i].question);
        if ((flight->attempt_count == 1) != rows[i].may) fail_msg("row %zu: %s", i, flight->answer.said.at);
        if (!rows[i].may) assert_int_equal(flight->answer.error, error_not_allowed);
        end(&world, flight);
    }
}

static void for_the_books_the_model_is_told_as_far_as_it_can_be(void **state) {
    static const struct {
        struct question question;
        const char *name;
    } rows[] = {
        {{all, http_post, "o", "/chat/completions", "", NULL, "{\"model\":\"m\"}"}, "o/m"},
        {{all, http_post, "o", "/anything", "", NULL, "{\"models\":[\"x\"],\"model\":\"m\"}"}, "o/m"},
        {{all, http_post, "g", "/models/k:generateContent", "", NULL, "{}"}, "g/k"},
        {{all, http_get, "o", "/files", "", NULL, ""}, "o/-"},
        {{all, http_post, "o", "/files", "", NULL, "not JSON"}, "o/-"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct flight *flight = ask(&world, &rows[i].question);
        assert_str_equal(flight->choice.model, rows[i].name);
        end(&world, flight);
    }
}

/* -- what crosses -- */

static void the_path_stays_below_the_providers_and_the_query_holds_no_credential(void **state) {
    static const struct {
        const char *provider, *query, *path;
    } rows[] = {
        {"o", "", "/v1/files"},
        {"o", "limit=2&after=x", "/v1/files?limit=2&after=x"},
        {"o", "api_key=x&limit=2&bearer_token=y", "/v1/files?limit=2"},
        {"o", "_method=DELETE", "/v1/files"},
        {"o", "%5Fmethod=DELETE", "/v1/files"},
        {"o", "_METHOD=DELETE", "/v1/files"},
        {"o", "key=x", "/v1/files?key=x"}, /* Google's alone */
        {"g", "key=x&access_token=y&oauth_token=z&$key=a&$httpMethod=b&alt=sse", "/v1beta/files?alt=sse"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct question question = {all, http_get, rows[i].provider, "/files", rows[i].query, NULL, ""};
        struct flight *flight = ask(&world, &question);
        const struct action *action = flight_world_action(&world, action_call);
        assert_str_equal(action->call.path, rows[i].path);
        assert_int_equal(action->call.method, http_get);
        assert_int_equal(action->call.body_count, 0);
        end(&world, flight);
    }
}

static void a_header_that_connection_names_is_of_one_hop(void **state) {
    const struct http_header headers[] = {{STR("Connection"), STR("close, X-One ,x-two")},
                                          {STR("x-three"), STR("x-four")},
                                          {STR("connection"), STR("X-FIVE")}};
    (void)state;
    assert_true(header_is_named_by_connection(headers, 3, STR("x-one")));
    assert_true(header_is_named_by_connection(headers, 3, STR("X-Two")));
    assert_true(header_is_named_by_connection(headers, 3, STR("x-five")));
    assert_false(header_is_named_by_connection(headers, 3, STR("x-four")));
    assert_false(header_is_named_by_connection(headers, 3, STR("x-on")));
    assert_false(header_is_named_by_connection(headers, 2, STR("x-five")));
    assert_false(header_is_named_by_connection(NULL, 0, STR("x-one")));
}

static void neither_sides_credentials_cookies_or_account_cross(void **state) {
    static const char *const never_up[] = {"authorization",       "cookie",         "x-api-key", "host", "x-my-token",
                                           "openai-organization", "x-forwarded-for"},
                             *const up[] = {"x-anything", "accept", "idempotency-key"},
                             *const never_back[] = {"set-cookie", "openai-organization", "transfer-encoding", "server"},
                             *const back[] = {"x-anything", "retry-after", "x-request-id"};
    struct flight_world world;
    const struct flight_request none = {.header_count = 0};
    struct question question = {all, http_get, "o", "/files", "", NULL, ""};
    (void)state;
    struct flight *flight = ask(&world, &question);
    const struct provider *provider = flight->live->target->provider;
#define EACH(list, condition)                                 \
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) { \
        struct str name = str_from(list[i]);                  \
        if (!(condition)) fail_msg("%s: %s", #list, list[i]); \
    }
    EACH(never_up, !raw_keeps(flight, &none, header_uses(name), name))
    EACH(up, raw_keeps(flight, &none, header_uses(name), name) && raw_passes_up_now(flight, provider, name))
    EACH(never_back, !raw_passes_back(provider, name))
    EACH(back, raw_passes_back(provider, name))
    end(&world, flight);
    question = (struct question){kept, http_post, "o", "/chat/completions", "", NULL, "{\"model\":\"m\"}"};
    flight = ask(&world, &question);
    provider = flight->live->target->provider;
    assert_false(raw_passes_up_now(flight, provider, STR("x-anything"))); /* it might choose another model */
    assert_true(raw_passes_up_now(flight, provider, STR("Accept")));
    assert_true(raw_passes_up_now(flight, provider, STR("openai-beta")));
    end(&world, flight);
}

/* -- its reply -- */

/* What is read of a reply of this body. */
static void assert_usage(const char *body, int64_t input, int64_t output) {
    struct flight_world world;
    struct question question = {all, http_post, "o", "/anything", "", NULL, "{\"model\":\"m\"}"};
    struct flight *flight = ask(&world, &question);
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, body);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempts[0]->failure, failure_none);
    assert_int_equal(flight->attempts[0]->usage.input_tokens, input);
    assert_int_equal(flight->attempts[0]->usage.output_tokens, output);
    end(&world, flight);
}

static void usage_is_read_in_every_vendors_words_at_the_replys_end(void **state) {
    (void)state;
    assert_usage("{\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}", 7, 2);
    assert_usage("{\"usage\":{\"input_tokens\":7,\"output_tokens\":0,\"details\":{\"x\":1}}}", 7, 0);
    assert_usage("{\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":2}}", 7, 2);
    assert_usage("{\"usage\":{\"prompt_eval_count\":7,\"eval_count\":2}}", 7, 2);
    assert_usage("data: {\"usage\":{\"input_tokens\":1}}\n\ndata: {\"usage\":{\"input_tokens\":7}}\n\n", 7, -1);
}

/* What Anthropic counts beside the input is of it; what a text quotes is no count. */
static void cached_tokens_are_counted_once_whoever_tells_them(void **state) {
    (void)state;
    assert_usage("{\"usage\":{\"input_tokens\":7,\"cache_read_input_tokens\":20,\"cache_creation_input_tokens\":30,"
                 "\"output_tokens\":2}}",
                 57, 2);
    assert_usage("{\"usage\":{\"prompt_tokens\":7,\"prompt_tokens_details\":{\"cached_tokens\":5}}}", 7, -1);
    assert_usage("{\"usageMetadata\":{\"promptTokenCount\":7,\"cachedContentTokenCount\":5}}", 7, -1);
    assert_usage("{\"usage\":{\"input_tokens\":7},\"text\":\"a \\\"usage\\\":{\\\"input_tokens\\\":9}\"}", 7, -1);
}

/* It is a stranger's text: what is no count is none. */
static void what_is_no_count_is_not_counted(void **state) {
    (void)state;
    assert_usage("", -1, -1);
    assert_usage("{\"usage\":null}", -1, -1);
    assert_usage("{\"usage\":{\"prompt_tokens\":7", -1, -1);
    assert_usage("{\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":\"2\"}}", -1, -1);
    assert_usage("{\"usage\":{\"prompt_tokens\":1000000000001,\"completion_tokens\":999999999999}}", -1, 999999999999);
    assert_usage("\"usage", -1, -1);
    assert_usage("{\"usage\"", -1, -1);
    assert_usage("{\"usage\":", -1, -1);
    assert_usage("{\"usage\":7,\"usages\":{\"prompt_tokens\":7}}", -1, -1);
    assert_usage("{\"a\\\"usage\":{\"prompt_tokens\":7}}", -1, -1); /* another key, with a quote in it */
    assert_usage("{\"usage\" :\n {\"prompt_tokens\":7,\"of\":{\"prompt_tokens\":9}}, \"x\":{}}", 7, -1);
}

/* Whatever pieces it comes in, the end that is kept is the end of what came. */
static void the_end_of_a_reply_is_kept_however_it_comes(void **state) {
    static const size_t pieces[] = {1,   7, 511, 512, attempt_tail_size - 1, attempt_tail_size, attempt_tail_size + 1,
                                    3000};
    static char body[3001];
    (void)state;
    for (size_t i = 0; i < sizeof body - 1; i++) body[i] = (char)('0' + i * i % 10); /* no credential begins so */
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        struct flight_world world;
        struct question question = {all, http_post, "o", "/anything", "", NULL, "{\"model\":\"m\"}"};
        struct flight *flight = ask(&world, &question);
        flight_world_head(&world, flight, 0, 200, "application/json");
        for (size_t at = 0, to; at < sizeof body - 1; at = to) {
            to = at + pieces[p] < sizeof body - 1 ? at + pieces[p] : sizeof body - 1;
            flight_world_tell(&world, flight,
                              (struct event){.kind = event_reply_body, .bytes = str_make(body + at, to - at)});
            const struct attempt *attempt = flight->attempts[0];
            size_t tail = to < attempt_tail_size ? to : attempt_tail_size;
            assert_int_equal(attempt->reply.tail_len, tail);
            assert_memory_equal(attempt->reply.tail, body + to - tail, tail);
        }
        end(&world, flight);
    }
}

static void a_reply_passes_as_it_is_but_for_one_about_weirs_own_key(void **state) {
    struct flight_world world;
    struct question question = {all, http_get, "o", "/files", "", NULL, ""};
    (void)state;
    struct flight *flight = ask(&world, &question);
    flight_world_head(&world, flight, 0, 404, "text/html");
    flight_world_body(&world, flight, 0, "<html>none</html>");
    assert_str_equal(flight_world_written(&world), "<html>none</html>");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->answer.status, 404);
    assert_int_equal(flight->attempts[0]->failure, failure_not_found);
    end(&world, flight);
    flight = ask(&world, &question);
    flight_world_head(&world, flight, 0, 401, "application/json");
    flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"bad key\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_false(flight_world_wrote(&world, "bad key"));
    assert_int_equal(flight->answer.status, 502);
    end(&world, flight);
}

/* Nobody knows what may be said twice. */
static void there_is_one_attempt(void **state) {
    struct flight_world world;
    struct question question = {all, http_post, "o", "/files", "", NULL, "x"};
    (void)state;
    struct flight *flight = ask(&world, &question);
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_reset});
    assert_int_equal(flight->attempt_count, 1);
    assert_int_equal(flight->state, flight_closed);
    end(&world, flight);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_for_clients_that_may_and_for_their_providers),
        cmocka_unit_test(a_client_that_is_kept_to_models_may_ask_for_them_and_nothing_else),
        cmocka_unit_test(for_the_books_the_model_is_told_as_far_as_it_can_be),
        cmocka_unit_test(the_path_stays_below_the_providers_and_the_query_holds_no_credential),
        cmocka_unit_test(a_header_that_connection_names_is_of_one_hop),
        cmocka_unit_test(neither_sides_credentials_cookies_or_account_cross),
        cmocka_unit_test(usage_is_read_in_every_vendors_words_at_the_replys_end),
        cmocka_unit_test(cached_tokens_are_counted_once_whoever_tells_them),
        cmocka_unit_test(what_is_no_count_is_not_counted),
        cmocka_unit_test(the_end_of_a_reply_is_kept_however_it_comes),
        cmocka_unit_test(a_reply_passes_as_it_is_but_for_one_about_weirs_own_key),
        cmocka_unit_test(there_is_one_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
