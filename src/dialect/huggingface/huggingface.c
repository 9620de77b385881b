/* huggingface.c - requests, errors and the table of Hugging Face's native inference. A model there completes one text:
 * a single message is sent as it is, a conversation as a transcript. (Behind the router's /v1, `type: huggingface`,
 * each model's own template is applied instead.) */
#include "dialect/huggingface/huggingface.h"

#include <math.h>
#include <string.h>

#include "dialect/vectors.h"

#define AT(member) offsetof(struct message_request, member)

/* Inside `parameters`. */
static const struct field fields[] = {
    {STR("max_new_tokens"), field_int, AT(max_tokens)},
    {STR("temperature"), field_double, AT(temperature)},
    {STR("top_p"), field_double, AT(top_p)},
    {STR("top_k"), field_int, AT(top_k)},
    {STR("seed"), field_int, AT(seed)},
    {STR("repetition_penalty"), field_double, AT(repetition_penalty)},
    {STR("frequency_penalty"), field_double, AT(frequency_penalty)},
};
enum { field_count = sizeof fields / sizeof *fields };

static const struct str any_object = STR("{\"type\":\"object\"}");

/* -- requests, read -- */

static void grammar_read(const struct json_value *grammar, struct arena *arena, struct message_request *request) {
    struct str type = json_member_str(grammar, "type"), value = json_raw(json_member(grammar, "value"), arena);
    if (!str_starts(type, STR("json")) || !value.len) return;
    request->format = str_eq(value, any_object) ? format_json : format_schema;
    if (request->format == format_schema) request->schema = value;
}

static bool huggingface_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                                     struct message_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    message_request_init(request, dialect_huggingface);
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    const struct json_value *inputs = json_member(root, "inputs"), *parameters = json_member(root, "parameters");
    request->model = path_model;
    request->stream = stream || json_bool(json_member(root, "stream"), false);
    request->include_usage = true;
    if (json_kind(inputs) != json_string) {
        *param = STR("inputs");
        return error_set(error, error_invalid_request, "`inputs` must be a string.");
    }
    request->messages = arena_take_zeroed(arena, sizeof *request->messages);
    struct message_part *part = arena_take_zeroed(arena, sizeof *part);
    if (!request->messages || !part ||
        !strings_read(json_member(parameters, "stop"), arena, &request->stop, &request->stop_count))
        return error_set(error, error_out_of_memory, "%s", "");
    part->text = json_str(inputs, STR(""));
    request->messages[0] = (struct message){.role = message_user, .parts = part, .part_count = 1};
    request->message_count = 1;
    struct str name;
    size_t place = 0;
    for (const struct json_value *value;
         json_kind(parameters) == json_object && (value = json_each(parameters, &place, &name));)
        if (field_take(fields, field_count, name, value, request, arena) == field_wrong) {
            *param = name;
            return error_set(error, error_invalid_request, "`parameters.%.*s` must be %s.", STR_ARG(name),
                             field_wants(fields, field_count, name));
        }
    if (isnan(request->temperature) && json_kind(json_member(parameters, "do_sample")) == json_false)
        request->temperature = 0;
    grammar_read(json_member(parameters, "grammar"), arena, request);
    return true;
}

/* -- requests, written -- */

static void parts_put(const struct message_part *parts, size_t count, struct text *text) {
    for (size_t i = 0; i < count; i++) {
        const struct message_part *part = &parts[i];
        if (part->kind == part_text || part->kind == part_refusal) text_put_json_inside(text, part->text);
        if (part->kind == part_tool_result) parts_put(part->parts, part->part_count, text);
        if (part->kind != part_tool_call) continue;
        text_put(text, STR("["));
        text_put_json_inside(text, part->name);
        text_put(text, STR("("));
        text_put_json_inside(text, part->arguments);
        text_put(text, STR(")]"));
    }
}

static void inputs_put(const struct message_request *request, struct text *body) {
    static const struct str speakers[] = {[message_system] = STR("System: "),
                                          [message_developer] = STR("System: "),
                                          [message_user] = STR("User: "),
                                          [message_assistant] = STR("Assistant: "),
                                          [message_tool] = STR("Tool: ")};
    bool alone = request->message_count == 1 && request->messages[0].role == message_user;
    text_put(body, STR("\"inputs\":\""));
    for (size_t i = 0; i < request->message_count; i++) {
        const struct message *message = &request->messages[i];
        bool last = i + 1 == request->message_count;
        if (!alone) text_put(body, speakers[message->role]);
        parts_put(message->parts, message->part_count, body);
        if (!alone && !last) text_put(body, STR("\\n"));
        if (!alone && last && message->role != message_assistant) text_put(body, STR("\\nAssistant:"));
    }
    text_put_byte(body, '"');
}

