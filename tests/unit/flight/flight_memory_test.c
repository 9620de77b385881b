/* flight_memory_test.c - flights whose memory is refused at each place in turn. Whatever is refused: the flight comes
 * to its end, each attempt is settled once, every byte is given back, and the caller gets a whole answer, an honest
 * error or a broken connection; never a wrong word, and never the end of the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/budget.h"
#include "base/hash.h"
#include "base/memory.h"
#include "config/config.h"
#include "flight/flight_internal.h"
#include "flight_told.h"

#define TEXT_100 "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
#define TEXT_800 TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100

static const char yaml[] =
    "state_dir: ./state\n"
    "retry: {max_retries: 1}\n"
    "providers:\n"
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], prices: {m: {input: 1, "
    "output: 2}}}\n"
    "  a: {type: anthropic, api_key: sk-secret-secret-secret, models: [m], prices: {m: {input: 1, "
    "output: 2}}}\n"
    "  g: {type: gemini, api_key: sk-secret-secret-secret, models: [m]}\n"
    "routes:\n"
    "  - {model: mo, targets: [o/m], resume_streams: true}\n"
    "  - {model: ma, targets: [a/m]}\n"
    "  - {model: mg, targets: [g/m]}\n"
    "  - {model: po, targets: [{target: o/m, params: {seed: 1, overrides: {max_tokens: 20}}}]}\n"
    "  - {model: pa, targets: [{target: a/m, params: {top_k: 2, overrides: {user: me}}}]}\n"
    "clients: [{name: one, key_hash: "
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, role: user, in: team, "
    "rate_limit_tpm: 1000000, max_concurrent: 9}]\n"
    "owners:\n"
    "  - {name: team, in: all, max_concurrent: 9, rate_limit_rpm: 1000, rate_limit_tpm: 1000000, "
    "budgets: [{usd: 1000, window: day, mode: soft}]}\n"
    "  - {name: all, kind: organization, max_concurrent: 9}\n";

#define ASKED(model, stream)                      \
    "{\"model\":\"" model "\",\"stream\":" stream \
    ",\"max_tokens\":50,\"messages\":[{\"role\":\"user\",\"content\":\"" TEXT_800 "\"}]}"
#define SEVERAL(model, stream)                    \
    "{\"model\":\"" model "\",\"stream\":" stream \
    ",\"n\":3,\"max_tokens\":50,\"messages\":[{\"role\":\"user\",\"content\":\"" TEXT_800 "\"}]}"
#define OPENAI_WHOLE                                                                                        \
    "{\"id\":\"i\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0," \
    "\"message\":"                                                                                          \
    "{\"role\":\"assistant\",\"content\":\"" TEXT_800                                                       \
    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"                                      \
    "\"completion_tokens\":2,\"total_tokens\":3}}"
#define OPENAI_EVENT(delta, finish)                                                                               \
    "data: "                                                                                                      \
    "{\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0," \
    "\"delta\":{\"content\":\"" delta "\"},\"finish_reason\":" finish "}]}\n\n"
#define OPENAI_STREAM \
    OPENAI_EVENT(TEXT_800, "null") OPENAI_EVENT(TEXT_800, "null") OPENAI_EVENT("", "\"stop\"") "data: [DONE]\n\n"
#define ANTHROPIC_WHOLE                                                                                          \
    "{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{\"type\":\"text\"," \
    "\"text\":"                                                                                                  \
    "\"" TEXT_800 "\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}"
#define ANTHROPIC_STREAM                                                                                               \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"type\":\"message\",\"role\":" \
    "\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"            \
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"     \
    "\"text\",\"text\":\"\"}}\n\n"                                                                                     \
    "event: content_block_delta\ndata: "                                                                               \
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","                                \
    "\"text\":\"" TEXT_800 "\"}}\n\n"                                                                                  \
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"                               \
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":"      \
    "{\"output_tokens\":9}}\n\n"                                                                                       \
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define GEMINI_WHOLE                                                                                          \
    "{\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"" TEXT_800 "\"}]}," \
    "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":2,"       \
    "\"totalTokenCount\":3}}"

#define GEMINI_EVENT(text, finish)                                                                                    \
    "data: {\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"" text "\"}]}" finish \
    "}]}\n\n"
#define GEMINI_STREAM \
    GEMINI_EVENT(TEXT_800, "") GEMINI_EVENT(TEXT_800, "") GEMINI_EVENT("x", ",\"finishReason\":\"STOP\"")
#define OPENAI_STREAM_WITHOUT_DONE \
    OPENAI_EVENT(TEXT_800, "null") OPENAI_EVENT(TEXT_800, "null") OPENAI_EVENT("", "\"stop\"")

#define HISTORY "[{\"type\":\"message\",\"role\":\"user\",\"content\":\"" TEXT_800 "\"}]"
#define EMBEDDED                                                                                                      \
    "{\"object\":\"list\",\"model\":\"m\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.1,0.2]}]," \
    "\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}"
#define COMPLETED                                                                                                    \
    "{\"id\":\"i\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":" \
    "\"" TEXT_800                                                                                                    \
    "\",\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}"

/* What is asked, and what its provider says to every attempt. */
static const struct story {
    const char *name;
    enum endpoint endpoint;
    const char *body, *path_model, *content_type, *reply;
    int status;         /* of the provider's reply, and of the answer */
    const char *broken; /* what the first attempt says before its connection breaks; NULL: it says what all do */
    int answered;       /* the answer's status, where it is another one; else 0 */
    unsigned calls;     /* that it takes; 0: one, or two where the first breaks */
} stories[] = {
    {"whole", endpoint_chat, ASKED("mo", "false"), "", "application/json", OPENAI_WHOLE, 200},
    {"stream", endpoint_chat, ASKED("mo", "true"), "", "text/event-stream", OPENAI_STREAM, 200},
    {"anthropic whole", endpoint_chat, ASKED("ma", "false"), "", "application/json", ANTHROPIC_WHOLE, 200},
    {"anthropic stream", endpoint_chat, ASKED("ma", "true"), "", "text/event-stream", ANTHROPIC_STREAM, 200},
    {"a whole answer, told as a stream", endpoint_chat, ASKED("ma", "true"), "", "application/json", ANTHROPIC_WHOLE,
     200},
    {"gemini whole", endpoint_chat, ASKED("mg", "false"), "", "application/json", GEMINI_WHOLE, 200},
    /* the terminator is weir's own: the provider's is missing, or its dialect has none */
    {"gemini stream", endpoint_chat, ASKED("mg", "true"), "", "text/event-stream", GEMINI_STREAM, 200},
    {"messages of openai that says no end", endpoint_messages, ASKED("mo", "true"), "", "text/event-stream",
     OPENAI_STREAM_WITHOUT_DONE, 200},
    {"messages of openai", endpoint_messages, ASKED("mo", "false"), "", "application/json", OPENAI_WHOLE, 200},
    {"messages of openai, streamed", endpoint_messages, ASKED("mo", "true"), "", "text/event-stream", OPENAI_STREAM,
     200},
    {"responses of anthropic", endpoint_responses,
     "{\"model\":\"ma\",\"stream\":true,\"store\":true,\"input\":\"" TEXT_800 "\"}", "", "text/event-stream",
     ANTHROPIC_STREAM, 200},
    {"generate of openai", endpoint_generate, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}",
     "mo", "application/json", OPENAI_WHOLE, 200},
    {"an error of the provider's", endpoint_chat, ASKED("mo", "false"), "", "application/json",
     "{\"error\":{\"message\":\"no such thing\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}", 400,
     NULL},
    /* its second part repeats a word of the first, and is too short to be looked at before its end */
    {"a stream that is gone on with", endpoint_chat, ASKED("mo", "true"), "", "text/event-stream",
     OPENAI_EVENT("0123456789 fin", "null") "data: [DONE]\n\n", 200, OPENAI_EVENT(TEXT_800, "null")},
    {"a stream that is gone on with at length", endpoint_chat, ASKED("mo", "true"), "", "text/event-stream",
     OPENAI_STREAM, 200, OPENAI_EVENT(TEXT_800, "null")},
    {"an error inside a good reply", endpoint_chat, ASKED("mo", "false"), "", "application/json",
     "{\"error\":{\"message\":\"no such thing\",\"type\":\"server_error\",\"param\":null,\"code\":null}}", 200, NULL,
     502},
    {"several answers", endpoint_chat, SEVERAL("ma", "false"), "", "application/json", ANTHROPIC_WHOLE, 200, NULL, 0,
     3},
    {"several answers, streamed", endpoint_chat, SEVERAL("ma", "true"), "", "text/event-stream", ANTHROPIC_STREAM, 200,
     NULL, 0, 3},
    {"several whole answers as a stream", endpoint_chat, SEVERAL("ma", "true"), "", "application/json", ANTHROPIC_WHOLE,
     200, NULL, 0, 3},
    {"several answers, the first at the second go", endpoint_chat, SEVERAL("ma", "false"), "", "application/json",
     ANTHROPIC_WHOLE, 200, "{", 0, 4},
    {"params in the caller's own body", endpoint_chat, ASKED("po", "false"), "", "application/json", OPENAI_WHOLE, 200},
    {"params in Anthropic's", endpoint_messages, ASKED("pa", "true"), "", "text/event-stream", ANTHROPIC_STREAM, 200},
    {"items that name what nobody keeps", endpoint_responses,
     "{\"model\":\"ma\",\"input\":[{\"type\":\"message\",\"id\":\"msg_1\",\"role\":\"user\",\"content\":\"" TEXT_800
     "\"},{\"type\":\"message\",\"role\":\"user\",\"content\":\"hi\"}]}",
     "", "application/json", ANTHROPIC_WHOLE, 200},
    {"a response that goes on from another", endpoint_responses,
     "{\"model\":\"ma\",\"previous_response_id\":\"resp_1\",\"input\":\"" TEXT_800 "\"}", "", "application/json",
     ANTHROPIC_WHOLE, 200},
    {"vectors", endpoint_embeddings, "{\"model\":\"mo\",\"input\":[\"" TEXT_800 "\",\"b\"]}", "", "application/json",
     EMBEDDED, 200},
    {"a text that goes on", endpoint_completions, "{\"model\":\"mo\",\"max_tokens\":9,\"prompt\":\"" TEXT_800 "\"}", "",
     "application/json", COMPLETED, 200},
    {"a text that a chat goes on with", endpoint_completions,
     "{\"model\":\"ma\",\"max_tokens\":9,\"prompt\":\"" TEXT_800 "\"}", "", "application/json", ANTHROPIC_WHOLE, 200},
    {"tokens that are counted", endpoint_messages_count,
     "{\"model\":\"ma\",\"messages\":[{\"role\":\"user\",\"content\":\"" TEXT_800 "\"}]}", "", "application/json",
     "{\"input_tokens\":7}", 200},
    {"tools and a schema for another dialect", endpoint_chat,
     "{\"model\":\"ma\",\"max_tokens\":50,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"parameters\":{"
     "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}}],\"messages\":[{\"role\":\"system\","
     "\"content\":\"" TEXT_100 "\"},{\"role\":\"user\",\"content\":\"" TEXT_800 "\"}]}",
     "", "application/json", ANTHROPIC_WHOLE, 200},
    {"params in what is translated", endpoint_chat, ASKED("pa", "true"), "", "text/event-stream", ANTHROPIC_STREAM,
     200},
};

