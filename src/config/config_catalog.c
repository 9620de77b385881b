/* config_catalog.c - the catalogue of a configuration: the file that `catalog` names, checked row by row, else the
 * built-in one. What is wrong with the file is told as FILE:LINE:COLUMN, and the rest is checked with the built-in one.
 */
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

void config_catalog_open(struct config_reading *reading, const struct config_node *root) {
    if (reading->catalog.providers) return; /* a start from the environment needed it earlier */
    struct arena *arena = &reading->config->arena;
    const struct config_node *node = config_member(root, STR("catalog"));
    struct told told = {reading, read_str((struct section){section_top, root}, "catalog")};
    struct catalog_reader reader = {row_report, &told};
    struct error error = {.code = error_none};
    struct str text = STR_NONE;
    if (told.file.len && !reading->input->read_file(reading->input->context, told.file, arena, &text, &error))
        config_report(reading, node, config_error, "%s", error.message);
    if (text.at && catalog_open(&reading->catalog, text, arena, &reader)) {
        reading->catalog_text = text;
        return;
    }
    told.file = STR("");
    catalog_open(&reading->catalog, STR_NONE, arena, &reader);
}
