/* put_back_stream.c - see put_back_stream.h. */
#include "dialect/put_back_stream.h"

#include "base/budget.h"
#include "dialect/skim.h"

enum { list_element_most = 16 * 1024 * 1024 };

void put_back_begin(struct put_back_stream *stream, const struct placeholders *placeholders, enum put_back_form form,
                    struct budget *budget) {
    *stream = (struct put_back_stream){
        .putting = {.placeholders = placeholders}, .placeholders = placeholders, .form = form, .budget = budget};
    sse_init(&stream->sse);
    sse_hold_within(&stream->sse, budget);
}

/* -- an event's text -- */

struct event_text {
    struct str said; /* raw, without quotes; {NULL,0}: it has none, or more than one */
    uint64_t channel;
};

static bool is_delta_key(struct str key) {
    static const struct str keys[] = {STR("content"),           STR("text"),    STR("delta"),     STR("arguments"),
                                      STR("partial_json"),      STR("refusal"), STR("reasoning"), STR("thinking"),
                                      STR("reasoning_content"), STR("input")};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (str_eq(key, keys[i])) return true;
    return false;
}

static bool is_place_key(struct str key) {
    return str_eq(key, STR("index")) || str_eq(key, STR("output_index")) || str_eq(key, STR("content_index")) ||
           str_eq(key, STR("summary_index"));
}

/* One that tells a whole text again. */
static bool is_summary(struct str type) { return str_starts(type, STR("response.")) && !str_ends(type, STR(".delta")); }

static struct event_text event_text_of(struct str data) {
    struct event_text text = {.channel = 17};
    struct skim skim;
    struct skim_token token;
    size_t found = 0;
    skim_begin(&skim, data, 12);
    while ((token = skim_next(&skim)).kind != skim_end && token.kind != skim_error) {
        if (token.kind == skim_number && is_place_key(token.key))
            text.channel = text.channel * 31 + str_hash(token.value);
        if (token.kind != skim_string) continue;
        struct str inside = skim_inside(token.value);
        if (token.depth == 1 && str_eq(token.key, STR("type")) && is_summary(inside)) found = 2;
        if (!inside.len || !is_delta_key(token.key)) continue;
        found++;
        text.said = inside;
        text.channel = text.channel * 31 + str_hash(token.key);
    }
    if (token.kind == skim_error || found != 1) text.said = STR_NONE;
    return text;
}

/* -- events -- */

static void event_emit(struct put_back_stream *stream, struct str event, struct text *text) {
    if (stream->form == put_back_list && stream->list.told++) text_put(text, STR(",\n"));
    struct putting_back putting = {.placeholders = stream->placeholders,
                                   .nested_delta = str_find(event, STR("function_call_arguments.delta")) != SIZE_MAX};
    put_back(&putting, event, text);
    put_back_end(&putting, text);
}

static void held_drop(struct put_back_stream *stream, size_t place) {
    struct put_back_held *held = &stream->held[place];
    budget_free(stream->budget, held->bytes, held->len);
    stream->held_count--;
    for (size_t i = place; i < stream->held_count; i++) stream->held[i] = stream->held[i + 1];
}

static void held_emit(struct put_back_stream *stream, struct text *text) {
    while (stream->held_count) {
        event_emit(stream, str_make(stream->held[0].bytes, stream->held[0].len), text);
        held_drop(stream, 0);
    }
}

/* The event waits, whose text ends in what begins at `from`. false: no memory. */
static bool event_hold(struct put_back_stream *stream, uint64_t channel, struct str event, size_t from, size_t to,
                       struct text *text) {
    if (stream->held_count == put_back_channels_max) {
        event_emit(stream, str_make(stream->held[0].bytes, stream->held[0].len), text);
        held_drop(stream, 0);
    }
    char *bytes = budget_resize(stream->budget, NULL, 0, event.len);
    if (!bytes) return false;
    memcpy(bytes, event.at, event.len);
    stream->held[stream->held_count++] = (struct put_back_held){channel, bytes, event.len, from, to};
    return true;
}

/* What the event before it of its kind had held back stands in front of its text now; *said moves with it. */
static bool event_join(struct put_back_stream *stream, uint64_t channel, struct str *event, struct str *said,
                       struct arena *scratch, struct text *text) {
    size_t place = 0;
    while (place < stream->held_count && stream->held[place].channel != channel) place++;
    if (place == stream->held_count) return true;
    const struct put_back_held *held = &stream->held[place];
    struct str before = str_make(held->bytes, held->len), moved = str_slice(before, held->from, held->to);
    struct text joined = text_in_arena(scratch, event->len + moved.len), left = text_in_arena(scratch, held->len);
    size_t at = (size_t)(said->at - event->at);
    text_put(&joined, str_slice(*event, 0, at));
    text_put(&joined, moved);
    text_put(&joined, str_slice(*event, at, event->len));
    text_put(&left, str_slice(before, 0, held->from));
    text_put(&left, str_slice(before, held->to, before.len));
    if (joined.failed || left.failed) return false;
    event_emit(stream, text_str(&left), text);
    *said = str_make(joined.at + at, moved.len + said->len);
    *event = text_str(&joined);
    held_drop(stream, place);
    return true;
}

