/* emulate.c - what emulate.h says. Only the first choice's parts are changed: who emulates asks for one. */
#include "dialect/emulate.h"

#include <string.h>

#include "base/check.h"
#include "dialect/fields.h"
#include "dialect/skim.h"

static const struct str call_words = STR("Answer with the arguments of a call of the tool `");
static const struct str any_object = STR("{\"type\":\"object\"}");

struct str emulate_name(enum feature feature) {
    CHECKF(feature == feature_json_schema || feature == feature_tool_choice || feature == feature_n, "feature=%d",
           (int)feature);
    if (feature == feature_n) return STR("n=calls");
    return feature == feature_json_schema ? STR("json_schema=tool") : STR("tool_choice=json_schema");
}

/* -- what can be done -- */

static bool refers(struct str schema) { return str_find(schema, STR("\"$ref\"")) != SIZE_MAX; }

/* The parameters of a tool: an object's schema, and nothing that vendors do not take at its top. */
static bool is_of_object(struct str schema) {
    static const struct str others[] = {STR("anyOf"), STR("oneOf"), STR("allOf"), STR("not"), STR("enum"), STR("$ref")};
    bool object = false;
    struct skim skim;
    skim_begin(&skim, schema, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind != skim_end;) {
        if (token.kind == skim_error || (token.depth == 0 && token.kind != skim_object && token.kind != skim_close))
            return false;
        if (token.depth != 1 || !token.key.at) continue;
        if (skim_is(token.key, STR("type")))
            object = token.kind == skim_string && skim_is(skim_inside(token.value), STR("object"));
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (skim_is(token.key, others[i])) return false;
    }
    return object;
}

static bool is_function(const struct message_tool *tool) { return !tool->raw.len; }

static size_t functions_of(const struct message_request *request) {
    size_t count = 0;
    for (size_t i = 0; i < request->tool_count; i++) count += is_function(&request->tools[i]);
    return count;
}

/* A call is due and no answer: the schema is for another turn. */
static bool wants_call(const struct message_request *request) {
    return request->tool_choice >= tools_required && request->tool_count;
}

static bool tools_refer(const struct message_request *request) {
    for (size_t i = 0; i < request->tool_count; i++)
        if (refers(request->tools[i].parameters)) return true;
    return false;
}

void emulate_look(struct message_request *request) {
    if (request->shape.looked) return;
    request->shape.looked = true;
    request->shape.of_object = is_of_object(request->schema);
    request->shape.refers = refers(request->schema);
    request->shape.tools_refer = tools_refer(request);
}

bool emulate_can_schema(const struct message_request *request) {
    if (wants_call(request)) return true;
    return request->shape.looked ? request->shape.of_object || !request->shape.refers
                                 : is_of_object(request->schema) || !refers(request->schema);
}

static const struct message_tool *named(const struct message_request *request) {
    for (size_t i = 0; i < request->tool_count; i++)
        if (is_function(&request->tools[i]) &&
            (request->tool_choice == tools_required || str_eq(request->tools[i].name, request->tool_name)))
            return &request->tools[i];
    return NULL;
}

bool emulate_can_tool(const struct message_request *request, enum dialect to) {
    bool one = request->tool_choice == tools_named || request->tool_count == 1;
    if (!named(request) || functions_of(request) != request->tool_count) return false;
    if (one) return true;
    bool elsewhere = request->shape.looked ? request->shape.tools_refer : tools_refer(request); /* what they refer to */
    return !elsewhere && to != dialect_cloudflare; /* whose schemas hold no choice */
}

/* -- a schema by a tool -- */

static bool is_tool_name(struct str name) {
    enum { most = 64 };
    return name.len && name.len <= most && str_is_alnum(name, "_-");
}

