/* openai_splice.c - what weir must know of an OpenAI request, read without building it, and the few bytes it changes.
 * A key that weir reads or writes and that stands twice, or in another case, is refused: a provider may read the other
 * one. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "dialect/openai/openai_codec.h"
#include "dialect/skim.h"

/* The keys that are read or written, here or by rules: none of them may be doubled. */
enum key {
    key_model,
    key_stream,
    key_stream_options,
    key_max_tokens,
    key_max_completion_tokens,
    key_n,
    key_messages,
    key_tools,
    key_response_format,
    keys
};

static const struct str known[keys] = {
    [key_model] = STR("model"),
    [key_stream] = STR("stream"),
    [key_stream_options] = STR("stream_options"),
    [key_max_tokens] = STR("max_tokens"),
    [key_max_completion_tokens] = STR("max_completion_tokens"),
    [key_n] = STR("n"),
    [key_messages] = STR("messages"),
    [key_tools] = STR("tools"),
    [key_response_format] = STR("response_format"),
};

struct reading {
    struct str body;
    struct arena *arena;
    struct openai_request *request;
    struct error *error;
    struct str *param;
    bool seen[keys];
};

static bool openai_splice_refuse(struct reading *reading, struct str param, const char *sentence) {
    if (reading->param) *reading->param = param;
    return error_set(reading->error, error_invalid_request, "%s", sentence);
}

static bool refuse_json(struct reading *reading, const struct skim *skim) {
    unsigned char found = skim->at < reading->body.len ? (unsigned char)reading->body.at[skim->at] : 0;
    if (reading->param) *reading->param = STR_NONE;
    if (found > ' ' && found < 0x7f)
        return error_set(reading->error, error_invalid_request,
                         "The request body is not valid JSON: %s, found '%c' at byte %zu.", skim->problem, found,
                         skim->at);
    return error_set(reading->error, error_invalid_request, "The request body is not valid JSON: %s at byte %zu.",
                     skim->problem, skim->at);
}

static size_t offset_of(const struct reading *reading, struct str part) { return (size_t)(part.at - reading->body.at); }

/* Which known key this is, or `keys`; false: refused. */
static bool openai_key_find(struct reading *reading, struct str raw, enum key *key) {
    char sentence[160];
    const bool escaped = str_find_byte(raw, '\\') != SIZE_MAX;
    for (*key = 0; *key < keys; (*key)++) {
        struct str name = known[*key];
        if (!(escaped ? skim_is_nocase(raw, name) : str_eq_nocase(raw, name))) continue;
        if (!skim_is(raw, name)) {
            snprintf(sentence, sizeof sentence, "A key is spelt like `%.*s` but for upper and lower case.",
                     STR_ARG(name));
            return openai_splice_refuse(reading, name, sentence);
        }
        if (reading->seen[*key]) {
            snprintf(sentence, sizeof sentence, "The key `%.*s` stands twice.", STR_ARG(name));
            return openai_splice_refuse(reading, name, sentence);
        }
        reading->seen[*key] = true;
        return true;
    }
    return true;
}

static bool model_read(struct reading *reading, const struct skim_token *token) {
    struct openai_request *request = reading->request;
    if (token->kind == skim_null) { /* as if it were absent, but it is replaced where it stands */
        request->model_from = offset_of(reading, token->value);
        request->model_to = request->model_from + token->value.len;
        return true;
    }
    if (token->kind != skim_string) return openai_splice_refuse(reading, STR("model"), "`model` must be a string.");
    if (!skim_unescape(skim_inside(token->value), reading->arena, &request->model))
        return openai_splice_refuse(reading, STR("model"), "`model` holds an escape that is no character.");
    if (request->model.len == 0 || request->model.len > limit_model)
        return openai_splice_refuse(reading, STR("model"), "`model` must have 1 to 256 bytes.");
    request->model_from = offset_of(reading, token->value);
    request->model_to = request->model_from + token->value.len;
    return true;
}

