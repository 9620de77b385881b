/* mock_openai.c - see mock_openai.h. Must never do I/O; keeps: a stream's events joined say what the whole reply says.
 */
#include "mock/mock_openai.h"

static void usage_write(struct text *text, const struct mock_prompt *prompt, const struct mock_answer *answer) {
    int64_t output = answer->output_tokens * prompt->choices;
    text_json_key(text, STR("usage"));
    text_put_byte(text, '{');
    text_json_i64(text, STR("prompt_tokens"), prompt->input_tokens);
    text_json_i64(text, STR("completion_tokens"), output);
    text_json_i64(text, STR("total_tokens"), prompt->input_tokens + output);
    text_put(text, STR(",\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0}"));
    text_printf(
        text,
        ",\"completion_tokens_details\":{\"reasoning_tokens\":%zu,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
        "\"rejected_prediction_tokens\":0}}",
        answer->reasoning_count * (size_t)prompt->choices);
}

static void logprob_write(struct text *text, struct str token) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("token"), token);
    text_put(text, STR(",\"logprob\":-0.1,\"bytes\":["));
    for (size_t i = 0; i < token.len; i++) {
        text_json_comma(text);
        text_put_u64(text, (unsigned char)token.at[i]);
    }
    text_put(text, STR("],\"top_logprobs\":[]}"));
}

static void logprobs_write(struct text *text, const struct mock_prompt *prompt, const struct str *tokens,
                           size_t count) {
    text_json_key(text, STR("logprobs"));
    if (!prompt->logprobs || prompt->legacy || count == 0) {
        text_put(text, STR("null"));
        return;
    }
    text_put(text, STR("{\"content\":["));
    for (size_t i = 0; i < count; i++) logprob_write(text, tokens[i]);
    text_put(text, STR("],\"refusal\":null}"));
}

static void call_write(struct text *text, const struct mock_tool_call *call, size_t index, bool in_stream) {
    text_json_comma(text);
    text_put_byte(text, '{');
    if (in_stream) text_json_u64(text, STR("index"), index);
    text_json_str(text, STR("id"), call->id);
    text_json_str(text, STR("type"), STR("function"));
    text_put(text, STR(",\"function\":{"));
    text_json_str(text, STR("name"), call->name);
    text_json_str(text, STR("arguments"), in_stream ? STR("") : call->arguments);
    text_put(text, STR("}}"));
}

static void message_write(struct text *text, const struct mock_answer *answer) {
    text_put(text, STR("\"message\":{\"role\":\"assistant\""));
    text_json_key(text, STR("content"));
    if (answer->call_count)
        text_put(text, STR("null"));
    else
        text_put_json(text, answer->content);
    if (answer->reasoning.len) text_json_str(text, STR("reasoning_content"), answer->reasoning);
    if (answer->call_count) {
        text_put(text, STR(",\"tool_calls\":["));
        for (size_t i = 0; i < answer->call_count; i++) call_write(text, &answer->calls[i], i, false);
        text_put_byte(text, ']');
    }
    text_put(text, STR(",\"refusal\":null,\"annotations\":[]}"));
}

static void opening_write(struct text *text, const struct mock_facts *facts, const struct mock_prompt *prompt,
                          struct str object) {
    text_put_byte(text, '{');
    text_json_str(text, STR("id"), facts->id);
    text_json_str(text, STR("object"), object);
    text_json_i64(text, STR("created"), facts->created_s);
    text_json_str(text, STR("model"), prompt->model);
}

