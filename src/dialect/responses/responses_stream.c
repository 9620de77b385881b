/* responses_stream.c - streams of Responses events. Each item is opened, told in deltas, and told again whole when it
 * is closed; the last event is the whole response. So all that was said is kept until the end. */
#include <string.h>

#include "base/check.h"
#include "dialect/custom_tool.h"
#include "dialect/responses/responses.h"

struct reader {
    bool begun, called, custom; /* custom: the call that is told takes text */
    unsigned tools;
};

enum item { item_none, item_message, item_refusal, item_reasoning, item_call, item_custom };

struct writer {
    bool started, over, has_usage;
    enum item open;
    unsigned tool, index; /* of the open call; of the open item */
    uint64_t sequence;
    struct text said;  /* of the open item */
    struct text cited; /* of it: its annotations, separated by commas */
    unsigned citations;
    struct custom_input input; /* of a custom tool's call */
    struct text arguments;     /* of it, while they are not read as its input yet */
    int64_t created_s;
    struct text output; /* the items that are closed */
    struct str name, call_id, model;
    enum message_finish finish;
    struct usage usage;
};

_Static_assert(sizeof(struct reader) <= responses_reader_bytes && sizeof(struct writer) <= responses_writer_bytes,
               "the states fit");

/* -- read -- */

static void responses_text_add(struct message_events *events, enum message_event_kind kind, struct str text) {
    if (!text.len) return;
    struct message_event *event = message_event_add(events, kind);
    event->text = text;
    event->of = dialect_responses;
}

static void responses_citation_add(struct message_events *events, const struct json_value *annotation) {
    struct str url = json_member_str(annotation, "url");
    if (!url.len) return;
    struct message_event *event = message_event_add(events, message_event_citation);
    event->of = dialect_responses;
    event->citation.url = url;
    event->citation.title = json_member_str(annotation, "title");
    event->citation.start = json_i64(json_member(annotation, "start_index"), MESSAGE_NO_INT);
    event->citation.end = json_i64(json_member(annotation, "end_index"), MESSAGE_NO_INT);
}

static void responses_arguments_add(const struct reader *reader, struct message_events *events, struct str fragment) {
    struct message_event *event = message_event_add(events, message_event_arguments);
    event->tool = reader->tools - 1;
    event->text = fragment;
}

/* Text that goes on within the string that stands for it. */
static void custom_delta_add(const struct reader *reader, struct message_events *events, struct str delta) {
    struct text text = text_in_arena(events->arena, delta.len + 16);
    text_put_json_inside(&text, delta);
    events->failed |= text.failed;
    responses_arguments_add(reader, events, text_str(&text));
}

static void item_add(struct reader *reader, struct message_events *events, const struct json_value *item, bool done) {
    struct str type = json_member_str(item, "type");
    bool custom = str_eq(type, STR("custom_tool_call"));
    if (done && custom && reader->custom) {
        responses_arguments_add(reader, events, STR("\"}"));
        reader->custom = false;
    }
    if (!done && (custom || str_eq(type, STR("function_call")))) {
        struct message_event *event = message_event_add(events, message_event_tool);
        event->tool = reader->tools++;
        event->id = json_member_str(item, "call_id");
        event->name = json_member_str(item, "name");
        reader->called = true;
        reader->custom = custom;
        if (custom) responses_arguments_add(reader, events, STR("{\"input\":\""));
    }
    struct str data = json_member_str(item, "encrypted_content");
    if (done && str_eq(type, STR("reasoning")) && data.len) {
        struct message_event *event = message_event_add(events, message_event_signature);
        event->data = data;
        event->of = dialect_responses;
    }
}

static void responses_end_add(struct reader *reader, struct message_events *events, const struct json_value *response) {
    message_event_add(events, message_event_finish)->finish = responses_finish(response, reader->called);
    responses_read_usage(response, events->arena, &message_event_add(events, message_event_usage)->usage);
    message_event_add(events, message_event_end);
}

