/* config.c - loading: parse, check, build; problems in the order of their lines. */
#include "engine/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "engine/config_overlay.h"
#include "engine/config_read.h"
#include "engine/config_yaml.h"

enum { problems_max = 100 };

uint32_t config_id(struct config_ids *ids, struct str name) {
    for (size_t i = 0; i < ids->count; i++)
        if (str_eq(str_from(ids->names[i]), name)) return (uint32_t)i + 1;
    if (ids->count == ids->size) {
        size_t size = ids->size ? ids->size * 2 : 32;
        char **names = memory_resize(ids->names, size * sizeof *names);
        if (!names) return 0;
        ids->names = names;
        ids->size = size;
    }
    char *copy = memory_take(name.len + 1);
    if (!copy) return 0;
    str_copy(copy, name.len + 1, name);
    ids->names[ids->count++] = copy;
    return (uint32_t)ids->count;
}

void config_ids_free(struct config_ids *ids) {
    for (size_t i = 0; i < ids->count; i++) memory_give(ids->names[i]);
    memory_give(ids->names);
    *ids = (struct config_ids){NULL, 0, 0};
}

/* The configuration's own text, then the overlay, then files that it names. */
static unsigned document_of(const struct config_problem *problem) { return problem->file.len ? 2 : problem->overlay; }

static bool stands_before(const struct config_problem *a, const struct config_problem *b) {
    if (document_of(a) != document_of(b)) return document_of(a) < document_of(b);
    return a->line < b->line || (a->line == b->line && a->column <= b->column);
}

static bool is_known(const struct config *config, const struct config_problem *problem) {
    for (const struct config_problem *known = config->problems; known; known = known->next)
        if (known->line == problem->line && known->column == problem->column &&
            document_of(known) == document_of(problem) && str_eq(known->message, problem->message))
            return true;
    return false;
}

static void problem_add(struct config *config, const struct config_problem *problem) {
    if (is_known(config, problem)) return;
    if (problem->severity == config_error) config->error_count++;
    if (problem->severity == config_not_available) config->not_available_count++;
    if (config->error_count + config->not_available_count > problems_max) return; /* counted, not told */
    struct config_problem *copy = arena_take_zeroed(&config->arena, sizeof *copy);
    if (!copy) return;
    *copy = *problem;
    copy->message = arena_copy(&config->arena, problem->message);
    copy->file = arena_copy(&config->arena, problem->file);
    struct config_problem **place = &config->problems;
    while (*place && stands_before(*place, copy)) place = &(*place)->next;
    copy->next = *place;
    *place = copy;
}

void config_report(struct config_reading *reading, const struct config_node *at, enum config_severity severity,
                   const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    problem_add(reading->config, &(struct config_problem){.severity = severity,
                                                          .line = at ? at->line : 0,
                                                          .column = at ? at->column : 0,
                                                          .overlay = at && at->overlay,
                                                          .message = str_from(message)});
}

void config_report_file(struct config_reading *reading, struct str file, unsigned line, unsigned column,
                        const char *sentence) {
    problem_add(
        reading->config,
        &(struct config_problem){
            .severity = config_error, .line = line, .column = column, .file = file, .message = str_from(sentence)});
}

void config_problem_write(const struct config_input *input, const struct config_problem *problem, struct text *text) {
    text_put(text, problem->file.len  ? problem->file
                   : problem->overlay ? input->overlay_path
                   : input->path.len  ? input->path
                                      : STR("environment"));
    if (problem->line) text_printf(text, ":%u:%u", problem->line, problem->column);
    text_put(text, STR(": "));
    if (problem->severity == config_warning) text_put(text, STR("warning: "));
    text_put(text, problem->message);
}

static struct config_node *root_of(struct config_reading *reading) {
    struct config_place place;
    if (!reading->input->text.at) {
        config_catalog_open(reading, NULL);
        return config_from_environment(reading, &reading->catalog);
    }
    struct config_node *root = config_yaml_parse(reading->input->text, &reading->config->arena, &place);
    if (!root) {
        struct config_node at = {.line = place.line, .column = place.column};
        config_report(reading, &at, config_error, "%s", place.message);
        return NULL;
    }
    struct config_node *wrapped = config_member(root, STR("ai_providers"));
    if (wrapped && root->count == 1) root = wrapped;
    if (root->kind == config_scalar && root->text.len == 0) root->kind = config_map; /* an empty file */
    if (root->kind == config_map) return root;
    config_report(reading, root, config_error, "the file must be a map of keys, such as `providers:`");
    return NULL;
}

bool config_load(const struct config_input *input, struct config *config) {
    struct config_reading reading = {.input = input, .config = config};
    memset(config, 0, sizeof *config);
    config->had_clients = input->had_clients;
    config->served_providers = input->served_providers;
    arena_init(&config->arena, 16 * 1024, 64 * 1024 * 1024);
    struct config_node *root = root_of(&reading);
    if (!root) return false;
    config_check(&reading, root);
    config_catalog_open(&reading, root);
    config_overlay_merge(&reading, root);
    config_simulated_check(&reading, root);
    config_process_read(&reading, root);
    struct snapshot *snapshot = config_build(&reading, root);
    if (config->error_count == 0)
        config->snapshot = snapshot;
    else if (snapshot)
        snapshot_release(snapshot);
    return config->snapshot != NULL;
}

struct str config_state_dir(const struct config_input *input, struct arena *arena) {
    struct config config = {.problems = NULL};
    struct config_reading reading = {.input = input, .config = &config};
    arena_init(&config.arena, 16 * 1024, 64 * 1024 * 1024);
    struct config_node *root = root_of(&reading), only = {.kind = config_map, .count = 1};
    struct str state_dir = STR_NONE;
    only.first = config_member(root, STR("state_dir"));
    if (only.first) {
        only.first->next = NULL;
        config_check(&reading, &only);
    }
    if (root && config.error_count == 0)
        state_dir = arena_copy(arena, read_str(&only, "state_dir", STR("./weir-state")));
    arena_wipe(&config.arena);
    arena_free(&config.arena);
    return state_dir;
}

void config_free(struct config *config) {
    if (config->snapshot) snapshot_release(config->snapshot);
    arena_wipe(&config->arena); /* it held credentials */
    arena_free(&config->arena);
}
