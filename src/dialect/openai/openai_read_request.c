/* openai_read_request.c - a chat request as a canonical message. Every vendor's extras are kept by name. */
#include <string.h>

#include "dialect/openai/openai_codec.h"

#define AT(member) offsetof(struct message_request, member)

const struct field openai_fields[] = {
    {STR("temperature"), field_double, AT(temperature)},
    {STR("top_p"), field_double, AT(top_p)},
    {STR("min_p"), field_double, AT(min_p)},
    {STR("frequency_penalty"), field_double, AT(frequency_penalty)},
    {STR("presence_penalty"), field_double, AT(presence_penalty)},
    {STR("repetition_penalty"), field_double, AT(repetition_penalty)},
    {STR("top_k"), field_int, AT(top_k)},
    {STR("n"), field_int, AT(n)},
    {STR("top_logprobs"), field_int, AT(top_logprobs)},
    {STR("logprobs"), field_flag, AT(logprobs)},
    {STR("parallel_tool_calls"), field_flag, AT(parallel_tool_calls)},
    {STR("store"), field_flag, AT(store)},
    {STR("logit_bias"), field_raw, AT(logit_bias)},
    {STR("metadata"), field_raw, AT(metadata)},
    {STR("modalities"), field_raw, AT(modalities)},
    {STR("audio"), field_raw, AT(audio)},
    {STR("prediction"), field_raw, AT(prediction)},
    {STR("user"), field_str, AT(user)},
    {STR("service_tier"), field_str, AT(service_tier)},
    {STR("verbosity"), field_str, AT(verbosity)},
    {STR("prompt_cache_key"), field_str, AT(prompt_cache_key)},
    {STR("prompt_cache_retention"), field_str, AT(prompt_cache_retention)},
    {STR("prompt_cache_options"), field_raw, AT(prompt_cache_options)},
};
const size_t openai_field_count = sizeof openai_fields / sizeof *openai_fields;

static const char *const efforts[] = {NULL, "none", "minimal", "low", "medium", "high", "xhigh", "max"};

struct str openai_effort_name(enum message_effort effort) {
    return str_from(efforts[effort]);
}

enum message_effort openai_read_effort(struct str name) {
    for (unsigned i = 1; i < sizeof efforts / sizeof *efforts; i++)
        if (str_eq(name, str_from(efforts[i]))) return (enum message_effort)i;
    return effort_unset;
}

/* -- content -- */

static void media_of_url(struct str url, struct message_media *media) {
    if (!message_data_uri(url, media)) media->url = url;
}

/* Mistral's thinking is a list of texts. */
static struct str joined_texts(const struct json_value *value, struct arena *arena) {
    if (json_kind(value) == json_string) return json_str(value, STR_NONE);
    struct text text = text_in_arena(arena, 64);
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(value, &place, NULL));)
        text_put(&text, json_str(json_member(at, "text"), json_str(at, STR(""))));
    return text.failed ? STR_NONE : text_str(&text);
}

void openai_read_mark(const struct json_value *value, struct message_part *part) {
    const struct json_value *cache = json_member(value, "cache_control"), /* OpenRouter's, as Anthropic's */
        *own = json_member(value, "prompt_cache_breakpoint");
    bool is_own = json_kind(cache) != json_object;
    part->cache_mark = json_kind(is_own ? own : cache) == json_object;
    part->cache_ttl = is_own ? json_member_str(value, "ttl") : json_member_str(cache, "ttl");
}

static void openai_read_part(const struct json_value *value, struct arena *arena, struct message_part *part) {
    struct str type = json_member_str(value, "type");
    part->of = dialect_openai;
    if (json_kind(value) == json_string || str_eq(type, STR("text")) || str_eq(type, STR("input_text")) ||
        str_eq(type, STR("output_text"))) {
        part->text = json_str(value, json_str(json_member(value, "text"), STR("")));
    } else if (str_eq(type, STR("image_url")) || str_eq(type, STR("input_image"))) {
        const struct json_value *image = json_member(value, "image_url");
        part->kind = part_image;
        media_of_url(json_str(image, json_member_str(image, "url")), &part->media);
        part->media.detail = json_member_str(image, "detail");
    } else if (str_eq(type, STR("input_audio"))) {
        const struct json_value *audio = json_member(value, "input_audio");
        struct str format = json_member_str(audio, "format");
        part->kind = part_audio;
        part->media.data = json_member_str(audio, "data");
        part->media.mime =
            str_eq(format, STR("mp3")) ? STR("audio/mpeg") : arena_printf(arena, "audio/%.*s", STR_ARG(format));
    } else if (str_eq(type, STR("file"))) {
        const struct json_value *file = json_member(value, "file");
        part->kind = part_document;
        part->media.file_id = json_member_str(file, "file_id");
        part->title = json_member_str(file, "filename");
        struct str data = json_member_str(file, "file_data");
        if (data.at) media_of_url(data, &part->media);
    } else if (str_eq(type, STR("refusal"))) {
        part->kind = part_refusal;
        part->text = json_member_str(value, "refusal");
    } else if (str_eq(type, STR("thinking"))) {
        part->kind = part_reasoning;
        part->text = joined_texts(json_member(value, "thinking"), arena);
    } else {
        part->kind = part_foreign;
        part->raw = json_raw(value, arena);
    }
    openai_read_mark(value, part);
}

