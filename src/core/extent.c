/* extent.c - sums that stop at the whole: nothing here is ever more than that.
 *
 * Invariant: 0 <= covered <= whole, and covered never falls. */
#include "core/extent.h"

#include "base/check.h"

static int64_t extent_sum(int64_t one, int64_t other, int64_t most) {
    return one > most || other > most - one ? most : one + other;
}

struct extent extent_of(int64_t whole, int64_t usual, int64_t margin) {
    enum { slice_least = 64 };
    CHECKF(whole >= 0 && usual >= 0 && margin >= 0, "whole=%lld usual=%lld margin=%lld", (long long)whole,
           (long long)usual, (long long)margin);
    return (struct extent){.covered = extent_sum(usual, margin, whole),
                           .whole = whole,
                           .margin = margin,
                           .slice = usual > slice_least ? usual : slice_least};
}

/* A count that does not grow says nothing of what came since. */
void extent_saw(struct extent *extent, uint64_t bytes, int64_t told) {
    if (told > extent->told) {
        extent->told = told;
        extent->since = 0;
    }
    int64_t more = bytes > (uint64_t)extent->whole ? extent->whole : (int64_t)bytes;
    extent->since = extent_sum(extent->since, more, extent->whole);
}

int64_t extent_bound(const struct extent *extent) { return extent_sum(extent->told, extent->since, extent->whole); }

int64_t extent_needs(const struct extent *extent) {
    return extent_sum(extent_bound(extent), extent->margin, extent->whole);
}

int64_t extent_wants(const struct extent *extent) {
    return extent_sum(extent_needs(extent), extent->slice, extent->whole);
}

void extent_covers(struct extent *extent, int64_t tokens) {
    CHECKF(tokens >= extent->covered && tokens <= extent->whole, "tokens=%lld covered=%lld whole=%lld",
           (long long)tokens, (long long)extent->covered, (long long)extent->whole);
    extent->covered = tokens;
}

int64_t extent_came(const struct extent *extent) {
    enum { token_bytes = 4 };
    int64_t behind = extent->since / token_bytes + (extent->since % token_bytes != 0);
    return extent_sum(extent->told, behind, extent->whole);
}

int64_t extent_charge(const struct extent *extent, int64_t came) {
    int64_t bound = extent_bound(extent);
    return extent_sum(came > bound ? bound : came < 0 ? 0 : came, extent->margin, extent->covered);
}
