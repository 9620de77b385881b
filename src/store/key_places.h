/* key_places.h - where the row of these numbers stands: a table of hashes beside rows that are somebody else's. For the
 * sums of the ledger, whose keys are numbers of its own, one after the other: nobody chooses where they fall. One
 * thread. */
#ifndef WEIR_STORE_KEY_PLACES_H
#define WEIR_STORE_KEY_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows one behind the other, each with its keys in a row. */
struct keyed_rows {
    const void *keys; /* of the first row; NULL: there is none */
    size_t stride;    /* in bytes, from one row's to the next one's */
    size_t count, key_count;
};

/* Zeroed before its first use. */
struct key_places {
    struct key_place {
        uint32_t row, tag; /* the row, + 1; bits of its hash: rows that are others' are not looked at */
    } * places;
    size_t count; /* a power of two, more than twice the rows */
};

/* Room for one row more, and all of these noted. false: no memory, and it is as it was. */
bool key_places_fit(struct key_places *table, struct keyed_rows rows);
/* The row with these keys, or SIZE_MAX; behind a fit. */
size_t key_places_find(const struct key_places *table, struct keyed_rows rows, const int64_t *keys);
/* The last row has come since the fit; no other has its keys. */
void key_places_note(struct key_places *table, struct keyed_rows rows);
void key_places_free(struct key_places *table);

#endif