struct message_part *openai_read_parts(const struct json_value *content, struct arena *arena, size_t *count) {
    bool list = json_kind(content) == json_array;
    size_t most = list ? json_count(content) : json_kind(content) == json_string;
    struct message_part *parts = most ? arena_take_zeroed(arena, most * sizeof *parts) : NULL;
    *count = 0;
    if (!parts) return NULL;
    size_t place = 0;
    if (!list) openai_read_part(content, arena, &parts[(*count)++]);
    for (const struct json_value *at; list && (at = json_each(content, &place, NULL));)
        openai_read_part(at, arena, &parts[(*count)++]);
    return parts;
}

/* -- messages -- */

static const struct {
    struct str name;
    enum message_role role;
} roles[] = {{STR("system"), message_system}, {STR("developer"), message_developer},
             {STR("user"), message_user},     {STR("assistant"), message_assistant},
             {STR("tool"), message_tool},     {STR("function"), message_tool}};

static void openai_read_call(const struct json_value *call, struct str id, struct message_part *part) {
    part->kind = part_tool_call;
    part->id = id;
    part->name = json_member_str(call, "name");
    part->arguments = json_str(json_member(call, "arguments"), json_str(json_member(call, "input"), STR("")));
}

/* Reasoning, content, refusal, calls: in the order in which a model says them. */
static bool assistant_read(const struct json_value *value, struct arena *arena, struct message *message) {
    const struct json_value *calls = json_member(value, "tool_calls"), *old = json_member(value, "function_call");
    struct str reasoning = json_str(json_member(value, "reasoning_content"), json_member_str(value, "reasoning")),
               refusal = json_member_str(value, "refusal");
    size_t said = 0, place = 0;
    struct message_part *content = openai_read_parts(json_member(value, "content"), arena, &said);
    struct message_part *parts = arena_take_zeroed(arena, (said + json_count(calls) + 3) * sizeof *parts);
    size_t count = 0;
    if (!parts) return false;
    if (reasoning.len)
        parts[count++] = (struct message_part){.kind = part_reasoning, .text = reasoning, .of = dialect_openai};
    for (size_t i = 0; i < said; i++)
        if (content[i].kind != part_text || content[i].text.len) parts[count++] = content[i];
    if (refusal.len) parts[count++] = (struct message_part){.kind = part_refusal, .text = refusal};
    for (const struct json_value *call; (call = json_each(calls, &place, NULL));) {
        const struct json_value *function = json_member(call, "function");
        openai_read_call(function ? function : json_member(call, "custom"), json_member_str(call, "id"),
                         &parts[count++]);
    }
    if (json_kind(old) == json_object) openai_read_call(old, STR_NONE, &parts[count++]);
    message->parts = parts;
    message->part_count = count;
    return true;
}

static bool tool_read(const struct json_value *value, struct arena *arena, struct message *message) {
    struct message_part *part = arena_take_zeroed(arena, sizeof *part);
    if (!part) return false;
    part->kind = part_tool_result;
    part->id = json_member_str(value, "tool_call_id");
    part->name = json_member_str(value, "name");
    part->parts = openai_read_parts(json_member(value, "content"), arena, &part->part_count);
    message->parts = part;
    message->part_count = 1;
    return true;
}

static bool openai_read_message(const struct json_value *value, struct arena *arena, struct message *message,
                                struct error *error, struct str *param) {
    struct str role = json_member_str(value, "role");
    bool known = false;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (!str_eq(role, roles[i].name)) continue;
        message->role = roles[i].role;
        known = true;
    }
    if (!known)
        return codec_wrong(error, param, STR("messages"),
                           "a list of messages whose role is system, developer, user, assistant or tool");
    message->name = message->role == message_tool ? STR_NONE : json_member_str(value, "name");
    bool good = true;
    if (message->role == message_assistant)
        good = assistant_read(value, arena, message);
    else if (message->role == message_tool)
        good = tool_read(value, arena, message);
    else
        message->parts = openai_read_parts(json_member(value, "content"), arena, &message->part_count);
    return good || error_set(error, error_out_of_memory, "%s", "");
}

