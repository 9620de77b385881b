/* request.c - events in from net, flight_step, actions out to net. Performing an action never steps the flight: net
 * calls back only from its own turn, and what performing itself causes (a full caller) is stepped after the last
 * action. */
#include "runtime/request.h"

#include "base/check.h"
#include "base/memory.h"
#include "runtime/cache_keeper.h"
#include "runtime/embedder.h"
#include "runtime/line.h"
#include "runtime/twins.h"

static const enum failure failure_of_call[] = {
    [call_failure_none] = failure_system,
    [call_failure_dns] = failure_dns,
    [call_failure_connect] = failure_connect,
    [call_failure_connect_timeout] = failure_connect_timeout,
    [call_failure_tls] = failure_tls,
    [call_failure_proxy] = failure_proxy,
    [call_failure_reset] = failure_reset,
    [call_failure_reset_reused] = failure_reset_reused,
    [call_failure_malformed] = failure_malformed,
    [call_failure_cut] = failure_cut,
    [call_failure_not_public] = failure_connect,
    [call_failure_no_connection] = failure_no_connection,
    [call_failure_system] = failure_system,
};

/* What an event leaves of its request. */
enum left { left_running, left_leaving, left_nothing };

static enum left request_event(struct request *request, const struct event *event);

/* What the provider may work on is kept before it can know of it. */
static void request_on_sending(void *owner) {
    struct lane *lane = owner;
    struct worker *worker = lane->request->worker;
    books_sent(worker->books, worker->index, lane->request->flight, lane->attempt);
}

static void request_on_sent(void *owner) {
    struct lane *lane = owner;
    request_event(lane->request, &(struct event){.kind = event_sent, .attempt = lane->attempt});
}

static void request_on_head(void *owner, const struct http_reply *reply) {
    struct lane *lane = owner;
    request_event(lane->request, &(struct event){.kind = event_reply_head,
                                                 .attempt = lane->attempt,
                                                 .status = reply->status,
                                                 .headers = reply->headers,
                                                 .header_count = reply->header_count,
                                                 .content_length = reply->content_length,
                                                 .until_close = reply->until_close,
                                                 .body_sent = call_body_sent(lane->call)});
}

static void request_on_body(void *owner, struct str piece) {
    struct lane *lane = owner;
    request_event(lane->request, &(struct event){.kind = event_reply_body, .attempt = lane->attempt, .bytes = piece});
}

static void request_on_ended(void *owner) {
    struct lane *lane = owner;
    CHECKF(lane->call && !lane->late.set, "attempt=%u", lane->attempt);
    lane->call = NULL;
    request_event(lane->request, &(struct event){.kind = event_reply_end, .attempt = lane->attempt});
}

static void request_on_failed(void *owner, enum call_failure failure, struct str text) {
    struct lane *lane = owner;
    CHECKF(lane->call && (unsigned)failure < sizeof failure_of_call / sizeof *failure_of_call, "failure=%d",
           (int)failure);
    lane->call = NULL;
    request_event(lane->request, &(struct event){.kind = event_call_failed,
                                                 .attempt = lane->attempt,
                                                 .failure = failure_of_call[failure],
                                                 .text = text});
}

static const struct call_handler handler = {.sent = request_on_sent,
                                            .head = request_on_head,
                                            .body = request_on_body,
                                            .ended = request_on_ended,
                                            .failed = request_on_failed,
                                            .sending = request_on_sending};

static void request_on_timer(void *context) { request_event(context, &(struct event){.kind = event_timer}); }

/* A call that could not even begin is told of in the next turn, as every other failure is. */
static void on_no_call(void *context) {
    struct lane *lane = context;
    request_event(lane->request, &(struct event){.kind = event_call_failed,
                                                 .attempt = lane->attempt,
                                                 .failure = failure_system,
                                                 .text = STR("out of memory")});
}

/* The lane of this attempt, or NULL when its call is over. */
static struct lane *request_lane_of(struct request *request, unsigned attempt) {
    for (size_t i = 0; i < sizeof request->lanes / sizeof *request->lanes; i++) {
        struct lane *lane = &request->lanes[i];
        if ((lane->call || lane->late.set) && lane->attempt == attempt) return lane;
    }
    return NULL;
}

