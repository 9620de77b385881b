/* Alerts are raised once for what is the same, end when they are not seen any more, and are bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/alert.h"

static struct alert *see(struct alert_board *board, enum alert_kind kind, uint32_t permille, int64_t window_s,
                         const char *subject) {
    return alert_board_see(board,
                           &(struct alert_fact){.kind = kind,
                                                .permille = permille,
                                                .window_s = window_s,
                                                .subject = str_from(subject),
                                                .said = STR("words")},
                           1000);
}

static size_t ended(struct alert_board *board) {
    size_t count = 0;
    while (alert_board_end(board, 2000)) count++;
    return count;
}

static void each_is_raised_once_for_its_subject_share_and_window(void **state) {
    (void)state;
    struct alert_board board;
    assert_true(alert_board_init(&board));
    for (int look = 0; look < 3; look++) {
        alert_board_look(&board);
        assert_int_equal(see(&board, alert_quota, 800, 100, "a") != NULL, look == 0);
        assert_int_equal(see(&board, alert_quota, 900, 100, "a") != NULL, look == 0);
        assert_int_equal(see(&board, alert_quota, 800, 100, "b") != NULL, look == 0);
        assert_int_equal(see(&board, alert_budget, 800, 100, "a") != NULL, look == 0);
        assert_int_equal(ended(&board), 0);
    }
    assert_int_equal(alert_board_active(&board, alert_quota), 3);
    alert_board_look(&board); /* the next window */
    struct alert *next = see(&board, alert_quota, 800, 200, "a");
    assert_non_null(next);
    assert_int_equal(next->id, 5);
    assert_int_equal(ended(&board), 4);
    assert_int_equal(alert_board_active(&board, alert_quota), 1);
    alert_board_free(&board);
}

static void in_a_window_it_does_not_come_again_and_without_one_it_may(void **state) {
    (void)state;
    struct alert_board board;
    assert_true(alert_board_init(&board));
    alert_board_look(&board);
    assert_non_null(see(&board, alert_quota, 800, 100, "a"));
    assert_non_null(see(&board, alert_breaker_open, 0, 0, "a"));
    alert_board_look(&board);
    assert_int_equal(ended(&board), 2); /* the quota was raised, the breaker has closed */
    alert_board_look(&board);
    assert_null(see(&board, alert_quota, 800, 100, "a"));
    assert_non_null(see(&board, alert_breaker_open, 0, 0, "a"));
    assert_int_equal(ended(&board), 0);
    alert_board_free(&board);
}

static void what_was_stored_lasts_or_has_been(void **state) {
    (void)state;
    struct alert_board board;
    struct alert lasting =
                     {.id = 7, .kind = alert_budget, .permille = 1000, .window_s = 50, .raised_ms = 1, .told = true},
                 over = {.id = 9, .kind = alert_quota, .permille = 800, .window_s = 50, .raised_ms = 1, .ended_ms = 2};
    assert_true(alert_board_init(&board));
    str_copy(lasting.subject, sizeof lasting.subject, STR("x"));
    str_copy(over.subject, sizeof over.subject, STR("y"));
    alert_board_restore(&board, &lasting);
    alert_board_restore(&board, &over);
    alert_board_look(&board);
    assert_null(see(&board, alert_budget, 1000, 50, "x"));
    assert_null(see(&board, alert_quota, 800, 50, "y"));
    assert_int_equal(see(&board, alert_quota, 800, 51, "y")->id, 10);
    assert_int_equal(ended(&board), 0);
    alert_board_free(&board);
}

static void places_are_given_to_the_newest_and_what_lasts_keeps_its_own(void **state) {
    (void)state;
    struct alert_board board;
    char name[32];
    assert_true(alert_board_init(&board));
    alert_board_look(&board);
    for (int i = 0; i < alerts_max; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_non_null(see(&board, alert_breaker_open, 0, 0, name));
    }
    assert_null(see(&board, alert_breaker_open, 0, 0, "one more"));
    assert_int_equal(board.dropped, 1);
    alert_board_look(&board);
    for (int i = 1; i < alerts_max; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_null(see(&board, alert_breaker_open, 0, 0, name));
    }
    assert_int_equal(ended(&board), 1);
    alert_board_look(&board);
    assert_null(see(&board, alert_breaker_open, 0, 0, "one more")); /* the end of that one is not on the disk yet */
    board.list[0].stored = true;
    assert_non_null(see(&board, alert_breaker_open, 0, 0, "one more"));
    alert_board_free(&board);
}

