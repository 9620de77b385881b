/* config.c - loading: parse, check, build; problems in the order of their lines. */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "config/config_overlay.h"
#include "config/config_read.h"
#include "config/config_yaml.h"

enum { config_arena_max = 1024 * 1024 * 1024 };
enum { problems_max = 100 }; /* of each severity */

static uint32_t *id_place(const struct config_ids *ids, struct str name) {
    size_t at = str_hash(name) & (ids->table_size - 1);
    while (ids->table[at] && !str_eq(str_from(ids->names[ids->table[at] - 1]), name))
        at = (at + 1) & (ids->table_size - 1);
    return &ids->table[at];
}

/* Names and table together, the table at most half full. */
static bool ids_grow(struct config_ids *ids) {
    size_t size = ids->size ? ids->size * 2 : 32;
    char **names = memory_resize(ids->names, size * sizeof *names);
    if (names) ids->names = names;
    uint32_t *table = names ? memory_take_zeroed(size * 2 * sizeof *table) : NULL;
    if (!table) return false;
    memory_give(ids->table);
    ids->size = size;
    ids->table = table;
    ids->table_size = size * 2;
    for (size_t i = 0; i < ids->count; i++) *id_place(ids, str_from(ids->names[i])) = (uint32_t)i + 1;
    return true;
}

uint32_t config_id(struct config_ids *ids, struct str name) {
    uint32_t *place = ids->table_size ? id_place(ids, name) : NULL;
    if (place && *place) return *place;
    if (ids->count == ids->size && !ids_grow(ids)) return 0;
    char *copy = memory_take(name.len + 1);
    if (!copy) return 0;
    str_copy(copy, name.len + 1, name);
    place = id_place(ids, str_from(copy));
    ids->names[ids->count++] = copy;
    return *place = (uint32_t)ids->count;
}

void config_ids_free(struct config_ids *ids) {
    for (size_t i = 0; i < ids->count; i++) memory_give(ids->names[i]);
    memory_give(ids->names);
    memory_give(ids->table);
    *ids = (struct config_ids){.names = NULL};
}

/* The configuration's own text, then the overlay, then files that it names. */
static unsigned document_of(const struct config_problem *problem) { return problem->file.len ? 2 : problem->overlay; }

static bool stands_before(const struct config_problem *a, const struct config_problem *b) {
    if (document_of(a) != document_of(b)) return document_of(a) < document_of(b);
    return a->line < b->line || (a->line == b->line && a->column <= b->column);
}

static bool config_is_known(const struct config *config, const struct config_problem *problem) {
    for (const struct config_problem *known = config->problems; known; known = known->next)
        if (known->line == problem->line && known->column == problem->column &&
            document_of(known) == document_of(problem) && str_eq(known->file, problem->file) &&
            str_eq(known->message, problem->message))
            return true;
    return false;
}

/* Is one more told? Those past the limit are counted, and one line says how many they are. */
static bool is_told(struct config *config, enum config_severity severity) {
    size_t *count = severity == config_error     ? &config->error_count
                    : severity == config_warning ? &config->warning_count
                                                 : &config->not_available_count;
    return ++*count <= problems_max;
}

static void problem_add(struct config *config, const struct config_problem *problem) {
    if (config_is_known(config, problem) || !is_told(config, problem->severity)) return;
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

bool config_full(const struct config *config, enum config_severity severity) {
    return (severity == config_error ? config->error_count : config->not_available_count) >= problems_max;
}

/* At the very end: what was counted and not told. */
static void rest_report(struct config *config) {
    const struct {
        size_t count;
        const char *what;
    } rests[] = {{config->error_count, "error"},
                 {config->warning_count, "warning"},
                 {config->not_available_count, "key that is not available yet"}};
    struct config_problem **last = &config->problems;
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        if (rests[i].count <= problems_max) continue;
        size_t more = rests[i].count - problems_max;
        struct config_problem *rest = arena_take_zeroed(&config->arena, sizeof *rest);
        if (!rest) return;
        *rest = (struct config_problem){
            .severity = config_warning,
            .message = arena_printf(&config->arena, "and %zu more: %s%s", more, rests[i].what, str_plural(more))};
        while (*last) last = &(*last)->next;
        *last = rest;
    }
}

