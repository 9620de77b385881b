/* gather.h - the events of a stream as one whole reply: the other way of message_reply_events. Pure. */
#ifndef WEIR_DIALECT_GATHER_H
#define WEIR_DIALECT_GATHER_H

#include "dialect/message.h"

/* A stream of so many answers is none that is read. */
enum { gather_choices_max = 128 };

/* What they say together; in the arena, and borrowed from the events. false: no memory, or it is no stream of an answer
 * that came to its end: an error, or a choice without its finish. */
bool message_gather(const struct message_events *events, struct arena *arena, struct message_reply *reply);

#endif
