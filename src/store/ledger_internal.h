/* ledger_internal.h - the ledger's parts: writing (ledger.c), telling (ledger_usage.c), and the SQL functions that add
 * up (ledger_functions.c). */
#ifndef WEIR_STORE_LEDGER_INTERNAL_H
#define WEIR_STORE_LEDGER_INTERNAL_H

#include <sqlite3.h>

#include "base/histogram.h"
#include "store/ledger.h"

enum { usage_names = 4, durations_bytes_max = histogram_buckets * 6 };

/* A histogram as pairs of bucket (2 bytes) and count (4), those that are not 0. How many bytes. */
size_t durations_put(const struct histogram *histogram, unsigned char bytes[durations_bytes_max]);
/* Added to what it has. What is no such bytes adds nothing. */
void durations_add(struct histogram *histogram, const void *bytes, size_t len);
/* Ends at the largest and at the least. */
int64_t ledger_sum(int64_t a, int64_t b);
/* numbers_both(a, b) and numbers_all(x); durations_both(a, b) and durations_all(x). */
bool ledger_functions_register(sqlite3 *sqlite);

sqlite3 *ledger_sqlite(struct ledger *ledger);
/* What it keeps of names is looked up anew from its next transaction on. */
void ledger_names_changed(struct ledger *ledger);

#endif
