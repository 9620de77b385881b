/* anthropic_read_request.c - a Messages request as a canonical message. */
#include <string.h>

#include "dialect/anthropic/anthropic.h"

#define AT(member) offsetof(struct message_request, member)

static const struct field fields[] = {
    {STR("temperature"), field_double, AT(temperature)},
    {STR("top_p"), field_double, AT(top_p)},
    {STR("top_k"), field_int, AT(top_k)},
    {STR("max_tokens"), field_int, AT(max_tokens)},
    {STR("service_tier"), field_str, AT(service_tier)},
};
enum { field_count = sizeof fields / sizeof *fields };

/* -- blocks -- */

static void source_read(const struct json_value *source, struct message_part *part) {
    struct str type = json_member_str(source, "type");
    part->media.mime = json_member_str(source, "media_type");
    if (str_eq(type, STR("base64"))) part->media.data = json_member_str(source, "data");
    if (str_eq(type, STR("url"))) part->media.url = json_member_str(source, "url");
    if (str_eq(type, STR("file"))) part->media.file_id = json_member_str(source, "file_id");
    if (str_eq(type, STR("text"))) part->text = json_member_str(source, "data");
}

static void anthropic_read_citations(const struct json_value *list, struct arena *arena, struct message_part *part) {
    size_t place = 0;
    if (json_count(list) == 0) return;
    part->citations = arena_take_zeroed(arena, json_count(list) * sizeof *part->citations);
    for (const struct json_value *at; part->citations && (at = json_each(list, &place, NULL));) {
        struct message_citation *citation = &part->citations[part->citation_count++];
        citation->url = json_member_str(at, "url");
        citation->title = json_str(json_member(at, "title"), json_member_str(at, "document_title"));
        citation->cited_text = json_member_str(at, "cited_text");
        citation->start = citation->end = MESSAGE_NO_INT; /* theirs are places in the document, not in the text */
        citation->raw = json_raw(at, arena);
    }
}

static void anthropic_read_result(const struct json_value *value, struct arena *arena, struct message_part *part) {
    part->kind = part_tool_result;
    part->id = json_member_str(value, "tool_use_id");
    part->is_error = json_bool(json_member(value, "is_error"), false);
    part->parts = anthropic_read_parts(json_member(value, "content"), arena, &part->part_count);
}

static void block_read(const struct json_value *value, struct arena *arena, struct message_part *part) {
    struct str type = json_member_str(value, "type");
    part->of = dialect_anthropic;
    if (str_eq(type, STR("text"))) {
        part->text = json_str(json_member(value, "text"), STR(""));
        anthropic_read_citations(json_member(value, "citations"), arena, part);
    } else if (str_eq(type, STR("image"))) {
        part->kind = part_image;
        source_read(json_member(value, "source"), part);
    } else if (str_eq(type, STR("document"))) {
        part->kind = part_document;
        source_read(json_member(value, "source"), part);
        part->title = json_member_str(value, "title");
        part->wants_citations = json_bool(json_member(json_member(value, "citations"), "enabled"), false);
    } else if (str_eq(type, STR("tool_use"))) {
        part->kind = part_tool_call;
        part->id = json_member_str(value, "id");
        part->name = json_member_str(value, "name");
        part->arguments = json_raw(json_member(value, "input"), arena);
    } else if (str_eq(type, STR("tool_result"))) {
        anthropic_read_result(value, arena, part);
    } else if (str_eq(type, STR("thinking"))) {
        part->kind = part_reasoning;
        part->text = json_str(json_member(value, "thinking"), STR(""));
        part->signature = json_member_str(value, "signature");
    } else if (str_eq(type, STR("redacted_thinking"))) {
        part->kind = part_reasoning;
        part->data = json_member_str(value, "data");
    } else {
        part->kind = part_foreign;
        part->raw = json_raw(value, arena);
    }
    const struct json_value *cache = json_member(value, "cache_control");
    part->cache_mark = json_kind(cache) == json_object;
    part->cache_ttl = json_member_str(cache, "ttl");
}

struct message_part *anthropic_read_parts(const struct json_value *content, struct arena *arena, size_t *count) {
    bool list = json_kind(content) == json_array;
    size_t most = list ? json_count(content) : json_kind(content) == json_string, place = 0;
    struct message_part *parts = most ? arena_take_zeroed(arena, most * sizeof *parts) : NULL;
    *count = 0;
    if (!parts) return NULL;
    if (!list) parts[(*count)++].text = json_str(content, STR(""));
    for (const struct json_value *at; list && (at = json_each(content, &place, NULL));)
        block_read(at, arena, &parts[(*count)++]);
    return parts;
}

/* -- messages, tools -- */

