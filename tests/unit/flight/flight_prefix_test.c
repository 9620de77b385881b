/* flight_prefix_test.c - requests that begin alike: by what they are known, how long they stay where they were, and
 * when they leave. */
#include "flight_world.h"

#include <stdio.h>

#define PROVIDERS                                                                                               \
    "state_dir: ./state\n"                                                                                      \
    "providers:\n"                                                                                              \
    "  a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], priority: 1, prices: {m: " \
    "{input: 1, output: 1, cached_input: 0.1}}}\n"                                                              \
    "  b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [m], priority: 2, prices: {m: " \
    "{input: 1.2, output: 1, cached_input: 0.12}}}\n"
#define ROUTE(more) PROVIDERS "routes: [{model: m, targets: [a/m, b/m]" more "}]\n"

struct prefix_world {
    struct flight_world world;
    struct prefix_memory prefixes;
};

static void begin(struct prefix_world *w, const char *yaml) {
    flight_world_begin(&w->world, yaml);
    assert_true(prefix_memory_init(&w->prefixes));
    w->world.host.prefixes = &w->prefixes;
}

static void end(struct prefix_world *w) {
    prefix_memory_free(&w->prefixes);
    flight_world_end(&w->world);
}

static const char *asked(const struct flight *flight) { return flight->live->target->name.at; }
#define ASSERT_ASKED(flight, wanted) assert_true(str_eq((flight)->live->target->name, STR(wanted)))

static void later(struct prefix_world *w, unsigned seconds) {
    w->world.now.mono_ns += seconds * NS_PER_S;
    w->world.now.wall_ns += (int64_t)(seconds * NS_PER_S);
}

static void answer(struct prefix_world *w, struct flight *flight, const char *usage) {
    char body[512];
    unsigned number = flight->live->number;
    snprintf(body, sizeof body,
             "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},"
             "\"finish_reason\":\"stop\"}],\"usage\":{%s}}",
             usage);
    flight_world_head(&w->world, flight, number, 200, "application/json");
    flight_world_body(&w->world, flight, number, body);
    flight_world_tell(&w->world, flight, (struct event){.kind = event_reply_end, .attempt = number});
    assert_int_equal(flight->answer.status, 200);
}

#define USAGE(input, cached) \
    "\"prompt_tokens\":" #input ",\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":" #cached "}"

static struct flight *ask(struct prefix_world *w, const char *header, const char *value, const char *body) {
    struct http_header named = {str_from(header), str_from(value)};
    return flight_world_ask_of(
        &w->world, (struct flight_request){.endpoint = endpoint_chat, .headers = &named, .header_count = *header != 0},
        body);
}

