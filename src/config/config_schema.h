/* config_schema.h - every key of the configuration, as one table: its kind, its range, whether this version has it, its
 * default and its sentence. Feeds the check, the suggestions, the readers (config_read.h) and docs/configuration.md:
 * none of them says again what stands here. */
#ifndef WEIR_CONFIG_CONFIG_SCHEMA_H
#define WEIR_CONFIG_CONFIG_SCHEMA_H

#include "base/str.h"

enum config_section {
    section_top,
    section_listen,
    section_tls,
    section_adaptive,
    section_retry,
    section_hedge,
    section_fetch,
    section_responses,
    section_cache,
    section_semantic,
    section_provider,
    section_quota,
    section_price,
    section_price_row,
    section_price_when,
    section_price_set,
    section_discount,
    section_facts,
    section_breaker,
    section_route,
    section_target,
    section_params,
    section_queue,
    section_pool,
    section_rule,
    section_when,
    section_client,
    section_log,
    section_alerts,
    section_alert_hook,
    section_traces,
    section_overall,
    section_health,
    section_budget,
    section_owner,
    section_template,
    section_sessions,
    section_identity,
    section_claims,
    section_loop_guard,
    section_limit,
    section_limit_value,
    config_sections
};

enum config_value {
    value_string,
    value_bool,
    value_int,          /* whole number in [least, most] */
    value_number,       /* in [least, most] */
    value_seconds,      /* as value_number; above 0 */
    value_milliseconds, /* as value_int */
    value_choice,       /* one of `choices`, separated by | */
    value_strings,      /* a list of strings, or one string */
    value_map,          /* names to strings */
    value_section,      /* a map of section `inner` */
    value_named,        /* a map of names to sections `inner` */
    value_list,         /* a list of sections `inner`; a scalar stands for the section's main key where that says so */
    value_numbers,      /* a list of numbers */
    value_any,
};

enum config_status {
    key_now,
    key_later,    /* parsed and checked; its feature is not in this version */
    key_protects, /* as key_later, and serving without it would leave something open that the file wants closed */
};

#define config_no_most 1e15    /* no bound; and still a whole number as a double */
#define config_days_30 2592000 /* of seconds: longer than that no word of shared state can tell */

struct config_key {
    struct str name;
    enum config_value value;
    enum config_status status;
    double least, most;             /* of numbers */
    bool none;                      /* of value_seconds: 0 is allowed, and is none */
    struct str choices;             /* of value_choice: the words, separated by |; or */
    struct str (*word)(size_t);     /* they are another table's: the one at this place, empty behind the last */
    enum config_section inner;      /* of value_section, value_named and value_list */
    struct str synonym_of;          /* empty: none */
    struct str fallback, otherwise; /* the default: as a file would say it; or what holds where that is no value */
    struct str sentence;
};

/* The rows of a section. */
const struct config_key *config_keys_of(enum config_section section, size_t *count);
struct str config_section_name(enum config_section section);
/* The key of that name in a section, as it is written: a synonym's row says whose it is. NULL when there is none. */
const struct config_key *config_key_find(enum config_section section, struct str name);
/* The words that a value_choice may be, from place 0; empty behind the last. */
struct str config_key_choice(const struct config_key *key, size_t place);
/* The nearest known name, or an empty range when nothing is near. */
struct str config_key_nearest(enum config_section section, struct str name);

#endif
