/* config_check.c - walks the file against the table: unknown keys with a suggestion, wrong types, values out of range,
 * features of later versions; and expands references (${NAME}, ${NAME:-default}, file:PATH; vault:NAME is only noted)
 * in values, nowhere else. No message holds what a reference stood for. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/config_read.h"

enum { expanded_max = 16 * 1024 };

static void map_check(struct config_reading *reading, struct config_node *map, enum config_section section,
                      bool disabled);

/* -- references -- */

static bool config_check_name_is_valid(struct str name) {
    return name.len > 0 && name.len < 128 && !byte_is_digit(name.at[0]) && str_is_alnum(name, "_");
}

/* One ${...}: its value into text. false: a problem was reported. */
static bool reference_put(struct config_reading *reading, struct config_node *node, struct str inside,
                          struct text *text, bool disabled) {
    size_t mark = str_find(inside, STR(":-"));
    struct str name = str_slice(inside, 0, mark);
    char terminated[128];
    if (!config_check_name_is_valid(name)) {
        config_report(reading, node, config_error, "`${%.*s}` is no reference: write ${NAME} or ${NAME:-default}",
                      STR_ARG(str_slice(inside, 0, 64)));
        return false;
    }
    str_copy(terminated, sizeof terminated, name);
    const char *value = reading->input->environment(reading->input->context, terminated);
    if (value && *value) {
        text_put(text, str_from(value));
    } else if (mark != SIZE_MAX) {
        text_put(text, str_slice(inside, mark + 2, inside.len));
    } else if (!disabled) {
        config_report(reading, node, config_error,
                      "the environment variable %s is not set: set it, or write ${%s:-default}", terminated,
                      terminated);
        return false;
    }
    return true;
}

static bool config_check_file_read(struct config_reading *reading, struct config_node *node, bool disabled) {
    struct error error = {.code = error_none};
    struct str path = str_slice(node->text, 5, node->text.len), content;
    if (reading->input->read_file(reading->input->context, path, &reading->config->arena, &content, &error)) {
        node->text = str_trim(content);
        node->referred = true;
        return true;
    }
    if (disabled)
        node->text = STR("");
    else
        config_report(reading, node, config_error, "%s", error.message);
    return disabled;
}

struct str config_shown(const struct config_node *node) {
    return node->referred ? STR("...") : str_slice(node->text, 0, 80);
}

/* vault:NAME is opened when it is known which provider it is for, and where that is (config_vault.c). */
static bool config_check_vault_note(struct config_reading *reading, struct config_node *node) {
    struct str id = str_trim(str_slice(node->text, sizeof "vault:" - 1, node->text.len));
    node->referred = true;
    node->vault = id;
    if (!reading->vault_fits)
        config_report(reading, node, config_error,
                      "vault:NAME is for a provider's `api_key`, `api_keys` and the values of its `headers`: here use "
                      "${NAME} or file:PATH");
    else if (!id.len)
        config_report(reading, node, config_error,
                      "`vault:` names no entry: write vault:PROVIDER or vault:PROVIDER/NAME");
    return reading->vault_fits && id.len;
}