/* It fails at a, and is answered by b. */
static void goes_to_b(struct prefix_world *w, const char *header, const char *value, const char *body) {
    struct flight *flight = ask(w, header, value, body);
    ASSERT_ASKED(flight, "a/m");
    flight_world_tell(&w->world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    ASSERT_ASKED(flight, "b/m");
    answer(w, flight, USAGE(5000, 0));
    flight_world_drop(&w->world, flight);
}

static enum prefix_outcome outcome_of(struct prefix_world *w, const char *header, const char *value, const char *body,
                                      const char *target) {
    struct flight *flight = ask(w, header, value, body);
    if (strncmp(asked(flight), target, strlen(target)) != 0) fail_msg("%s, not %s", asked(flight), target);
    enum prefix_outcome outcome = flight->prefix ? flight->prefix->outcome : prefix_none;
    flight_world_drop(&w->world, flight);
    return outcome;
}

#define BODY(first) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" first "\"}]}"
#define GROWN(first)                                                         \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" first \
    "\"},{\"role\":\"assistant\",\"content\":"                               \
    "\"x\"},{\"role\":\"user\",\"content\":\"more\"}]}"

static void it_is_off_unless_asked_for(void **state) {
    struct prefix_world w;
    (void)state;
    begin(&w, ROUTE(""));
    goes_to_b(&w, "x-weir-session", "s", BODY("hi"));
    assert_int_equal(outcome_of(&w, "x-weir-session", "s", BODY("hi"), "a/m"), prefix_none);
    end(&w);
    begin(&w, ROUTE(", strategy: sticky, affinity: off"));
    struct flight *flight = ask(&w, "x-weir-session", "s", BODY("hi"));
    assert_non_null(flight->prefix); /* its hash alone */
    assert_false(prefix_sticks(flight, flight->choice.levels));
    flight_world_drop(&w.world, flight);
    end(&w);
}

static void a_conversation_stays_where_it_was_answered(void **state) {
    struct prefix_world w;
    (void)state;
    begin(&w, ROUTE(", affinity: on"));
    goes_to_b(&w, "", "", BODY("hi"));
    assert_int_equal(outcome_of(&w, "", "", GROWN("hi"), "b/m"), prefix_kept);
    assert_int_equal(outcome_of(&w, "", "", BODY("ho"), "a/m"), prefix_first);
    end(&w);
}

/* By what says it best on: each word for itself, whatever the others are. */
static void what_is_named_counts_more_than_how_it_begins(void **state) {
    static const struct {
        const char *header, *value;
        enum prefix_by by;
    } rows[] = {{"x-weir-session", "s", prefix_by_session},
                {"x-claude-code-session-id", "s", prefix_by_agent_session},
                {"", "", prefix_by_prefix}};
    struct prefix_world w;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(&w, ROUTE(", affinity: on"));
        struct flight *flight = ask(&w, rows[i].header, rows[i].value, BODY("hi"));
        assert_int_equal(flight->prefix->by, rows[i].by);
        flight_world_drop(&w.world, flight);
        goes_to_b(&w, rows[i].header, "t", BODY("one"));
        bool named = rows[i].by != prefix_by_prefix;
        assert_int_equal(outcome_of(&w, rows[i].header, "t", BODY("two"), named ? "b/m" : "a/m"),
                         named ? prefix_kept : prefix_first);
        end(&w);
    }
#define KEYED(key, first) \
    "{\"model\":\"m\",\"prompt_cache_key\":\"" key "\",\"messages\":[{\"role\":\"user\",\"content\":\"" first "\"}]}"
    begin(&w, ROUTE(", affinity: on"));
    goes_to_b(&w, "", "", KEYED("k", "one"));
    assert_int_equal(outcome_of(&w, "", "", KEYED("k", "two"), "b/m"), prefix_kept);
    assert_int_equal(outcome_of(&w, "", "", KEYED("l", "one"), "a/m"), prefix_first);
    assert_int_equal(outcome_of(&w, "x-weir-session", "s", KEYED("k", "two"), "a/m"), prefix_first);
    end(&w);
}

static void it_stays_as_long_as_the_request_says_from_its_last_use_on(void **state) {
    struct prefix_world w;
    (void)state;
    begin(&w, ROUTE(", affinity: on"));
    goes_to_b(&w, "", "", BODY("hi"));
    for (unsigned use = 0; use < 4; use++) { /* refreshed: 1,196 s in all */
        later(&w, 299);
        struct flight *flight = ask(&w, "", "", BODY("hi"));
        ASSERT_ASKED(flight, "b/m");
        answer(&w, flight, USAGE(5000, 4000));
        flight_world_drop(&w.world, flight);
    }
    later(&w, 300);
    assert_int_equal(outcome_of(&w, "", "", BODY("hi"), "a/m"), prefix_over);
#define KEPT \
    "{\"model\":\"m\",\"prompt_cache_retention\":\"24h\",\"messages\":[{\"role\":\"user\",\"content\":\"kept\"}]}"
    goes_to_b(&w, "", "", KEPT);
    later(&w, 86399);
    assert_int_equal(outcome_of(&w, "", "", BODY("kept"), "b/m"), prefix_kept);
    later(&w, 1);
    assert_int_equal(outcome_of(&w, "", "", BODY("kept"), "a/m"), prefix_over);
    end(&w);
}

/* Those that come before the first answer go where it went. */
static void a_burst_stays_together(void **state) {
    struct prefix_world w;
    (void)state;
    begin(&w, ROUTE(", strategy: round_robin, affinity: on"));
    struct flight *burst[8];
    for (size_t i = 0; i < 8; i++) burst[i] = ask(&w, "", "", BODY("hi"));
    for (size_t i = 0; i < 8; i++) assert_ptr_equal(burst[i]->live->target, burst[0]->live->target);
    for (size_t i = 0; i < 8; i++) flight_world_drop(&w.world, burst[i]);
    end(&w);
}

