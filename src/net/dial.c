/* dial.c - one attempt to reach an origin. Addresses are tried one after the other: the next after a failure, or when
 * one has taken its share of the time. A proxy is dialled in the origin's place and asked to CONNECT when TLS is wanted
 * (RFC 9110, 9.3.6). */
#include "net/dial.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/http1.h"
#include "net/tls.h"

enum { address_wait_ms_least = 250 };

struct dial {
    struct loop *loop;
    const struct origin *origin;
    struct tls_context *tls;
    void (*done)(void *owner, struct stream *stream, enum call_failure failure, struct str text);
    void *owner;
    struct resolver_wait wait;
    struct timer deadline, next_address;
    struct loop_deferred failing;
    struct addresses addresses;
    size_t address_next;
    struct stream *stream;
    struct http1 *proxy_reply; /* while CONNECT is under way */
    int proxy_status;
    bool tunnelled, proxied;
    char proxy_host[256];
    uint16_t proxy_port;
    struct str proxy_userinfo;
    enum call_failure failure;
    char text[160];
};

static void dial_free(struct dial *dial) {
    timer_cancel(dial->loop, &dial->deadline);
    timer_cancel(dial->loop, &dial->next_address);
    loop_defer_cancel(&dial->failing);
    resolver_forget(&dial->wait);
    http1_free(dial->proxy_reply);
    memory_give(dial);
}

void dial_cancel(struct dial *dial) {
    if (dial->stream) stream_close(dial->stream, false);
    dial_free(dial);
}

static void failing_run(void *context) {
    struct dial *dial = context;
    void (*done)(void *, struct stream *, enum call_failure, struct str) = dial->done;
    void *owner = dial->owner;
    enum call_failure failure = dial->failure;
    char text[sizeof dial->text];
    memcpy(text, dial->text, sizeof text);
    dial_cancel(dial);
    done(owner, NULL, failure, str_from(text));
}

/* Told at the end of the turn, so that it never comes from inside dial_start or a callback of the stream. */
static void dial_fail(struct dial *dial, enum call_failure failure, struct str text) {
    if (list_linked(&dial->failing.node)) return;
    dial->failure = failure;
    str_copy(dial->text, sizeof dial->text, text);
    loop_defer(dial->loop, &dial->failing);
}

static void address_try(struct dial *dial);

static void up(struct dial *dial) {
    struct stream *stream = dial->stream;
    void (*done)(void *, struct stream *, enum call_failure, struct str) = dial->done;
    void *owner = dial->owner;
    dial_free(dial);
    done(owner, stream, call_failure_none, STR_NONE);
}

/* -- the proxy's part -------------------------------------------------------------------------------------------------
 */

static void on_proxy_head(void *owner, const struct http1_head *head) {
    ((struct dial *)owner)->proxy_status = head->status;
}
static void on_proxy_body(void *owner, struct str piece) { (void)owner, (void)piece; }
static void on_proxy_end(void *owner) { (void)owner; }
static const struct http1_handler proxy_handler = {on_proxy_head, on_proxy_body, on_proxy_end};

static void base64_put(struct text *text, struct str bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t group = 0;
        for (size_t b = 0; b < 3; b++) group = group << 8 | (i + b < bytes.len ? (unsigned char)bytes.at[i + b] : 0);
        for (size_t d = 0; d < 4; d++)
            text_put_byte(text, i + d > bytes.len ? '=' : digits[group >> (18 - 6 * d) & 63]);
    }
}

static void connect_send(struct dial *dial) {
    char buffer[2048];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    bool v6 = str_find_byte(dial->origin->host, ':') != SIZE_MAX;
    text_printf(&text,
                v6 ? "CONNECT [%.*s]:%u HTTP/1.1\r\nHost: [%.*s]:%u\r\n"
                   : "CONNECT %.*s:%u HTTP/1.1\r\nHost: %.*s:%u\r\n",
                STR_ARG(dial->origin->host), dial->origin->port, STR_ARG(dial->origin->host), dial->origin->port);
    if (dial->proxy_userinfo.len) {
        text_put(&text, STR("Proxy-Authorization: Basic "));
        base64_put(&text, dial->proxy_userinfo);
        text_put(&text, STR("\r\n"));
    }
    text_put(&text, STR("\r\n"));
    dial->proxy_reply = http1_new_reply(&proxy_handler, dial);
    if (!dial->proxy_reply || text.failed) {
        dial_fail(dial, call_failure_system, STR("no memory for the CONNECT request"));
        return;
    }
    http1_next(dial->proxy_reply, true); /* a reply to CONNECT has no body */
    struct str range = text_str(&text);
    stream_write(dial->stream, &range, 1);
}

static void on_connected(void *owner) {
    struct dial *dial = owner;
    timer_cancel(dial->loop, &dial->next_address);
    if (dial->proxied && dial->origin->tls && !dial->tunnelled)
        connect_send(dial);
    else
        up(dial);
}

static void on_bytes(void *owner, struct str bytes) {
    struct dial *dial = owner;
    if (!dial->proxy_reply) { /* a server that talks first is no HTTP server */
        dial_fail(dial, call_failure_malformed, STR("bytes came before the request"));
        return;
    }
    size_t read = http1_feed(dial->proxy_reply, bytes);
    if (read == SIZE_MAX || (http1_ended(dial->proxy_reply) && dial->proxy_status / 100 != 2)) {
        char text[64];
        snprintf(text, sizeof text, "the proxy answered CONNECT with %d", dial->proxy_status);
        dial_fail(dial, call_failure_proxy, str_from(text));
    } else if (http1_ended(dial->proxy_reply)) {
        http1_free(dial->proxy_reply);
        dial->proxy_reply = NULL;
        dial->tunnelled = true;
        if (!stream_start_tls(dial->stream, dial->tls, dial->origin->host))
            dial_fail(dial, call_failure_system, STR("no memory for TLS"));
    }
}

