/* past_price.h - what the ledger's attempts cost by the prices of a configuration: by the same function by which one
 * is charged, at the time when each began. One thread at a time for each struct past_prices. */
#ifndef WEIR_RUNTIME_PAST_PRICE_H
#define WEIR_RUNTIME_PAST_PRICE_H

#include "base/map.h"
#include "snapshot/snapshot.h"
#include "store/ledger_past.h"

/* X(name, sentence): what came of it. */
#define PAST_WHY_TABLE(X)                                                        \
    X(priced, "")                                                                \
    X(uncounted, "nothing was counted of it")                                    \
    X(no_provider, "the configuration has no such provider")                     \
    X(no_price, "neither the configuration nor the catalogue has a price of it") \
    X(unmetered, "an earlier version did not keep what its tools and fees were: it stays as it was")
enum past_why {
#define X(name, sentence) past_##name,
    PAST_WHY_TABLE(X)
#undef X
        past_whys
};
struct str past_why_name(enum past_why why);
struct str past_why_sentence(enum past_why why);

enum { past_price_most = 32 };

/* One target's prices, and the sums of whoever goes through attempts; all 0 at first. */
struct past_target {
    struct str provider, model;
    bool has_provider;
    struct price_list prices;
    char price[past_price_most]; /* which they are: the day of the catalogue, and a hash of them */
    int64_t attempts, changed, cost_nano_usd, new_nano_usd, why[past_whys];
};

struct past_prices {
    const struct snapshot *snapshot;
    struct arena arena;
    struct map by_name;
    struct past_target **list;
    size_t count;
    char day[16]; /* of the catalogue */
};

enum { past_targets_max = 8192 };
/* Of this snapshot, which lives as long. false: no memory. past_prices_end in any case. */
bool past_prices_begin(struct past_prices *prices, const struct snapshot *snapshot);
void past_prices_end(struct past_prices *prices);
/* Those of this provider's model, known or not; lives as long as *prices. NULL: no memory, or more than
 * past_targets_max. */
struct past_target *past_prices_of(struct past_prices *prices, struct str provider, struct str model);
/* What the attempt would cost there. `elsewhere`: it was served by another provider, whose tier, speed and region are
 * nothing that this one has. *nano_usd is set where it is priced. */
enum past_why past_price(const struct past_target *target, const struct past_attempt *attempt, bool elsewhere,
                         int64_t *nano_usd);

#endif
