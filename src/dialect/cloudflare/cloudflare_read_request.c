/* cloudflare_read_request.c - a Workers AI request as a canonical message: a prompt, or messages much as OpenAI's. */
#include <string.h>

#include "dialect/cloudflare/cloudflare.h"
#include "dialect/openai/openai_codec.h"

#define AT(member) offsetof(struct message_request, member)

const struct field cloudflare_fields[] = {
    {STR("max_tokens"), field_int, AT(max_tokens)},
    {STR("temperature"), field_double, AT(temperature)},
    {STR("top_p"), field_double, AT(top_p)},
    {STR("top_k"), field_int, AT(top_k)},
    {STR("seed"), field_int, AT(seed)},
    {STR("repetition_penalty"), field_double, AT(repetition_penalty)},
    {STR("frequency_penalty"), field_double, AT(frequency_penalty)},
    {STR("presence_penalty"), field_double, AT(presence_penalty)},
};
const size_t cloudflare_field_count = sizeof cloudflare_fields / sizeof *cloudflare_fields;

struct taking {
    struct arena *arena;
    struct message_request *request;
    struct error *error;
    struct str *param;
};

static bool cloudflare_wrong(const struct taking *taking, struct str name, const char *wants) {
    return codec_wrong(taking->error, taking->param, name, wants);
}

static bool no_memory(const struct taking *taking) { return error_set(taking->error, error_out_of_memory, "%s", ""); }

void cloudflare_read_call(const struct json_value *call, struct arena *arena, struct message_part *part) {
    const struct json_value *function = json_member(call, "function");
    if (json_kind(function) != json_object) function = call;
    const struct json_value *arguments = json_member(function, "arguments");
    *part = (struct message_part){.kind = part_tool_call,
                                  .of = dialect_cloudflare,
                                  .id = json_member_str(call, "id"),
                                  .name = json_member_str(function, "name")};
    if (json_kind(arguments) == json_string)
        part->arguments = json_str(arguments, STR(""));
    else if (json_kind(arguments) > json_null)
        part->arguments = json_raw(arguments, arena);
}

/* -- messages -- */

static bool cloudflare_read_parts(const struct json_value *value, struct arena *arena, struct message *message) {
    const struct json_value *calls = json_member(value, "tool_calls");
    size_t said = 0, place = 0;
    struct message_part *content = openai_read_parts(json_member(value, "content"), arena, &said);
    message->parts = arena_take_zeroed(arena, (said + json_count(calls) + 1) * sizeof *message->parts);
    if (!message->parts || (said && !content)) return false;
    if (message->role == message_tool) {
        message->parts[0] = (struct message_part){.kind = part_tool_result,
                                                  .id = json_member_str(value, "tool_call_id"),
                                                  .name = json_member_str(value, "name"),
                                                  .parts = content,
                                                  .part_count = said};
        message->part_count = 1;
        return true;
    }
    for (size_t i = 0; i < said; i++)
        if (content[i].kind != part_text || content[i].text.len || !calls)
            message->parts[message->part_count++] = content[i];
    for (const struct json_value *at; json_kind(calls) == json_array && (at = json_each(calls, &place, NULL));)
        cloudflare_read_call(at, arena, &message->parts[message->part_count++]);
    return true;
}

static bool cloudflare_read_messages(const struct taking *taking, const struct json_value *list) {
    static const struct {
        struct str name;
        enum message_role role;
    } roles[] = {{STR("system"), message_system},
                 {STR("developer"), message_developer},
                 {STR("user"), message_user},
                 {STR("assistant"), message_assistant},
                 {STR("tool"), message_tool}};
    struct message_request *request = taking->request;
    size_t place = 0;
    if (json_kind(list) != json_array || json_count(list) == 0)
        return cloudflare_wrong(taking, STR("messages"), "a list of at least one message");
    request->message_count = 0;
    request->messages = arena_take_zeroed(taking->arena, json_count(list) * sizeof *request->messages);
    if (!request->messages) return no_memory(taking);
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        struct message *message = &request->messages[request->message_count++];
        struct str role = json_member_str(at, "role");
        bool known = false;
        for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
            if (!str_eq(role, roles[i].name)) continue;
            message->role = roles[i].role;
            known = true;
        }
        if (!known) return cloudflare_wrong(taking, STR("messages"), "a list of messages with known roles");
        if (!cloudflare_read_parts(at, taking->arena, message)) return no_memory(taking);
    }
    return true;
}

