/* report_test.c - what becomes of a request when it is over: a line of the log, counts, a story; and of an attempt that
 * failed. To the field. */
#include "../flight/flight_world.h"

#include <stdio.h>

#include "runtime/report.h"

#define KEY_HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], cost_per_token: 0.001}\n"
                           "  p: {type: openai, api_key: sk-other-other-other, models: [m], cost_per_token: 0.001}\n"
                           "routes: [{model: r, targets: [o/m, p/m], strategy: priority}]\n"
                           "clients: [{name: one, daily_budget: 1000, key_hash: " KEY_HASH "}]\n";

struct told {
    struct flight_world world;
    struct reports reports;
    struct reporter reporter;
    char lines[8192];
};

static void line_write(void *owner, struct str line) {
    struct told *told = owner;
    size_t len = strlen(told->lines);
    snprintf(told->lines + len, sizeof told->lines - len, "%.*s\n", STR_ARG(line));
}

static void told_begin(struct told *told) {
    memset(told, 0, sizeof *told);
    flight_world_begin(&told->world, yaml);
    told->reports = (struct reports){
        .log = log_open(&(struct log_options){
            .level = log_level_debug, .format = log_format_json, .fd = -1, .write = line_write, .owner = told}),
        .metrics = metrics_open(&(struct metrics_options){.version = STR("1")}),
        .workers = 1};
    assert_true(told->reports.log && told->reports.metrics);
    assert_true(reporter_init(&told->reporter, &told->reports, 0));
    const struct snapshot *snapshot = told->world.config.snapshot;
    for (size_t i = 0; i < 2; i++)
        assert_true(metrics_target_register(told->reports.metrics, snapshot->routes[0].targets[i]->id,
                                            snapshot->routes[0].targets[i]->provider->name, STR("m")));
}

static void told_end(struct told *told, struct flight *flight) {
    flight_world_drop(&told->world, flight);
    reporter_free(&told->reporter);
    metrics_close(told->reports.metrics);
    log_close(told->reports.log);
    flight_world_end(&told->world);
}

/* The lines so far hold these words. */
static void assert_line(struct told *told, const char *words) {
    log_flush(told->reports.log);
    if (!strstr(told->lines, words)) fail_msg("%s does not stand in %s", words, told->lines);
}

/* What explain tells of the request. Until the next call. */
static struct str story_told(const struct told *told) {
    static char json[explain_text_bytes];
    struct text text = text_in_buffer(json, sizeof json);
    struct str story = explain_find(told->reporter.explain, STR("ours"));
    assert_non_null(story.at);
    story_explain(story, NULL, &text);
    assert_false(text.failed);
    return text_str(&text);
}

static void assert_no_line(struct told *told, const char *words) {
    log_flush(told->reports.log);
    if (strstr(told->lines, words)) fail_msg("%s stands in %s", words, told->lines);
}

static void assert_count(struct told *told, const char *words) {
    char json[8192];
    struct text text = text_in_buffer(json, sizeof json - 1);
    metrics_write_json(told->reports.metrics, &text);
    assert_false(text.failed);
    json[text.len] = 0;
    if (!strstr(json, words)) fail_msg("%s does not stand in %s", words, json);
}

static struct flight *asked(struct told *told, const char *stream) {
    struct flight_request request = {.endpoint = endpoint_chat,
                                     .request_id = STR("theirs"),
                                     .own_id = STR("ours"),
                                     .client = &told->world.config.snapshot->clients[0]};
    return flight_world_ask_of(&told->world, request,
                               *stream == 't' ? FLIGHT_CHAT("r", "true") : FLIGHT_CHAT("r", "false"));
}

static void reply_with(struct told *told, struct flight *flight, int status, const char *body) {
    flight_world_head(&told->world, flight, 0, status, "application/json");
    flight_world_body(&told->world, flight, 0, body);
    told->world.now.mono_ns += 4 * NS_PER_MS;
    flight_world_tell(&told->world, flight, (struct event){.kind = event_reply_end});
    report_attempt(&told->reporter, flight, 0, told->world.now);
}

