/* openai_codec.c - the table of OpenAI's dialect, its errors and its embeddings. */
#include "dialect/openai/openai_codec.h"

#include "dialect/vectors.h"

/* -- errors -- */

static void openai_codec_error_read(struct str body, struct arena *arena, struct message_error *error) {
    struct openai_error said;
    openai_skim_error(body, arena, &said);
    error->message = said.message;
    error->type = said.type;
    error->said_code = said.code;
    error->param = said.param;
}

static void openai_codec_error_write(const struct message_error *error, struct text *body) {
    openai_write_error(body, error);
}

/* -- embeddings -- */

static bool inputs_read(const struct json_value *input, struct arena *arena, struct embed_request *request) {
    size_t place = 0, count = json_kind(input) == json_array ? json_count(input) : 1;
    request->single = json_kind(input) == json_string;
    request->inputs = arena_take_zeroed(arena, (count + 1) * sizeof *request->inputs);
    if (!request->inputs || count == 0) return false;
    if (request->single) {
        request->inputs[request->input_count++] = json_str(input, STR_NONE);
        return true;
    }
    for (const struct json_value *at; (at = json_each(input, &place, NULL));) {
        if (json_kind(at) == json_string) {
            request->inputs[request->input_count++] = json_str(at, STR_NONE);
        } else { /* tokens */
            request->input_count = 0;
            request->raw_inputs = json_raw(input, arena);
            return request->raw_inputs.at != NULL;
        }
    }
    return json_kind(input) == json_array;
}

static bool openai_read_embed_request(struct str body, struct str path_model, struct arena *arena,
                                      struct embed_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    (void)path_model;
    *request = (struct embed_request){.dimensions = MESSAGE_NO_INT};
    if (!codec_parse(body, arena, &root, error)) return false;
    request->model = json_str(json_member(root, "model"), STR(""));
    request->dimensions = json_i64(json_member(root, "dimensions"), MESSAGE_NO_INT);
    request->base64 = str_eq(json_member_str(root, "encoding_format"), STR("base64"));
    request->user = json_member_str(root, "user");
    if (inputs_read(json_member(root, "input"), arena, request)) return true;
    *param = STR("input");
    return error_set(error, error_invalid_request, "`input` must be a string, a list of strings, or tokens.");
}

static void openai_write_embed_request(const struct embed_request *request, const struct codec_target *target,
                                       struct text *body) {
    text_put_byte(body, '{');
    text_json_str(body, STR("model"), target->model);
    text_json_key(body, STR("input"));
    if (request->raw_inputs.at) {
        text_put(body, request->raw_inputs);
    } else if (request->single && request->input_count == 1) {
        text_put_json(body, request->inputs[0]);
    } else {
        strings_put(body, request->inputs, request->input_count);
    }
    text_json_str(body, STR("encoding_format"), STR("float"));
    if (request->dimensions != MESSAGE_NO_INT) text_json_i64(body, STR("dimensions"), request->dimensions);
    text_json_str_if(body, STR("user"), request->user);
    text_put_byte(body, '}');
}

/* Into its place: `index` says which, or nothing does and the list's order is that of the inputs. false: it is none, or
 * another's. */
static bool vector_place(struct embed_reply *reply, size_t count, const struct json_value *one, struct str raw) {
    int64_t index = json_i64(json_member(one, "index"), (int64_t)reply->vector_count);
    if (index < 0 || (uint64_t)index >= count || reply->vectors[index].at) return false;
    reply->vectors[index] = raw;
    reply->vector_count++;
    return true;
}

static bool openai_read_embed_reply(struct str body, struct arena *arena, struct embed_reply *reply,
                                    bool *error_inside) {
    const struct json_value *root, *data;
    struct error error;
    *reply = (struct embed_reply){.usage = USAGE_NONE};
    *error_inside = false;
    usage_meter(&reply->usage, arena);
    if (!codec_parse(body, arena, &root, &error) || !openai_skim_reply(body, &reply->usage, error_inside)) return false;
    data = json_member(root, "data");
    if (*error_inside) return true;
    if (json_kind(data) != json_array) return false;
    reply->model = json_member_str(root, "model");
    reply->vectors = arena_take_zeroed(arena, (json_count(data) + 1) * sizeof *reply->vectors);
    if (!reply->vectors) return false;
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(data, &place, NULL));) {
        const struct json_value *vector = json_member(at, "embedding");
        struct str raw = json_kind(vector) == json_string ? vector_from_base64(json_str(vector, STR("")), arena)
                         : vector_is(vector)              ? json_raw(vector, arena)
                                                          : STR_NONE;
        if (!raw.at || !vector_place(reply, json_count(data), at, raw)) return false;
    }
    return true;
}

static void openai_write_embed_reply(const struct embed_reply *reply, const struct embed_request *asked,
                                     const struct codec_caller *caller, struct text *body) {
    int64_t tokens = reply->usage.input_tokens < 0 ? 0 : reply->usage.input_tokens;
    text_put(body, STR("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; i < reply->vector_count; i++) {
        text_json_comma(body);
        text_put(body, STR("{\"object\":\"embedding\""));
        text_json_u64(body, STR("index"), i);
        text_json_key(body, STR("embedding"));
        if (asked->base64)
            vector_base64_put(body, reply->vectors[i]);
        else
            text_put(body, reply->vectors[i]);
        text_put_byte(body, '}');
    }
    text_put_byte(body, ']');
    text_json_str(body, STR("model"), reply->model.len ? reply->model : caller->model);
    text_json_key(body, STR("usage"));
    text_put_byte(body, '{');
    text_json_i64(body, STR("prompt_tokens"), tokens);
    text_json_i64(body, STR("total_tokens"), tokens);
    text_put(body, STR("}}"));
}

const struct codec codec_openai = {
    .name = STR("openai"),
    .dialect = dialect_openai,
    .framing = framing_sse,
    .mixes = true,
    .stream_content_type = STR("text/event-stream"),
    .terminator = STR("data: [DONE]\n\n"),
    .fates = {[feature_video] = fate_refused,
              [feature_cached_content] = fate_refused,
              [feature_prefill] = fate_dropped,
              [feature_tool_result_error] = fate_dropped,
              [feature_file_id] = fate_refused,
              [feature_reasoning_history] = fate_dropped,
              [feature_cache_control] = fate_dropped,
              [feature_safety_settings] = fate_dropped,
              [feature_citations] = fate_dropped,
              [feature_server_tools] = fate_refused,
              [feature_foreign] = fate_dropped,
              [feature_extra] = fate_dropped,
              [feature_document_url] = fate_fetched},
    .read_request = openai_read_request,
    .write_request = openai_write_request,
    .read_reply = openai_read_reply,
    .write_reply = openai_write_reply,
    .reader_size = openai_reader_bytes,
    .writer_size = openai_writer_bytes,
    .read_event = openai_read_event,
    .write_event = openai_write_event,
    .read_error = openai_codec_error_read,
    .write_error = openai_codec_error_write,
    .embed_takes = 1u << embed_tokens | 1u << embed_dimensions | 1u << embed_user,
    .read_embed_request = openai_read_embed_request,
    .write_embed_request = openai_write_embed_request,
    .read_embed_reply = openai_read_embed_reply,
    .write_embed_reply = openai_write_embed_reply,
};
