/* Limits by model, route, tag or end user: a request counts once in each, in one value of those that are split, and
 * what it took is given back, or settled, once. */
#include <stdio.h>

#include "flight_world.h"

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FILE_OF(more, limits, team)                                                                                   \
    more "providers:\n  a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m, n], priority: "  \
         "1}\n"                                                                                                       \
         "  b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [other], priority: 2}\n"         \
         "routes: [{model: both, targets: [a/m, b/other]}]\n"                                                         \
         "owners: [{name: team, limits: [" team "]}]\n"                                                               \
         "clients: [{name: app, in: team, may_steer: true, tags: {job: x}, key_hash: '" H "1', limits: [" limits "]}" \
         ", {name: web, in: team, key_hash: '" H "2'}]\n"

static const struct client *client_of(const struct flight_world *world, size_t i) {
    return &world->config.snapshot->clients[i];
}

static struct flight *ask(struct flight_world *world, size_t client, const char *model, const char *user) {
    static char body[256];
    snprintf(
        body, sizeof body,
        "{\"model\":\"%s\",\"user\":\"%s\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
        model, user);
    return flight_world_ask_of(
        world, (struct flight_request){.endpoint = endpoint_chat, .client = client_of(world, client)}, body);
}

/* The limit i of the client's path, or what this value of it has. */
static struct limit_words *words_of(const struct flight_world *world, size_t client, size_t i, const char *value) {
    const struct rate_limit *limit = client_of(world, client)->limits.list[i];
    if (!limit->per) return limit->words;
    struct hash_tag tag = value ? hash_tag_of(world->config.snapshot->value_secret, str_from(value)) : value_none;
    struct values_window window = limit_values_window(limit, world->now.mono_ns);
    struct money_value *found = values_hold(limit->values, &tag, STR(""), &window, false);
    assert_non_null(found);
    values_release(limit->values, found);
    return value_limit(found);
}

static uint64_t requests_left(const struct flight_world *world, size_t i, const char *value) {
    const struct rate_limit *limit = client_of(world, 0)->limits.list[i];
    return limiter_left(&words_of(world, 0, i, value)->requests_minute, &limit->rules.rates.requests_minute,
                        world->now.mono_ns);
}

static bool asked(const struct flight_world *world) { return flight_world_asked(world, action_call) == 1; }

static bool passes(struct flight_world *world, size_t client, const char *model, const char *user) {
    struct flight *flight = ask(world, client, model, user);
    bool passed = asked(world);
    flight_world_drop(world, flight);
    return passed;
}

static void answer(struct flight_world *world, struct flight *flight, unsigned number, int status) {
    flight_world_head(world, flight, number, status, "application/json");
    flight_world_body(world, flight, number, FLIGHT_WHOLE);
    flight_world_tell(world, flight, (struct event){.kind = event_reply_end, .attempt = number});
}

/* One end user does not limit another, whoever has a limit of its own has it, and who says none is one too. */
static void each_end_user_has_rates_of_its_own(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("", "{rpm: 2, per: end_user, values: {eve: {rpm: 3}}}", ""));
    for (int user = 0; user < 2; user++)
        for (int i = 0; i < 3; i++) assert_int_equal(passes(&world, 0, "m", user ? "ann" : "bob"), i < 2);
    for (int i = 0; i < 4; i++) assert_int_equal(passes(&world, 0, "m", "eve"), i < 3);
    for (int i = 0; i < 3; i++) assert_int_equal(passes(&world, 0, "m", ""), i < 2);
    struct flight *refused = ask(&world, 0, "m", "bob");
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    assert_true(flight_world_wrote(&world, "The limit `per end_user` of client app for end_user `bob` is reached"));
    assert_true(flight_world_wrote(&world, "\"scope\":\"client\""));
    assert_str_equal(flight_world_said(&world, "retry-after"), "30");
    flight_world_drop(&world, refused);
    world.now.mono_ns += 30 * NS_PER_S;
    assert_true(passes(&world, 0, "m", "bob"));
    flight_world_end(&world);
}

