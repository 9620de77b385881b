/* metrics_test.c - counts are exact, whatever the threads do, and what /metrics says can be read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "observe/metrics_internal.h"

static const struct str endpoints[] = {STR("chat"), STR("embeddings")};
static const struct str kinds[] = {STR("none"), STR("connect"), STR("stall")};

static const struct metrics_moment nothing;

static struct metrics *open_metrics_of(size_t series_max) {
    struct metrics_options options = {.endpoint_names = endpoints,
                                      .endpoint_count = 2,
                                      .failure_names = kinds,
                                      .failure_count = 3,
                                      .version = STR("1.2.3"),
                                      .started_wall_ns = 1795219200123000000ll,
                                      .series_max = series_max};
    struct metrics *metrics = metrics_open(&options);
    assert_non_null(metrics);
    return metrics;
}

static struct metrics *open_metrics(void) { return open_metrics_of(0); }

/* -- a reader of the exposition format -- */

static struct arena page_arena;

static struct str page_of(const struct metrics *metrics) {
    arena_reset(&page_arena);
    struct text text = text_in_arena(&page_arena, 64 * 1024);
    metrics_write(metrics, &nothing, &text);
    assert_false(text.failed);
    text_put_byte(&text, 0);
    return str_make(text.at, text.len - 1);
}

/* The value of the series written exactly so, or -1. */
static double value_of(struct str page, const char *series) {
    struct str rest = page, line;
    size_t len = strlen(series);
    while (str_split_next(&rest, '\n', &line))
        if (str_starts(line, str_make(series, len)) && line.len > len && line.at[len] == ' ')
            return strtod(line.at + len + 1, NULL);
    return -1;
}

static size_t read_name(struct str line, size_t at) {
    size_t start = at;
    while (at < line.len && (line.at[at] == '_' || (line.at[at] >= 'a' && line.at[at] <= 'z') ||
                             (at > start && line.at[at] >= '0' && line.at[at] <= '9')))
        at++;
    assert_true(at > start);
    return at;
}

/* {name="value",...}: answers where it ends. */
static size_t read_labels(struct str line, size_t at) {
    assert_int_equal(line.at[at], '{');
    do {
        at = read_name(line, at + 1);
        assert_int_equal(line.at[at++], '=');
        assert_int_equal(line.at[at++], '"');
        while (line.at[at] != '"') {
            if (line.at[at] == '\\') {
                at++;
                assert_true(line.at[at] == 'n' || line.at[at] == '"' || line.at[at] == '\\');
            }
            at++;
            assert_true(at < line.len);
        }
        at++;
    } while (line.at[at] == ',');
    assert_int_equal(line.at[at], '}');
    return at + 1;
}

/* Every line of a page is a comment of its family or a series of it; no series twice; histograms rise to their count.
 */
static size_t parse(struct str page) {
    struct str rest = page, line, family = STR_NONE, seen[4096];
    size_t count = 0;
    double last_bucket = 0;
    assert_true(str_ends(page, STR("\n")));
    assert_true(str_is_utf8(page));
    while (str_split_next(&rest, '\n', &line)) {
        if (line.len == 0) continue;
        if (str_starts(line, STR("# HELP "))) {
            family = str_slice(line, 7, read_name(line, 7));
            continue;
        }
        if (str_starts(line, STR("# TYPE "))) {
            assert_true(str_starts(str_slice(line, 7, line.len), family));
            continue;
        }
        size_t name_end = read_name(line, 0);
        assert_true(str_starts(line, family));
        size_t end = line.at[name_end] == '{' ? read_labels(line, name_end) : name_end;
        assert_int_equal(line.at[end], ' ');
        double value;
        assert_true(str_to_double(str_slice(line, end + 1, line.len), &value));
        struct str series = str_slice(line, 0, end);
        for (size_t i = 0; i < count; i++) assert_false(str_eq(seen[i], series));
        assert_true(count < 4096);
        seen[count++] = series;
        struct str name = str_slice(line, 0, name_end);
        if (str_ends(name, STR("_bucket"))) {
            bool first = str_find(series, STR("le=\"0.0005\"")) != SIZE_MAX ||
                         str_find(series, STR("le=\"0.00001\"")) != SIZE_MAX;
            if (first && str_find(name, STR("overhead")) == SIZE_MAX) last_bucket = 0;
            if (str_find(series, STR("le=\"0.00001\"")) != SIZE_MAX) last_bucket = 0;
            assert_true(value >= last_bucket);
            last_bucket = value;
        } else if (str_ends(name, STR("_seconds_count"))) {
            assert_true(value == last_bucket);
        }
    }
    return count;
}

