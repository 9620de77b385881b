/* config_zone.h - a time zone as the system's data tells it (TZif, RFC 8536), with the rule for the years after its
 * last change worked out up to 2100. Pure. */
#ifndef WEIR_CONFIG_CONFIG_ZONE_H
#define WEIR_CONFIG_CONFIG_ZONE_H

#include "base/arena.h"
#include "core/window.h"

/* Could this be a zone's name, and nothing that leads out of the folder of zones? */
bool zone_name_is_good(struct str name);
/* Reads a whole file of the data; the changes are the arena's. false: it is none, or there is no memory. */
bool zone_parse(struct str file, struct arena *arena, struct zone *zone);

#endif
