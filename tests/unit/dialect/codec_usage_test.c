/* codec_usage_test.c - what each vendor's counts say: which members may be missing, which are parts of others, and that
 * a count that cannot be is as if it had not been said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "dialect/codec.h"

#define OPENAI "{'choices':[{'message':{'content':'x'},'finish_reason':'stop'}],'usage':{%s}}"
#define ANTHROPIC "{'content':[{'type':'text','text':'x'}],'stop_reason':'end_turn','usage':{%s}}"
#define GEMINI "{'candidates':[{'content':{'parts':[{'text':'x'}]},'finishReason':'STOP'}],'usageMetadata':{%s}}"
#define OLLAMA "{'message':{'role':'assistant','content':'x'},'done':true,%s}"
#define CLOUDFLARE "{'success':true,'result':{'response':'x','usage':{%s}}}"
#define HUGGINGFACE "[{'generated_text':'x','details':{%s}}]"
#define RESPONSES \
    "{'status':'completed','output':[{'type':'message','content':[{'type':'output_text','text':'x'}]}],'usage':{%s}}"

static const struct {
    const struct codec *codec;
    const char *reply, *counts;
    struct usage wanted; /* input, output, cached, cache_write, reasoning, cost */
} said[] = {
    {&codec_openai, OPENAI, "'prompt_tokens':7,'completion_tokens':3,'total_tokens':10", {7, 3, -1, -1, -1, -1}},
    {&codec_openai, OPENAI, "'prompt_tokens':0,'completion_tokens':0", {0, 0, -1, -1, -1, -1}},
    {&codec_openai, OPENAI, "'input_tokens':7,'output_tokens':3", {7, 3, -1, -1, -1, -1}},
    {&codec_openai, OPENAI, "'total_tokens':9", {9, -1, -1, -1, -1, -1}},
    {&codec_openai,
     OPENAI,
     "'prompt_tokens':7,'prompt_tokens_details':{'cached_tokens':5,'cache_write_tokens':1},'completion_tokens':3,"
     "'completion_tokens_details':{'reasoning_tokens':2}",
     {7, 3, 5, 1, 2, -1}},
    {&codec_openai, OPENAI, "'prompt_tokens':7,'prompt_cache_hit_tokens':4", {7, -1, 4, -1, -1, -1}},
    {&codec_openai, OPENAI, "'completion_tokens':7,'other':{'cached_tokens':4}", {-1, 7, -1, -1, -1, -1}},
    /* reasoning beside the completion: the total tells */
    {&codec_openai,
     OPENAI,
     "'prompt_tokens':7,'completion_tokens':3,'total_tokens':15,'completion_tokens_details':{'reasoning_tokens':5}",
     {7, 8, -1, -1, 5, -1}},
    {&codec_openai,
     OPENAI,
     "'prompt_tokens':7,'completion_tokens':8,'total_tokens':15,'completion_tokens_details':{'reasoning_tokens':5}",
     {7, 8, -1, -1, 5, -1}},
    {&codec_openai, OPENAI, "'prompt_tokens':1,'cost':0.0000015", {1, -1, -1, -1, -1, 1500}},
    {&codec_openai, OPENAI, "'prompt_tokens':1,'cost':0", {1, -1, -1, -1, -1, 0}},
    {&codec_openai, OPENAI, "'prompt_tokens':1,'cost':-1", {1, -1, -1, -1, -1, -1}},
    {&codec_anthropic, ANTHROPIC, "'input_tokens':7,'output_tokens':3", {7, 3, -1, -1, -1, -1}},
    {&codec_anthropic,
     ANTHROPIC,
     "'input_tokens':7,'cache_read_input_tokens':20,'cache_creation_input_tokens':30,'output_tokens':3",
     {57, 3, 20, 30, -1, -1}},
    {&codec_anthropic, ANTHROPIC, "'input_tokens':7,'cache_read_input_tokens':20", {27, -1, 20, -1, -1, -1}},
    {&codec_anthropic, ANTHROPIC, "'input_tokens':7,'cache_creation_input_tokens':30", {37, -1, -1, 30, -1, -1}},
    {&codec_anthropic, ANTHROPIC, "'input_tokens':0,'cache_read_input_tokens':0", {0, -1, 0, -1, -1, -1}},
    {&codec_anthropic,
     ANTHROPIC,
     "'output_tokens':3,'output_tokens_details':{'thinking_tokens':2}",
     {-1, 3, -1, -1, 2, -1}},
    {&codec_gemini, GEMINI, "'promptTokenCount':7,'candidatesTokenCount':3", {7, 3, -1, -1, -1, -1}},
    {&codec_gemini,
     GEMINI,
     "'promptTokenCount':7,'toolUsePromptTokenCount':2,'candidatesTokenCount':3,'thoughtsTokenCount':5,"
     "'cachedContentTokenCount':6",
     {9, 8, 6, -1, 5, -1}},
    {&codec_gemini, GEMINI, "'promptTokenCount':7,'toolUsePromptTokenCount':0", {7, -1, -1, -1, -1, -1}},
    {&codec_gemini, GEMINI, "'promptTokenCount':7,'thoughtsTokenCount':5", {7, 5, -1, -1, 5, -1}},
    {&codec_gemini, GEMINI, "'promptTokenCount':0,'candidatesTokenCount':0", {0, 0, -1, -1, -1, -1}},
    {&codec_gemini, GEMINI, "'toolUsePromptTokenCount':2", {-1, -1, -1, -1, -1, -1}},
    {&codec_ollama, OLLAMA, "'prompt_eval_count':7,'eval_count':3", {7, 3, -1, -1, -1, -1}},
    {&codec_ollama, OLLAMA, "'eval_count':0", {-1, 0, -1, -1, -1, -1}}, /* a cached prompt is left out */
    {&codec_cloudflare,
     CLOUDFLARE,
     "'prompt_tokens':7,'completion_tokens':3,'prompt_tokens_details':{'cached_tokens':5}",
     {7, 3, 5, -1, -1, -1}},
    {&codec_cloudflare, CLOUDFLARE, "'prompt_tokens':0", {0, -1, -1, -1, -1, -1}},
    {&codec_huggingface, HUGGINGFACE, "'generated_tokens':3,'input_length':7", {7, 3, -1, -1, -1, -1}},
    {&codec_huggingface,
     HUGGINGFACE,
     "'generated_tokens':3,'prefill':[{'id':1},{'id':2}]", /* the prompt's tokens one by one */
     {2, 3, -1, -1, -1, -1}},
    {&codec_huggingface, HUGGINGFACE, "'generated_tokens':3,'prefill':[]", {-1, 3, -1, -1, -1, -1}},
    {&codec_responses,
     RESPONSES,
     "'input_tokens':7,'input_tokens_details':{'cached_tokens':5},'output_tokens':3,"
     "'output_tokens_details':{'reasoning_tokens':2}",
     {7, 3, 5, -1, 2, -1}},
    {&codec_responses, RESPONSES, "'input_tokens':0,'output_tokens':0", {0, 0, -1, -1, -1, -1}},
};

