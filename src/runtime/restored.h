/* restored.h - what was taken out of a request for its providers is put back into its answer, on the way to its caller.
 * On one worker's thread. */
#ifndef WEIR_RUNTIME_RESTORED_H
#define WEIR_RUNTIME_RESTORED_H

#include "dialect/put_back_stream.h"
#include "flight/flight.h"

struct restored;

/* The answer's head is about to go: NULL: nothing is to be put back, or (*failed) there is no memory. */
struct restored *restored_begin(const struct flight *flight, const struct http_header *headers, size_t count,
                                bool *failed);
/* The ranges as they go out, in scratch. false: it failed, and the answer must be broken off. */
bool restored_write(struct restored *restored, const struct str *ranges, size_t count, struct arena *scratch,
                    struct str *out);
/* What was held at the end. */
bool restored_end(struct restored *restored, struct arena *scratch, struct str *out);
void restored_free(struct restored *restored); /* NULL is fine */
/* A JSON text that is whole; as it is, where nothing is to be put back. {NULL,0}: no memory. */
struct str restored_whole(const struct flight *flight, struct str json, struct arena *scratch);

#endif
