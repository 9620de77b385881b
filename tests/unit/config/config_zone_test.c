/* Time zones out of the system's data: with all changes written out, and with a rule for the years after the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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

static void names_lead_nowhere_else(void **state) {
    (void)state;
    assert_true(zone_name_is_good(STR("Europe/Berlin")));
    assert_true(zone_name_is_good(STR("Etc/GMT+5")));
    assert_false(zone_name_is_good(STR("")));
    assert_false(zone_name_is_good(STR("/etc/passwd")));
    assert_false(zone_name_is_good(STR("a/../../etc/passwd")));
    assert_false(zone_name_is_good(STR("a b")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_goes_on_where_the_changes_end),
        cmocka_unit_test(a_rule_may_be_of_the_south_or_none),
        cmocka_unit_test(what_is_no_such_file_is_refused_wherever_it_ends),
        cmocka_unit_test(names_lead_nowhere_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
