/* When days, weeks and months begin, where clocks are put forward and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/window.h"

/* Berlin in 2026: forward on 29 March at 01:00 UTC, back on 25 October at 01:00 UTC. */
static const struct zone_change berlin_changes[] = {
    {INT64_C(1761440400), 3600}, {INT64_C(1774746000), 7200}, {INT64_C(1792890000), 3600}};
static const struct zone berlin = {berlin_changes, 3};
/* Forward over midnight: 23:59:59 on 31 October 2026 is followed by 01:00 on the first of November, at 03:00 UTC. Back
 * over midnight: 23:59:59 on 20 February 2027 is followed by 23:00, at 02:00 UTC. */
static const struct zone_change odd_changes[] = {
    {INT64_C(1700000000), -10800}, {INT64_C(1793502000), -7200}, {INT64_C(1803175200), -10800}};
static const struct zone odd = {odd_changes, 3};

static void assert_span(struct window_span span, int64_t start_s, int64_t end_s) {
    assert_int_equal(span.start_s, start_s);
    assert_int_equal(span.end_s, end_s);
}

static void utc_windows_begin_where_everybody_thinks(void **state) {
    (void)state;
    int64_t now = 1795348800 + 1234; /* Sunday, 22 November 2026, 12:20:34 */
    int64_t midnight = 1795305600;
    assert_span(window_span(window_hour, NULL, now), 1795348800, 1795348800 + 3600);
    assert_span(window_span(window_day, NULL, now), midnight, midnight + 86400);
    assert_span(window_span(window_week, NULL, now), midnight - 6 * 86400, midnight + 86400);
    assert_span(window_span(window_month, NULL, now), midnight - 21 * 86400, midnight + 9 * 86400);
    assert_span(window_span(window_lifetime, NULL, now), 0, INT64_MAX);
}

/* The first of January of the year 1, and the last second of 9999: beyond them it is as it is there. */
static void moments_that_no_calendar_has_are_those_at_its_ends(void **state) {
    (void)state;
    const int64_t first = -62135596800, last = 253402300799;
    for (int64_t out = 0; out < 2; out++) {
        assert_span(window_span(window_day, NULL, out ? INT64_MIN : first), first, first + 86400);
        assert_span(window_span(window_day, &berlin, out ? INT64_MIN : first - 5),
                    window_span(window_day, &berlin, first).start_s, window_span(window_day, &berlin, first).end_s);
        assert_span(window_span(window_hour, NULL, out ? INT64_MIN : first), first, first + 3600);
    }
    assert_span(window_span(window_day, NULL, last), last + 1 - 86400, last + 1);
    assert_span(window_span(window_day, NULL, INT64_MAX), last + 1, last + 1 + 86400);
}

/* In India it is half past when it is the hour elsewhere, in Newfoundland half before; in Nepal a quarter to. */
static void an_hour_begins_where_the_zones_clocks_say(void **state) {
    static const int32_t offsets[] = {19800, -12600, 20700, 3600, -3600};
    static const int64_t begins[] = {1795348800 + 1800, 1795348800 + 1800, 1795348800 + 900, 1795348800, 1795348800};
    (void)state;
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        const struct zone_change change = {INT64_C(1700000000), offsets[i]};
        const struct zone zone = {&change, 1};
        for (int64_t s = 0; s < 3600; s += 3599)
            assert_span(window_span(window_hour, &zone, begins[i] + s), begins[i], begins[i] + 3600);
        assert_span(window_span(window_hour, &zone, begins[i] - 1), begins[i] - 3600, begins[i]);
    }
}

static void a_day_has_23_or_25_hours_when_the_clocks_change(void **state) {
    (void)state;
    assert_span(window_span(window_day, &berlin, 1774746000), 1774738800, 1774738800 + 23 * 3600);
    assert_span(window_span(window_day, &berlin, 1792890000), 1792879200, 1792879200 + 25 * 3600);
    assert_span(window_span(window_day, &berlin, 1792890000 - 1), 1792879200, 1792879200 + 25 * 3600);
    /* March: from 23:00 UTC to 22:00 UTC. */
    assert_span(window_span(window_month, &berlin, 1774746000), 1772319600, 1774994400);
}