enum how { by_budget, by_malloc };

struct world {
    struct config config;
    struct cells cells;
    struct config_ids ids;
    struct budget memory, strangers;
    struct arena scratch;
    struct prng prng;
    struct flight_host host;
    struct now now;
};

struct told {
    unsigned settled, closed, calls, responded, ended, aborted;
    int status;
    uint64_t sent; /* a hash of the first call's body */
    unsigned attempt;
    bool calls_now, asks_now;
    size_t bytes;
    char text[64 * 1024];
};

static const char *environment(void *context, const char *name) {
    (void)context;
    (void)name;
    return NULL;
}

static void world_make(struct world *world) {
    assert_true(hash_start());
    memset(world, 0, sizeof *world);
    flights_world_begins();
    struct config_input input = {.path = STR("test"),
                                 .text = str_from(yaml),
                                 .environment = environment,
                                 .ids = &world->ids,
                                 .cells = &world->cells};
    if (!config_load(&input, &world->config)) {
        for (const struct config_problem *at = world->config.problems; at; at = at->next)
            print_message("%u: %.*s\n", at->line, STR_ARG(at->message));
        fail_msg("no configuration");
    }
    world->memory.limit = 64 << 20;
    budget_share(&world->strangers, &world->memory);
    prng_seed(&world->prng, 1);
    arena_init(&world->scratch, 64 * 1024, 64 << 20);
    arena_hold_within(&world->scratch, &world->memory);
    world->host = (struct flight_host){
        .budget = &world->memory, .strangers = &world->strangers, .scratch = &world->scratch, .prng = &world->prng};
    world->now = (struct now){.mono_ns = 1000 * NS_PER_S, .wall_ns = 1700000000000000000};
}

