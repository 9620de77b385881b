/* config_fuzz.c - any bytes as a configuration file, and as a run-time overlay over a fixed one. The first byte chooses
 * what the environment holds, and which of the two. A snapshot comes exactly when there is no error; every problem has
 * a place in its text and a sentence; a credential of the environment is in none of them; and what an edit makes of a
 * good overlay is good YAML. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_overlay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "sk-secret-of-the-environment"

static void demand(bool condition) {
    if (!condition) abort();
}

static const char *environment(void *context, const char *name) {
    const uint8_t *seed = context;
    if (strcmp(name, "OPENAI_API_KEY") == 0) return *seed & 1 ? SECRET : NULL;
    if (strcmp(name, "CLOUDFLARE_ACCOUNT_ID") == 0) return *seed & 2 ? "account" : NULL;
    return strcmp(name, "K") == 0 && *seed & 4 ? SECRET : NULL;
}

static bool read_file(void *context, struct str path, struct arena *arena, struct str *content, struct error *error) {
    const uint8_t *seed = context;
    if (*seed & 8)
        return error_set(error, error_bad_configuration, "Cannot read %.*s.", STR_ARG(str_slice(path, 0, 64)));
    *content = arena_copy(arena, STR(SECRET));
    return true;
}

#define UNDER                                                                                                        \
    "providers: {a: {type: openai, api_key: k, models: [m]}, b: {type: openai, base_url: \"http://h/v1\", headers: " \
    "{A: b}}}\nroutes: [{model: r, targets: [a/m, b/x]}]\n"

/* What leaves a text for the vault is named by it, each once, and does not leave it again. */
static void vault(struct str sealed, const struct config *config, struct arena *arena) {
    struct error error = {.code = error_none};
    struct config_vaulted *first = NULL, *second = NULL;
    struct text out = text_in_arena(arena, 1024), again = text_in_arena(arena, 1024);
    struct str *ids = NULL;
    size_t count = 0, named = 0;
    if (!config_overlay_vault(sealed, config, 7, arena, &first, &out, &error)) return;
    demand(config_overlay_vault(text_str(&out), config, 8, arena, &second, &again, &error) && !second);
    demand(config_overlay_vaulted(text_str(&out), arena, &ids, &count));
    for (const struct config_vaulted *one = first; one; one = one->next)
        for (size_t i = 0; i < count; i++) named += str_eq(ids[i], one->id);
    size_t vaulted = 0;
    for (const struct config_vaulted *one = first; one; one = one->next) vaulted++;
    demand(named == vaulted);
}

/* An edit of any good overlay is refused with a sentence, or its text can be edited again. */
static void edit(struct str overlay, const struct config *config) {
    struct arena arena;
    struct error error = {.code = error_none};
    arena_init(&arena, 4096, 1 << 24);
    struct text out = text_in_arena(&arena, 1024), keys = text_in_arena(&arena, 64),
                again = text_in_arena(&arena, 1024);
    struct config_edit update = {
        .kind = edit_update,
        .provider = STR("a"),
        .settings = STR("{\"priority\":3,\"headers\":{\"A\":\"b\"},\"prices\":{\"m\":{\"input\":1}}}")};
    bool edited = config_overlay_edit(overlay, &update, &arena, &out, &keys, &error);
    demand(edited || error.message[0]);
    if (edited) demand(config_overlay_seal(text_str(&out), config, &arena, &again, &error) || error.message[0]);
    if (edited && !error.code) vault(text_str(&again), config, &arena);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || !hash_start()) return 0;
    struct config_ids ids = {NULL, 0, 0};
    struct config config;
    struct config_input input = {.path = STR("w.yaml"),
                                 .text = str_make((const char *)data + 1, size - 1),
                                 .environment = environment,
                                 .read_file = read_file,
                                 .context = (void *)(uintptr_t)data,
                                 .ids = &ids,
                                 .simulated_base_url = STR("http://127.0.0.1:1/v1")};
    if (*data & 64) {
        input.overlay_path = STR("runtime.yaml");
        input.overlay_text = input.text;
        input.text = *data & 32 ? STR_NONE : STR(UNDER);
    }
    bool written = str_find(*data & 64 ? input.overlay_text : input.text, STR("secret")) !=
                   SIZE_MAX; /* the text itself may say it */
    bool loaded = config_load(&input, &config);
    demand(loaded == (config.snapshot != NULL) && loaded == (config.error_count == 0));
    for (const struct config_problem *problem = config.problems; problem; problem = problem->next) {
        demand(problem->message.len > 0);
        demand(written || str_find(problem->message, STR(SECRET)) == SIZE_MAX);
        demand(!problem->next || problem->next->file.len || problem->overlay < problem->next->overlay ||
               (problem->overlay == problem->next->overlay && problem->line <= problem->next->line));
    }
    if (loaded) {
        struct arena arena;
        arena_init(&arena, 1024, 1 << 20);
        demand(config.snapshot->provider_count > 0 && config.process.listen_count > 0);
        const struct route *route = snapshot_route(config.snapshot, STR("default"), &arena);
        demand(!route || route->target_count > 0);
        arena_free(&arena);
        if (*data & 64) edit(input.overlay_text, &config);
    }
    config_free(&config);
    config_ids_free(&ids);
    return 0;
}
