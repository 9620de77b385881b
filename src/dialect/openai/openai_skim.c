/* openai_skim.c - usage, errors and stream events of every vendor that speaks OpenAI's format, read without building
 * them. What differs between vendors is a row of a table, not a branch. Keys are compared as they stand: no provider
 * escapes its own. */
#include <string.h>

#include "base/decimal.h"
#include "base/text.h"
#include "dialect/cache_miss.h"
#include "dialect/openai/openai.h"
#include "dialect/skim.h"

/* -- usage -- */

/* More tokens than any reply has: such a count is a mistake and is not added to anything. */
static const int64_t tokens_max = 1000000000000;

/* Where vendors say their counts: in usage itself, or in an object inside it. */
static const struct {
    struct str inside, key;
    size_t field;
} counts[] = {
    {STR(""), STR("prompt_tokens"), offsetof(struct usage, input_tokens)},
    {STR(""), STR("input_tokens"), offsetof(struct usage, input_tokens)},
    {STR(""), STR("completion_tokens"), offsetof(struct usage, output_tokens)},
    {STR(""), STR("output_tokens"), offsetof(struct usage, output_tokens)},
    {STR(""), STR("cached_tokens"), offsetof(struct usage, cached_input_tokens)},           /* Together */
    {STR(""), STR("prompt_cache_hit_tokens"), offsetof(struct usage, cached_input_tokens)}, /* DeepSeek */
    {STR("prompt_tokens_details"), STR("cached_tokens"), offsetof(struct usage, cached_input_tokens)},
    {STR("input_tokens_details"), STR("cached_tokens"), offsetof(struct usage, cached_input_tokens)},
    {STR("prompt_tokens_details"), STR("cache_write_tokens"), offsetof(struct usage, cache_write_tokens)},
    {STR("input_tokens_details"), STR("cache_write_tokens"), offsetof(struct usage, cache_write_tokens)},
    {STR(""), STR("reasoning_tokens"), offsetof(struct usage, reasoning_tokens)}, /* Perplexity */
    {STR("completion_tokens_details"), STR("reasoning_tokens"), offsetof(struct usage, reasoning_tokens)},
    {STR("output_tokens_details"), STR("reasoning_tokens"), offsetof(struct usage, reasoning_tokens)},
};

/* The same of what is billed beside them; `above` is the object around `inside`. */
static const struct {
    struct str above, inside, key;
    enum meter_count count;
} metered[] = {
    {STR(""), STR("prompt_tokens_details"), STR("audio_tokens"), meter_audio_input},
    {STR(""), STR("prompt_tokens_details"), STR("image_tokens"), meter_image_input},
    {STR(""), STR("prompt_tokens_details"), STR("video_tokens"), meter_video_input},
    {STR(""), STR("input_tokens_details"), STR("audio_tokens"), meter_audio_input},
    {STR(""), STR("input_tokens_details"), STR("image_tokens"), meter_image_input},
    {STR(""), STR("input_token_details"), STR("audio_tokens"), meter_audio_input}, /* transcriptions */
    {STR(""), STR("completion_tokens_details"), STR("audio_tokens"), meter_audio_output},
    {STR(""), STR("completion_tokens_details"), STR("image_tokens"), meter_image_output},
    {STR(""), STR("output_tokens_details"), STR("audio_tokens"), meter_audio_output},
    {STR(""), STR("output_tokens_details"), STR("image_tokens"), meter_image_output},
    {STR("prompt_tokens_details"), STR("cached_tokens_details"), STR("audio_tokens"), meter_audio_cached},
    {STR("prompt_tokens_details"), STR("cached_tokens_details"), STR("image_tokens"), meter_image_cached},
    {STR("input_tokens_details"), STR("cached_tokens_details"), STR("audio_tokens"), meter_audio_cached},
    {STR("input_tokens_details"), STR("cached_tokens_details"), STR("image_tokens"), meter_image_cached},
    {STR("prompt_tokens_details"), STR("cache_write_tokens_details"), STR("ttl_12h_tokens"), meter_cache_write_12h},
    {STR("input_tokens_details"), STR("cache_write_tokens_details"), STR("ttl_12h_tokens"), meter_cache_write_12h},
    {STR(""), STR(""), STR("citation_tokens"), meter_citations},                               /* Perplexity */
    {STR(""), STR(""), STR("num_search_queries"), meter_searches},                             /* Perplexity */
    {STR(""), STR(""), STR("num_sources_used"), meter_searches},                               /* xAI */
    {STR(""), STR("server_tool_use"), STR("web_search_requests"), meter_searches},             /* OpenRouter */
    {STR(""), STR("server_side_tool_usage_details"), STR("web_search_calls"), meter_searches}, /* xAI */
    {STR(""), STR("server_side_tool_usage_details"), STR("code_interpreter_calls"), meter_code_sessions},
    {STR(""), STR("server_side_tool_usage_details"), STR("file_search_calls"), meter_file_searches},
};

