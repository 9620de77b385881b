/* openai_reply.c - whole chat replies: every vendor's read, OpenAI's written. */
#include <string.h>

#include "dialect/openai/openai_codec.h"

static const struct finish_name finish_names[] = {
    /* the name that is written stands first */
    {STR("stop"), finish_stop},
    {STR("stop"), finish_stop_sequence},
    {STR("length"), finish_length},
    {STR("tool_calls"), finish_tool_calls},
    {STR("content_filter"), finish_content_filter},
    {STR("error"), finish_error},
    {STR("function_call"), finish_tool_calls},
    {STR("eos"), finish_stop},                           /* Together */
    {STR("model_length"), finish_length},                /* Mistral */
    {STR("insufficient_system_resource"), finish_error}, /* DeepSeek */
};
enum { finish_name_count = sizeof finish_names / sizeof *finish_names };

struct str openai_finish_name(enum message_finish finish) {
    return finish_name_of(finish_names, finish_name_count, finish, STR_NONE);
}

enum message_finish openai_read_finish(struct str name) {
    return name.len ? finish_of_name(finish_names, finish_name_count, name) : finish_none;
}

/* -- read -- */

void openai_read_citations(const struct json_value *list, struct arena *arena, struct message_part *part) {
    size_t place = 0;
    if (json_count(list) == 0) return;
    part->citations = arena_take_zeroed(arena, json_count(list) * sizeof *part->citations);
    for (const struct json_value *at; part->citations && (at = json_each(list, &place, NULL));) {
        const struct json_value *url = json_member(at, "url_citation");
        if (!url) continue;
        part->citations[part->citation_count++] =
            (struct message_citation){.url = json_member_str(url, "url"),
                                      .title = json_member_str(url, "title"),
                                      .start = json_i64(json_member(url, "start_index"), MESSAGE_NO_INT),
                                      .end = json_i64(json_member(url, "end_index"), MESSAGE_NO_INT)};
    }
}

static void choice_read(const struct json_value *value, struct arena *arena, struct message_choice *choice) {
    const struct json_value *message = json_member(value, "message"), *calls = json_member(message, "tool_calls"),
                            *old = json_member(message, "function_call");
    struct str reasoning = json_str(json_member(message, "reasoning_content"), json_member_str(message, "reasoning")),
               refusal = json_member_str(message, "refusal");
    size_t said = 0, place = 0;
    struct message_part *content = openai_read_parts(json_member(message, "content"), arena, &said);
    choice->parts = arena_take_zeroed(arena, (said + json_count(calls) + 3) * sizeof *choice->parts);
    choice->finish = openai_read_finish(json_member_str(value, "finish_reason"));
    if (json_kind(json_member(value, "logprobs")) == json_object)
        choice->logprobs = json_raw(json_member(value, "logprobs"), arena);
    if (!choice->parts) return;
    struct message_part *parts = choice->parts;
    size_t *count = &choice->part_count;
    bool cited = false; /* by the first text: annotations stand beside the content */
    if (reasoning.len)
        parts[(*count)++] = (struct message_part){.kind = part_reasoning, .text = reasoning, .of = dialect_openai};
    for (size_t i = 0; i < said; i++) {
        if (content[i].kind == part_text && !content[i].text.len) continue;
        parts[*count] = content[i];
        if (content[i].kind == part_text && !cited)
            openai_read_citations(json_member(message, "annotations"), arena, &parts[*count]);
        cited |= content[i].kind == part_text;
        ++*count;
    }
    if (refusal.len) parts[(*count)++] = (struct message_part){.kind = part_refusal, .text = refusal};
    for (const struct json_value *call; (call = json_each(calls, &place, NULL));) {
        const struct json_value *function = json_member(call, "function");
        if (!function) function = json_member(call, "custom");
        parts[(*count)++] = (struct message_part){
            .kind = part_tool_call,
            .of = dialect_openai,
            .id = json_member_str(call, "id"),
            .name = json_member_str(function, "name"),
            .arguments = json_str(json_member(function, "arguments"), json_member_str(function, "input"))};
    }
    if (json_kind(old) == json_object)
        parts[(*count)++] = (struct message_part){.kind = part_tool_call,
                                                  .of = dialect_openai,
                                                  .name = json_member_str(old, "name"),
                                                  .arguments = json_member_str(old, "arguments")};
}

bool openai_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                       struct message_reply *reply, bool *error_inside) {
    const struct json_value *root;
    struct error error;
    (void)quirks;
    *reply = (struct message_reply){.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    *error_inside = false;
    usage_meter(&reply->usage, arena);
    if (!codec_parse(body, arena, &root, &error) || !openai_skim_reply(body, &reply->usage, error_inside)) return false;
    if (*error_inside) return true;
    const struct json_value *choices = json_member(root, "choices");
    if (json_kind(choices) != json_array) return false;
    reply->id = json_member_str(root, "id");
    reply->model = json_member_str(root, "model");
    reply->created_s = json_i64(json_member(root, "created"), MESSAGE_NO_INT);
    reply->service_tier = json_member_str(root, "service_tier");
    reply->fingerprint = json_member_str(root, "system_fingerprint");
    reply->choices = arena_take_zeroed(arena, (json_count(choices) + 1) * sizeof *reply->choices);
    if (!reply->choices) return false;
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(choices, &place, NULL));)
        choice_read(at, arena, &reply->choices[reply->choice_count++]);
    return true;
}

/* -- written -- */

