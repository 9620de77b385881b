/* upstream.c - the provider of the benchmarks: one epoll thread that answers every POST at once, with 1 KB of JSON, or with a stream of
 * events at a set pace when the body says "stream":true. Far cheaper than what is measured in front of it.
 *
 *   upstream [EVENTS [INTERVAL_US [HOLD]]]     prints its port; HOLD=1: one event, then the stream stays open */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { connections_max = 65536, reading_max = 256 * 1024, tick_us = 200 };

struct connection {
    char *reading; /* of one request */
    size_t len;
    unsigned events_left;
    bool usage;
    unsigned long due_us;
};

static struct connection *connections[connections_max];
static int streaming[connections_max], streaming_count;
static char whole[2048], event[512];
static size_t whole_len, event_len;
static unsigned events = 100, interval_us;
static bool hold;
static unsigned long clock_us;

static void texts_make(void) {
    char pad[700], body[1200];
    memset(pad, 'x', sizeof pad - 1);
    pad[sizeof pad - 1] = 0;
    int len = snprintf(body, sizeof body,
                       "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":"
                       "{\"role\":\"assistant\",\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":200,"
                       "\"completion_tokens\":150,\"total_tokens\":350}}",
                       pad);
    whole_len = (size_t)snprintf(whole, sizeof whole, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len, body);
    const char *data = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\",\"system_fingerprint\":\"fp_1\","
                       "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" some words of text\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";
    event_len = (size_t)snprintf(event, sizeof event, "%zx\r\n%s\r\n", strlen(data), data);
}

static void say(int socket_, const char *text, size_t len) {
    if (write(socket_, text, len) != (ssize_t)len) close(socket_);
}

static void say_chunk(int socket_, const char *data) {
    char text[512];
    say(socket_, text, (size_t)snprintf(text, sizeof text, "%zx\r\n%s\r\n", strlen(data), data));
}

static void stream_end(int socket_, struct connection *connection) {
    say_chunk(socket_, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    if (connection->usage)
        say_chunk(socket_, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":150,\"total_tokens\":350}}\n\n");
    const char *end = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
    say(socket_, end, strlen(end));
}

static void stream_begin(int socket_, struct connection *connection) {
    const char *head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    char text[1024];
    size_t len = strlen(head);
    memcpy(text, head, len);
    memcpy(text + len, event, event_len);
    say(socket_, text, len + event_len);
    if (hold) return;
    connection->events_left = events - 1;
    connection->due_us = clock_us + interval_us;
    streaming[streaming_count++] = socket_;
}

/* A whole request: head and the body that Content-Length says. Its length, or 0. */
static size_t request_len(const struct connection *connection) {
    char *end = memmem(connection->reading, connection->len, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - connection->reading) + 4, body = 0;
    *end = 0;
    char *length = strcasestr(connection->reading, "\r\ncontent-length:");
    if (length) body = strtoul(length + 17, NULL, 10);
    *end = '\r';
    return connection->len >= head + body ? head + body : 0;
}

static void on_readable(int socket_) {
    struct connection *connection = connections[socket_];
    ssize_t got = read(socket_, connection->reading + connection->len, reading_max - 1 - connection->len);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        for (int i = 0; i < streaming_count; i++)
            if (streaming[i] == socket_) streaming[i--] = streaming[--streaming_count];
        close(socket_);
        return;
    }
    connection->len += (size_t)got;
    connection->reading[connection->len] = 0;
    size_t len = request_len(connection);
    if (len == 0) return;
    bool stream = memmem(connection->reading, len, "\"stream\":true", 13) != NULL;
    connection->usage = memmem(connection->reading, len, "include_usage", 13) != NULL;
    memmove(connection->reading, connection->reading + len, connection->len - len);
    connection->len -= len;
    if (stream) stream_begin(socket_, connection);
    else say(socket_, whole, whole_len);
}

static void on_tick(void) {
    clock_us += tick_us;
    for (int i = 0; i < streaming_count; i++) {
        struct connection *connection = connections[streaming[i]];
        while (connection->due_us <= clock_us && connection->events_left) {
            say(streaming[i], event, event_len);
            connection->events_left--;
            connection->due_us += interval_us;
        }
        if (connection->events_left) continue;
        int socket_ = streaming[i];
        streaming[i--] = streaming[--streaming_count];
        stream_end(socket_, connection);
    }
}

static void accept_all(int listener, int epoll) {
    int socket_, on = 1, room = 4 << 20; /* a whole stream fits, however slow its reader */
    while ((socket_ = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        if (!connections[socket_]) connections[socket_] = calloc(1, sizeof *connections[socket_]);
        struct connection *connection = connections[socket_];
        if (!connection->reading) connection->reading = malloc(reading_max);
        connection->len = 0;
        connection->events_left = 0;
        struct epoll_event wanted = {.events = EPOLLIN, .data.fd = socket_};
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket_, &wanted);
    }
}

int main(int argc, char **argv) {
    if (argc > 1) events = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2) interval_us = (unsigned)strtoul(argv[2], NULL, 10);
    hold = argc > 3 && argv[3][0] == '1';
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < connections_max ? limit.rlim_max : connections_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    texts_make();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 4096) != 0) return 1;
    getsockname(listener, (struct sockaddr *)&address, &len);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec every = {.it_interval.tv_nsec = tick_us * 1000, .it_value.tv_nsec = tick_us * 1000};
    timerfd_settime(timer, 0, &every, NULL);
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted);
    wanted.data.fd = timer;
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &wanted);
    for (;;) {
        struct epoll_event ready[256];
        int count = epoll_wait(epoll, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            int descriptor = ready[i].data.fd;
            unsigned long ticks = 0;
            if (descriptor == listener) accept_all(listener, epoll);
            else if (descriptor != timer) on_readable(descriptor);
            else if (read(timer, &ticks, sizeof ticks) == sizeof ticks)
                for (; ticks; ticks--) on_tick();
        }
    }
}
