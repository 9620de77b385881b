/* weir_providers.c - providers changed at run time. Everything that can fail comes first: the merged configuration is
 * checked and built, then the overlay is on the disk, then it is in force. */
#include <stdio.h>

#include "base/memory.h"
#include "observe/log.h"
#include "runtime/weir_internal.h"

struct editing {
    struct weir *weir;
    struct arena arena; /* wiped at the end: credentials pass through it */
    struct str before;  /* the overlay on the disk */
    struct str bound;   /* the same, every credential bound to where it goes now: the edit may lead elsewhere */
    struct str after;
    struct text keys;
    struct config config;
    struct vault *vault; /* with what the edit gives, not saved yet; NULL: it gives no credential */
};

static const char *const change_names[] = {
    [edit_add] = "add",       [edit_replace] = "replace", [edit_update] = "update",
    [edit_remove] = "remove", [edit_reset] = "reset",     [edit_state] = "state"};

static const struct absent_provider *absent_find(const struct snapshot *snapshot, struct str name) {
    for (const struct absent_provider *absent = snapshot->absent; absent; absent = absent->next)
        if (str_eq(absent->name, name)) return absent;
    return NULL;
}

static bool provider_exists(const struct snapshot *snapshot, struct str name) {
    const struct absent_provider *absent = absent_find(snapshot, name);
    return map_find(&snapshot->providers_by_name, name) || (absent && !absent->removed);
}

/* -- what is wrong -- */

static void problems_say(const struct config *config, const char *problems, struct weir_error *error) {
    char buffer[sizeof error->message];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    config_problems_say(config, &text);
    library_error_set(error, error_invalid_request, text.len ? text_str(&text) : str_from(problems));
}

static bool simulated_is_missing(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->provider_count; i++)
        if (snapshot->providers[i].simulated && snapshot->providers[i].base_url.len == 0) return true;
    return false;
}

/* -- one edit -- */

/* A larger one could not be read again. */
static bool overlay_fits(struct str text, struct weir_error *error) {
    if (text.len < overlay_bytes_max) return true;
    library_error_set(error, error_invalid_request, STR("The run-time overlay would become too large."));
    return false;
}

/* The overlay as it would be, loaded. */
static bool editing_load(struct editing *editing, struct weir_error *error) {
    char problems[sizeof error->message];
    if (!overlay_fits(editing->after, error)) return false;
    config_free(&editing->config);
    editing->config = (struct config){.problems = NULL};
    struct config_source source = library_source(editing->weir);
    source.overlay_text = editing->after;
    source.texts = &editing->weir->texts; /* what is in force, whatever stands on the disk by now */
    source.deployment = editing->weir->deployment;
    source.candidate = editing->vault;
    bool loaded = library_config_load(&source, &editing->config, problems, sizeof problems);
    if (loaded && !editing->config.protects_count && !simulated_is_missing(editing->config.snapshot)) return true;
    if (loaded && !editing->config.protects_count)
        library_error_set(error, error_invalid_request, STR("The built-in simulated provider does not run here."));
    else
        problems_say(&editing->config, problems, error);
    return false;
}

/* The overlay after the edit, loaded. Calls may follow each other: the last one counts. */
static bool attempt(struct editing *editing, const struct config_edit *edit, struct weir_error *error) {
    struct error why = {.code = error_none};
    struct text out = text_in_arena(&editing->arena, editing->bound.len + 1024);
    editing->keys = text_in_arena(&editing->arena, 128);
    if (!config_overlay_edit(editing->bound, edit, &editing->arena, &out, &editing->keys, &why)) {
        library_error_set(error, why.code, str_from(why.message));
        return false;
    }
    editing->after = text_str(&out);
    return editing_load(editing, error);
}

/* Has the edit done what it says, or must it be spelt out? A provider of the file comes back when its entry is only
 * left out; routes may name one that is gone. */
static bool has_happened(const struct editing *editing, const struct config_edit *edit) {
    const struct snapshot *snapshot = editing->config.snapshot;
    const struct provider *provider = map_find(&snapshot->providers_by_name, edit->provider);
    if (edit->kind == edit_remove) return !provider_exists(snapshot, edit->provider);
    return edit->kind != edit_state || !provider || provider->state == edit->state;
}

