/* anthropic.h - the Anthropic Messages dialect as a codec. Between its files only.
 * Source: the Messages API reference and the official SDK's types.
 *
 * -- anthropic_codec.c: the table, errors, token counts
 * -- anthropic_read_request.c: requests read
 * -- anthropic_write_request.c: requests written
 * -- anthropic_reply.c: whole replies, both ways
 * -- anthropic_stream.c: streams, both ways */
#ifndef WEIR_DIALECT_ANTHROPIC_ANTHROPIC_H
#define WEIR_DIALECT_ANTHROPIC_ANTHROPIC_H

#include "dialect/codec.h"
#include "dialect/fields.h"

bool anthropic_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                            struct message_request *request, struct error *error, struct str *param);
void anthropic_write_request(const struct message_request *request, const struct codec_target *target,
                             struct text *body);
bool anthropic_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                          struct message_reply *reply, bool *error_inside);
void anthropic_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body);
bool anthropic_read_event(void *reader, struct str event, struct str data, struct arena *keep,
                          const struct codec_quirks *quirks, struct message_events *events);
void anthropic_write_event(void *writer, const struct message_event *event, const struct codec_caller *caller,
                           struct arena *keep, struct text *text);
enum { anthropic_reader_bytes = 64, anthropic_writer_bytes = 192 };

/* A list of content blocks, or a string, as parts. */
struct message_part *anthropic_read_parts(const struct json_value *content, struct arena *arena, size_t *count);
enum message_finish anthropic_read_finish(struct str name);
struct str anthropic_finish_name(enum message_finish finish);
/* All input is the sum of what is said apart; counts that are not said stay -1. */
void anthropic_read_usage(const struct json_value *value, struct arena *arena, struct usage *usage);
void anthropic_write_usage(struct text *text, const struct usage *usage);
/* As it was said by this dialect, else as a place found in the web. */
void anthropic_write_citation(struct text *text, const struct message_citation *citation);
/* "overloaded_error" for a status. */
struct str anthropic_error_type(int status);
int anthropic_error_status(struct str type); /* 0: it is none of its types */
/* {"type":"error","error":{"type","message"},"request_id"} */
void anthropic_write_error(struct text *text, int status, struct str message, struct str request_id);

#endif
