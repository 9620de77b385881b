/* anthropic_stream.c - streams of Messages events. Theirs opens and closes one block at a time, with rising indexes;
 * the canonical stream numbers tool calls alone. */
#include <string.h>

#include "base/check.h"
#include "dialect/anthropic/anthropic.h"
#include "dialect/cache_miss.h"

struct reader {
    unsigned tools;     /* calls that have begun */
    int64_t tool_block; /* the index of the block that is a tool's; -1 with tools 0 */
};

enum block { block_none, block_text, block_thinking, block_tool };

struct writer {
    bool started, finished;
    enum block open;
    unsigned index, tool; /* of the open block; of the open call */
    enum message_finish finish;
    struct str stop_sequence, id, model;
    struct usage usage;
    bool has_usage;
};

_Static_assert(sizeof(struct reader) <= anthropic_reader_bytes && sizeof(struct writer) <= anthropic_writer_bytes,
               "the states fit");

/* -- read -- */

static void begin_add(struct message_events *events, const struct json_value *message) {
    struct message_event *begin = message_event_add(events, message_event_begin);
    begin->id = json_member_str(message, "id");
    begin->model = json_member_str(message, "model");
    anthropic_read_usage(json_member(message, "usage"), events->arena, &begin->usage);
    cache_miss_take(json_member(json_member(message, "diagnostics"), "cache_miss_reason"), events->arena,
                    &begin->usage);
}

static void anthropic_text_add(struct message_events *events, enum message_event_kind kind, struct str text) {
    if (!text.len) return;
    struct message_event *event = message_event_add(events, kind);
    event->text = text;
    event->of = dialect_anthropic;
}

/* Some may be long, and come before all text: a search's results. */
static bool is_other(struct str type, const struct str *known, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(type, known[i])) return false;
    return true;
}

static void anthropic_block_add(struct reader *reader, struct message_events *events, const struct json_value *root) {
    const struct json_value *block = json_member(root, "content_block");
    static const struct str known[] = {STR("text"), STR("thinking"), STR("redacted_thinking"), STR("tool_use")};
    struct str type = json_member_str(block, "type");
    events->progress = is_other(type, known, sizeof known / sizeof *known);
    if (str_eq(type, STR("text"))) anthropic_text_add(events, message_event_text, json_member_str(block, "text"));
    if (str_eq(type, STR("thinking")))
        anthropic_text_add(events, message_event_reasoning, json_member_str(block, "thinking"));
    if (str_eq(type, STR("redacted_thinking"))) {
        struct message_event *event = message_event_add(events, message_event_signature);
        event->data = json_member_str(block, "data");
        event->of = dialect_anthropic;
    }
    if (!str_eq(type, STR("tool_use"))) return;
    struct message_event *event = message_event_add(events, message_event_tool);
    event->tool = reader->tools++;
    event->id = json_member_str(block, "id");
    event->name = json_member_str(block, "name");
    reader->tool_block = json_i64(json_member(root, "index"), -1);
    if (json_count(json_member(block, "input")) == 0) return; /* it comes in fragments */
    unsigned tool = event->tool;
    struct message_event *whole = message_event_add(events, message_event_arguments);
    whole->tool = tool;
    whole->text = json_raw(json_member(block, "input"), events->arena);
}

static void anthropic_citation_add(struct message_events *events, const struct json_value *citation) {
    struct message_event *event = message_event_add(events, message_event_citation);
    event->citation.url = json_member_str(citation, "url");
    event->citation.title = json_str(json_member(citation, "title"), json_member_str(citation, "document_title"));
    event->citation.cited_text = json_member_str(citation, "cited_text");
    event->citation.raw = json_raw(citation, events->arena);
    event->of = dialect_anthropic;
}

static void delta_add(struct reader *reader, struct message_events *events, const struct json_value *root) {
    const struct json_value *delta = json_member(root, "delta");
    static const struct str known[] = {STR("text_delta"), STR("thinking_delta"), STR("signature_delta"),
                                       STR("citations_delta"), STR("input_json_delta")};
    struct str type = json_member_str(delta, "type");
    events->progress = is_other(type, known, sizeof known / sizeof *known);
    if (str_eq(type, STR("text_delta"))) anthropic_text_add(events, message_event_text, json_member_str(delta, "text"));
    if (str_eq(type, STR("thinking_delta")))
        anthropic_text_add(events, message_event_reasoning, json_member_str(delta, "thinking"));
    if (str_eq(type, STR("signature_delta")))
        anthropic_text_add(events, message_event_signature, json_member_str(delta, "signature"));
    if (str_eq(type, STR("citations_delta"))) anthropic_citation_add(events, json_member(delta, "citation"));
    if (!str_eq(type, STR("input_json_delta")) || reader->tools == 0) return;
    if (json_i64(json_member(root, "index"), reader->tool_block) != reader->tool_block) return; /* a server tool's */
    struct str fragment = json_member_str(delta, "partial_json");
    if (!fragment.len) return;
    struct message_event *event = message_event_add(events, message_event_arguments);
    CHECK(reader->tools > 0); /* fragments are of a call that has begun */
    event->tool = reader->tools - 1;
    event->text = fragment;
}

