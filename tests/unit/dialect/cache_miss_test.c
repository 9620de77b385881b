/* What vendors say of why their prompt cache had less than it should have. */
#include "dialect/cache_miss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void each_vendors_word_is_one_of_ours(void **state) {
    static const struct {
        const char *said;
        enum cache_miss miss;
        uint32_t tokens;
    } rows[] = {
        {"{\"type\":\"tools_changed\",\"cache_missed_input_tokens\":4000}", cache_miss_tools_changed, 4000},
        {"{\"type\":\"previous_message_not_found\"}", cache_miss_not_found, 0},
        {"{\"type\":\"unavailable\"}", cache_miss_none, 0},
        {"{\"cache_miss\":{\"reason\":\"input_changed\",\"cache_missed_tokens\":7}}", cache_miss_messages_changed, 7},
        {"{\"cache_miss\":\"verbosity_changed\",\"cache_missed_tokens\":99999999999999}", cache_miss_options_changed,
         1000000000},
        {"{\"cache_miss\":{\"reason\":\"something_of_tomorrow\",\"cache_missed_tokens\":-1}}",
         cache_miss_prefix_changed, 0},
        {"{\"cache_miss\":null},\"type\":\"model_changed\"", cache_miss_none, 0}, /* behind it */
        {"", cache_miss_none, 0},
        {"{\"type\":", cache_miss_none, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct meter meter = {.said = false}, more = {.said = false};
        cache_miss_read(str_from(rows[i].said), &meter);
        assert_int_equal(meter.miss, rows[i].miss);
        assert_int_equal(meter.missed_tokens, rows[i].tokens);
        meter_merge(&more, &meter);
        assert_true(more.miss == meter.miss && more.missed_tokens == meter.missed_tokens && !more.said);
    }
    struct meter nothing = {.said = false};
    cache_miss_read(STR_NONE, &nothing);
    assert_int_equal(nothing.miss, cache_miss_none);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_vendors_word_is_one_of_ours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
