/* config_budgets.c - owners, and what they, their clients and providers may spend. A budget is the same one while its
 * owner and its name, or else its window and what counts in it, are: under that text stands what was spent. */
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/hash.h"
#include "config/config_decisions.h"
#include "config/config_zone.h"

/* Whose budgets are read. */
struct budget_reading {
    struct config_reading *reading;
    struct snapshot *snapshot;
    struct str who;   /* "team search": told */
    struct str scope; /* "owner search": a part of the identity */
    bool is_clients;  /* of one client */
    struct money_budgets *into;
    size_t room;
};

static bool out_of_memory(struct config_reading *reading) {
    config_report(reading, NULL, config_error, "no memory for the budgets");
    return false;
}

/* -- time zones -- */

struct zone_read {
    struct zone_read *next;
    struct str name;
    struct zone zone;
    struct cell found[window_kinds];
};

static bool zone_load(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *at,
                      struct zone_read *read) {
    struct error error = {.code = error_none};
    struct str content = STR_NONE;
    if (str_eq(read->name, STR("UTC"))) return true;
    struct str path = arena_printf(&reading->config->arena, "/usr/share/zoneinfo/%.*s", STR_ARG(read->name));
    bool good = zone_name_is_good(read->name) && path.at && reading->input->read_file &&
                reading->input->read_file(reading->input->context, path, &reading->config->arena, &content, &error);
    if (good && zone_parse(content, &snapshot->arena, &read->zone)) return true;
    config_report(reading, at, config_error,
                  "`%.*s` is no time zone that this machine has data for (%s): write one such as Europe/Berlin, and "
                  "install the package tzdata",
                  STR_ARG(str_slice(read->name, 0, 64)), error.code ? error.message : "it is no zone's file");
    return false;
}

/* NULL: it has been said why. */
static struct zone_read *zone_of(struct config_reading *reading, struct snapshot *snapshot,
                                 const struct config_node *at, struct str name) {
    for (struct zone_read *read = snapshot->zones; read; read = read->next)
        if (str_eq(read->name, name)) return read;
    struct zone_read *read = arena_take_zeroed(&snapshot->arena, sizeof *read);
    if (!read) return out_of_memory(reading), NULL;
    read->name = arena_copy(&snapshot->arena, name);
    if (!zone_load(reading, snapshot, at, read)) return NULL;
    read->next = snapshot->zones;
    snapshot->zones = read;
    return read;
}

/* -- one budget -- */

static bool window_find(struct str word, enum window_kind *kind) {
    for (size_t i = 0; i < window_kinds; i++)
        if (str_eq(window_word(i), word)) return *kind = (enum window_kind)i, true;
    return false;
}

/* 90m */
static bool length_find(struct str word, uint64_t *length_s) {
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    const uint64_t least_s = 30, most_s = UINT64_C(366) * 86400;
    for (size_t i = 0; word.len && i < sizeof units / sizeof *units; i++)
        if (word.at[word.len - 1] == units[i].unit)
            return str_to_u64(str_slice(word, 0, word.len - 1), length_s) && *length_s <= most_s &&
                   (*length_s *= units[i].seconds) >= least_s && *length_s <= most_s;
    return false;
}

static void globs_put(struct text *text, const char *what, const struct str *globs, size_t count) {
    for (size_t i = 0; i < count; i++) text_printf(text, "|%s=%.*s", what, STR_ARG(globs[i]));
}

