/* A client's sessions: each has its own place, none that is remembered gives way, and what finds no place shares one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "snapshot/sessions.h"

static const struct session_rules rules = {.calls = 1000000, .idle_s = 60};
static struct cells cells;

static uint64_t named(const char *client, unsigned number) {
    char name[32];
    snprintf(name, sizeof name, "s-%u", number);
    return session_identity(str_from(client), str_from(name));
}

static struct session *enter(struct sessions *sessions, const char *client, unsigned number, int64_t now_s,
                             bool *is_shared) {
    struct session *session =
        sessions_enter(sessions, &cells, str_from(client), named(client, number), &rules, NULL, now_s, is_shared);
    assert_non_null(session);
    return session;
}

static void each_has_a_place_and_what_finds_none_shares_one(void **state) {
    (void)state;
    enum { many = 40000 };
    static struct session *places[many];
    struct sessions sessions = {0};
    unsigned shared_count = 0;
    bool is_shared;
    for (unsigned i = 0; i < many; i++) {
        places[i] = enter(&sessions, "many", i, 1000, &is_shared);
        shared_count += is_shared;
        assert_true(session_call(places[i], 0));
        if (!is_shared) assert_int_equal(session_look(places[i]).calls, 1); /* nobody else's */
        session_leave(places[i], true, 1000);
    }
    assert_true(many - shared_count <= session_places_most && many - shared_count > session_places_most * 9 / 10);
    assert_int_equal(session_look(&sessions.others).calls, shared_count);
    for (unsigned i = 0; i < many; i++) { /* all are where they were */
        assert_ptr_equal(enter(&sessions, "many", i, 1030, &is_shared), places[i]);
        session_leave(places[i], false, 1030);
    }
    for (unsigned i = 0; i < 1000; i++) { /* those are over: their places are others' */
        struct session *place = enter(&sessions, "many", many + i, 1060, &is_shared);
        assert_false(is_shared);
        assert_int_equal(session_look(place).calls, 0);
        session_leave(place, true, 1060);
    }
}

static void what_was_written_down_is_found_by_its_name(void **state) {
    (void)state;
    struct sessions sessions = {0};
    struct sessions_kept kept = {.rows = NULL};
    bool is_shared;
    for (unsigned i = 0; i < 300; i++) {
        uint64_t identity = named("app", i);
        sessions_kept_add(&kept, session_row_identity(identity, session_seconds), session_window_mark + 900, 50);
        sessions_kept_add(&kept, session_row_identity(identity, session_calls), session_window_mark + 900, i + 1);
        sessions_kept_add(&kept, session_row_identity(identity, session_calls), session_window_mark + 100,
                          7); /* older */
        sessions_kept_add(&kept, session_row_identity(identity, session_nano_usd), session_window_mark + 900, i + 5);
    }
    sessions_kept_sort(&kept);
    assert_int_equal(kept.count, 600); /* the older ones were over: they count no more */
    for (unsigned i = 0; i < 310; i++) {
        struct session *place =
            sessions_enter(&sessions, &cells, STR("app"), named("app", i), &rules, &kept, 1000, &is_shared);
        assert_int_equal(session_look(place).calls, i < 300 ? i + 1 : 0);
        assert_int_equal(session_look(place).money.spent, i < 300 ? i + 5 : 0);
        assert_int_equal(session_look(place).started_s, i < 300 ? 900 : 1000);
        session_leave(place, false, 1000);
    }
    assert_null(sessions_find(&sessions, named("app", 311), &rules, 1000));
    assert_non_null(sessions_find(&sessions, named("app", 3), &rules, 1000));
    assert_null(sessions_find(&sessions, named("app", 3), &rules, 1060));
    sessions_kept_free(&kept);
}

/* The ledger comes when sessions have begun already: what they had used before counts on top, once. */
static void what_is_known_only_later_counts_on_top(void **state) {
    (void)state;
    struct sessions sessions = {0};
    struct sessions_kept kept = {.rows = NULL};
    bool is_shared;
    struct session *going[3];
    for (unsigned i = 0; i < 3; i++) {
        going[i] = sessions_enter(&sessions, &cells, STR("late"), named("late", i), &rules, &kept, 1000, &is_shared);
        assert_true(session_call(going[i], 0));
        uint64_t window;
        assert_true(spend_reserve(&going[i]->spend, 1000, 10, 100, &window));
        if (i) spend_settle(&going[i]->spend, window, 10, 4);
        session_leave(going[i], true, 1000);
    }
    for (unsigned i = 0; i < 3; i++) { /* the first one was over by then */
        const int64_t window = session_window_mark + (i ? 900 : 200);
        uint64_t identity = named("late", i);
        sessions_kept_add(&kept, session_row_identity(identity, session_seconds), window, 90);
        sessions_kept_add(&kept, session_row_identity(identity, session_calls), window, 5);
        sessions_kept_add(&kept, session_row_identity(identity, session_nano_usd), window, 30);
    }
    sessions_kept_sort(&kept);
    for (unsigned times = 0; times < 3; times++)
        for (unsigned i = 0; i < 3; i++) {
            struct session *place =
                sessions_enter(&sessions, &cells, STR("late"), named("late", i), &rules, &kept, 1001, &is_shared);
            assert_ptr_equal(place, going[i]);
            const struct session_view view = session_look(place);
            assert_int_equal(view.calls, i ? 6 : 1);
            assert_int_equal(view.started_s, i ? 900 : 1000);
            assert_int_equal(view.money.spent, i ? 34 : 0);
            assert_int_equal(view.money.committed, i ? 34 : 10);
            session_leave(place, false, 1001);
        }
    uint64_t window;
    assert_false(spend_reserve(&going[1]->spend, 900, 67, 100, &window)); /* asked for by its earlier beginning */
    assert_true(spend_reserve(&going[1]->spend, 900, 66, 100, &window));
    assert_int_equal(session_tell(going[1], 1001), 11); /* since its last use before */
    sessions_kept_free(&kept);
}

