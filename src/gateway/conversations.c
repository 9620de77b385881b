/* conversations.c - conversations that are kept: a client reads and removes its own below /v1/key/conversations, an
 * admin those of one that is named below /admin/v1/conversations, which the audit tells of. The client is who asked, or
 * who is named by an admin: no path and no query of a client's leads to another's. */
#include "base/memory.h"
#include "gateway/download.h"
#include "gateway/inference.h"
#include "runtime/response_store.h"
#include "store/audit.h"

enum { conversations_usual = 20, conversations_max = 100, conversation_page_bytes = 8 * 1024 * 1024 };

/* What is asked for. */
struct conversation_wish {
    enum response_wish wish;
    bool of_admin;
    int64_t limit, after;
    char client[256], id[conversation_id_max];
};

/* -- answers -- */

static void conversation_not_found(struct visit *visit, const struct response_question *question) {
    char message[conversation_id_max + 64];
    struct text text = text_in_buffer(message, sizeof message);
    if (question->id[0])
        text_printf(&text, "There is no conversation `%s`.", question->id);
    else
        text_put(&text, STR("There is no conversation."));
    visit_error(visit, error_unknown_response, text_str(&text));
}

static void forgotten_answer(struct visit *visit, struct response_question *question) {
    struct text text = text_in_arena(&question->arena, 256);
    text_put_byte(&text, '{');
    if (question->id[0]) text_json_str(&text, STR("id"), str_from(question->id));
    text_json_str(&text, STR("object"), STR("conversation"));
    text_json_bool(&text, STR("deleted"), true);
    text_json_i64(&text, STR("turns"), question->after);
    text_put_byte(&text, '}');
    visit_answer(visit, 200, STR("application/json"), text_str(&text));
}

static void conversation_told(struct response_question *question) {
    struct visit *visit = question->context;
    if (question->found == stored_failed)
        visit_error(visit, error_storage_failed, str_from(question->problem));
    else if (question->found == stored_missing && (question->wish != response_wish_forget || question->id[0]))
        conversation_not_found(visit, question);
    else if (question->wish == response_wish_forget)
        forgotten_answer(visit, question);
    else
        visit_answer(visit, 200, STR("application/json"), question->text);
    visit->busy = false;
    response_store_question_free(question);
    visit_release(visit);
}

/* NULL: no memory. */
static struct response_question *question_new(const struct visit *visit, const struct conversation_wish *wish) {
    struct response_question *question = memory_take_zeroed(sizeof *question);
    if (!question) return NULL;
    *question = (struct response_question){
        .wish = wish->wish, .budget = visit->budget, .loop = visit->gateway_worker->worker->loop, .after = wish->after};
    question->most = wish->wish == response_wish_conversations ? (size_t)wish->limit
                     : wish->wish == response_wish_lines       ? download_page_bytes
                                                               : conversation_page_bytes;
    str_copy(question->client, sizeof question->client, str_from(wish->client));
    str_copy(question->id, sizeof question->id, str_from(wish->id));
    return question;
}

/* -- lines, a page after the other -- */

struct conversation_lines {
    struct download download; /* the first member */
    struct conversation_wish wish;
};

static void lines_told(struct response_question *question) {
    struct conversation_lines *lines = question->context;
    lines->wish.after = question->after;
    if (question->found == stored_found)
        download_page(&lines->download, question->text, !question->text.len);
    else
        download_failed(&lines->download, error_storage_failed, str_from(question->problem));
    response_store_question_free(question);
}

static void conversation_lines_next(struct download *download) {
    struct conversation_lines *lines = (struct conversation_lines *)download;
    struct response_question *question = question_new(download->visit, &lines->wish);
    if (question) {
        question->done = lines_told;
        question->context = lines;
        if (response_store_ask(download->visit->gateway_worker->worker->responses, question)) return;
        response_store_question_free(question);
    }
    download_failed(download, error_overloaded, STR_NONE);
}

static void lines_release(struct download *download) { memory_give(download); }

static void lines_begin(struct visit *visit, const struct conversation_wish *wish) {
    struct conversation_lines *lines = memory_take_zeroed(sizeof *lines);
    if (!lines) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    lines->wish = *wish;
    lines->download = (struct download){.next = conversation_lines_next, .release = lines_release};
    download_begin(&lines->download, visit);
}

/* -- asking -- */

static void wish_do(struct visit *visit, const struct conversation_wish *wish) {
    if (wish->wish == response_wish_lines) {
        lines_begin(visit, wish);
        return;
    }
    struct response_question *question = question_new(visit, wish);
    if (!question) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    question->done = conversation_told;
    question->context = visit;
    visit->busy = true;
    if (response_store_ask(visit->gateway_worker->worker->responses, question)) return;
    visit->busy = false;
    response_store_question_free(question);
    visit_error(visit, error_overloaded, STR_NONE);
}

/* A row of the audit first: nobody reads or removes another's words and leaves no trace. */
struct conversation_audit {
    struct books_asked books; /* the first member: books_asked_free gives all of it back */
    struct visit_who who;
    struct conversation_wish wish;
};