static void world_end(struct world *world) {
    flights_world_ends(world->config.snapshot);
    arena_free(&world->scratch);
    assert_int_equal(world->memory.taken, 0);
    assert_int_equal(world->strangers.taken, 0);
    config_free(&world->config);
    cells_free(&world->cells);
    config_ids_free(&world->ids);
}

/* Performs a step as a host does: a starved one breaks the caller's connection. true: the flight is closed. */
static bool step(struct world *world, struct flight *flight, const struct event *event, struct told *told) {
    static struct actions out;
    flight_step(flight, event, world->now, &out);
    flights_step_tells(flight, &out);
    for (size_t i = 0; i < out.count; i++) {
        const struct action *action = &out.list[i];
        if (action->kind == action_call) {
            for (size_t r = 0; !told->calls && r < action->call.body_count; r++)
                for (size_t b = 0; b < action->call.body[r].len; b++)
                    told->sent = told->sent * 31 + (unsigned char)action->call.body[r].at[b];
            told->calls++;
            told->calls_now = true;
            told->attempt = action->attempt;
        }
        told->settled += action->kind == action_settled;
        told->closed += action->kind == action_closed;
        if (action->kind == action_recall) told->asks_now = true;
        if (action->kind == action_cancel) told->calls_now = false;
        if (out.starved) continue;
        if (action->kind == action_respond) {
            told->responded++;
            told->status = action->respond.status;
        }
        for (size_t r = 0; action->kind == action_write && r < action->write.count; r++) {
            struct str range = action->write.ranges[r];
            assert_true(told->bytes + range.len < sizeof told->text);
            memcpy(told->text + told->bytes, range.at, range.len);
            told->bytes += range.len;
        }
        told->ended += action->kind == action_end;
        told->aborted += action->kind == action_abort;
    }
    bool starved = out.starved, closed = told->closed > 0;
    if (world->scratch.newest) arena_reset(&world->scratch);
    if (!starved) return closed;
    told->aborted++;
    return closed || step(world, flight, &(struct event){.kind = event_caller_gone}, told);
}

