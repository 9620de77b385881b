/* config_world.h - a configuration as text, read, and what is said of it. */
#ifndef WEIR_TESTS_CONFIG_WORLD_H
#define WEIR_TESTS_CONFIG_WORLD_H

#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config_told.h"

static inline const char *environment(void *context, const char *name) {
    const char *const *pairs = context;
    for (size_t i = 0; pairs && pairs[i]; i += 2)
        if (strcmp(pairs[i], name) == 0) return pairs[i + 1];
    return NULL;
}

static inline bool read_file(void *context, struct str path, struct arena *arena, struct str *content,
                             struct error *error) {
    (void)context;
    if (!str_eq(path, STR("/good")))
        return error_set(error, error_bad_configuration, "cannot read %.*s", STR_ARG(path));
    *content = arena_copy(arena, STR("from-a-file"));
    return true;
}

static struct config_ids ids;

static inline bool load(const char *text, const char *const *pairs, struct config *config) {
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = text ? str_from(text) : STR_NONE,
                                 .environment = environment,
                                 .read_file = read_file,
                                 .context = (void *)(uintptr_t)pairs,
                                 .ids = &ids,
                                 .simulated_base_url = STR("http://127.0.0.1:1/v1")};
    return config_load(&input, config);
}

/* The first problem as it is printed. */
static inline void first_problem(const struct config *config, char *into, size_t size) {
    struct config_input input = {.path = STR("w.yaml")};
    struct text text = text_in_buffer(into, size - 1);
    if (config->problems) config_problem_write(&input, config->problems, &text);
    into[text.len] = 0;
}

#define P "providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1'}}\n"

static inline int sodium_begin(void **state) {
    (void)state;
    return hash_start() ? 0 : -1;
}

static inline int ids_end(void **state) {
    (void)state;
    config_ids_free(&ids);
    return 0;
}

#endif
