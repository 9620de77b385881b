/* ledger_alerts_test.c - what an alert says is kept to the byte, or, by a server that takes text alone, as near as it
 * goes. */
#include "store/ledger_alerts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger_folder.h"

static void alert_put(void *context, const struct ledger_alert *alert) {
    struct text *text = context;
    text_printf(text, "%llu %.*s|%.*s|%.*s %lld %lld;", (unsigned long long)alert->id, STR_ARG(alert->kind),
                STR_ARG(alert->subject), STR_ARG(alert->said), (long long)alert->raised_ms, (long long)alert->ended_ms);
}

static void what_is_kept_is_told_whole(void **state) {
    char room[256];
    struct text noted = text_in_buffer(room, sizeof room);
    const struct ledger_alert list[] = {
        {.id = 7, .kind = STR("quota"), .subject = STR("provider one"), .said = STR("said"), .raised_ms = 5},
        {.id = 8, .kind = STR("budget"), .subject = STR(""), .said = STR("other"), .raised_ms = 6, .ended_ms = 9}};
    (void)state;
    struct ledger *ledger = opened();
    assert_true(ledger_alerts_keep(ledger, list, 2));
    assert_true(ledger_alerts(ledger, 10, alert_put, &noted));
    struct str wanted = STR("7 quota|provider one|said 5 0;8 budget||other 6 9;");
    if (!str_eq(text_str(&noted), wanted)) fail_msg("%.*s", STR_ARG(text_str(&noted)));
    ledger_close(ledger);
}

/* A server takes no text that is not UTF-8: it gets a question mark for each such byte. */
static void bytes_that_are_no_text_are_kept_or_replaced_one_by_one(void **state) {
    char room[64];
    struct text noted = text_in_buffer(room, sizeof room);
    static const char subject[] = "a\xff|b", said[] = "\xc3\xa9\x80";
    const struct ledger_alert alert = {
        .id = 1, .kind = STR("quota"), .subject = str_from(subject), .said = str_from(said), .raised_ms = 5};
    (void)state;
    struct ledger *ledger = opened();
    assert_true(ledger_alerts_keep(ledger, &alert, 1));
    assert_true(ledger_alerts(ledger, 1, alert_put, &noted));
    struct str wanted = in_a_file() ? STR("1 quota|a\xff|b|\xc3\xa9\x80 5 0;") : STR("1 quota|a?|b|\xc3\xa9? 5 0;");
    if (!str_eq(text_str(&noted), wanted)) fail_msg("%.*s", STR_ARG(text_str(&noted)));
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_kept_is_told_whole, begin, end),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_text_are_kept_or_replaced_one_by_one, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
