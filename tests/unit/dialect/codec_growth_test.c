/* codec_growth_test.c - no input makes a translation cost more than its length: families of messages, each at a size
 * and at eight times that size, are written and read by every dialect, and the bytes taken and put out must have grown
 * about eightfold. Counted, not timed; the time is only told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "dialect/outbound.h"
#include "dialect/lines.h"
#include "dialect/quirks.h"
#include "dialect/sse.h"

enum { small_size = 512, times = 8, allowed_times = 10, allowed_bytes = 64 * 1024, deepest = 240 };

static const struct codec_caller caller = {{"m", 1}, {"req_1", 5}, 1700000000, true, true, false};
static struct arena made; /* what the families are made of */
static size_t wrong;

struct cost {
    size_t taken, out; /* bytes of arenas; of text */
    double seconds;
};

static void cost_check(const char *family, const char *dialect, const char *what, const struct cost *of) {
    size_t taken_most = allowed_times * of[0].taken + allowed_bytes,
           out_most = allowed_times * of[0].out + allowed_bytes;
    bool good = of[1].taken <= taken_most && of[1].out <= out_most;
    if (of[1].seconds > 0.05 || !good)
        print_message("%s, %s %s: %zu then %zu bytes taken, %zu then %zu told, %.3f then %.3f s\n", family, dialect,
                      what, of[0].taken, of[1].taken, of[0].out, of[1].out, of[0].seconds, of[1].seconds);
    wrong += !good;
}

static void *take(size_t size) {
    void *taken = arena_take_zeroed(&made, size + 1);
    assert_non_null(taken);
    return taken;
}

/* -- families -- */

static struct message_part text_of(struct str text) { return (struct message_part){.kind = part_text, .text = text}; }

static struct message_part call_of(size_t number) {
    return (struct message_part){.kind = part_tool_call,
                                 .of = dialect_anthropic,
                                 .id = arena_printf(&made, "call_%zu", number),
                                 .name = arena_printf(&made, "tool_%zu", number % 7),
                                 .arguments = STR("{\"a\":[1,2,{\"b\":null}]}")};
}

static struct message_part result_of(size_t number) {
    struct message_part part = {.kind = part_tool_result, .id = arena_printf(&made, "call_%zu", number)};
    part.parts = take(sizeof *part.parts);
    part.parts[part.part_count++] = text_of(STR("21 degrees"));
    return part;
}

static struct str repeated(const char *piece, size_t count) {
    struct text text = text_in_arena(&made, count * strlen(piece) + 1);
    for (size_t i = 0; i < count; i++) text_put(&text, str_from(piece));
    return text_str(&text);
}

static struct str nested(size_t depth) {
    if (depth > deepest) depth = deepest;
    struct text text = text_in_arena(&made, 6 * depth + 8);
    for (size_t i = 0; i < depth; i++) text_put(&text, i % 2 ? STR("[") : STR("{\"a\":"));
    text_put(&text, STR("1"));
    for (size_t i = depth; i-- > 0;) text_put(&text, i % 2 ? STR("]") : STR("}"));
    return text_str(&text);
}

/* An empty request with room for this many. */
static struct message_request request_with(size_t messages, size_t parts) {
    struct message_request request;
    message_request_init(&request, dialect_openai);
    request.model = STR("m");
    request.messages = take(messages * sizeof *request.messages);
    request.message_count = messages;
    for (size_t i = 0; i < messages; i++) request.messages[i].role = i % 2 ? message_assistant : message_user;
    for (size_t i = 0; i < messages && parts; i++)
        request.messages[i].parts = take(parts * sizeof *request.messages[i].parts);
    return request;
}

static void add(struct message *message, struct message_part part) { message->parts[message->part_count++] = part; }

static struct message_request many_messages(size_t size) {
    struct message_request request = request_with(size, 1);
    for (size_t i = 0; i < size; i++) add(&request.messages[i], text_of(STR("Hello \"you\"")));
    return request;
}

