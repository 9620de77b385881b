/* config_read.c - the readers behind config_read.h. */
#include "config/config_read.h"

#include "base/check.h"

static const struct config_key *row_of(struct section section, const char *key) {
    const struct config_key *row = config_key_find(section.of, str_from(key));
    CHECKF(row && row->synonym_of.len == 0, "section=%d key=%s", (int)section.of, key);
    return row;
}

static const struct config_node *scalar_node(const struct config_node *map, const struct config_key *row) {
    const struct config_node *node = config_member(map, row->name);
    return node && node->kind == config_scalar && node->text.len ? node : NULL;
}

static struct str written_of(struct section section, const struct config_key *row) {
    const struct config_node *node = scalar_node(section.map, row);
    if (!node) node = scalar_node(section.above, row);
    return node ? node->text : STR("");
}

bool read_is_written(struct section section, const char *key) {
    return written_of(section, row_of(section, key)).len > 0;
}

struct str read_str(struct section section, const char *key) {
    const struct config_key *row = row_of(section, key);
    CHECKF(row->value == value_string || row->value == value_choice || row->value == value_any, "key=%s", key);
    struct str text = written_of(section, row);
    return text.len ? text : row->fallback;
}

static size_t choice_of(const struct config_key *row, struct str word) {
    size_t place = 0;
    for (struct str choice; (choice = config_key_choice(row, place)).len && !str_eq(choice, word);) place++;
    return config_key_choice(row, place).len ? place : SIZE_MAX;
}

size_t read_choice(struct section section, const char *key) {
    const struct config_key *row = row_of(section, key);
    CHECKF(row->value == value_choice && row->fallback.len, "key=%s", key);
    size_t place = choice_of(row, written_of(section, row));
    return place == SIZE_MAX ? choice_of(row, row->fallback) : place;
}

bool read_is(struct section section, const char *key, const char *word) {
    const struct config_key *row = row_of(section, key);
    size_t place = choice_of(row, str_from(word));
    CHECKF(place != SIZE_MAX, "key=%s word=%s", key, word);
    return read_choice(section, key) == place;
}

bool read_bool_word(struct str text, bool *value) {
    static const struct str yes[] = {STR("true"), STR("yes"), STR("on")}, no[] = {STR("false"), STR("no"), STR("off")};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        *value = str_eq_nocase(text, yes[i]);
        if (*value || str_eq_nocase(text, no[i])) return true;
    }
    return false;
}

bool read_bool(struct section section, const char *key) {
    const struct config_key *row = row_of(section, key);
    CHECKF(row->value == value_bool, "key=%s", key);
    bool value;
    if (!read_bool_word(written_of(section, row), &value)) read_bool_word(row->fallback, &value);
    return value;
}

static double number_read(struct section section, const struct config_key *row) {
    double value;
    struct str text = written_of(section, row);
    if (str_to_double(text, &value) && value >= row->least && value <= row->most &&
        (row->value != value_seconds || value > 0 || row->none))
        return value;
    return str_to_double(row->fallback, &value) ? value : 0;
}

double read_number(struct section section, const char *key) {
    const struct config_key *row = row_of(section, key);
    CHECKF(row->value == value_number || row->value == value_int, "key=%s", key);
    return number_read(section, row);
}

uint64_t read_whole(struct section section, const char *key) {
    const struct config_key *row = row_of(section, key);
    CHECKF((row->value == value_int || row->value == value_milliseconds) && row->least >= 0, "key=%s", key);
    return (uint64_t)number_read(section, row);
}

uint64_t read_ns(struct section section, const char *key) {
    const struct config_key *row = row_of(section, key);
    CHECKF(row->value == value_seconds || row->value == value_milliseconds, "key=%s", key);
    return (uint64_t)(number_read(section, row) * (double)(row->value == value_seconds ? NS_PER_S : NS_PER_MS));
}

struct str *read_strings(struct section section, const char *key, struct arena *arena, size_t *count) {
    const struct config_key *row = row_of(section, key);
    CHECKF(row->value == value_strings || row->value == value_string, "key=%s", key);
    const struct config_node *node = config_member(section.map, row->name);
    const struct config_node usual = {.kind = config_scalar, .text = row->fallback};
    *count = 0;
    if (!node) node = &usual;
    if (node->kind == config_map || (node->kind == config_scalar && node->text.len == 0)) return NULL;
    struct str *list = arena_take(arena, (node->count + 1) * sizeof *list);
    if (!list) return NULL;
    if (node->kind == config_scalar) list[(*count)++] = arena_copy(arena, node->text);
    for (const struct config_node *element = node->first; element; element = element->next)
        if (element->kind == config_scalar) list[(*count)++] = arena_copy(arena, element->text);
    return list;
}

static size_t permille_add(struct str word, uint32_t *list, size_t count, size_t most) {
    double value;
    if (count == most || !str_to_double(str_trim(word), &value) || value <= 0 || value > 1) return count;
    list[count] = (uint32_t)(value * 1000 + 0.5);
    return count + (list[count] > 0);
}

size_t read_permilles(struct section section, const char *key, uint32_t *list, size_t most) {
    const struct config_key *row = row_of(section, key);
    CHECKF(row->value == value_numbers, "key=%s", key);
    const struct config_node *node = config_member(section.map, row->name);
    size_t count = 0;
    struct str rest = str_slice(row->fallback, 1, row->fallback.len - 1), word; /* [a, b] */
    if (node && node->kind == config_list) {
        for (const struct config_node *at = node->first; at; at = at->next)
            if (at->kind == config_scalar) count = permille_add(at->text, list, count, most);
        return count;
    }
    if (node && node->kind == config_scalar && node->text.len) return permille_add(node->text, list, 0, most);
    while (rest.len && str_split_next(&rest, ',', &word)) count = permille_add(word, list, count, most);
    return count;
}

struct section read_section(struct section section, const char *key) {
    const struct config_key *row = row_of(section, key);
    CHECKF(row->value == value_section, "key=%s", key);
    return (struct section){row->inner, config_member(section.map, row->name)};
}

struct str read_type(const struct config_node *provider, struct str name) {
    struct str type = read_str((struct section){section_provider, provider}, "type");
    return type.len ? type : name;
}
