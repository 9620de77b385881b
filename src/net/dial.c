/* dial.c - one attempt to reach an origin. Addresses are tried in their order: the next after a failure, or beside the
 * earlier ones when those have not answered in a quarter of a second (after RFC 8305); the first that is up wins. A
 * proxy is dialled in the origin's place and asked to CONNECT when TLS is wanted (RFC 9110, 9.3.6). */
#include "net/dial.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/base64.h"
#include "base/budget.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/http1.h"
#include "net/tls.h"

enum { address_wait_ms = 250 };

/* One address that is being tried. */
struct dial_attempt {
    struct dial *dial;
    struct stream *stream;
};

struct dial {
    struct loop *loop;
    const struct origin *origin;
    void (*done)(void *owner, struct stream *stream, enum call_failure failure, struct str text);
    void *owner;
    struct resolver_wait wait;
    struct timer deadline, next_address;
    struct loop_deferred failing;
    struct addresses addresses;
    size_t address_next;
    struct dial_attempt attempts[resolver_addresses_max];
    struct stream *stream;     /* the one that won */
    struct http1 *proxy_reply; /* while CONNECT is under way */
    int proxy_status;
    bool tunnelled, proxied;
    uint16_t proxy_port;
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

static bool attempts_close(struct dial *dial, const struct dial_attempt *but) {
    bool any = false;
    for (size_t i = 0; i < resolver_addresses_max; i++) {
        struct dial_attempt *attempt = &dial->attempts[i];
        CHECK(!attempt->stream || attempt->dial == dial);
        if (attempt->stream && attempt != but) {
            stream_close(attempt->stream, false);
            attempt->stream = NULL;
            any = true;
        }
    }
    return any;
}

void dial_cancel(struct dial *dial) {
    attempts_close(dial, NULL);
    if (dial->stream) stream_close(dial->stream, false);
    dial_free(dial);
}

static void dial_failing_run(void *context) {
    struct dial *dial = context;
    CHECK(dial->failure != call_failure_none);
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
    CHECK(failure != call_failure_none);
    dial->failure = failure;
    str_copy(dial->text, sizeof dial->text, text);
    loop_defer(dial->loop, &dial->failing);
}

static void address_try(struct dial *dial);

static void up(struct dial *dial) {
    struct stream *stream = dial->stream;
    CHECK(stream && !dial->proxy_reply); /* up, and nothing of a CONNECT is left to be read */
    void (*done)(void *, struct stream *, enum call_failure, struct str) = dial->done;
    void *owner = dial->owner;
    dial_free(dial);
    done(owner, stream, call_failure_none, STR_NONE);
}

/* -- the proxy's part -- */

static void on_proxy_head(void *owner, const struct http1_head *head) {
    ((struct dial *)owner)->proxy_status = head->status;
}
static void on_proxy_body(void *owner, struct str piece) { (void)owner, (void)piece; }
static void on_proxy_end(void *owner) { (void)owner; }
static const struct http1_handler proxy_handler = {on_proxy_head, on_proxy_body, on_proxy_end};

/* http://[user:password@]host:port[/] */
struct proxy {
    struct str userinfo, host;
    uint16_t port;
};

static bool proxy_parse(struct str rest, struct proxy *proxy) {
    *proxy = (struct proxy){.port = 3128};
    if (str_starts_nocase(rest, STR("http://")))
        rest = str_slice(rest, 7, rest.len);
    else if (str_find(rest, STR("://")) != SIZE_MAX) /* TLS to the proxy itself, and SOCKS, are not spoken */
        return false;
    rest = str_slice(rest, 0, str_find_byte(rest, '/'));
    size_t at = SIZE_MAX, colon = SIZE_MAX;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] == '@') at = i;
    if (at != SIZE_MAX) {
        proxy->userinfo = str_slice(rest, 0, at);
        rest = str_slice(rest, at + 1, rest.len);
    }
    if (rest.len && rest.at[0] == '[') {
        size_t close = str_find_byte(rest, ']');
        if (close == SIZE_MAX) return false;
        proxy->host = str_slice(rest, 1, close);
        colon = close + 1 < rest.len ? close + 1 : SIZE_MAX;
        if (colon != SIZE_MAX && rest.at[colon] != ':') return false;
    } else {
        colon = str_find_byte(rest, ':');
        proxy->host = str_slice(rest, 0, colon);
    }
    uint64_t port = proxy->port;
    if (colon != SIZE_MAX && !str_to_u64(str_slice(rest, colon + 1, rest.len), &port)) return false;
    proxy->port = (uint16_t)port;
    return proxy->host.len > 0 && proxy->host.len < 256 && port > 0 && port <= 65535;
}