static struct message_request many_of_one_role(size_t size) {
    struct message_request request = many_messages(size);
    for (size_t i = 0; i < size; i++) request.messages[i].role = message_assistant;
    return request;
}

static struct message_request many_system_messages(size_t size) {
    struct message_request request = many_messages(size);
    for (size_t i = 1; i < size; i++) request.messages[i].role = i % 2 ? message_system : message_developer;
    return request;
}

static struct message_request many_parts(size_t size) {
    struct message_request request = request_with(1, size);
    for (size_t i = 0; i < size; i++) {
        struct message_part part = text_of(STR("Hello \"you\""));
        if (i % 3 == 1)
            part = (struct message_part){.kind = part_image, .media = {.data = STR("AA=="), .mime = STR("image/png")}};
        add(&request.messages[0], part);
    }
    return request;
}

static struct message_request many_tools(size_t size) {
    struct message_request request = request_with(1, 1);
    add(&request.messages[0], text_of(STR("Hello")));
    request.tools = take(size * sizeof *request.tools);
    for (; request.tool_count < size; request.tool_count++)
        request.tools[request.tool_count] =
            (struct message_tool){.name = arena_printf(&made, "tool_%zu", request.tool_count),
                                  .description = STR("Does \"it\""),
                                  .parameters = STR("{\"type\":\"object\",\"properties\":{}}")};
    return request;
}

static struct message_request many_calls(size_t size) {
    struct message_request request = request_with(2, size);
    request.messages[0].role = message_assistant;
    request.messages[1].role = message_user;
    for (size_t i = 0; i < size; i++) add(&request.messages[0], call_of(i));
    for (size_t i = 0; i < size; i++) add(&request.messages[1], result_of(size - 1 - i));
    return request;
}

/* An agent's history: call, result, call, result. */
static struct message_request many_rounds(size_t size) {
    struct message_request request = request_with(size, 1);
    for (size_t i = 0; i < size; i++) {
        request.messages[i].role = i % 2 ? message_tool : message_assistant;
        add(&request.messages[i], i % 2 ? result_of(i / 2) : call_of(i / 2));
    }
    return request;
}

static struct message_request many_inner_parts(size_t size) {
    struct message_request request = request_with(1, 1);
    struct message_part result = {.kind = part_tool_result, .id = STR("c"), .parts = take(size * sizeof *result.parts)};
    request.messages[0].role = message_tool;
    for (size_t i = 0; i < size; i++) result.parts[result.part_count++] = text_of(STR("a line\n"));
    add(&request.messages[0], result);
    return request;
}

static struct message_request nested_arguments(size_t size) {
    struct message_request request = request_with(1, 1);
    request.messages[0].role = message_assistant;
    struct message_part call = call_of(0);
    call.arguments = nested(size / 16);
    add(&request.messages[0], call);
    return request;
}

static struct message_request long_escapes(size_t size) {
    struct message_request request = request_with(2, 2);
    add(&request.messages[0], text_of(repeated("\"\\\n\x01\xe2\x82\xac", size)));
    struct message_part call = call_of(0);
    call.arguments = repeated("{\"", size);
    add(&request.messages[1], call);
    return request;
}

static struct message_request many_stops(size_t size) {
    struct message_request request = request_with(1, 1);
    add(&request.messages[0], text_of(STR("Hello")));
    request.stop = take(size * sizeof *request.stop);
    while (request.stop_count < size) request.stop[request.stop_count++] = STR("stop");
    return request;
}

static const struct {
    const char *name;
    struct message_request (*make)(size_t size);
} requests[] = {
    {"many messages", many_messages},
    {"many messages of one role", many_of_one_role},
    {"many system messages", many_system_messages},
    {"many parts", many_parts},
    {"many tools", many_tools},
    {"many calls and results", many_calls},
    {"many rounds of calls", many_rounds},
    {"many parts of a result", many_inner_parts},
    {"nested arguments", nested_arguments},
    {"long strings of escapes", long_escapes},
    {"many stop sequences", many_stops},
};

