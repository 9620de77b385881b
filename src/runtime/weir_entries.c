/* weir_entries.c - routes, rules, owners, templates and budgets changed at run time. Everything that can fail comes
 * first: the configuration with the change is checked and built, and whoever hangs on the entry still fits; then the
 * row is on the disk, then it is in force on every loop, as a reload is: what is under way goes on as it began, and
 * what was spent, breakers and locks stand beside configurations. */
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "dialect/json.h"
#include "observe/log.h"
#include "runtime/weir_internal.h"
#include "store/entry_store.h"

static const struct str hows[] = {
    [change_over] = STR("over"), [change_added] = STR("added"), [change_removed] = STR("removed")};
enum { how_count = sizeof hows / sizeof *hows };

static const enum audit_action entry_actions[entry_kinds][4] = {
    [entry_route] = {audit_route_add, audit_route_change, audit_route_remove, audit_route_reset},
    [entry_rule] = {audit_rule_add, audit_rule_change, audit_rule_remove, audit_rule_reset},
    [entry_owner] = {audit_owner_add, audit_owner_change, audit_owner_remove, audit_owner_reset},
    [entry_template] = {audit_template_add, audit_template_change, audit_template_remove, audit_template_reset},
    [entry_budget] = {audit_budget_add, audit_budget_change, audit_budget_remove, audit_budget_revert},
};

struct entry_editing {
    struct weir *weir;
    const struct entry_edit *edit;
    const struct config_entry_facts *facts;
    const struct entry *entry; /* as it is now; NULL: there is none */
    struct arena arena;
    struct entry_store *store;
    size_t rows; /* of all entries */
    bool kept;   /* there is a row of it, which is: */
    struct config_change before;
    struct config_change after;
    bool dropped; /* no row is left of it */
    struct config config;
};

/* -- what is kept -- */

static bool change_of(const struct stored_entry *stored, struct arena *arena, struct config_change *change) {
    size_t how = 0;
    *change = (struct config_change){.name = arena_copy(arena, stored->name),
                                     .settings = arena_copy(arena, stored->settings)};
    while (how < how_count && !str_eq(hows[how], stored->how)) how++;
    if (how < how_count) change->how = (enum config_change_how)how;
    return how < how_count && config_entry_kind_of(stored->kind, &change->kind) && change->name.at &&
           change->settings.at;
}

struct entries_loading {
    const struct config_source *source;
    struct arena *arena;
    struct config_change *list;
    size_t count;
    bool lost;
};

static bool entry_loaded(void *context, const struct stored_entry *stored) {
    struct entries_loading *loading = context;
    const struct config_change *given = loading->source->change;
    struct config_change change;
    if (!change_of(stored, loading->arena, &change)) return true; /* a later version's */
    if (given && given->kind == change.kind && str_eq(given->name, change.name)) return true;
    loading->lost = loading->count >= config_changes_max;
    if (!loading->lost) loading->list[loading->count++] = change;
    return !loading->lost;
}

void library_entries_loading(const struct config_source *source, struct arena *arena, struct config_input *input) {
    const char *place = source->ledger_place;
    char problem[400] = "";
    struct entries_loading loading = {.source = source, .arena = arena};
    if (!place || !place[0]) return;
    bool there = ledger_is_there(place);
    if (!there && !source->change) return;
    loading.list = arena_take(arena, (config_changes_max + 1) * sizeof *loading.list);
    struct entry_store *store = loading.list && there ? entry_store_open(place, problem, sizeof problem) : NULL;
    if (store && !entry_store_each(store, entry_loaded, &loading))
        snprintf(problem, sizeof problem, "the ledger: %s",
                 loading.lost ? "there are too many" : entry_store_problem(store));
    if (!loading.list) snprintf(problem, sizeof problem, "no memory for them");
    entry_store_close(store);
    input->changes_problem = arena_copy(arena, str_from(problem));
    if (source->change && !source->change_dropped && loading.list) {
        loading.list[loading.count] = *source->change;
        input->change_asked = &loading.list[loading.count++];
    }
    input->changes = loading.list;
    input->change_count = loading.count;
}

