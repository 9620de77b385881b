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

/* `client=NAME` of the query: under whose rights; absent: the asker's own. */
static bool client_of(struct visit *visit, const struct client **client) {
    struct str rest = visit->query, pair;
    char name[limit_name + 1];
    *client = visit->client;
    while (str_split_next(&rest, '&', &pair)) {
        if (!str_starts(pair, STR("client="))) continue;
        struct str asked = str_percent_decode(str_slice(pair, 7, pair.len), name, sizeof name);
        *client = snapshot_client_named(visit->deployment->snapshot, asked);
        return *client != NULL;
    }
    return true;
}

void answer_route(struct visit *visit) {
    char model[limit_model + 1];
    struct error error = {.code = error_none};
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 4 * 1024);
    struct flight_question question = {.model = str_percent_decode(visit_id(visit), model, sizeof model),
                                       .body = str_make(visit->body, visit->body_len)};
    bool known = client_of(visit, &question.client);
    if (!known)
        error_set(&error, error_not_allowed, "There is no client of that name.");
    else if (library_route_write(visit->deployment->snapshot, &question, &text, &error)) {
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
        visit_error(later->visit, error_unknown_path,
                    STR("No request of that id is remembered: only the last ones are."));
    later_end(later);
}

void answer_explain(struct visit *visit) {
    struct later *later = later_new(visit);
    if (!later) return;
    later->question = (struct explain_question){
        .weir = visit->gateway_worker->gateway->weir, .answer_on = later->loop, .done = explained, .context = later};
    const struct client *client;
    if (!client_of(visit, &client)) {
        visit_error(visit, error_not_allowed, STR("There is no client of that name."));
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
    if (later->done)
        visit_answer(later->visit, 200, STR("application/json"), STR("{\"reloaded\":true}"));
    else
        visit_error(later->visit, error_bad_configuration, str_from(later->error.message));
    later_end(later);
}

static void reload_run(void *context) {
    struct later *later = context;
    const struct gateway_options *options = &later->gateway->options;
    options->reload(options->context, &later->error, &later->done);
    struct letter *letter = later->letter;
    later->letter = NULL;
    if (!loop_letter_post(later->loop, letter, reloaded, later)) memory_give(later); /* nobody is left to tell */
}

void answer_reload(struct visit *visit) {
    struct later *later = later_new(visit);
    if (!later) return;
    if (loop_post(visit->gateway_worker->gateway->options.control, reload_run, later)) return;
    visit_error(visit, error_shutting_down, STR_NONE);
    later_end(later);
}

static void gateway_admin_drain_run(void *context) {
    struct gateway *gateway = context;
    gateway->options.drain(gateway->options.context);
}

void answer_drain(struct visit *visit) {
    if (loop_post(visit->gateway_worker->gateway->options.control, gateway_admin_drain_run,
                  visit->gateway_worker->gateway))
        visit_answer(visit, 202, STR("application/json"), STR("{\"draining\":true}"));
    else
        visit_error(visit, error_out_of_memory, STR_NONE);
}
