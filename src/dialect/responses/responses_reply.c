/* responses_reply.c - whole responses, read and written. */
#include <string.h>

#include "dialect/custom_tool.h"
#include "dialect/openai/openai.h"
#include "dialect/cache_miss.h"
#include "dialect/responses/responses.h"

/* -- read -- */

enum message_finish responses_finish(const struct json_value *response, bool called) {
    struct str status = json_member_str(response, "status"),
               reason = json_member_str(json_member(response, "incomplete_details"), "reason");
    if (str_eq(status, STR("incomplete")))
        return str_eq(reason, STR("content_filter")) ? finish_content_filter : finish_length;
    if (str_eq(status, STR("failed")) || str_eq(status, STR("cancelled"))) return finish_error;
    return called ? finish_tool_calls : finish_stop;
}

/* What its items did: each search of the web, each search of files, each container that code ran in. */
static void responses_read_items(const struct json_value *response, struct meter *meter) {
    const struct json_value *output = json_member(response, "output");
    int64_t searches = 0, files = 0, sessions = 0,
            told = json_tokens(json_member(json_member(response, "tool_usage"), "web_search"), "num_requests");
    struct str container = STR("");
    size_t place = 0;
    for (const struct json_value *item; json_kind(output) == json_array && (item = json_each(output, &place, NULL));) {
        struct str type = json_member_str(item, "type"), at = json_member_str(item, "container_id"),
                   action = json_member_str(json_member(item, "action"), "type");
        files += str_eq(type, STR("file_search_call"));
        /* opening a page costs nothing beside its tokens */
        searches += str_eq(type, STR("web_search_call")) && (!action.len || str_eq(action, STR("search")));
        if (!str_eq(type, STR("code_interpreter_call")) || (sessions && str_eq(at, container))) continue;
        container = at;
        sessions++;
    }
    meter_note(meter, meter_searches, told >= 0 ? told : searches);
    meter_note(meter, meter_file_searches, files);
    meter_note(meter, meter_code_sessions, sessions);
}

static void responses_read_meter(const struct json_value *response, struct arena *arena, struct usage *into) {
    const struct json_value *usage = json_member(response, "usage"),
                            *input = json_member(usage, "input_tokens_details"),
                            *output = json_member(usage, "output_tokens_details"),
                            *cached = json_member(input, "cached_tokens_details");
    struct meter read = {.said = false};
    const struct {
        const struct json_value *at;
        const char *name;
        enum meter_count count;
    } counts[] = {
        {input, "audio_tokens", meter_audio_input},
        {input, "image_tokens", meter_image_input},
        {cached, "audio_tokens", meter_audio_cached},
        {cached, "image_tokens", meter_image_cached},
        {output, "audio_tokens", meter_audio_output},
        {output, "image_tokens", meter_image_output},
        {json_member(input, "cache_write_tokens_details"), "ttl_12h_tokens", meter_cache_write_12h},
        {json_member(usage, "server_side_tool_usage_details"), "web_search_calls", meter_searches}, /* xAI */
    };
    responses_read_items(response, &read);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        meter_note(&read, counts[i].count, json_tokens(counts[i].at, counts[i].name));
    meter_note_tier(&read, json_member_str(response, "service_tier"));
    if (read.said && usage_meter(into, arena)) meter_merge(into->meter, &read);
}

void responses_read_usage(const struct json_value *response, struct arena *arena, struct usage *into) {
    const struct json_value *usage = json_member(response, "usage");
    const struct {
        const struct json_value *at;
        const char *name;
        int64_t *to;
    } counts[] = {
        {usage, "input_tokens", &into->input_tokens},
        {usage, "output_tokens", &into->output_tokens},
        {json_member(usage, "input_tokens_details"), "cached_tokens", &into->cached_input_tokens},
        {json_member(usage, "input_tokens_details"), "cache_write_tokens", &into->cache_write_tokens},
        {json_member(usage, "output_tokens_details"), "reasoning_tokens", &into->reasoning_tokens},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t count = json_tokens(counts[i].at, counts[i].name);
        if (count >= 0) *counts[i].to = count;
    }
    int64_t ticks = json_i64(json_member(usage, "cost_in_usd_ticks"), -1); /* xAI: tenths of a nano-dollar */
    if (ticks >= 0) into->cost_nano_usd = ticks / 10 + (ticks % 10 != 0);
    responses_read_meter(response, arena, into);
    cache_miss_take(json_member(response, "prompt_cache_diagnostics"), arena, into);
}

