/* batch_show.h - how far a batch is, in words. Pure. Called by batch.c. */
#ifndef WEIR_CLI_BATCH_SHOW_H
#define WEIR_CLI_BATCH_SHOW_H

#include "base/text.h"
#include "weir.h"

/* One line for a terminal: a bar, how fast, how long it will take. */
void batch_bar_put(const struct weir_batch_progress *at, struct text *text);

/* One line when it has ended, for people or as JSON. */
void batch_summary_put(const struct weir_batch_progress *at, bool json, struct text *text);

#endif