static struct arena arena;

/* A reply with these counts; ' stands for ". */
static struct str reply_of(const char *form, const char *counts) {
    const char *at = counts ? strstr(form, "%s") : NULL;
    struct str text = at ? arena_printf(&arena, "%.*s%s%s", (int)(at - form), form, counts, at + 2)
                         : arena_printf(&arena, "%s", form);
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\'') ((char *)text.at)[i] = '"';
    return text;
}

static struct usage usage_of(const struct codec *codec, struct str body) {
    static const struct codec_quirks none;
    struct message_reply reply;
    bool error_inside;
    if (!codec->read_reply(body, &arena, &none, &reply, &error_inside) || error_inside)
        fail_msg("%.*s does not read %.*s", STR_ARG(codec->name), STR_ARG(body));
    return reply.usage;
}

static bool same(const struct usage *a, const struct usage *b) {
    return a->input_tokens == b->input_tokens && a->output_tokens == b->output_tokens &&
           a->cached_input_tokens == b->cached_input_tokens && a->cache_write_tokens == b->cache_write_tokens &&
           a->reasoning_tokens == b->reasoning_tokens && a->cost_nano_usd == b->cost_nano_usd;
}

static void counts_are_read_as_their_vendor_means_them(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct str body = reply_of(said[i].reply, said[i].counts);
        struct usage usage = usage_of(said[i].codec, body);
        if (!same(&usage, &said[i].wanted))
            fail_msg("%.*s: %.*s: input %d output %d cached %d written %d reasoning %d", STR_ARG(said[i].codec->name),
                     STR_ARG(body), (int)usage.input_tokens, (int)usage.output_tokens, (int)usage.cached_input_tokens,
                     (int)usage.cache_write_tokens, (int)usage.reasoning_tokens);
        arena_reset(&arena);
    }
}

