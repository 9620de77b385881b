/* admin_usage.c - GET /admin/v1/usage: what was spent, out of the ledger. */
#include "base/memory.h"
#include "gateway/inference.h"
#include "gateway/usage_query.h"

static void usage_answer(struct books_asked *asked) {
    struct visit *visit = asked->context;
    if (!asked->good)
        visit_error(visit, error_storage_failed, str_from(asked->problem));
    else
        visit_answer(visit, 200,
                     asked->question.form == usage_as_csv ? STR("text/csv; charset=utf-8") : STR("application/json"),
                     text_str(&asked->text));
    visit->busy = false;
    books_asked_free(asked);
    visit_release(visit);
}

void answer_usage(struct visit *visit) {
    struct worker *worker = visit->gateway_worker->worker;
    struct error error = {.code = error_none};
    struct books_asked *asked = memory_take_zeroed(sizeof *asked);
    if (!asked) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    *asked = (struct books_asked){.loop = worker->loop, .done = usage_answer, .context = visit};
    int64_t now_ms = loop_now(worker->loop).wall_ns / (int64_t)NS_PER_MS;
    bool good = usage_query_read(visit->query, now_ms, &asked->question, &error);
    if (good && !worker->books)
        good = error_set(&error, error_unsupported, "This gateway keeps no ledger: it has no state folder of its own.");
    visit->busy = good;
    if (good && books_ask(worker->books, asked)) return;
    visit->busy = false;
    visit_error(visit, good ? error_overloaded : error.code, good ? STR_NONE : str_from(error.message));
    memory_give(asked);
}
