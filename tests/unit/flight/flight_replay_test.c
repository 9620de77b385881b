/* flight_replay_test.c - a request of the past goes where a real one would, from what is known of it. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  a: {type: openai, api_key: sk-secret-secret-secret, models: [m, sees], priority: 2}\n"
    "  b: {type: openai, api_key: sk-other-other-other, models: [m], priority: 1}\n"
    "rules: [{name: pictures, when: {has_image: true}, targets: [a/sees]}, "
    "{name: long, when: {prompt_tokens_over: 5000}, targets: [a/m]}]\n"
    "routes: [{model: live, targets: [a/m, b/m], strategy: adaptive}, {model: turns, targets: [a/m, b/m], strategy: "
    "round_robin}, {model: lock, targets: [a/m, b/m], strategy: exclusive}]\n";

static struct flight_replayed replayed(struct flight_world *world, const char *model, struct flight_past past) {
    struct flight_replayed to;
    struct error error = {.code = error_none};
    struct flight_question question = {.asked = {.endpoint = endpoint_chat, .request_id = STR("past")},
                                       .model = str_from(model)};
    if (!flight_replay(&world->host, world->config.snapshot, &question, &past, world->now, &to, &error))
        fail_msg("%s", error.message);
    return to;
}

static void assert_goes(struct flight_world *world, const char *model, struct flight_past past, const char *provider) {
    struct flight_replayed to = replayed(world, model, past);
    if (!str_eq(to.provider, str_from(provider))) fail_msg("%s goes to %.*s", model, STR_ARG(to.provider));
}

static void what_failed_fails_again_and_the_next_one_takes_over(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    assert_goes(&world, "m", (struct flight_past){.output_cap = -1}, "b");
    assert_goes(&world, "m", (struct flight_past){.failed = 1}, "a");
    assert_false(replayed(&world, "m", (struct flight_past){.failed = 1}).again);
    struct flight_replayed last = replayed(&world, "m", (struct flight_past){.failed = 7});
    assert_true(last.again && str_eq(last.provider, STR("a")));
    flight_world_end(&world);
}

static void what_looks_at_load_is_priority_and_turns_are_taken(void **state) {
    struct flight_world world;
    unsigned of_a = 0;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight_replayed live = replayed(&world, "live", (struct flight_past){.output_cap = 9});
    assert_true(live.as_priority && live.strategy == strategy_adaptive && str_eq(live.provider, STR("b")));
    struct flight_replayed lock = replayed(&world, "lock", (struct flight_past){.output_cap = 9});
    assert_true(lock.as_priority && lock.strategy == strategy_exclusive && str_eq(lock.route, STR("lock")));
    for (unsigned i = 0; i < 10; i++)
        of_a += str_eq(replayed(&world, "turns", (struct flight_past){.output_cap = 9}).provider, STR("a"));
    assert_int_equal(of_a, 5);
    flight_world_end(&world);
}

static void what_is_known_of_it_decides_as_its_body_did(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight_replayed to = replayed(&world, "m", (struct flight_past){.has_images = true});
    assert_true(str_eq(to.provider, STR("a")) && str_eq(to.model, STR("sees")));
    assert_goes(&world, "m", (struct flight_past){.prompt_tokens = 5001}, "a");
    assert_goes(&world, "m", (struct flight_past){.prompt_tokens = 5000}, "b");
    flight_world_end(&world);
}

/* Each fact alone, beside a request of which nothing is known. */
static void each_thing_that_is_known_of_it_finds_its_own_rule_or_room(void **state) {
    static const char told_apart[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  a: {type: openai, api_key: k, priority: 1, facts: {x: {context: 1000}, y: {context: 2000}}, models: [x, y, "
        "image, tools, json, stream, long]}\n"
        "rules:\n"
        "  - {name: image, when: {has_image: true}, targets: [a/image]}\n"
        "  - {name: tools, when: {has_tools: true}, targets: [a/tools]}\n"
        "  - {name: json, when: {wants_json: true}, targets: [a/json]}\n"
        "  - {name: stream, when: {streaming: true}, targets: [a/stream]}\n"
        "  - {name: long, when: {prompt_tokens_over: 1500}, targets: [a/long]}\n"
        "routes: [{model: m, targets: [a/x, a/y], strategy: priority}]\n";
    static const struct {
        struct flight_past past;
        const char *model;
    } rows[] = {{{.output_cap = -1}, "x"},
                {{.output_cap = -1, .has_images = true}, "image"},
                {{.output_cap = -1, .has_tools = true}, "tools"},
                {{.output_cap = -1, .wants_json = true}, "json"},
                {{.output_cap = -1, .stream = true}, "stream"},
                {{.output_cap = -1, .prompt_tokens = 1501}, "long"},
                {{.output_cap = -1, .prompt_tokens = 1000}, "x"},
                {{.output_cap = -1, .prompt_tokens = 1001}, "y"},
                {{.output_cap = 0, .prompt_tokens = 1000}, "x"},
                {{.output_cap = 1, .prompt_tokens = 1000}, "y"},
                {{.output_cap = 400, .prompt_tokens = 600}, "x"},
                {{.output_cap = 401, .prompt_tokens = 600}, "y"},
                {{.output_cap = 1000, .prompt_tokens = -1}, "x"}};
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, told_apart);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_replayed to = replayed(&world, "m", rows[i].past);
        if (!str_eq(to.model, str_from(rows[i].model))) fail_msg("row %zu: %.*s", i, STR_ARG(to.model));
    }
    flight_world_end(&world);
}

/* Each that can be made up is taken as what it is; what none serves is refused with its reason. */
static void every_kind_of_request_that_can_be_made_up_is_understood(void **state) {
    struct flight_world world;
    unsigned can = 0;
    (void)state;
    flight_world_begin(&world, yaml);
    for (int i = 0; i < endpoints; i++) {
        struct flight_question question = {.asked = {.endpoint = (enum endpoint)i, .request_id = STR("past")},
                                           .model = STR("a/m")};
        struct flight_past past = {.stream = endpoint_facts((enum endpoint)i)->streams};
        struct flight_replayed to;
        struct error error = {.code = error_none};
        if (!flight_can_replay((enum endpoint)i)) continue;
        can++;
        if (flight_replay(&world.host, world.config.snapshot, &question, &past, world.now, &to, &error)) continue;
        if (error.code == error_invalid_request || error.code == error_internal || error.code == error_none)
            fail_msg("%.*s: %s", STR_ARG(endpoint_facts((enum endpoint)i)->name), error.message);
    }
    assert_true(can > 15 && !flight_can_replay(endpoint_raw));
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_failed_fails_again_and_the_next_one_takes_over),
        cmocka_unit_test(what_looks_at_load_is_priority_and_turns_are_taken),
        cmocka_unit_test(what_is_known_of_it_decides_as_its_body_did),
        cmocka_unit_test(each_thing_that_is_known_of_it_finds_its_own_rule_or_room),
        cmocka_unit_test(every_kind_of_request_that_can_be_made_up_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