static void anthropic_finish_add(struct message_events *events, const struct json_value *root) {
    const struct json_value *delta = json_member(root, "delta"), *counts = json_member(root, "usage");
    struct str reason = json_member_str(delta, "stop_reason");
    if (reason.len) {
        struct message_event *finish = message_event_add(events, message_event_finish);
        finish->finish = anthropic_read_finish(reason);
        finish->stop_sequence = json_member_str(delta, "stop_sequence");
    }
    if (json_kind(counts) != json_object) return;
    struct message_event *told = message_event_add(events, message_event_usage);
    anthropic_read_usage(counts, events->arena, &told->usage);
    told->iterations = json_raw(json_member(counts, "iterations"), events->arena);
}

bool anthropic_read_event(void *reader_state, struct str event, struct str data, struct arena *keep,
                          const struct codec_quirks *quirks, struct message_events *events) {
    struct reader *reader = reader_state;
    const struct json_value *root;
    struct error error;
    (void)event;
    (void)keep;
    (void)quirks;
    if (!codec_parse(data, events->arena, &root, &error)) return false;
    struct str type = json_member_str(root, "type");
    if (str_eq(type, STR("message_start"))) begin_add(events, json_member(root, "message"));
    if (str_eq(type, STR("content_block_start"))) anthropic_block_add(reader, events, root);
    if (str_eq(type, STR("content_block_delta"))) delta_add(reader, events, root);
    if (str_eq(type, STR("message_delta"))) anthropic_finish_add(events, root);
    if (str_eq(type, STR("message_stop"))) message_event_add(events, message_event_end);
    if (str_eq(type, STR("error"))) {
        struct message_event *said = message_event_add(events, message_event_error);
        said->text = json_member_str(json_member(root, "error"), "message");
        said->name = json_member_str(json_member(root, "error"), "type");
        said->status = anthropic_error_status(said->name);
    }
    return true;
}

/* -- written -- */

static void anthropic_frame_begin(struct text *text, struct str type) {
    text_put(text, STR("event: "));
    text_put(text, type);
    text_put(text, STR("\ndata: {"));
    text_json_str(text, STR("type"), type);
}

static void anthropic_frame_end(struct text *text) { text_put(text, STR("}\n\n")); }

static void anthropic_write_start(struct writer *writer, const struct codec_caller *caller, struct text *text) {
    if (writer->started) return;
    writer->started = true;
    if (!writer->has_usage) writer->usage = USAGE_NONE;
    anthropic_frame_begin(text, STR("message_start"));
    text_put(text, STR(",\"message\":{"));
    text_json_key(text, STR("id"));
    if (writer->id.len)
        text_put_json(text, writer->id);
    else
        text_printf(text, "\"msg_%.*s\"", STR_ARG(caller->request_id));
    text_put(text, STR(",\"type\":\"message\",\"role\":\"assistant\""));
    text_json_str(text, STR("model"), writer->model.len ? writer->model : caller->model);
    text_put(text, STR(",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null"));
    anthropic_write_usage(text, &writer->usage);
    text_put_byte(text, '}');
    anthropic_frame_end(text);
}

static void block_end(struct writer *writer, struct text *text) {
    if (writer->open == block_none) return;
    anthropic_frame_begin(text, STR("content_block_stop"));
    text_json_u64(text, STR("index"), writer->index++);
    anthropic_frame_end(text);
    writer->open = block_none;
}

static void anthropic_stream_block_begin(struct writer *writer, const struct codec_caller *caller, enum block kind,
                                         struct text *text) {
    anthropic_write_start(writer, caller, text);
    block_end(writer, text);
    CHECKF(kind != block_none && writer->open == block_none, "kind=%d open=%d", (int)kind, (int)writer->open);
    writer->open = kind;
    anthropic_frame_begin(text, STR("content_block_start"));
    text_json_u64(text, STR("index"), writer->index);
    text_json_key(text, STR("content_block"));
}

static void anthropic_delta_begin(struct writer *writer, struct str type, struct text *text) {
    CHECK(writer->started && writer->open != block_none); /* what is told is told of the block that is open */
    anthropic_frame_begin(text, STR("content_block_delta"));
    text_json_u64(text, STR("index"), writer->index);
    text_json_key(text, STR("delta"));
    text_put_byte(text, '{');
    text_json_str(text, STR("type"), type);
}

