/* gemini_read_request.c - a generateContent request as a canonical message. Members come in camelCase and in
 * snake_case. */
#include <string.h>

#include "dialect/gemini/gemini.h"
#include "dialect/schema.h"

#define AT(member) offsetof(struct message_request, member)

static const struct field fields[] = {
    {STR("temperature"), field_double, AT(temperature)},
    {STR("topP"), field_double, AT(top_p)},
    {STR("topK"), field_int, AT(top_k)},
    {STR("candidateCount"), field_int, AT(n)},
    {STR("maxOutputTokens"), field_int, AT(max_tokens)},
    {STR("seed"), field_int, AT(seed)},
    {STR("presencePenalty"), field_double, AT(presence_penalty)},
    {STR("frequencyPenalty"), field_double, AT(frequency_penalty)},
    {STR("responseLogprobs"), field_flag, AT(logprobs)},
    {STR("logprobs"), field_int, AT(top_logprobs)},
};
enum { field_count = sizeof fields / sizeof *fields };

/* "max_output_tokens" as "maxOutputTokens". */
static struct str camel_of(struct str name, char *buffer, size_t size) {
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < size; i++) {
        bool up = name.at[i] == '_' && i + 1 < name.len && name.at[i + 1] >= 'a' && name.at[i + 1] <= 'z';
        buffer[len++] = up ? (char)(name.at[++i] - 'a' + 'A') : name.at[i];
    }
    return str_make(buffer, len);
}

const struct json_value *gemini_member(const struct json_value *object, const char *camel) {
    const struct json_value *found = json_member(object, camel);
    size_t place = 0;
    struct str name;
    char buffer[64];
    if (found) return found;
    for (const struct json_value *value;
         json_kind(object) == json_object && (value = json_each(object, &place, &name));)
        if (str_eq(camel_of(name, buffer, sizeof buffer), str_from(camel))) return value;
    return NULL;
}

/* -- parts -- */

static enum part_kind media_kind(struct str mime) {
    return str_starts_nocase(mime, STR("image/"))   ? part_image
           : str_starts_nocase(mime, STR("audio/")) ? part_audio
                                                    : part_document;
}

static void gemini_read_result(const struct json_value *result, struct arena *arena, struct message_part *part) {
    const struct json_value *response = gemini_member(result, "response"), *inner = json_member(response, "result");
    part->kind = part_tool_result;
    part->id = json_member_str(result, "id");
    part->name = json_member_str(result, "name");
    part->parts = arena_take_zeroed(arena, sizeof *part->parts);
    if (!part->parts) return;
    bool wrapped = json_count(response) == 1 && json_kind(inner) == json_string; /* as weir itself writes it */
    part->parts[0].text = wrapped ? json_str(inner, STR("")) : json_raw(response, arena);
    if (!part->parts[0].text.at) part->parts[0].text = STR("");
    part->part_count = 1;
}

void gemini_read_part(const struct json_value *value, struct arena *arena, struct message_part *part) {
    const struct json_value *text = json_member(value, "text"), *data = gemini_member(value, "inlineData"),
                            *file = gemini_member(value, "fileData"), *call = gemini_member(value, "functionCall"),
                            *result = gemini_member(value, "functionResponse");
    *part = (struct message_part){.of = dialect_gemini};
    part->signature = json_str(gemini_member(value, "thoughtSignature"), STR_NONE);
    part->says_more = gemini_member(value, "videoMetadata") || gemini_member(value, "mediaResolution");
    if (json_kind(text) == json_string) {
        part->kind = json_bool(json_member(value, "thought"), false) ? part_reasoning : part_text;
        part->text = json_str(text, STR(""));
    } else if (data) {
        part->media.mime = json_str(gemini_member(data, "mimeType"), STR(""));
        part->media.data = json_member_str(data, "data");
        part->kind = media_kind(part->media.mime);
    } else if (file) {
        part->media.mime = json_str(gemini_member(file, "mimeType"), STR(""));
        part->media.url = json_str(gemini_member(file, "fileUri"), STR_NONE);
        part->kind = media_kind(part->media.mime);
    } else if (call) {
        part->kind = part_tool_call;
        part->id = json_member_str(call, "id");
        part->name = json_member_str(call, "name");
        part->arguments = json_raw(json_member(call, "args"), arena);
    } else if (result) {
        gemini_read_result(result, arena, part);
    } else {
        part->kind = part_foreign;
        part->raw = json_raw(value, arena);
    }
}