/* What is billed beside plain tokens. */
static const struct {
    const struct codec *codec;
    const char *reply;
    struct usage wanted;
    struct meter meter;
} billed[] = {
    {&codec_openai,
     "{'choices':[{'message':{'content':'x'},'finish_reason':'stop'}],'service_tier':'priority','usage':{'prompt_"
     "tokens':"
     "90,'completion_tokens':30,'prompt_tokens_details':{'cached_tokens':50,'audio_tokens':40,'cached_tokens_details':{"
     "'audio_tokens':20},'cache_write_tokens':9,'cache_write_tokens_details':{'ttl_30m_tokens':5,'ttl_12h_tokens':4}},"
     "'completion_tokens_details':{'audio_tokens':25,'reasoning_tokens':1}}}",
     {90, 30, 50, 9, 1, -1},
     {.tier = tier_priority,
      .count = {[meter_audio_input] = 40,
                [meter_audio_cached] = 20,
                [meter_audio_output] = 25,
                [meter_cache_write_12h] = 4}}},
    {&codec_openai, /* Perplexity */
     "{'choices':[{'message':{'content':'x'},'finish_reason':'stop'}],'usage':{'prompt_tokens':9,'completion_tokens':3,"
     "'citation_tokens':7,'num_search_queries':2,'cost':{'total_cost':0.0060000001}}}",
     {9, 3, -1, -1, -1, 6000001},
     {.count = {[meter_citations] = 7, [meter_searches] = 2}}},
    {&codec_openai, /* xAI */
     "{'choices':[{'message':{'content':'x'},'finish_reason':'stop'}],'usage':{'prompt_tokens':9,'completion_tokens':3,"
     "'num_sources_used':4,'cost_in_usd_ticks':37756001}}",
     {9, 3, -1, -1, -1, 3775601},
     {.count = {[meter_searches] = 4}}},
    {&codec_anthropic,
     "{'content':[{'type':'text','text':'x'}],'stop_reason':'end_turn','usage':{'input_tokens':7,'cache_read_input_"
     "tokens'"
     ":20,'cache_creation_input_tokens':30,'cache_creation':{'ephemeral_5m_input_tokens':10,'ephemeral_1h_input_tokens'"
     ":20"
     "},'output_tokens':3,'service_tier':'priority','speed':'fast','inference_geo':'us','server_tool_use':{"
     "'web_search_requests':2,'web_fetch_requests':5}}}",
     {57, 3, 20, 30, -1, -1},
     {.tier = tier_priority,
      .speed = meter_speed_fast,
      .region = region_us,
      .count = {[meter_cache_write_1h] = 20, [meter_searches] = 2}}},
    {&codec_anthropic,
     "{'content':[{'type':'text','text':'x'}],'stop_reason':'end_turn','usage':{'input_tokens':7,'output_tokens':3,"
     "'service_tier':'batch','inference_geo':'not_available'}}",
     {7, 3, -1, -1, -1, -1},
     {.batch = true}},
    {&codec_gemini,
     "{'candidates':[{'content':{'parts':[{'text':'x'}]},'finishReason':'STOP','groundingMetadata':{'webSearchQueries':"
     "["
     "'a','b'],'groundingChunks':[{'web':{}},{'maps':{}}]}}],'modelVersion':'gemini-3.5-flash','usageMetadata':{"
     "'promptTokenCount':90,'candidatesTokenCount':30,'cachedContentTokenCount':50,'toolUsePromptTokenCount':10,"
     "'promptTokensDetails':[{'modality':'TEXT','tokenCount':50},{'modality':'AUDIO','tokenCount':30},{'modality':'"
     "IMAGE',"
     "'tokenCount':10}],'cacheTokensDetails':[{'modality':'AUDIO','tokenCount':20}],'toolUsePromptTokensDetails':[{"
     "'modality':'IMAGE','tokenCount':10}],'candidatesTokensDetails':[{'modality':'IMAGE','tokenCount':25}],'"
     "trafficType':"
     "'ON_DEMAND_FLEX'}}",
     {100, 30, 50, -1, -1, -1},
     {.tier = tier_flex,
      .count = {[meter_audio_input] = 30,
                [meter_image_input] = 20,
                [meter_audio_cached] = 20,
                [meter_image_output] = 25,
                [meter_searches] = 2,
                [meter_maps] = 1}}},
    {&codec_gemini, /* maps alone */
     "{'candidates':[{'content':{'parts':[{'text':'x'}]},'finishReason':'STOP','groundingMetadata':{'groundingChunks':["
     "{'maps':{}}]}}],'modelVersion':'gemini-3.5-flash','usageMetadata':{'promptTokenCount':9,'candidatesTokenCount':3}"
     "}",
     {9, 3, -1, -1, -1, -1},
     {.count = {[meter_maps] = 1}}},
    {&codec_gemini, /* before 3 the answer is billed, not the query */
     "{'candidates':[{'content':{'parts':[{'text':'x'}]},'finishReason':'STOP','groundingMetadata':{'webSearchQueries':"
     "["
     "'a','b']}}],'modelVersion':'gemini-2.5-pro','usageMetadata':{'promptTokenCount':9,'candidatesTokenCount':3}}",
     {9, 3, -1, -1, -1, -1},
     {.count = {[meter_searches] = 1}}},
    {&codec_responses,
     "{'status':'completed','service_tier':'flex','output':[{'type':'web_search_call','action':{'type':'search'}},{'"
     "type':"
     "'web_search_call','action':{'type':'open_page'}},{'type':'file_search_call'},{'type':'code_interpreter_call',"
     "'container_id':'c'},{'type':'code_interpreter_call','container_id':'c'},{'type':'message','content':[{'type':"
     "'output_text','text':'x'}]}],'usage':{'input_tokens':70,'input_tokens_details':{'cached_tokens':5,"
     "'cache_write_tokens':9,'cache_write_tokens_details':{'ttl_12h_tokens':4}},'output_tokens':3,'cost_in_usd_ticks':"
     "11}}",
     {70, 3, 5, 9, -1, 2},
     {.tier = tier_flex,
      .count =
          {[meter_searches] = 1, [meter_file_searches] = 1, [meter_code_sessions] = 1, [meter_cache_write_12h] = 4}}},
    {&codec_responses, /* what it tells itself counts */
     "{'status':'completed','output':[{'type':'web_search_call'}],'tool_usage':{'web_search':{'num_requests':3}},'"
     "usage':{"
     "'input_tokens':7,'output_tokens':3}}",
     {7, 3, -1, -1, -1, -1},
     {.count = {[meter_searches] = 3}}},
    /* why a prompt cache had less */
    {&codec_openai,
     "{'choices':[{'message':{'content':'x'},'finish_reason':'stop'}],'usage':{'prompt_tokens':9,'completion_tokens':3}"
     ","
     "'prompt_cache_diagnostics':{'cache_miss':{'reason':'model_changed','cache_missed_tokens':7}}}",
     {9, 3, -1, -1, -1, -1},
     {.miss = cache_miss_model_changed, .missed_tokens = 7}},
    {&codec_anthropic,
     "{'content':[{'type':'text','text':'x'}],'stop_reason':'end_turn','usage':{'input_tokens':7,'output_tokens':3},"
     "'diagnostics':{'cache_miss_reason':{'type':'system_changed','cache_missed_input_tokens':5}}}",
     {7, 3, -1, -1, -1, -1},
     {.miss = cache_miss_system_changed, .missed_tokens = 5}},
    {&codec_responses,
     "{'status':'completed','output':[],'usage':{'input_tokens':7,'output_tokens':3},'prompt_cache_diagnostics':{"
     "'cache_miss':{'reason':'input_changed','cache_missed_tokens':6}}}",
     {7, 3, -1, -1, -1, -1},
     {.miss = cache_miss_messages_changed, .missed_tokens = 6}},
};

