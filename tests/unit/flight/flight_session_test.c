/* A session's caps: what is held while a request is under way, what counts of it, and how each way out lets go. */
#include "flight_world.h"

#include <stdlib.h>

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FILE_OF(caps)                                                                             \
    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m],\n" \
    "                prices: {m: {input: 1000, output: 10000}}}}\n"                               \
    "clients: [{name: app, key_hash: '" H "', sessions: {" caps "}}]\n"
#define BODY "{\"model\":\"m\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static struct cells places;

static void begin(struct flight_world *world, const char *file) {
    flight_world_begin(world, file);
    world->host.cells = &places;
}

static void end(struct flight_world *world) {
    flight_world_end(world);
    cells_free(&places);
}

static struct flight *ask(struct flight_world *world, const char *session) {
    const struct http_header header = {STR("x-weir-session"), str_from(session)};
    return flight_world_ask_of(world,
                               (struct flight_request){.endpoint = endpoint_chat,
                                                       .client = &world->config.snapshot->clients[0],
                                                       .headers = &header,
                                                       .header_count = 1},
                               BODY);
}

static struct session *session_of(const struct flight_world *world, const char *name) {
    const struct client *client = &world->config.snapshot->clients[0];
    const struct session_rules rules = session_caps_rules(&client->caps);
    return sessions_find(client->sessions, session_identity(client->name, str_from(name)), &rules,
                         world->now.wall_ns / (int64_t)NS_PER_S);
}

