/* config_overlay_tree.h - changing trees of nodes, and the words of the overlay that are no keys of the configuration.
 * Between the overlay's own files. Nodes are linked, never copied: a node stands in one tree at a time. */
#ifndef WEIR_CONFIG_CONFIG_OVERLAY_TREE_H
#define WEIR_CONFIG_CONFIG_OVERLAY_TREE_H

#include "base/error.h"
#include "base/text.h"
#include "config/config_yaml.h"

/* What goes to one origin only, and the word beside it that names the origin. */
struct overlay_credential {
    struct str key, origin_key;
};
enum { overlay_credential_count = 3 };
extern const struct overlay_credential overlay_credentials[overlay_credential_count];

/* An entry's own words, out of its keys. */
struct overlay_marks {
    const struct config_node *entry;
    bool added, removed;
    struct str origins[overlay_credential_count]; /* empty: not said */
};
/* Is the mark, `added` or `removed`, among them and true? */
bool overlay_says(const struct config_node *entry, const char *mark);
struct overlay_marks overlay_marks_take(struct config_node *entry);
static inline struct str overlay_marks_origin(const struct overlay_marks *marks, size_t credential) {
    return marks->origins[credential];
}

void overlay_mark(struct config_node *root);
/* Unlinks and answers the member; NULL when there is none. */
struct config_node *overlay_take_out(struct config_node *map, struct str key);
/* Links at the end. */
void overlay_put(struct config_node *map, struct config_node *node);
/* Every member of `from` into `map`: maps member by member, all else whole; `headers` whole too; api_key and api_keys
 * put each other out. */
void overlay_put_all(struct config_node *map, struct config_node *from);
/* NULL: no memory. */
struct config_node *overlay_map_new(struct arena *arena, struct str key);
struct config_node *overlay_scalar_new(struct arena *arena, struct str key, struct str text, bool quoted);

/* config_overlay_edit.c: JSON as nodes; null is an empty scalar. NULL: *error, such as that it is too large or nested
 * too deep. */
struct json_value;
struct config_node *overlay_node_of(const struct json_value *value, struct arena *arena, struct error *error);
struct config_node *overlay_node_deep(const struct json_value *value, unsigned depth_max, struct arena *arena,
                                      struct error *error);
/* config_overlay_edit.c: the entries of the overlay's text, with their own words, values marked as strings where they
 * were. NULL: *error. And the text of them. */
struct config_node *overlay_entries_read(struct str text, struct arena *arena, struct error *error);
void overlay_entries_write(struct text *text, const struct config_node *entries);

/* config_overlay_vault.c: an entry's word `vault` goes, and stands as nodes where the credentials were. false: it is
 * not as weir writes it, or there is no memory. */
bool overlay_vault_put_back(struct config_node *entry, struct arena *arena);
/* The key is given anew, or gone: what the vault held for it counts no more. */
void overlay_vault_forget(struct config_node *entry, struct str key);

#endif
