/* order.h - the parts of one answer one after the other. In OpenAI's streams fragments of several calls may come mixed,
 * as each carries its index; in the other dialects a block ends before the next begins. Between them: what belongs to
 * the block that is open passes at once, all else is held until the answer's finish, the first come first.
 *
 * Only of the first choice, as those dialects have no other. Pure; memory is the arena's. Not thread-safe. */
#ifndef WEIR_DIALECT_ORDER_H
#define WEIR_DIALECT_ORDER_H

#include "base/text.h"
#include "dialect/message.h"

enum { order_held_max = 256 /* blocks; what comes for more of them is a failure */ };

struct order_block {
    enum message_event_kind kind; /* message_event_text, _refusal, _reasoning, _citation or _tool */
    enum dialect of;
    unsigned tool;
    struct str id, name, signature;
    struct text said;
    struct message_citation *citation; /* message_event_citation */
};

/* Zeroed to begin with. */
struct order {
    bool calling; /* a call is open: that of this number */
    unsigned tool;
    struct order_block *held;
    unsigned held_count;
};

/* The event, or what was held and then the event, or nothing yet: appended to `out`, whose arena lives as long as its
 * readers need it. `keep` lives as long as the stream. false: no memory, or more blocks than any answer has. */
bool order_take(struct order *order, const struct message_event *event, struct arena *keep, struct message_events *out);

#endif
