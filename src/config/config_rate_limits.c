/* config_rate_limits.c - `limits` of owners, templates and clients: rates and places by model, route, tag or end user.
 * A limit is the same one while its owner and its name, or else what counts in it, are: under that text stand its
 * words, so that a change of its numbers forgets nothing that it holds. */
#include <string.h>

#include "base/hash.h"
#include "config/config_decisions.h"

static bool limits_no_memory(struct config_reading *reading) {
    config_report(reading, NULL, config_error, "no memory for the limits");
    return false;
}

/* -- one limit -- */

static struct limit_rules limit_rules_read(struct section section) {
    return (struct limit_rules){.rates = rates_make(read_whole(section, "rpm"), read_whole(section, "rph"),
                                                    read_whole(section, "tpm"), read_whole(section, "burst")),
                                .max_concurrent = (uint32_t)read_whole(section, "concurrent")};
}

/* Which of them it has: a bit each. */
static unsigned limit_kinds(const struct limit_rules *rules) {
    return (unsigned)(rules->rates.requests_minute.limit > 0) | (unsigned)(rules->rates.requests_hour.limit > 0) << 1 |
           (unsigned)(rules->rates.tokens_minute.limit > 0) << 2 | (unsigned)(rules->max_concurrent > 0) << 3;
}

/* Those of all its values too. */
static unsigned limit_kinds_all(const struct rate_limit *limit) {
    unsigned kinds = limit_kinds(&limit->rules);
    for (size_t i = 0; i < limit->limits.size; i++)
        if (limit->limits.entries[i].value) kinds |= limit_kinds(limit->limits.entries[i].value);
    return kinds;
}

size_t rate_limits_count(const struct rate_limits *limits) {
    size_t count = 0;
    for (size_t i = 0; i < limits->count; i++) count += (size_t)__builtin_popcount(limit_kinds_all(limits->list[i]));
    return count;
}

/* What single values may: what is not written for one is as for all. */
static bool limit_values_read(struct limits_reading *of, struct section section, struct rate_limit *limit) {
    const struct config_node *values = config_member(section.map, STR("values"));
    struct arena *arena = &of->snapshot->arena;
    if (!values || values->kind != config_map) return true;
    if (!map_init(&limit->limits, arena, values->count + 1)) return limits_no_memory(of->reading);
    for (const struct config_node *node = values->first; node; node = node->next) {
        struct limit_rules *rules = arena_take(arena, sizeof *rules);
        struct str value = arena_copy(arena, node->key);
        if (!rules || !value.at) return limits_no_memory(of->reading);
        if (value.len >= value_said_max)
            config_report(of->reading, node, config_error,
                          "a value that has a limit of its own is at most %d bytes long", value_said_max - 1);
        if (node->kind != config_map) continue; /* that has been said */
        *rules = limit_rules_read((struct section){section_limit_value, node, section.map});
        map_add(&limit->limits, value, rules);
    }
    return true;
}

static bool limit_split_read(struct limits_reading *of, struct section section, struct rate_limit *limit) {
    const struct config_node *per = config_member(section.map, STR("per")),
                             *values = config_member(section.map, STR("values")),
                             *most = config_member(section.map, STR("max_values"));
    struct str word = read_str(section, "per");
    limit->value_most = (size_t)read_whole(section, "max_values");
    if (word.len) limit->per_word = word = arena_copy(&of->snapshot->arena, word);
    if (word.len && !per_read(word, &limit->per, &limit->tag)) {
        config_report(of->reading, per, config_error,
                      "`per` is model, route, tag:NAME, end_user or session: each value of it has rates of its own");
        return false;
    }
    if (!word.len && (values || most)) {
        config_report(of->reading, values ? values : most, config_error,
                      "`%s` is for a limit that is split: write what by, such as `per: end_user`",
                      values ? "values" : "max_values");
        return false;
    }
    return limit_values_read(of, section, limit);
}

static void limit_globs_put(struct text *text, const char *what, const struct str *globs, size_t count) {
    for (size_t i = 0; i < count; i++) text_printf(text, "|%s=%.*s", what, STR_ARG(globs[i]));
}

/* What tells it from others, for people. */
static struct str limit_label(struct arena *arena, const struct rate_limit *limit) {
    struct text text = text_in_arena(arena, 32);
    const struct {
        const char *what;
        const struct str *globs;
        size_t count;
    } rows[] = {{"models", limit->models, limit->model_count}, {"routes", limit->routes, limit->route_count}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < rows[i].count; k++)
            text_printf(&text, "%s%s%s%.*s", k || !text.len ? "" : " ", k ? "," : rows[i].what, k ? "" : " ",
                        STR_ARG(rows[i].globs[k]));
    if (limit->per) text_printf(&text, "%sper %.*s", text.len ? " " : "", STR_ARG(limit->per_word));
    if (!text.len) text_put(&text, STR("all"));
    return text.failed ? STR_NONE : text_str(&text);
}

