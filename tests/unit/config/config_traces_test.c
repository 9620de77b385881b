/* config_traces_test.c - where traces go is the collector, whatever of its paths is written; which headers it gets. */
#include "config_world.h"

#include "base/limits.h"
#include "config/config_decisions.h"

static void an_endpoint_is_the_collector_itself(void **state) {
    static const struct {
        const char *written, *taken;
    } rows[] = {{"http://127.0.0.1:4318", "http://127.0.0.1:4318"},
                {"http://127.0.0.1:4318/", "http://127.0.0.1:4318"},
                {"http://127.0.0.1:4318//", "http://127.0.0.1:4318"},
                {"http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318"},
                {"http://127.0.0.1:4318/v1/traces/", "http://127.0.0.1:4318"},
                {"http://127.0.0.1:4318/v1/metrics", "http://127.0.0.1:4318"},
                {"https://c/otlp/v1/traces", "https://c/otlp"},
                {"https://c/otlp//v1/metrics//", "https://c/otlp"},
                {"https://c/v1/trace", "https://c/v1/trace"},
                {"https://c/otlp", "https://c/otlp"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        struct config config;
        snprintf(text, sizeof text, P "traces: {endpoint: '%s'}\n", rows[i].written);
        assert_true(load(text, NULL, &config));
        struct str is = config.snapshot->traces.endpoint;
        if (!str_eq(is, str_from(rows[i].taken))) fail_msg("%s: %.*s", rows[i].written, STR_ARG(is));
        config_free(&config);
    }
}

static void headers_are_those_that_weir_does_not_write(void **state) {
    static const struct {
        const char *headers, *problem; /* NULL: none */
    } rows[] = {{"{authorization: 'Bearer x', x-tenant: a}", NULL},
                {"{content-type: text/plain}", "the header `content-type` is written by weir itself: remove it"},
                {"{User-Agent: me}", "the header `User-Agent` is written by weir itself: remove it"},
                {"{transfer-encoding: chunked}", "the header `transfer-encoding` is written by weir itself: remove it"},
                {"{'bad name': x}", "`bad name` is no header: a name of letters, digits and `-`, a value of one line"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512], problem[512];
        struct config config;
        snprintf(text, sizeof text, P "traces: {endpoint: 'http://127.0.0.1:4318', headers: %s}\n", rows[i].headers);
        bool good = load(text, NULL, &config);
        first_problem(&config, problem, sizeof problem);
        const char *said = strstr(problem, ": ");
        if (good != !rows[i].problem || strcmp(said ? said + 2 : "", rows[i].problem ? rows[i].problem : "") != 0)
            fail_msg("row %zu: %s", i, problem);
        if (good) assert_int_equal(config.snapshot->traces.header_count, 2);
        config_free(&config);
    }
}

/* The same wherever the file has headers: each byte alone in a name and in a value, and the lengths. */
static void a_header_is_of_letters_digits_and_hyphens_and_its_value_of_one_line(void **state) {
    static const char in_names[] = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    static char long_bytes[8194];
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char bytes[] = {'x', (char)byte, 0};
        bool one_line = byte == '\t' || (byte >= ' ' && byte != 0x7f);
        if (config_header_is_valid(str_from(bytes), STR("v")) != (strchr(in_names, byte) != NULL))
            fail_msg("%d in a name", byte);
        if (config_header_is_valid(STR("x"), str_from(bytes)) != one_line) fail_msg("%d in a value", byte);
    }
    memset(long_bytes, 'x', sizeof long_bytes);
    static const struct {
        size_t name, value;
        bool good;
    } lengths[] = {{0, 1, false}, {1, 0, true}, {128, 8192, true}, {129, 1, false}, {1, 8193, false}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (config_header_is_valid(str_make(long_bytes, lengths[i].name), str_make(long_bytes, lengths[i].value)) !=
            lengths[i].good)
            fail_msg("%zu and %zu bytes", lengths[i].name, lengths[i].value);
}

/* Of a provider: what it sends, and what of its callers it forwards, its own and everybody's together. */
static void a_provider_has_no_more_headers_than_fit(void **state) {
    static const struct {
        const char *form;
        unsigned of_all, own;
        bool good;
    } rows[] = {{"headers", 0, limit_headers / 2, true},         {"headers", 0, limit_headers / 2 + 1, false},
                {"forward_headers", 0, limit_headers, true},     {"forward_headers", limit_headers, 0, true},
                {"forward_headers", 3, limit_headers - 3, true}, {"forward_headers", 3, limit_headers - 2, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static char bytes[8192];
        bool sent = rows[i].form[0] == 'h';
        struct config config;
        struct text text = text_in_buffer(bytes, sizeof bytes - 1);
        text_put(&text, STR("forward_headers: ["));
        for (unsigned h = 0; h < rows[i].of_all; h++) text_printf(&text, "x-all-%u, ", h);
        text_printf(&text, "]\nproviders: {a: {type: openai, api_key: k, %s: %c", rows[i].form, sent ? '{' : '[');
        for (unsigned h = 0; h < rows[i].own; h++) text_printf(&text, sent ? "x-%u: v, " : "x-%u, ", h);
        text_put(&text, sent ? STR("}}}\n") : STR("]}}\n"));
        bytes[text.len] = 0;
        if (load(bytes, NULL, &config) != rows[i].good) fail_msg("row %zu", i);
        if (rows[i].good) {
            const struct provider *a = map_find(&config.snapshot->providers_by_name, STR("a"));
            assert_int_equal(sent ? a->header_count : a->forward_header_count, rows[i].of_all + rows[i].own);
        }
        config_free(&config);
    }
}

static void at_most_sixteen_headers_are_sent(void **state) {
    (void)state;
    for (int count = 15; count <= 17; count++) {
        char bytes[1024], problem[512];
        struct config config;
        struct text text = text_in_buffer(bytes, sizeof bytes - 1);
        text_put(&text, STR(P "traces: {endpoint: 'http://127.0.0.1:4318', headers: {"));
        for (int i = 0; i < count; i++) text_printf(&text, "%sx-%d: a", i ? ", " : "", i);
        text_put(&text, STR("}}\n"));
        bytes[text.len] = 0;
        assert_int_equal(load(bytes, NULL, &config), count <= 16);
        first_problem(&config, problem, sizeof problem);
        assert_true(count <= 16 ? !problem[0] : strstr(problem, "more than 16 `headers` of `traces`") != NULL);
        if (count <= 16) assert_int_equal(config.snapshot->traces.header_count, count);
        config_free(&config);
    }
}

static void they_are_sent_where_an_endpoint_is_written(void **state) {
    static const struct {
        const char *traces, *problem;
        bool on, good;
    } rows[] = {{"", "", false, true},
                {"traces: {metrics: false}\n", "", false, true},
                {"traces: {metrics: true}\n", "no `endpoint` is written, so no metrics are sent", false, true},
                {"traces: {endpoint: 'http://127.0.0.1:4318'}\n", "", true, true},
                {"traces: {endpoint: '127.0.0.1:4318'}\n",
                 "`endpoint` must be the base URL of a collector, such as http://127.0.0.1:4318", false, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512], problem[512];
        struct config config;
        snprintf(text, sizeof text, P "%s", rows[i].traces);
        bool good = load(text, NULL, &config);
        first_problem(&config, problem, sizeof problem);
        if (good != rows[i].good || !strstr(problem, rows[i].problem) || (!rows[i].problem[0] && problem[0]))
            fail_msg("row %zu: %s", i, problem);
        if (good) assert_int_equal(config.snapshot->traces.on, rows[i].on);
        config_free(&config);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_is_the_collector_itself),
        cmocka_unit_test(headers_are_those_that_weir_does_not_write),
        cmocka_unit_test(a_header_is_of_letters_digits_and_hyphens_and_its_value_of_one_line),
        cmocka_unit_test(a_provider_has_no_more_headers_than_fit),
        cmocka_unit_test(at_most_sixteen_headers_are_sent),
        cmocka_unit_test(they_are_sent_where_an_endpoint_is_written),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
