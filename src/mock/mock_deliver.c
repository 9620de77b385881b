/* mock_deliver.c - sending what mock.c has decided: whole bodies, streams at their rate, and every fault of the table.
 *
 *   waiting -> whole: ended          waiting -> sending (a timer or the caller's reading drives it) -> ended | cutting
 * | stalled
 *
 * Must never touch an exchange after its end; keeps: what breaks HTTP goes out by exchange_raw_write only. */
#include "mock/mock_dialect.h"

enum {
    burst_events = 64,
    cut_delay_ms = 5,
    huge_header_lines = 200,
    huge_header_bytes = 1000,
    rendered_bytes_max = 8 << 20,
    scratch_bytes = 2048
};

static void stall(struct mock_exchange *me) { me->state = mock_stalled; }

static void mock_deliver_cut(struct mock_exchange *me) {
    exchange_abort(me->exchange);
    mock_exchange_free(me, mock_outcome_broken);
}

static void cut_now(void *context) { mock_deliver_cut(context); }

/* What was written is let arrive first. */
static void cut_soon(struct mock_exchange *me) {
    struct loop *loop = me->mock->loop;
    me->state = mock_cutting;
    timer_set(loop, &me->timer, loop_now(loop).mono_ns + cut_delay_ms * NS_PER_MS, cut_now, me);
}

static void mock_deliver_end(struct mock_exchange *me) {
    me->state = mock_ended;
    exchange_end(me->exchange);
}

/* -- heads -- */

struct headers {
    struct http_header list[mock_headers_max];
    size_t count;
};

static void mock_deliver_header_add(struct headers *headers, struct str name, struct str value) {
    if (headers->count < mock_headers_max && value.at)
        headers->list[headers->count++] = (struct http_header){name, value};
}

/* As OpenAI's own, so that a client that reads them can be tested. */
static struct headers mock_deliver_headers_make(struct mock_exchange *me) {
    struct headers headers = {.count = 0};
    uint64_t served = ++me->mock->served;
    bool limited = me->fault.kind == mock_fault_status && me->fault.value == 429;
    mock_deliver_header_add(&headers, STR("content-type"), me->content_type);
    mock_deliver_header_add(&headers, STR("x-request-id"),
                            arena_printf(&me->arena, "req_mock%016llx", (unsigned long long)served));
    mock_deliver_header_add(&headers, STR("openai-organization"), STR("mock"));
    mock_deliver_header_add(&headers, STR("openai-version"), STR("2020-10-01"));
    mock_deliver_header_add(&headers, STR("openai-processing-ms"), STR("1"));
    mock_deliver_header_add(&headers, STR("x-ratelimit-limit-requests"), STR("10000"));
    mock_deliver_header_add(&headers, STR("x-ratelimit-limit-tokens"), STR("2000000"));
    mock_deliver_header_add(&headers, STR("x-ratelimit-remaining-requests"),
                            limited ? STR("0")
                                    : arena_printf(&me->arena, "%llu", (unsigned long long)(9999 - served % 9999)));
    mock_deliver_header_add(&headers, STR("x-ratelimit-remaining-tokens"), STR("1999000"));
    mock_deliver_header_add(&headers, STR("x-ratelimit-reset-requests"), STR("6ms"));
    mock_deliver_header_add(&headers, STR("x-ratelimit-reset-tokens"), STR("1ms"));
    mock_deliver_header_add(&headers, STR("set-cookie"), STR("__mock=1; path=/; HttpOnly"));
    if (me->streams) mock_deliver_header_add(&headers, STR("cache-control"), STR("no-cache"));
    if (me->fault.retry_after[0])
        mock_deliver_header_add(&headers, STR("retry-after"), str_from(me->fault.retry_after));
    if (me->fault.retry_after_ms >= 0)
        mock_deliver_header_add(&headers, STR("retry-after-ms"),
                                arena_printf(&me->arena, "%lld", (long long)me->fault.retry_after_ms));
    return headers;
}

static void mock_deliver_respond(struct mock_exchange *me, int64_t content_length) {
    struct headers headers = mock_deliver_headers_make(me);
    exchange_respond(me->exchange, me->status, headers.list, headers.count, content_length);
}

