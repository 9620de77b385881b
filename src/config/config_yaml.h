/* config_yaml.h - a YAML document as a tree whose nodes know where they stand. libyaml ends here. */
#ifndef WEIR_CONFIG_CONFIG_YAML_H
#define WEIR_CONFIG_CONFIG_YAML_H

#include "base/arena.h"
#include "base/hash.h"

enum config_kind { config_scalar, config_list, config_map };

/* Where a provider leads under the overlay, beside where it led without it or where its credential was given for. */
enum config_way { way_as_it_was, way_other, way_other_server };

struct config_node {
    enum config_kind kind;
    struct str text;               /* scalars; references in it are expanded by the check */
    bool quoted;                   /* a scalar in quotes is a string, whatever it looks like */
    bool quoted_key;               /* its key is in quotes: `<<` in quotes is no merge */
    bool referred;                 /* the text came out of a reference: no message may show it */
    bool unread;                   /* a reference in it leads nowhere, which has been told: its text is nobody's */
    struct str vault;              /* the vault's entry that stands for the text, or for a part of it; empty: none */
    size_t standby;                /* of a list: how many at its end are for when the others do not do */
    bool overlay;                  /* it stands in the run-time overlay, not in the configuration's own text */
    unsigned char file;            /* which of the included files it stands in, from 1; 0: in none */
    bool edited;                   /* a provider that the overlay has a say in */
    enum config_way way;           /* of a provider: no key of the environment goes where the overlay leads */
    struct str key;                /* in a map */
    unsigned line, column;         /* of the value, from 1 */
    unsigned key_line, key_column; /* of the key, in a map */
    struct config_node *first, *next;
    size_t count;
    struct config_node *last;   /* a hint for who adds: NULL where it is not known */
    struct config_index *index; /* of a large map; NULL: none, or it has been changed since */
};

struct config_place {
    unsigned line, column;
    char message[200];
};

/* NULL: *problem says where and why. An empty document gives an empty map. Anchors (&name), aliases (*name) and merges
 * (<<: *name) count as YAML has them; tags and more than one document are refused; depth, the number of nodes, and of
 * those that aliases make, are bounded. `file` is noted in each node. */
struct config_node *config_yaml_parse(struct str text, unsigned char file, struct arena *arena,
                                      struct config_place *problem);
/* Makes the index of a large map anew, after changes. Without memory lookups are only slower. */
void config_map_index(struct config_node *map, struct arena *arena);
/* NULL when there is none. In a large map that is as it was read, in the same time for any size. */
struct config_node *config_member(const struct config_node *map, struct str key);
/* A value that is as if it were not there: nothing behind the key, `null` or `~`. */
bool config_is_null(const struct config_node *node);

#endif
