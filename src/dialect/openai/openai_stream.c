/* openai_stream.c - streams of chat chunks: every vendor's read, OpenAI's written. */
#include <string.h>

#include "dialect/openai/openai_codec.h"

enum { choices_most = 64, calls_most = 256 };

/* Most vendors number calls by `index`; some leave it out, start anew at another number, or give every whole call
 * number 0 and an id of its own. */
struct call {
    int64_t index; /* as said; -1: none */
    struct str id; /* empty: none said */
    unsigned choice, tool;
};

struct reader {
    bool begun;
    unsigned tools[choices_most]; /* calls that have begun, by choice */
    struct call *calls;           /* of all choices, as they began */
    unsigned call_count;
};

struct writer {
    struct str id, model;
    uint64_t begun; /* bit per choice: its role has been said */
    struct usage usage;
    bool has_usage;
};

_Static_assert(sizeof(struct reader) <= openai_reader_bytes && sizeof(struct writer) <= openai_writer_bytes,
               "the states fit");

/* -- read -- */

static struct message_event *openai_add(struct message_events *events, enum message_event_kind kind, unsigned choice) {
    struct message_event *event = message_event_add(events, kind);
    event->choice = choice;
    event->of = dialect_openai;
    return event;
}

static void openai_text_add(struct message_events *events, enum message_event_kind kind, unsigned choice,
                            struct str text) {
    if (text.len) openai_add(events, kind, choice)->text = text;
}

static void content_add(struct message_events *events, unsigned choice, const struct json_value *content) {
    size_t count = 0;
    if (json_kind(content) == json_string) {
        openai_text_add(events, message_event_text, choice, json_str(content, STR("")));
        return;
    }
    struct message_part *parts = openai_read_parts(content, events->arena, &count);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == part_text) openai_text_add(events, message_event_text, choice, parts[i].text);
        if (parts[i].kind == part_reasoning) openai_text_add(events, message_event_reasoning, choice, parts[i].text);
    }
}

static void openai_citations_add(struct message_events *events, unsigned choice, const struct json_value *list) {
    struct message_part part = {.citation_count = 0};
    openai_read_citations(list, events->arena, &part);
    for (size_t i = 0; i < part.citation_count; i++)
        openai_add(events, message_event_citation, choice)->citation = part.citations[i];
}

static struct call *call_find(const struct reader *reader, unsigned choice, int64_t index, struct str id) {
    for (unsigned i = reader->call_count; i-- > 0;) {
        struct call *call = &reader->calls[i];
        if (call->choice != choice || (index >= 0 && call->index != index)) continue;
        return !id.len || !call->id.len || str_eq(call->id, id) ? call : NULL;
    }
    return NULL;
}

static struct call *openai_call_begin(struct reader *reader, unsigned choice, int64_t index, struct str id,
                                      struct arena *keep) {
    if (!reader->calls) reader->calls = arena_take(keep, calls_most * sizeof *reader->calls);
    if (!reader->calls || reader->call_count == calls_most) return NULL;
    struct call *call = &reader->calls[reader->call_count++];
    *call =
        (struct call){.index = index, .id = arena_copy(keep, id), .choice = choice, .tool = reader->tools[choice]++};
    return call;
}

static void openai_call_add(struct reader *reader, struct message_events *events, unsigned choice,
                            const struct json_value *value, int64_t index, struct arena *keep) {
    const struct json_value *function = json_member(value, "function");
    struct str id = json_member_str(value, "id"), fragment = json_member_str(function, "arguments");
    struct call *call = call_find(reader, choice, index, id);
    if (!call) { /* its first fragment */
        call = openai_call_begin(reader, choice, index, id, keep);
        if (!call) {
            events->failed = true;
            return;
        }
        struct message_event *event = openai_add(events, message_event_tool, choice);
        event->tool = call->tool;
        event->id = id;
        event->name = json_member_str(function, "name");
    }
    if (!fragment.len) return;
    struct message_event *event = openai_add(events, message_event_arguments, choice);
    event->tool = call->tool;
    event->text = fragment;
}

