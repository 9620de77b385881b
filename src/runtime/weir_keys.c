/* weir_keys.c - credentials of the vault set, rotated, removed and listed at run time. A change is applied to a vault
 * that nobody uses yet; the configuration in force is built with it, then it is on the disk, then in force on every
 * loop. Must never: answer a secret, or more of one than its last four characters. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "observe/log.h"
#include "runtime/weir_internal.h"

enum { keys_grace_s = 24 * 3600 };
enum { key_shown_least = 16 }; /* of a shorter secret four characters would be much of it */

static const char *const kind_names[] = {
    [key_set] = "set", [key_next] = "next", [key_rotate] = "rotate", [key_remove] = "remove", [key_rekey] = "rekey"};

static struct log_writer *keys_log(const struct weir *weir) {
    return weir->reports.log ? log_shared(weir->reports.log) : NULL;
}

static bool keys_fail(struct weir_error *error, const struct error *why) {
    library_error_set(error, why->code ? why->code : error_internal, str_from(why->message));
    return false;
}

/* Where a provider of this configuration leads; {NULL,0}: there is none. */
static struct str keys_origin_of(const struct config *config, struct str provider) {
    for (const struct config_origin *known = config->origins; known; known = known->next)
        if (str_eq(known->provider, provider)) return known->origin;
    return STR_NONE;
}

/* The entry of that name; of a provider's name alone also its only one. NULL: *error. */
static const struct vault_record *record_named(const struct vault *vault, struct str name, struct error *error) {
    const struct vault_record *exact = vault_find(vault, name), *only = NULL;
    size_t count = 0;
    for (size_t i = 0; !exact && i < vault_count(vault); i++)
        if (str_eq(vault_at(vault, i)->provider, name) && !(vault_at(vault, i)->flags & vault_flag_next))
            only = vault_at(vault, i), count++;
    if (exact || count == 1) return exact ? exact : only;
    name = str_slice(name, 0, vault_id_max);
    if (count)
        error_set(error, error_invalid_request,
                  "The vault has %zu entries of the provider `%.*s`: say which one (weir key list).", count,
                  STR_ARG(name));
    else
        error_set(error, error_unknown_credential, "The vault has no entry `%.*s` (weir key list).", STR_ARG(name));
    return NULL;
}

static bool entry_set(struct vault *vault, const struct key_edit *edit, struct str origin, struct error *error) {
    const struct vault_record *known = vault_find(vault, edit->id);
    struct str provider = str_slice(edit->id, 0, str_find_byte(edit->id, '/'));
    if (!vault_id_is_valid(edit->id))
        return error_set(error, error_unknown_provider,
                         "`%.*s` is no name for a credential: PROVIDER or PROVIDER/NAME.",
                         STR_ARG(str_slice(edit->id, 0, 64)));
    if (!origin.at)
        return error_set(error, error_unknown_provider,
                         "There is no provider `%.*s`: a credential is for one of the configuration's. Name it there, "
                         "with api_key: vault:%.*s.",
                         STR_ARG(str_slice(provider, 0, 64)), STR_ARG(str_slice(edit->id, 0, 64)));
    const struct vault_entry entry = {.id = edit->id,
                                      .origin = origin,
                                      .secret = edit->secret,
                                      .flags = known ? known->flags : 0,
                                      .rotate_after_days = edit->rotate_after_days};
    return vault_put(vault, &entry, library_now_s(), error);
}

/* What of a secret no header could carry. */
static bool secret_is_good(struct str secret, struct error *error) {
    for (size_t i = 0; i < secret.len; i++)
        if ((unsigned char)secret.at[i] <= 0x20 || (unsigned char)secret.at[i] >= 0x7f)
            return error_set(error, error_invalid_request,
                             "The secret holds a blank, a line end or a character that is not ASCII.");
    return secret.len || error_set(error, error_invalid_request, "The secret is empty.");
}

