/* suspicion.c - one word: who was refused first, and whether others were too. */
#include "core/suspicion.h"

#include "base/check.h"

static const uint64_t since_mask = (1u << 30) - 1, other_models = 1u << 30, other_clients = 1u << 31;
static const uint64_t ns_per_s = 1000000000;

static uint64_t suspicion_seconds_of(uint64_t now_ns) { return (now_ns / ns_per_s + 1) & since_mask; }

static bool stands(uint64_t word, uint64_t window_ns, uint64_t now_ns) {
    return word != 0 && ((suspicion_seconds_of(now_ns) - word) & since_mask) * ns_per_s <= window_ns;
}

static uint64_t noted(uint64_t word, uint64_t client, uint64_t model, uint64_t window_ns, uint64_t now_ns) {
    CHECKF(client <= 0xffff && model <= 0xffff, "client=%llx model=%llx", (unsigned long long)client,
           (unsigned long long)model);
    if (!stands(word, window_ns, now_ns)) return client << 48 | model << 32 | suspicion_seconds_of(now_ns);
    if (word >> 48 != client) word |= other_clients;
    if ((word >> 32 & 0xffff) != model) word |= other_models;
    return word & other_clients && word & other_models ? 0 : word;
}

bool suspicion_note(struct cell *cell, uint64_t client, uint64_t model, uint64_t window_ns, uint64_t now_ns) {
    uint64_t seen = cell_load(cell), next;
    do next = noted(seen, short_hash(client), short_hash(model), window_ns, now_ns);
    while (!cell_swap(cell, &seen, next));
    return next == 0;
}

bool suspicion_note_model(struct cell *cell, uint64_t model, uint64_t window_ns, uint64_t now_ns) {
    uint64_t seen = cell_load(cell), next, it = short_hash(model);
    do {
        bool other = stands(seen, window_ns, now_ns) && (seen >> 32 & 0xffff) != it;
        next = other ? 0 : it << 32 | suspicion_seconds_of(now_ns);
    } while (!cell_swap(cell, &seen, next));
    return next == 0;
}

bool suspicion_stands(const struct cell *cell, uint64_t window_ns, uint64_t now_ns) {
    return stands(cell_load(cell), window_ns, now_ns);
}

void suspicion_clear(struct cell *cell) {
    if (cell_load(cell)) cell_store(cell, 0);
}