static void responses_error_add(struct message_events *events, const struct json_value *root) {
    const struct json_value *said = json_member(json_member(root, "response"), "error");
    if (json_kind(said) != json_object) said = json_member(root, "error");
    if (json_kind(said) != json_object) said = root;
    struct message_event *event = message_event_add(events, message_event_error);
    event->text = json_member_str(said, "message");
    event->name = json_member_str(said, "code");
    if (said != root) event->type = json_member_str(said, "type"); /* the event's own is what it is: "error" */
    if (!event->name.len) event->name = event->type;
}

bool responses_read_event(void *reader_state, struct str event, struct str data, struct arena *keep,
                          const struct codec_quirks *quirks, struct message_events *events) {
    struct reader *reader = reader_state;
    const struct json_value *root;
    struct error error;
    (void)event;
    (void)keep;
    (void)quirks;
    if (str_eq(data, STR("[DONE]"))) return true; /* OpenRouter's */
    if (!codec_parse(data, events->arena, &root, &error)) return false;
    events->next_sequence = (uint64_t)json_i64(json_member(root, "sequence_number"), -1) + 1;
    struct str type = json_member_str(root, "type"), delta = json_member_str(root, "delta");
    const struct json_value *response = json_member(root, "response");
    if (str_eq(type, STR("response.created")) && !reader->begun) {
        struct message_event *begin = message_event_add(events, message_event_begin);
        begin->id = json_member_str(response, "id");
        begin->model = json_member_str(response, "model");
        reader->begun = true;
    }
    if (str_eq(type, STR("response.output_text.delta"))) responses_text_add(events, message_event_text, delta);
    if (str_eq(type, STR("response.output_text.annotation.added")))
        responses_citation_add(events, json_member(root, "annotation"));
    if (str_eq(type, STR("response.refusal.delta"))) responses_text_add(events, message_event_refusal, delta);
    if (str_eq(type, STR("response.reasoning_summary_text.delta")) ||
        str_eq(type, STR("response.reasoning_text.delta")))
        responses_text_add(events, message_event_reasoning, delta);
    if (str_eq(type, STR("response.output_item.added"))) item_add(reader, events, json_member(root, "item"), false);
    if (str_eq(type, STR("response.output_item.done"))) item_add(reader, events, json_member(root, "item"), true);
    if (str_eq(type, STR("response.function_call_arguments.delta")) && reader->tools && delta.len)
        responses_arguments_add(reader, events, delta);
    if (str_eq(type, STR("response.custom_tool_call_input.delta")) && reader->custom && delta.len)
        custom_delta_add(reader, events, delta);
    if (str_eq(type, STR("response.completed")) || str_eq(type, STR("response.incomplete")))
        responses_end_add(reader, events, response);
    if (str_eq(type, STR("response.failed")) || str_eq(type, STR("error"))) responses_error_add(events, root);
    if (str_ends(type, STR(".delta")) && !events->count)
        events->unread = json_kind(json_member(root, "delta")) == json_string ? delta.len : data.len;
    return true;
}

/* -- written -- */

static void responses_frame_begin(struct writer *writer, struct text *text, const char *type) {
    text_printf(text, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%llu", type, type,
                (unsigned long long)writer->sequence++);
}

static void responses_frame_end(struct text *text) { text_put(text, STR("}\n\n")); }

static const char *const prefixes[] = {"", "msg", "msg", "rs", "fc", "ctc"};

static void id_put(const struct writer *writer, const struct codec_caller *caller, struct text *text) {
    CHECKF(writer->started && writer->open != item_none && writer->open <= item_custom, "open=%d", (int)writer->open);
    text_printf(text, "\"%s_%.*s_%u\"", prefixes[writer->open], STR_ARG(caller->request_id), writer->index);
}

static void place_put(const struct writer *writer, const struct codec_caller *caller, struct text *text) {
    text_put(text, STR(",\"item_id\":"));
    id_put(writer, caller, text);
    text_json_u64(text, STR("output_index"), writer->index);
    if (writer->open == item_message || writer->open == item_refusal) text_put(text, STR(",\"content_index\":0"));
    if (writer->open == item_reasoning) text_put(text, STR(",\"summary_index\":0"));
}

