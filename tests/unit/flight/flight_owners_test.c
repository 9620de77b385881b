/* A request passes when its client and each owner above it pass; whom one refuses costs the others nothing. */
#include "flight_world.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define FILE_OF(top, team)                                                                              \
    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m]}}\n"      \
    "owners: [{name: team, in: top, kind: team, " team "}, {name: top, kind: organization, " top "}]\n" \
    "clients: [{name: one, in: team, key_hash: '" A "'}, {name: two, in: top, key_hash: '" B            \
    "', rate_limit_rpm: 100}]\n"

static struct flight *ask(struct flight_world *world, size_t client) {
    return flight_world_ask_of(
        world, (struct flight_request){.endpoint = endpoint_chat, .client = &world->config.snapshot->clients[client]},
        FLIGHT_CHAT("m", "false"));
}

static bool passes(struct flight_world *world, size_t client) {
    struct flight *flight = ask(world, client);
    bool passed = flight_world_asked(world, action_call) == 1;
    flight_world_drop(world, flight);
    return passed;
}

static void an_owners_rate_is_one_for_all_below_it(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("rate_limit_rpm: 3", "rate_limit_rpm: 2"));
    assert_true(passes(&world, 0) && passes(&world, 0));
    struct flight *refused = ask(&world, 0);
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
    assert_true(flight_world_wrote(&world, "The rate limit of team team"));
    assert_true(flight_world_wrote(&world, "\"scope\":\"client\""));
    flight_world_drop(&world, refused);
    assert_true(passes(&world, 1)); /* the third of the top's: what the team refused took nothing of it */
    assert_false(passes(&world, 1));
    assert_int_equal(limiter_left(&world.config.snapshot->clients[1].cells->requests_minute,
                                  &world.config.snapshot->clients[1].rates.requests_minute, world.now.mono_ns),
                     99); /* nor did what the top refused take of its client's */
    world.now.mono_ns += 60 * NS_PER_S;
    assert_true(passes(&world, 0));
    flight_world_end(&world);
}

static void an_owners_places_are_given_back(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("max_concurrent: 2", "max_concurrent: 1"));
    struct flight *first = ask(&world, 0);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_false(passes(&world, 0)); /* the team has one */
    struct flight *second = ask(&world, 1);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_false(passes(&world, 1)); /* the top two */
    flight_world_drop(&world, first);
    assert_true(passes(&world, 0));
    flight_world_drop(&world, second);
    for (size_t i = 0; i < world.config.snapshot->owner_count; i++)
        assert_int_equal(gate_in_use(&world.config.snapshot->owners[i].cells->gate), 0);
    flight_world_end(&world);
}

static void an_owners_tokens_settle_to_what_was_used(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("rate_limit_tpm: 1000", "rate_limit_tpm: 900"));
    struct flight *flight = ask(&world, 0);
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    flight_world_drop(&world, flight);
    const struct owner *owners = world.config.snapshot->owners;
    assert_int_equal(limiter_left(&owners[0].cells->tokens_minute, &owners[0].rates.tokens_minute, world.now.mono_ns),
                     900 - 9);
    assert_int_equal(limiter_left(&owners[1].cells->tokens_minute, &owners[1].rates.tokens_minute, world.now.mono_ns),
                     1000 - 9);
    flight_world_end(&world);
}

static uint64_t left_of(const struct owner *owner, size_t which) {
    const struct client_cells *cells = owner->cells;
    const struct rate_rules *rules = &owner->rates;
    const struct cell *const words[] = {&cells->requests_minute, &cells->requests_hour, &cells->tokens_minute};
    const struct limiter_rules *const all[] = {&rules->requests_minute, &rules->requests_hour, &rules->tokens_minute};
    return limiter_left(words[which], all[which], 1000 * NS_PER_S);
}

