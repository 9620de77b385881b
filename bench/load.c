/* load.c - sends one and the same HTTP request over and over, checks every reply, and says how long replies took.
 *
 * One thread, one epoll, kept-alive connections. Three ways:
 *   closed loop    each connection sends its next request when its reply is complete
 *   --rate R       requests are due R a second whatever the server does; a latency counts from when the request was
 * due, so that a server that stalls cannot hide it (no coordinated omission)
 *   --hold         one streaming request a connection; says `held N` once each has its first event, then keeps all open
 *                  until standard input ends
 *
 * A reply counts as right when its status is 200, it is complete, it has the events asked for (streams), and its
 * content (a stream's `data:` lines) has the same hash as the first one's. With --want TEXT, for replies that differ in
 * an id or a time: when its content holds TEXT; streams then need no [DONE]. One that is not is an error, and so is a
 * connection that closes within a reply. Prints one JSON object. It must never be the bottleneck: nothing is allocated
 * per request. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES_MAX = 8192, LINE_KEPT_BYTES = 15, OPENING_MAX = 128, WANT_BYTES_MAX = 64 };

enum phase { IDLE, CONNECTING, HEAD, BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER };

struct connection {
    int fd;
    enum phase phase;
    uint64_t due_ns;
    size_t sent, left; /* of the request; of the body or chunk */
    char head[HEAD_BYTES_MAX];
    size_t head_len;
    bool is_events, wants_writable;
    char line[LINE_KEPT_BYTES + 1]; /* how the stream's current line begins, or the chunk-size or trailer line */
    size_t line_len;
    char event_line[LINE_KEPT_BYTES + 1];
    size_t event_line_len;
    uint64_t hash, bytes, events;
    size_t want_at; /* so many bytes of ask.want end here, or were all found */
    bool done_seen;
    struct connection *next_idle;
};

static struct {
    uint64_t requests, events, connections, timeout_s;
    double rate;
    bool hold;
    uint16_t port;
    const char *path, *body_file, *want;
    size_t want_len, want_back[WANT_BYTES_MAX]; /* where to go on when the byte after so many does not fit */
    char headers[4096];
} ask = {.requests = 1000, .connections = 1, .timeout_s = 60, .path = "/v1/chat/completions"};

static char *request;
static size_t request_len;
static struct connection *connections, *idle;
static int poller;
static uint64_t started, completed, wrong, events_seen, first_hash, first_bytes, held, opening, opened;
static uint32_t *latencies_ns;
static char first_problem[256];
static bool have_first, gave_up;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* -- a connection's life -- */

static void watch(struct connection *c, bool writable) {
    if (c->wants_writable == writable) return;
    c->wants_writable = writable;
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event) < 0) die("epoll_ctl");
}

static void connection_open(struct connection *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(ask.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) die("connect");
    opening++;
    c->phase = CONNECTING;
    c->wants_writable = true;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
}

static void become_idle(struct connection *c) {
    c->phase = IDLE;
    c->next_idle = idle;
    idle = c;
}

static void problem(struct connection *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct connection *c, const char *format, ...) {
    if (!first_problem[0]) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(first_problem, sizeof first_problem, format, arguments);
        va_end(arguments);
        for (char *at = first_problem; *at; at++) {
            if ((unsigned char)*at < ' ' || *at == '"' || *at == '\\') *at = '\'';
        }
    }
    wrong++;
    if (c->phase > CONNECTING) latencies_ns[completed++] = UINT32_MAX;
    if (wrong > 100 || ask.hold) gave_up = true;
    close(c->fd);
    connection_open(c);
}

static bool send_request(struct connection *c) {
    while (c->sent < request_len) {
        ssize_t wrote = send(c->fd, request + c->sent, request_len - c->sent, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EAGAIN) break;
        if (wrote < 0) {
            problem(c, "send: %s", strerror(errno));
            return false;
        }
        c->sent += (size_t)wrote;
    }
    watch(c, c->sent < request_len);
    return true;
}

static void begin(struct connection *c, uint64_t due_ns) {
    started++;
    c->due_ns = due_ns;
    c->phase = HEAD;
    c->sent = c->head_len = c->line_len = c->event_line_len = 0;
    c->hash = 14695981039346656037u;
    c->bytes = c->events = 0;
    c->want_at = 0;
    c->is_events = c->done_seen = false;
    send_request(c);
}

