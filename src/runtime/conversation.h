/* conversation.h - what a client sends and is answered in one turn, gathered as it passes (`conversations: store`), and
 * handed to the thread of stored responses when the request has ended. Counted in the client's share of the memory;
 * what finds no room there, or is too large, is not kept, and served all the same. On one worker's thread. */
#ifndef WEIR_RUNTIME_CONVERSATION_H
#define WEIR_RUNTIME_CONVERSATION_H

#include "flight/flight.h"
#include "runtime/response_store.h"

struct conversation;

/* NULL: nothing of this is to be kept, or there is no memory. traced: what was said is told on a span
 * (`traces.content`), whoever asks. */
struct conversation *conversation_new(const struct flight_request *asked, bool traced, struct budget *budget);
/* What was said, for a span, as far as it has come and finds room there: borrowed until its end. `body` is empty where
 * it has not. false: it is not told. */
bool conversation_content(struct conversation *conversation, struct turn_said *said);
/* Each: NULL does nothing. More of the request's body. */
void conversation_sent(struct conversation *conversation, struct str piece);
/* The answer's head: nothing but a 200 is a turn. */
void conversation_answered(struct conversation *conversation, int status, const struct http_header *headers,
                           size_t count);
/* More of its body. */
void conversation_said(struct conversation *conversation, const struct str *ranges, size_t count);
/* It has ended, however it did: hands it over, and frees it. */
void conversation_end(struct conversation *conversation, const struct flight *flight, struct response_store *responses,
                      struct log_writer *log, struct now now);

#endif