static bool is_allowed(const struct editing *editing, const struct config_edit *edit, struct weir_error *error) {
    char message[256];
    struct text text = text_in_buffer(message, sizeof message);
    struct str name = str_slice(edit->provider, 0, limit_name);
    bool exists = provider_exists(editing->weir->deployment->snapshot, edit->provider);
    if (edit->kind == edit_add && exists) {
        text_printf(&text, "There is a provider `%.*s` already: update it, or choose another name.", STR_ARG(name));
        library_error_set(error, error_name_exists, text_str(&text));
        return false;
    }
    if (edit->kind == edit_add || exists) return true;
    const struct absent_provider *absent = absent_find(editing->weir->deployment->snapshot, edit->provider);
    if (edit->kind == edit_reset && (absent || str_find(editing->before, edit->provider) != SIZE_MAX))
        return true; /* also of what the configuration has no more */
    text_printf(&text, "There is no provider `%.*s`%s.", STR_ARG(name),
                absent ? " any more: it was removed at run time (`reset` brings the configuration's back)" : "");
    library_error_set(error, error_unknown_provider, text_str(&text));
    return false;
}

static bool library_providers_bind(struct editing *editing, struct weir_error *error) {
    struct error why = {.code = error_none};
    editing->bound = editing->before;
    if (!editing->before.len) return true;
    struct text bound = text_in_arena(&editing->arena, editing->before.len + 256);
    bool fine = config_overlay_seal(editing->before, &editing->weir->config, &editing->arena, &bound, &why);
    if (fine)
        editing->bound = text_str(&bound);
    else
        library_error_set(error, why.code, str_from(why.message));
    return fine;
}

static bool prepare(struct editing *editing, const struct config_edit *edit, struct weir_error *error) {
    struct error why = {.code = error_none};
    if (!library_providers_bind(editing, error) || !is_allowed(editing, edit, error)) return false;
    struct config_edit spelt_out = *edit;
    spelt_out.spelt_out = true;
    bool fine = attempt(editing, edit, error) && has_happened(editing, edit);
    if (!fine && (edit->kind == edit_remove || edit->kind == edit_state)) fine = attempt(editing, &spelt_out, error);
    if (!fine) return false;
    struct text sealed = text_in_arena(&editing->arena, editing->after.len + 256);
    if (!config_overlay_seal(editing->after, &editing->config, &editing->arena, &sealed, &why)) {
        library_error_set(error, why.code, str_from(why.message));
        return false;
    }
    editing->after = text_str(&sealed);
    if (!library_vault_take(editing->weir, &editing->config, &editing->arena, &editing->after, &editing->vault, &why)) {
        library_error_set(error, why.code, str_from(why.message));
        return false;
    }
    /* As the next start will find it; and with what was written beside its credentials it must fit. */
    return editing->vault ? editing_load(editing, error) : overlay_fits(editing->after, error);
}

/* A route or a rule of run time that names one that is nowhere any more would be left out, with all its other targets.
 */
static bool nothing_hangs_on_it(const struct editing *editing, const struct provider_edit *edit,
                                struct weir_error *error) {
    char words[sizeof error->message];
    struct text said = text_in_buffer(words, sizeof words);
    if (edit->edit.kind != edit_remove || edit->force ||
        library_entries_stay(editing->weir->deployment->snapshot, editing->config.snapshot, &said))
        return true;
    text_put(&said, STR(". Change that first, or remove the provider with `force`: then it is left out."));
    library_error_set(error, error_in_use, text_str(&said));
    return false;
}

