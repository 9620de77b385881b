/* config_entries.h - entries of the configuration that may be changed at run time, as a table; and what was changed of
 * them, laid over the configuration's own tree before it is built. Pure: texts in, tree out.
 *
 * A change holds the keys of its entry as JSON. They win over the file's, key by key, maps within them too; what was
 * added at run time is the whole entry, or lies over the file's where that has one of the same name by now; what was
 * removed is not there, whatever the file says. References (${NAME}, file:, vault:) are never expanded in it. */
#ifndef WEIR_CONFIG_CONFIG_ENTRIES_H
#define WEIR_CONFIG_CONFIG_ENTRIES_H

#include "base/error.h"
#include "base/text.h"
#include "config/config_schema.h"
#include "snapshot/entries.h"

struct config_entry_facts {
    struct str word, plural; /* "route"; "routes": the key at the top of the configuration, and its path */
    enum config_section of;
    struct str name_key; /* what names one in a list, "model"; empty: the kind is a map of names */
    struct str reset;    /* the command that drops what was changed */
};
const struct config_entry_facts *config_entry_facts(enum entry_kind kind);
/* false: there is none of that name, as it is in the configuration, "routes". */
bool config_entry_kind_of(struct str plural, enum entry_kind *kind);

enum config_change_how { change_over, change_added, change_removed };
struct config_change {
    enum entry_kind kind;
    enum config_change_how how;
    struct str name, settings; /* settings: a JSON object */
};

enum { config_change_settings_max = 64 * 1024, config_changes_max = 4096, config_entry_name_max = 512 };

/* `over` laid over `before` (empty: nothing) as a JSON merge patch (RFC 7396): null takes a key out. What names the
 * entry may stand in it, and is left out. In the arena. false: *error. */
bool config_entry_settings(const struct config_entry_facts *facts, struct str name, struct str before, struct str over,
                           struct arena *arena, struct str *after, struct error *error)
    __attribute__((warn_unused_result));

/* -- between the files of config -- */

struct json_value;
/* One object over another (NULL: over nothing) as a JSON merge patch (RFC 7396), without the member of that name. It
 * fails where they are nested too deep. */
void config_patch_put(struct text *out, const struct json_value *one, const struct json_value *over, struct str but);

struct config_reading;
struct config_node;
struct config_input;
struct config;
struct snapshot;
/* Which changes are left out, and why; in the order of the input's. */
struct config_left {
    bool *out;
    struct str *why;
};
/* Into the checked tree. What does not do is an error, with the key's place. */
void config_entries_merge(struct config_reading *reading, struct config_node *root);
/* Where a node of a change stands, "routes/fast/targets/1". */
struct str config_entry_place(const struct config_reading *reading, const struct config_node *node);
/* What is told of them, once the snapshot is built. */
void config_entries_keep(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root);
/* config_entries_fit.c: the load has failed with all changes: without those that do not fit. */
bool config_entries_fit(const struct config_input *input, struct config *config);
/* config.c: one load, without those that are left out (NULL: with all). */
bool config_load_once(const struct config_input *input, const struct config_left *left, struct config *config);

#endif
