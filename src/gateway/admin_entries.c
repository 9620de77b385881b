/* admin_entries.c - /admin/v1/routes, /rules, /owners, /templates and single /budgets: what the configuration has of
 * each, and changing it at run time. One set of answers for all kinds: which it is, is the first part of the path. A
 * change waits for the disk, so it runs on the control loop; the answer comes back by mailbox. */
#include "base/check.h"
#include "dialect/json.h"
#include "gateway/errand.h"
#include "gateway/inference.h"

static enum entry_kind entry_kind_asked(const struct visit *visit) {
    static const struct str prefix = STR("/admin/v1/");
    enum entry_kind kind = entry_route;
    struct str path = visit->route->path, plural = str_slice(path, prefix.len, path.len);
    plural = str_slice(plural, 0, str_find_byte(plural, '/'));
    bool known = config_entry_kind_of(plural, &kind);
    CHECKF(known, "no kind has the path %.*s", STR_ARG(path));
    return kind;
}

/* -- reading -- */

void answer_entries(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
    library_entries_write(visit->deployment->snapshot, entry_kind_asked(visit), &text);
    visit_answer_text(visit, &text);
}

void answer_entry(struct visit *visit) {
    char name[config_entry_name_max];
    struct error error = {.code = error_none};
    enum entry_kind kind = entry_kind_asked(visit);
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 4 * 1024);
    struct str asked = str_percent_decode(visit_id(visit), name, sizeof name);
    if (library_entry_write(visit->deployment->snapshot, kind, asked, &text)) {
        visit_answer_text(visit, &text);
        return;
    }
    arena_reset(&visit->gateway_worker->worker->scratch);
    (void)!library_entry_unknown(kind, asked, &error);
    visit_error(visit, error.code, str_from(error.message));
}

/* -- changing -- */

struct entry_errand {
    struct errand errand;
    struct entry_edit edit;
    char name[config_entry_name_max];
    char *view;
    struct error error;
    bool done;
};

static void entry_errand_release(void *own) { weir_free(((struct entry_errand *)own)->view); }

static void entry_edited(void *own) {
    struct entry_errand *editing = own;
    struct visit *visit = editing->errand.visit;
    int status = editing->edit.what == entry_add ? 201 : 200;
    if (editing->done)
        visit_answer(visit, status, STR("application/json"), editing->view ? str_from(editing->view) : STR("{}"));
    else
        visit_error(visit, editing->error.code, str_from(editing->error.message));
}

static void entry_errand_run(void *own) {
    struct entry_errand *editing = own;
    editing->done = library_entry_edit(editing->errand.gateway->weir, &editing->edit, &editing->view, &editing->error);
    errand_done(editing);
}

static const struct errand_kind entry_errand_kind = {sizeof(struct entry_errand), entry_errand_run, entry_edited,
                                                     entry_errand_release};

/* `name` as it stands in a path where it is `encoded`. */
static void entry_edit_start(struct visit *visit, enum entry_edit_kind what, struct str name, bool encoded) {
    struct entry_errand *editing = errand_new(visit, &entry_errand_kind);
    if (!editing) return;
    struct str own = encoded ? str_percent_decode(name, editing->name, sizeof editing->name) : name;
    if (!encoded) str_copy(editing->name, sizeof editing->name, name); /* a longer one is refused for its length */
    editing->edit = (struct entry_edit){.what = what,
                                        .kind = entry_kind_asked(visit),
                                        .name = encoded ? own : str_from(editing->name),
                                        .settings = str_make(visit->body, visit->body_len),
                                        .by = str_from(editing->errand.who.actor),
                                        .address = str_from(editing->errand.who.address),
                                        .request_id = str_from(visit->request_id),
                                        .own_id = str_from(visit->own_id)};
    errand_start(editing, editing->errand.gateway->options.control);
}

/* {"model": ..., the settings}, or "name". */
void answer_entry_add(struct visit *visit) {
    const struct config_entry_facts *facts = config_entry_facts(entry_kind_asked(visit));
    const char *problem = "";
    char key[32], name[config_entry_name_max] = "", sentence[160];
    size_t at = 0;
    struct text text = text_in_buffer(sentence, sizeof sentence);
    str_copy(key, sizeof key, facts->name_key.len ? facts->name_key : STR("name"));
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    str_copy(name, sizeof name, json_str(json_member(json_root(json), key), STR("")));
    json_free(json);
    text_printf(&text, "The body must be a JSON object with a `%s`: {\"%s\": \"NAME\", ...}.", key, key);
    if (name[0])
        entry_edit_start(visit, entry_add, str_from(name), false);
    else
        visit_error(visit, error_invalid_request, text_str(&text));
}

void answer_entry_change(struct visit *visit) { entry_edit_start(visit, entry_change, visit_id(visit), true); }
void answer_entry_remove(struct visit *visit) { entry_edit_start(visit, entry_remove, visit_id(visit), true); }

/* NAME/reset; of a budget NAME/revert, as `reset` is what becomes of its spend. */
void answer_entry_action(struct visit *visit) {
    const struct config_entry_facts *facts = config_entry_facts(entry_kind_asked(visit));
    struct str id = visit_id(visit), word = facts->reset;
    char sentence[160];
    struct text text = text_in_buffer(sentence, sizeof sentence);
    while (str_find_byte(word, ' ') != SIZE_MAX) word = str_slice(word, str_find_byte(word, ' ') + 1, word.len);
    if (str_ends(id, word) && id.len > word.len + 1 && id.at[id.len - word.len - 1] == '/') {
        entry_edit_start(visit, entry_reset, str_slice(id, 0, id.len - word.len - 1), true);
        return;
    }
    text_printf(&text, "POST /admin/v1/%.*s/NAME/ takes %.*s.", STR_ARG(facts->plural), STR_ARG(word));
    visit_error(visit, error_unknown_path, text_str(&text));
}
