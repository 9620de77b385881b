/* sim_main.c - weir-sim: runs seeds, each twice, and the planted bugs. `weir-sim --seeds A..B`, `--seed N` (with a
 * trace), `--mutants`, `--runs FILE`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "sim.h"

static const char *const mutant_names[mutants] = {"none",
                                                  "settle_lost",
                                                  "end_twice",
                                                  "cancel_lost",
                                                  "byte_changed",
                                                  "timer_lost",
                                                  "probe_kept",
                                                  "threshold_off",
                                                  "epoch_kept",
                                                  "place_lost",
                                                  "rate_doubled",
                                                  "share_ignored",
                                                  "cells_forgotten",
                                                  "ranges_cut",
                                                  "call_twice",
                                                  "late_taken",
                                                  "reader_ignored",
                                                  "body_over",
                                                  "clients_share",
                                                  "words_decide",
                                                  "one_caller",
                                                  "echo_passed",
                                                  "one_opens",
                                                  "line_in_order",
                                                  "failovers_count",
                                                  "outage_grows",
                                                  "probes_ignored",
                                                  "limits_forgotten",
                                                  "limit_for_all",
                                                  "limit_of_one",
                                                  "answer_missing",
                                                  "money_kept",
                                                  "limit_doubled",
                                                  "extent_unpaid",
                                                  "quota_doubled",
                                                  "quota_kept",
                                                  "kept_late",
                                                  "settled_late",
                                                  "values_doubled",
                                                  "value_kept",
                                                  "prefix_forgotten",
                                                  "prefix_for_ever"};

static const char *const mark_names[marks_all] = {
#define X(name) #name,
    SIM_MARKS(X)
#undef X
};

/* Over many seeds every rare situation must have come up. */
static int marks_check(sim_marks marks) {
    int missed = 0;
    for (int i = 0; i < marks_all; i++) {
        if ((unsigned)(marks >> i) & 1) continue;
        printf("weir-sim: never reached: %s\n", mark_names[i]);
        missed++;
    }
    return missed ? 1 : 0;
}

struct task {
    unsigned long long from, to, flights;
    unsigned jobs;
};

struct tally {
    unsigned long long steps, flights;
    sim_marks marks;
    bool broken;
};

/* Every jobs-th seed from the one at `offset`. Each seed twice; with a set number of flights every 16th. */
static struct tally seeds_run(const struct task *task, unsigned offset) {
    static struct sim sim;
    struct tally tally = {.steps = 0};
    for (unsigned long long seed = task->from + offset; seed <= task->to && !tally.broken; seed += task->jobs) {
        bool held = sim_run(&sim, seed, task->flights, mutant_none, false);
        uint64_t hash = sim.hash;
        tally.steps += sim.step_count;
        tally.flights += sim.arrived;
        tally.marks |= sim.marks;
        if (held && (task->flights == 0 || seed % 16 == 0))
            held = sim_run(&sim, seed, task->flights, mutant_none, false) &&
                   sim_rule(&sim, sim.hash == hash, "a seed gives the same run twice", 0);
        if (held) continue;
        printf("seed %llu, step %llu: broken: %s\nreplay: weir-sim --seed %llu", seed,
               (unsigned long long)sim.step_count, sim.broken, seed);
        if (task->flights) printf(" --flights %llu", task->flights);
        printf("\n");
        fflush(stdout);
        tally.broken = true;
    }
    return tally;
}