static void responses_read_citations(const struct json_value *list, struct arena *arena, struct message_part *part) {
    size_t place = 0;
    if (json_count(list) == 0) return;
    part->citations = arena_take_zeroed(arena, json_count(list) * sizeof *part->citations);
    for (const struct json_value *at; part->citations && (at = json_each(list, &place, NULL));)
        part->citations[part->citation_count++] =
            (struct message_citation){.url = json_member_str(at, "url"),
                                      .title = json_member_str(at, "title"),
                                      .start = json_i64(json_member(at, "start_index"), MESSAGE_NO_INT),
                                      .end = json_i64(json_member(at, "end_index"), MESSAGE_NO_INT)};
}

static void message_item_read(const struct json_value *item, struct arena *arena, struct message_choice *choice) {
    const struct json_value *content = json_member(item, "content");
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(content, &place, NULL));) {
        struct message_part *part = &choice->parts[choice->part_count++];
        bool refusal = str_eq(json_member_str(at, "type"), STR("refusal"));
        part->kind = refusal ? part_refusal : part_text;
        part->text = json_str(json_member(at, refusal ? "refusal" : "text"), STR(""));
        responses_read_citations(json_member(at, "annotations"), arena, part);
    }
}

static void reasoning_item_read(const struct json_value *item, struct arena *arena, struct message_choice *choice) {
    const struct json_value *summary = json_member(item, "summary"), *content = json_member(item, "content");
    struct str data = json_member_str(item, "encrypted_content");
    struct text text = text_in_arena(arena, 64);
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(content, &place, NULL));)
        text_put(&text, json_str(json_member(at, "text"), STR("")));
    place = 0;
    for (const struct json_value *at; (at = json_each(summary, &place, NULL));)
        text_put(&text, json_str(json_member(at, "text"), STR("")));
    if (text.len == 0 && !data.at) return;
    choice->parts[choice->part_count++] =
        (struct message_part){.kind = part_reasoning, .of = dialect_responses, .text = text_str(&text), .data = data};
}

struct str responses_arguments(const struct json_value *item, bool custom, struct arena *arena) {
    return custom ? custom_tool_arguments(json_str(json_member(item, "input"), STR("")), arena)
                  : json_str(json_member(item, "arguments"), STR(""));
}

static size_t parts_most(const struct json_value *output) {
    size_t place = 0, most = 1;
    for (const struct json_value *at; (at = json_each(output, &place, NULL));)
        most += 1 + json_count(json_member(at, "content"));
    return most;
}