static bool commit(struct editing *editing, struct weir_error *error) {
    struct weir *weir = editing->weir;
    struct error why = {.code = error_none};
    if (atomic_load(&weir->live_deployments) >= limit_deployments) {
        library_error_set(error, error_overloaded, STR(WEIR_TOO_MANY_DEPLOYMENTS));
        return false;
    }
    /* The vault before the text that names what is in it. */
    if (!library_marks_keep(weir, &editing->config, &why) || (editing->vault && !vault_save(editing->vault, &why)) ||
        !overlay_write(weir->overlay_path, editing->after, &why)) {
        library_error_set(error, why.code, str_from(why.message));
        return false;
    }
    library_vault_keep(weir, &editing->vault);
    bool deployed = library_deploy(weir, &editing->config, deploying_edit, &why);
    if (!deployed) {
        library_error_set(error, why.code, str_from(why.message));
        (void)overlay_write(weir->overlay_path, editing->before, &why); /* as it was */
    }
    if (weir->vault) library_vault_sweep(weir, deployed ? editing->after : editing->before);
    return deployed;
}

/* What the load had to say of this edit: a key that does nothing yet, a credential left behind. */
static void warnings_put(const struct weir *weir, struct str name, struct str keys, struct text *text) {
    const struct config *config = &weir->config;
    char quoted[limit_name + 8];
    bool any = weir->file_said[0];
    if (any) text_put(text, STR(",\"warnings\":["));
    if (weir->file_said[0]) text_put_json(text, str_from(weir->file_said));
    for (const struct config_problem *problem = config->problems; problem; problem = problem->next) {
        struct str rest = keys, key = name;
        struct text target = text_in_buffer(quoted, sizeof quoted);
        text_printf(&target, "`%.*s/", STR_ARG(str_slice(name, 0, limit_name)));
        bool of_route = str_find(problem->message, text_str(&target)) != SIZE_MAX, about = of_route;
        do {
            struct text pattern = text_in_buffer(quoted, sizeof quoted);
            text_printf(&pattern, "`%.*s`", STR_ARG(str_slice(str_trim(key), 0, limit_name)));
            about = about || str_find(problem->message, text_str(&pattern)) != SIZE_MAX;
        } while (str_split_next(&rest, ',', &key));
        if ((!problem->overlay && !of_route) || !about) continue;
        text_put(text, any ? STR(",") : STR(",\"warnings\":["));
        text_put_json(text, problem->message);
        any = true;
    }
    if (any) text_put_byte(text, ']');
}

static char *library_providers_view_of(struct weir *weir, struct str name, struct str keys, bool removed) {
    struct arena arena;
    char *view = NULL;
    arena_init(&arena, 16 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 8 * 1024);
    if (removed) {
        text_put_byte(&text, '{');
        text_json_str(&text, STR("name"), name);
        text_json_bool(&text, STR("removed"), true);
    } else if (library_provider_write(weir->deployment->snapshot, name, &text) && !text.failed) {
        text.len--; /* the closing brace */
    } else {        /* an added one was reset */
        text_put_byte(&text, '{');
        text_json_str(&text, STR("name"), name);
    }
    warnings_put(weir, name, keys, &text);
    text_put_byte(&text, '}');
    view = text.failed ? NULL : memory_take(text.len + 1);
    if (view) str_copy(view, text.len + 1, text_str(&text));
    arena_free(&arena);
    return view;
}

/* Which row of the audit it is; the keys that were given, never their values. */
static struct audit_entry provider_entry_of(const struct editing *editing, const struct provider_edit *edit) {
    static const enum audit_action kinds[] = {
        [edit_add] = audit_provider_add,       [edit_replace] = audit_provider_replace,
        [edit_update] = audit_provider_update, [edit_remove] = audit_provider_remove,
        [edit_reset] = audit_provider_reset,   [edit_state] = audit_provider_state};
    return (struct audit_entry){.action = kinds[edit->edit.kind],
                                .who = {edit->by, edit->address, edit->own_id},
                                .subject = edit->edit.provider,
                                .detail = edit->edit.kind == edit_state ? provider_state_name(edit->edit.state)
                                                                        : text_str(&editing->keys)};
}

/* The row, then the change. */
static bool audited_commit(struct editing *editing, const struct provider_edit *edit, struct weir_error *error) {
    struct error why = {.code = error_none};
    const struct audit_entry entry = provider_entry_of(editing, edit);
    if (!library_audit(editing->weir, &entry, &why)) {
        library_error_set(error, why.code, str_from(why.message));
        return false;
    }
    if (commit(editing, error)) return true;
    library_audit_failed(editing->weir, &entry);
    return false;
}

