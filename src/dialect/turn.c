/* turn.c - see turn.h. A link is a hash over what the messages say, without instructions, and over the words of the
 * answer and the names of what it calls: what clients send back of an answer differs from it in all else. */
#include "dialect/turn.h"

#include "dialect/fields.h"
#include "dialect/outbound.h"
#include "dialect/sse.h"

enum { choices_max = 128, calls_max = 256 };

/* -- the answer -- */

/* What a stream has said of one choice. */
struct turn_choice {
    struct text said, refusal;
    struct turn_call {
        struct str id, name;
        struct text arguments;
    } * calls;
    size_t call_count;
    bool begun, finished;
};

struct turn_stream {
    struct turn_choice *choices;
    size_t choice_count;
    struct str id;
    bool failed, broken; /* no memory; it told of an error */
    struct arena *arena;
};

static struct turn_choice *turn_choice_at(struct turn_stream *stream, unsigned number) {
    if (number >= choices_max) return NULL;
    struct turn_choice *choice = &stream->choices[number];
    if (choice->begun) return choice;
    *choice = (struct turn_choice){.said = text_in_arena(stream->arena, 256),
                                   .refusal = text_in_arena(stream->arena, 16),
                                   .calls = arena_take_zeroed(stream->arena, calls_max * sizeof *choice->calls),
                                   .begun = true};
    if (number >= stream->choice_count) stream->choice_count = number + 1;
    stream->failed |= !choice->calls;
    return choice;
}

static struct turn_call *call_at(struct turn_stream *stream, struct turn_choice *choice, unsigned number) {
    if (number >= calls_max || stream->failed) return NULL;
    struct turn_call *call = &choice->calls[number];
    if (!call->arguments.arena) call->arguments = text_in_arena(stream->arena, 64);
    if (number >= choice->call_count) choice->call_count = number + 1;
    return call;
}

static void event_add(struct turn_stream *stream, const struct message_event *event) {
    struct turn_choice *choice = turn_choice_at(stream, event->choice);
    struct turn_call *call = NULL;
    if (!choice || stream->failed) return;
    if (event->kind == message_event_tool || event->kind == message_event_arguments)
        call = call_at(stream, choice, event->tool);
    switch (event->kind) {
    case message_event_begin:
        if (!stream->id.len && event->id.len) stream->id = arena_copy(stream->arena, event->id);
        return;
    case message_event_text: text_put(&choice->said, event->text); return;
    case message_event_refusal: text_put(&choice->refusal, event->text); return;
    case message_event_tool:
        if (call && event->id.len) call->id = arena_copy(stream->arena, event->id);
        if (call && event->name.len) call->name = arena_copy(stream->arena, event->name);
        return;
    case message_event_arguments:
        if (call) text_put(&call->arguments, event->text);
        return;
    case message_event_finish: choice->finished = true; return;
    case message_event_error: stream->broken = true; return;
    default: return;
    }
}

/* Legacy completions: "choices":[{"text":...}] alone or in events. */
static bool completion_add(struct turn_stream *stream, struct str data) {
    const char *problem;
    size_t at, place = 0;
    const struct json_value *root = json_parse_in(stream->arena, data, &problem, &at);
    const struct json_value *list = json_member(root, "choices");
    if (!stream->id.len) stream->id = json_member_str(root, "id");
    for (const struct json_value *one; (one = json_each(list, &place, NULL));) {
        struct turn_choice *choice = turn_choice_at(stream, (unsigned)json_i64(json_member(one, "index"), 0));
        if (!choice) continue;
        text_put(&choice->said, json_member_str(one, "text"));
        choice->finished |= json_kind(json_member(one, "finish_reason")) == json_string;
    }
    return root != NULL;
}

static void data_add(struct turn_stream *stream, const struct codec *codec, void *reader, struct str event,
                     struct str data, struct arena *scratch) {
    static const struct codec_quirks none = {.refuses = 0};
    struct message_events events = {.arena = scratch};
    if (!codec->read_event) {
        completion_add(stream, data);
        return;
    }
    if (!codec->read_event(reader, event, data, stream->arena, &none, &events)) return;
    stream->failed |= events.failed;
    for (size_t i = 0; i < events.count && !events.failed; i++) event_add(stream, &events.list[i]);
}

/* Gemini's form of a stream that is one list. */
static void turn_list_read(struct turn_stream *stream, const struct codec *codec, void *reader, struct str answer,
                           struct arena *scratch) {
    const char *problem;
    size_t at, place = 0;
    const struct json_value *list = json_parse_in(stream->arena, answer, &problem, &at);
    for (const struct json_value *one; (one = json_each(list, &place, NULL));)
        data_add(stream, codec, reader, STR(""), json_raw(one, scratch), scratch);
}

