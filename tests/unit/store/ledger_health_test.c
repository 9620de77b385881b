/* ledger_health_test.c - the history of health is kept once, told by subject and time, and goes by age. */
#include "store/ledger_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ledger_folder.h"

static void row_note(void *context, const struct ledger_health *row) {
    struct text *text = context;
    text_printf(text, "%lld:%.*s:%.*s>%.*s:%.*s ", (long long)row->id, STR_ARG(row->subject), STR_ARG(row->from),
                STR_ARG(row->to), STR_ARG(row->said));
}

static void assert_told(struct ledger *ledger, struct health_question question, const char *wanted) {
    char room[512];
    struct text noted = text_in_buffer(room, sizeof room);
    assert_true(ledger_health(ledger, &question, row_note, &noted));
    if (!str_eq(text_str(&noted), str_from(wanted))) fail_msg("%.*s", STR_ARG(text_str(&noted)));
}

static struct ledger *filled(void) {
    const struct ledger_health rows[] = {
        {.id = 1, .time_ms = 100, .event = health_event_probe, .subject = STR("a"), .good = true, .said = STR("")},
        {.id = 2,
         .time_ms = 200,
         .event = health_event_breaker,
         .subject = STR("b"),
         .from = STR("closed"),
         .to = STR("open")},
        {.id = 3, .time_ms = 300, .event = health_event_probe, .subject = STR("a"), .status = 503, .said = STR("no")},
        {.id = 4,
         .time_ms = 400,
         .event = health_event_lock,
         .subject = STR("r"),
         .from = STR("a/m"),
         .to = STR("b/m")}};
    struct ledger *ledger = opened();
    bool empty = false;
    assert_true(ledger_health_is_empty(ledger, &empty) && empty);
    assert_true(ledger_health_keep(ledger, rows, 4));
    assert_true(ledger_health_keep(ledger, &rows[1], 2)); /* again: nothing */
    assert_true(ledger_health_is_empty(ledger, &empty) && !empty);
    return ledger;
}

static void it_is_told_by_subject_time_and_number(void **state) {
    (void)state;
    struct ledger *ledger = filled();
    assert_told(ledger, (struct health_question){.most = 10}, "1:a:>: 2:b:closed>open: 3:a:>:no 4:r:a/m>b/m: ");
    assert_told(ledger, (struct health_question){.most = 2}, "3:a:>:no 4:r:a/m>b/m: ");
    assert_told(ledger, (struct health_question){.most = 10, .subject = STR("a")}, "1:a:>: 3:a:>:no ");
    assert_told(ledger, (struct health_question){.most = 10, .since_ms = 200, .until_ms = 400},
                "2:b:closed>open: 3:a:>:no ");
    assert_told(ledger, (struct health_question){.most = 10, .below_id = 3}, "1:a:>: 2:b:closed>open: ");
    assert_told(ledger, (struct health_question){.most = 0}, "");
    ledger_close(ledger);
}

static void what_is_old_goes_in_pieces(void **state) {
    int64_t gone = 0;
    (void)state;
    struct ledger *ledger = filled();
    assert_true(ledger_health_forget(ledger, 350, 2, &gone) && gone == 2);
    assert_told(ledger, (struct health_question){.most = 10}, "3:a:>:no 4:r:a/m>b/m: ");
    assert_true(ledger_health_forget(ledger, 350, 2, &gone) && gone == 1);
    assert_true(ledger_health_forget(ledger, INT64_MIN, 2, &gone) && gone == 0);
    assert_told(ledger, (struct health_question){.most = 10}, "4:r:a/m>b/m: ");
    ledger_close(ledger);
}

static void the_page_has_each_event(void **state) {
    char path_of[512], room[2048], *page = NULL;
    size_t len = 0;
    struct text rows = text_in_buffer(room, sizeof room);
    const char *root = getenv("WEIR_SOURCE_ROOT");
    (void)state;
    snprintf(path_of, sizeof path_of, "%s/docs/decisions.md", root ? root : ".");
    FILE *file = fopen(path_of, "r");
    assert_non_null(file);
    assert_true(getdelim(&page, &len, 0, file) > 0);
    fclose(file);
    health_events_put(&rows);
    size_t lines = 0;
    for (size_t i = 0; i < rows.len; i++) lines += rows.at[i] == '\n';
    assert_int_equal(lines, health_events);
    if (str_find(str_from(page), text_str(&rows)) == SIZE_MAX)
        fail_msg("docs/decisions.md does not hold:\n%.*s", STR_ARG(text_str(&rows)));
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_has_each_event),
        cmocka_unit_test_setup_teardown(it_is_told_by_subject_time_and_number, begin, end),
        cmocka_unit_test_setup_teardown(what_is_old_goes_in_pieces, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