static void a_request_is_one_line_and_a_failed_attempt_another(void **state) {
    struct told told;
    (void)state;
    told_begin(&told);
    struct flight *flight = asked(&told, "false");
    reply_with(&told, flight, 503, "{\"error\":{\"message\":\"your prompt: hi\",\"type\":\"t\",\"code\":\"c_1\"}}");
    flight_world_head(&told.world, flight, 1, 200, "application/json");
    flight_world_body(&told.world, flight, 1, FLIGHT_WHOLE);
    told.world.now.mono_ns += 2 * NS_PER_MS;
    flight_world_tell(&told.world, flight, (struct event){.kind = event_reply_end, .attempt = 1});
    report_attempt(&told.reporter, flight, 1, told.world.now);
    report_request(&told.reporter, flight, NULL, 70 * NS_PER_US, told.world.now);
    assert_line(&told,
                "{\"event\":\"attempt_failed\",\"time\":\"2023-11-14T22:13:20.000Z\",\"level\":\"warn\",\"request_id\":"
                "\"theirs\",\"own_id\":\"ours\",\"provider\":\"o\","
                "\"model\":\"m\",\"failure\":\"overloaded\",\"status\":503,\"code\":\"c_1\",\"duration_us\":4000,"
                "\"next\":\"nothing, unless it goes on: then add a target\"}");
    assert_line(&told, "\"level\":\"info\",\"request_id\":\"theirs\",\"own_id\":\"ours\",\"endpoint\":\"chat\","
                       "\"model\":\"r\",\"client\":\"one\",\"status\":200,\"provider\":\"p\",\"served\":\"m\","
                       "\"attempts\":2,\"stream\":false,\"input_tokens\":7,\"output_tokens\":2,"
                       "\"cached_tokens\":");
    assert_line(&told, "\"cached\":false,\"cost_usd\":\"0.009000000\",\"fallback\":false,\"caller_gone\":false,"
                       "\"answer_bytes\":");
    assert_line(&told, ",\"duration_us\":6000,\"overhead_us\":70}");
    assert_no_line(&told, "prompt");
    assert_no_line(&told, "key_rests");
    assert_count(&told, "\"requests\":1,\"by_status\":{\"2xx\":1},\"errors\":{},\"refused\":0,\"callers_gone\":0,"
                        "\"cache_hits\":0,\"cache_saved_usd\":\"0.000000000\",\"tool_loops\":0,\"failovers\":1,");
    assert_count(&told, "\"attempts\":2,\"input_tokens\":7,\"output_tokens\":2,\"cached_tokens\":0,"
                        "\"reasoning_tokens\":0,\"cache_write_tokens\":0,\"cost_usd\":\"0.009000000\"");
    assert_count(&told, "{\"provider\":\"o\",\"model\":\"m\",\"attempts\":1,\"succeeded\":0,\"failed\":1,");
    struct str story = story_told(&told);
    assert_true(str_find(story, STR("\"caller_id\":\"theirs\"")) != SIZE_MAX);
    struct explain_called called = explain_find_called(told.reporter.explain, STR("theirs"), STR("one"));
    assert_true(called.count == 1 && called.time_ms == 1700000000000);
    told_end(&told, flight);
}

static void one_that_was_broken_off_has_not_failed(void **state) {
    struct told told;
    (void)state;
    told_begin(&told);
    struct flight *flight = asked(&told, "true");
    flight_world_tell(&told.world, flight, (struct event){.kind = event_caller_gone});
    report_attempt(&told.reporter, flight, 0, told.world.now);
    report_request(&told.reporter, flight, NULL, 0, told.world.now);
    assert_no_line(&told, "attempt_failed");
    assert_line(&told, "\"status\":0,\"provider\":\"o\",\"served\":\"m\",\"attempts\":1,\"stream\":true,"
                       "\"input_tokens\":-1,\"output_tokens\":-1,");
    assert_line(&told, "\"caller_gone\":true,\"answer_bytes\":0,");
    assert_count(&told, "\"succeeded\":0,\"failed\":0,\"cancelled\":1,");
    assert_count(&told, "\"callers_gone\":1,");
    told_end(&told, flight);
}