/* Its words, by what makes it the same. */
static bool spend_find(struct budget_reading *of, struct money_budget *budget, struct str name) {
    struct text text = text_in_arena(&of->snapshot->arena, 128);
    text_printf(&text, "%.*s|", STR_ARG(of->scope));
    if (name.len) {
        text_printf(&text, "name=%.*s", STR_ARG(name));
    } else {
        if (budget->bucket_s)
            text_printf(&text, "rolling %llu", (unsigned long long)budget->bucket_s);
        else
            text_put(&text, window_word(budget->window.kind));
        globs_put(&text, "model", budget->models, budget->model_count);
        globs_put(&text, "route", budget->routes, budget->route_count);
        if (budget->per) text_printf(&text, "|per=%.*s", STR_ARG(budget->per_word));
    }
    if (text.failed) return out_of_memory(of->reading);
    struct sha256 hash = hash_sha256(text_str(&text));
    memcpy(&budget->identity, hash.bytes, sizeof budget->identity);
    struct cells *cells = of->reading->input->cells;
    struct arena *arena = &of->snapshot->arena;
    budget->extras = cells_find(cells, arena, "extras ", text_str(&text), money_extra_kinds * sizeof *budget->extras);
    if (budget->bucket_s) { /* another length has other buckets, whatever its name is */
        text_printf(&text, "|%llu", (unsigned long long)budget->bucket_s);
        if (!budget->per)
            budget->rolling = cells_find(cells, arena, "rolling ", text_str(&text), sizeof *budget->rolling);
    } else if (!budget->per) {
        budget->spend = cells_find(cells, arena, "spend ", text_str(&text), sizeof *budget->spend);
    }
    if (budget->per)
        budget->values =
            cells_find_ending(cells, arena, "values ", text_str(&text),
                              values_size(budget->bucket_s ? values_of_rolling : values_of_spend), values_end);
    return (budget->extras && (budget->spend || budget->rolling || budget->values)) || out_of_memory(of->reading);
}

static bool budget_add(struct budget_reading *of, const struct config_node *at, const struct money_budget *budget) {
    for (size_t i = 0; i < of->into->count; i++) {
        if (of->into->list[i]->identity != budget->identity) continue;
        config_report(of->reading, at, config_error,
                      "%.*s has two budgets of the same window, models, routes and `per`: give one of them a `name`",
                      STR_ARG(of->who));
        return false;
    }
    if (of->into->count == of->room) {
        size_t room = of->room ? of->room * 2 : 4;
        const struct money_budget **list = arena_take(&of->snapshot->arena, room * sizeof *list);
        if (!list) return out_of_memory(of->reading);
        for (size_t i = 0; i < of->into->count; i++) list[i] = of->into->list[i];
        of->into->list = list;
        of->room = room;
    }
    of->into->list[of->into->count++] = budget;
    return true;
}

static struct money_budget *budget_new(struct budget_reading *of, const struct config_node *at, double usd,
                                       struct str zone, enum window_kind kind) {
    struct snapshot *snapshot = of->snapshot;
    struct money_budget *budget = arena_take_zeroed(&snapshot->arena, sizeof *budget);
    struct zone_read *read = budget ? zone_of(of->reading, snapshot, at, zone) : NULL;
    if (!read) return NULL;
    *budget = (struct money_budget){.owner = of->who,
                                    .own = of->is_clients,
                                    .name = window_word(kind),
                                    .limit_nano_usd = (int64_t)(usd * 1e9 + 0.5),
                                    .zone = read->name,
                                    .window = {.kind = kind, .zone = &read->zone, .found = &read->found[kind]}};
    budget->next = snapshot->first_budget;
    snapshot->first_budget = budget;
    snapshot->budget_count++;
    return budget;
}

static void globs_read(struct section section, const char *key, struct arena *arena, struct str **globs,
                       size_t *count) {
    *globs = read_strings(section, key, arena, count);
    if (*count == 1 && str_eq((*globs)[0], STR("*"))) *count = 0; /* all */
}