static void events_read(struct turn_stream *stream, const struct codec *codec, struct str answer) {
    struct arena scratch;
    struct sse sse;
    struct sse_event event;
    void *reader = arena_take_zeroed(stream->arena, codec->reader_size + 16);
    arena_init_beside(&scratch, 16 * 1024, stream->arena);
    sse_init(&sse);
    sse_feed(&sse, answer);
    stream->failed |= !reader;
    if (reader && str_starts(str_trim(answer), STR("[")))
        turn_list_read(stream, codec, reader, answer, &scratch);
    else
        while (!stream->failed && sse_next(&sse, &scratch, &event) == sse_got_event) {
            if (!event.comment_only) data_add(stream, codec, reader, event.event, event.data, &scratch);
            arena_reset(&scratch);
        }
    sse_free(&sse);
    arena_free(&scratch);
}

static void stream_parts(struct turn_stream *stream, const struct turn_choice *from, struct message_choice *into) {
    struct message_part *parts = arena_take_zeroed(stream->arena, (from->call_count + 2) * sizeof *parts);
    stream->failed |= !parts || from->said.failed || from->refusal.failed;
    if (stream->failed) return;
    if (from->said.len)
        parts[into->part_count++] = (struct message_part){.kind = part_text, .text = text_str(&from->said)};
    if (from->refusal.len)
        parts[into->part_count++] = (struct message_part){.kind = part_refusal, .text = text_str(&from->refusal)};
    for (size_t i = 0; i < from->call_count; i++) {
        const struct turn_call *call = &from->calls[i];
        stream->failed |= call->arguments.failed;
        if (!call->name.len) continue;
        parts[into->part_count++] = (struct message_part){
            .kind = part_tool_call, .id = call->id, .name = call->name, .arguments = text_str(&call->arguments)};
    }
    into->parts = parts;
    into->finish = from->finished ? finish_stop : finish_none;
}

/* As a whole reply; *broken: an error stands in it. false: no memory. */
static bool stream_reply(struct turn_stream *stream, struct message_reply *reply) {
    reply->id = stream->id;
    reply->choice_count = stream->choice_count;
    reply->choices = arena_take_zeroed(stream->arena, (stream->choice_count + 1) * sizeof *reply->choices);
    stream->failed |= !reply->choices;
    for (size_t i = 0; i < stream->choice_count && !stream->failed; i++)
        stream_parts(stream, turn_choice_at(stream, (unsigned)i), &reply->choices[i]);
    return !stream->failed;
}

static bool answer_read(const struct turn_said *said, const struct codec *codec, struct arena *arena,
                        struct message_reply *reply, bool *cut) {
    static const struct codec_quirks none = {.refuses = 0};
    struct turn_stream stream = {.arena = arena,
                                 .choices = arena_take_zeroed(arena, choices_max * sizeof *stream.choices)};
    bool error_inside = false;
    *reply = (struct message_reply){.choice_count = 0};
    *cut = true;
    if (!stream.choices) return false;
    if (said->streamed) {
        events_read(&stream, codec, said->answer);
    } else if (codec->read_reply) {
        *cut = !codec->read_reply(said->answer, arena, &none, reply, &error_inside) || error_inside;
        if (*cut) reply->choice_count = 0;
        return true;
    } else if (!completion_add(&stream, said->answer)) {
        return true;
    }
    if (stream.failed || !stream_reply(&stream, reply)) return false;
    *cut = stream.broken || !reply->choice_count;
    for (size_t i = 0; i < reply->choice_count; i++) *cut |= reply->choices[i].finish == finish_none;
    return true;
}

/* -- as messages of one form -- */

/* Messages as JSON each; of a request of this kind. false: no memory. */
static bool form_write(const struct message_request *of, struct message *messages, size_t count, struct arena *arena,
                       struct str **list, size_t *listed) {
    static const struct codec_quirks none = {.refuses = 0};
    static const struct codec_target target = {.quirks = &none, .output_tokens_max = -1};
    struct message_request request = *of;
    request.messages = messages;
    request.message_count = count;
    request.tool_count = request.extra_count = 0;
    request.seen = NULL;
    struct text text = text_in_arena(arena, 4096);
    const char *problem;
    size_t at, place = 0;
    codec_openai.write_request(&request, &target, &text);
    const struct json_value *root = text.failed ? NULL : json_parse_in(arena, text_str(&text), &problem, &at);
    const struct json_value *written = json_member(root, "messages");
    *listed = 0;
    *list = arena_take(arena, (json_count(written) + 1) * sizeof **list);
    if (!root || !*list) return false;
    for (const struct json_value *one; (one = json_each(written, &place, NULL));) {
        (*list)[*listed] = json_raw(one, arena);
        if (!(*list)[*listed].at) return false;
        (*listed)++;
    }
    return true;
}

/* -- links -- */

static void hash_add(struct sha256 *so_far, struct str s) {
    const struct str bytes = str_make((const char *)so_far->bytes, sizeof so_far->bytes);
    const struct str parts[] = {s};
    *so_far = hash_hmac_sha256(bytes, parts, 1);
}

