/* codec_traffic_test.c - recorded exchanges with real providers, read by the dialects' code: what is said stays the
 * same through every dialect and back, streams wherever they are cut. The folder is named by WEIR_TRAFFIC, or lies
 * beside the project; else this is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "dialect/lines.h"
#include "dialect/outbound.h"
#include "dialect/quirks.h"
#include "dialect/sse.h"

static char folder[512];
static struct arena arena;
static size_t requests, replies, streams, wrong;

/* All that is wrong is told before the test fails. */
#define TELL(...) (print_message(__VA_ARGS__), print_message("\n"), wrong++)

/* What a caller understands of an answer. */
struct facts {
    struct text text, reasoning, calls;
    enum message_finish finish;
    int64_t input, output;
};

static struct facts facts_new(void) {
    return (struct facts){.text = text_in_arena(&arena, 256),
                          .reasoning = text_in_arena(&arena, 256),
                          .calls = text_in_arena(&arena, 256),
                          .input = -1,
                          .output = -1};
}

/* Arguments as one JSON form, however they were written. */
static struct str normal(struct str arguments) {
    const char *problem;
    size_t at;
    const struct json_value *value = json_parse_in(&arena, arguments.len ? arguments : STR("{}"), &problem, &at);
    return value && json_kind(value) == json_object ? json_raw(value, &arena) : arguments;
}

static void call_add(struct facts *facts, struct str name, struct str arguments) {
    text_put(&facts->calls, name);
    text_put(&facts->calls, STR("("));
    text_put(&facts->calls, normal(arguments));
    text_put(&facts->calls, STR(")"));
}

static struct facts facts_of_reply(const struct message_reply *reply) {
    struct facts facts = facts_new();
    const struct message_choice *choice = reply->choice_count ? &reply->choices[0] : NULL;
    for (size_t i = 0; choice && i < choice->part_count; i++) {
        const struct message_part *part = &choice->parts[i];
        if (part->kind == part_text || part->kind == part_refusal) text_put(&facts.text, part->text);
        if (part->kind == part_reasoning) text_put(&facts.reasoning, part->text);
        if (part->kind == part_tool_call) call_add(&facts, part->name, part->arguments);
    }
    facts.finish = choice ? choice->finish : finish_none;
    facts.input = reply->usage.input_tokens;
    facts.output = reply->usage.output_tokens;
    return facts;
}

static bool same_text(const struct text *a, const struct text *b) { return str_eq(text_str(a), text_str(b)); }

/* A dialect that cannot tell them apart says stop for a stop sequence. */
static enum message_finish class_of(enum message_finish finish) {
    return finish == finish_stop_sequence || finish == finish_none || finish == finish_error ? finish_stop : finish;
}

static void facts_check(const char *name, const char *through, const struct facts *want, const struct facts *got) {
    if (!same_text(&want->text, &got->text))
        TELL("%s through %s: text `%.*s`, wanted `%.*s`", name, through, STR_ARG(text_str(&got->text)),
             STR_ARG(text_str(&want->text)));
    if (!same_text(&want->calls, &got->calls))
        TELL("%s through %s: calls `%.*s`, wanted `%.*s`", name, through, STR_ARG(text_str(&got->calls)),
             STR_ARG(text_str(&want->calls)));
    if (!same_text(&want->reasoning, &got->reasoning)) TELL("%s through %s: reasoning differs", name, through);
    if (class_of(want->finish) != class_of(got->finish))
        TELL("%s through %s: finish %d, wanted %d", name, through, (int)got->finish, (int)want->finish);
    if (want->input > 0 && want->input != got->input)
        TELL("%s through %s: input %lld, wanted %lld", name, through, (long long)got->input, (long long)want->input);
    if (want->output > 0 && want->output != got->output)
        TELL("%s through %s: output %lld, wanted %lld", name, through, (long long)got->output, (long long)want->output);
}

static const struct codec_caller caller = {{"m", 1}, {"req_1", 5}, 1700000000, true, true, false};

/* -- whole replies ----------------------------------------------------------------------------------------------------
 */