/* What serves instead, by name: targets are not there yet. */
static void downgrade_read(struct budget_reading *of, struct section section, struct money_budget *budget) {
    const struct config_node *to = config_member(section.map, STR("to"));
    budget->to_names = read_strings(section, "to", &of->snapshot->arena, &budget->to_count);
    budget->to_at = to;
    budget->at_nano_usd = (int64_t)((double)budget->limit_nano_usd * read_number(section, "at"));
    if (budget->over != over_downgrade && read_is_written(section, "at"))
        config_report(of->reading, config_member(section.map, STR("at")), config_error,
                      "`at` is the share from which on a budget with `over: downgrade` has others serve: write that, "
                      "or leave `at` out");
    for (size_t i = 0; i < budget->to_count; i++)
        budget->to_cheapest = budget->to_cheapest || str_eq(budget->to_names[i], STR("cheapest"));
    if (budget->to_cheapest && budget->to_count > 1)
        config_report(of->reading, to, config_error, "`to` is targets, or `cheapest` alone");
    if (budget->over != over_downgrade && budget->to_count)
        config_report(of->reading, to, config_error,
                      "`to` says what serves where a budget has `over: downgrade`: write that, or leave `to` out");
    if (budget->to_cheapest || budget->over != over_downgrade) budget->to_count = 0;
    budget->to_cheapest = budget->over == over_downgrade && !budget->to_count;
}

bool per_read(struct str word, enum money_per *per, struct str *tag) {
    static const struct str words[] = {[per_model] = STR("model"),
                                       [per_route] = STR("route"),
                                       [per_end_user] = STR("end_user"),
                                       [per_session] = STR("session")};
    static const struct str of_tag = STR("tag:");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].len && str_eq(words[i], word)) return *per = (enum money_per)i, true;
    if (!str_starts(word, of_tag) || word.len == of_tag.len) return false;
    *tag = str_slice(word, of_tag.len, word.len);
    *per = per_tag;
    return true;
}

/* The sums of single values. */
static void limits_read(struct budget_reading *of, const struct config_node *values, struct money_budget *budget) {
    enum { digits = 9 };
    struct arena *arena = &of->snapshot->arena;
    if (!map_init(&budget->limits, arena, values->count + 1)) {
        out_of_memory(of->reading);
        return;
    }
    for (const struct config_node *node = values->first; node; node = node->next) {
        struct money_limit *limit = arena_take(arena, sizeof *limit);
        struct str value = arena_copy(arena, node->key);
        if (!limit || !value.at) {
            out_of_memory(of->reading);
            return;
        }
        if (value.len >= value_said_max)
            config_report(of->reading, node, config_error, "a value that has a sum of its own is at most %d bytes long",
                          value_said_max - 1);
        if (node->kind != config_scalar || !decimal_to_i64(node->text, digits, false, &limit->nano_usd) ||
            limit->nano_usd < 0 || limit->nano_usd > spend_most)
            config_report(of->reading, node, config_error, "`values` has an amount of USD for each value: {alice: 5}");
        else
            map_add(&budget->limits, value, limit);
    }
}

/* false: it has been said why. */
static bool split_read(struct budget_reading *of, struct section section, struct money_budget *budget) {
    const struct config_node *per = config_member(section.map, STR("per")),
                             *values = config_member(section.map, STR("values")),
                             *most = config_member(section.map, STR("max_values"));
    struct str word = read_str(section, "per");
    budget->value_most = (size_t)read_whole(section, "max_values");
    if (word.len) budget->per_word = word = arena_copy(&of->snapshot->arena, word);
    if (word.len && !per_read(word, &budget->per, &budget->tag)) {
        config_report(of->reading, per, config_error,
                      "`per` is model, route, tag:NAME, end_user or session: each value of it has the sum of its own");
        return false;
    }
    if (!word.len && (values || most))
        config_report(of->reading, values ? values : most, config_error,
                      "`%s` is for a budget that is split: write what by, such as `per: end_user`",
                      values ? "values" : "max_values");
    if (word.len && budget->from_history)
        config_report(of->reading, per, config_error,
                      "`start: history` is for a budget that is not split: the ledger does not know what each value of "
                      "`per` has spent before");
    if (word.len && values && values->kind == config_map) limits_read(of, values, budget);
    return true;
}