/* -- tests -- */

static void a_request_and_its_attempts_are_counted(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics();
    struct metrics_loop *loop = metrics_loop_open(metrics);
    assert_true(metrics_target_register(metrics, 0, STR("groq"), STR("llama")));
    assert_true(metrics_target_register(metrics, 1, STR("groq"), STR("gemma")));
    assert_true(metrics_target_register(metrics, 2, STR("openai"), STR("gpt")));
    metrics_attempt(loop, &(struct metrics_attempt_facts){
                              .target_id = 0, .outcome = metrics_failed, .failure = 2, .duration_us = 900});
    metrics_attempt(loop,
                    &(struct metrics_attempt_facts){
                        .target_id = 1, .outcome = metrics_failed, .failure = 2, .duration_us = 1, .failover = true});
    metrics_attempt(loop, &(struct metrics_attempt_facts){.target_id = 2,
                                                          .outcome = metrics_succeeded,
                                                          .failover = true,
                                                          .duration_us = 1500000,
                                                          .first_token_us = 250000,
                                                          .input_tokens = 10,
                                                          .output_tokens = 20,
                                                          .cached_tokens = 4,
                                                          .reasoning_tokens = 5,
                                                          .cost_nano_usd = 1250000,
                                                          .cost_differs = true,
                                                          .stream_events = 22,
                                                          .stream_events_dropped = 1,
                                                          .stream_cut = true});
    metrics_request(loop, &(struct metrics_request_facts){
                              .endpoint = 0, .status = 200, .attempts = 3, .duration_us = 1600000, .overhead_us = 60});
    metrics_request(loop, &(struct metrics_request_facts){
                              .endpoint = 99, .status = 404, .error = error_model_not_found, .duration_us = 10});
    metrics_request(loop,
                    &(struct metrics_request_facts){.endpoint = 1, .status = 0, .caller_gone = true, .attempts = 1});
    metrics_refused(loop, error_headers_too_large);
    metrics_gauge_set(loop, metrics_in_flight, 3);
    metrics_gauge_set(loop, metrics_upstream_idle, 2);
    metrics_gauge_set(loop, metrics_upstream_busy, 5);
    struct str page = page_of(metrics);
    parse(page);
    const struct {
        const char *series;
        double value;
    } wanted[] = {
        {"weir_requests_total{endpoint=\"chat\",status=\"2xx\",code=\"none\"}", 1},
        {"weir_requests_total{endpoint=\"other\",status=\"4xx\",code=\"model_not_found\"}", 1},
        {"weir_requests_total{endpoint=\"embeddings\",status=\"none\",code=\"none\"}", 1},
        {"weir_refused_total{code=\"model_not_found\"}", 1},
        {"weir_refused_total{code=\"headers_too_large\"}", 1},
        {"weir_callers_gone_total", 1},
        {"weir_failovers_total", 2},
        {"weir_attempts_total{provider=\"openai\",model=\"gpt\",outcome=\"succeeded\"}", 1},
        {"weir_attempts_total{provider=\"openai\",model=\"gpt\",outcome=\"failed\"}", 0},
        {"weir_attempt_failures_total{provider=\"groq\",kind=\"stall\"}", 2},
        {"weir_attempt_duration_seconds_bucket{provider=\"openai\",model=\"gpt\",le=\"1\"}", 0},
        {"weir_attempt_duration_seconds_bucket{provider=\"openai\",model=\"gpt\",le=\"2.5\"}", 1},
        {"weir_attempt_duration_seconds_sum{provider=\"openai\",model=\"gpt\"}", 1.5},
        {"weir_first_token_seconds_bucket{provider=\"openai\",model=\"gpt\",le=\"0.25\"}", 1},
        {"weir_first_token_seconds_bucket{provider=\"openai\",model=\"gpt\",le=\"0.1\"}", 0},
        {"weir_first_token_seconds_count{provider=\"groq\",model=\"llama\"}", -1},
        {"weir_tokens_total{provider=\"openai\",model=\"gpt\",direction=\"input\"}", 10},
        {"weir_tokens_total{provider=\"openai\",model=\"gpt\",direction=\"reasoning\"}", 5},
        {"weir_cost_usd_total{provider=\"openai\",model=\"gpt\"}", 0.00125},
        {"weir_cost_differences_total{provider=\"openai\",model=\"gpt\"}", 1},
        {"weir_cost_differences_total{provider=\"groq\",model=\"llama\"}", 0},
        {"weir_overhead_seconds_bucket{le=\"0.00005\"}", 2},
        {"weir_overhead_seconds_bucket{le=\"0.0001\"}", 3},
        {"weir_requests_in_flight", 3},
        {"weir_connections{side=\"provider\"}", 7},
        {"weir_upstream_connections{state=\"idle\"}", 2},
        {"weir_stream_events_total", 22},
        {"weir_stream_events_dropped_total", 1},
        {"weir_streams_cut_total", 1},
        {"weir_build_info{version=\"1.2.3\"}", 1},
        {"process_start_time_seconds", 1795219200.123},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (value_of(page, wanted[i].series) != wanted[i].value)
            fail_msg("%s is %f", wanted[i].series, value_of(page, wanted[i].series));
    assert_true(value_of(page, "process_resident_memory_bytes") > 100000);
    assert_true(value_of(page, "process_open_fds") >= 3);
    metrics_close(metrics);
}

static void each_series_of_a_provider_has_its_labels(void **state) {
    static char page[256 * 1024];
    const struct metrics_provider providers[] = {
        {.name = STR("one"),
         .score = 0.5,
         .state = STR("active"),
         .breaker = STR("closed"),
         .keys_ready = 1,
         .keys_limited = 2,
         .keys_refused = 3,
         .keys_quota_exhausted = 4},
        {.name = STR("two"), .score = 1, .state = STR("draining"), .breaker = STR("open"), .keys_quota_exhausted = 5},
    };
    static const char *const wanted[] = {
        "\nweir_provider_health{provider=\"one\"} 0.500\nweir_provider_health{provider=\"two\"} 1.000\n",
        "\nweir_provider_state{provider=\"one\",state=\"active\"} 1\n"
        "weir_provider_state{provider=\"two\",state=\"draining\"} 1\n",
        "{provider=\"one\",state=\"closed\"} 1\n",
        "{provider=\"two\",state=\"open\"} 1\n",
        "\nweir_provider_keys{provider=\"one\",state=\"ready\"} 1\n"
        "weir_provider_keys{provider=\"one\",state=\"limited\"} 2\n"
        "weir_provider_keys{provider=\"one\",state=\"refused\"} 3\n"
        "weir_provider_keys{provider=\"one\",state=\"quota_exhausted\"} 4\n"
        "weir_provider_keys{provider=\"two\",state=\"ready\"} 0\n",
        "weir_provider_keys{provider=\"two\",state=\"quota_exhausted\"} 5\n",
    };
    (void)state;
    struct metrics *metrics = open_metrics();
    struct text text = text_in_buffer(page, sizeof page - 1);
    metrics_write(metrics, &(struct metrics_moment){.providers = providers, .provider_count = 2}, &text);
    assert_false(text.failed);
    page[text.len] = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(page, wanted[i])) fail_msg("%s", wanted[i]);
    metrics_close(metrics);
}

