/* codec_error_test.c - what each vendor's errors say: message, type, code, and when to come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dialect/anthropic/anthropic.h"
#include "dialect/codec.h"
#include "dialect/quirks.h"

static const struct {
    const struct codec *codec;
    const char *body;
    const char *message, *type, *code;
    int64_t retry_after_ms;
    int status;
} said[] = {
    {&codec_openai, "{'error':{'message':'no','type':'t','code':'c','param':'p'}}", "no", "t", "c", -1, 0},
    {&codec_openai, "{'error':{'message':'no','type':'t','code':null}}", "no", "t", "", -1, 0},
    {&codec_openai, "{'error':'no'}", "no", "", "", -1, 0},
    {&codec_openai, "{'message':'no','code':'c'}", "no", "", "c", -1, 0},
    {&codec_openai, "[{'error':{'message':'no'}}]", "no", "", "", -1, 0},
    {&codec_anthropic, "{'type':'error','error':{'type':'t','message':'no'}}", "no", "t", "t", -1, 0},
    {&codec_anthropic, "{'error':{'type':'t','message':'no','error_code':'c'}}", "no", "t", "c", -1, 0},
    {&codec_anthropic, "{'error':{'type':'t','message':'no','details':{'error_code':'c'}}}", "no", "t", "c", -1, 0},
    {&codec_anthropic, "{'message':'no'}", "no", "", "", -1, 0},
    {&codec_gemini, "{'error':{'code':429,'message':'no','status':'S'}}", "no", "S", "S", -1, 0},
    {&codec_gemini, "[{'error':{'code':429,'message':'no','status':'S'}}]", "no", "S", "S", -1, 0},
    {&codec_gemini,
     "{'error':{'message':'no','status':'S','details':[{'@type':'x/google.rpc.ErrorInfo','reason':'R'}]}}", "no", "S",
     "R", -1, 0},
    {&codec_gemini, "{'error':{'message':'no','status':'S','details':[{'@type':'x/google.rpc.Help','reason':'R'}]}}",
     "no", "S", "S", -1, 0},
    {&codec_gemini, "{'error':{'message':'no','details':[{'retryDelay':'48s'},{'@type':'y'}]}}", "no", "", "", 48000,
     0},
    {&codec_gemini, "{'error':{'message':'no','details':[{'retryDelay':'0s'}]}}", "no", "", "", 0, 0},
    {&codec_gemini, "{'error':{'message':'no','details':[{'retryDelay':'0.25s'}]}}", "no", "", "", 250, 0},
    {&codec_gemini, "{'error':{'message':'no','details':[{'retryDelay':'48'}]}}", "no", "", "", -1, 0},
    {&codec_gemini, "{'error':{'message':'no','details':[{'retryDelay':'s'}]}}", "no", "", "", -1, 0},
    {&codec_gemini, "{'error':{'message':'no','details':[{'retryDelay':'-1s'}]}}", "no", "", "", -1, 0},
    {&codec_gemini, "{'error':{'message':'no','details':[{'retryDelay':'86400s'}]}}", "no", "", "", -1, 0},
    {&codec_gemini, "{'error':{'message':'no','details':[{'retryDelay':'86399s'}]}}", "no", "", "", 86399000, 0},
    {&codec_ollama, "{'error':'no'}", "no", "", "", -1, 0},
    {&codec_ollama, "{'error':{'message':'no'}}", "no", "", "", -1, 0},
    {&codec_cloudflare, "{'success':false,'errors':[{'code':10000,'message':'no'}]}", "no", "", "10000", -1, -2},
    {&codec_cloudflare, "{'success':false,'errors':[{'code':'c','message':'no'}]}", "no", "", "c", -1, 0},
    {&codec_cloudflare, "{'success':false,'errors':[{'code':3036,'message':'no'}]}", "no", "", "3036", 3600000, -2},
    {&codec_cloudflare, "{'success':false,'errors':[{'code':3040,'message':'no'}]}", "no", "", "3040", -1, -2},
    {&codec_cloudflare, "{'error':{'message':'no','code':'c'}}", "no", "", "c", -1, 0},
    {&codec_cloudflare, "no", "no", "", "", -1, 0},
    {&codec_huggingface, "{'error':'no','error_type':'validation'}", "no", "validation", "", -1, 422},
    {&codec_huggingface, "{'error':'no','error_type':'overloaded'}", "no", "overloaded", "", -1, 429},
    {&codec_huggingface, "{'error':'no','error_type':'generation'}", "no", "generation", "", -1, 424},
    {&codec_huggingface, "{'error':'no','estimated_time':20.5}", "no", "", "", 20500, 0},
    {&codec_huggingface, "{'error':'no','estimated_time':0}", "no", "", "", 0, 0},
    {&codec_huggingface, "{'error':'no','estimated_time':86400}", "no", "", "", -1, 0},
    {&codec_huggingface, "{'error':'no','estimated_time':-1}", "no", "", "", -1, 0},
    {&codec_huggingface, "{'error':['a','b']}", "a; b", "", "", -1, 0},
    {&codec_huggingface, "{'error':{'message':'no'}}", "no", "", "", -1, 0},
    {&codec_huggingface, " Not Found ", "Not Found", "", "", -1, 0},
    {&codec_responses, "{'error':{'message':'no','type':'t','code':'c'}}", "no", "t", "c", -1, 0},
};

static struct arena arena;

static struct str quoted(const char *text) {
    struct str copy = arena_copy(&arena, str_from(text));
    for (size_t i = 0; i < copy.len; i++)
        if (copy.at[i] == '\'') ((char *)copy.at)[i] = '"';
    return copy;
}

static void errors_are_read_as_their_vendor_means_them(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct message_error error = {.retry_after_ms = -1};
        said[i].codec->read_error(quoted(said[i].body), &arena, &error);
        bool same = str_eq(error.message, str_from(said[i].message)) && str_eq(error.type, str_from(said[i].type)) &&
                    str_eq(error.said_code, str_from(said[i].code)) && error.retry_after_ms == said[i].retry_after_ms &&
                    (said[i].status == -2 || error.status == said[i].status);
        if (!same)
            fail_msg("%.*s: %s: message `%.*s` type `%.*s` code `%.*s` retry %d status %d",
                     STR_ARG(said[i].codec->name), said[i].body, STR_ARG(error.message), STR_ARG(error.type),
                     STR_ARG(error.said_code), (int)error.retry_after_ms, error.status);
        arena_reset(&arena);
    }
}

/* The provider's status is known from its head: what the body makes of it stands back. */
static void a_status_that_is_known_stays(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct message_error error = {.retry_after_ms = -1, .status = 418};
        said[i].codec->read_error(quoted(said[i].body), &arena, &error);
        assert_int_equal(error.status, 418);
        arena_reset(&arena);
    }
}

