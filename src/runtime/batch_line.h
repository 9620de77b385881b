/* batch_line.h - what a batch decides of each line, without asking the world: is it fit to be sent, does its failure
 * pass, when is it tried again, and how many go at once. Pure. Called by batch.c. */
#ifndef WEIR_RUNTIME_BATCH_LINE_H
#define WEIR_RUNTIME_BATCH_LINE_H

#include "base/text.h"
#include "dialect/json.h"

enum { batch_backoff_ms = 500, batch_backoff_ms_max = 30000 };

/* Why the line cannot be sent; NULL: it can, and *body is the object under "body" as it stands in it. */
const char *batch_line_problem(const struct json_value *root, struct str line, struct str *body);

/* May a call that failed so come to something when it is tried again? The status is 0 where there was no answer. */
bool batch_may_pass(int status, struct str code);

/* When weir itself said in its reply to come again: ms; 0: it did not, or so late that nobody waits for it. */
uint64_t batch_told_ms(struct str reply);

/* How many go at once after a call that ended so: one more for as many as there are, half as many after an overload; 1
 * to `most`. */
double batch_parallel_next(double parallel, unsigned most, bool failed, int status);

#endif
