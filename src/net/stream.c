/* stream.c - bytes over a libuv TCP or pipe handle. Writes at the turn's end (cork.h), or at once where it is much. A
 * failure found inside a call is told at the end of the turn, never from inside it. */
#include "net/stream.h"

#include <errno.h>
#include <string.h>
#if defined(__linux__)
#include <linux/sockios.h>
#endif
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "net/stream_internal.h"

enum { linger_s = 5, write_block = 256 * 1024 /* of what waits: given back as it leaves */ };

struct stream_write {
    uv_write_t request;
    struct budget *budget; /* that it stands in */
    size_t len;
    char bytes[];
};

void streams_hold_within(struct loop *loop, struct budget *budget) { loop_budget_set(loop, budget); }

static void stream_on_closed(uv_handle_t *handle) {
    struct stream *stream = handle->data;
    CHECK(stream->closing && !stream->linger.set && !list_linked(&stream->failing.node));
    CHECKF(stream->unsent == 0, "unsent=%zu", stream->unsent); /* libuv has given every copy back */
    tls_session_free(stream->tls);
    budget_free(stream->charged, stream, stream->charge);
}

static void stream_failing_run(void *context) {
    struct stream *stream = context;
    CHECK(stream->failure != stream_failure_none);
    if (!stream->closing) stream->handler->failed(stream->owner, stream->failure);
}

void stream_fail(struct stream *stream, enum stream_failure failure, int error_number) {
    if (stream->failure != stream_failure_none || stream->closing) return;
    stream->failure = failure;
    stream->error_number = error_number;
    loop_defer(stream->loop, &stream->failing);
}

/* A peer that hung up may have answered first: while we read, the reading side comes upon the end and tells of it. */
static void write_failed(struct stream *stream, int error_number) {
    stream->unwritable = true;
    if (!stream->reading || stream->handshaking || stream->ended)
        stream_fail(stream, stream_failure_reset, error_number);
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)suggested;
    struct stream *stream = handle->data;
    *buffer = uv_buf_init(loop_read_buffer(stream->loop), limit_read_buffer);
}

static void on_read(uv_stream_t *handle, ssize_t len, const uv_buf_t *buffer) {
    struct stream *stream = handle->data;
    CHECK(!stream->closing && !stream->ended); /* who is closed is not called any more */
    if (len > 0) {
        cork_read(stream->loop, (size_t)len);
        struct str bytes = str_make(buffer->base, (size_t)len);
        if (stream->tls)
            stream_tls_bytes(stream, bytes);
        else
            stream->handler->bytes(stream->owner, bytes);
    } else if (len == UV_EOF) {
        stream->ended = true;
        stream->cut = stream->tls != NULL;
        uv_read_stop(handle);
        if (stream->handshaking)
            stream_fail(stream, stream_failure_tls, UV_EOF);
        else
            stream->handler->ended(stream->owner);
    } else if (len < 0) {
        uv_read_stop(handle);
        stream_fail(stream, stream->handshaking ? stream_failure_tls : stream_failure_reset, (int)len);
    }
}

static struct stream *stream_new(struct loop *loop, struct budget *charged, bool is_unix, bool has_tls,
                                 const struct stream_handler *handler, void *owner) {
    size_t charge = stream_charge_of(has_tls);
    CHECK(handler);
    if (!budget_take(charged, charge)) return NULL;
    struct stream *stream = memory_take_zeroed(sizeof *stream);
    if (!stream) {
        budget_give(charged, charge);
        return NULL;
    }
    stream->loop = loop;
    stream->charged = charged;
    stream->charge = charge;
    stream->budget = loop_budget(loop);
    stream->handler = handler;
    stream->owner = owner;
    stream->failing.run = stream_failing_run;
    stream->failing.context = stream;
    int made = is_unix ? uv_pipe_init(loop_uv(loop), &stream->pipe, 0) : uv_tcp_init(loop_uv(loop), &stream->tcp);
    CHECKF(made == 0, "%s", uv_strerror(made));
    stream->handle.data = stream;
    return stream;
}

static bool tls_begin(struct stream *stream, struct tls_context *tls, struct str host) {
    CHECK(!stream->tls && !stream->closing && !stream->ended);
    stream->tls = tls_session_new(tls, host);
    if (!stream->tls) return false;
    stream->handshaking = true;
    stream_read_start(stream);
    stream_tls_step(stream);
    return true;
}