/* Somebody must act; a rate limit goes by. */
static void a_cost_that_is_not_ours_is_told_beside_ours(void **state) {
    (void)state;
    for (unsigned near = 0; near < 2; near++) {
        struct told told;
        char body[512];
        told_begin(&told);
        struct flight *flight = asked(&told, "false");
        snprintf(
            body, sizeof body,
            "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":"
            "7,\"completion_tokens\":2,\"cost\":%s}}",
            near ? "0.00905" : "0.0092");
        flight_world_head(&told.world, flight, 0, 200, "application/json");
        flight_world_body(&told.world, flight, 0, body);
        flight_world_tell(&told.world, flight, (struct event){.kind = event_reply_end});
        report_attempt(&told.reporter, flight, 0, told.world.now);
        report_request(&told.reporter, flight, NULL, 0, told.world.now);
        if (near)
            assert_no_line(&told, "cost_differs");
        else
            assert_line(&told, "\"event\":\"cost_differs\"");
        if (!near)
            assert_line(&told, "\"provider\":\"o\",\"model\":\"m\",\"cost_usd\":\"0.009000000\",\"provider_cost_usd\":"
                               "\"0.009200000\"}");
        assert_count(
            &told,
            "\"reasoning_tokens\":0,\"cache_write_tokens\":0,\"cost_usd\":\"0.009000000\""); /* it is charged ours */
        struct str story = story_told(&told);
        assert_true(str_find(story, near ? STR("\"provider_cost_usd\":\"0.009050000\"")
                                         : STR("\"provider_cost_usd\":\"0.009200000\"")) != SIZE_MAX);
        told_end(&told, flight);
    }
}

/* The day, of those since 1970, on which a provider's cost was last another one, or its tokens nobody had counted. */
static void what_the_alerts_look_at_is_the_day_of_the_attempt(void **state) {
    static const struct {
        int status;
        const char *usage;
        bool differed, estimated;
    } rows[] = {
        {200, "{\"prompt_tokens\":7,\"completion_tokens\":2}", false, false},
        {200, "{\"prompt_tokens\":7,\"completion_tokens\":2,\"cost\":0.0092}", true, false},
        {200, "null", false, true},
        {500, "null", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct told told;
        char body[512];
        told_begin(&told);
        struct flight *flight = asked(&told, "false");
        const struct provider_cells *cells = told.world.config.snapshot->routes[0].targets[0]->provider->cells;
        uint64_t differed = cell_load(&cells->differed_day), estimated = cell_load(&cells->estimated_day);
        snprintf(body, sizeof body,
                 "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"usage\":%s}",
                 rows[i].usage);
        told.world.now.wall_ns += (int64_t)i * 86400 * (int64_t)NS_PER_S;
        uint64_t day = 19675 + i;
        reply_with(&told, flight, rows[i].status, body);
        assert_int_equal(cell_load(&cells->differed_day), rows[i].differed ? day : differed);
        assert_int_equal(cell_load(&cells->estimated_day), rows[i].estimated ? day : estimated);
        told_end(&told, flight);
    }
}

static void a_key_that_is_refused_is_an_error_and_one_that_is_limited_is_not(void **state) {
    struct told told;
    (void)state;
    told_begin(&told);
    struct flight *flight = asked(&told, "false");
    reply_with(&told, flight, 401, "{\"error\":{\"message\":\"no\",\"code\":\"invalid_api_key\"}}");
    assert_line(&told, "\"level\":\"error\",\"provider\":\"o\",\"key\":1,\"reason\":\"refused\",\"means\":\"the "
                       "provider refuses it\",\"rests_s\":60");
    told_end(&told, flight);
    told_begin(&told);
    flight = asked(&told, "false");
    reply_with(&told, flight, 429, "{\"error\":{\"message\":\"slower\"}}");
    assert_line(&told, "\"failure\":\"rate_limited\"");
    assert_no_line(&told, "key_rests");
    told_end(&told, flight);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_one_line_and_a_failed_attempt_another),
        cmocka_unit_test(one_that_was_broken_off_has_not_failed),
        cmocka_unit_test(a_cost_that_is_not_ours_is_told_beside_ours),
        cmocka_unit_test(what_the_alerts_look_at_is_the_day_of_the_attempt),
        cmocka_unit_test(a_key_that_is_refused_is_an_error_and_one_that_is_limited_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
