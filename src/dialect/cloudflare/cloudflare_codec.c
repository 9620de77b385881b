/* cloudflare_codec.c - the table of Workers AI's dialect, its errors and its embeddings. */
#include "dialect/cloudflare/cloudflare.h"

#include "dialect/openai/openai.h"
#include "dialect/vectors.h"

/* -- errors -- */

/* Source: Workers AI's page of errors; 10000 is the whole API's. The first of a status is the one that is written. The
 * day's free neurons come back at midnight UTC, and nothing here knows the time: it is asked again every hour. */
enum { out_of_neurons_ms = 3600 * 1000 };
static const struct {
    int64_t code;
    int status;
    int64_t rest_ms; /* -1: not known */
} codes[] = {
    {5004, 400, -1},                /* invalid data */
    {5007, 400, -1},                /* no such model or task */
    {3003, 400, -1},                /* headers or body are missing */
    {3039, 400, -1},                /* the fine-tune lacks files */
    {10000, 401, -1},               /* the token is not good */
    {5018, 403, -1},                /* the model is private */
    {3041, 403, -1},                /* the same */
    {5016, 403, -1},                /* the model's terms are not agreed to */
    {5035, 403, -1},                /* the model wants a paid plan */
    {3023, 403, -1},                /* the account is blocked */
    {3042, 404, -1},                /* no such model id */
    {5019, 405, -1},                /* the SDK is too old */
    {5005, 405, -1},                /* the model takes no LoRA */
    {3007, 408, -1},                /* timed out */
    {3008, 408, -1},                /* aborted */
    {3006, 413, -1},                /* the request is too large */
    {3040, 429, -1},                /* out of capacity */
    {3036, 429, out_of_neurons_ms}, /* the day's free neurons are used up */
};

bool cloudflare_is_error(const struct json_value *root) {
    if (json_kind(json_member(root, "success")) == json_false) return true;
    bool said = json_count(json_member(root, "errors")) > 0 || json_kind(json_member(root, "error")) >= json_string;
    return said && json_kind(json_member(root, "result")) <= json_null;
}

void cloudflare_read_error(const struct json_value *root, struct arena *arena, struct message_error *error) {
    size_t place = 0;
    const struct json_value *first = json_each(json_member(root, "errors"), &place, NULL),
                            *code = json_member(first, "code");
    error->message = json_member_str(first, "message");
    if (json_kind(code) == json_number || json_kind(code) == json_string)
        error->said_code = json_kind(code) == json_string ? json_str(code, STR("")) : json_raw(code, arena);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].code != json_i64(code, 0)) continue;
        if (error->status == 0) error->status = codes[i].status;
        if (codes[i].rest_ms >= 0) error->retry_after_ms = codes[i].rest_ms;
    }
    if (!error->message.len && root) { /* one of the whole API's, or of a proxy before it */
        struct openai_error said;
        openai_skim_error(json_raw(root, arena), arena, &said);
        error->message = said.message;
        if (!error->said_code.len) error->said_code = said.code;
    }
}

static void cloudflare_codec_error_read(struct str body, struct arena *arena, struct message_error *error) {
    const char *problem;
    size_t at;
    const struct json_value *root = json_parse_in(arena, body, &problem, &at);
    if (json_kind(root) == json_object) {
        cloudflare_read_error(root, arena, error);
        return;
    }
    struct openai_error said;
    openai_skim_error(body, arena, &said);
    error->message = said.message;
}

void cloudflare_write_error(struct text *text, int status, struct str message) {
    int64_t code = status ? status : 500;
    for (size_t i = sizeof codes / sizeof *codes; i-- > 0;)
        if (codes[i].status == status) code = codes[i].code;
    text_put(text, STR("{\"result\":null,\"success\":false,\"errors\":[{"));
    text_json_i64(text, STR("code"), code);
    text_json_str(text, STR("message"), message);
    text_put(text, STR("}],\"messages\":[]}"));
}

static void cloudflare_codec_error_write(const struct message_error *error, struct text *body) {
    cloudflare_write_error(body, error->status, error->message);
}

void cloudflare_result_begin(struct text *text) { text_put(text, STR("{\"result\":")); }

void cloudflare_result_end(struct text *text) {
    text_put(text, STR(",\"success\":true,\"errors\":[],\"messages\":[]}"));
}

/* -- embeddings -- */

