/* traceparent_fuzz.c - the header with any bytes: what is taken is two ids, and reads the same when it is written
 * again. */
#include <stdint.h>
#include <stdlib.h>

#include "core/traceparent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_within(struct str part, struct str text) {
    return part.at >= text.at && part.at + part.len <= text.at + text.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_make((const char *)data, size);
    struct traceparent read, again;
    char said[traceparent_len], digits[trace_id_digits];
    if (traceparent_read(text, &read)) {
        if (read.trace.len != trace_id_digits || read.parent.len != span_id_digits) abort();
        if (!lies_within(read.trace, text) || !lies_within(read.parent, text)) abort();
        traceparent_write(read.trace, 1, read.sampled, said);
        if (!traceparent_read(str_make(said, sizeof said), &again)) abort();
        if (!str_eq(again.trace, read.trace) || again.sampled != read.sampled) abort();
        if (trace_is_among(read.trace, 0) || !trace_is_among(read.trace, 1)) abort();
    }
    trace_id_of(text, digits);
    traceparent_write(str_make(digits, sizeof digits), trace_span(text, 0), false, said);
    if (!traceparent_read(str_make(said, sizeof said), &again)) abort();
    if (tracestate_is_fit(text) && size > tracestate_most) abort();
    return 0;
}
