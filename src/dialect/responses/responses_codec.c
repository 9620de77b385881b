/* responses_codec.c - the table of the Responses API. Its errors are OpenAI's. */
#include "dialect/openai/openai.h"
#include "dialect/responses/responses.h"

static void responses_read_error(struct str body, struct arena *arena, struct message_error *error) {
    codec_openai.read_error(body, arena, error);
}

static void responses_codec_error_write(const struct message_error *error, struct text *body) {
    openai_write_error(body, error);
}

/* {"object":"response.input_tokens","input_tokens":14} */
static int64_t responses_read_count(struct str body, struct arena *arena) {
    const struct json_value *root;
    struct error ignored;
    return codec_parse(body, arena, &root, &ignored) ? json_i64(json_member(root, "input_tokens"), -1) : -1;
}

static void responses_write_count(int64_t tokens, struct text *body) {
    text_put(body, STR("{\"object\":\"response.input_tokens\""));
    text_json_i64(body, STR("input_tokens"), tokens);
    text_put_byte(body, '}');
}

const struct codec codec_responses = {
    .name = STR("responses"),
    .dialect = dialect_responses,
    .framing = framing_sse,
    .stream_content_type = STR("text/event-stream"),
    .fates = {[feature_top_k] = fate_dropped,
              [feature_min_p] = fate_dropped,
              [feature_frequency_penalty] = fate_dropped,
              [feature_presence_penalty] = fate_dropped,
              [feature_repetition_penalty] = fate_dropped,
              [feature_seed] = fate_dropped,
              [feature_n] = fate_emulated,
              [feature_stop] = fate_dropped,
              [feature_logprobs] = fate_refused,
              [feature_logit_bias] = fate_dropped,
              [feature_server_tools] = fate_refused,
              [feature_reasoning_history] = fate_carried,
              [feature_cache_control] = fate_dropped,
              [feature_store] = fate_dropped,
              [feature_modalities] = fate_refused,
              [feature_prediction] = fate_dropped,
              [feature_safety_settings] = fate_dropped,
              [feature_message_name] = fate_dropped,
              [feature_audio] = fate_refused,
              [feature_tool_result_error] = fate_dropped,
              [feature_citations] = fate_dropped,
              [feature_file_id] = fate_refused,
              [feature_foreign] = fate_dropped,
              [feature_echo] = fate_refused,
              [feature_suffix] = fate_refused,
              [feature_extra] = fate_dropped},
    .read_request = responses_read_request,
    .write_request = responses_write_request,
    .read_reply = responses_read_reply,
    .write_reply = responses_write_reply,
    .reader_size = responses_reader_bytes,
    .writer_size = responses_writer_bytes,
    .read_event = responses_read_event,
    .write_event = responses_write_event,
    .read_error = responses_read_error,
    .write_error = responses_codec_error_write,
    .read_count = responses_read_count,
    .write_count = responses_write_count,
};
