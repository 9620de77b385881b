/* flight_translate_test.c - from one dialect to another: what is written anew, whose terminator it is, and what becomes
 * of errors. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  a: {type: anthropic, api_key: sk-secret-secret-secret, models: [n]}\n"
                           "  g: {type: gemini, api_key: sk-secret-secret-secret, models: [k]}\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n";

#define GEMINI(text, finish)                                                                                 \
    "data: {\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"" text "\"}" \
    "]}" finish "}]}\n\n"

static struct flight *streaming(struct flight_world *world, const char *model_body) {
    flight_world_begin(world, yaml);
    struct flight *flight = flight_world_ask(world, model_body);
    assert_ptr_equal(flight->live->way, &way_translate);
    flight_world_head(world, flight, 0, 200, "text/event-stream");
    return flight;
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static void a_dialect_without_a_terminator_gets_the_callers(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world, FLIGHT_CHAT("k", "true"));
    flight_world_body(&world, flight, 0, GEMINI("hi", ",\"finishReason\":\"STOP\""));
    assert_true(flight_world_wrote(&world, "\"content\":\"hi\""));
    assert_false(flight_world_wrote(&world, "[DONE]"));
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_true(str_ends(flight_world_written(&world), STR("data: [DONE]\n\n")));
    assert_int_equal(flight->attempts[0]->failure, failure_none);
    assert_int_equal(flight_world_asked(&world, action_settled), 1);
    assert_int_equal(flight_world_asked(&world, action_closed), 1);
    end(&world, flight);
}

static void a_stream_that_breaks_gets_none(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world, FLIGHT_CHAT("k", "true"));
    flight_world_body(&world, flight, 0, GEMINI("hi", ""));
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_false(flight_world_wrote(&world, "[DONE]"));
    assert_true(flight_world_wrote(&world, "The stream broke before its end"));
    assert_int_equal(flight->attempts[0]->failure, failure_cut);
    end(&world, flight);
}

static void keep_alives_of_the_provider_stay_here(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = streaming(&world, FLIGHT_CHAT("n", "true"));
    flight_world_body(&world, flight, 0, ": ping\n\n");
    assert_int_equal(flight->live->reply.held.len, 0);
    assert_int_equal(flight->live->state, attempt_replying);
    end(&world, flight);
}

static void what_was_read_once_serves_the_next_attempt_too(void **state) {
    struct flight_world world;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("n", "false"));
    const struct message_request *message = flight->canonical.message;
    assert_int_equal(flight->canonical.state, canonical_read);
    assert_true(translate_read(flight, &error, &param));
    assert_ptr_equal(flight->canonical.message, message);
    translate_release(flight);
    assert_int_equal(flight->canonical.state, canonical_not_read);
    assert_null(flight->canonical.message);
    end(&world, flight);
}

static void the_same_state_of_affairs_has_each_sdks_status(void **state) {
    static const struct {
        enum endpoint endpoint;
        int status, told;
    } rows[] = {{endpoint_messages, 503, 529}, {endpoint_messages, 529, 529}, {endpoint_generate, 529, 503},
                {endpoint_chat, 529, 503},     {endpoint_chat, 503, 503},     {endpoint_messages, 429, 429}};
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight *flight = flight_world_new(&world, rows[i].endpoint);
        assert_int_equal(translate_status(flight, rows[i].status), rows[i].told);
        flight_world_drop(&world, flight);
    }
    flight_world_end(&world);
}

/* A provider may read the other one of them: its client might use a model that it may not. */
static void a_key_that_stands_twice_or_in_other_letters_is_refused(void **state) {
    static const struct {
        const char *more, *said; /* NULL: it is taken */
    } rows[] = {{"\"modem\":\"x\"", NULL},
                {"\"model\":\"x\"", "The key `model` stands twice."},
                {"\"mod\\u0065l\":\"x\"", "The key `model` stands twice."},
                {"\"Model\":\"x\"", "A key is spelt like `model` but for upper and lower case."},
                {"\"MOD\\u0065L\":\"x\"", "A key is spelt like `model` but for upper and lower case."},
                {"\"stream\":false,\"stream\":true", "The key `stream` stands twice."},
                {"\"messages\":[]", "The key `messages` stands twice."},
                {"\"inputs\":1,\"metadata\":{\"model\":\"x\",\"Model\":\"y\"}", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char body[256];
        snprintf(body, sizeof body,
                 "{\"model\":\"n\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],%s}",
                 rows[i].more);
        flight_world_begin(&world, yaml);
        struct flight *flight =
            flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_messages}, body);
        assert_int_equal(flight->answer.error, rows[i].said ? error_invalid_request : error_none);
        if (rows[i].said && !flight_world_wrote(&world, rows[i].said)) fail_msg("%s", rows[i].more);
        end(&world, flight);
    }
}

