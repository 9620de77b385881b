/* gemini_codec.c - the table of Google's dialect, its errors and its embeddings. */
#include "dialect/gemini/gemini.h"

#include <string.h>

static const struct {
    int status;
    struct str name;
} statuses[] = {
    {400, STR("INVALID_ARGUMENT")},   {401, STR("UNAUTHENTICATED")},   {403, STR("PERMISSION_DENIED")},
    {404, STR("NOT_FOUND")},          {408, STR("DEADLINE_EXCEEDED")}, {409, STR("ABORTED")},
    {429, STR("RESOURCE_EXHAUSTED")}, {499, STR("CANCELLED")},         {500, STR("INTERNAL")},
    {502, STR("UNAVAILABLE")},        {503, STR("UNAVAILABLE")},       {504, STR("DEADLINE_EXCEEDED")},
};

void gemini_write_error(struct text *text, int status, struct str message) {
    struct str name = status >= 500 || status == 0 ? STR("INTERNAL") : STR("INVALID_ARGUMENT");
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status) name = statuses[i].name;
    text_put(text, STR("{\"error\":{"));
    text_json_i64(text, STR("code"), status ? status : 500);
    text_json_str(text, STR("message"), message);
    text_json_str(text, STR("status"), name);
    text_put(text, STR("}}"));
}

/* "48s", "1.5s" */
static int64_t delay_ms(struct str text) {
    double seconds;
    if (!str_ends(text, STR("s")) || !str_to_double(str_slice(text, 0, text.len - 1), &seconds)) return -1;
    return seconds >= 0 && seconds < 86400 ? (int64_t)(seconds * 1000) : -1;
}

static void gemini_read_error(struct str body, struct arena *arena, struct message_error *error) {
    const struct json_value *root;
    const char *problem;
    size_t at, place = 0;
    root = json_parse_in(arena, body, &problem, &at);
    if (json_kind(root) == json_array) root = json_each(root, &place, NULL); /* of a stream that is an array */
    const struct json_value *said = json_member(root, "error"), *details = json_member(said, "details");
    error->message = json_member_str(said, "message");
    error->type = json_member_str(said, "status");
    error->said_code = error->type;
    place = 0;
    for (const struct json_value *detail; (detail = json_each(details, &place, NULL));) {
        int64_t ms = delay_ms(json_str(json_member(detail, "retryDelay"), STR("")));
        if (ms >= 0) error->retry_after_ms = ms;
        struct str reason = json_member_str(detail, "reason");
        bool is_info = str_ends(json_member_str(detail, "@type"), STR("/google.rpc.ErrorInfo"));
        if (is_info && reason.len) error->said_code = reason;
    }
}

static void gemini_codec_error_write(const struct message_error *error, struct text *body) {
    gemini_write_error(body, error->status, error->message);
}

/* {"totalTokens":8,"promptTokensDetails":[...]} */
static int64_t gemini_read_count(struct str body, struct arena *arena) {
    const struct json_value *root;
    struct error ignored;
    return codec_parse(body, arena, &root, &ignored) ? json_i64(json_member(root, "totalTokens"), -1) : -1;
}

static void gemini_write_count(int64_t tokens, struct text *body) {
    text_put_byte(body, '{');
    text_json_i64(body, STR("totalTokens"), tokens);
    text_put_byte(body, '}');
}

/* -- embeddings -- */

/* A text; several parts are one text. */
static struct str content_text(const struct json_value *content, struct arena *arena) {
    const struct json_value *parts = json_member(content, "parts");
    struct text text = text_in_arena(arena, 64);
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(parts, &place, NULL));)
        text_put(&text, json_str(json_member(at, "text"), STR("")));
    return text.failed ? STR_NONE : text_str(&text);
}

static bool gemini_read_embed_request(struct str body, struct str path_model, struct arena *arena,
                                      struct embed_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    *request = (struct embed_request){.dimensions = MESSAGE_NO_INT};
    if (!codec_parse(body, arena, &root, error)) return false;
    const struct json_value *requests = json_member(root, "requests"), *one = root;
    size_t place = 0, count = requests ? json_count(requests) : 1;
    request->model = path_model;
    request->single = !requests;
    request->inputs = arena_take_zeroed(arena, (count + 1) * sizeof *request->inputs);
    if (!request->inputs) return error_set(error, error_out_of_memory, "%s", "");
    if (requests) one = NULL;
    while (request->input_count < count && (one || (one = json_each(requests, &place, NULL)))) {
        if (json_kind(json_member(one, "content")) != json_object) {
            *param = STR("content");
            return error_set(error, error_invalid_request, "`content` must be an object with `parts`.");
        }
        request->inputs[request->input_count++] = content_text(json_member(one, "content"), arena);
        int64_t dimensions = json_i64(gemini_member(one, "outputDimensionality"), MESSAGE_NO_INT);
        if (request->input_count > 1 && dimensions != request->dimensions) { /* others have one for all */
            *param = STR("outputDimensionality");
            return error_set(error, error_invalid_request,
                             "`outputDimensionality` must be the same in all `requests` for a provider of another "
                             "dialect.");
        }
        request->dimensions = dimensions;
        request->task = json_str(gemini_member(one, "taskType"), request->task);
        request->title = json_str(json_member(one, "title"), request->title);
        one = NULL;
    }
    return request->input_count > 0 || error_set(error, error_invalid_request, "`requests` must not be empty.");
}

