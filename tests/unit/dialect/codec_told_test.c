/* codec_told_test.c - what each dialect makes of requests, replies, streams, errors and embeddings of every other,
 * whole. What is read lies in told/dialect_*_read.txt: a line `DIALECT what it is`, and the bytes below it up to an
 * empty line (a stream: each line is what one read brings, \n in it a line's end).
 * Round trips, which forgive what both ways do wrong, are in codec_request_property_test.c and beside it. */
#include "../told.h"

#include "dialect/fit.h"
#include "dialect/lines.h"
#include "dialect/outbound.h"
#include "dialect/quirks.h"
#include "dialect/sse.h"

static struct arena arena;
static const struct codec_caller caller = {
    .model = STR("m"), .request_id = STR("req_1"), .now_s = 1700000000, .include_usage = true, .show_reasoning = true};
static const struct codec_caller terse = {
    .model = STR("m"), .request_id = STR("req_1"), .now_s = 1700000000, .json_array = true};

static int codec_told_begin(void **state) {
    (void)state;
    arena_init(&arena, 256 * 1024, SIZE_MAX);
    return 0;
}

static int codec_told_end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct codec *codec_named(struct str name) {
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *codec = codec_of((enum dialect)d);
        if (codec && str_eq(codec->name, name)) return codec;
    }
    if (str_eq(codec_completions.name, name)) return &codec_completions;
    fail_msg("no dialect `%.*s`", STR_ARG(name));
    return NULL;
}

/* The next entry: its dialect, what it is, its bytes. */
static bool entry_next(struct str *rest, const struct codec **codec, struct str *title, struct str *body) {
    struct str line, name;
    do {
        if (!rest->len || !str_split_next(rest, '\n', &line)) return false;
    } while (!line.len || *line.at == '#');
    *title = line;
    assert_true(str_split_next(&line, ' ', &name));
    *codec = codec_named(name);
    *body = str_make(rest->at, 0);
    while (rest->len && *rest->at != '\n' && str_split_next(rest, '\n', &line))
        body->len = (size_t)(line.at + line.len - body->at);
    return true;
}

static void features_put(struct text *told, const char *what, uint64_t bits) {
    if (bits) text_printf(told, " %s:", what);
    for (unsigned f = 0; f < features; f++)
        if (bits >> f & 1) text_printf(told, " %.*s", STR_ARG(feature_name((enum feature)f)));
}

/* -- requests -- */

static void request_written(const struct message_request *request, const struct codec *codec, bool second,
                            struct text *told) {
    struct message_request fitted;
    struct fit fit = {0};
    struct text body = text_in_arena(&arena, 1024);
    const struct codec_target target = {.model = STR("the-model"),
                                        .quirks = quirks_of(STR(""), STR("")),
                                        .output_tokens_max = second ? 3000 : -1,
                                        .reasons = !second,
                                        .stream = second};
    fit_request(request, codec, &target, second ? unsupported_drop : unsupported_usual, &fitted, &fit);
    text_printf(told, "-> %.*s%s", STR_ARG(codec->name), second ? ", a stream, dropped what may be" : "");
    features_put(told, "dropped", fit.dropped);
    features_put(told, "changed", fit.changed);
    features_put(told, "emulated", fit.emulated);
    features_put(told, "fetched", fit.fetched);
    features_put(told, "refused", fit.refused);
    text_put_byte(told, '\n');
    if (fit.refused) return;
    codec->write_request(&fitted, &target, &body);
    assert_false(body.failed);
    told_put(told, text_str(&body));
}

static void request_told(const struct codec *codec, struct str body, struct text *told) {
    struct message_request request;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    if (!codec->read_request(body, STR("path-model"), false, &arena, &request, &error, &param)) {
        text_printf(told, "%s param=%.*s\n", error.message, STR_ARG(param));
        return;
    }
    text_printf(told, "model=%.*s tokens=%lld native=%.*s stream=%d", STR_ARG(request.model),
                (long long)message_tokens(&request), STR_ARG(request.native_only), request.stream);
    features_put(told, "asks", message_features(&request, codec->dialect));
    for (size_t i = 0; i < request.extra_count; i++)
        text_printf(told, " %.*s=%.*s", STR_ARG(request.extras[i].name), STR_ARG(request.extras[i].raw));
    text_put_byte(told, '\n');
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        if (!other || !other->write_request) continue;
        request_written(&request, other, false, told);
        request_written(&request, other, true, told);
    }
}

/* -- replies -- */

static void usage_told(const struct usage *usage, struct text *told) {
    text_printf(told, "usage %lld %lld cached %lld written %lld reasoning %lld cost %lld\n",
                (long long)usage->input_tokens, (long long)usage->output_tokens, (long long)usage->cached_input_tokens,
                (long long)usage->cache_write_tokens, (long long)usage->reasoning_tokens,
                (long long)usage->cost_nano_usd);
    if (!usage->meter) return;
    text_put(told, STR("meter"));
    for (unsigned i = 0; i < meter_counts; i++) text_printf(told, " %u", usage->meter->count[i]);
    text_printf(told, " tier %d speed %d region %d\n", (int)usage->meter->tier, (int)usage->meter->speed,
                (int)usage->meter->region);
}

