/* responses_write_request.c - a canonical message as a Responses request: messages become items, one after the other.
 * Nothing is left at the provider: it stores nothing, and its reasoning comes back sealed. System text stands as
 * messages, not as `instructions`, which some models' prompts are not cached with. */
#include "base/str.h"
#include "dialect/custom_tool.h"
#include "dialect/openai/openai_codec.h"
#include "dialect/responses/responses.h"

/* -- content -- */

static void responses_part_begin(struct text *text, struct str type) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("type"), type);
}

static void responses_data_uri(struct text *text, struct str name, const struct message_media *media) {
    text_json_key(text, name);
    text_put(text, STR("\"data:"));
    text_put_json_inside(text, media->mime.len ? media->mime : STR("application/octet-stream"));
    text_put(text, STR(";base64,"));
    text_put_json_inside(text, media->data);
    text_put_byte(text, '"');
}

static void input_image_put(struct text *text, const struct message_media *media) {
    responses_part_begin(text, STR("input_image"));
    if (media->data.at)
        responses_data_uri(text, STR("image_url"), media);
    else if (media->url.at)
        text_json_str(text, STR("image_url"), media->url);
    text_json_str_if(text, STR("file_id"), media->file_id);
    text_json_str_if(text, STR("detail"), media->detail);
    text_put_byte(text, '}');
}

static void input_file_put(struct text *text, const struct message_part *part) {
    const struct message_media *media = &part->media;
    if (part->text.at && !media->data.at && !media->file_id.at && !media->url.at) { /* plain text: said as text */
        responses_part_begin(text, STR("input_text"));
        text_json_str(text, STR("text"), part->text);
        text_put_byte(text, '}');
        return;
    }
    responses_part_begin(text, STR("input_file"));
    text_json_str_if(text, STR("file_id"), media->file_id);
    if (media->data.at) {
        text_json_str(text, STR("filename"), part->title.len ? part->title : STR("document"));
        responses_data_uri(text, STR("file_data"), media);
    } else {
        text_json_str_if(text, STR("file_url"), media->url);
    }
    text_put_byte(text, '}');
}

static void input_part_put(struct text *text, const struct message_part *part, bool assistant) {
    switch (part->kind) {
    case part_text:
        responses_part_begin(text, assistant ? STR("output_text") : STR("input_text"));
        text_json_str(text, STR("text"), part->text);
        text_put(text, assistant ? STR(",\"annotations\":[]}") : STR("}"));
        return;
    case part_refusal:
        if (!assistant) return;
        responses_part_begin(text, STR("refusal"));
        text_json_str(text, STR("refusal"), part->text);
        text_put_byte(text, '}');
        return;
    case part_image: input_image_put(text, &part->media); return;
    case part_document: input_file_put(text, part); return;
    default: return;
    }
}

static bool responses_is_content(const struct message_part *part, bool assistant) {
    return part->kind == part_text ||
           (assistant ? part->kind == part_refusal : part->kind == part_image || part->kind == part_document);
}

/* -- items -- */

static void item_call_put(struct text *text, const struct message_part *part) {
    if (part->reasoning.len) {
        text_json_comma(text);
        text_put(text, part->reasoning);
    }
    responses_part_begin(text, part->custom ? STR("custom_tool_call") : STR("function_call"));
    text_json_str(text, STR("call_id"), part->id.at ? part->id : part->name);
    text_json_str(text, STR("name"), part->name);
    if (part->custom)
        text_json_str(text, STR("input"), custom_tool_input(part->arguments, text->arena));
    else
        text_json_str(text, STR("arguments"), part->arguments.len ? part->arguments : STR("{}"));
    text_put_byte(text, '}');
}

static void item_result_put(struct text *text, const struct message_part *part) {
    bool plain = part->part_count == 1 && part->parts[0].kind == part_text;
    responses_part_begin(text, part->custom ? STR("custom_tool_call_output") : STR("function_call_output"));
    text_json_str(text, STR("call_id"), part->id.at ? part->id : part->name);
    text_json_key(text, STR("output"));
    if (plain || part->part_count == 0) {
        text_put_json(text, plain ? part->parts[0].text : STR(""));
    } else {
        text_put_byte(text, '[');
        for (size_t i = 0; i < part->part_count; i++) input_part_put(text, &part->parts[i], false);
        text_put_byte(text, ']');
    }
    text_put_byte(text, '}');
}