static struct lane *lane_free(struct request *request) {
    for (size_t i = 0; i < sizeof request->lanes / sizeof *request->lanes; i++) {
        struct lane *lane = &request->lanes[i];
        if (!lane->call && !lane->late.set) return lane;
    }
    CHECKF(false, "attempts=%u", flight_attempt_count(request->flight));
    return NULL;
}

static void lane_cancel(struct request *request, unsigned attempt) {
    struct lane *lane = request_lane_of(request, attempt);
    if (!lane) return;
    if (lane->call) call_cancel(lane->call);
    lane->call = NULL;
    timer_cancel(request->worker->loop, &lane->late);
}

static void overhead_add(struct request *request) { request->overhead_ns += loop_elapsed_ns(request->worker->loop); }

static void perform_call(struct request *request, const struct action *action) {
    struct worker *worker = request->worker;
    struct lane *lane = lane_free(request);
    struct call_request asked = {.method = action->call.method,
                                 .target = action->call.path,
                                 .headers = action->call.headers,
                                 .header_count = action->call.header_count,
                                 .body = action->call.body,
                                 .body_count = action->call.body_count,
                                 .budget = flight_holds_within(request->flight),
                                 .caller = flight_client_hash(request->flight),
                                 .shares = flight_shares(request->flight)};
    CHECKF(action->call.provider->index < request->deployment->snapshot->provider_count, "index=%zu",
           (size_t)action->call.provider->index); /* the flight's provider is of the request's own deployment */
    *lane = (struct lane){.request = request, .attempt = action->attempt};
    const struct origin *origin = &request->deployment->origins[action->call.provider->index];
    lane->call = call_start(worker->client, origin, &asked, &handler, lane);
    overhead_add(request);
    report_live_begun(&worker->reporter, &request->live, request->flight, action->attempt, loop_now(worker->loop));
    if (!lane->call) timer_set(worker->loop, &lane->late, loop_now(worker->loop).mono_ns, on_no_call, lane);
}

/* While a flight waits for a file or an earlier response nothing is called, so the lanes are free, and the first one's
 * timer tells of what could not begin. */
static void lanes_check(const struct request *request) {
    for (size_t i = 0; i < sizeof request->lanes / sizeof *request->lanes; i++)
        CHECKF(!request->lanes[i].call && !request->lanes[i].late.set, "lane=%zu", i);
    CHECK(!request->fetch && !request->recall && !request->embedder);
}

static void on_fetched(void *owner, struct str failure, struct str bytes, struct str content_type) {
    struct request *request = owner;
    request->fetch = NULL;
    request_event(
        request, &(struct event){.kind = event_fetched, .text = failure, .bytes = bytes, .content_type = content_type});
}

static void on_no_fetch(void *context) {
    on_fetched(((struct lane *)context)->request, STR("there is no memory for it"), STR_NONE, STR_NONE);
}

/* Who shares what with whom: each client has its own part, and all without a key have one. */
static uint64_t request_caller_of(const struct request *request) {
    const struct client *client = flight_client(request->flight);
    return client ? str_hash(client->name) | 1 : 1;
}

static void perform_fetch(struct request *request, const struct action *action) {
    struct worker *worker = request->worker;
    const struct fetch_limits *limits = &request->deployment->snapshot->fetch;
    lanes_check(request);
    request->fetch_rules = (struct fetch_rules){.bytes_max = limits->bytes_max,
                                                .timeout_ns = limits->timeout_ns,
                                                .allowed = limits->allowed,
                                                .allowed_count = limits->allowed_count,
                                                .tls = request->deployment->fetch_tls,
                                                .caller = request_caller_of(request)};
    request->fetch = fetch_start(worker->loop, worker->client, flight_holds_within(request->flight),
                                 &request->fetch_rules, action->url, on_fetched, request);
    if (request->fetch) return;
    request->lanes[0].request = request;
    timer_set(worker->loop, &request->lanes[0].late, loop_now(worker->loop).mono_ns, on_no_fetch, &request->lanes[0]);
}

