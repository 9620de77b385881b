/* pick.c - what one choice costs: every strategy among 10, 100 and 1,000 candidates, in nanoseconds. Round robin with
 * the taking of the turn. pick [--json] [--quick]
 *
 * Each figure is the least of many short rounds: other work on the machine can only add. */
#include "core/pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"

enum { sizes = 3, candidates_max = 1000 };

static const size_t counts[sizes] = {10, 100, 1000};
static struct pick_candidate candidates[candidates_max];
static struct cell passes[candidates_max];
static volatile size_t sink;

static uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* All that differs does: nothing is a tie, and some latencies and costs are not known. */
static void draw(struct prng *prng) {
    for (size_t i = 0; i < candidates_max; i++) {
        candidates[i] = (struct pick_candidate){.priority = 1 + (int64_t)prng_below(prng, 10),
                                                .weight = 0.5 + 4 * prng_unit(prng),
                                                .in_flight = 1 + (uint32_t)prng_below(prng, 50),
                                                .latency_ns = prng_below(prng, 10) ? prng_below(prng, 1000000000) : 0,
                                                .cost_nano_usd = (int64_t)prng_below(prng, 1000000) - 1,
                                                .health = prng_unit(prng),
                                                .quota_left = prng_unit(prng),
                                                .ramp = 1,
                                                .name_hash = prng_next(prng)};
        cell_store(&passes[i], 0);
    }
}

static size_t choose(struct pick_input *input) {
    size_t best = pick(input, NULL);
    if (input->strategy == strategy_round_robin) {
        pick_pass_advance(&passes[best], pick_pass_floor(input, best), candidates[best].weight);
        candidates[best].pass = cell_load(&passes[best]);
    }
    return best;
}

static double measure(enum strategy strategy, size_t count, unsigned rounds, struct prng *prng) {
    const unsigned picks = (unsigned)(20000 / count) + 10;
    double least = 1e18;
    draw(prng);
    for (unsigned round = 0; round < rounds; round++) {
        struct pick_input input = {
            .strategy = strategy, .candidates = candidates, .count = count, .weights = {0.4, 0.3, 0.3}};
        size_t sum = 0;
        uint64_t began = clock_ns();
        for (unsigned i = 0; i < picks; i++) {
            input.random = input.sticky_hash = prng_next(prng);
            sum += choose(&input);
        }
        double each = (double)(clock_ns() - began) / picks;
        if (each < least) least = each;
        sink = sum;
    }
    return least;
}

int main(int argc, char **argv) {
    bool json = false;
    unsigned rounds = 400;
    struct prng prng;
    for (int i = 1; i < argc; i++) {
        json = json || strcmp(argv[i], "--json") == 0;
        if (strcmp(argv[i], "--quick") == 0) rounds = 50;
    }
    prng_seed(&prng, 1);
    if (!json) printf("%-18s %8s %8s %8s\n", "ns a pick, among", "10", "100", "1,000");
    for (int strategy = 0; strategy < strategies; strategy++) {
        struct str name = strategy_name((enum strategy)strategy);
        double ns[sizes];
        for (size_t i = 0; i < sizes; i++) ns[i] = measure((enum strategy)strategy, counts[i], rounds, &prng);
        if (json)
            printf("%s\"%.*s\": {\"10\": %.1f, \"100\": %.1f, \"1000\": %.1f}", strategy ? ", " : "{", STR_ARG(name),
                   ns[0], ns[1], ns[2]);
        else
            printf("%-18.*s %8.0f %8.0f %8.0f\n", STR_ARG(name), ns[0], ns[1], ns[2]);
    }
    if (json) puts("}");
    return 0;
}