static bool skim_tokens_read(const struct skim_token *token, int64_t *value) {
    return token->kind == skim_number && skim_to_i64(token->value, value) && *value >= 0 && *value <= tokens_max;
}

static void meter_take(struct usage *usage, struct str above, struct str inside, const struct skim_token *token) {
    int64_t value;
    if (!usage->meter || !skim_tokens_read(token, &value)) return;
    for (size_t i = 0; i < sizeof metered / sizeof *metered; i++)
        if (str_eq(metered[i].key, token->key) && str_eq(metered[i].inside, inside) && str_eq(metered[i].above, above))
            meter_note(usage->meter, metered[i].count, value);
}

static void count_take(struct usage *usage, struct str inside, const struct skim_token *token) {
    int64_t value;
    if (!skim_tokens_read(token, &value)) return;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (!str_eq(counts[i].key, token->key) || !str_eq(counts[i].inside, inside)) continue;
        memcpy((char *)usage + counts[i].field, &value, sizeof value);
        return;
    }
    if (value) meter_take(usage, STR(""), inside, token); /* most say 0 of most */
}

/* Where vendors say what they charge, as a decimal: in dollars x 10^digits nano-dollars. */
static const struct {
    struct str inside, key;
    unsigned digits;
} costs[] = {
    {STR(""), STR("cost"), 9},              /* OpenRouter */
    {STR(""), STR("estimated_cost"), 9},    /* DeepInfra */
    {STR("cost"), STR("total_cost"), 9},    /* Perplexity */
    {STR(""), STR("cost_in_usd_ticks"), 0}, /* xAI: a tick is a tenth of a nano-dollar */
};

static void cost_take(struct usage *usage, struct str inside, const struct skim_token *token) {
    int64_t value;
    if (token->kind != skim_number) return;
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        if (!str_eq(costs[i].key, token->key) || !str_eq(costs[i].inside, inside)) continue;
        if (!decimal_to_i64(token->value, costs[i].digits, true, &value)) return;
        usage->cost_nano_usd = costs[i].digits ? value : value / 10 + (value % 10 != 0);
    }
}

/* What is charged by time: a transcription's. */
static void seconds_take(struct usage *usage, const struct skim_token *token) {
    int64_t milliseconds;
    bool says = str_eq(token->key, STR("seconds")) || str_eq(token->key, STR("prompt_audio_seconds")); /* Mistral */
    if (says && usage->meter && token->kind == skim_number && decimal_to_i64(token->value, 3, true, &milliseconds))
        meter_note(usage->meter, meter_milliseconds, milliseconds);
}

static void usage_total_take(struct usage *usage, int64_t total) {
    if (total < 0 || total > tokens_max) return;
    /* some say only a total of an embedding */
    if (usage->input_tokens < 0 && usage->output_tokens < 0) usage->input_tokens = total;
    /* xAI leaves reasoning out of completion_tokens; the total tells */
    if (usage->input_tokens >= 0 && usage->output_tokens >= 0 && usage->reasoning_tokens > 0 &&
        usage->input_tokens + usage->output_tokens + usage->reasoning_tokens == total)
        usage->output_tokens += usage->reasoning_tokens;
}