void dial_proxy_credential_put(struct text *text, struct str url) {
    char decoded[512];
    struct proxy proxy;
    if (!proxy_parse(url, &proxy) || proxy.userinfo.len == 0) return;
    text_put(text, STR("Proxy-Authorization: Basic "));
    base64_put(text, str_percent_decode(proxy.userinfo, decoded, sizeof decoded));
    text_put(text, STR("\r\n"));
}

static void connect_send(struct dial *dial) {
    char buffer[2048];
    CHECK(!dial->proxy_reply && !dial->tunnelled);
    struct text text = text_in_buffer(buffer, sizeof buffer);
    bool v6 = str_find_byte(dial->origin->host, ':') != SIZE_MAX;
    text_printf(&text,
                v6 ? "CONNECT [%.*s]:%u HTTP/1.1\r\nHost: [%.*s]:%u\r\n"
                   : "CONNECT %.*s:%u HTTP/1.1\r\nHost: %.*s:%u\r\n",
                STR_ARG(dial->origin->host), dial->origin->port, STR_ARG(dial->origin->host), dial->origin->port);
    dial_proxy_credential_put(&text, dial->origin->proxy);
    text_put(&text, STR("\r\n"));
    dial->proxy_reply = http1_new_reply(&proxy_handler, dial);
    if (dial->proxy_reply) http1_hold_within(dial->proxy_reply, loop_budget(dial->loop), NULL);
    if (!dial->proxy_reply || text.failed) {
        dial_fail(dial, call_failure_system, STR("no memory for the CONNECT request"));
        return;
    }
    http1_next(dial->proxy_reply, true); /* a reply to CONNECT has no body */
    struct str range = text_str(&text);
    stream_write(dial->stream, &range, 1);
}

static void dial_on_connected(void *owner) {
    struct dial *dial = owner;
    if (dial->proxied && dial->origin->tls && !dial->tunnelled)
        connect_send(dial);
    else
        up(dial);
}

static void dial_on_bytes(void *owner, struct str bytes) {
    struct dial *dial = owner;
    if (!dial->proxy_reply) { /* a server that talks first is no HTTP server */
        dial_fail(dial, call_failure_malformed, STR("bytes came before the request"));
        return;
    }
    size_t read = http1_feed(dial->proxy_reply, bytes);
    if (read == SIZE_MAX || (http1_ended(dial->proxy_reply) && dial->proxy_status / 100 != 2)) {
        char text[64] = "the proxy's answer to CONNECT is not HTTP";
        if (read != SIZE_MAX) snprintf(text, sizeof text, "the proxy answered CONNECT with %d", dial->proxy_status);
        dial_fail(dial, call_failure_proxy, str_from(text));
    } else if (http1_ended(dial->proxy_reply) && read < bytes.len) {
        dial_fail(dial, call_failure_proxy, STR("the proxy sent bytes behind its answer to CONNECT"));
    } else if (http1_ended(dial->proxy_reply)) {
        http1_free(dial->proxy_reply);
        dial->proxy_reply = NULL;
        CHECK(dial->proxied && !dial->tunnelled);
        dial->tunnelled = true;
        if (!stream_start_tls(dial->stream, dial->origin->tls, dial->origin->host))
            dial_fail(dial, call_failure_system, STR("no memory for TLS"));
    }
}

