/* config_decisions.h - what of the configuration decisions go by: strategies, breakers, rates, retries, queues; and the
 * cells that belong to each name. */
#ifndef WEIR_ENGINE_CONFIG_DECISIONS_H
#define WEIR_ENGINE_CONFIG_DECISIONS_H

#include "engine/config.h"
#include "engine/config_read.h"

void decisions_of_all(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root);
/* Its base URL and keys are known. `root` for what providers inherit. */
void decisions_of_provider(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                           const struct config_node *node, struct provider *provider);
void decisions_of_target(struct config_reading *reading, struct snapshot *snapshot, struct target *target);
/* Its targets are complete; node NULL: a route that is made, not written. */
void decisions_of_route(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root,
                        const struct config_node *node, struct route *route);
void decisions_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                         struct client *client);

#endif
