/* config_catalog.c - the catalogue of a configuration: the file that `catalog` names, checked row by row, else the one
 * that was taken at run time, else the built-in one. What is wrong with a file is told as FILE:LINE:COLUMN, and the
 * rest is checked with the built-in one. One that was taken and is damaged, or older than what is built in, is passed
 * over with a warning: prices of another day are better than no start. */
#include <string.h>

#include "config/config.h"
#include "config/config_read.h"

struct told {
    struct config_reading *reading;
    struct str file; /* empty: the built-in one */
};

static void row_report(void *context, unsigned line, unsigned column, const char *sentence) {
    const struct told *told = context;
    if (told->file.len)
        config_report_file(told->reading, told->file, line, column, sentence);
    else
        config_report(told->reading, NULL, config_error, "%s", sentence);
}

/* The first problem of one that is passed over. */
struct passed {
    unsigned line, column;
    char sentence[320];
};

static void passed_note(void *context, unsigned line, unsigned column, const char *sentence) {
    struct passed *passed = context;
    if (passed->sentence[0]) return;
    passed->line = line;
    passed->column = column;
    str_copy(passed->sentence, sizeof passed->sentence, str_from(sentence));
}

static void built_in_open(struct config_reading *reading, struct catalog *catalog) {
    struct told told = {reading, STR("")};
    struct catalog_reader reader = {row_report, &told};
    catalog_open(catalog, STR_NONE, &reading->config->arena, &reader);
}

/* Is it older than the built-in one, or of no day? Told as *sentence. */
static bool is_older(struct config_reading *reading, struct str *sentence) {
    struct catalog built_in;
    built_in_open(reading, &built_in);
    struct str day = catalog_day(&reading->catalog), ours = catalog_day(&built_in);
    if (day.len == ours.len && memcmp(day.at, ours.at, day.len) >= 0) return false;
    *sentence = arena_printf(&reading->config->arena, "its facts are of %.*s, the built-in ones of %.*s",
                             STR_ARG(day.len ? day : STR("no day (`facts`)")), STR_ARG(ours));
    return true;
}

/* false: it is passed over, told. */
static bool taken_open(struct config_reading *reading) {
    const struct config_input *input = reading->input;
    struct arena *arena = &reading->config->arena;
    struct told told = {reading, input->catalog_path};
    struct passed passed = {.line = 0};
    const struct catalog_reader strict = {row_report, &told}, lenient = {passed_note, &passed};
    struct str text = arena_copy(arena, input->catalog_text), sentence = STR("there is no memory for it");
    bool good = text.at && catalog_open(&reading->catalog, text, arena, input->catalog_asked ? &strict : &lenient);
    if (good && !is_older(reading, &sentence)) {
        reading->catalog_text = text;
        reading->config->catalog_from = arena_copy(arena, input->catalog_path);
        return true;
    }
    if (passed.sentence[0]) sentence = arena_printf(arena, "%u:%u: %s", passed.line, passed.column, passed.sentence);
    if (!input->catalog_asked)
        config_report(reading, NULL, config_warning,
                      "%.*s, a catalogue taken at run time, is not used, but the built-in one: %.*s. `weir catalog "
                      "update` takes another, `weir catalog reset` drops it",
                      STR_ARG(input->catalog_path), STR_ARG(sentence));
    else if (good)
        config_report_file(reading, told.file, 0, 0, arena_printf(arena, "%.*s", STR_ARG(sentence)).at);
    return false;
}

void config_catalog_open(struct config_reading *reading, const struct config_node *root) {
    if (reading->catalog.providers) return; /* a start from the environment needed it earlier */
    struct arena *arena = &reading->config->arena;
    const struct config_node *node = config_member(root, STR("catalog"));
    struct told told = {reading, read_str((struct section){section_top, root}, "catalog")};
    struct catalog_reader reader = {row_report, &told};
    struct error error = {.code = error_none};
    struct str text = STR_NONE;
    reading->config->catalog_named = told.file.len > 0;
    if (told.file.len && !reading->input->read_file(reading->input->context, told.file, arena, &text, &error))
        config_report(reading, node, config_error, "%s", error.message);
    if (text.at && catalog_open(&reading->catalog, text, arena, &reader)) {
        reading->catalog_text = text;
        reading->config->catalog_from = arena_copy(arena, told.file);
        return;
    }
    if (!told.file.len && reading->input->catalog_text.at && taken_open(reading)) return;
    built_in_open(reading, &reading->catalog);
}