static void dial_on_ended(void *owner) {
    struct dial *dial = owner;
    if (dial->proxy_reply)
        dial_fail(dial, call_failure_proxy, STR("the proxy closed the connection without an answer to CONNECT"));
    else
        dial_fail(dial, call_failure_reset, STR("the connection was closed at once"));
}

static enum call_failure dial_failure_of(enum stream_failure failure) {
    switch (failure) {
    case stream_failure_tls: return call_failure_tls;
    case stream_failure_timeout: return call_failure_connect_timeout;
    case stream_failure_system: return call_failure_system;
    case stream_failure_reset: return call_failure_reset;
    case stream_failure_refused:
    case stream_failure_none: break;
    }
    return call_failure_connect;
}

static void dial_on_failed(void *owner, enum stream_failure failure) {
    struct dial *dial = owner;
    dial_fail(dial, dial_failure_of(failure), stream_failure_text(dial->stream));
}

static void dial_on_writable(void *owner) { (void)owner; }

static const struct stream_handler handler = {dial_on_connected, dial_on_bytes, dial_on_ended, dial_on_failed,
                                              dial_on_writable};

/* -- addresses -- */

static void on_won(void *owner) {
    struct dial_attempt *attempt = owner;
    struct dial *dial = attempt->dial;
    CHECK(!dial->stream && attempt->stream); /* the first that is up ends the others */
    timer_cancel(dial->loop, &dial->next_address);
    attempts_close(dial, attempt);
    dial->stream = attempt->stream;
    attempt->stream = NULL;
    stream_set_handler(dial->stream, &handler, dial);
    dial_on_connected(dial);
}

static void on_lost(void *owner, enum stream_failure failure) {
    struct dial_attempt *attempt = owner;
    struct dial *dial = attempt->dial;
    bool connecting = failure == stream_failure_refused || failure == stream_failure_timeout;
    bool others = false;
    CHECK(attempt->stream && !dial->stream);
    for (size_t i = 0; i < dial->address_next; i++)
        others = others || (dial->attempts[i].stream && &dial->attempts[i] != attempt);
    if (!connecting || (!others && dial->address_next >= dial->addresses.count)) {
        dial_fail(dial, dial_failure_of(failure), stream_failure_text(attempt->stream));
        return;
    }
    stream_close(attempt->stream, false);
    attempt->stream = NULL;
    if (dial->address_next < dial->addresses.count) address_try(dial);
}

/* Before it is up a stream has neither bytes nor an end to tell of. */
static void on_early_bytes(void *owner, struct str bytes) { CHECKF(false, "%p %zu", owner, bytes.len); }
static void on_early_end(void *owner) { CHECKF(false, "%p", owner); }

static const struct stream_handler attempt_handler = {on_won, on_early_bytes, on_early_end, on_lost, dial_on_writable};

static void on_next_address(void *context) { address_try(context); }

static void stream_open(struct dial *dial, struct dial_attempt *attempt, const struct sockaddr *address) {
    struct tls_context *tls = dial->proxied ? NULL : dial->origin->tls;
    CHECK(!attempt->stream && !dial->stream);
    attempt->dial = dial;
    attempt->stream = stream_connect(dial->loop, address, tls, dial->origin->host, &attempt_handler, attempt);
    if (!attempt->stream) dial_fail(dial, call_failure_system, STR("no memory or descriptors for a connection"));
}

