/* config_fuzz.c - any text as a configuration: a snapshot or problems, never a crash, and never a snapshot beside an error. */
#include "base/check.h"
#include "base/hash.h"
#include "engine/config.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const char *environment(void *context, const char *name) {
    (void)context;
    return name[0] == 'K' ? "value" : NULL;
}

static bool read_file(void *context, struct str path, struct arena *arena, struct str *content, struct error *error) {
    (void)context, (void)path;
    *content = arena_copy(arena, STR("file"));
    return content->at || error_set(error, error_out_of_memory, "no memory");
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    if (size > 16 * 1024 || !hash_start()) return 0;
    struct config_ids ids = {NULL, 0, 0};
    struct config config;
    struct config_input input = {.path = STR("f"),
                                 .text = str_make((const char *)data, size),
                                 .environment = environment,
                                 .read_file = read_file,
                                 .ids = &ids,
                                 .simulated_base_url = STR("http://127.0.0.1:1/v1")};
    bool loaded = config_load(&input, &config);
    CHECK(loaded == (config.snapshot != NULL));
    CHECK(loaded == (config.error_count == 0));
    if (loaded) {
        struct arena arena;
        arena_init(&arena, 1024, 1 << 20);
        snapshot_route(config.snapshot, STR("a/b"), &arena);
        snapshot_route(config.snapshot, STR("default"), &arena);
        arena_free(&arena);
    }
    config_free(&config);
    config_ids_free(&ids);
    return 0;
}