/* All that is asked of routing, limits and budgets, whichever words a request says it in. */
static void what_another_dialect_asks_for_is_known_as_if_it_had_been_asked_in_openais(void **state) {
#define SAYS(words) "\"messages\":[{\"role\":\"user\",\"content\":" words "}]"
#define PARTS(parts) "\"contents\":[{\"role\":\"user\",\"parts\":[" parts "]}]"
#define TOOL "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]"
#define SCHEMA "{\"type\":\"object\",\"properties\":{}}"
    static const struct {
        enum endpoint endpoint;
        const char *body;
        struct openai_request asks;
    } rows[] = {
        {endpoint_messages,
         "{\"model\":\"n\",\"max_tokens\":9," SAYS("\"hi\"") "}",
         {.max_tokens = 9, .n = 1, .include_usage = true}},
        {endpoint_messages,
         "{\"model\":\"n\",\"max_tokens\":1,\"stream\":true," SAYS(
             "[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"
             "png\",\"data\":\"aGk=\"}}]") "}",
         {.max_tokens = 1, .n = 1, .stream = true, .include_usage = true, .has_image = true}},
        {endpoint_messages,
         "{\"model\":\"n\",\"max_tokens\":9," TOOL ",\"tool_choice\":{\"type\":\"any\"}," SAYS("\"hi\"") "}",
         {.max_tokens = 9, .n = 1, .include_usage = true, .has_tools = true, .members = FEATURE_BIT(tool_choice)}},
        {endpoint_generate, "{" PARTS("{\"text\":\"hi\"}") "}", {.max_tokens = -1, .n = 1, .include_usage = true}},
        {endpoint_generate,
         "{" PARTS("{\"inlineData\":{\"mimeType\":\"audio/wav\",\"data\":\"aGk=\"}}") ",\"generationConfig\":{"
                                                                                      "\"candidateCount\":3,"
                                                                                      "\"maxOutputTokens\":0}}",
         {.max_tokens = 0, .n = 3, .include_usage = true, .has_audio = true, .members = FEATURE_BIT(n)}},
        {endpoint_generate,
         "{" PARTS("{\"text\":\"hi\"}") ",\"generationConfig\":{\"candidateCount\":1,\"responseMimeType\":"
                                        "\"application/json\"}}",
         {.max_tokens = -1, .n = 1, .include_usage = true, .wants_json = true}},
        {endpoint_generate,
         "{" PARTS("{\"text\":\"hi\"}") ",\"generationConfig\":{\"maxOutputTokens\":7,\"responseMimeType\":"
                                        "\"application/json\",\"responseSchema\":" SCHEMA "}}",
         {.max_tokens = 7,
          .n = 1,
          .include_usage = true,
          .wants_json = true,
          .wants_schema = true,
          .members = FEATURE_BIT(json_schema)}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        bool google = rows[i].endpoint == endpoint_generate;
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = rows[i].endpoint, .path_model = google ? STR("k") : STR_NONE},
            rows[i].body);
        const struct openai_request *is = &flight->request, *wanted = &rows[i].asks;
        if (is->max_tokens != wanted->max_tokens || is->n != wanted->n || is->stream != wanted->stream ||
            is->include_usage != wanted->include_usage || is->has_image != wanted->has_image ||
            is->has_audio != wanted->has_audio || is->has_tools != wanted->has_tools ||
            is->wants_json != wanted->wants_json || is->wants_schema != wanted->wants_schema ||
            is->members != wanted->members || !is->names_more || !str_eq(is->model, google ? STR("k") : STR("n")))
            fail_msg("row %zu: max_tokens=%lld n=%lld usage=%d members=%llx model=%.*s", i, (long long)is->max_tokens,
                     (long long)is->n, is->include_usage, (unsigned long long)is->members, STR_ARG(is->model));
        end(&world, flight);
    }
}