static bool same_meter(const struct meter *a, const struct meter *b) {
    return !memcmp(a->count, b->count, sizeof a->count) && a->tier == b->tier && a->speed == b->speed &&
           a->region == b->region && a->batch == b->batch && a->miss == b->miss && a->missed_tokens == b->missed_tokens;
}

static void billed_check(const char *where, size_t i, const struct usage *usage) {
    static const struct meter none;
    const struct meter *meter = usage->meter ? usage->meter : &none;
    if (same(usage, &billed[i].wanted) && same_meter(meter, &billed[i].meter)) return;
    for (unsigned c = 0; c < meter_counts; c++)
        if (meter->count[c]) print_error("%.*s %u\n", STR_ARG(meter_count_name((enum meter_count)c)), meter->count[c]);
    fail_msg("%s: %.*s, row %d: input %d output %d cached %d written %d cost %d tier %d", where,
             STR_ARG(billed[i].codec->name), (int)i, (int)usage->input_tokens, (int)usage->output_tokens,
             (int)usage->cached_input_tokens, (int)usage->cache_write_tokens, (int)usage->cost_nano_usd, meter->tier);
}

static void what_is_billed_beside_tokens_is_read_in_a_whole_reply(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof billed / sizeof *billed; i++) {
        struct usage usage = usage_of(billed[i].codec, reply_of(billed[i].reply, NULL));
        billed_check("whole", i, &usage);
        arena_reset(&arena);
    }
}

