/* openai_reply.c - usage, errors and stream events of every vendor that speaks OpenAI's format, read without building
 * them. What differs between vendors is a row of a table, not a branch. */
#include <string.h>

#include "base/text.h"
#include "dialect/openai.h"
#include "dialect/skim.h"

/* -- usage ------------------------------------------------------------------------------------------------------------
 */

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
    {STR("completion_tokens_details"), STR("reasoning_tokens"), offsetof(struct usage, reasoning_tokens)},
    {STR("output_tokens_details"), STR("reasoning_tokens"), offsetof(struct usage, reasoning_tokens)},
};

static void count_take(struct usage *usage, struct str inside, const struct skim_token *token) {
    int64_t value;
    if (token->kind != skim_number || !skim_to_i64(token->value, &value) || value < 0) return;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (str_eq(counts[i].inside, inside) && skim_is(token->key, counts[i].key))
            memcpy((char *)usage + counts[i].field, &value, sizeof value);
}

/* Dollars as a decimal to nano-dollars (OpenRouter's usage.cost). */
static int64_t nano_usd(struct str value) {
    double dollars;
    return str_to_double(value, &dollars) && dollars >= 0 && dollars < 9e9 ? (int64_t)(dollars * 1e9 + 0.5) : -1;
}

/* `object` is checked JSON. */
static void usage_read(struct str object, struct usage *usage) {
    struct skim skim;
    struct str inside = STR("");
    int64_t total = -1;
    skim_begin(&skim, object, 2);
    for (struct skim_token token = skim_next(&skim); token.kind > skim_error; token = skim_next(&skim)) {
        if (token.depth == 1) inside = token.kind == skim_object ? token.key : STR("");
        if (token.depth == 1 && token.kind == skim_number) {
            count_take(usage, STR(""), &token);
            if (skim_is(token.key, STR("total_tokens"))) skim_to_i64(token.value, &total);
            if (skim_is(token.key, STR("cost"))) usage->cost_nano_usd = nano_usd(token.value);
        } else if (token.depth == 2) {
            count_take(usage, inside, &token);
        }
    }
    /* xAI leaves reasoning out of completion_tokens; the total tells */
    if (total > 0 && usage->input_tokens >= 0 && usage->output_tokens >= 0 && usage->reasoning_tokens > 0 &&
        usage->input_tokens + usage->output_tokens + usage->reasoning_tokens == total)
        usage->output_tokens += usage->reasoning_tokens;
}

/* -- whole replies ----------------------------------------------------------------------------------------------------
 */

bool openai_reply_read(struct str body, struct usage *usage, bool *is_error) {
    struct skim skim;
    struct usage read = USAGE_NONE;
    bool choice_error = false, in_choices = false;
    *is_error = false;
    skim_begin(&skim, body, 3);
    for (;;) {
        struct skim_token token = skim_next(&skim);
        if (token.kind == skim_error) return false;
        if (token.kind == skim_end) break;
        if (token.kind == skim_close) continue;
        if (token.depth == 0 && token.kind != skim_object) return false; /* JSON, but no reply of this API */
        if (token.depth == 1) {
            in_choices = token.kind == skim_array && skim_is(token.key, STR("choices"));
            if (skim_is(token.key, STR("error")) && token.kind != skim_null) *is_error = true;
            if (token.kind == skim_object && skim_is(token.key, STR("usage"))) {
                size_t from = (size_t)(token.value.at - body.at);
                usage_read(str_slice(body, from, body.len), &read); /* ends at its own brace */
            }
        } else if (token.depth == 3 && in_choices && skim_is(token.key, STR("error")) && token.kind == skim_object) {
            choice_error = true;
        }
    }
    if (choice_error) *is_error = true;
    *usage = read;
    return true;
}

/* -- errors -----------------------------------------------------------------------------------------------------------
 */

enum { said_max = 1024 };

static struct str said(const struct skim_token *token, struct arena *arena) {
    struct str value = token->kind == skim_string ? skim_inside(token->value) : token->value, plain;
    if (token->kind == skim_null) return STR("");
    if (token->kind != skim_string || !skim_unescape(value, arena, &plain)) plain = value;
    return str_slice(plain, 0, said_max);
}

static void error_member(struct openai_error *error, const struct skim_token *token, struct arena *arena) {
    static const struct {
        struct str key;
        size_t field;
    } members[] = {
        {STR("message"), offsetof(struct openai_error, message)},
        {STR("detail"), offsetof(struct openai_error, message)},
        {STR("type"), offsetof(struct openai_error, type)},
        {STR("code"), offsetof(struct openai_error, code)},
        {STR("param"), offsetof(struct openai_error, param)},
    };
    if (token->kind == skim_close) return;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (skim_is(token->key, members[i].key))
            *(struct str *)(void *)((char *)error + members[i].field) = said(token, arena);
}