static bool references_expand(struct config_reading *reading, struct config_node *node, bool disabled) {
    struct str rest = node->text;
    if (node->vault.len) return true; /* of the overlay, and no text of anybody's */
    /* Decided before ${} is expanded: what a variable holds is never a reference itself. */
    bool from_file = str_starts(rest, STR("file:")), from_vault = str_starts(rest, STR("vault:"));
    if (node->overlay) { /* it came from outside: the environment and the files here are none of its business */
        if (!from_file && !from_vault && str_find(rest, STR("${")) == SIZE_MAX) return true;
        config_report(reading, node, config_error,
                      "%s%.*s%sreferences (${NAME}, file:PATH, vault:NAME) are for the configuration file only: give "
                      "the value itself",
                      node->key.len ? "`" : "", STR_ARG(str_slice(node->key, 0, 64)), node->key.len ? "`: " : "");
        return false;
    }
    if (!reading->input->text.at) return true; /* the environment's own values are taken as they are */
    if (str_find(rest, STR("${")) != SIZE_MAX) {
        node->referred = true;
        struct text text = text_in_arena(&reading->config->arena, rest.len + 64);
        for (size_t at; (at = str_find(rest, STR("${"))) != SIZE_MAX;) {
            struct str inside = str_slice(rest, at + 2, rest.len);
            size_t close = str_find_byte(inside, '}');
            if (close == SIZE_MAX) {
                config_report(reading, node, config_error, "`${` has no closing brace");
                return false;
            }
            text_put(&text, str_slice(rest, 0, at));
            if (!reference_put(reading, node, str_slice(inside, 0, close), &text, disabled)) return false;
            rest = str_slice(inside, close + 1, inside.len);
        }
        text_put(&text, rest);
        if (text.failed || text.len > expanded_max) {
            config_report(reading, node, config_error, "the value is too long");
            return false;
        }
        node->text = text_str(&text);
    }
    if (from_file) return config_check_file_read(reading, node, disabled);
    return !from_vault || config_check_vault_note(reading, node);
}

static bool expand(struct config_reading *reading, struct config_node *node, bool disabled) {
    node->unread = !references_expand(reading, node, disabled);
    return !node->unread;
}

/* -- values -- */

static struct str kind_name(const struct config_node *node) {
    return node->kind == config_list ? STR("a list") : node->kind == config_map ? STR("a map") : STR("a value");
}

static bool scalar_wanted(struct config_reading *reading, struct config_node *node, const struct config_key *key,
                          const char *what, bool disabled) {
    if (node->kind != config_scalar) {
        config_report(reading, node, config_error, "`%.*s` must be %s, not %.*s", STR_ARG(key->name), what,
                      STR_ARG(kind_name(node)));
        return false;
    }
    return expand(reading, node, disabled);
}

static bool is_bool(const struct config_node *node) {
    bool value;
    return !node->quoted && read_bool_word(node->text, &value);
}

static void number_check(struct config_reading *reading, struct config_node *node, const struct config_key *key,
                         bool disabled) {
    bool wants_whole = key->value == value_int || key->value == value_milliseconds;
    const char *what = wants_whole                   ? "a whole number"
                       : key->value == value_seconds ? "a number of seconds"
                                                     : "a number";
    double number;
    if (!scalar_wanted(reading, node, key, what, disabled)) return;
    bool read = str_to_double(node->text, &number);
    bool whole = read && fabs(number) < 1e18 && number == (double)(int64_t)number;
    bool above = key->value == value_seconds && key->least <= 0 && !key->none; /* 0 itself is none */
    if (!read || (wants_whole && !whole) || (key->value == value_seconds && number <= 0 && !key->none) ||
        number < key->least || number > key->most)
        config_report(reading, node, config_error, "`%.*s` must be %s %s %.15g %s %.15g, not `%.*s`",
                      STR_ARG(key->name), what, above ? "above" : "from", key->least, above ? "and up to" : "to",
                      key->most, STR_ARG(config_shown(node)));
}

static void choice_check(struct config_reading *reading, struct config_node *node, const struct config_key *key,
                         bool disabled) {
    struct str nearest = STR("");
    struct text words = text_in_arena(&reading->config->arena, 256);
    if (!scalar_wanted(reading, node, key, "a word", disabled)) return;
    /* Of a short word most letters must be there: `lock` is not what `foo` means. */
    unsigned least = node->text.len >= 7 ? 4 : (unsigned)(node->text.len + 1) / 2;
    for (size_t i = 0; config_key_choice(key, i).len; i++) {
        struct str choice = config_key_choice(key, i);
        if (i) text_put_byte(&words, '|');
        text_put(&words, choice);
        if (str_eq(choice, node->text)) return;
        unsigned distance = str_distance(choice, node->text);
        if (distance < least) {
            least = distance;
            nearest = choice;
        }
    }
    if (nearest.len)
        config_report(reading, node, config_error, "`%.*s` cannot be `%.*s`: did you mean `%.*s`?", STR_ARG(key->name),
                      STR_ARG(config_shown(node)), STR_ARG(nearest));
    else
        config_report(reading, node, config_error, "`%.*s` cannot be `%.*s`: it is one of %.*s", STR_ARG(key->name),
                      STR_ARG(config_shown(node)), STR_ARG(text_str(&words)));
}

