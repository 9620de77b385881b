/* catalog_price.h - the `price` of a model's row. */
#ifndef WEIR_SNAPSHOT_CATALOG_PRICE_H
#define WEIR_SNAPSHOT_CATALOG_PRICE_H

#include "base/text.h"
#include "snapshot/catalog_row.h"

/* The words that `when` may say, for the table that checks them. */
struct str catalog_tier_word(unsigned i);
struct str catalog_speed_of_serving_word(unsigned i);
struct str catalog_region_word(unsigned i);
struct str catalog_modality_word(unsigned i);
struct str catalog_cache_ttl_word(unsigned i);

/* What the table cannot tell of a `price` that has the members it may have: told. */
void catalog_price_check(struct catalog_row *row, const struct json_value *price);
/* Reads it, checked; row->good: there was memory. */
void catalog_price_read(struct catalog_row *row, const struct json_value *price, struct price_list *prices);
/* The same as members of an object, USD as they are written; what stands in `above` alone is a row of `above`. */
void catalog_price_write(const struct price_list *prices, struct text *text);

#endif
