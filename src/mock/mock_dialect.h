/* mock_dialect.h - the mock in every dialect: what is asked in another one is asked in OpenAI's, and what the mock says
 * is said in the asker's. Only src/mock includes it. */
#ifndef WEIR_MOCK_MOCK_DIALECT_H
#define WEIR_MOCK_MOCK_DIALECT_H

#include "mock/mock_internal.h"

/* A path of another dialect, and where the path does not tell, what the body asks for. false: it is none. */
bool mock_dialect_find(struct str path, struct str body, enum dialect *dialect, enum operation *operation,
                       struct str *model, bool *stream);
/* {"input_tokens":N}, {"totalTokens":N}: of the request that was read last. */
void mock_dialect_count(struct mock_exchange *me, int64_t tokens);
/* The Responses API's compacted conversation: what the user said, and one sealed item for the rest. */
void mock_dialect_compact(struct mock_exchange *me, struct str body);
/* The request in OpenAI's words, in the exchange's arena. false: *error, *param. */
bool mock_dialect_request(struct mock_exchange *me, enum operation operation, struct str model, bool stream,
                          struct str *body, struct error *error, struct str *param);
/* A whole answer of OpenAI's, chat or embeddings, in the asker's words. */
void mock_dialect_reply(struct mock_exchange *me, struct str *body);
/* {"error":...} in the asker's words; a NULL message takes the status' own. */
void mock_dialect_error(struct mock_exchange *me, struct text *text, int status, const char *message, struct str param);
/* The same inside a stream, with its framing. */
void mock_dialect_error_event(struct mock_exchange *me, struct text *text);
/* As mock_stream_next. */
bool mock_dialect_next(struct mock_exchange *me, struct text *text, bool *is_token);
struct str mock_dialect_content_type(const struct mock_exchange *me);

#endif
