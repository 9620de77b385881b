/* far.h - a command of the command line run against a gateway that answers once: what it asks, and what it shows. */
#ifndef WEIR_TESTS_UNIT_CLI_FAR_H
#define WEIR_TESTS_UNIT_CLI_FAR_H

#include "cli/cli.h"

#include <stdlib.h>

#include "../net/net_bench.h"
#include "said.h"

/* A gateway that answers once. */
struct far {
    struct net_bench net; /* without its loop */
    int listener;
    const char *status, *body;
    char url[64];
};

static inline void *far_run(void *context) {
    struct far *far = context;
    char head[128];
    int descriptor = accept(far->listener, NULL, NULL);
    struct timeval limit = {.tv_sec = 10};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    net_bench_hear(&far->net, descriptor, "\r\n\r\n");
    const char *length = strstr(far->net.heard, "Content-Length: ");
    size_t body = length ? (size_t)strtoul(length + 16, NULL, 10) : 0,
           end = (size_t)(strstr(far->net.heard, "\r\n\r\n") - far->net.heard) + 4 + body;
    while (far->net.heard_len < end) {
        ssize_t got = recv(descriptor, far->net.heard + far->net.heard_len, end - far->net.heard_len, 0);
        if (got <= 0) break;
        far->net.heard_len += (size_t)got;
        far->net.heard[far->net.heard_len] = 0;
    }
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", far->status, strlen(far->body));
    net_bench_say(descriptor, head);
    net_bench_say(descriptor, far->body);
    close(descriptor);
    return NULL;
}

struct shown {
    int status;
    struct said out, err;
};

/* Runs `argv` (NULL at its end) with --url of the gateway; `asks`: it is asked at all. */
static inline void command_run_on(struct far *far, int (*command)(int argc, char **argv), const char *const *argv,
                                  bool asks, bool terminal, struct shown *shown) {
    const char *all[20];
    int argc = 0;
    for (; argv[argc]; argc++) all[argc] = argv[argc];
    all[argc++] = "--url";
    all[argc++] = far->url;
    memset(&far->net, 0, sizeof far->net);
    far->listener = net_bench_listen(&far->net.port);
    snprintf(far->url, sizeof far->url, "http://127.0.0.1:%u", far->net.port);
    if (asks) assert_int_equal(pthread_create(&far->net.peer, NULL, far_run, far), 0);
    if (terminal)
        said_begin_at_terminal(&shown->out, stdout);
    else
        said_begin(&shown->out, stdout);
    said_begin(&shown->err, stderr);
    shown->status = command(argc, (char **)all);
    said_end(&shown->err);
    said_end(&shown->out);
    if (asks) pthread_join(far->net.peer, NULL);
    close(far->listener);
}

static inline void command_run(struct far *far, int (*command)(int argc, char **argv), const char *const *argv,
                               bool asks, struct shown *shown) {
    command_run_on(far, command, argv, asks, false, shown);
}

#define ARGV(...) \
    (const char *const[]) { __VA_ARGS__, "--admin-key", "a-key", NULL }

/* A command, what it asks and is answered, and all that it shows. */
struct far_row {
    const char *argv[14];      /* --url and --admin-key come behind them */
    const char *asks, *says;   /* "GET /path", and its body; NULL: nobody is asked, there is none */
    const char *status, *body; /* the answer; NULL: 200 OK, {} */
    bool terminal;             /* it shows it at one */
    int ends;                  /* the exit status */
    const char *out, *err;     /* NULL: nothing */
};

static inline void far_row_check(const struct far_row *row, size_t number, int (*command)(int argc, char **argv)) {
    static struct far far;
    static struct shown shown;
    const char *argv[17] = {NULL};
    int argc = 0;
    far.status = row->status ? row->status : "200 OK";
    far.body = row->body ? row->body : "{}";
    for (; row->argv[argc]; argc++) argv[argc] = row->argv[argc];
    if (row->asks) argv[argc++] = "--admin-key", argv[argc++] = "a-key";
    command_run_on(&far, command, argv, row->asks != NULL, row->terminal, &shown);
    if (shown.status != row->ends)
        fail_msg("row %zu ends with %d: %s%s", number, shown.status, shown.out.text, shown.err.text);
    if (row->asks) {
        size_t len = strlen(row->asks);
        const char *body = strstr(far.net.heard, "\r\n\r\n");
        if (strncmp(far.net.heard, row->asks, len) != 0 || strncmp(far.net.heard + len, " HTTP/1.1\r\n", 11) != 0)
            fail_msg("row %zu asks %.200s", number, far.net.heard);
        if (!body || strcmp(body + 4, row->says ? row->says : "") != 0)
            fail_msg("row %zu says %s", number, body ? body + 4 : "");
    }
    if (strcmp(shown.out.text, row->out ? row->out : "") != 0) fail_msg("row %zu shows:\n%s", number, shown.out.text);
    if (strcmp(shown.err.text, row->err ? row->err : "") != 0) fail_msg("row %zu tells:\n%s", number, shown.err.text);
}

static inline void far_rows_check(const struct far_row *rows, size_t count, int (*command)(int argc, char **argv)) {
    for (size_t i = 0; i < count; i++) far_row_check(&rows[i], i, command);
}

#endif