static void choice_add(struct reader *reader, struct message_events *events, const struct json_value *value,
                       struct arena *keep) {
    const struct json_value *delta = json_member(value, "delta"), *calls = json_member(delta, "tool_calls");
    int64_t said = json_i64(json_member(value, "index"), 0);
    unsigned choice = said >= 0 && said < choices_most ? (unsigned)said : 0;
    struct str reasoning = json_str(json_member(delta, "reasoning_content"), json_member_str(delta, "reasoning"));
    openai_text_add(events, message_event_reasoning, choice, reasoning);
    content_add(events, choice, json_member(delta, "content"));
    openai_text_add(events, message_event_refusal, choice, json_member_str(delta, "refusal"));
    openai_citations_add(events, choice, json_member(delta, "annotations"));
    size_t place = 0;
    for (const struct json_value *call; (call = json_each(calls, &place, NULL));)
        openai_call_add(reader, events, choice, call, json_i64(json_member(call, "index"), -1), keep);
    if (json_kind(json_member(delta, "function_call")) == json_object) {
        struct message_event *event;
        const struct json_value *old = json_member(delta, "function_call");
        if (reader->tools[choice] == 0) {
            event = openai_add(events, message_event_tool, choice);
            event->name = json_member_str(old, "name");
            reader->tools[choice] = 1;
        }
        openai_text_add(events, message_event_arguments, choice, json_member_str(old, "arguments"));
    }
    if (json_kind(json_member(value, "logprobs")) == json_object)
        openai_text_add(events, message_event_logprobs, choice,
                        json_raw(json_member(value, "logprobs"), events->arena));
    struct str finish = json_member_str(value, "finish_reason");
    if (finish.len) openai_add(events, message_event_finish, choice)->finish = openai_read_finish(finish);
}

static void openai_error_add(struct message_events *events, struct str data) {
    struct openai_error said;
    openai_skim_error(data, events->arena, &said);
    struct message_event *event = openai_add(events, message_event_error, 0);
    event->text = said.message;
    event->name = said.code.len ? said.code : said.type;
    event->type = said.type;
}

bool openai_read_event(void *reader_state, struct str event, struct str data, struct arena *keep,
                       const struct codec_quirks *quirks, struct message_events *events) {
    struct reader *reader = reader_state;
    const struct json_value *root;
    struct error error;
    struct usage usage = USAGE_NONE;
    struct meter meter = {.said = false};
    (void)quirks;
    usage.meter = &meter;
    enum openai_event_kind kind = openai_skim_event(event, data, &usage);
    usage.meter = NULL;
    if ((meter.said || meter.miss) && usage_meter(&usage, events->arena)) *usage.meter = meter;
    if (kind == openai_event_done) {
        openai_add(events, message_event_end, 0);
        return true;
    }
    if (kind == openai_event_error) {
        openai_error_add(events, data);
        return true;
    }
    if (kind == openai_event_malformed || !codec_parse(data, events->arena, &root, &error)) return false;
    if (!reader->begun) {
        struct message_event *begin = openai_add(events, message_event_begin, 0);
        begin->id = json_member_str(root, "id");
        begin->model = json_member_str(root, "model");
        reader->begun = true;
    }
    const struct json_value *choices = json_member(root, "choices");
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(choices, &place, NULL));) choice_add(reader, events, at, keep);
    if (usage_is_known(&usage))
        openai_add(events, message_event_usage, 0)->usage = usage;
    else if (usage.meter && events->count && !events->failed) /* the tier, in each chunk */
        events->list[events->count - 1].usage.meter = usage.meter;
    return true;
}

/* -- written -- */

static void chunk_begin(const struct writer *writer, const struct codec_caller *caller, struct text *text) {
    text_put(text, STR("data: {"));
    text_json_key(text, STR("id"));
    if (writer->id.len)
        text_put_json(text, writer->id);
    else
        text_printf(text, "\"chatcmpl-%.*s\"", STR_ARG(caller->request_id));
    text_put(text, STR(",\"object\":\"chat.completion.chunk\""));
    text_json_i64(text, STR("created"), caller->now_s);
    text_json_str(text, STR("model"), writer->model.len ? writer->model : caller->model);
    text_json_key(text, STR("choices"));
    text_put_byte(text, '[');
}

static void openai_delta_begin(const struct writer *writer, const struct codec_caller *caller, unsigned choice,
                               struct text *text) {
    chunk_begin(writer, caller, text);
    text_put_byte(text, '{');
    text_json_u64(text, STR("index"), choice);
    text_json_key(text, STR("delta"));
    text_put_byte(text, '{');
}

static void chunk_end(struct text *text, const struct codec_caller *caller) {
    text_put(text, caller->include_usage ? STR("],\"usage\":null}\n\n") : STR("]}\n\n"));
}

static void delta_end(struct text *text, const struct codec_caller *caller) {
    text_put(text, STR("},\"finish_reason\":null}"));
    chunk_end(text, caller);
}

/* The role comes first, once a choice. */
static void role_put(struct writer *writer, const struct codec_caller *caller, unsigned choice, struct text *text) {
    if (choice >= choices_most || writer->begun >> choice & 1) return;
    writer->begun |= UINT64_C(1) << choice;
    openai_delta_begin(writer, caller, choice, text);
    text_put(text, STR("\"role\":\"assistant\",\"content\":\"\""));
    delta_end(text, caller);
}

