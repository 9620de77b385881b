/* huggingface.h - Hugging Face's native inference (`/models/{model}`: inputs and parameters) as a codec. Between its
 * files only. Sources: huggingface/hub-docs (tasks text-generation and feature-extraction),
 * huggingface/text-generation-inference (docs/openapi.json), recorded replies.
 *
 * -- huggingface.c: the table, requests both ways, errors, forecasts
 * -- huggingface_reply.c: replies, streams and vectors, both ways */
#ifndef WEIR_DIALECT_HUGGINGFACE_HUGGINGFACE_H
#define WEIR_DIALECT_HUGGINGFACE_HUGGINGFACE_H

#include "dialect/codec.h"
#include "dialect/fields.h"

bool huggingface_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                            struct message_reply *reply, bool *error_inside);
void huggingface_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body);
bool huggingface_read_event(void *reader, struct str event, struct str data, struct arena *keep,
                            const struct codec_quirks *quirks, struct message_events *events);
void huggingface_write_event(void *writer, const struct message_event *event, const struct codec_caller *caller,
                             struct arena *keep, struct text *text);
bool huggingface_read_vectors(struct str body, struct arena *arena, struct embed_reply *reply, bool *error_inside);
void huggingface_write_vectors(const struct embed_reply *reply, const struct embed_request *asked,
                               const struct codec_caller *caller, struct text *body);
enum { huggingface_reader_bytes = 16, huggingface_writer_bytes = 128 };

/* What {"error": ...} says: a string, a list of them, or an object with a message. */
void huggingface_read_error(const struct json_value *root, struct arena *arena, struct message_error *error);
void huggingface_write_error(struct text *text, int status, struct str message);

#endif
