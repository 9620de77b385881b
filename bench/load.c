/* load.c - the callers of the benchmarks: one epoll thread, keep-alive connections, every reply looked at.
 *
 *   load PORT CONNECTIONS SECONDS RATE BODY_FILE [HEADER]      RATE 0: as fast as it goes; else requests a second in all, latencies
 *                                                              from the moment each was due (no coordinated omission)
 *   load hold PORT CONNECTIONS BODY_FILE [HEADER]              opens streams, says "open" when each has its first event, keeps them
 *
 * Prints one line: requests errors events p50_us p99_us p999_us */
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
#include <time.h>
#include <unistd.h>

enum { buckets = 200000, reading_max = 1 << 16 };

struct connection {
    int socket_;
    bool busy, stream, chunked;
    long left;    /* of the body; -1: the head is not complete */
    size_t kept;  /* bytes of the head so far, or of the last bytes of a stream */
    unsigned long due_ns;
    size_t to_write;
    char head[4096];
};

static char *request;
static size_t request_len;
static unsigned long requests, errors, events, histogram[buckets];
static int epoll;
static struct connection *all;
static unsigned opened;

static unsigned long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long)now.tv_sec * 1000000000ul + (unsigned long)now.tv_nsec;
}

static void request_make(const char *path, const char *header) {
    FILE *file = fopen(path, "r");
    char *body = malloc(1 << 20);
    size_t len = file ? fread(body, 1, 1 << 20, file) : 0;
    if (file) fclose(file);
    request = malloc(len + 1024);
    request_len = (size_t)sprintf(request,
                                  "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s%sContent-Length: %zu\r\n\r\n",
                                  header, *header ? "\r\n" : "", len);
    memcpy(request + request_len, body, len);
    request_len += len;
    free(body);
}

static void open_one(struct connection *connection, int port) {
    int on = 1;
    connection->socket_ = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(connection->socket_, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("connect");
        exit(1);
    }
    setsockopt(connection->socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_ADD, connection->socket_, &wanted);
}

static void send_one(struct connection *connection, unsigned long due_ns) {
    connection->busy = true;
    connection->left = -1;
    connection->kept = 0;
    connection->due_ns = due_ns;
    for (size_t at = 0; at < request_len;) {
        ssize_t put = write(connection->socket_, request + at, request_len - at);
        if (put <= 0) {
            errors++;
            return;
        }
        at += (size_t)put;
    }
}

static void done(struct connection *connection) {
    unsigned long us = (now_ns() - connection->due_ns) / 1000;
    histogram[us < buckets ? us : buckets - 1]++;
    requests++;
    connection->busy = false;
}

static void count_events(const char *at, size_t len) {
    const char *end = at + len;
    while ((at = memmem(at, (size_t)(end - at), "data: ", 6))) {
        events++;
        at += 6;
    }
}

/* The head: status, framing. The bytes of the body that came with it. */
static size_t head_read(struct connection *connection, const char *bytes, size_t len) {
    size_t room = sizeof connection->head - 1 - connection->kept, take = len < room ? len : room;
    memcpy(connection->head + connection->kept, bytes, take);
    connection->kept += take;
    connection->head[connection->kept] = 0;
    char *end = strstr(connection->head, "\r\n\r\n");
    if (!end) return len;
    size_t head = (size_t)(end - connection->head) + 4, body = connection->kept - head;
    if (strncmp(connection->head, "HTTP/1.1 200", 12) != 0) {
        errors++;
        fprintf(stderr, "load: %.200s\n", connection->head);
    }
    char *length = strcasestr(connection->head, "content-length:");
    connection->chunked = !length || length > end;
    connection->left = connection->chunked ? 1 : strtol(length + 15, NULL, 10);
    connection->kept = 0;
    return len - (body + (len - take));
}