static void request_on_embedded(struct request *request, struct str body) {
    request->embedder = NULL;
    request_event(request, &(struct event){.kind = event_embedded, .bytes = body});
}

static void on_no_embedding(void *context) { request_on_embedded(((struct lane *)context)->request, STR_NONE); }

static void perform_embed(struct request *request, const struct action *action) {
    struct worker *worker = request->worker;
    lanes_check(request);
    request->embedder = embedder_start(request, action, request_on_embedded);
    if (request->embedder) return;
    request->lanes[0].request = request;
    timer_set(worker->loop, &request->lanes[0].late, loop_now(worker->loop).mono_ns, on_no_embedding,
              &request->lanes[0]);
}

static void on_recalled(struct response_question *question) {
    struct request *request = question->context;
    static const struct str none = {NULL, 0};
    if (request) {
        CHECK(request->recall == question);
        request->recall = NULL;
        bool failed = question->found == stored_failed;
        request_event(request, &(struct event){.kind = event_recalled,
                                               .text = failed ? str_from(question->problem) : STR(""),
                                               .bytes = question->found == stored_found ? question->text : none});
    }
    response_store_question_free(question);
}

static void on_no_recall(void *context) {
    request_event(
        ((struct lane *)context)->request,
        &(struct event){.kind = event_recalled, .text = STR("Too many stored responses are asked for at once.")});
}

static void perform_recall(struct request *request, const struct action *action) {
    enum { history_bytes_max = 24 * 1024 * 1024 };
    struct worker *worker = request->worker;
    lanes_check(request);
    struct response_question *question = memory_take_zeroed(sizeof *question);
    if (question) {
        question->wish = response_wish_history;
        question->loop = worker->loop;
        question->done = on_recalled;
        question->context = request;
        question->most = history_bytes_max;
        question->budget = flight_holds_within(request->flight);
        str_copy(question->client, sizeof question->client, action->recall.client);
        str_copy(question->id, sizeof question->id, action->recall.id);
        request->recall = question;
        if (response_store_ask(worker->responses, question)) return;
        request->recall = NULL;
        response_store_question_free(question);
    }
    request->lanes[0].request = request;
    timer_set(worker->loop, &request->lanes[0].late, loop_now(worker->loop).mono_ns, on_no_recall, &request->lanes[0]);
}

static void perform_keep(struct request *request, const struct action *action) {
    struct worker *worker = request->worker;
    struct stored_response response = {.client = action->keep.client,
                                       .id = action->keep.id,
                                       .previous = action->keep.previous,
                                       .input = action->keep.input,
                                       .output = restored_whole(request->flight, action->keep.output, &worker->scratch),
                                       .response =
                                           restored_whole(request->flight, action->keep.response, &worker->scratch)};
    if (!response.output.at || !response.response.at) return; /* no memory */
    response_store_keep(worker->responses, &response, loop_now(worker->loop).wall_ns / (int64_t)NS_PER_S);
}

static void stream_count(struct request *request, bool open) {
    struct worker *worker = request->worker;
    if (request->streams == open) return;
    request->streams = open;
    worker->streams_open += open ? 1 : -1;
    reporter_streams_open(&worker->reporter, worker->streams_open);
}

/* What goes out can be put together no more: nobody may take what went for the whole. */
static void answer_break(struct request *request) {
    request->broken = true;
    request->sink->abort(request->sink_owner);
}

static void answer_write(struct request *request, const struct str *ranges, size_t count) {
    struct str out;
    if (request->broken) return;
    if (request->restored) {
        if (!restored_write(request->restored, ranges, count, &request->worker->scratch, &out)) {
            answer_break(request);
            return;
        }
        ranges = &out;
        count = out.len > 0;
    }
    conversation_said(request->conversation, ranges, count);
    if (count) request->sink->write(request->sink_owner, ranges, count);
}

static void answer_end(struct request *request) {
    struct str out = STR_NONE;
    if (request->restored && !request->broken) {
        if (!restored_end(request->restored, &request->worker->scratch, &out)) {
            answer_break(request);
            return;
        }
        conversation_said(request->conversation, &out, 1);
        if (out.len) request->sink->write(request->sink_owner, &out, 1);
    }
    if (!request->broken) request->sink->end(request->sink_owner);
}