static void reply_check(const char *name, const struct codec *codec, const struct codec_quirks *quirks,
                        struct str body) {
    struct message_reply reply, back;
    bool error_inside = false;
    if (!codec->read_reply(body, &arena, quirks, &reply, &error_inside)) TELL("%s: not read", name);
    if (error_inside) return;
    struct facts want = facts_of_reply(&reply);
    if (want.text.len + want.calls.len + want.reasoning.len == 0 && want.finish == finish_none)
        TELL("%s: says nothing", name);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        if (!other || !other->write_reply || !other->read_reply) continue;
        if (other->dialect == dialect_cloudflare || other->dialect == dialect_huggingface) continue; /* say less */
        struct text text = text_in_arena(&arena, 1024);
        other->write_reply(&reply, &caller, &text);
        assert_false(text.failed);
        if (!other->read_reply(text_str(&text), &arena, quirks_of(STR(""), STR("")), &back, &error_inside))
            TELL("%s through %s: not read: %.*s", name, other->name.at, STR_ARG(text_str(&text)));
        struct facts got = facts_of_reply(&back);
        if (other->dialect == dialect_ollama && want.finish == finish_content_filter) got.finish = want.finish;
        facts_check(name, other->name.at, &want, &got);
    }
    replies++;
}

/* -- streams ----------------------------------------------------------------------------------------------------------
 */

/* Everything that one reader makes of a stream cut at these places: the sum of it. */
struct understood {
    struct facts facts;
    struct text names[64], arguments[64];
    unsigned tools;
    bool ended, failed;
};

static void event_add(struct understood *all, const struct message_event *event) {
    if (event->usage.input_tokens >= 0) all->facts.input = event->usage.input_tokens;
    if (event->usage.output_tokens >= 0) all->facts.output = event->usage.output_tokens;
    if (event->choice) return;
    switch (event->kind) {
    case message_event_text:
    case message_event_refusal: text_put(&all->facts.text, event->text); break;
    case message_event_reasoning: text_put(&all->facts.reasoning, event->text); break;
    case message_event_tool:
        assert_true(event->tool < 64 && event->tool == all->tools);
        all->names[all->tools] = text_in_arena(&arena, 32);
        all->arguments[all->tools] = text_in_arena(&arena, 64);
        text_put(&all->names[all->tools++], event->name);
        break;
    case message_event_arguments:
        assert_true(event->tool < all->tools);
        text_put(&all->arguments[event->tool], event->text);
        break;
    case message_event_finish: all->facts.finish = event->finish; break;
    case message_event_error: all->failed = true; break;
    case message_event_end: all->ended = true; break;
    default: break;
    }
}

static void understood_end(struct understood *all) {
    for (unsigned i = 0; i < all->tools; i++)
        call_add(&all->facts, text_str(&all->names[i]), text_str(&all->arguments[i]));
}

/* Reads a stream with one codec, writing each event with another where it is given. */
static struct understood stream_read(const struct codec *codec, const struct codec_quirks *quirks, struct str stream,
                                     size_t cut, const struct codec *other, struct text *written) {
    struct understood all = {.facts = facts_new()};
    void *reader = arena_take_zeroed(&arena, codec->reader_size + 1),
         *writer = other ? arena_take_zeroed(&arena, other->writer_size + 1) : NULL;
    struct sse sse;
    struct lines lines;
    struct sse_event event;
    bool wrote_end = false, by_line = codec->framing == framing_ndjson;
    sse_init(&sse);
    lines_init(&lines);
    struct str pieces[] = {str_slice(stream, 0, cut), str_slice(stream, cut, stream.len)};
    for (size_t p = 0; p < 2; p++) {
        if (!pieces[p].len) continue;
        sse_feed(&sse, pieces[p]);
        lines_feed(&lines, pieces[p]);
        while ((by_line ? lines_next(&lines, &event) : sse_next(&sse, &arena, &event)) == sse_got_event) {
            struct message_events events = {.arena = &arena};
            if (event.comment_only) continue;
            if (!codec->read_event(reader, event.event, event.data, &arena, quirks, &events))
                TELL("malformed: %.*s", STR_ARG(event.data));
            for (size_t i = 0; i < events.count; i++) {
                event_add(&all, &events.list[i]);
                if (other) other->write_event(writer, &events.list[i], &caller, &arena, written);
                wrote_end |= events.list[i].kind == message_event_end;
            }
        }
    }
    struct message_event end = {.kind = message_event_end, .usage = USAGE_NONE};
    if (other && !wrote_end) other->write_event(writer, &end, &caller, &arena, written);
    sse_free(&sse);
    lines_free(&lines);
    understood_end(&all);
    return all;
}