/* -- requests -- */

static struct cost read_cost(const struct codec *codec, const char *family, struct str body) {
    struct message_request back;
    struct error error = {.code = error_none};
    struct str param = STR_NONE;
    struct arena arena;
    arena_init(&arena, 1024, SIZE_MAX);
    clock_t begun = clock();
    if (!codec->read_request(body, STR("m"), false, &arena, &back, &error, &param)) {
        print_message("%s, %s: %s\n", family, codec->name.at, error.message);
        wrong++;
    }
    message_features(&back, dialect_openai);
    struct cost cost = {arena.taken, body.len, (double)(clock() - begun) / CLOCKS_PER_SEC};
    arena_free(&arena);
    return cost;
}

static void requests_grow_evenly(void **state) {
    (void)state;
    wrong = 0;
    for (size_t f = 0; f < sizeof requests / sizeof *requests; f++)
        for (unsigned d = 0; d < dialects; d++) {
            const struct codec *codec = codec_of((enum dialect)d);
            if (!codec || !codec->write_request) continue;
            struct cost written[2], read[2];
            for (size_t i = 0; i < 2; i++) {
                arena_init(&made, 1 << 20, SIZE_MAX);
                struct message_request request = requests[f].make(i ? times * small_size : small_size);
                struct codec_target target = {STR("m"), quirks_of(STR(""), STR("")), 8192, true, false};
                struct arena arena;
                arena_init(&arena, 1024, SIZE_MAX);
                struct text text = text_in_arena(&arena, 1024);
                clock_t begun = clock();
                codec->write_request(&request, &target, &text);
                written[i] = (struct cost){arena.taken, text.len, (double)(clock() - begun) / CLOCKS_PER_SEC};
                assert_false(text.failed);
                read[i] = read_cost(codec, requests[f].name, text_str(&text));
                arena_free(&arena);
                arena_free(&made);
            }
            cost_check(requests[f].name, codec->name.at, "writes", written);
            cost_check(requests[f].name, codec->name.at, "reads", read);
        }
    assert_int_equal(wrong, 0);
}

/* -- replies -- */

static struct message_part cited_text(size_t number) {
    struct message_part part = text_of(STR("Hello \"you\""));
    part.citations = take(sizeof *part.citations);
    part.citations[part.citation_count++] = (struct message_citation){
        .url = STR("https://a.example"), .title = STR("A"), .start = (int64_t)number, .end = INT32_MAX};
    return part;
}

static const struct {
    const char *name;
    struct message_part (*make)(size_t number); /* each part */
    bool choices;                               /* each stands in a choice of its own */
} replies[] = {
    {"many texts", cited_text, false}, /* each with one citation */
    {"many calls", call_of, false},
    {"many choices", call_of, true},
};

