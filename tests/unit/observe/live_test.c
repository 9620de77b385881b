/* live_test.c - requests as they happen: told to those who watch alone, at most so many a second, and nothing of them
 * is held for longer than somebody watches. */
#include "observe/live.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/pattern.h"

static const struct now noon = {.mono_ns = 5 * NS_PER_S, .wall_ns = 1700000000123000000ll};

struct world {
    struct live *live;
    struct log_writer *writer;
    uint64_t after;
    struct notice notice;
    uint64_t missed;
};

static struct world world_begin(const struct pattern *own) {
    struct world world = {.live = live_open(own, 7)};
    assert_non_null(world.live);
    world.writer = live_writer_open(world.live);
    assert_non_null(world.writer);
    world.after = live_last(world.live);
    return world;
}

static void put(struct world *world, unsigned n) { live_put(world->writer, noon, "request", f_u64("n", n)); }

/* What comes next, once the thread has had its turn. */
static const char *next(struct world *world) {
    static char json[notice_bytes_max + 1];
    for (int turn = 0; turn < 2; turn++) {
        if (live_next(world->live, world->after, &world->notice, &world->missed)) {
            world->after = world->notice.id;
            str_copy(json, sizeof json, str_make(world->notice.json, world->notice.len));
            return json;
        }
        live_settle(world->live);
    }
    return NULL;
}

static void what_is_put_is_an_event_of_its_type(void **state) {
    (void)state;
    struct world world = world_begin(NULL);
    live_watch(world.live);
    live_put(world.writer, noon, "attempt", f_str("id", STR("req_1")), f_u64("attempt", 0), f_none(),
             f_money("cost_usd", 1250000), f_us("duration_us", 1250), f_str("said", STR("\x1b[2J\"")));
    live_put(world.writer, noon, "no_such_event", f_u64("n", 1));
    put(&world, 2);
    assert_string_equal(next(&world),
                        "{\"time_ms\":1700000000123,\"id\":\"req_1\",\"attempt\":0,\"cost_usd\":\"0.001250000\","
                        "\"duration_us\":1250,\"said\":\"\\u001b[2J\\\"\"}");
    assert_int_equal(world.notice.type, notice_attempt);
    assert_string_equal(next(&world), "{\"time_ms\":1700000000123,\"n\":2}");
    assert_int_equal(world.notice.type, notice_request);
    assert_null(next(&world));
    live_leave(world.live);
    live_close(world.live);
}

static void nothing_is_made_while_nobody_watches(void **state) {
    (void)state;
    struct world world = world_begin(NULL);
    assert_false(log_wants(world.writer, log_level_error));
    put(&world, 1);
    live_watch(world.live);
    live_watch(world.live);
    assert_true(log_wants(world.writer, log_level_info));
    assert_null(next(&world));
    live_leave(world.live);
    put(&world, 2); /* one is left */
    assert_non_null(next(&world));
    live_leave(world.live);
    assert_false(log_wants(world.writer, log_level_error));
    put(&world, 3);
    live_watch(world.live);
    assert_null(next(&world));
    live_leave(world.live);
    live_close(world.live);
}

static void nothing_is_held_behind_the_last_who_watched(void **state) {
    (void)state;
    struct world world = world_begin(NULL);
    const uint64_t first = world.after;
    live_watch(world.live);
    put(&world, 1);
    put(&world, 2);
    assert_non_null(next(&world));
    live_leave(world.live);
    world.after = first;
    assert_null(next(&world));
    live_watch(world.live);
    put(&world, 3);
    assert_string_equal(next(&world), "{\"time_ms\":1700000000123,\"n\":3}");
    assert_int_equal(world.missed, 2); /* it is told that there were some */
    live_forget(world.live);
    world.after = first;
    assert_null(next(&world));
    live_leave(world.live);
    live_close(world.live);
}

static void who_is_too_slow_is_told_how_many_events(void **state) {
    (void)state;
    struct world world = world_begin(NULL);
    live_watch(world.live);
    for (unsigned i = 0; i < notices_held + 10; i++) {
        put(&world, i);
        if (i % 100 == 0) live_settle(world.live);
    }
    live_settle(world.live);
    assert_string_equal(next(&world), "{\"time_ms\":1700000000123,\"n\":10}");
    assert_int_equal(world.missed, 10);
    assert_int_equal(live_left(world.live).events, 0);
    live_leave(world.live);
    live_close(world.live);
}