/* One that no tool of the caller's has: by a hash of all their names, as a search could be made to take for ever. */
static struct str answer_name(const struct message_request *request, struct arena *keep) {
    struct str name = is_tool_name(request->schema_name) ? request->schema_name : STR("answer");
    bool taken = false;
    uint64_t hash = 0;
    for (size_t i = 0; i < request->tool_count; i++) {
        taken |= str_eq(request->tools[i].name, name);
        hash = hash * 31 + str_hash(request->tools[i].name);
    }
    return taken ? arena_printf(keep, "answer_%016llx", (unsigned long long)hash) : arena_copy(keep, name);
}

static struct str answer_parameters(struct str schema, bool wrapped, struct arena *arena) {
    if (!wrapped) return schema;
    struct text text = text_in_arena(arena, schema.len + 128);
    text_put(&text, STR("{\"type\":\"object\",\"properties\":{\"value\":"));
    text_put(&text, schema.len ? schema : STR("{}"));
    text_put(&text, STR("},\"required\":[\"value\"],\"additionalProperties\":false}"));
    return text.failed ? STR_NONE : text_str(&text);
}

static bool schema_request(struct message_request *fitted, struct arena *arena, struct arena *keep,
                           struct emulation *emulation) {
    bool alone = !fitted->tool_count || fitted->tool_choice == tools_none;
    fitted->format = format_unset;
    if (emulation->kind == emulates_nothing) return true;
    struct message_tool *tools = arena_take(arena, (fitted->tool_count + 1) * sizeof *tools);
    emulation->wrapped = !is_of_object(fitted->schema);
    emulation->name = answer_name(fitted, keep);
    struct str parameters = answer_parameters(fitted->schema, emulation->wrapped, arena);
    if (!tools || !emulation->name.at || !parameters.at) return false;
    if (fitted->tool_count) memcpy(tools, fitted->tools, fitted->tool_count * sizeof *tools);
    tools[fitted->tool_count] = (struct message_tool){
        .name = emulation->name,
        .description =
            fitted->schema_description.len
                ? fitted->schema_description
                : STR("Gives the answer. Its arguments are all that is read of it: call it once, at the end."),
        .parameters = parameters};
    fitted->tools = tools;
    fitted->tool_count++;
    fitted->tool_choice = alone ? tools_named : tools_required;
    fitted->tool_name = alone ? emulation->name : STR_NONE;
    return true;
}

/* -- a tool by a schema -- */

static struct str tool_parameters(const struct message_tool *tool) {
    return tool->parameters.len ? tool->parameters : any_object;
}

/* {"call": one of {"name": "f", "arguments": {...}}} */
static void calls_put(struct text *text, const struct message_request *request) {
    text_put(text, STR("{\"type\":\"object\",\"properties\":{\"call\":{\"anyOf\":["));
    for (size_t i = 0; i < request->tool_count; i++) {
        text_json_comma(text);
        text_put(text, STR("{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"enum\":["));
        text_put_json(text, request->tools[i].name);
        text_put(text, STR("]},\"arguments\":"));
        text_put(text, tool_parameters(&request->tools[i]));
        text_put(text, STR("},\"required\":[\"name\",\"arguments\"],\"additionalProperties\":false}"));
    }
    text_put(text, STR("]}},\"required\":[\"call\"],\"additionalProperties\":false}"));
}

/* What a model that is held to a schema cannot know of the tool. */
static void call_words_put(struct text *text, const struct message_request *request, const struct message_tool *one) {
    if (one) {
        text_put(text, call_words);
        text_printf(text, "%.*s`, as one JSON object, and with nothing else.", STR_ARG(one->name));
        if (one->description.len) text_printf(text, " What it does: %.*s", STR_ARG(one->description));
    } else {
        text_put(text, STR("Answer with a call of one of these tools, as one JSON object "
                           "{\"call\":{\"name\":...,\"arguments\":{...}}}, and with nothing else."));
        for (size_t i = 0; i < request->tool_count; i++)
            text_printf(text, "\n- `%.*s`: %.*s", STR_ARG(request->tools[i].name),
                        STR_ARG(request->tools[i].description));
    }
    text_put(text, STR("\nJSON Schema of the answer: "));
    text_put(text, request->schema);
}

