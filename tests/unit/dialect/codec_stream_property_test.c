/* codec_stream_property_test.c - streams at random, which come back as they were, wherever they are
 * cut; see codec_property.h. */
#include "codec_property.h"

/* -- streams at random -- */

enum { events_most = 160, choices_most = 3, calls_most = 4 };

/* Events as they are made, and what is still to be said of each call. */
struct script {
    struct message_event events[events_most];
    size_t count;
    struct str rest[choices_most][calls_most]; /* of the arguments */
    unsigned calls[choices_most];
    unsigned choices;
    bool one_by_one; /* each call is told whole before anything else */
    bool fails;      /* an error ends it */
};

static struct message_event *event_add(struct script *script, enum message_event_kind kind, unsigned choice) {
    struct message_event *event = &script->events[script->count++];
    assert_true(script->count < events_most);
    *event = (struct message_event){.kind = kind,
                                    .choice = choice,
                                    .of = whose(),
                                    .usage = USAGE_NONE,
                                    .citation = {.start = MESSAGE_NO_INT, .end = MESSAGE_NO_INT}};
    return event;
}

/* The next piece of a call's arguments: whole characters. `all`: to their end. */
static void fragment_add(struct script *script, unsigned choice, unsigned tool, bool all) {
    struct str *rest = &script->rest[choice][tool];
    do {
        size_t cut = one_in(4) ? rest->len : below(rest->len + 1);
        while (cut < rest->len && ((unsigned char)rest->at[cut] & 0xc0) == 0x80) cut++;
        if (script->count > events_most - 40) cut = rest->len;
        struct message_event *event = event_add(script, message_event_arguments, choice);
        event->tool = tool;
        event->text = str_slice(*rest, 0, cut);
        *rest = str_slice(*rest, cut, rest->len);
    } while (all && rest->len);
}

static void call_begin(struct script *script, unsigned choice) {
    if (script->calls[choice] == calls_most) return;
    struct message_part part = call_part();
    struct message_event *event = event_add(script, message_event_tool, choice);
    event->tool = script->calls[choice]++;
    event->id = part.id;
    event->name = part.name;
    event->signature = part.signature;
    script->rest[choice][event->tool] = one_in(6) ? STR("") : part.arguments;
    if (script->one_by_one) fragment_add(script, choice, event->tool, true);
}

static void text_event(struct script *script, enum message_event_kind kind, unsigned choice) {
    event_add(script, kind, choice)->text = words();
}

static void step_add(struct script *script, unsigned choice) {
    switch (below(10)) {
    case 0: text_event(script, message_event_refusal, choice); return;
    case 1:
    case 2: text_event(script, message_event_reasoning, choice); return;
    case 3:
        if (codec && !script->one_by_one) break; /* those who sign do not mix */
        text_event(script, message_event_signature, choice);
        struct message_event *event = &script->events[script->count - 1];
        if (one_in(3))
            *event = (struct message_event){
                .kind = event->kind, .of = event->of, .usage = USAGE_NONE, .choice = choice, .data = said()};
        return;
    case 4:
        if (!script->fails) call_begin(script, choice);
        return;
    case 5:
    case 6:
        for (uint64_t i = script->calls[choice] ? 1 + below(3) : 0; i > 0 && !script->one_by_one; i--)
            fragment_add(script, choice, (unsigned)below(script->calls[choice]), false);
        return;
    case 7:
        if (codec) break;
        if (one_in(2))
            text_event(script, message_event_logprobs, choice);
        else
            event_add(script, message_event_citation, choice)->citation.url = said();
        return;
    default: break;
    }
    text_event(script, message_event_text, choice);
}

