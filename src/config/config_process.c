/* config_process.c - the part of the configuration that is the process's: listeners, loops, folders, times, the log. */
#include "config/config.h"

#include "base/limits.h"
#include "base/pattern.h"
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

static void pattern_add(struct config_reading *reading, const struct config_node *node) {
    struct config_process *process = &reading->config->process;
    size_t bad;
    const char *problem = "there are more than 32 of them";
    bool room = process->redact_pattern_count < config_patterns_max;
    struct pattern *pattern = room ? pattern_new(&node->text, 1, &bad, &problem) : NULL;
    if (pattern)
        process->redact_patterns[process->redact_pattern_count++] = node->text;
    else
        config_report(reading, node, config_error, "`%.*s` is no pattern that can be looked for: %s",
                      STR_ARG(config_shown(node)), problem);
    pattern_free(pattern);
}

/* Each alone, then all of them: they are walked as one. */
static void patterns_read(struct config_reading *reading, const struct config_node *log) {
    const struct config_process *process = &reading->config->process;
    const struct config_node *list = config_member(log, STR("redact_patterns"));
    size_t bad;
    const char *problem = "";
    if (list && list->kind == config_scalar && list->text.len) pattern_add(reading, list);
    for (const struct config_node *node = list && list->kind == config_list ? list->first : NULL; node;
         node = node->next)
        if (node->kind == config_scalar) pattern_add(reading, node);
    if (!process->redact_pattern_count || reading->config->error_count) return;
    struct pattern *all = pattern_new(process->redact_patterns, process->redact_pattern_count, &bad, &problem);
    if (!all) config_report(reading, list, config_error, "`redact_patterns` cannot be taken together: %s", problem);
    pattern_free(all);
}

