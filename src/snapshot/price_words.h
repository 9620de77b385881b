/* price_words.h - rows of prices as texts say them: what the configuration and the catalogue have in common. Pure. */
#ifndef WEIR_SNAPSHOT_PRICE_WORDS_H
#define WEIR_SNAPSHOT_PRICE_WORDS_H

#include "base/arena.h"
#include "core/price.h"

/* The words of a row's conditions; place 0 is `any`, the others are as the enum has them; empty behind the last. */
struct str price_tier_word(size_t place);
struct str price_speed_word(size_t place);
struct str price_region_word(size_t place);
struct str price_modality_word(size_t place);
struct str price_lifetime_word(size_t place);

/* A day such as 2026-10-14: its first second, UTC. false: it is no day of the calendar. */
bool price_day_read(struct str text, int64_t *seconds);
/* Hours of the UTC day such as 06:00-10:00, or 22:00-06:00 over midnight. */
bool price_hours_read(struct str text, struct price_row *row);
/* A factor such as 1.1. false: it is none, or has more than price_factor_decimals decimals. */
bool price_factor_read(struct str text, struct price_row *row);
/* What is left of each price where this share of it (0.15) is taken off: all but what the operator adds. */
bool price_discount_read(struct str text, struct price_row *row);
/* A price in USD as it is written, for that kind. false: it is none, or more than may be. */
bool price_read(enum price_kind kind, struct str text, int64_t *price);

/* Prices that a row is to set; -1: not this one. */
struct price_sets {
    int64_t of[price_kinds];
};
void price_sets_begin(struct price_sets *sets);
/* Makes the row one that sets them, packed in the arena. false: no memory. */
bool price_row_set(struct price_row *row, const struct price_sets *sets, struct arena *arena);

#endif
