/* codec_property.h - any message in any dialect: values are made at random, written, read back, and must be what they
 * were. First what a dialect can express, which must come back the same, streams wherever they are cut; then everything
 * at once, where whatever is written must be JSON and, once read, be written the same again. Of
 * codec_request_property_test.c, codec_reply_property_test.c and codec_stream_property_test.c.
 *
 * WEIR_SEED takes the seed that a failure has printed. */
#ifndef WEIR_TESTS_UNIT_CODEC_PROPERTY_H
#define WEIR_TESTS_UNIT_CODEC_PROPERTY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "dialect/fields.h"
#include "dialect/lines.h"
#include "dialect/order.h"
#include "dialect/outbound.h"
#include "dialect/quirks.h"
#include "dialect/sse.h"

enum { cases = 10000, tell_most = 10 };

static uint64_t seed;
static struct prng prng;
static struct arena arena; /* of one case */
static unsigned number;    /* of the case */
static size_t wrong;
static const struct codec *codec; /* whose value is made; NULL: everything, whoever can say it */

static const struct codec_caller caller = {{"m", 1}, {"req_1", 5}, 1700000000, true, true, false};

static inline void wrong_tell(const char *what, const char *dialect, struct str want, struct str got) {
    if (wrong++ >= tell_most) return;
    size_t same = 0;
    while (same < want.len && same < got.len && want.at[same] == got.at[same]) same++;
    printf("WEIR_SEED=%" PRIu64 " WEIR_CASE=%u, %s: %s, from byte %zu\n  wanted %.*s\n  got    %.*s\n", seed, number,
           dialect, what, same, STR_ARG(want), STR_ARG(got));
}

/* -- chance -- */

static inline uint64_t below(uint64_t most) { return prng_below(&prng, most); }
static inline bool one_in(uint64_t most) { return below(most) == 0; }

static inline void *take(size_t size) {
    void *taken = arena_take_zeroed(&arena, size + 1);
    assert_non_null(taken);
    return taken;
}

/* What breaks those who cut, escape or count wrongly. */
static const struct str pieces[] = {STR("a"),
                                    STR("Hello, "),
                                    STR("\""),
                                    STR("\\"),
                                    STR("\n"),
                                    STR("\r\n"),
                                    STR("\t"),
                                    STR("\x01"),
                                    STR("\x1f"),
                                    STR("\x7f"),
                                    STR("\0"),
                                    STR("/"),
                                    STR("\xc3\xa9"),
                                    STR("\xe2\x82\xac"),
                                    STR("\xf0\x9f\x98\x80"),
                                    STR("\xe2\x80\xa8"),
                                    STR("\xef\xbb\xbf"),
                                    STR("\xed\x9f\xbf"),
                                    STR("\xf4\x8f\xbf\xbf"),
                                    STR("\n\n"),
                                    STR("data: "),
                                    STR("[DONE]"),
                                    STR("{"),
                                    STR("}"),
                                    STR("\\u0000"),
                                    STR("\\ud83d"),
                                    STR("%s%n"),
                                    STR("</script>"),
                                    STR("null"),
                                    STR("0123456789012345678901234567890123456789")};
static const struct str broken[] = {STR("\xff"), STR("\xc3"), STR("\xe2\x82"), STR("\xed\xa0\x80"), STR("\xf5")};

static inline struct str nasty(size_t least, size_t most) {
    struct text text = text_in_arena(&arena, 64);
    for (size_t i = least + below(most - least + 1); i > 0; i--) {
        bool bad = !codec && one_in(8);
        text_put(&text,
                 bad ? broken[below(sizeof broken / sizeof *broken)] : pieces[below(sizeof pieces / sizeof *pieces)]);
    }
    return text_str(&text);
}

static inline struct str words(void) { return nasty(0, 5); } /* any text */
static inline struct str said(void) { return nasty(1, 5); }  /* at least something */
static inline struct str maybe(void) { return one_in(2) ? words() : STR_NONE; }
static inline struct str base64(void) { return one_in(4) ? STR("AA==") : STR("iVBORw0KGgo+/9a="); }

static void value_put(struct text *text, unsigned depth);