static void script_make(struct script *script) {
    *script = (struct script){.choices = !codec || is(dialect_openai) ? 1 + (unsigned)below(choices_most) : 1,
                              .one_by_one = one_in(2),
                              .fails = one_in(12)};
    struct usage usage = script->fails ? USAGE_NONE : usage_make();
    struct message_event *begin = event_add(script, message_event_begin, 0);
    begin->id = said();
    begin->model = said();
    if (one_in(2))
        begin->usage =
            (struct usage){usage.input_tokens, -1, usage.cached_input_tokens, usage.cache_write_tokens, -1, -1};
    for (uint64_t steps = below(16); steps > 0; steps--) step_add(script, (unsigned)below(script->choices));
    if (script->fails) {
        event_add(script, message_event_error, 0)->text =
            arena_printf(&arena, "It \"broke\" %u.\n", (unsigned)below(100));
        return;
    }
    for (unsigned choice = 0; choice < script->choices; choice++) {
        for (unsigned tool = 0; tool < script->calls[choice]; tool++)
            if (script->rest[choice][tool].len) fragment_add(script, choice, tool, true);
        if (one_in(8) && !(is(dialect_openai) && choice == 0)) continue; /* else it may have no chunk for its id */
        struct message_event *finish = event_add(script, message_event_finish, choice);
        finish->finish = (enum message_finish)(1 + below(finishes - 1));
        if (is(dialect_openai) && finish->finish == finish_error) finish->finish = finish_stop;
        if (finish->finish == finish_stop_sequence) finish->stop_sequence = words();
    }
    if (one_in(3)) event_add(script, message_event_usage, 0)->usage.output_tokens = usage.output_tokens >= 0 ? 0 : -1;
    event_add(script, message_event_usage, 0)->usage = usage;
    event_add(script, message_event_end, 0);
}

/* -- what is heard -- */

struct heard_call {
    struct str id, name, signature;
    struct text arguments;
};

struct heard_choice {
    struct text text, refusal, reasoning, signatures;
    struct text order; /* a letter for each change of what is said */
    struct heard_call calls[calls_most];
    unsigned call_count;
    enum message_finish finish;
    struct str stop_sequence;
};

struct heard {
    struct heard_choice choices[choices_most];
    struct str id, model, error;
    struct usage usage;
    bool ended, lost; /* lost: of a call that has not begun */
};

static struct heard *heard_new(void) {
    struct heard *heard = take(sizeof *heard);
    heard->usage = USAGE_NONE;
    for (size_t i = 0; i < choices_most; i++) {
        struct heard_choice *choice = &heard->choices[i];
        struct text *const texts[] = {&choice->text, &choice->refusal, &choice->reasoning, &choice->signatures,
                                      &choice->order};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) *texts[t] = text_in_arena(&arena, 32);
    }
    return heard;
}

static void usage_hear(struct heard *heard, const struct usage *usage) {
    const int64_t *from = &usage->input_tokens;
    int64_t *to = &heard->usage.input_tokens;
    for (size_t i = 0; i < offsetof(struct usage, meter) / sizeof *from; i++)
        if (from[i] >= 0) to[i] = from[i];
}

static void order_hear(struct heard_choice *choice, char letter) {
    if (choice->order.len && choice->order.at[choice->order.len - 1] == letter && letter != 'C') return;
    text_put_byte(&choice->order, letter);
}

static void said_hear(struct heard_choice *choice, struct text *to, struct str text, char letter) {
    if (!text.len) return;
    order_hear(choice, letter);
    text_put(to, text);
}

static void call_hear(struct heard *heard, struct heard_choice *choice, const struct message_event *event) {
    heard->lost |= event->tool != choice->call_count || event->tool >= calls_most;
    if (heard->lost) return;
    order_hear(choice, 'C');
    choice->calls[choice->call_count++] = (struct heard_call){
        .id = event->id, .name = event->name, .signature = event->signature, .arguments = text_in_arena(&arena, 32)};
}

