/* huggingface_reply.c - what native inference answers: generated text whole or token by token, vectors. */
#include <string.h>

#include "dialect/huggingface/huggingface.h"
#include "dialect/vectors.h"

struct reader {
    bool begun;
};
struct writer {
    struct text said; /* the whole text is told again at the end */
    enum message_finish finish;
    struct usage usage;
    bool has_usage, over;
    unsigned index;
};
_Static_assert(sizeof(struct reader) <= huggingface_reader_bytes && sizeof(struct writer) <= huggingface_writer_bytes,
               "the states fit");

static const struct finish_name finish_names[] = {
    {STR("eos_token"), finish_stop}, {STR("length"), finish_length}, {STR("stop_sequence"), finish_stop_sequence}};
enum { finish_name_count = sizeof finish_names / sizeof *finish_names };

static enum message_finish huggingface_read_finish(const struct json_value *details) {
    return finish_of_name(finish_names, finish_name_count, json_member_str(details, "finish_reason"));
}

static struct str huggingface_finish_name(enum message_finish finish) {
    return finish_name_of(finish_names, finish_name_count, finish, STR("eos_token"));
}

static void huggingface_read_usage(const struct json_value *details, struct usage *usage) {
    int64_t output = json_tokens(details, "generated_tokens"), input = json_tokens(details, "input_length");
    if (input < 0 && json_count(json_member(details, "prefill")))
        input = (int64_t)json_count(json_member(details, "prefill"));
    if (output >= 0) usage->output_tokens = output;
    if (input >= 0) usage->input_tokens = input;
}

/* -- whole -- */