/* Whatever the top refuses by: what the team below it had taken is back, and the caller is told how long it takes. */
static void who_stands_below_one_that_refuses_has_all_of_its_own_back(void **state) {
    static const struct {
        const char *top, *told, *retry_after; /* NULL: by how much was said */
    } rows[] = {
        {"rate_limit_rpm: 1", "The rate limit of organization top: try again later.", "60"},
        {"rate_limit_rph: 1", "The rate limit of organization top: try again later.", "3600"},
        {"rate_limit_rpm: 1, rate_limit_rph: 1", "The rate limit of organization top: try again later.", "3600"},
        {"rate_limit_rpm: 1, rate_limit_rph: 100", "The rate limit of organization top: try again later.", "60"},
        {"rate_limit_tpm: 60", "The rate limit of organization top: try again later.", NULL},
        {"max_concurrent: 1", "As many requests are in flight as may be of organization top: try again later.", "1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char yaml[2048];
        struct text text = text_in_buffer(yaml, sizeof yaml - 1);
        text_printf(&text,
                    FILE_OF("%s", "rate_limit_rpm: 50, rate_limit_rph: 500, rate_limit_tpm: 50000, max_concurrent: 7"),
                    rows[i].top);
        yaml[text.len] = 0;
        flight_world_begin(&world, yaml);
        const struct owner *team = &world.config.snapshot->owners[0];
        struct flight *first = ask(&world, 1); /* of the top alone */
        bool passed = flight_world_asked(&world, action_call) == 1;
        uint64_t before[3];
        for (size_t which = 0; which < 3; which++) before[which] = left_of(team, which);
        struct flight *refused = ask(&world, 0);
        if (flight_world_asked(&world, action_call)) fail_msg("%s: it passed", rows[i].top);
        assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
        if (!flight_world_wrote(&world, rows[i].told)) fail_msg("%.*s", STR_ARG(flight_world_written(&world)));
        struct str retry_after = flight_world_said(&world, "retry-after");
        if (rows[i].retry_after) assert_str_equal(retry_after, rows[i].retry_after);
        for (size_t which = 0; which < 3; which++) assert_int_equal(left_of(team, which), before[which]);
        assert_int_equal(gate_in_use(&team->cells->gate), 0);
        assert_int_equal(gate_in_use(&team->in->cells->gate), passed ? 1 : 0);
        flight_world_drop(&world, refused);
        flight_world_drop(&world, first);
        assert_int_equal(gate_in_use(&team->in->cells->gate), 0);
        flight_world_end(&world);
    }
}

/* A preview says so too, and takes nothing. */
static void a_preview_sees_what_owners_refuse(void **state) {
    static const struct {
        const char *top;
        const char *told;
    } rows[] = {{"rate_limit_rpm: 1", "\"client_refused\":\"rate_limited\",\"retry_after_ms\":60000,"},
                {"max_concurrent: 1", "\"client_refused\":\"too_many_in_flight\","},
                {"rate_limit_rpm: 2, max_concurrent: 2", "\"chosen\":\"a/m\""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char yaml[2048], json[4096];
        struct text text = text_in_buffer(yaml, sizeof yaml - 1), said = text_in_buffer(json, sizeof json);
        struct error error = {.code = error_none};
        text_printf(&text, FILE_OF("%s", "max_concurrent: 7"), rows[i].top);
        yaml[text.len] = 0;
        flight_world_begin(&world, yaml);
        struct flight *first = ask(&world, 1);
        struct flight_question question = {
            .asked = {.endpoint = endpoint_chat, .client = &world.config.snapshot->clients[0]}, .model = STR("m")};
        assert_true(flight_preview(&world.host, world.config.snapshot, &question, world.now, &said, &error));
        if (str_find(text_str(&said), str_from(rows[i].told)) == SIZE_MAX) fail_msg("%.*s", STR_ARG(text_str(&said)));
        assert_int_equal(gate_in_use(&world.config.snapshot->owners[0].cells->gate), 0);
        assert_int_equal(gate_in_use(&world.config.snapshot->owners[1].cells->gate), 1);
        flight_world_drop(&world, first);
        flight_world_end(&world);
    }
}

/* What answers take lately is followed for each owner: by what was counted, of those that came to something. */
static void what_is_reserved_follows_what_answers_take(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("rate_limit_tpm: 100000",
                                       "rate_limit_tpm: 90000, budgets: [{usd: 1, window: day, mode: warn}]"));
    const struct owner *owners = world.config.snapshot->owners;
    struct flight *flight = ask(&world, 0);
    flight_world_head(&world, flight, 0, 500, "application/json"); /* nothing came of it */
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    flight_world_drop(&world, flight);
    for (size_t i = 0; i < 2; i++) assert_int_equal(cell_load(&owners[i].cells->taken), 0);
    flight = ask(&world, 0);
    flight_world_head(&world, flight, 0, 200, "application/json"); /* nobody counted */
    flight_world_body(
        &world, flight, 0,
        "{\"id\":\"i\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    assert_true(attempt_facts(flight, 0).estimated);
    flight_world_drop(&world, flight);
    for (size_t i = 0; i < 2; i++) assert_int_equal(cell_load(&owners[i].cells->taken), 0);
    flight = ask(&world, 0);
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    flight_world_drop(&world, flight);
    for (size_t i = 0; i < 2; i++) assert_int_equal(taken_reserve(&owners[i].cells->taken, 1000), 2);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owners_rate_is_one_for_all_below_it),
        cmocka_unit_test(an_owners_places_are_given_back),
        cmocka_unit_test(an_owners_tokens_settle_to_what_was_used),
        cmocka_unit_test(who_stands_below_one_that_refuses_has_all_of_its_own_back),
        cmocka_unit_test(a_preview_sees_what_owners_refuse),
        cmocka_unit_test(what_is_reserved_follows_what_answers_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