/* NULL: what is wrong with it has been said. */
static struct money_budget *budget_make(struct budget_reading *of, const struct config_node *node, struct str called) {
    const struct section section = {section_budget, node};
    const struct config_node *zone = config_member(node, STR("timezone"));
    struct str name = called.len ? called : read_str(section, "name"), word = read_str(section, "window");
    enum window_kind kind;
    uint64_t length_s = 0;
    bool rolling = read_bool(section, "rolling");
    if (!read_is_written(section, "usd") || !(rolling ? length_find(word, &length_s) : window_find(word, &kind))) {
        const struct config_node *window = config_member(node, STR("window"));
        config_report(of->reading, window ? window : node, config_error,
                      "a budget needs `usd`, and a `window` that is hour, day, week, month or lifetime, or with "
                      "`rolling: true` a time from 30s to 366d such as 90m, 24h or 7d");
        return NULL;
    }
    if (rolling) kind = window_lifetime;
    struct money_budget *budget =
        budget_new(of, zone ? zone : node, read_number(section, "usd"), read_str(section, "timezone"), kind);
    if (!budget) return NULL;
    if (rolling) budget->name = budget->length = arena_copy(&of->snapshot->arena, word);
    if (rolling) budget->bucket_s = rolling_bucket_s(length_s);
    if (name.len) budget->name = arena_copy(&of->snapshot->arena, name);
    budget->mode = (enum money_mode)read_choice(section, "mode");
    budget->over = (enum money_over)read_choice(section, "over");
    budget->unbounded = read_is(section, "unbounded", "allow");
    budget->from_history = read_is(section, "start", "history");
    globs_read(section, "models", &of->snapshot->arena, &budget->models, &budget->model_count);
    globs_read(section, "routes", &of->snapshot->arena, &budget->routes, &budget->route_count);
    downgrade_read(of, section, budget);
    return split_read(of, section, budget) && spend_find(of, budget, name) ? budget : NULL;
}

/* `budgets` of a map: its own, and those that it names. */
static void list_read(struct budget_reading *of, const struct config_node *map) {
    const struct config_node *list = config_member(map, STR("budgets"));
    if (!list || list->kind != config_list) return;
    for (const struct config_node *node = list->first; node; node = node->next) {
        const struct money_budget *budget =
            node->kind == config_scalar ? map_find(&of->snapshot->named_budgets, node->text) : NULL;
        if (node->kind == config_scalar && !budget)
            config_report(of->reading, node, config_error, "there is no budget `%.*s` among `budgets`",
                          STR_ARG(config_shown(node)));
        if (node->kind == config_map) budget = budget_make(of, node, STR(""));
        if (budget && !budget_add(of, node, budget)) return;
    }
}

/* daily_budget and monthly_budget. */
static void short_read(struct budget_reading *of, struct section section, bool rolling) {
    static const struct {
        const char *key;
        enum window_kind kind;
        struct str length; /* where it ends now */
    } shorts[] = {{"daily_budget", window_day, STR("24h")}, {"monthly_budget", window_month, STR("30d")}};
    const struct config_node *zone = config_member(section.map, STR("budget_timezone"));
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++) {
        if (!read_is_written(section, shorts[i].key)) continue;
        const struct config_node *at = config_member(section.map, str_from(shorts[i].key));
        struct money_budget *budget = budget_new(of, zone ? zone : at, read_number(section, shorts[i].key),
                                                 read_str(section, "budget_timezone"), shorts[i].kind);
        uint64_t length_s = 0;
        if (!budget) return;
        budget->mode = (enum money_mode)read_choice(section, "budget_mode");
        if (rolling && length_find(shorts[i].length, &length_s)) {
            budget->name = budget->length = shorts[i].length;
            budget->bucket_s = rolling_bucket_s(length_s);
            budget->window.kind = window_lifetime;
        }
        if (!spend_find(of, budget, STR("")) || !budget_add(of, at, budget)) return;
    }
}

/* -- owners -- */

static bool has_rates(const struct rate_rules *rates) {
    return rates->requests_minute.limit || rates->requests_hour.limit || rates->tokens_minute.limit;
}

static unsigned budget_limits_count(const struct rate_rules *rates, uint32_t max_concurrent) {
    return (unsigned)((rates->requests_minute.limit > 0) + (rates->requests_hour.limit > 0) +
                      (rates->tokens_minute.limit > 0) + (max_concurrent > 0));
}

