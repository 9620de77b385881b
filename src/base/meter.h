/* meter.h - what a reply says of its bill beside its plain tokens: counts that have a price of their own, and what a
 * price may depend on. The words of price rows (core/price.h), of the configuration and of the catalogue are these.
 * Their places stand in ledgers (store/metered.h): what is new goes to the end of its table. */
#ifndef WEIR_BASE_METER_H
#define WEIR_BASE_METER_H

#include "base/str.h"

/* X(name). The first are parts of the input, of what was cached of it, or of the output; the others stand beside. */
#define METER_COUNT_TABLE(X)                                        \
    X(cache_write_1h) /* of what is written to the cache */         \
    X(cache_write_12h)                                              \
    X(audio_input)                                                  \
    X(image_input)                                                  \
    X(video_input)                                                  \
    X(audio_cached) /* of the modality's input and of the cached */ \
    X(image_cached)                                                 \
    X(video_cached)                                                 \
    X(audio_output)                                                 \
    X(image_output)                                                 \
    X(video_output)                                                 \
    X(citations) /* tokens that no other count holds */             \
    X(searches)                                                     \
    X(maps)                                                         \
    X(code_sessions)                                                \
    X(computer_uses)                                                \
    X(file_searches)                                                \
    X(milliseconds)                                                 \
    X(pages)                                                        \
    X(images)                                                       \
    X(characters)                                                   \
    X(queries)
enum meter_count {
#define X(name) meter_##name,
    METER_COUNT_TABLE(X)
#undef X
        meter_counts
};

/* X(name): how a provider served it; standard is what has the base price. */
#define METER_TIER_TABLE(X) \
    X(standard)             \
    X(flex)                 \
    X(priority)             \
    X(ultrafast)            \
    X(scale)                \
    X(balanced)             \
    X(decisions)            \
    X(offpeak)              \
    X(provisioned)
enum meter_tier {
    tier_unsaid,
#define X(name) tier_##name,
    METER_TIER_TABLE(X)
#undef X
        meter_tiers
};

#define METER_SPEED_TABLE(X) \
    X(standard)              \
    X(fast)
enum meter_speed {
    meter_speed_unsaid,
#define X(name) meter_speed_##name,
    METER_SPEED_TABLE(X)
#undef X
        meter_speeds
};

/* Where it was computed. */
#define METER_REGION_TABLE(X) \
    X(global)                 \
    X(us)                     \
    X(eu)                     \
    X(uk)                     \
    X(ap)                     \
    X(au)                     \
    X(ca)                     \
    X(in)                     \
    X(jp)                     \
    X(kr)                     \
    X(sg)
enum meter_region {
    region_unsaid,
#define X(name) region_##name,
    METER_REGION_TABLE(X)
#undef X
        meter_regions
};

/* Why a provider has not read from its prompt cache what it was sent. X(name). The first as far as it can be told from
 * here, the others by its own word. Their places stand in ledgers: what is new goes to the end. */
#define CACHE_MISS_TABLE(X)                                                      \
    X(none)           /* it has, or there was nothing to read, or nobody says */ \
    X(first_use)      /* it was not seen before */                               \
    X(lifetime_over)  /* it was not used for as long as it is kept */            \
    X(target_changed) /* another target had it */                                \
    X(prefix_changed) /* it begins in other words than before, or was put out */ \
    X(model_changed)                                                             \
    X(system_changed)                                                            \
    X(tools_changed)                                                             \
    X(messages_changed)                                                          \
    X(options_changed) /* of the answer: its format, effort, verbosity, tier */  \
    X(key_changed)                                                               \
    X(not_found) /* the request before it: too old, or another account's */
enum cache_miss {
#define X(name) cache_miss_##name,
    CACHE_MISS_TABLE(X)
#undef X
        cache_misses
};

/* Zeroed: nothing is said. */
struct meter {
    uint32_t count[meter_counts]; /* full rather than wrapped */
    uint8_t tier, speed, region;  /* enum meter_tier, meter_speed, meter_region */
    bool batch;
    bool said;              /* something above is not 0 */
    uint8_t miss;           /* enum cache_miss */
    uint32_t missed_tokens; /* that its prompt cache should have had */
};

/* Notes a count; below 1 is none. */
void meter_note(struct meter *meter, enum meter_count count, int64_t value);
/* Notes what a provider calls the tier, the speed, the region of a reply; a word that nobody knows changes nothing. */
void meter_note_tier(struct meter *meter, struct str word);
void meter_note_speed(struct meter *meter, struct str word);
void meter_note_region(struct meter *meter, struct str word);
/* Takes what `more` says. */
void meter_merge(struct meter *meter, const struct meter *more);

/* Their names; empty for what is unsaid, and behind the last. */
struct str meter_count_name(enum meter_count count);
struct str meter_tier_name(enum meter_tier tier);
struct str meter_speed_name(enum meter_speed speed);
struct str meter_region_name(enum meter_region region);

#endif
