/* cloudflare_reply.c - Workers AI's replies and streams: its own form and OpenAI's read, its own written. */
#include <string.h>

#include "dialect/cloudflare/cloudflare.h"
#include "dialect/openai/openai_codec.h"

enum { calls_most = 1024 };

struct reader {
    _Alignas(16) char inner[openai_reader_bytes]; /* of chunks in OpenAI's form */
    bool begun, finished, ended;
    unsigned tools; /* calls that have begun: indexes come in order */
};

struct writer {
    bool has_usage, over;
    enum message_finish finish;
    struct usage usage;
};

_Static_assert(sizeof(struct reader) <= cloudflare_reader_bytes && sizeof(struct writer) <= cloudflare_writer_bytes,
               "the states fit");

/* -- read -- */

static void cloudflare_read_usage(const struct json_value *value, struct usage *usage) {
    const struct {
        int64_t count, *into;
    } counts[] = {
        {json_tokens(value, "prompt_tokens"), &usage->input_tokens},
        {json_tokens(value, "completion_tokens"), &usage->output_tokens},
        {json_tokens(json_member(value, "prompt_tokens_details"), "cached_tokens"), &usage->cached_input_tokens},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].count >= 0) *counts[i].into = counts[i].count;
}

/* `response` is a string; in JSON mode an object, and a number where the whole text is one. */
static struct str cloudflare_read_text(const struct json_value *response, struct arena *arena) {
    if (json_kind(response) == json_string) return json_str(response, STR(""));
    return json_kind(response) > json_null ? json_raw(response, arena) : STR_NONE;
}

static enum message_finish cloudflare_read_finish(struct str said, bool called) {
    enum message_finish finish = openai_read_finish(said);
    return called && (finish == finish_stop || finish == finish_none) ? finish_tool_calls : finish;
}

static bool native_reply_read(const struct json_value *result, struct arena *arena, struct message_reply *reply) {
    const struct json_value *calls = json_member(result, "tool_calls"), *response = json_member(result, "response");
    if (json_kind(response) == json_none && json_kind(calls) != json_array) return false;
    struct message_choice *choice = arena_take_zeroed(arena, sizeof *choice);
    if (!choice) return false;
    choice->parts = arena_take_zeroed(arena, (json_count(calls) + 1) * sizeof *choice->parts);
    if (!choice->parts) return false;
    struct str text = cloudflare_read_text(response, arena);
    if (text.len) choice->parts[choice->part_count++].text = text;
    size_t place = 0, texts = choice->part_count;
    for (const struct json_value *at; json_kind(calls) == json_array && (at = json_each(calls, &place, NULL));)
        cloudflare_read_call(at, arena, &choice->parts[choice->part_count++]);
    choice->finish = cloudflare_read_finish(json_member_str(result, "finish_reason"), choice->part_count > texts);
    reply->choices = choice;
    reply->choice_count = 1;
    cloudflare_read_usage(json_member(result, "usage"), &reply->usage);
    return true;
}