static void what_is_no_error_of_the_dialect_says_nothing(void **state) {
    static const struct codec *const codecs[] = {&codec_openai,     &codec_anthropic,   &codec_gemini,   &codec_ollama,
                                                 &codec_cloudflare, &codec_huggingface, &codec_responses};
    static const char *const bodies[] = {
        "", "{}", "[]", "[[]]", "{'error':null}", "{'error':{'message':null}}", "{'errors':[]}", "{'error':[]}"};
    (void)state;
    for (size_t c = 0; c < sizeof codecs / sizeof *codecs; c++)
        for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
            struct message_error error = {.retry_after_ms = -1};
            codecs[c]->read_error(quoted(bodies[b]), &arena, &error);
            assert_int_equal(error.retry_after_ms, -1);
            assert_int_equal(error.type.len + error.said_code.len, 0);
            arena_reset(&arena);
        }
}

/* Each dialect's own error is read back by itself. */
static void an_error_that_is_written_is_read_again(void **state) {
    static const struct codec *const codecs[] = {&codec_openai,     &codec_anthropic,   &codec_gemini,   &codec_ollama,
                                                 &codec_cloudflare, &codec_huggingface, &codec_responses};
    static const int statuses[] = {400, 401, 403, 404, 408, 409, 413, 422, 429, 499, 500, 502, 503, 504, 529};
    (void)state;
    for (size_t c = 0; c < sizeof codecs / sizeof *codecs; c++)
        for (size_t s = 0; s < sizeof statuses / sizeof *statuses; s++) {
            struct message_error out = {.code = error_invalid_request,
                                        .status = statuses[s],
                                        .message = STR("a \"b\""),
                                        .request_id = STR("r"),
                                        .retry_after_ms = -1},
                                 in = {.retry_after_ms = -1};
            struct text text = text_in_arena(&arena, 256);
            codecs[c]->write_error(&out, &text);
            codecs[c]->read_error(text_str(&text), &arena, &in);
            if (!str_eq(in.message, out.message))
                fail_msg("%.*s: %.*s", STR_ARG(codecs[c]->name), STR_ARG(text_str(&text)));
            arena_reset(&arena);
        }
}

