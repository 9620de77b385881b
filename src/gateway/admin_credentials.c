/* admin_credentials.c - /admin/v1/credentials: what is in the vault, and changing it. All of it waits for the disk, so
 * it runs on the control loop; the answer comes back by mailbox. The body is wiped with its visit; no answer holds a
 * secret. */
#include "dialect/json.h"
#include "gateway/errand.h"
#include "gateway/inference.h"

enum { credential_grace_usual_s = 24 * 3600, credential_grace_most_s = 90 * 24 * 3600, credential_days_most = 3650 };

struct crediting {
    struct errand errand;
    bool lists;
    struct key_edit edit;
    struct arena arena; /* the body as it is read, wiped at the end: the edit's texts stand in it */
    char id[vault_id_max + 2];
    char *view;
    struct weir_error error;
};

static void crediting_release(void *own) {
    struct crediting *crediting = own;
    arena_free(&crediting->arena);
    weir_free(crediting->view);
}

static void credited(void *own) {
    struct crediting *crediting = own;
    struct visit *visit = crediting->errand.visit;
    if (crediting->view)
        visit_answer(visit, 200, STR("application/json"), str_from(crediting->view));
    else
        visit_error(visit, errand_code_of(&crediting->error), str_from(crediting->error.message));
}

static void crediting_run(void *own) {
    struct crediting *crediting = own;
    struct weir *weir = crediting->errand.gateway->weir;
    if (crediting->lists)
        crediting->view = library_keys(weir, &crediting->error);
    else if (library_key_edit(weir, &crediting->edit, &crediting->view, &crediting->error) && !crediting->view)
        library_error_set(&crediting->error, error_out_of_memory,
                          STR("It is done, and there is no memory to show it."));
    errand_done(crediting);
}

static const struct errand_kind crediting_kind = {sizeof(struct crediting), crediting_run, credited, crediting_release};

static struct crediting *crediting_new(struct visit *visit, struct str id) {
    struct crediting *crediting = errand_new(visit, &crediting_kind);
    if (!crediting) return NULL;
    arena_init_secret(&crediting->arena, 4096, 4 * 1024 * 1024);
    str_copy(crediting->id, sizeof crediting->id, id); /* a longer one is refused for its length */
    crediting->edit = (struct key_edit){.id = str_from(crediting->id),
                                        .by = str_from(crediting->errand.who.actor),
                                        .address = str_from(crediting->errand.who.address),
                                        .request_id = str_from(visit->request_id),
                                        .own_id = str_from(visit->own_id)};
    return crediting;
}

static void crediting_start(struct crediting *crediting) {
    errand_start(crediting, crediting->errand.gateway->options.control);
}

void answer_credentials(struct visit *visit) {
    struct crediting *crediting = crediting_new(visit, STR(""));
    if (!crediting) return;
    crediting->lists = true;
    crediting_start(crediting);
}

/* -- what a body says -- */

static bool credential_whole_of(const struct json_value *root, const char *name, int64_t usual, int64_t most,
                                int64_t *value, struct error *error) {
    const struct json_value *member = json_member(root, name);
    *value = json_i64(member, usual);
    return (!member || (json_is_whole(member) && *value >= 0 && *value <= most)) ||
           error_set(error, error_invalid_request, "`%s` is a whole number from 0 to %lld.", name, (long long)most);
}

/* No member that is not read: a misspelt one would be a setting that is not made. */
static bool body_names(const struct json_value *root, const char *const *names, struct error *error) {
    struct str name;
    size_t place = 0;
    while (json_each(root, &place, &name)) {
        bool known = false;
        for (size_t i = 0; names[i]; i++) known = known || str_eq(name, str_from(names[i]));
        if (!known)
            return error_set(error, error_invalid_request, "unknown member `%.*s`", STR_ARG(str_slice(name, 0, 64)));
    }
    return true;
}