/* -- whole bodies -- */

/* A stream as one body, for the faults of framing. */
static void stream_render(struct mock_exchange *me) {
    struct text text = text_in_arena(&me->arena, 4096);
    bool is_token;
    while (text.len < rendered_bytes_max && mock_dialect_next(me, &text, &is_token)) {
    }
    me->body = text_str(&text);
}

static void whole_send(struct mock_exchange *me) {
    mock_deliver_respond(me, me->streams ? -1 : (int64_t)me->body.len);
    if (me->body.len) exchange_write(me->exchange, &me->body, 1);
    mock_deliver_end(me);
}

static void raw_head(struct mock_exchange *me, struct text *text) {
    struct headers headers = mock_deliver_headers_make(me);
    text_printf(text, "HTTP/1.1 %d OK\r\n", me->status);
    for (size_t i = 0; i < headers.count; i++)
        text_printf(text, "%.*s: %.*s\r\n", STR_ARG(headers.list[i].name), STR_ARG(headers.list[i].value));
}

static void raw_framing(struct mock_exchange *me, struct text *text) {
    struct str first = str_slice(me->body, 0, me->body.len / 2), second = str_slice(me->body, first.len, me->body.len);
    switch (me->fault.kind) {
    case mock_fault_wrong_length: text_printf(text, "Content-Length: %zu\r\n\r\n", me->body.len + 100); break;
    case mock_fault_until_close: text_put(text, STR("\r\n")); break;
    case mock_fault_both_framings:
        text_printf(text, "Content-Length: %zu\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", me->body.len,
                    me->body.len);
        text_put(text, me->body);
        text_put(text, STR("\r\n0\r\n\r\n"));
        return;
    case mock_fault_truncated_chunk:
    case mock_fault_bad_chunk_size:
        text_printf(text, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", first.len);
        text_put(text, first);
        if (me->fault.kind == mock_fault_truncated_chunk)
            text_printf(text, "\r\n%zx\r\n", second.len + 1000);
        else
            text_put(text, STR("\r\nzz\r\n"));
        text_put(text, str_slice(second, 0, second.len / 2)); /* never the whole: its end must be missing */
        return;
    case mock_fault_huge_headers:
        for (int i = 0; i < huge_header_lines; i++) {
            text_printf(text, "x-huge-%d: ", i);
            for (int j = 0; j < huge_header_bytes; j++) text_put_byte(text, 'h');
            text_put(text, STR("\r\n"));
        }
        text_printf(text, "Content-Length: %zu\r\n\r\n", me->body.len);
        break;
    default: text_printf(text, "Content-Length: %zu\r\n\r\n", me->body.len); break;
    }
    text_put(text, me->body);
}

/* A reply that net would not write. */
static void raw_send(struct mock_exchange *me) {
    struct text text = text_in_arena(&me->arena, me->body.len + 2048);
    if (me->fault.kind == mock_fault_bad_status_line) {
        text_put(&text, STR("ICY 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
    } else {
        if (me->fault.kind == mock_fault_informational)
            text_put(&text, STR("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"));
        raw_head(me, &text);
        raw_framing(me, &text);
    }
    me->state = mock_ended;
    exchange_raw_write(me->exchange, text_str(&text));
    exchange_raw_end(me->exchange);
}

static void slow_more(void *context) {
    struct mock_exchange *me = context;
    struct loop *loop = me->mock->loop;
    if (me->slow_at == me->body.len) {
        mock_deliver_end(me);
        return;
    }
    struct str one = str_slice(me->body, me->slow_at, me->slow_at + 1);
    me->slow_at++;
    exchange_write(me->exchange, &one, 1);
    timer_set(loop, &me->timer, loop_now(loop).mono_ns + (uint64_t)me->fault.value * NS_PER_MS, slow_more, me);
}

static void half_send(struct mock_exchange *me) {
    struct str half = str_slice(me->body, 0, me->body.len / 2);
    mock_deliver_respond(me, me->streams ? -1 : (int64_t)me->body.len);
    if (half.len) exchange_write(me->exchange, &half, 1);
    cut_soon(me);
}

/* -- streams -- */

static void stream_pump(void *context);

/* Of the next event, which overwrites the one before. */
static struct text scratch_text(struct mock_exchange *me) {
    arena_reset(&me->mock->scratch);
    return text_in_arena(&me->mock->scratch, scratch_bytes);
}

static void event_send(struct mock_exchange *me, struct str event) {
    if (event.len) exchange_write(me->exchange, &event, 1);
}

static void stall_over(void *context) {
    struct mock_exchange *me = context;
    me->fault.kind = mock_fault_none;
    me->started_ns = loop_now(me->mock->loop).mono_ns;
    stream_pump(me);
}

/* The fault whose time has come at this event; true: the stream does not go on now. */
static bool stream_fault(struct mock_exchange *me) {
    struct loop *loop = me->mock->loop;
    struct text text = scratch_text(me);
    if (me->fault.kind == mock_fault_stall_before_token && me->stream.events == 1) {
        me->state = mock_stalled;
        if (me->fault.value)
            timer_set(loop, &me->timer, loop_now(loop).mono_ns + (uint64_t)me->fault.value * NS_PER_MS, stall_over, me);
        return true;
    }
    if (me->stream.events < (uint64_t)me->fault.value) return false;
    switch (me->fault.kind) {
    case mock_fault_reset_mid_stream: cut_soon(me); return true;
    case mock_fault_end_mid_stream: mock_deliver_end(me); return true;
    case mock_fault_stall_mid_stream: stall(me); return true;
    case mock_fault_error_in_stream:
        mock_dialect_error_event(me, &text);
        event_send(me, text_str(&text));
        mock_deliver_end(me);
        return true;
    case mock_fault_invalid_json_event:
        event_send(me, STR("data: {\"id\":\"chatcmpl-broken\",\"choices\":[{\"delta\":{\"conte\n\n"));
        me->fault.value = INT64_MAX; /* one is enough */
        return false;
    default: return false;
    }
}

/* Sends what is due; then waits for the time or for the caller. */
static void stream_pump(void *context) {
    struct mock_exchange *me = context;
    struct loop *loop = me->mock->loop;
    uint64_t now_ns = loop_now(loop).mono_ns;
    bool is_token = false;
    me->state = mock_sending;
    for (int burst = 0; burst < burst_events; burst++) {
        if (exchange_unsent(me->exchange) > limit_write_high) return; /* mock_deliver_more goes on */
        uint64_t due_ns =
            me->options.rate > 0 ? me->started_ns + (uint64_t)((double)me->tokens_sent * 1e9 / me->options.rate) : 0;
        if (me->tokens_sent && due_ns > now_ns) {
            timer_set(loop, &me->timer, due_ns, stream_pump, me);
            return;
        }
        if (stream_fault(me)) return;
        struct text text = scratch_text(me);
        if (!mock_dialect_next(me, &text, &is_token)) {
            mock_deliver_end(me);
            return;
        }
        event_send(me, text_str(&text));
        if (is_token) me->tokens_sent++;
    }
    timer_set(loop, &me->timer, now_ns, stream_pump, me);
}

void mock_deliver_more(struct mock_exchange *me) {
    if (me->state == mock_sending && me->streams && !me->timer.set) stream_pump(me);
}

static void stream_start(struct mock_exchange *me) {
    me->content_type = mock_dialect_content_type(me);
    me->started_ns = loop_now(me->mock->loop).mono_ns;
    mock_deliver_respond(me, -1);
    if (me->fault.kind == mock_fault_hang_after_head)
        stall(me);
    else
        stream_pump(me);
}

/* -- refusing connections -- */

/* Through the same address, whose port the mock keeps; where that fails, once more a second later. */
static void refusal_over(void *context) {
    struct mock *mock = context;
    struct error error = {.code = error_none};
    if (!mock_open(mock, &error))
        timer_set(mock->loop, &mock->refusal, loop_now(mock->loop).mono_ns + NS_PER_S, refusal_over, mock);
}

static void refusal_begin(void *context) {
    struct mock *mock = context;
    server_free(mock->server);
    mock->server = NULL;
    timer_set(mock->loop, &mock->refusal, loop_now(mock->loop).mono_ns + mock->refuse_ns, refusal_over, mock);
}

/* -- the choice -- */

/* What a fault of streams means for a reply that is none. */
static enum mock_fault_kind kind_for_whole(enum mock_fault_kind kind) {
    switch (kind) {
    case mock_fault_reset_mid_stream: return mock_fault_reset_mid_body;
    case mock_fault_end_mid_stream: return mock_fault_wrong_length;
    case mock_fault_stall_mid_stream: return mock_fault_hang_after_head;
    case mock_fault_error_in_stream: return mock_fault_error_200;
    case mock_fault_invalid_json_event: return mock_fault_invalid_json;
    default: return kind;
    }
}

static bool keeps_stream(enum mock_fault_kind kind) {
    switch (kind) {
    case mock_fault_none:
    case mock_fault_no_usage:
    case mock_fault_double_usage:
    case mock_fault_hang_after_head:
    case mock_fault_reset_mid_stream:
    case mock_fault_end_mid_stream:
    case mock_fault_invalid_json_event:
    case mock_fault_error_in_stream:
    case mock_fault_stall_before_token:
    case mock_fault_stall_mid_stream: return true;
    default: return false;
    }
}

/* An error object, with this status and no stream. */
static void error_instead(struct mock_exchange *me, int status, int shown) {
    struct text text = text_in_arena(&me->arena, 256);
    mock_dialect_error(me, &text, shown, NULL, STR(""));
    me->status = status;
    me->streams = false;
    me->content_type = STR("application/json");
    me->body = text_str(&text);
}

static void body_instead(struct mock_exchange *me, struct str content_type, struct str body) {
    me->streams = false;
    me->content_type = content_type;
    me->body = body;
}

static void whole_deliver(struct mock_exchange *me) {
    struct loop *loop = me->mock->loop;
    switch (me->fault.kind) {
    case mock_fault_status: error_instead(me, (int)me->fault.value, (int)me->fault.value); break;
    case mock_fault_error_200: error_instead(me, 200, 500); break;
    case mock_fault_invalid_json: me->body = str_slice(me->body, 0, me->body.len / 2); break;
    case mock_fault_empty_body: me->body = STR(""); break;
    case mock_fault_wrong_content_type:
        body_instead(me, STR("text/html; charset=utf-8"),
                     STR("<!doctype html><title>Login</title><p>Please sign in to this network."));
        break;
    case mock_fault_refuse:
        me->state = mock_stalled;
        me->mock->refuse_ns = (uint64_t)me->fault.value * NS_PER_MS;
        timer_set(loop, &me->mock->refusal, loop_now(loop).mono_ns, refusal_begin, me->mock);
        return;
    case mock_fault_hang: stall(me); return;
    case mock_fault_hang_after_head:
        mock_deliver_respond(me, (int64_t)me->body.len);
        stall(me);
        return;
    case mock_fault_reset: mock_deliver_cut(me); return;
    case mock_fault_reset_mid_body: half_send(me); return;
    case mock_fault_slow_bytes:
        mock_deliver_respond(me, me->streams ? -1 : (int64_t)me->body.len);
        me->state = mock_sending;
        slow_more(me);
        return;
    case mock_fault_truncated_chunk:
    case mock_fault_bad_chunk_size:
    case mock_fault_bad_status_line:
    case mock_fault_huge_headers:
    case mock_fault_wrong_length:
    case mock_fault_both_framings:
    case mock_fault_until_close:
    case mock_fault_informational:
    case mock_fault_close_idle: raw_send(me); return;
    default: break;
    }
    whole_send(me);
}

void mock_deliver(struct mock_exchange *me) {
    if (me->streams && keeps_stream(me->fault.kind)) {
        stream_start(me);
        return;
    }
    if (me->streams) {
        me->content_type = STR("text/event-stream; charset=utf-8");
        stream_render(me);
    } else {
        me->fault.kind = kind_for_whole(me->fault.kind);
    }
    whole_deliver(me);
}
