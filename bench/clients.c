/* clients.c - what it costs to find whose key it is, among 10, 1,000 and 1,000,000 clients, in nanoseconds: the SHA-256
 * of the key is part of it. Keys that are nobody's too. clients [--quick]
 *
 * Each figure is the least of many short rounds: other work on the machine can only add. A million clients do not fit a
 * cache, and a lookup then waits for memory once; it does not look at more of them. */
#include "snapshot/client_table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { sizes = 3, lookups = 2000 };

static const uint32_t counts[sizes] = {10, 1000, 1000000};
static volatile uint32_t sink;

static uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct sha256 digest_of(uint32_t number) {
    char key[48];
    int len = snprintf(key, sizeof key, "weir_key_%08x_of_the_usual_length", number);
    return hash_sha256(str_make(key, (size_t)len));
}

/* `beyond` of 0: keys that are there. */
static double measure(const struct client_table *table, uint32_t count, uint32_t beyond, unsigned rounds) {
    double least = 1e18;
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t began = clock_ns();
        uint32_t found = 0;
        for (uint32_t i = 0; i < lookups; i++) {
            struct sha256 digest = digest_of((i * 2654435761u + round) % count + beyond);
            found += client_table_find(table, &digest) != client_table_none;
        }
        double each = (double)(clock_ns() - began) / lookups;
        if (found != (beyond ? 0 : lookups)) return -1;
        if (each < least) least = each;
        sink = found;
    }
    return least;
}

int main(int argc, char **argv) {
    unsigned rounds = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 20 : 200;
    if (!hash_start()) return 1;
    printf("%12s %14s %14s\n", "clients", "known key, ns", "unknown, ns");
    for (size_t i = 0; i < sizes; i++) {
        struct arena arena;
        struct client_table table;
        arena_init(&arena, 64 * 1024, SIZE_MAX);
        if (!client_table_init(&table, &arena, counts[i])) return 1;
        for (uint32_t number = 0; number < counts[i]; number++) {
            struct sha256 digest = digest_of(number);
            client_table_add(&table, &digest, number);
        }
        printf("%12u %14.0f %14.0f\n", counts[i], measure(&table, counts[i], 0, rounds),
               measure(&table, counts[i], 2000000000u, rounds));
        arena_free(&arena);
    }
    return 0;
}