void mock_openai_reply(struct text *text, const struct mock_facts *facts, const struct mock_prompt *prompt,
                       const struct mock_answer *answer) {
    opening_write(text, facts, prompt, prompt->legacy ? STR("text_completion") : STR("chat.completion"));
    text_put(text, STR(",\"choices\":["));
    for (int64_t i = 0; i < prompt->choices; i++) {
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_i64(text, STR("index"), i);
        text_put_byte(text, ',');
        if (prompt->legacy)
            text_json_str(text, STR("text"), answer->content);
        else
            message_write(text, answer);
        logprobs_write(text, prompt, answer->tokens, answer->token_count);
        text_json_str(text, STR("finish_reason"), answer->finish);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
    if (!facts->no_usage) usage_write(text, prompt, answer);
    if (!prompt->legacy) text_json_str(text, STR("service_tier"), STR("default"));
    text_json_str(text, STR("system_fingerprint"), STR("fp_mock"));
    text_put_byte(text, '}');
}

/* -- streams -- */

enum phase {
    phase_role,
    phase_reasoning,
    phase_content,
    phase_calls,
    phase_finish,
    phase_usage,
    phase_usage_again,
    phase_done,
    phase_over
};

void mock_stream_begin(struct mock_stream *stream, const struct mock_facts *facts, const struct mock_prompt *prompt,
                       const struct mock_answer *answer) {
    *stream = (struct mock_stream){
        .facts = facts, .prompt = prompt, .answer = answer, .phase = prompt->legacy ? phase_content : phase_role};
}

/* "data: {...,"choices":[{"index":0," */
static void event_open(struct text *text, const struct mock_stream *stream) {
    text_put(text, STR("data: "));
    opening_write(text, stream->facts, stream->prompt,
                  stream->prompt->legacy ? STR("text_completion") : STR("chat.completion.chunk"));
    if (!stream->prompt->legacy) text_json_str(text, STR("service_tier"), STR("default"));
    text_json_str(text, STR("system_fingerprint"), STR("fp_mock"));
    text_put(text, STR(",\"choices\":["));
}

static void choice_open(struct text *text, const struct mock_stream *stream) {
    event_open(text, stream);
    text_put_byte(text, '{');
    text_json_i64(text, STR("index"), stream->choice);
    text_put(text, stream->prompt->legacy ? STR(",") : STR(",\"delta\":{"));
}

static void choice_close(struct text *text, const struct mock_stream *stream, const struct str *token,
                         struct str finish) {
    if (!stream->prompt->legacy) text_put_byte(text, '}');
    logprobs_write(text, stream->prompt, token, token ? 1 : 0);
    text_json_key(text, STR("finish_reason"));
    if (finish.len)
        text_put_json(text, finish);
    else
        text_put(text, STR("null"));
    text_put(text, STR("}]"));
    if (stream->prompt->include_usage && !stream->facts->no_usage) text_put(text, STR(",\"usage\":null"));
    text_put(text, STR("}\n\n"));
}

static void role_write(struct text *text, const struct mock_stream *stream) {
    choice_open(text, stream);
    text_put(text, STR("\"role\":\"assistant\""));
    text_put(text, stream->answer->call_count ? STR(",\"content\":null") : STR(",\"content\":\"\""));
    text_put(text, STR(",\"refusal\":null"));
    choice_close(text, stream, NULL, STR(""));
}

/* Of one call: its name, then its arguments in pieces of eight bytes at most. */
enum { argument_bytes = 8 };
static size_t call_events(const struct mock_tool_call *call) {
    return 1 + (call->arguments.len + argument_bytes - 1) / argument_bytes;
}

static void call_piece_write(struct text *text, const struct mock_stream *stream) {
    const struct mock_answer *answer = stream->answer;
    size_t at = stream->at, index = 0;
    while (at >= call_events(&answer->calls[index])) at -= call_events(&answer->calls[index++]);
    choice_open(text, stream);
    text_put(text, STR("\"tool_calls\":["));
    if (at == 0) {
        call_write(text, &answer->calls[index], index, true);
    } else {
        struct str arguments = answer->calls[index].arguments;
        text_printf(text, "{\"index\":%zu,\"function\":{", index);
        size_t from = (at - 1) * argument_bytes, to = from + argument_bytes;
        while (from && from < arguments.len && ((unsigned char)arguments.at[from] & 0xc0) == 0x80) from--;
        while (to < arguments.len && ((unsigned char)arguments.at[to] & 0xc0) == 0x80) to--;
        text_json_str(text, STR("arguments"), str_slice(arguments, from, to));
        text_put(text, STR("}}"));
    }
    text_put_byte(text, ']');
    choice_close(text, stream, NULL, STR(""));
}

static void token_write(struct text *text, const struct mock_stream *stream) {
    bool reasoning = stream->phase == phase_reasoning;
    const struct str *token =
        reasoning ? &stream->answer->reasoning_tokens[stream->at] : &stream->answer->tokens[stream->at];
    choice_open(text, stream);
    text_json_str(text,
                  stream->prompt->legacy ? STR("text")
                  : reasoning            ? STR("reasoning_content")
                                         : STR("content"),
                  *token);
    choice_close(text, stream, reasoning ? NULL : token, STR(""));
}

static void finish_write(struct text *text, const struct mock_stream *stream) {
    choice_open(text, stream);
    if (stream->prompt->legacy) text_put(text, STR("\"text\":\"\""));
    choice_close(text, stream, NULL, stream->answer->finish);
}

static void usage_event_write(struct text *text, const struct mock_stream *stream) {
    event_open(text, stream);
    text_put_byte(text, ']');
    usage_write(text, stream->prompt, stream->answer);
    text_put(text, STR("}\n\n"));
}

/* How many events a phase has for each choice. */
static size_t phase_events(const struct mock_stream *stream) {
    const struct mock_answer *answer = stream->answer;
    bool usage = stream->prompt->include_usage && !stream->facts->no_usage;
    size_t calls = 0;
    switch ((enum phase)stream->phase) {
    case phase_reasoning: return stream->prompt->legacy ? 0 : answer->reasoning_count;
    case phase_content: return answer->token_count;
    case phase_calls:
        for (size_t i = 0; i < answer->call_count; i++) calls += call_events(&answer->calls[i]);
        return calls;
    case phase_usage: return usage ? 1 : 0;
    case phase_usage_again: return usage && stream->facts->double_usage ? 1 : 0;
    default: return 1;
    }
}

static bool phase_by_choice(int phase) { return phase < phase_usage; }

bool mock_stream_next(struct mock_stream *stream, struct text *text, bool *is_token) {
    while (stream->phase != phase_over && stream->at >= phase_events(stream)) {
        stream->at = 0;
        if (phase_by_choice(stream->phase) && ++stream->choice < stream->prompt->choices) continue;
        stream->choice = 0;
        stream->phase++;
    }
    *is_token = stream->phase == phase_reasoning || stream->phase == phase_content || stream->phase == phase_calls;
    switch ((enum phase)stream->phase) {
    case phase_role: role_write(text, stream); break;
    case phase_reasoning:
    case phase_content: token_write(text, stream); break;
    case phase_calls: call_piece_write(text, stream); break;
    case phase_finish: finish_write(text, stream); break;
    case phase_usage:
    case phase_usage_again: usage_event_write(text, stream); break;
    case phase_done: text_put(text, STR("data: [DONE]\n\n")); break;
    case phase_over: return false;
    }
    stream->at++;
    stream->events++;
    return true;
}

/* -- errors -- */

static void or_null_put(struct text *text, struct str name, struct str value) {
    text_json_key(text, name);
    if (value.len)
        text_put_json(text, value);
    else
        text_put(text, STR("null"));
}

static void mock_openai_error_put(struct text *text, const char *message, struct str type, struct str param,
                                  struct str code) {
    text_put(text, STR("{\"error\":{"));
    text_json_str(text, STR("message"), str_from(message));
    text_json_str(text, STR("type"), type);
    or_null_put(text, STR("param"), param);
    or_null_put(text, STR("code"), code);
    text_put(text, STR("}}"));
}

void mock_openai_error(struct text *text, int status, const char *message, struct str param) {
    static const struct {
        int status;
        struct str type, code;
        const char *message;
    } known[] = {
        {400, STR("invalid_request_error"), STR(""), "The mock was asked to refuse this request."},
        {401, STR("invalid_request_error"), STR("invalid_api_key"),
         "Incorrect API key provided. You can find your API key in the mock's options."},
        {403, STR("invalid_request_error"), STR("unsupported_country_region_territory"),
         "Country, region, or territory not supported."},
        {404, STR("invalid_request_error"), STR("model_not_found"),
         "The model does not exist or you do not have access to it."},
        {413, STR("invalid_request_error"), STR(""), "The request is too large."},
        {422, STR("invalid_request_error"), STR(""), "The request could not be processed."},
        {429, STR("requests"), STR("rate_limit_exceeded"), "Rate limit reached for requests."},
        {500, STR("server_error"), STR(""), "The server had an error while processing your request."},
        {503, STR("server_error"), STR(""), "The engine is currently overloaded, please try again later."},
    };
    size_t i = 0;
    while (i + 1 < sizeof known / sizeof *known && known[i].status != status) i++;
    if (known[i].status != status) i = status >= 500 ? 7 : 0;
    bool path = status == 404 && message; /* a path that is not there is no model */
    mock_openai_error_put(text, message ? message : known[i].message, known[i].type, param,
                          path ? STR("") : known[i].code);
}

void mock_openai_refusal(struct text *text, const char *message, struct str param, struct str code) {
    mock_openai_error_put(text, message, STR("invalid_request_error"), param, code);
}