static bool openai_read_messages(const struct json_value *list, struct arena *arena, struct message_request *request,
                                 struct error *error, struct str *param) {
    if (json_kind(list) != json_array || json_count(list) == 0)
        return codec_wrong(error, param, STR("messages"), "a list of at least one message");
    request->message_count = 0; /* a key may stand twice: the last one counts */
    request->messages = arena_take_zeroed(arena, json_count(list) * sizeof *request->messages);
    if (!request->messages) return error_set(error, error_out_of_memory, "%s", "");
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));)
        if (!openai_read_message(at, arena, &request->messages[request->message_count++], error, param)) return false;
    return true;
}

/* -- tools, formats -- */

static enum message_flag openai_flag_of(const struct json_value *value) {
    return json_kind(value) == json_true ? flag_true : json_kind(value) == json_false ? flag_false : flag_unset;
}

static void tool_definition_read(const struct json_value *value, bool old, struct arena *arena,
                                 struct message_tool *tool) {
    const struct json_value *function = old ? value : json_member(value, "function");
    tool->of = dialect_openai;
    if (!function) {
        tool->raw = json_raw(value, arena);
        return;
    }
    tool->name = json_member_str(function, "name");
    tool->description = json_member_str(function, "description");
    tool->parameters = json_raw(json_member(function, "parameters"), arena);
    tool->strict = openai_flag_of(json_member(function, "strict"));
}

static bool openai_read_tools(const struct json_value *list, bool old, struct arena *arena,
                              struct message_request *request, struct error *error, struct str *param) {
    size_t place = 0, count = json_count(list);
    if (json_kind(list) == json_null) return true;
    if (json_kind(list) != json_array)
        return codec_wrong(error, param, old ? STR("functions") : STR("tools"), "a list");
    if (count == 0) return true;
    request->tool_count = 0;
    request->tools = arena_take_zeroed(arena, count * sizeof *request->tools);
    if (!request->tools) return error_set(error, error_out_of_memory, "%s", "");
    for (const struct json_value *at; (at = json_each(list, &place, NULL));)
        tool_definition_read(at, old, arena, &request->tools[request->tool_count++]);
    return true;
}

/* false: it is one that only OpenAI knows (allowed_tools): kept as an extra. */
static bool openai_read_tool_choice(const struct json_value *value, struct message_request *request) {
    static const struct {
        struct str name;
        enum message_choice_of_tool choice;
    } names[] = {{STR("auto"), tools_auto},
                 {STR("none"), tools_none},
                 {STR("required"), tools_required},
                 {STR("any"), tools_required}};
    struct str said = json_str(value, STR_NONE);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(said, names[i].name)) request->tool_choice = names[i].choice;
    if (request->tool_choice || json_kind(value) == json_null) return true;
    const struct json_value *function = json_member(value, "function");
    struct str name = json_str(json_member(function, "name"), json_member_str(value, "name"));
    if (!name.len) return false;
    request->tool_choice = tools_named;
    request->tool_name = name;
    return true;
}

static bool openai_read_format(const struct json_value *value, struct arena *arena, struct message_request *request) {
    struct str type = json_member_str(value, "type");
    const struct json_value *schema = json_member(value, "json_schema");
    request->format = str_eq(type, STR("json_object"))   ? format_json
                      : str_eq(type, STR("json_schema")) ? format_schema
                      : str_eq(type, STR("text"))        ? format_text
                                                         : format_unset;
    const struct json_value *bare = json_member(value, "value"); /* as Hugging Face's SDKs say it, and Together's */
    if (json_kind(bare) != json_object) bare = json_member(value, "schema");
    bool by_object = request->format == format_json || str_eq(type, STR("json"));
    if (by_object && json_kind(bare) == json_object) {
        request->format = format_schema;
        request->schema_name = STR("schema");
        request->schema = json_raw(bare, arena);
        return true;
    }
    if (request->format != format_schema) return request->format != format_unset || json_kind(value) == json_null;
    request->schema_name = json_member_str(schema, "name");
    request->schema_description = json_member_str(schema, "description");
    request->schema = json_raw(json_member(schema, "schema"), arena);
    request->schema_strict = openai_flag_of(json_member(schema, "strict"));
    return true;
}