static struct message_reply reply_with(size_t family, size_t size) {
    struct message_reply reply = {.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    reply.choice_count = replies[family].choices ? size : 1;
    reply.choices = take(reply.choice_count * sizeof *reply.choices);
    for (size_t i = 0; i < reply.choice_count; i++)
        reply.choices[i].parts = take((replies[family].choices ? 1 : size) * sizeof *reply.choices[i].parts);
    for (size_t i = 0; i < size; i++) {
        struct message_choice *choice = &reply.choices[replies[family].choices ? i : 0];
        choice->parts[choice->part_count++] = replies[family].make(i);
    }
    return reply;
}

static struct cost reply_read_cost(const struct codec *codec, const char *family, struct str body) {
    struct message_reply back;
    struct arena arena;
    bool error_inside = false;
    arena_init(&arena, 1024, SIZE_MAX);
    clock_t begun = clock();
    if (!codec->read_reply(body, &arena, quirks_of(STR(""), STR("")), &back, &error_inside) || error_inside) {
        print_message("%s, %s: not read\n", family, codec->name.at);
        wrong++;
    }
    struct cost cost = {arena.taken, body.len, (double)(clock() - begun) / CLOCKS_PER_SEC};
    arena_free(&arena);
    return cost;
}

static void replies_grow_evenly(void **state) {
    (void)state;
    wrong = 0;
    for (size_t f = 0; f < sizeof replies / sizeof *replies; f++)
        for (unsigned d = 0; d < dialects; d++) {
            const struct codec *codec = codec_of((enum dialect)d);
            if (!codec || !codec->write_reply) continue;
            struct cost written[2], read[2];
            for (size_t i = 0; i < 2; i++) {
                struct arena arena;
                arena_init(&made, 1 << 20, SIZE_MAX);
                arena_init(&arena, 1024, SIZE_MAX);
                struct message_reply reply = reply_with(f, i ? times * small_size : small_size);
                struct text text = text_in_arena(&arena, 1024);
                clock_t begun = clock();
                codec->write_reply(&reply, &caller, &text);
                written[i] = (struct cost){arena.taken, text.len, (double)(clock() - begun) / CLOCKS_PER_SEC};
                assert_false(text.failed);
                read[i] = reply_read_cost(codec, replies[f].name, text_str(&text));
                arena_free(&arena);
                arena_free(&made);
            }
            cost_check(replies[f].name, codec->name.at, "writes a reply", written);
            cost_check(replies[f].name, codec->name.at, "reads a reply", read);
        }
    assert_int_equal(wrong, 0);
}

/* -- what only a stranger writes -- */

#define CALL_ITEM "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}"
#define RESULT_ITEM "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"21\"}"
#define CITED "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"u\",\"title\":\"t\",\"start_index\":1}}"

/* `each` and `also` are repeated, a comma between them; `head`, `middle`, `tail` stand once. */
static const struct {
    const char *name;
    enum dialect dialect;
    bool is_reply;
    const char *head, *each, *middle, *also, *tail;
} strangers[] = {
    {"calls one after the other", dialect_responses, false, "{\"input\":[", CALL_ITEM, "", "", "]}"},
    {"calls, then results", dialect_responses, false, "{\"input\":[", CALL_ITEM, ",", RESULT_ITEM, "]}"},
    {"calls and results by turns", dialect_responses, false, "{\"input\":[", CALL_ITEM "," RESULT_ITEM, "", "", "]}"},
    {"messages", dialect_responses, false, "{\"input\":[", "{\"role\":\"user\",\"content\":\"a\"}", "", "", "]}"},
    {"parts", dialect_responses, false, "{\"input\":[{\"role\":\"user\",\"content\":[",
     "{\"type\":\"input_text\",\"text\":\"a\"}", "", "", "]}]}"},
    {"reasoning", dialect_responses, false, "{\"input\":[",
     "{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"a\"}]}", "", "", "]}"},
    {"tools", dialect_responses, false, "{\"input\":\"a\",\"tools\":[", "{\"type\":\"function\",\"name\":\"f\"}", "",
     "", "]}"},
    {"unknown members", dialect_responses, false, "{\"input\":\"a\",", "\"x\":{}", "", "", "}"},
    {"unknown members", dialect_openai, false, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],", "\"x\":{}", "",
     "", "}"},
    {"members told again", dialect_openai, false, "{", "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]", "", "",
     "}"},
    {"tools told again", dialect_openai, false, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],",
     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]", "", "", "}"},
    {"unknown parts", dialect_openai, false, "{\"messages\":[{\"role\":\"user\",\"content\":[",
     "{\"type\":\"new\",\"a\":[[]]}", "", "", "]}]}"},
    {"unknown members", dialect_anthropic, false, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],", "\"x\":{}",
     "", "", "}"},
    {"citations", dialect_anthropic, false, "{\"messages\":[{\"role\":\"assistant\",\"content\":[",
     "{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"url\":\"u\"},{\"url\":\"u\"}]}", "", "", "]}]}"},
    {"unknown members", dialect_gemini, false, "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"generationConfig\":{",
     "\"new_x\":{}", "", "", "}}"},
    {"unknown members of a part", dialect_gemini, false, "{\"contents\":[{\"parts\":[{", "\"new_x\":{}", "", "",
     "}]}]}"},
    {"declarations", dialect_gemini, false, "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"tools\":[",
     "{\"function_declarations\":[{\"name\":\"f\"},{\"name\":\"g\"}]}", "", "", "]}"},
    {"options", dialect_ollama, false, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"options\":{",
     "\"temperature\":1", "", "", "}}"},
    {"parts and citations", dialect_openai, true, "{\"choices\":[{\"message\":{\"content\":[",
     "{\"type\":\"text\",\"text\":\"a\"}", "],\"annotations\":[", CITED, "]}}]}"},
    {"usages", dialect_openai, true, "{\"choices\":[],", "\"usage\":{\"prompt_tokens\":1}", "", "", "}"},
    {"parts and citations", dialect_gemini, true, "{\"candidates\":[{\"content\":{\"parts\":[", "{\"text\":\"a\"}",
     "]},\"citationMetadata\":{\"citationSources\":[", "{\"uri\":\"u\"}", "]}}]}"},
    {"calls", dialect_cloudflare, true, "{\"result\":{\"tool_calls\":[", "{\"name\":\"f\",\"arguments\":{}}", "", "",
     "]}}"},
    {"parts", dialect_cloudflare, false, "{\"messages\":[{\"role\":\"user\",\"content\":[",
     "{\"type\":\"text\",\"text\":\"a\"}", "", "", "]}]}"},
    {"unknown members", dialect_cloudflare, false, "{\"prompt\":\"a\",", "\"x\":{}", "", "", "}"},
    {"stops", dialect_huggingface, false, "{\"inputs\":\"a\",\"parameters\":{\"stop\":[", "\"a\"", "", "", "]}}"},
    {"tokens", dialect_huggingface, true, "[{\"generated_text\":\"a\",\"details\":{\"prefill\":[", "{}", "", "",
     "]}}]"},
    {"unknown blocks", dialect_anthropic, true, "{\"content\":[", "{\"type\":\"new\",\"a\":[[]]}", "", "", "]}"},
    {"parts", dialect_responses, true, "{\"output\":[{\"type\":\"message\",\"content\":[",
     "{\"type\":\"output_text\",\"text\":\"a\",\"annotations\":[{\"url\":\"u\"}]}", "", "", "]}]}"},
    {"reasoning", dialect_responses, true, "{\"output\":[{\"type\":\"reasoning\",\"summary\":[", "{\"text\":\"a\"}", "",
     "", "]}]}"},
};