struct stream *stream_accepted(struct loop *loop, struct budget *charged, int descriptor, bool is_unix,
                               struct tls_context *tls, const struct stream_handler *handler, void *owner) {
    struct stream *stream =
        stream_new(loop, charged ? charged : loop_budget(loop), is_unix, tls != NULL, handler, owner);
    if (!stream) {
        uv_fs_t request;
        uv_fs_close(NULL, &request, descriptor, NULL);
        return NULL;
    }
    int opened = is_unix ? uv_pipe_open(&stream->pipe, descriptor) : uv_tcp_open(&stream->tcp, descriptor);
    if (opened != 0) stream_fail(stream, stream_failure_system, opened);
    stream->descriptor = descriptor;
    if (!is_unix) uv_tcp_nodelay(&stream->tcp, 1);
    if (tls && !tls_begin(stream, tls, STR_NONE)) stream_fail(stream, stream_failure_system, UV_ENOMEM);
    if (!tls) stream_read_start(stream);
    return stream;
}

static enum stream_failure stream_failure_of(int error_number) {
    switch (error_number) {
    case UV_ETIMEDOUT: return stream_failure_timeout;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOMEM:
    case UV_EADDRNOTAVAIL: return stream_failure_system;
    default: return stream_failure_refused;
    }
}

static void stream_on_connected(uv_connect_t *request, int status) {
    struct stream *stream = request->handle->data;
    memory_give(request);
    if (stream->closing) return;
    if (status != 0) {
        stream_fail(stream, stream_failure_of(status), status);
        return;
    }
    if (stream->handle.type == UV_TCP) uv_tcp_nodelay(&stream->tcp, 1);
    CHECK(uv_fileno(&stream->handle, &stream->descriptor) == 0);
    if (stream->tls) {
        uv_read_start(&stream->uv, on_buffer, on_read);
        stream->reading = true;
        stream_tls_step(stream);
        return;
    }
    stream_read_start(stream);
    stream->handler->connected(stream->owner);
}

struct stream *stream_connect(struct loop *loop, const struct sockaddr *address, struct tls_context *tls,
                              struct str host, const struct stream_handler *handler, void *owner) {
    bool is_unix = address->sa_family == AF_UNIX;
    struct stream *stream = stream_new(loop, loop_budget(loop), is_unix, tls != NULL, handler, owner);
    uv_connect_t *request = stream ? memory_take(sizeof *request) : NULL;
    if (!request) {
        if (stream) stream_close(stream, false);
        return NULL;
    }
    if (tls) {
        stream->tls = tls_session_new(tls, host);
        stream->handshaking = true;
        if (!stream->tls) {
            memory_give(request);
            stream_close(stream, false);
            return NULL;
        }
    }
    if (is_unix) {
        uv_pipe_connect(request, &stream->pipe, ((const struct sockaddr_un *)(const void *)address)->sun_path,
                        stream_on_connected);
        return stream;
    }
    int status = uv_tcp_connect(request, &stream->tcp, address, stream_on_connected);
    if (status != 0) {
        memory_give(request);
        stream_fail(stream, stream_failure_of(status), status);
    }
    return stream;
}

bool stream_start_tls(struct stream *stream, struct tls_context *tls, struct str host) {
    if (!budget_take(stream->charged, stream_tls_charge)) return false;
    stream->charge += stream_tls_charge;
    CHECKF(stream->charge == stream_charge_of(true), "charge=%zu", stream->charge);
    return tls_begin(stream, tls, host);
}

static void sent_some(struct stream *stream) {
    bool low = stream->was_high && stream->unsent <= limit_write_low;
    bool all = stream->tell_when_sent && stream->unsent == 0;
    if (stream->unsent == 0 && stream->linger.set) {
        stream_close(stream, false);
        return;
    }
    if ((!low && !all) || stream->closing) return;
    if (low) stream->was_high = false;
    if (all) stream->tell_when_sent = false;
    stream->handler->writable(stream->owner);
}

static void on_written(uv_write_t *request, int status) {
    struct stream_write *write = LIST_OWNER(request, struct stream_write, request);
    struct stream *stream = request->handle->data;
    CHECKF(stream->unsent >= write->len, "unsent=%zu len=%zu", stream->unsent, write->len);
    stream->unsent -= write->len;
    budget_free(write->budget, write, sizeof *write + write->len);
    if (stream->closing && !stream->linger.set) return;
    if (status != 0) {
        if (stream->linger.set)
            stream_close(stream, false);
        else
            write_failed(stream, status);
        return;
    }
    sent_some(stream);
}