static const struct entry *library_entry_find(const struct snapshot *snapshot, enum entry_kind kind, struct str name) {
    const struct entries *entries = &snapshot->entries[kind];
    for (size_t i = 0; i < entries->count; i++)
        if (str_eq(entries->list[i].name, name)) return &entries->list[i];
    return NULL;
}

void library_entries_tell(struct weir *weir, const struct snapshot *before, const struct snapshot *snapshot) {
    for (size_t kind = 0; kind < entry_kinds; kind++)
        for (size_t i = 0; i < snapshot->entries[kind].count; i++) {
            const struct entry *entry = &snapshot->entries[kind].list[i];
            if (!entry->problem.len) continue;
            const struct config_entry_facts *facts = config_entry_facts((enum entry_kind)kind);
            const struct entry *was = before ? library_entry_find(before, (enum entry_kind)kind, entry->name) : NULL;
            if (was && str_eq(was->problem, entry->problem)) continue; /* it has been said */
            log_error(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "change_left_out",
                      f_str("kind", facts->word), f_str("name", entry->name), f_str("why", entry->problem),
                      f_str("mend", STR("change it or the configuration file; its reset drops it")));
        }
}

/* -- what is told -- */

bool library_entry_unknown(enum entry_kind kind, struct str name, struct error *error) {
    const struct config_entry_facts *facts = config_entry_facts(kind);
    return error_set(error, kind == entry_route ? error_unknown_route : error_unknown_entry,
                     "There is no %.*s `%.*s`: GET /admin/v1/%.*s lists those that there are.", STR_ARG(facts->word),
                     STR_ARG(str_slice(name, 0, 80)), STR_ARG(facts->plural));
}

static bool entry_is_edited(const struct entry *entry) {
    return entry->changed.len || entry->removed || !entry->of_file || entry->problem.len;
}

/* "how": what became of it at run time. */
static struct str entry_how(const struct entry *entry) {
    return entry->problem.len ? STR("left out")
           : entry->removed   ? STR("removed")
           : !entry->of_file  ? STR("added")
                              : STR("changed");
}

static void entry_names_put(const struct entry *entry, struct text *text) {
    struct str rest = entry->changed, key;
    text_json_key(text, STR("changed"));
    text_put_byte(text, '[');
    while (rest.len && str_split_next(&rest, ',', &key)) {
        text_json_comma(text);
        text_put_json(text, str_trim(key));
    }
    text_put_byte(text, ']');
    if (entry->problem.len) text_json_str(text, STR("problem"), entry->problem);
}

static void library_entry_put(const struct config_entry_facts *facts, const struct entry *entry, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, facts->name_key.len ? facts->name_key : STR("name"), entry->name);
    text_json_str(text, STR("from"), entry->of_file ? STR("file") : STR("runtime"));
    text_json_bool(text, STR("edited"), entry_is_edited(entry));
    if (entry->removed) text_json_bool(text, STR("removed"), true);
    entry_names_put(entry, text);
    text_json_key(text, STR("settings"));
    text_put(text, entry->settings.len ? entry->settings : STR("{}"));
    text_put_byte(text, '}');
}

bool library_entry_write(const struct snapshot *snapshot, enum entry_kind kind, struct str name, struct text *text) {
    const struct entry *entry = library_entry_find(snapshot, kind, name);
    if (entry) library_entry_put(config_entry_facts(kind), entry, text);
    return entry != NULL;
}

void library_entries_write(const struct snapshot *snapshot, enum entry_kind kind, struct text *text) {
    const struct config_entry_facts *facts = config_entry_facts(kind);
    text_put_byte(text, '{');
    text_json_key(text, facts->plural);
    text_put_byte(text, '[');
    for (size_t i = 0; i < snapshot->entries[kind].count; i++)
        library_entry_put(facts, &snapshot->entries[kind].list[i], text);
    text_put(text, STR("]}"));
}

