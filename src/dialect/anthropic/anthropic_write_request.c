/* anthropic_write_request.c - a canonical message as a Messages request: system text apart, roles by turns, a tool's
 * results first in the user's message that follows its call. */
#include <math.h>

#include "dialect/anthropic/anthropic.h"
#include "dialect/prompt_marks.h"

enum { usual_max_tokens = 4096, least_budget = 1024 };

/* -- blocks -- */

/* A part or a tool: as `marks` have it, or as its caller marked it. */
static void cache_put(struct text *text, const struct prompt_marks *marks, const void *at, bool own, struct str ttl) {
    const struct prompt_mark *mark = prompt_marks_at(marks, at);
    if (marks ? !mark : !own) return;
    if (mark) ttl = mark->ttl;
    text_json_key(text, STR("cache_control"));
    text_put(text, STR("{\"type\":\"ephemeral\""));
    text_json_str_if(text, STR("ttl"), ttl);
    text_put_byte(text, '}');
}

static void anthropic_write_request_block_begin(struct text *text, struct str type) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("type"), type);
}

static void source_put(struct text *text, const struct message_part *part) {
    const struct message_media *media = &part->media;
    text_json_key(text, STR("source"));
    text_put_byte(text, '{');
    if (media->data.at) {
        text_json_str(text, STR("type"), STR("base64"));
        text_json_str(text, STR("media_type"), media->mime.len ? media->mime : STR("image/png"));
        text_json_str(text, STR("data"), media->data);
    } else if (media->file_id.at) {
        text_json_str(text, STR("type"), STR("file"));
        text_json_str(text, STR("file_id"), media->file_id);
    } else if (media->url.at) {
        text_json_str(text, STR("type"), STR("url"));
        text_json_str(text, STR("url"), media->url);
    } else {
        text_json_str(text, STR("type"), STR("text"));
        text_json_str(text, STR("media_type"), STR("text/plain"));
        text_json_str(text, STR("data"), part->text);
    }
    text_put_byte(text, '}');
}

static void anthropic_write_part(struct text *text, const struct message_part *part, const struct prompt_marks *marks);

