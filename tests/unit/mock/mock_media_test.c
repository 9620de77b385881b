/* The mock's answers beyond chat. */
#include "mock/mock_media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char buffer[1 << 20];

static bool answers(enum endpoint endpoint, const char *request, const char *words) {
    struct error error = {.code = error_none};
    struct str param = STR(""), type = STR("");
    const char *problem = "";
    size_t at = 0;
    struct text text = text_in_buffer(buffer, sizeof buffer - 1);
    struct json *json = json_parse(str_from(request), &problem, &at);
    bool good = mock_media_write(&text, endpoint, json_root(json), strlen(request), 5, &type, &error, &param);
    json_free(json);
    assert_false(text.failed);
    struct str said = good ? text_str(&text) : str_from(error.message);
    if (words) assert_true(str_find(said, str_from(words)) != SIZE_MAX);
    buffer[good ? text.len : 0] = 0;
    return good;
}

static void embeddings_have_one_vector_an_input(void **state) {
    (void)state;
    assert_true(
        answers(endpoint_embeddings, "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"dimensions\":2}", "\"index\":1"));
    assert_true(answers(endpoint_embeddings, "{\"model\":\"m\",\"input\":[1,2,3],\"dimensions\":2}", "\"index\":0"));
    assert_null(strstr(buffer, "\"index\":1"));
    assert_true(answers(endpoint_embeddings, "{\"model\":\"m\",\"input\":[[1],[2]],\"dimensions\":2}", "\"index\":1"));
    assert_true(
        answers(endpoint_embeddings, "{\"input\":\"a\",\"dimensions\":1,\"encoding_format\":\"base64\"}", NULL));
    assert_true(strstr(buffer, "\"embedding\":\"AACAPw==\"") || strstr(buffer, "\"embedding\":\"AACAvw==\""));
    assert_false(answers(endpoint_embeddings, "{\"model\":\"m\"}", "input"));
    assert_false(answers(endpoint_embeddings, "{\"input\":[]}", "input"));
    assert_false(answers(endpoint_embeddings, "{\"input\":\"a\",\"dimensions\":0}", "dimensions"));
}

static void the_others_answer_and_say_what_is_missing(void **state) {
    (void)state;
    assert_true(answers(endpoint_moderations, "{\"input\":\"violence\"}", "\"flagged\":true"));
    assert_true(answers(endpoint_moderations, "{\"input\":[\"a\",\"b\"]}", "\"flagged\":false"));
    assert_false(answers(endpoint_moderations, "{}", "input"));
    assert_true(answers(endpoint_images_generations, "{\"prompt\":\"x\",\"n\":2}", "b64_json"));
    assert_false(answers(endpoint_images_generations, "{}", "prompt"));
    assert_true(answers(endpoint_audio_speech, "{\"input\":\"x\"}", NULL));
    assert_false(answers(endpoint_audio_speech, "{\"input\":\"x\",\"response_format\":\"midi\"}", "response_format"));
    assert_true(
        answers(endpoint_rerank, "{\"query\":\"q\",\"documents\":[\"a\",\"b\"],\"top_n\":1}", "relevance_score"));
    assert_false(answers(endpoint_rerank, "{\"query\":\"q\",\"documents\":[]}", "documents"));
}

static void models_are_a_list(void **state) {
    struct text text = text_in_buffer(buffer, sizeof buffer);
    (void)state;
    mock_models_write(&text, STR("a, b"), 5);
    assert_true(str_find(text_str(&text), STR("\"id\":\"b\"")) != SIZE_MAX);
    assert_true(mock_model_known(STR("a, b"), STR("b")) && !mock_model_known(STR("a,b"), STR("c")) &&
                mock_model_known(STR(""), STR("c")));
}

static void forms_are_heard(void **state) {
    const struct str form =
        STR("--x\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\ntext\r\n--x--\r\n");
    struct str type = STR("");
    struct text text = text_in_buffer(buffer, sizeof buffer);
    (void)state;
    mock_multipart_write(&text, endpoint_audio_transcriptions, form, 5, &type);
    assert_true(str_starts(type, STR("text/plain")) && str_starts(text_str(&text), STR("The mock heard")));
    mock_multipart_write(&text, endpoint_audio_transcriptions, STR("name=\""), 5, &type);
    assert_true(str_eq(type, STR("application/json")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embeddings_have_one_vector_an_input),
        cmocka_unit_test(the_others_answer_and_say_what_is_missing),
        cmocka_unit_test(models_are_a_list),
        cmocka_unit_test(forms_are_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