/* A text without turns is what the user says. */
static bool cloudflare_read_prompt(const struct taking *taking, const struct json_value *value) {
    struct message_request *request = taking->request;
    if (json_kind(value) != json_string) return cloudflare_wrong(taking, STR("prompt"), "a string");
    if (request->message_count) return true; /* the messages count */
    request->messages = arena_take_zeroed(taking->arena, sizeof *request->messages);
    struct message_part *part = arena_take_zeroed(taking->arena, sizeof *part);
    if (!request->messages || !part) return no_memory(taking);
    part->text = json_str(value, STR(""));
    request->messages[0] = (struct message){.role = message_user, .parts = part, .part_count = 1};
    request->message_count = 1;
    return true;
}

/* -- tools, formats -- */

static bool cloudflare_read_tools(const struct taking *taking, const struct json_value *list) {
    struct message_request *request = taking->request;
    size_t place = 0;
    if (json_kind(list) != json_array) return cloudflare_wrong(taking, STR("tools"), "a list");
    request->tool_count = 0;
    request->tools = arena_take_zeroed(taking->arena, (json_count(list) + 1) * sizeof *request->tools);
    if (!request->tools) return no_memory(taking);
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        const struct json_value *function = json_member(at, "function");
        if (json_kind(function) != json_object) function = at;
        request->tools[request->tool_count++] =
            (struct message_tool){.of = dialect_cloudflare,
                                  .name = json_member_str(function, "name"),
                                  .description = json_member_str(function, "description"),
                                  .parameters = json_raw(json_member(function, "parameters"), taking->arena)};
    }
    return true;
}

/* The schema stands under json_schema itself; some send OpenAI's wrapper around it. */
static bool cloudflare_read_format(const struct taking *taking, const struct json_value *value) {
    struct message_request *request = taking->request;
    const struct json_value *schema = json_member(value, "json_schema"), *inner = json_member(schema, "schema");
    struct str type = json_member_str(value, "type"), name = json_member_str(schema, "name");
    bool wrapped = name.at && json_kind(inner) == json_object;
    if (str_eq(type, STR("json_object"))) request->format = format_json;
    if (str_eq(type, STR("text"))) request->format = format_text;
    if (!str_eq(type, STR("json_schema"))) return true;
    if (json_kind(schema) != json_object)
        return cloudflare_wrong(taking, STR("response_format"), "given a `json_schema`");
    request->format = format_schema;
    request->schema = json_raw(wrapped ? inner : schema, taking->arena);
    if (wrapped) request->schema_name = name;
    return true;
}

/* -- the whole -- */

static bool member_take(const struct taking *taking, size_t most, struct str name, const struct json_value *value) {
    static const struct {
        struct str name;
        bool (*read)(const struct taking *taking, const struct json_value *value);
    } special[] = {{STR("messages"), cloudflare_read_messages},
                   {STR("prompt"), cloudflare_read_prompt},
                   {STR("tools"), cloudflare_read_tools},
                   {STR("response_format"), cloudflare_read_format}};
    if (json_kind(value) == json_null || str_eq(name, STR("stream"))) return true;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (str_eq(name, special[i].name)) return special[i].read(taking, value);
    return plain_take(cloudflare_fields, cloudflare_field_count, most, name, value, taking->request, taking->arena,
                      taking->error, taking->param);
}

bool cloudflare_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                             struct message_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    struct taking taking = {arena, request, error, param};
    message_request_init(request, dialect_cloudflare);
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    request->model = path_model;
    request->stream = stream || json_bool(json_member(root, "stream"), false);
    request->include_usage = true;
    size_t place = 0;
    struct str name;
    for (const struct json_value *value; (value = json_each(root, &place, &name));)
        if (!member_take(&taking, json_count(root), name, value)) return false;
    return request->message_count > 0 || cloudflare_wrong(&taking, STR("messages"), "a list of at least one message");
}