static void a_family_that_would_pass_the_ceiling_is_left_out_whole(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics_of(500);
    struct metrics_loop *loop = metrics_loop_open(metrics);
    struct str page = page_of(metrics);
    double few = value_of(page, "weir_metrics_series");
    assert_true(few > 20 && value_of(page, "weir_metrics_series_left_out") == 0);
    for (uint32_t id = 0; id < 30; id++) {
        char model[8];
        snprintf(model, sizeof model, "m%u", id);
        assert_true(metrics_target_register(metrics, id, STR("p"), str_from(model)));
        metrics_attempt(loop, &(struct metrics_attempt_facts){
                                  .target_id = id, .duration_us = 5, .first_token_us = 5, .token_us = 5});
    }
    page = page_of(metrics);
    parse(page); /* each histogram that is shown is whole */
    assert_true(value_of(page, "weir_metrics_series") <= 500);
    assert_true(value_of(page, "weir_metrics_series_limit") == 500);
    assert_true(value_of(page, "weir_metrics_series_left_out") > 30 * 22 * 3 - 1);
    assert_true(str_find(page, STR("weir_between_tokens_seconds_bucket")) == SIZE_MAX);
    assert_true(value_of(page, "process_open_fds") > 0); /* what fits is shown, wherever it stands */
    metrics_close(metrics);
}