static void stream_check(const char *name, const struct codec *codec, const struct codec_quirks *quirks,
                         struct str stream) {
    struct understood want = stream_read(codec, quirks, stream, 0, NULL, NULL);
    if (want.failed) return;
    if (want.facts.text.len + want.facts.calls.len + want.facts.reasoning.len == 0 && want.facts.finish == finish_none)
        TELL("%s: says nothing", name);
    struct prng prng;
    prng_seed(&prng, 7);
    for (unsigned i = 0; i < 12; i++) {
        struct understood cut = stream_read(codec, quirks, stream, prng_below(&prng, stream.len), NULL, NULL);
        facts_check(name, "a cut", &want.facts, &cut.facts);
    }
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        if (!other || !other->write_event) continue;
        if (other->dialect == dialect_cloudflare || other->dialect == dialect_huggingface) continue;
        struct text text = text_in_arena(&arena, 4096);
        stream_read(codec, quirks, stream, 0, other, &text);
        assert_false(text.failed);
        struct understood got = stream_read(other, quirks_of(STR(""), STR("")), text_str(&text), 0, NULL, NULL);
        facts_check(name, other->name.at, &want.facts, &got.facts);
    }
    streams++;
}

/* -- requests ---------------------------------------------------------------------------------------------------------
 */

static bool is_refused(const struct message_request *request, const struct codec *codec) {
    uint64_t asked = message_features(request, codec->dialect);
    for (unsigned f = 0; f < features; f++)
        if (asked >> f & 1 && codec->fates[f] == fate_refused) return true;
    return false;
}

/* Written and read back, a request says the same: its second writing is its first. */
static void request_check(const char *name, const struct codec *codec, const struct codec_quirks *quirks,
                          struct str body) {
    struct message_request request, back;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    struct codec_target target = {STR("m"), quirks, 8192, true, false};
    if (!codec->read_request(body, STR("m"), false, &arena, &request, &error, &param))
        TELL("%s: %s", name, error.message);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *other = codec_of((enum dialect)d);
        if (!other || !other->write_request || !other->read_request) continue;
        if (is_refused(&request, other)) continue;
        struct text first = text_in_arena(&arena, 1024), second = text_in_arena(&arena, 1024);
        target.quirks = other == codec ? quirks : quirks_of(STR(""), STR(""));
        other->write_request(&request, &target, &first);
        if (!other->read_request(text_str(&first), STR("m"), false, &arena, &back, &error, &param))
            TELL("%s through %s: %s: %.*s", name, other->name.at, error.message, STR_ARG(text_str(&first)));
        other->write_request(&back, &target, &second);
        struct str once = normal(text_str(&first)), twice = normal(text_str(&second));
        size_t same = 0;
        while (same < once.len && same < twice.len && once.at[same] == twice.at[same]) same++;
        if (same == once.len && same == twice.len) continue;
        size_t from = same < 40 ? 0 : same - 40;
        TELL("%s through %s: `%.*s`, then `%.*s`", name, other->name.at, STR_ARG(str_slice(once, from, same + 80)),
             STR_ARG(str_slice(twice, from, same + 80)));
    }
    requests++;
}

