/* codec_request_property_test.c - requests at random, which come back as they were; see codec_property.h. */
#include "dialect/gemini/gemini.h"
#include "codec_property.h"

/* -- requests at random -- */

static struct message *message_add(struct message_request *request, enum message_role role, size_t parts_most) {
    struct message *message = &request->messages[request->message_count++];
    *message = (struct message){.role = role, .parts = take(parts_most * sizeof *message->parts)};
    if ((!codec || is(dialect_openai)) && role != message_tool && one_in(8)) message->name = words();
    return message;
}

static void part_add(struct message *message, struct message_part part) {
    message->parts[message->part_count++] = part;
}

/* One of what a user may say, results aside. */
static struct message_part user_part(void) {
    switch (below(8)) {
    case 0: return image_part();
    case 1: return can(feature_audio) ? audio_part() : image_part();
    case 2: return can(feature_document) ? document_part() : image_part();
    case 3: return is(dialect_ollama) ? image_part() : foreign_part();
    default: return text_part(said());
    }
}

/* OpenAI: any roles in any order; results one a message; an assistant's text is one string. */
static void openai_message(struct message_request *request) {
    static const enum message_role roles[] = {message_user, message_user,   message_assistant, message_assistant,
                                              message_tool, message_system, message_developer};
    struct message *message = message_add(request, roles[below(sizeof roles / sizeof *roles)], 8);
    switch (message->role) {
    case message_tool: part_add(message, result_part()); return;
    case message_assistant:
        if (!one_in(3)) part_add(message, text_part(said()));
        if (message->part_count && one_in(5)) part_add(message, foreign_part());
        if (one_in(5)) part_add(message, (struct message_part){.kind = part_refusal, .text = said()});
        for (uint64_t calls = below(3); calls > 0; calls--) part_add(message, call_part());
        return;
    case message_user:
        for (uint64_t i = 1 + below(3); i > 0; i--) part_add(message, user_part());
        if (message->part_count == 1 && message->parts[0].kind == part_text) message->parts[0].text = words();
        return;
    default:
        for (uint64_t i = 1 + below(3); i > 0; i--) part_add(message, text_part(words()));
    }
}

/* The first call of the history with this id, or NULL. */
static const struct message_part *call_with(const struct message_request *request, struct str id) {
    for (size_t m = 0; m < request->message_count; m++)
        for (size_t p = 0; p < request->messages[m].part_count; p++) {
            const struct message_part *part = &request->messages[m].parts[p];
            if (part->kind == part_tool_call && str_eq(part->id, id)) return part;
        }
    return NULL;
}

/* A result of a call that was made before, where there is one. */
static void result_answer(struct message_part *result, const struct message_request *request) {
    const struct message *before = &request->messages[below(request->message_count)];
    const struct message_part *call = before->part_count ? &before->parts[below(before->part_count)] : NULL;
    if (!call || call->kind != part_tool_call) return;
    result->id = call->id;
    result->name = call_with(request, call->id)->name;
}

/* Leaves out the names that Gemini's writer is to find by itself. */
static void names_forget(struct message_request *request) {
    for (size_t m = 0; m < request->message_count; m++)
        for (size_t p = 0; p < request->messages[m].part_count; p++) {
            struct message_part *part = &request->messages[m].parts[p];
            const struct message_part *call = part->kind == part_tool_result ? call_with(request, part->id) : NULL;
            if (call && str_eq(call->name, part->name)) part->name = STR_NONE;
        }
}

/* Anthropic and Gemini: system text first, then turns; results first in the user's. */
static void turns_make(struct message_request *request, size_t count) {
    bool anthropic = is(dialect_anthropic), user = !one_in(4);
    if (one_in(2)) {
        struct message *system = message_add(request, message_system, 4);
        for (uint64_t i = 1 + below(3); i > 0; i--) part_add(system, text_part(said()));
    }
    for (; count > 0; count--, user = !user) {
        struct message *message = message_add(request, user ? message_user : message_assistant, 12);
        for (uint64_t i = user ? below(3) : 0; i > 0; i--) {
            part_add(message, result_part());
            if (!anthropic && one_in(2)) result_answer(&message->parts[message->part_count - 1], request);
        }
        for (uint64_t i = 1 + below(3); i > 0; i--) { /* a turn of nothing is refused there, and left out */
            if (user)
                part_add(message, user_part());
            else if (one_in(3))
                part_add(message, reasoning_part(true));
            else if (one_in(4))
                part_add(message, foreign_part());
            else
                part_add(message, one_in(2) ? call_part() : text_part(said()));
            struct message_part *last = &message->parts[message->part_count - 1];
            if (!anthropic && last->kind == part_text && one_in(4)) last->signature = said();
            if (!anthropic && last->kind == part_text && last->signature.at && one_in(2)) last->text = STR("");
        }
    }
}

