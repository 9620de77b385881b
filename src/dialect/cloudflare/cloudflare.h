/* cloudflare.h - Workers AI's own dialect (`/ai/run/{model}`) as a codec. Between its files only. Sources: the schemas
 * of its models and the page of its errors (cloudflare/cloudflare-docs), its provider for the AI SDK (cloudflare/ai).
 * Replies lie in an envelope; newer models answer in OpenAI's form inside it, older ones with `response`: both are
 * read, the older one is written.
 *
 * -- cloudflare_codec.c: the table, errors, embeddings
 * -- cloudflare_read_request.c: requests read
 * -- cloudflare_write_request.c: requests written
 * -- cloudflare_reply.c: replies and streams, both ways */
#ifndef WEIR_DIALECT_CLOUDFLARE_CLOUDFLARE_H
#define WEIR_DIALECT_CLOUDFLARE_CLOUDFLARE_H

#include "dialect/codec.h"
#include "dialect/fields.h"

/* The members of a request that are one number each. */
extern const struct field cloudflare_fields[];
extern const size_t cloudflare_field_count;

bool cloudflare_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                             struct message_request *request, struct error *error, struct str *param);
void cloudflare_write_request(const struct message_request *request, const struct codec_target *target,
                              struct text *body);
bool cloudflare_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                           struct message_reply *reply, bool *error_inside);
void cloudflare_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body);
bool cloudflare_read_event(void *reader, struct str event, struct str data, struct arena *keep,
                           const struct codec_quirks *quirks, struct message_events *events);
void cloudflare_write_event(void *writer, const struct message_event *event, const struct codec_caller *caller,
                            struct arena *keep, struct text *text);
enum { cloudflare_reader_bytes = 336, cloudflare_writer_bytes = 80 };

/* A call as {name, arguments} or in OpenAI's form, its arguments an object or the text of one. */
void cloudflare_read_call(const struct json_value *call, struct arena *arena, struct message_part *part);
/* Is it an envelope that holds an error? */
bool cloudflare_is_error(const struct json_value *root);
/* What the envelope's first error says; status only where none is known yet. */
void cloudflare_read_error(const struct json_value *root, struct arena *arena, struct message_error *error);
void cloudflare_write_error(struct text *text, int status, struct str message);
/* The envelope around a result that is written between them. */
void cloudflare_result_begin(struct text *text);
void cloudflare_result_end(struct text *text);

#endif