/* Reads the usage object that was told last, to its end, as skim_skip would pass over it; depths are its own. */
static bool openai_read_usage(struct skim *skim, struct skim_token *usage_token, struct usage *usage) {
    struct str above = STR(""), inside = STR("");
    int64_t total = -1;
    const unsigned told = skim->depth_max, depth = usage_token->depth;
    skim->depth_max = depth + 3;
    for (;;) {
        struct skim_token token = skim_next(skim);
        if (token.kind <= skim_error) return false;
        if (token.kind == skim_close && token.depth == depth) break;
        if (token.kind == skim_close) continue;
        token.depth -= depth;
        if (token.depth == 1) above = token.kind == skim_object ? token.key : STR("");
        if (token.depth == 2) inside = token.kind == skim_object ? token.key : STR("");
        if (token.depth == 1 && token.kind == skim_number && str_eq(token.key, STR("total_tokens"))) {
            skim_to_i64(token.value, &total);
        } else if (token.depth == 1 && token.kind == skim_number) {
            count_take(usage, STR(""), &token);
            cost_take(usage, STR(""), &token);
            seconds_take(usage, &token);
        } else if (token.depth == 2) {
            count_take(usage, above, &token);
            cost_take(usage, above, &token);
        } else if (token.depth == 3) {
            meter_take(usage, above, inside, &token);
        }
    }
    skim->depth_max = told;
    usage_token->passed = true;
    usage_total_take(usage, total);
    return true;
}

/* What a token of an answer is about, by its way from the top; the same in a whole reply and in a stream's event. */
enum place { place_other, place_choices, place_x_groq, place_delta, place_data, place_meta, place_usage_info };

static struct str rest_from(struct str text, const struct skim_token *token) {
    return str_slice(text, (size_t)(token->value.at - text.at), text.len);
}

/* How it was served. */
static void tier_take(struct usage *usage, const struct skim_token *token) {
    if (usage->meter && token->kind == skim_string && str_eq(token->key, STR("service_tier")))
        meter_note_tier(usage->meter, skim_inside(token->value));
}

static void miss_take(struct usage *usage, struct str text, const struct skim_token *token) {
    if (usage->meter && token->kind == skim_object && str_eq(token->key, STR("prompt_cache_diagnostics")))
        cache_miss_read(rest_from(text, token), usage->meter);
}

static bool finish_is_error(struct str value) {
    return str_eq(value, STR("\"error\"")) || str_eq(value, STR("\"insufficient_system_resource\"")); /* DeepSeek */
}

/* An error member that says something. */
static bool is_fault(const struct skim_token *token) {
    return str_eq(token->key, STR("error")) && token->kind != skim_null && token->kind != skim_false &&
           !str_eq(token->value, STR("\"\"")) && !(token->passed && str_trim(skim_inside(token->value)).len == 0);
}

static bool is_container(const struct skim_token *token) {
    return token->kind == skim_object || token->kind == skim_array;
}

/* -- whole replies -- */

static enum place whole_place(const struct skim_token *token) {
    static const struct {
        struct str key;
        enum skim_kind kind;
        enum place place;
    } places[] = {{STR("choices"), skim_array, place_choices},
                  {STR("data"), skim_array, place_data},               /* pictures */
                  {STR("meta"), skim_object, place_meta},              /* a reranking's */
                  {STR("usage_info"), skim_object, place_usage_info}}; /* Mistral's, of documents */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (token->kind == places[i].kind && str_eq(token->key, places[i].key)) return places[i].place;
    return place_other;
}

/* What is charged by the piece and is no part of `usage`. */
static void unit_take(struct usage *usage, enum place top, const struct skim_token *token) {
    int64_t value = 0;
    if (!usage->meter) return;
    if (top == place_data && token->depth == 3 && token->kind == skim_string &&
        (str_eq(token->key, STR("b64_json")) || str_eq(token->key, STR("url"))))
        meter_note(usage->meter, meter_images, (int64_t)usage->meter->count[meter_images] + 1);
    if (top == place_meta && token->depth == 3 && str_eq(token->key, STR("search_units")) &&
        skim_tokens_read(token, &value))
        meter_note(usage->meter, meter_queries, value);
    if (top == place_usage_info && token->depth == 2 && str_eq(token->key, STR("pages_processed")) &&
        skim_tokens_read(token, &value))
        meter_note(usage->meter, meter_pages, value);
}