/* Copies `len` bytes of the ranges, those behind the first `taken`. false: the stream has failed. */
static bool block_send_later(struct stream *stream, const struct str *ranges, size_t count, size_t taken, size_t len) {
    struct stream_write *write = budget_resize(stream->budget, NULL, 0, sizeof *write + len);
    if (!write) {
        stream_fail(stream, stream_failure_system, UV_ENOMEM);
        return false;
    }
    write->budget = stream->budget;
    write->len = 0;
    for (size_t i = 0; i < count && write->len < len; i++) {
        struct str rest = str_slice(ranges[i], taken, ranges[i].len);
        taken -= ranges[i].len - rest.len;
        rest = str_slice(rest, 0, len - write->len);
        if (rest.len) memcpy(write->bytes + write->len, rest.at, rest.len);
        write->len += rest.len;
    }
    CHECKF(write->len == len, "copied=%zu len=%zu", write->len, len); /* what is given back later is what was taken */
    uv_buf_t buffer = uv_buf_init(write->bytes, (unsigned)write->len);
    stream->unsent += write->len;
    stream->given += write->len;
    if (stream->unsent > limit_write_high) stream->was_high = true;
    int status = uv_write(&write->request, &stream->uv, &buffer, 1, on_written);
    if (status == 0) return true;
    stream->unsent -= write->len;
    budget_free(write->budget, write, sizeof *write + len);
    write_failed(stream, status);
    return false;
}

/* Copies what is left of the ranges after `taken` bytes. */
static void send_later(struct stream *stream, const struct str *ranges, size_t count, size_t taken, size_t whole) {
    while (taken < whole) {
        size_t len = whole - taken < write_block ? whole - taken : write_block;
        if (!block_send_later(stream, ranges, count, taken, len)) return;
        taken += len;
    }
}

enum { ranges_at_once = 64, gathered_bytes = 2048 };

static size_t ranges_len(const struct str *ranges, size_t count) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++) len += ranges[i].len;
    return len;
}

/* What the kernel took at once, or a libuv error number. Small ranges go as one: one copy of an event costs less than
 * the kernel's walk through a vector. */
static ssize_t send_some(struct stream *stream, const struct str *ranges, size_t count, size_t whole) {
    char gathered[gathered_bytes];
    struct iovec vector[ranges_at_once] = {{.iov_base = gathered, .iov_len = whole}};
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = 1};
    if (count == 1 || whole > sizeof gathered) {
        for (size_t i = 0; i < count; i++)
            vector[i] = (struct iovec){.iov_base = (char *)(uintptr_t)ranges[i].at, .iov_len = ranges[i].len};
        message.msg_iovlen = count;
    } else {
        for (size_t i = 0, at = 0; i < count; at += ranges[i++].len)
            if (ranges[i].len) memcpy(gathered + at, ranges[i].at, ranges[i].len);
    }
    for (;;) {
        ssize_t sent = message.msg_iovlen == 1 ? send(stream->descriptor, vector[0].iov_base, vector[0].iov_len,
                                                      MSG_NOSIGNAL | MSG_DONTWAIT)
                                               : sendmsg(stream->descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return sent;
        if (errno != EINTR) return errno == EAGAIN || errno == EWOULDBLOCK ? UV_EAGAIN : uv_translate_sys_error(errno);
    }
}

void stream_send_now(struct stream *stream, const struct str *ranges, size_t count) {
    CHECK(!stream->corked); /* that would overtake what was written before it */
    while (count && stream->failure == stream_failure_none && !stream->unwritable) {
        size_t now = count < ranges_at_once ? count : ranges_at_once, whole = ranges_len(ranges, now);
        ssize_t sent = stream->unsent ? UV_EAGAIN : send_some(stream, ranges, now, whole);
        CHECKF(sent <= (ssize_t)whole, "sent=%zd whole=%zu", sent, whole);
        if (sent > 0) stream->given += (size_t)sent;
        if (sent < 0 && sent != UV_EAGAIN)
            write_failed(stream, (int)sent);
        else if (sent == UV_EAGAIN)
            send_later(stream, ranges, now, 0, whole);
        else if ((size_t)sent < whole)
            send_later(stream, ranges, now, (size_t)sent, whole);
        ranges += now;
        count -= now;
    }
}

void stream_send(struct stream *stream, const struct str *ranges, size_t count) {
    if (!cork_put(stream, ranges, count, ranges_len(ranges, count))) stream_send_now(stream, ranges, count);
}

void stream_hold_within(struct stream *stream, struct budget *budget) {
    stream->budget = budget ? budget : loop_budget(stream->loop);
}

void stream_write(struct stream *stream, const struct str *ranges, size_t count) {
    if (stream->closing || stream->failure != stream_failure_none) return;
    CHECK(!stream->handshaking); /* nobody knows yet who would read it */
    if (stream->tls)
        stream_tls_write(stream, ranges, count);
    else
        stream_send(stream, ranges, count);
}

