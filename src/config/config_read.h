/* config_read.h - typed values out of checked nodes: of the right type or, where the check has complained already, the
 * fallback. */
#ifndef WEIR_CONFIG_CONFIG_READ_H
#define WEIR_CONFIG_CONFIG_READ_H

#include "base/clock.h"
#include "config/config_yaml.h"

struct str read_str(const struct config_node *map, const char *key, struct str fallback);
double read_number(const struct config_node *map, const char *key, double fallback);
bool read_bool(const struct config_node *map, const char *key, bool fallback);
uint64_t read_seconds_ns(const struct config_node *map, const char *key, double fallback_s);
/* A list of strings, or one string as a list of one; in the arena. NULL and 0 when absent. */
struct str *read_strings(const struct config_node *map, const char *key, struct arena *arena, size_t *count);

#endif
