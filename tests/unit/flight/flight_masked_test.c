/* flight_masked_test.c - the credential that an attempt sent does not come back: in a body, over any cut, in an error's
 * words, in what is told of it. */
#include "flight_world.h"

#define KEY "sk-secret-secret-secret"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: " KEY ", models: [m]}\n";

static bool holds(struct str text, const char *words) { return str_find(text, str_from(words)) != SIZE_MAX; }

static void over_any_cut_it_is_masked(void **state) {
    static const char reply[] = FLIGHT_EVENT("you sent " KEY " and", "null");
    (void)state;
    for (size_t cut = 1; cut < sizeof reply - 1; cut++) {
        struct flight_world world;
        char first[sizeof reply] = "";
        memcpy(first, reply, cut);
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "true"));
        flight_world_head(&world, flight, 0, 200, "text/event-stream");
        flight_world_body(&world, flight, 0, first);
        assert_false(holds(flight_world_written(&world), KEY));
        flight_world_body(&world, flight, 0, reply + cut);
        assert_false(holds(flight_world_written(&world), KEY));
        assert_true(holds(flight_world_written(&world), "you sent "));
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void in_an_errors_words_too_and_in_what_is_told_of_it(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 400, "application/json");
    flight_world_body(&world, flight, 0,
                      "{\"error\":{\"message\":\"bad header " KEY "\",\"type\":\"invalid_request_error\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_true(holds(flight_world_written(&world), "bad header"));
    assert_false(holds(flight_world_written(&world), KEY));
    assert_false(holds(flight->attempts[0]->word.text, KEY));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* A type that providers all say stays what it is, whatever their credential; another is looked at as every header. */
static void in_a_content_type(void **state) {
    static const struct {
        const char *said, *kept;
    } rows[] = {{"application/json", "application/json"},
                {"application/json; charset=utf-8", "application/json; charset=utf-8"},
                {"text/event-stream", "text/event-stream"},
                {"text/event-stream; charset=utf-8", "text/event-stream; charset=utf-8"},
                {"application/json; v=" KEY, "application/json; v=***********************"},
                {"text/plain", "text/plain"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        flight_world_head(&world, flight, 0, 400, rows[i].said);
        assert_true(str_eq(flight->attempts[0]->reply.content_type, str_from(rows[i].kept)));
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* A credential that is a word: it is looked for in errors, from a status of 300 on, and an answer may say it. */
static void a_short_one_is_masked_in_errors_alone(void **state) {
    static const char config[] =
        "providers:\n  o: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: hunter, models: [m]}\n";
    static const int statuses[] = {200, 299, 300, 400, 599};
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct flight_world world;
        struct str passed = STR("");
        flight_world_begin(&world, config);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        flight_world_head(&world, flight, 0, statuses[i], "application/json");
        static const char said[] = "{\"error\":{\"message\":\"bad key hunter!\",\"type\":\"t\"}}";
        assert_true(masked_body(flight, flight->live, str_from(said), &passed));
        if (holds(passed, "hunter") != (statuses[i] < 300)) fail_msg("%d: %.*s", statuses[i], STR_ARG(passed));
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void what_began_like_it_and_was_not_passes_at_the_end(void **state) {
    static const char reply[] = "{\"text\":\"sk-secret-se";
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, reply);
    assert_true(flight->live->reply.masked.held_len > 0); /* it waits, as it may become the key */
    assert_true(flight->live->reply.held.len < sizeof reply - 1);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(flight->attempts[0]->reply.held.len, sizeof reply - 1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_one_is_masked_in_errors_alone),
        cmocka_unit_test(over_any_cut_it_is_masked),
        cmocka_unit_test(in_a_content_type),
        cmocka_unit_test(in_an_errors_words_too_and_in_what_is_told_of_it),
        cmocka_unit_test(what_began_like_it_and_was_not_passes_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