static void hear(struct heard *heard, const struct message_event *event) {
    usage_hear(heard, &event->usage);
    heard->lost |= event->choice >= choices_most;
    struct heard_choice *choice = &heard->choices[event->choice % choices_most];
    switch (event->kind) {
    case message_event_begin:
        heard->id = event->id;
        heard->model = event->model;
        return;
    case message_event_text: said_hear(choice, &choice->text, event->text, 'T'); return;
    case message_event_refusal: said_hear(choice, &choice->refusal, event->text, 'F'); return;
    case message_event_reasoning: said_hear(choice, &choice->reasoning, event->text, 'R'); return;
    case message_event_signature:
        if (event->data.at) text_put(&choice->signatures, STR("data:"));
        text_put(&choice->signatures, event->data.at ? event->data : event->text);
        return;
    case message_event_tool: call_hear(heard, choice, event); return;
    case message_event_arguments:
        heard->lost |= event->tool >= choice->call_count;
        if (event->tool < choice->call_count) text_put(&choice->calls[event->tool].arguments, event->text);
        return;
    case message_event_finish:
        choice->finish = event->finish;
        choice->stop_sequence = event->stop_sequence;
        return;
    case message_event_error: heard->error = event->text; return;
    case message_event_end: heard->ended = true; return;
    default: return;
    }
}

/* What this dialect's reader is to hear of it. */
static struct heard *heard_in(const struct script *script) {
    bool openai = is(dialect_openai), joins = !openai && !is(dialect_responses),
         gathers = is(dialect_gemini) || is(dialect_ollama),
         unnamed = is(dialect_cloudflare) || is(dialect_huggingface);
    struct heard *heard = heard_new();
    for (size_t i = 0; i < script->count; i++) {
        struct message_event event = script->events[i];
        if (event.kind == message_event_refusal && joins) event.kind = message_event_text;
        bool signs = is(dialect_anthropic) || (is(dialect_gemini) && !event.data.at);
        if (event.kind == message_event_signature && !signs) continue;
        if (event.kind == message_event_reasoning && !says_reasoning()) continue;
        if ((event.kind == message_event_tool || event.kind == message_event_arguments) && !says_calls()) continue;
        hear(heard, &event);
    }
    if (is(dialect_responses)) heard->id = STR("resp_req_1");
    if (is(dialect_ollama) || unnamed) heard->id = STR_NONE;
    if (unnamed) heard->model = STR_NONE;
    bool untold = memcmp(&heard->usage, &USAGE_NONE, sizeof heard->usage) == 0;
    if (!openai || !untold) heard->usage = usage_in(heard->usage);
    if (is(dialect_gemini)) heard->ended = false; /* it has no word for it */
    for (size_t c = 0; c < choices_most; c++) {
        struct heard_choice *choice = &heard->choices[c];
        if (c < script->choices && !(openai && !choice->finish))
            choice->finish = finish_in(choice->finish, choice->call_count > 0);
        if (!is(dialect_anthropic)) choice->stop_sequence = STR_NONE;
        for (unsigned i = 0; i < choice->call_count; i++) {
            if (!is(dialect_gemini)) choice->calls[i].signature = STR_NONE;
            if (!choice->calls[i].arguments.len && gathers) text_put(&choice->calls[i].arguments, STR("{}"));
        }
    }
    return heard;
}

static struct str heard_dump(const struct heard *heard, const struct script *script) {
    struct text text = text_in_arena(&arena, 512);
    text_put_byte(&text, '{');
    text_json_bool(&text, STR("lost"), heard->lost);
    if (!script->fails) text_json_str_if(&text, STR("id"), heard->id); /* an error may come before it */
    if (!script->fails) text_json_str_if(&text, STR("model"), heard->model);
    text_json_str_if(&text, STR("error"), heard->error);
    text_json_bool(&text, STR("ended"), heard->ended);
    if (!script->fails) usage_dump(&text, &heard->usage);
    text_put(&text, STR(",\"choices\":["));
    for (size_t c = 0; c < choices_most; c++) {
        const struct heard_choice *choice = &heard->choices[c];
        text_json_comma(&text);
        text_put_byte(&text, '{');
        if (!script->fails) text_json_i64(&text, STR("finish"), choice->finish);
        text_json_str_if(&text, STR("stop_sequence"), choice->stop_sequence);
        text_json_str(&text, STR("text"), text_str(&choice->text));
        text_json_str(&text, STR("refusal"), text_str(&choice->refusal));
        text_json_str(&text, STR("reasoning"), text_str(&choice->reasoning));
        text_json_str(&text, STR("signatures"), text_str(&choice->signatures));
        if (script->one_by_one) text_json_str(&text, STR("order"), text_str(&choice->order));
        text_put(&text, STR(",\"calls\":["));
        for (unsigned i = 0; i < choice->call_count; i++) {
            const struct heard_call *call = &choice->calls[i];
            text_json_comma(&text);
            text_put_byte(&text, '{');
            text_json_str_if(&text, STR("id"), call->id);
            text_json_str_if(&text, STR("name"), call->name);
            text_json_str_if(&text, STR("signature"), call->signature);
            arguments_dump(&text, text_str(&call->arguments));
            text_put_byte(&text, '}');
        }
        text_put(&text, STR("]}"));
    }
    text_put(&text, STR("]}"));
    return text_str(&text);
}

