/* stories_test.c - conversations with a gateway, each answer compared whole: what it tells of itself, what its admins
 * change, what it refuses and how, and what stands in the audit and in the log afterwards. The conversations lie in
 * stories/. */
#include "story.h"

static void tell_without_turns(const char *name) {
    story_place.no_turns = true;
    story_tell(name);
    story_place.no_turns = false;
}

static void what_is_told_of_a_gateway(void **state) {
    (void)state;
    story_tell("views");
}

static void what_clients_spend(void **state) {
    (void)state;
    story_tell("usage");
}

static void what_admins_change(void **state) {
    (void)state;
    tell_without_turns("changes");
}

static void what_is_refused(void **state) {
    (void)state;
    tell_without_turns("refused");
}

static void what_is_at_a_limit_and_what_is_past_it(void **state) {
    (void)state;
    tell_without_turns("limits");
}

static void what_becomes_of_a_provider_that_fails(void **state) {
    (void)state;
    story_tell("faults");
}

static void what_becomes_of_streams_that_break(void **state) {
    (void)state;
    story_tell("cut_streams");
}

static void what_is_stored(void **state) {
    (void)state;
    tell_without_turns("stored");
}

static void what_a_restart_finds_again(void **state) {
    (void)state;
    tell_without_turns("restarts");
}

static void what_hangs_on_what_is_changed(void **state) {
    (void)state;
    tell_without_turns("entries");
}

static void what_becomes_of_credentials(void **state) {
    (void)state;
    tell_without_turns("credentials");
}

static void what_is_known_of_what_has_been(void **state) {
    (void)state;
    story_place.drains = true;
    tell_without_turns("past");
    story_place.drains = false;
}

static void what_counts_when_the_ledger_comes_late(void **state) {
    (void)state;
    tell_without_turns("late");
}

static void what_is_found_by_other_words(void **state) {
    (void)state;
    tell_without_turns("near");
}

static void what_budgets_are_raised_by(void **state) {
    (void)state;
    tell_without_turns("raises");
}

static void which_tags_are_kept(void **state) {
    (void)state;
    tell_without_turns("tags");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_of_a_gateway),
        cmocka_unit_test(what_is_known_of_what_has_been),
        cmocka_unit_test(which_tags_are_kept),
        cmocka_unit_test(what_budgets_are_raised_by),
        cmocka_unit_test(what_is_found_by_other_words),
        cmocka_unit_test(what_counts_when_the_ledger_comes_late),
        cmocka_unit_test(what_clients_spend),
        cmocka_unit_test(what_admins_change),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(what_is_stored),
        cmocka_unit_test(what_becomes_of_credentials),
        cmocka_unit_test(what_hangs_on_what_is_changed),
        cmocka_unit_test(what_a_restart_finds_again),
        cmocka_unit_test(what_becomes_of_streams_that_break),
        cmocka_unit_test(what_becomes_of_a_provider_that_fails),
        cmocka_unit_test(what_is_at_a_limit_and_what_is_past_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
