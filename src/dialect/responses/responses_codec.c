/* responses_codec.c - the table of the Responses API. Its errors are OpenAI's. */
#include "dialect/openai/openai.h"
#include "dialect/responses/responses.h"

static void error_read(struct str body, struct arena *arena, struct message_error *error) {
    codec_openai.read_error(body, arena, error);
}

static void error_write(const struct message_error *error, struct text *body) { openai_error_write(body, error); }

const struct codec codec_responses = {
    .name = STR("responses"),
    .dialect = dialect_responses,
    .framing = framing_sse,
    .stream_content_type = STR("text/event-stream"),
    .read_request = responses_request_take,
    .read_reply = responses_reply_take,
    .write_reply = responses_reply_put,
    .reader_size = responses_reader_bytes,
    .writer_size = responses_writer_bytes,
    .read_event = responses_event_take,
    .write_event = responses_event_put,
    .read_error = error_read,
    .write_error = error_write,
};
