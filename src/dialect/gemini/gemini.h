/* gemini.h - Google's generateContent dialect as a codec. Between its files only.
 * Source: the Gemini API reference and the official SDK's types.
 *
 * -- gemini_codec.c: the table, errors, embeddings
 * -- gemini_read_request.c: requests read
 * -- gemini_calls.c: which call a result answers
 * -- gemini_write_request.c: requests written
 * -- gemini_reply.c: replies and streams, both ways: each event is a reply of its own */
#ifndef WEIR_DIALECT_GEMINI_GEMINI_H
#define WEIR_DIALECT_GEMINI_GEMINI_H

#include "dialect/codec.h"
#include "dialect/fields.h"

bool gemini_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                         struct message_request *request, struct error *error, struct str *param);
void gemini_write_request(const struct message_request *request, const struct codec_target *target, struct text *body);
bool gemini_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                       struct message_reply *reply, bool *error_inside);
void gemini_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body);
bool gemini_read_event(void *reader, struct str event, struct str data, struct arena *keep,
                       const struct codec_quirks *quirks, struct message_events *events);
void gemini_write_event(void *writer, const struct message_event *event, const struct codec_caller *caller,
                        struct arena *keep, struct text *text);
enum { gemini_reader_bytes = 16, gemini_writer_bytes = 512 };

/* A member by either of its names: "inlineData" or "inline_data". */
const struct json_value *gemini_member(const struct json_value *object, const char *camel);
/* A result without an id gets that of the call it answers: the first one of its name in the last turn that has calls
 * which nothing answers yet. Of two calls of one name without ids the second gets one. */
void gemini_pair_calls(struct message_request *request, struct arena *arena);
/* One part; thoughts are reasoning, calls without an id keep none. */
void gemini_read_part(const struct json_value *value, struct arena *arena, struct message_part *part);
/* The usageMetadata of a reply: tool prompts are input, thoughts are output, cached content is part of the prompt. */
void gemini_read_usage(const struct json_value *value, struct arena *arena, struct usage *usage);
void gemini_write_error(struct text *text, int status, struct str message);

#endif