static void list_put(struct text *text, const char *each, size_t count) {
    for (size_t i = 0; i < count && *each; i++) {
        if (i) text_put_byte(text, ',');
        text_put(text, str_from(each));
    }
}

static void strangers_grow_evenly(void **state) {
    (void)state;
    wrong = 0;
    for (size_t s = 0; s < sizeof strangers / sizeof *strangers; s++) {
        const struct codec *codec = codec_of(strangers[s].dialect);
        struct cost read[2];
        for (size_t i = 0; i < 2; i++) {
            size_t size = i ? times * small_size : small_size;
            arena_init(&made, 1 << 20, SIZE_MAX);
            struct text text = text_in_arena(&made, 4096);
            text_put(&text, str_from(strangers[s].head));
            list_put(&text, strangers[s].each, size);
            text_put(&text, str_from(strangers[s].middle));
            list_put(&text, strangers[s].also, size);
            text_put(&text, str_from(strangers[s].tail));
            read[i] = strangers[s].is_reply ? reply_read_cost(codec, strangers[s].name, text_str(&text))
                                            : read_cost(codec, strangers[s].name, text_str(&text));
            arena_free(&made);
        }
        cost_check(strangers[s].name, codec->name.at, "reads", read);
    }
    assert_int_equal(wrong, 0);
}