bool openai_skim_reply(struct str body, struct usage *usage, bool *is_error) {
    struct skim skim;
    struct usage read = USAGE_NONE;
    read.meter = usage->meter;
    enum place top = place_other;
    bool fault = false;
    skim_begin(&skim, body, 3);
    for (;;) {
        struct skim_token token = skim_next(&skim);
        if (token.kind == skim_error) return false;
        if (token.kind == skim_end) break;
        if (token.kind == skim_close) continue;
        if (token.depth == 0 && token.kind != skim_object) return false; /* JSON, but no reply of this API */
        if (token.depth == 0) continue;
        if (token.depth == 1) {
            top = whole_place(&token);
            tier_take(&read, &token);
            miss_take(&read, body, &token);
            if (token.kind == skim_object && str_eq(token.key, STR("usage")) &&
                !openai_read_usage(&skim, &token, &read))
                return false;
        }
        if (top > place_delta) unit_take(&read, top, &token);
        if (is_container(&token) && !token.passed && top == place_other && !skim_skip(&skim, &token)) return false;
        if (token.depth == 1)
            fault |= is_fault(&token) || (str_eq(token.key, STR("object")) && str_eq(token.value, STR("\"error\"")));
        if (token.depth == 3 && top == place_choices)
            fault |= (token.kind == skim_object && is_fault(&token)) ||
                     (str_eq(token.key, STR("finish_reason")) && finish_is_error(token.value));
    }
    *is_error = fault;
    *usage = read;
    return true;
}

/* -- errors -- */

enum { said_max = 1024, plain_max = 200 };

/* Cut to a length, not inside a character. */
static struct str openai_cut(struct str text, size_t max) {
    if (text.len <= max) return text;
    while (max > 0 && ((unsigned char)text.at[max] & 0xc0) == 0x80) max--;
    return str_slice(text, 0, max);
}

static struct str said(const struct skim_token *token, struct arena *arena) {
    struct str value = token->kind == skim_string ? skim_inside(token->value) : token->value, plain;
    if (token->kind == skim_null) return STR("");
    if (token->kind != skim_string || !skim_unescape(value, arena, &plain)) plain = value;
    return openai_cut(plain, said_max);
}

/* Members that say something, wherever they stand; the first that says it is believed. */
static void error_member(struct openai_error *error, const struct skim_token *token, struct arena *arena) {
    static const struct {
        struct str key;
        size_t field;
    } members[] = {
        {STR("message"), offsetof(struct openai_error, message)},
        {STR("detail"), offsetof(struct openai_error, message)},
        {STR("error"), offsetof(struct openai_error, message)},
        {STR("msg"), offsetof(struct openai_error, message)},
        {STR("Message"), offsetof(struct openai_error, message)},
        {STR("type"), offsetof(struct openai_error, type)},
        {STR("code"), offsetof(struct openai_error, code)},
        {STR("param"), offsetof(struct openai_error, param)},
    };
    if (token->kind != skim_string && token->kind != skim_number) return;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct str *field = (struct str *)(void *)((char *)error + members[i].field);
        if (field->len == 0 && str_eq(token->key, members[i].key)) *field = said(token, arena);
    }
}

/* Plain text, or a page: its title, else its first line. */
static struct str plain_said(struct str body) {
    size_t title = str_find(body, STR("<title>")), end;
    if (title != SIZE_MAX) {
        body = str_slice(body, title + 7, body.len);
        end = str_find(body, STR("</title>"));
    } else {
        body = str_trim(body);
        end = str_find_byte(body, '\n');
    }
    body = str_trim(openai_cut(str_slice(body, 0, end), plain_max));
    return str_is_utf8(body) ? body : STR("");
}

/* Is this container where errors stand: {"error":{}}, {"detail":[{}]} of FastAPI, {"errors":[{}]} of Cloudflare,
 * [{"error":{}}] of Gemini, {"choices":[{"error":{}}]} of OpenRouter? */
static bool holds_error(const struct skim_token *token) {
    static const struct str keys[] = {STR("error"), STR("detail"), STR("errors"), STR("choices"), STR("x_groq")};
    if (token->key.at == NULL) return true; /* an element, or the document */
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (str_eq(token->key, keys[i])) return true;
    return false;
}

