/* gemini_reply.c - generateContent replies, whole and streamed: each event of a stream is a reply of its own with the
 * next parts. A call's arguments come whole in one part, so fragments of others are gathered first. */
#include <string.h>

#include "dialect/gemini/gemini.h"

enum { choices_most = 8 }; /* candidateCount is at most that */

struct reader {
    bool begun;
    unsigned called; /* a bit per choice */
    unsigned tools;
};

struct writer {
    unsigned frames;
    bool calling, has_usage, over;
    unsigned choices;      /* that have said something, at least one */
    unsigned call_choice;  /* whose call is gathered, or was */
    struct text arguments; /* of the call that is gathered */
    struct str id, name, signature, reply_id, model;
    enum message_finish finish[choices_most];
    struct usage usage;
};

_Static_assert(sizeof(struct reader) <= gemini_reader_bytes && sizeof(struct writer) <= gemini_writer_bytes,
               "the states fit");

static const struct finish_name finish_names[] = {
    /* the name that is written stands first */
    {STR("STOP"), finish_stop},
    {STR("STOP"), finish_stop_sequence},
    {STR("STOP"), finish_tool_calls},
    {STR("MAX_TOKENS"), finish_length},
    {STR("SAFETY"), finish_content_filter},
    {STR("OTHER"), finish_error},
    {STR("RECITATION"), finish_content_filter},
    {STR("LANGUAGE"), finish_content_filter},
    {STR("BLOCKLIST"), finish_content_filter},
    {STR("PROHIBITED_CONTENT"), finish_content_filter},
    {STR("SPII"), finish_content_filter},
    {STR("IMAGE_SAFETY"), finish_content_filter},
    {STR("IMAGE_PROHIBITED_CONTENT"), finish_content_filter},
    {STR("IMAGE_RECITATION"), finish_content_filter},
    {STR("MALFORMED_FUNCTION_CALL"), finish_error},
    {STR("UNEXPECTED_TOOL_CALL"), finish_error},
    {STR("TOO_MANY_TOOL_CALLS"), finish_error},
    {STR("NO_IMAGE"), finish_error},
};
enum { finish_name_count = sizeof finish_names / sizeof *finish_names };

/* Google's own numbers of them, which come where enums were asked for as integers. */
static const char *const finish_numbers[] = {"FINISH_REASON_UNSPECIFIED",
                                             "STOP",
                                             "MAX_TOKENS",
                                             "SAFETY",
                                             "RECITATION",
                                             "OTHER",
                                             "BLOCKLIST",
                                             "PROHIBITED_CONTENT",
                                             "SPII",
                                             "MALFORMED_FUNCTION_CALL"};

static enum message_finish gemini_read_finish(const struct json_value *reason, bool called) {
    struct str name = json_str(reason, STR(""));
    int64_t number = json_i64(reason, -1);
    if (number >= 0 && number < (int64_t)(sizeof finish_numbers / sizeof *finish_numbers))
        name = str_from(finish_numbers[number]);
    if (!name.len || str_eq(name, STR("FINISH_REASON_UNSPECIFIED"))) return finish_none;
    enum message_finish finish = finish_of_name(finish_names, finish_name_count, name);
    return called && str_eq(name, STR("STOP")) ? finish_tool_calls : finish;
}

static struct str gemini_finish_name(enum message_finish finish) {
    return finish_name_of(finish_names, finish_name_count, finish, STR("STOP"));
}

/* -- usage -- */

/* Adds the tokens of each modality; those of text and of documents cost what the rest does. */
static void modalities_note(const struct json_value *list, const enum meter_count counts[3], struct meter *meter) {
    static const struct str names[] = {STR("AUDIO"), STR("IMAGE"), STR("VIDEO")};
    size_t place = 0;
    for (const struct json_value *one; json_kind(list) == json_array && (one = json_each(list, &place, NULL));)
        for (unsigned i = 0; i < 3; i++)
            if (str_eq(json_member_str(one, "modality"), names[i]) && json_tokens(one, "tokenCount") > 0)
                meter_note(meter, counts[i], json_tokens(one, "tokenCount") + meter->count[counts[i]]);
}