static bool edit_locked(struct weir *weir, const struct provider_edit *edit, char **view, struct weir_error *error) {
    struct editing editing = {.weir = weir};
    struct error why = {.code = error_none};
    int lock = overlay_lock(weir->overlay_path, &why);
    bool fine = lock >= 0 && overlay_read(weir->overlay_path, &editing.before, &why);
    if (!fine) library_error_set(error, why.code, str_from(why.message));
    arena_init_secret(&editing.arena, 256 * 1024, 64 * 1024 * 1024); /* the edit may hold keys */
    fine = fine && prepare(&editing, &edit->edit, error) && nothing_hangs_on_it(&editing, edit, error) &&
           audited_commit(&editing, edit, error);
    if (fine) {
        const struct snapshot *snapshot = weir->deployment->snapshot;
        const struct provider *provider = map_find(&snapshot->providers_by_name, edit->edit.provider);
        bool resumed = edit->edit.kind == edit_state && edit->edit.state == provider_active;
        if (resumed && provider) snapshot_forgive(snapshot, provider, clock_read().mono_ns);
        library_file_look(weir);
        *view = library_providers_view_of(weir, edit->edit.provider, text_str(&editing.keys),
                                          edit->edit.kind == edit_remove);
        log_info(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "provider_changed",
                 f_str("provider", edit->edit.provider), f_text("change", change_names[edit->edit.kind]),
                 f_str("state", edit->edit.kind == edit_state ? provider_state_name(edit->edit.state) : STR_NONE),
                 f_str("keys", editing.keys.len ? text_str(&editing.keys) : STR_NONE), f_str("by", edit->by),
                 f_str("request_id", edit->request_id),
                 f_str("own_id", str_eq(edit->own_id, edit->request_id) ? STR_NONE : edit->own_id));
    }
    config_free(&editing.config);
    vault_free(editing.vault);
    arena_free(&editing.arena);
    overlay_text_free(editing.before);
    overlay_unlock(lock);
    return fine;
}

bool library_provider_edit(struct weir *weir, const struct provider_edit *edit, char **view, struct weir_error *error) {
    *view = NULL;
    pthread_mutex_lock(&weir->control);
    bool fine = edit_locked(weir, edit, view, error);
    pthread_mutex_unlock(&weir->control);
    return fine;
}

/* -- the library's face -- */

static int edit_by_host(struct weir *weir, enum config_edit_kind kind, enum provider_state state, const char *name,
                        const char *settings, struct weir_error *error) {
    char *view = NULL;
    struct provider_edit edit = {
        .edit = {.kind = kind, .provider = str_from(name), .settings = str_from(settings), .state = state},
        .by = library_who.actor,
        .address = library_who.address,
        .force = true};
    bool fine = library_provider_edit(weir, &edit, &view, error);
    weir_free(view);
    return fine ? 0 : -1;
}

int weir_provider_add(struct weir *weir, const char *name, const char *json_settings, struct weir_error *error) {
    return edit_by_host(weir, edit_add, provider_active, name, json_settings, error);
}

int weir_provider_update(struct weir *weir, const char *name, const char *json_settings, struct weir_error *error) {
    return edit_by_host(weir, edit_update, provider_active, name, json_settings, error);
}

int weir_provider_remove(struct weir *weir, const char *name, struct weir_error *error) {
    return edit_by_host(weir, edit_remove, provider_active, name, NULL, error);
}

int weir_provider_drain(struct weir *weir, const char *name, struct weir_error *error) {
    return edit_by_host(weir, edit_state, provider_draining, name, NULL, error);
}

int weir_provider_resume(struct weir *weir, const char *name, struct weir_error *error) {
    return edit_by_host(weir, edit_state, provider_active, name, NULL, error);
}

int weir_provider_maintenance(struct weir *weir, const char *name, struct weir_error *error) {
    return edit_by_host(weir, edit_state, provider_maintenance, name, NULL, error);
}

int weir_provider_reset(struct weir *weir, const char *name, struct weir_error *error) {
    return edit_by_host(weir, edit_reset, provider_active, name, NULL, error);
}
