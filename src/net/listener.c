/* listener.c - TCP: a socket a loop with SO_REUSEPORT, set before libuv opens it; unix: one socket, its descriptor
 * duplicated to each loop. Accepting is ours, by libuv's polling of a descriptor, so that a drain can accept until
 * there is nothing left and a lack of descriptors does not spin. */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "net/loop_internal.h"

enum { backlog = 1024, accepts_a_turn = 64, retry_ms = 100 };

struct listen_address {
    struct sockaddr_storage address;
    socklen_t address_len;
    bool is_unix;
    int first; /* the socket made at the start; the first loop takes it (unix: stays, duplicated) */
    pthread_mutex_t mutex;
    char text[160];
};

struct listener {
    uv_poll_t poll;
    struct loop *loop;
    struct timer retry;
    int descriptor;
    bool is_unix;
    void (*accepted)(void *context, struct listener *listener, int descriptor);
    void *context;
};

static int listen_start(int descriptor) { return listen(descriptor, backlog); }

static int listen_socket(struct listen_address *listen, bool shared) {
    int descriptor = socket(listen->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (descriptor < 0) return -1;
    if (!listen->is_unix) {
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (shared) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        if (listen->address.ss_family == AF_INET6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (bind(descriptor, (struct sockaddr *)&listen->address, listen->address_len) == 0) return descriptor;
    int number = errno;
    close(descriptor);
    errno = number;
    return -1;
}

/* A socket's file that nobody answers on is left over from a process that is gone. */
static bool unix_prepare(struct listen_address *listen, struct error *error) {
    const char *path = ((struct sockaddr_un *)&listen->address)->sun_path;
    struct stat status;
    if (lstat(path, &status) != 0) return true;
    if (!S_ISSOCK(status.st_mode))
        return error_set(error, error_bad_configuration, "Cannot listen on %s: the file is no socket.", listen->text);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = probe >= 0 && connect(probe, (struct sockaddr *)&listen->address, listen->address_len) == 0;
    if (probe >= 0) close(probe);
    if (answered)
        return error_set(error, error_bad_configuration, "Cannot listen on %s: another process does.", listen->text);
    unlink(path);
    return true;
}

static bool address_parse(struct listen_address *listen, struct str text, struct error *error) {
    str_copy(listen->text, sizeof listen->text, text);
    if (str_starts(text, STR("unix:"))) {
        struct sockaddr_un *address = (struct sockaddr_un *)&listen->address;
        struct str path = str_slice(text, 5, text.len);
        if (path.len == 0 || path.len >= sizeof address->sun_path)
            return error_set(error, error_bad_configuration, "Cannot listen on %s: the path is empty or too long.",
                             listen->text);
        address->sun_family = AF_UNIX;
        str_copy(address->sun_path, sizeof address->sun_path, path);
        listen->address_len = sizeof *address;
        listen->is_unix = true;
        return true;
    }
    size_t colon = text.len;
    while (colon > 0 && text.at[colon - 1] != ':') colon--;
    uint64_t port;
    if (colon == 0 || !str_to_u64(str_slice(text, colon, text.len), &port) || port > 65535)
        return error_set(error, error_bad_configuration, "Cannot listen on %s: write ADDRESS:PORT or unix:PATH.",
                         listen->text);
    struct str host = str_slice(text, 0, colon - 1);
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') host = str_slice(host, 1, host.len - 1);
    if (host.len == 0 || str_eq(host, STR("*"))) host = STR("0.0.0.0");
    char name[128], service[8];
    str_copy(name, sizeof name, host);
    snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int status = getaddrinfo(name, service, &hints, &found);
    if (status != 0)
        return error_set(error, error_bad_configuration, "Cannot listen on %s: %s.", listen->text,
                         gai_strerror(status));
    struct addrinfo *chosen = found;
    for (struct addrinfo *at = found; at; at = at->ai_next)
        if (at->ai_family == AF_INET) chosen = at; /* localhost is 127.0.0.1 here */
    memcpy(&listen->address, chosen->ai_addr, chosen->ai_addrlen);
    listen->address_len = chosen->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

struct listen_address *listen_address_new(struct str text, struct error *error) {
    struct listen_address *listen = memory_take_zeroed(sizeof *listen);
    if (!listen) {
        error_set(error, error_out_of_memory, "No memory to listen.");
        return NULL;
    }
    listen->first = -1;
    pthread_mutex_init(&listen->mutex, NULL);
    if (!address_parse(listen, text, error) || (listen->is_unix && !unix_prepare(listen, error))) goto fail;
    /* Without SO_REUSEPORT first: it fails where another process listens, which SO_REUSEPORT would not. */
    int probe = listen->is_unix ? -1 : listen_socket(listen, false);
    if (!listen->is_unix && probe < 0) goto fail_bind;
    if (probe >= 0) close(probe);
    listen->first = listen_socket(listen, true);
    if (listen->first < 0) goto fail_bind;
    socklen_t len = sizeof listen->address;
    getsockname(listen->first, (struct sockaddr *)&listen->address, &len); /* the port, where 0 was asked for */
    if (!listen->is_unix) listen->address_len = len;
    if (listen->is_unix &&
        (chmod(((struct sockaddr_un *)&listen->address)->sun_path, 0660) != 0 || listen_start(listen->first) != 0))
        goto fail_bind;
    return listen;
fail_bind:
    error_set(error, error_bad_configuration, "Cannot listen on %s: %s.", listen->text,
              errno == EADDRINUSE ? "another process does" : strerror(errno));
fail:
    if (listen->first >= 0) close(listen->first);
    pthread_mutex_destroy(&listen->mutex);
    memory_give(listen);
    return NULL;
}

uint16_t listen_address_port(const struct listen_address *listen) {
    if (listen->address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)&listen->address)->sin_port);
    if (listen->address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&listen->address)->sin6_port);
    return 0;
}

bool listen_address_loopback(const struct listen_address *listen) {
    const struct sockaddr_storage *address = &listen->address;
    if (address->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24) == 127;
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return true;
}

void listen_address_free(struct listen_address *listen) {
    if (!listen) return;
    if (listen->first >= 0) close(listen->first);
    if (listen->is_unix) unlink(((struct sockaddr_un *)&listen->address)->sun_path);
    pthread_mutex_destroy(&listen->mutex);
    memory_give(listen);
}

/* -- accepting on one loop -- */

static void on_ready(uv_poll_t *poll, int status, int events);

static void accept_again(void *context) {
    struct listener *listener = context;
    CHECKF(listener->descriptor >= 0 && !uv_is_closing((uv_handle_t *)&listener->poll), "descriptor=%d",
           listener->descriptor);
    uv_poll_start(&listener->poll, UV_READABLE, on_ready);
}

static bool accept_some(struct listener *listener, int most) {
    for (int i = 0; i < most; i++) {
        int descriptor = accept4(listener->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            listener->accepted(listener->context, listener, descriptor);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) { /* wait instead of spinning */
            uv_poll_stop(&listener->poll);
            timer_set(listener->loop, &listener->retry, loop_now(listener->loop).mono_ns + retry_ms * NS_PER_MS,
                      accept_again, listener);
        }
        return false;
    }
    return true;
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    accept_some(poll->data, accepts_a_turn);
}

struct listener *listener_new(struct loop *loop, struct listen_address *address,
                              void (*accepted)(void *context, struct listener *listener, int descriptor), void *context,
                              struct error *error) {
    struct listener *listener = memory_take_zeroed(sizeof *listener);
    if (!listener) {
        error_set(error, error_out_of_memory, "No memory to listen.");
        return NULL;
    }
    CHECK(accepted);
    pthread_mutex_lock(&address->mutex);
    CHECKF(!address->is_unix || address->first >= 0, "first=%d", address->first); /* it stays, each loop has a copy */
    if (address->is_unix) {
        listener->descriptor = dup(address->first);
    } else if (address->first >= 0) {
        listener->descriptor = address->first;
        address->first = -1;
    } else {
        listener->descriptor = listen_socket(address, true);
    }
    pthread_mutex_unlock(&address->mutex);
    listener->loop = loop;
    listener->is_unix = address->is_unix;
    listener->accepted = accepted;
    listener->context = context;
    listener->poll.data = listener;
    if (listener->descriptor < 0 || (!address->is_unix && listen_start(listener->descriptor) != 0) ||
        uv_poll_init(loop_uv(loop), &listener->poll, listener->descriptor) != 0) {
        error_set(error, error_bad_configuration, "Cannot listen on %s: %s.", address->text, strerror(errno));
        if (listener->descriptor >= 0) close(listener->descriptor);
        memory_give(listener);
        return NULL;
    }
    uv_poll_start(&listener->poll, UV_READABLE, on_ready);
    return listener;
}

bool listener_is_unix(const struct listener *listener) { return listener->is_unix; }
void listener_drain(struct listener *listener) {
    while (accept_some(listener, accepts_a_turn)) {
    }
}

static void listener_on_closed(uv_handle_t *handle) { memory_give(handle->data); }

void listener_close(struct listener *listener) {
    timer_cancel(listener->loop, &listener->retry);
    CHECKF(listener->descriptor >= 0, "descriptor=%d", listener->descriptor);
    /* libuv lets go of the descriptor first: once it is closed its number may be another thread's. */
    uv_close((uv_handle_t *)&listener->poll, listener_on_closed);
    close(listener->descriptor);
    listener->descriptor = -1;
}