static inline void object_put(struct text *text, unsigned depth) {
    text_put_byte(text, '{');
    for (uint64_t i = below(4); i > 0; i--) {
        char key[24];
        snprintf(key, sizeof key, "k%" PRIu64, i);
        text_json_comma(text);
        text_put_json(text, one_in(4) ? arena_printf(&arena, "%s\"\\\n\xc3\xa9", key) : str_from(key));
        text_put_byte(text, ':');
        value_put(text, depth + 1);
    }
    text_put_byte(text, '}');
}

static inline void value_put(struct text *text, unsigned depth) {
    static const struct str plain[] = {
        STR("null"), STR("true"), STR("false"), STR("0"),   STR("-1.5e+10"), STR("12345678901234567890123"),
        STR("\"\""), STR("{}"),   STR("[]"),    STR("-0.0")};
    switch (depth < 4 ? below(4) : 3) {
    case 0: object_put(text, depth); return;
    case 1:
        text_put_byte(text, '[');
        for (uint64_t i = below(3); i > 0; i--) {
            text_json_comma(text);
            value_put(text, depth + 1);
        }
        text_put_byte(text, ']');
        return;
    case 2: text_put_json(text, words()); return;
    default: text_put(text, plain[below(sizeof plain / sizeof *plain)]);
    }
}

static inline struct str raw_object(void) {
    struct text text = text_in_arena(&arena, 64);
    object_put(&text, 0);
    return text_str(&text);
}

/* As some models write it: over several lines. */
static inline struct str raw_lines(void) {
    struct str object = raw_object();
    return arena_printf(&arena, "{\r\n\t \"k\" :\n\n[\n1,\r2]%s\n%.*s\n", object.len > 2 ? "," : "",
                        (int)object.len - 1, object.at + 1);
}

/* An object with this first member: what only its own dialect knows. */
static inline struct str raw_with(const char *first) {
    struct str object = raw_object();
    return arena_printf(&arena, "{%s%s%.*s", first, object.len > 2 ? "," : "", (int)object.len - 1, object.at + 1);
}

static inline double real(double most) {
    static const double some[] = {0, 0.1, 1, 1.0 / 3, 1e-7, 0.7};
    return one_in(2) ? some[below(sizeof some / sizeof *some)] : prng_unit(&prng) * most;
}

static inline int64_t whole(void) {
    static const int64_t some[] = {0, 1, 5, 4096, INT32_MAX, INT64_MAX, -1};
    return some[below(sizeof some / sizeof *some)];
}

/* -- values as text, to be compared -- */

/* One JSON text for one value, however it was written; what is no JSON stays. */
static inline struct str normal(struct str json) {
    const char *problem;
    size_t at;
    const struct json_value *value = json_parse_in(&arena, json, &problem, &at);
    return value ? json_raw(value, &arena) : json;
}

static inline void arguments_dump(struct text *text, struct str arguments) {
    struct str same = normal(arguments);
    if (arguments.at) text_json_str(text, STR("arguments"), same.len && same.at[0] == '{' ? same : arguments);
}

