/* otlp_test.c - spans and points as a collector is sent them, whole: of a request that says all that there is to say,
 * of one that says the least, and of each form that a line of /metrics takes, under the conventions of each age. */
#include "../told.h"

#include "base/pattern.h"
#include "observe/otlp.h"

static struct arena arena;

static int otlp_test_begin(void **state) {
    (void)state;
    arena_init(&arena, 64 * 1024, SIZE_MAX);
    return 0;
}

static int otlp_test_end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct otlp_rules rules_of(enum otlp_semconv semconv) {
    return (struct otlp_rules){
        .semconv = semconv, .service = STR("gate"), .version = STR("1.2.3"), .instance = "an-instance"};
}

/* All that a request may say. */
static void full(struct spans_record *record) {
    record->request = (struct span_request){.trace = STR("0af7651916cd43dd8448eb211c80319c"),
                                            .parent = STR("b7ad6b7169203331"),
                                            .state = STR("vendor=1"),
                                            .own_id = STR("req_1"),
                                            .caller_id = STR("mine \"1\""),
                                            .operation = STR("chat"),
                                            .endpoint = STR("chat_completions"),
                                            .model = STR("fast"),
                                            .client = STR("app"),
                                            .route = STR("fast"),
                                            .rule = STR("short"),
                                            .session = STR("talk-7"),
                                            .error = STR("no_provider_available"),
                                            .provider = STR("g"),
                                            .system = STR("gemini"),
                                            .served = STR("gemini-2.5-pro"),
                                            .cache = STR("miss"),
                                            .instructions = STR("[1]"),
                                            .input = STR("[2]"),
                                            .output = STR("[3]"),
                                            .left_out = true,
                                            .span = 0xabcdef,
                                            .started_wall_ns = 1700000000000000001,
                                            .duration_us = 2000003,
                                            .overhead_us = 61,
                                            .cost_nano_usd = 1500000001,
                                            .saved_nano_usd = 0,
                                            .status = 502,
                                            .attempts = 5,
                                            .stream = true,
                                            .caller_gone = true,
                                            .failed = true};
    record->attempts[0] = (struct span_attempt){.provider = STR("o"),
                                                .system = STR("openai"),
                                                .model = STR("m"),
                                                .failure = STR("rate_limited"),
                                                .code = STR("slow_down"),
                                                .span = 0x8000000000000001,
                                                .started_wall_ns = 1700000000000000100,
                                                .duration_us = 7,
                                                .input_tokens = -1,
                                                .output_tokens = -1,
                                                .cached_tokens = -1,
                                                .cache_write_tokens = -1,
                                                .reasoning_tokens = -1,
                                                .cost_nano_usd = -1,
                                                .output_cap = -1,
                                                .status = 429};
    record->attempts[1] = (struct span_attempt){.provider = STR("o"),
                                                .system = STR("xai"),
                                                .model = STR("m"),
                                                .failure = STR("stall"),
                                                .span = 2,
                                                .started_wall_ns = 1700000000000000200,
                                                .duration_us = 8,
                                                .input_tokens = 0,
                                                .output_tokens = 0,
                                                .cached_tokens = 0,
                                                .cache_write_tokens = 0,
                                                .reasoning_tokens = 0,
                                                .cost_nano_usd = 0,
                                                .output_cap = 0,
                                                .estimated = true};
    record->attempts[2] = (struct span_attempt){.provider = STR("v"),
                                                .system = STR("vertex"),
                                                .failure = STR("cancelled"),
                                                .span = 3,
                                                .cancelled = true,
                                                .hedge = true,
                                                .failover = true};
    record->attempts[3] = (struct span_attempt){.provider = STR("g"),
                                                .system = STR("gemini"),
                                                .model = STR("gemini-2.5-pro"),
                                                .span = 4,
                                                .started_wall_ns = 1700000000000000400,
                                                .duration_us = 1000000,
                                                .first_token_us = 250001,
                                                .input_tokens = 11,
                                                .output_tokens = 12,
                                                .cached_tokens = 13,
                                                .cache_write_tokens = 14,
                                                .reasoning_tokens = 15,
                                                .cost_nano_usd = 16,
                                                .output_cap = 17,
                                                .status = 200,
                                                .good = true,
                                                .failover = true};
    record->count = 4;
}

/* A hit of the cache, of an operation that no model is named for; and one that fails by its status alone. */
static void least(struct spans_record *record, bool fails) {
    memset(record, 0, sizeof *record);
    record->request = (struct span_request){.trace = STR("00000000000000000000000000000001"),
                                            .operation = STR("embeddings"),
                                            .endpoint = STR("embeddings"),
                                            .cache = fails ? STR_NONE : STR("hit"),
                                            .own_id = STR("req_2"),
                                            .span = 1,
                                            .cost_nano_usd = -1,
                                            .saved_nano_usd = fails ? -1 : 250,
                                            .status = fails ? 500 : 0,
                                            .failed = fails};
}

static void traces_put(struct text *told, const struct otlp_rules *rules) {
    static struct spans_record record;
    struct text text = text_in_arena(&arena, 64 * 1024);
    size_t spans = 0;
    otlp_traces_begin(&text, rules);
    full(&record);
    spans += otlp_traces_put(&text, rules, &record);
    least(&record, false);
    spans += otlp_traces_put(&text, rules, &record);
    least(&record, true);
    spans += otlp_traces_put(&text, rules, &record);
    otlp_traces_end(&text);
    text_printf(told, "%zu spans, semconv %d\n", spans, (int)rules->semconv);
    told_put(told, text_str(&text));
}