/* A reply of status 200 that holds one is no answer, whatever was asked for. */
static void an_error_in_a_good_reply_is_seen(void **state) {
    static const struct codec *const codecs[] = {&codec_openai,     &codec_anthropic,   &codec_gemini,   &codec_ollama,
                                                 &codec_cloudflare, &codec_huggingface, &codec_responses};
    const struct message_error out = {
        .code = error_invalid_request, .status = 400, .message = STR("no"), .retry_after_ms = -1};
    (void)state;
    for (size_t c = 0; c < sizeof codecs / sizeof *codecs; c++) {
        struct text text = text_in_arena(&arena, 256);
        struct message_reply reply = {.usage = USAGE_NONE};
        struct embed_reply vectors = {.usage = USAGE_NONE};
        bool in_reply = false, in_vectors = false;
        codecs[c]->write_error(&out, &text);
        bool read = codecs[c]->read_reply(text_str(&text), &arena, quirks_of(STR(""), STR("")), &reply, &in_reply);
        bool embeds = codecs[c]->read_embed_reply != NULL;
        if (embeds) read = read && codecs[c]->read_embed_reply(text_str(&text), &arena, &vectors, &in_vectors);
        if (!read || !in_reply || in_vectors != embeds)
            fail_msg("%.*s: %.*s", STR_ARG(codecs[c]->name), STR_ARG(text_str(&text)));
        arena_reset(&arena);
    }
}

/* Anthropic's types and statuses stand for each other; a status without a type of its own is the caller's or theirs. */
static void anthropics_types_have_their_statuses(void **state) {
    static const struct {
        int status;
        const char *type;
    } rows[] = {{400, "invalid_request_error"},
                {401, "authentication_error"},
                {403, "permission_error"},
                {404, "not_found_error"},
                {413, "request_too_large"},
                {429, "rate_limit_error"},
                {500, "api_error"},
                {503, "overloaded_error"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(str_eq(anthropic_error_type(rows[i].status), str_from(rows[i].type)));
        assert_int_equal(anthropic_error_status(str_from(rows[i].type)), rows[i].status);
    }
    assert_true(str_eq(anthropic_error_type(529), STR("overloaded_error")));
    assert_true(str_eq(anthropic_error_type(418), STR("invalid_request_error")));
    assert_true(str_eq(anthropic_error_type(499), STR("invalid_request_error")));
    assert_true(str_eq(anthropic_error_type(599), STR("api_error")));
    assert_true(str_eq(anthropic_error_type(0), STR("api_error")));
    assert_int_equal(anthropic_error_status(STR("another_error")), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_read_as_their_vendor_means_them),
        cmocka_unit_test(a_status_that_is_known_stays),
        cmocka_unit_test(what_is_no_error_of_the_dialect_says_nothing),
        cmocka_unit_test(an_error_that_is_written_is_read_again),
        cmocka_unit_test(an_error_in_a_good_reply_is_seen),
        cmocka_unit_test(anthropics_types_have_their_statuses),
    };
    arena_init(&arena, 16 * 1024, 64 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
