/* responses_read_request.c - a Responses request as a canonical message: items become messages. */
#include <string.h>

#include "dialect/custom_tool.h"
#include "dialect/openai/openai_codec.h"
#include "dialect/responses/responses.h"

#define AT(member) offsetof(struct message_request, member)

const struct field responses_fields[] = {
    {STR("max_output_tokens"), field_int, AT(max_tokens)}, /* read only, as the next two */
    {STR("presence_penalty"), field_double, AT(presence_penalty)},
    {STR("frequency_penalty"), field_double, AT(frequency_penalty)},
    {STR("temperature"), field_double, AT(temperature)},
    {STR("top_p"), field_double, AT(top_p)},
    {STR("top_logprobs"), field_int, AT(top_logprobs)},
    {STR("parallel_tool_calls"), field_flag, AT(parallel_tool_calls)},
    {STR("metadata"), field_raw, AT(metadata)},
    {STR("service_tier"), field_str, AT(service_tier)},
    {STR("user"), field_str, AT(user)},
    {STR("prompt_cache_key"), field_str, AT(prompt_cache_key)},
    {STR("prompt_cache_retention"), field_str, AT(prompt_cache_retention)},
    {STR("prompt_cache_options"), field_raw, AT(prompt_cache_options)},
};
const size_t responses_field_count = sizeof responses_fields / sizeof *responses_fields;

/* -- items -- */

static void responses_read_part(const struct json_value *value, struct arena *arena, struct message_part *part) {
    struct str type = json_member_str(value, "type");
    part->of = dialect_responses;
    if (str_eq(type, STR("input_text")) || str_eq(type, STR("output_text")) || str_eq(type, STR("text"))) {
        part->text = json_str(json_member(value, "text"), STR(""));
    } else if (str_eq(type, STR("refusal"))) {
        part->kind = part_refusal;
        part->text = json_str(json_member(value, "refusal"), STR(""));
    } else if (str_eq(type, STR("input_image"))) {
        struct str url = json_member_str(value, "image_url");
        part->kind = part_image;
        part->media.file_id = json_member_str(value, "file_id");
        part->media.detail = json_member_str(value, "detail");
        if (url.at && !message_data_uri(url, &part->media)) part->media.url = url;
    } else if (str_eq(type, STR("input_file"))) {
        struct str data = json_member_str(value, "file_data");
        part->kind = part_document;
        part->title = json_member_str(value, "filename");
        part->media.file_id = json_member_str(value, "file_id");
        part->media.url = json_member_str(value, "file_url");
        if (data.at && !message_data_uri(data, &part->media)) part->media.data = data;
    } else {
        part->kind = part_foreign;
        part->raw = json_raw(value, arena);
    }
    openai_read_mark(value, part);
}

static struct message_part *responses_read_parts(const struct json_value *content, struct arena *arena, size_t *count) {
    bool list = json_kind(content) == json_array;
    size_t most = list ? json_count(content) : json_kind(content) == json_string, place = 0;
    struct message_part *parts = most ? arena_take_zeroed(arena, most * sizeof *parts) : NULL;
    *count = 0;
    if (!parts) return NULL;
    if (!list) parts[(*count)++].text = json_str(content, STR(""));
    for (const struct json_value *at; list && (at = json_each(content, &place, NULL));)
        responses_read_part(at, arena, &parts[(*count)++]);
    return parts;
}

static struct str summary_of(const struct json_value *list, struct arena *arena) {
    struct text text = text_in_arena(arena, 64);
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        if (text.len) text_put(&text, STR("\n\n"));
        text_put(&text, json_str(json_member(at, "text"), STR("")));
    }
    return text.failed ? STR("") : text_str(&text);
}

