/* codec_property_test.c - any message in any dialect: values are made at random, written, read back, and must be what
 * they were. First what a dialect can express, which must come back the same, streams wherever they are cut; then
 * everything at once, where whatever is written must be JSON and, once read, be written the same again.
 *
 * WEIR_SEED takes the seed that a failure has printed. */
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

static void wrong_tell(const char *what, const char *dialect, struct str want, struct str got) {
    if (wrong++ >= tell_most) return;
    size_t same = 0;
    while (same < want.len && same < got.len && want.at[same] == got.at[same]) same++;
    printf("WEIR_SEED=%" PRIu64 " WEIR_CASE=%u, %s: %s, from byte %zu\n  wanted %.*s\n  got    %.*s\n", seed, number,
           dialect, what, same, STR_ARG(want), STR_ARG(got));
}

/* -- chance -----------------------------------------------------------------------------------------------------------
 */

static uint64_t below(uint64_t most) { return prng_below(&prng, most); }
static bool one_in(uint64_t most) { return below(most) == 0; }

static void *take(size_t size) {
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

static struct str nasty(size_t least, size_t most) {
    struct text text = text_in_arena(&arena, 64);
    for (size_t i = least + below(most - least + 1); i > 0; i--) {
        bool bad = !codec && one_in(8);
        text_put(&text,
                 bad ? broken[below(sizeof broken / sizeof *broken)] : pieces[below(sizeof pieces / sizeof *pieces)]);
    }
    return text_str(&text);
}

static struct str words(void) { return nasty(0, 5); } /* any text */
static struct str said(void) { return nasty(1, 5); }  /* at least something */
static struct str maybe(void) { return one_in(2) ? words() : STR_NONE; }
static struct str base64(void) { return one_in(4) ? STR("AA==") : STR("iVBORw0KGgo+/9a="); }

static void value_put(struct text *text, unsigned depth);

static void object_put(struct text *text, unsigned depth) {
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

static void value_put(struct text *text, unsigned depth) {
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

static struct str raw_object(void) {
    struct text text = text_in_arena(&arena, 64);
    object_put(&text, 0);
    return text_str(&text);
}

/* As some models write it: over several lines. */
static struct str raw_lines(void) {
    struct str object = raw_object();
    return arena_printf(&arena, "{\r\n\t \"k\" :\n\n[\n1,\r2]%s\n%.*s\n", object.len > 2 ? "," : "",
                        (int)object.len - 1, object.at + 1);
}

/* An object with this first member: what only its own dialect knows. */
static struct str raw_with(const char *first) {
    struct str object = raw_object();
    return arena_printf(&arena, "{%s%s%.*s", first, object.len > 2 ? "," : "", (int)object.len - 1, object.at + 1);
}

static double real(double most) {
    static const double some[] = {0, 0.1, 1, 1.0 / 3, 1e-7, 0.7};
    return one_in(2) ? some[below(sizeof some / sizeof *some)] : prng_unit(&prng) * most;
}

static int64_t whole(void) {
    static const int64_t some[] = {0, 1, 5, 4096, INT32_MAX, INT64_MAX, -1};
    return some[below(sizeof some / sizeof *some)];
}

/* -- values as text, to be compared -----------------------------------------------------------------------------------
 */

/* One JSON text for one value, however it was written; what is no JSON stays. */
static struct str normal(struct str json) {
    const char *problem;
    size_t at;
    const struct json_value *value = json_parse_in(&arena, json, &problem, &at);
    return value ? json_raw(value, &arena) : json;
}

static void arguments_dump(struct text *text, struct str arguments) {
    struct str same = normal(arguments);
    if (arguments.at) text_json_str(text, STR("arguments"), same.len && same.at[0] == '{' ? same : arguments);
}

static void citations_dump(struct text *text, const struct message_part *part) {
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

static void parts_dump(struct text *text, const struct message_part *parts, size_t count) {
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
    {{STR("store"), field_flag, AT(store)}, feature_store},
    {{STR("modalities"), field_raw, AT(modalities)}, feature_modalities},
    {{STR("audio"), field_raw, AT(audio)}, feature_modalities},
    {{STR("prediction"), field_raw, AT(prediction)}, feature_prediction},
    {{STR("safety"), field_raw, AT(safety)}, feature_safety_settings},
};
enum { knob_count = sizeof knobs / sizeof *knobs };

static void tools_dump(struct text *text, const struct message_request *request) {
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

static struct str request_dump(const struct message_request *request) {
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

static void usage_dump(struct text *text, const struct usage *usage) {
    const int64_t *counts = &usage->input_tokens;
    text_put(text, STR(",\"usage\":["));
    for (size_t i = 0; i < sizeof *usage / sizeof *counts; i++) {
        text_json_comma(text);
        text_put_i64(text, counts[i]);
    }
    text_put_byte(text, ']');
}

static struct str reply_dump(const struct message_reply *reply) {
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

/* -- parts at random --------------------------------------------------------------------------------------------------
 */

static bool is(enum dialect dialect) { return codec && codec->dialect == dialect; }
static bool can(enum feature feature) { return !codec || feature == features || codec->fates[feature] == fate_carried; }
/* Whose signature, data or raw value it is. */
static enum dialect whose(void) { return codec ? codec->dialect : (enum dialect)below(dialects); }
/* Dialects that take arguments as an object and not as the model's text. */
static bool takes_objects(void) { return is(dialect_anthropic) || is(dialect_gemini) || is(dialect_ollama); }
/* Dialects in which a call need have no id. */
static bool is_nameless(void) { return !codec || is(dialect_gemini) || is(dialect_ollama) || is(dialect_cloudflare); }
/* What an answer cannot say. */
static bool says_calls(void) { return !is(dialect_huggingface); }
static bool says_reasoning(void) { return !is(dialect_huggingface) && !is(dialect_cloudflare); }

static struct str arguments_make(void) {
    static const struct str bad[] = {STR(""), STR("{"), STR("[1]"), STR("null"), STR("{\"a\":1,}"), STR("  {} ")};
    if (takes_objects() || one_in(2)) return one_in(3) ? raw_lines() : raw_object();
    return one_in(2) && !codec ? bad[below(sizeof bad / sizeof *bad)] : said();
}

static void cache_make(struct message_part *part) {
    if (!can(feature_cache_control) || is(dialect_responses) || !one_in(6)) return;
    part->cache_mark = true;
    if (one_in(2)) part->cache_ttl = STR("1h");
}

static struct message_part text_part(struct str text) {
    struct message_part part = {.kind = part_text, .of = whose(), .text = text};
    cache_make(&part);
    return part;
}

static struct message_part image_part(void) {
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

static struct message_part audio_part(void) {
    struct message_part part = {.kind = part_audio, .of = whose(), .media = {.data = base64()}};
    part.media.mime = one_in(2) ? STR("audio/wav") : STR("audio/mpeg");
    if (!codec) cache_make(&part);
    return part;
}

static struct message_part document_part(void) {
    struct message_part part = {.kind = part_document, .of = whose()};
    unsigned form = is(dialect_gemini) ? 0 : (unsigned)below(is(dialect_openai) ? 2 : 4);
    if (form == 0) part.media.data = base64();
    if (form == 0) part.media.mime = STR("application/pdf");
    if (form == 1) part.media.file_id = said();
    if (form == 2) part.media.url = STR("https://a.example/b.pdf");
    if (form == 3) part.text = said();
    if (form == 3 && codec) part.media.mime = STR("text/plain");
    bool titled = is(dialect_openai) ? form == 0 : !is(dialect_gemini) && one_in(2);
    if (titled) part.title = words();
    part.wants_citations = can(feature_citations) && one_in(3);
    cache_make(&part);
    return part;
}

static struct message_part call_part(void) {
    struct message_part part = {
        .kind = part_tool_call, .of = whose(), .id = said(), .name = said(), .arguments = arguments_make()};
    if (is_nameless() && one_in(3)) part.id = STR_NONE;
    if ((!codec || is(dialect_gemini)) && one_in(3)) part.signature = words();
    if (is(dialect_anthropic)) cache_make(&part);
    return part;
}

static struct message_part reasoning_part(bool in_request) {
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

static struct message_part foreign_part(void) {
    static const char *const firsts[dialects] = {[dialect_anthropic] = "\"type\":\"server_tool_use\"",
                                                 [dialect_gemini] = "\"executableCode\":{\"code\":\"1\"}",
                                                 [dialect_openai] = "\"type\":\"from_tomorrow\""};
    struct message_part part = {.kind = part_foreign, .of = whose()};
    part.raw = raw_with(firsts[part.of] ? firsts[part.of] : "\"type\":\"x\"");
    return part;
}

/* What a dialect's results hold: text for all, more for some. */
static struct message_part result_part(void) {
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
        if ((!codec || is(dialect_anthropic)) && one_in(4)) *inner = one_in(2) ? image_part() : document_part();
    }
    if (is(dialect_ollama))
        for (uint64_t more = below(3); more > 0; more--) part.parts[part.part_count++] = image_part();
    if (!codec || one) part.name = said();
    if (is_nameless() && one_in(3)) part.id = STR_NONE;
    if (!codec || is(dialect_anthropic)) part.is_error = one_in(4);
    if (is(dialect_anthropic)) cache_make(&part);
    return part;
}

/* -- requests at random -----------------------------------------------------------------------------------------------
 */

static struct message *message_add(struct message_request *request, enum message_role role, size_t parts_most) {
    struct message *message = &request->messages[request->message_count++];
    *message = (struct message){.role = role, .parts = take(parts_most * sizeof *message->parts)};
    if ((!codec || is(dialect_openai)) && role != message_tool && one_in(8)) message->name = words();
    return message;
}

static void part_add(struct message *message, struct message_part part) {
    message->parts[message->part_count++] = part;
}

/* One of what a user may say, results aside. */
static struct message_part user_part(void) {
    switch (below(8)) {
    case 0: return image_part();
    case 1: return can(feature_audio) ? audio_part() : image_part();
    case 2: return can(feature_document) ? document_part() : image_part();
    case 3: return is(dialect_ollama) ? image_part() : foreign_part();
    default: return text_part(said());
    }
}

/* OpenAI: any roles in any order; results one a message; an assistant's text is one string. */
static void openai_message(struct message_request *request) {
    static const enum message_role roles[] = {message_user, message_user,   message_assistant, message_assistant,
                                              message_tool, message_system, message_developer};
    struct message *message = message_add(request, roles[below(sizeof roles / sizeof *roles)], 8);
    switch (message->role) {
    case message_tool: part_add(message, result_part()); return;
    case message_assistant:
        if (!one_in(3)) part_add(message, text_part(said()));
        if (message->part_count && one_in(5)) part_add(message, foreign_part());
        if (one_in(5)) part_add(message, (struct message_part){.kind = part_refusal, .text = said()});
        for (uint64_t calls = below(3); calls > 0; calls--) part_add(message, call_part());
        return;
    case message_user:
        for (uint64_t i = 1 + below(3); i > 0; i--) part_add(message, user_part());
        if (message->part_count == 1 && message->parts[0].kind == part_text) message->parts[0].text = words();
        return;
    default:
        for (uint64_t i = 1 + below(3); i > 0; i--) part_add(message, text_part(words()));
    }
}

/* The first call of the history with this id, or NULL. */
static const struct message_part *call_with(const struct message_request *request, struct str id) {
    for (size_t m = 0; m < request->message_count; m++)
        for (size_t p = 0; p < request->messages[m].part_count; p++) {
            const struct message_part *part = &request->messages[m].parts[p];
            if (part->kind == part_tool_call && str_eq(part->id, id)) return part;
        }
    return NULL;
}

/* A result of a call that was made before, where there is one. */
static void result_answer(struct message_part *result, const struct message_request *request) {
    const struct message *before = &request->messages[below(request->message_count)];
    const struct message_part *call = before->part_count ? &before->parts[below(before->part_count)] : NULL;
    if (!call || call->kind != part_tool_call) return;
    result->id = call->id;
    result->name = call_with(request, call->id)->name;
}

/* Leaves out the names that Gemini's writer is to find by itself. */
static void names_forget(struct message_request *request) {
    for (size_t m = 0; m < request->message_count; m++)
        for (size_t p = 0; p < request->messages[m].part_count; p++) {
            struct message_part *part = &request->messages[m].parts[p];
            const struct message_part *call = part->kind == part_tool_result ? call_with(request, part->id) : NULL;
            if (call && str_eq(call->name, part->name)) part->name = STR_NONE;
        }
}

/* Anthropic and Gemini: system text first, then turns; results first in the user's. */
static void turns_make(struct message_request *request, size_t count) {
    bool anthropic = is(dialect_anthropic), user = !one_in(4);
    if (one_in(2)) {
        struct message *system = message_add(request, message_system, 4);
        for (uint64_t i = 1 + below(3); i > 0; i--) part_add(system, text_part(said()));
    }
    for (; count > 0; count--, user = !user) {
        struct message *message = message_add(request, user ? message_user : message_assistant, 12);
        for (uint64_t i = user ? below(3) : 0; i > 0; i--) {
            part_add(message, result_part());
            if (!anthropic && one_in(2)) result_answer(&message->parts[message->part_count - 1], request);
        }
        for (uint64_t i = below(4); i > 0; i--) {
            if (user)
                part_add(message, user_part());
            else if (one_in(3))
                part_add(message, reasoning_part(true));
            else if (one_in(4))
                part_add(message, foreign_part());
            else
                part_add(message, one_in(2) ? call_part() : text_part(said()));
            struct message_part *last = &message->parts[message->part_count - 1];
            if (!anthropic && last->kind == part_text && one_in(4)) last->signature = said();
            if (!anthropic && last->kind == part_text && last->signature.at && one_in(2)) last->text = STR("");
        }
    }
}

/* Ollama: one text and its images a message. */
static void ollama_message(struct message_request *request) {
    static const enum message_role roles[] = {message_user, message_assistant, message_tool, message_system};
    struct message *message = message_add(request, roles[below(sizeof roles / sizeof *roles)], 8);
    if (message->role == message_tool) {
        part_add(message, result_part());
        return;
    }
    if (message->role == message_assistant && one_in(2)) part_add(message, reasoning_part(true));
    if (!one_in(4)) part_add(message, text_part(said()));
    for (uint64_t i = below(2); i > 0; i--) part_add(message, image_part());
    for (uint64_t i = message->role == message_assistant ? below(3) : 0; i > 0; i--) part_add(message, call_part());
}

/* Workers AI: a text, or a list that holds an image; and calls. */
static void cloudflare_message(struct message_request *request) {
    static const enum message_role roles[] = {message_user, message_assistant, message_tool, message_system};
    struct message *message = message_add(request, roles[below(sizeof roles / sizeof *roles)], 12);
    if (message->role == message_tool) {
        part_add(message, result_part());
        return;
    }
    for (uint64_t i = one_in(3) ? 1 + below(2) : 0; i > 0; i--) {
        part_add(message, text_part(said()));
        part_add(message, image_part());
    }
    if (!message->part_count && !one_in(4)) part_add(message, text_part(said()));
    for (uint64_t i = message->role == message_assistant ? below(3) : 0; i > 0; i--) part_add(message, call_part());
    if (!message->part_count) part_add(message, text_part(STR("")));
}

/* Hugging Face: one text. */
static void huggingface_message(struct message_request *request) {
    if (request->message_count) return;
    part_add(message_add(request, message_user, 1), text_part(words()));
}

/* Anything anywhere. */
static struct message_part any_part(void) {
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

static void any_message(struct message_request *request) {
    struct message *message = message_add(request, (enum message_role)below(message_tool + 1), 8);
    for (uint64_t i = below(5); i > 0; i--) part_add(message, any_part());
}

static void messages_make(struct message_request *request) {
    size_t count = 1 + below(6);
    request->messages = take((count + 1) * sizeof *request->messages);
    if (is(dialect_anthropic) || is(dialect_gemini)) {
        turns_make(request, count);
        return;
    }
    void (*const makes[dialects])(struct message_request *) = {[dialect_openai] = openai_message,
                                                               [dialect_ollama] = ollama_message,
                                                               [dialect_cloudflare] = cloudflare_message,
                                                               [dialect_huggingface] = huggingface_message};
    void (*make)(struct message_request *) = codec ? makes[codec->dialect] : any_message;
    assert_non_null(make);
    for (size_t i = 0; i < count; i++) make(request);
}

static void tools_make(struct message_request *request) {
    static const char *const firsts[dialects] = {[dialect_anthropic] = "\"type\":\"web_search_20250305\"",
                                                 [dialect_gemini] = "\"googleSearch\":{}",
                                                 [dialect_openai] = "\"type\":\"custom\""};
    size_t count = can(feature_tools) && one_in(2) ? below(4) : 0;
    request->tools = take(count * sizeof *request->tools);
    bool plain = is(dialect_ollama) || is(dialect_cloudflare);
    while (request->tool_count < count) {
        struct message_tool *tool = &request->tools[request->tool_count++];
        bool before_foreign = !is(dialect_gemini) || request->tool_count == count; /* which stand last there */
        tool->of = whose();
        if (before_foreign && !plain && one_in(5)) {
            tool->raw = raw_with(firsts[tool->of] ? firsts[tool->of] : "\"type\":\"x\"");
            continue;
        }
        tool->name = said();
        tool->description = maybe();
        if (is(dialect_anthropic) || one_in(2)) tool->parameters = raw_object();
        if (!is(dialect_gemini) && !plain) tool->strict = (enum message_flag)below(3);
        tool->cache_mark = can(feature_cache_control) && one_in(4);
        if (tool->cache_mark) tool->cache_ttl = maybe();
    }
    if (count == 0 && codec) return; /* no choice without tools */
    request->tool_choice = (enum message_choice_of_tool)below(tools_named + 1);
    if (plain) request->tool_choice = tools_unset;
    if (request->tool_choice == tools_named) request->tool_name = said();
}

static void knobs_make(struct message_request *request) {
    for (size_t i = 0; i < knob_count; i++) {
        void *at = (char *)request + knobs[i].field.at;
        if (!can(knobs[i].feature) || !one_in(3)) continue;
        switch (knobs[i].field.kind) {
        case field_double: *(double *)at = real(is(dialect_anthropic) ? 1 : 2); break;
        case field_int: *(int64_t *)at = whole(); break;
        case field_str: *(struct str *)at = words(); break;
        case field_raw: *(struct str *)at = raw_object(); break;
        case field_flag: *(enum message_flag *)at = (enum message_flag)(1 + below(2)); break;
        }
    }
    if (can(feature_reasoning_effort) && one_in(3)) request->effort = (enum message_effort)below(effort_max + 1);
    if (one_in(3)) request->format = (enum message_format)below(format_schema + 1);
    if (request->format == format_schema) request->schema = raw_object();
    if (request->format == format_schema && (!codec || is(dialect_openai))) {
        request->schema_name = said();
        request->schema_description = maybe();
        request->schema_strict = (enum message_flag)below(3);
    }
    if (can(feature_json_object) == false && request->format == format_json) request->format = format_unset;
    size_t stops = can(feature_stop) && one_in(3) ? below(5) : 0, extras = one_in(4) ? below(3) : 0;
    request->stop = take(stops * sizeof *request->stop);
    while (request->stop_count < stops)
        request->stop[request->stop_count++] = arena_printf(&arena, "s%.*s", STR_ARG(words()));
    if (is(dialect_ollama) || is(dialect_huggingface)) return;
    request->extras = take(extras * sizeof *request->extras);
    while (request->extra_count < extras) {
        struct str name = arena_printf(&arena, "x%zu%.*s", request->extra_count, STR_ARG(words()));
        request->extras[request->extra_count++] = (struct message_extra){name, raw_object()};
    }
}

/* What no feature names and the dialect cannot say all the same. */
static void request_fit(struct message_request *request, struct codec_target *target) {
    request->include_usage = true;
    if (is(dialect_openai)) {
        request->reasoning_tokens = MESSAGE_NO_INT;
        request->show_reasoning = flag_unset;
        request->include_usage = request->stream;
        return;
    }
    bool flagged = request->logprobs == flag_true;
    if (request->format == format_text) request->format = format_unset;
    if (is(dialect_cloudflare)) {
        request->max_tokens = 1 + (int64_t)below(10000);
        if (request->top_k != MESSAGE_NO_INT) request->top_k = 1 + (int64_t)below(50);
        if (request->seed != MESSAGE_NO_INT) request->seed = 1 + (int64_t)below(9999999999);
        return;
    }
    if (is(dialect_huggingface)) {
        if (request->top_p >= 1) request->top_p = NAN;
        return;
    }
    if (!flagged) request->logprobs = flag_unset;
    if (!flagged) request->top_logprobs = MESSAGE_NO_INT;
    if (is(dialect_anthropic)) {
        bool thinks = request->tool_choice < tools_required && one_in(2), adaptive = one_in(2);
        request->max_tokens = 2000 + whole() % 100000;
        request->reasoning_tokens = !thinks ? MESSAGE_NO_INT : adaptive ? -1 : 1024 + (int64_t)below(900);
        request->effort =
            !thinks || !adaptive || one_in(3) ? effort_unset : (enum message_effort)(effort_low + below(5));
        request->show_reasoning = flag_unset;
        if (thinks) request->temperature = request->top_p = NAN;
        if (thinks) request->top_k = MESSAGE_NO_INT;
        if (adaptive) target->quirks = quirks_of(STR("anthropic"), STR("claude-opus-4-6"));
        if (request->user.at && !request->user.len) request->user = STR_NONE;
        if (request->service_tier.at) request->service_tier = one_in(2) ? STR("auto") : STR("standard_only");
        bool one = request->tool_choice != tools_unset && request->tool_choice != tools_none && one_in(2);
        request->parallel_tool_calls = one ? flag_false : flag_unset;
    } else if (is(dialect_gemini)) {
        bool levels = one_in(2), asked = request->effort || request->reasoning_tokens != MESSAGE_NO_INT;
        if (levels) target->quirks = quirks_of(STR("gemini"), STR("gemini-3-pro"));
        if (levels) request->reasoning_tokens = MESSAGE_NO_INT;
        if (levels && request->effort) request->effort = (enum message_effort)(effort_minimal + below(4));
        if (!levels) request->effort = effort_unset;
        asked = request->effort || request->reasoning_tokens != MESSAGE_NO_INT;
        if (asked && !request->show_reasoning) request->show_reasoning = flag_true;
        if (request->safety.at) request->safety = arena_printf(&arena, "[%.*s]", STR_ARG(request->safety));
    } else if (is(dialect_ollama)) {
        static const enum message_effort efforts[] = {effort_unset,  effort_none, effort_low,
                                                      effort_medium, effort_high, effort_max};
        request->effort = efforts[below(sizeof efforts / sizeof *efforts)];
        request->reasoning_tokens = MESSAGE_NO_INT;
        request->show_reasoning = flag_unset;
    }
}

static struct message_request request_make(struct codec_target *target) {
    struct message_request request;
    message_request_init(&request, whose());
    request.model = said();
    request.stream = one_in(2);
    if (!codec && one_in(8)) request.completes = request.echo = true;
    if (!codec && one_in(8)) request.suffix = words();
    messages_make(&request);
    tools_make(&request);
    knobs_make(&request);
    *target = (struct codec_target){request.model, quirks_of(STR(""), STR("")), 8192, true, request.stream};
    if (codec) request_fit(&request, target);
    return request;
}

/* -- requests ---------------------------------------------------------------------------------------------------------
 */

static bool is_json(struct str text) {
    const char *problem;
    size_t at;
    return json_parse_in(&arena, text, &problem, &at) != NULL;
}

static struct str request_say(const struct codec *by, const struct message_request *request,
                              const struct codec_target *target) {
    struct text text = text_in_arena(&arena, 1024);
    by->write_request(request, target, &text);
    assert_false(text.failed);
    if (!is_json(text_str(&text))) wrong_tell("a request is no JSON", by->name.at, STR(""), text_str(&text));
    return text_str(&text);
}

static void request_comes_back(const struct codec *by) {
    struct message_request back;
    struct codec_target target;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    codec = by;
    struct message_request request = request_make(&target);
    struct str want = request_dump(&request);
    if (is(dialect_gemini)) names_forget(&request);
    struct str written = request_say(by, &request, &target);
    if (!by->read_request(written, request.model, request.stream, &arena, &back, &error, &param)) {
        wrong_tell(error.message, by->name.at, want, written);
        return;
    }
    struct str got = request_dump(&back);
    if (!str_eq(want, got)) wrong_tell("the request differs", by->name.at, want, got);
}

/* Everything, in every dialect: JSON, and what has been read from it stays the same. */
static void request_of_everything(void) {
    static const struct str vendors[] = {STR(""), STR("mistral"), STR("deepseek"), STR("xai"), STR("compatible")};
    struct codec_target target;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    codec = NULL;
    struct message_request request = request_make(&target), back;
    target.quirks = quirks_of(vendors[below(sizeof vendors / sizeof *vendors)], STR("m"));
    target.reasons = one_in(2);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *by = codec_of((enum dialect)d);
        if (!by || !by->write_request) continue;
        message_features(&request, by->dialect);
        struct str told[3] = {request_say(by, &request, &target)};
        for (size_t i = 1; i < 3; i++) {
            if (!by->read_request(told[i - 1], request.model, request.stream, &arena, &back, &error, &param)) break;
            told[i] = request_say(by, &back, &target);
        }
        if (!told[2].at || target.quirks->no_json_schema) continue; /* which puts the schema into words each time */
        struct str twice = normal(told[1]), thrice = normal(told[2]);
        if (!str_eq(twice, thrice)) wrong_tell("said twice", by->name.at, twice, thrice);
    }
}

/* -- whole replies ----------------------------------------------------------------------------------------------------
 */

static struct usage usage_make(void) {
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

static void citations_make(struct message_part *part) {
    size_t count = one_in(4) ? 1 + below(2) : 0;
    part->citations = take(count * sizeof *part->citations);
    while (part->citation_count < count) {
        struct message_citation *citation = &part->citations[part->citation_count++];
        *citation =
            (struct message_citation){.url = said(), .title = words(), .start = MESSAGE_NO_INT, .end = MESSAGE_NO_INT};
        if (is(dialect_anthropic) || !codec) citation->cited_text = words();
        if (!is(dialect_anthropic) && one_in(2)) citation->start = (int64_t)below(100);
        if (!is(dialect_anthropic) && citation->start >= 0) citation->end = citation->start + (int64_t)below(100);
        if (is(dialect_anthropic) && one_in(2)) {
            struct text raw = text_in_arena(&arena, 64);
            citation->url = STR_NONE;
            text_put(&raw, STR("{\"type\":\"char_location\""));
            text_json_str(&raw, STR("document_title"), citation->title);
            text_json_str(&raw, STR("cited_text"), citation->cited_text);
            text_put_byte(&raw, '}');
            citation->raw = text_str(&raw);
        }
    }
}

static void choice_make(struct message_choice *choice) {
    enum { parts_most = 6 };
    choice->parts = take(parts_most * sizeof *choice->parts);
    for (uint64_t i = below(parts_most); i > 0; i--) {
        struct message_part *part = &choice->parts[choice->part_count++];
        bool foreign = !codec || is(dialect_anthropic) || is(dialect_gemini);
        switch (below(7)) {
        case 0: *part = reasoning_part(false); break;
        case 1: *part = (struct message_part){.kind = part_refusal, .of = whose(), .text = words()}; break;
        case 2:
        case 3: *part = call_part(); break;
        case 4:
            if (foreign) {
                *part = foreign_part();
                break;
            } /* fall through */
        default: *part = (struct message_part){.kind = part_text, .of = whose(), .text = words()};
        }
        if (part->kind == part_tool_call && is(dialect_cloudflare))
            part->arguments = raw_object(); /* in replies only */
        part->cache_mark = false;
        part->cache_ttl = STR_NONE;
        if (part->kind == part_text && part->text.len) citations_make(part);
        if (part->kind == part_text && is(dialect_gemini) && one_in(4)) part->signature = words();
        if (!codec && one_in(8)) *part = any_part();
    }
    choice->finish = (enum message_finish)below(finishes);
    if (is(dialect_openai) && choice->finish == finish_error) choice->finish = finish_stop; /* is an error there */
    if (choice->finish == finish_stop_sequence) choice->stop_sequence = words();
    if ((!codec || is(dialect_openai)) && one_in(4)) choice->logprobs = raw_object();
}

static struct message_reply reply_make(void) {
    struct message_reply reply = {.id = said(), .model = said(), .created_s = MESSAGE_NO_INT, .usage = usage_make()};
    bool several = !codec || is(dialect_openai) || is(dialect_gemini);
    reply.choice_count = !several ? 1 : one_in(2) ? 1 : below(4);
    reply.choices = take(reply.choice_count * sizeof *reply.choices);
    for (size_t i = 0; i < reply.choice_count; i++) choice_make(&reply.choices[i]);
    if (one_in(2)) reply.created_s = whole();
    reply.service_tier = maybe();
    reply.fingerprint = maybe();
    return reply;
}

/* -- what a reply is in a dialect's words: the same value, said as the dialect says it --------------------------------
 */

static bool has_call(const struct message_part *parts, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (parts[i].kind == part_tool_call) return true;
    return false;
}

static enum message_finish finish_in(enum message_finish finish, bool called) {
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

static int64_t count_in(int64_t count, bool is_told) { return !is_told ? -1 : count < 0 ? 0 : count; }

/* What was not told is not told on; Anthropic's wants both sums, Responses' the details of those that it tells. */
static struct usage usage_in(struct usage usage) {
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

static void citations_append(struct message_part *to, const struct message_part *from) {
    struct message_citation *all = take((to->citation_count + from->citation_count) * sizeof *all);
    if (to->citation_count) memcpy(all, to->citations, to->citation_count * sizeof *all);
    if (from->citation_count) memcpy(all + to->citation_count, from->citations, from->citation_count * sizeof *all);
    to->citations = all;
    to->citation_count += from->citation_count;
}

/* All of these kinds as one part, where there is any text. */
static void joined_add(struct message_choice *into, const struct message_choice *choice, enum part_kind kind,
                       enum part_kind also) {
    struct message_part part = {.kind = kind};
    struct text text = text_in_arena(&arena, 64);
    for (size_t i = 0; i < choice->part_count; i++) {
        if (choice->parts[i].kind != kind && choice->parts[i].kind != also) continue;
        text_put(&text, choice->parts[i].text);
        if (is(dialect_openai)) citations_append(&part, &choice->parts[i]);
    }
    part.text = text_str(&text);
    if (part.text.len) into->parts[into->part_count++] = part;
}

static struct message_part call_in(struct message_part part) {
    if (!part.arguments.len) part.arguments = STR("{}");
    if (!is(dialect_gemini)) part.signature = STR_NONE;
    return part;
}

/* Dialects that say one text: reasoning, text, refusal, calls. */
static void joined_in(struct message_choice *into, const struct message_choice *choice) {
    bool openai = is(dialect_openai);
    if (says_reasoning()) joined_add(into, choice, part_reasoning, part_reasoning);
    joined_add(into, choice, part_text, openai ? part_text : part_refusal);
    if (openai) joined_add(into, choice, part_refusal, part_refusal);
    for (size_t i = 0; i < choice->part_count; i++)
        if (choice->parts[i].kind == part_tool_call && says_calls())
            into->parts[into->part_count++] = call_in(choice->parts[i]);
}

/* false: it is not said. */
static bool part_in(struct message_part *part) {
    bool responses = is(dialect_responses), anthropic = is(dialect_anthropic);
    if (part->kind == part_refusal && !responses) part->kind = part_text;
    if (part->kind == part_tool_call) *part = call_in(*part);
    if (part->kind == part_text && is(dialect_gemini)) return part->text.len || part->signature.at;
    if (part->kind != part_reasoning) return true;
    if (anthropic && !part->data.at) part->signature = part->signature.at ? part->signature : STR("");
    if (responses && !part->text.at) part->text = STR("");
    return part->text.len || (part->data.at && !is(dialect_gemini));
}

static void parts_in(struct message_choice *into, const struct message_choice *choice) {
    struct message_part cited = {.kind = part_text}, *first = NULL;
    for (size_t i = 0; i < choice->part_count; i++) {
        struct message_part part = choice->parts[i];
        citations_append(&cited, &part);
        if (is(dialect_gemini)) part.citation_count = 0;
        if (!part_in(&part)) continue;
        into->parts[into->part_count] = part;
        if (part.kind == part_text && !first) first = &into->parts[into->part_count];
        into->part_count++;
    }
    if (is(dialect_gemini) && first) citations_append(first, &cited);
    for (size_t i = 0; is(dialect_responses) && i < into->part_count; i++)
        for (size_t c = 0; c < into->parts[i].citation_count; c++)
            if (into->parts[i].citations[c].start == MESSAGE_NO_INT)
                into->parts[i].citations[c].start = into->parts[i].citations[c].end = 0;
}

static struct message_reply reply_in(const struct message_reply *reply) {
    struct message_reply in = {.id = reply->id,
                               .model = reply->model,
                               .created_s = MESSAGE_NO_INT,
                               .choices = take(reply->choice_count * sizeof *in.choices),
                               .choice_count = reply->choice_count,
                               .usage = usage_in(reply->usage)};
    bool openai = is(dialect_openai);
    if (openai) in.service_tier = reply->service_tier;
    if (openai) in.fingerprint = reply->fingerprint;
    if (openai) in.created_s = reply->created_s == MESSAGE_NO_INT ? caller.now_s : reply->created_s;
    if (is(dialect_responses)) in.created_s = caller.now_s;
    if (is(dialect_responses)) in.id = STR("resp_req_1");
    bool unnamed = is(dialect_cloudflare) || is(dialect_huggingface);
    if (is(dialect_ollama) || unnamed) in.id = STR_NONE;
    if (unnamed) in.model = STR_NONE;
    for (size_t i = 0; i < reply->choice_count; i++) {
        const struct message_choice *choice = &reply->choices[i];
        struct message_choice *into = &in.choices[i];
        into->parts = take((choice->part_count + 3) * sizeof *into->parts);
        into->finish = finish_in(choice->finish, has_call(choice->parts, choice->part_count));
        if (is(dialect_anthropic)) into->stop_sequence = choice->stop_sequence;
        if (openai) into->logprobs = choice->logprobs;
        if (openai || is(dialect_ollama) || unnamed)
            joined_in(into, choice);
        else
            parts_in(into, choice);
    }
    return in;
}

static struct str reply_say(const struct codec *by, const struct message_reply *reply) {
    struct text text = text_in_arena(&arena, 1024);
    by->write_reply(reply, &caller, &text);
    assert_false(text.failed);
    if (!is_json(text_str(&text))) wrong_tell("a reply is no JSON", by->name.at, STR(""), text_str(&text));
    return text_str(&text);
}

static void reply_comes_back(const struct codec *by) {
    struct message_reply back;
    bool error_inside = false;
    codec = by;
    struct message_reply reply = reply_make(), in = reply_in(&reply);
    struct str want = reply_dump(&in), written = reply_say(by, &reply);
    if (!by->read_reply(written, &arena, quirks_of(STR(""), STR("")), &back, &error_inside) || error_inside) {
        wrong_tell("the reply is not read", by->name.at, want, written);
        return;
    }
    struct str got = reply_dump(&back);
    if (!str_eq(want, got)) wrong_tell("the reply differs", by->name.at, want, got);
}

static void reply_of_everything(void) {
    codec = NULL;
    struct message_reply reply = reply_make(), back;
    bool error_inside = false;
    reply_say(&codec_completions, &reply);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *by = codec_of((enum dialect)d);
        if (!by || !by->write_reply) continue;
        struct str told[3] = {reply_say(by, &reply)};
        for (size_t i = 1; i < 3; i++) {
            if (!by->read_reply(told[i - 1], &arena, quirks_of(STR(""), STR("")), &back, &error_inside) || error_inside)
                break;
            told[i] = reply_say(by, &back);
        }
        if (!told[2].at) continue;
        struct str twice = normal(told[1]), thrice = normal(told[2]); /* the first may number what is not said */
        if (!str_eq(twice, thrice)) wrong_tell("a reply said twice", by->name.at, twice, thrice);
    }
}

/* -- streams at random ------------------------------------------------------------------------------------------------
 */

enum { events_most = 160, choices_most = 3, calls_most = 4 };

/* Events as they are made, and what is still to be said of each call. */
struct script {
    struct message_event events[events_most];
    size_t count;
    struct str rest[choices_most][calls_most]; /* of the arguments */
    unsigned calls[choices_most];
    unsigned choices;
    bool one_by_one; /* each call is told whole before anything else */
    bool fails;      /* an error ends it */
};

static struct message_event *event_add(struct script *script, enum message_event_kind kind, unsigned choice) {
    struct message_event *event = &script->events[script->count++];
    assert_true(script->count < events_most);
    *event = (struct message_event){.kind = kind,
                                    .choice = choice,
                                    .of = whose(),
                                    .usage = USAGE_NONE,
                                    .citation = {.start = MESSAGE_NO_INT, .end = MESSAGE_NO_INT}};
    return event;
}

/* The next piece of a call's arguments: whole characters. `all`: to their end. */
static void fragment_add(struct script *script, unsigned choice, unsigned tool, bool all) {
    struct str *rest = &script->rest[choice][tool];
    do {
        size_t cut = one_in(4) ? rest->len : below(rest->len + 1);
        while (cut < rest->len && ((unsigned char)rest->at[cut] & 0xc0) == 0x80) cut++;
        if (script->count > events_most - 40) cut = rest->len;
        struct message_event *event = event_add(script, message_event_arguments, choice);
        event->tool = tool;
        event->text = str_slice(*rest, 0, cut);
        *rest = str_slice(*rest, cut, rest->len);
    } while (all && rest->len);
}

static void call_begin(struct script *script, unsigned choice) {
    if (script->calls[choice] == calls_most) return;
    struct message_part part = call_part();
    struct message_event *event = event_add(script, message_event_tool, choice);
    event->tool = script->calls[choice]++;
    event->id = part.id;
    event->name = part.name;
    event->signature = part.signature;
    script->rest[choice][event->tool] = one_in(6) ? STR("") : part.arguments;
    if (script->one_by_one) fragment_add(script, choice, event->tool, true);
}

static void text_event(struct script *script, enum message_event_kind kind, unsigned choice) {
    event_add(script, kind, choice)->text = words();
}

static void step_add(struct script *script, unsigned choice) {
    switch (below(10)) {
    case 0: text_event(script, message_event_refusal, choice); return;
    case 1:
    case 2: text_event(script, message_event_reasoning, choice); return;
    case 3:
        if (codec && !script->one_by_one) break; /* those who sign do not mix */
        text_event(script, message_event_signature, choice);
        struct message_event *event = &script->events[script->count - 1];
        if (one_in(3))
            *event = (struct message_event){
                .kind = event->kind, .of = event->of, .usage = USAGE_NONE, .choice = choice, .data = said()};
        return;
    case 4:
        if (!script->fails) call_begin(script, choice);
        return;
    case 5:
    case 6:
        for (uint64_t i = script->calls[choice] ? 1 + below(3) : 0; i > 0 && !script->one_by_one; i--)
            fragment_add(script, choice, (unsigned)below(script->calls[choice]), false);
        return;
    case 7:
        if (codec) break;
        if (one_in(2))
            text_event(script, message_event_logprobs, choice);
        else
            event_add(script, message_event_citation, choice)->citation.url = said();
        return;
    default: break;
    }
    text_event(script, message_event_text, choice);
}

static void script_make(struct script *script) {
    *script = (struct script){.choices = !codec || is(dialect_openai) ? 1 + (unsigned)below(choices_most) : 1,
                              .one_by_one = one_in(2),
                              .fails = one_in(12)};
    struct usage usage = script->fails ? USAGE_NONE : usage_make();
    struct message_event *begin = event_add(script, message_event_begin, 0);
    begin->id = said();
    begin->model = said();
    if (one_in(2))
        begin->usage =
            (struct usage){usage.input_tokens, -1, usage.cached_input_tokens, usage.cache_write_tokens, -1, -1};
    for (uint64_t steps = below(16); steps > 0; steps--) step_add(script, (unsigned)below(script->choices));
    if (script->fails) {
        event_add(script, message_event_error, 0)->text =
            arena_printf(&arena, "It \"broke\" %u.\n", (unsigned)below(100));
        return;
    }
    for (unsigned choice = 0; choice < script->choices; choice++) {
        for (unsigned tool = 0; tool < script->calls[choice]; tool++)
            if (script->rest[choice][tool].len) fragment_add(script, choice, tool, true);
        if (one_in(8) && !(is(dialect_openai) && choice == 0)) continue; /* else it may have no chunk for its id */
        struct message_event *finish = event_add(script, message_event_finish, choice);
        finish->finish = (enum message_finish)(1 + below(finishes - 1));
        if (is(dialect_openai) && finish->finish == finish_error) finish->finish = finish_stop;
        if (finish->finish == finish_stop_sequence) finish->stop_sequence = words();
    }
    if (one_in(3)) event_add(script, message_event_usage, 0)->usage.output_tokens = usage.output_tokens >= 0 ? 0 : -1;
    event_add(script, message_event_usage, 0)->usage = usage;
    event_add(script, message_event_end, 0);
}

/* -- what is heard ----------------------------------------------------------------------------------------------------
 */

struct heard_call {
    struct str id, name, signature;
    struct text arguments;
};

struct heard_choice {
    struct text text, refusal, reasoning, signatures;
    struct text order; /* a letter for each change of what is said */
    struct heard_call calls[calls_most];
    unsigned call_count;
    enum message_finish finish;
    struct str stop_sequence;
};

struct heard {
    struct heard_choice choices[choices_most];
    struct str id, model, error;
    struct usage usage;
    bool ended, lost; /* lost: of a call that has not begun */
};

static struct heard *heard_new(void) {
    struct heard *heard = take(sizeof *heard);
    heard->usage = USAGE_NONE;
    for (size_t i = 0; i < choices_most; i++) {
        struct heard_choice *choice = &heard->choices[i];
        struct text *const texts[] = {&choice->text, &choice->refusal, &choice->reasoning, &choice->signatures,
                                      &choice->order};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) *texts[t] = text_in_arena(&arena, 32);
    }
    return heard;
}

static void usage_hear(struct heard *heard, const struct usage *usage) {
    const int64_t *from = &usage->input_tokens;
    int64_t *to = &heard->usage.input_tokens;
    for (size_t i = 0; i < sizeof *usage / sizeof *from; i++)
        if (from[i] >= 0) to[i] = from[i];
}

static void order_hear(struct heard_choice *choice, char letter) {
    if (choice->order.len && choice->order.at[choice->order.len - 1] == letter && letter != 'C') return;
    text_put_byte(&choice->order, letter);
}

static void said_hear(struct heard_choice *choice, struct text *to, struct str text, char letter) {
    if (!text.len) return;
    order_hear(choice, letter);
    text_put(to, text);
}

static void call_hear(struct heard *heard, struct heard_choice *choice, const struct message_event *event) {
    heard->lost |= event->tool != choice->call_count || event->tool >= calls_most;
    if (heard->lost) return;
    order_hear(choice, 'C');
    choice->calls[choice->call_count++] = (struct heard_call){
        .id = event->id, .name = event->name, .signature = event->signature, .arguments = text_in_arena(&arena, 32)};
}

static void hear(struct heard *heard, const struct message_event *event) {
    usage_hear(heard, &event->usage);
    heard->lost |= event->choice >= choices_most;
    struct heard_choice *choice = &heard->choices[event->choice % choices_most];
    switch (event->kind) {
    case message_event_begin:
        heard->id = event->id;
        heard->model = event->model;
        return;
    case message_event_text: said_hear(choice, &choice->text, event->text, 'T'); return;
    case message_event_refusal: said_hear(choice, &choice->refusal, event->text, 'F'); return;
    case message_event_reasoning: said_hear(choice, &choice->reasoning, event->text, 'R'); return;
    case message_event_signature:
        if (event->data.at) text_put(&choice->signatures, STR("data:"));
        text_put(&choice->signatures, event->data.at ? event->data : event->text);
        return;
    case message_event_tool: call_hear(heard, choice, event); return;
    case message_event_arguments:
        heard->lost |= event->tool >= choice->call_count;
        if (event->tool < choice->call_count) text_put(&choice->calls[event->tool].arguments, event->text);
        return;
    case message_event_finish:
        choice->finish = event->finish;
        choice->stop_sequence = event->stop_sequence;
        return;
    case message_event_error: heard->error = event->text; return;
    case message_event_end: heard->ended = true; return;
    default: return;
    }
}

/* What this dialect's reader is to hear of it. */
static struct heard *heard_in(const struct script *script) {
    bool openai = is(dialect_openai), joins = !openai && !is(dialect_responses),
         gathers = is(dialect_gemini) || is(dialect_ollama),
         unnamed = is(dialect_cloudflare) || is(dialect_huggingface);
    struct heard *heard = heard_new();
    for (size_t i = 0; i < script->count; i++) {
        struct message_event event = script->events[i];
        if (event.kind == message_event_refusal && joins) event.kind = message_event_text;
        bool signs = is(dialect_anthropic) || (is(dialect_gemini) && !event.data.at);
        if (event.kind == message_event_signature && !signs) continue;
        if (event.kind == message_event_reasoning && !says_reasoning()) continue;
        if ((event.kind == message_event_tool || event.kind == message_event_arguments) && !says_calls()) continue;
        hear(heard, &event);
    }
    if (is(dialect_responses)) heard->id = STR("resp_req_1");
    if (is(dialect_ollama) || unnamed) heard->id = STR_NONE;
    if (unnamed) heard->model = STR_NONE;
    bool untold = memcmp(&heard->usage, &USAGE_NONE, sizeof heard->usage) == 0;
    if (!openai || !untold) heard->usage = usage_in(heard->usage);
    if (is(dialect_gemini)) heard->ended = false; /* it has no word for it */
    for (size_t c = 0; c < choices_most; c++) {
        struct heard_choice *choice = &heard->choices[c];
        if (c < script->choices && !(openai && !choice->finish))
            choice->finish = finish_in(choice->finish, choice->call_count > 0);
        if (!is(dialect_anthropic)) choice->stop_sequence = STR_NONE;
        for (unsigned i = 0; i < choice->call_count; i++) {
            if (!is(dialect_gemini)) choice->calls[i].signature = STR_NONE;
            if (!choice->calls[i].arguments.len && gathers) text_put(&choice->calls[i].arguments, STR("{}"));
        }
    }
    return heard;
}

static struct str heard_dump(const struct heard *heard, const struct script *script) {
    struct text text = text_in_arena(&arena, 512);
    text_put_byte(&text, '{');
    text_json_bool(&text, STR("lost"), heard->lost);
    if (!script->fails) text_json_str_if(&text, STR("id"), heard->id); /* an error may come before it */
    if (!script->fails) text_json_str_if(&text, STR("model"), heard->model);
    text_json_str_if(&text, STR("error"), heard->error);
    text_json_bool(&text, STR("ended"), heard->ended);
    if (!script->fails) usage_dump(&text, &heard->usage);
    text_put(&text, STR(",\"choices\":["));
    for (size_t c = 0; c < choices_most; c++) {
        const struct heard_choice *choice = &heard->choices[c];
        text_json_comma(&text);
        text_put_byte(&text, '{');
        if (!script->fails) text_json_i64(&text, STR("finish"), choice->finish);
        text_json_str_if(&text, STR("stop_sequence"), choice->stop_sequence);
        text_json_str(&text, STR("text"), text_str(&choice->text));
        text_json_str(&text, STR("refusal"), text_str(&choice->refusal));
        text_json_str(&text, STR("reasoning"), text_str(&choice->reasoning));
        text_json_str(&text, STR("signatures"), text_str(&choice->signatures));
        if (script->one_by_one) text_json_str(&text, STR("order"), text_str(&choice->order));
        text_put(&text, STR(",\"calls\":["));
        for (unsigned i = 0; i < choice->call_count; i++) {
            const struct heard_call *call = &choice->calls[i];
            text_json_comma(&text);
            text_put_byte(&text, '{');
            text_json_str_if(&text, STR("id"), call->id);
            text_json_str_if(&text, STR("name"), call->name);
            text_json_str_if(&text, STR("signature"), call->signature);
            arguments_dump(&text, text_str(&call->arguments));
            text_put_byte(&text, '}');
        }
        text_put(&text, STR("]}"));
    }
    text_put(&text, STR("]}"));
    return text_str(&text);
}

/* -- streams ----------------------------------------------------------------------------------------------------------
 */

/* As a flight does it: what comes mixed is set right for those who cannot say it so. */
static struct str stream_say(const struct codec *by, const struct script *script, const struct codec_caller *asks) {
    struct text all = text_in_arena(&arena, 2048);
    struct order order = {.calling = false};
    void *writer = take(by->writer_size);
    for (size_t i = 0; i < script->count; i++) {
        struct message_events ordered = {.arena = &arena};
        if (by->mixes)
            *message_event_add(&ordered, script->events[i].kind) = script->events[i];
        else
            assert_true(order_take(&order, &script->events[i], &arena, &ordered));
        for (size_t e = 0; e < ordered.count; e++) by->write_event(writer, &ordered.list[e], asks, &arena, &all);
    }
    assert_false(all.failed);
    return text_str(&all);
}

/* Cuts a stream anywhere; each event is given to `each`. */
static void stream_cut(const struct codec *by, struct str stream, void (*each)(const struct sse_event *, void *),
                       void *with) {
    struct sse sse;
    struct lines lines;
    struct sse_event event;
    bool by_line = by->framing == framing_ndjson;
    size_t step = one_in(4) ? 1 : 1 + below(one_in(2) ? 40 : 2000);
    sse_init(&sse);
    lines_init(&lines);
    while (stream.len) {
        struct str piece = str_slice(stream, 0, step == 1 ? 1 : 1 + below(step));
        piece = arena_copy(&arena, piece); /* at its own place: what is read past its end is seen by a sanitizer */
        stream = str_slice(stream, piece.len, stream.len);
        if (by_line)
            lines_feed(&lines, piece);
        else
            sse_feed(&sse, piece);
        while ((by_line ? lines_next(&lines, &event) : sse_next(&sse, &arena, &event)) == sse_got_event)
            if (!event.comment_only) each(&event, with);
    }
    if (by_line ? lines.held_len > 0 : sse_pending(&sse) > 0)
        wrong_tell("a stream ends inside a frame", by->name.at, STR(""), STR(""));
    sse_free(&sse);
    lines_free(&lines);
}

struct listener {
    const struct codec *by;
    void *reader;
    struct heard *heard;
    struct str last; /* the last event's data, [DONE] aside */
};

static void event_hear(const struct sse_event *event, void *with) {
    struct listener *listener = with;
    struct message_events events = {.arena = &arena};
    struct str data = arena_copy(&arena, event->data), name = arena_copy(&arena, event->event);
    if (!listener->by->read_event(listener->reader, name, data, &arena, quirks_of(STR(""), STR("")), &events))
        wrong_tell("an event is malformed", listener->by->name.at, STR(""), data);
    assert_false(events.failed);
    for (size_t i = 0; i < events.count; i++) hear(listener->heard, &events.list[i]);
    if (!str_eq(data, STR("[DONE]"))) listener->last = data;
}

/* Some tell the whole again in their last event: it is what the pieces were. */
static void whole_check(const struct listener *listener) {
    const struct heard_choice *heard = &listener->heard->choices[0];
    const char *problem;
    size_t at;
    const struct json_value *last = json_parse_in(&arena, listener->last, &problem, &at);
    if (is(dialect_huggingface)) {
        struct str whole = json_str(json_member(last, "generated_text"), STR(""));
        if (!str_eq(whole, text_str(&heard->text)))
            wrong_tell("the whole at the end differs", "huggingface", text_str(&heard->text), whole);
    }
    if (!is(dialect_responses)) return;
    struct message_reply reply = {.choice_count = 0};
    bool error_inside = false;
    struct str whole = json_raw(json_member(last, "response"), &arena);
    if (!codec->read_reply(whole, &arena, quirks_of(STR(""), STR("")), &reply, &error_inside)) {
        wrong_tell("the whole at the end is not read", "responses", STR(""), listener->last);
        return;
    }
    struct text heard_all = text_in_arena(&arena, 256), told = text_in_arena(&arena, 256);
    for (unsigned kind = 0; kind < part_kinds; kind++)
        for (size_t i = 0; i < reply.choices[0].part_count; i++) {
            const struct message_part *part = &reply.choices[0].parts[i];
            if (part->kind != kind) continue;
            text_put(&told, part->kind == part_tool_call ? part->name : part->text);
            if (part->kind == part_tool_call) text_put(&told, part->arguments);
        }
    text_put(&heard_all, text_str(&heard->text));
    text_put(&heard_all, text_str(&heard->refusal));
    text_put(&heard_all, text_str(&heard->reasoning));
    for (unsigned i = 0; i < heard->call_count; i++) {
        text_put(&heard_all, heard->calls[i].name);
        text_put(&heard_all, heard->calls[i].arguments.len ? text_str(&heard->calls[i].arguments) : STR("{}"));
    }
    if (!str_eq(text_str(&heard_all), text_str(&told)))
        wrong_tell("the whole at the end differs", "responses", text_str(&heard_all), text_str(&told));
}

static void stream_comes_back(const struct codec *by) {
    struct script *script = take(sizeof *script);
    codec = by;
    script_make(script);
    struct str want = heard_dump(heard_in(script), script), stream = stream_say(by, script, &caller);
    struct listener listener = {by, take(by->reader_size), heard_new(), STR("")};
    stream_cut(by, stream, event_hear, &listener);
    struct str got = heard_dump(listener.heard, script);
    if (!str_eq(want, got)) wrong_tell("the stream differs", by->name.at, want, got);
    if (!script->fails) whole_check(&listener);
}

static void event_is_json(const struct sse_event *event, void *with) {
    const struct codec *by = with;
    if (!str_eq(event->data, STR("[DONE]")) && !is_json(event->data))
        wrong_tell("an event is no JSON", by->name.at, STR(""), event->data);
}

/* Events of all kinds, some in no good order. */
static void stream_of_everything(void) {
    struct script *script = take(sizeof *script);
    struct codec_caller asks = caller;
    codec = NULL;
    script_make(script);
    bool disorder = one_in(2);
    for (size_t i = script->count; disorder && i > 1; i--) {
        size_t with = below(i);
        struct message_event event = script->events[i - 1];
        script->events[i - 1] = script->events[with];
        script->events[with] = event;
    }
    asks.show_reasoning = one_in(2);
    asks.include_usage = one_in(2);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *by = codec_of((enum dialect)d);
        if (!by || !by->write_event) continue;
        stream_cut(by, stream_say(by, script, &asks), event_is_json, (void *)(uintptr_t)by);
    }
    stream_cut(&codec_completions, stream_say(&codec_completions, script, &asks), event_is_json,
               (void *)(uintptr_t)&codec_completions);
    asks.json_array = true;
    struct str array = stream_say(&codec_gemini, script, &asks);
    if (!disorder && !is_json(array)) wrong_tell("an array of events is no JSON", "gemini", STR(""), array);
}

/* -- the properties ---------------------------------------------------------------------------------------------------
 */

static bool has_request(const struct codec *by) { return by->read_request && by->write_request; }
static bool has_reply(const struct codec *by) { return by->read_reply && by->write_reply; }
static bool has_stream(const struct codec *by) { return by->read_event && by->write_event; }

/* As many cases of each dialect as of everything. */
static void property_check(const char *name, bool (*has)(const struct codec *), void (*check)(const struct codec *),
                           void (*check_everything)(void)) {
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

static void requests_come_back(void **state) {
    (void)state;
    property_check("requests", has_request, request_comes_back, request_of_everything);
}

static void replies_come_back(void **state) {
    (void)state;
    property_check("replies", has_reply, reply_comes_back, reply_of_everything);
}

static void streams_come_back(void **state) {
    (void)state;
    property_check("streams", has_stream, stream_comes_back, stream_of_everything);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests_come_back), cmocka_unit_test(replies_come_back),
                                       cmocka_unit_test(streams_come_back)};
    const char *said_seed = getenv("WEIR_SEED");
    seed = said_seed ? strtoull(said_seed, NULL, 10) : (uint64_t)time(NULL);
    print_message("WEIR_SEED=%" PRIu64 "\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
