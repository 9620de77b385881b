/* ollama.c - Ollama's own dialect (/api/chat, /api/embed) as a codec. Source: its docs/api.md and api/types.go. Content
 * is one string, images stand beside it, arguments are objects, a stream is a line of JSON each. */
#include "dialect/ollama/ollama.h"

#include <math.h>
#include <string.h>

#include "dialect/openai/openai_codec.h"

#define AT(member) offsetof(struct message_request, member)

/* Inside `options`. */
static const struct field fields[] = {
    {STR("temperature"), field_double, AT(temperature)},
    {STR("top_p"), field_double, AT(top_p)},
    {STR("min_p"), field_double, AT(min_p)},
    {STR("top_k"), field_int, AT(top_k)},
    {STR("seed"), field_int, AT(seed)},
    {STR("num_predict"), field_int, AT(max_tokens)},
    {STR("presence_penalty"), field_double, AT(presence_penalty)},
    {STR("frequency_penalty"), field_double, AT(frequency_penalty)},
    {STR("repeat_penalty"), field_double, AT(repetition_penalty)},
};
enum { field_count = sizeof fields / sizeof *fields };

struct reader {
    bool begun, called;
    unsigned tools;
};
struct writer {
    bool calling, has_usage, over;
    struct text arguments; /* of the call that is gathered: it goes out whole */
    struct str id, name, model;
    enum message_finish finish;
    struct usage usage;
};
_Static_assert(sizeof(struct reader) <= ollama_reader_bytes && sizeof(struct writer) <= ollama_writer_bytes,
               "the states fit");

/* -- requests, read -- */

static void ollama_read_call(const struct json_value *call, struct arena *arena, struct message_part *part) {
    const struct json_value *function = json_member(call, "function");
    *part = (struct message_part){.kind = part_tool_call,
                                  .of = dialect_ollama,
                                  .id = json_member_str(call, "id"),
                                  .name = json_member_str(function, "name"),
                                  .arguments = json_raw(json_member(function, "arguments"), arena)};
}

/* Bytes in base64; of what kind is not said. */
static struct message_part image_part(const struct json_value *value) {
    return (struct message_part){.kind = part_image,
                                 .media = {.data = json_str(value, STR("")), .mime = STR("image/png")}};
}

static bool ollama_read_message(const struct json_value *value, struct arena *arena, struct message *message) {
    static const struct {
        struct str name;
        enum message_role role;
    } roles[] = {{STR("system"), message_system},
                 {STR("user"), message_user},
                 {STR("assistant"), message_assistant},
                 {STR("tool"), message_tool}};
    struct str role = json_member_str(value, "role"), text = json_member_str(value, "content"),
               thinking = json_member_str(value, "thinking");
    const struct json_value *images = json_member(value, "images"), *calls = json_member(value, "tool_calls");
    size_t place = 0, known = 0;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (str_eq(role, roles[i].name)) {
            message->role = roles[i].role;
            known++;
        }
    message->parts = arena_take_zeroed(arena, (json_count(images) + json_count(calls) + 3) * sizeof *message->parts);
    if (!known || !message->parts) return false;
    struct message_part *parts = message->parts;
    if (message->role == message_tool) {
        parts[0] = (struct message_part){.kind = part_tool_result,
                                         .id = json_member_str(value, "tool_call_id"),
                                         .name = json_member_str(value, "tool_name"),
                                         .parts = &parts[1],
                                         .part_count = 1};
        parts[1].text = text.at ? text : STR("");
        for (const struct json_value *at; (at = json_each(images, &place, NULL));)
            parts[1 + parts[0].part_count++] = image_part(at);
        message->part_count = 1;
        return true;
    }
    if (thinking.len)
        parts[message->part_count++] =
            (struct message_part){.kind = part_reasoning, .of = dialect_ollama, .text = thinking};
    if (text.len) parts[message->part_count++].text = text;
    for (const struct json_value *at; (at = json_each(images, &place, NULL));)
        parts[message->part_count++] = image_part(at);
    place = 0;
    for (const struct json_value *at; (at = json_each(calls, &place, NULL));)
        ollama_read_call(at, arena, &parts[message->part_count++]);
    return true;
}

