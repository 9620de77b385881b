/* openai_write_request.c - a canonical message as a chat request, as each vendor wants it. */
#include "base/str.h"
#include "dialect/openai/openai_codec.h"

/* -- content -- */

static void data_uri_put(struct text *text, struct str name, const struct message_media *media) {
    text_json_key(text, name);
    text_put(text, STR("\"data:"));
    text_put_json_inside(text, media->mime.len ? media->mime : STR("application/octet-stream"));
    text_put(text, STR(";base64,"));
    text_put_json_inside(text, media->data);
    text_put_byte(text, '"');
}

static void type_put(struct text *text, struct str type) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("type"), type);
}

static void openai_write_image(struct text *text, const struct message_media *media) {
    type_put(text, STR("image_url"));
    text_json_key(text, STR("image_url"));
    text_put_byte(text, '{');
    if (media->data.at)
        data_uri_put(text, STR("url"), media);
    else
        text_json_str(text, STR("url"), media->url);
    text_json_str_if(text, STR("detail"), media->detail);
    text_put(text, STR("}}"));
}

static void audio_put(struct text *text, const struct message_media *media) {
    struct str format = str_slice(media->mime, str_find_byte(media->mime, '/') + 1, media->mime.len);
    type_put(text, STR("input_audio"));
    text_json_key(text, STR("input_audio"));
    text_put_byte(text, '{');
    text_json_str(text, STR("data"), media->data);
    text_json_str(text, STR("format"), str_eq(format, STR("mpeg")) ? STR("mp3") : format);
    text_put(text, STR("}}"));
}

static void document_put(struct text *text, const struct message_part *part) {
    if (part->text.at && !part->media.data.at && !part->media.file_id.at) { /* plain text: said as text */
        type_put(text, STR("text"));
        text_json_str(text, STR("text"), part->text);
        text_put_byte(text, '}');
        return;
    }
    type_put(text, STR("file"));
    text_json_key(text, STR("file"));
    text_put_byte(text, '{');
    text_json_str_if(text, STR("file_id"), part->media.file_id);
    if (part->media.data.at) {
        text_json_str(text, STR("filename"), part->title.at ? part->title : STR("document"));
        data_uri_put(text, STR("file_data"), &part->media);
    }
    text_put(text, STR("}}"));
}

static void openai_write_part(struct text *text, const struct message_part *part) {
    switch (part->kind) {
    case part_text:
        type_put(text, STR("text"));
        text_json_str(text, STR("text"), part->text);
        text_put_byte(text, '}');
        return;
    case part_image: openai_write_image(text, &part->media); return;
    case part_audio: audio_put(text, &part->media); return;
    case part_document: document_put(text, part); return;
    case part_foreign:
        if (part->of != dialect_openai) return;
        text_json_comma(text);
        text_put(text, part->raw);
        return;
    default: return;
    }
}

static bool openai_is_content(const struct message_part *part) {
    return part->kind == part_text || part->kind == part_image || part->kind == part_audio ||
           part->kind == part_document || (part->kind == part_foreign && part->of == dialect_openai);
}

/* One text is a string; more are a list, or joined where the vendor takes no list. */
static void openai_write_content(struct text *text, const struct message_part *parts, size_t count, bool as_string) {
    size_t said = 0;
    const struct message_part *only = NULL;
    bool all_text = true;
    for (size_t i = 0; i < count; i++) {
        if (!openai_is_content(&parts[i])) continue;
        said++;
        only = &parts[i];
        all_text = all_text && parts[i].kind == part_text;
    }
    text_json_key(text, STR("content"));
    if (said == 1 && only->kind == part_text) {
        text_put_json(text, only->text);
    } else if (all_text && (as_string || said == 0)) {
        struct arena scrap;
        arena_init_beside(&scrap, 4096, text->arena);
        struct text joined = text_in_arena(&scrap, 256);
        for (size_t i = 0; i < count; i++) {
            if (parts[i].kind != part_text) continue;
            if (joined.len) text_put(&joined, STR("\n\n"));
            text_put(&joined, parts[i].text);
        }
        text_put_json(text, text_str(&joined));
        text->failed |= joined.failed;
        arena_free(&scrap);
    } else {
        text_put_byte(text, '[');
        for (size_t i = 0; i < count; i++) openai_write_part(text, &parts[i]);
        text_put_byte(text, ']');
    }
}

