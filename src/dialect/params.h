/* params.h - what an operator says of every chat at a target: values where the caller says nothing (defaults), and
 * values whatever the caller says (overrides). A cap on the answer is only ever lowered. Tables; pure. */
#ifndef WEIR_DIALECT_PARAMS_H
#define WEIR_DIALECT_PARAMS_H

#include "base/text.h"
#include "dialect/message.h"

/* One set of them: the fields of `request` that `says` names (bits of enum feature) count, and no others. */
struct params {
    uint64_t says;
    struct message_request request;
};
struct target_params {
    struct params defaults, overrides;
};

void params_init(struct params *params);

/* Which of what can be set does a request say itself? Bits. */
uint64_t params_said(const struct message_request *request);
/* Sets what holds for this request, but for `except`. `said`: what it says besides what stands in it. Answers what is
 * other than it was; what is set is borrowed from the params. */
uint64_t params_apply(const struct target_params *params, uint64_t said, uint64_t except,
                      struct message_request *request);
/* {"temperature":0.2}: these of a request, by the names of chat completions. */
void params_put(const struct message_request *request, uint64_t bits, struct text *text);

#endif
