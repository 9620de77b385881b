/* weir_explain.c - which worker knows a request: each is asked in turn, by mailbox, as only the owner reads its ring.
 */
#include "base/check.h"
#include "base/memory.h"
#include "net/loop.h"
#include "runtime/weir_internal.h"

static void answer_run(void *context) {
    struct explain_question *question = context;
    question->done(question);
}

static void library_explain_take(struct explain_question *question, struct str found) {
    struct text text = text_in_buffer(question->json, explain_text_bytes);
    story_explain(found, question->weir->redacts, &text);
    question->len = text.failed ? 0 : text.len;
}

/* What a caller chose may be many requests': the newest is told, and that there are others. */
static void others_tell(struct explain_question *question) {
    struct text text = text_in_buffer(question->json, sizeof question->json);
    if (question->count < 2 || question->len == 0) return;
    text.len = question->len - 1; /* the closing brace */
    text_json_u64(&text, STR("with_this_caller_id"), question->count);
    text_put_byte(&text, '}');
    if (!text.failed) question->len = text.len;
}

static void ask_run(void *context) {
    struct explain_question *question = context;
    CHECKF(question->next < question->weir->worker_count && question->len < sizeof question->json, "next=%u len=%zu",
           question->next, question->len);
    struct worker *worker = &question->weir->workers[question->next++];
    struct str own = explain_find(worker->reporter.explain, str_from(question->id));
    if (own.at) {
        question->count = 0;
        library_explain_take(question, own);
    } else {
        struct explain_called called = explain_find_called(worker->reporter.explain, str_from(question->id),
                                                           question->of_client ? str_from(question->client) : STR_NONE);
        if (called.story.at && (question->count == 0 || called.time_ms > question->time_ms)) {
            question->time_ms = called.time_ms;
            library_explain_take(question, called.story);
        }
        question->count += called.count;
    }
    bool more = !own.at && question->next < question->weir->worker_count;
    if (more && loop_post(question->weir->workers[question->next].loop, ask_run, question)) return;
    others_tell(question);
    if (question->answer_on && loop_post(question->answer_on, answer_run, question)) return;
    question->done(question);
}

bool explain_ask(struct explain_question *question) {
    question->next = 0;
    question->len = question->count = 0;
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
        library_error_set(error, error_unknown_request, STR(WEIR_UNKNOWN_REQUEST));
    return json;
}
