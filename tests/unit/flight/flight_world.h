/* flight_world.h - a configuration and what a flight's host gives it, for the stories of the flight's files: flights
 * are begun, events told by hand, and the actions of the last step looked at. Nothing is performed. */
#ifndef WEIR_TESTS_FLIGHT_WORLD_H
#define WEIR_TESTS_FLIGHT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/budget.h"
#include "base/hash.h"
#include "config/config.h"
#include "flight/flight_internal.h"
#include "flight_told.h"

struct flight_world {
    struct config config;
    struct cells cells;
    struct config_ids ids;
    struct budget memory;
    struct arena scratch;
    struct prng prng;
    struct flight_host host;
    struct actions out; /* of the last step */
    struct now now;
};

static inline const char *flight_world_environment(void *context, const char *name) {
    return (void)context, (void)name, NULL;
}

static inline void flight_world_begin(struct flight_world *world, const char *yaml) {
    assert_true(hash_start());
    memset(world, 0, sizeof *world);
    flights_world_begins();
    struct config_input input = {.path = STR("test"),
                                 .text = str_from(yaml),
                                 .environment = flight_world_environment,
                                 .ids = &world->ids,
                                 .cells = &world->cells};
    if (!config_load(&input, &world->config)) {
        for (const struct config_problem *at = world->config.problems; at; at = at->next)
            print_message("%u: %.*s\n", at->line, STR_ARG(at->message));
        fail_msg("no configuration");
    }
    world->memory.limit = 64 << 20;
    prng_seed(&world->prng, 1);
    arena_init(&world->scratch, 64 * 1024, 64 << 20);
    world->host = (struct flight_host){.budget = &world->memory, .scratch = &world->scratch, .prng = &world->prng};
    world->now = (struct now){.mono_ns = 1000 * NS_PER_S, .wall_ns = 1700000000000000000};
}

static inline void flight_world_end(struct flight_world *world) {
    flights_world_ends(world->config.snapshot);
    arena_free(&world->scratch);
    assert_int_equal(world->memory.taken, 0);
    config_free(&world->config);
    cells_free(&world->cells);
    config_ids_free(&world->ids);
}

/* The first target of this provider. */
static inline const struct target *flight_world_target(const struct flight_world *world, const char *provider) {
    const struct snapshot *snapshot = world->config.snapshot;
    for (size_t i = 0; i < snapshot->target_count; i++)
        if (str_eq(snapshot->targets[i].provider->name, str_from(provider))) return &snapshot->targets[i];
    fail_msg("no target of %s", provider);
    return NULL;
}

static inline void flight_world_tell(struct flight_world *world, struct flight *flight, struct event event) {
    if (world->scratch.newest) arena_reset(&world->scratch);
    flight_step(flight, &event, world->now, &world->out);
    flights_step_tells(flight, &world->out);
}

/* A flight of this head, its body not sent yet. */
static inline struct flight *flight_world_new_of(struct flight_world *world, struct flight_request asked) {
    if (!asked.request_id.len) asked.request_id = STR("req_1");
    asked.content_length = -1;
    asked.arrived = world->now;
    struct flight *flight = flight_new(&world->host, world->config.snapshot, &asked);
    assert_non_null(flight);
    flight_world_tell(world, flight, (struct event){.kind = event_arrived});
    return flight;
}

static inline struct flight *flight_world_new(struct flight_world *world, enum endpoint endpoint) {
    return flight_world_new_of(world, (struct flight_request){.endpoint = endpoint});
}

/* A request of this head and this body. */
static inline struct flight *flight_world_ask_of(struct flight_world *world, struct flight_request asked,
                                                 const char *body) {
    struct flight *flight = flight_world_new_of(world, asked);
    flight_world_tell(world, flight, (struct event){.kind = event_body, .bytes = str_from(body)});
    flight_world_tell(world, flight, (struct event){.kind = event_body_end});
    return flight;
}

static inline struct flight *flight_world_ask(struct flight_world *world, const char *body) {
    return flight_world_ask_of(world, (struct flight_request){.endpoint = endpoint_chat}, body);
}