static void responses_write_part(const struct writer *writer, struct str said, struct text *text) {
    text_put(text, writer->open == item_refusal     ? STR("{\"type\":\"refusal\",\"refusal\":")
                   : writer->open == item_reasoning ? STR("{\"type\":\"summary_text\",\"text\":")
                                                    : STR("{\"type\":\"output_text\",\"text\":"));
    text_put_json(text, said);
    if (writer->open == item_message) {
        text_put(text, STR(",\"annotations\":["));
        text_put(text, text_str(&writer->cited));
        text_put(text, STR("],\"logprobs\":[]"));
    }
    text_put_byte(text, '}');
}

static void responses_stream_item_put(const struct writer *writer, const struct codec_caller *caller, bool done,
                                      struct text *text) {
    text_put(text, STR("{\"id\":"));
    id_put(writer, caller, text);
    switch (writer->open) {
    case item_call:
    case item_custom:
        text_json_str(text, STR("type"), writer->open == item_custom ? STR("custom_tool_call") : STR("function_call"));
        text_json_str(text, STR("status"), done ? STR("completed") : STR("in_progress"));
        text_json_str(text, STR("call_id"), writer->call_id);
        text_json_str(text, STR("name"), writer->name);
        text_json_key(text, writer->open == item_custom ? STR("input") : STR("arguments"));
        text_put_json(text, done ? text_str(&writer->said) : STR(""));
        break;
    case item_reasoning:
        text_put(text, STR(",\"type\":\"reasoning\",\"summary\":["));
        if (done) responses_write_part(writer, text_str(&writer->said), text);
        text_put_byte(text, ']');
        break;
    default:
        text_put(text, STR(",\"type\":\"message\""));
        text_json_str(text, STR("status"), done ? STR("completed") : STR("in_progress"));
        text_put(text, STR(",\"role\":\"assistant\",\"content\":["));
        if (done) responses_write_part(writer, text_str(&writer->said), text);
        text_put_byte(text, ']');
    }
    text_put_byte(text, '}');
}

static void responses_write_start(struct writer *writer, const struct codec_caller *caller, struct arena *keep,
                                  struct text *text) {
    static const char *const types[] = {"response.created", "response.in_progress"};
    if (writer->started) return;
    writer->started = true;
    writer->said = text_in_arena(keep, 256);
    writer->output = text_in_arena(keep, 256);
    writer->cited = text_in_arena(keep, 16);
    writer->arguments = text_in_arena(keep, 16);
    writer->created_s = caller->now_s;
    for (size_t i = 0; i < 2; i++) {
        responses_frame_begin(writer, text, types[i]);
        text_json_key(text, STR("response"));
        responses_write_object(text, caller,
                               &(struct responses_object){.model = writer->model,
                                                          .status = STR("in_progress"),
                                                          .created_s = writer->created_s});
        responses_frame_end(text);
    }
}

static void responses_write_done(struct writer *writer, const struct codec_caller *caller, const char *type,
                                 struct str name, struct text *text) {
    responses_frame_begin(writer, text, type);
    place_put(writer, caller, text);
    text_json_str(text, name, text_str(&writer->said));
    if (writer->open == item_message) text_put(text, STR(",\"logprobs\":[]"));
    responses_frame_end(text);
}

/* One of the open item. */
static void responses_delta_put(struct writer *writer, const struct codec_caller *caller, struct str said,
                                struct text *text) {
    static const char *const types[] = {NULL,
                                        "response.output_text.delta",
                                        "response.refusal.delta",
                                        "response.reasoning_summary_text.delta",
                                        "response.function_call_arguments.delta",
                                        "response.custom_tool_call_input.delta"};
    responses_frame_begin(writer, text, types[writer->open]);
    place_put(writer, caller, text);
    text_json_str(text, STR("delta"), said);
    if (writer->open == item_message) text_put(text, STR(",\"logprobs\":[]"));
    responses_frame_end(text);
    text_put(&writer->said, said);
}

/* Arguments that did not begin as they should are read whole. */
static void custom_rest_write(struct writer *writer, const struct codec_caller *caller, struct text *text) {
    bool read = writer->input.state != custom_before && writer->input.state != custom_other;
    if (!read && writer->arguments.len)
        responses_delta_put(writer, caller, custom_tool_input(text_str(&writer->arguments), text->arena), text);
    writer->arguments.len = 0;
}