static void traces_are_told_whole(void **state) {
    (void)state;
    struct text told = text_in_arena(&arena, 64 * 1024);
    for (enum otlp_semconv semconv = otlp_legacy; semconv <= otlp_both; semconv++) {
        const struct otlp_rules rules = rules_of(semconv);
        traces_put(&told, &rules);
    }
    told_compare("otlp_traces", &told);
}

static void what_a_caller_chose_of_a_trace_hides_what_must_not_be_read(void **state) {
    (void)state;
    static struct spans_record record;
    static char long_one[spans_text_most + 1], hidden[otlp_word_most];
    size_t bad;
    const char *problem;
    const struct str own = STR("secret-[0-9]+");
    struct otlp_rules rules = rules_of(otlp_now);
    struct pattern *pattern = pattern_new(&own, 1, &bad, &problem);
    struct text text = text_in_arena(&arena, 1024);
    assert_non_null(pattern);
    rules.own = pattern;
    least(&record, false);
    record.request.model = STR("m secret-1");
    record.request.caller_id = STR("of a@b.example.com");
    record.request.session = STR("sk-0123456789abcdef0123456789abcdef");
    record.request.client = STR("secret-2");
    assert_int_equal(otlp_traces_put(&text, &rules, &record), 1);
    told_compare("otlp_hidden", &text);
    memset(long_one, '\'', sizeof long_one);
    assert_false(otlp_word(&rules, STR_NONE, hidden).len);
    assert_true(str_eq(otlp_word(&rules, STR("m"), hidden), STR("m")));
    pattern_free(pattern);
}

/* Counters, gauges and a histogram; labels with all that may stand in them; a family without a line; those that the
 * conventions have a name for. */
static const char exposition[] =
    "# HELP weir_up Whether it is up.\n"
    "# TYPE weir_up gauge\n"
    "weir_up 1\n"
    "# HELP weir_empty_total Nothing of it is there.\n"
    "# TYPE weir_empty_total counter\n"
    "# HELP weir_cost_usd_total What was paid.\n"
    "# TYPE weir_cost_usd_total counter\n"
    "weir_cost_usd_total{client=\"a\\\"b\\\\c\\nd\",provider=\"p\",model=\"# HELP m\"} 0.000000250\n"
    "weir_cost_usd_total{client=\"\\n# HELP x\",provider=\"\",model=\"m\"} 12\n"
    "# HELP weir_tokens_total Tokens.\n"
    "# TYPE weir_tokens_total counter\n"
    "weir_tokens_total{provider=\"gemini\",model=\"m\",direction=\"input\"} 3\n"
    "weir_tokens_total{provider=\"gemini\",model=\"m\",direction=\"output\"} 5\n"
    "weir_tokens_total{provider=\"azure\",model=\"m\",direction=\"cached\"} 7\n"
    "weir_tokens_total{provider=\"mine\",model=\"m\",direction=\"other\"} 11\n"
    "# HELP weir_first_token_seconds Until the first token.\n"
    "# TYPE weir_first_token_seconds histogram\n"
    "weir_first_token_seconds_bucket{provider=\"gemini\",le=\"0.1\"} 1\n"
    "weir_first_token_seconds_bucket{provider=\"gemini\",le=\"0.5\"} 1\n"
    "weir_first_token_seconds_bucket{provider=\"gemini\",le=\"+Inf\"} 4\n"
    "weir_first_token_seconds_sum{provider=\"gemini\"} 3.25\n"
    "weir_first_token_seconds_count{provider=\"gemini\"} 4\n"
    "weir_first_token_seconds_bucket{provider=\"b\",le=\"0.1\"} 2\n"
    "weir_first_token_seconds_bucket{provider=\"b\",le=\"0.5\"} 3\n"
    "weir_first_token_seconds_bucket{provider=\"b\",le=\"+Inf\"} 3\n"
    "weir_first_token_seconds_sum{provider=\"b\"} 0.5\n"
    "weir_first_token_seconds_count{provider=\"b\"} 3\n"
    "# HELP weir_idle_seconds How long nothing came.\n"
    "# TYPE weir_idle_seconds gauge\n"
    "weir_idle_seconds 1.5\n";

static void metrics_are_told_whole(void **state) {
    (void)state;
    struct text told = text_in_arena(&arena, 64 * 1024);
    for (enum otlp_semconv semconv = otlp_legacy; semconv <= otlp_both; semconv++) {
        const struct otlp_rules rules = rules_of(semconv);
        struct text text = text_in_arena(&arena, 1024);
        size_t points = otlp_metrics_put(&text, &rules, str_from(exposition), 1700000000000000000, 1700000001000000002);
        text_printf(&told, "%zu points, semconv %d\n", points, (int)semconv);
        told_put(&told, text_str(&text));
    }
    told_compare("otlp_metrics", &told);
}

static void providers_are_called_as_the_conventions_call_them(void **state) {
    (void)state;
    static const char *const types[] = {"gemini", "vertex", "bedrock", "azure", "mistral", "xai", "moonshot", "openai"};
    struct text told = text_in_arena(&arena, 1024);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        text_printf(&told, "%s: %.*s, %.*s\n", types[i], STR_ARG(otlp_provider_name(str_from(types[i]), true)),
                    STR_ARG(otlp_provider_name(str_from(types[i]), false)));
    told_compare("otlp_providers", &told);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traces_are_told_whole),
        cmocka_unit_test(what_a_caller_chose_of_a_trace_hides_what_must_not_be_read),
        cmocka_unit_test(metrics_are_told_whole),
        cmocka_unit_test(providers_are_called_as_the_conventions_call_them),
    };
    return cmocka_run_group_tests(tests, otlp_test_begin, otlp_test_end);
}
