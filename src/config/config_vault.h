/* config_vault.h - which of a provider's keys come from the vault. */
#ifndef WEIR_CONFIG_CONFIG_VAULT_H
#define WEIR_CONFIG_CONFIG_VAULT_H

#include "config/config_yaml.h"
#include "snapshot/snapshot.h"

/* Of the provider's node, once its keys have been read: whose entries they are, and which of them stand by. In the
 * arena. */
void config_vault_keys_note(const struct config_node *node, struct provider *provider, struct arena *arena);

#endif
