/* config_process.c - the part of the configuration that is the process's: listeners, loops, folders, times, the log. */
#include "config/config.h"

#include "base/limits.h"
#include "config/config_read.h"

static bool address_is_loopback(struct str address) {
    if (str_starts(address, STR("unix:"))) return true;
    size_t colon = address.len;
    while (colon > 0 && address.at[colon - 1] != ':') colon--;
    struct str host = colon ? str_slice(address, 0, colon - 1) : address;
    if (host.len > 2 && host.at[0] == '[') host = str_slice(host, 1, host.len - 1);
    return host_is_loopback(host);
}

static bool address_is_valid(struct str address) {
    enum { unix_path_max = 107 }; /* what the system's address holds */
    if (str_starts(address, STR("unix:"))) return address.len > 5 && address.len - 5 <= unix_path_max;
    size_t colon = address.len;
    uint64_t port;
    while (colon > 0 && address.at[colon - 1] != ':') colon--;
    struct str host = str_slice(address, 0, colon ? colon - 1 : 0);
    bool bracketed = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    return host.len > 0 && (bracketed || str_find_byte(host, ':') == SIZE_MAX) &&
           str_to_u64(str_slice(address, colon, address.len), &port) && port <= 65535;
}

/* Port 0 is another port each time. */
static bool listen_stands(const struct config_process *process, struct str address) {
    for (size_t i = 0; i < process->listen_count && !str_ends(address, STR(":0")); i++)
        if (str_eq(process->listens[i].address, address)) return true;
    return false;
}

static void listen_add(struct config_reading *reading, const struct config_node *node, bool open_to_all) {
    struct config_process *process = &reading->config->process;
    const struct config_node *tls = node->kind == config_map ? config_member(node, STR("tls")) : NULL;
    struct config_listen listen = {.address =
                                       node->kind == config_map ? read_str(node, "address", STR("")) : node->text,
                                   .cert_file = read_str(tls, "cert", STR("")),
                                   .key_file = read_str(tls, "key", STR(""))};
    const struct config_node *written = node->kind == config_map ? config_member(node, STR("address")) : node;
    struct error error = {.code = error_none};
    if (!written) written = node;
    if (!address_is_valid(listen.address))
        config_report(reading, node, config_error,
                      "cannot listen on `%.*s`: write ADDRESS:PORT, [IPV6]:PORT or unix:PATH",
                      STR_ARG(config_shown(written)));
    else if (tls && (!listen.cert_file.len || !listen.key_file.len))
        config_report(reading, tls, config_error, "`tls` needs both `cert` and `key`");
    else if (!open_to_all && !address_is_loopback(listen.address))
        config_report(reading, node, config_error,
                      "`%.*s` is not a loopback address and there are no clients: add `clients`, or write `auth: none` "
                      "to serve anyone",
                      STR_ARG(config_shown(written)));
    else if (listen_stands(process, listen.address))
        config_report(reading, node, config_error, "`%.*s` stands twice", STR_ARG(config_shown(written)));
    else if (process->listen_count == config_listens_max)
        config_report(reading, node, config_error, "more than %d addresses", config_listens_max);
    else if (tls && !reading->input->certificate_check)
        process->listens[process->listen_count++] = listen;
    else if (tls &&
             !reading->input->certificate_check(reading->input->context, listen.cert_file, listen.key_file, &error))
        config_report(reading, tls, config_error, "%s", error.message);
    else
        process->listens[process->listen_count++] = listen;
}

static void listens_read(struct config_reading *reading, const struct config_node *root) {
    const struct config_node *listen = config_member(root, STR("listen")),
                             *clients = config_member(root, STR("clients"));
    bool open_to_all = (clients && clients->count) || str_eq(read_str(root, "auth", STR("")), STR("none"));
    if (!listen || (listen->kind == config_scalar && listen->text.len == 0))
        reading->config->process.listens[reading->config->process.listen_count++] =
            (struct config_listen){.address = STR("127.0.0.1:8080")};
    else if (listen->kind == config_list && listen->count == 0)
        config_report(reading, listen, config_error, "`listen` holds no address");
    else if (listen->kind == config_list)
        for (const struct config_node *node = listen->first; node; node = node->next) {
            if (node->kind != config_list) listen_add(reading, node, open_to_all);
        }
    else
        listen_add(reading, listen, open_to_all);
}

void config_process_read(struct config_reading *reading, const struct config_node *root) {
    struct config_process *process = &reading->config->process;
    const struct config_node *log = config_member(root, STR("log"));
    struct str workers = read_str(root, "workers", STR("auto"));
    uint64_t count = 0;
    if (!str_eq(workers, STR("auto")) && (!str_to_u64(workers, &count) || count < 1 || count > limit_loops))
        config_report(reading, config_member(root, STR("workers")), config_error,
                      "`workers` must be `auto` or a number from 1 to %d", limit_loops);
    process->workers = (unsigned)count;
    process->state_dir = read_str(root, "state_dir", STR("./weir-state"));
    process->drain_ns = read_seconds_ns(root, "drain_seconds", 30);
    process->header_timeout_ns = read_seconds_ns(root, "header_timeout_seconds", 30);
    process->body_timeout_ns = read_seconds_ns(root, "body_timeout_seconds", 60);
    process->idle_timeout_ns = read_seconds_ns(root, "idle_timeout_seconds", 75);
    process->write_timeout_ns = read_seconds_ns(root, "write_timeout_seconds", 60);
    process->connections_max = (size_t)read_number(root, "max_connections", 20000);
    process->memory_bytes_max = (size_t)read_number(root, "max_memory_bytes", 1073741824);
    process->log_level = read_str(log, "level", STR(""));
    process->log_format = read_str(log, "format", STR(""));
    process->core_dumps = read_bool(root, "core_dumps", false);
    process->metrics_public = str_eq(read_str(root, "metrics", STR("")), STR("public"));
    listens_read(reading, root);
}
