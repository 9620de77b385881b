/* admin_audit.c - GET /admin/v1/audit, out of the ledger by the thread that reads it; and who it is that changes
 * something. */
#include "base/memory.h"
#include "gateway/audit_query.h"
#include "gateway/inference.h"

/* A client that is called as somebody else is written down; the other words have blanks, which no name has. */
static bool is_anothers_word(struct str name) {
    return str_eq(name, library_who.actor) || str_eq(name, STR("rotate_after_days"));
}

struct visit_who visit_who(const struct visit *visit) {
    struct visit_who who;
    struct text text = TEXT_IN_STRING(who.actor);
    struct str name = visit->client ? visit->client->name : STR("admin key");
    if (visit->client && is_anothers_word(name)) text_put(&text, STR("client "));
    text_put(&text, str_slice(name, 0, limit_caller));
    who.actor[text.len] = 0;
    str_copy(who.address, sizeof who.address, visit->exchange ? visit->peer : STR(""));
    str_copy(who.request_id, sizeof who.request_id, str_from(visit->own_id));
    return who;
}

struct audit_who visit_who_told(const struct visit_who *who) {
    return (struct audit_who){str_from(who->actor), str_from(who->address), str_from(who->request_id)};
}

struct audit_reading {
    struct books_asked books; /* the first member: books_asked_free gives all of it back */
    struct audit_asked asked;
};

/* On the ledger's reader. */
static bool audit_read_run(struct books_asked *asked, struct ledger *ledger) {
    const struct audit_reading *reading = (const struct audit_reading *)asked;
    return audit_asked_answer(&reading->asked, ledger, &asked->text);
}

static void audit_read_done(struct books_asked *asked) {
    const struct audit_reading *reading = (const struct audit_reading *)asked;
    struct visit *visit = asked->context;
    if (!asked->good)
        visit_error(visit, error_storage_failed, str_from(asked->problem));
    else
        visit_answer(visit, 200, reading->asked.question.csv ? STR("text/csv; charset=utf-8") : STR("application/json"),
                     text_str(&asked->text));
    visit->busy = false;
    books_asked_free(asked);
    visit_release(visit);
}

void answer_audit(struct visit *visit) {
    struct worker *worker = visit->gateway_worker->worker;
    struct error error = {.code = error_none};
    struct audit_reading *reading = memory_take_zeroed(sizeof *reading);
    if (!reading) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    reading->books =
        (struct books_asked){.answer = audit_read_run, .loop = worker->loop, .done = audit_read_done, .context = visit};
    int64_t now_ms = loop_now(worker->loop).wall_ns / (int64_t)NS_PER_MS;
    bool good = audit_query_read(visit_id(visit), visit->query, now_ms, &reading->asked, &error);
    if (good && !worker->books)
        good = error_set(&error, error_unsupported, "This gateway keeps no audit: it has no state folder of its own.");
    visit->busy = good;
    if (good && books_ask(worker->books, &reading->books)) return;
    visit->busy = false;
    visit_error(visit, good ? error_overloaded : error.code, good ? STR_NONE : str_from(error.message));
    memory_give(reading);
}