static void reply_told(const struct codec *codec, struct str body, struct text *told) {
    struct message_reply reply;
    bool inside = false;
    if (!codec->read_reply(body, &arena, quirks_of(STR(""), STR("")), &reply, &inside) || inside) {
        text_put(told, inside ? STR("an error is inside\n") : STR("it is none\n"));
        return;
    }
    usage_told(&reply.usage, told);
    for (unsigned d = 0; d <= dialects; d++) {
        const struct codec *other = d < dialects ? codec_of((enum dialect)d) : &codec_completions;
        struct str full = STR_NONE;
        if (!other || !other->write_reply) continue;
        for (int shy = 0; shy < 2; shy++) {
            struct text text = text_in_arena(&arena, 1024);
            other->write_reply(&reply, shy ? &terse : &caller, &text);
            assert_false(text.failed);
            if (shy && str_eq(text_str(&text), full)) continue;
            full = text_str(&text);
            text_printf(told, "-> %.*s%s\n", STR_ARG(other->name), shy ? " without reasoning" : "");
            told_put(told, full);
        }
    }
}

/* -- streams -- */

struct told_stream {
    const struct codec *codec, *other;
    const struct codec_caller *caller;
    void *reader, *writer;
    struct text *told;
    bool ended;
};

static void stream_write(struct told_stream *stream, const struct message_event *event) {
    struct text text = text_in_arena(&arena, 256);
    if (stream->other) {
        stream->other->write_event(stream->writer, event, stream->caller, &arena, &text);
        assert_false(text.failed);
        told_put(stream->told, text_str(&text));
        return;
    }
    text_printf(stream->told,
                "%d/%u/%u of %d text=%.*s data=%.*s id=%.*s name=%.*s model=%.*s sig=%.*s finish=%d %.*s "
                "status=%d type=%.*s cites=%.*s in=%lld out=%lld\n",
                (int)event->kind, event->choice, event->tool, (int)event->of, STR_ARG(event->text),
                STR_ARG(event->data), STR_ARG(event->id), STR_ARG(event->name), STR_ARG(event->model),
                STR_ARG(event->signature), (int)event->finish, STR_ARG(event->stop_sequence), event->status,
                STR_ARG(event->type), STR_ARG(event->citation.url), (long long)event->usage.input_tokens,
                (long long)event->usage.output_tokens);
}

static void stream_event(struct told_stream *stream, const struct sse_event *event) {
    struct message_events events = {.arena = &arena};
    if (event->comment_only) return;
    if (!stream->codec->read_event(stream->reader, event->event, event->data, &arena, quirks_of(STR(""), STR("")),
                                   &events))
        text_printf(stream->told, "malformed: %.*s\n", STR_ARG(event->data));
    assert_false(events.failed);
    if (!stream->other && (events.progress || events.unread || events.next_sequence))
        text_printf(stream->told, "progress %d unread %zu next %llu\n", events.progress, events.unread,
                    (unsigned long long)events.next_sequence);
    for (size_t i = 0; i < events.count; i++) {
        stream_write(stream, &events.list[i]);
        stream->ended |= events.list[i].kind == message_event_end;
    }
}

/* `other`: NULL: what is read is told itself. */
static void stream_told_to(const struct codec *codec, const struct codec *other, const struct codec_caller *to,
                           struct str body, struct text *told) {
    struct told_stream stream = {.codec = codec,
                                 .other = other,
                                 .caller = to,
                                 .told = told,
                                 .reader = arena_take_zeroed(&arena, codec->reader_size + 1),
                                 .writer = other ? arena_take_zeroed(&arena, other->writer_size + 1) : NULL};
    struct str line;
    text_printf(told, "-> %s%s\n", other ? other->name.at : "what is read", to == &terse ? " without reasoning" : "");
    while (body.len && str_split_next(&body, '\n', &line)) {
        struct sse_event event = {.data = line};
        struct str rest = line, name;
        if (str_starts(line, STR("event: "))) { /* event: NAME DATA */
            rest = str_slice(line, 7, line.len);
            assert_true(str_split_next(&rest, ' ', &name));
            event = (struct sse_event){.event = name, .data = rest};
        }
        stream_event(&stream, &event);
    }
    const struct message_event end = {.kind = message_event_end, .usage = USAGE_NONE};
    if (!stream.ended) stream_write(&stream, &end);
}

static void stream_told(const struct codec *codec, struct str body, struct text *told) {
    stream_told_to(codec, NULL, &caller, body, told);
    for (unsigned d = 0; d <= dialects; d++) {
        const struct codec *other = d < dialects ? codec_of((enum dialect)d) : &codec_completions;
        if (!other || !other->write_event) continue;
        stream_told_to(codec, other, &caller, body, told);
        if (d == dialect_openai || d == dialect_gemini) stream_told_to(codec, other, &terse, body, told);
    }
}