static void a_second_has_so_many_and_no_more(void **state) {
    (void)state;
    uint64_t word = 0, kept;
    for (uint32_t i = 0; i < 3; i++) assert_true(live_admit(&word, 9, 3));
    kept = word;
    assert_false(live_admit(&word, 9, 3));
    assert_false(live_admit(&word, 8, 3)); /* a loop whose clock was read before */
    assert_int_equal(word, kept);
    for (uint32_t i = 0; i < 3; i++) assert_true(live_admit(&word, 10, 3));
    assert_false(live_admit(&word, 10, 3));
    word = (uint64_t)UINT32_MAX << 32 | 3; /* the number of the second goes round */
    assert_false(live_admit(&word, UINT32_MAX, 3));
    assert_true(live_admit(&word, (uint64_t)UINT32_MAX + 1, 3));
    assert_int_equal(word, 1);
}

static void a_request_is_told_from_its_begin_to_its_end_or_not_at_all(void **state) {
    (void)state;
    struct world world = world_begin(NULL);
    struct now later = {.mono_ns = noon.mono_ns + NS_PER_S, .wall_ns = noon.wall_ns};
    enum live_telling first = live_undecided, telling = live_undecided, last = live_undecided;
    assert_true(live_tells(world.live, &first, live_served, noon));
    for (unsigned i = 1; i < live_rate; i++, telling = live_undecided)
        assert_true(live_tells(world.live, &telling, live_served, noon));
    assert_false(live_tells(world.live, &last, live_served, noon));
    assert_int_equal(live_left(world.live).requests, 1);
    assert_true(live_tells(world.live, &first, live_served, noon)); /* however full the second is */
    assert_false(live_tells(world.live, &last, live_served, later));
    assert_int_equal(live_left(world.live).requests, 1); /* it is counted once */
    telling = live_undecided;
    assert_true(live_tells(world.live, &telling, live_served, later));
    telling = live_undecided; /* those without an attempt have a place of their own */
    assert_true(live_tells(world.live, &telling, live_unserved, noon));
    live_close(world.live);
}

static void what_a_loop_has_no_room_for_is_counted(void **state) {
    (void)state;
    static char words[2000];
    struct world world = world_begin(NULL);
    memset(words, 'x', sizeof words);
    live_watch(world.live);
    uint64_t put_count = 0, came = 0;
    while (live_left(world.live).events == 0 && put_count < 1000000) { /* faster than they are made events */
        live_put(world.writer, noon, "request", f_str("words", str_make(words, sizeof words)));
        put_count++;
    }
    live_settle(world.live);
    came = live_last(world.live) - world.after;
    assert_int_equal(came + live_left(world.live).events, put_count);
    live_leave(world.live);
    live_close(world.live);
}

enum { loops = 3, puts_each = 3000, comings = 200 };

struct loop_side {
    struct live *live;
    struct log_writer *writer;
    uint64_t told, left;
};

/* As a loop does it. */
static void *loop_run(void *context) {
    struct loop_side *side = context;
    for (unsigned i = 0; i < puts_each; i++) {
        enum live_telling telling = live_undecided;
        const struct now now = {.mono_ns = (uint64_t)i * NS_PER_S / 200, .wall_ns = noon.wall_ns};
        if (!log_wants(side->writer, log_level_info)) continue;
        if (!live_tells(side->live, &telling, live_served, now)) {
            side->left++;
            continue;
        }
        live_put(side->writer, now, "attempt", f_u64("n", i));
        live_put(side->writer, now, "request", f_u64("n", i));
        side->told += 2;
    }
    return NULL;
}

/* Listens again and again: what it hears is whole, and in order. */
static void *listener_run(void *context) {
    struct live *live = context;
    struct notice notice;
    uint64_t missed;
    for (unsigned i = 0; i < comings; i++) {
        live_watch(live);
        uint64_t after = live_last(live);
        for (unsigned n = 0; n < 20 && live_next(live, after, &notice, &missed); n++) {
            assert_true(notice.id == after + missed + 1);
            assert_true(notice.json[0] == '{' && notice.json[notice.len - 1] == '}');
            after = notice.id;
        }
        if (i % 50 == 0) live_forget(live);
        live_leave(live);
    }
    return NULL;
}

