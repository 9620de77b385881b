/* upstream.c - a fake OpenAI provider that is cheap enough not to be what a measurement measures.
 *
 * One thread, one epoll. Any POST is answered with one fixed chat completion of about 1 KB, or, when its body says
 * "stream": true, with a fixed stream of server-sent events: one event, one HTTP chunk, one write. What a stream does
 * is said by the request itself, in any string of its body (proxies pass it on unchanged):
 *
 *   bench-events=100       events before the usage event and [DONE]
 *   bench-interval-us=500  pause between the events of a stream; 0: as fast as the connection takes them
 *   bench-hold             one event, then silence until the caller goes away
 *
 * Prints `port N` once it listens; ends when its standard input does. Never looks into JSON beyond these words. It
 * keeps one invariant: a connection has at most one reply under way, and reads its next request only after it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
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
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BODY_BYTES_MAX = 64 << 20, BUFFER_BYTES_MIN = 4096, EVENTS_DEFAULT = 100 };

struct bytes {
    char *at;
    size_t len;
};

struct connection {
    int fd;
    bool streaming, held, wants_usage, wants_writable;
    char *in; /* request bytes; allocated while a request is incomplete */
    size_t in_len, in_size;
    const char *out; /* of the piece under way: what is left to write */
    size_t out_len;
    uint32_t events_left; /* then the tail */
    bool tail_sent;
    uint64_t interval_ns, due_ns;
    struct connection *next, *previous; /* in the pacing queue; due times ascend where intervals agree */
    bool queued;
};

static struct bytes reply, models, stream_head, stream_event, stream_tail, stream_tail_usage;
static struct connection *queue_head, *queue_tail;
static int poller, timer;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* -- what is sent -- */

static struct bytes print_bytes(const char *format, const char *a, size_t number, const char *b) {
    struct bytes out = {NULL, 0};
    int len = asprintf(&out.at, format, a, number, b);
    if (len < 0) die("asprintf");
    out.len = (size_t)len;
    return out;
}

static struct bytes http_reply(const char *body) {
    return print_bytes("HTTP/1.1 200 OK\r\nDate: Fri, 21 Nov 2025 00:00:00 GMT\r\nContent-Type: application/json\r\n%s"
                       "Content-Length: %zu\r\n\r\n%s",
                       "x-request-id: req_bench\r\n", strlen(body), body);
}

static struct bytes http_chunk(const char *data) { return print_bytes("%s%zx\r\n%s\r\n", "", strlen(data), data); }

static struct bytes join(struct bytes a, struct bytes b) {
    struct bytes out = {malloc(a.len + b.len + 1), a.len + b.len};
    if (!out.at) die("malloc");
    memcpy(out.at, a.at, a.len);
    memcpy(out.at + a.len, b.at, b.len);
    return out;
}

#define CHUNK_HEAD                                                                                            \
    "data: {\"id\":\"chatcmpl-bench0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1763683200," \
    "\"model\":\"bench-model\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\","

static void build_replies(void) {
    char text[701];
    memset(text, 'a', sizeof text - 1);
    for (size_t i = 5; i < sizeof text - 1; i += 6) text[i] = ' ';
    text[sizeof text - 1] = 0;
    char body[2048];
    snprintf(body, sizeof body,
             "{\"id\":\"chatcmpl-bench0123456789\",\"object\":\"chat.completion\",\"created\":1763683200,"
             "\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
             "\"%s\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":19,"
             "\"completion_tokens\":140,\"total_tokens\":159},\"system_fingerprint\":\"fp_bench\"}",
             text);
    reply = http_reply(body);
    models = http_reply("{\"object\":\"list\",\"data\":[{\"id\":\"bench-model\",\"object\":\"model\","
                        "\"created\":1763683200,\"owned_by\":\"bench\"}]}");
    stream_event = http_chunk(CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},"
                                         "\"logprobs\":null,\"finish_reason\":null}]}\n\n");
    struct bytes stop =
        http_chunk(CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}"
                              "\n\n");
    struct bytes usage = http_chunk(CHUNK_HEAD "\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":"
                                               "100,\"total_tokens\":119}}\n\n");
    struct bytes done = join(http_chunk("data: [DONE]\n\n"), print_bytes("%s0\r\n%.0zu\r\n%s", "", 0, ""));
    stream_tail = join(stop, done);
    stream_tail_usage = join(join(stop, usage), done);
    stream_head = print_bytes("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n%s"
                              "Transfer-Encoding: chunked\r\n%.0zu\r\n%s",
                              "Cache-Control: no-cache\r\n", 0, "");
}

