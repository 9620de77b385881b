/* gemini_write_request.c - a canonical message as a generateContent request. */
#include <math.h>
#include <stdlib.h>

#include "dialect/gemini/gemini.h"

/* -- parts -- */

static void signature_put(struct text *text, const struct message_part *part) {
    if (part->of == dialect_gemini) text_json_str_if(text, STR("thoughtSignature"), part->signature);
}

static void media_put(struct text *text, const struct message_media *media, struct str usual) {
    text_json_key(text, media->data.at ? STR("inlineData") : STR("fileData"));
    text_put_byte(text, '{');
    text_json_str(text, STR("mimeType"), media->mime.len ? media->mime : usual);
    if (media->data.at)
        text_json_str(text, STR("data"), media->data);
    else
        text_json_str(text, STR("fileUri"), media->url.at ? media->url : media->file_id);
    text_put_byte(text, '}');
}

struct call {
    const struct message_part *part;
    size_t order; /* in the history */
};

/* The calls of the history, by id and then in their order: a result need not say the name of its call itself. */
struct calls {
    struct call *list;
    size_t count;
};

static int by_id(const void *a, const void *b) {
    const struct call *one = a, *other = b;
    int order = str_compare(one->part->id, other->part->id);
    return order ? order : (one->order > other->order) - (one->order < other->order);
}

static bool calls_sort(struct calls *calls, const struct message_request *request, struct arena *arena) {
    size_t most = 0;
    for (size_t m = 0; m < request->message_count; m++) most += request->messages[m].part_count;
    calls->count = 0;
    calls->list = arena_take(arena, most * sizeof *calls->list);
    if (!calls->list) return false;
    for (size_t m = 0; m < request->message_count; m++)
        for (size_t p = 0; p < request->messages[m].part_count; p++) {
            const struct message_part *part = &request->messages[m].parts[p];
            if (part->kind == part_tool_call) calls->list[calls->count] = (struct call){part, calls->count};
            calls->count += part->kind == part_tool_call;
        }
    if (calls->count) qsort(calls->list, calls->count, sizeof *calls->list, by_id);
    return true;
}