/* Greedy is `do_sample: false`: a temperature of 0 and a top_p of 1 are refused there. */
static void parameters_put(const struct message_request *request, struct text *body) {
    struct message_request said = *request;
    bool greedy = !isnan(said.temperature) && said.temperature <= 0;
    if (greedy) said.temperature = NAN;
    if (!isnan(said.top_p) && said.top_p >= 1) said.top_p = NAN;
    text_put(body, STR(",\"parameters\":{\"details\":true"));
    text_json_bool(body, STR("return_full_text"), request->echo);
    if (greedy || !isnan(said.temperature)) text_json_bool(body, STR("do_sample"), !greedy);
    fields_put(body, fields, field_count, &said);
    if (request->stop_count) {
        text_json_key(body, STR("stop"));
        strings_put(body, request->stop, request->stop_count);
    }
    if (request->format >= format_json) {
        text_put(body, STR(",\"grammar\":{\"type\":\"json\""));
        text_json_raw(body, STR("value"), request->format == format_schema ? request->schema : any_object);
        text_put_byte(body, '}');
    }
    text_put_byte(body, '}');
}

static void huggingface_write_request(const struct message_request *request, const struct codec_target *target,
                                      struct text *body) {
    text_put_byte(body, '{');
    inputs_put(request, body);
    parameters_put(request, body);
    text_json_bool(body, STR("stream"), target->stream);
    text_put_byte(body, '}');
}

/* -- errors -- */

/* Source: TGI's list of error types. */
static const struct {
    int status;
    struct str type;
} types[] = {
    {422, STR("validation")}, {424, STR("generation")}, {429, STR("overloaded")}, {500, STR("incomplete_generation")}};

void huggingface_read_error(const struct json_value *root, struct arena *arena, struct message_error *error) {
    const struct json_value *said = json_member(root, "error");
    double wait_s = json_double(json_member(root, "estimated_time"), -1);
    size_t place = 0;
    error->message = json_str(said, json_member_str(said, "message"));
    error->type = json_member_str(root, "error_type");
    if (json_kind(said) == json_array) {
        struct text all = text_in_arena(arena, 128);
        for (const struct json_value *at; (at = json_each(said, &place, NULL));) {
            if (all.len) text_put(&all, STR("; "));
            text_put(&all, json_str(at, STR("")));
        }
        if (!all.failed) error->message = text_str(&all);
    }
    if (wait_s >= 0 && wait_s < 86400) error->retry_after_ms = (int64_t)(wait_s * 1000);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (error->status == 0 && str_eq(error->type, types[i].type)) error->status = types[i].status;
}

static void huggingface_error_read(struct str body, struct arena *arena, struct message_error *error) {
    const struct json_value *root;
    struct error ignored;
    if (codec_parse(body, arena, &root, &ignored)) huggingface_read_error(root, arena, error);
    if (!error->message.len) error->message = arena_copy(arena, str_slice(str_trim(body), 0, 200)); /* "Not Found" */
}

void huggingface_write_error(struct text *text, int status, struct str message) {
    text_put_byte(text, '{');
    text_json_str(text, STR("error"), message);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].status == status) text_json_str(text, STR("error_type"), types[i].type);
    text_put_byte(text, '}');
}

static void huggingface_error_write(const struct message_error *error, struct text *body) {
    huggingface_write_error(body, error->status, error->message);
}

/* -- embeddings -- */

static bool huggingface_read_embed_request(struct str body, struct str path_model, struct arena *arena,
                                           struct embed_request *request, struct error *error, struct str *param) {
    return embed_texts_read(body, "inputs", path_model, arena, request, error, param);
}

static void huggingface_write_embed_request(const struct embed_request *request, const struct codec_target *target,
                                            struct text *body) {
    (void)target;
    embed_texts_put(request, STR("inputs"), body);
}

const struct codec codec_huggingface = {
    .name = STR("huggingface"),
    .dialect = dialect_huggingface,
    .framing = framing_sse,
    .stream_content_type = STR("text/event-stream"),
    .fates = {[feature_strict] = fate_dropped,
              [feature_detail] = fate_dropped,
              [feature_document_title] = fate_dropped,
              [feature_video] = fate_refused,
              [feature_cached_content] = fate_refused,
              [feature_tool_result_error] = fate_dropped,
              [feature_min_p] = fate_dropped,
              [feature_presence_penalty] = fate_dropped,
              [feature_n] = fate_emulated,
              [feature_logprobs] = fate_refused,
              [feature_logit_bias] = fate_dropped,
              [feature_tools] = fate_refused,
              [feature_server_tools] = fate_refused,
              [feature_tool_choice] = fate_refused,
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
              [feature_image] = fate_refused,
              [feature_image_url] = fate_refused,
              [feature_audio] = fate_refused,
              [feature_document] = fate_refused,
              [feature_document_url] = fate_refused,
              [feature_file_id] = fate_refused,
              [feature_tool_result_media] = fate_refused,
              [feature_citations] = fate_dropped,
              [feature_foreign] = fate_dropped,
              [feature_suffix] = fate_refused,
              [feature_extra] = fate_dropped},
    .read_request = huggingface_read_request,
    .write_request = huggingface_write_request,
    .read_reply = huggingface_read_reply,
    .write_reply = huggingface_write_reply,
    .reader_size = huggingface_reader_bytes,
    .writer_size = huggingface_writer_bytes,
    .read_event = huggingface_read_event,
    .write_event = huggingface_write_event,
    .read_error = huggingface_error_read,
    .write_error = huggingface_error_write,
    .read_embed_request = huggingface_read_embed_request,
    .write_embed_request = huggingface_write_embed_request,
    .read_embed_reply = huggingface_read_vectors,
    .write_embed_reply = huggingface_write_vectors,
};
