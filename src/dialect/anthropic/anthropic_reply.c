/* anthropic_reply.c - whole Messages replies, read and written. */
#include <string.h>

#include "dialect/anthropic/anthropic.h"
#include "dialect/cache_miss.h"

static const struct finish_name finish_names[] = {
    /* the name that is written stands first */
    {STR("end_turn"), finish_stop},          {STR("stop_sequence"), finish_stop_sequence},
    {STR("max_tokens"), finish_length},      {STR("tool_use"), finish_tool_calls},
    {STR("refusal"), finish_content_filter}, {STR("end_turn"), finish_error},
    {STR("pause_turn"), finish_stop},        {STR("model_context_window_exceeded"), finish_length},
};
enum { finish_name_count = sizeof finish_names / sizeof *finish_names };

enum message_finish anthropic_read_finish(struct str name) {
    return name.len ? finish_of_name(finish_names, finish_name_count, name) : finish_none;
}

struct str anthropic_finish_name(enum message_finish finish) {
    return finish_name_of(finish_names, finish_name_count, finish, STR("end_turn"));
}

/* -- usage -- */

/* How it was served, and what it did beside answering. */
static void anthropic_read_meter(const struct json_value *value, struct arena *arena, struct usage *usage) {
    const struct json_value *kept = json_member(value, "cache_creation"),
                            *tools = json_member(value, "server_tool_use");
    struct str tier = json_member_str(value, "service_tier"), speed = json_member_str(value, "speed"),
               region = json_member_str(value, "inference_geo");
    bool says = kept || tools || tier.len || speed.len || region.len;
    struct meter *meter = says ? usage_meter(usage, arena) : NULL;
    if (!meter) return;
    meter_note_tier(meter, tier);
    meter_note_speed(meter, speed);
    meter_note_region(meter, region);
    meter_note(meter, meter_cache_write_1h, json_tokens(kept, "ephemeral_1h_input_tokens"));
    meter_note(meter, meter_searches, json_tokens(tools, "web_search_requests"));
    meter_note(meter, meter_code_sessions, json_tokens(tools, "code_execution_requests"));
}

void anthropic_read_usage(const struct json_value *value, struct arena *arena, struct usage *usage) {
    int64_t fresh = json_tokens(value, "input_tokens"), read = json_tokens(value, "cache_read_input_tokens"),
            written = json_tokens(value, "cache_creation_input_tokens"), output = json_tokens(value, "output_tokens"),
            thought = json_tokens(json_member(value, "output_tokens_details"), "thinking_tokens");
    if (fresh >= 0) usage->input_tokens = fresh + (read > 0 ? read : 0) + (written > 0 ? written : 0);
    if (read >= 0) usage->cached_input_tokens = read;
    if (written >= 0) usage->cache_write_tokens = written;
    if (output >= 0) usage->output_tokens = output;
    if (thought >= 0) usage->reasoning_tokens = thought;
    anthropic_read_meter(value, arena, usage);
}

void anthropic_write_usage(struct text *text, const struct usage *usage) {
    int64_t read = usage->cached_input_tokens > 0 ? usage->cached_input_tokens : 0,
            written = usage->cache_write_tokens > 0 ? usage->cache_write_tokens : 0,
            fresh = usage->input_tokens - read - written;
    if (fresh < 0) { /* some say more to be cached than there was */
        read = usage->input_tokens > 0 ? usage->input_tokens : 0;
        written = 0;
    }
    text_json_key(text, STR("usage"));
    text_put_byte(text, '{');
    text_json_i64(text, STR("input_tokens"), fresh > 0 ? fresh : 0);
    if (usage->cache_write_tokens >= 0) text_json_i64(text, STR("cache_creation_input_tokens"), written);
    if (usage->cached_input_tokens >= 0) text_json_i64(text, STR("cache_read_input_tokens"), read);
    text_json_i64(text, STR("output_tokens"), usage->output_tokens > 0 ? usage->output_tokens : 0);
    if (usage->reasoning_tokens >= 0) {
        text_json_key(text, STR("output_tokens_details"));
        text_put_byte(text, '{');
        text_json_i64(text, STR("thinking_tokens"), usage->reasoning_tokens);
        text_put_byte(text, '}');
    }
    text_put_byte(text, '}');
}

/* -- replies -- */