static void elements_check(struct config_reading *reading, struct config_node *node, const struct config_key *key,
                           bool disabled) {
    if (node->kind == config_scalar) {
        expand(reading, node, disabled);
        return;
    }
    if (node->kind == config_map && key->value != value_map) {
        config_report(reading, node, config_error, "`%.*s` must be a list, not a map", STR_ARG(key->name));
        return;
    }
    for (struct config_node *element = node->first; element; element = element->next) {
        double number;
        if (element->kind != config_scalar)
            config_report(reading, element, config_error, "`%.*s` holds plain values only", STR_ARG(key->name));
        else if (expand(reading, element, disabled) && key->value == value_numbers &&
                 (!str_to_double(element->text, &number) || number < key->least || number > key->most))
            config_report(reading, element, config_error, "`%.*s` holds numbers from %.15g to %.15g only",
                          STR_ARG(key->name), key->least, key->most);
    }
}

static void sections_check(struct config_reading *reading, struct config_node *node, const struct config_key *key,
                           bool disabled) {
    bool list = key->value == value_list;
    if (key->inner == section_identity && node->kind == config_map) { /* one alone */
        map_check(reading, node, key->inner, disabled);
        return;
    }
    if (node->kind != (list ? config_list : config_map)) {
        config_report(reading, node, config_error, "`%.*s` must be %s, not %.*s", STR_ARG(key->name),
                      key->inner == section_identity ? "a map, or a list of them"
                      : list                         ? "a list"
                                                     : "a map of names",
                      STR_ARG(kind_name(node)));
        return;
    }
    for (struct config_node *element = node->first; element; element = element->next) {
        bool named = key->inner == section_target || (list && key->inner == section_budget);
        if (element->kind == config_scalar && named)
            expand(reading, element, disabled);
        else if (element->kind != config_map && !config_is_null(element))
            config_report(reading, element, config_error, "every entry of `%.*s` must be a map, such as {%.*s: ...}",
                          STR_ARG(key->name),
                          STR_ARG(key->inner == section_identity ? STR("issuer")
                                  : list                         ? STR("name")
                                                                 : STR("type")));
        else
            map_check(reading, element, key->inner, disabled);
    }
}

static void listen_check(struct config_reading *reading, struct config_node *node) {
    if (node->kind == config_scalar)
        expand(reading, node, false);
    else if (node->kind == config_map)
        map_check(reading, node, section_listen, false);
    else
        for (struct config_node *element = node->first; element; element = element->next) {
            if (element->kind == config_list)
                config_report(reading, element, config_error, "`listen` holds addresses, not lists");
            else
                listen_check(reading, element); /* one level: elements are no lists */
        }
}

static void value_check(struct config_reading *reading, struct config_node *node, const struct config_key *key,
                        bool disabled) {
    switch (key->value) {
    case value_string:
        if (scalar_wanted(reading, node, key, "a text", disabled) && node->text.len > expanded_max)
            config_report(reading, node, config_error, "`%.*s` is too long", STR_ARG(key->name));
        return;
    case value_bool:
        if (scalar_wanted(reading, node, key, "true or false", disabled) && !is_bool(node))
            config_report(reading, node, config_error, "`%.*s` must be true or false, not `%.*s`", STR_ARG(key->name),
                          STR_ARG(config_shown(node)));
        return;
    case value_int:
    case value_milliseconds:
    case value_number:
    case value_seconds: number_check(reading, node, key, disabled); return;
    case value_choice: choice_check(reading, node, key, disabled); return;
    case value_strings:
    case value_numbers: elements_check(reading, node, key, disabled); return;
    case value_map:
        if (node->kind != config_map)
            config_report(reading, node, config_error, "`%.*s` must be a map of names to values", STR_ARG(key->name));
        else
            elements_check(reading, node, key, disabled);
        return;
    case value_section:
        if (node->kind != config_map)
            config_report(reading, node, config_error, "`%.*s` must be a map", STR_ARG(key->name));
        else
            map_check(reading, node, key->inner, disabled);
        return;
    case value_named:
    case value_list: sections_check(reading, node, key, disabled); return;
    case value_any: listen_check(reading, node); return;
    }
}