/* Whose limit it was is told in 64 bytes of its name. */
static void a_long_end_user_is_told_by_its_beginning(void **state) {
#define NAME_60 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567"
    static const char *const users[] = {NAME_60 "890", NAME_60 "8901", NAME_60 "89012"};
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("", "{rpm: 1, per: end_user}", ""));
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        char said[128];
        assert_true(passes(&world, 0, "m", users[i]));
        struct flight *refused = ask(&world, 0, "m", users[i]);
        snprintf(said, sizeof said, " for end_user `%.64s` is reached: try again later.", users[i]);
        assert_true(flight_world_wrote(&world, said));
        flight_world_drop(&world, refused);
    }
    flight_world_end(&world);
#undef NAME_60
}

static void a_value_has_as_many_places_as_it_may(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("", "{concurrent: 1, per: 'tag:job'}", "{concurrent: 2, name: all}"));
    struct flight *first = ask(&world, 0, "m", "");
    assert_true(asked(&world));
    struct flight *refused = ask(&world, 0, "m", "");
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    assert_true(flight_world_wrote(
        &world, "As many requests are in flight as may be by the limit `per tag:job` of client app for tag:job `x`"));
    flight_world_drop(&world, refused);
    struct flight *second = ask(&world, 1, "m", "");
    assert_true(asked(&world));
    refused = ask(&world, 1, "m", "");
    assert_true(flight_world_wrote(&world, "by the limit `all` of team team: try again later"));
    flight_world_drop(&world, refused);
    flight_world_drop(&world, first);
    assert_int_equal(gate_in_use(&words_of(&world, 0, 0, "x")->gate), 0);
    assert_true(passes(&world, 0, "m", ""));
    flight_world_drop(&world, second);
    assert_int_equal(gate_in_use(&words_of(&world, 0, 1, NULL)->gate), 0);
    flight_world_end(&world);
}

/* What a later one on the path refuses takes nothing of the earlier ones, the client's and the owner's own included. */
static void what_one_limit_refuses_the_others_have_back(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(
        &world, FILE_OF("", "{rpm: 10, tpm: 10000, concurrent: 3, name: first}, {rpm: 1, name: last}", "{rpm: 5}"));
    assert_true(passes(&world, 0, "m", ""));
    for (int i = 0; i < 3; i++) assert_false(passes(&world, 0, "m", ""));
    assert_int_equal(requests_left(&world, 0, NULL), 9);
    assert_int_equal(requests_left(&world, 2, NULL), 4);
    assert_int_equal(gate_in_use(&words_of(&world, 0, 0, NULL)->gate), 0);
    flight_world_end(&world);
}

/* Where its target decides: another target serves it, and what its first attempt took stays taken, but its place. */
static void a_limit_on_a_model_leaves_the_request_to_another(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("", "{rpm: 1, concurrent: 1, models: [m], name: dear}", ""));
    struct flight *first = ask(&world, 0, "both", "");
    assert_true(str_eq(first->live->target->name, STR("a/m")));
    struct flight *second = ask(&world, 0, "both", "");
    assert_true(str_eq(second->live->target->name, STR("b/other")));
    assert_int_equal(second->choice.candidates[0].refusal, refusal_limit_full);
    answer(&world, first, 0, 500);
    assert_true(str_eq(first->live->target->name, STR("b/other")));
    assert_int_equal(gate_in_use(&words_of(&world, 0, 0, NULL)->gate), 0);
    assert_int_equal(requests_left(&world, 0, NULL), 0);
    flight_world_drop(&world, second);
    second = ask(&world, 0, "a/m", "");
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    assert_true(flight_world_wrote(&world, "The limit `dear` of client app is reached: try again later."));
    assert_true(flight_world_wrote(&world, "\"scope\":\"client\""));
    assert_str_equal(flight_world_said(&world, "retry-after"), "60");
    flight_world_drop(&world, second);
    flight_world_drop(&world, first);
    flight_world_end(&world);
}