/* Only the reply is framed anew where events become an array. */
static void a_provider_of_the_callers_dialect_is_asked_in_its_words(void **state) {
    static const struct {
        enum endpoint endpoint;
        bool wants_array;
        const char *provider;
        bool needed, alike;
    } rows[] = {
        {endpoint_messages, false, "a", false, true},        {endpoint_messages, false, "g", true, false},
        {endpoint_generate_stream, false, "g", false, true}, {endpoint_generate_stream, true, "g", true, true},
        {endpoint_generate_stream, true, "a", true, false},  {endpoint_generate_stream, false, "a", true, false},
        {endpoint_responses, false, "o", false, true},       {endpoint_responses, false, "a", true, false},
        {endpoint_completions, false, "o", true, false},     {endpoint_forecasts, false, "o", true, false},
    };
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct target *target = flight_world_target(&world, rows[i].provider);
        struct flight *flight = flight_world_new_of(
            &world, (struct flight_request){.endpoint = rows[i].endpoint, .wants_array = rows[i].wants_array});
        if (translate_needed(flight, target) != rows[i].needed || translate_asks_alike(flight, target) != rows[i].alike)
            fail_msg("row %zu", i);
        flight_world_drop(&world, flight);
    }
    flight_world_end(&world);
}

static void a_message_that_cannot_be_read_is_refused_and_nobody_is_asked(void **state) {
    static const char *const bad[] = {"7", "[]", "{\"role\":7,\"content\":\"hi\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct flight_world world;
        char body[256];
        snprintf(body, sizeof body, "{\"model\":\"n\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},%s]}",
                 bad[i]);
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, body);
        if (flight->answer.error != error_invalid_request) fail_msg("%s", bad[i]);
        assert_int_equal(flight->attempt_count, 0);
        end(&world, flight);
    }
}

/* The body that the last step sent to a provider. */
static struct str body_sent(const struct flight_world *world) {
    static char text[1024];
    const struct action *action = flight_world_action(world, action_call);
    size_t len = 0;
    for (size_t i = 0; i < action->call.body_count; i++) {
        assert_true(len + action->call.body[i].len < sizeof text);
        memcpy(text + len, action->call.body[i].at, action->call.body[i].len);
        len += action->call.body[i].len;
    }
    return str_make(text, len);
}

/* Google wants the body to name the model of the path, each request of a batch its own. */
static void an_embedding_in_googles_words_names_the_targets_model_and_is_else_as_it_came(void **state) {
    static const struct {
        enum endpoint endpoint;
        const char *asked, *sent, *path;
    } rows[] = {
        {endpoint_generate_embed, "{\"model\":\"models/x\", \"content\":{\"parts\":[{\"text\":\"model\"}]}}",
         "{\"model\":\"models/k\", \"content\":{\"parts\":[{\"text\":\"model\"}]}}", "/v1beta/models/k:embedContent"},
        {endpoint_generate_embed, "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}",
         "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}", "/v1beta/models/k:embedContent"},
        {endpoint_generate_embed_batch,
         "{\"requests\":[{\"model\":\"models/k\",\"content\":{\"parts\":[{\"text\":\"a\"}]}},"
         "{\"content\":{\"parts\":[{\"text\":\"b\"}]},\"model\":\"models/k\"}]}",
         "{\"requests\":[{\"model\":\"models/k\",\"content\":{\"parts\":[{\"text\":\"a\"}]}},"
         "{\"content\":{\"parts\":[{\"text\":\"b\"}]},\"model\":\"models/k\"}]}",
         "/v1beta/models/k:batchEmbedContents"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = rows[i].endpoint, .path_model = STR("g/k")}, rows[i].asked);
        assert_str_equal(flight_world_action(&world, action_call)->call.path, rows[i].path);
        assert_str_equal(body_sent(&world), rows[i].sent);
        end(&world, flight);
    }
}

/* A dialect that must name tokens names four bytes as one where the provider has not counted, begun ones too. */
static void what_a_provider_does_not_count_is_estimated_where_it_must_be_said(void **state) {
    static const struct {
        enum dialect dialect;
        int64_t input, output; /* as the provider says; -1: not */
        uint64_t said_bytes;
        int64_t input_told, output_told;
        bool estimated;
    } rows[] = {
        {dialect_anthropic, 7, 9, 100, 7, 9, false},   {dialect_anthropic, 0, 0, 100, 0, 0, false},
        {dialect_anthropic, 7, -1, 0, 7, 0, true},     {dialect_anthropic, 7, -1, 1, 7, 1, true},
        {dialect_anthropic, 7, -1, 4, 7, 1, true},     {dialect_anthropic, 7, -1, 5, 7, 2, true},
        {dialect_anthropic, 7, -1, 400, 7, 100, true}, {dialect_anthropic, -1, 9, 100, 33, 9, true},
        {dialect_anthropic, -1, -1, 8, 33, 2, true},   {dialect_openai, -1, -1, 8, -1, -1, false},
    };
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("n", "false"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct usage usage = {.input_tokens = rows[i].input, .output_tokens = rows[i].output};
        flight->codec = codec_of(rows[i].dialect);
        flight->prompt_tokens = 33;
        if (translate_usage(flight, rows[i].said_bytes, &usage) != rows[i].estimated ||
            usage.input_tokens != rows[i].input_told || usage.output_tokens != rows[i].output_told)
            fail_msg("row %zu: %lld %lld", i, (long long)usage.input_tokens, (long long)usage.output_tokens);
    }
    flight->codec = codec_of(dialect_openai);
    end(&world, flight);
}