/* -- maps -- */

static void config_check_unknown_report(struct config_reading *reading, const struct config_node *node,
                                        enum config_section section) {
    struct config_node at = *node;
    at.line = node->key_line;
    at.column = node->key_column;
    /* Not for thousands: looking for the nearest key is work. */
    struct str nearest = config_full(reading->config, config_error) ? STR("") : config_key_nearest(section, node->key),
               name = str_slice(node->key, 0, 64);
    struct str where = config_section_name(section);
    if (nearest.len)
        config_report(reading, &at, config_error, "unknown key `%.*s`: did you mean `%.*s`?", STR_ARG(name),
                      STR_ARG(nearest));
    else
        config_report(reading, &at, config_error, "unknown key `%.*s`%s%.*s", STR_ARG(name), where.len ? " in " : "",
                      STR_ARG(where));
}

static void later_report(struct config_reading *reading, const struct config_node *node, const struct config_key *key) {
    struct config_node at = *node;
    at.line = node->key_line;
    at.column = node->key_column;
    config_report(reading, &at, config_not_available, "`%.*s` is not available yet%s", STR_ARG(key->name),
                  key->status == key_protects
                      ? ", and what it protects would be open: remove it, or wait for the version that has it"
                      : "");
    if (key->status == key_protects) {
        reading->config->protects_count++;
        for (struct config_problem *problem = reading->config->problems; problem; problem = problem->next)
            if (problem->line == at.line && problem->column == at.column && problem->overlay == at.overlay)
                problem->protects = true;
    }
}

static bool is_disabled(const struct config_node *map) {
    const struct config_node *enabled = config_member(map, STR("enabled"));
    bool value;
    return enabled && read_bool_word(enabled->text, &value) && !value;
}

static void map_check(struct config_reading *reading, struct config_node *map, enum config_section section,
                      bool disabled) {
    disabled = disabled || is_disabled(map);
    for (struct config_node *node = map->first; node; node = node->next) {
        const struct config_key *key = config_key_find(section, node->key);
        if (!key) {
            config_check_unknown_report(reading, node, section);
            continue;
        }
        if (key->synonym_of.len) {
            if (config_member(map, key->synonym_of))
                config_report(reading, node, config_error,
                              "`%.*s` is another spelling of `%.*s`, which stands here too", STR_ARG(node->key),
                              STR_ARG(key->synonym_of));
            key = config_key_find(section, key->synonym_of);
            node->key = key->name;
            map->index = NULL; /* it knows the other spelling */
        }
        if (config_is_null(node)) { /* as if it were not there, but for a client's `models`: none, and not all */
            node->text = STR("");
            continue;
        }
        static const struct str vaults[] = {STR("api_key"), STR("api_keys"), STR("headers")};
        bool around = reading->inside_later, later = key->status != key_now;
        reading->vault_fits = false;
        for (size_t i = 0; i < sizeof vaults / sizeof *vaults && section == section_provider; i++)
            reading->vault_fits = reading->vault_fits || str_eq(key->name, vaults[i]);
        if (key->status == key_protects || (later && !around)) {
            if (!disabled) later_report(reading, node, key);
        }
        reading->inside_later = around || later;
        value_check(reading, node, key, disabled);
        reading->inside_later = around;
    }
}

void config_check(struct config_reading *reading, struct config_node *root) {
    map_check(reading, root, section_top, false);
}