static void embed_one_put(const struct embed_request *request, const struct codec_target *target, size_t index,
                          struct text *body) {
    text_json_comma(body);
    text_put_byte(body, '{');
    text_json_key(body, STR("model"));
    text_put(body, STR("\"models/"));
    text_put_json_inside(body, target->model);
    text_put(body, STR("\",\"content\":{\"parts\":[{"));
    text_json_str(body, STR("text"), request->inputs[index]);
    text_put(body, STR("}]}"));
    text_json_str_if(body, STR("taskType"), request->task);
    text_json_str_if(body, STR("title"), request->title);
    if (request->dimensions != MESSAGE_NO_INT) text_json_i64(body, STR("outputDimensionality"), request->dimensions);
    text_put_byte(body, '}');
}

/* embedContent for one text, batchEmbedContents for more: outbound_path goes by the same count. */
static void gemini_write_embed_request(const struct embed_request *request, const struct codec_target *target,
                                       struct text *body) {
    if (request->input_count == 1) {
        embed_one_put(request, target, 0, body);
        return;
    }
    text_put(body, STR("{\"requests\":["));
    for (size_t i = 0; i < request->input_count; i++) embed_one_put(request, target, i, body);
    text_put(body, STR("]}"));
}

static bool gemini_read_embed_reply(struct str body, struct arena *arena, struct embed_reply *reply,
                                    bool *error_inside) {
    const struct json_value *root;
    struct error error;
    *reply = (struct embed_reply){.usage = USAGE_NONE};
    *error_inside = false;
    if (!codec_parse(body, arena, &root, &error)) return false;
    *error_inside = json_kind(json_member(root, "error")) == json_object;
    if (*error_inside) return true;
    const struct json_value *many = json_member(root, "embeddings"), *one = json_member(root, "embedding");
    size_t place = 0;
    if (json_kind(many) != json_array && json_kind(one) != json_object) return false;
    reply->vectors = arena_take_zeroed(arena, (json_count(many) + 1) * sizeof *reply->vectors);
    if (!reply->vectors) return false;
    if (one) reply->vectors[reply->vector_count++] = json_raw(json_member(one, "values"), arena);
    for (const struct json_value *at; !one && (at = json_each(many, &place, NULL));)
        reply->vectors[reply->vector_count++] = json_raw(json_member(at, "values"), arena);
    for (size_t i = 0; i < reply->vector_count; i++)
        if (!reply->vectors[i].len || reply->vectors[i].at[0] != '[') return false;
    reply->usage.input_tokens = json_i64(json_member(json_member(root, "usageMetadata"), "promptTokenCount"), -1);
    return true;
}

static void gemini_write_embed_reply(const struct embed_reply *reply, const struct embed_request *asked,
                                     const struct codec_caller *caller, struct text *body) {
    (void)caller;
    if (asked->single && reply->vector_count) {
        text_put(body, STR("{\"embedding\":{"));
        text_json_raw(body, STR("values"), reply->vectors[0]);
        text_put(body, STR("}}"));
        return;
    }
    text_put(body, STR("{\"embeddings\":["));
    for (size_t i = 0; i < reply->vector_count; i++) {
        text_json_comma(body);
        text_put_byte(body, '{');
        text_json_raw(body, STR("values"), reply->vectors[i]);
        text_put_byte(body, '}');
    }
    text_put(body, STR("]}"));
}

const struct codec codec_gemini = {
    .name = STR("gemini"),
    .dialect = dialect_gemini,
    .framing = framing_sse,
    .stream_content_type = STR("text/event-stream"),
    .fates = {[feature_strict] = fate_dropped,
              [feature_detail] = fate_dropped,
              [feature_document_title] = fate_dropped,
              [feature_min_p] = fate_dropped,
              [feature_repetition_penalty] = fate_dropped,
              [feature_logit_bias] = fate_dropped,
              [feature_server_tools] = fate_refused,
              [feature_parallel_tool_calls] = fate_dropped,
              [feature_cache_control] = fate_dropped,
              [feature_prompt_cache_key] = fate_dropped,
              [feature_prompt_cache_retention] = fate_dropped,
              [feature_user] = fate_dropped,
              [feature_metadata] = fate_dropped,
              [feature_service_tier] = fate_dropped,
              [feature_verbosity] = fate_dropped,
              [feature_store] = fate_dropped,
              [feature_modalities] = fate_refused,
              [feature_prediction] = fate_dropped,
              [feature_message_name] = fate_dropped,
              [feature_image_url] = fate_fetched,
              [feature_document_url] = fate_fetched,
              [feature_file_id] = fate_refused,
              [feature_citations] = fate_dropped,
              [feature_foreign] = fate_dropped,
              [feature_echo] = fate_refused,
              [feature_suffix] = fate_refused,
              [feature_extra] = fate_dropped},
    .read_request = gemini_read_request,
    .write_request = gemini_write_request,
    .read_reply = gemini_read_reply,
    .write_reply = gemini_write_reply,
    .reader_size = gemini_reader_bytes,
    .writer_size = gemini_writer_bytes,
    .read_event = gemini_read_event,
    .write_event = gemini_write_event,
    .read_error = gemini_read_error,
    .write_error = gemini_codec_error_write,
    .read_count = gemini_read_count,
    .write_count = gemini_write_count,
    .embed_takes = 1u << embed_dimensions | 1u << embed_task,
    .read_embed_request = gemini_read_embed_request,
    .write_embed_request = gemini_write_embed_request,
    .read_embed_reply = gemini_read_embed_reply,
    .write_embed_reply = gemini_write_embed_reply,
};