/* Results in results, as deep as JSON may be. */
static void nested_results_grow_evenly(void **state) {
    (void)state;
    struct cost read[2];
    wrong = 0;
    for (size_t i = 0; i < 2; i++) {
        size_t depth = i ? times * 15 : 15;
        arena_init(&made, 1 << 20, SIZE_MAX);
        struct text text = text_in_arena(&made, 4096);
        text_put(&text, STR("{\"messages\":[{\"role\":\"user\",\"content\":"));
        for (size_t d = 0; d < depth; d++) text_put(&text, STR("[{\"type\":\"tool_result\",\"content\":"));
        text_put(&text, STR("\"a\""));
        for (size_t d = 0; d < depth; d++) text_put(&text, STR("}]"));
        text_put(&text, STR("}]}"));
        read[i] = read_cost(&codec_anthropic, "results in results", text_str(&text));
        arena_free(&made);
    }
    cost_check("results in results", "anthropic", "reads", read);
    assert_int_equal(wrong, 0);
}

/* -- streams -- */

struct stream {
    const struct codec *codec;
    void *writer;
    struct arena scratch, keep; /* an event's, which is given back behind it; the stream's */
    size_t taken;               /* of scratch, all events together */
    struct text *out;
};

static void event_put(struct stream *stream, struct message_event event) {
    struct text text = text_in_arena(&stream->scratch, 256);
    event.usage = USAGE_NONE;
    stream->codec->write_event(stream->writer, &event, &caller, &stream->keep, &text);
    assert_false(text.failed);
    text_put(stream->out, text_str(&text));
    stream->taken += stream->scratch.taken;
    arena_free(&stream->scratch);
}

static void many_texts(struct stream *stream, size_t size) {
    for (size_t i = 0; i < size; i++)
        event_put(stream, (struct message_event){.kind = message_event_text, .text = STR("\"a")});
}

static void many_kinds(struct stream *stream, size_t size) {
    for (size_t i = 0; i < size; i++)
        event_put(stream, (struct message_event){.kind = i % 2 ? message_event_text : message_event_reasoning,
                                                 .text = STR("a")});
}

static void call_put(struct stream *stream, unsigned tool) {
    event_put(stream,
              (struct message_event){.kind = message_event_tool, .tool = tool, .id = STR("c"), .name = STR("f")});
}

static void fragment_put(struct stream *stream, unsigned tool, struct str text) {
    event_put(stream, (struct message_event){.kind = message_event_arguments, .tool = tool, .text = text});
}

static void many_fragments(struct stream *stream, size_t size) {
    call_put(stream, 0);
    fragment_put(stream, 0, STR("{\"a\":\""));
    for (size_t i = 0; i < size; i++) fragment_put(stream, 0, STR("\\n"));
    fragment_put(stream, 0, STR("\"}"));
}

static void many_stream_calls(struct stream *stream, size_t size) {
    for (unsigned i = 0; i < size / 32; i++) { /* a reader may know 256 at most */
        call_put(stream, i);
        fragment_put(stream, i, STR("{\"a\":"));
        fragment_put(stream, i, STR("1}"));
    }
}

/* Two calls whose fragments come by turns. */
static void many_turns(struct stream *stream, size_t size) {
    for (unsigned i = 0; i < 2; i++) call_put(stream, i);
    for (unsigned i = 0; i < 2; i++) fragment_put(stream, i, STR("{\"a\":\""));
    for (unsigned i = 0; i < size; i++) fragment_put(stream, i % 2, STR("b"));
    for (unsigned i = 0; i < 2; i++) fragment_put(stream, i, STR("\"}"));
}

static void one_long_text(struct stream *stream, size_t size) {
    event_put(stream,
              (struct message_event){.kind = message_event_text, .text = repeated("\"\\\n\x01\xe2\x82\xac", size)});
}

static const struct {
    const char *name;
    void (*put)(struct stream *stream, size_t size);
    bool keeps; /* something is said that is to be kept */
} streams[] = {
    {"many texts", many_texts, false},        {"text and reasoning by turns", many_kinds, false},
    {"many fragments", many_fragments, true}, {"many calls in a stream", many_stream_calls, true},
    {"fragments by turns", many_turns, true}, {"one long text", one_long_text, false},
};