static void gemini_read_parts(const struct json_value *list, struct arena *arena, struct message *message) {
    size_t place = 0;
    bool one = json_kind(list) == json_object || json_kind(list) == json_string;
    size_t most = one ? 1 : json_count(list);
    message->parts = most ? arena_take_zeroed(arena, most * sizeof *message->parts) : NULL;
    if (!message->parts) return;
    if (json_kind(list) == json_string)
        message->parts[message->part_count++].text = json_str(list, STR(""));
    else if (one)
        gemini_read_part(list, arena, &message->parts[message->part_count++]);
    for (const struct json_value *at; !one && (at = json_each(list, &place, NULL));)
        gemini_read_part(at, arena, &message->parts[message->part_count++]);
}

static bool contents_read(const struct json_value *root, struct arena *arena, struct message_request *request,
                          struct error *error, struct str *param) {
    const struct json_value *contents = json_member(root, "contents"),
                            *system = gemini_member(root, "systemInstruction");
    size_t place = 0;
    if (json_kind(contents) != json_array || json_count(contents) == 0) {
        *param = STR("contents");
        return error_set(error, error_invalid_request, "`contents` must be a list of at least one content.");
    }
    request->messages = arena_take_zeroed(arena, (json_count(contents) + 1) * sizeof *request->messages);
    if (!request->messages) return error_set(error, error_out_of_memory, "%s", "");
    if (system) {
        struct message *message = &request->messages[request->message_count++];
        message->role = message_system;
        gemini_read_parts(json_kind(system) == json_object ? json_member(system, "parts") : system, arena, message);
    }
    for (const struct json_value *at; (at = json_each(contents, &place, NULL));) {
        struct message *message = &request->messages[request->message_count++];
        struct str role = json_member_str(at, "role");
        message->role = str_eq(role, STR("model")) ? message_assistant : message_user;
        gemini_read_parts(json_member(at, "parts"), arena, message);
    }
    gemini_pair_calls(request, arena);
    return true;
}

/* -- tools, configuration -- */

static size_t declarations(const struct json_value *list) {
    size_t place = 0, count = 0;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));)
        count += json_count(gemini_member(at, "functionDeclarations")) + 1;
    return count;
}

/* A schema of Google's own kind as JSON Schema. */
static struct str json_schema_of(const struct json_value *schema, struct arena *arena) {
    static const struct schema_wants wants = {.from_google = true};
    struct text text = text_in_arena(arena, 256);
    if (!schema) return STR_NONE;
    schema_put(&text, schema, &wants);
    return text.failed ? STR_NONE : text_str(&text);
}

static bool gemini_read_tools(const struct json_value *list, struct arena *arena, struct message_request *request) {
    size_t place = 0;
    if (json_count(list) == 0) return true;
    request->tools = arena_take_zeroed(arena, declarations(list) * sizeof *request->tools);
    if (!request->tools) return false;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        const struct json_value *functions = gemini_member(at, "functionDeclarations");
        size_t inner = 0;
        if (!functions) {
            request->tools[request->tool_count++] =
                (struct message_tool){.of = dialect_gemini, .raw = json_raw(at, arena)};
            continue;
        }
        for (const struct json_value *function; (function = json_each(functions, &inner, NULL));) {
            const struct json_value *schema = gemini_member(function, "parametersJsonSchema");
            request->tools[request->tool_count++] = (struct message_tool){
                .of = dialect_gemini,
                .name = json_member_str(function, "name"),
                .description = json_member_str(function, "description"),
                .parameters =
                    schema ? json_raw(schema, arena) : json_schema_of(json_member(function, "parameters"), arena)};
        }
    }
    return true;
}

static void gemini_read_tool_choice(const struct json_value *root, struct message_request *request) {
    const struct json_value *config = gemini_member(gemini_member(root, "toolConfig"), "functionCallingConfig"),
                            *names = gemini_member(config, "allowedFunctionNames");
    struct str mode = json_member_str(config, "mode");
    size_t place = 0;
    if (str_eq_nocase(mode, STR("AUTO")) || str_eq_nocase(mode, STR("VALIDATED"))) request->tool_choice = tools_auto;
    if (str_eq_nocase(mode, STR("NONE"))) request->tool_choice = tools_none;
    if (str_eq_nocase(mode, STR("ANY"))) request->tool_choice = json_count(names) == 1 ? tools_named : tools_required;
    if (request->tool_choice == tools_named) request->tool_name = json_str(json_each(names, &place, NULL), STR(""));
    if (json_count(gemini_member(root, "toolConfig")) > (config != NULL)) request->says_more = true;
}

