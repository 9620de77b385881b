/* exporter.c - see exporter.h. Invariant: a record is taken off its ring only into a body that is posted next; while
 * one is posted, records wait in the rings, which are bounded. */
#include "runtime/exporter.h"

#include <stdio.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "net/tls.h"
#include "observe/otlp.h"
#include "runtime/otlp_post.h"
#include "runtime/trace_content.h"
#include "runtime/weir_internal.h"

enum { tick_ms = 250, last_ms = 2000, records_most = 1024, batch_bytes = 1024 * 1024, origin_ids = 1 << 20 };

struct exporter {
    struct weir *weir;
    struct loop *loop;
    struct http_client *client;
    struct timer tick, last;
    struct arena arena;        /* of these: */
    struct trace_rules traced; /* in force here */
    uint64_t generation;       /* of the configuration that was looked at last */
    struct otlp_place place;
    struct otlp_rules rules;
    struct otlp_post traces, metrics;
    struct spans_record record;
    struct arena content; /* of the record that is told */
    uint64_t origins, metrics_due_ns, dropped_told;
    bool running, ready, ending;
    bool fails[metrics_signals]; /* and it has been told */
};

static struct log_writer *exporter_log(const struct exporter *exporter) {
    return exporter->weir->reports.log ? log_shared(exporter->weir->reports.log) : NULL;
}

static struct str signal_name(enum metrics_signal signal) {
    return signal == metrics_signal_traces ? STR("traces") : STR("metrics");
}

static void exporter_look(void *context);

/* Has a post no room for more than these? */
static bool traces_fill(size_t records, const struct text *body) {
    return records >= records_most || body->len >= batch_bytes;
}

static void exporter_stop(struct exporter *exporter) {
    timer_cancel(exporter->loop, &exporter->tick);
    timer_cancel(exporter->loop, &exporter->last);
    otlp_post_free(&exporter->traces);
    otlp_post_free(&exporter->metrics);
    exporter->traces.loop = exporter->metrics.loop = NULL;
    http_client_free(exporter->client);
    exporter->client = NULL;
    loop_stop(exporter->loop);
}

static void exporter_told(void *context, enum metrics_signal signal, enum metrics_post outcome, size_t count,
                          struct str why) {
    struct exporter *exporter = context;
    struct now now = loop_now(exporter->loop);
    metrics_otlp_post(exporter->weir->reports.metrics, signal, outcome, count);
    if (outcome == metrics_post_failed && !exporter->fails[signal])
        log_warn(exporter_log(exporter), now, "otlp_not_sent", f_str("signal", signal_name(signal)), f_said("why", why),
                 f_str("next", STR("it is tried again; what finds no room meanwhile is dropped, and counted")));
    if (outcome == metrics_post_dropped)
        log_warn(exporter_log(exporter), now, "otlp_dropped", f_str("signal", signal_name(signal)), f_said("why", why),
                 f_u64("count", count));
    if (outcome == metrics_post_delivered && exporter->fails[signal])
        log_info(exporter_log(exporter), now, "otlp_sent_again", f_str("signal", signal_name(signal)));
    exporter->fails[signal] = outcome != metrics_post_delivered;
    if (outcome == metrics_post_delivered && signal == metrics_signal_traces &&
        traces_fill(count, &exporter->traces.body))
        timer_set(exporter->loop, &exporter->tick, now.mono_ns, exporter_look, exporter);
}

/* -- where it goes -- */

static void exporter_leave(struct exporter *exporter) {
    tls_context_release(exporter->place.origin.tls);
    exporter->place.origin.tls = NULL;
    arena_wipe(&exporter->arena);
    arena_free(&exporter->arena);
    exporter->ready = false;
}

/* Copies: a configuration does not live on for what is posted. */
static bool exporter_copy(struct exporter *exporter, const struct trace_rules *traces) {
    enum { copies_first = 4096, copies_most = 1024 * 1024 };
    arena_init(&exporter->arena, copies_first, copies_most);
    struct trace_rules *own = &exporter->traced;
    *own = *traces;
    own->endpoint = arena_copy(&exporter->arena, traces->endpoint);
    own->service = arena_copy(&exporter->arena, traces->service);
    own->ca_file = arena_copy(&exporter->arena, traces->ca_file);
    own->headers = arena_take_zeroed(&exporter->arena, (traces->header_count + 1) * sizeof *own->headers);
    bool good = own->endpoint.at && own->service.at && own->ca_file.at && own->headers;
    for (size_t i = 0; good && i < traces->header_count; i++) {
        own->headers[i] = (struct http_header){arena_copy(&exporter->arena, traces->headers[i].name),
                                               arena_copy(&exporter->arena, traces->headers[i].value)};
        good = own->headers[i].name.at && own->headers[i].value.at;
    }
    return good;
}

