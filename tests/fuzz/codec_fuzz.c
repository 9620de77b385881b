/* codec_fuzz.c - every dialect's code with any bytes: the first byte says which dialect and what (a request, a reply,
 * an error, a stream's events a line each, embeddings, a forecast, a count). What is read is written in every dialect;
 * what weir writes must be JSON, or whole frames of it. */
#include <stdlib.h>

#include "dialect/emulate.h"
#include "dialect/forecast.h"
#include "dialect/order.h"
#include "dialect/outbound.h"
#include "dialect/quirks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static const struct codec_caller caller = {
    .model = {"m", 1}, .request_id = {"req_1", 5}, .now_s = 1700000000, .include_usage = true, .show_reasoning = true};

static void must_be_json(const struct text *text) {
    const char *problem;
    size_t at;
    if (!text->failed && !json_parse_in(&arena, text_str(text), &problem, &at)) abort();
}

static void request_do(const struct codec *codec, struct str body) {
    struct message_request request;
    struct error error;
    struct str param;
    if (!codec->read_request || !codec->read_request(body, STR("m"), false, &arena, &request, &error, &param)) return;
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        struct text text = text_in_arena(&arena, 256);
        struct codec_target target = {STR("m"), quirks_of(STR("mistral"), STR("m")), 8192, true, true};
        if (!other || !other->write_request) continue;
        message_features(&request, other->dialect);
        other->write_request(&request, &target, &text);
        must_be_json(&text);
        for (unsigned by = 0; by < 2; by++) { /* the same by other means */
            struct message_request emulated = request;
            struct emulation emulation;
            uint64_t which = by ? FEATURE_BIT(tool_choice) : FEATURE_BIT(json_schema);
            bool asked = by ? request.tool_choice >= tools_required : request.format == format_schema;
            if (!asked || !(by ? emulate_can_tool(&request, other->dialect) : emulate_can_schema(&request))) continue;
            text.len = 0;
            if (!emulate_request(&emulated, which, &arena, &arena, &emulation)) return;
            other->write_request(&emulated, &target, &text);
            must_be_json(&text);
        }
    }
}

/* An answer of that length was asked for by this. */
static struct emulation emulation_of(size_t len) {
    return (struct emulation){.kind = len % 3, .name = len & 4 ? STR("f") : STR("answer"), .wrapped = len & 8};
}

static void reply_do(const struct codec *codec, struct str body) {
    struct message_reply reply;
    bool error_inside;
    if (!codec->read_reply || !codec->read_reply(body, &arena, quirks_of(STR(""), STR("")), &reply, &error_inside))
        return;
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        struct text text = text_in_arena(&arena, 256);
        if (error_inside || !other || !other->write_reply) continue;
        other->write_reply(&reply, &caller, &text);
        must_be_json(&text);
    }
    struct emulation emulation = emulation_of(body.len);
    struct message_events events = {.arena = &arena};
    message_reply_events(&reply, &events);
    if (error_inside || !emulate_reply(&emulation, &reply, &arena)) return;
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        struct text text = text_in_arena(&arena, 256);
        if (!other || !other->write_reply) continue;
        other->write_reply(&reply, &caller, &text);
        must_be_json(&text);
    }
}

