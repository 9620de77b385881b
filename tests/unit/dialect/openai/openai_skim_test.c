/* openai_skim_test.c - usage, faults and events of every vendor, from bytes of their forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "dialect/json.h"
#include "dialect/openai/openai.h"

static struct arena arena;

static int arena_begin(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 16 << 20);
    return 0;
}

static int arena_end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static void usage_is_read_as_each_vendor_says_it(void **state) {
    static const struct {
        const char *usage;
        struct usage want;
    } table[] = {
        {"{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,\"prompt_tokens_details\":{\"cached_"
         "tokens\":4},"
         "\"completion_tokens_details\":{\"reasoning_tokens\":3}}",
         {10, 5, 4, -1, 3, -1}},
        {"{\"prompt_tokens\":361,\"completion_tokens\":26,\"total_tokens\":622,\"completion_tokens_details\":{"
         "\"reasoning_tokens\":235}}",
         {361, 261, -1, -1, 235, -1}}, /* xAI */
        {"{\"prompt_tokens\":17,\"completion_tokens\":47,\"prompt_cache_hit_tokens\":9}",
         {17, 47, 9, -1, -1, -1}}, /* DeepSeek */
        {"{\"prompt_tokens\":8,\"completion_tokens\":2,\"cost\":0.0133176}",
         {8, 2, -1, -1, -1, 13317600}}, /* OpenRouter */
        {"{\"prompt_tokens\":8,\"completion_tokens\":2,\"cost\":1.2e-05,\"cost_details\":{\"cost\":7}}",
         {8, 2, -1, -1, -1, 12000}},
        {"{\"prompt_tokens\":2,\"total_tokens\":2}", {2, -1, -1, -1, -1, -1}},
        {"{\"total_tokens\":12}", {12, -1, -1, -1, -1, -1}},
        {"{\"input_tokens\":3,\"output_tokens\":4,\"input_tokens_details\":{\"cached_tokens\":1},\"output_tokens_"
         "details\":{"
         "\"reasoning_tokens\":2}}",
         {3, 4, 1, -1, 2, -1}},
        {"{\"prompt_tokens\":null,\"completion_tokens\":\"5\",\"x\":[1,{\"prompt_tokens\":9}]}",
         {-1, -1, -1, -1, -1, -1}},
        {"{\"prompt_tokens\":-1,\"completion_tokens\":9e18,\"total_tokens\":9223372036854775807}",
         {-1, -1, -1, -1, -1, -1}},
        {"{\"prompt_tokens\":30,\"completion_tokens\":1,\"prompt_tokens_details\":{\"cache_write_tokens\":20}}",
         {30, 1, -1, 20, -1, -1}},
        /* xAI, of an empty prompt; of an answer that is all thought; where the sum is another; of no thought */
        {"{\"prompt_tokens\":0,\"completion_tokens\":3,\"total_tokens\":5,\"reasoning_tokens\":2}",
         {0, 5, -1, -1, 2, -1}},
        {"{\"prompt_tokens\":2,\"completion_tokens\":0,\"total_tokens\":7,\"reasoning_tokens\":5}",
         {2, 5, -1, -1, 5, -1}},
        {"{\"prompt_tokens\":2,\"completion_tokens\":9,\"total_tokens\":17,\"reasoning_tokens\":5}",
         {2, 9, -1, -1, 5, -1}},
        {"{\"prompt_tokens\":2,\"completion_tokens\":9,\"total_tokens\":11,\"reasoning_tokens\":0}",
         {2, 9, -1, -1, 0, -1}},
        {"{\"completion_tokens\":4,\"total_tokens\":12}", {-1, 4, -1, -1, -1, -1}}, /* the rest is not guessed */
        {"{\"total_tokens\":0}", {0, -1, -1, -1, -1, -1}},
        {"{\"total_tokens\":1000000000000000}", {-1, -1, -1, -1, -1, -1}},
        {"null", {-1, -1, -1, -1, -1, -1}},
        {"[]", {-1, -1, -1, -1, -1, -1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool is_error;
        struct usage whole = USAGE_NONE, event = USAGE_NONE;
        struct str body = arena_printf(
            &arena, "{\"choices\":[],\"usage\":%s,\"z\":[{\"usage\":{\"prompt_tokens\":1}}]}", table[i].usage);
        assert_true(openai_skim_reply(body, &whole, &is_error));
        assert_false(is_error);
        if (memcmp(&whole, &table[i].want, sizeof whole) != 0)
            fail_msg("%s: %lld %lld %lld %lld %lld", table[i].usage, (long long)whole.input_tokens,
                     (long long)whole.output_tokens, (long long)whole.cached_input_tokens,
                     (long long)whole.reasoning_tokens, (long long)whole.cost_nano_usd);
        openai_skim_event(STR(""), body, &event);
        assert_memory_equal(&event, &table[i].want, sizeof event);
    }
}