static void budgets_are_told_apart(void **state) {
    const struct metrics_budget budgets[] = {{STR("team \"a\""), STR("day"), 1, 1500000000, 250000000, 5000000000},
                                             {STR("team \"a\""), STR("day"), 0xabc, 0, 0, 7}};
    char page[64 * 1024];
    (void)state;
    struct metrics *metrics = open_metrics();
    struct text text = text_in_buffer(page, sizeof page - 1);
    metrics_write(metrics, &(struct metrics_moment){.budgets = budgets, .budget_count = 2}, &text);
    assert_false(text.failed);
    parse(text_str(&text));
#define SERIES(what, id) "weir_budget_" what "_usd{owner=\"team \\\"a\\\"\",budget=\"day\",id=\"" id "\"}"
    assert_true(value_of(text_str(&text), SERIES("spent", "0000000000000001")) == 1.5);
    assert_true(value_of(text_str(&text), SERIES("reserved", "0000000000000001")) == 0.25);
    assert_true(value_of(text_str(&text), SERIES("limit", "0000000000000001")) == 5);
    assert_true(value_of(text_str(&text), SERIES("limit", "0000000000000abc")) == 0.000000007);
#undef SERIES
    metrics_close(metrics);
}

/* A failure's kind counts where it failed, and nowhere else. */
static void only_what_failed_has_a_kind_of_failure(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics();
    struct metrics_loop *loop = metrics_loop_open(metrics);
    assert_true(metrics_target_register(metrics, 0, STR("p"), STR("m")));
    for (int outcome = 0; outcome < metrics_outcomes; outcome++)
        metrics_attempt(loop, &(struct metrics_attempt_facts){
                                  .target_id = 0, .outcome = (enum metrics_outcome)outcome, .failure = 2});
    struct str page = page_of(metrics);
    parse(page);
    assert_true(value_of(page, "weir_attempt_failures_total{provider=\"p\",kind=\"stall\"}") == 1);
    metrics_close(metrics);
}

static void an_empty_process_announces_every_family(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics();
    struct str page = page_of(metrics);
    parse(page);
#define X(id, name, type, labels, help) assert_true(str_find(page, STR("# TYPE " name " " #type "\n")) != SIZE_MAX);
    METRICS_FAMILIES(X)
#undef X
    metrics_close(metrics);
}

static void a_value_on_a_bound_is_below_it(void **state) {
    (void)state;
    const struct metrics_bounds *all[] = {&metrics_bounds_long, &metrics_bounds_short};
    for (size_t b = 0; b < 2; b++)
        for (size_t i = 0; i < all[b]->count; i++) {
            assert_true(strtod(all[b]->le[i], NULL) * 1e6 - (double)all[b]->most_us[i] < 1e-6);
            assert_true(i == 0 || all[b]->most_us[i] > all[b]->most_us[i - 1]);
        }
    struct metrics *metrics = open_metrics();
    struct metrics_loop *loop = metrics_loop_open(metrics);
    uint64_t values[] = {0, 500, 501, 600000000, 600000001};
    for (size_t i = 0; i < 5; i++)
        metrics_request(loop, &(struct metrics_request_facts){.status = 200, .duration_us = values[i]});
    struct str page = page_of(metrics);
    assert_true(value_of(page, "weir_request_duration_seconds_bucket{endpoint=\"chat\",le=\"0.0005\"}") == 2);
    assert_true(value_of(page, "weir_request_duration_seconds_bucket{endpoint=\"chat\",le=\"0.001\"}") == 3);
    assert_true(value_of(page, "weir_request_duration_seconds_bucket{endpoint=\"chat\",le=\"600\"}") == 4);
    assert_true(value_of(page, "weir_request_duration_seconds_bucket{endpoint=\"chat\",le=\"+Inf\"}") == 5);
    metrics_close(metrics);
}

static void labels_are_escaped_and_stay_utf8(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics();
    struct metrics_loop *loop = metrics_loop_open(metrics);
    metrics_target_register(metrics, 7, STR("a\"b\\c\nd"),
                            STR("bad\xff"
                                "e"));
    metrics_attempt(loop, &(struct metrics_attempt_facts){.target_id = 7});
    struct str page = page_of(metrics);
    parse(page);
    assert_true(value_of(page, "weir_attempts_total{provider=\"a\\\"b\\\\c\\nd\",model=\"bad\xef\xbf\xbd"
                               "e\",outcome=\"succeeded\"}") == 1);
    metrics_close(metrics);
}

