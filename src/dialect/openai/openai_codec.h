/* openai_codec.h - the OpenAI chat dialect as a codec. Between its files, and those of dialects that hold its form (the
 * Responses API, Workers AI).
 *
 * -- openai_codec.c: the table, errors, embeddings
 * -- openai_read_request.c: requests read
 * -- openai_write_request.c: requests written
 * -- openai_reply.c: whole replies, both ways
 * -- openai_stream.c: streams, both ways
 * -- openai_completions.c: the older completions, towards providers that have none */
#ifndef WEIR_DIALECT_OPENAI_OPENAI_CODEC_H
#define WEIR_DIALECT_OPENAI_OPENAI_CODEC_H

#include "dialect/codec.h"
#include "dialect/fields.h"
#include "dialect/openai/openai.h"

/* The scalar members that a chat request is read from and written by. */
extern const struct field openai_fields[];
extern const size_t openai_field_count;

bool openai_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                         struct message_request *request, struct error *error, struct str *param);
void openai_write_request(const struct message_request *request, const struct codec_target *target, struct text *body);
bool openai_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                       struct message_reply *reply, bool *error_inside);
void openai_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body);
bool openai_read_event(void *reader, struct str event, struct str data, struct arena *keep,
                       const struct codec_quirks *quirks, struct message_events *events);
void openai_write_event(void *writer, const struct message_event *event, const struct codec_caller *caller,
                        struct arena *keep, struct text *text);
enum { openai_reader_bytes = 288, openai_writer_bytes = 128 };

void openai_write_error_event(const struct message_event *event, struct text *text);

/* A message's annotations: url_citation. Written with their key; nothing when there is none with a URL. */
void openai_read_citations(const struct json_value *list, struct arena *arena, struct message_part *part);
void openai_write_annotations(struct text *text, const struct message_choice *choice);

/* A call's id as the vendor takes it: one that only takes ids of its own kind gets one made of the caller's, always the
 * same one, in the buffer. */
struct str openai_tool_id(struct str id, const struct codec_quirks *quirks, char *buffer, size_t size);

/* Words of tables that both directions need. */
struct str openai_effort_name(enum message_effort effort); /* "low"; effort_unset: {NULL,0} */
enum message_effort openai_read_effort(struct str name);
/* What is asked for; thinking budgets of others as the nearest effort. */
enum message_effort openai_effort_of(const struct message_request *request);
struct str openai_finish_name(enum message_finish finish);
enum message_finish openai_read_finish(struct str name);
/* "usage":{...}; what is not known is left out, all of it where nothing is. */
void openai_write_usage(struct text *text, const struct usage *usage);
/* Text that stands in `content` (a string, or a list of parts as Mistral's) as parts; reasoning among it too. NULL with
 * *count 0: none. */
/* Up to there its provider is to keep the prompt: by OpenAI's own mark or OpenRouter's. */
void openai_read_mark(const struct json_value *value, struct message_part *part);
struct message_part *openai_read_parts(const struct json_value *content, struct arena *arena, size_t *count);

/* "tools":[...] of functions alone, without strictness, as those want them who took OpenAI's form over. */
void openai_write_plain_tools(struct text *text, const struct message_request *request);
/* ,"type":"function","function":{...}} of a call whose id has been written. */
void openai_write_called(struct text *text, const struct message_part *part);

#endif
