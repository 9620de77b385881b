/* conversation.c - see conversation.h. */
#include "runtime/conversation.h"

#include "base/chunks.h"
#include "base/memory.h"
#include "observe/spans.h"

enum conversation_state { conversation_asks, conversation_answers, conversation_given_up, conversation_none };

struct conversation {
    enum conversation_state state;
    enum endpoint endpoint;
    bool streamed, keeps, traced;
    struct budget *budget;
    struct chunks body, answer;
    char path_model[limit_model + 1], request_id[limit_request_id + 1];
};

struct conversation *conversation_new(const struct flight_request *asked, bool traced, struct budget *budget) {
    bool keeps = asked->client && asked->client->keeps_conversations,
         chats = endpoint_facts(asked->endpoint)->operation == operation_chat;
    struct conversation *conversation =
        chats && (keeps || traced) ? budget_resize(budget, NULL, 0, sizeof *conversation) : NULL;
    if (!conversation) return NULL;
    *conversation =
        (struct conversation){.endpoint = asked->endpoint, .keeps = keeps, .traced = traced, .budget = budget};
    chunks_init(&conversation->body, budget);
    chunks_init(&conversation->answer, budget);
    str_copy(conversation->path_model, sizeof conversation->path_model, asked->path_model);
    str_copy(conversation->request_id, sizeof conversation->request_id,
             asked->own_id.len ? asked->own_id : asked->request_id);
    return conversation;
}

static void conversation_drop(struct conversation *conversation, enum conversation_state state) {
    chunks_free(&conversation->body);
    chunks_free(&conversation->answer);
    conversation->state = state;
}

static void piece_add(struct conversation *conversation, struct chunks *chunks, struct str piece) {
    if (conversation->state >= conversation_given_up || !piece.len) return;
    size_t most = conversation->keeps ? limit_held_stored : 2 * spans_content_most;
    if (piece.len > most - conversation->body.len - conversation->answer.len || !chunks_add(chunks, piece))
        conversation_drop(conversation, conversation_given_up);
}

void conversation_sent(struct conversation *conversation, struct str piece) {
    if (conversation) piece_add(conversation, &conversation->body, piece);
}

void conversation_answered(struct conversation *conversation, int status, const struct http_header *headers,
                           size_t count) {
    if (!conversation) return;
    struct str type = http_header_find(headers, count, STR("content-type"));
    conversation->streamed = str_starts_nocase(type, STR("text/event-stream"));
    if (status != 200)
        conversation_drop(conversation, conversation_none);
    else if (conversation->state == conversation_asks)
        conversation->state = conversation_answers;
}

void conversation_said(struct conversation *conversation, const struct str *ranges, size_t count) {
    for (size_t i = 0; conversation && i < count; i++) piece_add(conversation, &conversation->answer, ranges[i]);
}

/* What came, joined; {NULL,0}: no memory. */
static struct str conversation_whole(struct chunks *chunks) { return chunks->len ? chunks_whole(chunks) : STR(""); }

static struct turn_said said_of(const struct conversation *conversation, struct str body, struct str answer) {
    bool list = conversation->endpoint == endpoint_generate_stream; /* a stream, in whichever form */
    return (struct turn_said){.endpoint = conversation->endpoint,
                              .path_model = str_from(conversation->path_model),
                              .body = body,
                              .answer = answer,
                              .streamed = conversation->streamed || list};
}

bool conversation_content(struct conversation *conversation, struct turn_said *said) {
    if (!conversation || !conversation->traced) return false;
    bool there = conversation->state < conversation_given_up;
    struct str body = there ? conversation_whole(&conversation->body) : STR(""),
               answer = there ? conversation_whole(&conversation->answer) : STR("");
    *said = said_of(conversation, answer.at ? body : STR(""), answer);
    return true;
}

void conversation_end(struct conversation *conversation, const struct flight *flight, struct response_store *responses,
                      struct log_writer *log, struct now now) {
    if (!conversation) return;
    struct str body = STR_NONE, answer = STR_NONE;
    if (conversation->state == conversation_answers) {
        body = conversation_whole(&conversation->body);
        answer = conversation_whole(&conversation->answer);
        if (!body.at || !answer.at) conversation->state = conversation_given_up;
    }
    const struct client *client = flight_client(flight);
    const struct turn_heard heard = {.client = client ? client->name : STR(""),
                                     .session = flight_session_said(flight),
                                     .request_id = str_from(conversation->request_id),
                                     .said = said_of(conversation, body, answer)};
    if (conversation->state == conversation_answers && conversation->keeps)
        response_store_hear(responses, &heard, now.wall_ns / (int64_t)NS_PER_S);
    if (conversation->state == conversation_given_up && conversation->keeps)
        log_warn(log, now, "conversation_not_kept", f_text("request_id", conversation->request_id),
                 f_str("client", heard.client),
                 f_text("problem", "the turn is larger than 16 MB, or its client's share of the memory is used up"));
    conversation_drop(conversation, conversation_none);
    budget_free(conversation->budget, conversation, sizeof *conversation);
}
