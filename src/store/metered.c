/* metered.c - a byte for what it is, then its value, seven bits a byte, the lowest first. The numbers of what there is
 * stand in every ledger: what is new goes to the end of its table. */
#include "store/metered.h"

#include "base/check.h"

enum metered_kind {
    metered_count = 0, /* and further ones: enum meter_count */
    metered_tier = 64,
    metered_speed,
    metered_region,
    metered_batch,
    metered_other = 80, /* and further ones: the members of struct metered_others, in their order */
};
enum {
    metered_others_members = sizeof(struct metered_others) / sizeof(int64_t),
    value_bytes_max = 10,
    count_bytes_max = 5
};
_Static_assert((int)meter_counts <= (int)metered_tier, "a count has a number of its own");
_Static_assert(meter_counts *(1 + count_bytes_max) + 4 * 2 + metered_others_members * (1 + value_bytes_max) <=
                   metered_bytes_max,
               "all of it has room");

static char *metered_value_put(char *at, unsigned kind, uint64_t value) {
    *at++ = (char)kind;
    for (; value >= 128; value >>= 7) *at++ = (char)(value | 128);
    *at++ = (char)value;
    return at;
}

struct str metered_put(const struct meter *meter, const struct metered_others *others, char bytes[metered_bytes_max]) {
    char *at = bytes;
    const uint8_t served[] = {meter->tier, meter->speed, meter->region, meter->batch};
    if (meter->said) {
        for (unsigned i = 0; i < meter_counts; i++)
            if (meter->count[i]) at = metered_value_put(at, metered_count + i, meter->count[i]);
        for (unsigned i = 0; i < sizeof served; i++)
            if (served[i]) at = metered_value_put(at, metered_tier + i, served[i]);
    }
    if (others) {
        const int64_t members[] = {others->input,       others->output,         others->cached_input,
                                   others->cache_write, others->cache_write_1h, others->nano_usd};
        _Static_assert(sizeof members == sizeof(struct metered_others), "each member has its place");
        for (unsigned i = 0; i < metered_others_members; i++)
            if (members[i] > 0) at = metered_value_put(at, metered_other + i, (uint64_t)members[i]);
    }
    CHECKF(at - bytes <= metered_bytes_max, "bytes=%d", (int)(at - bytes));
    return str_make(bytes, (size_t)(at - bytes));
}

/* false: it ends within the value, or it is more than an int64_t holds. */
static bool metered_value_read(struct str bytes, size_t *at, int64_t *value) {
    uint64_t sum = 0;
    for (unsigned shift = 0; shift < 63 && *at < bytes.len; shift += 7) {
        const unsigned char byte = (unsigned char)bytes.at[(*at)++];
        sum |= (uint64_t)(byte & 127) << shift;
        *value = (int64_t)sum;
        if (byte < 128) return sum <= INT64_MAX;
    }
    return false;
}

static void served_take(struct meter *meter, unsigned kind, int64_t value) {
    if (kind == metered_tier) meter->tier = value < meter_tiers ? (uint8_t)value : tier_unsaid;
    if (kind == metered_speed) meter->speed = value < meter_speeds ? (uint8_t)value : meter_speed_unsaid;
    if (kind == metered_region) meter->region = value < meter_regions ? (uint8_t)value : region_unsaid;
    if (kind == metered_batch) meter->batch = value != 0;
}

bool metered_read(struct str bytes, struct metered *metered) {
    int64_t *const others[] = {&metered->others.input,          &metered->others.output,
                               &metered->others.cached_input,   &metered->others.cache_write,
                               &metered->others.cache_write_1h, &metered->others.nano_usd};
    *metered = (struct metered){.meter = {.said = bytes.len > 0}};
    for (size_t at = 0; at < bytes.len;) {
        const unsigned kind = (unsigned char)bytes.at[at++];
        int64_t value;
        if (!metered_value_read(bytes, &at, &value)) return false;
        if (kind < meter_counts)
            meter_note(&metered->meter, (enum meter_count)kind, value);
        else if (kind >= metered_tier && kind <= metered_batch)
            served_take(&metered->meter, kind, value);
        else if (kind >= metered_other && kind < metered_other + metered_others_members)
            *others[kind - metered_other] = value;
    }
    return true;
}