static void address_try(struct dial *dial) {
    CHECKF(dial->address_next < dial->addresses.count && dial->addresses.count <= resolver_addresses_max,
           "next=%zu count=%zu", dial->address_next, dial->addresses.count);
    CHECKF(!dial->proxied || dial->proxy_port, "proxied=%d", dial->proxied);
    struct dial_attempt *attempt = &dial->attempts[dial->address_next];
    struct sockaddr_storage *address = &dial->addresses.list[dial->address_next++];
    address_set_port(address, dial->proxied ? dial->proxy_port : dial->origin->port);
    timer_cancel(dial->loop, &dial->next_address);
    if (dial->address_next < dial->addresses.count)
        timer_set(dial->loop, &dial->next_address, loop_now(dial->loop).mono_ns + address_wait_ms * NS_PER_MS,
                  on_next_address, dial);
    stream_open(dial, attempt, (const struct sockaddr *)address);
}

/* Those that may be called; these very ones are connected to, so that no second lookup can say otherwise. */
static bool addresses_take(struct dial *dial, const struct addresses *addresses) {
    const struct origin *origin = dial->origin;
    CHECKF(addresses->count <= resolver_addresses_max && dial->address_next == 0, "count=%zu", addresses->count);
    dial->addresses.count = 0;
    for (size_t i = 0; i < addresses->count; i++) {
        const struct sockaddr_storage *address = &addresses->list[i];
        bool v4 = address->ss_family == AF_INET;
        const void *bytes = v4 ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                               : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
        bool allowed = !origin->public_only || network_is_public(bytes, v4 ? 4 : 16);
        for (size_t n = 0; n < origin->allowed_count && !allowed; n++)
            allowed = network_holds(&origin->allowed[n], bytes, v4 ? 4 : 16);
        if (allowed) dial->addresses.list[dial->addresses.count++] = *address;
    }
    return dial->addresses.count > 0;
}

static void on_found(void *context, const struct addresses *addresses) {
    struct dial *dial = context;
    if (addresses->count == 0) {
        dial_fail(dial, call_failure_dns, str_from(addresses->failure));
        return;
    }
    if (!addresses_take(dial, addresses)) {
        dial_fail(dial, call_failure_not_public, STR("its address is not a public one"));
        return;
    }
    address_try(dial);
}

static void dial_on_deadline(void *context) {
    dial_fail(context, call_failure_connect_timeout, STR("connecting took too long"));
}

struct dial *dial_start(struct loop *loop, struct resolver *resolver, const struct origin *origin, uint64_t deadline_ns,
                        void (*done)(void *owner, struct stream *stream, enum call_failure failure, struct str text),
                        void *owner) {
    struct dial *dial = memory_take_zeroed(sizeof *dial);
    if (!dial) return NULL;
    dial->loop = loop;
    dial->origin = origin;
    dial->done = done;
    dial->owner = owner;
    dial->failing.run = dial_failing_run;
    dial->failing.context = dial;
    dial->wait.found = on_found;
    dial->wait.context = dial;
    timer_set(loop, &dial->deadline, deadline_ns, dial_on_deadline, dial);
    if (origin->unix_path.len) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        if (origin->unix_path.len >= sizeof address.sun_path) {
            dial_fail(dial, call_failure_connect, STR("the path of the unix socket is too long"));
            return dial;
        }
        str_copy(address.sun_path, sizeof address.sun_path, origin->unix_path);
        stream_open(dial, &dial->attempts[0], (const struct sockaddr *)&address);
        return dial;
    }
    dial->proxied = origin->proxy.len > 0;
    struct proxy proxy = {.port = 0};
    if (dial->proxied && !proxy_parse(origin->proxy, &proxy)) {
        dial_fail(dial, call_failure_proxy, STR("the proxy's URL is not http://[user:password@]host:port"));
        return dial;
    }
    dial->proxy_port = proxy.port;
    struct str host = dial->proxied ? proxy.host : origin->host;
    const struct addresses *known = resolver_known(resolver, origin->caller, host);
    if (known)
        on_found(dial, known);
    else if (!resolver_ask(resolver, origin->caller, host, &dial->wait))
        dial_fail(dial, call_failure_system, STR("too many names are being looked up"));
    return dial;
}
