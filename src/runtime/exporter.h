/* exporter.h - traces and metrics to an OpenTelemetry collector (OTLP over HTTP, as JSON), on a thread of its own: what
 * loops have put down (observe/spans.h) is taken, made into JSON and posted there. Nothing waits for it: what it cannot
 * keep up with is dropped, counted and told. Made at the first configuration that has an endpoint. */
#ifndef WEIR_RUNTIME_EXPORTER_H
#define WEIR_RUNTIME_EXPORTER_H

struct weir;
struct exporter;

/* Follows the configuration in force from then on. NULL: no memory, descriptors or threads. */
struct exporter *exporter_open(struct weir *weir);
/* What is there is posted once more, for at most two seconds; `weir` has its metrics still, and no loop puts any more.
 * NULL is fine. */
void exporter_close(struct exporter *exporter);

#endif