static void owner_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                       struct owner *owner) {
    const struct section section = {section_owner, node};
    struct arena *arena = &snapshot->arena;
    *owner = (struct owner){.name = arena_copy(arena, read_str(section, "name")),
                            .kind = arena_copy(arena, read_str(section, "kind")),
                            .rates = rates_of(section),
                            .max_concurrent = (uint32_t)read_whole(section, "max_concurrent")};
    if (owner->name.len == 0 || owner->name.len > limit_name || str_find_byte(owner->name, '|') != SIZE_MAX) {
        config_report(reading, node, config_error, "an owner needs a `name` of at most %d bytes, without `|`",
                      limit_name);
        return;
    }
    if (!map_add(&snapshot->owners_by_name, owner->name, owner))
        config_report(reading, node, config_error, "two owners are named `%.*s`", STR_ARG(owner->name));
    owner->models = read_strings(section, "models", arena, &owner->model_count);
    owner->providers = read_strings(section, "providers", arena, &owner->provider_count);
    owner->has_limits = has_rates(&owner->rates) || owner->max_concurrent;
    owner->cells = cells_find(reading->input->cells, arena, "owner ", owner->name, sizeof *owner->cells);
    if (!owner->cells) out_of_memory(reading);
    struct budget_reading of = {.reading = reading,
                                .snapshot = snapshot,
                                .who = arena_printf(arena, "%.*s %.*s", STR_ARG(owner->kind), STR_ARG(owner->name)),
                                .scope = arena_printf(arena, "owner %.*s", STR_ARG(owner->name)),
                                .into = &owner->money};
    short_read(&of, section, false);
    list_read(&of, node);
    struct limits_reading limits = {
        .reading = reading, .snapshot = snapshot, .who = of.who, .scope = of.scope, .into = &owner->limits};
    rate_limits_read(&limits, node);
    sessions_of_owner(reading, snapshot, node, owner);
}

static void owner_link(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                       struct owner *owner) {
    const struct config_node *in = config_member(node, STR("in"));
    unsigned above = 0;
    if (!in || !in->text.len) return;
    owner->in = map_find(&snapshot->owners_by_name, in->text);
    if (!owner->in) config_report(reading, in, config_error, "there is no owner `%.*s`", STR_ARG(config_shown(in)));
    for (const struct owner *at = owner->in; at; at = at->in)
        if (at == owner || ++above >= limit_owners) {
            config_report(reading, in, config_error, "`%.*s` is in itself, or below more than %d owners",
                          STR_ARG(owner->name), limit_owners - 1);
            owner->in = NULL;
            return;
        }
}

/* Its own name first: where there is no room for all, those high above are left out. */
static void owner_path(struct config_reading *reading, struct arena *arena, struct owner *owner) {
    char path[limit_owner_path];
    struct text text = text_in_buffer(path, sizeof path);
    for (const struct owner *at = owner; at && text.len + 1 + at->name.len <= sizeof path; at = at->in) {
        if (text.len) text_put_byte(&text, '|');
        text_put(&text, at->name);
    }
    owner->path = arena_copy(arena, text_str(&text));
    if (!owner->path.at) out_of_memory(reading);
}

static void named_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct config_node *map = config_member(root, STR("budgets"));
    size_t count = map && map->kind == config_map ? map->count : 0;
    struct money_budgets all = {.count = 0};
    struct budget_reading of = {.reading = reading, .snapshot = snapshot, .scope = STR("budgets"), .into = &all};
    if (!map_init(&snapshot->named_budgets, &snapshot->arena, count + 1)) {
        out_of_memory(reading);
        return;
    }
    for (const struct config_node *node = count ? map->first : NULL; node; node = node->next) {
        struct money_budget *budget = node->kind == config_map ? budget_make(&of, node, node->key) : NULL;
        if (budget) map_add(&snapshot->named_budgets, budget->name, budget);
    }
}