void config_report(struct config_reading *reading, const struct config_node *at, enum config_severity severity,
                   const char *format, ...) {
    char message[512];
    bool changed = at && at->file == config_file_changes;
    if (at && at->unread) return; /* its own problem has been told; what else it seems to be is not its value */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    problem_add(reading->config,
                &(struct config_problem){.severity = severity,
                                         .line = at && !changed ? at->line : 0,
                                         .column = at && !changed ? at->column : 0,
                                         .overlay = at && at->overlay && !changed,
                                         .file = changed          ? config_entry_place(reading, at)
                                                 : at && at->file ? reading->config->files[at->file - 1]
                                                                  : STR(""),
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

void config_problems_say(const struct config *config, struct text *text) {
    for (const struct config_problem *problem = config->problems; problem; problem = problem->next) {
        if (problem->severity != config_error && !problem->protects) continue;
        size_t before = text->len;
        if (before) text_put(text, STR("; "));
        text_put(text, problem->message);
        if (text->failed) text->len = before, text->failed = false;
    }
}

static bool holds_nothing(const struct config_node *root) {
    return root->kind == config_map ? root->count == 0 : config_is_null(root);
}

static struct config_node *root_of(struct config_reading *reading) {
    struct config_place place;
    if (!reading->input->text.at) {
        config_catalog_open(reading, NULL);
        return config_from_environment(reading, &reading->catalog);
    }
    struct config_node *root = config_yaml_parse(reading->input->text, 0, &reading->config->arena, &place);
    if (!root) {
        struct config_node at = {.line = place.line, .column = place.column};
        config_report(reading, &at, config_error, "%s", place.message);
        return NULL;
    }
    struct config_node *wrapped = config_member(root, STR("ai_providers"));
    if (wrapped && root->count == 1) root = wrapped;
    if (holds_nothing(root)) {
        /* Nobody means one: an editor has cut the file and not written it yet, or the disk was full. As "all by
         * default" it would take routes, providers and clients away. */
        config_report(reading, root, config_error, "the file is empty: it holds no key, and nothing was changed");
        return NULL;
    }
    if (root->kind == config_map) {
        config_include(reading, root);
        return root;
    }
    config_report(reading, root, config_error, "the file must be a map of keys, such as `providers:`");
    return NULL;
}

/* What is kept while the configuration is in force: its process part, problems and origins, and not the whole tree,
 * which may be large and holds credentials. Without memory it stays as it is. */
static void config_compact(struct config *config) {
    struct arena kept;
    struct config small = *config;
    arena_init(&kept, 4096, 64 * 1024 * 1024);
    struct config_process *process = &small.process;
    struct str *texts[5 + 3 * config_listens_max + config_patterns_max] = {
        &process->state_dir, &process->log_level, &process->log_format, &small.catalog_from, &process->ledger};
    size_t count = 5;
    for (size_t i = 0; i < process->listen_count; i++) {
        texts[count++] = &process->listens[i].address;
        texts[count++] = &process->listens[i].cert_file;
        texts[count++] = &process->listens[i].key_file;
    }
    for (size_t i = 0; i < process->redact_pattern_count; i++) texts[count++] = &process->redact_patterns[i];
    bool fine = true;
    small.file_count = 0; /* problems have their own */
    for (size_t i = 0; i < count && fine; i++) fine = (*texts[i] = arena_copy(&kept, *texts[i])).at != NULL;
    struct config_problem **problem = &small.problems;
    for (const struct config_problem *from = config->problems; from && fine; from = from->next) {
        fine = (*problem = arena_take(&kept, sizeof **problem)) != NULL;
        if (!fine) break;
        **problem = *from;
        (*problem)->message = arena_copy(&kept, from->message);
        (*problem)->file = arena_copy(&kept, from->file);
        problem = &(*problem)->next;
    }
    struct config_origin **origin = &small.origins;
    for (const struct config_origin *from = config->origins; from && fine; from = from->next) {
        fine = (*origin = arena_take(&kept, sizeof **origin)) != NULL;
        if (!fine) break;
        **origin = (struct config_origin){.provider = arena_copy(&kept, from->provider),
                                          .server = arena_copy(&kept, from->server),
                                          .origin = arena_copy(&kept, from->origin)};
        origin = &(*origin)->next;
    }
    if (!fine) {
        arena_free(&kept);
        return;
    }
    arena_wipe(&config->arena);
    arena_free(&config->arena);
    *config = small;
    config->arena = kept;
}

bool config_load(const struct config_input *input, struct config *config) {
    bool loaded = config_load_once(input, NULL, config);
    bool fits = (loaded && !config->protects_count) || input->change_count == 0;
    return fits ? loaded : config_entries_fit(input, config);
}

bool config_load_once(const struct config_input *input, const struct config_left *left, struct config *config) {
    struct config_reading reading = {.input = input, .config = config, .left = left};
    memset(config, 0, sizeof *config);
    config->had_clients = input->had_clients;
    config->served_providers = input->served_providers;
    config->catalog_from = STR("");
    arena_init_secret(&config->arena, 64 * 1024, config_arena_max);
    struct config_node *root = root_of(&reading);
    if (!root) return false;
    config_check(&reading, root);
    config_catalog_open(&reading, root);
    config_overlay_merge(&reading, root);
    config_clients_merge(&reading, root);
    config_entries_merge(&reading, root);
    config_vault_open(&reading, root);
    config_simulated_check(&reading, root);
    config_process_read(&reading, root);
    if (input->changes_problem.len)
        config_report(&reading, NULL, config->process.ledger_refuses ? config_error : config_warning,
                      "what was changed at run time of routes, rules, owners, templates and budgets cannot be read: "
                      "%.*s%s",
                      STR_ARG(str_slice(input->changes_problem, 0, 300)),
                      config->process.ledger.len ? "" : ": bring back a copy of it, or mend its rights");
    struct snapshot *snapshot = config_build(&reading, root);
    if (snapshot && !config_short(&reading, snapshot)) {
        config_budgets_sort(&reading, snapshot);
        config_templates_keep(&reading, snapshot);
        config_entries_keep(&reading, snapshot, root);
    }
    if (config_short(&reading, snapshot))
        config_report(&reading, NULL, config_error, "no memory for the configuration"); /* something is missing in it */
    rest_report(config);
    if (config->error_count == 0)
        config->snapshot = snapshot;
    else if (snapshot)
        snapshot_release(snapshot);
    config_compact(config);
    return config->snapshot != NULL;
}

enum { some_keys_max = 3 };

/* Some top-level keys alone, checked: what is wrong with the others is no matter. false: they cannot be told. The
 * problems are those of these keys, or why there are none. */
static bool some_keys(struct config_reading *reading, const char *const *names, size_t count,
                      struct config_node *only) {
    struct config_node *root = root_of(reading), *found[some_keys_max], **place = &only->first;
    *only = (struct config_node){.kind = config_map};
    CHECKF(count <= some_keys_max, "count=%zu", count);
    if (!root) return false;
    reading->config->problems = NULL;
    reading->config->error_count = 0;
    for (size_t i = 0; i < count; i++) { /* all of them first: the list that they stand in is taken apart then */
        struct config_node *node = config_member(root, str_from(names[i]));
        if (node) found[only->count++] = node;
    }
    for (size_t i = 0; i < only->count; i++) {
        *place = found[i];
        place = &found[i]->next;
    }
    *place = NULL;
    if (only->count) config_check(reading, only);
    return reading->config->error_count == 0;
}

static struct str config_alone(const struct config_input *input, const char *name, struct arena *arena) {
    struct config config = {.problems = NULL};
    struct config_reading reading = {.input = input, .config = &config};
    struct config_node only;
    struct str value = STR_NONE;
    arena_init_secret(&config.arena, 64 * 1024, config_arena_max);
    if (some_keys(&reading, &name, 1, &only))
        value = arena_copy(arena, read_str((struct section){section_top, &only}, name));
    arena_free(&config.arena);
    return value;
}

struct str config_state_dir(const struct config_input *input, struct arena *arena) {
    return config_alone(input, "state_dir", arena);
}

struct str config_ledger(const struct config_input *input, struct arena *arena) {
    return config_alone(input, "ledger", arena);
}

static bool is_listen_with_tls(const struct config_node *listen) {
    return listen->kind == config_map && config_member(listen, STR("tls"));
}

bool config_where_find(const struct config_input *input, struct arena *arena, struct config_where *where,
                       struct str *problem) {
    static const char *const names[] = {"listen", "state_dir", "ledger"};
    struct config config = {.problems = NULL};
    struct config_reading reading = {.input = input, .config = &config};
    struct config_node only;
    struct text text = text_in_arena(arena, 256);
    arena_init_secret(&config.arena, 64 * 1024, config_arena_max);
    bool found = some_keys(&reading, names, 3, &only);
    const struct section top = {section_top, &only};
    const struct config_node *listen = found ? config_member(&only, STR("listen")) : NULL;
    if (listen && listen->kind == config_list) {
        const struct config_node *plain = listen->first;
        while (plain && is_listen_with_tls(plain)) plain = plain->next;
        listen = plain ? plain : listen->first;
    }
    if (found) {
        const struct config_node *address =
            listen && listen->kind == config_map ? config_member(listen, STR("address")) : listen;
        bool written = address && address->kind == config_scalar && address->text.len;
        *where = (struct config_where){
            .address =
                arena_copy(arena, written ? address->text : config_key_find(section_top, STR("listen"))->fallback),
            .tls = listen && is_listen_with_tls(listen),
            .state_dir = arena_copy(arena, read_str(top, "state_dir")),
            .ledger = arena_copy(arena, read_str(top, "ledger"))};
        struct str file = written && address->file ? config.files[address->file - 1] : input->path;
        if (written && file.len && address->line)
            text_printf(&text, "%.*s:%u:%u", STR_ARG(file), address->line, address->column);
        where->said = text_str(&text);
    } else if (config.problems) {
        config_problem_write(input, config.problems, &text);
        *problem = text_str(&text);
    }
    arena_free(&config.arena);
    return found && !text.failed && where->address.at && where->state_dir.at;
}

void config_free(struct config *config) {
    if (config->snapshot) snapshot_release(config->snapshot);
    arena_free(&config->arena);
}
