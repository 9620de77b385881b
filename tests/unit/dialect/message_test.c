/* message_test.c - what a request asks for, bit by bit; how many tokens it is guessed to have; data URIs and ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/message.h"

/* A request with one message of one part and one tool, all of it plain. */
struct sample {
    struct message_request request;
    struct message message;
    struct message_part part, inner;
    struct message_tool tool;
};

static void sample_init(struct sample *sample) {
    *sample = (struct sample){.part = {.kind = part_text, .text = STR("x")}, .inner = {.kind = part_text}};
    message_request_init(&sample->request, dialect_openai);
    sample->message = (struct message){.role = message_user, .parts = &sample->part, .part_count = 1};
    sample->request.messages = &sample->message;
    sample->request.message_count = 1;
}

static void with_tool(struct sample *sample, struct message_tool tool) {
    sample->tool = tool;
    sample->request.tools = &sample->tool;
    sample->request.tool_count = 1;
}

static void with_result(struct sample *sample, struct message_part inner) {
    sample->inner = inner;
    sample->part = (struct message_part){.kind = part_tool_result, .parts = &sample->inner, .part_count = 1};
}

#define IMAGE ((struct message_part){.kind = part_image})
#define URL ((struct message_media){.url = STR("http://x/")})
#define FILE_ID ((struct message_media){.file_id = STR("f")})

