/* responses_cut.h - a stream of Responses events that passes as its provider tells it, and may have to be ended before
 * its provider ends it: what is open is noted as it comes, and closed by the provider's own names and numbers, as the
 * API itself ends an answer that has become too long. One thread. */
#ifndef WEIR_DIALECT_RESPONSES_RESPONSES_CUT_H
#define WEIR_DIALECT_RESPONSES_RESPONSES_CUT_H

#include "base/text.h"
#include "dialect/usage.h"

struct responses_cut;

/* In the arena, and so is all that it keeps: about twice what is said. NULL: no memory. */
struct responses_cut *responses_cut_new(struct arena *keep);
/* An event's data, as the caller is told it. false: no memory, or more items and parts than an answer has. */
bool responses_cut_note(struct responses_cut *cut, struct str data, struct arena *scratch);
/* The events behind what was noted: those that close what is open, and the response, incomplete. `id`: the response's,
 * where none was told. */
void responses_cut_write(struct responses_cut *cut, struct str id, const struct usage *usage, struct arena *scratch,
                         struct text *text);

#endif
