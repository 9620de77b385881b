/* weir_vault.c - the vault of the state folder as the library uses it: opened when a configuration asks for what stands
 * in it, and filled with the credentials that leave the run-time overlay. Blocks; under `control`, or before any other
 * thread. The vault is on the disk before the text that names its entries, and what no text names goes last. */
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "observe/log.h"
#include "runtime/weir_internal.h"

int64_t library_now_s(void) { return clock_read().wall_ns / (int64_t)NS_PER_S; }

static struct vault_sources sources_of(const struct weir_host *host) {
    return (struct vault_sources){.key = host->environment(host->context, "WEIR_MASTER_KEY"),
                                  .passphrase = host->environment(host->context, "WEIR_MASTER_PASSPHRASE"),
                                  .ask = host->ask};
}

bool library_vault_unlock(struct vault *vault, const struct weir_host *host, const struct vault *known,
                          struct error *error) {
    const struct vault_sources sources = sources_of(host);
    return vault_unlock_as(vault, known) || vault_unlock(vault, &sources, error);
}

struct vault *library_vault_open(const char *overlay_path, const struct weir_host *host, const struct vault *known,
                                 struct error *error) {
    struct vault *vault = vault_open(library_folder(overlay_path), error);
    if (!vault || library_vault_unlock(vault, host, known, error)) return vault;
    vault_free(vault);
    return NULL;
}

/* -- for a load -- */

void library_vault_loading_end(struct vault_loading *loading, const struct config_source *source) {
    if (!loading->vault) return;
    if (source->vault && !loading->locked.code) { /* its master key is for the next load */
        struct vault *before = *source->vault;
        *source->vault = loading->vault;
        loading->vault = before;
    }
    vault_free(loading->vault);
}

static const struct vault *vault_for(const struct config_source *source) {
    struct vault_loading *loading = source->loading;
    if (source->candidate) return source->candidate;
    if (loading->tried || !source->overlay_path[0]) return loading->vault;
    loading->tried = true;
    loading->vault = vault_open(library_folder(source->overlay_path), &loading->unread);
    /* Of one that holds nothing no key is made: there is nothing to open. */
    if (loading->vault && vault_count(loading->vault))
        library_vault_unlock(loading->vault, source->host, source->vault ? *source->vault : NULL, &loading->locked);
    return loading->vault;
}

enum config_vault_found library_vault_asked(void *context, struct str id, struct str provider, struct str origin,
                                            struct arena *arena, struct str secrets[2], size_t *count,
                                            struct error *error) {
    const struct config_source *source = context;
    const struct vault *vault = vault_for(source);
    *count = 0;
    if (!vault) {
        *error = source->loading->unread;
        if (!error->code) error_set(error, error_bad_configuration, "there is no state folder for a vault");
        return config_vault_refused;
    }
    const struct error *locked = &source->loading->locked;
    enum vault_opened opened = vault_get(vault, id, provider, origin, library_now_s(), arena, secrets, count, error);
    if (opened == vault_opened) return config_vault_opened;
    if (opened == vault_damaged) return config_vault_damaged;
    if (opened != vault_locked) return config_vault_refused;
    if (!source->host->only_checks) {
        *error = *locked;
        return config_vault_refused;
    }
    error_set(error, error_none, "that `%.*s` is in the vault was looked at, and not what it holds: %s",
              STR_ARG(str_slice(id, 0, 40)), locked->message);
    return config_vault_known;
}

/* -- what leaves the overlay -- */

/* Those that the text hands out, in a vault that is not saved yet. NULL with error_none: it hands out none. */
static struct vault *vault_fill(struct weir *weir, const struct config_vaulted *vaulted, struct error *error) {
    struct vault *vault = vaulted ? library_vault_open(weir->overlay_path, &weir->host, weir->vault, error) : NULL;
    bool fine = vault != NULL;
    for (; vaulted && fine; vaulted = vaulted->next) {
        const struct vault_entry entry = {
            .id = vaulted->id, .origin = vaulted->origin, .secret = vaulted->secret, .flags = vault_flag_runtime};
        fine = vault_put(vault, &entry, library_now_s(), error);
    }
    if (fine || !vault) return vault;
    vault_free(vault);
    return NULL;
}

