/* What a request names beside its model: every place, and what callers may write freely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/names.h"

static unsigned count(const char *body, enum dialect dialect, enum name_kind kind) {
    struct names names;
    struct name name;
    unsigned found = 0;
    names_begin(&names, str_from(body), dialect);
    while (names_next(&names, &name)) found += name.kind == kind && !(kind == name_model && name.top);
    return found;
}

static void stored_things_are_found(void **state) {
    static const struct {
        enum dialect dialect;
        const char *body;
    } bodies[] = {
        {dialect_openai, "{\"messages\":[{\"content\":[{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}]}]}"},
        {dialect_openai,
         "{\"messages\":[{\"content\":[{\"type\":\"file\",\"file\":{\"\\u0066ile_id\":\"file-1\"}}]}]}"},
        {dialect_openai, "{\"messages\":[{\"content\":[{\"type\":\"file\",\"File\":{\"FILE_ID\":\"file-1\"}}]}]}"},
        {dialect_openai, "{\"tools\":[{\"type\":\"file_search\",\"vector_store_ids\":[\"vs_1\"]}]}"},
        {dialect_openai, "{\"tool_resources\":{\"x\":1}}"},
        {dialect_openai, "{\"a\":1,\"extra_body\":{\"google\":{\"cached_content\":\"cachedContents/1\"}}}"},
        {dialect_openai, "{\"previous_response_id\":\"r\"}"},
        {dialect_responses, "{\"conversation\":\"conv_1\"}"},
        {dialect_responses, "{\"conversation\":{\"id\":\"conv_1\"}}"},
        {dialect_responses, "{\"prompt\":{\"id\":\"pmpt_1\"}}"},
        {dialect_responses, "{\"tools\":[{\"type\":\"code_interpreter\",\"container\":\"cntr_1\"}]}"},
        {dialect_responses, "{\"tools\":[{\"container\":{\"type\":\"auto\",\"file_ids\":[\"file-1\"]}}]}"},
        {dialect_responses, "{\"input\":[{\"content\":[{\"type\":\"input_image\",\"file_id\":\"file-1\"}]}]}"},
        {dialect_responses, "{\"input\":[{\"output\":[{\"type\":\"input_file\",\"file_id\":\"file-1\"}]}]}"},
        {dialect_anthropic, "{\"container\":\"container_1\"}"},
        {dialect_anthropic, "{\"container\":{\"id\":\"container_1\"}}"},
        {dialect_anthropic, "{\"messages\":[{\"content\":[{\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]}]}"},
        {dialect_anthropic,
         "{\"messages\":[{\"content\":[{\"type\":\"tool_result\",\"content\":[{\"source\":{\"file_id\":"
         "\"f\"}}]}]}]}"},
        {dialect_anthropic, "{\"thread\":{\"type\":\"continue\",\"previous_message_id\":\"m\"}}"},
        {dialect_gemini, "{\"cachedContent\":\"cachedContents/1\"}"},
        {dialect_gemini, "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":"
                         "\"https:\\/\\/GenerativeLanguage.googleapis.com/v1beta/files/x\"}}]}]}"},
        {dialect_gemini,
         "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\"https://\\u0067enerativelanguage/x\"}}]}]}"},
        {dialect_gemini, "{\"contents\":[{\"parts\":[{\"file_data\":{\"file_uri\":\"gs://b/x\"}}]}]}"},
        {dialect_openai, "{\"messages\":[{\"role\":\"assistant\",\"audio\":{\"id\":\"audio_1\"}}]}"},
        {dialect_openai, "{\"tools\":[{\"type\":\"file_search\",\"collection_ids\":[\"c\"]}]}"},
        {dialect_openai, "{\"voice\":{\"id\":\"voice_1\"}}"},
        {dialect_openai, "{\"image\":[{\"file_id\":\"file-1\"}]}"},
        {dialect_openai, "{\"input\":[{\"image_url\":{\"file_id\":\"file-1\"}}]}"},
        {dialect_openai, "{\"unknown\":{\"deep\":{\"of_tomorrow_id\":\"x\"}}}"},
        {dialect_openai, "{\"messages\":{\"content\":{\"file\":{\"fileId\":\"file-1\"}}}}"},
        {dialect_responses, "{\"input\":[{\"type\":\"code_interpreter_call\",\"container_id\":\"c\"}]}"},
        {dialect_responses, "{\"input\":[{\"type\":\"computer_call_output\",\"output\":{\"file_id\":\"f\"}}]}"},
        {dialect_responses, "{\"input\":[{\"type\":\"mcp_approval_response\",\"approval_request_id\":\"m\"}]}"},
        {dialect_responses, "{\"tools\":[{\"type\":\"mcp\",\"connector_id\":\"c\"}]}"},
        {dialect_anthropic, "{\"container\":{\"skills\":[{\"skill_id\":\"s\",\"type\":\"custom\"}]}}"},
        {dialect_anthropic, "{\"messages\":[{\"content\":[{\"content\":{\"content\":[{\"file_id\":\"f\"}]}}]}]}"},
        {dialect_gemini, "{\"contents\":[{\"parts\":[{\"fileData\":{\"file_uri\":\"files/1\"}}]}]}"},
        {dialect_gemini, "{\"contents\":[{\"parts\":[{\"file_data\":{\"fileUri\":\"files/1\"}}]}]}"},
        {dialect_gemini, "{\"contents\":{\"parts\":{\"fileData\":{\"fileUri\":\"files/1\"}}}}"},
        {dialect_gemini, "{\"tools\":{\"fileSearch\":{\"file_search_store_names\":[\"s\"]}}}"},
        {dialect_gemini, "{\"tools\":[{\"file_search\":{\"fileSearchStoreNames\":\"s\"}}]}"},
        {dialect_gemini, "{\"systemInstruction\":{\"parts\":{\"file_data\":{\"fileUri\":\"files/1\"}}}}"},
        {dialect_gemini, "{\"generateContentRequest\":{\"cached_content\":\"c\"}}"},
        {dialect_gemini, "{\"generate_content_request\":{\"contents\":[{\"parts\":[{\"functionResponse\":{\"parts\":[{"
                         "\"fileData\":{\"file_uri\":\"files/1\"}}]}}]}]}}"},
        {dialect_gemini,
         "{\"contents\":[{\"parts\":[{\"functionResponse\":{\"parts\":[{\"fileData\":{\"fileUri\":\"files/"
         "1\"}}]}}]}]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (count(bodies[i].body, bodies[i].dialect, name_stored) != 1) fail_msg("%s", bodies[i].body);
}

static void other_models_are_found(void **state) {
    static const struct {
        enum dialect dialect;
        const char *body;
        unsigned models;
    } bodies[] = {
        {dialect_openai, "{\"model\":\"a\",\"models\":[\"b\",\"c\"]}", 2},
        {dialect_openai, "{\"model\":\"a\",\"\\u006dODELS\":[\"b\"]}", 1},
        {dialect_openai, "{\"model\":\"a\",\"tools\":[{\"type\":\"image_generation\",\"model\":\"b\"}]}", 1},
        {dialect_openai, "{\"plugins\":[{\"id\":\"auto-router\",\"allowed_models\":[\"b\"]}]}", 1},
        {dialect_anthropic, "{\"model\":\"a\",\"fallbacks\":[{\"model\":\"b\"},{\"model\":\"c\"}]}", 2},
        {dialect_anthropic, "{\"tools\":[{\"type\":\"advisor_20260301\",\"model\":\"b\"}]}", 1},
        {dialect_openai, "{\"model\":\"a\",\"models\":\"b\"}", 1},
        {dialect_openai, "{\"fallbacks\":{\"model\":\"b\"}}", 1},
        {dialect_openai, "{\"fallbacks\":[{\"m\":[\"b\"]}]}", 1},
        {dialect_anthropic, "{\"fallback\":{\"model\":\"b\"}}", 1},
        {dialect_openai, "{\"preset\":\"b\"}", 1},
        {dialect_openai, "{\"plugins\":[{\"config\":{\"model\":\"b\"}}]}", 1},
        {dialect_openai, "{\"tools\":[{\"parameters\":{\"models\":[\"b\"],\"analysis_models\":[\"c\"]}}]}", 2},
        {dialect_openai, "{\"extra_body\":{\"models\":[\"b\"]}}", 1},
        {dialect_openai, "{\"providerOptions\":{\"gateway\":{\"models\":[\"b\"]}}}", 1},
        {dialect_gemini, "{\"requests\":{\"model\":\"models/b\"}}", 1},
        {dialect_gemini, "{\"requests\":[{\"model\":\"models/b\"}]}", 1},
        {dialect_gemini, "{\"generateContentRequest\":{\"model\":\"models/b\"}}", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (count(bodies[i].body, bodies[i].dialect, name_model) != bodies[i].models) fail_msg("%s", bodies[i].body);
}

static void what_callers_write_freely_names_nothing(void **state) {
    static const struct {
        enum dialect dialect;
        const char *body;
    } bodies[] = {
        {dialect_openai, "{\"messages\":[{\"content\":\"file_id: \\\"file_id\\\":\\\"x\\\" conversation\"}]}"},
        {dialect_openai, "{\"tools\":[{\"function\":{\"parameters\":{\"properties\":{\"file_id\":{\"type\":\"string\"},"
                         "\"model\":{\"type\":\"string\"}}}}}]}"},
        {dialect_openai, "{\"metadata\":{\"file_id\":\"x\",\"model\":\"y\",\"conversation\":\"z\"}}"},
        {dialect_openai, "{\"prompt\":\"Once upon a time\"}"},
        {dialect_responses, "{\"tools\":[{\"container\":{\"type\":\"auto\"}}],\"conversation\":null}"},
        {dialect_responses, "{\"tools\":[{\"vector_store_ids\":[]}],\"input\":[{\"content\":[{\"annotations\":[{\"file_"
                            "id\":\"made\"}]}]}]}"},
        {dialect_anthropic,
         "{\"messages\":[{\"content\":[{\"type\":\"tool_use\",\"input\":{\"file_id\":\"x\",\"model\":"
         "\"y\"}}]}]}"},
        {dialect_anthropic, "{\"container\":{\"skills\":[{\"type\":\"anthropic\",\"skill_id\":\"pptx\"}]}}"},
        {dialect_openai, "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":"
                         "\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"x\"}],"
                         "\"stop_token_ids\":[1]}"},
        {dialect_openai, "{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"file_id\":"
                         "\"x\"}}},\"documents\":[{\"doc_id\":\"x\"}],\"modalities\":[\"audio\"],\"voice\":\"alloy\"}"},
        {dialect_responses,
         "{\"previous_response_id\":\"r\",\"input\":[{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"c\","
         "\"arguments\":\"{}\"},{\"type\":\"reasoning\",\"id\":\"rs_1\",\"encrypted_content\":\"x\"}]}"},
        {dialect_responses,
         "{\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{"
         "\"model\":{\"enum\":[\"a\"]},\"file_id\":{\"type\":\"string\"}},\"required\":[\"model\"]}}]}"},
        {dialect_anthropic, "{\"messages\":[{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":"
                            "\"x\"}]}],\"tools\":[{\"name\":\"f\",\"input_schema\":{\"x_id\":\"y\"}}]}"},
        {dialect_gemini, "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionResponse\":{\"id\":\"1\","
                         "\"response\":{\"file_id\":\"x\",\"fileUri\":\"y\"}}}]}],\"labels\":{\"x_id\":\"y\"}}"},
        {dialect_anthropic, "{\"fallbacks\":\"default\"}"},
        {dialect_gemini,
         "{\"contents\":[{\"parts\":[{\"functionCall\":{\"args\":{\"model\":\"x\",\"cachedContent\":\"y\"}}}"
         "]}]}"},
        {dialect_gemini, "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\"https:\\/\\/youtu.be/x\"}}]}]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        if (count(bodies[i].body, bodies[i].dialect, name_stored)) fail_msg("stored: %s", bodies[i].body);
        if (count(bodies[i].body, bodies[i].dialect, name_model)) fail_msg("model: %s", bodies[i].body);
    }
}

static void broken_json_ends_it(void **state) {
    (void)state;
    assert_int_equal(count("{\"models\":[\"a\",", dialect_openai, name_model), 1);
    assert_int_equal(count("", dialect_openai, name_model), 0);
    assert_int_equal(count("[[[[[[[[[[[[[[", dialect_openai, name_stored), 0);
    assert_int_equal(count("\"models\"", dialect_openai, name_model), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_things_are_found),
        cmocka_unit_test(other_models_are_found),
        cmocka_unit_test(what_callers_write_freely_names_nothing),
        cmocka_unit_test(broken_json_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