/* -- messages -- */

static bool id_fits(struct str id, struct str alphabet, unsigned length) {
    if (id.len != length) return false;
    for (size_t i = 0; i < id.len; i++)
        if (str_find_byte(alphabet, id.at[i]) == SIZE_MAX) return false;
    return true;
}

struct str openai_tool_id(struct str id, const struct codec_quirks *quirks, char *buffer, size_t size) {
    if (!quirks->tool_id_alphabet || quirks->tool_id_length > size) return id;
    struct str alphabet = str_from(quirks->tool_id_alphabet);
    if (id_fits(id, alphabet, quirks->tool_id_length)) return id;
    uint64_t hash = str_hash(id);
    for (unsigned i = 0; i < quirks->tool_id_length; i++) {
        buffer[i] = alphabet.at[hash % alphabet.len];
        hash /= alphabet.len;
    }
    return str_make(buffer, quirks->tool_id_length);
}

static void openai_write_request_calls_put(struct text *text, const struct message *message,
                                           const struct codec_quirks *quirks) {
    bool any = false;
    char id[64];
    for (size_t i = 0; i < message->part_count; i++) {
        const struct message_part *part = &message->parts[i];
        if (part->kind != part_tool_call) continue;
        if (!any) text_json_key(text, STR("tool_calls"));
        if (!any) text_put_byte(text, '[');
        any = true;
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("id"), openai_tool_id(part->id.at ? part->id : part->name, quirks, id, sizeof id));
        openai_write_called(text, part);
    }
    if (any) text_put_byte(text, ']');
}

static bool has_kind(const struct message *message, enum part_kind kind) {
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].kind == kind) return true;
    return false;
}

static bool has_content(const struct message *message) {
    for (size_t i = 0; i < message->part_count; i++) {
        const struct message_part *part = &message->parts[i];
        if (openai_is_content(part) && (part->kind != part_text || part->text.len)) return true;
    }
    return false;
}

static void message_begin(struct text *text, struct str role) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("role"), role);
}

static void refusals_put(struct text *text, const struct message *message) {
    if (!has_kind(message, part_refusal)) return;
    text_json_key(text, STR("refusal"));
    text_put_byte(text, '"');
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].kind == part_refusal) text_put_json_inside(text, message->parts[i].text);
    text_put_byte(text, '"');
}

static void assistant_put(struct text *text, const struct message *message, const struct codec_quirks *quirks) {
    message_begin(text, STR("assistant"));
    if (has_content(message))
        openai_write_content(text, message->parts, message->part_count, true);
    else {
        text_json_key(text, STR("content"));
        text_put(text, has_kind(message, part_tool_call) ? STR("null") : STR("\"\""));
    }
    refusals_put(text, message);
    text_json_str_if(text, STR("name"), message->name);
    openai_write_request_calls_put(text, message, quirks);
    text_put_byte(text, '}');
}