/* An attempt of which nothing went out counts nowhere; a second one under the same limit counts once. */
static void only_what_went_out_counts_and_once(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(
        &world, FILE_OF("retry: {base_ms: 1, max_ms: 1}\n", "{rpm: 10, tpm: 1000, concurrent: 2, per: model}", ""));
    struct flight *flight = ask(&world, 0, "both", "");
    assert_int_equal(requests_left(&world, 0, "m"), 9);
    flight_world_tell(&world, flight,
                      (struct event){.kind = event_call_failed, .attempt = 0, .failure = failure_connect});
    assert_true(str_eq(flight->live->target->name, STR("b/other")));
    assert_int_equal(requests_left(&world, 0, "m"), 10);
    assert_int_equal(gate_in_use(&words_of(&world, 0, 0, "m")->gate), 0);
    assert_int_equal(requests_left(&world, 0, "other"), 9);
    assert_int_equal(gate_in_use(&words_of(&world, 0, 0, "other")->gate), 1);
    answer(&world, flight, 1, 200);
    assert_int_equal(gate_in_use(&words_of(&world, 0, 0, "other")->gate), 0);
    flight_world_drop(&world, flight);
    assert_int_equal(requests_left(&world, 0, "other"), 9);
    const struct rate_limit *limit = client_of(&world, 0)->limits.list[0];
    assert_int_equal(limiter_left(&words_of(&world, 0, 0, "other")->tokens_minute, &limit->rules.rates.tokens_minute,
                                  world.now.mono_ns),
                     1000 - 9);
    assert_int_equal(
        limiter_left(&words_of(&world, 0, 0, "m")->tokens_minute, &limit->rules.rates.tokens_minute, world.now.mono_ns),
        1000);
    flight_world_end(&world);
}

/* Of an owner's limit the values are its clients' words, each behind its client's name: who says many takes no other's
 * place, and what found none shares one of its client's own. */
static void one_client_crowds_out_nobody(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("", "", "{rpm: 2, per: end_user, max_values: 4}"));
    for (int i = 0; i < 40; i++) {
        char user[16];
        snprintf(user, sizeof user, "u%d", i);
        assert_int_equal(passes(&world, 0, "m", user), i < 4 + 2); /* four of them, and its two of the others */
    }
    for (int i = 0; i < 3; i++) assert_int_equal(passes(&world, 1, "m", "ann"), i < 2);
    flight_world_end(&world);
}

/* A reload with other numbers keeps what each value has taken. */
static void a_reload_keeps_what_was_taken(void **state) {
    (void)state;
    struct flight_world world, after;
    flight_world_begin(&world, FILE_OF("", "{rpm: 3, per: end_user, concurrent: 2}", ""));
    struct flight *flight = ask(&world, 0, "m", "bob");
    assert_true(asked(&world));
    const struct limit_words *words = words_of(&world, 0, 0, "bob");
    struct config old = world.config;
    struct config_input input = {
        .path = STR("test"),
        .text = STR(FILE_OF("", "{rpm: 600, per: end_user, concurrent: 9, values: {bob: {rpm: 2}}}", "")),
        .environment = flight_world_environment,
        .ids = &world.ids,
        .cells = &world.cells};
    assert_true(config_load(&input, &world.config));
    after = world;
    assert_ptr_equal(words_of(&after, 0, 0, "bob"), words);
    assert_int_equal(gate_in_use(&words->gate), 1);
    assert_true(passes(&world, 0, "m", "bob"));
    flight_world_drop(&world, flight);
    assert_int_equal(gate_in_use(&words->gate), 0);
    config_free(&old);
    flight_world_end(&world);
}

