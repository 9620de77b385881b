/* weir_clients.c - clients changed at run time. Everything that can fail comes first: the settings are read against the
 * configuration in force, room is made in the registry, the row is on the disk; then it is in force, by one store that
 * every loop sees. A key that is not on the disk is not handed out. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/name.h"
#include "config/config_clients.h"
#include "config/config_decisions.h"
#include "dialect/json.h"
#include "observe/log.h"
#include "runtime/run_clients.h"

static const char *const client_change_names[] = {
    [client_add] = "add",       [client_change] = "change", [client_rotate] = "rotate", [client_disable] = "disable",
    [client_enable] = "enable", [client_revoke] = "revoke", [client_reset] = "reset"};

/* "weir-" and 64 hexadecimal digits. */
enum { client_key_prefix = 5, client_key_length = client_key_prefix + 64 };

struct client_editing {
    struct weir *weir;
    struct run_clients *clients;
    const struct client_edit *edit;
    const struct client *of_file; /* NULL: the file has none of this name */
    uint32_t number;              /* registry_none: there is none of this name */
    const struct client_record *before;
    struct arena arena;
    struct stored_client row;
    struct client_record *record;
    struct client_retired *retired;
    char key[client_key_length + 1]; /* empty: none was made; wiped at the end */
    struct config config; /* what is in force with this change; without a snapshot: nothing need be deployed */
    struct marks marks;   /* as they were, where they have been changed */
    bool marked;
};

static bool client_not_kept(struct client_editing *editing, struct error *error) {
    return error_set(error, error_storage_failed, "The client cannot be kept, and nothing has changed: %.160s",
                     client_store_problem(editing->clients->store));
}

/* Which row of the audit it is; the keys that were given, not their values. */
static struct audit_entry client_entry_of(const struct client_edit *edit, struct text *said) {
    static const enum audit_action kinds[] = {
        [client_add] = audit_client_add,       [client_change] = audit_client_change,
        [client_rotate] = audit_client_rotate, [client_disable] = audit_client_disable,
        [client_enable] = audit_client_enable, [client_revoke] = audit_client_revoke,
        [client_reset] = audit_client_reset};
    const char *problem;
    size_t at, place = 0;
    struct str name;
    struct json *json =
        edit->kind == client_add || edit->kind == client_change ? json_parse(edit->settings, &problem, &at) : NULL;
    while (json_each(json_root(json), &place, &name))
        if (!str_eq(name, STR("name"))) text_printf(said, "%s%.*s", said->len ? "," : "", STR_ARG(name));
    if (edit->kind == client_rotate) text_printf(said, "grace %lld s", (long long)edit->grace_s);
    json_free(json);
    return (struct audit_entry){.action = kinds[edit->kind],
                                .who = {edit->by, edit->address, edit->own_id},
                                .subject = edit->name,
                                .detail = text_str(said)};
}

/* The row of the audit, then the client's; `nothing`: it has none any more. */
static bool client_keep(struct client_editing *editing, bool nothing, struct error *error) {
    struct client_store *store = editing->clients->store;
    struct text said = text_in_arena(&editing->arena, 64);
    const struct audit_entry entry = client_entry_of(editing->edit, &said);
    if (!library_audit(editing->weir, &entry, error)) return false;
    if (nothing ? client_store_remove(store, editing->edit->name) : client_store_put(store, &editing->row)) return true;
    client_not_kept(editing, error);
    library_audit_failed(editing->weir, &entry);
    return false;
}

/* -- what is in force -- */

/* With the change of one of the file's, whose settings are these ({NULL,0}: none any more). */
static bool client_load(struct client_editing *editing, struct str settings, struct error *error) {
    char problems[sizeof error->message];
    struct weir *weir = editing->weir;
    struct config_source source = library_source(weir);
    source.texts = &weir->texts;
    source.deployment = weir->deployment;
    if (editing->of_file) source.client = editing->edit->name;
    source.client_settings = settings;
    if (atomic_load(&weir->live_deployments) >= limit_deployments)
        return error_set(error, error_overloaded, WEIR_TOO_MANY_DEPLOYMENTS);
    if (!library_config_load(&source, &editing->config, problems, sizeof problems))
        return error_set(error, error_invalid_request, "%s", problems);
    return editing->config.protects_count == 0 ||
           error_set(error, error_invalid_request, "The settings ask for a protection that is not available yet.");
}

