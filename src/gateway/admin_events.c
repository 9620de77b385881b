/* admin_events.c - GET /admin/v1/events: server-sent events (the HTML standard's text/event-stream) of what happens. A
 * listener has a place in the ring of events and no queue of its own: what it is too slow for is gone when the ring has
 * gone past it, and it is told how many that were. Looked at by a timer on its own loop; it ends with its key, and when
 * the gateway drains. Requests are told, out of a ring of their own, to who asks for them. */
#include "base/memory.h"
#include "gateway/inference.h"

enum {
    listeners_max = 64,
    listener_look_ms = 200,
    listener_keepalive_s = 15,
    listener_unsent_max = 64 * 1024, /* what it has not taken yet: until it has, no more is written */
    listener_batch = 32,             /* events a look */
    listener_live_bytes = 16 * 1024, /* of requests, in one piece */
    listener_live_pieces = 4         /* a look */
};

struct event_listener {
    struct visit *visit;
    struct timer timer;
    uint64_t after;   /* the last one that it has */
    uint64_t sent_ns; /* when something last went to it */
    bool requests;    /* it is told of them too, and live_leave is owed: */
    uint64_t live_after;
    struct live_left left; /* as it was told last */
    uint64_t left_told_ns; /* and when */
};

static struct loop *listener_loop(const struct event_listener *listener) {
    return listener->visit->gateway_worker->worker->loop;
}

static void listener_write(struct event_listener *listener, struct str bytes) {
    exchange_write(listener->visit->exchange, &bytes, 1);
    listener->sent_ns = loop_now(listener_loop(listener)).mono_ns;
}

static void listener_gap(struct event_listener *listener, uint64_t id, uint64_t missed) {
    char bytes[160];
    struct text text = text_in_buffer(bytes, sizeof bytes);
    text_printf(&text, "id: %llu\nevent: gap\ndata: {", (unsigned long long)id - 1);
    if (missed == UINT64_MAX)
        text_put(&text, STR("\"missed\":null,\"restarted\":true"));
    else
        text_printf(&text, "\"missed\":%llu", (unsigned long long)missed);
    text_put(&text, STR("}\n\n"));
    listener_write(listener, text_str(&text));
}

static void listener_send(struct event_listener *listener) {
    struct notices *notices = listener->visit->gateway_worker->gateway->weir->notices;
    struct notice notice;
    uint64_t missed;
    for (size_t i = 0; i < listener_batch; i++) {
        char bytes[notice_bytes_max + 128];
        struct text text = text_in_buffer(bytes, sizeof bytes);
        if (exchange_unsent(listener->visit->exchange) > listener_unsent_max ||
            !notices_next(notices, listener->after, &notice, &missed))
            return;
        if (missed) listener_gap(listener, notice.id, missed);
        text_printf(&text, "id: %llu\nevent: %.*s\ndata: ", (unsigned long long)notice.id,
                    STR_ARG(notice_facts(notice.type)->name));
        text_put(&text, str_make(notice.json, notice.len));
        text_put(&text, STR("\n\n"));
        listener_write(listener, text_str(&text));
        listener->after = notice.id;
    }
}

static struct live *listener_live(const struct event_listener *listener) {
    return listener->visit->gateway_worker->gateway->weir->reports.live;
}

/* What it is not told: `requests` were too many at once, `events` it was too slow for, or the gateway was. */
static void listener_live_gap(struct text *text, uint64_t requests, uint64_t events) {
    text_printf(text, "event: request_gap\ndata: {\"requests\":%llu,\"events\":%llu}\n\n", (unsigned long long)requests,
                (unsigned long long)events);
}

/* Once a second at most: a burst lasts longer than a look. */
static void listener_left_tell(struct event_listener *listener, struct text *text, struct now now) {
    const struct live_left left = live_left(listener_live(listener)), was = listener->left;
    if ((left.requests == was.requests && left.events == was.events) || now.mono_ns - listener->left_told_ns < NS_PER_S)
        return;
    listener_live_gap(text, left.requests - was.requests, left.events - was.events);
    listener->left = left;
    listener->left_told_ns = now.mono_ns;
}

/* As many as fit into one piece. They have no id: what was not heard is not told again. */
static void listener_live_gather(struct event_listener *listener, struct text *text) {
    enum { beside = 160 }; /* what stands around one, a gap too */
    struct notice notice;
    uint64_t missed;
    while (text->size - text->len >= notice_bytes_max + beside &&
           live_next(listener_live(listener), listener->live_after, &notice, &missed)) {
        if (missed) listener_live_gap(text, 0, missed);
        text_printf(text, "event: %.*s\ndata: ", STR_ARG(notice_facts(notice.type)->name));
        text_put(text, str_make(notice.json, notice.len));
        text_put(text, STR("\n\n"));
        listener->live_after = notice.id;
    }
}

