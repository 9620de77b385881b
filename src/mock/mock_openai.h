/* mock_openai.h - the mock provider's answers in the OpenAI dialect: whole replies, and streams an event at a time.
 * Pure: bytes come out as text, the time comes in. */
#ifndef WEIR_MOCK_MOCK_OPENAI_H
#define WEIR_MOCK_MOCK_OPENAI_H

#include "base/text.h"
#include "mock/mock_answer.h"

/* What every reply of one request says. */
struct mock_facts {
    struct str id; /* "chatcmpl-..." */
    int64_t created_s;
    bool no_usage, double_usage; /* faults */
};

void mock_openai_reply(struct text *text, const struct mock_facts *facts, const struct mock_prompt *prompt,
                       const struct mock_answer *answer);

/* Where a stream stands. Zeroed before its start; prompt and answer outlive it. */
struct mock_stream {
    const struct mock_facts *facts;
    const struct mock_prompt *prompt;
    const struct mock_answer *answer;
    int phase;
    size_t at; /* the next token or call of the phase */
    int64_t choice;
    uint64_t events;
};
void mock_stream_begin(struct mock_stream *stream, const struct mock_facts *facts, const struct mock_prompt *prompt,
                       const struct mock_answer *answer);
/* Writes the next event with its blank line; false when there is none any more. *is_token: it counts for the rate. */
bool mock_stream_next(struct mock_stream *stream, struct text *text, bool *is_token);

/* {"error":{...}} as OpenAI writes it for a status; a NULL message takes the status' own. param empty: null. */
void mock_openai_error(struct text *text, int status, const char *message, struct str param);
/* The same for a 400 that has its own message and code (empty: null). */
void mock_openai_refusal(struct text *text, const char *message, struct str param, struct str code);

#endif
