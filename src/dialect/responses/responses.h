/* responses.h - OpenAI's Responses API as a codec: spoken by callers, and by providers that have it (those are passed
 * through). Between its files only. Source: OpenAI's API description (openapi.yaml).
 *
 * -- responses_codec.c: the table
 * -- responses_read_request.c: requests read
 * -- responses_reply.c: whole replies, both ways
 * -- responses_stream.c: streams, both ways */
#ifndef WEIR_DIALECT_RESPONSES_RESPONSES_H
#define WEIR_DIALECT_RESPONSES_RESPONSES_H

#include "dialect/codec.h"
#include "dialect/fields.h"

bool responses_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                            struct message_request *request, struct error *error, struct str *param);
bool responses_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                          struct message_reply *reply, bool *error_inside);
void responses_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body);
bool responses_read_event(void *reader, struct str event, struct str data, struct arena *keep,
                          const struct codec_quirks *quirks, struct message_events *events);
void responses_write_event(void *writer, const struct message_event *event, const struct codec_caller *caller,
                           struct arena *keep, struct text *text);
enum { responses_reader_bytes = 16, responses_writer_bytes = 512 };

/* The finish of a whole response: a call among its output decides. */
enum message_finish responses_finish(const struct json_value *response, bool called);
/* Those with a URL, separated by commas. */
void responses_write_annotations(struct text *text, const struct message_part *part);
void responses_read_usage(const struct json_value *usage, struct usage *into);
/* The response object around this output (raw items, separated by commas). "in_progress", "completed", "incomplete". */
void responses_write_object(struct text *text, const struct codec_caller *caller, struct str model, struct str status,
                            enum message_finish finish, struct str output, const struct usage *usage);

#endif
