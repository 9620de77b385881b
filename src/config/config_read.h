/* config_read.h - typed values out of checked nodes. What a key's default, range and unit are is the table's alone
 * (config_schema.h): a reader names section and key, and a key that its section does not have, or has as another kind,
 * is a bug. Where a key is not written, or the check has complained of it, its default is read as if it were written.
 */
#ifndef WEIR_CONFIG_CONFIG_READ_H
#define WEIR_CONFIG_CONFIG_READ_H

#include "base/clock.h"
#include "config/config_schema.h"
#include "config/config_yaml.h"

/* A section as it is written; `map` and `above` may be NULL. What is not written in `map` is taken from `above`, a map
 * of the same keys: a route's `retry` goes on the top level's. */
struct section {
    enum config_section of;
    const struct config_node *map, *above;
};

/* Does a value stand there, or above? */
bool read_is_written(struct section section, const char *key);
/* value_string, value_choice, value_any: empty where there is neither text nor default. */
struct str read_str(struct section section, const char *key);
/* Is the word of a value_choice this one of its words? */
bool read_is(struct section section, const char *key, const char *word);
/* Which of its words it is, from 0. */
size_t read_choice(struct section section, const char *key);
bool read_bool(struct section section, const char *key);
/* value_number, and all that are more than that; value_int and value_milliseconds. */
double read_number(struct section section, const char *key);
uint64_t read_whole(struct section section, const char *key);
/* value_seconds and value_milliseconds, in nanoseconds. */
uint64_t read_ns(struct section section, const char *key);
/* A list of strings, or one string as a list of one; in the arena. NULL and 0: none. */
struct str *read_strings(struct section section, const char *key, struct arena *arena, size_t *count);

/* Of value_numbers, in thousandths: those above 0, at most `most`. */
size_t read_permilles(struct section section, const char *key, uint32_t *list, size_t most);

/* A map in it, by its key: NULL where it is not written. */
struct section read_section(struct section section, const char *key);
/* The type of the provider of that name: the name, where it does not say. */
struct str read_type(const struct config_node *provider, struct str name);
/* The words for true and false; false: it is none of them. */
bool read_bool_word(struct str text, bool *value);

#endif