static void gemini_read_meter(const struct json_value *value, struct meter *meter) {
    static const enum meter_count input[] = {meter_audio_input, meter_image_input, meter_video_input},
                                  cached[] = {meter_audio_cached, meter_image_cached, meter_video_cached},
                                  output[] = {meter_audio_output, meter_image_output, meter_video_output};
    modalities_note(json_member(value, "promptTokensDetails"), input, meter);
    modalities_note(json_member(value, "toolUsePromptTokensDetails"), input, meter);
    modalities_note(json_member(value, "cacheTokensDetails"), cached, meter);
    modalities_note(json_member(value, "candidatesTokensDetails"), output, meter);
    meter_note_tier(meter, json_member_str(value, "trafficType"));
    meter_note_tier(meter, json_member_str(value, "serviceTier"));
}

/* From 3 on each query of a search is billed, before that the answer that made any. */
static void gemini_read_grounding(const struct json_value *root, struct arena *arena, struct usage *usage) {
    struct str model = json_member_str(root, "modelVersion");
    bool by_answer = str_starts(model, STR("gemini-1")) || str_starts(model, STR("gemini-2"));
    const struct json_value *candidates = json_member(root, "candidates");
    int64_t searches = 0, maps = 0;
    size_t place = 0;
    for (const struct json_value *at;
         json_kind(candidates) == json_array && (at = json_each(candidates, &place, NULL));) {
        const struct json_value *grounding = json_member(at, "groundingMetadata"),
                                *chunks = json_member(grounding, "groundingChunks");
        size_t chunk = 0;
        searches += (int64_t)json_count(json_member(grounding, "webSearchQueries"));
        for (const struct json_value *one; json_kind(chunks) == json_array && (one = json_each(chunks, &chunk, NULL));)
            if (json_member(one, "maps")) maps = 1;
    }
    if (searches == 0 && maps == 0) return;
    struct meter *meter = usage_meter(usage, arena);
    if (!meter) return;
    meter_note(meter, meter_searches, by_answer && searches ? 1 : searches);
    meter_note(meter, meter_maps, maps);
}

void gemini_read_usage(const struct json_value *value, struct arena *arena, struct usage *usage) {
    int64_t prompt = json_tokens(value, "promptTokenCount"), used = json_tokens(value, "toolUsePromptTokenCount"),
            said = json_tokens(value, "candidatesTokenCount"), thought = json_tokens(value, "thoughtsTokenCount"),
            cached = json_tokens(value, "cachedContentTokenCount");
    if (prompt >= 0) usage->input_tokens = prompt + (used > 0 ? used : 0);
    if (said >= 0 || thought >= 0) usage->output_tokens = (said > 0 ? said : 0) + (thought > 0 ? thought : 0);
    if (thought >= 0) usage->reasoning_tokens = thought;
    if (cached >= 0) usage->cached_input_tokens = cached;
    if (json_kind(value) == json_object && usage_meter(usage, arena)) gemini_read_meter(value, usage->meter);
}

static void gemini_write_usage(struct text *text, const struct usage *usage) {
    int64_t output = usage->output_tokens, thought = usage->reasoning_tokens > 0 ? usage->reasoning_tokens : 0;
    if (!usage_is_known(usage)) return;
    if (thought > output) thought = output > 0 ? output : 0;
    text_json_key(text, STR("usageMetadata"));
    text_put_byte(text, '{');
    text_json_count(text, STR("promptTokenCount"), usage->input_tokens);
    text_json_count(text, STR("candidatesTokenCount"), output < 0 ? -1 : output - thought);
    if (usage->reasoning_tokens >= 0) text_json_i64(text, STR("thoughtsTokenCount"), thought);
    if (usage->cached_input_tokens >= 0)
        text_json_i64(text, STR("cachedContentTokenCount"), usage->cached_input_tokens);
    text_json_count(text, STR("totalTokenCount"), usage_total(usage));
    text_put_byte(text, '}');
}

/* -- whole, read -- */