static void finish(struct flight_world *world, struct flight *flight) {
    flight_world_head(world, flight, 0, 200, "application/json");
    flight_world_body(world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
}

static void an_attempt_counts_as_money_as_a_call_and_for_its_time(void **state) {
    (void)state;
    struct flight_world world;
    begin(&world, FILE_OF("usd: 10, calls: 5"));
    struct flight *flight = ask(&world, "s");
    const struct session *session = session_of(&world, "s");
    assert_true(session_look(session).money.committed > 0);
    assert_int_equal(session_look(session).money.spent, 0);
    world.now.wall_ns += 7 * (int64_t)NS_PER_S;
    finish(&world, flight);
    assert_int_equal(session_look(session).money.spent, 7 * 1000000 + 2 * 10000000);
    assert_int_equal(session_look(session).money.committed, session_look(session).money.spent);
    struct attempt_charge charges[limit_path];
    assert_int_equal(attempt_charges(flight, 0, charges, limit_path), 3);
    const uint64_t identity = session_identity(STR("app"), STR("s"));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(charges[i].window_s - session_window_mark, session_look(session).started_s);
    assert_int_equal(charges[0].budget, session_row_identity(identity, session_calls));
    assert_int_equal(charges[0].units, 1);
    assert_int_equal(charges[1].budget, session_row_identity(identity, session_seconds));
    assert_int_equal(charges[1].units, 7);
    assert_int_equal(charges[2].budget, session_row_identity(identity, session_nano_usd));
    assert_int_equal(charges[2].units, 0);
    flight_world_drop(&world, flight);
    assert_int_equal(session_look(session).last_s, world.now.wall_ns / (int64_t)NS_PER_S);
    end(&world);
}

static void what_is_refused_lets_go_and_is_no_call(void **state) {
    (void)state;
    struct flight_world world;
    begin(&world, FILE_OF("calls: 1"));
    struct flight *first = ask(&world, "s"), *second = ask(&world, "s");
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    flight_world_drop(&world, second);
    assert_int_equal(session_look(session_of(&world, "s")).calls, 1);
    assert_int_equal(cell_load(&session_of(&world, "s")->held) & UINT32_MAX, 1); /* by the first */
    finish(&world, first);
    flight_world_drop(&world, first);
    assert_int_equal(cell_load(&session_of(&world, "s")->held) & UINT32_MAX, 0);
    end(&world);
}

static void a_session_that_costs_too_much_says_so(void **state) {
    (void)state;
    struct flight_world world;
    begin(&world, FILE_OF("usd: 0.5")); /* 700 tokens of prompt may be 0.7 */
    struct flight *flight = ask(&world, "s");
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    struct flight_facts facts = flight_facts(flight);
    assert_true(facts.error == error_session_exhausted);
    assert_true(str_find(facts.said, STR("has spent 0.000000000 of 0.500000000 USD, and this request may cost")) !=
                SIZE_MAX);
    flight_world_drop(&world, flight);
    assert_int_equal(session_look(session_of(&world, "s")).calls, 0);
    assert_int_equal(session_look(session_of(&world, "s")).money.committed, 0);
    end(&world);
}

static void who_asks_beside_a_request_of_its_session_may_come_again_in_a_second(void **state) {
    (void)state;
    struct flight_world world;
    begin(&world, FILE_OF("usd: 1")); /* for one such request, and not for two */
    struct flight *first = ask(&world, "s"), *second = ask(&world, "s");
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    assert_str_equal(flight_world_said(&world, "retry-after"), "1");
    flight_world_drop(&world, second);
    finish(&world, first);
    flight_world_drop(&world, first);
    end(&world);
}

static void who_has_spent_its_session_is_told_no_time(void **state) {
    (void)state;
    struct flight_world world;
    begin(&world, FILE_OF("usd: 0.001"));
    struct flight *flight = ask(&world, "s");
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    assert_null(flight_world_said(&world, "retry-after").at);
    assert_null(flight_world_said(&world, "retry-after-ms").at);
    flight_world_drop(&world, flight);
    end(&world);
}

/* As when all places are taken: here there are none. */
static void sessions_without_a_place_share_one_and_say_so(void **state) {
    (void)state;
    struct flight_world world;
    begin(&world, FILE_OF("calls: 1"));
    world.host.cells = NULL;
    struct flight *first = ask(&world, "s");
    assert_true(flight_facts(first).session_shared);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    struct flight *second = ask(&world, "t");
    struct flight_facts facts = flight_facts(second);
    assert_true(facts.session_shared && facts.error == error_session_exhausted);
    assert_true(str_find(facts.said, STR("More than 16368 sessions are remembered")) != SIZE_MAX);
    flight_world_drop(&world, second);
    finish(&world, first);
    flight_world_drop(&world, first);
    end(&world);
}

static struct str refused(struct flight_world *world, const char *session) {
    static char said[400];
    struct flight *flight = ask(world, session);
    assert_int_equal(flight_world_action(world, action_respond)->respond.status, 429);
    assert_int_equal(flight_facts(flight).error, error_session_exhausted);
    struct text text = text_in_buffer(said, sizeof said);
    text_put(&text, flight_facts(flight).said);
    flight_world_drop(world, flight);
    return text_str(&text);
}

static void a_session_that_has_lasted_is_over_to_the_second(void **state) {
    (void)state;
    struct flight_world world;
    begin(&world, FILE_OF("minutes: 2")); /* from 22:13:20 on */
    struct flight *first = ask(&world, "s");
    finish(&world, first);
    flight_world_drop(&world, first);
    world.now.wall_ns += 119 * (int64_t)NS_PER_S;
    struct flight *second = ask(&world, "s");
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    finish(&world, second);
    flight_world_drop(&world, second);
    world.now.wall_ns += 1 * (int64_t)NS_PER_S;
    struct str said = refused(&world, "s");
    if (str_find(said,
                 STR("The session `s` (`sessions` of client app) may last 2 minutes, over at 2023-11-14T22:15:20")) ==
            SIZE_MAX ||
        str_find(said,
                 STR(" Begin another session; this one is forgotten, if it is not used, at 2023-11-15T22:15:19Z.")) ==
            SIZE_MAX)
        fail_msg("%.*s", STR_ARG(said));
    assert_int_equal(session_look(session_of(&world, "s")).calls, 2); /* and it was no call */
    end(&world);
}

static void a_session_of_many_calls_says_how_many(void **state) {
    (void)state;
    struct flight_world world;
    begin(&world, FILE_OF("calls: 2"));
    for (unsigned i = 0; i < 2; i++) {
        struct flight *flight = ask(&world, "s");
        assert_int_equal(flight_world_asked(&world, action_call), 1);
        finish(&world, flight);
        flight_world_drop(&world, flight);
    }
    struct str said = refused(&world, "s");
    if (str_find(said,
                 STR("The session `s` (`sessions` of client app) has made 2 of 2 calls. Begin another session;")) ==
        SIZE_MAX)
        fail_msg("%.*s", STR_ARG(said));
    struct flight *other = ask(&world, "t"); /* another session is none of its concern */
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    flight_world_drop(&world, other);
    end(&world);
}

/* What would become of a request now: told without a call being counted. */
static void a_preview_tells_what_a_session_has_left(void **state) {
    (void)state;
    static const struct {
        const char *file;
        int64_t later_s;
        enum error_code error;
    } rows[] = {
        {FILE_OF("calls: 1"), 0, error_session_exhausted},
        {FILE_OF("calls: 2"), 0, error_none},
        {FILE_OF("minutes: 1"), 59, error_none},
        {FILE_OF("minutes: 1"), 60, error_session_exhausted},
        {FILE_OF("usd: 10"), 0, error_none},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        begin(&world, rows[i].file);
        const struct http_header header = {STR("x-weir-session"), STR("s")};
        const struct flight_request asked = {.endpoint = endpoint_chat,
                                             .client = &world.config.snapshot->clients[0],
                                             .headers = &header,
                                             .header_count = 1};
        struct flight *first = flight_world_new_of(&world, asked);
        assert_true(session_prepare(first, world.now));
        assert_int_equal(session_preview(first, world.now), error_none); /* it has not begun */
        flight_world_drop(&world, first);
        first = ask(&world, "s");
        finish(&world, first);
        flight_world_drop(&world, first);
        world.now.wall_ns += rows[i].later_s * (int64_t)NS_PER_S;
        struct flight *second = flight_world_new_of(&world, asked);
        assert_true(session_prepare(second, world.now));
        if (session_preview(second, world.now) != rows[i].error) fail_msg("row %zu", i);
        assert_int_equal(session_look(session_of(&world, "s")).calls, 1);
        if (second->session_hold.budget) /* 7 and 2 tokens, of the session's own money */
            assert_int_equal(money_budget_look(second->session_hold.budget, world.now.wall_ns).spent,
                             7 * 1000000 + 2 * 10000000);
        flight_world_drop(&world, second);
        end(&world);
    }
}

/* Of its session, of budgets and of quotas, in that order, and no more than there is room for. */
static void what_an_attempt_is_charged_to_is_told_as_far_as_there_is_room(void **state) {
    (void)state;
    struct flight_world world;
    struct attempt_charge all[limit_path];
    begin(&world, "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m],\n"
                  "                prices: {m: {input: 1000, output: 10000}}, quota: {requests_per_day: 9}}}\n"
                  "clients: [{name: app, key_hash: '" H "', sessions: {usd: 10, calls: 5},\n"
                  "           budgets: [{usd: 9, window: day}, {usd: 99, window: month}]}]\n");
    struct flight *flight = ask(&world, "s");
    world.now.wall_ns += 7 * (int64_t)NS_PER_S;
    finish(&world, flight);
    const unsigned count = attempt_charges(flight, 0, all, limit_path);
    assert_int_equal(count, 6); /* a call, seconds, money of the session and of two windows, a request of the quota */
    for (unsigned room = 0; room <= count + 1; room++) {
        struct attempt_charge *some = malloc(room * sizeof *some + 1);
        assert_int_equal(attempt_charges(flight, 0, some, room), room < count ? room : count);
        for (unsigned i = 0; i < room && i < count; i++)
            assert_true(some[i].budget == all[i].budget && some[i].window_s == all[i].window_s &&
                        some[i].units == all[i].units);
        free(some);
    }
    flight_world_drop(&world, flight);
    end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_attempt_is_charged_to_is_told_as_far_as_there_is_room),
        cmocka_unit_test(an_attempt_counts_as_money_as_a_call_and_for_its_time),
        cmocka_unit_test(what_is_refused_lets_go_and_is_no_call),
        cmocka_unit_test(a_session_that_costs_too_much_says_so),
        cmocka_unit_test(who_asks_beside_a_request_of_its_session_may_come_again_in_a_second),
        cmocka_unit_test(who_has_spent_its_session_is_told_no_time),
        cmocka_unit_test(sessions_without_a_place_share_one_and_say_so),
        cmocka_unit_test(a_session_that_has_lasted_is_over_to_the_second),
        cmocka_unit_test(a_session_of_many_calls_says_how_many),
        cmocka_unit_test(a_preview_tells_what_a_session_has_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
