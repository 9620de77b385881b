/* lines.h - framing of newline-delimited JSON: one event a line, split at any byte. Sans-IO; memory only for a line
 * that a read has cut. */
#ifndef WEIR_DIALECT_LINES_H
#define WEIR_DIALECT_LINES_H

#include "dialect/sse.h"

struct lines {
    char *held; /* the beginning of a line that is not complete */
    size_t held_len, held_size;
    struct budget *budget; /* what it is counted in; NULL: nothing */
    struct str fed;        /* what is not consumed yet */
};

void lines_init(struct lines *lines);
/* From now on what it holds is counted there. Before the first bytes. */
void lines_hold_within(struct lines *lines, struct budget *budget);
void lines_free(struct lines *lines);
/* Gives the next bytes; then lines_next until it answers sse_more. The bytes stay the caller's and must live until
 * then.
 */
void lines_feed(struct lines *lines, struct str bytes);
/* The line as an event: `raw` with its line end, `data` without; a blank line is comment_only. A line of at most
 * limit_sse_event bytes. */
enum sse_result lines_next(struct lines *lines, struct sse_event *event);
/* At the stream's end: a last line without its end is a line too. false: there is none. */
bool lines_last(struct lines *lines, struct sse_event *event);

#endif