bool huggingface_read_reply(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                            struct message_reply *reply, bool *error_inside) {
    const char *problem;
    size_t place = 0;
    (void)quirks;
    *reply = (struct message_reply){.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    *error_inside = false;
    const struct json_value *root = json_parse_in(arena, body, &problem, &place);
    place = 0;
    if (json_kind(root) == json_array) root = json_each(root, &place, NULL);
    *error_inside = json_member(root, "error") != NULL;
    if (*error_inside) return true;
    const struct json_value *text = json_member(root, "generated_text"), *details = json_member(root, "details");
    struct message_choice *choice = arena_take_zeroed(arena, sizeof *choice);
    struct message_part *part = arena_take_zeroed(arena, sizeof *part);
    if (json_kind(text) != json_string || !choice || !part) return false;
    part->text = json_str(text, STR(""));
    choice->parts = part;
    choice->part_count = part->text.len > 0;
    choice->finish = huggingface_read_finish(details);
    reply->choices = choice;
    reply->choice_count = 1;
    huggingface_read_usage(details, &reply->usage);
    return true;
}

static void details_put(struct text *text, enum message_finish finish, const struct usage *usage) {
    text_json_key(text, STR("details"));
    text_put_byte(text, '{');
    text_json_str(text, STR("finish_reason"), huggingface_finish_name(finish));
    text_json_count(text, STR("generated_tokens"), usage->output_tokens);
    text_json_count(text, STR("input_length"), usage->input_tokens);
    text_put_byte(text, '}');
}

void huggingface_write_reply(const struct message_reply *reply, const struct codec_caller *caller, struct text *body) {
    static const struct message_choice none;
    const struct message_choice *choice = reply->choice_count ? &reply->choices[0] : &none;
    (void)caller;
    text_put(body, STR("[{\"generated_text\":\""));
    for (size_t i = 0; i < choice->part_count; i++)
        if (choice->parts[i].kind == part_text || choice->parts[i].kind == part_refusal)
            text_put_json_inside(body, choice->parts[i].text);
    text_put_byte(body, '"');
    details_put(body, choice->finish, &reply->usage);
    text_put(body, STR("}]"));
}

/* -- streams -- */

static void huggingface_error_add(const struct json_value *root, struct message_events *events) {
    struct message_error error = {.retry_after_ms = -1};
    huggingface_read_error(root, events->arena, &error);
    struct message_event *event = message_event_add(events, message_event_error);
    event->text = error.message;
    event->name = error.type;
    event->status = error.status;
}

bool huggingface_read_event(void *reader_state, struct str event, struct str data, struct arena *keep,
                            const struct codec_quirks *quirks, struct message_events *events) {
    struct reader *reader = reader_state;
    const struct json_value *root;
    struct error error;
    (void)event;
    (void)keep;
    (void)quirks;
    if (str_eq(str_trim(data), STR("[DONE]"))) return true; /* some hosts say so after the last */
    if (!codec_parse(data, events->arena, &root, &error)) return false;
    if (json_member(root, "error")) {
        huggingface_error_add(root, events);
        return true;
    }
    const struct json_value *token = json_member(root, "token"), *details = json_member(root, "details"),
                            *whole = json_member(root, "generated_text");
    if (json_kind(token) != json_object && json_kind(whole) != json_string) return false;
    if (!reader->begun) message_event_add(events, message_event_begin);
    reader->begun = true;
    struct str text = json_member_str(token, "text");
    if (text.len && !json_bool(json_member(token, "special"), false))
        message_event_add(events, message_event_text)->text = text;
    if (json_kind(whole) != json_string && json_kind(details) != json_object) return true;
    struct usage usage = USAGE_NONE;
    huggingface_read_usage(details, &usage);
    message_event_add(events, message_event_finish)->finish = huggingface_read_finish(details);
    message_event_add(events, message_event_usage)->usage = usage;
    message_event_add(events, message_event_end);
    return true;
}

static void token_put(struct writer *writer, struct str said, bool special, struct text *text) {
    text_put(text, STR("data:{"));
    text_json_u64(text, STR("index"), ++writer->index);
    text_put(text, STR(",\"token\":{"));
    text_json_u64(text, STR("id"), writer->index);
    text_json_str(text, STR("text"), said);
    text_put(text, STR(",\"logprob\":0"));
    text_json_bool(text, STR("special"), special);
    text_put_byte(text, '}');
}

void huggingface_write_event(void *writer_state, const struct message_event *event, const struct codec_caller *caller,
                             struct arena *keep, struct text *text) {
    struct writer *writer = writer_state;
    (void)caller;
    usage_keep(&writer->usage, &writer->has_usage, &event->usage);
    if (event->choice > 0) return;
    if (!writer->said.arena) writer->said = text_in_arena(keep, 256);
    switch (event->kind) {
    case message_event_text:
    case message_event_refusal:
        text_put(&writer->said, event->text);
        token_put(writer, event->text, false, text);
        text_put(text, STR(",\"generated_text\":null,\"details\":null}\n\n"));
        break;
    case message_event_finish: writer->finish = event->finish; break;
    case message_event_error:
        text_put(text, STR("data:"));
        huggingface_write_error(text, event->status ? event->status : 500, event->text);
        text_put(text, STR("\n\n"));
        break;
    case message_event_end:
        if (writer->over) break;
        writer->over = true;
        token_put(writer, STR("</s>"), true, text);
        text_json_str(text, STR("generated_text"), text_str(&writer->said));
        if (!writer->has_usage) writer->usage = USAGE_NONE;
        details_put(text, writer->finish, &writer->usage);
        text_put(text, STR("}\n\n"));
        break;
    default: break;
    }
    text->failed |= writer->said.failed;
}

/* -- vectors -- */

bool huggingface_read_vectors(struct str body, struct arena *arena, struct embed_reply *reply, bool *error_inside) {
    const char *problem;
    size_t at;
    *reply = (struct embed_reply){.usage = USAGE_NONE};
    *error_inside = false;
    const struct json_value *root = json_parse_in(arena, body, &problem, &at);
    *error_inside = json_kind(root) == json_object && json_member(root, "error");
    if (*error_inside) return true;
    if (!vector_is(root) || json_count(root) == 0) return vectors_read(root, NULL, arena, reply);
    reply->vectors = arena_take_zeroed(arena, sizeof *reply->vectors);
    if (!reply->vectors) return false;
    reply->vectors[0] = json_raw(root, arena);
    reply->vector_count = 1;
    return reply->vectors[0].at != NULL;
}

void huggingface_write_vectors(const struct embed_reply *reply, const struct embed_request *asked,
                               const struct codec_caller *caller, struct text *body) {
    (void)caller;
    if (asked->single && reply->vector_count == 1)
        text_put(body, reply->vectors[0]);
    else
        vectors_put(body, reply);
}
