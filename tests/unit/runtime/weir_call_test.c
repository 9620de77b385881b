/* weir_call_test.c - a call from a program: whatever memory is refused on its way, its answer is whole or it is told
 * that there is none. */
#include "weir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static const char config[] =
    "state_dir: \"\"\nworkers: 1\nresponses: {store: false}\nretry: {max_retries: 0}\nproviders:\n"
    "  a: {type: openai, api_key: k, base_url: \"http://127.0.0.1:9/v1\", models: [m]}\n";

/* Weir's own words: no provider can be reached, or none is known of that model. */
static void what_a_caller_gets_is_whole_or_an_error_is_told(void **state) {
    static const char body[] = "{\"model\":\"unheard-of\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    struct weir_options options = {.size = sizeof options, .config_text = config};
    struct weir_request request = {.size = sizeof request, .body = body, .body_len = sizeof body - 1};
    struct weir_reply whole, reply;
    struct weir_error error;
    char whole_error[sizeof error.message];
    unsigned refusals = 0, answered = 0;
    struct weir *weir = weir_open(&options, &error);
    (void)state;
    if (!weir) fail_msg("%s", error.message);
    assert_int_equal(weir_call(weir, &request, &whole, &error), -1);
    assert_string_equal(error.code, "model_not_found");
    assert_non_null(strstr(whole.body, "unheard-of"));
    strcpy(whole_error, error.message);
    bool refused = true;
    for (uint64_t n = 1; refused && n < 1000; n++) {
        memory_fail_at(n);
        error = (struct weir_error){.status = 0};
        assert_int_equal(weir_call(weir, &request, &reply, &error), -1);
        refused = memory_calls() >= n;
        memory_fail_at(0);
        if (strcmp(error.code, "model_not_found") == 0) {
            const bool brief = strcmp(error.message, "No route and no provider serves this model.") == 0;
            if (!brief) assert_string_equal(error.message, whole_error);
            const bool bodiless = reply.body_len == 0; /* there was no room for the object, but the error is told */
            if (!brief && !bodiless) assert_int_equal(reply.body_len, whole.body_len);
            answered += !brief && !bodiless;
        } else {
            assert_int_equal(error.status, 503);
            refusals++;
        }
        weir_reply_free(&reply);
    }
    assert_true(!refused && refusals > 0 && answered > 0);
    weir_reply_free(&whole);
    weir_close(weir, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_caller_gets_is_whole_or_an_error_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
