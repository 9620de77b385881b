/* cloudflare_write_request.c - a canonical message as a Workers AI request, its numbers within the bounds of its
 * schemas. */
#include <math.h>
#include <string.h>

#include "dialect/cloudflare/cloudflare.h"
#include "dialect/openai/openai_codec.h"

/* Unless it is told, a model stops after 256 tokens: an answer that is cut. */
enum { tokens_default = 2048, top_k_most = 50 };
static const int64_t seed_most = 9999999999;

static double within(double value, double most) { return value < 0 ? 0 : value > most ? most : value; }

/* The request with the numbers that a schema lets through. Seeds outside become others, always the same ones. */
static struct message_request bounded(const struct message_request *request, const struct codec_target *target) {
    struct message_request copy = *request;
    copy.temperature = within(copy.temperature, 5);
    copy.top_p = within(copy.top_p, 2);
    copy.repetition_penalty = within(copy.repetition_penalty, 2);
    copy.frequency_penalty = within(copy.frequency_penalty, 2);
    copy.presence_penalty = within(copy.presence_penalty, 2);
    if (copy.top_k < 1) copy.top_k = MESSAGE_NO_INT;
    if (copy.top_k > top_k_most) copy.top_k = top_k_most;
    if (copy.seed != MESSAGE_NO_INT && (copy.seed < 1 || copy.seed > seed_most))
        copy.seed = 1 + (int64_t)((uint64_t)copy.seed % (uint64_t)seed_most);
    if (copy.max_tokens == MESSAGE_NO_INT)
        copy.max_tokens = target->output_tokens_max > 0 ? target->output_tokens_max : tokens_default;
    return copy;
}

/* -- messages -- */

static bool cloudflare_is_text(const struct message_part *part) {
    return part->kind == part_text || part->kind == part_refusal || (part->kind == part_document && part->text.at);
}

/* Texts as one string: older models take no lists. */
static void string_put(struct text *text, const struct message_part *parts, size_t count) {
    bool any = false;
    text_put_byte(text, '"');
    for (size_t i = 0; i < count; i++) {
        if (!cloudflare_is_text(&parts[i])) continue;
        if (any) text_put(text, STR("\\n\\n"));
        any = true;
        text_put_json_inside(text, parts[i].text);
    }
    text_put_byte(text, '"');
}

static void cloudflare_write_image(struct text *text, const struct message_media *media) {
    text_put(text, STR("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"));
    text_put_json_inside(text, media->mime.len ? media->mime : STR("image/png"));
    text_put(text, STR(";base64,"));
    text_put_json_inside(text, media->data);
    text_put(text, STR("\"}}"));
}

static void cloudflare_write_list(struct text *text, const struct message_part *parts, size_t count) {
    text_put_byte(text, '[');
    for (size_t i = 0; i < count; i++) {
        bool image = parts[i].kind == part_image && parts[i].media.data.at;
        if (!image && !cloudflare_is_text(&parts[i])) continue;
        text_json_comma(text);
        if (image) {
            cloudflare_write_image(text, &parts[i].media);
            continue;
        }
        text_put(text, STR("{\"type\":\"text\""));
        text_json_str(text, STR("text"), parts[i].text);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
}

static void cloudflare_write_content(struct text *text, const struct message_part *parts, size_t count) {
    bool images = false;
    for (size_t i = 0; i < count; i++) images |= parts[i].kind == part_image && parts[i].media.data.at;
    text_json_key(text, STR("content"));
    (images ? cloudflare_write_list : string_put)(text, parts, count);
}

static void cloudflare_write_request_call_put(struct text *text, const struct message_part *part) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str_if(text, STR("id"), part->id);
    text_json_str(text, STR("type"), STR("function"));
    text_put(text, STR(",\"function\":{"));
    text_json_str(text, STR("name"), part->name);
    text_json_str(text, STR("arguments"), part->arguments.len ? part->arguments : STR("{}"));
    text_put(text, STR("}}"));
}

static void cloudflare_write_result(struct text *text, const struct message_part *part) {
    text_json_comma(text);
    text_put(text, STR("{\"role\":\"tool\""));
    text_json_str_if(text, STR("tool_call_id"), part->id);
    text_json_str_if(text, STR("name"), part->name);
    text_json_key(text, STR("content"));
    string_put(text, part->parts, part->part_count);
    text_put_byte(text, '}');
}

static void cloudflare_write_message(struct text *text, const struct message *message) {
    static const char *const roles[] = {"system", "system", "user", "assistant", "tool"};
    size_t calls = 0, results = 0;
    for (size_t i = 0; i < message->part_count; i++) {
        calls += message->parts[i].kind == part_tool_call;
        results += message->parts[i].kind == part_tool_result;
        if (message->parts[i].kind == part_tool_result) cloudflare_write_result(text, &message->parts[i]);
    }
    if (message->role == message_tool || (results && results == message->part_count)) return;
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("role"), str_from(roles[message->role]));
    cloudflare_write_content(text, message->parts, message->part_count);
    if (calls) text_put(text, STR(",\"tool_calls\":["));
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].kind == part_tool_call) cloudflare_write_request_call_put(text, &message->parts[i]);
    if (calls) text_put_byte(text, ']');
    text_put_byte(text, '}');
}

/* -- the rest -- */

static void cloudflare_write_format(struct text *text, const struct message_request *request) {
    bool schema = request->format == format_schema && request->schema.len;
    if (request->format < format_json) return;
    text_put(text, STR(",\"response_format\":{"));
    text_json_str(text, STR("type"), schema ? STR("json_schema") : STR("json_object"));
    if (schema) text_json_raw(text, STR("json_schema"), request->schema);
    text_put_byte(text, '}');
}

void cloudflare_write_request(const struct message_request *request, const struct codec_target *target,
                              struct text *body) {
    const struct message_request numbers = bounded(request, target);
    text_put(body, STR("{\"messages\":["));
    for (size_t i = 0; i < request->message_count; i++) cloudflare_write_message(body, &request->messages[i]);
    text_put_byte(body, ']');
    bool streams = target->stream && request->format < format_json; /* JSON comes whole, or is refused */
    if (streams) text_json_bool(body, STR("stream"), true);
    fields_put(body, cloudflare_fields, cloudflare_field_count, &numbers);
    openai_write_plain_tools(body, request);
    cloudflare_write_format(body, request);
    for (size_t i = 0; i < request->extra_count && request->from == dialect_cloudflare; i++)
        text_json_raw(body, request->extras[i].name, request->extras[i].raw);
    text_put_byte(body, '}');
}