static void on_readable(struct connection *connection) {
    static char buffer[reading_max];
    ssize_t got = read(connection->socket_, buffer, sizeof buffer);
    if (got <= 0) {
        errors++;
        epoll_ctl(epoll, EPOLL_CTL_DEL, connection->socket_, NULL);
        connection->busy = false;
        return;
    }
    size_t at = connection->left < 0 ? head_read(connection, buffer, (size_t)got) : 0, len = (size_t)got - at;
    if (connection->left < 0 || len == 0) return;
    if (!connection->chunked) {
        connection->left -= (long)len;
        if (connection->left <= 0) done(connection);
        return;
    }
    if (!connection->stream) opened++;
    connection->stream = true;
    count_events(buffer + at, len);
    /* the last chunk may be cut off from what is before it: the last bytes are kept */
    char tail[64];
    size_t keep = len < 8 ? len : 8, kept = connection->kept;
    memcpy(tail, connection->head, kept);
    memcpy(tail + kept, buffer + got - keep, keep);
    size_t whole = kept + keep, from = whole > 8 ? whole - 8 : 0;
    memcpy(connection->head, tail + from, whole - from);
    connection->kept = whole - from;
    if (connection->kept >= 7 && memcmp(connection->head + connection->kept - 7, "\r\n0\r\n\r\n", 7) == 0) done(connection);
}

static unsigned long quantile(double share) {
    unsigned long rank = (unsigned long)(share * (double)requests), seen = 0;
    for (unsigned i = 0; i < buckets; i++)
        if ((seen += histogram[i]) > rank) return i;
    return buckets;
}

static void turn(int wait_ms) {
    struct epoll_event ready[256];
    int count = epoll_wait(epoll, ready, 256, wait_ms);
    for (int i = 0; i < count; i++) on_readable(ready[i].data.ptr);
}

static int hold_open(int port, unsigned connections) {
    for (unsigned i = 0; i < connections; i++) {
        open_one(&all[i], port);
        send_one(&all[i], now_ns());
        turn(0);
    }
    while (opened < connections && errors == 0) turn(100);
    printf("open %u errors %lu\n", opened, errors);
    fflush(stdout);
    char line[8];
    return fgets(line, sizeof line, stdin) ? 0 : 0; /* until the driver is done */
}

int main(int argc, char **argv) {
    bool hold = argc > 1 && strcmp(argv[1], "hold") == 0;
    if (argc < (hold ? 5 : 6)) return 2;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    epoll = epoll_create1(0);
    if (hold) {
        unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
        all = calloc(count, sizeof *all);
        request_make(argv[4], argc > 5 ? argv[5] : "");
        return hold_open((int)strtol(argv[2], NULL, 10), count);
    }
    int port = (int)strtol(argv[1], NULL, 10);
    unsigned count = (unsigned)strtoul(argv[2], NULL, 10), next = 0;
    double seconds = strtod(argv[3], NULL), rate = strtod(argv[4], NULL);
    all = calloc(count, sizeof *all);
    request_make(argv[5], argc > 6 ? argv[6] : "");
    for (unsigned i = 0; i < count; i++) open_one(&all[i], port);
    unsigned long start = now_ns(), end = start + (unsigned long)(seconds * 1e9), due = start;
    for (unsigned long now = start; now < end && errors < 100; now = now_ns()) {
        if (rate > 0) {
            for (; due <= now; due += (unsigned long)(1e9 / rate)) {
                unsigned tried = 0;
                while (all[next % count].busy && tried++ < count) next++;
                if (tried > count) break; /* all are busy: this one stays due */
                send_one(&all[next % count], due);
            }
            turn(0);
        } else {
            for (unsigned i = 0; i < count; i++)
                if (!all[i].busy) send_one(&all[i], now);
            turn(10);
        }
    }
    printf("%lu %lu %lu %lu %lu %lu\n", requests, errors, events, quantile(0.5), quantile(0.99), quantile(0.999));
    return errors ? 1 : 0;
}