/* Ollama: one text and its images a message. */
static void ollama_message(struct message_request *request) {
    static const enum message_role roles[] = {message_user, message_assistant, message_tool, message_system};
    struct message *message = message_add(request, roles[below(sizeof roles / sizeof *roles)], 8);
    if (message->role == message_tool) {
        part_add(message, result_part());
        return;
    }
    if (message->role == message_assistant && one_in(2)) part_add(message, reasoning_part(true));
    if (!one_in(4)) part_add(message, text_part(said()));
    for (uint64_t i = below(2); i > 0; i--) part_add(message, image_part());
    for (uint64_t i = message->role == message_assistant ? below(3) : 0; i > 0; i--) part_add(message, call_part());
}

/* Workers AI: a text, or a list that holds an image; and calls. */
static void cloudflare_message(struct message_request *request) {
    static const enum message_role roles[] = {message_user, message_assistant, message_tool, message_system};
    struct message *message = message_add(request, roles[below(sizeof roles / sizeof *roles)], 12);
    if (message->role == message_tool) {
        part_add(message, result_part());
        return;
    }
    for (uint64_t i = one_in(3) ? 1 + below(2) : 0; i > 0; i--) {
        part_add(message, text_part(said()));
        part_add(message, image_part());
    }
    if (!message->part_count && !one_in(4)) part_add(message, text_part(said()));
    for (uint64_t i = message->role == message_assistant ? below(3) : 0; i > 0; i--) part_add(message, call_part());
    if (!message->part_count) part_add(message, text_part(STR("")));
}

/* The Responses API: items, of which neighbours of the assistant are one message. */
static void responses_message(struct message_request *request) {
    static const enum message_role roles[] = {message_user, message_user,   message_assistant, message_assistant,
                                              message_tool, message_system, message_developer};
    enum message_role role = roles[below(sizeof roles / sizeof *roles)];
    bool again = request->message_count && request->messages[request->message_count - 1].role == message_assistant;
    struct message *message = message_add(request, role == message_assistant && again ? message_user : role, 8);
    if (message->role == message_tool) {
        part_add(message, result_part());
        return;
    }
    for (uint64_t i = 1 + below(3); i > 0; i--) {
        if (message->role == message_user && one_in(3)) {
            part_add(message, one_in(2) ? image_part() : document_part());
        } else if (message->role == message_assistant && one_in(2)) {
            struct message_part part = one_in(2) ? call_part() : reasoning_part(true);
            if (part.kind == part_reasoning) part.data = arena_printf(&arena, "d%.*s", STR_ARG(words()));
            part_add(message, part);
        } else {
            part_add(message, text_part(said()));
        }
    }
}

/* Hugging Face: one text. */
static void huggingface_message(struct message_request *request) {
    if (request->message_count) return;
    part_add(message_add(request, message_user, 1), text_part(words()));
}

static void any_message(struct message_request *request) {
    struct message *message = message_add(request, (enum message_role)below(message_tool + 1), 8);
    for (uint64_t i = below(5); i > 0; i--) part_add(message, any_part());
}

static void messages_make(struct message_request *request) {
    size_t count = 1 + below(6);
    request->messages = take((count + 1) * sizeof *request->messages);
    if (is(dialect_anthropic) || is(dialect_gemini)) {
        turns_make(request, count);
        return;
    }
    void (*const makes[dialects])(struct message_request *) = {[dialect_openai] = openai_message,
                                                               [dialect_ollama] = ollama_message,
                                                               [dialect_cloudflare] = cloudflare_message,
                                                               [dialect_huggingface] = huggingface_message,
                                                               [dialect_responses] = responses_message};
    void (*make)(struct message_request *) = codec ? makes[codec->dialect] : any_message;
    assert_non_null(make);
    for (size_t i = 0; i < count; i++) make(request);
}

static void tools_make(struct message_request *request) {
    static const char *const firsts[dialects] = {[dialect_anthropic] = "\"type\":\"web_search_20250305\"",
                                                 [dialect_gemini] = "\"googleSearch\":{}",
                                                 [dialect_openai] = "\"type\":\"custom\""};
    size_t count = can(feature_tools) && one_in(2) ? below(4) : 0;
    request->tools = take(count * sizeof *request->tools);
    bool plain = is(dialect_ollama) || is(dialect_cloudflare);
    while (request->tool_count < count) {
        struct message_tool *tool = &request->tools[request->tool_count++];
        bool before_foreign = !is(dialect_gemini) || request->tool_count == count; /* which stand last there */
        tool->of = whose();
        if (before_foreign && !plain && one_in(5)) {
            tool->raw = raw_with(firsts[tool->of] ? firsts[tool->of] : "\"type\":\"x\"");
            continue;
        }
        tool->name = said();
        tool->description = maybe();
        if (is(dialect_anthropic) || is(dialect_responses) || one_in(2)) tool->parameters = raw_object();
        if (!is(dialect_gemini) && !plain) tool->strict = (enum message_flag)below(3);
        if (is(dialect_responses) && !tool->strict) tool->strict = flag_false; /* it is said always */
        tool->cache_mark = can(feature_cache_control) && one_in(4);
        if (tool->cache_mark) tool->cache_ttl = maybe();
    }
    if (count == 0 && codec) return; /* no choice without tools */
    request->tool_choice = (enum message_choice_of_tool)below(tools_named + 1);
    if (plain) request->tool_choice = tools_unset;
    if (request->tool_choice == tools_named) request->tool_name = said();
}