static void a_midnight_that_is_left_out_begins_with_the_change(void **state) {
    (void)state;
    assert_span(window_span(window_day, &odd, 1793502000), 1793502000, 1793502000 + 23 * 3600);
    assert_span(window_span(window_day, &odd, 1793502000 - 1), 1793502000 - 86400, 1793502000);
}

static void a_midnight_that_comes_twice_begins_one_day(void **state) {
    (void)state;
    struct window_span before = window_span(window_day, &odd, 1803175200 - 1),
                       first = window_span(window_day, &odd, 1803175200),
                       second = window_span(window_day, &odd, 1803175200 + 3600);
    assert_int_equal(before.end_s, 1803175200 + 3600); /* its clocks never came to midnight before the change */
    assert_int_equal(first.start_s, before.start_s);
    assert_int_equal(second.start_s, before.end_s);
}

static void the_windows_of_a_hundred_years_follow_each_other(void **state) {
    (void)state;
    const struct zone *zones[] = {NULL, &berlin, &odd};
    for (size_t z = 0; z < 3; z++)
        for (enum window_kind kind = window_day; kind < window_lifetime; kind++) {
            struct window_span span = window_span(kind, zones[z], 1700000000);
            for (int i = 0; i < 3000; i++) {
                struct window_span last = window_span(kind, zones[z], span.end_s - 1),
                                   next = window_span(kind, zones[z], span.end_s);
                assert_span(last, span.start_s, span.end_s);
                assert_int_equal(next.start_s, span.end_s);
                assert_true(next.end_s > next.start_s);
                span = next;
            }
        }
}

/* Among many changes the one that holds is found at each of them: hours of a quarter that moves by a quarter. */
static void the_change_that_holds_is_found_among_many(void **state) {
    enum { most = 40 };
    struct zone_change changes[most];
    (void)state;
    for (int i = 0; i < most; i++)
        changes[i] = (struct zone_change){1700000000 + i * INT64_C(10000000), (i * 7 % 96 - 48) * 900};
    for (size_t count = 1; count <= most; count++) {
        const struct zone zone = {changes, count};
        for (size_t i = 0; i < count; i++) {
            int64_t moment = changes[i].from_s + 5000000, offset = changes[i].offset_s;
            int64_t day = (moment + offset) / 86400 * 86400 - offset;
            assert_span(window_span(window_day, &zone, moment), day, day + 86400);
        }
        int64_t before = changes[0].from_s - 86400 * 30, offset = changes[0].offset_s;
        assert_int_equal(window_span(window_day, &zone, before).start_s, (before + offset) / 86400 * 86400 - offset);
    }
}