static bool conversation_audit_run(struct books_asked *asked, struct ledger *ledger) {
    struct conversation_audit *audit = (struct conversation_audit *)asked;
    struct audit_head head;
    bool purges = audit->wish.wish == response_wish_forget;
    const struct audit_entry entry = {.action = purges ? audit_conversation_purge : audit_conversation_read,
                                      .time_ms = clock_read().wall_ns / (int64_t)NS_PER_MS,
                                      .who = visit_who_told(&audit->who),
                                      .subject = str_from(audit->wish.client),
                                      .detail = audit->wish.id[0] ? str_from(audit->wish.id) : STR("all")};
    return audit_add(ledger, &entry, &head, asked->problem, sizeof asked->problem);
}

static void conversation_audit_done(struct books_asked *asked) {
    struct conversation_audit *audit = (struct conversation_audit *)asked;
    struct visit *visit = asked->context;
    visit->busy = false;
    if (!asked->good)
        visit_error(visit, error_storage_failed, str_from(asked->problem));
    else if (visit->exchange)
        wish_do(visit, &audit->wish);
    books_asked_free(asked);
    visit_release(visit);
}

static void wish_audit(struct visit *visit, const struct conversation_wish *wish) {
    struct worker *worker = visit->gateway_worker->worker;
    struct conversation_audit *audit = worker->books ? memory_take_zeroed(sizeof *audit) : NULL;
    if (!worker->books) { /* there is no audit */
        wish_do(visit, wish);
        return;
    }
    if (audit) {
        *audit = (struct conversation_audit){.who = visit_who(visit), .wish = *wish};
        audit->books = (struct books_asked){
            .answer = conversation_audit_run, .loop = worker->loop, .done = conversation_audit_done, .context = visit};
        visit->busy = true;
        if (books_ask(worker->books, &audit->books)) return;
        visit->busy = false;
        memory_give(audit);
    }
    visit_error(visit, error_overloaded, STR_NONE);
}

/* -- what is asked for -- */

/* `limit` of a list and `after`. false: answered. */
static bool wish_query_read(struct visit *visit, struct conversation_wish *wish) {
    char word[conversation_id_max + 1];
    uint64_t limit = conversations_usual, after = 0;
    struct str said = visit_queried(visit, STR("limit"), word, sizeof word);
    if (said.at && (!str_to_u64(said, &limit) || limit == 0 || limit > conversations_max)) {
        visit_error(visit, error_invalid_request, STR("`limit` must be 1 to 100."));
        return false;
    }
    wish->limit = (int64_t)limit;
    said = visit_queried(visit, STR("after"), word, sizeof word);
    if (wish->wish == response_wish_conversations)
        str_copy(wish->id, sizeof wish->id, said.at ? said : STR(""));
    else if (said.at && (!str_to_u64(said, &after) || after > INT64_MAX)) {
        visit_error(visit, error_invalid_request, STR("`after` must be the number of a turn."));
        return false;
    }
    wish->after = (int64_t)after;
    return true;
}

/* The client that an admin names. false: answered. */
static bool wish_client_read(struct visit *visit, struct conversation_wish *wish) {
    struct str client = visit_queried(visit, STR("client"), wish->client, sizeof wish->client - 1);
    if (!client.len || client.len >= sizeof wish->client || str_find_byte(client, 0) != SIZE_MAX) {
        visit_error(visit, error_invalid_request, STR("Say whose: `?client=NAME`."));
        return false;
    }
    char name[sizeof wish->client];
    str_copy(name, sizeof name, client);
    str_copy(wish->client, sizeof wish->client, str_from(name));
    return true;
}

static void conversations_answer(struct visit *visit, bool of_admin) {
    struct conversation_wish wish = {.of_admin = of_admin, .wish = response_wish_conversations};
    struct str path = visit->path;
    const struct str base = of_admin ? STR("/admin/v1/conversations") : STR("/v1/key/conversations");
    struct str id = path.len > base.len ? str_slice(path, base.len + 1, path.len) : STR("");
    if (visit->method == http_delete)
        wish.wish = response_wish_forget;
    else if (str_eq(id, STR("export")))
        wish.wish = response_wish_lines;
    else if (id.len)
        wish.wish = response_wish_conversation;
    if (id.len >= sizeof wish.id) {
        visit_error(visit, error_unknown_response, STR("There is no conversation of that id."));
        return;
    }
    if (wish.wish != response_wish_lines) str_copy(wish.id, sizeof wish.id, id);
    if (of_admin && !wish_client_read(visit, &wish)) return;
    if (!of_admin) str_copy(wish.client, sizeof wish.client, visit->client ? visit->client->name : STR(""));
    if (!wish_query_read(visit, &wish)) return;
    if (of_admin && wish.wish != response_wish_conversations)
        wish_audit(visit, &wish);
    else
        wish_do(visit, &wish);
}

void answer_own_conversations(struct visit *visit) { conversations_answer(visit, false); }
void answer_conversations(struct visit *visit) { conversations_answer(visit, true); }