/* -- the pacing queue -- */

static void queue_put(struct connection *c) {
    struct connection *after = queue_tail;
    while (after && after->due_ns > c->due_ns) after = after->previous;
    c->previous = after;
    c->next = after ? after->next : queue_head;
    *(c->next ? &c->next->previous : &queue_tail) = c;
    *(after ? &after->next : &queue_head) = c;
    c->queued = true;
}

static void queue_remove(struct connection *c) {
    if (!c->queued) return;
    *(c->previous ? &c->previous->next : &queue_head) = c->next;
    *(c->next ? &c->next->previous : &queue_tail) = c->previous;
    c->queued = false;
}

static void timer_set(void) {
    static uint64_t set_ns;
    uint64_t due = queue_head ? queue_head->due_ns : 0;
    if (due == set_ns) return;
    set_ns = due;
    struct itimerspec at = {.it_value = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)}};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL) < 0) die("timerfd_settime");
}

/* -- connections -- */

static void connection_close(struct connection *c) {
    queue_remove(c);
    close(c->fd);
    free(c->in);
    free(c);
}

static void connection_watch(struct connection *c, bool writable) {
    if (c->wants_writable == writable) return;
    c->wants_writable = writable;
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event) < 0) die("epoll_ctl");
}

enum progress { DONE, LATER, BROKEN };

static enum progress flush(struct connection *c) {
    while (c->out_len) {
        ssize_t wrote = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return errno == EAGAIN ? LATER : BROKEN;
        c->out += wrote;
        c->out_len -= (size_t)wrote;
    }
    return DONE;
}

static void send_piece(struct connection *c, struct bytes piece) {
    c->out = piece.at;
    c->out_len = piece.len;
}

/* Goes on with the reply as far as it can now. DONE: the reply is complete. */
static enum progress advance(struct connection *c) {
    for (;;) {
        enum progress at = flush(c);
        if (at != DONE) return at;
        if (!c->streaming) return DONE;
        if (c->queued) return LATER;
        if (c->held && !c->events_left) return LATER;
        if (!c->events_left && c->tail_sent) return DONE;
        if (c->interval_ns && now_ns() < c->due_ns) {
            queue_put(c);
            return LATER;
        }
        c->due_ns += c->interval_ns;
        if (c->events_left) {
            c->events_left--;
            send_piece(c, stream_event);
        } else {
            c->tail_sent = true;
            send_piece(c, c->wants_usage ? stream_tail_usage : stream_tail);
        }
    }
}

/* -- requests -- */

static uint64_t number_after(const char *body, size_t len, const char *word, uint64_t otherwise) {
    const char *found = memmem(body, len, word, strlen(word));
    return found ? strtoull(found + strlen(word), NULL, 10) : otherwise;
}

static bool says_true(const char *body, size_t len, const char *key) {
    const char *found = memmem(body, len, key, strlen(key));
    if (!found) return false;
    for (found += strlen(key); *found == ' ' || *found == ':'; found++) {
    }
    return *found == 't';
}

/* The body is followed by a NUL. */
static void begin_reply(struct connection *c, bool is_post, const char *body, size_t len) {
    c->streaming = is_post && says_true(body, len, "\"stream\"");
    if (!c->streaming) {
        send_piece(c, is_post ? reply : models);
        return;
    }
    uint64_t interval_us = number_after(body, len, "bench-interval-us=", 0);
    c->held = memmem(body, len, "bench-hold", 10) != NULL;
    c->events_left = c->held ? 1 : (uint32_t)number_after(body, len, "bench-events=", EVENTS_DEFAULT);
    c->wants_usage = says_true(body, len, "\"include_usage\"");
    c->tail_sent = false;
    c->interval_ns = interval_us * 1000;
    c->due_ns = now_ns() + c->interval_ns;
    send_piece(c, stream_head);
}

