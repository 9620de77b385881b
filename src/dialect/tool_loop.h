/* tool_loop.h - does an agent go round in circles? How often the newest tool call of a conversation, as it stands in a
 * request's body, was made with the very same arguments. Reads the body without building it; keeps nothing. Pure. */
#ifndef WEIR_DIALECT_TOOL_LOOP_H
#define WEIR_DIALECT_TOOL_LOOP_H

#include "dialect/message.h"

struct tool_loop {
    struct str tool; /* its name, raw; borrowed from the body */
    size_t calls;    /* of it, with the newest one's arguments, byte by byte; 0: none was made */
};

/* What a person has said since the newest call ends the circle: calls is 0 then. Of what is no JSON, and of what lies
 * at the provider, nothing is known. */
struct tool_loop tool_loop_find(struct str body, enum dialect dialect);

#endif