static bool ollama_read_tools(const struct json_value *list, struct arena *arena, struct message_request *request) {
    size_t place = 0;
    request->tools = json_count(list) ? arena_take_zeroed(arena, json_count(list) * sizeof *request->tools) : NULL;
    if (json_count(list) && !request->tools) return false;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        const struct json_value *function = json_member(at, "function");
        request->tools[request->tool_count++] =
            (struct message_tool){.name = json_member_str(function, "name"),
                                  .description = json_member_str(function, "description"),
                                  .parameters = json_raw(json_member(function, "parameters"), arena)};
    }
    return true;
}

static void ollama_read_options(const struct json_value *options, struct arena *arena,
                                struct message_request *request) {
    const struct json_value *stops = json_member(options, "stop");
    size_t place = 0;
    struct str name;
    for (const struct json_value *value;
         json_kind(options) == json_object && (value = json_each(options, &place, &name));)
        field_take(fields, field_count, name, value, request, arena);
    strings_read(stops, arena, &request->stop, &request->stop_count);
}

static void think_read(const struct json_value *think, struct message_request *request) {
    static const struct {
        struct str name;
        enum message_effort effort;
    } levels[] = {
        {STR("low"), effort_low}, {STR("medium"), effort_medium}, {STR("high"), effort_high}, {STR("max"), effort_max}};
    if (json_kind(think) == json_true) request->effort = effort_medium;
    if (json_kind(think) == json_false) request->effort = effort_none;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (str_eq(json_str(think, STR("")), levels[i].name)) request->effort = levels[i].effort;
}

static bool ollama_read_request(struct str body, struct str path_model, bool stream, struct arena *arena,
                                struct message_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    (void)path_model;
    (void)stream;
    message_request_init(request, dialect_ollama);
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    const struct json_value *list = json_member(root, "messages"), *format = json_member(root, "format");
    request->model = json_str(json_member(root, "model"), STR(""));
    request->stream = json_bool(json_member(root, "stream"), true);
    request->include_usage = true;
    request->messages = arena_take_zeroed(arena, (json_count(list) + 1) * sizeof *request->messages);
    if (!request->messages || !ollama_read_tools(json_member(root, "tools"), arena, request))
        return error_set(error, error_out_of_memory, "%s", "");
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));)
        if (!ollama_read_message(at, arena, &request->messages[request->message_count++])) break;
    if (request->message_count == 0 || request->message_count < json_count(list)) {
        *param = STR("messages");
        return error_set(error, error_invalid_request, "`messages` must be a list of messages with known roles.");
    }
    ollama_read_options(json_member(root, "options"), arena, request);
    think_read(json_member(root, "think"), request);
    if (json_kind(format) == json_object) {
        request->format = format_schema;
        request->schema = json_raw(format, arena);
    } else if (str_eq(json_str(format, STR("")), STR("json"))) {
        request->format = format_json;
    }
    if (json_bool(json_member(root, "logprobs"), false)) request->logprobs = flag_true;
    request->top_logprobs = json_i64(json_member(root, "top_logprobs"), MESSAGE_NO_INT);
    return true;
}

/* -- requests, written -- */

static void ollama_write_joined(struct text *text, const struct message_part *parts, size_t count,
                                enum part_kind kind) {
    bool any = false;
    text_put_byte(text, '"');
    for (size_t i = 0; i < count; i++) {
        bool also =
            kind == part_text && parts[i].text.at && (parts[i].kind == part_document || parts[i].kind == part_refusal);
        if (parts[i].kind != kind && !also) continue;
        if (any) text_put(text, STR("\\n\\n"));
        any = true;
        text_put_json_inside(text, parts[i].text);
    }
    text_put_byte(text, '"');
}

static void ollama_write_call(struct text *text, struct str id, struct str name, struct str arguments) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str_if(text, STR("id"), id);
    text_json_key(text, STR("function"));
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), name);
    text_json_key(text, STR("arguments"));
    text_put_object(text, arguments, "arguments");
    text_put(text, STR("}}"));
}

static void images_put(struct text *text, const struct message_part *parts, size_t count) {
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind != part_image || !parts[i].media.data.at) continue;
        if (!any) text_put(text, STR(",\"images\":["));
        any = true;
        text_json_comma(text);
        text_put_json(text, parts[i].media.data);
    }
    if (any) text_put_byte(text, ']');
}