/* How long the first request in the buffer is, 0: not yet known or not yet whole; SIZE_MAX: not for us. */
static size_t request_length(const struct connection *c, size_t *head_len) {
    const char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    if (!end) return c->in_len > 65536 ? SIZE_MAX : 0;
    *head_len = (size_t)(end + 4 - c->in);
    size_t body_len = 0;
    for (const char *line = c->in; line < end;) {
        if (strncasecmp(line, "content-length:", 15) == 0) body_len = strtoull(line + 15, NULL, 10);
        if (strncasecmp(line, "transfer-encoding:", 18) == 0) return SIZE_MAX;
        line = (const char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2;
    }
    if (body_len > BODY_BYTES_MAX) return SIZE_MAX;
    return *head_len + body_len <= c->in_len ? *head_len + body_len : 0;
}

static bool buffer_reserve(struct connection *c) {
    if (c->in_size - c->in_len > BUFFER_BYTES_MIN / 2) return true;
    size_t size = c->in_size ? c->in_size * 2 : BUFFER_BYTES_MIN;
    if (size > 2u * BODY_BYTES_MAX) return false;
    char *grown = realloc(c->in, size);
    if (!grown) return false;
    c->in = grown;
    c->in_size = size;
    return true;
}

/* Takes requests out of the buffer and replies, until one is incomplete or its reply must wait. */
static bool serve(struct connection *c) {
    for (;;) {
        enum progress at = advance(c);
        if (at == BROKEN) return false;
        connection_watch(c, at == LATER && c->out_len > 0);
        if (at == LATER) return true;
        size_t head_len = 0;
        size_t len = c->in_len ? request_length(c, &head_len) : 0;
        if (len == SIZE_MAX) return false;
        if (!len) return true;
        char saved = c->in[len];
        c->in[len] = 0; /* the buffer always has room for one more */
        begin_reply(c, c->in[0] == 'P', c->in + head_len, len - head_len);
        c->in[len] = saved;
        c->in_len -= len;
        memmove(c->in, c->in + len, c->in_len);
    }
}

static bool readable(struct connection *c) {
    for (;;) {
        if (!buffer_reserve(c)) return false;
        size_t room = c->in_size - c->in_len - 1;
        ssize_t got = recv(c->fd, c->in + c->in_len, room, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return true;
        if (got <= 0) return false;
        c->in_len += (size_t)got;
        if (!serve(c)) return false;
        if ((size_t)got < room) return true;
    }
}

static void connection_event(struct connection *c, uint32_t events) {
    bool alive =
        !(events & (EPOLLERR | EPOLLHUP)) && (!(events & EPOLLOUT) || serve(c)) && (!(events & EPOLLIN) || readable(c));
    if (!alive) connection_close(c);
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct connection *c = calloc(1, sizeof *c);
        if (!c) die("calloc");
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
    }
}

static void pace(void) {
    uint64_t expirations;
    ssize_t ignored = read(timer, &expirations, sizeof expirations);
    (void)ignored;
    uint64_t now = now_ns();
    while (queue_head && queue_head->due_ns <= now) {
        struct connection *c = queue_head;
        queue_remove(c);
        if (!serve(c)) connection_close(c);
    }
}

/* -- start -- */

static int listen_on(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(fd, 4096) < 0) die("listen");
    getsockname(fd, (struct sockaddr *)&address, &len);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int fd, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

int main(int argc, char **argv) {
    static char is_listener, is_timer, is_stdin;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    build_replies();
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (poller < 0 || timer < 0) die("epoll");
    int listener = listen_on(argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0);
    watch(listener, &is_listener);
    watch(timer, &is_timer);
    watch(STDIN_FILENO, &is_stdin);
    struct epoll_event events[256];
    for (;;) {
        timer_set();
        int count = epoll_wait(poller, events, 256, -1);
        if (count < 0 && errno != EINTR) die("epoll_wait");
        bool due = false;
        for (int i = 0; i < count; i++) {
            void *what = events[i].data.ptr;
            if (what == &is_stdin) return 0;
            if (what == &is_listener)
                accept_all(listener);
            else if (what == &is_timer)
                due = true;
            else
                connection_event(what, events[i].events);
        }
        /* After the others: it may close connections that `events` still names. */
        if (due) pace();
    }
}
