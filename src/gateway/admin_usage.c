/* admin_usage.c - what was spent, out of the ledger: /admin/v1/usage for operators; with a client's own key its own,
 * /v1/usage and /v1/generation. */
#include "base/memory.h"
#include "gateway/inference.h"
#include "gateway/usage_query.h"

static void usage_answer(struct books_asked *asked) {
    struct visit *visit = asked->context;
    if (!asked->good)
        visit_error(visit, error_storage_failed, str_from(asked->problem));
    else if (asked->request.id[0] && !asked->found)
        visit_error(visit, error_unknown_request,
                    STR("No request of this client key has this id: write the x-weir-request-id of its reply. What was "
                        "sent more than `ledger_keep_days` ago is forgotten."));
    else
        visit_answer(visit, 200,
                     asked->question.form == usage_as_csv ? STR("text/csv; charset=utf-8") : STR("application/json"),
                     text_str(&asked->text));
    visit->busy = false;
    books_asked_free(asked);
    visit_release(visit);
}

/* Reads what is asked for into *asked. false: *error. */
typedef bool asked_read(struct visit *visit, struct books_asked *asked, struct error *error);

static void usage_ask(struct visit *visit, asked_read *read) {
    struct worker *worker = visit->gateway_worker->worker;
    struct error error = {.code = error_none};
    struct books_asked *asked = memory_take_zeroed(sizeof *asked);
    if (!asked) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    *asked = (struct books_asked){.loop = worker->loop, .done = usage_answer, .context = visit};
    bool good = read(visit, asked, &error);
    if (good && !worker->books)
        good = error_set(&error, error_unsupported, "This gateway keeps no ledger: it has no state folder of its own.");
    visit->busy = good;
    if (good && books_ask(worker->books, asked)) return;
    visit->busy = false;
    visit_error(visit, good ? error_overloaded : error.code, good ? STR_NONE : str_from(error.message));
    memory_give(asked);
}

static bool usage_read(struct visit *visit, struct books_asked *asked, struct error *error) {
    int64_t now_ms = loop_now(visit->gateway_worker->worker->loop).wall_ns / (int64_t)NS_PER_MS;
    return usage_query_read(visit->query, now_ms, &asked->question, error);
}

static uint64_t asker_of(const struct visit *visit) {
    return str_hash(visit->client ? visit->client->name : STR("")) | 1;
}

/* Whatever it asks for: of its own client alone. */
static bool own_usage_read(struct visit *visit, struct books_asked *asked, struct error *error) {
    struct usage_question *question = &asked->question;
    if (!usage_read(visit, asked, error)) return false;
    for (size_t i = 0; i < question->by_count; i++)
        if (question->by[i] == usage_by_owner || question->by[i] == usage_by_rule)
            return error_set(error, error_invalid_request, "`%.*s` is for operators: see /admin/v1/usage.",
                             STR_ARG(usage_key_name(question->by[i])));
    str_copy(question->only[usage_by_client], sizeof question->only[usage_by_client],
             visit->client ? visit->client->name : STR(""));
    question->nobodys = !visit->client;
    asked->by = asker_of(visit);
    return true;
}

static bool generation_read(struct visit *visit, struct books_asked *asked, struct error *error) {
    char buffer[sizeof asked->request.id];
    struct str query = visit->query, pair, id = STR("");
    while (query.len && str_split_next(&query, '&', &pair))
        if (str_starts(pair, STR("id="))) id = str_percent_decode(str_slice(pair, 3, pair.len), buffer, sizeof buffer);
    if (!id.len || id.len > limit_request_id || str_find_byte(id, 0) != SIZE_MAX)
        return error_set(error, error_invalid_request,
                         "Write /v1/generation?id=ID, with the x-weir-request-id of a reply.");
    asked->by = asker_of(visit);
    str_copy(asked->request.id, sizeof asked->request.id, id);
    str_copy(asked->request.client, sizeof asked->request.client, visit->client ? visit->client->name : STR(""));
    return true;
}

void answer_usage(struct visit *visit) { usage_ask(visit, usage_read); }
void answer_own_usage(struct visit *visit) { usage_ask(visit, own_usage_read); }
void answer_generation(struct visit *visit) { usage_ask(visit, generation_read); }