/* The words of one message of the assistant's, and the names of what it calls. */
static void turn_words_put(const struct json_value *message, struct text *words, struct text *calls) {
    const struct json_value *content = json_member(message, "content"), *list = json_member(message, "tool_calls");
    size_t place = 0;
    if (json_kind(content) == json_string) text_put(words, json_str(content, STR("")));
    for (const struct json_value *part; (part = json_each(content, &place, NULL));)
        text_put(words, json_member_str(part, "text"));
    text_put(words, json_member_str(message, "refusal"));
    place = 0;
    for (const struct json_value *call; (call = json_each(list, &place, NULL));) {
        text_put_byte(calls, 0);
        text_put(calls, json_member_str(json_member(call, "function"), "name"));
    }
}

static bool link_make(const struct sha256 *before, const struct json_value *const *answers, size_t count,
                      struct arena *arena, struct sha256 *link) {
    struct text words = text_in_arena(arena, 1024), calls = text_in_arena(arena, 64);
    for (size_t i = 0; i < count; i++) turn_words_put(answers[i], &words, &calls);
    if (words.failed || calls.failed) return false;
    *link = *before;
    hash_add(link, str_trim(text_str(&words)));
    hash_add(link, text_str(&calls));
    return true;
}

static bool is_instruction(struct str role) { return str_eq(role, STR("system")) || str_eq(role, STR("developer")); }

/* Of the links that are made the longest are kept: as many as there is room for. */
static void link_keep(struct turn *turn, const struct sha256 *hash, size_t known) {
    size_t room = turn->link_count < turn_links_max ? turn->link_count++ : turn_links_max - 1;
    for (size_t i = room; i > 0; i--) turn->links[i] = turn->links[i - 1];
    turn->links[0] = (struct turn_link){.hash = *hash, .known = known};
}

static bool links_make(struct turn *turn, struct arena *arena) {
    struct sha256 so_far = {.bytes = {0}}, link;
    const char *problem;
    size_t at;
    const struct json_value **read = arena_take(arena, (turn->message_count + 1) * sizeof *read);
    if (!read) return false;
    for (size_t i = 0; i < turn->message_count; i++) read[i] = json_parse_in(arena, turn->messages[i], &problem, &at);
    for (size_t i = 0, end; i < turn->message_count; i = end) {
        end = i + 1;
        const struct str role = json_member_str(read[i], "role");
        if (str_eq(role, STR("assistant"))) {
            while (end < turn->message_count && str_eq(json_member_str(read[end], "role"), role)) end++;
            if (!link_make(&so_far, &read[i], end - i, arena, &link)) return false;
            link_keep(turn, &link, end);
        }
        for (size_t m = i; m < end; m++)
            if (!is_instruction(role)) hash_add(&so_far, turn->messages[m]);
    }
    const struct json_value *answer = json_parse_in(arena, turn->answer, &problem, &at);
    return link_make(&so_far, &answer, answer ? 1 : 0, arena, &turn->link);
}

/* -- all of it -- */

static bool answers_write(struct turn *turn, const struct message_request *of, const struct message_reply *reply,
                          struct arena *arena) {
    struct message *messages = arena_take_zeroed(arena, (reply->choice_count + 1) * sizeof *messages);
    struct str *list;
    size_t count;
    turn->answer = turn->alternatives = STR("");
    if (!messages) return false;
    for (size_t i = 0; i < reply->choice_count; i++)
        messages[i] = (struct message){
            .role = message_assistant, .parts = reply->choices[i].parts, .part_count = reply->choices[i].part_count};
    if (!form_write(of, messages, reply->choice_count, arena, &list, &count)) return false;
    if (count) turn->answer = list[0];
    if (count < 2) return true;
    struct text further = text_in_arena(arena, 1024);
    text_put_byte(&further, '[');
    for (size_t i = 1; i < count; i++) {
        text_json_comma(&further);
        text_put(&further, list[i]);
    }
    text_put_byte(&further, ']');
    turn->alternatives = text_str(&further);
    return !further.failed;
}

static struct str previous_read(const struct turn_said *said, struct arena *arena) {
    const char *problem;
    size_t at;
    if (endpoint_facts(said->endpoint)->dialect != dialect_responses) return STR("");
    return json_member_str(json_parse_in(arena, said->body, &problem, &at), "previous_response_id");
}

bool turn_read(const struct turn_said *said, struct arena *arena, struct turn *turn) {
    const struct codec *codec =
        said->endpoint == endpoint_completions ? &codec_completions : codec_of(endpoint_facts(said->endpoint)->dialect);
    struct message_request request;
    struct message_reply reply;
    struct error error;
    struct str param;
    *turn = (struct turn){.cut = true};
    if (!codec->read_request(said->body, said->path_model, said->streamed, arena, &request, &error, &param) ||
        !answer_read(said, codec, arena, &reply, &turn->cut) ||
        !form_write(&request, request.messages, request.message_count, arena, &turn->messages, &turn->message_count) ||
        !answers_write(turn, &request, &reply, arena))
        return false;
    turn->model = request.model.len ? request.model : said->path_model;
    turn->answer_id = reply.id;
    turn->previous = previous_read(said, arena);
    return links_make(turn, arena);
}
