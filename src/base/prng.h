/* prng.h - the only generator: xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64. One owner, no globals.
 * Not for secrets: those come from hash.h's random_bytes. */
#ifndef WEIR_BASE_PRNG_H
#define WEIR_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_seed(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
/* Evenly in [0, below); below 0 gives 0. */
uint64_t prng_below(struct prng *prng, uint64_t below);
/* In [0, 1). */
double prng_unit(struct prng *prng);

#endif
