/* mock_dialect.c - by the same code that weir's own callers and providers are spoken to with. That this code is right
 * is shown elsewhere: by recorded traffic, and by the vendors' SDKs. */
#include "mock/mock_dialect.h"

#include "dialect/quirks.h"

enum { compacted_to = 4 }; /* a quarter of what came in */

static const struct codec_caller nobody = {
    .model = {"mock", 4}, .request_id = {"mock", 4}, .include_usage = true, .show_reasoning = true};

static struct codec_caller mock_dialect_caller_of(const struct mock_exchange *me) {
    struct codec_caller caller = nobody;
    size_t prefix = sizeof "chatcmpl-" - 1;
    caller.now_s = me->facts.created_s;
    if (me->facts.id.len > prefix) caller.request_id = str_slice(me->facts.id, prefix, me->facts.id.len);
    caller.json_array = me->json_array;
    caller.asked = &me->asked;
    return caller;
}

/* What callers of weir do not ask for, but providers are asked: the model stands between the two, or in the body. */
static const struct {
    struct str before, after;
    enum dialect dialect;
    enum operation operation;
} paths[] = {
    {STR("/api/chat"), STR(""), dialect_ollama, operation_chat},
    {STR("/api/embed"), STR(""), dialect_ollama, operation_embed},
    {STR("/ai/run/"), STR(""), dialect_cloudflare, operation_chat},
    {STR("/models/"), STR("/pipeline/feature-extraction"), dialect_huggingface, operation_embed},
    {STR("/models/"), STR(""), dialect_huggingface, operation_chat},
};

/* One path for all that a model does: what it is given says what. */
static enum operation operation_of(enum dialect dialect, enum operation operation, struct str body) {
    const char *problem;
    size_t at;
    struct json *json = operation == operation_chat ? json_parse(body, &problem, &at) : NULL;
    const struct json_value *root = json ? json_root(json) : NULL;
    enum json_kind inputs = json_kind(json_member(root, "inputs"));
    if (dialect == dialect_cloudflare && json_member(root, "text")) operation = operation_embed;
    if (dialect == dialect_huggingface && inputs > json_null && inputs != json_string) operation = operation_forecast;
    json_free(json);
    return operation;
}

bool mock_dialect_find(struct str path, struct str body, enum dialect *dialect, enum operation *operation,
                       struct str *model, bool *stream) {
    enum endpoint endpoint;
    *stream = false;
    *model = STR("");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct str before = paths[i].before, after = paths[i].after;
        bool named = str_ends(before, STR("/"));
        if (named ? !str_starts(path, before) || path.len <= before.len + after.len || !str_ends(path, after)
                  : !str_eq(path, before))
            continue;
        if (named) *model = str_slice(path, before.len, path.len - after.len);
        *dialect = paths[i].dialect;
        *operation = operation_of(*dialect, paths[i].operation, body);
        return true;
    }
    if (!endpoint_find(path, &endpoint, model)) return false;
    const struct endpoint_facts *facts = endpoint_facts(endpoint);
    *dialect = facts->dialect;
    *operation = facts->operation;
    *stream = endpoint == endpoint_generate_stream;
    return facts->dialect != dialect_openai && codec_of(facts->dialect);
}

bool mock_dialect_request(struct mock_exchange *me, enum operation operation, struct str model, bool stream,
                          struct str *body, struct error *error, struct str *param) {
    const struct codec *codec = me->codec;
    struct codec_target target = {.quirks = quirks_of(STR(""), STR("")), .output_tokens_max = -1, .reasons = true};
    struct text text = text_in_arena(&me->arena, body->len + 256);
    if (operation == operation_embed) {
        me->embed = arena_take_zeroed(&me->arena, sizeof *me->embed);
        if (!me->embed || !codec->read_embed_request(*body, model, &me->arena, me->embed, error, param)) return false;
        target.model = me->embed->model;
        codec_openai.write_embed_request(me->embed, &target, &text);
    } else {
        struct message_request request;
        if (!codec->read_request(*body, model, stream, &me->arena, &request, error, param)) return false;
        if (request.native_only.len) { /* it stores nothing */
            *param = request.native_only;
            return error_set(error, error_invalid_request, "`%.*s`: nothing is stored here.",
                             STR_ARG(request.native_only));
        }
        me->counted = message_tokens(&request);
        me->asked = request.asked;
        me->openai_inside = codec->dialect == dialect_cloudflare && str_find(request.model, STR("reason")) != SIZE_MAX;
        target.model = request.model;
        target.stream = request.stream;
        codec_openai.write_request(&request, &target, &text);
        me->writer = arena_take_zeroed(&me->arena, codec->writer_size + 1);
        me->reader = arena_take_zeroed(&me->arena, codec_openai.reader_size + 1);
        if (!me->writer || !me->reader) return error_set(error, error_out_of_memory, "%s", "");
    }
    *body = text_str(&text);
    return !text.failed || error_set(error, error_out_of_memory, "%s", "");
}

void mock_dialect_count(struct mock_exchange *me, int64_t tokens) {
    struct text text = text_in_arena(&me->arena, 64);
    me->codec->write_count(tokens, &text);
    me->body = text_str(&text);
}

