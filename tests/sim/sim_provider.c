/* sim_provider.c - what a provider does with a call: good replies, and every way of failing that could be thought of.
 * The reply is written first, whole; then it is cut at drawn places. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writing {
    char *at;
    size_t len, size, wanted_len, wanted_size;
    char *wanted;
};

static void grow(char **at, size_t *size, size_t needed) {
    if (needed <= *size) return;
    *size = needed > 2 * *size ? needed : 2 * *size;
    *at = realloc(*at, *size);
}

static void put(struct writing *writing, const char *text, bool passes) {
    size_t len = strlen(text);
    grow(&writing->at, &writing->size, writing->len + len);
    memcpy(writing->at + writing->len, text, len);
    writing->len += len;
    if (!passes) return;
    grow(&writing->wanted, &writing->wanted_size, writing->wanted_len + len);
    memcpy(writing->wanted + writing->wanted_len, text, len);
    writing->wanted_len += len;
}

static void put_filled(struct writing *writing, char byte, size_t count) {
    char *text = malloc(count + 1);
    memset(text, byte, count);
    text[count] = 0;
    put(writing, text, true);
    free(text);
}

/* Most replies are short, as most cost is theirs; what is rare has every size that the wire allows. */
static unsigned events_draw(struct sim *sim) {
    static const unsigned most[] = {12, 200, 2000, 10000};
    uint64_t rare = prng_below(&sim->providers, 10000);
    return (unsigned)sim_between(&sim->providers, 0, most[(rare < 400) + (rare < 40) + (rare < 4)]);
}

/* What a stream may send before its first token: nothing, a comment, or all that is held of it, and a little more. */
static void silence_put(struct sim *sim, struct sim_call *call, struct writing *writing) {
    bool much = !call->sound && sim_chance(&sim->providers, 1);
    if (!much && !sim_chance(&sim->providers, 30)) return;
    put(writing, ": keep-alive", true);
    if (much)
        put_filled(writing, '.', (size_t)sim_between(&sim->providers, limit_held_stream - 400, limit_held_stream));
    put(writing, "\n\n", true);
}

/* The key that it was sent: its caller must get as many stars. */
static void put_key(struct sim *sim, const struct sim_call *call, struct writing *writing) {
    size_t len = strlen(call->key);
    if (!len) return;
    put(writing, call->key, false);
    grow(&writing->wanted, &writing->wanted_size, writing->wanted_len + len);
    memset(writing->wanted + writing->wanted_len, '*', len);
    writing->wanted_len += len;
    sim_reached(sim, mark_key_echoed);
}

static const char usage_event[] =
    "data: "
    "{\"id\":\"1\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}}\n\n";

/* After all has been said: nobody's answer. */
static const char late_bytes[] =
    ": late\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"late\"}}]}\n\ndata: [DO";

/* Of the other answers, where several are made at once. */
static void finishes_put(const struct sim_call *call, struct writing *writing) {
    char text[96];
    for (unsigned i = 1; i < call->answers; i++) {
        snprintf(text, sizeof text, "data: {\"choices\":[{\"index\":%u,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
                 i);
        put(writing, text, true);
    }
}

