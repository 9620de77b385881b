/* flight_end_test.c - requests that no target served: whose word the answer is. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 0}\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], max_concurrent: 1}\n"
                           "  a: {type: anthropic, api_key: sk-other-other-other, models: [n]}\n";

#define OPENAI_ERROR                                                                                        \
    "{\"error\":{\"message\":\"no such thing\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":" \
    "null}}"
#define ANTHROPIC_ERROR \
    "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no such thing\"}}"

static struct flight *answered_with(struct flight_world *world, const char *request, int status, const char *body) {
    flight_world_begin(world, yaml);
    struct flight *flight = flight_world_ask(world, request);
    flight_world_head(world, flight, 0, status, "application/json");
    flight_world_body(world, flight, 0, body);
    flight_world_tell(world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->state, flight_closed);
    return flight;
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

/* Some say it with a good status. */
static void an_error_in_a_good_reply_is_told_as_a_bad_one(void **state) {
    static const struct {
        const char *body, *told;
        int status;
        enum error_code error;
    } rows[] = {
        {"{\"error\":{\"message\":\"it is broken\",\"type\":\"t\",\"code\":\"c\"}}", "it is broken", 502,
         error_provider_error},
        {"{\"error\":{\"message\":\"not that\",\"type\":\"invalid_request_error\",\"code\":\"content_filter\"}}",
         "not that", 400, error_content_filtered},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct flight *flight = answered_with(&world, FLIGHT_CHAT("m", "false"), 200, rows[i].body);
        assert_int_equal(flight->answer.status, rows[i].status);
        assert_int_equal(flight->answer.error, rows[i].error);
        if (!flight_world_wrote(&world, rows[i].told)) fail_msg("%.*s", STR_ARG(flight_world_written(&world)));
        end(&world, flight);
    }
}

static void a_providers_word_passes_as_it_is_in_the_same_dialect(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = answered_with(&world, FLIGHT_CHAT("m", "false"), 400, OPENAI_ERROR);
    assert_int_equal(flight->answer.status, 400);
    assert_true(str_eq(flight_world_written(&world), STR(OPENAI_ERROR)));
    assert_int_equal(flight->answer.said.len, 0); /* no words of weir's */
    end(&world, flight);
}

static void and_is_written_anew_in_another(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = answered_with(&world, FLIGHT_CHAT("n", "false"), 400, ANTHROPIC_ERROR);
    assert_int_equal(flight->answer.status, 400);
    assert_true(str_starts(flight_world_written(&world), STR("{\"error\":{\"message\":\"no such thing\"")));
    end(&world, flight);
}

static void what_is_no_error_object_is_told_in_weirs_words(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = answered_with(&world, FLIGHT_CHAT("m", "false"), 500, "<html>");
    assert_int_equal(flight->answer.status, 500);
    assert_int_equal(flight->answer.error, error_provider_error);
    assert_true(flight->answer.said.len > 0);
    assert_true(str_find(flight_world_written(&world), STR("after 1 attempt.")) != SIZE_MAX);
    assert_true(str_find(flight_world_written(&world), STR("html")) == SIZE_MAX);
    end(&world, flight);
}

static void about_weirs_own_key_the_caller_learns_nothing(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = answered_with(
        &world, FLIGHT_CHAT("m", "false"), 401,
        "{\"error\":{\"message\":\"Incorrect API key sk-secr\",\"type\":\"x\",\"code\":\"invalid_api_key\"}}");
    assert_int_equal(flight->answer.status, 502);
    assert_int_equal(flight->answer.error, error_provider_auth);
    assert_true(str_find(flight_world_written(&world), STR("Incorrect")) == SIZE_MAX);
    end(&world, flight);
}

static void who_cannot_even_be_asked_is_refused_by_its_reason(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *first = flight_world_ask(&world, FLIGHT_CHAT("m", "false")),
                  *second = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_int_equal(second->answer.status, 429);
    assert_int_equal(second->answer.error, error_too_many_in_flight);
    assert_true(str_eq(second->answer.limit_scope, STR("provider")));
    assert_int_equal(second->attempt_count, 0);
    flight_world_drop(&world, second);
    end(&world, first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_in_a_good_reply_is_told_as_a_bad_one),
        cmocka_unit_test(a_providers_word_passes_as_it_is_in_the_same_dialect),
        cmocka_unit_test(and_is_written_anew_in_another),
        cmocka_unit_test(what_is_no_error_object_is_told_in_weirs_words),
        cmocka_unit_test(about_weirs_own_key_the_caller_learns_nothing),
        cmocka_unit_test(who_cannot_even_be_asked_is_refused_by_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