/* -- streams -- */

/* As a flight does it: what comes mixed is set right for those who cannot say it so. */
static struct str stream_say(const struct codec *by, const struct script *script, const struct codec_caller *asks) {
    struct text all = text_in_arena(&arena, 2048);
    struct order order = {.calling = false};
    void *writer = take(by->writer_size);
    for (size_t i = 0; i < script->count; i++) {
        struct message_events ordered = {.arena = &arena};
        if (by->mixes)
            *message_event_add(&ordered, script->events[i].kind) = script->events[i];
        else
            assert_true(order_take(&order, &script->events[i], &arena, &ordered));
        for (size_t e = 0; e < ordered.count; e++) by->write_event(writer, &ordered.list[e], asks, &arena, &all);
    }
    assert_false(all.failed);
    return text_str(&all);
}

/* Cuts a stream anywhere; each event is given to `each`. */
static void stream_cut(const struct codec *by, struct str stream, void (*each)(const struct sse_event *, void *),
                       void *with) {
    struct sse sse;
    struct lines lines;
    struct sse_event event;
    bool by_line = by->framing == framing_ndjson;
    size_t step = one_in(4) ? 1 : 1 + below(one_in(2) ? 40 : 2000);
    sse_init(&sse);
    lines_init(&lines);
    while (stream.len) {
        struct str piece = str_slice(stream, 0, step == 1 ? 1 : 1 + below(step));
        piece = arena_copy(&arena, piece); /* at its own place: what is read past its end is seen by a sanitizer */
        stream = str_slice(stream, piece.len, stream.len);
        if (by_line)
            lines_feed(&lines, piece);
        else
            sse_feed(&sse, piece);
        while ((by_line ? lines_next(&lines, &event) : sse_next(&sse, &arena, &event)) == sse_got_event)
            if (!event.comment_only) each(&event, with);
    }
    if (by_line ? lines.held_len > 0 : sse_pending(&sse) > 0)
        wrong_tell("a stream ends inside a frame", by->name.at, STR(""), STR(""));
    sse_free(&sse);
    lines_free(&lines);
}

struct listener {
    const struct codec *by;
    void *reader;
    struct heard *heard;
    struct str last; /* the last event's data, [DONE] aside */
};

static void event_hear(const struct sse_event *event, void *with) {
    struct listener *listener = with;
    struct message_events events = {.arena = &arena};
    struct str data = arena_copy(&arena, event->data), name = arena_copy(&arena, event->event);
    if (!listener->by->read_event(listener->reader, name, data, &arena, quirks_of(STR(""), STR("")), &events))
        wrong_tell("an event is malformed", listener->by->name.at, STR(""), data);
    assert_false(events.failed);
    for (size_t i = 0; i < events.count; i++) hear(listener->heard, &events.list[i]);
    if (!str_eq(data, STR("[DONE]"))) listener->last = data;
}

