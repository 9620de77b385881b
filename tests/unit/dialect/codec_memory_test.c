/* codec_memory_test.c - memory that is refused: every reader of a dialect is denied each allocation in turn. It answers
 * with an error (of memory, or that something is wrong which may not be: the arena remembers that it was short, and
 * the flight looks) or with a request that the flight does not believe either. An error and a request at once there is
 * not. Every writer of requests is, too: it fails, or has written the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "dialect/codec.h"
#include "dialect/quirks.h"

enum { each_its_own = 64, plenty = 1 << 20 };

/* One of each thing that takes memory; ' stands for ". */
#define TOOL_OPENAI                                                                                    \
    "{'type':'function','function':{'name':'f','description':'does','parameters':{'type':'object'}}}," \
    "{'type':'custom','custom':{'name':'c','format':{'type':'text'}}}"
#define CALLS_OPENAI "[{'id':'c1','type':'function','function':{'name':'f','arguments':'{\\u0022a\\u0022:1}'}}]"
static const struct {
    const struct codec *codec;
    const char *body;
} requests[] = {
    {&codec_openai,
     "{'model':'m','messages':[{'role':'system','content':'be\\nshort'},{'role':'user','name':'u','content':[{'type':"
     "'text','text':'see'},{'type':'image_url','image_url':{'url':'data:image/png;base64,AA=='}}]},{'role':'assistant',"
     "'content':null,'tool_calls':" CALLS_OPENAI "},{'role':'tool','tool_call_id':'c1','content':'21'}],"
     "'tools':[" TOOL_OPENAI "],'tool_choice':'auto','stop':['a','b'],'response_format':{'type':'json_schema',"
     "'json_schema':{'name':'s','schema':{'type':'object'}}},'metadata':{'k':'v'},'logit_bias':{'1':2},'other':[1]}"},
    {&codec_completions, "{'model':'m','prompt':'say\\n\\u0022it\\u0022','max_tokens':5,'stop':['a'],'other':[1]}"},
    {&codec_anthropic,
     "{'model':'m','max_tokens':9,'system':[{'type':'text','text':'be short'}],'messages':[{'role':'user','content':["
     "{'type':'text','text':'see'},{'type':'image','source':{'type':'base64','media_type':'image/png','data':'AA=='}}]"
     "},{'role':'assistant','content':[{'type':'thinking','thinking':'t','signature':'s'},{'type':'tool_use','id':'c1',"
     "'name':'f','input':{'a':1}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'c1','content':["
     "{'type':'text','text':'21'}]}]}],'tools':[{'name':'f','description':'does','input_schema':{'type':'object'}},"
     "{'type':'web_search_20250305','name':'web_search'}],'stop_sequences':['a'],'metadata':{'user_id':'u'},"
     "'other':[1]}"},
    {&codec_gemini,
     "{'systemInstruction':{'parts':[{'text':'be short'}]},'contents':[{'role':'user','parts':[{'text':'see'},"
     "{'inlineData':{'mimeType':'image/png','data':'AA=='}}]},{'role':'model','parts':[{'functionCall':{'name':'f',"
     "'args':{'a':1}}}]},{'role':'user','parts':[{'functionResponse':{'name':'f','response':{'result':'21'}}},"
     "{'executableCode':{'code':'1'}}]}],'tools':[{'functionDeclarations':[{'name':'f','description':'does',"
     "'parameters':{'type':'OBJECT','properties':{'a':{'type':'STRING'}}}}]},{'googleSearch':{}}],'generationConfig':{"
     "'stopSequences':['a'],'responseMimeType':'application/json','responseSchema':{'type':'OBJECT'},'own':[1]},"
     "'safetySettings':[{'category':'c'}],'labels':{'k':'v'},'other':[1]}"},
    {&codec_gemini, "{'contents':[{'parts':[{'text':'see'}]}],'generationConfig':{'own':[1]}}"},
    {&codec_ollama,
     "{'model':'m','messages':[{'role':'system','content':'be short'},{'role':'user','content':'see','images':['AA==']"
     "},{'role':'assistant','content':'','tool_calls':[{'function':{'name':'f','arguments':{'a':1}}}]},{'role':'tool',"
     "'tool_name':'f','content':'21'}],'tools':[{'type':'function','function':{'name':'f','description':'does',"
     "'parameters':{'type':'object'}}}],'format':{'type':'object'},'options':{'stop':['a'],'num_ctx':4096},"
     "'other':[1]}"},
    {&codec_cloudflare,
     "{'messages':[{'role':'user','content':'see'},{'role':'assistant','content':'','tool_calls':[{'name':'f',"
     "'arguments':{'a':1}}]},{'role':'tool','name':'f','content':'21'}],'tools':[{'name':'f','description':'does',"
     "'parameters':{'type':'object'}}],'response_format':{'type':'json_schema','json_schema':{'type':'object'}},"
     "'other':[1]}"},
    {&codec_cloudflare, "{'prompt':'see'}"},
    {&codec_huggingface, "{'inputs':'see','parameters':{'stop':['a'],'top_k':3,'own':[1]},'other':[1]}"},
    {&codec_responses,
     "{'model':'m','instructions':'be short','input':[{'role':'user','content':[{'type':'input_text','text':'see'},"
     "{'type':'input_image','image_url':'data:image/png;base64,AA=='}]},{'type':'reasoning','id':'r','summary':[{"
     "'type':'summary_text','text':'t'}],'encrypted_content':'e'},{'type':'function_call','call_id':'c1','name':'f',"
     "'arguments':'{}'},{'type':'function_call_output','call_id':'c1','output':'21'},{'type':'item_reference',"
     "'id':'i'}],'tools':[{'type':'function','name':'f','description':'does','parameters':{'type':'object'}},"
     "{'type':'custom','name':'c','format':{'type':'text'}},{'type':'web_search'}],'text':{'format':{'type':"
     "'json_schema','name':'s','schema':{'type':'object'}}},'metadata':{'k':'v'},'other':[1]}"},
};