static bool client_deploy(struct client_editing *editing, struct error *error) {
    return !editing->config.snapshot || library_deploy(editing->weir, &editing->config, deploying_edit, error);
}

/* From the first client on a key is wanted of everybody: the state folder remembers that before it is so. */
static bool client_mark(struct client_editing *editing, struct error *error) {
    struct weir *weir = editing->weir;
    if (weir->deployment->snapshot->had_clients) return true;
    struct str folder = library_folder(weir->overlay_path);
    marks_read(folder, STR_NONE, &editing->marks);
    struct marks marks = editing->marks;
    marks.had_clients = true;
    if (marks.problem[0] == 0 && !marks_write(folder, &marks, error)) return false;
    editing->marked = true;
    return client_load(editing, STR_NONE, error);
}

/* Nobody was let in by it. */
static void client_unmark(struct client_editing *editing) {
    struct error ignored;
    if (editing->marked && !editing->marks.problem[0])
        (void)!marks_write(library_folder(editing->weir->overlay_path), &editing->marks, &ignored);
}

/* -- made at run time -- */

static void client_key_new(struct client_editing *editing) {
    unsigned char bytes[32];
    random_bytes(bytes, sizeof bytes);
    memcpy(editing->key, "weir-", client_key_prefix);
    hash_to_hex(bytes, sizeof bytes, editing->key + client_key_prefix);
    memory_wipe(bytes, sizeof bytes);
    struct sha256 hash = hash_sha256(str_make(editing->key, client_key_length));
    editing->row.digest = client_registry_digest(&editing->clients->registry, &hash);
}

static bool client_settings_change(struct client_editing *editing, struct str before, struct error *error) {
    const struct client_edit *edit = editing->edit;
    struct str over = edit->kind == client_disable  ? STR("{\"enabled\":false}")
                      : edit->kind == client_enable ? STR("{\"enabled\":null}")
                                                    : edit->settings;
    if (!editing->of_file && config_client_wants_history(over, &editing->arena))
        return error_set(error, error_invalid_request,
                         "`start: history` is for budgets of the configuration: one that a client is given at run "
                         "time begins with nothing spent. Leave `start` out.");
    return config_client_settings(before, over, &editing->arena, &editing->row.settings, error);
}

/* The row as it will be. */
static bool row_change(struct client_editing *editing, struct error *error) {
    const struct client_record *before = editing->before;
    const struct client_edit *edit = editing->edit;
    struct stored_client *row = &editing->row;
    int64_t now_s = library_now_s();
    *row = (struct stored_client){.name = edit->name, .settings = STR("{}"), .made_s = now_s, .rotated_s = now_s};
    if (before) {
        *row = (struct stored_client){.name = edit->name,
                                      .settings = before->settings,
                                      .digest = before->digest,
                                      .has_previous = before->previous_until_s > now_s,
                                      .previous = before->previous,
                                      .previous_until_s = before->previous_until_s,
                                      .made_s = before->made_s,
                                      .rotated_s = before->rotated_s};
        memcpy(row->id, before->id, sizeof row->id);
    } else {
        random_bytes(row->id, sizeof row->id);
        client_key_new(editing);
    }
    row->changed_s = now_s;
    row->revoked = edit->kind == client_revoke;
    if (edit->kind == client_rotate) {
        row->has_previous = edit->grace_s > 0;
        row->previous = before->digest;
        row->previous_until_s = edit->grace_s > 0 ? now_s + edit->grace_s : 0;
        row->rotated_s = now_s;
        client_key_new(editing);
    }
    if (edit->kind == client_rotate || edit->kind == client_revoke) return true;
    return client_settings_change(editing, before ? before->settings : STR(""), error) &&
           run_clients_fit(editing->clients, edit->name, row->settings, error);
}