/* A process a job: the simulator has no threads. */
static int jobs_run(const struct task *task) {
    struct tally sum = {.steps = 0};
    int pipes[2];
    enum { seeds_for_all_marks = 10000 };
    if (pipe(pipes) != 0) return 1;
    for (unsigned job = 0; job < task->jobs; job++) {
        if (task->jobs > 1 && fork() != 0) continue;
        struct tally tally = seeds_run(task, job);
        if (write(pipes[1], &tally, sizeof tally) != sizeof tally) exit(1);
        if (task->jobs > 1) exit(0);
    }
    close(pipes[1]);
    unsigned told = 0;
    for (struct tally tally; read(pipes[0], &tally, sizeof tally) == sizeof tally; told++) {
        sum.steps += tally.steps;
        sum.flights += tally.flights;
        sum.marks |= tally.marks;
        sum.broken |= tally.broken;
    }
    while (wait(NULL) > 0) continue;
    if (sum.broken || told != task->jobs) return 1;
    printf("weir-sim: %llu seeds, %llu flights, %llu steps, every rule held\n", task->to - task->from + 1, sum.flights,
           sum.steps);
    return task->to - task->from + 1 >= seeds_for_all_marks ? marks_check(sum.marks) : 0;
}

enum { planted_seeds_max = 2000 };

/* Each planted bug must break a rule within so many seeds. */
static int mutants_run(void) {
    static struct sim sim;
    int missed = 0;
    for (int mutant = 1; mutant < mutants; mutant++) {
        unsigned seed = 1;
        while (seed <= planted_seeds_max && sim_run(&sim, seed, 0, (enum sim_mutant)mutant, false)) seed++;
        if (seed <= planted_seeds_max)
            printf("weir-sim: planted %s: caught at seed %u: %s\n", mutant_names[mutant], seed, sim.broken);
        else
            printf("weir-sim: planted %s: NOT CAUGHT\n", mutant_names[mutant]);
        missed += seed > planted_seeds_max;
    }
    return missed ? 1 : 0;
}

/* Seeds that once found a bug, or that come upon something rare: a number a line, what it was behind a #. */
static int file_run(const char *path) {
    static struct sim sim;
    char line[256];
    unsigned count = 0;
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "weir-sim: %s cannot be read\n", path);
        return 2;
    }
    while (fgets(line, sizeof line, file)) {
        unsigned long long seed = strtoull(line, NULL, 10);
        if (seed == 0) continue;
        count++;
        if (sim_run(&sim, seed, 0, mutant_none, false)) continue;
        printf("seed %llu: broken: %s\nreplay: weir-sim --seed %llu\n", seed, sim.broken, seed);
        fclose(file);
        return 1;
    }
    fclose(file);
    printf("weir-sim: %u kept seeds, every rule held\n", count);
    return 0;
}

static int usage(void) {
    fprintf(
        stderr,
        "usage: weir-sim --seeds A..B [--flights N] [--jobs N] | --seed N [--flights N] | --mutants | --file SEEDS | "
        "--runs FILE\n");
    return 2;
}

int main(int argc, char **argv) {
    struct task task = {.jobs = 1};
    bool trace = false;
    if (!hash_start()) return 1;
    if (argc == 2 && strcmp(argv[1], "--mutants") == 0) return mutants_run();
    if (argc == 3 && strcmp(argv[1], "--file") == 0) return file_run(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--runs") == 0) return sim_runs(argv[2], getenv("WEIR_UPDATE_DOCS") != NULL);
    for (int i = 1; i + 1 < argc; i += 2) {
        char *rest = argv[i + 1];
        unsigned long long number = strtoull(rest, &rest, 10);
        trace |= strcmp(argv[i], "--seed") == 0;
        if (strcmp(argv[i], "--seeds") == 0 && strncmp(rest, "..", 2) == 0) {
            task.from = number;
            task.to = strtoull(rest + 2, NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0) {
            task.from = task.to = number;
        } else if (strcmp(argv[i], "--flights") == 0) {
            task.flights = number;
        } else if (strcmp(argv[i], "--jobs") == 0 && number >= 1 && number <= 64) {
            task.jobs = (unsigned)number;
        } else {
            return usage();
        }
    }
    if (task.from == 0 || task.to < task.from || argc % 2 == 0) return usage();
    if (!trace) return jobs_run(&task);
    static struct sim sim;
    bool held = sim_run(&sim, task.from, task.flights, mutant_none, true);
    printf(held ? "every rule held\n" : "broken: %s\n", sim.broken);
    return held ? 0 : 1;
}