/* -- errors -- */

/* What another dialect's caller reads of it; of an error without a word, by each of these codes. */
static void error_told(const struct codec *codec, struct str body, struct text *told) {
    static const enum error_code codes[] = {error_none, error_overloaded, error_budget_exhausted};
    const size_t count = body.len > 2 ? 1 : sizeof codes / sizeof *codes;
    struct message_error error = {.status = 429, .retry_after_ms = -1, .request_id = STR("req_1"), .attempts = 2};
    codec->read_error(body, &arena, &error);
    text_printf(told, "status=%d message=%.*s param=%.*s type=%.*s code=%.*s after=%lld\n", error.status,
                STR_ARG(error.message), STR_ARG(error.param), STR_ARG(error.type), STR_ARG(error.said_code),
                (long long)error.retry_after_ms);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        for (size_t i = 0; other && other->write_error && i < count; i++) {
            struct text text = text_in_arena(&arena, 256);
            error.code = codes[i];
            error.status = codes[i] ? 0 : 429;
            error.scope = i == 2 ? STR("client") : STR_NONE;
            other->write_error(&error, &text);
            told_put(told, text_str(&text));
        }
    }
}

/* -- embeddings -- */

static void embed_reply_told(const struct codec *codec, struct str body, struct text *told) {
    static struct str inputs[] = {STR("one"), STR("two")};
    struct embed_reply reply;
    struct embed_request asked = {.inputs = inputs, .input_count = 2, .dimensions = MESSAGE_NO_INT};
    bool inside = false;
    if (!codec->read_embed_reply || !codec->read_embed_reply(body, &arena, &reply, &inside) || inside) {
        text_put(told, inside ? STR("an error is inside\n") : STR("it is none\n"));
        return;
    }
    usage_told(&reply.usage, told);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        for (int way = 0; other && other->write_embed_reply && way < 3; way++) {
            struct text text = text_in_arena(&arena, 256);
            asked.base64 = way == 1;
            asked.single = way == 2;
            other->write_embed_reply(&reply, &asked, &caller, &text);
            text_printf(told, "-> %.*s way %d\n", STR_ARG(other->name), way);
            told_put(told, text_str(&text));
        }
    }
}

static void embed_request_told(const struct codec *codec, struct str body, struct text *told) {
    struct embed_request request;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    const struct codec_target target = {.model = STR("the-model"), .quirks = quirks_of(STR(""), STR(""))};
    if (!codec->read_embed_request(body, STR("path-model"), &arena, &request, &error, &param)) {
        text_printf(told, "%s param=%.*s\n", error.message, STR_ARG(param));
        return;
    }
    const uint32_t asks = embed_asked(&request);
    text_printf(told, "model=%.*s single=%d asks %u\n", STR_ARG(request.model), request.single, asks);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        struct text text = text_in_arena(&arena, 256);
        if (!other || !other->write_embed_request || (asks & 3 & ~other->embed_takes)) continue;
        other->write_embed_request(&request, &target, &text);
        text_printf(told, "-> %.*s takes %u\n", STR_ARG(other->name), other->embed_takes);
        told_put(told, text_str(&text));
    }
}

/* -- all of a file -- */

static void told_of(const char *name, void (*tells)(const struct codec *codec, struct str body, struct text *told)) {
    static char path[4096], read[128 * 1024];
    struct text told = text_in_arena(&arena, 64 * 1024);
    const struct codec *codec;
    struct str rest, title, body;
    snprintf(path, sizeof path, "%s/tests/unit/told/%s_read.txt", getenv("WEIR_SOURCE_ROOT"), name);
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("cannot open %s", path);
    rest = str_make(read, fread(read, 1, sizeof read - 1, file));
    fclose(file);
    while (entry_next(&rest, &codec, &title, &body)) {
        text_printf(&told, "\n# %.*s\n", STR_ARG(title));
        tells(codec, body, &told);
    }
    told_compare(name, &told);
    arena_reset(&arena);
}

static void requests_in_every_dialect(void **state) {
    (void)state;
    told_of("dialect_requests", request_told);
}

static void replies_in_every_dialect(void **state) {
    (void)state;
    told_of("dialect_replies", reply_told);
}

static void streams_in_every_dialect(void **state) {
    (void)state;
    told_of("dialect_streams", stream_told);
}

static void errors_in_every_dialect(void **state) {
    (void)state;
    told_of("dialect_errors", error_told);
}

static void embeddings_in_every_dialect(void **state) {
    (void)state;
    told_of("dialect_embed_requests", embed_request_told);
    told_of("dialect_embed_replies", embed_reply_told);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_in_every_dialect),   cmocka_unit_test(replies_in_every_dialect),
        cmocka_unit_test(streams_in_every_dialect),    cmocka_unit_test(errors_in_every_dialect),
        cmocka_unit_test(embeddings_in_every_dialect),
    };
    return cmocka_run_group_tests(tests, codec_told_begin, codec_told_end);
}