static bool stop_read(const struct json_value *value, struct arena *arena, struct message_request *request) {
    size_t place = 0, count = json_kind(value) == json_array ? json_count(value) : 1;
    if (json_kind(value) == json_null || count == 0) return true;
    request->stop_count = 0;
    request->stop = arena_take_zeroed(arena, count * sizeof *request->stop);
    if (!request->stop) return false;
    if (json_kind(value) == json_string) request->stop[request->stop_count++] = json_str(value, STR_NONE);
    for (const struct json_value *at; json_kind(value) == json_array && (at = json_each(value, &place, NULL));) {
        if (json_kind(at) != json_string) return false;
        request->stop[request->stop_count++] = json_str(at, STR_NONE);
    }
    return request->stop_count > 0;
}

/* -- the whole -- */

struct taking {
    struct arena *arena;
    struct message_request *request;
    struct error *error;
    struct str *param;
};

static bool whole_take(struct taking *taking, const struct json_value *value, int64_t *into, const char *name) {
    if (json_kind(value) == json_null) return true;
    if (!json_is_whole(value)) return codec_wrong(taking->error, taking->param, str_from(name), "a whole number");
    *into = json_i64(value, MESSAGE_NO_INT);
    return true;
}

/* Members whose form is their own. -1: none of them; else whether it is good. */
static int special_take(struct taking *taking, struct str name, const struct json_value *value) {
    struct message_request *request = taking->request;
    struct arena *arena = taking->arena;
    if (str_eq(name, STR("model"))) {
        request->model = json_str(value, STR(""));
        return json_kind(value) == json_string || json_kind(value) == json_null ||
               codec_wrong(taking->error, taking->param, STR("model"), "a string");
    }
    if (str_eq(name, STR("messages"))) return openai_read_messages(value, arena, request, taking->error, taking->param);
    if (str_eq(name, STR("tools")))
        return openai_read_tools(value, false, arena, request, taking->error, taking->param);
    if (str_eq(name, STR("functions")))
        return openai_read_tools(value, true, arena, request, taking->error, taking->param);
    if (str_eq(name, STR("tool_choice")) || str_eq(name, STR("function_call")))
        return openai_read_tool_choice(value, request) ? 1 : -1;
    if (str_eq(name, STR("response_format")))
        return openai_read_format(value, arena, request) ||
               codec_wrong(taking->error, taking->param, STR("response_format"),
                           "of type text, json_object or json_schema");
    if (str_eq(name, STR("stop")))
        return stop_read(value, arena, request) ||
               codec_wrong(taking->error, taking->param, STR("stop"), "a string or a list of strings");
    if (str_eq(name, STR("stream"))) {
        request->stream = json_bool(value, false);
        return 1;
    }
    if (str_eq(name, STR("stream_options"))) {
        request->include_usage = json_bool(json_member(value, "include_usage"), false);
        return 1;
    }
    if (str_eq(name, STR("seed")) || str_eq(name, STR("random_seed")))
        return whole_take(taking, value, &request->seed, "seed");
    if (str_eq(name, STR("max_completion_tokens")))
        return whole_take(taking, value, &request->max_tokens, "max_completion_tokens");
    if (str_eq(name, STR("max_tokens"))) {
        int64_t old = MESSAGE_NO_INT;
        if (!whole_take(taking, value, &old, "max_tokens")) return 0;
        if (request->max_tokens == MESSAGE_NO_INT) request->max_tokens = old;
        return 1;
    }
    if (str_eq(name, STR("reasoning_effort"))) {
        request->effort = openai_read_effort(json_str(value, STR("")));
        return json_kind(value) == json_null || request->effort ? 1 : -1;
    }
    if (str_eq(name, STR("safety_identifier"))) {
        if (!request->user.at) request->user = json_str(value, STR_NONE);
        return 1;
    }
    return -1;
}

bool openai_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                         struct message_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    struct taking taking = {arena, request, error, param};
    (void)path_model;
    (void)stream;
    message_request_init(request, dialect_openai);
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    size_t place = 0, most = json_count(root);
    struct str name;
    for (const struct json_value *value; (value = json_each(root, &place, &name));) {
        int special = special_take(&taking, name, value);
        if (special == 0) return false;
        if (special > 0) continue;
        if (!plain_take(openai_fields, openai_field_count, most, name, value, request, arena, error, param))
            return false;
    }
    return request->message_count > 0 || codec_wrong(error, param, STR("messages"), "a list of at least one message");
}