static bool exporter_place(struct exporter *exporter, struct error *error) {
    enum { idle_s = 60, rested_s = 1, connect_s = 5 };
    const struct trace_rules *traces = &exporter->traced;
    struct tls_context *tls = NULL;
    struct url url = {.tls = false};
    if (!traces->on || url_parse(traces->endpoint, &url)) return false;
    if (url.tls && !(tls = tls_client_context(traces->ca_file, false, tls_for_providers, error))) return false;
    exporter->place = (struct otlp_place){.origin = {.tls = tls,
                                                     .host = url.host,
                                                     .port = url.port,
                                                     .connect_timeout_ns = connect_s * NS_PER_S,
                                                     .idle_timeout_ns = idle_s * NS_PER_S,
                                                     .rested_ns = rested_s * NS_PER_S,
                                                     .connections_idle_max = metrics_signals,
                                                     .connections_max = metrics_signals,
                                                     .id = UINT64_MAX - 1 - exporter->origins++ % origin_ids},
                                          .path = url.path,
                                          .headers = traces->headers,
                                          .header_count = traces->header_count,
                                          .timeout_ns = traces->timeout_ns};
    http_client_set_origins(exporter->client, &exporter->place.origin, 1, false);
    exporter->rules.semconv = (enum otlp_semconv)traces->semconv;
    exporter->rules.service = traces->service;
    return true;
}

static bool headers_are_same(const struct trace_rules *a, const struct trace_rules *b) {
    if (a->header_count != b->header_count) return false;
    for (size_t i = 0; i < a->header_count; i++)
        if (!str_eq(a->headers[i].name, b->headers[i].name) || !str_eq(a->headers[i].value, b->headers[i].value))
            return false;
    return true;
}

static bool exporter_stays(const struct trace_rules *a, const struct trace_rules *b) {
    return a->on == b->on && a->metrics == b->metrics && a->semconv == b->semconv && a->timeout_ns == b->timeout_ns &&
           a->metrics_every_ns == b->metrics_every_ns && str_eq(a->endpoint, b->endpoint) &&
           str_eq(a->service, b->service) && str_eq(a->ca_file, b->ca_file) && headers_are_same(a, b);
}

/* As the configuration of the moment has it. Where that says something else, what is under way goes to the new place;
 * a certificate of the same name is read again with the next change. */
static void exporter_follow(struct exporter *exporter) {
    struct deployment *now = library_deployment(exporter->weir);
    const struct trace_rules *traces = &now->snapshot->traces;
    struct error error = {.code = error_none};
    if (now->snapshot->generation != exporter->generation && !exporter_stays(traces, &exporter->traced)) {
        otlp_post_break(&exporter->traces);
        otlp_post_break(&exporter->metrics);
        exporter_leave(exporter);
        exporter->ready = exporter_copy(exporter, traces) && exporter_place(exporter, &error);
        otlp_post_again(&exporter->traces, exporter->ready);
        otlp_post_again(&exporter->metrics, exporter->ready);
    }
    exporter->generation = now->snapshot->generation;
    deployment_release(now);
    if (error.code)
        log_error(exporter_log(exporter), loop_now(exporter->loop), "otlp_unusable", f_text("why", error.message));
}

/* -- what is posted -- */

/* What was said, in the conventions' words. */
static void exporter_content_make(struct exporter *exporter) {
    enum { content_first = 16 * 1024, content_most = 8 * 1024 * 1024 };
    struct span_request *request = &exporter->record.request;
    const struct turn_said said = {.endpoint = (enum endpoint)request->asked_by,
                                   .path_model = request->path_model,
                                   .body = request->sent,
                                   .answer = request->said,
                                   .streamed = request->streamed};
    struct trace_content content;
    arena_init(&exporter->content, content_first, content_most);
    if (!request->sent.len) return;
    request->left_out = !trace_content_read(&said, exporter->rules.own, &exporter->content, &content);
    if (request->left_out) return;
    request->instructions = content.instructions;
    request->input = content.input;
    request->output = content.output;
}

static void traces_send(struct exporter *exporter) {
    size_t records = 0;
    struct text *body = NULL;
    if (exporter->traces.busy || !exporter->ready) return;
    while ((!body || !traces_fill(records, body)) && spans_take(exporter->weir->reports.spans, &exporter->record)) {
        if (!body) {
            body = otlp_post_body(&exporter->traces);
            otlp_traces_begin(body, &exporter->rules);
        }
        exporter_content_make(exporter);
        (void)otlp_traces_put(body, &exporter->rules, &exporter->record);
        arena_free(&exporter->content);
        spans_taken(&exporter->record);
        records++;
    }
    if (!body) return;
    otlp_traces_end(body);
    otlp_post_send(&exporter->traces, records);
}

