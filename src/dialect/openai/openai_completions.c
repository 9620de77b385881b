/* openai_completions.c - OpenAI's older completions (/v1/completions) towards providers that have none: the prompt is
 * what the user says, and the answer's text the completion. Of callers only. Source: the OpenAI API reference,
 * CreateCompletionRequest. */
#include <string.h>

#include "dialect/openai/openai_codec.h"

enum { usual_max_tokens = 16, choices_most = 64 }; /* as the reference says */

struct writer {
    struct str id, model;
    struct usage usage;
    bool has_usage;
};
_Static_assert(sizeof(struct writer) <= openai_writer_bytes, "the state fits");

/* -- requests -- */

static bool prompt_put(const struct json_value *prompt, struct text *chat, struct error *error, struct str *param) {
    size_t place = 0;
    const struct json_value *one = prompt;
    *param = STR("prompt");
    if (json_kind(prompt) == json_array) {
        one = json_each(prompt, &place, NULL);
        if (json_count(prompt) > 1 && json_kind(one) == json_string)
            return error_set(error, error_unsupported,
                             "The providers of this model take one prompt at a time: send a request for each.");
    }
    if (json_kind(one) == json_number || json_kind(one) == json_array)
        return error_set(error, error_unsupported,
                         "The providers of this model take text and no tokens: send `prompt` as a string.");
    if (json_kind(one) != json_string) return error_set(error, error_invalid_request, "`prompt` must be a string.");
    text_put(chat, STR("\"messages\":[{\"role\":\"user\",\"content\":"));
    text_put_json(chat, json_str(one, STR("")));
    text_put(chat, STR("}]"));
    *param = STR_NONE;
    return true;
}

/* In chat's words, which are read as they always are. */
static bool request_take(struct str body, struct str path_model, bool stream, struct arena *arena,
                         struct message_request *request, struct error *error, struct str *param) {
    static const struct str apart[] = {STR("prompt"), STR("logprobs"), STR("echo"), STR("suffix"), STR("best_of")};
    const struct json_value *root;
    struct text chat = text_in_arena(arena, body.len + 128);
    message_request_init(request, dialect_openai);
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    text_put_byte(&chat, '{');
    if (!prompt_put(json_member(root, "prompt"), &chat, error, param)) return false;
    struct str name;
    size_t place = 0;
    for (const struct json_value *value; (value = json_each(root, &place, &name));) {
        bool other = true;
        for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) other = other && !str_eq(name, apart[i]);
        if (!other) continue;
        text_put_byte(&chat, ',');
        text_put_json(&chat, name);
        text_put_byte(&chat, ':');
        json_put(&chat, value);
    }
    int64_t logprobs = json_i64(json_member(root, "logprobs"), 0);
    if (logprobs > 0) text_printf(&chat, ",\"logprobs\":true,\"top_logprobs\":%lld", (long long)logprobs);
    text_put_byte(&chat, '}');
    if (chat.failed) return error_set(error, error_out_of_memory, "%s", "");
    if (!openai_read_request(text_str(&chat), path_model, stream, arena, request, error, param)) return false;
    if (request->max_tokens == MESSAGE_NO_INT) request->max_tokens = usual_max_tokens;
    request->completes = true;
    request->echo = json_bool(json_member(root, "echo"), false);
    request->suffix = json_member_str(root, "suffix");
    if (json_i64(json_member(root, "best_of"), 1) > 1)
        return error_set(error, error_unsupported, "The providers of this model know no `best_of`: leave it out.");
    return true;
}

/* -- replies -- */

static void head_put(struct text *text, struct str id, struct str model, const struct codec_caller *caller) {
    text_put_byte(text, '{');
    text_json_key(text, STR("id"));
    text_put(text, STR("\"cmpl-"));
    text_put_json_inside(text, id.len ? id : caller->request_id);
    text_put(text, STR("\",\"object\":\"text_completion\""));
    text_json_i64(text, STR("created"), caller->now_s);
    text_json_str(text, STR("model"), model.len ? model : caller->model);
    text_put(text, STR(",\"choices\":["));
}