static void ollama_write_result(struct text *text, const struct message_part *part) {
    text_json_comma(text);
    text_put(text, STR("{\"role\":\"tool\",\"content\":"));
    ollama_write_joined(text, part->parts, part->part_count, part_text);
    text_json_str_if(text, STR("tool_name"), part->name);
    text_json_str_if(text, STR("tool_call_id"), part->id);
    images_put(text, part->parts, part->part_count);
    text_put_byte(text, '}');
}

static void ollama_write_message(struct text *text, const struct message *message) {
    static const char *const roles[] = {"system", "system", "user", "assistant", "tool"};
    size_t calls = 0, results = 0, thoughts = 0;
    for (size_t i = 0; i < message->part_count; i++) {
        const struct message_part *part = &message->parts[i];
        calls += part->kind == part_tool_call;
        thoughts += part->kind == part_reasoning && part->text.len;
        results += part->kind == part_tool_result;
        if (part->kind == part_tool_result) ollama_write_result(text, part);
    }
    if (message->role == message_tool || (results && results == message->part_count)) return;
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("role"), str_from(roles[message->role]));
    text_json_key(text, STR("content"));
    ollama_write_joined(text, message->parts, message->part_count, part_text);
    if (thoughts) {
        text_json_key(text, STR("thinking"));
        ollama_write_joined(text, message->parts, message->part_count, part_reasoning);
    }
    images_put(text, message->parts, message->part_count);
    if (calls) text_put(text, STR(",\"tool_calls\":["));
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].kind == part_tool_call)
            ollama_write_call(text, message->parts[i].id, message->parts[i].name, message->parts[i].arguments);
    if (calls) text_put_byte(text, ']');
    text_put_byte(text, '}');
}

static void think_put(struct text *text, const struct message_request *request, const struct codec_target *target) {
    static const char *const levels[] = {NULL,         "false",    "true",     "\"low\"",
                                         "\"medium\"", "\"high\"", "\"high\"", "\"max\""};
    enum message_effort effort = request->effort;
    if (!target->reasons) return;
    if (!effort && request->reasoning_tokens != MESSAGE_NO_INT)
        effort = request->reasoning_tokens == 0 ? effort_none : effort_medium;
    if (effort) text_json_raw(text, STR("think"), str_from(levels[effort]));
}

static void ollama_write_request(const struct message_request *request, const struct codec_target *target,
                                 struct text *body) {
    text_put_byte(body, '{');
    text_json_str(body, STR("model"), target->model);
    text_put(body, STR(",\"messages\":["));
    for (size_t i = 0; i < request->message_count; i++) ollama_write_message(body, &request->messages[i]);
    text_put_byte(body, ']');
    text_json_bool(body, STR("stream"), target->stream);
    openai_write_plain_tools(body, request);
    if (request->format == format_json) text_json_str(body, STR("format"), STR("json"));
    if (request->format == format_schema) text_json_raw(body, STR("format"), request->schema);
    think_put(body, request, target);
    if (request->logprobs == flag_true) text_json_bool(body, STR("logprobs"), true);
    if (request->logprobs == flag_true && request->top_logprobs != MESSAGE_NO_INT)
        text_json_i64(body, STR("top_logprobs"), request->top_logprobs);
    text_put(body, STR(",\"options\":{"));
    fields_put(body, fields, field_count, request);
    if (request->stop_count) {
        text_json_key(body, STR("stop"));
        strings_put(body, request->stop, request->stop_count);
    }
    text_put(body, STR("}}"));
}

/* -- replies and streams, read -- */

static enum message_finish ollama_read_finish(const struct json_value *root, bool called) {
    struct str reason = json_member_str(root, "done_reason");
    if (!json_bool(json_member(root, "done"), false)) return finish_none;
    return str_eq(reason, STR("length")) ? finish_length : called ? finish_tool_calls : finish_stop;
}

static void ollama_read_usage(const struct json_value *root, struct usage *usage) {
    int64_t input = json_tokens(root, "prompt_eval_count"), output = json_tokens(root, "eval_count");
    if (input >= 0) usage->input_tokens = input;
    if (output >= 0) usage->output_tokens = output;
}

