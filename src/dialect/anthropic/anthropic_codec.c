/* anthropic_codec.c - the table of Anthropic's dialect, and its errors. */
#include "dialect/anthropic/anthropic.h"

static const struct {
    int status;
    struct str type;
} types[] = {
    {400, STR("invalid_request_error")},
    {401, STR("authentication_error")},
    {402, STR("billing_error")},
    {403, STR("permission_error")},
    {404, STR("not_found_error")},
    {405, STR("invalid_request_error")},
    {413, STR("request_too_large")},
    {429, STR("rate_limit_error")},
    {500, STR("api_error")},
    {502, STR("api_error")},
    {503, STR("overloaded_error")},
    {504, STR("timeout_error")},
    {529, STR("overloaded_error")},
};

struct str anthropic_error_type(int status) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].status == status) return types[i].type;
    return status >= 500 || status == 0 ? STR("api_error") : STR("invalid_request_error");
}

int anthropic_error_status(struct str type) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(types[i].type, type)) return types[i].status;
    return 0;
}

void anthropic_write_error(struct text *text, int status, struct str message, struct str request_id) {
    text_put(text, STR("{\"type\":\"error\",\"error\":{"));
    text_json_str(text, STR("type"), anthropic_error_type(status));
    text_json_str(text, STR("message"), message);
    text_put_byte(text, '}');
    text_json_str(text, STR("request_id"), request_id);
    text_put_byte(text, '}');
}

static void anthropic_read_error(struct str body, struct arena *arena, struct message_error *error) {
    const struct json_value *root;
    struct error ignored;
    if (!codec_parse(body, arena, &root, &ignored)) return;
    const struct json_value *said = json_member(root, "error");
    error->message = json_str(json_member(said, "message"), json_member_str(root, "message"));
    error->type = json_member_str(said, "type");
    error->said_code = json_member_str(json_member(said, "details"), "error_code");
    if (!error->said_code.len) error->said_code = json_str(json_member(said, "error_code"), error->type);
}

static void anthropic_codec_error_write(const struct message_error *error, struct text *body) {
    anthropic_write_error(body, error->status, error->message, error->request_id);
}

/* {"input_tokens":14} */
static int64_t anthropic_read_count(struct str body, struct arena *arena) {
    const struct json_value *root;
    struct error ignored;
    return codec_parse(body, arena, &root, &ignored) ? json_i64(json_member(root, "input_tokens"), -1) : -1;
}

static void anthropic_write_count(int64_t tokens, struct text *body) {
    text_put_byte(body, '{');
    text_json_i64(body, STR("input_tokens"), tokens);
    text_put_byte(body, '}');
}

const struct codec codec_anthropic = {
    .name = STR("anthropic"),
    .dialect = dialect_anthropic,
    .framing = framing_sse,
    .stream_content_type = STR("text/event-stream"),
    .fates = {[feature_detail] = fate_dropped,
              [feature_video] = fate_refused,
              [feature_cached_content] = fate_refused,
              [feature_file_id] = fate_refused,
              [feature_min_p] = fate_dropped,
              [feature_frequency_penalty] = fate_dropped,
              [feature_presence_penalty] = fate_dropped,
              [feature_repetition_penalty] = fate_dropped,
              [feature_seed] = fate_dropped,
              [feature_n] = fate_emulated,
              [feature_logprobs] = fate_refused,
              [feature_logit_bias] = fate_dropped,
              [feature_server_tools] = fate_refused,
              [feature_json_object] = fate_dropped,
              [feature_metadata] = fate_dropped,
              [feature_verbosity] = fate_dropped,
              [feature_store] = fate_dropped,
              [feature_modalities] = fate_refused,
              [feature_prediction] = fate_dropped,
              [feature_safety_settings] = fate_dropped,
              [feature_message_name] = fate_dropped,
              [feature_audio] = fate_refused,
              [feature_foreign] = fate_dropped,
              [feature_echo] = fate_refused,
              [feature_suffix] = fate_refused,
              [feature_extra] = fate_dropped},
    .terminator = STR("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
    .read_request = anthropic_read_request,
    .write_request = anthropic_write_request,
    .read_reply = anthropic_read_reply,
    .write_reply = anthropic_write_reply,
    .reader_size = anthropic_reader_bytes,
    .writer_size = anthropic_writer_bytes,
    .read_event = anthropic_read_event,
    .write_event = anthropic_write_event,
    .wants_usage = true,
    .read_error = anthropic_read_error,
    .write_error = anthropic_codec_error_write,
    .read_count = anthropic_read_count,
    .write_count = anthropic_write_count,
};