static void item_close(struct writer *writer, const struct codec_caller *caller, struct text *text) {
    static const char *const done[] = {NULL,
                                       "response.output_text.done",
                                       "response.refusal.done",
                                       "response.reasoning_summary_text.done",
                                       "response.function_call_arguments.done",
                                       "response.custom_tool_call_input.done"};
    static const char *const part_done[] = {
        NULL, "response.content_part.done", "response.content_part.done", "response.reasoning_summary_part.done", NULL,
        NULL};
    static const struct str names[] = {STR(""),     STR("text"),      STR("refusal"),
                                       STR("text"), STR("arguments"), STR("input")};
    if (writer->open == item_none) return;
    if (writer->open == item_custom) custom_rest_write(writer, caller, text);
    if (writer->open == item_call && writer->said.len == 0) text_put(&writer->said, STR("{}"));
    responses_write_done(writer, caller, done[writer->open], names[writer->open], text);
    if (part_done[writer->open]) {
        responses_frame_begin(writer, text, part_done[writer->open]);
        place_put(writer, caller, text);
        text_json_key(text, STR("part"));
        responses_write_part(writer, text_str(&writer->said), text);
        responses_frame_end(text);
    }
    responses_frame_begin(writer, text, "response.output_item.done");
    text_json_u64(text, STR("output_index"), writer->index);
    text_json_key(text, STR("item"));
    responses_stream_item_put(writer, caller, true, text);
    responses_frame_end(text);
    if (writer->output.len) text_put_byte(&writer->output, ',');
    responses_stream_item_put(writer, caller, true, &writer->output);
    CHECKF((writer->citations > 0) <= (writer->open == item_message), "citations=%u", writer->citations);
    writer->said.len = writer->cited.len = writer->citations = 0;
    writer->index++;
    writer->open = item_none;
}

static void item_open(struct writer *writer, const struct codec_caller *caller, enum item kind, struct arena *keep,
                      struct text *text) {
    responses_write_start(writer, caller, keep, text);
    item_close(writer, caller, text);
    CHECKF(kind != item_none && writer->open == item_none, "kind=%d open=%d", (int)kind, (int)writer->open);
    CHECKF(writer->said.len == 0 && writer->cited.len == 0, "said=%zu",
           writer->said.len); /* nothing is left of the last */
    writer->open = kind;
    responses_frame_begin(writer, text, "response.output_item.added");
    text_json_u64(text, STR("output_index"), writer->index);
    text_json_key(text, STR("item"));
    responses_stream_item_put(writer, caller, false, text);
    responses_frame_end(text);
    if (kind == item_call || kind == item_custom) return;
    responses_frame_begin(
        writer, text, kind == item_reasoning ? "response.reasoning_summary_part.added" : "response.content_part.added");
    place_put(writer, caller, text);
    text_json_key(text, STR("part"));
    responses_write_part(writer, STR(""), text);
    responses_frame_end(text);
}

static void responses_write_delta(struct writer *writer, const struct codec_caller *caller, enum item kind,
                                  struct str said, struct arena *keep, struct text *text) {
    if (writer->open != kind) item_open(writer, caller, kind, keep, text);
    responses_delta_put(writer, caller, said, text);
}

/* A fragment of the arguments that stand for a custom tool's input. */
static void custom_write(struct writer *writer, const struct codec_caller *caller, struct str fragment,
                         struct text *text) {
    struct text input = text_in_arena(text->arena, fragment.len + 8);
    bool read = writer->input.state != custom_before && writer->input.state != custom_other;
    if (!read) text_put(&writer->arguments, fragment);
    custom_input_feed(&writer->input, fragment, &input);
    text->failed |= input.failed;
    if (input.len) responses_delta_put(writer, caller, text_str(&input), text);
}