static void what_is_billed_by_the_piece_is_counted(void **state) {
    static const struct {
        const char *body;
        enum meter_count count;
        uint32_t value;
    } table[] = {
        {"{\"text\":\"x\",\"usage\":{\"type\":\"duration\",\"seconds\":12.3456}}", meter_milliseconds, 12346},
        {"{\"created\":1,\"data\":[{\"b64_json\":\"eA==\"},{\"url\":\"https://h/x\"}]}", meter_images, 2},
        {"{\"object\":\"list\",\"data\":[{\"embedding\":[1,2]}],\"usage\":{\"prompt_tokens\":1}}", meter_images, 0},
        {"{\"results\":[],\"meta\":{\"billed_units\":{\"search_units\":3}}}", meter_queries, 3},
        {"{\"pages\":[],\"usage_info\":{\"pages_processed\":29,\"doc_size_bytes\":1}}", meter_pages, 29},
        {"{\"usage_info\":{\"pages_processed\":-1}}", meter_pages, 0},
        {"{\"usage\":{\"server_tool_use\":{\"web_search_requests\":5000000000}}}", meter_searches, UINT32_MAX},
        {"{\"usage\":{\"prompt_tokens_details\":{\"cached_tokens_details\":{\"image_tokens\":7}}}}", meter_image_cached,
         7},
        {"{\"usage\":{\"input_token_details\":{\"audio_tokens\":7}}}", meter_audio_input, 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct usage usage = USAGE_NONE;
        struct meter meter = {.said = false};
        bool is_error;
        usage.meter = &meter;
        assert_true(openai_skim_reply(str_from(table[i].body), &usage, &is_error));
        if (meter.count[table[i].count] != table[i].value)
            fail_msg("%s: %u", table[i].body, meter.count[table[i].count]);
        assert_int_equal(meter.said, table[i].value != 0);
    }
}

static void a_fault_with_status_200_is_an_error(void **state) {
    static const struct {
        const char *body;
        bool json, error;
    } table[] = {
        {"{\"choices\":[{\"message\":{\"content\":\"x\",\"error\":{}},\"finish_reason\":\"stop\"}],\"error\":null}",
         true, false},
        {"{\"error\":{\"message\":\"no\"}}", true, true},
        {"{\"error\":\"no\"}", true, true},
        {"{\"error\":{}}", true, false},
        {"{\"error\":\"\"}", true, false},
        {"{\"choices\":[{\"error\":{\"code\":502,\"message\":\"x\"}}]}", true, true},
        {"{\"choices\":[{\"finish_reason\":\"error\"}]}", true, true},
        {"{\"object\":\"error\",\"message\":\"x\"}", true, true},
        {"{\"data\":[{\"embedding\":[1,2,3]}]}", true, false},
        {"[]", false, false},
        {"", false, false},
        {"<html>", false, false},
        {"{\"choices\":[", false, false},
        {"{\"choices\":[]} x", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct usage usage = USAGE_NONE;
        bool error = false;
        bool json = openai_skim_reply(str_from(table[i].body), &usage, &error);
        if (json != table[i].json || (json && error != table[i].error)) fail_msg("%s", table[i].body);
    }
}

static void errors_say_what_every_vendor_says(void **state) {
    static const struct {
        const char *body, *message, *type, *code, *param;
    } table[] = {
        {"{\"error\":{\"message\":\"a \\u003ckey\\u003e\",\"type\":\"t\",\"code\":\"c\",\"param\":\"p\"}}", "a <key>",
         "t", "c", "p"},
        {"{\"error\":{\"code\":429,\"message\":\"m\",\"metadata\":{\"raw\":\"r\",\"message\":\"no\"}},\"user_id\":"
         "\"u\"}",
         "m", "", "429", ""},
        {"{\"code\":\"invalid-argument\",\"error\":\"text\"}", "text", "", "invalid-argument", ""},
        {"{\"detail\":\"Invalid API Key\"}", "Invalid API Key", "", "", ""},
        {"{\"detail\":[{\"loc\":[\"body\",\"model\"],\"msg\":\"field required\",\"type\":\"missing\"}]}",
         "field required", "missing", "", ""},
        {"{\"object\":\"error\",\"message\":\"m\",\"type\":\"t\",\"code\":3000}", "m", "t", "3000", ""},
        {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"},\"request_id\":\"r\"}", "m",
         "overloaded_error", "", ""},
        {"[{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\"}}]", "m", "", "400", ""},
        {"{\"success\":false,\"errors\":[{\"code\":7003,\"message\":\"m\"},{\"code\":1,\"message\":\"n\"}],"
         "\"messages\":[]}",
         "m", "", "7003", ""},
        {"{\"id\":\"x\",\"choices\":[{\"index\":0,\"error\":{\"code\":502,\"message\":\"m\"}}]}", "m", "", "502", ""},
        {"{\"error\":{\"message\":null,\"type\":null}}", "", "", "", ""},
        {"\"just text\"", "just text", "", "", ""},
        {"  upstream connect error\nreset", "upstream connect error", "", "", ""},
        {"<html>\n<head><title> 502 Bad Gateway </title>", "502 Bad Gateway", "", "", ""},
        {"", "", "", "", ""},
        {"\xff\xfe", "", "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct openai_error error;
        openai_skim_error(str_from(table[i].body), &arena, &error);
        if (!str_eq(error.message, str_from(table[i].message)) || !str_eq(error.type, str_from(table[i].type)) ||
            !str_eq(error.code, str_from(table[i].code)) || !str_eq(error.param, str_from(table[i].param)))
            fail_msg("%s: %.*s|%.*s|%.*s|%.*s", table[i].body, STR_ARG(error.message), STR_ARG(error.type),
                     STR_ARG(error.code), STR_ARG(error.param));
    }
}

static void a_long_message_is_cut_between_characters(void **state) {
    struct text text = text_in_arena(&arena, 8192);
    struct openai_error error;
    (void)state;
    text_put(&text, STR("{\"message\":\"a"));
    for (int i = 0; i < 1000; i++) text_put(&text, STR("\xc3\xa9"));
    text_put(&text, STR("\"}"));
    openai_skim_error(text_str(&text), &arena, &error);
    assert_int_equal(error.message.len, 1023);
    assert_true(str_is_utf8(error.message));
}

#define CHOICE(delta, finish) "{\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}"

static void events_are_told_apart(void **state) {
    static const struct {
        const char *event, *data;
        enum openai_event_kind kind;
    } table[] = {
        {"", "[DONE]", openai_event_done},
        {"", " [DONE] ", openai_event_done},
        {"", CHOICE("{\"role\":\"assistant\",\"content\":\"\"}", "null"), openai_event_empty},
        {"", CHOICE("{\"role\":\"assistant\",\"content\":null}", "null"), openai_event_empty},
        {"", CHOICE("{\"content\":\"\",\"tool_calls\":[],\"audio\":{}}", "\"\""), openai_event_empty},
        {"", CHOICE("{\"content\":\"x\"}", "null"), openai_event_token},
        {"", CHOICE("{\"content\":null,\"reasoning_content\":\"x\"}", "null"), openai_event_token},
        {"", CHOICE("{\"reasoning\":\"x\"}", "null"), openai_event_token},
        {"", CHOICE("{\"reasoning_details\":[{}]}", "null"), openai_event_token},
        {"", CHOICE("{\"tool_calls\":[{\"index\":0}]}", "null"), openai_event_token},
        {"", CHOICE("{\"content\":[{\"type\":\"thinking\",\"thinking\":[]}]}", "null"), openai_event_token},
        {"", CHOICE("{\"refusal\":\"x\"}", "null"), openai_event_token},
        {"", CHOICE("{\"content\":\"x\"}", "\"stop\""), openai_event_finish},
        {"", CHOICE("{}", "\"error\""), openai_event_error},
        {"", CHOICE("{}", "\"insufficient_system_resource\""), openai_event_error},
        {"", "{\"choices\":[{\"text\":\"x\",\"finish_reason\":null}]}", openai_event_token},
        {"", "{\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}", openai_event_finish},
        {"", "{\"choices\":[]}", openai_event_empty},
        {"", "{\"choices\":[],\"usage\":null}", openai_event_empty},
        {"", "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}", openai_event_usage},
        {"", "{\"choices\":[],\"x_groq\":{\"error\":\"over capacity\"}}", openai_event_error},
        {"", "{\"error\":{\"message\":\"x\"}}", openai_event_error},
        {"", "{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", openai_event_token},
        {"", "{\"choices\":[{\"delta\":{\"content\":\"\"},\"error\":{\"code\":502}}]}", openai_event_error},
        {"", "{\"object\":\"error\",\"message\":\"x\"}", openai_event_error},
        {"error", "{\"message\":\"x\"}", openai_event_error},
        {"ping", "{}", openai_event_empty},
        {"", "", openai_event_empty},
        {"", "[]", openai_event_malformed},
        {"", "\"x\"", openai_event_malformed},
        {"", "{\"choices\":[{\"delta\":{\"content\":\"x", openai_event_malformed},
        {"", "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]", openai_event_malformed},
        {"", "{\"choices\":[{\"logprobs\":[}]}", openai_event_malformed},
        {"image_generation.partial_image", "{\"type\":\"image_generation.partial_image\"}", openai_event_token},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct usage usage = USAGE_NONE;
        enum openai_event_kind kind = openai_skim_event(str_from(table[i].event), str_from(table[i].data), &usage);
        if (kind != table[i].kind) fail_msg("%s: %d, not %d", table[i].data, (int)kind, (int)table[i].kind);
    }
}

static void usage_is_found_where_vendors_put_it_in_a_stream(void **state) {
    static const char *const events[] = {
        "{\"choices\":[],\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}}",
        "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":"
        "4}}",
        "{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4},\"choices\":[]}",
        "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}"
        "}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct usage usage = USAGE_NONE;
        openai_skim_event(STR(""), str_from(events[i]), &usage);
        if (usage.input_tokens != 3 || usage.output_tokens != 4) fail_msg("%s", events[i]);
    }
}

/* Else each of them is read from its first byte to its last, which nobody would notice but who pays for it. */
static void a_shape_is_kept_where_nothing_but_the_text_can_differ(void **state) {
    static const struct {
        const char *event;
        bool kept;
    } rows[] = {
        {"{\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}", true},
        {"{\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":{\"prompt_tokens\":3}}", false},
        {"{\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}", false},
        {"{\"choices\":[]}", false},
    };
    struct openai_event_shape shape = {.before_len = 0};
    struct usage usage = USAGE_NONE;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        shape.before_len = 0;
        openai_skim_event_alike(&shape, STR(""), str_from(rows[i].event), &usage);
        if ((shape.before_len > 0) != rows[i].kept) fail_msg("%s", rows[i].event);
    }
    char event[sizeof shape.around + 128];
    for (size_t over = 0; over < 2; over++) { /* what stands around it fits to the byte, and then no more */
        static const char rest[] = "\",\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}";
        size_t filler = sizeof shape.around + over - 7 - (sizeof rest - 1 - 2);
        memcpy(event, "{\"id\":\"", 7);
        memset(event + 7, 'x', filler);
        memcpy(event + 7 + filler, rest, sizeof rest);
        shape.before_len = 0;
        openai_skim_event_alike(&shape, STR(""), str_from(event), &usage);
        assert_true((shape.before_len > 0) == !over);
    }
}

/* Each pair in one stream: whatever the first one taught, the second is read as if it stood alone. */
static void an_event_alike_means_what_it_means_alone(void **state) {
    static const char *const texts[] = {"a",    "",
                                        "\\n",  "\\",
                                        "\"",   "\\u00",
                                        "\x01", "\xe4\xb8\xad",
                                        "\xff", "x\",\"y\":\"z",
                                        "},{",  "a much longer text than the others, of several words"};
    static const char *const forms[] = {
        "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":null}]}",
        "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":\"stop\"}]}",
        "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"%s\"},\"finish_reason\":null}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"%s\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}",
        "{\"choices\":[{\"delta\":{\"reasoning\":\"r\",\"content\":\"%s\"}}],\"error\":null}",
    };
    enum { text_count = sizeof texts / sizeof *texts, form_count = sizeof forms / sizeof *forms };
    char events[text_count * form_count][256];
    size_t count = 0, tokens = 0;
    (void)state;
    for (size_t i = 0; i < form_count; i++)
        for (size_t j = 0; j < text_count; j++) {
            const char *hole = strstr(forms[i], "%s");
            snprintf(events[count++], sizeof events[0], "%.*s%s%s", (int)(hole - forms[i]), forms[i], texts[j],
                     hole + 2);
        }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            struct openai_event_shape shape = {.before_len = 0};
            struct usage alone = USAGE_NONE, alike = USAGE_NONE, first = USAGE_NONE;
            openai_skim_event_alike(&shape, STR(""), str_from(events[i]), &first);
            enum openai_event_kind kind = openai_skim_event_alike(&shape, STR(""), str_from(events[j]), &alike);
            if (kind != openai_skim_event(STR(""), str_from(events[j]), &alone))
                fail_msg("%s, %s", events[i], events[j]);
            assert_memory_equal(&alone, &alike, sizeof alone);
            tokens += kind == openai_event_token;
        }
    assert_true(tokens > count);
}

