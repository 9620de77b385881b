/* admin_clients.c - /admin/v1/clients: who has a key, and changing that. All of it waits for the disk, so it runs on
 * the control loop; the answer comes back by mailbox. An answer holds a key only where one was made by it, and is
 * wiped. */
#include "core/limiter.h"
#include "dialect/json.h"
#include "gateway/errand.h"
#include "gateway/inference.h"

struct clienting {
    struct errand errand;
    enum { clienting_lists, clienting_shows, clienting_edits } what;
    struct client_edit edit;
    size_t most;
    char name[limit_name + 2];
    struct sha256 key; /* the caller's own, where the change is its own */
    char *view;
    struct weir_error error;
};

static void clienting_release(void *own) {
    struct clienting *clienting = own;
    if (clienting->view) memory_wipe(clienting->view, strlen(clienting->view));
    weir_free(clienting->view);
}

static void cliented(void *own) {
    struct clienting *clienting = own;
    struct visit *visit = clienting->errand.visit;
    bool adds = clienting->what == clienting_edits && clienting->edit.kind == client_add;
    if (clienting->view)
        visit_answer(visit, adds ? 201 : 200, STR("application/json"), str_from(clienting->view));
    else
        visit_error(visit, errand_code_of(&clienting->error), str_from(clienting->error.message));
}

static void clienting_run(void *own) {
    struct clienting *clienting = own;
    struct weir *weir = clienting->errand.gateway->weir;
    if (clienting->what == clienting_lists)
        clienting->view = library_clients(weir, clienting->edit.name, clienting->most, &clienting->error);
    else if (clienting->what == clienting_shows)
        clienting->view = library_client(weir, clienting->edit.name, &clienting->error);
    else if (library_client_edit(weir, &clienting->edit, &clienting->view, &clienting->error) && !clienting->view)
        library_error_set(&clienting->error, error_out_of_memory,
                          STR("It is done, and there is no memory to show it."));
    errand_done(clienting);
}

static const struct errand_kind clienting_kind = {sizeof(struct clienting), clienting_run, cliented, clienting_release};

static struct clienting *clienting_new(struct visit *visit, struct str name) {
    struct clienting *clienting = errand_new(visit, &clienting_kind);
    if (!clienting) return NULL;
    str_copy(clienting->name, sizeof clienting->name, name); /* a longer one is refused for its length */
    clienting->edit = (struct client_edit){.name = str_from(clienting->name),
                                           .by = str_from(clienting->errand.who.actor),
                                           .address = str_from(clienting->errand.who.address),
                                           .request_id = str_from(visit->request_id),
                                           .own_id = str_from(visit->own_id)};
    return clienting;
}

static void clienting_start(struct clienting *clienting) {
    errand_start(clienting, clienting->errand.gateway->options.control);
}

/* -- reading -- */

/* ?after=NAME&limit=N */
void answer_clients(struct visit *visit) {
    char name[limit_name + 2] = "";
    struct str rest = visit->query, pair;
    uint64_t most = clients_told_usual;
    bool good = true;
    while (rest.len && str_split_next(&rest, '&', &pair)) {
        if (str_starts(pair, STR("after=")))
            str_copy(name, sizeof name, str_slice(pair, 6, pair.len));
        else if (str_starts(pair, STR("limit=")))
            good = str_to_u64(str_slice(pair, 6, pair.len), &most) && most > 0 && most <= clients_told_most;
        else
            good = false;
        if (!good) break;
    }
    if (!good) {
        visit_error(visit, error_invalid_request,
                    STR("GET /admin/v1/clients takes `after`, a client's name, and `limit`, from 1 to 10000."));
        return;
    }
    struct clienting *clienting = clienting_new(visit, str_from(name));
    if (!clienting) return;
    clienting->what = clienting_lists;
    clienting->most = (size_t)most;
    clienting_start(clienting);
}

void answer_client(struct visit *visit) {
    struct clienting *clienting = clienting_new(visit, visit_id(visit));
    if (!clienting) return;
    clienting->what = clienting_shows;
    clienting_start(clienting);
}

/* -- changing -- */

static struct clienting *client_edit_new(struct visit *visit, struct str name, enum client_edit_kind kind,
                                         int64_t grace_s) {
    struct clienting *clienting = clienting_new(visit, name);
    if (!clienting) return NULL;
    clienting->what = clienting_edits;
    clienting->edit.kind = kind;
    clienting->edit.grace_s = grace_s;
    clienting->edit.settings = str_make(visit->body, visit->body_len);
    return clienting;
}

static void client_edit_start(struct visit *visit, struct str name, enum client_edit_kind kind, int64_t grace_s) {
    struct clienting *clienting = client_edit_new(visit, name, kind, grace_s);
    if (clienting) clienting_start(clienting);
}

