/* admin.c - the admin API: status, explain, what would be chosen, reload, drain. What may block runs on the control
 * loop; the answer comes back by mailbox, and is dropped if the caller has gone meanwhile. */
#include "dialect/openai/openai.h"
#include "gateway/errand.h"
#include "gateway/inference.h"

void visit_answer_text(struct visit *visit, const struct text *text) {
    if (text->failed)
        visit_error(visit, error_out_of_memory, STR_NONE);
    else
        visit_answer(visit, 200, STR("application/json"), text_str(text));
    arena_reset(&visit->gateway_worker->worker->scratch);
}

void answer_status(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
    library_status_write(visit->gateway_worker->gateway->weir, visit->deployment->snapshot, &text);
    visit_answer_text(visit, &text);
}

struct str visit_queried(const struct visit *visit, struct str name, char *buffer, size_t size) {
    struct str rest = visit->query, pair;
    while (rest.len && str_split_next(&rest, '&', &pair))
        if (pair.len > name.len && pair.at[name.len] == '=' && str_starts(pair, name))
            return str_percent_decode(str_slice(pair, name.len + 1, pair.len), buffer, size);
    return STR_NONE;
}

/* `client=NAME`: under whose rights; absent: the asker's own. */
static bool client_of(struct visit *visit, const struct client **client, struct error *error) {
    char name[limit_name + 1];
    struct str asked = visit_queried(visit, STR("client"), name, sizeof name);
    *client = asked.at ? snapshot_client_named(visit->deployment->snapshot, asked) : visit->client;
    return !asked.at || *client || library_client_unknown(asked, error);
}

/* What steers a request, as `strategy=`, `targets=`, `session=`, `tags=` of the query. */
enum { steers_count = 4, steer_bytes = 512 };
struct steers {
    struct http_header headers[steers_count + 1];
    size_t count;
    char values[steers_count][steer_bytes];
};

static void steers_read(const struct visit *visit, struct steers *steers) {
    static const struct str names[steers_count] = {STR("x-weir-strategy"), STR("x-weir-targets"), STR("x-weir-session"),
                                                   STR("x-weir-tags")};
    steers->count = 0;
    for (size_t i = 0; i < steers_count; i++) {
        struct str own = str_slice(names[i], sizeof "x-weir-" - 1, names[i].len);
        struct str value = visit_queried(visit, own, steers->values[i], steer_bytes);
        if (value.at) steers->headers[steers->count++] = (struct http_header){names[i], value};
    }
    steers->headers[steers->count++] = (struct http_header){STR("content-type"), STR("application/json")};
}

void answer_route(struct visit *visit) {
    char model[limit_model + 1], path[limit_model + 128];
    struct steers steers;
    struct request_names names;
    struct error error = {.code = error_none};
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 4 * 1024);
    struct str named = visit_queried(visit, STR("model"), model, sizeof model);
    struct flight_question question = {.model =
                                           named.at ? named : str_percent_decode(visit_id(visit), model, sizeof model),
                                       .body = str_make(visit->body, visit->body_len)};
    struct str asked = visit_queried(visit, STR("path"), path, sizeof path);
    bool known = client_of(visit, &question.asked.client, &error);
    steers_read(visit, &steers);
    question.asked.headers = steers.headers;
    question.asked.header_count = steers.count;
    if (known && asked.at && !library_request_place(asked, &names, &question.asked))
        error_set(
            &error, error_unknown_path,
            "There is nothing at the path that was asked for: `path` is one that a request can be sent to, such as "
            "/v1/messages.");
    else if (known && library_route_write(visit->gateway_worker->gateway->weir, visit->deployment->snapshot, &question,
                                          &text, &error)) {
        visit_answer_text(visit, &text);
        return;
    }
    arena_reset(&visit->gateway_worker->worker->scratch);
    visit_error(visit, error.code, str_from(error.message));
}

/* -- answers from elsewhere -- */