/* A place for what was found holds seconds of 32 bits that are not 0: what does not fit is worked out each time. */
static void what_does_not_fit_its_place_is_not_kept(void **state) {
    static const struct {
        enum window_kind kind;
        int64_t now_s;
        bool kept;
    } rows[] = {
        {window_day, 86400, true},
        {window_day, 86399, false}, /* it begins at 0 */
        {window_day, -1, false},
        {window_hour, 3600, true},
        {window_month, 40 * 86400, true},
        {window_hour, UINT32_MAX, true},
        {window_hour, INT64_C(1) + UINT32_MAX + 3600, false},
        {window_lifetime, 86400, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cell found = {0};
        struct window window = {.kind = rows[i].kind, .found = &found}, unkept = {.kind = rows[i].kind};
        struct window_span span = window_span(rows[i].kind, NULL, rows[i].now_s);
        for (int again = 0; again < 2; again++)
            assert_span(window_now(&window, rows[i].now_s), span.start_s, span.end_s);
        assert_span(window_now(&unkept, rows[i].now_s), span.start_s, span.end_s);
        if ((cell_load(&found) != 0) != rows[i].kept) fail_msg("row %zu", i);
        if (!rows[i].kept) continue;
        assert_int_equal(cell_load(&found) >> 32, span.start_s);
        struct window_span next = window_span(rows[i].kind, NULL, span.end_s),
                           last = window_span(rows[i].kind, NULL, span.start_s - 1);
        assert_span(window_now(&window, span.end_s), next.start_s, next.end_s);
        assert_span(window_now(&window, span.start_s - 1), last.start_s, last.end_s);
    }
}

static void what_was_found_last_is_found_again(void **state) {
    (void)state;
    struct cell found = {0};
    struct window window = {.kind = window_day, .zone = &berlin, .found = &found};
    for (int64_t now = 1774000000; now < 1776000000; now += 7777) {
        struct window_span span = window_span(window_day, &berlin, now), again = window_now(&window, now);
        assert_span(again, span.start_s, span.end_s);
        assert_span(window_now(&window, now), span.start_s, span.end_s);
    }
    assert_span(window_now(&window, 1774000000), window_span(window_day, &berlin, 1774000000).start_s,
                window_span(window_day, &berlin, 1774000000).end_s); /* a clock that is set back */
}

static void moments_are_told_as_people_write_them(void **state) {
    (void)state;
    static const struct {
        int64_t moment;
        const char *told;
    } cases[] = {{0, "1970-01-01T00:00:00Z"},
                 {1774746000, "2026-03-29T01:00:00Z"},
                 {INT64_C(951782399), "2000-02-28T23:59:59Z"},
                 {INT64_C(951868800), "2000-03-01T00:00:00Z"},
                 {-1, "1969-12-31T23:59:59Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char buffer[64];
        struct text text = text_in_buffer(buffer, sizeof buffer);
        window_moment_put(&text, cases[i].moment);
        assert_true(str_eq(text_str(&text), str_from(cases[i].told)));
    }
}

static void every_window_has_its_word(void **state) {
    (void)state;
    for (size_t i = 0; i < window_kinds; i++) assert_true(window_word(i).len > 0);
    assert_int_equal(window_word(window_kinds).len, 0);
}

static void a_window_goes_on_as_it_did_since_it_began(void **state) {
    static const struct {
        int64_t end_s, now_s, counted, limit;
        bool told;
        int64_t total, reached_s;
    } rows[] = {
        {2000, 1500, 50, 1000, true, 100, INT64_MAX},
        {2000, 1250, 50, 1000, true, 200, INT64_MAX},
        {2000, 1500, 50, 101, true, 100, INT64_MAX}, /* one more than it will be */
        {2000, 1500, 50, 100, true, 100, 2000},      /* at its very end */
        {2000, 1500, 50, 99, true, 100, 1990},
        {2000, 1500, 50, 50, true, 100, 1500},
        {2000, 1500, 80, 40, true, 160, 1250}, /* it was spent before now */
        {2000, 1500, 50, 0, true, 100, 1000},
        {2000, 1500, 0, 0, true, 0, INT64_MAX},
        {2000, 1500, 1, 1000, true, 2, INT64_MAX},
        {2000, 1001, 1, 5000, true, 1000, INT64_MAX},
        {2000, 1000, 1, 1, false, 0, 0}, /* it begins now */
        {2000, 999, 1, 1, false, 0, 0},
        {INT64_MAX, 1500, 50, 60, false, 0, 0},
        {2000, 1500, INT64_MAX / 2, INT64_MAX, true, INT64_MAX - 1, INT64_MAX},
        {2000, 1500, INT64_MAX, INT64_MAX, true, INT64_MAX, 1500}, /* neither product fits in 64 bits */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct window_forecast forecast = {0, 0};
        const struct window_span span = {1000, rows[i].end_s};
        bool told = window_forecast(span, rows[i].now_s, rows[i].counted, rows[i].limit, &forecast);
        if (told != rows[i].told || forecast.total != rows[i].total || forecast.reached_s != rows[i].reached_s)
            fail_msg("row %zu: %d, %lld, %lld", i, told, (long long)forecast.total, (long long)forecast.reached_s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_begins_where_the_zones_clocks_say),
        cmocka_unit_test(utc_windows_begin_where_everybody_thinks),
        cmocka_unit_test(moments_that_no_calendar_has_are_those_at_its_ends),
        cmocka_unit_test(a_day_has_23_or_25_hours_when_the_clocks_change),
        cmocka_unit_test(a_midnight_that_is_left_out_begins_with_the_change),
        cmocka_unit_test(a_midnight_that_comes_twice_begins_one_day),
        cmocka_unit_test(the_windows_of_a_hundred_years_follow_each_other),
        cmocka_unit_test(the_change_that_holds_is_found_among_many),
        cmocka_unit_test(what_does_not_fit_its_place_is_not_kept),
        cmocka_unit_test(what_was_found_last_is_found_again),
        cmocka_unit_test(moments_are_told_as_people_write_them),
        cmocka_unit_test(every_window_has_its_word),
        cmocka_unit_test(a_window_goes_on_as_it_did_since_it_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