bool library_vault_take(struct weir *weir, const struct config *config, struct arena *arena, struct str *text,
                        struct vault **vault, struct error *error) {
    struct config_vaulted *vaulted = NULL;
    uint64_t seed;
    *vault = NULL;
    if (!text->len) return true;
    random_bytes(&seed, sizeof seed);
    struct text out = text_in_arena(arena, text->len + 256);
    if (!config_overlay_vault(*text, config, seed, arena, &vaulted, &out, error)) return false;
    if (!vaulted) return true;
    if (!(*vault = vault_fill(weir, vaulted, error))) return false;
    *text = text_str(&out);
    return true;
}

static bool id_is_named(const struct str *ids, size_t count, struct str id) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(ids[i], id)) return true;
    return false;
}

void library_vault_sweep(struct weir *weir, struct str overlay) {
    struct arena arena;
    struct str *ids;
    size_t count = 0, gone = 0;
    struct error error = {.code = error_none};
    struct vault *vault = vault_open(library_folder(weir->overlay_path), &error);
    arena_init(&arena, 4096, 64 * 1024 * 1024);
    bool fine = vault && config_overlay_vaulted(overlay, &arena, &ids, &count);
    for (size_t i = 0; fine && i < vault_count(vault);) {
        const struct vault_record *record = vault_at(vault, i);
        bool stays = !(record->flags & vault_flag_runtime) || id_is_named(ids, count, record->id);
        if (stays)
            i++;
        else
            gone += vault_remove(vault, record->id);
    }
    if (gone) fine = library_vault_unlock(vault, &weir->host, weir->vault, &error) && vault_save(vault, &error);
    if (gone && fine) {
        struct vault *before = weir->vault;
        weir->vault = vault;
        vault = before;
    }
    vault_free(vault);
    arena_free(&arena);
}

void library_vault_keep(struct weir *weir, struct vault **vault) {
    struct vault *before = *vault ? weir->vault : NULL;
    if (*vault) weir->vault = *vault;
    *vault = NULL;
    vault_free(before);
    if (weir->vault) key_keeper_wake(&weir->keeper);
}

/* The credentials that earlier versions left in clear. */
static bool overlay_vault(struct weir *weir, struct str *text, struct arena *arena, bool *moved, struct error *error) {
    struct vault *vault = NULL;
    struct text sealed = text_in_arena(arena, text->len + 256);
    if (!config_overlay_seal(*text, &weir->config, arena, &sealed, error)) return false;
    *text = text_str(&sealed); /* what was given for another server is not bound to this one */
    bool fine = library_vault_take(weir, &weir->config, arena, text, &vault, error);
    if (!fine || !vault) return fine;
    fine = vault_save(vault, error) && overlay_write(weir->overlay_path, *text, error);
    *moved = fine;
    if (fine) library_vault_keep(weir, &vault);
    vault_free(vault);
    return fine;
}

bool library_vault_move_in(struct weir *weir, bool *moved, struct error *error) {
    char temporary[overlay_path_max + 8];
    struct str text = STR_NONE;
    struct arena arena;
    *moved = false;
    if (!weir->host.keeps_marks) return true;
    int lock = overlay_lock(weir->overlay_path, error);
    bool fine = lock >= 0 && overlay_read(weir->overlay_path, &text, error);
    arena_init_secret(&arena, 64 * 1024, 64 * 1024 * 1024);
    snprintf(temporary, sizeof temporary, "%s.tmp", weir->overlay_path);
    if (fine) (void)unlink(temporary); /* of a writer that was killed, with keys in clear */
    struct str now = text;
    if (fine && text.len) fine = overlay_vault(weir, &now, &arena, moved, error);
    if (fine) library_vault_sweep(weir, now);
    arena_free(&arena);
    overlay_text_free(text);
    overlay_unlock(lock);
    return fine;
}

void library_vault_tell(struct weir *weir) {
    struct log_writer *log = weir->reports.log ? log_shared(weir->reports.log) : NULL;
    char said[480];
    struct text text = TEXT_IN_STRING(said);
    if (weir->vault_moved)
        log_info(log, clock_read(), "credentials_moved",
                 f_text("said", "keys that stood in clear in runtime.yaml are in the vault now; whoever may have read "
                                "that file, or a copy of it, still has them: give new ones where that matters"));
    if (!weir->vault || !vault_is_damaged(weir->vault, &text)) return;
    said[text.len] = 0;
    log_error(log, clock_read(), "vault_damaged", f_text("said", said));
}
