/* What the mock remembers of requests. */
#include "mock/mock_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct http_header headers[] = {{STR("Host"), STR("h")}, {STR("X-A"), STR("1")}, {STR("x-a"), STR("2\"")}};

static uint64_t begin(struct mock_records *records, const char *path) {
    const struct http_request request = {
        .method = http_post, .target = str_from(path), .path = str_from(path), .headers = headers, .header_count = 3};
    return mock_record_begin(records, &request);
}

static bool shows(const struct mock_records *records, const char *words) {
    struct arena arena;
    arena_init(&arena, 4096, 1 << 26);
    struct text text = text_in_arena(&arena, 4096);
    mock_records_write(records, &text);
    assert_false(text.failed);
    bool found = str_find(text_str(&text), str_from(words)) != SIZE_MAX;
    arena_free(&arena);
    return found;
}

static void a_request_is_shown_with_its_end(void **state) {
    struct mock_records *records = mock_records_new();
    (void)state;
    uint64_t number = begin(records, "/v1/x");
    mock_record_body(records, number, STR("{\"a\":1}"), STR("hang"));
    assert_true(shows(records, "\"outcome\":\"open\"") && shows(records, "\"open\":1"));
    mock_record_end(records, number, mock_outcome_aborted, 7);
    assert_true(shows(records, "\"outcome\":\"aborted\"") && shows(records, "\"events\":7") &&
                shows(records, "\"aborted\":1") && shows(records, "\"open\":0"));
    assert_true(shows(records, "\"x-a\":\"1, 2\\\"\"") && shows(records, "\"body\":\"{\\\"a\\\":1}\"") &&
                shows(records, "\"/v1/x\":1"));
    mock_records_free(records);
}

static void old_ones_are_forgotten_and_still_end(void **state) {
    struct mock_records *records = mock_records_new();
    (void)state;
    uint64_t first = begin(records, "/first");
    for (int i = 0; i < 1000; i++) mock_record_end(records, begin(records, "/many"), mock_outcome_done, 0);
    assert_true(shows(records, "\"/many\":1000") && shows(records, "\"/first\":1") &&
                !shows(records, "\"target\":\"/first\""));
    mock_record_end(records, first, mock_outcome_done, 0);
    assert_true(shows(records, "\"open\":0") && shows(records, "\"done\":1001"));
    mock_records_free(records);
}

static void a_reset_forgets_all_but_what_is_open(void **state) {
    struct mock_records *records = mock_records_new();
    (void)state;
    uint64_t open = begin(records, "/a");
    mock_records_reset(records);
    assert_true(shows(records, "\"requests\":[]") && shows(records, "\"paths\":{}") && shows(records, "\"open\":1"));
    mock_record_body(records, open, STR("x"), STR("none"));
    mock_record_end(records, open, mock_outcome_done, 0);
    assert_true(shows(records, "\"open\":0"));
    mock_records_free(records);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_shown_with_its_end),
        cmocka_unit_test(old_ones_are_forgotten_and_still_end),
        cmocka_unit_test(a_reset_forgets_all_but_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
