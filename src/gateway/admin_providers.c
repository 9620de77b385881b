/* admin_providers.c - /admin/v1/providers: what there is, and changing it. An edit waits for the disk, so it runs on
 * the control loop; the answer comes back by mailbox. The body is wiped with its visit; no answer holds a credential.
 */
#include "base/memory.h"
#include "dialect/json.h"
#include "gateway/inference.h"
#include "gateway/visit.h"

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
    struct visit *visit; /* its body and its client stay while it is busy; its path may not */
    struct weir *weir;
    struct loop *loop;
    struct letter *letter; /* of the answer, made before the edit: what is done can be told */
    struct provider_edit edit;
    struct visit_who who;
    char name[limit_name + 2];
    char *view;
    struct weir_error error;
    bool done;
};

static enum error_code code_of(const struct weir_error *error) {
    for (int code = error_none + 1; code < error_codes; code++)
        if (str_eq(error_name((enum error_code)code), str_from(error->code))) return (enum error_code)code;
    return error_internal;
}

static void changed(void *context) {
    struct changing *changing = context;
    struct visit *visit = changing->visit;
    int status = changing->edit.edit.kind == edit_add ? 201 : 200;
    if (!changing->done)
        visit_error(visit, code_of(&changing->error), str_from(changing->error.message));
    else
        visit_answer(visit, status, STR("application/json"), changing->view ? str_from(changing->view) : STR("{}"));
    visit->busy = false;
    weir_free(changing->view);
    memory_give(changing);
    visit_release(visit);
}

static void change_run(void *context) {
    struct changing *changing = context;
    changing->done = library_provider_edit(changing->weir, &changing->edit, &changing->view, &changing->error);
    if (loop_letter_post(changing->loop, changing->letter, changed, changing)) return;
    weir_free(changing->view); /* the loop has stopped: nobody is left to tell */
    memory_give(changing);
}

static void gateway_admin_providers_change(struct visit *visit, struct str name, enum config_edit_kind kind,
                                           enum provider_state state) {
    struct changing *changing = memory_take_zeroed(sizeof *changing);
    struct letter *letter = changing ? loop_letter_new() : NULL;
    if (!letter) {
        memory_give(changing);
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    *changing = (struct changing){.visit = visit,
                                  .weir = visit->gateway_worker->gateway->weir,
                                  .loop = visit->gateway_worker->worker->loop,
                                  .letter = letter};
    str_copy(changing->name, sizeof changing->name, name); /* a longer one is refused for its length */
    changing->who = visit_who(visit);
    changing->edit = (struct provider_edit){.edit = {.kind = kind,
                                                     .provider = str_from(changing->name),
                                                     .settings = str_make(visit->body, visit->body_len),
                                                     .state = state},
                                            .by = str_from(changing->who.actor),
                                            .address = str_from(changing->who.address),
                                            .request_id = str_from(visit->request_id),
                                            .own_id = str_from(visit->own_id)};
    visit->busy = true;
    if (loop_post(visit->gateway_worker->gateway->options.control, change_run, changing)) return;
    visit->busy = false;
    loop_letter_throw(letter);
    memory_give(changing);
    visit_error(visit, error_shutting_down, STR_NONE);
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
