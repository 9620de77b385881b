/* config_traces.c - `traces`: where traces and metrics go, and what is told of them. */
#include "base/header_names.h"
#include "base/url.h"
#include "config/config_decisions.h"
#include "config/config_read.h"

static void traces_headers_read(struct config_reading *reading, struct snapshot *snapshot,
                                const struct config_node *map, struct trace_rules *traces) {
    enum { headers_most = 16 };
    const struct config_node *headers = config_member(map, STR("headers"));
    if (!headers || headers->kind != config_map) return;
    if (headers->count > headers_most)
        config_report(reading, headers, config_error, "more than %d `headers` of `traces`", headers_most);
    if (headers->count > headers_most) return;
    traces->headers = arena_take_zeroed(&snapshot->arena, (headers->count + 1) * sizeof *traces->headers);
    for (const struct config_node *header = headers->first; header && traces->headers; header = header->next) {
        bool ours = header_uses(header->key) & header_of_hop || str_eq_nocase(header->key, STR("content-type")) ||
                    str_eq_nocase(header->key, STR("user-agent"));
        if (!config_header_is_valid(header->key, header->text))
            config_report(reading, header, config_error,
                          "`%.*s` is no header: a name of letters, digits and `-`, a value of one line",
                          STR_ARG(str_slice(header->key, 0, 64)));
        else if (ours)
            config_report(reading, header, config_error, "the header `%.*s` is written by weir itself: remove it",
                          STR_ARG(header->key));
        else if (header->kind == config_scalar)
            traces->headers[traces->header_count++] = (struct http_header){
                arena_copy(&snapshot->arena, header->key), arena_copy(&snapshot->secrets, header->text)};
    }
}

/* Without what weir puts behind it, where somebody wrote it. */
static struct str traces_base(struct str written) {
    static const struct str behind[] = {STR("/v1/traces"), STR("/v1/metrics")};
    while (str_ends(written, STR("/"))) written.len--;
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++)
        if (str_ends(written, behind[i])) written.len -= behind[i].len;
    while (str_ends(written, STR("/"))) written.len--;
    return written;
}

static bool traces_endpoint_is_good(struct str endpoint) {
    enum { url_most = 2000 };
    struct url url;
    return endpoint.len <= url_most && str_control_at(endpoint, 0) == endpoint.len &&
           str_find_byte(endpoint, ' ') == SIZE_MAX && str_find_byte(endpoint, '#') == SIZE_MAX &&
           str_find_byte(endpoint, '?') == SIZE_MAX && !url_parse(endpoint, &url) && !url.unix_path.len;
}

static void traces_ca_look(struct config_reading *reading, const struct config_node *map, struct str ca_file) {
    struct error error = {.code = error_none};
    if (!ca_file.len || !reading->input->ca_check) return;
    if (!reading->input->ca_check(reading->input->context, ca_file, &error))
        config_report(reading, config_member(map, STR("ca_file")), config_error, "%s", error.message);
}

struct trace_rules traces_of(struct config_reading *reading, struct snapshot *snapshot,
                             const struct config_node *root) {
    const struct section top = {section_top, root}, section = read_section(top, "traces");
    struct trace_rules traces = {.propagate = read_bool(section, "propagate"),
                                 .metrics = read_bool(section, "metrics"),
                                 .content = read_bool(section, "content"),
                                 .semconv = (enum semconv)read_choice(section, "semconv"),
                                 .sample = read_number(section, "sample"),
                                 .endpoint = arena_copy(&snapshot->secrets, traces_base(read_str(section, "endpoint"))),
                                 .service = arena_copy(&snapshot->arena, read_str(section, "service_name")),
                                 .ca_file = arena_copy(&snapshot->arena, read_str(section, "ca_file")),
                                 .timeout_ns = read_ns(section, "timeout_seconds"),
                                 .metrics_every_ns = read_ns(section, "metrics_interval_seconds")};
    const struct config_node *written = config_member(section.map, STR("endpoint"));
    if (traces.endpoint.len && !traces_endpoint_is_good(traces.endpoint))
        config_report(reading, written, config_error,
                      "`endpoint` must be the base URL of a collector, such as http://127.0.0.1:4318");
    else
        traces.on = traces.endpoint.len > 0;
    if (section.map && !traces.on && read_bool(section, "metrics"))
        config_report(reading, config_member(section.map, STR("metrics")), config_warning,
                      "no `endpoint` is written, so no metrics are sent");
    if (section.map) traces_headers_read(reading, snapshot, section.map, &traces);
    traces_ca_look(reading, section.map, traces.ca_file);
    return traces;
}
