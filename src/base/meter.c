/* meter.c - the words of bills: ours, and what vendors call them. */
#include "base/meter.h"

#define NAME(name) #name,
#define NAMES_OF(function, type, table, count, first)                      \
    struct str function(type value) {                                      \
        static const char *const names[] = {first table(NAME)};            \
        return (unsigned)value < count ? str_from(names[value]) : STR(""); \
    }
#define NOTHING
#define UNSAID "",
NAMES_OF(meter_count_name, enum meter_count, METER_COUNT_TABLE, meter_counts, NOTHING)
NAMES_OF(meter_tier_name, enum meter_tier, METER_TIER_TABLE, meter_tiers, UNSAID)
NAMES_OF(meter_speed_name, enum meter_speed, METER_SPEED_TABLE, meter_speeds, UNSAID)
NAMES_OF(meter_region_name, enum meter_region, METER_REGION_TABLE, meter_regions, UNSAID)

void meter_note(struct meter *meter, enum meter_count count, int64_t value) {
    if (value <= 0) return;
    meter->count[count] = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    meter->said = true;
}

/* What vendors call them where that is not our word. OpenAI answers a request for `fast` with `priority`. */
static const struct {
    struct str word;
    enum meter_tier tier;
} tier_words[] = {
    {STR("default"), tier_standard},
    {STR("auto"), tier_standard},
    {STR("on_demand"), tier_standard},   /* Groq, and Gemini's trafficType */
    {STR("performance"), tier_priority}, /* Groq */
    {STR("fast"), tier_priority},
    {STR("on_demand_priority"), tier_priority},
    {STR("on_demand_flex"), tier_flex},
    {STR("on_demand_offpeak"), tier_offpeak},
    {STR("provisioned_throughput"), tier_provisioned},
};

void meter_note_tier(struct meter *meter, struct str word) {
    if (str_eq_nocase(word, STR("batch"))) meter->batch = meter->said = true;
    for (enum meter_tier tier = tier_unsaid + 1; tier < meter_tiers; tier++)
        if (str_eq_nocase(word, meter_tier_name(tier))) meter->tier = (uint8_t)tier, meter->said = true;
    for (size_t i = 0; i < sizeof tier_words / sizeof *tier_words; i++)
        if (str_eq_nocase(word, tier_words[i].word)) meter->tier = (uint8_t)tier_words[i].tier, meter->said = true;
}

void meter_note_speed(struct meter *meter, struct str word) {
    for (enum meter_speed speed = meter_speed_unsaid + 1; speed < meter_speeds; speed++)
        if (str_eq_nocase(word, meter_speed_name(speed))) meter->speed = (uint8_t)speed, meter->said = true;
}

void meter_note_region(struct meter *meter, struct str word) {
    for (enum meter_region region = region_unsaid + 1; region < meter_regions; region++)
        if (str_eq_nocase(word, meter_region_name(region))) meter->region = (uint8_t)region, meter->said = true;
}

void meter_merge(struct meter *meter, const struct meter *more) {
    if (more->miss || more->missed_tokens) {
        meter->miss = more->miss;
        meter->missed_tokens = more->missed_tokens;
    }
    if (!more->said) return;
    for (unsigned i = 0; i < meter_counts; i++)
        if (more->count[i]) meter->count[i] = more->count[i];
    if (more->tier) meter->tier = more->tier;
    if (more->speed) meter->speed = more->speed;
    if (more->region) meter->region = more->region;
    meter->batch |= more->batch;
    meter->said = true;
}