/* So it stands in the ledger afterwards: one session, which began twice. */
static void a_session_that_began_twice_is_one(void **state) {
    (void)state;
    struct sessions sessions = {0};
    struct sessions_kept kept = {.rows = NULL};
    bool is_shared;
    static const int64_t starts[] = {100, 900, 950};
    for (size_t i = 0; i < 3; i++) {
        sessions_kept_add(&kept, session_row_identity(named("twice", 1), session_calls),
                          session_window_mark + starts[i], 2);
        sessions_kept_add(&kept, session_row_identity(named("twice", 1), session_seconds),
                          session_window_mark + starts[i], 60);
        sessions_kept_add(&kept, session_row_identity(named("twice", 1), session_nano_usd),
                          session_window_mark + starts[i], 7);
    }
    sessions_kept_sort(&kept);
    struct session *place =
        sessions_enter(&sessions, &cells, STR("twice"), named("twice", 1), &rules, &kept, 1011, &is_shared);
    const struct session_view view = session_look(place);
    assert_int_equal(view.calls, 4);
    assert_int_equal(view.money.spent, 14);
    assert_int_equal(view.started_s, 900);
    sessions_kept_free(&kept);
}

enum { threads = 4, names = 50, turns = 4000 };
static struct sessions busy;

static void *call_all(void *context) {
    for (unsigned turn = 0; turn < turns; turn++) {
        bool is_shared;
        struct session *place = enter(&busy, "busy", (turn + (unsigned)(uintptr_t)context) % names, 1000, &is_shared);
        assert_false(is_shared);
        assert_true(session_call(place, 0));
        session_leave(place, true, 1000);
    }
    return NULL;
}

static void a_session_that_many_threads_begin_is_one(void **state) {
    (void)state;
    pthread_t ids[threads];
    for (uintptr_t i = 0; i < threads; i++) assert_int_equal(pthread_create(&ids[i], NULL, call_all, (void *)i), 0);
    for (size_t i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    for (unsigned i = 0; i < names; i++) {
        const struct session *place = sessions_find(&busy, named("busy", i), &rules, 1000);
        assert_int_equal(session_look(place).calls, threads * turns / names);
    }
}

static void names_of_clients_and_sessions_do_not_run_together(void **state) {
    (void)state;
    assert_true(session_identity(STR("a"), STR("bc")) != session_identity(STR("ab"), STR("c")));
    assert_int_equal(session_identity(STR("a"), STR("bc")) & session_seconds, 0);
    char one[400], other[400]; /* issuer#subject may be long, and differ at its end alone */
    memset(one, 'i', sizeof one);
    memset(other, 'i', sizeof other);
    other[sizeof other - 1] = 'j';
    assert_true(session_identity(str_make(one, sizeof one), STR("s")) !=
                session_identity(str_make(other, sizeof other), STR("s")));
    assert_true(session_identity(STR(""), STR("")) != 0);
}

static int begin(void **state) {
    (void)state;
    return hash_start() ? 0 : 1;
}

static int end(void **state) {
    (void)state;
    cells_free(&cells);
    return 0;
}

static void they_rest_when_none_is_remembered(void **state) {
    (void)state;
    struct sessions sessions = {0};
    bool is_shared;
    assert_true(sessions_rest(&sessions, &rules, 1000));
    for (unsigned i = 0; i < 100; i++)
        session_leave(enter(&sessions, "resting", i, 1000 + i / 50, &is_shared), true, 1000 + i / 50);
    assert_false(sessions_rest(&sessions, &rules, 1000));
    assert_false(sessions_rest(&sessions, &rules, 1060)); /* the later half is */
    assert_true(sessions_rest(&sessions, &rules, 1061));
    assert_true(
        session_identity(STR("https://login.example.test/a/name/that/is/longer/than/that/of/a/client#ann"), STR("s")) !=
        session_identity(STR("https://login.example.test/a/name/that/is/longer/than/that/of/a/client#bob"), STR("s")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_place_and_what_finds_none_shares_one),
        cmocka_unit_test(what_was_written_down_is_found_by_its_name),
        cmocka_unit_test(what_is_known_only_later_counts_on_top),
        cmocka_unit_test(a_session_that_began_twice_is_one),
        cmocka_unit_test(a_session_that_many_threads_begin_is_one),
        cmocka_unit_test(names_of_clients_and_sessions_do_not_run_together),
        cmocka_unit_test(they_rest_when_none_is_remembered),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
