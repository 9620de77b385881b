/* Time zones out of the system's data: with all changes written out, and with a rule for the years after the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "config/config_zone.h"

static void big_put(struct text *text, uint64_t value, unsigned bytes) {
    while (bytes--) text_put_byte(text, (char)(value >> 8 * bytes));
}

static void head_put(struct text *text, unsigned time, unsigned types) {
    text_put(text, STR("TZif2"));
    for (int i = 0; i < 15; i++) text_put_byte(text, 0);
    const unsigned counts[] = {0, 0, 0, time, types, 4};
    for (int i = 0; i < 6; i++) big_put(text, counts[i], 4);
}

/* A file of the newer kind with these changes, their offsets, and the line behind them. */
static struct str file_of(struct arena *arena, const struct zone_change *changes, size_t count, const char *line) {
    struct text text = text_in_arena(arena, 1024);
    head_put(&text, 0, 1);
    for (int i = 0; i < 6 + 4; i++) text_put_byte(&text, 0);
    head_put(&text, (unsigned)count - 1, (unsigned)count);
    for (size_t i = 1; i < count; i++) big_put(&text, (uint64_t)changes[i].from_s, 8);
    for (size_t i = 1; i < count; i++) text_put_byte(&text, (char)i);
    for (size_t i = 0; i < count; i++) {
        big_put(&text, (uint64_t)(int64_t)changes[i].offset_s, 4);
        big_put(&text, 0, 2);
    }
    text_put(&text, STR("ABC"));
    text_put_byte(&text, 0);
    text_printf(&text, "\n%s\n", line);
    assert_false(text.failed);
    return text_str(&text);
}

static int64_t day_start(const struct zone *zone, int64_t now_s) {
    return window_span(window_day, zone, now_s).start_s;
}

static void a_rule_goes_on_where_the_changes_end(void **state) {
    (void)state;
    struct arena arena;
    struct zone zone;
    arena_init(&arena, 4096, 1 << 20);
    const struct zone_change changes[] = {{0, 3208}, {-2422054408, 3600}, {1572138000, 3600}};
    assert_true(zone_parse(file_of(&arena, changes, 3, "CET-1CEST,M3.5.0,M10.5.0/3"), &arena, &zone));
    assert_int_equal(day_start(&zone, 1774746000), 1774738800);                   /* 29 March 2026 */
    assert_int_equal(day_start(&zone, 1774746000 + 86400), 1774821600);           /* the next begins at 22:00 UTC */
    assert_int_equal(day_start(&zone, 1792890000 + 86400), 1792969200);           /* after 25 October: at 23:00 */
    assert_int_equal(day_start(&zone, INT64_C(3987100800)), INT64_C(3987093600)); /* 6 May 2096: at 22:00 */
    arena_free(&arena);
}

static void a_rule_may_be_of_the_south_or_none(void **state) {
    (void)state;
    struct arena arena;
    struct zone zone;
    arena_init(&arena, 4096, 1 << 20);
    const struct zone_change only[] = {{0, 36000}};
    assert_true(zone_parse(file_of(&arena, only, 1, "AEST-10AEDT,M10.1.0,M4.1.0/3"), &arena, &zone));
    assert_int_equal(day_start(&zone, 1767225600), 1767186000); /* 1 January 2026: summer, 11 hours ahead */
    assert_int_equal(day_start(&zone, 1782864000), 1782828000); /* 1 July: 10 */
    assert_true(zone_parse(file_of(&arena, only, 1, "<+0545>-5:45"), &arena, &zone));
    assert_int_equal(day_start(&zone, 1767225600), 1767189600); /* what its last change says holds */
    assert_true(zone_parse(file_of(&arena, only, 1, ""), &arena, &zone));
    assert_true(zone_parse(file_of(&arena, only, 1, "IST-2IDT,J83/2,300/-1:30"), &arena, &zone));
    arena_free(&arena);
}

