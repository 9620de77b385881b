/* rules.c - conditions are looked at one by one, the cheap ones first; the first that fails ends it. */
#include "snapshot/rules.h"

/* -- holding -- */

static bool wished(enum rule_wish wish, bool fact) { return wish == rule_any || (wish == rule_yes) == fact; }

static bool matched(struct str glob, struct str name) { return glob.len == 0 || str_glob(glob, name); }

static bool has_tag(const struct rule_facts *facts, const struct rule_tag *wanted) {
    for (size_t i = 0; i < facts->tag_count; i++)
        if (str_eq(facts->tags[i].key, wanted->key) && str_eq(facts->tags[i].value, wanted->value)) return true;
    return false;
}

static bool has_tags(const struct rule_when *when, const struct rule_facts *facts) {
    for (size_t i = 0; i < when->tag_count; i++)
        if (!has_tag(facts, &when->tags[i])) return false;
    return true;
}

static bool is_long_enough(const struct rule_when *when, int64_t prompt_tokens) {
    if (when->prompt_tokens_over > 0 && prompt_tokens <= when->prompt_tokens_over) return false;
    return when->prompt_tokens_under <= 0 || (prompt_tokens >= 0 && prompt_tokens < when->prompt_tokens_under);
}

static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static bool is_time(const struct rule_when *when, int64_t wall_ns) {
    const struct rule_hours hours = when->hours;
    if (hours.from == hours.to && when->days == 0) return true;
    int64_t minutes = floor_divide(wall_ns, 60 * 1000000000ll) + when->utc_offset_minutes;
    int64_t day = floor_divide(minutes, rule_day_minutes), minute = minutes - day * rule_day_minutes;
    if (hours.from < hours.to && (minute < hours.from || minute >= hours.to)) return false;
    if (hours.from > hours.to) {
        if (minute < hours.from && minute >= hours.to) return false;
        if (minute < hours.to) day--; /* began yesterday */
    }
    if (when->days == 0) return true;
    int64_t weekday = day + 3 - 7 * floor_divide(day + 3, 7); /* 1970-01-01 was a Thursday */
    return when->days >> weekday & 1;
}

bool rule_holds(const struct rule_when *when, const struct rule_facts *facts) {
    return wished(when->has_image, facts->has_image) && wished(when->has_tools, facts->has_tools) &&
           wished(when->wants_json, facts->wants_json) && wished(when->streaming, facts->streaming) &&
           is_long_enough(when, facts->prompt_tokens) && is_time(when, facts->wall_ns) && has_tags(when, facts) &&
           matched(when->client, facts->client) && matched(when->model, facts->model);
}

const struct rule *rules_match(const struct rule *rules, size_t count, const struct rule_facts *facts) {
    for (size_t i = 0; i < count; i++)
        if (rules[i].enabled && rule_holds(&rules[i].when, facts)) return &rules[i];
    return NULL;
}

/* -- reading -- */

/* "HH:MM", up to 24:00. */
static bool read_minute(struct str text, uint16_t *minute) {
    uint64_t hours = 0, minutes = 0;
    if (text.len != 5 || text.at[2] != ':' || !str_to_u64(str_slice(text, 0, 2), &hours) ||
        !str_to_u64(str_slice(text, 3, 5), &minutes) || minutes > 59 || hours * 60 + minutes > rule_day_minutes)
        return false;
    *minute = (uint16_t)(hours * 60 + minutes);
    return true;
}

bool rule_read_hours(struct str text, struct rule_hours *hours) {
    size_t dash = str_find_byte(text, '-');
    struct rule_hours found;
    if (dash == SIZE_MAX || !read_minute(str_trim(str_slice(text, 0, dash)), &found.from) ||
        !read_minute(str_trim(str_slice(text, dash + 1, text.len)), &found.to))
        return false;
    if (found.from == rule_day_minutes || found.from == found.to) return false;
    *hours = found;
    return true;
}

static bool read_day(struct str text, unsigned *day) {
    static const struct str names[] = {STR("monday"), STR("tuesday"),  STR("wednesday"), STR("thursday"),
                                       STR("friday"), STR("saturday"), STR("sunday")};
    for (unsigned i = 0; i < 7; i++) {
        if (!str_eq_nocase(text, names[i]) && !str_eq_nocase(text, str_slice(names[i], 0, 3))) continue;
        *day = i;
        return true;
    }
    return false;
}

bool rule_read_days(struct str text, uint8_t *days) {
    unsigned found = 0;
    struct str rest = text, piece;
    while (str_split_next(&rest, ',', &piece)) {
        unsigned from = 0, to = 0;
        size_t dash = str_find_byte(piece, '-');
        if (!read_day(str_trim(str_slice(piece, 0, dash)), &from)) return false;
        to = from;
        if (dash != SIZE_MAX && !read_day(str_trim(str_slice(piece, dash + 1, piece.len)), &to)) return false;
        for (; from != to; from = (from + 1) % 7) found |= 1u << from;
        found |= 1u << to;
    }
    if (found == 0) return false;
    *days = (uint8_t)found;
    return true;
}

bool rule_read_offset(struct str text, int32_t *minutes) {
    enum { furthest = 14 * 60 }; /* Kiribati */
    uint16_t ahead = 0;
    if (str_eq_nocase(text, STR("UTC")) || str_eq_nocase(text, STR("Z"))) {
        *minutes = 0;
        return true;
    }
    if (text.len == 0 || (text.at[0] != '+' && text.at[0] != '-')) return false;
    if (!read_minute(str_slice(text, 1, text.len), &ahead) || ahead > furthest) return false;
    *minutes = text.at[0] == '-' ? -(int32_t)ahead : ahead;
    return true;
}

size_t rule_read_tags(struct str text, struct rule_tag tags[static rule_tags_max]) {
    size_t count = 0;
    struct str rest = text, piece;
    while (count < rule_tags_max && str_split_next(&rest, ',', &piece)) {
        size_t equals = str_find_byte(piece, '=');
        struct rule_tag tag = {str_trim(str_slice(piece, 0, equals)), STR_NONE};
        if (equals != SIZE_MAX) tag.value = str_trim(str_slice(piece, equals + 1, piece.len));
        if (tag.key.len) tags[count++] = tag;
    }
    return count;
}