static void gemini_read_citations(const struct json_value *candidate, struct arena *arena, struct message_part *part) {
    const struct json_value *chunks = json_member(json_member(candidate, "groundingMetadata"), "groundingChunks"),
                            *sources = json_member(json_member(candidate, "citationMetadata"), "citationSources");
    size_t place = 0, count = json_count(chunks) + json_count(sources);
    if (count == 0) return;
    part->citations = arena_take_zeroed(arena, count * sizeof *part->citations);
    for (const struct json_value *at; part->citations && (at = json_each(chunks, &place, NULL));) {
        const struct json_value *web = json_member(at, "web");
        if (!web) continue;
        part->citations[part->citation_count++] = (struct message_citation){.url = json_member_str(web, "uri"),
                                                                            .title = json_member_str(web, "title"),
                                                                            .start = MESSAGE_NO_INT,
                                                                            .end = MESSAGE_NO_INT};
    }
    place = 0;
    for (const struct json_value *at; part->citations && (at = json_each(sources, &place, NULL));)
        part->citations[part->citation_count++] =
            (struct message_citation){.url = json_member_str(at, "uri"),
                                      .title = json_member_str(at, "title"),
                                      .start = json_i64(json_member(at, "startIndex"), MESSAGE_NO_INT),
                                      .end = json_i64(json_member(at, "endIndex"), MESSAGE_NO_INT)};
}

static void candidate_read(const struct json_value *candidate, struct arena *arena, struct message_choice *choice) {
    const struct json_value *parts = json_member(json_member(candidate, "content"), "parts");
    size_t place = 0;
    bool called = false, cited = false;
    choice->parts = arena_take_zeroed(arena, (json_count(parts) + 1) * sizeof *choice->parts);
    for (const struct json_value *at; choice->parts && (at = json_each(parts, &place, NULL));) {
        struct message_part *part = &choice->parts[choice->part_count];
        gemini_read_part(at, arena, part);
        if ((part->kind == part_text || part->kind == part_reasoning) && !part->text.len && !part->signature.at)
            continue;
        called |= part->kind == part_tool_call;
        if (part->kind == part_text && !cited) gemini_read_citations(candidate, arena, part);
        cited |= part->kind == part_text;
        choice->part_count++;
    }
    if (choice->parts && !cited) { /* a stream's last event may say where all came from */
        gemini_read_citations(candidate, arena, &choice->parts[choice->part_count]);
        choice->part_count += choice->parts[choice->part_count].citation_count > 0;
    }
    choice->finish = gemini_read_finish(json_member(candidate, "finishReason"), called);
}