static void what_is_no_such_file_is_refused_wherever_it_ends(void **state) {
    (void)state;
    struct arena arena;
    struct zone zone;
    arena_init(&arena, 4096, 1 << 20);
    const struct zone_change changes[] = {{0, 3208}, {-2422054408, 3600}, {1572138000, 3600}};
    struct str file = file_of(&arena, changes, 3, "CET-1CEST,M3.5.0,M10.5.0/3");
    size_t line = sizeof "\nCET-1CEST,M3.5.0,M10.5.0/3\n" - 1;
    for (size_t len = 0; len < file.len - line; len++) assert_false(zone_parse(str_slice(file, 0, len), &arena, &zone));
    const char *const lines[] = {"CET", "CET-1CEST", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,M1.1.0,M1.1.0x", "<CET-1"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_false(zone_parse(file_of(&arena, changes, 3, lines[i]), &arena, &zone));
    arena_free(&arena);
}

/* -- the same as the system's library -- */

static int64_t offset_of(const struct zone *zone, int64_t moment_s) {
    int64_t offset = zone->count ? zone->changes[0].offset_s : 0;
    for (size_t i = 0; i < zone->count && zone->changes[i].from_s <= moment_s; i++) offset = zone->changes[i].offset_s;
    return offset;
}

static void assert_as_the_library_has_it(const struct zone *zone, const char *name, int64_t moment_s) {
    struct tm parts;
    time_t moment = (time_t)moment_s;
    assert_non_null(localtime_r(&moment, &parts));
    if (offset_of(zone, moment_s) != parts.tm_gmtoff)
        fail_msg("%s at %lld: %lld and not %ld", name, (long long)moment_s, (long long)offset_of(zone, moment_s),
                 parts.tm_gmtoff);
}

/* Every third day or so of a hundred and thirty years, and both sides of each change. */
static void assert_as_the_library(const struct zone *zone, const char *name, int64_t since_s) {
    enum { step_s = 3 * 86400 + 4567 };
    const int64_t until_s = INT64_C(4102444800) - 40 * 86400;
    setenv("TZ", name, 1);
    tzset();
    for (int64_t moment_s = since_s; moment_s < until_s; moment_s += step_s)
        assert_as_the_library_has_it(zone, name, moment_s);
    for (size_t i = 0; i < zone->count; i++)
        for (int64_t by = -1; by <= 0; by++)
            if (zone->changes[i].from_s > since_s && zone->changes[i].from_s < until_s)
                assert_as_the_library_has_it(zone, name, zone->changes[i].from_s + by);
    unsetenv("TZ");
    tzset();
}

static void each_rule_is_what_the_library_makes_of_it(void **state) {
    static const char *const rules[] = {
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "AEST-10AEDT,M10.1.0,M4.1.0/3",
        "IST-2IDT,M3.4.4/26,M10.5.0",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "NST3:30NDT2:30:30,M3.2.0/0:01,M11.1.0/0:01:59",
        "AAA3BBB1,J59/2,J60/2",
        "AAA3BBB,J61,J300/5:30",
        "AAA3BBB,58/2,59/2",
        "AAA3BBB,60/-1:30,J365/-3",
        "AAA-3BBB,M2.1.1,M2.5.3/2",
        "AAA-3BBB,M2.4.6,M12.5.6/23:59:59",
        "AAA+3BBB,M1.1.0/12,M8.3.2",
        "AAA0BBB-1,M6.2.5,M9.4.1",
        "AAA-14",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct arena arena;
        struct zone zone;
        arena_init(&arena, 4096, 1 << 20);
        const struct zone_change only[] = {{0, strcmp(rules[i], "AAA-14") == 0 ? 14 * 3600 : 0}};
        assert_true(zone_parse(file_of(&arena, only, 1, rules[i]), &arena, &zone));
        assert_as_the_library(&zone, rules[i], 2 * 366 * 86400);
        arena_free(&arena);
    }
}

static void each_zone_of_the_system_is_what_the_library_makes_of_it(void **state) {
    static const char *const names[] = {
        "Europe/Berlin",    "Europe/Dublin",       "Europe/London",     "America/New_York", "America/Sao_Paulo",
        "America/St_Johns", "Asia/Kolkata",        "Asia/Tehran",       "Asia/Gaza",        "Asia/Jerusalem",
        "Australia/Sydney", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia",     "Pacific/Chatham",
        "Antarctica/Troll", "America/Nuuk",        "Africa/Cairo",      "Asia/Tokyo",       "Etc/GMT+5",
    };
    static char bytes[64 * 1024];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct arena arena;
        struct zone zone;
        char path[128];
        snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", names[i]);
        FILE *file = fopen(path, "rb");
        if (!file) continue; /* the system has no such data */
        size_t len = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        arena_init(&arena, 4096, 1 << 20);
        assert_true(zone_parse(str_make(bytes, len), &arena, &zone));
        assert_as_the_library(&zone, names[i], INT64_C(-2147483648));
        arena_free(&arena);
    }
}