static void a_preview_takes_nothing(void **state) {
    static const struct {
        const char *limits, *told;
    } rows[] = {{"{rpm: 1}", "\"client_refused\":\"rate_limited\",\"retry_after_ms\":60000,"},
                {"{concurrent: 1}", "\"client_refused\":\"too_many_in_flight\","},
                {"{rpm: 1, models: [m], name: x}", "\"client_refused\":\"rate_limited\""},
                {"{rpm: 1, per: model}", "limit_rate"},
                {"{rpm: 1, per: end_user}", "\"chosen\":\"a/m\""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char yaml[2048], json[4096];
        struct text text = text_in_buffer(yaml, sizeof yaml - 1), said = text_in_buffer(json, sizeof json);
        struct error error = {.code = error_none};
        text_printf(&text, FILE_OF("", "%s", ""), rows[i].limits);
        yaml[text.len] = 0;
        flight_world_begin(&world, yaml);
        struct flight *first = ask(&world, 0, "m", "bob");
        struct flight_question question = {.asked = {.endpoint = endpoint_chat, .client = client_of(&world, 0)},
                                           .model = STR("m")};
        assert_true(flight_preview(&world.host, world.config.snapshot, &question, world.now, &said, &error));
        if (str_find(text_str(&said), str_from(rows[i].told)) == SIZE_MAX) fail_msg("%.*s", STR_ARG(text_str(&said)));
        flight_world_drop(&world, first);
        flight_world_end(&world);
    }
}

/* Others were quicker between the look and the taking: what stands before the one that says no is had back. */
static void what_a_target_does_not_get_the_limits_before_it_have_back(void **state) {
    static const struct {
        const char *last;
        unsigned places, requests; /* of the last one, that others took meanwhile */
        enum refusal refusal;
    } rows[] = {{"{concurrent: 2, models: [m], name: z}", 1, 0, refusal_none},
                {"{concurrent: 2, models: [m], name: z}", 2, 0, refusal_limit_full},
                {"{rpm: 2, concurrent: 2, models: [m], name: z}", 0, 1, refusal_none},
                {"{rpm: 2, concurrent: 2, models: [m], name: z}", 1, 2, refusal_limit_rate}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char yaml[2048];
        struct text text = text_in_buffer(yaml, sizeof yaml - 1);
        text_printf(&text,
                    FILE_OF("",
                            "{rpm: 5, concurrent: 5, models: [m], name: x}, {concurrent: 5, models: [m], "
                            "name: y}, %s",
                            ""),
                    rows[i].last);
        yaml[text.len] = 0;
        flight_world_begin(&world, yaml);
        const struct http_header steers = {STR("x-weir-targets"), STR("b/other,a/m")};
        struct flight *flight = flight_world_ask_of(
            &world,
            (struct flight_request){
                .endpoint = endpoint_chat, .client = client_of(&world, 0), .headers = &steers, .header_count = 1},
            FLIGHT_CHAT("both", "false"));
        assert_str_equal(flight->live->target->name, "b/other");
        const struct rate_limit *last = client_of(&world, 0)->limits.list[2];
        struct limit_words *words = words_of(&world, 0, 2, NULL);
        struct limiter_ticket theirs;
        for (unsigned n = 0; n < rows[i].places; n++) assert_true(gate_enter(&words->gate, last->rules.max_concurrent));
        for (unsigned n = 0; n < rows[i].requests; n++)
            assert_true(limiter_take(&words->requests_minute, &last->rules.rates.requests_minute, 1, world.now.mono_ns,
                                     &theirs));
        struct holds holds = {.limits = false};
        const struct target *target = flight_world_target(&world, "a");
        assert_int_equal(limits_target_take(flight, target, world.now, &holds), rows[i].refusal);
        const unsigned held = rows[i].refusal == refusal_none;
        assert_int_equal(holds.limits, held);
        for (unsigned given_back = 0; given_back < 2; given_back++) {
            const unsigned has = held && !given_back;
            assert_int_equal(gate_in_use(&words_of(&world, 0, 0, NULL)->gate), has);
            assert_int_equal(gate_in_use(&words_of(&world, 0, 1, NULL)->gate), has);
            assert_int_equal(gate_in_use(&words->gate), rows[i].places + has);
            assert_int_equal(requests_left(&world, 0, NULL), 5 - has);
            limits_target_leave(flight, target, &holds, false, 0, world.now);
            assert_false(holds.limits);
        }
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_user_has_rates_of_its_own),
        cmocka_unit_test(a_long_end_user_is_told_by_its_beginning),
        cmocka_unit_test(a_value_has_as_many_places_as_it_may),
        cmocka_unit_test(what_one_limit_refuses_the_others_have_back),
        cmocka_unit_test(what_a_target_does_not_get_the_limits_before_it_have_back),
        cmocka_unit_test(a_limit_on_a_model_leaves_the_request_to_another),
        cmocka_unit_test(only_what_went_out_counts_and_once),
        cmocka_unit_test(one_client_crowds_out_nobody),
        cmocka_unit_test(a_reload_keeps_what_was_taken),
        cmocka_unit_test(a_preview_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