void owners_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct config_node *list = config_member(root, STR("owners")), *node;
    size_t count = list && list->kind == config_list ? list->count : 0;
    named_read(reading, snapshot, root);
    snapshot->templates = config_member(root, STR("templates"));
    snapshot->owners = arena_take_zeroed(&snapshot->arena, (count + 1) * sizeof *snapshot->owners);
    if (!snapshot->owners || !map_init(&snapshot->owners_by_name, &snapshot->arena, count + 1)) {
        out_of_memory(reading);
        return;
    }
    for (node = count ? list->first : NULL; node; node = node->next)
        if (node->kind == config_map) owner_read(reading, snapshot, node, &snapshot->owners[snapshot->owner_count++]);
    struct owner *owner = snapshot->owners;
    for (node = count ? list->first : NULL; node; node = node->next)
        if (node->kind == config_map) owner_link(reading, snapshot, node, owner++);
    for (size_t i = 0; i < snapshot->owner_count; i++) owner_path(reading, &snapshot->arena, &snapshot->owners[i]);
}

/* -- providers' quotas -- */

static bool quota_make(struct budget_reading *of, const struct zone_read *zone, struct quota *quota) {
    struct arena *arena = &of->snapshot->arena;
    struct str same = arena_printf(arena, "%.*s|quota %.*s", STR_ARG(of->scope), STR_ARG(quota->name));
    if (!same.at) return out_of_memory(of->reading);
    struct sha256 hash = hash_sha256(same);
    memcpy(&quota->identity, hash.bytes, sizeof quota->identity);
    quota->window.zone = &zone->zone;
    quota->zone = zone->name;
    quota->spend = cells_find(of->reading->input->cells, arena, "spend ", same, sizeof *quota->spend);
    return quota->spend || out_of_memory(of->reading);
}

/* Each unit over each window, as the keys are called. */
static void quotas_read(struct budget_reading *of, struct section section, struct provider *provider) {
    static const struct {
        const char *key;
        enum quota_unit unit;
        enum window_kind kind;
    } rows[] = {{"requests_per_hour", quota_requests, window_hour},
                {"requests_per_day", quota_requests, window_day},
                {"requests_per_month", quota_requests, window_month},
                {"tokens_per_hour", quota_tokens, window_hour},
                {"tokens_per_day", quota_tokens, window_day},
                {"tokens_per_month", quota_tokens, window_month},
                {"characters_per_hour", quota_characters, window_hour},
                {"characters_per_day", quota_characters, window_day},
                {"characters_per_month", quota_characters, window_month}};
    enum { count = sizeof rows / sizeof *rows };
    struct section written = read_section(section, "quota");
    const struct config_node *zone_at = config_member(written.map, STR("timezone"));
    uint64_t a_day = read_is_written(section, "quota_limit") ? read_whole(section, "quota_limit") : 0;
    if (!written.map && !a_day) return;
    struct zone_read *zone =
        zone_of(of->reading, of->snapshot, zone_at ? zone_at : section.map, read_str(written, "timezone"));
    if (!zone) return;
    provider->quotas = arena_take_zeroed(&of->snapshot->arena, count * sizeof *provider->quotas);
    if (!provider->quotas) {
        out_of_memory(of->reading);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t limit = read_is_written(written, rows[i].key) ? read_whole(written, rows[i].key) : 0;
        if (!limit && rows[i].unit == quota_requests && rows[i].kind == window_day) limit = a_day;
        if (!limit) continue;
        struct quota *quota = &provider->quotas[provider->quota_count];
        *quota = (struct quota){.name = str_from(rows[i].key),
                                .unit = rows[i].unit,
                                .limit = limit > (uint64_t)spend_most ? spend_most : (int64_t)limit,
                                .window = {.kind = rows[i].kind, .found = &zone->found[rows[i].kind]}};
        if (!quota_make(of, zone, quota)) return;
        provider->quota_count++;
        provider->counts_characters = provider->counts_characters || rows[i].unit == quota_characters;
    }
}

