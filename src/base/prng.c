/* prng.c - xoshiro256**: https://prng.di.unimi.it. Same seed, same numbers, on every machine. */
#include "base/prng.h"

void prng_seed(struct prng *prng, uint64_t seed) {
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = (seed += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        prng->state[i] = z ^ (z >> 31);
    }
}

static uint64_t rotate(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

uint64_t prng_next(struct prng *prng) {
    uint64_t *s = prng->state, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Lemire's multiply and reject. */
uint64_t prng_below(struct prng *prng, uint64_t below) {
    if (below == 0) return 0;
    uint64_t reject = -below % below;
    for (;;) {
        __uint128_t product = (__uint128_t)prng_next(prng) * below;
        if ((uint64_t)product >= reject) return (uint64_t)(product >> 64);
    }
}

double prng_unit(struct prng *prng) { return (double)(prng_next(prng) >> 11) * 0x1.0p-53; }