static void knobs_make(struct message_request *request) {
    for (size_t i = 0; i < knob_count; i++) {
        void *at = (char *)request + knobs[i].field.at;
        if (!can(knobs[i].feature) || !one_in(3)) continue;
        switch (knobs[i].field.kind) {
        case field_double: *(double *)at = real(is(dialect_anthropic) ? 1 : 2); break;
        case field_int: *(int64_t *)at = whole(); break;
        case field_str: *(struct str *)at = words(); break;
        case field_raw: *(struct str *)at = raw_object(); break;
        case field_flag: *(enum message_flag *)at = (enum message_flag)(1 + below(2)); break;
        }
    }
    if (can(feature_reasoning_effort) && one_in(3)) request->effort = (enum message_effort)below(effort_max + 1);
    if (one_in(3)) request->format = (enum message_format)below(format_schema + 1);
    if (request->format == format_schema) request->schema = raw_object();
    if (request->format == format_schema && (!codec || is(dialect_openai) || is(dialect_responses))) {
        request->schema_name = said();
        request->schema_description = maybe();
        request->schema_strict = (enum message_flag)below(3);
    }
    if (can(feature_json_object) == false && request->format == format_json) request->format = format_unset;
    size_t stops = can(feature_stop) && one_in(3) ? below(5) : 0, extras = one_in(4) ? below(3) : 0;
    request->stop = take(stops * sizeof *request->stop);
    while (request->stop_count < stops)
        request->stop[request->stop_count++] = arena_printf(&arena, "s%.*s", STR_ARG(words()));
    if (is(dialect_ollama) || is(dialect_huggingface)) return;
    request->extras = take(extras * sizeof *request->extras);
    while (request->extra_count < extras) {
        struct str name = arena_printf(&arena, "x%zu%.*s", request->extra_count, STR_ARG(words()));
        request->extras[request->extra_count++] = (struct message_extra){name, raw_object()};
    }
}

/* What no feature names and the dialect cannot say all the same. */
static void request_fit(struct message_request *request, struct codec_target *target) {
    request->include_usage = true;
    if (is(dialect_openai)) {
        request->reasoning_tokens = MESSAGE_NO_INT;
        request->show_reasoning = flag_unset;
        request->include_usage = request->stream;
        return;
    }
    if (is(dialect_responses)) {
        request->reasoning_tokens = MESSAGE_NO_INT;
        if (request->show_reasoning) request->show_reasoning = flag_true;
        request->logprobs = flag_unset;
        if (request->schema_strict == flag_false) request->schema_strict = flag_unset;
        if (request->format == format_text) request->format = format_unset;
        return;
    }
    bool flagged = request->logprobs == flag_true;
    if (request->format == format_text) request->format = format_unset;
    if (is(dialect_cloudflare)) {
        request->max_tokens = 1 + (int64_t)below(10000);
        if (request->top_k != MESSAGE_NO_INT) request->top_k = 1 + (int64_t)below(50);
        if (request->seed != MESSAGE_NO_INT) request->seed = 1 + (int64_t)below(9999999999);
        return;
    }
    if (is(dialect_huggingface)) {
        if (request->top_p >= 1) request->top_p = NAN;
        return;
    }
    if (!flagged) request->logprobs = flag_unset;
    if (!flagged) request->top_logprobs = MESSAGE_NO_INT;
    if (is(dialect_anthropic)) {
        bool thinks = request->tool_choice < tools_required && one_in(2), adaptive = one_in(2);
        request->max_tokens = 2000 + whole() % 100000;
        request->reasoning_tokens = !thinks ? MESSAGE_NO_INT : adaptive ? -1 : 1024 + (int64_t)below(900);
        request->effort =
            !thinks || !adaptive || one_in(3) ? effort_unset : (enum message_effort)(effort_low + below(5));
        request->show_reasoning = flag_unset;
        if (thinks) request->temperature = request->top_p = NAN;
        if (thinks) request->top_k = MESSAGE_NO_INT;
        if (adaptive) target->quirks = quirks_of(STR("anthropic"), STR("claude-opus-4-6"));
        if (request->user.at && !request->user.len) request->user = STR_NONE;
        if (request->service_tier.at) request->service_tier = one_in(2) ? STR("auto") : STR("standard_only");
        bool one = request->tool_choice != tools_unset && request->tool_choice != tools_none && one_in(2);
        request->parallel_tool_calls = one ? flag_false : flag_unset;
    } else if (is(dialect_gemini)) {
        bool levels = one_in(2), asked = request->effort || request->reasoning_tokens != MESSAGE_NO_INT;
        if (levels) target->quirks = quirks_of(STR("gemini"), STR("gemini-3-pro"));
        if (levels) request->reasoning_tokens = MESSAGE_NO_INT;
        if (levels && request->effort) request->effort = (enum message_effort)(effort_minimal + below(4));
        if (!levels) request->effort = effort_unset;
        asked = request->effort || request->reasoning_tokens != MESSAGE_NO_INT;
        if (asked && !request->show_reasoning) request->show_reasoning = flag_true;
        if (request->safety.at) request->safety = arena_printf(&arena, "[%.*s]", STR_ARG(request->safety));
    } else if (is(dialect_ollama)) {
        static const enum message_effort efforts[] = {effort_unset,  effort_none, effort_low,
                                                      effort_medium, effort_high, effort_max};
        request->effort = efforts[below(sizeof efforts / sizeof *efforts)];
        request->reasoning_tokens = MESSAGE_NO_INT;
        request->show_reasoning = flag_unset;
    }
}