void library_entries_changed_put(const struct snapshot *snapshot, struct text *text) {
    text_json_key(text, STR("changed_at_run_time"));
    text_put_byte(text, '[');
    for (size_t kind = 0; kind < entry_kinds; kind++)
        for (size_t i = 0; i < snapshot->entries[kind].count; i++) {
            const struct entry *entry = &snapshot->entries[kind].list[i];
            if (!entry_is_edited(entry)) continue;
            text_json_comma(text);
            text_put_byte(text, '{');
            text_json_str(text, STR("kind"), config_entry_facts((enum entry_kind)kind)->word);
            text_json_str(text, STR("name"), entry->name);
            text_json_str(text, STR("how"), entry_how(entry));
            entry_names_put(entry, text);
            text_put_byte(text, '}');
        }
    text_put_byte(text, ']');
}

/* -- one edit -- */

static bool entry_store_ready(struct entry_editing *editing, struct error *error) {
    char problem[300] = "";
    struct weir *weir = editing->weir;
    if (!weir->books || !weir->ledger_place[0])
        return error_set(error, error_unsupported,
                         "Changes are kept in the ledger, and here is none: there is no state folder of its own.");
    editing->store = entry_store_open(weir->ledger_place, problem, sizeof problem);
    return editing->store || error_set(error, error_storage_failed, "Nothing was changed: %.200s", problem);
}

static bool entry_row_take(void *context, const struct stored_entry *stored) {
    struct entry_editing *editing = context;
    editing->rows++;
    if (!str_eq(stored->kind, editing->facts->plural) || !str_eq(stored->name, editing->edit->name)) return true;
    editing->kept = change_of(stored, &editing->arena, &editing->before);
    return editing->kept;
}

static bool entry_is_allowed(struct entry_editing *editing, struct error *error) {
    const struct entry *entry = editing->entry;
    const struct str word = editing->facts->word, shown = str_slice(editing->edit->name, 0, 80);
    enum entry_edit_kind what = editing->edit->what;
    if (what == entry_add && entry && entry->removed && entry->of_file)
        return error_set(error, error_name_exists,
                         "The %.*s `%.*s` stands in the configuration file and was removed at run time: `%.*s` brings "
                         "it back.",
                         STR_ARG(word), STR_ARG(shown), STR_ARG(editing->facts->reset));
    if (what == entry_add && entry && !entry->removed && (entry->of_file || !entry->problem.len))
        return error_set(error, error_name_exists, "There is a %.*s `%.*s` already: change it, or choose another name.",
                         STR_ARG(word), STR_ARG(shown));
    if (what == entry_add || (what == entry_reset && editing->kept && entry && entry->of_file)) return true;
    if (!entry || (entry->removed && what != entry_reset))
        return library_entry_unknown(editing->edit->kind, editing->edit->name, error);
    if (what != entry_reset || entry->problem.len || entry->removed) return true;
    if (entry->of_file)
        return error_set(error, error_invalid_request,
                         "The %.*s `%.*s` is as the configuration file says: nothing of it was changed.", STR_ARG(word),
                         STR_ARG(shown));
    return error_set(error, error_invalid_request,
                     "The %.*s `%.*s` was made at run time: there is nothing in the configuration file to go back to. "
                     "Remove it.",
                     STR_ARG(word), STR_ARG(shown));
}

/* The row as it will be. */
static bool entry_prepare(struct entry_editing *editing, struct error *error) {
    const struct entry_edit *edit = editing->edit;
    const struct entry *entry = editing->entry;
    struct config_change *after = &editing->after;
    *after = (struct config_change){.kind = edit->kind, .how = change_over, .name = edit->name, .settings = STR("{}")};
    bool keeps = editing->kept && editing->before.how != change_removed && edit->what == entry_change;
    if (edit->what == entry_add) after->how = change_added;
    if (keeps) after->how = editing->before.how;
    if (edit->what == entry_remove) after->how = change_removed;
    editing->dropped = edit->what == entry_reset || (edit->what == entry_remove && entry && !entry->of_file);
    if (edit->what == entry_remove || edit->what == entry_reset) return true;
    if (!config_entry_settings(editing->facts, edit->name, keeps ? editing->before.settings : STR(""), edit->settings,
                               &editing->arena, &after->settings, error))
        return false;
    editing->dropped = after->how == change_over && str_eq(after->settings, STR("{}"));
    return true;
}