/* The reply is complete: false when it was not right, the connection is a new one then. */
static bool finish(struct connection *c) {
    if (ask.want && c->want_at < ask.want_len) return problem(c, "a reply without '%s'", ask.want), false;
    if (c->is_events && !c->done_seen && !ask.want) return problem(c, "a stream without [DONE]"), false;
    if (c->is_events && ask.events && c->events != ask.events)
        return problem(c, "%llu events", (unsigned long long)c->events), false;
    if (!have_first) {
        have_first = true;
        first_hash = c->hash;
        first_bytes = c->bytes;
    }
    if (!ask.want && (c->hash != first_hash || c->bytes != first_bytes))
        return problem(c, "a reply of %llu bytes that differs from the first, of %llu", (unsigned long long)c->bytes,
                       (unsigned long long)first_bytes),
               false;
    events_seen += c->events;
    uint64_t took = now_ns() - c->due_ns;
    latencies_ns[completed++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    become_idle(c);
    return true;
}

/* -- reading replies -- */

/* Knuth, Morris and Pratt's way, since a text may come in pieces. */
static void want_bytes(struct connection *c, const char *at, size_t len) {
    for (size_t i = 0; i < len && c->want_at < ask.want_len; i++) {
        while (c->want_at && at[i] != ask.want[c->want_at]) c->want_at = ask.want_back[c->want_at - 1];
        if (at[i] == ask.want[c->want_at]) c->want_at++;
    }
}

static void want_read(const char *text) {
    ask.want = text;
    ask.want_len = strlen(text);
    if (!ask.want_len || ask.want_len > WANT_BYTES_MAX) {
        fprintf(stderr, "load: --want takes 1 to %d bytes\n", WANT_BYTES_MAX);
        exit(2);
    }
    for (size_t i = 1, fits = 0; i < ask.want_len; i++) {
        while (fits && text[i] != text[fits]) fits = ask.want_back[fits - 1];
        if (text[i] == text[fits]) fits++;
        ask.want_back[i] = fits;
    }
}

static void hash_bytes(struct connection *c, const char *at, size_t len) {
    if (ask.want) want_bytes(c, at, len);
    uint64_t hash = c->hash;
    for (size_t i = 0; i < len; i++) hash = (hash ^ (unsigned char)at[i]) * 1099511628211u;
    c->hash = hash;
    c->bytes += len;
}

static void event_line_end(struct connection *c) {
    if (c->event_line_len >= 12 && memcmp(c->event_line, "data: [DONE]", 12) == 0)
        c->done_seen = true;
    else if (c->event_line_len >= 5 && memcmp(c->event_line, "data:", 5) == 0) {
        if (c->events++ == 0 && ask.hold) held++;
    }
    c->event_line_len = 0;
}

/* Only `data:` lines are hashed: comments are the server's own affair. */
static void event_bytes(struct connection *c, const char *at, size_t len) {
    while (len) {
        const char *end = memchr(at, '\n', len);
        size_t part = end ? (size_t)(end - at) : len;
        size_t kept = LINE_KEPT_BYTES - (c->event_line_len < LINE_KEPT_BYTES ? c->event_line_len : LINE_KEPT_BYTES);
        if (kept > part) kept = part;
        memcpy(c->event_line + c->event_line_len, at, kept);
        c->event_line_len += kept;
        if (c->event_line_len && c->event_line[0] == 'd') hash_bytes(c, at, part);
        if (!end) return;
        event_line_end(c);
        at += part + 1;
        len -= part + 1;
    }
}

static void content(struct connection *c, const char *at, size_t len) {
    if (c->is_events)
        event_bytes(c, at, len);
    else
        hash_bytes(c, at, len);
}

/* Collects a line; true when it is whole, without its CRLF. */
static bool line_taken(struct connection *c, const char **at, const char *end) {
    while (*at < end) {
        char byte = *(*at)++;
        if (byte == '\n') {
            if (c->line_len && c->line[c->line_len - 1] == '\r') c->line_len--;
            c->line[c->line_len] = 0;
            return true;
        }
        if (c->line_len < LINE_KEPT_BYTES) c->line[c->line_len++] = byte;
    }
    return false;
}

/* The head is whole: what follows it? False: a problem. */
static bool head_read(struct connection *c) {
    c->head[c->head_len] = 0;
    if (strncmp(c->head, "HTTP/1.1 200", 12) != 0) return problem(c, "%.200s", c->head), false;
    c->left = SIZE_MAX;
    bool chunked = false;
    for (char *line = strchr(c->head, '\n') + 1; *line != '\r'; line = strchr(line, '\n') + 1) {
        if (strncasecmp(line, "content-length:", 15) == 0) c->left = strtoull(line + 15, NULL, 10);
        if (strncasecmp(line, "transfer-encoding: chunked", 26) == 0) chunked = true;
        if (strncasecmp(line, "content-type: text/event-stream", 31) == 0) c->is_events = true;
    }
    if (chunked == (c->left != SIZE_MAX)) return problem(c, "a reply without a length"), false;
    c->phase = chunked ? CHUNK_SIZE : BODY;
    c->line_len = 0;
    return true;
}

static bool head_bytes(struct connection *c, const char **at, const char *end) {
    size_t before = c->head_len;
    size_t len = (size_t)(end - *at);
    if (len > HEAD_BYTES_MAX - 1 - before) len = HEAD_BYTES_MAX - 1 - before;
    memcpy(c->head + before, *at, len);
    size_t from = before > 3 ? before - 3 : 0;
    const char *found = memmem(c->head + from, before + len - from, "\r\n\r\n", 4);
    if (!found) {
        c->head_len += len;
        *at += len;
        return c->head_len < HEAD_BYTES_MAX - 1 || (problem(c, "a head without end"), false);
    }
    c->head_len = (size_t)(found + 4 - c->head);
    *at += c->head_len - before;
    return head_read(c);
}

static void counted_bytes(struct connection *c, const char **at, const char *end) {
    size_t len = (size_t)(end - *at) < c->left ? (size_t)(end - *at) : c->left;
    content(c, *at, len);
    *at += len;
    c->left -= len;
}

/* One step of reading; false: the connection is not what it was (a problem), or the reply is over. */
static bool step(struct connection *c, const char **at, const char *end) {
    switch (c->phase) {
    case HEAD: return head_bytes(c, at, end) && (c->phase != BODY || c->left || (finish(c), false));
    case BODY: counted_bytes(c, at, end); return c->left || (finish(c), false);
    case CHUNK_SIZE:
        if (!line_taken(c, at, end)) return true;
        c->left = strtoull(c->line, NULL, 16);
        c->line_len = 0;
        c->phase = c->left ? CHUNK_DATA : TRAILER;
        return true;
    case CHUNK_DATA:
        counted_bytes(c, at, end);
        if (!c->left) c->phase = CHUNK_END;
        return true;
    case CHUNK_END:
        if (!line_taken(c, at, end)) return true;
        if (c->line_len) return problem(c, "a chunk that is longer than its size"), false;
        c->phase = CHUNK_SIZE;
        return true;
    case TRAILER:
        if (!line_taken(c, at, end)) return true;
        if (!c->line_len) return finish(c), false;
        c->line_len = 0;
        return true;
    default: return problem(c, "bytes without a request"), false;
    }
}

static void readable(struct connection *c) {
    static char buffer[262144];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 && c->phase == IDLE) { /* closed between requests: that is the server's right */
        for (struct connection **at = &idle; *at; at = &(*at)->next_idle) {
            if (*at != c) continue;
            *at = c->next_idle;
            break;
        }
        close(c->fd);
        connection_open(c);
        return;
    }
    if (got <= 0) {
        problem(c, "closed within a reply: %s", got < 0 ? strerror(errno) : "end of file");
        return;
    }
    const char *at = buffer, *end = buffer + got;
    while (at < end) {
        if (step(c, &at, end)) continue;
        if (at < end && c->phase == IDLE) {
            if (!first_problem[0]) snprintf(first_problem, sizeof first_problem, "bytes after the reply");
            wrong++;
        }
        return;
    }
}