void openai_skim_error(struct str body, struct arena *arena, struct openai_error *error) {
    struct skim skim;
    struct openai_error outer = {STR(""), STR(""), STR(""), STR("")}, inner = outer;
    bool inside = false;
    skim_begin(&skim, body, 4);
    for (;;) {
        struct skim_token token = skim_next(&skim);
        if (token.kind == skim_end) break;
        if (token.kind == skim_error) {
            *error = (struct openai_error){plain_said(body), STR(""), STR(""), STR("")};
            return;
        }
        if (token.kind == skim_close) {
            if (token.depth <= 1) inside = false;
            continue;
        }
        if (token.depth == 0 && token.kind == skim_string) outer.message = said(&token, arena);
        if (is_container(&token)) {
            if (!token.passed && !holds_error(&token))
                skim_skip(&skim, &token); /* a problem shows at the next token */
            else if (token.key.at)
                inside = true;
        } else {
            error_member(inside ? &inner : &outer, &token, arena);
        }
    }
    bool told = inner.message.len > 0; /* {"type":"error","error":{"type":...}}: the inner one is meant */
    *error = told ? inner : outer;
    if (!told && error->code.len == 0) error->code = inner.code;
    if (told && error->code.len == 0) error->code = outer.code;
}

void openai_write_error(struct text *text, const struct message_error *error) {
    const struct error_facts *facts = error_facts(error->code);
    text_put(text, STR("{\"error\":{"));
    text_json_str(text, STR("message"), error->message);
    text_json_str(text, STR("type"), facts->openai_type);
    text_json_key(text, STR("param"));
    if (str_empty(error->param))
        text_put(text, STR("null"));
    else
        text_put_json(text, error->param);
    text_json_str(text, STR("code"), facts->name);
    text_put(text, STR(",\"weir\":{"));
    text_json_str(text, STR("category"), facts->category);
    if (error->request_id.len) text_json_str(text, STR("request_id"), error->request_id);
    text_json_key(text, STR("retry_after_ms"));
    if (error->retry_after_ms >= 0)
        text_put_i64(text, error->retry_after_ms);
    else
        text_put(text, STR("null"));
    text_json_u64(text, STR("attempts"), error->attempts);
    if (error->scope.len) text_json_str(text, STR("scope"), error->scope);
    text_put(text, STR("}}}"));
}

/* -- stream events -- */

/* Members of a delta that carry what a caller waits for, when they are not empty. */
static const struct str token_members[] = {
    STR("content"),    STR("reasoning_content"), STR("reasoning"), STR("reasoning_details"),
    STR("tool_calls"), STR("refusal"),           STR("audio"),     STR("function_call"),
    STR("images")};

/* Not "", [] or {}. */
static bool is_filled(const struct skim_token *token) {
    return (token->kind == skim_string || is_container(token)) && token->value.len > 2;
}

static bool carries(const struct skim_token *token) {
    if (!is_filled(token)) return false;
    for (size_t i = 0; i < sizeof token_members / sizeof *token_members; i++)
        if (str_eq(token->key, token_members[i])) return true;
    return false;
}

struct event_reading {
    struct str data;
    struct usage *usage;
    enum place top, choice;
    bool choices, has_choice, has_usage, error, token, finish;
    struct str text; /* the last token member that is a string, with its quotes */
};

/* Of any other member: nothing. false: the event is malformed. */
static bool event_usage(struct event_reading *seen, struct skim *skim, struct skim_token *token) {
    if (token->kind != skim_object || !str_eq(token->key, STR("usage"))) return true;
    seen->has_usage |= token->depth == 1;
    return openai_read_usage(skim, token, seen->usage);
}

/* A member of the event itself. true: its inside is to be told. */
static bool event_top(struct event_reading *seen, const struct skim_token *token) {
    seen->top = place_other;
    if (token->kind == skim_array && str_eq(token->key, STR("choices"))) {
        seen->choices = true;
        seen->top = place_choices;
        return true;
    }
    if (token->kind == skim_object && str_eq(token->key, STR("x_groq"))) {
        seen->top = place_x_groq;
        return true;
    }
    tier_take(seen->usage, token);
    miss_take(seen->usage, seen->data, token);
    if ((str_eq(token->key, STR("object")) || str_eq(token->key, STR("type"))) &&
        str_eq(token->value, STR("\"error\"")))
        seen->error = true;
    return false;
}

/* A member of a choice. true: its inside is to be told. */
static bool event_choice(struct event_reading *seen, const struct skim_token *token) {
    seen->choice = place_other;
    if (token->kind == skim_object && (str_eq(token->key, STR("delta")) || str_eq(token->key, STR("message")))) {
        seen->choice = place_delta;
        return true;
    }
    if (token->kind == skim_string && token->value.len > 2 && str_eq(token->key, STR("finish_reason"))) {
        seen->finish = true;
        seen->error |= finish_is_error(token->value);
    }
    seen->token |= token->kind == skim_string && token->value.len > 2 && str_eq(token->key, STR("text"));
    return false;
}