static void stream_write(struct sim *sim, struct sim_call *call, struct writing *writing, bool asked_usage) {
    unsigned events = events_draw(sim);
    bool fault = !call->sound && sim_chance(&sim->faults, 70);
    unsigned kind = fault ? (unsigned)sim_between(&sim->faults, 0, 8) : 99,
             where = (unsigned)sim_between(&sim->faults, 0, events);
    unsigned echoes = sim_chance(&sim->policy, 10) ? (unsigned)sim_between(&sim->policy, 0, events) : UINT32_MAX;
    char text[256];
    silence_put(sim, call, writing);
    put(writing,
        "data: "
        "{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],"
        "\"usage\":null}\n\n",
        true);
    for (unsigned i = 0; i <= events; i++) {
        if (kind == 8 || (i == where && kind == 0)) put(writing, "data: {garbage\n\n", false);
        if (i == where && kind == 1) {
            put(writing, "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n", true);
            return; /* not complete: whatever follows is not waited for */
        }
        if (i == where && (kind == 2 || kind == 3)) { /* cut, cleanly or not */
            if (kind == 3) put(writing, "data: {\"choices\":[{\"ind", false);
            call->ending = sim_chance(&sim->faults, 50) ? failure_none : failure_reset;
            return;
        }
        if (i == where && kind == 4) {
            call->never_ends = true;
            return;
        }
        snprintf(text, sizeof text, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"w%llu ",
                 (unsigned long long)sim_between(&sim->providers, 0, 1u << 30));
        put(writing, text, true);
        if (i == echoes) put_key(sim, call, writing);
        put(writing, "\"},\"finish_reason\":null}],\"usage\":null}\n\n", true);
    }
    put(writing, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n", true);
    finishes_put(call, writing);
    bool usage = kind != 5 && asked_usage;
    for (unsigned times = kind == 6 ? 2 : 1; usage && times; times--) put(writing, usage_event, false);
    call->complete = true; /* the finish reason has come: all is said */
    if (kind == 7) return; /* no [DONE] */
    put(writing, "data: [DONE]\n\n", true);
    if (!call->sound && sim_chance(&sim->faults, 10)) put(writing, late_bytes, false);
    call->never_ends = !call->sound && sim_chance(&sim->faults, 10);
    if (!call->sound && sim_chance(&sim->faults, 10)) call->ending = failure_reset; /* after all has been said */
}

static void whole_write(struct sim *sim, struct sim_call *call, struct writing *writing) {
    static const char front[] =
        "{\"id\":\"1\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"";
    static const char back[] =
        "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}}";
    const size_t just = limit_held_reply - (sizeof front - 1) - (sizeof back - 1); /* held to the last byte */
    unsigned law = (unsigned)prng_below(&sim->providers, 100);
    size_t size = law == 0   ? (size_t)sim_between(&sim->providers, 200000, 300000)
                  : law == 1 ? (size_t)sim_between(&sim->providers, just - 2, just + 2)
                             : (size_t)sim_between(&sim->providers, 0, 3000);
    unsigned kind = !call->sound && sim_chance(&sim->faults, 70) ? (unsigned)sim_between(&sim->faults, 0, 4) : 99;
    put(writing, front, true);
    put_filled(writing, 'x', size);
    if (law > 1 && sim_chance(&sim->policy, 10)) put_key(sim, call, writing);
    if (kind == 0) {                                      /* not JSON, and well framed */
        call->complete = writing->len > limit_held_reply; /* too long to be held is too long to be read */
        return;
    }
    if (kind == 1) {
        call->ending = sim_chance(&sim->faults, 50) ? failure_cut : failure_reset;
        return;
    }
    if (kind == 2) {
        call->never_ends = true;
        return;
    }
    put(writing, "\"},\"finish_reason\":\"stop\"}]", true);
    if (kind == 3 && writing->len < limit_held_reply - 100) {
        put(writing, ",\"error\":{\"message\":\"inside a 200\"}}", true);
        return;
    }
    put(writing, ",\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}}", true);
    call->complete = true;
}

/* Refusals: words that a caller may have chosen, or codes that only the vendor gives. */
static const struct {
    int from, to; /* statuses at which the code counts */
    const char *message, *code;
    enum failure means; /* failure_none: what the status says */
} refusals_drawn[] = {
    {0, 0, "no", NULL, failure_none},
    {0, 0, "Incorrect API key provided: insufficient_quota billing_error", NULL, failure_none},
    {0, 0, "'invalid_api_key' is not of type 'object'", "invalid_type", failure_none},
    {400, 403, "m", "invalid_api_key", failure_authentication},
    {400, 429, "m", "insufficient_quota", failure_quota_exhausted},
};

static void error_write(struct sim *sim, struct sim_call *call, struct writing *writing) {
    static const int statuses[] = {301, 400, 401, 402, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504, 529};
    call->status = statuses[sim_between(&sim->faults, 0, sizeof statuses / sizeof *statuses - 1)];
    call->content_type = "application/json";
    size_t kind = sim_chance(&sim->faults, 60) ? 0 : (size_t)sim_between(&sim->faults, 1, 4);
    if (sim_chance(&sim->faults, 30)) {
        put(writing, "upstream connect error ", true);
        put_key(sim, call, writing);
        return;
    }
    put(writing, "{\"error\":{\"message\":\"", true);
    put(writing, refusals_drawn[kind].message, true);
    if (sim_chance(&sim->policy, 20)) put_key(sim, call, writing);
    put(writing, "\",\"type\":\"t\",\"param\":null,\"code\":", true);
    if (refusals_drawn[kind].code) put(writing, "\"", true);
    put(writing, refusals_drawn[kind].code ? refusals_drawn[kind].code : "null", true);
    put(writing, refusals_drawn[kind].code ? "\"}}" : "}}", true);
    call->quotes = kind == 1 || kind == 2;
    if (call->quotes) sim_reached(sim, mark_words_quoted);
    if (call->status >= refusals_drawn[kind].from && call->status <= refusals_drawn[kind].to)
        call->means = refusals_drawn[kind].means;
}

static void cuts_draw(struct sim *sim, struct sim_call *call) {
    size_t at = 0, most = sim_chance(&sim->cuts, 20) ? 3 : call->len / 8 + 64;
    while (at < call->len && call->piece_count < sim_pieces_max - 1) {
        at += (size_t)sim_between(&sim->cuts, 1, most);
        if (at > call->len) at = call->len;
        call->cuts[call->piece_count++] = at;
    }
    if (at < call->len) call->cuts[call->piece_count++] = call->len;
}

void sim_call_begin(struct sim *sim, unsigned number, const struct action *action) {
    struct sim_caller *caller = &sim->callers[number];
    struct sim_call *call = caller->lanes[0].alive ? &caller->lanes[1] : &caller->lanes[0];
    unsigned raised = ++caller->call_number;
    sim_call_free(call);
    *call = (struct sim_call){.alive = true,
                              .number = raised,
                              .attempt = action->attempt,
                              .status = 200,
                              .reading = true,
                              .ending = failure_none};
    for (size_t i = 0; i < action->call.header_count; i++) {
        struct str value = action->call.headers[i].value;
        if (str_starts(value, STR("Bearer "))) str_copy(call->key, sizeof call->key, str_slice(value, 7, value.len));
    }
    struct writing writing = {.at = NULL};
    bool asked_usage = false;
    for (size_t i = 0; i < action->call.body_count; i++) {
        struct str range = action->call.body[i];
        size_t several = str_find(range, STR("\"n\":"));
        if (str_find(range, STR("\"include_usage\":true")) != SIZE_MAX) asked_usage = true;
        if (several != SIZE_MAX && several + 4 < range.len) call->answers = (unsigned)(range.at[several + 4] - '0');
    }
    call->stream = caller->asks_stream;
    call->until_close = sim_chance(&sim->providers, 5);
    unsigned failing = sim->world[sim_index(action->call.provider)].failing, own = 80;
    bool poisoned = sim->poisoned >> (caller->client ? caller->client_index + 1 : 0) & 1;
    if (poisoned && failing < own) failing = own; /* it sends what makes a provider fail */
    call->sound = !sim_chance(&sim->faults, failing);
    unsigned law = call->sound ? 99 : (unsigned)sim_between(&sim->faults, 0, 40);
    static const enum failure hard_failures[] = {failure_dns,   failure_connect, failure_connect_timeout, failure_tls,
                                                 failure_proxy, failure_reset,   failure_malformed};
    if (law < 8) {
        call->status = 0;
        call->ending = hard_failures[sim_between(&sim->faults, 0, 6)];
    } else if (law < 12) {
        call->never_begins = true;
    } else if (law < 24) {
        error_write(sim, call, &writing);
    } else if (law < 28) {
        call->content_type = "text/html";
        put(&writing, "<html>", true);
    } else if (call->stream) {
        call->content_type = "text/event-stream; charset=utf-8";
        stream_write(sim, call, &writing, asked_usage && !caller->asks_usage);
        if (caller->asks_usage &&
            call->complete) { /* asked for by the caller: it passes; written again, as a good stream */
            writing.len = writing.wanted_len = 0;
            put(&writing,
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"w\"},\"finish_reason\":\"stop\"}]}\n\n",
                true);
            finishes_put(call, &writing);
            put(&writing, usage_event, true);
            put(&writing, "data: [DONE]\n\n", true);
        }
    } else {
        call->content_type = "application/json";
        whole_write(sim, call, &writing);
    }
    call->bytes = writing.at;
    call->len = writing.len;
    call->wanted = writing.wanted;
    call->wanted_len = writing.wanted_len;
    cuts_draw(sim, call);
    if (!call->never_begins)
        sim_schedule(sim, sim_between(&sim->providers, 1, 50) * NS_PER_MS, step_reply, number, call->number);
}

struct sim_call *sim_call_of(struct sim_caller *caller, unsigned attempt) {
    for (unsigned i = 0; i < sim_lanes; i++)
        if (caller->lanes[i].number && caller->lanes[i].attempt == attempt) return &caller->lanes[i];
    return NULL;
}

void sim_call_free(struct sim_call *call) {
    free(call->bytes);
    free(call->wanted);
    call->bytes = call->wanted = NULL;
}

bool sim_call_event(struct sim *sim, struct sim_call *call, struct event *event) {
    static struct http_header headers[3];
    *event = (struct event){.attempt = call->attempt};
    if (call->status == 0) {
        event->kind = event_call_failed;
        event->failure = call->ending;
        event->text = STR("drawn");
        call->alive = false;
    } else if (call->piece_next == 0) {
        size_t header_count = 1;
        headers[0] = (struct http_header){STR("content-type"), str_from(call->content_type)};
        if ((call->status == 429 || call->status == 503) && sim_chance(&sim->faults, 50))
            headers[header_count++] = (struct http_header){STR("retry-after"), STR("2")};
        if (call->key[0] && sim_chance(&sim->policy, 20))
            headers[header_count++] = (struct http_header){STR("x-request-id"), str_from(call->key)};
        *event = (struct event){.kind = event_reply_head,
                                .attempt = call->attempt,
                                .status = call->status,
                                .headers = headers,
                                .header_count = header_count,
                                .content_length = -1,
                                .until_close = call->until_close,
                                .body_sent = true};
        call->piece_next++;
    } else if (call->piece_next <= call->piece_count) {
        size_t from = call->piece_next == 1 ? 0 : call->cuts[call->piece_next - 2],
               to = call->cuts[call->piece_next - 1];
        event->kind = event_reply_body;
        event->bytes = str_make(call->bytes + from, to - from);
        call->piece_next++;
    } else if (call->never_ends) {
        return false;
    } else {
        event->kind = call->ending == failure_none ? event_reply_end : event_call_failed;
        call->said_all = call->ending == failure_none;
        event->failure = call->ending;
        call->alive = false;
    }
    return true;
}