static bool item_read(const struct json_value *item, struct arena *arena, struct message *message) {
    struct str type = json_member_str(item, "type"), role = json_member_str(item, "role");
    if (str_eq(type, STR("message")) || (!type.at && role.at)) {
        message->role = str_eq(role, STR("assistant"))   ? message_assistant
                        : str_eq(role, STR("system"))    ? message_system
                        : str_eq(role, STR("developer")) ? message_developer
                                                         : message_user;
        message->parts = responses_read_parts(json_member(item, "content"), arena, &message->part_count);
        return true;
    }
    struct message_part *part = arena_take_zeroed(arena, sizeof *part);
    if (!part) return false;
    message->role = message_assistant;
    message->parts = part;
    message->part_count = 1;
    part->of = dialect_responses;
    part->custom = str_starts(type, STR("custom_tool_call"));
    if (str_eq(type, STR("function_call")) || str_eq(type, STR("custom_tool_call"))) {
        part->kind = part_tool_call;
        part->id = json_member_str(item, "call_id");
        part->name = json_member_str(item, "name");
        part->arguments = responses_arguments(item, part->custom, arena);
    } else if (str_eq(type, STR("function_call_output")) || str_eq(type, STR("custom_tool_call_output"))) {
        message->role = message_tool;
        part->kind = part_tool_result;
        part->id = json_member_str(item, "call_id");
        part->parts = responses_read_parts(json_member(item, "output"), arena, &part->part_count);
    } else if (str_eq(type, STR("reasoning"))) {
        part->kind = part_reasoning;
        part->text = summary_of(json_member(item, "summary"), arena);
        part->data = json_member_str(item, "encrypted_content");
    } else {
        part->kind = part_foreign;
        part->raw = json_raw(item, arena);
    }
    return true;
}

/* Neighbouring items of the assistant are one message. */
static void neighbours_join(struct message_request *request, struct arena *arena) {
    struct message *list = request->messages;
    size_t kept = 0;
    for (size_t i = 0, end; i < request->message_count; i = end) {
        struct message joined = list[i];
        size_t count = joined.part_count;
        bool joins = joined.role == message_assistant;
        for (end = i + 1; joins && end < request->message_count && list[end].role == message_assistant; end++)
            count += list[end].part_count;
        struct message_part *parts = end > i + 1 ? arena_take_zeroed(arena, (count + 1) * sizeof *parts) : NULL;
        if (parts) {
            joined.part_count = 0;
            for (size_t m = i; m < end; m++)
                for (size_t p = 0; p < list[m].part_count; p++) parts[joined.part_count++] = list[m].parts[p];
            joined.parts = parts;
        } else {
            end = i + 1;
        }
        list[kept++] = joined;
    }
    request->message_count = kept;
}

static bool input_read(const struct json_value *root, struct arena *arena, struct message_request *request,
                       struct error *error, struct str *param) {
    const struct json_value *input = json_member(root, "input"), *instructions = json_member(root, "instructions");
    size_t place = 0;
    bool list = json_kind(input) == json_array;
    request->messages = arena_take_zeroed(arena, (json_count(input) + 3) * sizeof *request->messages);
    if (!request->messages) return error_set(error, error_out_of_memory, "%s", "");
    if (json_str(instructions, STR("")).len) {
        struct message *message = &request->messages[request->message_count++];
        message->role = message_system;
        message->parts = responses_read_parts(instructions, arena, &message->part_count);
    }
    if (json_kind(input) == json_string) {
        struct message *message = &request->messages[request->message_count++];
        message->role = message_user;
        message->parts = responses_read_parts(input, arena, &message->part_count);
    }
    for (const struct json_value *at; list && (at = json_each(input, &place, NULL));)
        if (!item_read(at, arena, &request->messages[request->message_count++]))
            return error_set(error, error_out_of_memory, "%s", "");
    neighbours_join(request, arena);
    *param = STR("input");
    return json_kind(input) == json_string || (list && json_count(input)) ||
           error_set(error, error_invalid_request, "`input` must be a string or a list of at least one item.");
}

/* -- the rest -- */

static bool responses_read_tools(const struct json_value *list, struct arena *arena, struct message_request *request) {
    size_t place = 0;
    if (json_count(list) == 0) return true;
    request->tools = arena_take_zeroed(arena, json_count(list) * sizeof *request->tools);
    if (!request->tools) return false;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        struct message_tool *tool = &request->tools[request->tool_count++];
        const struct json_value *strict = json_member(at, "strict");
        tool->of = dialect_responses;
        if (str_eq(json_member_str(at, "type"), STR("custom"))) {
            if (!custom_tool_read(at, arena, tool)) return false;
            continue;
        }
        if (!str_eq(json_member_str(at, "type"), STR("function"))) {
            tool->raw = json_raw(at, arena);
            continue;
        }
        tool->name = json_member_str(at, "name");
        tool->description = json_member_str(at, "description");
        tool->parameters = json_raw(json_member(at, "parameters"), arena);
        tool->strict = json_kind(strict) == json_true    ? flag_true
                       : json_kind(strict) == json_false ? flag_false
                                                         : flag_unset;
    }
    return custom_tools_note(request, arena);
}