static void targets_past_the_limit_or_without_a_name_count_as_other(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics();
    struct metrics_loop *loop = metrics_loop_open(metrics);
    assert_false(metrics_target_register(metrics, limit_targets, STR("p"), STR("m")));
    assert_true(metrics_target_register(metrics, limit_targets - 1, STR("p"), STR("m")));
    assert_true(metrics_target_register(metrics, limit_targets - 1, STR("p"), STR("m")));
    metrics_attempt(loop, &(struct metrics_attempt_facts){.target_id = limit_targets});
    metrics_attempt(loop, &(struct metrics_attempt_facts){.target_id = UINT32_MAX});
    metrics_attempt(loop, &(struct metrics_attempt_facts){.target_id = 5});
    metrics_attempt(loop, &(struct metrics_attempt_facts){
                              .target_id = limit_targets - 1, .outcome = metrics_failed, .failure = 39});
    struct str page = page_of(metrics);
    parse(page);
    assert_true(value_of(page, "weir_attempts_total{provider=\"(other)\",model=\"(other)\",outcome=\"succeeded\"}") ==
                3);
    assert_true(value_of(page, "weir_attempts_total{provider=\"p\",model=\"m\",outcome=\"failed\"}") == 1);
    assert_true(value_of(page, "weir_attempt_failures_total{provider=\"p\",kind=\"other\"}") == 1);
    metrics_close(metrics);
}

static void out_of_memory_costs_a_name_but_no_count(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 20; n++) {
        struct metrics_options options = {
            .endpoint_names = endpoints, .endpoint_count = 2, .failure_names = kinds, .failure_count = 3};
        memory_fail_at(n);
        struct metrics *metrics = metrics_open(&options);
        struct metrics_loop *loop = metrics ? metrics_loop_open(metrics) : NULL;
        if (loop) {
            (void)metrics_target_register(metrics, 1, STR("p"), STR("m"));
            metrics_attempt(loop, &(struct metrics_attempt_facts){.target_id = 1});
            metrics_attempt(loop, &(struct metrics_attempt_facts){.target_id = 1});
            char bytes[16 * 1024];
            struct text text = text_in_buffer(bytes, sizeof bytes);
            metrics_write(metrics, &nothing, &text);
        }
        bool whole = memory_calls() < n;
        memory_fail_at(0);
        if (loop) {
            struct str page = page_of(metrics);
            double named = value_of(page, "weir_attempts_total{provider=\"p\",model=\"m\",outcome=\"succeeded\"}");
            double other =
                value_of(page, "weir_attempts_total{provider=\"(other)\",model=\"(other)\",outcome=\"succeeded\"}");
            assert_true((named > 0 ? named : 0) + (other > 0 ? other : 0) == 2);
        }
        metrics_close(metrics);
        if (whole) return;
    }
    fail_msg("never had memory for all");
}

enum { threads = 8, requests_each = 20000 };

struct hammer {
    struct metrics *metrics;
    _Atomic bool done;
};

static void *hammer_run(void *argument) {
    struct metrics *metrics = argument;
    struct metrics_loop *loop = metrics_loop_open(metrics);
    for (uint32_t i = 0; i < requests_each; i++) {
        uint32_t target = i % 50;
        char model[16];
        snprintf(model, sizeof model, "m%u", target);
        if (i < 50) metrics_target_register(metrics, target, STR("p"), str_from(model));
        metrics_attempt(loop, &(struct metrics_attempt_facts){.target_id = target,
                                                              .outcome = (enum metrics_outcome)(i % 3),
                                                              .failure = 1,
                                                              .duration_us = i,
                                                              .input_tokens = 3,
                                                              .cost_nano_usd = 7});
        metrics_request(
            loop, &(struct metrics_request_facts){.endpoint = i % 2, .status = 200, .attempts = 1, .duration_us = i});
        metrics_gauge_set(loop, metrics_in_flight, i);
    }
    return NULL;
}

static void *scrape_run(void *argument) {
    struct hammer *hammer = argument;
    struct arena arena;
    arena_init(&arena, 64 * 1024, 64 * 1024 * 1024);
    double last = 0;
    while (!atomic_load(&hammer->done)) {
        struct text text = text_in_arena(&arena, 256 * 1024), json = text_in_arena(&arena, 64 * 1024);
        metrics_write(hammer->metrics, &nothing, &text);
        metrics_write_json(hammer->metrics, &json);
        text_put_byte(&text, 0);
        double value = value_of(text_str(&text), "weir_requests_total{endpoint=\"chat\",status=\"2xx\",code=\"none\"}");
        if (text.failed || json.failed || (value >= 0 && value < last)) return "a count went back";
        if (value > last) last = value;
        arena_reset(&arena);
    }
    arena_free(&arena);
    return NULL;
}