static void responses_write_citation(struct writer *writer, const struct codec_caller *caller,
                                     const struct message_event *event, struct arena *keep, struct text *text) {
    struct message_part part = {.citations = (struct message_citation *)&event->citation, .citation_count = 1};
    if (!event->citation.url.at) return;
    if (writer->open != item_message) item_open(writer, caller, item_message, keep, text);
    if (writer->cited.len) text_put_byte(&writer->cited, ',');
    responses_write_annotations(&writer->cited, &part);
    responses_frame_begin(writer, text, "response.output_text.annotation.added");
    place_put(writer, caller, text);
    text_json_u64(text, STR("annotation_index"), writer->citations++);
    text_json_key(text, STR("annotation"));
    responses_write_annotations(text, &part);
    responses_frame_end(text);
}

static void call_open(struct writer *writer, const struct codec_caller *caller, const struct message_event *event,
                      struct arena *keep, struct text *text) {
    responses_write_start(writer, caller, keep, text);
    item_close(writer, caller, text);
    writer->tool = event->tool;
    writer->name = arena_copy(keep, event->name);
    writer->call_id = event->id.len ? arena_copy(keep, event->id)
                                    : arena_printf(keep, "call_%.*s_%u", STR_ARG(caller->request_id), event->tool);
    writer->input = (struct custom_input){.state = custom_before};
    item_open(writer, caller, message_is_custom(caller->asked, writer->name) ? item_custom : item_call, keep, text);
}

static void responses_write_end(struct writer *writer, const struct codec_caller *caller, struct arena *keep,
                                struct text *text) {
    bool cut = writer->finish == finish_length || writer->finish == finish_content_filter;
    responses_write_start(writer, caller, keep, text);
    item_close(writer, caller, text);
    if (writer->over) return;
    writer->over = true;
    if (!writer->has_usage) writer->usage = USAGE_NONE;
    responses_frame_begin(writer, text, cut ? "response.incomplete" : "response.completed");
    text_json_key(text, STR("response"));
    responses_write_object(text, caller,
                           &(struct responses_object){.model = writer->model,
                                                      .status = cut ? STR("incomplete") : STR("completed"),
                                                      .output = text_str(&writer->output),
                                                      .created_s = writer->created_s,
                                                      .finish = writer->finish,
                                                      .usage = &writer->usage});
    responses_frame_end(text);
}

static void responses_write_error(struct writer *writer, const struct message_event *event, struct text *text) {
    if (event->sequence > writer->sequence) writer->sequence = event->sequence;
    responses_frame_begin(writer, text, "error");
    text_json_str(text, STR("code"), message_event_error_facts(event)->name);
    text_json_str(text, STR("message"), event->text);
    text_put(text, STR(",\"param\":null"));
    responses_frame_end(text);
}

void responses_write_event(void *writer_state, const struct message_event *event, const struct codec_caller *caller,
                           struct arena *keep, struct text *text) {
    struct writer *writer = writer_state;
    usage_keep(&writer->usage, &writer->has_usage, &event->usage);
    if (event->choice > 0) return;
    switch (event->kind) {
    case message_event_begin:
        writer->model = arena_copy(keep, event->model);
        responses_write_start(writer, caller, keep, text);
        break;
    case message_event_text: responses_write_delta(writer, caller, item_message, event->text, keep, text); break;
    case message_event_refusal: responses_write_delta(writer, caller, item_refusal, event->text, keep, text); break;
    case message_event_reasoning:
        if (caller->show_reasoning) responses_write_delta(writer, caller, item_reasoning, event->text, keep, text);
        break;
    case message_event_citation: responses_write_citation(writer, caller, event, keep, text); break;
    case message_event_tool: call_open(writer, caller, event, keep, text); break;
    case message_event_arguments:
        if (writer->open == item_call && writer->tool == event->tool)
            responses_write_delta(writer, caller, item_call, event->text, keep, text);
        if (writer->open == item_custom && writer->tool == event->tool) custom_write(writer, caller, event->text, text);
        break;
    case message_event_finish: writer->finish = event->finish; break;
    case message_event_error: responses_write_error(writer, event, text); break;
    case message_event_end: responses_write_end(writer, caller, keep, text); break;
    default: break;
    }
    text->failed |= writer->said.failed || writer->output.failed || writer->cited.failed || writer->arguments.failed;
}