static void what_clients_spend_leaves_room_for_what_concerns_everybody(void **state) {
    (void)state;
    static const enum alert_kind of_clients[] = {alert_budget, alert_values_crowded, alert_budget_burn,
                                                 alert_prompt_cache_fell};
    struct alert_board board;
    char name[32];
    assert_true(alert_board_init(&board));
    alert_board_look(&board);
    for (int i = 0; i < alerts_of_clients_max; i++) {
        snprintf(name, sizeof name, "client c%d budget day", i);
        assert_non_null(see(&board, of_clients[i % 4], 0, 7, name));
    }
    for (size_t i = 0; i < 4; i++) assert_null(see(&board, of_clients[i], 0, 7, "client one-more budget day"));
    assert_int_equal(board.dropped, 4);
    assert_non_null(see(&board, alert_ledger_failed, 0, 0, "ledger"));
    assert_non_null(see(&board, alert_provider_down, 0, 0, "provider p"));
    alert_board_look(&board);
    while (ended(&board)) continue;
    for (size_t i = 0; i < board.count; i++) board.list[i].stored = true;
    assert_non_null(see(&board, alert_budget, 0, 8, "client one-more budget day"));
    alert_board_free(&board);
}

static void a_subject_that_is_too_long_is_the_same_each_time(void **state) {
    (void)state;
    struct alert_board board;
    char name[400];
    memset(name, '"', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_true(alert_board_init(&board));
    alert_board_look(&board);
    struct alert *alert = see(&board, alert_quota, 800, 1, name);
    assert_non_null(alert);
    assert_null(see(&board, alert_quota, 800, 1, name));
    memset(alert->said, 1, sizeof alert->said - 1); /* the longest that JSON makes of it */
    memset(alert->subject, 1, sizeof alert->subject - 1);
    assert_null(alert_board_lasting(&board, alert_breaker_open, str_from(name)));
    alert = see(&board, alert_breaker_open, 0, 0, name);
    assert_non_null(alert);
    assert_int_equal(strlen(alert->subject), alert_subject_max - 1);
    for (size_t len = alert_subject_max - 2; len <= alert_subject_max + 1; len++) {
        const struct alert *lasting = alert_board_lasting(&board, alert_breaker_open, str_make(name, len));
        assert_ptr_equal(lasting, len < alert_subject_max - 1 ? NULL : alert);
    }
    assert_null(alert_board_lasting(&board, alert_provider_down, str_from(name)));
    alert->ended_ms = 1;
    assert_null(alert_board_lasting(&board, alert_breaker_open, str_from(name)));
    char json[3072];
    struct text text = text_in_buffer(json, sizeof json);
    alert_put(alert, &text);
    assert_false(text.failed);
    alert_board_free(&board);
}

static void the_page_of_the_alerts_is_true(void **state) {
    (void)state;
    const char *root = getenv("WEIR_SOURCE_ROOT");
    char path[512], buffer[8192], page[32768];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    enum alert_kind kind;
    if (!root) skip();
    snprintf(path, sizeof path, "%s/docs/alerts.md", root);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    struct str whole = str_make(page, fread(page, 1, sizeof page, file));
    fclose(file);
    alert_kinds_put(&text);
    assert_false(text.failed);
    if (str_find(whole, text_str(&text)) == SIZE_MAX)
        fail_msg("docs/alerts.md does not hold:\n%.*s", STR_ARG(text_str(&text)));
    text = text_in_buffer(buffer, sizeof buffer);
    alert_values_put(&text);
    assert_false(text.failed);
    if (str_find(whole, text_str(&text)) == SIZE_MAX)
        fail_msg("docs/alerts.md does not hold:\n%.*s", STR_ARG(text_str(&text)));
    assert_true(alert_kind_of(STR("quota"), &kind) && kind == alert_quota);
    assert_false(alert_kind_of(STR("nothing"), &kind));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_raised_once_for_its_subject_share_and_window),
        cmocka_unit_test(in_a_window_it_does_not_come_again_and_without_one_it_may),
        cmocka_unit_test(what_was_stored_lasts_or_has_been),
        cmocka_unit_test(places_are_given_to_the_newest_and_what_lasts_keeps_its_own),
        cmocka_unit_test(what_clients_spend_leaves_room_for_what_concerns_everybody),
        cmocka_unit_test(a_subject_that_is_too_long_is_the_same_each_time),
        cmocka_unit_test(the_page_of_the_alerts_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