static void stream_do(const struct codec *codec, struct str lines) {
    void *reader = arena_take_zeroed(&arena, codec->reader_size + 1), *writers[dialects] = {NULL};
    struct str line;
    struct order order = {.held = NULL};
    struct emulation emulation = emulation_of(lines.len);
    for (unsigned d = 0; d < dialects && reader; d++)
        if (codec_of((enum dialect)d))
            writers[d] = arena_take_zeroed(&arena, codec_of((enum dialect)d)->writer_size + 1);
    while (reader && str_split_next(&lines, '\n', &line)) {
        struct message_events events = {.arena = &arena}, ordered = {.arena = &arena}, told = {.arena = &arena};
        if (!codec->read_event(reader, STR(""), line, &arena, quirks_of(STR(""), STR("")), &events)) continue;
        for (size_t i = 0; i < events.count && !events.failed; i++)
            if (!emulate_event(&emulation, &events.list[i], &arena, &told)) return;
        if (!events.failed) events = told;
        for (size_t i = 0; codec->mixes && i < events.count && !events.failed; i++)
            if (!order_take(&order, &events.list[i], &arena, &ordered)) return;
        if (codec->mixes) events = ordered;
        for (size_t i = 0; i < events.count && !events.failed; i++)
            for (unsigned d = 0; d < dialects; d++) {
                struct text text = text_in_arena(&arena, 256);
                if (!writers[d] || !codec_of((enum dialect)d)->write_event) continue;
                codec_of((enum dialect)d)->write_event(writers[d], &events.list[i], &caller, &arena, &text);
                if (!text.failed && text.len && !str_ends(text_str(&text), STR("\n")) &&
                    codec_of((enum dialect)d)->framing == framing_sse)
                    abort();
            }
    }
}

static void error_do(const struct codec *codec, struct str body) {
    struct message_error error = {.status = 500, .retry_after_ms = -1, .request_id = {"r", 1}};
    codec->read_error(body, &arena, &error);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        struct text text = text_in_arena(&arena, 256);
        if (!other || !other->write_error) continue;
        other->write_error(&error, &text);
        must_be_json(&text);
    }
}

static void embed_do(const struct codec *codec, struct str body) {
    struct embed_request request;
    struct embed_reply reply;
    struct error error;
    struct str param;
    bool error_inside;
    struct codec_target target = {STR("m"), quirks_of(STR(""), STR("")), -1, false, false};
    if (codec->read_embed_request && codec->read_embed_request(body, STR("m"), &arena, &request, &error, &param)) {
        for (unsigned d = 0; d < dialects; d++) {
            const struct codec *other = codec_of((enum dialect)d);
            struct text text = text_in_arena(&arena, 256);
            if (!other || !other->write_embed_request) continue;
            other->write_embed_request(&request, &target, &text);
            must_be_json(&text);
        }
    }
    if (!codec->read_embed_reply || !codec->read_embed_reply(body, &arena, &reply, &error_inside) || error_inside)
        return;
    request = (struct embed_request){.base64 = true};
    struct text text = text_in_arena(&arena, 256);
    codec_openai.write_embed_reply(&reply, &request, &caller, &text);
    must_be_json(&text);
}

static void forecast_do(const struct codec *codec, struct str body) {
    struct forecast forecast;
    struct error error;
    struct str param;
    struct text text = text_in_arena(&arena, 256);
    bool error_inside;
    (void)codec;
    if (forecast_read(body, &arena, &forecast, &error, &param)) {
        forecast_put(&forecast, &text);
        must_be_json(&text);
    }
    text.len = 0;
    if (!forecast_reply_put(body, STR("m"), 1, &arena, &text, &error_inside) || error_inside) return;
    must_be_json(&text);
}

static void count_do(const struct codec *codec, struct str body) {
    struct text text = text_in_arena(&arena, 256);
    if (!codec->read_count) return;
    int64_t tokens = codec->read_count(body, &arena);
    codec->write_count(tokens, &text);
    must_be_json(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const actions[])(const struct codec *, struct str) = {request_do, reply_do,    stream_do, error_do,
                                                                        embed_do,   forecast_do, count_do};
    enum { action_count = sizeof actions / sizeof *actions };
    if (size < 1) return 0;
    unsigned which = data[0] / action_count % (dialects + 1);
    const struct codec *codec = which < dialects ? codec_of((enum dialect)which) : &codec_completions;
    if (!codec->read_event && data[0] % action_count == 2) return 0;
    arena_init(&arena, 4096, 8 << 20);
    actions[data[0] % action_count](codec, str_make((const char *)data + 1, size - 1));
    arena_free(&arena);
    return 0;
}