/* -- files ------------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *prefix;
    enum dialect dialect;
    const char *type;
} kinds[] = {
    {"openai-chat-", dialect_openai, "openai"},
    {"azure-chat-", dialect_openai, "azure"},
    {"groq-chat-", dialect_openai, "groq"},
    {"mistral-chat-", dialect_openai, "mistral"},
    {"deepseek-chat-", dialect_openai, "deepseek"},
    {"xai-chat-", dialect_openai, "xai"},
    {"together-chat-", dialect_openai, "together"},
    {"openrouter-chat-", dialect_openai, "openrouter"},
    {"cerebras-chat-", dialect_openai, "cerebras"},
    {"perplexity-chat-", dialect_openai, "perplexity"},
    {"zai-chat-", dialect_openai, "zai"},
    {"huggingface-chat-", dialect_openai, "huggingface"},
    {"gemini-chat-", dialect_openai, "openai"},
    {"vercel-chat-", dialect_openai, "openai"},
    {"anthropic-messages-", dialect_anthropic, "anthropic"},
    {"ollama-chat-", dialect_ollama, "ollama"},
    {"gemini-generate-", dialect_gemini, "gemini"},
    {"openai-responses-", dialect_responses, "openai"},
    {"azure-responses-", dialect_responses, "azure"},
    {"xai-responses-", dialect_responses, "xai"},
    {"openrouter-responses-", dialect_responses, "openrouter"},
    {"deepseek-responses-", dialect_responses, "deepseek"},
};

/* A stream that was recorded as one JSON array, as events. */
static struct str array_events(struct str body) {
    const char *problem;
    size_t at, place = 0;
    const struct json_value *array = json_parse_in(&arena, body, &problem, &at);
    struct text text = text_in_arena(&arena, body.len + 64);
    assert_non_null(array);
    for (const struct json_value *element; (element = json_each(array, &place, NULL));) {
        text_put(&text, STR("data: "));
        json_put(&text, element);
        text_put(&text, STR("\n\n"));
    }
    return text_str(&text);
}

static void file_check(const char *name, const struct codec *codec, const char *type) {
    char path[1024];
    const char *problem;
    size_t at, size = 8 << 20;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(size);
    size_t len = fread(bytes, 1, size, file);
    fclose(file);
    struct json *json = json_parse(str_make(bytes, len), &problem, &at);
    assert_non_null(json);
    const struct json_value *response = json_member(json_root(json), "response"),
                            *asked = json_member(json_member(json_root(json), "request"), "body");
    struct str url = json_str(json_member(json_member(json_root(json), "request"), "url"), STR(""));
    if (str_ends(url, STR("/input_tokens"))) { /* it counts, and answers nothing */
        json_free(json);
        free(bytes);
        return;
    }
    if (str_ends(url, STR("/v1/chat/completions"))) codec = &codec_openai; /* Ollama speaks it too */
    const struct codec_quirks *quirks = quirks_of(str_from(type), STR(""));
    struct str body = json_str(json_member(response, "body"), STR(""));
    bool stream = json_bool(json_member(response, "stream"), false);
    bool good = json_i64(json_member(response, "status"), 0) / 100 == 2;
    if (stream && good && str_eq(json_str(json_member(response, "framing"), STR("")), STR("json-array")))
        body = array_events(body);
    if (json_kind(asked) == json_object && good) request_check(name, codec, quirks, json_raw(asked, &arena));
    if (!good) {
        struct message_error error = {.retry_after_ms = -1};
        codec->read_error(body, &arena, &error);
        if (!error.message.len && str_trim(body).len) TELL("%s: the error says nothing", name);
    } else if (stream) {
        stream_check(name, codec, quirks, body);
    } else if (!stream) {
        reply_check(name, codec, quirks, body);
    }
    json_free(json);
    free(bytes);
}

static void what_is_said_stays_the_same(void **state) {
    (void)state;
    const char *said = getenv("WEIR_TRAFFIC"), *root = getenv("WEIR_SOURCE_ROOT");
    snprintf(folder, sizeof folder, "%s", said ? said : "");
    if (!said) snprintf(folder, sizeof folder, "%s/../shared/traffic", root ? root : ".");
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("recorded traffic is not here (%s): skipped\n", folder);
        skip();
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            const struct codec *codec = codec_of(kinds[i].dialect);
            if (!codec || strncmp(entry->d_name, kinds[i].prefix, strlen(kinds[i].prefix)) != 0) continue;
            arena_init(&arena, 1 << 20, SIZE_MAX);
            file_check(entry->d_name, codec, kinds[i].type);
            arena_free(&arena);
        }
    closedir(dir);
    print_message("%zu requests, %zu replies, %zu streams\n", requests, replies, streams);
    assert_int_equal(wrong, 0);
    assert_true(requests > 200 && replies > 100 && streams > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_said_stays_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