/* More would not be read at the next start. */
static bool entry_row_fits(const struct entry_editing *editing, struct error *error) {
    return editing->kept || editing->dropped || editing->rows < config_changes_max ||
           error_set(error, error_invalid_request,
                     "%d changes made at run time are kept, and there may be no more: take some into the configuration "
                     "file, and reset or remove them.",
                     config_changes_max);
}

/* The owners that stand below one, and itself: whose clients a change of it may touch. */
static size_t entry_owners_below(const struct snapshot *snapshot, struct str name, struct str *names) {
    size_t count = 0;
    names[count++] = name;
    for (size_t i = 0; i < snapshot->owner_count; i++)
        for (const struct owner *at = snapshot->owners[i].in; at; at = at->in)
            if (str_eq(at->name, name)) {
                names[count++] = snapshot->owners[i].name;
                break;
            }
    return count;
}

static bool entry_clients_fit(struct entry_editing *editing, struct error *error) {
    struct snapshot *snapshot = editing->config.snapshot;
    enum entry_kind kind = editing->edit->kind;
    struct str *names = arena_take(&editing->arena, (snapshot->owner_count + 1) * sizeof *names);
    if (!names) return error_set(error, error_out_of_memory, "No memory for this.");
    if (kind == entry_route || kind == entry_rule) return true;
    size_t count = kind == entry_owner ? entry_owners_below(snapshot, editing->edit->name, names) : 1;
    names[0] = editing->edit->name;
    if (kind == entry_budget) { /* of any owner that names it: its place on a path is the same, unless it goes */
        if (editing->after.how != change_removed && !editing->dropped) return true;
    }
    return library_clients_would_fit(editing->weir, snapshot, names, count, error);
}

bool library_entries_stay(const struct snapshot *now, const struct snapshot *after, struct text *said) {
    for (size_t kind = 0; kind < entry_kinds; kind++)
        for (size_t i = 0; i < after->entries[kind].count; i++) {
            const struct entry *entry = &after->entries[kind].list[i];
            const struct entry *before =
                entry->problem.len ? library_entry_find(now, (enum entry_kind)kind, entry->name) : NULL;
            if (!entry->problem.len || (before && before->problem.len)) continue;
            text_printf(said, "What was changed of the %.*s `%.*s` hangs on it: %.*s",
                        STR_ARG(config_entry_facts((enum entry_kind)kind)->word),
                        STR_ARG(str_slice(entry->name, 0, 64)), STR_ARG(str_slice(entry->problem, 0, 300)));
            return false;
        }
    return true;
}

/* One that hangs on what goes would be left out. */
static bool entry_others_stay(const struct entry_editing *editing, struct error *error) {
    char words[sizeof error->message];
    struct text said = text_in_buffer(words, sizeof words);
    return library_entries_stay(editing->weir->deployment->snapshot, editing->config.snapshot, &said) ||
           error_set(error, error_invalid_request, "%.*s", STR_ARG(text_str(&said)));
}

/* The configuration with the change. */
static bool entry_load(struct entry_editing *editing, struct error *error) {
    struct weir *weir = editing->weir;
    char problems[sizeof error->message];
    struct config_source source = library_source(weir);
    source.texts = &weir->texts; /* what is in force, whatever stands on the disk by now */
    source.deployment = weir->deployment;
    source.change = &editing->after;
    source.change_dropped = editing->dropped;
    if (atomic_load(&weir->live_deployments) >= limit_deployments)
        return error_set(error, error_overloaded, WEIR_TOO_MANY_DEPLOYMENTS);
    bool loaded = library_config_load(&source, &editing->config, problems, sizeof problems);
    if (loaded && !editing->config.protects_count)
        return entry_others_stay(editing, error) && entry_clients_fit(editing, error);
    struct text text = TEXT_IN_STRING(error->message);
    const struct config_input input = {.path = str_from(weir->config_path), .overlay_path = STR("runtime.yaml")};
    for (const struct config_problem *at = editing->config.problems; at && !text.failed; at = at->next) {
        size_t before = text.len;
        if (at->severity == config_warning || (at->severity != config_error && !editing->config.protects_count))
            continue;
        if (before) text_put(&text, STR("; "));
        config_problem_write(&input, at, &text);
        if (text.failed) text.len = before; /* whole ones only */
    }
    error->code = error_invalid_request;
    error->message[text.len] = 0;
    if (!text.len) error_set(error, error_invalid_request, "%s", problems);
    return false;
}