static bool settings_disable(struct str settings) {
    struct json *json;
    const char *problem;
    size_t at;
    json = json_parse(settings, &problem, &at);
    bool disabled = !json_bool(json_member(json_root(json), "enabled"), true);
    json_free(json);
    return disabled;
}

/* What changes have outdated is given back with its snapshot: from so much on the next one begins by itself. Where that
 * cannot be now, the next change tries again. */
static void client_sweep(struct client_editing *editing) {
    enum { outdated_most = 4096 };
    struct error ignored = {.code = error_none};
    struct client_editing sweep = {.weir = editing->weir, .clients = editing->clients, .edit = editing->edit};
    if (editing->config.snapshot || client_bounds_outdated(editing->weir->deployment->snapshot) < outdated_most) return;
    if (client_load(&sweep, STR_NONE, &ignored)) (void)client_deploy(&sweep, &ignored);
    config_free(&sweep.config);
}

/* What the loops see. Nothing fails any more. */
static void client_publish(struct client_editing *editing) {
    struct client_registry *registry = &editing->clients->registry;
    if (editing->number == registry_none)
        editing->number = client_registry_add(registry, editing->record);
    else
        client_registry_replace(registry, editing->number, editing->record, &editing->retired->replaced);
    editing->record = NULL;
}

static bool client_edit_own(struct client_editing *editing, struct error *error) {
    struct run_clients *clients = editing->clients;
    if (!run_clients_seal(clients, error) || !row_change(editing, error)) return false;
    editing->retired = memory_take_zeroed(sizeof *editing->retired);
    editing->record = run_clients_record(&editing->row);
    bool room =
        editing->retired && editing->record && client_registry_reserve(&clients->registry, &editing->retired->replaced);
    bool barred = editing->row.revoked || settings_disable(editing->row.settings);
    if (!room || (!editing->of_file && !run_clients_bar(clients, editing->edit->name, false)))
        return error_set(error, error_out_of_memory, "No memory for this client.");
    if (!editing->before && !client_mark(editing, error)) return false;
    if (!client_keep(editing, false, error)) return false;
    client_publish(editing);
    if (!editing->of_file) (void)run_clients_bar(clients, editing->edit->name, barred);
    editing->marked = false;
    client_sweep(editing);
    return client_deploy(editing, error);
}

/* -- of the file -- */

static bool client_key_is_files(const struct client_edit *edit, struct error *error) {
    return error_set(error, error_invalid_request,
                     "The key of `%.*s` stands in the configuration file, as its `key_hash`: change it there.",
                     STR_ARG(edit->name));
}

/* Settings over the file's, or none any more; the next requests begin with another configuration. */
static bool client_edit_file(struct client_editing *editing, struct error *error) {
    struct run_clients *clients = editing->clients;
    const struct client_edit *edit = editing->edit;
    struct stored_client *row = &editing->row;
    struct str before = STR_NONE;
    struct client_edit changed = *edit;
    if (edit->kind == client_rotate) return client_key_is_files(edit, error);
    if (edit->kind == client_revoke) changed.kind = client_disable;
    if (!run_clients_seal(clients, error)) return false;
    if (!client_store_settings(clients->store, edit->name, &editing->arena, &before))
        return client_not_kept(editing, error);
    *row = (struct stored_client){
        .name = edit->name, .of_file = true, .made_s = library_now_s(), .changed_s = library_now_s()};
    random_bytes(row->id, sizeof row->id);
    editing->edit = &changed;
    bool fine = edit->kind == client_reset || client_settings_change(editing, before, error);
    editing->edit = edit;
    /* What is as the file says leaves no row: `enable` after `disable`. */
    bool nothing = edit->kind == client_reset || str_eq(row->settings, STR("{}"));
    fine = fine && client_load(editing, nothing ? STR_NONE : row->settings, error);
    if (!fine) return false;
    return client_keep(editing, nothing, error) && client_deploy(editing, error);
}