bool gemini_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                       struct message_reply *reply, bool *error_inside) {
    const struct json_value *root;
    struct error error;
    (void)quirks;
    *reply = (struct message_reply){.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    *error_inside = false;
    if (!codec_parse(body, arena, &root, &error)) return false;
    *error_inside = json_kind(json_member(root, "error")) == json_object;
    if (*error_inside) return true;
    const struct json_value *candidates = json_member(root, "candidates"),
                            *feedback = json_member(root, "promptFeedback");
    if (json_kind(candidates) != json_array && !feedback && !json_member(root, "usageMetadata")) return false;
    size_t place = 0, count = json_count(candidates), number = 0;
    if (count < choices_most) count = choices_most;
    reply->choices = arena_take_zeroed(arena, count * sizeof *reply->choices);
    if (!reply->choices) return false;
    for (const struct json_value *at; (at = json_each(candidates, &place, NULL)); number++) {
        int64_t said = json_i64(json_member(at, "index"), -1); /* a stream's event may hold the second one alone */
        size_t index = said >= 0 && (size_t)said < count ? (size_t)said : number;
        candidate_read(at, arena, &reply->choices[index]);
        if (index >= reply->choice_count) reply->choice_count = index + 1;
    }
    if (reply->choice_count == 0 && json_member_str(feedback, "blockReason").len)
        reply->choices[reply->choice_count++].finish = finish_content_filter;
    reply->id = json_member_str(root, "responseId");
    reply->model = json_member_str(root, "modelVersion");
    gemini_read_usage(json_member(root, "usageMetadata"), arena, &reply->usage);
    gemini_read_grounding(root, arena, &reply->usage);
    return true;
}

/* -- whole, written -- */

static void gemini_write_call(struct text *text, struct str id, struct str name, struct str arguments) {
    text_json_key(text, STR("functionCall"));
    text_put_byte(text, '{');
    text_json_str_if(text, STR("id"), id);
    text_json_str(text, STR("name"), name);
    text_json_key(text, STR("args"));
    text_put_object(text, arguments, "arguments");
    text_put_byte(text, '}');
}

static void gemini_reply_part_put(struct text *text, const struct message_part *part,
                                  const struct codec_caller *caller) {
    bool said = part->kind == part_text || part->kind == part_refusal || part->kind == part_tool_call ||
                (part->kind == part_reasoning && caller->show_reasoning && part->text.len);
    if (part->kind == part_foreign && part->of == dialect_gemini) {
        text_json_comma(text);
        text_put(text, part->raw);
    }
    if (!said) return;
    text_json_comma(text);
    text_put_byte(text, '{');
    if (part->kind == part_tool_call)
        gemini_write_call(text, part->id, part->name, part->arguments);
    else
        text_json_str(text, STR("text"), part->text);
    if (part->kind == part_reasoning) text_json_bool(text, STR("thought"), true);
    if (part->of == dialect_gemini) text_json_str_if(text, STR("thoughtSignature"), part->signature);
    text_put_byte(text, '}');
}

static void gemini_write_citations(struct text *text, const struct message_choice *choice) {
    bool any = false;
    for (size_t i = 0; i < choice->part_count; i++)
        for (size_t c = 0; c < choice->parts[i].citation_count; c++) {
            const struct message_citation *citation = &choice->parts[i].citations[c];
            if (!citation->url.at) continue;
            if (!any) text_put(text, STR(",\"citationMetadata\":{\"citationSources\":["));
            any = true;
            text_json_comma(text);
            text_put_byte(text, '{');
            text_json_str(text, STR("uri"), citation->url);
            text_json_str_if(text, STR("title"), citation->title);
            if (citation->start != MESSAGE_NO_INT) text_json_i64(text, STR("startIndex"), citation->start);
            if (citation->end != MESSAGE_NO_INT) text_json_i64(text, STR("endIndex"), citation->end);
            text_put_byte(text, '}');
        }
    if (any) text_put(text, STR("]}"));
}

static void tail_put(struct text *text, struct str id, struct str model, const struct codec_caller *caller) {
    text_json_str(text, STR("modelVersion"), model.len ? model : caller->model);
    text_json_str(text, STR("responseId"), id.len ? id : caller->request_id);
    text_put_byte(text, '}');
}

void gemini_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body) {
    text_put(body, STR("{\"candidates\":["));
    for (size_t i = 0; i < reply->choice_count; i++) {
        const struct message_choice *choice = &reply->choices[i];
        text_json_comma(body);
        text_put(body, STR("{\"content\":{\"role\":\"model\",\"parts\":["));
        for (size_t p = 0; p < choice->part_count; p++) gemini_reply_part_put(body, &choice->parts[p], caller);
        text_put(body, STR("]}"));
        text_json_str(body, STR("finishReason"), gemini_finish_name(choice->finish ? choice->finish : finish_stop));
        text_json_u64(body, STR("index"), i);
        gemini_write_citations(body, choice);
        text_put_byte(body, '}');
    }
    text_put_byte(body, ']');
    gemini_write_usage(body, &reply->usage);
    tail_put(body, reply->id, reply->model, caller);
}

/* -- streams, read -- */

static void event_text(struct message_events *events, enum message_event_kind kind, unsigned choice, struct str text) {
    if (!text.len) return;
    struct message_event *event = message_event_add(events, kind);
    event->choice = choice;
    event->text = text;
    event->of = dialect_gemini;
}

static void gemini_citations_add(struct message_events *events, unsigned choice, const struct message_part *part) {
    for (size_t i = 0; i < part->citation_count; i++) {
        struct message_event *event = message_event_add(events, message_event_citation);
        event->choice = choice;
        event->of = dialect_gemini;
        event->citation = part->citations[i];
    }
}

static void gemini_part_add(struct reader *reader, struct message_events *events, unsigned choice,
                            const struct message_part *part) {
    if (part->kind == part_text) event_text(events, message_event_text, choice, part->text);
    if (part->kind == part_reasoning) event_text(events, message_event_reasoning, choice, part->text);
    gemini_citations_add(events, choice, part);
    if (part->kind == part_tool_call) {
        struct message_event *tool = message_event_add(events, message_event_tool);
        unsigned number = reader->tools++;
        tool->choice = choice;
        tool->tool = number;
        tool->id = part->id;
        tool->name = part->name;
        tool->signature = part->signature;
        tool->of = dialect_gemini;
        event_text(events, message_event_arguments, choice, part->arguments.len ? part->arguments : STR("{}"));
        events->list[events->count ? events->count - 1 : 0].tool = number;
        reader->called |= choice < choices_most ? 1u << choice : 0;
    } else if (part->signature.at) {
        event_text(events, message_event_signature, choice, part->signature);
    }
}

