/* config_reference.h - docs/configuration.md's tables, from the table that the check uses. */
#ifndef WEIR_CONFIG_CONFIG_REFERENCE_H
#define WEIR_CONFIG_CONFIG_REFERENCE_H

#include "base/text.h"

/* The whole page, as Markdown. */
void config_reference_write(struct text *text);

#endif