/* The event that ends a stream says what a whole reply does. */
static struct str event_of(const struct codec *codec, struct str reply) {
    if (codec == &codec_responses)
        return arena_printf(&arena, "{\"type\":\"response.completed\",\"response\":%.*s}", STR_ARG(reply));
    if (codec != &codec_anthropic) return reply;
    return arena_printf(&arena, "{\"type\":\"message_start\",\"message\":%.*s}", STR_ARG(reply));
}

static void what_is_billed_beside_tokens_is_read_in_a_stream(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof billed / sizeof *billed; i++) {
        static const struct codec_quirks none;
        _Alignas(16) char reader[1024] = {0};
        struct message_events events = {.arena = &arena};
        struct usage usage = USAGE_NONE;
        struct meter meter = {.said = false};
        usage.meter = &meter;
        struct str event = event_of(billed[i].codec, reply_of(billed[i].reply, NULL));
        assert_true(billed[i].codec->read_event(reader, STR(""), event, &arena, &none, &events));
        for (size_t e = 0; e < events.count; e++) usage_merge(&usage, &events.list[e].usage);
        billed_check("stream", i, &usage);
        arena_reset(&arena);
    }
}

/* Whichever of its counts one says, zero or more: a stream's event says of them what a whole reply does, where there is
 * one of input or of output. */