/* -- one edit -- */

static bool client_find(struct client_editing *editing, struct error *error) {
    struct str name = editing->edit->name, shown = str_slice(name, 0, limit_name);
    struct client_registry *registry = &editing->clients->registry;
    enum client_edit_kind kind = editing->edit->kind;
    editing->of_file = map_find(&editing->weir->deployment->snapshot->clients_by_name, name);
    editing->number = client_registry_number(registry, name);
    if (editing->number != registry_none)
        editing->before = atomic_load(&client_registry_slot(registry, editing->number)->record);
    bool revoked = editing->before && editing->before->revoked;
    if (kind == client_add && !name_is_valid(name))
        return error_set(error, error_invalid_request,
                         "A client needs a `name` of letters, digits, `-`, `_` and `.`, at most %d.", limit_name);
    if (kind == client_add && revoked)
        return error_set(error, error_name_exists,
                         "`%.*s` was a client's name whose key is revoked; what it spent and stored stands under it: "
                         "choose another name.",
                         STR_ARG(shown));
    if (kind == client_add && (editing->before || editing->of_file))
        return error_set(error, error_name_exists,
                         "There is a client `%.*s` already: change it, or choose another name.", STR_ARG(shown));
    if (kind == client_add || (editing->of_file && (!editing->before || revoked))) return true;
    if (!editing->before) return library_client_unknown(name, error);
    if (revoked)
        return error_set(error, error_invalid_request,
                         "The key of `%.*s` is revoked, which is for good: add another client.", STR_ARG(shown));
    return kind != client_reset || editing->of_file ||
           error_set(error, error_invalid_request,
                     "`%.*s` was made at run time: there is nothing in the configuration file to go back to. Change "
                     "the key to null in place of it.",
                     STR_ARG(shown));
}

/* Is the key that it is asked by, where it is asked by one, still its own? The one before it, which may be why there is
 * a next, makes none that would outlast its grace. */
static bool client_key_stands(const struct client_editing *editing, struct error *error) {
    const struct client_edit *edit = editing->edit;
    struct client_found found;
    if (!edit->key) return true;
    enum client_answer answer = client_registry_ask(&editing->clients->registry, editing->weir->deployment->snapshot,
                                                    edit->key, library_now_s(), &found);
    if (answer == client_unknown && editing->of_file) return client_key_is_files(edit, error);
    if (answer != client_known || found.number != editing->number)
        return error_set(error, error_invalid_client_key, "This key lets nobody in any more.");
    return !found.former ||
           error_set(error, error_not_allowed,
                     "This key has a next one and ends with its grace: the next one makes the one behind it.");
}

static char *client_view(const struct client_editing *editing) {
    struct arena arena;
    arena_init_secret(&arena, 4096, 4 * 1024 * 1024);
    struct text text = text_in_arena(&arena, 2048);
    const struct client *of_file = map_find(&editing->weir->deployment->snapshot->clients_by_name, editing->edit->name);
    if (editing->number != registry_none)
        run_client_put(editing->clients, editing->number, str_from(editing->key), &text);
    else if (of_file)
        run_client_file_put(of_file, &text);
    char *view = run_clients_given(&text);
    arena_free(&arena);
    return view;
}