/* The provider's side of one attempt, cut in the middle of an event. */
static bool reply(struct world *world, struct flight *flight, const struct story *story, struct told *told) {
    struct http_header header = {STR("content-type"), str_from(story->content_type)};
    unsigned attempt = told->attempt;
    bool breaks = story->broken && told->calls == 1;
    struct str whole = str_from(breaks ? story->broken : story->reply), pieces[3];
    told->calls_now = false;
    size_t first = whole.len / 2 < 100 ? whole.len / 2 : 100;
    pieces[0] = str_slice(whole, 0, first);
    pieces[1] = str_slice(whole, first, whole.len / 2);
    pieces[2] = str_slice(whole, whole.len / 2, whole.len);
    if (step(world, flight, &(struct event){.kind = event_sent, .attempt = attempt}, told)) return true;
    struct event head = {.kind = event_reply_head,
                         .attempt = attempt,
                         .status = story->status,
                         .headers = &header,
                         .header_count = 1,
                         .content_length = -1,
                         .body_sent = true};
    if (step(world, flight, &head, told)) return true;
    for (unsigned i = 0; i < 3; i++)
        if (step(world, flight, &(struct event){.kind = event_reply_body, .attempt = attempt, .bytes = pieces[i]},
                 told))
            return true;
    struct event end = {
        .kind = breaks ? event_call_failed : event_reply_end, .attempt = attempt, .failure = failure_reset};
    return step(world, flight, &end, told);
}