bool cloudflare_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                           struct message_reply *reply, bool *error_inside) {
    const struct json_value *root;
    struct error error;
    *reply = (struct message_reply){.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    *error_inside = false;
    if (!codec_parse(body, arena, &root, &error)) return false;
    *error_inside = cloudflare_is_error(root);
    if (*error_inside) return true;
    const struct json_value *result = json_member(root, "result");
    if (json_kind(result) != json_object) result = root; /* a gateway of theirs may leave the envelope out */
    if (json_kind(json_member(result, "choices")) == json_array)
        return codec_openai.read_reply(json_raw(result, arena), arena, quirks, reply, error_inside);
    return native_reply_read(result, arena, reply);
}

/* Calls come whole, or in fragments that an index ties together; one that says nothing ends the call before it. */
static void cloudflare_call_add(struct reader *reader, const struct json_value *call, struct message_events *events) {
    struct message_part part;
    cloudflare_read_call(call, events->arena, &part);
    int64_t index = json_i64(json_member(call, "index"), -1);
    if (index < 0) index = part.name.len || reader->tools == 0 ? reader->tools : reader->tools - 1;
    if (index > reader->tools) index = reader->tools;
    if (index >= calls_most || (!part.name.len && !part.arguments.len)) return;
    if (index == reader->tools) {
        if (!part.name.len) return;
        struct message_event *begins = message_event_add(events, message_event_tool);
        begins->tool = reader->tools++;
        begins->of = dialect_cloudflare;
        begins->id = part.id;
        begins->name = part.name;
    }
    if (!part.arguments.len) return;
    struct message_event *fragment = message_event_add(events, message_event_arguments);
    fragment->tool = (unsigned)index;
    fragment->text = part.arguments;
}

static void cloudflare_finish_add(struct reader *reader, enum message_finish finish, struct message_events *events) {
    if (reader->finished) return;
    reader->finished = true;
    message_event_add(events, message_event_finish)->finish = finish;
}

static void native_add(struct reader *reader, const struct json_value *root, struct message_events *events) {
    const struct json_value *calls = json_member(root, "tool_calls");
    struct str text = cloudflare_read_text(json_member(root, "response"), events->arena),
               finish = json_member_str(root, "finish_reason");
    struct usage usage = USAGE_NONE;
    size_t place = 0;
    if (!reader->begun) message_event_add(events, message_event_begin)->of = dialect_cloudflare;
    reader->begun = true;
    if (text.len) message_event_add(events, message_event_text)->text = text;
    for (const struct json_value *at; json_kind(calls) == json_array && (at = json_each(calls, &place, NULL));)
        cloudflare_call_add(reader, at, events);
    if (finish.len) cloudflare_finish_add(reader, cloudflare_read_finish(finish, reader->tools > 0), events);
    cloudflare_read_usage(json_member(root, "usage"), &usage);
    if (usage.input_tokens >= 0 || usage.output_tokens >= 0)
        message_event_add(events, message_event_usage)->usage = usage;
}

static void cloudflare_error_add(const struct json_value *root, struct message_events *events) {
    struct message_error error = {.retry_after_ms = -1};
    cloudflare_read_error(root, events->arena, &error);
    struct message_event *event = message_event_add(events, message_event_error);
    event->of = dialect_cloudflare;
    event->text = error.message;
    event->name = error.said_code;
    event->status = error.status;
}

static void cloudflare_end_add(struct reader *reader, struct message_events *events) {
    if (reader->ended) return;
    reader->ended = true;
    if (reader->begun) cloudflare_finish_add(reader, cloudflare_read_finish(STR("stop"), reader->tools > 0), events);
    message_event_add(events, message_event_end);
}

bool cloudflare_read_event(void *reader_state, struct str event, struct str data, struct arena *keep,
                           const struct codec_quirks *quirks, struct message_events *events) {
    struct reader *reader = reader_state;
    const struct json_value *root;
    struct error error;
    if (str_eq(str_trim(data), STR("[DONE]"))) {
        cloudflare_end_add(reader, events);
        return true;
    }
    if (!codec_parse(data, events->arena, &root, &error)) return false;
    if (cloudflare_is_error(root) || str_eq(event, STR("error"))) {
        cloudflare_error_add(root, events);
        return true;
    }
    if (json_kind(json_member(root, "choices")) != json_array) {
        native_add(reader, root, events);
        return true;
    }
    size_t from = events->count;
    reader->begun = true;
    if (!codec_openai.read_event(reader->inner, event, data, keep, quirks, events)) return false;
    for (size_t i = from; i < events->count; i++) reader->finished |= events->list[i].kind == message_event_finish;
    return true;
}

/* -- written -- */

static void cloudflare_write_usage(struct text *text, const struct usage *usage) {
    if (!usage_is_known(usage)) return;
    text_json_key(text, STR("usage"));
    text_put_byte(text, '{');
    text_json_count(text, STR("prompt_tokens"), usage->input_tokens);
    text_json_count(text, STR("completion_tokens"), usage->output_tokens);
    text_json_count(text, STR("total_tokens"), usage_total(usage));
    if (usage->cached_input_tokens >= 0) {
        text_put(text, STR(",\"prompt_tokens_details\":{"));
        text_json_i64(text, STR("cached_tokens"), usage->cached_input_tokens);
        text_put_byte(text, '}');
    }
    text_put_byte(text, '}');
}

static void cloudflare_write_finish(struct text *text, enum message_finish finish) {
    static const struct str names[finishes] = {[finish_none] = STR("stop"),
                                               [finish_stop] = STR("stop"),
                                               [finish_stop_sequence] = STR("stop"),
                                               [finish_length] = STR("length"),
                                               [finish_tool_calls] = STR("tool_calls"),
                                               [finish_content_filter] = STR("content_filter"),
                                               [finish_error] = STR("error")};
    text_json_str(text, STR("finish_reason"), names[finish]);
}

static void cloudflare_write_calls(struct text *text, const struct message_choice *choice) {
    bool any = false;
    for (size_t i = 0; i < choice->part_count; i++) {
        const struct message_part *part = &choice->parts[i];
        if (part->kind != part_tool_call) continue;
        if (!any) text_put(text, STR(",\"tool_calls\":["));
        any = true;
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str_if(text, STR("id"), part->id);
        text_json_str(text, STR("name"), part->name);
        text_json_key(text, STR("arguments"));
        text_put_object(text, part->arguments, "arguments");
        text_put_byte(text, '}');
    }
    if (any) text_put_byte(text, ']');
}

void cloudflare_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body) {
    static const struct message_choice none;
    const struct message_choice *choice = reply->choice_count ? &reply->choices[0] : &none;
    (void)caller;
    cloudflare_result_begin(body);
    text_put(body, STR("{\"response\":\""));
    for (size_t i = 0; i < choice->part_count; i++)
        if (choice->parts[i].kind == part_text || choice->parts[i].kind == part_refusal)
            text_put_json_inside(body, choice->parts[i].text);
    text_put_byte(body, '"');
    cloudflare_write_calls(body, choice);
    cloudflare_write_finish(body, choice->finish);
    cloudflare_write_usage(body, &reply->usage);
    text_put_byte(body, '}');
    cloudflare_result_end(body);
}