static void eight_loops_and_a_reader_add_up_exactly(void **state) {
    (void)state;
    struct hammer hammer = {.metrics = open_metrics()};
    pthread_t ids[threads], reader;
    void *complaint = NULL;
    assert_int_equal(pthread_create(&reader, NULL, scrape_run, &hammer), 0);
    for (int i = 0; i < threads; i++) assert_int_equal(pthread_create(&ids[i], NULL, hammer_run, hammer.metrics), 0);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    atomic_store(&hammer.done, true);
    pthread_join(reader, &complaint);
    assert_null(complaint);
    struct metrics_view view;
    assert_true(metrics_view_make(&view, hammer.metrics));
    uint64_t attempts = 0, tokens = 0, cost = 0, durations = 0;
    for (size_t i = 0; i < view.target_count; i++) {
        for (size_t j = 0; j < metrics_outcomes; j++) attempts += metrics_read(&view.targets[i].counts->outcomes[j]);
        tokens += metrics_read(&view.targets[i].counts->tokens[0]);
        cost += metrics_read(&view.targets[i].counts->cost_nano_usd);
        durations += metrics_durations_count(&view.targets[i].counts->attempt);
    }
    assert_int_equal(view.target_count, 50);
    assert_int_equal(attempts, threads * requests_each);
    assert_int_equal(tokens, 3 * threads * requests_each);
    assert_int_equal(cost, 7 * threads * requests_each);
    assert_int_equal(durations, threads * requests_each);
    metrics_view_free(&view);
    struct str page = page_of(hammer.metrics);
    parse(page);
    assert_true(2 * value_of(page, "weir_requests_total{endpoint=\"chat\",status=\"2xx\",code=\"none\"}") ==
                threads * requests_each);
    assert_true(value_of(page, "weir_requests_in_flight") == threads * (requests_each - 1));
    metrics_close(hammer.metrics);
}

static void the_json_says_the_same(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics();
    struct metrics_loop *loop = metrics_loop_open(metrics);
    metrics_target_register(metrics, 0, STR("groq"), STR("llama"));
    metrics_attempt(
        loop, &(struct metrics_attempt_facts){
                  .target_id = 0, .outcome = metrics_failed, .failure = 1, .duration_us = 400, .cost_nano_usd = 5});
    metrics_request(loop, &(struct metrics_request_facts){
                              .status = 502, .error = error_upstream_unreachable, .attempts = 1, .duration_us = 500});
    char bytes[8192];
    struct text text = text_in_buffer(bytes, sizeof bytes);
    metrics_write_json(metrics, &text);
    assert_false(text.failed);
    assert_true(
        str_find(
            text_str(&text),
            STR("\"requests\":1,\"by_status\":{\"5xx\":1},\"errors\":{\"upstream_unreachable\":1},\"refused\":0")) !=
        SIZE_MAX);
    assert_true(
        str_find(
            text_str(&text),
            STR("\"targets\":[{\"provider\":\"groq\",\"model\":\"llama\",\"attempts\":1,\"succeeded\":0,\"failed\":1,"
                "\"cancelled\":0,\"failures\":{\"connect\":1},\"input_tokens\":0")) != SIZE_MAX);
    assert_true(str_find(text_str(&text), STR("\"cost_usd\":\"0.000000005\"")) != SIZE_MAX);
    struct text small = text_in_buffer(bytes, 100);
    metrics_write_json(metrics, &small);
    assert_true(small.failed);
    metrics_close(metrics);
}