/* Its words, by what makes it the same. */
static bool limit_words_find(struct limits_reading *of, struct rate_limit *limit, struct str name) {
    struct arena *arena = &of->snapshot->arena;
    struct cells *cells = of->reading->input->cells;
    struct text text = text_in_arena(arena, 128);
    text_printf(&text, "%.*s|", STR_ARG(of->scope));
    if (name.len) {
        text_printf(&text, "name=%.*s", STR_ARG(name));
    } else {
        limit_globs_put(&text, "model", limit->models, limit->model_count);
        limit_globs_put(&text, "route", limit->routes, limit->route_count);
    }
    if (limit->per) text_printf(&text, "|per=%.*s", STR_ARG(limit->per_word)); /* other values, whatever its name is */
    if (text.failed) return limits_no_memory(of->reading);
    struct sha256 hash = hash_sha256(text_str(&text));
    memcpy(&limit->identity, hash.bytes, sizeof limit->identity);
    if (limit->per)
        limit->values =
            cells_find_ending(cells, arena, "rate values ", text_str(&text), values_size(values_of_limit), values_end);
    else
        limit->words = cells_find(cells, arena, "rate words ", text_str(&text), sizeof *limit->words);
    return limit->values || limit->words || limits_no_memory(of->reading);
}

static void limit_globs_read(struct section section, const char *key, struct arena *arena, struct str **globs,
                             size_t *count) {
    *globs = read_strings(section, key, arena, count);
    if (*count == 1 && str_eq((*globs)[0], STR("*"))) *count = 0; /* all */
}

/* NULL: what is wrong with it has been said. */
static struct rate_limit *limit_make(struct limits_reading *of, const struct config_node *node) {
    const struct section section = {section_limit, node};
    struct arena *arena = &of->snapshot->arena;
    struct rate_limit *limit = arena_take_zeroed(arena, sizeof *limit);
    struct str name = read_str(section, "name");
    if (!limit) return limits_no_memory(of->reading), NULL;
    *limit = (struct rate_limit){.owner = of->who, .own = of->is_clients, .rules = limit_rules_read(section)};
    limit_globs_read(section, "models", arena, &limit->models, &limit->model_count);
    limit_globs_read(section, "routes", arena, &limit->routes, &limit->route_count);
    if (!limit_split_read(of, section, limit) || !limit_words_find(of, limit, name)) return NULL;
    limit->name = name.len ? arena_copy(arena, name) : limit_label(arena, limit);
    if (!limit->name.at) return limits_no_memory(of->reading), NULL;
    if (limit_kinds_all(limit)) return limit;
    config_report(of->reading, node, config_error,
                  "a limit needs `rpm`, `rph`, `tpm` or `concurrent`: for each, or for one of its `values`");
    return NULL;
}

/* -- lists of them -- */

static bool rate_limit_add(struct limits_reading *of, const struct config_node *at, const struct rate_limit *limit) {
    struct rate_limits *into = of->into;
    for (size_t i = 0; i < into->count; i++) {
        if (into->list[i]->identity != limit->identity) continue;
        config_report(of->reading, at, config_error,
                      "%.*s has two limits of the same models, routes and `per`: write one, or give each a `name`",
                      STR_ARG(of->who));
        return false;
    }
    if (into->count == of->room) {
        size_t room = of->room ? of->room * 2 : 4;
        const struct rate_limit **list = arena_take(&of->snapshot->arena, room * sizeof *list);
        if (!list) return limits_no_memory(of->reading);
        for (size_t i = 0; i < into->count; i++) list[i] = into->list[i];
        into->list = list;
        of->room = room;
    }
    into->list[into->count++] = limit;
    return true;
}

void rate_limits_read(struct limits_reading *of, const struct config_node *map) {
    const struct config_node *list = config_member(map, STR("limits"));
    if (!list || list->kind != config_list) return;
    for (const struct config_node *node = list->first; node; node = node->next) {
        const struct rate_limit *limit = node->kind == config_map ? limit_make(of, node) : NULL;
        if (limit && !rate_limit_add(of, node, limit)) return;
    }
}

void limits_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                      struct client *client) {
    const struct config_node *named = config_member(node, STR("template")), *template = template_of(snapshot, node);
    bool any = config_member(node, STR("limits")) || (template && config_member(template, STR("limits")));
    for (const struct owner *owner = client->in; owner && !any; owner = owner->in) any = owner->limits.count > 0;
    if (!any) return; /* there may be a million of them */
    struct str who = arena_printf(&snapshot->arena, "client %.*s", STR_ARG(client->name));
    struct limits_reading of = {.reading = reading,
                                .snapshot = snapshot,
                                .who = who,
                                .scope = who,
                                .is_clients = true,
                                .into = &client->limits};
    rate_limits_read(&of, node);
    if (template) {
        of.scope = arena_printf(&snapshot->arena, "%.*s|template %.*s", STR_ARG(who), STR_ARG(named->text));
        rate_limits_read(&of, template);
    }
    client->own_limits = client->limits.count;
    for (const struct owner *owner = client->in; owner; owner = owner->in)
        for (size_t i = 0; i < owner->limits.count; i++)
            if (!rate_limit_add(&of, node, owner->limits.list[i])) return;
}
