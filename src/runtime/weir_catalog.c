/* weir_catalog.c - a newer catalogue, taken while it runs: checked whole, with the configuration that will use it,
 * before it replaces anything; one file, renamed into its place. */
#include "runtime/weir_catalog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "runtime/weir_internal.h"

enum { catalog_bytes_max = 4 * 1024 * 1024 };

/* How many rows it has, and of which day: of the text, which was checked; {NULL,0}: the built-in one. */
static bool told_count(struct str text, struct catalog_told *told) {
    struct catalog catalog;
    struct arena arena;
    arena_init(&arena, 64 * 1024, 64 * 1024 * 1024);
    bool good = catalog_open(&catalog, text, &arena, NULL);
    str_copy(told->day, sizeof told->day, catalog_day(&catalog));
    told->providers = catalog.provider_count;
    told->models = 0;
    for (size_t i = 0; good && i < catalog.provider_count; i++) {
        struct catalog_provider *provider = &catalog.providers[i];
        const struct catalog_provider *other =
            provider->models_of.len ? map_find(&catalog.by_type, provider->models_of) : NULL;
        good = catalog_load(&catalog, provider, &arena);
        told->models += good ? provider->model_count - (other ? other->model_count : 0) : 0;
    }
    arena_free(&arena);
    return good;
}

/* The configuration, with this catalogue where there is one. */
static bool catalog_try(const char *path, struct str catalog_path, struct str catalog_text, char *overlay, char *ledger,
                        struct catalog_told *told, char *problems, size_t size) {
    struct config_ids ids = {NULL, 0, 0};
    struct weir_host host = weir_host_default;
    struct config config;
    host.simulated_base_url = STR("http://127.0.0.1:1/v1");
    struct config_source source = {.path = path,
                                   .host = &host,
                                   .ids = &ids,
                                   .overlay_path = overlay,
                                   .ledger_place = ledger,
                                   .catalog_path = catalog_path,
                                   .catalog_text = catalog_text};
    bool good = library_config_load(&source, &config, problems, size) && config.snapshot;
    *told = (struct catalog_told){.named = config.catalog_named};
    str_copy(told->from, sizeof told->from, config.catalog_from);
    config_free(&config);
    config_ids_free(&ids);
    return good;
}

static bool catalog_read(const char *file, char *bytes, struct str *text, char *problems, size_t size) {
    const char *problem = "";
    int descriptor = file_open(file, 0, &problem);
    size_t len = 0;
    ssize_t got = descriptor < 0 ? -1 : 1;
    while (got > 0) { /* up to one byte more than may be */
        got = read(descriptor, bytes + len, catalog_bytes_max + 1 - len);
        if (got > 0) len += (size_t)got;
    }
    if (descriptor >= 0 && got < 0) problem = strerror(errno);
    if (descriptor >= 0) close(descriptor);
    *text = str_make(bytes, len);
    if (got < 0)
        snprintf(problems, size, "%s: cannot be read: %s", file, problem);
    else if (len > catalog_bytes_max)
        snprintf(problems, size, "%s: is larger than 4 MB", file);
    else if (!len)
        snprintf(problems, size, "%s: is empty", file);
    else
        return true;
    return false;
}

bool library_catalog_tell(const char *path, struct catalog_told *told, char *problems, size_t size) {
    char overlay[overlay_path_max] = "", ledger[ledger_place_max] = "", again[1024] = "";
    struct str text = STR_NONE;
    char *bytes = memory_take(catalog_bytes_max + 1);
    bool good = bytes && catalog_try(path, STR_NONE, STR_NONE, overlay, ledger, told, problems, size);
    if (good && told->from[0] && !catalog_read(told->from, bytes, &text, again, sizeof again)) {
        str_copy(problems, size, str_from(again));
        good = false;
    }
    good = good && told_count(text, told);
    memory_give(bytes);
    return good;
}

/* Where it is kept; beside the overlay, whose path the load has found. */
static void kept_path(const char *overlay, char *path, size_t size) {
    const char *slash = strrchr(overlay, '/');
    snprintf(path, size, "%.*s/catalog.jsonl", slash ? (int)(slash - overlay) : 1, slash ? overlay : ".");
}

static bool kept_write(const char *overlay, const char *ledger, struct str text, const struct audit_entry *entry,
                       struct catalog_told *told, char *problems, size_t size) {
    char path[overlay_path_max];
    struct error error = {.code = error_none};
    struct audit_entry dated = *entry;
    dated.detail = str_from(told->day);
    kept_path(overlay, path, sizeof path);
    int lock = overlay_lock(path, &error);
    bool written = lock >= 0 && library_audit_alone(ledger, &dated, &error) && overlay_write(path, text, &error);
    overlay_unlock(lock);
    if (!written) str_copy(problems, size, str_from(error.message));
    str_copy(told->from, sizeof told->from, str_from(path));
    return written;
}

bool library_catalog_take(const char *path, const char *file, const struct audit_who *who, struct catalog_told *told,
                          char *problems, size_t size) {
    char overlay[overlay_path_max] = "", ledger[ledger_place_max] = "";
    const struct audit_entry entry = {.action = audit_catalog_update, .who = *who, .subject = str_from(file)};
    struct str text;
    char *bytes = memory_take(catalog_bytes_max + 1);
    problems[0] = 0;
    if (!bytes) {
        snprintf(problems, size, "out of memory");
        return false;
    }
    bool good = catalog_read(file, bytes, &text, problems, size) &&
                catalog_try(path, str_from(file), text, overlay, ledger, told, problems, size);
    if (good && told->named) {
        snprintf(problems, size, "the configuration names a catalogue of its own, `catalog: %s`: change that file",
                 told->from);
        good = false;
    }
    good = good && told_count(text, told) && kept_write(overlay, ledger, text, &entry, told, problems, size);
    memory_give(bytes);
    return good;
}

bool library_catalog_drop(const char *path, const struct audit_who *who, bool *was, char *problems, size_t size) {
    const struct audit_entry entry = {.action = audit_catalog_reset, .who = *who};
    struct error error = {.code = error_none};
    struct arena arena;
    struct config_where where;
    struct str problem = STR("");
    char kept[overlay_path_max] = "", ledger[ledger_place_max];
    arena_init(&arena, 4096, 1024 * 1024);
    bool found = library_config_where(path, &arena, &where, &problem);
    if (found) snprintf(kept, sizeof kept, "%.*s/catalog.jsonl", STR_ARG(where.state_dir));
    if (!found) str_copy(problems, size, problem);
    *was = false;
    if (found) ledger_place_of(where.state_dir, where.ledger, ledger);
    bool audited = !found || access(kept, F_OK) != 0 || library_audit_alone(ledger, &entry, &error);
    memory_wipe(ledger, sizeof ledger);
    arena_wipe(&arena);
    arena_free(&arena);
    if (!audited) str_copy(problems, size, str_from(error.message));
    if (!audited) return false;
    *was = found && unlink(kept) == 0;
    if (!found || *was || errno == ENOENT) return found;
    snprintf(problems, size, "%s cannot be removed: %s", kept, strerror(errno));
    return false;
}
