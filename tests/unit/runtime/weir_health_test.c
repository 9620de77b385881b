/* weir_health_test.c - the history of health as it is asked for: what the ledger has, and behind it what is not there
 * yet, to the bounds of the question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../store/folder.h"
#include "runtime/weir_internal.h"

static struct weir weir;
static struct ledger *ledger;

static const char *const subjects[] = {"one", "two"};

static void pending_add(int64_t wall_ms) {
    struct health_record record = {.event = health_event_probe, .wall_ms = wall_ms};
    str_copy(record.subject, sizeof record.subject, str_from(subjects[wall_ms / 10 % 2]));
    health_log_add(&weir.health, &record);
}

/* 10, 20, 30 and 40 ms are in the ledger, 50 to 80 ms are not; every second one is of `two`. */
static int health_begin(void **state) {
    char problem[256] = "";
    struct ledger_health rows[4];
    if (begin(state) != 0 || !health_log_init(&weir.health, 0)) return -1;
    ledger = ledger_open(path, problem, sizeof problem);
    if (!ledger) fail_msg("%s", problem);
    for (int i = 0; i < 4; i++)
        rows[i] = (struct ledger_health){.id = i + 1,
                                         .time_ms = 10 * (i + 1),
                                         .event = health_event_probe,
                                         .subject = str_from(subjects[(i + 1) % 2])};
    assert_true(ledger_health_keep(ledger, rows, 4));
    for (int i = 0; i < 4; i++) pending_add(0); /* their ids are those that the ledger has */
    health_log_kept(&weir.health, 4);
    for (int64_t ms = 50; ms <= 80; ms += 10) pending_add(ms);
    return 0;
}

static int health_end(void **state) {
    ledger_close(ledger);
    health_log_free(&weir.health);
    return end(state);
}

/* The times that are told, "10 20 ". */
static void assert_history(const struct health_question *question, const char *wanted) {
    char json[8192], times[256] = "";
    struct text text = text_in_buffer(json, sizeof json - 1);
    assert_true(library_health_history(&weir, ledger, question, &text));
    json[text.len] = 0;
    assert_memory_equal(json, "{\"records\":[", 12);
    assert_string_equal(json + text.len - 2, "]}");
    for (const char *at = json; (at = strstr(at, "\"time_ms\":")); at++)
        snprintf(times + strlen(times), sizeof times - strlen(times), "%s%d", *times ? " " : "", atoi(at + 10));
    if (strcmp(times, wanted) != 0)
        fail_msg("%lld to %lld of `%.*s`, at most %zu: %s", (long long)question->since_ms,
                 (long long)question->until_ms, STR_ARG(question->subject), question->most, times);
}

static void what_is_asked_is_told_to_its_bounds(void **state) {
    static const struct {
        struct health_question question;
        const char *wanted;
    } cases[] = {
        {{STR(""), 0, 0, 0, 1000}, "10 20 30 40 50 60 70 80"},
        {{STR("one"), 0, 0, 0, 1000}, "20 40 60 80"},
        {{STR("two"), 0, 0, 0, 1000}, "10 30 50 70"},
        {{STR("none"), 0, 0, 0, 1000}, ""},
        {{STR(""), 30, 60, 0, 1000}, "30 40 50"},
        {{STR(""), 31, 61, 0, 1000}, "40 50 60"},
        {{STR(""), 60, 0, 0, 1000}, "60 70 80"},
        {{STR(""), 61, 0, 0, 1000}, "70 80"},
        {{STR(""), 0, 70, 0, 1000}, "10 20 30 40 50 60"},
        {{STR(""), 0, 71, 0, 1000}, "10 20 30 40 50 60 70"},
        {{STR("two"), 30, 70, 0, 1000}, "30 50"},
        {{STR(""), 0, 0, 0, 1}, "80"},
        {{STR(""), 0, 0, 0, 3}, "60 70 80"},
        {{STR(""), 0, 0, 0, 4}, "50 60 70 80"},
        {{STR(""), 0, 0, 0, 5}, "40 50 60 70 80"},
        {{STR(""), 0, 0, 0, 8}, "10 20 30 40 50 60 70 80"},
        {{STR("two"), 0, 0, 0, 3}, "30 50 70"},
        {{STR(""), 0, 70, 0, 3}, "40 50 60"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_history(&cases[i].question, cases[i].wanted);
    health_log_kept(&weir.health, 8); /* which are in the ledger by now: here they are not, and nothing waits */
    assert_history(&cases[0].question, "10 20 30 40");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_asked_is_told_to_its_bounds, health_begin, health_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