/* An embedding asked for in OpenAI's words of a provider of other words, and back. */
static void embeddings_go_from_one_dialect_to_another(void **state) {
    static const struct {
        const char *asked, *path, *sent, *reply, *told;
    } rows[] = {
        {"{\"model\":\"k\",\"input\":\"hi\",\"dimensions\":2}", "/v1beta/models/k:embedContent",
         "{\"model\":\"models/"
         "k\",\"content\":{\"parts\":[{\"text\":\"hi\"}]},\"outputDimensionality\":2}",
         "{\"embeddings\":[{\"values\":[0.5,-1]}]}",
         "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.5,-1]}],\"model\":"
         "\"k\",\"usage\":{"
         "\"prompt_tokens\":0,\"total_tokens\":0}}"},
        {"{\"model\":\"k\",\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\"}",
         "/v1beta/models/k:batchEmbedContents",
         "{\"requests\":[{\"model\":\"models/k\",\"content\":{\"parts\":[{\"text\":\"a\"}]}},{\"model\":\"models/"
         "k\",\"content\":{"
         "\"parts\":[{\"text\":\"b\"}]}}]}",
         "{\"embeddings\":[{\"values\":[1]},{\"values\":[-2]}]}",
         "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":\"AACAPw==\"},{\"object\":"
         "\"embedding\","
         "\"index\":1,\"embedding\":\"AAAAwA==\"}],\"model\":\"k\",\"usage\":{\"prompt_tokens\":0,\"total_tokens\":0}"
         "}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight =
            flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_embeddings}, rows[i].asked);
        assert_str_equal(flight_world_action(&world, action_call)->call.path, rows[i].path);
        assert_str_equal(body_sent(&world), rows[i].sent);
        flight_world_head(&world, flight, 0, 200, "application/json");
        flight_world_body(&world, flight, 0, rows[i].reply);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        assert_str_equal(flight_world_written(&world), rows[i].told);
        assert_int_equal(flight->attempts[0]->failure, failure_none);
        end(&world, flight);
    }
}

static void an_embedding_of_gemini_is_asked_of_openais_and_counted(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask_of(
        &world, (struct flight_request){.endpoint = endpoint_generate_embed, .path_model = STR("m")},
        "{\"content\":{\"parts\":[{\"text\":\"hi\"}]},\"outputDimensionality\":2}");
    assert_str_equal(flight_world_action(&world, action_call)->call.path, "/v1/embeddings");
    assert_str_equal(body_sent(&world),
                     "{\"model\":\"m\",\"input\":\"hi\",\"encoding_format\":\"float\",\"dimensions\":2}");
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(
        &world, flight, 0,
        "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.5,1]}],\"model\":\"m\","
        "\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_str_equal(flight_world_written(&world), "{\"embedding\":{\"values\":[0.5,1]}}");
    assert_int_equal(flight_facts(flight).input_tokens, 7);
    end(&world, flight);
}

static void a_reply_that_is_no_embedding_is_a_failure(void **state) {
    static const struct {
        const char *reply;
        enum failure failure;
    } rows[] = {{"{\"data\":7}", failure_invalid_json},
                {"<html>", failure_invalid_json},
                {"{\"data\":[{\"embedding\":\"!\"}]}", failure_invalid_json},
                {"{\"error\":{\"message\":\"no\"}}", failure_error_in_reply}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = endpoint_generate_embed, .path_model = STR("m")},
            "{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}");
        flight_world_head(&world, flight, 0, 200, "application/json");
        flight_world_body(&world, flight, 0, rows[i].reply);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        if (flight->attempts[0]->failure != rows[i].failure)
            fail_msg("row %zu: %d", i, (int)flight->attempts[0]->failure);
        end(&world, flight);
    }
}