struct explaining {
    struct errand errand;
    struct explain_question question;
};

static void explained(void *own) {
    const struct explaining *explaining = own;
    const struct explain_question *question = &explaining->question;
    struct visit *visit = explaining->errand.visit;
    if (question->len)
        visit_answer(visit, 200, STR("application/json"), str_make(question->json, question->len));
    else
        visit_error(visit, error_unknown_request, STR(WEIR_UNKNOWN_REQUEST));
}

/* The workers are asked, one after the other, and the last answer comes on the visit's loop. */
static const struct errand_kind explaining_kind = {sizeof(struct explaining), NULL, explained, NULL};

static void explain_told(struct explain_question *question) { errand_answer(question->context); }

void answer_explain(struct visit *visit) {
    const struct client *client;
    struct error error = {.code = error_none};
    if (!client_of(visit, &client, &error)) {
        visit_error(visit, error.code, str_from(error.message));
        return;
    }
    struct explaining *explaining = errand_new(visit, &explaining_kind);
    if (!explaining) return;
    explaining->question = (struct explain_question){.weir = explaining->errand.gateway->weir,
                                                     .answer_on = explaining->errand.loop,
                                                     .done = explain_told,
                                                     .context = explaining,
                                                     .of_client = client != NULL};
    if (client) str_copy(explaining->question.client, sizeof explaining->question.client, client->name);
    str_copy(explaining->question.id, sizeof explaining->question.id, visit_id(visit));
    visit->busy = true;
    if (explain_ask(&explaining->question)) return;
    errand_drop(explaining);
    visit_error(visit, error_shutting_down, STR_NONE);
}

struct reloading {
    struct errand errand;
    struct weir_error error;
    char restart_for[256]; /* what was read and counts only after a restart */
    bool done;
};

static void reloaded(void *own) {
    const struct reloading *reloading = own;
    struct visit *visit = reloading->errand.visit;
    char json[512];
    struct text text = text_in_buffer(json, sizeof json);
    text_put_byte(&text, '{');
    text_json_bool(&text, STR("reloaded"), true);
    if (reloading->restart_for[0]) text_json_str(&text, STR("restart_for"), str_from(reloading->restart_for));
    text_put_byte(&text, '}');
    if (reloading->done)
        visit_answer(visit, 200, STR("application/json"), text_str(&text));
    else
        visit_error(visit, error_bad_configuration, str_from(reloading->error.message));
}

static void reload_run(void *own) {
    struct reloading *reloading = own;
    const struct gateway *gateway = reloading->errand.gateway;
    const struct audit_who who = visit_who_told(&reloading->errand.who);
    gateway->options.reload(gateway->options.context, &who, &reloading->error, &reloading->done);
    str_copy(reloading->restart_for, sizeof reloading->restart_for, str_from(gateway->weir->restart_for));
    errand_done(reloading);
}

static const struct errand_kind reloading_kind = {sizeof(struct reloading), reload_run, reloaded, NULL};

void answer_reload(struct visit *visit) {
    struct reloading *reloading = errand_new(visit, &reloading_kind);
    if (reloading) errand_start(reloading, reloading->errand.gateway->options.control);
}

static void drain_begun(void *own) {
    visit_answer(((struct errand *)own)->visit, 202, STR("application/json"), STR("{\"draining\":true}"));
}

static void gateway_admin_drain_run(void *own) {
    struct errand *errand = own;
    const struct gateway_options *options = &errand->gateway->options;
    const struct audit_who who = visit_who_told(&errand->who);
    options->drain(options->context, &who);
    errand_done(errand);
}

static const struct errand_kind draining_kind = {sizeof(struct errand), gateway_admin_drain_run, drain_begun, NULL};

void answer_drain(struct visit *visit) {
    struct errand *errand = errand_new(visit, &draining_kind);
    if (errand) errand_start(errand, errand->gateway->options.control);
}