static void openai_completions_choice_put(struct text *text, size_t index, struct str said,
                                          const struct message_choice *choice, enum message_finish finish) {
    text_json_comma(text);
    text_put(text, STR("{\"text\":\""));
    text_put_json_inside(text, said);
    for (size_t p = 0; choice && p < choice->part_count; p++)
        if (choice->parts[p].kind == part_text || choice->parts[p].kind == part_refusal)
            text_put_json_inside(text, choice->parts[p].text);
    text_put_byte(text, '"');
    text_json_u64(text, STR("index"), index);
    text_put(text, STR(",\"logprobs\":null,\"finish_reason\":"));
    if (finish == finish_none)
        text_put(text, STR("null"));
    else
        text_put_json(text, openai_finish_name(finish == finish_tool_calls ? finish_stop : finish));
    text_put_byte(text, '}');
}

static void reply_put(const struct message_reply *reply, const struct codec_caller *caller, struct text *body) {
    head_put(body, reply->id, reply->model, caller);
    for (size_t i = 0; i < reply->choice_count; i++)
        openai_completions_choice_put(body, i, STR(""), &reply->choices[i],
                                      reply->choices[i].finish ? reply->choices[i].finish : finish_stop);
    text_put_byte(body, ']');
    openai_write_usage(body, &reply->usage);
    text_put_byte(body, '}');
}

static void chunk_put(const struct writer *writer, const struct codec_caller *caller, unsigned choice, struct str said,
                      enum message_finish finish, struct text *text) {
    text_put(text, STR("data: "));
    struct text chunk = text_in_arena(text->arena, said.len + 256);
    head_put(&chunk, writer->id, writer->model, caller);
    openai_completions_choice_put(&chunk, choice, said, NULL, finish);
    text_put(&chunk, caller->include_usage ? STR("],\"usage\":null}") : STR("]}"));
    text->failed |= chunk.failed;
    text_put(text, text_str(&chunk));
    text_put(text, STR("\n\n"));
}

static void openai_completions_end_put(const struct writer *writer, const struct codec_caller *caller,
                                       struct text *text) {
    if (caller->include_usage && writer->has_usage && usage_is_known(&writer->usage)) {
        text_put(text, STR("data: "));
        struct text chunk = text_in_arena(text->arena, 256);
        head_put(&chunk, writer->id, writer->model, caller);
        text_put_byte(&chunk, ']');
        openai_write_usage(&chunk, &writer->usage);
        text_put_byte(&chunk, '}');
        text->failed |= chunk.failed;
        text_put(text, text_str(&chunk));
        text_put(text, STR("\n\n"));
    }
    text_put(text, STR("data: [DONE]\n\n"));
}

static void event_put(void *writer_state, const struct message_event *event, const struct codec_caller *caller,
                      struct arena *keep, struct text *text) {
    struct writer *writer = writer_state;
    usage_keep(&writer->usage, &writer->has_usage, &event->usage);
    switch (event->kind) {
    case message_event_begin:
        writer->id = arena_copy(keep, event->id);
        writer->model = arena_copy(keep, event->model);
        return;
    case message_event_text:
    case message_event_refusal: chunk_put(writer, caller, event->choice, event->text, finish_none, text); return;
    case message_event_finish: chunk_put(writer, caller, event->choice, STR(""), event->finish, text); return;
    case message_event_end: openai_completions_end_put(writer, caller, text); return;
    case message_event_error: openai_write_error_event(event, text); return;
    default: return;
    }
}

/* -- the table -- */

static void openai_completions_error_read(struct str body, struct arena *arena, struct message_error *error) {
    codec_openai.read_error(body, arena, error);
}

static void openai_completions_error_write(const struct message_error *error, struct text *body) {
    codec_openai.write_error(error, body);
}

const struct codec codec_completions = {
    .name = STR("openai"),
    .dialect = dialect_openai,
    .framing = framing_sse,
    .mixes = true,
    .stream_content_type = STR("text/event-stream; charset=utf-8"),
    .read_request = request_take,
    .write_reply = reply_put,
    .writer_size = openai_writer_bytes,
    .write_event = event_put,
    .read_error = openai_completions_error_read,
    .write_error = openai_completions_error_write,
};