void openai_error_read(struct str body, struct arena *arena, struct openai_error *error) {
    struct skim skim;
    bool inside = false;
    *error = (struct openai_error){STR(""), STR(""), STR(""), STR("")};
    skim_begin(&skim, body, 2);
    for (;;) {
        struct skim_token token = skim_next(&skim);
        if (token.kind == skim_end) return;
        if (token.kind == skim_error) { /* plain text, a page: its first line */
            size_t end = str_find_byte(body, '\n');
            if (error->message.len == 0) error->message = str_trim(str_slice(body, 0, end < 200 ? end : 200));
            return;
        }
        if (token.depth == 1) {
            inside = token.kind == skim_object && skim_is(token.key, STR("error"));
            if (token.kind == skim_string && skim_is(token.key, STR("error")))
                error->message = said(&token, arena);
            else if (!inside)
                error_member(error, &token, arena);
        } else if (token.depth == 2 && inside) {
            error_member(error, &token, arena);
        }
    }
}

void openai_error_write(struct text *text, enum error_code code, struct str message, struct str param,
                        struct str request_id, int64_t retry_after_ms, unsigned attempts) {
    const struct error_facts *facts = error_facts(code);
    text_put(text, STR("{\"error\":{"));
    text_json_str(text, STR("message"), message);
    text_json_str(text, STR("type"), facts->openai_type);
    text_json_key(text, STR("param"));
    if (str_empty(param))
        text_put(text, STR("null"));
    else
        text_put_json(text, param);
    text_json_str(text, STR("code"), facts->name);
    text_put(text, STR(",\"weir\":{"));
    text_json_str(text, STR("category"), facts->category);
    if (request_id.len) text_json_str(text, STR("request_id"), request_id);
    text_json_key(text, STR("retry_after_ms"));
    if (retry_after_ms >= 0)
        text_put_i64(text, retry_after_ms);
    else
        text_put(text, STR("null"));
    text_json_u64(text, STR("attempts"), attempts);
    text_put(text, STR("}}}"));
}

/* -- stream events ----------------------------------------------------------------------------------------------------
 */

/* Members of a delta that carry what a caller waits for, when they are not empty. */
static const struct str token_members[] = {
    STR("content"),    STR("reasoning_content"), STR("reasoning"), STR("reasoning_details"),
    STR("tool_calls"), STR("refusal"),           STR("audio"),     STR("function_call")};

static bool carries(const struct skim_token *token) {
    bool filled = token->kind == skim_string
                      ? token->value.len > 2
                      : (token->kind == skim_array || token->kind == skim_object) && token->value.len > 2;
    if (!filled) return false;
    for (size_t i = 0; i < sizeof token_members / sizeof *token_members; i++)
        if (skim_is(token->key, token_members[i])) return true;
    return false;
}

struct event_reading {
    bool choices, has_choice, usage, error, token, finish, finish_error, chunk;
};

/* Depths: 1 top members, 2 a choice, 3 a choice's members, 4 the delta's. */
static void member_read(struct event_reading *seen, const struct skim_token *token, struct str *top,
                        struct str *third) {
    if (token->depth == 1) *top = token->key;
    if (token->depth == 1 && skim_is(token->key, STR("error")) && token->kind != skim_null) seen->error = true;
    if (token->depth == 1 && skim_is(token->key, STR("choices"))) seen->choices = true;
    if (!skim_is(*top, STR("choices"))) return;
    if (token->depth == 2) seen->has_choice = true;
    if (token->depth == 3) {
        *third = token->key;
        if (skim_is(token->key, STR("finish_reason")) && token->kind == skim_string) {
            seen->finish = true;
            seen->finish_error = str_eq(token->value, STR("\"error\""));
        }
        if (skim_is(token->key, STR("text")) && token->kind == skim_string && token->value.len > 2) seen->token = true;
        if (skim_is(token->key, STR("error")) && token->kind == skim_object) seen->error = true;
    } else if (token->depth == 4 && (skim_is(*third, STR("delta")) || skim_is(*third, STR("message"))) &&
               carries(token)) {
        seen->token = true;
    }
}

enum openai_event_kind openai_event_read(struct str event, struct str data, struct usage *usage) {
    struct event_reading seen = {.choices = false};
    struct skim skim;
    struct str top = STR(""), third = STR("");
    bool object = false;
    data = str_trim(data);
    if (str_eq(data, STR("[DONE]"))) return openai_event_done;
    skim_begin(&skim, data, 4);
    for (;;) {
        struct skim_token token = skim_next(&skim);
        if (token.kind == skim_error) return openai_event_malformed;
        if (token.kind == skim_end) break;
        if (token.kind == skim_close) continue;
        if (token.depth == 0) object = token.kind == skim_object;
        member_read(&seen, &token, &top, &third);
        bool usage_here = token.kind == skim_object && skim_is(token.key, STR("usage")) &&
                          (token.depth == 1 || (token.depth == 2 && skim_is(top, STR("x_groq"))));
        if (!usage_here) continue;
        size_t from = (size_t)(token.value.at - data.at);
        usage_read(str_slice(data, from, data.len), usage);
        if (token.depth == 1) seen.usage = true;
    }
    if (!object) return openai_event_malformed;
    if (seen.error || seen.finish_error || str_eq(event, STR("error"))) return openai_event_error;
    if (seen.finish) return openai_event_finish;
    if (seen.token) return openai_event_token;
    if (seen.usage && !seen.has_choice) return openai_event_usage;
    if (!seen.choices && event.len)
        return openai_event_token; /* events of other endpoints: image_generation.partial_image */
    return openai_event_empty;
}