static bool cloudflare_read_embed_request(struct str body, struct str path_model, struct arena *arena,
                                          struct embed_request *request, struct error *error, struct str *param) {
    return embed_texts_read(body, "text", path_model, arena, request, error, param);
}

static void cloudflare_write_embed_request(const struct embed_request *request, const struct codec_target *target,
                                           struct text *body) {
    (void)target;
    embed_texts_put(request, STR("text"), body);
}

static bool cloudflare_read_embed_reply(struct str body, struct arena *arena, struct embed_reply *reply,
                                        bool *error_inside) {
    const struct json_value *root;
    struct error error;
    *reply = (struct embed_reply){.usage = USAGE_NONE};
    *error_inside = false;
    if (!codec_parse(body, arena, &root, &error)) return false;
    *error_inside = cloudflare_is_error(root);
    if (*error_inside) return true;
    const struct json_value *result = json_member(root, "result"), *list = json_member(result, "data");
    if (!list) list = json_member(result, "response"); /* bge-m3 with contexts */
    int64_t tokens = json_i64(json_member(json_member(result, "usage"), "prompt_tokens"), -1);
    if (tokens >= 0) reply->usage.input_tokens = tokens;
    return vectors_read(list, "embedding", arena, reply);
}

static void cloudflare_write_embed_reply(const struct embed_reply *reply, const struct embed_request *asked,
                                         const struct codec_caller *caller, struct text *body) {
    (void)asked;
    (void)caller;
    cloudflare_result_begin(body);
    text_put(body, STR("{\"shape\":["));
    text_put_u64(body, reply->vector_count);
    text_put_byte(body, ',');
    text_put_u64(body, vectors_width(reply));
    text_put(body, STR("],\"data\":"));
    vectors_put(body, reply);
    if (reply->usage.input_tokens >= 0) {
        text_put(body, STR(",\"usage\":{"));
        text_json_i64(body, STR("prompt_tokens"), reply->usage.input_tokens);
        text_json_i64(body, STR("total_tokens"), reply->usage.input_tokens);
        text_put_byte(body, '}');
    }
    text_put_byte(body, '}');
    cloudflare_result_end(body);
}

const struct codec codec_cloudflare = {
    .name = STR("cloudflare"),
    .dialect = dialect_cloudflare,
    .framing = framing_sse,
    .mixes = true,
    .stream_content_type = STR("text/event-stream"),
    .fates = {[feature_strict] = fate_dropped,
              [feature_detail] = fate_dropped,
              [feature_document_title] = fate_dropped,
              [feature_video] = fate_refused,
              [feature_cached_content] = fate_refused,
              [feature_prefill] = fate_dropped,
              [feature_tool_result_error] = fate_dropped,
              [feature_min_p] = fate_dropped,
              [feature_n] = fate_emulated,
              [feature_stop] = fate_refused,
              [feature_logprobs] = fate_refused,
              [feature_logit_bias] = fate_dropped,
              [feature_server_tools] = fate_refused,
              [feature_tool_choice] = fate_emulated,
              [feature_parallel_tool_calls] = fate_dropped,
              [feature_reasoning_effort] = fate_dropped,
              [feature_reasoning_history] = fate_dropped,
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
              [feature_safety_settings] = fate_dropped,
              [feature_message_name] = fate_dropped,
              [feature_image_url] = fate_fetched,
              [feature_audio] = fate_refused,
              [feature_document] = fate_refused,
              [feature_document_url] = fate_refused,
              [feature_file_id] = fate_refused,
              [feature_tool_result_media] = fate_refused,
              [feature_citations] = fate_dropped,
              [feature_foreign] = fate_dropped,
              [feature_echo] = fate_refused,
              [feature_suffix] = fate_refused,
              [feature_extra] = fate_dropped},
    .read_request = cloudflare_read_request,
    .write_request = cloudflare_write_request,
    .read_reply = cloudflare_read_reply,
    .write_reply = cloudflare_write_reply,
    .reader_size = cloudflare_reader_bytes,
    .writer_size = cloudflare_writer_bytes,
    .read_event = cloudflare_read_event,
    .write_event = cloudflare_write_event,
    .read_error = cloudflare_codec_error_read,
    .write_error = cloudflare_codec_error_write,
    .read_embed_request = cloudflare_read_embed_request,
    .write_embed_request = cloudflare_write_embed_request,
    .read_embed_reply = cloudflare_read_embed_reply,
    .write_embed_reply = cloudflare_write_embed_reply,
};