static void cloudflare_reply_call_put(struct text *text, const struct message_event *event) {
    text_put(text, STR("data: {\"response\":\"\",\"tool_calls\":[{"));
    text_json_u64(text, STR("index"), event->tool);
    if (event->kind == message_event_tool) text_json_str_if(text, STR("id"), event->id);
    text_json_str(text, STR("type"), STR("function"));
    text_put(text, STR(",\"function\":{"));
    if (event->kind == message_event_tool) text_json_str(text, STR("name"), event->name);
    text_json_str(text, STR("arguments"), event->kind == message_event_tool ? STR("") : event->text);
    text_put(text, STR("}}]}\n\n"));
}

static void cloudflare_write_end(struct writer *writer, struct text *text) {
    if (writer->over) return;
    writer->over = true;
    text_put(text, STR("data: {\"response\":\"\""));
    cloudflare_write_finish(text, writer->finish);
    if (writer->has_usage) cloudflare_write_usage(text, &writer->usage);
    text_put(text, STR("}\n\ndata: [DONE]\n\n"));
}

void cloudflare_write_event(void *writer_state, const struct message_event *event, const struct codec_caller *caller,
                            struct arena *keep, struct text *text) {
    struct writer *writer = writer_state;
    (void)caller;
    (void)keep;
    usage_keep(&writer->usage, &writer->has_usage, &event->usage);
    if (event->choice > 0) return;
    switch (event->kind) {
    case message_event_text:
    case message_event_refusal:
        text_put(text, STR("data: {"));
        text_json_str(text, STR("response"), event->text);
        text_put(text, STR("}\n\n"));
        return;
    case message_event_tool:
    case message_event_arguments: cloudflare_reply_call_put(text, event); return;
    case message_event_finish: writer->finish = event->finish; return;
    case message_event_error:
        text_put(text, STR("data: "));
        cloudflare_write_error(text, event->status ? event->status : 500, event->text);
        text_put(text, STR("\n\n"));
        return;
    case message_event_end: cloudflare_write_end(writer, text); return;
    default: return;
    }
}