static void run(struct world *world, struct flight *flight, const struct story *story, struct told *told) {
    struct str body = str_from(story->body);
    if (step(world, flight, &(struct event){.kind = event_arrived}, told)) return;
    if (step(world, flight, &(struct event){.kind = event_body, .bytes = str_slice(body, 0, 300)}, told)) return;
    if (step(world, flight, &(struct event){.kind = event_body, .bytes = str_slice(body, 300, body.len)}, told)) return;
    if (step(world, flight, &(struct event){.kind = event_body_end}, told)) return;
    for (unsigned turn = 0; turn < 50; turn++) {
        if (told->calls_now) {
            if (reply(world, flight, story, told)) return;
        } else if (told->asks_now) {
            told->asks_now = false;
            if (step(world, flight, &(struct event){.kind = event_recalled, .bytes = STR(HISTORY)}, told)) return;
        } else { /* it waits before it tries again */
            world->now.mono_ns += 10 * NS_PER_S;
            if (step(world, flight, &(struct event){.kind = event_timer}, told)) return;
        }
    }
    fail_msg("%s never ends", story->name);
}

static void fail_set(struct world *world, enum how how, uint64_t n) {
    if (how == by_budget)
        budget_fail_at(&world->memory, n);
    else
        memory_fail_at(n);
}

/* true: nothing was refused any more. */
static bool story_run(const struct story *story, enum how how, uint64_t n, const struct told *whole,
                      struct told *told) {
    struct world world;
    world_make(&world);
    memset(told, 0, sizeof *told);
    struct flight_request asked = {.endpoint = story->endpoint,
                                   .path_model = str_from(story->path_model),
                                   .request_id = STR("req_1"),
                                   .client = &world.config.snapshot->clients[0],
                                   .content_length = -1,
                                   .arrived = world.now};
    fail_set(&world, how, n);
    if (n) flights_world_aside();
    struct flight *flight = flight_new(&world.host, world.config.snapshot, &asked);
    if (flight) run(&world, flight, story, told);
    uint64_t calls = how == by_budget ? budget_calls(&world.memory) : memory_calls();
    fail_set(&world, how, 0);
    bool refused = n && calls >= n;
    if (flight) {
        if (told->closed != 1 || told->settled != flight->attempt_count || told->ended + told->aborted != 1)
            fail_msg("%s, refused at %d: closed %u, settled %u of %u, ended %u, aborted %u", story->name, (int)n,
                     told->closed, told->settled, flight->attempt_count, told->ended, told->aborted);
        if (whole && told->calls && told->sent != whole->sent)
            fail_msg("%s, refused at %d: something else was sent", story->name, (int)n);
        bool same = told->status == (story->answered ? story->answered : story->status) &&
                    (!whole || (told->bytes == whole->bytes && !memcmp(told->text, whole->text, whole->bytes)));
        bool honest = told->status == 503 || told->status == 502 || told->status == 500;
        struct str said = str_make(told->text, told->bytes);
        if (told->ended && !(same || (refused && (honest || str_find(said, STR("error")) != SIZE_MAX) &&
                                      told->status != 400 && told->status != 404)))
            fail_msg("%s, refused at %d: status %d, %d bytes of %d, %.*s", story->name, (int)n, told->status,
                     (int)told->bytes, whole ? (int)whole->bytes : 0, STR_ARG(said));
        if (told->ended && honest && str_find(said, STR("error")) == SIZE_MAX)
            fail_msg("%s, refused at %d: %d says nothing: %.*s", story->name, (int)n, told->status, STR_ARG(said));
        flight_free(flight);
    }
    const struct client *client = &world.config.snapshot->clients[0];
    assert_int_equal(client->cells->memory.taken, 0);
    assert_int_equal(gate_in_use(&client->cells->gate), 0);
    for (const struct owner *owner = client->in; owner; owner = owner->in)
        assert_int_equal(gate_in_use(&owner->cells->gate), 0);
    for (size_t i = 0; i < client->money.count; i++) {
        struct spend_view view = money_budget_look(client->money.list[i], world.now.wall_ns);
        assert_int_equal(view.committed, view.spent); /* nothing stays reserved */
    }
    world_end(&world);
    return !refused;
}