static void connection_event(struct connection *c, uint32_t events) {
    if (c->phase == CONNECTING) {
        int code = 0;
        opening--;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &(socklen_t){sizeof code});
        if (code) {
            problem(c, "connect: %s", strerror(code));
            return;
        }
        watch(c, false);
        become_idle(c);
        return;
    }
    if ((events & EPOLLOUT) && !send_request(c)) return;
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) readable(c);
}

/* -- when to send -- */

static void open_some(void) {
    while (opened < ask.connections && opening < OPENING_MAX) connection_open(&connections[opened++]);
}

/* Starts what is due; says until when to wait, UINT64_MAX: until something happens. */
static uint64_t start_due(uint64_t began_ns) {
    while (started < ask.requests && idle) {
        uint64_t due = ask.rate > 0 ? began_ns + (uint64_t)((double)started * 1e9 / ask.rate) : now_ns();
        if (ask.rate > 0 && due > now_ns()) return due;
        struct connection *c = idle;
        idle = c->next_idle;
        begin(c, due);
    }
    return UINT64_MAX;
}

static void wait_events(uint64_t until_ns) {
    struct epoll_event events[256];
    struct timespec wait = {1, 0};
    uint64_t now = until_ns == UINT64_MAX ? 0 : now_ns();
    if (until_ns != UINT64_MAX) {
        uint64_t ns = until_ns > now ? until_ns - now : 0;
        wait = ns < 1000000000u ? (struct timespec){0, (long)ns} : (struct timespec){1, 0};
    }
    int count = epoll_pwait2(poller, events, 256, &wait, NULL);
    if (count < 0 && errno != EINTR) die("epoll_pwait2");
    for (int i = 0; i < count; i++) connection_event(events[i].data.ptr, events[i].events);
}