/* -- its bounds -- */

/* What of a file's two parts can be chosen. Beside its one change it holds so much of what is passed over. */
struct shape {
    int64_t version, time[2], types[2], chars[2], leap[2], isstd[2], isut[2];
    int64_t type;     /* of each change */
    int64_t offset_s; /* of the last type */
};
static const struct shape usual_shape = {.version = '2',
                                         .time = {2, 1},
                                         .types = {2, 2},
                                         .chars = {4, 8},
                                         .leap = {3, 5},
                                         .isstd = {1, 2},
                                         .isut = {2, 1},
                                         .type = 1,
                                         .offset_s = 3600};

static struct str shaped(struct arena *arena, const struct shape *shape) {
    static const char nothing[12];
    struct text text = text_in_arena(arena, 1024);
    for (unsigned part = 0; part < 2; part++) {
        const int64_t counts[] = {shape->isut[part], shape->isstd[part], shape->leap[part],
                                  shape->time[part], shape->types[part], shape->chars[part]};
        text_put(&text, STR("TZif"));
        text_put_byte(&text, part ? '2' : (char)shape->version);
        for (int i = 0; i < 15; i++) text_put_byte(&text, 0);
        for (int i = 0; i < 6; i++) big_put(&text, (uint64_t)counts[i], 4);
        for (int64_t i = 0; i < shape->time[part]; i++) big_put(&text, (uint64_t)(1000000000 + i), part ? 8 : 4);
        for (int64_t i = 0; i < shape->time[part]; i++) text_put_byte(&text, (char)shape->type);
        for (int64_t i = 0; i < shape->types[part]; i++)
            big_put(&text, i + 1 == shape->types[part] ? (uint64_t)shape->offset_s << 16 & 0xffffffffffff : 0, 6);
        for (int64_t i = 0; i < shape->chars[part]; i++) text_put_byte(&text, 'c');
        for (int64_t i = 0; i < shape->leap[part]; i++)
            text_put(&text, part ? str_make(nothing, 12) : str_make(nothing, 8));
        for (int64_t i = 0; i < shape->isstd[part] + shape->isut[part]; i++) text_put_byte(&text, 0);
    }
    text_put(&text, STR("\nCET-1CEST,M3.5.0,M10.5.0/3\n"));
    assert_false(text.failed);
    return text_str(&text);
}

static void what_is_not_read_is_passed_over_and_each_bound_is_exact(void **state) {
#define AT(field) offsetof(struct shape, field)
    static const struct {
        size_t field;
        int64_t value;
        bool good;
    } rows[] = {
        {AT(version), '3', true},
        {AT(version), '1', false},
        {AT(version), 0, false},
        {AT(type), 0, true},
        {AT(type), 2, false},
        {AT(types[1]), 0, false},
        {AT(types[0]), 0, true},
        {AT(time[1]), 0, true},
        {AT(time[1]), 4096, true},
        {AT(time[1]), 4097, false},
        {AT(offset_s), 26 * 3600, true},
        {AT(offset_s), 26 * 3600 + 1, false},
        {AT(offset_s), -26 * 3600, true},
        {AT(offset_s), -26 * 3600 - 1, false},
        {AT(chars[0]), 65536, true},
        {AT(chars[0]), 65537, false},
        {AT(chars[1]), 65536, true},
        {AT(chars[1]), 65537, false},
    };
    struct arena arena;
    struct zone zone;
    (void)state;
    arena_init(&arena, 4096, 64 << 20);
    assert_true(zone_parse(shaped(&arena, &usual_shape), &arena, &zone));
    assert_int_equal(offset_of(&zone, 999999999), 0);
    assert_int_equal(offset_of(&zone, 1000000000), 3600);
    assert_int_equal(offset_of(&zone, 1782864000), 7200); /* by the line behind it */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shape shape = usual_shape;
        memcpy((char *)&shape + rows[i].field, &rows[i].value, sizeof rows[i].value);
        if (zone_parse(shaped(&arena, &shape), &arena, &zone) != rows[i].good) fail_msg("row %zu", i);
    }
    arena_free(&arena);
}