bool responses_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                          struct message_reply *reply, bool *error_inside) {
    const struct json_value *root;
    struct error error;
    (void)quirks;
    *reply = (struct message_reply){.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    *error_inside = false;
    if (!codec_parse(body, arena, &root, &error)) return false;
    *error_inside = json_kind(json_member(root, "error")) == json_object;
    if (*error_inside) return true;
    const struct json_value *output = json_member(root, "output");
    struct message_choice *choice = arena_take_zeroed(arena, sizeof *choice);
    if (json_kind(output) != json_array || !choice) return false;
    choice->parts = arena_take_zeroed(arena, parts_most(output) * sizeof *choice->parts);
    if (!choice->parts) return false;
    size_t place = 0;
    bool called = false;
    for (const struct json_value *item; (item = json_each(output, &place, NULL));) {
        struct str type = json_member_str(item, "type");
        if (str_eq(type, STR("message"))) message_item_read(item, arena, choice);
        if (str_eq(type, STR("reasoning"))) reasoning_item_read(item, arena, choice);
        bool custom = str_eq(type, STR("custom_tool_call"));
        if (!custom && !str_eq(type, STR("function_call"))) continue;
        called = true;
        choice->parts[choice->part_count++] =
            (struct message_part){.kind = part_tool_call,
                                  .custom = custom,
                                  .id = json_member_str(item, "call_id"),
                                  .name = json_member_str(item, "name"),
                                  .arguments = responses_arguments(item, custom, arena)};
    }
    choice->finish = responses_finish(root, called);
    reply->choices = choice;
    reply->choice_count = 1;
    reply->id = json_member_str(root, "id");
    reply->model = json_member_str(root, "model");
    reply->created_s = json_i64(json_member(root, "created_at"), MESSAGE_NO_INT);
    responses_read_usage(root, arena, &reply->usage);
    return true;
}

/* -- written -- */

void responses_write_usage(struct text *text, const struct usage *usage) {
    text_put(text, STR(",\"usage\":{"));
    text_json_count(text, STR("input_tokens"), usage->input_tokens);
    text_json_key(text, STR("input_tokens_details"));
    text_put_byte(text, '{');
    text_json_i64(text, STR("cached_tokens"), usage->cached_input_tokens > 0 ? usage->cached_input_tokens : 0);
    text_put_byte(text, '}');
    text_json_count(text, STR("output_tokens"), usage->output_tokens);
    text_put(text, STR(",\"output_tokens_details\":{"));
    text_json_i64(text, STR("reasoning_tokens"), usage->reasoning_tokens > 0 ? usage->reasoning_tokens : 0);
    text_put_byte(text, '}');
    text_json_count(text, STR("total_tokens"), usage_total(usage));
    text_put_byte(text, '}');
}

void responses_write_object(struct text *text, const struct codec_caller *caller,
                            const struct responses_object *object) {
    text_put_byte(text, '{');
    text_printf(text, "\"id\":\"resp_%.*s\",\"object\":\"response\"", STR_ARG(caller->request_id));
    text_json_i64(text, STR("created_at"), object->created_s);
    text_json_key(text, STR("completed_at"));
    if (str_eq(object->status, STR("completed")))
        text_put_i64(text, caller->now_s);
    else
        text_put(text, STR("null"));
    text_json_str(text, STR("status"), object->status);
    text_put(text, STR(",\"error\":null,\"incomplete_details\":"));
    if (str_eq(object->status, STR("incomplete")))
        text_put(text, object->finish == finish_content_filter ? STR("{\"reason\":\"content_filter\"}")
                                                               : STR("{\"reason\":\"max_output_tokens\"}"));
    else
        text_put(text, STR("null"));
    text_json_str(text, STR("model"), object->model.len ? object->model : caller->model);
    text_put(text, STR(",\"output\":["));
    text_put(text, object->output);
    text_put(text, STR("]"));
    if (caller->asked && caller->asked->members.len) {
        text_put_byte(text, ',');
        text_put(text, caller->asked->members);
    } else {
        responses_asked_put(text, NULL);
    }
    text_json_bool(text, STR("store"), caller->stores);
    text_json_key(text, STR("previous_response_id"));
    if (caller->previous_response.len)
        text_put_json(text, caller->previous_response);
    else
        text_put(text, STR("null"));
    if (object->usage && usage_is_known(object->usage))
        responses_write_usage(text, object->usage);
    else
        text_put(text, STR(",\"usage\":null"));
    text_put_byte(text, '}');
}

void responses_write_annotations(struct text *text, const struct message_part *part) {
    bool any = false;
    for (size_t i = 0; i < part->citation_count; i++) {
        const struct message_citation *citation = &part->citations[i];
        if (!citation->url.at) continue;
        if (any) text_put_byte(text, ',');
        any = true;
        text_put(text, STR("{\"type\":\"url_citation\""));
        text_json_str(text, STR("url"), citation->url);
        text_json_str(text, STR("title"), citation->title);
        text_json_i64(text, STR("start_index"), citation->start == MESSAGE_NO_INT ? 0 : citation->start);
        text_json_i64(text, STR("end_index"), citation->end == MESSAGE_NO_INT ? 0 : citation->end);
        text_put_byte(text, '}');
    }
}

static void responses_reply_call_put(struct text *text, const struct message_part *part, size_t index,
                                     const struct codec_caller *caller) {
    bool custom = message_is_custom(caller->asked, part->name);
    text_printf(text, "{\"id\":\"%s_%.*s_%zu\",\"type\":\"%s\",\"status\":\"completed\"", custom ? "ctc" : "fc",
                STR_ARG(caller->request_id), index, custom ? "custom_tool_call" : "function_call");
    text_json_key(text, STR("call_id"));
    if (part->id.len)
        text_put_json(text, part->id);
    else
        text_printf(text, "\"call_%.*s_%zu\"", STR_ARG(caller->request_id), index);
    text_json_str(text, STR("name"), part->name);
    if (custom)
        text_json_str(text, STR("input"), custom_tool_input(part->arguments, text->arena));
    else
        text_json_str(text, STR("arguments"), part->arguments.len ? part->arguments : STR("{}"));
}

static void responses_reply_item_put(struct text *text, const struct message_part *part, size_t index,
                                     const struct codec_caller *caller) {
    if (part->kind == part_reasoning && !caller->show_reasoning && !part->data.at) return;
    if (part->kind != part_text && part->kind != part_refusal && part->kind != part_tool_call &&
        part->kind != part_reasoning)
        return;
    text_json_comma(text);
    if (part->kind == part_tool_call) {
        responses_reply_call_put(text, part, index, caller);
    } else if (part->kind == part_reasoning) {
        text_printf(text, "{\"id\":\"rs_%.*s_%zu\",\"type\":\"reasoning\",\"summary\":[", STR_ARG(caller->request_id),
                    index);
        if (part->text.len) {
            text_put(text, STR("{\"type\":\"summary_text\""));
            text_json_str(text, STR("text"), part->text);
            text_put_byte(text, '}');
        }
        text_put_byte(text, ']');
        if (part->of == dialect_responses) text_json_str_if(text, STR("encrypted_content"), part->data);
    } else {
        text_printf(text,
                    "{\"id\":\"msg_%.*s_%zu\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\","
                    "\"content\":[",
                    STR_ARG(caller->request_id), index);
        if (part->kind == part_refusal) {
            text_put(text, STR("{\"type\":\"refusal\""));
            text_json_str(text, STR("refusal"), part->text);
        } else {
            text_put(text, STR("{\"type\":\"output_text\""));
            text_json_str(text, STR("text"), part->text);
            text_put(text, STR(",\"annotations\":["));
            responses_write_annotations(text, part);
            text_put_byte(text, ']');
            text_put(text, STR(",\"logprobs\":[]"));
        }
        text_put(text, STR("}]"));
    }
    text_put_byte(text, '}');
}

void responses_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body) {
    static const struct message_choice none;
    const struct message_choice *choice = reply->choice_count ? &reply->choices[0] : &none;
    bool cut = choice->finish == finish_length || choice->finish == finish_content_filter;
    struct text output = text_in_arena(body->arena, 512);
    for (size_t i = 0; i < choice->part_count; i++) responses_reply_item_put(&output, &choice->parts[i], i, caller);
    body->failed |= output.failed;
    responses_write_object(body, caller,
                           &(struct responses_object){.model = reply->model,
                                                      .status = cut ? STR("incomplete") : STR("completed"),
                                                      .output = text_str(&output),
                                                      .created_s = caller->now_s,
                                                      .finish = choice->finish,
                                                      .usage = &reply->usage});
}