static void anthropic_write_delta(struct writer *writer, const struct codec_caller *caller, enum block kind,
                                  struct str type, struct str name, struct str value, struct text *text) {
    CHECKF(kind == block_text || kind == block_thinking, "kind=%d", (int)kind);
    if (writer->open != kind) {
        anthropic_stream_block_begin(writer, caller, kind, text);
        text_put(text, kind == block_text ? STR("{\"type\":\"text\",\"text\":\"\"}")
                                          : STR("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
        anthropic_frame_end(text);
    }
    anthropic_delta_begin(writer, type, text);
    text_json_str(text, name, value);
    text_put_byte(text, '}');
    anthropic_frame_end(text);
}

static void anthropic_write_tool(struct writer *writer, const struct codec_caller *caller,
                                 const struct message_event *event, struct text *text) {
    anthropic_stream_block_begin(writer, caller, block_tool, text);
    writer->tool = event->tool;
    text_put(text, STR("{\"type\":\"tool_use\""));
    text_json_key(text, STR("id"));
    if (event->id.len)
        text_put_json(text, event->id);
    else
        text_printf(text, "\"toolu_%.*s_%u\"", STR_ARG(caller->request_id), event->tool);
    text_json_str(text, STR("name"), event->name);
    text_put(text, STR(",\"input\":{}}"));
    anthropic_frame_end(text);
}

static void redacted_put(struct writer *writer, const struct codec_caller *caller, const struct message_event *event,
                         struct text *text) {
    anthropic_stream_block_begin(writer, caller, block_thinking, text);
    text_put(text, STR("{\"type\":\"redacted_thinking\""));
    text_json_str(text, STR("data"), event->data);
    text_put_byte(text, '}');
    anthropic_frame_end(text);
    block_end(writer, text);
}

static void anthropic_stream_citation_put(struct writer *writer, const struct codec_caller *caller,
                                          const struct message_event *event, struct text *text) {
    if (!event->citation.url.at && !event->citation.raw.at) return;
    if (writer->open != block_text) {
        anthropic_stream_block_begin(writer, caller, block_text, text);
        text_put(text, STR("{\"type\":\"text\",\"text\":\"\"}"));
        anthropic_frame_end(text);
    }
    anthropic_delta_begin(writer, STR("citations_delta"), text);
    text_json_key(text, STR("citation"));
    anthropic_write_citation(text, &event->citation);
    text_put_byte(text, '}');
    anthropic_frame_end(text);
}

/* The end of the answer: the finish and the counts, which may come apart, in one event. */
static void anthropic_write_finish(struct writer *writer, const struct codec_caller *caller, struct text *text) {
    anthropic_write_start(writer, caller, text);
    block_end(writer, text);
    CHECKF(writer->started && writer->open == block_none, "open=%d", (int)writer->open);
    anthropic_frame_begin(text, STR("message_delta"));
    text_json_key(text, STR("delta"));
    text_put_byte(text, '{');
    text_json_str(text, STR("stop_reason"), anthropic_finish_name(writer->finish ? writer->finish : finish_stop));
    text_json_key(text, STR("stop_sequence"));
    if (writer->stop_sequence.at)
        text_put_json(text, writer->stop_sequence);
    else
        text_put(text, STR("null"));
    text_put_byte(text, '}');
    if (!writer->has_usage) writer->usage = USAGE_NONE;
    anthropic_write_usage(text, &writer->usage);
    anthropic_frame_end(text);
    anthropic_frame_begin(text, STR("message_stop"));
    anthropic_frame_end(text);
}

void anthropic_write_event(void *writer_state, const struct message_event *event, const struct codec_caller *caller,
                           struct arena *keep, struct text *text) {
    struct writer *writer = writer_state;
    usage_keep(&writer->usage, &writer->has_usage, &event->usage);
    if (event->choice > 0) return; /* there is one answer only */
    switch (event->kind) {
    case message_event_begin:
        writer->id = arena_copy(keep, event->id);
        writer->model = arena_copy(keep, event->model);
        anthropic_write_start(writer, caller, text);
        return;
    case message_event_text:
    case message_event_refusal:
        anthropic_write_delta(writer, caller, block_text, STR("text_delta"), STR("text"), event->text, text);
        return;
    case message_event_reasoning:
        if (caller->show_reasoning)
            anthropic_write_delta(writer, caller, block_thinking, STR("thinking_delta"), STR("thinking"), event->text,
                                  text);
        return;
    case message_event_signature:
        if (event->of != dialect_anthropic || !caller->show_reasoning) return;
        if (event->data.at)
            redacted_put(writer, caller, event, text);
        else
            anthropic_write_delta(writer, caller, block_thinking, STR("signature_delta"), STR("signature"), event->text,
                                  text);
        return;
    case message_event_tool: anthropic_write_tool(writer, caller, event, text); return;
    case message_event_arguments:
        if (writer->open != block_tool || writer->tool != event->tool) return; /* calls come one after the other */
        anthropic_delta_begin(writer, STR("input_json_delta"), text);
        text_json_str(text, STR("partial_json"), event->text);
        text_put_byte(text, '}');
        anthropic_frame_end(text);
        return;
    case message_event_finish:
        writer->finish = event->finish;
        writer->stop_sequence = event->stop_sequence.at ? arena_copy(keep, event->stop_sequence) : STR_NONE;
        return;
    case message_event_error:
        text_put(text, STR("event: error\ndata: "));
        anthropic_write_error(text, event->status, event->text, caller->request_id);
        text_put(text, STR("\n\n"));
        return;
    case message_event_end: anthropic_write_finish(writer, caller, text); return;
    case message_event_citation: anthropic_stream_citation_put(writer, caller, event, text); return;
    case message_event_logprobs:
    case message_event_usage:
    case message_event_kinds: return;
    }
}