/* -- providers and clients -- */

void budgets_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                         struct provider *provider) {
    struct str who = arena_printf(&snapshot->arena, "provider %.*s", STR_ARG(provider->name));
    struct budget_reading of = {
        .reading = reading, .snapshot = snapshot, .who = who, .scope = who, .into = &provider->money};
    const struct section section = {section_provider, node};
    provider->unbilled = !read_bool(section, "bill");
    if (read_is_written(section, "cut_margin_tokens"))
        provider->cut_margin = (int64_t)read_whole(section, "cut_margin_tokens");
    else /* what is known of a vendor is not known of what stands elsewhere */
        provider->cut_margin = read_is_written(section, "base_url") ? -1 : provider->row->cut_margin;
    short_read(&of, section, read_is(section, "budget_window", "rolling"));
    list_read(&of, node);
    quotas_read(&of, section, provider);
    if (provider->money.count + provider->quota_count > limit_path)
        config_report(reading, node, config_error, "`%.*s` has %zu budgets and quotas: at most %d",
                      STR_ARG(provider->name), provider->money.count + provider->quota_count, limit_path);
}

const struct config_node *template_of(const struct snapshot *snapshot, const struct config_node *client) {
    const struct config_node *name = config_member(client, STR("template"));
    return name && name->kind == config_scalar ? config_member(snapshot->templates, name->text) : NULL;
}

static size_t most_of_a_provider(const struct snapshot *snapshot) {
    size_t most = 0;
    for (size_t i = 0; i < snapshot->provider_count; i++)
        if (snapshot->providers[i].money.count + snapshot->providers[i].quota_count > most)
            most = snapshot->providers[i].money.count + snapshot->providers[i].quota_count;
    return most;
}

/* All above it count beside its own. */
static void path_make(struct budget_reading *of, const struct config_node *node, struct client *client) {
    size_t limits = budget_limits_count(&client->rates, client->max_concurrent) + rate_limits_count(&client->limits);
    for (const struct owner *owner = client->in; owner; owner = owner->in) {
        limits += budget_limits_count(&owner->rates, owner->max_concurrent);
        for (size_t i = 0; i < owner->money.count; i++)
            if (!budget_add(of, node, owner->money.list[i])) return;
    }
    limits += of->into->count + most_of_a_provider(of->snapshot) + (client->sessions ? session_counts - 1 : 0);
    if (limits > limit_path)
        config_report(of->reading, node, config_error,
                      "a request of client `%.*s` may have to pass %zu budgets and limits, its own, its owners' and a "
                      "provider's: at most %d",
                      STR_ARG(client->name), limits, limit_path);
}

void budgets_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                       struct client *client) {
    const struct config_node *in = config_member(node, STR("in")), *named = config_member(node, STR("template")),
                             *template = template_of(snapshot, node);
    struct arena *arena = &snapshot->arena;
    bool owned = in && in->text.len, templated = named && named->text.len, plain = !owned && !templated;
    if (plain && !config_member(node, STR("budgets")) && !config_member(node, STR("limits")) &&
        !config_member(node, STR("daily_budget")) && !config_member(node, STR("monthly_budget")))
        return; /* there may be a million of them */
    struct str who = arena_printf(arena, "client %.*s", STR_ARG(client->name));
    struct budget_reading of = {
        .reading = reading, .snapshot = snapshot, .who = who, .scope = who, .is_clients = true, .into = &client->money};
    if (templated && !template)
        config_report(reading, named, config_error, "there is no template `%.*s`", STR_ARG(config_shown(named)));
    if (owned && !(client->in = map_find(&snapshot->owners_by_name, in->text)))
        config_report(reading, in, config_error, "there is no owner `%.*s`", STR_ARG(config_shown(in)));
    short_read(&of, (struct section){section_client, node, template}, false);
    list_read(&of, node);
    if (template) {
        of.scope = arena_printf(arena, "%.*s|template %.*s", STR_ARG(who), STR_ARG(named->text));
        list_read(&of, template);
    }
    limits_of_client(reading, snapshot, node, client);
    path_make(&of, node, client);
}

