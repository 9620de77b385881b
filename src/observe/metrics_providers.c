/* metrics_providers.c - see metrics_providers.h. Reads with relaxed loads, as metrics_view.c does. */
#include "observe/metrics_providers.h"

#include "observe/metrics_internal.h"

_Static_assert(metrics_provider_times == metrics_bounds_max + 1, "one for each bound, and one past all");
const uint64_t *const metrics_provider_most_us = metrics_bounds_long.most_us;

static void providers_add(struct metrics_provider_counts *into, const struct metrics_target *target) {
    into->succeeded += metrics_read(&target->outcomes[metrics_succeeded]);
    for (size_t i = 0; i < metrics_failures_max; i++) into->failures[i] += metrics_read(&target->failures[i]);
    for (size_t i = 0; i <= metrics_bounds_max; i++) into->times[i] += metrics_read(&target->first_token.buckets[i]);
}

static struct metrics_provider_counts *providers_place(struct metrics_provider_counts *list, size_t *count, size_t most,
                                                       struct str provider) {
    for (size_t i = 0; i < *count; i++)
        if (str_eq(list[i].provider, provider)) return &list[i];
    if (*count == most) return NULL;
    list[*count] = (struct metrics_provider_counts){.provider = provider};
    return &list[(*count)++];
}

size_t metrics_providers_count(const struct metrics *metrics, struct metrics_provider_counts *list, size_t most) {
    size_t count = 0, loops = atomic_load_explicit(&metrics->loop_count, memory_order_acquire);
    for (size_t i = 0; i < limit_targets; i++) {
        const struct metrics_name *name = atomic_load_explicit(&metrics->names[i], memory_order_acquire);
        struct metrics_provider_counts *into = NULL;
        for (size_t k = 0; name && k < loops; k++) {
            const struct metrics_loop *loop = atomic_load_explicit(&metrics->loops[k], memory_order_acquire);
            const struct metrics_target *target = atomic_load_explicit(&loop->targets[i], memory_order_acquire);
            if (target && !into) into = providers_place(list, &count, most, name->provider);
            if (target && into) providers_add(into, target);
        }
    }
    return count;
}
