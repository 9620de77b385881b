/* admin_requests.c - GET /admin/v1/requests: the request log, out of the ledger by the thread that reads it. */
#include "base/memory.h"
#include "gateway/inference.h"
#include "gateway/requests_query.h"

struct requests_reading {
    struct books_asked books; /* the first member: books_asked_free gives all of it back */
    struct books *kept;
    struct search_question question;
};

/* On the ledger's reader. */
static bool requests_read_run(struct books_asked *asked, struct ledger *ledger) {
    const struct requests_reading *reading = (const struct requests_reading *)asked;
    books_flush(reading->kept); /* what was answered before the question is in its answer */
    return ledger_search(ledger, &reading->question, &asked->text);
}

static void requests_read_done(struct books_asked *asked) {
    const struct requests_reading *reading = (const struct requests_reading *)asked;
    struct visit *visit = asked->context;
    if (!asked->good)
        visit_error(visit, error_storage_failed, str_from(asked->problem));
    else
        visit_answer(visit, 200, reading->question.csv ? STR("text/csv; charset=utf-8") : STR("application/json"),
                     text_str(&asked->text));
    visit->busy = false;
    books_asked_free(asked);
    visit_release(visit);
}

void answer_requests(struct visit *visit) {
    struct worker *worker = visit->gateway_worker->worker;
    struct error error = {.code = error_none};
    struct requests_reading *reading = memory_take_zeroed(sizeof *reading);
    if (!reading) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    reading->books = (struct books_asked){
        .answer = requests_read_run, .loop = worker->loop, .done = requests_read_done, .context = visit};
    reading->kept = worker->books;
    int64_t now_ms = loop_now(worker->loop).wall_ns / (int64_t)NS_PER_MS;
    bool good = requests_query_read(visit->query, now_ms, &reading->question, &error);
    if (good && !worker->books)
        good = error_set(&error, error_unsupported, "This gateway keeps no ledger: it has no state folder of its own.");
    visit->busy = good;
    if (good && books_ask(worker->books, &reading->books)) return;
    visit->busy = false;
    visit_error(visit, good ? error_overloaded : error.code, good ? STR_NONE : str_from(error.message));
    memory_give(reading);
}
