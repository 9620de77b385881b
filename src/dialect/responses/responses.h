/* responses.h - OpenAI's Responses API as a codec: spoken by callers, and by providers that have it. Between its files
 * only. Source: OpenAI's API description (openapi.yaml).
 *
 * -- responses_codec.c: the table
 * -- responses_read_request.c: requests read
 * -- responses_write_request.c: requests written
 * -- responses_asked.c: what a response says again of its request
 * -- responses_reply.c: whole replies, both ways
 * -- responses_stream.c: streams, both ways
 * -- responses_cut.c: the end of one that passes as it came, where weir ends it */
#ifndef WEIR_DIALECT_RESPONSES_RESPONSES_H
#define WEIR_DIALECT_RESPONSES_RESPONSES_H

#include "dialect/codec.h"
#include "dialect/fields.h"

bool responses_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                            struct message_request *request, struct error *error, struct str *param);
void responses_write_request(const struct message_request *request, const struct codec_target *target,
                             struct text *body);
/* The plain members; the first ones are read only: the vendor's own API lacks them, or they are written apart. */
enum { responses_fields_read_only = 3 };
extern const struct field responses_fields[];
extern const size_t responses_field_count;
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
/* Of a call, as a function's: a custom tool's input becomes them. */
struct str responses_arguments(const struct json_value *item, bool custom, struct arena *arena);
/* Those with a URL, separated by commas. */
void responses_write_annotations(struct text *text, const struct message_part *part);
/* Its `usage`, its tier, and what its items did. */
void responses_read_usage(const struct json_value *response, struct arena *arena, struct usage *into);
/* The member `usage`, with a comma before it. */
void responses_write_usage(struct text *text, const struct usage *usage);
/* The response object around its output (raw items, separated by commas). status: "in_progress", "completed",
 * "incomplete". */
struct responses_object {
    struct str model, status, output;
    int64_t created_s;
    enum message_finish finish;
    const struct usage *usage; /* NULL: not known yet */
};
void responses_write_object(struct text *text, const struct codec_caller *caller,
                            const struct responses_object *object);
/* The members that say the request again: separated by commas, a comma before the first unless the text is empty.
 * root: the request, NULL: nothing is known of it. */
void responses_asked_put(struct text *text, const struct json_value *root);

#endif
