/* sim_told.c - all that a run tells, folded into one number: what is performed, when, what callers get, and of each
 * flight its story, its facts, and those of its attempts. tests/sim/runs.txt has that of some hundred seeds: a change
 * that means to change nothing shows there that it does not, and what it changes is looked at before it is kept
 * (`weir-sim --runs`, with WEIR_UPDATE_DOCS=1 to write them). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/flight/flight_fold.h"
#include "sim.h"

void sim_told(struct sim *sim, uint64_t value) { fold_number(&sim->hash, value); }

void sim_told_action(struct sim *sim, unsigned caller, const struct action *action) {
    fold_number(&sim->hash, caller);
    fold_action(&sim->hash, sim->callers[caller].flight, action);
}

void sim_told_flight(struct sim *sim, const struct flight *flight) {
    struct str json = fold_flight(&sim->hash, flight);
    if (sim->trace) printf("%.*s\n", STR_ARG(json));
}

/* What would be chosen for the same now, as a preview says. */
void sim_told_preview(struct sim *sim, const struct sim_caller *caller) {
    static char said[64 * 1024];
    struct prng before = *sim->host.prng;
    struct text json = text_in_buffer(said, sizeof said);
    struct error error = {.code = error_none};
    const struct flight_question question = {
        .asked = {.endpoint = endpoint_chat, .client = caller->client, .content_length = -1, .arrived = sim->now},
        .body = str_make(caller->body, caller->body_len)};
    bool good = flight_preview(&sim->host, sim->config.snapshot, &question, sim->now, &json, &error);
    fold_str(&sim->hash, good ? text_str(&json) : str_from(error.message));
    arena_reset(&sim->scratch);
    *sim->host.prng = before;
}

void sim_told_rest(struct sim *sim) { fold_snapshot(&sim->hash, sim->config.snapshot); }

/* A line a seed: its number, the flights and steps that it took, and the number above. */
int sim_runs(const char *path, bool writes) {
    enum { written_seeds = 400 };
    static struct sim sim;
    unsigned differ = 0, count = 0;
    char line[256];
    FILE *file = fopen(path, writes ? "w" : "r");
    if (!file) {
        fprintf(stderr, "weir-sim: %s cannot be opened\n", path);
        return 2;
    }
    if (writes) fprintf(file, "# seed, flights, steps, all that was told: weir-sim --runs FILE\n");
    for (unsigned long long seed = 1; writes ? seed <= written_seeds : fgets(line, sizeof line, file) != NULL; seed++) {
        if (!writes && (seed = strtoull(line, NULL, 10)) == 0) continue;
        char is[256];
        bool held = sim_run(&sim, seed, 0, mutant_none, false);
        if (!held) printf("seed %llu: broken: %s\n", seed, sim.broken);
        snprintf(is, sizeof is, "%llu %llu %" PRIu64 " %016" PRIx64 "\n", seed, sim.arrived, sim.step_count, sim.hash);
        if (writes) fputs(is, file);
        count++;
        if (held && (writes || strcmp(is, line) == 0)) continue;
        if (differ++ < 5) printf("seed %llu: another run than is written: %sis now %s", seed, line, is);
    }
    if (fclose(file) != 0) return 2;
    printf("weir-sim: %u of %u runs are as they are written\n", count - differ, count);
    if (differ)
        printf("look at one before and after the change (weir-sim --seed N); if it is meant, write them anew: "
               "WEIR_UPDATE_DOCS=1 weir-sim --runs %s\n",
               path);
    return differ ? 1 : 0;
}
