/* otlp.h - traces and metrics as OpenTelemetry's protocol says them in JSON (opentelemetry-proto 1.x, OTLP/HTTP):
 * numbers of 64 bits are strings, ids hexadecimal digits, enums numbers. Writes into a text; pure. */
#ifndef WEIR_OBSERVE_OTLP_H
#define WEIR_OBSERVE_OTLP_H

#include "base/redact.h"
#include "base/text.h"
#include "observe/spans.h"

/* Which names of the GenAI conventions (otlp_names.h). */
enum otlp_semconv { otlp_legacy, otlp_now, otlp_both };

struct otlp_rules {
    enum otlp_semconv semconv;
    struct str service, version;
    char instance[32];         /* of this process, NUL-ended */
    const struct pattern *own; /* hidden in callers' words beside what looks like a credential; NULL: nothing */
};

/* A name that a caller chose, with what is hidden in it hidden, in the buffer; what is too long for that is all hidden.
 */
enum { otlp_word_most = 4 * spans_text_most };
struct str otlp_word(const struct otlp_rules *rules, struct str word, char into[otlp_word_most]);

/* An ExportTraceServiceRequest: begun, a record at a time, ended. Texts that are not UTF-8 are mended. */
void otlp_traces_begin(struct text *text, const struct otlp_rules *rules);
/* Answers how many spans that were. What callers chose of the record is not to be read behind it. */
size_t otlp_traces_put(struct text *text, const struct otlp_rules *rules, struct spans_record *record);
void otlp_traces_end(struct text *text);

/* An ExportMetricsServiceRequest of all that /metrics shows (`exposition`: as metrics_write makes it), so that both say
 * the same; those that the conventions name are said under those names too. Answers how many points. */
size_t otlp_metrics_put(struct text *text, const struct otlp_rules *rules, struct str exposition, int64_t started_ns,
                        int64_t now_ns);

/* otlp_value.c: between the two. */
void otlp_str(struct text *text, const char *name, struct str value); /* left out where it is empty */
void otlp_int(struct text *text, const char *name, int64_t value);
void otlp_bool(struct text *text, const char *name, bool value);
void otlp_double(struct text *text, const char *name, int64_t billionths); /* of a dollar, or of a second */
void otlp_resource_put(struct text *text, const struct otlp_rules *rules);
void otlp_scope_put(struct text *text, const struct otlp_rules *rules);
/* Its names under the rules: one, or two that differ; NULL: none. */
void otlp_names_of(const struct otlp_rules *rules, unsigned attribute, const char *names[2]);
/* What a type of provider is called. */
struct str otlp_provider_name(struct str type, bool legacy);

#endif