/* The system text is a message before all others. */
static bool anthropic_read_messages(const struct json_value *root, struct arena *arena, struct message_request *request,
                                    struct error *error, struct str *param) {
    const struct json_value *list = json_member(root, "messages"), *system = json_member(root, "system");
    if (json_kind(list) != json_array || json_count(list) == 0)
        return codec_wrong(error, param, STR("messages"), "a list of at least one message");
    request->messages = arena_take_zeroed(arena, (json_count(list) + 1) * sizeof *request->messages);
    if (!request->messages) return error_set(error, error_out_of_memory, "%s", "");
    if (json_count(system) || json_str(system, STR("")).len) {
        struct message *message = &request->messages[request->message_count++];
        message->role = message_system;
        message->parts = anthropic_read_parts(system, arena, &message->part_count);
    }
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        struct message *message = &request->messages[request->message_count++];
        struct str role = json_member_str(at, "role");
        if (!str_eq(role, STR("user")) && !str_eq(role, STR("assistant")) && !str_eq(role, STR("system")))
            return codec_wrong(error, param, STR("messages"), "a list of messages whose role is user or assistant");
        message->role = str_eq(role, STR("assistant")) ? message_assistant
                        : str_eq(role, STR("system"))  ? message_system
                                                       : message_user;
        message->parts = anthropic_read_parts(json_member(at, "content"), arena, &message->part_count);
    }
    return true;
}

static enum message_flag anthropic_flag_of(const struct json_value *value) {
    return json_kind(value) == json_true ? flag_true : json_kind(value) == json_false ? flag_false : flag_unset;
}

static bool anthropic_read_tools(const struct json_value *list, struct arena *arena, struct message_request *request) {
    size_t place = 0;
    if (json_count(list) == 0) return true;
    request->tools = arena_take_zeroed(arena, json_count(list) * sizeof *request->tools);
    if (!request->tools) return false;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        struct message_tool *tool = &request->tools[request->tool_count++];
        struct str type = json_member_str(at, "type");
        const struct json_value *cache = json_member(at, "cache_control");
        tool->of = dialect_anthropic;
        if (type.len && !str_eq(type, STR("custom"))) {
            tool->raw = json_raw(at, arena);
            continue;
        }
        tool->name = json_member_str(at, "name");
        tool->description = json_member_str(at, "description");
        tool->parameters = json_raw(json_member(at, "input_schema"), arena);
        tool->strict = anthropic_flag_of(json_member(at, "strict"));
        tool->cache_mark = json_kind(cache) == json_object;
        tool->cache_ttl = json_member_str(cache, "ttl");
    }
    return true;
}

static void anthropic_read_tool_choice(const struct json_value *value, struct message_request *request) {
    static const struct {
        struct str name;
        enum message_choice_of_tool choice;
    } types[] = {
        {STR("auto"), tools_auto}, {STR("any"), tools_required}, {STR("tool"), tools_named}, {STR("none"), tools_none}};
    struct str type = json_member_str(value, "type");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(type, types[i].name)) request->tool_choice = types[i].choice;
    if (request->tool_choice == tools_named) request->tool_name = json_member_str(value, "name");
    if (json_bool(json_member(value, "disable_parallel_tool_use"), false)) request->parallel_tool_calls = flag_false;
}

static void anthropic_read_thinking(const struct json_value *root, struct message_request *request) {
    static const char *const efforts[] = {NULL, "none", "minimal", "low", "medium", "high", "xhigh", "max"};
    const struct json_value *thinking = json_member(root, "thinking"), *output = json_member(root, "output_config");
    struct str type = json_member_str(thinking, "type"), effort = json_member_str(output, "effort");
    if (str_eq(type, STR("enabled"))) request->reasoning_tokens = json_i64(json_member(thinking, "budget_tokens"), -1);
    if (str_eq(type, STR("adaptive"))) request->reasoning_tokens = -1;
    if (str_eq(type, STR("disabled"))) request->effort = effort_none;
    for (unsigned i = 1; i < sizeof efforts / sizeof *efforts; i++)
        if (str_eq(effort, str_from(efforts[i]))) request->effort = (enum message_effort)i;
}

static void anthropic_read_format(const struct json_value *root, struct arena *arena, struct message_request *request) {
    const struct json_value *format = json_member(json_member(root, "output_config"), "format");
    if (!str_eq(json_member_str(format, "type"), STR("json_schema"))) return;
    request->format = format_schema;
    request->schema = json_raw(json_member(format, "schema"), arena);
}

/* Members whose form is their own. */
static const char *const special[] = {"model",    "messages",      "system",   "tools",          "tool_choice",
                                      "thinking", "output_config", "metadata", "stop_sequences", "stream",
                                      NULL};

bool anthropic_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                            struct message_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    (void)path_model;
    (void)stream;
    message_request_init(request, dialect_anthropic);
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    const struct json_value *model = json_member(root, "model");
    if (model && json_kind(model) != json_string) return codec_wrong(error, param, STR("model"), "a string");
    request->model = json_str(model, STR(""));
    request->stream = json_bool(json_member(root, "stream"), false);
    request->include_usage = true;
    const struct json_value *metadata = json_member(root, "metadata");
    request->user = json_member_str(metadata, "user_id");
    if (json_count(metadata) > (json_member(metadata, "user_id") != NULL)) request->says_more = true;
    if (!anthropic_read_messages(root, arena, request, error, param) ||
        !plain_read(root, fields, field_count, special, request, arena, error, param))
        return false;
    anthropic_read_tool_choice(json_member(root, "tool_choice"), request);
    anthropic_read_thinking(root, request);
    anthropic_read_format(root, arena, request);
    if (anthropic_read_tools(json_member(root, "tools"), arena, request) &&
        strings_read(json_member(root, "stop_sequences"), arena, &request->stop, &request->stop_count))
        return true;
    return error_set(error, error_out_of_memory, "%s", "");
}
