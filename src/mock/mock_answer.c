/* mock_answer.c - see mock_answer.h. Must never do I/O; keeps: the tokens joined are the content. */
#include "mock/mock_answer.h"

#include "base/prng.h"
#include "base/text.h"
#include "mock/mock_schema.h"

enum { said_bytes_max = 4096, token_bytes_max = 12, words = 16 };

static const struct str filler[words] = {
    STR("river"), STR("over"), STR("stone"), STR("and"),   STR("water"), STR("falls"), STR("slowly"), STR("past"),
    STR("the"),   STR("mill"), STR("while"), STR("light"), STR("moves"), STR("under"), STR("every"),  STR("bridge")};

/* Not inside a UTF-8 character. */
static size_t character_floor(struct str s, size_t at) {
    while (s.at && at > 0 && at < s.len && ((unsigned char)s.at[at] & 0xc0) == 0x80) at--;
    return at;
}

static size_t token_length(struct str rest) {
    size_t len = rest.len && rest.at[0] == ' ' ? 1 : 0;
    while (len < rest.len && rest.at[len] != ' ' && len < token_bytes_max) len++;
    size_t whole = character_floor(rest, len);
    return whole ? whole : len;
}

/* Cuts `text` into tokens; twice over it: to count, then to keep. */
static bool tokens_cut(struct str text, struct arena *arena, struct str **tokens, size_t *count) {
    size_t found = 0;
    for (size_t at = 0; at < text.len; found++) at += token_length(str_slice(text, at, text.len));
    *tokens = arena_take(arena, (found ? found : 1) * sizeof **tokens);
    *count = found;
    if (!*tokens) return false;
    size_t at = 0;
    for (size_t i = 0; i < found; i++) {
        size_t len = token_length(str_slice(text, at, text.len));
        (*tokens)[i] = str_slice(text, at, at + len);
        at += len;
    }
    return true;
}

static void sentence_write(struct text *text, const struct mock_prompt *prompt) {
    struct str said =
        str_slice(prompt->text, 0,
                  character_floor(prompt->text, said_bytes_max < prompt->text.len ? said_bytes_max : prompt->text.len));
    text_put(text, prompt->from_tool ? STR("The tool said: ") : STR("You said: "));
    text_put(text, said);
    if (prompt->has_image) text_put(text, STR(" An image was given."));
    if (prompt->has_audio) text_put(text, STR(" Audio was given."));
    if (prompt->has_file) text_put(text, STR(" A file was given."));
}

static struct str content_make(const struct mock_prompt *prompt, const struct mock_options *options, struct str echo,
                               struct arena *arena) {
    struct text text = text_in_arena(arena, 256);
    if (echo.len) return echo;
    struct text plain = text_in_arena(arena, 256);
    sentence_write(&plain, prompt);
    if (prompt->wants_json && prompt->schema) {
        mock_schema_write(&text, prompt->schema, text_str(&plain));
    } else if (prompt->wants_json) {
        text_put_byte(&text, '{');
        text_json_str(&text, STR("answer"), text_str(&plain));
        text_put_byte(&text, '}');
    } else {
        text_put(&text, text_str(&plain));
    }
    if (options->tokens > 0 && !prompt->wants_json) { /* more than enough; cut to the number afterwards */
        struct prng prng;
        prng_seed(&prng, str_hash(prompt->text) ^ options->seed);
        for (int64_t i = 0; i < options->tokens; i++) {
            text_put_byte(&text, ' ');
            text_put(&text, filler[prng_below(&prng, words)]);
        }
    }
    return text.failed || plain.failed ? STR_NONE : text_str(&text);
}

