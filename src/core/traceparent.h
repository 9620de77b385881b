/* traceparent.h - which trace a request belongs to, as W3C Trace Context (level 1, 2021) says it in a header:
 *
 *   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01        version-trace-parent-flags, small hexadecimal digits
 *
 * and the ids of spans, which follow from a request's own id, so that nothing has to be kept to tell them later. Pure.
 */
#ifndef WEIR_CORE_TRACEPARENT_H
#define WEIR_CORE_TRACEPARENT_H

#include "base/str.h"

enum { trace_id_digits = 32, span_id_digits = 16, traceparent_len = 55, tracestate_most = 512 };

struct traceparent {
    struct str trace, parent; /* their digits; of the text that was read */
    bool sampled;
};

/* Strict: a version that is not ff, digits in small letters, no id of zeros; version 00 ends behind its flags, a later
 * one may go on behind a `-`. false: it is none, and *read is not touched. */
bool traceparent_read(struct str text, struct traceparent *read);
/* Of version 00; not NUL-ended. `span`: see trace_span. */
void traceparent_write(struct str trace, uint64_t span, bool sampled, char into[traceparent_len]);

/* The id of a trace that begins with this request: `weir` and the 24 digits of its own id, so that one is seen in the
 * other; of an id of another form, digits of its hash. */
void trace_id_of(struct str own_id, char into[trace_id_digits]);
/* The span of a request, number 0, and of its attempts from 1 on. Never 0. */
uint64_t trace_span(struct str own_id, unsigned number);
void trace_span_digits(uint64_t span, char into[span_id_digits]);
/* Is it among that share (0 to 1) of all traces? By its last 14 digits, which are drawn: whoever asks the same of the
 * same trace is told the same. */
bool trace_is_among(struct str trace, double share);
/* What a tracestate may be made of: printable ASCII, at most tracestate_most of it. */
bool tracestate_is_fit(struct str state);

#endif