static void refused_at_each_place(enum how how) {
    static struct told whole, told;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        assert_true(story_run(&stories[i], how, 0, NULL, &whole));
        if (whole.status != (stories[i].answered ? stories[i].answered : stories[i].status))
            fail_msg("%s: %d, %.*s", stories[i].name, whole.status, STR_ARG(str_make(whole.text, whole.bytes)));
        assert_int_equal(whole.calls, stories[i].calls ? stories[i].calls : stories[i].broken ? 2 : 1);
        bool ended = false;
        for (uint64_t n = 1; n < 2000 && !ended; n++) ended = story_run(&stories[i], how, n, &whole, &told);
        assert_true(ended);
        assert_true(told.status == whole.status && told.bytes == whole.bytes);
    }
}

static void room_that_is_refused_anywhere_is_one_requests_affair(void **state) {
    (void)state;
    refused_at_each_place(by_budget);
}

static void memory_that_is_refused_anywhere_is_one_requests_affair(void **state) {
    (void)state;
    refused_at_each_place(by_malloc);
}

/* Its share is full: it is told so before anything is kept of it, in its own dialect. */
static void who_holds_too_much_begins_nothing_new(void **state) {
    (void)state;
    static const enum endpoint asked_at[] = {endpoint_chat, endpoint_messages, endpoint_responses, endpoint_generate};
    for (size_t i = 0; i < sizeof asked_at / sizeof *asked_at; i++) {
        static struct told told;
        struct world world;
        world_make(&world);
        memset(&told, 0, sizeof told);
        const struct client *client = &world.config.snapshot->clients[0];
        struct budget *share = flight_budget(&world.host, client);
        assert_true(budget_take(share, world.memory.limit / 10 * 9));
        struct flight_request asked = {.endpoint = asked_at[i],
                                       .request_id = STR("req_1"),
                                       .client = client,
                                       .content_length = -1,
                                       .arrived = world.now};
        struct flight *flight = flight_new(&world.host, world.config.snapshot, &asked);
        assert_non_null(flight);
        assert_true(step(&world, flight, &(struct event){.kind = event_arrived}, &told));
        assert_int_equal(told.status, asked_at[i] == endpoint_messages ? 529 : 503);
        assert_true(str_find(str_make(told.text, told.bytes), STR("error")) != SIZE_MAX && told.ended == 1);
        flight_free(flight);
        asked.client = NULL; /* others begin all the same */
        memset(&told, 0, sizeof told);
        flight = flight_new(&world.host, world.config.snapshot, &asked);
        assert_false(step(&world, flight, &(struct event){.kind = event_arrived}, &told));
        step(&world, flight, &(struct event){.kind = event_caller_gone}, &told);
        flight_free(flight);
        budget_give(share, world.memory.limit / 10 * 9);
        world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_that_is_refused_anywhere_is_one_requests_affair),
        cmocka_unit_test(memory_that_is_refused_anywhere_is_one_requests_affair),
        cmocka_unit_test(who_holds_too_much_begins_nothing_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
