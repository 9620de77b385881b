/* weir_entries_test.c - routes, rules, owners, templates and budgets changed through the library: in force at once,
 * kept for the next opening, whole or not at all; without a state folder of its own refused. */
#include "runtime/weir_internal.h"
#include "store/ledger_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char folder[64];

static struct weir *open_as(bool owner) {
    char text[512];
    struct weir_error error = {.code = ""};
    struct weir_host host = weir_host_default;
    host.keeps_marks = owner;
    snprintf(text, sizeof text,
             "state_dir: %s/state\nworkers: 1\nproviders:\n"
             "  a: {type: openai, api_key: k, base_url: \"http://127.0.0.1:9/v1\", models: [m, n]}\n"
             "routes: [{model: fast, strategy: priority, targets: [a/m]}]\n",
             folder);
    struct weir_options options = {.size = sizeof options, .config_text = text};
    struct weir *weir = library_open_in(&options, &host, &error);
    if (!weir) fail_msg("%s", error.message);
    return weir;
}

static int begin(void **state) {
    char path[80];
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "mkdir %s/state", folder);
    return system(path);
}

static int end(void **state) {
    char command[80];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static bool chosen(struct weir *weir, const char *model, const char *target) {
    char *text = weir_route(weir, model, NULL), wanted[64];
    snprintf(wanted, sizeof wanted, "\"chosen\":\"%s\"", target);
    bool found = text && strstr(text, wanted);
    weir_free(text);
    return found;
}

static bool lists(struct weir *weir, const char *kind, const char *part) {
    struct weir_error error;
    char *text = weir_entries(weir, kind, &error);
    bool found = text && strstr(text, part);
    weir_free(text);
    return found;
}

static void changes_are_in_force_at_once_and_at_the_next_opening(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = open_as(true);
    assert_true(chosen(weir, "fast", "a/m"));
    assert_int_equal(weir_entry_change(weir, "routes", "fast", "{\"targets\":[\"a/n\"]}", &error), 0);
    assert_int_equal(weir_entry_add(weir, "routes", "new", "{\"targets\":[\"a/m\"]}", &error), 0);
    assert_int_equal(weir_entry_add(weir, "owners", "acme", NULL, &error), 0);
    assert_true(chosen(weir, "fast", "a/n") && chosen(weir, "new", "a/m"));
    weir_close(weir, 0);
    weir = open_as(true);
    assert_true(chosen(weir, "fast", "a/n") && chosen(weir, "new", "a/m"));
    assert_true(lists(weir, "owners", "\"name\":\"acme\",\"from\":\"runtime\""));
    assert_int_equal(weir_entry_reset(weir, "routes", "fast", &error), 0);
    assert_int_equal(weir_entry_remove(weir, "routes", "new", &error), 0);
    assert_true(chosen(weir, "fast", "a/m") && !lists(weir, "routes", "new"));
    assert_int_equal(weir_entry_remove(weir, "routes", "fast", &error), 0);
    assert_true(lists(weir, "routes", "\"removed\":true"));
    weir_close(weir, 0);
}

static void what_does_not_do_is_refused_and_says_why(void **state) {
    (void)state;
    struct weir_error error;
    struct weir *weir = open_as(true);
    assert_int_equal(weir_entry_change(weir, "routes", "fast", "{\"strategy\":\"quick\"}", &error), -1);
    assert_string_equal(error.code, "invalid_request");
    assert_non_null(strstr(error.message, "routes/fast/strategy: "));
    assert_int_equal(weir_entry_change(weir, "routes", "none", "{}", &error), -1);
    assert_string_equal(error.code, "unknown_route");
    assert_int_equal(weir_entry_change(weir, "owners", "none", "{}", &error), -1);
    assert_string_equal(error.code, "unknown_entry");
    assert_int_equal(weir_entry_add(weir, "routes", "fast", "{\"targets\":[\"a/m\"]}", &error), -1);
    assert_string_equal(error.code, "name_exists");
    assert_int_equal(weir_entry_add(weir, "route", "x", "{}", &error), -1);
    assert_null(weir_entries(weir, "route", &error));
    assert_string_equal(error.code, "invalid_request");
    assert_int_equal(weir_entry_add(weir, "owners", "", "{}", &error), -1);
    assert_int_equal(weir_entry_add(weir, "owners", "two\nlines", "{}", &error), -1);
    assert_true(chosen(weir, "fast", "a/m") && lists(weir, "routes", "\"edited\":false"));
    weir_close(weir, 0);
    weir = open_as(false);
    assert_int_equal(weir_entry_change(weir, "routes", "fast", "{\"strategy\":\"weighted\"}", &error), -1);
    assert_string_equal(error.code, "unsupported");
    weir_close(weir, 0);
}

/* Owners o1, o2 and so on, as a gateway has kept them. */
static void owners_keep(unsigned count) {
    char place[96], problem[300] = "", sql[300];
    snprintf(place, sizeof place, "%s/state/ledger.db", folder);
    struct ledger *ledger = ledger_open_beside(place, problem, sizeof problem);
    if (!ledger) fail_msg("%s", problem);
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u) INSERT INTO entries(kind, "
             "name, how, settings, changed_s) SELECT 'owners', 'o' || i, 'added', '{}', 1 FROM n",
             count);
    assert_true(database_run(ledger_database(ledger), sql));
    ledger_close(ledger);
}

static void so_many_changes_are_kept_and_no_more(void **state) {
    (void)state;
    struct weir_error error;
    char last[64];
    weir_close(open_as(true), 0);
    owners_keep(config_changes_max - 1);
    struct weir *weir = open_as(true);
    assert_int_equal(weir_entry_add(weir, "owners", "last", NULL, &error), 0);
    assert_int_equal(weir_entry_add(weir, "owners", "past", NULL, &error), -1);
    assert_string_equal(error.code, "invalid_request");
    assert_string_equal(error.message, "4096 changes made at run time are kept, and there may be no more: take some "
                                       "into the configuration file, and reset or remove them.");
    assert_int_equal(weir_entry_change(weir, "routes", "fast", "{\"strategy\":\"weighted\"}", &error), -1);
    assert_int_equal(weir_entry_change(weir, "routes", "fast", "{}", &error), 0); /* of which no row is kept */
    assert_int_equal(weir_entry_change(weir, "owners", "last", "{\"in\":\"o1\"}", &error), 0);
    weir_close(weir, 0);
    weir = open_as(true);
    snprintf(last, sizeof last, "\"name\":\"o%d\"", config_changes_max - 1);
    assert_true(lists(weir, "owners", last) && lists(weir, "owners", "\"name\":\"last\""));
    assert_int_equal(weir_entry_remove(weir, "owners", "o1", &error), -1); /* `last` is in it */
    assert_int_equal(weir_entry_remove(weir, "owners", "o2", &error), 0);
    assert_int_equal(weir_entry_add(weir, "owners", "past", NULL, &error), 0);
    weir_close(weir, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_are_in_force_at_once_and_at_the_next_opening, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_do_is_refused_and_says_why, begin, end),
        cmocka_unit_test_setup_teardown(so_many_changes_are_kept_and_no_more, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
