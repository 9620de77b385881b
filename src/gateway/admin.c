/* admin.c - the admin API: status, explain, what would be chosen, reload, drain. What may block runs on the control
 * loop; the answer comes back by mailbox, and is dropped if the caller has gone meanwhile. */
#include "base/memory.h"
#include "dialect/openai/openai.h"
#include "gateway/visit.h"
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

/* NAME=... of the query, unescaped; {NULL,0}: it does not stand there. */
static struct str queried(const struct visit *visit, struct str name, char *buffer, size_t size) {
    struct str rest = visit->query, pair;
    while (rest.len && str_split_next(&rest, '&', &pair))
        if (pair.len > name.len && pair.at[name.len] == '=' && str_starts(pair, name))
            return str_percent_decode(str_slice(pair, name.len + 1, pair.len), buffer, size);
    return STR_NONE;
}

/* `client=NAME`: under whose rights; absent: the asker's own. */
static bool client_of(struct visit *visit, const struct client **client, struct error *error) {
    char name[limit_name + 1];
    struct str asked = queried(visit, STR("client"), name, sizeof name);
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
        struct str value = queried(visit, own, steers->values[i], steer_bytes);
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
    struct str named = queried(visit, STR("model"), model, sizeof model);
    struct flight_question question = {.model =
                                           named.at ? named : str_percent_decode(visit_id(visit), model, sizeof model),
                                       .body = str_make(visit->body, visit->body_len)};
    struct str asked = queried(visit, STR("path"), path, sizeof path);
    bool known = client_of(visit, &question.asked.client, &error);
    steers_read(visit, &steers);
    question.asked.headers = steers.headers;
    question.asked.header_count = steers.count;
    if (known && asked.at && !library_request_place(asked, &names, &question.asked))
        error_set(
            &error, error_unknown_path,
            "There is nothing at the path that was asked for: `path` is one that a request can be sent to, such as "
            "/v1/messages.");
    else if (known && library_route_write(visit->deployment->snapshot, &question, &text, &error)) {
        visit_answer_text(visit, &text);
        return;
    }
    arena_reset(&visit->gateway_worker->worker->scratch);
    visit_error(visit, error.code, str_from(error.message));
}

/* -- answers from elsewhere -- */

struct later {
    struct explain_question question;
    struct visit *visit;
    struct gateway *gateway;
    struct loop *loop;
    struct letter *letter; /* of the answer: what has been done can be told */
    struct weir_error error;
    struct visit_who who;
    char restart_for[256]; /* what was read and counts only after a restart */
    bool done;
};

static struct later *later_new(struct visit *visit) {
    struct later *later = memory_take_zeroed(sizeof *later);
    if (!later || !(later->letter = loop_letter_new())) {
        memory_give(later);
        visit_error(visit, error_out_of_memory, STR_NONE);
        return NULL;
    }
    later->visit = visit;
    later->gateway = visit->gateway_worker->gateway;
    later->loop = visit->gateway_worker->worker->loop;
    later->who = visit_who(visit);
    visit->busy = true;
    return later;
}

static void later_end(struct later *later) {
    struct visit *visit = later->visit;
    visit->busy = false;
    loop_letter_throw(later->letter);
    memory_give(later);
    visit_release(visit);
}

static void explained(struct explain_question *question) {
    struct later *later = question->context;
    if (question->len)
        visit_answer(later->visit, 200, STR("application/json"), str_make(question->json, question->len));
    else
        visit_error(later->visit, error_unknown_request, STR(WEIR_UNKNOWN_REQUEST));
    later_end(later);
}

void answer_explain(struct visit *visit) {
    struct later *later = later_new(visit);
    if (!later) return;
    later->question = (struct explain_question){
        .weir = visit->gateway_worker->gateway->weir, .answer_on = later->loop, .done = explained, .context = later};
    const struct client *client;
    struct error error = {.code = error_none};
    if (!client_of(visit, &client, &error)) {
        visit_error(visit, error.code, str_from(error.message));
        later_end(later);
        return;
    }
    later->question.of_client = client != NULL;
    if (client) str_copy(later->question.client, sizeof later->question.client, client->name);
    str_copy(later->question.id, sizeof later->question.id, visit_id(visit));
    if (explain_ask(&later->question)) return;
    visit_error(visit, error_shutting_down, STR_NONE);
    later_end(later);
}

static void reloaded(void *context) {
    struct later *later = context;
    char json[512];
    struct text text = text_in_buffer(json, sizeof json);
    text_put_byte(&text, '{');
    text_json_bool(&text, STR("reloaded"), true);
    if (later->restart_for[0]) text_json_str(&text, STR("restart_for"), str_from(later->restart_for));
    text_put_byte(&text, '}');
    if (later->done)
        visit_answer(later->visit, 200, STR("application/json"), text_str(&text));
    else
        visit_error(later->visit, error_bad_configuration, str_from(later->error.message));
    later_end(later);
}

/* The answer, on the visit's loop. */
static void later_answer(struct later *later, void (*answer)(void *context)) {
    struct letter *letter = later->letter;
    later->letter = NULL;
    if (!loop_letter_post(later->loop, letter, answer, later)) memory_give(later); /* nobody is left to tell */
}

static void reload_run(void *context) {
    struct later *later = context;
    const struct gateway_options *options = &later->gateway->options;
    const struct audit_who who = visit_who_told(&later->who);
    options->reload(options->context, &who, &later->error, &later->done);
    str_copy(later->restart_for, sizeof later->restart_for, str_from(later->gateway->weir->restart_for));
    later_answer(later, reloaded);
}

void answer_reload(struct visit *visit) {
    struct later *later = later_new(visit);
    if (!later) return;
    if (loop_post(visit->gateway_worker->gateway->options.control, reload_run, later)) return;
    visit_error(visit, error_shutting_down, STR_NONE);
    later_end(later);
}

static void drain_begun(void *context) {
    struct later *later = context;
    visit_answer(later->visit, 202, STR("application/json"), STR("{\"draining\":true}"));
    later_end(later);
}

static void gateway_admin_drain_run(void *context) {
    struct later *later = context;
    const struct gateway_options *options = &later->gateway->options;
    const struct audit_who who = visit_who_told(&later->who);
    options->drain(options->context, &who);
    later_answer(later, drain_begun);
}

void answer_drain(struct visit *visit) {
    struct later *later = later_new(visit);
    if (!later) return;
    if (loop_post(visit->gateway_worker->gateway->options.control, gateway_admin_drain_run, later)) return;
    visit_error(visit, error_shutting_down, STR_NONE);
    later_end(later);
}