static bool reply_read(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                       struct message_reply *reply, bool *error_inside) {
    const struct json_value *root;
    struct error error;
    struct message message = {.role = message_assistant};
    (void)quirks;
    *reply = (struct message_reply){.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    *error_inside = false;
    if (!codec_parse(body, arena, &root, &error)) return false;
    *error_inside = json_kind(json_member(root, "error")) == json_string;
    if (*error_inside) return true;
    struct message_choice *choice = arena_take_zeroed(arena, sizeof *choice);
    if (!choice || json_kind(json_member(root, "message")) != json_object ||
        !ollama_read_message(json_member(root, "message"), arena, &message))
        return false;
    bool called = false;
    for (size_t i = 0; i < message.part_count; i++) called |= message.parts[i].kind == part_tool_call;
    choice->parts = message.parts;
    choice->part_count = message.part_count;
    choice->finish = ollama_read_finish(root, called);
    reply->choices = choice;
    reply->choice_count = 1;
    reply->model = json_member_str(root, "model");
    ollama_read_usage(root, &reply->usage);
    return true;
}

static void ollama_part_add(struct reader *reader, struct message_events *events, const struct message_part *part) {
    if (part->kind == part_tool_call) {
        unsigned number = reader->tools++;
        struct message_event *tool = message_event_add(events, message_event_tool);
        tool->tool = number;
        tool->id = part->id;
        tool->name = part->name;
        struct message_event *whole = message_event_add(events, message_event_arguments);
        whole->tool = number;
        whole->text = part->arguments.len ? part->arguments : STR("{}");
        reader->called = true;
        return;
    }
    if (!part->text.len) return;
    struct message_event *event =
        message_event_add(events, part->kind == part_reasoning ? message_event_reasoning : message_event_text);
    event->text = part->text;
    event->of = dialect_ollama;
}

static bool ollama_read_event(void *reader_state, struct str event, struct str data, struct arena *keep,
                              const struct codec_quirks *quirks, struct message_events *events) {
    struct reader *reader = reader_state;
    struct message_reply reply;
    const struct json_value *root;
    struct error error;
    bool error_inside = false;
    (void)event;
    (void)keep;
    if (!reply_read(data, events->arena, quirks, &reply, &error_inside)) return false;
    if (!codec_parse(data, events->arena, &root, &error)) return false;
    if (error_inside) {
        message_event_add(events, message_event_error)->text = json_member_str(root, "error");
        return true;
    }
    if (!reader->begun) message_event_add(events, message_event_begin)->model = reply.model;
    reader->begun = true;
    const struct message_choice *choice = &reply.choices[0];
    for (size_t i = 0; i < choice->part_count; i++) ollama_part_add(reader, events, &choice->parts[i]);
    enum message_finish finish = ollama_read_finish(root, reader->called);
    if (finish == finish_none) return true;
    message_event_add(events, message_event_finish)->finish = finish;
    message_event_add(events, message_event_usage)->usage = reply.usage;
    message_event_add(events, message_event_end);
    return true;
}

/* -- replies and streams, written -- */

static void line_begin(struct str model, const struct codec_caller *caller, struct text *text) {
    text_put_byte(text, '{');
    text_json_str(text, STR("model"), model.len ? model : caller->model);
    text_put(text, STR(",\"created_at\":\"1970-01-01T00:00:00Z\",\"message\":{\"role\":\"assistant\""));
}

static void ollama_write_done(struct text *text, enum message_finish finish, const struct usage *usage) {
    text_put(text, STR(",\"done\":true"));
    text_json_str(text, STR("done_reason"), finish == finish_length ? STR("length") : STR("stop"));
    text_put(text, STR(",\"total_duration\":0,\"load_duration\":0"));
    text_json_count(text, STR("prompt_eval_count"), usage->input_tokens);
    text_put(text, STR(",\"prompt_eval_duration\":0"));
    text_json_count(text, STR("eval_count"), usage->output_tokens);
    text_put(text, STR(",\"eval_duration\":0"));
}

static void reply_write(const struct message_reply *reply, const struct codec_caller *caller, struct text *body) {
    static const struct message_choice none;
    const struct message_choice *choice = reply->choice_count ? &reply->choices[0] : &none;
    size_t calls = 0;
    bool said = false;
    line_begin(reply->model, caller, body);
    text_put(body, STR(",\"content\":\""));
    for (size_t i = 0; i < choice->part_count; i++) {
        const struct message_part *part = &choice->parts[i];
        calls += part->kind == part_tool_call;
        if (part->kind == part_text || part->kind == part_refusal) text_put_json_inside(body, part->text);
    }
    text_put_byte(body, '"');
    for (size_t i = 0; i < choice->part_count && caller->show_reasoning; i++) {
        if (choice->parts[i].kind != part_reasoning || !choice->parts[i].text.len) continue;
        if (!said) text_put(body, STR(",\"thinking\":\""));
        said = true;
        text_put_json_inside(body, choice->parts[i].text);
    }
    if (said) text_put_byte(body, '"');
    if (calls) text_put(body, STR(",\"tool_calls\":["));
    for (size_t i = 0; i < choice->part_count; i++)
        if (choice->parts[i].kind == part_tool_call)
            ollama_write_call(body, choice->parts[i].id, choice->parts[i].name, choice->parts[i].arguments);
    if (calls) text_put_byte(body, ']');
    text_put_byte(body, '}');
    ollama_write_done(body, choice->finish, &reply->usage);
    text_put_byte(body, '}');
}

static void call_flush(struct writer *writer, const struct codec_caller *caller, struct text *text) {
    if (!writer->calling) return;
    writer->calling = false;
    line_begin(writer->model, caller, text);
    text_put(text, STR(",\"content\":\"\",\"tool_calls\":["));
    ollama_write_call(text, writer->id, writer->name, text_str(&writer->arguments));
    text_put(text, STR("]},\"done\":false}\n"));
}

static void piece_put(struct writer *writer, const struct codec_caller *caller, struct str said, bool thought,
                      struct text *text) {
    call_flush(writer, caller, text);
    line_begin(writer->model, caller, text);
    text_json_str(text, STR("content"), thought ? STR("") : said);
    if (thought) text_json_str(text, STR("thinking"), said);
    text_put(text, STR("},\"done\":false}\n"));
}

static void event_write(void *writer_state, const struct message_event *event, const struct codec_caller *caller,
                        struct arena *keep, struct text *text) {
    struct writer *writer = writer_state;
    usage_keep(&writer->usage, &writer->has_usage, &event->usage);
    if (event->choice > 0) return;
    switch (event->kind) {
    case message_event_begin: writer->model = arena_copy(keep, event->model); return;
    case message_event_text:
    case message_event_refusal: piece_put(writer, caller, event->text, false, text); return;
    case message_event_reasoning:
        if (caller->show_reasoning) piece_put(writer, caller, event->text, true, text);
        return;
    case message_event_tool:
        call_flush(writer, caller, text);
        writer->calling = true;
        writer->id = event->id.at ? arena_copy(keep, event->id) : STR_NONE;
        writer->name = arena_copy(keep, event->name);
        if (!writer->arguments.arena) writer->arguments = text_in_arena(keep, 256);
        writer->arguments.len = 0;
        return;
    case message_event_arguments:
        if (writer->calling) text_put(&writer->arguments, event->text);
        text->failed |= writer->arguments.failed;
        return;
    case message_event_finish: writer->finish = event->finish; return;
    case message_event_error:
        text_put_byte(text, '{');
        text_json_str(text, STR("error"), event->text);
        text_put(text, STR("}\n"));
        return;
    case message_event_end:
        if (writer->over) return;
        writer->over = true;
        call_flush(writer, caller, text);
        line_begin(writer->model, caller, text);
        text_put(text, STR(",\"content\":\"\"}"));
        if (!writer->has_usage) writer->usage = USAGE_NONE;
        ollama_write_done(text, writer->finish, &writer->usage);
        text_put(text, STR("}\n"));
        return;
    default: return;
    }
}

/* -- errors, embeddings -- */

static void ollama_read_error(struct str body, struct arena *arena, struct message_error *error) {
    const struct json_value *root;
    struct error ignored;
    if (!codec_parse(body, arena, &root, &ignored)) return;
    const struct json_value *said = json_member(root, "error");
    error->message = json_str(said, json_member_str(said, "message"));
}

static void ollama_write_error(const struct message_error *error, struct text *body) {
    text_put_byte(body, '{');
    text_json_str(body, STR("error"), error->message);
    text_put_byte(body, '}');
}

static void ollama_write_embed_request(const struct embed_request *request, const struct codec_target *target,
                                       struct text *body) {
    text_put_byte(body, '{');
    text_json_str(body, STR("model"), target->model);
    text_json_key(body, STR("input"));
    strings_put(body, request->inputs, request->input_count);
    if (request->dimensions != MESSAGE_NO_INT) text_json_i64(body, STR("dimensions"), request->dimensions);
    text_put_byte(body, '}');
}

static bool ollama_read_embed_request(struct str body, struct str path_model, struct arena *arena,
                                      struct embed_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    (void)path_model;
    *request = (struct embed_request){.dimensions = MESSAGE_NO_INT};
    if (!codec_parse(body, arena, &root, error)) return false;
    const struct json_value *input = json_member(root, "input");
    request->model = json_str(json_member(root, "model"), STR(""));
    request->dimensions = json_i64(json_member(root, "dimensions"), MESSAGE_NO_INT);
    if (!strings_read(input, arena, &request->inputs, &request->input_count))
        return error_set(error, error_out_of_memory, "%s", "");
    *param = STR("input");
    return request->input_count > 0 ||
           error_set(error, error_invalid_request, "`input` must be a string or a list of strings.");
}

static bool ollama_read_embed_reply(struct str body, struct arena *arena, struct embed_reply *reply,
                                    bool *error_inside) {
    const struct json_value *root;
    struct error error;
    *reply = (struct embed_reply){.usage = USAGE_NONE};
    *error_inside = false;
    if (!codec_parse(body, arena, &root, &error)) return false;
    *error_inside = json_member(root, "error") != NULL;
    const struct json_value *list = json_member(root, "embeddings");
    size_t place = 0;
    if (*error_inside) return true;
    if (json_kind(list) != json_array) return false;
    reply->model = json_member_str(root, "model");
    reply->vectors = arena_take_zeroed(arena, (json_count(list) + 1) * sizeof *reply->vectors);
    if (!reply->vectors) return false;
    for (const struct json_value *at; (at = json_each(list, &place, NULL));) {
        if (json_kind(at) != json_array) return false;
        reply->vectors[reply->vector_count++] = json_raw(at, arena);
    }
    reply->usage.input_tokens = json_i64(json_member(root, "prompt_eval_count"), -1);
    return true;
}

static void ollama_write_embed_reply(const struct embed_reply *reply, const struct embed_request *asked,
                                     const struct codec_caller *caller, struct text *body) {
    (void)asked;
    text_put_byte(body, '{');
    text_json_str(body, STR("model"), reply->model.len ? reply->model : caller->model);
    text_put(body, STR(",\"embeddings\":["));
    for (size_t i = 0; i < reply->vector_count; i++) {
        text_json_comma(body);
        text_put(body, reply->vectors[i]);
    }
    text_put_byte(body, ']');
    text_json_i64(body, STR("prompt_eval_count"), reply->usage.input_tokens > 0 ? reply->usage.input_tokens : 0);
    text_put_byte(body, '}');
}

const struct codec codec_ollama = {
    .name = STR("ollama"),
    .dialect = dialect_ollama,
    .framing = framing_ndjson,
    .stream_content_type = STR("application/x-ndjson"),
    .fates = {[feature_strict] = fate_dropped,
              [feature_detail] = fate_dropped,
              [feature_document_title] = fate_dropped,
              [feature_video] = fate_refused,
              [feature_cached_content] = fate_refused,
              [feature_tool_result_error] = fate_dropped,
              [feature_n] = fate_emulated,
              [feature_logit_bias] = fate_dropped,
              [feature_server_tools] = fate_refused,
              [feature_tool_choice] = fate_emulated,
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
              [feature_safety_settings] = fate_dropped,
              [feature_message_name] = fate_dropped,
              [feature_image_url] = fate_fetched,
              [feature_audio] = fate_refused,
              [feature_document] = fate_refused,
              [feature_document_url] = fate_refused,
              [feature_file_id] = fate_refused,
              [feature_citations] = fate_dropped,
              [feature_foreign] = fate_dropped,
              [feature_echo] = fate_refused,
              [feature_suffix] = fate_refused,
              [feature_extra] = fate_dropped},
    .read_request = ollama_read_request,
    .write_request = ollama_write_request,
    .read_reply = reply_read,
    .write_reply = reply_write,
    .reader_size = ollama_reader_bytes,
    .writer_size = ollama_writer_bytes,
    .read_event = ollama_read_event,
    .write_event = event_write,
    .read_error = ollama_read_error,
    .write_error = ollama_write_error,
    .embed_takes = 1u << embed_dimensions,
    .read_embed_request = ollama_read_embed_request,
    .write_embed_request = ollama_write_embed_request,
    .read_embed_reply = ollama_read_embed_reply,
    .write_embed_reply = ollama_write_embed_reply,
};