static void what_no_provider_can_embed_is_refused_by_name(void **state) {
    static const struct {
        const char *asked, *says;
    } rows[] = {
        {"{\"model\":\"n\",\"input\":\"hi\"}", "No provider of this model serves this path."},
        {"{\"model\":\"k\",\"input\":[1,2]}", "No provider of this model can be asked for `token"},
        {"{\"model\":\"k\",\"input\":{}}", "`input` must be a string, a list of strings, or tokens."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight =
            flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_embeddings}, rows[i].asked);
        if (!flight_world_wrote(&world, rows[i].says)) fail_msg("%.*s", STR_ARG(flight_world_written(&world)));
        assert_int_equal(flight->attempt_count, 0);
        end(&world, flight);
    }
}

/* Counted by whom has it, estimated where nobody does: in the caller's words. */
static void tokens_are_counted_across_dialects_at_no_cost(void **state) {
    static const struct {
        const char *reply;
        enum failure failure;
    } rows[] = {{"{\"totalTokens\":42}", failure_none}, {"{\"other\":1}", failure_invalid_json}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight =
            flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_messages_count},
                                "{\"model\":\"k\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
        assert_str_equal(flight_world_action(&world, action_call)->call.path, "/v1beta/models/k:countTokens");
        flight_world_head(&world, flight, 0, 200, "application/json");
        flight_world_body(&world, flight, 0, rows[i].reply);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        assert_int_equal(flight->attempts[0]->failure, rows[i].failure);
        if (!rows[i].failure) assert_str_equal(flight_world_written(&world), "{\"input_tokens\":42}");
        if (!rows[i].failure) assert_int_equal(flight->attempts[0]->usage.input_tokens, 0);
        end(&world, flight);
    }
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight =
        flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_messages_count},
                            "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    assert_int_equal(flight->attempt_count, 0);
    assert_true(str_starts(flight_world_written(&world), STR("{\"input_tokens\":")));
    end(&world, flight);
}

static void a_forecast_goes_to_its_model_and_comes_back_wrapped(void **state) {
    static const char file[] = "state_dir: ./state\n"
                               "providers: {h: {type: huggingface-native, api_key: hf_secretsecretsecret, models: "
                               "[amazon/chronos-t5-small]}}\n";
    static const struct {
        const char *reply;
        enum failure failure;
    } rows[] = {
        {"[[1,2]]", failure_none}, {"<html>", failure_invalid_json}, {"{\"error\":\"no\"}", failure_error_in_reply}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, file);
        struct flight *flight =
            flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_forecasts},
                                "{\"model\":\"amazon/chronos-t5-small\",\"inputs\":[1,2.50],\"parameters\":{\"n\":2}}");
        if (!flight->attempt_count) fail_msg("%.*s", STR_ARG(flight_world_written(&world)));
        assert_str_equal(body_sent(&world), "{\"inputs\":[1,2.50],\"parameters\":{\"n\":2}}");
        flight_world_head(&world, flight, 0, 200, "application/json");
        flight_world_body(&world, flight, 0, rows[i].reply);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        assert_int_equal(flight->attempts[0]->failure, rows[i].failure);
        if (!rows[i].failure)
            assert_str_equal(flight_world_written(&world), "{\"object\":\"forecast\",\"created\":1700000000,\"model\":"
                                                           "\"amazon/chronos-t5-small\",\"output\":[[1,2]]}");
        end(&world, flight);
    }
}

