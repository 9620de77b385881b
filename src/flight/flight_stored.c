/* flight_stored.c - responses that weir stores (OpenAI's Responses API): what a request goes on from is recalled before
 * it is admitted and stands in its `input` from then on, so that any provider can answer; what was answered is kept
 * when it is whole, unless `store` is false. The storage is the host's. */
#include "base/check.h"
#include "dialect/fields.h"
#include "dialect/skim.h"
#include "flight/flight_internal.h"

/* A plain input is one item. */
static void stored_items_put(struct text *text, const struct json_value *input) {
    if (json_kind(input) == json_array) {
        struct str list = json_raw(input, text->arena);
        struct str items = str_trim(str_slice(list, 1, list.len ? list.len - 1 : 0));
        if (items.len) text_json_comma(text);
        text_put(text, items);
    } else if (json_kind(input) == json_string) {
        text_json_comma(text);
        text_put(text, STR("{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"));
        text_put_json(text, json_str(input, STR("")));
        text_put(text, STR("}]}"));
    }
}

/* In scratch. */
static const struct json_value *body_of(const struct flight *flight) {
    const char *problem;
    size_t at;
    return json_parse_in(flight->host->scratch, flight->body.whole, &problem, &at);
}

static struct str client_name(const struct flight *flight) { return flight->client ? flight->client->name : STR(""); }

/* Something that an item holds itself: what it says, or what it was called with. */
static bool stored_is_content(struct str name, const struct json_value *value) {
    static const struct str names[] = {
        STR("content"), STR("summary"), STR("encrypted_content"), STR("arguments"), STR("output"), STR("input"),
        STR("action"),  STR("result"),  STR("results"),           STR("operation"), STR("tools")};
    size_t place = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!str_eq(name, names[i])) continue;
        enum json_kind kind = json_kind(value);
        if (kind == json_string) return json_str(value, STR("")).len > 0;
        return (kind == json_array || kind == json_object) && json_each(value, &place, NULL);
    }
    return false;
}

/* Named by its id, with or without the type that says so, as it holds nothing itself; of two types the provider may
 * read either. */
static bool is_reference(const struct json_value *item) {
    size_t place = 0, types = 0;
    struct str name;
    bool id = false, role = false, said = false, holds = false;
    if (json_kind(item) != json_object) return false;
    for (const struct json_value *value; (value = json_each(item, &place, &name));) {
        bool type = str_eq_nocase(name, STR("type")) && json_kind(value) > json_null;
        types += type;
        said |= type && str_eq(json_str(value, STR("")), STR("item_reference"));
        id |= str_eq_nocase(name, STR("id")) && json_kind(value) > json_null;
        role |= str_eq(name, STR("role"));
        holds |= stored_is_content(name, value);
    }
    return said || types > 1 || (id && (!holds || (types == 0 && !role)));
}

static bool has_two_types(const struct json_value *item) {
    size_t place = 0, types = 0;
    struct str name;
    while (json_each(item, &place, &name)) types += str_eq_nocase(name, STR("type"));
    return types > 1;
}

/* Reasoning that is named by its id alone, as a client replays it that asked for no encrypted content: nobody can read
 * anything in it, so that it is left out. */
static bool is_bare_reasoning(const struct json_value *item) {
    return json_kind(item) == json_object && str_eq(json_member_str(item, "type"), STR("reasoning")) &&
           is_reference(item) && !has_two_types(item);
}

/* In a list, where bare reasoning can be left out; or the only one. */
static bool is_foreign(const struct json_value *item, bool listed) {
    return is_reference(item) && !(listed && is_bare_reasoning(item));
}

/* Some member `input`, in any case, as a provider may read any of them, holds an item of which this is so. */
static bool any_item(const struct json_value *root, bool (*is_so)(const struct json_value *item, bool listed)) {
    size_t member = 0;
    struct str name;
    bool any = false;
    if (json_kind(root) != json_object) return false;
    for (const struct json_value *input; !any && (input = json_each(root, &member, &name));) {
        size_t place = 0;
        if (!str_eq_nocase(name, STR("input"))) continue;
        any = is_so(input, false);
        if (json_kind(input) != json_array) continue;
        for (const struct json_value *item; !any && (item = json_each(input, &place, NULL));) any = is_so(item, true);
    }
    return any;
}

