/* flight_trace.h - the trace that a request belongs to (W3C Trace Context), and what providers are told of it. */
#ifndef WEIR_FLIGHT_FLIGHT_TRACE_H
#define WEIR_FLIGHT_FLIGHT_TRACE_H

#include "flight/flight_parts.h"

/* From the head. false: no memory. */
bool trace_begin(struct flight *flight) MUST_USE;
/* Is a header of that name weir's own to say to this request's providers? The caller's does not go up beside it. */
bool trace_is_said(const struct flight *flight, struct str name);
/* At most trace_headers more in the list: the attempt is the parent of what its provider does. false: no memory. */
enum { trace_headers = 2 };
bool trace_say(struct flight *flight, unsigned attempt, struct http_header *headers, size_t *count) MUST_USE;

#endif