static unsigned char mock_answer_lower(char c) { return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

static bool mentions(struct str text, struct str word) {
    for (size_t from = 0; word.len && from + word.len <= text.len; from++) {
        size_t same = 0;
        while (same < word.len && mock_answer_lower(text.at[from + same]) == mock_answer_lower(word.at[same])) same++;
        if (same == word.len) return true;
    }
    return false;
}

/* The name itself, or one of its longer words: "weather" asks for get_weather. */
static bool asks_for(struct str text, struct str name) {
    struct str rest = name, piece;
    if (mentions(text, name)) return true;
    while (str_split_next(&rest, '_', &piece))
        if (piece.len >= 4 && mentions(text, piece)) return true;
    return false;
}

static void mock_answer_call_add(struct mock_answer *answer, const struct json_value *function,
                                 const struct mock_prompt *prompt, struct arena *arena) {
    struct text arguments = text_in_arena(arena, 128);
    struct mock_tool_call *call = &answer->calls[answer->call_count];
    struct str name = json_str(json_member(function, "name"), STR(""));
    mock_schema_write(&arguments, json_member(function, "parameters"), STR("example"));
    call->name = name;
    call->arguments = text_str(&arguments);
    call->id = arena_printf(arena, "call_mock_%zu_%08x", answer->call_count,
                            (unsigned)(str_hash(prompt->text) ^ str_hash(name)));
    answer->call_count++;
}

static void calls_make(const struct mock_prompt *prompt, struct arena *arena, struct mock_answer *answer) {
    const struct json_value *first = NULL;
    size_t place = 0;
    if (!prompt->tools || prompt->from_tool || prompt->tool_choice == mock_tool_none) return;
    for (const struct json_value *tool;
         answer->call_count < mock_tool_calls_max && (tool = json_each(prompt->tools, &place, NULL));) {
        const struct json_value *function = json_member(tool, "function");
        struct str name = json_str(json_member(function, "name"), STR(""));
        if (!function) continue;
        if (!first) first = function;
        bool wanted =
            prompt->tool_choice == mock_tool_named ? str_eq(name, prompt->tool_named) : asks_for(prompt->text, name);
        if (wanted) mock_answer_call_add(answer, function, prompt, arena);
    }
    bool wanted = prompt->tool_choice == mock_tool_required ||
                  (prompt->tool_choice == mock_tool_auto && mentions(prompt->text, STR("tool")));
    if (answer->call_count == 0 && first && wanted) mock_answer_call_add(answer, first, prompt, arena);
}

/* Cuts at the first stop word and at the most tokens; answers why it ended. */
static bool content_cut(const struct mock_prompt *prompt, const struct mock_options *options, struct arena *arena,
                        struct mock_answer *answer) {
    answer->finish = STR("stop");
    for (size_t i = 0; i < prompt->stop_count; i++) {
        size_t at = prompt->stops[i].len ? str_find(answer->content, prompt->stops[i]) : SIZE_MAX;
        if (at != SIZE_MAX) answer->content = str_slice(answer->content, 0, at);
    }
    if (!tokens_cut(answer->content, arena, &answer->tokens, &answer->token_count)) return false;
    if (options->tokens > 0 && answer->token_count > (size_t)options->tokens && !prompt->wants_json)
        answer->token_count = (size_t)options->tokens;
    if (prompt->max_tokens >= 0 && answer->token_count > (size_t)prompt->max_tokens) {
        answer->token_count = (size_t)prompt->max_tokens;
        answer->finish = STR("length");
    }
    size_t len = 0;
    for (size_t i = 0; i < answer->token_count; i++) len += answer->tokens[i].len;
    answer->content = str_slice(answer->content, 0, len);
    return true;
}

bool mock_answer_make(const struct mock_prompt *prompt, const struct mock_options *options, struct str echo,
                      struct arena *arena, struct mock_answer *answer) {
    *answer = (struct mock_answer){.content = STR(""), .reasoning = STR(""), .finish = STR("tool_calls")};
    if (mentions(prompt->model, STR("reason")))
        answer->reasoning = STR("The question was read and an answer was thought of.");
    if (!tokens_cut(answer->reasoning, arena, &answer->reasoning_tokens, &answer->reasoning_count)) return false;
    if (!echo.len) calls_make(prompt, arena, answer);
    if (answer->call_count == 0) {
        answer->content = content_make(prompt, options, echo, arena);
        if (!answer->content.at || !content_cut(prompt, options, arena, answer)) return false;
    }
    answer->output_tokens = (int64_t)(answer->token_count + answer->reasoning_count);
    for (size_t i = 0; i < answer->call_count; i++)
        answer->output_tokens += (int64_t)(answer->calls[i].arguments.len + 3) / 4 + 4;
    return true;
}