/* The name of the call that this result answers: of several with its id the first. */
static struct str name_of(const struct calls *calls, const struct message_part *result) {
    if (result->name.len) return result->name;
    size_t from = 0, to = calls->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (str_compare(calls->list[middle].part->id, result->id) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    if (from < calls->count && str_eq(calls->list[from].part->id, result->id)) return calls->list[from].part->name;
    return result->id.at ? result->id : STR("tool");
}

static void gemini_write_joined(struct text *text, const struct message_part *part) {
    text_put_byte(text, '"');
    for (size_t i = 0; i < part->part_count; i++)
        if (part->parts[i].kind == part_text) text_put_json_inside(text, part->parts[i].text);
    text_put_byte(text, '"');
}

static void gemini_write_result(struct text *text, const struct calls *calls, const struct message_part *part) {
    text_put(text, STR("{\"functionResponse\":{"));
    text_json_str_if(text, STR("id"), part->id);
    text_json_str(text, STR("name"), name_of(calls, part));
    text_json_key(text, STR("response"));
    struct str only =
        part->part_count == 1 && part->parts[0].kind == part_text ? str_trim(part->parts[0].text) : STR("");
    if (only.len && only.at[0] == '{') { /* an object, as it came */
        text_put_object(text, only, "result");
    } else {
        text_put_byte(text, '{');
        text_json_key(text, part->is_error ? STR("error") : STR("result"));
        gemini_write_joined(text, part);
        text_put_byte(text, '}');
    }
    text_put(text, STR("}}"));
    for (size_t i = 0; i < part->part_count; i++) { /* pictures stand beside it */
        const struct message_part *inner = &part->parts[i];
        if (inner->kind != part_image && inner->kind != part_document) continue;
        if (!inner->media.data.at && !inner->media.url.at) continue;
        text_put(text, STR(",{"));
        media_put(text, &inner->media, inner->kind == part_image ? STR("image/png") : STR("application/pdf"));
        text_put_byte(text, '}');
    }
}

/* Is the part written? */
static bool gemini_says(const struct message_part *part) {
    if (part->kind == part_foreign || part->kind == part_reasoning) return part->of == dialect_gemini;
    return part->kind != part_text || part->text.len || part->signature.at;
}

static void gemini_write_request_part_put(struct text *text, const struct calls *calls,
                                          const struct message_part *part) {
    if (!gemini_says(part)) return; /* of others' reasoning there is no signature that would be taken */
    text_json_comma(text);
    if (part->kind == part_tool_result) {
        gemini_write_result(text, calls, part);
        return;
    }
    if (part->kind == part_foreign) {
        text_put(text, part->raw);
        return;
    }
    text_put_byte(text, '{');
    switch (part->kind) {
    case part_image: media_put(text, &part->media, STR("image/png")); break;
    case part_audio: media_put(text, &part->media, STR("audio/wav")); break;
    case part_document:
        if (part->media.data.at || part->media.url.at || part->media.file_id.at)
            media_put(text, &part->media, STR("application/pdf"));
        else
            text_json_str(text, STR("text"), part->text);
        break;
    case part_tool_call:
        text_json_key(text, STR("functionCall"));
        text_put_byte(text, '{');
        text_json_str_if(text, STR("id"), part->id);
        text_json_str(text, STR("name"), part->name);
        text_json_key(text, STR("args"));
        text_put_object(text, part->arguments, "arguments");
        text_put_byte(text, '}');
        break;
    default:
        text_json_str(text, STR("text"), part->text);
        if (part->kind == part_reasoning) text_json_bool(text, STR("thought"), true);
    }
    signature_put(text, part);
    text_put_byte(text, '}');
}

/* -- contents -- */

/* Not among the contents: said apart, as those before the first turn are, or nothing. A content without parts is
 * refused. */
static bool stands_aside(const struct message *message, const struct message *turns) {
    if (message < turns) return true;
    for (size_t p = 0; p < message->part_count; p++)
        if (gemini_says(&message->parts[p])) return false;
    return true;
}

static void gemini_write_system(struct text *text, const struct message_request *request) {
    bool any = false;
    if (message_is_of_system_alone(request)) return; /* it is the user's then */
    const size_t leading = message_leading_system(request);
    for (size_t i = 0; i < leading; i++) {
        const struct message *message = &request->messages[i];
        for (size_t p = 0; p < message->part_count; p++) {
            if (message->parts[p].kind != part_text || !message->parts[p].text.len) continue;
            if (!any) text_put(text, STR(",\"systemInstruction\":{\"parts\":["));
            any = true;
            gemini_write_request_part_put(text, NULL, &message->parts[p]); /* text */
        }
    }
    if (any) text_put(text, STR("]}"));
}

/* Neighbours of one role are one content. */
static void contents_put(struct text *text, const struct message_request *request) {
    const struct message *list = request->messages;
    struct calls calls;
    struct arena scrap;
    arena_init_beside(&scrap, 4096, text->arena);
    text->failed |= !calls_sort(&calls, request, &scrap);
    const struct message *turns = list + (message_is_of_system_alone(request) ? 0 : message_leading_system(request));
    text_json_key(text, STR("contents"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < request->message_count;) {
        if (stands_aside(&list[i], turns)) {
            i++;
            continue;
        }
        bool model = list[i].role == message_assistant;
        text_json_comma(text);
        text_put(text, model ? STR("{\"role\":\"model\",\"parts\":[") : STR("{\"role\":\"user\",\"parts\":["));
        for (; i < request->message_count &&
               (stands_aside(&list[i], turns) || (list[i].role == message_assistant) == model);
             i++)
            for (size_t p = 0; p < list[i].part_count && !stands_aside(&list[i], turns); p++)
                gemini_write_request_part_put(text, &calls, &list[i].parts[p]);
        text_put(text, STR("]}"));
    }
    text_put_byte(text, ']');
    arena_free(&scrap);
}

/* -- tools, configuration -- */

static void gemini_write_tools(struct text *text, const struct message_request *request) {
    bool functions = false, any = false;
    for (size_t i = 0; i < request->tool_count; i++) {
        functions |= !request->tools[i].raw.at;
        any |= !request->tools[i].raw.at || request->tools[i].of == dialect_gemini;
    }
    if (!any) return;
    text_put(text, STR(",\"tools\":["));
    if (functions) text_put(text, STR("{\"functionDeclarations\":["));
    for (size_t i = 0; i < request->tool_count; i++) {
        const struct message_tool *tool = &request->tools[i];
        if (tool->raw.at) continue;
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("name"), tool->name);
        text_json_str_if(text, STR("description"), tool->description);
        text_json_raw(text, STR("parametersJsonSchema"), tool->parameters);
        text_put_byte(text, '}');
    }
    if (functions) text_put(text, STR("]}"));
    for (size_t i = 0; i < request->tool_count; i++) {
        if (!request->tools[i].raw.at || request->tools[i].of != dialect_gemini) continue;
        text_json_comma(text);
        text_put(text, request->tools[i].raw);
    }
    text_put_byte(text, ']');
}

static void gemini_write_tool_choice(struct text *text, const struct message_request *request) {
    static const char *const modes[] = {NULL, "AUTO", "NONE", "ANY", "ANY"};
    if (request->tool_choice == tools_unset || request->tool_count == 0) return;
    text_put(text, STR(",\"toolConfig\":{\"functionCallingConfig\":{"));
    text_json_str(text, STR("mode"), str_from(modes[request->tool_choice]));
    if (request->tool_choice == tools_named) {
        text_put(text, STR(",\"allowedFunctionNames\":["));
        text_put_json(text, request->tool_name);
        text_put_byte(text, ']');
    }
    text_put(text, STR("}}"));
}

static void gemini_write_thinking(struct text *text, const struct message_request *request,
                                  const struct codec_target *target) {
    static const char *const levels[] = {NULL, "MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"};
    static const int budgets[] = {-1, 0, 512, 1024, 8192, 16384, 24576, 24576};
    bool asked = request->effort || request->reasoning_tokens != MESSAGE_NO_INT;
    bool by_level = target->quirks->thinking_levels || (target->takes && model_thinks(target->takes, thinking_levels));
    if (!target->reasons || (!asked && request->show_reasoning == flag_unset)) return;
    text_json_key(text, STR("thinkingConfig"));
    text_put_byte(text, '{');
    if (request->effort && by_level)
        text_json_str(text, STR("thinkingLevel"), str_from(levels[request->effort]));
    else if (asked && !by_level)
        text_json_i64(text, STR("thinkingBudget"),
                      request->effort ? budgets[request->effort] : request->reasoning_tokens);
    text_json_bool(text, STR("includeThoughts"), request->show_reasoning != flag_false);
    text_put_byte(text, '}');
}

static void gemini_write_format(struct text *text, const struct message_request *request) {
    if (request->format < format_json) return;
    text_json_str(text, STR("responseMimeType"), STR("application/json"));
    if (request->format == format_schema)
        text_json_raw(text, STR("responseJsonSchema"), request->schema.at ? request->schema : STR("{}"));
}

static void config_put(struct text *text, const struct message_request *request, const struct codec_target *target) {
    text_put(text, STR(",\"generationConfig\":{"));
    if (!isnan(request->temperature)) text_json_double(text, STR("temperature"), request->temperature);
    if (!isnan(request->top_p)) text_json_double(text, STR("topP"), request->top_p);
    if (request->top_k != MESSAGE_NO_INT) text_json_i64(text, STR("topK"), request->top_k);
    if (request->n != MESSAGE_NO_INT) text_json_i64(text, STR("candidateCount"), request->n);
    if (request->max_tokens != MESSAGE_NO_INT) text_json_i64(text, STR("maxOutputTokens"), request->max_tokens);
    if (request->seed != MESSAGE_NO_INT) text_json_i64(text, STR("seed"), request->seed);
    if (!isnan(request->presence_penalty)) text_json_double(text, STR("presencePenalty"), request->presence_penalty);
    if (!isnan(request->frequency_penalty)) text_json_double(text, STR("frequencyPenalty"), request->frequency_penalty);
    if (request->logprobs == flag_true) text_json_bool(text, STR("responseLogprobs"), true);
    if (request->logprobs == flag_true && request->top_logprobs != MESSAGE_NO_INT)
        text_json_i64(text, STR("logprobs"), request->top_logprobs);
    if (request->stop_count) {
        text_json_key(text, STR("stopSequences"));
        strings_put(text, request->stop, request->stop_count);
    }
    gemini_write_format(text, request);
    gemini_write_thinking(text, request, target);
    for (size_t i = 0; i < request->extra_count && request->from == dialect_gemini; i++)
        text_json_raw(text, request->extras[i].name, request->extras[i].raw);
    text_put_byte(text, '}');
}

void gemini_write_request(const struct message_request *request, const struct codec_target *target, struct text *body) {
    if (target->counts) {
        text_put(body, STR("{\"generateContentRequest\":{\"model\":\"models/"));
        text_put_json_inside(body, target->model);
        text_put(body, STR("\","));
    } else {
        text_put_byte(body, '{');
    }
    contents_put(body, request);
    gemini_write_system(body, request);
    gemini_write_tools(body, request);
    gemini_write_tool_choice(body, request);
    text_json_raw(body, STR("safetySettings"), request->safety);
    config_put(body, request, target);
    text_put_byte(body, '}');
    if (target->counts) text_put_byte(body, '}');
}
