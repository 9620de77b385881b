/* sim_main.c - weir-sim: runs seeds, each twice, and the planted bugs. `weir-sim --seeds A..B`, `--seed N` (with a
 * trace), `--mutants`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim.h"

static const char *const mutant_names[mutants] = {"none",         "settle_lost", "end_twice",   "cancel_lost",
                                                  "byte_changed", "timer_lost",  "probe_kept",  "threshold_off",
                                                  "epoch_kept",   "place_lost",  "rate_doubled"};

static int seeds_run(unsigned long long from, unsigned long long to) {
    static struct sim sim;
    unsigned long long steps = 0, flights = 0;
    for (unsigned long long seed = from; seed <= to; seed++) {
        bool held = sim_run(&sim, seed, mutant_none, false);
        uint64_t hash = sim.hash;
        steps += sim.step_count;
        flights += sim.caller_count;
        if (held)
            held = sim_run(&sim, seed, mutant_none, false) &&
                   sim_rule(&sim, sim.hash == hash, "a seed gives the same run twice", 0);
        if (held) continue;
        printf("seed %llu, step %llu: broken: %s\nreplay: weir-sim --seed %llu\n", seed,
               (unsigned long long)sim.step_count, sim.broken, seed);
        return 1;
    }
    printf("weir-sim: %llu seeds, %llu flights, %llu steps, every rule held\n", to - from + 1, flights, steps);
    return 0;
}

enum { planted_seeds_max = 500 };

/* Each planted bug must break a rule within so many seeds. */
static int mutants_run(void) {
    static struct sim sim;
    int missed = 0;
    for (int mutant = 1; mutant < mutants; mutant++) {
        unsigned seed = 1;
        while (seed <= planted_seeds_max && sim_run(&sim, seed, (enum sim_mutant)mutant, false)) seed++;
        if (seed <= planted_seeds_max)
            printf("weir-sim: planted %s: caught at seed %u: %s\n", mutant_names[mutant], seed, sim.broken);
        else
            printf("weir-sim: planted %s: NOT CAUGHT\n", mutant_names[mutant]);
        missed += seed > planted_seeds_max;
    }
    return missed ? 1 : 0;
}

int main(int argc, char **argv) {
    if (!hash_start()) return 1;
    if (argc == 2 && strcmp(argv[1], "--mutants") == 0) return mutants_run();
    if (argc == 3 && strcmp(argv[1], "--seed") == 0) {
        static struct sim sim;
        bool held = sim_run(&sim, strtoull(argv[2], NULL, 10), mutant_none, true);
        printf(held ? "every rule held\n" : "broken: %s\n", sim.broken);
        return held ? 0 : 1;
    }
    char *dots = argc == 3 && strcmp(argv[1], "--seeds") == 0 ? strstr(argv[2], "..") : NULL;
    if (dots) return seeds_run(strtoull(argv[2], NULL, 10), strtoull(dots + 2, NULL, 10));
    fprintf(stderr, "usage: weir-sim --seeds A..B | --seed N | --mutants\n");
    return 2;
}