static void gemini_read_thinking(const struct json_value *config, struct message_request *request) {
    static const struct {
        struct str name;
        enum message_effort effort;
    } levels[] = {{STR("MINIMAL"), effort_minimal},
                  {STR("LOW"), effort_low},
                  {STR("MEDIUM"), effort_medium},
                  {STR("HIGH"), effort_high}};
    const struct json_value *thinking = gemini_member(config, "thinkingConfig");
    struct str level = json_str(gemini_member(thinking, "thinkingLevel"), STR(""));
    const struct json_value *thoughts = gemini_member(thinking, "includeThoughts");
    request->reasoning_tokens = json_i64(gemini_member(thinking, "thinkingBudget"), MESSAGE_NO_INT);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (str_eq_nocase(level, levels[i].name)) request->effort = levels[i].effort;
    if (thinking) request->show_reasoning = json_bool(thoughts, false) ? flag_true : flag_false;
}

static void gemini_read_format(const struct json_value *config, struct arena *arena, struct message_request *request) {
    const struct json_value *schema = gemini_member(config, "responseJsonSchema"),
                            *own = gemini_member(config, "responseSchema");
    if (schema || own) {
        request->format = format_schema;
        request->schema = schema ? json_raw(schema, arena) : json_schema_of(own, arena);
    } else if (str_eq(json_str(gemini_member(config, "responseMimeType"), STR("")), STR("application/json"))) {
        request->format = format_json;
    }
}

static bool config_read(const struct json_value *config, struct arena *arena, struct message_request *request,
                        struct error *error, struct str *param) {
    static const char *const special[] = {"stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema",
                                          "thinkingConfig"};
    size_t place = 0, most = json_count(config) + request->extra_count;
    struct str name;
    char buffer[64];
    for (const struct json_value *value; (value = json_each(config, &place, &name));) {
        struct str camel = camel_of(name, buffer, sizeof buffer);
        bool known = false;
        for (size_t i = 0; i < sizeof special / sizeof *special; i++) known |= str_eq(camel, str_from(special[i]));
        enum field_taken taken = known ? field_took : field_take(fields, field_count, camel, value, request, arena);
        if (taken == field_wrong) {
            *param = name;
            return error_set(error, error_invalid_request, "`generationConfig.%.*s` must be %s.", STR_ARG(name),
                             field_wants(fields, field_count, camel));
        }
        if (taken == field_unknown && !extra_add(request, most, name, value, arena))
            return error_set(error, error_out_of_memory, "%s", "");
    }
    if (!strings_read(gemini_member(config, "stopSequences"), arena, &request->stop, &request->stop_count))
        return error_set(error, error_out_of_memory, "%s", "");
    gemini_read_thinking(config, request);
    gemini_read_format(config, arena, request);
    return true;
}

/* The members beside contents, tools and configuration; what is not known is kept by its name. */
static bool gemini_read_top(const struct json_value *root, struct arena *arena, struct message_request *request) {
    static const char *const special[] = {"model", "contents",   "systemInstruction",
                                          "tools", "toolConfig", "generationConfig"};
    size_t place = 0, most = json_count(root) + json_count(gemini_member(root, "generationConfig"));
    struct str name;
    char buffer[64];
    for (const struct json_value *value; (value = json_each(root, &place, &name));) {
        struct str camel = camel_of(name, buffer, sizeof buffer);
        bool known = json_kind(value) == json_null;
        for (size_t i = 0; i < sizeof special / sizeof *special; i++) known |= str_eq(camel, str_from(special[i]));
        if (known) continue;
        if (str_eq(camel, STR("safetySettings"))) {
            if (json_count(value)) request->safety = json_raw(value, arena);
        } else if (str_eq(camel, STR("cachedContent"))) {
            request->cached_content = json_str(value, STR_NONE);
        } else if (str_eq(camel, STR("labels"))) {
            if (json_count(value)) request->metadata = json_raw(value, arena);
        } else if (str_eq(camel, STR("serviceTier"))) {
            request->service_tier = json_str(value, STR_NONE);
        } else if (!extra_add(request, most, name, value, arena)) {
            return false;
        }
    }
    return true;
}

bool gemini_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                         struct message_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    message_request_init(request, dialect_gemini);
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    const struct json_value *inner = gemini_member(root, "generateContentRequest"); /* of countTokens */
    if (inner) root = inner;
    request->model = path_model.at ? path_model : STR("");
    request->stream = stream;
    request->include_usage = true;
    gemini_read_tool_choice(root, request);
    return contents_read(root, arena, request, error, param) &&
           (gemini_read_top(root, arena, request) || error_set(error, error_out_of_memory, "%s", "")) &&
           (gemini_read_tools(json_member(root, "tools"), arena, request) ||
            error_set(error, error_out_of_memory, "%s", "")) &&
           config_read(gemini_member(root, "generationConfig"), arena, request, error, param);
}