static void run_load(void) {
    uint64_t deadline = now_ns() + ask.timeout_s * 1000000000u;
    uint64_t ready = ask.rate > 0 ? ask.connections : 1; /* at a rate, all are open before the first request is due */
    uint64_t began = 0;
    while (completed < ask.requests && !gave_up) {
        if (now_ns() > deadline) {
            wrong += ask.requests - completed;
            if (!first_problem[0]) snprintf(first_problem, sizeof first_problem, "not finished in time");
            return;
        }
        open_some();
        if (!began && opened - opening >= ready) began = now_ns();
        wait_events(began ? start_due(began) : UINT64_MAX);
    }
}

static void run_hold(void) {
    uint64_t deadline = now_ns() + ask.timeout_s * 1000000000u;
    while (held < ask.connections && !gave_up && now_ns() < deadline) {
        open_some();
        wait_events(start_due(1));
    }
    printf("{\"held\": %llu, \"errors\": %llu, \"problem\": \"%s\"}\n", (unsigned long long)held,
           (unsigned long long)wrong, first_problem);
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

/* -- start and end -- */

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double quantile_us(double q) {
    uint64_t count = completed;
    if (!count) return 0;
    uint64_t at = (uint64_t)(q * (double)(count - 1) + 0.5);
    return latencies_ns[at] / 1e3;
}

static void print_result(double seconds) {
    qsort(latencies_ns, completed, sizeof *latencies_ns, ascending);
    printf("{\"requests\": %llu, \"errors\": %llu, \"problem\": \"%s\", \"seconds\": %.6f, \"events\": %llu, "
           "\"bytes\": %llu, \"hash\": \"%016llx\", \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f, \"max_us\": %.1f}\n",
           (unsigned long long)completed, (unsigned long long)wrong, first_problem, seconds,
           (unsigned long long)events_seen, (unsigned long long)first_bytes, (unsigned long long)first_hash,
           quantile_us(0.5), quantile_us(0.9), quantile_us(0.99), quantile_us(0.999), quantile_us(1));
}

static void build_request(void) {
    FILE *file = ask.body_file ? fopen(ask.body_file, "rb") : NULL;
    if (!file) die("the body's file");
    fseek(file, 0, SEEK_END);
    size_t body_len = (size_t)ftell(file);
    rewind(file);
    char *head;
    int head_len = asprintf(&head,
                            "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: bench\r\nContent-Type: "
                            "application/json\r\n%sContent-Length: %zu\r\n\r\n",
                            ask.path, ask.port, ask.headers, body_len);
    if (head_len < 0) die("asprintf");
    request_len = (size_t)head_len + body_len;
    request = malloc(request_len);
    if (!request) die("malloc");
    memcpy(request, head, (size_t)head_len);
    if (fread(request + head_len, 1, body_len, file) != body_len) die("the body's file");
    fclose(file);
    free(head);
}

static void read_arguments(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--hold") == 0) {
            ask.hold = true;
            continue;
        }
        const char *value = ++i < argc ? argv[i] : "";
        if (strcmp(name, "--port") == 0)
            ask.port = (uint16_t)strtoul(value, NULL, 10);
        else if (strcmp(name, "--path") == 0)
            ask.path = value;
        else if (strcmp(name, "--body") == 0)
            ask.body_file = value;
        else if (strcmp(name, "--requests") == 0)
            ask.requests = strtoull(value, NULL, 10);
        else if (strcmp(name, "--connections") == 0)
            ask.connections = strtoull(value, NULL, 10);
        else if (strcmp(name, "--rate") == 0)
            ask.rate = strtod(value, NULL);
        else if (strcmp(name, "--events") == 0)
            ask.events = strtoull(value, NULL, 10);
        else if (strcmp(name, "--timeout") == 0)
            ask.timeout_s = strtoull(value, NULL, 10);
        else if (strcmp(name, "--want") == 0)
            want_read(value);
        else if (strcmp(name, "--header") == 0) {
            size_t len = strlen(ask.headers);
            snprintf(ask.headers + len, sizeof ask.headers - len, "%s\r\n", value);
        } else {
            fprintf(stderr,
                    "load: %s? load --port N --body FILE [--path P] [--requests N] [--connections N] [--rate R] "
                    "[--events N] [--want TEXT] [--header 'A: B'] [--timeout SECONDS] [--hold]\n",
                    name);
            exit(2);
        }
    }
    if (ask.hold) ask.requests = ask.connections;
}

int main(int argc, char **argv) {
    read_arguments(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    build_request();
    connections = calloc(ask.connections, sizeof *connections);
    latencies_ns = malloc((ask.requests + 1) * sizeof *latencies_ns);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || !latencies_ns || poller < 0) die("start");
    if (ask.hold) {
        run_hold();
        return wrong > 0;
    }
    uint64_t began = now_ns();
    run_load();
    print_result((double)(now_ns() - began) / 1e9);
    return wrong > 0;
}