/* Depths: 1 top members, 2 a choice, 3 a choice's members, 4 the delta's. */
static bool event_token(struct event_reading *seen, struct skim *skim, struct skim_token *token) {
    bool looked_into = false;
    if (token->depth == 1) looked_into = event_top(seen, token);
    if (token->depth == 2 && seen->top == place_choices) looked_into = seen->has_choice = true;
    if (token->depth == 3) looked_into = event_choice(seen, token);
    /* in an event, in Groq's x_groq, in Moonshot's choices */
    bool has_usage = token->depth == 1 || token->depth == 3 || (token->depth == 2 && seen->top == place_x_groq);
    if (has_usage && !event_usage(seen, skim, token)) return false;
    if (is_container(token) && !token->passed && !looked_into && !skim_skip(skim, token)) return false;
    if (token->depth == 4 && seen->choice == place_delta && carries(token)) {
        seen->token = true;
        if (token->kind == skim_string) seen->text = token->value;
    } else if (token->depth < 4 && is_fault(token)) {
        seen->error = true;
    }
    return true;
}

static enum openai_event_kind openai_skim_event_read(struct str event, struct str data, struct usage *usage,
                                                     struct str *text) {
    struct skim skim;
    data = str_trim(data);
    if (str_eq(data, STR("[DONE]"))) return openai_event_done;
    if (data.len == 0 || str_eq(event, STR("ping"))) return openai_event_empty;
    struct event_reading seen = {.data = data, .usage = usage};
    skim_begin(&skim, data, 4);
    for (;;) {
        struct skim_token token = skim_next(&skim);
        if (token.kind == skim_error) return openai_event_malformed;
        if (token.kind == skim_end) break;
        if (token.kind == skim_close) continue;
        if (token.depth == 0 && token.kind != skim_object) return openai_event_malformed;
        if (token.depth > 0 && !event_token(&seen, &skim, &token)) return openai_event_malformed;
    }
    if (seen.error || str_eq(event, STR("error"))) return openai_event_error;
    if (seen.finish) return openai_event_finish;
    *text = seen.text;
    if (seen.token) return openai_event_token;
    if (seen.has_usage && !seen.has_choice) return openai_event_usage;
    /* events of other endpoints: image_generation.partial_image */
    return !seen.choices && event.len ? openai_event_token : openai_event_empty;
}

enum openai_event_kind openai_skim_event(struct str event, struct str data, struct usage *usage) {
    struct str text = STR_NONE;
    return openai_skim_event_read(event, data, usage, &text);
}

static bool is_alike(const struct openai_event_shape *shape, struct str data) {
    size_t around = (size_t)shape->before_len + shape->after_len;
    if (shape->before_len == 0 || data.len <= around) return false;
    size_t text_end = data.len - shape->after_len;
    return memcmp(data.at, shape->around, shape->before_len) == 0 &&
           memcmp(data.at + text_end, shape->around + shape->before_len, shape->after_len) == 0 &&
           skim_string_end(data, shape->before_len - 1u) == text_end + 1;
}

/* Only shapes without usage are kept: one that is skipped must have nothing to read. */
static void shape_keep(struct openai_event_shape *shape, struct str data, struct str text) {
    size_t before = text.at ? (size_t)(text.at - data.at) + 1 : 0, after = data.len - before - (text.len - 2);
    shape->before_len = 0;
    if (!text.at || before + after > sizeof shape->around || str_find(data, STR("\"usage\":{")) != SIZE_MAX) return;
    memcpy(shape->around, data.at, before);
    memcpy(shape->around + before, data.at + data.len - after, after);
    shape->before_len = (uint16_t)before;
    shape->after_len = (uint16_t)after;
}

enum openai_event_kind openai_skim_event_alike(struct openai_event_shape *shape, struct str event, struct str data,
                                               struct usage *usage) {
    struct str text = STR_NONE;
    data = str_trim(data);
    if (shape && event.len == 0 && is_alike(shape, data)) return openai_event_token;
    struct usage before = *usage;
    enum openai_event_kind kind = openai_skim_event_read(event, data, usage, &text);
    bool told_usage = memcmp(&before, usage, sizeof before) != 0;
    if (shape && kind == openai_event_token && event.len == 0 && !told_usage) shape_keep(shape, data, text);
    return kind;
}