/* Its id says nothing that it does not say itself; a provider may still look up what it stored by it. */
static bool has_idle_id(const struct json_value *item, bool listed) {
    static const struct str types[] = {STR("message"),          STR("reasoning"),
                                       STR("function_call"),    STR("function_call_output"),
                                       STR("custom_tool_call"), STR("custom_tool_call_output")};
    size_t place = 0;
    struct str name, type = json_member_str(item, "type");
    bool id = false, idle = !json_member(item, "type");
    (void)listed;
    if (json_kind(item) != json_object) return false;
    for (const struct json_value *value; (value = json_each(item, &place, &name));)
        id |= str_eq_nocase(name, STR("id"));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) idle |= str_eq(type, types[i]);
    return id && idle;
}

static void stored_item_put(struct text *text, const struct json_value *item) {
    size_t place = 0;
    struct str name;
    if (!has_idle_id(item, true)) {
        json_put(text, item);
        return;
    }
    text_put_byte(text, '{');
    for (const struct json_value *value; (value = json_each(item, &place, &name));) {
        if (str_eq_nocase(name, STR("id"))) continue;
        text_json_comma(text);
        text_put_json(text, name);
        text_put_byte(text, ':');
        json_put(text, value);
    }
    text_put_byte(text, '}');
}

bool body_replace(struct flight *flight, struct str body) {
    chunks_free(&flight->body.chunks);
    chunks_init_spared(&flight->body.chunks, flight->budget, flight->host->chunk_spares);
    if (!chunks_add(&flight->body.chunks, body)) return false;
    flight->body.whole = chunks_whole(&flight->body.chunks);
    return flight->body.whole.at != NULL;
}

/* The body without the ids of items that hold what they say, and without reasoning that holds nothing. */
static bool body_without_ids(struct flight *flight, const struct json_value *root) {
    struct text body = text_in_arena(flight->host->scratch, flight->body.whole.len + 128);
    struct str name;
    size_t member = 0;
    text_put_byte(&body, '{');
    for (const struct json_value *value; (value = json_each(root, &member, &name));) {
        size_t place = 0;
        text_json_comma(&body);
        text_put_json(&body, name);
        text_put_byte(&body, ':');
        if (!str_eq_nocase(name, STR("input")) || json_kind(value) != json_array) {
            json_put(&body, value);
            continue;
        }
        text_put_byte(&body, '[');
        for (const struct json_value *item; (item = json_each(value, &place, NULL));) {
            flight->stored.reasoning_dropped |= is_bare_reasoning(item);
            if (is_bare_reasoning(item)) continue;
            text_json_comma(&body);
            stored_item_put(&body, item);
        }
        text_put_byte(&body, ']');
    }
    text_put_byte(&body, '}');
    return !body.failed && body_replace(flight, text_str(&body));
}

/* What is worked on after its reply has ended: nobody tells weir what it takes, nor may this client fetch it. */
static bool is_background(const struct json_value *root) {
    const struct json_value *value = json_member(root, "background");
    return value && json_kind(value) != json_null && json_kind(value) != json_false;
}

/* Over: it names what lies at a provider, or leaves it there. *root becomes the body that may go up. */
static enum step names_own(struct flight *flight, const struct json_value **root, struct now now, struct actions *out) {
    if (names_admit(flight, now, out) != step_on) return step_over;
    if (client_may_name_stored(flight)) return step_on;
    if (is_background(*root))
        return answer_error(
            flight, error_not_allowed,
            STR("This client key may not have a response made in the background: it would lie in the provider's "
                "account "
                "and be on nobody's bill. Leave `background` out, or ask the operator for `raw: true`."),
            STR("background"), now, out);
    if (any_item(*root, is_foreign))
        return answer_error(
            flight, error_not_allowed,
            STR("This client key may not name a provider's items: send what they hold (of reasoning its "
                "`encrypted_content`), use previous_response_id, or ask the operator for `raw: true`."),
            STR("input"), now, out);
    if (!any_item(*root, has_idle_id)) return step_on;
    if (!body_without_ids(flight, *root)) return answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
    *root = body_of(flight);
    return step_on;
}

static enum step answer_not_stored(struct flight *flight, struct now now, struct actions *out) {
    return answer_error(flight, error_invalid_request,
                        arena_printf(&flight->arena,
                                     "There is no stored response `%.*s`: send the whole conversation as `input`.",
                                     STR_ARG(flight->stored.previous)),
                        STR("previous_response_id"), now, out);
}

