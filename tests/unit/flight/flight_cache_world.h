/* flight_cache_world.h - flight_world.h with a cache, and what its host performs of it. */
#ifndef WEIR_TESTS_FLIGHT_CACHE_WORLD_H
#define WEIR_TESTS_FLIGHT_CACHE_WORLD_H

#include "flight_world.h"

struct cache_world {
    struct flight_world world;
    struct cache cache;
    struct makings makings;
};

static inline void cache_world_begin(struct cache_world *of, const char *yaml) {
    flight_world_begin(&of->world, yaml);
    assert_true(cache_init(&of->cache) && makings_init(&of->makings, &of->world.memory));
    assert_true(cache_resize(&of->cache, of->world.config.snapshot->cache_bytes_max));
    of->world.host.cache = &of->cache;
    of->world.host.makings = &of->makings;
}

static inline void cache_world_end(struct cache_world *of) {
    makings_free(&of->makings);
    cache_free(&of->cache);
    flight_world_end(&of->world);
}

/* Of the last step, as its host does. */
static inline void cache_world_perform(struct cache_world *of) {
    for (size_t i = 0; i < of->world.out.count; i++) {
        const struct action *action = &of->world.out.list[i];
        if (action->kind == action_cache) cache_keep(&of->cache, action->answer);
        if (action->kind == action_cache) cache_release(action->answer);
        if (action->kind == action_unmake) making_unlist(&of->makings, action->made.making);
        if (action->kind == action_unmake) making_release(action->made.making);
    }
}

static inline void cache_world_tell(struct cache_world *of, struct flight *flight, struct event event) {
    flight_world_tell(&of->world, flight, event);
    cache_world_perform(of);
}

static inline struct flight *cache_world_ask(struct cache_world *of, struct flight_request asked, const char *body) {
    struct flight *flight = flight_world_new_of(&of->world, asked);
    flight_world_tell(&of->world, flight, (struct event){.kind = event_body, .bytes = str_from(body)});
    cache_world_tell(of, flight, (struct event){.kind = event_body_end});
    return flight;
}

static inline void cache_world_head(struct cache_world *of, struct flight *flight, int status, const char *type) {
    flight_world_head(&of->world, flight, flight->attempt_count - 1, status, type);
    cache_world_perform(of);
}

static inline void cache_world_body(struct cache_world *of, struct flight *flight, const char *bytes) {
    flight_world_body(&of->world, flight, flight->attempt_count - 1, bytes);
    cache_world_perform(of);
}

static inline void cache_world_ended(struct cache_world *of, struct flight *flight) {
    cache_world_tell(of, flight, (struct event){.kind = event_reply_end, .attempt = flight->attempt_count - 1});
}

/* Answers a whole good reply. */
static inline void cache_world_answer(struct cache_world *of, struct flight *flight) {
    cache_world_head(of, flight, 200, "application/json");
    cache_world_body(of, flight, FLIGHT_WHOLE);
    cache_world_ended(of, flight);
}

static inline void cache_world_drop(struct cache_world *of, struct flight *flight) {
    if (flight->state != flight_closed) cache_world_tell(of, flight, (struct event){.kind = event_caller_gone});
    flight_free(flight);
}

#define CACHE_YAML                                                                             \
    "state_dir: ./state\n"                                                                     \
    "cache: {mode: all}\n"                                                                     \
    "providers:\n"                                                                             \
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], max_retries: 0}\n"     \
    "  p: {type: openai, api_key: sk-secret-secret-second, models: [other], max_retries: 0}\n" \
    "routes:\n"                                                                                \
    "  - {model: r, targets: [o/m]}\n"                                                         \
    "  - {model: s, targets: [o/m, p/other], strategy: priority}\n"

#endif