/* Each number of its own, so that none can stand in another's place. */
static void the_totals_are_those_of_all_targets_and_loops(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics();
    struct metrics_loop *loops[] = {metrics_loop_open(metrics), metrics_loop_open(metrics)};
    metrics_target_register(metrics, 0, STR("groq"), STR("llama"));
    metrics_target_register(metrics, 1, STR("openai"), STR("gpt"));
    for (unsigned i = 0; i < 3; i++)
        metrics_attempt(loops[i % 2],
                        &(struct metrics_attempt_facts){.target_id = i % 2,
                                                        .outcome = i == 2 ? metrics_cancelled : metrics_succeeded,
                                                        .failover = i == 1,
                                                        .duration_us = 100,
                                                        .input_tokens = 10,
                                                        .output_tokens = 20,
                                                        .cached_tokens = 3,
                                                        .reasoning_tokens = 4,
                                                        .cost_nano_usd = 5,
                                                        .stream_events = 6,
                                                        .stream_events_dropped = 1,
                                                        .stream_cut = true});
    for (unsigned i = 0; i < 2; i++) {
        metrics_request(loops[i], &(struct metrics_request_facts){.endpoint = i,
                                                                  .status = 200,
                                                                  .caller_gone = i == 1,
                                                                  .cache = i ? metrics_cache_hit : metrics_cache_miss,
                                                                  .saved_nano_usd = i ? 7 : -1,
                                                                  .duration_us = 100});
        for (unsigned gauge = 0; gauge < metrics_gauges; gauge++)
            metrics_gauge_set(loops[i], (enum metrics_gauge)gauge, 10 * (gauge + 1));
        metrics_refused(loops[i], error_headers_too_large);
    }
    static const char *const wanted[] = {
        "\"requests\":2,\"by_status\":{\"2xx\":2},\"errors\":{},\"refused\":2,\"callers_gone\":1,"
        "\"cache_hits\":1,\"cache_saved_usd\":\"0.000000007\",\"tool_loops\":0,"
        "\"failovers\":1,"
        "\"stream_events\":18,\"stream_events_dropped\":3,\"streams_cut\":3,",
        "\"attempts\":3,\"input_tokens\":30,\"output_tokens\":60,\"cached_tokens\":9,\"reasoning_tokens\":12,\"cache_"
        "write_tokens\":0,"
        "\"cost_usd\":\"0.000000015\",\"duration\":{\"count\":2,\"sum_us\":200,",
        "{\"provider\":\"groq\",\"model\":\"llama\",\"attempts\":2,\"succeeded\":1,\"failed\":0,\"cancelled\":1,",
        "{\"provider\":\"openai\",\"model\":\"gpt\",\"attempts\":1,\"succeeded\":1,\"failed\":0,\"cancelled\":0,"};
    char bytes[8192], gauges[256];
    struct text text = text_in_buffer(bytes, sizeof bytes - 1);
    metrics_write_json(metrics, &text);
    assert_false(text.failed);
    bytes[text.len] = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(bytes, wanted[i])) fail_msg("%s does not stand in %s", wanted[i], bytes);
    snprintf(gauges, sizeof gauges,
             "\"in_flight\":%d,\"streams_open\":%d,\"caller_connections\":%d,\"memory_held\":%d,\"upstream_idle\":%d,"
             "\"upstream_busy\":%d,",
             20 * (metrics_in_flight + 1), 20 * (metrics_streams_open + 1), 20 * (metrics_caller_connections + 1),
             20 * (metrics_memory_held + 1), 20 * (metrics_upstream_idle + 1), 20 * (metrics_upstream_busy + 1));
    if (!strstr(bytes, gauges)) fail_msg("%s does not stand in %s", gauges, bytes);
    metrics_close(metrics);
}

static void quantiles_lie_within_their_bucket(void **state) {
    (void)state;
    struct metrics_durations durations = {0};
    assert_int_equal(metrics_durations_quantile_us(&durations, &metrics_bounds_long, 0.5), 0);
    for (int i = 0; i < 90; i++) durations.buckets[3]++; /* 2500 .. 5000 */
    for (int i = 0; i < 10; i++) durations.buckets[19]++;
    uint64_t half = metrics_durations_quantile_us(&durations, &metrics_bounds_long, 0.5);
    assert_true(half > 2500 && half <= 5000);
    assert_int_equal(metrics_durations_quantile_us(&durations, &metrics_bounds_long, 0.99), 600000000);
}

/* 60 up to 1 ms, 30 up to 2.5 ms, 10 up to 5 ms: each share lies as far in its bucket as its rank. */
static void a_quantile_counts_all_that_were_faster(void **state) {
    static const struct {
        double share;
        uint64_t us;
    } rows[] = {{0.6, 1000}, {0.75, 1750}, {0.9, 2500}, {0.95, 3750}, {1, 5000}};
    struct metrics_durations durations = {0};
    (void)state;
    for (int i = 0; i < 60; i++) durations.buckets[1]++;
    for (int i = 0; i < 30; i++) durations.buckets[2]++;
    for (int i = 0; i < 10; i++) durations.buckets[3]++;
    assert_int_equal(metrics_durations_count(&durations), 100);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t us = metrics_durations_quantile_us(&durations, &metrics_bounds_long, rows[i].share);
        if (us != rows[i].us) fail_msg("%g: %llu", rows[i].share, (unsigned long long)us);
    }
}