static void money_leaves_where_that_is_worth_it(void **state) {
    struct prefix_world w;
    (void)state;
    begin(&w, ROUTE(", strategy: cost_optimal, affinity: on"));
    goes_to_b(&w, "", "", BODY("hi"));
    struct flight *flight = ask(&w, "", "", BODY("hi"));
    ASSERT_ASKED(flight, "b/m");
    assert_int_equal(flight->prefix->outcome, prefix_kept);
    assert_true(str_eq(flight->prefix->other->name, STR("a/m")));
    /* 4,992 tokens: a would read them at 1 USD a million, b at 0.12 from its cache */
    assert_int_equal(flight->prefix->nano_usd, 4992 * (1000 - 120));
    flight_world_drop(&w.world, flight);
    end(&w);
}

/* What is written is paid by how long it is to be kept: the usual time, an hour, or longer. */
static void what_is_written_is_priced_by_its_lifetime(void **state) {
    static const char priced[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  a: {type: openai, api_key: k, models: [m], prices: {m: {input: 1, output: 0, cached_input: 0.1, "
        "cache_write: 2, rows: [{when: {cache_ttl: 1h}, set: {cache_write: 3}}, "
        "{when: {cache_ttl: 12h}, set: {cache_write: 4}}]}}}\n"
        "routes: [{model: m, targets: [a/m], affinity: on}]\n";
    static const struct {
        uint32_t lifetime_s;
        int64_t written, usd_per_million;
    } rows[] = {{300, 0, 1},     {300, 1000, 2},  {301, 1000, 3}, {301, 0, 1},
                {3600, 1000, 3}, {3601, 1000, 4}, {3601, 0, 1}};
    struct prefix_world w;
    (void)state;
    begin(&w, priced);
    struct flight *flight = ask(&w, "", "", BODY("hi"));
    const struct candidate *candidate = flight->choice.candidates;
    flight->prompt_tokens = 10;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        flight->prefix->lifetime_s = rows[i].lifetime_s;
        int64_t cost = prefix_cost_at(flight, candidate, 1000, 0, rows[i].written);
        if (cost != 1000 * 1000 * rows[i].usd_per_million) fail_msg("row %zu: %lld", i, (long long)cost);
    }
    assert_int_equal(prefix_cost_at(flight, candidate, 1000, 400, 0), 600 * 1000 + 400 * 100);
    assert_int_equal(prefix_cost_at(flight, candidate, 9, 0, 0), 10 * 1000); /* the prompt is longer */
    assert_int_equal(prefix_cost_at(flight, candidate, 11, 0, 0), 11 * 1000);
    flight_world_drop(&w.world, flight);
    end(&w);
}

static void a_preview_tells_where_it_stays_and_what_that_saves(void **state) {
    struct prefix_world w;
    struct error error;
    char json[4096];
    (void)state;
    begin(&w, ROUTE(", strategy: cost_optimal, affinity: on"));
    goes_to_b(&w, "", "", BODY("hi"));
    struct text text = text_in_buffer(json, sizeof json);
    struct flight_question question = {
        .asked = {.endpoint = endpoint_chat}, .body = STR(BODY("hi")), .model = STR("m")};
    assert_true(flight_preview(&w.world.host, w.world.config.snapshot, &question, w.world.now, &text, &error));
    size_t at = str_find(text_str(&text), STR("\"prompt_cache\":"));
    assert_true(at != SIZE_MAX);
    struct str told = str_slice(text_str(&text), at, str_find(text_str(&text), STR(",\"candidates\"")));
    assert_str_equal(
        told, "\"prompt_cache\":{\"by\":\"prefix\",\"choice\":\"kept\",\"instead_of\":\"a/m\",\"nano_usd\":4392960}");
    end(&w);
}

static void what_cannot_serve_is_left_and_said(void **state) {
    struct prefix_world w;
    (void)state;
    begin(&w, ROUTE(", affinity: on"));
    goes_to_b(&w, "", "", BODY("hi"));
    const struct target *b = flight_world_target(&w.world, "b");
    cell_store(&b->cells->latency, 0);
    ((struct provider *)(uintptr_t)b->provider)->state = provider_draining;
    assert_int_equal(outcome_of(&w, "", "", BODY("hi"), "a/m"), prefix_barred);
    end(&w);
    begin(&w, PROVIDERS "routes: [{model: m, targets: [a/m], affinity: on}]\n");
    struct flight *flight = ask(&w, "", "", BODY("hi"));
    uint64_t key = flight->prefix->place;
    flight_world_drop(&w.world, flight);
    prefix_memory_keep(&w.prefixes, key, &(struct prefix_known){.target = 1, .until_s = UINT32_MAX}, 0);
    assert_int_equal(outcome_of(&w, "", "", BODY("hi"), "a/m"), prefix_gone); /* its provider was removed */
    end(&w);
}

static void why_it_missed_is_told(void **state) {
    struct prefix_world w;
    (void)state;
    begin(&w, ROUTE(", affinity: on"));
    static const struct {
        unsigned later_s;
        const char *usage;
        enum prefix_miss miss;
    } rows[] = {{0, USAGE(5000, 0), prefix_miss_first_use},
                {10, USAGE(5000, 4864), prefix_miss_none},
                {10, USAGE(5000, 0), prefix_miss_prefix_changed},
                {301, USAGE(5000, 0), prefix_miss_lifetime_over},
                {1, USAGE(900, 0), prefix_miss_none}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        later(&w, rows[i].later_s);
        struct flight *flight = ask(&w, "", "", BODY("hi"));
        answer(&w, flight, rows[i].usage);
        assert_int_equal(flight->prefix->miss, rows[i].miss);
        char told[8192];
        struct text text = text_in_buffer(told, sizeof told);
        flight_world_explain(flight, &text);
        assert_true(str_find(text_str(&text), STR("\"prompt_cache\":{\"by\":\"prefix\",\"choice\":\"")) != SIZE_MAX);
        bool says = str_find(text_str(&text), STR("\"miss\":\"")) != SIZE_MAX;
        assert_int_equal(says, rows[i].miss != prefix_miss_none);
        flight_world_drop(&w.world, flight);
    }
    end(&w);
}

/* Only where the caller says what belongs together. */
static void adaptive_keeps_what_is_named(void **state) {
    struct prefix_world w;
    (void)state;
    begin(&w, ROUTE(", strategy: adaptive"));
    struct flight *flight = ask(&w, "", "", BODY("hi"));
    assert_null(flight->prefix);
    flight_world_drop(&w.world, flight);
    flight = ask(&w, "x-weir-session", "s", BODY("hi"));
    assert_non_null(flight->prefix);
    const struct target *first = flight->live->target;
    flight_world_drop(&w.world, flight);
    latency_peak(&first->cells->latency, NS_PER_S, w.world.now.mono_ns); /* the other is better now */
    flight = ask(&w, "x-weir-session", "s", BODY("hi"));
    assert_ptr_equal(flight->live->target, first);
    flight_world_drop(&w.world, flight);
    end(&w);
}

/* One that could would put another's prompts out of their places, or see where they lie. */
static void nobody_can_work_out_where_anothers_is_remembered(void **state) {
    uint64_t keys[2], places[2];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct prefix_world w;
        begin(&w, ROUTE(", affinity: on"));
        struct flight *flight = ask(&w, "x-weir-session", "s", BODY("hi"));
        keys[i] = flight->prefix->key;
        places[i] = flight->prefix->place;
        flight_world_drop(&w.world, flight);
        end(&w);
    }
    assert_true(keys[0] == keys[1]); /* which target is chosen first is the same behind any balancer */
    assert_true(places[0] && places[1] && places[0] != places[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_off_unless_asked_for),
        cmocka_unit_test(a_conversation_stays_where_it_was_answered),
        cmocka_unit_test(what_is_named_counts_more_than_how_it_begins),
        cmocka_unit_test(it_stays_as_long_as_the_request_says_from_its_last_use_on),
        cmocka_unit_test(a_burst_stays_together),
        cmocka_unit_test(money_leaves_where_that_is_worth_it),
        cmocka_unit_test(what_is_written_is_priced_by_its_lifetime),
        cmocka_unit_test(a_preview_tells_where_it_stays_and_what_that_saves),
        cmocka_unit_test(what_cannot_serve_is_left_and_said),
        cmocka_unit_test(why_it_missed_is_told),
        cmocka_unit_test(adaptive_keeps_what_is_named),
        cmocka_unit_test(nobody_can_work_out_where_anothers_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
