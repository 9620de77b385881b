/* extent.h - how far into its answer a stream is paid for, where less than all of it was reserved before it began.
 *
 *   0 ......... what came ......... + margin ......... covered ......... whole
 *
 * What came is bounded from above: by the provider's own count where it tells one, and behind that (or without one) a
 * token for each byte of what it said, as no token says less than a byte. What it has made and bills beyond that, and
 * that has not come, is at most the margin: so much is declared of its provider, and holds where it stops when it is
 * hung up on. So as long as what came and the margin are covered, all that can be billed is. Before they are not, more
 * is reserved, or the stream is ended.
 *
 * Pure. One attempt's. All zero: it is covered whole. */
#ifndef WEIR_CORE_EXTENT_H
#define WEIR_CORE_EXTENT_H

#include <stdbool.h>
#include <stdint.h>

struct extent {
    int64_t covered, whole; /* tokens: that are reserved; of the longest answer, which goes up as its cap */
    int64_t margin, slice;  /* slice: as much as is reserved at a time */
    int64_t told, since;    /* tokens that the provider has counted, and bytes behind that */
};

/* One that begins: with as much as such answers take, `usual`, and the margin. */
struct extent extent_of(int64_t whole, int64_t usual, int64_t margin);
static inline bool extent_is_open(const struct extent *extent) { return extent->covered < extent->whole; }
/* So many more bytes of its answer came. `told`: what its provider has counted so far, these included; below 0:
 * nothing.
 */
void extent_saw(struct extent *extent, uint64_t bytes, int64_t told);
/* At most so many tokens came; so many must be covered. */
int64_t extent_bound(const struct extent *extent);
int64_t extent_needs(const struct extent *extent);
/* As many as are reserved when that is more than is covered: a slice beyond it. */
int64_t extent_wants(const struct extent *extent);
/* More is covered: never less. */
void extent_covers(struct extent *extent, int64_t tokens);
/* About so many came: what was counted, and a token each four bytes behind that. */
int64_t extent_came(const struct extent *extent);
/* What a stream that is ended here is charged, of which about so many tokens came: them, and what its provider may have
 * made beyond, as far as it is covered. */
int64_t extent_charge(const struct extent *extent, int64_t came);

#endif