bool anthropic_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                          struct message_reply *reply, bool *error_inside) {
    const struct json_value *root;
    struct error error;
    (void)quirks;
    *reply = (struct message_reply){.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    *error_inside = false;
    if (!codec_parse(body, arena, &root, &error)) return false;
    *error_inside = str_eq(json_member_str(root, "type"), STR("error"));
    if (*error_inside) return true;
    if (json_kind(json_member(root, "content")) != json_array) return false;
    struct message_choice *choice = arena_take_zeroed(arena, sizeof *choice);
    if (!choice) return false;
    choice->parts = anthropic_read_parts(json_member(root, "content"), arena, &choice->part_count);
    choice->finish = anthropic_read_finish(json_member_str(root, "stop_reason"));
    choice->stop_sequence = json_member_str(root, "stop_sequence");
    reply->id = json_member_str(root, "id");
    reply->model = json_member_str(root, "model");
    reply->choices = choice;
    reply->choice_count = 1;
    anthropic_read_usage(json_member(root, "usage"), arena, &reply->usage);
    cache_miss_take(json_member(json_member(root, "diagnostics"), "cache_miss_reason"), arena, &reply->usage);
    reply->iterations = json_raw(json_member(json_member(root, "usage"), "iterations"), arena);
    reply->service_tier = json_member_str(json_member(root, "usage"), "service_tier");
    return true;
}

void anthropic_write_citation(struct text *text, const struct message_citation *citation) {
    if (citation->raw.at) {
        text_put(text, citation->raw);
        return;
    }
    text_put(text, STR("{\"type\":\"web_search_result_location\""));
    text_json_str(text, STR("url"), citation->url);
    text_json_str(text, STR("title"), citation->title);
    text_json_str(text, STR("cited_text"), citation->cited_text);
    text_put(text, STR(",\"encrypted_index\":\"\"}"));
}

static void anthropic_write_citations(struct text *text, const struct message_part *part) {
    bool any = false;
    for (size_t i = 0; i < part->citation_count; i++) {
        const struct message_citation *citation = &part->citations[i];
        if (!citation->raw.at && !citation->url.at) continue;
        if (!any) text_put(text, STR(",\"citations\":["));
        any = true;
        text_json_comma(text);
        anthropic_write_citation(text, citation);
    }
    if (any) text_put_byte(text, ']');
}

static void block_put(struct text *text, const struct message_part *part, size_t index,
                      const struct codec_caller *caller) {
    if (part->kind == part_foreign && part->of == dialect_anthropic) {
        text_json_comma(text);
        text_put(text, part->raw);
        return;
    }
    bool text_like = part->kind == part_text || part->kind == part_refusal;
    if (!text_like && part->kind != part_tool_call && part->kind != part_reasoning) return;
    bool sealed = part->data.at && part->of == dialect_anthropic;
    if (part->kind == part_reasoning && (!caller->show_reasoning || (!sealed && !part->text.len))) return;
    text_json_comma(text);
    if (text_like) {
        text_put(text, STR("{\"type\":\"text\""));
        text_json_str(text, STR("text"), part->text);
        anthropic_write_citations(text, part);
    } else if (part->kind == part_tool_call) {
        text_put(text, STR("{\"type\":\"tool_use\""));
        text_json_key(text, STR("id"));
        if (part->id.len)
            text_put_json(text, part->id);
        else
            text_printf(text, "\"toolu_%.*s_%zu\"", STR_ARG(caller->request_id), index);
        text_json_str(text, STR("name"), part->name);
        text_json_key(text, STR("input"));
        text_put_object(text, part->arguments, "arguments");
    } else if (sealed) {
        text_put(text, STR("{\"type\":\"redacted_thinking\""));
        text_json_str(text, STR("data"), part->data);
    } else {
        text_put(text, STR("{\"type\":\"thinking\""));
        text_json_str(text, STR("thinking"), part->text);
        text_json_str(text, STR("signature"), part->signature.at ? part->signature : STR(""));
    }
    text_put_byte(text, '}');
}

void anthropic_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body) {
    static const struct message_choice none;
    const struct message_choice *choice = reply->choice_count ? &reply->choices[0] : &none;
    text_put_byte(body, '{');
    text_json_key(body, STR("id"));
    if (reply->id.len)
        text_put_json(body, reply->id);
    else
        text_printf(body, "\"msg_%.*s\"", STR_ARG(caller->request_id));
    text_put(body, STR(",\"type\":\"message\",\"role\":\"assistant\""));
    text_json_str(body, STR("model"), reply->model.len ? reply->model : caller->model);
    text_json_key(body, STR("content"));
    text_put_byte(body, '[');
    for (size_t i = 0; i < choice->part_count; i++) block_put(body, &choice->parts[i], i, caller);
    text_put_byte(body, ']');
    text_json_str(body, STR("stop_reason"), anthropic_finish_name(choice->finish ? choice->finish : finish_stop));
    text_json_key(body, STR("stop_sequence"));
    if (choice->stop_sequence.at)
        text_put_json(body, choice->stop_sequence);
    else
        text_put(body, STR("null"));
    anthropic_write_usage(body, &reply->usage);
    text_put_byte(body, '}');
}