enum step stored_recall(struct flight *flight, struct now now, struct actions *out) {
    if (endpoint_facts(flight->endpoint)->dialect != dialect_responses) return step_on;
    CHECKF(flight->state == flight_receiving && !flight->stored.input, "state=%d", (int)flight->state);
    const struct json_value *root = body_of(flight);
    if (names_own(flight, &root, now, out) != step_on) return step_over;
    const struct json_value *previous = json_member(root, "previous_response_id");
    bool on = flight->snapshot->responses.on;
    bool keeps = flight->endpoint == endpoint_responses; /* a count and a compacted conversation are no responses */
    bool wanted = on && keeps && json_kind(root) == json_object && json_bool(json_member(root, "store"), true);
    flight->stored.state = wanted ? storing_wanted : storing_not;
    if (wanted && flight->body.whole.len > (uint64_t)flight->snapshot->responses.client_bytes_max &&
        json_raw(json_member(root, "input"), flight->host->scratch).len >
            (uint64_t)flight->snapshot->responses.client_bytes_max) {
        return answer_error(
            flight, error_invalid_request,
            STR("This input is larger than all that is stored for a client (responses.max_bytes_per_client): "
                "send it with `store: false`."),
            STR("input"), now, out);
    }
    if (wanted) {
        struct text items = text_in_arena(flight->host->scratch, 1024);
        stored_items_put(&items, json_member(root, "input"));
        flight->stored.input = arena_take(&flight->arena, sizeof *flight->stored.input);
        if (flight->stored.input) chunks_init(flight->stored.input, flight->budget);
        if (items.failed || !flight->stored.input || !chunks_add(flight->stored.input, STR("[")) ||
            !chunks_add(flight->stored.input, text_str(&items)) || !chunks_add(flight->stored.input, STR("]"))) {
            return answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
        }
    }
    struct str id = json_str(previous, STR(""));
    if (!id.len || flight->previews) return step_on;
    flight->stored.previous = arena_copy(&flight->arena, str_slice(id, 0, limit_response_id));
    if (!on && client_may_name_stored(flight)) return step_on;
    if (!on) return answer_not_stored(flight, now, out);
    wait_for_response(flight, client_name(flight), flight->stored.previous, now, out);
    return step_waits;
}

/* What was said before, in front of what is said now. */
static bool body_expand(struct flight *flight, struct str history) {
    const struct json_value *root = body_of(flight);
    struct text body = text_in_arena(flight->host->scratch, flight->body.whole.len + history.len + 128);
    struct str name, items = str_trim(str_slice(history, 1, history.len ? history.len - 1 : 0));
    size_t place = 0;
    text_put_byte(&body, '{');
    for (const struct json_value *value; (value = json_each(root, &place, &name));) {
        if (str_eq(name, STR("input")) || str_eq(name, STR("previous_response_id"))) continue;
        text_json_comma(&body);
        text_put_json(&body, name);
        text_put_byte(&body, ':');
        json_put(&body, value);
    }
    text_json_key(&body, STR("input"));
    text_put_byte(&body, '[');
    text_put(&body, items);
    stored_items_put(&body, json_member(root, "input"));
    text_put(&body, STR("]}"));
    return !body.failed && body_replace(flight, text_str(&body));
}

enum step stored_recalled(struct flight *flight, const struct event *event, struct now now, struct actions *out) {
    if (flight->waiting.why != waiting_recall) return step_over;
    wait_over(flight, now);
    CHECKF(flight->state == flight_receiving, "state=%d", (int)flight->state); /* nobody has been asked meanwhile */
    if (event->text.len)
        return answer_error(flight, error_storage_failed, event->text, STR("previous_response_id"), now, out);
    if (event->bytes.at && !body_expand(flight, event->bytes))
        return answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
    flight->stored.expanded = event->bytes.at != NULL;
    if (!event->bytes.at && !client_may_name_stored(flight)) return answer_not_stored(flight, now, out);
    return step_on; /* not found: a provider that has the API may know it */
}