void mock_dialect_compact(struct mock_exchange *me, struct str body) {
    struct text text = text_in_arena(&me->arena, body.len + 512);
    const char *problem;
    size_t at, place = 0;
    const struct json_value *input = json_member(json_parse_in(&me->arena, body, &problem, &at), "input");
    text_put_byte(&text, '{');
    text_json_str(&text, STR("id"), arena_printf(&me->arena, "resp_%.*s", STR_ARG(me->facts.id)));
    text_put(&text, STR(",\"object\":\"response.compaction\""));
    text_json_i64(&text, STR("created_at"), me->facts.created_s);
    text_json_key(&text, STR("output"));
    text_put_byte(&text, '[');
    for (const struct json_value *item; (item = json_each(input, &place, NULL));) {
        if (!str_eq(json_str(json_member(item, "role"), STR("")), STR("user"))) continue;
        text_json_comma(&text);
        json_put(&text, item);
    }
    text_json_comma(&text);
    text_put(&text,
             STR("{\"id\":\"cmp_mock\",\"type\":\"compaction\",\"encrypted_content\":\"bW9jaw==\"}],\"usage\":{"));
    int64_t wrote = (me->counted + compacted_to - 1) / compacted_to;
    text_json_i64(&text, STR("input_tokens"), me->counted);
    text_put(&text, STR(",\"input_tokens_details\":{\"cached_tokens\":0}"));
    text_json_i64(&text, STR("output_tokens"), wrote);
    text_put(&text, STR(",\"output_tokens_details\":{\"reasoning_tokens\":0}"));
    text_json_i64(&text, STR("total_tokens"), me->counted + wrote);
    text_put(&text, STR("}}"));
    me->body = text_str(&text);
}

void mock_dialect_reply(struct mock_exchange *me, struct str *body) {
    struct text text = text_in_arena(&me->arena, body->len + 256);
    if (me->openai_inside) {
        text_put(&text, STR("{\"result\":"));
        text_put(&text, *body);
        text_put(&text, STR(",\"success\":true,\"errors\":[],\"messages\":[]}"));
        if (!text.failed) *body = text_str(&text);
        return;
    }
    struct codec_caller caller = mock_dialect_caller_of(me);
    struct message_reply reply;
    struct embed_reply vectors;
    bool error_inside;
    if (!me->codec) return;
    if (me->embed && codec_openai.read_embed_reply(*body, &me->arena, &vectors, &error_inside))
        me->codec->write_embed_reply(&vectors, me->embed, &caller, &text);
    else if (codec_openai.read_reply(*body, &me->arena, quirks_of(STR(""), STR("")), &reply, &error_inside))
        me->codec->write_reply(&reply, &caller, &text);
    if (!text.failed) *body = text_str(&text);
}

static struct message_error mock_dialect_error_read(struct mock_exchange *me, int status, const char *message,
                                                    struct str param) {
    struct text text = text_in_arena(&me->arena, 256);
    struct message_error error = {.status = status, .retry_after_ms = -1, .request_id = STR("req_mock")};
    mock_openai_error(&text, status, message, param);
    codec_openai.read_error(text_str(&text), &me->arena, &error);
    return error;
}

void mock_dialect_error(struct mock_exchange *me, struct text *text, int status, const char *message,
                        struct str param) {
    if (!me->codec || me->codec->dialect == dialect_responses) { /* OpenAI's both */
        mock_openai_error(text, status, message, param);
        return;
    }
    struct message_error error = mock_dialect_error_read(me, status, message, param);
    me->codec->write_error(&error, text);
}

void mock_dialect_error_event(struct mock_exchange *me, struct text *text) {
    if (!me->codec) {
        text_put(text, STR("data: "));
        mock_openai_error(text, 500, NULL, STR(""));
        text_put(text, STR("\n\n"));
        return;
    }
    struct codec_caller caller = mock_dialect_caller_of(me);
    struct message_event event = {.kind = message_event_error, .usage = USAGE_NONE, .status = 500};
    event.text = mock_dialect_error_read(me, 500, NULL, STR("")).message;
    me->codec->write_event(me->writer, &event, &caller, &me->arena, text);
}

static void event_translate(struct mock_exchange *me, struct str raw, struct text *text) {
    struct message_events events = {.arena = &me->arena};
    struct codec_caller caller = mock_dialect_caller_of(me);
    struct str data = str_trim(str_starts(raw, STR("data:")) ? str_slice(raw, 5, raw.len) : raw);
    if (!codec_openai.read_event(me->reader, STR(""), data, &me->arena, quirks_of(STR(""), STR("")), &events)) {
        text_put(text, raw); /* broken on purpose */
        return;
    }
    for (size_t i = 0; i < events.count; i++)
        me->codec->write_event(me->writer, &events.list[i], &caller, &me->arena, text);
}

bool mock_dialect_next(struct mock_exchange *me, struct text *text, bool *is_token) {
    if (!me->codec || me->openai_inside) return mock_stream_next(&me->stream, text, is_token);
    struct text own = text_in_arena(&me->arena, 512);
    if (!mock_stream_next(&me->stream, &own, is_token)) return false;
    event_translate(me, text_str(&own), text);
    return true;
}

struct str mock_dialect_content_type(const struct mock_exchange *me) {
    if (!me->codec) return STR("text/event-stream; charset=utf-8");
    return me->json_array ? STR("application/json") : me->codec->stream_content_type;
}