static void each_part_of_a_rule_has_its_bound(void **state) {
    static const struct {
        const char *line;
        bool good;
    } rows[] = {
        {"CET-24:59:59", true},
        {"CET-25", false},
        {"CET-1:60", false},
        {"CET-1:59:60", false},
        {"CET-1:", false},
        {"CET-", false},
        {"-1", false},
        {"CET-1CEST-24:59:59,J1,J2", true},
        {"CET-1CEST-25,J1,J2", false},
        {"CET-1CEST;J1,J2", false},
        {"CET-1CEST,J1", false},
        {"CET-1CEST,J1,J2,", false},
        {"CET-1CEST,J1;J2", false},
        {"CET-1CEST,J365,365", true},
        {"CET-1CEST,J366,365", false},
        {"CET-1CEST,J365,366", false},
        {"CET-1CEST,J,1", false},
        {"CET-1CEST,M1.1.0,M12.5.6", true},
        {"CET-1CEST,M0.1.0,M12.5.6", false},
        {"CET-1CEST,M13.1.0,M12.5.6", false},
        {"CET-1CEST,M1.0.0,M12.5.6", false},
        {"CET-1CEST,M1.6.0,M12.5.6", false},
        {"CET-1CEST,M1.1.7,M12.5.6", false},
        {"CET-1CEST,M1,1.0,M12.5.6", false},
        {"CET-1CEST,M1.1,0,M12.5.6", false},
        {"CET-1CEST,M.1.0,M12.5.6", false},
        {"CET-1CEST,M1..0,M12.5.6", false},
        {"CET-1CEST,M1.1.,M12.5.6", false},
        {"CET-1CEST,J1/167:59:59,J2/-167", true},
        {"CET-1CEST,J1/168,J2", false},
        {"CET-1CEST,J1/,J2", false},
        {"CET-1CEST,J00001,J2", false},
        {"<>-1", true},
        {"<A+b>-1", true},
        {"<A-1", false},
    };
    struct arena arena;
    struct zone zone;
    (void)state;
    arena_init(&arena, 4096, 16 << 20);
    const struct zone_change only[] = {{0, 3600}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (zone_parse(file_of(&arena, only, 1, rows[i].line), &arena, &zone) != rows[i].good)
            fail_msg("%s", rows[i].line);
    arena_free(&arena);
}

static void names_lead_nowhere_else(void **state) {
    (void)state;
    assert_true(zone_name_is_good(STR("Europe/Berlin")));
    assert_true(zone_name_is_good(STR("Etc/GMT+5")));
    assert_false(zone_name_is_good(STR("")));
    assert_false(zone_name_is_good(STR("/etc/passwd")));
    assert_false(zone_name_is_good(STR("a/../../etc/passwd")));
    assert_false(zone_name_is_good(STR("a b")));
    static const char outside[] = "@[`{/:.,\\";
    for (size_t i = 0; i < sizeof outside - 1; i++) { /* the neighbours of letters and digits */
        char name[] = {'a', outside[i], 'b'};
        assert_true(zone_name_is_good(str_make(name, 3)) == (outside[i] == '/'));
    }
    assert_true(zone_name_is_good(STR("azAZ09_-+/x")));
    char name[65];
    memset(name, 'a', sizeof name);
    assert_true(zone_name_is_good(str_make(name, 64)));
    assert_false(zone_name_is_good(str_make(name, 65)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_goes_on_where_the_changes_end),
        cmocka_unit_test(a_rule_may_be_of_the_south_or_none),
        cmocka_unit_test(what_is_no_such_file_is_refused_wherever_it_ends),
        cmocka_unit_test(each_rule_is_what_the_library_makes_of_it),
        cmocka_unit_test(each_zone_of_the_system_is_what_the_library_makes_of_it),
        cmocka_unit_test(what_is_not_read_is_passed_over_and_each_bound_is_exact),
        cmocka_unit_test(each_part_of_a_rule_has_its_bound),
        cmocka_unit_test(names_lead_nowhere_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