static void perform_respond(struct request *request, const struct action *action) {
    struct http_header headers[limit_headers];
    char overhead[24];
    size_t count = action->respond.header_count < limit_headers - 1 ? action->respond.header_count : limit_headers - 1;
    for (size_t i = 0; i < count; i++) headers[i] = action->respond.headers[i];
    overhead_add(request);
    struct text text = text_in_buffer(overhead, sizeof overhead);
    text_put_u64(&text, request->overhead_ns / NS_PER_US);
    if (!request->deployment->snapshot->response_headers_minimal)
        headers[count++] = (struct http_header){STR("x-weir-overhead-us"), text_str(&text)};
    CHECKF(count <= limit_headers && !text.failed, "count=%zu", count);
    bool failed;
    request->restored = restored_begin(request->flight, headers, count, &failed);
    if (failed) answer_break(request);
    int64_t length = request->restored ? -1 : action->respond.content_length; /* it may grow */
    conversation_answered(request->conversation, action->respond.status, headers, count);
    request->sink->respond(request->sink_owner, action->respond.status, headers, count, length);
    if (flight_is_streaming(request->flight)) stream_count(request, true);
}

/* What would reach the caller, of which there is only a part. */
static bool is_for_caller(const struct action *action) {
    return action->kind == action_respond || action->kind == action_write || action->kind == action_end ||
           action->kind == action_abort;
}

/* What is settled, or given, is kept before anything of the same step leaves: the answer's last byte among it. */
static void settled_keep(struct request *request, const struct actions *actions) {
    struct worker *worker = request->worker;
    for (size_t i = 0; i < actions->count; i++) {
        if (actions->list[i].kind == action_settled)
            books_settled(worker->books, worker->index, request->flight, actions->list[i].attempt);
        if (actions->list[i].kind == action_given)
            books_given(worker->books, worker->index, request->flight, loop_now(worker->loop));
    }
}

/* true: the flight is closed. */
static bool perform(struct request *request, const struct action *action) {
    struct worker *worker = request->worker;
    switch (action->kind) {
    case action_call: perform_call(request, action); return false;
    case action_cancel: lane_cancel(request, action->attempt); return false;
    case action_call_read: {
        struct lane *lane = request_lane_of(request, action->attempt);
        if (lane && lane->call) call_read(lane->call, action->wanted);
        return false;
    }
    case action_respond: perform_respond(request, action); return false;
    case action_write: answer_write(request, action->write.ranges, action->write.count); return false;
    case action_end: answer_end(request); return false;
    case action_abort: request->sink->abort(request->sink_owner); return false;
    case action_timer:
        timer_set(worker->loop, &request->timer, action->deadline_ns, request_on_timer, request);
        return false;
    case action_wait: line_join(request, action->provider); return false;
    case action_unwait: line_leave(request); return false;
    case action_handover: line_advance(worker, action->provider); return false;
    case action_recall: perform_recall(request, action); return false;
    case action_unrecall:
        if (request->recall) request->recall->context = NULL; /* freed when it comes */
        request->recall = NULL;
        timer_cancel(worker->loop, &request->lanes[0].late);
        return false;
    case action_keep: perform_keep(request, action); return false;
    case action_fetch: perform_fetch(request, action); return false;
    case action_unfetch:
        if (request->fetch) fetch_cancel(request->fetch);
        request->fetch = NULL;
        timer_cancel(worker->loop, &request->lanes[0].late);
        return false;
    case action_embed: perform_embed(request, action); return false;
    case action_unembed:
        if (request->embedder) embedder_leave(request->embedder);
        request->embedder = NULL;
        timer_cancel(worker->loop, &request->lanes[0].late);
        return false;
    case action_cache:
        cache_keep(worker->host.cache, action->answer);
        cache_keeper_keep(atomic_load_explicit(&worker->cache_keeper, memory_order_relaxed), action->answer);
        cache_release(action->answer);
        return false;
    case action_tell: twins_tell(worker, action->made.making, action->made.loops); return false;
    case action_follow: twins_join(request, action->made.making); return false;
    case action_unmake:
        making_unlist(worker->host.makings, action->made.making);
        making_release(action->made.making);
        return false;
    case action_settled:
        report_attempt(&worker->reporter, request->flight, action->attempt, loop_now(worker->loop));
        report_live_attempt(&worker->reporter, &request->live, request->flight, action->attempt,
                            loop_now(worker->loop));
        return false;
    case action_given: return false; /* it is kept by now */
    case action_closed: return true;
    }
    CHECKF(false, "kind=%d", action->kind);
    return false;
}