static bool entry_row_write(struct entry_editing *editing, const struct config_change *change, bool dropped) {
    const struct str kind = editing->facts->plural;
    const struct stored_entry row = {.kind = kind,
                                     .name = change->name,
                                     .how = hows[change->how],
                                     .settings = change->settings,
                                     .changed_s = library_now_s()};
    return dropped ? entry_store_remove(editing->store, kind, change->name) : entry_store_put(editing->store, &row);
}

/* The row of the audit; the keys that were given, not their values. */
static struct audit_entry entry_audit_of(struct entry_editing *editing, struct text *said) {
    const struct entry_edit *edit = editing->edit;
    const char *problem;
    size_t at, place = 0;
    struct str name;
    bool gives = edit->what == entry_add || edit->what == entry_change;
    const struct json_value *json = gives ? json_parse_in(&editing->arena, edit->settings, &problem, &at) : NULL;
    while (json_each(json, &place, &name))
        if (!str_eq(name, STR("name")) && !str_eq(name, editing->facts->name_key))
            text_printf(said, "%s%.*s", said->len ? "," : "", STR_ARG(name));
    return (struct audit_entry){.action = entry_actions[edit->kind][edit->what],
                                .who = {edit->by, edit->address, edit->own_id},
                                .subject = edit->name,
                                .detail = text_str(said)};
}

/* The row of the audit, then the entry's, then it is in force; where that fails the row is as it was. */
static bool entry_commit(struct entry_editing *editing, struct error *error) {
    struct weir *weir = editing->weir;
    struct text said = text_in_arena(&editing->arena, 128);
    struct error why = {.code = error_none};
    const struct audit_entry entry = entry_audit_of(editing, &said);
    if (!library_audit(weir, &entry, error)) return false;
    bool kept = entry_row_write(editing, &editing->after, editing->dropped);
    if (!kept)
        error_set(error, error_storage_failed, "Nothing was changed: %.200s", entry_store_problem(editing->store));
    else if (library_deploy(weir, &editing->config, deploying_edit, error)) {
        if (!library_budgets_restore(weir, weir->deployment->snapshot, &why))
            log_error(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "budget_changes_unread",
                      f_text("why", why.message));
        return true;
    } else {
        (void)!entry_row_write(editing, editing->kept ? &editing->before : &editing->after, !editing->kept);
    }
    library_audit_failed(weir, &entry);
    return false;
}

static char *entry_view(const struct entry_editing *editing) {
    struct arena arena;
    arena_init(&arena, 4096, 4 * 1024 * 1024);
    struct text text = text_in_arena(&arena, 2048);
    if (!library_entry_write(editing->weir->deployment->snapshot, editing->edit->kind, editing->edit->name, &text)) {
        text_put_byte(&text, '{');
        text_json_str(&text, editing->facts->name_key.len ? editing->facts->name_key : STR("name"),
                      editing->edit->name);
        text_json_bool(&text, STR("removed"), true);
        text_put_byte(&text, '}');
    }
    char *view = text.failed ? NULL : memory_take(text.len + 1);
    if (view) str_copy(view, text.len + 1, text_str(&text));
    arena_free(&arena);
    return view;
}

static bool entry_edit_locked(struct entry_editing *editing, char **view, struct error *error) {
    static const struct str whats[] = {[entry_add] = STR("add"),
                                       [entry_change] = STR("change"),
                                       [entry_remove] = STR("remove"),
                                       [entry_reset] = STR("reset")};
    struct weir *weir = editing->weir;
    const struct entry_edit *edit = editing->edit;
    editing->entry = library_entry_find(weir->deployment->snapshot, edit->kind, edit->name);
    if (!entry_store_ready(editing, error)) return false;
    if (!entry_store_each(editing->store, entry_row_take, editing))
        return error_set(error, error_storage_failed, "Nothing was changed: %.200s",
                         entry_store_problem(editing->store));
    if (!entry_is_allowed(editing, error) || !entry_prepare(editing, error) || !entry_row_fits(editing, error) ||
        !entry_load(editing, error) || !entry_commit(editing, error))
        return false;
    *view = entry_view(editing);
    log_info(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "entry_changed",
             f_str("kind", editing->facts->word), f_str("name", edit->name), f_str("change", whats[edit->what]),
             f_str("by", edit->by), f_str("request_id", edit->request_id),
             f_str("own_id", str_eq(edit->own_id, edit->request_id) ? STR_NONE : edit->own_id));
    return true;
}