/* {"name": ..., the settings} */
void answer_client_add(struct visit *visit) {
    char name[limit_name + 2];
    bool is_json = visit_body_name(visit, name);
    if (name[0])
        client_edit_start(visit, str_from(name), client_add, 0);
    else
        visit_error(visit, error_invalid_request,
                    is_json ? STR("`name` is missing: {\"name\": \"app\", \"rate_limit_rpm\": 60, ...}.")
                            : STR("The body must be a JSON object: {\"name\": \"app\", \"rate_limit_rpm\": 60, ...}."));
}

void answer_client_change(struct visit *visit) {
    const char *problem = "";
    size_t at = 0;
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    bool renames = json_member(json_root(json), "name") != NULL;
    json_free(json);
    if (renames)
        visit_error(visit, error_invalid_request, STR("`name` cannot be changed: add another client."));
    else
        client_edit_start(visit, visit_id(visit), client_change, 0);
}

void answer_client_revoke(struct visit *visit) { client_edit_start(visit, visit_id(visit), client_revoke, 0); }

/* {"grace_seconds": N}, or nothing. */
static bool grace_read(const struct visit *visit, int64_t *grace_s, struct error *error) {
    const char *problem = "";
    size_t at = 0, place = 0;
    struct str name;
    *grace_s = client_grace_usual_s;
    if (!visit->body_len) return true;
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    bool good = json_kind(json_root(json)) == json_object;
    for (const struct json_value *value; good && (value = json_each(json_root(json), &place, &name));) {
        *grace_s = json_i64(value, -1);
        good = str_eq(name, STR("grace_seconds")) && json_is_whole(value) && *grace_s >= 0 &&
               *grace_s <= client_grace_most_s;
    }
    json_free(json);
    return good || error_set(error, error_invalid_request,
                             "The body is {\"grace_seconds\": N}, a whole number from 0 to %d, or nothing.",
                             client_grace_most_s);
}

void answer_client_action(struct visit *visit) {
    static const struct {
        struct str name;
        enum client_edit_kind kind;
    } client_actions[] = {{STR("rotate"), client_rotate},
                          {STR("disable"), client_disable},
                          {STR("enable"), client_enable},
                          {STR("reset"), client_reset}};
    struct str id = visit_id(visit);
    size_t slash = str_find_byte(id, '/');
    struct str action = slash == SIZE_MAX ? STR("") : str_slice(id, slash + 1, id.len);
    struct error error = {.code = error_none};
    int64_t grace_s = 0;
    for (size_t i = 0; i < sizeof client_actions / sizeof *client_actions; i++) {
        if (!str_eq(client_actions[i].name, action)) continue;
        if (client_actions[i].kind == client_rotate && !grace_read(visit, &grace_s, &error))
            visit_error(visit, error.code, str_from(error.message));
        else
            client_edit_start(visit, str_slice(id, 0, slash), client_actions[i].kind, grace_s);
        return;
    }
    visit_error(visit, error_unknown_path,
                STR("POST /admin/v1/clients/NAME/ takes rotate, disable, enable and reset."));
}

/* The key is asked again where nothing else changes clients: others may have changed it since the request began. */
static void own_rotate_start(struct visit *visit, int64_t grace_s) {
    struct clienting *clienting = client_edit_new(visit, visit->client->name, client_rotate, grace_s);
    if (!clienting) return;
    clienting->key = hash_sha256(str_from(visit->key));
    clienting->edit.key = &clienting->key;
    clienting_start(clienting);
}

/* Five at once, and one in two minutes behind them: each is written to the disk and into the audit. Clients whose names
 * fall into one place share its rate. */
static bool rotation_take(struct visit *visit) {
    static const struct limiter_rules rules = {.limit = 30, .period_ns = 3600 * NS_PER_S, .burst = 5};
    struct cell *place = &visit->gateway_worker->gateway->rotations[str_hash(visit->client->name) % gateway_rotations];
    const uint64_t now_ns = loop_now(visit->gateway_worker->worker->loop).mono_ns;
    struct limiter_ticket ticket;
    if (limiter_take(place, &rules, 1, now_ns, &ticket)) return true;
    visit->retry_after_s = (int)(limiter_wait_ns(place, &rules, 1, now_ns) / NS_PER_S) + 1;
    visit_error(visit, error_rate_limited, STR("This key was rotated often just now: wait, and rotate it again."));
    return false;
}

/* A client's next key, by the key that it has: of itself alone. Whose token says who it is has no key. */
void answer_own_rotate(struct visit *visit) {
    struct error error = {.code = error_none};
    int64_t grace_s = 0;
    if (!visit->client || visit->identity)
        visit_error(visit, error_not_allowed,
                    STR("No client stands behind this key: an admin key and a token are not rotated here."));
    else if (!visit->key)
        visit_error(visit, error_out_of_memory, STR_NONE);
    else if (!grace_read(visit, &grace_s, &error))
        visit_error(visit, error.code, str_from(error.message));
    else if (rotation_take(visit))
        own_rotate_start(visit, grace_s);
}