static void gemini_error_add(struct message_events *events, const struct json_value *said) {
    struct message_event *event = message_event_add(events, message_event_error);
    event->text = json_member_str(said, "message");
    event->name = json_member_str(said, "status");
    event->status = (int)json_i64(json_member(said, "code"), 0);
}

bool gemini_read_event(void *reader_state, struct str event, struct str data, struct arena *keep,
                       const struct codec_quirks *quirks, struct message_events *events) {
    struct reader *reader = reader_state;
    struct message_reply reply;
    const struct json_value *root;
    struct error error;
    bool error_inside = false;
    (void)event;
    (void)keep;
    if (!gemini_read_reply(data, events->arena, quirks, &reply, &error_inside)) return false;
    if (error_inside) {
        if (codec_parse(data, events->arena, &root, &error)) gemini_error_add(events, json_member(root, "error"));
        return true;
    }
    if (!reader->begun) {
        struct message_event *begin = message_event_add(events, message_event_begin);
        begin->id = reply.id;
        begin->model = reply.model;
        reader->begun = true;
    }
    for (unsigned c = 0; c < reply.choice_count; c++) {
        const struct message_choice *choice = &reply.choices[c];
        for (size_t p = 0; p < choice->part_count && !events->failed; p++)
            gemini_part_add(reader, events, c, &choice->parts[p]);
        if (choice->finish == finish_none) continue;
        struct message_event *finish = message_event_add(events, message_event_finish);
        finish->choice = c;
        bool called = c < choices_most && reader->called >> c & 1;
        finish->finish = choice->finish == finish_stop && called ? finish_tool_calls : choice->finish;
    }
    if (usage_is_known(&reply.usage) || (reply.usage.meter && reply.usage.meter->said))
        message_event_add(events, message_event_usage)->usage = reply.usage;
    return true;
}

/* -- streams, written -- */

static void gemini_frame_begin(struct writer *writer, const struct codec_caller *caller, struct text *text) {
    if (caller->json_array)
        text_put(text, writer->frames ? STR(",\r\n") : STR("["));
    else
        text_put(text, STR("data: "));
    writer->frames++;
}

static void gemini_frame_end(const struct codec_caller *caller, struct text *text) {
    if (!caller->json_array) text_put(text, STR("\r\n\r\n"));
}