/* In memory. *id is the entry's own name, as far as it has one. */
static bool key_apply(struct vault *vault, const struct key_edit *edit, struct str origin, struct str *id,
                      struct error *error) {
    const struct vault_sources to = {.key = edit->master_key, .passphrase = edit->passphrase};
    *id = edit->id;
    bool gives = edit->kind == key_set || edit->kind == key_rotate || edit->kind == key_next;
    if (gives && !secret_is_good(edit->secret, error)) return false;
    if (edit->kind == key_rekey) {
        bool fine = vault_rekey(vault, &to, error);
        if (error->code == error_bad_configuration) error->code = error_invalid_request; /* here it is who asks */
        return fine;
    }
    if (edit->kind == key_set) return entry_set(vault, edit, origin, error);
    const struct vault_record *record = record_named(vault, edit->id, error);
    if (!record) return false;
    *id = record->id;
    if (edit->kind == key_next) return vault_next_add(vault, record->id, edit->secret, library_now_s(), error);
    if (edit->kind == key_rotate)
        return vault_rotate(vault, record->id, edit->secret, edit->grace_s, library_now_s(), error);
    return vault_remove(vault, record->id);
}

/* -- what is shown -- */

static void last_four_put(const struct vault *vault, const struct vault_record *record, struct text *text) {
    struct arena arena;
    struct str secrets[2];
    struct error error = {.code = error_none};
    size_t count = 0;
    arena_init_secret(&arena, 4096, 1024 * 1024);
    enum vault_opened opened = vault_get(vault, record->id, record->provider, record->origin, library_now_s(), &arena,
                                         secrets, &count, &error);
    static const char *const names[] = {[vault_opened] = "good",
                                        [vault_missing] = "missing",
                                        [vault_elsewhere] = "elsewhere",
                                        [vault_damaged] = "damaged",
                                        [vault_locked] = "locked"};
    text_json_str(text, STR("state"), str_from(names[opened]));
    for (size_t i = 0; i < count; i++) {
        struct str last =
            secrets[i].len < key_shown_least ? STR("") : str_slice(secrets[i], secrets[i].len - 4, SIZE_MAX);
        text_json_str(text, i ? STR("previous_last_four") : STR("last_four"), last);
    }
    if (count == 2) text_json_i64(text, STR("previous_until"), record->old_until_s);
    arena_free(&arena);
}

static void key_record_put(const struct vault *vault, const struct vault_record *record, const struct weir *weir,
                           struct text *text) {
    int64_t age_s = library_now_s() - record->rotated_s;
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), record->id);
    text_json_str(text, STR("provider"), record->provider);
    text_json_str(text, STR("origin"), record->origin);
    last_four_put(vault, record, text);
    text_json_bool(text, STR("runtime"), record->flags & vault_flag_runtime);
    text_json_i64(text, STR("created"), record->made_s);
    text_json_i64(text, STR("rotated"), record->rotated_s);
    text_json_i64(text, STR("age_days"), age_s > 0 ? age_s / 86400 : 0);
    text_json_bool(text, STR("waits"), record->flags & vault_flag_next);
    if (record->rotate_after_days) text_json_u64(text, STR("rotate_after_days"), record->rotate_after_days);
    if (weir) key_uses_write(&weir->key_uses, record->id, text);
    text_put_byte(text, '}');
}