size_t stream_unsent(const struct stream *stream) {
    return stream->unsent + (stream->unwritable || stream->failure != stream_failure_none);
}

uint64_t stream_sent(const struct stream *stream) {
    size_t waiting = uv_stream_get_write_queue_size(&stream->uv);
    CHECKF(stream->given >= waiting, "given=%llu waiting=%zu", (unsigned long long)stream->given, waiting);
    return stream->given - waiting;
}

uint64_t stream_progress(const struct stream *stream) {
    uint64_t sent = stream_sent(stream);
#if defined(SIOCOUTQ)
    int unacknowledged = 0;
    if (stream->handle.type == UV_TCP && ioctl(stream->descriptor, SIOCOUTQ, &unacknowledged) == 0 &&
        unacknowledged > 0)
        return sent > (uint64_t)unacknowledged ? sent - (uint64_t)unacknowledged : 0;
#endif
    return sent;
}

void stream_tell_when_sent(struct stream *stream) { stream->tell_when_sent = true; }

void stream_read_stop(struct stream *stream) {
    if (!stream->reading || stream->closing) return;
    stream->reading = false;
    uv_read_stop(&stream->uv);
    if (stream->unwritable && !stream->ended) stream_fail(stream, stream_failure_reset, UV_EPIPE);
}

void stream_read_start(struct stream *stream) {
    if (stream->reading || stream->closing || stream->ended || stream->failure != stream_failure_none) return;
    int started = uv_read_start(&stream->uv, on_buffer, on_read);
    if (started != 0)
        stream_fail(stream, stream_failure_reset, started);
    else
        stream->reading = true;
}

static void on_shut(uv_shutdown_t *request, int status) {
    (void)status;
    memory_give(request);
}

void stream_shutdown(struct stream *stream) {
    if (stream->shutting || stream->closing) return;
    stream->shutting = true;
    if (stream->tls) {
        tls_end(stream->tls);
        stream_tls_step(stream);
    }
    cork_send(stream); /* the system's end goes behind it */
    uv_shutdown_t *request = memory_take(sizeof *request);
    if (request && uv_shutdown(request, &stream->uv, on_shut) != 0) memory_give(request);
}

void stream_close(struct stream *stream, bool reset) {
    CHECK(!uv_is_closing(&stream->handle) || stream->closing);
    timer_cancel(stream->loop, &stream->linger);
    loop_defer_cancel(&stream->failing);
    if (!reset && stream_is_alive(stream)) cork_send(stream);
    cork_drop(stream);
    stream->closing = true;
    if (uv_is_closing(&stream->handle)) return;
    if (stream->tls && !reset && !stream->shutting && stream->failure == stream_failure_none) {
        tls_end(stream->tls);
        stream_tls_step(stream);
    }
    if (reset && stream->handle.type == UV_TCP && uv_tcp_close_reset(&stream->tcp, stream_on_closed) == 0) return;
    uv_close(&stream->handle, stream_on_closed);
}

static void linger_over(void *context) { stream_close(context, false); }

void stream_close_when_sent(struct stream *stream) {
    cork_send(stream);
    if (stream->unsent == 0 || stream->unwritable || stream->failure != stream_failure_none) {
        stream_close(stream, false);
        return;
    }
    stream_read_stop(stream);
    stream->closing = true;
    timer_set(stream->loop, &stream->linger, loop_now(stream->loop).mono_ns + linger_s * NS_PER_S, linger_over, stream);
}

struct str stream_failure_text(const struct stream *stream) {
    if (stream->failure == stream_failure_tls && stream->error_number == 0) return tls_failure_text(stream->tls);
    return str_from(stream->error_number ? uv_strerror(stream->error_number) : "");
}

bool stream_is_alive(struct stream *stream) {
    return !stream->ended && !stream->closing && !stream->unwritable && stream->failure == stream_failure_none;
}

bool stream_is_quiet(struct stream *stream) {
    char byte;
    CHECK(!stream->closing);
    ssize_t got;
    do got = recv(stream->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool stream_is_hung_up(const struct stream *stream) {
    struct pollfd asked = {.fd = stream->descriptor};
#if defined(POLLRDHUP)
    asked.events = POLLRDHUP;
#endif
    CHECK(!stream->closing);
    return poll(&asked, 1, 0) > 0; /* a reset is told unasked */
}

bool stream_is_cut(const struct stream *stream) { return stream->cut; }

bool stream_has_part(const struct stream *stream) { return stream->tls && tls_has_part(stream->tls); }

void stream_set_handler(struct stream *stream, const struct stream_handler *handler, void *owner) {
    CHECK(!stream->closing);
    stream->handler = handler;
    stream->owner = owner;
}