static void each_choice_that_ends_is_counted(void **state) {
    static const struct {
        const char *data;
        unsigned count;
    } cases[] = {
        {"{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}", 1},
        {"{\"choices\":[{\"finish_reason\":\"stop\"},{\"finish_reason\":\"length\"}]}", 2},
        {"{\"choices\":[{\"finish_reason\":null},{\"finish_reason\":\"length\"}]}", 1},
        {"{\"choices\":[{\"delta\":{\"finish_reason\":\"stop\"}}],\"x\":{\"finish_reason\":\"stop\"}}", 0},
        {"{\"choices\":[]}", 0},
        {"{\"choices\":[{\"finish_reason\":\"stop\"}", 1}, /* it breaks off */
        {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (openai_skim_finishes(str_from(cases[i].data)) != cases[i].count) fail_msg("%s", cases[i].data);
}

static void which_choices_have_ended_is_told(void **state) {
    static const struct {
        const char *data;
        uint64_t finished;
    } cases[] = {
        {"{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}", 1},
        {"{\"choices\":[{\"finish_reason\":\"stop\",\"index\":2},{\"index\":63,\"finish_reason\":\"length\"}]}",
         4 | UINT64_C(1) << 63},
        {"{\"choices\":[{\"index\":1,\"finish_reason\":null},{\"finish_reason\":\"length\"}]}", 1},
        {"{\"choices\":[{\"index\":64,\"finish_reason\":\"stop\"},{\"index\":-1,\"finish_reason\":\"stop\"}]}", 0},
        {"{\"choices\":[{\"index\":1,\"delta\":{\"index\":5,\"finish_reason\":\"stop\"}}]}", 0},
        {"{\"x\":[{\"index\":1,\"finish_reason\":\"stop\"}]}", 0},

        {"{\"choices\":[{\"index\":1,\"finish_reason\":\"stop\"", 0}, /* it breaks off */
        {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t finished = 0;
        openai_skim_finished(str_from(cases[i].data), &finished);
        if (finished != cases[i].finished) fail_msg("%s: %llx", cases[i].data, (unsigned long long)finished);
    }
}

static void what_a_chunk_adds_is_its_first_words_or_a_call(void **state) {
    static const struct {
        const char *data, *content;
        bool calls;
    } cases[] = {
        {"{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\\nb\"}}]}", "a\nb", false},
        {"{\"choices\":[{\"delta\":{\"content\":null,\"tool_calls\":[{\"index\":0}]}}]}", "", true},
        {"{\"choices\":[{\"delta\":{\"content\":\"a\",\"tool_calls\":[]}}]}", "a", true},
        {"{\"choices\":[{\"delta\":{\"tool_calls\":null}}]}", "", false},
        {"{\"choices\":[{\"tool_calls\":[{}],\"delta\":{}}]}", "", false},
        {"{\"choices\":[{\"message\":{\"content\":\"a\",\"tool_calls\":[]}}]}", "", false},
        {"{\"other\":[{\"delta\":{\"content\":\"a\",\"tool_calls\":[]}}],\"choices\":[]}", "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct openai_delta delta;
        assert_true(openai_skim_delta(str_from(cases[i].data), &arena, &delta));
        if (!str_eq(delta.content, str_from(cases[i].content)) || delta.calls != cases[i].calls)
            fail_msg("%s: `%.*s`, %d", cases[i].data, STR_ARG(delta.content), delta.calls);
        assert_int_equal(str_eq(delta.id, STR("\"c\"")), i == 0);
    }
}

/* Half of a pair, no JSON, no room for what is escaped: nothing that a stream could be continued by. */
static void a_chunk_that_cannot_be_read_adds_nothing(void **state) {
    static const char escaped[] = "{\"choices\":[{\"delta\":{\"content\":\"a\\nb\"}}]}";
    struct openai_delta delta;
    struct arena none;
    (void)state;
    arena_init(&none, 64, 0);
    assert_true(openai_skim_delta(str_from(escaped), &arena, &delta));
    assert_false(openai_skim_delta(str_from(escaped), &none, &delta));
    assert_false(openai_skim_delta(STR("{\"choices\":[{\"delta\":{\"content\":\"\\ud83d\"}}]}"), &arena, &delta));
    assert_false(openai_skim_delta(STR("{\"choices\":["), &arena, &delta));
}

static void our_own_errors_are_json(void **state) {
    struct text text = text_in_arena(&arena, 64);
    const char *problem;
    size_t at;
    (void)state;
    openai_write_error(&text, &(struct message_error){.code = error_rate_limited,
                                                      .message = STR("say \"please\""),
                                                      .param = STR("model"),
                                                      .request_id = STR("req-1"),
                                                      .retry_after_ms = 1500,
                                                      .attempts = 2});
    struct json *json = json_parse(text_str(&text), &problem, &at);
    assert_non_null(json);
    const struct json_value *error = json_member(json_root(json), "error"), *weir = json_member(error, "weir");
    assert_true(str_eq(json_str(json_member(error, "message"), STR("")), STR("say \"please\"")));
    assert_true(str_eq(json_str(json_member(error, "param"), STR("")), STR("model")));
    assert_true(str_eq(json_str(json_member(error, "code"), STR("")), STR("rate_limited")));
    assert_int_equal(json_i64(json_member(weir, "retry_after_ms"), -1), 1500);
    assert_int_equal(json_i64(json_member(weir, "attempts"), -1), 2);
    json_free(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_is_read_as_each_vendor_says_it),
        cmocka_unit_test(what_is_billed_by_the_piece_is_counted),
        cmocka_unit_test(a_fault_with_status_200_is_an_error),
        cmocka_unit_test(errors_say_what_every_vendor_says),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(events_are_told_apart),
        cmocka_unit_test(usage_is_found_where_vendors_put_it_in_a_stream),
        cmocka_unit_test(a_shape_is_kept_where_nothing_but_the_text_can_differ),
        cmocka_unit_test(an_event_alike_means_what_it_means_alone),
        cmocka_unit_test(each_choice_that_ends_is_counted),
        cmocka_unit_test(which_choices_have_ended_is_told),
        cmocka_unit_test(what_a_chunk_adds_is_its_first_words_or_a_call),
        cmocka_unit_test(a_chunk_that_cannot_be_read_adds_nothing),
        cmocka_unit_test(our_own_errors_are_json),
    };
    return cmocka_run_group_tests(tests, arena_begin, arena_end);
}