static void parts_begin(struct writer *writer, const struct codec_caller *caller, struct text *text) {
    gemini_frame_begin(writer, caller, text);
    text_put(text, STR("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":["));
}

static void parts_end(struct writer *writer, const struct codec_caller *caller, unsigned choice, struct text *text) {
    text_put(text, STR("]}"));
    text_json_u64(text, STR("index"), choice);
    text_put(text, STR("}]"));
    if (choice >= writer->choices) writer->choices = choice + 1;
    tail_put(text, writer->reply_id, writer->model, caller);
    gemini_frame_end(caller, text);
}

/* The call that was gathered, whole. */
static void call_end(struct writer *writer, const struct codec_caller *caller, struct text *text) {
    if (!writer->calling) return;
    writer->calling = false;
    parts_begin(writer, caller, text);
    text_put_byte(text, '{');
    gemini_write_call(text, writer->id, writer->name, text_str(&writer->arguments));
    text_json_str_if(text, STR("thoughtSignature"), writer->signature);
    text_put_byte(text, '}');
    parts_end(writer, caller, writer->call_choice, text);
}

static void text_part_put(struct writer *writer, const struct codec_caller *caller, const struct message_event *event,
                          struct text *text) {
    bool signature = event->kind == message_event_signature;
    if (event->choice == writer->call_choice) call_end(writer, caller, text);
    parts_begin(writer, caller, text);
    text_put_byte(text, '{');
    text_json_str(text, STR("text"), signature ? STR("") : event->text);
    if (event->kind == message_event_reasoning) text_json_bool(text, STR("thought"), true);
    if (signature) text_json_str(text, STR("thoughtSignature"), event->text);
    text_put_byte(text, '}');
    parts_end(writer, caller, event->choice, text);
}

static void citation_part_put(struct writer *writer, const struct codec_caller *caller,
                              const struct message_event *event, struct text *text) {
    struct message_part part = {.citations = (struct message_citation *)&event->citation, .citation_count = 1};
    struct message_choice choice = {.parts = &part, .part_count = 1};
    if (!event->citation.url.at) return;
    call_end(writer, caller, text);
    gemini_frame_begin(writer, caller, text);
    text_put(text, STR("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[]}"));
    text_json_u64(text, STR("index"), event->choice);
    gemini_write_citations(text, &choice);
    text_put(text, STR("}]"));
    tail_put(text, writer->reply_id, writer->model, caller);
    gemini_frame_end(caller, text);
}

static void gemini_call_begin(struct writer *writer, const struct codec_caller *caller,
                              const struct message_event *event, struct arena *keep, struct text *text) {
    call_end(writer, caller, text);
    writer->calling = true;
    writer->call_choice = event->choice;
    writer->id = event->id.at ? arena_copy(keep, event->id) : STR_NONE;
    writer->name = arena_copy(keep, event->name);
    writer->signature =
        event->of == dialect_gemini && event->signature.at ? arena_copy(keep, event->signature) : STR_NONE;
    if (!writer->arguments.arena) writer->arguments = text_in_arena(keep, 256);
    writer->arguments.len = 0;
}

static void last_put(struct writer *writer, const struct codec_caller *caller, struct text *text) {
    call_end(writer, caller, text);
    if (writer->over) return;
    writer->over = true;
    gemini_frame_begin(writer, caller, text);
    text_put(text, STR("{\"candidates\":["));
    for (unsigned i = 0; i == 0 || i < writer->choices; i++) {
        text_json_comma(text);
        text_put(text, STR("{\"content\":{\"role\":\"model\",\"parts\":[]}"));
        text_json_str(text, STR("finishReason"),
                      gemini_finish_name(writer->finish[i] ? writer->finish[i] : finish_stop));
        text_json_u64(text, STR("index"), i);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
    if (!writer->has_usage) writer->usage = USAGE_NONE;
    gemini_write_usage(text, &writer->usage);
    tail_put(text, writer->reply_id, writer->model, caller);
    gemini_frame_end(caller, text);
    if (caller->json_array) text_put(text, STR("]\n"));
}

/* Calls are gathered of one choice at a time: of a later one when those before it have finished. */
static bool calls_follow(const struct writer *writer, const struct message_event *event) {
    if (event->kind == message_event_arguments && writer->calling) return event->choice == writer->call_choice;
    for (unsigned i = 0; i < event->choice; i++)
        if (!writer->finish[i]) return false;
    return true;
}

void gemini_write_event(void *writer_state, const struct message_event *event, const struct codec_caller *caller,
                        struct arena *keep, struct text *text) {
    struct writer *writer = writer_state;
    usage_keep(&writer->usage, &writer->has_usage, &event->usage);
    bool calls = event->kind == message_event_tool || event->kind == message_event_arguments;
    if (event->choice >= choices_most || (calls && !calls_follow(writer, event))) return;
    switch (event->kind) {
    case message_event_begin:
        writer->reply_id = arena_copy(keep, event->id);
        writer->model = arena_copy(keep, event->model);
        return;
    case message_event_text:
    case message_event_refusal: text_part_put(writer, caller, event, text); return;
    case message_event_reasoning:
        if (caller->show_reasoning) text_part_put(writer, caller, event, text);
        return;
    case message_event_signature:
        if (event->of == dialect_gemini && event->text.len) text_part_put(writer, caller, event, text);
        return;
    case message_event_citation: citation_part_put(writer, caller, event, text); return;
    case message_event_tool: gemini_call_begin(writer, caller, event, keep, text); return;
    case message_event_arguments:
        if (writer->calling) text_put(&writer->arguments, event->text);
        text->failed |= writer->arguments.failed;
        return;
    case message_event_finish:
        if (event->choice == writer->call_choice) call_end(writer, caller, text);
        writer->finish[event->choice] = event->finish;
        if (event->choice >= writer->choices) writer->choices = event->choice + 1;
        return;
    case message_event_error:
        gemini_frame_begin(writer, caller, text);
        gemini_write_error(text, event->status, event->text);
        gemini_frame_end(caller, text);
        if (caller->json_array) text_put(text, STR("]\n"));
        return;
    case message_event_end: last_put(writer, caller, text); return;
    case message_event_logprobs:
    case message_event_usage:
    case message_event_kinds: return;
    }
}