static void request_end(struct request *request) {
    struct worker *worker = request->worker;
    struct turn_said said;
    bool told = conversation_content(request->conversation, &said);
    report_request(&worker->reporter, request->flight, told ? &said : NULL, request->overhead_ns,
                   loop_now(worker->loop));
    report_live_request(&worker->reporter, &request->live, request->flight, loop_now(worker->loop));
    conversation_end(request->conversation, request->flight, worker->responses, worker->reporter.log,
                     loop_now(worker->loop));
    request->sink->closed(request->sink_owner, request->flight);
    list_remove(&request->node);
    CHECKF(worker->request_count > 0 && !worker->stepping, "count=%zu", worker->request_count);
    worker->request_count--;
    stream_count(request, false);
    reporter_in_flight(&worker->reporter, worker->request_count);
    if (worker->request_count == 0) worker_is_quiet(worker);
    restored_free(request->restored);
    flight_free(request->flight);
    deployment_release(request->deployment);
    spares_give(&worker->request_spares, request);
    if (worker->draining) worker_drain(worker);
}

/* The flight is closed. Where its answer has not left yet, what is told of the request waits for what becomes of that.
 */
static enum left request_closed(struct request *request) {
    struct worker *worker = request->worker;
    CHECK(!request->lanes[0].call && !request->lanes[1].call && !request->line_cells && !request->fetch &&
          !request->recall && !request->embedder);
    twins_leave(request);
    timer_cancel(worker->loop, &request->timer);
    for (size_t i = 0; i < sizeof request->lanes / sizeof *request->lanes; i++)
        timer_cancel(worker->loop, &request->lanes[i].late);
    request->leaving = flight_is_handed_over(request->flight) && request->sink->unsent(request->sink_owner) > 0;
    if (!request->leaving) {
        request_end(request);
        return left_nothing;
    }
    flight_shed(request->flight);
    return left_leaving;
}

/* Its caller has gone; it goes on, if others follow what it makes. */
static enum left request_gone_by(struct request *request) {
    enum left left = request_event(request, &(struct event){.kind = event_caller_gone});
    if (left == left_running) twins_orphan(request);
    return left;
}

static enum left request_event(struct request *request, const struct event *event) {
    struct worker *worker = request->worker;
    struct actions *actions = &worker->actions;
    CHECK(!worker->stepping && !request->leaving);
    worker->stepping = true;
    flight_step(request->flight, event, loop_now(worker->loop), actions);
    bool closed = false, starved = actions->starved;
    if (worker->books) settled_keep(request, actions);
    if (event->kind == event_reply_body) books_delivered(worker->books, request->flight, event->attempt);
    for (size_t i = 0; i < actions->count; i++) {
        CHECKF(!closed, "action=%zu of %zu", i, actions->count); /* nothing is asked for behind the last */
        if (!starved || !is_for_caller(&actions->list[i])) closed = perform(request, &actions->list[i]);
    }
    if (starved) request->sink->abort(request->sink_owner);
    worker->stepping = false;
    if (worker->scratch.newest) arena_reset(&worker->scratch);
    if (closed) return request_closed(request);
    if (starved) return request_gone_by(request);
    if (request->broken && !request->told_broken) {
        request->told_broken = true;
        return request_gone_by(request);
    }
    bool gives = event->kind == event_reply_body || event->kind == event_made || event->kind == event_caller_writable;
    if (!request->full && gives && request->sink->unsent(request->sink_owner) > limit_write_high) {
        request->full = true;
        return request_event(request, &(struct event){.kind = event_caller_full});
    }
    return left_running;
}