static struct cost stream_read_cost(const struct codec *codec, struct str bytes, size_t *kept) {
    struct arena keep, scratch;
    struct sse sse;
    struct lines lines;
    struct sse_event event;
    size_t taken = 0, said = 0;
    bool by_line = codec->framing == framing_ndjson;
    void *reader = take(codec->reader_size);
    clock_t begun = clock();
    arena_init(&keep, 1024, SIZE_MAX);
    arena_init(&scratch, 1024, SIZE_MAX);
    sse_init(&sse);
    lines_init(&lines);
    sse_feed(&sse, bytes);
    lines_feed(&lines, bytes);
    while ((by_line ? lines_next(&lines, &event) : sse_next(&sse, &scratch, &event)) == sse_got_event) {
        struct message_events events = {.arena = &scratch};
        if (!codec->read_event(reader, event.event, event.data, &keep, quirks_of(STR(""), STR("")), &events)) wrong++;
        said += events.count;
        taken += scratch.taken;
        arena_free(&scratch);
    }
    sse_free(&sse);
    lines_free(&lines);
    *kept = keep.taken;
    struct cost cost = {taken + keep.taken, said, (double)(clock() - begun) / CLOCKS_PER_SEC};
    arena_free(&keep);
    arena_free(&scratch);
    return cost;
}

static void stream_check(size_t family, const struct codec *codec) {
    struct cost written[2], read[2];
    size_t kept[2], reader_kept[2];
    for (size_t i = 0; i < 2; i++) {
        arena_init(&made, 1 << 20, SIZE_MAX);
        struct text out = text_in_arena(&made, 4096);
        struct stream stream = {.codec = codec, .writer = take(codec->writer_size), .out = &out};
        arena_init(&stream.keep, 1024, SIZE_MAX);
        arena_init(&stream.scratch, 1024, SIZE_MAX);
        clock_t begun = clock();
        event_put(&stream, (struct message_event){.kind = message_event_begin, .id = STR("i"), .model = STR("m")});
        streams[family].put(&stream, i ? times * small_size : small_size);
        event_put(&stream, (struct message_event){.kind = message_event_finish, .finish = finish_stop});
        event_put(&stream, (struct message_event){.kind = message_event_end});
        written[i] =
            (struct cost){stream.taken + stream.keep.taken, out.len, (double)(clock() - begun) / CLOCKS_PER_SEC};
        kept[i] = stream.keep.taken;
        read[i] = stream_read_cost(codec, text_str(&out), &reader_kept[i]);
        arena_free(&stream.keep);
        arena_free(&made);
    }
    cost_check(streams[family].name, codec->name.at, "writes", written);
    cost_check(streams[family].name, codec->name.at, "reads", read);
    bool keeps = streams[family].keeps,
         tells_again = codec->dialect == dialect_responses || codec->dialect == dialect_huggingface;
    if (keeps || (reader_kept[1] <= reader_kept[0] && (kept[1] <= kept[0] || tells_again))) return;
    print_message("%s, %s: keeps %zu, then %zu; reading %zu, then %zu\n", streams[family].name, codec->name.at, kept[0],
                  kept[1], reader_kept[0], reader_kept[1]);
    wrong++;
}

static void streams_grow_evenly(void **state) {
    (void)state;
    wrong = 0;
    for (size_t f = 0; f < sizeof streams / sizeof *streams; f++)
        for (unsigned d = 0; d < dialects; d++) {
            const struct codec *codec = codec_of((enum dialect)d);
            if (codec && codec->write_event) stream_check(f, codec);
        }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_grow_evenly),  cmocka_unit_test(replies_grow_evenly),
        cmocka_unit_test(strangers_grow_evenly), cmocka_unit_test(nested_results_grow_evenly),
        cmocka_unit_test(streams_grow_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
