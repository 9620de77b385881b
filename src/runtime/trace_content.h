/* trace_content.h - what was said in a chat, as the GenAI conventions want it on a span (`traces.content`): messages of
 * parts, as JSON, in which what must not be read is hidden as in the log. Of pictures, sound and files it tells that
 * they were there. Pure; memory is the arena's. */
#ifndef WEIR_RUNTIME_TRACE_CONTENT_H
#define WEIR_RUNTIME_TRACE_CONTENT_H

#include "base/redact.h"
#include "dialect/turn.h"

struct trace_content {
    struct str instructions;  /* a list of parts; empty: there are none */
    struct str input, output; /* lists of messages; empty: none */
};

/* own: what is hidden beside what looks like a credential; NULL: nothing. false: it cannot be read, or there is no
 * memory. */
bool trace_content_read(const struct turn_said *said, const struct pattern *own, struct arena *arena,
                        struct trace_content *content);

#endif