/* The head of attempt `number`'s reply. */
static inline void flight_world_head(struct flight_world *world, struct flight *flight, unsigned number, int status,
                                     const char *content_type) {
    struct http_header header = {STR("content-type"), str_from(content_type)};
    flight_world_tell(world, flight, (struct event){.kind = event_sent, .attempt = number});
    flight_world_tell(world, flight,
                      (struct event){.kind = event_reply_head,
                                     .attempt = number,
                                     .status = status,
                                     .headers = &header,
                                     .header_count = 1,
                                     .content_length = -1,
                                     .body_sent = true});
}

static inline void flight_world_body(struct flight_world *world, struct flight *flight, unsigned number,
                                     const char *bytes) {
    flight_world_tell(world, flight,
                      (struct event){.kind = event_reply_body, .attempt = number, .bytes = str_from(bytes)});
}

/* How many actions of this kind the last step asked for. */
static inline unsigned flight_world_asked(const struct flight_world *world, enum action_kind kind) {
    unsigned count = 0;
    for (size_t i = 0; i < world->out.count; i++) count += world->out.list[i].kind == kind;
    return count;
}

/* The first of them. */
static inline const struct action *flight_world_action(const struct flight_world *world, enum action_kind kind) {
    for (size_t i = 0; i < world->out.count; i++)
        if (world->out.list[i].kind == kind) return &world->out.list[i];
    fail_msg("no action %d", (int)kind);
    return NULL;
}

/* All bytes that the last step wrote to the caller. Until the next call. */
static inline struct str flight_world_written(const struct flight_world *world) {
    static char text[65536];
    size_t len = 0;
    for (size_t i = 0; i < world->out.count; i++) {
        const struct action *action = &world->out.list[i];
        for (size_t r = 0; action->kind == action_write && r < action->write.count; r++) {
            assert_true(len + action->write.ranges[r].len < sizeof text);
            memcpy(text + len, action->write.ranges[r].at, action->write.ranges[r].len);
            len += action->write.ranges[r].len;
        }
    }
    return str_make(text, len);
}

static inline bool flight_world_wrote(const struct flight_world *world, const char *words) {
    return str_find(flight_world_written(world), str_from(words)) != SIZE_MAX;
}

/* A header of the answer's head, which the last step began; {NULL,0}: it is not there. */
static inline struct str flight_world_said(const struct flight_world *world, const char *name) {
    const struct action *action = flight_world_action(world, action_respond);
    return http_header_find(action->respond.headers, action->respond.header_count, str_from(name));
}

/* A header of the request that the last step sent to a provider. */
static inline struct str flight_world_sent(const struct flight_world *world, const char *name) {
    const struct action *action = flight_world_action(world, action_call);
    return http_header_find(action->call.headers, action->call.header_count, str_from(name));
}

#define assert_str_equal(text, wanted)                                                                            \
    do {                                                                                                          \
        struct str assert_text = (text);                                                                          \
        if (!str_eq(assert_text, str_from(wanted))) fail_msg("`%.*s` is not `%s`", STR_ARG(assert_text), wanted); \
    } while (0)

/* Ends it from the caller's side, where it has not ended. */
/* Its story, put down and told. */
static inline void flight_world_explain(const struct flight *flight, struct text *text) {
    static char bytes[24 * 1024];
    struct text story = text_in_buffer(bytes, sizeof bytes);
    flight_story(flight, &story);
    assert_false(story.failed);
    story_explain(text_str(&story), flight->host->own, text);
}

static inline void flight_world_drop(struct flight_world *world, struct flight *flight) {
    if (flight->state != flight_closed) flight_world_tell(world, flight, (struct event){.kind = event_caller_gone});
    flight_free(flight);
}

#define FLIGHT_CHAT(model, stream) \
    "{\"model\":\"" model "\",\"stream\":" stream ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define FLIGHT_EVENT(text, finish)                                                                                    \
    "data: {\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":" \
    "0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":" finish "}]}\n\n"
#define FLIGHT_WHOLE                                                                                        \
    "{\"id\":\"i\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0," \
    "\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}],\"usage\":{"      \
    "\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}"

#endif