static struct arena made; /* what is said */

static int begin(void **state) {
    (void)state;
    arena_init(&made, 4096, plenty);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_free(&made);
    return 0;
}

static struct str quoted(const char *text) {
    struct str copy = arena_copy(&made, str_from(text));
    for (size_t i = 0; i < copy.len; i++)
        if (copy.at[i] == '\'') ((char *)copy.at)[i] = '"';
    return copy;
}

/* A reader of some text: did it say that all is well, and if not, which error? */
struct outcome {
    bool good;
    enum error_code error;
};

typedef struct outcome (*reader)(const struct codec *codec, struct str body, struct arena *arena);

static void outcome_check(const struct codec *codec, struct outcome out, const struct arena *arena, size_t where) {
    if (out.good != (out.error == error_none))
        fail_msg("%s, %zu: %s, error %d", codec->name.at, where, out.good ? "well" : "not", (int)out.error);
    if (!out.good && !arena->refused) fail_msg("%s, %zu: error %d", codec->name.at, where, (int)out.error);
}

/* Each call of the allocator fails once, then all beyond the n-th byte; ends where nothing fails any more. */
static void denied_each_in_turn(reader read, const struct codec *codec, struct str body) {
    bool denied = true;
    for (unsigned n = 1; denied; n++) {
        struct arena arena;
        arena_init(&arena, each_its_own, plenty);
        memory_fail_at(n);
        struct outcome out = read(codec, body, &arena);
        denied = memory_calls() >= n;
        memory_fail_at(0);
        assert_int_equal(arena.refused, denied); /* none is taken but from the arena */
        outcome_check(codec, out, &arena, n);
        arena_free(&arena);
    }
    denied = true;
    for (size_t most = 0; denied; most += 16) {
        struct arena arena;
        arena_init(&arena, each_its_own, most);
        struct outcome out = read(codec, body, &arena);
        denied = arena.refused;
        outcome_check(codec, out, &arena, most);
        arena_free(&arena);
    }
}

static struct outcome request_read(const struct codec *codec, struct str body, struct arena *arena) {
    struct message_request request;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    bool good = codec->read_request(body, STR("m"), false, arena, &request, &error, &param);
    return (struct outcome){good, error.code};
}