/* Behind what the system says already. */
static bool call_words_add(struct message_request *fitted, struct str words, struct arena *arena) {
    struct message *messages = arena_take(arena, (fitted->message_count + 1) * sizeof *messages);
    struct message_part *part = arena_take_zeroed(arena, sizeof *part);
    size_t at = 0;
    if (!messages || !part) return false;
    while (at < fitted->message_count && fitted->messages[at].role <= message_developer) at++;
    part->text = words;
    if (at) memcpy(messages, fitted->messages, at * sizeof *messages);
    messages[at] = (struct message){.role = message_system, .parts = part, .part_count = 1};
    if (fitted->message_count > at)
        memcpy(messages + at + 1, fitted->messages + at, (fitted->message_count - at) * sizeof *messages);
    fitted->messages = messages;
    fitted->message_count++;
    return true;
}

static bool tool_request(struct message_request *fitted, struct arena *arena, struct arena *keep,
                         struct emulation *emulation) {
    bool several = fitted->tool_choice == tools_required && fitted->tool_count > 1;
    const struct message_tool *one = several ? NULL : named(fitted);
    CHECK(several || one); /* emulate_can_tool() */
    struct text schema = text_in_arena(arena, 512), words = text_in_arena(arena, 1024);
    if (one)
        text_put(&schema, tool_parameters(one));
    else
        calls_put(&schema, fitted);
    emulation->wrapped = several;
    if (one) emulation->name = arena_copy(keep, one->name);
    fitted->format = format_schema;
    fitted->schema = text_str(&schema);
    fitted->schema_name = STR("call");
    fitted->schema_description = STR_NONE;
    fitted->schema_strict = flag_unset;
    call_words_put(&words, fitted, one);
    fitted->tool_choice = tools_none; /* it knows them still, as the conversation may name them */
    return !schema.failed && !words.failed && (several || emulation->name.at) &&
           call_words_add(fitted, text_str(&words), arena);
}

bool emulate_request(struct message_request *fitted, uint64_t which, struct arena *arena, struct arena *keep,
                     struct emulation *emulation) {
    *emulation = (struct emulation){.kind = emulates_nothing};
    if (!which) return true;
    if (which & FEATURE_BIT(tool_choice)) {
        emulation->kind = emulates_tool;
        return tool_request(fitted, arena, keep, emulation);
    }
    if (!wants_call(fitted)) emulation->kind = emulates_schema;
    return schema_request(fitted, arena, keep, emulation);
}

/* -- the answer, whole -- */

/* The one member of {"value": x}, raw; {NULL,0}: it is none. */
static struct str unwrapped(struct str arguments, struct arena *arena) {
    const char *problem;
    size_t at;
    return json_raw(json_member(json_parse_in(arena, arguments, &problem, &at), "value"), arena);
}

static struct str answer_text(const struct emulation *emulation, struct str arguments, struct arena *arena) {
    struct str inside = emulation->wrapped ? unwrapped(arguments, arena) : STR_NONE;
    return inside.at ? inside : arguments.len ? arguments : STR("{}");
}

/* {"call":{"name":...,"arguments":...}} */
static bool call_read(struct str said, struct arena *arena, struct str *name, struct str *arguments) {
    const char *problem;
    size_t at;
    const struct json_value *call = json_member(json_parse_in(arena, said, &problem, &at), "call");
    *name = json_member_str(call, "name");
    *arguments = json_raw(json_member(call, "arguments"), arena);
    return name->len && arguments->len && arguments->at[0] == '{';
}

