/* cache_miss.h - what a provider says of why its prompt cache did not have what it was sent, where its caller asked for
 * that: Anthropic's `diagnostics.cache_miss_reason`, OpenAI's `prompt_cache_diagnostics`. Pure. */
#ifndef WEIR_DIALECT_CACHE_MISS_H
#define WEIR_DIALECT_CACHE_MISS_H

#include "base/meter.h"
#include "dialect/json.h"
#include "dialect/usage.h"

/* Of the object that says it, as text; {NULL,0}, or one that says nothing: the meter stays as it is. What follows the
 * object is not looked at. */
void cache_miss_read(struct str object, struct meter *meter);
/* The same of a value that was read. */
void cache_miss_take(const struct json_value *value, struct arena *arena, struct usage *usage);

#endif