/* Some tell the whole again in their last event: it is what the pieces were. */
static void whole_check(const struct listener *listener) {
    const struct heard_choice *heard = &listener->heard->choices[0];
    const char *problem;
    size_t at;
    const struct json_value *last = json_parse_in(&arena, listener->last, &problem, &at);
    if (is(dialect_huggingface)) {
        struct str whole = json_str(json_member(last, "generated_text"), STR(""));
        if (!str_eq(whole, text_str(&heard->text)))
            wrong_tell("the whole at the end differs", "huggingface", text_str(&heard->text), whole);
    }
    if (!is(dialect_responses)) return;
    struct message_reply reply = {.choice_count = 0};
    bool error_inside = false;
    struct str whole = json_raw(json_member(last, "response"), &arena);
    if (!codec->read_reply(whole, &arena, quirks_of(STR(""), STR("")), &reply, &error_inside)) {
        wrong_tell("the whole at the end is not read", "responses", STR(""), listener->last);
        return;
    }
    struct text heard_all = text_in_arena(&arena, 256), told = text_in_arena(&arena, 256);
    for (unsigned kind = 0; kind < part_kinds; kind++)
        for (size_t i = 0; i < reply.choices[0].part_count; i++) {
            const struct message_part *part = &reply.choices[0].parts[i];
            if (part->kind != kind) continue;
            text_put(&told, part->kind == part_tool_call ? part->name : part->text);
            if (part->kind == part_tool_call) text_put(&told, part->arguments);
        }
    text_put(&heard_all, text_str(&heard->text));
    text_put(&heard_all, text_str(&heard->refusal));
    text_put(&heard_all, text_str(&heard->reasoning));
    for (unsigned i = 0; i < heard->call_count; i++) {
        text_put(&heard_all, heard->calls[i].name);
        text_put(&heard_all, heard->calls[i].arguments.len ? text_str(&heard->calls[i].arguments) : STR("{}"));
    }
    if (!str_eq(text_str(&heard_all), text_str(&told)))
        wrong_tell("the whole at the end differs", "responses", text_str(&heard_all), text_str(&told));
}

static void stream_comes_back(const struct codec *by) {
    struct script *script = take(sizeof *script);
    codec = by;
    script_make(script);
    struct str want = heard_dump(heard_in(script), script), stream = stream_say(by, script, &caller);
    struct listener listener = {by, take(by->reader_size), heard_new(), STR("")};
    stream_cut(by, stream, event_hear, &listener);
    struct str got = heard_dump(listener.heard, script);
    if (!str_eq(want, got)) wrong_tell("the stream differs", by->name.at, want, got);
    if (!script->fails) whole_check(&listener);
}

static void event_is_json(const struct sse_event *event, void *with) {
    const struct codec *by = with;
    if (!str_eq(event->data, STR("[DONE]")) && !is_json(event->data))
        wrong_tell("an event is no JSON", by->name.at, STR(""), event->data);
}

/* Events of all kinds, some in no good order. */
static void stream_of_everything(void) {
    struct script *script = take(sizeof *script);
    struct codec_caller asks = caller;
    codec = NULL;
    script_make(script);
    bool disorder = one_in(2);
    for (size_t i = script->count; disorder && i > 1; i--) {
        size_t with = below(i);
        struct message_event event = script->events[i - 1];
        script->events[i - 1] = script->events[with];
        script->events[with] = event;
    }
    asks.show_reasoning = one_in(2);
    asks.include_usage = one_in(2);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *by = codec_of((enum dialect)d);
        if (!by || !by->write_event) continue;
        stream_cut(by, stream_say(by, script, &asks), event_is_json, (void *)(uintptr_t)by);
    }
    stream_cut(&codec_completions, stream_say(&codec_completions, script, &asks), event_is_json,
               (void *)(uintptr_t)&codec_completions);
    asks.json_array = true;
    struct str array = stream_say(&codec_gemini, script, &asks);
    if (!disorder && !is_json(array)) wrong_tell("an array of events is no JSON", "gemini", STR(""), array);
}

/* -- the property -- */

static bool has_stream(const struct codec *by) { return by->read_event && by->write_event; }

static void streams_come_back(void **state) {
    (void)state;
    property_check("streams", has_stream, stream_comes_back, stream_of_everything);
}

int main(void) {
    const struct CMUnitTest test = cmocka_unit_test(streams_come_back);
    return property_main(&test);
}