static void schema_reply(const struct emulation *emulation, struct message_choice *choice, struct arena *arena) {
    bool answered = false, others = false, told = false;
    size_t kept = 0;
    for (size_t i = 0; i < choice->part_count; i++) {
        bool ours = choice->parts[i].kind == part_tool_call && str_eq(choice->parts[i].name, emulation->name);
        answered |= ours;
        others |= choice->parts[i].kind == part_tool_call && !ours;
    }
    for (size_t i = 0; answered && i < choice->part_count; i++) {
        struct message_part part = choice->parts[i];
        if (part.kind == part_text) continue; /* beside the answer */
        if (part.kind == part_tool_call && str_eq(part.name, emulation->name)) {
            if (told) continue; /* it is one */
            told = true;
            part = (struct message_part){.kind = part_text, .text = answer_text(emulation, part.arguments, arena)};
        }
        choice->parts[kept++] = part;
    }
    if (!answered) return;
    choice->part_count = kept;
    if (!others && choice->finish == finish_tool_calls) choice->finish = finish_stop;
}

static bool is_call_text(struct str text) {
    struct str said = str_trim(text);
    return said.len && said.at[0] == '{';
}

static bool tool_reply(const struct emulation *emulation, struct message_choice *choice, struct arena *arena) {
    struct text said = text_in_arena(arena, 256);
    size_t kept = 0;
    for (size_t i = 0; i < choice->part_count; i++)
        if (choice->parts[i].kind == part_text) text_put(&said, choice->parts[i].text);
    if (said.failed) return false;
    struct message_part call = {
        .kind = part_tool_call, .name = emulation->name, .arguments = str_trim(text_str(&said))};
    bool is_call = emulation->wrapped ? call_read(call.arguments, arena, &call.name, &call.arguments)
                                      : is_call_text(call.arguments);
    if (!is_call) return true; /* as it is: what it says is no call */
    for (size_t i = 0; i < choice->part_count; i++)
        if (choice->parts[i].kind != part_text) choice->parts[kept++] = choice->parts[i];
    choice->parts[kept++] = call; /* in the place of a text */
    choice->part_count = kept;
    if (choice->finish == finish_stop) choice->finish = finish_tool_calls;
    return true;
}

bool emulate_reply(const struct emulation *emulation, struct message_reply *reply, struct arena *arena) {
    for (size_t c = 0; c < reply->choice_count; c++) {
        if (emulation->kind == emulates_schema) schema_reply(emulation, &reply->choices[c], arena);
        if (emulation->kind == emulates_tool && !tool_reply(emulation, &reply->choices[c], arena)) return false;
    }
    return true;
}

/* -- the answer, streamed -- */

static void put_text(struct message_events *out, struct str text) {
    if (text.len) message_event_add(out, message_event_text)->text = text;
}

static bool hold(struct text *held, struct str said, struct arena *keep) {
    if (!held->size) *held = text_in_arena(keep, 256);
    if (said.len > emulation_held_max - held->len) return false;
    text_put(held, said);
    return !held->failed;
}

static unsigned moved_up(const struct emulation *emulation, unsigned tool) {
    uint64_t before = tool < 64 ? (UINT64_C(1) << tool) - 1 : UINT64_MAX;
    return tool - (unsigned)__builtin_popcountll(emulation->ours & before);
}

/* What stood beside a call only counts where there was none that is the answer. */
static void schema_release(struct emulation *emulation, struct message_events *out) {
    if (emulation->over) return;
    emulation->over = true;
    if (!emulation->answered)
        put_text(out, text_str(&emulation->beside));
    else if (emulation->wrapped)
        put_text(out, answer_text(emulation, text_str(&emulation->held), out->arena));
    else if (!emulation->said)
        put_text(out, STR("{}"));
}