static void a_request_that_has_no_room_is_an_error_of_memory(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        denied_each_in_turn(request_read, requests[i].codec, quoted(requests[i].body));
}

static const struct {
    const struct codec *codec;
    const char *body;
} embeds[] = {
    {&codec_openai, "{'model':'m','input':['a','b'],'encoding_format':'float','other':[1]}"},
    {&codec_gemini, "{'requests':[{'model':'models/m','content':{'parts':[{'text':'a'},{'text':'b'}]}}]}"},
    {&codec_gemini, "{'model':'models/m','content':{'parts':[{'text':'a'}]},'other':[1]}"},
    {&codec_ollama, "{'model':'m','input':['a','b'],'other':[1]}"},
    {&codec_cloudflare, "{'text':['a','b'],'other':[1]}"},
    {&codec_huggingface, "{'inputs':['a','b'],'other':[1]}"},
};

static struct outcome embed_read(const struct codec *codec, struct str body, struct arena *arena) {
    struct embed_request request;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    bool good = codec->read_embed_request(body, STR("m"), arena, &request, &error, &param);
    return (struct outcome){good, error.code};
}

static void texts_to_embed_that_have_no_room_are_an_error_of_memory(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof embeds / sizeof *embeds; i++)
        if (embeds[i].codec->read_embed_request)
            denied_each_in_turn(embed_read, embeds[i].codec, quoted(embeds[i].body));
}

/* -- writers -- */

static const struct codec *const writers[] = {&codec_openai, &codec_completions, &codec_anthropic,   &codec_gemini,
                                              &codec_ollama, &codec_cloudflare,  &codec_huggingface, &codec_responses};

static struct str request_written(const struct codec *codec, const struct message_request *request,
                                  struct arena *arena) {
    const struct codec_target target = {.model = STR("m"),
                                        .quirks = quirks_of(STR(""), STR("")),
                                        .output_tokens_max = 8192,
                                        .reasons = true,
                                        .stream = request->stream};
    struct text text = text_in_arena(arena, each_its_own);
    codec->write_request(request, &target, &text);
    return text.failed ? STR_NONE : text_str(&text);
}

static void written_check(const struct codec *codec, struct str is, struct str wanted, size_t where) {
    if (is.at && !str_eq(is, wanted)) fail_msg("%s, %zu: half of it is no failure", codec->name.at, where);
}

static void written_denied_each_in_turn(const struct codec *codec, const struct message_request *request) {
    struct arena whole;
    bool denied = true;
    arena_init(&whole, 4096, plenty);
    struct str wanted = request_written(codec, request, &whole);
    assert_non_null(wanted.at);
    for (unsigned n = 1; denied; n++) {
        struct arena arena;
        arena_init(&arena, each_its_own, plenty);
        memory_fail_at(n);
        struct str is = request_written(codec, request, &arena);
        denied = memory_calls() >= n;
        memory_fail_at(0);
        if (denied) assert_null(is.at);
        written_check(codec, is, wanted, n);
        arena_free(&arena);
    }
    denied = true;
    for (size_t most = 0; denied; most += 16) {
        struct arena arena;
        arena_init(&arena, each_its_own, most);
        struct str is = request_written(codec, request, &arena);
        denied = !is.at;
        written_check(codec, is, wanted, most);
        arena_free(&arena);
    }
    arena_free(&whole);
}

static void what_is_written_without_room_is_a_failure_and_no_half_of_it(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct message_request request;
        struct error error = {.code = error_none};
        struct str param = STR_NONE;
        assert_true(requests[i].codec->read_request(quoted(requests[i].body), STR("m"), false, &made, &request, &error,
                                                    &param));
        for (size_t w = 0; w < sizeof writers / sizeof *writers; w++)
            if (writers[w]->write_request) written_denied_each_in_turn(writers[w], &request);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_that_has_no_room_is_an_error_of_memory, begin, end),
        cmocka_unit_test_setup_teardown(texts_to_embed_that_have_no_room_are_an_error_of_memory, begin, end),
        cmocka_unit_test_setup_teardown(what_is_written_without_room_is_a_failure_and_no_half_of_it, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