static void anthropic_write_result(struct text *text, const struct message_part *part,
                                   const struct prompt_marks *marks) {
    anthropic_write_request_block_begin(text, STR("tool_result"));
    text_json_str(text, STR("tool_use_id"), part->id.at ? part->id : part->name);
    text_json_key(text, STR("content"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < part->part_count; i++)
        if (part->parts[i].kind == part_text || part->parts[i].kind == part_image ||
            part->parts[i].kind == part_document)
            anthropic_write_part(text, &part->parts[i], marks);
    text_put_byte(text, ']');
    if (part->is_error) text_json_bool(text, STR("is_error"), true);
}

/* Thinking goes back to whom it came from only: others' has no signature that would be taken. */
static void reasoning_put(struct text *text, const struct message_part *part) {
    if (part->of != dialect_anthropic || (!part->signature.at && !part->data.at)) return;
    anthropic_write_request_block_begin(text, part->data.at ? STR("redacted_thinking") : STR("thinking"));
    if (part->data.at) {
        text_json_str(text, STR("data"), part->data);
    } else {
        text_json_str(text, STR("thinking"), part->text);
        text_json_str(text, STR("signature"), part->signature);
    }
    text_put_byte(text, '}');
}

static void anthropic_write_part(struct text *text, const struct message_part *part, const struct prompt_marks *marks) {
    switch (part->kind) {
    case part_text:
    case part_refusal:
        if (!part->text.len) return; /* an empty text block is refused */
        anthropic_write_request_block_begin(text, STR("text"));
        text_json_str(text, STR("text"), part->text);
        break;
    case part_image:
        anthropic_write_request_block_begin(text, STR("image"));
        source_put(text, part);
        break;
    case part_document:
        anthropic_write_request_block_begin(text, STR("document"));
        source_put(text, part);
        text_json_str_if(text, STR("title"), part->title);
        if (part->wants_citations) text_put(text, STR(",\"citations\":{\"enabled\":true}"));
        break;
    case part_tool_call:
        anthropic_write_request_block_begin(text, STR("tool_use"));
        text_json_str(text, STR("id"), part->id.at ? part->id : part->name);
        text_json_str(text, STR("name"), part->name);
        text_json_key(text, STR("input"));
        text_put_object(text, part->arguments, "arguments");
        break;
    case part_tool_result: anthropic_write_result(text, part, marks); break;
    case part_reasoning: reasoning_put(text, part); return;
    case part_foreign:
        if (part->of != dialect_anthropic) return;
        text_json_comma(text);
        text_put(text, part->raw);
        return;
    case part_audio:
    case part_kinds: return;
    }
    cache_put(text, marks, part, part->cache_mark, part->cache_ttl);
    text_put_byte(text, '}');
}

/* -- messages -- */

/* Has it a part that is written? A message without one is refused, and left out. */
static bool anthropic_says(const struct message *message) {
    for (size_t p = 0; p < message->part_count; p++) {
        const struct message_part *part = &message->parts[p];
        bool words = part->kind == part_text || part->kind == part_refusal;
        bool own = part->of == dialect_anthropic && (part->kind == part_foreign || part->signature.at || part->data.at);
        if (words                                                        ? part->text.len > 0
            : part->kind == part_reasoning || part->kind == part_foreign ? own
                                                                         : part->kind != part_audio)
            return true;
    }
    return false;
}

static void anthropic_write_system(struct text *text, const struct message_request *request,
                                   const struct prompt_marks *marks) {
    bool any = false;
    if (message_is_of_system_alone(request)) return; /* it is the user's then */
    const size_t leading = message_leading_system(request);
    for (size_t i = 0; i < leading; i++) {
        const struct message *message = &request->messages[i];
        for (size_t p = 0; p < message->part_count; p++) {
            if (message->parts[p].kind != part_text || !message->parts[p].text.len) continue;
            if (!any) text_json_key(text, STR("system"));
            if (!any) text_put_byte(text, '[');
            any = true;
            anthropic_write_part(text, &message->parts[p], marks);
        }
    }
    if (any) text_put_byte(text, ']');
}

static bool is_assistant(const struct message *message) { return message->role == message_assistant; }

/* Not among the messages: said apart, as those before the first turn are, or nothing. */
static bool stands_apart(const struct message *message, const struct message *turns) {
    return message < turns || !anthropic_says(message);
}

/* Neighbours of one role are one message; results stand first in theirs. */
static void messages_put(struct text *text, const struct message_request *request, const struct prompt_marks *marks) {
    const struct message *list = request->messages;
    const struct message *turns = list + (message_is_of_system_alone(request) ? 0 : message_leading_system(request));
    text_json_key(text, STR("messages"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < request->message_count;) {
        if (stands_apart(&list[i], turns)) {
            i++;
            continue;
        }
        bool assistant = is_assistant(&list[i]);
        size_t end = i;
        while (end < request->message_count &&
               (stands_apart(&list[end], turns) || is_assistant(&list[end]) == assistant))
            end++;
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("role"), assistant ? STR("assistant") : STR("user"));
        text_json_key(text, STR("content"));
        text_put_byte(text, '[');
        for (int results = 1; results >= 0; results--)
            for (size_t m = i; m < end; m++)
                for (size_t p = 0; p < list[m].part_count && !stands_apart(&list[m], turns); p++)
                    if ((list[m].parts[p].kind == part_tool_result) == results)
                        anthropic_write_part(text, &list[m].parts[p], marks);
        text_put(text, STR("]}"));
        i = end;
    }
    text_put_byte(text, ']');
}

/* -- tools, thinking -- */

static void anthropic_write_tools(struct text *text, const struct message_request *request,
                                  const struct prompt_marks *marks) {
    if (request->tool_count == 0) return;
    text_json_key(text, STR("tools"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < request->tool_count; i++) {
        const struct message_tool *tool = &request->tools[i];
        if (tool->raw.at && tool->of != dialect_anthropic) continue;
        text_json_comma(text);
        if (tool->raw.at) {
            text_put(text, tool->raw);
            continue;
        }
        text_put_byte(text, '{');
        text_json_str(text, STR("name"), tool->name);
        text_json_str_if(text, STR("description"), tool->description);
        text_json_raw(text, STR("input_schema"),
                      tool->parameters.at ? tool->parameters : STR("{\"type\":\"object\",\"properties\":{}}"));
        if (tool->strict) text_json_bool(text, STR("strict"), tool->strict == flag_true);
        cache_put(text, marks, tool, tool->cache_mark, tool->cache_ttl);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
}

static void anthropic_write_tool_choice(struct text *text, const struct message_request *request) {
    static const char *const types[] = {NULL, "auto", "none", "any", "tool"};
    bool one = request->parallel_tool_calls == flag_false;
    if (request->tool_count == 0 || (request->tool_choice == tools_unset && !one)) return;
    text_json_key(text, STR("tool_choice"));
    text_put_byte(text, '{');
    text_json_str(text, STR("type"), str_from(types[request->tool_choice ? request->tool_choice : tools_auto]));
    if (request->tool_choice == tools_named) text_json_str(text, STR("name"), request->tool_name);
    if (one && request->tool_choice != tools_none) text_json_bool(text, STR("disable_parallel_tool_use"), true);
    text_put_byte(text, '}');
}

static int64_t budget_of(enum message_effort effort) {
    static const int64_t budgets[] = {-1, 0, 1024, 2048, 8192, 16384, 24576, 32000};
    return budgets[effort];
}

/* With thinking the temperature is left out, and a tool must not be forced. 0: no thinking. */
static int64_t thinking_of(const struct message_request *request, const struct codec_target *target) {
    int64_t budget = request->reasoning_tokens;
    if (!target->reasons || request->tool_choice >= tools_required) return 0;
    if (budget == MESSAGE_NO_INT) budget = request->effort == effort_unset ? 0 : budget_of(request->effort);
    if (budget < 0) budget = budget_of(effort_medium);
    return budget > 0 && budget < least_budget ? least_budget : budget;
}

/* Newer models think as they like, beside an effort; of those that take a budget too, whoever says none gets that. */
static bool anthropic_is_adaptive(const struct message_request *request, const struct codec_target *target) {
    bool can = target->quirks->thinking_adaptive || (target->takes && model_thinks(target->takes, thinking_adaptive));
    bool budget = target->takes && model_thinks(target->takes, thinking_budget);
    return can && !(budget && request->reasoning_tokens > 0);
}

static void anthropic_write_thinking(struct text *text, const struct message_request *request, bool adaptive,
                                     int64_t budget) {
    bool off = request->effort == effort_none;
    if (off && adaptive) text_put(text, STR(",\"thinking\":{\"type\":\"disabled\"}"));
    if (budget <= 0) return;
    text_json_key(text, STR("thinking"));
    if (adaptive)
        text_put(text, STR("{\"type\":\"adaptive\"}"));
    else
        text_printf(text, "{\"type\":\"enabled\",\"budget_tokens\":%lld}", (long long)budget);
}

static void output_put(struct text *text, const struct message_request *request, bool adaptive, int64_t budget) {
    static const char *const efforts[] = {NULL, "low", "low", "low", "medium", "high", "xhigh", "max"};
    bool effort = adaptive && budget > 0 && request->effort;
    if (!effort && request->format != format_schema) return;
    text_json_key(text, STR("output_config"));
    text_put_byte(text, '{');
    if (effort) text_json_str(text, STR("effort"), str_from(efforts[request->effort]));
    if (request->format == format_schema) {
        text_json_key(text, STR("format"));
        text_put(text, STR("{\"type\":\"json_schema\""));
        text_json_raw(text, STR("schema"), request->schema.at ? request->schema : STR("{}"));
        text_put_byte(text, '}');
    }
    text_put_byte(text, '}');
}

static void knobs_put(struct text *text, const struct message_request *request, bool thinks) {
    if (!isnan(request->temperature) && !thinks)
        text_json_double(text, STR("temperature"), request->temperature > 1 ? 1 : request->temperature);
    if (!isnan(request->top_p) && !thinks) text_json_double(text, STR("top_p"), request->top_p);
    if (request->top_k != MESSAGE_NO_INT && !thinks) text_json_i64(text, STR("top_k"), request->top_k);
    bool any = false;
    for (size_t i = 0; i < request->stop_count; i++) {
        if (str_trim(request->stop[i]).len == 0) continue; /* one of blanks alone is refused */
        if (!any) text_json_key(text, STR("stop_sequences"));
        if (!any) text_put_byte(text, '[');
        any = true;
        text_json_comma(text);
        text_put_json(text, request->stop[i]);
    }
    if (any) text_put_byte(text, ']');
    if (request->user.len) {
        text_json_key(text, STR("metadata"));
        text_put_byte(text, '{');
        text_json_str(text, STR("user_id"), request->user);
        text_put_byte(text, '}');
    }
    bool tier = str_eq(request->service_tier, STR("auto")) || str_eq(request->service_tier, STR("standard_only"));
    if (tier) text_json_str(text, STR("service_tier"), request->service_tier);
}

void anthropic_write_request(const struct message_request *request, const struct codec_target *target,
                             struct text *body) {
    int64_t budget = thinking_of(request, target), most = request->max_tokens;
    if (most == MESSAGE_NO_INT) most = target->output_tokens_max > 0 ? target->output_tokens_max : usual_max_tokens;
    bool adaptive = anthropic_is_adaptive(request, target);
    if (budget > 0 && budget >= most && !adaptive) { /* it is part of it */
        if (request->max_tokens == MESSAGE_NO_INT && target->output_tokens_max <= 0)
            most = budget > INT64_MAX / 2 ? INT64_MAX : most + budget;
        else
            budget = most > least_budget ? most - 1 : 0; /* a cap is never exceeded */
    }
    text_put_byte(body, '{');
    text_json_str(body, STR("model"), target->model);
    if (!target->counts) text_json_i64(body, STR("max_tokens"), most);
    anthropic_write_system(body, request, target->marks);
    messages_put(body, request, target->marks);
    if (!target->counts) knobs_put(body, request, budget > 0);
    anthropic_write_tools(body, request, target->marks);
    anthropic_write_tool_choice(body, request);
    anthropic_write_thinking(body, request, adaptive, budget);
    output_put(body, request, adaptive, budget);
    for (size_t i = 0; i < request->extra_count && request->from == dialect_anthropic && !target->counts; i++)
        text_json_raw(body, request->extras[i].name, request->extras[i].raw);
    if (target->stream) text_json_bool(body, STR("stream"), true);
    text_put_byte(body, '}');
}