static void openai_write_delta(struct writer *writer, const struct codec_caller *caller,
                               const struct message_event *event, struct str name, struct text *text) {
    role_put(writer, caller, event->choice, text);
    openai_delta_begin(writer, caller, event->choice, text);
    text_json_str(text, name, event->text);
    delta_end(text, caller);
}

static void openai_write_call(struct writer *writer, const struct codec_caller *caller,
                              const struct message_event *event, struct text *text) {
    role_put(writer, caller, event->choice, text);
    openai_delta_begin(writer, caller, event->choice, text);
    text_put(text, STR("\"tool_calls\":[{"));
    text_json_u64(text, STR("index"), event->tool);
    if (event->kind == message_event_tool) {
        text_json_key(text, STR("id"));
        if (event->id.len)
            text_put_json(text, event->id);
        else
            text_printf(text, "\"call_%.*s_%u\"", STR_ARG(caller->request_id), event->tool);
        text_json_str(text, STR("type"), STR("function"));
    }
    text_json_key(text, STR("function"));
    text_put_byte(text, '{');
    if (event->kind == message_event_tool) text_json_str(text, STR("name"), event->name);
    text_json_str(text, STR("arguments"), event->kind == message_event_tool ? STR("") : event->text);
    text_put(text, STR("}}]"));
    delta_end(text, caller);
}

static void openai_write_finish(struct writer *writer, const struct codec_caller *caller,
                                const struct message_event *event, struct text *text) {
    role_put(writer, caller, event->choice, text);
    chunk_begin(writer, caller, text);
    text_put_byte(text, '{');
    text_json_u64(text, STR("index"), event->choice);
    text_put(text, STR(",\"delta\":{}"));
    text_json_str(text, STR("finish_reason"), openai_finish_name(event->finish));
    text_put_byte(text, '}');
    chunk_end(text, caller);
}

static void openai_stream_end_put(const struct writer *writer, const struct codec_caller *caller, struct text *text) {
    if (caller->include_usage && writer->has_usage && usage_is_known(&writer->usage)) {
        chunk_begin(writer, caller, text);
        text_put_byte(text, ']');
        openai_write_usage(text, &writer->usage);
        text_put(text, STR("}\n\n"));
    }
    text_put(text, STR("data: [DONE]\n\n"));
}

static void openai_write_citation(struct writer *writer, const struct codec_caller *caller,
                                  const struct message_event *event, struct text *text) {
    struct message_part part = {.citations = (struct message_citation *)&event->citation, .citation_count = 1};
    struct message_choice choice = {.parts = &part, .part_count = 1};
    if (!event->citation.url.at) return;
    role_put(writer, caller, event->choice, text);
    openai_delta_begin(writer, caller, event->choice, text);
    openai_write_annotations(text, &choice);
    delta_end(text, caller);
}

void openai_write_error_event(const struct message_event *event, struct text *text) {
    text_put(text, STR("data: {\"error\":{"));
    text_json_str(text, STR("message"), event->text);
    const struct error_facts *facts = message_event_error_facts(event);
    text_json_str(text, STR("type"), facts->openai_type);
    text_put(text, STR(",\"param\":null"));
    text_json_str(text, STR("code"), facts->name);
    text_put(text, STR("}}\n\n"));
}

void openai_write_event(void *writer_state, const struct message_event *event, const struct codec_caller *caller,
                        struct arena *keep, struct text *text) {
    struct writer *writer = writer_state;
    usage_keep(&writer->usage, &writer->has_usage, &event->usage);
    switch (event->kind) {
    case message_event_begin:
        writer->id = arena_copy(keep, event->id);
        writer->model = arena_copy(keep, event->model);
        return;
    case message_event_text: openai_write_delta(writer, caller, event, STR("content"), text); return;
    case message_event_refusal: openai_write_delta(writer, caller, event, STR("refusal"), text); return;
    case message_event_reasoning:
        if (caller->show_reasoning) openai_write_delta(writer, caller, event, STR("reasoning_content"), text);
        return;
    case message_event_tool:
    case message_event_arguments: openai_write_call(writer, caller, event, text); return;
    case message_event_finish: openai_write_finish(writer, caller, event, text); return;
    case message_event_error: openai_write_error_event(event, text); return;
    case message_event_end: openai_stream_end_put(writer, caller, text); return;
    case message_event_signature:
    case message_event_citation: openai_write_citation(writer, caller, event, text); return;
    case message_event_logprobs:
    case message_event_usage:
    case message_event_kinds: return;
    }
}