/* ASKS(set, bits): after `set` on a sample `s`, exactly these bits are asked of an Anthropic provider. */
#define ASKS(set, ...)                                                                     \
    do {                                                                                   \
        struct sample s;                                                                   \
        sample_init(&s);                                                                   \
        set;                                                                               \
        uint64_t asked = message_features(&s.request, dialect_anthropic);                  \
        if (asked != (__VA_ARGS__)) fail_msg("%s: %llx", #set, (unsigned long long)asked); \
    } while (0)
#define BIT(name) FEATURE_BIT(name)

static void each_member_asks_for_its_own_feature(void **state) {
    struct str stop = STR("x");
    struct message_extra extra = {.name = STR("x")};
    (void)state;
    ASKS((void)0, 0);
    ASKS(s.request.temperature = 0, BIT(temperature));
    ASKS(s.request.top_p = 0, BIT(top_p));
    ASKS(s.request.top_k = 0, BIT(top_k));
    ASKS(s.request.min_p = 0, BIT(min_p));
    ASKS(s.request.frequency_penalty = 0, BIT(frequency_penalty));
    ASKS(s.request.presence_penalty = 0, BIT(presence_penalty));
    ASKS(s.request.repetition_penalty = 0, BIT(repetition_penalty));
    ASKS(s.request.seed = 0, BIT(seed));
    ASKS(s.request.n = 1, 0);
    ASKS(s.request.n = 2, BIT(n));
    ASKS((s.request.stop = &stop, s.request.stop_count = 1), BIT(stop));
    ASKS(s.request.logprobs = flag_true, BIT(logprobs));
    ASKS(s.request.logprobs = flag_false, 0);
    ASKS(s.request.logit_bias = STR("{}"), BIT(logit_bias));
    ASKS(s.request.format = format_json, BIT(json_object));
    ASKS(s.request.format = format_schema, BIT(json_schema));
    ASKS(s.request.effort = effort_unset + 1, BIT(reasoning_effort));
    ASKS(s.request.reasoning_tokens = 0, BIT(reasoning_effort));
    ASKS(s.request.prompt_cache_key = STR("k"), BIT(prompt_cache_key));
    ASKS(s.request.user = STR("u"), BIT(user));
    ASKS(s.request.metadata = STR("{}"), BIT(metadata));
    ASKS(s.request.service_tier = STR("t"), BIT(service_tier));
    ASKS(s.request.verbosity = STR("v"), BIT(verbosity));
    ASKS(s.request.store = flag_true, BIT(store));
    ASKS(s.request.store = flag_false, 0);
    ASKS(s.request.modalities = STR("[]"), BIT(modalities));
    ASKS(s.request.audio = STR("{}"), BIT(modalities));
    ASKS(s.request.prediction = STR("{}"), BIT(prediction));
    ASKS(s.request.safety = STR("[]"), BIT(safety_settings));
    ASKS(s.request.echo = true, BIT(echo));
    ASKS(s.request.suffix = STR("x"), BIT(suffix));
    ASKS((s.request.extras = &extra, s.request.extra_count = 1), BIT(extra));
    ASKS((s.request.extras = &extra, s.request.extra_count = 1, s.request.from = dialect_anthropic), 0);
    ASKS(s.message.name = STR("bob"), BIT(message_name));
}

static void tools_ask_for_what_they_are(void **state) {
    (void)state;
    ASKS(with_tool(&s, (struct message_tool){.name = STR("t")}), BIT(tools));
    ASKS(with_tool(&s, (struct message_tool){.name = STR("t"), .cache_mark = true}), BIT(tools) | BIT(cache_control));
    ASKS(with_tool(&s, (struct message_tool){.raw = STR("{}"), .of = dialect_openai}), BIT(server_tools));
    ASKS(with_tool(&s, (struct message_tool){.raw = STR("{}"), .of = dialect_anthropic}), 0);
    ASKS(s.request.tool_choice = tools_required, BIT(tool_choice));
    ASKS(s.request.tool_choice = tools_named, BIT(tool_choice));
    ASKS(s.request.tool_choice = tools_required - 1, 0);
    ASKS(s.request.parallel_tool_calls = flag_false, BIT(parallel_tool_calls));
    ASKS(s.request.parallel_tool_calls = flag_true, 0);
}

static void parts_ask_for_what_they_hold(void **state) {
    (void)state;
    ASKS(s.part.cache_mark = true, BIT(cache_control));
    ASKS(s.part.wants_citations = true, BIT(citations));
    ASKS(s.part.kind = part_refusal, 0);
    ASKS(s.part.kind = part_tool_call, 0);
    ASKS(s.part.kind = part_reasoning, BIT(reasoning_history));
    ASKS(s.part.kind = part_image, BIT(image));
    ASKS((s.part = IMAGE, s.part.media = URL), BIT(image) | BIT(image_url));
    ASKS((s.part = IMAGE, s.part.media = FILE_ID), BIT(image) | BIT(file_id));
    ASKS(s.part.kind = part_audio, BIT(audio));
    ASKS((s.part.kind = part_audio, s.part.media = URL), BIT(audio));
    ASKS(s.part.kind = part_document, BIT(document));
    ASKS((s.part.kind = part_document, s.part.media = URL), BIT(document) | BIT(document_url));
    ASKS((s.part.kind = part_foreign, s.part.of = dialect_anthropic), 0);
    ASKS((s.part.kind = part_foreign, s.part.of = dialect_openai), BIT(foreign));
    ASKS(with_result(&s, (struct message_part){.kind = part_text}), 0);
    ASKS((with_result(&s, (struct message_part){.kind = part_text}), s.part.is_error = true), BIT(tool_result_error));
    ASKS(with_result(&s, IMAGE), BIT(image) | BIT(tool_result_media));
}

/* A file's id is known where it was uploaded: in its own dialect, and documents between OpenAI's two. */
static void a_files_id_is_known_to_its_own_vendor(void **state) {
    static const struct {
        enum dialect from, to;
        enum part_kind kind;
        bool is_known;
    } rows[] = {
        {dialect_anthropic, dialect_anthropic, part_image, true},
        {dialect_anthropic, dialect_openai, part_document, false},
        {dialect_responses, dialect_openai, part_document, true},
        {dialect_responses, dialect_openai, part_image, false},
        {dialect_openai, dialect_responses, part_document, true},
        {dialect_openai, dialect_responses, part_image, false},
        {dialect_responses, dialect_responses, part_image, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample s;
        sample_init(&s);
        s.request.from = rows[i].from;
        s.part = (struct message_part){.kind = rows[i].kind, .media = FILE_ID};
        bool asks = (message_features(&s.request, rows[i].to) & BIT(file_id)) != 0;
        if (asks == rows[i].is_known) fail_msg("row %zu", i);
    }
}

/* Else a caller's messages times the targets of a route is what one request costs. */
static void messages_are_looked_through_once_for_each_dialect(void **state) {
    struct message_seen seen = {.looked = 0};
    struct sample s;
    (void)state;
    sample_init(&s);
    s.request.from = dialect_openai;
    s.request.seen = &seen;
    s.part = (struct message_part){.kind = part_text, .text = STR("x")};
    uint64_t before = message_features(&s.request, dialect_anthropic);
    s.part = (struct message_part){.kind = part_image, .media = FILE_ID};
    assert_true(message_features(&s.request, dialect_anthropic) == before); /* not looked at again */
    assert_true(message_features(&s.request, dialect_gemini) != before);
    seen.looked = 0;
    assert_true(message_features(&s.request, dialect_anthropic) != before);
    s.request.seen = NULL;
    s.part = (struct message_part){.kind = part_text, .text = STR("x")};
    assert_true(message_features(&s.request, dialect_anthropic) == before);
}

/* Whoever of the two says something, and nobody else does. */
static void a_request_may_be_of_system_alone(void **state) {
    (void)state;
    static const enum message_role roles[] = {message_system, message_developer, message_user, message_assistant};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        struct sample sample;
        sample_init(&sample);
        sample.message.role = roles[i];
        assert_int_equal(message_is_of_system_alone(&sample.request), i < 2);
        sample.part.text = STR("");
        assert_false(message_is_of_system_alone(&sample.request));
    }
}

static void every_feature_has_its_name(void **state) {
    (void)state;
    assert_true(features <= 64); /* a bit each */
    for (int i = 0; i < features; i++) {
        assert_true(feature_name(i).len > 0);
        for (int k = 0; k < i; k++) assert_false(str_eq(feature_name(i), feature_name(k)));
    }
    assert_true(str_eq(feature_name(feature_image_url), STR("image_url")));
}

static void embeddings_ask_for_what_they_say(void **state) {
    struct embed_request plain = {.dimensions = MESSAGE_NO_INT}, request = plain;
    (void)state;
    assert_int_equal(embed_asked(&plain), 0);
    request.dimensions = 0;
    assert_int_equal(embed_asked(&request), 1u << embed_dimensions);
    request = plain, request.raw_inputs = STR("[1]");
    assert_int_equal(embed_asked(&request), 1u << embed_tokens);
    request = plain, request.task = STR("t");
    assert_int_equal(embed_asked(&request), 1u << embed_task);
    request = plain, request.title = STR("t");
    assert_int_equal(embed_asked(&request), 1u << embed_task);
    request = plain, request.user = STR("u");
    assert_int_equal(embed_asked(&request), 1u << embed_user);
    for (int i = 0; i < embed_features; i++) assert_true(embed_feature_name(i).len > 0);
}

/* Four bytes a token, 12 more for a message and 4 for a part, 4,000 for an image, rounded up. */
static void tokens_are_guessed_by_what_is_said(void **state) {
    (void)state;
    struct sample s;
    sample_init(&s);
    s.part.text = STR("");
    assert_int_equal(message_tokens(&s.request), 4);
    s.part.text = STR("x");
    assert_int_equal(message_tokens(&s.request), 5);
    s.part.text = STR("12345");
    assert_int_equal(message_tokens(&s.request), 6);
    s.part.arguments = STR("1234"), s.part.name = STR("1234"), s.part.title = STR("1234");
    assert_int_equal(message_tokens(&s.request), 9);
    s.request.schema = STR("1234");
    assert_int_equal(message_tokens(&s.request), 10);
    with_tool(&s, (struct message_tool){.name = STR("1234"), .description = STR("1234"), .parameters = STR("1234")});
    assert_int_equal(message_tokens(&s.request), 13);
    sample_init(&s);
    s.part = IMAGE;
    assert_int_equal(message_tokens(&s.request), 1004);
    with_result(&s, IMAGE);
    assert_int_equal(message_tokens(&s.request), 1005);
    s.part = (struct message_part){.kind = part_document, .media = {.data = STR("1234567812345678")}};
    assert_int_equal(message_tokens(&s.request), 6);
    s.part.kind = part_text; /* of others the bytes beside the text are not looked at */
    assert_int_equal(message_tokens(&s.request), 4);
}

static void data_uris_are_taken_apart(void **state) {
    static const struct {
        const char *uri, *mime, *data;
    } rows[] = {
        {"data:image/png;base64,AAAA", "image/png", "AAAA"},
        {"DATA:image/png;base64,AAAA", "image/png", "AAAA"},
        {"data:text/plain;charset=utf-8;base64,AA,A", "text/plain", "AA,A"},
        {"data:;base64,", "", ""},
        {"data:image/png,AAAA", NULL, NULL},
        {"data:image/png;base64", NULL, NULL},
        {"http://x/;base64,AAAA", NULL, NULL},
        {"", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message_media media = {.mime = STR_NONE};
        bool taken = message_data_uri(str_from(rows[i].uri), &media);
        if (taken != (rows[i].mime != NULL)) fail_msg("%s", rows[i].uri);
        if (!taken) continue;
        assert_true(str_eq(media.mime, str_from(rows[i].mime)) && str_eq(media.data, str_from(rows[i].data)));
    }
}

static void ids_are_of_24_letters_and_follow_from_their_seed(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    struct str one = message_make_id(&arena, STR("call_"), 1), again = message_make_id(&arena, STR("call_"), 1),
               other = message_make_id(&arena, STR("call_"), 2);
    assert_true(one.len == 29 && str_starts(one, STR("call_")) && str_eq(one, again) && !str_eq(one, other));
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct str id = message_make_id(&arena, STR(""), seed);
        for (size_t i = 0; i < id.len; i++) {
            char c = id.at[i];
            assert_true((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
        }
    }
    arena_free(&arena);
}

static void a_whole_reply_is_told_as_events(void **state) {
    static const enum message_event_kind wanted[] = {
        message_event_begin,     message_event_reasoning, message_event_signature, message_event_text,
        message_event_citation,  message_event_tool,      message_event_arguments, message_event_tool,
        message_event_arguments, message_event_finish,    message_event_finish,    message_event_usage,
        message_event_end};
    struct message_citation citation = {.url = STR("https://e.org")};
    struct message_part parts[] = {{.kind = part_reasoning, .text = STR("hm"), .signature = STR("s")},
                                   {.kind = part_text, .text = STR("hi"), .citations = &citation, .citation_count = 1},
                                   {.kind = part_text, .text = STR("")},
                                   {.kind = part_foreign, .raw = STR("{}")},
                                   {.kind = part_tool_call, .name = STR("f"), .arguments = STR("{}")},
                                   {.kind = part_tool_call, .name = STR("g"), .arguments = STR("{\"a\":1}")}};
    struct message_choice choices[] = {{.parts = parts, .part_count = 6, .finish = finish_tool_calls},
                                       {.finish = finish_stop}};
    struct message_reply reply = {.id = STR("i"), .choices = choices, .choice_count = 2, .usage = {.output_tokens = 7}};
    struct arena arena;
    (void)state;
    arena_init(&arena, 1024, 1024 * 1024);
    struct message_events events = {.arena = &arena};
    message_reply_events(&reply, &events);
    assert_int_equal(events.count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < events.count; i++) assert_int_equal(events.list[i].kind, wanted[i]);
    assert_true(str_eq(events.list[7].name, STR("g")) && events.list[7].tool == 1 && events.list[8].tool == 1);
    assert_true(str_eq(events.list[8].text, STR("{\"a\":1}")) && events.list[9].finish == finish_tool_calls);
    assert_true(events.list[10].choice == 1 && events.list[11].usage.output_tokens == 7);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_asks_for_its_own_feature),
        cmocka_unit_test(tools_ask_for_what_they_are),
        cmocka_unit_test(parts_ask_for_what_they_hold),
        cmocka_unit_test(a_files_id_is_known_to_its_own_vendor),
        cmocka_unit_test(messages_are_looked_through_once_for_each_dialect),
        cmocka_unit_test(a_request_may_be_of_system_alone),
        cmocka_unit_test(every_feature_has_its_name),
        cmocka_unit_test(embeddings_ask_for_what_they_say),
        cmocka_unit_test(tokens_are_guessed_by_what_is_said),
        cmocka_unit_test(data_uris_are_taken_apart),
        cmocka_unit_test(ids_are_of_24_letters_and_follow_from_their_seed),
        cmocka_unit_test(a_whole_reply_is_told_as_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