bool library_entry_edit(struct weir *weir, const struct entry_edit *edit, char **view, struct error *error) {
    struct entry_editing editing = {.weir = weir, .edit = edit, .facts = config_entry_facts(edit->kind)};
    *view = NULL;
    if (edit->name.len == 0 || edit->name.len >= config_entry_name_max ||
        str_control_at(edit->name, 0) != edit->name.len)
        return error_set(error, error_invalid_request, "The %.*s needs a `%.*s` of at most %d bytes, in one line.",
                         STR_ARG(editing.facts->word),
                         STR_ARG(editing.facts->name_key.len ? editing.facts->name_key : STR("name")),
                         config_entry_name_max - 1);
    arena_init(&editing.arena, 4096, 64 * 1024 * 1024);
    pthread_mutex_lock(&weir->control);
    bool fine = entry_edit_locked(&editing, view, error);
    pthread_mutex_unlock(&weir->control);
    config_free(&editing.config);
    entry_store_close(editing.store);
    arena_free(&editing.arena);
    return fine;
}

/* -- the library's face -- */

static int entry_edit_by_host(struct weir *weir, enum entry_edit_kind what, const char *kind, const char *name,
                              const char *settings, struct weir_error *error) {
    struct error why = {.code = error_none};
    char *view = NULL;
    struct entry_edit edit = {.what = what,
                              .name = str_from(name),
                              .settings = settings ? str_from(settings) : STR("{}"),
                              .by = library_who.actor,
                              .address = library_who.address};
    bool fine = config_entry_kind_of(str_from(kind), &edit.kind)
                    ? library_entry_edit(weir, &edit, &view, &why)
                    : error_set(&why, error_invalid_request,
                                "There is no kind `%.64s`: it is routes, rules, owners, templates or budgets.", kind);
    if (!fine) library_error_set(error, why.code, str_from(why.message));
    weir_free(view);
    return fine ? 0 : -1;
}

int weir_entry_add(struct weir *weir, const char *kind, const char *name, const char *json_settings,
                   struct weir_error *error) {
    return entry_edit_by_host(weir, entry_add, kind, name, json_settings, error);
}

int weir_entry_change(struct weir *weir, const char *kind, const char *name, const char *json_settings,
                      struct weir_error *error) {
    return entry_edit_by_host(weir, entry_change, kind, name, json_settings, error);
}

int weir_entry_remove(struct weir *weir, const char *kind, const char *name, struct weir_error *error) {
    return entry_edit_by_host(weir, entry_remove, kind, name, NULL, error);
}

int weir_entry_reset(struct weir *weir, const char *kind, const char *name, struct weir_error *error) {
    return entry_edit_by_host(weir, entry_reset, kind, name, NULL, error);
}

char *weir_entries(struct weir *weir, const char *kind, struct weir_error *error) {
    enum entry_kind of;
    struct arena arena;
    char *list = NULL;
    if (!config_entry_kind_of(str_from(kind), &of)) {
        library_error_set(error, error_invalid_request,
                          STR("The kind is routes, rules, owners, templates or budgets."));
        return NULL;
    }
    arena_init(&arena, 16 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 8 * 1024);
    struct deployment *deployment = library_deployment(weir);
    library_entries_write(deployment->snapshot, of, &text);
    deployment_release(deployment);
    list = text.failed ? NULL : memory_take(text.len + 1);
    if (list) str_copy(list, text.len + 1, text_str(&text));
    if (!list) library_error_set(error, error_out_of_memory, STR_NONE);
    arena_free(&arena);
    return list;
}