/* What the answer says again; past the limit its defaults: a stream holds it until its end, and says it three times. */
static bool asked_note(const struct json_value *root, struct arena *arena, struct message_request *request) {
    enum { asked_max = 256 * 1024 };
    struct text text = text_in_arena(arena, 1024);
    responses_asked_put(&text, root);
    if (text.len <= asked_max) request->asked.members = text_str(&text);
    return !text.failed;
}

static void responses_read_tool_choice(const struct json_value *value, struct message_request *request) {
    struct str said = json_str(value, STR("")), name = json_member_str(value, "name");
    request->tool_choice = str_eq(said, STR("auto"))       ? tools_auto
                           : str_eq(said, STR("none"))     ? tools_none
                           : str_eq(said, STR("required")) ? tools_required
                           : name.len                      ? tools_named
                                                           : tools_unset;
    request->tool_name = name;
}

static void responses_read_text(const struct json_value *value, struct arena *arena, struct message_request *request) {
    const struct json_value *format = json_member(value, "format");
    struct str type = json_member_str(format, "type");
    request->verbosity = json_member_str(value, "verbosity");
    if (str_eq(type, STR("text"))) request->format = format_text;
    if (str_eq(type, STR("json_object"))) request->format = format_json;
    if (!str_eq(type, STR("json_schema"))) return;
    request->format = format_schema;
    request->schema_name = json_member_str(format, "name");
    request->schema_description = json_member_str(format, "description");
    request->schema = json_raw(json_member(format, "schema"), arena);
    const struct json_value *strict = json_member(format, "strict");
    request->schema_strict = json_kind(strict) == json_true    ? flag_true
                             : json_kind(strict) == json_false ? flag_false
                                                               : flag_unset;
}

/* What needs state that only a provider of this API has: its conversations and prompts, and responses that weir does
 * not know. */
static struct str native_only(const struct json_value *root) {
    static const char *const stored[] = {"previous_response_id", "conversation", "prompt"};
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
        const struct json_value *value = json_member(root, stored[i]);
        if (value && json_kind(value) != json_null) return str_from(stored[i]);
    }
    return json_bool(json_member(root, "background"), false) ? STR("background") : STR_NONE;
}

/* Members whose form is their own. */
static const char *const special[] = {"model",
                                      "input",
                                      "instructions",
                                      "tools",
                                      "tool_choice",
                                      "text",
                                      "reasoning",
                                      "stream",
                                      "store",
                                      "include",
                                      "truncation",
                                      "background",
                                      "previous_response_id",
                                      "conversation",
                                      "prompt",
                                      "stream_options",
                                      NULL};

bool responses_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                            struct message_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    (void)path_model;
    (void)stream;
    message_request_init(request, dialect_responses);
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    const struct json_value *reasoning = json_member(root, "reasoning");
    request->model = json_str(json_member(root, "model"), STR(""));
    request->stream = json_bool(json_member(root, "stream"), false);
    request->include_usage = true;
    request->effort = openai_read_effort(json_str(json_member(reasoning, "effort"), STR("")));
    if (json_member_str(reasoning, "summary").len) request->show_reasoning = flag_true;
    responses_read_tool_choice(json_member(root, "tool_choice"), request);
    responses_read_text(json_member(root, "text"), arena, request);
    if (!input_read(root, arena, request, error, param)) return false;
    *param = STR_NONE;
    if (!responses_read_tools(json_member(root, "tools"), arena, request) || !asked_note(root, arena, request))
        return error_set(error, error_out_of_memory, "%s", "");
    request->native_only = native_only(root);
    return plain_read(root, responses_fields, responses_field_count, special, request, arena, error, param);
}
