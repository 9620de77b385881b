/* ledger_order.h - of very many groups those that are told: each is known by its keys and by what decides its place
 * among the others, in few bytes; all else of it is read when it is known which they are. One thread. */
#ifndef WEIR_STORE_LEDGER_ORDER_H
#define WEIR_STORE_LEDGER_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What decides: the dearest is first, then the one of more attempts, then of more input. */
enum order_measure { order_nano_usd, order_attempts, order_input_tokens, order_measures };
/* Groups; further ones are counted. */
enum { order_groups_most = 1000000 };

struct usage_order;

/* `timed`: by the first key, the least first, and those of the largest are told. NULL: no memory. */
struct usage_order *usage_order_new(size_t key_count, bool timed);
/* NULL is fine. */
void usage_order_free(struct usage_order *order);
/* A row of the group of these keys. false: no memory. */
bool usage_order_add(struct usage_order *order, const int64_t measures[order_measures], const int64_t *keys);
/* The keys of those that are told, at most so many, in their order; each lives until the next add. Answers how many.
 * *more: that are left out, so far as they could be told apart. */
size_t usage_order_tell(struct usage_order *order, const int64_t **told, size_t most, size_t *more);

#endif