static void exporter_metrics_send(struct exporter *exporter, struct now now) {
    const struct trace_rules *traces = &exporter->traced;
    enum { shown_first = 64 * 1024, shown_most = 64 * 1024 * 1024 };
    struct arena arena;
    if (!exporter->ready || !traces->metrics || exporter->metrics.busy) return;
    if (now.mono_ns < exporter->metrics_due_ns) return;
    exporter->metrics_due_ns = exporter->ending ? UINT64_MAX : now.mono_ns + traces->metrics_every_ns;
    arena_init(&arena, shown_first, shown_most);
    struct text shown = text_in_arena(&arena, shown_first / 2);
    struct deployment *deployment = library_deployment(exporter->weir);
    library_metrics_write(exporter->weir, deployment->snapshot, &shown);
    deployment_release(deployment);
    struct text *body = otlp_post_body(&exporter->metrics);
    size_t points = 0;
    body->failed = body->failed || shown.failed; /* what breaks off anywhere is not read */
    if (!shown.failed)
        points =
            otlp_metrics_put(body, &exporter->rules, text_str(&shown), exporter->weir->started.wall_ns, now.wall_ns);
    arena_free(&arena);
    otlp_post_send(&exporter->metrics, points);
}

static void exporter_look(void *context) {
    struct exporter *exporter = context;
    struct now now = loop_now_fresh(exporter->loop);
    if (!exporter->ending) exporter_follow(exporter);
    traces_send(exporter);
    exporter_metrics_send(exporter, now);
    uint64_t dropped = spans_dropped(exporter->weir->reports.spans);
    if (dropped != exporter->dropped_told && !exporter->ending)
        log_warn(exporter_log(exporter), now, "traces_dropped", f_u64("count", dropped - exporter->dropped_told),
                 f_str("means", STR("the collector takes them more slowly than they come")));
    exporter->dropped_told = dropped;
    if (exporter->ending && !exporter->traces.busy && !exporter->metrics.busy) {
        exporter_stop(exporter);
        return;
    }
    timer_set(exporter->loop, &exporter->tick, now.mono_ns + (exporter->ending ? 10 : tick_ms) * NS_PER_MS,
              exporter_look, exporter);
}

/* -- beginning and end -- */

struct exporter *exporter_open(struct weir *weir) {
    unsigned char drawn[12];
    struct exporter *exporter = memory_take_zeroed(sizeof *exporter);
    if (!exporter) return NULL;
    exporter->weir = weir;
    exporter->generation = UINT64_MAX;
    exporter->rules.version = STR(WEIR_VERSION);
    exporter->rules.own = weir->redacts;
    random_bytes(drawn, sizeof drawn);
    hash_to_hex(drawn, sizeof drawn, exporter->rules.instance);
    exporter->loop = loop_new();
    exporter->client = exporter->loop ? http_client_new(exporter->loop) : NULL;
    if (exporter->client) {
        otlp_post_init(&exporter->traces, exporter->loop, exporter->client, &exporter->place, metrics_signal_traces,
                       exporter_told, exporter);
        otlp_post_init(&exporter->metrics, exporter->loop, exporter->client, &exporter->place, metrics_signal_metrics,
                       exporter_told, exporter);
    }
    exporter->running = exporter->client && loop_start_thread(exporter->loop, "weir-otlp");
    if (exporter->running && loop_post(exporter->loop, exporter_look, exporter)) return exporter;
    exporter_close(exporter);
    return NULL;
}

static void exporter_last(void *context) { exporter_stop(context); }

static void exporter_end(void *context) {
    struct exporter *exporter = context;
    exporter->ending = true;
    exporter->metrics_due_ns = 0; /* what was counted up to the end */
    timer_set(exporter->loop, &exporter->last, loop_now_fresh(exporter->loop).mono_ns + last_ms * NS_PER_MS,
              exporter_last, exporter);
    exporter_look(exporter);
}

void exporter_close(struct exporter *exporter) {
    if (!exporter) return;
    if (exporter->running) {
        CHECK(loop_post(exporter->loop, exporter_end, exporter));
        loop_join(exporter->loop);
    }
    otlp_post_free(&exporter->traces);
    otlp_post_free(&exporter->metrics);
    if (exporter->client) http_client_free(exporter->client);
    exporter_leave(exporter);
    if (exporter->loop) loop_free(exporter->loop);
    memory_give(exporter);
}