/* /providers/{name}/rest */
static void request_place_raw(struct str path, struct str query, enum http_method method, struct request_names *names,
                              struct flight_request *asked) {
    struct str below = str_slice(path, sizeof "/providers/" - 1, path.len);
    size_t slash = str_find_byte(below, '/');
    struct str name = str_slice(below, 0, slash);
    asked->endpoint = endpoint_raw;
    asked->raw = (struct flight_raw){.method = method,
                                     .provider = str_percent_decode(name, names->provider, sizeof names->provider),
                                     .path = slash == SIZE_MAX ? STR("/") : str_slice(below, slash, below.len),
                                     .query = query};
}

bool request_place(enum http_method method, struct str path, struct str query, struct request_names *names,
                   struct flight_request *asked) {
    struct str model = STR("");
    bool raw = str_starts(path, STR("/providers/"));
    if (raw)
        request_place_raw(path, query, method, names, asked);
    else if (!endpoint_find(path, &asked->endpoint, &model))
        return false;
    asked->path_model = str_percent_decode(model, names->model, sizeof names->model);
    asked->wants_array = asked->endpoint == endpoint_generate_stream && str_find(query, STR("alt=sse")) == SIZE_MAX;
    return true;
}

struct request *request_start(struct worker *worker, const struct flight_request *asked,
                              const struct request_sink *sink, void *sink_owner, bool *ended) {
    return request_start_under(worker, worker->deployment, asked, sink, sink_owner, ended);
}

struct request *request_start_under(struct worker *worker, struct deployment *deployment,
                                    const struct flight_request *asked, const struct request_sink *sink,
                                    void *sink_owner, bool *ended) {
    *ended = false;
    struct request *request = spares_take(&worker->request_spares, sizeof *request);
    worker->host.keeps_nothing = !books_may_begin(worker->books, worker->index);
    struct flight *flight = request ? flight_new(&worker->host, deployment->snapshot, asked) : NULL;
    if (!flight) {
        spares_give(&worker->request_spares, request);
        return NULL;
    }
    *request = (struct request){
        .worker = worker, .deployment = deployment, .flight = flight, .sink = sink, .sink_owner = sink_owner};
    const struct trace_rules *traces = &request->deployment->snapshot->traces;
    request->conversation = conversation_new(asked, traces->on && traces->content, flight_holds_within(flight));
    deployment_hold(request->deployment);
    list_add_last(&worker->requests, &request->node);
    worker->request_count++;
    reporter_in_flight(&worker->reporter, worker->request_count);
    *ended = request_event(request, &(struct event){.kind = event_arrived}) == left_nothing;
    return request;
}

bool request_body(struct request *request, struct str piece) {
    if (request->leaving) return false;
    conversation_sent(request->conversation, piece);
    return request_event(request, &(struct event){.kind = event_body, .bytes = piece}) == left_running;
}

bool request_body_end(struct request *request) {
    return !request->leaving && request_event(request, &(struct event){.kind = event_body_end}) == left_running;
}

bool request_writable(struct request *request) {
    if (!request->full || request->leaving) return true;
    request->full = false;
    return request_event(request, &(struct event){.kind = event_caller_writable}) == left_running;
}

void request_made(struct request *request) {
    if (!request->leaving) request_event(request, &(struct event){.kind = event_made});
}

void request_turn(struct request *request) {
    CHECK(!request->line_cells);
    request_event(request, &(struct event){.kind = event_turn});
}

void request_delivered(struct request *request) {
    if (request->leaving) request_end(request);
}

void request_gone(struct request *request) {
    if (!request->leaving) {
        request_gone_by(request);
        return;
    }
    flight_lost(request->flight, loop_now(request->worker->loop));
    request_end(request);
}

void request_shutdown(struct request *request) {
    request->told = true;
    if (!request->leaving) request_event(request, &(struct event){.kind = event_shutdown});
}

void request_break(struct request *request) {
    request->sink->abort(request->sink_owner);
    if (request->leaving)
        request_gone(request);
    else if (request_gone_by(request) == left_running)
        request_event(request, &(struct event){.kind = event_caller_gone}); /* for nobody else either */
}
