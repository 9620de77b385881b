/* admin_providers.c - /admin/v1/providers: what there is, and changing it. An edit waits for the disk, so it runs on
 * the control loop; the answer comes back by mailbox. The body is wiped with its visit; no answer holds a credential.
 */
#include "dialect/json.h"
#include "gateway/errand.h"
#include "gateway/inference.h"

static const struct {
    struct str name;
    enum config_edit_kind kind;
    enum provider_state state;
    bool probes; /* changes nothing */
} actions[] = {{STR("drain"), edit_state, provider_draining, false},
               {STR("resume"), edit_state, provider_active, false},
               {STR("maintenance"), edit_state, provider_maintenance, false},
               {STR("probe"), edit_state, provider_active, true},
               {STR("reset"), edit_reset, provider_active, false}};
enum { action_count = sizeof actions / sizeof *actions };

struct str provider_action_word(size_t place) {
    return place < action_count ? actions[place].name : STR("");
}

void answer_providers(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
    library_providers_write(visit->deployment->snapshot, &text);
    visit_answer_text(visit, &text);
}

void answer_unknown_provider(struct visit *visit, struct str name) {
    char message[160];
    struct text text = text_in_buffer(message, sizeof message);
    text_printf(&text, "There is no provider `%.*s`. GET /admin/v1/providers lists them.",
                STR_ARG(str_slice(name, 0, limit_name)));
    visit_error(visit, error_unknown_provider, text_str(&text));
}

void answer_provider(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
    if (library_provider_write(visit->deployment->snapshot, visit_id(visit), &text)) {
        visit_answer_text(visit, &text);
        return;
    }
    arena_reset(&visit->gateway_worker->worker->scratch);
    answer_unknown_provider(visit, visit_id(visit));
}

/* -- edits -- */

struct changing {
    struct errand errand;
    struct provider_edit edit;
    char name[limit_name + 2];
    char *view;
    struct weir_error error;
    bool done;
};

static void changing_release(void *own) { weir_free(((struct changing *)own)->view); }

static void changed(void *own) {
    struct changing *changing = own;
    struct visit *visit = changing->errand.visit;
    int status = changing->edit.edit.kind == edit_add ? 201 : 200;
    if (!changing->done)
        visit_error(visit, errand_code_of(&changing->error), str_from(changing->error.message));
    else
        visit_answer(visit, status, STR("application/json"), changing->view ? str_from(changing->view) : STR("{}"));
}

static void change_run(void *own) {
    struct changing *changing = own;
    changing->done =
        library_provider_edit(changing->errand.gateway->weir, &changing->edit, &changing->view, &changing->error);
    errand_done(changing);
}

static const struct errand_kind changing_kind = {sizeof(struct changing), change_run, changed, changing_release};

static void gateway_admin_providers_change(struct visit *visit, struct str name, enum config_edit_kind kind,
                                           enum provider_state state) {
    struct changing *changing = errand_new(visit, &changing_kind);
    if (!changing) return;
    str_copy(changing->name, sizeof changing->name, name); /* a longer one is refused for its length */
    changing->edit = (struct provider_edit){.edit = {.kind = kind,
                                                     .provider = str_from(changing->name),
                                                     .settings = str_make(visit->body, visit->body_len),
                                                     .state = state},
                                            .by = str_from(changing->errand.who.actor),
                                            .address = str_from(changing->errand.who.address),
                                            .request_id = str_from(visit->request_id),
                                            .own_id = str_from(visit->own_id),
                                            .force = str_eq(visit->query, STR("force=true"))};
    errand_start(changing, changing->errand.gateway->options.control);
}

/* {"name": ..., the settings}: settings_take passes over a name that is the provider's. */
void answer_provider_add(struct visit *visit) {
    char name[limit_name + 2];
    bool is_json = visit_body_name(visit, name);
    if (name[0])
        gateway_admin_providers_change(visit, str_from(name), edit_add, provider_active);
    else
        visit_error(visit, error_invalid_request,
                    is_json ? STR("`name` is missing: {\"name\": \"groq_2\", \"type\": \"groq\", ...}.")
                            : STR("The body must be a JSON object: {\"name\": \"groq_2\", \"type\": \"groq\", ...}."));
}

void answer_provider_update(struct visit *visit) {
    gateway_admin_providers_change(visit, visit_id(visit), edit_update, provider_active);
}
void answer_provider_replace(struct visit *visit) {
    gateway_admin_providers_change(visit, visit_id(visit), edit_replace, provider_active);
}
void answer_provider_remove(struct visit *visit) {
    gateway_admin_providers_change(visit, visit_id(visit), edit_remove, provider_active);
}

void answer_provider_action(struct visit *visit) {
    struct str id = visit_id(visit);
    size_t slash = str_find_byte(id, '/');
    struct str action = slash == SIZE_MAX ? STR("") : str_slice(id, slash + 1, id.len);
    char sentence[160];
    struct text text = text_in_buffer(sentence, sizeof sentence);
    text_put(&text, STR("POST /admin/v1/providers/NAME/ takes "));
    for (size_t i = 0; i < action_count; i++) {
        if (str_eq(actions[i].name, action)) {
            struct str provider = str_slice(id, 0, slash);
            if (actions[i].probes)
                answer_probe(visit, provider, STR_NONE);
            else
                gateway_admin_providers_change(visit, provider, actions[i].kind, actions[i].state);
            return;
        }
        text_put(&text, i == 0 ? STR("") : i + 1 < action_count ? STR(", ") : STR(" and "));
        text_put(&text, actions[i].name);
    }
    text_put_byte(&text, '.');
    visit_error(visit, error_unknown_path, text_str(&text));
}
