/* health_log_test.c - the history of health: its ring, what of it waits for the ledger, and the lines of its file. */
#include "runtime/health_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct ledger_health told[health_records_max];
static struct health_record copies[health_records_max];

static void probe_add(struct health_log *log, int64_t wall_ms) {
    struct health_record record = {.event = health_event_probe, .wall_ms = wall_ms, .good = true};
    str_copy(record.subject, sizeof record.subject, STR("one"));
    health_log_add(log, &record);
}

/* What is told once as pending and kept is never told again; what came meanwhile is. */
static void what_is_not_kept_yet_is_pending(void **state) {
    struct health_log log;
    (void)state;
    assert_true(health_log_init(&log, 5 * (int64_t)NS_PER_S));
    for (int i = 1; i <= 3; i++) probe_add(&log, i);
    assert_int_equal(health_log_pending(&log, copies, told, 2), 2);
    assert_true(told[0].time_ms == 1 && told[1].time_ms == 2 && told[0].id < told[1].id);
    assert_true(told[0].id > 5 << 20);
    health_log_kept(&log, (uint64_t)told[1].id);
    probe_add(&log, 4);
    assert_int_equal(health_log_pending(&log, copies, told, 10), 2);
    assert_true(told[0].time_ms == 3 && told[1].time_ms == 4);
    health_log_kept(&log, 1); /* an earlier one changes nothing */
    assert_int_equal(health_log_pending(&log, copies, told, 10), 2);
    health_log_free(&log);
}

/* A ledger that takes nothing costs the oldest, and no memory. */
static void the_ring_is_bounded(void **state) {
    struct health_log log;
    (void)state;
    assert_true(health_log_init(&log, 0));
    for (int i = 0; i < 3 * health_records_max + 7; i++) probe_add(&log, i);
    assert_int_equal(health_log_pending(&log, copies, told, health_records_max), health_records_max);
    assert_int_equal(told[0].time_ms, 2 * health_records_max + 7);
    assert_int_equal(told[health_records_max - 1].time_ms, 3 * health_records_max + 6);
    health_log_free(&log);
}

/* In a folder that is not there: nothing is read, and nothing can be written. */
static void a_state_folder_of_a_long_name_has_its_history_and_one_of_a_longer_name_none(void **state) {
    (void)state;
    for (size_t len = 500; len < 510; len++) {
        char state_dir[512];
        struct health_log log = {.file = NULL};
        for (size_t i = 0; i < len; i++) state_dir[i] = i % 100 ? 'x' : '/';
        health_log_open(&log, str_make(state_dir, len), NULL);
        assert_int_equal(log.file != NULL, len + strlen("/health") <= 510);
        if (log.file) line_file_close(log.file);
    }
}

/* Each of its numbers at its bound and one past it, and lines that are cut or go on. */
static void a_line_of_history_is_read_or_refused_at_its_bounds(void **state) {
    static const struct {
        const char *line;
        bool good;
    } rows[] = {
        {"1\tp\t0\t0\t0\t0\t0", true},
        {"9223372036854775807\tp\t3\t1000\t1000\t4294967295\t2", true},
        {"9223372036854775808\tp\t3\t1000\t1000\t4294967295\t2", false},
        {"1\tp\t4\t0\t0\t0\t0", false},
        {"1\tp\t0\t1001\t0\t0\t0", false},
        {"1\tp\t0\t0\t1001\t0\t0", false},
        {"1\tp\t0\t0\t0\t4294967296\t0", false},
        {"1\tp\t0\t0\t0\t0\t3", false},
        {"x\tp\t0\t0\t0\t0\t0", false},
        {"1\tp\tx\t0\t0\t0\t0", false},
        {"1\tp\t0\tx\t0\t0\t0", false},
        {"1\tp\t0\t0\tx\t0\t0", false},
        {"1\tp\t0\t0\t0\tx\t0", false},
        {"1\tp\t0\t0\t0\t0\tx", false},
        {"1\tp\t0\t0\t0\t0\t-1", false},
        {"1\tp\t0\t0\t0\t0", false},
        {"1\tp\t0\t0\t0\t0\t0\t0", false},
        {"1\t\t0\t0\t0\t0\t0", false},
        {"", false},
    };
    struct health_record record;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (health_record_read(str_from(rows[i].line), &record) != rows[i].good) fail_msg("%s", rows[i].line);
    assert_true(health_record_read(STR("12\tsome\t2\t345\t678\t91011\t0"), &record));
    assert_int_equal(record.wall_ms, 12);
    assert_string_equal(record.subject, "some");
    assert_int_equal(record.state, health_unhealthy);
    assert_int_equal(record.score_permille, 345);
    assert_int_equal(record.success_permille, 678);
    assert_int_equal(record.latency_us, 91011);
    assert_int_equal(record.event, health_event_sample);
    for (size_t len = limit_name; len <= limit_name + 1; len++) {
        char line[256], name[limit_name + 2];
        memset(name, 'n', len);
        name[len] = 0;
        snprintf(line, sizeof line, "1\t%s\t0\t0\t0\t0\t0", name);
        assert_true(health_record_read(str_from(line), &record) == (len == limit_name));
    }
    assert_false(health_record_read(STR("1\tp\0q\t0\t0\t0\t0\t0"), &record));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_kept_yet_is_pending),
        cmocka_unit_test(the_ring_is_bounded),
        cmocka_unit_test(a_line_of_history_is_read_or_refused_at_its_bounds),
        cmocka_unit_test(a_state_folder_of_a_long_name_has_its_history_and_one_of_a_longer_name_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