static int by_identity(const void *a, const void *b) {
    const struct money_budget *const *one = a, *const *other = b;
    return ((*one)->identity > (*other)->identity) - ((*one)->identity < (*other)->identity);
}

/* The targets that serve instead; all are there now. */
static void downgrade_find(struct config_reading *reading, struct snapshot *snapshot, struct money_budget *budget) {
    size_t found = 0;
    const struct config_node *at = budget->to_at && budget->to_at->kind == config_list ? budget->to_at->first : NULL;
    budget->to = arena_take(&snapshot->arena, budget->to_count * sizeof *budget->to);
    for (size_t i = 0; budget->to && i < budget->to_count; i++) {
        const struct target *target = map_find(&snapshot->targets_by_name, budget->to_names[i]);
        if (target)
            budget->to[found++] = target;
        else
            config_report(reading, at ? at : budget->to_at, config_error,
                          "the budget `%.*s`%s%.*s downgrades to `%.*s`, which is no target: write provider/model, "
                          "with a model that the provider lists",
                          STR_ARG(budget->name), budget->owner.len ? " of " : "", STR_ARG(budget->owner),
                          STR_ARG(str_slice(budget->to_names[i], 0, limit_model)));
        at = at ? at->next : NULL;
    }
    budget->to_at = NULL;
    if (!budget->to) out_of_memory(reading);
    budget->to_count = found;
}

void budgets_downgrades_find(struct config_reading *reading, struct snapshot *snapshot,
                             const struct money_budget *end) {
    for (struct money_budget *budget = snapshot->first_budget; budget != end; budget = budget->next)
        if (budget->to_count) downgrade_find(reading, snapshot, budget);
}

/* Of a thousand tokens each way; what is not billed costs nothing. */
static int64_t cheap_cost(const struct target *target) {
    enum { tokens = 1000 };
    if (target->provider->unbilled) return 0;
    return price_cost(&target->prices, (struct price_tokens){.input = tokens, .output = tokens}, 0);
}

static int by_cheap_cost(const void *a, const void *b) {
    const struct target *const *one = a, *const *other = b;
    int64_t first = cheap_cost(*one), second = cheap_cost(*other);
    if (first != second) return first < second ? -1 : 1;
    return (*one > *other) - (*one < *other);
}

static void cheap_sort(struct config_reading *reading, struct snapshot *snapshot) {
    snapshot->targets_cheap =
        arena_take(&snapshot->arena, (snapshot->target_count + 1) * sizeof *snapshot->targets_cheap);
    if (!snapshot->targets_cheap) {
        out_of_memory(reading);
        return;
    }
    for (size_t i = 0; i < snapshot->target_count; i++)
        if (cheap_cost(&snapshot->targets[i]) >= 0)
            snapshot->targets_cheap[snapshot->cheap_count++] = &snapshot->targets[i];
    qsort(snapshot->targets_cheap, snapshot->cheap_count, sizeof *snapshot->targets_cheap, by_cheap_cost);
}

void config_budgets_sort(struct config_reading *reading, struct snapshot *snapshot) {
    size_t count = 0;
    budgets_downgrades_find(reading, snapshot, NULL);
    cheap_sort(reading, snapshot);
    snapshot->value_secret = value_secret_find(reading->input->cells, &snapshot->arena);
    if (!snapshot->value_secret) out_of_memory(reading);
    snapshot->budgets = arena_take(&snapshot->arena, (snapshot->budget_count + 1) * sizeof *snapshot->budgets);
    if (!snapshot->budgets) {
        out_of_memory(reading);
        return;
    }
    for (struct money_budget *budget = snapshot->first_budget; budget; budget = budget->next)
        if (budget->spend || budget->rolling || budget->values) snapshot->budgets[count++] = budget;
    snapshot->budget_count = count;
    qsort(snapshot->budgets, count, sizeof *snapshot->budgets, by_identity);
}