/* Its text begins with what the one before it held back, and its own end may wait. */
static bool told_put(struct put_back_stream *stream, struct str raw, struct event_text found, struct arena *scratch,
                     struct text *text) {
    if (!event_join(stream, found.channel, &raw, &found.said, scratch, text)) return false;
    size_t cut = placeholder_cut(found.said), at = (size_t)(found.said.at - raw.at);
    if (cut < found.said.len) return event_hold(stream, found.channel, raw, at + cut, at + found.said.len, text);
    event_emit(stream, raw, text);
    return true;
}

static bool put_back_event(struct put_back_stream *stream, const struct sse_event *event, struct arena *scratch,
                           struct text *text) {
    struct str raw = event->raw;
    bool inside = !event->comment_only && event->data.at >= raw.at && event->data.at <= raw.at + raw.len;
    struct event_text found = inside ? event_text_of(event->data) : (struct event_text){.channel = 0};
    if (!event->comment_only && found.said.at) return told_put(stream, raw, found, scratch, text);
    if (!event->comment_only) held_emit(stream, text);
    event_emit(stream, raw, text);
    return true;
}

/* -- a list -- */

static bool list_keep(struct put_back_stream *stream, struct str bytes) {
    struct put_back_list *list = &stream->list;
    if (list->len + bytes.len > list->room) {
        size_t room = list->room ? list->room : 4096;
        while (room < list->len + bytes.len) room *= 2;
        char *more = room <= list_element_most ? budget_resize(stream->budget, list->bytes, list->room, room) : NULL;
        if (!more) return false;
        list->bytes = more;
        list->room = room;
    }
    if (bytes.len) memcpy(list->bytes + list->len, bytes.at, bytes.len);
    list->len += bytes.len;
    return true;
}

static bool list_element_put(struct put_back_stream *stream, struct arena *scratch, struct text *text) {
    struct str raw = str_make(stream->list.bytes, stream->list.len);
    struct event_text found = event_text_of(raw);
    bool good = true;
    stream->list.len = 0;
    if (found.said.at) {
        good = told_put(stream, raw, found, scratch, text);
    } else {
        held_emit(stream, text);
        event_emit(stream, raw, text);
    }
    arena_reset(scratch);
    return good;
}

/* The bytes of an element from *at on, up to its end. */
static bool list_inside(struct put_back_stream *stream, struct str bytes, size_t *at) {
    struct put_back_list *list = &stream->list;
    const size_t from = *at;
    do {
        const char byte = bytes.at[(*at)++];
        if (list->escaped)
            list->escaped = false;
        else if (list->in_string && byte == '\\')
            list->escaped = true;
        else if (byte == '"')
            list->in_string = !list->in_string;
        else if (!list->in_string && (byte == '{' || byte == '['))
            list->depth++;
        else if (!list->in_string && (byte == '}' || byte == ']'))
            list->depth--;
    } while (list->depth && *at < bytes.len);
    return list_keep(stream, str_slice(bytes, from, *at));
}

/* Between elements. What is no list of objects goes on as any JSON. */
static void list_between(struct put_back_stream *stream, struct str bytes, size_t *at, struct text *text) {
    struct put_back_list *list = &stream->list;
    const char byte = bytes.at[*at];
    if (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t' || (byte == ',' && list->opened)) {
        ++*at;
        return;
    }
    if (byte == '[' && !list->opened) {
        ++*at;
        list->opened = true;
        text_put_byte(text, '[');
        return;
    }
    held_emit(stream, text);
    if (byte != ']' && list->told) text_put(text, STR(",\n"));
    stream->form = put_back_json;
    put_back(&stream->putting, str_slice(bytes, *at, bytes.len), text);
    *at = bytes.len;
}

static bool list_take(struct put_back_stream *stream, struct str bytes, struct arena *scratch, struct text *text) {
    bool good = true;
    for (size_t at = 0; at < bytes.len && good;) {
        if (stream->list.depth || (stream->list.opened && bytes.at[at] == '{')) {
            good = list_inside(stream, bytes, &at);
            if (good && !stream->list.depth) good = list_element_put(stream, scratch, text);
        } else {
            list_between(stream, bytes, &at, text);
        }
    }
    return good;
}

bool put_back_take(struct put_back_stream *stream, struct str bytes, struct text *text) {
    struct arena scratch;
    struct sse_event event;
    enum sse_result result = sse_more;
    bool good = true;
    if (stream->form == put_back_json) {
        put_back(&stream->putting, bytes, text);
        return !text->failed;
    }
    arena_init_beside(&scratch, 4096, text->arena);
    if (stream->form == put_back_list) {
        good = list_take(stream, bytes, &scratch, text);
        arena_free(&scratch);
        return good && !text->failed;
    }
    sse_feed(&stream->sse, bytes);
    while (good && (result = sse_next(&stream->sse, &scratch, &event)) == sse_got_event) {
        good = put_back_event(stream, &event, &scratch, text);
        arena_reset(&scratch);
    }
    arena_free(&scratch);
    return good && result == sse_more && !text->failed;
}

bool put_back_finish(struct put_back_stream *stream, struct text *text) {
    if (stream->form == put_back_json)
        put_back_end(&stream->putting, text);
    else
        held_emit(stream, text);
    if (stream->list.len) event_emit(stream, str_make(stream->list.bytes, stream->list.len), text); /* it broke off */
    stream->list.len = 0;
    return !text->failed;
}

void put_back_free(struct put_back_stream *stream) {
    while (stream->held_count) held_drop(stream, 0);
    budget_free(stream->budget, stream->list.bytes, stream->list.room);
    sse_free(&stream->sse);
}