static bool rekey_read(const struct json_value *root, struct key_edit *edit, struct error *error) {
    static const char *const names[] = {"passphrase", "master_key", NULL};
    struct str passphrase = json_str(json_member(root, "passphrase"), STR_NONE),
               key = json_str(json_member(root, "master_key"), STR_NONE);
    edit->passphrase = passphrase.len ? passphrase.at : NULL;
    edit->master_key = key.len ? key.at : NULL;
    return body_names(root, names, error) &&
           (!edit->passphrase || !edit->master_key ||
            error_set(error, error_invalid_request, "Give `passphrase` or `master_key`, not both."));
}

static bool secret_body_read(const struct json_value *root, struct key_edit *edit, struct error *error) {
    static const char *const of_set[] = {"secret", "rotate_after_days", NULL};
    static const char *const of_rotate[] = {"secret", "grace_seconds", NULL};
    static const char *const of_next[] = {"secret", NULL};
    int64_t days = 0;
    bool sets = edit->kind == key_set;
    edit->secret = json_str(json_member(root, "secret"), STR_NONE);
    if (!edit->secret.len)
        return error_set(error, error_invalid_request, "The body must hold the secret: {\"secret\": \"...\"}.");
    if (edit->kind == key_next) return body_names(root, of_next, error);
    bool fine = body_names(root, sets ? of_set : of_rotate, error) &&
                (sets ? credential_whole_of(root, "rotate_after_days", 0, credential_days_most, &days, error)
                      : credential_whole_of(root, "grace_seconds", credential_grace_usual_s, credential_grace_most_s,
                                            &edit->grace_s, error));
    edit->rotate_after_days = (uint32_t)days;
    return fine;
}

static void credential_change(struct visit *visit, struct str id, enum key_edit_kind kind) {
    const char *problem = "";
    size_t at = 0;
    struct error error = {.code = error_none};
    struct crediting *crediting = crediting_new(visit, id);
    if (!crediting) return;
    crediting->edit.kind = kind;
    struct str body = str_make(visit->body, visit->body_len);
    const struct json_value *root =
        kind != key_remove && body.len ? json_parse_in(&crediting->arena, body, &problem, &at) : NULL;
    bool fine = kind == key_remove || (kind == key_rekey && !body.len) || json_kind(root) == json_object ||
                error_set(&error, error_invalid_request, "The body must be a JSON object.");
    if (kind == key_rekey && root) fine = fine && rekey_read(root, &crediting->edit, &error);
    if (kind == key_set || kind == key_rotate || kind == key_next)
        fine = fine && secret_body_read(root, &crediting->edit, &error);
    if (fine) {
        crediting_start(crediting);
        return;
    }
    errand_drop(crediting);
    visit_error(visit, error.code, str_from(error.message));
}

void answer_credential_set(struct visit *visit) { credential_change(visit, visit_id(visit), key_set); }
void answer_credential_remove(struct visit *visit) { credential_change(visit, visit_id(visit), key_remove); }

/* PROVIDER/rotate, PROVIDER/NAME/rotate, the same with next and validate; rekey alone. */
void answer_credential_action(struct visit *visit) {
    struct str path = visit_id(visit);
    size_t end = path.len;
    while (end > 0 && path.at[end - 1] != '/') end--;
    struct str action = str_slice(path, end, path.len), id = str_slice(path, 0, end ? end - 1 : 0);
    if (str_eq(action, STR("rekey")) && !id.len)
        credential_change(visit, id, key_rekey);
    else if (str_eq(action, STR("rotate")) && id.len)
        credential_change(visit, id, key_rotate);
    else if (str_eq(action, STR("next")) && id.len)
        credential_change(visit, id, key_next);
    else if (str_eq(action, STR("validate")) && id.len && id.len <= vault_id_max)
        answer_probe(visit, str_slice(id, 0, str_find_byte(id, '/')), id);
    else
        visit_error(visit, error_unknown_path,
                    STR("POST /admin/v1/credentials/ takes NAME/rotate, NAME/next, NAME/validate and rekey."));
}
