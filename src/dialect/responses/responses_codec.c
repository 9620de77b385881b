/* responses_codec.c - the table of the Responses API. Its errors are OpenAI's. */
#include "dialect/openai/openai.h"
#include "dialect/responses/responses.h"

static void responses_read_error(struct str body, struct arena *arena, struct message_error *error) {
    codec_openai.read_error(body, arena, error);
}

static void responses_codec_error_write(const struct message_error *error, struct text *body) {
    openai_write_error(body, error);
}

const struct codec codec_responses = {
    .name = STR("responses"),
    .dialect = dialect_responses,
    .framing = framing_sse,
    .stream_content_type = STR("text/event-stream"),
    .read_request = responses_read_request,
    .read_reply = responses_read_reply,
    .write_reply = responses_write_reply,
    .reader_size = responses_reader_bytes,
    .writer_size = responses_writer_bytes,
    .read_event = responses_read_event,
    .write_event = responses_write_event,
    .read_error = responses_read_error,
    .write_error = responses_codec_error_write,
};