static void a_stream_says_whichever_counts_a_whole_reply_says(void **state) {
    static const struct {
        const struct codec *codec;
        const char *reply, *event, *names[5]; /* event NULL: as the reply, in what ends a stream */
    } tables[] = {
        {&codec_openai,
         OPENAI,
         NULL,
         {"'prompt_tokens':%d", "'completion_tokens':%d", "'prompt_tokens_details':{'cached_tokens':%d}",
          "'completion_tokens_details':{'reasoning_tokens':%d}", "'total_tokens':%d"}},
        {&codec_anthropic,
         ANTHROPIC,
         NULL,
         {"'input_tokens':%d", "'output_tokens':%d", "'cache_read_input_tokens':%d", "'cache_creation_input_tokens':%d",
          "'output_tokens_details':{'thinking_tokens':%d}"}},
        {&codec_anthropic,
         ANTHROPIC,
         "{'type':'message_delta','delta':{'stop_reason':'end_turn'},'usage':{%s}}",
         {"'input_tokens':%d", "'output_tokens':%d", "'cache_read_input_tokens':%d", "'cache_creation_input_tokens':%d",
          "'output_tokens_details':{'thinking_tokens':%d}"}},
        {&codec_gemini,
         GEMINI,
         NULL,
         {"'promptTokenCount':%d", "'candidatesTokenCount':%d", "'thoughtsTokenCount':%d",
          "'cachedContentTokenCount':%d", "'toolUsePromptTokenCount':%d"}},
        {&codec_ollama, OLLAMA, NULL, {"'prompt_eval_count':%d", "'eval_count':%d"}},
        {&codec_cloudflare,
         CLOUDFLARE,
         "{'response':'x','usage':{%s}}",
         {"'prompt_tokens':%d", "'completion_tokens':%d", "'prompt_tokens_details':{'cached_tokens':%d}"}},
        {&codec_huggingface,
         HUGGINGFACE,
         "{'token':{'text':'x'},'generated_text':'x','details':{%s}}",
         {"'generated_tokens':%d", "'input_length':%d"}},
        {&codec_responses,
         RESPONSES,
         NULL,
         {"'input_tokens':%d", "'output_tokens':%d", "'input_tokens_details':{'cached_tokens':%d}",
          "'output_tokens_details':{'reasoning_tokens':%d}", "'cost_in_usd_ticks':%d"}},
    };
    (void)state;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        unsigned names = 0, ways = 1;
        while (names < 5 && tables[t].names[names]) names++, ways *= 3;
        for (unsigned way = 0; way < ways; way++) {
            static const struct codec_quirks none;
            _Alignas(16) char reader[1024] = {0};
            char counts[512] = "";
            size_t len = 0;
            unsigned digits = way;
            for (unsigned n = 0; n < names; n++, digits /= 3) { /* 0: not said, 1: none of them, 2: some */
                if (digits % 3 == 0) continue;
                if (len) counts[len++] = ',';
                const char *name = tables[t].names[n], *at = strstr(name, "%d");
                len += (size_t)snprintf(counts + len, sizeof counts - len, "%.*s%u%s", (int)(at - name), name,
                                        digits % 3 == 1 ? 0 : n + 2, at + 2);
            }
            if (!len) snprintf(counts, sizeof counts, "'other':1");
            struct usage whole = usage_of(tables[t].codec, reply_of(tables[t].reply, counts)), streamed = USAGE_NONE;
            struct str event = tables[t].event ? reply_of(tables[t].event, counts)
                                               : event_of(tables[t].codec, reply_of(tables[t].reply, counts));
            struct message_events events = {.arena = &arena};
            assert_true(tables[t].codec->read_event(reader, STR(""), event, &arena, &none, &events));
            for (size_t e = 0; e < events.count; e++) usage_merge(&streamed, &events.list[e].usage);
            if (usage_is_known(&whole) && !same(&whole, &streamed))
                fail_msg("%.*s: %s: input %d %d output %d %d cached %d %d written %d %d reasoning %d %d",
                         STR_ARG(tables[t].codec->name), counts, (int)whole.input_tokens, (int)streamed.input_tokens,
                         (int)whole.output_tokens, (int)streamed.output_tokens, (int)whole.cached_input_tokens,
                         (int)streamed.cached_input_tokens, (int)whole.cache_write_tokens,
                         (int)streamed.cache_write_tokens, (int)whole.reasoning_tokens, (int)streamed.reasoning_tokens);
            arena_reset(&arena);
        }
    }
}

static void a_count_that_cannot_be_is_not_said(void **state) {
    static const struct {
        const struct codec *codec;
        const char *reply, *names[3];
    } tables[] = {
        {&codec_openai, OPENAI, {"prompt_tokens", "completion_tokens", "total_tokens"}},
        {&codec_anthropic, ANTHROPIC, {"input_tokens", "output_tokens", "cache_read_input_tokens"}},
        {&codec_gemini, GEMINI, {"promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"}},
        {&codec_ollama, OLLAMA, {"prompt_eval_count", "eval_count", "eval_count"}},
        {&codec_cloudflare, CLOUDFLARE, {"prompt_tokens", "completion_tokens", "completion_tokens"}},
        {&codec_huggingface, HUGGINGFACE, {"generated_tokens", "input_length", "input_length"}},
        {&codec_responses, RESPONSES, {"input_tokens", "output_tokens", "output_tokens"}},
    };
    static const char *const values[] = {"-1", "-7",  "'12'",          "null",  "true",
                                         "{}", "[5]", "1000000000001", "1e300", "99999999999999999999"};
    (void)state;
    for (size_t d = 0; d < sizeof tables / sizeof *tables; d++)
        for (size_t n = 0; n < 3; n++)
            for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
                char counts[128];
                snprintf(counts, sizeof counts, "'%s':%s", tables[d].names[n], values[v]);
                struct usage usage = usage_of(tables[d].codec, reply_of(tables[d].reply, counts));
                struct usage none = USAGE_NONE;
                if (!same(&usage, &none)) fail_msg("%.*s: %s", STR_ARG(tables[d].codec->name), counts);
                arena_reset(&arena);
            }
}