unsigned openai_skim_finishes(struct str data) {
    struct skim skim;
    unsigned count = 0;
    skim_begin(&skim, data, 3);
    for (struct skim_token token; (token = skim_next(&skim)).kind != skim_end && token.kind != skim_error;)
        count += token.depth == 3 && token.kind == skim_string && skim_is(token.key, STR("finish_reason"));
    return count;
}

void openai_skim_finished(struct str data, uint64_t *finished) {
    struct skim skim;
    int64_t index = 0;
    bool choices = false, ends = false;
    skim_begin(&skim, data, 3);
    for (struct skim_token token; (token = skim_next(&skim)).kind != skim_end && token.kind != skim_error;) {
        if (token.depth == 1 && token.kind != skim_close) choices = skim_is(token.key, STR("choices"));
        if (token.depth == 3 && token.kind == skim_number && skim_is(token.key, STR("index")) &&
            !skim_to_i64(token.value, &index))
            index = openai_finishes_max;
        if (token.depth == 3 && token.kind == skim_string && skim_is(token.key, STR("finish_reason"))) ends = true;
        if (token.depth != 2) continue;
        if (token.kind == skim_close && choices && ends && index >= 0 && index < openai_finishes_max)
            *finished |= UINT64_C(1) << index;
        index = 0, ends = false;
    }
}

bool openai_skim_delta(struct str data, struct arena *arena, struct openai_delta *delta) {
    struct skim skim;
    bool choices = false, inside = false;
    *delta = (struct openai_delta){.content = STR("")};
    skim_begin(&skim, data, 4);
    for (;;) {
        struct skim_token token = skim_next(&skim);
        if (token.kind == skim_error) return false;
        if (token.kind == skim_end) return true;
        if (token.kind == skim_close) continue;
        if (token.depth == 1) choices = str_eq(token.key, STR("choices"));
        if (token.depth == 1 && token.kind == skim_string && str_eq(token.key, STR("id"))) delta->id = token.value;
        if (token.depth == 3) inside = choices && str_eq(token.key, STR("delta"));
        if (token.depth == 4 && inside && token.kind == skim_string && str_eq(token.key, STR("content")) &&
            !skim_unescape(skim_inside(token.value), arena, &delta->content))
            return false;
        if (token.depth == 4 && inside && token.kind == skim_array && str_eq(token.key, STR("tool_calls")))
            delta->calls = true;
        bool looked_into = token.depth == 0 || choices;
        if (is_container(&token) && !token.passed && !looked_into && !skim_skip(&skim, &token)) return false;
    }
}

/* Words of the format's own, in each chunk; and what says again what was said. */
static bool is_not_said(const struct skim_token *token) {
    static const struct str words[] = {STR("role"), STR("type"), STR("object"), STR("finish_reason")};
    bool is_word = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) is_word |= str_eq(token->key, words[i]);
    return token->kind == skim_string ? is_word : token->depth == 3 && str_eq(token->key, STR("logprobs"));
}

void openai_skim_said(struct str data, struct openai_said *said) {
    enum { depth_most = 12 };
    struct skim skim;
    struct skim_token token;
    bool choices = false;
    *said = (struct openai_said){.id = STR(""), .model = STR("")};
    skim_begin(&skim, data, depth_most);
    while ((token = skim_next(&skim)).kind > skim_error) {
        if (token.kind == skim_close) continue;
        const bool is_text = token.kind == skim_string;
        if (token.depth == 1) choices = str_eq(token.key, STR("choices"));
        if (token.depth == 1 && is_text && str_eq(token.key, STR("id"))) said->id = skim_inside(token.value);
        if (token.depth == 1 && is_text && str_eq(token.key, STR("model"))) said->model = skim_inside(token.value);
        if (!choices || token.depth == 0) {
            if (is_container(&token) && token.depth > 0 && !token.passed && !skim_skip(&skim, &token)) break;
        } else if (is_not_said(&token)) {
            if (is_container(&token) && !token.passed && !skim_skip(&skim, &token)) break;
        } else if (is_text) {
            said->bytes += token.value.len - 2;
        } else if (token.passed) {
            said->bytes += token.value.len;
        }
    }
    if (skim.problem) said->bytes = data.len;
}
