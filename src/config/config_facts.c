/* config_facts.c - what the operator says of a provider's models, as a row of the catalogue over the one that is there:
 * the catalogue's own table checks it, so that both take the same words. */
#include "config/config_decisions.h"
#include "config/config_read.h"
#include "dialect/fields.h"
#include "snapshot/catalog_row.h"

struct telling {
    struct config_reading *reading;
    const struct config_node *node;
};

static void facts_report(void *context, unsigned line, unsigned column, const char *sentence) {
    const struct telling *telling = context;
    (void)line, (void)column;
    config_report(telling->reading, telling->node, config_error, "facts of `%.*s`: %s",
                  STR_ARG(str_slice(telling->node->key, 0, 80)), sentence);
}

static void facts_value_put(struct text *text, const struct config_key *key, struct section section,
                            struct arena *arena) {
    const char *name = arena_printf(arena, "%.*s", STR_ARG(key->name)).at;
    size_t count = 0;
    struct str *words;
    if (!name) {
        text->failed = true;
        return;
    }
    switch (key->value) {
    case value_strings:
        words = read_strings(section, name, arena, &count);
        text_json_key(text, key->name);
        strings_put(text, words, count);
        return;
    case value_bool: text_json_bool(text, key->name, read_bool(section, name)); return;
    case value_int: text_json_i64(text, key->name, (int64_t)read_whole(section, name)); return;
    default: text_json_str(text, key->name, read_str(section, name)); return;
    }
}

/* The row of one model, in the catalogue's form; {NULL,0}: no memory. */
static struct str facts_row_of(const struct config_node *node, struct arena *arena) {
    const struct section section = {section_facts, node, NULL};
    struct text text = text_in_arena(arena, 256);
    size_t count;
    const struct config_key *keys = config_keys_of(section_facts, &count);
    text_put(&text, STR("{\"model\":"));
    text_put_json(&text, node->key);
    for (size_t i = 0; i < count; i++) {
        const struct config_node *written = config_member(node, keys[i].name);
        if (written && !config_is_null(written)) facts_value_put(&text, &keys[i], section, arena);
    }
    text_put_byte(&text, '}');
    return text.failed ? STR_NONE : text_str(&text);
}

static void one_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                     struct provider *provider) {
    struct telling telling = {reading, node};
    struct catalog_reader reader = {facts_report, &telling};
    struct arena scrap;
    const char *problem;
    size_t at;
    arena_init(&scrap, 1024, 1024 * 1024);
    struct json *json = json_parse(facts_row_of(node, &scrap), &problem, &at);
    struct catalog_row row = {json_root(json), row_model, 0, &reader, &snapshot->arena, true};
    struct catalog_model *model = &provider->facts[provider->fact_count];
    const struct catalog_model *known = catalog_model_find(provider->row, node->key);
    if (known)
        *model = *known;
    else
        catalog_model_begin(model);
    if (!json) {
        config_report(reading, node, config_error, "no memory for the facts of models");
    } else if (catalog_row_check(&row)) {
        catalog_model_read(&row, model);
        if (!model->place) model->place = provider->row->place;
        if (row.good) provider->fact_count++;
    }
    json_free(json);
    arena_free(&scrap);
}

void facts_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                       struct provider *provider) {
    const struct config_node *map = config_member(node, STR("facts"));
    if (!map || map->kind != config_map || map->count == 0) return;
    provider->facts = arena_take_zeroed(&snapshot->arena, map->count * sizeof *provider->facts);
    for (const struct config_node *one = map->first; one && provider->facts; one = one->next)
        if (one->kind == config_map) one_read(reading, snapshot, one, provider);
}