/* What is written of a count is read back as the same, whatever was not known. */
static void counts_survive_each_dialect_that_tells_them(void **state) {
    static const struct codec *const codecs[] = {&codec_openai, &codec_anthropic, &codec_gemini, &codec_responses};
    static const struct usage usages[] = {{7, 3, -1, -1, -1, -1},
                                          {7, 3, 5, -1, -1, -1},
                                          {7, 3, 7, -1, 3, -1},
                                          {9, 8, 2, -1, 5, -1},
                                          {0, 0, -1, -1, -1, -1}};
    static const struct codec_caller caller = {.model = STR("m"), .request_id = STR("r"), .now_s = 1};
    (void)state;
    for (size_t c = 0; c < sizeof codecs / sizeof *codecs; c++)
        for (size_t u = 0; u < sizeof usages / sizeof *usages; u++) {
            struct message_part part = {.kind = part_text, .text = STR("x")};
            struct message_choice choice = {.parts = &part, .part_count = 1, .finish = finish_stop};
            struct message_reply reply = {.choices = &choice, .choice_count = 1, .usage = usages[u]};
            struct text text = text_in_arena(&arena, 512);
            codecs[c]->write_reply(&reply, &caller, &text);
            struct usage usage = usage_of(codecs[c], text_str(&text)), wanted = usages[u];
            if (usage.cached_input_tokens == 0 && wanted.cached_input_tokens < 0) usage.cached_input_tokens = -1;
            if (usage.reasoning_tokens == 0 && wanted.reasoning_tokens < 0) usage.reasoning_tokens = -1;
            if (!same(&usage, &wanted)) fail_msg("%.*s: %.*s", STR_ARG(codecs[c]->name), STR_ARG(text_str(&text)));
            arena_reset(&arena);
        }
}

/* What a prompt's tokens were counted to: said and read by the dialects that have such a question. */
static void a_count_of_a_prompt_is_read_as_it_is_written(void **state) {
    static const struct codec *const codecs[] = {&codec_anthropic, &codec_gemini, &codec_responses};
    static const size_t other[] = {1, 2, 1}; /* one with other words */
    static const char *const others[] = {"", "{}", "[]", "{\"input_tokens\":\"7\"}", "{\"totalTokens\":null}"};
    (void)state;
    for (size_t c = 0; c < sizeof codecs / sizeof *codecs; c++) {
        for (int64_t tokens = 0; tokens < 3000000; tokens = tokens * 3 + 1) {
            struct text text = text_in_arena(&arena, 64);
            codecs[c]->write_count(tokens, &text);
            assert_int_equal(codecs[c]->read_count(text_str(&text), &arena), tokens);
            assert_int_equal(codecs[other[c]]->read_count(text_str(&text), &arena), -1);
        }
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            assert_int_equal(codecs[c]->read_count(str_from(others[i]), &arena), -1);
        arena_reset(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_read_as_their_vendor_means_them),
        cmocka_unit_test(what_is_billed_beside_tokens_is_read_in_a_whole_reply),
        cmocka_unit_test(what_is_billed_beside_tokens_is_read_in_a_stream),
        cmocka_unit_test(a_stream_says_whichever_counts_a_whole_reply_says),
        cmocka_unit_test(a_count_that_cannot_be_is_not_said),
        cmocka_unit_test(counts_survive_each_dialect_that_tells_them),
        cmocka_unit_test(a_count_of_a_prompt_is_read_as_it_is_written),
    };
    arena_init(&arena, 16 * 1024, 64 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