static inline void citations_dump(struct text *text, const struct message_part *part) {
    text_put(text, STR(",\"citations\":["));
    for (size_t i = 0; i < part->citation_count; i++) {
        const struct message_citation *citation = &part->citations[i];
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str_if(text, STR("url"), citation->url);
        text_json_str_if(text, STR("title"), citation->title);
        text_json_str_if(text, STR("cited_text"), citation->cited_text);
        if (citation->start != MESSAGE_NO_INT) text_json_i64(text, STR("start"), citation->start);
        if (citation->end != MESSAGE_NO_INT) text_json_i64(text, STR("end"), citation->end);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
}

static const struct field part_fields[] = {
    {STR("text"), field_str, offsetof(struct message_part, text)},
    {STR("url"), field_str, offsetof(struct message_part, media.url)},
    {STR("data64"), field_str, offsetof(struct message_part, media.data)},
    {STR("mime"), field_str, offsetof(struct message_part, media.mime)},
    {STR("file_id"), field_str, offsetof(struct message_part, media.file_id)},
    {STR("detail"), field_str, offsetof(struct message_part, media.detail)},
    {STR("title"), field_str, offsetof(struct message_part, title)},
    {STR("id"), field_str, offsetof(struct message_part, id)},
    {STR("name"), field_str, offsetof(struct message_part, name)},
    {STR("signature"), field_str, offsetof(struct message_part, signature)},
    {STR("data"), field_str, offsetof(struct message_part, data)},
    {STR("raw"), field_raw, offsetof(struct message_part, raw)},
    {STR("cache_ttl"), field_str, offsetof(struct message_part, cache_ttl)},
};

static inline void parts_dump(struct text *text, const struct message_part *parts, size_t count) {
    text_put_byte(text, '[');
    for (size_t i = 0; i < count; i++) {
        const struct message_part *part = &parts[i];
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_i64(text, STR("kind"), part->kind);
        if (part->signature.at || part->data.at || part->raw.at) text_json_i64(text, STR("of"), part->of);
        fields_put(text, part_fields, sizeof part_fields / sizeof *part_fields, part);
        arguments_dump(text, part->arguments);
        if (part->is_error) text_json_bool(text, STR("is_error"), true);
        if (part->cache_mark) text_json_bool(text, STR("cache_mark"), true);
        if (part->wants_citations) text_json_bool(text, STR("wants_citations"), true);
        if (part->citation_count) citations_dump(text, part);
        if (part->kind == part_tool_result) text_json_key(text, STR("parts"));
        if (part->kind == part_tool_result) parts_dump(text, part->parts, part->part_count);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
}

/* The scalars of a request: what each is made by, which feature it is (or `features`: it is none), how it is dumped. */
#define AT(member) offsetof(struct message_request, member)
static const struct knob {
    struct field field;
    enum feature feature;
} knobs[] = {
    {{STR("temperature"), field_double, AT(temperature)}, feature_temperature},
    {{STR("top_p"), field_double, AT(top_p)}, feature_top_p},
    {{STR("min_p"), field_double, AT(min_p)}, feature_min_p},
    {{STR("frequency"), field_double, AT(frequency_penalty)}, feature_frequency_penalty},
    {{STR("presence"), field_double, AT(presence_penalty)}, feature_presence_penalty},
    {{STR("repetition"), field_double, AT(repetition_penalty)}, feature_repetition_penalty},
    {{STR("max_tokens"), field_int, AT(max_tokens)}, features},
    {{STR("top_k"), field_int, AT(top_k)}, feature_top_k},
    {{STR("seed"), field_int, AT(seed)}, feature_seed},
    {{STR("n"), field_int, AT(n)}, feature_n},
    {{STR("logprobs"), field_flag, AT(logprobs)}, feature_logprobs},
    {{STR("top_logprobs"), field_int, AT(top_logprobs)}, feature_logprobs},
    {{STR("logit_bias"), field_raw, AT(logit_bias)}, feature_logit_bias},
    {{STR("parallel"), field_flag, AT(parallel_tool_calls)}, feature_parallel_tool_calls},
    {{STR("reasoning_tokens"), field_int, AT(reasoning_tokens)}, feature_reasoning_effort},
    {{STR("show_reasoning"), field_flag, AT(show_reasoning)}, feature_reasoning_effort},
    {{STR("user"), field_str, AT(user)}, feature_user},
    {{STR("metadata"), field_raw, AT(metadata)}, feature_metadata},
    {{STR("service_tier"), field_str, AT(service_tier)}, feature_service_tier},
    {{STR("verbosity"), field_str, AT(verbosity)}, feature_verbosity},
    {{STR("cache_key"), field_str, AT(prompt_cache_key)}, feature_prompt_cache_key},
    {{STR("cache_retention"), field_str, AT(prompt_cache_retention)}, feature_prompt_cache_retention},
    {{STR("cache_options"), field_raw, AT(prompt_cache_options)}, feature_prompt_cache_retention},
    {{STR("store"), field_flag, AT(store)}, feature_store},
    {{STR("modalities"), field_raw, AT(modalities)}, feature_modalities},
    {{STR("audio"), field_raw, AT(audio)}, feature_modalities},
    {{STR("prediction"), field_raw, AT(prediction)}, feature_prediction},
    {{STR("safety"), field_raw, AT(safety)}, feature_safety_settings},
};
enum { knob_count = sizeof knobs / sizeof *knobs };

static inline void tools_dump(struct text *text, const struct message_request *request) {
    text_put(text, STR(",\"tools\":["));
    for (size_t i = 0; i < request->tool_count; i++) {
        const struct message_tool *tool = &request->tools[i];
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str_if(text, STR("name"), tool->name);
        text_json_str_if(text, STR("description"), tool->description);
        text_json_raw(text, STR("parameters"), tool->parameters);
        text_json_i64(text, STR("strict"), tool->strict);
        text_json_bool(text, STR("cache_mark"), tool->cache_mark);
        text_json_str_if(text, STR("cache_ttl"), tool->cache_ttl);
        text_json_raw(text, STR("raw"), tool->raw);
        if (tool->raw.at) text_json_i64(text, STR("of"), tool->of);
        text_put_byte(text, '}');
    }
    text_put(text, STR("]"));
    text_json_i64(text, STR("tool_choice"), request->tool_choice);
    if (request->tool_choice == tools_named) text_json_str_if(text, STR("tool_name"), request->tool_name);
}

static inline struct str request_dump(const struct message_request *request) {
    struct text text = text_in_arena(&arena, 2048);
    text_put_byte(&text, '{');
    text_json_str(&text, STR("model"), request->model);
    for (size_t i = 0; i < knob_count; i++) fields_put(&text, &knobs[i].field, 1, request);
    text_json_i64(&text, STR("effort"), request->effort);
    text_json_bool(&text, STR("stream"), request->stream);
    text_json_bool(&text, STR("include_usage"), request->include_usage);
    text_json_i64(&text, STR("format"), request->format);
    text_json_str_if(&text, STR("schema_name"), request->schema_name);
    text_json_str_if(&text, STR("schema_description"), request->schema_description);
    text_json_raw(&text, STR("schema"), request->schema);
    text_json_i64(&text, STR("schema_strict"), request->schema_strict);
    text_put(&text, STR(",\"stop\":["));
    for (size_t i = 0; i < request->stop_count; i++) {
        text_json_comma(&text);
        text_put_json(&text, request->stop[i]);
    }
    text_put(&text, STR("],\"extras\":["));
    for (size_t i = 0; i < request->extra_count; i++) {
        text_json_comma(&text);
        text_put_byte(&text, '{');
        text_json_str(&text, STR("name"), request->extras[i].name);
        text_json_raw(&text, STR("raw"), request->extras[i].raw);
        text_put_byte(&text, '}');
    }
    text_put_byte(&text, ']');
    tools_dump(&text, request);
    text_put(&text, STR(",\"messages\":["));
    for (size_t i = 0; i < request->message_count; i++) {
        const struct message *message = &request->messages[i];
        text_json_comma(&text);
        text_put_byte(&text, '{');
        text_json_i64(&text, STR("role"), message->role);
        text_json_str_if(&text, STR("name"), message->name);
        text_json_key(&text, STR("parts"));
        parts_dump(&text, message->parts, message->part_count);
        text_put_byte(&text, '}');
    }
    text_put(&text, STR("]}"));
    return normal(text_str(&text));
}

static inline void usage_dump(struct text *text, const struct usage *usage) {
    const int64_t *counts = &usage->input_tokens;
    text_put(text, STR(",\"usage\":["));
    for (size_t i = 0; i < offsetof(struct usage, meter) / sizeof *counts; i++) {
        text_json_comma(text);
        text_put_i64(text, counts[i]);
    }
    text_put_byte(text, ']');
}

static inline struct str reply_dump(const struct message_reply *reply) {
    struct text text = text_in_arena(&arena, 1024);
    text_put_byte(&text, '{');
    text_json_str_if(&text, STR("id"), reply->id);
    text_json_str_if(&text, STR("model"), reply->model);
    if (reply->created_s != MESSAGE_NO_INT) text_json_i64(&text, STR("created"), reply->created_s);
    text_json_str_if(&text, STR("service_tier"), reply->service_tier);
    text_json_str_if(&text, STR("fingerprint"), reply->fingerprint);
    text_put(&text, text.len > 1 ? STR(",\"choices\":[") : STR("\"choices\":["));
    for (size_t i = 0; i < reply->choice_count; i++) {
        const struct message_choice *choice = &reply->choices[i];
        text_json_comma(&text);
        text_put_byte(&text, '{');
        text_json_i64(&text, STR("finish"), choice->finish);
        text_json_str_if(&text, STR("stop_sequence"), choice->stop_sequence);
        text_json_raw(&text, STR("logprobs"), choice->logprobs);
        text_json_key(&text, STR("parts"));
        parts_dump(&text, choice->parts, choice->part_count);
        text_put_byte(&text, '}');
    }
    text_put_byte(&text, ']');
    usage_dump(&text, &reply->usage);
    text_put_byte(&text, '}');
    return normal(text_str(&text));
}

/* -- parts at random -- */

static inline bool is(enum dialect dialect) { return codec && codec->dialect == dialect; }
static inline bool can(enum feature feature) {
    bool by_marks = feature == feature_prompt_cache_key || feature == feature_prompt_cache_retention;
    if (codec && codec->dialect == dialect_anthropic && by_marks) return false; /* prompt_marks.h */
    return !codec || feature == features || codec->fates[feature] == fate_carried;
}
/* Whose signature, data or raw value it is. */
static inline enum dialect whose(void) { return codec ? codec->dialect : (enum dialect)below(dialects); }
/* Dialects that take arguments as an object and not as the model's text. */
static inline bool takes_objects(void) { return is(dialect_anthropic) || is(dialect_gemini) || is(dialect_ollama); }
/* Dialects in which a call need have no id. */
static inline bool is_nameless(void) {
    return !codec || is(dialect_gemini) || is(dialect_ollama) || is(dialect_cloudflare);
}
/* What an answer cannot say. */
static inline bool says_calls(void) { return !is(dialect_huggingface); }
static inline bool says_reasoning(void) { return !is(dialect_huggingface) && !is(dialect_cloudflare); }

static inline struct str arguments_make(void) {
    static const struct str bad[] = {STR(""), STR("{"), STR("[1]"), STR("null"), STR("{\"a\":1,}"), STR("  {} ")};
    if (takes_objects() || one_in(2)) return one_in(3) ? raw_lines() : raw_object();
    return one_in(2) && !codec ? bad[below(sizeof bad / sizeof *bad)] : said();
}

static inline void cache_make(struct message_part *part) {
    if (!can(feature_cache_control) || is(dialect_responses) || !one_in(6)) return;
    part->cache_mark = true;
    if (one_in(2)) part->cache_ttl = STR("1h");
}

static inline struct message_part text_part(struct str text) {
    struct message_part part = {.kind = part_text, .of = whose(), .text = text};
    cache_make(&part);
    return part;
}

static inline struct message_part image_part(void) {
    struct message_part part = {.kind = part_image, .of = whose()};
    unsigned form = can(feature_image_url) ? (unsigned)below(3) : 0;
    if (form == 2 && is(dialect_openai)) form = 1;
    if (form == 0) part.media.data = base64();
    if (form == 0) part.media.mime = is(dialect_ollama) || one_in(2) ? STR("image/png") : STR("image/jpeg");
    if (form == 1) part.media.url = arena_printf(&arena, "https://a.example/%u?a=\"\n", (unsigned)below(9));
    if (form == 2) part.media.file_id = said();
    if (!codec || is(dialect_openai)) part.media.detail = one_in(3) ? STR("low") : STR_NONE;
    cache_make(&part);
    return part;
}

static inline struct message_part audio_part(void) {
    struct message_part part = {.kind = part_audio, .of = whose(), .media = {.data = base64()}};
    part.media.mime = one_in(2) ? STR("audio/wav") : STR("audio/mpeg");
    if (!codec) cache_make(&part);
    return part;
}

static inline struct message_part document_part(void) {
    struct message_part part = {.kind = part_document, .of = whose()};
    unsigned form = is(dialect_gemini) ? 0 : (unsigned)below(is(dialect_openai) ? 2 : is(dialect_responses) ? 3 : 4);
    if (form == 0) part.media.data = base64();
    if (form == 0) part.media.mime = STR("application/pdf");
    if (form == 1) part.media.file_id = said();
    if (form == 2) part.media.url = STR("https://a.example/b.pdf");
    if (form == 3) part.text = said();
    if (form == 3 && codec) part.media.mime = STR("text/plain");
    bool named = is(dialect_openai) || is(dialect_responses); /* whose files in line have one */
    bool titled = named ? form == 0 : !is(dialect_gemini) && one_in(2);
    if (titled) part.title = is(dialect_responses) ? said() : words();
    part.wants_citations = can(feature_citations) && one_in(3);
    cache_make(&part);
    return part;
}

static inline struct message_part call_part(void) {
    struct message_part part = {
        .kind = part_tool_call, .of = whose(), .id = said(), .name = said(), .arguments = arguments_make()};
    if (is_nameless() && one_in(3)) part.id = STR_NONE;
    if ((!codec || is(dialect_gemini)) && one_in(3)) part.signature = words();
    if (is(dialect_anthropic)) cache_make(&part);
    return part;
}

static inline struct message_part reasoning_part(bool in_request) {
    struct message_part part = {.kind = part_reasoning, .of = whose(), .text = said()};
    if (!codec || is(dialect_anthropic)) {
        part.signature = words();
        if (in_request && one_in(4)) part.text = STR("");
        if (one_in(3)) part = (struct message_part){.kind = part_reasoning, .of = part.of, .data = words()};
    } else if (is(dialect_gemini)) {
        part.signature = maybe();
    } else if (is(dialect_responses)) {
        part.data = maybe();
    }
    return part;
}

static inline struct message_part foreign_part(void) {
    static const char *const firsts[dialects] = {[dialect_anthropic] = "\"type\":\"server_tool_use\"",
                                                 [dialect_gemini] = "\"executableCode\":{\"code\":\"1\"}",
                                                 [dialect_openai] = "\"type\":\"from_tomorrow\""};
    struct message_part part = {.kind = part_foreign, .of = whose()};
    part.raw = raw_with(firsts[part.of] ? firsts[part.of] : "\"type\":\"x\"");
    return part;
}

/* What a dialect's results hold: text for all, more for some. */
static inline struct message_part result_part(void) {
    struct message_part part = {.kind = part_tool_result, .of = whose(), .id = said()};
    bool one = is(dialect_gemini) || is(dialect_ollama) || is(dialect_cloudflare);
    size_t count = one ? 1 : 1 + below(3);
    if (!codec && one_in(6)) count = 0;
    part.parts = take(4 * sizeof *part.parts);
    for (; part.part_count < count; part.part_count++) {
        struct message_part *inner = &part.parts[part.part_count];
        *inner = text_part(is(dialect_anthropic) ? said() : words());
        if (is(dialect_gemini))
            inner->text = one_in(3) ? normal(raw_with("\"a\":1")) : arena_printf(&arena, "a%.*s", STR_ARG(words()));
        if (!codec && one_in(6)) *inner = call_part();
        if ((!codec || is(dialect_anthropic) || is(dialect_responses)) && one_in(4))
            *inner = one_in(2) ? image_part() : document_part();
    }
    if (is(dialect_ollama))
        for (uint64_t more = below(3); more > 0; more--) part.parts[part.part_count++] = image_part();
    if (!codec || one) part.name = said();
    if (is_nameless() && one_in(3)) part.id = STR_NONE;
    if (!codec || is(dialect_anthropic)) part.is_error = one_in(4);
    if (is(dialect_anthropic)) cache_make(&part);
    return part;
}

/* Anything anywhere. */
static inline struct message_part any_part(void) {
    switch (below(9)) {
    case 0: return image_part();
    case 1: return audio_part();
    case 2: return document_part();
    case 3: return (struct message_part){.kind = part_refusal, .text = maybe()};
    case 4: return reasoning_part(true);
    case 5: return call_part();
    case 6: return result_part();
    case 7: return foreign_part();
    default: return text_part(maybe());
    }
}

static inline bool is_json(struct str text) {
    const char *problem;
    size_t at;
    return json_parse_in(&arena, text, &problem, &at) != NULL;
}

static inline struct usage usage_make(void) {
    struct usage usage = USAGE_NONE;
    if (one_in(8)) return usage;
    usage.input_tokens = (int64_t)below(100000);
    usage.output_tokens = (int64_t)below(100000);
    if (one_in(2)) usage.cached_input_tokens = (int64_t)below((uint64_t)usage.input_tokens + 1);
    if (one_in(2))
        usage.cache_write_tokens = (int64_t)below(
            (uint64_t)(usage.input_tokens - (usage.cached_input_tokens > 0 ? usage.cached_input_tokens : 0)) + 1);
    if (one_in(2)) usage.reasoning_tokens = (int64_t)below((uint64_t)usage.output_tokens + 1);
    return usage;
}

static inline enum message_finish finish_in(enum message_finish finish, bool called) {
    bool cut = finish == finish_length;
    switch (codec->dialect) {
    case dialect_openai: return finish == finish_none || finish == finish_stop_sequence ? finish_stop : finish;
    case dialect_anthropic: return finish == finish_none || finish == finish_error ? finish_stop : finish;
    case dialect_gemini: cut |= finish == finish_content_filter || finish == finish_error; break;
    case dialect_responses: cut |= finish == finish_content_filter; break;
    case dialect_cloudflare: cut |= finish >= finish_tool_calls; break;
    case dialect_huggingface: return cut || finish == finish_stop_sequence ? finish : finish_stop;
    default: break;
    }
    return cut ? finish : called ? finish_tool_calls : finish_stop;
}

static inline int64_t count_in(int64_t count, bool is_told) { return !is_told ? -1 : count < 0 ? 0 : count; }

/* What was not told is not told on; Anthropic's wants both sums, Responses' the details of those that it tells. */
static inline struct usage usage_in(struct usage usage) {
    bool all = is(dialect_responses), writes = is(dialect_openai) || is(dialect_anthropic),
         some = writes || is(dialect_gemini), cached = some || is(dialect_cloudflare);
    if (!usage_is_known(&usage) && !is(dialect_anthropic)) return USAGE_NONE;
    return (struct usage){
        .input_tokens = count_in(usage.input_tokens, is(dialect_anthropic) || usage.input_tokens >= 0),
        .output_tokens = count_in(usage.output_tokens, is(dialect_anthropic) || usage.output_tokens >= 0),
        .cached_input_tokens = count_in(usage.cached_input_tokens, all || (cached && usage.cached_input_tokens >= 0)),
        .cache_write_tokens = count_in(usage.cache_write_tokens, writes && usage.cache_write_tokens >= 0),
        .reasoning_tokens = count_in(usage.reasoning_tokens, all || (some && usage.reasoning_tokens >= 0)),
        .cost_nano_usd = -1};
}

/* -- the property -- */

/* As many cases of each dialect as of everything. */
static inline void property_check(const char *name, bool (*has)(const struct codec *),
                                  void (*check)(const struct codec *), void (*check_everything)(void)) {
    const struct codec *all[dialects];
    size_t count = 0;
    clock_t begun = clock();
    for (unsigned d = 0; d < dialects; d++)
        if (codec_of((enum dialect)d) && has(codec_of((enum dialect)d))) all[count++] = codec_of((enum dialect)d);
    assert_true(count >= 4);
    wrong = 0;
    const char *only = getenv("WEIR_CASE");
    for (number = 0; number < cases; number++) {
        if (only && number != strtoul(only, NULL, 10)) continue;
        prng_seed(&prng, seed + number);
        arena_init(&arena, 1 << 16, SIZE_MAX);
        if (number % (count + 1) == count)
            check_everything();
        else
            check(all[number % (count + 1)]);
        arena_free(&arena);
    }
    print_message("%d %s of %zu dialects and of everything: %zu wrong, %.1f s\n", cases, name, count, wrong,
                  (double)(clock() - begun) / CLOCKS_PER_SEC);
    assert_int_equal(wrong, 0);
}

/* The one property of a program. */
static inline int property_main(const struct CMUnitTest *test) {
    const char *said_seed = getenv("WEIR_SEED");
    seed = said_seed ? strtoull(said_seed, NULL, 10) : (uint64_t)time(NULL);
    print_message("WEIR_SEED=%" PRIu64 "\n", seed);
    const struct CMUnitTest tests[] = {*test};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