static bool openai_read_options(struct reading *reading, const struct skim_token *token) {
    struct openai_request *request = reading->request;
    request->stream_options_from = offset_of(reading, token->value);
    request->stream_options_to = request->stream_options_from + token->value.len;
    if (token->kind == skim_null) return true;
    if (token->kind != skim_object)
        return openai_splice_refuse(reading, STR("stream_options"), "`stream_options` must be an object.");
    request->has_stream_options = true;
    request->stream_options_empty = true;
    struct skim inner;
    bool seen = false;
    skim_begin(&inner, token->value, 1);
    for (struct skim_token member = skim_next(&inner); member.kind != skim_end; member = skim_next(&inner)) {
        if (member.depth != 1) continue;
        request->stream_options_empty = false;
        bool same = skim_is(member.key, STR("include_usage"));
        if (!same && !skim_is_nocase(member.key, STR("include_usage"))) continue;
        if (!same || seen)
            return openai_splice_refuse(reading, STR("stream_options"),
                                        "`stream_options.include_usage` stands twice or is misspelt.");
        seen = true;
        if (member.kind != skim_true && member.kind != skim_false && member.kind != skim_null)
            return openai_splice_refuse(reading, STR("stream_options"),
                                        "`stream_options.include_usage` must be true or false.");
        request->include_usage = member.kind == skim_true;
        request->include_usage_from = offset_of(reading, member.value);
        request->include_usage_to = request->include_usage_from + member.value.len;
    }
    return true;
}

static bool openai_read_count(struct reading *reading, enum key key, const struct skim_token *token, int64_t *count) {
    char sentence[80];
    if (token->kind == skim_null || (token->kind == skim_number && skim_to_i64(token->value, count))) return true;
    snprintf(sentence, sizeof sentence, "`%.*s` must be a number.", STR_ARG(known[key]));
    return openai_splice_refuse(reading, known[key], sentence);
}

/* A top-level member; containers are whole here, but for those that inside_read wants to see. */
static bool member_read(struct reading *reading, enum key key, const struct skim_token *token) {
    struct openai_request *request = reading->request;
    int64_t count = -1;
    switch (key) {
    case key_model: return model_read(reading, token);
    case key_stream:
        if (token->kind != skim_true && token->kind != skim_false && token->kind != skim_null)
            return openai_splice_refuse(reading, STR("stream"), "`stream` must be true or false.");
        request->stream = token->kind == skim_true;
        return true;
    case key_stream_options: return openai_read_options(reading, token);
    case key_max_tokens:
    case key_max_completion_tokens:
        if (!openai_read_count(reading, key, token, &count)) return false;
        request->members |= key == key_max_tokens ? FEATURE_BIT(max_tokens) : OPENAI_HAS_NEW_CAP;
        if (count >= 0 && (request->max_tokens < 0 || key == key_max_completion_tokens)) request->max_tokens = count;
        return true;
    case key_n:
        if (!openai_read_count(reading, key, token, &count)) return false;
        if (count > 0) request->n = count;
        if (count > 1) request->members |= FEATURE_BIT(n);
        return true;
    case key_tools:
        request->has_tools = token->kind == skim_array && str_trim(skim_inside(token->value)).len > 0;
        return true;
    case key_messages:
    case key_response_format:
    case keys: break;
    }
    return true;
}

/* Members that say neither another model nor what lies at a provider. Whatever else stands in a request, spelt with an
 * escape or in another case, makes names.h look at it: that costs a second pass. */
