/* flight_semantic_world.h - flight_cache_world.h with a route that finds answers by other words: vectors are told by
 * hand. */
#ifndef WEIR_TESTS_FLIGHT_SEMANTIC_WORLD_H
#define WEIR_TESTS_FLIGHT_SEMANTIC_WORLD_H

#include <stdio.h>

#include "core/false_share.h"
#include "flight_cache_world.h"

#define SEMANTIC_YAML(more)                                                                   \
    "state_dir: ./state\n"                                                                    \
    "providers:\n"                                                                            \
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m, e], max_retries: 0}\n" \
    "routes:\n"                                                                               \
    "  - {model: r, targets: [o/m], cache: {mode: all, semantic: {model: o/e, threshold: 0.9, " more "}}}\n"

static inline void semantic_world_begin(struct cache_world *of, const char *yaml) {
    cache_world_begin(of, yaml);
    assert_true(semantic_resize(&of->cache.semantic, of->world.config.snapshot->semantic_entries));
}

static inline struct flight *semantic_world_ask(struct cache_world *of, const char *words) {
    char body[512];
    snprintf(body, sizeof body, "{\"model\":\"r\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", words);
    return cache_world_ask(of, (struct flight_request){.endpoint = endpoint_chat}, body);
}

static inline void semantic_world_embed(struct cache_world *of, struct flight *flight, const char *vector) {
    char body[512];
    snprintf(body, sizeof body,
             "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":%s}],\"model\":\"e\","
             "\"usage\":{\"prompt_tokens\":1,\"total_tokens\":1}}",
             vector);
    cache_world_tell(of, flight, (struct event){.kind = event_embedded, .bytes = str_from(body)});
}

/* Asked and answered by a provider. */
static inline void semantic_world_seed(struct cache_world *of, const char *words, const char *vector) {
    struct flight *flight = semantic_world_ask(of, words);
    semantic_world_embed(of, flight, vector);
    assert_int_equal(flight->state, flight_trying);
    cache_world_answer(of, flight);
    cache_world_drop(of, flight);
}

static inline struct cell *semantic_world_cell(const struct cache_world *of) {
    return &of->world.config.snapshot->routes[0].cells->semantic;
}

#endif
