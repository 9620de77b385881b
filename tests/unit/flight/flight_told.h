/* flight_told.h - what the flights of a test program perform and tell, as numbers in tests/unit/told/flights.txt, one
 * for each world. A test asserts what it is about; this sees the rest. */
#ifndef WEIR_TESTS_FLIGHT_TOLD_H
#define WEIR_TESTS_FLIGHT_TOLD_H

#include <inttypes.h>

#include "../told_numbers.h"

#include "flight_fold.h"

static struct {
    bool aside; /* this world is not told, nor counted */
    uint64_t fold;
} flights_told;

static inline void flights_world_begins(void) {
    flights_told.fold = 0xcbf29ce484222325ull;
    flights_told.aside = false;
}

/* What this world performs hangs on how memory is laid out, as which piece of it is the last one that is there: another
 * build performs something else. */
static inline void flights_world_aside(void) { flights_told.aside = true; }

static inline void flights_step_tells(const struct flight *flight, const struct actions *out) {
    fold_number(&flights_told.fold, out->starved);
    for (size_t i = 0; i < out->count; i++) {
        const struct action *action = &out->list[i];
        fold_action(&flights_told.fold, flight, action);
        if (numbers_shown()) printf("%d of %u: %016" PRIx64 "\n", action->kind, action->attempt, flights_told.fold);
        if (action->kind != action_closed) continue;
        struct str json = fold_flight(&flights_told.fold, flight);
        if (numbers_shown()) printf("%.*s\n", STR_ARG(json));
    }
}

static inline void flights_world_ends(const struct snapshot *snapshot) {
    if (flights_told.aside) return;
    fold_snapshot(&flights_told.fold, snapshot);
    numbers_add(flights_told.fold);
}

#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, begin, end) cmocka_run_told_tests("flights", tests, begin, end)

#endif