enum innocents { of_request, of_message, of_part };
struct innocent {
    struct str name;
    uint64_t bit; /* what a target may refuse; 0: none does */
};
#define PLAIN(key) \
    { STR(#key), 0 }
#define TOLD(key) \
    { STR(#key), FEATURE_BIT(key) }

/* NULL: it is none of them. */
static const struct innocent *innocent_find(struct str key, enum innocents where) {
    static const struct innocent members[] = {PLAIN(model),
                                              PLAIN(messages),
                                              PLAIN(stream),
                                              PLAIN(stream_options),
                                              TOLD(temperature),
                                              TOLD(top_p),
                                              PLAIN(max_tokens),
                                              PLAIN(max_completion_tokens),
                                              PLAIN(n),
                                              TOLD(stop),
                                              TOLD(seed),
                                              TOLD(user),
                                              TOLD(presence_penalty),
                                              TOLD(frequency_penalty),
                                              TOLD(logprobs),
                                              {STR("top_logprobs"), FEATURE_BIT(logprobs)},
                                              TOLD(logit_bias),
                                              PLAIN(response_format),
                                              PLAIN(tool_choice),
                                              TOLD(parallel_tool_calls),
                                              TOLD(reasoning_effort),
                                              TOLD(verbosity),
                                              TOLD(metadata),
                                              TOLD(store),
                                              TOLD(service_tier),
                                              TOLD(prompt_cache_key),
                                              PLAIN(safety_identifier),
                                              PLAIN(input),
                                              PLAIN(encoding_format),
                                              PLAIN(dimensions),
                                              PLAIN(functions),
                                              PLAIN(function_call),
                                              PLAIN(modalities),
                                              PLAIN(audio),
                                              TOLD(top_k),
                                              TOLD(min_p),
                                              TOLD(repetition_penalty)};
    static const struct innocent of_messages[] = {PLAIN(role),
                                                  PLAIN(content),
                                                  PLAIN(name),
                                                  {STR("tool_calls"), OPENAI_HAS_CALLS},
                                                  {STR("tool_call_id"), OPENAI_HAS_CALLS},
                                                  PLAIN(refusal),
                                                  PLAIN(reasoning_content),
                                                  PLAIN(reasoning),
                                                  PLAIN(function_call)};
    static const struct innocent of_parts[] = {PLAIN(type),        PLAIN(text),    PLAIN(image_url),
                                               PLAIN(input_audio), PLAIN(refusal), PLAIN(cache_control)};
    static const struct {
        const struct innocent *names;
        size_t count;
    } lists[] = {{members, sizeof members / sizeof *members},
                 {of_messages, sizeof of_messages / sizeof *of_messages},
                 {of_parts, sizeof of_parts / sizeof *of_parts}};
    for (size_t i = 0; i < lists[where].count; i++)
        if (str_eq(key, lists[where].names[i].name)) return &lists[where].names[i];
    return NULL;
}

/* Notes what stands there. */
static void innocent_note(struct reading *reading, struct str key, enum innocents where) {
    const struct innocent *found = innocent_find(key, where);
    if (found)
        reading->request->members |= found->bit;
    else
        reading->request->names_more = true;
}

/* Functions of the caller's own name nothing; tools of the provider's may. */
static bool tools_are_innocent(struct str tools) {
    static const struct str marks[] = {STR("_id"),      STR("_I"),       STR("Id"),   STR("ID"),   STR("\\u00"),
                                       STR("ontainer"), STR("ONTAINER"), STR("odel"), STR("ODEL"), STR("allback"),
                                       STR("reset"),    STR("store"),    STR("Store")};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (str_find(tools, marks[i]) != SIZE_MAX) return false;
    return true;
}

/* Text and numbers name nothing; parts may (those of moderations). */
static bool input_has_parts(const struct skim_token *token) {
    return (token->kind == skim_object || token->kind == skim_array) && skim_is(token->key, STR("input")) &&
           str_find_byte(token->value, '{') != SIZE_MAX;
}

/* What stands below a top-level member: messages[].content[].type and response_format.type. All else is passed over. */
static bool inside_read(struct reading *reading, enum key top, struct skim *skim, struct skim_token *token) {
    static const struct str images[] = {STR("\"image_url\""), STR("\"input_image\""), STR("\"image\"")};
    static const struct str schemas[] = {STR("\"json_object\""), STR("\"json_schema\"")};
    static const struct str forms[] = {STR("json_schema"), STR("value"), STR("schema")}; /* OpenAI's, Hugging Face's */
    bool container = token->kind == skim_object || token->kind == skim_array;
    bool type = token->kind == skim_string && skim_is(token->key, STR("type"));
    if (top == key_response_format && token->depth == 2 && type)
        for (size_t i = 0; i < 2; i++) reading->request->wants_json |= str_eq(token->value, schemas[i]);
    if (top == key_response_format && token->depth == 2 && type)
        reading->request->wants_schema |= str_eq(token->value, schemas[1]);
    if (top == key_response_format && token->depth == 2 && token->kind == skim_object)
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
            if (skim_is(token->key, forms[i])) reading->request->wants_json = reading->request->wants_schema = true;
    if (top == key_messages && token->depth == 5 && type) {
        for (size_t i = 0; i < 3; i++) reading->request->has_image |= str_eq(token->value, images[i]);
        reading->request->has_audio |= str_eq(token->value, STR("\"input_audio\""));
    }
    if (top == key_messages && token->key.at && token->depth == 5) innocent_note(reading, token->key, of_part);
    if (top == key_messages && token->key.at && token->depth == 3) {
        innocent_note(reading, token->key, of_message);
        if (token->kind == skim_string && str_eq(token->value, STR("\"developer\"")))
            reading->request->members |= OPENAI_HAS_DEVELOPER;
    }
    bool on_the_way = top == key_messages && (token->depth != 3 || skim_is(token->key, STR("content")));
    return !container || token->passed || on_the_way || skim_skip(skim, token);
}

/* A word that is neither, or an object that names one. */
static bool forces_tool(const struct skim_token *token) {
    if (token->kind == skim_object) return str_find(token->value, STR("\"name\"")) != SIZE_MAX;
    return token->kind == skim_string &&
           (skim_is(skim_inside(token->value), STR("required")) || skim_is(skim_inside(token->value), STR("any")));
}

static bool top_read(struct reading *reading, struct skim *skim, struct skim_token *token, enum key *top) {
    reading->request->empty_object = false;
    if (!openai_key_find(reading, token->key, top)) return false;
    bool container = token->kind == skim_object || token->kind == skim_array;
    bool looked_into = *top == key_messages || *top == key_response_format;
    if (container && !looked_into && !skim_skip(skim, token)) return refuse_json(reading, skim);
    if (*top == key_tools)
        reading->request->names_more |= !tools_are_innocent(token->value);
    else if (*top == keys)
        innocent_note(reading, token->key, of_request);
    if (*top == keys && skim_is(token->key, STR("tool_choice")) && forces_tool(token))
        reading->request->members |= FEATURE_BIT(tool_choice);
    if (*top == keys && input_has_parts(token)) reading->request->names_more = true;
    if (*top == keys && token->kind == skim_string && str_eq(token->key, STR("reasoning_effort")))
        reading->request->effort = openai_read_effort(skim_inside(token->value));
    if (*top == keys && token->kind == skim_string && str_eq(token->key, STR("prompt_cache_key")))
        reading->request->prompt_cache_key = skim_inside(token->value);
    if (*top == keys && !reading->request->temperature.at && str_eq(token->key, STR("temperature")))
        reading->request->temperature = token->value;
    return member_read(reading, *top, token);
}

bool openai_skim_request(struct str body, enum endpoint endpoint, struct arena *arena, struct openai_request *request,
                         struct error *error, struct str *param) {
    struct reading reading = {.body = body, .arena = arena, .request = request, .error = error, .param = param};
    struct skim skim;
    enum key top = keys;
    bool filled = false; /* something stands in `messages` */
    (void)endpoint;
    *request = (struct openai_request){.max_tokens = -1, .n = 1, .empty_object = true};
    if (param) *param = STR_NONE;
    if (str_trim(body).len == 0)
        return openai_splice_refuse(&reading, STR_NONE, "The request has no body: send a JSON object.");
    skim_begin(&skim, body, 5);
    for (struct skim_token token = skim_next(&skim); token.kind != skim_end; token = skim_next(&skim)) {
        if (token.kind == skim_error) return refuse_json(&reading, &skim);
        if (token.kind == skim_close) {
            if (token.depth == 1 && top == key_messages && filled) request->messages_to = skim.at - 1;
            continue;
        }
        filled |= token.depth == 2 && top == key_messages;
        if (token.depth == 0) {
            if (token.kind != skim_object)
                return openai_splice_refuse(&reading, STR_NONE, "The request body must be a JSON object.");
            request->members_at = offset_of(&reading, token.value) + 1;
        } else if (token.depth == 1) {
            if (!top_read(&reading, &skim, &token, &top)) return false;
        } else if (!inside_read(&reading, top, &skim, &token)) {
            return refuse_json(&reading, &skim);
        }
    }
    if (request->wants_schema) request->members |= FEATURE_BIT(json_schema);
    return true;
}

/* -- the body as it goes out -- */

struct edit {
    size_t from, to;
    struct str text;
};

static void edit_add(struct edit *edits, size_t *count, size_t from, size_t to, struct str text) {
    size_t at = *count;
    while (at > 0 && edits[at - 1].from > from) {
        edits[at] = edits[at - 1];
        at--;
    }
    edits[at] = (struct edit){from, to, text};
    ++*count;
}

/* Where stream_options.include_usage becomes true, whatever stands there. */
static void usage_edit(const struct openai_request *request, struct edit *edits, size_t *count) {
    bool absent = request->stream_options_from == request->stream_options_to;
    if (absent)
        edit_add(edits, count, request->members_at, request->members_at,
                 request->empty_object ? STR("\"stream_options\":{\"include_usage\":true}")
                                       : STR("\"stream_options\":{\"include_usage\":true},"));
    else if (!request->has_stream_options || request->stream_options_empty)
        edit_add(edits, count, request->stream_options_from, request->stream_options_to,
                 STR("{\"include_usage\":true}"));
    else if (request->include_usage_from != request->include_usage_to)
        edit_add(edits, count, request->include_usage_from, request->include_usage_to, STR("true"));
    else
        edit_add(edits, count, request->stream_options_from + 1, request->stream_options_from + 1,
                 STR("\"include_usage\":true,"));
}

static void openai_range_add(struct openai_splice *splice, struct str range) {
    if (range.len == 0) return;
    splice->ranges[splice->count++] = range;
    splice->len += range.len;
}

bool openai_splice(struct str body, const struct openai_request *request, bool multipart, struct str model,
                   bool ask_usage, struct arena *arena, struct openai_splice *splice) {
    struct edit edits[4];
    size_t count = 0, at = 0;
    *splice = (struct openai_splice){.count = 0};
    bool has_model = request->model_from != request->model_to;
    if (multipart && has_model) {
        edit_add(edits, &count, request->model_from, request->model_to, model);
    } else if (multipart) { /* a part of its own before the first */
        struct str part =
            arena_printf(arena, "--%.*s\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n%.*s\r\n",
                         STR_ARG(request->boundary), STR_ARG(model));
        if (!part.at) return false;
        edit_add(edits, &count, request->members_at, request->members_at, part);
    } else {
        struct text text = text_in_arena(arena, model.len + 16);
        if (!has_model) text_put(&text, STR("\"model\":"));
        text_put_json(&text, model);
        if (!has_model && !request->empty_object) text_put_byte(&text, ',');
        if (text.failed) return false;
        struct str written = text_str(&text);
        bool same = has_model && str_eq(written, str_slice(body, request->model_from, request->model_to));
        if (!has_model)
            edit_add(edits, &count, request->members_at, request->members_at, written);
        else if (!same)
            edit_add(edits, &count, request->model_from, request->model_to, written);
    }
    if (ask_usage && !multipart) usage_edit(request, edits, &count);
    if (request->continuation.len)
        edit_add(edits, &count, request->messages_to, request->messages_to, request->continuation);
    for (size_t i = 0; i < count; i++) {
        openai_range_add(splice, str_slice(body, at, edits[i].from));
        openai_range_add(splice, edits[i].text);
        at = edits[i].to;
    }
    openai_range_add(splice, str_slice(body, at, body.len));
    return true;
}