/* docs/metrics.md is what the table says. With WEIR_UPDATE_DOCS=1 it is written instead. */
static void the_page_of_the_metrics_is_true(void **state) {
    (void)state;
    const char *root = getenv("WEIR_SOURCE_ROOT");
    if (!root) skip();
    char path[4096], said[32 * 1024], made[32 * 1024];
    snprintf(path, sizeof path, "%s/docs/metrics.md", root);
    struct text text = text_in_buffer(made, sizeof made);
    metrics_write_docs(&text);
    assert_false(text.failed);
    const char *update = getenv("WEIR_UPDATE_DOCS");
    FILE *file = fopen(path, update ? "w+" : "r");
    assert_non_null(file);
    if (update) {
        assert_int_equal(fwrite(made, 1, text.len, file), text.len);
        rewind(file);
    }
    size_t len = fread(said, 1, sizeof said, file);
    fclose(file);
    assert_true(str_eq(str_make(said, len), text_str(&text)));
}

/* One of the least, and none: what is below 0 says that nothing is known. */
static void the_least_amount_counts_and_what_is_unknown_does_not(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics();
    struct metrics_loop *loop = metrics_loop_open(metrics);
    const uint32_t client = metrics_client_register(metrics, STR("app"));
    assert_true(metrics_target_register(metrics, 0, STR("p"), STR("m")));
    for (int64_t cost = -1; cost <= 1; cost++) {
        metrics_attempt(loop, &(struct metrics_attempt_facts){.target_id = 0, .client = client, .cost_nano_usd = cost});
        metrics_request(loop, &(struct metrics_request_facts){.client = client, .saved_nano_usd = cost, .attempts = 1});
        assert_int_equal(atomic_load(&loop->targets[0]->cost_nano_usd), cost > 0);
        assert_int_equal(atomic_load(&loop->clients[client]->cost_nano_usd), cost > 0);
        assert_int_equal(atomic_load(&loop->cache_saved), cost > 0);
    }
    for (int status = 99; status <= 600; status += status == 100 ? 499 : 1)
        metrics_request(loop, &(struct metrics_request_facts){.status = status, .client = client, .attempts = 1});
    assert_int_equal(atomic_load(&loop->clients[client]->statuses[0]), 3 + 2); /* none, and none that there is */
    assert_int_equal(atomic_load(&loop->clients[client]->statuses[1]), 1);
    assert_int_equal(atomic_load(&loop->clients[client]->statuses[5]), 1);
    metrics_close(metrics);
}

static void clients_past_the_limit_are_one(void **state) {
    (void)state;
    struct metrics *metrics = open_metrics();
    struct metrics_loop *loop = metrics_loop_open(metrics);
    char name[24];
    for (int again = 0; again < 2; again++)
        for (int i = 0; i < metrics_clients_max + 2; i++) {
            snprintf(name, sizeof name, "client-%d", i);
            uint32_t is = metrics_client_register(metrics, str_from(name)), last = metrics_client_places - 1;
            assert_int_equal(is, i < metrics_clients_max ? (uint32_t)i + 1 : last);
            assert_non_null(metrics_client_of(loop, is));
        }
    metrics_close(metrics);
}

int main(void) {
    arena_init(&page_arena, 256 * 1024, 64 * 1024 * 1024);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_attempts_are_counted),
        cmocka_unit_test(each_series_of_a_provider_has_its_labels),
        cmocka_unit_test(only_what_failed_has_a_kind_of_failure),
        cmocka_unit_test(a_family_that_would_pass_the_ceiling_is_left_out_whole),
        cmocka_unit_test(budgets_are_told_apart),
        cmocka_unit_test(an_empty_process_announces_every_family),
        cmocka_unit_test(a_value_on_a_bound_is_below_it),
        cmocka_unit_test(labels_are_escaped_and_stay_utf8),
        cmocka_unit_test(targets_past_the_limit_or_without_a_name_count_as_other),
        cmocka_unit_test(clients_past_the_limit_are_one),
        cmocka_unit_test(the_least_amount_counts_and_what_is_unknown_does_not),
        cmocka_unit_test(out_of_memory_costs_a_name_but_no_count),
        cmocka_unit_test(eight_loops_and_a_reader_add_up_exactly),
        cmocka_unit_test(the_json_says_the_same),
        cmocka_unit_test(the_totals_are_those_of_all_targets_and_loops),
        cmocka_unit_test(quantiles_lie_within_their_bucket),
        cmocka_unit_test(a_quantile_counts_all_that_were_faster),
        cmocka_unit_test(the_page_of_the_metrics_is_true),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&page_arena);
    return failed;
}