static void listen_add(struct config_reading *reading, const struct config_node *node, bool open_to_all) {
    struct config_process *process = &reading->config->process;
    const struct section section = {section_listen, node->kind == config_map ? node : NULL},
                         files = read_section(section, "tls");
    const struct config_node *tls = files.map;
    struct config_listen listen = {.address = section.map ? read_str(section, "address") : node->text,
                                   .cert_file = read_str(files, "cert"),
                                   .key_file = read_str(files, "key")};
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

static void listens_read(struct config_reading *reading, struct section top) {
    const struct config_node *listen = config_member(top.map, STR("listen")),
                             *clients = config_member(top.map, STR("clients")),
                             *identity = config_member(top.map, STR("identity"));
    bool open_to_all = (clients && clients->count) || (identity && identity->count) ||
                       reading->input->run_time_clients || read_is(top, "auth", "none");
    if (!listen || (listen->kind == config_scalar && listen->text.len == 0))
        reading->config->process.listens[reading->config->process.listen_count++] =
            (struct config_listen){.address = read_str(top, "listen")};
    else if (listen->kind == config_list && listen->count == 0)
        config_report(reading, listen, config_error, "`listen` holds no address");
    else if (listen->kind == config_list)
        for (const struct config_node *node = listen->first; node; node = node->next) {
            if (node->kind != config_list) listen_add(reading, node, open_to_all);
        }
    else
        listen_add(reading, listen, open_to_all);
}

/* 0: auto. */
static unsigned workers_read(struct config_reading *reading, struct section top) {
    const struct config_key *key = config_key_find(section_top, STR("workers"));
    struct str workers = read_str(top, "workers");
    uint64_t count = 0;
    if (str_eq(workers, key->fallback)) return 0;
    if (!str_to_u64(workers, &count) || (double)count < key->least || (double)count > key->most)
        config_report(reading, config_member(top.map, key->name), config_error,
                      "`workers` must be `%.*s` or a number from %.0f to %.0f", STR_ARG(key->fallback), key->least,
                      key->most);
    return (unsigned)count;
}

/* Only what it begins with is shown: a password may stand anywhere behind that. */
static struct str ledger_read(struct config_reading *reading, struct section top) {
    enum { ledger_most = 1000 };
    const struct str ledger = read_str(top, "ledger");
    const struct config_node *node = config_member(top.map, STR("ledger"));
    struct error error = {.code = error_none};
    bool is_url = str_starts(ledger, STR("postgresql://")) || str_starts(ledger, STR("postgres://"));
    if (!ledger.len) return ledger;
    if (!is_url || ledger.len > ledger_most || str_control_at(ledger, 0) < ledger.len ||
        str_find_byte(ledger, ' ') < ledger.len)
        config_report(
            reading, node, config_error,
            "`ledger` must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, at most %d bytes without blanks; "
            "without it the ledger is a file in state_dir",
            ledger_most);
    else if (reading->input->ledger_check && !reading->input->ledger_check(reading->input->context, ledger, &error))
        config_report(reading, node, config_error, "%s", error.message);
    return ledger;
}

void config_process_read(struct config_reading *reading, const struct config_node *root) {
    struct config_process *process = &reading->config->process;
    const struct section top = {section_top, root}, log = read_section(top, "log");
    process->workers = workers_read(reading, top);
    process->state_dir = read_str(top, "state_dir");
    process->ledger = ledger_read(reading, top);
    process->drain_ns = read_ns(top, "drain_seconds");
    process->header_timeout_ns = read_ns(top, "header_timeout_seconds");
    process->body_timeout_ns = read_ns(top, "body_timeout_seconds");
    process->idle_timeout_ns = read_ns(top, "idle_timeout_seconds");
    process->write_timeout_ns = read_ns(top, "write_timeout_seconds");
    process->connections_max = read_whole(top, "max_connections");
    process->memory_bytes_max = read_whole(top, "max_memory_bytes");
    process->journal_bytes_max = read_whole(top, "journal_max_bytes");
    process->ledger_keep_days = (int64_t)read_whole(top, "ledger_keep_days");
    process->ledger_refuses = read_is(top, "on_ledger_failure", "refuse");
    process->log_level = read_str(log, "level");
    process->log_format = read_str(log, "format");
    patterns_read(reading, log.map);
    process->core_dumps = read_bool(top, "core_dumps");
    process->metrics_public = read_is(top, "metrics", "public");
    listens_read(reading, top);
}

void config_process_fixed(const struct config_process *process, struct text *text) {
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"workers", process->workers},
                   {"header_timeout_seconds", process->header_timeout_ns},
                   {"body_timeout_seconds", process->body_timeout_ns},
                   {"idle_timeout_seconds", process->idle_timeout_ns},
                   {"write_timeout_seconds", process->write_timeout_ns},
                   {"max_connections", process->connections_max},
                   {"max_memory_bytes", process->memory_bytes_max},
                   {"journal_max_bytes", process->journal_bytes_max},
                   {"ledger_keep_days", (uint64_t)process->ledger_keep_days},
                   {"ledger", str_hash(process->ledger)}, /* it may hold a password */
                   {"on_ledger_failure", process->ledger_refuses},
                   {"core_dumps", process->core_dumps},
                   {"metrics", process->metrics_public}};
    text_put(text, STR("listen"));
    for (size_t i = 0; i < process->listen_count; i++)
        text_printf(text, " %.*s|%.*s|%.*s", STR_ARG(process->listens[i].address),
                    STR_ARG(process->listens[i].cert_file), STR_ARG(process->listens[i].key_file));
    text_printf(text, "\nstate_dir %.*s\nlog %.*s %.*s", STR_ARG(process->state_dir), STR_ARG(process->log_level),
                STR_ARG(process->log_format));
    for (size_t i = 0; i < process->redact_pattern_count; i++) {
        text_put_byte(text, ' ');
        text_put_json(text, process->redact_patterns[i]);
    }
    text_put_byte(text, '\n');
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        text_printf(text, "%s %llu\n", numbers[i].name, (unsigned long long)numbers[i].value);
}

void config_process_differ(struct str before, struct str after, struct text *names) {
    struct str old, new;
    while (before.len && after.len && str_split_next(&before, '\n', &old) && str_split_next(&after, '\n', &new)) {
        if (str_eq(old, new)) continue;
        if (names->len) text_put(names, STR(", "));
        text_put(names, str_slice(new, 0, str_find_byte(new, ' ')));
    }
}