struct str stored_told(struct flight *flight, struct str json) {
    enum { depth_in_events = 2 };
    struct skim skim;
    if (!flight->stored.expanded) return json;
    skim_begin(&skim, json, depth_in_events);
    for (struct skim_token token; (token = skim_next(&skim)).kind != skim_end && token.kind != skim_error;) {
        if (token.kind != skim_null || !skim_is(token.key, STR("previous_response_id"))) continue;
        size_t at = (size_t)(token.value.at - json.at);
        struct text text = text_in_arena(flight->host->scratch, json.len + flight->stored.previous.len + 16);
        text_put(&text, str_slice(json, 0, at));
        text_put_json(&text, flight->stored.previous);
        text_put(&text, str_slice(json, at + token.value.len, json.len));
        return text.failed ? STR_NONE : text_str(&text);
    }
    return json;
}

struct str stored_told_event(struct flight *flight, const struct sse_event *event) {
    struct str told = stored_told(flight, event->data), line;
    if (told.at == event->data.at || !told.at) return told.at ? event->raw : STR_NONE;
    struct text text = text_in_arena(flight->host->scratch, told.len + event->event.len + 64);
    if (event->event.len) text_printf(&text, "event: %.*s\n", STR_ARG(event->event));
    while (str_split_next(&told, '\n', &line)) text_printf(&text, "data: %.*s\n", STR_ARG(line));
    text_put_byte(&text, '\n');
    return text.failed ? STR_NONE : text_str(&text);
}

/* More than all that may be stored, of this client or of all. */
static bool too_large(const struct flight *flight, size_t bytes) {
    int64_t most = flight->snapshot->responses.client_bytes_max, all = flight->snapshot->responses.bytes_max;
    if (!most || (all && all < most)) most = all;
    return most && bytes > (uint64_t)most;
}

size_t stored_held_max(const struct flight *flight) {
    return flight->stored.state == storing_wanted && !too_large(flight, limit_held_reply) ? limit_held_stored
                                                                                          : limit_held_reply;
}

void stored_give_up(struct flight *flight) {
    if (flight->stored.state == storing_wanted) flight->stored.state = storing_given_up;
}

void stored_keep(struct flight *flight, struct str response, struct actions *out) {
    const char *problem;
    size_t at;
    if (flight->stored.state != storing_wanted) return;
    CHECK(flight->stored.input); /* noted when the request came in */
    const struct json_value *root = json_parse_in(flight->host->scratch, response, &problem, &at);
    struct str id = json_member_str(root, "id"), input = chunks_whole(flight->stored.input);
    struct str output = json_raw(json_member(root, "output"), flight->host->scratch);
    stored_give_up(flight);
    if (!id.len || id.len > limit_response_id || !input.at || !output.len) return;
    /* The store refuses what is too large and logs that; a stream's head has gone, and its caller is not told. */
    bool refused = too_large(flight, client_name(flight).len + id.len + flight->stored.previous.len + input.len +
                                         output.len + response.len);
    flight->stored.state = refused ? storing_given_up : storing_done;
    struct action *action = actions_add(out, action_keep);
    action->keep.client = client_name(flight);
    action->keep.id = id;
    action->keep.previous = flight->stored.previous.at ? flight->stored.previous : STR("");
    action->keep.input = input;
    action->keep.output = output;
    action->keep.response = response;
}

void stored_keep_event(struct flight *flight, struct str type, struct str data, struct actions *out) {
    if (str_eq(type, STR("response.completed")) || str_eq(type, STR("response.incomplete"))) {
        const char *problem;
        size_t at;
        if (flight->stored.state != storing_wanted) return;
        const struct json_value *root = json_parse_in(flight->host->scratch, data, &problem, &at);
        struct str response = json_raw(json_member(root, "response"), flight->host->scratch);
        if (response.len) stored_keep(flight, response, out);
    }
}

/* Frames that were written for the caller: whole ones. */
void stored_keep_frames(struct flight *flight, struct str frames, struct actions *out) {
    static const struct str marks[] = {STR("event: response.completed\ndata: "),
                                       STR("event: response.incomplete\ndata: ")};
    for (size_t i = 0; flight->stored.state == storing_wanted && i < sizeof marks / sizeof *marks; i++) {
        size_t at = str_find(frames, marks[i]);
        if (at == SIZE_MAX) continue;
        struct str data = str_slice(frames, at + marks[i].len, frames.len);
        stored_keep_event(flight, STR("response.completed"), str_slice(data, 0, str_find_byte(data, '\n')), out);
    }
}