static bool schema_event(struct emulation *emulation, const struct message_event *event, struct arena *keep,
                         struct message_events *out) {
    bool ours = event->tool < 64 && emulation->ours >> event->tool & 1;
    struct message_event told = *event;
    switch (event->kind) {
    case message_event_text: return emulation->answered || hold(&emulation->beside, event->text, keep);
    case message_event_tool:
        if (event->tool < 64 && str_eq(event->name, emulation->name)) {
            emulation->ours |= UINT64_C(1) << event->tool;
            if (!emulation->answered) emulation->open = event->tool;
            emulation->answered = true;
            return true;
        }
        emulation->called = true;
        told.tool = moved_up(emulation, event->tool);
        break;
    case message_event_arguments:
        told.tool = moved_up(emulation, event->tool);
        if (!ours) break;
        if (event->tool != emulation->open) return true; /* a second answer */
        if (emulation->wrapped) return hold(&emulation->held, event->text, keep);
        emulation->said |= event->text.len > 0;
        put_text(out, event->text);
        return !out->failed;
    case message_event_finish:
        schema_release(emulation, out);
        if (emulation->answered && !emulation->called && event->finish == finish_tool_calls) told.finish = finish_stop;
        break;
    case message_event_end: schema_release(emulation, out); break;
    default: break;
    }
    *message_event_add(out, told.kind) = told;
    return !out->failed;
}

static void call_begin(struct emulation *emulation, struct str name, struct message_events *out) {
    struct message_event *call = message_event_add(out, message_event_tool);
    call->tool = emulation->open = emulation->calls++;
    call->name = name;
    emulation->called = true;
}

static void call_arguments(const struct emulation *emulation, struct str text, struct message_events *out) {
    if (!text.len) return;
    struct message_event *arguments = message_event_add(out, message_event_arguments);
    arguments->tool = emulation->open;
    arguments->text = text;
}

/* One of several: now that it is whole. */
static void tool_release(struct emulation *emulation, struct message_events *out) {
    struct str said = text_str(&emulation->held), name, arguments;
    if (emulation->over) return;
    emulation->over = true;
    if (!emulation->wrapped || !said.len) return;
    if (!call_read(said, out->arena, &name, &arguments)) {
        put_text(out, said);
        return;
    }
    call_begin(emulation, name, out);
    call_arguments(emulation, arguments, out);
}

static bool tool_text(struct emulation *emulation, struct str text, struct arena *keep, struct message_events *out) {
    if (emulation->wrapped) return hold(&emulation->held, text, keep);
    if (!emulation->called && !emulation->is_text && str_trim(text).len) {
        if (is_call_text(text))
            call_begin(emulation, emulation->name, out);
        else
            emulation->is_text = true;
    }
    if (emulation->called)
        call_arguments(emulation, text, out);
    else if (emulation->is_text)
        put_text(out, text);
    return !out->failed;
}

static bool tool_event(struct emulation *emulation, const struct message_event *event, struct arena *keep,
                       struct message_events *out) {
    struct message_event told = *event;
    switch (event->kind) {
    case message_event_text: return tool_text(emulation, event->text, keep, out);
    case message_event_finish:
        tool_release(emulation, out);
        if (emulation->called && event->finish == finish_stop) told.finish = finish_tool_calls;
        break;
    case message_event_end: tool_release(emulation, out); break;
    case message_event_tool: /* it was told not to */
    case message_event_arguments:
        if (emulation->called && event->tool >= emulation->open) told.tool++;
        if (told.tool >= emulation->calls) emulation->calls = told.tool + 1;
        break;
    default: break;
    }
    *message_event_add(out, told.kind) = told;
    return !out->failed;
}

bool emulate_event(struct emulation *emulation, const struct message_event *event, struct arena *keep,
                   struct message_events *out) {
    CHECKF((unsigned)event->kind < message_event_kinds, "kind=%d", (int)event->kind);
    if (event->choice == 0 && emulation->kind == emulates_schema) return schema_event(emulation, event, keep, out);
    if (event->choice == 0 && emulation->kind == emulates_tool) return tool_event(emulation, event, keep, out);
    *message_event_add(out, event->kind) = *event;
    return !out->failed;
}
