/* weir_explain.c - which worker knows a request: each is asked in turn, by mailbox, as only the owner reads its ring.
 */
#include "base/memory.h"
#include "net/loop.h"
#include "runtime/weir_internal.h"

static void answer_run(void *context) {
    struct explain_question *question = context;
    question->done(question);
}

static void ask_run(void *context) {
    struct explain_question *question = context;
    struct worker *worker = &question->weir->workers[question->next++];
    struct str found = explain_find(worker->reporter.explain, str_from(question->id));
    if (found.at) {
        str_copy(question->json, sizeof question->json, found);
        question->len = found.len < sizeof question->json ? found.len : sizeof question->json - 1;
    }
    bool more = !found.at && question->next < question->weir->worker_count;
    if (more && loop_post(question->weir->workers[question->next].loop, ask_run, question)) return;
    if (question->answer_on && loop_post(question->answer_on, answer_run, question)) return;
    question->done(question);
}

bool explain_ask(struct explain_question *question) {
    question->next = 0;
    question->len = 0;
    return loop_post(question->weir->workers[0].loop, ask_run, question);
}

static void latch_done(struct explain_question *question) { latch_down(question->context); }

char *weir_explain(struct weir *weir, const char *request_id, struct weir_error *error) {
    struct explain_question question = {.weir = weir, .done = latch_done};
    struct latch latch;
    str_copy(question.id, sizeof question.id, str_from(request_id));
    latch_init(&latch, 1);
    question.context = &latch;
    bool asked = explain_ask(&question);
    if (asked) latch_wait(&latch);
    latch_free(&latch);
    char *json = question.len ? memory_take(question.len + 1) : NULL;
    if (json)
        str_copy(json, question.len + 1, str_make(question.json, question.len));
    else
        weir_error_set(error, error_unknown_path,
                       STR("No request of that id is remembered: the ring holds the last ones only."));
    return json;
}
