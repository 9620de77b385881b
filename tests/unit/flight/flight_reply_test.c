/* flight_reply_test.c - replies that are no event streams: held until they are known to be good, passed on as they come
 * where they are too long for that. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 0}\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m, tts]}\n"
                           "  a: {type: anthropic, api_key: sk-secret-secret-secret, models: [n]}\n";

static const char *filler(size_t len) {
    static char bytes[64 * 1024 + 1];
    assert_true(len < sizeof bytes);
    memset(bytes, 'x', len);
    bytes[len] = '\0';
    return bytes;
}

static void a_reply_is_held_until_it_is_whole_and_good(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    assert_int_equal(flight->caller, caller_waiting);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->answer.bytes, sizeof FLIGHT_WHOLE - 1);
    assert_int_equal(flight->attempts[0]->usage.input_tokens, 7);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void one_that_is_no_json_is_not_passed_on(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, "{\"id\":");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempts[0]->failure, failure_invalid_json);
    assert_int_equal(flight->answer.status, 502);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void one_that_is_too_long_to_hold_passes_as_it_comes(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    size_t sent = 0;
    for (; flight->live->reply.mode == reply_whole; sent += 64 * 1024)
        flight_world_body(&world, flight, 0, filler(64 * 1024));
    assert_int_equal(sent, limit_held_reply + 64 * 1024);
    assert_int_equal(flight->answer.bytes, sent);
    assert_int_equal(flight->state, flight_answering);
    flight_world_body(&world, flight, 0, "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempts[0]->usage.input_tokens, 7); /* it stands at the end */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* Whether it comes in one piece that is longer than what is kept of the end, or in many that are shorter. */
static void the_usage_at_a_long_replys_end_is_read_however_it_is_cut(void **state) {
    static const char usage[] = "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}";
    static const size_t pieces[] = {1, 7, 100, 4096, 60000};
    static char end[64 * 1024];
    (void)state;
    memset(end, 'x', sizeof end);
    memcpy(end + sizeof end - strlen(usage), usage, strlen(usage));
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        flight_world_head(&world, flight, 0, 200, "application/json");
        while (flight->live->reply.mode == reply_whole) flight_world_body(&world, flight, 0, filler(64 * 1024));
        size_t from = pieces[i] > 100 ? 0 : sizeof end - 1000;
        for (size_t at = from, to; at < sizeof end; at = to) {
            to = at + pieces[i] < sizeof end ? at + pieces[i] : sizeof end;
            flight_world_tell(&world, flight,
                              (struct event){.kind = event_reply_body, .bytes = str_make(end + at, to - at)});
        }
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        if (flight->attempts[0]->usage.input_tokens != 7) fail_msg("pieces of %zu bytes", pieces[i]);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void one_that_must_be_written_anew_may_not_be_so_long(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("n", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    for (size_t sent = 0; flight->state != flight_closed && sent <= limit_held_translated; sent += 64 * 1024)
        flight_world_body(&world, flight, 0, filler(64 * 1024));
    assert_int_equal(flight->attempts[0]->failure, failure_too_large);
    assert_int_equal(flight->answer.status, 502);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void of_a_long_error_enough_is_held_to_know_what_it_means(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 400, "application/json");
    for (unsigned i = 0; i < 10; i++) flight_world_body(&world, flight, 0, filler(32 * 1024));
    assert_true(flight->live->reply.error_cut);
    assert_true(flight->live->reply.held.len <= limit_held_stream);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempts[0]->failure, failure_bad_request);
    assert_true(flight->answer.bytes < 1024); /* in weir's words */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_is_held_until_it_is_whole_and_good),
        cmocka_unit_test(one_that_is_no_json_is_not_passed_on),
        cmocka_unit_test(one_that_is_too_long_to_hold_passes_as_it_comes),
        cmocka_unit_test(the_usage_at_a_long_replys_end_is_read_however_it_is_cut),
        cmocka_unit_test(one_that_must_be_written_anew_may_not_be_so_long),
        cmocka_unit_test(of_a_long_error_enough_is_held_to_know_what_it_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