static struct message_request request_make(struct codec_target *target) {
    struct message_request request;
    message_request_init(&request, whose());
    request.model = said();
    request.stream = one_in(2);
    if (!codec && one_in(8)) request.completes = request.echo = true;
    if (!codec && one_in(8)) request.suffix = words();
    messages_make(&request);
    tools_make(&request);
    knobs_make(&request);
    *target = (struct codec_target){request.model, quirks_of(STR(""), STR("")), 8192, true, request.stream};
    if (codec) request_fit(&request, target);
    return request;
}

/* -- requests -- */

static struct str request_say(const struct codec *by, const struct message_request *request,
                              const struct codec_target *target) {
    struct text text = text_in_arena(&arena, 1024);
    by->write_request(request, target, &text);
    assert_false(text.failed);
    if (!is_json(text_str(&text))) wrong_tell("a request is no JSON", by->name.at, STR(""), text_str(&text));
    return text_str(&text);
}

static void request_comes_back(const struct codec *by) {
    struct message_request back;
    struct codec_target target;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    codec = by;
    struct message_request request = request_make(&target);
    if (is(dialect_gemini)) gemini_pair_calls(&request, &arena); /* as the reader does */
    struct str want = request_dump(&request);
    if (is(dialect_gemini)) names_forget(&request);
    struct str written = request_say(by, &request, &target);
    if (!by->read_request(written, request.model, request.stream, &arena, &back, &error, &param)) {
        wrong_tell(error.message, by->name.at, want, written);
        return;
    }
    struct str got = request_dump(&back);
    if (!str_eq(want, got)) wrong_tell("the request differs", by->name.at, want, got);
}

/* Everything, in every dialect: JSON, and what has been read from it stays the same. */
static void request_of_everything(void) {
    static const struct str vendors[] = {STR(""), STR("mistral"), STR("deepseek"), STR("xai"), STR("compatible")};
    struct codec_target target;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    codec = NULL;
    struct message_request request = request_make(&target), back;
    target.quirks = quirks_of(vendors[below(sizeof vendors / sizeof *vendors)], STR("m"));
    target.reasons = one_in(2);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *by = codec_of((enum dialect)d);
        if (!by || !by->write_request) continue;
        message_features(&request, by->dialect);
        struct str told[3] = {request_say(by, &request, &target)};
        for (size_t i = 1; i < 3; i++) {
            if (!by->read_request(told[i - 1], request.model, request.stream, &arena, &back, &error, &param)) break;
            told[i] = request_say(by, &back, &target);
        }
        if (!told[2].at || target.quirks->no_json_schema) continue; /* which puts the schema into words each time */
        struct str twice = normal(told[1]), thrice = normal(told[2]);
        if (!str_eq(twice, thrice)) wrong_tell("said twice", by->name.at, twice, thrice);
    }
}

/* -- the property -- */

static bool has_request(const struct codec *by) { return by->read_request && by->write_request; }

static void requests_come_back(void **state) {
    (void)state;
    property_check("requests", has_request, request_comes_back, request_of_everything);
}

int main(void) {
    const struct CMUnitTest test = cmocka_unit_test(requests_come_back);
    return property_main(&test);
}