static void vault_write(const struct vault *vault, const struct weir *weir, struct text *text) {
    text_put_byte(text, '{');
    text_json_str(text, STR("master_key"), vault_unlocked_by(vault));
    text_json_key(text, STR("credentials"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < vault_count(vault); i++) {
        text_json_comma(text);
        key_record_put(vault, vault_at(vault, i), weir, text);
    }
    text_put(text, STR("]}"));
}

static char *text_given(const struct text *text) {
    char *copy = text->failed ? NULL : memory_take(text->len + 1);
    if (copy) str_copy(copy, text->len + 1, text_str(text));
    return copy;
}

/* Whose keys come from it, in what is in force. */
static bool entry_is_used(const struct snapshot *snapshot, struct str id) {
    for (size_t i = 0; snapshot && i < snapshot->provider_count; i++)
        for (size_t k = 0; snapshot->providers[i].key_entries && k < snapshot->providers[i].key_count; k++)
            if (str_eq(snapshot->providers[i].key_entries[k], id)) return true;
    return false;
}

static char *edit_view(const struct vault *vault, const struct weir *weir, const struct key_edit *edit, struct str id,
                       bool waits) {
    struct arena arena;
    arena_init(&arena, 8 * 1024, 1024 * 1024);
    struct text text = text_in_arena(&arena, 2048);
    const struct vault_record *record = edit->kind == key_rekey ? NULL : vault_find(vault, id);
    if (record) {
        key_record_put(vault, record, weir, &text);
        text.len--; /* the closing brace */
    } else {
        text_put_byte(&text, '{');
        if (edit->kind == key_remove) text_json_str(&text, STR("name"), id);
        if (edit->kind == key_remove) text_json_bool(&text, STR("removed"), true);
        if (edit->kind == key_rekey) text_json_str(&text, STR("master_key"), vault_unlocked_by(vault));
    }
    bool unused = weir && !waits && edit->kind == key_set && !entry_is_used(weir->deployment->snapshot, id);
    if (waits || unused) text_put(&text, STR(",\"warnings\":["));
    if (waits)
        text_put(&text, STR("\"the configuration file leads that provider elsewhere than what is in force does: this "
                            "counts from the next reload on\""));
    if (unused)
        text_printf(&text,
                    "\"no key of a provider in force is `%.*s`: it is sent where the configuration says vault:%.*s\"",
                    STR_ARG(id), STR_ARG(id));
    if (waits || unused) text_put_byte(&text, ']');
    text_put_byte(&text, '}');
    char *view = text_given(&text);
    arena_free(&arena);
    return view;
}

/* -- in an open weir -- */

/* Of the files as they are, which may name what is not in force yet; else of what is in force. In the arena. */
static struct str origin_now(struct weir *weir, struct str id, struct arena *arena, bool *differs) {
    char problems[256];
    struct config config;
    struct config_ids ids = {NULL, 0, 0};
    struct str provider = str_slice(id, 0, str_find_byte(id, '/')), in_force = keys_origin_of(&weir->config, provider);
    struct config_source source = library_source(weir);
    source.ids = &ids;
    source.cells = NULL;
    library_config_load(&source, &config, problems, sizeof problems);
    struct str origin = arena_copy(arena, keys_origin_of(&config, provider));
    if (!origin.len) origin = arena_copy(arena, in_force);
    *differs = in_force.at && !str_eq(in_force, origin);
    config_free(&config);
    config_ids_free(&ids);
    return in_force.at || origin.len ? origin : STR_NONE;
}

/* What is in force, with this vault; *loaded says whether it could be. */
static bool in_force_load(struct weir *weir, const struct vault *vault, struct config *config, struct error *error) {
    char problems[sizeof error->message];
    struct config_source source = library_source(weir);
    source.texts = &weir->texts;
    source.deployment = weir->deployment;
    source.candidate = vault;
    return library_config_load(&source, config, problems, sizeof problems) ||
           error_set(error, error_invalid_request, "%s", problems);
}

/* What the configuration in force says to a vault that has changed. */
static bool key_load(struct weir *weir, const struct vault *vault, const struct key_edit *edit, struct str id,
                     struct config *config, struct error *error) {
    if (in_force_load(weir, vault, config, error)) return true;
    if (edit->kind == key_remove)
        error_set(error, error_invalid_request,
                  "`%.*s` is in use: take vault:%.*s out of the configuration first, or, where it was given at run "
                  "time, `weir provider update NAME api_key=`.",
                  STR_ARG(id), STR_ARG(id));
    return false;
}

/* `before` is what the disk holds: there again where the new one cannot be in force. */
static bool key_put_in_force(struct weir *weir, struct vault **vault, struct vault *before, struct config *config,
                             struct error *error) {
    struct error lost = {.code = error_none};
    if (atomic_load(&weir->live_deployments) >= limit_deployments)
        return error_set(error, error_overloaded, WEIR_TOO_MANY_DEPLOYMENTS);
    if (!vault_save(*vault, error)) return false;
    if (library_deploy(weir, config, deploying_edit, error)) {
        library_vault_keep(weir, vault);
        return true;
    }
    if (!vault_save(before, &lost)) *error = lost;
    return false;
}

static struct audit_entry key_entry_of(const struct key_edit *edit, struct str id, char *said, size_t size) {
    static const enum audit_action kinds[] = {[key_set] = audit_credential_set,
                                              [key_next] = audit_credential_next,
                                              [key_rotate] = audit_credential_rotate,
                                              [key_remove] = audit_credential_remove,
                                              [key_rekey] = audit_credential_rekey};
    struct text text = text_in_buffer(said, size);
    if (edit->kind == key_rotate) text_printf(&text, "grace %lld s", (long long)edit->grace_s);
    if (edit->rotate_after_days)
        text_printf(&text, "rotate after %u day%s", edit->rotate_after_days, str_plural(edit->rotate_after_days));
    if (edit->kind == key_rekey)
        text_put(&text, edit->passphrase   ? STR("a passphrase")
                        : edit->master_key ? STR("WEIR_MASTER_KEY")
                                           : STR("master.key"));
    return (struct audit_entry){.action = kinds[edit->kind],
                                .who = {edit->by, edit->address, edit->own_id},
                                .subject = edit->kind == key_rekey ? STR_NONE : id,
                                .detail = text_str(&text)};
}

/* Another master key is nothing that a loop would see, nor is what waits, or only counts from the next reload on. */
static bool key_commit(struct weir *weir, struct vault **vault, const struct key_edit *edit, struct str id, bool waits,
                       struct error *error) {
    char said[64];
    struct config config = {.problems = NULL};
    struct vault *before = NULL;
    const struct audit_entry entry = key_entry_of(edit, id, said, sizeof said);
    bool fine = edit->kind == key_rekey || edit->kind == key_next;
    bool loaded = !fine && key_load(weir, *vault, edit, id, &config, error);
    bool audited = (loaded || fine || waits) && library_audit(weir, &entry, error);
    if (!audited) {
        fine = false;
    } else if (loaded) {
        fine = (before = library_vault_open(weir->overlay_path, &weir->host, weir->vault, error)) &&
               key_put_in_force(weir, vault, before, &config, error);
    } else {
        fine = vault_save(*vault, error);
        if (fine) library_vault_keep(weir, vault);
    }
    if (audited && !fine) library_audit_failed(weir, &entry);
    vault_free(before);
    config_free(&config);
    return fine;
}

static bool key_edit_locked(struct weir *weir, const struct key_edit *edit, char **view, struct error *error) {
    struct arena arena;
    struct str id = edit->id;
    bool waits = false;
    int lock = overlay_lock(weir->overlay_path, error);
    struct vault *vault = lock < 0 ? NULL : library_vault_open(weir->overlay_path, &weir->host, weir->vault, error);
    arena_init(&arena, 4096, 1024 * 1024);
    struct str origin = vault && edit->kind == key_set ? origin_now(weir, edit->id, &arena, &waits) : STR_NONE;
    bool fine = vault && key_apply(vault, edit, origin, &id, error);
    if (fine) id = arena_copy(&arena, id);
    fine = fine && key_commit(weir, &vault, edit, id, waits, error);
    if (fine) {
        *view = edit_view(weir->vault, weir, edit, id, waits);
        log_info(keys_log(weir), clock_read(), "credential_changed", f_str("credential", id),
                 f_text("change", kind_names[edit->kind]), f_str("by", edit->by), f_str("request_id", edit->request_id),
                 f_str("own_id", str_eq(edit->own_id, edit->request_id) ? STR_NONE : edit->own_id));
    }
    vault_free(vault);
    arena_free(&arena);
    overlay_unlock(lock);
    return fine;
}

/* Entries whose time it is, to what waits for them. How many. */
static size_t keys_turn(struct vault *vault, struct weir *weir, int64_t now_s) {
    size_t turned = 0;
    for (size_t i = 0; i < vault_count(vault); i++) {
        const struct vault_record *record = vault_at(vault, i);
        struct error error = {.code = error_none};
        if (!library_key_is_due(record, now_s) || !vault_next(vault, record->id)) continue;
        if (vault_next_turn(vault, record->id, keys_grace_s, now_s, &error)) {
            turned++;
            i = (size_t)-1; /* places have changed, and what has turned is not due any more */
        } else if (key_uses_warn(&weir->key_uses, record->id, now_s)) {
            log_error(keys_log(weir), clock_read(), "credential_not_rotated", f_str("credential", record->id),
                      f_text("why", error.message));
        }
    }
    return turned;
}

/* Each that takes its turn by itself, before it is in force. */
static bool keys_turned_audit(struct weir *weir, const struct vault *vault, int64_t now_s, struct error *error) {
    bool fine = true;
    for (size_t i = 0; i < vault_count(vault) && fine; i++) {
        const struct vault_record *record = vault_at(vault, i);
        if (record->rotated_s != now_s || record->flags & vault_flag_next) continue;
        const struct audit_entry entry = {.action = audit_credential_rotate,
                                          .who = {STR("rotate_after_days"), library_who.address, STR_NONE},
                                          .subject = record->id};
        fine = library_audit(weir, &entry, error);
    }
    return fine;
}

static void keys_turned_tell(const struct weir *weir, int64_t now_s) {
    for (size_t i = 0; i < vault_count(weir->vault); i++)
        if (vault_at(weir->vault, i)->rotated_s == now_s && !(vault_at(weir->vault, i)->flags & vault_flag_next))
            log_info(keys_log(weir), clock_read(), "credential_changed",
                     f_str("credential", vault_at(weir->vault, i)->id), f_text("change", "rotate"),
                     f_text("by", "rotate_after_days"));
}

bool library_key_is_due(const struct vault_record *record, int64_t now_s) {
    return record->sealed_count && record->rotate_after_days && !(record->flags & vault_flag_next) &&
           now_s - record->rotated_s >= (int64_t)record->rotate_after_days * 86400;
}

bool library_keys_expire(struct weir *weir, struct error *error) {
    struct config config = {.problems = NULL};
    int64_t now_s = library_now_s();
    int lock = overlay_lock(weir->overlay_path, error);
    struct vault *vault = lock < 0 ? NULL : library_vault_open(weir->overlay_path, &weir->host, weir->vault, error);
    bool fine = vault != NULL;
    error->code = error_none;
    bool expired = fine && vault_expire(vault, now_s, error);
    fine = fine && (expired || !error->code);
    size_t turned = fine && weir->host.keeps_marks ? keys_turn(vault, weir, now_s) : 0;
    if (fine && !expired && !turned) { /* another process has done it */
        library_vault_keep(weir, &vault);
        overlay_unlock(lock);
        return true;
    }
    fine =
        fine && in_force_load(weir, vault, &config, error) && (!turned || keys_turned_audit(weir, vault, now_s, error));
    fine = fine && (!weir->host.keeps_marks || vault_save(vault, error)) &&
           library_deploy(weir, &config, deploying_edit, error);
    if (fine) library_vault_keep(weir, &vault);
    if (fine && turned) keys_turned_tell(weir, now_s);
    config_free(&config);
    vault_free(vault);
    overlay_unlock(lock);
    return fine;
}

bool library_key_edit(struct weir *weir, const struct key_edit *edit, char **view, struct weir_error *error) {
    struct error why = {.code = error_none};
    *view = NULL;
    pthread_mutex_lock(&weir->control);
    bool fine = key_edit_locked(weir, edit, view, &why);
    if (fine) key_keeper_wake(&weir->keeper);
    pthread_mutex_unlock(&weir->control);
    return fine || keys_fail(error, &why);
}

char *library_keys(struct weir *weir, struct weir_error *error) {
    struct error why = {.code = error_none};
    struct arena arena;
    char *view = NULL;
    arena_init(&arena, 16 * 1024, 64 * 1024 * 1024);
    struct text text = text_in_arena(&arena, 4096);
    pthread_mutex_lock(&weir->control);
    struct vault *vault = vault_open(library_folder(weir->overlay_path), &why);
    struct error locked = {.code = error_none};
    if (vault && vault_count(vault)) library_vault_unlock(vault, &weir->host, weir->vault, &locked);
    key_uses_gather(&weir->key_uses, weir->deployment->snapshot);
    if (vault) vault_write(vault, weir, &text);
    pthread_mutex_unlock(&weir->control);
    if (!vault)
        keys_fail(error, &why);
    else if (!(view = text_given(&text)))
        library_error_set(error, error_out_of_memory, STR_NONE);
    vault_free(vault);
    arena_free(&arena);
    return view;
}

/* -- of a state folder that nobody serves -- */

bool library_key_edit_alone(const char *config_path, const struct weir_host *host, const struct key_edit *edit,
                            char **view, struct weir_error *error) {
    char problems[512], overlay[overlay_path_max] = "", ledger[ledger_place_max] = "", said[64];
    struct error why = {.code = error_none};
    struct config config;
    struct config_ids ids = {NULL, 0, 0};
    struct config_source source = {
        .path = config_path, .host = host, .ids = &ids, .overlay_path = overlay, .ledger_place = ledger};
    struct str id = STR(""), provider = str_slice(edit->id, 0, str_find_byte(edit->id, '/'));
    *view = NULL;
    library_config_load(&source, &config, problems, sizeof problems); /* an entry that is missing is why we are asked */
    int lock = -1;
    bool fine = overlay[0] || error_set(&why, error_bad_configuration, "%s", problems);
    fine = fine && (lock = overlay_lock(overlay, &why)) >= 0;
    struct vault *vault = fine ? library_vault_open(overlay, host, NULL, &why) : NULL;
    fine = vault && key_apply(vault, edit, keys_origin_of(&config, provider), &id, &why);
    const struct audit_entry entry = key_entry_of(edit, id, said, sizeof said);
    fine = fine && library_audit_alone(ledger, &entry, &why) && vault_save(vault, &why);
    if (fine) *view = edit_view(vault, NULL, edit, id, false);
    vault_free(vault);
    overlay_unlock(lock);
    config_free(&config);
    config_ids_free(&ids);
    return fine || keys_fail(error, &why);
}

char *library_keys_alone(const char *state_dir, const struct weir_host *host, struct weir_error *error) {
    struct error why = {.code = error_none};
    struct arena arena;
    arena_init(&arena, 16 * 1024, 64 * 1024 * 1024);
    struct text text = text_in_arena(&arena, 4096);
    struct vault *vault = vault_open(str_from(state_dir), &why);
    struct error locked = {.code = error_none};
    if (vault && vault_count(vault)) library_vault_unlock(vault, host, NULL, &locked);
    if (vault) vault_write(vault, NULL, &text);
    char *view = vault ? text_given(&text) : NULL;
    if (!vault) keys_fail(error, &why);
    vault_free(vault);
    arena_free(&arena);
    return view;
}

/* -- the library's face -- */

static int key_edit_by_host(struct weir *weir, const struct key_edit *edit, struct weir_error *error) {
    char *view = NULL;
    bool fine = library_key_edit(weir, edit, &view, error);
    weir_free(view);
    return fine ? 0 : -1;
}

int weir_key_set(struct weir *weir, const char *name, const char *secret, unsigned rotate_after_days,
                 struct weir_error *error) {
    const struct key_edit edit = {.kind = key_set,
                                  .id = str_from(name),
                                  .secret = str_from(secret),
                                  .rotate_after_days = rotate_after_days,
                                  .by = library_who.actor,
                                  .address = library_who.address};
    return key_edit_by_host(weir, &edit, error);
}

int weir_key_next(struct weir *weir, const char *name, const char *secret, struct weir_error *error) {
    const struct key_edit edit = {.kind = key_next,
                                  .id = str_from(name),
                                  .secret = str_from(secret),
                                  .by = library_who.actor,
                                  .address = library_who.address};
    return key_edit_by_host(weir, &edit, error);
}

int weir_key_rotate(struct weir *weir, const char *name, const char *secret, unsigned grace_seconds,
                    struct weir_error *error) {
    const struct key_edit edit = {.kind = key_rotate,
                                  .id = str_from(name),
                                  .secret = str_from(secret),
                                  .grace_s = grace_seconds,
                                  .by = library_who.actor,
                                  .address = library_who.address};
    return key_edit_by_host(weir, &edit, error);
}

int weir_key_remove(struct weir *weir, const char *name, struct weir_error *error) {
    const struct key_edit edit = {
        .kind = key_remove, .id = str_from(name), .by = library_who.actor, .address = library_who.address};
    return key_edit_by_host(weir, &edit, error);
}

int weir_key_rekey(struct weir *weir, const char *passphrase, struct weir_error *error) {
    const struct key_edit edit = {
        .kind = key_rekey, .passphrase = passphrase, .by = library_who.actor, .address = library_who.address};
    return key_edit_by_host(weir, &edit, error);
}

char *weir_keys(struct weir *weir, struct weir_error *error) { return library_keys(weir, error); }
