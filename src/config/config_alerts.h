/* config_alerts.h - what alerts, from which thresholds on, and where it is posted. */
#ifndef WEIR_CONFIG_CONFIG_ALERTS_H
#define WEIR_CONFIG_CONFIG_ALERTS_H

#include "config/config.h"
#include "config/config_read.h"

void alerts_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root);

#endif