/* Reasoning goes back to the API that sealed it only. */
static void item_reasoning_put(struct text *text, const struct message_part *part) {
    if (part->of != dialect_responses || !part->data.len) return;
    responses_part_begin(text, STR("reasoning"));
    text_put(text, STR(",\"summary\":["));
    if (part->text.len) {
        text_put(text, STR("{\"type\":\"summary_text\""));
        text_json_str(text, STR("text"), part->text);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
    text_json_str(text, STR("encrypted_content"), part->data);
    text_put_byte(text, '}');
}

/* Content that stands together is one message; between it the items of their own. */
static void items_put(struct text *text, const struct message *message) {
    static const char *const roles[] = {"system", "developer", "user", "assistant", "user"};
    bool assistant = message->role == message_assistant, open = false;
    for (size_t i = 0; i < message->part_count; i++) {
        const struct message_part *part = &message->parts[i];
        bool content = responses_is_content(part, assistant);
        if (open && !content) {
            text_put(text, STR("]}"));
            open = false;
        }
        if (content && !open) {
            responses_part_begin(text, STR("message"));
            text_json_str(text, STR("role"), str_from(roles[message->role]));
            text_put(text, STR(",\"content\":["));
            open = true;
        }
        if (content) input_part_put(text, part, assistant);
        if (part->kind == part_tool_call) item_call_put(text, part);
        if (part->kind == part_tool_result) item_result_put(text, part);
        if (part->kind == part_reasoning) item_reasoning_put(text, part);
        if (part->kind == part_foreign && part->of == dialect_responses) {
            text_json_comma(text);
            text_put(text, part->raw);
        }
    }
    if (open) text_put(text, STR("]}"));
}

/* -- tools, format -- */

static void responses_write_tool(struct text *text, const struct message_tool *tool) {
    if (tool->raw.at && tool->of != dialect_responses) return;
    if (tool->raw.at) {
        text_json_comma(text);
        text_put(text, tool->raw);
        return;
    }
    responses_part_begin(text, tool->custom ? STR("custom") : STR("function"));
    text_json_str(text, STR("name"), tool->name);
    text_json_str_if(text, STR("description"), tool->description);
    if (tool->custom) {
        text_json_raw(text, STR("format"), tool->format);
    } else { /* strict is this API's default, and not the others' */
        text_json_raw(text, STR("parameters"),
                      tool->parameters.at ? tool->parameters : STR("{\"type\":\"object\",\"properties\":{}}"));
        text_json_bool(text, STR("strict"), tool->strict == flag_true);
    }
    text_put_byte(text, '}');
}

static void responses_write_tools(struct text *text, const struct message_request *request) {
    size_t said = 0;
    bool custom = false;
    for (size_t i = 0; i < request->tool_count; i++) {
        said += !request->tools[i].raw.at || request->tools[i].of == dialect_responses;
        custom |= request->tools[i].custom && str_eq(request->tools[i].name, request->tool_name);
    }
    if (said == 0) return;
    text_json_key(text, STR("tools"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < request->tool_count; i++) responses_write_tool(text, &request->tools[i]);
    text_put_byte(text, ']');
    switch (request->tool_choice) {
    case tools_unset: return;
    case tools_auto: text_json_str(text, STR("tool_choice"), STR("auto")); return;
    case tools_none: text_json_str(text, STR("tool_choice"), STR("none")); return;
    case tools_required: text_json_str(text, STR("tool_choice"), STR("required")); return;
    case tools_named:
        text_json_key(text, STR("tool_choice"));
        text_put_byte(text, '{');
        text_json_str(text, STR("type"), custom ? STR("custom") : STR("function"));
        text_json_str(text, STR("name"), request->tool_name);
        text_put_byte(text, '}');
    }
}

static void responses_write_text(struct text *text, const struct message_request *request) {
    static const char *const types[] = {NULL, "text", "json_object", "json_schema"};
    if (request->format == format_unset && !request->verbosity.at) return;
    text_json_key(text, STR("text"));
    text_put_byte(text, '{');
    if (request->format != format_unset) {
        text_json_key(text, STR("format"));
        text_put_byte(text, '{');
        text_json_str(text, STR("type"), str_from(types[request->format]));
        if (request->format == format_schema) {
            text_json_str(text, STR("name"), request->schema_name.len ? request->schema_name : STR("answer"));
            text_json_str_if(text, STR("description"), request->schema_description);
            text_json_raw(text, STR("schema"), request->schema.at ? request->schema : STR("{}"));
            if (request->schema_strict) text_json_bool(text, STR("strict"), request->schema_strict == flag_true);
        }
        text_put_byte(text, '}');
    }
    text_json_str_if(text, STR("verbosity"), request->verbosity);
    text_put_byte(text, '}');
}

static void responses_write_reasoning(struct text *text, const struct message_request *request,
                                      const struct codec_target *target) {
    enum message_effort effort = openai_effort_of(request);
    if ((!effort && request->show_reasoning != flag_true) || !target->reasons) return;
    text_json_key(text, STR("reasoning"));
    text_put_byte(text, '{');
    const struct str *names = target->takes ? target->takes->effort_names : NULL;
    if (effort)
        text_json_str(text, STR("effort"), names && names[effort].len ? names[effort] : openai_effort_name(effort));
    if (request->show_reasoning == flag_true) text_json_str(text, STR("summary"), STR("auto"));
    text_put_byte(text, '}');
}

void responses_write_request(const struct message_request *request, const struct codec_target *target,
                             struct text *body) {
    text_put_byte(body, '{');
    text_json_str(body, STR("model"), target->model);
    text_json_key(body, STR("input"));
    text_put_byte(body, '[');
    for (size_t i = 0; i < request->message_count; i++) items_put(body, &request->messages[i]);
    text_put_byte(body, ']');
    if (request->max_tokens != MESSAGE_NO_INT) text_json_i64(body, STR("max_output_tokens"), request->max_tokens);
    fields_put(body, responses_fields + responses_fields_read_only, responses_field_count - responses_fields_read_only,
               request);
    responses_write_tools(body, request);
    responses_write_text(body, request);
    responses_write_reasoning(body, request, target);
    if (target->reasons) text_put(body, STR(",\"include\":[\"reasoning.encrypted_content\"]"));
    text_json_bool(body, STR("store"), false);
    for (size_t i = 0; i < request->extra_count && request->from == dialect_responses; i++)
        text_json_raw(body, request->extras[i].name, request->extras[i].raw);
    if (target->stream) text_json_bool(body, STR("stream"), true);
    text_put_byte(body, '}');
}