static void listener_live_send(struct event_listener *listener, struct now now) {
    for (size_t i = 0; i < listener_live_pieces; i++) {
        char bytes[listener_live_bytes];
        struct text text = text_in_buffer(bytes, sizeof bytes);
        if (exchange_unsent(listener->visit->exchange) > listener_unsent_max) return;
        listener_left_tell(listener, &text, now);
        listener_live_gather(listener, &text);
        if (!text.len) return;
        listener_write(listener, text_str(&text));
    }
}

static void listener_look(void *context) {
    struct event_listener *listener = context;
    struct loop *loop = listener_loop(listener);
    struct now now = loop_now(loop);
    const bool may = access_stays(listener->visit, access_operator, now);
    if (may) listener_send(listener);
    if (may && listener->requests) listener_live_send(listener, now);
    if (!may || atomic_load(&listener->visit->gateway_worker->gateway->draining)) {
        listener_write(listener, STR("event: end\ndata: {}\n\n"));
        exchange_end(listener->visit->exchange);
        return;
    }
    if (now.mono_ns - listener->sent_ns > listener_keepalive_s * NS_PER_S &&
        exchange_unsent(listener->visit->exchange) == 0)
        listener_write(listener, STR(": keepalive\n\n"));
    timer_set(loop, &listener->timer, now.mono_ns + listener_look_ms * NS_PER_MS, listener_look, listener);
}

void visit_listener_free(struct visit *visit) {
    struct event_listener *listener = visit->listener;
    if (!listener) return;
    timer_cancel(listener_loop(listener), &listener->timer);
    if (listener->requests) live_leave(listener_live(listener));
    atomic_fetch_sub(&visit->gateway_worker->gateway->listeners, 1);
    memory_give(listener);
    visit->listener = NULL;
}

/* The number of the last one that it had: from its header, as browsers and clients of the standard send it, or `after`;
 * and whether it is to be told of requests. */
static bool listener_wish(const struct visit *visit, uint64_t last, struct event_listener *wish) {
    struct str rest = visit->query, pair;
    bool good = true;
    wish->after = visit->last_event_id;
    while (good && rest.len && str_split_next(&rest, '&', &pair)) {
        bool on = str_eq(pair, STR("requests=true")), is_requests = on || str_eq(pair, STR("requests=false"));
        if (is_requests) wish->requests = on;
        good =
            is_requests || (str_starts(pair, STR("after=")) && str_to_u64(str_slice(pair, 6, pair.len), &wish->after));
    }
    if (wish->after == 0 || wish->after > last) wish->after = last; /* from now on */
    return good;
}

static void listener_live_begin(struct event_listener *listener) {
    if (!listener->requests) return;
    live_watch(listener_live(listener));
    listener->live_after = live_last(listener_live(listener));
    listener->left = live_left(listener_live(listener));
}

void answer_events(struct visit *visit) {
    const struct http_header headers[] = {{STR("Content-Type"), STR("text/event-stream")},
                                          {STR("Cache-Control"), STR("no-store")},
                                          {STR("X-Accel-Buffering"), STR("no")}, /* a proxy is not to gather it */
                                          {STR("x-weir-request-id"), str_from(visit->request_id)}};
    struct gateway *gateway = visit->gateway_worker->gateway;
    struct event_listener wish = {.visit = visit};
    if (!listener_wish(visit, notices_last(gateway->weir->notices), &wish)) {
        visit_error(visit, error_invalid_request,
                    STR("GET /admin/v1/events takes `after`, the number of an event, or the header Last-Event-ID, and "
                        "`requests`, true or false."));
        return;
    }
    struct event_listener *listener = memory_take_zeroed(sizeof *listener);
    bool room = listener && atomic_fetch_add(&gateway->listeners, 1) < listeners_max;
    if (!room) {
        if (listener) atomic_fetch_sub(&gateway->listeners, 1);
        memory_give(listener);
        visit_error(visit, error_overloaded, STR("Too many listen to events already: at most 64."));
        return;
    }
    *listener = wish;
    listener_live_begin(listener);
    visit->listener = listener;
    visit->answered = true;
    exchange_respond(visit->exchange, 200, headers, sizeof headers / sizeof *headers, -1);
    if (visit->method == http_head) {
        exchange_end(visit->exchange);
        return;
    }
    listener_write(listener, STR("retry: 2000\n: weir\n\n"));
    listener_look(listener);
}
