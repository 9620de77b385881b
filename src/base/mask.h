/* mask.h - credentials that were sent, found again in what comes back: as they are, as base64 (in any place of what was
 * encoded, standard and URL alphabet), and with any of their bytes escaped (%2F, \u002f, \/). Each byte of what is
 * found becomes a `*`, so that lengths stay. Exact: nothing is taken for a credential because it looks like one.
 *
 * A mask is made once and then only read, by any thread. It is a table of the credentials' 4-grams: of a text every
 * n-th 4-gram is looked at (n: the shortest run of plain bytes, less three), so that the usual text costs less than
 * reading it, however many credentials there are.
 *
 *   text   ....|sk-p|........|j-Qw|........      a gram that is known -> its places in the credentials -> compared
 * there
 */
#ifndef WEIR_BASE_MASK_H
#define WEIR_BASE_MASK_H

#include "base/arena.h"

enum {
    mask_shortest = 4,           /* what is shorter than a gram is no credential */
    mask_shortest_anywhere = 12, /* what is shorter than this may stand in a text by chance */
};

struct mask;

/* Of those credentials that are at least `shortest` bytes long. All of its memory is the arena's, which is best one for
 * secrets. *mask: NULL when there is nothing to look for. false: out of memory. */
bool mask_new(const struct str *credentials, size_t count, size_t shortest, struct arena *arena,
              const struct mask **mask) __attribute__((warn_unused_result));

/* What of a text that comes in pieces is not passed on yet: its last bytes, where they may begin a credential. All
 * zero: nothing. One owner. */
struct mask_stream {
    char *held;
    size_t held_len, held_size;
    struct budget *budget; /* what it is counted in; NULL: nothing */
    size_t masked;         /* of these the first so many belong to what has been found */
    uint64_t compared;     /* bytes so far, with a credential's: a measure of the work that does not need a clock */
};

/* The next piece. *out is what may be passed on: the piece's own bytes when nothing was found, else a copy in scratch.
 * A NULL mask passes everything. false: out of memory. */
bool mask_pass(const struct mask *mask, struct mask_stream *stream, struct str piece, struct arena *scratch,
               struct str *out) __attribute__((warn_unused_result));
/* The text is over: what is held comes out, masked where a credential was cut. */
bool mask_end(const struct mask *mask, struct mask_stream *stream, struct arena *scratch, struct str *out)
    __attribute__((warn_unused_result));
void mask_stream_free(struct mask_stream *stream);
/* A text that is whole; masked too where its end cuts a credential. {NULL,0}: out of memory. */
struct str mask_whole(const struct mask *mask, struct str text, struct arena *scratch);

#endif