static void loops_and_listeners_come_and_go_at_once(void **state) {
    (void)state;
    struct live *live = live_open(NULL, 7);
    struct loop_side sides[loops];
    pthread_t threads[loops + 2];
    assert_non_null(live);
    live_watch(live); /* one that stays */
    const uint64_t first = live_last(live);
    for (int i = 0; i < loops; i++) {
        sides[i] = (struct loop_side){.live = live, .writer = live_writer_open(live)};
        assert_int_equal(pthread_create(&threads[i], NULL, loop_run, &sides[i]), 0);
    }
    for (int i = loops; i < loops + 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, listener_run, live), 0);
    for (int i = 0; i < loops + 2; i++) pthread_join(threads[i], NULL);
    live_settle(live);
    uint64_t told = 0, left = 0;
    for (int i = 0; i < loops; i++) told += sides[i].told, left += sides[i].left;
    assert_int_equal(live_last(live) - first + live_left(live).events, told);
    assert_int_equal(live_left(live).requests, left);
    assert_true(told > 0 && told <= 2 * live_rate * (puts_each / 200 + 1));
    live_leave(live);
    live_close(live);
}

static void without_memory_there_is_none_and_nothing_leaks(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 30; n++) {
        memory_fail_at(n);
        struct live *live = live_open(NULL, 7);
        bool whole = memory_calls() < n;
        memory_fail_at(0);
        assert_true(!whole || live);
        live_close(live);
        if (whole) return;
    }
    fail_msg("never opened");
}

static void one_that_is_too_long_loses_what_comes_last(void **state) {
    (void)state;
    char words[400];
    struct world world = world_begin(NULL);
    memset(words, 'm', sizeof words);
    live_watch(world.live);
    live_put(world.writer, noon, "request", f_str("id", STR("req_1")), f_str("a", str_make(words, sizeof words)),
             f_u64("n", 1));
    char cut[log_members_value + 1];
    str_copy(cut, sizeof cut, str_make(words, log_members_value));
    char wanted[400];
    snprintf(wanted, sizeof wanted, "{\"time_ms\":1700000000123,\"id\":\"req_1\",\"a\":\"%s...\",\"n\":1}", cut);
    assert_string_equal(next(&world), wanted);
    memset(words, 1, sizeof words); /* each takes six bytes */
    live_put(world.writer, noon, "request", f_str("id", STR("req_2")), f_str("a", str_make(words, sizeof words)),
             f_u64("n", 1));
    assert_string_equal(next(&world), "{\"time_ms\":1700000000123,\"id\":\"req_2\",\"cut\":true}");
    live_leave(world.live);
    live_close(world.live);
}

static void what_the_log_hides_is_hidden(void **state) {
    (void)state;
    const struct str patterns[] = {STR("[a-z]+@example")};
    size_t bad;
    const char *problem;
    struct pattern *own = pattern_new(patterns, 1, &bad, &problem);
    assert_non_null(own);
    struct world world = world_begin(own);
    live_watch(world.live);
    live_put(world.writer, noon, "request", f_str("who", STR("of kim@example")), f_none(),
             f_said("said", STR("by sk-abcdefghijklmnopqrstuvwxyz0123456789")));
    const char *told = next(&world);
    assert_null(strstr(told, "kim"));
    assert_null(strstr(told, "abcdefgh"));
    live_leave(world.live);
    live_close(world.live);
    pattern_free(own);
}

static void without_one_nothing_is_told(void **state) {
    (void)state;
    struct notice notice;
    uint64_t missed = 7;
    live_watch(NULL);
    live_leave(NULL);
    live_forget(NULL);
    live_close(NULL);
    assert_true(live_last(NULL) == 0 && !live_next(NULL, 0, &notice, &missed) && missed == 0);
    assert_true(live_left(NULL).requests == 0 && live_left(NULL).events == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_an_event_of_its_type),
        cmocka_unit_test(nothing_is_made_while_nobody_watches),
        cmocka_unit_test(nothing_is_held_behind_the_last_who_watched),
        cmocka_unit_test(who_is_too_slow_is_told_how_many_events),
        cmocka_unit_test(a_second_has_so_many_and_no_more),
        cmocka_unit_test(a_request_is_told_from_its_begin_to_its_end_or_not_at_all),
        cmocka_unit_test(what_a_loop_has_no_room_for_is_counted),
        cmocka_unit_test(loops_and_listeners_come_and_go_at_once),
        cmocka_unit_test(without_memory_there_is_none_and_nothing_leaks),
        cmocka_unit_test(one_that_is_too_long_loses_what_comes_last),
        cmocka_unit_test(what_the_log_hides_is_hidden),
        cmocka_unit_test(without_one_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