/* What is not text in a tool's result follows as a message of the user: a tool's message holds text only. */
static void results_put(struct text *text, const struct message *message, const struct codec_quirks *quirks) {
    char id[64];
    bool media = false;
    for (size_t i = 0; i < message->part_count; i++) {
        const struct message_part *part = &message->parts[i];
        if (part->kind != part_tool_result) continue;
        struct message_part *parts = part->parts;
        message_begin(text, STR("tool"));
        text_json_str(text, STR("tool_call_id"),
                      openai_tool_id(part->id.at ? part->id : part->name, quirks, id, sizeof id));
        size_t texts = 0;
        for (size_t p = 0; p < part->part_count; p++) {
            texts += parts[p].kind == part_text;
            media |= parts[p].kind != part_text;
        }
        if (texts == 0) {
            text_json_str(text, STR("content"), STR(""));
        } else if (texts == part->part_count) {
            openai_write_content(text, parts, part->part_count, quirks->content_is_string);
        } else {
            text_json_key(text, STR("content"));
            text_put_byte(text, '[');
            for (size_t p = 0; p < part->part_count; p++)
                if (parts[p].kind == part_text) openai_write_part(text, &parts[p]);
            text_put_byte(text, ']');
        }
        text_put_byte(text, '}');
    }
    if (!media) return;
    message_begin(text, STR("user"));
    text_json_key(text, STR("content"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < message->part_count; i++)
        for (size_t p = 0; p < message->parts[i].part_count; p++)
            if (message->parts[i].parts[p].kind != part_text) openai_write_part(text, &message->parts[i].parts[p]);
    text_put(text, STR("]}"));
}

static void openai_write_message(struct text *text, const struct message *message, const struct codec_quirks *quirks) {
    if (has_kind(message, part_tool_result)) results_put(text, message, quirks);
    switch (message->role) {
    case message_assistant: assistant_put(text, message, quirks); return;
    case message_tool: return;
    case message_user:
        if (has_kind(message, part_tool_result) && !has_content(message)) return;
        message_begin(text, STR("user"));
        break;
    case message_system: message_begin(text, STR("system")); break;
    case message_developer: message_begin(text, quirks->system_not_developer ? STR("system") : STR("developer")); break;
    }
    bool as_string = quirks->content_is_string && message->role != message_user;
    openai_write_content(text, message->parts, message->part_count, as_string);
    text_json_str_if(text, STR("name"), message->name);
    text_put_byte(text, '}');
}

/* -- tools, formats -- */

static void openai_write_tool(struct text *text, const struct message_tool *tool) {
    if (tool->raw.at) {
        if (tool->of != dialect_openai) return;
        text_json_comma(text);
        text_put(text, tool->raw);
        return;
    }
    text_json_comma(text);
    text_put(text, STR("{\"type\":\"function\",\"function\":{"));
    text_json_str(text, STR("name"), tool->name);
    text_json_str_if(text, STR("description"), tool->description);
    text_json_raw(text, STR("parameters"), tool->parameters);
    if (tool->strict) text_json_bool(text, STR("strict"), tool->strict == flag_true);
    text_put(text, STR("}}"));
}

static void openai_write_tools(struct text *text, const struct message_request *request,
                               const struct codec_quirks *quirks) {
    size_t said = 0;
    for (size_t i = 0; i < request->tool_count; i++)
        said += !request->tools[i].raw.at || request->tools[i].of == dialect_openai;
    if (said == 0) return;
    text_json_key(text, STR("tools"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < request->tool_count; i++) openai_write_tool(text, &request->tools[i]);
    text_put_byte(text, ']');
    switch (request->tool_choice) {
    case tools_unset: return;
    case tools_auto: text_json_str(text, STR("tool_choice"), STR("auto")); return;
    case tools_none: text_json_str(text, STR("tool_choice"), STR("none")); return;
    case tools_required:
        text_json_str(text, STR("tool_choice"), quirks->tool_choice_any ? STR("any") : STR("required"));
        return;
    case tools_named:
        text_json_key(text, STR("tool_choice"));
        text_put(text, STR("{\"type\":\"function\",\"function\":{"));
        text_json_str(text, STR("name"), request->tool_name);
        text_put(text, STR("}}"));
    }
}

static void openai_write_format(struct text *text, const struct message_request *request,
                                const struct codec_quirks *quirks) {
    static const char *const types[] = {NULL, "text", "json_object", "json_schema"};
    if (request->format == format_unset) return;
    enum message_format format =
        request->format == format_schema && quirks->no_json_schema ? format_json : request->format;
    text_json_key(text, STR("response_format"));
    text_put_byte(text, '{');
    text_json_str(text, STR("type"), str_from(types[format]));
    if (format == format_schema) {
        text_json_key(text, STR("json_schema"));
        text_put_byte(text, '{');
        text_json_str(text, STR("name"), request->schema_name.len ? request->schema_name : STR("answer"));
        text_json_str_if(text, STR("description"), request->schema_description);
        text_json_raw(text, STR("schema"), request->schema);
        if (request->schema_strict) text_json_bool(text, STR("strict"), request->schema_strict == flag_true);
        text_put_byte(text, '}');
    }
    text_put_byte(text, '}');
}

/* A vendor without schemas is told it in words. */
static void schema_message_put(struct text *text, const struct message_request *request,
                               const struct codec_quirks *quirks) {
    if (request->format != format_schema || !quirks->no_json_schema) return;
    message_begin(text, STR("system"));
    text_json_key(text, STR("content"));
    struct arena scrap;
    arena_init_beside(&scrap, 4096, text->arena);
    struct text words = text_in_arena(&scrap, request->schema.len + 80);
    text_put(&words, STR("Answer with one JSON object that fits this JSON Schema: "));
    text_put(&words, request->schema);
    text_put_json(text, text_str(&words));
    text->failed |= words.failed;
    arena_free(&scrap);
    text_put_byte(text, '}');
}

enum message_effort openai_effort_of(const struct message_request *request) {
    if (request->effort || request->reasoning_tokens == MESSAGE_NO_INT) return request->effort;
    if (request->reasoning_tokens == 0) return effort_minimal;
    if (request->reasoning_tokens < 0) return effort_medium;
    return request->reasoning_tokens < 4096    ? effort_low
           : request->reasoning_tokens < 16384 ? effort_medium
                                               : effort_high;
}

/* As its vendor calls it. */
static void effort_put(struct text *text, const struct message_request *request, const struct codec_target *target) {
    enum message_effort effort = openai_effort_of(request);
    const struct str *names = target->takes ? target->takes->effort_names : NULL;
    if (!effort || !target->reasons) return;
    text_json_str(text, STR("reasoning_effort"),
                  names && names[effort].len ? names[effort] : openai_effort_name(effort));
}

void openai_write_request(const struct message_request *request, const struct codec_target *target, struct text *body) {
    const struct codec_quirks *quirks = target->quirks;
    text_put_byte(body, '{');
    text_json_str(body, STR("model"), target->model);
    text_json_key(body, STR("messages"));
    text_put_byte(body, '[');
    schema_message_put(body, request, quirks);
    for (size_t i = 0; i < request->message_count; i++) openai_write_message(body, &request->messages[i], quirks);
    text_put_byte(body, ']');
    if (request->max_tokens != MESSAGE_NO_INT)
        text_json_i64(body, quirks->max_tokens_old ? STR("max_tokens") : STR("max_completion_tokens"),
                      request->max_tokens);
    fields_put(body, openai_fields, openai_field_count, request);
    if (request->seed != MESSAGE_NO_INT)
        text_json_i64(body, quirks->seed_is_random_seed ? STR("random_seed") : STR("seed"), request->seed);
    if (request->stop_count) {
        text_json_key(body, STR("stop"));
        strings_put(body, request->stop, request->stop_count);
    }
    openai_write_tools(body, request, quirks);
    openai_write_format(body, request, quirks);
    effort_put(body, request, target);
    for (size_t i = 0; i < request->extra_count && request->from == dialect_openai; i++)
        text_json_raw(body, request->extras[i].name, request->extras[i].raw);
    if (target->stream) text_json_bool(body, STR("stream"), true);
    if (target->stream && !quirks->no_stream_options) {
        text_json_key(body, STR("stream_options"));
        text_put(body, STR("{\"include_usage\":true}"));
    }
    text_put_byte(body, '}');
}

void openai_write_plain_tools(struct text *text, const struct message_request *request) {
    bool any = false;
    for (size_t i = 0; i < request->tool_count && request->tool_choice != tools_none; i++) {
        const struct message_tool *tool = &request->tools[i];
        if (tool->raw.at) continue;
        if (!any) text_put(text, STR(",\"tools\":["));
        any = true;
        text_json_comma(text);
        text_put(text, STR("{\"type\":\"function\",\"function\":{"));
        text_json_str(text, STR("name"), tool->name);
        text_json_str_if(text, STR("description"), tool->description);
        text_json_raw(text, STR("parameters"), tool->parameters);
        text_put(text, STR("}}"));
    }
    if (any) text_put_byte(text, ']');
}

void openai_write_called(struct text *text, const struct message_part *part) {
    text_json_str(text, STR("type"), STR("function"));
    text_json_key(text, STR("function"));
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), part->name);
    text_json_str(text, STR("arguments"), part->arguments.len ? part->arguments : STR("{}"));
    text_put(text, STR("}}"));
}
