/* metrics_providers.h - the counts of attempts, by provider: for who looks at them again and again. */
#ifndef WEIR_OBSERVE_METRICS_PROVIDERS_H
#define WEIR_OBSERVE_METRICS_PROVIDERS_H

#include "observe/metrics.h"

enum { metrics_provider_times = 21 };

struct metrics_provider_counts {
    struct str provider; /* lives as long as metrics */
    uint64_t succeeded, failures[metrics_failures_max];
    uint64_t times[metrics_provider_times]; /* to the first token, by metrics_provider_most_us */
};
extern const uint64_t *const metrics_provider_most_us; /* upper bounds, one less than there are buckets */

/* Those that have counted something: at most `most`. How many. Any thread; counts never fall. */
size_t metrics_providers_count(const struct metrics *metrics, struct metrics_provider_counts *list, size_t most);

#endif