/* Texts of one kind, one behind the other, as one string. */
static void openai_write_joined(struct text *text, struct str name, const struct message_choice *choice,
                                enum part_kind kind, bool null_for_none) {
    bool any = false;
    for (size_t i = 0; i < choice->part_count; i++) {
        if (choice->parts[i].kind != kind) continue;
        if (!any) text_json_key(text, name);
        if (!any) text_put_byte(text, '"');
        any = true;
        text_put_json_inside(text, choice->parts[i].text);
    }
    if (any) {
        text_put_byte(text, '"');
    } else if (null_for_none) {
        text_json_key(text, name);
        text_put(text, STR("null"));
    }
}

void openai_write_annotations(struct text *text, const struct message_choice *choice) {
    bool any = false;
    for (size_t i = 0; i < choice->part_count; i++)
        for (size_t c = 0; c < choice->parts[i].citation_count; c++) {
            const struct message_citation *citation = &choice->parts[i].citations[c];
            if (!citation->url.at) continue;
            if (!any) text_json_key(text, STR("annotations"));
            if (!any) text_put_byte(text, '[');
            any = true;
            text_json_comma(text);
            text_put(text, STR("{\"type\":\"url_citation\",\"url_citation\":{"));
            text_json_str(text, STR("url"), citation->url);
            text_json_str(text, STR("title"), citation->title);
            if (citation->start != MESSAGE_NO_INT) text_json_i64(text, STR("start_index"), citation->start);
            if (citation->end != MESSAGE_NO_INT) text_json_i64(text, STR("end_index"), citation->end);
            text_put(text, STR("}}"));
        }
    if (any) text_put_byte(text, ']');
}

static void openai_reply_calls_put(struct text *text, const struct message_choice *choice,
                                   const struct codec_caller *caller) {
    unsigned number = 0;
    for (size_t i = 0; i < choice->part_count; i++) {
        const struct message_part *part = &choice->parts[i];
        if (part->kind != part_tool_call) continue;
        if (!number) text_json_key(text, STR("tool_calls"));
        if (!number) text_put_byte(text, '[');
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_key(text, STR("id"));
        if (part->id.len)
            text_put_json(text, part->id);
        else
            text_printf(text, "\"call_%.*s_%u\"", STR_ARG(caller->request_id), number);
        number++;
        openai_write_called(text, part);
    }
    if (number) text_put_byte(text, ']');
}

static void openai_reply_choice_put(struct text *text, const struct message_choice *choice, size_t index,
                                    const struct codec_caller *caller) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_u64(text, STR("index"), index);
    text_json_key(text, STR("message"));
    text_put_byte(text, '{');
    text_json_str(text, STR("role"), STR("assistant"));
    openai_write_joined(text, STR("content"), choice, part_text, true);
    openai_write_joined(text, STR("refusal"), choice, part_refusal, true);
    if (caller->show_reasoning) openai_write_joined(text, STR("reasoning_content"), choice, part_reasoning, false);
    openai_write_annotations(text, choice);
    openai_reply_calls_put(text, choice, caller);
    text_put_byte(text, '}');
    if (choice->logprobs.at)
        text_json_raw(text, STR("logprobs"), choice->logprobs);
    else
        text_json_raw(text, STR("logprobs"), STR("null"));
    enum message_finish finish = choice->finish ? choice->finish : finish_stop;
    text_json_str(text, STR("finish_reason"), openai_finish_name(finish));
    text_put_byte(text, '}');
}

void openai_write_usage(struct text *text, const struct usage *usage) {
    if (!usage_is_known(usage)) return;
    text_json_key(text, STR("usage"));
    text_put_byte(text, '{');
    text_json_count(text, STR("prompt_tokens"), usage->input_tokens);
    text_json_count(text, STR("completion_tokens"), usage->output_tokens);
    text_json_count(text, STR("total_tokens"), usage_total(usage));
    if (usage->cached_input_tokens >= 0 || usage->cache_write_tokens >= 0) {
        text_json_key(text, STR("prompt_tokens_details"));
        text_put_byte(text, '{');
        if (usage->cached_input_tokens >= 0) text_json_i64(text, STR("cached_tokens"), usage->cached_input_tokens);
        if (usage->cache_write_tokens >= 0) text_json_i64(text, STR("cache_write_tokens"), usage->cache_write_tokens);
        text_put_byte(text, '}');
    }
    if (usage->reasoning_tokens >= 0) {
        text_json_key(text, STR("completion_tokens_details"));
        text_put_byte(text, '{');
        text_json_i64(text, STR("reasoning_tokens"), usage->reasoning_tokens);
        text_put_byte(text, '}');
    }
    text_put_byte(text, '}');
}

void openai_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body) {
    text_put_byte(body, '{');
    text_json_key(body, STR("id"));
    if (reply->id.len)
        text_put_json(body, reply->id);
    else
        text_printf(body, "\"chatcmpl-%.*s\"", STR_ARG(caller->request_id));
    text_json_str(body, STR("object"), STR("chat.completion"));
    text_json_i64(body, STR("created"), reply->created_s == MESSAGE_NO_INT ? caller->now_s : reply->created_s);
    text_json_str(body, STR("model"), reply->model.len ? reply->model : caller->model);
    text_json_key(body, STR("choices"));
    text_put_byte(body, '[');
    for (size_t i = 0; i < reply->choice_count; i++) openai_reply_choice_put(body, &reply->choices[i], i, caller);
    text_put_byte(body, ']');
    openai_write_usage(body, &reply->usage);
    text_json_str_if(body, STR("service_tier"), reply->service_tier);
    text_json_str_if(body, STR("system_fingerprint"), reply->fingerprint);
    text_put_byte(body, '}');
}
