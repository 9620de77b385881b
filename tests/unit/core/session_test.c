/* What one session has used: who may hold it, when it is over, and that nothing of it is lost or another's under many
 * threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "core/session.h"

static const struct session_rules rules = {.calls = 3, .lasts_s = 600, .idle_s = 60};

static void it_is_its_owners_until_it_is_over(void **state) {
    (void)state;
    struct session session = {0};
    assert_false(session_hold(&session, 4, &rules, 1000));
    assert_true(session_take(&session, 4, NULL, &rules, 1000));
    assert_false(session_take(&session, 8, NULL, &rules, 9999)); /* held */
    assert_false(session_hold(&session, 8, &rules, 1000));
    assert_true(session_hold(&session, 4, &rules, 9999)); /* however long it takes */
    session_leave(&session, true, 1100);
    session_leave(&session, true, 1050); /* an earlier end */
    assert_int_equal(session_look(&session).last_s, 1100);
    assert_false(session_take(&session, 8, NULL, &rules, 1599)); /* its minutes are not over */
    assert_true(session_hold(&session, 4, &rules, 1599));
    session_leave(&session, true, 1599);
    assert_false(session_take(&session, 8, NULL, &rules, 1658)); /* it was used a minute ago */
    assert_false(session_hold(&session, 4, &rules, 1659));       /* over: it begins anew */
    assert_true(session_take(&session, 8, NULL, &rules, 1659));
    assert_int_equal(session_look(&session).started_s, 1659);
}

static void what_was_refused_does_not_keep_it(void **state) {
    (void)state;
    const struct session_rules short_one = {.calls = 1, .idle_s = 60};
    struct session session = {0};
    assert_true(session_take(&session, 4, NULL, &short_one, 1000));
    assert_true(session_call(&session, 1));
    session_leave(&session, true, 1000);
    assert_true(session_hold(&session, 4, &short_one, 1059));
    assert_false(session_call(&session, 1));
    session_leave(&session, false, 1059);
    assert_false(session_hold(&session, 4, &short_one, 1060));
}

static void calls_are_counted_and_given_back(void **state) {
    (void)state;
    struct session session = {0};
    assert_true(session_take(&session, 4, NULL, &rules, 1000));
    for (int i = 0; i < 3; i++) assert_true(session_call(&session, rules.calls));
    assert_false(session_call(&session, rules.calls));
    assert_true(session_call(&session, 0)); /* no cap: counted */
    session_call_back(&session);
    session_call_back(&session);
    assert_true(session_call(&session, rules.calls));
    assert_int_equal(session_look(&session).calls, 3);
}

static void what_was_written_down_is_put_back_while_it_is_remembered(void **state) {
    (void)state;
    const struct session_row row = {.identity = 4, .started_s = 1000, .last_s = 1500, .calls = 2, .nano_usd = 7};
    struct session session = {0};
    assert_true(session_take(&session, 4, &row, &rules, 1599));
    assert_int_equal(session_look(&session).calls, 2);
    assert_int_equal(session_look(&session).started_s, 1000);
    assert_int_equal(session_look(&session).money.spent, 7);
    assert_int_equal(session_tell(&session, 1600), 100); /* since it was written down last */
    assert_int_equal(session_tell(&session, 1600), 0);
    assert_int_equal(session_tell(&session, 1599), 0); /* a clock that was set back */
    session_leave(&session, true, 1600);
    assert_true(session_take(&session, 4, &row, &rules, 1660)); /* over in both: from nothing */
    assert_int_equal(session_look(&session).calls, 0);
    assert_int_equal(session_look(&session).money.spent, 0);
    uint64_t window;
    assert_true(spend_reserve(&session.spend, 1660, 5, 10, &window));
    assert_int_equal(window, 1660);
}

enum { threads = 4, turns = 20000 };
static struct session shared;

/* Each takes, uses and leaves it under a name of its own: while one holds it no count but its own is seen. */
static void *use_it(void *context) {
    const uint64_t own = 4 * (uint64_t)(uintptr_t)context;
    const struct session_rules fleeting = {.calls = 5, .idle_s = 1};
    for (int64_t now_s = 1; now_s <= turns; now_s++) {
        if (!session_take(&shared, own, NULL, &fleeting, now_s) && !session_hold(&shared, own, &fleeting, now_s))
            continue;
        int64_t before = session_look(&shared).calls;
        assert_true(before == 0);
        assert_true(session_call(&shared, 5));
        assert_int_equal(session_look(&shared).calls, 1);
        assert_int_equal(cell_load(&shared.identity), own);
        session_call_back(&shared);
        session_leave(&shared, true, now_s);
    }
    return NULL;
}

static void a_place_that_goes_from_one_to_another_mixes_nothing(void **state) {
    (void)state;
    pthread_t ids[threads];
    for (uintptr_t i = 0; i < threads; i++) assert_int_equal(pthread_create(&ids[i], NULL, use_it, (void *)(i + 1)), 0);
    for (size_t i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    assert_int_equal(cell_load(&shared.held) & UINT32_MAX, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_its_owners_until_it_is_over),
        cmocka_unit_test(what_was_refused_does_not_keep_it),
        cmocka_unit_test(calls_are_counted_and_given_back),
        cmocka_unit_test(what_was_written_down_is_put_back_while_it_is_remembered),
        cmocka_unit_test(a_place_that_goes_from_one_to_another_mixes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