static void on_ended(void *owner) { dial_fail(owner, call_failure_reset, STR("the connection was closed at once")); }

static void on_failed(void *owner, enum stream_failure failure) {
    struct dial *dial = owner;
    struct str text = stream_failure_text(dial->stream);
    bool connecting = failure == stream_failure_refused || failure == stream_failure_timeout;
    if (connecting && dial->address_next < dial->addresses.count) {
        stream_close(dial->stream, false);
        dial->stream = NULL;
        address_try(dial);
        return;
    }
    dial_fail(dial,
              failure == stream_failure_tls       ? call_failure_tls
              : failure == stream_failure_timeout ? call_failure_connect_timeout
              : failure == stream_failure_system  ? call_failure_system
              : failure == stream_failure_reset   ? call_failure_reset
                                                  : call_failure_connect,
              text);
}

static void on_writable(void *owner) { (void)owner; }

static const struct stream_handler handler = {on_connected, on_bytes, on_ended, on_failed, on_writable};

/* -- addresses --------------------------------------------------------------------------------------------------------
 */

static void on_next_address(void *context) {
    struct dial *dial = context;
    if (dial->stream) stream_close(dial->stream, false);
    dial->stream = NULL;
    address_try(dial);
}

static void stream_open(struct dial *dial, const struct sockaddr *address) {
    struct tls_context *tls = dial->origin->tls && !dial->proxied ? dial->tls : NULL;
    dial->stream = stream_connect(dial->loop, address, tls, dial->origin->host, &handler, dial);
    if (!dial->stream) dial_fail(dial, call_failure_system, STR("no memory or descriptors for a connection"));
}

static void address_try(struct dial *dial) {
    size_t left = dial->addresses.count - dial->address_next;
    struct sockaddr_storage *address = &dial->addresses.list[dial->address_next++];
    address_set_port(address, dial->proxied ? dial->proxy_port : dial->origin->port);
    if (left > 1) {
        uint64_t now_ns = loop_now(dial->loop).mono_ns;
        uint64_t rest_ns = dial->deadline.deadline_ns > now_ns ? dial->deadline.deadline_ns - now_ns : 0;
        uint64_t share_ns =
            rest_ns / left > address_wait_ms_least * NS_PER_MS ? rest_ns / left : address_wait_ms_least * NS_PER_MS;
        timer_set(dial->loop, &dial->next_address, now_ns + share_ns, on_next_address, dial);
    }
    stream_open(dial, (const struct sockaddr *)address);
}

static void on_found(void *context, const struct addresses *addresses) {
    struct dial *dial = context;
    if (addresses->count == 0) {
        dial_fail(dial, call_failure_dns, str_from(addresses->failure));
        return;
    }
    dial->addresses = *addresses;
    address_try(dial);
}

static void on_deadline(void *context) {
    dial_fail(context, call_failure_connect_timeout, STR("connecting took too long"));
}

/* http://[user:password@]host:port */
static bool proxy_parse(struct dial *dial) {
    struct str rest = dial->origin->proxy;
    size_t scheme = str_find(rest, STR("://"));
    if (scheme != SIZE_MAX) rest = str_slice(rest, scheme + 3, rest.len);
    if (rest.len && rest.at[rest.len - 1] == '/') rest.len--;
    size_t at = str_find_byte(rest, '@'), colon;
    if (at != SIZE_MAX) {
        dial->proxy_userinfo = str_slice(rest, 0, at);
        rest = str_slice(rest, at + 1, rest.len);
    }
    for (colon = rest.len; colon > 0 && rest.at[colon - 1] != ':'; colon--) {
    }
    uint64_t port = 3128;
    if (colon && !str_to_u64(str_slice(rest, colon, rest.len), &port)) return false;
    struct str host = colon ? str_slice(rest, 0, colon - 1) : rest;
    if (host.len > 2 && host.at[0] == '[') host = str_slice(host, 1, host.len - 1);
    if (host.len == 0 || port > 65535) return false;
    str_copy(dial->proxy_host, sizeof dial->proxy_host, host);
    dial->proxy_port = (uint16_t)port;
    return true;
}

struct dial *dial_start(struct loop *loop, struct resolver *resolver, const struct origin *origin,
                        struct tls_context *tls,
                        void (*done)(void *owner, struct stream *stream, enum call_failure failure, struct str text),
                        void *owner) {
    struct dial *dial = memory_take_zeroed(sizeof *dial);
    if (!dial) return NULL;
    dial->loop = loop;
    dial->origin = origin;
    dial->tls = tls;
    dial->done = done;
    dial->owner = owner;
    dial->failing.run = failing_run;
    dial->failing.context = dial;
    dial->wait.found = on_found;
    dial->wait.context = dial;
    timer_set(loop, &dial->deadline, loop_now(loop).mono_ns + origin->connect_timeout_ns, on_deadline, dial);
    if (origin->unix_path.len) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        str_copy(address.sun_path, sizeof address.sun_path, origin->unix_path);
        stream_open(dial, (const struct sockaddr *)&address);
        return dial;
    }
    dial->proxied = origin->proxy.len > 0;
    if (dial->proxied && !proxy_parse(dial)) {
        dial_fail(dial, call_failure_proxy, STR("the proxy's URL is not valid"));
        return dial;
    }
    struct str host = dial->proxied ? str_from(dial->proxy_host) : origin->host;
    const struct addresses *known = resolver_known(resolver, host);
    if (known)
        on_found(dial, known);
    else if (!resolver_ask(resolver, host, &dial->wait))
        dial_fail(dial, call_failure_dns, STR("too many lookups wait"));
    return dial;
}
