/* rules.h - which rule a request falls under: conditions on what it holds, who sends it, how long it is and when it
 * comes. Pure. A rule is part of a snapshot, in its arena; facts live as long as the call. */
#ifndef WEIR_SNAPSHOT_RULES_H
#define WEIR_SNAPSHOT_RULES_H

#include "base/str.h"
#include "core/pick.h"

struct target;

enum rule_wish { rule_any, rule_yes, rule_no };

struct rule_tag {
    struct str key, value;
};

enum {
    rule_tags_max = 32,
    rule_day_minutes = 24 * 60,
    rule_all_days = 0x7f, /* bit 0 is Monday */
};

/* From `from` on and before `to`, in minutes of the day. from > to: past midnight, and the hours after it belong to the
 * day on which they began. Both 0: the whole day. */
struct rule_hours {
    uint16_t from, to;
};

/* All must hold. All zero: holds for every request. */
struct rule_when {
    enum rule_wish has_image, has_tools, wants_json, streaming;
    struct str model, client;                        /* globs; empty: no condition */
    int64_t prompt_tokens_over, prompt_tokens_under; /* more than, less than; 0: no condition */
    const struct rule_tag *tags;                     /* the request must have each of them */
    size_t tag_count;
    struct rule_hours hours;
    uint8_t days;               /* bits; 0: every day */
    int32_t utc_offset_minutes; /* of hours and days; east of Greenwich is positive */
};

struct rule {
    struct str name;
    bool enabled;
    int64_t priority; /* smaller ones stand before greater ones */
    struct rule_when when;
    const struct target **targets;
    size_t target_count;
    bool has_strategy; /* else the route's */
    enum strategy strategy;
};

struct rule_facts {
    bool has_image, has_tools, wants_json, streaming;
    struct str model;      /* as asked for */
    struct str client;     /* its name; empty: nobody's */
    int64_t prompt_tokens; /* by estimate; -1: not known, and then neither over nor under anything */
    const struct rule_tag *tags;
    size_t tag_count; /* a key may stand more than once */
    int64_t wall_ns;
};

/* The first enabled one whose conditions all hold, in the order given; NULL: none. */
const struct rule *rules_match(const struct rule *rules, size_t count, const struct rule_facts *facts);
bool rule_holds(const struct rule_when *when, const struct rule_facts *facts);

/* "22:00-06:00", "09:00-24:00". false: it is not so, or nothing is between the two. */
bool rule_read_hours(struct str text, struct rule_hours *hours);
/* "mon-fri", "sat, sun", "fri-mon"; long names too. false: a day is not known, or there is none. */
bool rule_read_days(struct str text, uint8_t *days);
/* "UTC", "Z", "+02:00", "-05:30". */
bool rule_read_offset(struct str text, int32_t *minutes);
/* "team=search, env=prod" (a key alone has an empty value), at most rule_tags_max; the rest is not looked at. Pieces
 * without a key are left out. How many; they point into the text. */
size_t rule_read_tags(struct str text, struct rule_tag tags[static rule_tags_max]);

#endif