/* In its provider's own dialect but for the model, which stands where it stood, or first where there was none. */
static void a_callers_own_body_has_another_model_and_is_else_as_it_came(void **state) {
#define HI "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"model\"}]}]"
    static const struct {
        enum endpoint endpoint;
        const char *target, *asked, *sent;
    } rows[] = {
        {endpoint_messages, "a/n",
         "{\"system\":\"s\",\"model\":\"r\",\"max_tokens\":9," HI ",\"service_tier\":\"auto\"}",
         "{\"system\":\"s\",\"model\":\"n\",\"max_tokens\":9," HI ",\"service_tier\":\"auto\"}"},
        {endpoint_messages, "a/n", " {\"system\":\"s\",\"max_tokens\":9," HI ",\"metadata\":{\"user_id\":\"u\"}}",
         " {\"model\":\"n\",\"system\":\"s\",\"max_tokens\":9," HI ",\"metadata\":{\"user_id\":\"u\"}}"},
        {endpoint_responses, "o/m", "{\"store\":false,\"metadata\":{\"model\":\"x\"},\"input\":\"model\"}",
         "{\"model\":\"m\",\"store\":false,\"metadata\":{\"model\":\"x\"},\"input\":\"model\"}"},
        {endpoint_responses, "o/m", "{\"model\" : \"r\",\"store\":false,\"input\":\"model\",\"user\":\"u\"}",
         "{\"model\" : \"m\",\"store\":false,\"input\":\"model\",\"user\":\"u\"}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char file[1024];
        snprintf(file, sizeof file, "%sroutes: [{model: r, targets: [%s]}, {model: default, targets: [%s]}]\n", yaml,
                 rows[i].target, rows[i].target);
        flight_world_begin(&world, file);
        struct flight *flight =
            flight_world_ask_of(&world, (struct flight_request){.endpoint = rows[i].endpoint}, rows[i].asked);
        if (!flight->attempt_count) fail_msg("%.*s", STR_ARG(flight_world_written(&world)));
        assert_str_equal(body_sent(&world), rows[i].sent);
        end(&world, flight);
    }
#undef HI
}

/* What no provider of the model can be told, in a sentence that names it. */
static void what_nobody_can_be_told_is_refused_by_its_name(void **state) {
    static const struct {
        enum endpoint endpoint;
        const char *more, *says; /* NULL: it is asked */
    } rows[] = {
        {endpoint_responses, "\"model\":\"n\",\"input\":\"hi\",\"conversation\":\"c\"",
         "No provider of this model knows `conversation`: leave it out."},
        {endpoint_responses, "\"model\":\"n\",\"input\":\"hi\",\"background\":true",
         "No provider of this model knows `background`: leave it out."},
        {endpoint_responses, "\"model\":\"m\",\"input\":\"hi\",\"background\":true", NULL},
        {endpoint_chat,
         "\"model\":\"k\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"logit_bias\":{\"1\":1},"
         "\"unheard\":1",
         NULL},
        {endpoint_embeddings, "\"model\":\"k\",\"input\":[1,2,3]", "No provider of this model can be asked for `"},
        {endpoint_embeddings, "\"model\":\"k\",\"input\":\"hi\"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char body[512];
        snprintf(body, sizeof body, "{%s}", rows[i].more);
        flight_world_begin(&world, yaml);
        struct flight *flight =
            flight_world_ask_of(&world, (struct flight_request){.endpoint = rows[i].endpoint}, body);
        if ((flight->attempt_count == 0) != (rows[i].says != NULL) ||
            (rows[i].says && !flight_world_wrote(&world, rows[i].says)))
            fail_msg("row %zu: %.*s", i, STR_ARG(flight_world_written(&world)));
        end(&world, flight);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dialect_without_a_terminator_gets_the_callers),
        cmocka_unit_test(a_stream_that_breaks_gets_none),
        cmocka_unit_test(keep_alives_of_the_provider_stay_here),
        cmocka_unit_test(what_was_read_once_serves_the_next_attempt_too),
        cmocka_unit_test(the_same_state_of_affairs_has_each_sdks_status),
        cmocka_unit_test(what_another_dialect_asks_for_is_known_as_if_it_had_been_asked_in_openais),
        cmocka_unit_test(a_callers_own_body_has_another_model_and_is_else_as_it_came),
        cmocka_unit_test(what_nobody_can_be_told_is_refused_by_its_name),
        cmocka_unit_test(a_provider_of_the_callers_dialect_is_asked_in_its_words),
        cmocka_unit_test(an_embedding_in_googles_words_names_the_targets_model_and_is_else_as_it_came),
        cmocka_unit_test(a_message_that_cannot_be_read_is_refused_and_nobody_is_asked),
        cmocka_unit_test(a_key_that_stands_twice_or_in_other_letters_is_refused),
        cmocka_unit_test(what_a_provider_does_not_count_is_estimated_where_it_must_be_said),
        cmocka_unit_test(embeddings_go_from_one_dialect_to_another),
        cmocka_unit_test(an_embedding_of_gemini_is_asked_of_openais_and_counted),
        cmocka_unit_test(a_reply_that_is_no_embedding_is_a_failure),
        cmocka_unit_test(what_no_provider_can_embed_is_refused_by_name),
        cmocka_unit_test(tokens_are_counted_across_dialects_at_no_cost),
        cmocka_unit_test(a_forecast_goes_to_its_model_and_comes_back_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
