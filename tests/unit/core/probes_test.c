/* probes_test.c - two probes in a row that could not reach a provider, or that it failed, demote it; an answer lifts
 * that. */
#include "core/probes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/prng.h"

static void only_what_no_request_mends_is_bad(void **state) {
    static const struct {
        int status;
        bool unreachable;
        enum probe_verdict verdict;
    } rows[] = {{200, false, probe_good},         {204, false, probe_good},         {302, false, probe_good},
                {400, false, probe_good},         {404, false, probe_good},         {429, false, probe_good},
                {401, false, probe_says_nothing}, {403, false, probe_says_nothing}, {500, false, probe_bad},
                {503, false, probe_bad},          {529, false, probe_bad},          {0, true, probe_bad},
                {0, false, probe_says_nothing}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(probe_verdict_of(rows[i].status, rows[i].unreachable), rows[i].verdict);
}

static void two_in_a_row_demote_and_one_does_not(void **state) {
    struct cell cell = {0};
    (void)state;
    probes_note(&cell, probe_bad);
    assert_false(probes_demote(&cell));
    probes_note(&cell, probe_good);
    probes_note(&cell, probe_bad);
    assert_false(probes_demote(&cell));
    probes_note(&cell, probe_says_nothing); /* in between: not in a row */
    probes_note(&cell, probe_bad);
    assert_false(probes_demote(&cell));
    probes_note(&cell, probe_bad);
    assert_true(probes_demote(&cell));
    probes_note(&cell, probe_says_nothing);
    assert_true(probes_demote(&cell)); /* nor does it lift anything */
    assert_int_equal(probes_failed(&cell), 2);
}

static void an_answer_lifts_it_and_two_more_are_wanted(void **state) {
    struct cell cell = {0};
    (void)state;
    for (int i = 0; i < 8; i++) probes_note(&cell, probe_bad);
    assert_true(probes_demote(&cell));
    probes_answered(&cell);
    assert_false(probes_demote(&cell));
    probes_note(&cell, probe_bad);
    assert_false(probes_demote(&cell));
    probes_note(&cell, probe_bad);
    assert_true(probes_demote(&cell));
}

/* Against a plain list of what has happened: demoted is who has two bad probes behind the last good word, with nothing
 * that broke the row before it was long enough. */
static void whatever_comes_it_is_as_a_list_would_tell(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct cell cell = {0};
        bool demoted = false;
        int before = -1; /* what came last: 0 to 2 a verdict, 3 an answer */
        prng_seed(&prng, seed);
        for (int i = 0; i < 200; i++) {
            int what = (int)prng_below(&prng, 4);
            if (what == 3)
                probes_answered(&cell);
            else
                probes_note(&cell, (enum probe_verdict)what);
            if (what == 3 || what == probe_good) demoted = false;
            if (what == probe_bad && before == probe_bad) demoted = true;
            assert_int_equal(probes_demote(&cell), demoted);
            before = what;
        }
    }
}

static void the_count_stops_at_its_top(void **state) {
    struct cell cell = {0};
    (void)state;
    for (int i = 0; i < 70000; i++) probes_note(&cell, probe_bad);
    assert_int_equal(probes_failed(&cell), 65535);
    assert_true(probes_demote(&cell));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_no_request_mends_is_bad),
        cmocka_unit_test(two_in_a_row_demote_and_one_does_not),
        cmocka_unit_test(an_answer_lifts_it_and_two_more_are_wanted),
        cmocka_unit_test(whatever_comes_it_is_as_a_list_would_tell),
        cmocka_unit_test(the_count_stops_at_its_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