static bool client_edit_locked(struct weir *weir, const struct client_edit *edit, char **view, struct error *error) {
    struct client_editing editing = {.weir = weir, .clients = weir->clients, .edit = edit};
    arena_init(&editing.arena, 4096, 4 * 1024 * 1024);
    bool fine = client_find(&editing, error) && client_key_stands(&editing, error);
    bool own =
        edit->kind == client_add || (editing.before && !editing.before->revoked && !editing.of_file) ||
        (editing.before && !editing.before->revoked && (edit->kind == client_rotate || edit->kind == client_revoke));
    if (fine && !own && edit->kind == client_reset && editing.before && !editing.before->revoked)
        fine = error_set(error, error_invalid_request,
                         "`%.*s` stands in the configuration file and was made at run time too: revoke the key that "
                         "was made at run time first.",
                         STR_ARG(str_slice(edit->name, 0, limit_name)));
    fine = fine && (own ? client_edit_own(&editing, error) : client_edit_file(&editing, error));
    if (!fine) client_unmark(&editing);
    if (editing.retired) run_clients_retire(weir->clients, editing.retired);
    if (fine) {
        *view = client_view(&editing);
        log_info(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "client_changed",
                 f_str("client", edit->name), f_text("change", client_change_names[edit->kind]), f_str("by", edit->by),
                 f_str("request_id", edit->request_id),
                 f_str("own_id", str_eq(edit->own_id, edit->request_id) ? STR_NONE : edit->own_id));
    }
    memory_give(editing.record);
    memory_wipe(editing.key, sizeof editing.key);
    config_free(&editing.config);
    arena_free(&editing.arena);
    return fine;
}

bool library_client_edit(struct weir *weir, const struct client_edit *edit, char **view, struct weir_error *error) {
    struct error why = {.code = error_none};
    *view = NULL;
    pthread_mutex_lock(&weir->control);
    bool fine = client_edit_locked(weir, edit, view, &why);
    pthread_mutex_unlock(&weir->control);
    if (!fine) library_error_set(error, why.code, str_from(why.message));
    return fine;
}

/* -- the library's face -- */

static char *client_edit_by_host(struct weir *weir, const struct client_edit *edit, struct weir_error *error) {
    char *view = NULL;
    if (library_client_edit(weir, edit, &view, error) && !view)
        library_error_set(error, error_out_of_memory, STR("It is done, and there is no memory to show it."));
    return view;
}

static int client_done_by_host(struct weir *weir, enum client_edit_kind kind, const char *name, const char *settings,
                               struct weir_error *error) {
    const struct client_edit edit = {.kind = kind,
                                     .name = str_from(name),
                                     .settings = str_from(settings),
                                     .by = STR("library"),
                                     .address = STR("process")};
    char *view = NULL;
    bool fine = library_client_edit(weir, &edit, &view, error);
    weir_free(view);
    return fine ? 0 : -1;
}

char *weir_client_add(struct weir *weir, const char *name, const char *json_settings, struct weir_error *error) {
    const struct client_edit edit = {.kind = client_add,
                                     .name = str_from(name),
                                     .settings = json_settings ? str_from(json_settings) : STR("{}"),
                                     .by = STR("library"),
                                     .address = STR("process")};
    return client_edit_by_host(weir, &edit, error);
}

char *weir_client_rotate(struct weir *weir, const char *name, unsigned grace_seconds, struct weir_error *error) {
    const struct client_edit edit = {.kind = client_rotate,
                                     .name = str_from(name),
                                     .grace_s = grace_seconds,
                                     .by = STR("library"),
                                     .address = STR("process")};
    return client_edit_by_host(weir, &edit, error);
}

int weir_client_change(struct weir *weir, const char *name, const char *json_settings, struct weir_error *error) {
    return client_done_by_host(weir, client_change, name, json_settings, error);
}

int weir_client_disable(struct weir *weir, const char *name, struct weir_error *error) {
    return client_done_by_host(weir, client_disable, name, NULL, error);
}

int weir_client_enable(struct weir *weir, const char *name, struct weir_error *error) {
    return client_done_by_host(weir, client_enable, name, NULL, error);
}

int weir_client_revoke(struct weir *weir, const char *name, struct weir_error *error) {
    return client_done_by_host(weir, client_revoke, name, NULL, error);
}

int weir_client_reset(struct weir *weir, const char *name, struct weir_error *error) {
    return client_done_by_host(weir, client_reset, name, NULL, error);
}

char *weir_client(struct weir *weir, const char *name, struct weir_error *error) {
    return library_client(weir, str_from(name), error);
}

char *weir_clients(struct weir *weir, const char *after, unsigned most, struct weir_error *error) {
    return library_clients(weir, after ? str_from(after) : STR(""), most ? most : clients_told_usual, error);
}
